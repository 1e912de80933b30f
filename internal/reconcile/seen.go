package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

// What follows in this package for people (tree.go, managed.go, manifests.go, resource.go, logs.go …) reads what the
// loop last saw, and never waits for it to look again. Only the replica that leads has seen anything: the others say so,
// with a problem of kind Unavailable.

// firstLook is how long a question about an application that has just been made waits for its first look.
const firstLook = 10 * time.Second

// leading returns nil while this replica leads, or serves one person only.
func (a *Apps) leading() error {
	if a.Alone {
		return nil
	}
	if err := a.Catalog.Leading(); err != nil {
		return problem.Because(problem.Unavailable, err, "only the replica that leads knows what is live").WithHint("ask again in a moment")
	}
	return nil
}

// ours returns nil while this replica looks at the application: then it knows what is live.
func (a *Apps) ours(name types.NamespacedName) error {
	if err := a.leading(); err != nil {
		return err
	}
	if a.Alone || a.isMine(name) {
		return nil
	}
	owner := "no replica at the moment"
	if s := a.StandingOf(name); s != nil && s.Replica != "" {
		owner = "replica " + s.Replica
	}
	return problem.New(problem.Unavailable, "application %s is looked at by %s, and not by the one that was asked", a.called(name), owner).WithHint("ask again in a moment")
}

// show makes what a look found visible to those who ask.
func (a *Apps) show(name types.NamespacedName, st *state, v *view) {
	st.view = v
	st.shown.Store(v)
	a.heard.stir(name)
}

// Looked returns the commits at which the application was last looked at, one for each source, and when. Its status may
// name them later (docs/adr/0013). at is zero when it has not been looked at.
func (a *Apps) Looked(name types.NamespacedName) (commits []string, at time.Time) {
	v := a.peek(name)
	if v == nil {
		return nil, time.Time{}
	}
	return v.commits, v.at
}

// peek returns what was last seen of the application, nil when nothing was.
func (a *Apps) peek(name types.NamespacedName) *view {
	a.mu.Lock()
	defer a.mu.Unlock()
	if st := a.states[name]; st != nil {
		return st.shown.Load()
	}
	return nil
}

// seen returns the application and what was last seen of it. Of one that has not been looked at, because it is being
// deleted or is to be left alone, the view has a cluster and nothing else: then its inventory says what is its own.
func (a *Apps) seen(ctx context.Context, name types.NamespacedName) (*v1alpha1.Application, *view, error) {
	if err := a.ours(name); err != nil {
		return nil, nil, err
	}
	if a.Alone {
		return a.lookAlone(ctx, name)
	}
	heard, leave := a.heard.join(name)
	defer leave()
	patience := time.NewTimer(firstLook)
	defer patience.Stop()
	for {
		app, err := a.Catalog.Application(name)
		if err != nil {
			return nil, nil, err
		}
		v := a.peek(name)
		if v != nil && v.cluster != nil {
			return app, v, nil
		}
		if v != nil || app.DeletionTimestamp != nil || a.frozen(app) != "" {
			v, err = a.reach(app)
			return app, v, err
		}
		select {
		case <-heard:
		case <-patience.C:
			v, err = a.reach(app)
			return app, v, err
		case <-ctx.Done():
			return nil, nil, problem.Because(problem.Unavailable, ctx.Err(), "application %s has not been looked at yet", name)
		}
	}
}

// lookAlone looks at the application for one person, and keeps what it found for the questions that follow.
func (a *Apps) lookAlone(ctx context.Context, name types.NamespacedName) (*v1alpha1.Application, *view, error) {
	app, err := a.Catalog.Application(name)
	if err != nil {
		return nil, nil, err
	}
	a.alone.Lock()
	defer a.alone.Unlock()
	st := a.state(name)
	if v := st.view; v != nil && time.Since(v.at) < recent {
		return app, v, nil
	}
	if v, err := a.reach(app); err == nil { // the index of a process that has just begun is empty
		wait, cancel := context.WithTimeout(ctx, firstLook)
		_ = v.cluster.Synced(wait) // of a cluster that does not answer, the look says so
		cancel()
	}
	v := a.refresh(ctx, app, st, cause{spec: true, git: time.Now()})
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if v.cluster == nil {
		v, err = a.reach(app)
		return app, v, err
	}
	a.show(name, st, v)
	return app, v, nil
}

// reach returns a view that has nothing but the application's cluster.
func (a *Apps) reach(app *v1alpha1.Application) (*view, error) {
	v := &view{spec: specOf(app), itself: app.UID, at: time.Now()}
	if a.destination(v); v.cluster == nil {
		why := "its destination is not to be had"
		if len(v.notes) > 0 {
			why = v.notes[0].Message
		}
		return nil, problem.New(problem.Unavailable, "application %s cannot be reached: %s", app.Name, why)
	}
	return v, nil
}

// permitNow is what the application's project says today of objects in the view's cluster.
func (a *Apps) permitNow(app *v1alpha1.Application, v *view) func(object.Key) error {
	now := &view{spec: specOf(app), server: v.server, cluster: v.cluster}
	return a.permit(now)
}

// audience is who wants to hear of changes, by application. Each has room for one call: more say nothing new.
type audience struct {
	mu     sync.Mutex
	groups map[types.NamespacedName]*group
}

// group is who wants to hear of one application, and what they share.
type group struct {
	members map[chan struct{}]struct{}
	changes uint64 // counts the calls
	tree    sharedTree
}

func newAudience() *audience { return &audience{groups: map[types.NamespacedName]*group{}} }

// join returns a channel that is written to after each change, until leave is called.
func (a *audience) join(name types.NamespacedName) (heard <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.groups[name]
	if g == nil {
		g = &group{members: map[chan struct{}]struct{}{}}
		a.groups[name] = g
	}
	g.members[c] = struct{}{}
	return c, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if delete(g.members, c); len(g.members) == 0 {
			delete(a.groups, name)
		}
	}
}

// stir calls everybody who wants to hear of the application. It does not block.
func (a *audience) stir(name types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.groups[name]
	if g == nil {
		return
	}
	g.changes++
	for c := range g.members {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// of returns the application's group and how many changes it has heard of; nil when nobody listens.
func (a *audience) of(name types.NamespacedName) (*group, uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.groups[name]; g != nil {
		return g, g.changes
	}
	return nil, 0
}
