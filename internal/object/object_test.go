package object

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/problem"
)

func TestParse(t *testing.T) {
	const text = `# a comment

---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {on: "yes"}
--- # second
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: b, namespace: ns}
  spec: {replicas: 3}
- {apiVersion: v1, kind: Service, metadata: {name: c}}
---
---
{"apiVersion":"v1","kind":"Secret","metadata":{"generateName":"d-"}}
`
	items, err := Parse([]byte(text), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range items {
		got = append(got, KeyOf(i.Object).String()+"@"+i.Origin.String())
	}
	want := []string{"/ConfigMap//a@x.yaml:4", "apps/Deployment/ns/b@x.yaml:9", "/Service//c@x.yaml:9", "/Secret//@x.yaml:19"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r := items[1].Object.Object["spec"].(map[string]any)["replicas"]; r != int64(3) {
		t.Errorf("replicas is %T, want int64", r)
	}
}

func TestParseNamesFileAndLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"syntax":         {"# one\n---\nkind: X\n  bad: [", "x.yaml:4: "},
		"no kind":        {"\n\nfoo: bar\n", "x.yaml:3: apiVersion or kind is missing"},
		"scalar":         {"hello\n", "x.yaml:1: the document is a string"},
		"no name":        {"apiVersion: v1\nkind: Pod\nmetadata: {}\n", "x.yaml:1: Pod has no metadata.name"},
		"number name":    {"apiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n", "metadata.name is a number"},
		"label number":   {"apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {v: 1}}\n", "metadata.labels[v] is a number"},
		"duplicate key":  {"apiVersion: v1\nkind: Pod\nkind: Pod\n", "already set"},
		"list of string": {"apiVersion: v1\nkind: List\nitems: [a]\n", "items[0] of List is a string"},
	} {
		_, err := Parse([]byte(c.text), "x.yaml")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestParseRefusesBombs(t *testing.T) {
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'j'; c++ {
		p := string(c - 1)
		laughs += string(c) + ": &" + string(c) + " [*" + strings.Repeat(p+",*", 8) + p + "]\n"
	}
	for name, text := range map[string]string{
		"billion laughs": laughs,
		"depth":          "a: " + strings.Repeat("[", 300) + strings.Repeat("]", 300),
		"documents":      strings.Repeat("---\na: b\n", maxDocuments+1),
	} {
		if _, err := Parse([]byte(text), "bomb.yaml"); err == nil || problem.KindOf(err) == problem.Internal {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTracking(t *testing.T) {
	o := parseOne(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: prod}")
	for _, method := range []string{"", "annotation", "label", "annotation+label"} {
		tr := Tracking{Method: method}
		if got := tr.Owner(tr.Mark(o, "shop", "prod")); got != "shop" {
			t.Errorf("%s: owner %q", method, got)
		}
	}
	tr := Tracking{}
	marked := tr.Mark(o, "shop", "prod")
	if id := marked.GetAnnotations()[TrackingAnnotation]; id != "shop:apps/Deployment:prod/web" {
		t.Errorf("id %q", id)
	}
	if o.GetAnnotations() != nil {
		t.Error("Mark changed its input")
	}
	copied := marked.DeepCopy()
	copied.SetName("web-copy")
	if got := tr.Owner(copied); got != "" {
		t.Errorf("a copy with another name is owned by %q", got)
	}
	if got := (Tracking{InstallationID: "x"}).Owner(marked); got != "" {
		t.Errorf("another installation's object is owned by %q", got)
	}
	role := parseOne(t, "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}")
	if got := tr.Owner(tr.Mark(role, "shop", "prod")); got != "shop" {
		t.Errorf("cluster-scoped: owner %q", got)
	}
}

func TestMaskHidesEveryValueAndKeepsEquality(t *testing.T) {
	text := `{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: {kubectl.kubernetes.io/last-applied-configuration: canary-0}},
data: {a: canary-1, b: canary-1}, stringData: {c: canary-2}}`
	o := parseOne(t, text)
	m := Masker{Key: []byte("k")}
	masked := m.Mask(o)
	out, _ := masked.MarshalJSON()
	if strings.Contains(string(out), "canary") {
		t.Errorf("leaks: %s", out)
	}
	data := masked.Object["data"].(map[string]any)
	if data["a"] != data["b"] {
		t.Error("equal values must stay equal")
	}
	if in, _ := o.MarshalJSON(); !strings.Contains(string(in), "canary-2") {
		t.Error("Mask changed its input")
	}
	if again := m.Mask(masked); cmp.Diff(again.Object, masked.Object) != "" {
		t.Error("masking twice must change nothing")
	}
}

func TestMaskHidesNamedAnnotationsOfSecrets(t *testing.T) {
	m := Masker{Key: []byte("k"), Annotations: []string{"corp/token", TrackingAnnotation, "absent"}}
	o := parseOne(t, `{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: {corp/token: canary, corp/plain: seen, argocd.argoproj.io/tracking-id: a}}}`)
	masked := m.Mask(o)
	a := masked.GetAnnotations()
	if !strings.HasPrefix(a["corp/token"], MaskPrefix) || a["corp/plain"] != "seen" || a[TrackingAnnotation] != "a" || len(a) != 3 {
		t.Errorf("%v", a)
	}
	if o.GetAnnotations()["corp/token"] != "canary" {
		t.Error("Mask changed its input")
	}
	if again := m.Mask(masked); cmp.Diff(again.Object, masked.Object) != "" {
		t.Error("masking twice must change nothing")
	}
	other := parseOne(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: s, annotations: {corp/token: seen}}}`)
	if m.Mask(other) != other {
		t.Error("only Secrets have secret annotations")
	}
}

func TestFoldStringData(t *testing.T) {
	o := FoldStringData(parseOne(t, `{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: eA==}, stringData: {b: hi}}`))
	if diff := cmp.Diff(map[string]any{"a": "eA==", "b": "aGk="}, o.Object["data"]); diff != "" || o.Object["stringData"] != nil {
		t.Error(diff, o.Object["stringData"])
	}
}

func TestSetKeepsOrderAndReportsRepeats(t *testing.T) {
	var s Set
	a, b := parseOne(t, "{apiVersion: v1, kind: Pod, metadata: {name: a}}"), parseOne(t, "{apiVersion: v1, kind: Pod, metadata: {name: b}}")
	s.Put(Item{Object: b})
	s.Put(Item{Object: a})
	digest := s.Digest()
	if !s.Put(Item{Object: b}) || s.Len() != 2 || s.Keys()[0].Name != "b" {
		t.Errorf("keys %v", s.Keys())
	}
	if s.Digest() != digest {
		t.Error("putting the same object again changed the digest")
	}
}

func BenchmarkParse(b *testing.B) {
	text := []byte(strings.Repeat("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: ns}\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n      - name: a\n        image: b:c\n        env: [{name: A, value: b}]\n", 20))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse(text, "x.yaml"); err != nil {
			b.Fatal(err)
		}
	}
}

func parseOne(t testing.TB, text string) *Object {
	t.Helper()
	items, err := Parse([]byte(text), "test.yaml")
	if err != nil || len(items) != 1 {
		t.Fatalf("parse: %v (%d items)", err, len(items))
	}
	return items[0].Object
}
