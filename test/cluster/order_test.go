package cluster_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// witness sees what is created and deleted in a namespace, in the order in which the API server did it.
type witness struct {
	mu    sync.Mutex
	lines []string
}

// witness watches ConfigMaps and Jobs of the target namespace. Hooks' pods and what Kubernetes makes are left out.
func (h *hawser) witness(t *testing.T) *witness {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	w := &witness{}
	// one list of both kinds does not exist; the resourceVersion orders them, which is one counter for all
	type seen struct {
		version int
		line    string
	}
	var all []seen
	for _, r := range []schema.GroupVersionResource{{Version: "v1", Resource: "configmaps"}, {Group: "batch", Version: "v1", Resource: "jobs"}} {
		client := h.Dynamic.Resource(r).Namespace(h.target)
		list, err := client.List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		stream, err := client.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stream.Stop)
		go func() {
			for e := range stream.ResultChan() {
				o, ok := e.Object.(*unstructured.Unstructured)
				if !ok || o.GetName() == "kube-root-ca.crt" || e.Type != watch.Added && e.Type != watch.Deleted {
					continue
				}
				var version int
				if _, err := fmt.Sscan(o.GetResourceVersion(), &version); err != nil {
					continue
				}
				line := "+" + o.GetName()
				if e.Type == watch.Deleted {
					line = "-" + o.GetName()
				}
				w.mu.Lock()
				all = append(all, seen{version, line})
				slices.SortStableFunc(all, func(a, b seen) int { return a.version - b.version })
				w.lines = nil
				for _, s := range all {
					w.lines = append(w.lines, s.line)
				}
				w.mu.Unlock()
			}
		}()
	}
	return w
}

func (w *witness) story() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.lines, " ")
}

// wants waits until the story is as wanted: the watch may be a moment behind.
func (w *witness) wants(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end) && w.story() != want; {
		time.Sleep(50 * time.Millisecond)
	}
	if d := cmp.Diff(want, w.story()); d != "" {
		t.Error(d)
	}
}

func named(name, annotations string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, annotations: {%s}}\ndata: {a: b}\n", name, annotations)
}

const (
	waveOf   = "argocd.argoproj.io/sync-wave"
	policyOf = "argocd.argoproj.io/hook-delete-policy"
)

// Each phase has hooks in two waves, with every delete policy, among objects in three waves.
func phases() map[string]string {
	files := map[string]string{}
	for _, phase := range []string{"PreSync", "Sync", "PostSync", "SyncFail"} {
		p := strings.ToLower(phase)
		files[p+"1.yaml"] = job(p+"-early", phase, waveOf+": '-1', "+policyOf+": HookSucceeded", "true")
		files[p+"2.yaml"] = job(p+"-late", phase, waveOf+": '1', "+policyOf+": HookFailed", "true")
		files[p+"3.yaml"] = job(p+"-middle", phase, policyOf+": BeforeHookCreation", "true")
	}
	for i, wave := range []string{"-2", "0", "2"} {
		files[fmt.Sprintf("cm%d.yaml", i)] = named(fmt.Sprintf("cm-%d", i), waveOf+": '"+wave+"'")
	}
	return files
}

func TestEveryPhaseWaveAndPolicyInOrder(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "phases", phases())
	name := h.name("phases")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	w := h.witness(t)
	a := h.sync(t, name, "")
	if a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Fatalf("operation %s", phase(a))
	}
	// a phase's hooks go when the phase is over: those with HookSucceeded when all went well
	w.wants(t, "+presync-early +presync-middle +presync-late -presync-early +cm-0 +sync-early +cm-1 +sync-middle +sync-late +cm-2 -sync-early +postsync-early +postsync-middle +postsync-late -postsync-early")

	// the second time every hook that is left is replaced, or run over; what is in the cluster already is not created
	w = h.witness(t)
	repo.Commit(t, map[string]string{"cm1.yaml": named("cm-1", waveOf+": '0', note: second"), "postsync3.yaml": job("postsync-middle", "PostSync", "", "exit 1")}, "The smoke test fails")
	a = h.sync(t, name, "")
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationFailed || !strings.HasPrefix(op.Message, "one or more synchronization tasks completed unsuccessfully") {
		t.Fatalf("operation %s", phase(a))
	}
	for hook, at := range map[string]v1alpha1.HookType{"postsync-late": "PostSync"} {
		if r := result(a, hook, at); r.HookPhase != "" {
			t.Errorf("%s ran after a failure in an earlier wave: %+v", hook, r)
		}
	}
	for _, hook := range []string{"syncfail-early", "syncfail-middle", "syncfail-late"} {
		if r := result(a, hook, "SyncFail"); r.HookPhase != v1alpha1.OperationSucceeded {
			t.Errorf("%s: %+v", hook, r)
		}
	}
	w.wants(t, "+presync-early -presync-middle +presync-middle -presync-early +sync-early -sync-middle +sync-middle -sync-early +postsync-early -postsync-middle +postsync-middle +syncfail-early +syncfail-middle +syncfail-late -syncfail-early")
}

func TestHookFailedDeletesWhenThePhaseFailed(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "hookfailed", map[string]string{
		"a.yaml": job("bad", "PreSync", policyOf+": HookFailed", "exit 1"), "b.yaml": job("good", "PreSync", policyOf+": HookSucceeded", "true"),
		"c.yaml": job("both", "PreSync", policyOf+`: "HookSucceeded,HookFailed"`, "true"), "cm.yaml": configMap,
	})
	name := h.name("hookfailed")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, outOfSync)
	if a := h.sync(t, name, ""); a.Status.OperationState.Phase != v1alpha1.OperationFailed {
		t.Fatalf("operation %s", phase(a))
	}
	h.WaitGone(t, "batch/v1", "Job", h.target, "bad")
	h.WaitGone(t, "batch/v1", "Job", h.target, "both")
	if o := h.Get(t, "batch/v1", "Job", h.target, "good"); o == nil || len(o.GetFinalizers()) > 0 {
		t.Errorf("good is to stay, since its phase failed, without our finalizer: %v", o)
	}
}

func TestHooksOfAnyKindAndOfGeneratedNames(t *testing.T) {
	h := start(t)
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: check, annotations: {argocd.argoproj.io/hook: PreSync}}\nspec: {restartPolicy: Never, containers: [{name: main, image: x:1, command: [sh, -c, \"exit 1\"]}]}\n"
	generated := strings.Replace(job("seed", "PreSync", "", "true"), "name: seed,", "generateName: seed-,", 1)
	repo := h.git.Repo(t, "anykind", map[string]string{"note.yaml": named("note", "argocd.argoproj.io/hook: PreSync"), "seed.yaml": generated, "feed.yaml": strings.Replace(generated, "seed-", "feed-", 1), "cm.yaml": configMap})
	name := h.name("anykind")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	a := h.wait(t, name, synced(repo.Head(t)))
	infix := "eed-" + repo.Head(t)[:7] + "-presync-"
	found := 0
	for _, r := range a.Status.OperationState.SyncResult.Resources {
		if strings.Contains(r.Name, infix) && r.HookPhase == v1alpha1.OperationSucceeded {
			found++
		}
	}
	if found != 2 || result(a, "note", "PreSync").HookPhase != v1alpha1.OperationSucceeded {
		t.Errorf("results %+v", a.Status.OperationState.SyncResult.Resources)
	}
	commit := repo.Commit(t, map[string]string{"check.yaml": pod}, "A pod as a hook, which fails")
	h.refresh(t, name)
	a = h.sync(t, name, "")
	if r := result(a, "check", "PreSync"); r.HookPhase != v1alpha1.OperationFailed || !strings.Contains(r.Message, "exit code 1") {
		t.Errorf("at %s: %+v", commit, r)
	}
}
