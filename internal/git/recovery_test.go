package git_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/problem"
)

// onDisk returns the one mirror below dir.
func onDisk(t *testing.T, dir string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(dir, "*.git"))
	if len(found) != 1 {
		t.Fatalf("mirrors on disk: %v", found)
	}
	return found[0]
}

func TestDamagedMirrorsAreReplaced(t *testing.T) {
	content := map[string]string{}
	for i := range 150 { // more than fetch.unpackLimit: they arrive as a pack
		content[fmt.Sprintf("dir-%d/file-%d", i%10, i)] = strings.Repeat(fmt.Sprintf("content %d\n", i*i), 20)
	}
	packs := func(t *testing.T, dir string) []string {
		found, _ := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
		if len(found) == 0 {
			t.Fatal("no pack to damage")
		}
		return found
	}
	rewrite := func(t *testing.T, p string, f func([]byte) []byte) {
		b, err := os.ReadFile(p)
		if err == nil {
			_ = os.Chmod(p, 0o600)
			err = os.WriteFile(p, f(b), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, harm := range map[string]func(t *testing.T, dir string){
		"all gone": func(t *testing.T, dir string) { os.RemoveAll(dir) },
		"no HEAD":  func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "HEAD")) },
		"empty config": func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, "config"), func([]byte) []byte { return []byte("[core\n") })
		},
		"packs deleted": func(t *testing.T, dir string) { os.RemoveAll(filepath.Join(dir, "objects/pack")) },
		"pack truncated": func(t *testing.T, dir string) {
			rewrite(t, packs(t, dir)[0], func(b []byte) []byte { return b[:len(b)/2] })
		},
		"index emptied": func(t *testing.T, dir string) {
			rewrite(t, strings.TrimSuffix(packs(t, dir)[0], "pack")+"idx", func([]byte) []byte { return nil })
		},
		"pack flipped": func(t *testing.T, dir string) {
			rewrite(t, packs(t, dir)[0], func(b []byte) []byte {
				for i := 100; i < len(b)-20; i += 97 {
					b[i] ^= 0x55
				}
				return b
			})
		},
		"ref garbled": func(t *testing.T, dir string) {
			rewrite(t, filepath.Join(dir, "refs/heads/main"), func([]byte) []byte { return []byte("garbage") })
		},
	} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/restarted=%v", name, restarted), func(t *testing.T) {
				s := gittest.New(t)
				repo := s.Repo(t, "a", content)
				dir := t.TempDir()
				m, err := git.New(git.Options{Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { m.Close() }()
				r := at(repo)
				refresh(t, m, r)
				c := repo.Head(t)
				if restarted {
					m.Close()
				}
				harm(t, onDisk(t, dir))
				if restarted {
					if m, err = git.New(git.Options{Dir: dir}); err != nil {
						t.Fatal(err)
					}
				}
				// Reading may work (open files), or say that the mirror is damaged; never that a file is missing.
				if tree, err := m.Tree(context.Background(), r, c); err == nil {
					for p, want := range content {
						got, err := tree.Read(p, 1<<20)
						if err != nil {
							wantKind(t, err, problem.Unavailable)
						} else if string(got) != want {
							t.Fatalf("%s reads %q", p, got)
						}
					}
				} else {
					wantKind(t, err, problem.Unavailable)
				}
				repo.Commit(t, map[string]string{"new": "1"}, "Second")
				refresh(t, m, r)
				want := map[string]string{"new": "1"}
				for k, v := range content {
					want[k] = v
				}
				if _, err := m.Tree(context.Background(), r, c); err != nil { // the first read after the fetch may still find the damage
					t.Log(err)
				}
				deadline := time.Now().Add(time.Minute)
				for {
					got, err := whole(m, r)
					if err == nil {
						if diff := cmp.Diff(want, got); diff != "" {
							t.Error(diff)
						}
						return
					}
					wantKind(t, err, problem.Unavailable)
					if time.Now().After(deadline) {
						t.Fatal("not healed:", err)
					}
					if _, err := m.Refresh(context.Background(), r, time.Now()); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

// whole reads all files below main.
func whole(m *git.Mirrors, r git.Repository) (map[string]string, error) {
	c, err := m.Commit(context.Background(), r, "main")
	if err != nil {
		return nil, err
	}
	tree, err := m.Tree(context.Background(), r, c)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	dirs := []string{"."}
	for len(dirs) > 0 {
		list, err := tree.List(dirs[0])
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			p := strings.TrimPrefix(dirs[0]+"/"+e.Name, "./")
			data, err := tree.Read(p, 1<<20)
			switch {
			case problem.Is(err, problem.Invalid):
				dirs = append(dirs, p)
			case err != nil:
				return nil, err
			default:
				found[p] = string(data)
			}
		}
		dirs = dirs[1:]
	}
	return found, nil
}

func TestContentThatIsNotWhatItsNameSaysIsRefused(t *testing.T) {
	repo := gittest.New(t).Repo(t, "a", map[string]string{"a": "right", "b": "wrong", "folder/sub/f": "1", "gone/f": "1"})
	dir := t.TempDir()
	m := mirrors(t, func(o *git.Options) { o.Dir = dir })
	r := at(repo)
	refresh(t, m, r)
	object := func(path string) string { // few objects arrive loose
		id := repo.Git(t, "rev-parse", "main:"+path)
		return filepath.Join(onDisk(t, dir), "objects", id[:2], id[2:])
	}
	wrong, err := os.ReadFile(object("b"))
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(object("a"), 0o600)
	if err := os.WriteFile(object("a"), wrong, 0o600); err != nil {
		t.Fatal(err)
	}
	tree, err := m.Tree(context.Background(), r, repo.Head(t))
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(object("folder"))
	if err := os.WriteFile(object("folder"), wrong, 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(object("gone"))
	got, err := tree.Read("a", 100)
	if err == nil {
		t.Fatalf("read %q", got)
	}
	wantKind(t, err, problem.Unavailable, "damaged")
	for _, p := range []string{"folder", "gone", "folder/sub"} { // never "no such file": that would be pruned
		_, err = tree.List(p)
		wantKind(t, err, problem.Unavailable)
		_, err = tree.Entry(p + "/f")
		wantKind(t, err, problem.Unavailable)
		_, err = tree.Read(p+"/f", 10)
		wantKind(t, err, problem.Unavailable)
	}
	refresh(t, m, r)
	if got, err := tree.Read("a", 100); err != nil || string(got) != "right" {
		t.Errorf("after the next refresh: %q, %v", got, err)
	}
}

func TestRefsLostOnDiskAreNotTakenForDeleted(t *testing.T) {
	for name, lose := range map[string]func(p string) error{ // as after a power cut
		"emptied": func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"gone":    os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			s := gittest.New(t)
			repo := s.Repo(t, "a", map[string]string{"f": "1"})
			repo.Branch(t, "other")
			dir := t.TempDir()
			m := mirrors(t, func(o *git.Options) { o.Dir = dir })
			refresh(t, m, at(repo))
			m.Close()
			if err := lose(filepath.Join(onDisk(t, dir), "refs/heads/main")); err != nil {
				t.Fatal(err)
			}
			s.Down(true)
			m = mirrors(t, func(o *git.Options) { o.Dir = dir })
			_, err := m.Commit(context.Background(), at(repo), "main")
			wantKind(t, err, problem.Unavailable)
			s.Down(false)
			refresh(t, m, at(repo))
			if got := files(t, m, at(repo), "main"); got["f"] != "1" {
				t.Error(got)
			}
		})
	}
}

func TestReadersAreReplacedWhenTheyDie(t *testing.T) {
	many := map[string]string{}
	for i := range 300 {
		many[fmt.Sprintf("d%d/f%d", i%17, i)] = strings.Repeat(strconv.Itoa(i), 1000)
	}
	repo := gittest.New(t).Repo(t, "a", many)
	dir := t.TempDir()
	m := mirrors(t, func(o *git.Options) { o.Dir = dir })
	r := at(repo)
	refresh(t, m, r)
	tree, err := m.Tree(context.Background(), r, commit(t, m, r, "main"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := w; i < 300; i += 3 {
				p := fmt.Sprintf("d%d/f%d", i%17, i)
				if got, err := tree.Read(p, 1<<20); err != nil || string(got) != many[p] {
					t.Errorf("%s: %v", p, err)
				}
				if w == 0 && i%30 == 0 {
					killReaders(t, onDisk(t, dir))
				}
			}
		}()
	}
	wg.Wait()
}

// killReaders kills the cat-file processes of one mirror, as the kernel does when memory is short.
func killReaders(t *testing.T, mirror string) {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range lines {
		b, _ := os.ReadFile(p)
		if bytes.Contains(b, []byte("--git-dir="+mirror+"\x00cat-file")) {
			pid, _ := strconv.Atoi(strings.Split(p, "/")[2])
			if proc, err := os.FindProcess(pid); err == nil {
				_ = proc.Kill()
			}
		}
	}
}

func TestHostileTreesAreRefusedFolderByFolder(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"good/f": "1"})
	blob := repo.Git(t, "rev-parse", "main:good/f")
	hostile := write(t, repo, "tree", entry(t, "100644", "Values.yaml", blob)+entry(t, "100644", "values.yaml", blob))
	dotGit := write(t, repo, "tree", entry(t, "40000", ".GIT", repo.Git(t, "rev-parse", "main:good")))
	root := write(t, repo, "tree", entry(t, "40000", "bad", hostile)+entry(t, "40000", "dotgit", dotGit)+entry(t, "40000", "good", repo.Git(t, "rev-parse", "main:good"))+entry(t, "160000", "sub", strings.Repeat("1", 40)))
	repo.Reset(t, repo.Git(t, "commit-tree", root, "-p", "main", "-m", "Hostile"))
	m := mirrors(t)
	refresh(t, m, at(repo))
	tree, err := m.Tree(context.Background(), at(repo), repo.Head(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tree.Read("good/f", 10); err != nil || string(got) != "1" {
		t.Errorf("%q, %v", got, err)
	}
	_, err = tree.List("bad")
	wantKind(t, err, problem.Invalid, "folder bad of", "differ only in case", repo.Head(t)[:7])
	_, err = tree.Read("bad/values.yaml", 10)
	wantKind(t, err, problem.Invalid)
	_, err = tree.Entry("dotgit/.GIT/f")
	wantKind(t, err, problem.Invalid, ".git")
	_, err = tree.Read("sub", 10)
	wantKind(t, err, problem.Invalid)
	_, err = tree.Entry(strings.Repeat("good/", 300) + "f")
	wantKind(t, err, problem.Limit, "levels")
}

// entry is one raw entry of a tree object.
func entry(t *testing.T, mode, name, id string) string {
	t.Helper()
	raw := make([]byte, 20)
	if _, err := fmt.Sscanf(id, "%x", &raw); err != nil {
		t.Fatal(err)
	}
	return mode + " " + name + "\x00" + string(raw)
}

// write puts an object into a repository without git's own checks.
func write(t *testing.T, repo *gittest.Repo, kind, content string) string {
	t.Helper()
	cmd := exec.Command("git", "--git-dir="+repo.Dir, "hash-object", "-t", kind, "-w", "--literally", "--stdin")
	cmd.Stdin = strings.NewReader(content)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestCommitsThatNoBranchLeadsTo(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	repo.Branch(t, "pull")
	pull := repo.Commit(t, map[string]string{"f": "pull"}, "A pull request")
	repo.Git(t, "update-ref", "refs/pull/7/head", pull)
	repo.Delete(t, "pull")
	repo.Branch(t, "gone")
	lost := repo.Commit(t, map[string]string{"f": "gone"}, "Soon gone")
	repo.Delete(t, "gone")
	repo.Branch(t, "main")
	m := mirrors(t)
	r := at(repo)
	refresh(t, m, r)

	if got := files(t, m, r, "refs/pull/7/head"); got["f"] != "pull" {
		t.Error(got)
	}
	if got := files(t, m, r, lost); got["f"] != "gone" {
		t.Error(got)
	}
	s.Down(true)
	if got := files(t, m, r, lost); got["f"] != "gone" {
		t.Error("a commit fetched by id is not kept")
	}
	s.Down(false)
	unknown := strings.Repeat("12", 20)
	_, err := m.Commit(context.Background(), r, unknown)
	wantKind(t, err, problem.NotFound, unknown, repo.URL)
	_, err = m.Tree(context.Background(), r, unknown)
	wantKind(t, err, problem.NotFound)
	_, err = m.Tree(context.Background(), r, "main")
	wantKind(t, err, problem.Invalid)
	_, err = m.Commit(context.Background(), r, "refs/pull/8/head")
	wantKind(t, err, problem.NotFound, "refs/pull/8/head")
	_, err = m.Commit(context.Background(), r, "refs/../x")
	wantKind(t, err, problem.Invalid)
	_, err = m.Commit(context.Background(), r, repo.Git(t, "rev-parse", "main:f"))
	wantKind(t, err, problem.Invalid, "blob")
	_, err = m.Commit(context.Background(), r, "abcdef1")
	wantKind(t, err, problem.NotFound, "abcdef1")

	repo.Tag(t, "blob", repo.Git(t, "rev-parse", "main:f"))
	refresh(t, m, r)
	_, err = m.Commit(context.Background(), r, "blob")
	wantKind(t, err, problem.Invalid, "blob")
}

func TestHexNamesOfBranchesAreNoCommits(t *testing.T) {
	repo := gittest.New(t).Repo(t, "a", map[string]string{"f": "1"})
	first := repo.Head(t)
	second := repo.Commit(t, map[string]string{"f": "2"}, "Second")
	repo.Git(t, "update-ref", "refs/heads/"+first, second) // git itself refuses to make such a branch by its porcelain
	repo.Git(t, "update-ref", "refs/heads/"+first[:8], second)
	m := mirrors(t)
	refresh(t, m, at(repo))
	_, err := m.Commit(context.Background(), at(repo), first)
	wantKind(t, err, problem.Conflict, "refs/heads/"+first)
	if got := commit(t, m, at(repo), first[:8]); got != second {
		t.Errorf("the branch %s lost to the commit", first[:8])
	}
	if got := commit(t, m, at(repo), first[:10]); got != first {
		t.Errorf("short id: %s", got)
	}
	if got := commit(t, m, at(repo), second); got != second {
		t.Errorf("full id: %s", got)
	}
}

func TestDetachedHEADAndDepth(t *testing.T) {
	repo := gittest.New(t).Repo(t, "a", map[string]string{"f": "1"})
	first := repo.Head(t)
	repo.Commit(t, map[string]string{"f": "2"}, "Second")
	detached := repo.Git(t, "commit-tree", first+"^{tree}", "-p", first, "-m", "On no branch")
	repo.Git(t, "update-ref", "--no-deref", "HEAD", detached)
	dir := t.TempDir()
	m := mirrors(t, func(o *git.Options) { o.Dir = dir })
	shallow := git.Repository{URL: repo.URL, Depth: 1}
	refs := refresh(t, m, shallow)
	if branch, c := refs.Head(); branch != "" || c != detached {
		t.Error(branch, c)
	}
	if got := commit(t, m, shallow, "HEAD"); got != detached {
		t.Error(got)
	}
	if got := files(t, m, shallow, "main"); got["f"] != "2" {
		t.Error(got)
	}
	if got := files(t, m, shallow, first); got["f"] != "1" { // fetched by id
		t.Error(got)
	}
	repo.Commit(t, map[string]string{"f": "3"}, "Third")
	refresh(t, m, shallow)
	refresh(t, m, at(repo)) // now with all history
	if got := commit(t, m, at(repo), repo.Git(t, "rev-parse", "main~1")[:12]); got != repo.Git(t, "rev-parse", "main~1") {
		t.Error(got)
	}
	if _, err := os.Stat(filepath.Join(onDisk(t, dir), "shallow")); err == nil {
		t.Error("still shallow")
	}
}

func TestManyPushesAreTidied(t *testing.T) {
	if testing.Short() {
		t.Skip("sixty fetches")
	}
	repo := gittest.New(t).Repo(t, "a", map[string]string{"f": "0"})
	dir := t.TempDir()
	m := mirrors(t, func(o *git.Options) { o.Dir = dir })
	r := at(repo)
	for i := range 30 {
		many := map[string]string{}
		for j := range 110 { // over fetch.unpackLimit: each fetch leaves a pack
			many[fmt.Sprintf("d%d/f%d", j%5, j)] = fmt.Sprint(i, j)
		}
		repo.Commit(t, many, "Next")
		refresh(t, m, r)
		if got := files(t, m, r, "main")["d1/f1"]; got != fmt.Sprint(i, 1) {
			t.Fatal(got)
		}
	}
	if err := m.Close(); err != nil { // waits for the tidying, or stops it
		t.Fatal(err)
	}
	m2 := mirrors(t, func(o *git.Options) { o.Dir = dir })
	for range 50 {
		repo.Commit(t, map[string]string{"f": time.Now().String()}, "Next")
		refresh(t, m2, r)
		if packs, _ := filepath.Glob(filepath.Join(onDisk(t, dir), "objects/pack/*.pack")); len(packs) < 10 {
			if got := files(t, m2, r, repo.Git(t, "rev-parse", "main~30"))["d2/f2"]; got == "" {
				t.Error("an old commit lost its content")
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the packs were never put together")
}

func TestGitIsCheckedAtStart(t *testing.T) {
	_, err := git.New(git.Options{Dir: t.TempDir(), Git: "/nonexistent/git"})
	wantKind(t, err, problem.Internal, "apt-get install git")
	old := filepath.Join(t.TempDir(), "git")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho git version 2.30.2\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = git.New(git.Options{Dir: t.TempDir(), Git: old})
	wantKind(t, err, problem.Internal, "2.30.2", "too old")
}

func TestKnownTouchesNoNetwork(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	m := mirrors(t)
	if _, ok := m.Known(repo.URL); ok {
		t.Error("known before the first fetch")
	}
	if s.Requests() != (gittest.Requests{}) {
		t.Error("Known asked the server")
	}
	want := refresh(t, m, at(repo))
	for _, u := range []string{repo.URL, strings.TrimSuffix(repo.URL, ".git"), strings.Replace(repo.URL, "http", "HTTP", 1) + "/"} {
		if got, ok := m.Known(u); !ok || got.Hash() != want.Hash() || got.Fetched().IsZero() {
			t.Errorf("%s: %v", u, ok)
		}
	}
}

func TestRememberedTouchesNoNetworkAndWantsCredentialsThatWereProved(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	c := repo.Commit(t, map[string]string{"f": "2"}, "Second")
	m := mirrors(t)
	if _, ok := m.Remembered(at(repo), c); ok {
		t.Error("remembered before the first fetch")
	}
	if s.Requests() != (gittest.Requests{}) {
		t.Error("Remembered asked the server")
	}
	refresh(t, m, at(repo))
	later := repo.Commit(t, map[string]string{"f": "3"}, "Third")
	before := s.Requests()
	if got, ok := m.Remembered(at(repo), c); !ok || got.Message != "Second" || got.Author == "" || got.Date.IsZero() {
		t.Errorf("%v %+v", ok, got)
	}
	stranger := at(repo)
	stranger.Username, stranger.Password = "eve", "guess"
	for what, ask := range map[string]func() bool{
		"a commit that was not fetched": func() bool { _, ok := m.Remembered(at(repo), later); return ok },
		"a name that is no commit":      func() bool { _, ok := m.Remembered(at(repo), "main"); return ok },
		"other credentials":             func() bool { _, ok := m.Remembered(stranger, c); return ok },
	} {
		if ask() {
			t.Errorf("%s is remembered", what)
		}
	}
	if s.Requests() != before {
		t.Error("Remembered asked the server")
	}
}
