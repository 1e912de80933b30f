package catalog

import (
	"time"

	"github.com/hawser-cd/hawser/internal/shard"
	coordinationv1 "k8s.io/api/coordination/v1"
)

// Ownership is who does the work of a unit, as far as this replica knows.
type Ownership struct {
	Unit    shard.Unit
	Slices  int    // into how many its cluster is cut
	Replica string // the owner's name; empty when nobody owns it
	Address string // where it answers other replicas (host:port); empty when it has not said
	Mine    bool
	Alive   bool      // its turn goes on, or it has not been silent for long enough to be sure
	Seen    time.Time // when the owner, or that there is none, was last heard of, by our own clock
}

// Sharing reports whether replicas share the work.
func (c *Catalog) Sharing() bool { return c.roll != nil }

// OwnershipOf returns who owns the unit of an application that goes to the server; "" stands for a server that is not known.
func (c *Catalog) OwnershipOf(server, namespace, name string) Ownership {
	n := 1
	if server != "" {
		if first, ok := c.roll.get(unitLease(shard.Unit{Server: server})); ok {
			n = slicesOf(first.Lease)
		}
	}
	return c.ownership(shard.Unit{Server: server, Slice: shard.SliceOf(namespace, name, n)}, n)
}

// Ownerships returns who owns each slice of a cluster.
func (c *Catalog) Ownerships(server string) []Ownership {
	n := 1
	if first, ok := c.roll.get(unitLease(shard.Unit{Server: server})); ok {
		n = slicesOf(first.Lease)
	}
	list := make([]Ownership, n)
	for i := range n {
		list[i] = c.ownership(shard.Unit{Server: server, Slice: i}, n)
	}
	return list
}

func (c *Catalog) ownership(u shard.Unit, n int) Ownership {
	o := Ownership{Unit: u, Slices: n, Seen: c.roll.began}
	l, ok := c.roll.get(unitLease(u))
	if ok {
		o.Seen = l.at
	}
	turn := holderOf(l.Lease)
	if turn == "" {
		return o
	}
	o.Replica, o.Mine = replicaOf(turn), c.Leading() == nil && turn == c.turnName()
	own, ok := c.roll.get(replicaPrefix + turn)
	if ok {
		o.Seen, o.Address = own.at, addressIn(own.Lease)
	}
	o.Alive = ok && holderOf(own.Lease) != "" && time.Since(own.at) < 2*max(leaseOf(c.options), durationOf(own.Lease))
	return o
}

// LedAlone reports whether a replica leads that does not share the work: then no unit has an owner, and none needs one.
func (c *Catalog) LedAlone() bool {
	var l *coordinationv1.Lease
	if known, ok := c.roll.get(LeaderLease); ok {
		l = known.Lease
	}
	holder := holderOf(l)
	return holder != "" && holder != sharedLead
}

// turnName is the name of the present turn, or of the last one.
func (c *Catalog) turnName() string {
	if name := c.roll.turn.Load(); name != nil {
		return *name
	}
	return ""
}
