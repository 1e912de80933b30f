package catalog

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// EventType says what happened to a record, in the words of Kubernetes' watches.
type EventType string

// The types of events.
const (
	Added    EventType = "ADDED"
	Modified EventType = "MODIFIED"
	Deleted  EventType = "DELETED"
)

// WatchEvent is one change of a record. What was deleted is the record as it was last, with the resourceVersion of its
// deletion.
type WatchEvent[T any] struct {
	Type   EventType
	Object T
	Err    error // why the record cannot be understood; Object is then what of it can be read
}

// ledger is the records of one kind in the order of their last changes, and what was deleted lately.
//
// There is one list for everybody: a watcher is a place in it. So a change costs the same for one watcher as for two
// hundred, a watcher that is slow costs no memory, and one that comes back finds every record that changed meanwhile
// once, as it is now. Values in it are immutable.
type ledger[T metav1.Object] struct {
	mu     sync.RWMutex
	live   map[types.NamespacedName]*entry[T]
	graves map[types.NamespacedName]*entry[T]
	head   entry[T]      // before the first and after the last: the list is a ring, the oldest change first
	seq    uint64        // of the last change
	wake   chan struct{} // closed at the next change
	shut   bool

	forgotten uint64                        // seq of the newest grave that was given up
	watchers  map[*Watcher[T]]bool          // for whom graves are kept
	sorted    []T                           // by namespace and name: those that can be understood; shared, never changed
	dirty     map[types.NamespacedName]bool // what sorted does not know yet
}

// entry is one record, or one that is gone.
type entry[T any] struct {
	key        types.NamespacedName
	object     T
	err        error
	gone       bool
	buried     time.Time // when it was seen to be gone
	born, seq  uint64    // of the change that made it, and of the last one
	from       string    // resourceVersion at which it was first seen
	prev, next *entry[T]
}

// Bounds of what is remembered of the deleted. A watcher that was away for more than maxGraves deletions cannot be told
// of all of them, and its watch ends.
const (
	keptGraves = 1_000
	maxGraves  = 50_000
)

func newLedger[T metav1.Object]() *ledger[T] {
	l := &ledger[T]{
		live: map[types.NamespacedName]*entry[T]{}, graves: map[types.NamespacedName]*entry[T]{},
		wake: make(chan struct{}), watchers: map[*Watcher[T]]bool{}, dirty: map[types.NamespacedName]bool{},
	}
	l.head.prev, l.head.next = &l.head, &l.head
	return l
}

// put takes in a record as it is now. Another one of its name, with another UID, is gone: dead makes its last value.
func (l *ledger[T]) put(object T, err error, dead func(T, string) T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := nameOf(object)
	e := l.live[key]
	if e != nil && e.object.GetUID() != object.GetUID() {
		l.bury(e, dead(e.object, object.GetResourceVersion()))
		e = nil
	}
	l.seq++
	if e == nil {
		e = &entry[T]{key: key, born: l.seq, from: object.GetResourceVersion()}
		l.live[key] = e
	} else {
		e.unlink()
	}
	e.object, e.err = object, err
	l.append(e)
}

// remove takes out the record of that name; dead makes its last value.
func (l *ledger[T]) remove(key types.NamespacedName, dead func(T) T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.live[key]; e != nil {
		l.bury(e, dead(e.object))
	}
}

// bury moves a record to the deleted. l.mu is held.
func (l *ledger[T]) bury(e *entry[T], last T) {
	delete(l.live, e.key)
	e.unlink()
	if older := l.graves[e.key]; older != nil {
		older.unlink() // who missed both is told of the last: by name they are one
	}
	l.graves[e.key] = e
	l.seq++
	e.object, e.gone, e.buried = last, true, time.Now()
	l.append(e)
	l.forget()
}

// grave returns the last value of a record that is gone, and when that was seen.
func (l *ledger[T]) grave(key types.NamespacedName) (last T, at time.Time, ok bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e := l.graves[key]
	if e == nil || l.live[key] != nil {
		return last, at, false
	}
	return e.object, e.buried, true
}

// append puts an entry at the end and wakes the watchers. l.mu is held.
func (l *ledger[T]) append(e *entry[T]) {
	e.seq = l.seq
	e.prev, e.next = l.head.prev, &l.head
	e.prev.next, e.next.prev = e, e
	l.dirty[e.key] = true
	close(l.wake)
	l.wake = make(chan struct{})
}

func (e *entry[T]) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

// forget gives graves up that nobody needs, and those that are too many. l.mu is held.
func (l *ledger[T]) forget() {
	if len(l.graves) <= keptGraves {
		return
	}
	reached := l.seq
	for w := range l.watchers {
		reached = min(reached, w.at.Load())
	}
	for e := l.head.next; e != &l.head && len(l.graves) > keptGraves; {
		next := e.next
		if e.gone {
			if e.seq > reached && len(l.graves) <= maxGraves {
				return
			}
			e.unlink()
			delete(l.graves, e.key)
			l.forgotten = e.seq
		}
		e = next
	}
}

// keys names the records there are.
func (l *ledger[T]) keys() []types.NamespacedName {
	l.mu.RLock()
	defer l.mu.RUnlock()
	keys := make([]types.NamespacedName, 0, len(l.live))
	for key := range l.live {
		keys = append(keys, key)
	}
	return keys
}

// close ends all watches.
func (l *ledger[T]) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.shut {
		l.shut = true
		close(l.wake)
	}
}

// list returns the records that can be understood, by namespace and name. The slice is shared.
func (l *ledger[T]) list() []T {
	l.mu.RLock()
	sorted, current := l.sorted, len(l.dirty) == 0
	l.mu.RUnlock()
	if current {
		return sorted
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sort()
	return l.sorted
}

// sort makes sorted anew, by putting what has changed in its place. l.mu is held.
func (l *ledger[T]) sort() {
	changed := make([]types.NamespacedName, 0, len(l.dirty))
	for key := range l.dirty {
		changed = append(changed, key)
	}
	slices.SortFunc(changed, compareNames)
	list := make([]T, 0, len(l.live))
	rest := l.sorted
	for _, key := range changed {
		at, had := slices.BinarySearchFunc(rest, key, func(o T, key types.NamespacedName) int { return compareNames(nameOf(o), key) })
		list = append(list, rest[:at]...)
		rest = rest[at:]
		if had {
			rest = rest[1:]
		}
		if e := l.live[key]; e != nil && e.err == nil {
			list = append(list, e.object)
		}
	}
	l.sorted = append(list, rest...)
	clear(l.dirty)
}

func compareNames(a, b types.NamespacedName) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// Watcher tells one reader of changes. Its methods are for one goroutine at a time.
type Watcher[T metav1.Object] struct {
	ledger *ledger[T]
	first  []WatchEvent[T] // what Next returns first
	at     atomic.Uint64   // the reader knows everything up to this change
}

// watch starts at version; with an empty one, every record is told as new first.
func (l *ledger[T]) watch(version string) *Watcher[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &Watcher[T]{ledger: l}
	w.at.Store(l.seq)
	l.watchers[w] = true
	if version == "" {
		l.sort()
		w.first = make([]WatchEvent[T], 0, len(l.live))
		for _, object := range l.sorted {
			w.first = append(w.first, WatchEvent[T]{Added, object, nil})
		}
		if len(l.sorted) == len(l.live) {
			return w
		}
		for _, e := range l.live {
			if e.err != nil {
				w.first = append(w.first, WatchEvent[T]{Added, e.object, e.err})
			}
		}
		slices.SortFunc(w.first, func(a, b WatchEvent[T]) int { return compareNames(nameOf(a.Object), nameOf(b.Object)) })
		return w
	}
	// all of them: what we wrote ourselves stands before what the watch has told since, and can be newer
	for e := l.head.next; e != &l.head; e = e.next {
		if after(e.object.GetResourceVersion(), version) {
			w.first = append(w.first, WatchEvent[T]{e.change(after(e.from, version)), e.object, e.err})
		}
	}
	return w
}

func (e *entry[T]) change(isNew bool) EventType {
	switch {
	case e.gone:
		return Deleted
	case isNew:
		return Added
	}
	return Modified
}

// after reports whether resource version a is newer than b; those that cannot be compared are taken for newer: to be
// told twice does no harm.
func after(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err != nil || order > 0
}

// Next waits until there are changes and returns them, in order. A record that changed several times since the last
// call is in it once, as it is now; one that was deleted and made anew, twice. The slice is the caller's; the objects
// are shared.
//
// The error is ctx's; or Unavailable when the catalog has been closed; or Limit when the reader was so slow that
// deletions are forgotten: it must start anew.
func (w *Watcher[T]) Next(ctx context.Context) ([]WatchEvent[T], error) {
	if first := w.first; len(first) > 0 {
		w.first = nil
		return first, nil
	}
	for {
		events, wake, err := w.since()
		if err != nil || len(events) > 0 {
			return events, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// since returns the changes that the reader does not know, or what is closed when there are some.
func (w *Watcher[T]) since() ([]WatchEvent[T], <-chan struct{}, error) {
	l := w.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	at := w.at.Load()
	switch {
	case l.shut:
		return nil, nil, problem.New(problem.Unavailable, "the server is stopping")
	case l.forgotten > at:
		return nil, nil, problem.New(problem.Limit, "the reader is too slow: more than %d deletions behind", maxGraves)
	case l.seq == at:
		return nil, l.wake, nil
	}
	e, count := &l.head, 0
	for e.prev != &l.head && e.prev.seq > at {
		e = e.prev
		count++
	}
	events := make([]WatchEvent[T], 0, count)
	for ; e != &l.head; e = e.next {
		events = append(events, WatchEvent[T]{e.change(e.born > at), e.object, e.err})
	}
	w.at.Store(l.seq)
	return events, l.wake, nil
}

// Close gives the place up.
func (w *Watcher[T]) Close() {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	delete(w.ledger.watchers, w)
}
