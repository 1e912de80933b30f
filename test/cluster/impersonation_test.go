package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
)

// preSync is a hook that needs no controller to be over.
const preSync = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: before, annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded}}\n"

// TestImpersonation: with impersonation an application writes with the rights of the account that its project names for
// its destination, and of nobody else: applies, dry runs, hooks, prunes, patches, deletions and the cascade at its end.
// The API server's audit log is the witness.
func TestImpersonation(t *testing.T) {
	own := clustertest.StartOwn(t)
	h := prepareOn(t, own.Cluster)
	h.settings(t, "argocd-cm", "application.sync.impersonation.enabled: 'true'")
	accounts := func(list string) {
		h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: team}, spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: "*"}], destinationServiceAccounts: [%s]}}`, list))
	}
	accounts(`{server: "*", namespace: elsewhere, defaultServiceAccount: deployer}`)
	h.Apply(t, h.target, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: deployer}}")
	h.run(t)
	files := map[string]string{"cm.yaml": configMap, "more.yaml": strings.Replace(configMap, "settings", "more", 1)}
	repo := h.git.Repo(t, "team", files)
	name := h.name("team")
	account := "system:serviceaccount:" + h.target + ":deployer"

	// nobody is named: nothing is written, and it is said once
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: "project: team", finalizer: true})
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
			return "not OutOfSync"
		}
		return ""
	})
	a := h.sync(t, name, "")
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationError || !containsAll(op.Message, []string{"no matching service account found for destination server https://kubernetes.default.svc and namespace " + h.target, "project team"}) {
		t.Errorf("without an account: %s", phase(a))
	}

	// an account without rights: the message names it, the verb and the resource
	accounts(`{server: "https://kubernetes.default.svc", namespace: ` + h.target + `, defaultServiceAccount: deployer}`)
	a = h.sync(t, name, "")
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed {
		t.Errorf("without rights: %s", phase(a))
	} else if said := fmt.Sprint(op.Message, op.SyncResult.Resources); !containsAll(said, []string{account, "cannot patch resource", `"configmaps"`}) {
		t.Errorf("without rights: %s", said)
	}
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("an account without rights has deployed")
	}

	// with rights
	grant := func(verbs string) {
		h.Apply(t, h.target, fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [%s]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
subjects: [{kind: ServiceAccount, name: deployer, namespace: %s}]
`, verbs, h.target))
	}
	grant("create, patch")
	clustertest.Wait(t, "the deployment by an account with rights", func(context.Context) error { // the API server takes a moment to know of a right
		if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
			return fmt.Errorf("%s", phase(a))
		}
		return nil
	})
	// it may not delete: neither by pruning nor by hand
	delete(files, "more.yaml")
	repo.Replace(t, files, "One less")
	h.hook(t, repo.URL)
	h.refresh(t, name)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Revision != repo.Head(t) {
			return "not at the newest commit"
		}
		return ""
	})
	a = h.sync(t, name, `"prune":true`)
	if said := fmt.Sprint(a.Status.OperationState.Message, a.Status.OperationState.SyncResult.Resources); a.Status.OperationState.Phase == v1alpha1.OperationSucceeded || !containsAll(said, []string{account, "cannot delete resource"}) {
		t.Errorf("pruned without the right to: %s %s", phase(a), said)
	}
	settings := h.resource(name, "", "ConfigMap", "settings")
	if err := h.apps.DeleteResource(t.Context(), reconcile.DeleteRequest{Resource: settings}); !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), account) {
		t.Errorf("deleted by hand without the right to: %v", err)
	}
	if _, err := h.apps.PatchResource(t.Context(), reconcile.PatchRequest{Resource: settings, Patch: []byte(`{"data":{"colour":"red"}}`)}); err != nil {
		t.Errorf("a patch by hand: %v", err)
	}
	grant("create, patch, delete")
	files["hook.yaml"] = preSync
	repo.Replace(t, files, "A hook")
	h.hook(t, repo.URL)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Revision != repo.Head(t) {
			return "not at the newest commit"
		}
		return ""
	})
	clustertest.Wait(t, "the prune by an account with rights", func(context.Context) error {
		if a := h.sync(t, name, `"prune":true`); a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
			return fmt.Errorf("%s", phase(a))
		}
		return nil
	})
	h.WaitGone(t, "v1", "ConfigMap", h.target, "more")

	// where nobody is named any more, nothing is deleted with our own rights
	accounts("")
	clustertest.Wait(t, "the project without accounts", func(context.Context) error {
		_, err := h.apps.PatchResource(t.Context(), reconcile.PatchRequest{Resource: settings, Patch: []byte(`{"data":{"colour":"green"}}`)})
		if !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "no matching service account") {
			return fmt.Errorf("patched by hand: %v", err)
		}
		return nil
	})
	h.remove(t, name)
	h.wait(t, name, condition(v1alpha1.ConditionDeletionError, "no matching service account found"))
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Error("deleted as ourselves")
	}
	accounts(`{server: "*", namespace: "*", defaultServiceAccount: deployer}`)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	h.WaitGone(t, "v1", "ConfigMap", h.target, "settings")

	kinds := map[string]int{}
	for _, w := range own.Audit(t) {
		if w.Object.Namespace != h.target || w.Agent != "hawser" {
			continue
		}
		if w.Who() != account {
			t.Errorf("%s %s %s was written as %s", w.Verb, w.Object.Resource, w.Object.Name, w.Who())
		}
		if w.Accepted() {
			kinds[w.Verb+" "+w.Object.Name]++
		}
	}
	for _, want := range []string{"patch settings", "delete more", "delete settings", "create before", "delete before"} {
		if kinds[want] == 0 {
			t.Errorf("the audit log has no accepted %s by the account: %v", want, kinds)
		}
	}
}

// TestImpersonationNotEnforced: while projects are moved over one by one, those without accounts go on as before.
func TestImpersonationNotEnforced(t *testing.T) {
	h := prepare(t)
	h.settings(t, "argocd-cm", "application.sync.impersonation.enabled: 'true', application.sync.impersonation.enforced: 'false'")
	h.run(t)
	repo := h.git.Repo(t, "loose", map[string]string{"cm.yaml": configMap})
	name := h.name("loose")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true}"})
	h.wait(t, name, synced(repo.Head(t)))
}

// TestImpersonatedLogs: what pods print is read as the account, too.
func TestImpersonatedLogs(t *testing.T) {
	h := start(t)
	h.settings(t, "argocd-cm", "application.sync.impersonation.enabled: 'true', application.sync.impersonation.enforced: 'false'")
	name := h.deployed(t, "logs", map[string]string{"web.yaml": deployment})
	read := func() error {
		return h.apps.Logs(t.Context(), reconcile.LogRequest{Application: h.id(name), Resource: object.Key{Group: "apps", Kind: "Deployment", Namespace: h.target, Name: "web"}}, func(reconcile.LogLine) error { return nil })
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: default}, spec: {destinationServiceAccounts: [{server: "*", namespace: "*", defaultServiceAccount: default}]}}`)
	clustertest.Wait(t, "the account's lack of rights", func(context.Context) error {
		err := read()
		if !problem.Is(err, problem.Forbidden) || !containsAll(err.Error(), []string{"system:serviceaccount:" + h.target + ":default", "pods/log"}) {
			return fmt.Errorf("%v", err)
		}
		return nil
	})
}
