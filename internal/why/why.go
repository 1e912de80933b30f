// Package why says in one sentence what is true of an application: that it is what Git says, or what keeps it from being
// that.
//
// The idea: whoever asks, on the page, at the command line or through the API, gets the same sentence, made from the same
// facts by one pure function. A sentence is a list of words, so that the page can make a time, an object or a commit in
// it more than text. Read Explain first; Case is what it is given, Answer what comes of it. Suspect finds the object that
// explains a health, and Question which commits are worth looking for. The package refuses to fetch anything, to read the
// clock, and to guess: a commit is named as the cause only when it touched the object and the trouble followed.
package why

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Case is what is known of an application. Only App and Now must be there; what is missing is not spoken of.
type Case struct {
	App    *v1alpha1.Application
	Nodes  []Node
	Events []corev1.Event // of the object that Suspect names

	Changes []Change // fields in which live differs from Git, by object
	Commit  Commit   // that the application was compared with last
	Commits []Commit // that answer Question, newest first

	Cluster string    // what people call the destination
	Silent  time.Time // since when the destination does not answer; zero when it does
	Now     time.Time
}

// Change is one field in which an object differs. Git and Live are JSON, empty where there is none.
type Change struct {
	Object    object.Key
	Path      string
	Git, Live string
	Manager   string // who wrote what is live; empty when it is not known
	Time      time.Time
	Ours      bool // an earlier sync wrote it: Git has moved on
}

// Commit is one commit, as people know it.
type Commit struct {
	ID, Author, Subject string
	Date                time.Time
}

// The states, by what a person has to do about them. A state that is none of these is that of a health.
const (
	Well        = "Well"        // it is what Git says, and healthy
	Held        = "Held"        // well, but at an earlier commit that a person chose
	Differs     = "Differs"     // healthy, and not what Git says
	Failed      = "Failed"      // the last sync failed
	Stopped     = "Stopped"     // an error keeps it from being compared or synced
	Unreachable = "Unreachable" // the cluster does not answer
	Syncing     = "Syncing"     // an operation runs
	Waiting     = "Waiting"     // an operation runs, and waits for something
	Asked       = "Asked"       // an operation has been asked for
	Deleting    = "Deleting"
	NeverSynced = "NeverSynced" // Git has it, the cluster never had
	Unknown     = "Unknown"     // not compared yet
)

// Answer is what Explain says.
type Answer struct {
	State    string
	Sentence Sentence
	Object   object.Key // the cause; zero when it is no single object
	Since    time.Time  // of the state; zero when it is not known
	Culprit  Commit     // that brought it about; zero when none is known for sure
	Hint     string     // what to do, where what failed says so itself
	Facts    []Fact
}

// Fact is one more thing that helps to understand.
type Fact struct {
	Name string // "last event"
	Time time.Time
	Text string
}

// String is the fact in one line: "last change 2 min ago: 53e28ff by ada".
func (f Fact) String(now time.Time) string {
	if f.Time.IsZero() {
		return f.Name + ": " + f.Text
	}
	return f.Name + " " + ago(f.Time, now) + ": " + f.Text
}

// Explain says what is true of the application: the first of what stops everything else, an operation that failed or
// waits, an object that is not healthy, a difference; and otherwise that all is well.
func Explain(c Case) Answer {
	v := c.judge()
	a := Answer{State: v.state}
	s := &sentence{now: c.Now}
	v.tell(c, s, &a)
	a.Sentence = s.end()
	if v.sick && (a.Object == v.node.Key || a.Object == v.root().Key) { // else its events explain nothing
		a.Facts = append(a.Facts, c.lastEvent()...)
	}
	if h := heldBy(c.App); h != nil && a.State != Held {
		a.Facts = append(a.Facts, Fact{Name: "held", Text: oneLine(h.Message)})
	}
	a.Facts = append(a.Facts, c.lastChange()...)
	return a
}

// verdict is the state, and what was found on the way to it.
type verdict struct {
	state string
	tell  func(Case, *sentence, *Answer)

	sick  bool // some object is not healthy: node, and above it trail
	node  Node
	trail []Node
}

// root is the application's own object to which the suspect belongs.
func (v verdict) root() Node {
	if len(v.trail) > 0 {
		return v.trail[0]
	}
	return v.node
}

func (c Case) judge() (v verdict) {
	app := c.App
	v.node, v.trail, v.sick = Suspect(c.Nodes)
	as := func(state string, tell func(Case, *sentence, *Answer)) verdict {
		v.state, v.tell = state, tell
		return v
	}
	op, health := app.Status.OperationState, app.Status.Health.Status
	stop := firstError(app)
	switch {
	case app.DeletionTimestamp != nil:
		return as(Deleting, func(c Case, s *sentence, a *Answer) { c.deleting(s, a, stop) })
	case !c.Silent.IsZero():
		return as(Unreachable, Case.unreachable)
	case running(app):
		state := Syncing
		if op.WaitingSince != nil || strings.HasPrefix(op.Message, "waiting for ") {
			state = Waiting
		}
		return as(state, func(c Case, s *sentence, a *Answer) { c.syncing(s, a, v) })
	case failed(app) && (stop == nil || sameFailure(stop, op)):
		return as(Failed, Case.failure)
	case stop != nil:
		return as(Stopped, func(c Case, s *sentence, a *Answer) { c.stopped(s, a, stop) })
	case app.Operation != nil:
		return as(Asked, func(_ Case, s *sentence, _ *Answer) { s.say("About to sync: the operation has not been taken up yet") })
	case neverSynced(app) && health == v1alpha1.HealthStatusMissing:
		return as(NeverSynced, Case.neverSynced)
	case v.sick && health != v1alpha1.HealthStatusHealthy:
		return as(string(cmp.Or(health, v1alpha1.HealthStatusUnknown)), func(c Case, s *sentence, a *Answer) { c.sick(s, a, v) })
	case health != v1alpha1.HealthStatusHealthy && health != "":
		return as(string(health), Case.unwell)
	case app.Status.Sync.Status == v1alpha1.SyncStatusOutOfSync:
		return as(Differs, Case.differs)
	case app.Status.Sync.Status != v1alpha1.SyncStatusSynced:
		return as(Unknown, func(_ Case, s *sentence, _ *Answer) { s.say("It has not been compared with Git yet") })
	case heldBy(app) != nil:
		return as(Held, Case.held)
	}
	return as(Well, Case.well)
}

// Question is what to look for in Git: the commits after From up to To that touched the object, which may have brought
// the trouble about.
type Question struct {
	Object   object.Key
	From, To string
}

// AsksFor says which commits would help to explain the case; ok is false when none would.
func AsksFor(c Case) (q Question, ok bool) {
	v, app := c.judge(), c.App
	history := app.Status.History
	deployed := func(i int) string { return revisionOf(history[i]) }
	switch {
	case v.state == Failed:
		r := failedResource(app.Status.OperationState)
		if r == nil || len(history) == 0 || app.Status.OperationState.SyncResult == nil {
			return q, false
		}
		q = Question{keyOf(r), deployed(len(history) - 1), app.Status.OperationState.SyncResult.Revision}
	case v.sick && v.state == string(app.Status.Health.Status) && len(history) > 1 && c.followed(v.root().Key):
		q = Question{v.root().Key, deployed(len(history) - 2), deployed(len(history) - 1)}
	}
	return q, q.From != "" && q.To != "" && q.From != q.To
}

// soon is how long after a deployment what becomes unhealthy is put down to it. A Deployment gives up after ten minutes
// unless it says otherwise.
const soon = 30 * time.Minute

// followed reports whether the application became what it is soon after a deployment that changed the object.
func (c Case) followed(key object.Key) bool {
	app := c.App
	last := app.Status.History[len(app.Status.History)-1]
	since := app.Status.Health.LastTransitionTime
	if since == nil || since.Before(deployStart(last)) || since.Sub(last.DeployedAt.Time) > soon {
		return false
	}
	op := app.Status.OperationState
	if op == nil || op.SyncResult == nil || op.SyncResult.Revision != last.Revision {
		return false
	}
	return slices.ContainsFunc(op.SyncResult.Resources, func(r v1alpha1.ResourceResult) bool {
		return keyOf(&r) == key && r.Status == v1alpha1.ResultSynced && !strings.HasSuffix(r.Message, " unchanged")
	})
}

// Reads reports whether the differences are worth fetching for the case: they are spoken of.
func Reads(app *v1alpha1.Application) bool {
	return app.Status.Sync.Status == v1alpha1.SyncStatusOutOfSync && !neverSynced(app)
}

func neverSynced(app *v1alpha1.Application) bool {
	return len(app.Status.History) == 0 && app.Status.OperationState == nil
}

func running(app *v1alpha1.Application) bool {
	op := app.Status.OperationState
	return op != nil && (op.Phase == v1alpha1.OperationRunning || op.Phase == v1alpha1.OperationTerminating)
}

func failed(app *v1alpha1.Application) bool {
	op := app.Status.OperationState
	return op != nil && (op.Phase == v1alpha1.OperationFailed || op.Phase == v1alpha1.OperationError) && app.Status.Sync.Status != v1alpha1.SyncStatusSynced
}

func firstError(app *v1alpha1.Application) *v1alpha1.ApplicationCondition {
	for i, c := range app.Status.Conditions {
		if strings.HasSuffix(string(c.Type), "Error") && c.Type != v1alpha1.ConditionSyncError {
			return &app.Status.Conditions[i]
		}
	}
	return nil
}

func heldBy(app *v1alpha1.Application) *v1alpha1.ApplicationCondition {
	for i, c := range app.Status.Conditions {
		if c.Type == v1alpha1.ConditionHeldWarning {
			return &app.Status.Conditions[i]
		}
	}
	return nil
}

// sameFailure reports whether an error is what the failed operation met as well: the comparison asks the API server the
// same question as the sync does.
func sameFailure(stop *v1alpha1.ApplicationCondition, op *v1alpha1.OperationState) bool {
	r := failedResource(op)
	return r != nil && strings.Contains(stop.Message, withoutWhere(r.Message))
}

// failedResource is the first object that failed in an operation and says why.
func failedResource(op *v1alpha1.OperationState) *v1alpha1.ResourceResult {
	if op.SyncResult == nil {
		return nil
	}
	for i, r := range op.SyncResult.Resources {
		if r.Message != "" && (r.Status == v1alpha1.ResultSyncFailed || r.HookPhase == v1alpha1.OperationFailed || r.HookPhase == v1alpha1.OperationError) {
			return &op.SyncResult.Resources[i]
		}
	}
	return nil
}

func keyOf(r *v1alpha1.ResourceResult) object.Key {
	return object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

func revisionOf(h v1alpha1.RevisionHistory) string {
	if len(h.Revisions) > 0 {
		return h.Revisions[0]
	}
	return h.Revision
}

func deployStart(h v1alpha1.RevisionHistory) *metav1.Time {
	if h.DeployStartedAt != nil {
		return h.DeployStartedAt
	}
	return &h.DeployedAt
}

// lastEvent is the newest warning, else nothing: normal events tell of what goes well.
func (c Case) lastEvent() []Fact {
	var last *corev1.Event
	for i := range c.Events {
		e := &c.Events[i]
		if e.Type == corev1.EventTypeWarning && (last == nil || eventTime(e).After(eventTime(last))) {
			last = e
		}
	}
	if last == nil {
		return nil
	}
	text := last.Reason
	if last.Count > 1 {
		text += fmt.Sprintf(" (%d times)", last.Count)
	}
	return []Fact{{"last event", eventTime(last), text + ": " + oneLine(last.Message)}}
}

func eventTime(e *corev1.Event) time.Time {
	for _, t := range []time.Time{e.LastTimestamp.Time, e.EventTime.Time, e.FirstTimestamp.Time} {
		if !t.IsZero() {
			return t
		}
	}
	return e.CreationTimestamp.Time
}

// lastChange is the last sync that ended well.
func (c Case) lastChange() []Fact {
	list := c.App.Status.History
	if len(list) == 0 {
		return nil
	}
	h := list[len(list)-1]
	by := h.InitiatedBy.Username
	if h.InitiatedBy.Automated || by == "" {
		by = "automatic sync"
	}
	return []Fact{{"last change", h.DeployedAt.Time, Short(revisionOf(h)) + " by " + by}}
}
