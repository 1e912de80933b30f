// Package plan decides what a sync does next.
//
// The idea: a sync is a pure function called again and again. Next looks at what Git wants, what is live and what
// this operation has done so far, and returns the batch of steps that is due now, or what it waits for, or the end.
// Whoever performs the steps writes their results into the journal and asks again; after a crash the journal is all
// there is to go on. Read Next first, then order.go for the order and prune.go for the proof that a deletion needs.
// The package refuses to touch a cluster, a clock or the operation's record.
package plan

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// Action is what a step does to one object.
type Action string

// The actions.
const (
	Apply Action = "apply"
	Prune Action = "prune"
)

// Step is one effect on one object, with everything that is needed to perform it.
type Step struct {
	Action  Action
	Phase   v1alpha1.SyncPhase
	Wave    int
	Key     object.Key
	Object  *object.Object // what to apply; for a prune the live object
	Options Options
	DryRun  bool // ask the API server, change nothing
}

// Entry is the journal's record of one step that was performed.
type Entry struct {
	Status  v1alpha1.ResultCode
	Message string
	Phase   v1alpha1.OperationPhase // Running once applied; Failed when the step or its object failed
}

// Journal is what an operation has done so far.
type Journal map[object.Key]Entry

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
	Health  func(*object.Object) Health   // health of a live object
	Known   func(object.Key) bool         // whether the cluster serves this kind now
	Ensure  *object.Object                // the namespace of CreateNamespace=true, nil when none is due
}

// Health is what the plan needs to know of an object's health.
type Health struct {
	Healthy, Degraded bool
	Message           string
}

// Next is the decision.
type Next struct {
	Steps   []Step  // due now, may run side by side; none while waiting or done
	Skip    Journal // results that need no step, to be written into the journal
	Waiting string  // what the operation waits for, in words that scripts compare
	Done    bool
	Phase   v1alpha1.OperationPhase // Running until Done
	Message string
}

// Decide returns what to do now. It is deterministic: the same input gives the same steps.
func Decide(in Input) Next {
	tasks := in.tasks()
	if !in.DryRan && len(in.Journal) == 0 {
		if steps := in.dryRun(tasks); len(steps) > 0 {
			return Next{Steps: steps, Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running"}
		}
	}
	if reasons, failed := in.failures(tasks); failed {
		return finished(v1alpha1.OperationFailed, withReasons("one or more objects failed to apply", reasons))
	}
	open := in.open(tasks)
	if len(open) == 0 {
		if len(in.Journal) == 0 {
			return finished(v1alpha1.OperationSucceeded, "successfully synced (no more tasks)")
		}
		return finished(v1alpha1.OperationSucceeded, "successfully synced (all tasks run)")
	}
	due := firstBatch(open)
	if wait := in.wait(tasks, due[0]); wait.Waiting != "" || wait.Done {
		return wait
	}
	return in.batch(due)
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

// tasks lists every step that the operation consists of, done or not, in order.
func (in Input) tasks() []Step {
	var tasks []Step
	if in.Ensure != nil {
		tasks = append(tasks, Step{Action: Apply, Phase: v1alpha1.SyncPhasePreSync, Key: object.KeyOf(in.Ensure), Object: in.Ensure, Options: in.Options})
	}
	for _, o := range in.Desired {
		if IsHook(o) { // hooks run as hooks or not at all: applied like the rest, a PreSync job would run at any time
			continue
		}
		if key := object.KeyOf(o); in.selected(key) {
			tasks = append(tasks, Step{Action: Apply, Phase: v1alpha1.SyncPhaseSync, Wave: Wave(o), Key: key, Object: o, Options: in.Options.With(o)})
		}
	}
	if in.Options.ApplyOutOfSyncOnly && in.Changed != nil {
		tasks = in.changedOnly(tasks)
	}
	for key := range in.Prune {
		if live := in.Live[key]; live != nil && in.selected(key) {
			tasks = append(tasks, Step{Action: Prune, Phase: v1alpha1.SyncPhaseSync, Wave: Wave(live), Key: key, Object: live, Options: in.Options.With(live)})
		}
	}
	return ordered(tasks)
}

// changedOnly drops what does not differ, but not what this operation has already applied: the journal must add up.
func (in Input) changedOnly(tasks []Step) []Step {
	kept := tasks[:0]
	for _, t := range tasks {
		if _, done := in.Journal[t.Key]; done || in.Changed[t.Key] || t.Phase == v1alpha1.SyncPhasePreSync {
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

// dryRun is every apply that the API server can judge now: not those whose kind or namespace this very operation
// brings, and not those that are refused or left alone anyway.
func (in Input) dryRun(tasks []Step) []Step {
	coming := map[string]bool{}
	for _, t := range tasks {
		if t.Action == Apply && t.Key.Kind == "Namespace" && t.Key.Group == "" && in.Live[t.Key] == nil {
			coming[t.Key.Name] = true
		}
	}
	var steps []Step
	for _, t := range tasks {
		if t.Action != Apply || t.Phase == v1alpha1.SyncPhasePreSync || coming[t.Key.Namespace] || in.Skipped[t.Key] != "" || in.Refused[t.Key] != "" {
			continue
		}
		if !in.Known(t.Key) && (t.Options.SkipDryRunOnMissingResource || in.brings(t.Key)) {
			continue
		}
		t.DryRun = true
		steps = append(steps, t)
	}
	return steps
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

// failures returns what failed, once nothing of the failed wave is left to try: one bad object must not hide what
// else is wrong.
func (in Input) failures(tasks []Step) (reasons []string, failed bool) {
	for _, t := range tasks {
		if e := in.Journal[t.Key]; e.Phase == v1alpha1.OperationFailed || e.Phase == v1alpha1.OperationError {
			failed = true
			reasons = append(reasons, e.Message)
		}
	}
	for _, t := range tasks {
		if _, tried := in.Journal[t.Key]; failed && !tried && in.sameBatchAsFailure(tasks, t) {
			return nil, false
		}
	}
	return reasons, failed
}

func (in Input) sameBatchAsFailure(tasks []Step, t Step) bool {
	for _, f := range tasks {
		if e := in.Journal[f.Key]; e.Phase == v1alpha1.OperationFailed && sameGroup(f, t) && f.Action == t.Action {
			return true
		}
	}
	return false
}

func (in Input) open(tasks []Step) []Step {
	var open []Step
	for _, t := range tasks {
		if _, done := in.Journal[t.Key]; !done {
			open = append(open, t)
		}
	}
	return open
}

// wait says what must happen to earlier tasks before next may begin: a CRD must be established before its kind is
// used, and a new phase or wave begins when all of the one before is healthy and what it pruned is gone.
func (in Input) wait(tasks []Step, next Step) Next {
	var unhealthy, leaving []string
	var failed []string
	for _, t := range tasks {
		if _, done := in.Journal[t.Key]; !done || t.Phase == v1alpha1.SyncPhasePreSync {
			continue
		}
		live := in.Live[t.Key]
		switch {
		case t.Action == Prune:
			if live != nil && !sameGroup(t, next) && in.Journal[t.Key].Status == v1alpha1.ResultPruned {
				leaving = append(leaving, path(t.Key))
			}
		case t.Key.Kind == "CustomResourceDefinition" || !sameGroup(t, next):
			if live == nil && in.Skipped[t.Key] == "" && !in.Sync.DryRun {
				unhealthy = append(unhealthy, path(t.Key))
				continue
			}
			if live == nil {
				continue
			}
			h := in.Health(live)
			if h.Degraded {
				failed = append(failed, h.Message)
			}
			if !h.Healthy && !h.Degraded {
				unhealthy = append(unhealthy, path(t.Key))
			}
		}
	}
	switch {
	case in.Sync.DryRun:
		return Next{}
	case len(failed) > 0:
		return finished(v1alpha1.OperationFailed, withReasons("one or more synchronization tasks completed unsuccessfully", failed))
	case len(unhealthy) > 0:
		return waiting("waiting for healthy state of ", unhealthy)
	case len(leaving) > 0:
		return waiting("waiting for deletion of ", leaving)
	}
	return Next{}
}

func waiting(what string, paths []string) Next {
	sort.Strings(paths)
	message := what + paths[0]
	if len(paths) > 1 {
		message += fmt.Sprintf(" and %d more resources", len(paths)-1)
	}
	return Next{Waiting: message, Phase: v1alpha1.OperationRunning, Message: message}
}

// path is group/Kind/name, as the operation messages name an object.
func path(k object.Key) string { return k.Group + "/" + k.Kind + "/" + k.Name }

// batch turns the due tasks into steps and into results that need no step.
func (in Input) batch(due []Step) Next {
	next := Next{Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running", Skip: Journal{}}
	confirm := []string(nil)
	for _, t := range due {
		switch {
		case in.Refused[t.Key] != "":
			next.Skip[t.Key] = Entry{v1alpha1.ResultSyncFailed, in.Refused[t.Key], v1alpha1.OperationFailed}
		case in.Skipped[t.Key] != "" && t.Options.FailOnSharedResource:
			next.Skip[t.Key] = Entry{v1alpha1.ResultSyncFailed, in.Skipped[t.Key], v1alpha1.OperationFailed}
		case in.Skipped[t.Key] != "":
			next.Skip[t.Key] = Entry{v1alpha1.ResultSynced, in.Skipped[t.Key], v1alpha1.OperationSucceeded}
		case t.Action == Apply:
			t.DryRun = in.Sync.DryRun
			next.Steps = append(next.Steps, t)
		case t.Options.Prune == No:
			next.Skip[t.Key] = Entry{v1alpha1.ResultPruneSkipped, "ignored (no prune)", v1alpha1.OperationSucceeded}
		case !in.Sync.Prune:
			next.Skip[t.Key] = Entry{v1alpha1.ResultPruneSkipped, "ignored (requires pruning)", v1alpha1.OperationSucceeded}
		case in.Prune[t.Key] != "":
			next.Skip[t.Key] = Entry{v1alpha1.ResultPruneSkipped, in.Prune[t.Key], v1alpha1.OperationSucceeded}
		case t.Options.Prune == Confirm && !in.Options.DeletionApproved:
			confirm = append(confirm, path(t.Key))
		default:
			t.DryRun = in.Sync.DryRun
			next.Steps = append(next.Steps, t)
		}
	}
	if len(next.Steps) == 0 && len(next.Skip) == 0 && len(confirm) > 0 {
		return waiting("waiting for pruning confirmation of ", confirm)
	}
	return next
}
