package render

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// watched fails the test when a renderer asks the tree for a path that could lead out of it.
type watched struct {
	source.Tree
	t *testing.T
}

func (w watched) check(p string) string {
	if c, ok := source.Clean(p); !ok || c != p || path.IsAbs(p) {
		w.t.Errorf("the tree was asked for %q", p)
	}
	return p
}
func (w watched) Entry(p string) (source.Entry, error)   { return w.Tree.Entry(w.check(p)) }
func (w watched) List(p string) ([]source.Entry, error)  { return w.Tree.List(w.check(p)) }
func (w watched) Read(p string, n int64) ([]byte, error) { return w.Tree.Read(w.check(p), n) }

// chartWith is a minimal chart and whatever else is given.
func chartWith(more source.Files) source.Files {
	files := source.Files{"app/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "app/templates/a.yaml": configMap("a")}
	for p, text := range more {
		files[p] = text
	}
	return files
}

func configMap(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
}

func kustomization(text string) source.Files {
	return source.Files{"app/kustomization.yaml": text, "app/a.yaml": configMap("a")}
}

func helmSpec(h v1alpha1.ApplicationSourceHelm) v1alpha1.ApplicationSource {
	return v1alpha1.ApplicationSource{Path: "app", Helm: &h}
}

// TestBadInputs is the part of the safety corpus (B-nnn) that reaches this package: each is refused with a kind that
// says so, within the tree, and nothing of the outside shows in the message.
func TestBadInputs(t *testing.T) {
	in := func(p string) v1alpha1.ApplicationSource { return v1alpha1.ApplicationSource{Path: p} }
	jsonnet := func(text string) source.Files { return source.Files{"app/main.jsonnet": text} }
	chain := func(n int) source.Files {
		files := source.Files{"app/a.yaml": configMap("a")}
		for i := range n {
			files[fmt.Sprintf("app/l%d.yaml -> l%d.yaml", i, i+1)] = ""
		}
		files[fmt.Sprintf("app/l%d.yaml", n)] = configMap("end")
		return files
	}
	for _, c := range []struct {
		name  string
		files source.Files
		spec  v1alpha1.ApplicationSource
		set   Settings
		kind  problem.Kind
		want  string // in the message
	}{
		{"B-001 plain", source.Files{"app/x.yaml -> /etc/passwd": ""}, in("app"), Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-001 helm values", chartWith(source.Files{"app/values.yaml -> /etc/passwd": ""}), in("app"), Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-001 helm value file", chartWith(source.Files{"app/v.yaml -> ../../../etc/passwd": ""}), helmSpec(v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"v.yaml"}}), Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-001 kustomize", source.Files{"app/kustomization.yaml": "resources: [x.yaml]", "app/x.yaml -> /etc/passwd": ""}, in("app"), Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-001 folder", source.Files{"app -> /etc": ""}, in("app"), Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-002 loop", source.Files{"app/a.yaml -> b.yaml": "", "app/b.yaml -> a.yaml": ""}, in("app"), Settings{}, problem.Invalid, "symlinks"},
		{"B-002 41 hops", chain(41), in("app"), Settings{}, problem.Invalid, "symlinks"},
		{"B-004 up", source.Files{"app/a.yaml": configMap("a")}, in("../../other"), Settings{}, problem.Forbidden, "../../other: app path outside root"},
		{"B-004 absolute", source.Files{"app/a.yaml": configMap("a")}, in("/etc"), Settings{}, problem.Forbidden, "/etc: app path is absolute"},
		{"B-005", source.Files{"app/a.yaml": configMap("a")}, in("../abcd"), Settings{}, problem.Forbidden, "app path outside root"},
		{"helm v2", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{Version: "v2"}), Settings{}, problem.Invalid, "helm version 'v2' is not supported"},
		{"path missing", source.Files{"app/a.yaml": configMap("a")}, in("apps"), Settings{}, problem.NotFound, "apps: app path does not exist"},
		{"path is a file", source.Files{"app/a.yaml": configMap("a")}, in("app/a.yaml"), Settings{}, problem.Invalid, "app path is not a directory"},
		{"B-007 environ", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{FileParameters: []v1alpha1.HelmFileParameter{{Name: "x", Path: "/proc/self/environ"}}}), Settings{}, problem.NotFound, "no such file or directory"},
		{"B-007 up", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{FileParameters: []v1alpha1.HelmFileParameter{{Name: "x", Path: "../../../../var/run/secrets/token"}}}), Settings{}, problem.Forbidden, "outside repository root"},
		{"B-008 trailing slash", source.Files{"link -> ..": ""}, in("link/"), Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-008 up behind a link", chartWith(source.Files{"link -> app/templates": ""}), helmSpec(v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"/link/../../../x.yaml"}}), Settings{}, problem.Forbidden, "outside repository root"},
		{"B-013 importstr", jsonnet("importstr '/etc/passwd'"), in("app"), Settings{}, problem.Forbidden, "absolute paths cannot be imported"},
		{"B-013 up", jsonnet("import '../../secret.libsonnet'"), in("app"), Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-013 library", jsonnet("import 'x'"), v1alpha1.ApplicationSource{Path: "app", Directory: &v1alpha1.ApplicationSourceDirectory{Jsonnet: v1alpha1.ApplicationSourceJsonnet{Libs: []string{"../../lib"}}}}, Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-014", chartWith(source.Files{"app/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: other, version: 1.x, repository: 'file://../../../../tmp/other'}]"}), in("app"), Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-014 absolute", chartWith(source.Files{"app/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: other, version: 1.x, repository: 'file:///tmp/other'}]"}), in("app"), Settings{}, problem.Forbidden, "leads out of the source tree"},
		{"B-016", kustomization("resources: [../../../etc/passwd]"), in("app"), Settings{KustomizeBuildOptions: "--load-restrictor LoadRestrictionsNone"}, problem.Forbidden, "leads out of the source tree"},
		{"B-016 generator", kustomization("configMapGenerator: [{name: x, files: [../../../etc/passwd]}]"), in("app"), Settings{KustomizeBuildOptions: "--load-restrictor=LoadRestrictionsNone"}, problem.Invalid, "does not exist"},
		{"B-016 restricted", source.Files{"app/kustomization.yaml": "configMapGenerator: [{name: x, files: [../x]}]", "x": "1"}, in("app"), Settings{}, problem.Invalid, "is not in or below"},
		{"B-017 github", kustomization("resources: ['github.com/evil/x?ref=main']"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 github that exists", source.Files{"app/kustomization.yaml": "resources: [github.com/evil/x]", "app/github.com/evil/x/kustomization.yaml": "resources: [a.yaml]"}, in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 metadata service", kustomization("resources: ['https://169.254.169.254/']"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 ssh", kustomization("bases: ['git@example.com:a/b']"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 getter", kustomization("components: ['git::https://example.com/a/b']"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 nested", source.Files{"app/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: ['ssh://git@example.com/a/b']"}, in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 patch", kustomization("resources: [a.yaml]\npatches: [{path: 'HTTPS://example.com/p.yaml'}]"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 generator", kustomization("secretGenerator: [{name: x, files: ['k=https://example.com/p.yaml']}]"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 env", kustomization("configMapGenerator: [{name: x, env: 'http://example.com/p'}]"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 crd", kustomization("resources: [a.yaml]\ncrds: ['http://example.com/p']"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 openapi", kustomization("resources: [a.yaml]\nopenapi: {path: 'http://example.com/p'}"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 replacement", kustomization("resources: [a.yaml]\nreplacements: [{path: 'http://example.com/p'}]"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 transformer", source.Files{"app/kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]", "app/a.yaml": configMap("a"), "app/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: \"https\\x3a//example.com/p\"\n"}, in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 inline transformer", kustomization("resources: [a.yaml]\ntransformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: t}\n  path: http://example.com/p\n"), in("app"), Settings{}, problem.Forbidden, "is remote"},
		{"B-017 patched transformer", source.Files{"app/kustomization.yaml": "resources: [a.yaml]\ntransformers: [t]", "app/a.yaml": configMap("a"), "app/t/kustomization.yaml": "resources: [t.yaml]\npatches: [{patch: \"[{op: replace, path: /path, value: 'http:\"}]\n"}, in("app"), Settings{}, problem.Invalid, "kustomization.yaml"},
		{"B-017 patched transformer 2", source.Files{"app/kustomization.yaml": "resources: [a.yaml]\ntransformers: [t]", "app/a.yaml": configMap("a"), "app/t/kustomization.yaml": "resources: [t.yaml]\nreplacements: [{path: r.yaml}]\n"}, in("app"), Settings{}, problem.Invalid, "may only list resources"},
		{"B-017 spec component", kustomization("resources: [a.yaml]"), v1alpha1.ApplicationSource{Path: "app", Kustomize: &v1alpha1.ApplicationSourceKustomize{Components: []string{"https://example.com/c"}}}, Settings{}, problem.Forbidden, "is remote"},
		{"B-017 spec patch", kustomization("resources: [a.yaml]"), v1alpha1.ApplicationSource{Path: "app", Kustomize: &v1alpha1.ApplicationSourceKustomize{Patches: []v1alpha1.KustomizePatch{{Path: "https://example.com/c"}}}}, Settings{}, problem.Forbidden, "is remote"},
		{"helmCharts", kustomization("helmCharts: [{name: x, repo: 'https://example.com'}]"), in("app"), Settings{KustomizeBuildOptions: "--enable-helm"}, problem.Invalid, "helmCharts are not supported"},
		{"empty kustomization", kustomization(""), in("app"), Settings{}, problem.Invalid, "empty"},
		{"missing resource", kustomization("resources: [b.yaml]"), in("app"), Settings{}, problem.NotFound, `app/kustomization.yaml: "b.yaml": no such file`},
		{"missing component", kustomization("resources: [a.yaml]"), v1alpha1.ApplicationSource{Path: "app", Kustomize: &v1alpha1.ApplicationSourceKustomize{Components: []string{"../c"}}}, Settings{}, problem.NotFound, `component "../c"`},
		{"label conflict", kustomization("resources: [a.yaml]\ncommonLabels: {a: b}"), v1alpha1.ApplicationSource{Path: "app", Kustomize: &v1alpha1.ApplicationSourceKustomize{CommonLabels: map[string]string{"a": "c"}}}, Settings{}, problem.Invalid, "label a already in kustomization file"},
		{"exec function", source.Files{"app/kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]", "app/a.yaml": configMap("a"), "app/t.yaml": "apiVersion: x/v1\nkind: X\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: ./x}'}}\n"}, in("app"), Settings{}, problem.Invalid, "plugin"},
		{"B-022", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"$values/../../x"}}), Settings{}, problem.Forbidden, "outside repository root"},
		{"B-022 unknown ref", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"$nobody/x.yaml"}}), Settings{}, problem.Invalid, "there is no source with ref: nobody"},
		{"B-023 dots", chartWith(source.Files{"app/Chart.yaml": "apiVersion: v2\nname: ..\nversion: 1.0.0"}), in("app"), Settings{}, problem.Invalid, "chart.metadata.name"},
		{"B-023 path", chartWith(source.Files{"app/Chart.yaml": "apiVersion: v2\nname: ../../x\nversion: 1.0.0"}), in("app"), Settings{}, problem.Invalid, "chart.metadata.name"},
		{"B-023 subchart", chartWith(source.Files{"app/charts/s/Chart.yaml": "apiVersion: v2\nname: ..\nversion: 1.0.0"}), in("app"), Settings{}, problem.Invalid, "chart.metadata.name"},
		{"B-030", chartWith(source.Files{"app/charts/s.tgz": tgz(t, 1, 150<<20)}), in("app"), Settings{}, problem.Limit, "unpacks to more than"},
		{"B-031", chartWith(source.Files{"app/charts/s.tgz": tgz(t, 200_000, 0)}), in("app"), Settings{}, problem.Limit, "more than 20000 files"},
		{"B-033 brackets", source.Files{"app/a.yaml": "kind: x\na: " + strings.Repeat("[", 100_000)}, in("app"), Settings{}, problem.Invalid, "app/a.yaml"},
		{"B-033 documents", source.Files{"app/a.yaml": strings.Repeat("---\nkind: x\n", 200_000)}, in("app"), Settings{}, problem.Limit, "documents"},
		{"B-033 scalar", source.Files{"app/a.yaml": configMap("a") + "data: {x: '" + strings.Repeat("x", 6<<20) + "'}"}, in("app"), Settings{}, problem.Limit, "limit"},
		{"B-033 aliases", source.Files{"app/a.yaml": billionLaughs}, in("app"), Settings{}, problem.Invalid, "alias"},
		{"B-033 aliases in kustomize", source.Files{"app/kustomization.yaml": "resources: [a.yaml]", "app/a.yaml": billionLaughs}, in("app"), Settings{}, problem.Limit, ""},
		{"B-033 aliases in values", chartWith(source.Files{"app/values.yaml": billionLaughs}), in("app"), Settings{}, problem.Invalid, "alias"},
		{"B-034", source.Files{"app/a.json": `{"kind": "x", "a": ` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + "}"}, in("app"), Settings{}, problem.Limit, "nested"},
		{"B-036 array", jsonnet("std.length(std.makeArray(1000000000, function(x) x))"), in("app"), Settings{}, problem.Invalid, "elements in one array"},
		{"B-036 range", jsonnet("std.range(1, 1000000000)"), in("app"), Settings{}, problem.Invalid, "elements in one array"},
		{"B-036 recursion", jsonnet("local f(x) = 1 + f(x); f(1)"), in("app"), Settings{}, problem.Invalid, "stack"},
		{"B-036 deep source", jsonnet(strings.Repeat("[", 200_000)), in("app"), Settings{}, problem.Limit, "nested too deep"},
		{"B-036 long expression", jsonnet(strings.Repeat("!", 200_000) + "true"), in("app"), Settings{}, problem.Limit, "nested too deep"},
		{"B-040 file", chartWith(source.Files{"app/values.schema.json": `{"$ref": "file:///dev/zero"}`}), in("app"), Settings{}, problem.Invalid, "not part of it"},
		{"B-040 recursive", chartWith(source.Files{"app/values.schema.json": `{"$ref": "#"}`}), in("app"), Settings{}, problem.Invalid, ""},
		{"B-040 mismatch", chartWith(source.Files{"app/values.yaml": "a: 1", "app/values.schema.json": `{"properties": {"a": {"type": "string"}}}`}), in("app"), Settings{}, problem.Invalid, "got number, want string"},
		{"B-080", kustomization("resources: [a.yaml]"), in("app"), Settings{KustomizeBuildOptions: "--enable-helm --helm-command ./payload.sh"}, problem.Forbidden, "--helm-command is not allowed"},
		{"B-081", kustomization("resources: [a.yaml]"), in("app"), Settings{KustomizeBuildOptions: "--enable-alpha-plugins --enable-exec --network --mount x"}, problem.Forbidden, "--enable-alpha-plugins is not allowed"},
		{"B-083", source.Files{"app/a.yaml": configMap("a")}, v1alpha1.ApplicationSource{Path: "app", Plugin: &v1alpha1.ApplicationSourcePlugin{Name: "x"}}, Settings{}, problem.Invalid, "plugins are not supported"},
		{"B-085 release", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{ReleaseName: "--post-renderer=x"}), Settings{}, problem.Invalid, "release name"},
		{"B-085 namespace", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{Namespace: "-n x"}), Settings{}, problem.Invalid, "namespace"},
		{"remote values", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"https://example.com/v.yaml"}}), Settings{}, problem.Invalid, "remote value files are not supported"},
		{"scheme", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"s3://example.com/v.yaml"}}), Settings{}, problem.Forbidden, "the URL scheme 's3' is not allowed"},
		{"missing value file", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"v.yaml"}}), Settings{}, problem.NotFound, "open v.yaml: no such file or directory"},
		{"no match", chartWith(nil), helmSpec(v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"v/*.yaml"}}), Settings{}, problem.NotFound, "matched no files"},
		{"missing dependency", chartWith(source.Files{"app/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.x, repository: 'https://example.com'}]"}), in("app"), Settings{}, problem.Invalid, "missing in charts/ directory: redis"},
		{"library chart", chartWith(source.Files{"app/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ntype: library"}), in("app"), Settings{}, problem.Invalid, "library charts are not installable"},
		{"chart for another Kubernetes", chartWith(source.Files{"app/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\nkubeVersion: '>=1.99'"}), in("app"), Settings{}, problem.Invalid, "chart requires kubeVersion: >=1.99"},
		{"template error", chartWith(source.Files{"app/templates/b.yaml": "a: b\n{{ required \"give me x\" .Values.x }}"}), in("app"), Settings{}, problem.Invalid, "(c/templates/b.yaml:2:3): give me x"},
		{"template syntax", chartWith(source.Files{"app/templates/b.yaml": "{{ if }}"}), in("app"), Settings{}, problem.Invalid, "c/templates/b.yaml:1"},
		{"template recursion", chartWith(source.Files{"app/templates/b.yaml": `{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`}), in("app"), Settings{}, problem.Invalid, "include and tpl call each other more than 1000 levels deep"},
		{"template mutual recursion", chartWith(source.Files{"app/templates/b.yaml": `{{ define "a" }}{{ include "b" . }}{{ end }}{{ define "b" }}{{ include "a" . }}{{ end }}{{ include "a" . }}`}), in("app"), Settings{}, problem.Invalid, "levels deep"},
		{"template that evaluates itself", chartWith(source.Files{"app/values.yaml": "a: '{{ tpl .Values.a . }}'", "app/templates/b.yaml": `{{ tpl .Values.a . }}`}), in("app"), Settings{}, problem.Invalid, "levels deep"},
		{"template without end", chartWith(source.Files{"app/templates/b.yaml": `{{ define "x" }}{{ template "x" . }}{{ end }}{{ template "x" . }}`}), in("app"), Settings{}, problem.Invalid, "exceeded maximum template depth"},
		{"template nesting", chartWith(source.Files{"app/templates/b.yaml": strings.Repeat("{{if 1}}", 500_000)}), in("app"), Settings{}, problem.Limit, "template actions"},
		{"template output bomb", chartWith(source.Files{"app/templates/b.yaml": `{{ range 1000000000 }}xxxxxxxxxxxxxxxx{{ end }}`}), in("app"), Settings{}, problem.Limit, "exceed the limit"},
		{"value in itself", chartWith(source.Files{"app/templates/b.yaml": `{{ $d := dict }}{{ $_ := set $d "x" (list (dict "y" $d)) }}{{ $d }}`}), in("app"), Settings{}, problem.Invalid, "the value contains the dictionary"},
		{"value merged in itself", chartWith(source.Files{"app/templates/b.yaml": `{{ $d := dict }}{{ $_ := merge $d (dict "y" $d) }}{{ $d }}`}), in("app"), Settings{}, problem.Invalid, "merged into one that it contains"},
		{"template bomb", chartWith(source.Files{"app/templates/b.yaml": `{{ range until 2000000000 }}x{{ end }}`}), in("app"), Settings{}, problem.Invalid, "until: 2000000000 is too much"},
		{"template output", chartWith(source.Files{"app/templates/b.yaml": "kind: [\n"}), in("app"), Settings{}, problem.Invalid, "the output of c/templates/b.yaml"},
		{"two kinds", source.Files{"app/a.yaml": configMap("a")}, v1alpha1.ApplicationSource{Path: "app", Helm: &v1alpha1.ApplicationSourceHelm{ReleaseName: "x"}, Kustomize: &v1alpha1.ApplicationSourceKustomize{NamePrefix: "x"}}, Settings{}, problem.Invalid, "multiple application sources defined: Kustomize,Helm"},
		{"no chart", source.Files{"app/a.yaml": configMap("a")}, helmSpec(v1alpha1.ApplicationSourceHelm{ReleaseName: "x"}), Settings{}, problem.Invalid, "Chart.yaml file is missing"},
		{"no kustomization", source.Files{"app/a.yaml": configMap("a")}, v1alpha1.ApplicationSource{Path: "app", Kustomize: &v1alpha1.ApplicationSourceKustomize{NamePrefix: "x"}}, Settings{}, problem.Invalid, "no kustomization.yaml"},
		{"half a manifest", source.Files{"app/a.yaml": configMap("a") + "---\nkind: ConfigMap\nmetadata: {name: [}\n"}, in("app"), Settings{}, problem.Invalid, "app/a.yaml:"},
		{"manifest without a name", source.Files{"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\n"}, in("app"), Settings{}, problem.Invalid, "app/a.yaml:1"},
		{"broken override", source.Files{"app/a.yaml": configMap("a"), "app/.argocd-source.yaml": "helm: 7"}, in("app"), Settings{}, problem.Invalid, "error while parsing source parameters"},
		{"bad glob", source.Files{"app/a.yaml": configMap("a")}, v1alpha1.ApplicationSource{Path: "app", Directory: &v1alpha1.ApplicationSourceDirectory{Include: "[a"}}, Settings{}, problem.Invalid, "include"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := app("app", c.files)
			req.Tree = watched{req.Tree, t}
			req.Source, req.Settings = c.spec, c.set
			req.Refs = map[string]Ref{"values": {Tree: watched{tree(source.Files{"v.yaml": "a: 1"}), t}}}
			res, err := render(t, req)
			if err == nil {
				t.Fatalf("rendered %d objects", len(res.Items))
			}
			if !problem.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v: %v\nwant %v: …%s…", problem.KindOf(err), err, c.kind, c.want)
			}
			if strings.Contains(err.Error(), "root:x") {
				t.Errorf("the message tells of the outside: %v", err)
			}
		})
	}
}

// billionLaughs asks for 10^9 strings in a few lines.
var billionLaughs = func() string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx0: &x0 [a,a,a,a,a,a,a,a,a,a]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "x%d: &x%d [*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d,*x%d]\n", i, i, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1)
	}
	return b.String()
}()

// tgz packs n files of size zeros each.
func tgz(t testing.TB, n int, size int64) string {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	must(t, err)
	w := tar.NewWriter(z)
	for i := range n {
		must(t, w.WriteHeader(&tar.Header{Name: fmt.Sprintf("s/f%d", i), Size: size, Mode: 0o644}))
		if size > 0 {
			_, err := io.CopyN(w, zeros{}, size)
			must(t, err)
		}
	}
	must(t, w.Close())
	must(t, z.Close())
	return b.String()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// B-019: .Files shows the chart and nothing else.
func TestChartFilesEndAtTheChart(t *testing.T) {
	req := app("app", chartWith(source.Files{
		"secret.txt": "SECRET", "app/public.txt": "public", "app/templates/a.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  up: "{{ .Files.Get "../secret.txt" }}{{ .Files.Get "/secret.txt" }}"
  all: "{{ range $p, $_ := .Files.Glob "**" }}{{ $p }} {{ end }}"
`}))
	res, err := render(t, req)
	must(t, err)
	data := res.Items[0].Object.Object["data"].(map[string]any)
	if data["up"] != "" || strings.Contains(fmt.Sprint(data["all"]), "secret") || !strings.Contains(fmt.Sprint(data["all"]), "public.txt") {
		t.Errorf("got %v", data)
	}
}

// B-042, B-043: links in a packed chart are entries without content.
func TestLinksInPackedChartsAreInert(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range map[string]string{"s/Chart.yaml": "apiVersion: v2\nname: s\nversion: 1.0.0\n", "s/templates/s.yaml": configMap("s")} {
		must(t, w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o4755}))
		_, err := w.Write([]byte(text))
		must(t, err)
	}
	must(t, w.WriteHeader(&tar.Header{Name: "s/templates/link.yaml", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}))
	must(t, w.WriteHeader(&tar.Header{Name: "s/templates/hard.yaml", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"}))
	must(t, w.Close())
	must(t, z.Close())
	res, err := render(t, app("app", chartWith(source.Files{"app/charts/s-1.0.0.tgz": b.String()})))
	must(t, err)
	if len(res.Items) != 2 {
		t.Errorf("got %s", show(t, res))
	}
}

// An object limit, and a total that counts the output, not only the input.
func TestLimits(t *testing.T) {
	req := app("app", source.Files{"app/a.yaml": configMap("a") + "---\n" + configMap("b")})
	if _, err := New(Options{Objects: 1}).Objects(context.Background(), req); !problem.Is(err, problem.Limit) {
		t.Errorf("objects: %v", err)
	}
	if _, err := New(Options{TotalBytes: 50}).Objects(context.Background(), req); !problem.Is(err, problem.Limit) {
		t.Errorf("bytes: %v", err)
	}
	chart := app("app", chartWith(source.Files{"app/templates/a.yaml": "# {{ repeat 100000 \"x\" }}\n"}))
	if _, err := New(Options{TotalBytes: 50_000}).Objects(context.Background(), chart); !problem.Is(err, problem.Limit) {
		t.Errorf("output: %v", err)
	}
}

// What passes the depth check must not overflow the stack: that would end this test's process, not fail it.
func TestDeepestJsonnetIsSurvived(t *testing.T) {
	n := maxJsonnetTokens - 100
	h := n / heavyWeight
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", h) + strings.Repeat("]", h),
		"braces":   strings.Repeat("{a:", n/(heavyWeight+2)) + "1" + strings.Repeat("}", h),
		"applied":  "{}" + strings.Repeat("{}", h-10),
		"unary":    strings.Repeat("!", n/4) + "true", // the parser is quadratic here: the whole bound takes ten seconds
		"binary":   strings.Repeat("1+", n/2) + "1",
		"error":    strings.Repeat("error ", h-10) + "1",
		"local":    strings.Repeat("local a=1;", n/(heavyWeight+4)) + "a",
		"if":       strings.Repeat("if true then ", n/(2*heavyWeight+1)) + "1",
		"else":     strings.Repeat("if true then 1 else ", n/(3*heavyWeight+2)) + "1",
		"index":    "local a={a:self};a" + strings.Repeat(".a", n/3),
		"calls":    strings.Repeat("(function() ", n/(3*heavyWeight)) + "1" + strings.Repeat(")()", n/heavyWeight),
		"assert":   strings.Repeat("assert true;", n/(heavyWeight+2)) + "1",
		"spec":     "[" + strings.Repeat("[", n/(3*heavyWeight+6)) + "1" + strings.Repeat(" for x in y if z]", n/(3*heavyWeight+6)) + "]",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, app("app", source.Files{"app/x.jsonnet": text}))
			if err == nil || strings.Contains(err.Error(), "nested too deep") {
				t.Errorf("the depth check did not let it through: %v", err)
			}
		})
	}
}
