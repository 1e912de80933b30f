package api_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// idp is an issuer of tokens, as companies have one: it signs what people are and which groups they are in.
type idp struct {
	url string
	key *rsa.PrivateKey
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &idp{key: key}
	mux := http.NewServeMux()
	answer := func(path string, body func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body())
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		return map[string]any{"issuer": i.url, "jwks_uri": i.url + "/keys", "authorization_endpoint": i.url + "/auth", "token_endpoint": i.url + "/token",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}}
	})
	answer("/keys", func() any {
		b64 := base64.RawURLEncoding.EncodeToString
		return map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}}}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	i.url = s.URL
	return i
}

// config is oidc.config of argocd-cm.
func (i *idp) config() string {
	return "name: Company\nissuer: " + i.url + "\nclientID: argocd\n"
}

// caller is somebody who has logged in there.
func (i *idp) caller(t *testing.T, h *house, name string, groups ...string) *caller {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": i.url, "aud": "argocd", "sub": name, "email": name + "@company.example", "groups": groups,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
	token.Header["kid"] = "1"
	signed, err := token.SignedString(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return h.with(t, &caller{name: name, token: signed})
}

// Members of a role make tokens for it, and only for it, without any permission on the project.
func TestMembersMakeTokensForTheirRole(t *testing.T) {
	i := newIDP(t)
	h := start(t, map[string]string{"oidc.config": i.config(), "url": "http://127.0.0.1"})
	h.run(t, []scenario{{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("shop",
		`{"sourceRepos":["*"],"destinations":[{"server":"*","namespace":"*"}],"roles":[{"name":"dev","groups":["developers"]},{"name":"ops","groups":["operators"]}]}`)}})
	dev, stranger := i.caller(t, h, "ann", "developers"), i.caller(t, h, "bob", "others")

	status, answer := dev.do(t, "POST", "/api/v1/projects/shop/roles/dev/token", `{"id":"mine"}`)
	if status != 200 || !strings.Contains(answer, `"token":"ey`) {
		t.Fatalf("a member makes a token: %d %s", status, answer)
	}
	robot := h.with(t, &caller{name: "robot", token: into[struct{ Token string }](t, answer).Token})
	for _, c := range []struct {
		who        *caller
		verb, path string
		status     int
	}{
		{dev, "POST", "/api/v1/projects/shop/roles/ops/token", 403},
		{stranger, "POST", "/api/v1/projects/shop/roles/dev/token", 403},
		{robot, "POST", "/api/v1/projects/shop/roles/dev/token", 403}, // a token is no member: it could outlive itself
		{stranger, "DELETE", "/api/v1/projects/shop/roles/dev/token/0?id=mine", 403},
		{robot, "GET", "/api/v1/projects/shop", 200},
		{dev, "DELETE", "/api/v1/projects/shop/roles/dev/token/0?id=mine", 200},
		{robot, "GET", "/api/v1/projects/shop", 401},
		{dev, "DELETE", "/api/v1/projects/shop", 403},
	} {
		if status, answer := c.who.do(t, c.verb, c.path, "{}"); status != c.status {
			t.Errorf("%s %s by %s: %d %s, want %d", c.verb, c.path, c.who.name, status, answer, c.status)
		}
	}
}
