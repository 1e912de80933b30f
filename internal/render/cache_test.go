package render

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	"pgregory.net/rapid"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// monorepo has one application of each kind and things that none of them reads.
func monorepo() source.Files {
	return source.Files{
		"README.md":                     "hello",
		"plain/a.yaml":                  configMap("a"),
		"plain/notes.txt":               "not a manifest",
		"kustomize/kustomization.yaml":  "resources: [../base]\nnamePrefix: x-\n",
		"kustomize/unused.yaml":         configMap("unused"),
		"base/kustomization.yaml":       "resources: [a.yaml]",
		"base/a.yaml":                   configMap("a"),
		"chart/Chart.yaml":              "apiVersion: v2\nname: c\nversion: 1.0.0\n",
		"chart/values.yaml":             "a: 1",
		"chart/values-prod.yaml":        "a: 2",
		"chart/templates/a.yaml":        configMap("{{ .Release.Name }}-{{ .Values.a }}"),
		"clusterchart/Chart.yaml":       "apiVersion: v2\nname: c\nversion: 1.0.0\n",
		"clusterchart/templates/a.yaml": configMap(`{{ if .Capabilities.APIVersions.Has "x/v1" }}with{{ else }}without{{ end }}`),
		"versionchart/Chart.yaml":       "apiVersion: v2\nname: c\nversion: 1.0.0\nkubeVersion: '>=1.20'\n",
		"versionchart/templates/a.yaml": configMap("a"),
		"jsonnet/main.jsonnet":          "(import '../lib/k.libsonnet')('a')",
		"lib/k.libsonnet":               "function(name) { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name } }",
		"override/a.yaml":               configMap("a"),
		"filechart/Chart.yaml":          "apiVersion: v2\nname: c\nversion: 1.0.0\n",
		"filechart/templates/a.yaml":    configMap(`{{ .Files.Get "name.txt" | trim }}`),
		"filechart/name.txt":            "from-file",
	}
}

func at(p string, files source.Files) Request {
	r := app(p, files)
	r.Cluster = Cluster{KubeVersion: "1.30.0", APIVersions: []string{"v1"}}
	return r
}

// TestCacheHitsExactlyWhenNothingReadChanged changes one thing at a time about a request that has been rendered.
func TestCacheHitsExactlyWhenNothingReadChanged(t *testing.T) {
	set := func(p, text string) func(source.Files, *Request) {
		return func(f source.Files, _ *Request) {
			if f[p] = text; text == "" {
				delete(f, p)
			}
		}
	}
	revision := func(_ source.Files, r *Request) { r.Revision = "def4567890" }
	version := func(_ source.Files, r *Request) { r.Cluster.KubeVersion = "1.31.0" }
	apis := func(_ source.Files, r *Request) { r.Cluster.APIVersions = []string{"x/v1", "v1"} }
	name := func(_ source.Files, r *Request) { r.App.Name = "other" }
	namespace := func(_ source.Files, r *Request) { r.App.DestinationNamespace = "other" }
	target := func(_ source.Files, r *Request) { r.Source.TargetRevision = "v2" }
	prefix := func(_ source.Files, r *Request) {
		r.Source.Kustomize = &v1alpha1.ApplicationSourceKustomize{NamePrefix: "p-"}
	}
	for _, c := range []struct {
		app, what string
		change    func(source.Files, *Request)
		hit       bool
	}{
		{"plain", "nothing", func(source.Files, *Request) {}, true},
		{"plain", "unrelated file", set("README.md", "x"), true},
		{"plain", "unrelated folder", set("new/a.yaml", "x"), true},
		{"plain", "file that is listed, not read", set("plain/notes.txt", "x"), true},
		{"plain", "file read", set("plain/a.yaml", configMap("b")), false},
		{"plain", "file added", set("plain/b.yaml", configMap("b")), false},
		{"plain", "file removed", set("plain/notes.txt", ""), false},
		{"plain", "becomes a chart", set("plain/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"), false},
		{"plain", "revision", revision, true},
		{"plain", "name", name, true},
		{"plain", "cluster", version, true},
		{"plain", "target revision", target, true},
		{"kustomize", "unrelated file", set("plain/a.yaml", "x"), true},
		{"kustomize", "unused neighbour", set("kustomize/unused.yaml", "x"), true},
		{"kustomize", "base", set("base/a.yaml", configMap("b")), false},
		{"kustomize", "second kustomization in the base", set("base/kustomization.yml", "resources: []"), false},
		{"kustomize", "spec", prefix, false},
		{"kustomize", "revision", revision, true},
		{"chart", "other environment's values", set("chart/values-prod.yaml", "x"), true},
		{"chart", "README", set("chart/README.md", "x"), true},
		{"chart", "values", set("chart/values.yaml", "a: 3"), false},
		{"chart", "template added", set("chart/templates/b.yaml", configMap("b")), false},
		{"chart", "schema added", set("chart/values.schema.json", "{}"), false},
		{"chart", "name", name, false},
		{"chart", "namespace", namespace, false},
		{"chart", "revision", revision, true},
		{"chart", "cluster version", version, true},
		{"chart", "cluster APIs", apis, true},
		{"clusterchart", "cluster version", version, true},
		{"clusterchart", "cluster APIs", apis, false},
		{"versionchart", "cluster version", version, false},
		{"versionchart", "cluster APIs", apis, true},
		{"filechart", "its file", set("filechart/name.txt", "y"), false},
		{"filechart", "file it might list", set("filechart/other.txt", "y"), false},
		{"jsonnet", "unrelated", set("lib/other.libsonnet", "x"), true},
		{"jsonnet", "import", set("lib/k.libsonnet", "function(name) []"), false},
		{"jsonnet", "import found earlier", set("jsonnet/lib/k.libsonnet", "x"), false},
		{"override", "override appears", set("override/.argocd-source.yaml", "directory: {recurse: true}"), false},
		{"override", "override of this application appears", set("override/.argocd-source-web.yaml", "kustomize: {namePrefix: x}"), false},
		{"override", "override of another application", set("override/.argocd-source-api.yaml", "kustomize: {namePrefix: x}"), false}, // it is a file of the directory, too
	} {
		t.Run(c.app+"/"+c.what, func(t *testing.T) {
			r := New(Options{})
			first, err := r.Objects(context.Background(), at(c.app, monorepo()))
			must(t, err)
			files := monorepo()
			req := at(c.app, files)
			c.change(files, &req)
			req.Tree = tree(files)
			asked := at(c.app, monorepo())
			if asked.Tree = req.Tree; reflect.DeepEqual(asked, req) && first.Basis.Holds(req.Tree, nil) != c.hit {
				t.Errorf("the basis says the contrary")
			}
			second, err := r.Objects(context.Background(), req)
			if err != nil && c.hit {
				t.Fatal(err)
			}
			if first.Hit || second.Hit != c.hit {
				t.Errorf("hit: first %v, then %v; want %v", first.Hit, second.Hit, c.hit)
			}
			fresh, freshErr := render(t, req)
			if (err == nil) != (freshErr == nil) || fresh.Digest != second.Digest {
				t.Errorf("the cache answers differently: %v, %v; fresh %v", second.Digest, err, fresh.Digest)
			}
		})
	}
}

func TestRevisionIsReadOnlyWhereTheSpecNamesIt(t *testing.T) {
	for value, hit := range map[string]bool{"fixed": true, "$ARGOCD_APP_NAME": true, "$ARGOCD_APP_REVISION": false, "x-${ARGOCD_APP_REVISION_SHORT}": false, "$$ARGOCD_APP_REVISION": true} {
		r := New(Options{})
		req := at("chart", monorepo())
		req.Source.Helm = &v1alpha1.ApplicationSourceHelm{Parameters: []v1alpha1.HelmParameter{{Name: "a", Value: value}}}
		_, err := r.Objects(context.Background(), req)
		must(t, err)
		req.Revision = "def4567890"
		res, err := r.Objects(context.Background(), req)
		must(t, err)
		if res.Hit != hit {
			t.Errorf("%s: hit %v, want %v", value, res.Hit, hit)
		}
	}
}

func TestApplicationsShareWhatIsTheSame(t *testing.T) {
	r := New(Options{})
	for i, want := range []bool{false, true, true} {
		req := at("plain", monorepo())
		req.App.Name = fmt.Sprint("app", i)
		res, err := r.Objects(context.Background(), req)
		must(t, err)
		if res.Hit != want {
			t.Errorf("application %d: hit %v", i, res.Hit)
		}
	}
	req := at("plain", monorepo())
	req.App.Project = "another"
	if res, err := r.Objects(context.Background(), req); err != nil || res.Hit {
		t.Errorf("another project shares a cache entry: %v, %v", res.Hit, err)
	}
	req = at("plain", monorepo())
	req.SourceIndex = 1
	res, err := r.Objects(context.Background(), req)
	must(t, err)
	if res.Items[0].Origin.Source != 1 {
		t.Errorf("the origin names source %d", res.Items[0].Origin.Source)
	}
}

func TestRefsAreInputs(t *testing.T) {
	r := New(Options{})
	request := func(values string, unused string) Request {
		req := at("chart", monorepo())
		req.Source.Helm = &v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"$values/env/prod.yaml"}}
		req.Refs = map[string]Ref{"values": {Tree: tree(source.Files{"env/prod.yaml": values, "README.md": unused})}}
		return req
	}
	for _, c := range []struct {
		values, unused, name string
		hit                  bool
	}{{"a: 7", "", "web-7", false}, {"a: 7", "x", "web-7", true}, {"a: 8", "x", "web-8", false}, {"a: 7", "y", "web-7", true}} {
		res, err := r.Objects(context.Background(), request(c.values, c.unused))
		must(t, err)
		if res.Hit != c.hit || res.Items[0].Object.GetName() != c.name || len(res.Refs["values"]) == 0 {
			t.Errorf("%+v: hit %v, %s, reads of the ref %v", c, res.Hit, res.Items[0].Object.GetName(), res.Refs)
		}
	}
}

func TestErrorsAreNotRemembered(t *testing.T) {
	r := New(Options{})
	broken := monorepo()
	broken["plain/a.yaml"] = "kind: ["
	if _, err := r.Objects(context.Background(), at("plain", broken)); !problem.Is(err, problem.Invalid) {
		t.Fatalf("got %v", err)
	}
	if r.cache.order.Len() != 0 {
		t.Error("an error was remembered")
	}
}

func TestCacheStaysWithinItsBound(t *testing.T) {
	r := New(Options{CacheBytes: 10_000})
	for i := range 50 {
		files := monorepo()
		files["plain/a.yaml"] = configMap(fmt.Sprint("a", i))
		req := at("plain", files)
		req.SourceIndex = i % 20
		_, err := r.Objects(context.Background(), req)
		must(t, err)
		entries := 0
		for _, list := range r.cache.specs {
			entries += len(list)
		}
		if r.cache.bytes > 10_000 || r.cache.bytes < 0 || entries != r.cache.order.Len() {
			t.Fatalf("%d bytes, %d entries listed, %d in order", r.cache.bytes, entries, r.cache.order.Len())
		}
	}
	if r.cache.order.Len() == 0 {
		t.Error("nothing is kept")
	}
	if none := New(Options{CacheBytes: -1}); none.cache.bound >= 0 {
		t.Error("the cache cannot be switched off")
	}
}

// TestConcurrent is for the race detector: many callers, all kinds, trees that change, results that are compared.
func TestConcurrent(t *testing.T) {
	r := New(Options{})
	apps := []string{"plain", "kustomize", "chart", "clusterchart", "jsonnet", "filechart"}
	want := map[string]string{}
	for _, a := range apps {
		res, err := render(t, at(a, monorepo()))
		must(t, err)
		want[a] = res.Digest
	}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			files := monorepo()
			files["README.md"] = fmt.Sprint(i % 3)
			for _, a := range apps {
				res, err := r.Objects(context.Background(), at(a, files))
				if err != nil || res.Digest != want[a] {
					t.Errorf("%s: %v, %v", a, res.Digest, err)
				}
			}
		})
	}
	wg.Wait()
}

// slow lets a render be caught at work: its tree waits until it is told to go on.
type slow struct {
	source.Tree
	reached, goOn chan struct{}
	once          *sync.Once
	reads         *atomic.Int32
}

func (s slow) Read(p string, limit int64) ([]byte, error) {
	if p == "plain/a.yaml" {
		s.reads.Add(1)
		s.once.Do(func() { close(s.reached) })
		<-s.goOn
	}
	return s.Tree.Read(p, limit)
}

func TestEqualRequestsShareOneRender(t *testing.T) {
	s := slow{tree(monorepo()), make(chan struct{}), make(chan struct{}), &sync.Once{}, &atomic.Int32{}}
	req := at("plain", nil)
	req.Tree = s
	r := New(Options{})
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() { _, err := r.Objects(ctx, req); first <- err }()
	<-s.reached
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			res, err := r.Objects(context.Background(), req)
			if err != nil || !res.Hit {
				t.Errorf("waiting for the other render: hit %v, %v", res.Hit, err)
			}
		})
	}
	cancel() // who asked first gives up; the others must not suffer
	if err := <-first; !errors.Is(err, context.Canceled) || !problem.Is(err, problem.Limit) {
		t.Errorf("giving up: %v", err)
	}
	close(s.goOn)
	wg.Wait()
	if n := s.reads.Load(); n != 1 {
		t.Errorf("rendered %d times", n)
	}
}

func TestObserve(t *testing.T) {
	var seen []Observation
	now := time.Unix(0, 0)
	r := New(Options{Observe: func(o Observation) { seen = append(seen, o) }, Clock: func() time.Time { now = now.Add(time.Second); return now }})
	for range 2 {
		_, err := r.Objects(context.Background(), at("plain", monorepo()))
		must(t, err)
	}
	want := []Observation{{Type: "Directory", Took: time.Second, Objects: 1}, {Type: "Directory", Hit: true, Took: time.Second, Objects: 1}}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

// A schema that one kustomization brings must not leak into the next build (kyaml keeps it in a global). The builds
// alternate, and run beside each other.
func TestOpenAPIOfOneKustomizationStaysThere(t *testing.T) {
	patched := source.Files{
		"app/d.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {spec: {containers: [{name: a, image: i}, {name: side, image: j}]}}}\n",
		"app/kustomization.yaml": "resources: [d.yaml]\npatches:\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: x}\n" +
			"    spec: {template: {spec: {containers: [{name: a, env: [{name: A, value: b}]}]}}}\n",
	}
	poison := maps.Clone(patched)
	poison["app/kustomization.yaml"] += "openapi: {path: s.json}\n"
	poison["app/s.json"] = `{"definitions": {"v1.Foo": {"type": "object", "x-kubernetes-group-version-kind": [{"group": "e.com", "version": "v1", "kind": "Foo"}]}}}`
	clean, err := render(t, app("app", patched))
	must(t, err)
	containers := clean.Items[0].Object.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)
	if len(containers) != 2 {
		t.Fatalf("containers: %v", containers)
	}
	poisoned, err := render(t, app("app", poison))
	must(t, err)

	// What happens without care: if this ever stops being true, the care is no longer needed.
	func() {
		openAPI.Lock()
		defer openAPI.Unlock()
		defer openapi.ResetOpenAPI()
		direct := func(files source.Files) string {
			m, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(newKustomizeFS(&job{fs: source.NewFS(tree(files), 0)}), "/app")
			must(t, err)
			text, err := m.AsYaml()
			must(t, err)
			return string(text)
		}
		before := direct(patched)
		openapi.ResetOpenAPI()
		direct(poison)
		if direct(patched) == before {
			t.Error("kustomize has become harmless: this test proves nothing")
		}
	}()

	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			files, want := patched, clean.Digest
			if i%3 == 0 {
				files, want = poison, poisoned.Digest
			}
			if res, err := render(t, app("app", files)); err != nil || res.Digest != want {
				t.Errorf("build %d comes out differently: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// A render that takes too long is given up on, by callers without a deadline too; what it comes to is kept.
func TestTimeout(t *testing.T) {
	s := slow{tree(monorepo()), make(chan struct{}), make(chan struct{}), &sync.Once{}, &atomic.Int32{}}
	req := at("plain", nil)
	req.Tree = s
	r := New(Options{Timeout: time.Millisecond})
	if _, err := r.Objects(context.Background(), req); !problem.Is(err, problem.Limit) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	close(s.goOn)
	for range 1000 {
		if res, err := r.Objects(context.Background(), req); err == nil {
			if n := s.reads.Load(); !res.Hit || n != 1 {
				t.Errorf("hit %v, rendered %d times", res.Hit, n)
			}
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the render that went on was not kept")
}

// TestCacheNeverLies walks through random commits: whatever the cache answers is what a fresh render gives, error or
// objects.
func TestCacheNeverLies(t *testing.T) {
	apps := []string{"plain", "kustomize", "chart", "clusterchart", "filechart", "jsonnet", "override"}
	paths := slices.Sorted(maps.Keys(monorepo()))
	paths = append(paths, "plain/Chart.yaml", "plain/kustomization.yaml", "chart/templates/_x.tpl", "chart/.helmignore", "jsonnet/k.libsonnet",
		"override/.argocd-source.yaml", "override/.argocd-source-web.yaml", "base/kustomization.yml", "filechart/more.txt")
	texts := []string{"", configMap("other"), "a: 5", "kind: [", "resources: [a.yaml]", "apiVersion: v2\nname: c\nversion: 1.0.0\n", "*.yaml\n", "directory: {recurse: true}"}
	rapid.Check(t, func(t *rapid.T) {
		r := New(Options{CacheBytes: rapid.SampledFrom([]int64{0, 8_000}).Draw(t, "cache")})
		files := monorepo()
		for range rapid.IntRange(1, 8).Draw(t, "commits") {
			p := rapid.SampledFrom(paths).Draw(t, "path")
			if text := rapid.SampledFrom(texts).Draw(t, "text"); text == "" {
				delete(files, p)
			} else {
				files[p] = text
			}
			if rapid.Bool().Draw(t, "revert") {
				files = monorepo()
			}
			req := at(rapid.SampledFrom(apps).Draw(t, "app"), files)
			req.App.Name = rapid.SampledFrom([]string{"web", "api"}).Draw(t, "name")
			req.Cluster.APIVersions = rapid.SampledFrom([][]string{nil, {"x/v1"}}).Draw(t, "apis")
			got, err := r.Objects(context.Background(), req)
			want, wantErr := New(Options{CacheBytes: -1}).Objects(context.Background(), req)
			if got.Digest != want.Digest || got.Type != want.Type || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("%s: cached %v %v\nfresh %v %v", req.Source.Path, got.Digest, err, want.Digest, wantErr)
			}
		}
	})
}

// TestAThousandCommitsRenderWhatTheyConcern counts, over a random history, that a commit has exactly those applications
// rendered that read what it changes, that everybody else has what a fresh render would give, and that the basis of the
// last render knows beforehand which are which.
func TestAThousandCommitsRenderWhatTheyConcern(t *testing.T) {
	reads := map[string][]string{ // what each application reads of the files that change
		"plain":        {"plain/a.yaml"},
		"kustomize":    {"kustomize/kustomization.yaml", "base/kustomization.yaml", "base/a.yaml"},
		"chart":        {"chart/Chart.yaml", "chart/values.yaml", "chart/templates/a.yaml"},
		"clusterchart": {"clusterchart/Chart.yaml", "clusterchart/templates/a.yaml"},
		"versionchart": {"versionchart/Chart.yaml", "versionchart/templates/a.yaml"},
		"filechart":    {"filechart/Chart.yaml", "filechart/templates/a.yaml", "filechart/name.txt"},
		"jsonnet":      {"jsonnet/main.jsonnet", "lib/k.libsonnet"},
		"override":     {"override/a.yaml"},
	}
	files := monorepo()
	paths := slices.Sorted(maps.Keys(files))
	remark := func(p string, n int) string { // the file with another meaning, or none, and other bytes in any case
		switch text := monorepo()[p]; {
		case p == "filechart/name.txt":
			return fmt.Sprintf("name-%d", n)
		case p == "chart/values.yaml" || p == "chart/values-prod.yaml":
			return fmt.Sprintf("a: %d", n)
		case strings.HasSuffix(p, "sonnet"):
			return fmt.Sprintf("// %d\n%s", n, text)
		default:
			return fmt.Sprintf("# %d\n%s", n, text)
		}
	}
	misses, bases := map[string]int{}, map[string]*Basis{}
	r := New(Options{})
	look := func(name string) string {
		res, err := r.Objects(context.Background(), at(name, files))
		must(t, err)
		bases[name] = res.Basis
		if !res.Hit {
			misses[name]++
		}
		return res.Digest
	}
	for name := range reads {
		look(name)
	}
	random := rand.New(rand.NewPCG(7, 1000))
	for commit := range 1000 {
		clear(misses)
		concerned := map[string]int{}
		for range 1 + random.IntN(3) {
			p := paths[random.IntN(len(paths))]
			files[p] = remark(p, commit)
			for name, list := range reads {
				if slices.Contains(list, p) {
					concerned[name] = 1
				}
			}
		}
		digests := map[string]string{}
		for name := range reads {
			if bases[name] == nil || bases[name].Holds(tree(files), nil) != (concerned[name] == 0) {
				t.Fatalf("commit %d: %s is wrongly known to change, or not to (concerned: %v)", commit, name, concerned)
			}
			digests[name] = look(name)
		}
		if diff := cmp.Diff(concerned, misses); diff != "" {
			t.Fatalf("commit %d: %s", commit, diff)
		}
		if name := slices.Sorted(maps.Keys(reads))[commit%len(reads)]; commit%10 == 0 {
			fresh, err := New(Options{CacheBytes: -1}).Objects(context.Background(), at(name, files))
			if must(t, err); fresh.Digest != digests[name] {
				t.Fatalf("commit %d: %s is not what a fresh render gives", commit, name)
			}
		}
	}
}

// A render that has the commit's name in it is another one at every commit.
func TestNoBasisOfWhatNamesTheCommit(t *testing.T) {
	req := at("chart", monorepo())
	req.Source.Helm = &v1alpha1.ApplicationSourceHelm{Parameters: []v1alpha1.HelmParameter{{Name: "a", Value: "$ARGOCD_APP_REVISION_SHORT"}}}
	named, err := New(Options{}).Objects(t.Context(), req)
	must(t, err)
	if named.Basis != nil {
		t.Error("the commit's name is in it, and it has a basis")
	}
}

// What a commit did not change of an application is there once, however many commits are remembered.
func TestRendersShareWhatACommitDoesNotChange(t *testing.T) {
	r := New(Options{})
	files := source.Files{"app/a.yaml": configMap("a"), "app/b.yaml": configMap("b")}
	first, err := r.Objects(t.Context(), at("app", files))
	if err != nil {
		t.Fatal(err)
	}
	files = maps.Clone(files)
	files["app/0.yaml"], files["app/b.yaml"] = configMap("new"), strings.Replace(configMap("b"), "name: b", "name: b, labels: {l: v}", 1)
	second, err := r.Objects(t.Context(), at("app", files))
	if err != nil {
		t.Fatal(err)
	}
	same := map[string]bool{}
	for _, now := range second.Items {
		for _, before := range first.Items {
			if now.Object == before.Object {
				same[now.Object.GetName()] = true
			}
		}
	}
	if len(second.Items) != 3 || !maps.Equal(same, map[string]bool{"a": true}) {
		t.Errorf("%d objects, shared: %v", len(second.Items), same)
	}
}
