package git_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/problem"
)

func rsaKey(t *testing.T) (*rsa.PrivateKey, git.Secret) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key, git.Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// proven returns the claims of a token that the key signed.
func proven(t *testing.T, key *rsa.PrivateKey, text string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, err := jwt.ParseWithClaims(text, claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil }, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt()); err != nil {
		t.Errorf("the proof: %v", err)
	}
	return claims
}

// A GitHub App reads a repository with its installation's token, which is made anew before it ends.
func TestGitHubApp(t *testing.T) {
	key, text := rsaKey(t)
	_, other := rsaKey(t)
	s := gittest.New(t)
	s.RequireAuth("x-access-token", "ghs_"+canary)
	repo := s.Repo(t, "org/a", map[string]string{"f": "1"})
	life := time.Hour
	var tokens, searches atomic.Int32
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proof, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		claims := jwt.MapClaims{}
		if _, err := jwt.ParseWithClaims(proof, claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil }); err != nil || claims["iss"] != "42" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.Method + " " + r.URL.Path {
		case "GET /api/v3/repos/org/a/installation":
			searches.Add(1)
			_, _ = fmt.Fprint(w, `{"id": 7, "account": {"login": "org"}}`)
		case "POST /api/v3/app/installations/7/access_tokens":
			tokens.Add(1)
			w.WriteHeader(http.StatusCreated)
			_, _ = fmt.Fprintf(w, `{"token": %q, "expires_at": %q}`, "ghs_"+canary, time.Now().Add(life).UTC().Format(time.RFC3339))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(api.Close)
	m := mirrors(t)
	as := func(change func(*git.GitHubApp)) git.Repository {
		app := &git.GitHubApp{ID: 42, InstallationID: 7, PrivateKey: text, BaseURL: api.URL + "/api/v3"}
		change(app)
		return git.Repository{URL: repo.URL, Identity: git.Identity{GitHubApp: app}}
	}
	good := as(func(*git.GitHubApp) {})
	refresh(t, m, good)
	refresh(t, m, good)
	if got := files(t, m, good, "main"); got["f"] != "1" {
		t.Error(got)
	}
	if err := m.Check(context.Background(), good); err != nil {
		t.Error(err)
	}
	if tokens.Load() != 1 {
		t.Errorf("%d tokens for one installation", tokens.Load())
	}
	refresh(t, m, as(func(a *git.GitHubApp) { a.InstallationID = 0 }))
	if searches.Load() != 1 {
		t.Error("the installation was not looked for")
	}
	life = time.Minute // less than what a clone may take
	short := as(func(a *git.GitHubApp) { a.BaseURL += "/" })
	before := tokens.Load()
	refresh(t, m, short)
	refresh(t, m, short)
	if got := tokens.Load() - before; got != 2 {
		t.Errorf("%d tokens, where each was about to end", got)
	}
	for name, c := range map[string]struct {
		app   git.Repository
		kind  problem.Kind
		words string
	}{
		"other key":          {as(func(a *git.GitHubApp) { a.PrivateKey = other }), problem.Unauthenticated, "repository Secret"},
		"no key":             {as(func(a *git.GitHubApp) { a.PrivateKey = "x" }), problem.Invalid, "no RSA key"},
		"other installation": {as(func(a *git.GitHubApp) { a.InstallationID = 8 }), problem.NotFound, "installed"},
		"other host":         {as(func(a *git.GitHubApp) { a.BaseURL = strings.Replace(api.URL, "127.0.0.1", "localhost", 1) + "/api/v3" }), problem.Forbidden, "not on the host"},
		"no base":            {as(func(a *git.GitHubApp) { a.BaseURL = "" }), problem.Invalid, "githubAppEnterpriseBaseUrl"},
		"over ssh":           {git.Repository{URL: "ssh://git@127.0.0.1/x", Identity: good.Identity}, problem.Invalid, "https"},
	} {
		_, err := m.Refresh(context.Background(), c.app, time.Now())
		wantKind(t, err, c.kind, c.words)
		if err != nil && (strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "PRIVATE KEY")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if shown := fmt.Sprintf("%+v %#v", good, good); strings.Contains(shown, "PRIVATE KEY") {
		t.Error(shown)
	}
}

// tokenServer is an OAuth 2 token endpoint over TLS.
func tokenServer(t *testing.T, check func(r *http.Request) bool) (url string, ca []byte) {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() != nil || !check(r) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":%q}`, r.Form.Encode())
			return
		}
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"expires_in":3600,"token_type":"Bearer"}`, canary)
	}))
	t.Cleanup(s.Close)
	return s.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func TestAzureServicePrincipal(t *testing.T) {
	endpoint, ca := tokenServer(t, func(r *http.Request) bool {
		return r.URL.Path == "/tenant-1/oauth2/v2.0/token" && r.Form.Get("grant_type") == "client_credentials" && r.Form.Get("client_id") == "me" && r.Form.Get("client_secret") == canary &&
			r.Form.Get("scope") == "499b84ac-1321-427f-aa17-267ca6975798/.default"
	})
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+canary {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	m := mirrors(t)
	as := func(secret git.Secret) git.Repository {
		return git.Repository{URL: repo.URL, CA: ca, Identity: git.Identity{Azure: &git.AzurePrincipal{TenantID: "tenant-1", ClientID: "me", ClientSecret: secret, Endpoint: endpoint}}}
	}
	refresh(t, m, as(canary))
	_, err := m.Refresh(context.Background(), as("wrong-"+canary), time.Now())
	wantKind(t, err, problem.Unauthenticated, "service principal me")
	if strings.Contains(err.Error(), canary) {
		t.Error(err)
	}
}

// A process with a workload identity changes its cluster's token, as it is at that moment, and sends what it gets to Azure
// DevOps and nobody else.
func TestAzureWorkloadIdentity(t *testing.T) {
	endpoint, ca := tokenServer(t, func(r *http.Request) bool {
		return r.URL.Path == "/tenant-1/oauth2/v2.0/token" && r.Form.Get("grant_type") == "client_credentials" && r.Form.Get("client_id") == "me" && r.Form.Get("client_secret") == "" &&
			r.Form.Get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" && r.Form.Get("client_assertion") == canary &&
			r.Form.Get("scope") == "499b84ac-1321-427f-aa17-267ca6975798/.default"
	})
	s := gittest.New(t)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	s.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+canary {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	file := filepath.Join(t.TempDir(), "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	identity := git.Workload{TenantID: "tenant-1", ClientID: "me", TokenFile: file, Authority: endpoint + "/"}
	as := func(w git.Workload) *git.Mirrors { return mirrors(t, func(o *git.Options) { o.Workload = w }) }
	there := identity
	there.Hosts = []string{"127.0.0.1"}
	m, r := as(there), git.Repository{URL: repo.URL, CA: ca, Identity: git.Identity{Workload: true}}
	write("old-" + canary)
	_, err := m.Refresh(context.Background(), r, time.Now())
	wantKind(t, err, problem.Unauthenticated, "workload identity")
	if strings.Contains(err.Error(), canary) {
		t.Error(err)
	}
	write(canary + "\n")
	refresh(t, m, r)

	apart := there
	apart.CA = ca
	if token, err := as(apart).WorkloadToken(context.Background(), "499b84ac-1321-427f-aa17-267ca6975798/.default"); err != nil || token != canary {
		t.Errorf("for others: %v", err)
	}
	_, err = as(apart).WorkloadToken(context.Background(), "another")
	wantKind(t, err, problem.Unauthenticated, "as the workload identity")

	for want, m := range map[string]*git.Mirrors{"Azure DevOps only": as(identity), "this process has none": as(git.Workload{Hosts: there.Hosts}), "read the cluster's token": as(git.Workload{TenantID: "t", ClientID: "c", TokenFile: file + "-none", Hosts: there.Hosts})} {
		asked := s.Requests()
		if _, err := m.Refresh(context.Background(), r, time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if now := s.Requests(); now != asked {
			t.Errorf("%s: it was asked: %+v", want, now)
		}
	}
	for host, want := range map[string]bool{"dev.azure.com": true, "acme.visualstudio.com": true, "visualstudio.com": false, "evil-visualstudio.com": false, "dev.azure.com.evil.example": false, "xdev.azure.com": false} {
		_, err := as(identity).Refresh(context.Background(), git.Repository{URL: "https://" + host + "/x", CA: ca, Proxy: "http://127.0.0.1:1", Identity: git.Identity{Workload: true}}, time.Now())
		if got := err == nil || !strings.Contains(err.Error(), "Azure DevOps only"); got != want {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestGoogleServiceAccount(t *testing.T) {
	key, text := rsaKey(t)
	var endpoint string
	endpoint, ca := tokenServer(t, func(r *http.Request) bool {
		claims := proven(t, key, r.Form.Get("assertion"))
		return r.Form.Get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer" && claims["iss"] == "robot@project.example" && claims["aud"] == endpoint
	})
	s := gittest.New(t)
	s.RequireAuth("robot@project.example", canary)
	repo := s.Repo(t, "a", map[string]string{"f": "1"})
	file, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "robot@project.example", "private_key": text.Reveal(), "private_key_id": "k1", "token_uri": endpoint})
	if err != nil {
		t.Fatal(err)
	}
	m := mirrors(t)
	refresh(t, m, git.Repository{URL: repo.URL, CA: ca, Identity: git.Identity{GCPKey: git.Secret(file)}})
	_, err = m.Refresh(context.Background(), git.Repository{URL: repo.URL, CA: ca, Identity: git.Identity{GCPKey: "{}"}}, time.Now())
	wantKind(t, err, problem.Invalid, "no key file")
	_, err = m.Refresh(context.Background(), git.Repository{URL: repo.URL, Identity: git.Identity{GCPKey: git.Secret(strings.Replace(string(file), "https:", "http:", 1))}}, time.Now())
	wantKind(t, err, problem.Invalid, "no https address")
}
