package cluster_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/gittest"
)

// applySources creates or changes an Application with a list of sources, given as YAML flow.
func (h *hawser) applySources(t *testing.T, name, project, auto string, sources ...string) {
	t.Helper()
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: %s}, spec: {project: %s, sources: [%s],
  destination: {server: "https://kubernetes.default.svc", namespace: %s}, syncPolicy: {automated: %s}}}`, name, project, strings.Join(sources, ", "), h.target, auto))
}

// syncedAt checks for Synced at these commits, one for each source, and Healthy.
func syncedAt(commits ...string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		if wrong := synced("")(a); wrong != "" {
			return wrong
		}
		if !slices.Equal(a.Status.Sync.Revisions, commits) || a.Status.Sync.Revision != "" {
			return fmt.Sprintf("at %v and %q, not at %v", a.Status.Sync.Revisions, a.Status.Sync.Revision, commits)
		}
		return ""
	}
}

// valuesChart is a Helm chart with one ConfigMap that shows its values.
func valuesChart(name string) map[string]string {
	return map[string]string{
		name + "/Chart.yaml":  "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n",
		name + "/values.yaml": "colour: none\nmotd: ''\n",
		name + "/templates/cm.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  colour: {{ .Values.colour }}
  motd: {{ .Values.motd | quote }}
`,
	}
}

func release(name, more string) string {
	return fmt.Sprintf("helm: {releaseName: %s, %s}", name, more)
}

// The commonest use of several sources: a chart here, its values there. Each has its own commit in every place where
// people and their tools look, and a commit is rendered for exactly those applications that read what it changes.
func TestValuesFromAnotherRepository(t *testing.T) {
	h := start(t)
	charts := h.git.Repo(t, "charts", valuesChart("web"))
	values := h.git.Repo(t, "values", map[string]string{"one.yaml": "colour: blue\n", "two.yaml": "colour: red\n", "motd.txt": "hello", "own/cm.yaml": strings.Replace(configMap, "settings", "own", 1)})
	one, two := h.name("one"), h.name("two")
	for name, file := range map[string]string{one: "one", two: "two"} {
		h.applySources(t, name, "default", "{prune: true, selfHeal: true}",
			fmt.Sprintf("{repoURL: %q, path: web, targetRevision: main, name: chart, %s}", charts.URL, release(name, "valueFiles: [$values/"+file+".yaml], fileParameters: [{name: motd, path: $values/motd.txt}]")),
			fmt.Sprintf("{repoURL: %q, targetRevision: main, ref: values}", values.URL))
	}
	a := h.wait(t, one, syncedAt(charts.Head(t), values.Head(t)))
	h.wait(t, two, syncedAt(charts.Head(t), values.Head(t)))
	h.WaitFor(t, "v1", "ConfigMap", h.target, one, field("hello", "data", "motd"))
	if types := a.Status.SourceTypes; len(types) != 2 || types[0] != v1alpha1.SourceTypeHelm || types[1] != "" || a.Status.SourceType != "" {
		t.Errorf("sourceTypes %q, sourceType %q", types, a.Status.SourceType)
	}
	if to := a.Status.Sync.ComparedTo; len(to.Sources) != 2 || to.Sources[0].Name != "chart" || to.Sources[1].Ref != "values" || to.Source.RepoURL != "" {
		t.Errorf("comparedTo %+v", to)
	}
	if r := a.Status.OperationState.SyncResult; !slices.Equal(r.Revisions, a.Status.Sync.Revisions) || len(r.Sources) != 2 || r.Revision != "" {
		t.Errorf("syncResult %+v", r)
	}

	before := h.metric(t, `hawser_render_total{result="miss"`)
	commit := values.Commit(t, map[string]string{"one.yaml": "colour: green\n"}, "Green")
	h.hook(t, values.URL)
	a = h.wait(t, one, syncedAt(charts.Head(t), commit))
	h.refresh(t, two) // the commit does not concern it: it need not say so by itself
	h.wait(t, two, syncedAt(charts.Head(t), commit))
	h.WaitFor(t, "v1", "ConfigMap", h.target, one, field("green", "data", "colour"))
	if got := h.metric(t, `hawser_render_total{result="miss"`) - before; got != 1 {
		t.Errorf("%v applications were rendered for a value file that one of them reads", got)
	}
	if n := len(a.Status.History); n != 2 || !slices.Equal(a.Status.History[1].Revisions, a.Status.Sync.Revisions) || len(a.Status.History[1].Sources) != 2 || a.Status.History[1].Revision != "" {
		t.Errorf("history %+v", a.Status.History)
	}
	if story := h.story(one); !strings.Contains(story, commit[:7]+" rendered: 1 objects (Green)") {
		t.Errorf("the story does not tell of the commit that was rendered:\n%s", story)
	}

	// a ref with a path of its own is both: its files are lent, and its manifests are the application's
	h.applySources(t, one, "default", "{prune: true, selfHeal: true}",
		fmt.Sprintf("{repoURL: %q, path: web, targetRevision: main, %s}", charts.URL, release(one, "valueFiles: [$values/two.yaml]")),
		fmt.Sprintf("{repoURL: %q, path: own, targetRevision: main, ref: values}", values.URL))
	h.WaitFor(t, "v1", "ConfigMap", h.target, one, field("red", "data", "colour"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "own", field("blue", "data", "colour"))
	a = h.wait(t, one, syncedAt(charts.Head(t), commit))
	if types := a.Status.SourceTypes; len(types) != 2 || types[1] != v1alpha1.SourceTypeDirectory {
		t.Errorf("sourceTypes %q", types)
	}
}

// One repository at several revisions at once: nothing is checked out, so that none waits for another.
func TestOneRepositoryAtSeveralRevisions(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "all-in-one", valuesChart("web"))
	old := repo.Head(t)
	repo.Tag(t, "v1.0.0", old)
	values := valuesChart("web")
	values["web/templates/cm.yaml"] = strings.Replace(values["web/templates/cm.yaml"], "data:", "data:\n  chart: new", 1)
	values["env/prod.yaml"], values["extra/cm.yaml"] = "colour: blue\n", configMap
	repo.Commit(t, values, "A newer chart, and values")
	name := h.name("several")
	h.applySources(t, name, "default", "{prune: true, selfHeal: true}",
		fmt.Sprintf("{repoURL: %q, path: web, targetRevision: '1.*', tagPrefix: v, %s}", repo.URL, release(name, "valueFiles: [$env/env/prod.yaml]")),
		fmt.Sprintf("{repoURL: %q, targetRevision: main, ref: env}", repo.URL),
		fmt.Sprintf("{repoURL: %q, path: extra, targetRevision: main}", repo.URL))
	h.wait(t, name, syncedAt(old, repo.Head(t), repo.Head(t)))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("blue", "data", "colour"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("<nil>", "data", "chart"))
}

// Two sources of one branch are at one commit, even when somebody pushes between the two being resolved.
func TestOneBranchIsOneCommit(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "moving", map[string]string{"a/cm.yaml": configMap, "b/cm.yaml": strings.Replace(configMap, "settings", "more", 1)})
	first := repo.Head(t)
	second := repo.Commit(t, map[string]string{"a/cm.yaml": strings.Replace(configMap, "blue", "green", 1)}, "Green")
	const ref = "refs/pull/7/head" // such a ref is fetched whenever it is resolved
	repo.Git(t, "update-ref", ref, first)
	var pushes atomic.Int32
	h.git.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
			if bytes.Contains(body, []byte("ref-prefix "+ref)) && pushes.Load() < 8 {
				repo.Git(t, "update-ref", ref, []string{second, first}[pushes.Load()%2])
				pushes.Add(1)
			}
		})
	})
	name := h.name("moving")
	at := func(path string) string {
		return fmt.Sprintf("{repoURL: %q, path: %s, targetRevision: %s}", repo.URL, path, ref)
	}
	h.applySources(t, name, "default", "{prune: true, selfHeal: true}", at("a"), at("b"))
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if pushes.Load() < 8 {
			h.refresh(t, name)
			return "not pushed to often enough"
		}
		return synced("")(a)
	})
	for _, e := range h.get(t, name).Status.History {
		if len(e.Revisions) != 2 || e.Revisions[0] != e.Revisions[1] {
			t.Errorf("deployed one branch at two commits: %v", e.Revisions)
		}
	}
}

// A comparison waits for all sources. One that fails makes the application Unknown, says which it is, and nothing is
// pruned for want of it.
func TestASourceThatFailsPrunesNothing(t *testing.T) {
	h := start(t)
	base := h.git.Repo(t, "base", map[string]string{"app/cm.yaml": configMap})
	other := gittest.New(t)
	addon := other.Repo(t, "addon", map[string]string{"app/cm.yaml": strings.Replace(configMap, "settings", "addon", 1), "values.yaml": "colour: blue\n"})
	name := h.name("waits")
	h.applySources(t, name, "default", "{prune: true, selfHeal: true, allowEmpty: true}",
		fmt.Sprintf("{repoURL: %q, path: app, targetRevision: main}", base.URL),
		fmt.Sprintf("{repoURL: %q, path: app, targetRevision: main, name: addon}", addon.URL))
	h.wait(t, name, syncedAt(base.Head(t), addon.Head(t)))
	was := []string{base.Head(t), addon.Head(t)}

	other.Down(true)
	base.Commit(t, map[string]string{"app/cm.yaml": "", "app/other.yaml": strings.Replace(configMap, "settings", "renamed", 1)}, "Rename")
	h.hook(t, base.URL)
	h.hook(t, addon.URL)
	a := h.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown {
			return "not Unknown"
		}
		return condition(v1alpha1.ConditionComparisonError, "source 2 of 2 (addon)")(a)
	})
	if !slices.Equal(a.Status.Sync.Revisions, was) {
		t.Errorf("shown at %v, last compared with %v", a.Status.Sync.Revisions, was)
	}
	never(t, time.Second, func() string {
		for _, cm := range []string{"settings", "addon"} {
			if h.Get(t, "v1", "ConfigMap", h.target, cm) == nil {
				return cm + " was pruned"
			}
		}
		if h.Get(t, "v1", "ConfigMap", h.target, "renamed") != nil {
			return "half of the sources was deployed"
		}
		return ""
	})
	other.Down(false)
	h.refresh(t, name)
	h.wait(t, name, syncedAt(base.Head(t), addon.Head(t)))
	h.WaitGone(t, "v1", "ConfigMap", h.target, "settings")
}

func TestMistakesInSourcesAreSaid(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "mistakes", valuesChart("web"))
	secret := h.git.Repo(t, "of-others", map[string]string{"values.yaml": "colour: stolen\n"})
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: narrow}, spec: {sourceRepos: [%q], destinations: [{server: '*', namespace: '*'}]}}`, repo.URL))
	web := func(values string) string {
		return fmt.Sprintf("{repoURL: %q, path: web, targetRevision: main, %s}", repo.URL, release("mistake", "valueFiles: ["+values+"]"))
	}
	ref := func(url, name string) string {
		return fmt.Sprintf("{repoURL: %q, targetRevision: main, ref: %s}", url, name)
	}
	for short, c := range map[string]struct {
		kind    v1alpha1.ApplicationConditionType
		project string
		sources []string
		words   []string
	}{
		"unknown":  {v1alpha1.ConditionComparisonError, "default", []string{web("$vals/x.yaml"), ref(repo.URL, "values"), ref(repo.URL, "more")}, []string{"source 1 of 3 (web)", "no source with ref: vals", "there are: more, values"}},
		"climbs":   {v1alpha1.ConditionComparisonError, "default", []string{web("$values/../../x.yaml"), ref(repo.URL, "values")}, []string{"outside repository root"}},
		"missing":  {v1alpha1.ConditionComparisonError, "default", []string{web("$values/nothing.yaml"), ref(repo.URL, "values")}, []string{"$values/nothing.yaml: no such file or directory"}},
		"twice":    {v1alpha1.ConditionInvalidSpecError, "default", []string{web("$values/x.yaml"), ref(repo.URL, "values"), ref(secret.URL, "values")}, []string{"source 3 of 3: ref values is the name of source 2 already"}},
		"chart":    {v1alpha1.ConditionInvalidSpecError, "default", []string{web("$values/x.yaml"), fmt.Sprintf("{repoURL: %q, chart: web, targetRevision: 1.0.0, ref: values}", repo.URL)}, []string{"source 2 of 2: a chart cannot be a ref"}},
		"lenders":  {v1alpha1.ConditionInvalidSpecError, "default", []string{ref(repo.URL, "values")}, []string{"no source has manifests"}},
		"project":  {v1alpha1.ConditionInvalidSpecError, "narrow", []string{web("$values/values.yaml"), ref(secret.URL, "values")}, []string{"application repo " + secret.URL + " is not permitted in project 'narrow'"}},
		"revision": {v1alpha1.ConditionComparisonError, "default", []string{web(""), fmt.Sprintf("{repoURL: %q, targetRevision: nowhere, ref: values}", repo.URL)}, []string{"source 2 of 2 (values)", "nowhere"}},
	} {
		t.Run(short, func(t *testing.T) {
			name := h.name(short)
			h.applySources(t, name, c.project, "{prune: true}", c.sources...)
			a := h.wait(t, name, condition(c.kind, c.words...))
			if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown || a.Status.OperationState != nil {
				t.Errorf("sync %s, operation %s", a.Status.Sync.Status, phase(a))
			}
		})
	}
	if h.Get(t, "v1", "ConfigMap", h.target, "mistake") != nil {
		t.Error("something was deployed")
	}
}

// Of an object that two sources have the last one counts, and a warning names it; what .argocd-source files say counts
// for the source in whose folder they are.
func TestTheLastSourceWinsAndOverridesAreTheFoldersOwn(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "layers", map[string]string{
		"a/cm.yaml": configMap, "b/cm.yaml": strings.Replace(configMap, "blue", "green", 1), "c/cm.yaml": strings.Replace(configMap, "blue", "red", 1),
		"k/kustomization.yaml": "resources: [cm.yaml]\n", "k/cm.yaml": strings.Replace(configMap, "settings", "kust", 1), "k/.argocd-source.yaml": "kustomize: {nameSuffix: -over}\n",
	})
	name := h.name("layers")
	at := func(path string) string {
		return fmt.Sprintf("{repoURL: %q, path: %s, targetRevision: main}", repo.URL, path)
	}
	h.applySources(t, name, "default", "{prune: true, selfHeal: true}", at("a"), at("k"), at("b"), at("c"))
	head := repo.Head(t)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if wrong := syncedAt(head, head, head, head)(a); wrong != "" {
			return wrong
		}
		return condition(v1alpha1.ConditionRepeatedResourceWarning, "Resource /ConfigMap/"+h.target+"/settings appeared 3 times among application resources.", "c/cm.yaml:1 of source 4 of 4 (c)")(a)
	})
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("red", "data", "colour"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "kust-over", field("blue", "data", "colour"))
	h.applySources(t, name, "default", "{prune: true, selfHeal: true}", at("c"), at("k"), at("b"), at("a"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "settings", field("blue", "data", "colour"))
}

func TestSyncOfSeveralSourcesToGivenRevisions(t *testing.T) {
	h := start(t)
	charts := h.git.Repo(t, "charts-at", valuesChart("web"))
	values := h.git.Repo(t, "values-at", map[string]string{"v.yaml": "colour: blue\n"})
	name := h.name("given")
	sources := []string{
		fmt.Sprintf("{repoURL: %q, path: web, targetRevision: main, %s}", charts.URL, release(name, "valueFiles: [$values/v.yaml]")),
		fmt.Sprintf("{repoURL: %q, targetRevision: main, ref: values}", values.URL)}
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: %s}, spec: {project: default, sources: [%s], destination: {server: "https://kubernetes.default.svc", namespace: %s}}}`, name, strings.Join(sources, ", "), h.target))
	c1, v1 := charts.Head(t), values.Head(t)
	h.wait(t, name, outOfSync)
	h.sync(t, name, "")
	h.wait(t, name, syncedAt(c1, v1))
	v2 := values.Commit(t, map[string]string{"v.yaml": "colour: green\n"}, "Green")
	h.hook(t, values.URL)
	h.wait(t, name, func(a *v1alpha1.Application) string {
		if !slices.Equal(a.Status.Sync.Revisions, []string{c1, v2}) {
			return "the newer values are not seen"
		}
		return outOfSync(a)
	})
	h.sync(t, name, `"revisions":["",""]`)
	a := h.wait(t, name, syncedAt(c1, v2))
	if r := a.Status.OperationState.SyncResult; !slices.Equal(r.Revisions, []string{c1, v2}) {
		t.Errorf("revisions %v", r.Revisions)
	}

	a = h.sync(t, name, fmt.Sprintf(`"revisions":[%q,%q]`, c1, v1))
	if r := a.Status.OperationState.SyncResult; a.Status.OperationState.Phase != v1alpha1.OperationSucceeded || !slices.Equal(r.Revisions, []string{c1, v1}) || len(r.Sources) != 2 {
		t.Errorf("%s: %+v", phase(a), r)
	}
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("blue", "data", "colour"))
	h.wait(t, name, outOfSync)
	if n := len(a.Status.History); !slices.Equal(a.Status.History[n-1].Revisions, []string{c1, v1}) {
		t.Errorf("history %+v", a.Status.History)
	}

	// a rollback names sources and revisions of an entry of the history
	last := a.Status.History[1]
	h.sync(t, name, fmt.Sprintf(`"revisions":[%q,%q],"sources":[{"repoURL":%q,"path":"web","targetRevision":"main","helm":{"releaseName":%q,"valueFiles":["$values/v.yaml"],"parameters":[{"name":"motd","value":"back"}]}},{"repoURL":%q,"targetRevision":"main","ref":"values"}]`,
		last.Revisions[0], last.Revisions[1], charts.URL, name, values.URL))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("green", "data", "colour"))
	h.WaitFor(t, "v1", "ConfigMap", h.target, name, field("back", "data", "motd"))

	for fields, words := range map[string]string{
		fmt.Sprintf(`"revision":%q`, v1):                    "names 1 revisions for 2 sources",
		fmt.Sprintf(`"revisions":[%q,%q,%q]`, c1, v1, v1):   "names 3 revisions for 2 sources",
		fmt.Sprintf(`"revisions":[%q,%q]`, c1, "no-branch"): "source 2 of 2 (values)",
	} {
		a := h.sync(t, name, fields)
		if a.Status.OperationState.Phase != v1alpha1.OperationError || !strings.Contains(a.Status.OperationState.Message, words) {
			t.Errorf("%s: %s", fields, phase(a))
		}
	}
}

// What a controller writes into an object of ours costs one comparison of that object: no render, no contact with Git,
// no write. So nothing need be said about which updates to ignore.
func TestUpdatesByControllersCostNoRenderAndNoWrite(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "busy", map[string]string{"web.yaml": deployment, "cm.yaml": configMap})
	name := h.name("busy")
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, synced(repo.Head(t)))
	time.Sleep(2 * time.Second) // the look after the sync is over
	renders, contacts, before := h.metric(t, "hawser_render_total"), h.git.Requests(), h.get(t, name)
	for i := range 40 {
		h.Patch(t, "some-controller", "v1", "ConfigMap", h.target, "settings", fmt.Sprintf(`{"metadata":{"annotations":{"example.com/heartbeat":"%d"}}}`, i))
	}
	time.Sleep(time.Second)
	if got := h.metric(t, "hawser_render_total") - renders; got != 0 {
		t.Errorf("%v renders were asked for", got)
	}
	if got := h.git.Requests(); got != contacts {
		t.Errorf("Git was asked: %+v, before %+v", got, contacts)
	}
	if after := h.get(t, name); after.ResourceVersion != before.ResourceVersion || after.Status.Sync.Status != v1alpha1.SyncStatusSynced {
		t.Errorf("the Application was written: %s, before %s\n%s", after.ResourceVersion, before.ResourceVersion, h.story(name))
	}
}
