package cluster

import (
	"slices"

	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// maxDepth bounds the way through owner references, which anybody may write: chains in earnest have four links.
const maxDepth = 16

// lineage is where an object belongs: the instances of the tracked objects at or above it, and the nearest of those.
type lineage struct {
	instances []string
	root      object.Key
}

// join returns both, a first; its root is a's if it has one.
func (a lineage) join(b lineage) lineage {
	if len(b.instances) == 0 {
		return a
	}
	if len(a.instances) == 0 {
		return b
	}
	for _, i := range b.instances {
		if !slices.Contains(a.instances, i) {
			a.instances = append(slices.Clip(a.instances), i) // a's slice may be shared with other events
		}
	}
	return a
}

// climb finds n's lineage. Under the lock.
func (x *index) climb(n *node) lineage { return x.climbFrom(n, 0) }

func (x *index) climbFrom(n *node, depth int) lineage {
	e := n.cur
	if e.instance != "" {
		return lineage{instances: []string{e.instance}, root: e.key}
	}
	var found lineage
	if depth == maxDepth {
		return found
	}
	for _, controller := range []bool{true, false} { // the controlling owner names the root when several could
		for _, ref := range e.owners {
			if (ref.Controller != nil && *ref.Controller) != controller {
				continue
			}
			if o := x.ownerOf(e, ref); o != nil {
				found = found.join(x.climbFrom(o, depth+1))
			} else if x.byUID[ref.UID] == nil {
				found = found.join(n.last)
			}
		}
	}
	return found
}

// ownerOf returns the object that ref names, if e may be owned by it. A reference proves nothing by itself: kind and
// name must be those of the object with that UID, in e's namespace or in none, as the garbage collector demands it.
func (x *index) ownerOf(e *entry, ref metav1.OwnerReference) *node {
	o := x.byUID[ref.UID]
	if o == nil || o.cur.key.Kind != ref.Kind || o.cur.key.Name != ref.Name ||
		o.cur.key.Namespace != "" && o.cur.key.Namespace != e.key.Namespace {
		return nil
	}
	return o
}

// owned returns the entries directly below e, ordered by key.
func (x *index) owned(e *entry) []*entry {
	var list []*entry
	for n := range x.children[e.uid] {
		for _, ref := range n.cur.owners {
			if ref.UID == e.uid && x.ownerOf(n.cur, ref) != nil {
				list = append(list, n.cur)
				break
			}
		}
	}
	slices.SortFunc(list, func(a, b *entry) int { return a.key.Compare(b.key) })
	return list
}

// below returns the entries below key, nearest first, down to depth.
func (x *index) below(key object.Key, depth int) []*entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := x.node(key)
	if n == nil {
		return nil
	}
	var all []*entry
	seen := map[types.UID]bool{n.cur.uid: true}
	for level := []*entry{n.cur}; len(level) > 0 && depth > 0; depth-- {
		var next []*entry
		for _, e := range level {
			for _, child := range x.owned(e) {
				if !seen[child.uid] {
					seen[child.uid] = true
					next = append(next, child)
				}
			}
		}
		all = append(all, next...)
		level = next
	}
	return all
}

// Children returns the objects that name the object as their owner, ordered by key.
func (c *Cluster) Children(key object.Key) []*object.Object { return objects(c.index.below(key, 1)) }

// Descendants returns everything below the object through owner references, nearest first. Objects that are neither
// tracked nor of an explained kind (Pod, ReplicaSet, Job) hold their metadata only.
func (c *Cluster) Descendants(key object.Key) []*object.Object {
	return objects(c.index.below(key, maxDepth))
}

// above returns the entries above key, nearest first.
func (x *index) above(key object.Key) []*entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := x.node(key)
	if n == nil {
		return nil
	}
	var all []*entry
	seen := map[types.UID]bool{n.cur.uid: true}
	for level, depth := []*entry{n.cur}, maxDepth; len(level) > 0 && depth > 0; depth-- {
		var next []*entry
		for _, e := range level {
			for _, ref := range e.owners {
				if o := x.ownerOf(e, ref); o != nil && !seen[o.cur.uid] {
					seen[o.cur.uid] = true
					next = append(next, o.cur)
				}
			}
		}
		all = append(all, next...)
		level = next
	}
	return all
}

// Ancestors returns everything above the object through owner references, nearest first; like Descendants, some of it
// holds the metadata only.
func (c *Cluster) Ancestors(key object.Key) []*object.Object { return objects(c.index.above(key)) }

func objects(entries []*entry) []*object.Object {
	list := make([]*object.Object, len(entries))
	for i, e := range entries {
		list[i] = e.object()
	}
	return list
}
