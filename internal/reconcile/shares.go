package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/shard"
	"k8s.io/apimachinery/pkg/types"
)

// shares is what this replica looks at of all applications. It is asked in two places: what is not ours is not queued
// (isMine), and no look begins at it (enter). Where replicas do not share the work, everything is ours.
type shares struct {
	mu      sync.Mutex
	divided bool
	held    map[shard.Unit]*share
	cut     map[string]int // into how many slices the clusters of held units are cut
}

// share is a unit whose applications are looked at.
type share struct {
	ctx     context.Context
	cancel  context.CancelFunc
	began   time.Time
	open    bool // looks may begin: not yet when what others want is not known, and no more when it is given away
	leaving bool
	looks   int
	idle    chan struct{} // closed when it is leaving and the last look is over
}

func newShares() *shares { return &shares{held: map[shard.Unit]*share{}, cut: map[string]int{}} }

// find returns the application's share, nil when it is not ours. s.mu is held.
func (s *shares) find(a *Apps, app *v1alpha1.Application) *share {
	server, n := a.unitServer(app), 1
	if server != "" {
		if n = s.cut[server]; n == 0 {
			return nil
		}
	}
	return s.held[shard.Unit{Server: server, Slice: shard.SliceOf(app.Namespace, app.Name, n)}]
}

// unitServer is the cluster that decides which unit an application belongs to, "" for shard.Sets.
func (a *Apps) unitServer(app *v1alpha1.Application) string {
	k, err := a.Catalog.Destination(app.Spec.Destination)
	if err != nil || k.Agent != "" {
		return ""
	}
	return k.Server
}

// goesTo reports whether the application's destination is the cluster.
func (a *Apps) goesTo(app *v1alpha1.Application, server string) bool {
	s, err := a.Catalog.ServerOf(app.Spec.Destination)
	return err == nil && s == server
}

// isMine reports whether this replica looks at the application. One that does not exist any more is everybody's to forget.
func (a *Apps) isMine(name types.NamespacedName) bool {
	a.shares.mu.Lock()
	divided := a.shares.divided
	a.shares.mu.Unlock()
	if !divided {
		return true
	}
	app, _ := a.Catalog.Application(name)
	if app == nil {
		return true
	}
	return a.shares.mine(a, app)
}

func (s *shares) mine(a *Apps, app *v1alpha1.Application) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.divided {
		return true
	}
	share := s.find(a, app)
	return share != nil && share.open
}

// Own returns those of the applications that this replica looks at.
func (a *Apps) Own(apps []*v1alpha1.Application) []*v1alpha1.Application {
	a.shares.mu.Lock()
	divided := a.shares.divided
	a.shares.mu.Unlock()
	if !divided {
		return apps
	}
	var own []*v1alpha1.Application
	for _, app := range apps {
		if a.shares.mine(a, app) {
			own = append(own, app)
		}
	}
	return own
}

// enter begins a look, if it is ours to take; leave ends it. The context ends when the look must.
func (a *Apps) enter(ctx context.Context, name types.NamespacedName) (_ context.Context, leave func(), ok bool) {
	app, _ := a.Catalog.Application(name)
	a.shares.mu.Lock()
	defer a.shares.mu.Unlock()
	if !a.shares.divided || app == nil {
		return ctx, func() {}, true
	}
	share := a.shares.find(a, app)
	if share == nil || !share.open {
		return ctx, nil, false
	}
	share.looks++
	return share.ctx, func() {
		a.shares.mu.Lock()
		defer a.shares.mu.Unlock()
		if share.looks--; share.looks == 0 && share.leaving {
			close(share.idle)
		}
	}, true
}

// entered reports whether the application is still of the unit that was entered with ctx: its destination may have been
// edited since, and then another replica looks at it.
func (a *Apps) entered(ctx context.Context, app *v1alpha1.Application) bool {
	a.shares.mu.Lock()
	defer a.shares.mu.Unlock()
	if !a.shares.divided {
		return true
	}
	share := a.shares.find(a, app)
	return share != nil && share.ctx == ctx
}

// hold is enter for what a person asks for: the unit is not given away before it is done, or has been cut off.
func (a *Apps) hold(ctx context.Context, name types.NamespacedName) (_ context.Context, release func(), err error) {
	if err := a.ours(name); err != nil {
		return nil, nil, err
	}
	within, leave, ok := a.enter(ctx, name)
	if !ok { // it has just been given away
		if err := a.ours(name); err != nil {
			return nil, nil, err
		}
		return nil, nil, problem.New(problem.Unavailable, "application %s is being handed over", a.called(name)).WithHint("ask again in a moment")
	}
	ctx, cancel := context.WithCancel(catalog.SameTenure(within, ctx))
	stop := context.AfterFunc(within, cancel)
	return ctx, func() {
		stop()
		cancel()
		leave()
	}, nil
}

// isCut reports whether other replicas may look at other applications of the cluster.
func (a *Apps) isCut(server string) bool {
	a.shares.mu.Lock()
	defer a.shares.mu.Unlock()
	return a.shares.cut[server] > 1
}

// OpenShared makes ready for a turn of sharing the work. The function that it returns is Run for that turn: it looks at the
// applications of the units that are taken up.
func (a *Apps) OpenShared() (run func(ctx context.Context)) {
	a.shares.mu.Lock()
	a.shares.divided, a.shares.held, a.shares.cut = true, map[shard.Unit]*share{}, map[string]int{}
	a.shares.mu.Unlock()
	a.begins()
	return func(ctx context.Context) { a.queue.run(ctx, a.Workers, a.safely) }
}

// TakeUp begins to look at the applications of a unit. What is written for them is written with ctx.
func (a *Apps) TakeUp(ctx context.Context, s catalog.Share) {
	ctx, cancel := context.WithCancel(ctx)
	began := time.Now()
	ours := func(app *v1alpha1.Application) bool {
		return a.unitServer(app) == s.Unit.Server && shard.SliceOf(app.Namespace, app.Name, s.Slices) == s.Unit.Slice
	}
	held := &share{ctx: ctx, cancel: cancel, began: began, idle: make(chan struct{})}
	a.shares.mu.Lock()
	a.shares.held[s.Unit] = held
	if s.Unit != shard.Sets {
		a.shares.cut[s.Unit.Server] = s.Slices
	}
	a.shares.mu.Unlock()
	for _, app := range a.Catalog.Applications() { // what others want first: nothing is looked at before that is known
		if a.unitServer(app) == s.Unit.Server && !ours(app) {
			a.heed(nameOf(app))
		}
	}
	a.shares.mu.Lock()
	held.open = !held.leaving
	a.shares.mu.Unlock()
	for _, app := range a.Catalog.Applications() { // listed again: of one that has just come nothing was queued yet
		if ours(app) {
			a.queue.add(nameOf(app), urgent, cause{spec: true, git: began})
		}
	}
}

// knows reports whether something is remembered of the application.
func (a *Apps) knows(name types.NamespacedName) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.states[name] != nil
}

// courtesy is how long looks may go on when their unit is given away, before they are cut off.
const courtesy = 3 * time.Second

// Aftermath is how long after work was cut off its unit is still kept: the API server goes on with the requests that it has.
const Aftermath = 500 * time.Millisecond

// PutDown ends the looks at the applications of a unit, waits until the last one is over, and forgets what was seen.
func (a *Apps) PutDown(u shard.Unit) {
	a.shares.mu.Lock()
	s := a.shares.held[u]
	if s == nil {
		a.shares.mu.Unlock()
		return
	}
	s.leaving, s.open = true, false
	if s.looks == 0 {
		close(s.idle)
	}
	a.shares.mu.Unlock()
	patience := time.NewTimer(courtesy)
	defer patience.Stop()
	select {
	case <-s.idle:
	case <-patience.C:
		s.cancel()
		<-s.idle
		time.Sleep(Aftermath)
	}
	s.cancel()
	a.shares.mu.Lock()
	var leave []types.NamespacedName
	for _, app := range a.Catalog.Applications() {
		if a.shares.find(a, app) == s {
			leave = append(leave, nameOf(app))
		}
	}
	delete(a.shares.held, u)
	last := true
	for other := range a.shares.held {
		last = last && other.Server != u.Server
	}
	if last {
		delete(a.shares.cut, u.Server)
	}
	a.shares.mu.Unlock()
	for _, name := range leave {
		a.heed(name) // not forgotten before: what it wants must at no moment look free to our other slices
		a.forgetSeen(name)
	}
}

// heed notes what an application wants that another replica looks at, as its record says: which objects, and at which
// commits. That concerns those of our applications that go to the same cluster: it must not be pruned under its feet, and
// what it lets go is free.
func (a *Apps) heed(name types.NamespacedName) {
	app, _ := a.Catalog.Application(name)
	if app == nil {
		return
	}
	server := a.unitServer(app)
	a.shares.mu.Lock()
	divided, cut, ours := a.shares.divided, a.shares.cut[server] > 1, a.shares.find(a, app) != nil
	a.shares.mu.Unlock()
	if !divided || ours {
		return
	}
	if a.knows(name) { // it was ours, and goes somewhere else now
		a.forgetSeen(name)
	}
	switch {
	case !cut:
		a.claim(name, "", nil)
		a.claims.forget(name)
		return
	case app.Status.Sync.Status == "": // nobody has looked at it yet
		return
	}
	var keys []object.Key
	for _, r := range app.Status.Resources {
		if !r.RequiresPruning {
			keys = append(keys, object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
		}
	}
	a.claim(name, server, keys)
	commits := recordedBranches(app)
	a.claims.looked(name, commits)
	if !a.claims.heard(server, commits) {
		return
	}
	for _, other := range a.Catalog.Applications() { // another replica has seen a commit: it is time that we do
		if n := nameOf(other); a.goesTo(other, server) && a.claims.elsewhere(n, commits) {
			a.queue.add(n, relaxed, cause{git: time.Now()})
		}
	}
}

// recordedBranches is the commit of each branch that an application was last compared with, as its record says; nil when
// it could not be compared, or is held at a commit of old.
func recordedBranches(app *v1alpha1.Application) map[string]string {
	s := app.Status.Sync
	if s.Status == v1alpha1.SyncStatusUnknown || app.Annotations[v1alpha1.AnnotationHold] != "" || app.DeletionTimestamp != nil {
		return nil
	}
	sources, commits := s.ComparedTo.Sources, s.Revisions
	if len(sources) == 0 {
		sources, commits = []v1alpha1.ApplicationSource{s.ComparedTo.Source}, []string{s.Revision}
	}
	m := map[string]string{}
	for i, source := range sources {
		if i < len(commits) && commits[i] != "" {
			m[branch(source)] = commits[i]
		}
	}
	return m
}
