package git_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/problem"
)

func TestLog(t *testing.T) {
	s := gittest.New(t)
	repo := s.Repo(t, "apps", map[string]string{"web/a.yaml": "1", "*/odd": "1"})
	first := repo.Head(t)
	commits := map[string]string{}
	for i, c := range []struct{ message, path string }{{"web", "web/a.yaml"}, {"shop", "shop/a.yaml"}, {"web again", "web/b.yaml"}, {"a star", "*/odd"}} {
		commits[c.message] = repo.Commit(t, map[string]string{c.path: strings.Repeat("x", i+2)}, c.message)
	}
	m, r := mirrors(t), at(repo)
	refresh(t, m, r)
	log := func(from, to string, limit int, paths ...string) (list []string, more bool) {
		t.Helper()
		revisions, more, err := m.Log(context.Background(), r, from, to, paths, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, rev := range revisions {
			list = append(list, rev.Message)
		}
		return list, more
	}
	head := commits["a star"]
	for _, c := range []struct {
		name     string
		from, to string
		paths    []string
		limit    int
		want     []string
		more     bool
	}{
		{"all", first, head, nil, 10, []string{"a star", "web again", "shop", "web"}, false},
		{"of a folder", first, head, []string{"web"}, 10, []string{"web again", "web"}, false},
		{"of a file", first, head, []string{"web/a.yaml"}, 10, []string{"web"}, false},
		{"a star is no pattern", first, head, []string{"*"}, 10, []string{"a star"}, false},
		{"no more than asked for", first, head, nil, 2, []string{"a star", "web again"}, true},
		{"backwards", head, first, nil, 10, nil, false},
	} {
		got, more := log(c.from, c.to, c.limit, c.paths...)
		if d := cmp.Diff(c.want, got); d != "" || more != c.more {
			t.Errorf("%s: more is %v; -want +got\n%s", c.name, more, d)
		}
	}
	for _, bad := range []string{"--all", "main", strings.Repeat("0", 39)} {
		if _, _, err := m.Log(context.Background(), r, first, bad, nil, 1); !problem.Is(err, problem.Invalid) {
			t.Errorf("to %q: %v", bad, err)
		}
		if _, _, err := m.Log(context.Background(), git.Repository(r), bad, head, nil, 1); !problem.Is(err, problem.Invalid) {
			t.Errorf("from %q: %v", bad, err)
		}
	}
}
