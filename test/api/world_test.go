package api_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server"
	"github.com/hawser-cd/hawser/internal/server/argocd"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// thing is what requests are about: one of each kind of record belongs to it, unless it is missing.
type thing struct {
	label   string // own, foreign, missing
	project string // its project; empty when it is missing
	target  string // namespace that its application deploys to
	repoURL string // of its application
	canary  string // how its secrets begin
}

func (x thing) exists() bool    { return x.project != "" }
func (x thing) app() string     { return x.label + "-app" }
func (x thing) set() string     { return x.label + "-set" }
func (x thing) account() string { return x.label + "-account" }
func (x thing) server() string  { return "https://127.0.0.1:1/" + x.label }
func (x thing) repo() string    { return "https://127.0.0.1:1/" + x.label + "/repo.git" }
func (x thing) creds() string   { return "https://127.0.0.1:2/" + x.label }
func (x thing) ofProject() string {
	if x.exists() {
		return x.project
	}
	return x.label + "-project"
}

// names are all names that only requests about the thing hold, the longest first; that of its project is among them when
// projects are what they are about.
func (x thing) names(resource string) []string {
	list := []string{x.repoURL, x.repo(), x.server(), x.creds(), x.target, x.app(), x.set(), x.label + "-cluster"}
	switch resource {
	case rbac.Projects:
		list = append(list, x.ofProject())
	case rbac.Accounts:
		list = append(list, x.account())
	}
	return list
}

const (
	mine   = "own-project"
	theirs = "foreign-project"
)

// furnish makes the records of two projects, own and foreign, and a thing that there is not.
func (h *house) furnish(t *testing.T) []thing {
	t.Helper()
	things := []thing{{label: "own", project: mine}, {label: "foreign", project: theirs}, {label: "missing", target: "nowhere", repoURL: h.git.URL + "/missing.git"}}
	for i := range things[:2] {
		h.furnishOne(t, &things[i], map[string]string{"cm.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}`})
	}
	return things
}

// furnishOne makes the records of one thing, whose application deploys files.
func (h *house) furnishOne(t *testing.T, x *thing, files map[string]string) {
	t.Helper()
	x.target = h.Namespace(t)
	x.repoURL = h.git.Repo(t, x.label, files).URL
	var records strings.Builder
	for _, record := range []any{x.projectRecord(), x.application(x.project, h.control), x.applicationSet(x.project, h.control)} {
		data, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&records, "%s\n---\n", data)
	}
	h.Apply(t, h.control, records.String())
	h.register(t, *x)
	h.eventually(t, "admin", "/api/v1/applications/"+x.app(), `"sync":{"status":"Synced"`)
	h.eventually(t, "admin", "/api/v1/applications/"+x.app(), `"phase":"Succeeded"`)
	h.eventually(t, "admin", "/api/v1/applications/"+x.app(), `"health":{"status":"Healthy"`)
	h.eventually(t, "admin", "/api/v1/applicationsets/"+x.set(), x.set())
	h.eventually(t, "admin", "/api/v1/projects/"+x.project, x.project)
}

// secret is a value that nobody may be shown. site says where it stands.
func (x thing) secret(site string) string { return x.canary + "secret-" + site }

// register makes the Secrets of a thing, unless they are there, and waits until they are known.
func (h *house) register(t *testing.T, x thing) {
	t.Helper()
	var records strings.Builder
	repository := map[string]string{"type": "git", "url": x.repo(), "project": x.project, "username": "robot"}
	creds := map[string]string{"type": "git", "url": x.creds(), "username": "robot"}
	for _, key := range []string{"password", "bearerToken", "sshPrivateKey", "tlsClientCertData", "tlsClientCertKey", "githubAppPrivateKey", "gcpServiceAccountKey", "azureServicePrincipalClientSecret"} {
		if x.canary != "" || key == "password" {
			repository[key], creds[key] = x.secret("repository-"+key), x.secret("creds-"+key)
		}
	}
	config := `{"bearerToken":"` + x.secret("cluster-token") + `"}`
	if x.canary != "" {
		repository["proxy"] = "http://user:" + x.secret("repository-proxy") + "@127.0.0.1:3"
		config = `{"username":"robot","password":"` + x.secret("cluster-password") + `","tlsClientConfig":{"keyData":"` + base64.StdEncoding.EncodeToString([]byte(x.secret("cluster-key"))) + `"},
			"execProviderConfig":{"command":"/bin/false","apiVersion":"client.authentication.k8s.io/v1","env":{"TOKEN":"` + x.secret("cluster-env") + `"},"args":["` + x.secret("cluster-argument") + `"]}}`
	}
	for kind, fields := range map[string]map[string]string{
		"repository": repository, "repository-write": repository, "repo-creds": creds, "repo-write-creds": creds,
		"cluster": {"name": x.label + "-cluster", "server": x.server(), "project": x.project, "config": config},
	} {
		record := map[string]any{"apiVersion": "v1", "kind": "Secret", "stringData": fields}
		applied, _ := json.Marshal(record)
		record["metadata"] = map[string]any{"name": kind + "-" + x.label, "labels": map[string]string{"argocd.argoproj.io/secret-type": kind},
			"annotations": map[string]string{"managed-by": "argocd.argoproj.io", "kubectl.kubernetes.io/last-applied-configuration": string(applied)}}
		data, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&records, "%s\n---\n", data)
	}
	h.Apply(t, h.control, records.String())
	for _, path := range []string{"repositories", "write-repositories", "repocreds", "write-repocreds", "clusters"} {
		h.eventually(t, "admin", "/api/v1/"+path, "/"+x.label)
	}
}

// hold is a finalizer that nobody takes away: what is deleted stays, so that later calls find what earlier ones found.
const hold = "matrix.test/hold"

func (x thing) projectRecord() *v1alpha1.AppProject {
	p := &v1alpha1.AppProject{Spec: v1alpha1.AppProjectSpec{
		SourceRepos: []string{"*"}, Destinations: []v1alpha1.ApplicationDestination{{Server: "*", Namespace: "*"}},
		Roles: []v1alpha1.ProjectRole{{Name: "ci", Policies: []string{"p, proj:" + x.ofProject() + ":ci, applications, *, " + x.ofProject() + "/*, allow", "p, proj:" + x.ofProject() + ":ci, clusters, get, " + x.ofProject() + "/*, allow"}}},
	}}
	p.APIVersion, p.Kind, p.Name = v1alpha1.APIVersion, v1alpha1.KindAppProject, x.ofProject()
	p.Finalizers = []string{hold}
	return p
}

func (x thing) application(project, namespace string) *v1alpha1.Application {
	a := &v1alpha1.Application{Spec: v1alpha1.ApplicationSpec{
		Project: project, Source: x.source(), Destination: v1alpha1.ApplicationDestination{Server: v1alpha1.InClusterServer, Namespace: x.target},
		SyncPolicy: &v1alpha1.SyncPolicy{Automated: &v1alpha1.SyncPolicyAutomated{}},
	}}
	a.APIVersion, a.Kind, a.Name, a.Namespace = v1alpha1.APIVersion, v1alpha1.KindApplication, x.app(), namespace
	a.Finalizers = []string{hold}
	return a
}

func (x thing) source() *v1alpha1.ApplicationSource {
	return &v1alpha1.ApplicationSource{RepoURL: x.repoURL, Path: ".", TargetRevision: "HEAD"}
}

func (x thing) applicationSet(project, namespace string) *v1alpha1.ApplicationSet {
	s := &v1alpha1.ApplicationSet{}
	text := `{"spec":{"goTemplate":true,"generators":[{"list":{"elements":[]}}],"template":{"metadata":{"name":"generated"},"spec":{"project":"` + project + `",
		"source":{"repoURL":"` + x.repoURL + `","path":"x"},"destination":{"server":"https://kubernetes.default.svc","namespace":"there"}}}}}`
	if err := json.Unmarshal([]byte(text), s); err != nil {
		panic(err)
	}
	s.APIVersion, s.Kind, s.Name, s.Namespace = v1alpha1.APIVersion, v1alpha1.KindApplicationSet, x.set(), namespace
	s.Finalizers = []string{hold}
	return s
}

// request makes a message that speaks of a thing. project is the one that the caller says it is in; forms reports whether
// the message says one at all.
type request struct {
	m       server.Declared
	x       thing
	project string
	control string
	kind    string // of the object in the application; ConfigMap, when empty
	forms   bool
}

func (r *request) said() string {
	r.forms = true
	return r.project
}

// message fills a message by the types and the names of its fields.
func (r *request) message() any {
	v := reflect.New(r.m.Request)
	if r.m.Scope == server.Filtered { // all that there is
		return v.Interface()
	}
	for i := range r.m.Request.NumField() {
		f := r.m.Request.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if value := r.field(name, f.Type); value != nil {
			v.Elem().Field(i).Set(reflect.ValueOf(value))
		}
	}
	return v.Interface()
}

// field is the value of a field; nil leaves it empty.
func (r *request) field(name string, t reflect.Type) any {
	x := r.x
	switch t {
	case reflect.TypeFor[*v1alpha1.Application]():
		if r.m.Name == "Create" || r.m.Name == "Validate" {
			return x.application(r.said(), "")
		}
		return x.application(x.ofProject(), "")
	case reflect.TypeFor[*v1alpha1.ApplicationSpec]():
		return &x.application(x.ofProject(), "").Spec
	case reflect.TypeFor[*v1alpha1.ApplicationSource]():
		s := x.source()
		s.RepoURL = x.repo()
		return s
	case reflect.TypeFor[*v1alpha1.ApplicationSet]():
		return x.applicationSet(r.said(), "")
	case reflect.TypeFor[*v1alpha1.AppProject]():
		return x.projectRecord()
	case reflect.TypeFor[*argocd.Repository]():
		return &argocd.Repository{Repo: x.repo(), Project: r.said(), Type: "git", Username: "robot", Password: x.secret("sent")}
	case reflect.TypeFor[*argocd.RepoCreds]():
		return &argocd.RepoCreds{URL: x.creds(), Type: "git", Username: "robot", Password: x.secret("sent")}
	case reflect.TypeFor[*argocd.Cluster]():
		if r.m.Name == "Create" {
			return &argocd.Cluster{Server: x.server(), Name: x.label + "-cluster", Project: r.said()}
		}
		return &argocd.Cluster{Server: x.server(), Name: x.label + "-cluster", Project: x.project}
	case reflect.TypeFor[*argocd.ClusterID]():
		return &argocd.ClusterID{Type: "server", Value: x.server()}
	case reflect.TypeFor[*argocd.RepositoryCertificateList]():
		return &argocd.RepositoryCertificateList{Items: []argocd.RepositoryCertificate{{ServerName: "a.example", CertType: "ssh", CertSubType: "ssh-ed25519", CertData: []byte("no key")}}}
	case reflect.TypeFor[*argocd.GnuPGPublicKey]():
		return &argocd.GnuPGPublicKey{KeyData: "no key"}
	case reflect.TypeFor[*argocd.ApplicationManifestQueryWithFiles]():
		return &argocd.ApplicationManifestQueryWithFiles{Name: x.app(), Checksum: "none", Project: r.said()}
	case reflect.TypeFor[*bool]():
		no := false
		return &no
	case reflect.TypeFor[bool]():
		if name == "dryRun" {
			return true
		}
	case reflect.TypeFor[[]string]():
		if name == "project" && r.m.Scope == server.Single {
			if p := r.said(); p != "" {
				return []string{p}
			}
		}
		return nil
	case reflect.TypeFor[string]():
		if s := r.text(name); s != "" {
			return s
		}
	}
	return nil
}

// text is the value of a field that holds a string, by its name.
func (r *request) text(name string) string {
	x := r.x
	switch name {
	case "name", "applicationName", "appName":
		switch r.m.Resource {
		case rbac.Projects:
			return x.ofProject()
		case rbac.ApplicationSets:
			return x.set()
		case rbac.Accounts:
			return x.account()
		case rbac.Clusters:
			return "" // they are named by their addresses
		case rbac.Repositories, rbac.WriteRepositories:
			if name == "name" {
				return ""
			}
		}
		if r.m.Request == reflect.TypeFor[argocd.ResourcesQuery]() && name == "name" {
			return "settings"
		}
		return x.app()
	case "pod", "container":
		return "web"
	case "project", "appProject", "projectName":
		if r.m.Resource == rbac.Projects {
			return x.ofProject()
		}
		return r.said()
	case "namespace", "resourceNamespace":
		if r.m.Request == reflect.TypeFor[argocd.ListAppLinksRequest]() {
			return r.control
		}
		return x.target
	case "resourceName":
		return "settings"
	case "version":
		return "v1"
	case "kind":
		return cmp.Or(r.kind, "ConfigMap")
	case "patch":
		return "{}"
	case "patchType":
		if r.m.Name == "Patch" {
			return "merge"
		}
		return "application/merge-patch+json"
	case "action":
		if r.m.Name == "CanI" {
			return rbac.Get
		}
		return "restart"
	case "resource":
		return rbac.Applications
	case "subresource":
		return mine + "/" + x.app()
	case "repo":
		return x.repo()
	case "url":
		return x.creds()
	case "server":
		return x.server()
	case "keyID":
		return "0000000000000000"
	case "role":
		return "ci"
	case "revision":
		return "HEAD"
	case "username":
		if r.m.Resource == "" {
			return "powerless"
		}
	case "password":
		if r.m.Resource == "" {
			return password
		}
		return x.secret("sent")
	case "newPassword":
		return "short"
	case "currentPassword":
		return password
	case "hostNamePattern":
		return "none.example"
	}
	return ""
}

// settled are the objects once the loop has nothing more to say of them.
func (h *house) settled(t *testing.T, namespaces ...string) (now map[string]string) {
	t.Helper()
	clustertest.Wait(t, "the loop to come to rest", func(ctx context.Context) error {
		before := h.objects(t, namespaces...)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		if now = h.objects(t, namespaces...); !maps.Equal(before, now) {
			return errorf("something is still changing")
		}
		return nil
	})
	return now
}

// objects are all records that a call could change, as they are now, without what changes by itself.
func (h *house) objects(t *testing.T, namespaces ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	list := func(group, version, resource, namespace string) {
		all, err := h.Dynamic.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: resource}).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all.Items {
			if o.GetName() == "hawser-login-failures" {
				continue // logins are counted a moment after they were
			}
			if resource == "applications" {
				// the loop notes when it has looked: everything else must stay as it is
				o.SetResourceVersion("")
				o.SetGeneration(0) // an Application has no subresource for its status
				o.SetManagedFields(nil)
				for _, field := range []string{"reconciledAt", "observedAt"} {
					unstructured.RemoveNestedField(o.Object, "status", field)
				}
			}
			data, err := json.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			out[resource+" "+namespace+"/"+o.GetName()] = string(data)
		}
	}
	for _, resource := range []string{"applications", "applicationsets", "appprojects"} {
		list("argoproj.io", "v1alpha1", resource, h.control)
	}
	for _, namespace := range append(slices.Clone(namespaces), h.control) {
		for _, resource := range []string{"secrets", "configmaps"} {
			list("", "v1", resource, namespace)
		}
	}
	return out
}
