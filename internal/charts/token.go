package charts

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/hawser-cd/hawser/internal/problem"
)

// tokens are what registries gave us, until they end.
type tokens struct {
	mu   *sync.Mutex
	list map[string]token
}

type token struct {
	value string
	until time.Time
}

const maxTokens = 4096

func newTokens() tokens { return tokens{&sync.Mutex{}, map[string]token{}} }

func (t tokens) get(key string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k, ok := t.list[key]; ok && time.Now().Before(k.until) {
		return k.value
	}
	delete(t.list, key)
	return ""
}

func (t tokens) put(key, value string, life time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) >= maxTokens {
		clear(t.list)
	}
	t.list[key] = token{value, time.Now().Add(life - life/10)}
}

func (t tokens) drop(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.list, key)
}

// authenticate answers a registry's challenge: basic credentials to itself, or a token from the service that it names
// (distribution's token specification).
func (c *Charts) authenticate(ctx context.Context, r Repository, res *http.Response, scope, doing string) (authorization string, life time.Duration, err error) {
	if r.BearerToken != "" { // it was sent, and was not good enough
		return "", 0, refusal(res, doing)
	}
	for _, text := range res.Header.Values("WWW-Authenticate") {
		scheme, params := challenge(text)
		switch scheme {
		case "basic":
			if b := r.basic(); b != "" {
				return "Basic " + b, time.Hour, nil
			}
		case "bearer":
			if r.Workload {
				if r, err = c.azure(ctx, r, params["service"], doing); err != nil {
					return "", 0, err
				}
			}
			return c.token(ctx, r, params, scope, doing)
		}
	}
	return "", 0, refusal(res, doing)
}

// token asks the service that the registry names.
func (c *Charts) token(ctx context.Context, r Repository, params map[string]string, scope, doing string) (authorization string, life time.Duration, err error) {
	began := time.Now()
	defer func() { c.options.Observe("token", r.String(), time.Since(began), err) }()
	realm, err := url.Parse(params["realm"])
	if err != nil || realm.Host == "" || realm.User != nil || realm.Scheme != "https" && !(realm.Scheme == "http" && r.PlainHTTP) {
		return "", 0, problem.New(problem.Forbidden, "%s: the registry names no address for tokens that may be asked", doing).WithHint("it must be an https URL")
	}
	basic := r.basic()
	origin, _ := r.registry()
	if basic != "" && !sameHouse(hostname(origin), realm.Hostname()) {
		return "", 0, problem.New(problem.Forbidden, "%s: the registry wants its credentials to be shown to %s", doing, realm.Host).
			WithHint("they are for %s and its domain only; if that is right, ask the registry's operator for tokens on its own domain", hostname(origin))
	}
	q := realm.Query()
	if s := params["service"]; s != "" {
		q.Set("service", s)
	}
	if scope == "" {
		scope = params["scope"]
	}
	if scope != "" {
		q.Set("scope", scope)
	}
	realm.RawQuery = q.Encode()
	asks := r
	if hostname(origin) != realm.Hostname() { // another machine of the same house: the password is for it, the certificates are not
		asks.TLSClientCert, asks.TLSClientKey, asks.Insecure = "", "", false
	}
	header := ""
	if basic != "" {
		header = "Basic " + basic
	}
	answer, err := c.send(ctx, asks, request{doing: doing + ": get a token", url: realm.String(), pass: true, token: &header, still: true})
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close()
	text, err := readAll(answer.Body, maxToken, doing+": get a token")
	if err != nil {
		return "", 0, brokenOff(err, doing+": get a token")
	}
	var got struct {
		Token       string      `json:"token"`
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"`
	}
	if err := json.Unmarshal(text, &got); err != nil || got.Token == "" && got.AccessToken == "" {
		return "", 0, problem.New(problem.Unavailable, "%s: the answer of %s holds no token", doing, realm.Host)
	}
	if got.Token == "" {
		got.Token = got.AccessToken
	}
	if strings.ContainsFunc(got.Token, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return "", 0, problem.New(problem.Unavailable, "%s: the answer of %s holds no token", doing, realm.Host)
	}
	return "Bearer " + got.Token, seconds(got.ExpiresIn), nil
}

// sameHouse reports whether a token service may be shown the credentials of a registry: it is the same host, or one of the
// same registered domain (registry-1.docker.io and auth.docker.io, registry.gitlab.com and gitlab.com).
func sameHouse(registry, service string) bool {
	registry, service = strings.ToLower(registry), strings.ToLower(service)
	if registry == service {
		return registry != ""
	}
	a, err := publicsuffix.EffectiveTLDPlusOne(registry)
	if err != nil || net.ParseIP(registry) != nil { // an IP address has no domain
		return false
	}
	b, err := publicsuffix.EffectiveTLDPlusOne(service)
	return err == nil && a == b
}

// challenge reads a WWW-Authenticate header: its scheme in lower case, and its parameters.
func challenge(text string) (scheme string, params map[string]string) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	params = map[string]string{}
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimLeft(rest, ", ") {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			break
		}
		value := ""
		if strings.HasPrefix(after, `"`) {
			end := strings.IndexByte(after[1:], '"')
			if end < 0 {
				break
			}
			value, rest = after[1:1+end], after[2+end:]
		} else {
			value, rest, _ = strings.Cut(after, ",")
		}
		params[strings.ToLower(strings.TrimSpace(name))] = value
	}
	return strings.ToLower(scheme), params
}
