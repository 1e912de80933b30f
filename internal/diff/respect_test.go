package diff_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

func rulesOf(t testing.TB, o *object.Object, d v1alpha1.ResourceIgnoreDifferences) diff.Rules {
	t.Helper()
	d.Group, d.Kind = "*", "*"
	set, err := diff.ParseRules([]v1alpha1.ResourceIgnoreDifferences{d})
	if err != nil {
		t.Fatal(err)
	}
	return set.Select(object.KeyOf(o))
}

func parseOne(t testing.TB, text string) *object.Object {
	t.Helper()
	items, err := object.Parse([]byte(text), "test.yaml")
	if err != nil || len(items) != 1 {
		t.Fatalf("%v, %d objects", err, len(items))
	}
	return items[0].Object
}

// A replace and a client-side apply take away what they do not contain: they must say the live values themselves.
func TestRespectOfAWriteThatSaysAll(t *testing.T) {
	const owners = `managedFields: [
	  {manager: argocd-controller, operation: Update, fieldsV1: {"f:spec": {"f:replicas": {}, "f:containers": {'k:{"name":"web"}': {".": {}, "f:name": {}, "f:image": {}}}}}},
	  {manager: keda, operation: Update, fieldsV1: {"f:spec": {"f:paused": {}}, "f:metadata": {"f:labels": {"f:app": {}}}}},
	  {manager: kube-controller-manager, operation: Update, subresource: scale, fieldsV1: {"f:spec": {"f:replicas": {}}}}]`
	desired := parseOne(t, `{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, labels: {app: web}}, spec: {replicas: 3, extra: 1, containers: [{name: web, image: "a:1"}]}}`)
	live := parseOne(t, `{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, labels: {app: keda}, annotations: {cert: one}, `+owners+`}, spec: {replicas: 7, paused: true, containers: [{name: proxy, image: "p:1"}, {name: web, image: "a:2"}]}}`)
	before := [2]*object.Object{desired.DeepCopy(), live.DeepCopy()}
	rules := rulesOf(t, desired, v1alpha1.ResourceIgnoreDifferences{
		JSONPointers:          []string{"/spec/replicas", "/spec/extra", "/metadata/annotations/cert"},
		JQPathExpressions:     []string{`.spec.containers[] | select(.name == "web") | .image`},
		ManagedFieldsManagers: []string{"keda"},
	})
	got, err := diff.RespectWhole(t.Context(), desired, live, rules)
	if err != nil {
		t.Fatal(err)
	}
	want := parseOne(t, `{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, labels: {app: keda}, annotations: {cert: one}}, spec: {replicas: 7, paused: true, containers: [{name: web, image: "a:2"}]}}`)
	if d := cmp.Diff(want.Object, got.Object); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(before, [2]*object.Object{desired, live}); d != "" {
		t.Errorf("it changed what it was given: %s", d)
	}
}

func TestRespectRefusesMaskedSecrets(t *testing.T) {
	desired := parseOne(t, `{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: b25l, b: dHdv}}`)
	live := parseOne(t, `{apiVersion: v1, kind: Secret, metadata: {name: s, managedFields: [{manager: argocd-controller, operation: Apply, fieldsV1: {"f:data": {"f:a": {}, "f:b": {}}}}]}, data: {a: dGhyZWU=, b: dHdv}}`)
	rules := rulesOf(t, desired, v1alpha1.ResourceIgnoreDifferences{JSONPointers: []string{"/data/a"}})
	if _, err := diff.Respect(t.Context(), desired, masker.Mask(live), manager, rules); !problem.Is(err, problem.Internal) {
		t.Errorf("a digest would have been written: %v", err)
	}
	got, err := diff.Respect(t.Context(), desired, live, manager, rules)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]any{"a": "dGhyZWU=", "b": "dHdv"}, got.Object["data"]); d != "" {
		t.Error(d)
	}
}

func BenchmarkRespect(b *testing.B) {
	data, err := os.ReadFile("testdata/checkout.yaml")
	if err != nil {
		b.Fatal(err)
	}
	o := parseOne(b, string(data))
	for name, d := range map[string]v1alpha1.ResourceIgnoreDifferences{
		"pointer": {JSONPointers: []string{"/spec/replicas"}},
		"jq":      {JQPathExpressions: []string{".spec.template.spec.containers[].image"}},
	} {
		rules := rulesOf(b, o, d)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := diff.Respect(b.Context(), o, o, manager, rules); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
