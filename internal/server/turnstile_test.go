package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// exhausted is a listener whose process has no file descriptor left for some time.
type exhausted struct {
	net.Listener
	faults int
}

func (e *exhausted) Accept() (net.Conn, error) {
	if e.faults > 0 {
		e.faults--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return e.Listener.Accept()
}

// Without file descriptors the doors of TLS ended, and the process with them.
func TestTurnstileOutlivesExhaustion(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	l := newTurnstile(&exhausted{inner, 3}, 10, 10)
	go func() { _, _ = net.Dial("tcp", inner.Addr().String()) }()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	inner.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener: %v", err)
	}
}

func TestTurnstileBoundsSources(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	turnstile := newTurnstile(inner, 5, 3)
	go func() {
		_ = (&http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}), ReadHeaderTimeout: time.Minute}).Serve(turnstile)
	}()
	dial := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := d.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	closed := func(conn net.Conn) bool {
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		_, err := conn.Read(make([]byte, 1))
		return !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err)
	}
	var first net.Conn
	for range 3 {
		first = dial("127.0.0.1")
		if closed(first) {
			t.Fatal("the share is not used up yet")
		}
	}
	if !closed(dial("127.0.0.1")) {
		t.Error("a fourth connection of one source was let in")
	}
	if closed(dial("127.0.0.2")) || closed(dial("127.0.0.3")) {
		t.Error("other sources must be let in")
	}
	if !closed(dial("127.0.0.4")) {
		t.Error("a sixth connection was let in")
	}
	first.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if !closed(dial("127.0.0.4")) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a closed connection leaves no room")
		}
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// Silent connections must not hold up those who speak, whichever door they are for.
func TestSilentConnectionsHoldUpNobody(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }),
			selfSigned(t), slog.New(slog.DiscardHandler))
	}()
	for range 1200 { // there were 1,024 places once
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	began := time.Now()
	text, err := get(&http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}, "http://"+l.Addr().String()+"/")
	if err != nil || text != "here" || time.Since(began) > headerTimeout/2 {
		t.Errorf("%q, %v after %s", text, err, time.Since(began))
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
