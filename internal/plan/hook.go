package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// IsHook reports whether the object runs at a point of the sync instead of being kept in the cluster. An annotation
// that names nothing known makes it a hook all the same: an object that somebody meant to run must not be kept.
func IsHook(o *object.Object) bool {
	if h, ok := object.Annotation(o, v1alpha1.AnnotationHook); ok {
		return !onlySkip(h)
	}
	h, ok := object.Annotation(o, v1alpha1.AnnotationHelmHook)
	return ok && strings.TrimSpace(h) != "crd-install" // Helm 2's way of saying "an ordinary CRD"
}

// IsSkipped reports whether the object asks to be left out of syncs altogether: its only hook is Skip.
func IsSkipped(o *object.Object) bool {
	h, ok := object.Annotation(o, v1alpha1.AnnotationHook)
	return ok && onlySkip(h)
}

func onlySkip(annotation string) bool {
	return strings.TrimSpace(annotation) == string(v1alpha1.HookSkip)
}

// HelmStage is what a sync is to Helm's hooks.
type HelmStage string

// The stages. Helm knows whether it installs or upgrades; so do we, by our own record of earlier successes. Argo CD does
// not, and runs the hooks of both each time: HelmAny.
const (
	HelmAny     HelmStage = ""
	HelmInstall HelmStage = "install"
	HelmUpgrade HelmStage = "upgrade"
)

// Hooks returns the points of the sync, or of the application's deletion, at which the object runs, each once, in their
// order. Argo CD's annotation beats Helm's. Helm's rollback and test hooks have no point in a sync; what cannot be
// understood runs never.
func Hooks(o *object.Object, stage HelmStage) []v1alpha1.HookType {
	named := map[v1alpha1.HookType]bool{}
	if text, ok := object.Annotation(o, v1alpha1.AnnotationHook); ok {
		for _, part := range strings.Split(text, ",") {
			named[v1alpha1.HookType(strings.TrimSpace(part))] = true
		}
	} else {
		text, _ := object.Annotation(o, v1alpha1.AnnotationHelmHook)
		for _, part := range strings.Split(text, ",") {
			part = strings.TrimSpace(part)
			if stage == HelmInstall && strings.HasSuffix(part, "-upgrade") || stage == HelmUpgrade && strings.HasSuffix(part, "-install") {
				continue
			}
			named[helmHooks[part]] = true
		}
	}
	var hooks []v1alpha1.HookType
	for _, h := range []v1alpha1.HookType{v1alpha1.HookPreSync, v1alpha1.HookSync, v1alpha1.HookPostSync, v1alpha1.HookSyncFail, v1alpha1.HookPreDelete, v1alpha1.HookPostDelete} {
		if named[h] {
			hooks = append(hooks, h)
		}
	}
	return hooks
}

// helmHooks is where Helm's hooks run in a sync (Argo CD's mapping).
var helmHooks = map[string]v1alpha1.HookType{
	"pre-install": v1alpha1.HookPreSync, "pre-upgrade": v1alpha1.HookPreSync,
	"post-install": v1alpha1.HookPostSync, "post-upgrade": v1alpha1.HookPostSync,
	"pre-delete": v1alpha1.HookPreDelete, "post-delete": v1alpha1.HookPostDelete,
}

// DeletePolicies returns when a hook's object is deleted. Without a policy that can be understood it is
// BeforeHookCreation: the next run replaces it, and until then people can look at it.
func DeletePolicies(o *object.Object) []v1alpha1.HookDeletePolicy {
	var policies []v1alpha1.HookDeletePolicy
	add := func(p v1alpha1.HookDeletePolicy) {
		if p != "" && !slices.Contains(policies, p) {
			policies = append(policies, p)
		}
	}
	a := o.GetAnnotations()
	for _, part := range strings.Split(a[v1alpha1.AnnotationHookDeletePolicy], ",") {
		switch p := v1alpha1.HookDeletePolicy(strings.TrimSpace(part)); p {
		case v1alpha1.HookDeleteBeforeHookCreation, v1alpha1.HookDeleteHookSucceeded, v1alpha1.HookDeleteHookFailed:
			add(p)
		}
	}
	for _, part := range strings.Split(a[v1alpha1.AnnotationHelmHookDeletePolicy], ",") {
		add(helmPolicies[strings.TrimSpace(part)])
	}
	if len(policies) == 0 {
		return []v1alpha1.HookDeletePolicy{v1alpha1.HookDeleteBeforeHookCreation}
	}
	return policies
}

var helmPolicies = map[string]v1alpha1.HookDeletePolicy{
	"before-hook-creation": v1alpha1.HookDeleteBeforeHookCreation,
	"hook-succeeded":       v1alpha1.HookDeleteHookSucceeded,
	"hook-failed":          v1alpha1.HookDeleteHookFailed,
}

// HookRun names one run of the hooks: the operation that they belong to.
type HookRun struct {
	Revision string // full commit
	Started  int64  // Unix seconds of the operation's start
	ID       string // of the operation; marks what it created
}

// mark tells the object of one hook of one run from all others: an object can be several hooks of one run.
func (r HookRun) mark(h v1alpha1.HookType) string { return r.ID + "-" + strings.ToLower(string(h)) }

// ofRun reports whether the live object is what the step created.
func ofRun(live *object.Object, t Step) bool {
	return live.GetAnnotations()[AnnotationRun] == t.Object.GetAnnotations()[AnnotationRun]
}

// AnnotationRun marks a hook's object with the operation that created it, and as which hook, so that a process that was killed between
// the creation and the note of it knows its own when it sees it.
const AnnotationRun = "hawser.dev/operation"

// shortRevision is the first seven characters of a revision as a name may hold them: a version or a digest has others.
func (r HookRun) shortRevision() string {
	text := strings.TrimPrefix(r.Revision, "sha256:")
	text = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '-'
	}, strings.ToLower(text[:min(7, len(text))]))
	return strings.Trim(text, ".-")
}

// HookObject returns the object to create for one hook in one run: named, if only a prefix was given, in a way that
// the same run finds again (generateName, short commit, phase, time; Argo CD's form), and marked with the run.
func HookObject(o *object.Object, h v1alpha1.HookType, run HookRun) *object.Object {
	o = o.DeepCopy()
	if o.GetName() == "" {
		o.SetName(fmt.Sprintf("%s%s-%s-%d", o.GetGenerateName(), run.shortRevision(), strings.ToLower(string(h)), run.Started))
		o.SetGenerateName("")
	}
	a := o.GetAnnotations()
	a[AnnotationRun] = run.mark(h)
	if instance, key, ok := object.ParseTrackingID(a[object.TrackingAnnotation]); ok { // it was marked before it had a name
		key.Name = o.GetName()
		a[object.TrackingAnnotation] = object.TrackingID(instance, key)
	}
	o.SetAnnotations(a)
	o.SetFinalizers(append(o.GetFinalizers(), v1alpha1.FinalizerHook)) // keeps a result until we have seen it
	return o
}

// HookKeys returns the objects that the operation's hooks are, so that the caller can fill in Live.
func (in Input) HookKeys() []object.Key {
	var keys []object.Key
	tasks, onFailure := in.tasks()
	for _, t := range append(tasks, onFailure...) {
		if t.Hook != "" && !slices.Contains(keys, t.Key) {
			keys = append(keys, t.Key)
		}
	}
	return keys
}

// runHook decides how a hook that is due begins. An object of an earlier run is replaced, when its policy says so, or
// applied over; one of this very run is there already when we were killed before we could note it (found).
func (in Input) runHook(t Step) (step Step, found, wait bool) {
	live := in.Live[t.Key]
	switch {
	case live == nil || t.DryRun:
		return t, false, false
	case live.GetDeletionTimestamp() != nil && !slices.Contains(live.GetFinalizers(), v1alpha1.FinalizerHook):
		return t, false, true
	case ofRun(live, t):
		return t, true, false
	case slices.Contains(DeletePolicies(t.Object), v1alpha1.HookDeleteBeforeHookCreation):
		return Step{Action: Release, Phase: t.Phase, Wave: t.Wave, Hook: t.Hook, Key: t.Key, Object: live, Options: t.Options, Delete: true}, false, false
	}
	t.Over = true
	return t, false, false
}

// completed returns what has become of the hooks that were running when we last looked.
func (in Input) completed(tasks []Step) Journal {
	results := Journal{}
	for _, t := range tasks {
		e, begun := in.Journal[t.ID()]
		if t.Hook == "" || !begun || e.over() {
			continue
		}
		if now := in.outcome(t, e); now.over() {
			results[t.ID()] = now
		}
	}
	return results
}

// outcome is the state of a hook that was begun. A hook whose kind has no health is done once it exists. One that
// vanished cannot be known to have done its work.
func (in Input) outcome(t Step, e Entry) Entry {
	live := in.Live[t.Key]
	if in.Sync.DryRun {
		e.Phase = v1alpha1.OperationSucceeded
		return e
	}
	if live == nil {
		return Entry{e.Status, "the hook vanished before it had completed: somebody deleted " + path(t.Key), v1alpha1.OperationError}
	}
	h := in.Health(live)
	if h.Message != "" {
		e.Message = h.Message
	}
	switch {
	case !h.Known || h.Healthy:
		e.Phase = v1alpha1.OperationSucceeded
	case h.Degraded:
		e.Phase = v1alpha1.OperationFailed
	case live.GetDeletionTimestamp() != nil:
		e.Message, e.Phase = "somebody deleted "+path(t.Key)+" while it ran", v1alpha1.OperationFailed
	default:
		if since, until := in.ran(t); !in.Waits.Now.IsZero() && !until.IsZero() && !in.Waits.Now.Before(until) {
			e.Message, e.Phase = fmt.Sprintf("%s has not completed within %s", path(t.Key), until.Sub(since)), v1alpha1.OperationFailed
		}
	}
	return e
}

// runs reports whether a hook's object has not come to an end by itself.
func (in Input) runs(live *object.Object) bool {
	h := in.Health(live)
	return h.Known && !h.Healthy && !h.Degraded
}

// releases are the hooks that may go now: a phase's hooks are let go when the phase is over, not one by one. If all
// went well those with HookSucceeded are deleted, if one failed those with HookFailed; one whose time was over is
// stopped by deleting it; our finalizer comes off all.
func (in Input) releases(tasks []Step, next Step) []Step {
	well := map[v1alpha1.SyncPhase]bool{}
	for _, t := range tasks {
		if _, known := well[t.Phase]; !known {
			well[t.Phase] = true
		}
		if e := in.Journal[t.ID()]; e.failed() {
			well[t.Phase] = false
		}
	}
	var steps []Step
	for _, t := range tasks {
		e, begun := in.Journal[t.ID()]
		live := in.Live[t.Key]
		if t.Hook == "" || !begun || !e.over() || live == nil || phaseRank(t.Phase) >= phaseRank(next.Phase) || !ofRun(live, t) {
			continue
		}
		policy := v1alpha1.HookDeleteHookSucceeded
		if !well[t.Phase] {
			policy = v1alpha1.HookDeleteHookFailed
		}
		remove := (slices.Contains(DeletePolicies(t.Object), policy) || in.runs(live)) && live.GetDeletionTimestamp() == nil
		if remove || slices.Contains(live.GetFinalizers(), v1alpha1.FinalizerHook) {
			steps = append(steps, Step{Action: Release, Phase: t.Phase, Wave: t.Wave, Hook: t.Hook, Key: t.Key, Object: live, Options: t.Options, Delete: remove})
		}
	}
	return steps
}

// Terminate ends an operation that a person stops: hooks that have completed by now keep what they came to, running
// ones end as failed and are deleted.
func Terminate(in Input) Next {
	tasks, onFailure := in.tasks()
	tasks = append(tasks, onFailure...)
	next := finished(v1alpha1.OperationFailed, "Operation terminated")
	next.Results = in.completed(tasks)
	for _, t := range tasks {
		e, begun := in.Journal[t.ID()]
		live := in.Live[t.Key]
		if t.Hook == "" || !begun || live == nil || !ofRun(live, t) {
			continue
		}
		if now, done := next.Results[t.ID()]; done {
			e = now
		}
		running := !e.over()
		if running {
			next.Results[t.ID()] = Entry{e.Status, "Terminated", v1alpha1.OperationFailed}
		}
		if running || slices.Contains(live.GetFinalizers(), v1alpha1.FinalizerHook) {
			next.Steps = append(next.Steps, Step{Action: Release, Phase: t.Phase, Wave: t.Wave, Hook: t.Hook, Key: t.Key, Object: live, Options: t.Options, Delete: running})
		}
	}
	return next
}
