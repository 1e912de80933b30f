package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/config"
)

func TestBadInputIsSaidAndHarmsNobodyElse(t *testing.T) {
	h := start(t)
	good := map[string]string{"cm.yaml": configMap}
	neighbour := h.git.Repo(t, "neighbour", map[string]string{"cm.yaml": strings.Replace(configMap, "settings", "neighbour", 1)})
	near := h.name("near")
	h.apply(t, app{name: near, repo: neighbour.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, near, synced(neighbour.Head(t)))

	for _, c := range []struct {
		name  string
		spoil map[string]string
		words []string
	}{
		{"malformed", map[string]string{"bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x\n"}, []string{"bad.yaml:"}},
		{"no name", map[string]string{"bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"}, []string{"bad.yaml:1", "metadata.name"}},
		{"path gone", map[string]string{"cm.yaml": "", "elsewhere/x": "y"}, []string{"path"}},
		{"bomb", map[string]string{"bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"}, []string{"bad.yaml"}},
		{"symlink out", map[string]string{"bad.yaml": "symlink:../../../etc/passwd"}, []string{"out of the source tree"}},
		{"symlink loop", map[string]string{"bad.yaml": "symlink:worse.yaml", "worse.yaml": "symlink:bad.yaml"}, []string{"symlink"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{}
			for p, s := range good {
				files["app/"+p] = s
			}
			repo := h.git.Repo(t, "bad-"+strings.ReplaceAll(c.name, " ", "-"), files)
			name := h.name("bad-" + strings.ReplaceAll(c.name, " ", "-"))
			h.Delete(t, h.target, configMap)
			h.apply(t, app{name: name, repo: repo.URL, path: "app", auto: "{prune: true, selfHeal: true}"})
			h.wait(t, name, synced(repo.Head(t)))
			broken := map[string]string{}
			for p, s := range c.spoil {
				broken["app/"+p] = s
			}
			if c.name == "path gone" {
				broken = map[string]string{"app/cm.yaml": "", "elsewhere/x": "y"}
			}
			repo.Commit(t, broken, "Break it")
			h.hook(t, repo.URL)
			a := h.wait(t, name, condition(v1alpha1.ConditionComparisonError, c.words...))
			if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
				t.Errorf("status %s", a.Status.Sync.Status)
			}
			if h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
				t.Error("an error was taken for an empty set")
			}
			repo.Revert(t)
			h.hook(t, repo.URL)
			h.wait(t, name, synced(repo.Head(t)))
			h.Delete(t, h.control, fmt.Sprintf(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":%q}}`, name))
		})
	}
	if a := h.get(t, near); synced("")(a) != "" || len(a.Status.History) != 1 {
		t.Errorf("the neighbour was touched: %+v", a.Status)
	}
}

func TestRepositoryFaults(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "faults", map[string]string{"cm.yaml": configMap})
	name := h.name("faults")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))

	t.Run("server down: said, and drift is still healed", func(t *testing.T) {
		h.git.Down(true)
		h.refresh(t, name)
		h.wait(t, name, func(a *v1alpha1.Application) string {
			if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
				return "not Unknown"
			}
			return condition(v1alpha1.ConditionComparisonError, repo.URL)(a)
		})
		h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "settings", `{"data":{"colour":"red"}}`)
		h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue", "data", "colour"))
		h.git.Down(false)
		h.refresh(t, name)
		h.wait(t, name, synced(repo.Head(t)))
	})
	t.Run("branch deleted", func(t *testing.T) {
		other := h.git.Repo(t, "branches", map[string]string{"cm.yaml": strings.Replace(configMap, "settings", "branched", 1)})
		other.Branch(t, "feature")
		commit := other.Commit(t, map[string]string{"x.yaml": strings.Replace(configMap, "settings", "feature", 1)}, "On a branch")
		n := h.name("branch")
		h.apply(t, app{name: n, repo: other.URL, path: ".", revision: "feature", auto: "{prune: true, selfHeal: true}"})
		h.wait(t, n, synced(commit))
		other.Branch(t, "main")
		other.Delete(t, "feature")
		h.refresh(t, n)
		h.wait(t, n, condition(v1alpha1.ConditionComparisonError, "feature"))
		if h.Get(t, "v1", "ConfigMap", h.target, "feature") == nil {
			t.Error("pruned though the branch is gone")
		}
	})
	t.Run("unusable addresses", func(t *testing.T) {
		for i, url := range []string{"ext::sh -c touch% /tmp/owned", "file:///etc", "--upload-pack=touch /tmp/owned", "git://127.0.0.1/x"} {
			n := h.name(fmt.Sprintf("url%d", i))
			h.apply(t, app{name: n, repo: url, path: ".", auto: "{}"})
			h.wait(t, n, func(a *v1alpha1.Application) string {
				if condition(v1alpha1.ConditionComparisonError)(a) != "" && condition(v1alpha1.ConditionInvalidSpecError)(a) != "" || a.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
					return "no condition"
				}
				return ""
			})
		}
	})
	t.Run("empty repository", func(t *testing.T) {
		empty := h.git.Repo(t, "empty", nil)
		n := h.name("empty")
		h.apply(t, app{name: n, repo: empty.URL, path: "."})
		h.wait(t, n, condition(v1alpha1.ConditionComparisonError, "empty"))
	})
	t.Run("history replaced", func(t *testing.T) {
		commit := repo.ForcePush(t, map[string]string{"cm.yaml": strings.Replace(configMap, "blue", "green", 1)}, "A new beginning")
		h.hook(t, repo.URL)
		h.wait(t, name, synced(commit))
	})
}

func TestMalformedApplicationStopsNoOther(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "ok", map[string]string{"cm.yaml": configMap})
	n := h.name("nosource")
	h.Apply(t, h.control, fmt.Sprintf(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":%q},"spec":{"project":"default","destination":{"server":"https://kubernetes.default.svc"}}}`, n))
	h.wait(t, n, condition(v1alpha1.ConditionComparisonError, "source"))
	p := h.name("noproject")
	h.apply(t, app{name: p, repo: repo.URL, path: ".", extra: "project: nowhere"})
	h.wait(t, p, condition(v1alpha1.ConditionInvalidSpecError, "nowhere"))
	d := h.name("nocluster")
	h.apply(t, app{name: d, repo: repo.URL, path: ".", extra: "destination: {server: https://nowhere.example, namespace: x}"})
	h.wait(t, d, condition(v1alpha1.ConditionInvalidSpecError, "nowhere.example"))
	ok := h.name("ok")
	h.apply(t, app{name: ok, repo: repo.URL, path: ".", auto: "{}"})
	h.wait(t, ok, synced(repo.Head(t)))
}

// thirty is a directory of 30 objects.
func thirty(version string) map[string]string {
	files := map[string]string{}
	for i := range 28 {
		files[fmt.Sprintf("many/%02d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: many-%02d}\ndata: {v: %q}\n", i, version)
	}
	files["many/sa.yaml"] = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: many}\n"
	files["many/web.yaml"] = deployment
	return files
}

func TestKilledAtAnyMomentEndsAsIfUndisturbed(t *testing.T) {
	kills := 8
	if os.Getenv("HAWSER_TEST_KILLS") != "" {
		fmt.Sscan(os.Getenv("HAWSER_TEST_KILLS"), &kills)
	}
	h := prepare(t)
	repo := h.git.Repo(t, "many", thirty("0"))
	name := h.name("many")
	cfg := h.config(t)
	keep := h.Apply(t, h.target, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bystander}\ndata: {a: b}\n")[0]

	p := h.spawn(t, cfg)
	h.apply(t, app{name: name, repo: repo.URL, path: "many", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	for i := range kills {
		version := fmt.Sprint(i + 1)
		files := thirty(version)
		delete(files, "many/27.yaml")
		if i%2 == 1 {
			files = thirty(version)
		}
		commit := repo.Replace(t, files, "Version "+version)
		h.refresh(t, name)
		time.Sleep(time.Duration(rand.IntN(250)) * time.Millisecond)
		p.kill(t)
		p = h.spawn(t, cfg)
		h.wait(t, name, synced(commit))
		want := 28
		if i%2 == 0 {
			want = 27
		}
		got := 0
		for n := range 28 {
			if o := h.Get(t, "v1", "ConfigMap", h.target, fmt.Sprintf("many-%02d", n)); o != nil {
				got++
				if err := field(version, "data", "v")(o); err != nil {
					t.Errorf("kill %d: many-%02d: %v", i, n, err)
				}
			}
		}
		if got != want {
			t.Errorf("kill %d: %d ConfigMaps, want %d", i, got, want)
		}
	}
	o := h.Get(t, "v1", "ConfigMap", h.target, "bystander")
	if o == nil || cmp.Diff(keep.GetUID(), o.GetUID()) != "" {
		t.Error("an object that is not ours was deleted")
	}
}

// process is hawser serve in a process of its own.
type process struct {
	cmd  *exec.Cmd
	log  string
	gone chan struct{} // closed when it has ended
}

// spawn starts hawser serve.
func (h *hawser) spawn(t *testing.T, cfg config.Config) *process {
	t.Helper()
	return h.launch(t, cfg, "the-one") // under the same name the lease is taken at once
}

// launch starts hawser serve under a name.
func (h *hawser) launch(t *testing.T, cfg config.Config, identity string, more ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "serve", "--kubeconfig", cfg.Kubeconfig, "--namespace", cfg.Namespace, "--data-dir", cfg.DataDir, "--listen", "127.0.0.1:0", "--install-crds", "--lease-duration", "2s", "--identity", identity)
	cmd.Args = append(cmd.Args, more...)
	cmd.Env = append(os.Environ(), asHawser+"=1")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, log: log.Name(), gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.gone)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.gone
		if t.Failed() || os.Getenv("HAWSER_TEST_LOG") != "" {
			text, _ := os.ReadFile(p.log)
			t.Logf("log of hawser:\n%s", text)
		}
	})
	return p
}

// kill ends the process as kill -9 does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.gone
}

func TestSecondReplicaWaitsAndTakesOver(t *testing.T) {
	h := start(t, func(c *config.Config) { c.Identity = "one" })
	repo := h.git.Repo(t, "ha", map[string]string{"cm.yaml": configMap})
	name := h.name("ha")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	firstStop := h.stop
	h.run(t, func(c *config.Config) { c.Identity = "two" })
	firstStop()
	commit := repo.Commit(t, map[string]string{"cm.yaml": strings.Replace(configMap, "blue", "white", 1)}, "White")
	h.refresh(t, name)
	h.wait(t, name, synced(commit))
}
