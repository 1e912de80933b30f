package catalog

import (
	"context"
	"net"
	"net/http"

	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/client-go/rest"
)

// A turn is one time of leading, from its beginning until it is over; what lies between two belongs to the later one.
// Asking Leading before a write is not enough: a process can be stopped (SIGSTOP, a paused virtual machine) between the
// question and the write, and go on when another replica leads. So a write carries the turn in which it was decided,
// and is let through while that turn is surely not over: where the request is sent, and again where its bytes leave,
// on connections that end with their turn. docs/adr/0007 says what remains.

type turnKey struct{}

// Turn returns a function that marks the context of a write as decided now.
func (c *Catalog) Turn() func(context.Context) context.Context {
	turn := c.lead.turn()
	return func(ctx context.Context) context.Context { return context.WithValue(ctx, turnKey{}, turn) }
}

// Fence has a connection's writes fenced: those marked by Turn are refused, before they leave, when their turn is over
// or may be over. Reads end with the turn, too, and are taken up again.
func (c *Catalog) Fence(config *rest.Config) {
	dial := config.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		turn := c.lead.turn() // before the connection is made: that can take longer than a turn
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c.lead.boundBuffers(conn)
		return &fencedConn{Conn: conn, holds: func() error { return c.lead.holds(turn) }}, nil
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if turn, marked := r.Context().Value(turnKey{}).(uint64); marked {
				if err := c.lead.holds(turn); err != nil {
					return nil, err
				}
				if t, _ := r.Context().Value(tenureKey{}).(*tenure); t != nil && t.over.Load() {
					return nil, problem.New(problem.Conflict, "%s is another replica's by now", t.unit)
				}
			}
			return next.RoundTrip(r)
		})
	})
}

// fencedConn is a connection that lets bytes leave only during its turn.
type fencedConn struct {
	net.Conn
	holds func() error
}

func (f *fencedConn) Write(p []byte) (int, error) {
	if err := f.holds(); err != nil {
		_ = f.Close()
		return 0, err
	}
	return f.Conn.Write(p)
}

// turn is the number of the present turn.
func (l *lead) turn() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turns
}

// holds returns nil while the turn is the present one and, when this replica leads in it, surely not over.
func (l *lead) holds(turn uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if turn != l.turns {
		return problem.New(problem.Conflict, "it was decided in an earlier turn of leading")
	}
	if !l.held {
		return nil
	}
	return l.fresh()
}
