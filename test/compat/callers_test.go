package compat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"connectrpc.com/connect"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// caller is a client over gRPC.
type caller struct{ *api.Client }

func (h *house) client(t *testing.T, web bool) caller {
	t.Helper()
	c, err := api.New(api.Server{Address: h.addr, PlainText: true, GRPCWeb: web, Token: h.admin(t)})
	if err != nil {
		t.Fatal(err)
	}
	return caller{c}
}

func (c caller) list(ctx context.Context) (*v1alpha1.ApplicationList, error) {
	return api.Call[argocd.ApplicationQuery, v1alpha1.ApplicationList](ctx, c.Client, "application.ApplicationService/List", &argocd.ApplicationQuery{})
}

// must calls a method that has to succeed.
func must[Res, Req any](t *testing.T, c caller, method string, req *Req) *Res {
	t.Helper()
	res, err := api.Call[Req, Res](t.Context(), c.Client, method, req)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return res
}

// fails calls a method that has to fail with a code.
func fails[Res, Req any](t *testing.T, c caller, method string, req *Req, codes ...connect.Code) {
	t.Helper()
	_, err := api.Call[Req, Res](t.Context(), c.Client, method, req)
	for _, code := range codes {
		if api.Code(err) == code {
			return
		}
	}
	t.Errorf("%s: %v, want one of %v", method, err, codes)
}

// Terraform makes things, reads them back after every step and compares, changes them, and takes them away, waiting until
// they are gone. What it wrote must come back as it wrote it.
func TestTerraform(t *testing.T) {
	h := start(t, options{})
	repo := h.git.Repo(t, "web", repositories["web"])
	c := h.client(t, false)
	yes := true

	// project
	p := &v1alpha1.AppProject{ObjectMeta: metav1.ObjectMeta{Name: "team", Labels: map[string]string{"by": "terraform"}}, Spec: v1alpha1.AppProjectSpec{
		Description: "a team", SourceRepos: []string{"*"}, Destinations: []v1alpha1.ApplicationDestination{{Server: "*", Namespace: "*"}},
	}}
	must[v1alpha1.AppProject](t, c, "project.ProjectService/Create", &argocd.ProjectCreateRequest{Project: p})
	read := must[v1alpha1.AppProject](t, c, "project.ProjectService/Get", &argocd.ProjectQuery{Name: "team"})
	if read.Labels["by"] != "terraform" || read.Spec.Description != "a team" || len(read.Spec.Destinations) != 1 {
		t.Errorf("the project is %+v", read)
	}
	read.Spec.Description = "the team"
	must[v1alpha1.AppProject](t, c, "project.ProjectService/Update", &argocd.ProjectUpdateRequest{Project: read})
	if got := must[v1alpha1.AppProject](t, c, "project.ProjectService/Get", &argocd.ProjectQuery{Name: "team"}); got.Spec.Description != "the team" {
		t.Errorf("the project is %+v", got)
	}

	// repository
	r := &argocd.Repository{Repo: repo.URL, Type: "git", Name: "web", Project: "team", Username: "ann", Password: "secret-horse"}
	must[argocd.Repository](t, c, "repository.RepositoryService/CreateRepository", &argocd.RepoCreateRequest{Repo: r, Upsert: true})
	got := must[argocd.Repository](t, c, "repository.RepositoryService/Get", &argocd.RepoQuery{Repo: repo.URL, AppProject: "team"})
	if got.Name != "web" || got.Username != "ann" || got.Password != "" || got.ConnectionState.Status != "Successful" {
		t.Errorf("the repository is %+v", got)
	}
	r.Name = "site"
	must[argocd.Repository](t, c, "repository.RepositoryService/UpdateRepository", &argocd.RepoUpdateRequest{Repo: r})
	repos := must[argocd.RepositoryList](t, c, "repository.RepositoryService/ListRepositories", &argocd.RepoQuery{})
	if len(repos.Items) != 1 || repos.Items[0].Name != "site" {
		t.Errorf("the repositories are %+v", repos)
	}

	// cluster: this one, under another address
	k := &argocd.Cluster{Server: h.Config.Host, Name: "other", Config: argocd.ClusterConfig{TLSClientConfig: argocd.TLSClientConfig{
		CAData: h.Config.CAData, CertData: h.Config.CertData, KeyData: h.Config.KeyData,
	}, BearerToken: h.Config.BearerToken}, Labels: map[string]string{"by": "terraform"}}
	must[argocd.Cluster](t, c, "cluster.ClusterService/Create", &argocd.ClusterCreateRequest{Cluster: k, Upsert: true})
	byServer := &argocd.ClusterQuery{Server: k.Server}
	if got := must[argocd.Cluster](t, c, "cluster.ClusterService/Get", byServer); got.Name != "other" || got.Labels["by"] != "terraform" || len(got.Config.TLSClientConfig.KeyData) > 0 || got.Config.BearerToken != "" {
		t.Errorf("the cluster is %+v", got)
	}
	k.Labels = map[string]string{"by": "terraform", "tier": "one"}
	must[argocd.Cluster](t, c, "cluster.ClusterService/Update", &argocd.ClusterUpdateRequest{Cluster: k})
	if got := must[argocd.Cluster](t, c, "cluster.ClusterService/Get", byServer); got.Labels["tier"] != "one" {
		t.Errorf("the cluster is %+v", got)
	}

	// application
	a := &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Name: "web", Finalizers: []string{v1alpha1.FinalizerResources}, Annotations: map[string]string{"a": "b"}}, Spec: v1alpha1.ApplicationSpec{
		Project: "team", Destination: v1alpha1.ApplicationDestination{Name: "other", Namespace: h.target}, Source: &v1alpha1.ApplicationSource{RepoURL: repo.URL, Path: "more", TargetRevision: "main"},
		SyncPolicy: &v1alpha1.SyncPolicy{Automated: &v1alpha1.SyncPolicyAutomated{Prune: &yes}},
	}}
	must[v1alpha1.Application](t, c, "application.ApplicationService/Create", &argocd.ApplicationCreateRequest{Application: a, Validate: &yes})
	query := &argocd.ApplicationQuery{Name: "web", AppNamespace: h.control}
	clustertest.Wait(t, "web is deployed", func(ctx context.Context) error {
		got, err := api.Call[argocd.ApplicationQuery, v1alpha1.Application](ctx, c.Client, "application.ApplicationService/Get", query)
		if err != nil || got.Status.Sync.Status != v1alpha1.SyncStatusSynced || got.Status.Health.Status != v1alpha1.HealthStatusHealthy {
			return fmt.Errorf("%v %+v", err, got)
		}
		return nil
	})
	app := must[v1alpha1.Application](t, c, "application.ApplicationService/Get", query)
	if app.Annotations["a"] != "b" || app.Spec.Destination != a.Spec.Destination || app.Spec.Source.TargetRevision != "main" {
		t.Errorf("the application is %+v", app)
	}
	app.Spec.Source.TargetRevision = "HEAD"
	must[v1alpha1.Application](t, c, "application.ApplicationService/Update", &argocd.ApplicationUpdateRequest{Application: app, Validate: &yes})

	// what is in use stays
	fails[argocd.ProjectEmptyResponse](t, c, "project.ProjectService/Delete", &argocd.ProjectQuery{Name: "team"}, connect.CodeInvalidArgument)
	must[argocd.ApplicationResponse](t, c, "application.ApplicationService/Delete", &argocd.ApplicationDeleteRequest{Name: "web", Cascade: &yes})
	clustertest.Wait(t, "web is gone", func(ctx context.Context) error {
		_, err := api.Call[argocd.ApplicationQuery, v1alpha1.Application](ctx, c.Client, "application.ApplicationService/Get", query)
		if api.Code(err) != connect.CodePermissionDenied && api.Code(err) != connect.CodeNotFound {
			return fmt.Errorf("it is there: %v", err)
		}
		return nil
	})
	if h.Get(t, "v1", "ConfigMap", h.target, "more") != nil {
		t.Error("what was deployed is left")
	}
	must[argocd.ClusterResponse](t, c, "cluster.ClusterService/Delete", byServer)
	fails[argocd.Cluster](t, c, "cluster.ClusterService/Get", byServer, connect.CodePermissionDenied, connect.CodeNotFound)
	must[argocd.RepoResponse](t, c, "repository.RepositoryService/DeleteRepository", &argocd.RepoQuery{Repo: repo.URL, AppProject: "team"})
	fails[argocd.Repository](t, c, "repository.RepositoryService/Get", &argocd.RepoQuery{Repo: repo.URL, AppProject: "team"}, connect.CodePermissionDenied, connect.CodeNotFound)
	must[argocd.ProjectEmptyResponse](t, c, "project.ProjectService/Delete", &argocd.ProjectQuery{Name: "team"})
	fails[v1alpha1.AppProject](t, c, "project.ProjectService/Get", &argocd.ProjectQuery{Name: "team"}, connect.CodeNotFound)
}

var applications = schema.GroupVersionResource{Group: v1alpha1.Group, Version: v1alpha1.Version, Resource: "applications"}

// Promoters know no API of ours: they patch the Application itself, in one patch its source and an operation, or the
// status, which is no subresource, and read how it went in the status.
func TestPromoters(t *testing.T) {
	h := start(t, options{})
	repo := h.git.Repo(t, "web", repositories["web"])
	first := repo.Head(t)
	h.apply(t, repo.URL, "web")
	second := repo.Commit(t, map[string]string{"more/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: {greeting: promoted}\n"}, "promote")
	client := h.Dynamic.Resource(applications).Namespace(h.control)
	patch := func(kind types.PatchType, v any) {
		t.Helper()
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Patch(t.Context(), "web", kind, data, metav1.PatchOptions{FieldManager: "kargo"}); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	settled := func(revision, by string) {
		t.Helper()
		h.WaitFor(t, "argoproj.io/v1alpha1", "Application", h.control, "web", func(u *unstructured.Unstructured) error {
			_, running, _ := unstructured.NestedMap(u.Object, "operation")
			phase, _, _ := unstructured.NestedString(u.Object, "status", "operationState", "phase")
			at, _, _ := unstructured.NestedString(u.Object, "status", "operationState", "syncResult", "revision")
			who, _, _ := unstructured.NestedString(u.Object, "status", "operationState", "operation", "initiatedBy", "username")
			finished, _, _ := unstructured.NestedString(u.Object, "status", "operationState", "finishedAt")
			looked, _, _ := unstructured.NestedString(u.Object, "status", "reconciledAt")
			if running || phase != "Succeeded" || at != revision || who != by || looked < finished {
				return fmt.Errorf("operation %v, phase %s, at %s by %s, finished %s, looked at %s", running, phase, at, who, finished, looked)
			}
			return nil
		})
	}

	// Kargo: an older commit, by an operation, with the mark of who may
	patch(types.MergePatchType, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"kargo.akuity.io/authorized-stage": "shop:prod", v1alpha1.AnnotationRefresh: "hard"}},
		"operation": map[string]any{
			"initiatedBy": map[string]any{"username": "kargo-controller", "automated": true},
			"info":        []any{map[string]any{"name": "Reason", "value": "Promotion"}},
			"sync":        map[string]any{"revisions": []any{first}, "revision": first, "syncStrategy": map[string]any{"hook": map[string]any{}}},
		},
	})
	settled(first, "kargo-controller")

	// GitOps Promoter: a JSON patch of the target revision and of the operation at once
	patch(types.JSONPatchType, []any{
		map[string]any{"op": "add", "path": "/spec/source/targetRevision", "value": second},
		map[string]any{"op": "add", "path": "/operation", "value": map[string]any{"initiatedBy": map[string]any{"username": "promoter"}, "sync": map[string]any{"prune": true}}},
	})
	settled(second, "promoter")
	h.WaitFor(t, "v1", "ConfigMap", h.target, "more", func(u *unstructured.Unstructured) error {
		if text, _, _ := unstructured.NestedString(u.Object, "data", "greeting"); text != "promoted" {
			return fmt.Errorf("it says %q", text)
		}
		return nil
	})

	// a status that somebody else writes through the main resource is taken, and then told as it is
	patch(types.MergePatchType, map[string]any{"status": map[string]any{"sync": map[string]any{"status": "OutOfSync"}}, "metadata": map[string]any{"annotations": map[string]any{v1alpha1.AnnotationRefresh: "normal"}}})
	h.WaitFor(t, "argoproj.io/v1alpha1", "Application", h.control, "web", func(u *unstructured.Unstructured) error {
		status, _, _ := unstructured.NestedString(u.Object, "status", "sync", "status")
		if _, asked := u.GetAnnotations()[v1alpha1.AnnotationRefresh]; asked || status != "Synced" {
			return fmt.Errorf("refresh %v, %s", asked, status)
		}
		return nil
	})
	if got := u(t, h, "web").GetAnnotations()["kargo.akuity.io/authorized-stage"]; got != "shop:prod" {
		t.Errorf("the stage is %q", got)
	}
}

func u(t *testing.T, h *house, name string) *unstructured.Unstructured {
	t.Helper()
	return h.Get(t, "argoproj.io/v1alpha1", "Application", h.control, name)
}
