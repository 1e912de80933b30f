package catalog

import (
	"context"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type projectEntry struct {
	project *v1alpha1.AppProject
	rules   *project.Rules
	err     error
}

// Project returns the AppProject of that name. It is NotFound when there is none, in Argo CD's words for an
// application that names it, and Invalid when it cannot be understood.
func (c *Catalog) Project(name string) (*v1alpha1.AppProject, error) {
	e, err := c.projectEntry(name)
	return e.project, err
}

// Rules returns what the AppProject of that name permits; errors as Project.
func (c *Catalog) Rules(name string) (*project.Rules, error) {
	e, err := c.projectEntry(name)
	return e.rules, err
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
	e, ok := c.projects[name]
	if !ok {
		return projectEntry{}, problem.New(problem.NotFound, "Application referencing project %s which does not exist", name)
	}
	return e, e.err
}

func (c *Catalog) putProject(o *object.Object) {
	p := &v1alpha1.AppProject{}
	e := projectEntry{}
	if err := decode(o.Object, p); err != nil {
		e.err = problem.Because(problem.Invalid, err, "project %s cannot be understood", o.GetName())
	} else {
		p.ManagedFields = nil
		e.project, e.rules = p, project.New(p)
		for _, err := range e.rules.Problems() {
			c.log.Warn("project rule not understood", "error", err)
		}
	}
	c.mu.Lock()
	known, ok := c.projects[o.GetName()]
	same := ok && known.err == nil && e.err == nil && known.project.UID == p.UID && known.project.ResourceVersion == p.ResourceVersion
	if !same {
		c.projects[o.GetName()] = e
	}
	c.mu.Unlock()
	if !same {
		c.tell(Change{ProjectChanged, c.key(o.GetName())})
	}
}

func (c *Catalog) removeProject(_, name string) {
	c.mu.Lock()
	delete(c.projects, name)
	c.mu.Unlock()
	c.tell(Change{ProjectChanged, c.key(name)})
}

func (c *Catalog) replaceProjects(list []*object.Object) {
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
		c.removeProject("", name)
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
