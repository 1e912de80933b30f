// Package reconcile is where a decision becomes an effect.
//
// The idea: one loop per application: observe (refresh.go: Git, render, live, diff), decide (plan, autosync.go), act
// (sync.go, delete.go), report (status.go). Read look first: it is the whole story. Decisions are made in the core
// packages and come back as data; only status.go writes what people see. The package refuses to render, compare or
// order anything by itself.
package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plugin/generator"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/source"
	"github.com/hawser-cd/hawser/internal/webhook"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Options are the parts that the loop joins; daemon makes them.
type Options struct {
	Catalog   *catalog.Catalog
	Fleet     *cluster.Fleet
	Git       *git.Mirrors
	Charts    *charts.Charts
	Forges    Forges // nil: generators of ApplicationSets ask none
	Render    *render.Renderer
	Namespace string // where we live; applications elsewhere are marked with their namespace
	Metrics   *Metrics
	Log       *slog.Logger
	Workers   int
	Observe   func(Happening) // told what happens, for people who watch; may be nil
	// Alone is for a process that answers one person and has no loop (hawser --core): it looks for itself when it is asked,
	// reports nothing, and writes what that person asks for with their own rights.
	Alone bool
	Hub   *agent.Hub // connections of agents; nil in a process that takes none
}

// Apps is the loop over all applications.
type Apps struct {
	Options
	queue   *queue
	sets    *sets
	plugins *generator.Client
	claims  *claims
	shares  *shares
	heard   *audience
	judge   atomic.Pointer[judge]
	skills  atomic.Pointer[skills]

	remotes *remotes // applications that agents reconcile

	logs   atomic.Int64 // containers whose logs are being read
	alone  sync.Mutex   // a process that is Alone looks at one application at a time
	vetted vetted

	mu     sync.Mutex
	states map[types.NamespacedName]*state
}

// state is what is remembered of one application between two looks. Only the worker that looks at it touches it;
// everything in it can be lost: it is made again from Git, the cluster and the Application.
type state struct {
	view    *view
	shown   atomic.Pointer[view] // the same, for those who ask from outside
	journal *journal
	heals   heals
	retries pacing
	faults  pacing
	drifts  map[object.Key]map[string]bool // reported and not yet gone, by path
	answers map[object.Key]answer          // what the API server said to our last applies
	spec    string                         // hash of the whole spec, as last seen
	parting *parting                       // of a deletion with hooks
	waits   time.Time                      // since when a request to prune waits for other applications; zero when none does
}

// New returns the loop; Run starts it.
func New(o Options) *Apps {
	if o.Observe == nil {
		o.Observe = func(Happening) {}
	}
	a := &Apps{Options: o, queue: newQueue(), sets: newSets(), plugins: generator.New(), claims: newClaims(), shares: newShares(), heard: newAudience(), remotes: newRemotes(), states: map[types.NamespacedName]*state{}}
	a.queue.place, a.queue.mine = a.placeOf, a.isMine
	return a
}

// Run looks at every application that has a reason, until ctx ends.
func (a *Apps) Run(ctx context.Context) {
	a.begins()
	began := time.Now() // a mirror of an earlier turn is as old as that turn
	for _, app := range a.Catalog.Applications() {
		a.queue.add(nameOf(app), urgent, cause{spec: true, git: began})
	}
	a.queue.run(ctx, a.Workers, a.safely)
}

// begins drops what is left of an earlier turn, and opens the queue.
func (a *Apps) begins() {
	a.mu.Lock() // what an earlier turn remembered is out of date: others may have led since
	a.states = map[types.NamespacedName]*state{}
	a.mu.Unlock()
	a.claims.reset()
	a.actions() // scripts that cannot be used are told of now, not when somebody needs them
	a.queue.open()
}

// placeOf is where looks at the application wait: at the cluster that it goes to and, if a plugin renders it, at that.
func (a *Apps) placeOf(name types.NamespacedName) string {
	app, err := a.Catalog.Application(name)
	if err != nil {
		return ""
	}
	place := a.serverOf(app)
	for _, s := range app.Spec.SourceList() {
		if s.Plugin != nil {
			place += " plugin " + s.Plugin.Name
		}
	}
	return place
}

// safely keeps a fault in one application from stopping the others.
func (a *Apps) safely(ctx context.Context, name types.NamespacedName, why cause) {
	defer func() {
		if r := recover(); r != nil {
			a.Metrics.panics.Inc()
			a.Log.Error("look at application failed", "application", name.String(), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			a.queue.addAfter(name, time.Minute, cause{spec: true})
		}
	}()
	ctx, leave, mine := a.enter(ctx, name)
	if !mine {
		return
	}
	defer leave()
	started := time.Now()
	err := a.look(ctx, name, why)
	if ctx.Err() != nil {
		return
	}
	server := ""
	if app, err := a.Catalog.Application(name); err == nil {
		server = a.serverOf(app)
	}
	a.Metrics.reconciled(name.Namespace, server, time.Since(started))
	if err != nil {
		pause := time.Second
		if !problem.Is(err, problem.Conflict) {
			a.Log.Warn("look at application failed, trying again", "application", name.String(), "error", err)
			pause = 5 * time.Second
		}
		why.spec = true
		a.queue.addAfter(name, pause, why)
	}
}

// look observes one application, decides, acts and reports.
func (a *Apps) look(ctx context.Context, name types.NamespacedName, why cause) error {
	app, err := a.Catalog.Application(name)
	if problem.Is(err, problem.NotFound) {
		a.forget(name)
		return nil
	}
	if app != nil && !a.entered(ctx, app) {
		a.queue.add(name, urgent, why) // if it is ours in the unit that it is of now
		return nil
	}
	if problem.Is(err, problem.Invalid) && app != nil {
		return a.reportMalformed(ctx, app, err)
	}
	if err != nil {
		return err
	}
	if k, ok := a.agentOf(app); ok {
		return a.lookRemote(ctx, app, k, a.state(name))
	}
	if a.Hub != nil && app.Annotations[annotationRemoteOperation]+app.Annotations[annotationRemoteHold] != "" {
		if app, err = a.comeHome(ctx, app); err != nil {
			return err
		}
	}
	st := a.state(name)
	switch over := st.journal != nil && !st.journal.over.IsZero(); {
	case over && !st.ended(app): // written after all, or of another Application by that name
		st.journal = nil
	case over && (app.DeletionTimestamp != nil || a.frozen(app) != ""): // no more looks come that would write it
		return a.finish(ctx, app, st, st.journal.end)
	}
	if a.frozen(app) != "" {
		a.claimRecorded(app)
		return nil
	}
	if app.DeletionTimestamp != nil {
		a.claims.looked(name, nil)
		return a.remove(ctx, app, st)
	}
	if refresh, ok := app.Annotations[v1alpha1.AnnotationRefresh]; ok {
		why.add(cause{spec: true, git: time.Now(), hard: refresh == string(v1alpha1.RefreshHard)})
	}
	if op := app.Status.OperationState; app.Operation != nil && (op == nil || final(op.Phase)) {
		why.add(cause{git: time.Now()}) // who asks for a sync means what has just been pushed
	}
	if why.hard {
		st.answers = map[object.Key]answer{}
	}
	if hash := object.Hash(app.Spec); why.news || hash != st.spec { // it failed with what was, not with what is now
		st.spec, st.retries = hash, pacing{}
	}
	v := a.refresh(ctx, app, st, why)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if v.unknown != nil {
		a.claimRecorded(app)
	} else {
		a.claims.looked(name, v.branches())
	}
	a.queue.addAfter(name, a.nextPoll(), cause{poll: true, git: time.Now().Add(a.Catalog.Settings().Reconciliation / 2)})
	if a.canWait(app, st, v, why) { // a push to a repository of many applications changes few
		a.show(name, st, v)
		if why.poll && !shows(app, v) {
			a.queue.add(name, relaxed, cause{owed: true})
		}
		return nil
	}
	if st.heals.observe(v, v.at); st.heals.open() {
		a.queue.addAfter(name, contestWindow, cause{})
	}
	v.contests = st.heals.conditions()
	looked := app
	st.shown.Store(v) // whoever hears of the new status asks at once for the health of its objects
	a.Metrics.orphaned(app, len(v.orphans))
	found, begins := a.finding(app, st, v), a.autosync(app, v, st)
	if begins == nil && !st.ended(app) { // otherwise it is written with the beginning, or with the end
		if app, err = a.report(ctx, app, st, found, why); err != nil {
			return err
		}
	}
	a.show(name, st, v)
	st.tidy()
	if v.undecided != "" {
		a.queue.addAfter(name, undecidedLookEvery, cause{spec: true})
	}
	if keys := v.unsure(); len(keys) > 0 && v.unknown == nil { // single objects could not be asked about: soon again
		st.faults.again("objects", v.at, doubtPacing)
		a.queue.addAfter(name, st.faults.wait(v.at, doubtPacing), cause{live: keys})
	} else if v.unknown == nil {
		st.faults = pacing{}
	} else if !v.quiet { // asked again with growing pauses, long before the next poll
		st.faults.again("", v.at, faultPacing)
		a.queue.addAfter(name, st.faults.wait(v.at, faultPacing), cause{git: v.at.Add(time.Second)})
	}
	if begins != nil {
		return a.begin(ctx, app, st, begins, &found)
	}
	if edited(looked, app) { // what was found answers what it was: a sync of that could go where it may not go any more
		return nil // the catalog tells of the edit, and it is looked at again
	}
	return a.operate(ctx, app, st)
}

// edited reports whether somebody changed, between two versions of an Application, what a look depends on.
func edited(before, now *v1alpha1.Application) bool {
	return before != now && (specOf(before).hash != specOf(now).hash || object.Hash(before.Operation) != object.Hash(now.Operation) ||
		(before.DeletionTimestamp == nil) != (now.DeletionTimestamp == nil))
}

// faultPacing is how soon a source that could not be read is asked again.
var faultPacing = pacingSettings{First: 3 * time.Second, Factor: 2, Cap: time.Minute}

// doubtPacing is how soon objects are asked about again. When a cluster is back its watches are taken up a moment later: by
// the pauses that grew while it was away, everything would wait for another half a minute.
var doubtPacing = pacingSettings{First: 300 * time.Millisecond, Factor: 2, Cap: time.Minute}

// nextPoll is the time until the source is asked again, spread so that applications do not ask all at once.
func (a *Apps) nextPoll() time.Duration {
	s := a.Catalog.Settings()
	if s.Reconciliation <= 0 {
		return 24 * time.Hour
	}
	d := s.Reconciliation
	if s.Jitter > 0 {
		d += rand.N(s.Jitter)
	}
	return d
}

func (a *Apps) state(name types.NamespacedName) *state {
	a.mu.Lock()
	defer a.mu.Unlock()
	st := a.states[name]
	if st == nil {
		st = &state{drifts: map[object.Key]map[string]bool{}, answers: map[object.Key]answer{}, heals: heals{}}
		a.states[name] = st
	}
	return st
}

// forget drops everything about an application that is gone.
func (a *Apps) forget(name types.NamespacedName) {
	a.claim(name, "", nil)
	a.claims.forget(name)
	a.forgetSeen(name)
}

// forgetSeen drops what was seen of an application that is looked at no more.
func (a *Apps) forgetSeen(name types.NamespacedName) {
	a.queue.forget(name)
	a.Metrics.orphans.DeletePartialMatch(map[string]string{"namespace": name.Namespace, "name": name.Name})
	a.mu.Lock()
	delete(a.states, name)
	a.mu.Unlock()
	a.heard.stir(name)
}

// claim notes what the application wants, and wakes those who can take over what it let go.
func (a *Apps) claim(name types.NamespacedName, server string, keys []object.Key) {
	for heir, free := range a.claims.set(name, server, keys) {
		c := cause{live: map[object.Key]bool{}}
		for _, k := range free {
			c.live[k] = true
		}
		a.queue.add(heir, urgent, c)
	}
}

// tidy drops what is remembered of objects that are no longer wanted: names with a hash in them come and go.
func (st *state) tidy() {
	maps.DeleteFunc(st.answers, func(k object.Key, _ answer) bool { return st.view.objects[k] == nil })
	maps.DeleteFunc(st.drifts, func(k object.Key, _ map[string]bool) bool { return st.view.objects[k] == nil })
}

// claimRecorded notes that the application has been looked at, and could not or shall not be compared. Has it not said
// yet what it wants, its inventory says so: what it had before we started is not free for others to delete.
func (a *Apps) claimRecorded(app *v1alpha1.Application) {
	name := nameOf(app)
	v := &view{spec: specOf(app)}
	if a.destination(v); v.server != "" && a.claims.unseen(name) {
		var keys []object.Key
		for _, r := range app.Status.Resources {
			if !r.RequiresPruning {
				keys = append(keys, object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
			}
		}
		if v.cluster != nil {
			keys = permitted(keys, a.permit(v))
		}
		if len(keys) > 0 {
			a.claim(name, v.server, keys)
		}
	}
	a.claims.looked(name, nil)
}

// undecided names an application of the same cluster that may want what another lacks: one that was never looked at, or that
// comes from the same branch and was compared with another commit of it. An object that a commit moves from one application to
// another must not be deleted because the one that loses it is looked at first.
func (a *Apps) undecided(name types.NamespacedName, server string, commits map[string]string) (first string) {
	for _, other := range a.Catalog.Applications() {
		n := nameOf(other)
		switch {
		case n == name || other.DeletionTimestamp != nil:
			continue
		case !a.goesTo(other, server): // objects of different clusters never meet
			continue
		case a.claims.undone(n): // it is in the queue, or another replica's
		case a.claims.elsewhere(n, commits) && a.frozen(other) == "":
			a.queue.add(n, relaxed, cause{git: time.Unix(1, 0)}) // any fetch will do: there has been one
		default:
			continue
		}
		first = cmp.Or(first, a.called(n))
	}
	return first
}

// undecidedLookEvery is how often an application that waits for others before it prunes looks again.
const undecidedLookEvery = time.Second

// Changed is told by the catalog what of our records changed.
func (a *Apps) Changed(c catalog.Change) {
	a.setsChanged(c)
	a.wakeRemotes()
	switch c.What {
	case catalog.ApplicationSetChanged:
	case catalog.ApplicationChanged:
		a.heed(c.Key)
		a.queue.add(c.Key, urgent, cause{}) // look finds out what changed: often it is only an echo of our own write
	case catalog.ValuesChanged:
		a.lent("", object.Key{Namespace: c.Key.Namespace, Name: c.Key.Name})
	default: // a project, the settings, credentials or a cluster: it can concern any application
		a.actions()
		for _, app := range a.Catalog.Applications() {
			a.queue.add(nameOf(app), relaxed, cause{spec: true, news: true})
		}
	}
}

// Event is told by a cluster what happened to a live object.
func (a *Apps) Event(server string, e cluster.Event) {
	key := e.Key
	if e.Root != (object.Key{}) {
		key = e.Root
	}
	for _, instance := range e.Instances {
		name := a.nameOfInstance(instance)
		a.queue.add(name, urgent, cause{live: map[object.Key]bool{key: true}})
		a.heard.stir(name)
	}
	for _, name := range a.claims.of(server, e.Key) { // wanted, but not or no longer marked as ours
		a.heard.stir(name)
		a.queue.add(name, urgent, cause{live: map[object.Key]bool{e.Key: true}})
	}
	if e.Key.Group == "" && (e.Key.Kind == "ConfigMap" || e.Key.Kind == "Secret") {
		a.lent(server, e.Key)
	}
	if e.Key.Group == "rbac.authorization.k8s.io" {
		a.permissionsChanged(server)
	}
	if e.Key.Kind == "Namespace" && e.Key.Group == "" {
		for _, name := range a.claims.lacking(server, "namespace/"+e.Key.Name) {
			a.queue.add(name, urgent, cause{spec: true, news: true})
		}
	}
}

// permissionsChanged ends the pauses of applications whose last sync the cluster forbade: it may permit it now.
func (a *Apps) permissionsChanged(server string) {
	for _, app := range a.Catalog.Applications() {
		op := app.Status.OperationState
		if op == nil || op.Phase != v1alpha1.OperationFailed && op.Phase != v1alpha1.OperationError || !strings.Contains(op.Message, " is forbidden: ") {
			continue
		}
		if s, err := a.Catalog.ServerOf(app.Spec.Destination); err == nil && s == server {
			a.queue.add(nameOf(app), urgent, cause{spec: true, news: true})
		}
	}
}

// KindsChanged is told by a cluster which kinds it serves, or can read, other than before; nil means any.
func (a *Apps) KindsChanged(server string, kinds []schema.GroupKind) {
	if kinds == nil {
		a.clusterChanged(server)
		return
	}
	for _, gk := range kinds {
		for _, name := range a.claims.lacking(server, gk.String()) {
			a.queue.add(name, urgent, cause{spec: true, news: true})
		}
	}
}

// clusterChanged looks again at everything that goes to a cluster that was connected, lost or regained.
func (a *Apps) clusterChanged(server string) {
	for _, app := range a.Catalog.Applications() {
		if s, err := a.Catalog.ServerOf(app.Spec.Destination); err == nil && s == server {
			a.queue.add(nameOf(app), urgent, cause{spec: true})
		}
	}
}

// Pushed is told by a webhook which repository changed. It is a hint: it makes us look sooner, never at anything else.
func (a *Apps) Pushed(p webhook.Push) {
	if p.Request { // a pull request moves no branch of the repository
		a.setsRequested(p)
		return
	}
	a.setsPushed(p)
	a.pushedOn(p)
	now := time.Now()
	pushed := map[string]bool{}
	for _, url := range p.Repositories {
		pushed[source.NormalizeURL(url)] = true
	}
	for _, app := range a.Catalog.Applications() {
		for _, s := range app.Spec.SourceList() {
			if pushed[source.NormalizeURL(s.RepoURL)] || pushed[source.NormalizeURL(a.Catalog.RepositoryFor(s.RepoURL, app.Spec.ProjectName()).URL)] {
				a.queue.add(nameOf(app), urgent, cause{git: now})
				break
			}
		}
	}
}

func nameOf(app *v1alpha1.Application) types.NamespacedName {
	return types.NamespacedName{Namespace: app.Namespace, Name: app.Name}
}

// called is how people call an application: by its name, outside of our own namespace with that of its own before it.
func (a *Apps) called(n nameKey) string {
	if n.Namespace == a.Namespace {
		return n.Name
	}
	return n.String()
}

func (a *Apps) instance(app *v1alpha1.Application) string {
	return object.Instance(a.Namespace, app.Namespace, app.Name)
}

// nameOfInstance is the inverse of instance: a label or tracking id back to an application.
func (a *Apps) nameOfInstance(instance string) types.NamespacedName {
	for i := range instance {
		if instance[i] == '_' { // neither part of a Kubernetes name may hold an underscore
			return types.NamespacedName{Namespace: instance[:i], Name: instance[i+1:]}
		}
	}
	return types.NamespacedName{Namespace: a.Namespace, Name: instance}
}
