package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func TestRecreateWhatCannotBeChanged(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	manifest := func(label string) *object.Object {
		return tracked(t, "force-"+ns, ns, strings.ReplaceAll(shop, "a: b", "a: "+label))
	}
	old := apply(t, c, manifest("b")).Object
	k.WaitFor(t, "apps/v1", "Deployment", ns, "d", clustertest.Condition("Available", "True"))
	_, err := w.Apply(t.Context(), cluster.ApplyRequest{Object: manifest("c")})
	var r *cluster.Refusal
	if !errors.As(err, &r) || !r.Immutable {
		t.Fatalf("%v", err)
	}
	a, err := w.Recreate(t.Context(), cluster.RecreateRequest{Object: manifest("c"), UID: old.GetUID()})
	if err != nil {
		t.Fatal(err)
	}
	if a.Result != cluster.Created || a.Object.GetUID() == old.GetUID() {
		t.Errorf("%s, UID %s, before %s", a.Result, a.Object.GetUID(), old.GetUID())
	}
	// What the old one owned went before the new one came: no pods of both at once, none left behind.
	sets, err := k.Client.AppsV1().ReplicaSets(ns).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sets.Items {
		if s.OwnerReferences[0].UID == old.GetUID() {
			t.Errorf("%s of the old Deployment is still there", s.Name)
		}
	}
}

// Whatever is wrong with the request, the live object must survive it.
func TestRecreateDeletesNothingInVain(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	const job = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'i:1'}]}}}}"
	manifest := func(from, to string) *object.Object {
		return tracked(t, "vain-"+ns, ns, strings.Replace(job, from, to, 1))
	}
	uid := apply(t, c, manifest("", "")).Object.GetUID()
	for name, test := range map[string]struct {
		r    cluster.RecreateRequest
		kind problem.Kind
		says string
	}{
		"plain mistake":   {cluster.RecreateRequest{Object: manifest("Never", "Perhaps"), UID: uid}, problem.Invalid, "restartPolicy"},
		"unknown field":   {cluster.RecreateRequest{Object: manifest("restartPolicy", "restartPolicies: x, restartPolicy"), UID: uid, Validate: true}, problem.Invalid, "restartPolicies"},
		"another object":  {cluster.RecreateRequest{Object: manifest("i:1", "i:2"), UID: "00000000-0000-0000-0000-000000000000"}, problem.Conflict, ""},
		"no object named": {cluster.RecreateRequest{Object: manifest("i:1", "i:2")}, problem.Invalid, "UID"},
	} {
		if _, err := w.Recreate(t.Context(), test.r); !problem.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, err := w.Recreate(t.Context(), cluster.RecreateRequest{Object: manifest("i:1", "i:2"), UID: uid, DryRun: true})
	if err != nil || a.Result != cluster.Created {
		t.Errorf("dry run: %v, %v", a.Result, err)
	}
	if live := k.Get(t, "batch/v1", "Job", ns, "j"); live == nil || live.GetUID() != uid || live.GetDeletionTimestamp() != nil {
		t.Errorf("the Job was touched: %v", live)
	}
}

func TestRecreateWaitsForFinalizersWithABound(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	const text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, immutable: true, data: {x: '%'}}"
	manifest := func(v string) *object.Object {
		return tracked(t, "held-"+ns, ns, strings.ReplaceAll(text, "%", v))
	}
	uid := apply(t, c, manifest("one")).Object.GetUID()
	k.Patch(t, "guard", "v1", "ConfigMap", ns, "a", `{"metadata":{"finalizers":["example.com/guard"]}}`)
	release := func(ctx context.Context) {
		_, err := w.Patch(ctx, cluster.PatchRequest{Key: object.Key{Kind: "ConfigMap", Namespace: ns, Name: "a"}, Type: types.MergePatchType, Data: []byte(`{"metadata":{"finalizers":null}}`)})
		if err != nil && !problem.Is(err, problem.NotFound) {
			t.Error(err)
		}
	}
	t.Cleanup(func() { release(context.Background()) })
	r := cluster.RecreateRequest{Object: manifest("two"), UID: uid, Wait: 300 * time.Millisecond}
	for range 2 { // the second finds the deletion under way
		_, err := w.Recreate(t.Context(), r)
		if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "example.com/guard") {
			t.Fatalf("while it is held: %v", err)
		}
	}
	released := make(chan struct{})
	time.AfterFunc(200*time.Millisecond, func() { release(t.Context()); close(released) })
	r.Wait = time.Minute
	a, err := w.Recreate(t.Context(), r)
	<-released
	if err != nil || a.Result != cluster.Created || field(a.Object, "data", "x") != "two" {
		t.Errorf("%s, %v", a.Result, err)
	}
}

func TestRecreateClientSide(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	text := "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, immutable: true, data: {x: one}}"
	a := oldWay(t, c, tracked(t, "both-"+ns, ns, text), cluster.Created)
	o := tracked(t, "both-"+ns, ns, strings.Replace(text, "one", "two", 1))
	b, err := c.Writer(anything).Recreate(t.Context(), cluster.RecreateRequest{Object: o, UID: a.Object.GetUID(), ClientSide: true})
	if err != nil || b.Object.GetUID() == a.Object.GetUID() || b.Object.GetAnnotations()[lastApplied] == "" {
		t.Errorf("%v, %v", b.Object, err)
	}
	oldWay(t, c, o, cluster.Unchanged)
}

func TestPutIsAllThatTheObjectIs(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	group := ns + ".put.test"
	k.Apply(t, "", strings.ReplaceAll(widgets, "cluster.test", group))
	defer k.Delete(t, "", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets."+group+"}}")
	for _, kind := range []string{"apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {round: '%'}}, data: {x: one}", "apiVersion: " + group + "/v1, kind: Widget, metadata: {name: a, labels: {round: '%'}}, spec: {size: 1}",
		"apiVersion: v1, kind: Service, metadata: {name: a, labels: {round: '%'}}, spec: {ports: [{port: 80}]}", "apiVersion: v1, kind: Secret, metadata: {name: a, labels: {round: '%'}}, stringData: {x: one}"} {
		manifest := func(n string) *object.Object {
			return tracked(t, "put-"+ns, ns, "{"+strings.ReplaceAll(kind, "%", n)+"}")
		}
		put := func(n, want string) *object.Object {
			t.Helper()
			a, err := w.Put(t.Context(), cluster.PutRequest{Object: manifest(n), Validate: true})
			if err != nil || a.Result != want {
				t.Fatalf("%s: %s, %v", kind, a.Result, err)
			}
			return a.Object
		}
		o := put("1", cluster.Created)
		k.Patch(t, "kubectl-edit", o.GetAPIVersion(), o.GetKind(), ns, "a", `{"metadata":{"labels":{"theirs":"1"},"finalizers":["example.com/guard"]}}`)
		o = put("2", cluster.Replaced)
		if d := cmp.Diff(map[string]string{"round": "2"}, o.GetLabels()); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
		if len(o.GetFinalizers()) != 1 {
			t.Errorf("%s: the finalizer is gone", kind)
		}
		k.Patch(t, "kubectl-edit", o.GetAPIVersion(), o.GetKind(), ns, "a", `{"metadata":{"finalizers":null}}`)
	}
}

// The answer to a Put is a baseline like that to an apply: what Git says is compared, whether the object was applied
// before or not, and a default is not.
func TestPutAsABaseline(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	for _, applied := range []bool{true, false} {
		o := tracked(t, "baseline-"+ns, ns, shop)
		if applied {
			apply(t, c, o)
		}
		o = tracked(t, "baseline-"+ns, ns, strings.NewReplacer("i:1", "i:2", "team: shop", "team: other").Replace(shop))
		a, err := w.Put(t.Context(), cluster.PutRequest{Object: o})
		if err != nil {
			t.Fatal(err)
		}
		compare := func() []string {
			t.Helper()
			live, err := c.Fetch(t.Context(), object.KeyOf(o), "")
			if err != nil {
				t.Fatal(err)
			}
			r, err := diff.Compare(t.Context(), diff.Input{Desired: o, Predicted: a.Object, Live: live, Manager: cluster.DefaultManager, People: true, Seen: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, ch := range r.Changes {
				all = append(all, string(ch.Kind)+" "+ch.Path)
			}
			return all
		}
		k.Patch(t, "autoscaler", "apps/v1", "Deployment", ns, "d", `{"spec":{"replicas":4}}`)
		if got := compare(); got != nil {
			t.Errorf("applied before: %v: %v", applied, got)
		}
		k.Patch(t, "some-controller", "apps/v1", "Deployment", ns, "d", `{"metadata":{"annotations":{"team":"theirs"}},"spec":{"template":{"spec":{"containers":[{"name":"c","image":"i:3","resources":{"requests":{"cpu":"1"}},"env":[{"name":"ONE","value":"3"},{"name":"TWO","value":"z"}]}]}}}}`)
		want := []string{"Modified metadata.annotations.team", "Modified spec.template.spec.containers[name=c].env[name=ONE].value", "Modified spec.template.spec.containers[name=c].image"}
		if d := cmp.Diff(want, compare()); d != "" {
			t.Errorf("applied before: %v: %s", applied, d)
		}
		if err := w.Delete(t.Context(), cluster.DeleteRequest{Key: object.KeyOf(o), UID: a.Object.GetUID(), Propagation: metav1.DeletePropagationBackground}); err != nil {
			t.Fatal(err)
		}
		k.WaitGone(t, "apps/v1", "Deployment", ns, "d")
	}
}

// Somebody else creates and changes the object at the same time: every Put wins or loses as a whole, and none fails.
func TestPutsAtTheSameTime(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	o := tracked(t, "race-"+ns, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: one}}")
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if _, err := c.Writer(anything).Put(t.Context(), cluster.PutRequest{Object: o}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// RespectIgnoreDifferences on a Secret needs the live values, which the index does not have.
func TestAdjustSeesThePlainLiveObject(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	set, err := diff.ParseRules([]v1alpha1.ResourceIgnoreDifferences{{Kind: "Secret", JSONPointers: []string{"/data/password"}}})
	if err != nil {
		t.Fatal(err)
	}
	manifest := func(user string) *object.Object {
		return tracked(t, "adjust-"+ns, ns, "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {user: "+user+", password: initial}}")
	}
	rules := set.Select(object.KeyOf(manifest("x")))
	sideways := func(desired, live *object.Object) (*object.Object, error) {
		return diff.Respect(t.Context(), desired, live, cluster.DefaultManager, rules)
	}
	whole := func(desired, live *object.Object) (*object.Object, error) {
		return diff.RespectWhole(t.Context(), desired, live, rules)
	}
	for step, write := range []func(o *object.Object) (cluster.Applied, error){
		func(o *object.Object) (cluster.Applied, error) {
			return w.Apply(t.Context(), cluster.ApplyRequest{Object: o, Adjust: sideways})
		},
		func(o *object.Object) (cluster.Applied, error) {
			return w.Apply(t.Context(), cluster.ApplyRequest{Object: o, Adjust: sideways})
		},
		func(o *object.Object) (cluster.Applied, error) {
			return w.Put(t.Context(), cluster.PutRequest{Object: o, Adjust: whole})
		},
		func(o *object.Object) (cluster.Applied, error) {
			return w.ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: o, Adjust: whole})
		},
		func(o *object.Object) (cluster.Applied, error) {
			return w.Apply(t.Context(), cluster.ApplyRequest{Object: o, Adjust: sideways})
		},
	} {
		user := strings.Repeat("u", step+1)
		a, err := write(manifest(user))
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		want := "initial"
		if step > 0 {
			want = "rotated"
		}
		live, err := k.Client.CoreV1().Secrets(ns).Get(t.Context(), "s", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if string(live.Data["password"]) != want || string(live.Data["user"]) != user {
			t.Errorf("step %d: live has %s, %s", step, live.Data["password"], live.Data["user"])
		}
		text, err := json.Marshal(a.Object)
		if err != nil || strings.Contains(string(text), "cm90YXRlZA") || strings.Contains(string(text), "aW5pdGlhb") {
			t.Errorf("step %d: the answer is not masked: %v", step, err)
		}
		if step == 0 {
			k.Patch(t, "vault-rotator", "v1", "Secret", ns, "s", `{"data":{"password":"cm90YXRlZA=="}}`)
		}
	}
}

// What an apply repeats of a live object holds for one version of it: who writes in between is not overwritten.
func TestAdjustHoldsForOneVersion(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	manifest := func(arg string) *object.Object {
		return tracked(t, "version-"+ns, ns, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {replicas: 0, selector: {matchLabels: {a: b}},
 template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: "i:1", args: [theirs, `+arg+`]}]}}}}`)
	}
	args := func(o *object.Object) []any {
		list, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		return list[0].(map[string]any)["args"].([]any)
	}
	set, err := diff.ParseRules([]v1alpha1.ResourceIgnoreDifferences{{Group: "apps", Kind: "Deployment", JSONPointers: []string{"/spec/template/spec/containers/0/args/0"}}})
	if err != nil {
		t.Fatal(err)
	}
	rules := set.Select(object.KeyOf(manifest("x")))
	for step, write := range []func(*object.Object, cluster.Adjust) (cluster.Applied, error){
		func(o *object.Object, adjust cluster.Adjust) (cluster.Applied, error) {
			return w.Apply(t.Context(), cluster.ApplyRequest{Object: o, Adjust: adjust})
		},
		func(o *object.Object, adjust cluster.Adjust) (cluster.Applied, error) {
			return w.ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: o, Adjust: adjust})
		},
	} {
		if step == 0 {
			apply(t, c, manifest("first"))
		}
		theirs, looks := fmt.Sprint("written-", step), 0
		a, err := write(manifest(fmt.Sprint("ours-", step)), func(desired, live *object.Object) (*object.Object, error) {
			if looks++; looks == 1 {
				k.Patch(t, "tuner", "apps/v1", "Deployment", ns, "d", `{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"i:1","args":["`+theirs+`","x"]}]}}}}`)
			}
			return diff.RespectWhole(t.Context(), desired, live, rules)
		})
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if got := args(a.Object); got[0] != theirs || got[1] != fmt.Sprint("ours-", step) {
			t.Errorf("step %d: live has the arguments %v after %d looks", step, got, looks)
		}
	}
}
