package git

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Identity is who we are at a host that gives short-lived tokens for it, instead of a password: one of its fields is
// set.
type Identity struct {
	GitHubApp *GitHubApp
	Azure     *AzurePrincipal
	GCPKey    Secret // a service account's key file: JSON
	Workload  bool   // what this process is in Azure: Options.Workload
}

// Workload is what a process is in Azure when it runs there with a workload identity: a token of its cluster's, in a
// file that is written anew before it expires, is changed into one of Microsoft Entra ID's.
type Workload struct {
	TenantID, ClientID string
	TokenFile          string
	Authority          string   // empty means https://login.microsoftonline.com
	CA                 []byte   // PEM, trusted for it besides the system's
	Hosts              []string // that such a token is sent to, "*.x" for those below x; empty means those of Azure DevOps
}

// devOpsHosts are Azure DevOps'. A workload identity is the process's own: a repository's Secret must not be able to have
// its tokens sent anywhere else.
var devOpsHosts = []string{"dev.azure.com", "*.visualstudio.com"}

func (w Workload) sendsTo(host string) bool {
	hosts := w.Hosts
	if len(hosts) == 0 {
		hosts = devOpsHosts
	}
	for _, h := range hosts {
		if suffix, below := strings.CutPrefix(h, "*"); host == h || below && strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// GitHubApp is a GitHub App's installation.
type GitHubApp struct {
	ID             int64
	InstallationID int64  // 0: the one that has the repository
	PrivateKey     Secret // PEM
	// BaseURL is the API of a GitHub Enterprise server, https://host/api/v3; empty means github.com's.
	BaseURL string
}

// AzurePrincipal is a service principal of Microsoft Entra ID.
type AzurePrincipal struct {
	TenantID, ClientID string
	ClientSecret       Secret
	Endpoint           string // empty means https://login.microsoftonline.com
}

func (i Identity) isZero() bool {
	return i.GitHubApp == nil && i.Azure == nil && i.GCPKey == "" && !i.Workload
}

// parts are what tells identities apart.
func (i Identity) parts() []string {
	parts := []string{i.GCPKey.Reveal()}
	if i.Workload {
		parts = append(parts, "workload")
	}
	if a := i.GitHubApp; a != nil {
		parts = append(parts, strconv.FormatInt(a.ID, 10), strconv.FormatInt(a.InstallationID, 10), a.PrivateKey.Reveal(), a.BaseURL)
	}
	if p := i.Azure; p != nil {
		parts = append(parts, p.TenantID, p.ClientID, p.ClientSecret.Reveal(), p.Endpoint)
	}
	return parts
}

// ticket is a token that an identity was given.
type ticket struct {
	user  string // empty: it is sent as a bearer token
	value Secret
	until time.Time
}

const (
	ticketMargin = 5 * time.Minute // a token is not used in its last minutes: a clone takes long
	maxTicket    = 256 << 10       // of an answer with a token
	maxTickets   = 1024
)

// login returns r with the token that its identity is given; without an identity, r as it is.
func (m *Mirrors) login(ctx context.Context, r Repository) (Repository, error) {
	if r.Identity.isZero() || !r.http() {
		return r, nil
	}
	key := r.URL + " " + r.access(m.key)
	m.mu.Lock()
	t, known := m.tickets[key]
	m.mu.Unlock()
	if !known || time.Now().After(t.until.Add(-ticketMargin)) {
		var err error
		switch {
		case r.Identity.GitHubApp != nil:
			t, err = m.gitHubTicket(ctx, r, *r.Identity.GitHubApp)
		case r.Identity.Azure != nil:
			t, err = m.azureTicket(ctx, r, *r.Identity.Azure)
		case r.Identity.Workload:
			t, err = m.workloadTicket(ctx, r)
		default:
			t, err = m.gcpTicket(ctx, r)
		}
		if err != nil {
			return r, err
		}
		m.mu.Lock()
		if len(m.tickets) >= maxTickets {
			clear(m.tickets)
		}
		m.tickets[key] = t
		m.mu.Unlock()
	}
	if t.user == "" {
		r.BearerToken = t.value
	} else {
		r.Username, r.Password = Secret(t.user), t.value
	}
	return r, nil
}

// gitHubTicket changes the app's key into an installation's token (GitHub's "Authenticating as a GitHub App installation").
// The key is shown only to the API of the host that has the repository.
func (m *Mirrors) gitHubTicket(ctx context.Context, r Repository, app GitHubApp) (t ticket, err error) {
	defer problem.Wrap(&err, "get a token for %s as GitHub App %d", r, app.ID)
	repo, err := url.Parse(r.URL)
	if err != nil {
		return t, problem.New(problem.Invalid, "the URL does not parse")
	}
	api, host := strings.TrimRight(app.BaseURL, "/"), strings.ToLower(repo.Hostname())
	switch {
	case api == "" && host == "github.com":
		api = "https://api.github.com"
	case api == "":
		return t, problem.New(problem.Invalid, "%s is not github.com", host).WithHint("set githubAppEnterpriseBaseUrl to https://%s/api/v3", host)
	}
	base, err := url.Parse(api)
	if err != nil || base.Scheme != repo.Scheme && base.Scheme != "https" || base.Hostname() != host && base.Hostname() != "api."+host {
		return t, problem.New(problem.Forbidden, "githubAppEnterpriseBaseUrl %q is not on the host of the repository", app.BaseURL).WithHint("it is https://%s/api/v3", host)
	}
	key, err := parseRSA(app.PrivateKey)
	if err != nil {
		return t, err
	}
	now := time.Now()
	proof, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: strconv.FormatInt(app.ID, 10), IssuedAt: jwt.NewNumericDate(now.Add(-time.Minute)), ExpiresAt: jwt.NewNumericDate(now.Add(9 * time.Minute)),
	}).SignedString(key)
	if err != nil {
		return t, problem.New(problem.Invalid, "the private key does not sign")
	}
	header := http.Header{"Authorization": {"Bearer " + proof}, "Accept": {"application/vnd.github+json"}, "X-GitHub-Api-Version": {"2022-11-28"}}
	installation := app.InstallationID
	if installation == 0 {
		owner, name, _ := strings.Cut(strings.Trim(strings.TrimSuffix(strings.TrimRight(repo.Path, "/"), ".git"), "/"), "/")
		var found struct {
			ID int64 `json:"id"`
		}
		if err := m.ask(ctx, r, http.MethodGet, api+"/repos/"+url.PathEscape(owner)+"/"+url.PathEscape(name)+"/installation", header, nil, &found); err != nil {
			return t, err
		}
		installation = found.ID
	}
	var got struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := m.ask(ctx, r, http.MethodPost, fmt.Sprintf("%s/app/installations/%d/access_tokens", api, installation), header, nil, &got); err != nil {
		return t, err
	}
	if got.Token == "" {
		return t, problem.New(problem.Unavailable, "the answer holds no token")
	}
	return ticket{"x-access-token", Secret(got.Token), got.ExpiresAt}, nil
}

// azureDevOps is the scope of Azure DevOps (its documented application id).
const azureDevOps = "499b84ac-1321-427f-aa17-267ca6975798/.default"

// azureTicket is the OAuth 2 client credentials grant of Microsoft's identity platform.
func (m *Mirrors) azureTicket(ctx context.Context, r Repository, p AzurePrincipal) (t ticket, err error) {
	defer problem.Wrap(&err, "get a token for %s as service principal %s", r, p.ClientID)
	endpoint := strings.TrimRight(p.Endpoint, "/")
	if endpoint == "" {
		endpoint = "https://login.microsoftonline.com"
	}
	return m.grant(ctx, r, endpoint+"/"+url.PathEscape(p.TenantID)+"/oauth2/v2.0/token", "", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {p.ClientID}, "client_secret": {p.ClientSecret.Reveal()}, "scope": {azureDevOps},
	})
}

// maxFederated bounds the file with the cluster's token.
const maxFederated = 64 << 10

// workloadTicket is the same grant with a token of our cluster's in place of a password (Microsoft's "Access token request
// with a federated credential").
func (m *Mirrors) workloadTicket(ctx context.Context, r Repository) (t ticket, err error) {
	defer problem.Wrap(&err, "get a token for %s as the workload identity of this process", r)
	w := m.options.Workload
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" && len(w.Hosts) == 0 || !w.sendsTo(strings.ToLower(u.Hostname())) {
		return t, problem.New(problem.Forbidden, "its tokens are sent to Azure DevOps only").WithHint("give the repository credentials of its own")
	}
	r.Insecure = false // that is about the repository
	return m.workloadGrant(ctx, r, azureDevOps)
}

// WorkloadToken returns a token for what Azure calls a scope, by which this process is known there; it is Invalid when the
// process has no workload identity. The caller answers for where it is sent.
func (m *Mirrors) WorkloadToken(ctx context.Context, scope string) (token Secret, err error) {
	defer problem.Wrap(&err, "get a token as the workload identity of this process")
	key := "workload " + scope
	m.mu.Lock()
	t, known := m.tickets[key]
	m.mu.Unlock()
	if known && time.Now().Before(t.until.Add(-ticketMargin)) {
		return t.value, nil
	}
	if t, err = m.workloadGrant(ctx, Repository{URL: m.options.Workload.authority(), CA: m.options.Workload.CA}, scope); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.tickets) >= maxTickets {
		clear(m.tickets)
	}
	m.tickets[key] = t
	return t.value, nil
}

func (w Workload) authority() string {
	if w.Authority == "" {
		return "https://login.microsoftonline.com"
	}
	return strings.TrimRight(w.Authority, "/")
}

func (m *Mirrors) workloadGrant(ctx context.Context, r Repository, scope string) (t ticket, err error) {
	w := m.options.Workload
	if w.TenantID == "" || w.ClientID == "" || w.TokenFile == "" {
		return t, problem.New(problem.Invalid, "this process has none").WithHint("AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE are set in pods with the label azure.workload.identity/use: \"true\"")
	}
	file, err := os.Open(w.TokenFile)
	if err != nil {
		return t, problem.Because(problem.Unavailable, err, "read the cluster's token")
	}
	defer file.Close()
	proof, err := io.ReadAll(io.LimitReader(file, maxFederated))
	if err != nil {
		return t, problem.Because(problem.Unavailable, err, "read the cluster's token")
	}
	return m.grant(ctx, r, w.authority()+"/"+url.PathEscape(w.TenantID)+"/oauth2/v2.0/token", "", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {w.ClientID}, "scope": {scope},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {strings.TrimSpace(string(proof))},
	})
}

// gcpTicket is the JWT grant of Google's service accounts (RFC 7523).
func (m *Mirrors) gcpTicket(ctx context.Context, r Repository) (t ticket, err error) {
	defer problem.Wrap(&err, "get a token for %s as a Google service account", r)
	var account struct {
		Email    string `json:"client_email"`
		Key      Secret `json:"private_key"`
		KeyID    string `json:"private_key_id"`
		TokenURI string `json:"token_uri"`
	}
	if err := json.Unmarshal([]byte(r.Identity.GCPKey.Reveal()), &account); err != nil || account.Email == "" {
		return t, problem.New(problem.Invalid, "gcpServiceAccountKey is no key file").WithHint("it is the JSON file that Google gives out")
	}
	key, err := parseRSA(account.Key)
	if err != nil {
		return t, err
	}
	if account.TokenURI == "" {
		account.TokenURI = "https://oauth2.googleapis.com/token"
	}
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": account.Email, "scope": "https://www.googleapis.com/auth/cloud-platform", "aud": account.TokenURI, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	token.Header["kid"] = account.KeyID
	assertion, err := token.SignedString(key)
	if err != nil {
		return t, problem.New(problem.Invalid, "the private key does not sign")
	}
	return m.grant(ctx, r, account.TokenURI, account.Email, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
}

// grant asks an OAuth 2 server for a token.
func (m *Mirrors) grant(ctx context.Context, r Repository, endpoint, user string, form url.Values) (ticket, error) {
	if u, err := url.Parse(endpoint); err != nil || u.Scheme != "https" || u.Host == "" {
		return ticket{}, problem.New(problem.Invalid, "%q is no https address", endpoint)
	}
	var got struct {
		Token string      `json:"access_token"`
		Life  json.Number `json:"expires_in"`
	}
	if err := m.ask(ctx, r, http.MethodPost, endpoint, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode()), &got); err != nil {
		return ticket{}, err
	}
	if got.Token == "" {
		return ticket{}, problem.New(problem.Unavailable, "the answer holds no token")
	}
	life, err := got.Life.Int64()
	if err != nil || life <= 0 || life > 86400 {
		life = 600
	}
	return ticket{user, Secret(got.Token), time.Now().Add(time.Duration(life) * time.Second)}, nil
}

// ask sends one request to a service that gives tokens. It follows no redirect, and of a refusal only the status is told:
// such answers quote what they were sent.
func (m *Mirrors) ask(ctx context.Context, r Repository, method, address string, header http.Header, body []byte, into any) error {
	shared, err := m.client(r)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: shared.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(string(body)))
	if err != nil {
		return problem.New(problem.Invalid, "the address for tokens does not parse")
	}
	req.Header = header
	req.Header.Set("User-Agent", "hawser")
	res, err := client.Do(req)
	if err != nil {
		return dialProblem(ctx, err, r)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxTicket))
	switch {
	case res.StatusCode == http.StatusNotFound:
		return problem.New(problem.NotFound, "%s answers 404", req.URL.Host).WithHint("is the app installed for this repository, and are its numbers right?")
	case res.StatusCode >= 400 && res.StatusCode < 500:
		return problem.New(problem.Unauthenticated, "%s answers %d", req.URL.Host, res.StatusCode).WithHint(hintCredentials)
	case res.StatusCode < 200 || res.StatusCode >= 300 || err != nil:
		return problem.New(problem.Unavailable, "%s answers %d", req.URL.Host, res.StatusCode)
	}
	if json.Unmarshal(text, into) != nil {
		return problem.New(problem.Unavailable, "%s answers with something that is no JSON", req.URL.Host)
	}
	return nil
}

func parseRSA(key Secret) (*rsa.PrivateKey, error) {
	private, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(key.Reveal()))
	if err != nil {
		return nil, problem.New(problem.Invalid, "the private key is no RSA key in PEM form")
	}
	return private, nil
}
