package reconcile

import (
	"testing"

	"github.com/hawser-cd/hawser/internal/object"
	"sigs.k8s.io/yaml"
)

func manifest(t *testing.T, text string) *object.Object {
	t.Helper()
	o := &object.Object{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = o.UnmarshalJSON(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// deployed is what an API server keeps of settledWant once it was applied, defaults and status included.
const deployed = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: 1b671a64
  annotations: {team: shop, deployment.kubernetes.io/revision: "1"}
  managedFields:
  - manager: argocd-controller
    operation: Apply
    apiVersion: apps/v1
    fieldsType: FieldsV1
    fieldsV1:
      f:metadata: {f:annotations: {f:team: {}}, f:finalizers: {'v:"example.com/hold"': {}}}
      f:spec:
        f:replicas: {}
        f:selector: {}
        f:template:
          f:spec:
            f:containers:
              k:{"name":"web"}:
                .: {}
                f:name: {}
                f:args: {}
                f:env: {'k:{"name":"LEVEL"}': {.: {}, f:name: {}, f:value: {}}}
                f:ports: {'k:{"containerPort":8080,"protocol":"TCP"}': {.: {}, f:containerPort: {}}}
            f:volumes: {'k:{"name":"tmp"}': {.: {}, f:name: {}, f:emptyDir: {}}}
  - manager: kube-controller-manager
    operation: Update
    subresource: status
    apiVersion: apps/v1
    fieldsV1: {f:status: {f:readyReplicas: {}}}
  finalizers: [other/one, example.com/hold]
spec:
  replicas: 3
  revisionHistoryLimit: 10
  selector: {matchLabels: {app: web}}
  template:
    spec:
      containers:
      - name: injected
      - name: web
        args: [a, b]
        env: [{name: LEVEL, value: info}]
        ports: [{containerPort: 8080, protocol: TCP}]
        imagePullPolicy: Always
      volumes: [{name: tmp, emptyDir: {}}]
status: {readyReplicas: 3}
`

const settledWant = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, annotations: {team: shop}, finalizers: [example.com/hold]}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    spec:
      containers:
      - name: web
        args: [a, b]
        env: [{name: LEVEL, value: info}]
        ports: [{containerPort: 8080}]
      volumes: [{name: tmp, emptyDir: {}}]
`

func TestSettledOnlyWhenAnApplyWouldChangeNothing(t *testing.T) {
	type edit = func(want, live map[string]any)
	at := func(o map[string]any, path ...any) any {
		var v any = o
		for _, p := range path {
			switch p := p.(type) {
			case string:
				v = v.(map[string]any)[p]
			case int:
				v = v.([]any)[p]
			}
		}
		return v
	}
	set := func(o map[string]any, value any, path ...any) {
		parent := at(o, path[:len(path)-1]...)
		if key, ok := path[len(path)-1].(string); ok {
			parent.(map[string]any)[key] = value
		} else {
			parent.([]any)[path[len(path)-1].(int)] = value
		}
	}
	container := []any{"spec", "template", "spec", "containers", 0}
	of := func(path ...any) []any { return append(append([]any{}, container...), path...) }
	for name, c := range map[string]struct {
		edit edit
		want bool
	}{
		"as applied":                {func(_, _ map[string]any) {}, true},
		"live: a value":             {func(_, l map[string]any) { set(l, int64(5), "spec", "replicas") }, false},
		"live: another's field":     {func(_, l map[string]any) { set(l, int64(5), "spec", "revisionHistoryLimit") }, true},
		"live: one of ours is gone": {func(_, l map[string]any) { delete(l["spec"].(map[string]any), "replicas") }, false},
		"live: an atomic map":       {func(_, l map[string]any) { set(l, "x", "spec", "selector", "matchLabels", "more") }, false},
		"live: an atomic list":      {func(_, l map[string]any) { set(l, []any{"a"}, "spec", "template", "spec", "containers", 1, "args") }, false},
		"live: a finalizer is gone": {func(_, l map[string]any) { set(l, []any{"other/one"}, "metadata", "finalizers") }, false},
		"live: other version":       {func(_, l map[string]any) { l["apiVersion"] = "apps/v2" }, false},
		"live: owned under another": {func(_, l map[string]any) { set(l, "apps/v1beta1", "metadata", "managedFields", 0, "apiVersion") }, false},
		"live: never applied":       {func(_, l map[string]any) { set(l, "Update", "metadata", "managedFields", 0, "operation") }, false},
		"live: applied by another":  {func(_, l map[string]any) { set(l, "flux", "metadata", "managedFields", 0, "manager") }, false},
		"live: no records":          {func(_, l map[string]any) { delete(l["metadata"].(map[string]any), "managedFields") }, false},
		"want: a value":             {func(w, _ map[string]any) { set(w, "debug", of("env", 0, "value")...) }, false},
		"want: one field more":      {func(w, _ map[string]any) { set(w, "Always", of("imagePullPolicy")...) }, false},
		"want: one field less":      {func(w, _ map[string]any) { delete(at(w, container...).(map[string]any), "env") }, false},
		"want: one item more": {func(w, _ map[string]any) {
			set(w, []any{map[string]any{"name": "LEVEL", "value": "info"}, map[string]any{"name": "B"}}, of("env")...)
		}, false},
		"want: one item less": {func(w, _ map[string]any) { set(w, []any{}, of("env")...) }, false},
		"want: an item twice": {func(w, _ map[string]any) {
			e := map[string]any{"name": "LEVEL", "value": "info"}
			set(w, []any{e, e}, of("env")...)
		}, false},
		"want: a null":                 {func(w, _ map[string]any) { set(w, nil, "spec", "replicas") }, false},
		"want: a spelling":             {func(w, _ map[string]any) { set(w, "3", "spec", "replicas") }, false},
		"want: the default, spelled":   {func(w, _ map[string]any) { set(w, "TCP", of("ports", 0, "protocol")...) }, false},
		"want: another port":           {func(w, _ map[string]any) { set(w, int64(9090), of("ports", 0, "containerPort")...) }, false},
		"want: another protocol":       {func(w, _ map[string]any) { set(w, "UDP", of("ports", 0, "protocol")...) }, false},
		"want: an annotation":          {func(w, _ map[string]any) { set(w, "y", "metadata", "annotations", "x") }, false},
		"want: a label":                {func(w, _ map[string]any) { set(w, map[string]any{"x": "y"}, "metadata", "labels") }, false},
		"want: status":                 {func(w, _ map[string]any) { w["status"] = map[string]any{} }, false},
		"want: metadata of the server": {func(w, _ map[string]any) { set(w, nil, "metadata", "creationTimestamp") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			want, live := manifest(t, settledWant), manifest(t, deployed)
			c.edit(want.Object, live.Object)
			if got := settled(want, live); got != c.want {
				t.Errorf("settled: %v", got)
			}
		})
	}
}
