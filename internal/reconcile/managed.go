package reconcile

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
)

// Managed is one object of a comparison. The states are JSON, nil when there is none; secret values in them are masked,
// equal ones alike.
type Managed struct {
	Key             object.Key
	Version         string
	Hook            bool
	Status          v1alpha1.SyncStatusCode
	Target          []byte // what Git says, marked as the application's
	Live            []byte // as the API server has it
	Normalized      []byte // Live without what does not count: ignored fields, and who wrote which field
	Predicted       []byte // Normalized as it would be after a sync
	ResourceVersion string // of Live
	Modified        bool   // Live is not what Git says, or is missing, or is not in Git
	Changes         []diff.Change
	Refused         string // why the project does not permit the object; then nothing is said of what is live
	SharedWith      string // the other application that Live belongs to
	Err             string // why the two could not be compared
}

// Filter selects objects by the parts of their keys; an empty part selects all.
type Filter object.Key

func (f Filter) selects(k object.Key) bool {
	is := func(wanted, has string) bool { return wanted == "" || wanted == has }
	return is(f.Group, k.Group) && is(f.Kind, k.Kind) && is(f.Namespace, k.Namespace) && is(f.Name, k.Name)
}

// Managed returns what the last look at the application compared, by key. It is a problem when what Git wants has never
// been known: then nothing can be said of any object.
func (a *Apps) Managed(ctx context.Context, name types.NamespacedName, filter Filter) ([]Managed, error) {
	app, v, err := a.seen(ctx, name)
	if err != nil {
		return nil, err
	}
	if v.objects == nil {
		if v.unknown != nil {
			return nil, v.unknown
		}
		return nil, problem.New(problem.Unavailable, "application %s has not been compared yet", name.Name)
	}
	permit, cmp := a.permitNow(app, v), a.comparer(app, v, nil)
	all := map[object.Key]*compared{}
	for key, c := range v.objects {
		all[key] = c
	}
	for key, c := range v.extras {
		all[key] = c
	}
	for key, live := range a.hooksOf(app, v) {
		all[key] = &compared{key: key, live: live}
	}
	var list []Managed
	for _, key := range sortedKeys(all) {
		if c := all[key]; filter.selects(key) && (c.want != nil || permit(key) == nil) {
			m, err := managed(ctx, c, cmp.ignore.Select(key), v.cluster)
			if err != nil {
				return nil, err
			}
			list = append(list, m)
		}
	}
	return list, nil
}

// managed writes one comparison down.
func managed(ctx context.Context, c *compared, ignore diff.Rules, in *cluster.Cluster) (m Managed, err error) {
	m = Managed{Key: c.key, Status: c.status, Changes: c.changes, Refused: c.refused, SharedWith: c.foreign}
	if c.err != nil {
		m.Err = c.err.Error()
	}
	if c.want != nil {
		m.Version, m.Hook = c.want.GroupVersionKind().Version, plan.IsHook(c.want)
		if m.Target, err = plainJSON(in.Mask(c.want)); err != nil {
			return m, err
		}
	}
	m.Modified = c.status == v1alpha1.SyncStatusOutOfSync && !c.ignored
	if c.live == nil || c.refused != "" {
		return m, nil
	}
	m.Version, m.ResourceVersion, m.Hook = c.live.GroupVersionKind().Version, c.live.GetResourceVersion(), m.Hook || plan.IsHook(c.live)
	if m.Live, err = plainJSON(c.live); err != nil {
		return m, err
	}
	m.Normalized, m.Predicted, err = sides(ctx, c.live, c.changes, c.want != nil, ignore)
	return m, err
}

// sides are the live object without what does not count, before and after a sync; after is nil when Git does not have
// the object.
func sides(ctx context.Context, live *object.Object, changes []diff.Change, wanted bool, ignore diff.Rules) (before, after []byte, err error) {
	bare, err := ignore.Strip(ctx, live)
	if err != nil {
		bare = live // the comparison says it already
	}
	bare = bare.DeepCopy()
	bare.SetManagedFields(nil)
	if before, err = plainJSON(bare); err != nil || !wanted {
		return before, nil, err
	}
	after, err = plainJSON(diff.Result{Changes: changes}.Target(bare))
	return before, after, err
}

func plainJSON(o *object.Object) ([]byte, error) {
	data, err := json.Marshal(o.Object)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "write %s as JSON", object.KeyOf(o).Short())
	}
	return data, nil
}

// maxTargets bounds the manifests of one ServerSideDiff.
const maxTargets = 5000

// ServerSideDiff says what applying the given manifests would change, as the API server answers a dry run. Masked
// secret values in them are taken for what they stand for: what Git says, or what is live. What is live is what we know
// of it and never what a caller says; an object that is live and not the application's is refused.
func (a *Apps) ServerSideDiff(ctx context.Context, name types.NamespacedName, targets []string) ([]Managed, error) {
	app, v, err := a.seen(ctx, name)
	if err != nil {
		return nil, err
	}
	if v.cluster == nil {
		return nil, problem.New(problem.Unavailable, "the destination cluster is not to be had")
	}
	if len(targets) > maxTargets {
		return nil, problem.New(problem.Limit, "%d manifests are more than %d", len(targets), maxTargets)
	}
	aside := &view{spec: specOf(app), itself: app.UID, at: time.Now(), server: v.server, cluster: v.cluster, aside: true}
	if err := a.permitted(aside); err != nil {
		return nil, err
	}
	c, err := a.given(app, aside, targets)
	if err != nil {
		return nil, err
	}
	aside.complete = c
	cmp := a.comparer(app, aside, map[object.Key]answer{})
	owned := inventory(app, func(key object.Key) *object.Object {
		o, _ := v.cluster.Get(key)
		return o
	})
	var wanted []*object.Object
	for _, want := range c.objects {
		key := object.KeyOf(want)
		if plan.IsSkipped(want) {
			continue
		}
		if live, ok := v.cluster.Get(key); ok && (owned[key] == "" || owned[key] != live.GetUID()) && v.objects[key] == nil {
			return nil, problem.New(problem.Forbidden, "%s %s %s not found as part of application %s", key.Kind, key.Group, key.Name, app.Name).
				WithHint("it is live, and not one that the application has applied or has in Git")
		}
		wanted = append(wanted, want)
	}
	list := make([]Managed, len(wanted))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(dryRuns)
	for i, want := range wanted {
		group.Go(func() (err error) {
			list[i], err = a.againstLive(gctx, cmp, want, v)
			return err
		})
	}
	return list, group.Wait()
}

// againstLive says how a given manifest differs from what is live.
func (a *Apps) againstLive(ctx context.Context, cmp comparer, want *object.Object, v *view) (Managed, error) {
	key := object.KeyOf(want)
	c := a.compareGiven(ctx, cmp, key, want, v)
	m, err := managed(ctx, c, cmp.ignore.Select(key), v.cluster)
	if err != nil || c.live != nil || c.refused != "" || c.err != nil {
		return m, err
	}
	if err := cmp.predict(ctx, c); err != nil { // it would be created: say as what
		m.Err = err.Error()
		return m, nil
	}
	m.Predicted, err = plainJSON(bareOf(c.predicted))
	return m, err
}

func bareOf(o *object.Object) *object.Object {
	o = o.DeepCopy()
	o.SetManagedFields(nil)
	return o
}

// compareGiven compares a given manifest with what is live. A Secret whose values are masked cannot be sent: what stands
// for a value of Git's own render is put back, and where that is not it, the masked values are compared as they are.
func (a *Apps) compareGiven(ctx context.Context, cmp comparer, key object.Key, want *object.Object, v *view) *compared {
	if !object.IsSecret(want) {
		return cmp.one(ctx, key, want, nil)
	}
	var git *object.Object
	if c := v.objects[key]; c != nil {
		git = object.FoldStringData(c.want)
	}
	plain, hidden := unmask(object.FoldStringData(want), git, v.cluster.Mask)
	if !hidden {
		return cmp.one(ctx, key, plain, nil)
	}
	r := &compared{key: key, want: want}
	if err := cmp.permit(key); err != nil {
		r.refused, r.status = err.Error(), v1alpha1.SyncStatusOutOfSync
		return r
	}
	live, ok := v.cluster.Get(key)
	if !ok || !isWhole(live) {
		r.status, r.err = v1alpha1.SyncStatusUnknown, problem.New(problem.Invalid, "%s has masked values that stand for nothing known", key.Short())
		return r
	}
	r.live, r.predicted = live, live.DeepCopy()
	data, _ := live.Object["data"].(map[string]any)
	target, _ := v.cluster.Mask(plain).Object["data"].(map[string]any)
	for _, name := range sortedNames(target) {
		if value := target[name]; data[name] != value {
			r.changes = append(r.changes, diff.NewChange([]string{"data", name}, value, data[name]))
		}
	}
	if r.status = v1alpha1.SyncStatusSynced; len(r.changes) > 0 {
		r.status = v1alpha1.SyncStatusOutOfSync
	}
	return r
}

// unmask puts the values back that a masked Secret got from git; hidden says that others remain.
func unmask(masked, git *object.Object, mask func(*object.Object) *object.Object) (plain *object.Object, hidden bool) {
	plain = masked.DeepCopy()
	data, _ := plain.Object["data"].(map[string]any)
	var known, knownMasked map[string]any
	if git != nil {
		known, _ = git.Object["data"].(map[string]any)
		knownMasked, _ = mask(git).Object["data"].(map[string]any)
	}
	for name, v := range data {
		text, _ := v.(string)
		switch {
		case !strings.HasPrefix(text, object.MaskPrefix):
		case knownMasked[name] == text:
			data[name] = known[name]
		default:
			hidden = true
		}
	}
	return plain, hidden
}
