package platform_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/platform"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/source"
)

// Every application below the root renders, and renders to what this table says: it is what a reader of the demo sees.
func TestEveryApplicationRenders(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"harbour":     "Directory 4",
		"foundations": "Directory 6",
		"dev":         "Directory 6", "staging": "Directory 6", "production": "Directory 8",
		"catalog-dev": "Kustomize 3", "catalog-staging": "Kustomize 3", "catalog-production": "Kustomize 4",
		"checkout-dev": "Kustomize 3", "checkout-staging": "Kustomize 3", "checkout-production": "Kustomize 3",
		"payments-dev": "Kustomize 5", "payments-staging": "Kustomize 5", "payments-production": "Kustomize 5",
		"ledger-dev": "Directory 3", "ledger-staging": "Directory 3", "ledger-production": "Directory 3",
		"gateway-dev": "Helm 4", "gateway-staging": "Helm 4", "gateway-production": "Helm 4",
		"notifier-dev": "Directory 2", "notifier-staging": "Directory 2", "notifier-production": "Directory 2",
		"reports-production": "Directory 5", "handbook": "Directory 4",
	}
	got := map[string]string{}
	for _, r := range walk(t) {
		got[r.app.Name] = string(r.Type) + " " + strconv.Itoa(len(r.Items))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The repository holds what a demo must show to be believed.
func TestRepositoryCovers(t *testing.T) {
	t.Parallel()
	kinds, services, levels := map[string]bool{}, map[string]bool{}, 0
	var text strings.Builder
	for _, r := range walk(t) {
		levels = max(levels, r.level)
		if s := r.app.Labels["harbour.example/service"]; s != "" {
			services[s] = true
		}
		for _, it := range r.Items {
			kinds[it.Object.GetKind()] = true
		}
	}
	for _, content := range platform.Files() {
		text.WriteString(content)
	}
	for _, kind := range []string{
		"Application", "ConfigMap", "CronJob", "CustomResourceDefinition", "Deployment", "Ingress", "NetworkPolicy",
		"PersistentVolumeClaim", "PodDisruptionBudget", "Role", "Secret", "Service", "ServiceAccount", "StatefulSet", "Topic",
	} {
		if !kinds[kind] {
			t.Errorf("no %s in the repository", kind)
		}
	}
	if len(services) < 8 {
		t.Errorf("%d services, want at least 8: %v", len(services), services)
	}
	if levels < 2 {
		t.Errorf("applications reach %d levels below the root, want 2", levels)
	}
	for _, spelling := range []string{"\nstringData:", "cpu: 1\n", "kind: List\n", "sync-wave"} {
		if !strings.Contains(text.String(), spelling) {
			t.Errorf("nothing spells %q", spelling)
		}
	}
}

// Hooks are carried out from the next issue on; until then they would be left out in silence.
func TestNoHooks(t *testing.T) {
	t.Parallel()
	for path, content := range platform.Files() {
		if strings.Contains(content, "argocd.argoproj.io/hook") || strings.Contains(content, "helm.sh/hook") {
			t.Errorf("%s declares a hook", path)
		}
	}
}

type rendered struct {
	render.Result
	app   v1alpha1.Application
	level int // below the root
}

// walk renders the root application and everything below it, as reconciling does.
func walk(t *testing.T) []rendered {
	t.Helper()
	files := platform.Files()
	tree := source.Memory(files)
	items, err := object.Parse([]byte(files[platform.RootFile]), platform.RootFile)
	if err != nil || len(items) != 1 {
		t.Fatalf("%s: %d objects, %v; want the root application", platform.RootFile, len(items), err)
	}
	renderer := render.New(render.Options{})
	var list []rendered
	var visit func(o *object.Object, level int)
	visit = func(o *object.Object, level int) {
		r := rendered{app: application(t, o), level: level}
		if got := r.app.Spec.Source.RepoURL; got != platform.URL {
			t.Errorf("%s comes from %s, want %s", r.app.Name, got, platform.URL)
		}
		r.Result, err = renderer.Objects(t.Context(), render.Request{
			Tree: tree, Revision: strings.Repeat("1", 40), Source: *r.app.Spec.Source,
			App: render.App{Name: r.app.Name, Namespace: r.app.Namespace, Project: "default", DestinationNamespace: r.app.Spec.Destination.Namespace},
		})
		if err != nil {
			t.Fatalf("%s: %v", r.app.Name, err)
		}
		list = append(list, r)
		for _, it := range r.Items {
			if it.Object.GetKind() == v1alpha1.KindApplication {
				visit(it.Object, level+1)
			}
		}
	}
	visit(items[0].Object, 0)
	return list
}

func application(t *testing.T, o *object.Object) v1alpha1.Application {
	t.Helper()
	var app v1alpha1.Application
	data, err := o.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(data, &app)
	}
	if err != nil {
		t.Fatalf("%s: %v", o.GetName(), err)
	}
	return app
}
