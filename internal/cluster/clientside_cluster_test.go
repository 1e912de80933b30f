package cluster_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// oldWay applies client-side and checks the result in kubectl's word.
func oldWay(t testing.TB, c *cluster.Cluster, o *object.Object, want string) cluster.Applied {
	t.Helper()
	a, err := c.Writer(anything).ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: o, Validate: true})
	if err != nil {
		t.Fatal(err)
	}
	if a.Result != want {
		t.Errorf("%s, want %s", a.Result, want)
	}
	return a
}

func field(o *object.Object, path ...string) any {
	var v any = o.Object
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

const shop = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, annotations: {team: shop}}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
      - name: c
        image: i:1
        resources: {requests: {cpu: 1}}
        env: [{name: ONE, value: x}, {name: TWO, value: z}]
`

// What Git says and dropped is ours; what others added stays, item by item, as kubectl apply has it.
func TestClientSideApplyIsThreeWay(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	manifest := func(text string) *object.Object { return tracked(t, "old-"+ns, ns, text) }
	a := oldWay(t, c, manifest(shop), cluster.Created)
	k.WaitFor(t, "apps/v1", "Deployment", ns, "d", clustertest.Condition("Available", "True"))
	oldWay(t, c, manifest(shop), cluster.Unchanged)
	for _, e := range a.Object.GetManagedFields() {
		if e.Manager == cluster.DefaultManager && e.Operation != metav1.ManagedFieldsOperationUpdate {
			t.Errorf("owned with %s", e.Operation)
		}
	}
	k.Patch(t, "injector", "apps/v1", "Deployment", ns, "d", `{"spec":{"replicas":4,"template":{"spec":{"containers":[{"name":"side","image":"s:1"},{"name":"c","image":"i:9","resources":{"requests":{"cpu":"1"}},"env":[{"name":"ONE","value":"x"},{"name":"TWO","value":"z"},{"name":"THREE","value":"z"}]}]}}}}`)
	a = oldWay(t, c, manifest(strings.NewReplacer(", {name: TWO, value: z}", "", ", annotations: {team: shop}", "").Replace(shop)), cluster.Configured)
	if field(a.Object, "spec", "replicas") != int64(4) || a.Object.GetAnnotations()["team"] != "" {
		t.Errorf("replicas %v, annotations %v", field(a.Object, "spec", "replicas"), a.Object.GetAnnotations())
	}
	var got []string
	for _, v := range field(a.Object, "spec", "template", "spec", "containers").([]any) {
		container := v.(map[string]any)
		line := fmt.Sprint(container["name"], " ", container["image"])
		env, _ := container["env"].([]any)
		for _, e := range env {
			line += fmt.Sprint(" ", e.(map[string]any)["name"])
		}
		got = append(got, line)
	}
	slices.Sort(got)
	if d := cmp.Diff([]string{"c i:1 ONE THREE", "side s:1"}, got); d != "" {
		t.Error(d)
	}
}

// What kubectl apply left on the object is understood: a field of its last apply that Git does not have goes.
func TestClientSideApplyAfterKubectl(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	k.ApplyAs(t, "kubectl-client-side-apply", ns, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {`+lastApplied+`: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"old":"1","kept":"1"}}'}}, data: {old: "1", kept: "1", other: "1"}}`)
	a := oldWay(t, c, tracked(t, "kubectl-"+ns, ns, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {kept: "1", new: "1"}}`), cluster.Configured)
	if d := cmp.Diff(map[string]any{"kept": "1", "new": "1", "other": "1"}, field(a.Object, "data")); d != "" {
		t.Error(d)
	}
	var last object.Object
	if err := json.Unmarshal([]byte(a.Object.GetAnnotations()[lastApplied]), &last.Object); err != nil || cmp.Diff(map[string]any{"kept": "1", "new": "1"}, field(&last, "data")) != "" {
		t.Errorf("the copy is %v, %v", last.Object, err)
	}
}

// Lists of a custom resource are replaced as a whole: nothing says how they would merge.
func TestClientSideApplyOfCustomResources(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	group := ns + ".old.test"
	k.Apply(t, "", strings.ReplaceAll(widgets, "cluster.test", group))
	defer k.Delete(t, "", "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets."+group+"}}")
	manifest := func(text string) *object.Object {
		return tracked(t, "widgets-"+ns, ns, "{apiVersion: "+group+"/v1, kind: Widget, metadata: {name: w}, spec: "+text+"}")
	}
	oldWay(t, c, manifest("{size: 1}"), cluster.Created)
	oldWay(t, c, manifest("{size: 1}"), cluster.Unchanged)
	a := oldWay(t, c, manifest("{size: 2}"), cluster.Configured)
	if field(a.Object, "spec", "size") != int64(2) {
		t.Errorf("%v", a.Object.Object)
	}
	a = oldWay(t, c, manifest("{}"), cluster.Configured)
	if field(a.Object, "spec", "size") != nil {
		t.Errorf("what Git dropped is still there: %v", a.Object.Object)
	}
}

// From server-side to client-side apply and back, dropping a field with each turn.
func TestTurningBetweenTheWaysOfApplying(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	manifest := func(data string) *object.Object {
		return tracked(t, "turn-"+ns, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {"+data+"}}")
	}
	apply(t, c, manifest("a: one, b: one, c: one"))
	k.Patch(t, "some-controller", "v1", "ConfigMap", ns, "a", `{"data":{"theirs":"1"}}`)
	a := oldWay(t, c, manifest("a: two, b: one"), cluster.Configured)
	if d := cmp.Diff(map[string]any{"a": "two", "b": "one", "theirs": "1"}, field(a.Object, "data")); d != "" {
		t.Error(d)
	}
	for _, e := range a.Object.GetManagedFields() {
		if e.Operation == metav1.ManagedFieldsOperationApply {
			t.Errorf("a share of the server-side applies is left: %s %s", e.Manager, e.FieldsV1)
		}
	}
	oldWay(t, c, manifest("a: two, b: one"), cluster.Unchanged)

	live, err := c.Fetch(t.Context(), object.KeyOf(a.Object), "")
	if err != nil {
		t.Fatal(err)
	}
	entries, needed, err := diff.Takeover(t.Context(), live, cluster.DefaultManager, true, diff.Rules{})
	if err != nil || !needed {
		t.Fatalf("takeover: %v, %v", needed, err)
	}
	a, err = w.Apply(t.Context(), cluster.ApplyRequest{Object: manifest("a: two"), ManagedFields: entries, LiveVersion: live.GetResourceVersion()})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]any{"a": "two", "theirs": "1"}, field(a.Object, "data")); d != "" {
		t.Error(d)
	}
	if a.Object.GetAnnotations()[lastApplied] != "" {
		t.Error("the copy of the manifest is still there")
	}
}

// We are stopped between the apply and the handing over of the ownership: the next apply still knows what Git said.
func TestTurningToClientSideSurvivesAStop(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	var stopped atomic.Bool
	config := rest.CopyConfig(k.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if stopped.Load() && r.Header.Get("Content-Type") == string(types.JSONPatchType) {
				return nil, errors.New("stopped")
			}
			return next.RoundTrip(r)
		})
	})
	c, _ := open(t, config, nil)
	manifest := func(data string) *object.Object {
		return tracked(t, "stop-"+ns, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {"+data+"}}")
	}
	apply(t, c, manifest("a: one, b: one, c: one"))
	stopped.Store(true)
	if _, err := c.Writer(anything).ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: manifest("a: one, b: one")}); err == nil {
		t.Fatal("it was not stopped")
	}
	stopped.Store(false)
	a := oldWay(t, c, manifest("a: one"), cluster.Configured)
	if d := cmp.Diff(map[string]any{"a": "one"}, field(a.Object, "data")); d != "" {
		t.Error(d)
	}
	if diff.Held(a.Object, cluster.DefaultManager) != nil {
		t.Error("a share of the server-side applies is left")
	}
}

// A comparison of a client-side application: the dry run is the baseline as it is for the others.
func TestClientSideApplyAsABaseline(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	o := tracked(t, "base-"+ns, ns, shop)
	changes := func(predicted *object.Object) []string {
		t.Helper()
		if predicted == nil {
			dry, err := w.ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: o, DryRun: true})
			if err != nil {
				t.Fatal(err)
			}
			predicted = dry.Object
		}
		live, err := c.Fetch(t.Context(), object.KeyOf(o), "")
		if err != nil {
			t.Fatal(err)
		}
		r, err := diff.Compare(t.Context(), diff.Input{Desired: o, Predicted: predicted, Live: live, Manager: cluster.DefaultManager, People: true, Seen: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, ch := range r.Changes {
			all = append(all, string(ch.Kind)+" "+ch.Path)
		}
		return all
	}
	created := oldWay(t, c, o, cluster.Created).Object
	_, err := w.Patch(t.Context(), cluster.PatchRequest{Key: object.KeyOf(o), Type: types.MergePatchType, Data: []byte(`{"spec":{"replicas":4}}`), Manager: "autoscaler"})
	if err != nil {
		t.Fatal(err)
	}
	for name, predicted := range map[string]*object.Object{"dry run": nil, "answer to the create": created} {
		if got := changes(predicted); got != nil {
			t.Errorf("an autoscaler changed a default, compared with the %s: %v", name, got)
		}
	}
	k.Patch(t, "kubectl-edit", "apps/v1", "Deployment", ns, "d", `{"metadata":{"annotations":{"mine":"1"}},"spec":{"template":{"spec":{"nodeSelector":{"x":"y"}}}}}`)
	k.Patch(t, "some-controller", "apps/v1", "Deployment", ns, "d", `{"metadata":{"annotations":{"theirs":"1","team":"other"}}}`)
	want := []string{"Added metadata.annotations.mine", "Modified metadata.annotations.team", "Added spec.template.spec.nodeSelector"}
	for _, predicted := range []*object.Object{nil, created} {
		if d := cmp.Diff(want, changes(predicted)); d != "" {
			t.Error(d)
		}
	}
	k.Patch(t, "kubectl-edit", "apps/v1", "Deployment", ns, "d", `{"metadata":{"annotations":{"mine":null}},"spec":{"template":{"spec":{"nodeSelector":null}}}}`)
	k.Patch(t, "some-controller", "apps/v1", "Deployment", ns, "d", `{"metadata":{"annotations":{"team":"shop"}}}`)
	o = tracked(t, "base-"+ns, ns, strings.NewReplacer("i:1", "i:2", ", {name: TWO, value: z}", "").Replace(shop))
	want = []string{"Added spec.template.spec.containers[name=c].env[name=TWO]", "Modified spec.template.spec.containers[name=c].image"}
	if d := cmp.Diff(want, changes(nil)); d != "" {
		t.Errorf("a commit: %s", d)
	}
}

func TestClientSideApplyOfSecrets(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	manifest := func(data string) *object.Object {
		return tracked(t, "secret-"+ns, ns, "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {"+data+"}}")
	}
	a := oldWay(t, c, manifest("a: canary-one, b: canary-two"), cluster.Created)
	b := oldWay(t, c, manifest("a: canary-one, b: canary-two"), cluster.Unchanged)
	d := oldWay(t, c, manifest("a: canary-one"), cluster.Configured)
	if live := k.Get(t, "v1", "Secret", ns, "s"); cmp.Diff(map[string]any{"a": "Y2FuYXJ5LW9uZQ=="}, field(live, "data")) != "" {
		t.Errorf("live has %v", field(live, "data"))
	}
	_, err := c.Writer(anything).ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: tracked(t, "secret-"+ns, ns, "{apiVersion: v1, kind: Secret, metadata: {name: s}, type: canary/one, data: {a: '%canary%'}}")})
	if err == nil {
		t.Error("it is no Secret, but was taken")
	}
	for where, v := range map[string]any{"answers": []any{a.Object, b.Object, d.Object}, "index": c.Dump(), "error": fmt.Sprint(err)} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if s := string(text); strings.Contains(s, "canary") || strings.Contains(s, "Y2FuYX") {
			t.Errorf("the secret is in the %s", where)
		}
	}
}

func TestClientSideApplyRefusals(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	manifest := func(text string) *object.Object { return tracked(t, "no-"+ns, ns, text) }
	big := manifest("{apiVersion: v1, kind: ConfigMap, metadata: {name: big}, data: {a: " + strings.Repeat("x", 300<<10) + "}}")
	_, err := w.ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: big})
	if !problem.Is(err, problem.Limit) || !strings.Contains(err.Error(), "ServerSideApply=true") {
		t.Errorf("too large for the annotation: %v", err)
	}
	oldWay(t, c, manifest(shop), cluster.Created)
	typo := manifest(strings.Replace(shop, "env: [", "envs: [", 1))
	if _, err = w.ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: typo, Validate: true}); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "envs") {
		t.Errorf("a field that does not exist: %v", err)
	}
	moved := manifest(strings.ReplaceAll(shop, "{a: b}", "{a: c}"))
	if _, err = w.ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: moved}); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "spec.selector") {
		t.Errorf("an immutable field: %v", err)
	}
	before := k.Get(t, "apps/v1", "Deployment", ns, "d").GetGeneration()
	a, err := w.ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: manifest(shop), DryRun: true})
	if err != nil || a.Result != cluster.Unchanged {
		t.Errorf("dry run of the same: %s, %v", a.Result, err)
	}
	a, err = w.ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: manifest(strings.Replace(shop, "i:1", "i:2", 1)), DryRun: true})
	if err != nil || a.Result != cluster.Configured || k.Get(t, "apps/v1", "Deployment", ns, "d").GetGeneration() != before {
		t.Errorf("dry run: %s, %v", a.Result, err)
	}
	no := func(object.Key) error { return problem.New(problem.Forbidden, "not here") }
	if _, err = c.Writer(no).ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: manifest(shop)}); !problem.Is(err, problem.Forbidden) {
		t.Errorf("without a permit: %v", err)
	}
}
