package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// A cluster whose Secret has the annotation skip-reconcile is left alone: nothing that goes there is looked at, deployed
// or deleted, and everybody else goes on. Without the annotation everything is caught up with, at once.
func TestAClusterIsLeftAlone(t *testing.T) {
	h := start(t)
	h.register(t, "quiet", h.Config.Host, h.Config, nil)
	skip := func(value string) {
		t.Helper()
		h.Patch(t, "kubectl-annotate", "v1", "Secret", h.control, "cluster-quiet", fmt.Sprintf(`{"metadata":{"annotations":{"argocd.argoproj.io/skip-reconcile":%s}}}`, value))
	}
	skip(`"true"`)
	repo := h.git.Repo(t, "quiet", map[string]string{"a/cm.yaml": configMap, "b/cm.yaml": strings.Replace(configMap, "settings", "others", 1)})
	first := repo.Head(t)
	quiet, gone, loud := h.name("quiet"), h.name("gone"), h.name("loud")
	there := "destination: {name: quiet, namespace: " + h.target + "}"
	h.apply(t, app{name: quiet, repo: repo.URL, path: "a", auto: "{prune: true, selfHeal: true}", extra: there})
	h.apply(t, app{name: loud, repo: repo.URL, path: "b", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, loud, synced(first))
	if a := h.get(t, quiet); a.Status.ReconciledAt != nil || h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Errorf("it was looked at: %+v", a.Status)
	}

	skip("null")
	h.wait(t, quiet, synced(first))
	skip(`"True"`) // as Argo CD reads it, every word of Go's for it
	h.apply(t, app{name: gone, repo: repo.URL, path: "a", extra: there, finalizer: true})
	second := repo.Commit(t, map[string]string{"a/cm.yaml": coloured("red"), "b/cm.yaml": strings.Replace(coloured("red"), "settings", "others", 1)}, "Red")
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "settings", `{"data":{"colour":"pink"}}`)
	h.hook(t, repo.URL)
	h.refresh(t, quiet)
	h.removeApp(t, gone)
	h.wait(t, loud, synced(second))
	if a := h.get(t, quiet); a.Status.Sync.Revision != first || a.Annotations[v1alpha1.AnnotationRefresh] == "" {
		t.Errorf("it was looked at: %+v", a.Status.Sync)
	}
	if err := field("pink", "data", "colour")(h.Get(t, "v1", "ConfigMap", h.target, "settings")); err != nil {
		t.Error(err)
	}
	if a := h.get(t, gone); a.DeletionTimestamp == nil || len(a.Finalizers) != 1 {
		t.Errorf("its deletion went on: %+v", a.ObjectMeta)
	}
	skip("null")
	h.wait(t, quiet, synced(second))
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, gone)
}
