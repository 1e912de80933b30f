package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/prometheus/client_golang/prometheus"
)

// How long a connection may do nothing useful, and how long a stop waits for requests that are being answered.
const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 10 * time.Second
	maxHeader     = 64 << 10
)

// Connections that may be open. One costs some 50 KB, so that all of them together fit into what we have; a source is an
// address, which may be that of a proxy with many callers behind it.
const (
	maxOpen      = 8192
	maxOpenByOne = 2048
)

// http2Config bounds what one connection of HTTP/2 costs: what its callers have sent and nobody has read, what is being
// read, and how long one may stay whose caller has gone without saying so.
func http2Config() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams:          250,
		MaxReadFrameSize:              64 << 10, // kept for as long as the connection is open
		MaxReceiveBufferPerConnection: 512 << 10,
		MaxReceiveBufferPerStream:     256 << 10,
		SendPingTimeout:               30 * time.Second,
		PingTimeout:                   15 * time.Second,
		WriteByteTimeout:              30 * time.Second,
	}
}

// Listen opens addr (host:port; port 0 picks a free one).
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, problem.Because(problem.Unavailable, err, "listen on %s", addr).
			WithHint("another process may hold the port: choose one with --listen")
	}
	return l, nil
}

// Bounded is l with a bound on its connections, in all and from one address: those beyond it are closed at once. The
// figures of that go to count, unless it is nil. Serve bounds what nobody has.
func Bounded(l net.Listener, count prometheus.Registerer) net.Listener {
	t := newTurnstile(l, maxOpen, maxOpenByOne)
	if count != nil {
		count.MustRegister(connectionFigures{t})
	}
	return t
}

// Serve answers on l with HTTP/1.1 and HTTP/2, without TLS (which gRPC clients call plain text) and, unless secure is
// nil, with it, until ctx ends; then it stops listening, lets running requests finish for up to ten seconds, and returns
// nil. It owns l.
func Serve(ctx context.Context, l net.Listener, h http.Handler, secure *tls.Config, log *slog.Logger) error {
	if secure != nil {
		h = upgrade(h)
	}
	return serve(ctx, l, h, secure, log)
}

// ServePlain is Serve for a process behind a proxy that does TLS: it answers everybody without, and those with it whom secure
// lets in.
func ServePlain(ctx context.Context, l net.Listener, h http.Handler, secure *tls.Config, log *slog.Logger) error {
	return serve(ctx, l, h, secure, log)
}

func serve(ctx context.Context, l net.Listener, h http.Handler, secure *tls.Config, log *slog.Logger) error {
	if _, bounded := l.(*turnstile); !bounded {
		l = Bounded(l, nil)
	}
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	srv := &http.Server{
		Handler:           h,
		Protocols:         &p,
		TLSConfig:         secure,
		HTTP2:             http2Config(),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// What clients do wrong is theirs to know; our own trouble is logged where it happens.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() {
		if secure == nil {
			served <- srv.Serve(l)
			return
		}
		served <- serveBoth(ctx, srv, l)
	}()
	select {
	case err := <-served:
		return problem.Because(problem.Unavailable, err, "serve on %s", l.Addr())
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	_ = l.Close()
	err := srv.Shutdown(stop)
	if errors.Is(err, net.ErrClosed) { // the two doors have one listener, and each closes it
		err = nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests still running were cut off", "after", stopTimeout)
		err = srv.Close()
	}
	return err
}
