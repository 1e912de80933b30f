package catalog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

// book is a ledger of Applications whose versions count up.
type book struct {
	*ledger[*v1alpha1.Application]
	version int
}

func newBook() *book { return &book{ledger: newLedger[*v1alpha1.Application]()} }

func (b *book) write(name, uid string) *v1alpha1.Application {
	b.version++
	app := &v1alpha1.Application{}
	app.Namespace, app.Name, app.UID, app.ResourceVersion = "argocd", name, types.UID(uid), strconv.Itoa(b.version)
	b.put(app, nil, deadApplication)
	return app
}

func (b *book) drop(name string) {
	b.version++
	b.remove(types.NamespacedName{Namespace: "argocd", Name: name}, func(app *v1alpha1.Application) *v1alpha1.Application {
		return deadApplication(app, strconv.Itoa(b.version))
	})
}

// told is what a watcher has not been told yet, as text; nothing when there is nothing.
func told(t *testing.T, w *Watcher[*v1alpha1.Application]) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	events, err := w.Next(ctx)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	var list []string
	for _, e := range events {
		list = append(list, fmt.Sprintf("%s %s/%s@%s", e.Type, e.Object.Name, e.Object.UID, e.Object.ResourceVersion))
	}
	return strings.Join(list, ", ")
}

func TestWatchTellsWhatExistsThenEveryChangeInOrder(t *testing.T) {
	b := newBook()
	b.write("b", "1") // 1
	b.write("a", "2") // 2
	w := b.watch("")
	defer w.Close()
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "ADDED a/2@2, ADDED b/1@1"},
		{func() {}, ""},
		{func() { b.write("a", "2"); b.write("c", "3") }, "MODIFIED a/2@3, ADDED c/3@4"},
		{func() { b.write("b", "1"); b.write("a", "2"); b.write("b", "1") }, "MODIFIED a/2@6, MODIFIED b/1@7"}, // once, as it is now
		{func() { b.drop("a"); b.write("b", "1") }, "DELETED a/2@8, MODIFIED b/1@9"},
		{func() { b.drop("b"); b.write("b", "4") }, "DELETED b/1@10, ADDED b/4@11"},
		{func() { b.write("c", "5") }, "DELETED c/3@12, ADDED c/5@12"}, // made anew, and the deletion was not told
		{func() { b.write("d", "6"); b.drop("d") }, "DELETED d/6@14"},
		{func() { b.drop("nothing") }, ""},
	} {
		step.do()
		if got := told(t, w); got != step.want {
			t.Errorf("got  %q\nwant %q", got, step.want)
		}
	}
}

func TestWatchFromAVersionMissesNothing(t *testing.T) {
	b := newBook()
	b.write("a", "1") // 1
	b.write("b", "2") // 2
	b.write("c", "3") // 3
	b.write("b", "2") // 4
	b.drop("a")       // 5
	b.write("e", "9") // 6
	for version, want := range map[string]string{
		"2": "ADDED c/3@3, MODIFIED b/2@4, DELETED a/1@5, ADDED e/9@6",
		"4": "DELETED a/1@5, ADDED e/9@6",
		"6": "",
		// what cannot be compared is told whole
		"yesterday": "ADDED c/3@3, ADDED b/2@4, DELETED a/1@5, ADDED e/9@6",
	} {
		w := b.watch(version)
		if got := told(t, w); got != want {
			t.Errorf("from %s: got %q, want %q", version, got, want)
		}
		w.Close()
	}
	w := b.watch("6")
	b.write("c", "3")
	if got := told(t, w); got != "MODIFIED c/3@7" {
		t.Errorf("and on: %q", got)
	}
}

// A stalled watcher costs the same whatever happens meanwhile, and is told at last what is true then.
func TestSlowWatcherCostsNothingAndIsToldWhatIsTrue(t *testing.T) {
	b := newBook()
	slow := b.watch("")
	defer slow.Close()
	for i := range 10_000 {
		b.write("a"+strconv.Itoa(i%10), "1")
		b.write("short", strconv.Itoa(i))
		b.drop("short")
	}
	entries := 0
	for e := b.head.next; e != &b.head; e = e.next {
		entries++
	}
	if entries != 11 { // ten that live and one that does not
		t.Errorf("%d entries are kept", entries)
	}
	events, err := slow.Next(t.Context())
	if err != nil || len(events) != 11 {
		t.Errorf("told %d, %v", len(events), err)
	}
}

func TestDeletionsAreKeptForThoseWhoWatch(t *testing.T) {
	b := newBook()
	for i := range 3 * keptGraves {
		b.write("n"+strconv.Itoa(i), strconv.Itoa(i))
	}
	late := b.watch("")
	if _, err := late.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * keptGraves {
		b.drop("n" + strconv.Itoa(i))
	}
	events, err := late.Next(t.Context())
	if err != nil || len(events) != 3*keptGraves || events[0].Type != Deleted {
		t.Fatalf("told %d, %v", len(events), err)
	}
	b.write("x", "x")
	b.drop("x") // nobody needs the others any more
	if len(b.graves) != keptGraves {
		t.Errorf("%d are kept", len(b.graves))
	}
	// and one that is too far behind is told so, not less
	_, _ = late.Next(t.Context())
	for i := range maxGraves + 1 {
		b.write("m"+strconv.Itoa(i), strconv.Itoa(i))
		b.drop("m" + strconv.Itoa(i))
	}
	if _, err := late.Next(t.Context()); !problem.Is(err, problem.Limit) {
		t.Errorf("too far behind: %v", err)
	}
	late.Close()
	b.close()
	if _, err := b.watch(strconv.Itoa(b.version)).Next(t.Context()); err == nil {
		t.Error("a closed ledger answers")
	}
}

// Two hundred watchers of a changing catalog all end with the truth, in order, whatever their speed.
func TestTwoHundredWatchersAgree(t *testing.T) {
	const watchers, writes = 200, 2_000
	b := newBook()
	var wait sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var told atomic.Int64
	for i := range watchers {
		w := b.watch("")
		wait.Go(func() {
			defer w.Close()
			known, last := map[string]string{}, 0
			for known["end"] == "" {
				events, err := w.Next(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				told.Add(int64(len(events)))
				for _, e := range events {
					version, _ := strconv.Atoi(e.Object.ResourceVersion)
					_, had := known[e.Object.Name]
					switch {
					case version < last:
						t.Errorf("%d after %d", version, last)
					case e.Type == Added && had, e.Type == Modified && !had:
						t.Errorf("%s of %s, known %v", e.Type, e.Object.Name, had)
					case e.Type == Deleted:
						delete(known, e.Object.Name)
					default:
						known[e.Object.Name] = e.Object.ResourceVersion
					}
					last = version
				}
				if i%3 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			delete(known, "end")
			for _, app := range b.list() {
				if app.Name != "end" && known[app.Name] != app.ResourceVersion {
					t.Errorf("%s is known at %s, and is at %s", app.Name, known[app.Name], app.ResourceVersion)
				}
				delete(known, app.Name)
			}
			if len(known) > 0 {
				t.Errorf("known and gone: %v", known)
			}
		})
	}
	for i := range writes {
		name := strconv.Itoa(rand.IntN(50))
		if i%7 == 0 {
			b.drop(name)
		} else {
			b.write(name, name)
		}
	}
	b.write("end", "end")
	wait.Wait()
	t.Logf("%d changes, %d watchers, %d events told", writes, watchers, told.Load())
}

func TestListIsSortedAndShared(t *testing.T) {
	b := newBook()
	var want []string
	for range 500 {
		name := strconv.Itoa(rand.IntN(200))
		if rand.IntN(3) == 0 {
			b.drop(name)
			want = slices.DeleteFunc(want, func(s string) bool { return s == name })
		} else {
			b.write(name, name)
			if !slices.Contains(want, name) {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		list := b.list()
		got := make([]string, len(list))
		for i, app := range list {
			got[i] = app.Name
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
	}
	before := b.list()
	first := before[0]
	if again := b.list(); &again[0] != &before[0] {
		t.Error("the list was made twice")
	}
	b.write(first.Name, string(first.UID))
	if before[0] != first || b.list()[0] == first {
		t.Error("a list that was given out changed, or a new one did not")
	}
}

func bookOf(n int) *book {
	b := newBook()
	for i := range n {
		b.write(fmt.Sprintf("app-%05d", i), strconv.Itoa(i))
	}
	b.list()
	return b
}

// BenchmarkList lists 10,000 applications, one of which has changed since.
func BenchmarkList(b *testing.B) {
	l := bookOf(10_000)
	for i := 0; b.Loop(); i++ {
		l.write(fmt.Sprintf("app-%05d", i%10_000), strconv.Itoa(i%10_000))
		if len(l.list()) != 10_000 {
			b.Fatal("wrong")
		}
	}
}

// BenchmarkListUnchanged lists them when nothing has.
func BenchmarkListUnchanged(b *testing.B) {
	l := bookOf(10_000)
	for b.Loop() {
		if len(l.list()) != 10_000 {
			b.Fatal("wrong")
		}
	}
}

// BenchmarkFanOut is one change of 10,000 applications, told to 200 watchers.
func BenchmarkFanOut(b *testing.B) {
	l := bookOf(10_000)
	var wait sync.WaitGroup
	for range 200 {
		w := l.watch(strconv.Itoa(l.version))
		wait.Go(func() {
			for {
				if _, err := w.Next(context.Background()); err != nil {
					return
				}
			}
		})
	}
	for i := 0; b.Loop(); i++ {
		l.write(fmt.Sprintf("app-%05d", i%10_000), strconv.Itoa(i%10_000))
	}
	l.close()
	wait.Wait()
}
