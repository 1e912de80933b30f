package reconcile

import (
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
)

// contestant makes a view in which the Deployment's replicas differ, written by a manager.
func contestant(manager string) *view {
	return &view{objects: map[object.Key]*compared{web: {key: web, wantHash: "w", live: &object.Object{Object: map[string]any{}}, status: v1alpha1.SyncStatusOutOfSync,
		changes: []diff.Change{{Path: "spec.replicas", Pointer: "/spec/replicas", Manager: manager, Time: time.Unix(0, 0)}}}}}
}

var both = []v1alpha1.SyncOperationResource{resource(web), resource(object.Key{Kind: "ConfigMap", Name: "other"})}

func TestContests(t *testing.T) {
	at := func(minutes int) time.Time { return time.Unix(0, 0).Add(time.Duration(minutes) * time.Minute) }
	h := heals{}
	v := contestant("some-operator")
	for i := range 3 {
		h.observe(v, at(i))
		if h.open() {
			t.Fatalf("given up after %d times", i)
		}
		h.note(both[:1], v, at(i), settings)
	}
	h.observe(v, at(3))
	if rules := h.leave(); len(rules) != 1 || rules[0].Kind != "Deployment" || rules[0].JSONPointers[0] != "/spec/replicas" {
		t.Fatalf("not given up: %v", rules)
	}
	if due, _ := h.due(both, v, at(60), settings); len(due) != 1 || due[0].Name != "other" {
		t.Errorf("due %v", due)
	}
	h.observe(v, at(20)) // nobody wrote it for ten minutes: once more
	if h.open() {
		t.Error("still given up")
	}

	h.observe(v, at(21))
	h.note(both[:1], v, at(21), settings)
	h.note(both[:1], v, at(27), settings)
	h.note(both[:1], v, at(33), settings) // not within ten minutes
	if h.observe(v, at(34)); h.open() {
		t.Error("given up although it was not that often")
	}

	people := heals{}
	for i := range 9 {
		people.note(both[:1], contestant("kubectl-edit"), at(0), settings)
		if people.observe(contestant("kubectl-edit"), at(0)); people.open() {
			t.Fatalf("given up to a person after %d times", i)
		}
	}
	if due, next := people.due(both[:1], contestant("kubectl-edit"), at(0), settings); len(due) != 1 || next != 0 {
		t.Errorf("a person's change waits %v", next)
	}
}

func TestContestsEnd(t *testing.T) {
	now := time.Unix(0, 0)
	fought := func() heals {
		h := heals{}
		for range 3 {
			h.note(both[:1], contestant("some-operator"), now, settings)
		}
		h.observe(contestant("some-operator"), now)
		if !h.open() {
			t.Fatal("not given up")
		}
		return h
	}
	for name, end := range map[string]func(heals){
		"a commit changes the object": func(h heals) {
			v := contestant("some-operator")
			v.objects[web].wantHash = "another"
			h.observe(v, now)
		},
		"the other gives the field up": func(h heals) {
			v := contestant("some-operator")
			v.objects[web].changes = nil
			h.observe(v, now)
		},
		"a person syncs all":        func(h heals) { h.forget(nil) },
		"a person syncs the object": func(h heals) { h.forget(both[:1]) },
		"Git drops the object": func(h heals) {
			h.observe(&view{}, now.Add(time.Hour))
		},
	} {
		h := fought()
		if end(h); h.open() {
			t.Errorf("%s: still given up", name)
		}
	}
	h := fought()
	h.forget(both[1:])
	if !h.open() {
		t.Error("a sync of another object ended it")
	}
}

// What is pruned and made again, by whatever, is not deleted at full speed.
func TestPrunesArePaced(t *testing.T) {
	now := time.Unix(0, 0)
	h, v := heals{}, &view{}
	h.note(both[1:], v, now, settings)
	h.observe(v, now)
	if due, next := h.due(both[1:], v, now, settings); len(due) != 0 || next <= 0 {
		t.Errorf("due %v, next in %v", due, next)
	}
}
