package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/shard"
	"github.com/hawser-cd/hawser/internal/webhook"
)

// shares is the units whose work this replica does.
type shares struct {
	mu   sync.Mutex
	held map[shard.Unit]*labour
}

// labour is what goes on for one unit.
type labour struct {
	stop  context.CancelFunc
	going sync.WaitGroup
}

func newShares() *shares { return &shares{held: map[shard.Unit]*labour{}} }

// watches reports whether something of the cluster is ours.
func (s *shares) watches(server string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for u := range s.held {
		if u.Server == server {
			return true
		}
	}
	return false
}

// share is what a replica does that shares the work, for one turn.
func (d *Daemon) share(ctx context.Context, turn string) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	run := d.Apps.OpenShared()
	defer d.begin(ctx)()
	var both sync.WaitGroup
	both.Go(func() { run(ctx) })
	both.Go(func() {
		defer stop()
		if err := d.Catalog.Divide(ctx, turn, (*holder)(d)); err != nil {
			d.log.Warn("this turn ends", "turn", turn, "error", err)
		}
	})
	both.Wait()
}

// holder is the Daemon as it does the work of units.
type holder Daemon

// TakeUp implements catalog.Holder.
func (h *holder) TakeUp(ctx context.Context, s catalog.Share) {
	d, l := (*Daemon)(h), &labour{}
	ctx, l.stop = context.WithCancel(ctx)
	d.shares.mu.Lock()
	d.shares.held[s.Unit] = l
	d.shares.mu.Unlock()
	if s.Unit == shard.Sets {
		l.going.Go(func() { d.Apps.RunSets(ctx) })
		l.going.Go(func() { // agents connect to this replica; the others send them on
			defer d.hub.Open()()
			d.Apps.RunHub(ctx)
		})
		d.Apps.TakeUp(ctx, s)
		return
	}
	l.going.Go(func() {
		d.gather()
		d.waitForCluster(ctx, s.Unit.Server)
		if ctx.Err() == nil {
			d.Apps.TakeUp(ctx, s)
		}
	})
}

// PutDown implements catalog.Holder.
func (h *holder) PutDown(u shard.Unit) {
	d := (*Daemon)(h)
	d.shares.mu.Lock()
	l := d.shares.held[u]
	d.shares.mu.Unlock()
	if u == shard.Sets {
		l.stop()
		time.Sleep(reconcile.Aftermath)
	}
	d.Apps.PutDown(u)
	l.stop()
	l.going.Wait()
	d.Apps.PutDown(u) // it may have been taken up in between
	d.shares.mu.Lock()
	delete(d.shares.held, u)
	d.shares.mu.Unlock()
	d.gather()
}

// waitForCluster is waitForClusters for one.
func (d *Daemon) waitForCluster(ctx context.Context, server string) {
	wait, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := d.Fleet.Cluster(server)
	if err != nil {
		return // the looks say so
	}
	if err := c.Synced(wait); err != nil && ctx.Err() == nil {
		d.log.Warn("cluster is not complete yet", "cluster", c.Name(), "error", err)
	}
}

// pushed is told of a delivery by the server.
func (d *Daemon) pushed(p webhook.Push) {
	d.Apps.Pushed(p)
	if d.shares != nil {
		d.Catalog.Spread(p)
	}
}
