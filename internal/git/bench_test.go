package git_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/source"
)

// big is a repository of 5,000 files in 500 folders, as a platform team's monorepo has.
func big(b *testing.B) (repo *gittest.Repo, m *git.Mirrors, dir string) {
	b.Helper()
	files := map[string]string{}
	for i := range 5000 {
		files[fmt.Sprintf("apps/team-%02d/app-%d/f%d.yaml", i%25, i%500, i)] = fmt.Sprintf("kind: ConfigMap\ndata: {n: \"%d\"}\n", i)
	}
	repo = gittest.New(b).Repo(b, "big", files)
	dir = b.TempDir()
	m = mirrors(b, func(o *git.Options) { o.Dir = dir })
	refresh(b, m, at(repo))
	return repo, m, dir
}

func walk(b *testing.B, t source.Tree, read bool) (files int) {
	dirs := []string{"apps"}
	for len(dirs) > 0 {
		dir := dirs[len(dirs)-1]
		dirs = dirs[:len(dirs)-1]
		list, err := t.List(dir)
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range list {
			switch {
			case e.Mode == source.Folder:
				dirs = append(dirs, dir+"/"+e.Name)
			case read:
				if _, err := t.Read(dir+"/"+e.Name, 1<<20); err != nil {
					b.Fatal(err)
				}
				files++
			default:
				files++
			}
		}
	}
	return files
}

func BenchmarkList(b *testing.B) {
	all := b // what outlives one sub-benchmark
	repo, m, dir := big(b)
	c := repo.Head(b)
	tree := func(m *git.Mirrors) source.Tree {
		t, err := m.Tree(context.Background(), at(repo), c)
		if err != nil {
			b.Fatal(err)
		}
		return t
	}
	for _, read := range []bool{false, true} {
		b.Run(fmt.Sprintf("files=5000/read=%v/cold", read), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if err := m.Close(); err != nil {
					b.Fatal(err)
				}
				m = mirrors(all, func(o *git.Options) { o.Dir = dir })
				t := tree(m)
				b.StartTimer()
				if n := walk(b, t, read); n != 5000 {
					b.Fatal(n)
				}
			}
		})
		b.Run(fmt.Sprintf("files=5000/read=%v/warm", read), func(b *testing.B) {
			t := tree(m)
			walk(b, t, read)
			for b.Loop() {
				if n := walk(b, t, read); n != 5000 {
					b.Fatal(n)
				}
			}
		})
	}
}

func BenchmarkEntryWarm(b *testing.B) {
	repo, m, _ := big(b)
	t, err := m.Tree(context.Background(), at(repo), repo.Head(b))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := t.Entry("apps/team-07/app-7/f7.yaml"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	repo, m, _ := big(b)
	b.Run("nothing-new", func(b *testing.B) {
		for b.Loop() {
			refresh(b, m, at(repo))
		}
	})
	b.Run("one-file-pushed", func(b *testing.B) {
		i := 0
		for b.Loop() {
			b.StopTimer()
			i++
			repo.Commit(b, map[string]string{"apps/team-07/app-7/f7.yaml": fmt.Sprint(time.Now(), i)}, "Next")
			b.StartTimer()
			refresh(b, m, at(repo))
		}
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.Refresh(context.Background(), at(repo), time.Time{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCommit(b *testing.B) {
	repo, m, _ := big(b)
	for b.Loop() {
		commit(b, m, at(repo), "main")
	}
}
