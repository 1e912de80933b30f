package cluster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// never watches for a while that check stays "".
func never(t *testing.T, d time.Duration, check func() string) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if wrong := check(); wrong != "" {
			t.Fatal(wrong)
		}
	}
}

// ended checks for a finished operation in this phase, whose message holds all the words.
func ended(phase v1alpha1.OperationPhase, words ...string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; a.Operation != nil || op == nil || op.Phase != phase || !containsAll(op.Message, words) {
			return fmt.Sprintf("no operation that ended %s with %q", phase, words)
		}
		return ""
	}
}

func (h *hawser) remove(t *testing.T, name string) {
	t.Helper()
	h.Delete(t, h.control, fmt.Sprintf(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":%q}}`, name))
}

func (h *hawser) annotate(t *testing.T, name, annotation, value string) {
	t.Helper()
	h.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", h.control, name, fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, annotation, value))
}

// A root application that is in its own source must not wait for itself when it is deleted.
func TestApplicationInItsOwnSourceCanBeDeleted(t *testing.T) {
	h := start(t)
	root := h.name("self")
	repo := h.git.Repo(t, "self", map[string]string{"apps/cm.yaml": configMap})
	manifest := child(root, repo.URL, "apps", h.control)
	repo.Commit(t, map[string]string{"apps/self.yaml": manifest}, "Contain yourself")
	h.Apply(t, h.control, manifest)
	h.wait(t, root, synced(repo.Head(t)))
	h.remove(t, root)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, root)
	if h.Get(t, "v1", "ConfigMap", h.control, "settings") != nil {
		t.Error("it went without its objects")
	}
}

// A replica that loses the lead and gets it back works on.
func TestLeadLostAndRegained(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "lead", map[string]string{"cm.yaml": configMap})
	name := h.name("lead")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))

	leases := h.Client.CoordinationV1().Leases(h.control)
	thief, now, seconds := "thief", metav1.NowMicro(), int32(3)
	for {
		lease, err := leases.Get(t.Context(), catalog.LeaderLease, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		lease.Spec.HolderIdentity, lease.Spec.RenewTime, lease.Spec.AcquireTime, lease.Spec.LeaseDurationSeconds = &thief, &now, &now, &seconds
		if _, err := leases.Update(t.Context(), lease, metav1.UpdateOptions{}); err == nil {
			break
		}
	}
	h.waitHolder(t, func(holder string) bool { return holder != thief })
	commit := repo.Commit(t, map[string]string{"cm.yaml": strings.Replace(configMap, "blue", "white", 1)}, "White")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(commit))
}

func (h *hawser) waitHolder(t *testing.T, is func(string) bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		lease, err := h.Client.CoordinationV1().Leases(h.control).Get(t.Context(), catalog.LeaderLease, metav1.GetOptions{})
		if err == nil && lease.Spec.HolderIdentity != nil && is(*lease.Spec.HolderIdentity) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the lease did not change hands")
		}
	}
}

// What asks for a confirmation is deleted after one, and not after one that was for an earlier deletion.
func TestDeletionsThatWantAConfirmation(t *testing.T) {
	h := start(t)
	careful := strings.Replace(configMap, "name: settings", `name: careful, annotations: {argocd.argoproj.io/sync-options: "Prune=confirm,Delete=confirm"}`, 1)
	repo := h.git.Repo(t, "confirm", map[string]string{"careful.yaml": careful, "b.yaml": strings.ReplaceAll(careful, "careful", "careful-too"), "c.yaml": configMap})
	name := h.name("confirm")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", finalizer: true})
	h.wait(t, name, synced(repo.Head(t)))
	approve := func(at time.Time) {
		h.annotate(t, name, v1alpha1.AnnotationDeletionApproved, at.UTC().Format(time.RFC3339))
	}
	approve(time.Now().Add(-time.Hour)) // of something else
	repo.Commit(t, map[string]string{"b.yaml": ""}, "Remove one")
	h.hook(t, repo.URL)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || op.Phase != v1alpha1.OperationRunning || !strings.Contains(op.Message, "waiting for pruning confirmation of /ConfigMap/careful-too") {
			return "does not ask"
		}
		return ""
	})
	if h.Get(t, "v1", "ConfigMap", h.target, "careful-too") == nil {
		t.Fatal("pruned without a confirmation")
	}
	approve(time.Now().Add(time.Second))
	h.WaitGone(t, "v1", "ConfigMap", h.target, "careful-too")
	h.wait(t, name, synced(repo.Head(t)))

	time.Sleep(2 * time.Second) // the wire's times have whole seconds: the approval is from before the deletion
	h.remove(t, name)
	h.wait(t, name, condition(v1alpha1.ConditionDeletionError, "confirmation", "ConfigMap/careful"))
	h.WaitGone(t, "v1", "ConfigMap", h.target, "settings")
	if h.Get(t, "v1", "ConfigMap", h.target, "careful") == nil {
		t.Fatal("deleted without a confirmation")
	}
	approve(time.Now())
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	if h.Get(t, "v1", "ConfigMap", h.target, "careful") != nil {
		t.Error("left behind after the confirmation")
	}
}

// Requests that are odd, and applications that are, end with an answer.
func TestOddOperationsEnd(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "requests", map[string]string{"cm.yaml": configMap})
	name := h.name("requests")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: "revisionHistoryLimit: -1"})
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
			return "not OutOfSync"
		}
		return ""
	})
	for _, c := range []struct {
		what, fields string
		phase        v1alpha1.OperationPhase
		words        []string
	}{
		{"local manifests", `"manifests":["{}"]`, v1alpha1.OperationError, []string{"local manifests"}},
		{"a revision that is not there", `"revision":"nowhere"`, v1alpha1.OperationError, []string{"nowhere"}},
		{"an object that is not there", `"resources":[{"kind":"ConfigMap","name":"nowhere"}]`, v1alpha1.OperationSucceeded, nil},
		{"a dry run", `"dryRun":true`, v1alpha1.OperationSucceeded, nil},
		{"CreateNamespace without a sync policy, to a short commit", `"syncOptions":["CreateNamespace=true"],"revision":"` + repo.Head(t)[:8] + `"`, v1alpha1.OperationSucceeded, nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			h.sync(t, name, c.fields)
			h.wait(t, name, ended(c.phase, c.words...))
			if made := h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil; made != strings.HasPrefix(c.what, "CreateNamespace") {
				t.Errorf("the object is there: %v", made)
			}
			time.Sleep(1100 * time.Millisecond) // the wire's times have whole seconds
		})
	}
}
