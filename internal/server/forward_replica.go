package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// A call that another replica answers goes there with the caller's own token: that replica finds out by itself who asks and
// what they may do, and nothing that this one says counts. The token is shown to nobody but a replica: Options.Replicas
// reaches none that does not prove to have our certificate's key.

const (
	// forwardedHeader marks a call that a replica passes on, with the number that the request has there: it is not passed on
	// again.
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
	to, here := c.s.Replicas.KnownBy(c.app)
	if here {
		return nil, nil //nolint:nilnil // it is ours
	}
	if to.Address == "" && wait && !c.forwarded {
		to, here = c.await(func(now catalog.Peer, here bool) bool { return here || now.Address != "" })
	}
	if !here && !c.forwarded && to.Address != "" {
		return c.at(to), nil
	}
	if err := c.s.Replicas.Elsewhere(c.app); err != nil {
		return nil, &lost{err}
	}
	return nil, nil //nolint:nilnil // it is ours by now
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
		if to, here = c.s.Replicas.KnownBy(c.app); wanted(to, here) {
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

// awaitOther waits for another than was asked to look at the application of a call, and reports whether one does.
func (c *call) awaitOther(asked catalog.Peer) bool {
	other := func(now catalog.Peer, here bool) bool { return here || now.Address != "" && now != asked }
	return other(c.await(other))
}

// showToken gives a replica what the caller has shown.
func (c *call) showToken(h http.Header) {
	h.Set(forwardedHeader, c.id)
	if c.token != "" {
		h.Set("Authorization", "Bearer "+c.token)
	}
}

// glance is how long an answer waits for what only makes it better.
const glance = 3 * time.Second

// atAGlance is the call with little time.
func (c *call) atAGlance() (*call, context.CancelFunc) {
	brief := *c
	ctx, end := context.WithTimeout(c.Context, glance)
	brief.Context = ctx
	return &brief, end
}

// withHealths is an application with the health of its resources, which its record need not hold, from the replica that looks
// at it. All else is our own record, which is never older than what the caller has written here.
func (c *call) withHealths(app *v1alpha1.Application, q *argocd.ApplicationQuery) *v1alpha1.Application {
	if app.Status.ResourceHealthSource != v1alpha1.ResourceHealthAppTree || len(app.Status.Resources) == 0 || c.forwarded {
		return app
	}
	to, err := c.replica(false)
	if to == nil || err != nil {
		return app
	}
	brief, end := c.atAGlance()
	defer end()
	asked := *q
	asked.Refresh = ""
	theirs, err := passUnary[argocd.ApplicationQuery, v1alpha1.Application](brief, to, "/application.ApplicationService/Get", &asked)
	if err != nil || theirs.UID != app.UID {
		return app
	}
	key := func(r v1alpha1.ResourceStatus) object.Key {
		return object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
	}
	known := map[object.Key]*v1alpha1.HealthStatus{}
	for _, r := range theirs.Status.Resources {
		known[key(r)] = r.Health
	}
	filled := *app
	filled.Status.Resources = slices.Clone(app.Status.Resources)
	for i, r := range filled.Status.Resources {
		filled.Status.Resources[i].Health = known[key(r)]
	}
	return &filled
}

// validatedElsewhere is what the replica says of a draft that watches the cluster where it would go: which objects it comes to
// depends on the cluster. It is nil when that is this one, or nobody says.
func (c *call) validatedElsewhere(ctx context.Context, app *v1alpha1.Application, q *argocd.ApplicationValidateRequest) *argocd.ApplicationValidateResponse {
	if c.s.Replicas == nil || c.forwarded {
		return nil
	}
	k, err := c.s.Catalog.Destination(app.Spec.Destination)
	if err != nil {
		return nil
	}
	to, here := c.s.Replicas.WatchedBy(k)
	if here || to.Address == "" {
		return nil
	}
	within := *c
	within.Context = ctx
	told, err := passUnary[argocd.ApplicationValidateRequest, argocd.ApplicationValidateResponse](&within, c.at(to), "/application.ApplicationService/Validate", q)
	if err != nil {
		return nil
	}
	return told
}

// withStates fills in how clusters are that this replica does not watch. Each replica is asked once, for what the caller may
// see; where there is no answer, it stays as it is.
func (c *call) withStates(records []catalog.Cluster, shown []argocd.Cluster) {
	if c.s.Replicas == nil || c.forwarded {
		return
	}
	type named struct{ server, name string }
	unknown := map[catalog.Peer]map[named]*argocd.Cluster{}
	for i, k := range records {
		if to, here := c.s.Replicas.WatchedBy(k); !here && to.Address != "" && k.Problem == nil {
			if unknown[to] == nil {
				unknown[to] = map[named]*argocd.Cluster{}
			}
			unknown[to][named{shown[i].Server, shown[i].Name}] = &shown[i]
		}
	}
	brief, end := c.atAGlance()
	defer end()
	var all sync.WaitGroup
	for to, clusters := range unknown {
		all.Go(func() {
			q := &argocd.ClusterQuery{}
			for k := range clusters {
				if len(clusters) == 1 {
					q.Server = k.server
				}
			}
			list, err := passUnary[argocd.ClusterQuery, argocd.ClusterList](brief, c.at(to), "/cluster.ClusterService/List", q)
			if err != nil {
				return
			}
			for _, k := range list.Items {
				if ours := clusters[named{k.Server, k.Name}]; ours != nil && k.Info.ConnectionState.Status != connectionUnknown {
					k.Info.ApplicationsCount = ours.Info.ApplicationsCount
					ours.Info, ours.ServerVersion, ours.ConnectionState = k.Info, k.ServerVersion, k.ConnectionState
				}
			}
		})
	}
	all.Wait()
}

// passTerminal joins a browser's WebSocket with that of the replica that looks at the application, for as long as the caller
// may have it. All that is said, pings too, is between the two.
func (s *server) passTerminal(w http.ResponseWriter, r *http.Request, c *call, to *peer) {
	ctx, end := s.whileAllowed(c, rbac.Exec, rbac.Create)
	defer end()
	count := func(err error) { s.counters.passed.WithLabelValues(to.kind(), outcome(err)).Inc() }
	proxy := &httputil.ReverseProxy{
		Transport: to.through,
		ErrorLog:  slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug), // of what broke off later
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
			if res.StatusCode == http.StatusSwitchingProtocols {
				count(nil)
			} else {
				count(problem.New(problem.Unavailable, "%s", res.Status))
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			var known *problem.Error
			if !errors.As(err, &known) {
				known = problem.Because(problem.Unavailable, err, "%s does not answer", to)
			}
			count(&lost{known})
			fail(w, known)
		},
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
}
