// Package faultproxy stands between a program under test and a real API server, and does to its requests what networks,
// overloaded servers and crashes do.
//
// The idea: every request passes one function that the test gives (Proxy.Fault), which may refuse it, delay it, lose
// its answer after it was done, or kill the program before or after it. Writes are numbered and recorded, so that a
// test can go through them one by one. Start with [Start]. The package refuses to invent answers of its own beyond a
// refusal: what is not refused is the API server's. A [Wire] cuts the connections themselves. Imported by _test.go files only.
package faultproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Request is one request of the program under test.
type Request struct {
	Number int    // of a write, from 1 on since the last Reset; 0 for reads, dry runs, leases and events
	Verb   string // create, update, apply, patch, delete; get or watch
	Path   string
	DryRun bool
	Body   []byte // of a write
	At     time.Time
	Agent  string // the program's name for itself
	Owner  string // field manager of a write
	Status int    // what the API server answered; 0 when it was not asked, or did not answer
}

// Write reports whether the request may change something that a test looks at.
func (r Request) Write() bool { return r.Number > 0 }

// Object is the last part of the path: the object's name, or the resource of a creation.
func (r Request) Object() string {
	parts := strings.Split(strings.TrimSuffix(r.Path, "/"), "/")
	n := len(parts)
	if r.Verb == "create" || n < 2 {
		return parts[n-1]
	}
	return parts[n-2] + "/" + parts[n-1]
}

// String returns the verb and the object: patch configmaps/settings.
func (r Request) String() string { return r.Verb + " " + r.Object() }

// Done reports whether the API server carried a write out.
func (r Request) Done() bool { return r.Write() && r.Status >= 200 && r.Status < 300 }

// Fault is what happens to one request. The zero value lets it pass.
type Fault struct {
	Before     func()        // called before the request is passed on, which then does not happen
	After      func()        // called when the API server has done it; the answer is lost
	Lose       bool          // the API server does it, and the answer is lost
	Status     int           // answered instead of the API server: 429, 500, 503
	RetryAfter int           // seconds, with Status
	Delay      time.Duration // before anything else
}

// Proxy is a running proxy.
type Proxy struct {
	Kubeconfig string // for the program under test

	mu      sync.Mutex
	fault   func(Request) Fault
	number  int
	record  []Request
	watches map[int]context.CancelFunc
	next    int
}

// Start begins a proxy to the API server of upstream. It ends with the test.
func Start(t testing.TB, upstream *rest.Config) *Proxy {
	t.Helper()
	target, err := url.Parse(upstream.Host)
	if err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(upstream)
	config.UserAgent = ""
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{watches: map[int]context.CancelFunc{}}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Authorization") // whoever the program is, the proxy is the administrator
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // the API server is gone: so is the connection
		},
	}
	server := httptest.NewUnstartedServer(handler{p, reverse})
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true // as API servers do: a lost answer is a stream that is reset, and not a broken connection
	server.StartTLS()
	t.Cleanup(func() {
		p.Fault(nil)
		p.CutWatches()
		server.CloseClientConnections()
		server.Close()
	})
	p.Kubeconfig = kubeconfig(t, server)
	return p
}

func kubeconfig(t testing.TB, server *httptest.Server) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["proxy"] = &clientcmdapi.Cluster{Server: server.URL, CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})}
	config.AuthInfos["anybody"] = &clientcmdapi.AuthInfo{}
	config.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy", AuthInfo: "anybody"}
	config.CurrentContext = "proxy"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	data, err := clientcmd.Write(*config)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Fault has f decide what happens to each request from now on; nil lets all pass. It is called by many goroutines.
func (p *Proxy) Fault(f func(Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Reset forgets the record and counts writes from 1 again.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number, p.record = 0, nil
}

// Writes returns the writes since the last Reset, in their order.
func (p *Proxy) Writes() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.record)
}

// CutWatches ends all watch streams in the middle of what they say.
func (p *Proxy) CutWatches() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, cancel := range p.watches {
		cancel()
	}
}

type handler struct {
	*Proxy
	next http.Handler
}

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, fault := h.admit(r)
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
		}
	}
	switch {
	case fault.Before != nil:
		fault.Before()
		panic(http.ErrAbortHandler)
	case fault.Status != 0:
		if fault.RetryAfter > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(fault.RetryAfter))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(fault.Status)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"message":"made up by faultproxy"}`, fault.Status)
		return
	}
	switch {
	case request.Verb == "watch":
		ctx, cancel := context.WithCancel(r.Context())
		defer h.watching(cancel)()
		r = r.WithContext(ctx)
		h.next.ServeHTTP(w, r)
		if ctx.Err() != nil {
			panic(http.ErrAbortHandler)
		}
	case fault.After != nil || fault.Lose:
		answer := &recorder{header: http.Header{}}
		h.next.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context())))
		h.answered(request, answer.status)
		if fault.After != nil {
			fault.After()
		}
		panic(http.ErrAbortHandler)
	default:
		if request.Write() { // it is carried out and recorded, whether or not the program lives to see it
			r = r.WithContext(context.WithoutCancel(r.Context()))
		}
		s := &statusWriter{ResponseWriter: w}
		defer func() { h.answered(request, s.status) }()
		h.next.ServeHTTP(s, r)
	}
}

// admit numbers the request and asks what happens to it.
func (h handler) admit(r *http.Request) (Request, Fault) {
	query := r.URL.Query()
	q := Request{Path: r.URL.Path, At: time.Now(), DryRun: query.Has("dryRun"), Verb: "get", Agent: r.UserAgent(), Owner: query.Get("fieldManager")}
	if v := query.Get("watch"); v == "true" || v == "1" {
		q.Verb = "watch"
	}
	if verb := map[string]string{"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[r.Method]; verb != "" {
		q.Verb = verb
		q.Body, _ = io.ReadAll(io.LimitReader(r.Body, 10<<20))
		r.Body = io.NopCloser(bytes.NewReader(q.Body))
		q.DryRun = q.DryRun || dryDelete(q)
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/apply-patch") {
			q.Verb = "apply"
		}
	}
	h.mu.Lock()
	if q.Verb != "get" && q.Verb != "watch" && !q.DryRun && !unlooked(q.Path) {
		h.number++
		q.Number = h.number
		h.record = append(h.record, q)
	}
	fault := h.fault
	h.mu.Unlock()
	if fault == nil {
		return q, Fault{}
	}
	return q, fault(q)
}

// unlooked are writes that no test looks at, and that come when they will.
func unlooked(path string) bool {
	return strings.Contains(path, "/leases") || strings.Contains(path, "/events") || strings.HasPrefix(path, "/apis/authorization.k8s.io/") || strings.HasPrefix(path, "/apis/authentication.k8s.io/")
}

// dryDelete reports whether a deletion asks for a dry run, which it does in its body.
func dryDelete(q Request) bool {
	var options struct {
		DryRun []string `json:"dryRun"`
	}
	return q.Verb == "delete" && json.Unmarshal(q.Body, &options) == nil && len(options.DryRun) > 0
}

func (p *Proxy) answered(q Request, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.record {
		if p.record[i].Number == q.Number && p.record[i].At.Equal(q.At) {
			p.record[i].Status = status
		}
	}
}

// watching remembers a watch stream until the returned function is called.
func (p *Proxy) watching(cancel context.CancelFunc) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	id := p.next
	p.watches[id] = cancel
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.watches, id)
		cancel()
	}
}

// recorder takes an answer that nobody gets.
type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return len(b), nil
}
func (r *recorder) WriteHeader(status int) { r.status = status }

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the reverse proxy flush.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
