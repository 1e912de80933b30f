package cluster_test

import (
	"fmt"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Any application sleeps and wakes, without its hooks, and without selfHeal; replicas that are left to others when it is
// awake are ours as long as it sleeps, and theirs again afterwards. A commit that comes meanwhile is deployed, asleep.
func TestAnApplicationSleeps(t *testing.T) {
	h := start(t)
	const hook = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: check, annotations: {argocd.argoproj.io/hook: PostSync}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}\n"
	const cron = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {schedule: '0 3 * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}}}\n"
	scaled := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: scaled}\nspec: {selector: {matchLabels: {app: scaled}}, template: {metadata: {labels: {app: scaled}}, spec: {containers: [{name: web, image: nginx}]}}}\n"
	repo := h.git.Repo(t, "sleeper", map[string]string{"web.yaml": deployment, "scaled.yaml": scaled, "cron.yaml": cron, "hook.yaml": hook})
	name := h.name("sleeper")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{}", extra: "syncPolicy: {syncOptions: [RespectIgnoreDifferences=true]}\nignoreDifferences: [{group: apps, kind: Deployment, name: scaled, jsonPointers: [/spec/replicas]}]"})
	h.wait(t, name, synced(repo.Head(t)))
	job := h.Get(t, "batch/v1", "Job", h.target, "check")
	h.Patch(t, "kube-controller-manager", "apps/v1", "Deployment", h.target, "scaled", `{"spec":{"replicas":2}}`)
	wanted := func(deployment string, want int64) {
		t.Helper()
		h.WaitFor(t, "apps/v1", "Deployment", h.target, deployment, func(o *unstructured.Unstructured) error {
			if n, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); n != want {
				return fmt.Errorf("%d are wanted", n)
			}
			return nil
		})
	}
	suspended := func(want bool) {
		t.Helper()
		h.WaitFor(t, "batch/v1", "CronJob", h.target, "nightly", func(o *unstructured.Unstructured) error {
			if is, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); is != want {
				return fmt.Errorf("suspended is %v", is)
			}
			return nil
		})
	}
	say := func(value string) {
		t.Helper()
		h.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", h.control, name, `{"metadata":{"annotations":{"hawser.dev/asleep":`+value+`}}}`)
	}
	say(`"true"`)
	h.wait(t, name, asleep(repo.Head(t)))
	wanted("web", 0)
	wanted("scaled", 0)
	suspended(true)
	if again := h.Get(t, "batch/v1", "Job", h.target, "check"); again == nil || again.GetUID() != job.GetUID() {
		t.Error("its hook ran because it fell asleep")
	}
	history := len(h.get(t, name).Status.History)

	repo.Commit(t, map[string]string{"cm.yaml": configMap}, "Add settings")
	h.hook(t, repo.URL)
	h.wait(t, name, asleep(repo.Head(t)))
	wanted("web", 0)
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Error("what came meanwhile is not deployed")
	}
	if n := len(h.get(t, name).Status.History); n != history+1 {
		t.Errorf("the history has %d entries more", n-history)
	}

	say(`"false"`)
	h.wait(t, name, synced(repo.Head(t)))
	wanted("web", 3)
	wanted("scaled", 1) // nobody says how many: the API server's default
	suspended(false)
	h.Patch(t, "kube-controller-manager", "apps/v1", "Deployment", h.target, "scaled", `{"spec":{"replicas":2}}`)
	h.refresh(t, name)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Annotations[v1alpha1.AnnotationRefresh] != "" {
			return "not looked at"
		}
		return synced(repo.Head(t))(a)
	})
	wanted("scaled", 2)
}
