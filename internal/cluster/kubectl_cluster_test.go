package cluster_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
)

// The real kubectl is the judge of ApplyClientSide: the same commits and the same interference, on one object by
// `kubectl apply` and on one by us, must end in the same object and be told in the same words.
func TestClientSideApplyDoesWhatKubectlDoes(t *testing.T) {
	k := clustertest.Start(t)
	kubectl := func(namespace, manifest string) string {
		t.Helper()
		binary := os.Getenv(clustertest.BinaryEnv)
		if binary == "" {
			binary = "../../bin/devcluster"
		}
		command := exec.CommandContext(t.Context(), binary, "kubectl", "--kubeconfig", k.Kubeconfig, "-n", namespace, "apply", "-f", "-")
		command.Stdin = strings.NewReader(manifest)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("kubectl apply: %v\n%s", err, out)
		}
		words := strings.Fields(strings.TrimSpace(string(out)))
		return words[len(words)-1]
	}
	c, _ := open(t, k.Config, nil)
	// kubectl calls an object configured for ever when cpu: 1 is live as "1": there we say unchanged, which it is.
	shop := strings.Replace(shop, "cpu: 1", `cpu: "1"`, 1)
	service := "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {a: b}, ports: [{name: web, port: 80}, {name: admin, port: 81}]}}"
	for name, test := range map[string]struct {
		commits []string
		edit    string // by somebody else, before the last commit
	}{
		"items by key": {[]string{shop, strings.Replace(shop, "i:1", "i:2", 1), strings.Replace(shop, ", {name: TWO, value: z}", "", 1)},
			`{"spec":{"replicas":3,"template":{"spec":{"containers":[{"name":"side","image":"s:1"},{"name":"c","image":"i:7","env":[{"name":"THREE","value":"3"}]}]}}}}`},
		"metadata": {[]string{shop, strings.Replace(shop, ", annotations: {team: shop}", ", labels: {x: one}", 1), shop, shop},
			`{"metadata":{"labels":{"x":"two","theirs":"1"},"annotations":{"team":"other"}}}`},
		"nothing changed": {[]string{shop, shop, shop}, `{"metadata":{"annotations":{"theirs":"1"}}}`},
		"ports":           {[]string{service, strings.Replace(service, ", {name: admin, port: 81}", "", 1), strings.Replace(service, "port: 80", "port: 8080", 1)}, `{"metadata":{"labels":{"x":"1"}}}`},
		"null":            {[]string{shop, strings.Replace(shop, "spec:\n", "spec:\n  minReadySeconds: 3\n", 1), strings.Replace(shop, "spec:\n", "spec:\n  minReadySeconds: null\n", 1)}, `{"spec":{"paused":true}}`},
		"lists of words": {[]string{"{apiVersion: v1, kind: ServiceAccount, metadata: {name: a, finalizers: [x.test/a]}, imagePullSecrets: [{name: a}, {name: b}]}",
			"{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}, imagePullSecrets: [{name: b}]}"}, `{"imagePullSecrets":[{"name":"theirs"}]}`},
		"data": {[]string{"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: one, keep: two}}", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {keep: two}}", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"}, `{"data":{"theirs":"1"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			theirs, ours := k.Namespace(t), k.Namespace(t)
			var o *object.Object
			for i, commit := range test.commits {
				o = parse(t, commit)
				if i == len(test.commits)-1 {
					for _, ns := range []string{theirs, ours} {
						k.Patch(t, "somebody", o.GetAPIVersion(), o.GetKind(), ns, o.GetName(), test.edit)
					}
				}
				want := kubectl(theirs, commit)
				o.SetNamespace(ours)
				a, err := c.Writer(anything).ApplyClientSide(t.Context(), cluster.ClientSideRequest{Object: o, Validate: true})
				if err != nil {
					t.Fatal(err)
				}
				if a.Result != want {
					t.Errorf("commit %d: %s, kubectl says %s", i, a.Result, want)
				}
			}
			if d := cmp.Diff(essence(k.Get(t, o.GetAPIVersion(), o.GetKind(), theirs, o.GetName())), essence(k.Get(t, o.GetAPIVersion(), o.GetKind(), ours, o.GetName()))); d != "" {
				t.Errorf("kubectl's (-) and ours (+) differ: %s", d)
			}
			k.Patch(t, "somebody", o.GetAPIVersion(), o.GetKind(), theirs, o.GetName(), `{"metadata":{"finalizers":null}}`)
			k.Patch(t, "somebody", o.GetAPIVersion(), o.GetKind(), ours, o.GetName(), `{"metadata":{"finalizers":null}}`)
		})
	}
}

// essence leaves out what differs between two objects of the same content.
func essence(o *object.Object) map[string]any {
	o = o.DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "namespace", "managedFields"} {
		delete(o.Object["metadata"].(map[string]any), field)
	}
	annotations := o.GetAnnotations()
	delete(annotations, lastApplied)
	delete(annotations, "deployment.kubernetes.io/revision")
	o.SetAnnotations(nil)
	if len(annotations) > 0 {
		o.SetAnnotations(annotations)
	}
	delete(o.Object, "status")
	if spec, ok := o.Object["spec"].(map[string]any); ok && o.GetKind() == "Service" {
		delete(spec, "clusterIP")
		delete(spec, "clusterIPs")
	}
	return o.Object
}
