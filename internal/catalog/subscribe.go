package catalog

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// What says what sort of record changed.
type What int

// The sorts of records.
const (
	ApplicationChanged What = iota
	ProjectChanged
	SettingsChanged   // argocd-cm, argocd-cmd-params-cm, argocd-rbac-cm or argocd-secret
	RepositoryChanged // a repository or repo-creds Secret, known hosts or certificates
	ClusterChanged    // a cluster Secret; see SettingsChanged for our own cluster switched on or off
	ApplicationSetChanged
	KeysChanged   // a Secret with keys that decrypt
	ValuesChanged // a ConfigMap or Secret of our namespace from which applications can take values
)

// Change says that a record is new, different or gone: look at it again.
type Change struct {
	What What
	Key  types.NamespacedName
}

// Subscribe calls f for every record there is and from then on for every change, in order, one at a time, after the
// change can be read. Changes of one record that come faster than f returns are told once. f may call the catalog.
//
// One sort of change is left out: a status that PatchApplication wrote. Whoever writes a status would be woken by his
// own report, and report again.
//
// The returned function ends it; a call of f that has begun then may still be under way.
func (c *Catalog) Subscribe(f func(Change)) (end func()) {
	s := &subscription{f: f, waiting: map[Change]bool{}}
	s.wake.L = &s.mu
	c.subscribing.Lock()
	list := append([]*subscription{s}, *c.subscribers.Load()...)
	c.subscribers.Store(&list) // first this, then what exists: nothing can fall between
	c.subscribing.Unlock()

	c.mu.RLock()
	for key := range c.apps {
		s.add(Change{ApplicationChanged, key})
	}
	for name := range c.projects {
		s.add(Change{ProjectChanged, c.key(name)})
	}
	for name, secret := range c.secrets {
		if secret.kind == "cluster" {
			s.add(Change{ClusterChanged, c.key(name)})
		}
	}
	c.mu.RUnlock()
	s.add(Change{SettingsChanged, c.key(settingsMap)})
	c.running.Go(s.run)
	return func() {
		c.subscribing.Lock()
		list := slices.DeleteFunc(slices.Clone(*c.subscribers.Load()), func(other *subscription) bool { return other == s })
		c.subscribers.Store(&list)
		c.subscribing.Unlock()
		s.close()
	}
}

func (c *Catalog) tell(change Change) {
	for _, s := range *c.subscribers.Load() {
		s.add(change)
	}
}

// subscription is the changes that one subscriber has not been told yet. It is bounded by the number of records.
type subscription struct {
	f func(Change)

	mu      sync.Mutex
	wake    sync.Cond
	queue   []Change
	waiting map[Change]bool
	closed  bool
}

func (s *subscription) add(change Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.waiting[change] && !s.closed {
		s.waiting[change] = true
		s.queue = append(s.queue, change)
		s.wake.Signal()
	}
}

func (s *subscription) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.wake.Signal()
}

func (s *subscription) run() {
	for {
		s.mu.Lock()
		for len(s.queue) == 0 && !s.closed {
			s.wake.Wait()
		}
		if s.closed {
			s.mu.Unlock()
			return
		}
		change := s.queue[0]
		s.queue = s.queue[1:]
		delete(s.waiting, change) // before the call: what changes during it is told again
		s.mu.Unlock()
		s.f(change)
	}
}
