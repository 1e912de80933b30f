package cluster_test

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func outOfSync(a *v1alpha1.Application) string {
	if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
		return "not OutOfSync"
	}
	return ""
}

func TestForceRecreatesWhatCannotBeChanged(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "force", map[string]string{"web.yaml": deployment})
	name := h.name("force")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	h.sync(t, name, "")
	before := h.Get(t, "apps/v1", "Deployment", h.target, "web")
	commit := repo.Commit(t, map[string]string{"web.yaml": strings.ReplaceAll(deployment, "{app: web}", "{app: shop}")}, "Another selector")
	h.hook(t, repo.URL)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Revision != commit {
			return "not at the new commit"
		}
		return outOfSync(a)
	})
	a := h.sync(t, name, "")
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed || !strings.Contains(op.Message, "spec.selector") {
		t.Errorf("a plain sync: %s", phase(a))
	}
	if o := h.Get(t, "apps/v1", "Deployment", h.target, "web"); o == nil || o.GetUID() != before.GetUID() {
		t.Fatal("a plain sync deleted it")
	}
	a = h.sync(t, name, `"syncStrategy":{"apply":{"force":true}}`)
	if a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Errorf("with force: %s", phase(a))
	}
	h.wait(t, name, synced(commit))
	if o := h.Get(t, "apps/v1", "Deployment", h.target, "web"); o.GetUID() == before.GetUID() {
		t.Error("it was not created anew")
	}
}

func TestRespectIgnoreDifferencesLeavesAnAutoscalersReplicas(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "respect", map[string]string{"web.yaml": deployment})
	name := h.name("respect")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: "ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]\nsyncPolicy: {syncOptions: [RespectIgnoreDifferences=true]}"})
	h.wait(t, name, synced(repo.Head(t)))
	h.Patch(t, "keda-operator", "apps/v1", "Deployment", h.target, "web", `{"spec":{"replicas":5}}`)
	commit := repo.Commit(t, map[string]string{"web.yaml": strings.Replace(deployment, "web:1.0", "web:1.1", 1)}, "Release 1.1")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(commit))
	if err := field("5", "spec", "replicas")(h.Get(t, "apps/v1", "Deployment", h.target, "web")); err != nil {
		t.Error(err)
	}
	for _, c := range h.get(t, name).Status.Conditions {
		if c.Status == "" {
			t.Errorf("condition %s: %s", c.Type, c.Message)
		}
	}
}

func TestOtherWaysToApplyStaySyncedAndHeal(t *testing.T) {
	h := start(t)
	for _, option := range []string{"Replace=true", "ServerSideApply=false", "ServerSideApply=true"} {
		t.Run(option, func(t *testing.T) {
			short := strings.ToLower(strings.ReplaceAll(option, "=", ""))
			object := strings.Replace(configMap, "settings", short, 1)
			repo := h.git.Repo(t, short, map[string]string{"cm.yaml": object, "web.yaml": strings.ReplaceAll(deployment, "name: web", "name: "+short)})
			name := h.name(short)
			h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: "syncPolicy: {syncOptions: [" + option + "]}"})
			a := h.wait(t, name, synced(repo.Head(t)))
			if option == "ServerSideApply=true" && !strings.HasSuffix(a.Status.OperationState.SyncResult.Resources[0].Message, " serverside-applied") {
				t.Errorf("message %q", a.Status.OperationState.SyncResult.Resources[0].Message)
			}
			h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, short, `{"data":{"colour":"red"}}`)
			h.WaitFor(t, "v1", "ConfigMap", h.target, short, field("blue", "data", "colour"))
			h.wait(t, name, synced(""))
			commit := repo.Commit(t, map[string]string{"cm.yaml": strings.Replace(object, "colour: blue", "size: large", 1)}, "Another key")
			h.hook(t, repo.URL)
			h.wait(t, name, synced(commit))
			o := h.Get(t, "v1", "ConfigMap", h.target, short)
			if field("large", "data", "size")(o) != nil || field("<nil>", "data", "colour")(o) != nil {
				t.Errorf("data %v", o.Object["data"])
			}
		})
	}
}

func TestADeploymentTurnsToRecreateAndBack(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "turn", map[string]string{"web.yaml": deployment})
	name := h.name("turn")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	for _, strategy := range []string{"Recreate", "RollingUpdate", "Recreate"} {
		commit := repo.Commit(t, map[string]string{"web.yaml": strings.Replace(deployment, "  replicas: 3", "  strategy: {type: "+strategy+"}\n  replicas: 3", 1)}, strategy)
		h.hook(t, repo.URL)
		h.wait(t, name, synced(commit))
		if err := field(strategy, "spec", "strategy", "type")(h.Get(t, "apps/v1", "Deployment", h.target, "web")); err != nil {
			t.Error(err)
		}
	}
}

// What the settings do not count as a difference is in force at once, for every application, and counts again as soon
// as they no longer say so.
func TestDifferencesThatTheSettingsIgnore(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "ignored-by-all", map[string]string{"cm.yaml": configMap})
	name := h.name("ignoring")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "settings", `{"data":{"colour":"red"}}`)
	h.wait(t, name, outOfSync)
	h.settings(t, "argocd-cm", "resource.customizations.ignoreDifferences.ConfigMap: 'jqPathExpressions: [.data.colour]'")
	h.wait(t, name, synced(repo.Head(t)))
	h.settings(t, "argocd-cm", "resource.customizations.ignoreDifferences.all: 'managedFieldsManagers: [kubectl-edit]'")
	h.wait(t, name, synced(repo.Head(t)))
	h.settings(t, "argocd-cm", "resource.customizations.ignoreDifferences.Secret: 'jqPathExpressions: [.data.colour]'")
	h.wait(t, name, outOfSync)
}

// A dry run of what has never been synced, into a namespace that the sync would create: what the API server cannot be
// asked yet does not make it fail, what it can be asked does, and nothing is written.
func TestADryRunBeforeTheNamespaceIsThere(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "never", map[string]string{
		"cm.yaml": configMap, "pre.yaml": job("migrate", "PreSync", "", "true"),
		"role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: " + h.target + "-never}\nrules: []\n",
	})
	name, namespace := h.name("never"), h.target+"-new"
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: "{destination: {server: https://kubernetes.default.svc, namespace: " + namespace + "}, syncPolicy: {syncOptions: [CreateNamespace=true]}}"})
	h.wait(t, name, func(a *v1alpha1.Application) string {
		return map[bool]string{true: "", false: "not compared"}[a.Status.Sync.Status != ""]
	})
	a := h.sync(t, name, `"dryRun":true`)
	if phase(a) != "Succeeded successfully synced (all tasks run)" {
		t.Errorf("the dry run is %s", phase(a))
	}
	said := map[string]string{}
	for _, r := range a.Status.OperationState.SyncResult.Resources {
		said[r.Kind] = r.Message
	}
	for kind, want := range map[string]string{
		"Namespace": "namespace/" + namespace + " created (dry run)", "ClusterRole": "created (dry run)",
		"ConfigMap": "not asked of the API server: namespace " + namespace + " does not exist yet", "Job": "not asked of the API server: namespace " + namespace + " does not exist yet",
	} {
		if !strings.Contains(said[kind], want) {
			t.Errorf("of the %s it says %q, want %q", kind, said[kind], want)
		}
	}
	if h.Get(t, "v1", "Namespace", "", namespace) != nil {
		t.Error("the dry run has created the namespace")
	}
	if a := h.sync(t, name, `"dryRun":true,"syncOptions":["CreateNamespace=false"]`); a.Status.OperationState.Phase != v1alpha1.OperationFailed || !strings.Contains(phase(a), "namespaces \""+namespace+"\" not found") {
		t.Errorf("where no sync would create the namespace, the dry run is %s", phase(a))
	}
	if a := h.sync(t, name, ``); a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Errorf("the sync is %s", phase(a))
	}
}
