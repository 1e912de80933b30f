package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Bounds of one operation.
const (
	parallelSteps = 8
	saveEvery     = 300 * time.Millisecond // how long results may stay unwritten while steps go on
	waitLookEvery = 10 * time.Second       // a wait is looked at anew even when no event wakes it

	releaseLookAfter = 50 * time.Millisecond // the watch tells that a hook is gone; this is in case it does not
	pruneWaitsFor    = 10 * time.Second      // a request to prune, for other applications to be looked at

	maxOperationMessage = 4096 // bytes

	takeoverAttempts = 5 // at one object, while somebody else keeps writing it
)

// sharedWith stands in the result of an object that was left to another application.
const sharedWith = " is part of application "

// journal is the memory of a running operation that need not survive a restart: losing it repeats dry runs and
// applies, which change nothing the second time.
type journal struct {
	started metav1.Time
	entries plan.Journal
	order   []plan.ID
	phases  map[plan.ID]v1alpha1.SyncPhase
	dryRan  bool
	saved   time.Time
	view    *view  // of the operation's own revision, when it is not the application's
	asked   string // hash of `.operation` when it was taken up; empty when not known
}

// operate starts, continues or ends the application's operation. Its record stands in the Application: `.operation`
// as asked for, status.operationState as far as it has come, so that any process can go on from there.
func (a *Apps) operate(ctx context.Context, app *v1alpha1.Application, st *state) error {
	running := app.Status.OperationState != nil && !final(app.Status.OperationState.Phase)
	switch {
	case running && (app.Operation == nil || app.Status.OperationState.Phase == v1alpha1.OperationTerminating):
		return a.terminate(ctx, app, st, "")
	case running && superseded(app, st.view):
		return a.terminate(ctx, app, st, ": commit "+short(st.view.commits)+" supersedes it")
	case running:
		return a.proceed(ctx, app, st)
	case app.Operation != nil && st.mustWait(app.Operation):
		return nil
	case app.Operation != nil:
		st.waits = time.Time{}
		return a.begin(ctx, app, st, app.Operation)
	}
	now := time.Now()
	u := decideAutosync(autoInput{App: app, View: st.view, Now: now, Heals: st.heals, Retries: st.retries, Settings: a.pacing()})
	if u.In > 0 {
		a.queue.addAfter(nameOf(app), u.In, cause{})
	}
	if u.Operation == nil {
		a.Log.Debug("no automated sync", "application", app.Name, "reason", u.Why)
		return nil
	}
	if len(u.Operation.Sync.Resources) > 0 {
		st.heals.again(st.view.revision(), now, a.pacing())
	}
	return a.begin(ctx, app, st, u.Operation)
}

// mustWait reports whether a person's sync with prune stays a request for a moment longer, until other applications
// have said what they want; after that it goes ahead and leaves out what is undecided.
func (st *state) mustWait(op *v1alpha1.Operation) bool {
	if op.Sync == nil || !op.Sync.Prune || st.view.undecided == "" {
		return false
	}
	if st.waits.IsZero() {
		st.waits = time.Now()
	}
	return time.Since(st.waits) < pruneWaitsFor
}

// begin writes that the operation runs, before it has any effect.
func (a *Apps) begin(ctx context.Context, app *v1alpha1.Application, st *state, op *v1alpha1.Operation) error {
	if op.Sync == nil {
		return a.reject(ctx, app, "the operation names nothing to do", "set operation.sync")
	}
	now := metav1.Now().Rfc3339Copy()
	v := st.view
	result := &v1alpha1.SyncOperationResult{Revision: v.revision(), Revisions: v.revisions()}
	result.Source, result.Sources = sourcesOf(app, v)
	write := a.Catalog.PatchApplication
	if op.InitiatedBy.Automated { // a person's request that has just come must not be mixed with ours
		write = a.Catalog.PatchApplicationExact
	}
	updated, err := write(ctx, app, func(n *v1alpha1.Application) {
		n.Operation = op
		n.Status.OperationState = &v1alpha1.OperationState{Operation: *op, Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running", StartedAt: now, SyncResult: result}
	})
	if err != nil {
		return err
	}
	st.journal = nil
	a.started(updated, v)
	return a.proceed(ctx, updated, st)
}

// sourcesOf is where the view's objects come from, in the form that the application's spec has.
func sourcesOf(app *v1alpha1.Application, v *view) (one v1alpha1.ApplicationSource, many []v1alpha1.ApplicationSource) {
	if app.Spec.HasMultipleSources() {
		return one, v.spec.sources
	}
	if len(v.spec.sources) == 1 {
		one = v.spec.sources[0]
	}
	return one, nil
}

// reject ends a request that cannot be begun.
func (a *Apps) reject(ctx context.Context, app *v1alpha1.Application, what, hint string) error {
	now := metav1.Now().Rfc3339Copy()
	_, err := a.Catalog.PatchApplication(ctx, app, func(n *v1alpha1.Application) {
		op := *n.Operation
		n.Operation = nil
		n.Status.OperationState = &v1alpha1.OperationState{Operation: op, Phase: v1alpha1.OperationError, Message: what + " (" + hint + ")", StartedAt: now, FinishedAt: &now}
	})
	return err
}

// proceed performs the steps that are due, until the operation waits for something or is over.
func (a *Apps) proceed(ctx context.Context, app *v1alpha1.Application, st *state) error {
	if app.Status.OperationState.FinishedAt != nil {
		due, updated, err := a.tryAgain(ctx, app, st)
		if err != nil || !due {
			return err
		}
		app = updated
	}
	op := app.Status.OperationState
	if st.journal == nil || !st.journal.started.Equal(&op.StartedAt) {
		st.journal = journalOf(op)
		st.journal.asked = object.Hash(app.Operation)
	}
	j := st.journal
	v, err := a.operationView(ctx, app, st)
	if err != nil {
		return a.conclude(ctx, app, st, plan.Next{Phase: v1alpha1.OperationError, Message: err.Error()})
	}
	healing := op.Operation.InitiatedBy.Automated && op.Operation.Sync != nil && len(op.Operation.Sync.Resources) > 0
	if v.complete == nil || v.cluster == nil || v.unknown != nil && !healing {
		why := v.unknown
		if why == nil {
			why = problem.New(problem.Unavailable, "the destination cluster is not to be had")
		}
		return a.conclude(ctx, app, st, plan.Next{Phase: v1alpha1.OperationError, Message: "ComparisonError: " + why.Error()})
	}
	for ctx.Err() == nil {
		next := plan.Decide(a.planInput(ctx, app, v, j))
		for _, id := range sortedIDs(next.Results) {
			j.put(id, next.Results[id], v1alpha1.SyncPhase(id.Hook))
		}
		switch {
		case next.Done:
			return a.conclude(ctx, app, st, next)
		case next.Waiting != "":
			a.queue.addAfter(nameOf(app), waitLookEvery, cause{spec: true})
			return a.save(ctx, &app, j, next.Message)
		case len(next.Steps) > 0 && next.Steps[0].Action == plan.Release:
			// what a hook came to is written before its object goes: nothing else would know that it has run
			if err := a.save(ctx, &app, j, next.Message); err != nil {
				return err
			}
			a.perform(ctx, app, st, v, next.Steps)
			a.queue.addAfter(nameOf(app), releaseLookAfter, cause{})
			return nil
		case len(next.Steps) > 0:
			if refused := a.perform(ctx, app, st, v, next.Steps); len(refused) > 0 {
				return a.conclude(ctx, app, st, plan.DryRunFailed(refused))
			}
		}
		if time.Since(j.saved) > saveEvery {
			if err := a.save(ctx, &app, j, next.Message); err != nil {
				return err
			}
		}
		if now, err := a.Catalog.Application(nameOf(app)); err == nil && (now.Operation == nil || now.Status.OperationState != nil && now.Status.OperationState.Phase == v1alpha1.OperationTerminating) {
			return a.terminate(ctx, now, st, "")
		}
	}
	return ctx.Err()
}

// superseded reports whether an automated operation works at a commit that is not the newest any more: what it waits
// for may never come, and the newest commit may be the cure.
func superseded(app *v1alpha1.Application, v *view) bool {
	op := app.Status.OperationState
	return op.Operation.InitiatedBy.Automated && v.complete != nil && v.unknown == nil && op.SyncResult != nil &&
		(op.SyncResult.Revision != v.revision() || !slices.Equal(op.SyncResult.Revisions, v.revisions()))
}

// terminate ends the operation wherever it is. Its running hooks are stopped by deleting them.
func (a *Apps) terminate(ctx context.Context, app *v1alpha1.Application, st *state, why string) error {
	end := plan.Next{Phase: v1alpha1.OperationFailed, Message: "Operation terminated"}
	if st.journal == nil {
		st.journal = journalOf(app.Status.OperationState)
	}
	if v := a.viewOf(app, st.journal); v != nil && v.cluster != nil && v.complete != nil && app.Status.OperationState.Operation.Sync != nil {
		end = plan.Terminate(a.planInput(ctx, app, v, st.journal))
		for _, id := range sortedIDs(end.Results) {
			st.journal.put(id, end.Results[id], v1alpha1.SyncPhase(id.Hook))
		}
		if len(end.Steps) > 0 {
			a.perform(ctx, app, st, v, end.Steps)
		}
	}
	end.Message += why
	return a.finish(ctx, app, st, end)
}

func sortedIDs(j plan.Journal) []plan.ID {
	ids := slices.Collect(maps.Keys(j))
	slices.SortFunc(ids, func(a, b plan.ID) int {
		return cmp.Or(a.Key.Compare(b.Key), strings.Compare(string(a.Hook), string(b.Hook)))
	})
	return ids
}

// operationView is what the operation syncs to: what the application shows, or another revision or source.
func (a *Apps) operationView(ctx context.Context, app *v1alpha1.Application, st *state) (*view, error) {
	sync := app.Status.OperationState.Operation.Sync
	asked := sync.Revisions
	if len(asked) == 0 && sync.Revision != "" {
		asked = []string{sync.Revision}
	}
	if len(sync.Manifests) > 0 {
		return nil, problem.New(problem.Invalid, "syncing local manifests is not supported").WithHint("push them to a branch and sync to that revision")
	}
	other := sync.Source != nil || len(sync.Sources) > 0
	if !other && (len(asked) == 0 || slices.Equal(asked, st.view.commits)) {
		return st.view, nil
	}
	if st.journal.view != nil {
		return a.recompare(ctx, app, st.journal.view, allKeys(st.journal.view), st.answers), nil
	}
	v := &view{spec: st.view.spec, at: time.Now(), aside: true}
	if sync.Source != nil {
		v.spec.sources = []v1alpha1.ApplicationSource{*sync.Source}
	}
	if len(sync.Sources) > 0 {
		v.spec.sources = sync.Sources
	}
	a.destination(v)
	if v.cluster == nil {
		return v, nil
	}
	if err := a.permitted(v); err != nil {
		return nil, err
	}
	trees, err := a.trees(ctx, v, asked, cause{})
	if err != nil {
		return nil, err
	}
	if v.complete, err = a.rendered(ctx, app, v, trees, nil); err != nil {
		return nil, err
	}
	if !other && slices.Equal(v.commits, st.view.commits) { // it was asked for by another name
		return st.view, nil
	}
	st.journal.view = a.compare(ctx, app, v, st.view, st.answers)
	return st.journal.view, nil
}

func allKeys(v *view) map[object.Key]bool {
	m := map[object.Key]bool{}
	for k := range v.objects {
		m[k] = true
	}
	return m
}

// planInput gathers what the plan decides on.
func (a *Apps) planInput(ctx context.Context, app *v1alpha1.Application, v *view, j *journal) plan.Input {
	op := app.Status.OperationState.Operation
	options := plan.ParseOptions(optionsOf(app, op.Sync))
	options.Force = options.Force || forced(op.Sync.SyncStrategy)
	options.DeletionApproved = deletionApproved(app, app.Status.OperationState.StartedAt)
	in := plan.Input{
		Desired: v.complete.objects, Live: map[object.Key]*object.Object{}, Journal: j.entries, DryRan: j.dryRan,
		Sync: *op.Sync, Options: options, Changed: map[object.Key]bool{}, Skipped: map[object.Key]string{}, Refused: map[object.Key]string{},
		Health: func(o *object.Object) plan.Health { return a.planHealth(ctx, o) },
		Known:  func(k object.Key) bool { _, ok := v.cluster.Kind(k.GroupKind()); return ok },
		Prune:  a.provePrune(app, v, op.InitiatedBy.Automated).Keep,
	}
	for key, c := range v.objects {
		if live, ok := v.cluster.Get(key); ok {
			in.Live[key] = live
		}
		in.Changed[key] = c.status != v1alpha1.SyncStatusSynced
		if c.foreign != "" {
			in.Skipped[key] = key.Short() + sharedWith + c.foreign
		}
		if c.refused != "" {
			in.Refused[key] = c.refused
		}
	}
	for key, c := range v.extras {
		if live, ok := v.cluster.Get(key); ok {
			in.Live[key] = live
		} else if _, done := j.entries[plan.ID{Key: key}]; !done {
			in.Live[key] = c.live
		}
	}
	state := app.Status.OperationState
	in.Run = plan.HookRun{Started: state.StartedAt.Unix(), ID: object.Hash([]any{app.UID, state.StartedAt, state.Operation, state.RetryCount})[:16]}
	if len(v.commits) > 0 {
		in.Run.Revision = v.commits[0]
	}
	permit := a.permit(v)
	for _, key := range in.HookKeys() {
		if live, ok := v.cluster.Get(key); ok {
			in.Live[key] = live
		}
		if err := permit(key); err != nil {
			in.Refused[key] = err.Error()
		}
	}
	if options.CreateNamespace {
		in.Ensure = a.namespaceToEnsure(app, v)
	}
	a.lookFor(ctx, v, &in)
	return in
}

// lookFor asks the API server about what was applied and the index does not have: it may be out of the watches' reach,
// or gone again, and then nothing will ever tell of its health.
func (a *Apps) lookFor(ctx context.Context, v *view, in *plan.Input) {
	in.Gone = map[object.Key]bool{}
	for id, e := range in.Journal {
		if id.Hook != "" || e.Status != v1alpha1.ResultSynced || e.Phase != v1alpha1.OperationRunning || in.Live[id.Key] != nil || in.Sync.DryRun || v.objects[id.Key] == nil {
			continue
		}
		live, err := v.cluster.Fetch(ctx, id.Key, "")
		if err == nil {
			in.Live[id.Key] = live
		}
		in.Gone[id.Key] = problem.Is(err, problem.NotFound) && v.cluster.KindErr(id.Key.GroupKind()) == nil
	}
}

// forced reports whether the operation's strategy asks for deleting and creating anew (`argocd app sync --force`).
func forced(s *v1alpha1.SyncStrategy) bool {
	return s != nil && (s.Apply != nil && s.Apply.Force || s.Hook != nil && s.Hook.Force)
}

func optionsOf(app *v1alpha1.Application, sync *v1alpha1.SyncOperation) []string {
	var list []string
	if app.Spec.SyncPolicy != nil {
		list = append(list, app.Spec.SyncPolicy.SyncOptions...)
	}
	return append(list, sync.SyncOptions...)
}

// namespaceToEnsure is the destination namespace when nothing in the source defines it and it lacks something.
func (a *Apps) namespaceToEnsure(app *v1alpha1.Application, v *view) *object.Object {
	name := v.spec.destination.Namespace
	key := object.Key{Kind: "Namespace", Name: name}
	if name == "" || v.objects[key] != nil {
		return nil
	}
	ns := &object.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	ns.SetName(name)
	var managed *v1alpha1.ManagedNamespaceMetadata
	if app.Spec.SyncPolicy != nil { // the option may come from the operation alone
		managed = app.Spec.SyncPolicy.ManagedNamespaceMetadata
	}
	if managed != nil {
		ns.SetLabels(managed.Labels)
		ns.SetAnnotations(managed.Annotations)
	} else if _, exists := v.cluster.Get(key); exists {
		return nil
	}
	return ns
}

// perform does the steps side by side and writes what came of them into the journal. It returns why the API server
// refused, when the steps were the dry run before the sync.
func (a *Apps) perform(ctx context.Context, app *v1alpha1.Application, st *state, v *view, steps []plan.Step) (refused []string) {
	j := st.journal
	w := a.writer(v)
	rehearsal := steps[0].DryRun && !j.dryRan
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallelSteps)
	for _, s := range steps {
		group.Go(func() error {
			entry, said := a.step(ctx, app, w, v, s)
			if ctx.Err() != nil || entry.Phase == "" {
				return nil // we were stopped, or there is nothing to note: what is not in the journal is decided again
			}
			mu.Lock()
			defer mu.Unlock()
			if rehearsal {
				if entry.Phase == v1alpha1.OperationFailed {
					refused = append(refused, entry.Message)
					j.put(s.ID(), entry, s.Phase)
				}
				return nil
			}
			j.put(s.ID(), entry, s.Phase)
			if said.object != nil {
				st.answers[s.Key] = said
			}
			return nil
		})
	}
	_ = group.Wait()
	if rehearsal {
		j.dryRan = true
	}
	slices.Sort(refused)
	return refused
}

// step performs one step and says how it went, in kubectl's words, and what the API server answered.
func (a *Apps) step(ctx context.Context, app *v1alpha1.Application, w *cluster.Writer, v *view, s plan.Step) (plan.Entry, answer) {
	name := kubectlName(s.Key)
	dry := ""
	if s.DryRun {
		dry = " (dry run)"
	}
	switch s.Action {
	case plan.Run:
		return a.runHook(ctx, w, v, s), answer{}
	case plan.Release:
		if err := a.releaseHook(ctx, w, s); err != nil {
			a.Log.Warn("hook not released", "hook", s.Key.String(), "error", err)
		}
		return plan.Entry{}, answer{}
	case plan.Prune:
		entry := a.prune(ctx, app, w, v, s)
		entry.Message += dry
		return entry, answer{}
	}
	applied, err := a.write(ctx, app, w, v, s)
	if err != nil {
		return plan.Entry{Status: v1alpha1.ResultSyncFailed, Message: err.Error(), Phase: v1alpha1.OperationFailed}, answer{}
	}
	word := applied.Result
	if s.Options.ServerSideApply {
		word = "serverside-applied"
	}
	said := answer{wantHash: object.Hash(s.Object.Object), object: applied.Object}
	if s.DryRun {
		said = answer{}
	}
	return plan.Entry{Status: v1alpha1.ResultSynced, Message: name + " " + word + dry, Phase: v1alpha1.OperationRunning}, said
}

// prune deletes the step's object as it was when it was seen to be ours. When it has changed since, it is looked at
// again: another application may just have taken it over.
func (a *Apps) prune(ctx context.Context, app *v1alpha1.Application, w *cluster.Writer, v *view, s plan.Step) plan.Entry {
	live, known := v.cluster.Get(s.Key)
	if !known || live.GetUID() != s.Object.GetUID() {
		live = s.Object
	}
	pruned := plan.Entry{Status: v1alpha1.ResultPruned, Message: "pruned", Phase: v1alpha1.OperationSucceeded}
	for attempt := 1; ; attempt++ {
		if a.Catalog.Settings().Tracking.Owner(live) != a.instance(app) {
			return plan.Entry{Status: v1alpha1.ResultPruneSkipped, Message: "ignored (it does not carry this application's mark any more)", Phase: v1alpha1.OperationSucceeded}
		}
		err := w.Delete(ctx, cluster.DeleteRequest{Key: s.Key, UID: s.Object.GetUID(), ResourceVersion: live.GetResourceVersion(), Propagation: s.Options.Propagation, DryRun: s.DryRun})
		a.Metrics.request("delete")
		if err == nil || problem.Is(err, problem.NotFound) {
			return pruned
		}
		fresh, readErr := v.cluster.Fetch(ctx, s.Key, "")
		switch {
		case problem.Is(readErr, problem.NotFound):
			return pruned
		case !problem.Is(err, problem.Conflict) || readErr != nil || fresh.GetUID() != s.Object.GetUID() || attempt == takeoverAttempts:
			return plan.Entry{Status: v1alpha1.ResultSyncFailed, Message: err.Error(), Phase: v1alpha1.OperationFailed}
		}
		live = fresh
	}
}

// runHook creates a hook's object. It is marked with its run, so that one that is there already tells whose it is.
func (a *Apps) runHook(ctx context.Context, w *cluster.Writer, v *view, s plan.Step) plan.Entry {
	created := plan.Entry{Status: v1alpha1.ResultSynced, Message: kubectlName(s.Key) + " created", Phase: v1alpha1.OperationRunning}
	var err error
	if s.Over {
		_, err = w.Apply(ctx, cluster.ApplyRequest{Object: s.Object, DryRun: s.DryRun, Manager: v1alpha1.DefaultFieldManager, Validate: !s.Options.SkipValidation})
		created.Message = kubectlName(s.Key) + " configured"
	} else {
		_, err = w.Create(ctx, cluster.CreateRequest{Object: s.Object, DryRun: s.DryRun, Manager: v1alpha1.DefaultFieldManager, Validate: !s.Options.SkipValidation})
	}
	a.Metrics.request("create")
	if problem.Is(err, problem.Conflict) || problem.Is(err, problem.Unavailable) { // it may be there: look before anything is repeated
		there, readErr := v.cluster.Whole(ctx, s.Key)
		switch {
		case readErr == nil && there.GetAnnotations()[plan.AnnotationRun] == s.Object.GetAnnotations()[plan.AnnotationRun]:
			err = nil
		case readErr == nil && !s.Over:
			return plan.Entry{} // of an earlier run, and not in our index when this was decided
		}
	}
	if err != nil {
		return plan.Entry{Status: v1alpha1.ResultSyncFailed, Message: err.Error(), Phase: v1alpha1.OperationFailed}
	}
	return created
}

// releaseHook deletes a hook's object if it is to go, and takes our finalizer off it.
func (a *Apps) releaseHook(ctx context.Context, w *cluster.Writer, s plan.Step) error {
	if s.Delete && s.Object.GetDeletionTimestamp() == nil {
		err := w.Delete(ctx, cluster.DeleteRequest{Key: s.Key, UID: s.Object.GetUID(), Propagation: metav1.DeletePropagationBackground})
		a.Metrics.request("delete")
		if err != nil && !problem.Is(err, problem.NotFound) {
			return err
		}
	}
	left := slices.DeleteFunc(slices.Clone(s.Object.GetFinalizers()), func(f string) bool { return f == v1alpha1.FinalizerHook })
	if len(left) == len(s.Object.GetFinalizers()) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": s.Object.GetUID(), "finalizers": left}})
	if err != nil {
		return err
	}
	_, err = w.Patch(ctx, cluster.PatchRequest{Key: s.Key, Type: types.MergePatchType, Data: patch, Manager: v1alpha1.DefaultFieldManager + "-hooks"})
	a.Metrics.request("patch")
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	return err
}

// writer is the only way to the cluster for this application: what its project does not permit does not leave us, and
// nothing does once another replica may lead.
func (a *Apps) writer(v *view) *cluster.Writer {
	permit := a.permit(v)
	return v.cluster.Writer(func(key object.Key) error {
		if err := a.Catalog.Leading(); err != nil {
			return err
		}
		return permit(key)
	})
}

// kubectlName is kind.group/name, as kubectl prints it.
func kubectlName(k object.Key) string {
	kind := strings.ToLower(k.Kind)
	if k.Group != "" {
		kind += "." + k.Group
	}
	return kind + "/" + k.Name
}

func journalOf(op *v1alpha1.OperationState) *journal {
	j := &journal{started: op.StartedAt, entries: plan.Journal{}, phases: map[plan.ID]v1alpha1.SyncPhase{}, saved: time.Now()}
	if op.SyncResult != nil {
		for _, r := range op.SyncResult.Resources {
			id := plan.ID{Key: object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}, Hook: r.HookType}
			j.put(id, plan.Entry{Status: r.Status, Message: r.Message, Phase: r.HookPhase}, r.SyncPhase)
		}
		j.dryRan = len(op.SyncResult.Resources) > 0
	}
	return j
}

func (j *journal) put(id plan.ID, e plan.Entry, phase v1alpha1.SyncPhase) {
	if _, known := j.entries[id]; !known {
		j.order = append(j.order, id)
	}
	if phase == "" {
		phase = v1alpha1.SyncPhaseSync
	}
	j.entries[id], j.phases[id] = e, phase
}

// results is the journal as the wire has it.
func (j *journal) results(v *view) []v1alpha1.ResourceResult {
	list := make([]v1alpha1.ResourceResult, 0, len(j.order))
	for _, id := range j.order {
		k, e := id.Key, j.entries[id]
		r := v1alpha1.ResourceResult{Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name, Status: e.Status, Message: clip(e.Message, 1024),
			HookType: id.Hook, HookPhase: e.Phase, SyncPhase: j.phases[id]}
		if v != nil {
			if c := v.objects[k]; c != nil && c.want != nil {
				r.Version, r.Images = c.want.GroupVersionKind().Version, imagesOf(c.want)
			} else if c := v.extras[k]; c != nil {
				r.Version = c.live.GroupVersionKind().Version
			} else if kind, ok := v.cluster.Kind(k.GroupKind()); ok {
				r.Version = kind.GVK.Version
			}
		}
		list = append(list, r)
	}
	return list
}

// save writes how far the operation has come.
func (a *Apps) save(ctx context.Context, app **v1alpha1.Application, j *journal, message string) error {
	updated, err := a.Catalog.PatchApplication(ctx, *app, func(n *v1alpha1.Application) {
		if op := n.Status.OperationState; op != nil && !final(op.Phase) && op.SyncResult != nil {
			op.Message = message
			op.SyncResult.Resources = bounded(j.results(a.viewOf(*app, j)), room(n.Status.Resources))
		}
	})
	if err != nil {
		return err
	}
	j.saved = time.Now()
	*app = updated
	return nil
}

func (a *Apps) viewOf(app *v1alpha1.Application, j *journal) *view {
	if j.view != nil {
		return j.view
	}
	return a.state(nameOf(app)).view
}

// finish writes the end of the operation: `.operation` goes and the final phase comes in one write, and a look that
// follows brings a newer reconciledAt. Scripts wait in this order.
func (a *Apps) finish(ctx context.Context, app *v1alpha1.Application, st *state, end plan.Next) error {
	now := metav1.Now().Rfc3339Copy()
	j := st.journal
	if j == nil {
		j = journalOf(app.Status.OperationState)
	}
	v := a.viewOf(app, j)
	// exact, so that a request that replaces this one is not removed with it: it is the next
	updated, err := a.Catalog.PatchApplicationExact(ctx, app, func(n *v1alpha1.Application) {
		op := n.Status.OperationState
		if op == nil || final(op.Phase) {
			return
		}
		if j.asked == "" || object.Hash(n.Operation) == j.asked {
			n.Operation = nil
		}
		op.Phase, op.Message, op.FinishedAt = end.Phase, clip(end.Message, maxOperationMessage), &now
		if op.SyncResult != nil {
			op.SyncResult.Resources = bounded(j.results(v), room(n.Status.Resources))
			if v != nil && j.view != nil {
				op.SyncResult.Revision, op.SyncResult.Revisions = v.revision(), v.revisions()
				op.SyncResult.Source, op.SyncResult.Sources = sourcesOf(app, v)
			}
		}
		remember(n, op, v)
	})
	if err != nil {
		return err
	}
	st.journal = nil
	touched := map[object.Key]bool{}
	for id := range j.entries {
		touched[id.Key] = true
	}
	sync := updated.Status.OperationState.Operation.Sync
	if end.Phase == v1alpha1.OperationSucceeded {
		st.retries = pacing{}
	} else if st.view != nil {
		st.retries.again(object.Hash([]any{st.view.commits, end.Message}), time.Now(), a.pacing())
	}
	a.finished(updated, end)
	c := cause{live: touched}
	if sync != nil && (sync.Revision != "" || sync.Source != nil) {
		c.spec = true
	}
	a.queue.add(nameOf(updated), urgent, c)
	a.queue.addAfter(nameOf(updated), 1100*time.Millisecond, cause{live: touched}) // the wire's times have whole seconds: a reconciledAt after finishedAt
	return nil
}

// remember adds a finished full sync to the history.
func remember(app *v1alpha1.Application, op *v1alpha1.OperationState, v *view) {
	sync := op.Operation.Sync
	if op.Phase != v1alpha1.OperationSucceeded || sync == nil || sync.DryRun || len(sync.Resources) > 0 || op.SyncResult == nil {
		return
	}
	limit := int64(v1alpha1.DefaultRevisionHistoryLimit)
	if app.Spec.RevisionHistoryLimit != nil {
		limit = *app.Spec.RevisionHistoryLimit
	}
	id := int64(0)
	if n := len(app.Status.History); n > 0 {
		id = app.Status.History[n-1].ID + 1
	}
	started := op.StartedAt
	h := v1alpha1.RevisionHistory{ID: id, Revision: op.SyncResult.Revision, Revisions: op.SyncResult.Revisions, Source: op.SyncResult.Source, Sources: op.SyncResult.Sources,
		DeployStartedAt: &started, DeployedAt: *op.FinishedAt, InitiatedBy: op.Operation.InitiatedBy}
	app.Status.History = append(app.Status.History, h)
	if over := int64(len(app.Status.History)) - max(0, limit); over > 0 {
		app.Status.History = slices.Clone(app.Status.History[over:])
	}
}
