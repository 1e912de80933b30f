package forge

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Bounds of what one question may cost.
const (
	maxBody     = 32 << 20         // bytes of one answer: a hundred pull requests with long descriptions
	maxPages    = 500              // of one list
	maxKept     = 64 << 20         // bytes of answers that are remembered by their tag
	maxPause    = time.Hour        // what a server may ask us to wait
	patience    = 30 * time.Second // for one answer
	maxRedirect = 5
	maxRequests = 16 // to all services at a time: of each, an answer and what is made of it are in memory
)

// askedAgain is the way out of what passes by itself.
const askedAgain = "it is asked again"

// session is one account in use.
type session struct {
	client *Client
	http   *http.Client
	a      Account
	base   *url.URL
	key    string // tells accounts apart, and gives none away
}

// session resolves the address of an account and how it is reached.
func (c *Client) session(a Account) (*session, error) {
	base, err := baseOf(a)
	if err != nil {
		return nil, err
	}
	t, err := c.transport(a)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	for _, part := range []string{string(a.Kind), base.String(), a.Token, a.User, a.Password, a.App.id()} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	s := &session{client: c, a: a, base: base, key: hex.EncodeToString(h.Sum(nil))}
	s.http = &http.Client{Transport: t, Timeout: patience, CheckRedirect: s.redirected}
	return s, nil
}

// redirected lets a server send us elsewhere only on itself: a renamed repository is answered for under its number.
func (s *session) redirected(req *http.Request, via []*http.Request) error {
	switch {
	case req.URL.Scheme != s.base.Scheme || req.URL.Host != s.base.Host:
		return problem.New(problem.Forbidden, "it sends us to another host, %s, which gets no credentials", clip(req.URL.Host)).WithHint("correct the address of the API")
	case via[0].Method != http.MethodGet && via[0].Method != http.MethodHead:
		return http.ErrUseLastResponse
	case len(via) >= maxRedirect:
		return problem.New(problem.Unavailable, "it sends us in a circle")
	}
	return nil
}

// baseOf is where an account's API begins, by the rules of Argo CD's clients.
func baseOf(a Account) (*url.URL, error) {
	address := strings.TrimSpace(a.API)
	if address == "" {
		switch a.Kind {
		case GitHub:
			address = "https://api.github.com"
		case GitLab:
			address = "https://gitlab.com"
		case Bitbucket:
			address = "https://api.bitbucket.org/2.0"
		case AzureDevOps:
			address = "https://dev.azure.com"
		default:
			return nil, problem.New(problem.Invalid, "%s has no public service: api must say where it is", a.Kind.Title())
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, problem.New(problem.Invalid, "api of %s is %q, and no address of a server", a.Kind.Title(), clip(address)).WithHint("it begins with https:// and holds no credentials")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	switch a.Kind {
	case GitHub: // an Enterprise server has its API below a path, unless it has a host for it
		if !strings.HasPrefix(u.Host, "api.") && !strings.Contains(u.Host, ".api.") {
			below(u, "/api/v3")
		}
	case GitLab:
		below(u, "/api/v4")
	case Gitea:
		below(u, "/api/v1")
	case BitbucketServer:
		below(u, "/rest")
	}
	return u, nil
}

func below(u *url.URL, path string) {
	if !strings.HasSuffix(u.Path, path) {
		u.Path += path
	}
}

// transport keeps connections by what is trusted.
func (c *Client) transport(a Account) (*http.Transport, error) {
	key := fmt.Sprintf("%v %x", a.Insecure, sha256.Sum256(a.CA))
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.transports[key]; t != nil {
		return t, nil
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: a.Insecure} //nolint:gosec // the spec's insecure
	if len(a.CA) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(a.CA) {
			return nil, problem.New(problem.Invalid, "the authority for %s holds no certificate", a.Kind.Title()).WithHint("it must be PEM")
		}
		trust.RootCAs = roots
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 1 << 20}
	c.transports[key] = t
	return t, nil
}

// answer is what a server said, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
	known  bool // it is the answer of last time: nothing has changed
}

// remembered is an answer with its tag.
type remembered struct {
	key, tag string
	answer   answer
}

// at is an address below the base; parts are escaped.
func (s *session) at(query url.Values, parts ...string) *url.URL {
	u := *s.base
	for _, p := range parts {
		u.RawPath = cmp.Or(u.RawPath, u.EscapedPath()) + "/" + escape(p)
		u.Path += "/" + p
	}
	u.RawQuery = query.Encode()
	return &u
}

// escape escapes a segment, and leaves no dots that servers would resolve.
func escape(p string) string {
	if p == "." || p == ".." {
		return strings.ReplaceAll(p, ".", "%2E")
	}
	return url.PathEscape(p)
}

// get asks for one thing and reads it.
func get[T any](ctx context.Context, s *session, u *url.URL) (v T, a answer, err error) {
	if a, err = s.send(ctx, http.MethodGet, u, nil); err != nil {
		return v, a, err
	}
	v, err = decode[T](s, u, a)
	return v, a, err
}

func decode[T any](s *session, u *url.URL, a answer) (v T, err error) {
	if text := bytes.TrimSpace(a.body); len(text) == 0 || string(text) == "null" {
		return v, s.fault(problem.Unavailable, u, "it answers with nothing")
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		return v, s.fault(problem.Unavailable, u, "its answer is cut off, or not what it documents: %s", clip(err.Error()))
	}
	return v, nil
}

// send sends one request, and returns a whole answer that says yes, or why there is none.
func (s *session) send(ctx context.Context, method string, u *url.URL, in any) (answer, error) {
	if until, closed := s.client.isClosed(s.key); closed {
		return answer{}, &Paused{Until: until, Err: s.fault(problem.Unavailable, u, "it gives this account no further answers until %s", until.UTC().Format(time.TimeOnly+"Z")).WithHint("it is asked again then")}
	}
	if err := s.paused(ctx, method, u); err != nil {
		return answer{}, err
	}
	a, err := s.exchange(ctx, method, u, in)
	return a, s.settle(ctx, method, u, a, err)
}

// exchange sends a request and reads its answer. The answer of an error is only good for its status and headers.
func (s *session) exchange(ctx context.Context, method string, u *url.URL, in any) (answer, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return answer{}, problem.Because(problem.Internal, err, "write a request")
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return answer{}, s.fault(problem.Invalid, u, "%s", clip(err.Error()))
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "hawser")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := s.sign(ctx, req); err != nil {
		return answer{}, err
	}
	var old *remembered
	if method == http.MethodGet {
		if old = s.client.recall(s.key + " " + u.String()); old != nil {
			req.Header.Set("If-None-Match", old.tag)
		}
	}
	done, err := s.client.turn(ctx)
	if err != nil {
		return answer{}, s.fault(problem.Unavailable, u, "gave up waiting for other requests: %v", err).WithHint("it is asked again")
	}
	defer done()
	res, err := s.http.Do(req)
	if err != nil {
		return answer{}, s.unreachable(ctx, u, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return answer{status: res.StatusCode}, s.fault(problem.Unavailable, u, "its answer is cut off: %s", clip(err.Error()))
	}
	if len(text) > maxBody {
		return answer{status: res.StatusCode}, s.fault(problem.Limit, u, "its answer is longer than %d MiB", maxBody>>20)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: text}
	s.heed(a)
	if a.status == http.StatusNotModified {
		if old == nil {
			return a, s.fault(problem.Unavailable, u, "it says that nothing changed, and was not asked so")
		}
		kept := old.answer
		kept.known = true
		return kept, nil
	}
	if err := s.judge(u, a); err != nil {
		return a, err
	}
	if tag := a.header.Get("ETag"); tag != "" && method == http.MethodGet {
		s.client.remember(&remembered{s.key + " " + u.String(), tag, a})
	}
	return a, nil
}

// unreachable is why there is no answer at all.
func (s *session) unreachable(ctx context.Context, u *url.URL, err error) error {
	var p *problem.Error
	if errors.As(err, &p) {
		return s.fault(p.Kind, u, "%s", p.Text).WithHint("%s", cmp.Or(p.Hint, askedAgain))
	}
	if ctx.Err() != nil {
		return s.fault(problem.Unavailable, u, "%v", ctx.Err())
	}
	var in *url.Error
	if errors.As(err, &in) { // its text repeats method and address
		err = in.Err
	}
	return s.fault(problem.Unavailable, u, "it cannot be reached: %s", clip(err.Error())).WithHint(askedAgain)
}

// judge is nil for an answer that says yes in JSON.
func (s *session) judge(u *url.URL, a answer) error {
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	isJSON := kind == "application/json" || strings.HasSuffix(kind, "+json")
	said := fmt.Sprintf("it answers %d %s", a.status, http.StatusText(a.status))
	if isJSON {
		said += s.words(a.body)
	}
	switch {
	case a.status == http.StatusNonAuthoritativeInfo, a.status == http.StatusUnauthorized: // 203: how Azure DevOps shows its login page
		return s.fault(problem.Unauthenticated, u, "%s", said).WithHint("%s", s.whoHint())
	case a.status == http.StatusTooManyRequests, a.status == http.StatusForbidden && s.exhausted(a.header):
		until, _ := s.client.isClosed(s.key)
		return s.fault(problem.Unavailable, u, "%s: the account has asked too often, and gets no further answers until %s", said, until.UTC().Format(time.TimeOnly+"Z")).WithHint("it is asked again then")
	case a.status == http.StatusForbidden:
		return s.fault(problem.Forbidden, u, "%s", said).WithHint("the account must be permitted to do this")
	case a.status == http.StatusNotFound && isJSON:
		return s.fault(problem.NotFound, u, "%s", said).WithHint("it is misspelled, or not shown to this account")
	case a.status >= 300 && a.status < 400:
		return s.fault(problem.Unavailable, u, "%s: it sends us elsewhere", said).WithHint("correct the address of the API")
	case a.status >= 500:
		return s.fault(problem.Unavailable, u, "%s", said).WithHint(askedAgain)
	case a.status >= 400 && isJSON:
		return s.fault(problem.Invalid, u, "%s", said)
	case a.status == http.StatusNoContent:
		return nil
	case !isJSON:
		return s.fault(problem.Unavailable, u, "%s with %s, where JSON belongs", said, cmp.Or(clip(kind), "no content type")).
			WithHint("is api the address of the API, and not of a login page or a proxy?")
	}
	return nil
}

func (s *session) whoHint() string {
	if s.a.App != nil {
		return "the GitHub App's number, installation and key must be those of the service"
	}
	if s.a.Token == "" && s.a.Password == "" {
		return "a tokenRef to a Secret with an access token is needed"
	}
	return "the token is expired, revoked, or not for this service"
}

// words is what a server says in its error, short, and never our own credential.
func (s *session) words(body []byte) string {
	var in struct {
		Message any `json:"message"`
		Error   any `json:"error"`
		Errors  []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &in) != nil {
		return ""
	}
	text, _ := in.Message.(string)
	if text == "" {
		switch e := in.Error.(type) {
		case string:
			text = e
		case map[string]any:
			text, _ = e["message"].(string)
		}
	}
	if text == "" && len(in.Errors) > 0 {
		text = in.Errors[0].Message
	}
	for _, secret := range []string{s.a.Token, s.a.Password} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	if text = clip(strings.Join(strings.Fields(text), " ")); text == "" {
		return ""
	}
	return " (" + text + ")"
}

// fault names service and address.
func (s *session) fault(kind problem.Kind, u *url.URL, format string, args ...any) *problem.Error {
	shown := *u
	shown.RawQuery, shown.User = "", nil
	return problem.New(kind, "ask %s at %s: %s", s.a.Kind.Title(), clip(shown.String()), fmt.Sprintf(format, args...))
}

// clip keeps the start of a foreign text, on one line.
func clip(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > 300 {
		return strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// exhausted reports whether a refusal is about how often was asked.
func (s *session) exhausted(h http.Header) bool {
	return h.Get("Retry-After") != "" || remaining(h) == "0"
}

func remaining(h http.Header) string {
	return cmp.Or(h.Get("X-RateLimit-Remaining"), h.Get("RateLimit-Remaining"))
}

// heed notes until when an account gets no further answers: asking on would prolong it for all who share the account.
func (s *session) heed(a answer) {
	refused := a.status == http.StatusTooManyRequests || a.status == http.StatusForbidden && s.exhausted(a.header)
	if !refused && remaining(a.header) != "0" {
		return
	}
	now := s.client.Now()
	until := now
	if refused {
		until = now.Add(s.refusals())
	}
	if reset, err := strconv.ParseInt(cmp.Or(a.header.Get("X-RateLimit-Reset"), a.header.Get("RateLimit-Reset")), 10, 64); err == nil && remaining(a.header) == "0" {
		if reset < 1_000_000_000 { // seconds from now, in the draft standard; a time, with GitHub and GitLab
			reset += now.Unix()
		}
		until = time.Unix(reset, 0)
	}
	if after := retryAfter(a.header, now); !after.IsZero() {
		until = after
	}
	if end := now.Add(maxPause); until.After(end) {
		until = end
	}
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	for key, at := range s.client.closed {
		if !at.After(now) {
			delete(s.client.closed, key)
		}
	}
	if until.After(now) {
		s.client.closed[s.key] = until
	}
}

// retryAfter is when a server wants to be asked again, an hour from now at most; zero when it says nothing of that.
func retryAfter(h http.Header, now time.Time) time.Time {
	after := h.Get("Retry-After")
	at := now
	if seconds, err := strconv.Atoi(after); err == nil {
		at = now.Add(time.Duration(max(0, min(seconds, int(maxPause.Seconds())))) * time.Second)
	} else if at, err = http.ParseTime(after); err != nil {
		return time.Time{}
	}
	if end := now.Add(maxPause); at.After(end) {
		return end
	}
	return at
}

// refusals is how long an account is left alone that was refused for having asked too often, when the server says nothing
// of it: a minute, and twice as long with each time that it happens again within two hours. (So GitHub asks for it.)
func (s *session) refusals() time.Duration {
	now := s.client.Now()
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	scope := s.key + " refused"
	p := s.client.pauses[scope]
	if p == nil || now.Sub(p.last) > 2*maxPause {
		p = &pause{}
		s.client.pauses[scope] = p
	}
	p.failures, p.last = p.failures+1, now
	return min(maxPause, time.Minute<<min(p.failures-1, 6))
}

func (c *Client) isClosed(key string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := c.closed[key]
	return until, c.Now().Before(until)
}

func (c *Client) recall(key string) *remembered {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.answers[key]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*remembered)
}

// remember keeps an answer, and drops those that were asked for longest ago.
func (c *Client) remember(r *remembered) {
	if len(r.answer.body) > maxKept/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(c.answers[r.key])
	c.answers[r.key] = c.recent.PushFront(r)
	for c.size += len(r.answer.body); c.size > maxKept; {
		c.drop(c.recent.Back())
	}
}

func (c *Client) drop(e *list.Element) {
	if e == nil {
		return
	}
	r := c.recent.Remove(e).(*remembered)
	delete(c.answers, r.key)
	c.size -= len(r.answer.body)
}
