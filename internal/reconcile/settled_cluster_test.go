package reconcile

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestSettledAgreesWithTheServer changes manifests at random; whatever is called settled must be something that a
// real API server would leave exactly as it is.
func TestSettledAgreesWithTheServer(t *testing.T) {
	c := clustertest.Start(t)
	ns := c.Namespace(t)
	for resource, text := range map[schema.GroupVersionResource]string{
		{Group: "apps", Version: "v1", Resource: "deployments"}: `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {a: b}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: init, image: x, command: [a, b]}]
      containers:
      - name: web
        image: x
        ports: [{containerPort: 80}, {containerPort: 81, protocol: UDP}]
        env: [{name: A, value: a}, {name: B, valueFrom: {secretKeyRef: {name: x, key: z, optional: true}}}]
        resources: {requests: {cpu: 10m}}
        readinessProbe: {httpGet: {path: /, port: 80}}
        volumeMounts: [{name: tmp, mountPath: /tmp}, {name: tmp, mountPath: /var/tmp}]
      - {name: side, image: "y", securityContext: {capabilities: {drop: [ALL]}}}
      volumes: [{name: tmp, emptyDir: {}}]
      tolerations: [{key: x, operator: Exists}]
`,
		{Version: "v1", Resource: "services"}: `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 80, protocol: UDP}]}
`,
		{Version: "v1", Resource: "configmaps"}: `
apiVersion: v1
kind: ConfigMap
metadata: {name: web, finalizers: [example.com/one]}
data: {a: "1", b: ""}
`,
		{Version: "v1", Resource: "secrets"}: `
apiVersion: v1
kind: Secret
metadata: {name: web}
type: Opaque
data: {password: c2VjcmV0}
`,
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}: `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
`,
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"}: `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
`,
		{Group: "batch", Version: "v1", Resource: "cronjobs"}: `
apiVersion: batch/v1
kind: CronJob
metadata: {name: web}
spec:
  schedule: "0 0 1 1 *"
  suspend: true
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: job, image: x, args: ["1"]}]}}}}
`,
	} {
		t.Run(resource.Resource, func(t *testing.T) {
			client := c.Dynamic.Resource(resource).Namespace(ns)
			want := manifest(t, text)
			want.SetNamespace(ns)
			apply := func(o *object.Object, dry ...string) (*object.Object, error) {
				return client.Apply(t.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: v1alpha1.DefaultFieldManager, Force: true, DryRun: dry})
			}
			if _, err := apply(want.DeepCopy()); err != nil {
				t.Fatal(err)
			}
			defer func() { // the namespace goes only when nothing in it is held
				c.Patch(t, "test", want.GetAPIVersion(), want.GetKind(), ns, want.GetName(), `{"metadata":{"finalizers":null}}`)
			}()
			live, err := client.Get(t.Context(), want.GetName(), metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !settled(want, live) {
				t.Errorf("what was just applied is not settled: %v", live.Object)
			}
			random := rand.New(rand.NewPCG(1, 2))
			held := 0
			for range 400 {
				changed := want.DeepCopy()
				disturb(random, changed.Object)
				if !settled(changed, live) {
					continue
				}
				held++
				for {
					answer, err := apply(changed, metav1.DryRunAll)
					if err != nil {
						t.Fatalf("called settled, and refused: %v\n%v", err, changed.Object)
					}
					before := live.GetResourceVersion()
					if live, err = client.Get(t.Context(), want.GetName(), metav1.GetOptions{}); err != nil {
						t.Fatal(err)
					}
					if live.GetResourceVersion() != before { // its controller wrote a status meanwhile: ask again
						continue
					}
					there := live.DeepCopy()
					for _, o := range []*object.Object{answer, there} {
						o.SetManagedFields(nil) // only the time of our entry differs
					}
					if diff := cmp.Diff(there.Object, answer.Object); diff != "" {
						t.Fatalf("called settled, and changed:\n%s\n%v", diff, changed.Object)
					}
					break
				}
			}
			t.Logf("%d of 400 changes were none", held)
		})
	}
}

// disturb changes one thing somewhere in a manifest: a field or an item goes, comes, or has another value, or items
// stand in another order.
func disturb(random *rand.Rand, m map[string]any) {
	keys := slices.Sorted(maps.Keys(m))
	if len(keys) == 0 {
		m["new"] = "field"
		return
	}
	key := keys[random.IntN(len(keys))]
	if random.IntN(8) == 0 {
		m["new"] = m[key]
		return
	}
	if random.IntN(8) == 0 {
		delete(m, key)
		return
	}
	switch v := m[key].(type) {
	case map[string]any:
		disturb(random, v)
	case []any:
		i := random.IntN(len(v))
		inner, isMap := v[i].(map[string]any)
		switch n := random.IntN(6); {
		case n == 0:
			m[key] = slices.Delete(v, i, i+1)
		case n == 1:
			m[key] = append(v, v[i])
		case n == 2:
			slices.Reverse(v)
		case isMap:
			disturb(random, inner)
		default:
			v[i] = "changed"
		}
	case string:
		m[key] = v + "x"
	case int64:
		m[key] = v + 1
	case bool:
		m[key] = !v
	}
}
