package render

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/plugin/sidecar"
	"github.com/hawser-cd/hawser/internal/plugin/sidecar/sidecartest"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// behind joins a renderer with plugins on sockets, as daemon does.
type behind struct{ *sidecar.Client }

func (b behind) Generate(ctx context.Context, name string, in PluginInput) ([]string, error) {
	return b.Client.Generate(ctx, name, sidecar.Input(in))
}

func (b behind) Parameters(ctx context.Context, name string, in PluginInput) ([]PluginParameter, error) {
	list, err := b.Client.Parameters(ctx, name, sidecar.Input(in))
	var out []PluginParameter
	for _, p := range list {
		out = append(out, PluginParameter(p))
	}
	return out, err
}

// withPlugin returns a renderer and the plugin "p" behind it, which prints what the command does.
func withPlugin(t testing.TB, o Options, command string) (*Renderer, *sidecartest.Server, string) {
	t.Helper()
	dir := sidecartest.Dir(t)
	s := sidecartest.Start(t, dir, sidecartest.Plugin{Name: "p", Generate: []string{"sh", "-c", command}})
	o.Plugins = behind{sidecar.New(dir)}
	return New(o), s, dir
}

const printConfigMap = `printf 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: out}\ndata: {revision: "%s"}\n' "$ARGOCD_APP_REVISION"`

func pluginRequest(files source.Files, p v1alpha1.ApplicationSourcePlugin, paths string) Request {
	return Request{
		Tree: tree(files), Revision: "0123456789abcdef0123456789abcdef01234567",
		Source:  v1alpha1.ApplicationSource{RepoURL: "https://me:secret@git.example.com/a.git", Path: "apps/web", TargetRevision: "main", Plugin: &p},
		App:     App{Name: "web", Namespace: "argocd", Project: "team", DestinationNamespace: "shop", Instance: "other_web", GeneratePaths: paths},
		Cluster: Cluster{KubeVersion: "v1.33.2", APIVersions: []string{"v1", "apps/v1"}},
	}
}

func TestPluginEnvironment(t *testing.T) {
	r, s, _ := withPlugin(t, Options{}, printConfigMap)
	text := "x$ARGOCD_APP_NAME"
	res, err := r.Objects(t.Context(), pluginRequest(source.Files{"apps/web/a.txt": ""}, v1alpha1.ApplicationSourcePlugin{
		Name: "p", Env: []v1alpha1.EnvEntry{{Name: "FOO", Value: "at ${ARGOCD_APP_REVISION_SHORT}, $$5, $NOBODY"}, {Name: "PATH", Value: "/evil"}, {Name: "URL", Value: "$ARGOCD_APP_SOURCE_REPO_URL"}},
		Parameters: []v1alpha1.ApplicationSourcePluginParameter{
			{Name: "a-text", String: &text}, {Name: "values.files", Array: &v1alpha1.OptionalArray{Array: []string{"a", "b"}}},
			{Name: "m", Map: &v1alpha1.OptionalMap{Map: map[string]string{"image.tag": "v1", "b": "2"}}},
		},
	}, ""))
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Items) != 1 || res.Type != v1alpha1.SourceTypePlugin || res.Items[0].Object.GetName() != "out" || res.Items[0].Origin.Path != "" {
		t.Errorf("rendered %+v", res)
	}
	calls := s.Calls("GenerateManifest")
	want := []string{
		"ARGOCD_APP_NAME=other_web", "ARGOCD_APP_NAMESPACE=shop", "ARGOCD_APP_PROJECT_NAME=team",
		"ARGOCD_APP_REVISION=0123456789abcdef0123456789abcdef01234567", "ARGOCD_APP_REVISION_SHORT=0123456", "ARGOCD_APP_REVISION_SHORT_8=01234567",
		"ARGOCD_APP_SOURCE_REPO_URL=https://git.example.com/a.git", "ARGOCD_APP_SOURCE_PATH=apps/web", "ARGOCD_APP_SOURCE_TARGET_REVISION=main",
		"KUBE_VERSION=1.33.2", "KUBE_API_VERSIONS=apps/v1,v1",
		"ARGOCD_ENV_FOO=at 0123456, $5, ", "ARGOCD_ENV_PATH=/evil", "ARGOCD_ENV_URL=https://git.example.com/a.git",
		`ARGOCD_APP_PARAMETERS=[{"name":"a-text","string":"x$ARGOCD_APP_NAME"},{"name":"values.files","array":["a","b"]},{"name":"m","map":{"b":"2","image.tag":"v1"}}]`,
		"PARAM_A_TEXT=x$ARGOCD_APP_NAME", "PARAM_VALUES_FILES_0=a", "PARAM_VALUES_FILES_1=b", "PARAM_M_B=2", "PARAM_M_IMAGE_TAG=v1",
	}
	if diff := cmp.Diff(want, calls[len(calls)-1].Env); diff != "" {
		t.Errorf("the environment (-want +got):\n%s", diff)
	}
}

// The plugin sees the application's folder, what the annotation adds, and what symlinks in there need; all at its place.
func TestPluginIsSentWhatItNeeds(t *testing.T) {
	files := source.Files{
		"apps/web/a.yaml": "a", "apps/web/sub/b.yaml": "b", "apps/web/.git/config": "no", "apps/web/x/.GIT": "no",
		"apps/web/values.yaml -> ../../shared/link.yaml": "", "shared/link.yaml -> real/values.yaml": "", "shared/real/values.yaml": "v", "shared/other.yaml": "o",
		"apps/web/nowhere -> ../absent/file": "", "apps/web/folder -> ../../charts/one": "", "charts/one/c": "c", "charts/two/c": "c",
		"apps/api/a.yaml": "no", "lib/v1/x.libsonnet": "x", "lib/v2/x.libsonnet": "x", "env/prod/v.yaml": "", "env/prod/w.txt": "", "env/test/v.yaml": "", "README": "no",
	}
	base := []string{
		"apps/", "apps/web/", "apps/web/a.yaml", "apps/web/folder -> ../../charts/one", "apps/web/nowhere -> ../absent/file", "apps/web/sub/", "apps/web/sub/b.yaml",
		"apps/web/values.yaml -> ../../shared/link.yaml", "apps/web/x/", "charts/", "charts/one/", "charts/one/c", "shared/", "shared/link.yaml -> real/values.yaml", "shared/real/", "shared/real/values.yaml",
	}
	r, s, _ := withPlugin(t, Options{}, printConfigMap)
	for paths, more := range map[string][]string{
		"":                         nil,
		".":                        nil,
		" ;./sub ; ":               nil,
		"../../lib/v1":             {"lib/", "lib/v1/", "lib/v1/x.libsonnet"},
		"/lib/v1;/absent;/shared":  {"lib/", "lib/v1/", "lib/v1/x.libsonnet", "shared/other.yaml"},
		"/env/*/v.yaml;/lib/v2/**": {"env/", "env/prod/", "env/prod/v.yaml", "env/test/", "env/test/v.yaml", "lib/", "lib/v2/", "lib/v2/x.libsonnet"},
		"/": {"apps/api/", "apps/api/a.yaml", "charts/two/", "charts/two/c", "env/", "env/prod/", "env/prod/v.yaml", "env/prod/w.txt", "env/test/", "env/test/v.yaml",
			"lib/", "lib/v1/", "lib/v1/x.libsonnet", "lib/v2/", "lib/v2/x.libsonnet", "README", "shared/other.yaml"},
	} {
		if _, err := r.Objects(t.Context(), pluginRequest(files, v1alpha1.ApplicationSourcePlugin{Name: "p"}, paths)); err != nil {
			t.Errorf("%q: %v", paths, err)
			continue
		}
		want := append(slices.Clone(base), more...)
		slices.Sort(want)
		calls := s.Calls("GenerateManifest")
		got := calls[len(calls)-1]
		if diff := cmp.Diff(want, got.Files); diff != "" || got.Folder != "apps/web" {
			t.Errorf("%q, folder %s (-want +got):\n%s", paths, got.Folder, diff)
		}
	}
	req := pluginRequest(files, v1alpha1.ApplicationSourcePlugin{Name: "p"}, "")
	req.Settings = Settings{PluginsGetAll: true, PluginExclusions: []string{"lib", "*/web/*.yaml", "README"}}
	if _, err := r.Objects(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	calls := s.Calls("GenerateManifest")
	sent := strings.Join(calls[len(calls)-1].Files, " ")
	for name, want := range map[string]bool{"env/test/v.yaml": true, "charts/two/c": true, "apps/api/a.yaml": true, "apps/web/sub/b.yaml": true, "lib/": false, "apps/web/a.yaml": false, "README": false} {
		if strings.Contains(sent, name) != want {
			t.Errorf("all but the exclusions: %s sent: %v", name, !want)
		}
	}
	for _, folder := range []string{"link", "."} { // a folder that is a symlink; the whole repository
		files["link -> apps/web"] = ""
		req := pluginRequest(files, v1alpha1.ApplicationSourcePlugin{Name: "p"}, "")
		req.Source.Path = folder
		if _, err := r.Objects(t.Context(), req); err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		calls := s.Calls("GenerateManifest")
		if got, want := calls[len(calls)-1].Folder, map[string]string{"link": "apps/web", ".": "."}[folder]; got != want {
			t.Errorf("%s: rendered in %s", folder, got)
		}
	}
}

func TestPluginRefusals(t *testing.T) {
	r, s, _ := withPlugin(t, Options{TotalBytes: 20_000, Objects: 50}, `eval "$ARGOCD_ENV_RUN"`)
	run := func(command string) v1alpha1.ApplicationSourcePlugin {
		return v1alpha1.ApplicationSourcePlugin{Name: "p", Env: []v1alpha1.EnvEntry{{Name: "RUN", Value: strings.ReplaceAll(command, "$", "$$")}}}
	}
	many := source.Files{}
	for i := range sentEntries {
		many[fmt.Sprintf("apps/web/%d/f", i)] = ""
	}
	one := source.Files{"apps/web/a": ""}
	defer func(b, p int64) { sentBytes, sentPacked = b, p }(sentBytes, sentPacked)
	sentBytes, sentPacked = 4<<20, 1<<20
	for _, c := range []struct {
		name, paths string
		files       source.Files
		plugin      v1alpha1.ApplicationSourcePlugin
		kind        problem.Kind
		words       []string
		asked       bool
	}{
		{"link out", "", source.Files{"apps/web/x -> ../../../etc/passwd": ""}, run("true"), problem.Forbidden, []string{"out-of-bounds symlinks. file: apps/web/x"}, false},
		{"absolute link", "", source.Files{"apps/web/x -> /etc/passwd": ""}, run("true"), problem.Forbidden, []string{"out-of-bounds symlinks"}, false},
		{"link through a link", "", source.Files{"apps/web/d -> ../..": "", "apps/web/x -> d/../etc": ""}, run("true"), problem.Forbidden, []string{"out-of-bounds symlinks"}, false},
		{"link through nothing", "", source.Files{"apps/web/x -> new/../../../../etc": ""}, run("true"), problem.Forbidden, []string{"out-of-bounds symlinks"}, false},
		{"link to a link out", "", source.Files{"apps/web/x -> ../../y": "", "y -> ../z": ""}, run("true"), problem.Forbidden, []string{"out-of-bounds symlinks"}, false},
		{"links in a circle", "", source.Files{"apps/web/x -> y": "", "apps/web/y -> x": ""}, run("true"), problem.Forbidden, []string{"out-of-bounds symlinks"}, false},
		{"path out", "../../../x", one, run("true"), problem.Forbidden, []string{"manifest-generate-paths", "leads out"}, false},
		{"too large", "", source.Files{"apps/web/a": strings.Repeat("a", 3<<20), "apps/web/b": strings.Repeat("b", 3<<20)}, run("true"), problem.Limit, []string{"more than 4194304 bytes", "name only what the plugin reads"}, false},
		{"packs badly", "", source.Files{"apps/web/a": unpackable(3 << 20)}, run("true"), problem.Limit, []string{"more than 1048576 packed bytes"}, false},
		{"too many", "", many, run("true"), problem.Limit, []string{"more than 20000 files"}, false},
		{"fails", "", one, run("echo no vault >&2; exit 2"), problem.Invalid, []string{`CMP processing failed for application "other_web"`, "no vault", "exit status 2", "it was sent the folder apps/web only"}, true},
		{"fails with all", "/", one, run("echo no vault >&2; exit 2"), problem.Invalid, []string{"no vault"}, true},
		{"prints too much", "", one, run(`for i in $(seq 40); do printf -- '---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: a%d}\ndata: {x: "%01000d"}\n' $i 0; done`), problem.Limit, []string{"20000 bytes"}, true},
		{"prints too many", "", one, run(`for i in $(seq 51); do printf -- '---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: a%d}\n' $i; done`), problem.Limit, []string{"51 objects"}, true},
		{"prints no objects", "", one, run(`echo '{"a": 1}'`), problem.Invalid, []string{"the output of plugin p"}, true},
		{"has no name that could be", "", one, v1alpha1.ApplicationSourcePlugin{Name: "../p"}, problem.Invalid, []string{"no name of a plugin"}, false},
		{"is not there", "", one, v1alpha1.ApplicationSourcePlugin{Name: "absent"}, problem.NotFound, []string{`could not find cmp-server plugin with name "absent"`, "there is p"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(s.Calls(""))
			res, err := r.Objects(t.Context(), pluginRequest(c.files, c.plugin, c.paths))
			if err == nil || problem.KindOf(err) != c.kind {
				t.Fatalf("%d objects, %v (%s)", len(res.Items), err, problem.KindOf(err))
			}
			for _, w := range c.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if c.name == "fails with all" && strings.Contains(err.Error(), "folder apps/web only") {
				t.Errorf("%q says that something was left out", err)
			}
			if asked := len(s.Calls("")) > before; asked != c.asked {
				t.Errorf("asked: %v", asked)
			}
		})
	}
	if _, err := New(Options{}).Objects(t.Context(), pluginRequest(one, run("true"), "")); !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "--plugins") || !strings.Contains(err.Error(), "HAWSER_PLUGINS") {
		t.Errorf("without plugins: %v", err)
	}
}

// A plugin is asked again exactly when something that it was given has changed, when it is another one, or on demand.
func TestPluginIsAskedAgainOnlyWithReason(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r, s, dir := withPlugin(t, Options{Clock: func() time.Time { return now }}, printConfigMap)
	files := source.Files{"apps/web/a.yaml": "a", "shared/b.yaml": "b", "else/c.yaml": "c"}
	req := pluginRequest(files, v1alpha1.ApplicationSourcePlugin{Name: "p"}, ".;/shared")
	count := func(s *sidecartest.Server) int { return len(s.Calls("GenerateManifest")) }
	step := func(what string, s *sidecartest.Server, want int) {
		t.Helper()
		before := count(s)
		if _, err := r.Objects(t.Context(), req); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := count(s) - before; got != want {
			t.Errorf("%s: asked %d times, not %d", what, got, want)
		}
	}
	commit := func(p, content, revision string) {
		files[p], req.Revision = content, revision
		req.Tree = tree(files)
	}
	step("at first", s, 1)
	step("again", s, 0)
	commit("else/c.yaml", "C", "1111111111111111111111111111111111111111")
	step("a commit elsewhere", s, 0)
	commit("shared/b.yaml", "B", "2222222222222222222222222222222222222222")
	step("a commit to a path of the annotation", s, 1)
	commit("apps/web/new.yaml", "n", "3333333333333333333333333333333333333333")
	step("a file more", s, 1)
	req.Source.Plugin.Env = []v1alpha1.EnvEntry{{Name: "AT", Value: "$ARGOCD_APP_REVISION"}}
	step("another variable", s, 1)
	commit("else/c.yaml", "CC", "4444444444444444444444444444444444444444")
	step("a commit elsewhere, with a variable that names it", s, 1)
	req.Source.Plugin.Env = nil
	req.App.GeneratePaths = ""
	step("without the annotation", s, 1)
	commit("else/c.yaml", "CCC", "5555555555555555555555555555555555555555")
	step("a commit elsewhere, without the annotation", s, 1)
	step("again", s, 0)
	req.Fresh = true
	step("on demand", s, 1)
	step("on demand", s, 1)
	req.Fresh = false
	step("after that", s, 0)
	now = now.Add(25 * time.Hour)
	step("a day later", s, 1)
	s.Stop()
	if _, err := r.Objects(t.Context(), req); !problem.Is(err, problem.NotFound) {
		t.Errorf("a plugin that is gone: %v", err)
	}
	s = sidecartest.Start(t, dir, sidecartest.Plugin{Name: "p", Generate: []string{"echo", "{kind: B, apiVersion: v1, metadata: {name: b}}"}})
	step("a plugin that started anew", s, 1)
	step("again", s, 0)
}

func TestPluginParametersAreAnnounced(t *testing.T) {
	dir := sidecartest.Dir(t)
	sidecartest.Start(t, dir, sidecartest.Plugin{Name: "p", Generate: []string{"true"}, Static: []map[string]any{{"name": "a"}}, Dynamic: []string{"sh", "-c", `printf '[{"name":"%s"}]' "$ARGOCD_APP_SOURCE_PATH"`}})
	r := New(Options{Plugins: behind{sidecar.New(dir)}})
	got, err := r.PluginParameters(t.Context(), pluginRequest(source.Files{"apps/web/a": ""}, v1alpha1.ApplicationSourcePlugin{Name: "p"}, ""))
	if diff := cmp.Diff([]PluginParameter{{Name: "apps/web"}, {Name: "a"}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// unpackable is text that does not pack well.
func unpackable(n int) string {
	var b strings.Builder
	for i := uint64(1); b.Len() < n; i++ {
		fmt.Fprintf(&b, "%x", i*0x9E3779B97F4A7C15)
	}
	return b.String()
}

// What it costs to send a plugin one application of a thousand, and all of them.
func BenchmarkPluginArchive(b *testing.B) {
	files := source.Files{}
	for i := range 1000 {
		for _, name := range []string{"deployment", "service", "config"} {
			files[fmt.Sprintf("apps/%d/%s.yaml", i, name)] = configMap(fmt.Sprintf("%s-%d", name, i)) + strings.Repeat("# noise\n", 100)
		}
	}
	files["apps/web/a.yaml"] = configMap("a")
	for name, paths := range map[string]string{"folder": "", "repository": "/"} {
		b.Run(name, func(b *testing.B) {
			req := pluginRequest(files, v1alpha1.ApplicationSourcePlugin{Name: "p"}, paths)
			for b.Loop() {
				j, err := prepare(req, New(Options{}).opts)
				if err != nil {
					b.Fatal(err)
				}
				archive, _, err := j.pluginArchive()
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(archive)), "bytes")
			}
		})
	}
}
