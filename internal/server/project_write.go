package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// createProject makes a project, or is content with one that is the same. A different one is only changed with upsert,
// and by those who may change it.
func (s *server) createProject(c *call, q *argocd.ProjectCreateRequest) (*v1alpha1.AppProject, error) {
	if q.Project == nil {
		return nil, problem.New(problem.Invalid, "missing payload 'project' in request")
	}
	want := editableProject(q.Project)
	if faults := validation.IsDNS1123Subdomain(want.Name); len(faults) > 0 {
		return nil, problem.New(problem.Invalid, "project name %q is not valid: %s", clip(want.Name), faults[0])
	}
	if err := checkProject(want); err != nil {
		return nil, err
	}
	made, err := s.Catalog.CreateProject(c, want)
	if err == nil {
		s.tell(c, made, v1alpha1.EventResourceCreated, "created project")
		return withTokens(made), nil
	}
	old, lookErr := s.Catalog.Project(want.Name)
	if !problem.Is(err, problem.Conflict) || lookErr != nil {
		return nil, err
	}
	if !q.Upsert {
		same := old.DeepCopy()
		same.Spec = want.DeepCopy().Spec
		catalog.KeepTokens(old, same)
		if keys := differing(old.Spec, same.Spec); len(keys) > 0 {
			return nil, isDifferent("project", keys)
		}
		return withTokens(old), nil
	}
	return s.changeProject(c, old, "", func(p *v1alpha1.AppProject) { p.Spec = want.DeepCopy().Spec })
}

// isDifferent refuses to make what exists in another form, in Argo CD's words: scripts look for them. keys are names of
// fields only, for a value may be a secret.
func isDifferent(what string, keys []string) error {
	return problem.New(problem.Invalid, "existing %s spec is different; use upsert flag to force update; difference in keys %s", what, quoted(keys))
}

// differing names the fields of two values of one type that are not the same in JSON.
func differing(a, b any) (keys []string) {
	x, y := jsonFieldsOf(a), jsonFieldsOf(b)
	for key := range x {
		if string(x[key]) != string(y[key]) {
			keys = append(keys, key)
		}
	}
	for key := range y {
		if _, both := x[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func jsonFieldsOf(v any) (fields map[string]json.RawMessage) {
	data, _ := json.Marshal(v) // our own types always can be
	_ = json.Unmarshal(data, &fields)
	return fields
}

func (s *server) updateProject(c *call, q *argocd.ProjectUpdateRequest) (*v1alpha1.AppProject, error) {
	if q.Project == nil {
		return nil, problem.New(problem.Invalid, "missing payload 'project' in request")
	}
	want := editableProject(q.Project)
	if err := checkProject(want); err != nil {
		return nil, err
	}
	old, err := s.theProject(want.Name)
	if err != nil {
		return nil, err
	}
	return s.changeProject(c, old, q.Project.ResourceVersion, func(p *v1alpha1.AppProject) {
		p.Spec, p.Labels, p.Annotations, p.Finalizers = want.DeepCopy().Spec, want.Labels, want.Annotations, want.Finalizers
	})
}

// changeProject writes what a caller wants of a project, once they may have it so and no application loses by it. With
// a version, it is only written over that one.
func (s *server) changeProject(c *call, old *v1alpha1.AppProject, version string, edit func(*v1alpha1.AppProject)) (*v1alpha1.AppProject, error) {
	write := s.Catalog.EditProject
	if version != "" {
		if version != old.ResourceVersion {
			return nil, problem.New(problem.Conflict, "Operation cannot be fulfilled on appprojects.argoproj.io %q: the object has been modified; please apply your changes to the latest version and try again", old.Name)
		}
		write = s.Catalog.EditProjectExact
	}
	updated, err := write(c, old, func(p *v1alpha1.AppProject) error {
		before := p.DeepCopy()
		edit(p)
		catalog.KeepTokens(before, p)
		if err := c.must(rbac.Projects, rbac.Update, p.Name); err != nil {
			return err
		}
		if err := s.mayWiden(c, &before.Spec, &p.Spec); err != nil {
			return err
		}
		if err := s.mayInherit(c, before, p); err != nil {
			return err
		}
		return s.keepsApplications(before, p)
	})
	if err != nil {
		return nil, err
	}
	if updated.ResourceVersion != old.ResourceVersion {
		s.tell(c, updated, v1alpha1.EventResourceUpdated, "updated project")
	}
	return withTokens(updated), nil
}

// mayWiden demands, as Argo CD does, the permission to change a cluster or a repository of those who give it to a
// project or take it away, and of those who change what kinds may be deployed to the project's clusters; and, as Argo CD
// does not, of those who change as whom that is done.
func (s *server) mayWiden(c *call, before, after *v1alpha1.AppProjectSpec) error {
	clusters := onlyInOne(destinationClusters(before), destinationClusters(after))
	if object.Hash(before.ClusterResourceWhitelist) != object.Hash(after.ClusterResourceWhitelist) ||
		object.Hash(before.ClusterResourceBlacklist) != object.Hash(after.ClusterResourceBlacklist) ||
		object.Hash(before.NamespaceResourceBlacklist) != object.Hash(after.NamespaceResourceBlacklist) ||
		object.Hash(before.NamespaceResourceWhitelist) != object.Hash(after.NamespaceResourceWhitelist) {
		clusters = append(clusters, destinationClusters(after)...)
	}
	for _, pair := range [][2][]v1alpha1.ApplicationDestinationServiceAccount{
		{before.DestinationServiceAccounts, after.DestinationServiceAccounts}, {after.DestinationServiceAccounts, before.DestinationServiceAccounts},
	} {
		for _, a := range pair[0] {
			if !slices.Contains(pair[1], a) {
				clusters = append(clusters, a.Server)
			}
		}
	}
	slices.Sort(clusters)
	for _, k := range slices.Compact(clusters) {
		if err := c.must(rbac.Clusters, rbac.Update, k); err != nil {
			return err
		}
	}
	for _, r := range onlyInOne(before.SourceRepos, after.SourceRepos) {
		if err := c.must(rbac.Repositories, rbac.Update, r); err != nil {
			return err
		}
	}
	return nil
}

// mayInherit demands the same of those who change labels: by them a project inherits from others what it may deploy, and
// what it must not.
func (s *server) mayInherit(c *call, before, after *v1alpha1.AppProject) error {
	if maps.Equal(before.Labels, after.Labels) {
		return nil
	}
	now, err := s.Catalog.RulesOf(after)
	if err != nil {
		return err
	}
	old, err := s.Catalog.RulesOf(before)
	if err != nil { // nothing is permitted as it is
		return s.mayWiden(c, &v1alpha1.AppProjectSpec{}, now.Spec())
	}
	return s.mayWiden(c, old.Spec(), now.Spec())
}

// destinationClusters are the clusters of a project as they are written: patterns of addresses, or of names where a
// destination has no address.
func destinationClusters(spec *v1alpha1.AppProjectSpec) (list []string) {
	for _, d := range spec.Destinations {
		if d.Server == "" {
			list = append(list, d.Name)
		} else {
			list = append(list, d.Server)
		}
	}
	return list
}

func onlyInOne(a, b []string) (list []string) {
	for _, pair := range [][2][]string{{a, b}, {b, a}} {
		for _, v := range pair[0] {
			if !slices.Contains(pair[1], v) {
				list = append(list, v)
			}
		}
	}
	return list
}

// keepsApplications refuses a change that takes from applications a source or a destination that they use.
func (s *server) keepsApplications(before, after *v1alpha1.AppProject) error {
	if object.Hash(before.Spec) == object.Hash(after.Spec) && maps.Equal(before.Labels, after.Labels) {
		return nil
	}
	old, err := s.Catalog.RulesOf(before)
	if err != nil {
		return nil // its applications deploy nothing as it is
	}
	now, err := s.Catalog.RulesOf(after)
	if err != nil {
		return err
	}
	sources, destinations := 0, 0
	for _, app := range s.Catalog.Applications() {
		if app.Spec.ProjectName() != after.Name {
			continue
		}
		if slices.ContainsFunc(app.Spec.SourceList(), func(src v1alpha1.ApplicationSource) bool {
			return old.Source(src.RepoURL) == nil && now.Source(src.RepoURL) != nil
		}) {
			sources++
		}
		k, err := s.Catalog.Destination(app.Spec.Destination)
		if err != nil {
			continue // it has no destination that could be taken away
		}
		target := targetOf(k, app)
		if old.Destination(target) == nil && now.Destination(target) != nil {
			destinations++
		}
	}
	var parts []string
	if sources > 0 {
		parts = append(parts, fmt.Sprintf("%d applications source became invalid", sources))
	}
	if destinations > 0 {
		parts = append(parts, fmt.Sprintf("%d applications destination became invalid", destinations))
	}
	if len(parts) > 0 {
		return problem.New(problem.Invalid, "as a result of project update %s", strings.Join(parts, " and "))
	}
	return nil
}

func (s *server) deleteProject(c *call, q *argocd.ProjectQuery) (*argocd.ProjectEmptyResponse, error) {
	p, err := s.theProject(q.Name)
	if err != nil {
		return nil, err
	}
	if err := s.Catalog.DeleteProject(c, p); err != nil {
		return nil, err
	}
	s.tell(c, p, v1alpha1.EventResourceDeleted, "deleted project")
	return &argocd.ProjectEmptyResponse{}, nil
}

// editableProject is the part of a project that its people decide: tokens are made and deleted by methods of their own.
func editableProject(p *v1alpha1.AppProject) *v1alpha1.AppProject {
	n := &v1alpha1.AppProject{Spec: p.DeepCopy().Spec}
	n.Name = p.Name
	n.Labels, n.Annotations, n.Finalizers = maps.Clone(p.Labels), maps.Clone(p.Annotations), slices.Clone(p.Finalizers)
	for i := range n.Spec.Roles {
		role := &n.Spec.Roles[i]
		role.JWTTokens = nil
		for j, policy := range role.Policies {
			fields := strings.Split(policy, ",")
			for k := range fields {
				fields[k] = strings.TrimSpace(fields[k])
			}
			role.Policies[j] = strings.Join(fields, ", ")
		}
	}
	return n
}

// checkProject refuses a project that says something twice, or that could not be understood.
func checkProject(p *v1alpha1.AppProject) error {
	invalid := func(format string, args ...any) error { return problem.New(problem.Invalid, format, args...) }
	seen := map[string]bool{}
	twice := func(kind, key string) bool {
		known := seen[kind+"\x00"+key]
		seen[kind+"\x00"+key] = true
		return known
	}
	for _, d := range p.Spec.Destinations {
		for _, part := range [...][2]string{{"name", d.Name}, {"server", d.Server}, {"namespace", d.Namespace}} {
			if part[1] == "!*" {
				return invalid("%s has an invalid format, '!*'", part[0])
			}
		}
		key := d.Server + "/" + d.Namespace
		if d.Server == "" && d.Name != "" {
			key = d.Name + "/" + d.Namespace
		}
		if twice("destination", key) {
			return invalid("destination '%s' already added", key)
		}
	}
	for _, ns := range p.Spec.SourceNamespaces {
		if twice("namespace", ns) {
			return invalid("source namespace '%s' already added", ns)
		}
	}
	for _, r := range p.Spec.SourceRepos {
		if r == "!*" {
			return invalid("source repository has an invalid format, '!*'")
		}
		if twice("repository", r) {
			return invalid("source repository '%s' already added", r)
		}
	}
	if problems := rbac.CheckRoles(p.Name, p.Spec.Roles); len(problems) > 0 {
		return problems[0]
	}
	for _, w := range p.Spec.SyncWindows {
		plain := w
		plain.Description = ""
		if twice("window", object.Hash(plain)) {
			return invalid("sync window with kind '%s', schedule '%s', and duration '%s' already exists", w.Kind, w.Schedule, w.Duration)
		}
		if len(w.Applications)+len(w.Namespaces)+len(w.Clusters) == 0 {
			return invalid("window '%s':'%s':'%s' requires one of application, cluster or namespace", w.Kind, w.Schedule, w.Duration)
		}
	}
	for _, a := range p.Spec.DestinationServiceAccounts {
		switch {
		case strings.Contains(a.Server, "!"):
			return invalid("server has an invalid format, '%s'", a.Server)
		case strings.Contains(a.Namespace, "!"):
			return invalid("namespace has an invalid format, '%s'", a.Namespace)
		case strings.TrimSpace(a.DefaultServiceAccount) == "" || strings.ContainsAny(a.DefaultServiceAccount, `!*[]{}\/`):
			return invalid("defaultServiceAccount has an invalid format, '%s'", a.DefaultServiceAccount)
		case twice("account", a.Server+"/"+a.Namespace):
			return invalid("destinationServiceAccount '%s/%s' already added", a.Server, a.Namespace)
		}
	}
	if problems := project.New(p).Problems(); len(problems) > 0 {
		return problems[0]
	}
	return nil
}
