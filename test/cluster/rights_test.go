package cluster_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// rightsOf are the roles that docs/rights.md prints, by their names: kind and rules.
func rightsOf(t *testing.T) map[string][2]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/rights.md")
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string][2]string{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n.*?kind: (\\w+)\nmetadata: \\{name: ([\\w-]+)\\}[^\n]*\nrules:\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		roles[m[2]] = [2]string{m[1], m[3]}
	}
	if len(roles) != 4 {
		t.Fatalf("docs/rights.md has other roles than this test knows: %v", roles)
	}
	return roles
}

// asAccount is a kubeconfig with a token of a service account's, which it makes.
func (h *hawser) asAccount(t *testing.T, namespace, name string) string {
	t.Helper()
	h.Apply(t, namespace, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: "+name+"}}")
	token, err := h.Client.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	file, err := clientcmd.LoadFromFile(h.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for user := range file.AuthInfos {
		file.AuthInfos[user] = &api.AuthInfo{Token: token.Status.Token}
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// With the rights that docs/rights.md prints, and no others, Hawser deploys as the accounts that projects name, and makes
// applications of what others decide. Without the right to speak for an account, and to read the decisions, it says so.
func TestRightsAreEnough(t *testing.T) {
	h := prepare(t)
	roles := rightsOf(t)
	group := "rights" + h.control[strings.LastIndex(h.control, "-")+1:] + ".hawser.dev"
	grant := func(role, namespace, name, rules string, kind ...string) {
		t.Helper()
		what := strings.Join(append(kind, "Role")[:1], "")
		unique := role + "-" + h.control
		h.Apply(t, namespace, fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: %[1]s\nmetadata: {name: %[2]s}\nrules:\n%[3]s\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: %[1]sBinding\nmetadata: {name: %[2]s}\n"+
			"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %[1]s, name: %[2]s}\nsubjects: [{kind: ServiceAccount, name: %[4]s, namespace: %[5]s}]\n", what, unique, rules, name, map[bool]string{true: h.target, false: h.control}[name == "deployer"]))
		if what == "ClusterRole" {
			t.Cleanup(func() {
				_ = h.Client.RbacV1().ClusterRoleBindings().Delete(context.Background(), unique, metav1.DeleteOptions{})
				_ = h.Client.RbacV1().ClusterRoles().Delete(context.Background(), unique, metav1.DeleteOptions{})
			})
		}
	}
	kubeconfig := h.asAccount(t, h.control, "hawser")
	h.Apply(t, h.target, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: deployer}}")
	grant("hawser", h.control, "hawser", roles["hawser"][1])
	grant("hawser-reads", "", "hawser", roles["hawser-reads"][1], roles["hawser-reads"][0])
	grant("deployer", h.target, "deployer", `- {apiGroups: [""], resources: [configmaps], verbs: [create, patch, delete]}`)

	h.settings(t, "argocd-cm", "application.sync.impersonation.enabled: 'true'")
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: team}, spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: %s}],
  destinationServiceAccounts: [{server: "*", namespace: %[1]s, defaultServiceAccount: deployer}]}}`, h.target))
	h.run(t, func(c *config.Config) { c.Kubeconfig, c.InstallCRDs = kubeconfig, false })

	repo := h.git.Repo(t, "rights", map[string]string{"services/a/cm.yaml": configMap})
	name := h.name("rights")
	h.apply(t, app{name: name, repo: repo.URL, path: "services/a", extra: "project: team", finalizer: true})
	h.wait(t, name, outOfSync)
	if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationFailed || !strings.Contains(fmt.Sprint(a.Status.OperationState.SyncResult.Resources), "the right to impersonate that service account") {
		t.Errorf("without the right to speak for the account: %s %+v", phase(a), a.Status.OperationState.SyncResult)
	}
	grant("hawser-speaks-for", h.target, "hawser", roles["hawser-speaks-for"][1])
	clustertest.Wait(t, "a deployment as the account", func(context.Context) error { // the API server takes a moment to know of a right
		if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
			return fmt.Errorf("%s", phase(a))
		}
		return nil
	})
	h.wait(t, name, synced(repo.Head(t)))
	h.events(t, name, 2)
	repo.Commit(t, map[string]string{"services/a/cm.yaml": "", "services/a/other.yaml": strings.Replace(configMap, "settings", "other", 1)}, "Another")
	h.hook(t, repo.URL)
	h.wait(t, name, outOfSync)
	h.sync(t, name, `"prune":true`)
	h.WaitGone(t, "v1", "ConfigMap", h.target, "settings")

	h.Apply(t, "", fmt.Sprintf(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: placementdecisions.%s}, spec: {group: %[1]s, scope: Namespaced,
  names: {kind: PlacementDecision, plural: placementdecisions, singular: placementdecision, listKind: PlacementDecisionList},
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`, group))
	t.Cleanup(func() {
		_ = h.Dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}).Delete(context.Background(), "placementdecisions."+group, metav1.DeleteOptions{})
	})
	h.Apply(t, h.control, `{apiVersion: v1, kind: ConfigMap, metadata: {name: duck}, data: {apiVersion: `+group+`/v1, kind: placementdecisions, statusListKey: decisions, matchKey: clusterName}}`)
	h.Apply(t, h.control, `{apiVersion: `+group+`/v1, kind: PlacementDecision, metadata: {name: p}, status: {decisions: [{clusterName: in-cluster, app: x}]}}`)
	h.Apply(t, h.control, h.asking("duck", repo.URL, "clusterDecisionResource: {configMapRef: duck, name: p, requeueAfterSeconds: 5}"))
	h.waitSaid(t, "duck", "ErrorOccurred=True", "placementdecisions."+group+" that decide", "forbidden")
	grant("hawser-decisions", h.control, "hawser", strings.Replace(roles["hawser-decisions"][1], "cluster.open-cluster-management.io", group, 1))
	h.madeBy(t, "duck", "x")
	h.Delete(t, h.control, "{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, metadata: {name: duck}}")
	h.madeBy(t, "duck")

	h.removeApp(t, name)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	if h.Get(t, "v1", "ConfigMap", h.target, "other") != nil {
		t.Error("the application went before its objects")
	}
}
