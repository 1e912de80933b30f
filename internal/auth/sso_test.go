package auth

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/hawser-cd/hawser/internal/problem"
)

func TestIDTokens(t *testing.T) {
	s, p := withIDP(t, "")
	id := accepted(t, s.Auth, p.sign(nil))
	if id.Kind() != SSO || id.Subject() != "u1" || id.Username() != "ann@example.com" || id.Issuer() != p.URL || !slices.Equal(id.Groups(nil), []string{"dev", "ops"}) {
		t.Errorf("got %+v", id)
	}
	if got := id.Groups([]string{"groups", "email"}); !slices.Equal(got, []string{"dev", "ops", "ann@example.com"}) {
		t.Errorf("scopes: %v", got)
	}
	accepted(t, s.Auth, p.sign(map[string]any{"aud": "hawser-cli"})) // the CLI logs in by itself
	accepted(t, s.Auth, p.sign(map[string]any{"aud": []string{"other", "hawser"}}))
	if id := accepted(t, s.Auth, p.sign(map[string]any{"federated_claims": map[string]any{"user_id": "bob", "connector_id": "x"}, "sub": "CgNib2I"})); id.Subject() != "bob" {
		t.Errorf("Dex: %s", id.Subject())
	}
	if n := p.count("/keys") + p.count("/.well-known/openid-configuration"); n != 2 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

func TestBadIDTokens(t *testing.T) {
	s, p := withIDP(t, "")
	now := s.clock.Now().Unix()
	stranger := newIDP(t, s.clock.Now)
	good := p.sign(nil)
	parts := strings.Split(good, ".")
	accepted(t, s.Auth, good)
	b64 := base64.RawURLEncoding.EncodeToString
	for _, c := range []struct{ name, token, words string }{
		{"expired", p.sign(map[string]any{"exp": now - 1}), "expired"},
		{"expires now", p.sign(map[string]any{"exp": now}), "expired"},
		{"no exp", p.sign(map[string]any{"exp": nil}), "expired"},
		{"nbf ahead", p.sign(map[string]any{"nbf": now + 120}), "in the future"},
		{"iat ahead", p.sign(map[string]any{"iat": now + 120}), "in the future"},
		{"no iat", p.sign(map[string]any{"iat": nil}), "lacks"},
		{"no sub", p.sign(map[string]any{"sub": nil}), "lacks"},
		{"no aud", p.sign(map[string]any{"aud": nil}), "another audience"},
		{"empty aud", p.sign(map[string]any{"aud": ""}), "another audience"},
		{"another's aud", p.sign(map[string]any{"aud": "grafana"}), "another audience"},
		{"aud is no string", p.sign(map[string]any{"aud": 7}), "not valid"},
		{"issuer not configured", stranger.sign(nil), "issuer is not configured"},
		{"stranger says our issuer", stranger.sign(map[string]any{"iss": p.URL}), "not valid"},
		{"no issuer", p.sign(map[string]any{"iss": nil}), "issuer is not configured"},
		{"our own iss", p.sign(map[string]any{"iss": "argocd", "sub": "admin:login"}), "issuer is not configured"},
		{"other claims", parts[0] + "." + b64(fmt.Appendf(nil, `{"iss":%q,"sub":"u2","aud":"hawser","iat":%d,"exp":%d}`, p.URL, now, now+99)) + "." + parts[2], "not valid"},
		{"alg none", b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", "not valid"},
		{"HS256 with the public client secret", signed(t, jwt.SigningMethodHS256, []byte(p.secret), jwt.MapClaims{"iss": p.URL, "sub": "u1", "aud": "hawser", "iat": now, "exp": now + 99}), "signature is invalid"},
		{"header is no object", b64([]byte(`[]`)) + "." + parts[1] + "." + parts[2], "not a token"},
		{"called admin", p.sign(map[string]any{"sub": "admin"}), "name of a local account"},
		{"called admin by Dex", p.sign(map[string]any{"federated_claims": map[string]any{"user_id": "admin"}}), "name of a local account"},
		{"called as an account", p.sign(map[string]any{"sub": "ci"}), "name of a local account"},
		{"called as a project's role", p.sign(map[string]any{"sub": "proj:web:deploy"}), "name of a local account or role"},
		{"called as a role", p.sign(map[string]any{"sub": "role:admin"}), "name of a local account or role"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, s.Auth, c.token, c.words) })
	}
	accepted(t, s.Auth, good)
}

// B-166: what is no string and no list of strings gives no groups; what is one counts letter by letter.
func TestGroupsOfClaims(t *testing.T) {
	many := make([]string, 10001)
	for n := range many {
		many[n] = fmt.Sprint("g", n)
	}
	s, p := withIDP(t, "")
	for _, c := range []struct {
		name   string
		groups any
		want   []string
	}{
		{"missing", nil, nil},
		{"empty", []string{}, nil},
		{"empty string", "", nil},
		{"string", "dev", []string{"dev"}},
		{"list", []string{"dev", "ops"}, []string{"dev", "ops"}},
		{"nested", map[string]any{"admin": true}, nil},
		{"list of lists", []any{[]string{"admin"}}, nil},
		{"not all strings", []any{"admin", 7}, nil},
		{"number", 7, nil},
		{"true", true, nil},
		{"too many", many, nil},
		{"too long", []string{strings.Repeat("x", 2000)}, nil},
		{"line end", []string{"admin\n"}, []string{"admin\n"}},
		{"empty among others", []string{"", "dev"}, []string{"dev"}},
		{"names of ours", []string{"role:admin", "proj:web:deploy", "dev"}, []string{"dev"}},
	} {
		if strings.HasPrefix(c.name, "too") {
			if got := (Identity{claims: plainClaims(map[string]any{"groups": anys(c.groups.([]string))})}).Groups(nil); got != nil {
				t.Errorf("%s: got %d", c.name, len(got))
			}
			continue
		}
		id := accepted(t, s.Auth, p.sign(map[string]any{"groups": c.groups}))
		if got := id.Groups(nil); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func anys(in []string) (out []any) {
	for _, s := range in {
		out = append(out, s)
	}
	return out
}

// The issuer's keys rotate; strangers cannot make us ask for them without end.
func TestKeysOfAnIssuer(t *testing.T) {
	s, p := withIDP(t, "")
	old := p.sign(nil)
	accepted(t, s.Auth, old)
	p.rotate(t, "k2")
	accepted(t, s.Auth, p.sign(nil))
	stranger := newIDP(t, s.clock.Now)
	for range 100 {
		id, _, err := s.Verify(t.Context(), stranger.sign(map[string]any{"iss": p.URL}))
		if err == nil {
			t.Fatal("accepted")
		}
		nobody(t, id)
	}
	if n := p.count("/keys"); n > 6 {
		t.Errorf("keys were fetched %d times", n)
	}
	accepted(t, s.Auth, p.sign(nil)) // its key is known
	s.clock.pass(time.Minute)
	p.rotate(t, "k3")
	accepted(t, s.Auth, p.sign(nil))
	// a key that the issuer has dropped is not trusted for ever
	leaked := p.sign(map[string]any{"exp": s.clock.Now().Add(24 * time.Hour).Unix()})
	p.rotate(t, "k4")
	accepted(t, s.Auth, leaked) // nobody has told us
	s.clock.pass(issuerFresh)
	eventually(func() bool { _, _, err := s.Verify(t.Context(), leaked); return err != nil })
	refused(t, s.Auth, leaked, "not valid")
}

// eventually waits for what happens in the background.
func eventually(done func() bool) {
	for range 500 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// An issuer that is away for long is not believed for ever.
func TestIssuerGoneAway(t *testing.T) {
	s, p := withIDP(t, "")
	token := p.sign(map[string]any{"exp": s.clock.Now().Add(48 * time.Hour).Unix()})
	accepted(t, s.Auth, token)
	p.Close()
	s.clock.pass(issuerFresh)
	accepted(t, s.Auth, token)
	s.clock.pass(issuerStale)
	if id, _, err := s.Verify(t.Context(), token); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("got %v, %v", id, err)
	}
}

// An issuer that cannot be asked lets nobody in, is not asked again at once, and what it answers is in no error.
func TestIssuerOutOfOrder(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w http.ResponseWriter, r *http.Request) bool
		words string
	}{
		"error":    {func(w http.ResponseWriter, _ *http.Request) bool { http.Error(w, "canary", 500); return true }, "did not answer as an issuer does"},
		"nonsense": {func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "canary"); return true }, "did not answer as an issuer does"},
		"another name": {func(w http.ResponseWriter, _ *http.Request) bool {
			answer(w, map[string]any{"issuer": "https://canary.example"})
			return true
		}, "another name"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"x":"`, strings.Repeat("canary", 300000), `"}`)
			return true
		}, "did not answer as an issuer does"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "https://canary.example/", http.StatusFound)
			return true
		}, "did not answer as an issuer does"},
		"keys fail": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/keys" {
				return false
			}
			http.Error(w, "canary", 500)
			return true
		}, "its keys could not be had"},
		"keys without TLS": {func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/keys" {
				return false
			}
			answer(w, map[string]any{"issuer": "http://" + r.Host, "id_token_signing_alg_values_supported": []string{"ES256"}, "jwks_uri": "http://192.0.2.1/canary"})
			return true
		}, "address without TLS"},
		"file": {func(w http.ResponseWriter, r *http.Request) bool {
			answer(w, map[string]any{"issuer": "http://" + r.Host, "id_token_signing_alg_values_supported": []string{"ES256"}, "jwks_uri": "file:///etc/canary"})
			return true
		}, "address without TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := withIDP(t, "")
			p.spoil = c.spoil
			for range 5 {
				id, _, err := s.Verify(t.Context(), p.sign(nil))
				if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "canary") {
					t.Fatalf("got %v", err)
				}
				nobody(t, id)
			}
			if n := p.count("/.well-known/openid-configuration"); n != 1 {
				t.Errorf("asked %d times", n)
			}
			p.mu.Lock()
			p.spoil = nil
			p.mu.Unlock()
			s.clock.pass(2 * time.Hour) // what was discovered is asked for again
			eventually(func() bool { _, _, err := s.Verify(t.Context(), p.sign(nil)); return err == nil })
			accepted(t, s.Auth, p.sign(nil))
			p.mu.Lock()
			p.spoil = c.spoil
			p.mu.Unlock()
			accepted(t, s.Auth, p.sign(nil)) // what is known is enough
		})
	}
}

// B-163: an issuer's certificate is checked against the system's authorities, or rootCA.
func TestCertificateOfAnIssuer(t *testing.T) {
	s := newStage(t, nil)
	p := startIDP(t, s.clock.Now, true)
	s.records.put(SettingsSecret, "oidc.secret", p.secret)
	s.records.set("oidc.config", p.config(""))
	if _, _, err := s.Verify(t.Context(), p.sign(nil)); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "certificate is not trusted") {
		t.Errorf("got %v", err)
	}
	s.records.set("oidc.config", p.config(p.rootPEM()))
	accepted(t, s.Auth, p.sign(nil))
	s.records.set("oidc.tls.insecure.skip.verify", "true")
	s.records.set("oidc.config", p.config(""))
	if _, _, err := s.Verify(t.Context(), p.sign(nil)); err == nil {
		t.Error("certificates are not checked")
	}
	if len(s.Problems()) != 1 {
		t.Errorf("problems: %v", s.Problems())
	}
}

func TestIssuerSettings(t *testing.T) {
	for name, c := range map[string]struct{ config, words string }{
		"no YAML":             {"issuer: [https://a\nclientSecret: canary", "not the YAML"},
		"another type":        {"issuer: https://a\nclientID: [canary]", "not the YAML"},
		"no issuer":           {"clientID: x", "issuer is not a URL"},
		"http":                {"issuer: http://idp.example\nclientID: x", "must begin with https"},
		"a password":          {"issuer: https://u:canary@idp.example\nclientID: x", "not a URL"},
		"no client":           {"issuer: https://idp.example", "clientID is missing"},
		"reference to nobody": {"issuer: https://idp.example\nclientID: x\nclientSecret: $canary.none", "clientSecret refers to a key"},
		"no certificate":      {"issuer: https://idp.example\nclientID: x\nrootCA: canary", "no certificate"},
		"user info over http": {"issuer: https://idp.example\nclientID: x\nenableUserInfoGroups: true\nuserInfoBaseURL: http://x\nuserInfoPath: /u", "userInfoPath"},
	} {
		s := newStage(t, map[string]string{"oidc.config": c.config})
		problems := s.Problems()
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), c.words) || strings.Contains(problems[0].Error(), "canary") {
			t.Errorf("%s: %v", name, problems)
		}
		if len(s.Providers()) != 0 {
			t.Errorf("%s: it is on", name)
		}
	}
	// references to another Secret; several issuers; twice the same
	s := newStage(t, map[string]string{
		"oidc.config":         "{name: One, issuer: 'https://one.example', clientID: x, clientSecret: '$sso:secret', requestedScopes: [openid], logoutURL: 'https://one.example/out?t={{token}}&r={{logoutRedirectURL}}'}",
		"hawser.oidc.issuers": "[{name: Two, issuer: 'https://two.example', clientID: y}, {name: Again, issuer: 'https://one.example', clientID: z}]",
	})
	s.records.put("sso", "secret", "s3cret\n")
	if len(s.Problems()) != 1 || !strings.Contains(s.Problems()[0].Error(), "twice") {
		t.Errorf("problems: %v", s.Problems())
	}
	if st, err := s.state(); err != nil || st.issuers["https://one.example"].ClientSecret != "s3cret" {
		t.Errorf("the reference is not resolved")
	}
	got := s.Providers()
	if len(got) != 2 || got[0].Name != "One" || got[1].Name != "Two" || !slices.Equal(got[1].Scopes, []string{"openid", "profile", "email", "groups"}) {
		t.Fatalf("got %+v", got)
	}
	if u := got[0].EndURL("a&b", "https://cd.example.com"); u != "https://one.example/out?t=a%26b&r=https%3A%2F%2Fcd.example.com" {
		t.Errorf("got %s", u)
	}
}

// login goes through the whole flow.
func (s *stage) sso(t *testing.T, p *idp, start Start, change func(cookie string, q url.Values) (string, url.Values)) (Session, error) {
	t.Helper()
	location, cookie, err := s.BeginLogin(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	if len(cookie) > 2000 || p.secret != "" && strings.Contains(location, p.secret) {
		t.Errorf("cookie of %d bytes", len(cookie))
	}
	q := p.browser(t, location)
	if change != nil {
		cookie, q = change(cookie, q)
	}
	return s.CompleteLogin(t.Context(), cookie, q)
}

func TestLoginThroughAnIssuer(t *testing.T) {
	s, p := withIDP(t, "requestedScopes: [openid, groups]\nrequestedIDTokenClaims: {groups: {essential: true}}\n")
	location, _, err := s.BeginLogin(t.Context(), Start{Host: "cd.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for key, want := range map[string]string{"response_type": "code", "client_id": "hawser", "scope": "openid groups", "code_challenge_method": "S256",
		"redirect_uri": "https://cd.example.com/auth/callback", "claims": `{"id_token":{"groups":{"essential":true}}}`} {
		if q.Get(key) != want {
			t.Errorf("%s is %q, want %q", key, q.Get(key), want)
		}
	}
	for _, key := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(key)) < 26 {
			t.Errorf("%s is %q", key, q.Get(key))
		}
	}
	got, err := s.sso(t, p, Start{Return: "/applications?x=1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Return != "/applications?x=1" || got.Identity.Subject() != "u1" {
		t.Errorf("got %+v", got)
	}
	if id := accepted(t, s.Auth, got.Token); id.Kind() != SSO || id.Issuer() != p.URL {
		t.Errorf("got %+v", id)
	}
	if got, err := s.sso(t, p, Start{Return: "//evil", Root: "/argo"}, nil); err != nil || got.Return != "/argo" {
		t.Errorf("got %q, %v", got.Return, err)
	}
	// logged out it is over, though the issuer's signature is still good
	if _, err := s.Logout(t.Context(), got.Token); err != nil {
		t.Fatal(err)
	}
	refused(t, s.another(), got.Token, "revoked")
	accepted(t, s.Auth, p.sign(map[string]any{"jti": "another"}))
}

// A client proves itself as the issuer wants it, at the first try; one without a secret by PKCE alone.
func TestHowClientsProveThemselves(t *testing.T) {
	for name, methods := range map[string][]string{
		"not said": nil, "basic": {"client_secret_basic", "client_secret_post"}, "post": {"client_secret_post", "private_key_jwt"}, "none": {"none"},
	} {
		s, p := withIDP(t, "")
		p.methods = methods
		if name == "none" {
			p.secret = ""
			s.records.set("oidc.config", strings.ReplaceAll(p.config(""), "clientSecret: $oidc.secret\n", ""))
		}
		if _, err := s.sso(t, p, Start{}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := p.count("/token"); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
}

func TestBadCallbacks(t *testing.T) {
	s, p := withIDP(t, "")
	type change = func(cookie string, q url.Values) (string, url.Values)
	param := func(key, value string) change {
		return func(c string, q url.Values) (string, url.Values) {
			q = maps.Clone(q)
			q[key] = []string{value}
			return c, q
		}
	}
	_, foreign, err := s.BeginLogin(t.Context(), Start{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change change
		words  string
	}{
		{"no cookie", func(_ string, q url.Values) (string, url.Values) { return "", q }, "did not begin it"},
		{"made-up cookie", func(c string, q url.Values) (string, url.Values) { return c[:len(c)-4] + "AAAA", q }, "did not begin it"},
		{"long cookie", func(_ string, q url.Values) (string, url.Values) { return strings.Repeat("A", 9000), q }, "did not begin it"},
		{"another browser's cookie", func(_ string, q url.Values) (string, url.Values) { return foreign, q }, "another login"},
		{"no state", param("state", ""), "another login"},
		{"another state", param("state", "x"), "another login"},
		{"another issuer", param("iss", "https://evil.example"), "another issuer"},
		{"no code", param("code", ""), "no code"},
		{"made-up code", param("code", "x"), "invalid_grant"},
		{"denied", param("error", "access_denied"), "the issuer says access_denied"},
		{"text in the error", param("error", "<b>Call 555-1234</b>"), "no code"},
		{"too late", func(c string, q url.Values) (string, url.Values) { s.clock.pass(StateLifetime); return c, q }, "too long"},
	} {
		got, err := s.sso(t, p, Start{}, c.change)
		if !problem.Is(err, problem.Unauthenticated) || !strings.Contains(err.Error(), c.words) || got.Token != "" {
			t.Errorf("%s: got %v", c.name, err)
			continue
		}
		if strings.Contains(err.Error(), p.secret) || strings.Contains(err.Error(), "555") {
			t.Errorf("%s: the error says too much: %v", c.name, err)
		}
		nobody(t, got.Identity)
	}
	for name, claims := range map[string]map[string]any{
		"ID token of another login": {"nonce": "x"}, "for the CLI": {"aud": "hawser-cli"}, "expired": {"exp": 1}, "called admin": {"sub": "admin"},
	} {
		p.claims = claims
		if name == "ID token of another login" { // the nonce is set last: remove it by a spoiled answer
			p.spoil = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/token" {
					return false
				}
				answer(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": p.sign(map[string]any{"nonce": "x"})})
				return true
			}
		}
		if got, err := s.sso(t, p, Start{}, nil); err == nil || got.Token != "" || got.Identity.LoggedIn() {
			t.Errorf("%s: no error", name)
		}
		p.claims, p.spoil = nil, nil
	}
	if _, _, err := s.BeginLogin(t.Context(), Start{Issuer: "https://other.example"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("unknown issuer: %v", err)
	}
	s.records.set("url", "")
	if _, _, err := s.BeginLogin(t.Context(), Start{Host: "evil.example"}); !problem.Is(err, problem.Invalid) {
		t.Errorf("no url: %v", err)
	}
}

// B-162: a state comes back once, also from an issuer whose codes are good for ever; and no two are the same.
func TestCallbackTwice(t *testing.T) {
	s, p := withIDP(t, "")
	p.lenient = true
	location, cookie, err := s.BeginLogin(t.Context(), Start{})
	if err != nil {
		t.Fatal(err)
	}
	q := p.browser(t, location)
	if _, err := s.CompleteLogin(t.Context(), cookie, q); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CompleteLogin(t.Context(), cookie, q); err == nil || !strings.Contains(err.Error(), "over already") {
		t.Errorf("got %v", err)
	}
	seen := map[string]bool{}
	for range 100 {
		location, cookie, err := s.BeginLogin(t.Context(), Start{})
		if err != nil || seen[location] || seen[cookie] {
			t.Fatal("the same again", err)
		}
		seen[location], seen[cookie] = true, true
	}
}

// Groups that only user info tells are in a session of ours, which every replica reads.
func TestUserInfoGroups(t *testing.T) {
	s, p := withIDP(t, "enableUserInfoGroups: true\nuserInfoPath: /userinfo\nuserInfoCacheExpiration: 10m\n")
	p.claims = map[string]any{"groups": nil}
	p.told = map[string]any{"sub": "u1", "groups": []string{"ops"}, "email": "x"}
	got, err := s.sso(t, p, Start{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := s.another()
	id := accepted(t, other, got.Token)
	if id.Kind() != SSO || id.Subject() != "u1" || id.Issuer() != p.URL || id.Username() != "ann@example.com" || !slices.Equal(id.Groups(nil), []string{"ops"}) {
		t.Errorf("got %+v", id)
	}
	if _, err := s.Logout(t.Context(), got.Token); err != nil {
		t.Fatal(err)
	}
	refused(t, other, got.Token, "revoked")
	again, err := s.sso(t, p, Start{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.records.set("accounts.u1", "login") // somebody makes an account of that name
	refused(t, other, again.Token, "name of a local account")
	s.records.set("accounts.u1", "")
	s.clock.pass(9 * time.Minute)
	if _, renewed, err := s.Verify(t.Context(), again.Token); err != nil || renewed != "" {
		t.Errorf("renewed without asking the issuer: %v", err)
	}
	s.clock.pass(2 * time.Minute)
	refused(t, other, again.Token, "expired")
	p.told = map[string]any{"sub": "u2", "groups": []string{"admins"}}
	if _, err := s.sso(t, p, Start{}, nil); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("user info of another: %v", err)
	}
	p.told = map[string]any{"sub": "u1", "groups": map[string]any{"admin": 1}}
	if got, err := s.sso(t, p, Start{}, nil); err != nil || got.Identity.Groups(nil) != nil {
		t.Errorf("malformed groups: %v, %v", got.Identity.Groups(nil), err)
	}
	// a bearer ID token brings no groups from there
	if id := accepted(t, s.Auth, p.sign(nil)); id.Groups(nil) != nil {
		t.Errorf("got %v", id.Groups(nil))
	}
	s.records.set("oidc.config", "")
	refused(t, s.Auth, again.Token, "")
}

func FuzzUnseal(f *testing.F) {
	s := newStage(f, nil)
	st, err := s.state()
	if err != nil {
		f.Fatal(err)
	}
	cookie, err := st.seal(StateCookie, pending{State: "x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(cookie)
	f.Fuzz(func(t *testing.T, c string) {
		var p pending
		if st.unseal(StateCookie, c, &p) && p.State != "x" { // no other was ever sealed
			t.Fatalf("unsealed %q", c)
		}
	})
}
