package render

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// A hundred renders that come at once run four at a time, and each of them gets done.
func TestRendersTakeTurns(t *testing.T) {
	g := &flights{slots: make(chan struct{}, 4)}
	var running, most, made atomic.Int64
	work := func(context.Context) (*entry, error) {
		most.Store(max(most.Load(), running.Add(1)))
		time.Sleep(time.Millisecond) // long enough for the others to get in, if they could
		running.Add(-1)
		made.Add(1)
		return &entry{}, nil
	}
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			if e, _, err := g.do(t.Context(), strconv.Itoa(i), time.Minute, work); e == nil || err != nil {
				t.Errorf("render %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if made.Load() != 100 || most.Load() > 4 {
		t.Errorf("%d renders were made, %d at a time", made.Load(), most.Load())
	}
	free(t, g)
}

// free waits until no render runs or waits.
func free(t *testing.T, g *flights) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for running, waiting := g.use(); running+waiting > 0; running, waiting = g.use() {
		if time.Now().After(deadline) {
			t.Fatalf("%d renders run and %d wait, for nobody", running, waiting)
		}
		time.Sleep(time.Millisecond)
	}
	if len(g.flying) > 0 {
		t.Errorf("%d flights are left", len(g.flying))
	}
}

// What nobody wants any more when its turn comes is not rendered; what somebody still wants is. One that has begun is
// finished for the cache, and one that does not end gives its slot back when its time is over.
func TestRendersThatNobodyWaitsFor(t *testing.T) {
	g := &flights{slots: make(chan struct{}, 1)}
	stuck, end := make(chan struct{}), make(chan struct{})
	begun := func(context.Context) (*entry, error) { close(stuck); <-end; return &entry{}, nil }
	hasty, giveUp := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, _, err := g.do(hasty, "stuck", time.Minute, begun); !problem.Is(err, problem.Limit) {
			t.Errorf("a caller that gives up gets %v", err)
		}
	})
	<-stuck
	var made sync.Map
	note := func(name string) func(context.Context) (*entry, error) {
		return func(context.Context) (*entry, error) { made.Store(name, true); return &entry{}, nil }
	}
	for range 3 {
		all.Go(func() { _, _, _ = g.do(hasty, "dropped", time.Minute, note("dropped")) })
		all.Go(func() { _, _, _ = g.do(hasty, "shared", time.Minute, note("shared")) })
	}
	waits := func(n int) {
		t.Helper()
		deadline := time.Now().Add(10 * time.Second)
		for {
			g.mu.Lock()
			got := 0
			for _, f := range g.flying {
				got += f.waiters
			}
			g.mu.Unlock()
			if got == n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d callers wait, not %d", got, n)
			}
			time.Sleep(time.Millisecond)
		}
	}
	waits(7)
	var patient sync.WaitGroup
	patient.Go(func() {
		if e, shared, err := g.do(t.Context(), "shared", time.Minute, note("shared")); e == nil || !shared || err != nil {
			t.Errorf("who goes on waiting gets %v, shared %v", err, shared)
		}
	})
	waits(8)
	giveUp()
	all.Wait()
	close(end)
	patient.Wait()
	free(t, g)
	if _, ok := made.Load("shared"); !ok {
		t.Error("what somebody waits for was not rendered")
	}
	if _, ok := made.Load("dropped"); ok {
		t.Error("what nobody waits for was rendered")
	}

	never := make(chan struct{})
	defer close(never)
	if _, _, err := g.do(t.Context(), "endless", 10*time.Millisecond, func(context.Context) (*entry, error) { <-never; return nil, nil }); !problem.Is(err, problem.Limit) {
		t.Errorf("one that does not end: %v", err)
	}
	if e, _, err := g.do(t.Context(), "next", time.Minute, note("next")); e == nil || err != nil {
		t.Errorf("after one that does not end: %v", err)
	}
}
