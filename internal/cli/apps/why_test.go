package apps

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestWhy(t *testing.T) {
	history := "; last change 0s ago: 53e28ff by ada."
	sick := webTree()
	pod := &sick.Nodes[6]
	pod.Info = []argocd.InfoItem{{Name: "Status Reason", Value: "CrashLoopBackOff"}, {Name: "Restart Count", Value: "5"}}
	events := []corev1.Event{
		{Type: corev1.EventTypeWarning, Reason: "BackOff", Message: "Back-off restarting failed container web", Count: 7, LastTimestamp: *at(-2 * time.Minute)},
		{Type: corev1.EventTypeNormal, Reason: "Pulled", Message: "Container image already present", LastTimestamp: *at(-time.Minute)},
		{Type: corev1.EventTypeWarning, Reason: "Failed", Message: "older", EventTime: metav1.MicroTime{Time: noon.Add(-time.Hour)}},
	}
	well := func(a *v1alpha1.Application) {
		a.Status.Health.Status = v1alpha1.HealthStatusHealthy
		a.Status.Resources = a.Status.Resources[:2]
	}
	for _, c := range []struct {
		name   string
		change func(*v1alpha1.Application)
		tree   *argocd.ApplicationTree
		events []corev1.Event
		want   string
	}{
		{"well", well, nil, nil, "argocd/web is well: Synced to main (53e28ff), Healthy"},
		{"a pod crashes", func(a *v1alpha1.Application) { a.Status.Health.Status = v1alpha1.HealthStatusDegraded }, sick, events,
			"argocd/web is Degraded because Pod/web-7d9-b (of Deployment/web) is CrashLoopBackOff, restarted 5 times: back-off 40s restarting failed container; last event 2m ago: BackOff (7 times): Back-off restarting failed container web"},
		{"without a tree", func(a *v1alpha1.Application) {}, nil, nil, "argocd/web is Progressing because of Deployment/web"},
		{"an error stops all", func(a *v1alpha1.Application) {
			a.Status.Conditions = append(a.Status.Conditions, v1alpha1.ApplicationCondition{Type: v1alpha1.ConditionComparisonError, Message: "render web:\n line 3 is no YAML.\n"})
		}, sick, nil, "argocd/web is stopped by ComparisonError: render web: line 3 is no YAML"},
		{"going", func(a *v1alpha1.Application) { a.DeletionTimestamp = at(-time.Hour) }, nil, nil, "argocd/web is being deleted since 60m ago"},
		{"asked for", func(a *v1alpha1.Application) { a.Operation = &v1alpha1.Operation{} }, nil, nil, "argocd/web is about to sync: the operation has not been taken up yet"},
		{"syncing", func(a *v1alpha1.Application) {
			a.Status.OperationState.Phase, a.Status.OperationState.Message = v1alpha1.OperationRunning, "waiting for healthy state of apps/Deployment/web"
		}, nil, nil, "argocd/web is syncing for 72s: waiting for healthy state of apps/Deployment/web"},
		{"failed", func(a *v1alpha1.Application) {
			a.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync
			op := a.Status.OperationState
			op.Phase, op.Message = v1alpha1.OperationFailed, "one or more objects failed to apply"
			op.SyncResult.Resources[1].Status, op.SyncResult.Resources[1].Message = v1alpha1.ResultSyncFailed, "spec.replicas: must be positive."
		}, sick, nil, "argocd/web could not be synced: Deployment/web: spec.replicas: must be positive"},
		{"out of sync", func(a *v1alpha1.Application) {
			well(a)
			a.Spec.SyncPolicy = nil
			a.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync
			a.Status.Resources[0].Status = v1alpha1.SyncStatusOutOfSync
		}, nil, nil, "argocd/web is Healthy but OutOfSync: Git differs in Service/web, and automatic sync is off"},
		{"held", func(a *v1alpha1.Application) {
			a.Status.Health.Status = v1alpha1.HealthStatusHealthy
			a.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync
			a.Status.Conditions = append(a.Status.Conditions, v1alpha1.ApplicationCondition{Type: v1alpha1.ConditionHeldWarning, Message: "rolled back to 3"})
		}, nil, nil, "argocd/web is Healthy but OutOfSync, and no longer has ConfigMap/old, and is held: rolled back to 3"},
		{"not compared", func(a *v1alpha1.Application) { well(a); a.Status.Sync.Status = v1alpha1.SyncStatusUnknown }, nil, nil, "argocd/web has not been compared with Git yet"},
	} {
		app := web()
		c.change(app)
		if d := cmp.Diff(c.want+history, Why(Case{App: app, Tree: c.tree, Events: c.events, Now: noon})); d != "" {
			t.Errorf("%s: -want +got\n%s", c.name, d)
		}
	}
}

func TestSuspectOfNobody(t *testing.T) {
	for name, tree := range map[string]*argocd.ApplicationTree{"no tree": nil, "all well": {Nodes: webTree().Nodes[:1]}} {
		if n, _, ok := Suspect(tree); ok {
			t.Errorf("%s: %s", name, n.Name)
		}
	}
}

func TestProgress(t *testing.T) {
	app := web()
	op := app.Status.OperationState
	op.Phase, op.FinishedAt, op.Message, op.RetryCount = v1alpha1.OperationRunning, nil, "waiting for healthy state of apps/Deployment/web", 1
	want := `
argocd/web  Running to 53e28ff  72s  try 2
  waiting for healthy state of apps/Deployment/web
PreSync
  ✔ Job/migrate (hook)                       Succeeded
Sync
  wave 0
    … ConfigMap/gone                           Pruned  pruned
    · ConfigMap/old                            OutOfSync
    ✔ Service/web                              Synced Healthy
  wave 1
    … Deployment/web                           Synced Progressing  deployment.apps/web configured`
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), strings.Join(Progress(app, nil, 0, 0, noon), "\n")); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	small := Progress(app, nil, 30, 10, noon)
	if len(small) != 10 || small[9] != "… and 2 more" {
		t.Errorf("got %d lines: %q", len(small), small)
	}
	for _, line := range small {
		if n := len([]rune(line)); n > 30 {
			t.Errorf("%d columns: %s", n, line)
		}
		if strings.Contains(line, "✔") {
			t.Errorf("what is done is shown though there is no room: %s", line)
		}
	}
	tiny := Progress(app, nil, 30, 3, noon)
	if len(tiny) != 3 {
		t.Errorf("got %q", tiny)
	}
	app.Operation = &v1alpha1.Operation{}
	op.Phase = v1alpha1.OperationSucceeded // the one before
	if got := Progress(app, nil, 0, 0, noon)[0]; got != "argocd/web  waits to be taken up" {
		t.Errorf("got %s", got)
	}
}
