package reconcile

import (
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// onItsWay is an application whose sync is over a moment ago, its end not written, with a Deployment that is not there yet.
func onItsWay() (*v1alpha1.Application, *state) {
	app := &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "argocd", UID: "one"}}
	started := metav1.Now().Rfc3339Copy()
	app.Status.OperationState = &v1alpha1.OperationState{Phase: v1alpha1.OperationRunning, StartedAt: started}
	app.Operation = &v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{}}
	key := object.Key{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	v := &view{itself: "one", cluster: &cluster.Cluster{}, complete: &complete{digest: "d"}, objects: map[object.Key]*compared{
		key: {key: key, want: &object.Object{}, live: &object.Object{}, status: v1alpha1.SyncStatusSynced, health: &v1alpha1.HealthStatus{Status: v1alpha1.HealthStatusProgressing}}}}
	return app, &state{view: v, journal: &journal{started: started, over: time.Now(), left: v}}
}

// A look that comes before the end of a sync is due must not be the last one: nothing else may happen to the application.
func TestALookThatComesEarlyComesAgain(t *testing.T) {
	a := &Apps{queue: newQueue()}
	app, st := onItsWay()
	if got := st.view.health().Status; got != v1alpha1.HealthStatusProgressing {
		t.Fatalf("it is %s", got)
	}
	if err := a.operate(t.Context(), app, st); err != nil {
		t.Fatal(err)
	}
	again := a.queue.timers[slot{name: nameOf(app)}]
	if again == nil || time.Until(again.at) > passing {
		t.Errorf("it is looked at again: %v", again)
	}
}

// What waits for its end to be written is this operation of this Application, as long as no end is recorded.
func TestAnEndBelongsToItsOperation(t *testing.T) {
	for what, change := range map[string]func(*v1alpha1.Application){
		"its end is recorded":      func(a *v1alpha1.Application) { a.Status.OperationState.Phase = v1alpha1.OperationSucceeded },
		"another operation":        func(a *v1alpha1.Application) { a.Status.OperationState.StartedAt.Time = time.Unix(7, 0) },
		"made anew":                func(a *v1alpha1.Application) { a.UID = "two" },
		"a record without any":     func(a *v1alpha1.Application) { a.Status.OperationState = nil },
		"the one that it is about": func(*v1alpha1.Application) {},
	} {
		app, st := onItsWay()
		change(app)
		if got, want := st.ended(app), what == "the one that it is about"; got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	app, st := onItsWay()
	if !st.settling() {
		t.Errorf("%s does not wait for its Deployment", app.Name)
	}
	next := *st.view
	next.complete = &complete{digest: "of the next commit"}
	if st.view = &next; st.settling() {
		t.Error("it waits although another commit is wanted")
	}
}
