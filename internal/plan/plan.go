// Package plan decides what a sync does next.
//
// The idea: a sync is a pure function called again and again. Next looks at what Git wants, what is live and what
// this operation has done so far, and returns the batch of steps that is due now, or what it waits for, or the end.
// Whoever performs the steps writes their results into the journal and asks again; after a crash the journal is all
// there is to go on. Read Next first, then order.go for the order and prune.go for the proof that a deletion needs.
// The package refuses to touch a cluster, a clock or the operation's record.
package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// Action is what a step does to one object.
type Action string

// The actions.
const (
	Apply   Action = "apply"
	Prune   Action = "prune"
	Run     Action = "run"     // create a hook's object; with Over, apply it over the one that exists
	Release Action = "release" // let go of a hook's object: take our finalizer off, and delete it if Delete is set
)

// Step is one effect on one object, with everything that is needed to perform it.
type Step struct {
	Action  Action
	Phase   v1alpha1.SyncPhase
	Wave    int
	Hook    v1alpha1.HookType // empty for what is kept in the cluster
	Key     object.Key
	Object  *object.Object // what to apply or run; for a prune or a release the live object
	Options Options
	DryRun  bool // ask the API server, change nothing
	Over    bool // of a Run: an object of an earlier run is there and stays
	Delete  bool // of a Release
}

// ID names the step in the journal: an object can run as several hooks of one operation.
func (s Step) ID() ID { return ID{s.Key, s.Hook} }

// ID names a step of an operation.
type ID struct {
	Key  object.Key
	Hook v1alpha1.HookType
}

// Entry is the journal's record of one step that was performed.
type Entry struct {
	Status  v1alpha1.ResultCode
	Message string
	Phase   v1alpha1.OperationPhase // Running once applied or created; Failed when the step or its object failed
}

func (e Entry) over() bool { return e.Phase != v1alpha1.OperationRunning && e.Phase != "" }

func (e Entry) failed() bool {
	return e.Phase == v1alpha1.OperationFailed || e.Phase == v1alpha1.OperationError
}

// Journal is what an operation has done so far.
type Journal map[ID]Entry

// IDs returns what the journal has entries of, in a stable order.
func (j Journal) IDs() []ID {
	ids := slices.Collect(maps.Keys(j))
	slices.SortFunc(ids, func(a, b ID) int {
		return cmp.Or(a.Key.Compare(b.Key), strings.Compare(string(a.Hook), string(b.Hook)))
	})
	return ids
}

// Input is everything that a decision depends on.
type Input struct {
	Desired []*object.Object              // the complete render, marked, namespaces filled in
	Live    map[object.Key]*object.Object // live objects that are wanted or tracked
	Prune   map[object.Key]string         // objects due to go: why this one must stay, "" when it may be deleted
	Journal Journal                       // what was done so far in this operation
	DryRan  bool                          // the dry run of this operation has passed
	Sync    v1alpha1.SyncOperation        // the operation as asked for
	Options Options                       // of the application and the operation together
	Changed map[object.Key]bool           // objects that differ; nil when not known
	Skipped map[object.Key]string         // objects that must not be applied, and why (owned by another application)
	Refused map[object.Key]string         // objects that the project does not permit, and why
	Settled map[object.Key]string         // objects that an apply would not change, as the live object itself proves, and what to say of them
	Agreed  map[object.Key]bool           // live objects of which the API server has already answered what an apply makes of them
	Health  func(*object.Object) Health   // health of a live object
	Known   func(object.Key) bool         // whether the cluster serves this kind now
	Ensure  *object.Object                // the namespace of CreateNamespace=true, nil when none is due
	First   map[object.Key]bool           // desired objects that come with the namespace, before everything else
	Run     HookRun                       // names the run of the hooks
	Helm    HelmStage                     // which of Helm's hooks run
	Waits   Patience                      // how long to wait
	Gone    map[object.Key]bool           // applied by this operation, and seen not to be there any more
}

// Health is what the plan needs to know of an object's health.
type Health struct {
	Healthy, Degraded bool
	Known             bool // its kind has a health at all
	Message           string
}

// Next is the decision.
type Next struct {
	Results Journal // what is known without a step, to be written into the journal first
	Steps   []Step  // due now, may run side by side; none while waiting or done
	Waiting string  // what the operation waits for, in words that scripts compare
	Wait    Wait    // of what is waited for: since when, until when
	Done    bool
	Phase   v1alpha1.OperationPhase // Running until Done
	Message string
}

// Decide returns what to do now. It is deterministic: the same input gives the same steps.
func Decide(in Input) Next {
	tasks, onFailure := in.tasks()
	if results := in.completed(append(tasks, onFailure...)); len(results) > 0 {
		return Next{Results: results, Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running"}
	}
	if len(in.Journal) == 0 {
		if end := in.invalid(append(slices.Clone(tasks), onFailure...)); end.Done {
			return end
		}
	}
	if !in.DryRan && len(in.Journal) == 0 {
		if steps := in.dryRun(tasks); len(steps) > 0 {
			return Next{Steps: steps, Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running"}
		}
	}
	if reasons, failed := in.failures(tasks); failed {
		return in.fail(tasks, onFailure, reasons)
	}
	open := in.open(tasks)
	due := Step{Phase: v1alpha1.SyncPhaseSyncFail} // nothing is left: whatever ran before is over
	if len(open) > 0 {
		due = open[0]
	}
	if wait := in.wait(tasks, due); wait.Phase != "" {
		return wait
	}
	if steps := in.releases(tasks, due); len(steps) > 0 {
		return Next{Steps: steps, Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running"}
	}
	if len(open) > 0 {
		if pause := in.pause(tasks, due); pause.Waiting != "" {
			return pause
		}
		return in.batch(tasks, firstBatch(open))
	}
	if len(in.Journal) == 0 {
		return finished(v1alpha1.OperationSucceeded, "successfully synced (no more tasks)")
	}
	return finished(v1alpha1.OperationSucceeded, "successfully synced (all tasks run)")
}

// invalid ends an operation that holds something which the project does not permit, a hook of a failure included,
// before anything of it is written: half of a commit that was never allowed as a whole helps nobody.
func (in Input) invalid(tasks []Step) Next {
	results := Journal{}
	var reasons []string
	for _, t := range tasks {
		if why := in.Refused[t.Key]; why != "" {
			results[t.ID()] = Entry{v1alpha1.ResultSyncFailed, why, v1alpha1.OperationFailed}
			reasons = append(reasons, why)
		}
	}
	if len(results) == 0 {
		return Next{}
	}
	end := finished(v1alpha1.OperationFailed, withReasons("one or more synchronization tasks are not valid", reasons))
	end.Results = results
	return end
}

// DryRunFailed is the end of an operation whose dry run was refused; reasons are the API server's words.
func DryRunFailed(reasons []string) Next {
	return finished(v1alpha1.OperationFailed, withReasons("one or more objects failed to apply (dry run)", reasons))
}

func finished(phase v1alpha1.OperationPhase, message string) Next {
	return Next{Done: true, Phase: phase, Message: message}
}

func withReasons(message string, reasons []string) string {
	seen, unique := map[string]bool{}, []string(nil)
	for _, r := range reasons {
		if r != "" && !seen[r] {
			seen[r] = true
			unique = append(unique, r)
		}
	}
	if len(unique) == 0 {
		return message
	}
	return message + ", reason: " + strings.Join(unique, ",")
}

// tasks lists every step that the operation consists of, done or not, in order; onFailure are those that run only
// once something has failed.
func (in Input) tasks() (tasks, onFailure []Step) {
	if in.Ensure != nil {
		tasks = append(tasks, Step{Action: Apply, Phase: v1alpha1.SyncPhasePreSync, Wave: firstWave, Key: object.KeyOf(in.Ensure), Object: in.Ensure, Options: in.Options})
	}
	for _, o := range in.Desired {
		switch key := object.KeyOf(o); {
		case IsSkipped(o):
		case IsHook(o):
			for _, t := range in.hookTasks(o) {
				if t.Hook == v1alpha1.HookSyncFail {
					onFailure = append(onFailure, t)
				} else {
					tasks = append(tasks, t)
				}
			}
		case in.First[key]: // whatever is selected: a quota that comes after what it is to limit limits nothing
			tasks = append(tasks, Step{Action: Apply, Phase: v1alpha1.SyncPhasePreSync, Wave: firstWave, Key: key, Object: o, Options: in.Options.With(o)})
		case in.selected(key):
			tasks = append(tasks, Step{Action: Apply, Phase: v1alpha1.SyncPhaseSync, Wave: Wave(o), Key: key, Object: o, Options: in.Options.With(o)})
		}
	}
	if in.Options.ApplyOutOfSyncOnly && in.Changed != nil {
		tasks = in.changedOnly(tasks)
	}
	for key := range in.Prune {
		live := in.Live[key]
		if _, done := in.Journal[ID{Key: key}]; in.selected(key) && (live != nil || done) {
			t := Step{Action: Prune, Phase: v1alpha1.SyncPhaseSync, Key: key, Object: live}
			if live != nil {
				t.Wave, t.Options = Wave(live), in.Options.With(live)
			}
			tasks = append(tasks, t)
		}
	}
	return ordered(tasks), ordered(onFailure)
}

// hookTasks are the runs of one hook object in this operation. A partial sync, and one with the apply strategy, runs
// none; nor does one of nothing but hooks that belong to a deletion.
func (in Input) hookTasks(o *object.Object) []Step {
	if len(in.Sync.Resources) > 0 || in.Sync.SyncStrategy != nil && in.Sync.SyncStrategy.Apply != nil {
		return nil
	}
	var tasks []Step
	for _, h := range Hooks(o, in.Helm) {
		if h == v1alpha1.HookPreDelete || h == v1alpha1.HookPostDelete {
			continue
		}
		tasks = append(tasks, in.hookStep(o, h))
	}
	return tasks
}

func (in Input) hookStep(o *object.Object, h v1alpha1.HookType) Step {
	run := HookObject(o, h, in.Run)
	return Step{Action: Run, Phase: v1alpha1.SyncPhase(h), Wave: Wave(o), Hook: h, Key: object.KeyOf(run), Object: run, Options: in.Options.With(o)}
}

// changedOnly drops what does not differ, but not what this operation has already applied: the journal must add up.
func (in Input) changedOnly(tasks []Step) []Step {
	kept := tasks[:0]
	for _, t := range tasks {
		if _, done := in.Journal[t.ID()]; done || in.Changed[t.Key] || t.Hook != "" || t.Phase == v1alpha1.SyncPhasePreSync {
			kept = append(kept, t)
		}
	}
	return kept
}

func (in Input) selected(key object.Key) bool {
	if len(in.Sync.Resources) == 0 {
		return true
	}
	for _, r := range in.Sync.Resources {
		if r.Group == key.Group && r.Kind == key.Kind && r.Name == key.Name && (r.Namespace == "" || r.Namespace == key.Namespace) {
			return true
		}
	}
	return false
}

// dryRun is every apply that the API server can judge now and has not judged yet: not those whose kind or namespace this
// very operation brings, and not those that are refused or left alone anyway.
//
// It protects what runs from half a commit. An operation that does no more than create objects, all at once, has
// nothing to protect: what is refused of it is refused as well when it is applied, and costs no second request for each
// of the others.
func (in Input) dryRun(tasks []Step) []Step {
	if !in.Sync.DryRun && in.onlyCreates(tasks) {
		return nil
	}
	coming := in.coming(tasks)
	var steps []Step
	for _, t := range tasks {
		if t.Action == Prune || t.Hook == "" && t.Phase == v1alpha1.SyncPhasePreSync || t.Hook != "" && in.Live[t.Key] != nil || in.tooEarly(t, coming) != "" || in.Skipped[t.Key] != "" || in.Refused[t.Key] != "" {
			continue
		}
		if in.settled(t) != "" || in.Agreed[t.Key] && t.Hook == "" && !t.Options.Replace && !t.Options.Force {
			continue
		}
		t.DryRun = true
		steps = append(steps, t)
	}
	return steps
}

// onlyCreates reports whether the tasks are one wave of objects that do not exist yet, of kinds that the cluster serves.
func (in Input) onlyCreates(tasks []Step) bool {
	var first *Step
	for i, t := range tasks {
		if t.Hook == "" && t.Phase == v1alpha1.SyncPhasePreSync || in.settled(t) != "" { // the namespace; and what is done
			continue
		}
		if t.Action != Apply || in.Live[t.Key] != nil || !in.Known(t.Key) || first != nil && !sameGroup(*first, t) {
			return false
		}
		first = &tasks[i]
	}
	return true
}

// settled says what to say of a task that would change nothing; "" means that it is to be performed.
func (in Input) settled(t Step) string {
	if t.Action != Apply || t.Options.Replace || t.Options.Force || t.Options.ClientSideApply {
		return ""
	}
	return in.Settled[t.Key]
}

// coming are the names of namespaces that the tasks create.
func (in Input) coming(tasks []Step) map[string]bool {
	names := map[string]bool{}
	for _, t := range tasks {
		if t.Action == Apply && t.Key.Kind == "Namespace" && t.Key.Group == "" && in.Live[t.Key] == nil {
			names[t.Key.Name] = true
		}
	}
	return names
}

// tooEarly says why the API server cannot judge a step before the operation has begun, "" when it can: what the step
// needs comes with the operation itself, or is accepted to be missing.
func (in Input) tooEarly(t Step, coming map[string]bool) string {
	switch {
	case coming[t.Key.Namespace]:
		return "namespace " + t.Key.Namespace + " does not exist yet, and a sync creates it first"
	case in.Known(t.Key):
		return ""
	case in.brings(t.Key):
		return "the cluster does not serve " + t.Key.Kind + " yet, and a sync creates its definition first"
	case t.Options.SkipDryRunOnMissingResource:
		return "the cluster does not serve " + t.Key.Kind + " yet, and SkipDryRunOnMissingResource=true accepts that"
	}
	return ""
}

// unasked says why a step of a dry run is not put before the API server, "" when it is.
func (in Input) unasked(t Step, coming map[string]bool) string {
	if !t.DryRun || t.Action == Prune {
		return ""
	}
	return in.tooEarly(t, coming)
}

// brings reports whether a CRD among the desired objects defines the key's kind.
func (in Input) brings(key object.Key) bool {
	for _, o := range in.Desired {
		if o.GetKind() == "CustomResourceDefinition" && definedKind(o) == key.GroupKind().String() {
			return true
		}
	}
	return false
}

// failures returns what failed, once nothing of the failed wave is left to try and none of its hooks runs any more:
// one bad object must not hide what else is wrong.
func (in Input) failures(tasks []Step) (reasons []string, failed bool) {
	var first Step
	for _, t := range tasks {
		if e := in.Journal[t.ID()]; e.failed() {
			if !failed {
				first = t
			}
			failed = true
			reasons = append(reasons, e.Message)
		}
	}
	for _, t := range tasks {
		e, tried := in.Journal[t.ID()]
		if failed && sameGroup(first, t) && t.Action != Prune && (!tried || t.Hook != "" && !e.over()) {
			return nil, false
		}
	}
	return reasons, failed
}

// fail ends a failed operation: its SyncFail hooks run first, all of them, and what its hooks left is tidied up.
func (in Input) fail(tasks, onFailure []Step, reasons []string) Next {
	what := "one or more objects failed to apply"
	for _, t := range tasks {
		if e := in.Journal[t.ID()]; e.failed() && e.Status != v1alpha1.ResultSyncFailed {
			what = "one or more synchronization tasks completed unsuccessfully" // applied, and did not work
		}
	}
	if open := in.open(onFailure); len(open) > 0 {
		return in.batch(tasks, firstBatch(open))
	}
	end := Step{Phase: afterAll}
	if wait := in.waitForHooks(onFailure); wait.Phase != "" {
		return wait
	}
	if steps := in.releases(append(tasks, onFailure...), end); len(steps) > 0 {
		return Next{Steps: steps, Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running"}
	}
	return finished(v1alpha1.OperationFailed, withReasons(what, reasons))
}

func (in Input) open(tasks []Step) []Step {
	var open []Step
	for _, t := range tasks {
		if _, done := in.Journal[t.ID()]; !done {
			open = append(open, t)
		}
	}
	return open
}

// batch turns the due tasks into steps and into results that need no step. In a dry run nothing is ever there that the
// tasks before would have brought: what waits for it is not asked about, and the result says so.
func (in Input) batch(tasks, due []Step) Next {
	var coming map[string]bool
	if in.Sync.DryRun {
		coming = in.coming(tasks)
	}
	next := Next{Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running", Results: Journal{}}
	var confirm []string
	var leaving []Step
	for _, t := range due {
		t.DryRun = in.Sync.DryRun
		if e, known := in.verdict(t); known {
			next.Results[t.ID()] = e
			continue
		}
		if why := in.unasked(t, coming); why != "" {
			next.Results[t.ID()] = Entry{v1alpha1.ResultSynced, "not asked of the API server: " + why + " (dry run)", v1alpha1.OperationSucceeded}
			continue
		}
		switch {
		case t.Action == Run:
			step, found, wait := in.runHook(t)
			switch {
			case wait:
				leaving = append(leaving, t)
			case found:
				next.Results[t.ID()] = Entry{v1alpha1.ResultSynced, "", v1alpha1.OperationRunning}
			default:
				next.Steps = append(next.Steps, step)
			}
		case t.Action == Prune && in.unconfirmed(t):
			confirm = append(confirm, path(t.Key))
		default:
			next.Steps = append(next.Steps, t)
		}
	}
	switch {
	case len(next.Steps) > 0 || len(next.Results) > 0:
		return next
	case len(leaving) > 0:
		return in.waitFor(delay{"waiting for deletion of hook ", "hooks", leaving, in.Waits.Wave, in.heldBy})
	case len(confirm) > 0: // a person's time has no limit
		message := listed("waiting for pruning confirmation of ", confirm, "resources")
		next := Next{Waiting: message, Phase: v1alpha1.OperationRunning, Message: message, Wait: Wait{Subject: "confirmation", Since: in.since("confirmation")}}
		if !in.Waits.Now.IsZero() {
			next.Message += in.suffix("a person has to confirm it", next.Wait)
		}
		return next
	}
	return next
}

// verdict is what is known of a task without a step: it is left alone, or must not be.
func (in Input) verdict(t Step) (Entry, bool) {
	skip := func(why string) (Entry, bool) {
		return Entry{v1alpha1.ResultPruneSkipped, why, v1alpha1.OperationSucceeded}, true
	}
	switch skipped := in.Skipped[t.Key]; {
	case in.Refused[t.Key] != "":
		return Entry{v1alpha1.ResultSyncFailed, in.Refused[t.Key], v1alpha1.OperationFailed}, true
	case skipped != "" && t.Options.FailOnSharedResource:
		return Entry{v1alpha1.ResultSyncFailed, skipped, v1alpha1.OperationFailed}, true
	case skipped != "":
		return Entry{v1alpha1.ResultSynced, skipped, v1alpha1.OperationSucceeded}, true
	case in.settled(t) != "":
		return Entry{v1alpha1.ResultSynced, in.settled(t), v1alpha1.OperationRunning}, true
	case t.Action != Prune:
		return Entry{}, false
	case t.Options.Prune == No:
		return skip("ignored (no prune)")
	case !in.Sync.Prune:
		return skip("ignored (requires pruning)")
	case in.Prune[t.Key] != "":
		return skip(in.Prune[t.Key])
	}
	return Entry{}, false
}

// unconfirmed reports whether a person has to confirm the deletion first.
func (in Input) unconfirmed(t Step) bool {
	return t.Options.Prune == Confirm && !in.Options.DeletionApproved
}
