package cluster_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
)

func TestAHealthCheckOfTheSettingsIsInForceAtOnce(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "judged", map[string]string{"cm.yaml": configMap})
	name := h.name("judged")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	h.Apply(t, h.control, fmt.Sprintf(`apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: %s}
data:
  resource.customizations.health.ConfigMap: |
    hs = {status = "Degraded", message = "the colour is " .. obj.data.colour}
    if obj.data.colour == "green" then hs.status = "Healthy" end
    return hs
`, h.control))
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Health.Status != v1alpha1.HealthStatusDegraded || !strings.Contains(a.Status.Health.Message, "the colour is blue") {
			return fmt.Sprintf("not judged by the script: %+v", a.Status.Health)
		}
		return ""
	})
	commit := repo.Commit(t, map[string]string{"cm.yaml": strings.Replace(configMap, "blue", "green", 1)}, "Green")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(commit))
}

// settings writes a ConfigMap of ours; its data are lines of YAML.
func (h *hawser) settings(t *testing.T, name, data string) {
	t.Helper()
	h.Apply(t, h.control, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: %s, namespace: %s}, data: {%s}}", name, h.control, data))
}

func isHealth(status v1alpha1.HealthStatusCode, words ...string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		if a.Status.Health.Status != status || !containsAll(a.Status.Health.Message, words) {
			return fmt.Sprintf("its health is %s (%s), not %s with %q", a.Status.Health.Status, a.Status.Health.Message, status, words)
		}
		return ""
	}
}

// A parent is as healthy as its children, and a wave waits for them: for their first deployment, and, when a commit
// changes one, for that change, whatever the child was before.
func TestWavesWaitForChildApplications(t *testing.T) {
	h := start(t)
	h.settings(t, "argocd-cmd-params-cm", "controller.sync.wave.delay.seconds: '0'") // the pause after custom resources would hide it
	first, second, root := h.name("first"), h.name("second"), h.name("root")
	wave := func(manifest, wave string) string {
		return strings.Replace(manifest, "metadata:\n", "metadata:\n  annotations: {argocd.argoproj.io/sync-wave: '"+wave+"'}\n", 1)
	}
	broken := strings.Replace(deployment, "web:1.0", "web:broken", 1)
	repo := h.git.Repo(t, root, map[string]string{"one/web.yaml": broken, "two/cm.yaml": configMap, "three/cm.yaml": configMap})
	parent := map[string]string{
		"root/first.yaml":  wave(child(first, repo.URL, "one", h.target), "0"),
		"root/second.yaml": wave(child(second, repo.URL, "two", h.target), "1"),
	}
	repo.Commit(t, parent, "The parent")
	h.apply(t, app{name: root, repo: repo.URL, path: "root", auto: "{prune: true, selfHeal: true}", extra: `destination: {server: "https://kubernetes.default.svc", namespace: ` + h.control + `}`})
	h.wait(t, root, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || !strings.HasPrefix(op.Message, "waiting for healthy state of argoproj.io/Application/"+first) {
			return "does not wait for its child"
		}
		return isHealth(v1alpha1.HealthStatusProgressing, "Application/"+first)(a)
	})
	if h.get(t, second) != nil {
		t.Error("the second wave came before the first was healthy")
	}
	repo.Commit(t, map[string]string{"one/web.yaml": deployment}, "Mend the image")
	h.hook(t, repo.URL)
	h.wait(t, second, synced(repo.Head(t)))
	h.wait(t, root, synced(repo.Head(t)))

	// the first is healthy as it was; the second must wait for what it becomes
	repo.Branch(t, "next")
	repo.Commit(t, map[string]string{"one/web.yaml": broken}, "Break the image")
	repo.Branch(t, "main")
	commit := repo.Commit(t, map[string]string{
		"root/first.yaml":  strings.Replace(parent["root/first.yaml"], "targetRevision: main", "targetRevision: next", 1),
		"root/second.yaml": strings.Replace(parent["root/second.yaml"], "path: two", "path: three", 1),
	}, "Both change")
	h.hook(t, repo.URL)
	h.wait(t, first, func(a *v1alpha1.Application) string {
		if h.get(t, second).Spec.Source.Path != "two" {
			t.Fatal("the second wave did not wait for the first")
		}
		if a.Spec.Source.TargetRevision != "next" {
			return "not changed yet"
		}
		return isHealth(v1alpha1.HealthStatusProgressing, "shop/web:broken")(a)
	})
	never(t, 2*time.Second, func() string {
		if h.get(t, second).Spec.Source.Path != "two" {
			return "the second wave did not wait for the first"
		}
		return ""
	})
	repo.Branch(t, "next")
	repo.Commit(t, map[string]string{"one/web.yaml": deployment}, "Mend it again")
	h.hook(t, repo.URL)
	h.wait(t, root, synced(commit))
	if h.get(t, second).Spec.Source.Path != "three" {
		t.Error("the second wave did not come")
	}
}

// An application that is among its own objects is judged by the others: it would keep itself as bad as it once was, and
// its sync would wait for itself.
func TestAnApplicationDoesNotJudgeItself(t *testing.T) {
	h := start(t)
	name := h.name("itself")
	repo := h.git.Repo(t, name, nil)
	late := strings.Replace(configMap, "name: settings}", "name: late, annotations: {argocd.argoproj.io/sync-wave: '1'}}", 1)
	self := strings.Replace(child(name, repo.URL, ".", h.control), "finalizers: [resources-finalizer.argocd.argoproj.io]", "namespace: "+h.control, 1)
	repo.Commit(t, map[string]string{"self.yaml": self, "web.yaml": strings.Replace(deployment, "web:1.0", "web:broken", 1), "late.yaml": late}, "Itself and a workload")
	h.Apply(t, h.control, self)
	h.wait(t, name, isHealth(v1alpha1.HealthStatusProgressing, "Deployment/web"))
	commit := repo.Commit(t, map[string]string{"web.yaml": deployment}, "Mend the image")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(commit))
	h.Patch(t, "kubectl-edit", "argoproj.io/v1alpha1", "Application", h.control, name, `{"metadata":{"finalizers":null}}`)
}

func TestKindsAreJudgedByTheirConditionsWhenAsked(t *testing.T) {
	h := start(t)
	name := h.name("conditions")
	group := strings.ReplaceAll(name, "-", "") + ".example.com"
	repo := h.git.Repo(t, name, map[string]string{
		"crd.yaml":   fmt.Sprintf("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.%s}\nspec: {group: %s, scope: Namespaced, names: {kind: Thing, plural: things}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}\n", group, group),
		"thing.yaml": fmt.Sprintf("apiVersion: %s/v1\nkind: Thing\nmetadata: {name: a}\nstatus: {conditions: [{type: Stalled, status: 'True', message: no such colour}]}\n", group),
	})
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	h.settings(t, "argocd-cm", "hawser.health.fallback: conditions")
	h.wait(t, name, isHealth(v1alpha1.HealthStatusDegraded, "Thing/a: no such colour"))
	h.settings(t, "argocd-cm", "hawser.health.fallback: none")
	h.wait(t, name, isHealth(v1alpha1.HealthStatusHealthy))
}

func TestHealthOfObjectsIsWrittenWhenAskedFor(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "persisted", map[string]string{"web.yaml": strings.Replace(deployment, "web:1.0", "web:broken", 1), "cm.yaml": configMap})
	name := h.name("persisted")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	of := func(a *v1alpha1.Application, kind string) *v1alpha1.HealthStatus {
		for _, r := range a.Status.Resources {
			if r.Kind == kind {
				return r.Health
			}
		}
		t.Fatalf("no %s in %+v", kind, a.Status.Resources)
		return nil
	}
	a := h.wait(t, name, isHealth(v1alpha1.HealthStatusProgressing, "cannot pull image"))
	if got := of(a, "Deployment"); got != nil || a.Status.ResourceHealthSource != v1alpha1.ResourceHealthAppTree {
		t.Errorf("by default: %+v, %q", got, a.Status.ResourceHealthSource)
	}
	h.settings(t, "argocd-cmd-params-cm", "controller.resource.health.persist: 'true'")
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if got := of(a, "Deployment"); got == nil || got.Status != v1alpha1.HealthStatusProgressing || !strings.Contains(got.Message, "cannot pull image") || a.Status.ResourceHealthSource != "" {
			return fmt.Sprintf("not written: %+v, %q", got, a.Status.ResourceHealthSource)
		}
		if got := of(a, "ConfigMap"); got != nil {
			return fmt.Sprintf("a ConfigMap with a health: %+v", got)
		}
		return ""
	})
	repo.Commit(t, map[string]string{"web.yaml": deployment}, "Mend the image")
	h.hook(t, repo.URL)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if got := of(a, "Deployment"); got == nil || got.Status != v1alpha1.HealthStatusHealthy {
			return fmt.Sprintf("not followed: %+v", got)
		}
		return ""
	})
	h.settings(t, "argocd-cmd-params-cm", "controller.resource.health.persist: 'false'")
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if got := of(a, "Deployment"); got != nil || a.Status.ResourceHealthSource != v1alpha1.ResourceHealthAppTree {
			return "still written"
		}
		return ""
	})
}

func TestAnIgnoredHealthDoesNotCount(t *testing.T) {
	h := start(t)
	broken := strings.Replace(deployment, "web:1.0", "web:broken", 1)
	repo := h.git.Repo(t, "ignored", map[string]string{"web.yaml": broken})
	name := h.name("ignored")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, isHealth(v1alpha1.HealthStatusProgressing))
	commit := repo.Commit(t, map[string]string{"web.yaml": strings.Replace(broken, "labels: {app: web}}\nspec", "labels: {app: web}, annotations: {argocd.argoproj.io/ignore-healthcheck: 'true'}}\nspec", 1)}, "Ignore it")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(commit))
}

// What kubectl wait --for=condition=Synced asks for is there, and says what status.sync and status.health say.
func TestKubectlWaitsForConditions(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "waited", map[string]string{"web.yaml": strings.Replace(deployment, "web:1.0", "web:broken", 1)})
	name := h.name("waited")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	state := func(kind v1alpha1.ApplicationConditionType, status string) func(*v1alpha1.Application) string {
		return func(a *v1alpha1.Application) string {
			for _, c := range a.Status.Conditions {
				if c.Type == kind && c.Status == status && c.LastTransitionTime != nil {
					return ""
				}
			}
			return fmt.Sprintf("%s is not %s", kind, status)
		}
	}
	h.wait(t, name, state(v1alpha1.ConditionSynced, "True"))
	h.wait(t, name, state(v1alpha1.ConditionHealthy, "False"))
	repo.Commit(t, map[string]string{"web.yaml": deployment}, "Mend the image")
	h.hook(t, repo.URL)
	h.wait(t, name, state(v1alpha1.ConditionHealthy, "True"))
	for _, kind := range []string{"Synced", "Healthy"} {
		if out, err := exec.Command(cmp.Or(os.Getenv(clustertest.BinaryEnv), "../../bin/devcluster"), "kubectl", "--kubeconfig", h.Kubeconfig, "-n", h.control, "wait", "--for=condition="+kind, "--timeout=30s", "application/"+name).CombinedOutput(); err != nil {
			t.Errorf("kubectl wait: %v %s", err, out)
		}
	}
}
