package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// idp is an OpenID provider: discovery, keys, codes with PKCE, user info. It really signs.
type idp struct {
	*httptest.Server
	now func() time.Time

	mu       sync.Mutex
	key      *ecdsa.PrivateKey
	kid      string
	asked    map[string]int                                    // path → requests
	codes    map[string]url.Values                             // code → what the browser was sent with
	claims   map[string]any                                    // of ID tokens, over the usual ones; nil removes one
	told     map[string]any                                    // by user info
	spoil    func(w http.ResponseWriter, r *http.Request) bool // answers instead
	refresh  map[string]bool                                   // refresh tokens that are good, each once; nil: none are given
	lenient  bool                                              // codes are good for ever
	methods  []string                                          // how clients may prove themselves; nil: basic
	secret   string
	clientID string
}

func newIDP(t testing.TB, now func() time.Time) *idp { return startIDP(t, now, false) }

func startIDP(t testing.TB, now func() time.Time, secure bool) *idp {
	t.Helper()
	p := &idp{now: now, asked: map[string]int{}, codes: map[string]url.Values{}, secret: "client+secret", clientID: "hawser"}
	p.rotate(t, "k1")
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("/keys", p.keys)
	mux.HandleFunc("/token", p.token)
	mux.HandleFunc("/userinfo", p.userInfo)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.asked[r.URL.Path]++
		spoil := p.spoil
		p.mu.Unlock()
		if spoil == nil || !spoil(w, r) {
			mux.ServeHTTP(w, r)
		}
	})
	if secure {
		p.Server = httptest.NewTLSServer(handler)
		p.Config.ErrorLog = nil
	} else {
		p.Server = httptest.NewServer(handler)
	}
	t.Cleanup(p.Close)
	return p
}

// rotate makes another signing key.
func (p *idp) rotate(t testing.TB, kid string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.kid = key, kid
}

func (p *idp) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer(w, map[string]any{
		"token_endpoint_auth_methods_supported": p.methods,
		"issuer":                                p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256", "RS256"},
	})
}

func (p *idp) keys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b64 := base64.RawURLEncoding.EncodeToString
	point, err := p.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		panic(err)
	}
	answer(w, map[string]any{"keys": []any{map[string]string{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": p.kid, "x": b64(point[1:33]), "y": b64(point[33:]),
	}}})
}

// browser follows the redirect to the issuer, logs in there and comes back: it returns the query of the callback.
func (p *idp) browser(t testing.TB, location string) url.Values {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, p.URL+"/authorize?") {
		t.Fatalf("sent to %s, %v", location, err)
	}
	q := u.Query()
	code := fmt.Sprintf("code-%d", time.Now().UnixNano())
	p.mu.Lock()
	p.codes[code] = q
	p.mu.Unlock()
	return url.Values{"code": {code}, "state": {q.Get("state")}}
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	sent, ok := p.codes[r.FormValue("code")]
	if !p.lenient {
		delete(p.codes, r.FormValue("code"))
	}
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	if s, err := url.QueryUnescape(secret); err == nil && basic {
		secret = s
	}
	if wrong := basic == (len(p.methods) > 0 && p.methods[0] != "client_secret_basic"); wrong {
		ok = false
	}
	if r.FormValue("grant_type") == "refresh_token" && id == p.clientID && secret == p.secret {
		p.mu.Lock()
		ok := p.refresh[r.FormValue("refresh_token")]
		delete(p.refresh, r.FormValue("refresh_token"))
		p.mu.Unlock()
		if ok {
			answer(w, p.give(map[string]any{}))
			return
		}
	}
	if !ok || id != p.clientID || secret != p.secret || sent.Get("code_challenge_method") != "S256" || r.FormValue("redirect_uri") != sent.Get("redirect_uri") ||
		sent.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","error_description":"client+secret is not it"}`)
		return
	}
	answer(w, p.give(map[string]any{"nonce": sent.Get("nonce")}))
}

// give is what the token endpoint answers.
func (p *idp) give(changes map[string]any) map[string]any {
	out := map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 300, "id_token": p.sign(changes)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refresh != nil {
		token := rand.Text()
		p.refresh[token] = true
		out["refresh_token"] = token
	}
	return out
}

func (p *idp) userInfo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer access" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	answer(w, p.told)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// sign returns an ID token with these claims over the usual ones.
func (p *idp) sign(changes map[string]any) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now().Unix()
	c := jwt.MapClaims{"iss": p.URL, "sub": "u1", "aud": p.clientID, "iat": now, "exp": now + 3600, "email": "ann@example.com", "groups": []string{"dev", "ops"}}
	c = with(with(c, maps.Clone(p.claims)), changes)
	token := jwt.NewWithClaims(jwt.SigningMethodES256, c)
	token.Header["kid"] = p.kid
	text, err := token.SignedString(p.key)
	if err != nil {
		panic(err)
	}
	return text
}

// config is oidc.config for this issuer.
func (p *idp) config(more string) string {
	return fmt.Sprintf("name: Test\nissuer: %s\nclientID: hawser\ncliClientID: hawser-cli\nclientSecret: $oidc.secret\n%s", p.URL, more)
}

// withIDP is a stage that trusts an issuer.
func withIDP(t testing.TB, more string) (*stage, *idp) {
	t.Helper()
	s := newStage(t, nil)
	p := newIDP(t, s.clock.Now)
	s.records.put(SettingsSecret, "oidc.secret", p.secret+"\n")
	s.records.set("oidc.config", p.config(more))
	if problems := s.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	return s, p
}

// rootPEM is the certificate authority of a TLS issuer, indented for YAML.
func (p *idp) rootPEM() string {
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}))
	return "rootCA: |\n  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}
