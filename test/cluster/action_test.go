package cluster_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/action"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

const cronJob = `apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "0 3 1 1 *"
  suspend: false
  jobTemplate:
    metadata: {labels: {app: report}}
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: report, image: registry.example/shop/report:1.0}]}}}
`

// resource names a live object of an application.
func (h *hawser) resource(application, group, kind, name string) reconcile.Resource {
	return reconcile.Resource{Application: types.NamespacedName{Namespace: h.control, Name: application},
		Key: object.Key{Group: group, Kind: kind, Namespace: h.target, Name: name}}
}

// act runs an action; params are name=value.
func (h *hawser) act(t *testing.T, r reconcile.Resource, name string, params ...string) error {
	t.Helper()
	request := reconcile.ActionRequest{Resource: r, Action: name, Params: map[string]string{}, By: "ada"}
	for _, p := range params {
		k, v, _ := strings.Cut(p, "=")
		request.Params[k] = v
	}
	return h.apps.RunAction(t.Context(), request)
}

// offered is the names of the actions that an object has now; disabled ones are in parentheses.
func (h *hawser) offered(t *testing.T, r reconcile.Resource) string {
	t.Helper()
	list, err := h.apps.Actions(t.Context(), r)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, a := range list {
		if a.Disabled {
			a.Name = "(" + a.Name + ")"
		}
		names = append(names, a.Name)
	}
	return strings.Join(names, " ")
}

// told waits for an event on the application.
func (h *hawser) told(t *testing.T, application, reason, text string) {
	t.Helper()
	clustertest.Wait(t, "the event "+text, func(ctx context.Context) error {
		list, err := h.Client.CoreV1().Events(h.control).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + application + ",reason=" + reason})
		if err != nil {
			return err
		}
		var all []string
		for _, e := range list.Items {
			if strings.Contains(e.Message, text) {
				return nil
			}
			all = append(all, e.Message)
		}
		return fmt.Errorf("only %q", all)
	})
}

func TestARestartStaysAndAScalingIsHealed(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "restart", map[string]string{"web.yaml": deployment})
	name := h.name("restart")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	web := h.resource(name, "apps", "Deployment", "web")
	if got := h.offered(t, web); got != "pause restart (resume) scale" {
		t.Error(got)
	}
	before := h.Get(t, "apps/v1", "Deployment", h.target, "web")
	if err := h.act(t, web, "restart"); err != nil {
		t.Fatal(err)
	}
	h.told(t, name, v1alpha1.EventResourceActionRan, "ada ran action restart on resource apps/Deployment/web")
	restarted := func(o *unstructured.Unstructured) string {
		at, _, _ := unstructured.NestedString(o.Object, "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
		return at
	}
	live := h.WaitFor(t, "apps/v1", "Deployment", h.target, "web", func(o *unstructured.Unstructured) error {
		seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		updated, _, _ := unstructured.NestedInt64(o.Object, "status", "updatedReplicas")
		if o.GetGeneration() <= before.GetGeneration() || seen < o.GetGeneration() || updated != 3 {
			return fmt.Errorf("no new pods: generation %d, seen %d, updated %d", o.GetGeneration(), seen, updated)
		}
		return nil
	})
	at := restarted(live)
	if when, err := time.Parse(time.RFC3339, at); err != nil || time.Since(when) > 10*time.Minute {
		t.Errorf("restartedAt is %q (%v)", at, err)
	}

	// a pod below the Deployment belongs to it, and has no actions
	pods, err := h.Client.CoreV1().Pods(h.target).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) == 0 {
		t.Fatal(err)
	}
	if got := h.offered(t, h.resource(name, "", "Pod", pods.Items[0].Name)); got != "" {
		t.Error(got)
	}

	// Git says three replicas, and of pausing nothing
	if err := h.act(t, web, "pause"); err != nil {
		t.Fatal(err)
	}
	if err := h.act(t, web, "scale", "replicas=5"); err != nil {
		t.Fatal(err)
	}
	live = h.WaitFor(t, "apps/v1", "Deployment", h.target, "web", func(o *unstructured.Unstructured) error {
		if n, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); n != 3 || o.GetGeneration() < before.GetGeneration()+4 { // restart, pause, scale, heal
			return fmt.Errorf("%d replicas in generation %d", n, o.GetGeneration())
		}
		return nil
	})
	if paused, _, _ := unstructured.NestedBool(live.Object, "spec", "paused"); !paused || restarted(live) != at {
		t.Errorf("healing took along what Git does not mention: paused %v, restarted at %q, was %q", paused, restarted(live), at)
	}
	if got := h.offered(t, web); got != "(pause) restart resume scale" {
		t.Error(got)
	}
	if err := h.act(t, web, "resume"); err != nil {
		t.Fatal(err)
	}
	h.wait(t, name, synced(repo.Head(t)))

	for what, test := range map[string]struct {
		action, param string
		kind          problem.Kind
		says          string
	}{
		"unknown":   {"promote", "", problem.NotFound, "at present it has: pause, restart, scale"},
		"disabled":  {"resume", "", problem.Invalid, "is disabled"},
		"senseless": {"scale", "replicas=many", problem.Invalid, "not a whole number"},
	} {
		if err := h.act(t, web, test.action, test.param); !problem.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestActionsOnJobs(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "jobs", map[string]string{"report.yaml": cronJob})
	name := h.name("jobs")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	report := h.resource(name, "batch", "CronJob", "report")
	if err := h.act(t, report, "create-job"); err != nil {
		t.Fatal(err)
	}
	jobs, err := h.Client.BatchV1().Jobs(h.target).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(jobs.Items) != 1 {
		t.Fatalf("%d jobs, %v", len(jobs.Items), err)
	}
	job := jobs.Items[0]
	if job.Labels["app"] != "report" || len(job.OwnerReferences) != 1 || job.OwnerReferences[0].Name != "report" {
		t.Errorf("%+v", job.ObjectMeta)
	}
	h.told(t, name, v1alpha1.EventResourceActionRan, "ada ran action create-job on resource batch/CronJob/report, which created Job/"+job.Name)
	created := h.resource(name, "batch", "Job", job.Name) // not of the application's manifests, but owned by one
	clustertest.Wait(t, "the job's actions", func(context.Context) error {
		if got := h.offered(t, created); !strings.Contains(got, "terminate") {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
	if a := h.wait(t, name, synced(repo.Head(t))); slices.ContainsFunc(a.Status.Resources, func(r v1alpha1.ResourceStatus) bool { return r.Kind == "Job" }) {
		t.Error("the job counts as the application's own")
	}

	// a job that never ends is ended; one that is suspended runs nothing that could be
	h.Apply(t, h.target, fmt.Sprintf(`{apiVersion: batch/v1, kind: Job, metadata: {name: slow, ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: report, uid: %s}]},
  spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'i:1', command: [sh, -c, sleep infinity]}]}}}}`, job.OwnerReferences[0].UID))
	slow := h.resource(name, "batch", "Job", "slow")
	offers := func(want string) {
		clustertest.Wait(t, "the job's actions "+want, func(context.Context) error {
			if got := h.offered(t, slow); got != want {
				return fmt.Errorf("%s", got)
			}
			return nil
		})
	}
	offers("(resume) suspend terminate")
	for _, step := range [][2]string{{"suspend", "resume (suspend) (terminate)"}, {"resume", "(resume) suspend terminate"}} {
		if err := h.act(t, slow, step[0]); err != nil {
			t.Fatal(err)
		}
		offers(step[1])
	}
	h.WaitFor(t, "batch/v1", "Job", h.target, "slow", func(o *unstructured.Unstructured) error {
		if active, _, _ := unstructured.NestedInt64(o.Object, "status", "active"); active != 1 {
			return fmt.Errorf("%d pods are active", active)
		}
		return nil
	})
	if err := h.act(t, slow, "terminate"); err != nil {
		t.Fatal(err)
	}
	h.WaitFor(t, "batch/v1", "Job", h.target, "slow", clustertest.Condition("Failed", "True"))

	// Git says suspend: false, so that this is drift, and healed
	if err := h.act(t, report, "suspend"); err != nil {
		t.Fatal(err)
	}
	h.WaitFor(t, "batch/v1", "CronJob", h.target, "report", func(o *unstructured.Unstructured) error {
		if suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); suspended || o.GetGeneration() < 3 {
			return fmt.Errorf("suspended %v in generation %d", suspended, o.GetGeneration())
		}
		return nil
	})
}

func TestActionsOfTheSettingsAreInForceAtOnce(t *testing.T) {
	h := start(t)
	secret := "{apiVersion: v1, kind: Secret, metadata: {name: keys, labels: {tier: front}}, stringData: {password: canary}}"
	repo := h.git.Repo(t, "custom", map[string]string{"cm.yaml": configMap, "secret.yaml": secret})
	name := h.name("custom")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	h.sync(t, name, "")
	settings := h.resource(name, "", "ConfigMap", "settings")
	if got := h.offered(t, settings); got != "" {
		t.Error(got)
	}
	configure := func(data string) {
		h.Apply(t, h.control, fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, namespace: %s}\ndata:\n%s", h.control, data))
	}
	const onMaps = `
  resource.customizations.actions.ConfigMap: |
    discovery.lua: |
      actions = {}
      actions["paint"] = {["params"] = {{["name"] = "colour"}}}
      actions["loop"] = {}
      actions["escape"] = {}
      return actions
    definitions:
    - name: paint
      action.lua: |
        local os = require("os")
        obj.data.colour = actionParams["colour"]
        obj.data.at = os.date("!%Y-%m-%dT%XZ")
        copy = {apiVersion = "v1", kind = "ConfigMap", metadata = {name = "copy"}, data = obj.data}
        return {{operation = "create", resource = copy}, {operation = "patch", resource = obj}}
    - name: loop
      action.lua: while true do end
    - name: escape
      action.lua: |
        return {{operation = "create", resource = {apiVersion = "v1", kind = "ConfigMap", metadata = {name = "x", namespace = "kube-system"}}}}
`
	const onSecrets = `
  resource.customizations.actions.Secret: |
    discovery.lua: 'return {touch = {disabled = obj.data.password == "Y2FuYXJ5"}, quote = {}}'
    definitions:
    - name: touch
      action.lua: |
        obj.metadata.labels.tier = "back"
        return obj
    - name: quote
      action.lua: error(obj.data.password)
`
	configure(onMaps + onSecrets)
	await := func(want string) {
		clustertest.Wait(t, "the actions "+want, func(context.Context) error {
			if got := h.offered(t, settings); got != want {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	}
	await("escape loop paint")
	if err := h.act(t, settings, "paint", "colour=green"); err != nil {
		t.Fatal(err)
	}
	for _, cm := range []string{"settings", "copy"} {
		o := h.Get(t, "v1", "ConfigMap", h.target, cm)
		if o == nil {
			t.Fatalf("no ConfigMap %s", cm)
		}
		if data, _, _ := unstructured.NestedStringMap(o.Object, "data"); data["colour"] != "green" || data["at"] == "" {
			t.Errorf("%s: %v", cm, data)
		}
	}
	if err := h.act(t, settings, "loop"); !problem.Is(err, problem.Limit) || !strings.Contains(err.Error(), "resource.customizations.actions.ConfigMap") {
		t.Error("a script that never ends:", err)
	}
	if err := h.act(t, settings, "paint", "colour=red"); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "already exists") {
		t.Error("what it is to create is there:", err)
	}
	if data, _, _ := unstructured.NestedStringMap(h.Get(t, "v1", "ConfigMap", h.target, "settings").Object, "data"); data["colour"] != "green" {
		t.Error("half of an action was done:", data)
	}

	// a Secret's values are masked when its actions are listed, are what they are when one runs, and never in an error
	keys := h.resource(name, "", "Secret", "keys")
	if got := h.offered(t, keys); got != "quote touch" {
		t.Error(got)
	}
	if err := h.act(t, keys, "quote"); err == nil || strings.Contains(err.Error(), "Y2FuYXJ5") || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
	if err := h.act(t, keys, "touch"); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "disabled") {
		t.Error("the script did not see the value itself:", err)
	}

	// a project that does not permit a namespace is not escaped through an action
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: default, namespace: %s}, spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: %s}]}}`, h.control, h.target))
	clustertest.Wait(t, "the project's refusal", func(context.Context) error {
		if err := h.act(t, settings, "escape"); !problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), "namespace kube-system is not permitted in project 'default'") {
			return fmt.Errorf("%v", err)
		}
		return nil
	})

	// a slip in one entry leaves it as it was, and changes no other
	configure(strings.Replace(onMaps, "definitions:\n", "definitions: [\n", 1) + "  resource.customizations.actions.Secret: |\n    discovery.lua: return {}\n")
	clustertest.Wait(t, "the Secret's new actions", func(context.Context) error {
		if got := h.offered(t, keys); got != "" {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
	await("escape loop paint")
}

// What somebody marked as an application's is not the application's.
func TestActionsReachOnlyWhatTheApplicationApplied(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "reach", map[string]string{"cm.yaml": configMap})
	name := h.name("reach")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	h.sync(t, name, "")
	h.Apply(t, h.target, strings.Replace(deployment, "labels: {app: web}}\nspec:\n  replicas", fmt.Sprintf("labels: {app: web, app.kubernetes.io/instance: %s}, annotations: {argocd.argoproj.io/tracking-id: %q}}\nspec:\n  replicas", name, name+":apps/Deployment:"+h.target+"/web"), 1))
	before := h.WaitFor(t, "apps/v1", "Deployment", h.target, "web", clustertest.Condition("Available", "True"))
	h.wait(t, name, func(a *v1alpha1.Application) string { // it shows, as something to prune, and is no more than that
		if !slices.ContainsFunc(a.Status.Resources, func(r v1alpha1.ResourceStatus) bool { return r.Kind == "Deployment" && r.RequiresPruning }) {
			return "the copy of the mark is not seen"
		}
		return ""
	})
	for _, r := range []reconcile.Resource{h.resource(name, "apps", "Deployment", "web"), h.resource(name, "", "ServiceAccount", "default"), h.resource(name, "apps", "Deployment", "nothing")} {
		_, listErr := h.apps.Actions(t.Context(), r)
		for _, err := range []error{h.act(t, r, "restart"), listErr} {
			if !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "not found as part of application "+name) {
				t.Errorf("%s: %v", r.Key, err)
			}
		}
	}
	if _, err := h.apps.Actions(t.Context(), h.resource("nobody", "apps", "Deployment", "web")); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
	if live := h.Get(t, "apps/v1", "Deployment", h.target, "web"); live.GetGeneration() != before.GetGeneration() {
		t.Error("it was changed")
	}
	var none []action.Action
	if got, err := h.apps.Actions(t.Context(), h.resource(name, "", "ConfigMap", "settings")); err != nil || !slices.EqualFunc(got, none, func(a, b action.Action) bool { return a.Name == b.Name }) {
		t.Error(got, err)
	}
}
