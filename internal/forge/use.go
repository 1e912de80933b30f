package forge

import "context"

// Use is what a client holds and does at a moment, beside the bounds of it.
type Use struct {
	Bytes, BytesLimit                    int64 // answers that are remembered by their tag
	Answers                              int
	Requests, RequestsLimit, RequestsDue int // under way, and waiting for their turn
}

// Use returns the present use.
func (c *Client) Use() Use {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Use{Bytes: int64(c.size), BytesLimit: maxKept, Answers: len(c.answers), Requests: len(c.busy), RequestsLimit: cap(c.busy), RequestsDue: int(c.waiting.Load())}
}

// turn waits until one more request may be under way.
func (c *Client) turn(ctx context.Context) (done func(), err error) {
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	select {
	case c.busy <- struct{}{}:
		return func() { <-c.busy }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
