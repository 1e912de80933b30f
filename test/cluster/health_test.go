package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func TestAHealthCheckOfTheSettingsIsInForceAtOnce(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "judged", map[string]string{"cm.yaml": configMap})
	name := h.name("judged")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	h.Apply(t, h.control, fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: %s}
data:
  resource.customizations.health.ConfigMap: |
    hs = {status = "Degraded", message = "the colour is " .. obj.data.colour}
    if obj.data.colour == "green" then hs.status = "Healthy" end
    return hs
`, h.control))
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Health.Status != v1alpha1.HealthStatusDegraded || !strings.Contains(a.Status.Health.Message, "the colour is blue") {
			return fmt.Sprintf("not judged by the script: %+v", a.Status.Health)
		}
		return ""
	})
	commit := repo.Commit(t, map[string]string{"cm.yaml": strings.Replace(configMap, "blue", "green", 1)}, "Green")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(commit))
}
