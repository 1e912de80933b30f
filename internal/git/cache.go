package git

import (
	"container/list"
	"sync"
)

// objectKey names an object of one mirror. Mirrors share no entry: a hostile tree may name the id of a blob that its
// own repository does not hold.
type objectKey struct {
	mirror *objects
	id     string
}

// lru keeps the values used last, up to a number of bytes. It is safe for concurrent use.
type lru[V any] struct {
	mu    sync.Mutex
	max   int
	size  int
	order *list.List // of *cached[V], the last used in front
	items map[objectKey]*list.Element
}

type cached[V any] struct {
	key   objectKey
	value V
	size  int
}

func newLRU[V any](maxBytes int) *lru[V] {
	return &lru[V]{max: maxBytes, order: list.New(), items: map[objectKey]*list.Element{}}
}

func (c *lru[V]) get(key objectKey) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached[V]).value, true
}

// put keeps v, which costs size bytes, unless it would fill more than an eighth of the cache by itself.
func (c *lru[V]) put(key objectKey, v V, size int) {
	if size > c.max/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[key]; ok {
		return
	}
	c.items[key] = c.order.PushFront(&cached[V]{key, v, size})
	c.size += size
	for c.size > c.max {
		last := c.order.Back()
		old := last.Value.(*cached[V])
		c.order.Remove(last)
		delete(c.items, old.key)
		c.size -= old.size
	}
}
