package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) projectMethods() []method {
	const projects = "project.ProjectService/"
	onProject := func(action string) rule[argocd.ProjectQuery] {
		return on(rbac.Projects, action, func(_ *call, q *argocd.ProjectQuery) string { return q.Name })
	}
	return []method{
		unary(projects+"List", visible[argocd.ProjectQuery](rbac.Projects, rbac.Get), s.listProjects),
		unary(projects+"Get", onProject(rbac.Get), s.getProject),
		unary(projects+"GetDetailedProject", onProject(rbac.Get), s.getDetailedProject),
		unary(projects+"GetGlobalProjects", onProject(rbac.Get), s.getGlobalProjects),
		unary(projects+"ListEvents", onProject(rbac.Get), s.projectEvents),
		unary(projects+"GetSyncWindowsState", on(rbac.Projects, rbac.Get, func(_ *call, q *argocd.SyncWindowsQuery) string { return q.Name }), s.projectWindows),
		unary(projects+"ListLinks", on(rbac.Projects, rbac.Get, func(_ *call, q *argocd.ListProjectLinksRequest) string { return q.Name }), s.projectLinks),
		unary(projects+"Create", on(rbac.Projects, rbac.Create, func(_ *call, q *argocd.ProjectCreateRequest) string { return projectName(q.Project) }), s.createProject),
		unary(projects+"Update", on(rbac.Projects, rbac.Update, func(_ *call, q *argocd.ProjectUpdateRequest) string { return projectName(q.Project) }), s.updateProject),
		unary(projects+"Delete", onProject(rbac.Delete), s.deleteProject),
		unary(projects+"CreateToken", onRole(func(q *argocd.ProjectTokenCreateRequest) (string, string) { return q.Project, q.Role }), s.createProjectToken),
		unary(projects+"DeleteToken", onRole(func(q *argocd.ProjectTokenDeleteRequest) (string, string) { return q.Project, q.Role }), s.deleteProjectToken),
	}
}

func projectName(p *v1alpha1.AppProject) string {
	if p == nil {
		return ""
	}
	return p.Name
}

// theProject finds a project that the rule let the caller ask for.
func (s *server) theProject(name string) (*v1alpha1.AppProject, error) {
	p, err := s.Catalog.Project(name)
	if problem.Is(err, problem.NotFound) {
		return nil, problem.New(problem.NotFound, "appprojects.argoproj.io %q not found", name)
	}
	return p, err
}

func (s *server) listProjects(c *call, _ *argocd.ProjectQuery) (*v1alpha1.AppProjectList, error) {
	list := &v1alpha1.AppProjectList{Items: []v1alpha1.AppProject{}}
	for _, p := range s.Catalog.Projects() {
		if c.sees(rbac.Projects, rbac.Get, p.Name) {
			list.Items = append(list.Items, *withTokens(p))
		}
	}
	return list, nil
}

func (s *server) getProject(_ *call, q *argocd.ProjectQuery) (*v1alpha1.AppProject, error) {
	p, err := s.theProject(q.Name)
	if err != nil {
		return nil, err
	}
	return withTokens(p), nil
}

// getDetailedProject answers with the project as it takes effect: with what it inherits from global projects, and with
// the repositories and clusters that are registered for it, as far as the caller may see those.
func (s *server) getDetailedProject(c *call, q *argocd.ProjectQuery) (*argocd.DetailedProjectsResponse, error) {
	p, err := s.theProject(q.Name)
	if err != nil {
		return nil, err
	}
	rules, err := s.Catalog.RulesOf(p)
	if err != nil {
		return nil, err
	}
	whole := withTokens(p)
	roles := whole.Spec.Roles // with their tokens
	whole.Spec = (&v1alpha1.AppProject{Spec: *rules.Spec()}).DeepCopy().Spec
	whole.Spec.Roles = roles
	out := &argocd.DetailedProjectsResponse{Project: whole}
	if out.GlobalProjects, err = s.globalProjects(c, p); err != nil {
		return nil, err
	}
	for _, r := range s.Catalog.Repositories() {
		if r.Project == p.Name && c.sees(rbac.Repositories, rbac.Get, rbac.Scoped(r.Project, r.URL)) {
			out.Repositories = append(out.Repositories, repository(r))
		}
	}
	for _, k := range s.Catalog.Clusters() {
		if k.Project == p.Name && c.sees(rbac.Clusters, rbac.Get, clusterObject(k)) {
			out.Clusters = append(out.Clusters, clusterRecord(k))
		}
	}
	return out, nil
}

func (s *server) getGlobalProjects(c *call, q *argocd.ProjectQuery) (*argocd.GlobalProjectsResponse, error) {
	p, err := s.theProject(q.Name)
	if err != nil {
		return nil, err
	}
	items, err := s.globalProjects(c, p)
	if err != nil {
		return nil, err
	}
	return &argocd.GlobalProjectsResponse{Items: items}, nil
}

// globalProjects are those that p inherits from. Who sees p need not see them: then they are shown what is inherited,
// and not who has which role there.
func (s *server) globalProjects(c *call, p *v1alpha1.AppProject) (items []v1alpha1.AppProject, err error) {
	list, err := s.Catalog.GlobalProjects(p)
	if err != nil {
		return nil, err
	}
	for _, g := range list {
		shown := withTokens(g)
		if !c.sees(rbac.Projects, rbac.Get, g.Name) {
			shown.Spec.Roles, shown.Status = nil, v1alpha1.AppProjectStatus{}
		}
		items = append(items, *shown)
	}
	return items, nil
}

func (s *server) projectEvents(c *call, q *argocd.ProjectQuery) (*corev1.EventList, error) {
	p, err := s.theProject(q.Name)
	if err != nil {
		return nil, err
	}
	events, err := s.Catalog.Events(c, v1alpha1.KindAppProject, p.Namespace, p.Name, string(p.UID))
	if err != nil {
		return nil, err
	}
	return &corev1.EventList{Items: events}, nil
}

// projectWindows answers with the windows of the project that are open now, those that it inherits not among them.
func (s *server) projectWindows(_ *call, q *argocd.SyncWindowsQuery) (*argocd.SyncWindowsResponse, error) {
	p, err := s.theProject(q.Name)
	if err != nil {
		return nil, err
	}
	out := &argocd.SyncWindowsResponse{Windows: []v1alpha1.SyncWindow{}}
	for _, w := range project.New(p).AllWindows().Active(time.Now()) {
		out.Windows = append(out.Windows, *w)
	}
	return out, nil
}

// withTokens is a copy of a project in which every role's tokens stand in both places where clients look for them: in
// the role, and in the status.
func withTokens(p *v1alpha1.AppProject) *v1alpha1.AppProject {
	p = p.DeepCopy()
	p.ManagedFields = nil
	p.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindAppProject}
	byRole := map[string]v1alpha1.JWTTokens{}
	for i := range p.Spec.Roles {
		role := &p.Spec.Roles[i]
		if role.JWTTokens = roleTokens(p, role); len(role.JWTTokens) > 0 {
			byRole[role.Name] = v1alpha1.JWTTokens{Items: slices.Clone(role.JWTTokens)}
		}
	}
	p.Status.JWTTokensByRole = nil
	if len(byRole) > 0 {
		p.Status.JWTTokensByRole = byRole
	}
	return p
}

// roleTokens are the tokens of a role wherever they are recorded, each with an id: old ones are named by their time.
func roleTokens(p *v1alpha1.AppProject, role *v1alpha1.ProjectRole) []v1alpha1.JWTToken {
	var list []v1alpha1.JWTToken
	for _, t := range slices.Concat(p.Status.JWTTokensByRole[role.Name].Items, role.JWTTokens) {
		if t.ID == "" {
			t.ID = strconv.FormatInt(t.IssuedAt, 10)
		}
		if !slices.ContainsFunc(list, func(o v1alpha1.JWTToken) bool { return o.ID == t.ID }) {
			list = append(list, t)
		}
	}
	return list
}

// quoted lists names for a message.
func quoted(names []string) string { return fmt.Sprintf("%q", strings.Join(names, ",")) }
