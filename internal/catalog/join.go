package catalog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync/atomic"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/shard"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Join is Lead for replicas that share the work: it keeps a Lease of this replica's own alive and calls onStart with the
// name of the turn, which owners of units are known by (Divide). Every turn has a new name. What else is true of a turn
// is as with Lead: its context, its fence, and that the Lease is given up when onStart has returned.
func (c *Catalog) Join(ctx context.Context, onStart func(ctx context.Context, turn string), onStop func()) error {
	client, err := coordination.NewForConfig(quick(c.options.REST)) // not fenced: it is how a turn is kept
	if err != nil {
		return problem.Because(problem.Invalid, err, "connection for the replica's Lease")
	}
	for ctx.Err() == nil {
		turn := nameOfTurn(c.options.Identity)
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: c.options.Namespace, Name: replicaPrefix + turn},
			Labels:     map[string]string{labelLease: leaseOfReplica},
			Client:     c.addressed(client, func(*coordinationv1.Lease) {}),
			LockConfig: resourcelock.ResourceLockConfig{Identity: turn},
		}
		if err := c.leadOnce(ctx, &timed{Interface: lock, lead: &c.lead, once: true}, func(ctx context.Context) {
			c.roll.turn.Store(&turn)
			onStart(ctx, turn)
		}, onStop); err != nil {
			return err
		}
	}
	return nil
}

// nameOfTurn is a name that no turn has had before, with the replica's name in front for people.
func nameOfTurn(identity string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, identity), "-")
	random := make([]byte, 4)
	_, _ = rand.Read(random) // it never fails
	return name[:min(len(name), 120)] + "-" + hex.EncodeToString(random)
}

// replicaOf is the replica's name in the name of one of its turns.
func replicaOf(turn string) string {
	if i := strings.LastIndex(turn, "-"); i > 0 {
		return turn[:i]
	}
	return turn
}

type tenureKey struct{}

// tenure is one time of owning a unit. Writes that were decided within it are let through only while it lasts: see Fence.
type tenure struct {
	unit shard.Unit
	over atomic.Bool
}

// SameTenure returns ctx, marked as belonging to the tenure that another context belongs to.
func SameTenure(of, ctx context.Context) context.Context {
	if t, _ := of.Value(tenureKey{}).(*tenure); t != nil {
		return t.within(ctx)
	}
	return ctx
}

// within marks what is done with the context as belonging to the tenure.
func (t *tenure) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, tenureKey{}, t)
}
