package appset

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// A preview falls asleep when nothing was done with it for a while, or on request, and is woken by a push, or on request.
func TestRest(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	head, next := strings.Repeat("a", 40), strings.Repeat("b", 40)
	record := func(head string, ago time.Duration, slept string) string {
		return head + " " + now.Add(-ago).Format(time.RFC3339) + slept
	}
	when := now.Format(time.RFC3339)
	const idle = 8 * time.Hour
	for _, c := range []struct {
		name            string
		idle            time.Duration
		activity        string // as it is
		asleep          string
		none            bool // the application is not there yet
		push            bool
		wantActivity    string
		wantAsleep      string
		fell, woke      bool
		next            time.Duration
		annotationsStay bool
	}{
		{name: "new", idle: idle, none: true, wantActivity: record(head, 0, ""), next: idle},
		{name: "known for the first time", idle: idle, wantActivity: record(head, 0, ""), next: idle},
		{name: "in use", idle: idle, activity: record(head, 7*time.Hour, ""), wantActivity: record(head, 7*time.Hour, ""), next: time.Hour},
		{name: "idle", idle: idle, activity: record(head, idle, ""), wantActivity: record(head, idle, " slept"), wantAsleep: when, fell: true},
		{name: "asleep", idle: idle, activity: record(head, 9*time.Hour, " slept"), asleep: "x", wantActivity: record(head, 9*time.Hour, " slept"), wantAsleep: "x"},
		{name: "woken by a person", idle: idle, activity: record(head, 9*time.Hour, " slept"), wantActivity: record(head, 0, ""), next: idle},
		{name: "woken by a word", idle: idle, activity: record(head, 9*time.Hour, " slept"), asleep: "false", wantActivity: record(head, 0, ""), next: idle},
		{name: "woken by a push", idle: idle, activity: record(head, 9*time.Hour, " slept"), asleep: "x", push: true, wantActivity: record(next, 0, ""), woke: true, next: idle},
		{name: "pushed to", idle: idle, activity: record(head, 9*time.Hour, ""), push: true, wantActivity: record(next, 0, ""), next: idle},
		{name: "put to sleep by a person", activity: "", asleep: "true", wantActivity: record(head, 0, " slept"), wantAsleep: "true"},
		{name: "put to sleep early", idle: idle, activity: record(head, time.Hour, ""), asleep: "true", wantActivity: record(head, time.Hour, " slept"), wantAsleep: "true"},
		{name: "that one is pushed to", activity: record(head, time.Hour, " slept"), asleep: "true", push: true, wantActivity: record(next, 0, ""), woke: true},
		{name: "never by itself", annotationsStay: true},
		{name: "a record of a time to come", idle: idle, activity: record(head, -time.Hour, ""), wantActivity: record(head, 0, ""), next: idle},
		{name: "no record", idle: idle, activity: "nonsense", wantActivity: record(head, 0, ""), next: idle},
	} {
		app := previewApp("x", map[string]string{"note": "x"})
		old := previewApp("x", map[string]string{AnnotationPreviewActivity: c.activity, v1alpha1.AnnotationAsleep: c.asleep})
		p := Preview{PullRequest: PullRequest{Head: head}}
		if c.push {
			p.Head = next
		}
		var owned []*v1alpha1.Application
		if !c.none {
			owned = append(owned, old)
		}
		got := Rest([]*v1alpha1.Application{app, previewApp("none", nil)}, owned, map[string]Preview{"argocd/x": p}, c.idle, now)
		if len(got.Wanted) != 2 || got.Wanted[1].Annotations != nil || len(app.Annotations) != 1 {
			t.Fatalf("%s: %+v", c.name, got)
		}
		a := got.Wanted[0].Annotations
		if a[AnnotationPreviewActivity] != c.wantActivity || a[v1alpha1.AnnotationAsleep] != c.wantAsleep || a["note"] != "x" {
			t.Errorf("%s: %v", c.name, a)
		}
		if (len(got.Fell) > 0) != c.fell || (len(got.Woke) > 0) != c.woke {
			t.Errorf("%s: fell asleep %v, woke %v", c.name, got.Fell, got.Woke)
		}
		if want := (time.Time{}); c.next != 0 && !got.Next.Equal(now.Add(c.next)) || c.next == 0 && got.Next != want {
			t.Errorf("%s: the next falls asleep at %s", c.name, got.Next)
		}
		if c.annotationsStay && len(a) != 1 {
			t.Errorf("%s: %v", c.name, a)
		}
	}
}

// What a person says of an application's sleep stays, unless the set keeps a record of it.
func TestASetDecidesOverSleepOnlyWithARecord(t *testing.T) {
	set := &v1alpha1.ApplicationSet{}
	old := previewApp("x", map[string]string{v1alpha1.AnnotationAsleep: "true", "hawser.dev/hold": "{}"})
	now, err := updated(t.Context(), set, old, previewApp("x", nil))
	if err != nil || now != nil {
		t.Errorf("%+v, %v", now, err)
	}
	now, err = updated(t.Context(), set, old, previewApp("x", map[string]string{AnnotationPreviewActivity: "a b"}))
	if err != nil || now == nil || now.Annotations[v1alpha1.AnnotationAsleep] != "" || now.Annotations["hawser.dev/hold"] != "{}" {
		t.Errorf("%+v, %v", now, err)
	}
}

// Each preview knows its namespace, with quota and limits of its own; what cannot be one's own is refused.
func TestHouse(t *testing.T) {
	set := &v1alpha1.ApplicationSet{Spec: v1alpha1.ApplicationSetSpec{GoTemplate: true}}
	policy := HomePolicy{Own: true, Quota: "hard: {pods: '{{ .number }}0'}", Limits: "{limits: [{type: Container, default: {cpu: 100m}}]}"}
	in := func(name, namespace string) *v1alpha1.Application {
		app := previewApp(name, map[string]string{"note": "x"})
		app.Spec.Destination.Namespace = namespace
		return app
	}
	previews := map[string]Preview{"argocd/x": {PullRequest: PullRequest{Number: 7}, Params: Params{"number": "7"}}}
	got, err := House(set, policy, []*v1alpha1.Application{in("x", "preview-7"), in("other", "shop")}, previews, false)
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	a := got[0].Annotations
	if a[AnnotationPreviewNamespace] != "7" || a[AnnotationPreviewQuota] != `{"hard":{"pods":"70"}}` || a[AnnotationPreviewLimits] != `{"limits":[{"default":{"cpu":"100m"},"type":"Container"}]}` || a["note"] != "x" {
		t.Errorf("%v", a)
	}
	if len(got[1].Annotations) != 1 {
		t.Errorf("what is no preview has %v", got[1].Annotations)
	}
	got[0].OwnerReferences = []metav1.OwnerReference{{Kind: v1alpha1.KindApplicationSet, Name: "preview", Controller: new(true)}}
	objects, err := HomeObjects(got[0])
	if err != nil || len(objects) != 2 || objects[0]["kind"] != "ResourceQuota" || objects[1]["kind"] != "LimitRange" {
		t.Errorf("%v, %v", objects, err)
	}
	got[0].OwnerReferences = nil // who writes the annotations by hand has no home
	if objects, err := HomeObjects(got[0]); err != nil || len(objects) != 0 {
		t.Errorf("%v, %v", objects, err)
	}
	for namespace, p := range map[string]HomePolicy{"": policy, "default": policy, "kube-system": policy, "kube-public": policy, "x": {Own: true, Quota: "nothing"}, "y": {Own: true, Quota: "{{ .missing.field }}"}} {
		if _, err := House(set, p, []*v1alpha1.Application{in("x", namespace)}, previews, false); err == nil {
			t.Errorf("%q is accepted with %+v", namespace, p)
		}
	}
	if _, err := House(set, policy, []*v1alpha1.Application{in("x", "preview-7")}, previews, true); !problem.Is(err, problem.Invalid) {
		t.Errorf("what keeps its resources: %v", err)
	}
}

// A namespace is somebody's home only by what stands on it.
func TestHomes(t *testing.T) {
	app := previewApp("x", map[string]string{AnnotationPreviewNamespace: "7"})
	app.UID, app.Spec.Destination.Namespace = "u1", "preview-7"
	app.OwnerReferences = []metav1.OwnerReference{{Kind: v1alpha1.KindApplicationSet, Name: "preview", Controller: new(true)}}
	home, ok := HomeFor(app, "here")
	if !ok {
		t.Fatal("it has none")
	}
	label := map[string]string{LabelPreview: "true"}
	read, ok := HomeOf(label, map[string]string{AnnotationPreviewOf: home.Text()})
	if !ok || read != home || !read.Houses(home) {
		t.Errorf("%+v", read)
	}
	for name, text := range map[string]string{"nothing": "", "no JSON": "x", "half": `{"set":"a/b"}`, "long": home.Text() + strings.Repeat(" ", 5000)} {
		if _, ok := HomeOf(label, map[string]string{AnnotationPreviewOf: text}); ok {
			t.Errorf("%s is a home", name)
		}
	}
	if _, ok := HomeOf(nil, map[string]string{AnnotationPreviewOf: home.Text()}); ok {
		t.Error("what has no label is a home")
	}
	other := func(change func(*Home)) Home { h := home; change(&h); return h }
	for name, c := range map[string]struct {
		home Home
		want bool
	}{
		"another of the same pull request": {other(func(h *Home) { h.Application, h.UID = "argocd/y", "u2" }), true},
		"another installation's":           {other(func(h *Home) { h.UID, h.By = "u2", "there" }), false},
		"an unknown installation's":        {other(func(h *Home) { h.UID, h.By = "u2", "" }), false},
		"another pull request's":           {other(func(h *Home) { h.Pull = "8" }), false},
		"another set's":                    {other(func(h *Home) { h.Set = "argocd/other" }), false},
	} {
		if got := c.home.Houses(home); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	app.Spec.Destination.Namespace = "kube-system"
	if _, ok := HomeFor(app, "here"); ok {
		t.Error("kube-system is a home")
	}
}

// A namespace is left over only with proof; whatever is not known keeps it.
func TestStrays(t *testing.T) {
	set := &v1alpha1.ApplicationSet{}
	keeping := &v1alpha1.ApplicationSet{}
	keeping.Spec.SyncPolicy = &v1alpha1.ApplicationSetSyncPolicy{PreserveResourcesOnDeletion: true}
	closed := Stray{Home: Home{By: "here"}, By: "here", Seen: true, Set: set, Sure: true, Holds: true, For: time.Minute, Patience: time.Minute}
	gone := Stray{Home: Home{By: "here"}, By: "here", Seen: true, For: time.Minute, Patience: time.Minute}
	with := func(s Stray, change func(*Stray)) Stray { change(&s); return s }
	for name, c := range map[string]struct {
		stray Stray
		keeps string
	}{
		"its request is closed":         {closed, ""},
		"its set is gone":               {gone, ""},
		"another installation's":        {with(closed, func(s *Stray) { s.Home.By = "there" }), "another installation"},
		"nobody knows whose":            {with(closed, func(s *Stray) { s.Home.By, s.By = "", "" }), "another installation"},
		"its application is there":      {with(closed, func(s *Stray) { s.Lives = "x" }), "application x has it"},
		"nobody looks there":            {with(gone, func(s *Stray) { s.Seen = false }), "not looked at"},
		"the forge does not answer":     {with(closed, func(s *Stray) { s.Sure = false }), "not known"},
		"the request is open":           {with(closed, func(s *Stray) { s.Wants = true }), "asks for it"},
		"the set keeps its resources":   {with(closed, func(s *Stray) { s.Set = keeping }), "keeps what it deployed"},
		"it was orphaned by a person":   {with(gone, func(s *Stray) { s.Holds = true }), "was left"},
		"it has only just been noticed": {with(closed, func(s *Stray) { s.For = 0 }), "again first"},
	} {
		if got := c.stray.Keeps(); (got == "") != (c.keeps == "") || !strings.Contains(got, c.keeps) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
