package reconcile

import (
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func operationTo(revision string) *v1alpha1.Operation {
	return &v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{Revision: revision}}
}

// What becomes of a hub's operation depends on whose it is, whether the agent has taken it, and whether it is over there.
func TestMirroredOperation(t *testing.T) {
	a, b := operationTo("a"), operationTo("b")
	mark := func(who string, op *v1alpha1.Operation) string { return who + ":" + object.Hash(op) }
	for name, c := range map[string]struct {
		have   *v1alpha1.Operation
		mark   string
		theirs *v1alpha1.Operation
		taken  string
		want   *v1alpha1.Operation
		marked string
	}{
		"nothing at either end":            {nil, "", nil, "", nil, ""},
		"the agent's own begins":           {nil, "", a, "", a, mark("agent", a)},
		"the agent's own goes on":          {a, mark("agent", a), a, "", a, mark("agent", a)},
		"the agent's own is over":          {a, mark("agent", a), nil, "", nil, ""},
		"the agent's own makes way":        {a, mark("agent", a), b, "", b, mark("agent", b)},
		"a person's has no mark yet":       {a, "", nil, "", a, ""},
		"a person's after one of the past": {b, mark("1", a), nil, "1", b, mark("1", a)},
		"a person's is not taken yet":      {a, mark("2", a), nil, "1", a, mark("2", a)},
		"while the agent does another":     {a, mark("2", a), b, "1", a, mark("2", a)},
		"a person's is under way":          {a, mark("2", a), a, "2", a, mark("2", a)},
		"a person's is over":               {a, mark("2", a), nil, "2", nil, ""},
		"a person takes theirs back":       {nil, mark("2", a), nil, "1", nil, ""},
	} {
		app := &v1alpha1.Application{Operation: c.have}
		setAnnotation(app, annotationRemoteOperation, c.mark)
		got, marked := mirroredOperation(app, c.theirs, c.taken)
		if object.Hash(got) != object.Hash(c.want) || marked != c.marked {
			t.Errorf("%s: %+v marked %q, want %+v marked %q", name, got, marked, c.want, c.marked)
		}
	}
}

func TestMirroredFinalizers(t *testing.T) {
	app := &v1alpha1.Application{}
	app.Finalizers = []string{v1alpha1.FinalizerResources, "somebody/else", v1alpha1.FinalizerPreDelete}
	got := mirroredFinalizers(app, []string{v1alpha1.FinalizerPostDelete, "strange/from-there", v1alpha1.FinalizerResourcesBackground})
	want := []string{v1alpha1.FinalizerResources, "somebody/else", v1alpha1.FinalizerPostDelete}
	if object.Hash(got) != object.Hash(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A copy becomes what is wanted, and keeps what the engine wrote; an operation is taken once.
func TestCopyBecomes(t *testing.T) {
	n := &v1alpha1.Application{}
	n.Annotations = map[string]string{v1alpha1.AnnotationHold: "h", annotationHubOperation: "1", "old": "x", v1alpha1.AnnotationRefresh: "normal"}
	n.Finalizers = []string{v1alpha1.FinalizerResources, v1alpha1.FinalizerPostDelete}
	want := &v1alpha1.Application{}
	want.Annotations, want.Finalizers = map[string]string{"new": "y"}, []string{v1alpha1.FinalizerResourcesBackground}
	r := agent.Record{OperationID: "1", Operation: mustJSON(operationTo("a"))}
	becomes(n, want, r)
	if n.Operation != nil {
		t.Error("an operation that was carried out is taken again")
	}
	if len(n.Annotations) != 4 || n.Annotations["new"] != "y" || n.Annotations[v1alpha1.AnnotationHold] != "h" || n.Annotations[v1alpha1.AnnotationRefresh] != "normal" {
		t.Errorf("annotations %v", n.Annotations)
	}
	if object.Hash(n.Finalizers) != object.Hash([]string{v1alpha1.FinalizerPostDelete, v1alpha1.FinalizerResourcesBackground}) {
		t.Errorf("finalizers %v", n.Finalizers)
	}
	r.OperationID, r.LiftHold = "2", object.Hash("h")
	becomes(n, want, r)
	if n.Operation == nil || n.Operation.Sync.Revision != "a" || n.Annotations[annotationHubOperation] != "2" || n.Annotations[v1alpha1.AnnotationHold] != "" {
		t.Errorf("%+v", n)
	}
	r.LiftHold = object.Hash("another")
	n.Annotations[v1alpha1.AnnotationHold] = "h"
	if becomes(n, want, r); n.Annotations[v1alpha1.AnnotationHold] != "h" {
		t.Error("a hold is lifted that nobody meant")
	}
	r.OperationID, r.Operation = "3", mustJSON(operationTo("b"))
	becomes(n, want, r)
	if n.Operation.Sync.Revision != "a" || n.Annotations[annotationHubOperation] != "2" {
		t.Error("an operation pushes another one aside")
	}
}

// A hold that the agent has is written once: when a person has taken it out, it does not come back, whoever has started
// anew meanwhile; another one does.
func TestMirroredHold(t *testing.T) {
	report := func(hold string) agent.Report {
		if hold == "" {
			return agent.Report{}
		}
		return agent.Report{Annotations: map[string]string{v1alpha1.AnnotationHold: hold}}
	}
	a, n := &Apps{}, &v1alpha1.Application{}
	step := func(what, reported, want, noted string) {
		t.Helper()
		a.mirrorAnnotations(n, report(reported))
		if noted != "" {
			noted = object.Hash(noted)
		}
		if n.Annotations[v1alpha1.AnnotationHold] != want || n.Annotations[annotationRemoteHold] != noted {
			t.Errorf("%s: %v", what, n.Annotations)
		}
	}
	step("the agent holds", "one", "one", "one")
	delete(n.Annotations, v1alpha1.AnnotationHold)
	step("a person lifts it", "one", "", "one")
	step("the agent holds at another", "two", "two", "two")
	step("the agent goes on", "", "", "")
	step("and holds at the same again", "two", "two", "two")
}

// What a person wants of an operation that an agent carries out counts for that one and no other.
func TestOperationsThatShallEnd(t *testing.T) {
	op, other := operationTo("a"), operationTo("b")
	first, second := metav1.Unix(1000, 0), metav1.Unix(2000, 0)
	state := func(phase v1alpha1.OperationPhase, at metav1.Time) *v1alpha1.OperationState {
		return &v1alpha1.OperationState{Phase: phase, StartedAt: at}
	}
	for name, c := range map[string]struct {
		have   *v1alpha1.Operation
		mark   string
		phase  v1alpha1.OperationPhase
		is     *v1alpha1.OperationState
		theirs *v1alpha1.Operation
		want   bool
	}{
		"it goes on":                   {op, "1:" + object.Hash(op), v1alpha1.OperationRunning, state(v1alpha1.OperationRunning, first), op, false},
		"it is to be terminated":       {op, "1:" + object.Hash(op), v1alpha1.OperationTerminating, state(v1alpha1.OperationRunning, first), op, true},
		"the one before was":           {op, "1:" + object.Hash(op), v1alpha1.OperationTerminating, state(v1alpha1.OperationRunning, second), op, false},
		"it was taken out":             {nil, "1:" + object.Hash(op), v1alpha1.OperationRunning, state(v1alpha1.OperationRunning, first), op, true},
		"another one was":              {nil, "1:" + object.Hash(op), v1alpha1.OperationRunning, state(v1alpha1.OperationRunning, first), other, false},
		"the agent begins by itself":   {nil, "", v1alpha1.OperationRunning, state(v1alpha1.OperationRunning, second), op, false},
		"it was taken out and is over": {nil, "1:" + object.Hash(op), v1alpha1.OperationSucceeded, state(v1alpha1.OperationRunning, first), nil, false},
	} {
		app := &v1alpha1.Application{Operation: c.have}
		app.Status.OperationState = state(c.phase, first)
		setAnnotation(app, annotationRemoteOperation, c.mark)
		if got := wantsEnd(app, c.is, c.theirs); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	n := &v1alpha1.Application{}
	n.Status.OperationState = state(v1alpha1.OperationRunning, second)
	r := agent.Record{Terminate: began(state(v1alpha1.OperationTerminating, first))}
	if becomes(n, &v1alpha1.Application{}, r); n.Status.OperationState.Phase != v1alpha1.OperationRunning {
		t.Error("a later operation is terminated")
	}
	r.Terminate = began(n.Status.OperationState)
	if becomes(n, &v1alpha1.Application{}, r); n.Status.OperationState.Phase != v1alpha1.OperationTerminating {
		t.Error("it is not terminated")
	}
}

// What is passed on is no HTML: escapes for it would make a record six times as large, and too large.
func TestRecordsAreNotEscaped(t *testing.T) {
	if got := string(mustJSON(map[string]string{"a": "<&>"})); got != `{"a":"<&>"}` {
		t.Error(got)
	}
}

func TestReportsThatAreTooLarge(t *testing.T) {
	big := make([]byte, maxStatusBytes*2)
	if fits(agent.Report{Status: big}) == nil || fits(agent.Report{Operation: big}) == nil || fits(agent.Report{Status: []byte(`{}`)}) != nil {
		t.Error("bounds do not hold")
	}
}
