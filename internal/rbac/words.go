package rbac

import (
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Resources that permissions are about, as Argo CD spells them in policies and in account can-i.
const (
	Applications      = "applications"
	ApplicationSets   = "applicationsets"
	Clusters          = "clusters"
	Projects          = "projects"
	Repositories      = "repositories"
	WriteRepositories = "write-repositories"
	Accounts          = "accounts"
	Certificates      = "certificates"
	GPGKeys           = "gpgkeys"
	Logs              = "logs"
	Exec              = "exec"
	Extensions        = "extensions"
)

// Actions. Update, Delete and Act continue with a path: see Within and ActionOn.
const (
	Get      = "get"
	Create   = "create"
	Update   = "update"
	Delete   = "delete"
	Sync     = "sync"
	Rollback = "rollback"
	Override = "override"
	Act      = "action"
	Invoke   = "invoke"
)

// Words are the resources and actions that exist, in the order in which Argo CD's account can-i lists them.
func Words() (resources, actions []string) {
	return []string{Clusters, Projects, Applications, ApplicationSets, Repositories, WriteRepositories, Certificates, Accounts, GPGKeys, Logs, Exec, Extensions},
		[]string{Get, Create, Update, Delete, Sync, Rollback, Override, Act, Invoke}
}

// Object is how an application, an ApplicationSet, its logs or a terminal into it are named in a policy:
// project/name when it lives in home, our own namespace, or its namespace is not given; else project/namespace/name.
func Object(project, namespace, name, home string) string {
	if namespace == "" || home == "" || namespace == home {
		return project + "/" + name
	}
	return project + "/" + namespace + "/" + name
}

// Scoped is how a cluster or a repository is named in a policy: its address, after project/ when it belongs to one.
func Scoped(project, address string) string {
	if project == "" {
		return address
	}
	return project + "/" + address
}

// A Kind names one object of an application's, for fine-grained permissions. Cluster-scoped: no namespace.
type Kind struct{ Group, Kind, Namespace, Name string }

// Within is the action that changes or deletes (Update, Delete) one object of an application: update/group/kind/ns/name.
func Within(action string, k Kind) string {
	return action + "/" + k.Group + "/" + k.Kind + "/" + k.Namespace + "/" + k.Name
}

// Part reads what Within writes; ok is false for an action that is about an application as a whole.
func Part(action string) (verb string, k Kind, ok bool) {
	p := strings.Split(action, "/")
	if len(p) != 5 || p[0] != Update && p[0] != Delete {
		return "", k, false
	}
	return p[0], Kind{p[1], p[2], p[3], p[4]}, true
}

// ActionOn is the action that runs a resource action: action/group/kind/name.
func ActionOn(group, kind, name string) string { return Act + "/" + group + "/" + kind + "/" + name }

// projectRoleResources are those that the roles of a project may speak about.
var projectRoleResources = []string{Applications, ApplicationSets, Repositories, Clusters, Logs, Exec}

// ScopedToProject reports whether objects of that resource are named project/…, so that "*" stands for "*/*" in
// `admin settings rbac can`.
func ScopedToProject(resource string) bool { return slices.Contains(projectRoleResources, resource) }

// projectOf is the project whose roles count for an object, or "". Clusters and repositories of no project have
// addresses, whose first part is no project's name. (Argo CD's server/rbacpolicy decides by the same words.)
func projectOf(resource, object string) string {
	switch {
	case resource == Projects:
		return object
	case ScopedToProject(resource):
		if project, _, found := strings.Cut(object, "/"); found {
			return project
		}
	}
	return ""
}

// projectSubject reads the subject of a project role's token: proj:PROJECT:ROLE.
func projectSubject(subject string) (project, role string, ok bool) {
	parts := strings.Split(subject, ":")
	if len(parts) != 3 || parts[0] != "proj" {
		return "", "", false
	}
	return parts[1], parts[2], true
}

// ResourceNamed resolves the short names that `admin settings rbac can` accepts (app, proj, repo, …); others stay.
func ResourceNamed(name string) string {
	short := map[string]string{
		"account": Accounts, "app": Applications, "apps": Applications, "application": Applications,
		"cert": Certificates, "certs": Certificates, "certificate": Certificates, "cluster": Clusters,
		"extension": Extensions, "gpgkey": GPGKeys, "key": GPGKeys, "log": Logs,
		"proj": Projects, "projs": Projects, "project": Projects,
		"repo": Repositories, "repos": Repositories, "repository": Repositories,
	}
	if long, ok := short[name]; ok {
		return long
	}
	return name
}

// CheckWords tells whether a resource has that action; it is nil or a problem of kind Invalid. The table is that of
// Argo CD's manual, with paths after update, delete and action of applications.
func CheckWords(resource, action string) error {
	four, three := []string{Get, Create, Update, Delete}, []string{Get, Create, Delete}
	known := map[string][]string{
		Applications:    {Get, Create, Update, Delete, Sync, Rollback, Override, Act},
		ApplicationSets: four, Clusters: four, Projects: four, Repositories: four, WriteRepositories: four,
		Accounts: {Get, Create, Update}, Certificates: append(three, Update), GPGKeys: three, Logs: {Get}, Exec: {Create}, Extensions: {Invoke},
	}
	actions, ok := known[resource]
	if !ok {
		return problem.New(problem.Invalid, "'%s' is not a valid resource name", resource)
	}
	verb, _, path := strings.Cut(action, "/")
	if !slices.Contains(actions, verb) || path && (resource != Applications || verb != Update && verb != Delete && verb != Act) {
		return problem.New(problem.Invalid, "'%s' is not a valid action for %s", action, resource)
	}
	return nil
}
