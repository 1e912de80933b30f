package cluster_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/config"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// contend writes the ConfigMap's colour as another controller, as soon as it sees another value, until stop. It counts
// how often it had to.
func (h *hawser) contend(t *testing.T, name, manager string) (times *atomic.Int64, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	times = &atomic.Int64{}
	client := h.Dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(h.target)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			o, err := client.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				time.Sleep(100 * time.Millisecond)
				continue
			}
			if colour, _, _ := unstructured.NestedString(o.Object, "data", "colour"); colour != "operated" {
				if _, err := client.Patch(ctx, name, types.MergePatchType, []byte(`{"data":{"colour":"operated"}}`), metav1.PatchOptions{FieldManager: manager}); err == nil {
					times.Add(1)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return times, stop
}

func TestAContestedFieldIsGivenUp(t *testing.T) {
	h := start(t)
	// short pauses, so that the test does not wait for the third heal
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\ndata: {controller.self.heal.backoff.timeout.seconds: '1', controller.self.heal.backoff.factor: '1', controller.self.heal.backoff.cap.seconds: '1'}\n")
	sized := configMap[:len(configMap)-len("data: {colour: blue}\n")] + "data: {colour: blue, size: large}\n"
	repo := h.git.Repo(t, "contest", map[string]string{"cm.yaml": sized, "other.yaml": strings.Replace(configMap, "settings", "other", 1)})
	name := h.name("contest")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	times, stop := h.contend(t, "settings", "some-operator")
	a := h.wait(t, name, condition(v1alpha1.ConditionFieldContestedWarning, "ConfigMap/settings: data.colour was set back three times", "some-operator", "ignoreDifferences"))
	if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
		t.Errorf("the difference is hidden: %s", a.Status.Sync.Status)
	}
	given := times.Load()
	time.Sleep(4 * time.Second)
	if now := times.Load(); now != given || given > 5 {
		t.Errorf("the operator had to write %d times, and %d times after we gave up", given, now-given)
	}

	// another field of the object, and another object, are healed all the same, without touching the contested one
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "settings", `{"data":{"size":"small"}}`)
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "other", `{"data":{"colour":"red"}}`)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("large", "data", "size"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "other", field("blue", "data", "colour"))
	if err := field("operated", "data", "colour")(h.Get(t, "v1", "ConfigMap", h.target, "settings")); err != nil || times.Load() != given {
		t.Errorf("the contested field was touched (%v), the operator wrote %d times", err, times.Load()-given)
	}

	// and it is still told: what was applied around it has not become what Git is taken for
	time.Sleep(2 * time.Second)
	a = h.get(t, name)
	if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync || !condition0(a, v1alpha1.ConditionFieldContestedWarning, "data.colour") {
		t.Errorf("the contest is hidden after a heal around it: %s, %v", a.Status.Sync.Status, a.Status.Conditions)
	}

	// a commit that changes the object tries again; once the operator is gone that holds
	stop()
	commit := repo.Commit(t, map[string]string{"cm.yaml": strings.Replace(sized, "blue", "green", 1)}, "Green")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(commit))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("green", "data", "colour"))
	if condition0(h.get(t, name), v1alpha1.ConditionFieldContestedWarning) {
		t.Error("still contested")
	}
}

func TestAPersonsSyncEndsAContest(t *testing.T) {
	h := start(t)
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\ndata: {controller.self.heal.backoff.timeout.seconds: '1', controller.self.heal.backoff.factor: '1', controller.self.heal.backoff.cap.seconds: '1'}\n")
	repo := h.git.Repo(t, "contest2", map[string]string{"cm.yaml": configMap})
	name := h.name("contest2")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	_, stop := h.contend(t, "settings", "some-operator")
	h.wait(t, name, condition(v1alpha1.ConditionFieldContestedWarning, "some-operator"))
	stop()
	h.sync(t, name, "")
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue", "data", "colour"))
	h.wait(t, name, synced(""))
}

func TestOneObjectsTroubleDelaysNoOther(t *testing.T) {
	h := start(t)
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\ndata: {controller.self.heal.backoff.timeout.seconds: '60'}\n")
	repo := h.git.Repo(t, "pauses", map[string]string{"cm.yaml": configMap, "other.yaml": strings.Replace(configMap, "settings", "other", 1)})
	name := h.name("pauses")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	h.contend(t, "settings", "some-operator") // healed once, and then after a minute
	h.wait(t, name, outOfSync)
	time.Sleep(2 * time.Second)
	for _, colour := range []string{"red", "pink"} {
		h.Patch(t, "another-operator", "v1", "ConfigMap", h.target, "other", `{"data":{"colour":"`+colour+`"}}`)
		if colour == "red" {
			h.WaitFor(t, "v1", "ConfigMap", h.target, "other", field("blue", "data", "colour"))
		}
	}
	h.Delete(t, h.target, strings.Replace(configMap, "settings", "other", 1))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "other", field("blue", "data", "colour"))
}

func TestAGrantedPermissionEndsThePause(t *testing.T) {
	h := prepare(t)
	user := "hawser-" + h.control
	role := func(kind, name, namespace, rules string) string {
		meta := "{name: " + name + "}"
		if namespace != "" {
			meta = "{name: " + name + ", namespace: " + namespace + "}"
		}
		binding := strings.Replace(kind, "Role", "RoleBinding", 1)
		return "apiVersion: rbac.authorization.k8s.io/v1\nkind: " + kind + "\nmetadata: " + meta + "\nrules: [" + rules + "]\n---\n" +
			"apiVersion: rbac.authorization.k8s.io/v1\nkind: " + binding + "\nmetadata: " + meta + "\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: " + kind + ", name: " + name +
			"}\nsubjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: " + user + "}]\n"
	}
	h.Apply(t, "", role("ClusterRole", user, "", "{apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch]}, {nonResourceURLs: ['*'], verbs: [get]}"))
	h.Apply(t, "", role("Role", "own", h.control, "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}"))
	t.Cleanup(func() {
		_ = h.Client.RbacV1().ClusterRoleBindings().Delete(context.Background(), user, metav1.DeleteOptions{})
		_ = h.Client.RbacV1().ClusterRoles().Delete(context.Background(), user, metav1.DeleteOptions{})
	})
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cmd-params-cm}\ndata: {controller.self.heal.backoff.timeout.seconds: '600', controller.self.heal.backoff.cap.seconds: '600'}\n")
	kubeconfig := h.asUser(t, user, "system:authenticated")
	h.run(t, func(c *config.Config) { c.Kubeconfig, c.InstallCRDs = kubeconfig, false })
	repo := h.git.Repo(t, "granted", map[string]string{"cm.yaml": configMap})
	name := h.name("granted")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{selfHeal: true}"})
	h.wait(t, name, ended(v1alpha1.OperationFailed, "is forbidden"))
	h.wait(t, name, condition(v1alpha1.ConditionSyncError, "is forbidden"))
	time.Sleep(time.Second)
	h.Apply(t, "", role("Role", "deploy", h.target, "{apiGroups: ['*'], resources: ['*'], verbs: ['*']}"))
	h.wait(t, name, synced(repo.Head(t)))
}
