package cluster

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Event is what became of one live object since the event of it before. Changes that come faster than they are taken
// are told as one: then Old is what it was before the first, New what it is after the last. One that was deleted and
// made anew meanwhile has an Old and a New with different UIDs; one that came and went has an Old and no New.
type Event struct {
	Key       object.Key
	Instances []string       // application instances that own it or owned it before, by its own mark or through its owners; shared: read only
	Root      object.Key     // the tracked object it belongs to (itself, or the nearest tracked owner); zero if none
	Old, New  *object.Object // masked; nil before creation and after deletion; metadata only when neither tracked nor of an explained kind
}

// change is an event before anybody needs it as objects.
type change struct {
	key object.Key
	lineage
	old, new *entry
}

// outbox carries changes from under the index lock to the callbacks, in one goroutine. However slow the callbacks are, it
// holds at most one change of each object, which those that follow join, and one piece of news about kinds: its length is
// bounded by what there is to tell of, and nothing is lost but what was true in between. Who waits longest is told first.
type outbox struct {
	mu      sync.Mutex
	open    bool // false during the first fill: who waits for Synced reads the whole index afterwards
	queue   []object.Key
	waiting map[object.Key]*waiting
	news    *news
	peak    int    // the most that ever waited in this map
	joined  uint64 // changes that were told with one before them
	signal  chan struct{}
}

// roomKept is how many may have waited before the memory of that is given back.
const roomKept = 1024

// waiting is a change since when somebody should be told of it.
type waiting struct {
	change
	since time.Time
}

// news is that kinds are served or can be read other than before. It takes turns with the changes that wait: who hears of
// either asks the index, which knows both already, so their order says nothing.
type news struct {
	any   bool // it may concern all
	kinds map[schema.GroupKind]bool
}

func newOutbox() *outbox {
	return &outbox{waiting: map[object.Key]*waiting{}, signal: make(chan struct{}, 1)}
}

// add takes a change of an object. It never blocks.
func (o *outbox) add(c change) {
	o.mu.Lock()
	if o.open {
		if w := o.waiting[c.key]; w != nil {
			w.join(c)
			o.joined++
		} else {
			o.waiting[c.key] = &waiting{c, time.Now()}
			o.queue = append(o.queue, c.key)
			o.peak = max(o.peak, len(o.queue))
		}
	}
	o.mu.Unlock()
	o.ring()
}

// join makes of two changes of one object, of which c is the later, one.
func (w *waiting) join(c change) {
	w.lineage = c.lineage.join(w.lineage)
	if w.old == nil && c.new == nil {
		w.old = c.old // it came and went while we waited: the event says what it was
	}
	w.new = c.new
}

// tell takes news about kinds; none means that it may concern all. It never blocks.
func (o *outbox) tell(kinds ...schema.GroupKind) {
	o.mu.Lock()
	if o.news == nil {
		o.news = &news{kinds: map[schema.GroupKind]bool{}}
	}
	o.news.any = o.news.any || len(kinds) == 0
	for _, gk := range kinds {
		o.news.kinds[gk] = true
	}
	o.mu.Unlock()
	o.ring()
}

func (o *outbox) ring() {
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
		for ctx.Err() == nil {
			n, c := o.take()
			if n == nil && c == nil {
				break
			}
			if n != nil && kinds != nil {
				n.deliver(kinds)
			}
			if c != nil && event != nil {
				event(Event{Key: c.key, Instances: c.instances, Root: c.root, Old: c.old.object(), New: c.new.object()})
			}
		}
	}
}

// take takes out what is to be told next: all news about kinds, and the change that waits longest. What comes for the same
// object from now on waits anew.
func (o *outbox) take() (n *news, c *change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, o.news = o.news, nil
	if len(o.queue) == 0 {
		return n, nil
	}
	key := o.queue[0]
	o.queue = o.queue[1:]
	c = &o.waiting[key].change
	delete(o.waiting, key)
	if len(o.queue) == 0 {
		o.queue = nil
		if o.peak > roomKept { // a map never shrinks
			o.waiting, o.peak = map[object.Key]*waiting{}, 0
		}
	}
	return n, c
}

func (n *news) deliver(kinds func([]schema.GroupKind)) {
	if len(n.kinds) > 0 {
		kinds(slices.SortedFunc(maps.Keys(n.kinds), func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) }))
	}
	if n.any {
		kinds(nil)
	}
}

// use returns how many changes wait, since when the oldest does (zero when none does), and how many ever joined another.
func (o *outbox) use() (waiting int, since time.Time, joined uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) > 0 {
		since = o.waiting[o.queue[0]].since
	}
	return len(o.queue), since, o.joined
}
