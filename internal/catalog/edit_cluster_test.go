package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

func parsed[T any](t *testing.T, manifest, namespace string) *T {
	t.Helper()
	v := new(T)
	if err := yaml.Unmarshal([]byte(manifest), v); err != nil {
		t.Fatal(err)
	}
	any(v).(metav1.Object).SetNamespace(namespace)
	return v
}

func (s *site) stored(t *testing.T, apiVersion, kind, name string) *object.Object {
	t.Helper()
	return s.Get(t, apiVersion, kind, s.ns, name)
}

func TestCreateApplicationTakesOnlyWhatACreatorMaySay(t *testing.T) {
	s := newSite(t, "")
	h := s.listen()
	app := parsed[v1alpha1.Application](t, application("web", "  project: default"), s.ns)
	app.Labels = map[string]string{"team": "a"}
	app.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "y"}}
	app.UID, app.ResourceVersion, app.Generation = "mine", "1", 77
	app.Status.Health.Status = "Healthy"
	made, err := s.CreateApplication(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Application(s.name("web")) // at once
	if err != nil || got != made || made.UID == "mine" || made.Status.Health.Status != "" || len(made.OwnerReferences) > 0 || made.Labels["team"] != "a" || len(made.Finalizers) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if list, _ := s.ListApplications(); len(list) != 1 || list[0] != made {
		t.Errorf("listed: %v", list)
	}
	h.wait(t, Change{ApplicationChanged, s.name("web")})
	if _, err := s.CreateApplication(t.Context(), app); !problem.Is(err, problem.Conflict) || !apierrors.IsAlreadyExists(err) {
		t.Errorf("again: %v", err)
	}
	if _, err := s.CreateApplication(t.Context(), parsed[v1alpha1.Application](t, application("web", ""), "kube-system")); !problem.Is(err, problem.Forbidden) {
		t.Errorf("in another namespace: %v", err)
	}
}

// A change is decided anew on what there is by then, writes nothing but the difference, and needs no lead.
func TestEditApplication(t *testing.T) {
	s := newSite(t, application("web", ""))
	if s.Leading() == nil {
		t.Fatal("this replica leads")
	}
	old := s.app(t, "web")
	s.Patch(t, "kubectl-edit", v1alpha1.APIVersion, "Application", s.ns, "web", `{"spec":{"source":{"path":"elsewhere"},"info":[{"name":"a","value":"b"}]},"metadata":{"labels":{"by":"kubectl"}}}`)
	calls := 0
	set := func(app *v1alpha1.Application) error {
		calls++
		app.Spec.Destination.Namespace = fmt.Sprint("ns-", calls)
		app.Labels = map[string]string{"mine": "yes", "by": app.Labels["by"]}
		return nil
	}
	now, err := s.EditApplication(t.Context(), old, set)
	if err != nil {
		t.Fatal(err)
	}
	if calls != 2 || now.Spec.Destination.Namespace != "ns-2" || now.Spec.Source.Path != "elsewhere" || now.Labels["by"] != "kubectl" || now.Labels["mine"] != "yes" {
		t.Errorf("after %d calls %+v, labels %v", calls, now.Spec, now.Labels)
	}
	if got := s.app(t, "web"); got != now {
		t.Errorf("read %s, wrote %s", got.ResourceVersion, now.ResourceVersion)
	}
	if same, err := s.EditApplication(t.Context(), now, func(*v1alpha1.Application) error { return nil }); err != nil || same != now {
		t.Errorf("no difference: %v", err)
	}
	if _, err := s.EditApplicationExact(t.Context(), old, set); !problem.Is(err, problem.Conflict) {
		t.Errorf("exact: %v", err)
	}
	denied := problem.New(problem.Forbidden, "not that one")
	if _, err := s.EditApplication(t.Context(), now, func(*v1alpha1.Application) error { return denied }); !problem.Is(err, problem.Forbidden) {
		t.Errorf("refused by the change: %v", err)
	}
	for _, m := range s.stored(t, v1alpha1.APIVersion, "Application", "web").GetManagedFields() {
		if m.Manager == "argocd-server" {
			return
		}
	}
	t.Error("the field manager is not the API's")
}

// A replica that must not write as a leader any more goes on serving people.
func TestPeopleAreServedWithoutALead(t *testing.T) {
	s := newSite(t, application("web", ""))
	s.lead.begin(time.Second)
	s.lead.renew(time.Now().Add(-time.Minute)) // as after a SIGSTOP
	app := s.app(t, "web")
	if _, err := s.PatchApplication(t.Context(), app, func(a *v1alpha1.Application) { a.Spec.Project = "x" }); !problem.Is(err, problem.Conflict) {
		t.Fatalf("the leader's write: %v", err)
	}
	if now := edited(t, s, app, func(a *v1alpha1.Application) { a.Spec.Project = "x" }); now.Spec.Project != "x" {
		t.Errorf("got %q", now.Spec.Project)
	}
	if err := s.ChangeSecret(t.Context(), "hawser-x", func(data map[string][]byte) error { data["a"] = []byte("b"); return nil }); err != nil {
		t.Error(err)
	}
}

func TestDeletionOfOneThatHasMovedIsRefused(t *testing.T) {
	s := newSite(t, application("web", ""))
	old := s.app(t, "web")
	edited(t, s, old, func(app *v1alpha1.Application) { app.Spec.Project = "other" })
	if err := s.DeleteApplication(t.Context(), old, Foreground); !problem.Is(err, problem.Conflict) {
		t.Errorf("deleted by who might delete it where it was: %v", err)
	}
	if app := s.app(t, "web"); app.DeletionTimestamp != nil {
		t.Error("it is being deleted")
	}
}

func TestEditOfAnotherOfTheSameNameIsRefused(t *testing.T) {
	s := newSite(t, application("web", ""))
	old := s.app(t, "web")
	if err := s.DeleteApplication(t.Context(), edited(t, s, old, func(app *v1alpha1.Application) { app.Finalizers = nil }), Orphan); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Application(s.name("web")); !problem.Is(err, problem.NotFound) {
		t.Fatalf("deleted, and still there: %v", err)
	}
	s.Apply(t, s.ns, application("web", ""))
	for what, do := range map[string]func() error{
		"edit": func() error {
			_, err := s.EditApplication(t.Context(), old, func(app *v1alpha1.Application) error { app.Spec.Project = "x"; return nil })
			return err
		},
		"exact": func() error {
			_, err := s.EditApplicationExact(t.Context(), old, func(app *v1alpha1.Application) error { app.Spec.Project = "x"; return nil })
			return err
		},
		"delete": func() error { return s.DeleteApplication(t.Context(), old, Cascade) },
	} {
		if err := do(); !problem.Is(err, problem.NotFound) && (what != "exact" || !problem.Is(err, problem.Conflict)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if app := s.app(t, "web"); app.DeletionTimestamp != nil || app.Spec.Project == "x" {
		t.Errorf("the new one was changed: %+v", app)
	}
}

func edited(t *testing.T, s *site, app *v1alpha1.Application, change func(*v1alpha1.Application)) *v1alpha1.Application {
	t.Helper()
	now, err := s.EditApplication(t.Context(), app, func(a *v1alpha1.Application) error { change(a); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return now
}

func TestDeleteApplicationSaysWhatBecomesOfItsObjects(t *testing.T) {
	s := newSite(t, "")
	const other = "other.corp/keep"
	for i, c := range []struct {
		before []string
		ask    Propagation
		after  []string
	}{
		{[]string{other}, Cascade, []string{other, v1alpha1.FinalizerResources}},
		{[]string{other, v1alpha1.FinalizerResourcesBackground}, Cascade, []string{other, v1alpha1.FinalizerResourcesBackground}},
		{[]string{v1alpha1.FinalizerResources, other}, Background, []string{other, v1alpha1.FinalizerResourcesBackground}},
		{[]string{other, v1alpha1.FinalizerResourcesBackground}, Foreground, []string{other, v1alpha1.FinalizerResourcesForeground}},
		{[]string{v1alpha1.FinalizerResources, other, v1alpha1.FinalizerResourcesForeground}, Orphan, []string{other}},
	} {
		app := parsed[v1alpha1.Application](t, application(fmt.Sprint("app-", i), ""), s.ns)
		app.Finalizers = c.before
		app, err := s.CreateApplication(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteApplication(t.Context(), app, c.ask); err != nil {
			t.Fatal(err)
		}
		now := s.app(t, app.Name)
		if now.DeletionTimestamp == nil || !slices.Equal(now.Finalizers, c.after) {
			t.Errorf("%v asked for %q: finalizers %v, deleted %v", c.before, c.ask, now.Finalizers, now.DeletionTimestamp)
		}
		// again, and then without the objects: what is under way can only become less
		if err := s.DeleteApplication(t.Context(), now, Background); err != nil {
			t.Errorf("again: %v", err)
		}
		if err := s.DeleteApplication(t.Context(), s.app(t, app.Name), Orphan); err != nil {
			t.Errorf("orphan after all: %v", err)
		}
		if now := s.app(t, app.Name); !slices.Equal(now.Finalizers, []string{other}) {
			t.Errorf("left %v", now.Finalizers)
		}
	}
	no, yes := false, true
	for _, c := range []struct {
		cascade *bool
		policy  string
		want    Propagation
		err     string
	}{
		{nil, "", Cascade, ""}, {&yes, "", Cascade, ""}, {&yes, "Background", Background, ""}, {nil, "foreground", Foreground, ""}, {&no, "", Orphan, ""},
		{&no, "foreground", "", "cannot set propagation policy when cascading is disabled"}, {nil, "orphan", "", "invalid propagation policy: orphan"},
	} {
		got, err := ParsePropagation(c.cascade, c.policy)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%v %q: %q, %v", c.cascade, c.policy, got, err)
		}
	}
}

// One that cannot be understood is told of, with the reason, and can be deleted; even when it is changed meanwhile.
func TestMalformedApplicationCanBeDeleted(t *testing.T) {
	s := newSite(t, application("bad", `status: {operationState: {phase: Running, startedAt: "2026-01-01T00:00:00Z", operation: {sync: text}}}`)+"\n---"+application("good", ""))
	w := s.WatchApplications("")
	defer w.Close()
	events, err := w.Next(t.Context())
	if err != nil || len(events) != 2 || events[0].Object.Name != "bad" || !problem.Is(events[0].Err, problem.Invalid) || events[1].Err != nil {
		t.Fatalf("told %+v, %v", events, err)
	}
	bad := s.Broken()[0].App
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "bad", `{"metadata":{"labels":{"a":"b"}}}`)
	if err := s.DeleteApplication(t.Context(), bad, Background); err != nil {
		t.Fatal(err)
	}
	now := s.stored(t, v1alpha1.APIVersion, "Application", "bad")
	if now.GetDeletionTimestamp() == nil || !slices.Contains(now.GetFinalizers(), v1alpha1.FinalizerResourcesBackground) || now.GetLabels()["a"] != "b" {
		t.Errorf("finalizers %v, labels %v", now.GetFinalizers(), now.GetLabels())
	}
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "bad", `{"metadata":{"finalizers":["`+v1alpha1.FinalizerResourcesBackground+`"]}}`)
	if err := s.DeleteApplication(t.Context(), bad, Orphan); err != nil { // its last finalizer goes, and it with it
		t.Fatal(err)
	}
	if app, err := s.Application(s.name("bad")); !problem.Is(err, problem.NotFound) {
		t.Errorf("still there: %v, %v", app, err)
	}
}

// What the API's watches tell: status included, which Subscribe leaves out.
func TestWatchApplications(t *testing.T) {
	s := newSite(t, application("a", ""))
	w := s.WatchApplications("")
	defer w.Close()
	next := func(what string, want ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var got []string
		for len(got) < len(want) {
			events, err := w.Next(ctx)
			if err != nil {
				t.Fatalf("%s: %v, got %v", what, err, got)
			}
			for _, e := range events {
				line := fmt.Sprintf("%s %s %s", e.Type, e.Object.Name, e.Object.Status.Health.Status)
				if len(got) == 0 || got[len(got)-1] != line {
					got = append(got, line)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	next("what exists", "ADDED a ")
	app := s.app(t, "a")
	_, version := s.ListApplications()
	healthy, err := s.PatchApplication(t.Context(), app, func(a *v1alpha1.Application) { a.Status.Health.Status = "Healthy" })
	if err != nil {
		t.Fatal(err)
	}
	next("our own status", "MODIFIED a Healthy")
	s.Apply(t, s.ns, application("b", ""))
	next("made by kubectl", "ADDED b ")
	edited(t, s, s.app(t, "b"), func(a *v1alpha1.Application) { a.Finalizers = nil })
	next("edited", "MODIFIED b ")
	if err := s.DeleteApplication(t.Context(), s.app(t, "b"), Orphan); err != nil {
		t.Fatal(err)
	}
	next("deleted", "DELETED b ")

	late := s.WatchApplications(version)
	defer late.Close()
	events, err := late.Next(t.Context())
	if err != nil || len(events) != 2 || events[0].Object != healthy || events[0].Type != Modified || events[1].Type != Deleted || events[1].Object.Name != "b" {
		t.Errorf("from %s: %+v, %v", version, events, err)
	}
	list, now := s.ListApplications()
	if len(list) != 1 || !after(now, version) {
		t.Errorf("%d listed at %s, before at %s", len(list), now, version)
	}
}

// A change made through one replica is told by another.
func TestReplicasSeeEachOther(t *testing.T) {
	s := newSite(t, "")
	other := open(t, Options{REST: s.Config, Namespace: s.ns, Identity: "other", Log: quiet()})
	w := other.WatchApplications("")
	defer w.Close()
	made, err := s.CreateApplication(t.Context(), parsed[v1alpha1.Application](t, application("x", ""), s.ns))
	if err != nil {
		t.Fatal(err)
	}
	events, err := w.Next(t.Context())
	if err != nil || len(events) != 1 || events[0].Type != Added || events[0].Object.UID != made.UID {
		t.Errorf("told %+v, %v", events, err)
	}
}

func TestProjectsAreWritten(t *testing.T) {
	s := newSite(t, application("web", "  project: team"))
	p := parsed[v1alpha1.AppProject](t, `
metadata: {name: team}
spec:
  sourceRepos: ['*']
  roles: [{name: ci, policies: ['p, proj:team:ci, applications, sync, team/*, allow'], jwtTokens: [{iat: 1}]}]
`, "ignored")
	made, err := s.CreateProject(t.Context(), p)
	if err != nil || made.Namespace != s.ns || made.Spec.Roles[0].JWTTokens != nil {
		t.Fatalf("%+v, %v", made, err)
	}
	if got, err := s.Project("team"); err != nil || got != made {
		t.Errorf("read %v, %v", got, err)
	}
	if err := s.DeleteProject(t.Context(), made); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "project is referenced by 1 applications") {
		t.Errorf("in use: %v", err)
	}
	def, err := s.Project("default")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteProject(t.Context(), def); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "name 'default' is reserved and cannot be deleted") {
		t.Errorf("default: %v", err)
	}

	token := v1alpha1.JWTToken{IssuedAt: 5, ID: "t1"}
	withToken, err := s.EditProject(t.Context(), made, func(p *v1alpha1.AppProject) error {
		p.Spec.Roles[0].JWTTokens = []v1alpha1.JWTToken{token}
		p.Status.JWTTokensByRole = map[string]v1alpha1.JWTTokens{"ci": {Items: []v1alpha1.JWTToken{token}}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// somebody sends the project as it was when there was no token, and with a token that nobody issued
	now, err := s.EditProject(t.Context(), made, func(p *v1alpha1.AppProject) error {
		before := p.DeepCopy()
		p.Spec = v1alpha1.AppProjectSpec{Description: "new", Roles: []v1alpha1.ProjectRole{{Name: "ci"}, {Name: "forged", JWTTokens: []v1alpha1.JWTToken{{IssuedAt: 9}}}}}
		KeepTokens(before, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if now.Spec.Description != "new" || len(now.Spec.Roles) != 2 || !slices.Equal(now.Spec.Roles[0].JWTTokens, []v1alpha1.JWTToken{token}) || now.Spec.Roles[1].JWTTokens != nil ||
		!slices.Equal(now.Status.JWTTokensByRole["ci"].Items, []v1alpha1.JWTToken{token}) {
		t.Errorf("%+v, status %+v", now.Spec, now.Status)
	}
	if _, err := s.EditProjectExact(t.Context(), withToken, func(p *v1alpha1.AppProject) error { p.Spec.Description = "late"; return nil }); !problem.Is(err, problem.Conflict) {
		t.Errorf("exact: %v", err)
	}
	if err := s.DeleteApplication(t.Context(), edited(t, s, s.app(t, "web"), func(a *v1alpha1.Application) { a.Finalizers = nil }), Orphan); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteProject(t.Context(), now); err != nil {
		t.Error(err)
	}
	if _, err := s.Project("team"); !problem.Is(err, problem.NotFound) {
		t.Errorf("deleted, and still there: %v", err)
	}
}

const setManifest = `
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %s}
spec:
  generators: [{list: {elements: [{x: a}]}}]
  template:
    metadata: {name: '{{x}}'}
    spec: {project: default, source: {repoURL: https://git.corp/x, path: .}, destination: {namespace: web}}
`

func TestApplicationSetsAreWrittenAndWatched(t *testing.T) {
	s := newSite(t, fmt.Sprintf(setManifest, "first"))
	if list, version := s.ApplicationSets(); len(list) != 1 || list[0].Name != "first" || version == "" {
		t.Fatalf("%v at %q", list, version)
	}
	w := s.WatchApplicationSets("")
	defer w.Close()
	if events, err := w.Next(t.Context()); err != nil || len(events) != 1 || events[0].Type != Added {
		t.Fatalf("%v, %v", events, err)
	}
	made, err := s.CreateApplicationSet(t.Context(), parsed[v1alpha1.ApplicationSet](t, fmt.Sprintf(setManifest, "second"), s.ns))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.ApplicationSet(s.name("second")); err != nil || got != made {
		t.Errorf("read %v, %v", got, err)
	}
	if events, err := w.Next(t.Context()); err != nil || len(events) != 1 || events[0].Object.Name != "second" {
		t.Errorf("%v, %v", events, err)
	}
	now, err := s.EditApplicationSet(t.Context(), made, func(set *v1alpha1.ApplicationSet) error {
		set.Spec.GoTemplate = true
		return nil
	})
	if err != nil || !now.Spec.GoTemplate {
		t.Fatalf("%+v, %v", now, err)
	}
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "ApplicationSet", s.ns, "first", `{"metadata":{"labels":{"a":"b"}}}`)
	eventually(t, "the change by kubectl", func() error {
		if set, err := s.ApplicationSet(s.name("first")); err != nil || set.Labels["a"] != "b" {
			return fmt.Errorf("%v, %v", set, err)
		}
		return nil
	})
	if err := s.DeleteApplicationSet(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ApplicationSet(s.name("second")); !problem.Is(err, problem.NotFound) {
		t.Errorf("deleted, and still there: %v", err)
	}
	if err := s.DeleteApplicationSet(t.Context(), now); !problem.Is(err, problem.NotFound) {
		t.Errorf("again: %v", err)
	}
}

// Applications of other namespaces do not mean ApplicationSets of them: each has its setting.
func TestApplicationSetsElsewhereNeedTheirOwnSetting(t *testing.T) {
	s := newSite(t, "")
	far := s.Cluster.Namespace(t)
	s.Apply(t, far, application("web", "")+"---"+fmt.Sprintf(setManifest, "set"))
	names := func(c *Catalog) (apps, sets int) {
		list, _ := c.ApplicationSets()
		return len(c.Applications()), len(list)
	}
	both := open(t, Options{REST: s.Config, Namespace: s.ns, ApplicationNamespaces: []string{far}, Log: quiet()})
	if apps, sets := names(both); apps != 1 || sets != 0 {
		t.Errorf("with application namespaces: %d and %d", apps, sets)
	}
	if _, err := both.CreateApplicationSet(t.Context(), parsed[v1alpha1.ApplicationSet](t, fmt.Sprintf(setManifest, "x"), far)); !problem.Is(err, problem.Forbidden) {
		t.Errorf("created: %v", err)
	}
	s.Apply(t, s.ns, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\ndata: {applicationsetcontroller.namespaces: 'x, "+far+"'}\n")
	if apps, sets := names(open(t, Options{REST: s.Config, Namespace: s.ns, Log: quiet()})); apps != 0 || sets != 1 {
		t.Errorf("with the setting of sets: %d and %d", apps, sets)
	}
}

// Readers beside writers never see an Application go back, nor one that is gone.
func TestWritesOfPeopleNeverGoBack(t *testing.T) {
	s := newSite(t, "")
	w := s.WatchApplications("")
	defer w.Close()
	watching, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		uids, last := map[string]types.UID{}, map[string]string{}
		for {
			events, err := w.Next(watching)
			if errors.Is(err, context.Canceled) {
				return
			}
			for _, e := range events {
				name := e.Object.Name
				switch _, known := uids[name]; {
				case e.Type == Deleted:
					delete(uids, name)
				case known && uids[name] != e.Object.UID:
					t.Errorf("%s was made anew without being deleted", name)
				default:
					uids[name] = e.Object.UID
				}
				if last[name] != "" && after(last[name], e.Object.ResourceVersion) {
					t.Errorf("%s %s goes from %s back to %s", e.Type, name, last[name], e.Object.ResourceVersion)
				}
				last[name] = e.Object.ResourceVersion
			}
		}
	})
	for range 15 {
		app := parsed[v1alpha1.Application](t, application("x", ""), s.ns)
		app.Finalizers = nil
		made, err := s.CreateApplication(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			made = edited(t, s, made, func(a *v1alpha1.Application) { a.Spec.Source.Path = fmt.Sprint(i) })
			if got := s.app(t, "x"); got.Spec.Source.Path != fmt.Sprint(i) {
				t.Fatalf("wrote %d, read %s", i, got.Spec.Source.Path)
			}
		}
		if err := s.DeleteApplication(t.Context(), made, Orphan); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Application(s.name("x")); !problem.Is(err, problem.NotFound) {
			t.Fatalf("deleted, and there: %v", err)
		}
	}
	stop()
	wait.Wait()
}

func TestEventsAreListed(t *testing.T) {
	s := newSite(t, application("web", "")+"---"+application("api", ""))
	app := s.app(t, "web")
	s.Event(app, "Normal", "OperationStarted", "began")
	s.Event(app, "Warning", "OperationCompleted", "failed")
	s.Event(s.app(t, "api"), "Normal", "OperationStarted", "another's")
	eventually(t, "the events", func() error {
		events, err := s.Events(t.Context(), v1alpha1.KindApplication, s.ns, "web", string(app.UID))
		if err != nil || len(events) != 2 {
			return fmt.Errorf("%d, %w", len(events), err)
		}
		if events[0].Message != "began" || events[1].Reason != "OperationCompleted" || events[1].Type != "Warning" {
			t.Errorf("%+v", events)
		}
		return nil
	})
	p, err := s.Project("default")
	if err != nil {
		t.Fatal(err)
	}
	s.RequestEvent(p, "Normal", "ResourceUpdated", "ann updated project")
	eventually(t, "the event of a request", func() error {
		events, err := s.Events(t.Context(), v1alpha1.KindAppProject, "", "default", string(p.UID))
		if err != nil || len(events) != 1 || events[0].Source.Component != "argocd-server" || events[0].Message != "ann updated project" {
			return fmt.Errorf("%+v, %w", events, err)
		}
		return nil
	})
	if events, err := s.Events(t.Context(), v1alpha1.KindApplication, s.ns, "web", "another"); err != nil || len(events) != 0 {
		t.Errorf("of another UID: %v, %v", events, err)
	}
	if events, err := s.Events(t.Context(), v1alpha1.KindAppProject, s.ns, "web", ""); err != nil || len(events) != 0 {
		t.Errorf("of another kind: %v, %v", events, err)
	}
	if _, err := s.Events(t.Context(), "Pod", "kube-system", "x", ""); !problem.Is(err, problem.Forbidden) {
		t.Errorf("elsewhere: %v", err)
	}
}
