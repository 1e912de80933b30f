package server

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/problem"
)

// limits are what callers may cost us. The boundary asks for each request, so that no route can forget it; what goes
// beyond them is refused with 429 (the caller's own share is used up) or 503 (everybody's is) and Retry-After, before
// it has cost memory. The numbers are far above what people and pipelines need, and together they fit into some
// hundred megabytes.
//
// A stranger is who has not proved who they are: no token, a bad one, or anonymous access. Strangers are told apart by
// address, everybody else by name: many users may come from the address of one proxy.
type limits struct {
	strangers bounds // requests of strangers: per second and source; running, and the memory for their bodies, of all
	stranger  share  // of one source of strangers
	known     share  // of one user
	bytes     int64  // of memory for the bodies of all users
	lists     int    // methods that answer with many objects, of all callers at once
	streams   int    // of all callers

	patience time.Duration // for the body of a stranger
	pace     int64         // bytes each second that the body of a user must bring, after twice the patience
	taken    time.Duration // for a caller to take the next piece of an answer
	queue    time.Duration // for a turn to be answered with many objects
}

// share is what one caller may have at once.
type share struct {
	running int   // requests that are being answered, streams not counted
	streams int   // answers that go on
	lists   int   // answers with many objects
	bytes   int64 // of bodies
}

var defaultLimits = limits{
	strangers: bounds{rate: 100, burst: 500, sources: 4096, atOnce: 512, bytes: 32 << 20},
	stranger:  share{running: 128, streams: 100, lists: 4, bytes: 8 << 20},
	known:     share{running: 256, streams: 500, lists: 16, bytes: 128 << 20},
	bytes:     256 << 20,
	lists:     32,
	streams:   5000,
	patience:  5 * time.Second,
	pace:      16 << 10,
	taken:     30 * time.Second,
	queue:     10 * time.Second,
}

// crowd is who is being answered.
type crowd struct {
	limits
	strangers *gate
	lists     chan struct{}
	refused   *refusals
	awaiting  atomic.Int64 // turns of lists

	mu      sync.Mutex
	shares  map[string]*usage // of callers who are being answered
	streams int
	held    int64 // bytes of users' bodies
}

// usage is what one caller has now.
type usage struct {
	share
	requests int // that refer to this
	running  int
	streams  int
	held     int64
	lists    chan struct{}
}

func newCrowd(l limits) *crowd {
	return &crowd{limits: l, strangers: newGate(l.strangers), lists: make(chan struct{}, l.lists), refused: newRefusals(), shares: map[string]*usage{}}
}

// seat is what one request has taken, until leave gives it back.
type seat struct {
	*crowd
	caller   string
	usage    *usage
	stranger bool
	leaveAll func() // the strangers' gate
	stream   bool
	loose    bool // its body is not kept in memory
	held     int64
	turns    []chan struct{}
}

// uncounted reports whether a request costs next to nothing and must be answered whoever else is there, or has bounds
// of its own.
func uncounted(r *http.Request) bool {
	switch r.URL.Path {
	case "/", "/healthz", "/metrics", "/api/webhook", "/grpc.health.v1.Health/Check":
		return true
	}
	return false
}

// enter lets a request in, or says why not: an *httpFault.
func (h *crowd) enter(c *call, r *http.Request) (*seat, error) {
	s := &seat{crowd: h, stranger: c.refused != nil || !c.who.LoggedIn(), leaveAll: func() {}}
	if uncounted(r) {
		s.loose = true
		return s, nil
	}
	portion := h.known
	s.caller = "user " + c.who.Issuer() + " " + c.who.Subject()
	if s.stranger {
		portion = h.stranger
		s.caller = "source " + sourceKey(c.source).String()
		if !h.strangers.pass(c.source, time.Now()) {
			return nil, h.tooMany(byStrangerRate, "too many requests from this address by callers who are not logged in")
		}
		leave, ok := h.strangers.enter(0)
		if !ok {
			return nil, h.overloaded(byStrangers, "too many requests by callers who are not logged in")
		}
		s.leaveAll = leave
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.shares[s.caller]
	if u == nil {
		u = &usage{share: portion, lists: make(chan struct{}, portion.lists)}
		h.shares[s.caller] = u
	}
	if u.running >= u.share.running {
		s.leaveAll()
		return nil, h.tooMany(byCallersRequests, "%d requests of yours are being answered already", u.running)
	}
	u.requests, u.running, s.usage = u.requests+1, u.running+1, u
	return s, nil
}

// leave gives everything back.
func (s *seat) leave() {
	for _, turn := range s.turns {
		<-turn
	}
	s.leaveAll()
	if s.usage == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.give()
	s.usage.requests--
	if s.stream {
		s.usage.streams--
		s.crowd.streams--
	} else {
		s.usage.running--
	}
	if s.usage.requests == 0 {
		delete(s.shares, s.caller)
	}
}

// give frees the memory of the body; s.mu is held.
func (s *seat) give() {
	s.usage.held -= s.held
	if s.stranger {
		s.strangers.release(s.held)
	} else {
		s.crowd.held -= s.held
	}
	s.held = 0
}

// hold takes memory for n more bytes of the body.
func (s *seat) hold(n int64) error {
	if s.usage == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.loose:
		return nil
	case s.usage.held+n > s.usage.bytes:
		return s.tooMany(byCallersBodies, "the bodies of your requests take too much memory")
	case s.stranger && !s.strangers.reserve(n), !s.stranger && s.crowd.held+n > s.crowd.bytes:
		return s.overloaded(byBodies, "the bodies of requests take too much memory")
	}
	if !s.stranger {
		s.crowd.held += n
	}
	s.held, s.usage.held = s.held+n, s.usage.held+n
	return nil
}

// pour says that the body goes elsewhere as it comes, and is not kept.
func (s *seat) pour() {
	if s.usage == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loose = true
	s.give()
}

// startStream counts the request as a stream from now on.
func (s *seat) startStream() error {
	if s.usage == nil || s.stream {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.usage.streams >= s.usage.share.streams:
		return s.tooMany(byCallersStreams, "%d streams of yours are open already", s.usage.streams)
	case s.crowd.streams >= s.limits.streams:
		return s.overloaded(byStreams, "too many streams are open")
	}
	s.stream = true
	s.usage.streams, s.usage.running, s.crowd.streams = s.usage.streams+1, s.usage.running-1, s.crowd.streams+1
	return nil
}

// turn waits until the request may be answered with many objects: each such answer takes the memory of its text until
// the caller has taken it.
func (s *seat) turn(ctx context.Context) error {
	if s.usage == nil {
		return nil
	}
	s.awaiting.Add(1)
	defer s.awaiting.Add(-1)
	wait := time.NewTimer(s.queue)
	defer wait.Stop()
	for _, turns := range []chan struct{}{s.usage.lists, s.crowd.lists} { // one's own first: who asks for many waits for none but himself
		select {
		case turns <- struct{}{}:
			s.turns = append(s.turns, turns)
		case <-ctx.Done():
			return ctx.Err()
		case <-wait.C:
			if turns == s.usage.lists {
				return s.tooMany(byCallersLists, "%d lists are being sent to you already", cap(turns))
			}
			return s.overloaded(byLists, "too many lists are being sent")
		}
	}
	return nil
}

// retryAfter is in seconds.
const retryAfter = "1"

func (h *crowd) tooMany(by refusedBy, format string, args ...any) error {
	h.refused.add(by)
	return &httpFault{http.StatusTooManyRequests, problem.New(problem.Limit, format, args...).WithHint("try again in a moment")}
}

func (h *crowd) overloaded(by refusedBy, text string) error {
	h.refused.add(by)
	return &httpFault{http.StatusServiceUnavailable, problem.New(problem.Limit, "%s", text).WithHint("try again in a moment")}
}

// turnAway answers a request that was not let in.
func turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if isRPC(r) {
		_ = connect.NewErrorWriter().Write(w, r, rpcError(err))
		return
	}
	failWith(w, err)
}

// failWith answers with an error that may have a status of its own.
func failWith(w http.ResponseWriter, err error) {
	code := codeOf(err)
	status := statuses[code]
	var fault *httpFault
	if errors.As(err, &fault) {
		if status = fault.status; status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", retryAfter)
		}
	}
	answer(w, status, code, err.Error())
}

// sourceKey is the source that an address counts for: one customer owns a whole /64.
func sourceKey(a netip.Addr) netip.Addr {
	if a = a.Unmap(); a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().Addr()
	}
	return a
}
