package reconcile

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/webhook"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Applications whose cluster is reached by an agent are reconciled there. Here, at the hub, a look at one means: write
// down what the agent has reported of it, or that the agent is away. Our own records stay what people read and write.

// annotationRemoteOperation tells the operations of an agent's application apart: who wants it, and which it is.
const annotationRemoteOperation = "hawser.dev/agent-operation"

// annotationRemoteHold is the hash of the hold that the agent has and that was written here. Where it stands and the hold
// does not, a person has lifted it: that outlives a restart.
const annotationRemoteHold = "hawser.dev/agent-hold"

// mirroredAnnotations are those that the engine writes.
var mirroredAnnotations = []string{v1alpha1.AnnotationHold, annotationInstalled}

// agentGrace is how long an agent may be away before its applications are Unknown: it comes back at once when a hub or a
// proxy is restarted.
const agentGrace = 10 * time.Second

// silentGrace is how long an agent that is connected may say nothing of an application, or of its cluster, before nothing
// is known of it: it may have just started.
const silentGrace = 30 * time.Second

// remotes is what agents have reported since they connected; it can be lost.
type remotes struct {
	mu        sync.Mutex
	reports   map[types.NamespacedName]reported
	waits     map[types.NamespacedName]time.Time // since when a connected agent has said nothing of it
	refreshes map[types.NamespacedName]*refreshing
	records   map[types.NamespacedName]madeRecord
	changed   chan struct{} // there may be something new to send; has room for one
}

type reported struct {
	agent string
	agent.Report
	health map[object.Key]*v1alpha1.HealthStatus
	err    error // it cannot be taken; nothing else of it is kept
}

// refreshing is a refresh that an agent was asked for.
type refreshing struct {
	uid  types.UID
	done bool
}

// madeRecord is the record that was made of one version of an Application.
type madeRecord struct {
	app    *v1alpha1.Application
	record agent.Record
}

func newRemotes() *remotes {
	return &remotes{changed: make(chan struct{}, 1), reports: map[types.NamespacedName]reported{}, waits: map[types.NamespacedName]time.Time{},
		refreshes: map[types.NamespacedName]*refreshing{}, records: map[types.NamespacedName]madeRecord{}}
}

// agentOf returns the cluster of an application that is reconciled by an agent.
func (a *Apps) agentOf(app *v1alpha1.Application) (catalog.Cluster, bool) {
	if a.Hub == nil {
		return catalog.Cluster{}, false
	}
	k, err := a.Catalog.Destination(app.Spec.Destination)
	return k, err == nil && k.Agent != ""
}

// AgentOf names the agent that reconciles an application; empty when we do.
func (a *Apps) AgentOf(app *v1alpha1.Application) string {
	k, _ := a.agentOf(app)
	return k.Agent
}

// Reported is told by the hub's end of a connection what an agent says of an application. What is not about an
// application of that agent's is dropped here: it cannot speak of others.
func (a *Apps) Reported(name string, r agent.Report) {
	key := types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
	if key.Namespace == "" {
		key.Namespace = a.Namespace
	}
	app, err := a.Catalog.Application(key)
	if err != nil || string(app.UID) != r.UID || a.AgentOf(app) != name {
		return
	}
	news := reported{agent: name, Report: r}
	if news.err = fits(r); news.err == nil {
		news.health = healthIn(r)
	} else {
		news.Report = agent.Report{Namespace: r.Namespace, Name: r.Name, UID: r.UID}
	}
	a.remotes.mu.Lock()
	a.remotes.reports[key] = news
	delete(a.remotes.waits, key)
	a.remotes.mu.Unlock()
	a.queue.add(key, urgent, cause{})
}

// AgentChanged is told that an agent has connected, has reported everything, or is gone.
func (a *Apps) AgentChanged(name string) {
	if state := a.Hub.State(name); state.Connected && !a.Hub.Known(name) { // what it said before may be out of date
		a.remotes.mu.Lock()
		maps.DeleteFunc(a.remotes.reports, func(_ types.NamespacedName, r reported) bool { return r.agent == name })
		a.remotes.mu.Unlock()
	}
	for _, app := range a.Catalog.Applications() {
		if a.AgentOf(app) == name {
			a.queue.add(nameOf(app), urgent, cause{})
		}
	}
}

// lookRemote looks at an application that an agent reconciles.
func (a *Apps) lookRemote(ctx context.Context, app *v1alpha1.Application, k catalog.Cluster, st *state) error {
	name := nameOf(app)
	if st.view != nil { // it was ours until its destination was edited
		st.view = nil
		st.shown.Store(nil)
		a.claim(name, "", nil)
	}
	a.claims.looked(name, nil)
	state := a.Hub.State(k.Agent)
	if !state.Connected {
		a.remotes.mu.Lock()
		delete(a.remotes.waits, name)
		a.remotes.mu.Unlock()
		if left := agentGrace - time.Since(state.Since); left > 0 {
			a.queue.addAfter(name, left+time.Millisecond, cause{})
			return nil
		}
		return a.reportAway(ctx, app, agent.Away(k.Agent, state))
	}
	a.remotes.mu.Lock()
	r, known := a.remotes.reports[name]
	refresh := a.remotes.refreshes[name]
	if refresh != nil && refresh.done {
		delete(a.remotes.refreshes, name)
	}
	a.remotes.mu.Unlock()
	known = known && r.agent == k.Agent && r.UID == string(app.UID)
	if known && r.Gone && app.DeletionTimestamp != nil {
		a.Catalog.Event(app, "Normal", v1alpha1.EventResourceDeleted, "agent "+k.Agent+" has deleted the application")
		return a.letGo(ctx, app)
	}
	asked, wants := app.Annotations[v1alpha1.AnnotationRefresh]
	answered := refresh != nil && refresh.done && refresh.uid == app.UID
	wants = wants && a.frozen(app) == "" // nobody would look
	if wants && !answered && (refresh == nil || refresh.uid != app.UID) {
		a.refreshRemotely(ctx, app, k.Agent, asked == string(v1alpha1.RefreshHard))
	}
	if app.Operation != nil && operationMark(app) == "" {
		return a.markOperation(ctx, app, r.Report, known)
	}
	if !state.Blind.IsZero() {
		left := silentGrace - time.Since(state.Blind)
		if left <= 0 {
			return a.reportAway(ctx, app, problem.New(problem.Unavailable, "agent %s is connected, and its cluster has not answered it since %s", k.Agent, state.Blind.UTC().Format(time.RFC3339)))
		}
		a.queue.addAfter(name, left+time.Millisecond, cause{})
	}
	if !known || r.Gone {
		return a.awaitReport(ctx, app, k.Agent)
	}
	if r.err != nil {
		return a.reportAway(ctx, app, problem.Because(problem.Invalid, r.err, "what agent %s reports cannot be understood", k.Agent))
	}
	return a.mirror(ctx, app, k, r.Report, answered)
}

// awaitReport gives an agent that has just been told of an application time to report it.
func (a *Apps) awaitReport(ctx context.Context, app *v1alpha1.Application, name string) error {
	key := nameOf(app)
	a.remotes.mu.Lock()
	since, waiting := a.remotes.waits[key]
	if !waiting {
		since = time.Now()
		a.remotes.waits[key] = since
	}
	a.remotes.mu.Unlock()
	if left := silentGrace - time.Since(since); left > 0 {
		a.queue.addAfter(key, left+time.Millisecond, cause{})
		return nil
	}
	return a.reportAway(ctx, app, problem.New(problem.Unavailable, "agent %s is connected, and has said nothing of the application since %s", name, since.UTC().Format(time.RFC3339)).
		WithHint("its log says why"))
}

// comeHome takes back an application that is not reconciled by an agent any more. What the agent did, and what it said of
// that, is not to be gone on with here: it would be carried out in another cluster, on the agent's word. What a person asks
// for and the agent had not begun is still asked for.
func (a *Apps) comeHome(ctx context.Context, app *v1alpha1.Application) (*v1alpha1.Application, error) {
	mark := operationMark(app)
	now := metav1.Now().Rfc3339Copy()
	return a.Catalog.PatchApplicationExact(ctx, app, func(n *v1alpha1.Application) {
		setAnnotation(n, annotationRemoteOperation, "")
		setAnnotation(n, annotationRemoteHold, "")
		op := n.Status.OperationState
		if begun := op != nil && !final(op.Phase); begun {
			op.Phase, op.FinishedAt, op.WaitingSince = v1alpha1.OperationFailed, &now, nil
			op.Message = "the application has been moved to another cluster, away from the agent that was at it"
			n.Operation = nil
		}
		if mark == "agent" {
			n.Operation = nil
		}
	})
}

// letGo removes our finalizers from an application that is deleted at its agent.
func (a *Apps) letGo(ctx context.Context, app *v1alpha1.Application) error {
	list := slices.Concat([]string{v1alpha1.FinalizerResources, v1alpha1.FinalizerResourcesForeground, v1alpha1.FinalizerResourcesBackground, v1alpha1.FinalizerMisspelt},
		hookFinalizers(v1alpha1.FinalizerPreDelete), hookFinalizers(v1alpha1.FinalizerPostDelete))
	_, err := a.Catalog.PatchApplicationExact(ctx, app, func(n *v1alpha1.Application) {
		n.Finalizers = slices.DeleteFunc(n.Finalizers, func(f string) bool { return slices.Contains(list, f) })
	})
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	return err
}

// refreshRemotely asks the agent for a new look, without waiting for it: an agent that is slow must not hold a worker.
func (a *Apps) refreshRemotely(ctx context.Context, app *v1alpha1.Application, name string, hard bool) {
	key := nameOf(app)
	a.remotes.mu.Lock()
	a.remotes.refreshes[key] = &refreshing{uid: app.UID}
	a.remotes.mu.Unlock()
	go func() {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		r, err := a.Hub.Refresh(ctx, name, a.recordKey(app), hard)
		if err == nil && r.UID == string(app.UID) {
			r.Namespace, r.Name = a.recordKey(app).Namespace, app.Name // it answers for what it was asked about, and nothing else
			a.Reported(name, r)
		}
		a.remotes.mu.Lock()
		if err == nil {
			a.remotes.refreshes[key] = &refreshing{uid: app.UID, done: true}
		} else {
			delete(a.remotes.refreshes, key)
		}
		a.remotes.mu.Unlock()
		if err != nil {
			a.queue.addAfter(key, 2*time.Second, cause{})
			return
		}
		a.queue.add(key, urgent, cause{})
	}()
}

// mirror writes down what an agent reports.
func (a *Apps) mirror(ctx context.Context, app *v1alpha1.Application, k catalog.Cluster, r agent.Report, refreshed bool) error {
	status, operation, err := a.understood(r)
	if err != nil {
		return a.reportAway(ctx, app, problem.Because(problem.Invalid, err, "what agent %s reports cannot be understood", k.Agent))
	}
	none := r.Refused != "" && len(r.Status) == 0 // there is no copy: what is known of what was deployed before stays
	if none {
		status = app.DeepCopy().Status
		status.Health.Status, status.Conditions = v1alpha1.HealthStatusUnknown, nil
	}
	if r.Refused != "" {
		now := metav1.Now().Rfc3339Copy()
		status.Sync.Status = v1alpha1.SyncStatusUnknown
		status.Conditions = withStates(conditions(app.Status.Conditions, append(faultsOf(status.Conditions),
			v1alpha1.ApplicationCondition{Type: v1alpha1.ConditionComparisonError, Message: "agent " + k.Agent + " does not take the application as it is: " + r.Refused}), now), &status, now)
	}
	op, mark := mirroredOperation(app, operation, r.OperationID)
	if is := status.OperationState; is != nil && !final(is.Phase) && wantsEnd(app, is, operation) {
		is.Phase = v1alpha1.OperationTerminating // until the agent says what has become of it
	}
	finalizers := app.Finalizers
	if !none {
		finalizers = mirroredFinalizers(app, r.Finalizers)
	}
	write := a.Catalog.PatchApplication
	if refreshed || object.Hash(op) != object.Hash(app.Operation) || r.Annotations[v1alpha1.AnnotationHold] != app.Annotations[v1alpha1.AnnotationHold] {
		write = a.Catalog.PatchApplicationExact // what somebody asks for meanwhile, or lifts, must not be lost
	}
	updated, err := write(ctx, app, func(n *v1alpha1.Application) {
		n.Status, n.Operation, n.Finalizers = status, op, finalizers
		setAnnotation(n, annotationRemoteOperation, mark)
		if refreshed {
			delete(n.Annotations, v1alpha1.AnnotationRefresh)
		}
		if !none {
			a.mirrorAnnotations(n, r)
		}
	})
	if problem.Is(err, problem.Invalid) || problem.Is(err, problem.Limit) { // the API server's schema knows more of an Application than we ask
		return a.reportAway(ctx, app, problem.Because(problem.Invalid, err, "what agent %s reports cannot be written down", k.Agent))
	}
	if err != nil {
		return err
	}
	a.toldRemote(app, updated)
	return nil
}

// wantsEnd reports whether a person wants the operation that is under way to end: it says so, or has been taken out, in an
// Application that still bears its mark.
func wantsEnd(app *v1alpha1.Application, is *v1alpha1.OperationState, theirs *v1alpha1.Operation) bool {
	if op := app.Status.OperationState; op != nil && op.Phase == v1alpha1.OperationTerminating && began(op) == began(is) {
		return true
	}
	_, what, marked := strings.Cut(app.Annotations[annotationRemoteOperation], ":")
	return marked && app.Operation == nil && theirs != nil && what == object.Hash(theirs)
}

// fits refuses a report of more than an Application can hold.
func fits(r agent.Report) error {
	if len(r.Status) > maxStatusBytes+maxStatusBytes/4 || len(r.Operation) > maxStatusBytes {
		return problem.New(problem.Limit, "it is larger than an Application may be")
	}
	return nil
}

// understood reads a report, with bounds: its sender is not believed more than it must be.
func (a *Apps) understood(r agent.Report) (status v1alpha1.ApplicationStatus, operation *v1alpha1.Operation, err error) {
	if err := fits(r); err != nil {
		return status, nil, err
	}
	if len(r.Status) > 0 {
		if err := json.Unmarshal(r.Status, &status); err != nil {
			return status, nil, problem.New(problem.Invalid, "its status is not one of an Application")
		}
	}
	if len(r.Operation) > 0 && !bytes.Equal(r.Operation, []byte("null")) {
		operation = &v1alpha1.Operation{}
		if err := json.Unmarshal(r.Operation, operation); err != nil {
			return status, nil, problem.New(problem.Invalid, "its operation is not one of an Application")
		}
	}
	status.ControllerNamespace = a.Namespace
	status.Summary.ExternalURLs = slices.DeleteFunc(status.Summary.ExternalURLs, func(u string) bool { return !isLink(u) })
	if !a.Catalog.Settings().PersistHealth {
		status.ResourceHealthSource = v1alpha1.ResourceHealthAppTree
		for i := range status.Resources {
			status.Resources[i].Health = nil
		}
	}
	return status, operation, nil
}

// mirroredOperation is what a hub's application has as its operation, and the mark beside it, once the agent has said
// what it does and which operation of ours it took last.
//
// A mark is who and what: `agent` or a number of ours, and the operation's hash. Without a mark that fits, an operation
// is one that somebody has just asked for.
func mirroredOperation(app *v1alpha1.Application, theirs *v1alpha1.Operation, taken string) (op *v1alpha1.Operation, mark string) {
	mark = operationMark(app)
	switch {
	case app.Operation != nil && mark == "": // it gets one first
		return app.Operation, app.Annotations[annotationRemoteOperation]
	case app.Operation != nil && mark != "agent" && taken != mark: // it has not come to it yet
		return app.Operation, app.Annotations[annotationRemoteOperation]
	case theirs == nil:
		return nil, ""
	case app.Operation != nil && mark != "agent":
		return app.Operation, app.Annotations[annotationRemoteOperation]
	}
	return theirs, "agent:" + object.Hash(theirs)
}

// operationMark is the first half of the mark, if there is one that fits the operation.
func operationMark(app *v1alpha1.Application) string {
	who, what, _ := strings.Cut(app.Annotations[annotationRemoteOperation], ":")
	if app.Operation == nil || what != object.Hash(app.Operation) {
		return ""
	}
	return who
}

// markOperation gives an operation that somebody has asked for its number, so that it is carried out once, however often
// the connection breaks.
func (a *Apps) markOperation(ctx context.Context, app *v1alpha1.Application, r agent.Report, known bool) error {
	number := make([]byte, 9)
	_, _ = rand.Read(number) // never fails, says its documentation
	mark := hex.EncodeToString(number) + ":" + object.Hash(app.Operation)
	if known { // our own write of what it does, under a mark that was lost
		if _, theirs, err := a.understood(r); err == nil && theirs != nil && object.Hash(theirs) == object.Hash(app.Operation) {
			mark = "agent:" + object.Hash(theirs)
		}
	}
	_, err := a.Catalog.PatchApplicationExact(ctx, app, func(n *v1alpha1.Application) { setAnnotation(n, annotationRemoteOperation, mark) })
	a.wakeRemotes()
	a.queue.add(nameOf(app), urgent, cause{})
	return err
}

func setAnnotation(n *v1alpha1.Application, key, value string) {
	if value == "" {
		delete(n.Annotations, key)
		return
	}
	metav1.SetMetaDataAnnotation(&n.ObjectMeta, key, value)
}

// mirroredFinalizers are ours with those that the agent's engine wants for hooks of a deletion.
func mirroredFinalizers(app *v1alpha1.Application, theirs []string) []string {
	if app.DeletionTimestamp != nil { // they go all together
		return app.Finalizers
	}
	hooks := slices.Concat(hookFinalizers(v1alpha1.FinalizerPreDelete), hookFinalizers(v1alpha1.FinalizerPostDelete))
	list := slices.DeleteFunc(slices.Clone(app.Finalizers), func(f string) bool { return slices.Contains(hooks, f) && !slices.Contains(theirs, f) })
	for _, f := range hooks {
		if slices.Contains(theirs, f) && !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}

// mirrorAnnotations takes over what the agent's engine has written. A hold that is gone here while the agent still has
// it was lifted by somebody: it is passed on, and not put back.
func (a *Apps) mirrorAnnotations(n *v1alpha1.Application, r agent.Report) {
	for _, name := range mirroredAnnotations {
		value := r.Annotations[name]
		if len(value) > maxConditionMessage*8 {
			continue
		}
		if name == v1alpha1.AnnotationHold {
			hash := ""
			if value != "" {
				hash = object.Hash(value)
			}
			if value != "" && n.Annotations[name] == "" && n.Annotations[annotationRemoteHold] == hash {
				continue
			}
			setAnnotation(n, annotationRemoteHold, hash)
		}
		setAnnotation(n, name, value)
	}
}

// reportAway says that nothing is known of an application now, and why.
func (a *Apps) reportAway(ctx context.Context, app *v1alpha1.Application, why error) error {
	now := metav1.Now().Rfc3339Copy()
	updated, err := a.Catalog.PatchApplication(ctx, app, func(n *v1alpha1.Application) {
		s := &n.Status
		s.Sync.Status = v1alpha1.SyncStatusUnknown
		if s.Health.Status != v1alpha1.HealthStatusUnknown {
			s.Health.LastTransitionTime = &now
		}
		s.Health.Status, s.Health.Message = v1alpha1.HealthStatusUnknown, clip(why.Error(), maxConditionMessage)
		s.Conditions = withStates(conditions(s.Conditions, []v1alpha1.ApplicationCondition{{Type: v1alpha1.ConditionComparisonError, Message: why.Error()}}, now), s, now)
	})
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	if err == nil {
		a.toldRemote(app, updated)
	}
	return err
}

// faultsOf are the conditions that tell of something; those that repeat the status are made anew.
func faultsOf(list []v1alpha1.ApplicationCondition) []v1alpha1.ApplicationCondition {
	return slices.DeleteFunc(slices.Clone(list), isState)
}

// toldRemote makes events of what has changed, as for our own applications.
func (a *Apps) toldRemote(before, after *v1alpha1.Application) {
	if before == after {
		return
	}
	a.tell(before, after, &state{}, finding{view: &view{}})
	was, is := before.Status.OperationState, after.Status.OperationState
	if is != nil && is.FinishedAt != nil && (was == nil || was.FinishedAt == nil || !was.StartedAt.Equal(&is.StartedAt)) && before.Status.ReconciledAt != nil {
		a.finished(after, plan.Next{})
	}
	a.heard.stir(nameOf(after))
}

// remoteHealth is what an agent reported of the health of an application's objects; nil when it is not known now.
func (a *Apps) remoteHealth(app *v1alpha1.Application) map[object.Key]*v1alpha1.HealthStatus {
	name := a.AgentOf(app)
	if name == "" || !a.Hub.State(name).Connected {
		return nil
	}
	a.remotes.mu.Lock()
	r, ok := a.remotes.reports[nameOf(app)]
	a.remotes.mu.Unlock()
	if !ok || r.agent != name || r.UID != string(app.UID) {
		return nil
	}
	return r.health
}

// healthIn reads the health of an application's objects out of a report.
func healthIn(r agent.Report) map[object.Key]*v1alpha1.HealthStatus {
	var s struct {
		Resources []v1alpha1.ResourceStatus `json:"resources"`
	}
	if json.Unmarshal(r.Status, &s) != nil {
		return nil
	}
	list := make(map[object.Key]*v1alpha1.HealthStatus, len(s.Resources))
	for _, res := range s.Resources {
		list[object.Key{Group: res.Group, Kind: res.Kind, Namespace: res.Namespace, Name: res.Name}] = res.Health
	}
	return list
}

// pushedOn tells agents of a push: only we have an address that a Git server can call.
func (a *Apps) pushedOn(p webhook.Push) {
	if a.Hub == nil {
		return
	}
	if len(p.Changed) > 200 { // it is a hint, and a short one
		p.Changed, p.ChangedComplete = nil, false
	}
	if data, err := json.Marshal(p); err == nil {
		a.Hub.Pushed(data)
	}
}

// wakeRemotes has the records that agents shall have made anew.
func (a *Apps) wakeRemotes() {
	select {
	case a.remotes.changed <- struct{}{}:
	default:
	}
}
