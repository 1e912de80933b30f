package git

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// maxListing bounds what a server may send as its list of refs.
const maxListing = 128 << 20

// list asks the server of r for HEAD, branches and tags. Over http it speaks Git's protocol itself: a poll that finds
// nothing new costs two small requests on a kept connection instead of two processes and a TLS handshake. base is the
// URL that answered: r.URL, or where the same host redirected to.
func (m *Mirrors) list(ctx context.Context, r Repository) (refs *snapshot, base string, err error) {
	began := time.Now()
	defer func() { m.options.Observe("ls-remote", r.String(), time.Since(began), err) }()
	if r.http() {
		return m.listHTTP(ctx, r)
	}
	refs, err = m.listCommand(ctx, r)
	return refs, r.URL, err
}

// listCommand lists over ssh and file://.
func (m *Mirrors) listCommand(ctx context.Context, r Repository) (*snapshot, error) {
	release, err := m.talk(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	env, done, err := m.transport(r)
	if err != nil {
		return nil, err
	}
	defer done()
	out, err := m.git(ctx, command{url: r.URL, args: []string{"ls-remote", "--symref", "--end-of-options", r.URL}, env: env})
	if err != nil {
		return nil, explain(err, r, "list the refs of")
	}
	l := newListing()
	for line := range strings.Lines(string(out)) {
		id, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if target, isRef := strings.CutPrefix(id, "ref: "); ok && isRef {
			if name == "HEAD" {
				l.head = target
			}
		} else if ok {
			l.add(id, name)
		}
	}
	return l.refs(), nil
}

// talk waits for leave to start one more process that talks to a server.
func (m *Mirrors) talk(ctx context.Context) (release func(), err error) {
	m.waiting.Add(1)
	defer m.waiting.Add(-1)
	select {
	case m.busy <- struct{}{}:
		return func() { <-m.busy }, nil
	case <-ctx.Done():
		return nil, problem.New(problem.Unavailable, "waiting for other Git transfers: %v", ctx.Err())
	}
}

// listing collects advertised refs; names that git itself would not accept are left out, as git leaves them out.
type listing struct {
	head, headCommit string
	branches, tags   map[string]string
}

func newListing() *listing {
	return &listing{branches: map[string]string{}, tags: map[string]string{}}
}

// add takes one advertised ref; name^{} is what the annotated tag of that name points at.
func (l *listing) add(id, name string) {
	name, peeled := strings.CutSuffix(name, "^{}")
	switch {
	case !isFullID(id):
	case name == "HEAD":
		l.headCommit = id
	case !goodRef(name):
	case strings.HasPrefix(name, "refs/heads/") && !peeled:
		l.branches[strings.TrimPrefix(name, "refs/heads/")] = id
	case strings.HasPrefix(name, "refs/tags/"):
		l.tags[strings.TrimPrefix(name, "refs/tags/")] = id // the peeled line follows the plain one
	}
}

func (l *listing) refs() *snapshot {
	if !goodRef(l.head) {
		l.head = ""
	}
	return newRefs(l.head, l.headCommit, l.branches, l.tags)
}

// listHTTP is ls-refs of protocol version 2, or the advertisement of version 0 where the server is older
// (git's gitprotocol-v2 and gitprotocol-http pages).
func (m *Mirrors) listHTTP(ctx context.Context, r Repository) (*snapshot, string, error) {
	client, err := m.client(r)
	if err != nil {
		return nil, "", err
	}
	base := strings.TrimRight(r.URL, "/")
	res, err := m.request(ctx, client, r, http.MethodGet, base+"/info/refs?service=git-upload-pack", nil)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "application/x-git-upload-pack-advertisement" {
		return nil, "", problem.New(problem.Unavailable, "list the refs of %s: the server answers with %q instead of refs", r, got[:min(len(got), 80)]).
			WithHint("check that the URL is a repository's; a login page also answers so: check the repository Secret")
	}
	if res.Request.URL.Path != "" { // after a redirect within the host
		u := *res.Request.URL
		u.RawQuery = ""
		u.Path = strings.TrimSuffix(u.Path, "/info/refs")
		u.RawPath = strings.TrimSuffix(u.RawPath, "/info/refs")
		base = u.String()
	}
	in := &packets{r: bufio.NewReaderSize(io.LimitReader(res.Body, maxListing), 32<<10)}
	first, err := in.next()
	if err == nil && bytes.HasPrefix(first, []byte("# service=")) {
		if _, err = in.next(); err == nil { // the flush
			first, err = in.next()
		}
	}
	l := newListing()
	switch {
	case err != nil:
	case string(bytes.TrimSpace(first)) == "version 2":
		format, unborn := "sha1", false
		for err == nil {
			var line []byte
			if line, err = in.next(); line == nil {
				break
			}
			if f, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "object-format="); ok {
				format = f
			}
			if f, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "ls-refs="); ok {
				unborn = slices.Contains(strings.Fields(f), "unborn")
			}
		}
		if err == nil {
			err = m.lsRefs(ctx, client, r, base, lsOptions{format, unborn}, l)
		}
	default:
		err = l.version0(first, in)
	}
	if err != nil {
		return nil, "", unreadable(err, r)
	}
	return l.refs(), base, nil
}

// lsOptions are what the server can do: its kind of hash, and whether it names a HEAD whose branch does not exist.
type lsOptions struct {
	format string
	unborn bool
}

// lsRefs sends the ls-refs command; the prefixes keep the thousands of pull request refs of some hosts off the wire.
func (m *Mirrors) lsRefs(ctx context.Context, client *http.Client, r Repository, base string, o lsOptions, l *listing) error {
	var b bytes.Buffer
	packet(&b, "command=ls-refs\n")
	packet(&b, "agent=hawser\n")
	packet(&b, "object-format="+o.format)
	b.WriteString("0001")
	for _, arg := range []string{"peel\n", "symrefs\n", "ref-prefix HEAD\n", "ref-prefix refs/heads/\n", "ref-prefix refs/tags/\n"} {
		packet(&b, arg)
	}
	if o.unborn {
		packet(&b, "unborn\n")
	}
	b.WriteString("0000")
	res, err := m.request(ctx, client, r, http.MethodPost, base+"/git-upload-pack", b.Bytes())
	if err != nil {
		return err
	}
	defer res.Body.Close()
	in := &packets{r: bufio.NewReaderSize(io.LimitReader(res.Body, maxListing), 32<<10)}
	for {
		line, err := in.next()
		if err != nil || line == nil {
			return err
		}
		f := strings.Fields(string(line))
		if len(f) < 2 {
			continue
		}
		l.add(f[0], f[1])
		for _, attribute := range f[2:] {
			if id, ok := strings.CutPrefix(attribute, "peeled:"); ok {
				l.add(id, f[1]+"^{}")
			}
			if target, ok := strings.CutPrefix(attribute, "symref-target:"); ok && f[1] == "HEAD" {
				l.head = target
			}
		}
	}
}

// version0 reads an advertisement of versions 0 and 1; first is its first line, nil when the repository is empty.
func (l *listing) version0(first []byte, in *packets) (err error) {
	line := first
	if string(bytes.TrimSpace(line)) == "version 1" {
		line, err = in.next()
	}
	for ; err == nil && line != nil; line, err = in.next() {
		text, capabilities, _ := strings.Cut(string(line), "\x00")
		if id, name, ok := strings.Cut(strings.TrimSpace(text), " "); ok {
			l.add(id, name)
		}
		for _, c := range strings.Fields(capabilities) {
			if target, ok := strings.CutPrefix(c, "symref=HEAD:"); ok {
				l.head = target
			}
		}
	}
	return err
}

// packets reads Git's pkt-lines.
type packets struct {
	r   *bufio.Reader
	buf []byte
}

// next returns the payload of the next line, valid until the call after; nil at a flush or the end of a response. An
// ERR line is an error of kind NotFound, which is what servers mean by it here.
func (p *packets) next() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(string(head[:]), 16, 16)
	switch {
	case err != nil:
		return nil, errors.New("malformed packet")
	case n == 0 || n == 2:
		return nil, nil
	case n == 1:
		return []byte{}, nil
	case n < 4:
		return nil, errors.New("malformed packet")
	}
	if cap(p.buf) < int(n) {
		p.buf = make([]byte, 1<<16)
	}
	line := p.buf[:n-4]
	if _, err := io.ReadFull(p.r, line); err != nil {
		return nil, err
	}
	if said, ok := bytes.CutPrefix(line, []byte("ERR ")); ok {
		return nil, problem.New(problem.NotFound, "the server says %q", said[:min(len(said), 200)])
	}
	return line, nil
}

func packet(b *bytes.Buffer, payload string) { fmt.Fprintf(b, "%04x%s", len(payload)+4, payload) }

func unreadable(err error, r Repository) error {
	var p *problem.Error
	if errors.As(err, &p) {
		return err
	}
	return problem.New(problem.Unavailable, "list the refs of %s: the answer broke off: %v", r, err)
}

// request sends one request with r's credentials and returns the response when its status is 200. The body of any
// other answer is not read: what an internal service says there is nobody's business.
func (m *Mirrors) request(ctx context.Context, client *http.Client, r Repository, method, target string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, problem.New(problem.Invalid, "list the refs of %s: %s", r, scrub(err.Error(), r))
	}
	req.Header.Set("User-Agent", "git/2.0 (hawser)") // some hosts serve Git only to what calls itself git
	req.Header.Set("Git-Protocol", "version=2")
	if a := r.authorization(); a != "" {
		req.Header.Set("Authorization", a)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
		req.Header.Set("Accept", "application/x-git-upload-pack-result")
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, dialProblem(ctx, err, r)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	res.Body.Close()
	e := problem.New(problem.Unavailable, "list the refs of %s: the server answers %s", r, strconv.Itoa(res.StatusCode)+" "+http.StatusText(res.StatusCode))
	switch res.StatusCode {
	case http.StatusUnauthorized:
		e.Kind, e.Hint = problem.Unauthenticated, hintCredentials
	case http.StatusForbidden:
		e.Kind, e.Hint = problem.Forbidden, hintCredentials
	case http.StatusNotFound, http.StatusGone:
		e.Kind, e.Hint = problem.NotFound, hintNotFound
	}
	return nil, e
}

// dialProblem says why no answer came.
func dialProblem(ctx context.Context, err error, r Repository) error {
	var p *problem.Error
	if errors.As(err, &p) {
		return p
	}
	if ctx.Err() != nil {
		return problem.New(problem.Unavailable, "list the refs of %s: the server did not answer in time", r)
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the URL, which is said already
	}
	e := problem.New(problem.Unavailable, "list the refs of %s: %s", r, scrub(err.Error(), r))
	if errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid) {
		return e.WithHint("give the server's CA in argocd-tls-certs-cm")
	}
	return e
}

// client returns the HTTP client for r's certificates and proxy; repositories that agree on these share connections.
func (m *Mirrors) client(r Repository) (*http.Client, error) {
	h := sha256.New()
	for _, s := range []string{string(r.CA), r.TLSClientCert.Reveal(), r.TLSClientKey.Reveal(), r.Proxy, r.NoProxy, fmt.Sprint(r.Insecure)} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	key := string(h.Sum(nil))
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.clients[key]; c != nil {
		return c, nil
	}
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: 30 * time.Second, IdleConnTimeout: 3 * time.Minute,
		MaxIdleConns: 64, MaxIdleConnsPerHost: 4, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: r.Insecure}, //nolint:gosec // asked for per repository
	}
	if len(r.CA) > 0 {
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(r.CA) {
			return nil, problem.New(problem.Invalid, "repository %s: its CA holds no PEM certificate", r).WithHint("check argocd-tls-certs-cm")
		}
	}
	if r.TLSClientCert != "" {
		pair, err := tls.X509KeyPair([]byte(r.TLSClientCert.Reveal()), []byte(r.TLSClientKey.Reveal()))
		if err != nil {
			return nil, problem.New(problem.Invalid, "repository %s: its TLS client certificate and key do not fit", r).WithHint(hintCredentials)
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	if err := setProxy(t, r, m.options.ProxyFromEnv); err != nil {
		return nil, err
	}
	if len(m.clients) >= 256 { // rotated certificates leave old clients behind
		for k, c := range m.clients {
			c.CloseIdleConnections()
			delete(m.clients, k)
		}
	}
	c := &http.Client{Transport: t, CheckRedirect: sameHost}
	m.clients[key] = c
	return c, nil
}

func setProxy(t *http.Transport, r Repository, fromEnv bool) error {
	if r.Proxy == "" {
		if fromEnv {
			t.Proxy = http.ProxyFromEnvironment
		}
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

// bypass reports whether a host is in a noProxy list: names, domains (with or without a leading dot), or *.
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

// sameHost lets a redirect pass that stays on the host and does not lose TLS (GitLab adds .git, GitHub knows renamed
// repositories). Others are refused: credentials are for one host, and a redirect must not reach into our network.
func sameHost(req *http.Request, via []*http.Request) error {
	from, to := via[0].URL, req.URL
	switch {
	case len(via) > 3:
		return problem.New(problem.Unavailable, "list the refs of %s: more than 3 redirects", trimService(from))
	case from.Hostname() != to.Hostname() || from.Scheme == to.Scheme && from.Port() != to.Port() ||
		from.Scheme == "https" && to.Scheme != "https" || from.Scheme != to.Scheme && to.Port() != "":
		return problem.New(problem.Forbidden, "list the refs of %s: the server redirects to %s://%s", trimService(from), to.Scheme, to.Host).
			WithHint("if that is right, use that address as the repository's URL")
	case !strings.HasSuffix(to.Path, "/info/refs"):
		return problem.New(problem.Unavailable, "list the refs of %s: the server redirects to a page that is not a repository", trimService(from)).
			WithHint("a login page answers so: check the URL and the repository Secret")
	}
	return nil
}

func trimService(u *url.URL) string {
	return u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/info/refs")
}
