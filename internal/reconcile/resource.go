package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// GetResource returns a live object of an application in the version asked for, secret values masked. Beside what the
// application applied and what that owns, the orphans that its project has listed may be read.
func (a *Apps) GetResource(ctx context.Context, r Resource) ([]byte, error) {
	if err := a.ours(r.Application); err != nil {
		return nil, err
	}
	_, v, uid, err := a.actionable(r)
	if problem.Is(err, problem.NotFound) {
		if seen := a.peek(r.Application); seen != nil && slices.Contains(seen.orphans, r.Key) && seen.cluster != nil {
			app, appErr := a.Catalog.Application(r.Application)
			if live, ok := seen.cluster.Get(r.Key); ok && appErr == nil && a.permitNow(app, seen)(r.Key) == nil {
				v, uid, err = seen, live.GetUID(), nil
			}
		}
	}
	if err != nil {
		return nil, err
	}
	live, err := a.fetchSame(ctx, v, r, uid)
	if err != nil {
		return nil, err
	}
	return plainJSON(live)
}

// fetchSame reads the object from the API server, if it is still the one that was found to be the application's.
func (a *Apps) fetchSame(ctx context.Context, v *view, r Resource, uid types.UID) (*object.Object, error) {
	live, err := v.cluster.Fetch(ctx, r.Key, r.Version)
	if err == nil && live.GetUID() != uid {
		err = problem.New(problem.NotFound, "%s has just been replaced by another object", r.Key.Short()).WithHint("ask again")
	}
	return live, err
}

// PatchRequest changes a live object of an application.
type PatchRequest struct {
	Resource
	Type  types.PatchType // JSON, merge or strategic merge; empty is merge
	Patch []byte
	By    string // who asks, for the event
}

// maxPatch bounds a patch: no object may be larger.
const maxPatch = 3 << 20

// PatchResource changes a live object of an application and returns it as it is then, masked. The patch counts only for
// the object that was found to be the application's. What says to whom an object belongs, and what keeps it from being
// deleted, cannot be changed; records of Argo CD's own kinds have methods of their own; and a Secret takes no patch that
// could copy or test what is in it.
func (a *Apps) PatchResource(ctx context.Context, r PatchRequest) ([]byte, error) {
	ctx, leave, err := a.hold(ctx, r.Application)
	if err != nil {
		return nil, err
	}
	defer leave()
	app, v, uid, err := a.actionable(r.Resource)
	if err != nil {
		return nil, err
	}
	if r.Key.Group == v1alpha1.Group {
		return nil, problem.New(problem.Forbidden, "%s is a record of Hawser's own, and is not patched as a resource", r.Key.Short()).WithHint("change it through its own methods, which know who may")
	}
	bound, kind, err := r.bind(uid)
	if err != nil {
		return nil, err
	}
	w := a.writer(v)
	request := cluster.PatchRequest{Key: r.Key, Version: r.Version, Type: kind, Data: bound, Manager: v1alpha1.ActionFieldManager, DryRun: true}
	before, err := a.fetchSame(ctx, v, r.Resource, uid)
	if err != nil {
		return nil, err
	}
	asked, err := w.Patch(ctx, request)
	if err != nil {
		return nil, err
	}
	if what := a.offLimits(before, asked.Object); what != "" {
		return nil, problem.New(problem.Forbidden, "a patch of %s may not change %s", r.Key.Short(), what)
	}
	request.DryRun = false
	done, err := w.Patch(ctx, request)
	a.Metrics.request("patch")
	if err != nil {
		return nil, err
	}
	a.tellResource(app, r.By, v1alpha1.EventResourceUpdated, "patched", r.Key)
	return plainJSON(done.Object)
}

// bind ties a patch to one individual, and refuses what no patch may be.
func (r PatchRequest) bind(uid types.UID) ([]byte, types.PatchType, error) {
	kind := r.Type
	switch kind {
	case "":
		kind = types.MergePatchType
	case types.JSONPatchType, types.MergePatchType, types.StrategicMergePatchType:
	default:
		return nil, "", problem.New(problem.Invalid, "%q is not a type of patch", string(kind)).
			WithHint("%s, %s or %s", types.MergePatchType, types.StrategicMergePatchType, types.JSONPatchType)
	}
	if len(r.Patch) > maxPatch {
		return nil, "", problem.New(problem.Limit, "a patch of %d bytes is larger than %d", len(r.Patch), maxPatch)
	}
	wrong := func(err error) error {
		return problem.New(problem.Invalid, "the patch of %s cannot be read: %v", r.Key.Short(), err)
	}
	if kind == types.JSONPatchType {
		var steps []map[string]any
		if err := strictly(r.Patch, &steps); err != nil {
			return nil, "", wrong(err)
		}
		if r.Key.Group == "" && r.Key.Kind == "Secret" && slices.ContainsFunc(steps, func(s map[string]any) bool { return s["op"] != "add" && s["op"] != "replace" && s["op"] != "remove" }) {
			return nil, "", problem.New(problem.Forbidden, "a patch of a Secret may add, replace and remove, and not test or copy what is in it")
		}
		steps = append([]map[string]any{{"op": "test", "path": "/metadata/uid", "value": string(uid)}}, steps...)
		data, err := json.Marshal(steps)
		return data, kind, err
	}
	var patch map[string]any
	if err := strictly(r.Patch, &patch); err != nil {
		return nil, "", wrong(err)
	}
	metadata, ok := patch["metadata"].(map[string]any)
	if !ok && patch["metadata"] != nil {
		return nil, "", wrong(fmt.Errorf("metadata is no object"))
	}
	if patch == nil {
		return nil, "", wrong(fmt.Errorf("it is empty"))
	}
	metadata = maps.Clone(metadata)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["uid"] = string(uid)
	patch["metadata"] = metadata
	data, err := json.Marshal(patch)
	return data, kind, err
}

// strictly reads one JSON value and nothing after it, numbers as they are written.
func strictly(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more follows after its end")
	}
	return nil
}

// offLimits names what a patch would change and must not.
func (a *Apps) offLimits(before, after *object.Object) string {
	tracking := a.Catalog.Settings().Tracking
	switch {
	case object.Hash(before.GetOwnerReferences()) != object.Hash(after.GetOwnerReferences()):
		return "metadata.ownerReferences"
	case object.Hash(before.GetFinalizers()) != object.Hash(after.GetFinalizers()):
		return "metadata.finalizers"
	case tracking.Owner(before) != tracking.Owner(after), before.GetAnnotations()[object.TrackingAnnotation] != after.GetAnnotations()[object.TrackingAnnotation],
		before.GetAnnotations()[object.InstallationAnnotation] != after.GetAnnotations()[object.InstallationAnnotation]:
		return "to which application it belongs"
	}
	return ""
}

// DeleteRequest deletes a live object of an application.
type DeleteRequest struct {
	Resource
	Force  bool // without its grace period
	Orphan bool // what it owns stays
	By     string
}

// DeleteResource asks for the deletion of a live object of an application; what it owns goes first, unless Force or
// Orphan say otherwise. Self-heal brings back what Git has.
func (a *Apps) DeleteResource(ctx context.Context, r DeleteRequest) error {
	ctx, leave, err := a.hold(ctx, r.Application)
	if err != nil {
		return err
	}
	defer leave()
	app, v, uid, err := a.actionable(r.Resource)
	if err != nil {
		return err
	}
	request := cluster.DeleteRequest{Key: r.Key, UID: uid, Propagation: metav1.DeletePropagationForeground}
	switch {
	case r.Orphan:
		request.Propagation = metav1.DeletePropagationOrphan
	case r.Force:
		request.Propagation, request.Now = metav1.DeletePropagationBackground, true
	}
	err = a.writer(v).Delete(ctx, request)
	a.Metrics.request("delete")
	if err != nil {
		return err
	}
	a.tellResource(app, r.By, v1alpha1.EventResourceDeleted, "deleted", r.Key)
	return nil
}

// tellResource says on the application who did what to an object of it.
func (a *Apps) tellResource(app *v1alpha1.Application, who, reason, did string, key object.Key) {
	if who == "" {
		who = "Unknown user"
	}
	a.Catalog.Event(app, "Normal", reason, fmt.Sprintf("%s %s resource %s/%s '%s'", who, did, key.Group, key.Kind, key.Name))
	a.Log.Info("resource "+did, "application", a.called(nameOf(app)), "resource", key.String(), "by", who)
}
