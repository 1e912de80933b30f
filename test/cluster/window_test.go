package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// project makes an AppProject that permits everything, with the given windows as YAML flow.
func (h *hawser) project(t *testing.T, name, windows string) {
	t.Helper()
	h.Apply(t, h.control, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: %s}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}], syncWindows: [%s]}\n", name, windows))
}

const blockedByWindow = "Sync operation blocked by sync window"

func TestSyncWindowsHoldSyncsBack(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "window", map[string]string{"cm.yaml": configMap})
	name := h.name("window")
	deny := "{kind: deny, schedule: '* * * * *', duration: 1h, applications: ['*'], description: freeze%s}"
	h.project(t, "frozen", fmt.Sprintf(deny, ""))
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: "project: frozen"})
	h.wait(t, name, condition(v1alpha1.ConditionSyncWindowWarning, "deny window '* * * * *' for 1h (freeze)"))

	// a person's sync waits, too, and has written nothing
	h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, `{"operation":{"initiatedBy":{"username":"ada"},"sync":{}}}`)
	blocked := func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || op.Phase != v1alpha1.OperationRunning || !strings.HasPrefix(op.Message, blockedByWindow) {
			return "not blocked"
		}
		return ""
	}
	h.wait(t, name, blocked)
	time.Sleep(time.Second)
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("applied within a deny window")
	}
	// terminating works all the same
	h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, `{"status":{"operationState":{"phase":"Terminating"}}}`)
	h.wait(t, name, ended(v1alpha1.OperationFailed, "Operation terminated"))

	// with manualSync a person may, and automation still may not
	h.project(t, "frozen", fmt.Sprintf(deny, ", manualSync: true"))
	time.Sleep(1100 * time.Millisecond)
	if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Errorf("a person's sync: %s", phase(a))
	}
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "settings", `{"data":{"colour":"red"}}`)
	h.wait(t, name, condition(v1alpha1.ConditionSyncWindowWarning, "freeze"))
	if err := field("red", "data", "colour")(h.Get(t, "v1", "ConfigMap", h.target, "settings")); err != nil {
		t.Errorf("healed within a deny window: %v", err)
	}

	// the window goes: it is in force at once
	h.project(t, "frozen", "")
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue", "data", "colour"))
	h.wait(t, name, synced(""))
}

func TestASyncDoesNotRunPastTheEdgeOfAWindow(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "edge", map[string]string{"pre.yaml": job("migrate", "PreSync", "", "sleep 2"), "cm.yaml": configMap})
	name := h.name("edge")
	h.project(t, "edged", "")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: "project: edged"})
	h.wait(t, name, outOfSync)
	h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, `{"operation":{"sync":{}}}`)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || !strings.HasPrefix(op.Message, "waiting for completion of hook") {
			return "not waiting for the hook"
		}
		return ""
	})
	h.project(t, "edged", "{kind: deny, schedule: '* * * * *', duration: 1h, applications: ['*']}")
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || !strings.HasPrefix(op.Message, blockedByWindow) {
			return "not blocked"
		}
		return ""
	})
	time.Sleep(3 * time.Second) // the hook, which is left alone, is done
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("applied within a deny window")
	}
	h.project(t, "edged", "")
	h.wait(t, name, ended(v1alpha1.OperationSucceeded, "successfully synced (all tasks run)"))
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Error("not applied after the window")
	}
}
