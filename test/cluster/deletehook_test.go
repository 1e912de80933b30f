package cluster_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// there is satisfied by any object that exists.
func there(*unstructured.Unstructured) error { return nil }

func (h *hawser) removeApp(t *testing.T, name string) {
	t.Helper()
	h.Delete(t, h.control, "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: "+name+"}\n")
}

func TestDeletionRunsItsHooks(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "delhooks", map[string]string{
		"pre.yaml": job("backup", "PreDelete", "", "sleep 1"), "post.yaml": job("after", "PostDelete", "argocd.argoproj.io/hook-delete-policy: HookSucceeded", "sleep 1"),
		"bye.yaml": job("bye", "PostDelete", "argocd.argoproj.io/sync-wave: '1'", "true"), "cm.yaml": configMap,
	})
	name := h.name("delhooks")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", finalizer: true})
	a := h.wait(t, name, synced(repo.Head(t)))
	for _, f := range []string{"pre-delete-finalizer.argocd.argoproj.io", "pre-delete-finalizer.argocd.argoproj.io/cleanup", "post-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io/cleanup"} {
		if !slices.Contains(a.Finalizers, f) {
			t.Errorf("finalizer %s is missing: %v", f, a.Finalizers)
		}
	}
	if h.Get(t, "batch/v1", "Job", h.target, "backup") != nil || h.Get(t, "batch/v1", "Job", h.target, "after") != nil {
		t.Error("hooks of the deletion ran in a sync")
	}
	h.removeApp(t, name)
	h.WaitFor(t, "batch/v1", "Job", h.target, "backup", there)
	if o := h.Get(t, "v1", "ConfigMap", h.target, "settings"); o == nil || o.GetDeletionTimestamp() != nil {
		t.Error("deleted before the PreDelete hook was done")
	}
	h.WaitFor(t, "batch/v1", "Job", h.target, "after", there)
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("the PostDelete hook ran before the objects were gone")
	}
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	if o := h.Get(t, "batch/v1", "Job", h.target, "after"); o != nil && o.GetDeletionTimestamp() == nil {
		t.Error("HookSucceeded was not honoured")
	}
	if o := h.Get(t, "batch/v1", "Job", h.target, "bye"); o == nil || len(o.GetFinalizers()) > 0 {
		t.Errorf("bye is to stay, without our finalizer: %v", o)
	}
	if o := h.Get(t, "batch/v1", "Job", h.target, "backup"); o != nil && o.GetDeletionTimestamp() == nil {
		t.Error("the PreDelete hook is left behind")
	}
}

func TestAFailingPreDeleteHookStopsTheDeletion(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "delfail", map[string]string{"pre.yaml": job("backup", "PreDelete", "", "exit 1"), "cm.yaml": configMap})
	name := h.name("delfail")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", finalizer: true})
	h.wait(t, name, synced(repo.Head(t)))
	h.removeApp(t, name)
	h.wait(t, name, condition(v1alpha1.ConditionDeletionError, "a PreDelete hook completed unsuccessfully", "removing the finalizer pre-delete-finalizer.argocd.argoproj.io"))
	time.Sleep(time.Second)
	if o := h.Get(t, "v1", "ConfigMap", h.target, "settings"); o == nil || o.GetDeletionTimestamp() != nil {
		t.Error("deleted although the hook failed")
	}
	// the way out that the condition names
	apps := h.Dynamic.Resource(v1alpha1.GroupVersion().WithResource("applications")).Namespace(h.control)
	_, err := apps.Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io"]}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	h.WaitGone(t, "v1", "ConfigMap", h.target, "settings")
}

func TestDeletionGoesBackThroughTheWaves(t *testing.T) {
	h := start(t)
	files := map[string]string{}
	for _, wave := range []string{"-1", "0", "3"} {
		files["cm"+wave+".yaml"] = named("cm."+wave[len(wave)-1:], waveOf+": '"+wave+"'")
	}
	repo := h.git.Repo(t, "delwaves", files)
	name := h.name("delwaves")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{selfHeal: true}", finalizer: true})
	h.wait(t, name, synced(repo.Head(t)))
	w := h.witness(t)
	h.removeApp(t, name)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	w.wants(t, "-cm.3 -cm.0 -cm.1")
}

func TestFinalizersOfDeletionHooksComeAndGoWithThem(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "delcome", map[string]string{"pre.yaml": job("backup", "PreDelete", "", "true"), "cm.yaml": configMap})
	name := h.name("delcome")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	has := func(want bool) func(*v1alpha1.Application) string {
		return func(a *v1alpha1.Application) string {
			if strings.Contains(strings.Join(a.Finalizers, " "), "pre-delete") != want {
				return "finalizers are " + strings.Join(a.Finalizers, " ")
			}
			return ""
		}
	}
	h.wait(t, name, has(true))
	repo.Replace(t, map[string]string{"cm.yaml": configMap}, "No hook any more")
	h.refresh(t, name)
	h.wait(t, name, has(false))
}
