package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// recorder keeps the events in the order in which they came.
type recorder struct {
	mu     sync.Mutex
	events []cluster.Event
	kinds  [][]schema.GroupKind
}

func (r *recorder) event(e cluster.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) kind(gks []schema.GroupKind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kinds = append(r.kinds, gks)
}

func (r *recorder) of(match func(cluster.Event) bool) []cluster.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []cluster.Event
	for _, e := range r.events {
		if match(e) {
			list = append(list, e)
		}
	}
	return list
}

// open opens the cluster behind config and waits for the first fill.
func open(t testing.TB, config *rest.Config, change func(*cluster.Options)) (*cluster.Cluster, *recorder) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &recorder{}
	o := cluster.Options{Name: "test", Server: "https://test", REST: config, Masker: object.Masker{Key: []byte("key of this test")}, OnEvent: r.event, OnKinds: r.kind}
	if os.Getenv("HAWSER_TEST_LOG") != "" {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if change != nil {
		change(&o)
	}
	c, err := cluster.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		c.Wait() // a goroutine that does not end hangs the test, and that is how it is found
	})
	patience, done := context.WithTimeout(ctx, clustertest.Patience)
	defer done()
	if err := c.Synced(patience); err != nil {
		t.Fatal(err)
	}
	return c, r
}

// eventually waits until check is content.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	clustertest.Wait(t, what, func(context.Context) error { return check() })
}

func parse(t testing.TB, text string) *object.Object {
	t.Helper()
	items, err := object.Parse([]byte(text), "test.yaml")
	if err != nil || len(items) != 1 {
		t.Fatalf("%v, %d objects", err, len(items))
	}
	return items[0].Object
}

// tracked returns the manifest as an object of the instance, in the namespace.
func tracked(t testing.TB, instance, namespace, text string) *object.Object {
	t.Helper()
	o := parse(t, text)
	o.SetNamespace(namespace)
	return object.Tracking{}.Mark(o, instance, namespace)
}

func anything(object.Key) error { return nil }

func apply(t testing.TB, c *cluster.Cluster, o *object.Object) cluster.Applied {
	t.Helper()
	a, err := c.Writer(anything).Apply(t.Context(), cluster.ApplyRequest{Object: o, Validate: true})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTrackedObjectIsLiveInFull(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	instance := "shop-" + ns
	// Written by somebody else, so that the watch alone brings it.
	o := tracked(t, instance, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: one}}")
	text, _ := json.Marshal(o)
	k.Apply(t, ns, string(text))
	key := object.Key{Kind: "ConfigMap", Namespace: ns, Name: "a"}
	eventually(t, "the ConfigMap in Live", func() error {
		live := c.Live(instance)
		if live[key] == nil {
			return fmt.Errorf("live is %v; %v", live, c.KindErr(key.GroupKind()))
		}
		return nil
	})
	live := c.Live(instance)[key]
	if live.Object["data"].(map[string]any)["x"] != "one" || len(live.GetManagedFields()) == 0 {
		t.Errorf("not in full: %v", live)
	}
	if len(c.Live(instance)) != 1 || len(c.Live("other")) != 0 {
		t.Errorf("live: %v, of another: %v", c.Live(instance), c.Live("other"))
	}
	k.Patch(t, "kubectl-edit", "v1", "ConfigMap", ns, "a", `{"data": {"x": "two"}}`)
	eventually(t, "the change", func() error {
		if got := c.Live(instance)[key].Object["data"].(map[string]any)["x"]; got != "two" {
			return fmt.Errorf("x is %v", got)
		}
		return nil
	})
	k.Delete(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	eventually(t, "the end", func() error {
		if len(c.Live(instance)) > 0 {
			return errors.New("still live")
		}
		return nil
	})
}

func TestSecretValuesNeverEnterTheIndex(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	const canary = "canary-7f3a9"
	secret := func(name string) string {
		return fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: %s, annotations: {kubectl.kubernetes.io/last-applied-configuration: "%s"}}, stringData: {p: %s}}`, name, canary, canary)
	}
	k.Apply(t, ns, secret("before"))
	c, r := open(t, k.Config, nil)
	a := apply(t, c, tracked(t, "vault-"+ns, ns, secret("ours")))
	k.Apply(t, ns, secret("after"))
	eventually(t, "all three in the index", func() error {
		for _, name := range []string{"before", "ours", "after"} {
			if _, ok := c.Get(object.Key{Kind: "Secret", Namespace: ns, Name: name}); !ok {
				return fmt.Errorf("%s is missing", name)
			}
		}
		return c.KindErr(schema.GroupKind{Kind: "Secret"})
	})
	fetched, err := c.Fetch(t.Context(), object.Key{Kind: "Secret", Namespace: ns, Name: "after"}, "")
	if err != nil {
		t.Fatal(err)
	}
	for where, v := range map[string]any{"index": c.Dump(), "answer": a.Object, "fetched": fetched, "events": r.of(func(cluster.Event) bool { return true })} {
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if s := string(out); strings.Contains(s, canary) || strings.Contains(s, "Y2FuYXJ5LTdmM2E5") {
			t.Errorf("the secret is in the %s", where)
		}
	}
	if a.Object.Object["data"].(map[string]any)["p"] == nil {
		t.Error("stringData was not folded into data")
	}
	// The server's own words about a Secret quote it.
	_, err = c.Writer(anything).Apply(t.Context(), cluster.ApplyRequest{Object: tracked(t, "vault-"+ns, ns,
		"{apiVersion: v1, kind: Secret, metadata: {name: bad}, data: {p: '"+canary+"!'}}"), Validate: true})
	if err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("error: %v", err)
	}
}

func TestOwnerChainLeadsToTheTrackedRoot(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, r := open(t, k.Config, nil)
	instance := "chain-" + ns
	root := object.Key{Group: "apps", Kind: "Deployment", Namespace: ns, Name: "web"}
	apply(t, c, tracked(t, instance, ns, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1", env: [{name: PASSWORD, value: hush}]}]}
`))
	isPod := func(e cluster.Event) bool { return e.Key.Kind == "Pod" && e.Key.Namespace == ns }
	eventually(t, "two ready pods below the Deployment", func() error {
		ready := 0
		for _, o := range c.Descendants(root) {
			conditions, _ := o.Object["status"].(map[string]any)["conditions"].([]any)
			if o.GetKind() == "Pod" && slices.ContainsFunc(conditions, func(c any) bool {
				m := c.(map[string]any)
				return m["type"] == "Ready" && m["status"] == "True"
			}) {
				ready++
			}
		}
		if ready != 2 {
			return fmt.Errorf("%d are ready", ready)
		}
		return nil
	})
	if children := c.Children(root); len(children) != 1 || children[0].GetKind() != "ReplicaSet" {
		t.Errorf("children: %v", children)
	}
	for _, o := range c.Descendants(root) {
		if above := c.Ancestors(object.KeyOf(o)); len(above) == 0 || object.KeyOf(above[len(above)-1]) != root || o.GetKind() == "Pod" && (len(above) != 2 || above[0].GetKind() != "ReplicaSet") {
			t.Errorf("above %s: %v", object.KeyOf(o), above)
		}
	}
	for _, e := range r.of(isPod) {
		if e.Root != root || !slices.Equal(e.Instances, []string{instance}) {
			t.Errorf("event of %s: root %v, instances %v", e.Key, e.Root, e.Instances)
		}
		if out, _ := json.Marshal(e.New); strings.Contains(string(out), "hush") {
			t.Error("an untracked pod is kept with its environment")
		}
	}
	// The owner goes first; the application still hears that its pods leave.
	k.Delete(t, ns, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}")
	eventually(t, "the end of the pods", func() error {
		ended := r.of(func(e cluster.Event) bool { return isPod(e) && e.New == nil })
		if len(ended) != 2 {
			return fmt.Errorf("%d have ended", len(ended))
		}
		for _, e := range ended {
			if e.Root != root || !slices.Contains(e.Instances, instance) {
				t.Errorf("the end of %s: root %v, instances %v", e.Key, e.Root, e.Instances)
			}
		}
		return nil
	})
	// Per object: never back in time, and the old of each event is the new of the one before.
	last := map[object.Key]*object.Object{}
	for _, e := range r.of(func(e cluster.Event) bool { return e.Key.Namespace == ns }) {
		if before, ok := last[e.Key]; ok && (e.Old == nil) != (before == nil) || before != nil && e.Old != nil && before.GetResourceVersion() != e.Old.GetResourceVersion() {
			t.Errorf("%s: the event's old is %v, the one before left %v", e.Key, e.Old, before)
		}
		last[e.Key] = e.New
	}
}

func TestUntrackedIsMetadataUntilItIsTracked(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	const service = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot, labels: {a: b}}, automountServiceAccountToken: false}"
	k.Apply(t, ns, service)
	c, r := open(t, k.Config, nil)
	key := object.Key{Kind: "ServiceAccount", Namespace: ns, Name: "robot"}
	o, ok := c.Get(key)
	if !ok || o.Object["automountServiceAccountToken"] != nil || o.GetLabels()["a"] != "b" || o.GetCreationTimestamp().Time.IsZero() {
		t.Fatalf("want the metadata alone, got %v", o)
	}
	before := c.State()
	instance := "adopt-" + ns
	mark, _ := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		object.TrackingAnnotation: object.TrackingID(instance, key)}}})
	k.Patch(t, "kubectl-annotate", "v1", "ServiceAccount", ns, "robot", string(mark))
	eventually(t, "the whole object", func() error {
		if o := c.Live(instance)[key]; o == nil || o.Object["automountServiceAccountToken"] != false {
			return fmt.Errorf("live: %v", o)
		}
		return nil
	})
	eventually(t, "an event with the whole object", func() error {
		if len(r.of(func(e cluster.Event) bool {
			return e.Key == key && slices.Contains(e.Instances, instance) && e.New.Object["automountServiceAccountToken"] == false
		})) == 0 {
			return errors.New("none")
		}
		return nil
	})
	if after := c.State(); after.Whole <= before.Whole {
		t.Errorf("%d kinds in full, before %d", after.Whole, before.Whole)
	}
	// Changes in quick succession around the switch of watches: none is lost.
	for i := range 20 {
		k.Patch(t, "x", "v1", "ServiceAccount", ns, "robot", fmt.Sprintf(`{"metadata":{"labels":{"n":"%d"}}}`, i))
	}
	eventually(t, "the last label", func() error {
		if n := c.Live(instance)[key].GetLabels()["n"]; n != "19" {
			return fmt.Errorf("label is %s", n)
		}
		return nil
	})
	// Somebody takes the mark away: the object leaves the application, and the event says so.
	k.Patch(t, "x", "v1", "ServiceAccount", ns, "robot", `{"metadata":{"annotations":null}}`)
	eventually(t, "the object to leave", func() error {
		if len(c.Live(instance)) > 0 {
			return errors.New("still live")
		}
		if e := r.of(func(e cluster.Event) bool { return e.Key == key }); !slices.Contains(e[len(e)-1].Instances, instance) {
			return fmt.Errorf("the last event concerns %v", e[len(e)-1].Instances)
		}
		return nil
	})
}

// An application wants an object that exists without its mark: it is compared whole, now and after each change.
func TestWholeObjectThatNobodyTracks(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	k.Apply(t, ns, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: found}, automountServiceAccountToken: false}")
	c, _ := open(t, k.Config, nil)
	gk := schema.GroupKind{Kind: "ServiceAccount"}
	c.Track(gk)
	if err := c.KindErr(gk); !problem.Is(err, problem.Unavailable) {
		t.Errorf("before its objects are whole: %v", err)
	}
	if err := c.Ready(t.Context(), gk, schema.GroupKind{Kind: "NoSuchThing"}); err != nil || c.KindErr(gk) != nil {
		t.Errorf("ready: %v, %v", err, c.KindErr(gk))
	}
	key := object.Key{Kind: "ServiceAccount", Namespace: ns, Name: "found"}
	o, err := c.Whole(t.Context(), key)
	if err != nil || o.Object["automountServiceAccountToken"] != false || len(o.GetManagedFields()) == 0 {
		t.Fatalf("%v, %v", o, err)
	}
	k.Patch(t, "kubectl-edit", "v1", "ServiceAccount", ns, "found", `{"automountServiceAccountToken":true}`)
	eventually(t, "the change, whole", func() error {
		if o, _ := c.Get(key); o.Object["automountServiceAccountToken"] != true || len(o.GetManagedFields()) == 0 {
			return fmt.Errorf("%v", o)
		}
		return nil
	})
	if _, err := c.Whole(t.Context(), object.Key{Kind: "ServiceAccount", Namespace: ns, Name: "none"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("of none: %v", err)
	}
}

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.cluster.test}
spec:
  group: cluster.test
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
`

func TestCRDComesAndGoes(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, r := open(t, k.Config, nil)
	gk := schema.GroupKind{Group: "cluster.test", Kind: "Widget"}
	if _, ok := c.Kind(gk); ok || c.KindErr(gk) == nil {
		t.Fatal("the kind is there already")
	}
	w := c.Writer(anything)
	if _, err := w.Apply(t.Context(), cluster.ApplyRequest{Object: parse(t, widgets)}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(t, "the kind", func() error { return c.KindErr(gk) })
	t.Logf("watched after %v", time.Since(began))
	instance := "crd-" + ns
	apply(t, c, tracked(t, instance, ns, "{apiVersion: cluster.test/v1, kind: Widget, metadata: {name: one}, spec: {size: 3}}"))
	if len(c.Live(instance)) != 1 {
		t.Error("the answer to the apply is not live at once")
	}
	if _, versions := c.Facts(); !slices.Contains(versions, "cluster.test/v1/Widget") || !slices.IsSorted(versions) {
		t.Errorf("facts: %v", versions)
	}
	k.Delete(t, "", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.cluster.test}}")
	eventually(t, "the kind to vanish", func() error {
		if _, ok := c.Kind(gk); ok {
			return errors.New("still served")
		}
		if len(c.Live(instance)) > 0 {
			return errors.New("its object is still live")
		}
		return nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	told := 0
	for _, gks := range r.kinds {
		if slices.Contains(gks, gk) {
			told++
		}
	}
	if told < 2 {
		t.Errorf("OnKinds told %d times of the kind, want its coming and going", told)
	}
}
