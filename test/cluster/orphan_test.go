package cluster_test

import (
	"fmt"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func TestOrphanedResourcesAreCounted(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "orphans", map[string]string{"cm.yaml": configMap, "web.yaml": deployment})
	name := h.name("orphans")
	project := func(orphans string) {
		h.Apply(t, h.control, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: tidy}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}], orphanedResources: %s}\n", orphans))
	}
	project("{}")
	h.Apply(t, h.target, named("left-over", "")+"---\n"+named("tolerated", "")+"---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{}", extra: "project: tidy"})
	h.wait(t, name, synced(""))
	h.refresh(t, name) // pods, ReplicaSets, the default ServiceAccount and the root certificates do not count
	h.wait(t, name, condition(v1alpha1.ConditionOrphanedResourceWarning, "Application has 3 orphaned resources"))
	if n := h.metric(t, fmt.Sprintf("argocd_app_orphaned_resources_count{name=%q", name)); n != 3 {
		t.Errorf("metric %v", n)
	}
	project("{ignore: [{kind: Secret}, {group: '', kind: ConfigMap, name: toler*}]}")
	h.wait(t, name, condition(v1alpha1.ConditionOrphanedResourceWarning, "Application has 1 orphaned resources"))
	project("{warn: false}")
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if condition0(a, v1alpha1.ConditionOrphanedResourceWarning) {
			return "warned"
		}
		return ""
	})
}
