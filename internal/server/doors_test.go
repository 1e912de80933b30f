package server

import (
	"net"
	"net/http"
	"testing"
	"time"
)

// TestTheSilentKeepNobodyWaiting opens far more connections than may be waiting, says nothing on any, and asks.
func TestTheSilentKeepNobodyWaiting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := newDoors(l)
	d.most = 8
	sorted := make(chan error, 1)
	go func() { sorted <- d.sort() }()
	srv := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(door{d, d.plain}) }()
	t.Cleanup(func() { _ = l.Close(); <-sorted; _ = srv.Close() })
	for range 100 {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	began := time.Now()
	res, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if took := time.Since(began); took > headerTimeout/2 {
		t.Errorf("it took %s to be heard among the silent", took)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.waiting.Len(); n > d.most {
		t.Errorf("%d are waiting", n)
	}
}
