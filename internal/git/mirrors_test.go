package git_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

func mirrors(t testing.TB, change ...func(*git.Options)) *git.Mirrors {
	t.Helper()
	o := git.Options{Dir: filepath.Join(t.TempDir(), "mirrors")}
	for _, f := range change {
		f(&o)
	}
	m, err := git.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func at(r *gittest.Repo) git.Repository { return git.Repository{URL: r.URL} }

func refresh(t testing.TB, m *git.Mirrors, r git.Repository) git.Refs {
	t.Helper()
	refs, err := m.Refresh(context.Background(), r, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

func commit(t testing.TB, m *git.Mirrors, r git.Repository, revision string) string {
	t.Helper()
	c, err := m.Commit(context.Background(), r, revision)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func files(t testing.TB, m *git.Mirrors, r git.Repository, revision string) map[string]string {
	t.Helper()
	tree, err := m.Tree(context.Background(), r, commit(t, m, r, revision))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		list, err := tree.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			p := strings.TrimPrefix(dir+"/"+e.Name, "./")
			if e.Mode == source.Folder {
				walk(p)
				continue
			}
			data, err := tree.Read(p, 8<<20)
			if err != nil {
				t.Fatal(err)
			}
			found[p] = string(data)
		}
	}
	walk(".")
	return found
}

func wantKind(t testing.TB, err error, kind problem.Kind, words ...string) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Fatalf("got %v (%v), want a problem of kind %v", err, problem.KindOf(err), kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %q reads as a missing file", err)
	}
}

func TestCommitBecomesTree(t *testing.T) {
	s := gittest.New(t)
	repo := s.Archive(t, "platform/apps", `First
-- README.md --
hello
-- apps/web/deploy.yaml --
kind: Deployment
-- apps/db/deploy.yaml --
kind: StatefulSet
`)
	m := mirrors(t)
	r := at(repo)
	refs := refresh(t, m, r)
	if branch, c := refs.Head(); branch != "main" || c != repo.Head(t) {
		t.Errorf("HEAD is %s at %s", branch, c)
	}
	want := map[string]string{"README.md": "hello\n", "apps/web/deploy.yaml": "kind: Deployment\n", "apps/db/deploy.yaml": "kind: StatefulSet\n"}
	for _, revision := range []string{"", "HEAD", "main", "refs/heads/main", repo.Head(t), strings.ToUpper(repo.Head(t)), repo.Head(t)[:9]} {
		if diff := cmp.Diff(want, files(t, m, r, revision)); diff != "" {
			t.Errorf("revision %q: %s", revision, diff)
		}
	}

	tree, err := m.Tree(context.Background(), r, repo.Head(t))
	if err != nil {
		t.Fatal(err)
	}
	list, err := tree.List("apps")
	if err != nil || len(list) != 2 || list[0].Name != "db" || list[0].Mode != source.Folder || list[0].Size != -1 {
		t.Errorf("list: %v, %v", list, err)
	}
	if got := string(tree.Root()); got != repo.Git(t, "rev-parse", "main^{tree}") {
		t.Errorf("root %s", got)
	}
	for _, p := range []string{"none", "apps/none", "apps/none/x", "README.md/x", "apps/web/deploy.yaml/x"} {
		if _, err := tree.Entry(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("entry %s: %v", p, err)
		}
		if _, err := tree.Read(p, 10); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read %s: %v", p, err)
		}
	}
	if _, err := tree.List("README.md"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("list of a file: %v", err)
	}
	_, err = tree.Read("README.md", 3)
	wantKind(t, err, problem.Limit, "README.md")
	_, err = tree.Read("apps", 3)
	wantKind(t, err, problem.Invalid)
}

func TestRevisionTellsAuthorDateMessageTags(t *testing.T) {
	repo := gittest.New(t).Repo(t, "a", map[string]string{"f": "1"})
	c := repo.Commit(t, map[string]string{"f": "2"}, "Second: ünïcode\n\nWith a body.\n")
	repo.Tag(t, "v2", c)
	repo.AnnotatedTag(t, "release", c, "the release")
	m := mirrors(t)
	refresh(t, m, at(repo))
	got, err := m.Revision(context.Background(), at(repo), c)
	if err != nil {
		t.Fatal(err)
	}
	if got.Date.IsZero() || got.Date.Format("-0700") != "+0100" {
		t.Errorf("date %v", got.Date)
	}
	got.Date = time.Time{}
	want := source.Revision{ID: c, Author: "Test Person <test@example.com>", Message: "Second: ünïcode\n\nWith a body.", Tags: []string{"release", "v2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRefreshFollowsPushesForcePushesAndDeletions(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1", "dir/g": "1"})
	m := mirrors(t)
	r := at(repo)
	before := refresh(t, m, r)
	first := commit(t, m, r, "main")

	second := repo.Commit(t, map[string]string{"dir/g": "", "h": "2"}, "Second")
	repo.Branch(t, "feature")
	repo.Commit(t, map[string]string{"f": "feature"}, "On a branch")
	repo.Tag(t, "v1", second)
	after := refresh(t, m, r)
	if before.Hash() == after.Hash() {
		t.Error("the snapshot's hash did not change")
	}
	if diff := cmp.Diff(map[string]string{"f": "1", "h": "2"}, files(t, m, r, "main")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"feature", "main"}, after.Branches()); diff != "" {
		t.Error(diff)
	}
	if got := files(t, m, r, "feature")["f"]; got != "feature" {
		t.Error(got)
	}

	repo.Delete(t, "feature")
	repo.Branch(t, "main")
	third := repo.ForcePush(t, map[string]string{"new": "history"}, "Rewritten")
	refresh(t, m, r)
	if got := commit(t, m, r, "main"); got != third {
		t.Errorf("main is at %s after the force push, want %s", got, third)
	}
	_, err := m.Commit(context.Background(), r, "feature")
	wantKind(t, err, problem.NotFound, `"feature"`, repo.URL, "main")
	if diff := cmp.Diff(map[string]string{"f": "1", "dir/g": "1"}, files(t, m, r, first)); diff != "" {
		t.Errorf("a commit that was pushed away must stay readable: %s", diff)
	}

	repo.Delete(t, "main") // a branch "main/x" now stands where "main" was
	repo.Branch(t, "main/x")
	repo.Commit(t, map[string]string{"x": "x"}, "Below")
	if diff := cmp.Diff([]string{"main/x"}, refresh(t, m, r).Branches()); diff != "" {
		t.Error(diff)
	}
	_, err = m.Commit(context.Background(), r, "HEAD")
	wantKind(t, err, problem.NotFound, "HEAD names branch main,", "main/x")
}

func TestRepositoryReplacedAtTheSameURL(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "old"})
	m := mirrors(t)
	r := at(repo)
	refresh(t, m, r)
	for _, format := range []string{"sha1", "sha256", "sha1"} {
		if err := os.RemoveAll(repo.Dir); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("git", "init", "-q", "--bare", "--initial-branch=trunk", "--object-format="+format, repo.Dir).CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
		repo.Branch(t, "trunk")
		repo.Commit(t, map[string]string{"g": format}, "New "+format)
		refs := refresh(t, m, r)
		if diff := cmp.Diff([]string{"trunk"}, refs.Branches()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{"g": format}, files(t, m, r, "HEAD")); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
	}
}

func TestEmptyRepositoryIsSaidToBeEmpty(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "empty", nil)
	m := mirrors(t)
	refresh(t, m, at(repo))
	for _, revision := range []string{"", "HEAD", "main", "1.*"} {
		_, err := m.Commit(context.Background(), at(repo), revision)
		wantKind(t, err, problem.NotFound, "empty", repo.URL)
	}
	if err := m.Check(context.Background(), at(repo)); err != nil {
		t.Errorf("check: %v", err)
	}
	repo.Commit(t, map[string]string{"f": "1"}, "First")
	refresh(t, m, at(repo))
	if got := files(t, m, at(repo), "HEAD"); got["f"] != "1" {
		t.Error(got)
	}
	repo.Delete(t, "main")
	refresh(t, m, at(repo))
	_, err := m.Commit(context.Background(), at(repo), "main")
	wantKind(t, err, problem.NotFound, "empty")
}

func TestConcurrentCallersShareOneContact(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	m := mirrors(t)
	refresh(t, m, at(repo))
	repo.Commit(t, map[string]string{"f": "2"}, "Second")

	gate := make(chan struct{})
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-gate
			next.ServeHTTP(w, r)
		})
	})
	before := s.Requests()
	asOf := time.Now()
	var wg sync.WaitGroup
	for range 50 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if refs, err := m.Refresh(context.Background(), at(repo), asOf); err != nil || !hasCommit(refs, repo.Head(t)) {
				t.Errorf("refresh: %v, %v", refs.Branches(), err)
			}
		}()
	}
	time.Sleep(50 * time.Millisecond)
	close(gate)
	wg.Wait()
	got := s.Requests()
	if lists := got.Lists - before.Lists; lists != 2 { // the listing and the fetch
		t.Errorf("50 callers made %d contacts, want 2", lists)
	}
	if _, err := m.Refresh(context.Background(), at(repo), asOf); err != nil || s.Requests() != got {
		t.Errorf("an answered question went to the server again: %v", err)
	}
	before = s.Requests()
	refresh(t, m, at(repo))
	got = s.Requests()
	if got.Lists-before.Lists != 1 || got.Fetches != before.Fetches {
		t.Errorf("a poll that finds nothing new cost %+v after %+v", got, before)
	}
}

// TestAStormOfCallersIsTwoContactsASecond: each caller wants what is there now, and gets what is there when the next
// contact begins.
func TestAStormOfCallersIsTwoContactsASecond(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	var mu sync.Mutex
	var begun []time.Time
	m := mirrors(t, func(o *git.Options) {
		o.Observe = func(op, _ string, took time.Duration, _ error) {
			if op == "ls-remote" {
				mu.Lock()
				begun = append(begun, time.Now().Add(-took))
				mu.Unlock()
			}
		}
	})
	var callers sync.WaitGroup
	last := ""
	for i := range 300 {
		if i%50 == 0 {
			last = repo.Commit(t, map[string]string{"f": fmt.Sprint(i)}, "Another")
		}
		callers.Go(func() { refresh(t, m, at(repo)) })
		time.Sleep(5 * time.Millisecond)
	}
	callers.Wait()
	if refs := refresh(t, m, at(repo)); !hasCommit(refs, last) {
		t.Error("the last push is not seen")
	}
	for i := 2; i < len(begun); i++ {
		if apart := begun[i].Sub(begun[i-2]); apart < 990*time.Millisecond { // Observe is told a little later than it was
			t.Errorf("three contacts within %v", apart)
		}
	}
	if len(begun) < 3 {
		t.Errorf("%d contacts", len(begun))
	}
}

func hasCommit(refs git.Refs, c string) bool {
	got, ok := refs.Branch("main")
	return ok && got == c
}

func TestFailureIsReturnedAndNotKept(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	m := mirrors(t)
	s.Down(true)
	_, err := m.Refresh(context.Background(), at(repo), time.Now())
	wantKind(t, err, problem.Unavailable, "503", repo.URL)
	if _, ok := m.Known(repo.URL); ok {
		t.Error("a failed fetch left a snapshot")
	}
	s.Down(false)
	refresh(t, m, at(repo))
	s.Down(true)
	_, err = m.Refresh(context.Background(), at(repo), time.Now())
	wantKind(t, err, problem.Unavailable)
	if refs, ok := m.Known(repo.URL); !ok || !hasCommit(refs, repo.Head(t)) {
		t.Error("the last snapshot was lost by a failed fetch")
	}
	if got := files(t, m, at(repo), "main"); got["f"] != "1" {
		t.Error("the last commit must stay readable while the server is down")
	}
	s.Down(false)
	refresh(t, m, at(repo))
	_, err = m.Refresh(context.Background(), git.Repository{URL: s.URL + "/none.git"}, time.Now())
	wantKind(t, err, problem.NotFound, s.URL+"/none.git")
	_, err = m.Refresh(context.Background(), git.Repository{URL: "http://127.0.0.1:1/none.git"}, time.Now())
	wantKind(t, err, problem.Unavailable, "refused")
}

func TestMirrorsSurviveARestart(t *testing.T) {
	s := gittest.New(t)
	s.RequireAuth("u", "p")
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	r := git.Repository{URL: repo.URL, Username: "u", Password: "p"}
	dir := t.TempDir()
	m, err := git.New(git.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	refresh(t, m, r)
	if _, err := git.New(git.Options{Dir: dir}); !problem.Is(err, problem.Conflict) {
		t.Errorf("a second process on the same directory: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	// What a kill -9 leaves behind.
	found, _ := filepath.Glob(filepath.Join(dir, "*.git"))
	for _, p := range []string{found[0] + "/refs/heads/main.lock", found[0] + "/packed-refs.lock", found[0] + "/HEAD.lock", found[0] + "/shallow.lock", dir + "/tmp-123", dir + "/tmp/auth-1"} {
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Down(true)
	m = mirrors(t, func(o *git.Options) { o.Dir = dir })
	if refs, ok := m.Known(repo.URL); !ok || !hasCommit(refs, repo.Head(t)) {
		t.Error("the snapshot did not survive")
	}
	if got := files(t, m, r, "main"); got["f"] != "1" {
		t.Errorf("with the server down after a restart: %v", got)
	}
	_, err = m.Commit(context.Background(), git.Repository{URL: repo.URL, Username: "u", Password: "wrong"}, "main")
	wantKind(t, err, problem.Unavailable)
	s.Down(false)
	before := s.Requests()
	refresh(t, m, r)
	if after := s.Requests(); after.Fetches != before.Fetches || after.Lists != before.Lists+1 {
		t.Errorf("the restart cost a fetch: %+v after %+v", after, before)
	}
	repo.Commit(t, map[string]string{"f": "2"}, "Second")
	refresh(t, m, r)
	if got := files(t, m, r, "main"); got["f"] != "2" {
		t.Errorf("after the restart: %v", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "tmp*", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestManyFilesAreQuick(t *testing.T) {
	many := map[string]string{}
	for i := range 1000 {
		many[fmt.Sprintf("apps/app-%03d/dir-%d/f.yaml", i, i%7)] = fmt.Sprint(i)
	}
	repo := gittest.New(t).Repo(t, "many", many)
	m := mirrors(t)
	refresh(t, m, at(repo))
	if diff := cmp.Diff(many, files(t, m, at(repo), "main")); diff != "" {
		t.Error(diff)
	}
}
