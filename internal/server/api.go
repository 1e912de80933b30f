package server

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/problem"
)

// api answers the methods: by their gRPC names, and by the routes of REST.
type api struct {
	s        *server
	rpcs     map[string]rpc
	services map[string]bool
	routes   paths
}

type rpc struct {
	method
	http.Handler
}

func newAPI(s *server) *api {
	a := &api{s: s, rpcs: map[string]rpc{}, services: map[string]bool{}}
	for _, m := range s.methods() {
		if _, twice := a.rpcs[m.path()]; twice {
			panic("server: method " + m.path() + " is declared twice")
		}
		a.rpcs[m.path()] = rpc{m, m.rpc(m.path())}
		a.services[m.Service] = true
		for _, r := range m.REST {
			b := &bound{method: &m, segments: parsePath(r.Path), body: r.Body}
			b.check()
			a.routes.insert(r.Verb, b)
		}
	}
	return a
}

// serve answers a request when it is one for the API; false leaves it to others.
func (a *api) serve(w http.ResponseWriter, r *http.Request) bool {
	if isRPC(r) {
		a.serveRPC(w, r)
		return true
	}
	if !strings.HasPrefix(strings.TrimLeft(r.URL.Path, "/"), "api/") { // a base URL with a slash at its end gives two
		return false
	}
	segments := split(r.URL)
	found := a.routes.find(segments)
	if found == nil {
		return false
	}
	verb := r.Method
	if verb == http.MethodHead {
		verb = http.MethodGet
	}
	b := found.routes[verb]
	if b == nil {
		var verbs []string
		for v := range found.routes {
			verbs = append(verbs, v)
		}
		slices.Sort(verbs)
		w.Header().Set("Allow", strings.Join(verbs, ", "))
		answer(w, http.StatusMethodNotAllowed, connect.CodeUnimplemented, clip(r.URL.Path)+" does not answer "+clip(r.Method)+", only "+strings.Join(verbs, ", "))
		return true
	}
	a.s.rest(w, r, b, segments)
	return true
}

// serveRPC answers gRPC and gRPC-Web. A method that does not exist must be told in gRPC's own way: clients fall back to
// older methods by it.
func (a *api) serveRPC(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	m, known := a.rpcs[r.URL.Path]
	errors := connect.NewErrorWriter()
	if !known {
		_ = errors.Write(w, r, connect.NewError(connect.CodeUnimplemented, problem.New(problem.Unsupported, "unknown service or method %s", clip(r.URL.Path))))
		return
	}
	if c.cookie { // logging out is open to everybody, and still no other site's business
		if err := a.s.sameOrigin(r); err != nil {
			_ = errors.Write(w, r, rpcError(err))
			return
		}
	}
	if m.declared.scope != open { // nobody unknown has a message read
		if err := c.mustBeSomebody(); err != nil {
			_ = errors.Write(w, r, rpcError(err))
			return
		}
	}
	m.ServeHTTP(w, r)
}

// sameOrigin refuses what another site's page has a browser send with our cookie. What no browser sent is no such thing.
func (s *server) sameOrigin(r *http.Request) error {
	if err := s.crossOrigin.Check(r); err != nil {
		return problem.New(problem.Forbidden, "the request comes from another site")
	}
	return nil
}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}
