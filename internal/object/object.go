// Package object holds a Kubernetes object as data: its key, sets of objects, YAML in, tracking marks, stable hash.
//
// The idea: everything the engine compares, plans and applies is an Object named by a Key. Read Key and Set first;
// Parse is the only YAML reader. The package refuses to talk to a cluster and to know a schema.
package object

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is one Kubernetes object as it stands on the wire. Objects that left their maker are never changed in
// place: DeepCopy first.
type Object = unstructured.Unstructured

// Key names an object in a cluster. The version is not part of it: the same object can be read in several.
type Key struct {
	Group, Kind, Namespace, Name string
}

// KeyOf returns the key of o.
func KeyOf(o *Object) Key {
	gvk := o.GroupVersionKind()
	return Key{Group: gvk.Group, Kind: gvk.Kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

// GroupKind returns the kind that the key is of.
func (k Key) GroupKind() schema.GroupKind { return schema.GroupKind{Group: k.Group, Kind: k.Kind} }

// String returns group/kind/namespace/name, with empty parts kept so that it can be split again.
func (k Key) String() string {
	return k.Group + "/" + k.Kind + "/" + k.Namespace + "/" + k.Name
}

// Annotation returns an annotation of o, and whether it is there. (GetAnnotations makes a copy of all of them.)
func Annotation(o *Object, name string) (value string, ok bool) {
	metadata, _ := o.Object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, ok = annotations[name].(string)
	return value, ok
}

// InNamespace returns o in the namespace, or in none when it is empty. It shares with o all but its metadata.
func InNamespace(o *Object, namespace string) *Object {
	o = onTop(o)
	o.SetNamespace(namespace)
	return o
}

// onTop returns a copy of o whose metadata can be set; the rest is shared.
func onTop(o *Object) *Object {
	content := maps.Clone(o.Object)
	if metadata, ok := content["metadata"].(map[string]any); ok {
		content["metadata"] = maps.Clone(metadata)
	}
	return &Object{Object: content}
}

// Short returns Kind/name, as messages for people name an object.
func (k Key) Short() string { return k.Kind + "/" + k.Name }

// Compare orders keys by group, kind, namespace, name.
func (k Key) Compare(o Key) int {
	return cmp.Or(strings.Compare(k.Group, o.Group), strings.Compare(k.Kind, o.Kind),
		strings.Compare(k.Namespace, o.Namespace), strings.Compare(k.Name, o.Name))
}

// Hash returns a stable digest (sha256, hex) of v's JSON; maps are ordered by key.
func Hash(v any) string {
	data, err := json.Marshal(v)
	if err != nil { // only values that JSON cannot hold at all: a programming error, not an input
		panic("object.Hash: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
