// Package api calls a server of Argo CD's contract: ours, or Argo CD itself.
//
// The idea: one Server says where and how (plain text, TLS, gRPC-Web, below a path), and Call, Watch and Upload send
// package argocd's messages to one method by its name. Read New and Call first. The package refuses to know commands,
// files of contexts and what is printed.
package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Server is where a server is and how to speak to it.
type Server struct {
	Address    string // host:port, or a host for port 443
	PlainText  bool   // no TLS
	Insecure   bool   // do not verify the server's certificate
	ServerName string // expected in the certificate; the address's host when empty
	CA         string // file of PEM certificates to trust instead of the system's
	ClientCert string // files of a client certificate and its key
	ClientKey  string
	// The same as PEM, as contexts hold them; the files win.
	CAData, ClientCertData, ClientKeyData []byte
	GRPCWeb                               bool        // gRPC-Web over HTTP/1.1, for proxies that do not pass gRPC on
	RootPath                              string      // path below which the server is; implies GRPCWeb
	Token                                 string      // sent with every call; empty for none
	Headers                               http.Header // sent with every call
	UserAgent                             string
	Retries                               int // how often a call is tried again that reached nobody
	// FellBack, if set, is told that the server answers gRPC-Web and not gRPC.
	FellBack func()
	// Renewed, if set, is told a token that the server gave in place of Token.
	Renewed func(token string)
}

// largest is the largest message read: Argo CD's own bound.
const largest = 200 << 20

// Client calls one server. It is safe for concurrent use.
type Client struct {
	server Server
	base   string // scheme, host and root path, without a slash at the end

	mu    sync.Mutex
	token string
	web   bool // speak gRPC-Web
	known bool // the server has answered in this way
	http  *http.Client
}

// Base is the address of the server: scheme, host and root path, without a slash at the end.
func (c *Client) Base() string { return c.base }

// New returns a client of s; it opens no connection yet.
func New(s Server) (*Client, error) {
	if s.Address == "" {
		return nil, problem.New(problem.Invalid, "no server address is known").WithHint("log in with `hawser login SERVER`, or give --server")
	}
	host := strings.TrimRight(s.Address, "/")
	if u, err := url.Parse(host); err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		host = u.Host // people paste what their browser shows
	}
	scheme := "https"
	if s.PlainText {
		scheme = "http"
	}
	c := &Client{server: s, token: s.Token, web: s.GRPCWeb || s.RootPath != ""}
	c.base = scheme + "://" + host
	if root := strings.Trim(s.RootPath, "/"); root != "" {
		c.base += "/" + root
	}
	var err error
	if c.http, err = transport(s, c.web); err != nil {
		return nil, err
	}
	return c, nil
}

// transport returns an HTTP client: HTTP/2 alone for gRPC, both for gRPC-Web.
func transport(s Server, web bool) (*http.Client, error) {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		Protocols:           new(http.Protocols),
	}
	switch {
	case web:
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
	case s.PlainText:
		t.Protocols.SetUnencryptedHTTP2(true)
	default:
		t.Protocols.SetHTTP2(true)
	}
	if !s.PlainText {
		var err error
		if t.TLSClientConfig, err = tlsConfig(s); err != nil {
			return nil, err
		}
	}
	return &http.Client{Transport: t}, nil
}

func tlsConfig(s Server) (*tls.Config, error) {
	// Insecure is the user's own word, asked for by name or answered to a question.
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName, InsecureSkipVerify: s.Insecure}
	ca, from := s.CAData, "the context"
	if s.CA != "" {
		var err error
		if ca, err = os.ReadFile(s.CA); err != nil {
			return nil, problem.Because(problem.Invalid, err, "read the server's certificate")
		}
		from = s.CA
	}
	if len(ca) > 0 {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(ca) {
			return nil, problem.New(problem.Invalid, "%s holds no certificate in PEM form", from)
		}
	}
	var pair tls.Certificate
	var err error
	switch {
	case s.ClientCert != "" || s.ClientKey != "":
		pair, err = tls.LoadX509KeyPair(s.ClientCert, s.ClientKey)
	case len(s.ClientCertData) > 0 || len(s.ClientKeyData) > 0:
		pair, err = tls.X509KeyPair(s.ClientCertData, s.ClientKeyData)
	default:
		return c, nil
	}
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the client certificate %s and its key %s", s.ClientCert, s.ClientKey)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// URL is the address of a path of the server, for what is not gRPC.
func (c *Client) URL(path string) string { return c.base + path }

// HTTP is a client for what is not gRPC, with the same trust in the server.
func (c *Client) HTTP() (*http.Client, error) { return transport(c.server, true) }

// Token is the token in use: the one given, or one that the server renewed it with.
func (c *Client) Token() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// SetToken has calls from now on sent with another token.
func (c *Client) SetToken(t string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = t
}

func (c *Client) sign(h http.Header) {
	for k, v := range c.server.Headers {
		h[k] = v
	}
	if c.server.UserAgent != "" {
		h.Set("User-Agent", c.server.UserAgent)
	}
	if t := c.Token(); t != "" {
		h.Set("Token", t)
		h.Set("Authorization", "Bearer "+t)
	}
}

// renewed takes a token that came with an answer.
func (c *Client) renewed(h http.Header) {
	t := h.Get("Renew-Token")
	if t == "" {
		return
	}
	c.mu.Lock()
	c.token = t
	c.mu.Unlock()
	if c.server.Renewed != nil {
		c.server.Renewed(t)
	}
}

// Call asks a method, "application.ApplicationService/Get", for one answer.
func Call[Req, Res any](ctx context.Context, c *Client, method string, req *Req) (*Res, error) {
	var res *connect.Response[Res]
	err := c.reach(ctx, method, func() (err error) {
		call := connect.NewRequest(req)
		c.sign(call.Header())
		res, err = client[Req, Res](c, method).CallUnary(ctx, call)
		return err
	})
	if err != nil {
		return nil, c.explain(err)
	}
	c.renewed(res.Header())
	return res.Msg, nil
}

// Stream is the answers of a method that has many.
type Stream[Res any] struct {
	c *Client
	s *connect.ServerStreamForClient[Res]
}

// Next returns the next answer, and io.EOF after the last.
func (s *Stream[Res]) Next() (*Res, error) {
	if s.s.Receive() {
		return s.s.Msg(), nil
	}
	if err := s.s.Err(); err != nil {
		return nil, s.c.explain(err)
	}
	return nil, io.EOF
}

// Close ends the stream.
func (s *Stream[Res]) Close() error { return s.s.Close() }

// Watch asks a method for a stream of answers; ctx ends it.
func Watch[Req, Res any](ctx context.Context, c *Client, method string, req *Req) (*Stream[Res], error) {
	if err := c.findWay(ctx); err != nil {
		return nil, c.explain(err)
	}
	call := connect.NewRequest(req)
	c.sign(call.Header())
	s, err := client[Req, Res](c, method).CallServerStream(ctx, call)
	if err != nil {
		return nil, c.explain(err)
	}
	return &Stream[Res]{c, s}, nil
}

// Upload sends many messages to a method, and returns its one answer. (Over gRPC-Web Argo CD takes only one message.)
func Upload[Req, Res any](ctx context.Context, c *Client, method string, parts func(send func(*Req) error) error) (*Res, error) {
	if err := c.findWay(ctx); err != nil {
		return nil, c.explain(err)
	}
	s := client[Req, Res](c, method).CallClientStream(ctx)
	c.sign(s.RequestHeader())
	sendErr := parts(s.Send)
	if sendErr != nil && !errors.Is(sendErr, io.EOF) { // io.EOF: the server has answered already, and says why below
		_, _ = s.CloseAndReceive()
		return nil, sendErr
	}
	res, err := s.CloseAndReceive()
	if err != nil {
		return nil, c.explain(err)
	}
	return res.Msg, nil
}

// Code is the gRPC code of an answer, for those who decide by it; 0 when it was no answer of a server.
func Code(err error) connect.Code {
	var e *connect.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// explain turns an error of the wire into a problem: the server's own words, and what can be done when there is none.
func (c *Client) explain(err error) error {
	var e *connect.Error
	if !errors.As(err, &e) {
		return problem.Because(problem.Unavailable, err, "ask %s", c.server.Address)
	}
	kinds := map[connect.Code]problem.Kind{
		connect.CodeInvalidArgument: problem.Invalid, connect.CodeFailedPrecondition: problem.Invalid, connect.CodeNotFound: problem.NotFound,
		connect.CodePermissionDenied: problem.Forbidden, connect.CodeUnauthenticated: problem.Unauthenticated, connect.CodeAlreadyExists: problem.Conflict,
		connect.CodeAborted: problem.Conflict, connect.CodeUnavailable: problem.Unavailable, connect.CodeDeadlineExceeded: problem.Unavailable, connect.CodeResourceExhausted: problem.Limit,
	}
	p := &problem.Error{Kind: kinds[e.Code()], Text: e.Message()}
	switch {
	case connect.IsWireError(err):
	case e.Code() == connect.CodeCanceled:
		return context.Canceled
	case e.Code() == connect.CodeUnavailable || e.Code() == connect.CodeUnknown:
		p = problem.Because(problem.Unavailable, e.Unwrap(), "cannot reach %s", c.server.Address).WithHint("%s", c.advice(e))
	}
	return &answered{p, e}
}

// answered keeps both sides of an error: what people read and the code that commands decide by.
type answered struct {
	said *problem.Error
	wire *connect.Error
}

func (a *answered) Error() string   { return a.said.Error() }
func (a *answered) Unwrap() []error { return []error{a.said, a.wire} }

// Wire is the answer as it came, for those who print codes.
func (a *answered) Wire() *connect.Error { return a.wire }

// advice is what most often helps when a server cannot be reached at all.
func (c *Client) advice(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "server gave HTTP response to HTTPS client"), strings.Contains(text, "first record does not look like a TLS handshake"):
		return "the server speaks plain text: use --plaintext"
	case strings.Contains(text, "certificate"):
		return "use --insecure, or --server-crt with the server's certificate"
	case c.server.PlainText && strings.Contains(text, "EOF"):
		return "the server may speak TLS: leave out --plaintext"
	case !c.speaksWeb():
		return "is it running? behind a proxy that does not pass gRPC on, use --grpc-web"
	}
	return "is it running?"
}
