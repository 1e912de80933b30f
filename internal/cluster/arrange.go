package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

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
	c.out.tell(gks...)
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
	c.out.tell()
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
