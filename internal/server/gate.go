package server

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// bounds are what strangers may cost us: deliveries of webhooks, and requests without an identity (limits).
type bounds struct {
	rate    float64 // per second and source
	burst   float64 // at once, per source: a mirror of a large organisation arrives behind one proxy
	sources int     // remembered; the one idle for longest is forgotten first
	atOnce  int     // being read
	bytes   int64   // of memory, for all that are being read
}

// defaultBounds are those of deliveries. One takes well under a millisecond, so the numbers are far above what any
// installation needs and far below what hurts.
var defaultBounds = bounds{rate: 200, burst: 1000, sources: 4096, atOnce: 64, bytes: 128 << 20}

// gate lets strangers in, so that overload is refused before it costs memory.
type gate struct {
	bounds
	mu      sync.Mutex
	inside  int
	held    int64
	recent  *list.List // of *bucket, the latest first
	buckets map[netip.Addr]*list.Element
}

// bucket holds what a source may still send now.
type bucket struct {
	source netip.Addr
	tokens float64
	filled time.Time
}

func newGate(b bounds) *gate {
	return &gate{bounds: b, recent: list.New(), buckets: map[netip.Addr]*list.Element{}}
}

// pass takes one token of the source; false: too many of late.
func (g *gate) pass(source netip.Addr, now time.Time) bool {
	source = sourceKey(source)
	g.mu.Lock()
	defer g.mu.Unlock()
	e, ok := g.buckets[source]
	if !ok {
		e = g.recent.PushFront(&bucket{source: source, tokens: g.burst, filled: now})
		g.buckets[source] = e
		if len(g.buckets) > g.sources {
			delete(g.buckets, g.recent.Remove(g.recent.Back()).(*bucket).source)
		}
	}
	g.recent.MoveToFront(e)
	b := e.Value.(*bucket)
	b.tokens = min(g.burst, b.tokens+now.Sub(b.filled).Seconds()*g.rate)
	b.filled = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// enter reserves memory for a body of at most size bytes; false: the house is full. A single body larger than all the
// memory is let in alone, or a setting above our bound would refuse everything.
func (g *gate) enter(size int64) (leave func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside >= g.atOnce || g.inside > 0 && g.held+size > g.bytes {
		return nil, false
	}
	g.inside, g.held = g.inside+1, g.held+size
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.inside, g.held = g.inside-1, g.held-size
	}, true
}

// reserve takes memory for n more bytes of somebody who has entered; false: there is none left.
func (g *gate) reserve(n int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held+n > g.bytes {
		return false
	}
	g.held += n
	return true
}

// release gives back what reserve took.
func (g *gate) release(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held -= n
}

// sourceOf is the address of who is connected. X-Forwarded-For is not believed: anybody can write it.
func sourceOf(remote string) netip.Addr {
	a, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().WithZone("")
}
