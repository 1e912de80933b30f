package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/oauth2"
)

// RefreshCookie carries Session.Refresh; it can need several, see Cookies and JoinCookie.
const RefreshCookie = "hawser.refresh"

const (
	renewalShared = 30 * time.Second // how long the outcome of a renewal is shared
	maxRenewals   = 10000
)

// refresh is what a browser keeps, sealed, of a login through an issuer that gave a refresh token. We keep nothing.
type refresh struct {
	Issuer, Subject, Redirect string
	ID                        string // for revocation
	Token                     string // the issuer's refresh token
	Began                     int64  // when the person logged in
}

func familyOfRefresh(id string) string { return "t." + hashOf("refresh", id) }

// RenewLogin gives a new session for a login whose ID token has expired, or soon will, without sending the browser to
// the issuer: many issuers give ID tokens for five minutes only. value is Session.Refresh; the returned Session has
// another one, which replaces it. A login is renewed for users.session.duration at most, and not after ForgetLogin.
//
// Several requests of one browser that come at once share one renewal: issuers take each refresh token once.
// Errors: problem.Unauthenticated: the person logs in again; problem.Unavailable: the issuer does not answer.
func (a *Auth) RenewLogin(ctx context.Context, value string) (Session, error) {
	st, err := a.signing()
	if err != nil {
		return Session{}, err
	}
	r, err := st.readRefresh(value, a.now())
	if err != nil {
		return Session{}, err
	}
	return a.renewals.do(hashOf(value), a.now(), func() (Session, error) {
		return a.renewLogin(context.WithoutCancel(ctx), st, r)
	})
}

// ForgetLogin ends the renewals of a login, on every replica. Logout ends the token in use.
func (a *Auth) ForgetLogin(ctx context.Context, value string) error {
	st, err := a.signing()
	if err != nil {
		return err
	}
	r, err := st.readRefresh(value, a.now())
	if err != nil {
		return err
	}
	until := r.Began + int64((st.session+renewBefore)/time.Second)
	return a.revoke(ctx, a.now(), func(data map[string][]byte) {
		data[familyOfRefresh(r.ID)] = fmt.Appendf(nil, "%d %s", until, hashOf(r.Issuer, r.Subject))
	})
}

func (st *state) readRefresh(value string, now time.Time) (r refresh, err error) {
	if len(value) > MaxToken || !st.unseal(RefreshCookie, value, &r) {
		return r, refuse("it cannot be renewed")
	}
	began := time.Unix(r.Began, 0)
	switch {
	case now.Sub(began) >= st.session:
		return r, refuse("the login is too old to be renewed")
	case st.issuers[r.Issuer] == nil:
		return r, refuse("the token's issuer is not configured")
	case st.isRevoked(Identity{subject: r.Subject, issuer: r.Issuer, family: familyOfRefresh(r.ID), issued: began}):
		return r, errRevoked()
	}
	return r, nil
}

func (a *Auth) renewLogin(ctx context.Context, st *state, r refresh) (Session, error) {
	i := st.issuers[r.Issuer]
	c := a.issuers.of(st, i, a.now)
	provider, err := c.get(ctx, a.now())
	if err != nil {
		return Session{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	tokens, err := i.oauth(provider, r.Redirect).TokenSource(oidc.ClientContext(ctx, c.http), &oauth2.Token{RefreshToken: r.Token}).Token()
	if err != nil {
		return Session{}, c.refused("a new token", err)
	}
	return a.session(ctx, st, c, tokens, func(_ *oidc.IDToken, s *Session) error {
		if s.Identity.subject != r.Subject {
			return refuseSSO("the issuer renewed somebody else's login")
		}
		return st.keep(s, refresh{Issuer: r.Issuer, Subject: r.Subject, Redirect: r.Redirect, ID: r.ID, Token: tokens.RefreshToken, Began: r.Began})
	})
}

// keep seals the refresh token into the session, if there is one.
func (st *state) keep(s *Session, r refresh) error {
	if r.Token == "" {
		return nil
	}
	if r.ID == "" {
		r.ID = rand.Text()
	}
	value, err := st.seal(RefreshCookie, r)
	s.Refresh = value
	return err
}

// refused tells apart an issuer that says no and one that does not answer. Its description is not passed on.
func (c *client) refused(what string, err error) error {
	var said *oauth2.RetrieveError
	if errors.As(err, &said) && said.Response != nil && said.Response.StatusCode < 500 {
		if errorCode.MatchString(said.ErrorCode) {
			return refuseSSO("the issuer says " + said.ErrorCode)
		}
		return refuseSSO("the issuer did not give " + what)
	}
	return c.unavailable(what, err)
}

// renewals shares what is under way, and what has just ended.
type renewals struct {
	mu   sync.Mutex
	seen map[string]*renewal
}

type renewal struct {
	begun   time.Time
	done    chan struct{}
	session Session
	err     error
}

func (r *renewals) do(key string, now time.Time, renew func() (Session, error)) (Session, error) {
	r.mu.Lock()
	one := r.seen[key]
	if one != nil && now.Sub(one.begun) < renewalShared {
		r.mu.Unlock()
		<-one.done // ends: requests to issuers are bounded in time
		return one.session, one.err
	}
	for k, old := range r.seen {
		if now.Sub(old.begun) >= renewalShared {
			delete(r.seen, k)
		}
	}
	one = &renewal{begun: now, done: make(chan struct{})}
	if r.seen == nil {
		r.seen = map[string]*renewal{}
	}
	if len(r.seen) < maxRenewals {
		r.seen[key] = one
	}
	r.mu.Unlock()
	defer close(one.done)
	one.session, one.err = renew()
	if problem.Is(one.err, problem.Unavailable) { // the refresh token is still good
		r.mu.Lock()
		delete(r.seen, key)
		r.mu.Unlock()
	}
	return one.session, one.err
}
