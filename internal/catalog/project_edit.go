package catalog

import (
	"context"
	"slices"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

// CreateProject is CreateApplication for AppProjects. Projects live in our own namespace; tokens are made by
// EditProject.
func (c *Catalog) CreateProject(ctx context.Context, p *v1alpha1.AppProject) (*v1alpha1.AppProject, error) {
	made := p.DeepCopy()
	made.Namespace = c.options.Namespace
	for i := range made.Spec.Roles {
		made.Spec.Roles[i].JWTTokens = nil // nobody was given them
	}
	return create(ctx, c, c.projectKind(), made)
}

// EditProject is EditApplication for AppProjects: change is applied to the project as it is, with the tokens in its
// roles and in its status, which stay unless change takes them away (KeepTokens).
func (c *Catalog) EditProject(ctx context.Context, old *v1alpha1.AppProject, change func(*v1alpha1.AppProject) error) (*v1alpha1.AppProject, error) {
	return edit(ctx, c, c.projectKind(), old, change, false)
}

// EditProjectExact is EditProject that refuses with a Conflict when the project is not exactly old any more: when the
// caller's client has sent the whole project with its resourceVersion.
func (c *Catalog) EditProjectExact(ctx context.Context, old *v1alpha1.AppProject, change func(*v1alpha1.AppProject) error) (*v1alpha1.AppProject, error) {
	return edit(ctx, c, c.projectKind(), old, change, true)
}

// DeleteProject deletes an AppProject, and no other of its name. The default project is refused, and one that
// applications use, with Argo CD's sentences (Invalid).
//
// An Application made at the same moment through another replica, or by kubectl, is not seen; it then names a project
// that does not exist, and nothing of it is deployed.
func (c *Catalog) DeleteProject(ctx context.Context, old *v1alpha1.AppProject) error {
	if old.Name == v1alpha1.DefaultProject {
		return problem.New(problem.Invalid, "name '%s' is reserved and cannot be deleted", old.Name)
	}
	if n := c.usersOf(old.Name); n > 0 {
		return problem.New(problem.Invalid, "project is referenced by %d applications", n)
	}
	return remove(ctx, c, c.projectKind(), old, false)
}

// usersOf counts the Applications of a project, those that cannot be understood among them.
func (c *Catalog) usersOf(project string) (n int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, e := range c.apps {
		if e.app.Spec.ProjectName() == project {
			n++
		}
	}
	return n
}

// KeepTokens puts the tokens of old into p, the same project as somebody wants it: a role that stays keeps the tokens
// that were issued for it, and no others are in it; a role that goes takes them along. Tokens are made and deleted by
// requests of their own.
func KeepTokens(old, p *v1alpha1.AppProject) {
	issued := map[string]v1alpha1.JWTTokens{}
	for i := range p.Spec.Roles {
		role := &p.Spec.Roles[i]
		role.JWTTokens = nil
		for _, before := range old.Spec.Roles {
			if before.Name == role.Name {
				role.JWTTokens = slices.Clone(before.JWTTokens)
			}
		}
		if tokens, ok := old.Status.JWTTokensByRole[role.Name]; ok {
			issued[role.Name] = v1alpha1.JWTTokens{Items: slices.Clone(tokens.Items)}
		}
	}
	p.Status.JWTTokensByRole = nil
	if len(issued) > 0 {
		p.Status.JWTTokensByRole = issued
	}
}

func (c *Catalog) projectKind() kind[*v1alpha1.AppProject] {
	return kind[*v1alpha1.AppProject]{
		resource: appProjects, name: v1alpha1.KindAppProject,
		decode: func(o *object.Object) (*v1alpha1.AppProject, error) {
			p := &v1alpha1.AppProject{}
			if err := decode(o.Object, p); err != nil {
				p = &v1alpha1.AppProject{}
				p.Namespace, p.Name, p.UID, p.ResourceVersion = o.GetNamespace(), o.GetName(), o.GetUID(), o.GetResourceVersion()
				return p, problem.Because(problem.Invalid, err, "project %s cannot be understood", o.GetName())
			}
			p.ManagedFields = nil
			return p, nil
		},
		copy: (*v1alpha1.AppProject).DeepCopy,
		keep: c.takeProject,
		known: func(key types.NamespacedName) *v1alpha1.AppProject {
			p, _ := c.Project(key.Name)
			return p
		},
	}
}
