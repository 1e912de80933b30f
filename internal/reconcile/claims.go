package reconcile

import (
	"slices"
	"sort"
	"sync"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/types"
)

// claims knows which application wants which object, across applications: two that want the same one must neither
// fight over it nor prune it under each other's feet.
type claims struct {
	mu   sync.Mutex
	by   map[place][]types.NamespacedName // hardly ever more than one
	from map[types.NamespacedName]claim
	seen map[types.NamespacedName]bool              // has said what it wants, be it nothing
	done map[types.NamespacedName]bool              // has been looked at, whatever came of it
	at   map[types.NamespacedName]map[string]string // the commit of each branch (see branch) that it was compared with
	uses map[types.NamespacedName][]place           // what it takes values from; in our own namespace: without server and kind
	news map[string]string                          // the commit of each branch that another replica named last, by cluster and branch
}

// nameKey names an application.
type nameKey = types.NamespacedName

type place struct {
	server string
	key    object.Key
}

type claim struct {
	server string
	keys   map[object.Key]bool
	absent map[string]bool // kinds and namespaces that it needs and the cluster lacks
}

func newClaims() *claims {
	return &claims{by: map[place][]types.NamespacedName{}, from: map[types.NamespacedName]claim{}, seen: map[types.NamespacedName]bool{},
		done: map[types.NamespacedName]bool{}, at: map[types.NamespacedName]map[string]string{}, uses: map[types.NamespacedName][]place{}, news: map[string]string{}}
}

// reset forgets everything.
func (c *claims) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := newClaims()
	c.by, c.from, c.seen, c.done, c.at, c.uses, c.news = n.by, n.from, n.seen, n.done, n.at, n.uses, n.news
}

// looked notes that the application has been looked at; commits are what it was compared with, nil when it could not be.
func (c *claims) looked(name types.NamespacedName, commits map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[name] = true
	c.at[name] = commits
}

// heard notes the commits that another replica compared with, and reports whether one of them is news.
func (c *claims) heard(server string, commits map[string]string) (isNews bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for branch, commit := range commits {
		key := server + " " + branch
		isNews = isNews || c.news[key] != commit
		c.news[key] = commit
	}
	return isNews
}

// forget drops an application that is gone.
func (c *claims) forget(name types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.seen, name)
	delete(c.done, name)
	delete(c.at, name)
	delete(c.uses, name)
}

// use notes what the application takes values from.
func (c *claims) use(name types.NamespacedName, list []place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(list) == 0 {
		delete(c.uses, name)
		return
	}
	c.uses[name] = list
}

// using returns the applications that take values from it. They are few.
func (c *claims) using(p place) (names []types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, list := range c.uses {
		if slices.Contains(list, p) {
			names = append(names, name)
		}
	}
	return names
}

// elsewhere reports whether the application was compared with another commit of a branch than these.
func (c *claims) elsewhere(name types.NamespacedName, commits map[string]string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for branch, commit := range c.at[name] {
		if other := commits[branch]; other != "" && other != commit {
			return true
		}
	}
	return false
}

// undone reports whether the application has not been looked at yet.
func (c *claims) undone(name types.NamespacedName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.done[name]
}

// set replaces what the application wants. It returns who else wants what it let go: they may take over now.
func (c *claims) set(name types.NamespacedName, server string, keys []object.Key) (heirs map[types.NamespacedName][]object.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[name] = server != ""
	old := c.from[name]
	want := map[object.Key]bool{}
	for _, k := range keys {
		want[k] = true
	}
	for k := range old.keys {
		if !want[k] || old.server != server {
			p := place{old.server, k}
			rest := slices.DeleteFunc(c.by[p], func(n types.NamespacedName) bool { return n == name })
			if c.by[p] = rest; len(rest) == 0 {
				delete(c.by, p)
			}
			for _, heir := range rest {
				if heirs == nil {
					heirs = map[types.NamespacedName][]object.Key{}
				}
				heirs[heir] = append(heirs[heir], k)
			}
		}
	}
	if len(keys) == 0 {
		delete(c.from, name)
		return heirs
	}
	for k := range want {
		p := place{server, k}
		if !slices.Contains(c.by[p], name) {
			c.by[p] = append(c.by[p], name)
		}
	}
	c.from[name] = claim{server: server, keys: want, absent: old.absent}
	return heirs
}

// lacks notes what the application needs that its cluster does not have: "Kind.group" or "namespace/name".
func (c *claims) lacks(name types.NamespacedName, absent map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.from[name]; ok {
		f.absent = absent
		c.from[name] = f
	}
}

// of returns the applications that want the object, in order of name.
func (c *claims) of(server string, key object.Key) []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := slices.Clone(c.by[place{server, key}])
	sort.Slice(names, func(i, j int) bool { return names[i].String() < names[j].String() })
	return names
}

// lacking returns the applications that lacked it: "Kind.group" or "namespace/name".
func (c *claims) lacking(server, what string) []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []types.NamespacedName
	for n, f := range c.from {
		if f.server == server && f.absent[what] {
			names = append(names, n)
		}
	}
	return names
}

// unseen reports whether the application has not said yet what it wants.
func (c *claims) unseen(name types.NamespacedName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.seen[name]
}
