package cluster

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Use is what an open cluster holds and does at a moment, beside what State says of it.
type Use struct {
	Waiting int       // objects whose change has not been told yet; at most as many as there are or were just deleted
	Since   time.Time // since when the oldest waits; zero when none does
	Joined  uint64    // changes that were told together with one before them, since the start
	Pinned  int       // objects that are kept whole for applications that have not marked them; at most as many as there are

	Asking            int // requests that have no answer yet; each look has some at most
	Watches           int // open or being opened: one for each kind, or for each kind and namespace
	Lists, ListsLimit int // first lists that are being read; others wait
}

// Use returns the present use.
func (c *Cluster) Use() Use {
	u := Use{Pinned: int(c.pins.count.Load()), Asking: int(c.asking.Load()), Lists: len(c.fills), ListsLimit: cap(c.fills)}
	u.Waiting, u.Since, u.Joined = c.out.use()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sl := range c.slots {
		if u.Watches++; sl.next != nil {
			u.Watches++
		}
	}
	return u
}

// asking counts the requests of a connection that have no answer yet.
type asking struct {
	http.RoundTripper
	count *atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	a.count.Add(1)
	defer a.count.Add(-1)
	return a.RoundTripper.RoundTrip(r)
}

// WrappedRoundTripper is for client-go, which looks for the connection below.
func (a *asking) WrappedRoundTripper() http.RoundTripper { return a.RoundTripper }
