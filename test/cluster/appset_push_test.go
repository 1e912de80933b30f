package cluster_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/clustertest"
)

// figure reads one line of the metrics; 0 when there is none.
func (h *hawser) figure(t *testing.T, line string) (n int) {
	t.Helper()
	answer, err := http.Get("http://" + h.addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(l, line+" "); ok {
			fmt.Sscan(rest, &n)
		}
	}
	return n
}

// Of three sets over a repository of 1,000 folders, a push evaluates the one that reads what changed, and touches one
// application. What sets show of their applications follows these at once.
func TestSetIsOnlyEvaluatedForWhatItReads(t *testing.T) {
	h := start(t)
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("teams/t%d/s%03d/config.yaml", i%2, i)] = fmt.Sprintf("{name: s%03d, live: %q, label: one}\n", i, map[bool]string{true: "yes", false: "no"}[i < 6])
	}
	repo := h.git.Repo(t, "apps", files)
	set := func(name, generator string) string {
		return fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, metadata: {name: %s}, spec: {goTemplate: true, generators: [%s],
  template: {metadata: {name: '%s-{{ .name | default .path.basename }}', labels: {label: '{{ .label | default "none" }}'}}, spec: {project: default, source: {repoURL: %q, targetRevision: main, path: '{{ .path.path }}'}, destination: {server: "https://kubernetes.default.svc", namespace: %s}}}}}`,
			name, generator, name, repo.URL, h.target)
	}
	git := func(what, selector string) string {
		return fmt.Sprintf("{git: {repoURL: %q, revision: main, %s}, selector: %s}", repo.URL, what, selector)
	}
	h.Apply(t, h.control, set("even", git(`files: [{path: "teams/t0/*.yaml"}]`, `{matchLabels: {live: "yes"}}`)))
	h.Apply(t, h.control, set("odd", git(`files: [{path: "teams/t1/*.yaml"}]`, `{matchLabels: {live: "yes"}}`)))
	h.Apply(t, h.control, set("folders", git(`directories: [{path: "teams/*/*"}]`, `{matchLabels: {path.basename: s001}}`)))
	h.madeBy(t, "even", "s000", "s002", "s004")
	h.madeBy(t, "odd", "s001", "s003", "s005")
	h.madeBy(t, "folders", "s001")
	for _, s := range []string{"even", "odd", "folders"} {
		h.waitSaid(t, s, "ResourcesUpToDate=True")
	}
	evaluated := func(s string) int {
		return h.figure(t, fmt.Sprintf(`hawser_applicationset_evaluations_total{name=%q,namespace=%q}`, s, h.control))
	}
	before := map[string]int{"even": evaluated("even"), "odd": evaluated("odd"), "folders": evaluated("folders")}
	if before["even"] == 0 {
		t.Fatal("the figure is not there")
	}
	repo.Commit(t, map[string]string{"teams/t0/s002/config.yaml": "{name: s002, live: \"yes\", label: two}\n"}, "Change one file")
	h.hook(t, repo.URL)
	label := func(app string) {
		t.Helper()
		clustertest.Wait(t, "the label of "+app, func(context.Context) error {
			if got := h.get(t, app).Labels["label"]; got != "two" {
				return fmt.Errorf("it is %q", got)
			}
			return nil
		})
	}
	counts := func(want string) {
		t.Helper()
		var got []string
		for _, s := range []string{"even", "odd", "folders"} {
			got = append(got, fmt.Sprint(s, "=", evaluated(s)-before[s]))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("sets were evaluated %s times, not %s", text, want)
		}
	}
	label("even-s002")
	counts("even=1 odd=0 folders=0")
	// a second push: by the time that it is done with, all sets have heard of the first
	repo.Commit(t, map[string]string{"teams/t1/s001/config.yaml": "{name: s001, live: \"yes\", label: two}\n"}, "Change another")
	h.hook(t, repo.URL)
	label("odd-s001")
	counts("even=1 odd=1 folders=0")
	if got := h.figure(t, fmt.Sprintf(`hawser_applicationset_applications_total{action="update",name="even",namespace=%q}`, h.control)); got != 1 {
		t.Errorf("%d applications were touched", got)
	}

	// what a set shows of its applications is what they say
	clustertest.Wait(t, "the resources of even", func(context.Context) error {
		for _, r := range h.setOf(t, "even").Status.Resources {
			if app := h.get(t, r.Name); r.Status != app.Status.Sync.Status || r.Health == nil || r.Health.Status != app.Status.Health.Status {
				return fmt.Errorf("%+v of %s %s", r, app.Status.Sync.Status, app.Status.Health.Status)
			}
		}
		return nil
	})
}
