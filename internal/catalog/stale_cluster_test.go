package catalog

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// What is decided on one version of a record must not be done to another one, when it matters. In each of these tests
// somebody else is faster.

const listSet = `
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all, finalizers: [other.corp/keep]}
spec:
  generators: [{list: {elements: []}}]
  template: {metadata: {name: x}, spec: {project: default, destination: {}}}`

// Finalizers and owners are lists of several writers: what another has added meanwhile is not lost.
func TestListsOfSeveralWritersAreWrittenAtTheirVersion(t *testing.T) {
	s := newSite(t, application("web", "")+"\n---"+listSet)
	for what, change := range map[string]func(*v1alpha1.Application){
		"finalizers": func(app *v1alpha1.Application) { app.Finalizers = append(app.Finalizers, "ours.corp/x") },
		"owners": func(app *v1alpha1.Application) {
			app.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "y"}}
		},
	} {
		old := s.app(t, "web")
		theirs := "their.corp/" + what
		s.Patch(t, "kubectl-edit", v1alpha1.APIVersion, "Application", s.ns, "web", `{"metadata":{"finalizers":["`+strings.Join(append(slices.Clone(old.Finalizers), theirs), `","`)+`"]}}`)
		if _, err := s.PatchApplication(t.Context(), old, change); !problem.Is(err, problem.Conflict) {
			t.Errorf("%s: %v", what, err)
		}
		if now := s.stored(t, v1alpha1.APIVersion, "Application", "web"); !slices.Contains(now.GetFinalizers(), theirs) {
			t.Fatalf("%s: left are %v", what, now.GetFinalizers())
		}
		eventually(t, "what was written", func() error {
			if app := s.app(t, "web"); !slices.Contains(app.Finalizers, theirs) {
				return problem.New(problem.Unavailable, "not told yet")
			}
			return nil
		})
	}
	old, err := s.ApplicationSet(s.name("all"))
	if err != nil {
		t.Fatal(err)
	}
	s.Patch(t, "kubectl-edit", v1alpha1.APIVersion, "ApplicationSet", s.ns, "all", `{"metadata":{"finalizers":["other.corp/keep","their.corp/x"]}}`)
	_, err = s.PatchApplicationSet(t.Context(), old, func(set *v1alpha1.ApplicationSet) {
		set.Finalizers = append(slices.Clone(set.Finalizers), v1alpha1.FinalizerResources)
	})
	if now := s.stored(t, v1alpha1.APIVersion, "ApplicationSet", "all"); !problem.Is(err, problem.Conflict) || !slices.Contains(now.GetFinalizers(), "their.corp/x") {
		t.Errorf("of a set: %v, left are %v", err, now.GetFinalizers())
	}
}

// Who has taken an Application out of its set, to keep it, keeps it: the set decided before that.
func TestAnApplicationIsDroppedAsItWas(t *testing.T) {
	s := newSite(t, application("web", ""))
	old := s.app(t, "web")
	s.Patch(t, "kubectl-edit", v1alpha1.APIVersion, "Application", s.ns, "web", `{"metadata":{"labels":{"kept":"yes"}}}`)
	err := s.DropApplication(t.Context(), old, false)
	if now := s.stored(t, v1alpha1.APIVersion, "Application", "web"); !problem.Is(err, problem.Conflict) || now.GetDeletionTimestamp() != nil {
		t.Errorf("%v, deleted %v", err, now.GetDeletionTimestamp())
	}
}

// That all objects of an Application are gone was seen in the cluster that it went to, not in the one that it goes to.
func TestAFinalizerStaysWhenTheDestinationChanges(t *testing.T) {
	s := newSite(t, application("web", ""))
	old := s.app(t, "web")
	s.Patch(t, "kubectl-edit", v1alpha1.APIVersion, "Application", s.ns, "web", `{"spec":{"destination":{"namespace":"elsewhere"}}}`)
	err := s.RemoveFinalizer(t.Context(), old, v1alpha1.FinalizerResources)
	if now := s.stored(t, v1alpha1.APIVersion, "Application", "web"); !problem.Is(err, problem.Conflict) || !slices.Contains(now.GetFinalizers(), v1alpha1.FinalizerResources) {
		t.Errorf("%v, left are %v", err, now.GetFinalizers())
	}
}

// Another replica has just written: that what a person wants is there already is not taken from what is known here.
func TestAnEditWithoutDifferenceIsMadeSure(t *testing.T) {
	s := newSite(t, application("web", ""))
	old := s.app(t, "web")
	s.Patch(t, "kubectl-edit", v1alpha1.APIVersion, "Application", s.ns, "web", `{"spec":{"source":{"path":"elsewhere"}}}`)
	now, err := s.EditApplication(t.Context(), old, func(app *v1alpha1.Application) error { app.Spec.Source.Path = "."; return nil })
	if err != nil || now.Spec.Source.Path != "." {
		t.Fatalf("%v, %+v", err, now)
	}
	if stored := parsedApp(t, s, "web"); stored.Spec.Source.Path != "." {
		t.Errorf("stored is %s", stored.Spec.Source.Path)
	}
}

func parsedApp(t *testing.T, s *site, name string) *v1alpha1.Application {
	t.Helper()
	app, err := decodeApplication(s.stored(t, v1alpha1.APIVersion, "Application", name))
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// Who may delete a set of one project need not be allowed to delete it in another.
func TestASetThatHasMovedIsNotDeleted(t *testing.T) {
	s := newSite(t, listSet)
	old, err := s.ApplicationSet(s.name("all"))
	if err != nil {
		t.Fatal(err)
	}
	s.Patch(t, "kubectl-edit", v1alpha1.APIVersion, "ApplicationSet", s.ns, "all", `{"spec":{"template":{"spec":{"project":"another"}}}}`)
	err = s.DeleteApplicationSet(t.Context(), old)
	now := s.stored(t, v1alpha1.APIVersion, "ApplicationSet", "all")
	if !problem.Is(err, problem.Conflict) || now.GetDeletionTimestamp() != nil {
		t.Fatalf("%v, deleted %v", err, now.GetDeletionTimestamp())
	}
	moved, err := decodeApplicationSet(now)
	if err != nil {
		t.Fatal(err)
	}
	s.Patch(t, "kubectl-edit", v1alpha1.APIVersion, "ApplicationSet", s.ns, "all", `{"metadata":{"labels":{"a":"b"}}}`)
	if err := s.DeleteApplicationSet(t.Context(), moved); err != nil {
		t.Errorf("one that changed in another way: %v", err)
	}
	if now := s.stored(t, v1alpha1.APIVersion, "ApplicationSet", "all"); now.GetDeletionTimestamp() == nil {
		t.Error("it is not deleted")
	}
}

// before has f run before the first request that take takes.
func before(config *rest.Config, take func(*http.Request) bool, f func()) *rest.Config {
	config = rest.CopyConfig(config)
	var done atomic.Bool
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if take(r) && !done.Swap(true) {
				f()
			}
			return next.RoundTrip(r)
		})
	})
	return config
}

// A Secret that has become the record of something else is not changed or deleted by those who may change what it was of.
func TestARecordThatHasBecomeAnothersIsLeftAlone(t *testing.T) {
	s := newSite(t, `
apiVersion: v1
kind: Secret
metadata: {name: repo, labels: {argocd.argoproj.io/secret-type: repository}, annotations: {managed-by: argocd.argoproj.io}}
stringData: {url: https://git.corp/a, project: one, password: old}
---
apiVersion: v1
kind: Secret
metadata: {name: k, labels: {argocd.argoproj.io/secret-type: cluster}, annotations: {managed-by: argocd.argoproj.io}}
stringData: {server: https://k.corp, name: k, project: one, config: '{}'}
`)
	r, err := s.RepositoryRecord(RepositoryKind{}, "https://git.corp/a", "one")
	if err != nil {
		t.Fatal(err)
	}
	toTwo := `{"stringData":{"project":"two"}}`
	s.Patch(t, "kubectl-edit", "v1", "Secret", s.ns, "repo", toTwo)
	if _, err := s.EditRepository(t.Context(), r, Fields{"password": "new"}); !problem.Is(err, problem.Conflict) {
		t.Errorf("edit: %v", err)
	}
	if err := s.DeleteRepository(t.Context(), r); !problem.Is(err, problem.Conflict) {
		t.Errorf("delete: %v", err)
	}
	if got := secretOf(s.stored(t, "v1", "Secret", "repo")); got.text("password") != "old" || got.kind != kindRepository {
		t.Errorf("it has become %s", got.kind)
	}
	c := open(t, Options{Namespace: s.ns, Identity: "slow", Log: quiet(), REST: before(s.Config,
		func(r *http.Request) bool {
			return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/secrets/k")
		},
		func() { s.Patch(t, "kubectl-edit", "v1", "Secret", s.ns, "k", toTwo) })})
	if err := c.DeleteCluster(context.Background(), "https://k.corp"); !problem.Is(err, problem.Conflict) {
		t.Errorf("delete a cluster: %v", err)
	}
	if got := secretOf(s.stored(t, "v1", "Secret", "k")); got.kind != "cluster" {
		t.Errorf("it is no cluster any more")
	}
}
