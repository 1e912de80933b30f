package reconcile

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/health"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/source"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// view is what one look found: Git on one side, the cluster on the other. It is not changed once it is made; a look
// at single objects makes a new one that shares the rest.
type view struct {
	spec    spec
	itself  types.UID // of the Application, which may be among its own objects
	at      time.Time
	server  string
	cluster *cluster.Cluster // nil when the destination is not to be had
	nowhere error            // why the destination names no cluster that we know
	commits []string         // resolved commit of each source; empty strings where not known
	infos   []source.Revision
	types   []v1alpha1.ApplicationSourceType
	// alone: the renders were made of the commits and the cluster's capabilities, and of nothing else that changes
	// without our being told, such as a chart's newest version.
	alone        bool
	bases        []basis // of the sources
	capabilities render.Cluster
	complete     *complete // nil when the desired state is unknown: then nothing may be deleted
	unknown      error     // why it is unknown
	objects      map[object.Key]*compared
	extras       map[object.Key]*compared // live and ours, not in the complete render
	prune        plan.PruneVerdict        // what an automated prune may do
	notes        []v1alpha1.ApplicationCondition
	aside        bool // of a revision that an operation asked for, beside what the application follows
	// undecided is an application that has to be looked at before anything is pruned here; "" for none
	undecided string
	rendered  bool         // a render was done for this view, none came from the cache
	fresh     bool         // plugins are asked again, whatever is remembered of them
	held      *hold        // keeps it at what a person rolled back to; nil when it follows Git
	followed  []string     // the commits that it would follow without the hold
	orphans   []object.Key // in its namespace, and nobody's
	contests  []v1alpha1.ApplicationCondition
	leave     []v1alpha1.ResourceIgnoreDifferences // fields that an automated sync leaves to others
	shown     bool                                 // what is rendered for it is shown to people, and not applied
	lifted    bool                                 // a hold is recorded that holds no more
	quiet     bool                                 // only single objects were looked at, and nothing that people read has changed
}

// spec is the part of an Application that a comparison depends on.
type spec struct {
	sources     []v1alpha1.ApplicationSource
	many        bool // spec.sources and not spec.source, be it with a single one
	destination v1alpha1.ApplicationDestination
	project     string
	name        nameKey // of the application
	valuesFrom  string  // the annotations that say what it takes from a cluster
	postBuild   string
	asleep      string // since when its workloads rest, as the annotation says it; empty when they do not
	hash        string
}

func specOf(app *v1alpha1.Application) spec {
	s := spec{sources: app.Spec.SourceList(), many: app.Spec.HasMultipleSources(), destination: app.Spec.Destination, project: app.Spec.ProjectName(), name: nameOf(app),
		valuesFrom: app.Annotations[v1alpha1.AnnotationValuesFrom], postBuild: app.Annotations[v1alpha1.AnnotationPostBuild]}
	if appset.IsAsleep(app) {
		s.asleep = app.Annotations[v1alpha1.AnnotationAsleep]
	}
	s.hash = object.Hash([]any{s.sources, s.many, s.destination, s.project, app.Spec.IgnoreDifferences, app.Annotations[v1alpha1.AnnotationManifestGeneratePaths], app.Annotations[annotationPruneApproved], app.Annotations[v1alpha1.AnnotationHold],
		s.valuesFrom, s.postBuild, s.asleep != "", homeHash(app)})
	return s
}

// complete is a whole render of exact commits. Deletion accepts only this: an error is never an empty set.
type complete struct {
	objects []*object.Object // marked, namespaces filled in, in order of rendering
	origin  map[object.Key]object.Origin
	aside   map[object.Key]bool     // of these: hooks, and what is to be left alone
	plain   map[object.Key][]string // of Secrets: the values that stand in Git for everybody to read
	digest  string
	notes   []v1alpha1.ApplicationCondition // what a person should know about the set
}

// compared is one object on both sides.
type compared struct {
	key       object.Key
	want      *object.Object // plaintext; nil for an extra
	wantHash  string
	predicted *object.Object // the API server's answer to applying want: what live must look like (masked)
	live      *object.Object // masked; nil when missing
	changes   []diff.Change
	err       error  // why it could not be determined, or why the API server refuses it
	foreign   string // the other application that it belongs to
	ours      bool   // it carries our mark
	refused   string // why the project does not permit it
	status    v1alpha1.SyncStatusCode
	health    *v1alpha1.HealthStatus
	ignored   bool // an extra that does not count (IgnoreExtraneous)
}

func (v *view) revision() string {
	if len(v.commits) == 1 && !v.spec.many {
		return v.commits[0]
	}
	return ""
}

func (v *view) revisions() []string {
	if v.spec.many && !slices.Contains(v.commits, "") {
		return v.commits
	}
	return nil
}

// branches is the commit of each branch that the view shows.
func (v *view) branches() map[string]string {
	if v.aside {
		return nil
	}
	m, commits := map[string]string{}, v.commits
	if v.held != nil { // nothing of a newer commit is waited for
		commits = v.followed
	}
	for i, s := range v.spec.sources {
		if i < len(commits) && commits[i] != "" {
			m[branch(s)] = commits[i]
		}
	}
	return m
}

// status is Synced only when every object was compared with exactly the view's commits and equals them.
func (v *view) status() v1alpha1.SyncStatusCode {
	if v.complete == nil || v.unknown != nil || v.cluster == nil {
		return v1alpha1.SyncStatusUnknown
	}
	worst := v1alpha1.SyncStatusSynced
	for _, m := range []map[object.Key]*compared{v.objects, v.extras} {
		for _, c := range m {
			switch {
			case c.ignored || c.want != nil && plan.IsHook(c.want):
			case c.status == v1alpha1.SyncStatusUnknown:
				return v1alpha1.SyncStatusUnknown
			case c.status == v1alpha1.SyncStatusOutOfSync:
				worst = c.status
			}
		}
	}
	return worst
}

// leaves reports whether an automated sync leaves fields of the object to others.
func (v *view) leaves(key object.Key) bool {
	return slices.ContainsFunc(v.leave, func(r v1alpha1.ResourceIgnoreDifferences) bool {
		return key == object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
	})
}

// unsure are the objects that could not be compared because the cluster could not answer.
func (v *view) unsure() map[object.Key]bool {
	var keys map[object.Key]bool
	for k, c := range v.objects {
		if problem.Is(c.err, problem.Unavailable) {
			if keys == nil {
				keys = map[object.Key]bool{}
			}
			keys[k] = true
		}
	}
	return keys
}

// saysLike reports whether people would read the same of both views, but for the commit.
func (v *view) saysLike(o *view) bool {
	return v.complete != nil && v.complete == o.complete && v.cluster == o.cluster && v.unknown == nil && o.unknown == nil && v.prune.Held == o.prune.Held && len(v.contests) == len(o.contests) && len(v.orphans) == len(o.orphans) &&
		maps.EqualFunc(v.objects, o.objects, (*compared).saysLike) && maps.EqualFunc(v.extras, o.extras, (*compared).saysLike)
}

// health is the worst health of the wanted objects.
func (v *view) health() health.Health {
	if v.cluster == nil {
		return health.Health{Status: v1alpha1.HealthStatusUnknown, Message: "the destination cluster cannot be reached"}
	}
	if v.complete == nil && len(v.objects) == 0 {
		return health.Health{Status: v1alpha1.HealthStatusUnknown}
	}
	var list []health.Resource
	for _, k := range v.keys() {
		c := v.objects[k]
		if plan.IsHook(c.want) {
			continue
		}
		r := health.Resource{Key: k, Live: c.live != nil, Ignored: ignoresHealth(c.want) || ignoresHealth(c.live)}
		if c.health != nil {
			r.Health = health.Health{Status: c.health.Status, Message: c.health.Message}
		}
		list = append(list, r)
	}
	h := health.Aggregate(list)
	if v.spec.asleep != "" && (h.Status == v1alpha1.HealthStatusHealthy || h.Status == v1alpha1.HealthStatusSuspended) {
		return health.Health{Status: v1alpha1.HealthStatusSuspended, Message: v.restWords()}
	}
	return h
}

// isItself reports whether a live object is the Application that the view is of.
func (v *view) isItself(o *object.Object) bool { return v.itself != "" && o.GetUID() == v.itself }

// ignoresHealth reports whether an object is annotated so that its health does not count. (Argo CD heeds the live one.)
func ignoresHealth(o *object.Object) bool {
	if o == nil {
		return false
	}
	ignore, _ := object.Annotation(o, v1alpha1.AnnotationIgnoreHealthCheck)
	return ignore == "true"
}

// keys returns the wanted objects in a stable order.
func (v *view) keys() []object.Key { return sortedKeys(v.objects) }

func sortedKeys[T any](m map[object.Key]T) []object.Key {
	keys := make([]object.Key, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i].Compare(keys[j]) < 0 })
	return keys
}

// healable lists the out-of-sync objects that an automated sync may change.
func (v *view) healable(prune bool, options plan.Options) []v1alpha1.SyncOperationResource {
	var list []v1alpha1.SyncOperationResource
	for _, k := range v.keys() {
		c := v.objects[k]
		if c.status != v1alpha1.SyncStatusSynced && c.foreign == "" && !plan.IsHook(c.want) {
			list = append(list, resource(k))
		}
	}
	if prune {
		for _, k := range sortedKeys(v.extras) {
			if v.extras[k].live.GetDeletionTimestamp() != nil {
				continue // it is on its way
			}
			if reason, known := v.prune.Keep[k]; known && reason == "" && !v.extras[k].ignored && options.With(v.extras[k].live).Prune != plan.No {
				list = append(list, resource(k))
			}
		}
	}
	return list
}

// permitted leaves out the objects that the project does not permit.
func (v *view) permitted(resources []v1alpha1.SyncOperationResource) []v1alpha1.SyncOperationResource {
	return slices.DeleteFunc(resources, func(r v1alpha1.SyncOperationResource) bool {
		c := v.objects[keyOf(r)]
		return c != nil && c.refused != ""
	})
}

// unapplied reports whether there is something that the last operation had to leave and that can be done now: to
// prune, or to take over from another application.
func (v *view) unapplied(last *v1alpha1.OperationState) bool {
	if last.SyncResult == nil {
		return false
	}
	for _, r := range last.SyncResult.Resources {
		key := object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
		if reason, known := v.prune.Keep[key]; r.Status == v1alpha1.ResultPruneSkipped && known && reason == "" {
			return true
		}
		if c := v.objects[key]; c != nil && c.status == v1alpha1.SyncStatusOutOfSync && c.foreign == "" && strings.Contains(r.Message, sharedWith) {
			return true
		}
	}
	return false
}

// byPeople reports whether the object differs because a person changed or deleted something.
func (v *view) byPeople(key object.Key) bool {
	c := v.objects[key]
	if c == nil { // it is pruned, and comes back: that is no person's doing
		return false
	}
	if c.live == nil {
		return true
	}
	return !slices.ContainsFunc(c.changes, func(ch diff.Change) bool { return ch.Manager != "" && !isPeoples(ch.Manager) })
}

// isPeoples reports whether people write under the manager's name: with a tool of their own, or through our actions. Who
// scales three times in ten minutes is no controller that fights for the field.
func isPeoples(manager string) bool {
	return manager == v1alpha1.ActionFieldManager || diff.IsPerson(manager)
}

// inventory is the UIDs of what we applied, by key. Most were noted at the look that followed. Whoever was killed
// between an apply and that look has noted only the intent: then our mark, put there by our own apply, is the proof.
func inventory(app *v1alpha1.Application, live func(object.Key) *object.Object) map[object.Key]types.UID {
	m := make(map[object.Key]types.UID, len(app.Status.Resources))
	for _, r := range app.Status.Resources {
		key := object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
		m[key] = r.UID
		if r.UID == "" && !r.RequiresPruning {
			if o := live(key); o != nil && markedByUs(o) {
				m[key] = o.GetUID()
			}
		}
	}
	return m
}

// applied is the inventory and the hooks of the newest operation: what people may look into and act on. Hooks are nothing
// that the application is compared with or that is pruned, so the inventory does not have them. That one is ours takes
// three proofs: the operation's record names it, it bears this application's mark, and our manager wrote the mark.
func (a *Apps) applied(app *v1alpha1.Application, v *view) map[object.Key]types.UID {
	live := func(key object.Key) *object.Object {
		o, _ := v.cluster.Get(key)
		return o
	}
	m := inventory(app, live)
	if app.Status.OperationState == nil || app.Status.OperationState.SyncResult == nil {
		return m
	}
	tracking := a.Catalog.Settings().Tracking
	mark := object.TrackingAnnotation
	if tracking.Method == "label" {
		mark = cmp.Or(tracking.InstanceLabel, object.DefaultInstanceLabel)
	}
	for _, r := range app.Status.OperationState.SyncResult.Resources {
		key := object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
		if _, known := m[key]; known || r.HookType == "" {
			continue
		}
		o := live(key)
		if o == nil || tracking.Owner(o) != a.instance(app) {
			continue
		}
		if slices.ContainsFunc(o.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool { return wroteField(f, mark) }) {
			m[key] = o.GetUID()
		}
	}
	return m
}

// markedByUs reports whether our own apply put the tracking annotation on the object.
func markedByUs(o *object.Object) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool {
		return m.Operation == metav1.ManagedFieldsOperationApply && wroteField(m, object.TrackingAnnotation)
	})
}

// wroteField reports whether the entry is that of our manager (or of Argo CD, which has the same) and has the field.
func wroteField(m metav1.ManagedFieldsEntry, name string) bool {
	return m.Manager == v1alpha1.DefaultFieldManager && m.FieldsV1 != nil && bytes.Contains(m.FieldsV1.GetRawBytes(), []byte(`"f:`+name+`"`))
}

// borrowed reports whether an object only looks as if it were ours: where a label is the mark, charts, templates of
// volume claims and operators put it on whatever they like, and it is the usual one of Helm. It counts when our manager
// wrote it.
func borrowed(t object.Tracking, o *object.Object) bool {
	if t.Method != "label" {
		return false
	}
	label := cmp.Or(t.InstanceLabel, object.DefaultInstanceLabel)
	return !slices.ContainsFunc(o.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool { return wroteField(m, label) })
}

// liveOf returns what the view saw live under the key.
func (v *view) liveOf(key object.Key) *object.Object {
	if c := v.extras[key]; c != nil {
		return c.live
	}
	return nil
}

func resource(k object.Key) v1alpha1.SyncOperationResource {
	return v1alpha1.SyncOperationResource{Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name}
}
