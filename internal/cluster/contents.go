package cluster

import (
	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// InNamespace returns everything that is known to be in the namespace, in no particular order. It goes through the
// whole index: ask when a namespace is about to be deleted, not per event.
func (c *Cluster) InNamespace(namespace string) []*object.Object {
	c.index.mu.RLock()
	var found []*entry
	for _, nodes := range c.index.kinds {
		for n, node := range nodes {
			if n.namespace == namespace {
				found = append(found, node.cur)
			}
		}
	}
	c.index.mu.RUnlock()
	return objects(found)
}

// OfKind returns every object of the kind, in no particular order.
func (c *Cluster) OfKind(gk schema.GroupKind) []*object.Object {
	c.index.mu.RLock()
	found := make([]*entry, 0, len(c.index.kinds[gk]))
	for _, node := range c.index.kinds[gk] {
		found = append(found, node.cur)
	}
	c.index.mu.RUnlock()
	return objects(found)
}
