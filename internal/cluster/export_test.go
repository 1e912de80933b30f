package cluster

import "github.com/hawser-cd/hawser/internal/object"

// Dump returns everything that the index holds, for tests that look for what must not be there.
func (c *Cluster) Dump() []*object.Object {
	c.index.mu.RLock()
	defer c.index.mu.RUnlock()
	var all []*object.Object
	for _, nodes := range c.index.kinds {
		for _, n := range nodes {
			all = append(all, n.cur.object())
		}
	}
	return all
}
