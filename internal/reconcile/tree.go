package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Tree is everything that belongs to an application: what Git has, what is live of it, and what that owns. It may be
// shared: it is not to be changed.
type Tree struct {
	Nodes   []Node // by key
	Orphans []Node // in its namespace and nobody's, where its project asks for them
	Hosts   []Host // that its pods run on, by name
}

// Node is one object. Of objects that nobody tracks only the metadata is known: they have no health and no facts.
type Node struct {
	Key             object.Key
	Version         string // of the API
	UID             types.UID
	Parents         []Parent // its owners, as far as they are in the tree
	ResourceVersion string
	Created         time.Time              // zero when it is missing
	Health          *v1alpha1.HealthStatus // nil when its kind has none, or it is not known
	Facts           []Fact
	Images          []string
	Network         *Network // nil when it takes no part in the traffic

	Managed bool // Git has it, or had it; not a child of another
	Missing bool // Git has it, and it is known not to be live
	Hook    bool
}

// Parent is an owner.
type Parent struct {
	Key object.Key
	UID types.UID
}

// Host is a machine on which pods of the application run.
type Host struct {
	Name   string
	Labels map[string]string
	Pods   int
	Asked  corev1.ResourceList // for by the application's pods there
}

// Tree returns what belongs to the application now.
func (a *Apps) Tree(ctx context.Context, name types.NamespacedName) (Tree, error) {
	app, v, err := a.seen(ctx, name)
	if err != nil {
		return Tree{}, err
	}
	return a.tree(ctx, app, v), nil
}

// WatchTree sends the tree now and after each change, a few times a second at most, until send fails or ctx ends.
func (a *Apps) WatchTree(ctx context.Context, name types.NamespacedName, send func(Tree) error) error {
	heard, leave := a.heard.join(name)
	defer leave()
	for {
		tree, err := a.treeForMany(ctx, name)
		if err != nil {
			return err
		}
		if err := send(tree); err != nil {
			return err
		}
		if err := a.nextChange(ctx, name, heard); err != nil {
			return err
		}
	}
}

// sharedTree is the tree that those who watch one application share: however many they are, it is made once.
type sharedTree struct {
	mu   sync.Mutex
	key  treeKey
	made time.Time
	tree Tree
}

// treeKey is what a tree depends on, but for the clock.
type treeKey struct {
	view     *view
	rules    *project.Rules
	settings *catalog.Settings
	changes  uint64
}

// treeKeeps bounds the age of a shared tree: some healths change with time alone.
const treeKeeps = 10 * time.Second

func (a *Apps) treeForMany(ctx context.Context, name types.NamespacedName) (Tree, error) {
	g, changes := a.heard.of(name) // before anything is read
	app, v, err := a.seen(ctx, name)
	if err != nil {
		return Tree{}, err
	}
	rules, err := a.Catalog.Rules(app.Spec.ProjectName())
	if g == nil || err != nil {
		return a.tree(ctx, app, v), nil
	}
	key := treeKey{v, rules, a.Catalog.Settings(), changes}
	g.tree.mu.Lock()
	defer g.tree.mu.Unlock()
	if s := &g.tree; s.key != key || time.Since(s.made) > treeKeeps {
		s.tree = a.tree(ctx, app, v)
		if s.key, s.made = key, time.Now(); ctx.Err() != nil { // whoever gave up halfway leaves nothing behind
			s.key = treeKey{}
		}
		return s.tree, nil
	}
	return g.tree.tree, nil
}

const (
	treesApart = 300 * time.Millisecond // between two trees of one watch
	leadCheck  = 5 * time.Second        // how late a watch finds out that this replica leads no more
)

// nextChange waits for a change, and a moment longer for those that come with it.
func (a *Apps) nextChange(ctx context.Context, name types.NamespacedName, heard <-chan struct{}) error {
	pause := time.NewTimer(treesApart)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	check := time.NewTicker(leadCheck)
	defer check.Stop()
	for {
		select {
		case <-heard:
			return nil
		case <-check.C:
			if err := a.ours(name); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// part is an object of the application's own: not one that another made.
type part struct {
	key     object.Key
	version string
	live    *object.Object // nil: missing, or not to be looked at
	missing bool           // it is known not to be there
	health  *v1alpha1.HealthStatus
	hook    bool
}

// parts lists the application's own objects, by key.
func (a *Apps) parts(ctx context.Context, app *v1alpha1.Application, v *view) []part {
	found := map[object.Key]part{}
	if v.objects == nil && v.extras == nil { // never compared: the inventory is what we know
		permit := a.permitNow(app, v)
		for _, r := range app.Status.Resources {
			key := object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
			if permit(key) != nil {
				continue
			}
			p := part{key: key, version: r.Version, hook: r.Hook}
			if live, ok := v.cluster.Get(key); ok && (r.UID == "" || r.UID == live.GetUID()) {
				p.live = live
			}
			p.missing = p.live == nil && a.surelyMissing(key, v)
			p.health = a.healthNow(ctx, p, nil, v)
			found[key] = p
		}
	}
	for key, c := range v.objects {
		p := part{key: key, version: c.want.GroupVersionKind().Version, hook: plan.IsHook(c.want)}
		if c.refused == "" {
			p.live, _ = v.cluster.Get(key)
			p.missing = p.live == nil && a.surelyMissing(key, v)
		}
		p.health = a.healthNow(ctx, p, c, v)
		found[key] = p
	}
	for key, c := range v.extras {
		if live, ok := v.cluster.Get(key); ok {
			found[key] = a.livePart(ctx, live, c, v)
		}
	}
	for key, live := range a.hooksOf(app, v) {
		found[key] = a.livePart(ctx, live, nil, v)
	}
	list := make([]part, 0, len(found))
	for _, key := range sortedKeys(found) {
		list = append(list, found[key])
	}
	return list
}

func (a *Apps) livePart(ctx context.Context, live *object.Object, c *compared, v *view) part {
	p := part{key: object.KeyOf(live), version: live.GroupVersionKind().Version, live: live, hook: plan.IsHook(live)}
	p.health = a.healthNow(ctx, p, c, v)
	return p
}

// surelyMissing reports whether an object that the index lacks is not there: a kind that cannot be read just now says
// nothing of its objects.
func (a *Apps) surelyMissing(key object.Key, v *view) bool {
	return !problem.Is(v.cluster.KindErr(key.GroupKind()), problem.Unavailable)
}

// hooksOf are the live objects of what Git has and no comparison is about: hooks, and what is to be left alone.
func (a *Apps) hooksOf(app *v1alpha1.Application, v *view) map[object.Key]*object.Object {
	found := map[object.Key]*object.Object{}
	if v.complete == nil {
		return found
	}
	permit, tracking := a.permit(v), a.Catalog.Settings().Tracking
	for key := range v.complete.aside {
		if live, ok := v.cluster.Get(key); ok && permit(key) == nil && tracking.Owner(live) == a.instance(app) {
			found[key] = live
		}
	}
	return found
}

// healthNow is the health of an object: as the last look found it, or found out now when it has changed since.
func (a *Apps) healthNow(ctx context.Context, p part, c *compared, v *view) *v1alpha1.HealthStatus {
	switch {
	case p.missing:
		return &v1alpha1.HealthStatus{Status: v1alpha1.HealthStatusMissing}
	case p.live == nil || !isWhole(p.live):
		return nil
	case c != nil && c.live == p.live:
		return c.health
	}
	return a.healthOf(ctx, p.live, v)
}

// tree gathers the application's own objects and what they own.
func (a *Apps) tree(ctx context.Context, app *v1alpha1.Application, v *view) Tree {
	permit := a.permitNow(app, v)
	nodes := map[object.Key]Node{}
	hosts := map[string]Host{}
	var live []*object.Object
	add := func(o *object.Object, n Node) {
		f := factsOf(o, a.Catalog.Settings().CustomLabels)
		n.UID, n.ResourceVersion, n.Created = o.GetUID(), o.GetResourceVersion(), o.GetCreationTimestamp().Time
		n.Version, n.Facts, n.Images, n.Network = o.GroupVersionKind().Version, f.lines, f.images, f.network
		nodes[n.Key] = n
		live = append(live, o)
		if f.node != "" {
			h := hosts[f.node]
			if h.Asked == nil {
				h.Name, h.Asked = f.node, corev1.ResourceList{}
			}
			h.Pods++
			addTo(h.Asked, f.asks)
			hosts[f.node] = h
		}
	}
	parts := a.parts(ctx, app, v)
	for _, p := range parts {
		n := Node{Key: p.key, Version: p.version, Health: p.health, Managed: true, Hook: p.hook, Missing: p.missing}
		if p.live == nil {
			nodes[p.key] = n
		} else {
			add(p.live, n)
		}
	}
	for _, p := range parts {
		if p.live == nil {
			continue
		}
		for _, o := range append(v.cluster.Descendants(p.key), a.claimsOf(p.live, v)...) {
			key := object.KeyOf(o)
			if _, known := nodes[key]; !known && permit(key) == nil {
				add(o, Node{Key: key, Health: a.healthNow(ctx, part{live: o}, nil, v)})
			}
		}
	}
	linkParents(nodes, live)
	for _, p := range parts {
		for _, o := range a.claimsOf(p.live, v) {
			if n := nodes[object.KeyOf(o)]; len(n.Parents) == 0 && !n.Managed {
				n.Parents = []Parent{{p.key, p.live.GetUID()}}
				nodes[n.Key] = n
			}
		}
	}
	t := Tree{Nodes: sortedNodes(nodes), Orphans: a.orphanNodes(v, permit)}
	for _, name := range sortedNames(hosts) {
		h := hosts[name]
		if node, ok := v.cluster.Get(object.Key{Kind: "Node", Name: name}); ok {
			h.Labels = node.GetLabels()
		}
		t.Hosts = append(t.Hosts, h)
	}
	return t
}

// maxOrdinal bounds the volume claims that are looked for.
const maxOrdinal = 1000

// claimsOf are the volume claims of a StatefulSet. Kubernetes makes them without an owner, so that they outlive it, and
// finds them by their names: template-set-ordinal.
func (a *Apps) claimsOf(set *object.Object, v *view) []*object.Object {
	if set == nil || set.GetKind() != "StatefulSet" || set.GroupVersionKind().Group != "apps" {
		return nil
	}
	n, found, _ := unstructured.NestedInt64(set.Object, "spec", "replicas")
	if !found {
		n = 1
	}
	first, _, _ := unstructured.NestedInt64(set.Object, "spec", "ordinals", "start")
	var claims []*object.Object
	for _, t := range mapsAt(set.Object, "spec", "volumeClaimTemplates") {
		for i := range min(n, maxOrdinal) {
			name := fmt.Sprintf("%s-%s-%d", textAt(t, "metadata", "name"), set.GetName(), first+i)
			if o, ok := v.cluster.Get(object.Key{Kind: "PersistentVolumeClaim", Namespace: set.GetNamespace(), Name: name}); ok {
				claims = append(claims, o)
			}
		}
	}
	return claims
}

// linkParents fills in the owners that are in the tree.
func linkParents(nodes map[object.Key]Node, live []*object.Object) {
	byUID := map[types.UID]object.Key{}
	for key, n := range nodes {
		if n.UID != "" {
			byUID[n.UID] = key
		}
	}
	for _, o := range live {
		n := nodes[object.KeyOf(o)]
		for _, ref := range o.GetOwnerReferences() {
			gv, _ := schema.ParseGroupVersion(ref.APIVersion)
			owner, ok := byUID[ref.UID]
			if ok && owner.Kind == ref.Kind && owner.Name == ref.Name && owner.Group == gv.Group {
				n.Parents = append(n.Parents, Parent{owner, ref.UID})
			}
		}
		nodes[n.Key] = n
	}
}

func (a *Apps) orphanNodes(v *view, permit func(object.Key) error) []Node {
	var list []Node
	for _, key := range v.orphans {
		if o, ok := v.cluster.Get(key); ok && permit(key) == nil {
			f := factsOf(o, nil)
			list = append(list, Node{Key: key, Version: o.GroupVersionKind().Version, UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(),
				Created: o.GetCreationTimestamp().Time, Facts: f.lines, Images: f.images, Network: f.network})
		}
	}
	slices.SortFunc(list, func(a, b Node) int { return a.Key.Compare(b.Key) })
	return list
}

func sortedNodes(m map[object.Key]Node) []Node {
	list := make([]Node, 0, len(m))
	for _, key := range sortedKeys(m) {
		list = append(list, m[key])
	}
	return list
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

// Healths returns what the last look found of the application's objects, to fill in what its status does not hold
// (resourceHealthSource: appTree). It costs a look-up, and gives nothing where nothing is known: on a replica that does
// not lead, or before the first look.
func (a *Apps) Healths(name types.NamespacedName) func(object.Key) *v1alpha1.HealthStatus {
	if app, err := a.Catalog.Application(name); err == nil && a.AgentOf(app) != "" {
		known := a.remoteHealth(app)
		return func(key object.Key) *v1alpha1.HealthStatus { return known[key] }
	}
	v := a.peek(name)
	if v == nil || a.ours(name) != nil {
		return func(object.Key) *v1alpha1.HealthStatus { return nil }
	}
	return func(key object.Key) *v1alpha1.HealthStatus {
		if c := cmp.Or(v.objects[key], v.extras[key]); c != nil {
			return c.health
		}
		return nil
	}
}

// InferHealth returns the application with the health of its resources filled in from the last look: the application
// itself when there is nothing to fill in, and a shallow copy with a new list otherwise.
func (a *Apps) InferHealth(app *v1alpha1.Application) *v1alpha1.Application {
	if app.Status.ResourceHealthSource != v1alpha1.ResourceHealthAppTree || len(app.Status.Resources) == 0 {
		return app
	}
	health := a.Healths(nameOf(app))
	filled := *app
	filled.Status.Resources = slices.Clone(app.Status.Resources)
	for i, r := range filled.Status.Resources {
		filled.Status.Resources[i].Health = health(object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
	}
	return &filled
}
