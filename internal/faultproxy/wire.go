package faultproxy

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// Wire is a TCP relay in front of an API server that can be cut, as networks and API servers are.
type Wire struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// Wired returns a connection to the API server that goes through a wire, until the test ends.
func Wired(t testing.TB, config *rest.Config) (*rest.Config, *Wire) {
	t.Helper()
	u, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{listener: l, to: u.Host, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); w.Cut(true) })
	go w.serve()
	config = rest.CopyConfig(config)
	config.Host = "https://" + l.Addr().String()
	return config, w
}

func (w *Wire) serve() {
	for {
		in, err := w.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.to)
		if err != nil || !w.keep(in, out) {
			in.Close()
			continue
		}
		go func() { _, _ = io.Copy(out, in); out.Close() }()
		go func() { _, _ = io.Copy(in, out); in.Close() }()
	}
}

func (w *Wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		if w.cut {
			c.Close()
		}
		w.conns[c] = true
	}
	return !w.cut
}

// Cut ends all connections and makes no more of them; with false, new ones are made again.
func (w *Wire) Cut(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for c := range w.conns {
			c.Close()
		}
		w.conns = map[net.Conn]bool{}
	}
}
