package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// State is what is known about the cluster itself.
type State struct {
	Connected bool
	Err       error     // why it does not answer; also before the first answer
	Since     time.Time // of Connected
	Asked     time.Time // when it was asked last; zero: not yet
	Synced    bool      // the first fill is over
	Version   string    // of Kubernetes
	Kinds     int       // watched
	Whole     int       // of these as whole objects
	Objects   int       // in the index
	Tracked   int       // of these carry an application's mark
	Errors    map[schema.GroupVersionKind]error
	Silent    map[schema.GroupVersion]error // API groups that did not answer discovery
}

// State returns the present state.
func (c *Cluster) State() State {
	var st State
	st.Connected, _, st.Since, st.Err = c.pulse.state()
	st.Asked = c.pulse.lastAsked()
	st.Objects, st.Tracked = c.index.count()
	st.Errors, st.Silent = map[schema.GroupVersionKind]error{}, map[schema.GroupVersion]error{}
	if s := c.served.Load(); s != nil {
		st.Version = s.version
		for gv, err := range s.failed {
			st.Silent[gv] = err
		}
	}
	c.mu.Lock()
	st.Synced = c.isSynced
	kinds, whole := map[schema.GroupKind]bool{}, map[schema.GroupKind]bool{}
	var streams []*stream
	for sc, sl := range c.slots {
		kinds[sc.gk] = true
		if sl.active.whole {
			whole[sc.gk] = true
		}
		streams = append(streams, sl.active)
	}
	c.mu.Unlock()
	st.Kinds, st.Whole = len(kinds), len(whole)
	for _, s := range streams {
		s.mu.Lock()
		if s.err != nil {
			st.Errors[s.kind.GVK] = s.err
		}
		s.mu.Unlock()
	}
	return st
}

func (x *index) count() (objects, tracked int) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, nodes := range x.kinds {
		objects += len(nodes)
	}
	for _, nodes := range x.byInstance {
		tracked += len(nodes)
	}
	return objects, tracked
}

// Unreachable says since when the cluster does not answer, and why, as far as it is known; nil while it answers. It is of
// kind Unavailable, and says the same as long as nothing changes.
func (c *Cluster) Unreachable() error {
	alive, _, since, err := c.pulse.state()
	if alive {
		return nil
	}
	if err == nil { // it has not been asked yet
		return problem.New(problem.Unavailable, "cluster %s (%s) has not answered yet", c.name, c.server)
	}
	return problem.Because(problem.Unavailable, err, "cluster %s (%s) is unreachable since %s", c.name, c.server, since.UTC().Format(time.RFC3339))
}

// Reads reports whether objects like key's are among those that are read, which are not all where the cluster is used for
// some namespaces only. What is not read must not be written: it would be missing for ever. It is nil or a problem of
// kind Forbidden, in Argo CD's words.
func (c *Cluster) Reads(key object.Key) error {
	s := c.settings.Load()
	if len(s.Namespaces) == 0 {
		return nil
	}
	kind, known := c.Kind(key.GroupKind())
	if known && !kind.Namespaced || !known && key.Namespace == "" {
		if s.ClusterResources {
			return nil
		}
		return problem.New(problem.Forbidden, "Cluster level %s %q can not be managed when in namespaced mode", key.Kind, key.Name).
			WithHint("cluster %s is registered for %s only, without clusterResources", c.name, strings.Join(s.Namespaces, ", "))
	}
	if !slices.Contains(s.Namespaces, key.Namespace) {
		return problem.New(problem.Forbidden, "Namespace %q for %s %q is not managed", key.Namespace, key.Kind, key.Name).
			WithHint("cluster %s is registered for %s only", c.name, strings.Join(s.Namespaces, ", "))
	}
	return nil
}

// KindErr says why the index cannot be trusted for gk at this moment: nil means that it is complete and followed by a
// live watch. NotFound: the cluster serves no such kind. Unavailable: its list fails, is not in yet, is not in yet as
// whole objects (Track), or the watch has not come back since the connection was lost. Kinds that are excluded or
// cannot be watched have no error: nobody claims anything about them (Kind).
func (c *Cluster) KindErr(gk schema.GroupKind) error {
	s := c.served.Load()
	alive, losses, since, err := c.pulse.state()
	if s == nil {
		return problem.Because(problem.Unavailable, err, "cluster %s has not answered yet", c.name)
	}
	if _, ok := s.kinds[gk]; !ok {
		return c.unknownKind(gk, "")
	}
	if !alive {
		return problem.Because(problem.Unavailable, err, "cluster %s does not answer since %s", c.name, since.Format(time.RFC3339))
	}
	c.mu.Lock()
	var streams []*stream
	whole := c.tracked[gk]
	for _, namespace := range c.settings.Load().scopes(s.kinds[gk]) {
		if sl := c.slots[scope{gk, namespace}]; sl != nil {
			if sl.next != nil && sl.next.failed() != nil {
				streams = append(streams, sl.next) // it says better why than "not in full yet"
			}
			streams = append(streams, sl.active)
		}
	}
	c.mu.Unlock()
	for _, st := range streams {
		if err := st.trouble(whole, losses); err != nil {
			return problem.Because(problem.Unavailable, err, "cluster %s: %s cannot be trusted", c.name, gk)
		}
	}
	return nil
}

func (s *stream) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stream) trouble(whole bool, losses int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return fmt.Errorf("its list or watch fails since %s: %w", s.since.Format(time.RFC3339), s.err)
	case !s.filled:
		return fmt.Errorf("its first list is not complete yet")
	case whole && !s.whole:
		return fmt.Errorf("only the metadata of its objects has been read so far")
	case s.losses < losses:
		return fmt.Errorf("its watch has not been taken up again since the connection was lost")
	}
	return nil
}
