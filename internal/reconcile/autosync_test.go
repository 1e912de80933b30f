package reconcile

import (
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/project"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var settings = pacingSettings{First: 2 * time.Second, Factor: 3, Cap: 5 * time.Minute}

func TestDecideAutosync(t *testing.T) {
	yes, no := true, false
	now := time.Unix(1000, 0)
	source := v1alpha1.ApplicationSource{RepoURL: "https://git.example/a", Path: "web"}
	change := func(manager string) []diff.Change { return []diff.Change{{Path: "spec.replicas", Manager: manager}} }
	for name, c := range map[string]struct {
		auto   *v1alpha1.SyncPolicyAutomated
		last   v1alpha1.OperationPhase // of an operation at the view's commit; "" for none
		commit string                  // of that operation; "c1" when empty
		status v1alpha1.SyncStatusCode
		change func(*autoInput)
		starts bool
		part   bool // only the resources that differ
		waits  bool
	}{
		"new commit":                 {auto: &v1alpha1.SyncPolicyAutomated{}, starts: true},
		"off":                        {},
		"enabled: false":             {auto: &v1alpha1.SyncPolicyAutomated{Enabled: &no}},
		"in sync":                    {auto: &v1alpha1.SyncPolicyAutomated{}, status: v1alpha1.SyncStatusSynced},
		"unknown":                    {auto: &v1alpha1.SyncPolicyAutomated{}, change: func(in *autoInput) { in.View.complete = nil }},
		"operation asked for":        {auto: &v1alpha1.SyncPolicyAutomated{}, change: func(in *autoInput) { in.App.Operation = &v1alpha1.Operation{} }},
		"operation running":          {auto: &v1alpha1.SyncPolicyAutomated{}, last: v1alpha1.OperationRunning},
		"commit synced, drift":       {auto: &v1alpha1.SyncPolicyAutomated{}, last: v1alpha1.OperationSucceeded},
		"commit synced, drift, heal": {auto: &v1alpha1.SyncPolicyAutomated{SelfHeal: &yes}, last: v1alpha1.OperationSucceeded, starts: true, part: true},
		"older commit synced":        {auto: &v1alpha1.SyncPolicyAutomated{}, last: v1alpha1.OperationSucceeded, commit: "c0", starts: true},
		"older commit failed":        {auto: &v1alpha1.SyncPolicyAutomated{}, last: v1alpha1.OperationFailed, commit: "c0", starts: true, change: func(in *autoInput) { in.Retries = pacing{count: 3, last: now} }},
		"commit failed just now":     {auto: &v1alpha1.SyncPolicyAutomated{}, last: v1alpha1.OperationFailed, waits: true, change: func(in *autoInput) { in.Retries = pacing{count: 3, last: now} }},
		"commit failed long ago":     {auto: &v1alpha1.SyncPolicyAutomated{}, last: v1alpha1.OperationFailed, starts: true, change: func(in *autoInput) { in.Retries = pacing{count: 3, last: now.Add(-time.Hour)} }},
		"a controller keeps changing it": {auto: &v1alpha1.SyncPolicyAutomated{SelfHeal: &yes}, last: v1alpha1.OperationSucceeded, waits: true, change: func(in *autoInput) {
			in.Heals = heals{web: {pacing: pacing{count: 2, last: now}}}
			in.View.objects[web].changes = change("keda")
		}},
		"a person keeps changing it":         {auto: &v1alpha1.SyncPolicyAutomated{SelfHeal: &yes}, last: v1alpha1.OperationSucceeded, starts: true, part: true, change: func(in *autoInput) { in.Heals = heals{web: {pacing: pacing{count: 9, last: now}}} }},
		"only another application's":         {auto: &v1alpha1.SyncPolicyAutomated{}, change: func(in *autoInput) { in.View.objects[web].foreign = "b" }},
		"a prune that has been released":     {auto: &v1alpha1.SyncPolicyAutomated{Prune: &yes}, last: v1alpha1.OperationSucceeded, starts: true, part: true, change: released("")},
		"a prune that is held":               {auto: &v1alpha1.SyncPolicyAutomated{Prune: &yes}, last: v1alpha1.OperationSucceeded, change: released("held")},
		"a prune, and prune is switched off": {auto: &v1alpha1.SyncPolicyAutomated{SelfHeal: &yes}, last: v1alpha1.OperationSucceeded, change: released("")},
	} {
		t.Run(name, func(t *testing.T) {
			app := &v1alpha1.Application{Spec: v1alpha1.ApplicationSpec{Source: &source, SyncPolicy: &v1alpha1.SyncPolicy{Automated: c.auto}}}
			live := &object.Object{Object: map[string]any{"kind": "Deployment"}}
			status := v1alpha1.SyncStatusOutOfSync
			if c.status != "" {
				status = c.status
			}
			v := &view{spec: specOf(app), commits: []string{"c1"}, complete: &complete{}, cluster: &cluster.Cluster{},
				objects: map[object.Key]*compared{web: {key: web, want: live, live: live, status: status, changes: change("kubectl-edit")}}}
			if c.last != "" {
				revision := "c1"
				if c.commit != "" {
					revision = c.commit
				}
				app.Status.OperationState = &v1alpha1.OperationState{Phase: c.last, Operation: v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{}},
					StartedAt: metav1.NewTime(now), SyncResult: &v1alpha1.SyncOperationResult{Revision: revision, Source: source}}
			}
			in := autoInput{App: app, View: v, Now: now, Settings: settings, Gate: project.Gate{Automated: true, Manual: true}}
			if c.change != nil {
				c.change(&in)
			}
			u := decideAutosync(in)
			if (u.Operation != nil) != c.starts || (u.In > 0) != c.waits {
				t.Fatalf("starts %v, in %v: %s", u.Operation != nil, u.In, u.Why)
			}
			if c.starts && (len(u.Operation.Sync.Resources) > 0) != c.part {
				t.Errorf("resources %v", u.Operation.Sync.Resources)
			}
		})
	}
}

var web = object.Key{Group: "apps", Kind: "Deployment", Name: "web"}

// released makes the view one whose only difference is an object that the last operation skipped to prune.
func released(reason string) func(*autoInput) {
	return func(in *autoInput) {
		gone := object.Key{Kind: "ConfigMap", Name: "gone"}
		in.View.objects[web].status = v1alpha1.SyncStatusSynced
		in.View.extras = map[object.Key]*compared{gone: {key: gone, live: &object.Object{Object: map[string]any{}}, status: v1alpha1.SyncStatusOutOfSync}}
		in.View.prune = plan.PruneVerdict{Keep: map[object.Key]string{gone: reason}}
		in.App.Status.OperationState.SyncResult.Resources = []v1alpha1.ResourceResult{{Kind: "ConfigMap", Name: "gone", Status: v1alpha1.ResultPruneSkipped}}
	}
}

func TestPacing(t *testing.T) {
	var p pacing
	now := time.Unix(0, 0)
	if w := p.wait(now, settings); w != 0 {
		t.Errorf("the first attempt waits %v", w)
	}
	for i, want := range []time.Duration{2, 6, 18, 54, 162, 300, 300} {
		p.again("c1", now, settings)
		if w := p.wait(now, settings); w != want*time.Second {
			t.Errorf("after %d attempts it waits %v, want %v", i+1, w, want*time.Second)
		}
	}
	p.again("c2", now, settings)
	if w := p.wait(now, settings); w != 2*time.Second {
		t.Errorf("another subject waits %v", w)
	}
	p.again("c2", now.Add(time.Hour), settings)
	if p.count != 1 {
		t.Errorf("count %d after a quiet hour", p.count)
	}
}

func TestClip(t *testing.T) {
	for _, c := range [][2]string{{"short", "short"}, {"exactly ten", "exactly…"}, {"äöüäöüäöü", "äöü…"}} {
		if got := clip(c[0], 10); got != c[1] {
			t.Errorf("clip(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}

func TestConditionsKeepTheirTransitionTime(t *testing.T) {
	old, now := metav1.NewTime(time.Unix(1, 0)), metav1.NewTime(time.Unix(2, 0))
	c := func(t v1alpha1.ApplicationConditionType, m string) v1alpha1.ApplicationCondition {
		return v1alpha1.ApplicationCondition{Type: t, Message: m, LastTransitionTime: &old}
	}
	got := conditions([]v1alpha1.ApplicationCondition{c("A", "same"), c("B", "before")}, []v1alpha1.ApplicationCondition{c("B", "after"), c("A", "same"), c("A", "same")}, now)
	if len(got) != 2 || got[0].LastTransitionTime != &old || *got[1].LastTransitionTime != now {
		t.Errorf("got %+v", got)
	}
}

func TestBoundedKeepsWhatFailed(t *testing.T) {
	var list []v1alpha1.ResourceResult
	for i := range 8000 {
		r := v1alpha1.ResourceResult{Kind: "ConfigMap", Name: string(rune('a' + i%26)), Status: v1alpha1.ResultSynced, Message: "configmap/a unchanged"}
		if i == 7999 {
			r.Status = v1alpha1.ResultSyncFailed
		}
		list = append(list, r)
	}
	got := bounded(list, maxResultBytes)
	if len(got) >= len(list) || got[0].Status != v1alpha1.ResultSyncFailed {
		t.Errorf("%d kept, the first is %s", len(got), got[0].Status)
	}
	if small := bounded(list[:10], maxResultBytes); len(small) != 10 {
		t.Errorf("%d of 10 kept", len(small))
	}
}

func TestRetryPause(t *testing.T) {
	three := int64(3)
	for _, c := range []struct {
		backoff *v1alpha1.Backoff
		n       int64
		want    time.Duration
	}{
		{nil, 0, 5 * time.Second}, {nil, 1, 10 * time.Second}, {nil, 10, 3 * time.Minute},
		{&v1alpha1.Backoff{Duration: "2", Factor: &three, MaxDuration: "1m"}, 2, 18 * time.Second},
		{&v1alpha1.Backoff{Duration: "2s", Factor: &three, MaxDuration: "10s"}, 5, 10 * time.Second},
		{&v1alpha1.Backoff{Duration: "nonsense"}, 0, 5 * time.Second},
		{nil, 100000, 3 * time.Minute}, {&v1alpha1.Backoff{Duration: "0"}, 3, time.Second},
	} {
		if got := retryPause(c.backoff, c.n); got != c.want {
			t.Errorf("%+v after %d: %v, want %v", c.backoff, c.n, got, c.want)
		}
	}
}
