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
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
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

	// OnEvent is called for each change after the first fill, in order. OnKinds is called when the answer of Kind or
	// KindErr may have changed for these kinds, and with nil when it may have for any: the connection was lost or came
	// back, or Configure was called. Both are called from one goroutine and must not block: all later news waits, in memory.
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
	c.config = config
	if c.http, err = c.login.client(config); err != nil {
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
	if err == nil {
		c.feed(ctx, t, o)
	}
	return o, err
}

// explore keeps what the server serves, and with it the streams, up to date.
func (c *Cluster) explore(ctx context.Context) {
	const (
		settle = 30 * time.Millisecond  // a CRD comes with several events
		apart  = 200 * time.Millisecond // between two discoveries
		idle   = 10 * time.Minute       // aggregated APIs change without an event
	)
	again := &wait.Backoff{}
	for c.pulse.wait(ctx) {
		err := c.explored(ctx)
		timer := time.NewTimer(idle)
		if err != nil && ctx.Err() == nil {
			c.log.Warn("discovery failed", "error", err)
			timer.Reset(5 * time.Second)
			if !fromServer(err) && !c.pulse.ask(ctx) {
				timer.Stop()
				continue
			}
		} else if c.unserved("") && again.Steps > 0 {
			timer.Reset(again.Step()) // the server takes a moment from establishing a CRD to serving it
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
		case <-c.wake:
			again = &wait.Backoff{Duration: 200 * time.Millisecond, Factor: 1.5, Steps: 10}
			if !sleep(ctx, settle) {
				return
			}
			select {
			case <-c.wake:
			default:
			}
		}
		timer.Stop()
		if !sleep(ctx, apart-settle) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// explored asks once and rearranges the streams.
func (c *Cluster) explored(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	before := c.served.Load()
	s, err := discover(ask, c.discovery, before, c.exists)
	c.mu.Lock()
	c.foundErr = err
	close(c.found)
	c.found = make(chan struct{})
	c.mu.Unlock()
	if err != nil {
		return err
	}
	c.served.Store(s)
	c.arrange()
	if before != nil {
		if changed := changedKinds(before, s); len(changed) > 0 {
			c.kindsChanged(changed...)
		}
	}
	return nil
}

func changedKinds(a, b *served) []schema.GroupKind {
	var list []schema.GroupKind
	for gk, k := range b.kinds {
		if a.kinds[gk] != k {
			list = append(list, gk)
		}
	}
	for gk := range a.kinds {
		if _, ok := b.kinds[gk]; !ok {
			list = append(list, gk)
		}
	}
	return list
}

// exists reports whether the CRD of k is still there: then discovery without k is not finished, or wrong.
func (c *Cluster) exists(k Kind) bool {
	return c.index.get(object.Key{Group: crdKind.Group, Kind: crdKind.Kind, Name: k.GVR.GroupResource().String()}) != nil
}

// unserved reports whether there is a CRD, in that group unless it is empty, whose kind is not served (yet).
func (c *Cluster) unserved(group string) bool {
	s := c.served.Load()
	missing := false
	c.index.each(crdKind, func(e *entry) {
		gr := schema.ParseGroupResource(e.key.Name)
		missing = missing || s != nil && (group == "" || gr.Group == group) && !s.serves(gr.Group, gr.Resource)
	})
	return missing
}

// rediscover asks for a discovery soon.
func (c *Cluster) rediscover() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// arrange makes the streams those that kinds, settings and tracking call for. It is the only place that starts or
// ends one. A scope whose stream must change (whole objects, another version) keeps the old one until the new one has
// a complete list, so no event is lost.
func (c *Cluster) arrange() {
	s, settings := c.served.Load(), c.settings.Load()
	if s == nil || c.ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := map[scope]Kind{}
	for gk, kind := range s.kinds {
		if kind.Watchable && !settings.excluded(c.server, gk) {
			for _, namespace := range settings.scopes(kind) {
				wanted[scope{gk, namespace}] = kind
			}
		}
	}
	for sc, sl := range c.slots {
		if _, ok := wanted[sc]; !ok {
			c.stop(sl.active)
			c.stop(sl.next)
			delete(c.slots, sc)
			c.index.drop(sc)
		}
	}
	for sc, kind := range wanted {
		whole := c.tracked[sc.gk] || explained(sc.gk, settings.Tracking)
		sl := c.slots[sc]
		if sl == nil {
			c.slots[sc] = &slot{active: c.begin(sc, kind, whole)}
			continue
		}
		newest := sl.active
		if sl.next != nil {
			newest = sl.next
		}
		if newest.kind.GVR != kind.GVR || !newest.whole && whole {
			c.stop(sl.next)
			sl.next = c.begin(sc, kind, whole)
		}
	}
	c.arranged = true
	c.checkSynced()
}

func (c *Cluster) stop(s *stream) {
	if s != nil {
		s.cancel()
		c.index.retire(s)
	}
}

// scopes returns the namespaces in which k is read; "" is all of them, or the cluster itself.
func (s Settings) scopes(k Kind) []string {
	switch {
	case len(s.Namespaces) == 0 || !k.Namespaced && s.ClusterResources:
		return []string{""}
	case k.Namespaced:
		return slices.Compact(slices.Sorted(slices.Values(s.Namespaces)))
	}
	return nil
}

func (c *Cluster) begin(sc scope, kind Kind, whole bool) *stream {
	ctx, cancel := context.WithCancel(c.ctx)
	s := &stream{scope: sc, c: c, kind: kind, whole: whole, cancel: cancel, kick: make(chan struct{}, 1)}
	c.goes(func() {
		defer cancel()
		s.run(ctx)
	})
	return s
}

// took makes s the stream of its scope: it has just put a complete list into the index.
func (c *Cluster) took(s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sl := c.slots[s.scope]; sl != nil && sl.next == s {
		c.stop(sl.active)
		sl.active, sl.next = s, nil
	}
}

func (c *Cluster) kindsChanged(gks ...schema.GroupKind) {
	c.mu.Lock()
	c.checkSynced()
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
	c.out.add(change{state: true, kinds: gks})
}

// checkSynced ends the wait of Synced once every stream has settled. Under c.mu.
func (c *Cluster) checkSynced() {
	if c.isSynced || !c.arranged {
		return
	}
	for _, sl := range c.slots {
		for _, s := range []*stream{sl.active, sl.next} {
			if s != nil && !s.isSettled() {
				return
			}
		}
	}
	c.isSynced = true
	c.out.start()
	close(c.synced)
}

func (s *stream) isSettled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settled
}

// pulseChanged follows the loss and the return of the connection.
func (c *Cluster) pulseChanged() {
	alive, losses, _, err := c.pulse.state()
	if alive {
		c.log.Info("cluster answers")
		c.rediscover() // it may have been upgraded meanwhile
		c.mu.Lock()
		for _, sl := range c.slots {
			for _, s := range []*stream{sl.active, sl.next} {
				if s != nil {
					s.reconnect(losses)
				}
			}
		}
		c.mu.Unlock()
	} else {
		c.log.Warn("cluster does not answer", "error", err)
		c.dialer.CloseAll() // what has fallen silent stays silent: only a new connection tells whether the server is back
	}
	c.out.add(change{state: true})
}

// identify finds out whether the server that answers (again) still is the cluster that we know, no older than we know
// it: it may have been restored from a backup, or set up anew at the same address. Then resource versions mean nothing
// any more, watches would wait for ever for what has been, and everything is read afresh.
func (c *Cluster) identify(ctx context.Context) error {
	system := &object.Object{}
	if err := c.rest.Get().AbsPath("api", "v1", "namespaces", "kube-system").MaxRetries(0).Do(ctx).Into(system); err != nil {
		if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			return nil // we may not know
		}
		return err
	}
	list := &unstructured.UnstructuredList{}
	if err := c.rest.Get().AbsPath("api", "v1", "namespaces").Param("limit", "1").MaxRetries(0).Do(ctx).Into(list); err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.identity
	c.identity = system.GetUID()
	past := newer(c.index.seen(scope{gk: schema.GroupKind{Kind: "Namespace"}}), list.GetResourceVersion())
	if known == "" || known == c.identity && !past {
		return nil
	}
	c.log.Warn("cluster is another one, or restored from a backup: everything is read afresh", "same", known == c.identity)
	c.served.Store(nil)
	for sc, sl := range c.slots {
		c.stop(sl.active)
		c.stop(sl.next)
		delete(c.slots, sc)
		c.index.drop(sc)
	}
	return nil
}

// State is what is known about the cluster itself.
type State struct {
	Connected bool
	Err       error     // why it does not answer; also before the first answer
	Since     time.Time // of Connected
	Asked     time.Time // when it was asked last; zero: not yet
	Synced    bool      // the first fill is over
	Version   string    // of Kubernetes
	Kinds     int       // watched
	Whole     int       // of these as whole objects
	Objects   int       // in the index
	Tracked   int       // of these carry an application's mark
	Errors    map[schema.GroupVersionKind]error
	Silent    map[schema.GroupVersion]error // API groups that did not answer discovery
}

// State returns the present state.
func (c *Cluster) State() State {
	var st State
	st.Connected, _, st.Since, st.Err = c.pulse.state()
	st.Asked = c.pulse.lastAsked()
	st.Objects, st.Tracked = c.index.count()
	st.Errors, st.Silent = map[schema.GroupVersionKind]error{}, map[schema.GroupVersion]error{}
	if s := c.served.Load(); s != nil {
		st.Version = s.version
		for gv, err := range s.failed {
			st.Silent[gv] = err
		}
	}
	c.mu.Lock()
	st.Synced = c.isSynced
	kinds, whole := map[schema.GroupKind]bool{}, map[schema.GroupKind]bool{}
	var streams []*stream
	for sc, sl := range c.slots {
		kinds[sc.gk] = true
		if sl.active.whole {
			whole[sc.gk] = true
		}
		streams = append(streams, sl.active)
	}
	c.mu.Unlock()
	st.Kinds, st.Whole = len(kinds), len(whole)
	for _, s := range streams {
		s.mu.Lock()
		if s.err != nil {
			st.Errors[s.kind.GVK] = s.err
		}
		s.mu.Unlock()
	}
	return st
}

func (x *index) count() (objects, tracked int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, nodes := range x.kinds {
		objects += len(nodes)
	}
	for _, nodes := range x.byInstance {
		tracked += len(nodes)
	}
	return objects, tracked
}

// Unreachable says since when the cluster does not answer, and why, as far as it is known; nil while it answers. It is of
// kind Unavailable, and says the same as long as nothing changes.
func (c *Cluster) Unreachable() error {
	alive, _, since, err := c.pulse.state()
	if alive {
		return nil
	}
	if err == nil { // it has not been asked yet
		return problem.New(problem.Unavailable, "cluster %s (%s) has not answered yet", c.name, c.server)
	}
	return problem.Because(problem.Unavailable, err, "cluster %s (%s) is unreachable since %s", c.name, c.server, since.UTC().Format(time.RFC3339))
}

// Reads reports whether objects like key's are among those that are read, which are not all where the cluster is used for
// some namespaces only. What is not read must not be written: it would be missing for ever. It is nil or a problem of
// kind Forbidden, in Argo CD's words.
func (c *Cluster) Reads(key object.Key) error {
	s := c.settings.Load()
	if len(s.Namespaces) == 0 {
		return nil
	}
	kind, known := c.Kind(key.GroupKind())
	if known && !kind.Namespaced || !known && key.Namespace == "" {
		if s.ClusterResources {
			return nil
		}
		return problem.New(problem.Forbidden, "Cluster level %s %q can not be managed when in namespaced mode", key.Kind, key.Name).
			WithHint("cluster %s is registered for %s only, without clusterResources", c.name, strings.Join(s.Namespaces, ", "))
	}
	if !slices.Contains(s.Namespaces, key.Namespace) {
		return problem.New(problem.Forbidden, "Namespace %q for %s %q is not managed", key.Namespace, key.Kind, key.Name).
			WithHint("cluster %s is registered for %s only", c.name, strings.Join(s.Namespaces, ", "))
	}
	return nil
}

// KindErr says why the index cannot be trusted for gk at this moment: nil means that it is complete and followed by a
// live watch. NotFound: the cluster serves no such kind. Unavailable: its list fails, is not in yet, is not in yet as
// whole objects (Track), or the watch has not come back since the connection was lost. Kinds that are excluded or
// cannot be watched have no error: nobody claims anything about them (Kind).
func (c *Cluster) KindErr(gk schema.GroupKind) error {
	s := c.served.Load()
	alive, losses, since, err := c.pulse.state()
	if s == nil {
		return problem.Because(problem.Unavailable, err, "cluster %s has not answered yet", c.name)
	}
	if _, ok := s.kinds[gk]; !ok {
		return c.unknownKind(gk, "")
	}
	if !alive {
		return problem.Because(problem.Unavailable, err, "cluster %s does not answer since %s", c.name, since.Format(time.RFC3339))
	}
	c.mu.Lock()
	var streams []*stream
	whole := c.tracked[gk]
	for _, namespace := range c.settings.Load().scopes(s.kinds[gk]) {
		if sl := c.slots[scope{gk, namespace}]; sl != nil {
			if sl.next != nil && sl.next.failed() != nil {
				streams = append(streams, sl.next) // it says better why than "not in full yet"
			}
			streams = append(streams, sl.active)
		}
	}
	c.mu.Unlock()
	for _, st := range streams {
		if err := st.trouble(whole, losses); err != nil {
			return problem.Because(problem.Unavailable, err, "cluster %s: %s cannot be trusted", c.name, gk)
		}
	}
	return nil
}

func (s *stream) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stream) trouble(whole bool, losses int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return fmt.Errorf("its list or watch fails since %s: %w", s.since.Format(time.RFC3339), s.err)
	case !s.filled:
		return fmt.Errorf("its first list is not complete yet")
	case whole && !s.whole:
		return fmt.Errorf("only the metadata of its objects has been read so far")
	case s.losses < losses:
		return fmt.Errorf("its watch has not been taken up again since the connection was lost")
	}
	return nil
}
