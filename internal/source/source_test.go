package source

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/problem"
)

// linked is a memory tree in which some paths are symlinks.
type linked struct {
	Tree
	links map[string]string
}

func (l linked) Entry(p string) (Entry, error) {
	if to, ok := l.links[p]; ok {
		return Entry{Name: p[strings.LastIndex(p, "/")+1:], Mode: Symlink, Hash: sum(to), Size: int64(len(to))}, nil
	}
	return l.Tree.Entry(p)
}

func (l linked) Read(p string, limit int64) ([]byte, error) {
	if to, ok := l.links[p]; ok {
		return []byte(to), nil
	}
	return l.Tree.Read(p, limit)
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{"": ".", "/": ".", "a//b/./c": "a/b/c", "/a": "a", "a/../b": "b", "..": "", "a/../../b": "", "a\\b": "", "a\x00": ""} {
		got, ok := Clean(in)
		if ok != (want != "") || got != want {
			t.Errorf("Clean(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestFSFollowsSymlinksInsideTheTreeOnly(t *testing.T) {
	tree := linked{Memory(Files{"base/a.yaml": "A", "env/prod/x.yaml": "X"}), map[string]string{
		"env/prod/a.yaml": "../../base/a.yaml", "env/dir": "../base", "out": "../../etc/passwd", "abs": "/etc/passwd",
		"loop1": "loop2", "loop2": "loop1", "up": "env/..",
	}}
	for p, want := range map[string]string{"env/prod/a.yaml": "A", "env/dir/a.yaml": "A", "up/base/a.yaml": "A", "env/prod/x.yaml": "X"} {
		if got, err := NewFS(tree, 0).ReadFile(p); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", p, got, err)
		}
	}
	for p, kind := range map[string]problem.Kind{"out": problem.Forbidden, "abs": problem.Forbidden, "loop1": problem.Invalid, "../x": problem.Forbidden, "env": problem.Invalid} {
		if _, err := NewFS(tree, 0).ReadFile(p); !problem.Is(err, kind) {
			t.Errorf("%s: got %v, want %v", p, err, kind)
		}
	}
	if _, err := NewFS(tree, 0).ReadFile("env/none.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := NewFS(Memory(Files{"big": "12345"}), 4).ReadFile("big"); !problem.Is(err, problem.Limit) {
		t.Errorf("over the limit: %v", err)
	}
}

func TestTraceHoldsWhileNothingReadChanged(t *testing.T) {
	base := Files{"app/a.yaml": "A", "app/b.yaml": "B", "other/c.yaml": "C"}
	f := NewFS(Memory(base), 0)
	if _, err := f.List("app"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadFile("app/a.yaml"); err != nil {
		t.Fatal(err)
	}
	f.Exists("app/kustomization.yaml")
	trace := f.Trace()

	with := func(p, content string) Files {
		n := Files{}
		for k, v := range base {
			n[k] = v
		}
		if n[p] = content; content == "" {
			delete(n, p)
		}
		return n
	}
	for name, c := range map[string]struct {
		files Files
		want  bool
	}{
		"same":                      {base, true},
		"unrelated file changed":    {with("other/c.yaml", "C2"), true},
		"listed, unread changed":    {with("app/b.yaml", "B2"), true},
		"read file changed":         {with("app/a.yaml", "A2"), false},
		"file added to the listing": {with("app/d.yaml", "D"), false},
		"listed file removed":       {with("app/b.yaml", ""), false},
		"missing file appears":      {with("app/kustomization.yaml", "K"), false},
	} {
		got, err := trace.Holds(Memory(c.files))
		if err != nil || got != c.want {
			t.Errorf("%s: holds = %v, %v; want %v", name, got, err, c.want)
		}
	}
}

// A file and a symlink of the same bytes are not the same.
func TestTraceTellsALinkFromAFile(t *testing.T) {
	file, link := Memory(Files{"app/a": "../b", "app/c": "C", "b": "B"}), linked{Memory(Files{"app/c": "C", "b": "B"}), map[string]string{"app/a": "../b"}}
	for _, c := range []struct{ looked, then Tree }{{file, link}, {link, file}} {
		f := NewFS(c.looked, 0)
		if _, err := f.ReadFile("app/a"); err != nil {
			t.Fatal(err)
		}
		if same, err := f.Trace().Holds(c.looked); err != nil || !same {
			t.Errorf("of what was looked at: holds = %v, %v", same, err)
		}
		if same, err := f.Trace().Holds(c.then); err != nil || same {
			t.Errorf("of the other: holds = %v, %v", same, err)
		}
	}
}

func TestMemoryNamesContent(t *testing.T) {
	a, b := Memory(Files{"x/y": "1"}), Memory(Files{"/x//y": "1"})
	if a.Root() != b.Root() || a.Root() == Memory(Files{"x/y": "2"}).Root() {
		t.Error("the root hash must depend on content and nothing else")
	}
	list, err := a.List(".")
	if err != nil || len(list) != 1 || list[0].Mode != Folder {
		t.Errorf("list: %v, %v", list, err)
	}
	if diff := cmp.Diff("y", must(a.List("x"))[0].Name); diff != "" {
		t.Error(diff)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
