package cluster_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// in is the same cluster seen by who has their Applications in another namespace.
func (h *hawser) in(namespace string) *hawser {
	return &hawser{Cluster: h.Cluster, control: namespace, target: h.target, git: h.git, addr: h.addr}
}

// An application in another namespace is looked at only when that is asked for, and then permitted by its project only.
func TestApplicationsInOtherNamespaces(t *testing.T) {
	h := prepare(t)
	tenant, stranger := h.Namespace(t), h.Namespace(t)
	h.run(t, func(c *config.Config) { c.ApplicationNamespaces = []string{tenant[:len(tenant)-2] + "*"} })
	repo := h.git.Repo(t, "tenant", map[string]string{"cm.yaml": configMap})
	h.rules(t, "tenants", "sourceNamespaces: ["+tenant+"], destinations: [{server: '*', namespace: "+h.target+"}]")
	manifest := func(name, namespace, project string) string {
		return fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s, namespace: %s}\nspec: {project: %s, source: {repoURL: %s, path: ., targetRevision: main}, destination: {server: https://kubernetes.default.svc, namespace: %s}, syncPolicy: {automated: {}}}\n",
			name, namespace, project, repo.URL, h.target)
	}
	h.Apply(t, "", manifest("mine", tenant, "tenants"))
	h.Apply(t, "", manifest("greedy", tenant, "default")) // a project that does not name the namespace
	h.Apply(t, "", manifest("mine", stranger, "tenants"))
	at := h.in(tenant)
	a := at.wait(t, "mine", synced(repo.Head(t)))
	if a.Status.ControllerNamespace != h.control {
		t.Errorf("controllerNamespace %q", a.Status.ControllerNamespace)
	}
	if id := h.Get(t, "v1", "ConfigMap", h.target, "settings").GetAnnotations()["argocd.argoproj.io/tracking-id"]; !strings.HasPrefix(id, tenant+"_mine:") {
		t.Errorf("tracking id %s", id)
	}
	greedy := fmt.Sprintf("application 'greedy' in namespace '%s' is not allowed to use project default", tenant)
	at.wait(t, "greedy", condition(v1alpha1.ConditionInvalidSpecError, greedy))
	if a := at.sync(t, "greedy", ""); a.Status.OperationState.Phase != v1alpha1.OperationError || !strings.Contains(a.Status.OperationState.Message, greedy) {
		t.Errorf("operation %s", phase(a))
	}
	if list := h.written(t, tenant+"_greedy"); len(list) > 0 {
		t.Errorf("written all the same: %v", list)
	}
	at.events(t, "mine", 1)
	if h.metric(t, fmt.Sprintf(`argocd_app_sync_total{dest_server="https://kubernetes.default.svc",dry_run="false",name="mine",namespace=%q,phase="Succeeded",project="tenants"}`, tenant)) != 1 {
		t.Error("its sync is not counted under its namespace")
	}
	// the permission is withdrawn: what is deployed stays, and nothing more is done with it
	h.rules(t, "tenants", "sourceNamespaces: [elsewhere], destinations: [{server: '*', namespace: "+h.target+"}]")
	at.wait(t, "mine", condition(v1alpha1.ConditionInvalidSpecError, "application 'mine' in namespace '"+tenant+"' is not allowed to use project tenants"))
	h.Delete(t, tenant, "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: greedy}\n")
	time.Sleep(2 * time.Second)
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Error("what was deployed is gone")
	}
	if a := h.in(stranger).get(t, "mine"); a.Status.ReconciledAt != nil || len(a.Status.Conditions) > 0 {
		t.Errorf("an application in a namespace that is not ours was looked at: %+v", a.Status)
	}
}

// The ConfigMap says it like the flag; an application of ours has children elsewhere, and takes them away again.
func TestAnAppOfAppsHasChildrenInOtherNamespaces(t *testing.T) {
	h := prepare(t)
	tenant := h.Namespace(t)
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\ndata: {application.namespaces: 'nobody, /^"+tenant[:len(tenant)-1]+".$/'}\n")
	h.run(t)
	child := func(repo string) string {
		return strings.Replace(child("web", repo, "web", h.target), "  name: web\n", "  name: web\n  namespace: "+tenant+"\n", 1)
	}
	files := map[string]string{
		"web/cm.yaml": configMap, "web/kustomization.yaml": "resources: [cm.yaml]\n", "apps/none.yaml": "",
		"web/.argocd-source-web.yaml":                "kustomize: {commonLabels: {of: nobody}}\n",
		"web/.argocd-source-" + tenant + "_web.yaml": "kustomize: {commonLabels: {of: tenant}}\n",
	}
	repo := h.git.Repo(t, "parent", files)
	repo.Commit(t, map[string]string{"apps/none.yaml": "", "apps/web.yaml": strings.Replace(child(repo.URL), "project: default", "project: tenants", 1)}, "Add the child")
	h.rules(t, "tenants", "sourceNamespaces: ['"+tenant+"'], destinations: [{server: '*', namespace: "+h.target+"}]")
	parent := h.name("parent")
	h.apply(t, app{name: parent, repo: repo.URL, path: "apps", auto: "{prune: true}", finalizer: true})
	h.wait(t, parent, synced(repo.Head(t)))
	h.in(tenant).wait(t, "web", synced(repo.Head(t)))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("tenant", "metadata", "labels", "of"))
	h.removeApp(t, parent)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, parent)
	if h.Get(t, "argoproj.io/v1alpha1", "Application", tenant, "web") != nil || h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("the child, or what it deployed, outlives the parent")
	}
}

// Where the label is the only mark, two long names could share one: such an application is refused.
func TestANameThatDoesNotFitIntoTheLabel(t *testing.T) {
	h := start(t)
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {application.resourceTrackingMethod: label}\n")
	repo := h.git.Repo(t, "long", map[string]string{"cm.yaml": configMap})
	name := h.name(strings.Repeat("long-", 12))
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{}"})
	h.wait(t, name, condition(v1alpha1.ConditionInvalidSpecError, "does not fit into the label app.kubernetes.io/instance"))
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata: {application.resourceTrackingMethod: annotation+label}\n")
	h.wait(t, name, synced(repo.Head(t)))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", func(o *unstructured.Unstructured) error {
		if l := o.GetLabels()["app.kubernetes.io/instance"]; !strings.HasPrefix(name, l) || len(l) > 63 {
			return fmt.Errorf("label %q", l)
		}
		return nil
	})
}

// The rights that the documentation names are enough for Applications in other namespaces.
func TestRightsForApplicationsInOtherNamespaces(t *testing.T) {
	h := prepare(t)
	tenant := h.Namespace(t)
	page, err := os.ReadFile("../../docs/namespaces.md")
	if err != nil {
		t.Fatal(err)
	}
	_, role, _ := strings.Cut(string(page), "kind: ClusterRole\n")
	_, rules, _ := strings.Cut(role, "rules:\n")
	rules, _, _ = strings.Cut(rules, "```")
	if !strings.Contains(rules, "applications") {
		t.Fatalf("docs/namespaces.md has no role any more: %s", rules)
	}
	user := "hawser-" + h.control
	grant := func(kind, name, namespace, rules string) {
		t.Helper()
		h.Apply(t, namespace, fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata: {name: %s}\nrules:\n%s---\napiVersion: rbac.authorization.k8s.io/v1\nkind: %sBinding\nmetadata: {name: %s}\n"+
			"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: %s}\nsubjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %s}]\n", kind, name, rules, kind, name, kind, name, user))
		if kind == "ClusterRole" {
			t.Cleanup(func() {
				_ = h.Client.RbacV1().ClusterRoleBindings().Delete(context.Background(), name, metav1.DeleteOptions{})
				_ = h.Client.RbacV1().ClusterRoles().Delete(context.Background(), name, metav1.DeleteOptions{})
			})
		}
	}
	grant("ClusterRole", user, "", rules)
	grant("ClusterRole", user+"-reads", "", "- {apiGroups: ['', apps, batch, apiextensions.k8s.io], resources: ['*'], verbs: [get, list, watch]}\n- {nonResourceURLs: ['*'], verbs: [get]}\n")
	grant("Role", "own", h.control, "- {apiGroups: ['*'], resources: ['*'], verbs: ['*']}\n")
	grant("Role", "deploy", h.target, "- {apiGroups: ['*'], resources: ['*'], verbs: ['*']}\n")
	kubeconfig := h.asUser(t, user, "system:authenticated")
	h.run(t, func(c *config.Config) {
		c.Kubeconfig, c.InstallCRDs, c.ApplicationNamespaces = kubeconfig, false, []string{tenant}
	})
	repo := h.git.Repo(t, "rights", map[string]string{"cm.yaml": configMap})
	h.rules(t, "tenants", "sourceNamespaces: ["+tenant+"], destinations: [{server: '*', namespace: "+h.target+"}]")
	at := h.in(tenant)
	at.apply(t, app{name: "web", repo: repo.URL, path: ".", auto: "{}", extra: "project: tenants", finalizer: true})
	at.wait(t, "web", synced(repo.Head(t)))
	at.events(t, "web", 2)
	at.removeApp(t, "web")
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", tenant, "web")
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("the application went before its objects")
	}
}

// events waits for so many events about the Application, beside it.
func (h *hawser) events(t *testing.T, name string, n int) {
	t.Helper()
	clustertest.Wait(t, "events beside "+name, func(ctx context.Context) error {
		list, err := h.Client.CoreV1().Events(h.control).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
		if err == nil && len(list.Items) < n {
			err = fmt.Errorf("%d in %s", len(list.Items), h.control)
		}
		return err
	})
}
