package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// dryRuns bounds the questions that one application asks the API server at once.
const dryRuns = 8

// compare puts every wanted object beside its live one and finds the live ones that are ours but not wanted. What was
// compared before and has not changed since is taken over.
func (a *Apps) compare(ctx context.Context, app *v1alpha1.Application, v, last *view, answers map[object.Key]answer) *view {
	wants := map[object.Key]*object.Object{}
	for _, o := range v.complete.objects {
		if !plan.IsHook(o) && !plan.IsSkipped(o) { // hooks come and go with syncs: they are neither in sync nor out of it
			wants[object.KeyOf(o)] = o
		}
	}
	v.notes = append(v.notes, v.complete.notes...)
	cmp := a.comparer(app, v, answers)
	if !v.aside {
		a.claim(nameOf(app), v.server, permitted(sortedKeys(wants), cmp.permit))
	}
	a.watchWhole(ctx, v, kindsOf(wants))

	cmp.sameRules = last != nil && last.spec.hash == v.spec.hash
	var mu sync.Mutex
	objects := make(map[object.Key]*compared, len(wants))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(dryRuns)
	for key, want := range wants {
		var before *compared
		if last != nil && last.server == v.server {
			before = last.objects[key]
		}
		group.Go(func() error {
			c := cmp.one(gctx, key, want, before)
			mu.Lock()
			defer mu.Unlock()
			objects[key] = c
			return nil
		})
	}
	_ = group.Wait()
	v.objects = objects
	a.findExtras(ctx, app, v)
	if !v.aside {
		a.lacks(nameOf(app), v)
		a.findOrphans(v)
	}
	return v
}

// watchWhole has the kinds watched as whole objects, and gives a watch that begins now a moment to fill: otherwise the
// first look at every new kind would find nothing known.
func (a *Apps) watchWhole(ctx context.Context, v *view, kinds []schema.GroupKind) {
	moment, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_ = v.cluster.Ready(moment, kinds...) // what is not ready is said object by object
}

// recompare makes a view from last in which only the given live objects were looked at again.
func (a *Apps) recompare(ctx context.Context, app *v1alpha1.Application, last *view, keys map[object.Key]bool, answers map[object.Key]answer) *view {
	v := *last
	v.at, v.rendered, v.quiet = time.Now(), false, true
	if len(keys) == 0 {
		return &v
	}
	v.objects = maps.Clone(last.objects)
	cmp := a.comparer(app, &v, answers)
	same := true
	for key := range keys {
		if before := last.objects[key]; before != nil {
			now := cmp.one(ctx, key, before.want, before)
			same = same && now.saysLike(before)
			v.objects[key] = now
		}
	}
	a.findExtras(ctx, app, &v)
	v.quiet = same && maps.EqualFunc(v.extras, last.extras, (*compared).saysLike) && v.prune.Held == last.prune.Held
	return &v
}

// saysLike reports whether people would read the same of both.
func (c *compared) saysLike(o *compared) bool {
	if c == o {
		return true
	}
	sameHealth := c.health == o.health || c.health != nil && o.health != nil && c.health.Status == o.health.Status && c.health.Message == o.health.Message
	sameErr := (c.err == nil) == (o.err == nil) && (c.err == nil || c.err.Error() == o.err.Error())
	sameLive := (c.live == nil) == (o.live == nil) && (c.live == nil || c.live.GetUID() == o.live.GetUID())
	return sameHealth && sameErr && sameLive && c.status == o.status && c.foreign == o.foreign && c.refused == o.refused && c.ignored == o.ignored && len(c.changes) == len(o.changes)
}

// comparer holds what is the same for all objects of one comparison.
type comparer struct {
	apps     *Apps
	app      *v1alpha1.Application
	view     *view
	instance string
	tracking object.Tracking
	people   bool
	ignore   diff.RuleSet
	ignoreIs error // why the ignore rules cannot be used
	// sameRules: the last comparison ignored the same fields. After a change of settings every want is another object.
	sameRules bool
	permit    func(object.Key) error
	answers   map[object.Key]answer
}

// answer is what the API server said when we applied an object: the baseline for what comes after.
type answer struct {
	wantHash string
	object   *object.Object
}

func (a *Apps) comparer(app *v1alpha1.Application, v *view, answers map[object.Key]answer) comparer {
	s := a.Catalog.Settings()
	ignore, err := diff.ParseRules(a.ignoreRules(app))
	return comparer{apps: a, app: app, view: v, instance: a.instance(app), tracking: s.Tracking, people: s.DriftAdditions, ignore: ignore, ignoreIs: err, permit: a.permit(v), answers: answers}
}

// permit is the project's word on single objects, as the comparison shows it and the writer enforces it.
func (a *Apps) permit(v *view) func(object.Key) error {
	rules, err := a.rules(v)
	if err != nil && !problem.Is(err, problem.Forbidden) { // a project that is not found must not read as an object that is not found: that one would be gone
		err = problem.Because(problem.Forbidden, err, "without its project %s, nothing is permitted", v.spec.project)
	}
	target := a.target(v)
	return func(key object.Key) error {
		if err != nil {
			return err
		}
		if err := v.cluster.Reads(key); err != nil {
			return err
		}
		kind, known := v.cluster.Kind(key.GroupKind())
		if err := rules.Object(key, !known && key.Namespace != "" || kind.Namespaced, target); err != nil || v.complete == nil {
			return err
		}
		_, err := rules.PlainSecret(key, v.complete.plain[key])
		return err
	}
}

// permitted leaves out what the project does not permit: to name another tenant's object in Git is no claim to it.
func permitted(keys []object.Key, permit func(object.Key) error) []object.Key {
	return slices.DeleteFunc(keys, func(key object.Key) bool { return permit(key) != nil })
}

// ignoreRules is what the application, the settings and we ourselves do not count as a difference.
func (a *Apps) ignoreRules(app *v1alpha1.Application) []v1alpha1.ResourceIgnoreDifferences {
	rules := []v1alpha1.ResourceIgnoreDifferences{
		// a child application's request and record are no part of its manifest, and it has no status subresource
		{Group: v1alpha1.Group, Kind: v1alpha1.KindApplication, JSONPointers: []string{"/operation", "/status",
			pointerTo(annotationPruneApproved), pointerTo(annotationInstalled), pointerTo(v1alpha1.AnnotationHold), pointerTo(v1alpha1.AnnotationRefresh),
			pointerTo(annotationRemoteOperation), pointerTo(annotationRemoteHold)}},
	}
	rules = append(rules, a.Catalog.Settings().IgnoreDifferences...)
	rules = append(rules, app.Spec.IgnoreDifferences...)
	if appset.IsAsleep(app) || slept(app.Status.OperationState) {
		return forRest(rules)
	}
	return rules
}

// pointerTo is the JSON pointer to an annotation: an answer or a request of a person to the application itself.
func pointerTo(annotation string) string {
	return "/metadata/annotations/" + strings.ReplaceAll(annotation, "/", "~1")
}

// one compares one wanted object with its live one. before is the last comparison of the same object, or nil: its
// prediction stays good while the manifest is the same and the live object is the same individual.
func (c comparer) one(ctx context.Context, key object.Key, want *object.Object, before *compared) *compared {
	r := &compared{key: key, want: want}
	if before != nil && before.want == want {
		r.wantHash = before.wantHash
	} else {
		r.wantHash = object.Hash(want.Object)
	}
	if err := c.permit(key); err != nil { // then what is live under that name is not looked at either
		r.refused, r.status = err.Error(), v1alpha1.SyncStatusOutOfSync
		return r
	}
	live, exists := c.view.cluster.Get(key)
	if exists && !c.tracked(live) {
		whole, err := c.view.cluster.Whole(ctx, key) // of what nobody tracks the index holds only the metadata
		if exists = !problem.Is(err, problem.NotFound); err == nil {
			live = whole
		} else if exists {
			r.err, r.status = err, v1alpha1.SyncStatusUnknown
			return r
		}
	}
	if exists {
		r.live = live
	}
	r.health = c.apps.healthOf(ctx, r.live, c.view)
	if err := c.view.cluster.KindErr(key.GroupKind()); problem.Is(err, problem.Unavailable) {
		r.err, r.status = err, v1alpha1.SyncStatusUnknown // not having seen it is not the same as its not being there
		return r
	}
	if r.live == nil {
		r.status = v1alpha1.SyncStatusOutOfSync
		return r
	}
	r.foreign = c.foreignOwner(key, r.live)
	r.ours = c.tracking.Owner(r.live) == c.instance
	if said, ok := c.answers[key]; ok && said.wantHash == r.wantHash && said.object.GetUID() == r.live.GetUID() {
		r.predicted = said.object
	} else if before != nil && before.predicted != nil && before.wantHash == r.wantHash && before.live != nil && before.live.GetUID() == r.live.GetUID() {
		r.predicted = before.predicted
	} else if settled(c.view.cluster.Mask(want), r.live) {
		r.predicted = r.live
	} else if err := c.predict(ctx, r); err != nil {
		r.err, r.status = err, v1alpha1.SyncStatusUnknown
		if problem.Is(err, problem.Invalid) || problem.Is(err, problem.NotFound) {
			r.status = v1alpha1.SyncStatusOutOfSync // what the API server refuses cannot be what is live
		}
		return r
	}
	if c.sameRules && before != nil && before.err == nil && before.want == want && before.live == r.live && before.predicted == r.predicted {
		r.changes, r.status = before.changes, before.status
		return r
	}
	result, err := diff.Compare(ctx, diff.Input{Desired: c.view.cluster.Mask(want), Predicted: r.predicted, Live: r.live, Manager: v1alpha1.DefaultFieldManager,
		Rules: c.ignore.Select(key), People: c.people && !c.options(want).ClientSideApply, Seen: c.view.at}) // such an apply cannot remove what people add
	if err == nil {
		err = c.ignoreIs
	}
	if err != nil {
		r.err, r.status = err, v1alpha1.SyncStatusUnknown
		return r
	}
	r.changes = result.Changes
	r.status = v1alpha1.SyncStatusSynced
	if len(r.changes) > 0 {
		r.status = v1alpha1.SyncStatusOutOfSync
	}
	return r
}

// tracked reports whether some application's mark is on the object, so that the index holds all of it.
func (c comparer) tracked(o *object.Object) bool { return c.tracking.Owner(o) != "" }

// options are the sync options of one object.
func (c comparer) options(o *object.Object) plan.Options {
	return plan.ParseOptions(optionsOf(c.app, &v1alpha1.SyncOperation{})).With(o)
}

// predict asks the API server what the object would look like after an apply.
func (c comparer) predict(ctx context.Context, r *compared) error {
	options := c.options(r.want)
	options.Replace, options.Force = false, false // what the content comes to, not how it gets there
	options.SkipValidation = options.SkipValidation || options.ClientSideApply
	// an ignored field that cannot be changed would have the rest refused; it is left as it is live
	options.RespectIgnoreDifferences = !c.ignore.Select(r.key).Empty()
	applied, err := c.apps.write(ctx, c.app, c.apps.writer(c.view), c.view, plan.Step{Key: r.key, Object: r.want, Options: options, DryRun: true})
	if err != nil {
		return err
	}
	r.predicted = applied.Object
	return nil
}

// foreignOwner names the other application that a live object belongs to. An owner that is gone, or whose complete
// render no longer has the object, owns nothing: the object is free to be taken over.
func (c comparer) foreignOwner(key object.Key, live *object.Object) string {
	owner := c.tracking.Owner(live)
	if owner == "" || owner == c.instance {
		return ""
	}
	name := c.apps.nameOfInstance(owner)
	other, err := c.apps.Catalog.Application(name)
	if err != nil || other.DeletionTimestamp != nil {
		return ""
	}
	for _, n := range c.apps.claims.of(c.view.server, key) {
		if n == name {
			return owner
		}
	}
	if c.apps.claims.unseen(name) && c.apps.goesTo(other, c.view.server) { // it has not been looked at yet: do not take anything from it
		return owner
	}
	return ""
}

// podsOf returns the pods below a live object.
func podsOf(live *object.Object, v *view) []*object.Object {
	var pods []*object.Object
	for _, o := range v.cluster.Descendants(object.KeyOf(live)) {
		if o.GetKind() == "Pod" && o.GetAPIVersion() == "v1" {
			pods = append(pods, o)
		}
	}
	return pods
}

// findExtras lists what is live and marked as ours but not wanted, and proves what of it may be deleted.
func (a *Apps) findExtras(ctx context.Context, app *v1alpha1.Application, v *view) {
	v.extras = map[object.Key]*compared{}
	v.prune = plan.PruneVerdict{}
	if v.unknown != nil {
		return
	}
	recorded, tracking, permit := inventory(app, v.liveOf), a.Catalog.Settings().Tracking, a.permit(v)
	for key, live := range v.cluster.Live(a.instance(app)) {
		if v.objects[key] != nil || len(live.GetOwnerReferences()) > 0 { // what a controller made is its controller's
			continue
		}
		if recorded[key] == "" && borrowed(tracking, live) {
			continue
		}
		if _, known := recorded[key]; !known && permit(key) != nil {
			continue // anybody can put our mark on what is not ours: it is none of the application's business
		}
		if kind, ok := v.cluster.Kind(key.GroupKind()); ok && kind.Excluded {
			continue // the settings have just put it out of sight, in Git as well: that is no reason to delete it
		}
		if v.complete.aside[key] {
			continue // Git has it, if only as a hook or as something to be left alone
		}
		c := &compared{key: key, live: live, status: v1alpha1.SyncStatusOutOfSync, health: a.healthOf(ctx, live, v),
			ignored: hasOption(live, v1alpha1.AnnotationCompareOptions, v1alpha1.CompareOptionIgnoreExtraneous)}
		if plan.IsHook(live) {
			c.status, c.ignored = "", true
		}
		v.extras[key] = c
	}
	v.prune = a.provePrune(app, v, true)
}

// provePrune gathers the evidence for deleting the extras and has it judged.
func (a *Apps) provePrune(app *v1alpha1.Application, v *view, automated bool) plan.PruneVerdict {
	if v.complete == nil || v.unknown != nil { // an error is not an empty set
		return plan.PruneVerdict{}
	}
	recorded, permit := inventory(app, v.liveOf), a.permit(v)
	in := plan.PruneInput{
		Desired: len(v.complete.objects), Inventory: len(recorded), Automated: automated, AllowEmpty: app.Spec.Automation().AllowEmpty,
		Guard:    a.Catalog.Settings().PruneGuard && app.Annotations[annotationPruneGuard] != "off",
		Approved: app.Annotations[annotationPruneApproved],
	}
	for _, key := range sortedKeys(v.extras) {
		c := v.extras[key]
		if plan.IsHook(c.live) {
			continue
		}
		candidate := plan.Candidate{Live: c.live, Recorded: recorded[key], Holds: a.holds(v, c.live), Itself: c.live.GetUID() == app.UID}
		if err := permit(key); err != nil {
			candidate.Refused = err.Error()
		}
		for _, other := range a.claims.of(v.server, key) {
			if other != nameOf(app) {
				candidate.ClaimedBy = a.called(other)
			}
		}
		in.Candidates = append(in.Candidates, candidate)
	}
	verdict := plan.ProvePrune(in)
	v.undecided = ""
	if verdict.Digest != "" { // something would go
		if v.undecided = a.undecided(nameOf(app), v.server, v.branches()); v.undecided != "" {
			in.Undecided = v.undecided
			return plan.ProvePrune(in)
		}
	}
	return verdict
}

// holds says what would vanish with a Namespace, a CRD or a volume claim, beyond what this prune deletes anyway.
func (a *Apps) holds(v *view, live *object.Object) string {
	within := 0
	switch key := object.KeyOf(live); {
	case key.Kind == "Namespace" && key.Group == "":
		for _, o := range v.cluster.InNamespace(key.Name) {
			if k := object.KeyOf(o); v.extras[k] == nil && len(o.GetOwnerReferences()) == 0 && !madeByNamespace(k) {
				within++
			}
		}
	case key.Kind == "CustomResourceDefinition":
		for gk := range scopesOf([]object.Item{{Object: live}}) {
			for _, o := range v.cluster.OfKind(gk) {
				if v.extras[object.KeyOf(o)] == nil {
					within++
				}
			}
		}
	case key.Kind == "PersistentVolumeClaim":
		if phase, _, _ := unstructured.NestedString(live.Object, "status", "phase"); phase == "Bound" {
			return "a volume with its data"
		}
	}
	if within == 0 {
		return ""
	}
	return fmt.Sprintf("%d objects", within)
}

// madeByNamespace reports whether every namespace has this object from birth.
func madeByNamespace(k object.Key) bool {
	return k.Kind == "ServiceAccount" && k.Name == "default" || k.Kind == "ConfigMap" && k.Name == "kube-root-ca.crt" || k.Kind == "Event"
}

// lacks notes which kinds and namespaces are wanted and missing, so that their appearance wakes the application.
func (a *Apps) lacks(name nameKey, v *view) {
	absent := map[string]bool{}
	for key, c := range v.objects {
		if c.refused != "" {
			continue
		}
		if v.cluster.KindErr(key.GroupKind()) != nil {
			absent[key.GroupKind().String()] = true
		}
		if c.live == nil && key.Namespace != "" {
			absent["namespace/"+key.Namespace] = true
		}
	}
	a.claims.lacks(name, absent)
}

func kindsOf(wants map[object.Key]*object.Object) []schema.GroupKind {
	seen := map[schema.GroupKind]bool{}
	var list []schema.GroupKind
	for k := range wants {
		if gk := k.GroupKind(); !seen[gk] {
			seen[gk] = true
			list = append(list, gk)
		}
	}
	return list
}

// hasOption reports whether a comma-separated annotation names the option.
func hasOption(o *object.Object, annotation, option string) bool {
	options, _ := object.Annotation(o, annotation)
	for _, part := range strings.Split(options, ",") {
		if strings.TrimSpace(part) == option {
			return true
		}
	}
	return false
}
