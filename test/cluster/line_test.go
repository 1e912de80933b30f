package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// briefRoot is the root application of the brief, byte for byte.
const briefRoot = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: platform-apps
  namespace: argocd
spec:
  source:
    repoURL: https://github.com/paruff/fawkes
    path: platform/apps
    targetRevision: main
  destination:
    server: https://kubernetes.default.svc
    namespace: argocd
`

func TestBriefRootApplicationWorksAfterOneSync(t *testing.T) {
	h := prepare(t)
	h.control = "argocd"
	h.Apply(t, "", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"argocd"}}`)
	repo := h.git.Repo(t, "mirror/fawkes", map[string]string{
		"platform/apps/hello.yaml": child("hello-of-brief", "https://github.com/paruff/fawkes", "services/hello", h.target),
		"services/hello/web.yaml":  deployment,
	})
	prefix := strings.TrimSuffix(repo.URL, "fawkes.git")
	prefix = strings.TrimSuffix(prefix, "fawkes")
	h.run(t, func(c *config.Config) {
		c.InsteadOf = []config.Rewrite{{Prefix: "https://github.com/paruff/", URL: prefix}}
	})
	h.Apply(t, "", briefRoot)
	a := h.wait(t, "platform-apps", func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
			return "not OutOfSync"
		}
		return ""
	})
	if a.Spec.Project != "default" {
		t.Errorf("project %q", a.Spec.Project)
	}
	if a.Status.OperationState != nil {
		t.Errorf("synced without being asked: %v", a.Status.OperationState)
	}
	h.sync(t, "platform-apps", `"revision":"main"`)
	h.wait(t, "platform-apps", synced(repo.Head(t)))
	h.wait(t, "hello-of-brief", synced(repo.Head(t)))
}

// child is an Application manifest that syncs and heals by itself.
func child(name, repo, path, namespace string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: %s
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  project: default
  source: {repoURL: %q, path: %s, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: %s}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`, name, repo, path, namespace)
}

func TestPushIsDeployedAndOnlyItsApplicationIsRendered(t *testing.T) {
	h := start(t)
	files := map[string]string{}
	const n = 12
	for i := range n {
		files[fmt.Sprintf("apps/%d/cm.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-%d}\ndata: {v: '1'}\n", i)
	}
	repo := h.git.Repo(t, "mono", files)
	for i := range n {
		h.apply(t, app{name: h.name(fmt.Sprintf("mono%d", i)), repo: repo.URL, path: fmt.Sprintf("apps/%d", i), auto: "{prune: true, selfHeal: true}"})
	}
	for i := range n {
		h.wait(t, h.name(fmt.Sprintf("mono%d", i)), synced(repo.Head(t)))
	}
	written := map[string]string{}
	for i := range n {
		name := h.name(fmt.Sprintf("mono%d", i))
		written[name] = h.Get(t, "argoproj.io/v1alpha1", "Application", h.control, name).GetResourceVersion()
	}
	before, looks := h.metric(t, `hawser_render_total{result="miss"`), h.metric(t, "argocd_app_reconcile_count{")
	commit := repo.Commit(t, map[string]string{"apps/7/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-7}\ndata: {v: '2'}\n"}, "Raise v")
	h.hook(t, repo.URL)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "cm-7", field("2", "data", "v"))
	h.wait(t, h.name("mono7"), synced(commit))
	clustertest.Wait(t, "a look at every application", func(context.Context) error {
		if now := h.metric(t, "argocd_app_reconcile_count{"); now < looks+n {
			return fmt.Errorf("%v of %d", now-looks, n)
		}
		return nil
	})
	for name, version := range written { // what the commit does not concern is not written; who asks is told
		if now := h.Get(t, "argoproj.io/v1alpha1", "Application", h.control, name).GetResourceVersion(); name != h.name("mono7") && now != version {
			t.Errorf("%s was written for a commit that does not concern it", name)
		}
		h.refresh(t, name)
		h.wait(t, name, synced(commit))
	}
	if got := h.metric(t, `hawser_render_total{result="miss"`) - before; got != 1 {
		t.Errorf("%v applications were rendered for a commit that touches one", got)
	}
}

// field checks one string field of an object.
func field(want string, path ...string) func(*unstructured.Unstructured) error {
	return func(o *unstructured.Unstructured) error {
		got, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
		if fmt.Sprint(got) != want {
			return fmt.Errorf("%s is %v and not %s", strings.Join(path, "."), got, want)
		}
		return nil
	}
}

func TestDriftIsHealedAndReported(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "shop", map[string]string{"shop/web.yaml": deployment, "shop/cm.yaml": configMap})
	name := h.name("shop")
	h.apply(t, app{name: name, repo: repo.URL, path: "shop", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))

	container := func(o *unstructured.Unstructured) map[string]any {
		list, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		return list[0].(map[string]any)
	}
	for _, c := range []struct {
		what, manager, patch string
		told                 []string
		healed               func(*unstructured.Unstructured) error
	}{
		{"replicas", "kubectl-edit", `{"spec":{"replicas":10}}`, []string{"spec.replicas: 3 in Git, 10 live", "kubectl edit"}, field("3", "spec", "replicas")},
		{"image", "kubectl-set", `{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"evil:1","env":[{"name":"LOG_LEVEL","value":"info"}],"resources":{"requests":{"cpu":"1","memory":"64Mi"}}}]}}}}`,
			[]string{"image", "registry.example/shop/web:1.0", "evil:1", "kubectl set"}, func(o *unstructured.Unstructured) error {
				if i := container(o)["image"]; i != "registry.example/shop/web:1.0" {
					return fmt.Errorf("image is %v", i)
				}
				return nil
			}},
		{"variable that Git has", "kubectl-set", `{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"registry.example/shop/web:1.0","env":[{"name":"LOG_LEVEL","value":"debug"}],"resources":{"requests":{"cpu":"1","memory":"64Mi"}}}]}}}}`,
			[]string{"LOG_LEVEL", `"info" in Git`, `"debug" live`}, func(o *unstructured.Unstructured) error {
				if diff := cmp.Diff([]any{map[string]any{"name": "LOG_LEVEL", "value": "info"}}, container(o)["env"]); diff != "" {
					return fmt.Errorf("env %s", diff)
				}
				return nil
			}},
		{"variable that Git has not", "kubectl-set", `{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"registry.example/shop/web:1.0","env":[{"name":"LOG_LEVEL","value":"info"},{"name":"EXTRA","value":"x"}],"resources":{"requests":{"cpu":"1","memory":"64Mi"}}}]}}}}`,
			[]string{"EXTRA", "not in Git"}, func(o *unstructured.Unstructured) error {
				if diff := cmp.Diff([]any{map[string]any{"name": "LOG_LEVEL", "value": "info"}}, container(o)["env"]); diff != "" {
					return fmt.Errorf("env %s", diff)
				}
				return nil
			}},
		{"label", "kubectl-edit", `{"metadata":{"labels":{"team":"x"}}}`, []string{"team", "not in Git"}, func(o *unstructured.Unstructured) error {
			if o.GetLabels()["team"] != "" {
				return fmt.Errorf("the label is still there")
			}
			return nil
		}},
	} {
		h.Patch(t, c.manager, "apps/v1", "Deployment", h.target, "web", c.patch)
		h.WaitFor(t, "apps/v1", "Deployment", h.target, "web", c.healed)
		h.wait(t, name, synced(""))
		clustertest.Wait(t, "a report of the drift of "+c.what, func(context.Context) error {
			for _, l := range strings.Split(h.story(name), "\n") {
				if strings.Contains(l, " drift: ") && containsAll(l, c.told) {
					return nil
				}
			}
			return fmt.Errorf("nothing tells %q:\n%s", c.told, h.story(name))
		})
	}
	h.Delete(t, h.target, configMap)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue", "data", "colour"))
	h.wait(t, name, synced(""))
	if h.metric(t, "hawser_app_drift_total") < 6 {
		t.Error("drift is not counted")
	}
}

func TestWithoutSelfHealDriftStays(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "plain", map[string]string{"cm.yaml": configMap})
	name := h.name("noheal")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "settings", `{"data":{"colour":"red"}}`)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
			return "not OutOfSync"
		}
		return ""
	})
	time.Sleep(500 * time.Millisecond)
	if err := field("red", "data", "colour")(h.Get(t, "v1", "ConfigMap", h.target, "settings")); err != nil {
		t.Error("healed without selfHeal:", err)
	}
}

func TestSyncingAgainChangesNothing(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "again", map[string]string{"web.yaml": deployment, "cm.yaml": configMap, "odd.yaml": oddSpelling(h.name("odd"))})
	name := h.name("again")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	var before map[string]string
	for i := range 100 {
		a := h.sync(t, name, `"prune":true`)
		if op := a.Status.OperationState; op.Phase != v1alpha1.OperationSucceeded {
			t.Fatalf("sync %d: %s", i, phase(a))
		}
		if i == 0 {
			h.wait(t, name, synced(repo.Head(t))) // until then controllers write into what was deployed
			before = h.versions(t)
		}
	}
	if diff := cmp.Diff(before, h.versions(t)); diff != "" {
		t.Error(diff)
	}
}

// versions returns the resourceVersions of what the tests deploy.
func (h *hawser) versions(t *testing.T) map[string]string {
	m := map[string]string{}
	for _, k := range [][2]string{{"v1", "ConfigMap"}, {"v1", "Secret"}, {"v1", "Service"}} {
		for _, n := range []string{"settings", "credentials", "listed-a", "listed-b", "quantities"} {
			if o := h.Get(t, k[0], k[1], h.target, n); o != nil {
				m[k[1]+"/"+n] = o.GetResourceVersion()
			}
		}
	}
	if o := h.Get(t, "apps/v1", "Deployment", h.target, "web"); o != nil {
		m["Deployment/web"] = o.GetResourceVersion()
	}
	return m
}

// oddSpelling is what the API server writes in another way than people do.
func oddSpelling(crd string) string {
	return strings.ReplaceAll(`apiVersion: v1
kind: Secret
metadata: {name: credentials}
stringData: {user: ada, password: canary-of-odd-spelling}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: listed-a}
  data: {a: "1"}
- apiVersion: v1
  kind: Service
  metadata: {name: listed-b}
  spec:
    selector: {app: web}
    ports: [{port: 80}]
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: quantities}
spec: {hard: {cpu: 4, memory: 2048Mi, pods: 50}}
---
apiVersion: CRDGROUP/v1
kind: Widget
metadata: {name: first}
spec: {size: 3}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.CRDGROUP}
spec:
  group: CRDGROUP
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}, colour: {type: string, default: blue}}}}}}
`, "CRDGROUP", crd+".example.com")
}

func TestWhatTheServerSpellsDifferentlyStaysSynced(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "odd", map[string]string{"odd.yaml": oddSpelling(h.name("spell")), "web.yaml": deployment})
	name := h.name("odd")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	a := h.wait(t, name, synced(repo.Head(t)))
	began := a.Status.OperationState.StartedAt
	for range 5 {
		h.refresh(t, name)
		h.wait(t, name, func(a *v1alpha1.Application) string {
			if a.Annotations[v1alpha1.AnnotationRefresh] != "" {
				return "not refreshed"
			}
			return synced("")(a)
		})
	}
	if a = h.get(t, name); !a.Status.OperationState.StartedAt.Equal(&began) {
		t.Errorf("synced again though nothing changed:\n%s", h.story(name))
	}
	if strings.Contains(h.story(name), "canary-of-odd-spelling") {
		t.Error("a secret value was told")
	}
}

func TestPruneAndCascade(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "prune", map[string]string{"a.yaml": configMap, "web.yaml": deployment, "keep.yaml": strings.Replace(configMap, "name: settings", `name: keep, annotations: {argocd.argoproj.io/sync-options: Prune=false}`, 1)})
	name := h.name("prune")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", finalizer: true})
	h.wait(t, name, synced(repo.Head(t)))
	repo.Commit(t, map[string]string{"a.yaml": "", "keep.yaml": ""}, "Remove two")
	h.hook(t, repo.URL)
	h.WaitGone(t, "v1", "ConfigMap", h.target, "settings")
	h.wait(t, name, func(a *v1alpha1.Application) string {
		for _, r := range a.Status.Resources {
			if r.Name == "keep" && r.RequiresPruning && a.Operation == nil {
				return ""
			}
		}
		return "keep is not shown as requiring pruning"
	})
	if h.Get(t, "v1", "ConfigMap", h.target, "keep") == nil {
		t.Error("Prune=false was not honoured")
	}
	h.Delete(t, h.control, fmt.Sprintf(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":%q}}`, name))
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	if h.Get(t, "apps/v1", "Deployment", h.target, "web") != nil {
		t.Error("the application went before its Deployment was gone")
	}
}

func TestPruneOfEverythingIsHeldUntilAPersonReleasesIt(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "hold", map[string]string{"apps/a.yaml": configMap, "README.md": "x"})
	name := h.name("hold")
	h.apply(t, app{name: name, repo: repo.URL, path: "apps", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	repo.Commit(t, map[string]string{"apps/a.yaml": "", "apps/.keep": "x"}, "Remove all")
	h.hook(t, repo.URL)
	a := h.wait(t, name, condition(v1alpha1.ConditionSyncError, "prune held", "hawser.dev/prune-approved"))
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Fatal("everything was pruned without a question")
	}
	message := ""
	for _, c := range a.Status.Conditions {
		if strings.Contains(c.Message, "prune-approved=") {
			message = c.Message
		}
	}
	digest, _, _ := strings.Cut(message[strings.Index(message, "prune-approved=")+len("prune-approved="):], ",")
	h.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", h.control, name, fmt.Sprintf(`{"metadata":{"annotations":{"hawser.dev/prune-approved":%q}}}`, digest))
	h.WaitGone(t, "v1", "ConfigMap", h.target, "settings")
}

func TestTwoApplicationsClaimOneObject(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "shared", map[string]string{"one/cm.yaml": configMap, "two/cm.yaml": strings.Replace(configMap, "blue", "red", 1)})
	first, second := h.name("first"), h.name("second")
	h.apply(t, app{name: first, repo: repo.URL, path: "one", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, first, synced(repo.Head(t)))
	h.apply(t, app{name: second, repo: repo.URL, path: "two", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, second, condition(v1alpha1.ConditionSharedResourceWarning, "ConfigMap/settings", first))
	version := h.Get(t, "v1", "ConfigMap", h.target, "settings").GetResourceVersion()
	time.Sleep(2 * time.Second)
	o := h.Get(t, "v1", "ConfigMap", h.target, "settings")
	if o == nil || o.GetResourceVersion() != version || field("blue", "data", "colour")(o) != nil {
		t.Errorf("the object flaps: %v", o)
	}
	// the first lets go: the second takes over, and the object is never deleted in between
	uid := o.GetUID()
	repo.Commit(t, map[string]string{"one/cm.yaml": "", "one/other.yaml": strings.Replace(configMap, "settings", "other", 1)}, "Let go")
	h.hook(t, repo.URL)
	o = h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("red", "data", "colour"))
	if o.GetUID() != uid {
		t.Error("it was deleted and created anew")
	}
	h.wait(t, first, synced(repo.Head(t)))
	h.wait(t, second, synced(repo.Head(t)))
}
