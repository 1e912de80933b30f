package cluster

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/mergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

// annotationsLimit is what the server takes of annotations on one object, in bytes (apimachinery's
// TotalAnnotationSizeLimitB).
const annotationsLimit = 256 << 10

// ClientSideRequest is one apply the old way (the sync option ServerSideApply=false).
type ClientSideRequest struct {
	Object           *object.Object // as it shall be, secrets in plain text
	Manager          string         // field manager; DefaultManager when empty
	DryRun, Validate bool
	Adjust           Adjust
}

// ApplyClientSide makes the object what the request says as `kubectl apply` does: a three-way patch of what the last
// apply was given (an annotation on the object), what is wanted and what is live. Nothing is sent when the patch is
// empty. Fields are owned with operation Update.
//
// On an object that we applied server-side until now, what we own stands for the last apply, and the ownership is
// turned into that of a client: with both, a field could be changed by others unseen.
func (w *Writer) ApplyClientSide(ctx context.Context, r ClientSideRequest) (Applied, error) {
	t, err := named(w.target(ctx, object.KeyOf(r.Object), r.Object.GroupVersionKind().Version))
	if err != nil {
		return Applied{}, err
	}
	a, err := again(func() (Applied, error) { return w.applyClientSide(ctx, t, r) })
	if err != nil || r.DryRun {
		return a, err
	}
	// After the apply and not before: from now on the annotation tells what Git said, so that nothing is lost if we are
	// stopped in between.
	if diff.Held(a.Object, manager(r.Manager)) != nil {
		o, err := again(func() (Applied, error) { return w.becomeClient(ctx, t, manager(r.Manager)) })
		if err != nil {
			return Applied{}, err
		}
		a.Object = o.Object
	}
	return a, nil
}

func (w *Writer) applyClientSide(ctx context.Context, t target, r ClientSideRequest) (Applied, error) {
	live, err := w.c.plain(ctx, t)
	if err != nil {
		return Applied{}, err
	}
	desired := object.FoldStringData(r.Object)
	if r.Adjust != nil {
		if desired, err = r.Adjust(desired, live); err != nil {
			problem.Wrap(&err, "prepare %s", describe(t.key))
			return Applied{}, err
		}
	}
	wanted, err := withLastApplied(payload(desired, t))
	if err != nil {
		problem.Wrap(&err, "apply %s", describe(t.key))
		return Applied{}, err
	}
	if live == nil {
		return w.Create(ctx, CreateRequest{Object: wanted, Manager: r.Manager, DryRun: r.DryRun, Validate: r.Validate})
	}
	before := w.c.index.get(t.key)
	kind, patch, err := threeWay(t, lastAppliedTo(live, manager(r.Manager)), wanted, live)
	if err == nil && r.Adjust != nil && string(patch) != "{}" { // it may repeat, in a list, what live had in it
		patch, err = atVersion(patch, live.GetResourceVersion())
	}
	if err != nil {
		return Applied{}, problem.Because(problem.Invalid, err, "apply %s: work out the patch", describe(t.key)).
			WithHint("correct the field named, or sync with ServerSideApply=true")
	}
	if string(patch) == "{}" {
		return Applied{Object: w.c.masker.Mask(live), Result: Unchanged}, nil
	}
	options := metav1.PatchOptions{FieldManager: manager(r.Manager), FieldValidation: validation(r.Validate), DryRun: dryRun(r.DryRun)}
	answer, err := w.do(ctx, "apply", t, w.c.rest.Patch(kind).AbsPath(t.path()...).Body(patch).
		SpecificallyVersionedParams(&options, metav1.ParameterCodec, metav1.Unversioned), r.DryRun)
	if err != nil {
		return Applied{}, nameChanged(err, before, wanted)
	}
	same := answer.Object.GetResourceVersion() == live.GetResourceVersion()
	if r.DryRun {
		same = reflect.DeepEqual(content(w.c.masker.Mask(live)), content(answer.Object))
	}
	if answer.Result = Configured; same { // the patch said in other words what is there
		answer.Result = Unchanged
	}
	return answer.Applied, nil
}

// atVersion makes a merge patch one of that version of the object, and of no other.
func atVersion(patch []byte, version string) ([]byte, error) {
	var p map[string]any
	if err := json.Unmarshal(patch, &p); err != nil {
		return nil, err
	}
	metadata, _ := p["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
		p["metadata"] = metadata
	}
	metadata["resourceVersion"] = version
	return json.Marshal(p)
}

// withLastApplied returns o with a copy of itself in the annotation, written as kubectl writes it.
func withLastApplied(o *object.Object) (*object.Object, error) {
	annotations := o.GetAnnotations()
	delete(annotations, lastApplied)
	o = o.DeepCopy()
	o.SetAnnotations(annotations)
	data, err := json.Marshal(o.Object)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "copy the manifest into an annotation")
	}
	if len(data) >= annotationsLimit {
		return nil, problem.New(problem.Limit, "a client-side apply keeps a copy of the manifest in an annotation, and %d bytes are more than the %d that the server allows", len(data), annotationsLimit).
			WithHint("sync with ServerSideApply=true, which needs no copy")
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[lastApplied] = string(data) + "\n"
	o.SetAnnotations(annotations)
	return o, nil
}

// lastAppliedTo returns what the last apply was given; nil when nobody knows: then nothing of live is removed.
func lastAppliedTo(live *object.Object, manager string) *object.Object {
	text := live.GetAnnotations()[lastApplied]
	if text == "" {
		return diff.Held(live, manager)
	}
	o := &object.Object{}
	if json.Unmarshal([]byte(text), &o.Object) != nil || o.Object == nil {
		return nil
	}
	return object.FoldStringData(o)
}

// becomeClient turns the ownership that server-side applies left into that of a client.
func (w *Writer) becomeClient(ctx context.Context, t target, manager string) (Applied, error) {
	live, err := w.c.fetch(ctx, t)
	if err != nil {
		return Applied{}, err
	}
	entries, needed, err := diff.ToClient(live, manager)
	if err != nil || !needed {
		return Applied{Object: live}, err
	}
	_, err = w.takeOver(ctx, t, ApplyRequest{Manager: manager, ManagedFields: entries, LiveVersion: live.GetResourceVersion()})
	if err != nil {
		return Applied{}, err
	}
	live, err = w.c.fetch(ctx, t)
	return Applied{Object: live}, err
}

// threeWay works out the patch from last to wanted on live: a strategic merge patch for the kinds whose Go types say
// how their lists merge, a JSON merge patch, which replaces lists, for all others. "{}" means that there is nothing to do.
func threeWay(t target, last, wanted, live *object.Object) (types.PatchType, []byte, error) {
	var was []byte
	if last != nil {
		var err error
		if was, err = json.Marshal(last.Object); err != nil {
			return "", nil, err
		}
	}
	want, err := json.Marshal(wanted.Object)
	if err != nil {
		return "", nil, err
	}
	have, err := json.Marshal(live.Object)
	if err != nil {
		return "", nil, err
	}
	typed, err := scheme.Scheme.New(t.kind.GVK.GroupKind().WithVersion(t.kind.GVR.Version))
	switch {
	case runtime.IsNotRegisteredError(err):
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(was, want, have,
			mergepatch.RequireKeyUnchanged("apiVersion"), mergepatch.RequireKeyUnchanged("kind"), mergepatch.RequireMetadataKeyUnchanged("name"))
		return types.MergePatchType, patch, err
	case err != nil:
		return "", nil, err
	}
	meta, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return "", nil, err
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(was, want, have, meta, true)
	if err != nil && strings.Contains(err.Error(), "unable to find api field") {
		// Our types do not have the field: a newer server may, or it is a mistake, which the server tells better than
		// we can. Lists are replaced then.
		patch, err = jsonmergepatch.CreateThreeWayJSONMergePatch(was, want, have)
		return types.MergePatchType, patch, err
	}
	return types.StrategicMergePatchType, patch, err
}
