package cluster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func coloured(colour string) string { return strings.Replace(configMap, "blue", colour, 1) }

// rolledBack waits until the application is held at the commit.
func rolledBack(commit string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		if wrong := synced(commit)(a); wrong != "" {
			return wrong
		}
		return condition(v1alpha1.ConditionHeldWarning, "Held at "+commit[:7])(a)
	}
}

func TestRollbackUnderAutoSyncHoldsTheBadCommit(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "hold", map[string]string{"cm.yaml": coloured("blue")})
	good := repo.Head(t)
	name := h.name("hold")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(good))
	bad := repo.Commit(t, map[string]string{"cm.yaml": coloured("red"), "extra.yaml": strings.Replace(configMap, "settings", "extra", 1)}, "Bad")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(bad))

	// what `argocd app rollback` and the page send: the revision and source of an entry of the history
	first := h.get(t, name).Status.History[0]
	if first.Revision != good || first.Source.RepoURL != repo.URL {
		t.Fatalf("history %+v", first)
	}
	a := h.sync(t, name, fmt.Sprintf(`"revision":%q,"prune":true,"source":{"repoURL":%q,"path":%q,"targetRevision":%q}`, first.Revision, first.Source.RepoURL, first.Source.Path, first.Source.TargetRevision))
	if a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Fatalf("rollback: %s", phase(a))
	}
	h.wait(t, name, rolledBack(good))
	h.WaitGone(t, "v1", "ConfigMap", h.target, "extra")
	if !condition0(h.get(t, name), v1alpha1.ConditionHeldWarning, bad[:7], "tester-") {
		t.Errorf("the condition names neither what is not deployed nor who asked: %+v", h.get(t, name).Status.Conditions)
	}

	// it stays there, healed, over a look and a restart
	h.refresh(t, name)
	h.wait(t, name, rolledBack(good))
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "settings", `{"data":{"colour":"pink"}}`)
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue", "data", "colour"))
	h.stop()
	h.run(t)
	h.refresh(t, name)
	h.wait(t, name, rolledBack(good))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue", "data", "colour"))

	// the next commit ends it
	next := repo.Commit(t, map[string]string{"cm.yaml": coloured("green")}, "Better")
	h.hook(t, repo.URL)
	a = h.wait(t, name, synced(next))
	if condition0(a, v1alpha1.ConditionHeldWarning) || a.Annotations["hawser.dev/hold"] != "" {
		t.Errorf("still held: %v %v", a.Status.Conditions, a.Annotations)
	}
}

func condition0(a *v1alpha1.Application, kind v1alpha1.ApplicationConditionType, words ...string) bool {
	return condition(kind, words...)(a) == ""
}

func TestAHoldIsLifted(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "lift", map[string]string{"cm.yaml": coloured("blue")})
	good := repo.Head(t)
	name := h.name("lift")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(good))
	bad := repo.Commit(t, map[string]string{"cm.yaml": coloured("red")}, "Bad")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(bad))
	rollBack := func() {
		h.sync(t, name, fmt.Sprintf(`"revision":%q`, good))
		h.wait(t, name, rolledBack(good))
	}

	rollBack()
	h.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", h.control, name, `{"metadata":{"annotations":{"hawser.dev/hold":null}}}`)
	h.wait(t, name, synced(bad))

	rollBack()
	h.sync(t, name, "") // a sync to the branch
	h.wait(t, name, synced(bad))

	rollBack()
	h.sync(t, name, `"revision":"main"`) // by its name
	h.wait(t, name, synced(bad))

	// a rollback that fails holds nothing
	a := h.sync(t, name, `"revision":"0123456789012345678901234567890123456789"`)
	if a.Status.OperationState.Phase != v1alpha1.OperationError {
		t.Errorf("a sync to a commit that does not exist: %s", phase(a))
	}
	a = h.wait(t, name, synced(bad))
	if a.Annotations["hawser.dev/hold"] != "" {
		t.Errorf("held by a rollback that failed: %v", a.Annotations)
	}
}

func TestHistoryIsKeptAsLongAsItIsAskedFor(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "history", map[string]string{"cm.yaml": coloured("c0")})
	name := h.name("history")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: "revisionHistoryLimit: 2"})
	h.wait(t, name, synced(repo.Head(t)))
	for i := 1; i <= 3; i++ {
		commit := repo.Commit(t, map[string]string{"cm.yaml": coloured(fmt.Sprint("c", i))}, fmt.Sprint("Commit ", i))
		h.hook(t, repo.URL)
		h.wait(t, name, synced(commit))
	}
	list := h.get(t, name).Status.History
	if len(list) != 2 || list[0].ID != 2 || list[1].ID != 3 || list[1].Revision != repo.Head(t) || list[1].DeployStartedAt == nil || !list[1].InitiatedBy.Automated {
		t.Errorf("history %+v", list)
	}
}
