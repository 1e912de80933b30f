package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/charts/chartstest"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/plugin/sidecar/sidecartest"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"k8s.io/apimachinery/pkg/types"
)

// vault is a plugin that prints what stands in the folder, and a word that it reads where no commit can see it.
type vault struct {
	dir, word, log string // the sockets; the file of the word; a line for each time that it rendered
	stop           func()
}

func newVault(t *testing.T) *vault {
	t.Helper()
	home := t.TempDir()
	v := &vault{dir: sidecartest.Dir(t), word: filepath.Join(home, "word"), log: filepath.Join(home, "log")}
	v.says(t, "first")
	v.start(t)
	return v
}

func (v *vault) start(t *testing.T) {
	t.Helper()
	v.stop = sidecartest.Run(t, v.dir, sidecartest.Plugin{Name: "vault", Version: "v1", Init: []string{"sh", "-c", `echo "$ARGOCD_APP_NAME" >> ` + v.log}, Generate: []string{"sh", "-c",
		`while test -n "$ARGOCD_ENV_HANG" -a -e ` + v.word + `; do sleep 0.2; done
test -z "$ARGOCD_ENV_FAIL" || { echo "the vault is sealed" >&2; exit 4; }
for f in *.yaml; do echo ---; sed -e "s/WORD/$(cat ` + v.word + `)/; s/FROM/$ARGOCD_ENV_FROM/" $f; done`}})
}

func (v *vault) says(t *testing.T, word string) {
	t.Helper()
	if err := os.WriteFile(v.word, []byte(word), 0o600); err != nil {
		t.Fatal(err)
	}
}

// asked is how often the plugin rendered the application.
func (v *vault) asked(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(v.log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Count(string(text), name+"\n")
}

func (v *vault) config(c *config.Config) { c.Plugins = v.dir }

const sealed = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {word: WORD, from: FROM, colour: blue}\n"

func plugged(name string, env ...string) string {
	var list []string
	for _, e := range env {
		key, value, _ := strings.Cut(e, "=")
		list = append(list, fmt.Sprintf("{name: %s, value: %q}", key, value))
	}
	return fmt.Sprintf("source: {plugin: {name: %q, env: [%s]}}", name, strings.Join(list, ", "))
}

// An application behind a plugin lives as any other: commits to its folder reach the cluster, commits elsewhere do not even
// reach the plugin, a hard refresh does, and what the plugin reads on its own is not read behind everybody's back.
func TestPluginRenders(t *testing.T) {
	v := newVault(t)
	h := start(t, v.config)
	repo := h.git.Repo(t, "plugged", map[string]string{"app/cm.yaml": sealed, "other/x": "1"})
	name := h.name("plugged")
	h.apply(t, app{name: name, repo: repo.URL, path: "app", auto: "{prune: true, selfHeal: true}", extra: plugged("vault-v1", "FROM=$ARGOCD_APP_SOURCE_PATH"), annotations: map[string]string{v1alpha1.AnnotationManifestGeneratePaths: "."}})
	a := h.wait(t, name, synced(repo.Head(t)))
	if a.Status.SourceType != v1alpha1.SourceTypePlugin {
		t.Errorf("sourceType %q", a.Status.SourceType)
	}
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("first", "data", "word"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("app", "data", "from"))
	before := v.asked(t, name)

	v.says(t, "second")
	elsewhere := repo.Commit(t, map[string]string{"other/x": "2"}, "Elsewhere")
	h.hook(t, repo.URL)
	h.refresh(t, name) // the status of one that a commit does not concern is written later
	h.wait(t, name, synced(elsewhere))
	if n := v.asked(t, name) - before; n != 0 {
		t.Errorf("a commit elsewhere had the plugin render %d times", n)
	}
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("first", "data", "word"))

	h.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", h.control, name, `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"hard"}}}`)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("second", "data", "word"))
	h.wait(t, name, synced(elsewhere))
	if n := v.asked(t, name) - before; n != 1 {
		t.Errorf("a hard refresh and its sync had the plugin render %d times", n)
	}

	inside := repo.Commit(t, map[string]string{"app/cm.yaml": strings.Replace(sealed, "blue", "red", 1), "app/more.yaml": strings.Replace(configMap, "settings", "more", 1)}, "Inside")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(inside))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("red", "data", "colour"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "more", field("blue", "data", "colour"))

	repo.Replace(t, map[string]string{"app/cm.yaml": sealed}, "Less")
	h.hook(t, repo.URL)
	h.WaitGone(t, "v1", "ConfigMap", h.target, "more")
}

// While a plugin is away, cannot be reached, or fails, what it rendered stays; its applications are Unknown and say why, the
// others notice nothing, and it heals by itself.
func TestPluginAway(t *testing.T) {
	v := newVault(t)
	h := start(t, v.config)
	repo := h.git.Repo(t, "away", map[string]string{"app/cm.yaml": sealed, "plain/cm.yaml": strings.Replace(configMap, "settings", "plain", 1)})
	name, plain := h.name("away"), h.name("plain")
	h.apply(t, app{name: name, repo: repo.URL, path: "app", auto: "{prune: true, selfHeal: true}", extra: plugged("vault-v1")})
	h.apply(t, app{name: plain, repo: repo.URL, path: "plain", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	there := h.Get(t, "v1", "ConfigMap", h.target, "settings")

	v.stop()
	commit := repo.Commit(t, map[string]string{"app/cm.yaml": strings.Replace(sealed, "blue", "red", 1), "plain/cm.yaml": strings.Replace(strings.Replace(configMap, "settings", "plain", 1), "blue", "red", 1)}, "While it is away")
	h.hook(t, repo.URL)
	h.wait(t, plain, synced(commit))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "plain", field("red", "data", "colour"))
	a := h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "CMP processing failed for application", `could not find cmp-server plugin with name "vault-v1"`, "there is no plugin"))
	if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
		t.Errorf("sync %s", a.Status.Sync.Status)
	}
	if o := h.Get(t, "v1", "ConfigMap", h.target, "settings"); o == nil || o.GetUID() != there.GetUID() || o.GetResourceVersion() != there.GetResourceVersion() {
		t.Errorf("the object of the plugin's application was %v and is %v", there, o)
	}

	v.start(t)
	h.refresh(t, name)
	h.wait(t, name, synced(commit))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("red", "data", "colour"))

	h.apply(t, app{name: name, repo: repo.URL, path: "app", auto: "{prune: true, selfHeal: true}", extra: plugged("vault-v1", "FAIL=yes")})
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "plugin vault-v1: error generating manifests", "exit status 4", "the vault is sealed"))
	if o := h.Get(t, "v1", "ConfigMap", h.target, "settings"); o == nil || o.GetUID() != there.GetUID() {
		t.Errorf("the object of the plugin's application was %v and is %v", there, o)
	}
	h.apply(t, app{name: name, repo: repo.URL, path: "app", auto: "{prune: true, selfHeal: true}", extra: plugged("vault-v1")})
	h.wait(t, name, synced(commit))
}

// A plugin that hangs has only a part of the workers, however many applications it renders: the others are looked at.
func TestHungPluginLeavesWorkersToTheOthers(t *testing.T) {
	v := newVault(t)
	h := start(t, v.config, func(c *config.Config) { c.Workers.Status = 4 })
	repo := h.git.Repo(t, "hung", map[string]string{"app/cm.yaml": sealed, "plain/cm.yaml": configMap})
	plain := h.name("plain")
	h.apply(t, app{name: plain, repo: repo.URL, path: "plain", auto: "{}"})
	h.wait(t, plain, synced(repo.Head(t)))
	hang := func(i int) {
		h.apply(t, app{name: h.name(fmt.Sprintf("hung%d", i)), repo: repo.URL, path: "app", extra: plugged("vault-v1", "HANG=yes")})
	}
	for i := range 3 {
		hang(i)
	}
	clustertest.Wait(t, "three renders that hang", func(context.Context) error {
		if n := v.asked(t, "hung0-"+suffix(plain)) + v.asked(t, "hung1-"+suffix(plain)) + v.asked(t, "hung2-"+suffix(plain)); n < 3 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	time.Sleep(1500 * time.Millisecond) // from now on the place is known to be slow (reconcile/berths.go)
	for i := range 10 {
		hang(3 + i)
	}
	began := time.Now()
	commit := repo.Commit(t, map[string]string{"plain/cm.yaml": strings.Replace(configMap, "blue", "red", 1)}, "Meanwhile")
	h.hook(t, repo.URL)
	h.wait(t, plain, synced(commit))
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the plain application waited for %s", took)
	}
}

func suffix(name string) string { return name[strings.LastIndex(name, "-")+1:] }

// What a plugin prints is held to the project like what Git holds.
func TestPluginIsHeldToTheProject(t *testing.T) {
	v := newVault(t)
	h := start(t, v.config)
	repo := h.git.Repo(t, "escaping", map[string]string{"cm.yaml": sealed, "escape.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: escape, namespace: kube-system}\ndata: {a: b}\n"})
	name := h.name("escaping")
	h.Apply(t, h.control, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: %s}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: %s}]}\n", name, h.target))
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: "project: " + name + "\n" + plugged("vault-v1")})
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.ReconciledAt == nil {
			return "not looked at"
		}
		return ""
	})
	a := h.sync(t, name, "")
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed && op.Phase != v1alpha1.OperationError || !strings.Contains(op.Message, "namespace kube-system is not permitted in project '"+name+"'") {
		t.Errorf("operation %s", phase(a))
	}
	if o := h.Get(t, "v1", "ConfigMap", "kube-system", "escape"); o != nil {
		t.Error("a plugin wrote into kube-system")
	}
}

// Without the flag nothing of this is reachable, and the condition says what switches it on.
func TestPluginsAreOffByDefault(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "off", map[string]string{"cm.yaml": configMap})
	for short, extra := range map[string]string{"named": plugged("vault-v1"), "nameless": "source: {plugin: {}}"} {
		name := h.name(short)
		h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{}", extra: extra})
		h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "config management plugins are switched off", "--plugins", "HAWSER_PLUGINS"))
	}
	if o := h.Get(t, "v1", "ConfigMap", h.target, "settings"); o != nil {
		t.Error("a source for a plugin was rendered as plain files")
	}
}

// Without a name, the plugin that recognises the files renders them. What it takes is told, and local files are rendered
// by it, too.
func TestPluginDiscovery(t *testing.T) {
	dir := sidecartest.Dir(t)
	cat := []string{"sh", "-c", "cat *.yaml"}
	sidecartest.Run(t, dir, sidecartest.Plugin{Name: "a", FileName: "helmfile.*", Generate: []string{"false"}})
	sidecartest.Run(t, dir, sidecartest.Plugin{Name: "b", Find: []string{"sh", "-c", "ls *.mark"}, Generate: cat,
		Static: []map[string]any{{"name": "colours", "collectionType": "array", "array": []string{"red"}}}, Dynamic: []string{"sh", "-c", `printf '[{"name":"%s"}]' "$ARGOCD_ENV_X"`}})
	sidecartest.Run(t, dir, sidecartest.Plugin{Name: "c", Generate: []string{"false"}})
	h := start(t, func(c *config.Config) { c.Plugins = dir })
	repo := h.git.Repo(t, "found", map[string]string{"b/cm.yaml": configMap, "b/this.mark": "x", "none/cm.yaml": configMap})
	name, none := h.name("found"), h.name("none")
	h.apply(t, app{name: name, repo: repo.URL, path: "b", auto: "{}", extra: plugged("", "X=dynamic")})
	h.apply(t, app{name: none, repo: repo.URL, path: "none", auto: "{}", extra: "source: {plugin: {}}"})
	a := h.wait(t, name, synced(repo.Head(t)))
	h.wait(t, none, condition(v1alpha1.ConditionComparisonError, "could not find plugin supporting the given repository", "there is a, b, c"))

	d, err := h.apps.DetailsOf(t.Context(), *a.Spec.Source, name, "default")
	if err != nil || d.Type != v1alpha1.SourceTypePlugin || len(d.Announced) != 2 || d.Announced[0].Name != "dynamic" || d.Announced[1].Array[0] != "red" {
		t.Errorf("the plugin takes %+v, %v", d, err)
	}
	local := chartstest.Archive(t, map[string]string{"b/this.mark": "x", "b/cm.yaml": strings.Replace(configMap, "blue", "green", 1)})
	given := func(path string, files map[string]string) (reconcile.Rendered, error) {
		return h.apps.ManifestsOf(t.Context(), reconcile.LocalRequest{Application: types.NamespacedName{Namespace: h.control, Name: path}, Archive: bytes.NewReader(chartstest.Archive(t, files)),
			PermitPlugin: func() error { return problem.New(problem.Forbidden, "not you") }})
	}
	if _, err := given(name, map[string]string{"b/this.mark": "x", "b/cm.yaml": configMap}); !problem.Is(err, problem.Forbidden) {
		t.Errorf("a plugin rendered the files of somebody who may not have it do so: %v", err)
	}
	h.apply(t, app{name: none, repo: repo.URL, path: "none"})
	h.wait(t, none, func(a *v1alpha1.Application) string { // the object is the other one's: it is looked at, and no more
		if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
			return "not OutOfSync"
		}
		return ""
	})
	if _, err := given(none, map[string]string{"none/cm.yaml": configMap, "none/.argocd-source.yaml": "plugin: {name: b}\n"}); !problem.Is(err, problem.Forbidden) {
		t.Errorf("files brought a plugin with them: %v", err)
	}
	r, err := h.apps.ManifestsOf(t.Context(), reconcile.LocalRequest{Application: types.NamespacedName{Namespace: h.control, Name: name}, Archive: bytes.NewReader(local)})
	if err != nil || len(r.Manifests) != 1 || !strings.Contains(string(r.Manifests[0].JSON), "green") {
		t.Errorf("local files: %+v, %v", r, err)
	}
}
