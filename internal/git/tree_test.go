package git

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/source"
)

// raw builds a tree object: mode, name, mode, name …
func raw(pairs ...string) []byte {
	var b bytes.Buffer
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "%s %s\x00%s", pairs[i], pairs[i+1], strings.Repeat("\xab", 20))
	}
	return b.Bytes()
}

func TestParseFolder(t *testing.T) {
	f, err := parseFolder(raw("100644", "b", "100755", "b.sh", "40000", "a", "120000", "link", "160000", "sub", "100664", "old", "040000", "padded"), 20)
	if err != nil {
		t.Fatal(err)
	}
	h := source.Hash(strings.Repeat("ab", 20))
	want := []source.Entry{
		{Name: "a", Mode: source.Folder, Hash: h, Size: -1}, {Name: "b", Mode: source.File, Hash: h, Size: -1}, {Name: "b.sh", Mode: source.Executable, Hash: h, Size: -1},
		{Name: "link", Mode: source.Symlink, Hash: h, Size: -1}, {Name: "old", Mode: source.File, Hash: h, Size: -1}, {Name: "padded", Mode: source.Folder, Hash: h, Size: -1}, {Name: "sub", Mode: source.Submodule, Hash: h, Size: -1},
	}
	if diff := cmp.Diff(want, f.entries); diff != "" {
		t.Error(diff)
	}
	if e, ok := f.entry("link"); !ok || e.Mode != source.Symlink {
		t.Error("entry not found")
	}
	if _, ok := f.entry("linkx"); ok {
		t.Error("found what is not there")
	}
	if f, err := parseFolder(nil, 20); err != nil || len(f.entries) != 0 {
		t.Error("the empty tree")
	}
	for _, name := range []string{"a:b", "ünïcode", "git", ".github", ".gitignore", ".gitattributes", "git~10", "...", ".g", "x.git", "日本"} {
		if _, err := parseFolder(raw("100644", name), 20); err != nil {
			t.Errorf("%q refused: %v", name, err)
		}
	}
}

func TestHostileFoldersAreRefused(t *testing.T) {
	for why, b := range map[string][]byte{
		"dot": raw("40000", "."), "dotdot": raw("40000", ".."), "empty name": raw("100644", ""), "slash": raw("100644", "a/b"), "backslash": raw("100644", `a\b`), "newline": raw("100644", "a\nb"),
		".git": raw("40000", ".git"), ".GIT": raw("40000", ".GiT"), "NTFS short": raw("40000", "GIT~1"), "NTFS dots": raw("40000", ".git. ."), "NTFS stream": raw("40000", ".git::$INDEX_ALLOCATION"),
		"HFS": raw("40000", ".g\u200cit"), "HFS mark": raw("40000", "\ufeff.git"), "case": raw("100644", "Makefile", "100644", "makefile"), "case of letters beyond ASCII": raw("100644", "Ä.yaml", "100644", "ä.yaml"),
		"Unicode form": raw("100644", "\u00e4", "100644", "a\u0308"), "twice": raw("100644", "a", "100644", "a"), "file and folder": raw("100644", "a", "40000", "a"),
		"long name": raw("100644", strings.Repeat("x", 4096)), "device": raw("20000", "tty"), "hard link mode": raw("100000", "x"), "mode": raw("1006x4", "a"), "no space": []byte("100644a\x00" + strings.Repeat("a", 20)),
		"cut": raw("100644", "a")[:20], "no name end": []byte("100644 aaaaaaa"), "huge mode": raw("100000000644", "a"), "delete": raw("100644", "a\x7f"),
	} {
		if f, err := parseFolder(b, 20); err == nil {
			t.Errorf("%s: %v passes", why, f.entries)
		}
	}
}

// FuzzParseTree holds the parser against git's own reading of the same bytes.
func FuzzParseTree(f *testing.F) {
	f.Add(raw("100644", "b", "40000", "a", "120000", "l"))
	f.Add(raw("100755", "x", "160000", "sub", "040000", "z"))
	f.Add(raw("100644", "ä"))
	f.Add(raw("100644", "a\tb")[:10])
	f.Add([]byte{})
	dir := f.TempDir()
	git := func(stdin []byte, args ...string) (string, error) {
		cmd := exec.Command("git", append([]string{"--git-dir=" + dir}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1"}
		cmd.Stdin = bytes.NewReader(stdin)
		out, err := cmd.Output()
		return string(out), err
	}
	if out, err := git(nil, "init", "-q", "--bare"); err != nil {
		f.Fatal(err, out)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseFolder(b, 20)
		if err != nil {
			return
		}
		id, err := git(b, "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
		if err != nil {
			t.Fatal(err)
		}
		out, err := git(nil, "ls-tree", "-z", "--full-tree", strings.TrimSpace(id))
		if err != nil {
			t.Fatalf("git refuses a tree that we read as %v", got.entries)
		}
		theirs := map[string]string{}
		for _, line := range strings.Split(strings.TrimSuffix(out, "\x00"), "\x00") {
			if what, name, ok := strings.Cut(line, "\t"); ok {
				theirs[name] = what
			}
		}
		ours := map[string]string{}
		for _, e := range got.entries {
			kind := map[source.Mode]string{source.File: "100644 blob", source.Executable: "100755 blob", source.Folder: "040000 tree", source.Symlink: "120000 blob", source.Submodule: "160000 commit"}[e.Mode]
			ours[e.Name] = kind + " " + string(e.Hash)
			if _, err := hex.DecodeString(string(e.Hash)); err != nil || len(e.Hash) != 40 {
				t.Errorf("hash %q", e.Hash)
			}
			if found, ok := got.entry(e.Name); !ok || found != e {
				t.Errorf("%q is listed but not found", e.Name)
			}
		}
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Error(diff)
		}
	})
}

func TestParseCommit(t *testing.T) {
	c, err := parseCommit("tree " + id("a") + "\nparent " + id("b") + "\nauthor A <b> c <a@b> 1700000000 -0530\ncommitter X <x@y> 1 +0000\ngpgsig -----BEGIN PGP SIGNATURE-----\n tree " + id("f") + "\n author Evil <e> 1 +0000\n -----END PGP SIGNATURE-----\nauthor Second <s> 1 +0000\n\nauthor in the message\n\ntree x\n")
	if err != nil || c.tree != id("a") || c.author != "A <b> c <a@b>" || c.message != "author in the message\n\ntree x" || c.date.Format("2006-01-02T15:04:05-0700") != "2023-11-14T16:43:20-0530" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, broken := range []string{"", "\n\n", "tree x\n\nm", "author A <a> 1 +0000\n\ntree " + id("a")} {
		if c, err := parseCommit(broken); err == nil {
			t.Errorf("%q: %+v", broken, c)
		}
	}
	for _, odd := range []string{"author", "author ", "author no mail 17", "author A <a>", "author A <a> x", "author A <a> 99999999999999999999 +0000", "author A <a> 1 +99999"} {
		if _, err := parseCommit("tree " + id("a") + "\n" + odd + "\n\nm"); err != nil {
			t.Errorf("%q: %v", odd, err)
		}
	}
}
