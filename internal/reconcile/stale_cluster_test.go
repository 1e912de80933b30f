package reconcile

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/shard"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// What was decided on one version of an object must not be done to another one, when it matters. In each of these tests
// somebody else is faster.

// site is a namespace of a real cluster with our kinds, and a loop over it that does what it is told to.
type site struct {
	*clustertest.Cluster
	*Apps
	ns    string
	there *cluster.Cluster
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newSite runs faster, if there is one, before the first request to the cluster's objects that take takes.
func newSite(t *testing.T, manifests string, take func(*http.Request) bool, faster func(*site)) *site {
	t.Helper()
	s := &site{Cluster: clustertest.Start(t)}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var kinds [][]byte
	for _, f := range deploy.CRDs() {
		kinds = append(kinds, f.Data)
	}
	if err := catalog.InstallCRDs(t.Context(), s.Config, kinds, log); err != nil {
		t.Fatal(err)
	}
	s.ns = s.Namespace(t)
	s.Apply(t, s.ns, manifests)
	c, err := catalog.Open(context.Background(), catalog.Options{REST: s.Config, Namespace: s.ns, Identity: t.Name(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	config := rest.CopyConfig(s.Config)
	var done atomic.Bool
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if take != nil && take(r) && !done.Swap(true) {
				faster(s)
			}
			return next.RoundTrip(r)
		})
	})
	ctx, end := context.WithCancel(context.Background())
	s.there, err = cluster.Open(ctx, cluster.Options{Name: "in-cluster", Server: v1alpha1.InClusterServer, REST: config, Masker: object.Masker{Key: []byte("key of this test")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(); s.there.Wait() })
	patience, enough := context.WithTimeout(ctx, clustertest.Patience)
	defer enough()
	if err := s.there.Synced(patience); err != nil {
		t.Fatal(err)
	}
	s.Apps = New(Options{Catalog: c, Metrics: NewMetrics(func() []*v1alpha1.Application { return nil }, func() []*v1alpha1.ApplicationSet { return nil }), Namespace: s.ns, Log: log, Alone: true})
	return s
}

func (s *site) app(t *testing.T, name string) *v1alpha1.Application {
	t.Helper()
	app, err := s.Catalog.Application(types.NamespacedName{Namespace: s.ns, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func (s *site) view(app *v1alpha1.Application) *view {
	return &view{spec: specOf(app), server: v1alpha1.InClusterServer, cluster: s.there, itself: app.UID}
}

const webApp = `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, finalizers: [resources-finalizer.argocd.argoproj.io], annotations: {argocd.argoproj.io/refresh: normal}}
spec:
  project: default
  source: {repoURL: https://git.corp/x, path: .}
  destination: {server: https://kubernetes.default.svc, namespace: web}
`

// A hook is let go by taking one finalizer off it; another's, set meanwhile, stays.
func TestALetGoHookKeepsTheFinalizersOfOthers(t *testing.T) {
	for _, deletes := range []bool{false, true} {
		s := newSite(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: hook, finalizers: [`+v1alpha1.FinalizerHook+`]}}`, nil, nil)
		key := object.Key{Kind: "ConfigMap", Namespace: s.ns, Name: "hook"}
		seen, err := s.there.Whole(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		s.Patch(t, "guard", "v1", "ConfigMap", s.ns, "hook", `{"metadata":{"finalizers":["`+v1alpha1.FinalizerHook+`","guard.corp/keep"]}}`)
		w := s.there.Writer(func(object.Key) error { return nil })
		if err := s.releaseHook(t.Context(), w, &view{cluster: s.there}, plan.Step{Key: key, Object: seen, Delete: deletes}); err != nil {
			t.Fatal(err)
		}
		left := s.Get(t, "v1", "ConfigMap", s.ns, "hook")
		if !slices.Equal(left.GetFinalizers(), []string{"guard.corp/keep"}) || (left.GetDeletionTimestamp() != nil) != deletes {
			t.Errorf("deleted %v, left are the finalizers %v", left.GetDeletionTimestamp(), left.GetFinalizers())
		}
		s.Patch(t, "guard", "v1", "ConfigMap", s.ns, "hook", `{"metadata":{"finalizers":null}}`)
	}
}

// An Application that is deleted takes along what is its own when that is deleted, not what was.
func TestACascadeSparesWhatIsAnothersByNow(t *testing.T) {
	mark := func(name string) string {
		return `{"metadata":{"annotations":{"` + object.TrackingAnnotation + `":"` + name + `:/ConfigMap:NS/shared"}}}`
	}
	for who, spared := range map[string]bool{"other": true, "web": false} {
		s := newSite(t, webApp, func(r *http.Request) bool {
			return r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/configmaps/shared")
		}, func(s *site) {
			s.Patch(t, "another", "v1", "ConfigMap", s.ns, "shared", strings.ReplaceAll(strings.ReplaceAll(mark(who), "NS", s.ns), `{"annotations"`, `{"labels":{"a":"b"},"annotations"`))
		})
		s.Apply(t, s.ns, `{apiVersion: v1, kind: ConfigMap, metadata: {name: shared, annotations: {`+object.TrackingAnnotation+`: "web:/ConfigMap:`+s.ns+`/shared"}}}`)
		key := object.Key{Kind: "ConfigMap", Namespace: s.ns, Name: "shared"}
		app := s.app(t, "web").DeepCopy()
		now := metav1.Now()
		app.DeletionTimestamp = &now
		v := s.view(app)
		clustertest.Wait(t, "the object in the index", func(context.Context) error {
			if s.there.Live("web")[key] == nil {
				return problem.New(problem.Unavailable, "not there")
			}
			return nil
		})
		if err := s.cascade(t.Context(), app, v, v1alpha1.FinalizerResources, metav1.DeletePropagationBackground); err != nil {
			t.Fatal(err)
		}
		_, err := s.there.Fetch(t.Context(), key, "")
		if there := err == nil; there != spared {
			t.Errorf("it is %s's by now, and it is there: %v", who, there)
		}
	}
}

// Who says, while an Application that is being deleted is looked at, that its objects stay, keeps them.
func TestACascadeThatIsCalledOffDeletesNothing(t *testing.T) {
	s := newSite(t, webApp+"---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: kept, annotations: {"+object.TrackingAnnotation+": web}}}", nil, nil)
	key := object.Key{Kind: "ConfigMap", Namespace: s.ns, Name: "kept"}
	s.Patch(t, "test", "v1", "ConfigMap", s.ns, "kept", `{"metadata":{"annotations":{"`+object.TrackingAnnotation+`":"web:/ConfigMap:`+s.ns+`/kept"}}}`)
	app := s.app(t, "web").DeepCopy()
	now := metav1.Now()
	app.DeletionTimestamp = &now
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", `{"metadata":{"finalizers":null}}`)
	clustertest.Wait(t, "both in what is known", func(context.Context) error {
		if s.there.Live("web")[key] == nil || len(s.app(t, "web").Finalizers) > 0 {
			return problem.New(problem.Unavailable, "not yet")
		}
		return nil
	})
	if err := s.cascade(t.Context(), app, s.view(app), v1alpha1.FinalizerResources, metav1.DeletePropagationBackground); err != nil {
		t.Fatal(err)
	}
	if _, err := s.there.Fetch(t.Context(), key, ""); err != nil {
		t.Error(err)
	}
}

// A refresh that is asked for while a look goes on is not done with when the look is over.
func TestARefreshThatComesDuringALookStays(t *testing.T) {
	s := newSite(t, webApp, nil, nil)
	app := s.app(t, "web")
	st := s.state(nameOf(app))
	st.view = s.view(app)
	found := s.finding(app, st, st.view)
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"hard"}}}`)
	_, err := s.report(t.Context(), app, st, found, cause{spec: true})
	if asked := s.Get(t, v1alpha1.APIVersion, "Application", s.ns, "web").GetAnnotations()[v1alpha1.AnnotationRefresh]; !problem.Is(err, problem.Conflict) || asked != "hard" {
		t.Errorf("%v; asked for is %q", err, asked)
	}
}

// An operation that has taken the place of the one that is begun is neither begun with it nor gone with its end.
func TestAnOperationThatReplacesAnotherIsNotTakenForIt(t *testing.T) {
	s := newSite(t, webApp+"operation: {sync: {revision: one}, initiatedBy: {username: a}}\n", nil, nil)
	app := s.app(t, "web")
	st := s.state(nameOf(app))
	st.view = s.view(app)
	st.view.commits = []string{"one"}
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", `{"operation":{"sync":{"revision":"two"}}}`)
	if err := s.begin(t.Context(), app, st, app.Operation, nil); !problem.Is(err, problem.Conflict) {
		t.Errorf("begun: %v", err)
	}
	if err := s.reject(t.Context(), app, "it cannot be", "ask again"); !problem.Is(err, problem.Conflict) {
		t.Errorf("rejected: %v", err)
	}
	now := s.Get(t, v1alpha1.APIVersion, "Application", s.ns, "web").Object
	op, _ := now["operation"].(map[string]any)
	if status, _ := now["status"].(map[string]any); op == nil || op["sync"].(map[string]any)["revision"] != "two" || status["operationState"] != nil {
		t.Errorf("asked for is %v, and recorded %v", now["operation"], now["status"])
	}
}

// A set neither undoes what somebody else has just done to one of its applications, nor reports that as its fault.
func TestASetDecidesAnewOnWhatHasChanged(t *testing.T) {
	s := newSite(t, webApp+`---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: extra, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: default
  source: {repoURL: https://git.corp/x, path: .}
  destination: {server: https://kubernetes.default.svc, namespace: web}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all}
spec: {generators: [{list: {elements: []}}], template: {metadata: {name: x}, spec: {project: default, destination: {}}}}
`, nil, nil)
	set, err := s.Catalog.ApplicationSet(types.NamespacedName{Namespace: s.ns, Name: "all"})
	if err != nil {
		t.Fatal(err)
	}
	web, extra := s.app(t, "web"), s.app(t, "extra")
	want := web.DeepCopy()
	want.Spec.Source.TargetRevision, want.Finalizers = "v2", append(want.Finalizers, v1alpha1.FinalizerPostDelete)
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", `{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io","guard.corp/keep"]}}`)
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "extra", `{"metadata":{"labels":{"kept":"yes"}}}`)
	r := s.performSet(t.Context(), set, appset.Decision{Update: []appset.Update{{Old: web, New: want}}, Delete: []*v1alpha1.Application{extra}}, nil, []*v1alpha1.Application{web, extra})
	if len(r.faults) > 0 || !r.unlike["web"] || r.apps["extra"] == nil {
		t.Errorf("faults %v, unlike %v, applications %v", r.faults, r.unlike, r.apps)
	}
	if now := s.Get(t, v1alpha1.APIVersion, "Application", s.ns, "web"); !slices.Contains(now.GetFinalizers(), "guard.corp/keep") {
		t.Errorf("left are %v", now.GetFinalizers())
	}
	if now := s.Get(t, v1alpha1.APIVersion, "Application", s.ns, "extra"); now.GetDeletionTimestamp() != nil {
		t.Error("it is deleted")
	}
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", `{"metadata":{"finalizers":null}}`)

	// who asks for a refresh during a look is answered by the next one
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "ApplicationSet", s.ns, "all", `{"metadata":{"annotations":{"`+v1alpha1.AnnotationAppSetRefresh+`":"true"}}}`)
	for _, answered := range []bool{false, true} {
		if err := s.reportSet(t.Context(), set, setReport{answered: answered, apps: map[string]*v1alpha1.Application{}}); err != nil {
			t.Fatal(err)
		}
		if now := s.Get(t, v1alpha1.APIVersion, "ApplicationSet", s.ns, "all"); (now.GetAnnotations()[v1alpha1.AnnotationAppSetRefresh] == "") != answered {
			t.Errorf("answered %v: the annotations are %v", answered, now.GetAnnotations())
		}
	}
}

// An application whose destination is edited after a look at it was begun is another replica's: nothing is done with it.
func TestALookDoesNotFollowAnApplicationIntoAnotherUnit(t *testing.T) {
	s := newSite(t, webApp+`---
apiVersion: v1
kind: Secret
metadata: {name: k, labels: {argocd.argoproj.io/secret-type: cluster}}
stringData: {server: https://k.corp, name: k, config: '{}'}
`, nil, nil)
	s.OpenShared()
	own := shard.Unit{Server: v1alpha1.InClusterServer}
	s.TakeUp(t.Context(), catalog.Share{Unit: own, Slices: 1})
	name := nameOf(s.app(t, "web"))
	ctx, leave, ok := s.enter(t.Context(), name)
	if !ok || !s.entered(ctx, s.app(t, "web")) {
		t.Fatal("it is not ours")
	}
	s.Patch(t, "kubectl", v1alpha1.APIVersion, "Application", s.ns, "web", `{"spec":{"destination":{"server":"https://k.corp"}}}`)
	clustertest.Wait(t, "the edit", func(context.Context) error {
		if s.app(t, "web").Spec.Destination.Server != "https://k.corp" {
			return problem.New(problem.Unavailable, "not told yet")
		}
		return nil
	})
	if err := s.look(ctx, name, cause{spec: true}); err != nil {
		t.Error(err)
	}
	if s.knows(name) || s.app(t, "web").Status.ReconciledAt != nil {
		t.Error("it was looked at")
	}
	leave()
	s.PutDown(own)
}
