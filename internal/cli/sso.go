package cli

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/contexts"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

// ssoOptions are the flags of logging in with a browser.
type ssoOptions struct {
	port     int
	callback string // scheme, host and port of the callback, if not http://localhost:port
	launch   bool
}

func (o *ssoOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.port, "sso-port", 8085, "`port` of this machine to which the browser brings the answer")
	f.StringVar(&o.callback, "callback", "", "`scheme://host:port` under which the browser finds that port; http://localhost:PORT when empty")
	f.BoolVar(&o.launch, "sso-launch-browser", true, "open the browser; without, the address is printed")
}

// Bounds of what an identity provider sends, and of how long a person may take.
const (
	largestAnswer = 1 << 20
	askProvider   = 30 * time.Second
	personWithin  = 10 * time.Minute
)

// provider is an identity provider, and what we are to it.
type provider struct {
	http     *http.Client
	clientID string
	scopes   []string
	extra    url.Values // more parameters of the authorization request

	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
}

// findProvider asks the server which provider it trusts, and that for its endpoints.
func findProvider(ctx context.Context, c *api.Client) (*provider, error) {
	s, err := api.Call[argocd.SettingsQuery, argocd.Settings](ctx, c, "cluster.SettingsService/Get", &argocd.SettingsQuery{})
	if err != nil {
		return nil, err
	}
	p := &provider{scopes: []string{"openid", "profile", "email", "groups"}, extra: url.Values{}}
	issuer := ""
	switch o := s.OIDCConfig; {
	case o != nil && o.Issuer != "":
		issuer, p.clientID = o.Issuer, o.ClientID
		if o.CLIClientID != "" {
			p.clientID = o.CLIClientID
		}
		if len(o.Scopes) > 0 {
			p.scopes = o.Scopes
		}
		if len(o.IDTokenClaims) > 0 {
			text, err := json.Marshal(map[string]any{"id_token": o.IDTokenClaims})
			if err != nil {
				return nil, err
			}
			p.extra.Set("claims", string(text))
		}
	case s.DexConfig != nil && len(s.DexConfig.Connectors) > 0:
		issuer, p.clientID = strings.TrimRight(s.URL, "/")+"/api/dex", "argo-cd-cli"
		p.scopes = append(p.scopes, "federated:id")
		if id := s.DexConfig.DexAuthConnectorID; id != "" {
			p.extra.Set("connector_id", id)
		}
	default:
		return nil, problem.New(problem.Invalid, "the server is not configured with SSO").WithHint("log in with a password: leave out --sso")
	}
	at, err := url.Parse(issuer)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "the server names an issuer that is no address")
	}
	// The trust in the server (--insecure, --server-crt) is not trust in everybody.
	p.http = &http.Client{Timeout: askProvider}
	if own, err := url.Parse(c.URL("")); err == nil && own.Host == at.Host {
		if p.http, err = c.HTTP(); err != nil {
			return nil, err
		}
		p.http.Timeout = askProvider
	}
	if err := p.ask(ctx, http.MethodGet, strings.TrimRight(issuer, "/")+"/.well-known/openid-configuration", nil, p); err != nil {
		return nil, problem.Because(problem.Unavailable, err, "failed to query provider %q", issuer)
	}
	if strings.TrimRight(p.Issuer, "/") != strings.TrimRight(issuer, "/") {
		return nil, problem.New(problem.Invalid, "the provider at %s calls itself %s", issuer, p.Issuer).WithHint("the issuer in argocd-cm must be the provider's own name")
	}
	if len(p.ResponseTypes) > 0 && !slices.Contains(p.ResponseTypes, "code") {
		return nil, problem.New(problem.Invalid, "the provider %s does not offer the authorization code flow", issuer).WithHint("permit it for the client %s", p.clientID)
	}
	if len(p.Scopes) == 0 || slices.Contains(p.Scopes, "offline_access") {
		p.scopes = append(p.scopes, "offline_access")
	}
	return p, nil
}

// ask sends a form, or nothing, and reads a JSON answer. Errors of the provider are its error code and description.
func (p *provider) ask(ctx context.Context, verb, at string, form url.Values, into any) error {
	r, err := http.NewRequestWithContext(ctx, verb, at, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	if verb == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := p.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, largestAnswer))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		var said struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal(text, &said) // an answer without these has only its status to tell
		return problem.New(problem.Unauthenticated, "%s: %s", answer.Status, oneLine(said.Error+" "+said.Description))
	}
	return json.Unmarshal(text, into)
}

// tokens is what a provider gives for a code or a refresh token.
type tokens struct {
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
}

func (p *provider) redeem(ctx context.Context, form url.Values) (tokens, error) {
	form.Set("client_id", p.clientID)
	var t tokens
	if err := p.ask(ctx, http.MethodPost, p.Token, form, &t); err != nil {
		return t, problem.Because(problem.Unauthenticated, err, "get a token of %s", p.Issuer).WithHint("hawser relogin")
	}
	if t.ID == "" {
		return t, problem.New(problem.Invalid, "no id_token in token response of %s", p.Issuer)
	}
	return t, nil
}

// singleSignOn sends the person to the provider, and waits for the browser to bring a code back to this machine
// (RFC 8252; RFC 7636 keeps a code that others see useless).
func (r *remote) singleSignOn(ctx context.Context, c *api.Client, o ssoOptions) (id, refresh string, err error) {
	p, err := findProvider(ctx, c)
	if err != nil {
		return "", "", err
	}
	l, err := net.Listen("tcp", net.JoinHostPort("localhost", strconv.Itoa(o.port)))
	if err != nil {
		return "", "", problem.Because(problem.Unavailable, err, "wait for the browser").WithHint("--sso-port chooses another port; the provider must know it")
	}
	base := o.callback
	if base == "" {
		base = "http://localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	redirect := strings.TrimRight(base, "/") + "/auth/callback"
	state, verifier := random(), random()
	challenge := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {p.clientID}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {strings.Join(p.scopes, " ")}, "state": {state}, "access_type": {"offline"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	for k, v := range p.extra {
		q[k] = v
	}
	at := p.Authorization + "?" + q.Encode()
	if strings.Contains(p.Authorization, "?") {
		at = p.Authorization + "&" + q.Encode()
	}
	came := make(chan callback, 1)
	s := &http.Server{Handler: answerBrowser(state, came), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }()
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second) // the last page is to arrive
		defer cancel()
		_ = s.Shutdown(end)
	}()
	r.printf("Performing authorization_code flow login: %s\n", at)
	if o.launch {
		r.printf("Opening system default browser for authentication\n")
		if err := openBrowser(ctx, at); err != nil {
			r.say("warn", "no browser could be opened: visit the address above")
		}
	} else {
		r.printf("To authenticate, copy-and-paste the following URL into your preferred browser: %s\n", at)
	}
	ctx, cancel := context.WithTimeout(ctx, personWithin)
	defer cancel()
	select {
	case <-ctx.Done():
		return "", "", problem.Because(problem.Unavailable, ctx.Err(), "wait for the browser")
	case b := <-came:
		if b.problem != "" {
			return "", "", problem.New(problem.Unauthenticated, "%s", b.problem)
		}
		t, err := p.redeem(ctx, url.Values{"grant_type": {"authorization_code"}, "code": {b.code}, "redirect_uri": {redirect}, "code_verifier": {verifier}})
		if err == nil {
			r.printf("Authentication successful\n")
		}
		return t.ID, t.Refresh, err
	}
}

// callback is what the browser brings.
type callback struct{ code, problem string }

// answerBrowser takes the provider's answer, once, and only with our state.
func answerBrowser(state string, came chan<- callback) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/callback", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		var b callback
		switch {
		case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1:
			http.Error(w, "Unknown state nonce", http.StatusBadRequest) // not ours: the person may still come
			return
		case q.Get("error") != "":
			b.problem = oneLine(q.Get("error") + ": " + q.Get("error_description"))
		case q.Get("code") == "":
			b.problem = "the provider sent no code"
		default:
			b.code = q.Get("code")
		}
		said := "Logged in. You can close this page and go back to the terminal."
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		if b.problem != "" {
			said = b.problem
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprintf(w, "<!doctype html><title>Hawser</title><p>%s</p>\n", html.EscapeString(said))
		select {
		case came <- b:
		default: // a second visit
		}
	})
	return mux
}

// random returns 256 bits in the letters that RFC 7636 permits.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func openBrowser(ctx context.Context, address string) error {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	return exec.CommandContext(context.WithoutCancel(ctx), name, args...).Start()
}

// refresh redeems a refresh token for a new identity token, and keeps both.
func (r *remote) refresh(ctx context.Context, c *api.Client, u contexts.User) error {
	p, err := findProvider(ctx, c)
	if err != nil {
		return err
	}
	t, err := p.redeem(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {u.RefreshToken}})
	if err != nil {
		return err
	}
	if t.Refresh == "" {
		t.Refresh = u.RefreshToken
	}
	c.SetToken(t.ID)
	return contexts.Update(r.config, func(f *contexts.File) error {
		f.PutUser(contexts.User{Name: u.Name, AuthToken: t.ID, RefreshToken: t.Refresh})
		return nil
	})
}
