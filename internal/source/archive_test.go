package source

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/problem"
)

type packed struct {
	name, content, link string
	kind                byte
}

func pack(t testing.TB, entries ...packed) *bytes.Buffer {
	t.Helper()
	out := &bytes.Buffer{}
	zip := gzip.NewWriter(out)
	w := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Linkname: e.link, Typeflag: e.kind, Mode: 0o4777, Uid: 7, Size: int64(len(e.content))}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestArchiveIsATree(t *testing.T) {
	tree, err := Archive(pack(t, packed{name: "./", kind: tar.TypeDir}, packed{name: "./web/", kind: tar.TypeDir}, packed{name: "./web/a.yaml", content: "a: 1"},
		packed{name: "web/b.yaml", kind: tar.TypeSymlink, link: "a.yaml"}, packed{name: "web/up.yaml", kind: tar.TypeSymlink, link: "../../../etc/passwd"},
		packed{name: "web/root.yaml", kind: tar.TypeSymlink, link: "/etc/passwd"}), ArchiveLimits{})
	if err != nil {
		t.Fatal(err)
	}
	fs := NewFS(tree, 0)
	for _, p := range []string{"web/a.yaml", "web/b.yaml"} {
		if data, err := fs.ReadFile(p); err != nil || string(data) != "a: 1" {
			t.Errorf("%s: %q %v", p, data, err)
		}
	}
	for _, p := range []string{"web/up.yaml", "web/root.yaml"} {
		if data, err := fs.ReadFile(p); !problem.Is(err, problem.Forbidden) {
			t.Errorf("%s: %q %v", p, data, err)
		}
	}
	same := Memory(Files{"web/a.yaml": "a: 1"})
	if e, _ := same.Entry("web/a.yaml"); e.Hash != entryOf(t, tree, "web/a.yaml").Hash {
		t.Error("an archive's file has another hash than the same file elsewhere")
	}
}

// noise cannot be packed.
func noise(n int) string {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return string(b)
}

func entryOf(t *testing.T, tree Tree, p string) Entry {
	t.Helper()
	e, err := tree.Entry(p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestArchivesThatAreRefused(t *testing.T) {
	small := ArchiveLimits{Packed: 1 << 20, Unpacked: 4 << 20, Entries: 10, Ratio: 50}
	var many []packed
	for range 11 {
		many = append(many, packed{name: "f"})
	}
	for name, c := range map[string]struct {
		archive *bytes.Buffer
		kind    problem.Kind
		says    string
	}{
		"climbs":         {pack(t, packed{name: "../x", content: "a"}), problem.Forbidden, "leads out"},
		"climbs later":   {pack(t, packed{name: "a/../../x", content: "a"}), problem.Forbidden, "leads out"},
		"absolute":       {pack(t, packed{name: "/etc/x", content: "a"}), problem.Forbidden, "leads out"},
		"device":         {pack(t, packed{name: "dev", kind: tar.TypeChar}), problem.Invalid, "neither a file"},
		"hard link":      {pack(t, packed{name: "a", content: "a"}, packed{name: "b", kind: tar.TypeLink, link: "a"}), problem.Invalid, "neither a file"},
		"through a link": {pack(t, packed{name: "a", kind: tar.TypeSymlink, link: "/"}, packed{name: "a/b", content: "x"}), problem.Invalid, "as a file and as a folder"},
		"file on folder": {pack(t, packed{name: "a/b", content: "x"}, packed{name: "a", content: "x"}), problem.Invalid, "as a folder and as a file"},
		"too many":       {pack(t, many...), problem.Limit, "more than 10 entries"},
		"too large":      {pack(t, packed{name: "a", content: strings.Repeat("ab", 3<<20)}), problem.Limit, "holds more than"},
		"a bomb":         {pack(t, packed{name: "a", content: strings.Repeat("\x00", 3<<20)}), problem.Limit, "times as much"},
		"not an archive": {bytes.NewBufferString("hello, this is text"), problem.Invalid, "tar.gz"},
		"cut off":        {bytes.NewBuffer(pack(t, packed{name: "a", content: strings.Repeat("xyz", 1000)}).Bytes()[:60]), problem.Invalid, "tar.gz"},
		"nothing at all": {&bytes.Buffer{}, problem.Invalid, "tar.gz"},
		"a packed giant": {pack(t, packed{name: "a", content: noise(3 << 20)}), problem.Limit, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Archive(c.archive, small); !problem.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// FuzzArchive: whatever comes, reading ends, and no path of the tree leads out of it.
func FuzzArchive(f *testing.F) {
	f.Add(pack(f, packed{name: "a/b.yaml", content: "a: 1"}, packed{name: "c", kind: tar.TypeSymlink, link: "../../x"}).Bytes())
	f.Add(pack(f, packed{name: "../x", content: "a"}).Bytes())
	f.Add(pack(f, packed{name: "d/", kind: tar.TypeDir}, packed{name: "d/e", kind: tar.TypeLink, link: "/etc"}).Bytes()[:100])
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := Archive(bytes.NewReader(data), ArchiveLimits{Packed: 1 << 20, Unpacked: 1 << 20, Entries: 100})
		if err != nil {
			return
		}
		list, err := tree.List(".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.Name == ".." || strings.ContainsAny(e.Name, "/\x00") {
				t.Fatalf("an entry %q", e.Name)
			}
			if _, err := NewFS(tree, 0).ReadFile(e.Name); err == nil && e.Mode == Folder {
				t.Fatalf("the folder %q has content", e.Name)
			}
		}
	})
}
