package cli

import (
	"context"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// witness is the demo's own eyes on the cluster: watches of its own, beside Hawser's, so that what is measured is what
// the API server says and not what Hawser believes.
type witness struct {
	*cluster.Cluster
	stop context.CancelFunc

	mu      sync.Mutex
	changed chan struct{} // closed by the next event, and replaced
	films   map[*film]bool
}

// firstSight bounds the wait for a fresh API server to answer all lists.
const firstSight = time.Minute

func watchCluster(ctx context.Context, kubeconfig string, masker object.Masker) (*witness, error) {
	connection, err := catalog.Connect(kubeconfig, "")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	w := &witness{stop: stop, changed: make(chan struct{}), films: map[*film]bool{}}
	w.Cluster, err = cluster.Open(ctx, cluster.Options{
		Name: "demo", Server: cluster.InCluster, REST: connection, Masker: masker, OnEvent: w.see,
		OnKinds: func([]schema.GroupKind) {},
		Track:   []schema.GroupKind{{Group: "apps", Kind: "Deployment"}, {Kind: "Service"}},
	})
	if err == nil {
		wait, cancel := context.WithTimeout(ctx, firstSight)
		defer cancel()
		err = w.Synced(wait)
	}
	if err != nil {
		stop()
		return nil, err
	}
	return w, nil
}

// apply applies one object, without asking anybody.
func (w *witness) apply(ctx context.Context, o *object.Object) error {
	_, err := w.writer().Apply(ctx, cluster.ApplyRequest{Object: o, Manager: demoManager})
	return err
}

func (w *witness) writer() *cluster.Writer {
	return w.Writer(func(object.Key) error { return nil })
}

// see is told of every change, in order.
func (w *witness) see(e cluster.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for f := range w.films {
		if f.key == e.Key {
			f.frames = append(f.frames, frame{now, e.New})
		}
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// until waits until cond holds, asking again after every change in the cluster and now and then; false: it did not
// within limit, or ctx ended.
func (w *witness) until(ctx context.Context, limit time.Duration, cond func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if cond() {
			return true
		}
		select {
		case <-changed:
			time.Sleep(10 * time.Millisecond) // events come in swarms
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// film is the history of one object while it runs.
type film struct {
	w      *witness
	key    object.Key
	frames []frame
}

// frame is the object from then on; nil when it is gone. Shared: read only.
type frame struct {
	at     time.Time
	object *object.Object
}

func (w *witness) film(key object.Key) *film {
	f := &film{w: w, key: key}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.films[f] = true
	return f
}

func (f *film) end() {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	delete(f.w.films, f)
}

// first waits for the first frame after a moment for which cond holds.
func (f *film) first(ctx context.Context, after time.Time, limit time.Duration, what string, cond func(*object.Object) bool) (time.Time, error) {
	var at time.Time
	ok := f.w.until(ctx, limit, func() bool {
		f.w.mu.Lock()
		defer f.w.mu.Unlock()
		for _, fr := range f.frames {
			if fr.at.After(after) && cond(fr.object) {
				at = fr.at
				return true
			}
		}
		return false
	})
	switch {
	case ctx.Err() != nil:
		return at, ctx.Err()
	case !ok:
		return at, problem.New(problem.Unavailable, "%s: not seen within %s: %s", f.key.Short(), seconds(limit), what)
	}
	return at, nil
}
