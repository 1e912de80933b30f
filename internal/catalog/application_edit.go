package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

// CreateApplication makes an Application of what app says: name, namespace, labels, annotations, finalizers, spec and
// operation. Everything else of it is left out, status and owners among it. It is Conflict (AlreadyExists of
// apimachinery's errors in the chain) when there is one of its name, Invalid when the API server's schema refuses it,
// and Forbidden in a namespace that we do not look at.
func (c *Catalog) CreateApplication(ctx context.Context, app *v1alpha1.Application) (*v1alpha1.Application, error) {
	if !c.holds(app.Namespace) {
		return nil, notHeld(app.Namespace, namespacesKey)
	}
	return create(ctx, c, c.appKind(), app)
}

// EditApplication changes an Application for a person. change is applied to a copy of old, and the difference is sent;
// when somebody else has written meanwhile, change is applied to a copy of what there is by now, again and again, so
// it must look at what it is given: who may change old need not be permitted to change that. An error of change ends
// it. Nothing is sent when there is no difference; fields that our structs do not know stay as they are.
//
// Any replica may call it (PatchApplication is for the leader). The result is what Application returns from now on. It
// is NotFound when the Application is gone or was made anew under its name.
func (c *Catalog) EditApplication(ctx context.Context, old *v1alpha1.Application, change func(*v1alpha1.Application) error) (*v1alpha1.Application, error) {
	return edit(ctx, c, c.appKind(), old, change, false)
}

// EditApplicationExact is EditApplication that refuses with a Conflict when the Application is not exactly old any more.
func (c *Catalog) EditApplicationExact(ctx context.Context, old *v1alpha1.Application, change func(*v1alpha1.Application) error) (*v1alpha1.Application, error) {
	return edit(ctx, c, c.appKind(), old, change, true)
}

// Propagation says what becomes of an Application's objects when it is deleted.
type Propagation string

// The propagations. As asked for by propagationPolicy of Argo CD's API.
const (
	Cascade    Propagation = ""           // they are deleted, in the way that its finalizer says, or foreground
	Foreground Propagation = "foreground" // they are deleted, their dependents first
	Background Propagation = "background" // they are deleted, their dependents by the garbage collector later
	Orphan     Propagation = "orphan"     // they stay
)

// ParsePropagation reads the parameters of Argo CD's API; cascade is nil when it is absent. The sentences are Argo CD's.
func ParsePropagation(cascade *bool, policy string) (Propagation, error) {
	p := Propagation(strings.ToLower(policy))
	switch {
	case cascade != nil && !*cascade && policy != "":
		return "", problem.New(problem.Invalid, "cannot set propagation policy when cascading is disabled")
	case cascade != nil && !*cascade:
		return Orphan, nil
	case p != Cascade && p != Foreground && p != Background:
		return "", problem.New(problem.Invalid, "invalid propagation policy: %s", policy)
	}
	return p, nil
}

// cascades are the finalizers that take the objects along.
var cascades = []string{v1alpha1.FinalizerResources, v1alpha1.FinalizerResourcesForeground, v1alpha1.FinalizerResourcesBackground}

// DeleteApplication deletes an Application, and no other of its name. Whether its objects go along is said by a
// finalizer, which is set or taken away first; the finalizers of hooks stay. On one that is being deleted already
// finalizers can only be taken away, so that an orphan propagation counts and the others change nothing. When it is seen
// to have moved to another project since old, it is a Conflict: who may delete it there has not been asked.
func (c *Catalog) DeleteApplication(ctx context.Context, old *v1alpha1.Application, p Propagation) error {
	if _, err := ParsePropagation(nil, string(p)); err != nil && p != Orphan {
		return err
	}
	k := c.appKind()
	k.partial = true // one that cannot be understood can be deleted
	project, uid, key := old.Spec.ProjectName(), old.UID, nameOf(old)
	for attempt := 1; ; attempt++ {
		now, err := edit(ctx, c, k, old, func(app *v1alpha1.Application) error {
			if app.Spec.ProjectName() != project {
				return problem.New(problem.Conflict, "it has been moved to another project meanwhile").WithHint("ask again")
			}
			app.Finalizers = withPropagation(app.Finalizers, p, app.DeletionTimestamp != nil)
			return nil
		}, false)
		if err != nil {
			return err
		}
		if now.DeletionTimestamp != nil && len(now.Finalizers) == 0 { // that was the last one, and it is gone
			c.settle(ctx, func() bool { app, _ := c.Application(key); return app == nil || app.UID != uid })
			return nil
		}
		err = remove(ctx, c, k, now, true)
		if problem.Is(err, problem.NotFound) && now.DeletionTimestamp != nil { // its last finalizer went, and it with it
			c.settle(ctx, func() bool { app, _ := c.Application(key); return app == nil || app.UID != uid })
			return nil
		}
		if !problem.Is(err, problem.Conflict) || attempt == attempts {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
		fresh, err := reread(ctx, c, k, key, uid)
		if err != nil {
			problem.Wrap(&err, "delete %s %s", k.name, key)
			return err
		}
		old, _ = k.decode(fresh) // as far as it can be understood
	}
}

// withPropagation returns the finalizers that ask for p.
func withPropagation(finalizers []string, p Propagation, deleting bool) []string {
	has := func(f string) bool { return slices.Contains(cascades, f) }
	switch {
	case p == Orphan:
		return slices.DeleteFunc(slices.Clone(finalizers), has)
	case deleting, p == Cascade && slices.ContainsFunc(finalizers, has):
		return finalizers
	case p == Cascade:
		return append(slices.Clone(finalizers), v1alpha1.FinalizerResources)
	}
	// the first of several would count: there must be one
	return append(slices.DeleteFunc(slices.Clone(finalizers), has), v1alpha1.FinalizerResources+"/"+string(p))
}

func (c *Catalog) appKind() kind[*v1alpha1.Application] {
	return kind[*v1alpha1.Application]{
		resource: applications, name: v1alpha1.KindApplication,
		decode: decodeApplication,
		copy:   (*v1alpha1.Application).DeepCopy,
		keep: func(app *v1alpha1.Application, err error) *v1alpha1.Application {
			app = c.keep(&appEntry{app: app, err: err, own: true})
			c.tell(Change{ApplicationChanged, nameOf(app)})
			return app
		},
		known: func(key types.NamespacedName) *v1alpha1.Application {
			app, _ := c.Application(key)
			return app
		},
	}
}
