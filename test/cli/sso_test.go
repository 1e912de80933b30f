package cli_test

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/cli"
)

// issuer is an OpenID provider that logs in alice, who is never asked. It checks PKCE (RFC 7636) as providers do.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu        sync.Mutex
	challenge string
	lasts     time.Duration // of the next identity token
	refreshed int
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key, lasts: time.Hour}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"issuer": i.URL, "authorization_endpoint": i.URL + "/auth", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid", "offline_access"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "one", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}}})
	})
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("client_id") != "cli" || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || !strings.Contains(q.Get("scope"), "offline_access") {
			http.Error(w, "wrong request: "+r.URL.RawQuery, http.StatusBadRequest)
			return
		}
		i.mu.Lock()
		i.challenge = q.Get("code_challenge")
		i.mu.Unlock()
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {"the-code"}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", i.token)
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case r.FormValue("grant_type") == "authorization_code" && r.FormValue("code") == "the-code" && b64(sum[:]) == i.challenge:
	case r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") == "again":
		i.refreshed++
	default:
		w.WriteHeader(http.StatusBadRequest)
		reply(w, map[string]string{"error": "invalid_grant", "error_description": "no"})
		return
	}
	now := time.Now()
	reply(w, map[string]string{"id_token": i.sign(map[string]any{"iss": i.URL, "aud": "cli", "sub": "1234", "email": "alice@example.org", "groups": []string{"devs"},
		"iat": now.Unix(), "exp": now.Add(i.lasts).Unix()}), "refresh_token": "again", "access_token": "x", "token_type": "Bearer"})
	i.lasts = time.Hour
}

func (i *issuer) sign(claims map[string]any) string {
	head, _ := json.Marshal(map[string]string{"alg": "RS256", "kid": "one", "typ": "JWT"})
	body, _ := json.Marshal(claims)
	text := b64(head) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64(signature)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// run runs the command in this process with a file of contexts of its own.
func run(config string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = cli.Main(append(args, "--config", config), cli.IO{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestSingleSignOn(t *testing.T) {
	provider := newIssuer(t)
	s := open(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, labels: {app.kubernetes.io/part-of: argocd}}\ndata:\n  url: https://cd.example.org\n"+
		"  oidc.config: |\n    name: Test\n    issuer: "+provider.URL+"\n    clientID: page\n    cliClientID: cli\n")
	config := filepath.Join(t.TempDir(), "config")

	provider.lasts = 2 * time.Second // the first token runs out soon: the next command renews it
	read, write := io.Pipe()
	ended := make(chan int, 1)
	var complaints bytes.Buffer
	go func() {
		code := cli.Main([]string{"login", s.server, "--plaintext", "--sso", "--sso-port", "0", "--sso-launch-browser=false", "--name", "sso", "--config", config},
			cli.IO{In: strings.NewReader(""), Out: write, Err: &complaints})
		_ = write.Close()
		ended <- code
	}()
	var said strings.Builder
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		_, address, ok := strings.Cut(lines.Text(), "preferred browser: ")
		if !ok {
			continue
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		// somebody else's page sends the browser to our port: that ends nothing
		if got := visit(t, u.Query().Get("redirect_uri")+"?code=evil&state=guessed"); got != http.StatusBadRequest {
			t.Errorf("a foreign state: %d", got)
		}
		if got := visit(t, address); got != http.StatusOK {
			t.Errorf("the browser ended with %d", got)
		}
	}
	if code := <-ended; code != 0 || !strings.Contains(said.String(), "'alice@example.org' logged in successfully\nContext 'sso' updated\n") {
		t.Fatalf("exit %d:\n%s%s", code, said.String(), complaints.String())
	}
	time.Sleep(2100 * time.Millisecond) // until the token has run out
	if code, out, errs := run(config, "account", "get-user-info"); code != 0 || !strings.Contains(out, "Issuer: "+provider.URL) || !strings.Contains(out, "Groups: devs") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	if provider.refreshed != 1 {
		t.Errorf("the token was refreshed %d times", provider.refreshed)
	}
	if code, out, _ := run(config, "account", "session-token", "-o", "json"); code != 0 || !strings.Contains(out, `"type": "sso"`) || !strings.Contains(out, `"has_refresh_token": true`) {
		t.Errorf("exit %d: %s", code, out)
	}
	if provider.refreshed != 1 {
		t.Error("a token that is good was refreshed")
	}
	text, err := os.ReadFile(config)
	if err != nil || !strings.Contains(string(text), "refresh-token: again") {
		t.Errorf("the file of contexts: %v", err)
	}
}

func visit(t *testing.T, address string) int {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}
