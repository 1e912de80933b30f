package cluster_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// chart is a chart that puts .Values.colour into a ConfigMap.
func chart(name string) map[string]string {
	return map[string]string{
		"chart/Chart.yaml":         "apiVersion: v2\nname: c\nversion: 1.0.0\n",
		"chart/values.yaml":        "colour: none\n",
		"chart/templates/cm.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {colour: {{ .Values.colour }}}\n",
		"plain/other.yaml":         named("plain", ""),
		"environments/unused.yaml": "a: b\n",
	}
}

// revisionsAre checks for Synced at these commits.
func revisionsAre(commits ...string) func(*v1alpha1.Application) string {
	return func(a *v1alpha1.Application) string {
		if wrong := synced("")(a); wrong != "" {
			return wrong
		}
		if !slices.Equal(a.Status.Sync.Revisions, commits) {
			return fmt.Sprintf("at %v and not at %v", a.Status.Sync.Revisions, commits)
		}
		return ""
	}
}

func TestSeveralSources(t *testing.T) {
	h := start(t)
	charts := h.git.Repo(t, "charts", chart("from-chart"))
	values := h.git.Repo(t, "values", map[string]string{"environments/prod.yaml": "colour: blue\n", "environments/test.yaml": "colour: grey\n", "extra/cm.yaml": named("extra", "")})
	old := charts.Head(t)
	charts.Tag(t, "v1", old)
	head := charts.Commit(t, map[string]string{"plain/other.yaml": strings.Replace(named("plain", ""), "a: b", "a: new", 1), "chart/templates/cm.yaml": "{{ fail \"only the tag is sound\" }}\n"}, "The chart is broken on main")
	name := h.name("sources")
	spec := fmt.Sprintf(`{"source": null, "sources": [
		{"name": "chart", "repoURL": %[1]q, "path": "chart", "targetRevision": "v1", "helm": {"valueFiles": ["$values/environments/prod.yaml"]}},
		{"name": "values", "repoURL": %[2]q, "targetRevision": "main", "ref": "values", "path": "extra"},
		{"name": "plain", "repoURL": %[1]q, "path": "plain", "targetRevision": "main"}]}`, charts.URL, values.URL)
	h.apply(t, app{name: name, repo: charts.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: spec})
	a := h.wait(t, name, revisionsAre(old, values.Head(t), head)) // the same repository at two revisions at once
	if got := fmt.Sprint(a.Status.SourceTypes); got != "[Helm Directory Directory]" || a.Status.SourceType != "" || a.Status.Sync.Revision != "" {
		t.Errorf("types %s, type %q, revision %q", got, a.Status.SourceType, a.Status.Sync.Revision)
	}
	for object, want := range map[string][3]string{"from-chart": {"blue", "data", "colour"}, "plain": {"new", "data", "a"}, "extra": {"b", "data", "a"}} {
		o := h.Get(t, "v1", "ConfigMap", h.target, object)
		if o == nil {
			t.Fatalf("%s is missing", object)
		}
		if err := field(want[0], want[1], want[2])(o); err != nil {
			t.Errorf("%s: %v", object, err)
		}
	}
	entry := a.Status.History[len(a.Status.History)-1]
	if !slices.Equal(entry.Revisions, a.Status.Sync.Revisions) || len(entry.Sources) != 3 || entry.Sources[0].Name != "chart" || entry.Revision != "" {
		t.Errorf("history %+v", entry)
	}

	// a commit in the repository of the values is deployed, and only when a file that was read changes
	rendered := h.metric(t, `hawser_render_total{result="miss"`)
	unread := values.Commit(t, map[string]string{"environments/test.yaml": "colour: black\n"}, "Another environment")
	h.hook(t, values.URL)
	h.wait(t, name, revisionsAre(old, unread, head))
	if now := h.metric(t, `hawser_render_total{result="miss"`); now != rendered {
		t.Errorf("%v renders for a file that nobody read", now-rendered)
	}
	read := values.Commit(t, map[string]string{"environments/prod.yaml": "colour: red\n"}, "Red")
	h.hook(t, values.URL)
	h.wait(t, name, revisionsAre(old, read, head))
	h.WaitFor(t, "v1", "ConfigMap", h.target, "from-chart", field("red", "data", "colour"))

	// one source that fails: all is Unknown, nothing is pruned, and the error names it
	charts.Commit(t, map[string]string{"plain/other.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain\n"}, "Not YAML")
	h.hook(t, charts.URL)
	h.wait(t, name, condition(v1alpha1.ConditionComparisonError, "other.yaml"))
	time.Sleep(time.Second)
	if a := h.get(t, name); a.Status.Sync.Status != v1alpha1.SyncStatusUnknown || h.Get(t, "v1", "ConfigMap", h.target, "plain") == nil {
		t.Errorf("status %s", a.Status.Sync.Status)
	}

	// to given revisions of each source
	a = h.sync(t, name, fmt.Sprintf(`"revisions":[%q,%q,%q]`, old, unread, head))
	if op := a.Status.OperationState; op.Phase != v1alpha1.OperationSucceeded || !slices.Equal(op.SyncResult.Revisions, []string{old, unread, head}) {
		t.Errorf("operation %s at %v", phase(a), op.SyncResult.Revisions)
	}
	h.WaitFor(t, "v1", "ConfigMap", h.target, "from-chart", field("blue", "data", "colour"))
}

func TestReferencesThatLeadNowhere(t *testing.T) {
	h := start(t)
	repo := h.git.Repo(t, "refs", chart("from-chart"))
	values := h.git.Repo(t, "refvalues", map[string]string{"prod.yaml": "colour: blue\n"})
	for file, want := range map[string][]string{
		"$nowhere/prod.yaml":   {"there is no source with ref: nowhere"},
		"$values/missing.yaml": {"missing.yaml"},
		"$values/../x.yaml":    {".."},
	} {
		short := strings.Trim(strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, file), "-")
		name := h.name(short)
		h.apply(t, app{name: name, repo: repo.URL, path: ".", extra: fmt.Sprintf(`{"source": null, "sources": [{"repoURL": %q, "path": "chart", "helm": {"valueFiles": [%q]}}, {"repoURL": %q, "ref": "values"}]}`, repo.URL, file, values.URL)})
		h.wait(t, name, condition(v1alpha1.ConditionComparisonError, want...))
	}
	// the same object from two sources: the later one counts, and a condition says so
	twice := h.git.Repo(t, "twice", map[string]string{"one/cm.yaml": coloured("blue"), "two/cm.yaml": coloured("red")})
	name := h.name("twice")
	h.apply(t, app{name: name, repo: twice.URL, path: ".", auto: "{}", extra: fmt.Sprintf(`{"source": null, "sources": [{"repoURL": %[1]q, "path": "one"}, {"repoURL": %[1]q, "path": "two"}]}`, twice.URL)})
	h.wait(t, name, synced(""))
	h.wait(t, name, condition(v1alpha1.ConditionRepeatedResourceWarning, "settings appeared 2 times among application resources."))
	if err := field("red", "data", "colour")(h.Get(t, "v1", "ConfigMap", h.target, "settings")); err != nil {
		t.Error(err)
	}
}
