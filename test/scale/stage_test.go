// Package scale_test measures what Hawser promises, on a real Kubernetes with real Git: how soon a push is in the
// cluster and drift is healed, and what a hundred applications cost.
//
// The idea: hawser runs as a process of its own (metered), so that its processor time, memory and
// requests are its own and no benchmark's; the clock stops when a watch that is not Hawser's sees the change. Read
// BenchmarkPushToCluster first. The package refuses to fail for being slow: machines differ. It fails when something
// is wrong, such as a second render.
package scale_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/gittest"
)

var (
	trials   = flag.Int("trials", 10, "how often each benchmark repeats what it measures")
	size     = flag.Int("apps", 100, "applications in the repository")
	profiles = flag.String("profiles", "", "`directory` for CPU and heap profiles of hawser, one pair for each benchmark")
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range slices.Backward(atEnd) {
		f()
	}
	os.Exit(code)
}

// atEnd is what outlives a benchmark and ends with the process.
var atEnd []func()

// lasting gives what a benchmark starts to those after it, too: a hundred applications are not deployed twice.
type lasting struct{ testing.TB }

func (lasting) Cleanup(f func())         { atEnd = append(atEnd, f) }
func (lasting) Context() context.Context { return context.Background() }

func (l lasting) TempDir() string {
	dir, err := os.MkdirTemp("", "hawser-scale-")
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// stage is a cluster with a running hawser and one repository of many applications, all of them deployed.
type stage struct {
	*clustertest.Cluster
	*hawser
	control, target string // namespaces: of the Applications, and of what they deploy
	git             *gittest.Server
	repo            *gittest.Repo
	eyes            *witness
	first           figures // what it took to deploy everything for the first time
}

var theStage struct {
	once sync.Once
	*stage
}

// ready returns the stage, at rest.
func ready(b *testing.B) *stage {
	b.Helper()
	theStage.once.Do(func() { theStage.stage = build(lasting{b}, threeObjects) })
	if theStage.stage == nil {
		b.Skip("there is no stage: the first benchmark says why")
	}
	theStage.atRest(b)
	return theStage.stage
}

// atRest waits until all applications are Synced and Healthy, with no operation going on. Each names the last commit that
// concerned it (docs/adr/0013).
func (s *stage) atRest(b *testing.B) {
	b.Helper()
	s.eyes.until(b, "all applications to be at rest", func(o objects) string {
		for name, a := range o["Application"] {
			if missing := unsettled(a, text(a, "status", "sync", "revision")); missing != "" {
				return name + ": " + missing
			}
		}
		return ""
	})
}

// lookedAt waits until the process has looked at every application.
func (s *stage) lookedAt(b *testing.B) time.Time {
	b.Helper()
	deadline := time.Now().Add(patience())
	for {
		done := s.metric(b, "argocd_app_reconcile_count{")
		switch now := time.Now(); {
		case done >= float64(*size):
			return now
		case now.After(deadline):
			b.Fatalf("%v of %d applications have been looked at", done, *size)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// build starts hawser and has it deploy every service.
func build(t testing.TB, manifests func(int) map[string]string) *stage {
	s := raise(t, manifests)
	s.eyes = openEyes(t, s.Cluster, s.control, s.target)
	before := s.usage(t)
	began := time.Now()
	for i := range *size {
		s.Apply(t, s.control, s.application(service(i), "services/"+service(i)))
	}
	s.settled(t, s.repo.Head(t))
	s.first = s.usage(t).since(before)
	s.first.took = time.Since(began)
	return s
}

// raise starts hawser beside a repository of services that nobody has asked it to deploy yet.
func raise(t testing.TB, manifests func(int) map[string]string) *stage {
	c := clustertest.Start(t)
	s := &stage{Cluster: c, control: c.Namespace(t), target: c.Namespace(t), git: gittest.New(t)}
	files := map[string]string{}
	for i := range *size {
		for name, text := range manifests(i) {
			files[fmt.Sprintf("services/%s/%s", service(i), name)] = text
		}
	}
	s.repo = s.git.Repo(t, "platform", files)
	s.hawser = &hawser{flags: []string{"serve", "--kubeconfig", c.Kubeconfig, "--namespace", s.control, "--data-dir", t.TempDir(),
		"--listen", "127.0.0.1:0", "--install-crds", "--identity", "scale"}}
	s.hawser.start(t)
	t.Cleanup(s.hawser.kill)
	return s
}

func service(i int) string { return fmt.Sprintf("svc-%03d", i) }

// threeObjects are the files of a service with a pod.
func threeObjects(i int) map[string]string {
	name := service(i)
	return map[string]string{
		"deployment.yaml": fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, labels: {app: %[1]s}}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: web
        image: registry.example/shop/web:1.0
        ports: [{containerPort: 8080}]
        env: [{name: LOG_LEVEL, value: info}]
        resources: {requests: {cpu: 10m, memory: 16Mi}}
`, name),
		"service.yaml":  fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %[1]s}\nspec:\n  selector: {app: %[1]s}\n  ports: [{port: 80, targetPort: 8080}]\n", name),
		"settings.yaml": settings(i, "first"),
	}
}

func settings(i int, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {colour: %q}\n", service(i), value)
}

func (s *stage) application(name, path string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: %s}
spec:
  project: default
  source: {repoURL: %q, path: %s, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: %s}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`, name, s.repo.URL, path, s.target)
}

// settled waits until all applications show the commit, Synced and Healthy, with no operation going on.
func (s *stage) settled(t testing.TB, commit string) {
	t.Helper()
	s.eyes.until(t, "all applications at "+commit, func(o objects) string {
		done := 0
		for _, a := range o["Application"] {
			if unsettled(a, commit) == "" {
				done++
			}
		}
		if done < *size {
			return fmt.Sprintf("%d of %d", done, *size)
		}
		return ""
	})
}

// push changes a service's files and has the Git server call, as a provider does. It returns the commit and when the
// call was made.
func (s *stage) push(b *testing.B, files map[string]string, message string) (commit string, at time.Time) {
	b.Helper()
	commit = s.repo.Commit(b, files, message)
	at = time.Now()
	s.hook(b)
	return commit, at
}

func (s *stage) hook(b testing.TB) {
	b.Helper()
	body := fmt.Sprintf(`{"ref":"refs/heads/main","repository":{"html_url":%q,"clone_url":%q,"default_branch":"main"}}`, strings.TrimSuffix(s.repo.URL, ".git"), s.repo.URL)
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://"+s.addr+"/api/webhook", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		b.Fatalf("webhook: %s", res.Status)
	}
}

// hawser is the process under measurement.
type hawser struct {
	flags []string
	cmd   *exec.Cmd
	addr  string // of hawser
	meter string // of our own figures in its process
	up    time.Duration
	log   *os.File
}

var (
	upLine    = regexp.MustCompile(`msg="hawser is up" listen=(\S+)`)
	meterLine = regexp.MustCompile(`(?m)^meter (\S+)$`)
)

// program is the file of the command metered, once it is built.
var program struct {
	sync.Once
	file string
	err  error
}

// metered builds the command, once for all benchmarks: a test binary carries much that hawser does not.
func metered(t testing.TB) string {
	t.Helper()
	program.Do(func() {
		dir, err := os.MkdirTemp("", "hawser-scale-bin-")
		if err != nil {
			program.err = err
			return
		}
		atEnd = append(atEnd, func() { _ = os.RemoveAll(dir) })
		program.file = filepath.Join(dir, "hawser")
		if out, err := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program.file, "./metered").CombinedOutput(); err != nil {
			program.err = fmt.Errorf("build test/scale/metered: %w\n%s", err, out)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.file
}

// start returns when the process answers.
func (h *hawser) start(t testing.TB) {
	t.Helper()
	file := metered(t)
	var err error
	if h.log == nil {
		if h.log, err = os.CreateTemp("", "hawser-scale-log-"); err != nil {
			t.Fatal(err)
		}
		name := h.log.Name()
		atEnd = append(atEnd, func() { _ = os.Remove(name) })
	}
	from, err := h.log.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	h.cmd = exec.Command(file, h.flags...)
	h.cmd.Stdout, h.cmd.Stderr = h.log, h.log
	if _, err := h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for time.Since(began) < clustertest.Patience {
		out, err := os.ReadFile(h.log.Name())
		if err != nil {
			t.Fatal(err)
		}
		up, meter := upLine.FindSubmatch(out[from:]), meterLine.FindSubmatch(out[from:])
		if up != nil && meter != nil {
			h.up, h.addr, h.meter = time.Since(began), string(up[1]), string(meter[1])
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	out, _ := os.ReadFile(h.log.Name())
	t.Fatalf("hawser did not come up:\n%s", out)
}

// stop ends the process as a rollout does.
func (h *hawser) stop(t testing.TB) {
	t.Helper()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Wait(); err != nil {
		t.Fatalf("hawser ended with %v", err)
	}
}

func (h *hawser) kill() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

// get reads from the process over HTTP.
func get(t testing.TB, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", url, res.Status, err, data)
	}
	return data
}

// metric sums the values in /metrics whose name with labels begins with prefix.
func (h *hawser) metric(t testing.TB, prefix string) (sum float64) {
	t.Helper()
	for line := range strings.Lines(string(get(t, "http://"+h.addr+"/metrics"))) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && strings.HasPrefix(name, prefix) {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatalf("metric %s: %v", line, err)
			}
			sum += v
		}
	}
	return sum
}

// profiled records what the process does until the function it returns is called.
func (h *hawser) profiled(b *testing.B) (stop func()) { return h.profiledAs(b, b.Name()) }

// profiledAs is profiled under another name than the benchmark's.
func (h *hawser) profiledAs(b *testing.B, name string) (stop func()) {
	if *profiles == "" {
		return func() {}
	}
	get(b, "http://"+h.meter+"/cpu/start")
	return func() {
		name := filepath.Join(*profiles, strings.NewReplacer("/", "_", "=", "").Replace(name))
		for kind, path := range map[string]string{"cpu": "/cpu/stop", "heap": "/heap"} {
			if err := os.WriteFile(name+"."+kind, get(b, "http://"+h.meter+path), 0o600); err != nil {
				b.Error(err)
			}
		}
	}
}
