package catalog

import (
	"context"
	"sync"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

type projectEntry struct {
	project *v1alpha1.AppProject
	err     error
}

// Project returns the AppProject of that name. It is NotFound when there is none, in Argo CD's words for an
// application that names it, and Invalid when it cannot be understood.
func (c *Catalog) Project(name string) (*v1alpha1.AppProject, error) {
	e, err := c.projectEntry(name)
	return e.project, err
}

// Rules returns what the AppProject of that name permits, with what it inherits from global projects and what is
// registered for it; errors as Project. A global project that does not exist is an error of those who inherit from it:
// what it forbids is not known.
func (c *Catalog) Rules(name string) (*project.Rules, error) {
	c.rulings.Lock()
	defer c.rulings.Unlock()
	c.mu.RLock()
	defer c.mu.RUnlock()
	v := c.view.Load()
	if c.rulings.view != v || c.rulings.version != c.projectsVersion {
		c.rulings.known, c.rulings.view, c.rulings.version = map[string]ruling{}, v, c.projectsVersion
	}
	r, known := c.rulings.known[name]
	if !known {
		r.rules, r.err = c.rule(name, v)
		c.rulings.known[name] = r
	}
	return r.rules, r.err
}

// rulings are the compiled rules of projects, for as long as nothing changes that they depend on.
type rulings struct {
	sync.Mutex
	view    *view
	version int
	known   map[string]ruling
}

type ruling struct {
	rules *project.Rules
	err   error
}

// RulesOf is Rules for a project as somebody wants it to be, whether it is stored like that or not.
func (c *Catalog) RulesOf(p *v1alpha1.AppProject) (*project.Rules, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.compile(p, c.view.Load())
}

// GlobalProjects returns the projects that p inherits from, in the order in which argocd-cm names them. One that does
// not exist is an error, as it is for Rules.
func (c *Catalog) GlobalProjects(p *v1alpha1.AppProject) ([]*v1alpha1.AppProject, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.globals(p, c.view.Load())
}

// rule compiles the rules of one project. c.mu is held.
func (c *Catalog) rule(name string, v *view) (*project.Rules, error) {
	e, err := c.entry(name)
	if err != nil {
		return nil, err
	}
	return c.compile(e.project, v)
}

// compile is RulesOf; c.mu is held.
func (c *Catalog) compile(p *v1alpha1.AppProject, v *view) (*project.Rules, error) {
	globals, err := c.globals(p, v)
	if err != nil {
		return nil, err
	}
	in := project.Input{Project: p, Global: globals}
	for _, r := range v.repositories.list {
		if r.Project == p.Name {
			in.Repositories = append(in.Repositories, r.URL)
		}
	}
	for _, k := range v.clusters.list {
		if k.Project != p.Name {
			continue
		}
		if len(k.Namespaces) == 0 {
			in.Clusters = append(in.Clusters, project.Target{Server: k.Server})
		}
		for _, ns := range k.Namespaces {
			in.Clusters = append(in.Clusters, project.Target{Server: k.Server, Namespace: ns})
		}
	}
	return project.Compile(in), nil
}

// globals is GlobalProjects; c.mu is held.
func (c *Catalog) globals(p *v1alpha1.AppProject, v *view) (list []*v1alpha1.AppProject, err error) {
	for _, g := range v.settings.GlobalProjects {
		selector, err := metav1.LabelSelectorAsSelector(&g.LabelSelector)
		if err != nil || g.ProjectName == p.Name || !selector.Matches(labels.Set(p.Labels)) { // the selector was checked when it was read
			continue
		}
		global, err := c.entry(g.ProjectName)
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "project %s inherits from project %s", p.Name, g.ProjectName).
				WithHint("make it, or take it out of globalProjects in %s", settingsMap)
		}
		list = append(list, global.project)
	}
	return list, nil
}

// Projects returns all AppProjects that can be understood, by name.
func (c *Catalog) Projects() []*v1alpha1.AppProject {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var list []*v1alpha1.AppProject
	for _, name := range sortedKeys(c.projects) {
		if e := c.projects[name]; e.err == nil {
			list = append(list, e.project)
		}
	}
	return list
}

func (c *Catalog) projectEntry(name string) (projectEntry, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.entry(name)
}

// entry is projectEntry; c.mu is held.
func (c *Catalog) entry(name string) (projectEntry, error) {
	e, ok := c.projects[name]
	if !ok {
		return projectEntry{}, problem.New(problem.NotFound, "Application referencing project %s which does not exist", name)
	}
	return e, e.err
}

func (c *Catalog) putProject(o *object.Object) { c.takeProject(c.projectKind().decode(o)) }

// takeProject takes a version in, of the watch or of a write, unless it is known or older, and returns the value to go
// on with: the known one, so that pointers compare.
func (c *Catalog) takeProject(p *v1alpha1.AppProject, err error) *v1alpha1.AppProject {
	e := projectEntry{err: err}
	if err == nil {
		e.project = p
		for _, err := range project.New(p).Problems() {
			c.log.Warn("project rule not understood", "error", err)
		}
	}
	c.mu.Lock()
	known, ok := c.projects[p.Name]
	same := ok && known.err == nil && e.err == nil && known.project.UID == p.UID && known.project.ResourceVersion == p.ResourceVersion
	same = !c.newer("project", p.Name, p.ResourceVersion) || same
	if !same {
		c.projects[p.Name] = e
		c.projectsVersion++
	}
	c.mu.Unlock()
	if !same {
		c.tell(Change{ProjectChanged, c.key(p.Name)})
	} else if ok && known.err == nil && known.project.ResourceVersion == p.ResourceVersion {
		return known.project
	}
	return p
}

func (c *Catalog) removeProject(_, name, version string) {
	c.mu.Lock()
	if !c.newer("project", name, version) {
		c.mu.Unlock() // made by us after this was said
		return
	}
	delete(c.projects, name)
	c.projectsVersion++
	c.mu.Unlock()
	c.tell(Change{ProjectChanged, c.key(name)})
}

func (c *Catalog) replaceProjects(list []*object.Object, version string) {
	now := map[string]bool{}
	for _, o := range list {
		now[o.GetName()] = true
		c.putProject(o)
	}
	c.mu.RLock()
	var gone []string
	for name := range c.projects {
		if !now[name] {
			gone = append(gone, name)
		}
	}
	c.mu.RUnlock()
	for _, name := range gone {
		c.removeProject("", name, version)
	}
}

// ensureDefaultProject creates the project `default`, which permits everything, when there is none, as Argo CD does:
// applications that name no project are in it. That it cannot be created is not fatal: other projects work.
func (c *Catalog) ensureDefaultProject(ctx context.Context) {
	if _, err := c.Project(v1alpha1.DefaultProject); !problem.Is(err, problem.NotFound) {
		return
	}
	made, err := c.client.Resource(appProjects).Namespace(c.options.Namespace).Create(ctx, &object.Object{Object: map[string]any{
		"apiVersion": v1alpha1.APIVersion,
		"kind":       v1alpha1.KindAppProject,
		"metadata":   map[string]any{"name": v1alpha1.DefaultProject, "namespace": c.options.Namespace},
		"spec": map[string]any{
			"sourceRepos":              []any{"*"},
			"destinations":             []any{map[string]any{"server": "*", "namespace": "*"}},
			"clusterResourceWhitelist": []any{map[string]any{"group": "*", "kind": "*"}},
		},
	}}, metav1.CreateOptions{FieldManager: fieldManager})
	switch {
	case err == nil:
		c.putProject(made)
	case !apierrors.IsAlreadyExists(err): // another replica was faster: the watch tells
		c.log.Warn("the default project could not be created", "error", apiProblem(err, "create AppProject default"))
	}
}
