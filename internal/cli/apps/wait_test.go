package apps

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func TestConditionMet(t *testing.T) {
	healthy := func(change func(*v1alpha1.Application)) *v1alpha1.Application {
		app := web()
		app.Status.Health.Status = v1alpha1.HealthStatusHealthy
		change(app)
		return app
	}
	asIs := func(*v1alpha1.Application) {}
	standard := Condition{}.OrDefault()
	for _, c := range []struct {
		name   string
		want   Condition
		chosen string
		app    *v1alpha1.Application
		met    bool
	}{
		{"all is well", standard, "", healthy(asIs), true},
		{"not healthy yet", standard, "", web(), false},
		{"only sync asked", Condition{Sync: true}, "", web(), true},
		{"requested", standard, "", healthy(func(a *v1alpha1.Application) { a.Operation = &v1alpha1.Operation{} }), false},
		{"requested, not asked", Condition{Health: true}, "", healthy(func(a *v1alpha1.Application) { a.Operation = &v1alpha1.Operation{} }), true},
		{"running", standard, "", healthy(func(a *v1alpha1.Application) { a.Status.OperationState.FinishedAt = nil }), false},
		{"between two tries", standard, "", healthy(func(a *v1alpha1.Application) { a.Status.OperationState.Phase = v1alpha1.OperationRunning }), false},
		{"finished, not looked at since", standard, "", healthy(func(a *v1alpha1.Application) { a.Status.ReconciledAt = at(-time.Second) }), false},
		{"never looked at", standard, "", healthy(func(a *v1alpha1.Application) { a.Status.ReconciledAt = nil }), false},
		{"a dry run changes nothing to look at", standard, "", healthy(func(a *v1alpha1.Application) {
			a.Status.ReconciledAt = nil
			a.Status.OperationState.Operation.Sync.DryRun = true
		}), true},
		{"never synced", standard, "", healthy(func(a *v1alpha1.Application) { a.Status.OperationState = nil }), true},
		{"suspended or healthy", Condition{Health: true, Suspended: true}, "", healthy(func(a *v1alpha1.Application) { a.Status.Health.Status = v1alpha1.HealthStatusSuspended }), true},
		{"suspended only", Condition{Suspended: true}, "", healthy(asIs), false},
		{"degraded", Condition{Degraded: true}, "", healthy(func(a *v1alpha1.Application) { a.Status.Health.Status = v1alpha1.HealthStatusDegraded }), true},
		{"deletion is never met here", Condition{Delete: true}, "", healthy(asIs), false},
		{"the service of an unhealthy application", standard, ":Service:web", web(), true},
		{"its deployment", standard, "apps:Deployment:web", web(), false},
		{"all but its deployment", Condition{Sync: true}, "!apps:Deployment:web", web(), false}, // the object to prune differs
		{"not hydrated", Condition{Hydrated: true}, "", healthy(asIs), false},
		{"hydrated", Condition{Hydrated: true}, "", healthy(func(a *v1alpha1.Application) {
			a.Status.SourceHydrator.CurrentOperation = &v1alpha1.HydrateOperation{Phase: v1alpha1.HydratePhaseHydrated, DrySHA: sha}
			a.Status.SourceHydrator.LastSuccessfulOperation = &v1alpha1.SuccessfulHydrateOperation{DrySHA: sha}
		}), true},
		{"hydrating a newer commit", Condition{Hydrated: true}, "", healthy(func(a *v1alpha1.Application) {
			a.Status.SourceHydrator.CurrentOperation = &v1alpha1.HydrateOperation{Phase: v1alpha1.HydratePhaseHydrated, DrySHA: "new"}
			a.Status.SourceHydrator.LastSuccessfulOperation = &v1alpha1.SuccessfulHydrateOperation{DrySHA: sha}
		}), false},
	} {
		var list []string
		if c.chosen != "" {
			list = []string{c.chosen}
		}
		chosen, err := ParseSelection(list)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.want.Met(c.app, chosen); got != c.met {
			t.Errorf("%s: met is %v", c.name, got)
		}
	}
}

func TestLog(t *testing.T) {
	var turned *Turned
	says(t, func(w io.Writer) {
		l := NewLog(w, func() time.Time { return noon })
		app := web()
		l.Note(app, nil)
		l.Note(app, nil) // nothing new
		app.Status.Resources[1].Health.Status = v1alpha1.HealthStatusDegraded
		app.Status.OperationState.SyncResult.Resources[1].Message = "" // blank is not news
		turned = l.Note(app, nil)
	}, `
TIMESTAMP                  GROUP        KIND   NAMESPACE                  NAME    STATUS    HEALTH            HOOK  MESSAGE
2026-11-23T12:00:00+00:00  batch         Job        shop               migrate  Succeeded   Synced         PreSync  Reached expected number of succeeded pods
2026-11-23T12:00:00+00:00   apps  Deployment        shop                   web    Synced   Progressing              deployment.apps/web configured
2026-11-23T12:00:00+00:00          ConfigMap        shop                  gone              Pruned                  pruned
2026-11-23T12:00:00+00:00          ConfigMap        shop                   old  OutOfSync                           
2026-11-23T12:00:00+00:00            Service        shop                   web    Synced   Healthy                  
2026-11-23T12:00:00+00:00   apps  Deployment        shop                   web    Synced  Degraded              deployment.apps/web configured
`)
	if turned == nil || turned.Short() != "Deployment/web" || turned.From != "Progressing" || turned.To != "Degraded" {
		t.Errorf("turned: %+v", turned)
	}
}

// An object that is a hook and an object too shows once.
func TestLogMergesWhatIsMentionedTwice(t *testing.T) {
	app := &v1alpha1.Application{Status: v1alpha1.ApplicationStatus{OperationState: &v1alpha1.OperationState{SyncResult: &v1alpha1.SyncOperationResult{Resources: []v1alpha1.ResourceResult{
		{Kind: "Job", Name: "j", HookType: v1alpha1.HookPreSync, HookPhase: v1alpha1.OperationSucceeded, Message: "first"},
		{Kind: "Job", Name: "j", HookType: v1alpha1.HookPostSync, HookPhase: v1alpha1.OperationRunning},
	}}}}}
	got := once(States(app, nil))
	if len(got) != 1 || got[0].Hook != "PostSync" || got[0].Status != "Running" || got[0].Message != "first" {
		t.Errorf("got %+v", got)
	}
}

func TestUnpruned(t *testing.T) {
	state := &v1alpha1.OperationState{SyncResult: &v1alpha1.SyncOperationResult{Resources: []v1alpha1.ResourceResult{
		{Status: v1alpha1.ResultPruneSkipped, Message: "ignored (requires pruning)"}, {Status: v1alpha1.ResultPruneSkipped, Message: "ignored (no prune)"}, {Status: v1alpha1.ResultPruned},
	}}}
	if n := Unpruned(state); n != 1 {
		t.Errorf("got %d", n)
	}
	if Unpruned(nil) != 0 || Unpruned(&v1alpha1.OperationState{}) != 0 {
		t.Error("something of nothing")
	}
}

func TestSelection(t *testing.T) {
	for text, want := range map[string]string{
		"apps:Deployment:web":       "Deployment/web",
		":Service:web":              "Service/web",
		"*:*:web":                   "Service/web Deployment/web",
		"!apps:Deployment:web":      "Service/web ConfigMap/old",
		":Service:shop/web":         "Service/web",
		":Service:other/web":        "",
		"*:*:* !*:ConfigMap:*":      "Service/web Deployment/web",
		":Service:web !*:Service:*": "",
		"":                          "",
	} {
		s, err := ParseSelection(strings.Fields(text))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range s.Of(web()) {
			names = append(names, r.Kind+"/"+r.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"Deployment:web": "resource should have GROUP:KIND:NAME, but instead got: Deployment:web",
		"a:b:c/d/e":      "resource with namespace should have GROUP:KIND:NAMESPACE/NAME, but instead got: a:b:c/d/e",
	} {
		if _, err := ParseSelection([]string{text}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestPairs(t *testing.T) {
	infos, err := Infos([]string{"b=2", "a=1", "b=3"})
	if err != nil || len(infos) != 2 || infos[0].Name != "a" || infos[1].Value != "3" {
		t.Errorf("got %v %v", infos, err)
	}
	for _, bad := range []string{"a", "a=b=c"} {
		if _, err := Pairs([]string{bad}); err == nil || err.Error() != "labels should have key=value, but instead got: "+bad {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}
