// Package cluster owns one target cluster's Kubernetes API: what is there (from watches), and writes to it.
//
// The idea: one watch per kind feeds an index application → objects and owner → children, so that "what is live" is a
// look-up and a change costs the object that changed. Kinds in which nobody tracks anything are watched by their metadata only.
// A kind that cannot be read is reported and harms no other; what cannot be read is never taken for gone. Secrets are
// masked where they enter. Read Open first, then stream in watch.go, index in live.go and Writer in apply.go. Fleet is
// many clusters.
//
// The package refuses to decide: it does not know what is desired, it compares nothing, it repeats no write whose
// outcome is open, and it writes only what the caller's permit lets through.
package cluster

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

// Options say which cluster, and who listens.
type Options struct {
	Name, Server string // as the user names it; Server is the key under which applications address it
	REST         *rest.Config
	Masker       object.Masker
	Log          *slog.Logger // may be nil
	Refresh      string       // when another value comes to Fleet.Set, everything is read afresh
	Settings     Settings
	Track        []schema.GroupKind // kinds to watch in full from the start: spares the second list of those known to hold tracked objects

	// OnEvent is called for each object that has changed after the first fill; changes that come while it is at work are
	// told as one (Event). OnKinds is called when the answer of Kind or KindErr may have changed for these kinds, and with
	// nil when it may have for any: the connection was lost or came back, or Configure was called. Both are called from one
	// goroutine and should not block: all later news waits, at most one change of each object.
	OnEvent func(Event)
	OnKinds func([]schema.GroupKind)

	// Fence, if set, has the connection let through only the writes of a replica that still leads; Turn marks the
	// context of a write with when it was decided.
	Fence func(*rest.Config)
	Turn  func() func(context.Context) context.Context
}

// Settings are what may change while the cluster is open (Configure).
type Settings struct {
	Tracking   object.Tracking
	Exclusions []Filter // nil: DefaultExclusions; empty: none
	Inclusions []Filter // empty: everything
	Namespaces []string // only these namespaces are read; empty: all
	// ClusterResources has cluster-scoped kinds read although Namespaces is set.
	ClusterResources bool
}

// Cluster is one open cluster. Its methods are safe for concurrent use. It ends with the context given to Open.
type Cluster struct {
	name, server string
	masker       object.Masker
	log          *slog.Logger
	ctx          context.Context // of Open: the life of the goroutines that Track and Configure start
	turn         func() func(context.Context) context.Context
	settings     atomic.Pointer[Settings]
	served       atomic.Pointer[served]

	config    *rest.Config // of the connection, for what opens one of its own (Exec)
	login     *login       // nil: the configuration says as whom
	http      *http.Client
	dialer    *connrotation.Dialer
	rest      rest.Interface // whole objects
	restMeta  rest.Interface // their metadata
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	discovery discovery.DiscoveryInterfaceWithContext

	pulse  *pulse
	index  *index
	out    *outbox
	pins   pins
	fields fieldSets
	words  object.Words
	asking atomic.Int64  // requests that have no answer yet
	fills  chan struct{} // bounds the lists that run at the same time
	wake   chan struct{} // asks for discovery
	synced chan struct{} // closed after the first fill
	done   sync.WaitGroup

	mu       sync.Mutex
	slots    map[scope]*slot
	tracked  map[schema.GroupKind]bool // to be watched in full
	arranged bool                      // the first streams have begun
	isSynced bool
	identity types.UID     // of the kube-system namespace, which lives as long as the cluster
	changed  chan struct{} // closed when the state of a kind next changes
	found    chan struct{} // closed after the next discovery
	foundErr error         // of the last one
}

// slot is what watches a scope: the stream that speaks for it, and the one that takes over once it has a complete list.
type slot struct{ active, next *stream }

// Open starts to read a cluster. It returns at once, whether the cluster answers or not; Synced waits. The error is of
// a configuration that cannot work.
func Open(ctx context.Context, o Options) (*Cluster, error) {
	c := &Cluster{
		name: o.Name, server: o.Server, masker: o.Masker, log: o.Log, ctx: ctx,
		fills: make(chan struct{}, parallel), wake: make(chan struct{}, 1), synced: make(chan struct{}), found: make(chan struct{}), changed: make(chan struct{}),
		slots: map[scope]*slot{}, tracked: map[schema.GroupKind]bool{}, out: newOutbox(),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.log = c.log.With("cluster", c.server)
	c.index = newIndex(c.out)
	c.index.pins = &c.pins
	c.settings.Store(&o.Settings)
	for _, gk := range o.Track {
		c.tracked[gk] = true
	}
	if c.turn = o.Turn; c.turn == nil {
		c.turn = func() func(context.Context) context.Context {
			return func(ctx context.Context) context.Context { return ctx }
		}
	}
	if err := c.connect(o.REST, o.Fence); err != nil {
		return nil, problem.Because(problem.Invalid, err, "cluster %s (%s): its connection settings cannot be used", o.Name, o.Server)
	}
	c.pulse = newPulse(c.rest, c.identify, c.pulseChanged)
	c.goes(func() { c.out.run(ctx, o.OnEvent, o.OnKinds) })
	c.goes(func() { c.pulse.run(ctx) })
	c.goes(func() { c.explore(ctx) })
	c.goes(func() {
		<-ctx.Done()
		c.dialer.CloseAll()
	})
	return c, nil
}

func (c *Cluster) goes(f func()) {
	c.done.Add(1)
	go func() {
		defer c.done.Done()
		f()
	}()
}

// connect makes the clients, all over one HTTP client and so over one connection.
func (c *Cluster) connect(config *rest.Config, fence func(*rest.Config)) (err error) {
	config = rest.CopyConfig(config)
	config.QPS, config.RateLimiter = -1, nil // the server's priority and fairness decides; its Retry-After is kept by client-go
	config.Timeout = 0                       // it would end watches; each call has its own
	config.WarningHandlerWithContext = warnings{}
	if config.UserAgent == "" {
		config.UserAgent = "hawser"
	}
	if config.Dial == nil {
		config.Dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	}
	if fence != nil {
		fence(config)
	}
	c.dialer = connrotation.NewDialer(config.Dial)
	config.Dial = c.dialer.DialContext
	if c.login, err = newLogin(config); err != nil {
		return err
	}
	if c.login != nil {
		c.login.renewed = c.dialer.CloseAll
	}
	c.config = config // terminals make connections of their own of it, and count as streams
	counting := rest.CopyConfig(config)
	counting.Wrap(func(next http.RoundTripper) http.RoundTripper { return &asking{next, &c.asking} })
	if c.http, err = c.login.client(counting); err != nil {
		return err
	}
	plain := dynamic.ConfigFor(config)
	plain.GroupVersion, plain.APIPath = nil, "/"
	if c.rest, err = rest.UnversionedRESTClientForConfigAndClient(plain, c.http); err != nil {
		return err
	}
	outline := metadata.ConfigFor(config)
	outline.GroupVersion, outline.APIPath = &schema.GroupVersion{}, "/"
	if c.restMeta, err = rest.RESTClientForConfigAndClient(outline, c.http); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(config, c.http); err != nil {
		return err
	}
	if c.metadata, err = metadata.NewForConfigAndClient(config, c.http); err != nil {
		return err
	}
	d, err := discovery.NewDiscoveryClientForConfigAndClient(config, c.http)
	if err != nil {
		return err
	}
	c.discovery = discovery.ToDiscoveryInterfaceWithContext(d)
	return nil
}

// Name returns the name the user gave the cluster.
func (c *Cluster) Name() string { return c.name }

// Mask hides in an object from elsewhere what is hidden in those of the cluster, so that the two can be compared.
func (c *Cluster) Mask(o *object.Object) *object.Object { return c.masker.Mask(o) }

// Server returns the address under which applications know the cluster.
func (c *Cluster) Server() string { return c.server }

// Wait returns when all goroutines have ended after the end of Open's context.
func (c *Cluster) Wait() { c.done.Wait() }

// Synced blocks until the first complete lists of all watchable kinds are in. A kind that fails, or does not answer
// for 20 s, is not waited for: KindErr tells of it. The error, of kind Unavailable, says why the cluster did not answer
// until ctx ended.
func (c *Cluster) Synced(ctx context.Context) error {
	select {
	case <-c.synced:
		return nil
	case <-ctx.Done():
	case <-c.ctx.Done():
	}
	_, _, since, err := c.pulse.state()
	if err == nil {
		c.mu.Lock()
		err = c.foundErr
		c.mu.Unlock()
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	return problem.Because(problem.Unavailable, err, "cluster %s (%s) has not been read completely (since %s)", c.name, c.server, since.Format(time.RFC3339))
}

// Configure puts new settings in force.
func (c *Cluster) Configure(s Settings) {
	old := c.settings.Swap(&s)
	if old.Tracking != s.Tracking {
		c.Track(c.index.retrack(func(e *entry) string { return e.owner(s.Tracking) })...)
	}
	c.arrange()
	c.kindsChanged() // whatever was decided under the old settings needs a second look
}

// Track has the kinds watched as whole objects, because the caller is going to compare objects of them. KindErr tells
// until the first such list is in; OnKinds is called then.
func (c *Cluster) Track(gks ...schema.GroupKind) {
	c.mu.Lock()
	news := false
	for _, gk := range gks {
		news = news || !c.tracked[gk]
		c.tracked[gk] = true
	}
	c.mu.Unlock()
	if news {
		c.arrange()
	}
}

// Ready is Track, and waits until the kinds are read as whole objects or known to fail; KindErr tells which. Its error
// is that of ctx.
func (c *Cluster) Ready(ctx context.Context, gks ...schema.GroupKind) error {
	c.Track(gks...)
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if !slices.ContainsFunc(gks, c.pending) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pending reports whether a list of gk is under way that has not failed yet.
func (c *Cluster) pending(gk schema.GroupKind) bool {
	s := c.served.Load()
	if s == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, namespace := range c.settings.Load().scopes(s.kinds[gk]) {
		if sl := c.slots[scope{gk, namespace}]; sl != nil {
			for _, s := range []*stream{sl.active, sl.next} {
				if s != nil && !s.isSettled() {
					return true
				}
			}
		}
	}
	return false
}

// Live returns the objects whose marks name the instance: whole, masked and shared, so never to be changed. Objects of
// which only the metadata is known yet are left out; KindErr of their kind says so.
func (c *Cluster) Live(instance string) map[object.Key]*object.Object { return c.index.live(instance) }

// Get returns the object from the index; metadata only, when neither tracked nor of an explained kind.
func (c *Cluster) Get(key object.Key) (*object.Object, bool) {
	e := c.index.get(key)
	return e.object(), e != nil
}

// Whole returns the whole object, for comparing one that an application wants but has not marked yet: from the index if
// it is there, else from the server, and from then on it is kept whole. NotFound: there is none.
func (c *Cluster) Whole(ctx context.Context, key object.Key) (*object.Object, error) {
	if e := c.index.get(key); e != nil && e.full != nil && (e.whole || !explained(key.GroupKind(), c.settings.Load().Tracking)) {
		return e.full, nil
	}
	c.pins.add(key)
	c.Track(key.GroupKind())
	t, err := named(c.target(ctx, key, ""))
	if err != nil {
		return nil, err
	}
	o, err := c.fetch(ctx, t)
	switch {
	case err == nil:
		c.feed(ctx, t, o)
	case problem.Is(err, problem.NotFound):
		c.pins.drop(key)
	}
	return o, err
}
