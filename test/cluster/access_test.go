package cluster_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

const service = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
`

const secretCanary = `apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {password: canary-of-git}
`

// talking is a deployment of two containers whose pods print.
const talking = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {devcluster.hawser.dev/log: "apple\npear", devcluster.hawser.dev/log-every: 50ms}}
    spec: {containers: [{name: web, image: "web:1", resources: {requests: {cpu: 100m, memory: 1Mi}}}, {name: side, image: "side:1"}]}
`

type event = corev1.Event

var listAll = metav1.ListOptions{}

func (h *hawser) id(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: h.control, Name: name}
}

func (h *hawser) key(group, kind, name string) object.Key {
	return object.Key{Group: group, Kind: kind, Namespace: h.target, Name: name}
}

// deployed has an application in sync with the files.
func (h *hawser) deployed(t *testing.T, short string, files map[string]string, more ...func(*app)) string {
	t.Helper()
	repo := h.git.Repo(t, short, files)
	a := app{name: h.name(short), repo: repo.URL, path: ".", auto: "{}"}
	for _, f := range more {
		f(&a)
	}
	h.apply(t, a)
	h.wait(t, a.name, synced(repo.Head(t)))
	return a.name
}

func node(tree reconcile.Tree, kind, name string) *reconcile.Node {
	i := slices.IndexFunc(tree.Nodes, func(n reconcile.Node) bool { return n.Key.Kind == kind && strings.HasPrefix(n.Key.Name, name) })
	if i < 0 {
		return nil
	}
	return &tree.Nodes[i]
}

func kindsIn(list []reconcile.Node) string {
	var all []string
	for _, n := range list {
		all = append(all, n.Key.Kind)
	}
	return strings.Join(all, " ")
}

func TestTheTreeShowsWhatBelongsToAnApplication(t *testing.T) {
	h := start(t)
	h.settings(t, "argocd-cm", "resource.customLabels: app")
	h.Apply(t, h.control, "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: tidy}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}], orphanedResources: {warn: false}}\n")
	hook := "apiVersion: batch/v1\nkind: Job\nmetadata: {name: greet, annotations: {argocd.argoproj.io/hook: PostSync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: greet, image: 'greet:1'}]}}}\n"
	h.Apply(t, h.target, named("left-over", ""))
	name := h.deployed(t, "tree", map[string]string{"web.yaml": deployment, "svc.yaml": service, "cm.yaml": configMap, "job.yaml": hook}, func(a *app) { a.extra = "project: tidy" })

	owner := h.Get(t, "apps/v1", "Deployment", h.target, "web").GetUID()
	h.Apply(t, h.target, fmt.Sprintf("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: made, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: %s}]}\n", owner))
	var tree reconcile.Tree
	clustertest.Wait(t, "all nodes", func(ctx context.Context) (err error) {
		if tree, err = h.apps.Tree(ctx, h.id(name)); err != nil {
			return err
		}
		if got := kindsIn(tree.Nodes); got != "ConfigMap Pod Pod Pod Pod Service ServiceAccount Deployment ReplicaSet Job" {
			return errors.New(got)
		}
		return nil
	})
	web, set, pod, made := node(tree, "Deployment", "web"), node(tree, "ReplicaSet", "web-"), node(tree, "Pod", "web-"), node(tree, "ServiceAccount", "made")
	if !web.Managed || web.Missing || web.Health == nil || web.Health.Status != v1alpha1.HealthStatusHealthy || fmt.Sprint(web.Facts) != "[{Revision Rev:1} {app web}]" || web.Version != "v1" || web.Created.IsZero() {
		t.Errorf("%+v", web)
	}
	if set.Managed || len(set.Parents) != 1 || set.Parents[0] != (reconcile.Parent{Key: web.Key, UID: web.UID}) {
		t.Errorf("%+v", set)
	}
	if len(pod.Parents) != 1 || pod.Parents[0].UID != set.UID || pod.Health == nil || fmt.Sprint(pod.Images) != "[registry.example/shop/web:1.0]" || pod.Network.Labels["app"] != "web" {
		t.Errorf("%+v", pod)
	}
	for _, fact := range []string{"{Status Reason Running}", "{Node node-", "{Containers 1/1}", "{cpu 1000}", "{memory 67108864000}"} {
		if !strings.Contains(fmt.Sprint(pod.Facts), fact) {
			t.Errorf("%s is not in %v", fact, pod.Facts)
		}
	}
	if svc := node(tree, "Service", "web"); svc.Network.TargetLabels["app"] != "web" || len(made.Parents) != 1 || made.Parents[0].UID != owner || made.Health != nil || made.UID == "" {
		t.Errorf("%+v %+v", svc, made)
	}
	if job := node(tree, "Job", "greet"); !job.Hook {
		t.Errorf("%+v", job)
	}
	if len(tree.Orphans) != 1 || tree.Orphans[0].Key.Name != "left-over" {
		t.Errorf("orphans %v", tree.Orphans)
	}
	pods, cpu := 0, int64(0)
	for _, host := range tree.Hosts {
		pods += host.Pods
		cpu += host.Asked.Cpu().MilliValue()
		if !strings.HasPrefix(host.Name, "node-") || host.Labels["kubernetes.io/hostname"] != host.Name {
			t.Errorf("%+v", host)
		}
	}
	if pods != 4 || cpu != 3000 { // the hook's pod has ended
		t.Errorf("%d pods ask for %d: %v", pods, cpu, tree.Hosts)
	}

	// what is gone is missing, with its health; what the status leaves out is filled in
	h.Delete(t, h.target, configMap)
	clustertest.Wait(t, "the missing node", func(ctx context.Context) error {
		tree, err := h.apps.Tree(ctx, h.id(name))
		if err != nil {
			return err
		}
		if n := node(tree, "ConfigMap", "settings"); n == nil || !n.Missing || n.Health.Status != v1alpha1.HealthStatusMissing || n.UID != "" {
			return fmt.Errorf("%+v", n)
		}
		return nil
	})
	h.wait(t, name, outOfSync)
	stored := h.get(t, name)
	filled := h.apps.InferHealth(stored)
	seen := map[string]v1alpha1.HealthStatusCode{}
	for i, r := range filled.Status.Resources {
		if stored.Status.Resources[i].Health != nil {
			t.Error("the status has the health already")
		}
		if r.Health != nil {
			seen[r.Kind] = r.Health.Status
		}
	}
	if seen["Deployment"] != v1alpha1.HealthStatusHealthy || seen["ConfigMap"] != v1alpha1.HealthStatusMissing {
		t.Errorf("filled in: %v", seen)
	}
}

func TestATreeIsWatched(t *testing.T) {
	h := start(t)
	name := h.deployed(t, "watched", map[string]string{"web.yaml": deployment})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	var trees []reconcile.Tree
	ended := make(chan error, 1)
	go func() {
		ended <- h.apps.WatchTree(ctx, h.id(name), func(tree reconcile.Tree) error {
			mu.Lock()
			defer mu.Unlock()
			trees = append(trees, tree)
			return nil
		})
	}()
	last := func() (int, reconcile.Tree) {
		mu.Lock()
		defer mu.Unlock()
		if len(trees) == 0 {
			return 0, reconcile.Tree{}
		}
		return len(trees), trees[len(trees)-1]
	}
	pods := func(n int) {
		t.Helper()
		clustertest.Wait(t, fmt.Sprintf("%d pods in the watch", n), func(context.Context) error {
			if count, tree := last(); count == 0 || strings.Count(kindsIn(tree.Nodes), "Pod") != n {
				return fmt.Errorf("%d trees, the last has %s", count, kindsIn(tree.Nodes))
			}
			return nil
		})
	}
	pods(3)
	var others sync.WaitGroup // who watch the same hinder nobody, and see the same in the end
	seen := make([]string, 20)
	for i := range seen {
		others.Go(func() {
			enough := errors.New("enough")
			if err := h.apps.WatchTree(ctx, h.id(name), func(tree reconcile.Tree) error {
				if seen[i] = kindsIn(tree.Nodes); strings.Count(seen[i], "Pod") == 12 {
					return enough
				}
				return nil
			}); !errors.Is(err, enough) {
				t.Error(err)
			}
		})
	}
	h.Patch(t, "kubectl-scale", "apps/v1", "Deployment", h.target, "web", `{"spec":{"replicas":12}}`)
	began := time.Now()
	pods(12)
	others.Wait()
	n, _ := last()
	if most := 2 + int(time.Since(began)/(300*time.Millisecond)) + 1; n > most {
		t.Errorf("%d trees in %s", n, time.Since(began))
	}
	time.Sleep(2 * time.Second)
	before, _ := last()
	time.Sleep(2 * time.Second)
	if after, _ := last(); after > before {
		t.Errorf("%d trees without a change", after-before)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	full := errors.New("full")
	if err := h.apps.WatchTree(t.Context(), h.id(name), func(reconcile.Tree) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
}

func TestTheComparisonIsTold(t *testing.T) {
	h := start(t)
	name := h.deployed(t, "managed", map[string]string{"web.yaml": deployment, "secret.yaml": secretCanary, "cm.yaml": configMap}, func(a *app) {
		a.extra = "ignoreDifferences: [{group: '', kind: ConfigMap, jsonPointers: [/data/colour]}]"
	})
	h.Patch(t, "kubectl-scale", "apps/v1", "Deployment", h.target, "web", `{"spec":{"replicas":5}}`)
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, "settings", `{"data":{"colour":"ignored"}}`)
	h.Patch(t, "kubectl-edit", "v1", "Secret", h.target, "keys", `{"stringData":{"password":"canary-of-people"}}`)
	var list []reconcile.Managed
	find := func(kind string) reconcile.Managed {
		i := slices.IndexFunc(list, func(m reconcile.Managed) bool { return m.Key.Kind == kind })
		if i < 0 {
			return reconcile.Managed{}
		}
		return list[i]
	}
	clustertest.Wait(t, "the differences", func(ctx context.Context) (err error) {
		if list, err = h.apps.Managed(ctx, h.id(name), reconcile.Filter{}); err != nil {
			return err
		}
		if !find("Deployment").Modified || !find("Secret").Modified || find("ConfigMap").Modified {
			return fmt.Errorf("%v", list)
		}
		return nil
	})
	web, keys, settings := find("Deployment"), find("Secret"), find("ConfigMap")
	if len(list) != 3 || len(web.Changes) != 1 || web.Changes[0].Path != "spec.replicas" || web.Changes[0].By() != "kubectl scale" || web.ResourceVersion == "" {
		t.Errorf("%+v", web.Changes)
	}
	for what, want := range map[string]bool{
		`"replicas":3` + string(web.Target): strings.Contains(string(web.Target), `"replicas":3`), `live 5`: strings.Contains(string(web.Live), `"replicas":5`),
		`normalized 5`: strings.Contains(string(web.Normalized), `"replicas":5`), `predicted 3`: strings.Contains(string(web.Predicted), `"replicas":3`),
		`managedFields in live`: strings.Contains(string(web.Live), "managedFields"), `none in normalized`: !strings.Contains(string(web.Normalized)+string(web.Predicted), "managedFields"),
		`ignored field`: strings.Contains(string(settings.Live), "colour") && !strings.Contains(string(settings.Normalized)+string(settings.Predicted), "colour"),
	} {
		if !want {
			t.Error(what)
		}
	}
	if string(keys.Normalized) == string(keys.Predicted) || !strings.Contains(string(keys.Live), object.MaskPrefix) {
		t.Errorf("%s\n%s", keys.Normalized, keys.Predicted)
	}
	for _, m := range list {
		if all := fmt.Sprintf("%s%s%s%s%v", m.Target, m.Live, m.Normalized, m.Predicted, m.Changes); strings.Contains(all, "canary") || strings.Contains(all, "Y2FuYXJ5") {
			t.Errorf("%s shows its value", m.Key)
		}
	}
	some, err := h.apps.Managed(t.Context(), h.id(name), reconcile.Filter{Kind: "Secret"})
	if err != nil || len(some) != 1 {
		t.Error(some, err)
	}

	// what was rendered, masked, is taken for what it stands for
	rendered, err := h.apps.Manifests(t.Context(), reconcile.ManifestRequest{Application: h.id(name)})
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range rendered.Manifests {
		targets = append(targets, string(m.JSON))
	}
	diffs, err := h.apps.ServerSideDiff(t.Context(), h.id(name), targets)
	if err != nil {
		t.Fatal(err)
	}
	modified := ""
	for _, d := range diffs {
		if d.Modified {
			modified += d.Key.Kind + " "
		}
		if d.Err != "" {
			t.Errorf("%s: %s", d.Key, d.Err)
		}
	}
	if modified != "Deployment Secret " && modified != "Secret Deployment " {
		t.Errorf("%s differ", modified)
	}
	// new objects are said as they would be; a Secret with values that stand for nothing known is compared all the same
	odd := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"keys"},"data":{"password":"hmac-sha256:0000000000000000"}}`
	diffs, err = h.apps.ServerSideDiff(t.Context(), h.id(name), []string{named("fresh", ""), odd})
	if err != nil || len(diffs) != 2 || diffs[0].Live != nil || !strings.Contains(string(diffs[0].Predicted), `"a":"b"`) || !diffs[1].Modified || !strings.Contains(string(diffs[1].Predicted), "0000000000000000") {
		t.Errorf("%v, %+v", err, diffs)
	}
	// nothing is read through a diff that is not the application's
	h.Apply(t, h.target, named("foreign", ""))
	clustertest.Wait(t, "the refusal", func(ctx context.Context) error {
		if got, err := h.apps.ServerSideDiff(ctx, h.id(name), []string{named("foreign", "")}); !problem.Is(err, problem.Forbidden) {
			return fmt.Errorf("%v, %v", got, err)
		}
		return nil
	})
	if h.Get(t, "v1", "ConfigMap", h.target, "fresh") != nil {
		t.Error("a question made an object")
	}
}

func pack(t *testing.T, files map[string]string) io.Reader {
	t.Helper()
	out := &bytes.Buffer{}
	zip := gzip.NewWriter(out)
	w := tar.NewWriter(zip)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestManifestsOfAnyRevision(t *testing.T) {
	h := start(t)
	h.Apply(t, h.control, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: strict}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: %s}], namespaceResourceBlacklist: [{group: apps, kind: Deployment}]}\n", h.target))
	repo := h.git.Repo(t, "rendered", map[string]string{"cm.yaml": configMap, "secret.yaml": secretCanary})
	first := repo.Head(t)
	name := h.name("rendered")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{}", extra: "project: strict"})
	h.wait(t, name, synced(first))
	repo.Branch(t, "next")
	second := repo.Commit(t, map[string]string{"web.yaml": deployment}, "More")
	show := func(r reconcile.Rendered, err error) string {
		t.Helper()
		if err != nil {
			return err.Error()
		}
		text := ""
		for _, m := range r.Manifests {
			if strings.Contains(string(m.JSON), "canary") || strings.Contains(string(m.JSON), "Y2FuYXJ5") || !strings.Contains(string(m.JSON), "tracking-id") {
				t.Errorf("%s", m.JSON)
			}
			text += m.Key.Kind + map[bool]string{true: "(refused)"}[m.Refused != ""] + " "
		}
		return text + r.Sources[0].Revision + " " + string(r.Sources[0].Type)
	}
	for _, c := range []struct {
		r    reconcile.ManifestRequest
		want string
	}{
		{reconcile.ManifestRequest{Revision: first}, "ConfigMap Secret " + first + " Directory"},
		{reconcile.ManifestRequest{Revision: "next"}, "ConfigMap Secret Deployment(refused) " + second + " Directory"},
		{reconcile.ManifestRequest{NoCache: true}, "ConfigMap Secret " + first + " Directory"},
	} {
		c.r.Application = h.id(name)
		if got := show(h.apps.Manifests(t.Context(), c.r)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	if _, err := h.apps.Manifests(t.Context(), reconcile.ManifestRequest{Application: h.id(name), Revision: "nowhere"}); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
	local := map[string]string{"sub/a.yaml": named("local", ""), "elsewhere.yaml": configMap}
	if got := show(h.apps.ManifestsOf(t.Context(), reconcile.LocalRequest{Application: h.id(name), Archive: pack(t, local), Path: "sub"})); got != "ConfigMap  Directory" {
		t.Error(got)
	}
	if _, err := h.apps.ManifestsOf(t.Context(), reconcile.LocalRequest{Application: h.id(name), Archive: pack(t, map[string]string{"../a.yaml": configMap})}); !problem.Is(err, problem.Forbidden) {
		t.Error(err)
	}
	if a := h.get(t, name); a.Status.Sync.Revision != first || len(a.Status.History) != 1 || h.Get(t, "apps/v1", "Deployment", h.target, "web") != nil {
		t.Error("a question deployed something")
	}

	who, err := h.apps.Revision(t.Context(), reconcile.RevisionRequest{Application: h.id(name), Revision: second})
	if err != nil || who.ID != second || who.Message != "More" || who.Author == "" || who.Date.IsZero() {
		t.Errorf("%+v %v", who, err)
	}
	for _, bad := range []reconcile.RevisionRequest{{Revision: "nowhere"}, {Revision: first, Source: 1}, {Revision: first, Version: new(int64(77))}} {
		bad.Application = h.id(name)
		if got, err := h.apps.Revision(t.Context(), bad); err == nil {
			t.Errorf("%+v gives %+v", bad, got)
		}
	}
}

func TestFilesOfOneSourceAmongSeveral(t *testing.T) {
	h := start(t)
	one := h.git.Repo(t, "one", map[string]string{"cm.yaml": named("one", "")})
	two := h.git.Repo(t, "two", map[string]string{"cm.yaml": named("two", "")})
	name := h.name("several")
	h.apply(t, app{name: name, repo: one.URL, path: ".", auto: "{}", extra: fmt.Sprintf("{source: null, sources: [{repoURL: %q, path: ., targetRevision: main}, {repoURL: %q, path: ., targetRevision: main}]}", one.URL, two.URL)})
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if len(a.Status.Sync.Revisions) != 2 || a.Status.Sync.Status != v1alpha1.SyncStatusSynced {
			return "not Synced"
		}
		return ""
	})
	show := func(r reconcile.Rendered, err error) string {
		if err != nil {
			return err.Error()
		}
		text := ""
		for _, m := range r.Manifests {
			text += fmt.Sprintf("%s of %s, ", m.Key.Name, r.Sources[m.Source].Revision)
		}
		return text
	}
	local := map[string]string{"a.yaml": named("local", "")}
	for position, want := range map[int64]string{
		1: "local of , two of " + two.Head(t) + ", ",
		2: "one of " + one.Head(t) + ", local of , ",
	} {
		if got := show(h.apps.ManifestsOf(t.Context(), reconcile.LocalRequest{Application: h.id(name), Archive: pack(t, local), Position: position})); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for _, position := range []int64{0, 3} {
		if _, err := h.apps.ManifestsOf(t.Context(), reconcile.LocalRequest{Application: h.id(name), Archive: pack(t, local), Position: position}); !problem.Is(err, problem.Invalid) {
			t.Error(err)
		}
	}
	old := two.Head(t)
	two.Commit(t, map[string]string{"cm.yaml": named("newer", "")}, "Newer")
	if got := show(h.apps.Manifests(t.Context(), reconcile.ManifestRequest{Application: h.id(name), Positions: []int64{2}, Revisions: []string{old}, NoCache: true})); got != "one of "+one.Head(t)+", two of "+old+", " {
		t.Error(got)
	}
	if r, err := h.apps.Revision(t.Context(), reconcile.RevisionRequest{Application: h.id(name), Revision: old, Source: 1}); err != nil || r.ID != old {
		t.Errorf("%+v %v", r, err)
	}
}

const database = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "db:1"}]}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
`

// An application that nobody looks at has a tree all the same, of what it has on record.
func TestTreesOfDatabasesAndOfWhatIsLeftAlone(t *testing.T) {
	h := start(t)
	name := h.deployed(t, "db", map[string]string{"db.yaml": database})
	clustertest.Wait(t, "the volume claims", func(ctx context.Context) error {
		tree, err := h.apps.Tree(ctx, h.id(name))
		if err != nil {
			return err
		}
		claim, set := node(tree, "PersistentVolumeClaim", "data-db-1"), node(tree, "StatefulSet", "db")
		if claim == nil || len(claim.Parents) != 1 || claim.Parents[0].UID != set.UID || !strings.Contains(kindsIn(tree.Nodes), "ControllerRevision") {
			return fmt.Errorf("%s, %+v", kindsIn(tree.Nodes), claim)
		}
		return nil
	})
	h.stop()
	h.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", h.control, name, `{"metadata":{"annotations":{"argocd.argoproj.io/skip-reconcile":"true"}}}`)
	h.run(t)
	clustertest.Wait(t, "the tree of what is on record", func(ctx context.Context) error {
		tree, err := h.apps.Tree(ctx, h.id(name))
		if err != nil {
			return err
		}
		set := node(tree, "StatefulSet", "db")
		if set == nil || set.Missing || set.Health == nil || set.Health.Status != v1alpha1.HealthStatusHealthy || node(tree, "Pod", "db-0") == nil {
			return fmt.Errorf("%s, %+v", kindsIn(tree.Nodes), set)
		}
		return nil
	})
	if _, err := h.apps.Managed(t.Context(), h.id(name), reconcile.Filter{}); !problem.Is(err, problem.Unavailable) {
		t.Error(err)
	}
	if _, err := h.apps.Refresh(t.Context(), h.id(name), v1alpha1.RefreshHard); !problem.Is(err, problem.Invalid) {
		t.Error(err)
	}
	if _, err := h.apps.Tree(t.Context(), h.id("nobody")); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
}

func TestResourcesOfAnApplication(t *testing.T) {
	h := start(t)
	name := h.deployed(t, "resources", map[string]string{"web.yaml": deployment, "secret.yaml": secretCanary, "cm.yaml": configMap})
	get := func(r reconcile.Resource) string {
		data, err := h.apps.GetResource(t.Context(), r)
		if err != nil {
			return err.Error()
		}
		return string(data)
	}
	if got := get(h.resource(name, "", "Secret", "keys")); !strings.Contains(got, object.MaskPrefix) || strings.Contains(got, "Y2FuYXJ5") {
		t.Error(got)
	}
	if got := get(h.resource(name, "apps", "Deployment", "web")); !strings.Contains(got, `"managedFields"`) || !strings.Contains(got, `"LOG_LEVEL"`) {
		t.Error(got)
	}
	tree, err := h.apps.Tree(t.Context(), h.id(name))
	if err != nil {
		t.Fatal(err)
	}
	pod := node(tree, "Pod", "web-").Key
	if got := get(reconcile.Resource{Application: h.id(name), Key: pod}); !strings.Contains(got, `"LOG_LEVEL"`) { // whole, though the index is slim
		t.Error(got)
	}

	settings := h.resource(name, "", "ConfigMap", "settings")
	patch := func(r reconcile.Resource, kind types.PatchType, text string) error {
		_, err := h.apps.PatchResource(t.Context(), reconcile.PatchRequest{Resource: r, Type: kind, Patch: []byte(text), By: "ada"})
		return err
	}
	if err := patch(settings, types.MergePatchType, `{"data":{"shape":"round"}}`); err != nil {
		t.Error(err)
	}
	if err := patch(settings, types.JSONPatchType, `[{"op":"add","path":"/data/size","value":"9"}]`); err != nil {
		t.Error(err)
	}
	h.told(t, name, v1alpha1.EventResourceUpdated, "ada patched resource /ConfigMap 'settings'")
	if data, _, _ := unstructured.NestedStringMap(h.Get(t, "v1", "ConfigMap", h.target, "settings").Object, "data"); data["shape"] != "round" || data["size"] != "9" {
		t.Error(data)
	}
	for text, kind := range map[string]problem.Kind{
		`{"metadata":{"finalizers":["a/b"]}}`: problem.Forbidden,
		`{"metadata":{"annotations":{"argocd.argoproj.io/tracking-id":"other:/ConfigMap:x/settings"}}}`:  problem.Forbidden,
		`{"metadata":{"annotations":{"argocd.argoproj.io/tracking-id":null}}}`:                           problem.Forbidden,
		`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"a","uid":"b"}]}}`: problem.Forbidden,
		`{"data":7}`: problem.Invalid,
	} {
		if err := patch(settings, "", text); !problem.Is(err, kind) {
			t.Errorf("%s: %v", text, err)
		}
	}
	// the value of a Secret is in no answer, and in no refusal
	masked, err := h.apps.PatchResource(t.Context(), reconcile.PatchRequest{Resource: h.resource(name, "", "Secret", "keys"), Patch: []byte(`{"stringData":{"more":"canary"}}`)})
	if err != nil || strings.Contains(string(masked), "canary") || strings.Contains(string(masked), "Y2FuYXJ5") {
		t.Errorf("%s %v", masked, err)
	}
	if err := patch(h.resource(name, "", "Secret", "keys"), "", `{"data":{"more":"canary is no base64"}}`); err == nil || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}

	before := h.Get(t, "apps/v1", "Deployment", h.target, "web").GetUID()
	if err := h.apps.DeleteResource(t.Context(), reconcile.DeleteRequest{Resource: h.resource(name, "apps", "Deployment", "web"), Orphan: true, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	h.told(t, name, v1alpha1.EventResourceDeleted, "ada deleted resource apps/Deployment 'web'")
	h.WaitGone(t, "apps/v1", "Deployment", h.target, "web")
	if n := len(h.pods(t)); n != 3 {
		t.Errorf("%d pods are left of 3 (%s)", n, before)
	}
	if err := h.apps.DeleteResource(t.Context(), reconcile.DeleteRequest{Resource: settings, Force: true}); err != nil {
		t.Error(err)
	}
	h.WaitGone(t, "v1", "ConfigMap", h.target, "settings")
	clustertest.Wait(t, "the ConfigMap to leave the index", func(context.Context) error { // the API server may be ahead of it
		if got := get(settings); !strings.Contains(got, "not found as part of application "+name) {
			return errors.New(got)
		}
		return nil
	})
}

// pods lists the names of the pods in the target namespace.
func (h *hawser) pods(t *testing.T) []string {
	t.Helper()
	list, err := h.Client.CoreV1().Pods(h.target).List(t.Context(), listAll)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range list.Items {
		names = append(names, p.Name)
	}
	return names
}

// What somebody marked as an application's is not reached in any way (safety B-117).
func TestLiveAccessReachesOnlyWhatTheApplicationApplied(t *testing.T) {
	h := start(t)
	name := h.deployed(t, "foreign", map[string]string{"cm.yaml": configMap})
	marked := strings.Replace(talking, "metadata: {name: web}", fmt.Sprintf("metadata: {name: web, labels: {app.kubernetes.io/instance: %s}, annotations: {argocd.argoproj.io/tracking-id: %q}}", name, name+":apps/Deployment:"+h.target+"/web"), 1)
	h.Apply(t, h.target, marked)
	h.WaitFor(t, "apps/v1", "Deployment", h.target, "web", clustertest.Condition("Available", "True"))
	var tree reconcile.Tree
	clustertest.Wait(t, "the copy of the mark in the tree", func(ctx context.Context) (err error) {
		if tree, err = h.apps.Tree(ctx, h.id(name)); err != nil {
			return err
		}
		if node(tree, "Pod", "web-") == nil {
			return fmt.Errorf("only %s", kindsIn(tree.Nodes))
		}
		return nil
	})
	pod := node(tree, "Pod", "web-")
	for _, key := range []object.Key{h.key("apps", "Deployment", "web"), pod.Key, h.key("", "ServiceAccount", "default")} {
		r := reconcile.Resource{Application: h.id(name), Key: key}
		_, getErr := h.apps.GetResource(t.Context(), r)
		_, patchErr := h.apps.PatchResource(t.Context(), reconcile.PatchRequest{Resource: r, Patch: []byte(`{"metadata":{"labels":{"a":"b"}}}`)})
		deleteErr := h.apps.DeleteResource(t.Context(), reconcile.DeleteRequest{Resource: r})
		for what, err := range map[string]error{"get": getErr, "patch": patchErr, "delete": deleteErr} {
			if !problem.Is(err, problem.NotFound) || !strings.Contains(err.Error(), "not found as part of application "+name) {
				t.Errorf("%s %s: %v", what, key, err)
			}
		}
	}
	if _, err := h.apps.Exec(t.Context(), reconcile.ExecRequest{Application: h.id(name), Namespace: h.target, Pod: pod.Key.Name, Command: []string{"hostname"}, Stdout: io.Discard}); !problem.Is(err, problem.NotFound) {
		t.Error("exec:", err)
	}
	if _, err := h.apps.Events(t.Context(), reconcile.EventRequest{Application: h.id(name), UID: pod.UID, Namespace: h.target, Name: pod.Key.Name}); !problem.Is(err, problem.NotFound) {
		t.Error("events:", err)
	}
	if err := h.apps.Logs(t.Context(), reconcile.LogRequest{Application: h.id(name)}, func(l reconcile.LogLine) error {
		if !l.Last {
			t.Errorf("a line of another's pod: %+v", l)
		}
		return nil
	}); err != nil {
		t.Error("logs:", err)
	}
	if len(h.pods(t)) != 2 || h.Get(t, "apps/v1", "Deployment", h.target, "web").GetDeletionTimestamp() != nil {
		t.Error("something was deleted")
	}
}

func TestLogsOfAnApplication(t *testing.T) {
	h := start(t)
	name := h.deployed(t, "logs", map[string]string{"web.yaml": talking, "cm.yaml": configMap})
	names := h.pods(t)
	read := func(r reconcile.LogRequest) ([]reconcile.LogLine, error) {
		r.Application = h.id(name)
		var all []reconcile.LogLine
		err := h.apps.Logs(t.Context(), r, func(l reconcile.LogLine) error {
			all = append(all, l)
			return nil
		})
		return all, err
	}
	time.Sleep(500 * time.Millisecond) // so that there is something to read
	all, err := read(reconcile.LogRequest{})
	if err != nil || len(all) < 20 || !all[len(all)-1].Last {
		t.Fatalf("%d lines, %v", len(all), err)
	}
	from := map[string]int{}
	for i, l := range all[:len(all)-1] {
		from[l.Pod+"/"+l.Container]++
		if l.Last || l.Time.IsZero() || l.Namespace != h.target || i > 0 && l.Time.Before(all[i-1].Time) {
			t.Errorf("line %d: %+v after %+v", i, l, all[max(0, i-1)])
		}
	}
	if len(from) != 4 || from[names[0]+"/web"] == 0 || from[names[1]+"/side"] == 0 {
		t.Errorf("lines from %v", from)
	}
	if some, err := read(reconcile.LogRequest{Resource: h.key("apps", "Deployment", "web"), Container: "side", Tail: 3}); err != nil || len(some) != 7 {
		t.Errorf("%d lines, %v", len(some), err)
	}
	if some, err := read(reconcile.LogRequest{Resource: h.key("", "Pod", names[0]), Filter: "STARTED"}); err != nil || len(some) != 3 {
		t.Errorf("%v, %v", some, err)
	}
	if some, err := read(reconcile.LogRequest{Resource: h.key("", "ConfigMap", "settings")}); err != nil || len(some) != 1 {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := read(reconcile.LogRequest{Container: "nothing"}); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
	if _, err := read(reconcile.LogRequest{Previous: true}); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "previous terminated container") {
		t.Error(err)
	}
	if _, err := read(reconcile.LogRequest{MaxPods: 1}); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "max pods to view logs are reached") {
		t.Error(err)
	}

	// followed: new lines come, in order, until the caller has enough
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	n, last, enough := 0, time.Time{}, errors.New("enough")
	err = h.apps.Logs(ctx, reconcile.LogRequest{Application: h.id(name), Follow: true, Tail: 1, Filter: "apple"}, func(l reconcile.LogLine) error {
		if n++; l.Time.Before(last) || l.Content != "apple" {
			t.Errorf("%+v after %s", l, last)
		}
		if last = l.Time; n == 50 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("%d lines, %v", n, err)
	}
	// pods that come while their workload is followed are followed, too, and so is the next run of one that ends
	h.followsWhatComes(t, name)

	// a caller who may not read any more is cut off, with the reason
	revoked := problem.New(problem.Forbidden, "the role was taken away")
	began, asked := time.Now(), 0
	_, err = read(reconcile.LogRequest{Follow: true, Watch: reconcile.Watch{Every: 300 * time.Millisecond, Allowed: func() error {
		if asked++; asked == 3 {
			return revoked
		}
		return nil
	}}})
	if !errors.Is(err, revoked) || time.Since(began) > 10*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	// and they end when the pods do
	ended := make(chan error, 1)
	go func() {
		_, err := read(reconcile.LogRequest{Follow: true, Tail: 1})
		ended <- err
	}()
	time.Sleep(500 * time.Millisecond)
	if err := h.apps.DeleteResource(t.Context(), reconcile.DeleteRequest{Resource: h.resource(name, "apps", "Deployment", "web")}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the logs go on after their pods")
	}
}

// followsWhatComes scales a workload that is followed, and makes its pods end and start again.
func (h *hawser) followsWhatComes(t *testing.T, name string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	old, enough, lines := h.pods(t), errors.New("enough"), map[string][]string{}
	err := h.apps.Logs(ctx, reconcile.LogRequest{Application: h.id(name), Resource: h.key("apps", "Deployment", "web"), Container: "web", Follow: true, Tail: 1}, func(l reconcile.LogLine) error {
		if len(lines) == 0 {
			h.Patch(t, "test", "apps/v1", "Deployment", h.target, "web", `{"spec":{"replicas":3}}`)
		}
		first := len(lines[l.Pod]) == 0
		lines[l.Pod] = append(lines[l.Pod], l.Time.Format(time.RFC3339Nano)+" "+l.Content)
		switch {
		case first && !slices.Contains(old, l.Pod) && !strings.Contains(l.Content, "run 1"):
			t.Errorf("the first line of the new pod is %q", l.Content)
		case first && !slices.Contains(old, l.Pod): // the old one ends, is started again, and says so
			h.Patch(t, "test", "v1", "Pod", h.target, old[0], `{"metadata":{"annotations":{"devcluster.hawser.dev/exit-code":"1"}}}`)
		case l.Pod == old[0] && strings.Contains(l.Content, "started from") && !strings.Contains(l.Content, "run 1"):
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("%v; lines from %v, the old pods were %v", err, slices.Collect(maps.Keys(lines)), old)
	}
	for pod, all := range lines {
		if unique := slices.Compact(slices.Sorted(slices.Values(all))); len(unique) != len(all) {
			t.Errorf("%s: %d of %d lines came twice", pod, len(all)-len(unique), len(all))
		}
	}
}

func TestSessionsAndEvents(t *testing.T) {
	h := start(t)
	name := h.deployed(t, "exec", map[string]string{"web.yaml": talking})
	pod := h.pods(t)[0]
	run := func(r reconcile.ExecRequest) (string, int, error) {
		out, problems := &bytes.Buffer{}, &bytes.Buffer{}
		r.Application, r.Namespace, r.Pod, r.Stdout, r.Stderr, r.By = h.id(name), h.target, pod, out, problems, "ada"
		code, err := h.apps.Exec(t.Context(), r)
		return out.String() + problems.String(), code, err
	}
	if out, code, err := run(reconcile.ExecRequest{Command: []string{"hostname"}}); err != nil || code != 0 || out != pod+"\n" {
		t.Error(out, code, err)
	}
	h.told(t, name, "PodExec", "ada opened a session in container web of pod "+h.target+"/"+pod)
	if out, code, err := run(reconcile.ExecRequest{Container: "side", Command: []string{"sh", "-c", "echo a; exit 7"}}); err != nil || code != 7 || out != "a\n" {
		t.Error(out, code, err)
	}
	if out, code, err := run(reconcile.ExecRequest{Command: []string{"rm"}}); err != nil || code != 127 || out != "sh: rm: not found\n" {
		t.Error(out, code, err)
	}
	if out, code, err := run(reconcile.ExecRequest{Command: []string{"cat"}, Stdin: strings.NewReader("typed")}); err != nil || code != 0 || out != "typed" {
		t.Error(out, code, err)
	}
	sizes := make(chan reconcile.TerminalSize, 1)
	sizes <- reconcile.TerminalSize{Width: 132, Height: 43}
	if out, code, err := run(reconcile.ExecRequest{Command: []string{"sh"}, TTY: true, Sizes: sizes, Stdin: strings.NewReader("stty size\nexit\n")}); err != nil || code != 0 || !strings.Contains(out, "43 132\r\n") {
		t.Errorf("%q %d %v", out, code, err)
	}
	for _, bad := range []reconcile.ExecRequest{{}, {Command: []string{"true"}, Container: "nothing"}} {
		if _, _, err := run(bad); err == nil {
			t.Errorf("%+v", bad)
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	began := time.Now()
	if _, err := h.apps.Exec(ctx, reconcile.ExecRequest{Application: h.id(name), Namespace: h.target, Pod: pod, Command: []string{"sleep", "60"}, Stdout: io.Discard}); err == nil || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}

	revoked := problem.New(problem.Forbidden, "the role was taken away")
	began = time.Now()
	if _, _, err := run(reconcile.ExecRequest{Command: []string{"sleep", "60"}, Watch: reconcile.Watch{Every: 200 * time.Millisecond, Allowed: func() error { return revoked }}}); !errors.Is(err, revoked) || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}

	list, err := h.apps.Events(t.Context(), reconcile.EventRequest{Application: h.id(name)})
	if err != nil || len(list) == 0 || list[0].InvolvedObject.Name != name {
		t.Errorf("%d events, %v", len(list), err)
	}
	web := h.Get(t, "apps/v1", "Deployment", h.target, "web")
	list, err = h.apps.Events(t.Context(), reconcile.EventRequest{Application: h.id(name), UID: web.GetUID(), Namespace: h.target, Name: "web"})
	if err != nil || !slices.ContainsFunc(list, func(e event) bool { return e.Reason == "ScalingReplicaSet" }) {
		t.Errorf("%d events, %v", len(list), err)
	}
	if _, err := h.apps.Events(t.Context(), reconcile.EventRequest{Application: h.id(name), UID: "another", Namespace: h.target, Name: "web"}); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
}

func TestRefreshWindowsAndStandby(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "refreshed", map[string]string{"cm.yaml": configMap})
	name := h.name("refreshed")
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: timed}, spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: "*"}], syncWindows: [{kind: deny, schedule: "* * * * *", duration: 2h, applications: ["*"], manualSync: true}, {kind: allow, schedule: "0 0 29 2 *", duration: 1m, applications: ["other"]}]}}`)
	h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: "project: timed"})
	h.wait(t, name, outOfSync)
	second := repo.Commit(t, map[string]string{"more.yaml": named("more", "")}, "More")
	fresh, err := h.apps.Refresh(t.Context(), h.id(name), v1alpha1.RefreshNormal)
	if err != nil || fresh.Status.Sync.Revision != second || fresh.Annotations[v1alpha1.AnnotationRefresh] != "" {
		t.Errorf("%v at %v", err, fresh)
	}
	w, err := h.apps.SyncWindows(h.id(name))
	if err != nil || len(w.Assigned) != 1 || len(w.Active) != 1 || w.Active[0].Kind != "deny" || !w.CanSync || w.Gate.Automated {
		t.Errorf("%+v %v", w, err)
	}
	if list, err := h.apps.ProjectWindows("timed"); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}

	// a replica that does not lead has seen nothing, and says so
	apps := h.apps
	h.stop()
	id := h.id(name)
	_, treeErr := apps.Tree(t.Context(), id)
	_, managedErr := apps.Managed(t.Context(), id, reconcile.Filter{})
	_, manifestsErr := apps.Manifests(t.Context(), reconcile.ManifestRequest{Application: id})
	_, diffErr := apps.ServerSideDiff(t.Context(), id, nil)
	_, getErr := apps.GetResource(t.Context(), h.resource(name, "", "ConfigMap", "settings"))
	_, patchErr := apps.PatchResource(t.Context(), reconcile.PatchRequest{Resource: h.resource(name, "", "ConfigMap", "settings")})
	_, execErr := apps.Exec(t.Context(), reconcile.ExecRequest{Application: id, Pod: "p", Command: []string{"true"}})
	for what, err := range map[string]error{
		"tree": treeErr, "managed": managedErr, "manifests": manifestsErr, "diff": diffErr, "get": getErr, "patch": patchErr, "exec": execErr,
		"delete": apps.DeleteResource(t.Context(), reconcile.DeleteRequest{Resource: h.resource(name, "", "ConfigMap", "settings")}),
		"logs":   apps.Logs(t.Context(), reconcile.LogRequest{Application: id}, func(reconcile.LogLine) error { return nil }),
		"watch":  apps.WatchTree(t.Context(), id, func(reconcile.Tree) error { return nil }),
		"action": apps.RunAction(t.Context(), reconcile.ActionRequest{Resource: h.resource(name, "", "ConfigMap", "settings"), Action: "a"}),
	} {
		if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "only the replica that leads") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if h := apps.Healths(id)(object.Key{Kind: "ConfigMap"}); h != nil {
		t.Error(h)
	}
}
