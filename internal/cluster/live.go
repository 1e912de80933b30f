package cluster

import (
	"slices"
	"sync"

	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// index is the live state: what every watched object was at its newest known version, found by key, by application
// instance and by owner. Entries are made before the lock is taken and read after it is given back, so that under it
// there is only map work.
type index struct {
	mu         sync.RWMutex
	kinds      map[schema.GroupKind]map[name]*node
	byUID      map[types.UID]*node
	byInstance map[string]map[object.Key]*node
	children   map[types.UID]map[*node]struct{} // by the UID that their owner references name, whether we know it or not
	scopes     map[scope]*source
	out        *outbox
	pins       *pins // of objects that are here, or asked for; nil: none
}

// name is an object's place within its kind.
type name struct{ namespace, name string }

// node is an object through its versions.
type node struct {
	cur *entry
	// last is the lineage found when it was last whole: when an owner goes before what it owned, the index no longer
	// knows the way up, but the application still wants to hear that its pods are leaving.
	last lineage
}

// scope is what one watch covers: a kind, everywhere or in one namespace.
type scope struct {
	gk        schema.GroupKind
	namespace string // empty: everywhere
}

// source is the watch that speaks for a scope, and how far it has come.
type source struct {
	stream *stream
	rv     string
}

// chunk is how many objects of a list go in under one lock: readers wait for about a tenth of a millisecond.
const chunk = 128

func newIndex(out *outbox) *index {
	return &index{
		kinds: map[schema.GroupKind]map[name]*node{}, byUID: map[types.UID]*node{}, byInstance: map[string]map[object.Key]*node{},
		children: map[types.UID]map[*node]struct{}{}, scopes: map[scope]*source{}, out: out,
	}
}

// live returns the objects marked for instance that are known in full.
func (x *index) live(instance string) map[object.Key]*object.Object {
	x.mu.RLock()
	defer x.mu.RUnlock()
	nodes := x.byInstance[instance]
	objects := make(map[object.Key]*object.Object, len(nodes))
	for key, n := range nodes {
		if n.cur.full != nil {
			objects[key] = n.cur.full
		}
	}
	return objects
}

func (x *index) get(key object.Key) *entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if n := x.node(key); n != nil {
		return n.cur
	}
	return nil
}

func (x *index) node(key object.Key) *node {
	return x.kinds[key.GroupKind()][name{key.Namespace, key.Name}]
}

// each calls f with every entry of gk, under the read lock.
func (x *index) each(gk schema.GroupKind, f func(*entry)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, n := range x.kinds[gk] {
		f(n.cur)
	}
}

// put takes the version of an object that s saw. partial says that the entry is wanted whole but known
// only by its metadata: its kind must be watched whole.
func (x *index) put(s *stream, e *entry) (partial bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	src := x.scopes[s.scope]
	if src == nil || src.stream != s {
		return false // another watch speaks for the scope by now
	}
	src.rv = e.rv
	x.set(e, false)
	return e.whole && e.full == nil
}

// remove takes the news that s saw the object deleted.
func (x *index) remove(s *stream, e *entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	src := x.scopes[s.scope]
	if src == nil || src.stream != s {
		return
	}
	src.rv = e.rv
	if n := x.node(e.key); n != nil && (n.cur.uid == e.uid || !newer(n.cur.rv, e.rv)) {
		x.unset(n)
	}
}

// bookmark notes how far s has come without news.
func (x *index) bookmark(s *stream, rv string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if src := x.scopes[s.scope]; src != nil && src.stream == s {
		src.rv = rv
	}
}

// replace takes a complete list of the scope, as of rv, and makes s its only speaker. Only what differs from the
// index is an event. What the list lacks is gone, unless it was made after the list (by a write of ours).
func (x *index) replace(s *stream, list []*entry, rv string) (partial bool) {
	x.mu.Lock()
	if s.retired {
		x.mu.Unlock()
		return false
	}
	x.scopes[s.scope] = &source{stream: s, rv: rv}
	x.mu.Unlock()

	listed := make(map[name]struct{}, len(list))
	for part := range slices.Chunk(list, chunk) {
		x.mu.Lock()
		if s.retired {
			x.mu.Unlock()
			return false
		}
		for _, e := range part {
			listed[name{e.key.Namespace, e.key.Name}] = struct{}{}
			partial = partial || e.whole && e.full == nil
			x.set(e, true) // what is newer than the list comes again on the watch that begins where the list ends
		}
		x.mu.Unlock()
	}

	var gone []*entry
	x.each(s.gk, func(e *entry) {
		if _, ok := listed[name{e.key.Namespace, e.key.Name}]; !ok && (s.namespace == "" || s.namespace == e.key.Namespace) {
			gone = append(gone, e)
		}
	})
	for part := range slices.Chunk(gone, chunk) {
		x.mu.Lock()
		for _, e := range part {
			if s.retired {
				break
			}
			if n := x.node(e.key); n != nil && n.cur.uid == e.uid && !newer(n.cur.rv, rv) {
				x.unset(n)
			}
		}
		x.mu.Unlock()
	}
	return partial
}

// seen returns how far the watch of the scope has come; empty: nobody watches it.
func (x *index) seen(sc scope) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if src := x.scopes[sc]; src != nil {
		return src.rv
	}
	return ""
}

// feed takes the server's answer to a write of ours, so that the next comparison sees it without waiting for the
// watch. An object that the index lacks although the watch has passed that version is gone again already.
func (x *index) feed(e *entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	src := x.scopes[scope{e.key.GroupKind(), ""}]
	if src == nil {
		src = x.scopes[scope{e.key.GroupKind(), e.key.Namespace}]
	}
	n := x.node(e.key)
	if src == nil || n == nil && !newer(e.rv, src.rv) {
		return
	}
	// Where only the metadata is known of what must be whole, a list is under way that brings whatever is newer.
	x.set(e, n != nil && n.cur.whole && n.cur.full == nil)
}

// retire bars s from speaking: it has been stopped, but may still be at work on a list.
func (x *index) retire(s *stream) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s.retired = true
}

// drop forgets a scope: nobody watches it any more. That is no claim that its objects are gone, so there are no events.
func (x *index) drop(sc scope) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.scopes, sc)
	for _, n := range x.kinds[sc.gk] {
		if sc.namespace == "" || sc.namespace == n.cur.key.Namespace {
			x.unlink(n)
		}
	}
}

// retrack reads the marks of all entries anew; it returns the kinds in which something is now tracked that is only
// known by its metadata.
func (x *index) retrack(owner func(*entry) string) []schema.GroupKind {
	x.mu.Lock()
	defer x.mu.Unlock()
	var partial []schema.GroupKind
	for gk, nodes := range x.kinds {
		short := false
		for _, n := range nodes {
			e := *n.cur
			if e.instance = owner(&e); e.instance != n.cur.instance {
				e.whole = e.instance != ""
				x.unindex(n)
				n.cur = &e
				x.reindex(n)
			}
			short = short || n.cur.whole && n.cur.full == nil
		}
		if short {
			partial = append(partial, gk)
		}
	}
	return partial
}

// set makes e the current version of its object, unless a newer one is known. With fill, an older one that is whole
// replaces a newer one of which we have only the metadata. Under the write lock.
func (x *index) set(e *entry, fill bool) {
	n := x.node(e.key)
	if n == nil {
		n = &node{cur: e}
		gk := e.key.GroupKind()
		if x.kinds[gk] == nil {
			x.kinds[gk] = map[name]*node{}
		}
		x.kinds[gk][name{e.key.Namespace, e.key.Name}] = n
		x.link(n)
		x.reindex(n)
		x.tell(n, nil, e)
		return
	}
	old := n.cur
	richer := old.full == nil && e.full != nil
	same := old.rv == e.rv && old.uid == e.uid
	if same && !richer || newer(old.rv, e.rv) && !(richer && fill) {
		return
	}
	if old.uid == e.uid && old.full != nil && e.full != nil {
		inherit(e.full, old.full)
	}
	if old.uid == e.uid && old.full != nil && e.full == nil && e.whole {
		return // wanted whole, but its kind is not watched whole yet: the list under way brings this version, whole
	}
	x.unindex(n)
	if old.uid != e.uid || !sameOwners(old.owners, e.owners) {
		x.unlinkOwners(n)
		n.cur = e
		x.link(n)
	}
	n.cur = e
	x.reindex(n)
	x.tell(n, old, e)
}

func (x *index) unset(n *node) {
	old := n.cur
	before := x.climb(n)
	x.unlink(n)
	x.out.add(change{key: old.key, lineage: before.join(n.last), old: old})
}

func (x *index) unlink(n *node) {
	x.unindex(n)
	x.unlinkOwners(n)
	x.pins.drop(n.cur.key)
	gk := n.cur.key.GroupKind()
	delete(x.kinds[gk], name{n.cur.key.Namespace, n.cur.key.Name})
	if len(x.kinds[gk]) == 0 {
		delete(x.kinds, gk)
	}
}

// link and unlinkOwners keep the ways by UID, which hardly ever change; reindex and unindex that by instance.
func (x *index) link(n *node) {
	x.byUID[n.cur.uid] = n
	for _, o := range n.cur.owners {
		if x.children[o.UID] == nil {
			x.children[o.UID] = map[*node]struct{}{}
		}
		x.children[o.UID][n] = struct{}{}
	}
}

func (x *index) unlinkOwners(n *node) {
	if x.byUID[n.cur.uid] == n {
		delete(x.byUID, n.cur.uid)
	}
	for _, o := range n.cur.owners {
		if delete(x.children[o.UID], n); len(x.children[o.UID]) == 0 {
			delete(x.children, o.UID)
		}
	}
}

func (x *index) reindex(n *node) {
	if i := n.cur.instance; i != "" {
		if x.byInstance[i] == nil {
			x.byInstance[i] = map[object.Key]*node{}
		}
		x.byInstance[i][n.cur.key] = n
	}
}

func (x *index) unindex(n *node) {
	if i := n.cur.instance; i != "" {
		if delete(x.byInstance[i], n.cur.key); len(x.byInstance[i]) == 0 {
			delete(x.byInstance, i)
		}
	}
}

// tell queues the event of n's change, with the applications that it concerned before and concerns now.
func (x *index) tell(n *node, old, e *entry) {
	before := n.last
	if old != nil && old.instance != "" {
		before = before.join(lineage{instances: []string{old.instance}, root: old.key})
	}
	now := x.climb(n)
	n.last = now
	x.out.add(change{key: e.key, lineage: now.join(before), old: old, new: e})
}

// newer reports whether resource version a is later than b. Versions that are no numbers (an aggregated API may use
// any) cannot be compared: then whatever came last counts.
func newer(a, b string) bool {
	c, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && c > 0
}

func sameOwners(a, b []metav1.OwnerReference) bool {
	return slices.EqualFunc(a, b, func(a, b metav1.OwnerReference) bool { return a.UID == b.UID })
}
