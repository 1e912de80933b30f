package gittest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/gittest"
)

// paths returns the files at a commit with their modes.
func paths(t *testing.T, r *gittest.Repo, commit string) []string {
	t.Helper()
	var list []string
	for line := range strings.Lines(r.Git(t, "ls-tree", "-r", commit)) {
		mode, path, _ := strings.Cut(strings.TrimSpace(line), "\t")
		list = append(list, strings.Fields(mode)[0]+" "+path)
	}
	return list
}

func TestHistoryIsMadeAsAsked(t *testing.T) {
	s := gittest.New(t)
	r := s.Archive(t, "apps", "Add the app\n-- a/f.yaml --\nx\n-- b.yaml --\ny\n")
	first := r.Head(t)
	if got := r.Git(t, "show", "-s", "--format=%s|%an|%P", first); got != "Add the app|Test Person|" {
		t.Error(got)
	}
	second := r.Commit(t, map[string]string{"a": "", "run.sh": gittest.Executable + "#!/bin/sh\n", "link": gittest.Link + "b.yaml", "sp ace \"q\"": "z", "sub": gittest.Submodule + first}, "Change\n\nbody")
	if diff := cmp.Diff([]string{"100644 b.yaml", "120000 link", "100755 run.sh", `100644 "sp ace \"q\""`, "160000 sub"}, paths(t, r, second)); diff != "" {
		t.Error(diff)
	}
	if got := r.Git(t, "rev-parse", second+"~1"); got != first {
		t.Error("the parent is", got)
	}

	revert := r.Revert(t)
	if r.Git(t, "rev-parse", revert+"^{tree}") != r.Git(t, "rev-parse", first+"^{tree}") || r.Git(t, "rev-parse", revert+"~1") != second {
		t.Error("the revert is not one")
	}
	r.Branch(t, "feature")
	other := r.Commit(t, map[string]string{"c": "c"}, "On a branch")
	if r.Git(t, "rev-parse", "main") != revert || r.Git(t, "rev-parse", "feature") != other || r.Git(t, "rev-parse", other+"~1") != revert {
		t.Error("branches")
	}
	r.Branch(t, "main")
	r.Delete(t, "feature")
	r.Reset(t, first)
	if r.Head(t) != first {
		t.Error("reset")
	}
	if diff := cmp.Diff([]string{"100644 only"}, paths(t, r, r.Replace(t, map[string]string{"only": "1"}, "All new"))); diff != "" {
		t.Error(diff)
	}
	forced := r.ForcePush(t, map[string]string{"f": "1"}, "New history")
	if got := r.Git(t, "rev-list", "--count", forced); got != "1" || r.Head(t) != forced {
		t.Error("the force push has", got, "commits")
	}
	r.Tag(t, "v1", forced)
	r.AnnotatedTag(t, "v2", forced, "two")
	if got := r.Git(t, "cat-file", "-t", "v1") + r.Git(t, "cat-file", "-t", "v2"); got != "committag" {
		t.Error(got)
	}
	if got := r.Git(t, "for-each-ref", "--format=%(refname)"); got != "refs/heads/main\nrefs/tags/v1\nrefs/tags/v2" {
		t.Error(got)
	}
}

func BenchmarkCommit(b *testing.B) {
	r := gittest.New(b).Repo(b, "a", nil)
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("d%d/f%d", i%50, i)] = fmt.Sprint(i)
	}
	n := 0
	for b.Loop() {
		n++
		files["n"] = fmt.Sprint(n)
		r.Commit(b, files, "Next")
	}
}
