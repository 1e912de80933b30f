package server

import (
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
)

// A call that another replica answers goes there with the caller's own token: that replica finds out by itself who asks and
// what they may do, and nothing that this one says counts. The token is shown to nobody but a replica: Options.Replicas
// reaches none that does not prove to have our certificate's key.

const (
	// forwardedHeader marks a call that a replica passes on, with that replica's name: it is not passed on again.
	forwardedHeader = "Hawser-Forwarded-By"
	// notHereHeader marks the error of a call that was passed on to a replica that does not look at the application either.
	notHereHeader = "Hawser-Not-Here"
)

// ReplicaName is the name of a server (SNI) that replicas ask for when they call each other.
const ReplicaName = "replica.hawser.internal"

// handOver is how long a call waits for what it asks about to change hands.
const handOver = 3 * time.Second

// replica is the other replica that looks at the application of a call; nil when this one does, or nobody can be asked. A
// call that has been passed on ends here. One that may wait does so when there is none at the moment.
func (c *call) replica(wait bool) (*peer, error) {
	if c.s.Replicas == nil {
		return nil, nil //nolint:nilnil // there are none
	}
	to, here := c.s.Apps.KnownBy(c.app)
	if here {
		return nil, nil //nolint:nilnil // it is ours
	}
	if c.forwarded {
		if err := c.s.Apps.Elsewhere(c.app); err != nil {
			return nil, &lost{err}
		}
		return nil, nil //nolint:nilnil // it has just become ours
	}
	if to.Address == "" && wait {
		to, here = c.await(func(now catalog.Peer, here bool) bool { return here || now.Address != "" })
	}
	if here {
		return nil, nil //nolint:nilnil // by now
	}
	if to.Address == "" {
		return nil, &lost{c.s.Apps.Elsewhere(c.app)}
	}
	return c.at(to), nil
}

// at is a replica as a peer.
func (c *call) at(to catalog.Peer) *peer { return &peer{replica: to, through: c.s.Replicas} }

// await returns who looks at the application of a call, as soon as that is as wanted, or a hand-over has had its time.
func (c *call) await(wanted func(now catalog.Peer, here bool) bool) (to catalog.Peer, here bool) {
	over := time.NewTimer(handOver)
	defer over.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		if to, here = c.s.Apps.KnownBy(c.app); wanted(to, here) {
			return to, here
		}
		select {
		case <-look.C:
		case <-over.C:
			return to, here
		case <-c.Done():
			return to, here
		}
	}
}

// showToken gives a replica what the caller has shown.
func (c *call) showToken(h http.Header) {
	h.Set(forwardedHeader, c.id)
	if c.token != "" {
		h.Set("Authorization", "Bearer "+c.token)
	}
}

// passTerminal joins a browser's WebSocket with that of the replica that looks at the application, for as long as the caller
// may have it. All that is said, pings too, is between the two.
func (s *server) passTerminal(w http.ResponseWriter, r *http.Request, c *call, to *peer) {
	ctx, end := s.whileAllowed(c, rbac.Exec, rbac.Create)
	defer end()
	proxy := &httputil.ReverseProxy{
		Transport: to.through,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL = &url.URL{Scheme: "https", Host: to.replica.Address, Path: "/terminal", RawQuery: p.In.URL.RawQuery}
			p.Out.Host = ""
			for _, name := range []string{"Cookie", "Token", "Origin"} { // where it comes from was judged here
				p.Out.Header.Del(name)
			}
			c.showToken(p.Out.Header)
		},
		ModifyResponse: func(res *http.Response) error {
			res.Header.Del("Set-Cookie") // ours are set
			if res.StatusCode >= 300 && res.StatusCode < 400 {
				return problem.New(problem.Unavailable, "%s answers with a redirect", to)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			var known *problem.Error
			if !errors.As(err, &known) {
				known = problem.Because(problem.Unavailable, err, "%s does not answer", to)
			}
			fail(w, known)
		},
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
}
