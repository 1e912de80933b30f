package reconcile

import (
	"context"
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Bounds of one operation.
const (
	parallelSteps = 8
	saveEvery     = time.Second      // how long results may stay unwritten while steps go on
	waitLookEvery = 10 * time.Second // a wait is looked at anew even when no event wakes it

	waitLookAtLeast = 20 * time.Millisecond // however soon the wait's end is

	releaseLookAfter = 50 * time.Millisecond // the watch tells that a hook is gone; this is in case it does not
	pruneWaitsFor    = 10 * time.Second      // a request to prune, for other applications to be looked at

	weatherLasts = 3 * time.Minute // how long an operation is held up by requests that cannot be served
	waitWeather  = "weather"

	maxOperationMessage = 4096 // bytes

	takeoverAttempts = 5 // at one object, while somebody else keeps writing it
)

// weatherPacing is how soon a request that could not be served is repeated.
var weatherPacing = pacingSettings{First: 300 * time.Millisecond, Factor: 2, Cap: 10 * time.Second}

// sharedWith stands in the result of an object that was left to another application.
const sharedWith = " is part of application "

// operate starts, continues or ends the operation that somebody asked for or that is going on. Its record stands in the
// Application: `.operation` as asked for, status.operationState as far as it has come, so that any process can go on from
// there.
func (a *Apps) operate(ctx context.Context, app *v1alpha1.Application, st *state) error {
	running := app.Status.OperationState != nil && !final(app.Status.OperationState.Phase)
	switch {
	case st.ended(app):
		if rest := passing - time.Since(st.journal.over); rest > 0 && st.settling() {
			a.queue.addAfter(nameOf(app), rest, cause{}) // the look for which this one came early
			return nil
		}
		return a.finish(ctx, app, st, st.journal.end)
	case running && (app.Operation == nil || app.Status.OperationState.Phase == v1alpha1.OperationTerminating):
		return a.terminate(ctx, app, st, "")
	case running && superseded(app, st.view):
		return a.terminate(ctx, app, st, ": commit "+short(st.view.commits)+" supersedes it")
	case running && a.timeLeft(app) <= 0:
		return a.terminate(ctx, app, st, ", triggered by controller sync timeout")
	case running:
		a.queue.addAfter(nameOf(app), a.timeLeft(app), cause{})
		return a.proceed(ctx, app, st)
	case app.Operation != nil && st.mustWait(app.Operation):
		return nil
	case app.Operation != nil:
		st.waits = time.Time{}
		return a.begin(ctx, app, st, app.Operation, nil)
	}
	return nil
}

// autosync returns the operation that begins by itself after a look, nil when none does.
func (a *Apps) autosync(app *v1alpha1.Application, v *view, st *state) *v1alpha1.Operation {
	now := time.Now()
	u := decideAutosync(autoInput{App: app, View: v, Now: now, Heals: st.heals, Retries: st.retries, Settings: a.pacing(), Gate: a.windows(app, v).At(now)})
	if u.In > 0 {
		a.queue.addAfter(nameOf(app), u.In, cause{})
	}
	if u.Operation == nil {
		a.Log.Debug("no automated sync", "application", a.called(nameOf(app)), "reason", u.Why)
		return nil
	}
	if len(u.Operation.Sync.Resources) > 0 && !u.Turns {
		st.heals.note(u.Operation.Sync.Resources, v, now, a.pacing())
	}
	return u.Operation
}

// timeLeft is how long the running operation may still take, as the settings have it.
func (a *Apps) timeLeft(app *v1alpha1.Application) time.Duration {
	limit := a.Catalog.Settings().SyncTimeout
	if limit <= 0 {
		return 24 * time.Hour
	}
	return time.Until(app.Status.OperationState.StartedAt.Add(limit))
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

// begin writes that the operation runs, before it has any effect, and what the look found that it follows from, unless
// that is written already.
func (a *Apps) begin(ctx context.Context, app *v1alpha1.Application, st *state, op *v1alpha1.Operation, found *finding) error {
	if op.Sync == nil {
		return a.reject(ctx, app, "the operation names nothing to do", "set operation.sync")
	}
	now := metav1.Now().Rfc3339Copy()
	v := st.view
	if v.held != nil && wantsFollowed(op) { // who syncs without naming a revision means the branch: the next look shows it
		_, err := a.Catalog.PatchApplicationExact(ctx, app, func(n *v1alpha1.Application) { delete(n.Annotations, v1alpha1.AnnotationHold) })
		a.queue.add(nameOf(app), urgent, cause{spec: true})
		return err
	}
	if !op.InitiatedBy.Automated && !op.Sync.DryRun {
		st.heals.forget(op.Sync.Resources)
	}
	op = noteRest(op, app.Status.OperationState, v)
	state := &v1alpha1.OperationState{Operation: *op, Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running", StartedAt: now, SyncResult: &v1alpha1.SyncOperationResult{}}
	if p := app.Spec.SyncPolicy; p != nil {
		state.SyncResult.ManagedNamespaceMetadata = p.ManagedNamespaceMetadata
	}
	st.journal = journalOf(state)
	if to, err := a.operationView(ctx, app, state, st); err == nil { // resolved once: a restart goes on with the same commits
		state.SyncResult.Revision, state.SyncResult.Revisions = to.revision(), to.revisions()
		state.SyncResult.Source, state.SyncResult.Sources = sourcesOf(app, to)
	}
	// exact: a request that has just come, in the place of this one or before ours, must neither be mixed with it nor be
	// taken for it when it ends
	updated, err := a.Catalog.PatchApplicationExact(ctx, app, func(n *v1alpha1.Application) {
		if found != nil {
			found.write(a, n)
		}
		n.Operation = op
		n.Status.OperationState = state
		prepareHold(n, op, v, now)
	})
	if err != nil {
		return err
	}
	st.journal.asked = object.Hash(updated.Operation)
	if found != nil {
		a.tell(app, updated, st, *found)
	}
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
	_, err := a.Catalog.PatchApplicationExact(ctx, app, func(n *v1alpha1.Application) {
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
	if gate, closed := closed(op, a.windows(app, st.view), time.Now()); closed {
		return a.waitForWindow(ctx, app, j, gate)
	}
	v, err := a.operationView(ctx, app, op, st)
	if problem.Is(err, problem.Unavailable) {
		return a.sitOut(ctx, app, st, err.Error())
	}
	if err != nil {
		return a.conclude(ctx, app, st, plan.Next{Phase: v1alpha1.OperationError, Message: err.Error()})
	}
	healing := op.Operation.InitiatedBy.Automated && op.Operation.Sync != nil && len(op.Operation.Sync.Resources) > 0
	if v.complete == nil || v.cluster == nil || v.unknown != nil && !healing {
		why := v.unknown
		if why == nil {
			why = problem.New(problem.Unavailable, "the destination cluster is not to be had")
		}
		if problem.Is(why, problem.Unavailable) { // ended now, it would run its hooks anew with the next try
			return a.sitOut(ctx, app, st, why.Error())
		}
		return a.conclude(ctx, app, st, plan.Next{Phase: v1alpha1.OperationError, Message: "ComparisonError: " + why.Error()})
	}
	if _, err := a.account(v); err != nil { // said once, instead of by each object
		return a.conclude(ctx, app, st, plan.Next{Phase: v1alpha1.OperationError, Message: err.Error()})
	}
	for ctx.Err() == nil {
		switch now, err := a.Catalog.Application(nameOf(app)); { // since the look began, or since the last steps
		case err != nil:
		case now.UID != app.UID || now.Status.OperationState == nil:
			return problem.New(problem.Conflict, "the application is another one, or without its operation's record, by now")
		case now.Operation == nil, now.Status.OperationState.Phase == v1alpha1.OperationTerminating:
			return a.terminate(ctx, now, st, "")
		}
		in := a.planInput(ctx, app, v, j)
		if err := a.lookForHooks(ctx, v, &in); err != nil {
			return a.sitOut(ctx, app, st, err.Error())
		}
		next := plan.Decide(in)
		for _, id := range next.Results.IDs() {
			j.put(id, next.Results[id], v1alpha1.SyncPhase(id.Hook))
		}
		switch {
		case next.Done:
			return a.conclude(ctx, app, st, next)
		case next.Waiting != "":
			j.wait = next.Wait
			pause := waitLookEvery
			if until := next.Wait.Until; !until.IsZero() {
				pause = min(pause, max(time.Until(until), waitLookAtLeast))
			}
			a.queue.addAfter(nameOf(app), pause, cause{spec: true})
			return a.save(ctx, &app, j, next.Message)
		case len(next.Steps) > 0 && next.Steps[0].Action == plan.Release:
			// what a hook came to is written before its object goes: nothing else would know that it has run
			if err := a.save(ctx, &app, j, next.Message); err != nil {
				return err
			}
			if o := a.perform(ctx, app, st, v, next.Steps); o.weather != "" && ctx.Err() == nil {
				return a.sitOut(ctx, app, st, o.weather)
			}
			a.queue.addAfter(nameOf(app), releaseLookAfter, cause{})
			return nil
		case len(next.Steps) > 0:
			switch o := a.perform(ctx, app, st, v, next.Steps); {
			case len(o.refused) > 0:
				return a.conclude(ctx, app, st, plan.DryRunFailed(o.refused))
			case o.weather != "" && ctx.Err() == nil:
				if o.gotOn { // the patience is with what does not get on at all
					j.wait, j.weather = plan.Wait{}, pacing{}
				}
				return a.sitOut(ctx, app, st, o.weather)
			}
			j.wait, j.weather = plan.Wait{}, pacing{}
		}
		if time.Since(j.saved) > saveEvery {
			if err := a.save(ctx, &app, j, next.Message); err != nil {
				return err
			}
		}
		if gate, closed := closed(app.Status.OperationState, a.windows(app, st.view), time.Now()); closed {
			return a.waitForWindow(ctx, app, j, gate)
		}
	}
	return ctx.Err()
}

// sitOut pauses an operation whose requests the cluster cannot serve just now: it is overloaded, restarts, or ends a
// namespace. What was not done is due again; only when that goes on for long does the operation fail.
func (a *Apps) sitOut(ctx context.Context, app *v1alpha1.Application, st *state, weather string) error {
	if !st.journal.endures(time.Now()) {
		return a.conclude(ctx, app, st, plan.Next{Phase: v1alpha1.OperationFailed, Message: "one or more objects failed to apply, reason: " + weather})
	}
	return a.shelter(ctx, app, st.journal, weather)
}

// endures notes that the operation is held up, and reports whether that has not gone on for too long.
func (j *journal) endures(now time.Time) bool {
	if j.wait.Subject != waitWeather {
		j.wait, j.weather = plan.Wait{Subject: waitWeather, Since: now}, pacing{}
	}
	return now.Before(j.wait.Since.Add(weatherLasts))
}

// shelter has the operation looked at again after a pause, and says why it does not go on.
func (a *Apps) shelter(ctx context.Context, app *v1alpha1.Application, j *journal, weather string) error {
	now, since := time.Now(), j.wait.Since.UTC()
	j.weather.again("", now, weatherPacing)
	a.queue.addAfter(nameOf(app), j.weather.wait(now, weatherPacing), cause{})
	return a.save(ctx, &app, j, "waiting for the cluster ("+weather+"; since "+since.Format(time.RFC3339)+", gives up at "+since.Add(weatherLasts).Format(time.RFC3339)+")")
}

// superseded reports whether an operation at what the application follows by itself works at a commit that is not the
// newest any more: what it waits for may never come, and the newest commit may be the cure.
func superseded(app *v1alpha1.Application, v *view) bool {
	op := app.Status.OperationState
	follows := op.Operation.InitiatedBy.Automated || app.Spec.Automation().Enabled && wantsFollowed(&op.Operation)
	return follows && v.complete != nil && v.unknown == nil && op.SyncResult != nil &&
		(op.SyncResult.Revision != v.revision() || !slices.Equal(op.SyncResult.Revisions, v.revisions()))
}

// terminate ends the operation wherever it is. Its running hooks are stopped by deleting them.
func (a *Apps) terminate(ctx context.Context, app *v1alpha1.Application, st *state, why string) error {
	end := plan.Next{Phase: v1alpha1.OperationFailed, Message: "Operation terminated"}
	if st.journal == nil {
		st.journal = journalOf(app.Status.OperationState)
	}
	if v := a.viewOf(app, st.journal); v != nil && v.cluster != nil && v.complete != nil && app.Status.OperationState.Operation.Sync != nil {
		in := a.planInput(ctx, app, v, st.journal)
		weather := a.lookForHooks(ctx, v, &in)
		if end = plan.Terminate(in); weather == nil && len(end.Steps) > 0 {
			weather = a.perform(ctx, app, st, v, end.Steps).trouble()
		}
		// a hook that is left running, or held by our finalizer, is nobody's any more
		if weather != nil && st.journal.endures(time.Now()) {
			return a.shelter(ctx, app, st.journal, weather.Error())
		}
		for _, id := range end.Results.IDs() { // not before its hooks are gone: a hook that has ended is not deleted
			st.journal.put(id, end.Results[id], v1alpha1.SyncPhase(id.Hook))
		}
	}
	end.Message += why
	return a.finish(ctx, app, st, end)
}

// operationView is what the operation syncs to: what the application shows, or another revision or source.
func (a *Apps) operationView(ctx context.Context, app *v1alpha1.Application, op *v1alpha1.OperationState, st *state) (*view, error) {
	sync := op.Operation.Sync
	asked := resolvedAt(op)
	if len(asked) == 0 {
		asked = sync.Revisions
	}
	if len(asked) == 0 && sync.Revision != "" {
		asked = []string{sync.Revision}
	}
	other := len(sync.Manifests) > 0 || sync.Source != nil || len(sync.Sources) > 0 || !op.Operation.InitiatedBy.Automated && st.view.held != nil && len(st.view.held.Other) > 0
	if !other && (len(asked) == 0 || slices.Equal(asked, st.view.commits)) {
		return st.view, nil
	}
	if st.journal.view != nil {
		return a.recompare(ctx, app, st.journal.view, allKeys(st.journal.view), st.answers), nil
	}
	v := &view{spec: specOf(app), itself: app.UID, at: time.Now(), aside: true}
	if sync.Source != nil {
		v.spec.sources = []v1alpha1.ApplicationSource{*sync.Source}
	}
	if len(sync.Sources) > 0 {
		v.spec.sources = sync.Sources
	}
	a.destination(v)
	if err := a.permitted(v); err != nil {
		return nil, err
	}
	if v.cluster == nil {
		return v, nil
	}
	if len(sync.Manifests) > 0 {
		if err := a.demandsProof(v); err != nil {
			return nil, err
		}
		complete, err := a.given(app, v, sync.Manifests)
		if err != nil {
			return nil, err
		}
		v.complete, v.commits, v.infos = complete, st.view.commits, st.view.infos
		st.journal.view = a.compare(ctx, app, v, st.view, st.answers)
		return st.journal.view, nil
	}
	if len(asked) > 0 && len(asked) != len(v.spec.sources) { // to guess which one is meant would deploy what nobody asked for
		return nil, problem.New(problem.Invalid, "the operation names %d revisions for %d sources", len(asked), len(v.spec.sources)).
			WithHint("give operation.sync.revisions, one for each source in their order; an empty one means the source's own")
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

// resolvedAt is the commits that the operation was begun with; nil when they could not be resolved then.
func resolvedAt(op *v1alpha1.OperationState) []string {
	switch r := op.SyncResult; {
	case r == nil:
		return nil
	case len(r.Revisions) > 0:
		return r.Revisions
	case r.Revision != "":
		return []string{r.Revision}
	}
	return nil
}

func allKeys(v *view) map[object.Key]bool {
	m := map[object.Key]bool{}
	for k := range v.objects {
		m[k] = true
	}
	return m
}

// save writes how far the operation has come.
func (a *Apps) save(ctx context.Context, app **v1alpha1.Application, j *journal, message string) error {
	updated, err := a.Catalog.PatchApplication(ctx, *app, func(n *v1alpha1.Application) {
		if op := n.Status.OperationState; op != nil && !final(op.Phase) && op.SyncResult != nil {
			op.Message = clip(message, maxOperationMessage)
			op.WaitingSince = nil
			if !j.wait.Since.IsZero() {
				op.WaitingSince = &metav1.Time{Time: j.wait.Since.UTC().Truncate(time.Second)}
			}
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

// ended reports whether the Application's operation is over, and its end not written yet.
func (st *state) ended(app *v1alpha1.Application) bool {
	j, op := st.journal, app.Status.OperationState
	return j != nil && !j.over.IsZero() && op != nil && !final(op.Phase) && j.started.Equal(&op.StartedAt) && j.left.itself == app.UID
}

// leftAlone reports whether the application still wants what the ended operation deployed.
func (st *state) leftAlone() bool {
	now, left := st.view, st.journal.left
	return now.unknown == nil && now.held == nil && now.cluster == left.cluster && now.complete != nil && now.complete.digest == left.complete.digest
}

// settling reports whether what the ended operation deployed is on its way still: most of it arrives in a moment, and both
// are one write then.
func (st *state) settling() bool {
	return st.leftAlone() && st.view.status() == st.journal.left.status() && st.view.health().Status == v1alpha1.HealthStatusProgressing
}

// finish writes the end of the operation: `.operation` goes and the final phase comes in one write, with what has become
// of the objects by then and a reconciledAt after the end, if the operation was about what the application shows; else a
// look that follows brings these. Scripts wait in this order.
func (a *Apps) finish(ctx context.Context, app *v1alpha1.Application, st *state, end plan.Next) error {
	now := metav1.Now().Rfc3339Copy()
	j := st.journal
	if j == nil {
		j = journalOf(app.Status.OperationState)
	}
	v, current, waited := a.viewOf(app, j), j.view == nil, st.ended(app)
	if waited {
		v, current = j.left, st.leftAlone()
	}
	touched := map[object.Key]bool{}
	for id := range j.entries {
		touched[id.Key] = true
	}
	var found *finding
	if v != nil && current && v.held == nil && v.cluster != nil && v.complete != nil && v.unknown == nil {
		look := a.recompare(ctx, app, st.view, touched, st.answers) // the index has the API server's answers already
		st.heals.observe(look, look.at)
		look.contests = st.heals.conditions()
		f := a.finding(app, st, look)
		f.answered, f.finalizers = false, app.Finalizers
		if waited && v.status() == v1alpha1.SyncStatusSynced { // what differs since then is not what it has not reached
			f.drifted = !turns(app.Status.OperationState, look)
		}
		found = &f
	}
	if !waited && end.Phase == v1alpha1.OperationSucceeded && found != nil && found.view.health().Status == v1alpha1.HealthStatusProgressing {
		j.over, j.end, j.left = time.Now(), end, found.view
		a.show(nameOf(app), st, found.view)
		a.queue.addAfter(nameOf(app), passing, cause{})
		return nil
	}
	if waited {
		now = metav1.NewTime(j.over).Rfc3339Copy()
	}
	// exact, so that a request that replaces this one is not removed with it: it is the next
	updated, err := a.Catalog.PatchApplicationExact(ctx, app, func(n *v1alpha1.Application) {
		op := n.Status.OperationState
		if op == nil || final(op.Phase) {
			return
		}
		if j.asked == "" || object.Hash(n.Operation) == j.asked {
			n.Operation = nil
		}
		op.Phase, op.Message, op.FinishedAt, op.WaitingSince = end.Phase, clip(end.Message, maxOperationMessage), &now, nil
		if op.SyncResult != nil {
			op.SyncResult.Resources = bounded(j.results(v), room(n.Status.Resources))
			if v != nil && j.view != nil {
				op.SyncResult.Revision, op.SyncResult.Revisions = v.revision(), v.revisions()
				op.SyncResult.Source, op.SyncResult.Sources = sourcesOf(app, v)
			}
		}
		remember(n, op, v)
		settleHold(n, op, v)
		if found != nil {
			found.write(a, n)
		}
	})
	if err != nil {
		return err
	}
	st.journal = nil
	sync := updated.Status.OperationState.Operation.Sync
	if end.Phase == v1alpha1.OperationSucceeded {
		st.retries = pacing{}
	} else if st.view != nil {
		st.retries.again(object.Hash([]any{st.view.commits, end.Message}), time.Now(), a.pacing())
	}
	a.finished(updated, end)
	if found != nil {
		a.tell(app, updated, st, *found)
		a.show(nameOf(updated), st, found.view)
	}
	c := cause{live: touched}
	if sync != nil && (sync.Revision != "" || len(sync.Revisions) > 0 || sync.Source != nil || len(sync.Sources) > 0) {
		c.spec = true
	}
	a.queue.add(nameOf(updated), urgent, c)
	return nil
}

// remember adds a finished full sync to the history.
func remember(app *v1alpha1.Application, op *v1alpha1.OperationState, v *view) {
	sync := op.Operation.Sync
	if op.Phase != v1alpha1.OperationSucceeded || sync == nil || sync.DryRun || len(sync.Resources) > 0 || len(sync.Manifests) > 0 || op.SyncResult == nil {
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
	if limit <= 0 { // the history is also what tells an upgrade from an installation
		metav1.SetMetaDataAnnotation(&app.ObjectMeta, annotationInstalled, op.FinishedAt.UTC().Format(time.RFC3339))
	}
	if over := int64(len(app.Status.History)) - max(0, limit); over > 0 {
		app.Status.History = slices.Clone(app.Status.History[over:])
	}
}
