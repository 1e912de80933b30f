package reconcile

import (
	"cmp"
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
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/source"
	"github.com/hawser-cd/hawser/internal/webhook"
)

// sets is the loop over all ApplicationSets. What it remembers can be lost: a doubtful deletion is then looked at twice
// again.
type sets struct {
	queue *queue

	mu     sync.Mutex
	states map[types.NamespacedName]*setState
	forges *forgeMemory
}

// setState is what is remembered of a set between two looks.
type setState struct {
	read  map[string]bool // normalized addresses of the repositories that its generators read
	doubt string          // which deletion is in doubt; empty for none
	since time.Time       // when it was asked for first
}

func newSets() *sets {
	return &sets{queue: newQueue(), states: map[types.NamespacedName]*setState{}, forges: newForgeMemory()}
}

// setWorkers is how many sets are looked at at once. One whose forge is slow must not hold up the others.
const setWorkers = 4

// RunSets looks at every ApplicationSet that has a reason, until ctx ends.
func (a *Apps) RunSets(ctx context.Context) {
	a.sets.mu.Lock()
	a.sets.states = map[types.NamespacedName]*setState{}
	a.sets.mu.Unlock()
	a.sets.queue.open()
	list, _ := a.Catalog.ApplicationSets()
	for _, set := range list {
		a.sets.queue.add(keyOfSet(set), urgent, cause{spec: true})
	}
	a.sets.queue.run(ctx, setWorkers, a.lookSetSafely)
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
		a.sets.queue.addAfter(name, 5*time.Second, cause{spec: true})
	}
}

// setsChanged wakes the sets that a changed record concerns.
func (a *Apps) setsChanged(c catalog.Change) {
	switch c.What {
	case catalog.ApplicationSetChanged:
		a.sets.queue.add(c.Key, urgent, cause{spec: true})
	case catalog.ApplicationChanged:
		// One that a set owns was changed or deleted; or one is gone, of which it is not known whose it was.
		app, err := a.Catalog.Application(c.Key)
		if err == nil {
			if owner := metav1.GetControllerOf(app); owner != nil && owner.Kind == v1alpha1.KindApplicationSet {
				a.sets.queue.add(types.NamespacedName{Namespace: app.Namespace, Name: owner.Name}, relaxed, cause{spec: true})
			}
			return
		}
		fallthrough
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

// lookSet evaluates one set, does what it asks for, and reports.
func (a *Apps) lookSet(ctx context.Context, name types.NamespacedName, why cause) error {
	set, err := a.Catalog.ApplicationSet(name)
	switch {
	case problem.Is(err, problem.NotFound):
		a.forgetSet(name)
		return nil
	case err != nil: // it cannot be understood: its author sees it in the log and in the API server's answer
		return err
	case set.DeletionTimestamp != nil: // Kubernetes deletes what it owns
		a.forgetSet(name)
		return a.releaseSet(ctx, set)
	}
	facts := &setFacts{a: a, set: set, asks: asksOf(set), project: set.Spec.Template.Spec.Project, since: why.git, state: &setState{read: map[string]bool{}}}
	if facts.since.IsZero() {
		facts.since = time.Unix(1, 0) // any fetch of this process will do: a changed application is no reason to ask Git
	}
	if set.Annotations[v1alpha1.AnnotationAppSetRefresh] != "" {
		facts.since = time.Now()
	}
	wanted, err := a.wantedBy(ctx, set, facts)
	if err == nil {
		a.sets.forges.done(facts.asks)
	}
	state := a.rememberSet(name, facts.state)
	defer a.sets.queue.addAfter(name, a.nextLook(set, err), cause{git: time.Now()})
	if err != nil {
		return a.reportSet(ctx, set, setReport{err: err})
	}
	owned, others := a.ownedBy(set)
	previews, err := appset.PreviewPolicyOf(set)
	if err == nil {
		wanted, set, err = a.agePreviews(ctx, set, previews, wanted, owned)
	}
	if err != nil {
		return a.reportSet(ctx, set, setReport{err: err})
	}
	refused := a.refusedOf(wanted)
	decision, err := appset.Decide(ctx, set, wanted, owned, others, state.sure(wanted, set, time.Now(), a.Catalog.Settings().SetDoubt))
	if err != nil {
		return a.reportSet(ctx, set, setReport{err: err})
	}
	state.note(decision, wanted, time.Now())
	if decision.Why != "" { // whether it is meant is asked for again, and not remembered
		a.sets.forges.askAgain(name)
		a.sets.queue.addAfter(name, a.Catalog.Settings().SetDoubt+time.Second, cause{git: time.Now()})
	}
	// what the project does not permit now stays as it is: it is wanted, and no reason to delete
	decision.Create = slices.DeleteFunc(decision.Create, func(app *v1alpha1.Application) bool { return refused[nameOf(app)] != nil })
	decision.Update = slices.DeleteFunc(decision.Update, func(u appset.Update) bool { return refused[nameOf(u.Old)] != nil })
	report := a.performSet(ctx, set, decision, refused, owned)
	report.faults = append(report.faults, a.tellPreviews(ctx, set, previews, report.apps)...)
	report.digest, report.until = digestOf(wanted), state.since.Add(a.Catalog.Settings().SetDoubt)
	return a.reportSet(ctx, set, report)
}

// wantedBy evaluates a set.
func (a *Apps) wantedBy(ctx context.Context, set *v1alpha1.ApplicationSet, facts *setFacts) ([]*v1alpha1.Application, error) {
	if s := set.Spec.Strategy; s != nil && s.Type == "RollingSync" {
		return nil, problem.New(problem.Unsupported, "strategy RollingSync is not there yet").WithHint("without it, all applications are changed at once")
	}
	apps, previews, err := appset.GenerateWithPreviews(ctx, set, facts)
	if err != nil {
		return nil, err
	}
	if facts.asks != nil {
		facts.asks.previews = previews
	}
	for _, app := range apps {
		if app.Namespace != set.Namespace {
			return nil, problem.New(problem.Forbidden, "application %s would be in namespace %s, and an ApplicationSet makes applications in its own", app.Name, app.Namespace)
		}
		app.OwnerReferences = []metav1.OwnerReference{catalog.OwnedBy(set)}
		if keepsResources(set) {
			app.Finalizers = slices.DeleteFunc(app.Finalizers, func(f string) bool { return strings.HasPrefix(f, v1alpha1.FinalizerResources) })
		} else if len(app.Finalizers) == 0 {
			app.Finalizers = []string{v1alpha1.FinalizerResources}
		}
	}
	return apps, nil
}

// Generate returns what a set would make, which need not be stored.
func (a *Apps) Generate(ctx context.Context, set *v1alpha1.ApplicationSet) ([]*v1alpha1.Application, error) {
	return a.wantedBy(ctx, set, &setFacts{a: a, set: set, project: set.Spec.Template.Spec.Project, since: time.Now().Add(-recent), state: &setState{read: map[string]bool{}}})
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

// performSet does what was decided. What fails is told, and stops nothing else.
func (a *Apps) performSet(ctx context.Context, set *v1alpha1.ApplicationSet, d appset.Decision, refused map[types.NamespacedName]error, owned []*v1alpha1.Application) setReport {
	r := setReport{held: d.Why, apps: map[string]*v1alpha1.Application{}}
	for _, app := range owned {
		r.apps[app.Name] = app
	}
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
		a.Catalog.RequestEvent(set, "Normal", v1alpha1.EventResourceCreated, "created Application "+strconv.Quote(made.Name))
	}
	for _, u := range d.Update {
		now, err := a.Catalog.PatchApplication(ctx, u.Old, func(app *v1alpha1.Application) {
			app.Spec, app.Labels, app.Annotations, app.Finalizers = u.New.Spec, u.New.Labels, u.New.Annotations, u.New.Finalizers
		})
		if err != nil {
			r.faults = append(r.faults, err)
			continue
		}
		r.apps[now.Name] = now
		a.Catalog.RequestEvent(set, "Normal", v1alpha1.EventResourceUpdated, "updated Application "+strconv.Quote(now.Name))
	}
	for _, app := range d.Delete {
		if err := a.Catalog.DropApplication(ctx, app, keepsResources(set)); err != nil {
			r.faults = append(r.faults, err)
			continue
		}
		delete(r.apps, app.Name)
		a.Catalog.RequestEvent(set, "Normal", v1alpha1.EventResourceDeleted, "deleted Application "+strconv.Quote(app.Name))
	}
	return r
}

// releaseSet lets a deleted set go: its applications are Kubernetes' to delete.
func (a *Apps) releaseSet(ctx context.Context, set *v1alpha1.ApplicationSet) error {
	if !slices.ContainsFunc(set.Finalizers, func(f string) bool { return strings.HasPrefix(f, v1alpha1.FinalizerResources) }) {
		return nil
	}
	_, err := a.Catalog.PatchApplicationSet(ctx, set, func(s *v1alpha1.ApplicationSet) {
		s.Finalizers = slices.DeleteFunc(slices.Clone(s.Finalizers), func(f string) bool { return strings.HasPrefix(f, v1alpha1.FinalizerResources) })
	})
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	return err
}

// nextLook is when a set is to be looked at again, without a reason: repositories move, and not all tell of it.
func (a *Apps) nextLook(set *v1alpha1.ApplicationSet, err error) time.Duration {
	if err != nil {
		return 20 * time.Second
	}
	next := cmp.Or(a.Catalog.Settings().Reconciliation, 3*time.Minute)
	for _, g := range set.Spec.Generators {
		for _, seconds := range requeues(g) {
			if seconds != nil && *seconds > 0 {
				next = min(next, time.Duration(*seconds)*time.Second)
			}
		}
	}
	return max(next, 5*time.Second)
}

func requeues(g v1alpha1.ApplicationSetGenerator) (list []*int64) {
	if g.Git != nil {
		list = append(list, g.Git.RequeueAfterSeconds)
	}
	if g.PullRequest != nil {
		list = append(list, g.PullRequest.RequeueAfterSeconds)
	}
	if g.SCMProvider != nil {
		list = append(list, g.SCMProvider.RequeueAfterSeconds)
	}
	nested := [][]v1alpha1.ApplicationSetNestedGenerator{}
	if g.Matrix != nil {
		nested = append(nested, g.Matrix.Generators)
	}
	if g.Merge != nil {
		nested = append(nested, g.Merge.Generators)
	}
	for _, n := range slices.Concat(nested...) {
		list = append(list, requeues(v1alpha1.ApplicationSetGenerator{Git: n.Git, PullRequest: n.PullRequest, SCMProvider: n.SCMProvider})...)
	}
	return list
}

func (a *Apps) forgetSet(name types.NamespacedName) {
	a.sets.queue.forget(name)
	a.sets.mu.Lock()
	delete(a.sets.states, name)
	a.sets.mu.Unlock()
	a.sets.forges.forget(name)
}

// rememberSet keeps what the last look read, with what was in doubt before.
func (a *Apps) rememberSet(name types.NamespacedName, now *setState) *setState {
	a.sets.mu.Lock()
	defer a.sets.mu.Unlock()
	if old := a.sets.states[name]; old != nil {
		now.doubt, now.since = old.doubt, old.since
		if len(now.read) == 0 { // it failed before it read: what it read before still concerns it
			now.read = old.read
		}
	}
	a.sets.states[name] = now
	return now
}

// sure reports whether the same doubtful list was asked for a while ago already, or a person confirmed it.
func (s *setState) sure(wanted []*v1alpha1.Application, set *v1alpha1.ApplicationSet, now time.Time, patience time.Duration) bool {
	digest := digestOf(wanted)
	return set.Annotations[annotationSetApproved] == digest || s.doubt == digest && now.Sub(s.since) >= patience
}

func (s *setState) note(d appset.Decision, wanted []*v1alpha1.Application, now time.Time) {
	digest := digestOf(wanted)
	switch {
	case d.Why == "":
		s.doubt = ""
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

// setFacts is what generators may know, and the record of what they asked.
type setFacts struct {
	a       *Apps
	set     *v1alpha1.ApplicationSet
	asks    *forgeAsks // nil when nothing is to be remembered
	project string
	since   time.Time // what is known of repositories must be newer
	state   *setState
}

// Clusters returns those that are registered, and our own.
func (f *setFacts) Clusters(context.Context) (list []appset.Cluster, err error) {
	for _, c := range f.a.Catalog.Clusters() {
		list = append(list, appset.Cluster{Name: c.Name, Server: c.Server, Project: c.Project, Labels: c.Labels, Annotations: c.Annotations, Registered: c.Record != ""})
	}
	slices.SortFunc(list, func(a, b appset.Cluster) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Server, b.Server))
	})
	return list, nil
}

// Tree asks a repository, when what is known of it is older than the reason for the look.
func (f *setFacts) Tree(ctx context.Context, repoURL, revision string) (source.Tree, error) {
	record := f.a.Catalog.RepositoryFor(repoURL, f.project)
	f.state.read[source.NormalizeURL(repoURL)], f.state.read[source.NormalizeURL(record.URL)] = true, true
	if record.Problem != nil {
		return nil, record.Problem
	}
	if err := onlyGit(record); err != nil {
		return nil, err
	}
	if rules, err := f.a.Catalog.Rules(cmp.Or(f.project, v1alpha1.DefaultProject)); err == nil && !strings.Contains(f.project, "{{") {
		if err := rules.Source(repoURL); err != nil {
			return nil, err
		}
	}
	repo := repository(record)
	if _, err := f.a.Git.Refresh(ctx, repo, f.since); err != nil {
		return nil, err
	}
	commit, err := f.a.Git.Commit(ctx, repo, cmp.Or(revision, "HEAD"))
	if err != nil {
		return nil, err
	}
	return f.a.Git.Tree(ctx, repo, commit)
}

// Foreign refuses: nobody is asked yet.
func (f *setFacts) Foreign(_ context.Context, g v1alpha1.ApplicationSetTerminalGenerator) ([]appset.Params, error) {
	kind := "plugin"
	switch {
	case g.PullRequest != nil:
		kind = "pullRequest"
	case g.SCMProvider != nil:
		kind = "scmProvider"
	case g.ClusterDecisionResource != nil:
		kind = "clusterDecisionResource"
	}
	return nil, problem.New(problem.Unsupported, "the %s generator is not there yet", kind).WithHint("list, clusters, git, matrix and merge are")
}
