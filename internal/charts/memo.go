package charts

import (
	"context"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// failureShared is how long a failure answers those who ask for what is not newer than it: a hundred applications of one
// dead registry make one contact.
const failureShared = 5 * time.Second

// maxAnswers bounds what is remembered of one kind.
const maxAnswers = 4096

// memo asks once for all who want to know the same thing, and remembers the answer with the time it was asked at.
type memo[T any] struct {
	c       *Charts
	mu      sync.Mutex
	answers map[string]*answer[T]
}

// answer is the last good one, the last failure, and the question under way.
type answer[T any] struct {
	value  T
	known  bool
	at     time.Time // start of the contact that brought value
	err    error
	failed time.Time // start of the contact that brought err
	ended  time.Time
	flight *flight[T]
	used   time.Time
}

type flight[T any] struct {
	started time.Time
	done    chan struct{}
	value   T // valid once done
	err     error
}

func newMemo[T any](c *Charts) *memo[T] {
	return &memo[T]{c: c, answers: map[string]*answer[T]{}}
}

// get returns the answer for key that is of notBefore or later. ask gets the answer before it (known says if there is
// one) and runs in nobody's time but its own; its error is what those who waited get, and what was known stays: only
// who is turned away loses it.
func (m *memo[T]) get(ctx context.Context, key string, notBefore time.Time, ask func(ctx context.Context, last T, known bool) (T, error)) (zero T, err error) {
	if now := time.Now(); notBefore.After(now) { // a clock that jumped must not make us ask for ever
		notBefore = now
	}
	for {
		m.mu.Lock()
		a := m.answers[key]
		if a == nil {
			m.makeRoom()
			a = &answer[T]{}
			m.answers[key] = a
		}
		a.used = time.Now()
		if a.known && !a.at.Before(notBefore) {
			m.mu.Unlock()
			return a.value, nil
		}
		if a.err != nil && !a.failed.Before(notBefore) && time.Since(a.ended) < failureShared {
			m.mu.Unlock()
			return zero, a.err
		}
		f := a.flight
		if f == nil {
			f = m.launch(a, ask)
		}
		mine := !f.started.Before(notBefore)
		m.mu.Unlock()
		select {
		case <-f.done:
		case <-ctx.Done():
			return zero, problem.New(problem.Unavailable, "gave up waiting for the repository: %v", ctx.Err())
		}
		if mine {
			return f.value, f.err
		}
	}
}

// launch starts a contact. Under mu.
func (m *memo[T]) launch(a *answer[T], ask func(context.Context, T, bool) (T, error)) *flight[T] {
	f := &flight[T]{started: time.Now(), done: make(chan struct{})}
	a.flight = f
	last, known := a.value, a.known
	m.c.working.Add(1)
	go func() {
		defer m.c.working.Done()
		ctx, cancel := context.WithTimeout(m.c.ctx, m.c.options.Timeout)
		defer cancel()
		f.value, f.err = ask(ctx, last, known)
		m.mu.Lock()
		a.flight = nil
		if f.err == nil {
			a.value, a.known, a.at, a.err = f.value, true, f.started, nil
		} else {
			a.err, a.failed, a.ended = f.err, f.started, time.Now()
			if problem.Is(f.err, problem.Unauthenticated) || problem.Is(f.err, problem.Forbidden) {
				var none T
				a.value, a.known = none, false // denied now: what was read before is closed to these credentials, too
			}
		}
		m.mu.Unlock()
		close(f.done)
	}()
	return f
}

// makeRoom forgets what was not asked for the longest. Under mu.
func (m *memo[T]) makeRoom() {
	for len(m.answers) >= maxAnswers {
		oldest := ""
		for key, a := range m.answers {
			if a.flight == nil && (oldest == "" || a.used.Before(m.answers[oldest].used)) {
				oldest = key
			}
		}
		if oldest == "" {
			return
		}
		delete(m.answers, oldest)
	}
}
