package object

import (
	"maps"
	"reflect"
	"testing"
	"unsafe"
)

// Two objects that were read apart share their texts afterwards, and say the same as before.
func TestWordsAreShared(t *testing.T) {
	read := func() *Object {
		items, err := Parse([]byte(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {app: web}}, spec: {template: {containers: [{image: "a:1", args: [serve]}]}}}`), "web.yaml")
		if err != nil {
			t.Fatal(err)
		}
		return items[0].Object
	}
	a, b, untouched := read(), read(), read()
	var w Words
	w.Share(a)
	w.Share(b)
	if !reflect.DeepEqual(a, untouched) || !reflect.DeepEqual(b, untouched) {
		t.Fatalf("%v and %v were %v", a.Object, b.Object, untouched.Object)
	}
	for key := range maps.Keys(a.Object) {
		for other := range maps.Keys(b.Object) {
			if key == other && unsafe.StringData(key) != unsafe.StringData(other) {
				t.Errorf("the key %s is there twice", key)
			}
		}
	}
	first, second := a.GetLabels()["app"], b.GetName()
	if unsafe.StringData(first) != unsafe.StringData(second) {
		t.Errorf("%q is there twice", first)
	}
}

func TestWordsOfASecretAreNotKept(t *testing.T) {
	var w Words
	w.Share(&Object{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"password": "aHVudGVyMg=="}}})
	if len(w.table) != 0 {
		t.Errorf("kept: %v", w.table)
	}
}

func TestWordsAreBounded(t *testing.T) {
	var w Words
	for i := range 3 * maxWords {
		w.shared(string([]byte{byte(i), byte(i >> 8), byte(i >> 16), 'x'}))
	}
	if len(w.table) > maxWords {
		t.Errorf("%d words", len(w.table))
	}
}
