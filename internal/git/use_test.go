package git_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/source"
)

// However many repositories are read one after the other, few processes wait for more to read; those that were used last
// stay, and what had its process ended is read all the same.
func TestIdleReadersAreBounded(t *testing.T) {
	m, err := git.New(git.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	m.KeepIdle(2)
	server := gittest.New(t)
	const repositories = 6
	var all []git.Repository
	for i := range repositories {
		files := map[string]string{"a.txt": strconv.Itoa(i), "b.txt": "b" + strconv.Itoa(i)}
		for n := range 150 * (i / (repositories - 1)) { // the last comes as a pack: git unpacks what is small
			files["more/"+strconv.Itoa(n)] = strconv.Itoa(n)
		}
		r := server.Repo(t, "r"+strconv.Itoa(i), files)
		all = append(all, git.Repository{URL: r.URL})
	}
	read := func(i int, file string) string {
		t.Helper()
		if _, err := m.Refresh(context.Background(), all[i], time.Time{}); err != nil {
			t.Fatal(err)
		}
		commit, err := m.Commit(context.Background(), all[i], "main")
		if err != nil {
			t.Fatal(err)
		}
		tree, err := m.Tree(context.Background(), all[i], commit)
		if err != nil {
			t.Fatal(err)
		}
		text, err := source.NewFS(tree, 0).ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for i := range repositories {
		if got := read(i, "a.txt"); got != strconv.Itoa(i) {
			t.Errorf("repository %d holds %q", i, got)
		}
		if u := m.Use(); u.Idle > 2 || u.Idle < 1 {
			t.Errorf("after repository %d, %d processes wait", i, u.Idle)
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for m.Use().Readers != 2 {
		if time.Now().After(deadline) {
			t.Fatalf("%d processes live, of which 2 should", m.Use().Readers)
		}
		time.Sleep(5 * time.Millisecond)
	}
	for i, x := range []int{repositories - 1, repositories - 2} {
		if m.IdleOf(all[x]) != 1 {
			t.Errorf("the process of the repository used %d before the last was ended", i)
		}
	}
	if got := read(0, "b.txt"); got != "b0" {
		t.Errorf("the repository whose process was ended holds %q", got)
	}
	u := m.Use() // it has looked at the disk once, and not again within a minute
	if u.Mirrors != 1 || u.Caches[0].Name != "folders" || u.Caches[0].Entries == 0 || u.Caches[0].Bytes <= 0 || u.Caches[0].Bytes > u.Caches[0].Limit {
		t.Errorf("%+v", u)
	}
	m.MeasureAgain()
	if u := m.Use(); u.Mirrors != repositories || u.MirrorBytes == 0 || u.Talking != 0 || u.TalkingWaiting != 0 {
		t.Errorf("%+v", u)
	}
}
