package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/forgetest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// homes is an ApplicationSet with a workload in a namespace of its own for each pull request; more are annotations.
func (f *forged) homes(more string) string {
	set := strings.Replace(f.previews(""), ", kustomize: {nameSuffix: '-{{ .number }}'}", "", 1)
	set = strings.Replace(set, "namespace: "+f.target+"}", "namespace: '"+f.pre+"-{{ .number }}'}", 1)
	set = strings.Replace(set, "syncPolicy: {", "syncPolicy: {managedNamespaceMetadata: {labels: {team: shop}}, ", 1)
	return strings.Replace(set, "metadata: {name: "+f.pre+"}", "metadata:\n  name: "+f.pre+`
  annotations:
    hawser.dev/preview: comment
    hawser.dev/preview-namespace: own
    hawser.dev/preview-quota: "{hard: {pods: '{{ .number }}0', count/configmaps: '20'}}"
    hawser.dev/preview-limits: "{limits: [{type: Container, default: {cpu: '2'}, defaultRequest: {cpu: 10m}}]}"
`+more, 1)
}

// workload pushes a commit with a Deployment to a branch.
func (f *forged) workload(t *testing.T, branch, text string) string {
	t.Helper()
	f.repo.Branch(t, branch)
	return f.repo.Commit(t, map[string]string{
		"app/settings.yaml":      "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {of: " + text + "}}\n",
		"app/web.yaml":           deployment,
		"app/kustomization.yaml": "resources: [settings.yaml, web.yaml]\n",
	}, "Change "+text)
}

// opened opens a pull request, and waits for its preview.
func (f *forged) opened(t *testing.T, branch, commit string) (name string) {
	t.Helper()
	n := f.shop.Open(forgetest.Pull{Title: branch, Branch: branch, Head: commit})
	f.tell(t, "opened")
	name = fmt.Sprint(f.pre, "-", n)
	f.wait(t, name, synced(commit))
	return name
}

// leftovers are the namespaces that were made for previews of the test's set.
func (f *forged) leftovers(t *testing.T) (names []string) {
	t.Helper()
	list, err := f.Dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).List(t.Context(), metav1.ListOptions{LabelSelector: "hawser.dev/preview"})
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range list.Items {
		if strings.HasPrefix(ns.GetName(), f.pre) {
			names = append(names, ns.GetName())
		}
	}
	return names
}

// replicas waits until the workload of a preview is wanted that often, and runs.
func (f *forged) replicas(t *testing.T, namespace string, want int64) {
	t.Helper()
	f.WaitFor(t, "apps/v1", "Deployment", namespace, "web", func(o *unstructured.Unstructured) error {
		spec, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
		ready, _, _ := unstructured.NestedInt64(o.Object, "status", "readyReplicas")
		if spec != want || ready != want {
			return fmt.Errorf("%d wanted, %d ready", spec, ready)
		}
		return nil
	})
}

// A preview has its own namespace, with labels, quota and limits, from the first moment to the last; and nothing is left
// of it. What others have in a namespace of that name is no preview's.
func TestPreviewsHaveTheirOwnNamespaces(t *testing.T) {
	for _, kind := range []string{"github", "gitlab", "gitea"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := startForged(t, kind)
			f.doubtFor(t, "1s")
			f.Apply(t, f.control, f.homes(""))
			one := f.workload(t, "one", "one")
			name := f.opened(t, "one", one)
			ns := f.Get(t, "v1", "Namespace", "", name)
			if ns == nil || ns.GetLabels()["team"] != "shop" || ns.GetLabels()["hawser.dev/preview"] != "true" {
				t.Fatalf("its namespace is %v", ns)
			}
			quota := f.Get(t, "v1", "ResourceQuota", name, name)
			if quota == nil {
				t.Fatal("it has no quota")
			}
			if pods, _, _ := unstructured.NestedString(quota.Object, "spec", "hard", "pods"); pods != "10" {
				t.Errorf("its quota is %v", quota.Object["spec"])
			}
			limits, settings := f.Get(t, "v1", "LimitRange", name, name), f.Get(t, "v1", "ConfigMap", name, "settings")
			if limits == nil || settings == nil {
				t.Fatal("it has no limits, or nothing is deployed")
			}
			for _, r := range f.get(t, name).Status.OperationState.SyncResult.Resources {
				if want := map[string]v1alpha1.SyncPhase{"Namespace": "PreSync", "ResourceQuota": "PreSync", "LimitRange": "PreSync"}[r.Kind]; want != "" && r.SyncPhase != want {
					t.Errorf("%s came in phase %s", r.Kind, r.SyncPhase)
				}
			}
			f.remarks(t, 1, "is ready", one[:8])

			two := f.workload(t, "one", "two")
			f.shop.Push(1, two)
			f.tell(t, "synchronize")
			f.wait(t, name, synced(two))
			f.remarks(t, 1, "is ready", two[:8])
			f.Delete(t, name, "{apiVersion: v1, kind: ResourceQuota, metadata: {name: "+name+"}}")
			f.WaitFor(t, "v1", "ResourceQuota", name, name, func(o *unstructured.Unstructured) error {
				if o.GetUID() == quota.GetUID() {
					return fmt.Errorf("it is still the old one")
				}
				return nil
			})

			f.shop.Close(1)
			f.tell(t, "closed")
			f.WaitGone(t, "v1", "Namespace", "", name)
			f.madeBy(t, f.pre)
			if left := f.leftovers(t); len(left) > 0 {
				t.Errorf("%v are left", left)
			}
		})
	}
}

// A namespace that was there before is not made a preview's, whatever it is called, and stays as it is.
func TestAPreviewTakesNobodysNamespace(t *testing.T) {
	f := startForged(t, "gitea")
	f.doubtFor(t, "1s")
	theirs := f.pre + "-1"
	f.Apply(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+theirs+", labels: {of: somebody}}}")
	defer f.Delete(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+theirs+"}}")
	f.Apply(t, theirs, configMap)
	before := f.Get(t, "v1", "Namespace", "", theirs)
	f.Apply(t, f.control, f.homes(""))
	one := f.workload(t, "one", "one")
	f.shop.Open(forgetest.Pull{Title: "One", Branch: "one", Head: one})
	f.tell(t, "opened")
	f.wait(t, theirs, condition(v1alpha1.ConditionInvalidSpecError, "namespace "+theirs+" is there already, and was not made for this preview"))
	if f.Get(t, "apps/v1", "Deployment", theirs, "web") != nil || f.Get(t, "v1", "ResourceQuota", theirs, theirs) != nil {
		t.Error("something is deployed there")
	}
	f.shop.Close(1)
	f.tell(t, "closed")
	f.madeBy(t, f.pre)
	f.WaitGone(t, "argoproj.io/v1alpha1", "Application", f.control, theirs)
	after := f.Get(t, "v1", "Namespace", "", theirs)
	if after == nil || after.GetUID() != before.GetUID() || after.GetResourceVersion() != before.GetResourceVersion() || after.GetDeletionTimestamp() != nil {
		t.Errorf("it is %v now", after)
	}
	if f.Get(t, "v1", "ConfigMap", theirs, "settings") == nil {
		t.Error("what was in it is gone")
	}
}

// A preview's namespace in which somebody else deploys, or in which something is to be kept, outlives the preview.
func TestANamespaceWithOthersInItOutlivesThePreview(t *testing.T) {
	f := startForged(t, "gitea")
	f.doubtFor(t, "1s")
	f.Apply(t, f.control, f.homes(""))
	name := f.opened(t, "one", f.workload(t, "one", "one"))
	repo := f.git.Repo(t, "guest", map[string]string{"cm.yaml": strings.Replace(configMap, "settings", "guest", 1)})
	guest := f.name("guest")
	f.apply(t, app{name: guest, repo: repo.URL, path: ".", auto: "{}", extra: "destination: {server: https://kubernetes.default.svc, namespace: " + name + "}"})
	f.wait(t, guest, synced(""))
	f.shop.Close(1)
	f.tell(t, "closed")
	f.WaitGone(t, "argoproj.io/v1alpha1", "Application", f.control, name)
	if ns := f.Get(t, "v1", "Namespace", "", name); ns == nil || ns.GetDeletionTimestamp() != nil {
		t.Fatalf("the namespace is %v", ns)
	}
	f.wait(t, guest, synced(""))
	f.Delete(t, f.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: "+guest+"}}")
	f.Delete(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}")
}

// asleep checks that an application rests, in sync.
func asleep(commit string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		switch {
		case a.Operation != nil || a.Status.Sync.Status != v1alpha1.SyncStatusSynced || a.Status.Sync.Revision != commit:
			return "not Synced at " + commit
		case a.Status.Health.Status != v1alpha1.HealthStatusSuspended:
			return "not Suspended"
		}
		return condition(v1alpha1.ConditionAsleepWarning, "its workloads are kept at nothing", "hawser.dev/asleep-")(a)
	}
}

// A preview that nobody pushes to falls asleep: its pods go, it is in sync and no drift, and who scales it up is undone. A
// push wakes it, and so does a person.
func TestPreviewsSleepAndWake(t *testing.T) {
	f := startForged(t, "gitea")
	f.Apply(t, f.control, f.homes("    hawser.dev/preview-sleep: 4s\n"))
	one := f.workload(t, "one", "one")
	name := f.opened(t, "one", one)
	f.wait(t, name, asleep(one))
	f.replicas(t, name, 0)
	f.remarks(t, 1, "is asleep", one[:8])
	f.Patch(t, "kubectl-scale", "apps/v1", "Deployment", name, "web", `{"spec":{"replicas":2}}`)
	f.replicas(t, name, 0)
	f.wait(t, name, asleep(one))

	f.annotate(t, f.pre, `"hawser.dev/preview-sleep":"1h"`)
	two := f.workload(t, "one", "two")
	f.shop.Push(1, two)
	f.tell(t, "synchronize")
	f.wait(t, name, synced(two))
	f.replicas(t, name, 3)
	f.remarks(t, 1, "is ready", two[:8])

	say := func(value string) {
		f.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", f.control, name, `{"metadata":{"annotations":{"hawser.dev/asleep":`+value+`}}}`)
	}
	say(`"true"`)
	f.wait(t, name, asleep(two))
	f.replicas(t, name, 0)
	f.stop()
	f.run(t) // who starts anew lets it sleep
	f.wait(t, name, asleep(two))
	f.replicas(t, name, 0)
	say("null")
	f.wait(t, name, synced(two))
	f.replicas(t, name, 3)
	for _, line := range strings.Split(f.story(name), "\n") {
		if strings.Contains(line, " drift: ") && !strings.Contains(line, "kubectl scale") {
			t.Errorf("told as drift: %s", line)
		}
	}
	clustertest.Wait(t, "the application is left alone", func(context.Context) error {
		if op := f.get(t, name).Status.OperationState; op == nil || op.Phase != v1alpha1.OperationSucceeded {
			return fmt.Errorf("its operation is %+v", op)
		}
		return nil
	})
}

// What is left of previews whose request or set went while we were down is found and removed; as long as the forge does
// not answer, nothing is.
func TestWhatIsLeftOfPreviewsIsRemoved(t *testing.T) {
	f := startForged(t, "gitea")
	f.doubtFor(t, "2s")
	f.Apply(t, f.control, f.homes(""))
	closed := f.opened(t, "one", f.workload(t, "one", "one"))
	open := f.opened(t, "two", f.workload(t, "two", "two"))
	lost := f.opened(t, "three", f.workload(t, "three", "three"))
	f.stop()
	f.shop.Close(1)
	f.shop.Close(3)
	f.Patch(t, "kubectl-edit", "argoproj.io/v1alpha1", "Application", f.control, lost, `{"metadata":{"finalizers":null}}`)
	f.Delete(t, f.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: "+lost+"}}")
	f.WaitGone(t, "argoproj.io/v1alpha1", "Application", f.control, lost)
	f.forge.Break(forgetest.Answers(503))
	f.run(t)
	f.waitSaid(t, f.pre, "ErrorOccurred=True", "503")
	time.Sleep(5 * time.Second) // nothing is to happen: there is nothing to wait for
	for _, name := range []string{closed, open, lost} {
		if ns := f.Get(t, "v1", "Namespace", "", name); ns == nil || ns.GetDeletionTimestamp() != nil {
			t.Errorf("namespace %s goes, though the forge does not answer", name)
		}
	}
	f.forge.Heal()
	f.WaitGone(t, "v1", "Namespace", "", closed)
	f.WaitGone(t, "v1", "Namespace", "", lost)
	f.madeBy(t, f.pre, "2")
	f.wait(t, open, synced(""))
	if left := f.leftovers(t); len(left) != 1 || left[0] != open {
		t.Errorf("left are %v", left)
	}

	f.stop()
	f.Delete(t, f.control, "{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, metadata: {name: "+f.pre+"}}")
	f.run(t)
	f.WaitGone(t, "argoproj.io/v1alpha1", "Application", f.control, open)
	f.WaitGone(t, "v1", "Namespace", "", open)
}

// Several applications of one pull request share its namespace, which goes with the last of them.
func TestApplicationsOfAPreviewShareItsNamespace(t *testing.T) {
	f := startForged(t, "gitea")
	f.doubtFor(t, "1s")
	set := strings.Replace(f.homes(""), "  - pullRequest:\n      "+fmt.Sprintf(providers["gitea"], f.forge.API(), ""),
		"  - matrix:\n      generators:\n      - pullRequest: {"+fmt.Sprintf(providers["gitea"], f.forge.API(), "")+"}\n      - list: {elements: [{part: a}, {part: b}]}", 1)
	set = strings.Replace(set, "metadata: {name: '"+f.pre+"-{{ .number }}'", "metadata: {name: '"+f.pre+"-{{ .number }}-{{ .part }}'", 1)
	set = strings.Replace(set, "path: app}", "path: app, kustomize: {nameSuffix: '-{{ .part }}'}}", 1)
	f.Apply(t, f.control, set)
	one := f.workload(t, "one", "one")
	f.shop.Open(forgetest.Pull{Title: "One", Branch: "one", Head: one})
	f.tell(t, "opened")
	f.madeBy(t, f.pre, "1-a", "1-b")
	f.wait(t, f.pre+"-1-a", synced(one))
	f.wait(t, f.pre+"-1-b", synced(one))
	f.shop.Close(1)
	f.tell(t, "closed")
	f.madeBy(t, f.pre)
	f.WaitGone(t, "v1", "Namespace", "", f.pre+"-1")
}
