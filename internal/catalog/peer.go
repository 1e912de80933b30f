package catalog

import (
	"context"
	"maps"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// annotationAddress, on the Lease of the leader or of a turn, is where its holder answers other replicas: host:port, a space,
// and the holder's name. It is written with the holder, in one write. What stands there beside the name of another holder
// is of old: a replica of an earlier version does not know it.
const annotationAddress = "hawser.dev/address"

// Peer is a replica as others know it.
type Peer struct {
	Replica string // its name; empty when there is none
	Address string // host:port where it answers other replicas; empty when it has not said
}

// Announce says where this replica answers others (host:port). It counts for the Leases of turns that begin later.
func (c *Catalog) Announce(address string) { c.address.Store(&address) }

// Leader returns who leads, as this replica has last read: where replicas do not share the work, it reads that as often as it
// tries to lead.
func (c *Catalog) Leader() Peer {
	l := c.leader.Load()
	if c.roll != nil {
		if known, ok := c.roll.get(LeaderLease); ok {
			l = known.Lease
		}
	}
	if l == nil || holderOf(l) == sharedLead {
		return Peer{}
	}
	return Peer{holderOf(l), addressIn(l)}
}

// IsMe reports whether a replica is this one.
func (c *Catalog) IsMe(p Peer) bool { return p.Replica == c.options.Identity }

// addressIn is where the holder of a Lease answers.
func addressIn(l *coordinationv1.Lease) string {
	address, holder, _ := strings.Cut(l.Annotations[annotationAddress], " ")
	if holder == "" || holder != holderOf(l) {
		return ""
	}
	return address
}

// addressed is a client for Leases that writes with each the address of who takes it, and tells of each that it has read.
type addressed struct {
	coordination.LeasesGetter
	address func() string
	read    func(*coordinationv1.Lease)
}

// addressed is a client for the Lease of a turn.
func (c *Catalog) addressed(client coordination.LeasesGetter, read func(*coordinationv1.Lease)) addressed {
	return addressed{client, func() string {
		if a := c.address.Load(); a != nil {
			return *a
		}
		return ""
	}, read}
}

// Leases implements coordination.LeasesGetter.
func (a addressed) Leases(namespace string) coordination.LeaseInterface {
	return addressedLeases{a.LeasesGetter.Leases(namespace), a}
}

type addressedLeases struct {
	coordination.LeaseInterface
	of addressed
}

func (a addressedLeases) Get(ctx context.Context, name string, o metav1.GetOptions) (*coordinationv1.Lease, error) {
	return a.told(a.LeaseInterface.Get(ctx, name, o))
}

func (a addressedLeases) Create(ctx context.Context, l *coordinationv1.Lease, o metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return a.told(a.LeaseInterface.Create(ctx, a.mark(l), o))
}

func (a addressedLeases) Update(ctx context.Context, l *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	return a.told(a.LeaseInterface.Update(ctx, a.mark(l), o))
}

func (a addressedLeases) told(l *coordinationv1.Lease, err error) (*coordinationv1.Lease, error) {
	if err == nil {
		a.of.read(l)
	}
	return l, err
}

// mark is the Lease with the address of its holder, which is this replica; without one when it is given up.
func (a addressedLeases) mark(l *coordinationv1.Lease) *coordinationv1.Lease {
	marked := *l
	marked.Annotations = maps.Clone(l.Annotations)
	delete(marked.Annotations, annotationAddress)
	if address := a.of.address(); address != "" && holderOf(l) != "" {
		if marked.Annotations == nil {
			marked.Annotations = map[string]string{}
		}
		marked.Annotations[annotationAddress] = address + " " + holderOf(l)
	}
	return &marked
}
