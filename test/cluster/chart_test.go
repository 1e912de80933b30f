package cluster_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/charts/chartstest"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"k8s.io/apimachinery/pkg/types"
)

// shopChart packs a chart with one ConfigMap that shows its version and colour.
func shopChart(t *testing.T, name, version string) []byte {
	t.Helper()
	return chartstest.Chart(t, name, version, map[string]string{
		"values.yaml":         "colour: none\n",
		"values-dark.yaml":    "colour: black\n",
		"templates/cm.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {version: {{ .Chart.Version | quote }}, colour: {{ .Values.colour }}}\n",
		"templates/NOTES.txt": "Thanks.\n",
	})
}

// secret stores a repository Secret with these fields, as YAML flow.
func (h *hawser) secret(t *testing.T, name, kind, fields string) {
	t.Helper()
	h.Apply(t, h.control, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: %s, labels: {argocd.argoproj.io/secret-type: %s}}, stringData: %s}", name, kind, fields))
}

// impatient has repositories asked every second.
func (h *hawser) impatient(t *testing.T) {
	t.Helper()
	h.Apply(t, h.control, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm, labels: {app.kubernetes.io/part-of: argocd}}, data: {timeout.reconciliation: 1s, timeout.reconciliation.jitter: 0s}}")
}

// trust has the certificate of a server known, as `argocd cert add-tls` does.
func (h *hawser) trust(t *testing.T, ca []byte) {
	t.Helper()
	text := strings.ReplaceAll(strings.TrimSpace(string(ca)), "\n", "\n    ")
	h.Apply(t, h.control, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-tls-certs-cm\n  labels: {app.kubernetes.io/part-of: argocd}\ndata:\n  127.0.0.1: |\n    "+text+"\n")
}

// source is an application with one source, given as YAML flow.
func (h *hawser) source(t *testing.T, name, source string) {
	t.Helper()
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: %s}, spec: {project: default, source: %s,
  destination: {server: "https://kubernetes.default.svc", namespace: %s}, syncPolicy: {automated: {prune: true, selfHeal: true}}}}`, name, source, h.target))
}

// A chart of a Helm repository behind TLS and a password: its range of versions is followed, and while the repository is dead
// the application stays as it is, says so, and goes on by itself afterwards.
func TestAChartOfAHelmRepository(t *testing.T) {
	h := prepare(t)
	repo := chartstest.NewRepository(t, &tls.Config{})
	repo.RequireAuth("robot", "s3cret-of-the-robot")
	repo.Add("shop", "1.0.0", shopChart(t, "shop", "1.0.0"))
	repo.Add("shop", "2.0.0-rc.1", shopChart(t, "shop", "2.0.0-rc.1"))
	h.trust(t, repo.CA)
	h.impatient(t)
	h.secret(t, "helm", "repository", fmt.Sprintf("{type: helm, name: shop, url: %q, username: robot, password: s3cret-of-the-robot}", repo.URL))
	h.run(t)
	name := h.name("chart")
	h.source(t, name, fmt.Sprintf("{repoURL: %q, chart: shop, targetRevision: '>=1.0.0', helm: {releaseName: %s, valueFiles: [values-dark.yaml]}}", repo.URL, name))
	a := h.wait(t, name, synced("1.0.0"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("black", "data", "colour"))
	if a.Status.SourceType != v1alpha1.SourceTypeHelm || a.Status.OperationState.SyncResult.Revision != "1.0.0" || len(a.Status.History) != 1 || a.Status.History[0].Revision != "1.0.0" || a.Status.History[0].Source.Chart != "shop" {
		t.Errorf("%+v %+v", a.Status.OperationState.SyncResult, a.Status.History)
	}

	repo.Add("shop", "1.1.0", shopChart(t, "shop", "1.1.0"))
	h.wait(t, name, synced("1.1.0"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("1.1.0", "data", "version"))

	about, err := h.apps.Chart(context.Background(), reconcile.RevisionRequest{Application: types.NamespacedName{Namespace: h.control, Name: name}, Revision: "1.0.0"})
	if err != nil || about.Description != "the shop of tests" || about.Home != "https://example.com/shop" || !slices.Equal(about.Maintainers, []string{"Ada <ada@example.com>"}) {
		t.Errorf("%+v %v", about, err)
	}
	if list, err := h.apps.HelmCharts(context.Background(), repo.URL, "default"); err != nil || len(list) != 1 || !slices.Equal(list[0].Versions, []string{"2.0.0-rc.1", "1.1.0", "1.0.0"}) {
		t.Errorf("%v %v", list, err)
	}

	repo.Down(true)
	a = h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
			return "not Unknown"
		}
		return condition(v1alpha1.ConditionComparisonError, repo.URL, "503")(a)
	})
	if a.Status.Sync.Revision != "1.1.0" || strings.Contains(fmt.Sprint(a.Status), "s3cret") {
		t.Errorf("%+v", a.Status)
	}
	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", h.target, name, `{"data":{"colour":"red"}}`)
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("black", "data", "colour"))
	repo.Add("shop", "1.2.0", shopChart(t, "shop", "1.2.0"))
	repo.Down(false)
	h.wait(t, name, synced("1.2.0"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("1.2.0", "data", "version"))

	// one of its own versions is one of ours, as a rollback wants it
	a = h.sync(t, name, `"revision":"1.0.0"`)
	if a.Status.OperationState.Phase != v1alpha1.OperationSucceeded || a.Status.OperationState.SyncResult.Revision != "1.0.0" {
		t.Errorf("%+v", a.Status.OperationState)
	}
	if got := repo.Asked(".tgz"); got != 3 {
		t.Errorf("%d archives were fetched for three versions", got)
	}
}

// A registry with tokens holds a chart (named as Argo CD names those, without a scheme), and plain manifests (oci://).
func TestARegistry(t *testing.T) {
	h := prepare(t)
	registry := chartstest.NewRegistry(t, &tls.Config{})
	registry.RequireToken("robot", "s3cret-of-the-robot", "")
	registry.PushChart(t, "org/charts/shop", "1.0.0", shopChart(t, "shop", "1.0.0"))
	push := func(tag, colour string) string {
		return registry.Push(t, "org/manifests", tag, chartstest.Empty, map[string]string{"org.opencontainers.image.description": colour},
			chartstest.Layer{MediaType: chartstest.TarGzip, Content: chartstest.Archive(t, map[string]string{"base/cm.yaml": strings.Replace(strings.Replace(configMap, "blue", colour, 1), "settings", h.name("manifests"), 1)})})
	}
	first := push("1.0.0", "blue")
	h.trust(t, registry.CA)
	h.impatient(t)
	h.secret(t, "registry", "repo-creds", fmt.Sprintf("{type: oci, url: 'oci://%s/org', username: robot, password: s3cret-of-the-robot}", registry.Host()))
	h.run(t)
	chart, manifests, latest := h.name("chart"), h.name("manifests"), h.name("latest")
	h.source(t, chart, fmt.Sprintf("{repoURL: '%s/org/charts', chart: shop, targetRevision: 1.x, helm: {releaseName: %s}}", registry.Host(), chart))
	h.source(t, manifests, fmt.Sprintf("{repoURL: 'oci://%s/org/manifests', path: base, targetRevision: 1.x}", registry.Host()))
	h.source(t, latest, fmt.Sprintf("{repoURL: 'oci://%s/org/charts/shop', path: ., targetRevision: 1.0.0, helm: {releaseName: %s}}", registry.Host(), latest))
	h.wait(t, chart, synced("1.0.0"))
	a := h.wait(t, manifests, synced(first))
	if a.Status.SourceType != v1alpha1.SourceTypeDirectory {
		t.Error(a.Status.SourceType)
	}
	if a := h.wait(t, latest, synced("")); !strings.HasPrefix(a.Status.Sync.Revision, "sha256:") || a.Status.SourceType != v1alpha1.SourceTypeHelm {
		t.Errorf("%+v", a.Status.Sync)
	}
	h.WaitFor(t, "v1", "ConfigMap", h.target, latest, field("1.0.0", "data", "version"))

	registry.PushChart(t, "org/charts/shop", "1.1.0", shopChart(t, "shop", "1.1.0"))
	second := push("1.1.0", "green")
	h.wait(t, chart, synced("1.1.0"))
	h.wait(t, manifests, synced(second))
	h.WaitFor(t, "v1", "ConfigMap", h.target, chart, field("1.1.0", "data", "version"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, manifests, field("green", "data", "colour"))

	key := types.NamespacedName{Namespace: h.control, Name: manifests}
	if about, err := h.apps.Artifact(context.Background(), reconcile.RevisionRequest{Application: key, Revision: first}); err != nil || about["org.opencontainers.image.description"] != "blue" {
		t.Errorf("%v %v", about, err)
	}
	if _, err := h.apps.Chart(context.Background(), reconcile.RevisionRequest{Application: key}); err == nil || !strings.Contains(err.Error(), "no chart found for application") {
		t.Error(err)
	}
	if tags, err := h.apps.Tags(context.Background(), "oci://"+registry.Host()+"/org/manifests", "default"); err != nil || !slices.Equal(tags, []string{"1.1.0", "1.0.0"}) {
		t.Errorf("%v %v", tags, err)
	}

	registry.Down(true)
	for _, name := range []string{chart, manifests} {
		h.wait(t, name, func(a *v1alpha1.Application) string {
			if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
				return "not Unknown"
			}
			return condition(v1alpha1.ConditionComparisonError, registry.Host())(a)
		})
		if h.Get(t, "v1", "ConfigMap", h.target, name) == nil {
			t.Errorf("%s was pruned", name)
		}
	}
	registry.Down(false)
	h.wait(t, chart, synced("1.1.0"))
	h.wait(t, manifests, synced(second))
}

// The chart is in a repository of charts, its values are in Git: the commonest application of all.
func TestAChartWithValuesFromGit(t *testing.T) {
	h := prepare(t)
	repo := chartstest.NewRepository(t, nil)
	repo.Add("shop", "1.0.0", shopChart(t, "shop", "1.0.0"))
	h.impatient(t)
	h.run(t)
	values := h.git.Repo(t, "values", map[string]string{"prod/values.yaml": "colour: blue\n"})
	name := h.name("both")
	h.applySources(t, name, "default", "{prune: true, selfHeal: true}",
		fmt.Sprintf("{repoURL: %q, chart: shop, targetRevision: '*', %s}", repo.URL, release(name, "valueFiles: [$values/prod/values.yaml]")),
		fmt.Sprintf("{repoURL: %q, targetRevision: main, ref: values}", values.URL))
	h.wait(t, name, syncedAt("1.0.0", values.Head(t)))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("blue", "data", "colour"))
	commit := values.Commit(t, map[string]string{"prod/values.yaml": "colour: green\n"}, "Green")
	h.hook(t, values.URL)
	h.wait(t, name, syncedAt("1.0.0", commit))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("green", "data", "colour"))
	repo.Add("shop", "1.5.0", shopChart(t, "shop", "1.5.0"))
	h.wait(t, name, syncedAt("1.5.0", commit))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("1.5.0", "data", "version"))
}

// A chart in Git whose dependencies are in a Helm repository and in a registry, both behind passwords that only our Secrets
// know: they are fetched, with alias and condition, and a lock file decides the version. A library beside it comes out of
// the same tree.
func TestDependenciesOfAChartInGit(t *testing.T) {
	h := prepare(t)
	repo := chartstest.NewRepository(t, nil)
	repo.RequireAuth("robot", "s3cret-of-the-robot")
	registry := chartstest.NewRegistry(t, nil)
	registry.RequireAuth("robot", "s3cret-of-the-robot")
	part := func(name, version string) []byte {
		return chartstest.Chart(t, name, version, map[string]string{
			"templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-{{ .Chart.Name }}'}\ndata: {version: {{ .Chart.Version | quote }}}\n",
		})
	}
	repo.Add("cache", "1.0.0", part("cache", "1.0.0"))
	repo.Add("unused", "1.0.0", part("unused", "1.0.0"))
	registry.PushChart(t, "org/queue", "2.0.0", part("queue", "2.0.0"))
	h.impatient(t)
	h.secret(t, "helm", "repository", fmt.Sprintf("{type: helm, name: shop, url: %q, username: robot, password: s3cret-of-the-robot}", repo.URL))
	h.secret(t, "oci", "repo-creds", fmt.Sprintf("{type: helm, enableOCI: 'true', insecureOCIForceHttp: 'true', url: '%s', username: robot, password: s3cret-of-the-robot}", registry.Host()))
	h.run(t)
	code := h.git.Repo(t, "umbrella", map[string]string{
		"app/Chart.yaml": fmt.Sprintf(`apiVersion: v2
name: app
version: 0.1.0
dependencies:
- {name: cache, version: 1.x, repository: %q, alias: store}
- {name: unused, version: 9.x, repository: '@shop', condition: unused.enabled}
- {name: queue, version: ^2, repository: 'oci://%s/org'}
- {name: words, version: '*', repository: 'file://../words'}
`, repo.URL, registry.Host()),
		"app/values.yaml":            "unused: {enabled: false}\n",
		"app/templates/cm.yaml":      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {word: {{ include \"words.hello\" . }}}\n",
		"words/Chart.yaml":           "apiVersion: v2\nname: words\ntype: library\nversion: 1.0.0\n",
		"words/templates/_words.tpl": "{{ define \"words.hello\" }}hello{{ end }}",
	})
	name := h.name("umbrella")
	h.source(t, name, fmt.Sprintf("{repoURL: %q, path: app, targetRevision: main}", code.URL))
	h.wait(t, name, synced(code.Head(t)))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("hello", "data", "word"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name+"-store", field("1.0.0", "data", "version"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name+"-queue", field("2.0.0", "data", "version"))

	// without a lock the range is followed, as that of a chart is
	registry.PushChart(t, "org/queue", "2.1.0", part("queue", "2.1.0"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name+"-queue", field("2.1.0", "data", "version"))

	commit := code.Commit(t, map[string]string{"app/values.yaml": "unused: {enabled: true}\n"}, "Ask for what there is not")
	h.hook(t, code.URL)
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "dependency unused", `no version "9.x"`))
	if h.Get(t, "v1", "ConfigMap", h.target, name+"-store") == nil {
		t.Error("a dependency that failed had another one pruned")
	}
	repo.Add("unused", "9.0.0", part("unused", "9.0.0"))
	h.wait(t, name, synced(commit))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name+"-unused", field("9.0.0", "data", "version"))
}

// Submodules are part of a repository where the settings say so, and as far as the project permits their addresses.
func TestSubmodules(t *testing.T) {
	h := prepare(t)
	h.impatient(t)
	h.Apply(t, h.control, "{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cmd-params-cm, labels: {app.kubernetes.io/part-of: argocd}}, data: {reposerver.enable.git.submodule: 'true'}}")
	h.run(t)
	part := func(colour string) map[string]string {
		return map[string]string{"cm.yaml": strings.Replace(strings.Replace(configMap, "settings", h.name("lib"), 1), "blue", colour, 1), "kustomization.yaml": "resources: [cm.yaml]\n"}
	}
	lib := h.git.Repo(t, "lib", part("blue"))
	app := h.git.Repo(t, "app", map[string]string{
		"k/kustomization.yaml": "resources: [../vendor/lib]\n", ".gitmodules": "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = ../lib.git\n", "vendor/lib": gittest.Submodule + lib.Head(t),
	})
	name := h.name("sub")
	h.source(t, name, fmt.Sprintf("{repoURL: %q, path: k, targetRevision: main}", app.URL))
	h.wait(t, name, synced(app.Head(t)))
	h.WaitFor(t, "v1", "ConfigMap", h.target, h.name("lib"), field("blue", "data", "colour"))
	next := lib.Commit(t, part("green"), "Green")
	head := app.Commit(t, map[string]string{"vendor/lib": gittest.Submodule + next}, "Take the newer library")
	h.hook(t, app.URL)
	h.wait(t, name, synced(head))
	h.WaitFor(t, "v1", "ConfigMap", h.target, h.name("lib"), field("green", "data", "colour"))

	// who may write into one repository must not read through it what the project does not permit
	h.Apply(t, h.control, fmt.Sprintf("{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: narrow}, spec: {sourceRepos: [%q], destinations: [{server: '*', namespace: '*'}]}}", app.URL))
	h.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", h.control, name, `{"spec":{"project":"narrow"}}`)
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "submodule vendor/lib", "not permitted in project"))
	if h.Get(t, "v1", "ConfigMap", h.target, h.name("lib")) == nil {
		t.Error("what could not be read was pruned")
	}
}

// Where charts must be signed, one that nobody vouches for is not deployed, and what is there stays; the same goes for charts
// that others need, and for one whose key is trusted no more.
func TestChartsThatMustBeSigned(t *testing.T) {
	h := prepare(t)
	ada := chartstest.NewSigner(t, "ada", time.Now().Add(-time.Hour), 0)
	repo := chartstest.NewRepository(t, nil)
	add := func(version string, signed bool) {
		packed := shopChart(t, "shop", version)
		repo.Add("shop", version, packed)
		if signed {
			repo.Prove("shop", version, ada.Sign(t, "shop", version, packed))
		}
	}
	keys := func(text string) {
		h.Apply(t, h.control, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-gpg-keys-cm, labels: {app.kubernetes.io/part-of: argocd}}, data: {%s}}", text))
	}
	add("1.0.0", true)
	h.settings(t, "argocd-cm", fmt.Sprintf("timeout.reconciliation: 1s, timeout.reconciliation.jitter: 0s, hawser.charts.verify: '%s/*, %[1]s'", repo.URL))
	keys(fmt.Sprintf("1234567890ABCDEF: %q", ada.PublicKey(t)))
	h.secret(t, "helm", "repository", fmt.Sprintf("{type: helm, name: shop, url: %q}", repo.URL))
	h.run(t)
	chart, needs := h.name("signed"), h.name("needs")
	h.source(t, chart, fmt.Sprintf("{repoURL: %q, chart: shop, targetRevision: 1.x, helm: {releaseName: %s}}", repo.URL, chart))
	h.wait(t, chart, synced("1.0.0"))
	git := h.git.Repo(t, "needs", map[string]string{
		"Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: needs\nversion: 1.0.0\ndependencies: [{name: shop, version: 1.x, repository: %q}]\n", repo.URL),
	})
	h.source(t, needs, fmt.Sprintf("{repoURL: %q, path: ., targetRevision: main, helm: {releaseName: %s}}", git.URL, needs))
	h.wait(t, needs, synced(git.Head(t)))

	add("1.1.0", false)
	for _, name := range []string{chart, needs} {
		h.wait(t, name, unknown("verify chart shop", "1.1.0", "has no provenance file"))
		h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("1.0.0", "data", "version"))
	}
	repo.Prove("shop", "1.1.0", ada.Sign(t, "shop", "1.1.0", shopChart(t, "shop", "1.1.0")))
	h.wait(t, chart, synced("1.1.0"))
	h.wait(t, needs, synced(git.Head(t)))
	h.WaitFor(t, "v1", "ConfigMap", h.target, needs, field("1.1.0", "data", "version"))

	keys("")
	for _, name := range []string{chart, needs} {
		h.wait(t, name, unknown("none of the 0 keys that are trusted has signed it"))
	}
}
