package reconcile

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/source"
	"github.com/hawser-cd/hawser/internal/webhook"
)

// sets is the loop over all ApplicationSets. What it remembers can be lost: everything is then evaluated again, and a
// doubtful deletion looked at twice again.
type sets struct {
	queue *queue

	mu     sync.Mutex
	states map[types.NamespacedName]*setState
	forges *forgeMemory
	shown  map[types.NamespacedName]shown // what sets were last told of each application
}

// setState is what is remembered of a set between two looks. Only the worker that looks at it writes it, and holds the lock
// for what others read: read, made, judged and took.
type setState struct {
	read    map[string]bool // normalized addresses of the repositories that its generators read
	made    *made           // the last evaluation; nil when it failed
	failed  bool            // it did
	judged  *made           // the last evaluation of which nothing is in doubt; nil when something is
	doubt   string          // which deletion is in doubt; empty for none
	since   time.Time       // when it was asked for first
	settled string          // which deletion is no longer in doubt
	took    time.Duration   // the last look
}

func newSets() *sets {
	return &sets{queue: newQueue(), states: map[types.NamespacedName]*setState{}, forges: newForgeMemory(), shown: map[types.NamespacedName]shown{}}
}

// setWorkers is how many sets are looked at at once. One whose forge is slow must not hold up the others.
const setWorkers = 4

// RunSets looks at every ApplicationSet that has a reason, until ctx ends.
func (a *Apps) RunSets(ctx context.Context) {
	a.sets.mu.Lock()
	a.sets.states = map[types.NamespacedName]*setState{}
	a.sets.shown = map[types.NamespacedName]shown{}
	a.sets.mu.Unlock()
	a.sets.queue.open()
	list, _ := a.Catalog.ApplicationSets()
	for _, set := range list {
		a.sets.queue.add(keyOfSet(set), urgent, cause{spec: true})
	}
	var both sync.WaitGroup
	both.Go(func() { a.followMembers(ctx) })
	both.Go(func() { a.sets.queue.run(ctx, setWorkers, a.lookSetSafely) })
	both.Go(func() { a.sweepHomes(ctx) })
	both.Wait()
}

func keyOfSet(set *v1alpha1.ApplicationSet) types.NamespacedName {
	return types.NamespacedName{Namespace: set.Namespace, Name: set.Name}
}

func (a *Apps) lookSetSafely(ctx context.Context, name types.NamespacedName, why cause) {
	defer func() {
		if r := recover(); r != nil {
			a.Metrics.panics.Inc()
			a.Log.Error("look at ApplicationSet failed", "set", name.String(), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			a.sets.queue.addAfter(name, time.Minute, cause{spec: true})
		}
	}()
	if err := a.lookSet(ctx, name, why); err != nil && ctx.Err() == nil {
		if !problem.Is(err, problem.Conflict) {
			a.Log.Warn("look at ApplicationSet failed, trying again", "set", name.String(), "error", err)
		}
		pause := 5 * time.Second
		if at, known := forge.AskAgain(err); known {
			pause = max(pause, time.Until(at)+100*time.Millisecond)
		}
		a.sets.queue.addAfter(name, pause, cause{spec: true})
	}
}

// setsChanged wakes the sets that a changed record concerns.
func (a *Apps) setsChanged(c catalog.Change) {
	switch c.What {
	case catalog.ApplicationSetChanged:
		a.sets.queue.add(c.Key, urgent, cause{spec: true})
	case catalog.ApplicationChanged: // followMembers tells, of statuses too
	case catalog.KeysChanged, catalog.ValuesChanged: // they are the applications' own
	default: // a project, the settings, credentials or a cluster
		list, _ := a.Catalog.ApplicationSets()
		for _, set := range list {
			a.sets.queue.add(keyOfSet(set), relaxed, cause{spec: true})
		}
	}
}

// setsPushed wakes the sets that read one of the repositories.
func (a *Apps) setsPushed(p webhook.Push) {
	now := time.Now()
	a.sets.mu.Lock()
	defer a.sets.mu.Unlock()
	for name, state := range a.sets.states {
		for _, url := range p.Repositories {
			if state.read[source.NormalizeURL(url)] {
				a.sets.queue.add(name, urgent, cause{git: now})
				break
			}
		}
	}
}

// lookSet does what one set asks for, and reports. What it asks for is only evaluated anew when there is a reason to.
func (a *Apps) lookSet(ctx context.Context, name types.NamespacedName, why cause) error {
	began := time.Now()
	set, err := a.Catalog.ApplicationSet(name)
	asked := set != nil && set.Annotations[v1alpha1.AnnotationAppSetRefresh] != ""
	if asked { // a person waits
		ctx = forge.AtOnce(ctx)
	}
	switch {
	case problem.Is(err, problem.NotFound):
		a.forgetSet(name)
		return nil
	case err != nil: // it cannot be understood: its author sees it in the log and in the API server's answer
		return err
	case set.DeletionTimestamp != nil:
		return a.releaseSet(ctx, set)
	}
	if set, err = a.holdOn(ctx, set); err != nil {
		return err
	}
	state := a.stateOfSet(name)
	defer func() {
		a.sets.mu.Lock()
		state.took = time.Since(began)
		a.sets.mu.Unlock()
		a.Metrics.setLooked(name, time.Since(began))
	}()
	owned, others := a.ownedBy(set)
	if state.failed && why.ofMember() {
		return a.reportSet(ctx, set, setReport{apps: membersOf(owned), unheard: true})
	}
	m, anew, err := a.evaluateSet(ctx, set, why, state)
	defer func() { a.sets.queue.addAfter(name, a.nextLook(set, err), cause{git: time.Now()}) }()
	if err != nil {
		return a.reportSet(ctx, set, setReport{err: err, answered: asked})
	}
	previews, err := appset.PreviewPolicyOf(set)
	wanted, digest := m.wanted, m.digest
	if err == nil {
		if wanted, set, err = a.agePreviews(ctx, set, previews, m.wanted, owned); len(wanted) != len(m.wanted) {
			digest = digestOf(wanted)
		}
	}
	if err == nil {
		wanted, err = a.housePreviews(set, previews, wanted, owned)
	}
	if err != nil {
		return a.reportSet(ctx, set, setReport{err: err, answered: asked})
	}
	refused := a.refusedOf(wanted)
	doubt := a.Catalog.Settings().SetDoubt
	sure := (anew || state.settled == digest) && state.sure(digest, set, began, doubt)
	decision, err := appset.Decide(ctx, a.withSettings(set), wanted, owned, others, sure)
	if err != nil {
		return a.reportSet(ctx, set, setReport{err: err, answered: asked})
	}
	state.note(decision, digest, began)
	a.sets.mu.Lock()
	if state.judged = m; decision.Why != "" {
		state.judged = nil
	}
	a.sets.mu.Unlock()
	if decision.Why != "" { // whether it is meant is asked for again, and not remembered
		a.sets.forges.askAgain(name)
		a.sets.queue.addAfter(name, doubt+time.Second, cause{git: time.Now()})
	}
	// what the project does not permit now stays as it is: it is wanted, and no reason to delete
	decision.Create = slices.DeleteFunc(decision.Create, func(app *v1alpha1.Application) bool { return refused[nameOf(app)] != nil })
	unlike := map[string]bool{}
	decision.Update = slices.DeleteFunc(decision.Update, func(u appset.Update) bool {
		unlike[u.Old.Name] = refused[nameOf(u.Old)] != nil
		return unlike[u.Old.Name]
	})
	decision.Delete, _ = appset.DeleteFirst(set, decision.Delete, owned) // the others when these are gone
	report := a.performSet(ctx, set, decision, refused, owned)
	report.faults = append(report.faults, a.tellPreviews(ctx, set, previews, report.apps)...)
	report.answered, report.digest, report.until = asked, digest, state.since.Add(doubt)
	if appset.IsRolling(set) {
		maps.Copy(report.unlike, unlike)
		if report.rollout, err = a.decideRollout(set, m, report); err != nil {
			report.faults = append(report.faults, err)
		}
	}
	return a.reportSet(ctx, set, report)
}

// Generate returns what a set would make, which need not be stored.
func (a *Apps) Generate(ctx context.Context, set *v1alpha1.ApplicationSet) ([]*v1alpha1.Application, error) {
	return a.wantedBy(ctx, set, newSetFacts(a, set, nil, time.Now().Add(-recent)))
}

func keepsResources(set *v1alpha1.ApplicationSet) bool {
	return set.Spec.SyncPolicy != nil && set.Spec.SyncPolicy.PreserveResourcesOnDeletion
}

// refusedOf returns why projects do not permit some of what a set asks for.
func (a *Apps) refusedOf(wanted []*v1alpha1.Application) map[types.NamespacedName]error {
	refused := map[types.NamespacedName]error{}
	for _, app := range wanted {
		if err := a.mayBe(app); err != nil {
			refused[nameOf(app)] = problem.Because(problem.KindOf(err), err, "application %s", app.Name)
		}
	}
	return refused
}

// mayBe returns why an application's project does not permit what it says of itself; nil when it does.
func (a *Apps) mayBe(app *v1alpha1.Application) error {
	rules, err := a.Catalog.Rules(app.Spec.ProjectName())
	if err != nil {
		return err
	}
	if err := rules.Application(app.Name, app.Namespace, a.Namespace); err != nil {
		return err
	}
	for _, s := range app.Spec.SourceList() {
		if err := rules.Source(s.RepoURL); err != nil {
			return err
		}
	}
	c, err := a.Catalog.Destination(app.Spec.Destination)
	if err != nil { // it says so itself, and goes on as soon as the cluster is there
		return nil
	}
	return rules.Destination(project.Target{Server: c.Server, Name: c.Name, ClusterProject: c.Project, Namespace: app.Spec.Destination.Namespace})
}

// ownedBy returns the applications that a set owns, and the names in its namespace that are others'.
func (a *Apps) ownedBy(set *v1alpha1.ApplicationSet) (owned []*v1alpha1.Application, others map[string]bool) {
	others = map[string]bool{}
	for _, app := range a.Catalog.Applications() {
		if app.Namespace != set.Namespace {
			continue
		}
		if owner := metav1.GetControllerOf(app); owner != nil && owner.UID == set.UID {
			owned = append(owned, app)
		} else {
			others[app.Namespace+"/"+app.Name] = true
		}
	}
	return owned, others
}

// decideAnew is the pause before a set is looked at again one of whose applications has changed since it was decided upon:
// the watch is about to tell how.
const decideAnew = 200 * time.Millisecond

// performSet does what was decided. What fails is told, and stops nothing else; what somebody else has changed meanwhile is
// decided anew.
func (a *Apps) performSet(ctx context.Context, set *v1alpha1.ApplicationSet, d appset.Decision, refused map[types.NamespacedName]error, owned []*v1alpha1.Application) setReport {
	r := setReport{held: d.Why, apps: membersOf(owned), unlike: map[string]bool{}}
	for _, key := range slices.SortedFunc(maps.Keys(refused), func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) }) {
		r.faults = append(r.faults, refused[key])
	}
	for _, name := range d.Kept {
		r.faults = append(r.faults, problem.New(problem.Exists, "application %s is there already, and not of this set", name).WithHint("delete it, or give the template another name"))
	}
	for _, app := range d.Create {
		made, err := a.Catalog.MakeApplication(ctx, app)
		if err != nil {
			r.faults = append(r.faults, err)
			continue
		}
		r.apps[made.Name] = made
		a.Metrics.setWrote(set, "create")
		a.Catalog.RequestEvent(set, "Normal", v1alpha1.EventResourceCreated, "created Application "+strconv.Quote(made.Name))
	}
	for _, u := range d.Update {
		// exact: what the set leaves to others was taken from the old one, and lists of it are sent whole
		now, err := a.Catalog.PatchApplicationExact(ctx, u.Old, func(app *v1alpha1.Application) {
			app.Spec, app.Labels, app.Annotations, app.Finalizers = u.New.Spec, u.New.Labels, u.New.Annotations, u.New.Finalizers
		})
		if err != nil {
			r.unlike[u.Old.Name] = true
		}
		if problem.Is(err, problem.Conflict) {
			a.sets.queue.addAfter(keyOfSet(set), decideAnew, cause{})
			continue
		}
		if err != nil {
			r.faults = append(r.faults, err)
			continue
		}
		r.apps[now.Name] = now
		a.Metrics.setWrote(set, "update")
		a.Catalog.RequestEvent(set, "Normal", v1alpha1.EventResourceUpdated, "updated Application "+strconv.Quote(now.Name))
	}
	for _, app := range d.Delete {
		err := a.Catalog.DropApplication(ctx, app, keepsResources(set))
		if problem.Is(err, problem.Conflict) {
			a.sets.queue.addAfter(keyOfSet(set), decideAnew, cause{})
			continue
		}
		if err != nil {
			r.faults = append(r.faults, err)
			continue
		}
		delete(r.apps, app.Name)
		a.Metrics.setWrote(set, "delete")
		a.Catalog.RequestEvent(set, "Normal", v1alpha1.EventResourceDeleted, "deleted Application "+strconv.Quote(app.Name))
	}
	return r
}

func (a *Apps) forgetSet(name types.NamespacedName) {
	a.sets.queue.forget(name)
	a.Metrics.forgetSet(name)
	a.sets.mu.Lock()
	delete(a.sets.states, name)
	a.sets.mu.Unlock()
	a.sets.forges.forget(name)
}

func (a *Apps) stateOfSet(name types.NamespacedName) *setState {
	a.sets.mu.Lock()
	defer a.sets.mu.Unlock()
	s := a.sets.states[name]
	if s == nil {
		s = &setState{}
		a.sets.states[name] = s
	}
	return s
}

// sure reports whether the same doubtful list was asked for a while ago already, or a person confirmed it.
func (s *setState) sure(digest string, set *v1alpha1.ApplicationSet, now time.Time, patience time.Duration) bool {
	return set.Annotations[annotationSetApproved] == digest || s.settled == digest || s.doubt == digest && now.Sub(s.since) >= patience
}

func (s *setState) note(d appset.Decision, digest string, now time.Time) {
	switch {
	case d.Why == "" && len(d.Delete) > 0: // in several turns, perhaps
		s.doubt, s.settled = "", digest
	case d.Why == "":
		s.doubt, s.settled = "", ""
	case s.doubt != digest:
		s.doubt, s.since = digest, now
	}
}

// annotationSetApproved on an ApplicationSet releases a held deletion; its value is what the condition names.
const annotationSetApproved = "hawser.dev/deletion-approved"

// digestOf tells lists of applications apart by their names.
func digestOf(apps []*v1alpha1.Application) string {
	names := make([]string, len(apps))
	for i, app := range apps {
		names[i] = app.Name
	}
	return string(object.Hash(names))[:12]
}

// withSettings is a set with what the settings say of all of them.
func (a *Apps) withSettings(set *v1alpha1.ApplicationSet) *v1alpha1.ApplicationSet {
	s := a.Catalog.Settings().Sets
	if s.Policy == "" && len(s.Annotations)+len(s.Labels) == 0 {
		return set
	}
	out := set.DeepCopy()
	if p := out.Spec.SyncPolicy; s.Policy != "" && (!s.PolicyOverride || p == nil || p.ApplicationsSync == nil) {
		if p == nil {
			out.Spec.SyncPolicy = &v1alpha1.ApplicationSetSyncPolicy{}
		}
		out.Spec.SyncPolicy.ApplicationsSync = new(v1alpha1.ApplicationsSyncPolicy(s.Policy))
	}
	if out.Spec.PreservedFields == nil {
		out.Spec.PreservedFields = &v1alpha1.ApplicationPreservedFields{}
	}
	out.Spec.PreservedFields.Annotations = append(out.Spec.PreservedFields.Annotations, s.Annotations...)
	out.Spec.PreservedFields.Labels = append(out.Spec.PreservedFields.Labels, s.Labels...)
	return out
}
