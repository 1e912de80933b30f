package sidecar_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/charts/chartstest"
	"github.com/hawser-cd/hawser/internal/plugin/sidecar"
	"github.com/hawser-cd/hawser/internal/plugin/sidecar/sidecartest"
	"github.com/hawser-cd/hawser/internal/problem"
)

// servers are those that the protocol is tried against: ours, and Argo CD's own where HAWSER_CMP_SERVER names an argocd binary.
func servers() map[string]func(testing.TB, string, sidecartest.Plugin) {
	all := map[string]func(testing.TB, string, sidecartest.Plugin){
		"local": func(t testing.TB, dir string, p sidecartest.Plugin) { sidecartest.Start(t, dir, p) },
	}
	if binary := os.Getenv("HAWSER_CMP_SERVER"); binary != "" {
		all["argocd"] = func(t testing.TB, dir string, p sidecartest.Plugin) { sidecartest.StartReal(t, binary, dir, p) }
	}
	return all
}

func input(t testing.TB, files map[string]string, env ...string) sidecar.Input {
	t.Helper()
	in := sidecar.Input{Application: "guestbook", Folder: "apps/web", Archive: chartstest.Archive(t, files)}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		in.Env = append(in.Env, v1alpha1.EnvEntry{Name: name, Value: value})
	}
	return in
}

var printEnv = []string{"sh", "-c", `cat "$(cat made)"; printf -- '---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: env}\ndata: {foo: "%s", folder: "%s"}\n' "$ARGOCD_ENV_FOO" "$(basename "$PWD")"`}

func TestGenerate(t *testing.T) {
	for server, start := range servers() {
		t.Run(server, func(t *testing.T) {
			dir := sidecartest.Dir(t)
			start(t, dir, sidecartest.Plugin{Name: "any", Version: "v1.0", Init: []string{"sh", "-c", "echo config.yaml > made; echo noise"}, Generate: printEnv})
			start(t, dir, sidecartest.Plugin{Name: "broken", Generate: []string{"sh", "-c", "echo half of it; echo 'vault: https://me:secret@vault/ said no' >&2; exit 3"}})
			start(t, dir, sidecartest.Plugin{Name: "choosy", FileName: "choosy.*", Generate: printEnv})
			start(t, dir, sidecartest.Plugin{Name: "finder", Find: []string{"sh", "-c", "find . -name 'values-*'"}, Init: []string{"sh", "-c", "echo config.yaml > made"}, Generate: printEnv})
			start(t, dir, sidecartest.Plugin{Name: "slow", Generate: []string{"sleep", "60"}})
			client := sidecar.New(dir)
			files := map[string]string{"apps/web/config.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: file}\n", "shared/values.yaml": "a: 1\n"}

			got, err := client.Generate(t.Context(), "any-v1.0", input(t, files, "ARGOCD_ENV_FOO=a=b c", "ARGOCD_APP_NAME=guestbook"))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 2 || !strings.Contains(got[0], `"name":"file"`) || !strings.Contains(got[1], `"foo":"a=b c"`) || !strings.Contains(got[1], `"folder":"web"`) {
				t.Errorf("the plugin printed %q", got)
			}

			// 3 MiB that do not pack well go over in many pieces
			big := map[string]string{"apps/web/config.yaml": files["apps/web/config.yaml"], "apps/web/big": noise(3 << 20)}
			if got, err := client.Generate(t.Context(), "any-v1.0", input(t, big)); err != nil || len(got) != 2 {
				t.Errorf("with a large file: %d manifests, %v", len(got), err)
			}

			_, err = client.Generate(t.Context(), "broken", input(t, files))
			wants(t, err, problem.Invalid, "error generating manifests in cmp", "exit status 3", "vault: https://vault/ said no")
			_, err = client.Generate(t.Context(), "choosy", input(t, files))
			wants(t, err, problem.NotFound, `could not find cmp-server plugin with name "choosy" supporting the given repository`)
			_, err = client.Generate(t.Context(), "absent", input(t, files))
			wants(t, err, problem.NotFound, `could not find cmp-server plugin with name "absent"`, "there is no absent.sock", "any-v1.0")

			_, err = client.Generate(t.Context(), "", input(t, files))
			wants(t, err, problem.NotFound, "could not find plugin supporting the given repository", "spec.source.plugin.name")
			found := map[string]string{"apps/web/config.yaml": files["apps/web/config.yaml"], "apps/web/env/values-prod.yaml": ""}
			if got, err := client.Generate(t.Context(), "", input(t, found)); err != nil || len(got) != 2 {
				t.Errorf("nobody recognised %v: %v, %v", found, got, err)
			}

			short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err = client.Generate(short, "slow", input(t, files))
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("a plugin that does not answer was waited for for %s", took)
			}
			if err == nil {
				t.Fatal("a plugin that does not answer gave manifests")
			}
		})
	}
}

func TestParameters(t *testing.T) {
	for server, start := range servers() {
		t.Run(server, func(t *testing.T) {
			dir := sidecartest.Dir(t)
			start(t, dir, sidecartest.Plugin{
				Name: "p", Generate: []string{"true"},
				Static:  []map[string]any{{"name": "s", "title": "T", "tooltip": "tip", "required": true, "itemType": "number", "string": "1"}, {"name": "l", "collectionType": "array", "array": []string{"a", "b"}}, {"name": "m", "collectionType": "map", "map": map[string]string{"k": "v"}}},
				Dynamic: []string{"sh", "-c", `printf '[{"name":"dynamic","string":"%s"}]' "$ARGOCD_ENV_X"`},
			})
			got, err := sidecar.New(dir).Parameters(t.Context(), "p", input(t, map[string]string{"apps/web/a": ""}, "ARGOCD_ENV_X=y"))
			if err != nil {
				t.Fatal(err)
			}
			want := []sidecar.Parameter{{Name: "dynamic", String: "y"}, {Name: "s", Title: "T", Tooltip: "tip", Required: true, ItemType: "number", String: "1"}, {Name: "l", CollectionType: "array", Array: []string{"a", "b"}}, {Name: "m", CollectionType: "map", Map: map[string]string{"k": "v"}}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What is on the wire, as the other side reads it: the metadata, the environment in order, nothing of credentials.
func TestWhatThePluginIsTold(t *testing.T) {
	dir := sidecartest.Dir(t)
	s := sidecartest.Start(t, dir, sidecartest.Plugin{Name: "p", FileName: "*.yaml", Generate: []string{"sh", "-c", "echo it fails; exit 1"}, ProvideGitCreds: true})
	in := input(t, map[string]string{"apps/web/a.yaml": "x"}, "B=2", "A=1", "B=3")
	_, err := sidecar.New(dir).Generate(t.Context(), "p", in)
	wants(t, err, problem.Invalid, "provideGitCreds")
	want := []sidecartest.Call{{Method: "CheckPluginConfiguration"}}
	for _, method := range []string{"MatchRepository", "GenerateManifest"} {
		want = append(want, sidecartest.Call{Method: method, Application: "guestbook", Folder: "apps/web", Env: []string{"B=2", "A=1", "B=3"}, Files: []string{"apps/", "apps/web/", "apps/web/a.yaml"}})
	}
	if diff := cmp.Diff(want, s.Calls("")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNamesAndIdentity(t *testing.T) {
	dir := sidecartest.Dir(t)
	client := sidecar.New(dir)
	if got := client.Identity("a"); got != client.Identity("") {
		t.Errorf("of nothing: %q and %q", got, client.Identity(""))
	}
	a := sidecartest.Start(t, dir, sidecartest.Plugin{Name: "a", Generate: []string{"true"}})
	sidecartest.Start(t, dir, sidecartest.Plugin{Name: "b", Version: "2", Generate: []string{"true"}})
	if err := os.WriteFile(filepath.Join(dir, "file.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "a.sock"), filepath.Join(dir, "link.sock")); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Names(); err != nil || !slices.Equal(got, []string{"a", "b-2"}) {
		t.Errorf("the plugins are %v, %v", got, err)
	}
	one, all, other := client.Identity("a"), client.Identity(""), client.Identity("b-2")
	a.Stop()
	gone := client.Identity("a")
	sidecartest.Start(t, dir, sidecartest.Plugin{Name: "a", Generate: []string{"true"}})
	again := client.Identity("a")
	if one == gone || again == gone || one == again {
		t.Errorf("a plugin that went and came back: %q, %q, %q", one, gone, again)
	}
	if client.Identity("") == all || client.Identity("b-2") != other {
		t.Error("the identity of all does not follow one, or that of one follows another")
	}
	for _, name := range []string{"../a", "a/../b-2", "link", "file", ".", "..", "a\x00b", strings.Repeat("a", 200)} {
		if _, err := client.Generate(t.Context(), name, input(t, map[string]string{"apps/web/a": ""})); err == nil {
			t.Errorf("plugin %q was asked", name)
		}
	}
	if _, err := sidecar.New(filepath.Join(dir, "absent")).Names(); err == nil {
		t.Error("a directory that is not there holds plugins")
	}
}

// Without a name the first that recognises the files renders; one that cannot say whether it would is no "no".
func TestDiscoveryDoesNotSkipTheSilent(t *testing.T) {
	dir := sidecartest.Dir(t)
	sidecartest.Start(t, dir, sidecartest.Plugin{Name: "0", Find: []string{"sh", "-c", "ls *.absent"}, Generate: []string{"echo", "{kind: 0}"}})
	a := sidecartest.Start(t, dir, sidecartest.Plugin{Name: "a", FileName: "*.yaml", Generate: []string{"echo", "{kind: A}"}})
	sidecartest.Start(t, dir, sidecartest.Plugin{Name: "b", FileName: "*.yaml", Generate: []string{"echo", "{kind: B}"}})
	client, in := sidecar.New(dir), input(t, map[string]string{"apps/web/a.yaml": ""})
	if got, err := client.Generate(t.Context(), "", in); err != nil || !strings.Contains(strings.Join(got, ""), `"A"`) {
		t.Errorf("not the first: %v, %v", got, err)
	}
	a.Stop()
	if err := os.WriteFile(filepath.Join(dir, "a.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Generate(t.Context(), "", in); err != nil || !strings.Contains(strings.Join(got, ""), `"B"`) {
		t.Errorf("one that is not there any more is in the way: %v, %v", got, err)
	}
	if err := os.Remove(filepath.Join(dir, "a.sock")); err != nil {
		t.Fatal(err)
	}
	deaf(t, filepath.Join(dir, "a.sock"))
	_, err := client.Generate(t.Context(), "", in)
	wants(t, err, problem.Unavailable, "plugin a cannot say whether it renders this", "spec.source.plugin.name")
	_, err = client.Generate(t.Context(), "0", in)
	wants(t, err, problem.Invalid, `could not find cmp-server plugin with name "0" supporting the given repository`, "exit status 2")
	if got, err := client.Generate(t.Context(), "b", in); err != nil || len(got) != 1 {
		t.Errorf("a deaf plugin is in the way of one that is named: %v, %v", got, err)
	}
}

func wants(t *testing.T, err error, kind problem.Kind, words ...string) {
	t.Helper()
	if err == nil || problem.KindOf(err) != kind {
		t.Errorf("want a problem of kind %s, got %v (%s)", kind, err, problem.KindOf(err))
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

// noise is text that does not pack well.
func noise(n int) string {
	var b strings.Builder
	for i := uint64(1); b.Len() < n; i++ {
		fmt.Fprintf(&b, "%x", i*0x9E3779B97F4A7C15)
	}
	return b.String()
}
