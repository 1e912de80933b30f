package diff_test

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"pgregory.net/rapid"
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

// Whatever is owned by whom and ignored: after the apply the ignored fields are what they were, and all others what Git
// says. The server's side is the rule of server-side apply for maps: what we send is set and ours; what only we owned
// and no longer send goes.
func TestRespectKeepsWhatIsIgnoredAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d"}
		value := rapid.IntRange(1, 3)
		git, live, mine, theirs := map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}
		owner := map[string]string{}
		var pointers []string
		for _, outer := range names[:2] {
			for _, inner := range names {
				path := outer + "/" + inner
				if rapid.Bool().Draw(t, "in Git "+path) {
					nested(git, outer)[inner] = int64(value.Draw(t, "Git's"))
				}
				if rapid.Bool().Draw(t, "live "+path) {
					nested(live, outer)[inner] = int64(value.Draw(t, "live's"))
					owner[path] = rapid.SampledFrom([]string{"ours", "theirs", "both", "nobody"}).Draw(t, "owner of "+path)
					if owner[path] == "ours" || owner[path] == "both" {
						nested(mine, "f:"+outer)["f:"+inner] = map[string]any{}
					}
					if owner[path] == "theirs" || owner[path] == "both" {
						nested(theirs, "f:"+outer)["f:"+inner] = map[string]any{}
					}
				}
				if rapid.IntRange(0, 2).Draw(t, "ignored "+path) == 0 {
					pointers = append(pointers, "/spec/"+path)
				}
			}
			if rapid.IntRange(0, 5).Draw(t, "all ignored "+outer) == 0 {
				pointers = append(pointers, "/spec/"+outer)
			}
		}
		thing := func(spec map[string]any) *object.Object {
			return &object.Object{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": map[string]any{"name": "t"}, "spec": spec}}
		}
		desired, before := thing(git), thing(live)
		before.Object["metadata"].(map[string]any)["managedFields"] = []any{
			map[string]any{"manager": manager, "operation": "Apply", "fieldsV1": map[string]any{"f:spec": mine}},
			map[string]any{"manager": "other", "operation": "Update", "fieldsV1": map[string]any{"f:spec": theirs}},
		}
		set, err := diff.ParseRules([]v1alpha1.ResourceIgnoreDifferences{{Group: "*", Kind: "*", JSONPointers: pointers}})
		if err != nil {
			t.Fatal(err)
		}
		sent, err := diff.Respect(context.Background(), desired, before, manager, set.Select(object.KeyOf(desired)))
		if err != nil {
			t.Fatal(err)
		}
		for _, outer := range names[:2] {
			for _, inner := range names {
				path := outer + "/" + inner
				was, after := at(before.Object, "/spec/"+path), at(before.Object, "/spec/"+path)
				if v := at(sent.Object, "/spec/"+path); v != nil {
					after = v
				} else if owner[path] == "ours" {
					after = nil
				}
				want := at(desired.Object, "/spec/"+path)
				switch ignored := slices.Contains(pointers, "/spec/"+path) || slices.Contains(pointers, "/spec/"+outer); {
				case ignored:
					want = was
				case want == nil && owner[path] != "ours": // not ours to remove
					want = was
				}
				if after != want {
					t.Fatalf("%s: %v after the apply, want %v; owned by %q, sent %v", path, after, want, owner[path], sent.Object["spec"])
				}
			}
		}
	})
}

func nested(m map[string]any, name string) map[string]any {
	child, ok := m[name].(map[string]any)
	if !ok {
		child = map[string]any{}
		m[name] = child
	}
	return child
}
