package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// job is a hook: at names its phase, more further annotations as YAML flow pairs, command what it does.
func job(name, at, more, command string) string {
	if more != "" {
		more = ", " + more
	}
	return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata: {name: %s, annotations: {argocd.argoproj.io/hook: %s%s}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: registry.example/tool:1, command: [sh, -c, %q]}]
`, name, at, more, command)
}

// result finds the result of a hook in the last operation.
func result(a *v1alpha1.Application, name string, hook v1alpha1.HookType) v1alpha1.ResourceResult {
	if op := a.Status.OperationState; op != nil && op.SyncResult != nil {
		for _, r := range op.SyncResult.Resources {
			if r.Name == name && r.HookType == hook {
				return r
			}
		}
	}
	return v1alpha1.ResourceResult{}
}

func TestHooksRunInTheirPhases(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "hooks", map[string]string{
		"pre.yaml": job("migrate", "PreSync", "", "sleep 1"), "post.yaml": job("smoke", "PostSync", "argocd.argoproj.io/hook-delete-policy: HookSucceeded", "true"),
		"fail.yaml": job("tell", "SyncFail", "", "true"), "cm.yaml": configMap,
	})
	name := h.name("hooks")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	a := h.wait(t, name, synced(repo.Head(t)))
	if phase(a) != "Succeeded successfully synced (all tasks run)" {
		t.Errorf("operation %s", phase(a))
	}
	for job, hook := range map[string]v1alpha1.HookType{"migrate": "PreSync", "smoke": "PostSync"} {
		if r := result(a, job, hook); r.HookPhase != v1alpha1.OperationSucceeded || r.SyncPhase != v1alpha1.SyncPhase(hook) {
			t.Errorf("%s: %+v", job, r)
		}
	}
	migrate := h.Get(t, "batch/v1", "Job", h.target, "migrate")
	if migrate == nil || len(migrate.GetFinalizers()) > 0 {
		t.Fatalf("migrate is to stay for people to look at, without our finalizer: %v", migrate)
	}
	if h.Get(t, "batch/v1", "Job", h.target, "tell") != nil {
		t.Error("SyncFail ran though nothing failed")
	}
	h.WaitGone(t, "batch/v1", "Job", h.target, "smoke")
	made := migrate.GetCreationTimestamp().Time
	settings := h.Get(t, "v1", "ConfigMap", h.target, "settings").GetCreationTimestamp().Time
	if settings.Before(made.Add(900e6)) {
		t.Errorf("settings were applied at %v, before the PreSync hook of %v was done", settings, made)
	}
	// the next sync replaces the hook; healing does not run it
	h.sync(t, name, "")
	again := h.Get(t, "batch/v1", "Job", h.target, "migrate")
	if again == nil || again.GetUID() == migrate.GetUID() {
		t.Error("the hook did not run again")
	}
	h.Delete(t, h.target, configMap)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue", "data", "colour"))
	h.wait(t, name, synced(""))
	if o := h.Get(t, "batch/v1", "Job", h.target, "migrate"); o == nil || o.GetUID() != again.GetUID() {
		t.Error("healing ran a hook")
	}
	for _, r := range h.get(t, name).Status.Resources {
		if r.Kind == "Job" && (!r.Hook || r.Status != "" || r.RequiresPruning) {
			t.Errorf("a hook in the inventory: %+v", r)
		}
	}
}

func TestAFailingPreSyncHookAppliesNothing(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "prefail", map[string]string{"pre.yaml": job("migrate", "PreSync", "", "exit 1"), "fail.yaml": job("tell", "SyncFail", "", "true"), "cm.yaml": configMap})
	name := h.name("prefail")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	a := h.sync(t, name, "")
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed || !strings.HasPrefix(op.Message, "one or more synchronization tasks completed unsuccessfully") {
		t.Errorf("operation %s", phase(a))
	}
	if r := result(a, "migrate", "PreSync"); r.HookPhase != v1alpha1.OperationFailed {
		t.Errorf("migrate: %+v", r)
	}
	if r := result(a, "tell", "SyncFail"); r.HookPhase != v1alpha1.OperationSucceeded {
		t.Errorf("the SyncFail hook did not run: %+v", r)
	}
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("applied after a failed PreSync hook")
	}
}

func TestAGoodCommitSupersedesAHangingHook(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "hang", map[string]string{"pre.yaml": job("migrate", "PreSync", "", "sleep infinity"), "cm.yaml": configMap})
	name := h.name("hang")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || !strings.HasPrefix(op.Message, "waiting for completion of hook batch/Job/migrate (") {
			return "not waiting for the hook"
		}
		return ""
	})
	commit := repo.Commit(t, map[string]string{"pre.yaml": job("migrate", "PreSync", "", "true")}, "Mend the migration")
	pushed := time.Now()
	h.hook(t, repo.URL)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue", "data", "colour"))
	t.Logf("live %s after the push", time.Since(pushed).Round(time.Millisecond))
	h.wait(t, name, synced(commit))
}

func TestTerminateStopsAWaitingOperation(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "term", map[string]string{"pre.yaml": job("migrate", "PreSync", "", "sleep infinity"), "cm.yaml": configMap})
	name := h.name("term")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, `{"operation":{"sync":{}}}`)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || !strings.HasPrefix(op.Message, "waiting for completion of hook") {
			return "not waiting for the hook"
		}
		return ""
	})
	h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, `{"status":{"operationState":{"phase":"Terminating"}}}`)
	a := h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; a.Operation != nil || op.Phase != v1alpha1.OperationFailed {
			return "not terminated"
		}
		return ""
	})
	if a.Status.OperationState.Message != "Operation terminated" {
		t.Errorf("operation %s", phase(a))
	}
	if r := result(a, "migrate", "PreSync"); r.HookPhase != v1alpha1.OperationFailed || r.Message != "Terminated" {
		t.Errorf("migrate: %+v", r)
	}
	h.WaitGone(t, "batch/v1", "Job", h.target, "migrate")
}

func TestWavesWaitForHealth(t *testing.T) {
	h := start(t)
	slow := strings.Replace(strings.Replace(deployment, "metadata: {labels: {app: web}}", `metadata: {labels: {app: web}, annotations: {devcluster.hawser.dev/delay: "2s"}}`, 1), "name: web,", "name: web, annotations: {argocd.argoproj.io/sync-wave: '-1'},", 1)
	repo := h.git.Repo(t, "waves", map[string]string{"web.yaml": slow, "cm.yaml": configMap})
	name := h.name("waves")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || !strings.HasPrefix(op.Message, "waiting for healthy state of apps/Deployment/web (") {
			return "not waiting for the first wave"
		}
		return ""
	})
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("the second wave began before the first was healthy")
	}
	h.wait(t, name, synced(repo.Head(t)))
}

func TestRetryTriesAgainWithTheNewestCommitWhenAsked(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "retry", map[string]string{"pre.yaml": job("migrate", "PreSync", "", "exit 1"), "cm.yaml": configMap})
	name := h.name("retry")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, `{"operation":{"sync":{},"retry":{"limit":3,"refresh":true,"backoff":{"duration":"2s","factor":1}}}}`)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		op := a.Status.OperationState
		if op == nil || op.RetryCount == 0 || op.Phase != v1alpha1.OperationRunning || op.FinishedAt == nil || !strings.Contains(op.Message, "Retrying attempt #1 at ") {
			return "not waiting for the next try"
		}
		return ""
	})
	commit := repo.Commit(t, map[string]string{"pre.yaml": job("migrate", "PreSync", "", "true")}, "Mend the migration")
	h.hook(t, repo.URL)
	a := h.wait(t, name, synced(commit))
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationSucceeded || op.RetryCount == 0 || op.SyncResult.Revision != commit {
		t.Errorf("operation %s, tried again %d times", phase(a), op.RetryCount)
	}
}

func TestHelmHooksTellInstallFromUpgrade(t *testing.T) {
	h := start(t)
	hook := func(name, at string) string {
		return strings.Replace(job(name, "X", "", "true"), "argocd.argoproj.io/hook: X", "helm.sh/hook: "+at, 1)
	}
	repo := h.git.Repo(t, "helmhooks", map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "templates/cm.yaml": configMap,
		"templates/install.yaml": hook("install", "pre-install"), "templates/upgrade.yaml": hook("upgrade", "pre-upgrade"), "templates/both.yaml": hook("both", `"post-install,post-upgrade"`),
	})
	name := h.name("helmhooks")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	a := h.wait(t, name, synced(repo.Head(t)))
	ran := func(a *v1alpha1.Application) string {
		var names []string
		for _, r := range a.Status.OperationState.SyncResult.Resources {
			if r.HookType != "" {
				names = append(names, r.Name)
			}
		}
		return strings.Join(names, " ")
	}
	if got := ran(a); got != "install both" {
		t.Errorf("the installation ran %s", got)
	}
	if got := ran(h.sync(t, name, "")); got != "upgrade both" {
		t.Errorf("the second sync ran %s", got)
	}
}

func TestAHookIsStoppedWhenItsTimeIsOver(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "hooktime", map[string]string{"pre.yaml": job("migrate", "PreSync", "hawser.dev/hook-timeout: 2s", "sleep infinity"), "cm.yaml": configMap})
	name := h.name("hooktime")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	a := h.sync(t, name, "")
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed || !strings.Contains(op.Message, "batch/Job/migrate has not completed within 2s") {
		t.Errorf("operation %s", phase(a))
	}
	h.WaitGone(t, "batch/v1", "Job", h.target, "migrate")
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("applied after a PreSync hook that did not end")
	}
}

func TestAWaitSaysItsReasonAndItsEnd(t *testing.T) {
	h := start(t)
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {hawser.sync.wave.timeout: 4s}\n")
	stuck := strings.Replace(strings.Replace(deployment, "web:1.0", "web:broken", 1), "name: web,", "name: web, annotations: {argocd.argoproj.io/sync-wave: '-1'},", 1)
	repo := h.git.Repo(t, "wait", map[string]string{"web.yaml": stuck, "cm.yaml": configMap, "fail.yaml": job("tell", "SyncFail", "", "true")})
	name := h.name("wait")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, `{"operation":{"sync":{}}}`)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || !containsAll(op.Message, []string{"waiting for healthy state of apps/Deployment/web (3 of 3 pods cannot pull image registry.example/shop/web:broken", "; since 20", ", gives up at 20"}) || op.WaitingSince == nil {
			return "the wait does not explain itself"
		}
		return ""
	})
	a := h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed {
			return "it still waits"
		}
		return ""
	})
	if op := a.Status.OperationState; !containsAll(op.Message, []string{"gave up after 4s", "cannot pull image"}) || op.WaitingSince != nil {
		t.Errorf("operation %s", phase(a))
	}
	if r := result(a, "tell", "SyncFail"); r.HookPhase != v1alpha1.OperationSucceeded {
		t.Errorf("the SyncFail hook did not run: %+v", r)
	}
}

func TestAnOperationEndsAtTheTimeoutOfTheSettings(t *testing.T) {
	h := start(t)
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\ndata: {controller.sync.timeout.seconds: '3'}\n")
	repo := h.git.Repo(t, "synctime", map[string]string{"pre.yaml": job("migrate", "PreSync", "", "sleep infinity"), "cm.yaml": configMap})
	name := h.name("synctime")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	a := h.sync(t, name, "")
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed || op.Message != "Operation terminated, triggered by controller sync timeout" {
		t.Errorf("operation %s", phase(a))
	}
}

// A dry run ends although a hook of the last sync is still there: a sync would delete it first, a dry run may not.
func TestDryRunBesideHooksOfTheLastSync(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "dry", map[string]string{"pre.yaml": job("migrate", "PreSync", "argocd.argoproj.io/hook-delete-policy: BeforeHookCreation", "true"), "cm.yaml": configMap})
	name := h.name("dry")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, func(a *v1alpha1.Application) string {
		return map[bool]string{true: "", false: "not compared"}[a.Status.Sync.Status != ""]
	})
	if a := h.sync(t, name, `"prune":true`); phase(a) != "Succeeded successfully synced (all tasks run)" {
		t.Fatal(phase(a))
	}
	before := h.Get(t, "batch/v1", "Job", h.target, "migrate")
	a := h.sync(t, name, `"dryRun":true`)
	if a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Errorf("a dry run is %s", phase(a))
	}
	if after := h.Get(t, "batch/v1", "Job", h.target, "migrate"); before == nil || after == nil || before.GetUID() != after.GetUID() {
		t.Error("a dry run has touched the hook")
	}
}
