package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"k8s.io/apimachinery/pkg/types"
)

// A short wait must not bring the next question to Git forward.
func TestQueueKeepsPollsAndWaitsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		began := time.Now()
		q.addAfter(name("a"), 2*time.Minute, cause{git: began.Add(time.Minute)})
		q.addAfter(name("a"), time.Second, cause{spec: true})
		n, c, _ := q.next()
		if at := time.Since(began); at != time.Second || !c.git.IsZero() || !c.spec {
			t.Errorf("woken after %v by %+v", at, c)
		}
		q.done(n)
		if _, c, _ = q.next(); time.Since(began) != 2*time.Minute || c.git.IsZero() {
			t.Errorf("polled after %v by %+v", time.Since(began), c)
		}
	})
}

// A replica can lead again after it has lost the lead.
func TestQueueWorksAgain(t *testing.T) {
	q := newQueue()
	for turn := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		q.open()
		q.add(name("a"), urgent, cause{})
		looks := 0
		q.run(ctx, 1, func(context.Context, types.NamespacedName, cause) { looks++; cancel() })
		if looks != 1 {
			t.Errorf("turn %d: %d looks", turn, looks)
		}
	}
}

// Results and inventory of a huge application fit into one object together: etcd takes 1.5 MB.
func TestHugeStatusFits(t *testing.T) {
	var inventory []v1alpha1.ResourceStatus
	var results []v1alpha1.ResourceResult
	for i := range 5000 {
		name := fmt.Sprintf("a-rather-long-name-as-charts-make-them-%05d", i)
		inventory = append(inventory, v1alpha1.ResourceStatus{Version: "v1", Kind: "ConfigMap", Namespace: "some-namespace-of-a-team", Name: name, Status: v1alpha1.SyncStatusOutOfSync})
		results = append(results, v1alpha1.ResourceResult{Version: "v1", Kind: "ConfigMap", Namespace: "some-namespace-of-a-team", Name: name, Status: v1alpha1.ResultSynced,
			Message: "configmap/" + name + " created", HookPhase: v1alpha1.OperationRunning, SyncPhase: v1alpha1.SyncPhaseSync})
	}
	results = append(results, v1alpha1.ResourceResult{Kind: "Job", Name: "migrate", HookType: v1alpha1.HookPreSync, Status: v1alpha1.ResultSynced})
	kept := bounded(results, room(inventory))
	for i := range inventory {
		inventory[i].UID = "0f8fad5b-d9cb-469f-a165-70867728950e"
	}
	a, _ := json.Marshal(inventory)
	b, _ := json.Marshal(kept)
	if len(a)+len(b) > 1_400_000 || len(kept) < 100 {
		t.Errorf("%d bytes of inventory, %d bytes of %d results", len(a), len(b), len(kept))
	}
	if kept[0].HookType != v1alpha1.HookPreSync {
		t.Error("the hook's result was dropped: it would run again")
	}
}
