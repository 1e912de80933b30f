package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// DecideDeletion says what the hooks of an application's deletion do next: h is PreDelete or PostDelete. It needs no
// journal. A hook of this deletion is known by the mark on its object, which our finalizer holds until the whole stage
// is noted to be over; Next.Done says that it is, and ReleaseDeletion what may go then.
func DecideDeletion(in Input, h v1alpha1.HookType) Next {
	tasks := in.begun(h)
	maps.Copy(in.Journal, in.completed(tasks))
	open := in.open(tasks)
	for _, t := range open {
		if why := in.Refused[t.Key]; why != "" {
			return finished(v1alpha1.OperationFailed, why)
		}
	}
	if reasons, failed := in.failures(tasks); failed && len(in.running(tasks)) == 0 {
		return finished(v1alpha1.OperationFailed, withReasons(fmt.Sprintf("a %s hook completed unsuccessfully", h), reasons))
	}
	due := Step{Phase: v1alpha1.SyncPhaseSyncFail}
	if len(open) > 0 {
		due = open[0]
	}
	if wait := in.wait(tasks, due); wait.Phase != "" {
		return wait
	}
	if len(open) == 0 {
		return finished(v1alpha1.OperationSucceeded, "")
	}
	next := in.batch(tasks, firstBatch(open))
	for _, id := range next.Results.IDs() { // what holds an earlier run's object has been waited for in vain
		return finished(v1alpha1.OperationFailed, next.Results[id].Message)
	}
	return next
}

// ReleaseDeletion lets go of the hooks of a stage that is over. Those that went well are deleted when their policy says
// so; the others stay for people to look at.
func ReleaseDeletion(in Input, h v1alpha1.HookType) []Step {
	tasks := in.begun(h)
	maps.Copy(in.Journal, in.completed(tasks))
	return in.releases(tasks, Step{Phase: afterAll})
}

// begun lists the hooks of the stage, and enters those that are there already into a journal.
func (in *Input) begun(h v1alpha1.HookType) []Step {
	in.Journal = Journal{}
	tasks := in.deletionHooks(h)
	for _, t := range tasks {
		if live := in.Live[t.Key]; live != nil && ofRun(live, t) {
			in.Journal[t.ID()] = Entry{Status: v1alpha1.ResultSynced, Phase: v1alpha1.OperationRunning}
		}
	}
	return tasks
}

// deletionHooks are the runs of all hooks of one stage of the deletion, in order.
func (in Input) deletionHooks(h v1alpha1.HookType) []Step {
	var tasks []Step
	for _, o := range in.Desired {
		for _, named := range Hooks(o, in.Helm) {
			if named == h {
				tasks = append(tasks, in.hookStep(o, h))
			}
		}
	}
	return ordered(tasks)
}

// DeletionHookKeys returns the objects that the hooks of a stage are, so that the caller can fill in Live.
func (in Input) DeletionHookKeys(h v1alpha1.HookType) []object.Key {
	var keys []object.Key
	for _, t := range in.deletionHooks(h) {
		keys = append(keys, t.Key)
	}
	return keys
}

func (in Input) running(tasks []Step) (running []Step) {
	for _, t := range tasks {
		if e, done := in.Journal[t.ID()]; done && !e.over() {
			running = append(running, t)
		}
	}
	return running
}

// HasHook reports whether one of the objects runs at the given point.
func HasHook(desired []*object.Object, h v1alpha1.HookType) bool {
	return slices.ContainsFunc(desired, func(o *object.Object) bool { return slices.Contains(Hooks(o, HelmAny), h) })
}
