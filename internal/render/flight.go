package render

import (
	"context"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// flights lets equal requests share one render, and so many renders run at a time as there are slots. Unlike a plain
// singleflight the work is nobody's own once it has begun: a caller that gives up leaves it running, for the others and
// for the cache. Until its turn comes it is theirs: what nobody wants any more never begins.
type flights struct {
	slots   chan struct{}
	mu      sync.Mutex
	flying  map[string]*flight // and those that wait for a slot
	waiting int
}

type flight struct {
	waiters  int
	begun    bool
	unwanted chan struct{} // closed when nobody waits for it and it has not begun
	late     chan struct{} // closed when it has taken all the time that it may
	done     chan struct{}
	entry    *entry
	err      error
}

// do runs work when its turn has come, or waits for the run of it that is under way; shared says which.
func (g *flights) do(ctx context.Context, key string, timeout time.Duration, work func(context.Context) (*entry, error)) (e *entry, shared bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, gaveUp(err)
	}
	f, shared := g.join(key, timeout, work)
	defer g.leave(key, f)
	select {
	case <-f.done:
		return f.entry, shared, f.err
	case <-f.late:
		select {
		case <-f.done:
			return f.entry, shared, f.err
		default:
			return nil, shared, gaveUp(context.DeadlineExceeded)
		}
	case <-ctx.Done():
		return nil, shared, gaveUp(ctx.Err())
	}
}

func (g *flights) join(key string, timeout time.Duration, work func(context.Context) (*entry, error)) (f *flight, shared bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f, shared = g.flying[key]; shared {
		f.waiters++
		return f, true
	}
	f = &flight{waiters: 1, unwanted: make(chan struct{}), late: make(chan struct{}), done: make(chan struct{})}
	if g.flying == nil {
		g.flying = map[string]*flight{}
	}
	g.flying[key] = f
	g.waiting++
	go func() {
		if g.begin(f) {
			g.run(key, f, timeout, work)
		}
	}()
	return f, false
}

// leave is for a caller that no longer waits.
func (g *flights) leave(key string, f *flight) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.waiters--; f.waiters == 0 && !f.begun {
		delete(g.flying, key)
		close(f.unwanted)
	}
}

// begin waits for a slot; false: meanwhile nobody wants it any more.
func (g *flights) begin(f *flight) bool {
	taken := false
	select {
	case g.slots <- struct{}{}:
		taken = true
	case <-f.unwanted:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting--
	if f.begun = f.waiters > 0; !f.begun && taken {
		<-g.slots
	}
	return f.begun
}

// run does the work. Whether it ends or not, its slot is free when its time is over.
func (g *flights) run(key string, f *flight, timeout time.Duration, work func(context.Context) (*entry, error)) {
	limit, cancel := context.WithTimeout(context.Background(), timeout) //nolint:forbidigo // the work is nobody's own: see flights
	defer cancel()
	free := sync.OnceFunc(func() { <-g.slots })
	defer free()
	defer context.AfterFunc(limit, func() {
		free()
		close(f.late)
	})()
	f.entry, f.err = work(limit)
	g.mu.Lock()
	delete(g.flying, key)
	g.mu.Unlock()
	close(f.done)
}

// use returns how many renders run, and how many wait for a slot.
func (g *flights) use() (running, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.slots), g.waiting
}

func gaveUp(err error) error {
	return problem.Because(problem.Limit, err, "the render was not done in time").
		WithHint("look for a template or program that runs for ever, or raise the time limit")
}
