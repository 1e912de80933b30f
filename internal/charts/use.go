package charts

import (
	"context"
	"io"
	"sync"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Use is what the cache holds and does at a moment, beside the bounds of it.
type Use struct {
	DiskBytes, DiskLimit     int64 // archives, manifests and indexes
	MemoryBytes, MemoryLimit int64 // unpacked archives
	Unpacked                 int   // how many

	Answers, AnswersLimit                int // indexes, manifests and lists of tags that are remembered
	Requests, RequestsLimit, RequestsDue int // under way, and waiting for their turn
}

// Use returns the present use.
func (c *Charts) Use() Use {
	u := Use{
		DiskLimit: c.disk.bound, MemoryLimit: c.trees.max, AnswersLimit: 3 * maxAnswers,
		Answers:  c.indexes.count() + c.manifests.count() + c.tags.count(),
		Requests: len(c.busy), RequestsLimit: cap(c.busy), RequestsDue: int(c.waiting.Load()),
	}
	c.disk.mu.Lock()
	u.DiskBytes = c.disk.size
	c.disk.mu.Unlock()
	c.trees.mu.Lock()
	u.MemoryBytes, u.Unpacked = c.trees.size, len(c.trees.items)
	c.trees.mu.Unlock()
	return u
}

func (m *memo[T]) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.answers)
}

// turn waits until one more request may be under way; done ends it, and may be called again.
func (c *Charts) turn(ctx context.Context, doing string) (done func(), err error) {
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	select {
	case c.busy <- struct{}{}:
		return sync.OnceFunc(func() { <-c.busy }), nil
	case <-ctx.Done():
		return nil, problem.New(problem.Unavailable, "%s: gave up waiting for other requests: %v", doing, ctx.Err())
	}
}

// counted is a body whose end is the end of its request.
type counted struct {
	io.ReadCloser
	done func()
}

// Close closes the body.
func (b *counted) Close() error {
	b.done()
	return b.ReadCloser.Close()
}
