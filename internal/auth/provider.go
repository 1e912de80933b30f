package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/hawser-cd/hawser/internal/problem"
)

const (
	issuerTimeout = 10 * time.Second // of one request to an issuer
	issuerBody    = 1 << 20          // bytes of one answer
	issuerFresh   = time.Hour        // how long discovery and keys are trusted: a key that the issuer drops is gone by then
	issuerStale   = 6 * time.Hour    // and how long when the issuer does not answer
	issuerRetry   = 10 * time.Second // pause after an issuer did not answer
)

// providers are the clients of issuers in use, by digest of their settings.
type providers struct {
	mu      sync.Mutex
	clients map[string]*client
}

// client speaks to one issuer.
type client struct {
	issuer *issuer
	http   *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
	before   *oidc.Provider // the one before provider, whose keys are at hand
	asking   bool           // in the background
	asked    time.Time      // when provider was got
	failed   time.Time      // when it could not be got
	failure  error
}

// of returns the client for an issuer's setting; clients of settings that are gone are dropped.
func (p *providers) of(st *state, i *issuer, now func() time.Time) *client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.clients[i.digest]; c != nil {
		return c
	}
	used := map[string]*client{}
	keep := func(i *issuer) {
		if c := p.clients[i.digest]; c != nil {
			used[i.digest] = c
		}
	}
	for _, i := range st.issuers {
		keep(i)
	}
	for _, r := range st.rules {
		if r.issuer != nil {
			keep(r.issuer)
		}
	}
	used[i.digest] = &client{issuer: i, http: newHTTP(i, now)}
	p.clients = used
	return used[i.digest]
}

// newHTTP returns a client that is good for this issuer only: bounded in time, size and number of requests, without
// redirects (a token endpoint that redirects would send our secret elsewhere), and over TLS unless the issuer is on the
// loopback.
func newHTTP(i *issuer, now func() time.Time) *http.Client {
	return &http.Client{
		Timeout:       issuerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &fence{
			plain: i.plain, now: now,
			keys:   budget{burst: 6, every: 5 * time.Second},
			logins: budget{burst: 50, every: 100 * time.Millisecond},
			next: &http.Transport{
				Proxy:                 http.ProxyFromEnvironment,
				TLSClientConfig:       &tls.Config{RootCAs: i.roots, MinVersion: tls.VersionTLS12},
				ForceAttemptHTTP2:     true,
				MaxIdleConns:          4,
				MaxConnsPerHost:       8,
				IdleConnTimeout:       time.Minute,
				TLSHandshakeTimeout:   issuerTimeout,
				ResponseHeaderTimeout: issuerTimeout,
			},
		},
	}
}

// fence bounds what goes to an issuer. Every token with a made-up key id makes the library fetch the keys again: without
// a budget, strangers could make us flood the issuer.
type fence struct {
	plain  bool
	now    func() time.Time
	keys   budget
	logins budget // codes, user info
	next   http.RoundTripper
}

func (f *fence) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !(f.plain && loopback(req.URL.Hostname())) {
		return nil, errors.New("an issuer is only spoken to over https://")
	}
	b := &f.keys
	if req.Method == http.MethodPost || req.Header.Get("Authorization") != "" {
		b = &f.logins
	}
	discovery := strings.HasSuffix(req.URL.Path, "/.well-known/openid-configuration") // bounded by client.get
	if !discovery && !b.take(f.now()) {
		return nil, errors.New("the issuer has been asked too often")
	}
	resp, err := f.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, issuerBody), resp.Body}
	return resp, nil
}

// get returns what the issuer's discovery says. Where nothing is known, all callers wait for one answer, and the issuer
// is not asked again right after a failure; what is an hour old is asked for again in the background.
func (c *client) get(ctx context.Context, now time.Time) (*oidc.Provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	age, due := now.Sub(c.asked), c.failure == nil || now.Sub(c.failed) >= issuerRetry
	switch {
	case c.provider != nil && age < issuerFresh:
		return c.provider, nil
	case c.provider != nil && age < issuerStale:
		if due && !c.asking {
			c.asking = true
			go func(ctx context.Context) {
				p, err := c.ask(ctx)
				c.mu.Lock()
				defer c.mu.Unlock()
				c.asking = false
				c.note(p, err, now)
			}(context.WithoutCancel(ctx))
		}
		return c.provider, nil
	}
	if due {
		p, err := c.ask(context.WithoutCancel(ctx)) // one caller's leaving is not the issuer's failure
		c.note(p, err, now)
	} else {
		c.provider = nil
	}
	if c.provider == nil {
		return nil, c.failure
	}
	return c.provider, nil
}

func (c *client) ask(ctx context.Context) (*oidc.Provider, error) {
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	return oidc.NewProvider(oidc.ClientContext(ctx, c.http), c.issuer.Issuer)
}

// note keeps the outcome of ask; c.mu is held.
func (c *client) note(p *oidc.Provider, err error, now time.Time) {
	switch {
	case err == nil:
		c.before = c.provider
		if now.Sub(c.asked) >= issuerStale {
			c.before = nil
		}
		c.provider, c.asked, c.failure = p, now, nil
	default:
		c.failed, c.failure = now, c.unavailable("its discovery document", err)
		if now.Sub(c.asked) >= issuerStale {
			c.provider = nil
		}
	}
}

// unavailable says that the issuer did not answer as it should. The library's errors hold the answer's body, which is
// foreign text and may quote what we sent; a few words of ours say which sort it was.
func (c *client) unavailable(what string, err error) error {
	var mismatch *oidc.IssuerMismatchError
	why := "it did not answer as an issuer does"
	switch text := err.Error(); {
	case errors.As(err, &mismatch):
		why = "it calls itself by another name"
	case errors.Is(err, context.DeadlineExceeded), strings.Contains(text, "Client.Timeout"):
		why = "it did not answer in time"
	case strings.Contains(text, "tls: ") || strings.Contains(text, "x509: "):
		why = "its certificate is not trusted"
	case strings.Contains(text, "asked too often"):
		why = "it has been asked too often"
	case strings.Contains(text, "only spoken to over https"):
		why = "it points to an address without TLS"
	case strings.Contains(text, "dial "), strings.Contains(text, "connection re"):
		why = "it cannot be reached"
	}
	return problem.New(problem.Unavailable, "issuer %s: %s could not be had: %s", short(c.issuer.Issuer), what, why)
}

// verify checks an ID token: signature, issuer, lifetime and one of the audiences. It returns the claims.
func (c *client) verify(ctx context.Context, token string, audiences []string, now time.Time) (*oidc.IDToken, map[string]any, error) {
	provider, before, err := c.both(ctx, now)
	if err != nil {
		return nil, nil, err
	}
	id, err := c.check(ctx, provider, token, now)
	if before != nil && noKeys(err) { // discovery answers again, and the keys do not yet
		id, err = c.check(ctx, before, token, now)
	}
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired), err == nil && !now.Before(id.Expiry):
		return nil, nil, refuse("token has expired")
	case noKeys(err):
		return nil, nil, c.unavailable("its keys", err)
	case err != nil:
		return nil, nil, refuse("the ID token is not valid")
	}
	var raw map[string]any
	if err := id.Claims(&raw); err != nil {
		return nil, nil, refuse("the ID token is not valid")
	}
	nbf, _ := raw["nbf"].(float64)
	switch {
	case !slicesMeet(id.Audience, audiences):
		return nil, nil, refuse("the ID token is meant for another audience")
	case id.Subject == "" || id.IssuedAt.Unix() <= 0:
		return nil, nil, refuse("the ID token lacks sub or iat")
	case id.IssuedAt.After(now.Add(skew)) || nbf > float64(now.Add(skew).Unix()):
		return nil, nil, refuse("the ID token was issued in the future")
	}
	return id, raw, nil
}

// both returns the provider, and the one before it.
func (c *client) both(ctx context.Context, now time.Time) (provider, before *oidc.Provider, err error) {
	provider, err = c.get(ctx, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	return provider, c.before, err
}

// check lets the library check signature, issuer and lifetime.
func (c *client) check(ctx context.Context, p *oidc.Provider, token string, now time.Time) (*oidc.IDToken, error) {
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	return p.Verifier(&oidc.Config{ // not VerifierContext, which begins with no keys each time
		SkipClientIDCheck: true, // several are allowed: verify looks
		Now:               func() time.Time { return now },
	}).Verify(ctx, token)
}

// noKeys reports that the issuer's keys could not be had; the library has no type for it.
func noKeys(err error) bool { return err != nil && strings.Contains(err.Error(), "fetching keys") }

func slicesMeet(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}
