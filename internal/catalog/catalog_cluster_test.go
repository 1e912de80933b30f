package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// site is a namespace of a real cluster with our kinds, and a catalog of it.
type site struct {
	*clustertest.Cluster
	*Catalog
	ns string
}

func newSite(t *testing.T, before string) *site {
	t.Helper()
	k := clustertest.Start(t)
	var manifests [][]byte
	for _, f := range deploy.CRDs() {
		manifests = append(manifests, f.Data)
	}
	if err := InstallCRDs(t.Context(), k.Config, manifests, quiet()); err != nil {
		t.Fatal(err)
	}
	ns := k.Namespace(t)
	if before != "" {
		k.Apply(t, ns, before)
	}
	return &site{k, open(t, Options{REST: k.Config, Namespace: ns, Identity: t.Name(), Log: quiet()}), ns}
}

func open(t *testing.T, o Options) *Catalog {
	t.Helper()
	c, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// eventually waits until check returns nil.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	clustertest.Wait(t, what, func(context.Context) error { return check() })
}

func (s *site) name(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: s.ns, Name: name}
}

func (s *site) app(t *testing.T, name string) *v1alpha1.Application {
	t.Helper()
	var app *v1alpha1.Application
	eventually(t, "application "+name, func() (err error) { app, err = s.Application(s.name(name)); return err })
	return app
}

func application(name, extra string) string {
	return fmt.Sprintf(`
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: %s, finalizers: [resources-finalizer.argocd.argoproj.io, other.corp/keep]}
spec:
  source: {repoURL: https://git.corp/x, path: .}
  destination: {server: https://kubernetes.default.svc, namespace: web}
%s`, name, extra)
}

// heard collects what a subscriber is told.
type heard struct {
	mu   sync.Mutex
	list []Change
}

func (h *heard) add(c Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, c)
}

func (h *heard) count(c Change) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range h.list {
		if x == c {
			n++
		}
	}
	return n
}

func (h *heard) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = nil
}

func (h *heard) wait(t *testing.T, c Change) {
	t.Helper()
	eventually(t, fmt.Sprintf("change %v", c), func() error {
		if h.count(c) == 0 {
			return errors.New("not told")
		}
		return nil
	})
}

func (s *site) listen() *heard {
	h := &heard{}
	s.Subscribe(h.add)
	return h
}

func TestOpenSaysThatTheKindsAreMissing(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	config := rest.CopyConfig(k.Config)
	// the API server is asked for a group that it really does not have
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.URL.Path = strings.Replace(r.URL.Path, "/apis/argoproj.io/", "/apis/missing.hawser.dev/", 1)
			return next.RoundTrip(r)
		})
	})
	_, err := Open(t.Context(), Options{REST: config, Namespace: ns, Log: quiet()})
	if !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "applications.argoproj.io is not installed (run `hawser crds | kubectl apply -f -`, or start with --install-crds)") {
		t.Errorf("got %v", err)
	}
}

func TestOpenSaysWhatIsForbiddenOrUnreachable(t *testing.T) {
	s := newSite(t, "")
	config := rest.CopyConfig(s.Config)
	config.Impersonate.UserName = "nobody"
	if _, err := Open(t.Context(), Options{REST: config, Namespace: s.ns, Log: quiet()}); !problem.Is(err, problem.Forbidden) {
		t.Errorf("without rights: %v", err)
	}
	config = rest.CopyConfig(s.Config)
	config.Host = "https://127.0.0.1:1"
	if _, err := Open(t.Context(), Options{REST: config, Namespace: s.ns, Log: quiet()}); !problem.Is(err, problem.Unavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestApplicationsAreFollowed(t *testing.T) {
	s := newSite(t, application("b", "")+"---"+application("a", "  project: shop"))
	if got := s.Applications(); len(got) != 2 || got[0].Name != "a" || got[1].Name != "b" {
		t.Fatalf("what exists at the start: %v", got)
	}
	if p := s.Applications()[0].Spec.Project; p != "shop" {
		t.Errorf("project %q", p)
	}
	h := s.listen()
	h.wait(t, Change{ApplicationChanged, s.name("a")}) // what exists is replayed
	h.clear()
	left := &heard{}
	leave := s.Subscribe(left.add)
	left.wait(t, Change{SettingsChanged, s.name(settingsMap)}) // the last of what is replayed
	leave()
	left.clear()

	s.Apply(t, s.ns, application("c", ""))
	h.wait(t, Change{ApplicationChanged, s.name("c")})
	old := s.app(t, "c")
	h.clear()
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "c", `{"spec":{"source":{"path":"next"}}}`)
	h.wait(t, Change{ApplicationChanged, s.name("c")})
	if got := s.app(t, "c"); got.Spec.Source.Path != "next" || old.Spec.Source.Path != "." {
		t.Errorf("now %q, the old value %q", got.Spec.Source.Path, old.Spec.Source.Path)
	}

	h.clear()
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "c", `{"metadata":{"finalizers":null}}`)
	s.Delete(t, s.ns, application("c", ""))
	eventually(t, "c gone", func() error {
		if _, err := s.Application(s.name("c")); !problem.Is(err, problem.NotFound) {
			return fmt.Errorf("got %v", err)
		}
		return nil
	})
	h.wait(t, Change{ApplicationChanged, s.name("c")})
	if left.count(Change{ApplicationChanged, s.name("c")}) > 0 {
		t.Error("a subscriber that left was told")
	}
}

func TestMalformedApplicationStopsNoOther(t *testing.T) {
	// the schema of the CRD leaves what an operation was open; our struct does not
	s := newSite(t, application("bad", `status: {operationState: {phase: Running, startedAt: "2026-01-01T00:00:00Z", operation: {sync: text}}, health: {status: Healthy}}`)+
		"\n---"+application("good", ""))
	if got := s.Applications(); len(got) != 1 || got[0].Name != "good" {
		t.Fatalf("the good ones: %v", got)
	}
	broken := s.Broken()
	if len(broken) != 1 || broken[0].App.Name != "bad" || !strings.Contains(broken[0].Err.Error(), "operation") {
		t.Fatalf("the broken ones: %+v", broken)
	}
	// its status can be written, and the rest of it stays as it is
	app, err := s.PatchApplication(t.Context(), broken[0].App, func(a *v1alpha1.Application) {
		a.Status.Conditions = []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionInvalidSpecError, Message: broken[0].Err.Error()}}
	})
	if !problem.Is(err, problem.Invalid) || app == nil || len(app.Status.Conditions) != 1 {
		t.Errorf("patch: %+v, %v", app, err)
	}
	live := s.Get(t, v1alpha1.APIVersion, "Application", s.ns, "bad")
	if state := live.Object["status"].(map[string]any)["operationState"].(map[string]any); state["operation"].(map[string]any)["sync"] != "text" {
		t.Errorf("the malformed part was changed: %v", state)
	}
	// repaired by hand, it is an application like any other
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "bad", `{"status":{"operationState":null}}`)
	eventually(t, "repair", func() error { _, err := s.Application(s.name("bad")); return err })
	if len(s.Broken()) != 0 || len(s.Applications()) != 2 {
		t.Errorf("broken %v, applications %d", s.Broken(), len(s.Applications()))
	}
}

func TestPatchApplication(t *testing.T) {
	s := newSite(t, application("web", "  newerField: {kept: true}\nstatus: {sync: {status: Unknown}, summary: {images: [a, b]}, newer: 1}"))
	old := s.app(t, "web")
	now := metav1.Now()

	got, err := s.PatchApplication(t.Context(), old, func(a *v1alpha1.Application) {
		a.Status.Sync.Status = v1alpha1.SyncStatusSynced
		a.Status.Summary.Images = nil
		a.Status.ReconciledAt = &now
		a.Annotations = map[string]string{"x": "y"}
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := s.Application(s.name("web")); err != nil || seen != got {
		t.Errorf("what was written is not what is read: %v, %v", seen, err)
	}
	live := s.Get(t, v1alpha1.APIVersion, "Application", s.ns, "web")
	status := live.Object["status"].(map[string]any)
	if status["sync"].(map[string]any)["status"] != "Synced" || status["newer"] != int64(1) || live.GetAnnotations()["x"] != "y" {
		t.Errorf("live: %v", live.Object)
	}
	if summary, _ := status["summary"].(map[string]any); summary["images"] != nil {
		t.Errorf("the images were not removed: %v", summary)
	}
	if live.Object["spec"].(map[string]any)["newerField"] == nil {
		t.Error("a field unknown to us was lost")
	}
	if old.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
		t.Error("old was changed")
	}

	same, err := s.PatchApplication(t.Context(), got, func(a *v1alpha1.Application) { a.Status.Sync.Status = v1alpha1.SyncStatusSynced })
	if err != nil || same != got {
		t.Errorf("no difference: %v", err)
	}
	if rv := s.Get(t, v1alpha1.APIVersion, "Application", s.ns, "web").GetResourceVersion(); rv != got.ResourceVersion {
		t.Errorf("no difference was written: version %s after %s", rv, got.ResourceVersion)
	}

	// somebody else's change survives a patch from an old value, and an exact patch is refused
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", `{"spec":{"project":"other"}}`)
	if _, err := s.PatchApplicationExact(t.Context(), got, func(a *v1alpha1.Application) { a.Status.Health.Message = "x" }); !problem.Is(err, problem.Conflict) {
		t.Errorf("exact on an old value: %v", err)
	}
	merged, err := s.PatchApplication(t.Context(), got, func(a *v1alpha1.Application) { a.Status.Health.Message = "x" })
	if err != nil || merged.Spec.Project != "other" || merged.Status.Health.Message != "x" {
		t.Errorf("merged: %+v, %v", merged, err)
	}
}

func TestPatchOfAnotherObjectOfTheSameNameIsRefused(t *testing.T) {
	s := newSite(t, application("web", ""))
	old := s.app(t, "web")
	if err := s.RemoveFinalizer(t.Context(), old, "other.corp/keep"); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveFinalizer(t.Context(), old, v1alpha1.FinalizerResources); err != nil { // old: it has to look again
		t.Fatal(err)
	}
	s.Delete(t, s.ns, application("web", ""))
	s.WaitGone(t, v1alpha1.APIVersion, "Application", s.ns, "web")
	patch := func() error {
		_, err := s.PatchApplication(t.Context(), old, func(a *v1alpha1.Application) { a.Status.Health.Message = "x" })
		return err
	}
	if err := patch(); !problem.Is(err, problem.NotFound) {
		t.Errorf("gone: %v", err)
	}
	s.Apply(t, s.ns, application("web", ""))
	if err := patch(); !problem.Is(err, problem.NotFound) {
		t.Errorf("made anew: %v", err)
	}
	if err := s.RemoveFinalizer(t.Context(), old, v1alpha1.FinalizerResources); err != nil {
		t.Errorf("finalizer of one that is gone: %v", err)
	}
	if live := s.Get(t, v1alpha1.APIVersion, "Application", s.ns, "web"); len(live.GetFinalizers()) != 2 {
		t.Errorf("the new one lost a finalizer: %v", live.GetFinalizers())
	}
}

func TestRemoveFinalizerKeepsTheOthers(t *testing.T) {
	s := newSite(t, application("web", ""))
	app := s.app(t, "web")
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", `{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io","other.corp/keep","third.corp/new"]}}`)
	if err := s.RemoveFinalizer(t.Context(), app, v1alpha1.FinalizerResources); err != nil {
		t.Fatal(err)
	}
	if live := s.Get(t, v1alpha1.APIVersion, "Application", s.ns, "web").GetFinalizers(); !slices.Equal(live, []string{"other.corp/keep", "third.corp/new"}) {
		t.Errorf("finalizers %v", live)
	}
}

func TestReadersNeverSeeOlderThanWhatWasWritten(t *testing.T) {
	s := newSite(t, application("web", ""))
	app := s.app(t, "web")
	for i := range 100 {
		want := fmt.Sprint(i)
		written, err := s.PatchApplication(t.Context(), app, func(a *v1alpha1.Application) { a.Status.Health.Message = want })
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			seen, err := s.Application(s.name("web"))
			if err != nil || seen.Status.Health.Message != want {
				t.Fatalf("wrote %s, read %q (%v)", want, seen.Status.Health.Message, err)
			}
		}
		app = written
	}
}

func TestOwnStatusIsNoNews(t *testing.T) {
	s := newSite(t, application("web", "")+"---"+application("marker", ""))
	h := s.listen()
	h.wait(t, Change{ApplicationChanged, s.name("web")})
	// marker's changes come through the same watch: once one is told, all before it have been delivered
	mark := func() {
		t.Helper()
		before := h.count(Change{ApplicationChanged, s.name("marker")})
		s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "marker", fmt.Sprintf(`{"metadata":{"annotations":{"at":"%d"}}}`, time.Now().UnixNano()))
		eventually(t, "marker", func() error {
			if h.count(Change{ApplicationChanged, s.name("marker")}) == before {
				return errors.New("not told")
			}
			return nil
		})
	}
	mark()
	h.clear()
	web := Change{ApplicationChanged, s.name("web")}
	app := s.app(t, "web")
	var err error
	for i := range 20 {
		if app, err = s.PatchApplication(t.Context(), app, func(a *v1alpha1.Application) { a.Status.Health.Message = fmt.Sprint(i) }); err != nil {
			t.Fatal(err)
		}
	}
	mark()
	if n := h.count(web); n != 0 {
		t.Errorf("own status was told %d times", n)
	}

	// an operation, by whomever, wakes
	if app, err = s.PatchApplication(t.Context(), app, func(a *v1alpha1.Application) {
		a.Operation = &v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{Prune: true}}
	}); err != nil {
		t.Fatal(err)
	}
	h.wait(t, web)
	mark()
	h.clear()

	// somebody else's change that our write overtook wakes too, and so does somebody else's status
	for i := range 20 {
		s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", fmt.Sprintf(`{"spec":{"source":{"path":"p%d"}}}`, i))
		if app, err = s.PatchApplication(t.Context(), app, func(a *v1alpha1.Application) { a.Status.Health.Message = fmt.Sprint("again", i) }); err != nil {
			t.Fatal(err)
		}
		h.wait(t, web)
		mark()
		h.clear()
	}
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", `{"status":{"operationState":{"phase":"Terminating"}}}`)
	h.wait(t, web)
}

func TestDefaultProject(t *testing.T) {
	s := newSite(t, "")
	p, err := s.Project("default")
	if err != nil || p.Spec.SourceRepos[0] != "*" {
		t.Fatalf("%+v, %v", p, err)
	}
	s.WaitFor(t, v1alpha1.APIVersion, "AppProject", s.ns, "default", func(*object.Object) error { return nil })
	if _, err := s.Rules("none"); !problem.Is(err, problem.NotFound) || err.Error() != "Application referencing project none which does not exist" {
		t.Errorf("got %v", err)
	}

	h := s.listen()
	h.wait(t, Change{ProjectChanged, s.name("default")})
	h.clear()
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "AppProject", s.ns, "default", `{"spec":{"sourceRepos":["https://only/*"]}}`)
	h.wait(t, Change{ProjectChanged, s.name("default")})
	rules, err := s.Rules("default")
	if err != nil || rules.Source("https://only/x") != nil || rules.Source("https://other/x") == nil {
		t.Errorf("rules after the change: %v", err)
	}

	again := open(t, Options{REST: s.Config, Namespace: s.ns, Log: quiet()})
	if p, err := again.Project("default"); err != nil || p.Spec.SourceRepos[0] != "https://only/*" {
		t.Errorf("the default project was overwritten: %+v, %v", p, err)
	}
	s.Delete(t, s.ns, "{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: default}}")
	eventually(t, "project gone", func() error {
		if _, err := s.Project("default"); !problem.Is(err, problem.NotFound) {
			return fmt.Errorf("got %v", err)
		}
		return nil
	})
}

func TestSettingsAreInForceAtOnce(t *testing.T) {
	s := newSite(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm}, data: {timeout.reconciliation: 10m}}")
	if got := s.Settings().Reconciliation; got != 10*time.Minute {
		t.Fatalf("at the start: %s", got)
	}
	h := s.listen()
	set := func(kind, name, data string) {
		t.Helper()
		s.Apply(t, s.ns, fmt.Sprintf("{apiVersion: v1, kind: %s, metadata: {name: %s}, %s}", kind, name, data))
	}
	until := func(what string, ok func(*Settings) bool) {
		t.Helper()
		eventually(t, what, func() error {
			if !ok(s.Settings()) {
				return errors.New("not in force")
			}
			return nil
		})
	}
	var slowest time.Duration
	for i := range 10 {
		started := time.Now()
		set("ConfigMap", "argocd-cm", fmt.Sprintf("data: {timeout.reconciliation: %ds}", i+1))
		for s.Settings().Reconciliation != time.Duration(i+1)*time.Second && time.Since(started) < time.Minute {
			time.Sleep(time.Millisecond)
		}
		slowest = max(slowest, time.Since(started))
	}
	t.Logf("in force after %s at most, the write included", slowest)
	if slowest > 20*time.Second {
		t.Errorf("a setting took %s", slowest)
	}
	h.wait(t, Change{SettingsChanged, s.name("argocd-cm")})

	set("ConfigMap", "argocd-cm", "data: {timeout.reconciliation: soon, hawser.prune.guard: 'off'}")
	until("the rest of a ConfigMap with a malformed key", func(n *Settings) bool { return !n.PruneGuard })
	if n := s.Settings(); n.Reconciliation != 10*time.Second || len(n.Problems) != 1 {
		t.Errorf("malformed key: %s, %v", n.Reconciliation, n.Problems)
	}
	set("ConfigMap", "argocd-cmd-params-cm", "data: {controller.sync.timeout.seconds: '60'}")
	until("parameters", func(n *Settings) bool { return n.SyncTimeout == time.Minute })
	set("ConfigMap", "argocd-rbac-cm", "data: {policy.default: 'role:readonly'}")
	until("policy", func(n *Settings) bool { return n.RBAC["policy.default"] == "role:readonly" })
	set("Secret", "argocd-secret", "stringData: {webhook.github.secret: gh}")
	until("webhook secret", func(n *Settings) bool { return n.Webhook.GitHub.Reveal() == "gh" })
	s.Delete(t, s.ns, "{apiVersion: v1, kind: Secret, metadata: {name: argocd-secret}}")
	until("webhook secret removed", func(n *Settings) bool { return n.Webhook.GitHub.Empty() })
	s.Delete(t, s.ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm}}")
	until("defaults after removal", func(n *Settings) bool { return n.Reconciliation == 2*time.Minute && n.PruneGuard })
}

func TestRepositoriesAndClustersAreFollowed(t *testing.T) {
	const label = "labels: {argocd.argoproj.io/secret-type: %s}"
	secret := func(name, kind, data string) string {
		return fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: %s, "+label+"}, stringData: %s}", name, kind, data)
	}
	s := newSite(t, secret("creds", "repo-creds", "{url: 'https://git.corp/', password: one}"))
	h := s.listen()
	until := func(what string, ok func() bool) {
		t.Helper()
		eventually(t, what, func() error {
			if !ok() {
				return errors.New("not in force")
			}
			return nil
		})
	}
	if got := s.Repository("https://git.corp/x").Password.Reveal(); got != "one" {
		t.Fatalf("at the start: %q", got)
	}
	s.Apply(t, s.ns, secret("x", "repository", "{url: 'https://git.corp/x', password: two}"))
	until("repository", func() bool { return s.Repository("https://git.corp/x").Password.Reveal() == "two" })
	h.wait(t, Change{RepositoryChanged, s.name("x")})
	if list := s.Repositories(); len(list) != 1 || list[0].Record != "x" {
		t.Errorf("repositories %v", list)
	}
	// a Secret that is ours no longer, by its label
	s.Patch(t, "kubectl", "v1", "Secret", s.ns, "x", `{"metadata":{"labels":{"argocd.argoproj.io/secret-type":null}}}`)
	until("label removed", func() bool { return s.Repository("https://git.corp/x").Password.Reveal() == "one" })
	s.Apply(t, s.ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-tls-certs-cm}, data: {git.corp: PEM}}")
	until("certificate", func() bool { return string(s.Repository("https://git.corp/x").CA) == "PEM" })
	s.Apply(t, s.ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-ssh-known-hosts-cm}, data: {ssh_known_hosts: host}}")
	until("known hosts", func() bool { return string(s.Repository("https://git.corp/x").KnownHosts) == "host" })
	s.Apply(t, s.ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm}, data: {hawser.repositories.insteadOf: '[{prefix: https://github.com/, url: https://git.corp/gh/}]'}}")
	until("rewrite", func() bool { return s.Repository("https://github.com/x").URL == "https://git.corp/gh/x" })

	if own, err := s.Destination(v1alpha1.ApplicationDestination{Name: "in-cluster"}); err != nil || own.Server != v1alpha1.InClusterServer {
		t.Errorf("our own cluster: %v, %v", own, err)
	}
	s.Apply(t, s.ns, secret("far", "cluster", "{server: 'https://far.corp', name: far, config: '{\"bearerToken\":\"t\"}'}"))
	h.wait(t, Change{ClusterChanged, s.name("far")})
	if server, err := s.ServerOf(v1alpha1.ApplicationDestination{Name: "far"}); err != nil || server != "https://far.corp" {
		t.Errorf("far: %s, %v", server, err)
	}
	h.clear()
	s.Apply(t, s.ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm}, data: {cluster.inClusterEnabled: 'false'}}")
	until("own cluster off", func() bool { return len(s.Clusters()) == 1 })
	s.Delete(t, s.ns, "{apiVersion: v1, kind: Secret, metadata: {name: far}}")
	h.wait(t, Change{ClusterChanged, s.name("far")})
	until("far gone", func() bool { return len(s.Clusters()) == 0 })
}

func TestEvents(t *testing.T) {
	s := newSite(t, application("web", "")+"---"+application("noisy", ""))
	app := s.app(t, "web")
	for range 3 {
		s.Event(app, "Normal", "OperationStarted", "Initiated sync from https://user:hunter2@git.corp/x")
	}
	s.Event(app, "Warning", "OperationCompleted", strings.Repeat("ä", 2000))
	for i := range 500 {
		s.Event(s.app(t, "noisy"), "Normal", "ResourceUpdated", fmt.Sprint(i))
	}
	s.Close() // sends what waits

	events, err := s.Client.CoreV1().Events(s.ns).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.kind=Application"})
	if err != nil {
		t.Fatal(err)
	}
	byApp := map[string]int{}
	for _, e := range events.Items {
		byApp[e.InvolvedObject.Name]++
		if strings.Contains(e.Message, "hunter2") {
			t.Errorf("a password in an event: %s", e.Message)
		}
		if e.InvolvedObject.Name != "web" {
			continue
		}
		if e.InvolvedObject.UID != app.UID || e.Source.Component != "argocd-application-controller" || e.LastTimestamp.IsZero() {
			t.Errorf("event %+v", e)
		}
		switch e.Reason {
		case "OperationStarted":
			if e.Count != 3 || e.Type != "Normal" || e.Message != "Initiated sync from https://git.corp/x" {
				t.Errorf("event %+v", e)
			}
		case "OperationCompleted":
			if len(e.Message) > 1024 || !strings.HasSuffix(e.Message, "…") {
				t.Errorf("message of %d bytes", len(e.Message))
			}
		}
	}
	if byApp["web"] != 2 || byApp["noisy"] < 1 || byApp["noisy"] > eventBurst+20 {
		t.Errorf("events by application: %v", byApp)
	}
}

func TestInstallCRDs(t *testing.T) {
	k := clustertest.Start(t)
	group := fmt.Sprintf("c%d.catalog.hawser.dev", time.Now().UnixNano())
	crd := func(plural, description string) []byte {
		return []byte(fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]s.%[2]s}
spec:
  group: %[2]s
  scope: Namespaced
  names: {kind: K%[1]s, plural: %[1]s}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, description: %[3]s}}}
`, plural, group, description))
	}
	t.Cleanup(func() { // not k.Delete: the test's context has ended by then
		for _, plural := range []string{"ours", "theirs"} {
			if err := k.Dynamic.Resource(definitions).Delete(context.Background(), plural+"."+group, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}
	})
	k.Apply(t, "", string(crd("theirs", "theirs")))

	description := func(plural string) string {
		live := k.Get(t, "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", plural+"."+group)
		versions := live.Object["spec"].(map[string]any)["versions"].([]any)
		return versions[0].(map[string]any)["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)["description"].(string)
	}
	for _, version := range []string{"first", "second"} {
		if err := InstallCRDs(t.Context(), k.Config, [][]byte{crd("ours", version), crd("theirs", version)}, quiet()); err != nil {
			t.Fatal(err)
		}
		if got := description("ours"); got != version {
			t.Errorf("ours is %q, want %q", got, version)
		}
		if got := description("theirs"); got != "theirs" {
			t.Errorf("somebody else's was changed: %q", got)
		}
	}
	if err := InstallCRDs(t.Context(), k.Config, [][]byte{[]byte("apiVersion: v1\nkind: [")}, quiet()); !problem.Is(err, problem.Invalid) {
		t.Errorf("malformed: %v", err)
	}
}
