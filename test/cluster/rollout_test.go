package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// rollingSet makes one application for each of dev, qa and prod, in steps of that order, from the folder of that name.
func (h *hawser) rollingSet(name, url, more string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %[1]s}
spec:
  goTemplate: true
  generators:
  - git: {repoURL: %[2]s, revision: main, directories: [{path: 'envs/*'}]}
  strategy:
    type: RollingSync
    rollingSync:
      steps:
      - matchExpressions: [{key: env, operator: In, values: [dev]}]
      - matchExpressions: [{key: env, operator: In, values: [qa]}]
      - matchExpressions: [{key: env, operator: Exists}, {key: env, operator: NotIn, values: [dev, qa, spare]}]
%[4]s
  template:
    metadata: {name: '%[1]s-{{ .path.basename }}', labels: {env: '{{ .path.basename }}'}}
    spec:
      project: default
      source: {repoURL: %[2]s, targetRevision: main, path: '{{ .path.path }}'}
      destination: {server: https://kubernetes.default.svc, namespace: %[3]s}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
`, name, url, h.target, more)
}

// envs are folders with a ConfigMap each that says version.
func envs(version string, names ...string) map[string]string {
	files := map[string]string{}
	for _, n := range names {
		files["envs/"+n+"/settings.yaml"] = fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {version: %q}}\n", n, version)
	}
	return files
}

// sick adds a Job that Kubernetes gave up: its application is Degraded.
func sick(name string) map[string]string {
	return map[string]string{"envs/" + name + "/claim.yaml": fmt.Sprintf("{apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s-sick}, spec: {replicas: 1, progressDeadlineSeconds: 1, selector: {matchLabels: {app: %[1]s-sick}}, template: {metadata: {labels: {app: %[1]s-sick}}, spec: {nodeSelector: {no: such}, containers: [{name: x, image: x}]}}}}\n", name)}
}

func (h *hawser) setOf(t *testing.T, name string) *v1alpha1.ApplicationSet {
	t.Helper()
	set := &v1alpha1.ApplicationSet{}
	if o := h.Get(t, "argoproj.io/v1alpha1", "ApplicationSet", h.control, name); o == nil {
		return nil
	} else if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, set); err != nil {
		t.Fatal(err)
	}
	return set
}

// stands waits for what a set says of its rollout: "dev=Healthy qa=Waiting …" and a part of RolloutProgressing.
func (h *hawser) stands(t *testing.T, name, want, progress string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(h.story(""))
		}
	}()
	clustertest.Wait(t, name+" is "+want+", "+progress, func(context.Context) error {
		set := h.setOf(t, name)
		var words []string
		for _, s := range set.Status.ApplicationStatus {
			words = append(words, strings.TrimPrefix(s.Application, name+"-")+"="+string(s.Status))
		}
		said := ""
		for _, c := range set.Status.Conditions {
			if c.Type == v1alpha1.AppSetConditionRolloutProgressing {
				said = string(c.Status) + " " + c.Message
			}
		}
		if got := strings.Join(words, " "); got != want || !strings.Contains(said, progress) {
			return fmt.Errorf("it is %s: %s, %+v; %s", got, said, set.Status.ApplicationStatus, h.said(t, name))
		}
		return nil
	})
}

// version is what is deployed to an environment, "" for nothing.
func (h *hawser) version(t *testing.T, env string) string {
	t.Helper()
	o := h.Get(t, "v1", "ConfigMap", h.target, env)
	if o == nil {
		return ""
	}
	v, _, _ := unstructured.NestedString(o.Object, "data", "version")
	return v
}

func (h *hawser) rolledOut(t *testing.T, want string) {
	t.Helper()
	var got []string
	for _, env := range []string{"dev", "qa", "prod"} {
		got = append(got, env+"="+h.version(t, env))
	}
	if text := strings.Join(got, " "); text != want {
		t.Fatalf("deployed is %s, not %s", text, want)
	}
}

// Steps go one after the other; a Degraded application in the first holds up the second until it is mended; a newer commit
// in the middle starts over.
func TestRolloutInSteps(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "apps", envs("1", "dev", "qa", "prod", "spare"))
	h.Apply(t, h.control, h.rollingSet("web", repo.URL, ""))
	h.stands(t, "web", "dev=Healthy prod=Healthy qa=Healthy spare=Waiting", "False ApplicationSet Rollout has completed")
	h.rolledOut(t, "dev=1 qa=1 prod=1")
	began := map[string]metav1.Time{}
	for _, env := range []string{"dev", "qa", "prod"} {
		app := h.get(t, "web-"+env)
		if auto := app.Spec.SyncPolicy.Automated; auto == nil || auto.Enabled == nil || *auto.Enabled {
			t.Errorf("%s syncs by itself", env)
		}
		op := app.Status.OperationState
		if op == nil || op.Operation.InitiatedBy.Username != "applicationset-controller" || !op.Operation.InitiatedBy.Automated || !op.Operation.Sync.Prune || op.SyncResult.Revision != repo.Head(t) {
			t.Errorf("the operation of %s is %+v", env, op)
			continue
		}
		began[env] = op.StartedAt
	}
	if qa, prod := began["qa"], began["prod"]; qa.Time.Before(began["dev"].Time) || prod.Time.Before(qa.Time) {
		t.Errorf("they began at %v", began)
	}
	if h.version(t, "spare") != "" {
		t.Error("what no step selects was synced")
	}
	for _, s := range h.setOf(t, "web").Status.ApplicationStatus {
		if want := map[string]string{"web-dev": "1", "web-qa": "2", "web-prod": "3", "web-spare": "-1"}[s.Application]; s.Step != want || len(s.TargetRevisions) != 1 || s.LastTransitionTime == nil {
			t.Errorf("status is %+v", s)
		}
	}

	// dev is Degraded: nothing goes on
	next := envs("2", "dev", "qa", "prod")
	for p, text := range sick("dev") {
		next[p] = text
	}
	repo.Commit(t, next, "Break dev")
	h.hook(t, repo.URL)
	h.wait(t, "web-dev", func(a *v1alpha1.Application) string {
		if a.Status.Health.Status != v1alpha1.HealthStatusDegraded || a.Status.Sync.Status != v1alpha1.SyncStatusSynced || a.Status.Sync.Revision != repo.Head(t) {
			return "not synced and Degraded"
		}
		return ""
	})
	h.stands(t, "web", "dev=Progressing prod=Waiting qa=Waiting spare=Waiting", "True ApplicationSet is performing rollout of step 1")
	h.rolledOut(t, "dev=2 qa=1 prod=1")

	// mended by a newer commit: it starts over, and goes through
	fixed := envs("3", "dev", "qa", "prod")
	fixed["envs/dev/claim.yaml"] = ""
	repo.Commit(t, fixed, "Mend dev")
	h.hook(t, repo.URL)
	h.stands(t, "web", "dev=Healthy prod=Healthy qa=Healthy spare=Waiting", "False ApplicationSet Rollout has completed")
	h.rolledOut(t, "dev=3 qa=3 prod=3")

	// with another strategy they sync by themselves again, and nothing is left of the rollout
	h.Apply(t, h.control, strings.Replace(h.rollingSet("web", repo.URL, ""), "type: RollingSync", "type: AllAtOnce", 1))
	h.wait(t, "web-spare", synced(repo.Head(t)))
	if set := h.setOf(t, "web"); len(set.Status.ApplicationStatus) != 0 || strings.Contains(h.said(t, "web"), "Rollout") {
		t.Errorf("left over: %+v", set.Status)
	}
}

// A rollout that is paused begins nothing; one that is aborted ends what it began; a step bakes.
func TestRolloutIsSteered(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "apps", envs("1", "dev", "qa", "prod"))
	annotate := func(text string) {
		h.Patch(t, "person", "argoproj.io/v1alpha1", "ApplicationSet", h.control, "web", `{"metadata":{"annotations":`+text+`}}`)
	}
	h.Apply(t, h.control, h.rollingSet("web", repo.URL, ""))
	h.stands(t, "web", "dev=Healthy prod=Healthy qa=Healthy", "False")

	annotate(`{"hawser.dev/rollout":"paused"}`)
	repo.Commit(t, envs("2", "dev", "qa", "prod"), "Two")
	h.hook(t, repo.URL)
	h.stands(t, "web", "dev=Waiting prod=Waiting qa=Waiting", "True ApplicationSet is performing rollout of step 1; it is paused by annotation hawser.dev/rollout")
	h.rolledOut(t, "dev=1 qa=1 prod=1")

	// it goes on, with a hook in dev that never ends
	repo.Commit(t, map[string]string{"envs/dev/hook.yaml": "{apiVersion: batch/v1, kind: Job, metadata: {name: forever, annotations: {argocd.argoproj.io/hook: PreSync}}, spec: {template: {spec: {restartPolicy: Never, nodeSelector: {no: such}, containers: [{name: x, image: x}]}}}}\n"}, "Wait for ever")
	h.hook(t, repo.URL)
	annotate(`{"hawser.dev/rollout":null}`)
	h.wait(t, "web-dev", func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || op.Phase != v1alpha1.OperationRunning || op.SyncResult.Revision != repo.Head(t) {
			return "not running"
		}
		return ""
	})
	h.stands(t, "web", "dev=Progressing prod=Waiting qa=Waiting", "True ApplicationSet is performing rollout of step 1")
	annotate(`{"hawser.dev/rollout":"aborted"}`)
	h.wait(t, "web-dev", func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; a.Operation != nil || op == nil || op.Phase != v1alpha1.OperationFailed {
			return "not ended"
		}
		return ""
	})
	h.rolledOut(t, "dev=1 qa=1 prod=1")

	// it goes on with what is right, and bakes after dev
	repo.Commit(t, map[string]string{"envs/dev/hook.yaml": ""}, "Wait no more")
	h.hook(t, repo.URL)
	annotate(`{"hawser.dev/rollout":null,"hawser.dev/rollout-bake":"1h,0s"}`)
	h.stands(t, "web", "dev=Healthy prod=Waiting qa=Waiting", "True ApplicationSet is performing rollout of step 2, which begins at ")
	h.rolledOut(t, "dev=2 qa=1 prod=1")
	annotate(`{"hawser.dev/rollout-bake":"1s"}`)
	h.stands(t, "web", "dev=Healthy prod=Healthy qa=Healthy", "False")
	h.rolledOut(t, "dev=2 qa=2 prod=2")
}

// With the order Reverse, what was deployed last goes first, when the set no longer asks for it and when the set goes.
func TestRolloutIsUndoneInReverse(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "apps", envs("1", "dev", "qa", "prod", "spare"))
	h.Apply(t, h.control, h.rollingSet("web", repo.URL, "    deletionOrder: Reverse\n"))
	h.stands(t, "web", "dev=Healthy prod=Healthy qa=Healthy spare=Waiting", "False")
	if f := h.setOf(t, "web").Finalizers; len(f) != 1 {
		t.Fatalf("the set would go before its applications: %v", f)
	}
	hold := func(name, finalizers string) {
		h.Patch(t, "person", "argoproj.io/v1alpha1", "Application", h.control, name, `{"metadata":{"finalizers":`+finalizers+`}}`)
	}
	deleting := func(want string) {
		clustertest.Wait(t, "the deletion of "+want, func(context.Context) error {
			var got []string
			for _, env := range []string{"dev", "qa", "prod", "spare"} {
				if app := h.get(t, "web-"+env); app == nil {
					got = append(got, env+"=gone")
				} else if app.DeletionTimestamp != nil {
					got = append(got, env+"=going")
				}
			}
			if text := strings.Join(got, " "); text != want {
				return fmt.Errorf("it is %q", text)
			}
			return nil
		})
	}
	// prod is held up: what is of an earlier step must wait for it
	hold("web-prod", `["resources-finalizer.argocd.argoproj.io","test/hold"]`)
	repo.Commit(t, map[string]string{"envs/prod": "", "envs/qa": ""}, "Take prod and qa away")
	h.hook(t, repo.URL)
	deleting("prod=going")
	h.WaitGone(t, "v1", "ConfigMap", h.target, "prod")
	deleting("prod=going")
	hold("web-prod", `[]`)
	deleting("qa=gone prod=gone")

	repo.Commit(t, envs("1", "qa"), "Bring qa back")
	h.hook(t, repo.URL)
	h.stands(t, "web", "dev=Healthy qa=Healthy spare=Waiting", "False")
	hold("web-qa", `["resources-finalizer.argocd.argoproj.io","test/hold"]`)
	h.Delete(t, h.control, h.rollingSet("web", repo.URL, ""))
	deleting("qa=going prod=gone")
	h.WaitGone(t, "v1", "ConfigMap", h.target, "qa")
	deleting("qa=going prod=gone")
	hold("web-qa", `[]`)
	deleting("dev=gone qa=gone prod=gone spare=gone")
	h.WaitGone(t, "argoproj.io/v1alpha1", "ApplicationSet", h.control, "web")
}
