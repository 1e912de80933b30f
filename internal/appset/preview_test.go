package appset

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

func previewApp(name string, annotations map[string]string) *v1alpha1.Application {
	return &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: name, Annotations: annotations}}
}

// A preview's time runs from the last push; when it is over it goes, and comes back with a new one.
func TestAge(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	old, new := strings.Repeat("a", 40), strings.Repeat("b", 40)
	at := func(head string, ago time.Duration) map[string]string {
		return map[string]string{AnnotationPreviewHead: head + " " + now.Add(-ago).Format(time.RFC3339), "note": "x"}
	}
	wanted := []*v1alpha1.Application{previewApp("fresh", nil), previewApp("pushed", nil), previewApp("stale", nil), previewApp("gone", nil), previewApp("back", nil), previewApp("made", nil), previewApp("none", nil)}
	owned := []*v1alpha1.Application{previewApp("fresh", at(old, time.Hour)), previewApp("pushed", at(old, 50*time.Hour)), previewApp("stale", at(old, 48*time.Hour)), previewApp("none", at(old, 500*time.Hour))}
	previews := map[string]Preview{}
	for _, name := range []string{"fresh", "stale", "gone", "made"} {
		previews["argocd/"+name] = Preview{PullRequest: PullRequest{Head: old}}
	}
	for _, name := range []string{"pushed", "back"} {
		previews["argocd/"+name] = Preview{PullRequest: PullRequest{Head: new}}
	}
	expired := "back@aaaaaaaaaaaa,gone@aaaaaaaaaaaa,closed@aaaaaaaaaaaa"
	got := Age(wanted, owned, previews, 48*time.Hour, expired, now)
	var names []string
	since := map[string]string{}
	for _, app := range got.Wanted {
		names = append(names, app.Name)
		since[app.Name] = app.Annotations[AnnotationPreviewHead]
	}
	if s := strings.Join(names, " "); s != "fresh pushed back made none" {
		t.Errorf("wanted are %s", s)
	}
	if got.Expired != "gone@aaaaaaaaaaaa,stale@aaaaaaaaaaaa" || len(got.Over) != 1 || got.Over[0].Name != "stale" {
		t.Errorf("expired are %q, %v", got.Expired, got.Over)
	}
	for name, want := range map[string]string{"fresh": at(old, time.Hour)[AnnotationPreviewHead], "pushed": at(new, 0)[AnnotationPreviewHead], "made": at(old, 0)[AnnotationPreviewHead], "none": ""} {
		if since[name] != want {
			t.Errorf("%s has %q, not %q", name, since[name], want)
		}
	}
	if !got.Next.Equal(now.Add(47 * time.Hour)) {
		t.Errorf("the next ends at %s", got.Next)
	}
	if wanted[0].Annotations != nil {
		t.Error("what was given was changed")
	}
	if got := Age(wanted, owned, previews, 0, "", now); len(got.Wanted) != len(wanted) || got.Expired != "" || !got.Next.IsZero() {
		t.Errorf("without a time to live: %+v", got)
	}
}

func TestPreviewPolicy(t *testing.T) {
	set := func(a map[string]string) *v1alpha1.ApplicationSet {
		return &v1alpha1.ApplicationSet{ObjectMeta: metav1.ObjectMeta{Annotations: a}}
	}
	p, err := PreviewPolicyOf(set(map[string]string{AnnotationPreview: "status, comment", AnnotationPreviewURL: "https://{{number}}", AnnotationPreviewTTL: "3d"}))
	if want := (PreviewPolicy{Status: true, Comment: true, URL: "https://{{number}}", TTL: 72 * time.Hour}); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = PreviewPolicyOf(set(map[string]string{AnnotationPreviewSleep: "8h", AnnotationPreviewNamespace: "own", AnnotationPreviewQuota: "{hard: {pods: '2'}}"}))
	if want := (PreviewPolicy{Sleep: 8 * time.Hour, Home: HomePolicy{Own: true, Quota: "{hard: {pods: '2'}}"}}); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := PreviewPolicyOf(set(nil)); err != nil || p != (PreviewPolicy{}) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, a := range []map[string]string{{AnnotationPreview: "shout"}, {AnnotationPreviewTTL: "soon"}, {AnnotationPreviewTTL: "0d"}, {AnnotationPreviewTTL: "-1h"},
		{AnnotationPreviewSleep: "later"}, {AnnotationPreviewNamespace: "mine"}, {AnnotationPreviewQuota: "{hard: {pods: '2'}}"}, {AnnotationPreviewLimits: "{limits: []}"}} {
		if _, err := PreviewPolicyOf(set(a)); !problem.Is(err, problem.Invalid) {
			t.Errorf("%v: %v", a, err)
		}
	}
}

// A preview is ready only when its status speaks of what the pull request asks for now.
func TestStateOfPreview(t *testing.T) {
	app := func(change func(*v1alpha1.Application)) *v1alpha1.Application {
		a := previewApp("x", nil)
		a.Spec.Source = &v1alpha1.ApplicationSource{RepoURL: "r", TargetRevision: "new"}
		a.Status.Sync = v1alpha1.SyncStatus{Status: v1alpha1.SyncStatusSynced, Revision: "new", ComparedTo: v1alpha1.ComparedTo{Source: *a.Spec.Source}}
		a.Status.Health.Status = v1alpha1.HealthStatusHealthy
		change(a)
		return a
	}
	failed := func(revision string) *v1alpha1.OperationState {
		return &v1alpha1.OperationState{Phase: v1alpha1.OperationFailed, SyncResult: &v1alpha1.SyncOperationResult{Revision: revision}}
	}
	for name, c := range map[string]struct {
		change func(*v1alpha1.Application)
		want   PreviewState
	}{
		"as it should be": {func(*v1alpha1.Application) {}, PreviewReady},
		"the head moved":  {func(a *v1alpha1.Application) { a.Spec.Source.TargetRevision = "newer" }, PreviewPending},
		"never looked at": {func(a *v1alpha1.Application) { a.Status = v1alpha1.ApplicationStatus{} }, PreviewPending},
		"being synced":    {func(a *v1alpha1.Application) { a.Operation = &v1alpha1.Operation{} }, PreviewPending},
		"out of sync":     {func(a *v1alpha1.Application) { a.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync }, PreviewPending},
		"progressing":     {func(a *v1alpha1.Application) { a.Status.Health.Status = v1alpha1.HealthStatusProgressing }, PreviewPending},
		"degraded":        {func(a *v1alpha1.Application) { a.Status.Health.Status = v1alpha1.HealthStatusDegraded }, PreviewFailed},
		"the sync failed": {func(a *v1alpha1.Application) {
			a.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync
			a.Status.OperationState = failed("new")
		}, PreviewFailed},
		"asleep": {func(a *v1alpha1.Application) {
			a.Annotations = map[string]string{v1alpha1.AnnotationAsleep: "true"}
			a.Status.Health.Status = v1alpha1.HealthStatusSuspended
		}, PreviewAsleep},
		"falling asleep": {func(a *v1alpha1.Application) {
			a.Annotations = map[string]string{v1alpha1.AnnotationAsleep: "true"}
			a.Operation, a.Status.Sync.Status = &v1alpha1.Operation{}, v1alpha1.SyncStatusOutOfSync
		}, PreviewAsleep},
		"woken": {func(a *v1alpha1.Application) {
			a.Annotations = map[string]string{v1alpha1.AnnotationAsleep: "false"}
		}, PreviewReady},
		"another commit's failed": {func(a *v1alpha1.Application) {
			a.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync
			a.Status.OperationState = failed("old")
		}, PreviewPending},
	} {
		if got, why := StateOfPreview(app(c.change)); got != c.want || why == "" {
			t.Errorf("%s: %s, %s", name, got, why)
		}
	}
}
