package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// remove takes an application's objects away before the application itself goes, when its finalizer asks for that.
// The finalizer is removed only when all of them are seen to be gone, or when the destination is known not to exist.
func (a *Apps) remove(ctx context.Context, app *v1alpha1.Application, st *state) error {
	finalizer, propagation, cascade := cascadeOf(app)
	if !cascade {
		return nil
	}
	server, err := a.Catalog.ServerOf(app.Spec.Destination)
	if problem.Is(err, problem.NotFound) { // our own records say so, and they were read: there is nothing to delete from
		a.Catalog.Event(app, "Warning", v1alpha1.EventResourceDeleted, fmt.Sprintf("destination %s is not a known cluster: the application goes without deleting anything", app.Spec.Destination.Server+app.Spec.Destination.Name))
		return a.Catalog.RemoveFinalizer(ctx, app, finalizer)
	}
	if err != nil {
		return err
	}
	v := &view{spec: specOf(app), server: server, at: time.Now()}
	if v.cluster, err = a.Fleet.Cluster(server); err == nil && !v.cluster.State().Connected {
		err = problem.New(problem.Unavailable, "the cluster %s does not answer, so its objects cannot be deleted", server).WithHint("they are deleted when it answers again; to abandon them, remove the finalizer %s", finalizer)
	}
	if err == nil {
		err = v.cluster.Synced(ctx)
	}
	if err != nil {
		return a.deletionBlocked(ctx, app, err)
	}
	return a.cascade(ctx, app, v, finalizer, propagation)
}

// cascadeOf reads the finalizer that asks for a cascade.
func cascadeOf(app *v1alpha1.Application) (finalizer string, propagation metav1.DeletionPropagation, cascade bool) {
	for _, f := range app.Finalizers {
		switch f {
		case v1alpha1.FinalizerResources, v1alpha1.FinalizerResourcesForeground:
			return f, metav1.DeletePropagationForeground, true
		case v1alpha1.FinalizerResourcesBackground:
			return f, metav1.DeletePropagationBackground, true
		}
	}
	return "", "", false
}

// cascade deletes what is left, the last wave first, and waits for it to be gone.
func (a *Apps) cascade(ctx context.Context, app *v1alpha1.Application, v *view, finalizer string, propagation metav1.DeletionPropagation) error {
	left := a.doomed(app, v)
	if len(left) == 0 {
		a.Catalog.Event(app, "Normal", v1alpha1.EventResourceDeleted, "all objects of the application are deleted")
		a.Observe(Happening{At: time.Now(), Application: app.Name, What: "deleted", Text: "all its objects are gone"})
		a.claim(nameOf(app), "", nil)
		return a.Catalog.RemoveFinalizer(ctx, app, finalizer)
	}
	wave := plan.Wave(left[0])
	for _, o := range left {
		wave = max(wave, plan.Wave(o))
	}
	w := a.writer(v)
	var failed []string
	var waiting []string
	for _, o := range left {
		if plan.Wave(o) != wave {
			continue
		}
		key := object.KeyOf(o)
		if o.GetDeletionTimestamp() != nil {
			waiting = append(waiting, blockedBy(o))
			continue
		}
		err := w.Delete(ctx, cluster.DeleteRequest{Key: key, UID: o.GetUID(), Propagation: propagation})
		a.Metrics.request("delete")
		if err != nil && !problem.Is(err, problem.NotFound) {
			failed = append(failed, key.Short()+": "+err.Error())
		}
	}
	a.queue.addAfter(nameOf(app), 2*time.Second, cause{spec: true}) // an event wakes us sooner
	if len(failed) > 0 {
		return a.deletionBlocked(ctx, app, problem.New(problem.Unavailable, "delete %s", strings.Join(failed, "; ")))
	}
	if long := app.DeletionTimestamp.Add(30 * time.Second); len(waiting) > 0 && time.Now().After(long) {
		slices.Sort(waiting)
		return a.deletionBlocked(ctx, app, problem.New(problem.Conflict, "waiting for deletion of %s", strings.Join(waiting, ", ")))
	}
	return nil
}

// doomed lists the live objects that go with the application: marked as its own, the very ones it applied as far as
// that is known, not made by a controller, not wanted by another application, not protected by Delete=false.
func (a *Apps) doomed(app *v1alpha1.Application, v *view) []*object.Object {
	recorded := inventory(app)
	live := v.cluster.Live(a.instance(app))
	var list []*object.Object
	for _, key := range sortedKeys(live) {
		o := live[key]
		if uid := recorded[key]; uid != "" && uid != o.GetUID() || len(o.GetOwnerReferences()) > 0 {
			continue
		}
		if plan.ParseOptions(optionsOf(app, &v1alpha1.SyncOperation{})).With(o).Delete == plan.No || o.GetAnnotations()[v1alpha1.AnnotationHelmResourcePolicy] == "keep" {
			continue
		}
		if others := a.claims.of(v.server, key); slices.ContainsFunc(others, func(n nameKey) bool { return n != nameOf(app) }) {
			continue
		}
		list = append(list, o)
	}
	return list
}

// blockedBy names what an object that is being deleted waits for.
func blockedBy(o *object.Object) string {
	text := object.KeyOf(o).Short()
	if f := o.GetFinalizers(); len(f) > 0 {
		text += " (finalizer " + strings.Join(f, ", ") + ")"
	}
	return text
}

// deletionBlocked says in a condition why the application is still there.
func (a *Apps) deletionBlocked(ctx context.Context, app *v1alpha1.Application, why error) error {
	now := metav1.Now().Rfc3339Copy()
	_, err := a.Catalog.PatchApplication(ctx, app, func(n *v1alpha1.Application) {
		n.Status.Conditions = conditions(n.Status.Conditions, []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionDeletionError, Message: why.Error()}}, now)
	})
	a.queue.addAfter(nameOf(app), 5*time.Second, cause{spec: true})
	return err
}
