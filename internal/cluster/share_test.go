package cluster

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/hawser-cd/hawser/internal/object"
)

func withFields(name string, sets ...map[string]any) *object.Object {
	var entries []any
	for i, s := range sets {
		entries = append(entries, map[string]any{"manager": fmt.Sprint(i), "fieldsV1": s})
	}
	return &object.Object{Object: map[string]any{"metadata": map[string]any{"name": name, "managedFields": entries}}}
}

func setOf(o *object.Object, i int) map[string]any {
	entries := o.Object["metadata"].(map[string]any)["managedFields"].([]any)
	return entries[i].(map[string]any)["fieldsV1"].(map[string]any)
}

// One map for what is equal, another for what differs, however little; and no object says anything else than before.
func TestObjectsShareFieldSets(t *testing.T) {
	set := func(replicas string) map[string]any {
		return map[string]any{"f:metadata": map[string]any{"f:labels": map[string]any{"f:app": map[string]any{}}}, "f:spec": map[string]any{replicas: map[string]any{}, ".": map[string]any{}}}
	}
	f := &fieldSets{}
	a, b, c := withFields("a", set("f:replicas")), withFields("b", set("f:paused"), set("f:replicas")), withFields("c")
	for _, o := range []*object.Object{a, b, c, {Object: map[string]any{}}} {
		before := o.DeepCopy()
		f.share(o)
		if !reflect.DeepEqual(before, o) {
			t.Errorf("%v became %v", before, o)
		}
	}
	same := func(x, y map[string]any) bool { return reflect.ValueOf(x).Pointer() == reflect.ValueOf(y).Pointer() }
	if !same(setOf(a, 0), setOf(b, 1)) || same(setOf(a, 0), setOf(b, 0)) {
		t.Error("equal sets are not shared, or others are")
	}
	// siblings that swap their content are another set
	x := map[string]any{"f:a": map[string]any{"f:x": map[string]any{}}, "f:b": map[string]any{}}
	y := map[string]any{"f:b": map[string]any{"f:x": map[string]any{}}, "f:a": map[string]any{}}
	if f.sum(x) == f.sum(y) {
		t.Error("one sum for different sets")
	}
	for i := range 2 * maxFieldSets {
		f.share(withFields("many", map[string]any{fmt.Sprint(i): map[string]any{}}))
	}
	if len(f.sets) > maxFieldSets {
		t.Errorf("%d sets are kept", len(f.sets))
	}
}

func TestVersionsShareWhatHasNotChanged(t *testing.T) {
	version := func(replicas, ready int64) *object.Object {
		return &object.Object{Object: map[string]any{"spec": map[string]any{"replicas": replicas}, "data": map[string]any{"a": "b"}, "status": map[string]any{"ready": ready}}}
	}
	before, now := version(1, 0), version(2, 1)
	inherit(now, before)
	if !reflect.DeepEqual(now, version(2, 1)) {
		t.Errorf("%v", now)
	}
	before.Object["data"].(map[string]any)["a"] = "shared"
	if now.Object["data"].(map[string]any)["a"] != "shared" {
		t.Error("what has not changed is kept twice")
	}
}
