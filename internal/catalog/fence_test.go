package catalog

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/client-go/rest"
)

// What was decided in one turn does not leave in another, nor when the turn may be over.
func TestATurnHoldsWhileItsLeaseIsFresh(t *testing.T) {
	var l lead
	before := l.turn()
	l.begin(time.Minute)
	l.renew(time.Now())
	if l.turn() != before || l.holds(before) != nil {
		t.Error("what was done before the first turn does not belong to it")
	}
	l.renew(time.Now().Add(-2 * time.Minute)) // this process stood still
	if err := l.holds(before); !problem.Is(err, problem.Conflict) {
		t.Errorf("a lease that may have been taken: %v", err)
	}
	l.renew(time.Now())
	l.renew(time.Time{}) // the lease is given up while something is still at work
	if err := l.holds(before); !problem.Is(err, problem.Conflict) {
		t.Errorf("a lease that was given up: %v", err)
	}
	l.renew(time.Now())
	l.end()
	if err := l.holds(before); !problem.Is(err, problem.Conflict) {
		t.Errorf("a turn that is over: %v", err)
	}
	l.begin(time.Minute)
	if err := l.holds(before); !problem.Is(err, problem.Conflict) {
		t.Errorf("an earlier turn within a later one: %v", err)
	}
	if l.holds(l.turn()) != nil {
		t.Error("the present turn does not hold")
	}
	l.end()
	over := l.turn()
	l.end()
	if l.turn() != over {
		t.Error("a turn that ended twice")
	}
}

// The bytes of a write do not leave a connection of a turn that is over, however late that is noticed.
func TestFencedConnection(t *testing.T) {
	c := &Catalog{}
	c.lead.begin(time.Minute)
	c.lead.renew(time.Now())
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }), ReadHeaderTimeout: time.Minute}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	config := &rest.Config{Host: "http://" + listener.Addr().String()}
	c.Fence(config)
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	send := func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, config.Host, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err
	}
	mark := c.Turn()
	if err := send(mark(t.Context())); err != nil {
		t.Fatal(err)
	}
	c.lead.renew(time.Now().Add(-2 * time.Minute))
	if send(mark(t.Context())) == nil {
		t.Error("a marked write left although the lease is old")
	}
	if send(t.Context()) == nil {
		t.Error("bytes left although the lease is old")
	}
	c.lead.end()
	if err := send(t.Context()); err != nil {
		t.Errorf("reads of a replica that does not lead: %v", err)
	}
	if send(mark(t.Context())) == nil {
		t.Error("a write of an earlier turn left on a new connection")
	}
}
