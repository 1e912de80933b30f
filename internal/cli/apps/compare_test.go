package apps

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"sigs.k8s.io/yaml"
)

// jsonOf makes JSON of YAML.
func jsonOf(t *testing.T, text string) string {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func objectOf(t *testing.T, text string) *object.Object {
	t.Helper()
	o, err := ParseObject(jsonOf(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  template:
    spec:
      containers:
      - {name: web, image: "web:1", args: [a, b]}
      - {name: log, image: "log:1"}
`

func names(list []Comparison) string {
	var s []string
	for _, c := range list {
		sign := "~"
		if c.Live == nil {
			sign = "+"
		} else if c.Target == nil {
			sign = "-"
		}
		s = append(s, sign+c.Short())
	}
	return strings.Join(s, " ")
}

func TestJudged(t *testing.T) {
	config := func(name, v string) string {
		return jsonOf(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: "+name+", namespace: shop}, data: {k: "+v+"}}")
	}
	hook := jsonOf(t, "{apiVersion: batch/v1, kind: Job, metadata: {name: h, namespace: shop, annotations: {argocd.argoproj.io/hook: PreSync}}}")
	got, err := Judged([]argocd.ResourceDiff{
		{Kind: "ConfigMap", Name: "same", Namespace: "shop", NormalizedLiveState: config("same", "a"), PredictedLiveState: config("same", "a"), TargetState: config("same", "a")},
		{Kind: "ConfigMap", Name: "changed", Namespace: "shop", NormalizedLiveState: config("changed", "a"), PredictedLiveState: config("changed", "b"), TargetState: config("changed", "b"), Modified: true},
		{Kind: "ConfigMap", Name: "new", Namespace: "shop", NormalizedLiveState: "null", PredictedLiveState: config("new", "a"), TargetState: config("new", "a"), Modified: true},
		{Kind: "ConfigMap", Name: "extra", Namespace: "shop", NormalizedLiveState: config("extra", "a"), PredictedLiveState: "null", TargetState: "null"},
		{Group: "batch", Kind: "Job", Name: "h", Namespace: "shop", TargetState: hook, NormalizedLiveState: "null"},
		{Kind: "ConfigMap", Name: "flagged", Hook: true, NormalizedLiveState: config("flagged", "a")},
		{Kind: "ConfigMap", Name: "nothing"},
	})
	if err != nil || names(got) != "~ConfigMap/changed -ConfigMap/extra +ConfigMap/new" {
		t.Errorf("got %s %v", names(got), err)
	}
	if _, err := Judged([]argocd.ResourceDiff{{NormalizedLiveState: "{"}}); err == nil {
		t.Error("a broken object is no object")
	}
}

func TestAnswered(t *testing.T) {
	a, b := jsonOf(t, "{kind: A, metadata: {name: a}}"), jsonOf(t, "{kind: B, metadata: {name: b}}")
	got, err := Answered([]argocd.ResourceDiff{{LiveState: b, TargetState: jsonOf(t, "{kind: B, metadata: {name: b}, spec: 1}"), Modified: true}, {LiveState: a, TargetState: a},
		{LiveState: a, TargetState: jsonOf(t, "{kind: A, metadata: {name: a, uid: u, generation: 2}, status: {x: 1}}"), Modified: true}, {LiveState: "null", TargetState: a}, {LiveState: b}, {},
		{LiveState: jsonOf(t, "{kind: C, metadata: {name: c}, x: 1}"), TargetState: jsonOf(t, "{kind: C, metadata: {name: c}}"), NormalizedLiveState: jsonOf(t, "{kind: C, metadata: {name: c}, x: 1}"), PredictedLiveState: jsonOf(t, "{kind: C, metadata: {name: c}, x: 2}"), Modified: true}})
	if err == nil && len(got) == 4 && got[3].Target.Object["x"] != int64(2) {
		t.Errorf("the prediction is %v", got[3].Target.Object)
	}
	if err != nil || names(got) != "+A/a ~B/b -B/b ~C/c" {
		t.Errorf("got %s %v", names(got), err)
	}
}

func TestPair(t *testing.T) {
	live := func(text string) argocd.ResourceDiff {
		o := objectOf(t, text)
		k := object.KeyOf(o)
		return argocd.ResourceDiff{Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name, NormalizedLiveState: jsonOf(t, text)}
	}
	items := []argocd.ResourceDiff{
		live("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}}"),
		live("{apiVersion: v1, kind: ConfigMap, metadata: {name: gone, namespace: shop}}"),
		live("{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: shop}}"),
		live("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"),
	}
	manifests := []*object.Object{
		objectOf(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: first}}"),
		objectOf(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: last}}"),
		objectOf(t, "{apiVersion: v1, kind: Namespace, metadata: {name: shop, namespace: wrong}}"),
		objectOf(t, "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: shop}}"),
		objectOf(t, "{apiVersion: v1, kind: Service, metadata: {name: new}}"),
		objectOf(t, "{apiVersion: batch/v1, kind: Job, metadata: {name: h, annotations: {helm.sh/hook: pre-install}}}"),
	}
	m := MarkingOf(&argocd.Settings{ControllerNamespace: "argocd", AppLabelKey: "app.kubernetes.io/instance"}, web())
	got, err := Pair(manifests, items, web(), m, true)
	if err != nil || names(got) != "~ConfigMap/a -ConfigMap/gone ~Namespace/shop ~Secret/s +Service/new" {
		t.Fatalf("got %s %v", names(got), err)
	}
	if v := got[0].Target.Object["data"].(map[string]any)["k"]; v != "last" {
		t.Errorf("of two manifests of one name %v counts", v)
	}
	if id := got[0].Target.GetAnnotations()[object.TrackingAnnotation]; id != "web:/ConfigMap:shop/a" {
		t.Errorf("marked as %s", id)
	}
	if id := got[2].Target.GetAnnotations()[object.TrackingAnnotation]; got[2].Target.GetNamespace() != "" || id != "web:/Namespace:shop/shop" {
		t.Errorf("the cluster-scoped one is in %q, marked %s", got[2].Target.GetNamespace(), id)
	}
	if got, _ := Pair(manifests, items, web(), m, false); strings.Contains(names(got), "Secret") {
		t.Errorf("got %s", names(got))
	}
}

func TestPredict(t *testing.T) {
	live := objectOf(t, "{kind: A, metadata: {name: a, uid: u}, spec: {x: 1, w: {a: 1, b: 2}, list: [1, 2]}}")
	target := objectOf(t, "{kind: A, metadata: {name: a}, spec: {w: {b: 3}, list: [2], z: 4}}")
	got, _ := json.Marshal(Predict(live, target).Object)
	if want := `{"kind":"A","metadata":{"name":"a","uid":"u"},"spec":{"list":[2],"w":{"a":1,"b":3},"x":1,"z":4}}`; string(got) != want {
		t.Errorf("got %s", got)
	}
	if Predict(nil, target) != target || Predict(live, nil) != nil {
		t.Error("a side that is not there was made up")
	}
	if v := live.Object["spec"].(map[string]any)["w"].(map[string]any)["b"]; v != int64(2) {
		t.Errorf("live was changed: %v", v)
	}
}

func changed(t *testing.T) Comparison {
	live := objectOf(t, deployment)
	target := objectOf(t, strings.NewReplacer("replicas: 3", "replicas: 5", "web:1", "web:2", `{name: log, image: "log:1"}`, `{name: sidecar, image: "side:1"}`, "args: [a, b]", "args: [a, c]").Replace(deployment))
	return Comparison{Key: object.KeyOf(live), Live: live, Target: target}
}

func TestViews(t *testing.T) {
	c := changed(t)
	says(t, func(w io.Writer) { Header(w, c.Key); Paths(w, c) }, `

===== apps/Deployment shop/web ======
spec.replicas: 3 → 5
spec.template.spec.containers[name=log]: - {"image":"log:1","name":"log"}
spec.template.spec.containers[name=sidecar]: + {"image":"side:1","name":"sidecar"}
spec.template.spec.containers[name=web].args[1]: "b" → "c"
spec.template.spec.containers[name=web].image: "web:1" → "web:2"
`)
	says(t, func(w io.Writer) { Unified(w, c) }, `
# spec.replicas: 3 → 5
# spec.template.spec.containers[name=log]: - {"image":"log:1","name":"log"}
# spec.template.spec.containers[name=sidecar]: + {"image":"side:1","name":"sidecar"}
# spec.template.spec.containers[name=web].args[1]: "b" → "c"
# spec.template.spec.containers[name=web].image: "web:1" → "web:2"
@@ -4,14 +4,14 @@
   name: web
   namespace: shop
 spec:
-  replicas: 3
+  replicas: 5
   template:
     spec:
       containers:
       - args:
         - a
-        - b
-        image: web:1
+        - c
+        image: web:2
         name: web
-      - image: log:1
-        name: log
+      - image: side:1
+        name: sidecar
`)
	small := Comparison{Live: objectOf(t, "{kind: A, metadata: {name: a}, data: {a: 1, b: 2}}"), Target: objectOf(t, "{kind: A, metadata: {name: a}, data: {a: 1, b: 3, averylongnameofakey: 4}}")}
	says(t, func(w io.Writer) { Side(w, small, 45) }, `
# data.averylongnameofakey: + 4
# data.b: 2 → 3
@@ -1,6 +1,7 @@
data:                   data:
  a: 1                    a: 1
  b: 2                |   averylongnameofake…
                      >   b: 3
kind: A                 kind: A
metadata:               metadata:
  name: a                 name: a
`)
	says(t, func(w io.Writer) { Paths(w, Comparison{Live: c.Live}) }, "- the object is pruned\n")
	says(t, func(w io.Writer) { Paths(w, Comparison{Target: c.Live}) }, "+ the object is created\n")
	if c.Differs() != true || (Comparison{Live: c.Live, Target: c.Live.DeepCopy()}).Differs() || (Comparison{}).Differs() {
		t.Error("Differs is wrong")
	}
}

func TestFieldsOfStrangeNames(t *testing.T) {
	from := objectOf(t, "{metadata: {annotations: {a.b/c: x}}, list: [1, {name: a}], list2: [{name: a}, {name: a}], q: {r: 1}}")
	to := objectOf(t, "{metadata: {annotations: {a.b/c: z}}, list: [1, {name: b}, 3], list2: [{name: a}], q: [1]}")
	var got []string
	for _, f := range Fields(from, to) {
		got = append(got, f.String())
	}
	want := []string{`list[1].name: "a" → "b"`, "list[2]: + 3", `list2[1]: - {"name":"a"}`, `metadata.annotations[a.b/c]: "x" → "z"`, `q: {"r":1} → [1]`}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestPickAndFieldTable(t *testing.T) {
	o := objectOf(t, deployment)
	picked := Pick(o, []string{"spec.replicas", "spec.template.spec.containers.image", "spec.template.spec.containers.name", "no.such"})
	got, _ := json.Marshal(picked.Object)
	if want := `{"metadata":{"name":"web"},"spec":{"replicas":3,"template":{"spec":{"containers":[{"image":"web:1","name":"web"},{"image":"log:1","name":"log"}]}}}}`; string(got) != want {
		t.Errorf("got %s", got)
	}
	says(t, func(w io.Writer) { FieldTable(w, []*object.Object{picked}, true, false) }, `
FIELD                                   VALUE
spec.replicas                           3
spec.template.spec.containers[0].image  web:1
spec.template.spec.containers[0].name   web
spec.template.spec.containers[1].image  log:1
spec.template.spec.containers[1].name   log
`)
	says(t, func(w io.Writer) { FieldTable(w, []*object.Object{Pick(o, []string{"spec.replicas"})}, false, true) }, `
FIELD          RESOURCE NAME  VALUE
metadata.name  web            web
spec.replicas  web            3
`)
	says(t, func(w io.Writer) {
		Actions(w, []Action{{"apps", "Deployment", "web", "restart", false}, {"", "Pod", "p", "x", true}})
	}, `
GROUP  KIND        NAME  ACTION   DISABLED
apps   Deployment  web   restart  false
       Pod         p     x        true
`)
}
