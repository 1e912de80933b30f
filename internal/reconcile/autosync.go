package reconcile

import (
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/project"
)

// urge is the decision whether an application syncs by itself now.
type urge struct {
	Operation *v1alpha1.Operation // to start now; nil when none
	In        time.Duration       // to decide again after this time; 0 when only an event changes the answer
	Why       string
	Turns     bool // it puts the application to sleep, or wakes it
}

// autoInput is everything that the decision depends on.
type autoInput struct {
	App      *v1alpha1.Application
	View     *view
	Now      time.Time
	Heals    heals
	Retries  pacing
	Settings pacingSettings
	Gate     project.Gate
}

// decideAutosync says whether to sync, what, and when to ask again. A commit is synced once; after that a difference
// is drift, and only selfHeal undoes drift. A failed attempt is repeated with growing pauses for as long as it takes.
func decideAutosync(in autoInput) urge {
	auto := in.App.Spec.Automation()
	switch {
	case !auto.Enabled:
		return urge{Why: "automated sync is off"}
	case in.App.Operation != nil || in.App.Status.OperationState != nil && !final(in.App.Status.OperationState.Phase):
		return urge{Why: "an operation is in progress"}
	case in.View.complete == nil:
		return urge{Why: "the source has not been read yet"}
	case in.View.unknown != nil && !(auto.SelfHeal && attempted(in.App.Status.OperationState, in.View) && in.App.Status.OperationState.Phase == v1alpha1.OperationSucceeded):
		return urge{Why: "the source cannot be read"} // but what was last read of it, and synced, is still held to
	case in.View.unknown == nil && in.View.status() != v1alpha1.SyncStatusOutOfSync:
		return urge{Why: "in sync"}
	}
	if !in.Gate.Automated {
		return urge{Why: "a sync window forbids it: " + in.Gate.Why, In: untilAfter(in.Gate.Changes, in.Now)}
	}
	resources := in.View.healable(auto.Prune, plan.ParseOptions(optionsOf(in.App, &v1alpha1.SyncOperation{})))
	if len(resources) == 0 {
		return urge{Why: "nothing that an automated sync may change"}
	}
	sync := &v1alpha1.SyncOperation{Revision: in.View.revision(), Revisions: in.View.revisions(), Prune: auto.Prune}
	op := &v1alpha1.Operation{Sync: sync, InitiatedBy: v1alpha1.OperationInitiator{Automated: true}}
	if p := in.App.Spec.SyncPolicy; p != nil {
		sync.SyncOptions = p.SyncOptions
		if p.Retry != nil {
			op.Retry = *p.Retry
		}
	}
	last := in.App.Status.OperationState
	if !attempted(last, in.View) && !(byHand(last) && attemptedCommit(in.App, in.View)) {
		if again := last != nil && last.Operation.InitiatedBy.Automated && last.Phase != v1alpha1.OperationSucceeded && last.SyncResult != nil &&
			last.SyncResult.Revision == in.View.revision() && slices.Equal(last.SyncResult.Revisions, in.View.revisions()); again {
			if wait := in.Retries.wait(in.Now, in.Settings); wait > 0 { // whatever else it was about: never fail at full speed
				return urge{In: wait, Why: "the last attempt at this commit failed; pausing before the next"}
			}
		}
		return urge{Operation: op, Why: "new commit"}
	}
	if last.Phase != v1alpha1.OperationSucceeded {
		if wait := in.Retries.wait(in.Now, in.Settings); wait > 0 {
			return urge{In: wait, Why: "the last attempt at this commit failed; pausing before the next"}
		}
		return urge{Operation: op, Why: "trying this commit again"}
	}
	if turns(last, in.View) { // only what sleeps, and no hooks: nothing new is deployed
		if sync.Resources = in.View.permitted(resources); len(sync.Resources) == 0 {
			return urge{Why: "what differs is not permitted in its project"}
		}
		return urge{Operation: op, Turns: true, Why: "falls asleep, or wakes"}
	}
	if !auto.SelfHeal && !in.View.unapplied(last) {
		return urge{Why: "differs from its commit, and selfHeal is off"}
	}
	// only what drifted is healed
	if resources = in.View.permitted(resources); len(resources) == 0 { // one that is not would fail the heal of the others
		return urge{Why: "what differs is not permitted in its project"}
	}
	due, next := in.Heals.due(resources, in.View, in.Now, in.Settings)
	if len(due) == 0 {
		return urge{In: next, Why: "something else keeps changing it; pausing before healing again"}
	}
	sync.Resources = due
	sync.SelfHealAttemptsCount = int64(in.Heals.attempts(due))
	return urge{Operation: op, In: next, Why: "healing drift"}
}

// untilAfter is the time until a moment has passed; 0 when there is none.
func untilAfter(at, now time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return max(0, at.Sub(now)) + windowLookAfter
}

// attempted reports whether the last operation was a sync of what the view shows: of all of it, or a heal, which only
// follows one. What a person synced a part of is still to be synced.
func attempted(last *v1alpha1.OperationState, v *view) bool {
	if last == nil || last.SyncResult == nil || last.Operation.Sync == nil || last.Operation.Sync.DryRun {
		return false
	}
	if byHand(last) {
		return false
	}
	r := last.SyncResult
	if v.spec.many || len(r.Revisions) > 0 {
		return slices.Equal(r.Revisions, v.commits) && object.Hash(r.Sources) == object.Hash(v.spec.sources)
	}
	return r.Revision == v.revision() && object.Hash([]v1alpha1.ApplicationSource{r.Source}) == object.Hash(v.spec.sources)
}

// byHand reports whether the last operation was a person's sync of a part, or of manifests that no commit has.
func byHand(last *v1alpha1.OperationState) bool {
	return last != nil && last.Operation.Sync != nil && (len(last.Operation.Sync.Resources) > 0 || len(last.Operation.Sync.Manifests) > 0) && !last.Operation.InitiatedBy.Automated
}

func final(p v1alpha1.OperationPhase) bool {
	return p == v1alpha1.OperationSucceeded || p == v1alpha1.OperationFailed || p == v1alpha1.OperationError
}

// freeHeals is how often people's changes are undone at once before they are taken for a machine's: a script that uses
// kubectl, or a janitor that deletes, is no person and does not tire.
const freeHeals = 300

// pacingSettings is how pauses grow.
type pacingSettings struct {
	First  time.Duration
	Factor float64
	Cap    time.Duration
}

func (a *Apps) pacing() pacingSettings {
	s := a.Catalog.Settings().SelfHeal
	return pacingSettings{First: max(s.Backoff, s.Timeout), Factor: s.Factor, Cap: max(s.Cap, s.Timeout)}
}

// pacing counts attempts at one thing, so that pauses between them can grow.
type pacing struct {
	subject string // what the attempts are about; another subject starts afresh
	count   int
	last    time.Time
}

// again notes one more attempt. A quiet time of twice the longest pause starts the count afresh.
func (p *pacing) again(subject string, now time.Time, s pacingSettings) {
	if p.subject != subject || now.Sub(p.last) > 2*s.Cap {
		*p = pacing{subject: subject}
	}
	p.count++
	p.last = now
}

// wait is how long to pause before the next attempt; the first one never waits.
func (p pacing) wait(now time.Time, s pacingSettings) time.Duration {
	if p.count <= 0 {
		return 0
	}
	d := float64(s.First)
	for range p.count - 1 {
		if d *= s.Factor; d >= float64(s.Cap) {
			d = float64(s.Cap)
			break
		}
	}
	return max(0, p.last.Add(time.Duration(d)).Sub(now))
}
