package render

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/source"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite want.yaml and reads in testdata")

// linked adds symlinks to a tree of files: path → target.
type linked struct {
	source.Tree
	links map[string]string
}

func tree(files source.Files) source.Tree {
	links, plain := map[string]string{}, source.Files{}
	for p, content := range files {
		if from, to, ok := strings.Cut(p, " -> "); ok {
			links[from] = to
			plain[from] = "symlink " + to // holds the place in listings and hashes
		} else {
			plain[p] = content
		}
	}
	return linked{source.Memory(plain), links}
}

func (l linked) Entry(p string) (source.Entry, error) {
	e, err := l.Tree.Entry(p)
	if _, ok := l.links[p]; ok && err == nil {
		e.Mode = source.Symlink
	}
	return e, err
}

func (l linked) List(p string) ([]source.Entry, error) {
	list, err := l.Tree.List(p)
	for i := range list {
		if _, ok := l.links[path.Join(p, list[i].Name)]; ok {
			list[i].Mode = source.Symlink
		}
	}
	return list, err
}

func (l linked) Read(p string, limit int64) ([]byte, error) {
	if to, ok := l.links[p]; ok {
		return []byte(to), nil
	}
	return l.Tree.Read(p, limit)
}

// scenario is one archive of testdata: "source.yaml" is the spec, "app.yaml" the facts, "repo/" the tree, "ref/x/" the
// tree of the ref x; "want.yaml" or "error", and "reads", say what must come of it.
type scenario struct {
	file    string
	archive *txtar.Archive
	req     Request
	want    map[string]string
}

func load(t testing.TB, file string) scenario {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := scenario{file: file, archive: a, want: map[string]string{}}
	files, refs := source.Files{}, map[string]source.Files{}
	s.req = Request{Revision: "0123456789abcdef0123456789abcdef01234567",
		App:     App{Name: "web", Namespace: "argocd", Project: "default", DestinationNamespace: "shop"},
		Cluster: Cluster{KubeVersion: "1.33.2", APIVersions: []string{"monitoring.coreos.com/v1", "apps/v1"}},
	}
	for _, f := range a.Files {
		switch top, rest, _ := strings.Cut(f.Name, "/"); top {
		case "repo":
			files[rest] = string(f.Data)
		case "ref":
			name, rest, _ := strings.Cut(rest, "/")
			if refs[name] == nil {
				refs[name] = source.Files{}
			}
			refs[name][rest] = string(f.Data)
		case "source.yaml":
			must(t, yaml.UnmarshalStrict(f.Data, &s.req.Source))
		case "settings.yaml":
			must(t, yaml.UnmarshalStrict(f.Data, &s.req.Settings))
		case "app.yaml":
			must(t, yaml.UnmarshalStrict(f.Data, &s.req.App))
		default:
			s.want[f.Name] = string(f.Data)
		}
	}
	s.req.Tree = tree(files)
	for name, files := range refs {
		if s.req.Refs == nil {
			s.req.Refs = map[string]Ref{}
		}
		s.req.Refs[name] = Ref{Tree: tree(files)}
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// show prints a result as the goldens have it: each object after a comment that names its origin.
func show(t testing.TB, res Result) string {
	t.Helper()
	var b strings.Builder
	for _, it := range res.Items {
		text, err := yaml.Marshal(it.Object.Object)
		must(t, err)
		fmt.Fprintf(&b, "--- # %s\n%s", it.Origin, text)
	}
	return b.String()
}

func reads(res Result) string {
	var lines []string
	add := func(prefix string, t source.Trace) {
		for _, r := range t {
			what := ""
			switch {
			case r.Listed:
				what = "/"
			case r.Folder || r.Hash == "": // that a folder exists, or that a file does not
				continue
			}
			lines = append(lines, prefix+r.Path+what)
		}
	}
	add("", res.Trace)
	for name, t := range res.Refs {
		add("$"+name+"/", t)
	}
	sort.Strings(lines)
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no scenarios")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := load(t, file)
			r := New(Options{})
			res, err := r.Objects(context.Background(), s.req)
			got := map[string]string{}
			if err != nil {
				got["error"] = err.Error() + "\n"
			} else {
				got["type"], got["want.yaml"], got["reads"] = string(res.Type)+"\n", show(t, res), reads(res)
			}
			if *update {
				s.rewrite(t, got)
				return
			}
			if diff := cmp.Diff(s.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
			if err == nil {
				onlyTraced(t, s.req, res)
			}
		})
	}
}

func (s scenario) rewrite(t *testing.T, got map[string]string) {
	var kept []txtar.File
	for _, f := range s.archive.Files {
		if _, isResult := s.want[f.Name]; !isResult {
			kept = append(kept, f)
		}
	}
	for _, name := range []string{"type", "want.yaml", "reads", "error"} {
		if text, ok := got[name]; ok {
			kept = append(kept, txtar.File{Name: name, Data: []byte(text)})
		}
	}
	s.archive.Files = kept
	must(t, os.WriteFile(s.file, txtar.Format(s.archive), 0o644))
}

// seen is a tree reduced to what a trace says was looked at; anything else about it is a failure.
type seen struct {
	t     testing.TB
	tree  source.Tree
	reads map[string]source.Read
	folds map[string]bool
	lists map[string]bool
}

func only(t testing.TB, tr source.Tree, trace source.Trace) source.Tree {
	s := seen{t: t, tree: tr, reads: map[string]source.Read{}, folds: map[string]bool{".": true}, lists: map[string]bool{}}
	for _, r := range trace {
		if r.Listed {
			s.lists[r.Path] = true
		} else {
			s.reads[r.Path] = r
		}
		for d := r.Path; d != "."; d = path.Dir(d) {
			s.folds[path.Dir(d)] = true
		}
	}
	return s
}

func (s seen) Root() source.Hash { return "reduced" }

func (s seen) Entry(p string) (source.Entry, error) {
	r, ok := s.reads[p]
	if !ok && !s.folds[p] {
		s.t.Errorf("looked at %s, which the trace lacks", p)
		return source.Entry{}, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
	}
	if ok && r.Hash == "" && !r.Folder && !s.folds[p] {
		return source.Entry{}, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
	}
	return s.tree.Entry(p)
}

func (s seen) List(p string) ([]source.Entry, error) {
	if !s.lists[p] {
		s.t.Errorf("listed %s, which the trace lacks", p)
	}
	return s.tree.List(p)
}

func (s seen) Read(p string, limit int64) ([]byte, error) {
	if _, ok := s.reads[p]; !ok {
		s.t.Errorf("read %s, which the trace lacks", p)
	}
	return s.tree.Read(p, limit)
}

// onlyTraced renders once more with nothing but what the trace names: a render is hermetic if that gives the same.
func onlyTraced(t testing.TB, req Request, res Result) {
	t.Helper()
	req.Tree = only(t, req.Tree, res.Trace)
	refs := map[string]Ref{}
	for name, r := range req.Refs {
		refs[name] = Ref{Tree: only(t, r.Tree, res.Refs[name]), Revision: r.Revision}
	}
	req.Refs = refs
	again, err := New(Options{}).Objects(context.Background(), req)
	if err != nil {
		t.Errorf("with only the traced paths: %v", err)
		return
	}
	if again.Digest != res.Digest {
		t.Error("with only the traced paths the render comes out differently")
	}
}

func render(t testing.TB, req Request) (Result, error) {
	t.Helper()
	return New(Options{}).Objects(context.Background(), req)
}

func app(p string, files source.Files) Request {
	return Request{Tree: tree(files), Revision: "abc1234567", Source: v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/x", Path: p},
		App: App{Name: "web", Project: "default", DestinationNamespace: "shop"}}
}
