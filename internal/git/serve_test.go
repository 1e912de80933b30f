package git_test

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/gittest"
)

// run runs the real git as a person does, in a clone.
func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func TestPeopleCloneAndPush(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "team/apps", map[string]string{"f": "1"})
	var pushed []string
	s.AfterPush(func(name string) { pushed = append(pushed, name) })
	hook := filepath.Join(repo.Dir, "hooks")
	if err := os.MkdirAll(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hook, "pre-receive"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run(t, dir, "clone", "-q", repo.URL, "work")
	work := filepath.Join(dir, "work")
	noise := make([]byte, 2<<20) // incompressible and over 1 MiB: git sends it in chunks
	rand.Read(noise)
	if err := os.WriteFile(filepath.Join(work, "big"), []byte(hex.EncodeToString(noise)), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, work, "add", ".")
	run(t, work, "commit", "-q", "-m", "Big")
	run(t, work, "push", "-q", "origin", "HEAD:main")
	if diff := cmp.Diff([]string{"team/apps"}, pushed); diff != "" {
		t.Error(diff)
	}
	m := mirrors(t)
	refresh(t, m, at(repo))
	if got := files(t, m, at(repo), "main"); len(got["big"]) != 4<<20 {
		t.Error("the push did not arrive")
	}
	for path, want := range map[string]int{"/team/apps/info/refs?service=git-upload-pack": 200, "/team/apps.git/info/refs?service=git-upload-pack": 200, "/team/apps.git/HEAD": 404, "/team/apps.git/config": 404, "/none.git/info/refs?service=git-upload-pack": 404, "/../x.git/info/refs": 404, "/": 404} {
		res, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
}
