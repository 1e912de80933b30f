package diff

import (
	"slices"

	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An application may turn from server-side to client-side apply (ServerSideApply=false). A client-side apply needs to
// know what the last apply said, and must not leave a server-side share behind: of a field that a client changed, the
// share would be gone for the comparison but not for the server. The way back is Takeover's.

// Held returns the part of live that manager applied server-side, as a manifest with apiVersion, kind and name; nil
// when it never did. It is what manager's last apply said, as far as it is still in force.
func Held(live *object.Object, manager string) *object.Object {
	for _, e := range entries(live) {
		if !e.isApplyOf(manager) {
			continue
		}
		r := &respecting{desired: live, live: live}
		held := r.keep("", side{live.Object, true}, side{}, share{e.fields, true}, nil)
		o := &object.Object{Object: map[string]any{}}
		if content, ok := held.v.(map[string]any); ok {
			o.Object = content
		}
		o.SetGroupVersionKind(live.GroupVersionKind())
		o.SetName(live.GetName())
		if live.GetNamespace() != "" {
			o.SetNamespace(live.GetNamespace())
		}
		return o
	}
	return nil
}

// ToClient returns live's managedFields with what manager applied server-side as fields that it wrote as a client;
// needed is false, and entries nil, when it never applied server-side. The caller writes them as Takeover says.
func ToClient(live *object.Object, manager string) (result []metav1.ManagedFieldsEntry, needed bool, err error) {
	result = live.GetManagedFields()
	mine := func(operation metav1.ManagedFieldsOperationType) int {
		return slices.IndexFunc(result, func(m metav1.ManagedFieldsEntry) bool {
			return m.Manager == manager && m.Operation == operation && m.Subresource == ""
		})
	}
	applied := mine(metav1.ManagedFieldsOperationApply)
	if applied < 0 {
		return nil, false, nil
	}
	if written := mine(metav1.ManagedFieldsOperationUpdate); written >= 0 { // the server takes one entry of a kind
		a, err := parse(result[applied])
		if err != nil {
			return nil, false, err
		}
		b, err := parse(result[written])
		if err != nil {
			return nil, false, err
		}
		result[applied].FieldsV1 = serialize(union(a, b))
		result[applied].Operation = metav1.ManagedFieldsOperationUpdate
		return slices.Delete(result, written, written+1), true, nil
	}
	result[applied].Operation = metav1.ManagedFieldsOperationUpdate
	return result, true, nil
}
