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
	poll bool                // it is time to ask Git, whoever pushed or did not
	owed bool                // what the last look found is still to be written
	news bool                // something that a failed sync may have lacked has changed: try again at once
	git  time.Time           // what is known of its repositories must be newer than this
	live map[object.Key]bool // these live objects changed
}

func (c *cause) add(o cause) {
	c.spec = c.spec || o.spec
	c.hard = c.hard || o.hard
	c.poll = c.poll || o.poll
	c.owed = c.owed || o.owed
	c.news = c.news || o.news
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
	berths                                  // where those in work go
	mine    func(types.NamespacedName) bool // whether this replica looks at the application; others need not wait here
	mu      sync.Mutex
	ready   *sync.Cond
	lanes   [2]line
	waiting map[types.NamespacedName]*wish // queued, or to be queued when its worker is done
	queued  map[types.NamespacedName]lane
	working map[types.NamespacedName]lane
	calm    int // how many workers may be in the relaxed lane at once
	relaxed int // how many are
	timers  map[slot]*timer
	closed  bool
}

// wish is why an application waits, and how urgently.
type wish struct {
	cause
	lane
	place string
	since time.Time // it waits, through all that was added
}

// slot is a place for one timer. Asking Git has its own: united with a short wait, it would ask at every one of them.
type slot struct {
	name types.NamespacedName
	git  bool
}

type timer struct {
	*time.Timer
	at time.Time
	cause
}

func newQueue() *queue {
	q := &queue{berths: newBerths(), mine: func(types.NamespacedName) bool { return true }, waiting: map[types.NamespacedName]*wish{}, queued: map[types.NamespacedName]lane{}, working: map[types.NamespacedName]lane{}, timers: map[slot]*timer{}, calm: 1}
	q.ready = sync.NewCond(&q.mu)
	return q
}

// add asks for a look at the application.
func (q *queue) add(name types.NamespacedName, l lane, c cause) {
	if !q.mine(name) {
		return
	}
	place := q.place(name) // before the lock: it asks others
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	w := q.waiting[name]
	if w == nil {
		w = &wish{lane: l, since: time.Now()}
		q.waiting[name] = w
	}
	w.add(c)
	w.lane, w.place = min(w.lane, l), place
	if _, busy := q.working[name]; !busy { // otherwise done() queues it again
		q.enqueue(name, w)
	}
}

// enqueue puts the application into the lane; an entry left in the relaxed lane is skipped when its turn comes.
func (q *queue) enqueue(name types.NamespacedName, w *wish) {
	l := w.lane
	if at, ok := q.queued[name]; ok && at <= l {
		return
	}
	q.queued[name] = l
	q.known(w.place)
	q.lanes[l].add(w.place, name)
	q.ready.Signal()
}

// addAfter asks for a look later; of several requests for one application the earliest stays, causes united. Requests
// that ask Git and those that do not are kept apart.
func (q *queue) addAfter(name types.NamespacedName, d time.Duration, c cause) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := time.Now().Add(d)
	if q.closed {
		return
	}
	place := slot{name, !c.git.IsZero()}
	if t := q.timers[place]; t != nil {
		t.Stop()
		c.add(t.cause)
		if t.at.Before(at) {
			at = t.at
		}
	}
	t := &timer{at: at, cause: c}
	t.Timer = time.AfterFunc(time.Until(at), func() {
		q.mu.Lock()
		current := q.timers[place] == t
		if current {
			delete(q.timers, place)
		}
		q.mu.Unlock()
		if current {
			q.add(name, urgent, t.cause)
		}
	})
	q.timers[place] = t
}

// next blocks until an application wants a look; ok is false when the queue is closed.
func (q *queue) next() (name types.NamespacedName, c cause, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		now := time.Now()
		for l := range q.lanes {
			for lane(l) == urgent || q.relaxed < q.calm {
				place, found := "", false
				if place, name, found = q.lanes[l].take(func(place string) bool { return q.free(place, now) }); !found {
					break
				}
				if at, wanted := q.queued[name]; !wanted || at != lane(l) {
					continue // it went ahead in another lane
				}
				delete(q.queued, name)
				c = q.waiting[name].cause
				delete(q.waiting, name)
				q.working[name] = lane(l)
				q.land(place, name, now)
				if lane(l) == relaxed {
					q.relaxed++
				}
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
	if q.working[name] == relaxed {
		q.relaxed--
	}
	q.leave(name)
	q.ready.Signal() // its lane, or where it went, has room again
	delete(q.working, name)
	if w := q.waiting[name]; w != nil && !q.closed {
		q.enqueue(name, w)
	}
}

// forget drops the timers of an application that is gone.
func (q *queue) forget(name types.NamespacedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, place := range []slot{{name, false}, {name, true}} {
		if t := q.timers[place]; t != nil {
			t.Stop()
			delete(q.timers, place)
		}
	}
}

// length is the number of applications that wait.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.queued)
}

// open lets a queue that was closed work again: a replica that lost the lead may get it back.
func (q *queue) open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = false
}

// run works the queue with n workers until ctx ends. Only a few of them go into the relaxed lane, so that a flood of
// status writes leaves the API server, and workers, to what is urgent.
func (q *queue) run(ctx context.Context, n int, work func(context.Context, types.NamespacedName, cause)) {
	q.mu.Lock()
	q.calm, q.most = max(1, n/4), n-max(1, n/4)
	q.mu.Unlock()
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
