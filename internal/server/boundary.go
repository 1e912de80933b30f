package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
)

// headers that every answer carries: nothing here is framed, guessed at, cached or run.
var headers = [...][2]string{
	{"X-Content-Type-Options", "nosniff"},
	{"Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cache-Control", "no-store"},
}

type counters struct{ webhooks, panics, passed *prometheus.CounterVec }

// newCounters declares the metrics of this package; argocd_webhook_requests_total is Argo CD's name.
func newCounters(r prometheus.Registerer) counters {
	c := counters{
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "argocd_webhook_requests_total", Help: "Webhook deliveries, by Git provider and HTTP status answered.",
		}, []string{"provider", "status"}),
		panics: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawser_http_panics_total", Help: "Requests that ended in a panic: each one is a bug.",
		}, []string{"path"}),
		passed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawser_calls_passed_on_total", Help: "Calls that were passed on to another replica or to an agent, and whether they were answered, refused (an error was the answer), or lost.",
		}, []string{"to", "outcome"}),
	}
	if r != nil {
		r.MustRegister(c.webhooks, c.panics, c.passed)
	}
	return c
}

// boundary is around every request: it names it, bounds it, survives it and logs it.
func (s *server) boundary(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := requestID()
		rec := newRecorder(w, s.crowd.taken)
		if !isRPC(r) { // clients of gRPC find an error in the headers only if there are no others
			for _, h := range headers {
				w.Header().Set(h[0], h[1])
			}
			w.Header().Set("X-Request-Id", id)
		}
		defer func() {
			s.survive(rec, r, id, recover())
			rec.finish()
			s.Log.Debug("request", "id", id, "method", r.Method, "path", clip(r.URL.Path), "status", rec.status,
				"bytes", rec.bytes, "took", time.Since(began), "from", r.RemoteAddr, "protocol", r.Proto)
		}()
		c := s.receive(r, id)
		seat, err := s.crowd.enter(c, r)
		if err != nil {
			_ = rec.out.SetReadDeadline(began.Add(s.crowd.patience))
			turnAway(rec, r, err)
			return
		}
		defer seat.leave()
		c.seat = seat
		r = r.WithContext(withCall(r.Context(), c))
		if b := newBody(w, r, seat); b != nil {
			defer b.close()
			r.Body = b
		}
		next.ServeHTTP(rec, r)
	})
}

// survive turns a panic into an answer: one bad request must not end the process that holds the clusters.
func (s *server) survive(w *recorder, r *http.Request, id string, thrown any) {
	switch thrown {
	case nil:
		return
	case http.ErrAbortHandler: // net/http's own way to drop a connection
		panic(thrown)
	}
	s.counters.panics.WithLabelValues(s.known(r.URL.Path)).Inc()
	s.Log.Error("request panicked", "id", id, "method", r.Method, "path", clip(r.URL.Path), "panic", thrown, "stack", string(debug.Stack()))
	text := "the request failed by a bug of ours; the log has it under request " + id
	switch {
	case w.status != 0: // half an answer must not look like a whole one
		panic(http.ErrAbortHandler)
	case isRPC(r):
		_ = connect.NewErrorWriter().Write(w, r, connect.NewError(connect.CodeInternal, errors.New(text)))
	default:
		answer(w, http.StatusInternalServerError, connect.CodeInternal, text)
	}
}

// known keeps callers from inventing label values.
func (s *server) known(path string) string {
	for _, r := range s.routes() {
		if r.path == path {
			return path
		}
	}
	return "other"
}

func requestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	return hex.EncodeToString(b[:])
}
