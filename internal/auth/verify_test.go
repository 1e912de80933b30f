package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/hawser-cd/hawser/internal/problem"
)

// good are the claims of a good session of admin's.
func (s *stage) good() jwt.MapClaims {
	now := s.clock.Now().Unix()
	return jwt.MapClaims{"iss": "argocd", "sub": "admin:login", "jti": "one", "iat": now, "nbf": now, "exp": now + 3600}
}

func with(c jwt.MapClaims, changes jwt.MapClaims) jwt.MapClaims {
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func signed(t testing.TB, method jwt.SigningMethod, key any, c jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// A token that somebody else's library signed with our key and Argo CD's claims is good.
func TestTokenOfArgoCD(t *testing.T) {
	s := newStage(t, nil)
	id := accepted(t, s.Auth, signed(t, jwt.SigningMethodHS256, []byte(testKey), s.good()))
	if id.Kind() != Local || id.Subject() != "admin" || id.Username() != "admin" || id.Issuer() != "argocd" || id.TokenID() != "one" || !id.LoggedIn() {
		t.Errorf("got %+v", id)
	}
}

func TestBadTokens(t *testing.T) {
	s := newStage(t, nil)
	key := []byte(testKey)
	now := s.clock.Now().Unix()
	ours := func(changes jwt.MapClaims) string {
		return signed(t, jwt.SigningMethodHS256, key, with(s.good(), changes))
	}
	good := ours(nil)
	parts := strings.Split(good, ".")
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	for _, c := range []struct{ name, token, words string }{
		{"nothing", "", "no session information"},
		{"no token", "hello", "not a token"},
		{"two parts", "a.b", "not a token"},
		{"four parts", good + ".x", "not a token"},
		{"header is no JSON", b64([]byte("x")) + ".e30.x", "not a token"},
		{"header without alg", b64([]byte("{}")) + ".e30.x", "not a token"},
		{"long", strings.Repeat("a", MaxToken+1), "longer"},
		{"alg none", signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, s.good()), "issuer is not configured"},
		{"alg None", b64([]byte(`{"alg":"None"}`)) + "." + parts[1] + ".", "issuer is not configured"},
		{"alg HS384", signed(t, jwt.SigningMethodHS384, key, s.good()), "issuer is not configured"},
		{"alg HS512", signed(t, jwt.SigningMethodHS512, key, s.good()), "issuer is not configured"},
		{"alg ES256 with our iss", signed(t, jwt.SigningMethodES256, ec, s.good()), "issuer is not configured"},
		{"another key", signed(t, jwt.SigningMethodHS256, []byte("another key that is long enough"), s.good()), "signature is invalid"},
		{"empty key", signed(t, jwt.SigningMethodHS256, []byte{}, s.good()), "signature is invalid"},
		{"no signature", parts[0] + "." + parts[1] + ".", "signature is invalid"},
		{"claims exchanged", parts[0] + "." + b64([]byte(`{"iss":"argocd","sub":"admin:login"}`)) + "." + parts[2], "signature is invalid"},
		{"signature in other spelling", good[:len(good)-1] + sibling(good[len(good)-1]), "malformed"},
		{"claims are no JSON", unsignedBy(key, parts[0], "x"), "malformed"},
		{"iat is no number", ours(jwt.MapClaims{"iat": "yesterday"}), "malformed"},
		{"sub is no string", ours(jwt.MapClaims{"sub": 7}), "malformed"},
		{"other issuer", ours(jwt.MapClaims{"iss": "https://evil.example"}), "another issuer"},
		{"no issuer", ours(jwt.MapClaims{"iss": nil}), "another issuer"},
		{"an audience", ours(jwt.MapClaims{"aud": "somebody"}), "somebody else"},
		{"no sub", ours(jwt.MapClaims{"sub": nil}), "lacks"},
		{"no jti", ours(jwt.MapClaims{"jti": nil}), "lacks"},
		{"no iat", ours(jwt.MapClaims{"iat": nil}), "lacks"},
		{"session without exp", ours(jwt.MapClaims{"exp": nil}), "lacks exp"},
		{"expired", ours(jwt.MapClaims{"exp": now - 1}), "expired"},
		{"expires now", ours(jwt.MapClaims{"exp": now}), "expired"},
		{"expires at an absurd time", ours(jwt.MapClaims{"exp": -1e300}), "expired"},
		{"nbf ahead", ours(jwt.MapClaims{"nbf": now + 61}), "not valid yet"},
		{"iat ahead", ours(jwt.MapClaims{"iat": now + 61}), "in the future"},
		{"no such account", ours(jwt.MapClaims{"sub": "eve:login"}), "does not exist"},
		{"no such capability", ours(jwt.MapClaims{"sub": "admin:root"}), "capability that nobody has"},
		{"capability twice", ours(jwt.MapClaims{"sub": "admin:login:login"}), "capability that nobody has"},
		{"capability that the account lacks", ours(jwt.MapClaims{"sub": "admin:apiKey"}), "does not have 'apiKey' capability"},
		{"login of an account for tokens", ours(jwt.MapClaims{"sub": "ci:login"}), "does not have 'login' capability"},
		{"API token that is not listed", ours(jwt.MapClaims{"sub": "ci:apiKey"}), "does not have token with id one"},
		{"old subject, not listed", ours(jwt.MapClaims{"sub": "ci"}), "does not have token with id one"},
		{"from before the password", ours(jwt.MapClaims{"iat": now - 90*86400}), "password has changed"},
		{"no such role", ours(jwt.MapClaims{"sub": "proj:web:other"}), "does not exist"},
		{"no such project", ours(jwt.MapClaims{"sub": "proj:other:deploy"}), "does not exist"},
		{"half a role", ours(jwt.MapClaims{"sub": "proj:web"}), "does not exist"},
		{"project token that is not listed", ours(jwt.MapClaims{"sub": "proj:web:deploy"}), "does not exist in project 'web'"},
		{"a rule that never was", ours(jwt.MapClaims{"sub": "ci:apiKey", "hawserRule": "x"}), "rule"},
		{"SSO session of no issuer", ours(jwt.MapClaims{"iss": "hawser", "sub": "u1", "hawserIssuer": "https://gone"}), "issuer is not configured"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, s.Auth, c.token, c.words) })
	}
	accepted(t, s.Auth, good)
	accepted(t, s.Auth, ours(jwt.MapClaims{"iat": now + 59, "nbf": now + 59})) // another replica's clock
}

// sibling is another character of base64 that differs in the bits that are not used.
func sibling(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

func unsignedBy(key []byte, header, claims string) string {
	text := header + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sig, err := jwt.SigningMethodHS256.Sign(text, key)
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// B-161: with anonymous access on, a bad token is an error, and never somebody.
func TestBadTokenIsNotAnonymous(t *testing.T) {
	s := newStage(t, nil)
	if id, err := s.Anonymous(); !errors.Is(err, ErrNoSession) {
		t.Errorf("anonymous while it is off: %v %v", id, err)
	}
	s.records.set("users.anonymous.enabled", "true")
	if !s.AnonymousEnabled() {
		t.Error("anonymous access is not on")
	}
	token := s.login(t, "admin")
	s.clock.pass(25 * time.Hour)
	refused(t, s.Auth, token, "expired")
	refused(t, s.Auth, "", "no session information")
	id, err := s.Anonymous()
	if err != nil || id.Kind() != Anonymous || id.LoggedIn() || id.Subject() != "" {
		t.Errorf("got %v %v", id, err)
	}
}

// Records that have not been read say nothing about anybody, and a missing or short key signs nothing.
func TestUnknownIsUnavailable(t *testing.T) {
	s := newStage(t, map[string]string{"users.anonymous.enabled": "true"})
	token := signed(t, jwt.SigningMethodHS256, []byte(testKey), s.good())
	for name, spoil := range map[string]func(){
		"short key": func() { s.records.put(SettingsSecret, "server.secretkey", "short") },
		"no key":    func() { s.records.put(SettingsSecret, "server.secretkey", "") },
		"not read":  func() { s.records.now.Store(&Snapshot{}) },
	} {
		spoil()
		id, _, err := s.Verify(t.Context(), token)
		if !problem.Is(err, problem.Unavailable) {
			t.Errorf("%s: got %v", name, err)
		}
		nobody(t, id)
		if _, err := s.Login(t.Context(), "admin", password, here); !problem.Is(err, problem.Unavailable) {
			t.Errorf("%s: login: got %v", name, err)
		}
		if name == "not read" {
			if _, err := s.Anonymous(); !problem.Is(err, problem.Unavailable) {
				t.Errorf("anonymous: got %v", err)
			}
			s.records.publish()
		}
	}
}

func TestSessionIsRenewed(t *testing.T) {
	s := newStage(t, map[string]string{"users.session.duration": "1h"})
	token := s.login(t, "admin")
	s.clock.pass(54 * time.Minute)
	if _, renewed, err := s.Verify(t.Context(), token); err != nil || renewed != "" {
		t.Fatalf("renewed with six minutes left: %v", err)
	}
	s.clock.pass(90 * time.Second)
	_, renewed, err := s.Verify(t.Context(), token)
	if err != nil || renewed == "" {
		t.Fatalf("not renewed with four minutes left: %v", err)
	}
	s.clock.pass(10 * time.Minute)
	refused(t, s.Auth, token, "expired")
	id := accepted(t, s.Auth, renewed)
	if left := id.ExpiresAt().Sub(s.clock.Now()); left != 50*time.Minute {
		t.Errorf("the renewed session has %s left", left)
	}
	// tokens of accounts and roles are not renewed: their holder keeps them in a file
	api, err := s.CreateToken(t.Context(), "ci", "", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, renewed, err := s.Verify(t.Context(), api); err != nil || renewed != "" {
		t.Errorf("an API token was renewed, or refused: %v", err)
	}
}

// What a token was issued for can end before it: on every replica, at the next look (B-159).
func TestTokensEndWithWhatTheyWereIssuedFor(t *testing.T) {
	for name, c := range map[string]struct {
		user, words string
		end         func(t *testing.T, s *stage)
	}{
		"account disabled":    {"ann", "disabled", func(_ *testing.T, s *stage) { s.records.set("accounts.ann.enabled", "false") }},
		"account malformed":   {"ann", "malformed", func(_ *testing.T, s *stage) { s.records.set("accounts.ann.enabled", "perhaps") }},
		"account gone":        {"ann", "does not exist", func(_ *testing.T, s *stage) { s.records.set("accounts.ann", "") }},
		"capability gone":     {"ann", "capability", func(_ *testing.T, s *stage) { s.records.set("accounts.ann", "apiKey") }},
		"admin off":           {"admin", "disabled", func(_ *testing.T, s *stage) { s.records.set("admin.enabled", "false") }},
		"password time wrong": {"ann", "malformed", func(_ *testing.T, s *stage) { s.records.put(SettingsSecret, "accounts.ann.passwordMtime", "noon") }},
		"password changed": {"ann", "password has changed", func(t *testing.T, s *stage) {
			if err := s.UpdatePassword(t.Context(), accepted(t, s.Auth, s.login(t, "ann")), "", password, "another one", here); err != nil {
				t.Fatal(err)
			}
		}},
		"subject revoked": {"ann", "revoked", func(t *testing.T, s *stage) {
			if err := s.RevokeSubject(t.Context(), Issuer, "ann"); err != nil {
				t.Fatal(err)
			}
		}},
		"everything revoked": {"admin", "signature", func(t *testing.T, s *stage) {
			if err := s.RevokeEverything(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			other := s.another()
			token := s.login(t, c.user)
			accepted(t, other, token)
			c.end(t, s)
			refused(t, s.Auth, token, c.words)
			refused(t, other, token, c.words)
		})
	}
}

func TestAccountTokens(t *testing.T) {
	s := newStage(t, nil)
	other := s.another()
	token, err := s.CreateToken(t.Context(), "ci", "build", 0)
	if err != nil {
		t.Fatal(err)
	}
	id := accepted(t, other, token)
	if id.Subject() != "ci" || id.TokenID() != "build" || !id.ExpiresAt().IsZero() {
		t.Errorf("got %+v", id)
	}
	if _, err := s.CreateToken(t.Context(), "ci", "build", 0); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "already has token with id 'build'") {
		t.Errorf("the same id twice: %v", err)
	}
	short, err := s.CreateToken(t.Context(), "ci", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	acc, err := s.Account("ci")
	if err != nil || len(acc.Tokens) != 2 || acc.Tokens[1].ExpiresAt != s.clock.Now().Add(time.Hour).Unix() || len(acc.Tokens[1].ID) < 26 {
		t.Errorf("listed are %+v, %v", acc.Tokens, err)
	}
	if want := fmt.Sprintf(`[{"id":"build","iat":%d},`, s.clock.Now().Unix()); !strings.HasPrefix(string(s.records.secret(SettingsSecret)["accounts.ci.tokens"]), want) {
		t.Errorf("not as Argo CD writes it: %s", s.records.secret(SettingsSecret)["accounts.ci.tokens"])
	}
	if err := s.DeleteToken(t.Context(), "ci", "build"); err != nil {
		t.Fatal(err)
	}
	refused(t, s.Auth, token, "does not have token with id build")
	refused(t, other, token, "does not have token with id build")
	accepted(t, other, short)
	if err := s.DeleteToken(t.Context(), "ci", "build"); !problem.Is(err, problem.NotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	s.clock.pass(time.Hour)
	refused(t, other, short, "expired")
	for name, make := range map[string]func() (string, error){
		"no such account": func() (string, error) { return s.CreateToken(t.Context(), "eve", "", 0) },
		"no capability":   func() (string, error) { return s.CreateToken(t.Context(), "admin", "", 0) },
		"negative":        func() (string, error) { return s.CreateToken(t.Context(), "ci", "", -time.Second) },
		"long id":         func() (string, error) { return s.CreateToken(t.Context(), "ci", strings.Repeat("x", 300), 0) },
	} {
		if token, err := make(); err == nil || token != "" {
			t.Errorf("%s: no error", name)
		}
	}
	// a list that cannot be read is not written over
	s.records.put(SettingsSecret, "accounts.ci.tokens", "{nonsense")
	if _, err := s.CreateToken(t.Context(), "ci", "", 0); err == nil {
		t.Error("a list that cannot be read was written over")
	}
	if got := string(s.records.secret(SettingsSecret)["accounts.ci.tokens"]); got != "{nonsense" {
		t.Errorf("it is now %s", got)
	}
}

func TestProjectTokens(t *testing.T) {
	s := newStage(t, nil)
	token, record, err := s.ProjectToken("web", "deploy", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, s.Auth, token, "does not exist in project")
	s.roles["web deploy"] = append(s.roles["web deploy"], record)
	id := accepted(t, s.Auth, token)
	if project, role := id.Role(); id.Kind() != Project || id.Subject() != "proj:web:deploy" || project != "web" || role != "deploy" {
		t.Errorf("got %+v", id)
	}
	// another token of the same second is not this one
	s.roles["web deploy"][0].ID = "another"
	refused(t, s.Auth, token, "does not exist in project")
	// a record without id, of an old release, is told by its second
	s.roles["web deploy"][0].ID = ""
	accepted(t, s.Auth, token)
	s.roles["web deploy"][0].ExpiresAt = s.clock.Now().Unix()
	refused(t, s.Auth, token, "does not exist in project")
	delete(s.roles, "web deploy")
	refused(t, s.Auth, token, "does not exist")
	for _, c := range [][2]string{{"", "r"}, {"p", ""}, {"a:b", "r"}, {"p", "r:x"}} {
		if _, _, err := s.ProjectToken(c[0], c[1], "", 0); !problem.Is(err, problem.Invalid) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	s := newStage(f, nil)
	good := signed(f, jwt.SigningMethodHS256, []byte(testKey), s.good())
	f.Add(good)
	f.Add(signed(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, s.good()))
	f.Add("eyJhbGciOiJSUzI1NiJ9.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		id, _, err := s.Verify(t.Context(), token)
		if err == nil && token != good {
			t.Fatalf("accepted %q", token)
		}
		if err != nil {
			nobody(t, id)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	s := newStage(b, nil)
	session := s.login(b, "admin")
	api, err := s.CreateToken(b.Context(), "ci", "", 0)
	if err != nil {
		b.Fatal(err)
	}
	for name, token := range map[string]string{"session": session, "api": api} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Verify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
