package reconcile

import (
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// That an application is to sleep is noted in each operation that begins meanwhile, and in no other.
func TestTurns(t *testing.T) {
	asleep, awake := &view{spec: spec{asleep: "true"}}, &view{}
	op := func(v *view, before ...v1alpha1.Info) *v1alpha1.OperationState {
		return &v1alpha1.OperationState{Operation: *noteRest(&v1alpha1.Operation{Info: before}, v)}
	}
	note := v1alpha1.Info{Name: "Reason", Value: "a person's"}
	for name, c := range map[string]struct {
		last *v1alpha1.OperationState
		v    *view
		want bool
	}{
		"falls asleep":         {op(awake, note), asleep, true},
		"sleeps on":            {op(asleep, note), asleep, false},
		"wakes":                {op(asleep), awake, true},
		"stays awake":          {op(awake), awake, false},
		"was never synced":     {nil, asleep, false},
		"a record taken along": {op(awake, v1alpha1.Info{Name: noteAsleep, Value: "true"}), awake, false},
	} {
		if got := turns(c.last, c.v); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if info := op(asleep, note).Operation.Info; len(info) != 2 || info[0] != note {
		t.Errorf("the notes are %v", info)
	}
}

// As long as an application sleeps, rules that leave replicas to others do not count; the rest of them do.
func TestRulesForRest(t *testing.T) {
	rules := []v1alpha1.ResourceIgnoreDifferences{
		{Group: "apps", Kind: "Deployment", JSONPointers: []string{"/spec/replicas"}},
		{Group: "apps", Kind: "Deployment", JSONPointers: []string{"/spec/replicas", "/spec/paused"}, JQPathExpressions: []string{" .spec.replicas", ".spec.x"}},
		{Kind: "Service", ManagedFieldsManagers: []string{"x"}},
	}
	got := forRest(rules)
	if len(got) != 2 || len(got[0].JSONPointers) != 1 || got[0].JSONPointers[0] != "/spec/paused" || len(got[0].JQPathExpressions) != 1 || got[1].Kind != "Service" {
		t.Errorf("%+v", got)
	}
	if len(rules[1].JSONPointers) != 2 {
		t.Error("what was given was changed")
	}
}
