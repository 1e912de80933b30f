package server

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// desk is a server with the records of a real cluster, and a call of somebody who may do everything about one
// application, as the server knew it when the call came. What is patched afterwards is somebody else being faster.
func desk(t *testing.T, spec string) (*clustertest.Cluster, *server, *call) {
	t.Helper()
	k := clustertest.Start(t)
	log := slog.New(slog.DiscardHandler)
	var kinds [][]byte
	for _, f := range deploy.CRDs() {
		kinds = append(kinds, f.Data)
	}
	if err := catalog.InstallCRDs(t.Context(), k.Config, kinds, log); err != nil {
		t.Fatal(err)
	}
	ns := k.Namespace(t)
	k.Apply(t, ns, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: web}, spec: {project: default, destination: {server: https://kubernetes.default.svc, namespace: web}, "+spec+"}}")
	c, err := catalog.Open(context.Background(), catalog.Options{REST: k.Config, Namespace: ns, Identity: t.Name(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	policy, problems := rbac.New(rbac.Config{RBAC: map[string]string{"policy.csv": "g, somebody, role:admin"}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s := &server{Options: Options{Log: log, Audit: LogAudit{log}, Namespace: ns, Catalog: c, Apps: reconcile.New(reconcile.Options{Catalog: c, Namespace: ns, Log: log, Alone: true})}}
	app, err := c.Application(types.NamespacedName{Namespace: ns, Name: "web"})
	if err != nil {
		t.Fatal(err)
	}
	return k, s, &call{Context: t.Context(), s: s, app: app, table: policy.For(rbac.Subject{Name: "somebody"})}
}

func faster(t *testing.T, k *clustertest.Cluster, c *call, patch string) {
	t.Helper()
	k.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", c.app.Namespace, "web", patch)
}

// Whoever sends a whole application has read one: what was written since then is not undone.
func TestAnUpdateDoesNotUndoWhatItHasNotSeen(t *testing.T) {
	k, s, c := desk(t, "source: {repoURL: https://git.corp/x, path: ., targetRevision: v1}")
	no := false
	update := func(edit func(*v1alpha1.Application)) error {
		want := c.app.DeepCopy()
		edit(want)
		_, err := s.updateApplication(c, &argocd.ApplicationUpdateRequest{Application: want, Validate: &no})
		return err
	}
	faster(t, k, c, `{"spec":{"source":{"targetRevision":"v2"}}}`)
	if err := update(func(app *v1alpha1.Application) { app.Spec.Source.Path = "other" }); !problem.Is(err, problem.Conflict) {
		t.Errorf("of the one before: %v", err)
	}
	now := k.Get(t, v1alpha1.APIVersion, "Application", c.app.Namespace, "web")
	if source := now.Object["spec"].(map[string]any)["source"].(map[string]any); source["targetRevision"] != "v2" || source["path"] != "." {
		t.Errorf("the source is %v", source)
	}
	// who read it through another replica is not refused for what this one has not heard of
	err := update(func(app *v1alpha1.Application) {
		app.ResourceVersion, app.Spec.Source.TargetRevision, app.Spec.Source.Path = now.GetResourceVersion(), "v2", "other"
	})
	if err != nil {
		t.Errorf("of the newest: %v", err)
	}
}

// A sync names positions among sources: those of the application as it is when the operation is written.
func TestASyncIsOfTheSourcesThatThereAre(t *testing.T) {
	source := func(name string) string {
		return fmt.Sprintf(`{"repoURL":"https://git.corp/%s","path":".","targetRevision":"of-%s"}`, name, name)
	}
	k, s, c := desk(t, `sources: [`+source("a")+`,`+source("b")+`]`)
	faster(t, k, c, `{"spec":{"sources":[`+source("new")+`,`+source("a")+`,`+source("b")+`]}}`)
	if _, err := s.syncApplication(c, &argocd.ApplicationSyncRequest{Revisions: []string{"v1"}, SourcePositions: []int64{1}}); err != nil {
		t.Fatal(err)
	}
	now := k.Get(t, v1alpha1.APIVersion, "Application", c.app.Namespace, "web")
	op, _ := now.Object["operation"].(map[string]any)
	if got := fmt.Sprint(op["sync"].(map[string]any)["revisions"]); got != "[v1 of-a of-b]" {
		t.Errorf("asked for are the revisions %s", got)
	}
}

// What must not be while an application syncs by itself is refused when it has begun to, too.
func TestASyncElsewhereIsRefusedOnceItFollowsItsBranch(t *testing.T) {
	k, s, c := desk(t, "source: {repoURL: https://git.corp/x, path: ., targetRevision: main}")
	faster(t, k, c, `{"spec":{"syncPolicy":{"automated":{}}}}`)
	if _, err := s.syncApplication(c, &argocd.ApplicationSyncRequest{Revision: "v1"}); !problem.Is(err, problem.Precondition) {
		t.Errorf("%v", err)
	}
	if now := k.Get(t, v1alpha1.APIVersion, "Application", c.app.Namespace, "web"); now.Object["operation"] != nil {
		t.Errorf("asked for is %v", now.Object["operation"])
	}
}

// A patch is fine for the application that was known, and not for the one that there is by now.
func TestAPatchIsValidForWhatItIsAppliedTo(t *testing.T) {
	k, s, c := desk(t, "source: {repoURL: https://git.corp/x, path: .}")
	faster(t, k, c, `{"spec":{"source":{"path":null,"chart":"web","targetRevision":"1.0.0"}}}`)
	_, err := s.patchApplication(c, &argocd.ApplicationPatchRequest{PatchType: "merge", Patch: `{"spec":{"source":{"targetRevision":null}}}`})
	if !problem.Is(err, problem.Invalid) {
		t.Errorf("%v", err)
	}
	now := k.Get(t, v1alpha1.APIVersion, "Application", c.app.Namespace, "web")
	if source := now.Object["spec"].(map[string]any)["source"].(map[string]any); source["targetRevision"] != "1.0.0" {
		t.Errorf("the source is %v", source)
	}
}
