package reconcile

import (
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// That an application is to sleep is noted in each operation that begins meanwhile, and that it is woken in those that do
// it, until one succeeds.
func TestTurns(t *testing.T) {
	asleep, awake := &view{spec: spec{asleep: "true"}}, &view{}
	person := v1alpha1.Info{Name: "Reason", Value: "a person's"}
	var last *v1alpha1.OperationState
	for i, step := range []struct {
		v     *view
		phase v1alpha1.OperationPhase
		note  string
		turns bool // before it begins
		slept bool // when it has ended
	}{
		{awake, v1alpha1.OperationSucceeded, "", false, false},
		{asleep, v1alpha1.OperationSucceeded, "true", true, true},
		{asleep, v1alpha1.OperationFailed, "true", false, true},
		{awake, v1alpha1.OperationFailed, "false", true, true},
		{awake, v1alpha1.OperationRunning, "false", false, true},
		{awake, v1alpha1.OperationSucceeded, "false", false, false},
		{awake, v1alpha1.OperationSucceeded, "", false, false},
	} {
		if got := turns(last, step.v); got != step.turns {
			t.Errorf("%d: turns: %v", i, got)
		}
		op := noteRest(&v1alpha1.Operation{Info: []v1alpha1.Info{{Name: noteAsleep, Value: "true"}, person}}, last, step.v)
		last = &v1alpha1.OperationState{Operation: *op, Phase: step.phase}
		if op.Info[0] != person || restNote(last) != step.note || slept(last) != step.slept {
			t.Errorf("%d: %v, slept %v", i, op.Info, slept(last))
		}
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
