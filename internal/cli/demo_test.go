package cli

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/platform"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/webhook"
)

func TestHappeningsAreAlignedLines(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 12, 4, 5, 123e6, time.UTC)
	var out bytes.Buffer
	l := newLines(&out)
	for _, h := range []reconcile.Happening{
		{At: at, Application: "checkout-dev", What: "rendered", Text: "4 objects at 3f2a1bc"},
		{At: at, Application: "an-application-with-a-long-name", What: "sync", Text: "OutOfSync → Synced"},
		{At: at, Application: "checkout-dev", What: "condition", Text: "two\n  lines"},
		{At: at, Application: "größe", What: "applied", Text: "Initiated sync to '3f2a1bc00000000000000000000000000000beef'"},
	} {
		l.happening(h)
	}
	want := `12:04:05.123  checkout-dev          rendered   4 objects at 3f2a1bc
12:04:05.123  an-application-with-a-long-name  sync       OutOfSync → Synced
12:04:05.123  checkout-dev                     condition  two lines
12:04:05.123  größe                            applied    Initiated sync to '3f2a1bc'
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, text string
		want       int
	}{
		{"drift", "Deployment/web spec.replicas: 1 in Git, 5 live", yellow},
		{"healed", "Deployment/web is back", green},
		{"health", "Progressing → Healthy", green},
		{"health", "Healthy → Progressing: 1 of 2 pods is starting", yellow},
		{"health", "Progressing → Degraded: no", red},
		{"sync", "OutOfSync → Synced", green},
		{"sync", "Synced → OutOfSync", yellow},
		{"applied", "3f2a1bc not applied: refused", red},
		{"applied", "3f2a1bc applied: 3 objects changed", 0},
	} {
		if got := colourOf(reconcile.Happening{What: c.what, Text: c.text}); got != c.want {
			t.Errorf("%s %q: colour %d, want %d", c.what, c.text, got, c.want)
		}
	}
	painted := (&lines{colour: true, width: 3}).format(reconcile.Happening{Application: "web", What: "drift"})
	plain := (&lines{width: 3}).format(reconcile.Happening{Application: "web", What: "drift"})
	if !strings.Contains(painted, "\x1b[33mdrift") || strings.Contains(plain, "\x1b") {
		t.Errorf("with colours %q, without %q", painted, plain)
	}
}

// A step ends on its own line, unless something else was said meanwhile.
func TestSteps(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := newLines(&out)
	l.step("starting Kubernetes")("ready")
	done := l.step("stopping")
	l.say("news")
	done("stopped")
	got := strings.Split(out.String(), "\n")
	for i, want := range []string{"starting Kubernetes … ready in ", "stopping … ", "news", "stopping: stopped in "} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Fatalf("line %d of %q does not begin with %q", i+1, out.String(), want)
		}
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	var d samples
	for i := 20; i > 0; i-- {
		d = append(d, time.Duration(i)*time.Second)
	}
	for p, want := range map[int]time.Duration{50: 10 * time.Second, 95: 19 * time.Second, 100: 20 * time.Second} {
		if got := d.percentile(p); got != want {
			t.Errorf("p%d = %s, want %s", p, got, want)
		}
	}
	if got, want := d.String(), "p50 10.0 s, p95 19.0 s, max 20.0 s of 20"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (samples{40 * time.Millisecond}).String(); got != "40 ms" {
		t.Errorf("one sample is %q", got)
	}
	if got := (samples{}).percentile(95); got != 0 {
		t.Errorf("p95 of nothing is %s", got)
	}
}

func TestCountRenders(t *testing.T) {
	t.Parallel()
	const metrics = `# TYPE hawser_render_total counter
hawser_render_total{result="hit",type="Helm"} 70
hawser_render_total{result="miss",type="Directory"} 12
hawser_render_total{result="miss",type="Kustomize"} 1e+01
other_total{result="miss"} 5
`
	if n, err := countRenders(strings.NewReader(metrics)); n != 22 || err != nil {
		t.Errorf("%d, %v; want 22", n, err)
	}
	if n, err := countRenders(strings.NewReader("up 1\n")); err == nil {
		t.Errorf("no such metric counted as %d: act 2 would compare nothing with nothing", n)
	}
}

func TestUnsettled(t *testing.T) {
	t.Parallel()
	const head = "3f2a1bc"
	now := time.Now()
	at := metav1.NewTime(now)
	app := func(name string, change func(*v1alpha1.Application)) *v1alpha1.Application {
		a := &v1alpha1.Application{}
		a.Name = name
		a.Status.ReconciledAt = &at
		a.Status.Sync = v1alpha1.SyncStatus{Status: v1alpha1.SyncStatusSynced, Revision: head}
		a.Status.Health.Status = v1alpha1.HealthStatusHealthy
		change(a)
		return a
	}
	for _, c := range []struct {
		name   string
		change func(*v1alpha1.Application)
		want   string
	}{
		{"all well", func(*v1alpha1.Application) {}, ""},
		{"never looked at", func(a *v1alpha1.Application) { a.Status.ReconciledAt = nil }, "web (not looked at yet)"},
		{"looked at before", func(a *v1alpha1.Application) {
			old := metav1.NewTime(now.Add(-time.Hour))
			a.Status.ReconciledAt = &old
		}, "web (not looked at yet)"},
		{"differs", func(a *v1alpha1.Application) { a.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync }, "web (OutOfSync)"},
		{"behind", func(a *v1alpha1.Application) { a.Status.Sync.Revision = "0000000" }, "web (at an older commit)"},
		{"syncing", func(a *v1alpha1.Application) { a.Status.OperationState = &v1alpha1.OperationState{} }, "web (syncing)"},
		{"ill", func(a *v1alpha1.Application) {
			a.Status.Health = v1alpha1.AppHealthStatus{Status: v1alpha1.HealthStatusDegraded, Message: "no pods"}
			a.Status.Conditions = []v1alpha1.ApplicationCondition{{Message: "why"}}
		}, "web (Degraded no pods; why)"},
		{"its child is not there", func(a *v1alpha1.Application) {
			a.Status.Resources = []v1alpha1.ResourceStatus{{Kind: v1alpha1.KindApplication, Name: "shop"}, {Kind: v1alpha1.KindApplication, Name: "root"}}
		}, "web (application shop is missing)"},
	} {
		apps := []*v1alpha1.Application{app("root", func(*v1alpha1.Application) {}), app("web", c.change)}
		looked := func(name types.NamespacedName) ([]string, time.Time) { // here they say what was seen
			for _, a := range apps {
				if a.Name == name.Name && a.Status.ReconciledAt != nil {
					return []string{a.Status.Sync.Revision}, a.Status.ReconciledAt.Time
				}
			}
			return nil, time.Time{}
		}
		got := unsettled(apps, looked, head, now)
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if unsettled(nil, nil, head, now) == "" {
		t.Error("nothing counts as everything")
	}
}

func TestDifferent(t *testing.T) {
	t.Parallel()
	got := different(map[string]string{"a": "1", "b": "1", "c": "1"}, map[string]string{"a": "1", "b": "2", "d": "1"})
	if d := cmp.Diff([]string{"b (different)", "c (missing)", "d (new)"}, got); d != "" {
		t.Error(d)
	}
}

// What people declare counts, what the cluster adds does not.
func TestDeclared(t *testing.T) {
	t.Parallel()
	service := func(ip, port, label string) *object.Object {
		items, err := object.Parse([]byte(`
apiVersion: v1
kind: Service
metadata:
  name: web
  uid: `+ip+`
  resourceVersion: "`+port+`"
  labels: {tier: `+label+`}
spec:
  clusterIP: `+ip+`
  clusterIPs: [`+ip+`]
  ports: [{port: 80}]
status:
  loadBalancer: {}
`), "service.yaml")
		if err != nil {
			t.Fatal(err)
		}
		return items[0].Object
	}
	one, other := object.Hash(declared(service("10.0.0.1", "7", "shop"))), object.Hash(declared(service("10.0.0.2", "9", "shop")))
	if one != other {
		t.Error("a Service with another address counts as another Service")
	}
	if one == object.Hash(declared(service("10.0.0.1", "7", "lab"))) {
		t.Error("a Service with another label counts as the same")
	}
}

// A push to the demo's server is told to Hawser as GitHub would tell it, and what it tells can be read.
func TestPushIsDelivered(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var mu sync.Mutex
	var got []webhook.Push
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p, err := webhook.Parse(r.Header.Get, body, webhook.Secrets{})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, p)
	}))
	defer receiver.Close()
	dir := t.TempDir()
	var out bytes.Buffer
	g, err := startGit(ctx, dir, newLines(&out))
	if err != nil {
		t.Fatal(err)
	}
	defer g.stop()
	g.deliverTo(receiver.URL)
	first := g.lastPush().after

	clone := filepath.Join(t.TempDir(), "clone")
	run(t, dir, "clone", "--quiet", g.url, clone)
	s := &script{stage: &stage{git: g}, work: clone}
	if err := s.commit(ctx, "Say \"hello\"", edit{"README.md", "Harbour:", "Hello, harbour:"}); err != nil {
		t.Fatal(err)
	}
	run(t, clone, "rm", "--quiet", "platform/apps/staging.yaml")
	run(t, clone, "commit", "--quiet", "--message", "Close staging")
	p, err := s.push(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if p.before != first || p.after != run(t, clone, "rev-parse", "HEAD") || time.Since(p.at) > time.Minute {
		t.Errorf("the server took %+v", p)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []webhook.Push{{
		Provider: "github", Ref: "refs/heads/main", Before: p.before, After: p.after,
		Repositories: []string{strings.TrimSuffix(platform.URL, ".git"), platform.URL},
		Changed:      []string{"README.md", "platform/apps/staging.yaml"}, ChangedComplete: true,
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if want := "push       " + p.after[:7] + " on main: Close staging\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("said %q, want an end %q", out.String(), want)
	}
}

// The next run serves the same repository, with what was pushed, at the same address.
func TestGitServerContinues(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	g, err := startGit(ctx, dir, newLines(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	run(t, dir, "clone", "--quiet", g.url, clone)
	if d := cmp.Diff(platform.Files()["platform/root.yaml"], read(t, filepath.Join(clone, "platform/root.yaml"))); d != "" {
		t.Errorf("the clone differs from the sample: %s", d)
	}
	run(t, clone, "commit", "--quiet", "--allow-empty", "--message", "More")
	run(t, clone, "push", "--quiet")
	want := run(t, clone, "rev-parse", "HEAD")
	g.stop()

	again, err := startGit(ctx, dir, newLines(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	defer again.stop()
	if got := run(t, clone, "ls-remote", again.url, "refs/heads/main"); !strings.HasPrefix(got, want) || again.lastPush().after != want {
		t.Errorf("serves %s, want %s", got, want)
	}
	if again.url != g.url {
		t.Logf("the port was taken meanwhile: %s, before %s", again.url, g.url)
	}
}

func TestScriptBeginsWithNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := scriptDir(filepath.Join(dir, "new")); err != nil {
		t.Errorf("a folder to be made: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := scriptDir(dir); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder in use: %v", err)
	}
}

func TestMissingDevcluster(t *testing.T) {
	t.Parallel()
	if _, err := findDevcluster(filepath.Join(t.TempDir(), "devcluster")); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a named one that does not exist: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := findDevcluster(self); got != self || err != nil {
		t.Errorf("a named one: %s, %v", got, err)
	}
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := runGit(t.Context(), dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
