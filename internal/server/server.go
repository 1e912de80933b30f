// Package server is the only one that answers on a socket: Argo CD's API over gRPC, gRPC-Web and REST, terminals, health,
// metrics and webhooks.
//
// The idea: one listener, one table of routes and one of methods, one boundary around every request (identity, security
// headers, limits, recovery, log line), so that a new route is one line and cannot forget any of it; and a method cannot
// be declared without the rule that it passes first. Read routes first, then boundary; of the API, rule (method.go) and
// methods.
// The package refuses to decide: a push is handed on, readiness is asked for, and what is true of an application is
// told by others.
package server

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/webhook"

	"connectrpc.com/connect"
)

// Options are what the handler needs of the rest of the process. Functions are called on every request, so that a
// changed setting is in force at once; they must be quick and safe for concurrent use.
type Options struct {
	Log     *slog.Logger
	Version Version
	Metrics prometheus.Gatherer   // what /metrics shows
	Count   prometheus.Registerer // where our own counters go; nil: nowhere

	Ready func() error // nil error: the process can do its work; asked by /healthz?full=true

	Namespace    string // of our records
	AnyNamespace bool   // Applications may live elsewhere, too
	RootPath     string // below which everything is served; empty for none
	Catalog      *catalog.Catalog
	Apps         *reconcile.Apps
	Fleet        *cluster.Fleet // what is known of clusters from watching them
	Auth         *auth.Auth
	Policy       func() *rbac.Policy // in force now
	Operator     string              // the only token that counts, where one person is served (hawser --core); empty otherwise
	Sources      Sources
	Plugins      func() ([]string, error) // the names of those that render, in order; nil: there are none
	Agents       *agent.Hub               // connections of agents; nil in a process that takes none
	// Vouched names the caller of a request that came over an agent's connection to its hub, which has decided that they
	// may, and the UID of the hub's Application that they may have; nil in every other process. Then no token counts, and
	// what is answered is about the copy of that Application.
	Vouched      func(*http.Request) (who, application string)
	Replicas     Replicas // the other replicas; nil in a process that has none
	Page         fs.FS    // what a browser loads; nil: nothing
	StrangerRate float64  // requests a second from one address by callers who are not logged in; 0 is the default (limits.go)
	Audit        Audit

	Webhook         func(webhook.Push)     // takes a push that names a repository; must not block
	WebhookSecrets  func() webhook.Secrets // from argocd-secret
	MaxWebhookBytes func() int64           // of a delivery's body; see docs/settings.md
}

// Replicas are the other replicas of an installation, and what they know. As a RoundTripper it reaches them at
// https://host:port, over HTTP/2 and HTTP/1.1, and nobody who has not proved to be one.
type Replicas interface {
	http.RoundTripper
	// KnownBy returns the replica that knows what is live of an application, unless it is this one (here). Its name, or only
	// its address, may be missing: then there is nobody to ask at the moment.
	KnownBy(app *v1alpha1.Application) (to catalog.Peer, here bool)
	// Elsewhere is what is said of an application by a replica that does not know what is live of it; nil when it does.
	Elsewhere(app *v1alpha1.Application) error
	// WatchedBy is KnownBy for how a cluster is.
	WatchedBy(k catalog.Cluster) (to catalog.Peer, here bool)
}

// Sources asks repositories.
type Sources interface {
	// Reachable returns why a path at a revision of a repository cannot be had; nil when it can.
	Reachable(ctx context.Context, repoURL, project, revision, path string) error
	// CheckRepository returns why a repository does not let us in with what r says, stored or not; nil when it does.
	CheckRepository(ctx context.Context, r catalog.Repository) error
	// Refs returns the names of branches and tags, sorted.
	Refs(ctx context.Context, repoURL, project string) (branches, tags []string, err error)
	// HelmCharts returns the charts of a Helm repository, by name.
	HelmCharts(ctx context.Context, repoURL, project string) ([]charts.Chart, error)
	// Tags returns the tags of a repository in a registry, the newest version first.
	Tags(ctx context.Context, repoURL, project string) ([]string, error)
	// Applications returns the folders that hold a chart or a kustomization, by path.
	Applications(ctx context.Context, repoURL, project, revision string) (map[string]v1alpha1.ApplicationSourceType, error)
	// DetailsOf returns what could be set in a source.
	DetailsOf(ctx context.Context, s v1alpha1.ApplicationSource, application, project string) (reconcile.Details, error)
}

// server is Options with the bounds and counters that its handlers share.
type server struct {
	Options
	webhooks    *gate
	crowd       *crowd
	counters    counters
	crossOrigin *http.CrossOriginProtection
	api         *api
	page        *page
	connections connections
	told        atomic.Int64 // the second in which a refused delivery was logged last

	healthWatches atomic.Int32
	terminals     atomic.Int32
	swagger       func() []byte    // the description of the API, built when it is asked for
	swaggerUI     func() []byte    // the same for people
	reflected     func() reflected // the same for tools of gRPC
}

// A route is one row of the table: what answers a method on a path.
type route struct {
	method, path string
	handle       http.HandlerFunc
}

func (s *server) routes() []route {
	return []route{
		{"GET", "/healthz", s.healthz},
		{"GET", "/metrics", s.metrics()},
		{"POST", "/api/webhook", s.webhook},
		{"GET", "/api/badge", s.badge},
		{"GET", "/swagger.json", s.swaggerJSON},
		{"GET", "/swagger-ui", s.swaggerPage},
		{"GET", "/terminal", s.terminal},
		{"GET", agent.Path, s.agent},
		{"GET", "/auth/login", s.beginLogin},
		{"GET", "/auth/callback", s.completeLogin},
		{"POST", "/auth/logout", s.logout},
		{"POST", "/auth/token", s.exchange},
	}
}

// New returns the handler of everything that is served.
func New(o Options) http.Handler { return newServer(o, defaultBounds).handler() }

func newServer(o Options, b bounds) *server { return newServerWithin(o, b, defaultLimits) }

func newServerWithin(o Options, b bounds, l limits) *server {
	if o.StrangerRate > 0 {
		l.strangers.rate, l.strangers.burst = o.StrangerRate, o.StrangerRate
	}
	s := &server{Options: o, webhooks: newGate(b), crowd: newCrowd(l), counters: newCounters(o.Count), crossOrigin: http.NewCrossOriginProtection()}
	if o.Count != nil {
		o.Count.MustRegister(figures{s})
	}
	if s.Audit == nil {
		s.Audit = LogAudit{o.Log}
	}
	s.api = newAPI(s)
	if o.Page != nil {
		s.page = newPage(o.Page, s.base())
	}
	s.swagger = sync.OnceValue(func() []byte { return describe(s.methods(), s.Version.Version) })
	s.swaggerUI = sync.OnceValue(func() []byte { return listRoutes(s.methods()) })
	s.reflected = sync.OnceValue(func() reflected { return reflectMethods(s.methods()) })
	return s
}

func (s *server) handler() http.Handler {
	byPath := map[string][]route{}
	for _, r := range s.routes() {
		byPath[r.path] = append(byPath[r.path], r)
	}
	return s.belowRoot(oneSlash(s.boundary(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.api.serve(w, r) || s.page != nil && s.page.serve(w, r) {
			return
		}
		rows := byPath[r.URL.Path]
		if len(rows) == 0 {
			fail(w, problem.New(problem.NotFound, "nothing is served at %s", clip(r.URL.Path)))
			return
		}
		var allowed []string
		for _, row := range rows {
			if r.Method == row.method || r.Method == http.MethodHead && row.method == http.MethodGet {
				row.handle(w, r)
				return
			}
			allowed = append(allowed, row.method)
		}
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		answer(w, http.StatusMethodNotAllowed, connect.CodeUnimplemented, fmt.Sprintf("%s does not answer %s, only %s", r.URL.Path, clip(r.Method), strings.Join(allowed, ", ")))
	}))))
}

// oneSlash has a path begin with one slash: a base URL that ends with a slash gives two.
func oneSlash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "//") {
			u := *r.URL
			u.Path, u.RawPath = "/"+strings.TrimLeft(u.Path, "/"), ""
			if raw := r.URL.RawPath; raw != "" {
				u.RawPath = "/" + strings.TrimLeft(raw, "/")
			}
			again := *r
			again.URL = &u
			r = &again
		}
		next.ServeHTTP(w, r)
	})
}

// belowRoot takes the root path off what is asked for. Without it we answer, too: probes and proxies that take it off
// themselves do not know it.
func (s *server) belowRoot(next http.Handler) http.Handler {
	root := s.base()
	if root == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == root || strings.HasPrefix(r.URL.Path, root+"/") {
			http.StripPrefix(root, next).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// healthz answers "ok" while the process lives; with full=true, only while it can do its work. Kubernetes restarts on
// the first and takes out of the Service on the second: a dead Git server is no reason for a restart.
func (s *server) healthz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	q, _ := url.ParseQuery(r.URL.RawQuery)
	if s.Ready != nil && q.Get("full") == "true" {
		if err := s.Ready(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
	}
	fmt.Fprintln(w, "ok")
}

// metrics shows what can be gathered even when one collector fails; five scrapes at once are plenty.
func (s *server) metrics() http.HandlerFunc {
	g := s.Metrics
	if g == nil {
		g = prometheus.NewRegistry()
	}
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
		MaxRequestsInFlight: 5,
	}).ServeHTTP
}

// clip shortens what a caller wrote before it is repeated.
func clip(s string) string {
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
