package diff

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

func TestChangeReadsAsASentence(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 5, 7, 0, time.UTC)
	for want, c := range map[string]Change{
		"spec.replicas: 3 in Git, 10 live (set by kubectl scale, 2026-11-23 14:05:07 UTC)": {
			Path: "spec.replicas", Kind: Modified, Want: int64(3), Have: int64(10), Manager: "kubectl", Subresource: "scale", Operation: update, Time: at},
		`spec.image: "a:1" in Git, "a:2" live (set by kubectl edit)`: {
			Path: "spec.image", Kind: Modified, Want: "a:1", Have: "a:2", Manager: "kubectl-edit"},
		"spec.replicas: 4 in Git, 3 live (from an earlier sync, 2026-11-23 14:05:07 UTC)": {
			Path: "spec.replicas", Kind: Modified, Want: 4, Have: 3, Manager: "argocd-controller", Ours: true, Time: at},
		`metadata.labels.a: not in Git, "b" live (set by kubectl apply)`: {
			Path: "metadata.labels.a", Kind: Added, Have: "b", Manager: clientSideApply},
		"spec.revisionHistoryLimit: not in Git (10 by default), 2 live (set by Lens)": {
			Path: "spec.revisionHistoryLimit", Kind: Added, Want: 10, Have: 2, Manager: "Lens"},
		`data.a: "1" in Git, missing live`: {Path: "data.a", Kind: Removed, Want: "1"},
		"data.password: hidden value 0123ab in Git, hidden value 99ff00 live": {
			Path: "data.password", Kind: Modified, Want: object.MaskPrefix + "0123abcdef", Have: object.MaskPrefix + "99ff00cdef"},
		`data.x: "` + strings.Repeat("é", 59) + `… (202 characters) in Git, missing live`: {
			Path: "data.x", Kind: Removed, Want: strings.Repeat("é", 200)},
	} {
		if got := c.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestIsPerson(t *testing.T) {
	for manager, want := range map[string]bool{
		"kubectl": true, "kubectl-edit": true, "kubectl-client-side-apply": true, "kubectl-rollout": true, "k9s": true, "Lens": true,
		"OpenLens": true, "Headlamp": true, "Mozilla": true, "dashboard-api": true,
		"kube-controller-manager": false, "argocd-controller": false, "kubelet": false, "cert-manager-cainjector": false,
		"node-fetch": false, "curl": false, "": false, "kubectlish": false, "dashboard-operator": false,
	} {
		if IsPerson(manager) != want {
			t.Errorf("IsPerson(%q) = %v", manager, !want)
		}
	}
}

func TestOutcomesWithoutComparison(t *testing.T) {
	o := parseOne(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	for name, c := range map[string]struct {
		in   Input
		want Result
	}{
		"missing":                 {Input{Desired: o}, Result{Missing: true}},
		"extra":                   {Input{Live: o}, Result{Extra: true}},
		"no prediction":           {Input{Desired: o, Live: o}, Result{Unknown: true}},
		"neither Git nor cluster": {Input{}, Result{}},
	} {
		got, err := Compare(t.Context(), c.in)
		if err != nil || cmp.Diff(c.want, got, cmp.AllowUnexported(Change{})) != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got.Same() != (name == "neither Git nor cluster") {
			t.Errorf("%s: Same is %v", name, got.Same())
		}
	}
}

// People's tools leave marks that a baseline from a clean apply tells apart from a value that was there before.
func TestAdditionsAgainstABaseline(t *testing.T) {
	const predicted = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  managedFields:
  - {manager: argocd-controller, operation: Apply, fieldsV1: {"f:metadata": {"f:labels": {}}, "f:spec": {"f:selector": {}}}}
spec: {replicas: 2, selector: {a: b}, minReadySeconds: 5}
`
	const live = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {x: z}
  managedFields:
  - {manager: argocd-controller, operation: Apply, fieldsV1: {"f:metadata": {"f:labels": {}}, "f:spec": {"f:selector": {}}}}
  - {manager: kubectl-edit, operation: Update, time: "2026-11-23T14:05:07Z", fieldsV1: {"f:metadata": {"f:labels": {"f:x": {}}}, "f:spec": {"f:replicas": {}, "f:minReadySeconds": {}, "f:gone": {}}}}
  - {manager: kube-controller-manager, operation: Update, subresource: scale, fieldsV1: {"f:spec": {"f:replicas": {}}}}
spec: {replicas: 7, selector: {a: b}, minReadySeconds: 5}
`
	in := Input{Predicted: parseOne(t, predicted), Live: parseOne(t, live), Manager: "argocd-controller", People: true}
	in.Desired = in.Predicted
	want := []string{`metadata.labels.x: not in Git, "z" live (set by kubectl edit, 2026-11-23 14:05:07 UTC)`}
	if d := cmp.Diff(want, lines(t, in)); d != "" {
		t.Errorf("replicas are an autoscaler's too and minReadySeconds has the value from before: %s", d)
	}
	in.People = false
	if got := lines(t, in); got != nil {
		t.Errorf("with hawser.drift.additions: none: %v", got)
	}
}

func TestComparisonOfValues(t *testing.T) {
	for name, c := range map[string]struct{ predicted, live, want string }{
		"int and float":        {`{a: 1}`, `{a: 1.0}`, ""},
		"float":                {`{a: 1.5}`, `{a: 1.25}`, "/data/a"},
		"null is absent":       {`{a: null}`, `{}`, ""},
		"null against a value": {`{a: null}`, `{a: x}`, "/data/a"},
		"text and number":      {`{a: "1"}`, `{a: 1}`, "/data/a"},
		"nested in an atom":    {`{a: {b: [{c: 1}, {c: 2}]}}`, `{a: {b: [{c: 1}, {c: 3}]}}`, "/data/a/b/1/c"},
		"length of an atom":    {`{a: {b: [1, 2]}}`, `{a: {b: [1]}}`, "/data/a/b"},
		"key gone in an atom":  {`{a: {b~c: 1, d: 2}}`, `{a: {d: 2}}`, "/data/a/b~0c"},
		"whole field gone":     {`{a: [1]}`, `{}`, "/data/a"},
		"large integers":       {`{a: 9007199254740993}`, `{a: 9007199254740992}`, "/data/a"},
	} {
		object := func(data string) *object.Object {
			return parseOne(t, `{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, managedFields: [{manager: m, operation: Apply, fieldsV1: {"f:data": {"f:a": {}}}}]}, data: `+data+"}")
		}
		in := Input{Predicted: object(c.predicted), Live: object(c.live), Manager: "m"}
		in.Desired = in.Predicted
		r, err := Compare(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, ch := range r.Changes {
			got = append(got, ch.Pointer)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: changes at %v, want %q", name, got, c.want)
		}
	}
}

func TestTargetAndUnifiedShowTheDriftOnly(t *testing.T) {
	predicted, live := load(t), load(t)
	at := func(o *object.Object, path ...string) map[string]any {
		return lookup(side{o.Object, true}, path).v.(map[string]any)
	}
	container := at(live, "f:spec", "f:template", "f:spec", "f:containers", `k:{"name":"checkout"}`)
	container["image"] = "registry.example.com/shop/checkout:1.4.3"
	container["env"] = container["env"].([]any)[1:]
	at(live, "f:spec")["replicas"] = int64(9)
	at(live, "f:metadata", "f:annotations")["written-by-a-controller"] = "1"
	in := Input{Desired: predicted, Predicted: predicted, Live: live, Manager: "argocd-controller"}
	r, err := Compare(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	got := Unified(live, r.Target(live))
	for _, line := range []string{"-  replicas: 9\n+  replicas: 0\n", "-        image: registry.example.com/shop/checkout:1.4.3\n+        image: registry.example.com/shop/checkout:1.4.2\n", "+        - name: LOG_LEVEL\n+          value: info\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	if plus, minus := strings.Count(got, "\n+"), strings.Count(got, "\n-"); plus != 4 || minus != 2 {
		t.Errorf("%d lines more and %d less in\n%s", plus, minus, got)
	}
	in.Live = r.Target(live)
	if again := lines(t, in); again != nil {
		t.Errorf("the target differs from Git: %v", again)
	}
	if Unified(live, live) != "" {
		t.Error("a diff of equals")
	}
}

func TestUnified(t *testing.T) {
	object := func(data string) *object.Object {
		return parseOne(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, resourceVersion: '"+data[:1]+"'}, data: {"+data+"}}")
	}
	if got, want := Unified(object("a: x"), object("a: z")), "@@ -1,6 +1,6 @@\n apiVersion: v1\n data:\n-  a: x\n+  a: z\n kind: ConfigMap\n metadata:\n   name: a\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got, want := Unified(nil, object("a: x")), "@@ -0,0 +1,6 @@\n"; !strings.HasPrefix(got, want) || strings.Contains(got, "\n-") {
		t.Errorf("created: %s", got)
	}
	if got := Unified(object("a: x"), nil); !strings.HasPrefix(got, "@@ -1,6 +0,0 @@\n") {
		t.Errorf("deleted: %s", got)
	}
}

func TestRulesSelect(t *testing.T) {
	set, err := ParseRules([]v1alpha1.ResourceIgnoreDifferences{
		{Group: "apps", Kind: "Deployment", JSONPointers: []string{"/a"}},
		{Group: "*", Kind: "*", Name: "web", JSONPointers: []string{"/b"}},
		{Group: "", Kind: "Service", Namespace: "prod", ManagedFieldsManagers: []string{"m"}},
		{Group: "*.example.com", Kind: "Th*", JQPathExpressions: []string{".c"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[object.Key][3]int{
		{Group: "apps", Kind: "Deployment", Namespace: "x", Name: "web"}: {2, 0, 0},
		{Group: "apps", Kind: "Deployment", Namespace: "x", Name: "api"}: {1, 0, 0},
		{Kind: "Service", Namespace: "prod", Name: "s"}:                  {0, 0, 1},
		{Kind: "Service", Namespace: "test", Name: "s"}:                  {0, 0, 0},
		{Kind: "Deployment", Name: "s"}:                                  {0, 0, 0},
		{Group: "a.example.com", Kind: "Thing", Name: "t"}:               {0, 1, 0},
	} {
		r := set.Select(key)
		if got := [3]int{len(r.pointers), len(r.queries), len(r.managers)}; got != want {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
		if r.Empty() != (want == [3]int{}) {
			t.Errorf("%s: Empty is %v", key, r.Empty())
		}
	}
}

func TestStrip(t *testing.T) {
	const content = `{apiVersion: v1, kind: Thing, metadata: {name: a, annotations: {a/b: "1", c~d: "2"}}, list: [{id: a, x: 1}, {id: b, x: 2}, {id: c}], num: 3}`
	for name, c := range map[string]struct{ pointer, jq, want string }{
		"field":             {"/num", "", `{apiVersion: v1, kind: Thing, metadata: {name: a, annotations: {a/b: "1", c~d: "2"}}, list: [{id: a, x: 1}, {id: b, x: 2}, {id: c}]}`},
		"escapes":           {"/metadata/annotations/a~1b", ".metadata.annotations[\"c~d\"]", `{apiVersion: v1, kind: Thing, metadata: {name: a, annotations: {}}, list: [{id: a, x: 1}, {id: b, x: 2}, {id: c}], num: 3}`},
		"items":             {"/list/0", ".list[-1]", `{apiVersion: v1, kind: Thing, metadata: {name: a, annotations: {a/b: "1", c~d: "2"}}, list: [{id: b, x: 2}], num: 3}`},
		"select":            {"", ".list[] | select(.id == \"b\").x", `{apiVersion: v1, kind: Thing, metadata: {name: a, annotations: {a/b: "1", c~d: "2"}}, list: [{id: a, x: 1}, {id: b}, {id: c}], num: 3}`},
		"not in the object": {"/list/7/x", ".foo.bar[].baz", content},
		"an error":          {"/num/x", "error(\"no\")", content},
	} {
		d := v1alpha1.ResourceIgnoreDifferences{Kind: "Thing"}
		if c.pointer != "" {
			d.JSONPointers = []string{c.pointer}
		}
		if c.jq != "" {
			d.JQPathExpressions = []string{c.jq}
		}
		set, err := ParseRules([]v1alpha1.ResourceIgnoreDifferences{d})
		if err != nil {
			t.Fatal(err)
		}
		o := parseOne(t, content)
		got, err := set.Select(object.KeyOf(o)).Strip(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(parseOne(t, c.want).Object, got.Object); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if d := cmp.Diff(parseOne(t, content).Object, o.Object); d != "" {
			t.Errorf("%s: Strip changed its input: %s", name, d)
		}
	}
}

func TestBadRulesAreNamed(t *testing.T) {
	for want, d := range map[string]v1alpha1.ResourceIgnoreDifferences{
		`"spec/replicas" is not a JSON pointer`:    {JSONPointers: []string{"spec/replicas"}},
		`".a | (" is not a jq path expression`:     {JQPathExpressions: []string{".a | ("}},
		`".a) | (.b" is not a jq path expression`:  {JQPathExpressions: []string{".a) | (.b"}},
		`"nosuch(.a)" is not a jq path expression`: {JQPathExpressions: []string{"nosuch(.a)"}},
		`kind "[" is not a glob`:                   {Kind: "["},
	} {
		_, err := ParseRules([]v1alpha1.ResourceIgnoreDifferences{{Kind: "Pod"}, d})
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "ignoreDifferences[1]") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestEndlessExpressionsAreStopped(t *testing.T) {
	for _, expression := range []string{"def f: f; f", "[range(1e12)] | .[0]", "repeat(.)", ".[(range(1e12) | tostring)]"} {
		set, err := ParseRules([]v1alpha1.ResourceIgnoreDifferences{{Kind: "ConfigMap", JQPathExpressions: []string{expression}}})
		if err != nil {
			t.Fatal(err)
		}
		o := parseOne(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		in := Input{Desired: o, Predicted: o, Live: o, Rules: set.Select(object.KeyOf(o))}
		if _, err := Compare(ctx, in); !problem.Is(err, problem.Limit) || !strings.Contains(err.Error(), "ConfigMap/a") {
			t.Errorf("%s: %v", expression, err)
		}
		cancel()
	}
}

func TestAggregatedRulesDoNotCount(t *testing.T) {
	role := func(rules string) *object.Object {
		return parseOne(t, `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r, managedFields: [{manager: m, operation: Apply, fieldsV1: {"f:rules": {}}}]}, aggregationRule: {}, rules: `+rules+"}")
	}
	in := Input{Predicted: role("[]"), Live: role("[{verbs: [get]}]"), Manager: "m"}
	in.Desired = in.Predicted
	if got := lines(t, in); got != nil {
		t.Error(got)
	}
}

func BenchmarkCompare(b *testing.B) {
	predicted := load(b)
	different := load(b)
	spec := different.Object["spec"].(map[string]any)
	spec["replicas"] = int64(9)
	for name, live := range map[string]*object.Object{"same": load(b), "different": different} {
		b.Run(name, func(b *testing.B) {
			in := Input{Desired: predicted, Predicted: predicted, Live: live, Manager: "argocd-controller", People: true}
			b.ReportAllocs()
			for b.Loop() {
				if r, err := Compare(b.Context(), in); err != nil || r.Same() != (name == "same") {
					b.Fatal(r, err)
				}
			}
		})
	}
	set, err := ParseRules([]v1alpha1.ResourceIgnoreDifferences{{Group: "*", Kind: "*", JQPathExpressions: []string{".spec.template.spec.containers[].image"}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("jq", func(b *testing.B) {
		in := Input{Desired: predicted, Predicted: predicted, Live: different, Manager: "argocd-controller", People: true, Rules: set.Select(object.KeyOf(predicted))}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Compare(b.Context(), in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func lines(t testing.TB, in Input) []string {
	t.Helper()
	r, err := Compare(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, c := range r.Changes {
		all = append(all, c.String())
	}
	return all
}

func load(t testing.TB) *object.Object {
	t.Helper()
	data, err := os.ReadFile("testdata/checkout.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parseOne(t, string(data))
}

func parseOne(t testing.TB, text string) *object.Object {
	t.Helper()
	items, err := object.Parse([]byte(text), "test.yaml")
	if err != nil || len(items) != 1 {
		t.Fatalf("parse: %v (%d items)", err, len(items))
	}
	return items[0].Object
}
