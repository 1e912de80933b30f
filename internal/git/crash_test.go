package git_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
)

// TestVictim is no test by itself: it is the process that TestKill9AtAnyMoment kills.
func TestVictim(t *testing.T) {
	dir, url := os.Getenv("HAWSER_TEST_VICTIM_DIR"), os.Getenv("HAWSER_TEST_VICTIM_URL")
	if dir == "" {
		t.Skip("run by TestKill9AtAnyMoment")
	}
	m, err := git.New(git.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := m.Refresh(context.Background(), git.Repository{URL: url}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKill9AtAnyMoment(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "0"})
	dir := t.TempDir()
	want := map[string]string{"f": "0"}
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	for i := range rounds {
		change := map[string]string{}
		for j := range 60 + i*4 { // small ones arrive as loose objects, big ones as packs
			change[fmt.Sprintf("d%d/f%d", j%7, j)] = fmt.Sprint(i, " ", j)
		}
		for k, v := range change {
			want[k] = v
		}
		repo.Commit(t, change, "Next")
		victim := exec.Command(os.Args[0], "-test.run=^TestVictim$")
		victim.Env = append(os.Environ(), "HAWSER_TEST_VICTIM_DIR="+dir, "HAWSER_TEST_VICTIM_URL="+repo.URL)
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(10+rand.IntN(150)) * time.Millisecond)
		_ = victim.Process.Kill()
		_ = victim.Wait()
	}
	m := mirrors(t, func(o *git.Options) { o.Dir = dir })
	refresh(t, m, at(repo))
	if diff := cmp.Diff(want, files(t, m, at(repo), "main")); diff != "" {
		t.Error(diff)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "tmp-*")); len(left) > 0 {
		t.Errorf("half clones left: %v", left)
	}
}

func TestLocksOfKilledGitProcesses(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	dir := t.TempDir()
	m := mirrors(t, func(o *git.Options) { o.Dir = dir })
	refresh(t, m, at(repo))
	for i, lock := range []string{"refs/heads/main.lock", "packed-refs.lock", "HEAD.lock", "config.lock"} {
		if err := os.WriteFile(filepath.Join(onDisk(t, dir), lock), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		repo.Branch(t, "temporary")
		repo.Branch(t, "main")
		repo.Commit(t, map[string]string{"f": fmt.Sprint(i)}, "Next")
		refresh(t, m, at(repo))
		repo.Delete(t, "temporary") // a deletion rewrites packed-refs
		refresh(t, m, at(repo))
		if got := files(t, m, at(repo), "main"); got["f"] != fmt.Sprint(i) {
			t.Errorf("%s: %v", lock, got)
		}
	}
}
