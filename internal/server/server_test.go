package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/webhook"
)

const delivery = `{"ref":"refs/heads/main","repository":{"clone_url":"https://git.example.org/a/b.git"}}`

func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// house is a server over real HTTP, with what it was told.
type house struct {
	*httptest.Server
	log    *lockedBuffer
	ready  error
	secret webhook.Secrets
	limit  int64

	mu     sync.Mutex
	pushes []webhook.Push
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newHouse(t *testing.T, b bounds, change func(*Options)) *house {
	t.Helper()
	h := &house{log: &lockedBuffer{}, limit: 1 << 10}
	registry := prometheus.NewRegistry()
	o := Options{
		Log:     slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Version: Version{Version: "v1.2.3", GitCommit: "secret enough"},
		Metrics: registry, Count: registry,
		Ready:           func() error { return h.ready },
		WebhookSecrets:  func() webhook.Secrets { return h.secret },
		MaxWebhookBytes: func() int64 { return h.limit },
		Webhook: func(p webhook.Push) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.pushes = append(h.pushes, p)
		},
	}
	if change != nil {
		change(&o)
	}
	o.Page = built
	h.Server = httptest.NewServer(newServer(o, b).handler())
	t.Cleanup(h.Close)
	return h
}

func (h *house) do(t *testing.T, method, path, headers, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(method, h.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(headers) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			req.Header.Set(k, v)
		}
	}
	res, err := h.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// A scenario is one request and what must come back.
func TestScenarios(t *testing.T) {
	push := webhook.Push{Provider: "github", Repositories: []string{"https://git.example.org/a/b.git"}, Ref: "refs/heads/main"}
	github := "X-GitHub-Event: push\n"
	signed := github + "X-Hub-Signature-256: " + signature("s", delivery)
	secret := webhook.Secrets{GitHub: "s"}
	for _, c := range []struct {
		name          string
		ready         error
		secret        webhook.Secrets
		method, path  string
		headers, body string
		status, code  int // code: of the JSON error; 0: none
		says          string
		pushes        []webhook.Push
	}{
		{name: "home", method: "GET", path: "/", status: 200, says: `src="/assets/index-1.js"`},
		{name: "alive", method: "GET", path: "/healthz", ready: errors.New("not yet"), status: 200, says: "ok\n"},
		{name: "ready", method: "GET", path: "/healthz?full=true", status: 200, says: "ok\n"},
		{name: "not ready", method: "GET", path: "/healthz?full=true", ready: errors.New("Git is not there"), status: 503, says: "Git is not there"},
		{name: "head", method: "HEAD", path: "/healthz", status: 200},
		{name: "metrics", method: "GET", path: "/metrics", status: 200},
		{name: "version is all that strangers learn", method: "GET", path: "/api/version", status: 200, says: "{\"Version\":\"v3.6.0+hawser.1.2.3\"}"},
		{name: "nothing there", method: "GET", path: "/api/v1/nothing", status: 404, code: 5, says: "nothing is served at /api/v1/nothing"},
		{name: "no debugger", method: "GET", path: "/debug/pprof/", status: 404, code: 5},
		{name: "no climbing", method: "GET", path: "/healthz/../metrics", status: 404, code: 5},
		{name: "wrong method", method: "DELETE", path: "/healthz", status: 405, code: 12, says: "only GET"},
		{name: "webhook by GET", method: "GET", path: "/api/webhook", status: 405, code: 12},

		{name: "push unsigned", method: "POST", path: "/api/webhook", headers: github, body: delivery, status: 200, says: "noted", pushes: []webhook.Push{push}},
		{name: "push signed", method: "POST", path: "/api/webhook", secret: secret, headers: signed, body: delivery, status: 200, pushes: []webhook.Push{push}},
		{name: "push forged", method: "POST", path: "/api/webhook", secret: secret, headers: github, body: delivery, status: 401, code: 16, says: "webhook.github.secret"},
		{name: "push refused", method: "POST", path: "/api/webhook", secret: webhook.Secrets{RefuseUnsigned: true}, headers: github, body: delivery, status: 403, code: 7},
		{name: "ping", method: "POST", path: "/api/webhook", headers: "X-GitHub-Event: ping", body: "{}", status: 200},
		{name: "nobody's", method: "POST", path: "/api/webhook", body: delivery, status: 400, code: 3},
		{name: "nonsense", method: "POST", path: "/api/webhook", headers: github, body: "]]", status: 400, code: 3},
		{name: "too large", method: "POST", path: "/api/webhook", headers: github, body: strings.Repeat(" ", 1<<10) + delivery, status: 413, code: 8, says: "webhook.maxPayloadSizeMB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, defaultBounds, nil)
			h.ready, h.secret = c.ready, c.secret
			status, header, text := h.do(t, c.method, c.path, c.headers, c.body)
			if status != c.status || !strings.Contains(text, c.says) {
				t.Errorf("status %d, %q; want %d saying %q", status, text, c.status, c.says)
			}
			if c.code != 0 {
				var e struct {
					Error, Message string
					Code           int
				}
				if err := json.Unmarshal([]byte(text), &e); err != nil || e.Code != c.code || e.Error == "" || e.Error != e.Message {
					t.Errorf("error body %q (%v), want code %d and the text twice", text, err, c.code)
				}
			}
			if diff := cmp.Diff(c.pushes, h.pushes); diff != "" {
				t.Errorf("pushes handed on (-want +got):\n%s", diff)
			}
			for _, pair := range headers {
				if pair[0] == "Content-Security-Policy" && c.name == "home" { // the page has its own: TestPageHasScreens
					continue
				}
				if header.Get(pair[0]) != pair[1] {
					t.Errorf("header %s is %q", pair[0], header.Get(pair[0]))
				}
			}
			if id := header.Get("X-Request-Id"); len(id) != 16 || !strings.Contains(h.log.text(), id) {
				t.Errorf("request id %q is not in the log", id)
			}
		})
	}
}

// A body without a declared length is cut off where it exceeds the limit.
func TestChunkedBodyIsBounded(t *testing.T) {
	h := newHouse(t, defaultBounds, nil)
	req, err := http.NewRequest("POST", h.URL+"/api/webhook", io.MultiReader(strings.NewReader(delivery), strings.NewReader(strings.Repeat(" ", 1<<16))))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-GitHub-Event", "push")
	res, err := h.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", res.StatusCode)
	}
}

// A caller who sends half a body and waits gets 408 after the deadline, and the place in the house is free again.
func TestSlowBody(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the body's deadline; run without -short")
	}
	t.Parallel()
	h := newHouse(t, defaultBounds, nil)
	conn, err := net.Dial("tcp", h.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/webhook HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: push\r\nContent-Length: 100\r\n\r\n{")
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestTimeout {
		t.Errorf("status %d, want 408", res.StatusCode)
	}
}

func TestRateIsBoundedPerSource(t *testing.T) {
	h := newHouse(t, bounds{rate: 0.001, burst: 3, sources: 10, atOnce: 8, bytes: 1 << 20}, nil)
	var statuses []int
	for range 5 {
		status, header, _ := h.do(t, "POST", "/api/webhook", "X-GitHub-Event: push", delivery)
		if status == http.StatusTooManyRequests && header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
		statuses = append(statuses, status)
	}
	if diff := cmp.Diff([]int{200, 200, 200, 429, 429}, statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if status, _, _ := h.do(t, "GET", "/healthz", "", ""); status != 200 {
		t.Error("health must not suffer")
	}
	_, _, text := h.do(t, "GET", "/metrics", "", "")
	for _, want := range []string{`argocd_webhook_requests_total{provider="github",status="200"} 3`, `argocd_webhook_requests_total{provider="none",status="429"} 2`} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestGate(t *testing.T) {
	g := newGate(bounds{rate: 2, burst: 2, sources: 2, atOnce: 2, bytes: 100})
	now := time.Unix(1000, 0)
	a, b, c := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("192.0.2.1")
	got := []bool{g.pass(a, now), g.pass(b, now), g.pass(a, now), g.pass(c, now), g.pass(a, now.Add(time.Second/2))}
	if diff := cmp.Diff([]bool{true, true, false, true, true}, got); diff != "" {
		t.Errorf("one /64 is one source, half a second is one token (-want +got):\n%s", diff)
	}
	for i := range 100 {
		g.pass(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), now)
	}
	if len(g.buckets) != 2 || g.recent.Len() != 2 {
		t.Errorf("%d sources remembered, want 2", len(g.buckets))
	}

	leave, ok := g.enter(80)
	if _, more := g.enter(30); !ok || more {
		t.Error("110 of 100 bytes were let in")
	}
	second, ok := g.enter(20)
	if _, third := g.enter(0); !ok || third {
		t.Error("three of two were let in")
	}
	leave()
	second()
	if leave, ok := g.enter(1000); !ok {
		t.Error("a large one alone must get in")
	} else if _, more := g.enter(1); more {
		t.Error("beside the large one there is no room")
	} else {
		leave()
	}
	if g.inside != 0 || g.held != 0 {
		t.Errorf("left behind: %d inside, %d bytes", g.inside, g.held)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	h := newHouse(t, defaultBounds, func(o *Options) { o.Webhook = func(webhook.Push) { panic("CANARY") } })
	status, header, text := h.do(t, "POST", "/api/webhook", "X-GitHub-Event: push", delivery)
	if status != 500 || strings.Contains(text, "CANARY") || !strings.Contains(text, header.Get("X-Request-Id")) {
		t.Errorf("status %d, %q; want 500 with the request's id and nothing else", status, text)
	}
	if log := h.log.text(); !strings.Contains(log, "CANARY") || !strings.Contains(log, "webhook.go") {
		t.Errorf("the log lacks the panic or its stack:\n%s", log)
	}
	if _, _, text := h.do(t, "GET", "/metrics", "", ""); !strings.Contains(text, `hawser_http_panics_total{path="/api/webhook"} 1`) {
		t.Error("the panic was not counted")
	}
}

func TestRefusedDeliveriesDoNotFloodTheLog(t *testing.T) {
	h := newHouse(t, defaultBounds, nil)
	h.secret = webhook.Secrets{GitHub: "s"}
	began := time.Now()
	for range 50 {
		h.do(t, "POST", "/api/webhook", "X-GitHub-Event: push", delivery)
	}
	lines, most := strings.Count(h.log.text(), "webhook refused"), int(time.Since(began)/time.Second)+2
	if lines < 1 || lines > most {
		t.Errorf("%d lines, want between 1 and %d", lines, most)
	}
}

func TestEveryKindHasItsCode(t *testing.T) {
	for kind, want := range map[problem.Kind]int{
		problem.Internal: 13, problem.Invalid: 3, problem.NotFound: 5, problem.Forbidden: 7,
		problem.Unauthenticated: 16, problem.Conflict: 10, problem.Unavailable: 14, problem.Limit: 8,
	} {
		if got := int(codes[kind]); got != want {
			t.Errorf("%v is %d, want %d", kind, got, want)
		}
	}
}

// Serve speaks HTTP/1.1 and plain-text HTTP/2 on one port, finishes what runs when told to stop, and then is gone.
func TestServe(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	l, err := Listen(ctx, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(ctx, l.Addr().String()); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("second listener: %v", err)
	}
	entered, release := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			<-release
		}
		fmt.Fprint(w, r.Proto)
	})
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, handler, nil, slog.New(slog.DiscardHandler)) }()

	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	for want, transport := range map[string]*http.Transport{"HTTP/1.1": {}, "HTTP/2.0": {Protocols: &h2}} {
		got, err := get(&http.Client{Transport: transport}, "http://"+l.Addr().String()+"/")
		transport.CloseIdleConnections()
		if err != nil || got != want {
			t.Errorf("%q, %v; want %s", got, err, want)
		}
	}

	slow := make(chan string, 1)
	go func() {
		text, err := get(&http.Client{Transport: &http.Transport{}}, "http://"+l.Addr().String()+"/slow")
		slow <- fmt.Sprint(text, err)
	}()
	<-entered
	stop()
	for { // new callers are turned away while the slow one is still served
		if c, err := net.Dial("tcp", l.Addr().String()); err != nil {
			break
		} else {
			c.Close()
		}
		time.Sleep(5 * time.Millisecond)
	}
	close(release)
	if got := <-slow; got != "HTTP/1.1<nil>" {
		t.Errorf("the running request got %s", got)
	}
	if err := <-served; err != nil {
		t.Errorf("stop: %v", err)
	}
}

func get(c *http.Client, url string) (string, error) {
	res, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

func TestBuildNamesAVersion(t *testing.T) {
	if v := Build(); !strings.HasPrefix(v.Version, "v") || v.Platform == "" || v.GoVersion == "" {
		t.Errorf("%+v", v)
	}
}

func BenchmarkWebhook(b *testing.B) {
	s := newServer(Options{Log: slog.New(slog.DiscardHandler), Webhook: func(webhook.Push) {}, WebhookSecrets: func() webhook.Secrets { return webhook.Secrets{GitHub: "s"} }},
		bounds{rate: 1e9, burst: 1e9, sources: 1, atOnce: 64, bytes: 1 << 30})
	handler := s.handler()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/api/webhook", strings.NewReader(delivery))
		r.Header.Set("X-GitHub-Event", "push")
		r.Header.Set("X-Hub-Signature-256", signature("s", delivery))
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}
