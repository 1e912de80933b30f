package source

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/hawser-cd/hawser/internal/problem"
)

func names(t *testing.T, tree Tree, folder string) []string {
	t.Helper()
	list, err := tree.List(folder)
	if err != nil {
		t.Fatalf("list %s: %v", folder, err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name)
	}
	return out
}

func TestMountLaysTreesOverFolders(t *testing.T) {
	base := Memory(Files{"app/Chart.yaml": "A", "app/charts/old/x": "1", "lib/keep": "k"})
	m := Mount(base, map[string]Tree{"app/charts/redis": Memory(Files{"Chart.yaml": "R", "templates/a": "T"}), "lib/sub/deep": Memory(Files{"f": "F"}), "app/charts/redis/templates": Memory(Files{"b": "B"})})
	for p, want := range map[string]string{"app/Chart.yaml": "A", "app/charts/redis/Chart.yaml": "R", "app/charts/redis/templates/b": "B", "app/charts/old/x": "1", "lib/sub/deep/f": "F", "lib/keep": "k"} {
		if got, err := NewFS(m, 0).ReadFile(p); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", p, got, err)
		}
	}
	if _, err := NewFS(m, 0).ReadFile("app/charts/redis/templates/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a mount does not hide what is under it: %v", err)
	}
	for folder, want := range map[string][]string{".": {"app", "lib"}, "app/charts": {"old", "redis"}, "app/charts/redis": {"Chart.yaml", "templates"}, "lib": {"keep", "sub"}, "lib/sub": {"deep"}} {
		if got := names(t, m, folder); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", folder, got, want)
		}
	}
	if _, err := NewFS(m, 0).ReadFile("lib/sub/deep/../../../../x"); !problem.Is(err, problem.Forbidden) {
		t.Errorf("%v", err)
	}
}

func TestMountNamesContent(t *testing.T) {
	base := Memory(Files{"app/a": "A", "other/b": "B"})
	one := Mount(base, map[string]Tree{"app/charts/x": Memory(Files{"f": "1"})})
	same := Mount(Memory(Files{"app/a": "A", "other/b": "B"}), map[string]Tree{"app/charts/x": Memory(Files{"f": "1"})})
	if one.Root() != same.Root() {
		t.Error("the same content has two names")
	}
	two := Mount(base, map[string]Tree{"app/charts/x": Memory(Files{"f": "2"})})
	if one.Root() == two.Root() || entryOf(t, one, "app").Hash == entryOf(t, two, "app").Hash {
		t.Error("another mount, the same name")
	}
	if entryOf(t, one, "other").Hash != entryOf(t, base, "other").Hash {
		t.Error("a folder without mounts has another name")
	}
	fs := NewFS(one, 0)
	if _, err := fs.ReadFile("app/charts/x/f"); err != nil {
		t.Fatal(err)
	}
	if ok, err := fs.Trace().Holds(same); err != nil || !ok {
		t.Errorf("the same tree: %v %v", ok, err)
	}
	if ok, err := fs.Trace().Holds(two); err != nil || ok {
		t.Errorf("another file: %v %v", ok, err)
	}
	if Mount(base, nil) != base {
		t.Error("nothing mounted is another tree")
	}
}

func TestWithinIsAFolderAlone(t *testing.T) {
	tree, err := Within(Memory(Files{"web/a": "A", "secret": "S", "web/sub/b": "B"}), "web")
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, tree, "."); !slices.Equal(got, []string{"a", "sub"}) {
		t.Error(got)
	}
	if got, err := NewFS(tree, 0).ReadFile("sub/b"); err != nil || string(got) != "B" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := NewFS(tree, 0).ReadFile("../secret"); !problem.Is(err, problem.Forbidden) {
		t.Errorf("%v", err)
	}
	if tree.Root() != Memory(Files{"a": "A", "sub/b": "B"}).Root() {
		t.Error("the folder has another name than the same files alone")
	}
	if _, err := Within(tree, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Within(tree, "a"); err == nil {
		t.Error("a file is a tree")
	}
}

func TestTarIsATree(t *testing.T) {
	out := &bytes.Buffer{}
	w := tar.NewWriter(out)
	for name, content := range map[string]string{"a/b.yaml": "B", "c.yaml": "C"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tree, err := Tar(bytes.NewReader(out.Bytes()), ArchiveLimits{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := NewFS(tree, 0).ReadFile("a/b.yaml"); err != nil || string(got) != "B" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := Tar(bytes.NewReader(out.Bytes()), ArchiveLimits{Packed: 600}); !problem.Is(err, problem.Limit) {
		t.Errorf("%v", err)
	}
}
