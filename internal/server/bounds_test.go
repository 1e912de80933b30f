package server

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// page is /metrics as Prometheus reads it.
func metricsPage(t *testing.T, r *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// What callers use, what they may use, and what they were refused by can be read; every series is there before anything
// has happened.
func TestFiguresOfCallers(t *testing.T) {
	o, registry := withAccounts(t)
	s := newServerWithin(o, bounds{rate: 0.001, burst: 1, sources: 8, atOnce: 4, bytes: 1 << 20}, tight(func(l *limits) { l.strangers.rate, l.strangers.burst = 0.001, 3 }))
	h := s.handler()
	before := metricsPage(t, registry)
	for _, line := range []string{
		`hawser_http_refused_total{bound="stranger_rate"} 0`, `hawser_http_refused_total{bound="webhook_rate"} 0`, `hawser_http_refused_total{bound="lists"} 0`,
		`hawser_http_requests_running{caller="user"} 0`, `hawser_http_requests_running_limit{caller="stranger"} 512`,
		`hawser_http_streams_limit 5000`, `hawser_http_lists_running_limit 32`, `hawser_http_terminals_limit 200`, `hawser_http_webhooks_running_limit 4`,
		`hawser_http_body_limit_bytes{caller="user"} 2.68435456e+08`,
	} {
		if !strings.Contains(before, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	for range 5 {
		h.ServeHTTP(httptest.NewRecorder(), request(t, "GET", "http://x/api/v1/session/userinfo", "", "", ""))
		h.ServeHTTP(httptest.NewRecorder(), request(t, "POST", "http://x/api/webhook", "", "application/json", "{}"))
	}
	seat, err := s.crowd.enter(&call{source: sourceOf("192.0.2.9:1")}, httptest.NewRequest("GET", "/api/v1/applications", nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := seat.hold(1000); err != nil {
		t.Fatal(err)
	}
	after := metricsPage(t, registry)
	for _, line := range []string{
		`hawser_http_refused_total{bound="stranger_rate"} 2`, `hawser_http_refused_total{bound="webhook_rate"} 4`,
		`hawser_http_requests_running{caller="stranger"} 1`, `hawser_http_body_bytes{caller="stranger"} 1000`,
	} {
		if !strings.Contains(after, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	seat.leave()
	if page := metricsPage(t, registry); !strings.Contains(page, `hawser_http_requests_running{caller="stranger"} 0`) || !strings.Contains(page, `hawser_http_body_bytes{caller="stranger"} 0`) {
		t.Error("who has left still counts")
	}
	problems, err := promlint.New(strings.NewReader(after)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Connections beyond the bound are closed and counted; those that are open are.
func TestFiguresOfConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	bounded := Bounded(l, registry)
	bounded.(*turnstile).all = 1
	defer bounded.Close()
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := bounded.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	dial()
	first := <-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("one connection too many is not closed")
	}
	if page := metricsPage(t, registry); !strings.Contains(page, "hawser_http_connections 1\n") || !strings.Contains(page, "hawser_http_connections_refused_total 1\n") || !strings.Contains(page, "hawser_http_connections_limit 1\n") {
		t.Error(page)
	}
	_ = first.Close()
	dial()
	<-accepted
	if page := metricsPage(t, registry); !strings.Contains(page, "hawser_http_connections 1\n") || !strings.Contains(page, "hawser_http_connections_refused_total 1\n") {
		t.Error(page)
	}
}
