package cluster_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestApplySaysWhatItDid(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	instance := "apply-" + ns
	const text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {replicas: %, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: 'i:1', resources: {requests: {cpu: 1}}}]}}}}"
	one := tracked(t, instance, ns, strings.ReplaceAll(text, "%", "1"))
	key := object.KeyOf(one)

	dry, err := c.Writer(anything).Apply(t.Context(), cluster.ApplyRequest{Object: one, DryRun: true})
	if err != nil || dry.Result != cluster.Created || len(c.Live(instance)) > 0 {
		t.Fatalf("dry run: %v, %v, live %v", dry.Result, err, c.Live(instance))
	}
	a := apply(t, c, one)
	if live := c.Live(instance)[key]; a.Result != cluster.Created || live == nil {
		t.Fatalf("%s, live %v", a.Result, live)
	}
	// Whole at once, although until now nobody had tracked a Deployment perhaps.
	k.WaitFor(t, "apps/v1", "Deployment", ns, "d", clustertest.Condition("Available", "True"))
	for range 3 {
		before := k.Get(t, "apps/v1", "Deployment", ns, "d").GetResourceVersion()
		if a = apply(t, c, one); a.Result != cluster.Unchanged || a.Object.GetResourceVersion() != before {
			t.Errorf("the same again: %s, version %s, before %s", a.Result, a.Object.GetResourceVersion(), before)
		}
	}
	for replicas, want := range map[string]string{"1": cluster.Unchanged, "2": cluster.Configured} {
		o := tracked(t, instance, ns, strings.ReplaceAll(text, "%", replicas))
		if dry, err = c.Writer(anything).Apply(t.Context(), cluster.ApplyRequest{Object: o, DryRun: true}); err != nil || dry.Result != want {
			t.Errorf("dry run with %s replicas: %s, %v", replicas, dry.Result, err)
		}
	}
	a = apply(t, c, tracked(t, instance, ns, strings.ReplaceAll(text, "%", "2")))
	if replicas := c.Live(instance)[key].Object["spec"].(map[string]any)["replicas"]; a.Result != cluster.Configured || replicas != int64(2) {
		t.Errorf("%s, live has %v replicas", a.Result, replicas)
	}
	if entries := a.Object.GetManagedFields(); len(entries) == 0 || entries[0].Manager != cluster.DefaultManager || entries[0].Operation != metav1.ManagedFieldsOperationApply {
		t.Errorf("managed by %v", entries)
	}
}

func TestApplyTakesFieldsOver(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	o := tracked(t, "over-"+ns, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: one}}")
	a := apply(t, c, o)
	// A person adds a key; its ownership moves to us and the key goes with the next apply.
	added := k.Patch(t, "kubectl-edit", "v1", "ConfigMap", ns, "a", `{"data":{"y":"two"}}`)
	entries := a.Object.GetManagedFields()
	entries[0].FieldsV1.SetRawBytes([]byte(strings.Replace(entries[0].FieldsV1.GetRawString(), `"f:x":{}`, `"f:x":{},"f:y":{}`, 1)))
	w := c.Writer(anything)
	_, err := w.Apply(t.Context(), cluster.ApplyRequest{Object: o, ManagedFields: entries, LiveVersion: a.Object.GetResourceVersion()})
	if !problem.Is(err, problem.Conflict) {
		t.Errorf("from an old version: %v", err)
	}
	if a, err = w.Apply(t.Context(), cluster.ApplyRequest{Object: o, ManagedFields: entries, LiveVersion: added.GetResourceVersion()}); err != nil || a.Result != cluster.Configured {
		t.Fatalf("%v, %v", a.Result, err)
	}
	if _, there := a.Object.Object["data"].(map[string]any)["y"]; there {
		t.Errorf("y is still there: %v", a.Object)
	}
}

func TestWritesAreRefusedWithAWayOut(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	job := "{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: " + ns + "}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: '%'}]}}}}"
	if _, err := w.Apply(t.Context(), cluster.ApplyRequest{Object: parse(t, strings.ReplaceAll(job, "%", "a:1"))}); err != nil {
		t.Fatal(err)
	}
	k.Apply(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: theirs}, data: {x: one}}")
	for name, test := range map[string]struct {
		request cluster.ApplyRequest
		kind    problem.Kind
		says    string
	}{
		"unknown field":      {cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: "+ns+"}, spec: {portz: [], ports: [{port: 80}]}}"), Validate: true}, problem.Invalid, "portz"},
		"unknown kind":       {cluster.ApplyRequest{Object: parse(t, "{apiVersion: no.such/v1, kind: Thing, metadata: {name: s}}")}, problem.NotFound, "install its CustomResourceDefinition"},
		"unknown version":    {cluster.ApplyRequest{Object: parse(t, "{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: s, namespace: "+ns+"}}")}, problem.NotFound, "it serves apps/v1"},
		"no namespace given": {cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: Service, metadata: {name: s}}")}, problem.Invalid, "set metadata.namespace"},
		"namespace missing":  {cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: s, namespace: nowhere}}")}, problem.NotFound, "CreateNamespace=true"},
		"immutable":          {cluster.ApplyRequest{Object: parse(t, strings.ReplaceAll(job, "%", "a:2"))}, problem.Invalid, "Replace=true"},
		"path in the name":   {cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a/b, namespace: "+ns+"}}")}, problem.Invalid, "a/b"},
		"no name":            {cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: a-, namespace: "+ns+"}}")}, problem.Invalid, "must be created"},
		"owned by others": {cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: theirs, namespace: "+ns+"}, data: {x: two}}"), NoForce: true},
			problem.Conflict, "clustertest"},
	} {
		_, err := w.Apply(t.Context(), test.request)
		if !problem.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v: %v; want %v with %q", name, problem.KindOf(err), err, test.kind, test.says)
		}
	}
}

func TestTerminatingNamespaceIsToldApart(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	k.Apply(t, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [test.hawser.dev/hold]}}")
	k.Delete(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+ns+"}}")
	t.Cleanup(func() {
		_, err := c.Writer(anything).Patch(context.Background(), cluster.PatchRequest{Key: object.Key{Kind: "ConfigMap", Namespace: ns, Name: "held"},
			Type: types.MergePatchType, Data: []byte(`{"metadata":{"finalizers":null}}`)})
		if err != nil && !problem.Is(err, problem.Unavailable) {
			t.Error(err)
		}
	})
	eventually(t, "the refusal", func() error {
		_, err := c.Writer(anything).Apply(t.Context(), cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: late, namespace: "+ns+"}}")})
		var r *cluster.Refusal
		if !errors.As(err, &r) || !r.Terminating || !problem.Is(err, problem.Unavailable) {
			return errors.New("got " + errorText(err))
		}
		return nil
	})
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func TestDeleteMeansOneObject(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	a := apply(t, c, tracked(t, "del-"+ns, ns, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"))
	key := object.KeyOf(a.Object)
	for name, r := range map[string]cluster.DeleteRequest{
		"another UID":   {Key: key, UID: "00000000-0000-0000-0000-000000000000"},
		"older version": {Key: key, UID: a.Object.GetUID(), ResourceVersion: "1"},
	} {
		if err := w.Delete(t.Context(), r); !problem.Is(err, problem.Conflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, r := range map[string]cluster.DeleteRequest{
		"no UID":  {Key: key},
		"no name": {Key: object.Key{Kind: "ConfigMap", Namespace: ns}, UID: a.Object.GetUID()},
	} {
		if err := w.Delete(t.Context(), r); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Delete(t.Context(), cluster.DeleteRequest{Key: key, UID: a.Object.GetUID(), DryRun: true}); err != nil {
		t.Error(err)
	}
	if k.Get(t, "v1", "ConfigMap", ns, "a") == nil {
		t.Fatal("deleted by one of the requests that must not")
	}
	if err := w.Delete(t.Context(), cluster.DeleteRequest{Key: key, UID: a.Object.GetUID(), ResourceVersion: a.Object.GetResourceVersion(), Propagation: metav1.DeletePropagationBackground}); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), cluster.DeleteRequest{Key: key, UID: a.Object.GetUID()}); !problem.Is(err, problem.NotFound) {
		t.Errorf("again: %v", err)
	}
	if _, err := c.Fetch(t.Context(), key, ""); !problem.Is(err, problem.NotFound) {
		t.Errorf("fetch: %v", err)
	}
}

func TestPermitRefusesBeforeTheSocket(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	no := errors.New("not in this project")
	var asked []object.Key
	w := c.Writer(func(key object.Key) error {
		asked = append(asked, key)
		return no
	})
	cm := parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: "+ns+"}}")
	key := object.KeyOf(cm)
	_, errApply := w.Apply(t.Context(), cluster.ApplyRequest{Object: cm})
	_, errCreate := w.Create(t.Context(), cluster.CreateRequest{Object: cm})
	_, errReplace := w.Replace(t.Context(), cluster.ReplaceRequest{Object: cm})
	_, errPatch := w.Patch(t.Context(), cluster.PatchRequest{Key: key, Type: types.MergePatchType, Data: []byte("{}")})
	errDelete := w.Delete(t.Context(), cluster.DeleteRequest{Key: key, UID: "x"})
	for name, err := range map[string]error{"apply": errApply, "create": errCreate, "replace": errReplace, "patch": errPatch, "delete": errDelete} {
		if !errors.Is(err, no) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A namespace in the manifest of a cluster-scoped object does not get it past a rule about cluster-scoped ones.
	_, _ = w.Apply(t.Context(), cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: Namespace, metadata: {name: other, namespace: "+ns+"}}")})
	if last := asked[len(asked)-1]; last != (object.Key{Kind: "Namespace", Name: "other"}) {
		t.Errorf("asked about %v", last)
	}
	if k.Get(t, "v1", "ConfigMap", ns, "a") != nil {
		t.Error("written in spite of the refusal")
	}
}

func TestCreateReplacePatch(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	w := c.Writer(anything)
	made, err := w.Create(t.Context(), cluster.CreateRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: hook-, namespace: "+ns+"}, data: {a: b}}")})
	if err != nil || made.Result != cluster.Created || !strings.HasPrefix(made.Object.GetName(), "hook-") {
		t.Fatalf("%v, %v", made, err)
	}
	o := made.Object.DeepCopy()
	o.Object["data"] = map[string]any{"c": "d"}
	replaced, err := w.Replace(t.Context(), cluster.ReplaceRequest{Object: o, LiveVersion: made.Object.GetResourceVersion()})
	if err != nil || replaced.Result != cluster.Configured || replaced.Object.Object["data"].(map[string]any)["a"] != nil {
		t.Errorf("%v, %v", replaced, err)
	}
	if _, err = w.Replace(t.Context(), cluster.ReplaceRequest{Object: o, LiveVersion: made.Object.GetResourceVersion()}); !problem.Is(err, problem.Conflict) {
		t.Errorf("from an old version: %v", err)
	}
	if _, err = w.Create(t.Context(), cluster.CreateRequest{Object: o}); !problem.Is(err, problem.Conflict) {
		t.Errorf("create what exists: %v", err)
	}
	patched, err := w.Patch(t.Context(), cluster.PatchRequest{Key: object.KeyOf(o), Type: types.MergePatchType, Data: []byte(`{"data":{"e":"f"}}`)})
	if err != nil || patched.Object.Object["data"].(map[string]any)["e"] != "f" {
		t.Errorf("%v, %v", patched, err)
	}
}

// The index is kept in the preferred version; an answer in another must not get into it.
func TestApplyInAnotherVersion(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	instance := "hpa-" + ns
	o := tracked(t, instance, ns, "{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {maxReplicas: 3, targetCPUUtilizationPercentage: 70, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}}}")
	a := apply(t, c, o)
	live := c.Live(instance)[object.KeyOf(o)]
	if a.Object.GetAPIVersion() != "autoscaling/v1" || live == nil || live.GetAPIVersion() != "autoscaling/v2" {
		t.Errorf("answer in %s, live %v", a.Object.GetAPIVersion(), live)
	}
	fetched, err := c.Fetch(t.Context(), object.KeyOf(o), "v1")
	if err != nil || fetched.GetAPIVersion() != "autoscaling/v1" {
		t.Errorf("%v, %v", fetched, err)
	}
}

func TestDeadlineIsAmbiguous(t *testing.T) {
	k := clustertest.Start(t)
	ns := k.Namespace(t)
	c, _ := open(t, k.Config, nil)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err := c.Writer(anything).Apply(ctx, cluster.ApplyRequest{Object: parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: "+ns+"}}")})
	var r *cluster.Refusal
	if !errors.As(err, &r) || !r.Ambiguous || !problem.Is(err, problem.Unavailable) {
		t.Errorf("got %v", err)
	}
}
