package apps

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// Condition is what `app wait` and `app sync` wait for; all that is set has to hold, and of Health, Suspended and
// Degraded one.
type Condition struct {
	Sync, Health, Operation, Suspended, Degraded, Delete, Hydrated bool
}

// OrDefault is c, or what a wait without any word means: synced, healthy and no operation under way.
func (c Condition) OrDefault() Condition {
	if c == (Condition{}) {
		return Condition{Sync: true, Health: true, Operation: true}
	}
	return c
}

// Met reports whether app, or of it the chosen objects, is as c says. A deletion is seen in the watch and never here.
func (c Condition) Met(app *v1alpha1.Application, chosen Selection) bool {
	if c.Delete || c.Operation && Busy(app) {
		return false
	}
	if c.Hydrated && !hydrated(app) {
		return false
	}
	if len(chosen) == 0 {
		return c.holds(string(app.Status.Sync.Status), string(app.Status.Health.Status))
	}
	for _, s := range States(app, chosen) {
		if !c.holds(s.Status, s.Health) {
			return false
		}
	}
	return true
}

func (c Condition) holds(sync, health string) bool {
	if c.Sync && sync != string(v1alpha1.SyncStatusSynced) {
		return false
	}
	return !c.Health && !c.Suspended && !c.Degraded ||
		c.Health && health == string(v1alpha1.HealthStatusHealthy) ||
		c.Suspended && health == string(v1alpha1.HealthStatusSuspended) ||
		c.Degraded && health == string(v1alpha1.HealthStatusDegraded)
}

// Busy reports whether an operation is asked for, runs, or has ended so lately that the status is not newer: Hawser and
// Argo CD take the request away first, then finish, then look at the application once more.
func Busy(app *v1alpha1.Application) bool {
	if app.Operation != nil {
		return true
	}
	op := app.Status.OperationState
	if op == nil {
		return false
	}
	switch op.Phase {
	case v1alpha1.OperationRunning, v1alpha1.OperationTerminating: // finishedAt may be that of a failed try before the next one
		return true
	}
	if op.FinishedAt == nil {
		return true
	}
	dry := op.Operation.Sync != nil && op.Operation.Sync.DryRun
	return !dry && (app.Status.ReconciledAt == nil || app.Status.ReconciledAt.Before(op.FinishedAt))
}

func hydrated(app *v1alpha1.Application) bool {
	current, last := app.Status.SourceHydrator.CurrentOperation, app.Status.SourceHydrator.LastSuccessfulOperation
	return current != nil && last != nil && current.Phase == v1alpha1.HydratePhaseHydrated && current.DrySHA == last.DrySHA &&
		reflect.DeepEqual(current.SourceHydrator, last.SourceHydrator)
}

// Turned is an object whose health became worse while somebody waited for health.
type Turned struct {
	object.Key
	From, To string
}

// Log prints the objects of an application whenever one of them changes: the lines that `app sync` and `app wait` print
// while they wait. The zero value prints to nothing and only remembers.
type Log struct {
	w     *tabwriter.Writer
	now   func() time.Time
	known map[object.Key]*State
}

// NewLog starts a log and prints its header with the first lines. now is for the time in each line.
func NewLog(w io.Writer, now func() time.Time) *Log {
	l := &Log{w: tabwriter.NewWriter(w, 5, 0, 2, ' ', 0), now: now}
	fmt.Fprintf(l.w, logFormat, "TIMESTAMP", "GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE")
	return l
}

// logFormat is a line of the log: right-aligned columns inside of padded ones, as Argo CD prints them.
const logFormat = "%s\t%5s\t%10s\t%10s\t%20s\t%8s\t%7s\t%10s\t%s\n"

// Note takes a new look at the application and prints what changed. It reports the first object whose health turned to
// Degraded from something else that was known.
func (l *Log) Note(app *v1alpha1.Application, chosen Selection) *Turned {
	var turned *Turned
	for _, s := range once(States(app, chosen)) {
		before, ok := l.known[s.Key]
		if l.known == nil {
			l.known = map[object.Key]*State{}
		}
		changed := !ok
		if ok {
			was := before.Health
			if turned == nil && was != string(v1alpha1.HealthStatusUnknown) && was != string(v1alpha1.HealthStatusDegraded) && s.Health == string(v1alpha1.HealthStatusDegraded) {
				turned = &Turned{s.Key, was, s.Health}
			}
			changed = before.Merge(s)
		} else {
			before = &s
			l.known[s.Key] = before
		}
		if changed && l.w != nil {
			fmt.Fprintf(l.w, logFormat, l.now().Format("2006-01-02T15:04:05-07:00"), before.Group, before.Kind, before.Namespace, before.Name,
				before.Status, before.Health, before.Hook, before.Message)
		}
	}
	if l.w != nil {
		_ = l.w.Flush()
	}
	return turned
}

// once merges the states of an object that is mentioned twice, as an object and as a hook.
func once(list []State) []State {
	at := map[object.Key]int{}
	var merged []State
	for _, s := range list {
		if i, ok := at[s.Key]; ok {
			merged[i].Merge(s)
			continue
		}
		at[s.Key] = len(merged)
		merged = append(merged, s)
	}
	return merged
}

// Unpruned counts the objects of a finished sync that are left over because it was not asked to prune. Those that must
// never be pruned do not count.
func Unpruned(state *v1alpha1.OperationState) (n int) {
	if state == nil || state.SyncResult == nil {
		return 0
	}
	for _, r := range state.SyncResult.Resources {
		if r.Status == v1alpha1.ResultPruneSkipped && !strings.Contains(r.Message, "no prune") {
			n++
		}
	}
	return n
}
