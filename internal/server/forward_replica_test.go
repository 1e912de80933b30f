package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// believer is a replica that answers methods about an application, and believes what it is told of who looks at it.
type believer struct {
	*httptest.Server
	http.RoundTripper
	name string
	mu   sync.Mutex
	to   catalog.Peer
	here bool

	asked, answered atomic.Int32
	came            chan http.Header // what each call has shown; has room for all
}

func (b *believer) KnownBy(*v1alpha1.Application) (catalog.Peer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.to, b.here
}

func (b *believer) WatchedBy(catalog.Cluster) (catalog.Peer, bool) { return catalog.Peer{}, true }

func (b *believer) Elsewhere(*v1alpha1.Application) error {
	if to, here := b.KnownBy(nil); !here {
		return problem.New(problem.Unavailable, "it is looked at by replica %s", to.Replica)
	}
	return nil
}

// believes is told that another looks at the application; nil: this one.
func (b *believer) believes(o *believer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to, b.here = catalog.Peer{}, o == nil
	if o != nil {
		b.to = catalog.Peer{Replica: o.name, Address: o.Listener.Addr().String()}
	}
}

const (
	reads  = "application.ApplicationService/ResourceTree"
	writes = "application.ApplicationService/DeleteResource"
)

func believing(t *testing.T, o Options, name string, wrap func(http.Handler) http.Handler) *believer {
	t.Helper()
	b := &believer{name: name, came: make(chan http.Header, 100)}
	o.Replicas, o.Count = b, nil
	s := newServer(o, defaultBounds)
	found := func(c *call) error {
		c.app = &v1alpha1.Application{}
		return c.mustBeKnown()
	}
	read := unary(reads, rule[argocd.ResourcesQuery]{declared{rbac.Applications, rbac.Get, single}, func(c *call, _ *argocd.ResourcesQuery) error { return found(c) }},
		func(*call, *argocd.ResourcesQuery) (*argocd.ApplicationTree, error) {
			b.answered.Add(1)
			return &argocd.ApplicationTree{Nodes: []argocd.ResourceNode{{ResourceVersion: name}}}, b.Elsewhere(nil)
		})
	write := unary(writes, rule[argocd.ApplicationResourceDeleteRequest]{declared{rbac.Applications, rbac.Delete, single}, func(c *call, _ *argocd.ApplicationResourceDeleteRequest) error { return found(c) }},
		func(*call, *argocd.ApplicationResourceDeleteRequest) (*argocd.ApplicationResponse, error) {
			b.answered.Add(1)
			return &argocd.ApplicationResponse{}, b.Elsewhere(nil)
		})
	mux := http.NewServeMux()
	mux.Handle("/"+reads, read.rpc("/"+reads))
	mux.Handle("/"+writes, write.rpc("/"+writes))
	h := s.boundary(mux)
	if wrap != nil {
		h = wrap(h)
	}
	b.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.asked.Add(1)
		b.came <- r.Header.Clone()
		h.ServeHTTP(w, r)
	}))
	b.EnableHTTP2 = true
	b.StartTLS()
	t.Cleanup(b.Close)
	b.RoundTripper = b.Client().Transport // trusts the certificate that all servers of httptest have
	return b
}

func asks[Req, Res any](t *testing.T, b *believer, method, cookie string, q *Req) (*Res, error) {
	t.Helper()
	r := connect.NewRequest(q)
	r.Header().Set("Cookie", cookie)
	answer, err := connect.NewClient[Req, Res](b.Client(), b.URL+"/"+method, connect.WithGRPC(), connect.WithCodec(wire.Codec{})).CallUnary(t.Context(), r)
	if err != nil {
		return nil, err
	}
	return answer.Msg, nil
}

func tree(t *testing.T, b *believer, cookie string) (by string, err error) {
	t.Helper()
	answer, err := asks[argocd.ResourcesQuery, argocd.ApplicationTree](t, b, reads, cookie, &argocd.ResourcesQuery{})
	if err != nil || len(answer.Nodes) == 0 {
		return "", err
	}
	return answer.Nodes[0].ResourceVersion, nil
}

// drain forgets the calls that came.
func drain(b *believer) {
	for len(b.came) > 0 {
		<-b.came
	}
}

// A call goes to who looks at the application, with the caller's token and nothing else of theirs, and no further.
func TestACallIsPassedOnOnce(t *testing.T) {
	o, _ := withAccounts(t)
	token := logIn(t, o)
	cookie := "argocd.token=" + token + "; other=secret"
	one, two, three := believing(t, o, "one", nil), believing(t, o, "two", nil), believing(t, o, "three", nil)
	count := func(want ...int32) {
		t.Helper()
		for i, b := range []*believer{one, two, three} {
			if n := b.asked.Swap(0); n != want[i] {
				t.Errorf("%s was asked %d times, want %d", b.name, n, want[i])
			}
		}
	}
	one.believes(two)
	two.believes(nil)
	three.believes(nil)
	if by, err := tree(t, one, cookie); by != "two" {
		t.Errorf("answered by %q: %v", by, err)
	}
	if h := <-two.came; h.Get("Authorization") != "Bearer "+token || h.Get("Cookie") != "" || h.Get(forwardedHeader) == "" {
		t.Errorf("what was passed on: %v", h)
	}
	count(1, 1, 0)
	if _, err := tree(t, one, ""); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("a stranger: %v", err)
	}
	count(1, 0, 0)

	// two that believe each other
	two.believes(one)
	if _, err := tree(t, one, cookie); connect.CodeOf(err) != connect.CodeUnavailable || !strings.Contains(err.Error(), "it is looked at by replica one") {
		t.Errorf("%v", err)
	}
	count(1, 1, 0)

	// a hand-over: a question is asked once more, and nothing else is
	drain(two)
	go func() {
		<-two.came
		one.believes(three)
	}()
	if by, err := tree(t, one, cookie); by != "three" {
		t.Errorf("answered by %q: %v", by, err)
	}
	count(1, 1, 1)
	one.believes(two)
	if _, err := asks[argocd.ApplicationResourceDeleteRequest, argocd.ApplicationResponse](t, one, writes, cookie, &argocd.ApplicationResourceDeleteRequest{}); connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("%v", err)
	}
	count(1, 1, 0)
	if n := one.answered.Load() + two.answered.Load() + three.answered.Load(); n != 2 {
		t.Errorf("methods ran %d times", n)
	}

	// one that is gone, and one that takes over here
	two.Close()
	drain(one)
	go func() {
		<-one.came
		one.believes(nil)
	}()
	if by, err := tree(t, one, cookie); by != "one" {
		t.Errorf("answered by %q: %v", by, err)
	}
	one.believes(two)
	if _, err := asks[argocd.ApplicationResourceDeleteRequest, argocd.ApplicationResponse](t, one, writes, cookie, &argocd.ApplicationResourceDeleteRequest{}); connect.CodeOf(err) != connect.CodeUnavailable || !strings.Contains(err.Error(), "replica two does not answer") {
		t.Errorf("%v", err)
	}
}

// A replica that sends callers elsewhere is not followed: there is no proof of who is there.
func TestAPeersRedirectIsNotFollowed(t *testing.T) {
	o, _ := withAccounts(t)
	elsewhere := believing(t, o, "elsewhere", nil)
	elsewhere.believes(nil)
	one := believing(t, o, "one", nil)
	two := believing(t, o, "two", func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
		})
	})
	one.believes(two)
	if by, err := tree(t, one, "argocd.token="+logIn(t, o)); err == nil {
		t.Errorf("answered by %q", by)
	}
	if elsewhere.asked.Load() != 0 || two.asked.Load() == 0 {
		t.Errorf("elsewhere was asked %d times, two %d times", elsewhere.asked.Load(), two.asked.Load())
	}
}
