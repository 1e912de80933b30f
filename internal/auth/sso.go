package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/oauth2"
)

// StateLifetime is how long a login through an issuer may take.
const StateLifetime = 5 * time.Minute

// Start is what a login through an issuer begins with.
type Start struct {
	Issuer string // of Providers; empty: the first
	Host   string // that the browser asked; it chooses among url and additionalUrls of argocd-cm
	Return string // where the browser wants to go afterwards, unchecked; see ReturnURL
	Root   string // our own root path
}

// pending is what the browser keeps between the two halves, sealed.
type pending struct {
	Issuer, State, Nonce, Verifier, Redirect, Return string
	Expires                                          int64
}

// BeginLogin returns where to send the browser, and the value of the cookie (StateCookie, HttpOnly, SameSite=Lax, for
// StateLifetime) that proves on return that it is the same one. The flow is authorization code with PKCE (S256), state
// and nonce, always.
func (a *Auth) BeginLogin(ctx context.Context, s Start) (location, cookie string, err error) {
	st, err := a.signing()
	if err != nil {
		return "", "", err
	}
	if s.Issuer == "" && len(st.order) > 0 {
		s.Issuer = st.order[0]
	}
	i := st.issuers[s.Issuer]
	if i == nil {
		return "", "", problem.New(problem.NotFound, "this issuer is not configured").WithHint("set oidc.config in %s", SettingsMap)
	}
	redirect, err := st.redirect(s.Host)
	if err != nil {
		return "", "", err
	}
	p := pending{
		Issuer: i.Issuer, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect,
		Return: ReturnURL(s.Return, s.Root, st.origins), Expires: a.now().Add(StateLifetime).Unix(),
	}
	provider, err := a.issuers.of(st, i, a.now).get(ctx, a.now())
	if err != nil {
		return "", "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(p.Verifier), oidc.Nonce(p.Nonce)}
	if len(i.RequestedIDTokenClaims) > 0 {
		wanted, err := json.Marshal(map[string]any{"id_token": i.RequestedIDTokenClaims})
		if err != nil {
			return "", "", problem.New(problem.Invalid, "%s: requestedIDTokenClaims cannot be written as JSON", SettingsMap)
		}
		options = append(options, oauth2.SetAuthURLParam("claims", string(wanted)))
	}
	if i.DomainHint != "" {
		options = append(options, oauth2.SetAuthURLParam("domain_hint", i.DomainHint))
	}
	cookie, err = st.seal(StateCookie, p)
	return i.oauth(provider, redirect).AuthCodeURL(p.State, options...), cookie, err
}

// oauth is the client for one login. How it proves itself is told by discovery and not found out by trying, which some
// issuers count as a failed login; a client without a secret (PKCE alone) names itself in the form.
func (i *issuer) oauth(p *oidc.Provider, redirect string) *oauth2.Config {
	endpoint := p.Endpoint()
	var says struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"` // missing: client_secret_basic (OpenID Discovery 3)
	}
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	err := p.Claims(&says)
	basic := err != nil || len(says.Methods) == 0 || slices.Contains(says.Methods, "client_secret_basic")
	if i.ClientSecret == "" || !basic && slices.Contains(says.Methods, "client_secret_post") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: i.ClientID, ClientSecret: i.ClientSecret, Endpoint: endpoint, Scopes: i.scopes(), RedirectURL: redirect}
}

// redirect is where the issuer sends the browser back to: Argo CD's path, below the configured URL of that host.
func (st *state) redirect(host string) (string, error) {
	if len(st.origins) == 0 {
		return "", problem.New(problem.Invalid, "%s: url is not set: the issuer would not know where to send people back to", SettingsMap)
	}
	chosen := st.origins[0]
	for _, o := range st.origins {
		if u, err := url.Parse(o); err == nil && host != "" && strings.EqualFold(u.Host, host) {
			chosen = o
			break
		}
	}
	return strings.TrimSuffix(chosen, "/") + "/auth/callback", nil
}

// seal encrypts what a browser keeps for us, for one purpose.
func (st *state) seal(purpose string, v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", problem.New(problem.Internal, "cookie %s cannot be written", purpose)
	}
	return base64.RawURLEncoding.EncodeToString(st.sealer.Seal(nil, nil, text, []byte(purpose))), nil
}

func (st *state) unseal(purpose, cookie string, v any) bool {
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return false
	}
	text, err := st.sealer.Open(nil, nil, sealed, []byte(purpose))
	return err == nil && json.Unmarshal(text, v) == nil
}

// Session is a finished login through an issuer.
type Session struct {
	Token    string // for the browser's cookies: the issuer's ID token, or a session of ours where groups come from user info
	Identity Identity
	Return   string // where to send the browser; checked. Empty for a renewal
	Refresh  string // for RenewLogin, in a cookie of its own (RefreshCookie, HttpOnly); empty when the issuer gives none
}

var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// CompleteLogin finishes what BeginLogin began: cookie is that cookie's value (delete it in the answer, whatever
// happens), query what the issuer sent back. Each state is good for one try.
//
// Errors: problem.Unauthenticated; problem.Unavailable when the issuer does not answer. No text of the issuer or of the
// query is in them, apart from OAuth's error code.
func (a *Auth) CompleteLogin(ctx context.Context, cookie string, query url.Values) (Session, error) {
	st, err := a.signing()
	if err != nil {
		return Session{}, err
	}
	var p pending
	ok := len(cookie) <= maxCookie && st.unseal(StateCookie, cookie, &p)
	now := a.now()
	switch code := query.Get("error"); {
	case !ok:
		return Session{}, refuseSSO("this browser did not begin it")
	case subtle.ConstantTimeCompare([]byte(p.State), []byte(query.Get("state"))) != 1:
		return Session{}, refuseSSO("the issuer's answer belongs to another login")
	case now.Unix() >= p.Expires:
		return Session{}, refuseSSO("it took too long")
	case !a.spent.first(p.State, now):
		return Session{}, refuseSSO("it is over already")
	case query.Get("iss") != "" && query.Get("iss") != p.Issuer: // RFC 9207
		return Session{}, refuseSSO("another issuer answered")
	case code != "" && errorCode.MatchString(code):
		return Session{}, refuseSSO("the issuer says " + code)
	case code != "" || query.Get("code") == "":
		return Session{}, refuseSSO("the issuer sent no code")
	}
	i := st.issuers[p.Issuer]
	if i == nil {
		return Session{}, refuseSSO("its issuer is not configured any more")
	}
	s, err := a.exchangeCode(ctx, st, i, p, query.Get("code"))
	if err != nil {
		return Session{}, err
	}
	s.Return = p.Return
	return s, nil
}

func refuseSSO(why string) error {
	return problem.New(problem.Unauthenticated, "the login failed: %s", why).WithHint("try again")
}

func (a *Auth) exchangeCode(ctx context.Context, st *state, i *issuer, p pending, code string) (Session, error) {
	c := a.issuers.of(st, i, a.now)
	provider, err := c.get(ctx, a.now())
	if err != nil {
		return Session{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	tokens, err := i.oauth(provider, p.Redirect).Exchange(oidc.ClientContext(ctx, c.http), code, oauth2.VerifierOption(p.Verifier))
	if err != nil {
		return Session{}, c.refused("a token for the code", err)
	}
	return a.session(ctx, st, c, tokens, func(t *oidc.IDToken, s *Session) error {
		if subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(p.Nonce)) != 1 {
			return refuseSSO("the ID token belongs to another login")
		}
		return st.keep(s, refresh{Issuer: i.Issuer, Subject: s.Identity.subject, Redirect: p.Redirect, Token: tokens.RefreshToken, Began: a.now().Unix()})
	})
}

// session makes a session of what the token endpoint gave; finish checks what is particular to a login or a renewal.
func (a *Auth) session(ctx context.Context, st *state, c *client, tokens *oauth2.Token, finish func(*oidc.IDToken, *Session) error) (Session, error) {
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" || len(raw) > MaxToken {
		return Session{}, refuseSSO("the issuer sent no ID token")
	}
	idToken, all, err := c.verify(ctx, raw, []string{c.issuer.ClientID}, a.now())
	if err != nil {
		return Session{}, err
	}
	id, err := st.vouched(c.issuer, idToken, all, raw)
	if err != nil {
		return Session{}, err
	}
	s := Session{Token: raw, Identity: id}
	if err := finish(idToken, &s); err != nil {
		return Session{}, err
	}
	if c.issuer.EnableUserInfoGroups {
		if s.Token, s.Identity, err = a.ownSession(ctx, st, c, id, idToken.Subject, tokens.AccessToken); err != nil {
			return Session{}, err
		}
	}
	return s, nil
}

// ownSession asks the user info endpoint for groups, and signs a session with what it and the ID token say.
func (a *Auth) ownSession(ctx context.Context, st *state, c *client, id Identity, sub, access string) (string, Identity, error) {
	told, err := c.userInfo(ctx, access)
	if err != nil {
		return "", Identity{}, err
	}
	if s, _ := told["sub"].(string); s != sub { // OpenID Connect Core 5.3.2
		return "", Identity{}, refuseSSO("the issuer's user info is about somebody else")
	}
	kept := map[string][]string{}
	for name, values := range id.claims {
		switch name {
		case "iss", "aud", "sub", "nonce", "jti", "azp", "at_hash", "c_hash", "sid", "groups":
		default:
			kept[name] = values
		}
	}
	if groups := plainClaims(told)["groups"]; groups != nil {
		kept["groups"] = groups
	}
	now := a.now()
	expires := id.expires
	if d, ok := duration(c.issuer.UserInfoCacheExpiration); ok && d > 0 && now.Add(d).Before(expires) {
		expires = now.Add(d)
	}
	own := &claims{RegisteredClaims: jwt.RegisteredClaims{
		Issuer: ssoIssuer, Subject: id.subject, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
	}, Issuer: id.issuer, Email: id.email, Told: kept}
	token, err := st.sign(own)
	if err != nil {
		return "", Identity{}, err
	}
	id, err = a.identify(st, own)
	return token, id, err
}

// userInfo returns the claims that the user info endpoint tells for an access token.
func (c *client) userInfo(ctx context.Context, access string) (map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.issuer.userInfoURL(), nil)
	if err != nil {
		return nil, refuseSSO("the address of the issuer's user info is malformed")
	}
	req.Header.Set("Authorization", "Bearer "+access)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unavailable("user info", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, c.unavailable("user info", err)
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var told map[string]any
	if resp.StatusCode != http.StatusOK || media != "application/json" || json.Unmarshal(body, &told) != nil {
		return nil, refuseSSO("the issuer did not answer with user info in JSON")
	}
	return told, nil
}

// maxSpent bounds the states that are remembered.
const maxSpent = 10000

// spent remembers the states of logins that came back, until they expire by themselves. The issuer's code is good for
// one use as well; this is for issuers that are lenient.
type spent struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (s *spent) first(state string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.seen[state]; ok {
		return false
	}
	if len(s.seen) >= maxSpent {
		for k, t := range s.seen {
			if now.Sub(t) > StateLifetime {
				delete(s.seen, k)
			}
		}
	}
	if s.seen == nil || len(s.seen) >= maxSpent {
		s.seen = map[string]time.Time{}
	}
	s.seen[state] = now
	return true
}
