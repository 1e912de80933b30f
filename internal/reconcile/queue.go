package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/types"
)

// cause is why an application is looked at. Causes that arrive while it waits or is being worked on are united, so
// that a storm of events costs one look.
type cause struct {
	spec bool                // the application, its project or the settings changed: compare everything again
	hard bool                // drop what is cached of its source, too
	git  time.Time           // what is known of its repositories must be newer than this
	live map[object.Key]bool // these live objects changed
}

func (c *cause) add(o cause) {
	c.spec = c.spec || o.spec
	c.hard = c.hard || o.hard
	if o.git.After(c.git) {
		c.git = o.git
	}
	for k := range o.live {
		if c.live == nil {
			c.live = map[object.Key]bool{}
		}
		c.live[k] = true
	}
}

// lane orders the waiting: what changes a cluster goes before what only writes a status.
type lane int

const (
	urgent lane = iota
	relaxed
)

// queue holds the applications that want a look. One application is never handed to two workers at once.
type queue struct {
	mu      sync.Mutex
	ready   *sync.Cond
	lanes   [2][]types.NamespacedName
	waiting map[types.NamespacedName]*cause // queued, or to be queued when its worker is done
	queued  map[types.NamespacedName]lane
	working map[types.NamespacedName]bool
	timers  map[types.NamespacedName]*timer
	closed  bool
}

type timer struct {
	*time.Timer
	at time.Time
	cause
}

func newQueue() *queue {
	q := &queue{waiting: map[types.NamespacedName]*cause{}, queued: map[types.NamespacedName]lane{}, working: map[types.NamespacedName]bool{}, timers: map[types.NamespacedName]*timer{}}
	q.ready = sync.NewCond(&q.mu)
	return q
}

// add asks for a look at the application.
func (q *queue) add(name types.NamespacedName, l lane, c cause) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if w := q.waiting[name]; w != nil {
		w.add(c)
	} else {
		n := cause{}
		n.add(c)
		q.waiting[name] = &n
	}
	if q.working[name] {
		return // done() queues it again
	}
	if at, ok := q.queued[name]; ok && at <= l {
		return
	}
	q.queued[name] = l // an entry left in the relaxed lane is skipped when its turn comes
	q.lanes[l] = append(q.lanes[l], name)
	q.ready.Signal()
}

// addAfter asks for a look later; of several requests for one application the earliest stays, causes united.
func (q *queue) addAfter(name types.NamespacedName, d time.Duration, c cause) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := time.Now().Add(d)
	if q.closed {
		return
	}
	if t := q.timers[name]; t != nil {
		t.Stop()
		c.add(t.cause)
		if t.at.Before(at) {
			at = t.at
		}
	}
	t := &timer{at: at, cause: c}
	t.Timer = time.AfterFunc(time.Until(at), func() {
		q.mu.Lock()
		current := q.timers[name] == t
		if current {
			delete(q.timers, name)
		}
		q.mu.Unlock()
		if current {
			q.add(name, urgent, t.cause)
		}
	})
	q.timers[name] = t
}

// next blocks until an application wants a look; ok is false when the queue is closed.
func (q *queue) next() (name types.NamespacedName, c cause, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for l := range q.lanes {
			for len(q.lanes[l]) > 0 {
				name, q.lanes[l] = q.lanes[l][0], q.lanes[l][1:]
				if at, wanted := q.queued[name]; !wanted || at != lane(l) {
					continue // it went ahead in another lane
				}
				delete(q.queued, name)
				c = *q.waiting[name]
				delete(q.waiting, name)
				q.working[name] = true
				return name, c, true
			}
		}
		if q.closed {
			return name, c, false
		}
		q.ready.Wait()
	}
}

// done says that the look is over; what arrived meanwhile is queued.
func (q *queue) done(name types.NamespacedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.working, name)
	if q.waiting[name] != nil && !q.closed {
		q.queued[name] = urgent
		q.lanes[urgent] = append(q.lanes[urgent], name)
		q.ready.Signal()
	}
}

// forget drops the timer of an application that is gone.
func (q *queue) forget(name types.NamespacedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t := q.timers[name]; t != nil {
		t.Stop()
		delete(q.timers, name)
	}
}

// length is the number of applications that wait.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.queued)
}

// run works the queue with n workers until ctx ends.
func (q *queue) run(ctx context.Context, n int, work func(context.Context, types.NamespacedName, cause)) {
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.closed = true
		for _, t := range q.timers {
			t.Stop()
		}
		q.ready.Broadcast()
	})
	defer stop()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for {
				name, c, ok := q.next()
				if !ok {
					return
				}
				work(ctx, name, c)
				q.done(name)
			}
		})
	}
	wg.Wait()
}
