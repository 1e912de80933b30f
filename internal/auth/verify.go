package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/hawser-cd/hawser/internal/problem"
)

const (
	// MaxToken bounds every token that is read, in bytes: what fits into the cookies that carry one.
	MaxToken = maxCookies * maxCookie

	skew        = time.Minute     // how far another replica's or issuer's clock may be ahead
	renewBefore = 5 * time.Minute // a session with less left is renewed (Argo CD)
)

// ErrNoSession says that no token was shown. The text is Argo CD's.
var ErrNoSession = problem.New(problem.Unauthenticated, "no session information")

// claims are what our tokens say: Argo CD's, and a few more where Argo CD has no such token.
type claims struct {
	jwt.RegisteredClaims
	Rule string `json:"hawserRule,omitempty"` // the rule of hawser.tokenExchange that the token came from

	// Of sessions for people whose groups only the issuer's user info endpoint tells.
	Issuer string              `json:"hawserIssuer,omitempty"`
	Email  string              `json:"email,omitempty"`
	Told   map[string][]string `json:"hawserClaims,omitempty"`
}

// parser checks form, algorithm and signature. The claims are checked by hand below: all of ours are required.
var parser = jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Name}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())

// Verify says who showed the token: one of ours, or an ID token of a configured issuer. Of a session with little time
// left it returns a renewed one as well, to be handed to the browser; the old one stays good until it expires.
//
// Errors: problem.Unauthenticated when the token is bad, expired, revoked, or its account or role no longer permits
// it; problem.Unavailable when that cannot be known now. The Identity beside an error is Nobody, also where anonymous
// access is on: a bad token never makes somebody anonymous.
func (a *Auth) Verify(ctx context.Context, token string) (id Identity, renewed string, err error) {
	if token == "" {
		return Identity{}, "", ErrNoSession
	}
	algorithm, err := algorithmOf(token)
	if err != nil {
		return Identity{}, "", err
	}
	if algorithm != jwt.SigningMethodHS256.Name {
		// The algorithm only chooses who checks: issuers sign with a private key, and HS256 is never taken from them.
		id, err := a.verifyForeign(ctx, token)
		return id, "", err
	}
	st, err := a.signing()
	if err != nil {
		return Identity{}, "", err
	}
	c, err := st.read(token, a.now())
	if err != nil {
		return Identity{}, "", err
	}
	if id, err = a.identify(st, c); err != nil {
		return Identity{}, "", err
	}
	// A session that stands for an issuer's word is not renewed by ours.
	if id.kind == Local && id.capability == CapabilityLogin && id.expires.Sub(a.now()) < renewBefore {
		if renewed, err = a.renew(st, c); err != nil {
			return Identity{}, "", err
		}
	}
	return id, renewed, nil
}

// Anonymous returns the caller that showed no token at all; ErrNoSession unless users.anonymous.enabled is true.
func (a *Auth) Anonymous() (Identity, error) {
	st, err := a.state()
	if err != nil {
		return Identity{}, err
	}
	if !st.anonymous {
		return Identity{}, ErrNoSession
	}
	return Identity{kind: Anonymous}, nil
}

// AnonymousEnabled reports users.anonymous.enabled.
func (a *Auth) AnonymousEnabled() bool {
	st, err := a.state()
	return err == nil && st.anonymous
}

// Recheck says whether an identity that Verify or Anonymous gave still stands: long streams ask every few seconds
// (invariant 38). It looks at everything but the signature, asks nobody outside, and takes microseconds.
func (a *Auth) Recheck(id Identity) error {
	st, err := a.signing()
	switch {
	case err != nil:
		return err
	case id.kind == Nobody || id.kind == Anonymous && !st.anonymous:
		return ErrNoSession
	case id.kind == Anonymous:
		return nil
	case !id.expires.IsZero() && !a.now().Before(id.expires):
		return refuse("token has expired")
	case id.own != nil:
		_, err := a.identify(st, id.own)
		return err
	case st.issuers[id.issuer] == nil:
		return refuse("the token's issuer is not configured")
	case st.isRevoked(id):
		return errRevoked()
	}
	return st.mayBeCalled(id.subject)
}

func errRevoked() error {
	return problem.New(problem.Unauthenticated, "token is revoked, please re-login")
}

func refuse(format string, args ...any) error {
	return problem.New(problem.Unauthenticated, "invalid session: "+format, args...)
}

// algorithmOf reads alg from the token's header, which nobody has checked yet.
func algorithmOf(token string) (string, error) {
	if len(token) > MaxToken {
		return "", refuse("the token is longer than %d bytes", MaxToken)
	}
	head, _, _ := strings.Cut(token, ".")
	if len(head) > 4096 || strings.Count(token, ".") != 2 {
		return "", refuse("it is not a token")
	}
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return "", refuse("it is not a token")
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err := json.Unmarshal(text, &header); err != nil || header.Algorithm == "" {
		return "", refuse("it is not a token")
	}
	return header.Algorithm, nil
}

// read checks everything about one of our tokens that needs no look at accounts. The library's errors may quote what
// they could not read, so they are translated.
func (st *state) read(token string, now time.Time) (*claims, error) {
	var c claims
	_, err := parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return st.key, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, refuse("the token's signature is invalid")
	case err != nil:
		return nil, refuse("the token is malformed")
	case c.RegisteredClaims.Issuer != Issuer && c.RegisteredClaims.Issuer != ssoIssuer:
		return nil, refuse("the token is of another issuer")
	case len(c.Audience) > 0:
		return nil, refuse("the token is meant for somebody else")
	case c.Subject == "" || c.ID == "" || c.IssuedAt == nil:
		return nil, refuse("the token lacks sub, jti or iat")
	case c.IssuedAt.After(now.Add(skew)):
		return nil, refuse("the token was issued in the future")
	case c.NotBefore != nil && c.NotBefore.After(now.Add(skew)):
		return nil, refuse("the token is not valid yet")
	case c.ExpiresAt != nil && !now.Before(c.ExpiresAt.Time):
		return nil, refuse("token has expired")
	}
	return &c, nil
}

// identify asks whether what the token was issued for still stands. The texts are near Argo CD's.
func (a *Auth) identify(st *state, c *claims) (Identity, error) {
	id := Identity{subject: c.Subject, issuer: Issuer, id: c.ID, own: c, family: familyOf(c.RegisteredClaims.Issuer, c.ID), issued: c.IssuedAt.Time}
	if c.ExpiresAt != nil {
		id.expires = c.ExpiresAt.Time
	}
	if c.Rule != "" && !st.trusts(c.Rule, c.Subject) {
		return Identity{}, refuse("the rule that the token was exchanged by is gone")
	}
	var err error
	switch {
	case c.RegisteredClaims.Issuer == ssoIssuer:
		err = st.identifySession(&id, c)
	case strings.HasPrefix(c.Subject, "proj:"):
		err = a.identifyRole(&id, c)
	default:
		err = a.identifyAccount(st, &id, c)
	}
	switch {
	case err != nil:
		return Identity{}, err
	case c.ExpiresAt == nil && (id.capability == CapabilityLogin || c.Rule != ""):
		return Identity{}, refuse("the token lacks exp")
	case st.isRevoked(id):
		return Identity{}, errRevoked()
	}
	return id, nil
}

func (a *Auth) identifyAccount(st *state, id *Identity, c *claims) error {
	id.kind, id.capability = Local, CapabilityAPIKey // a subject without a capability is of Argo CD's first releases
	if name, capability, ok := strings.Cut(c.Subject, ":"); ok {
		if capability != CapabilityLogin && capability != CapabilityAPIKey {
			return refuse("the token has a capability that nobody has")
		}
		id.subject, id.capability = name, capability
	}
	acc, ok := st.accounts[id.subject]
	if !ok {
		return refuse("account '%s' does not exist", short(id.subject))
	}
	if err := acc.usable(id.capability); err != nil {
		return err
	}
	if id.capability == CapabilityAPIKey && c.Rule == "" && !acc.lists(c.ID, c.IssuedAt.Unix(), a.now()) {
		return problem.New(problem.Unauthenticated, "account %s does not have token with id %s", acc.Name, short(c.ID))
	}
	if c.IssuedAt.Unix() < acc.mtime.Unix() {
		return problem.New(problem.Unauthenticated, "account password has changed since token issued")
	}
	return nil
}

func (a *Auth) identifyRole(id *Identity, c *claims) error {
	id.kind = Project
	project, role := id.Role()
	tokens, exists := a.options.RoleTokens(project, role)
	if !exists {
		return refuse("the project or the role of the token does not exist")
	}
	if c.Rule != "" {
		return nil
	}
	acc := Account{}
	for _, t := range tokens {
		acc.Tokens = append(acc.Tokens, TokenRecord{t.ID, t.IssuedAt, t.ExpiresAt})
	}
	if !acc.lists(c.ID, c.IssuedAt.Unix(), a.now()) {
		return problem.New(problem.Unauthenticated, "JWT token for role '%s' issued at '%d' does not exist in project '%s'", role, c.IssuedAt.Unix(), project)
	}
	return nil
}

// renew signs the session again, for as long as it was made for. It keeps the id, so that one logout ends all renewals
// of a session.
func (a *Auth) renew(st *state, c *claims) (string, error) {
	again := *c
	now := a.now()
	again.IssuedAt, again.NotBefore = jwt.NewNumericDate(now), jwt.NewNumericDate(now)
	again.ExpiresAt = jwt.NewNumericDate(now.Add(c.ExpiresAt.Sub(c.IssuedAt.Time)))
	return st.sign(&again)
}

// sign returns the token of these claims.
func (st *state) sign(c *claims) (string, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(st.key)
	if err != nil {
		return "", problem.New(problem.Internal, "a token could not be signed")
	}
	return token, nil
}

// issue signs a token. notBefore is the time that it must not be older than: that of the account's password, which may
// lie up to a second ahead. A lifetime of 0 is for ever.
func (st *state) issue(subject, id string, now, notBefore time.Time, lifetime time.Duration) (string, *claims, error) {
	issued := now
	if issued.Before(notBefore) {
		issued = notBefore
	}
	c := &claims{RegisteredClaims: jwt.RegisteredClaims{
		Issuer: Issuer, Subject: subject, ID: id,
		IssuedAt: jwt.NewNumericDate(issued), NotBefore: jwt.NewNumericDate(now),
	}}
	if lifetime > 0 {
		c.ExpiresAt = jwt.NewNumericDate(now.Add(lifetime))
	}
	token, err := st.sign(c)
	return token, c, err
}
