package server

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// turnstile is a listener that bounds how many connections are open, in all and from one source: who opens more finds
// them closed at once, and the others are served. It also outlives what is no fault of the listener: a process that has
// no file descriptor left must answer again when it has.
type turnstile struct {
	net.Listener
	all, perSource int

	mu      sync.Mutex
	open    int
	from    map[netip.Addr]int
	refused uint64
}

func newTurnstile(l net.Listener, all, perSource int) *turnstile {
	return &turnstile{Listener: l, all: all, perSource: perSource, from: map[netip.Addr]int{}}
}

// passing are faults of accepting that say nothing about the next connection.
var passing = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR}

// Accept returns the next connection that may be open.
func (t *turnstile) Accept() (net.Conn, error) {
	for {
		conn, err := t.Listener.Accept()
		if err != nil {
			if isAny(err, passing) {
				time.Sleep(50 * time.Millisecond)
				continue
			}
			return nil, err
		}
		source := sourceKey(sourceOf(conn.RemoteAddr().String()))
		if !t.enter(source) {
			_ = conn.Close()
			continue
		}
		return &counted{Conn: conn, leave: sync.OnceFunc(func() { t.leave(source) })}, nil
	}
}

func isAny(err error, list []error) bool {
	for _, e := range list {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (t *turnstile) enter(source netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open >= t.all || t.from[source] >= t.perSource {
		t.refused++
		return false
	}
	t.open++
	t.from[source]++
	return true
}

func (t *turnstile) leave(source netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open--
	if t.from[source]--; t.from[source] == 0 {
		delete(t.from, source)
	}
}

// counted is a connection that says when it is over.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}
