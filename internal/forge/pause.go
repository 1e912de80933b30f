package forge

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"net/http"
	"net/url"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// What failed is not asked again before a pause, which grows from one failure to the next and ends with the first success.
// A server that cannot be reached, or whose proxy says that it is down, has one pause for all that is asked of it; else it
// is the question that has one: a repository that breaks its forge holds up no other.
const (
	firstPause = 5 * time.Second
	longPause  = 5 * time.Minute
	maxPauses  = 10_000 // of which is remembered how they grew
)

// pause is what is remembered of something that failed.
type pause struct {
	failures int
	last     time.Time // when the last failure was
	until    time.Time
	wish     time.Time // until when the server wants to be left alone, whoever asks; zero when it says nothing
	kind     problem.Kind
	said     string // why, in words about no address
}

// Paused is why something was not asked for, or failed: it is asked again when somebody asks after Until.
type Paused struct {
	Until time.Time
	Err   error
}

func (p *Paused) Error() string { return p.Err.Error() }

// Unwrap returns the problem.
func (p *Paused) Unwrap() error { return p.Err }

// AskAgain returns when there is any sense in asking again after an error; ok is false when nothing is known about that.
func AskAgain(err error) (at time.Time, ok bool) {
	var p *Paused
	if !errors.As(err, &p) {
		return time.Time{}, false
	}
	return p.Until, true
}

type atOnce struct{}

// AtOnce makes questions that wait for no pause after failures: a person asks, or the service itself told of news. What a
// server says of when to come back is heeded all the same.
func AtOnce(ctx context.Context) context.Context { return context.WithValue(ctx, atOnce{}, true) }

func (s *session) hostScope() string { return s.base.Scheme + "://" + s.base.Host }

func (s *session) questionScope(method string, u *url.URL) string {
	return s.key + " " + method + " " + u.Path
}

// paused is why a request is not sent now; nil when it is.
func (s *session) paused(ctx context.Context, method string, u *url.URL) error {
	hurry := ctx.Value(atOnce{}) != nil
	now := s.client.Now()
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	for _, scope := range []string{s.hostScope(), s.questionScope(method, u)} {
		if p := s.client.pauses[scope]; p != nil && (now.Before(p.wish) || !hurry && now.Before(p.until)) {
			return s.pausedFault(u, *p)
		}
	}
	return nil
}

func (s *session) pausedFault(u *url.URL, p pause) error {
	return &Paused{Until: p.until, Err: s.fault(p.kind, u, "%s", p.said).WithHint("it is asked again at %s", p.until.UTC().Format(time.TimeOnly+"Z"))}
}

// settle notes how a request went, and tells of a failure when it is asked again.
func (s *session) settle(ctx context.Context, method string, u *url.URL, a answer, err error) error {
	question := s.questionScope(method, u)
	var p *problem.Error
	switch {
	case err == nil && a.status != http.StatusNoContent && !a.known && !json.Valid(a.body): // who reads it says so
		s.stumble(question, problem.Unavailable, "its answer is cut off, or not what it documents", time.Time{})
		return nil
	case err == nil:
		s.client.mu.Lock()
		defer s.client.mu.Unlock()
		delete(s.client.pauses, s.hostScope())
		delete(s.client.pauses, question)
		return nil
	case ctx.Err() != nil || !errors.As(err, &p):
		return err
	}
	if until, closed := s.client.isClosed(s.key); closed {
		return &Paused{Until: until, Err: err}
	}
	scope := question
	switch {
	case a.status == 0 && p.Kind == problem.Unavailable, a.status == http.StatusBadGateway, a.status == http.StatusServiceUnavailable, a.status == http.StatusGatewayTimeout:
		scope = s.hostScope()
	case p.Kind != problem.Unavailable && p.Kind != problem.Unauthenticated && p.Kind != problem.Forbidden && p.Kind != problem.Limit:
		return err // an answer like any other
	}
	until := s.stumble(scope, p.Kind, p.Text[min(len(p.Text), len(s.fault(p.Kind, u, "").Text)):], retryAfter(a.header, s.client.Now()))
	if until.IsZero() {
		return err
	}
	e := *p
	if e.Hint == "" || e.Hint == askedAgain {
		e.Hint = "it is asked again at " + until.UTC().Format(time.TimeOnly+"Z")
	}
	return &Paused{Until: until, Err: &e}
}

// stumble notes a failure, and returns until when the scope is not asked. Several that were under way together count as
// one. A server may ask for a longer pause.
func (s *session) stumble(scope string, kind problem.Kind, said string, wish time.Time) time.Time {
	now := s.client.Now()
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	p := s.client.pauses[scope]
	if p == nil {
		if len(s.client.pauses) >= maxPauses {
			clear(s.client.pauses) // they grow anew
		}
		p = &pause{}
		s.client.pauses[scope] = p
	}
	if !now.Before(p.until) {
		if now.Sub(p.last) > 2*longPause+maxPause {
			p.failures = 0
		}
		p.failures++
		p.last = now
		p.until = now.Add(pauseAfter(p.failures, scope))
	}
	p.kind, p.said, p.wish = kind, said, wish
	if wish.After(p.until) {
		p.until = wish
	}
	return p.until
}

// pauseAfter grows, and is a little different for everybody: when a forge comes back, not all ask at once.
func pauseAfter(failures int, scope string) time.Duration {
	d := firstPause
	for range failures - 1 {
		if d *= 2; d >= longPause {
			d = longPause
			break
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(scope))
	return d + d*time.Duration(h.Sum32()%20)/100
}
