package charts

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

const hintCredentials = "check the repository Secret (or repo-creds Secret) of this address"

// request is one question to a server.
type request struct {
	doing  string // for messages
	method string // default GET
	url    string
	header http.Header
	accept []int // statuses besides 200 that are answers
	pass   bool  // credentials go to the host of url, whatever host that is
	// token, if set, is sent instead of the repository's own credentials.
	token *string
	still bool // follow no redirect
	body  string
}

func (r Repository) basic() string {
	if r.Username == "" && r.Password == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(r.Username.Reveal() + ":" + r.Password.Reveal()))
}

// authorization returns the value of the Authorization header, or "".
func (r Repository) authorization() string {
	if r.BearerToken != "" {
		return "Bearer " + r.BearerToken.Reveal()
	}
	if b := r.basic(); b != "" {
		return "Basic " + b
	}
	return ""
}

// send asks, and returns the response when its status is an answer. Credentials (the header, and the client certificate) go to
// the repository's own scheme, host and port only, also after redirects. The body of any other answer is not read: what an
// internal service says there is nobody's business.
func (c *Charts) send(ctx context.Context, r Repository, q request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, q.method, q.url, strings.NewReader(q.body))
	if err != nil {
		return nil, problem.New(problem.Invalid, "%s: %s", q.doing, scrub(err.Error(), r))
	}
	for k, v := range q.header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", "hawser")
	home := r.origin()
	if q.pass {
		home = originOf(req.URL)
	}
	auth := r.authorization()
	if q.token != nil {
		auth = *q.token
	}
	own, foreign, err := c.ways(r)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: bound{home: home, authorization: auth, own: own, foreign: foreign}, CheckRedirect: redirects(q)}
	done, err := c.turn(ctx, q.doing)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		done()
		return nil, dialProblem(ctx, err, r, q.doing)
	}
	if res.StatusCode == http.StatusOK {
		res.Body = &counted{res.Body, done}
		return res, nil
	}
	done() // who reads why not may have to ask somewhere else before
	if slices.Contains(q.accept, res.StatusCode) {
		return res, nil
	}
	res.Body.Close()
	return nil, refusal(res, q.doing)
}

// refusal is what a status means.
func refusal(res *http.Response, doing string) error {
	e := problem.New(problem.Unavailable, "%s: the server answers %s", doing, strconv.Itoa(res.StatusCode)+" "+http.StatusText(res.StatusCode))
	switch res.StatusCode {
	case http.StatusUnauthorized:
		e.Kind, e.Hint = problem.Unauthenticated, hintCredentials
	case http.StatusForbidden:
		e.Kind, e.Hint = problem.Forbidden, hintCredentials
	case http.StatusNotFound, http.StatusGone:
		e.Kind, e.Hint = problem.NotFound, "check the address and the name; servers also answer so when the repository Secret lacks permission"
	case http.StatusTooManyRequests:
		e.Hint = "the server limits how often it is asked"
	}
	return e
}

// bound sends credentials to one scheme, host and port, and speaks to all others as a stranger.
type bound struct {
	home, authorization string
	own, foreign        http.RoundTripper
}

// RoundTrip is http.RoundTripper's.
func (b bound) RoundTrip(req *http.Request) (*http.Response, error) {
	clone := req.Clone(req.Context())
	clone.Header.Del("Authorization") // net/http copies it to sub-domains
	if originOf(req.URL) != b.home {
		return b.foreign.RoundTrip(clone)
	}
	if b.authorization != "" {
		clone.Header.Set("Authorization", b.authorization)
	}
	return b.own.RoundTrip(clone)
}

// redirects follows at most five, and none that gives up TLS.
func redirects(q request) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		switch {
		case q.still:
			return http.ErrUseLastResponse
		case len(via) > 5:
			return problem.New(problem.Unavailable, "%s: more than 5 redirects", q.doing)
		case req.URL.Scheme != "https" && req.URL.Scheme != "http":
			return problem.New(problem.Forbidden, "%s: the server redirects to %s", q.doing, req.URL.Scheme)
		case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
			return problem.New(problem.Forbidden, "%s: the server redirects to %s, without TLS", q.doing, req.URL.Host)
		}
		return nil
	}
}

// ways returns how the repository's own host is spoken with, and how others are: without its client certificate, and always
// verified.
func (c *Charts) ways(r Repository) (own, foreign *http.Transport, err error) {
	if own, err = c.transport(r, false); err != nil {
		return nil, nil, err
	}
	foreign, err = c.transport(r, true)
	return own, foreign, err
}

func (c *Charts) transport(r Repository, foreign bool) (*http.Transport, error) {
	if foreign {
		r.TLSClientCert, r.TLSClientKey, r.Insecure = "", "", false
	}
	inside := foreign && r.Proxy == "" && !isLoopback(hostname(r.origin()))
	h := sha256.New()
	for _, s := range []string{string(r.CA), r.TLSClientCert.Reveal(), r.TLSClientKey.Reveal(), r.Proxy, r.NoProxy, fmt.Sprint(r.Insecure, inside)} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	key := string(h.Sum(nil))
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.transports[key]; t != nil {
		return t, nil
	}
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	if inside {
		dialer.Control = outsideOnly
	}
	t := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
		IdleConnTimeout: 3 * time.Minute, MaxIdleConns: 64, MaxIdleConnsPerHost: 4, MaxConnsPerHost: 16, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
		DisableCompression: true,                                                                      // an archive is to be had as it is, and its digest is over that
		TLSClientConfig:    &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: r.Insecure}, //nolint:gosec // asked for per repository
	}
	if len(r.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(r.CA) {
			return nil, problem.New(problem.Invalid, "repository %s: its CA holds no PEM certificate", r).WithHint("check argocd-tls-certs-cm")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	if r.TLSClientCert != "" {
		pair, err := tls.X509KeyPair([]byte(r.TLSClientCert.Reveal()), []byte(r.TLSClientKey.Reveal()))
		if err != nil {
			return nil, problem.New(problem.Invalid, "repository %s: its TLS client certificate and key do not fit", r).WithHint(hintCredentials)
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	if err := setProxy(t, r); err != nil {
		return nil, err
	}
	if len(c.transports) >= 256 { // rotated certificates leave old ones behind
		for k, old := range c.transports {
			old.CloseIdleConnections()
			delete(c.transports, k)
		}
	}
	c.transports[key] = t
	return t, nil
}

// outsideOnly keeps what an index or a redirect names from leading to this machine or to the metadata service of its
// cloud.
func outsideOnly(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast() {
		return problem.New(problem.Forbidden, "the server sends us to %s, which no repository may name", host)
	}
	return nil
}

func hostname(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func setProxy(t *http.Transport, r Repository) error {
	if r.Proxy == "" {
		return nil
	}
	u, err := url.Parse(r.Proxy)
	if err != nil || u.Host == "" {
		return problem.New(problem.Invalid, "repository %s: its proxy is not a URL", r).WithHint("write it as http://host:port")
	}
	t.Proxy = func(req *http.Request) (*url.URL, error) {
		if bypass(req.URL.Hostname(), r.NoProxy) {
			return nil, nil
		}
		return u, nil
	}
	return nil
}

// bypass reports whether a host is in a noProxy list: names, domains (with or without a leading dot), networks, or *.
func bypass(host, list string) bool {
	host = strings.ToLower(host)
	for _, e := range strings.FieldsFunc(strings.ToLower(list), func(c rune) bool { return c == ',' || c == ' ' }) {
		e = strings.TrimPrefix(strings.TrimPrefix(e, "*"), ".")
		if e == "" || host == e || strings.HasSuffix(host, "."+e) {
			return true
		}
		if _, network, err := net.ParseCIDR(e); err == nil && network.Contains(net.ParseIP(host)) {
			return true
		}
	}
	return false
}

// dialProblem says why no answer came.
func dialProblem(ctx context.Context, err error, r Repository, doing string) error {
	var p *problem.Error
	if errors.As(err, &p) {
		return problem.New(p.Kind, "%s: %s", doing, strings.TrimPrefix(p.Error(), doing+": "))
	}
	if ctx.Err() != nil {
		return problem.New(problem.Unavailable, "%s: the server did not answer in time", doing)
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the URL, which may be one that a server chose
	}
	e := problem.New(problem.Unavailable, "%s: %s", doing, scrub(err.Error(), r))
	if errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid) {
		return e.WithHint("give the server's CA in argocd-tls-certs-cm")
	}
	if strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return e.WithHint("for a registry without TLS set insecureOCIForceHttp in the repository Secret")
	}
	return e
}

// scrub removes the credentials of r from text that others wrote.
func scrub(text string, r Repository) string {
	for _, s := range r.secrets() {
		if len(s) < 3 { // a shorter one would only punch holes into words
			continue
		}
		for _, spelled := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			text = strings.ReplaceAll(text, spelled, "***")
		}
	}
	return text
}
