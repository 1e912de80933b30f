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
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// remove takes an application's objects away before the application itself goes, as its finalizers ask: hooks before
// it, the objects, hooks after it. A finalizer is removed only when its stage is seen to be over, or when the
// destination is known not to exist; what is left of them is the record of how far the deletion has come.
func (a *Apps) remove(ctx context.Context, app *v1alpha1.Application, st *state) error {
	finalizer, propagation, cascade := cascadeOf(app)
	stage, hooked := hookStageOf(app)
	if !cascade && !hooked {
		if slices.Contains(app.Finalizers, v1alpha1.FinalizerMisspelt) {
			return a.Catalog.RemoveFinalizer(ctx, app, v1alpha1.FinalizerMisspelt)
		}
		return nil
	}
	server, err := a.Catalog.ServerOf(app.Spec.Destination)
	if problem.Is(err, problem.NotFound) { // our own records say so, and they were read: there is nothing to delete from
		a.Catalog.Event(app, "Warning", v1alpha1.EventResourceDeleted, fmt.Sprintf("destination %s is not a known cluster: the application goes without deleting anything", app.Spec.Destination.Server+app.Spec.Destination.Name))
		for _, f := range append(hookFinalizers(v1alpha1.FinalizerPreDelete), append(hookFinalizers(v1alpha1.FinalizerPostDelete), finalizer)...) {
			if err := a.Catalog.RemoveFinalizer(ctx, app, f); err != nil {
				return err
			}
		}
		return nil
	}
	if err != nil {
		return a.deletionBlocked(ctx, app, err)
	}
	v := &view{spec: specOf(app), server: server, at: time.Now()}
	if v.cluster, err = a.Fleet.Cluster(server); err == nil && v.cluster.Unreachable() != nil {
		err = problem.Because(problem.Unavailable, v.cluster.Unreachable(), "its objects cannot be deleted").WithHint("they are deleted when it answers again; to abandon them, remove the finalizer %s", finalizer)
	}
	if err == nil {
		err = a.inSight(ctx, app, v)
	}
	if err != nil {
		return a.deletionBlocked(ctx, app, err)
	}
	if hooked && (stage.hook == v1alpha1.HookPreDelete || !cascade) {
		return a.runDeletionHooks(ctx, app, st, v, stage)
	}
	return a.cascade(ctx, app, v, finalizer, propagation)
}

// inSight reports whether all that the application ever applied can be seen: an object of a kind that cannot be read
// at the moment is not gone, and would be left behind.
func (a *Apps) inSight(ctx context.Context, app *v1alpha1.Application, v *view) error {
	moment, cancel := context.WithTimeout(ctx, 10*time.Second) // a cluster that falls silent now must not hold a worker
	defer cancel()
	if err := v.cluster.Synced(moment); err != nil {
		return err
	}
	for _, r := range app.Status.Resources {
		if err := v.cluster.KindErr(schema.GroupKind{Group: r.Group, Kind: r.Kind}); problem.Is(err, problem.Unavailable) {
			return err
		}
	}
	return nil
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
	if other := a.undecided(nameOf(app), v.server, nil); other != "" { // it may have been renamed: who comes after it takes over, and nothing goes
		a.queue.addAfter(nameOf(app), undecidedLookEvery, cause{spec: true})
		return nil
	}
	left, unconfirmed, forbidden := a.doomed(app, v)
	if len(left) == 0 && len(unconfirmed) > 0 {
		return a.deletionBlocked(ctx, app, problem.New(problem.Conflict, "waiting for deletion confirmation of %s", strings.Join(unconfirmed, ", ")).
			WithHint("to confirm: kubectl annotate application %s -n %s --overwrite %s=$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ)", app.Name, app.Namespace, v1alpha1.AnnotationDeletionApproved))
	}
	if len(left) == 0 && len(forbidden) > 0 {
		return a.deletionBlocked(ctx, app, problem.New(problem.Forbidden, "not deleted: %s", strings.Join(forbidden, "; ")).
			WithHint("have the project permit it again; or, to leave it where it is, remove the finalizer %s", finalizer))
	}
	if len(left) == 0 {
		if over, err := a.leaveHome(ctx, app, v); err != nil {
			return a.deletionBlocked(ctx, app, err)
		} else if !over {
			a.queue.addAfter(nameOf(app), homeLookEvery, cause{spec: true})
			return nil
		}
		a.Catalog.Event(app, "Normal", v1alpha1.EventResourceDeleted, "all objects of the application are deleted")
		a.Observe(Happening{At: time.Now(), Application: a.called(nameOf(app)), What: "deleted", Text: "all its objects are gone"})
		a.claim(nameOf(app), "", nil)
		return a.Catalog.RemoveFinalizer(ctx, app, finalizer)
	}
	if _, err := a.account(v); err != nil { // with our own rights it might delete what the application never could
		return a.deletionBlocked(ctx, app, problem.Because(problem.KindOf(err), err, "not deleted").
			WithHint("name an account in the project; or, to leave the objects where they are, remove the finalizer %s", finalizer))
	}
	if now, _ := a.Catalog.Application(nameOf(app)); now == nil || now.UID != app.UID || !slices.Contains(now.Finalizers, finalizer) {
		return nil // somebody has decided since the look began that the objects stay
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
		if slices.Contains(o.GetFinalizers(), v1alpha1.FinalizerHook) { // what kept a hook's result is of no use any more
			if err := a.releaseHook(ctx, w, v, plan.Step{Key: key, Object: o, Delete: true}); err != nil {
				failed = append(failed, key.Short()+": "+err.Error())
			}
			continue
		}
		if o.GetDeletionTimestamp() != nil {
			waiting = append(waiting, blockedBy(o))
			continue
		}
		// as it was when it was seen to be ours: another application may just have taken it over
		err := w.Delete(ctx, cluster.DeleteRequest{Key: key, UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(), Propagation: propagation})
		a.Metrics.request("delete")
		if problem.Is(err, problem.Conflict) {
			err = a.deleteChanged(ctx, app, w, v, o, propagation)
		}
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

// deleteChanged deletes an object that has changed since it was seen to go with the application, if it still does.
func (a *Apps) deleteChanged(ctx context.Context, app *v1alpha1.Application, w *cluster.Writer, v *view, o *object.Object, propagation metav1.DeletionPropagation) error {
	key, options := object.KeyOf(o), deletionOptions(app)
	for range takeoverAttempts {
		now, err := v.cluster.Fetch(ctx, key, "")
		if err != nil {
			return err
		}
		if now.GetUID() != o.GetUID() || now.GetDeletionTimestamp() != nil || len(now.GetOwnerReferences()) > 0 ||
			a.Catalog.Settings().Tracking.Owner(now) != a.instance(app) || goes(app, options, now) != plan.Yes {
			return nil // the next look, which its change wakes, says what is to be done
		}
		err = w.Delete(ctx, cluster.DeleteRequest{Key: key, UID: now.GetUID(), ResourceVersion: now.GetResourceVersion(), Propagation: propagation})
		a.Metrics.request("delete")
		if !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil // it is written all the time: the next look tries again
}

// deletionOptions are the application's own, which objects can differ from.
func deletionOptions(app *v1alpha1.Application) plan.Options {
	return plan.ParseOptions(optionsOf(app, &v1alpha1.SyncOperation{}))
}

// goes reports whether an object goes with the application, as far as it says so itself: yes, no, or not before a person
// has confirmed it.
func goes(app *v1alpha1.Application, options plan.Options, o *object.Object) plan.Answer {
	answer := options.With(o).Delete
	switch {
	case o.GetAnnotations()[v1alpha1.AnnotationHelmResourcePolicy] == "keep":
		return plan.No
	case answer == plan.Confirm && deletionApproved(app, *app.DeletionTimestamp):
		return plan.Yes
	}
	return answer
}

// doomed lists the live objects that go with the application: marked as its own, the very ones it applied as far as
// that is known, not made by a controller, not wanted by another application, not protected by Delete=false. Those that
// ask for a person's confirmation, and have not got it since the deletion began, are named apart; so are those that the
// project does not permit any more, with the rule. What was never applied and is out of the project's reach only looks
// like ours: it has no say.
func (a *Apps) doomed(app *v1alpha1.Application, v *view) (list []*object.Object, unconfirmed, forbidden []string) {
	recorded := inventory(app, func(object.Key) *object.Object { return nil })
	permit := a.permit(v)
	_, ruleless := a.rules(v)
	live := v.cluster.Live(a.instance(app))
	options := deletionOptions(app)
	for _, key := range sortedKeys(live) {
		o := live[key]
		if uid := recorded[key]; uid != "" && uid != o.GetUID() || len(o.GetOwnerReferences()) > 0 {
			continue
		}
		if recorded[key] == "" && borrowed(a.Catalog.Settings().Tracking, o) {
			continue
		}
		if isPostDelete(o) && slices.Contains(app.Finalizers, v1alpha1.FinalizerPostDelete) { // its time comes
			continue
		}
		if o.GetUID() == app.UID { // an application that is in its own source would wait for itself for ever
			continue
		}
		if err := permit(key); err != nil {
			if _, known := recorded[key]; known || ruleless != nil {
				forbidden = append(forbidden, key.Short()+": "+err.Error())
			}
			continue
		}
		answer := goes(app, options, o)
		if answer == plan.No {
			continue
		}
		if others := a.claims.of(v.server, key); slices.ContainsFunc(others, func(n nameKey) bool { return n != nameOf(app) }) {
			continue
		}
		if answer == plan.Confirm && o.GetDeletionTimestamp() == nil {
			unconfirmed = append(unconfirmed, key.Short())
			continue
		}
		list = append(list, o)
	}
	return list, unconfirmed, forbidden
}

// deletionApproved reports whether a person has confirmed deletions since the given moment. The annotation stays on
// the Application, so an approval of an earlier deletion must not count for this one (Argo CD's rule: its value is
// the time, RFC 3339).
func deletionApproved(app *v1alpha1.Application, since metav1.Time) bool {
	at, err := time.Parse(time.RFC3339, app.Annotations[v1alpha1.AnnotationDeletionApproved])
	return err == nil && !at.Before(since.Truncate(time.Second))
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
