package render

import (
	"container/list"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/source"
)

// perKey is how many results of one spec are kept: branches that take turns, a revert, two clusters' facts.
const perKey = 4

// entry is a remembered render: what came out and all that it depended on. It never changes, but for roots.
type entry struct {
	key    string
	kind   v1alpha1.ApplicationSourceType
	items  []object.Item
	digest string
	facts  map[string]string
	files
	size int64

	until time.Time // when it is no longer believed; zero is never

	mu    sync.Mutex
	roots []string // trees for which it is known to hold, the newest last
}

// files are what a render has read.
type files struct {
	path   string                  // of the application, in the request's own tree
	traces map[string]source.Trace // by ref; "" is the request's own tree
	// folder is the hash of the application's whole folder: while it is the same, only the reads outside need a look.
	folder  source.Hash
	outside source.Trace
}

// hold reports whether they are the same in other trees: tree returns that of a ref, nil when there is none.
func (f files) hold(tree func(ref string) source.Tree) bool {
	for name, trace := range f.traces {
		in := tree(name)
		if in == nil {
			return false
		}
		if name == "" && f.folder != "" {
			// Through a view of its own: a look that only compares must not become part of what the result depended on.
			if e, err := source.NewFS(in, 0).Stat(f.path); err == nil && e.Hash == f.folder {
				trace = f.outside
			}
		}
		// A tree that cannot be read is no answer here; the render that follows will say so with more to tell.
		if same, err := trace.Holds(in); err != nil || !same {
			return false
		}
	}
	return true
}

// entry collects what j has recorded into something to remember.
func (j *job) entry(kind v1alpha1.ApplicationSourceType, items []object.Item) *entry {
	e := &entry{
		key: j.key, kind: kind, items: items, digest: digest(items), facts: j.facts.seen(),
		files: files{path: j.path, traces: map[string]source.Trace{"": j.fs.Trace()}},
	}
	for name, fs := range j.refs {
		e.traces[name] = fs.Trace()
	}
	if real, err := j.fs.Resolve(j.path); err == nil {
		if f, err := j.fs.Stat(real); err == nil {
			e.folder = f.Hash
			for _, r := range e.traces[""] {
				if real != "." && r.Path != real && !strings.HasPrefix(r.Path, real+"/") {
					e.outside = append(e.outside, r)
				}
			}
		}
	}
	if kind == v1alpha1.SourceTypePlugin && j.opts.Clock != nil {
		e.until = j.opts.now().Add(pluginAge)
	}
	e.roots = []string{j.roots(e)}
	e.size = sizeOf(e)
	return e
}

// roots names the trees that matter for e: those it has traces of, or all that the request has.
func (j *job) roots(e *entry) string {
	all := map[string]source.Hash{"": j.req.Tree.Root()}
	for name, ref := range j.req.Refs {
		if e == nil || e.traces[name] != nil {
			all[name] = ref.Tree.Root()
		}
	}
	return object.Hash(all)
}

// holdsFor reports whether rendering j would give e again.
func (e *entry) holdsFor(j *job) bool {
	if !e.until.IsZero() && j.opts.now().After(e.until) {
		return false
	}
	for name := range e.facts {
		if short(j.facts.value(name)) != e.facts[name] {
			return false
		}
	}
	roots := j.roots(e)
	if e.knows(roots) {
		return true
	}
	if !e.hold(j.tree) {
		return false
	}
	e.learn(roots)
	return true
}

// Basis is the files that a render was made of, besides the rest of the request.
type Basis struct {
	files // and not the entry, which it would keep alive
	intro source.Trace
}

func (j *job) basis(e *entry) *Basis {
	if _, named := e.facts[factRevision]; named || e.kind == v1alpha1.SourceTypePlugin {
		return nil
	}
	return &Basis{e.files, j.intro}
}

// Holds reports whether the files of another commit render to the same, all else being equal; refs are the trees of the
// sources' refs, by name. False may also mean that it cannot be told without rendering.
func (b *Basis) Holds(tree source.Tree, refs map[string]source.Tree) bool {
	same, err := b.intro.Holds(tree)
	return err == nil && same && b.hold(func(ref string) source.Tree {
		if ref == "" {
			return tree
		}
		return refs[ref]
	})
}

func (j *job) tree(ref string) source.Tree {
	if ref == "" {
		return j.req.Tree
	}
	return j.req.Refs[ref].Tree
}

func (e *entry) knows(roots string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.roots {
		if r == roots {
			return true
		}
	}
	return false
}

func (e *entry) learn(roots string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.roots = append(e.roots, roots); len(e.roots) > perKey {
		e.roots = e.roots[1:]
	}
}

// cache keeps entries up to a bound of bytes; the least recently used go first.
type cache struct {
	mu    sync.Mutex
	bound int64
	bytes int64
	order *list.List                 // of *entry, the most recently used first
	specs map[string][]*list.Element // newest last, at most perKey
}

func newCache(bound int64) *cache {
	return &cache{bound: bound, order: list.New(), specs: map[string][]*list.Element{}}
}

// find returns an entry that holds for j, or nil.
func (c *cache) find(j *job) *entry {
	c.mu.Lock()
	candidates := make([]*list.Element, len(c.specs[j.key]))
	copy(candidates, c.specs[j.key])
	c.mu.Unlock()
	for i := len(candidates) - 1; i >= 0; i-- { // comparing reads trees: not under the lock
		if e := candidates[i].Value.(*entry); e.holdsFor(j) {
			c.mu.Lock()
			c.order.MoveToFront(candidates[i]) // does nothing if it has been dropped meanwhile
			c.mu.Unlock()
			return e
		}
	}
	return nil
}

func (c *cache) add(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.size > c.bound {
		return
	}
	c.specs[e.key] = append(c.specs[e.key], c.order.PushFront(e))
	c.bytes += e.size
	if old := c.specs[e.key]; len(old) > perKey {
		c.drop(old[0])
	}
	for c.bytes > c.bound {
		c.drop(c.order.Back())
	}
}

// inherit has e share the objects that it has in common with the newest entry of its spec: most commits change few of
// many. Nobody else may know e yet.
func (c *cache) inherit(e *entry) {
	c.mu.Lock()
	var last *entry
	if of := c.specs[e.key]; len(of) > 0 {
		last = of[len(of)-1].Value.(*entry)
	}
	c.mu.Unlock()
	if last == nil {
		return
	}
	known := make(map[object.Key]*object.Object, len(last.items))
	for _, item := range last.items {
		known[object.KeyOf(item.Object)] = item.Object
	}
	for i, item := range e.items {
		if o := known[object.KeyOf(item.Object)]; o != nil && reflect.DeepEqual(o.Object, item.Object.Object) {
			e.items[i].Object = o
			e.size -= valueSize(o.Object)
		}
	}
}

func (c *cache) drop(el *list.Element) {
	e := c.order.Remove(el).(*entry)
	c.bytes -= e.size
	kept := make([]*list.Element, 0, perKey)
	for _, other := range c.specs[e.key] {
		if other != el {
			kept = append(kept, other)
		}
	}
	if c.specs[e.key] = kept; len(kept) == 0 {
		delete(c.specs, e.key)
	}
}

// sizeOf estimates the memory behind e. It need not be right, only proportional.
func sizeOf(e *entry) int64 {
	size := int64(1024)
	for _, it := range e.items {
		size += 128 + valueSize(it.Object.Object)
	}
	for _, t := range e.traces {
		for _, r := range t {
			size += int64(80 + len(r.Path) + len(r.Hash))
		}
	}
	return size
}

func valueSize(v any) int64 {
	switch v := v.(type) {
	case map[string]any:
		size := int64(64)
		for k, e := range v {
			size += 48 + int64(len(k)) + valueSize(e)
		}
		return size
	case []any:
		size := int64(24)
		for _, e := range v {
			size += 16 + valueSize(e)
		}
		return size
	case string:
		return 16 + int64(len(v))
	}
	return 8
}

// use returns how much of the bound is taken, by how many entries.
func (c *cache) use() (bytes int64, entries int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes, c.order.Len()
}
