package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Annotations of our own on an Application.
const (
	annotationPruneApproved = "hawser.dev/prune-approved" // digest of the held prune plan that a person releases
	annotationPruneGuard    = "hawser.dev/prune-guard"    // "off": never hold an automated prune of this application
	annotationInstalled     = "hawser.dev/installed"      // when the first sync succeeded; only where no history is kept
)

// Bounds of what is written into an Application: etcd takes 1.5 MB per object, and a status that does not fit is
// worse than a shortened one.
const (
	maxConditionMessage = 2048
	maxHealthMessage    = 256 // of one object of many
	maxHealthMessages   = 1000
	maxConditions       = 40
	maxResultBytes      = 600_000
	minResultBytes      = 50_000
	maxStatusBytes      = 1_300_000 // results and inventory together
)

// Event reasons of our own, beside those that exporters know.
const (
	eventDriftDetected = "DriftDetected"
	eventPruneHeld     = "PruneHeld"
)

// Happening is something that people who watch want to read in a line.
type Happening struct {
	At          time.Time
	Application string
	What        string // commit, rendered, applied, healthy, drift, problem …
	Text        string
}

// finding is what a look found, as the Application and those who watch are told of it: by itself (report), or in one
// write with the operation that begins or ends with the look. Nothing else writes what people see of a look.
type finding struct {
	view    *view
	drifted bool // what differs had been in sync with this very commit
	// answered: the request for this look is done with. One that came later, while an operation went on, is not.
	answered   bool
	finalizers []string
}

// finding must be made before the view is shown: it depends on the one before.
func (a *Apps) finding(app *v1alpha1.Application, st *state, v *view) finding {
	op := app.Status.OperationState
	_, refreshed := app.Annotations[v1alpha1.AnnotationRefresh]
	return finding{view: v, answered: refreshed, finalizers: wantedFinalizers(app, v),
		drifted: !turns(op, v) && (held(app, st, v) || op != nil && op.Phase == v1alpha1.OperationSucceeded && attemptedCommit(app, v))}
}

// write puts the finding into the Application.
func (f finding) write(a *Apps, n *v1alpha1.Application) {
	n.Status = a.status(n, f.view)
	n.Finalizers = f.finalizers
	if f.view.lifted {
		delete(n.Annotations, v1alpha1.AnnotationHold)
	}
	if f.answered {
		delete(n.Annotations, v1alpha1.AnnotationRefresh)
	}
}

// report writes what a look found, if there is anything to write.
func (a *Apps) report(ctx context.Context, app *v1alpha1.Application, st *state, f finding, why cause) (*v1alpha1.Application, error) {
	if !a.worthWriting(app, st, f.view, why) {
		return app, nil
	}
	write := a.Catalog.PatchApplication
	if f.answered || f.view.lifted { // another refresh, or another hold, that was asked for during the look is not done with
		write = a.Catalog.PatchApplicationExact
	}
	updated, err := write(ctx, app, func(n *v1alpha1.Application) { f.write(a, n) })
	if err != nil {
		return nil, err
	}
	a.tell(app, updated, st, f)
	return updated, nil
}

// reportMalformed says on an Application that cannot be understood what is wrong with it; the rest goes on without it.
func (a *Apps) reportMalformed(ctx context.Context, app *v1alpha1.Application, why error) error {
	now := metav1.Now().Rfc3339Copy()
	_, err := a.Catalog.PatchApplication(ctx, app, func(n *v1alpha1.Application) {
		n.Status.Sync.Status = v1alpha1.SyncStatusUnknown
		n.Status.Conditions = withStates(conditions(n.Status.Conditions, []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionInvalidSpecError, Message: why.Error()}}, now), &n.Status, now)
	})
	if problem.Is(err, problem.Invalid) { // written, and still malformed: it is looked at again when somebody edits it
		return nil
	}
	return err
}

// canWait reports whether all that a look at Git found is that nothing changes but the commit. In a repository of many
// applications that is what most looks find: it is not written for every commit, but once for all of them, when the
// application asks Git by itself (the poll) or something else is written.
func (a *Apps) canWait(app *v1alpha1.Application, st *state, v *view, why cause) bool {
	op := app.Status.OperationState
	return st.view != nil && !why.git.IsZero() && !why.spec && !why.owed && app.Operation == nil && (op == nil || final(op.Phase)) &&
		!v.rendered && v.status() == v1alpha1.SyncStatusSynced && v.saysLike(st.view) && !a.mustWrite(app, v) && !a.namedAtOnce(v)
}

// namedAtOnce reports whether a commit that changes nothing is written like any other: where nobody polls there is no
// later, and other replicas go by it.
func (a *Apps) namedAtOnce(v *view) bool {
	return a.Catalog.Settings().Reconciliation <= 0 || a.isCut(v.server)
}

// shows reports whether the Application names the commits that the view is of.
func shows(app *v1alpha1.Application, v *view) bool {
	return app.Status.Sync.Revision == v.revision() && slices.Equal(app.Status.Sync.Revisions, v.revisions())
}

// mustWrite reports whether somebody waits for a sign that we looked.
func (a *Apps) mustWrite(app *v1alpha1.Application, v *view) bool {
	if _, refreshed := app.Annotations[v1alpha1.AnnotationRefresh]; refreshed || app.Status.ReconciledAt == nil || v.lifted || !slices.Equal(wantedFinalizers(app, v), app.Finalizers) {
		return true
	}
	op := app.Status.OperationState
	return op != nil && op.FinishedAt != nil && !app.Status.ReconciledAt.After(op.FinishedAt.Time)
}

// worthWriting keeps a look that changes nothing of the answer from costing a write: not its time, and neither the
// commit while that is owed to a later one (docs/adr/0013).
func (a *Apps) worthWriting(app *v1alpha1.Application, st *state, v *view, why cause) bool {
	if a.mustWrite(app, v) {
		return true
	}
	if v.quiet && !why.owed && shows(app, v) {
		return false
	}
	now := a.status(app, v)
	now.ReconciledAt = app.Status.ReconciledAt
	if !why.owed && !why.poll && !a.namedAtOnce(v) && v.status() == v1alpha1.SyncStatusSynced && (st.view == nil || !v.rendered) {
		now.Sync.Revision, now.Sync.Revisions = app.Status.Sync.Revision, app.Status.Sync.Revisions
	}
	if object.Hash(now) == object.Hash(app.Status) {
		return false
	}
	if why.owed || why.spec || !inPassing(app.Status, now) {
		return true
	}
	a.queue.addAfter(nameOf(app), passing, cause{owed: true})
	return false
}

// passing is how long what an object says on its way to being healthy may stay unwritten: it says something else soon.
const passing = 500 * time.Millisecond

// inPassing reports whether two statuses differ only in how they put what is in progress.
func inPassing(was, is v1alpha1.ApplicationStatus) bool {
	if was.Health.Status != is.Health.Status || was.Sync.Status != is.Sync.Status || is.Health.Status != v1alpha1.HealthStatusProgressing {
		return false
	}
	is.Health.Message, is.Summary = was.Health.Message, was.Summary
	return object.Hash(is) == object.Hash(was)
}

// status is the Application's status after this look; what a look does not decide is kept.
func (a *Apps) status(app *v1alpha1.Application, v *view) v1alpha1.ApplicationStatus {
	s := app.DeepCopy().Status
	now := metav1.NewTime(v.at).Rfc3339Copy()
	s.ReconciledAt = &now
	if op := s.OperationState; op != nil && op.FinishedAt != nil && !now.After(op.FinishedAt.Time) && !v.at.Before(op.FinishedAt.Time) {
		// Clients wait for a reconciledAt after finishedAt. The wire's times have whole seconds: a look in the second in
		// which the operation ended is one of the next.
		s.ReconciledAt = &metav1.Time{Time: op.FinishedAt.Add(time.Second)}
	}
	s.ControllerNamespace = a.Namespace
	persist := a.Catalog.Settings().PersistHealth
	if s.ResourceHealthSource = v1alpha1.ResourceHealthAppTree; persist {
		s.ResourceHealthSource = v1alpha1.ResourceHealthInline
	}
	s.Sync.Status = v.status()
	s.Sync.ComparedTo = v1alpha1.ComparedTo{Destination: app.Spec.Destination, IgnoreDifferences: app.Spec.IgnoreDifferences}
	if app.Spec.HasMultipleSources() {
		s.Sync.ComparedTo.Sources = v.spec.sources
		s.SourceTypes, s.SourceType = v.types, ""
	} else if len(v.spec.sources) == 1 {
		s.Sync.ComparedTo.Source = v.spec.sources[0]
		s.SourceTypes, s.SourceType = nil, ""
		if len(v.types) == 1 {
			s.SourceType = v.types[0]
		}
	}
	s.Sync.Revision, s.Sync.Revisions = v.revision(), v.revisions()
	if h := v.health(); h.Status != s.Health.Status || h.Message != s.Health.Message {
		if h.Status != s.Health.Status || s.Health.LastTransitionTime == nil {
			s.Health.LastTransitionTime = &now
		}
		s.Health.Status, s.Health.Message = h.Status, clip(h.Message, maxConditionMessage)
	}
	if v.cluster != nil && v.complete != nil { // otherwise the inventory stays as it is: it is the proof for later
		s.Resources = resources(app, v, persist)
		s.Summary = summary(v)
	}
	s.Conditions = withStates(conditions(app.Status.Conditions, a.conditions(app, v), now), &s, now)
	return s
}

// withStates puts what status.sync and status.health say behind the conditions, in the form that kubectl wait knows.
func withStates(list []v1alpha1.ApplicationCondition, s *v1alpha1.ApplicationStatus, now metav1.Time) []v1alpha1.ApplicationCondition {
	state := func(kind v1alpha1.ApplicationConditionType, is, unknown bool, message string) v1alpha1.ApplicationCondition {
		c := v1alpha1.ApplicationCondition{Type: kind, Status: "False", Message: message, LastTransitionTime: &now}
		switch {
		case is:
			c.Status = "True"
		case unknown:
			c.Status = "Unknown"
		}
		for _, b := range s.Conditions {
			if b.Type == kind && b.Status == c.Status && b.LastTransitionTime != nil {
				c.LastTransitionTime = b.LastTransitionTime
			}
		}
		return c
	}
	sync, health := s.Sync.Status, s.Health.Status
	return append(slices.DeleteFunc(list, isState),
		state(v1alpha1.ConditionSynced, sync == v1alpha1.SyncStatusSynced, sync == v1alpha1.SyncStatusUnknown || sync == "", string(sync)),
		state(v1alpha1.ConditionHealthy, health == v1alpha1.HealthStatusHealthy, health == v1alpha1.HealthStatusUnknown || health == "", string(health)))
}

// isState reports whether a condition repeats status.sync or status.health.
func isState(c v1alpha1.ApplicationCondition) bool { return c.Status != "" }

// resources is the inventory: everything wanted and everything that is ours. A UID, once noted, stays until the
// object is seen to be another one that we applied.
func resources(app *v1alpha1.Application, v *view, withHealth bool) []v1alpha1.ResourceStatus {
	recorded := inventory(app, v.liveOf)
	var list []v1alpha1.ResourceStatus
	add := func(c *compared, extra bool) {
		o := c.want
		if o == nil {
			o = c.live
		}
		gvk := o.GroupVersionKind()
		r := v1alpha1.ResourceStatus{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Namespace: c.key.Namespace, Name: c.key.Name, Status: c.status,
			SyncWave: int64(plan.Wave(o)), Hook: plan.IsHook(o), RequiresPruning: extra && !c.ignored, UID: recorded[c.key]}
		if c.live != nil && !extra && c.ours && c.predicted != nil {
			r.UID = c.live.GetUID()
		}
		if withHealth && c.health != nil {
			r.Health = &v1alpha1.HealthStatus{Status: c.health.Status}
			if len(v.objects) <= maxHealthMessages {
				r.Health.Message = clip(c.health.Message, maxHealthMessage)
			}
		}
		list = append(list, r)
	}
	for _, k := range v.keys() {
		add(v.objects[k], false)
	}
	for _, k := range sortedKeys(v.extras) {
		add(v.extras[k], true)
	}
	for _, r := range app.Status.Resources { // what is not known to be gone stays in the inventory
		key := object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
		if !withHealth {
			r.Health = nil
		}
		if v.objects[key] == nil && v.extras[key] == nil && (v.unknown != nil || problem.Is(v.cluster.KindErr(key.GroupKind()), problem.Unavailable)) {
			list = append(list, r)
		}
	}
	return list
}

func summary(v *view) v1alpha1.ApplicationSummary {
	images, urls := map[string]bool{}, map[string]bool{}
	var s v1alpha1.ApplicationSummary
	for _, c := range v.objects {
		for _, i := range imagesOf(c.want) {
			images[i] = true
		}
		if c.key.Kind == v1alpha1.KindApplication && c.key.Group == v1alpha1.Group {
			s.IsAppOfApps = true
		}
		for _, u := range urlsOf(c.live) {
			urls[u] = true
		}
	}
	s.Images, s.ExternalURLs = sortedSet(images), sortedSet(urls)
	return s
}

// imagesOf returns the container images of a workload's manifest.
func imagesOf(o *object.Object) []string {
	if o == nil {
		return nil
	}
	set := map[string]bool{}
	for _, path := range [][]string{{"spec"}, {"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}} {
		for _, field := range []string{"initContainers", "containers"} {
			list, _, _ := unstructured.NestedSlice(o.Object, append(slices.Clone(path), field)...)
			for _, c := range list {
				if m, ok := c.(map[string]any); ok {
					if image, ok := m["image"].(string); ok {
						set[image] = true
					}
				}
			}
		}
	}
	return sortedSet(set)
}

// urlsOf returns the addresses at which an Ingress with an address can be opened.
func urlsOf(o *object.Object) []string {
	if o == nil || o.GetKind() != "Ingress" {
		return nil
	}
	if at, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress"); len(at) == 0 {
		return nil
	}
	secure := map[string]bool{}
	tls, _, _ := unstructured.NestedSlice(o.Object, "spec", "tls")
	for _, t := range tls {
		if m, ok := t.(map[string]any); ok {
			hosts, _, _ := unstructured.NestedStringSlice(m, "hosts")
			for _, h := range hosts {
				secure[h] = true
			}
		}
	}
	var urls []string
	rules, _, _ := unstructured.NestedSlice(o.Object, "spec", "rules")
	for _, r := range rules {
		m, _ := r.(map[string]any)
		host, _ := m["host"].(string)
		if host == "" {
			continue
		}
		scheme := "http"
		if secure[host] {
			scheme = "https"
		}
		urls = append(urls, scheme+"://"+host+"/")
	}
	return urls
}

func sortedSet(m map[string]bool) []string {
	var list []string
	for s := range m {
		list = append(list, s)
	}
	sort.Strings(list)
	return list
}

// conditions says in words what is wrong or noteworthy.
func (a *Apps) conditions(app *v1alpha1.Application, v *view) []v1alpha1.ApplicationCondition {
	list := append(slices.Clone(v.notes), v.contests...)
	add := func(t v1alpha1.ApplicationConditionType, format string, args ...any) {
		list = append(list, v1alpha1.ApplicationCondition{Type: t, Message: fmt.Sprintf(format, args...)})
	}
	if v.unknown != nil && !hasErrors(list) {
		add(v1alpha1.ConditionComparisonError, "%s", v.unknown)
	}
	for _, k := range v.keys() {
		c := v.objects[k]
		switch {
		case c.foreign != "":
			add(v1alpha1.ConditionSharedResourceWarning, "%s is part of applications %s and %s", k.Short(), a.instance(app), c.foreign)
		case c.refused != "":
			add(v1alpha1.ConditionComparisonError, "%s (%s): %s", k.Short(), v.where(v.complete.origin[k]), c.refused)
		case c.err != nil:
			add(v1alpha1.ConditionComparisonError, "%s (%s): %s", k.Short(), v.where(v.complete.origin[k]), c.err)
		}
	}
	for _, warning := range a.plaintext(v) {
		add(v1alpha1.ConditionPlaintextSecretWarning, "%s", warning)
	}
	if auto := app.Spec.Automation(); v.prune.Held != "" && auto.Enabled && auto.Prune {
		add(v1alpha1.ConditionSyncError, "Automated prune held: %s. To release exactly this: kubectl annotate application %s -n %s --overwrite %s=%s, or sync with prune",
			v.prune.Held, app.Name, app.Namespace, annotationPruneApproved, v.prune.Digest)
	}
	if len(v.orphans) > 0 && a.warnsOfOrphans(v) {
		add(v1alpha1.ConditionOrphanedResourceWarning, orphansWarning, len(v.orphans))
	}
	if v.held != nil {
		add(v1alpha1.ConditionHeldWarning, "%s", v.held.words(app))
	}
	if v.spec.asleep != "" {
		add(v1alpha1.ConditionAsleepWarning, "%s. To wake it: kubectl annotate application %s -n %s %s-", v.restWords(), app.Name, app.Namespace, v1alpha1.AnnotationAsleep)
	}
	if gate := a.windows(app, v).At(v.at); !gate.Automated && app.Spec.Automation().Enabled && v.status() == v1alpha1.SyncStatusOutOfSync {
		add(v1alpha1.ConditionSyncWindowWarning, "Automated syncs wait for a sync window: %s", gate.Why)
	}
	op := app.Status.OperationState
	if op != nil && op.Operation.InitiatedBy.Automated && (op.Phase == v1alpha1.OperationFailed || op.Phase == v1alpha1.OperationError) && attempted(op, v) {
		add(v1alpha1.ConditionSyncError, "Failed last sync attempt to %s: %s. It is tried again with growing pauses, and at once for a newer commit", short(v.commits), op.Message)
	}
	unknown := plan.ParseOptions(optionsOf(app, &v1alpha1.SyncOperation{})).Unknown
	for _, o := range unknown {
		add(v1alpha1.ConditionInvalidSpecError, "spec.syncPolicy.syncOptions: %q is not an option that is known here", o)
	}
	return list
}

func hasErrors(list []v1alpha1.ApplicationCondition) bool {
	return slices.ContainsFunc(list, func(c v1alpha1.ApplicationCondition) bool { return strings.HasSuffix(string(c.Type), "Error") })
}

// conditions keeps the transition time of what was already so.
func conditions(before, now []v1alpha1.ApplicationCondition, at metav1.Time) []v1alpha1.ApplicationCondition {
	seen := map[string]bool{}
	var list []v1alpha1.ApplicationCondition
	for _, c := range now {
		c.Message = clip(c.Message, maxConditionMessage)
		id := string(c.Type) + "\x00" + c.Message
		if seen[id] {
			continue
		}
		seen[id] = true
		c.LastTransitionTime = &at
		for _, b := range before {
			if b.Type == c.Type && b.Message == c.Message && b.LastTransitionTime != nil {
				c.LastTransitionTime = b.LastTransitionTime
			}
		}
		list = append(list, c)
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Type < list[j].Type })
	if over := len(list) - maxConditions; over > 0 {
		list = append(list[:maxConditions-1], v1alpha1.ApplicationCondition{Type: list[maxConditions-1].Type, Message: fmt.Sprintf("and %d more conditions", over+1), LastTransitionTime: &at})
	}
	for _, b := range before {
		if isState(b) {
			list = append(list, b)
		}
	}
	return list
}

// room is how many bytes the results of an operation may take beside an inventory of so many bytes.
func room(inventory []v1alpha1.ResourceStatus) int {
	data, _ := json.Marshal(inventory)
	size := len(data)
	for _, r := range inventory {
		if r.UID == "" { // it is noted once the object is there
			size += len(`,"uid":""`) + 36
		}
	}
	return max(minResultBytes, min(maxResultBytes, maxStatusBytes-size))
}

// bounded drops the results of objects that went well until the rest fits into the Application. Hooks stay as long as
// can be: their results are what keeps them from running twice.
func bounded(list []v1alpha1.ResourceResult, room int) []v1alpha1.ResourceResult {
	size := 0
	var kept []v1alpha1.ResourceResult
	for _, well := range []bool{false, true} { // what failed first
		for _, r := range list {
			if (r.Status == v1alpha1.ResultSynced && r.HookType == "") != well {
				continue
			}
			data, _ := json.Marshal(r)
			if size += len(data); size <= room {
				kept = append(kept, r)
			}
		}
	}
	if len(kept) == len(list) {
		return list
	}
	return kept
}

// clip shortens text to at most n bytes, on a character's edge.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	cut := n - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// tell makes events, lines and metrics of what has changed between two states of the Application.
func (a *Apps) tell(before, after *v1alpha1.Application, st *state, f finding) {
	b, n, v := before.Status, after.Status, f.view
	say := func(what, format string, args ...any) {
		a.Observe(Happening{At: time.Now(), Application: a.called(nameOf(after)), What: what, Text: fmt.Sprintf(format, args...)})
	}
	if old, now := append([]string{b.Sync.Revision}, b.Sync.Revisions...), append([]string{n.Sync.Revision}, n.Sync.Revisions...); !slices.Equal(old, now) && len(v.infos) > 0 {
		if i := v.newest(b.Sync); i.ID != "" && v.rendered {
			say("rendered", "%s rendered: %d objects (%s)", i.Short(), len(v.objects), i.Message)
		}
	}
	if b.Sync.Status != n.Sync.Status {
		a.Catalog.PassingEvent(after, v1alpha1.EventResourceUpdated, fmt.Sprintf("Updated sync status: %s -> %s", b.Sync.Status, n.Sync.Status))
		say("sync", "%s → %s", orNone(string(b.Sync.Status)), n.Sync.Status)
	}
	if b.Health.Status == n.Health.Status && b.Health.Message != n.Health.Message && n.Health.Message != "" {
		say("health", "%s: %s", n.Health.Status, n.Health.Message)
	}
	if b.Health.Status != n.Health.Status {
		a.Catalog.PassingEvent(after, v1alpha1.EventResourceUpdated, fmt.Sprintf("Updated health status: %s -> %s", b.Health.Status, n.Health.Status))
		text := string(n.Health.Status)
		if n.Health.Message != "" {
			text += ": " + n.Health.Message
		}
		say("health", "%s → %s", orNone(string(b.Health.Status)), text)
	}
	for _, c := range n.Conditions {
		if !isState(c) && !slices.ContainsFunc(b.Conditions, func(o v1alpha1.ApplicationCondition) bool { return o.Type == c.Type && o.Message == c.Message }) {
			say("condition", "%s: %s", c.Type, c.Message)
			a.Log.Warn("application has a new condition", "application", after.Name, "condition", c.Type, "message", c.Message)
			if strings.HasPrefix(c.Message, "Automated prune held") {
				a.Catalog.Event(after, "Warning", eventPruneHeld, c.Message)
			}
		}
	}
	a.tellDrift(after, st, f, say)
}

// newest is the commit that the view has and the record has not: the first one, if there are several or none.
func (v *view) newest(before v1alpha1.SyncStatus) source.Revision {
	for i, info := range v.infos {
		if len(before.Revisions) == len(v.infos) && before.Revisions[i] != info.ID {
			return info
		}
	}
	return v.infos[0]
}

// tellDrift reports what differs from the commit that was last applied: field, both values, who and when.
func (a *Apps) tellDrift(after *v1alpha1.Application, st *state, f finding, say func(string, string, ...any)) {
	for _, k := range f.view.keys() {
		c := f.view.objects[k]
		if c.status == v1alpha1.SyncStatusSynced {
			if st.drifts[k] != nil {
				delete(st.drifts, k)
				say("healed", "%s is back to what Git says", k.Short())
			}
			continue
		}
		if !f.drifted || c.status != v1alpha1.SyncStatusOutOfSync || c.foreign != "" || c.err != nil {
			continue
		}
		if fresh := st.untold(k, c); len(fresh) > 0 {
			text := k.Short() + " " + strings.Join(fresh, "; ")
			a.Metrics.drifted(after)
			a.Log.Info("drift", "application", after.Name, "object", k.String(), "changes", text)
			a.Catalog.Event(after, "Warning", eventDriftDetected, clip(text, 900))
			say("drift", "%s", clip(text, 400))
		}
	}
}

// untold returns the differences of an object that have not been reported since it was last in sync, and notes them.
func (st *state) untold(k object.Key, c *compared) (fresh []string) {
	told := st.drifts[k]
	if told == nil {
		told = map[string]bool{}
		st.drifts[k] = told
	}
	note := func(what, text string) {
		if !told[what] {
			told[what] = true
			fresh = append(fresh, text)
		}
	}
	if c.live == nil {
		note("", "was deleted")
	}
	for _, ch := range c.changes {
		note(ch.Path, ch.String())
	}
	return fresh
}

// held reports whether live has already been seen to equal the view's commits: a commit that changes nothing of an
// application is never deployed, and what differs from it afterwards is drift all the same; so is what changes while
// a first attempt to heal has failed.
func held(before *v1alpha1.Application, st *state, v *view) bool {
	if last := st.view; last != nil && last.spec.hash == v.spec.hash && slices.Equal(last.commits, v.commits) && (last.status() == v1alpha1.SyncStatusSynced || len(st.drifts) > 0) {
		return true // the Application need not say so yet
	}
	s := before.Status.Sync
	return s.Revision == v.revision() && slices.Equal(s.Revisions, v.revisions()) && sameSources(s.ComparedTo.Source, s.ComparedTo.Sources, v) && (s.Status == v1alpha1.SyncStatusSynced || len(st.drifts) > 0)
}

// attemptedCommit reports whether the view's commits are the ones that were last deployed in full.
func attemptedCommit(app *v1alpha1.Application, v *view) bool {
	if n := len(app.Status.History); n > 0 {
		h := app.Status.History[n-1]
		return h.Revision == v.revision() && slices.Equal(h.Revisions, v.revisions()) && sameSources(h.Source, h.Sources, v)
	}
	return false
}

// sameSources reports whether a record's source, or sources, are the view's.
func sameSources(one v1alpha1.ApplicationSource, several []v1alpha1.ApplicationSource, v *view) bool {
	if len(several) == 0 {
		several = []v1alpha1.ApplicationSource{one}
	}
	return object.Hash(several) == object.Hash(v.spec.sources)
}

// started and finished report an operation.
func (a *Apps) started(app *v1alpha1.Application, v *view) {
	op := app.Status.OperationState.Operation
	who := op.InitiatedBy.Username
	if who == "" {
		who = "unknown user"
	}
	what := "sync"
	if op.Sync != nil && len(op.Sync.Resources) > 0 {
		what = "partial sync"
	}
	text := fmt.Sprintf("%s initiated %s to %s", who, what, strings.Join(v.commits, ","))
	if op.InitiatedBy.Automated {
		text = fmt.Sprintf("Initiated automated %s to '%s'", what, strings.Join(v.commits, ","))
		a.Catalog.PassingEvent(app, v1alpha1.EventOperationStarted, text) // its end is told in any case
	} else {
		a.Catalog.Event(app, "Normal", v1alpha1.EventOperationStarted, text)
	}
	a.Observe(Happening{At: time.Now(), Application: a.called(nameOf(app)), What: "sync", Text: text})
}

func (a *Apps) finished(app *v1alpha1.Application, end plan.Next) {
	op := app.Status.OperationState
	kind, verb := "Normal", "succeeded"
	if op.Phase != v1alpha1.OperationSucceeded {
		kind, verb = "Warning", "failed: "+op.Message
	}
	commits := resolvedAt(op)
	changed := 0
	if op.SyncResult != nil {
		for _, r := range op.SyncResult.Resources {
			if r.Status == v1alpha1.ResultPruned || !strings.HasSuffix(r.Message, " unchanged") {
				changed++
			}
		}
	}
	a.Metrics.synced(app, a.serverOf(app))
	a.Catalog.Event(app, kind, v1alpha1.EventOperationCompleted, fmt.Sprintf("Sync operation to %s %s", strings.Join(commits, ","), clip(verb, 800)))
	a.Log.Info("sync finished", "application", a.called(nameOf(app)), "revision", strings.Join(commits, ","), "phase", op.Phase, "message", op.Message, "changed", changed)
	text := fmt.Sprintf("%s applied: %d objects changed", short(commits), changed)
	if op.Phase != v1alpha1.OperationSucceeded {
		text = fmt.Sprintf("%s not applied: %s", short(commits), op.Message)
	}
	a.Observe(Happening{At: time.Now(), Application: a.called(nameOf(app)), What: "applied", Text: text})
}

func (a *Apps) serverOf(app *v1alpha1.Application) string {
	server, err := a.Catalog.ServerOf(app.Spec.Destination)
	if err != nil {
		return app.Spec.Destination.Server
	}
	return server
}

func orNone(s string) string {
	if s == "" {
		return "new"
	}
	return s
}
