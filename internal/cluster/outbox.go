package cluster

import (
	"context"
	"sync"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Event is a change of one live object.
type Event struct {
	Key       object.Key
	Instances []string       // application instances that own it or owned it before, by its own mark or through its owners; shared: read only
	Root      object.Key     // the tracked object it belongs to (itself, or the nearest tracked owner); zero if none
	Old, New  *object.Object // masked; nil before creation and after deletion; metadata only when neither tracked nor of an explained kind
}

// change is an event before anybody needs it as objects, or news about kinds.
type change struct {
	key object.Key
	lineage
	old, new *entry

	kinds []schema.GroupKind
	state bool // news about kinds or the connection, not an event
}

// outbox carries changes from under the index lock to the callbacks, in order, in one goroutine. It is unbounded, and
// therefore the callbacks must not block.
type outbox struct {
	mu     sync.Mutex
	open   bool // false during the first fill: who waits for Synced reads the whole index afterwards
	queue  []change
	signal chan struct{}
}

func newOutbox() *outbox { return &outbox{signal: make(chan struct{}, 1)} }

func (o *outbox) add(c change) {
	o.mu.Lock()
	if o.open || c.state {
		o.queue = append(o.queue, c)
	}
	o.mu.Unlock()
	select {
	case o.signal <- struct{}{}:
	default:
	}
}

func (o *outbox) start() {
	o.mu.Lock()
	o.open = true
	o.mu.Unlock()
}

// run delivers until ctx ends.
func (o *outbox) run(ctx context.Context, event func(Event), kinds func([]schema.GroupKind)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.signal:
		}
		o.mu.Lock()
		queue := o.queue
		o.queue = nil
		o.mu.Unlock()
		for _, c := range queue {
			if ctx.Err() != nil {
				return
			}
			switch {
			case c.state && kinds != nil:
				kinds(c.kinds)
			case !c.state && event != nil:
				event(Event{Key: c.key, Instances: c.instances, Root: c.root, Old: c.old.object(), New: c.new.object()})
			}
		}
	}
}
