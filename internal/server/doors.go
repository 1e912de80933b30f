package server

import (
	"bufio"
	"container/list"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
)

// doors sorts the connections of one listener by their first byte: those that begin a TLS handshake, and the others. So
// one port answers `argocd login --plaintext`, TLS, and a browser that was given no scheme.
type doors struct {
	net.Listener
	tls, plain chan net.Conn
	closed     chan struct{}

	most    int // connections that may be waiting for their first byte
	mu      sync.Mutex
	waiting *list.List // of net.Conn, the longest first
}

// door is one of the two, as a listener.
type door struct {
	*doors
	conns chan net.Conn
}

func newDoors(l net.Listener) *doors {
	return &doors{Listener: l, tls: make(chan net.Conn), plain: make(chan net.Conn), closed: make(chan struct{}), most: maxSorting, waiting: list.New()}
}

// maxSorting is how many connections may be waiting for their first byte. When there are more, the one that has said
// nothing for longest is hung up on: nobody who has something to say waits for those who have not.
const maxSorting = 1024

// sort accepts connections until the listener fails or is closed.
func (d *doors) sort() error {
	defer close(d.closed)
	for {
		conn, err := d.Accept()
		if err != nil {
			return err
		}
		spoken := d.listen(conn)
		go d.let(conn, spoken)
	}
}

// listen notes that a connection is waiting to say something, until spoken is called.
func (d *doors) listen(conn net.Conn) (spoken func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.waiting.PushBack(conn)
	if d.waiting.Len() > d.most {
		_ = d.waiting.Remove(d.waiting.Front()).(net.Conn).Close()
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.waiting.Remove(e)
	}
}

// let shows a connection its door.
func (d *doors) let(conn net.Conn, spoken func()) {
	_ = conn.SetReadDeadline(time.Now().Add(headerTimeout))
	r := bufio.NewReaderSize(conn, 16)
	first, err := r.Peek(1)
	spoken()
	if err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	to := d.plain
	if first[0] == 0x16 { // a TLS record of type handshake (RFC 8446, 5.1)
		to = d.tls
	}
	select {
	case to <- &peeked{conn, r}:
	case <-d.closed:
		_ = conn.Close()
	}
}

// Accept returns the next connection of this door.
func (d door) Accept() (net.Conn, error) {
	select {
	case conn := <-d.conns:
		return conn, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// peeked is a connection whose first bytes were read ahead.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// upgrade sends callers who came without TLS to it. From this machine nobody can listen in: those are answered, and so
// are the two questions that hold no secret, which probes and scrapers ask.
func upgrade(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil || sourceOf(r.RemoteAddr).Unmap().IsLoopback() || r.URL.Path == "/healthz" || r.URL.Path == "/metrics" {
			next.ServeHTTP(w, r)
			return
		}
		if isRPC(r) {
			_ = connect.NewErrorWriter().Write(w, r, connect.NewError(connect.CodeUnavailable, errors.New("this port speaks TLS: leave out --plaintext, or start the server with --insecure")))
			return
		}
		http.Redirect(w, r, "https://"+strings.TrimSuffix(r.Host, ":80")+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	})
}

// serveBoth answers on both doors of a listener.
func serveBoth(ctx context.Context, srv *http.Server, l net.Listener) error {
	d := newDoors(l)
	ended := make(chan error, 3)
	go func() { ended <- d.sort() }()
	go func() { ended <- srv.ServeTLS(door{d, d.tls}, "", "") }()
	go func() { ended <- srv.Serve(door{d, d.plain}) }()
	return <-ended
}
