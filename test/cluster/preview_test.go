package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/reconcile"
)

// foretold writes a preview down, a line for each step.
func foretold(p reconcile.Preview) string {
	var b strings.Builder
	for _, s := range p.Steps {
		wave := fmt.Sprint(s.Wave)
		if s.First {
			wave = "first"
		}
		fmt.Fprintf(&b, "%s %s %s %s", s.Phase, wave, s.Does, s.Key.Name)
		if s.Count > 0 {
			fmt.Fprintf(&b, " %d:%s", s.Count, strings.Join(s.Fields, ","))
		}
		for _, text := range []string{s.Why, s.Fails} {
			if text != "" {
				fmt.Fprintf(&b, " (%s)", text)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (h *hawser) preview(t *testing.T, name string, sync v1alpha1.SyncOperation, check bool) reconcile.Preview {
	t.Helper()
	p, err := h.apps.Preview(t.Context(), reconcile.PreviewRequest{Application: h.id(name), Sync: sync, Check: check})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// warned reports whether a preview has the warning with all the words.
func warned(p reconcile.Preview, kind string, blocks bool, words ...string) bool {
	return slices.ContainsFunc(p.Warnings, func(w reconcile.Warning) bool {
		return w.Kind == kind && w.Blocks == blocks && containsAll(w.Text, words)
	})
}

func waved(name, wave, more string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: %s, annotations: {argocd.argoproj.io/sync-wave: %q%s}}, data: {colour: blue}}\n", name, wave, more)
}

// A preview says what the sync then does, in its order, and does none of it.
func TestAPreviewForetellsTheSync(t *testing.T) {
	h := start(t)
	files := map[string]string{
		"same.yaml": waved("same", "0", ""), "drifted.yaml": waved("drifted", "1", ""), "gone.yaml": waved("gone", "0", ""),
		"kept.yaml": waved("kept", "0", `, argocd.argoproj.io/sync-options: "Prune=false"`),
		"pre.yaml":  job("migrate", "PreSync", "argocd.argoproj.io/hook-delete-policy: BeforeHookCreation", "true"),
	}
	repo := h.git.Repo(t, "foretold", files)
	name := h.name("foretold")
	h.apply(t, app{name: name, repo: repo.URL, path: "."})
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
			return "not compared"
		}
		return ""
	})
	if got, want := foretold(h.preview(t, name, v1alpha1.SyncOperation{}, false)), "PreSync 0 hook migrate\nSync 0 create gone\nSync 0 create kept\nSync 0 create same\nSync 1 create drifted\n"; got != want {
		t.Errorf("at first\n%swant\n%s", got, want)
	}
	if h.Get(t, "v1", "ConfigMap", h.target, "same") != nil || h.get(t, name).Status.OperationState != nil {
		t.Error("the question did something")
	}
	h.sync(t, name, "")
	h.wait(t, name, synced(repo.Head(t)))

	head := repo.Replace(t, map[string]string{
		"same.yaml": files["same.yaml"], "drifted.yaml": files["drifted.yaml"], "new.yaml": waved("new", "-1", ""), "pre.yaml": files["pre.yaml"],
		"post.yaml": job("smoke", "PostSync", "", "true"), "fail.yaml": job("tell", "SyncFail", "", "true"),
	}, "Change")
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "drifted", `{"data":{"colour":"red","shape":"round"}}`)
	h.refresh(t, name)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Revision != head {
			return "not at the commit"
		}
		return ""
	})
	before := h.state(t, "same", "drifted", "gone", "kept", "new")
	full := h.preview(t, name, v1alpha1.SyncOperation{Prune: true}, true)
	want := "PreSync 0 hook migrate (the object of its last run is deleted first)\nSync -1 create new\nSync 0 nothing same\nSync 0 prune gone\nSync 0 keep kept (ignored (no prune))\n" +
		"Sync 1 update drifted 2:data.colour,data.shape\nPostSync 0 hook smoke\nSyncFail 0 hook tell\n"
	if got := foretold(full); got != want {
		t.Errorf("of everything\n%swant\n%s", got, want)
	}
	if len(full.Commits) != 1 || full.Commits[0] != head {
		t.Errorf("commits %v", full.Commits)
	}
	unpruned := h.preview(t, name, v1alpha1.SyncOperation{}, false)
	if !strings.Contains(foretold(unpruned), "Sync 0 keep gone (ignored (requires pruning))") || !warned(unpruned, "NotPruned", false, "gone") {
		t.Errorf("without prune\n%s%+v", foretold(unpruned), unpruned.Warnings)
	}
	chosen := h.preview(t, name, v1alpha1.SyncOperation{Resources: []v1alpha1.SyncOperationResource{{Kind: "ConfigMap", Name: "drifted"}}}, false)
	if got := foretold(chosen); got != "Sync 1 update drifted 2:data.colour,data.shape\n" || !warned(chosen, "NoHooks", false, "3 hooks do not run") {
		t.Errorf("of a selection\n%s%+v", got, chosen.Warnings)
	}
	if got := foretold(h.preview(t, name, v1alpha1.SyncOperation{SyncOptions: []string{"ApplyOutOfSyncOnly=true"}, SyncStrategy: &v1alpha1.SyncStrategy{Apply: &v1alpha1.SyncStrategyApply{}}}, false)); strings.Contains(got, "same") || strings.Contains(got, "hook") {
		t.Errorf("of what differs, without hooks\n%s", got)
	}
	if after := h.state(t, "same", "drifted", "gone", "kept", "new"); after != before {
		t.Errorf("the questions changed %s into %s", before, after)
	}

	// the sync does just that, in that order
	a := h.sync(t, name, `"prune":true`)
	if a.Status.OperationState.Phase != v1alpha1.OperationSucceeded {
		t.Fatal(phase(a))
	}
	var did, told []string
	waves := map[string]string{} // what one wave deletes goes side by side
	for _, s := range full.Steps {
		if s.Phase != v1alpha1.SyncPhaseSyncFail {
			waves[s.Key.Name] = fmt.Sprint(s.Phase, " ", s.Wave)
			told = append(told, waves[s.Key.Name]+" "+s.Key.Name)
		}
	}
	for _, r := range a.Status.OperationState.SyncResult.Resources {
		did = append(did, waves[r.Name]+" "+r.Name)
	}
	for _, list := range [][]string{did, told} {
		slices.SortStableFunc(list, func(x, y string) int {
			if x, y := strings.Fields(x), strings.Fields(y); x[0] == y[0] && x[1] == y[1] {
				return strings.Compare(x[2], y[2])
			}
			return 0
		})
	}
	if strings.Join(did, ", ") != strings.Join(told, ", ") {
		t.Errorf("did\n%v, and told\n%v", did, told)
	}
}

// state is the identity and version of ConfigMaps.
func (h *hawser) state(t *testing.T, names ...string) string {
	t.Helper()
	var b strings.Builder
	for _, n := range names {
		if o := h.Get(t, "v1", "ConfigMap", h.target, n); o != nil {
			fmt.Fprintf(&b, "%s %s %s, ", n, o.GetUID(), o.GetResourceVersion())
		}
	}
	return b.String()
}

// A preview names what stands in the way: a field that cannot be changed, the guard, a window, the project.
func TestAPreviewWarns(t *testing.T) {
	h := start(t)
	files := map[string]string{"web.yaml": deployment, "cm.yaml": configMap}
	for i := range 6 {
		files[fmt.Sprintf("many-%d.yaml", i)] = waved(fmt.Sprintf("many-%d", i), "0", "")
	}
	repo := h.git.Repo(t, "warned", files)
	name := h.name("warned")
	h.project(t, "wary", "")
	a := app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: "project: wary"}
	h.apply(t, a)
	first := h.wait(t, name, synced(repo.Head(t))).Status.Sync.Revision

	head := repo.Replace(t, map[string]string{"web.yaml": strings.ReplaceAll(deployment, "app: web", "app: other"), "cm.yaml": configMap}, "Rename, and drop most")
	h.hook(t, repo.URL)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Revision != head || a.Operation != nil || a.Status.OperationState.Phase != v1alpha1.OperationFailed {
			return "the sync has not failed yet"
		}
		return ""
	})
	p := h.preview(t, name, v1alpha1.SyncOperation{Prune: true}, false)
	if !strings.Contains(foretold(p), "update web") || !warned(p, "Immutable", false, "web cannot be changed in place", "Force") || !warned(p, "PruneHeld", false, "6 of 8 objects", "it deletes") || !strings.Contains(foretold(p), "prune many-3") {
		t.Errorf("%s%+v", foretold(p), p.Warnings)
	}
	forced := h.preview(t, name, v1alpha1.SyncOperation{SyncStrategy: &v1alpha1.SyncStrategy{Hook: &v1alpha1.SyncStrategyHook{SyncStrategyApply: v1alpha1.SyncStrategyApply{Force: true}}}}, true)
	if !strings.Contains(foretold(forced), "recreate web\n") || warned(forced, "Immutable", false) {
		t.Errorf("with force %s%+v", foretold(forced), forced.Warnings)
	}

	// another commit, which is one that the cluster has
	back := h.preview(t, name, v1alpha1.SyncOperation{Revision: first}, false)
	if got := foretold(back); back.Commits[0] != first || strings.Count(got, " nothing ") != 8 || strings.Count(got, "\n") != 8 {
		t.Errorf("of the first commit %v\n%s", back.Commits, got)
	}

	// a window, and a project that permits less
	h.project(t, "wary", "{kind: deny, schedule: '* * * * *', duration: 1h, applications: ['*'], description: freeze}")
	h.refresh(t, name)
	h.eventually(t, "the window", func() string {
		if p = h.preview(t, name, v1alpha1.SyncOperation{}, false); !warned(p, "SyncWindow", true, "freeze") {
			return fmt.Sprintf("%+v", p.Warnings)
		}
		return ""
	})
	h.Apply(t, h.control, "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: wary}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}], namespaceResourceBlacklist: [{group: apps, kind: Deployment}]}\n")
	h.eventually(t, "the refusal", func() string {
		p = h.preview(t, name, v1alpha1.SyncOperation{}, false)
		if got := foretold(p); !warned(p, "NotPermitted", true, "web") || !strings.Contains(got, "keep web (") {
			return fmt.Sprintf("%s%+v", got, p.Warnings)
		}
		return ""
	})
}

// Of an application that is held by a rollback, the preview tells what the sync that ends it does.
func TestAPreviewOfAHeldApplication(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "held", map[string]string{"cm.yaml": coloured("blue")})
	good := repo.Head(t)
	name := h.name("held")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(good))
	bad := repo.Commit(t, map[string]string{"cm.yaml": coloured("red")}, "Bad")
	h.hook(t, repo.URL)
	h.wait(t, name, synced(bad))
	h.sync(t, name, fmt.Sprintf(`"revision":%q`, good))
	h.wait(t, name, rolledBack(good))
	p := h.preview(t, name, v1alpha1.SyncOperation{}, false)
	if got := foretold(p); got != "Sync 0 update settings 1:data.colour\n" || p.Commits[0] != bad || !warned(p, "Held", false, good[:7], "goes on with "+bad[:7]) {
		t.Errorf("%v\n%s%+v", p.Commits, got, p.Warnings)
	}
}

// eventually waits until check has nothing to complain of.
func (h *hawser) eventually(t *testing.T, what string, check func() string) {
	t.Helper()
	clustertest.Wait(t, what, func(context.Context) error {
		if wrong := check(); wrong != "" {
			return errors.New(wrong)
		}
		return nil
	})
}
