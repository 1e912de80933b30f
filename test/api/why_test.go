package api_test

import (
	"fmt"
	"testing"
)

// TestWhyAndCommits asks what is true of an application that drifted and of one that is well, and for the commits that
// concern it: not those of its neighbours in the repository.
func TestWhyAndCommits(t *testing.T) {
	h := start(t, nil, account{"reader", []string{"applications, get, */*, allow"}}, account{"stranger", nil})
	target := h.Namespace(t)
	settings := func(level string) map[string]string {
		return map[string]string{"app/settings.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {LEVEL: " + level + "}}\n"}
	}
	repo := h.git.Repo(t, "config", settings("info"))
	repo.Author = "Ada Lovelace <ada@example.com>"
	first := repo.Head(t)
	h.Apply(t, h.control, fmt.Sprintf(`
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web}
spec:
  project: default
  source: {repoURL: %q, path: app, targetRevision: main}
  destination: {server: https://kubernetes.default.svc, namespace: %s}
  syncPolicy: {automated: {}}
`, repo.URL, target))
	const app = "/api/v1/applications/web"
	h.eventually(t, "reader", app, `"phase":"Succeeded"`)
	h.eventually(t, "reader", app, `"sync":{"status":"Synced"`)
	h.run(t, []scenario{
		{who: "reader", path: app + "/why", says: []string{`"state":"Well"`, "Its one object matches and is healthy.", `"commit":"` + first, `"name":"last change"`}, soon: true},
		{who: "stranger", path: app + "/why", status: 403},
		{who: "stranger", path: app + "/commits", status: 403},
	})

	second := repo.Commit(t, settings("warn"), "Say less\n\nIt was too much.")
	repo.Commit(t, map[string]string{"other/x.yaml": "x"}, "Change a neighbour")
	head := repo.Commit(t, map[string]string{"app/README.md": "Hello"}, "Explain")
	h.run(t, []scenario{{who: "admin", path: app + "?refresh=normal"}})
	h.eventually(t, "reader", app, `"sync":{"status":"Synced","comparedTo"`)
	h.eventually(t, "reader", app, `"revision":"`+head+`"`)
	commits := app + "/commits?from=" + first
	h.run(t, []scenario{
		{who: "reader", path: commits, says: []string{second, `"subject":"Say less"`, "Ada Lovelace", "Explain"}, lacks: []string{"neighbour", "too much", `"more"`}},
		{who: "reader", path: commits + "&limit=1", says: []string{"Explain", `"more":true`}, lacks: []string{"Say less"}},
		{who: "reader", path: commits + "&kind=ConfigMap&resourceName=settings&namespace=" + target, says: []string{"Say less"}, lacks: []string{"Explain"}},
		{who: "reader", path: commits + "&to=" + first, lacks: []string{"subject"}},
		{who: "reader", path: app + "/commits?from=--all", status: 400},
		{who: "reader", path: app + "/commits?sourceIndex=1", status: 400, says: []string{"source index 1 not found"}},
	})

	h.Patch(t, "kubectl-edit", "v1", "ConfigMap", target, "settings", `{"data":{"LEVEL":"debug"}}`)
	h.run(t, []scenario{
		{who: "reader", path: app + "/why", soon: true, says: []string{
			`"state":"Differs"`, `One object differs from Git: ConfigMap/settings (data.LEVEL \"warn\" → \"debug\" by kubectl-edit, `,
			`"manager":"kubectl-edit"`, `"git":"\"warn\""`, `"live":"\"debug\""`,
		}},
	})
	h.same(t, "stranger", "GET", "/api/v1/applications/NAME/why", "web", "none", nil)
	h.same(t, "stranger", "GET", "/api/v1/applications/NAME/commits", "web", "none", nil)
}
