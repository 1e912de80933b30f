package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
)

// A preview's home is the namespace that was made for it. That it was made, and not found, is what permits to delete it:
// it is created by a request that fails when it is there already, with a mark in the same request, under a manager's name
// that writes nothing else. Nothing ever puts that mark on a namespace that is there.

const (
	homeManager   = v1alpha1.DefaultFieldManager + "-previews"
	homeLookEvery = 2 * time.Second // while a namespace goes
	eventHomeKept = "PreviewNamespaceKept"
)

// installation tells this Hawser from others that deploy to the same clusters: the UID of its default project, or nothing.
func (a *Apps) installation() string {
	p, err := a.Catalog.Project(v1alpha1.DefaultProject)
	if err != nil {
		return ""
	}
	return string(p.UID)
}

func (a *Apps) homeFor(app *v1alpha1.Application) (appset.Home, bool) {
	if app.Spec.Destination.Namespace == a.Namespace || app.Spec.Destination.Namespace == app.Namespace { // where records are
		return appset.Home{}, false
	}
	return appset.HomeFor(app, a.installation())
}

func homeKey(app *v1alpha1.Application) object.Key {
	return object.Key{Kind: "Namespace", Name: app.Spec.Destination.Namespace}
}

// checkHome refuses a preview whose namespace is there and was made for somebody else: neither would its quota be its
// own, nor could anything be removed with it.
func (a *Apps) checkHome(app *v1alpha1.Application, v *view) error {
	want, own := a.homeFor(app)
	if !own {
		if app.Annotations[appset.AnnotationPreviewNamespace] == "" {
			return nil
		}
		return problem.New(problem.Invalid, "namespace %q can be no preview's own", app.Spec.Destination.Namespace).WithHint("have the ApplicationSet's template name another destination.namespace")
	}
	live, exists := v.cluster.Get(homeKey(app))
	if !exists || live.GetDeletionTimestamp() != nil { // an earlier one's, on its way out
		return nil
	}
	return isHome(live, want)
}

// isHome is nil for a namespace that was made for who wants it.
func isHome(live *object.Object, want appset.Home) error {
	if home, ok := appset.HomeOf(live.GetLabels(), live.GetAnnotations()); !ok || !home.Houses(want) {
		return problem.New(problem.Invalid, "namespace %s is there already, and was not made for this preview", live.GetName()).
			WithHint("have the ApplicationSet's template name another one, or take %s away from it: then the preview goes into the namespace as it is", appset.AnnotationPreviewNamespace)
	}
	return nil
}

// homeItems are the objects that come with the application's home.
func homeItems(app *v1alpha1.Application) (items []object.Item, err error) {
	list, err := appset.HomeObjects(app)
	for _, o := range list {
		items = append(items, object.Item{Object: &object.Object{Object: o}, Origin: object.Origin{Path: "the ApplicationSet's " + o["kind"].(string)}})
	}
	return items, err
}

// homeKeys names the same objects to the plan: they are applied right after the namespace.
func homeKeys(app *v1alpha1.Application, v *view) map[object.Key]bool {
	items, err := homeItems(app)
	if err != nil {
		return nil
	}
	keys := map[object.Key]bool{}
	for _, i := range items {
		keys[object.KeyOf(i.Object)] = true
	}
	return keys
}

// unmarked reports whether an existing home is to be marked as that of the application as it is now: it was made for an
// earlier one of the same pull request.
func (a *Apps) unmarked(app *v1alpha1.Application, v *view, key object.Key) bool {
	want, own := a.homeFor(app)
	live, exists := v.cluster.Get(key)
	if !own || !exists {
		return false
	}
	home, ok := appset.HomeOf(live.GetLabels(), live.GetAnnotations())
	return ok && home.Houses(want) && home.UID != want.UID && !a.lives(home)
}

// lives reports whether the application for which a namespace was made is still there.
func (a *Apps) lives(home appset.Home) bool {
	return slices.ContainsFunc(a.Catalog.Applications(), func(app *v1alpha1.Application) bool { return app.UID == home.UID })
}

// makeHome creates the namespace of a preview with the mark that it was created for it. The entry has no phase when the
// step is about something else, or when there is more to write to the namespace.
func (a *Apps) makeHome(ctx context.Context, app *v1alpha1.Application, w *cluster.Writer, v *view, s plan.Step) (plan.Entry, error) {
	want, own := a.homeFor(app)
	if !own || s.DryRun || s.Key != homeKey(app) || s.Phase != v1alpha1.SyncPhasePreSync {
		return plan.Entry{}, nil
	}
	ns := &object.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	ns.SetName(s.Key.Name)
	ns.SetLabels(map[string]string{appset.LabelPreview: "true"})
	ns.SetAnnotations(map[string]string{appset.AnnotationPreviewOf: want.Text()})
	done := plan.Entry{Status: v1alpha1.ResultSynced, Message: kubectlName(s.Key) + " created", Phase: v1alpha1.OperationRunning}
	_, err := w.Create(ctx, cluster.CreateRequest{Object: ns, Manager: homeManager, Validate: true})
	a.Metrics.request("create")
	if problem.Is(err, problem.Conflict) || problem.Is(err, problem.Unavailable) { // it may be there, or have been made just now
		live, readErr := v.cluster.Whole(ctx, s.Key)
		switch {
		case readErr != nil && !problem.Is(readErr, problem.NotFound):
			err = readErr
		case readErr != nil:
		case live.GetDeletionTimestamp() != nil:
			err = problem.New(problem.Unavailable, "namespace %s is on its way out", s.Key.Name)
		default:
			done.Message = kubectlName(s.Key) + " unchanged"
			err = a.moveIn(ctx, w, live, want)
		}
	}
	if err != nil {
		return plan.Entry{}, err
	}
	if len(s.Object.GetLabels())+len(s.Object.GetAnnotations()) > 0 {
		return plan.Entry{}, nil
	}
	return done, nil
}

// moveIn takes over a home that was made for an earlier application of the same pull request, which is gone.
func (a *Apps) moveIn(ctx context.Context, w *cluster.Writer, live *object.Object, want appset.Home) error {
	if err := isHome(live, want); err != nil {
		return err
	}
	home, _ := appset.HomeOf(live.GetLabels(), live.GetAnnotations())
	if home.UID == want.UID || a.lives(home) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": live.GetUID(), "resourceVersion": live.GetResourceVersion(),
		"annotations": map[string]any{appset.AnnotationPreviewOf: want.Text()}}})
	if err != nil {
		return err
	}
	_, err = w.Patch(ctx, cluster.PatchRequest{Key: object.KeyOf(live), Type: types.MergePatchType, Data: patch, Manager: homeManager})
	a.Metrics.request("patch")
	return err
}

// leaveHome deletes the namespace of an application that is being deleted, once its objects are gone, and reports whether
// that is over: it is gone, or it stays. It stays when it was not made for this application, or holds what somebody else
// has put there by Git; and when hooks are still to run in it: then the sweep takes it.
func (a *Apps) leaveHome(ctx context.Context, app *v1alpha1.Application, v *view) (over bool, err error) {
	want, own := a.homeFor(app)
	if !own || slices.ContainsFunc(hookFinalizers(v1alpha1.FinalizerPostDelete), func(f string) bool { return slices.Contains(app.Finalizers, f) }) {
		return true, nil
	}
	live, err := v.cluster.Whole(ctx, homeKey(app))
	switch {
	case problem.Is(err, problem.NotFound):
		return true, nil
	case err != nil:
		return false, err
	}
	home, marked := appset.HomeOf(live.GetLabels(), live.GetAnnotations())
	if !marked || home.UID != want.UID || !markedHome(live) { // never made for it
		return true, nil
	}
	if live.GetDeletionTimestamp() != nil {
		if time.Since(live.GetDeletionTimestamp().Time) > 30*time.Second {
			return false, problem.New(problem.Conflict, "waiting for deletion of namespace %s: %s", live.GetName(), lingering(live))
		}
		return false, nil
	}
	if why := a.othersIn(v.cluster, v.server, live.GetName(), nameOf(app), plan.ParseOptions(optionsOf(app, &v1alpha1.SyncOperation{}))); why != "" {
		a.Catalog.Event(app, "Warning", eventHomeKept, "namespace "+live.GetName()+" stays: "+why)
		return true, nil
	}
	return false, a.deleteHome(ctx, a.writer(v), live)
}

// deleteHome deletes a namespace as it was seen.
func (a *Apps) deleteHome(ctx context.Context, w *cluster.Writer, live *object.Object) error {
	err := w.Delete(ctx, cluster.DeleteRequest{Key: object.KeyOf(live), UID: live.GetUID(), ResourceVersion: live.GetResourceVersion(), Propagation: metav1.DeletePropagationBackground})
	a.Metrics.request("delete")
	if problem.Is(err, problem.NotFound) || problem.Is(err, problem.Conflict) { // it changed: it is looked at again
		return nil
	}
	return err
}

// markedHome reports whether it was us who put the mark on a namespace.
func markedHome(ns *object.Object) bool {
	return slices.ContainsFunc(ns.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager == homeManager && m.FieldsV1 != nil && bytes.Contains(m.FieldsV1.GetRawBytes(), []byte(`"f:`+appset.AnnotationPreviewOf+`"`))
	})
}

// othersIn says why a namespace cannot go with the application of that name: another one is deployed there, or something
// in it is to be kept.
func (a *Apps) othersIn(c *cluster.Cluster, server, namespace string, app nameKey, options plan.Options) string {
	if appset.Reserved(namespace) || namespace == a.Namespace {
		return "it is no preview's"
	}
	for _, other := range a.Catalog.Applications() {
		switch {
		case nameOf(other) == app:
		case other.Namespace == namespace:
			return "the record of application " + other.Name + " is there"
		case other.Spec.Destination.Namespace == namespace && a.serverOf(other) == server:
			return "application " + a.called(nameOf(other)) + " is deployed there"
		}
	}
	tracking, own := a.Catalog.Settings().Tracking, object.Instance(a.Namespace, app.Namespace, app.Name)
	for _, o := range c.InNamespace(namespace) {
		if owner := tracking.Owner(o); owner != "" && owner != own && len(o.GetOwnerReferences()) == 0 {
			return object.KeyOf(o).Short() + " is part of application " + owner
		}
		if options.With(o).Delete != plan.Yes || o.GetAnnotations()[v1alpha1.AnnotationHelmResourcePolicy] == "keep" {
			return object.KeyOf(o).Short() + " is to be kept"
		}
	}
	return ""
}

// lingering is what the API server says of a namespace that does not go.
func lingering(ns *object.Object) string {
	status, _ := ns.Object["status"].(map[string]any)
	list, _ := status["conditions"].([]any)
	text := "something in it has a finalizer"
	for _, c := range list {
		c, _ := c.(map[string]any)
		if message, _ := c["message"].(string); c["status"] == "True" && message != "" {
			text = message
		}
	}
	return clip(text, maxHealthMessages)
}
