package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"
)

// Budgets of failed logins in a window. The first is Argo CD's ARGOCD_SESSION_FAILURE_MAX_FAIL_COUNT; the source comes
// first everywhere, so that nobody can lock out others: a source that is out of its own budget adds to no other.
const (
	failureWindow = 300 * time.Second
	perPair       = 5    // of one account from one source
	perSource     = 30   // of all accounts from one source
	perAccount    = 100  // of one account from all sources; sources that logged in to it before are exempt
	perServer     = 1000 // of all accounts from all sources; they are exempt as well
)

const (
	flushEvery = time.Second     // at most so often the counters are written
	flushLimit = 5 * time.Second // longest time of one write
	settleWait = 2 * time.Second // longest wait of a refused login for its write
)

// attempt is one login, as the counters see it.
type attempt struct {
	cells []cell // pair, source, account, everything: perCounter cells each, the last has one
	known string // the pair, for the list of sources that are known
}

// attemptOf hashes with a key: who knew which accounts and sources share a counter could lock one out with another.
// Sources of IPv6 count by /64, which is what one subscriber has.
func attemptOf(key []byte, username string, source netip.Addr) attempt {
	source = source.Unmap().WithZone("")
	if source.Is6() {
		if p, err := source.Prefix(64); err == nil {
			source = p.Addr()
		}
	}
	from := source.String()
	var at attempt
	sum := func(what string, parts ...string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(what))
		for _, p := range parts {
			h.Write([]byte{0})
			h.Write([]byte(p))
		}
		return h.Sum(nil)
	}
	pair := sum("pair", username, from)
	for _, s := range [][]byte{pair, sum("source", from), sum("account", username)} {
		for row := range perCounter {
			at.cells = append(at.cells, cell(row*cellsInRow+int(binary.BigEndian.Uint16(s[2*row:]))%cellsInRow))
		}
	}
	at.cells = append(at.cells, cellOfAll)
	at.known = hashOf(string(pair))
	return at
}

func (at attempt) pair() []cell    { return at.cells[:perCounter] }
func (at attempt) source() []cell  { return at.cells[perCounter : 2*perCounter] }
func (at attempt) account() []cell { return at.cells[2*perCounter : 3*perCounter] }

// throttle counts failed logins. What stands in the Secret counts for every replica and survives a crash; what is not
// written yet is added to it.
type throttle struct {
	mu      sync.Mutex
	delta   failures // counted, and not written
	writing failures // on its way
	flight  *flight  // the next write, for which some wait
	last    time.Time
	turn    sync.Mutex // one write at a time
}

type flight struct{ done chan struct{} }

// admit reserves the attempt as a failure, or says for the audit log why it is not looked at.
func (t *throttle) admit(a *Auth, at attempt) string {
	now := a.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	view, err := t.view(a)
	if err != nil {
		return "the failures so far are unknown"
	}
	_, known := view.last(at.known, now)
	switch {
	case view.estimate(at.pair(), now) >= perPair:
		return "too many wrong passwords for this account from this address"
	case view.estimate(at.source(), now) >= perSource:
		return "too many wrong passwords from this address"
	case !known && view.estimate(at.account(), now) >= perAccount:
		return "too many wrong passwords for this account"
	case !known && view.estimate([]cell{cellOfAll}, now) >= perServer:
		return "too many wrong passwords"
	}
	t.delta.roll(now)
	t.delta.count(at.cells, 1)
	return ""
}

// refund takes back the reservation of an attempt that was not looked at.
func (t *throttle) refund(at attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.delta.count(at.cells, -1)
}

// succeeded takes back the reservation, forgets the pair's failures, and remembers the source.
func (t *throttle) succeeded(a *Auth, at attempt) {
	now := a.now()
	t.mu.Lock()
	t.delta.roll(now)
	t.delta.count(at.cells, -1)
	if view, err := t.view(a); err == nil {
		counted, before := view.least(at.pair(), epochOf(now))
		t.delta.count(at.pair(), -counted)
		change(&t.delta.before, at.pair(), -before)
		if days, _ := view.last(at.known, now); days >= 7 { // need not be written every day
			t.delta.learn(at.known, now)
		}
	}
	empty := t.delta.empty()
	t.mu.Unlock()
	if !empty {
		t.start(a)
	}
}

// view is everything that has been counted. t.mu is held, so that what has just been written is found either on its way
// or in the records: a state from before could have it in neither.
func (t *throttle) view(a *Auth) (view, error) {
	st, err := a.state()
	if err != nil {
		return nil, err
	}
	return view{st.failures(), &t.writing, &t.delta}, nil
}

// settle returns when what has been counted is written, or ctx or the patience ends: counted it is in any case.
func (t *throttle) settle(ctx context.Context, a *Auth) {
	f := t.start(a)
	timer := time.NewTimer(settleWait)
	defer timer.Stop()
	select {
	case <-f.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// start returns the next write. All that is counted until it begins is in it, so a flood costs one write a second.
func (t *throttle) start(a *Auth) *flight {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.flight == nil {
		t.flight = &flight{done: make(chan struct{})}
		go t.write(a, t.flight)
	}
	return t.flight
}

// write waits for its turn and writes once. It ends by itself within seconds: the caller's going away must not lose what
// was counted.
func (t *throttle) write(a *Auth, f *flight) {
	defer close(f.done)
	t.turn.Lock()
	defer t.turn.Unlock()
	if pause := time.Until(t.last.Add(flushEvery)); pause > 0 {
		time.Sleep(pause)
	}
	t.mu.Lock()
	t.writing, t.delta, t.flight = t.delta, failures{}, nil
	taken := t.writing
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), flushLimit) //nolint:forbidigo // the request that was refused may end first
	defer cancel()
	err := a.options.Records.Change(ctx, FailedLogins, func(data map[string][]byte) error {
		all := readFailures(data)
		all.add(&taken, a.now())
		all.write(data)
		return nil
	})
	t.last = time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writing = failures{}
	if err != nil { // kept for the next one; the API server is away, and so is everything that could be broken into
		taken.add(&t.delta, a.now())
		t.delta = taken
	}
}
