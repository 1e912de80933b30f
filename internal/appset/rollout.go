package appset

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// A rollout syncs the applications of a set step by step (strategy RollingSync). What it goes by is what is observed
// now: a step begins when every application of the steps before it is Synced and Healthy at the commits that its sources
// lead to now, and with the spec that the set wants now. What was once noted of an application is never believed against
// that. Read Roll first, then judge.

// RolloutInput is everything that the next move of a rollout depends on.
type RolloutInput struct {
	Set     *v1alpha1.ApplicationSet
	Wanted  []*v1alpha1.Application          // as the set wants them, by name
	Live    map[string]*v1alpha1.Application // as they are, by name
	Unlike  map[string]bool                  // live ones that are not what the set wants, and could not be changed
	Commits map[string][]string              // what their sources lead to now, by name; "" for one that is not known
	Prune   map[string]bool                  // whose template syncs with prune
	Now     time.Time
}

// RolloutDecision is the next move. Status is written before Sync is asked for: the request carries the mark of it.
type RolloutDecision struct {
	Status     []v1alpha1.ApplicationSetApplicationStatus // by name
	Conditions []v1alpha1.ApplicationSetCondition
	Sync       []SyncRequest
	Stop       []string      // running syncs of this rollout that are to end: it is aborted
	Look       []string      // applications that say they are at another commit than their sources lead to now, while somebody waits for that
	Again      time.Duration // decide again after this time; 0 when only an event changes the answer
}

// SyncRequest asks for the sync of one application.
type SyncRequest struct {
	Application string
	Operation   v1alpha1.Operation
}

// RolloutRetry is how long an application whose sync failed is left alone, until the rollout tries it again.
const RolloutRetry = 5 * time.Minute

// rolloutMark names, in the information of an operation, the move that asked for it: by it alone it is known that
// the request was carried out, however fast that was.
const rolloutMark = "Rollout"

// member is one application of a rollout.
type member struct {
	name    string
	labels  map[string]string // as the set wants them
	step    int               // -1 for none
	live    *v1alpha1.Application
	unlike  bool
	commits []string // what it is to be at; what it was compared with, where that is not known
	before  v1alpha1.ApplicationSetApplicationStatus
	known   bool // there is a before
	now     v1alpha1.ApplicationSetApplicationStatus

	fresh   bool // compared with what the set and its sources say now
	running bool // a sync is asked for, or under way
	done    bool
}

// Roll decides the next move of a rollout. It is Invalid when the set names no steps.
func Roll(in RolloutInput) (RolloutDecision, error) {
	plan, err := ParseRollout(in.Set)
	if err != nil {
		return RolloutDecision{}, err
	}
	var d RolloutDecision
	members := plan.members(in)
	steps := make([][]*member, len(plan.Steps))
	for _, m := range members {
		m.judge(in.Now)
		if m.step >= 0 {
			steps[m.step] = append(steps[m.step], m)
		}
	}
	if slices.ContainsFunc(members, func(m *member) bool { return m.step >= 0 && m.now.Status != v1alpha1.ProgressiveSyncHealthy }) {
		for _, m := range members { // as long as all was well and nothing is heard, nobody need look
			if m.live != nil && m.step >= 0 && !slices.Equal(m.commits, revisionsOf(m.live)) {
				d.Look = append(d.Look, m.name)
			}
		}
	}
	faults := plan.faults(members, steps)
	open, at := 0, time.Time{} // steps below open may go on; the next may begin at this time
	for i := range steps {
		var bakes time.Time
		if open, bakes = i+1, bakedAt(steps[i], plan.Bake[i]); !allDone(steps[i]) {
			break
		}
		if bakes.After(in.Now) && i+1 < len(steps) {
			at = bakes
			break
		}
	}
	if plan.Halt == "" && !faults.stop {
		for i := range open {
			plan.start(steps[i], plan.Steps[i], in, &d)
		}
	}
	for _, m := range members {
		if plan.Halt == haltAborted && m.running && m.markedAny() && !m.ending() {
			d.Stop = append(d.Stop, m.name)
		}
		if m.live != nil {
			d.Status = append(d.Status, m.now)
		}
		if wait := m.retriesAt().Sub(in.Now); m.now.Status == v1alpha1.ProgressiveSyncProgressing && wait > 0 {
			d.Again = sooner(d.Again, wait)
		}
	}
	if !at.IsZero() {
		d.Again = sooner(d.Again, at.Sub(in.Now))
	}
	d.Conditions = []v1alpha1.ApplicationSetCondition{faults.condition(), plan.progress(steps, at)}
	return d, nil
}

func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// members are the applications that the set wants, with what is known of each.
func (p *Rollout) members(in RolloutInput) []*member {
	before := map[string]v1alpha1.ApplicationSetApplicationStatus{}
	for _, s := range in.Set.Status.ApplicationStatus {
		before[s.Application] = s
	}
	var list []*member
	for _, app := range in.Wanted {
		m := &member{name: app.Name, labels: app.Labels, step: p.StepOf(app.Labels), live: in.Live[app.Name], unlike: in.Unlike[app.Name]}
		m.before, m.known = before[app.Name]
		if m.live != nil {
			seen := revisionsOf(m.live)
			m.commits = seen
			if to := in.Commits[app.Name]; len(to) > 0 {
				m.commits = slices.Clone(to)
				for i, c := range m.commits {
					if c == "" && i < len(seen) {
						m.commits[i] = seen[i]
					}
				}
			}
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *member) int { return cmp.Compare(a.name, b.name) })
	return list
}

// revisionsOf are the commits that an application was last compared with.
func revisionsOf(app *v1alpha1.Application) []string {
	if s := app.Status.Sync; len(s.Revisions) > 0 {
		return s.Revisions
	} else if s.Revision != "" {
		return []string{s.Revision}
	}
	return nil
}

// comparedAsIs reports whether the last comparison was of what the spec says now.
func comparedAsIs(app *v1alpha1.Application) bool {
	to := app.Status.Sync.ComparedTo
	if app.Spec.HasMultipleSources() {
		if object.Hash(to.Sources) != object.Hash(app.Spec.Sources) {
			return false
		}
	} else if list := app.Spec.SourceList(); len(list) == 1 && object.Hash(to.Source) != object.Hash(list[0]) {
		return false
	}
	return object.Hash(to.Destination) == object.Hash(app.Spec.Destination)
}

func finished(op *v1alpha1.OperationState) bool {
	return op.Phase == v1alpha1.OperationSucceeded || op.Phase == v1alpha1.OperationFailed || op.Phase == v1alpha1.OperationError
}

// judge says how far an application has come, from what is observed of it; what was noted before only decides between
// "is to be synced" and "was asked to sync".
func (m *member) judge(now time.Time) {
	if m.live == nil {
		return
	}
	app, op := m.live, m.live.Status.OperationState
	m.running = app.Operation != nil || op != nil && !finished(op)
	m.fresh = !m.unlike && len(m.commits) > 0 && slices.Equal(m.commits, revisionsOf(app)) && comparedAsIs(app)
	synced := app.Status.Sync.Status == v1alpha1.SyncStatusSynced
	healthy := app.Status.Health.Status == v1alpha1.HealthStatusHealthy
	m.done = m.fresh && synced && healthy && !m.running && app.DeletionTimestamp == nil
	same := m.known && slices.Equal(m.before.TargetRevisions, m.commits) // it was about the same commits

	switch {
	case m.done:
		m.be(now, v1alpha1.ProgressiveSyncHealthy, "Application resource is Synced and Healthy")
	case same && m.before.Status == v1alpha1.ProgressiveSyncPending && !m.unlike:
		m.judgePending(now)
	case same && m.before.Status == v1alpha1.ProgressiveSyncProgressing && !m.unlike:
		if m.fresh && !synced && !m.running && !now.Before(m.retriesAt()) {
			m.be(now, v1alpha1.ProgressiveSyncWaiting, "The last sync did not make the application resource Synced, and is to be tried again")
			return
		}
		m.be(now, v1alpha1.ProgressiveSyncProgressing, "Application resource "+m.lacks())
	case m.running:
		m.be(now, v1alpha1.ProgressiveSyncWaiting, "Application has pending changes, and waits for the end of the sync that is under way")
	case m.fresh && synced: // nothing to sync
		m.be(now, v1alpha1.ProgressiveSyncProgressing, "Application resource "+m.lacks())
	case !m.fresh && !m.unlike && m.known && (m.before.Status == v1alpha1.ProgressiveSyncHealthy || m.before.Status == v1alpha1.ProgressiveSyncWaiting):
		m.now = m.before // there is no news of it yet; it holds up the steps after it until there is
		m.now.Step = strconv.Itoa(m.ordinal())
	default:
		m.be(now, v1alpha1.ProgressiveSyncWaiting, "Application has pending changes, setting status to Waiting")
	}
}

// judgePending looks for what became of the request to sync.
func (m *member) judgePending(now time.Time) {
	op := m.live.Status.OperationState
	switch {
	case m.running:
		m.be(now, v1alpha1.ProgressiveSyncProgressing, "Application resource became Progressing, updating status from Pending to Progressing")
	case m.marked() && op.Phase == v1alpha1.OperationSucceeded:
		m.be(now, v1alpha1.ProgressiveSyncProgressing, "Application resource completed a sync successfully, updating status from Pending to Progressing")
	case m.marked():
		m.be(now, v1alpha1.ProgressiveSyncProgressing, "Application resource completed a sync, updating status from Pending to Progressing")
	case m.fresh && m.live.Status.Sync.Status == v1alpha1.SyncStatusSynced: // somebody else did it
		m.be(now, v1alpha1.ProgressiveSyncProgressing, "Application resource "+m.lacks())
	default: // the request was lost: it is made again
		m.be(now, v1alpha1.ProgressiveSyncPending, m.before.Message)
	}
}

// lacks is what keeps an application that was synced from being done.
func (m *member) lacks() string {
	app := m.live
	switch op := app.Status.OperationState; {
	case !m.fresh:
		return "was not yet compared with " + brief7(m.commits)
	case m.running:
		return "is being synced"
	case app.Status.Sync.Status == v1alpha1.SyncStatusSynced:
		return fmt.Sprintf("is Synced and %s", cmp.Or(app.Status.Health.Status, v1alpha1.HealthStatusUnknown))
	case m.failed():
		return "could not be synced: " + clip(op.Message)
	default:
		return fmt.Sprintf("was synced and is %s", cmp.Or(app.Status.Sync.Status, v1alpha1.SyncStatusUnknown))
	}
}

func brief7(commits []string) string {
	if len(commits) == 0 {
		return "its sources"
	}
	return commits[0][:min(7, len(commits[0]))]
}

func (m *member) failed() bool {
	op := m.live.Status.OperationState
	return op != nil && (op.Phase == v1alpha1.OperationFailed || op.Phase == v1alpha1.OperationError)
}

// retriesAt is when a sync that was not enough is tried again; zero when none has ended.
func (m *member) retriesAt() time.Time {
	if m.live == nil || m.running || m.live.Status.OperationState == nil || m.live.Status.OperationState.FinishedAt == nil {
		return time.Time{}
	}
	return m.live.Status.OperationState.FinishedAt.Add(RolloutRetry)
}

func (m *member) ordinal() int {
	if m.step < 0 {
		return -1
	}
	return m.step + 1
}

// be sets the status. The time is that of the last change of status or of what it is about, so that a step bakes from the
// moment its last application became Healthy, and no unrelated commit starts that anew.
func (m *member) be(now time.Time, status v1alpha1.ProgressiveSyncStatusCode, message string) {
	at := metav1.NewTime(now.UTC().Truncate(time.Second))
	moved := !m.known || m.before.Status != status || status != v1alpha1.ProgressiveSyncHealthy && !slices.Equal(m.before.TargetRevisions, m.commits)
	if !moved && m.before.LastTransitionTime != nil {
		at = *m.before.LastTransitionTime
	}
	m.now = v1alpha1.ApplicationSetApplicationStatus{Application: m.name, Status: status, Step: strconv.Itoa(m.ordinal()), Message: message, TargetRevisions: append([]string{}, m.commits...), LastTransitionTime: &at}
}

// mark names the move that set a status to Pending.
func mark(s v1alpha1.ApplicationSetApplicationStatus) string {
	if s.LastTransitionTime == nil {
		return ""
	}
	return "step " + s.Step + " at " + s.LastTransitionTime.UTC().Format(time.RFC3339)
}

// marked reports whether the last request, or the running one, was made by the move that is noted.
func (m *member) marked() bool {
	return m.known && m.before.Status == v1alpha1.ProgressiveSyncPending && slices.Contains(m.marks(), mark(m.before))
}

// markedAny reports whether it was made by any move of a rollout.
func (m *member) markedAny() bool { return len(m.marks()) > 0 }

func (m *member) marks() (list []string) {
	var infos []v1alpha1.Info
	if op := m.live.Status.OperationState; op != nil && (m.live.Operation == nil || !finished(op)) {
		infos = op.Operation.Info
	} else if m.live.Operation != nil {
		infos = m.live.Operation.Info
	}
	for _, i := range infos {
		if i.Name == rolloutMark {
			list = append(list, i.Value)
		}
	}
	return list
}

func (m *member) ending() bool {
	op := m.live.Status.OperationState
	return op != nil && op.Phase == v1alpha1.OperationTerminating
}

func allDone(step []*member) bool {
	return !slices.ContainsFunc(step, func(m *member) bool { return !m.done })
}

// bakedAt is when a finished step has stood for long enough.
func bakedAt(step []*member, bake time.Duration) (at time.Time) {
	if bake <= 0 {
		return at
	}
	for _, m := range step {
		if t := m.now.LastTransitionTime; t != nil && t.Add(bake).After(at) {
			at = t.Add(bake)
		}
	}
	return at
}

// start asks for the syncs that a step has room for.
func (p *Rollout) start(step []*member, of v1alpha1.ApplicationSetRolloutStep, in RolloutInput, d *RolloutDecision) {
	most, _ := maxUpdate(of.MaxUpdate, len(step)) // plan.faults has looked
	under := 0
	for _, m := range step {
		if m.running || m.now.Status == v1alpha1.ProgressiveSyncPending || m.now.Status == v1alpha1.ProgressiveSyncProgressing {
			under++
		}
	}
	for _, m := range step {
		switch {
		case m.live == nil || m.running || m.live.DeletionTimestamp != nil:
		case m.now.Status == v1alpha1.ProgressiveSyncPending: // the request did not arrive
			d.Sync = append(d.Sync, m.request(in.Prune[m.name]))
		case m.now.Status == v1alpha1.ProgressiveSyncWaiting && m.fresh && m.live.Status.Sync.Status == v1alpha1.SyncStatusOutOfSync && under < most:
			under++
			m.be(in.Now, v1alpha1.ProgressiveSyncPending, "Application moved to Pending status, watching for the Application resource to start Progressing")
			d.Sync = append(d.Sync, m.request(in.Prune[m.name]))
		}
	}
}

// request is the sync as Argo CD's rollout asks for it: with the options and the retries of the application, and at the
// commits that were decided on.
func (m *member) request(prune bool) SyncRequest {
	op := v1alpha1.Operation{
		Sync:        &v1alpha1.SyncOperation{Prune: prune},
		InitiatedBy: v1alpha1.OperationInitiator{Username: "applicationset-controller", Automated: true},
		Info: []v1alpha1.Info{
			{Name: "Reason", Value: "ApplicationSet RollingSync triggered a sync of this Application resource"},
			{Name: rolloutMark, Value: mark(m.now)},
		},
		Retry: v1alpha1.RetryStrategy{Limit: 5},
	}
	if s := m.live.Status.Sync; len(s.Revisions) > 0 {
		op.Sync.Revisions = slices.Clone(m.commits)
	} else if len(m.commits) == 1 {
		op.Sync.Revision = m.commits[0]
	}
	if p := m.live.Spec.SyncPolicy; p != nil {
		op.Sync.SyncOptions = slices.Clone(p.SyncOptions)
		if p.Retry != nil {
			op.Retry = *p.Retry
		}
	}
	return SyncRequest{m.name, op}
}

// progress is the condition RolloutProgressing, with Argo CD's words and what holds the rollout up.
func (p *Rollout) progress(steps [][]*member, bakes time.Time) v1alpha1.ApplicationSetCondition {
	c := v1alpha1.ApplicationSetCondition{Type: v1alpha1.AppSetConditionRolloutProgressing, Status: v1alpha1.AppSetConditionFalse, Reason: v1alpha1.AppSetReasonRolloutComplete, Message: "ApplicationSet Rollout has completed"}
	for i, step := range steps {
		if !slices.ContainsFunc(step, func(m *member) bool { return m.now.Status != v1alpha1.ProgressiveSyncHealthy }) {
			continue
		}
		c.Status, c.Reason, c.Message = v1alpha1.AppSetConditionTrue, v1alpha1.AppSetReasonApplicationSetModified, "ApplicationSet is performing rollout of step "+strconv.Itoa(i+1)
		if !bakes.IsZero() {
			c.Message += ", which begins at " + bakes.UTC().Format(time.RFC3339)
		}
		if p.Halt != "" {
			c.Message += "; it is " + p.Halt + " by annotation " + AnnotationRollout
		}
		break
	}
	return c
}

// Disarm switches the automated sync of an application off, as a rollout does it: the order of syncs is the rollout's. It
// reports whether that sync would have pruned.
func Disarm(app *v1alpha1.Application) (prune bool) {
	prune = app.Spec.Automation().Prune
	if p := app.Spec.SyncPolicy; p != nil && p.Automated != nil {
		p.Automated.Enabled = new(false)
	}
	return prune
}

// noSteps is what a set is told whose rollout has none.
func noSteps() error {
	return problem.New(problem.Invalid, "No steps defined for rollout").WithHint("set spec.strategy.rollingSync.steps, or strategy.type AllAtOnce")
}
