package cluster

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
)

// The pulse's times. A dead server is noticed at once when it closes its connections, and within beatEvery+beatTimeout
// when it just falls silent.
const (
	beatEvery   = 5 * time.Second
	beatTimeout = 5 * time.Second
	beatDead    = time.Second     // between questions to a server that does not answer, at first
	beatDeadCap = 5 * time.Second // and later, so that its return is noticed within seconds
	beatDoubts  = 3               // so many refusals in a row (429, 500) are taken for overload: it is there, and answers
)

// pulse knows whether the API server answers. It alone talks to a dead server: everything else waits for it, so that
// a cluster that comes back is not met by a hundred watches at once, and none of them sleeps through it.
type pulse struct {
	probe   func(ctx context.Context, alive bool) error
	changed func() // called after each change, without locks

	mu      sync.Mutex
	alive   bool
	err     error
	since   time.Time
	at      time.Time     // of the last question
	losses  int           // how often the connection was lost: what was read before a loss may be stale
	up      chan struct{} // closed while alive
	beaten  chan struct{} // closed after the next beat
	suspect chan struct{}
}

// newPulse returns a pulse. returned is asked before the server counts as back (or there for the first time).
func newPulse(client rest.Interface, returned func(context.Context) error, changed func()) *pulse {
	probe := func(ctx context.Context, alive bool) error {
		path := "/version" // the cheapest answer there is
		if !alive {
			path = "/readyz" // a server that is still loading its CRDs would deny that their kinds exist
		}
		var code int
		err := client.Get().AbsPath(path).MaxRetries(0).Do(ctx).StatusCode(&code).Error()
		if code == 403 || code == 404 {
			err = nil // it answers; it just does not tell
		}
		if err == nil && !alive {
			err = returned(ctx)
		}
		return err
	}
	return &pulse{probe: probe, changed: changed, since: time.Now(), up: make(chan struct{}), beaten: make(chan struct{}), suspect: make(chan struct{}, 1)}
}

// run asks until ctx ends.
func (p *pulse) run(ctx context.Context) {
	doubts, dead := 0, newDead()
	for alive := false; ; {
		beat, cancel := context.WithTimeout(ctx, beatTimeout)
		err := p.probe(beat, alive)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if doubts++; err == nil {
			doubts = 0
		} else if alive && fromServer(err) && doubts <= beatDoubts {
			err = nil
		}
		every := wait.Jitter(beatEvery, 0.2)
		if alive = p.set(err); alive {
			dead = newDead()
		} else {
			every = dead.Step()
		}
		timer := time.NewTimer(every)
		select {
		case <-ctx.Done():
		case <-p.suspect:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func newDead() *wait.Backoff {
	return &wait.Backoff{Duration: beatDead, Factor: 1.3, Jitter: 0.2, Steps: 30, Cap: beatDeadCap}
}

func (p *pulse) set(err error) (alive bool) {
	p.mu.Lock()
	was := p.alive
	p.alive, p.err, p.at = err == nil, steady(err), time.Now()
	if p.alive != was {
		p.since = time.Now()
		if p.alive {
			close(p.up)
		} else {
			p.losses++
			p.up = make(chan struct{})
		}
	}
	alive = p.alive
	close(p.beaten)
	p.beaten = make(chan struct{})
	p.mu.Unlock()
	if alive != was {
		p.changed()
	}
	return alive
}

// steady is err without what is another each time it happens: what was asked, and the ports that a connection leaves from.
// What says the same is to read the same, or every status that quotes it is written anew. Of a server that is not ready it
// says what is not.
func steady(err error) error {
	if err == nil {
		return nil
	}
	inner := err
	var asked *url.Error
	if errors.As(err, &asked) {
		inner = asked.Err
	}
	text := leaves.ReplaceAllString(inner.Error(), "$1 tcp $2")
	if failed := unready.FindAllStringSubmatch(text, -1); len(failed) > 0 {
		text = "it is not ready:"
		for _, f := range failed {
			text += " " + f[1]
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		text = "no answer within " + beatTimeout.String()
	}
	return steadied{clipped(text), err}
}

func clipped(text string) string {
	const most = 500
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

var (
	leaves  = regexp.MustCompile(`\b(read|write|dial) tcp \S+->(\S+)`)
	unready = regexp.MustCompile(`\[-\](\S+) failed`)
)

type steadied struct {
	text string
	err  error
}

func (s steadied) Error() string { return s.text }
func (s steadied) Unwrap() error { return s.err }

// lastAsked is when the server was asked last, whatever it answered.
func (p *pulse) lastAsked() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// ask has the server asked now, because somebody's connection broke, and returns whether it answered.
func (p *pulse) ask(ctx context.Context) bool {
	p.mu.Lock()
	beaten := p.beaten
	p.mu.Unlock()
	select {
	case p.suspect <- struct{}{}:
	default:
	}
	select {
	case <-beaten:
	case <-ctx.Done():
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alive
}

// wait blocks while the server is dead; false when ctx ended.
func (p *pulse) wait(ctx context.Context) bool {
	p.mu.Lock()
	up := p.up
	p.mu.Unlock()
	select {
	case <-up:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (p *pulse) state() (alive bool, losses int, since time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alive, p.losses, p.since, p.err
}
