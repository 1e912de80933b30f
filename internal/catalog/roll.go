package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/shard"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// What replicas that share the work know of each other stands in Leases: one that each keeps alive for its turn, and one
// for each unit, written only when its owner changes. An owner is a turn and not a process: whose turn has been over once
// comes back under another name, so that nobody goes on with what others have taken meanwhile.

// Labels and annotations of the Leases.
const (
	labelLease        = "hawser.dev/lease" // what a Lease is of:
	leaseOfReplica    = "replica"
	leaseOfUnit       = "unit"
	annotationCluster = "hawser.dev/cluster" // of a unit: address of its cluster; none for Sets
	annotationSlice   = "hawser.dev/slice"   // which one, from 0
	// annotationSlices, on the Lease of the first slice, is the number of slices in force. What the cluster's Secret asks
	// for (AnnotationSlices) comes into force when one replica owns them all.
	annotationSlices = AnnotationSlices
	replicaPrefix    = "hawser-replica-"
)

// unitLease is the name of a unit's Lease.
func unitLease(u shard.Unit) string {
	sum := sha256.Sum256([]byte(u.Server + "\n" + strconv.Itoa(u.Slice)))
	return "hawser-unit-" + hex.EncodeToString(sum[:5])
}

// roll is the Leases as far as they are known, and since when.
type roll struct {
	mu      sync.Mutex
	leases  map[string]seenLease
	dead    map[string]string    // names of deleted Leases: the version at which they were deleted
	missing map[string]time.Time // owners without a Lease, and when that was noticed
	changed chan struct{}        // written to after each change; has room for one
	pushes  *pushes
	began   time.Time
	turn    atomic.Pointer[string] // our own
}

// seenLease is a version of a Lease, and when it was known first, by our own clock.
type seenLease struct {
	*coordinationv1.Lease
	at time.Time
}

func newRoll() *roll {
	return &roll{leases: map[string]seenLease{}, dead: map[string]string{}, missing: map[string]time.Time{}, changed: make(chan struct{}, 1), pushes: newPushes(), began: time.Now()}
}

func (r *roll) feed() feed {
	return feed{resource: leases, kind: "Lease", labels: labelLease, unfenced: true, put: r.put, remove: r.remove, replace: r.replace}
}

func (r *roll) put(o *object.Object) {
	l := &coordinationv1.Lease{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, l); err == nil { // the API server keeps to the schema
		r.see(l)
	}
}

// see takes in a version of a Lease, unless a newer one is known.
func (r *roll) see(l *coordinationv1.Lease) {
	if l.Name == pushesLease {
		defer r.pushes.take(l)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.leases[l.Name]; ok && !after(l.ResourceVersion, known.ResourceVersion) {
		return
	}
	if gone := r.dead[l.Name]; gone != "" && !after(l.ResourceVersion, gone) {
		return
	}
	delete(r.dead, l.Name)
	before := r.leases[l.Name].Lease
	r.leases[l.Name] = seenLease{l, time.Now()}
	if l.Name != pushesLease && (before == nil || holderOf(before) != holderOf(l) || !maps.Equal(before.Annotations, l.Annotations)) { // not a mere renewal
		r.stir()
	}
}

func (r *roll) remove(_, name, version string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.leases[name]; ok && after(known.ResourceVersion, version) {
		return
	}
	delete(r.leases, name)
	if len(r.dead) > 10_000 { // only what is on its way to us must not come back
		clear(r.dead)
	}
	r.dead[name] = version
	r.stir()
}

func (r *roll) replace(list []*object.Object, version string) {
	there := map[string]bool{}
	for _, o := range list {
		there[o.GetName()] = true
		r.put(o)
	}
	r.mu.Lock()
	var gone []string
	for name := range r.leases {
		if !there[name] {
			gone = append(gone, name)
		}
	}
	r.mu.Unlock()
	for _, name := range gone {
		r.remove("", name, version)
	}
}

func (r *roll) stir() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func holderOf(l *coordinationv1.Lease) string {
	if l == nil || l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

func durationOf(l *coordinationv1.Lease) time.Duration {
	if l.Spec.LeaseDurationSeconds == nil {
		return 0
	}
	return time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second
}

// unitOf is the unit that a Lease is of.
func unitOf(l *coordinationv1.Lease) (u shard.Unit, ok bool) {
	if l.Labels[labelLease] != leaseOfUnit {
		return u, false
	}
	u.Server = l.Annotations[annotationCluster]
	u.Slice, _ = strconv.Atoi(l.Annotations[annotationSlice])
	return u, unitLease(u) == l.Name // whatever somebody has edited
}

// slicesOf is the number of slices that the Lease of a cluster's first slice has in force.
func slicesOf(l *coordinationv1.Lease) int {
	n, _ := strconv.Atoi(l.Annotations[annotationSlices])
	return min(max(n, 1), shard.MaxSlices)
}

// get returns a Lease as last known.
func (r *roll) get(name string) (seenLease, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, ok := r.leases[name]
	return l, ok
}

// snapshot is all that is known.
func (r *roll) snapshot() map[string]seenLease {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := make(map[string]seenLease, len(r.leases))
	for k, v := range r.leases {
		m[k] = v
	}
	return m
}
