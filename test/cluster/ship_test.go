package cluster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/faultproxy"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// ship is a scenario: twelve objects in three waves, one of them changed, one pruned or created with each commit, a
// PreSync and a PostSync hook. token tells one commit's objects from another's.
func ship(n int) (files map[string]string, token string) {
	token = fmt.Sprintf("v%03d", n)
	files = map[string]string{
		"pre.yaml":  job("migrate", "PreSync", "", "true"),
		"post.yaml": job("smoke", "PostSync", policyOf+": HookSucceeded", "true"),
		"web.yaml":  strings.Replace(strings.Replace(deployment, "replicas: 3", "replicas: 1", 1), "value: info", "value: "+token, 1),
	}
	for i := range 10 {
		files[fmt.Sprintf("cm%d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-%d, annotations: {%s: '%d'}}\ndata: {v: %q}\n", i, waveOf, i%3-1, token)
	}
	if n%2 == 1 {
		files["extra.yaml"] = "apiVersion: v1\nkind: Service\nmetadata: {name: extra}\nspec: {ports: [{port: 80}], selector: {app: web}}\n"
	}
	return files, token
}

// cargo is the end state of the target namespace, without what differs between two runs that did the same.
func (h *hawser) cargo(t *testing.T, token string) string {
	t.Helper()
	var b strings.Builder
	for _, r := range []schema.GroupVersionResource{{Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "services"}, {Group: "apps", Version: "v1", Resource: "deployments"}, {Group: "batch", Version: "v1", Resource: "jobs"}} {
		list, err := h.Dynamic.Resource(r).Namespace(h.target).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
		for _, o := range list.Items {
			if o.GetName() == "kube-root-ca.crt" || o.GetDeletionTimestamp() != nil {
				continue
			}
			kept := map[string]any{"kind": o.GetKind(), "name": o.GetName(), "data": o.Object["data"], "finalizers": o.GetFinalizers()}
			if spec, ok := o.Object["spec"].(map[string]any); ok {
				for _, own := range []string{"clusterIP", "clusterIPs", "selector", "template"} {
					if o.GetKind() != "Deployment" {
						delete(spec, own)
					}
				}
				kept["spec"] = spec
			}
			text, err := yaml.Marshal(kept)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(strings.ReplaceAll(string(text), token, "TOKEN") + "---\n")
		}
	}
	return b.String()
}

// hooksMade lists the hooks that were created, from the proxy's record: the API server said 201.
func hooksMade(writes []faultproxy.Request) map[string]int {
	made := map[string]int{}
	for _, w := range writes {
		if w.Verb == "create" && strings.HasSuffix(w.Path, "/jobs") && w.Status == 201 {
			var o metav1.PartialObjectMetadata
			if yaml.Unmarshal(w.Body, &o) == nil {
				made[o.Name]++
			}
		}
	}
	return made
}

// shipped is synced, and says that the operation at the commit is over.
func shipped(commit string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		op := a.Status.OperationState
		if op == nil || op.Phase != v1alpha1.OperationSucceeded || op.SyncResult == nil || op.SyncResult.Revision != commit {
			return "not synced to the commit"
		}
		return synced(commit)(a)
	}
}

// settled is the cargo once what is being deleted is gone.
func (h *hawser) settled(t *testing.T, token string) string {
	t.Helper()
	last := h.cargo(t, token)
	for range 40 {
		time.Sleep(100 * time.Millisecond)
		if now := h.cargo(t, token); now == last {
			return last
		} else {
			last = now
		}
	}
	return last
}
