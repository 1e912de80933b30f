package plan

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// Patience is how long an operation waits before it gives up, and what the caller remembers of the wait in progress.
type Patience struct {
	Now     time.Time
	Hook    time.Duration // for a hook to complete; 0 is for ever. AnnotationHookTimeout on the hook beats it
	Wave    time.Duration // for a wave to become healthy, and for what is deleted to be gone; 0 is for ever
	Delay   time.Duration // between waves, for controllers to notice what was written
	Written time.Time     // when this operation last wrote something
	Subject string        // of the wait in progress, as Next.Wait gave it; empty when it is not remembered
	Since   time.Time     // of the wait in progress; zero when there was none
}

// Wait is one wait.
type Wait struct {
	Subject string    // names what is waited for, whoever of it is still missing
	Since   time.Time // zero without a clock
	Until   time.Time // then it has failed; zero when it has all the time
}

// AnnotationHookTimeout on a hook says how long it may run, as a Go duration (90s, 2h).
const AnnotationHookTimeout = "hawser.dev/hook-timeout"

// wait says what must happen to earlier tasks before next may begin: hooks must have completed, a CRD must be
// established before its kind is used, and a new phase or wave begins when all of the one before is healthy and what
// it pruned is gone. Next.Phase is empty when there is nothing to wait for.
func (in Input) wait(tasks []Step, next Step) Next {
	if in.Sync.DryRun {
		return Next{}
	}
	var hooks, unhealthy, leaving []Step
	var gone []string
	failed := Journal{}
	last := next.Phase == v1alpha1.SyncPhaseSyncFail
	for _, t := range tasks {
		e, done := in.Journal[t.ID()]
		if !done || t.Hook == "" && t.Phase == v1alpha1.SyncPhasePreSync {
			continue
		}
		live := in.Live[t.Key]
		switch {
		case t.Hook != "":
			if !e.over() && (last || !sameGroup(t, next)) {
				hooks = append(hooks, t)
			}
		case t.Action == Prune:
			if live != nil && !last && !sameGroup(t, next) && e.Status == v1alpha1.ResultPruned {
				leaving = append(leaving, t)
			}
		case last || e.over():
			// the last wave of plain objects is applied and not waited for; what was left alone has no say
		case t.Key.Kind == "CustomResourceDefinition" || !sameGroup(t, next):
			if in.Gone[t.Key] {
				gone = append(gone, path(t.Key))
				continue
			}
			if live == nil {
				unhealthy = append(unhealthy, t)
				continue
			}
			h := in.Health(live)
			if h.Degraded {
				failed[t.ID()] = Entry{e.Status, h.Message, v1alpha1.OperationFailed}
			}
			if !h.Healthy && !h.Degraded {
				unhealthy = append(unhealthy, t)
			}
		}
	}
	switch {
	case len(gone) > 0: // its health would be waited for in vain
		sort.Strings(gone)
		return finished(v1alpha1.OperationError, "applied and gone again before the next wave: "+strings.Join(gone, ", "))
	case len(failed) > 0:
		return Next{Results: failed, Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running"}
	case len(hooks) > 0:
		return in.waitForHooks(hooks)
	case len(unhealthy) > 0:
		return in.waitFor(delay{"waiting for healthy state of ", "resources", unhealthy, in.Waits.Wave, in.ailing})
	case len(leaving) > 0:
		return in.waitFor(delay{"waiting for deletion of ", "resources", leaving, in.Waits.Wave, in.heldBy})
	}
	return Next{}
}

// waitForHooks waits for those of the hooks that still run. How long each may is decided by its outcome.
func (in Input) waitForHooks(hooks []Step) Next {
	var running []Step
	for _, t := range hooks {
		if e, done := in.Journal[t.ID()]; done && !e.over() {
			running = append(running, t)
		}
	}
	if len(running) == 0 {
		return Next{}
	}
	d := delay{"waiting for completion of hook ", "hooks", running, 0, in.ailing}
	next := in.waitFor(d)
	if first := d.first(); !in.Waits.Now.IsZero() {
		next.Wait.Since, next.Wait.Until = in.ran(first)
		next.Message = d.words() + in.suffix(in.ailing(first), next.Wait)
	}
	return next
}

// delay is a wait for some tasks of one wave.
type delay struct {
	what, more string // the words around the names
	of         []Step
	limit      time.Duration
	why        func(Step) string // what keeps one
}

func (d delay) words() string {
	var paths []string
	for _, t := range d.of {
		paths = append(paths, path(t.Key))
	}
	return listed(d.what, paths, d.more)
}

// first is the task that the words name.
func (d delay) first() Step {
	first := d.of[0]
	for _, t := range d.of {
		if path(t.Key) < path(first.Key) {
			first = t
		}
	}
	return first
}

// waitFor waits for the tasks, or has them failed when their time is over. The message begins with the words that
// scripts compare, and goes on to say what keeps the first one, since when, and when the wait ends.
func (in Input) waitFor(d delay) Next {
	first := d.first()
	words := d.words()
	subject := fmt.Sprintf("%s%s %d", d.what, first.Phase, first.Wave)
	next := Next{Waiting: words, Phase: v1alpha1.OperationRunning, Message: words, Wait: Wait{Subject: subject, Since: in.since(subject)}}
	if in.Waits.Now.IsZero() {
		return next
	}
	if d.limit > 0 {
		next.Wait.Until = next.Wait.Since.Add(d.limit)
		if !in.Waits.Now.Before(next.Wait.Until) {
			return in.timedOut(d)
		}
	}
	next.Message += in.suffix(d.why(first), next.Wait)
	return next
}

// timedOut fails the tasks that were waited for in vain.
func (in Input) timedOut(d delay) Next {
	next := Next{Phase: v1alpha1.OperationRunning, Message: "one or more tasks are running", Results: Journal{}}
	for _, t := range d.of {
		e, done := in.Journal[t.ID()]
		if !done {
			e.Status = v1alpha1.ResultSyncFailed
		}
		e.Message = fmt.Sprintf("%s%s: gave up after %s", d.what, path(t.Key), d.limit)
		if why := d.why(t); why != "" {
			e.Message += ": " + why
		}
		e.Phase = v1alpha1.OperationFailed
		next.Results[t.ID()] = e
	}
	return next
}

// ran is since when a hook runs, and until when it may.
func (in Input) ran(t Step) (since, until time.Time) {
	since = in.Waits.Now
	if live := in.Live[t.Key]; live != nil {
		since = live.GetCreationTimestamp().Time
	}
	if limit := in.hookLimit(t); limit > 0 {
		until = since.Add(limit)
	}
	return since, until
}

func (in Input) hookLimit(t Step) time.Duration {
	if own, err := time.ParseDuration(t.Object.GetAnnotations()[AnnotationHookTimeout]); err == nil && own > 0 {
		return own
	}
	return in.Waits.Hook
}

// since is when the wait for the subject began. A wait that was not remembered is taken for the one that is recorded:
// a restart must not begin it anew.
func (in Input) since(subject string) time.Time {
	if w := in.Waits; !w.Since.IsZero() && (w.Subject == subject || w.Subject == "") {
		return w.Since
	}
	return in.Waits.Now
}

func (in Input) suffix(why string, w Wait) string {
	parts := "since " + w.Since.UTC().Format(time.RFC3339)
	if !w.Until.IsZero() {
		parts += ", gives up at " + w.Until.UTC().Format(time.RFC3339)
	}
	if why != "" {
		parts = why + "; " + parts
	}
	return " (" + parts + ")"
}

// ailing is what keeps an object from being healthy, or a hook from being done.
func (in Input) ailing(t Step) string {
	live := in.Live[t.Key]
	if live == nil {
		return "it is not there yet"
	}
	return in.Health(live).Message
}

// heldBy is what keeps an object that is being deleted.
func (in Input) heldBy(t Step) string {
	live := in.Live[t.Key]
	if live == nil || len(live.GetFinalizers()) == 0 {
		return ""
	}
	return "held by finalizer " + strings.Join(live.GetFinalizers(), ", ")
}

// pause waits between two waves when the first wrote custom resources whose controllers do not tell whether they have
// seen it: until they have, such a status may still speak of what was before. (Argo CD pauses after every wave.)
func (in Input) pause(tasks []Step, next Step) Next {
	until := in.Waits.Written.Add(in.Waits.Delay)
	if in.Sync.DryRun || in.Waits.Delay <= 0 || !in.Waits.Now.Before(until) {
		return Next{}
	}
	for _, t := range tasks {
		e, done := in.Journal[t.ID()]
		if done && t.Action == Apply && !sameGroup(t, next) && e.Status == v1alpha1.ResultSynced && !strings.HasSuffix(e.Message, " unchanged") && isCustom(t.Key) && !observed(in.Live[t.Key]) {
			message := fmt.Sprintf("pausing for %s after wave %d", in.Waits.Delay, t.Wave)
			return Next{Waiting: message, Phase: v1alpha1.OperationRunning, Message: message, Wait: Wait{Subject: "pause", Since: in.Waits.Written, Until: until}}
		}
	}
	return Next{}
}

// isCustom reports whether the kind is not one of Kubernetes' own.
func isCustom(k object.Key) bool {
	return strings.Contains(k.Group, ".") && k.Group != "k8s.io" && !strings.HasSuffix(k.Group, ".k8s.io")
}

// observed reports whether the object's status is about its present generation.
func observed(live *object.Object) bool {
	if live == nil {
		return false
	}
	status, _ := live.Object["status"].(map[string]any)
	seen, ok := status["observedGeneration"].(int64)
	return ok && seen >= live.GetGeneration()
}

// listed names the first and counts the others.
func listed(what string, paths []string, more string) string {
	sort.Strings(paths)
	message := what + paths[0]
	if len(paths) > 1 {
		message += fmt.Sprintf(" and %d more %s", len(paths)-1, more)
	}
	return message
}

// path is group/Kind/name, as the operation messages name an object.
func path(k object.Key) string { return k.Group + "/" + k.Kind + "/" + k.Name }
