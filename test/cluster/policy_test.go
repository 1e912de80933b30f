package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestCreateNamespaceWithItsMetadata(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "newns", map[string]string{"cm.yaml": configMap})
	name, fresh := h.name("newns"), h.target+"-new"
	t.Cleanup(func() {
		if err := h.Client.CoreV1().Namespaces().Delete(context.Background(), fresh, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	spec := func(more string) string {
		return fmt.Sprintf(`{"destination":{"server":"https://kubernetes.default.svc","namespace":%q},"syncPolicy":{"automated":{"selfHeal":true},"syncOptions":["CreateNamespace=true"]%s}}`, fresh, more)
	}
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: spec(`,"managedNamespaceMetadata":{"labels":{"team":"ships"},"annotations":{"note":"new"}}`)})
	h.wait(t, name, synced(repo.Head(t)))
	ns := h.Get(t, "v1", "Namespace", "", fresh)
	if ns == nil || ns.GetLabels()["team"] != "ships" || ns.GetAnnotations()["note"] != "new" {
		t.Errorf("namespace %v", ns)
	}
	if a := ns.GetAnnotations()["argocd.argoproj.io/tracking-id"]; a != "" {
		t.Errorf("the namespace is no object of the application, and carries its mark %s", a)
	}
}

func TestValidateFalse(t *testing.T) {
	h := start(t)
	h.Apply(t, "", strings.ReplaceAll(strings.ReplaceAll(widgets, "GROUP", h.control+".example.com"), "SCHEMA", "properties: {spec: {type: object, properties: {size: {type: integer}}}}"))
	widget := func(options string) string {
		return "apiVersion: " + h.control + ".example.com/v1\nkind: Widget\nmetadata: {name: w, annotations: {" + options + "}}\nspec: {size: 1, colour: red}\n"
	}
	repo := h.git.Repo(t, "validate", map[string]string{"w.yaml": widget("")})
	name := h.name("validate")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationFailed || !strings.Contains(a.Status.OperationState.Message, "colour") {
		t.Errorf("a field that the schema does not have: %s", phase(a))
	}
	repo.Commit(t, map[string]string{"w.yaml": widget("argocd.argoproj.io/sync-options: Validate=false")}, "Do not validate")
	h.refresh(t, name)
	if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Errorf("with Validate=false: %s", phase(a))
	}
	h.wait(t, name, synced(""))
}

// widgets is a kind of its own for a test; GROUP and SCHEMA are filled in.
const widgets = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.GROUP}
spec:
  group: GROUP
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, SCHEMA}}}]
`

func TestKindsThatComeWithTheSync(t *testing.T) {
	h := start(t)
	group := h.control + ".example.com"
	crd := strings.ReplaceAll(strings.ReplaceAll(widgets, "GROUP", group), "SCHEMA", "x-kubernetes-preserve-unknown-fields: true")
	widget := "apiVersion: " + group + "/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 1}\n"
	repo := h.git.Repo(t, "crdsync", map[string]string{"a.yaml": widget, "b.yaml": crd})
	name := h.name("crdsync")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))

	// a kind that a hook brings is not in the commit: only with the option is it not asked about first
	other := strings.ReplaceAll(widget, group, "nowhere."+group)
	lone := h.git.Repo(t, "crdlone", map[string]string{"cm.yaml": configMap, "w.yaml": other})
	second := h.name("crdlone")
	h.apply(t, app{name: second, repo: lone.URL, path: "."})
	h.wait(t, second, outOfSync)
	a := h.sync(t, second, "")
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed || !strings.HasPrefix(op.Message, "one or more objects failed to apply (dry run)") || h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Errorf("a kind that nobody serves: %s", phase(a))
	}
	a = h.sync(t, second, `"syncOptions":["SkipDryRunOnMissingResource=true"]`)
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed || strings.Contains(op.Message, "dry run") || h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Errorf("with SkipDryRunOnMissingResource=true: %s", phase(a))
	}
}

func TestPropagationOfPrunes(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "orphan", map[string]string{"web.yaml": deployment, "cm.yaml": configMap})
	name := h.name("orphan")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: `{"syncPolicy":{"syncOptions":["PrunePropagationPolicy=orphan"]}}`})
	h.sync(t, name, "")
	h.wait(t, name, synced(""))
	repo.Replace(t, map[string]string{"cm.yaml": configMap}, "Drop web")
	h.refresh(t, name)
	h.sync(t, name, `"prune":true`)
	h.WaitGone(t, "apps/v1", "Deployment", h.target, "web")
	sets, err := h.Client.AppsV1().ReplicaSets(h.target).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(sets.Items) != 1 || sets.Items[0].DeletionTimestamp != nil {
		t.Errorf("orphan is to leave the ReplicaSet: %d, %v", len(sets.Items), err)
	}
}

func TestWhatADeletionSpares(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "spare", map[string]string{
		"a.yaml": named("kept", "argocd.argoproj.io/sync-options: Delete=false"), "b.yaml": named("keep-too", "helm.sh/resource-policy: keep"), "cm.yaml": configMap,
	})
	name := h.name("spare")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{selfHeal: true}", finalizer: true})
	h.wait(t, name, synced(repo.Head(t)))
	h.removeApp(t, name)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	h.WaitGone(t, "v1", "ConfigMap", h.target, "settings")
	for _, n := range []string{"kept", "keep-too"} {
		if o := h.Get(t, "v1", "ConfigMap", h.target, n); o == nil || o.GetDeletionTimestamp() != nil {
			t.Errorf("%s was deleted", n)
		}
	}
}

func TestSwitchedOff(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "off", map[string]string{"cm.yaml": configMap})
	name, frozen := h.name("off"), h.name("frozen")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{enabled: false, selfHeal: true}"})
	h.apply(t, app{name: frozen, repo: repo.URL, path: ".", auto: "{selfHeal: true}", annotations: map[string]string{"argocd.argoproj.io/skip-reconcile": "true"}})
	h.wait(t, name, outOfSync)
	time.Sleep(time.Second)
	if a := h.get(t, frozen); a.Status.ReconciledAt != nil {
		t.Errorf("skip-reconcile: %+v", a.Status)
	}
	if a := h.get(t, name); a.Status.OperationState != nil || h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Errorf("automated.enabled: false: %s", phase(a))
	}
	h.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", h.control, frozen, `{"metadata":{"annotations":{"argocd.argoproj.io/skip-reconcile":null}}}`)
	h.wait(t, frozen, synced(repo.Head(t)))
}

func TestLocalManifestsAreAppliedAndAreNoCommit(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "local", map[string]string{"cm.yaml": configMap})
	name := h.name("local")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	manifest, err := json.Marshal(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"colour":"local"}}`)
	if err != nil {
		t.Fatal(err)
	}
	a := h.sync(t, name, `"manifests":[`+string(manifest)+`]`)
	if a.Status.OperationState.Phase != v1alpha1.OperationSucceeded || len(a.Status.History) != 0 {
		t.Errorf("operation %s, history %+v", phase(a), a.Status.History)
	}
	if err := field("local", "data", "colour")(h.Get(t, "v1", "ConfigMap", h.target, "settings")); err != nil {
		t.Error(err)
	}
	h.wait(t, name, outOfSync) // it is not what Git says
}

func TestSharedObjectFailsTheSyncWhenAsked(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "sharedfail", map[string]string{"cm.yaml": configMap})
	first, second := h.name("sharedone"), h.name("sharedtwo")
	h.apply(t, app{name: first, repo: repo.URL, path: ".", auto: "{selfHeal: true}"})
	h.wait(t, first, synced(repo.Head(t)))
	h.apply(t, app{name: second, repo: repo.URL, path: ".", extra: `{"syncPolicy":{"syncOptions":["FailOnSharedResource=true"]}}`})
	h.wait(t, second, condition(v1alpha1.ConditionSharedResourceWarning, first))
	if a := h.sync(t, second, ""); a.Status.OperationState.Phase != v1alpha1.OperationFailed || !strings.Contains(a.Status.OperationState.Message, "is part of application "+first) {
		t.Errorf("operation %s", phase(a))
	}
}
