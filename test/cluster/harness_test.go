// Package cluster_test tries the whole of Hawser on a real Kubernetes with real Git.
//
// The idea: each test runs its own daemon in its own control namespace, pushes to its own repository and looks at what
// the cluster holds in the end. Read start and hawser first. The package refuses to look into Hawser: what users and
// their scripts can see is all it sees.
package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/cli"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/reconcile"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// asHawser makes this test binary behave as the hawser command, for tests that kill it.
const asHawser = "HAWSER_TEST_AS_HAWSER"

func TestMain(m *testing.M) {
	if os.Getenv(asHawser) == "1" {
		os.Exit(cli.Main(os.Args[1:], cli.StdIO()))
	}
	os.Exit(m.Run())
}

// hawser is a running daemon, the cluster it works on and a Git server.
type hawser struct {
	*clustertest.Cluster
	control string // namespace of its Applications
	target  string // a namespace to deploy to
	git     *gittest.Server
	addr    string
	apps    *reconcile.Apps // what the API server calls for people
	stop    func()
	asked   int // operations

	mu    sync.Mutex
	lines []reconcile.Happening
}

// start runs a daemon for this test; change may alter its configuration.
func start(t testing.TB, change ...func(*config.Config)) *hawser {
	t.Helper()
	h := prepare(t)
	h.run(t, change...)
	return h
}

// prepare makes everything but the daemon.
func prepare(t testing.TB) *hawser {
	t.Helper()
	return prepareOn(t, clustertest.Start(t))
}

// prepareOn is prepare on a cluster of the test's own.
func prepareOn(t testing.TB, c *clustertest.Cluster) *hawser {
	t.Helper()
	c.Apply(t, "", string(deploy.CRDManifest()))
	h := &hawser{Cluster: c, control: c.Namespace(t), target: c.Namespace(t), git: gittest.New(t)}
	t.Cleanup(func() { h.dropFinalizers() })
	return h
}

func (h *hawser) config(t testing.TB) config.Config {
	cfg := config.Default()
	cfg.Kubeconfig, cfg.Namespace, cfg.DataDir, cfg.Listen = h.Kubeconfig, h.control, t.TempDir(), "127.0.0.1:0"
	cfg.InstallCRDs, cfg.Identity, cfg.LeaseDuration = true, t.Name(), 5*time.Second
	return cfg
}

func (h *hawser) run(t testing.TB, change ...func(*config.Config)) {
	t.Helper()
	cfg := h.config(t)
	for _, f := range change {
		f(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d, err := daemon.New(ctx, cfg, daemon.Options{Log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo})), Observe: h.observe})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	h.addr, h.apps = d.Addr, d.Apps
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	var once sync.Once
	h.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("the daemon ended with %v", err)
			}
		})
	}
	t.Cleanup(h.stop)
}

// testWriter puts the daemon's log lines into the test's.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	if os.Getenv("HAWSER_TEST_LOG") != "" { // t.Log after the end of a test panics, so only on request
		fmt.Fprintf(os.Stderr, "%s: %s", w.t.Name(), p)
	}
	return len(p), nil
}

func (h *hawser) observe(e reconcile.Happening) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, e)
}

// story is what the daemon told of an application, a line each; of all when it is empty: what one waits for is often
// another's doing.
func (h *hawser) story(application string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var b strings.Builder
	for _, l := range h.lines {
		switch application {
		case "":
			fmt.Fprintf(&b, "%s %s %s: %s\n", l.At.Format("15:04:05.000"), l.Application, l.What, l.Text)
		case l.Application:
			fmt.Fprintf(&b, "%s %s: %s\n", l.At.Format("15:04:05.000"), l.What, l.Text)
		}
	}
	return b.String()
}

// app is an Application in short form.
type app struct {
	name, repo, path string
	revision         string // main
	auto             string // the automated block as YAML flow, "" for none: {prune: true, selfHeal: true}
	extra            string // more of spec, YAML lines without indentation
	finalizer        bool
	annotations      map[string]string
}

// apply creates or changes the Application.
func (h *hawser) apply(t testing.TB, a app) {
	t.Helper()
	if a.revision == "" {
		a.revision = "main"
	}
	var extra map[string]any
	if err := yaml.Unmarshal([]byte(a.extra), &extra); err != nil {
		t.Fatal(err)
	}
	spec := map[string]any{
		"project":     "default",
		"source":      map[string]any{"repoURL": a.repo, "path": a.path, "targetRevision": a.revision},
		"destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": h.target},
	}
	if a.auto != "" {
		var auto map[string]any
		if err := yaml.Unmarshal([]byte(a.auto), &auto); err != nil {
			t.Fatal(err)
		}
		spec["syncPolicy"] = map[string]any{"automated": auto}
	}
	for k, v := range extra {
		if v == nil {
			delete(spec, k)
			continue
		}
		if both, ok := spec[k].(map[string]any); ok && k != "destination" {
			for kk, vv := range v.(map[string]any) {
				both[kk] = vv
			}
			continue
		}
		spec[k] = v
	}
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "spec": spec}}
	o.SetName(a.name)
	o.SetNamespace(h.control)
	o.SetAnnotations(a.annotations)
	if a.finalizer {
		o.SetFinalizers([]string{v1alpha1.FinalizerResources})
	}
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	h.Apply(t, h.control, string(data))
}

// name returns an application's name that no other test uses: the tests share a cluster.
func (h *hawser) name(short string) string {
	return short + "-" + h.control[strings.LastIndex(h.control, "-")+1:]
}

// get reads an Application.
func (h *hawser) get(t testing.TB, name string) *v1alpha1.Application {
	t.Helper()
	o := h.Get(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	if o == nil {
		return nil
	}
	return typed(t, o)
}

func typed(t testing.TB, o *unstructured.Unstructured) *v1alpha1.Application {
	t.Helper()
	a := &v1alpha1.Application{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, a); err != nil {
		t.Fatal(err)
	}
	return a
}

// wait waits until the Application is as check wants it; check returns "" or what is still wrong.
func (h *hawser) wait(t testing.TB, name string, check func(*v1alpha1.Application) string) *v1alpha1.Application {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("waited for %s; what happened:\n%s", name, h.story(""))
		}
	}()
	o := h.WaitFor(t, "argoproj.io/v1alpha1", "Application", h.control, name, func(o *unstructured.Unstructured) error {
		a := typed(t, o)
		if wrong := check(a); wrong != "" {
			return fmt.Errorf("%s (sync %s, health %s, operation %s, conditions %v)", wrong, a.Status.Sync.Status, a.Status.Health.Status, phase(a), a.Status.Conditions)
		}
		return nil
	})
	return typed(t, o)
}

func phase(a *v1alpha1.Application) string {
	if a.Status.OperationState == nil {
		return "none"
	}
	return string(a.Status.OperationState.Phase) + " " + a.Status.OperationState.Message
}

// synced checks for Synced at the commit and Healthy, with the operation over.
func synced(commit string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		switch {
		case a.Operation != nil:
			return "an operation is in progress"
		case a.Status.Sync.Status != v1alpha1.SyncStatusSynced:
			return "not Synced"
		case commit != "" && a.Status.Sync.Revision != commit:
			return "at " + a.Status.Sync.Revision + " and not at " + commit
		case a.Status.Health.Status != v1alpha1.HealthStatusHealthy:
			return "not Healthy"
		}
		return ""
	}
}

// condition checks for a condition of the type whose message holds all the words.
func condition(kind v1alpha1.ApplicationConditionType, words ...string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		for _, c := range a.Status.Conditions {
			if c.Type == kind && containsAll(c.Message, words) {
				return ""
			}
		}
		return fmt.Sprintf("no condition %s with %q", kind, words)
	}
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// hook delivers a webhook for the repository, as a Git provider does after a push.
func (h *hawser) hook(t testing.TB, url string) {
	t.Helper()
	body := fmt.Sprintf(`{"ref":"refs/heads/main","repository":{"html_url":%q,"clone_url":%q,"default_branch":"main"}}`, strings.TrimSuffix(url, ".git"), url)
	req, err := http.NewRequest("POST", "http://"+h.addr+"/api/webhook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("webhook: %s %s", res.Status, text)
	}
}

// refresh asks for a new look, as `argocd app get --refresh` does.
func (h *hawser) refresh(t testing.TB, name string) {
	t.Helper()
	h.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", h.control, name, `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`)
}

// sync asks for an operation by writing it, as scripts do, and waits for its end and the look that follows; fields is
// the inside of operation.sync.
func (h *hawser) sync(t *testing.T, name, fields string) *v1alpha1.Application {
	t.Helper()
	h.asked++
	who := fmt.Sprintf("tester-%d", h.asked) // the wire's times have whole seconds: they do not tell operations apart
	h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, fmt.Sprintf(`{"operation":{"initiatedBy":{"username":%q},"sync":{%s}}}`, who, fields))
	return h.wait(t, name, func(a *v1alpha1.Application) string {
		op := a.Status.OperationState
		if a.Operation != nil || op == nil || op.Operation.InitiatedBy.Username != who || op.FinishedAt == nil {
			return "the operation is not over"
		}
		if a.Status.ReconciledAt == nil || a.Status.ReconciledAt.Before(op.FinishedAt) {
			return "no look since the operation"
		}
		return ""
	})
}

// metric returns a value from /metrics, by its full name with labels.
func (h *hawser) metric(t testing.TB, prefix string) float64 {
	t.Helper()
	res, err := http.Get("http://" + h.addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, l := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(l, prefix) {
			var v float64
			if _, err := fmt.Sscan(l[strings.LastIndex(l, " ")+1:], &v); err == nil {
				sum += v
			}
		}
	}
	return sum
}

// dropFinalizers lets the control namespace go when no daemon is there any more to honour them.
func (h *hawser) dropFinalizers() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	apps := h.Dynamic.Resource(v1alpha1.GroupVersion().WithResource("applications")).Namespace(h.control)
	list, err := apps.List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, o := range list.Items {
		if len(o.GetFinalizers()) > 0 {
			_, _ = apps.Patch(ctx, o.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		}
	}
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example/shop/web:1.0
        env: [{name: LOG_LEVEL, value: info}]
        resources: {requests: {cpu: 1, memory: 64Mi}}
`

const configMap = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
`
