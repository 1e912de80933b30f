package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/clustertest"
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
	h.wait(t, name, outOfSync)
	for _, c := range []struct {
		what, fields string
		phase        v1alpha1.OperationPhase
		words        []string
	}{
		{"manifests that are no objects", `"manifests":["{\"kind\":\"ConfigMap\"}"]`, v1alpha1.OperationError, []string{"operation.sync.manifests[0]"}},
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

// A commit that moves an object from one application to another never deletes it, whoever is looked at first.
func TestMovedObjectIsNotDeleted(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "move", map[string]string{"one/stays.yaml": strings.Replace(configMap, "settings", "one", 1), "two/stays.yaml": strings.Replace(configMap, "settings", "two", 1), "one/cm.yaml": configMap})
	one, two := h.name("one"), h.name("two")
	for n, path := range map[string]string{one: "one", two: "two"} {
		h.apply(t, app{name: n, repo: repo.URL, path: path, auto: "{prune: true, selfHeal: true}"})
		h.wait(t, n, synced(repo.Head(t)))
	}
	uid := h.Get(t, "v1", "ConfigMap", h.target, "settings").GetUID()
	for i, path := range []string{"two", "one", "two", "one"} {
		other := map[string]string{"one": "two", "two": "one"}[path]
		commit := repo.Commit(t, map[string]string{path + "/cm.yaml": configMap, other + "/cm.yaml": ""}, "Move it to "+path)
		if i%2 == 0 {
			h.hook(t, repo.URL)
		} else {
			h.refresh(t, map[string]string{"one": one, "two": two}[other]) // the one that loses it hears of it first
		}
		h.wait(t, one, synced(commit))
		h.wait(t, two, synced(commit))
		o := h.Get(t, "v1", "ConfigMap", h.target, "settings")
		if o == nil || o.GetUID() != uid {
			t.Fatalf("move %d: it was deleted on the way", i)
		}
	}
}

// An application that is renamed in its parent's source hands its objects over.
func TestRenamedApplicationHandsItsObjectsOver(t *testing.T) {
	h := start(t)
	old, renamed, root := h.name("old"), h.name("renamed"), h.name("parent")
	repo := h.git.Repo(t, "rename", map[string]string{"work/cm.yaml": configMap})
	repo.Commit(t, map[string]string{"apps/a.yaml": child(old, repo.URL, "work", h.target), "apps/z.yaml": strings.Replace(configMap, "settings", "of-parent", 1)}, "Begin")
	h.apply(t, app{name: root, repo: repo.URL, path: "apps", auto: "{prune: true, selfHeal: true}", extra: "destination: {server: https://kubernetes.default.svc, namespace: " + h.control + "}"})
	h.wait(t, root, synced(repo.Head(t)))
	h.wait(t, old, synced(repo.Head(t)))
	uid := h.Get(t, "v1", "ConfigMap", h.target, "settings").GetUID()
	repo.Commit(t, map[string]string{"apps/a.yaml": child(renamed, repo.URL, "work", h.target)}, "Rename")
	h.hook(t, repo.URL)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, old)
	h.wait(t, renamed, synced(repo.Head(t)))
	if o := h.Get(t, "v1", "ConfigMap", h.target, "settings"); o == nil || o.GetUID() != uid {
		t.Error("it was deleted on the way")
	}
}

// What a sync option of the application protects is left alone, once and for all.
func TestPruneOptionOfTheApplicationDoesNotLoop(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "noprune", map[string]string{"cm.yaml": configMap, "b.yaml": strings.Replace(configMap, "settings", "left", 1)})
	name := h.name("noprune")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: "syncPolicy: {syncOptions: [Prune=false]}"})
	h.wait(t, name, synced(repo.Head(t)))
	commit := repo.Commit(t, map[string]string{"b.yaml": "", "cm.yaml": strings.Replace(configMap, "blue", "red", 1)}, "Remove one, change the other")
	h.hook(t, repo.URL)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("red", "data", "colour"))
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Operation != nil || a.Status.Sync.Revision != commit || len(a.Status.History) != 2 {
			return "not deployed"
		}
		return ""
	})
	time.Sleep(3 * time.Second)
	if n := strings.Count(h.story(name), " objects changed"); n != 2 {
		t.Errorf("synced %d times for two commits:\n%s", n, h.story(name))
	}
	if h.Get(t, "v1", "ConfigMap", h.target, "left") == nil {
		t.Error("pruned")
	}
}

// An application that is no longer in its own source does not delete itself, and one that was killed before it could
// note what it applied still knows it.
func TestPruneOfOneselfAndOfWhatWasNeverNoted(t *testing.T) {
	h := prepare(t)
	h.run(t)
	root := h.name("root")
	repo := h.git.Repo(t, "oneself", map[string]string{"apps/cm.yaml": configMap, "apps/b.yaml": strings.Replace(configMap, "settings", "other", 1)})
	manifest := child(root, repo.URL, "apps", h.control)
	repo.Commit(t, map[string]string{"apps/self.yaml": manifest}, "Contain yourself")
	h.Apply(t, h.control, manifest)
	h.wait(t, root, synced(repo.Head(t)))
	h.stop()
	resources := h.get(t, root).Status.Resources
	var forgotten []string
	for _, r := range resources {
		forgotten = append(forgotten, fmt.Sprintf(`{"group":%q,"version":%q,"kind":%q,"namespace":%q,"name":%q,"status":"OutOfSync"}`, r.Group, r.Version, r.Kind, r.Namespace, r.Name))
	}
	h.Patch(t, "argocd-application-controller", "argoproj.io/v1alpha1", "Application", h.control, root, `{"status":{"resources":[`+strings.Join(forgotten, ",")+`]}}`)
	repo.Commit(t, map[string]string{"apps/self.yaml": "", "apps/cm.yaml": ""}, "Remove two of three")
	h.run(t)
	h.WaitGone(t, "v1", "ConfigMap", h.control, "settings")
	h.wait(t, root, func(a *v1alpha1.Application) string {
		if a.Operation != nil || a.Status.Sync.Revision != repo.Head(t) {
			return "not deployed"
		}
		return ""
	})
	never(t, 2*time.Second, func() string {
		if a := h.get(t, root); a == nil || a.DeletionTimestamp != nil {
			return "it deleted itself"
		}
		return ""
	})
}

// An object that Git still has is not pruned because it is now a hook, or to be left alone.
func TestWhatBecomesAHookOrSkippedIsNotPruned(t *testing.T) {
	h := start(t)
	named := func(name, annotations string) string {
		return strings.Replace(configMap, "name: settings", "name: "+name+", annotations: {"+annotations+"}", 1)
	}
	repo := h.git.Repo(t, "aside", map[string]string{"a.yaml": named("skipped", ""), "b.yaml": named("hooked", ""), "c.yaml": configMap})
	name := h.name("aside")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	skipped := h.Get(t, "v1", "ConfigMap", h.target, "skipped").GetUID()
	commit := repo.Commit(t, map[string]string{"a.yaml": named("skipped", "argocd.argoproj.io/hook: Skip"), "b.yaml": named("hooked", "argocd.argoproj.io/hook: SyncFail"), "c.yaml": strings.Replace(configMap, "blue", "red", 1)}, "Set aside")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(commit))
	time.Sleep(time.Second)
	if o := h.Get(t, "v1", "ConfigMap", h.target, "skipped"); o == nil || o.GetUID() != skipped {
		t.Error("what Git says to leave alone was deleted")
	}
	if h.Get(t, "v1", "ConfigMap", h.target, "hooked") == nil {
		t.Error("what became a hook that has not run was deleted")
	}
}

// Who pushes and then asks for a sync means what has just been pushed, webhook or not.
func TestManualSyncMeansWhatHasJustBeenPushed(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "fresh", map[string]string{"cm.yaml": configMap})
	name := h.name("fresh")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.sync(t, name, `"prune":false`)
	commit := repo.Commit(t, map[string]string{"cm.yaml": strings.Replace(configMap, "blue", "red", 1)}, "Red")
	if a := h.sync(t, name, `"prune":false`); a.Status.OperationState.SyncResult.Revision != commit {
		t.Errorf("synced %s and not %s", a.Status.OperationState.SyncResult.Revision, commit)
	}
	if err := field("red", "data", "colour")(h.Get(t, "v1", "ConfigMap", h.target, "settings")); err != nil {
		t.Error(err)
	}
}

// A part of a commit that a person synced does not count for the whole of it.
func TestPartOfACommitIsNotTheCommit(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "part", map[string]string{"cm.yaml": configMap, "other.yaml": strings.Replace(configMap, "settings", "other", 1)})
	name := h.name("part")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.sync(t, name, `"resources":[{"kind":"ConfigMap","name":"settings"}]`)
	if h.Get(t, "v1", "ConfigMap", h.target, "other") != nil {
		t.Fatal("more than the part was synced")
	}
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true}"})
	a := h.wait(t, name, synced(repo.Head(t)))
	if len(a.Status.History) != 1 {
		t.Errorf("%d entries in the history", len(a.Status.History))
	}
}

// stuck is an application whose second wave waits for a Deployment that never gets ready.
func (h *hawser) stuck(t *testing.T, name, auto string) {
	t.Helper()
	repo := h.git.Repo(t, name, map[string]string{
		"web.yaml": strings.Replace(strings.Replace(deployment, "web:1.0", "web:broken", 1), "labels: {app: web}}\nspec", "labels: {app: web}, annotations: {argocd.argoproj.io/sync-wave: '-1'}}\nspec", 1),
		"cm.yaml":  configMap,
	})
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: auto})
}

func (h *hawser) waitsForWeb(t *testing.T, name string) {
	t.Helper()
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || !strings.HasPrefix(op.Message, "waiting for healthy state of apps/Deployment/web (") {
			return "does not wait"
		}
		return ""
	})
}

// What was applied and is gone again is not waited for.
func TestObjectThatVanishesBetweenWaves(t *testing.T) {
	h := start(t)
	name := h.name("vanish")
	h.stuck(t, name, "{prune: true}")
	h.waitsForWeb(t, name)
	h.Delete(t, h.target, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}")
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if !strings.Contains(h.story(name), "gone again before the next wave: apps/Deployment/web") {
			return "still waits"
		}
		return ""
	})
}

// A request that replaces one in progress is the next, and not lost with it.
func TestRequestThatReplacesARunningOneIsNotLost(t *testing.T) {
	h := start(t)
	name := h.name("replaced")
	h.stuck(t, name, "")
	patch := func(text string) {
		h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, text)
	}
	patch(`{"operation":{"initiatedBy":{"username":"one"},"sync":{}}}`)
	h.waitsForWeb(t, name)
	patch(`{"operation":{"initiatedBy":{"username":"two"},"sync":{"resources":[{"kind":"ConfigMap","name":"settings"}]}}}`)
	patch(`{"status":{"operationState":{"phase":"Terminating"}}}`)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; a.Operation != nil || op == nil || op.Operation.InitiatedBy.Username != "two" || op.Phase != v1alpha1.OperationSucceeded {
			return "the second request was not performed"
		}
		return ""
	})
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Error("it did nothing")
	}
}

// What a person asks of a child application by an annotation is no drift of the parent.
func TestRequestsToAChildAreNoDrift(t *testing.T) {
	h := start(t)
	leaf, root := h.name("leaf"), h.name("tree")
	repo := h.git.Repo(t, "requests-to-child", map[string]string{"work/cm.yaml": configMap})
	repo.Commit(t, map[string]string{"apps/a.yaml": child(leaf, repo.URL, "work", h.target)}, "Begin")
	h.apply(t, app{name: root, repo: repo.URL, path: "apps", auto: "{prune: true, selfHeal: true}", extra: "destination: {server: https://kubernetes.default.svc, namespace: " + h.control + "}"})
	h.wait(t, root, synced(repo.Head(t)))
	h.wait(t, leaf, synced(repo.Head(t)))
	h.annotate(t, leaf, "hawser.dev/prune-approved", "0123456789abcdef")
	h.annotate(t, leaf, v1alpha1.AnnotationDeletionApproved, "2026-01-01T00:00:00Z")
	h.refresh(t, leaf)
	never(t, 2*time.Second, func() string {
		if h.get(t, leaf).Annotations["hawser.dev/prune-approved"] == "" || strings.Contains(h.story(root), " drift: ") {
			return "the parent took the request back:\n" + h.story(root)
		}
		return ""
	})
}

// A list with one source is a list: its commits are where clients look for them, and drift is not taken for news.
func TestListOfOneSource(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "one-of-many", map[string]string{"app/cm.yaml": configMap})
	name := h.name("listed")
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: %s}, spec: {project: default,
  sources: [{repoURL: %q, path: app, targetRevision: main}], destination: {server: "https://kubernetes.default.svc", namespace: %s}, syncPolicy: {automated: {prune: true}}}}`, name, repo.URL, h.target))
	at := func(commit string) func(*v1alpha1.Application) string {
		return func(a *v1alpha1.Application) string {
			if s := a.Status.Sync; a.Operation != nil || s.Status != v1alpha1.SyncStatusSynced || s.Revision != "" || len(s.Revisions) != 1 || s.Revisions[0] != commit {
				return fmt.Sprintf("not Synced at revisions [%s] but %s %q %v", commit, s.Status, s.Revision, s.Revisions)
			}
			return ""
		}
	}
	a := h.wait(t, name, at(repo.Head(t)))
	if op := a.Status.OperationState; len(op.SyncResult.Revisions) != 1 || len(op.SyncResult.Sources) != 1 || len(a.Status.History) != 1 || len(a.Status.History[0].Revisions) != 1 {
		t.Errorf("operation %+v, history %+v", op.SyncResult, a.Status.History)
	}
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "settings", `{"data":{"colour":"red"}}`)
	h.wait(t, name, outOfSync)
	never(t, time.Second, func() string {
		if field("red", "data", "colour")(h.Get(t, "v1", "ConfigMap", h.target, "settings")) != nil {
			return "healed without selfHeal"
		}
		return ""
	})
}

// An application whose project is gone is not deleted in part or forgotten: it says what it waits for.
func TestDeletionWaitsForTheProject(t *testing.T) {
	h := start(t)
	project := fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: gone, namespace: %s}, spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: "*"}]}}`, h.control)
	h.Apply(t, h.control, project)
	repo := h.git.Repo(t, "project", map[string]string{"cm.yaml": configMap})
	name := h.name("orphan")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{}", finalizer: true, extra: "project: gone"})
	h.wait(t, name, synced(repo.Head(t)))
	h.Delete(t, h.control, project)
	h.refresh(t, name)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Annotations[v1alpha1.AnnotationRefresh] != "" {
			return "the request to refresh is still there"
		}
		return condition(v1alpha1.ConditionInvalidSpecError, "gone")(a)
	})
	h.remove(t, name)
	h.wait(t, name, condition(v1alpha1.ConditionDeletionError, "gone"))
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") == nil {
		t.Error("deleted without a project that permits it")
	}
	h.Apply(t, h.control, project)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil {
		t.Error("left behind")
	}
}

// A failed sync is tried again at once when what it lacked is there, however long its pauses have become.
func TestWhatWasLackingEndsThePause(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "lacking", map[string]string{"cm.yaml": configMap})
	name, ns := h.name("lacking"), h.name("later")
	defer h.Delete(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+ns+"}}")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{}", extra: "destination: {server: https://kubernetes.default.svc, namespace: " + ns + "}"})
	clustertest.Wait(t, "two failed attempts", func(context.Context) error {
		if n := strings.Count(h.story(name), " not applied: "); n < 2 {
			return fmt.Errorf("%d attempts", n)
		}
		return nil
	})
	h.Apply(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+ns+"}}")
	began := time.Now()
	h.wait(t, name, synced(repo.Head(t)))
	if d := time.Since(began); d > 4*time.Second { // the third attempt would have been 6 s after the second
		t.Errorf("synced %v after the namespace was there", d)
	}
}

// Replace and force do not go through what holds others: a namespace is not deleted with all that is in it.
func TestForceSparesWhatHoldsOthers(t *testing.T) {
	h := start(t)
	ns := h.name("held")
	repo := h.git.Repo(t, "force", map[string]string{"ns.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: " + ns + "}}", "cm.yaml": configMap})
	name := h.name("force")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: "syncPolicy: {syncOptions: [Replace=true, Force=true]}"})
	h.sync(t, name, `"prune":false`)
	defer h.Delete(t, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+ns+"}}")
	uid, cm := h.Get(t, "v1", "Namespace", "", ns).GetUID(), h.Get(t, "v1", "ConfigMap", h.target, "settings").GetUID()
	h.sync(t, name, `"prune":false`)
	if h.Get(t, "v1", "ConfigMap", h.target, "settings").GetUID() == cm {
		t.Error("Replace with Force did not create the ConfigMap anew: nothing was tested")
	}
	if o := h.Get(t, "v1", "Namespace", "", ns); o == nil || o.GetUID() != uid || o.GetDeletionTimestamp() != nil {
		t.Error("the namespace was deleted")
	}
}

// Where a label is the mark, it does not make an object ours that somebody else gave it: Helm's charts and the
// templates of volume claims use the very same label.
func TestBorrowedLabelIsNoMark(t *testing.T) {
	h := prepare(t)
	h.Apply(t, h.control, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm}, data: {application.resourceTrackingMethod: label}}")
	h.run(t)
	repo := h.git.Repo(t, "label", map[string]string{"cm.yaml": configMap, "old.yaml": strings.Replace(configMap, "settings", "old", 1)})
	name := h.name("label")
	h.Apply(t, h.target, "{apiVersion: v1, kind: ConfigMap, metadata: {name: data-of-somebody, labels: {app.kubernetes.io/instance: "+name+"}}}")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", finalizer: true})
	h.wait(t, name, synced(repo.Head(t)))
	repo.Commit(t, map[string]string{"old.yaml": ""}, "Remove one")
	a := h.sync(t, name, `"prune":true`)
	if h.Get(t, "v1", "ConfigMap", h.target, "old") != nil {
		t.Error("what is ours was not pruned")
	}
	for _, r := range a.Status.Resources {
		if r.Name == "data-of-somebody" {
			t.Errorf("it is listed as ours: %+v", r)
		}
	}
	h.remove(t, name)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, name)
	if h.Get(t, "v1", "ConfigMap", h.target, "settings") != nil || h.Get(t, "v1", "ConfigMap", h.target, "data-of-somebody") == nil {
		t.Error("the cascade did not take exactly what is ours")
	}
}
