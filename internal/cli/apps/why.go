package apps

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/duration"
)

// Case is what is known of an application when somebody asks why it is not well.
type Case struct {
	App    *v1alpha1.Application
	Tree   *argocd.ApplicationTree // nil when it could not be had
	Events []corev1.Event          // of the suspect
	Now    time.Time
}

// severity orders health by how much it explains; what is healthy or unknown to nobody explains nothing.
var severity = map[v1alpha1.HealthStatusCode]int{
	v1alpha1.HealthStatusDegraded: 5, v1alpha1.HealthStatusMissing: 4, v1alpha1.HealthStatusUnknown: 3, v1alpha1.HealthStatusProgressing: 2, v1alpha1.HealthStatusSuspended: 1,
}

// Suspect finds the object that explains the application's health: below the worst of its own objects the deepest that is
// not healthy. trail is the objects above it, the topmost first. ok is false when all are well.
func Suspect(tree *argocd.ApplicationTree) (node argocd.ResourceNode, trail []argocd.ResourceNode, ok bool) {
	if tree == nil {
		return node, nil, false
	}
	f := NewForest(tree.Nodes)
	worst := func(nodes []argocd.ResourceNode) (argocd.ResourceNode, bool) {
		var best argocd.ResourceNode
		found := 0
		for _, n := range nodes {
			if s := f.weight(n, 0); s > found {
				best, found = n, s
			}
		}
		return best, found > 0
	}
	node, ok = worst(f.Roots)
	if !ok {
		return node, nil, false
	}
	for range deepest {
		below, more := worst(f.Children(node))
		if !more {
			break
		}
		trail = append(trail, node)
		node = below
	}
	return node, trail, true
}

// weight is the severity of the worst among n and what is below it.
func (f Forest) weight(n argocd.ResourceNode, depth int) int {
	health, _ := healthOf(n)
	w := severity[health]
	if depth < deepest {
		for _, c := range f.Children(n) {
			w = max(w, f.weight(c, depth+1))
		}
	}
	return w
}

// Why says in one sentence what ails the application: the first of what stops everything else, an operation that failed or
// waits, an object that is not healthy, a difference.
func Why(c Case) string {
	cause := c.cause(Qualified(c.App))
	parts := []string{cause}
	if node, _, ok := Suspect(c.Tree); ok && strings.Contains(cause, node.Kind+"/"+node.Name) { // else its events explain nothing
		if e := c.lastEvent(); e != "" {
			parts = append(parts, e)
		}
	}
	if change := c.lastChange(); change != "" {
		parts = append(parts, change)
	}
	return strings.Join(parts, "; ") + "."
}

func (c Case) cause(name string) string {
	app := c.App
	op := app.Status.OperationState
	running := op != nil && (op.Phase == v1alpha1.OperationRunning || op.Phase == v1alpha1.OperationTerminating)
	node, trail, sick := Suspect(c.Tree)
	switch stop := firstError(app); {
	case app.DeletionTimestamp != nil:
		s := fmt.Sprintf("%s is being deleted since %s", name, c.ago(app.DeletionTimestamp.Time))
		if stop != nil {
			s += ": " + sentence(stop.Message)
		}
		return s
	case stop != nil:
		return fmt.Sprintf("%s is stopped by %s: %s", name, stop.Type, sentence(stop.Message))
	case running:
		s := fmt.Sprintf("%s is syncing for %s", name, c.since(op.StartedAt.Time))
		if op.Message != "" {
			s += ": " + sentence(op.Message)
		}
		if sick {
			s += "; " + c.describe(node, trail)
		}
		return s
	case app.Operation != nil:
		return fmt.Sprintf("%s is about to sync: the operation has not been taken up yet", name)
	case op != nil && (op.Phase == v1alpha1.OperationFailed || op.Phase == v1alpha1.OperationError) && app.Status.Sync.Status != v1alpha1.SyncStatusSynced:
		return fmt.Sprintf("%s could not be synced: %s", name, sentence(failure(op)))
	case sick && app.Status.Health.Status != v1alpha1.HealthStatusHealthy:
		return fmt.Sprintf("%s is %s because %s", name, app.Status.Health.Status, c.describe(node, trail))
	case app.Status.Health.Status != v1alpha1.HealthStatusHealthy && app.Status.Health.Status != "":
		s := fmt.Sprintf("%s is %s", name, app.Status.Health.Status)
		if m := app.Status.Health.Message; m != "" {
			s += ": " + sentence(m)
		} else if missing := having(app, func(r v1alpha1.ResourceStatus) bool {
			return r.Health != nil && r.Health.Status == app.Status.Health.Status
		}); missing != "" {
			s += " because of " + missing
		}
		return s
	case app.Status.Sync.Status == v1alpha1.SyncStatusOutOfSync:
		return c.outOfSync(name)
	case app.Status.Sync.Status != v1alpha1.SyncStatusSynced:
		return fmt.Sprintf("%s has not been compared with Git yet", name)
	}
	return fmt.Sprintf("%s is well: %s, %s", name, syncStatus(app), app.Status.Health.Status)
}

func (c Case) outOfSync(name string) string {
	app := c.App
	s := fmt.Sprintf("%s is Healthy but OutOfSync", name)
	if app.Status.Health.Status == "" {
		s = name + " is OutOfSync"
	}
	if list := having(app, func(r v1alpha1.ResourceStatus) bool {
		return r.Status == v1alpha1.SyncStatusOutOfSync && !r.RequiresPruning
	}); list != "" {
		s += ": Git differs in " + list
	}
	if list := having(app, func(r v1alpha1.ResourceStatus) bool { return r.RequiresPruning }); list != "" {
		s += ", and no longer has " + list
	}
	for _, w := range app.Status.Conditions {
		if w.Type == v1alpha1.ConditionHeldWarning || w.Type == v1alpha1.ConditionSyncWindowWarning {
			return s + ", and is held: " + sentence(w.Message)
		}
	}
	if !app.Spec.Automation().Enabled {
		s += ", and automatic sync is off"
	}
	return s
}

// few is how many names a sentence holds.
const few = 3

// having names the objects that are so.
func having(app *v1alpha1.Application, so func(v1alpha1.ResourceStatus) bool) string {
	var names []string
	for _, r := range app.Status.Resources {
		if so(r) {
			names = append(names, r.Kind+"/"+r.Name)
		}
	}
	if len(names) > few {
		return strings.Join(names[:few], ", ") + fmt.Sprintf(" and %d more", len(names)-few)
	}
	return strings.Join(names, ", ")
}

func firstError(app *v1alpha1.Application) *v1alpha1.ApplicationCondition {
	for i, c := range app.Status.Conditions {
		if strings.HasSuffix(string(c.Type), "Error") && c.Type != v1alpha1.ConditionSyncError {
			return &app.Status.Conditions[i]
		}
	}
	return nil
}

// failure is what failed in an operation: the objects' own words where there are some.
func failure(op *v1alpha1.OperationState) string {
	if op.SyncResult != nil {
		for _, r := range op.SyncResult.Resources {
			if r.Message != "" && (r.Status == v1alpha1.ResultSyncFailed || r.HookPhase == v1alpha1.OperationFailed || r.HookPhase == v1alpha1.OperationError) {
				return r.Kind + "/" + r.Name + ": " + r.Message
			}
		}
	}
	return cmp.Or(op.Message, "the operation says nothing")
}

// describe is one object and what is wrong with it, with the objects that it belongs to.
func (c Case) describe(n argocd.ResourceNode, trail []argocd.ResourceNode) string {
	s := n.Kind + "/" + n.Name
	if len(trail) > 0 {
		s += " (of " + trail[0].Kind + "/" + trail[0].Name + ")"
	}
	health, message := healthOf(n)
	if health == v1alpha1.HealthStatusMissing {
		s += " does not exist"
		if len(c.App.Status.History) == 0 {
			s += ", and it has never been synced"
		}
		return s
	}
	facts := map[string]string{}
	for _, i := range n.Info {
		facts[i.Name] = i.Value
	}
	reason := facts["Status Reason"]
	s += " is " + cmp.Or(reason, string(health))
	if r := facts["Restart Count"]; r != "" && r != "0" {
		s += ", restarted " + r + " times"
	}
	if message == "" {
		for _, up := range slices.Backward(trail) {
			if _, message = healthOf(up); message != "" {
				break
			}
		}
	}
	if message != "" && message != reason {
		s += ": " + sentence(message)
	}
	return s
}

// lastEvent is the newest warning, else nothing: normal events tell of what goes well.
func (c Case) lastEvent() string {
	var last *corev1.Event
	for i := range c.Events {
		e := &c.Events[i]
		if e.Type == corev1.EventTypeWarning && (last == nil || eventTime(e).After(eventTime(last))) {
			last = e
		}
	}
	if last == nil {
		return ""
	}
	s := fmt.Sprintf("last event %s: %s", c.ago(eventTime(last)), last.Reason)
	if last.Count > 1 {
		s += fmt.Sprintf(" (%d times)", last.Count)
	}
	return s + ": " + sentence(last.Message)
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
func (c Case) lastChange() string {
	list := c.App.Status.History
	if len(list) == 0 {
		return ""
	}
	h := list[len(list)-1]
	revision := h.Revision
	if len(h.Revisions) > 0 {
		revision = h.Revisions[0]
	}
	if commit.MatchString(revision) {
		revision = revision[:7]
	}
	by := h.InitiatedBy.Username
	if h.InitiatedBy.Automated || by == "" {
		by = "automatic sync"
	}
	return fmt.Sprintf("last change %s: %s by %s", c.ago(h.DeployedAt.Time), revision, by)
}

func (c Case) ago(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return c.since(t) + " ago"
}

func (c Case) since(t time.Time) string { return duration.HumanDuration(max(0, c.Now.Sub(t))) }

// sentence makes a message part of one: in one line, without the full stop at its end, and no longer than people read.
func sentence(s string) string {
	return shorten(strings.TrimRight(strings.Join(strings.Fields(s), " "), ". "), 300)
}

// SuspectKey names the suspect as a query for events does.
func SuspectKey(n argocd.ResourceNode) object.Key {
	return object.Key{Group: n.Group, Kind: n.Kind, Namespace: n.Namespace, Name: n.Name}
}
