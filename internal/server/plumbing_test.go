package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/server/wire"
)

func healthClient(h *house, method string) *connect.Client[healthQuery, healthAnswer] {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	return connect.NewClient[healthQuery, healthAnswer](&http.Client{Transport: &http.Transport{Protocols: &p}}, h.URL+"/grpc.health.v1.Health/"+method,
		connect.WithGRPC(), connect.WithCodec(wire.Codec{}))
}

// newHTTP2House is a house that gRPC clients can speak to; what it says of its readiness can be changed meanwhile.
func newHTTP2House(t *testing.T) *house {
	t.Helper()
	h := &house{log: &lockedBuffer{}}
	o := Options{Log: slog.New(slog.NewTextHandler(h.log, nil)), Ready: func() error {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.ready
	}}
	h.Server = httptest.NewUnstartedServer(newServer(o, defaultBounds).handler())
	h.Config.Protocols = new(http.Protocols)
	h.Config.Protocols.SetHTTP1(true)
	h.Config.Protocols.SetUnencryptedHTTP2(true)
	h.Start()
	t.Cleanup(h.Close)
	return h
}

func (h *house) setReady(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ready = err
}

func TestHealthByGRPC(t *testing.T) {
	h := newHTTP2House(t)
	check := func(service string) (int32, error) {
		res, err := healthClient(h, "Check").CallUnary(t.Context(), connect.NewRequest(&healthQuery{service}))
		if err != nil {
			return 0, err
		}
		return res.Msg.Status, nil
	}
	for _, service := range []string{"", "application.ApplicationService", "grpc.health.v1.Health"} {
		if got, err := check(service); got != serving || err != nil {
			t.Errorf("%q: %d, %v", service, got, err)
		}
	}
	if _, err := check("no.such.Service"); connect.CodeOf(err) != connect.CodeNotFound {
		t.Error(err)
	}
	h.setReady(errors.New("CANARY: Git is not there"))
	if got, err := check(""); got != notServing || err != nil {
		t.Errorf("not ready: %d, %v", got, err)
	}
}

func TestHealthIsWatched(t *testing.T) {
	h := newHTTP2House(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	watch := func(service string) *connect.ServerStreamForClient[healthAnswer] {
		w, err := healthClient(h, "Watch").CallServerStream(ctx, connect.NewRequest(&healthQuery{service}))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	if w := watch("no.such.Service"); !w.Receive() || w.Msg().Status != serviceUnknown {
		t.Error(w.Err())
	}
	w := watch("")
	if !w.Receive() || w.Msg().Status != serving {
		t.Fatal(w.Err())
	}
	h.setReady(errors.New("not any more"))
	if !w.Receive() || w.Msg().Status != notServing {
		t.Fatal(w.Err())
	}
}
