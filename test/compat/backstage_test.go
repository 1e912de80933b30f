package compat_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/hawser-cd/hawser/internal/clustertest"
)

// roadie is an application as Roadie's scaffolder makes one, and community as the community plugin's action does, whose
// finalizer has a letter too many.
func (h *house) roadie(name, repo, path string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"labels":{"backstage-name":%[1]q},"finalizers":["resources-finalizer.argocd.argoproj.io"]},"spec":{
 "destination":{"namespace":%q,"server":"https://kubernetes.default.svc"},"project":"default","revisionHistoryLimit":10,
 "source":{"path":%q,"repoURL":%q},"syncPolicy":{"automated":{"allowEmpty":true,"prune":true,"selfHeal":true},
 "retry":{"backoff":{"duration":"5s","factor":2,"maxDuration":"5m"},"limit":10},"syncOptions":["CreateNamespace=false","FailOnSharedResource=true","ServerSideApply=true"]}}}`, name, h.target, path, repo)
}

func (h *house) community(name, repo, path string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"labels":{"backstage":"yes"},"finalizers":["resources-finalizers.argocd.argoproj.io"]},"spec":{
 "destination":{"namespace":%q,"server":"https://kubernetes.default.svc"},"project":"default",
 "source":{"path":%q,"repoURL":%q},"syncPolicy":{"automated":{"enabled":true,"prune":true,"selfHeal":true}}}}`, name, h.target, path, repo)
}

// strict is what is wrong with a list of applications in the eyes of Roadie's decoder, which knows no null where a field
// may be absent, and gives up on the whole card.
func strict(list map[string]any) (faults []string) {
	at := func(v any, path string) (any, bool) {
		for step := range strings.SplitSeq(path, ".") {
			m, ok := v.(map[string]any)
			if !ok {
				return nil, false
			}
			if v, ok = m[step]; !ok {
				return nil, false
			}
		}
		return v, true
	}
	text := func(v any, path string, required bool) {
		got, there := at(v, path)
		if _, isText := got.(string); there && !isText || !there && required {
			faults = append(faults, fmt.Sprintf("%s is %v", path, got))
		}
	}
	items, isList := list["items"].([]any)
	if v, there := list["items"]; !there || v != nil && !isList {
		faults = append(faults, "items is no list")
	}
	for _, app := range items {
		for _, path := range []string{"metadata.name", "metadata.namespace", "metadata.uid", "status.sync.status", "status.health.status"} {
			text(app, path, true)
		}
		if op, there := at(app, "status.operationState"); there {
			text(op, "startedAt", true)
			text(op, "finishedAt", false)
		}
		history, there := at(app, "status.history")
		if _, isList := history.([]any); there && !isList {
			faults = append(faults, fmt.Sprintf("status.history is %v", history))
		}
		for _, entry := range append([]any{}, historyOf(history)...) {
			if id, there := at(entry, "id"); there {
				if _, isNumber := id.(float64); !isNumber {
					faults = append(faults, fmt.Sprintf("history.id is %v", id))
				}
			}
			for _, path := range []string{"revision", "deployStartedAt", "deployedAt"} {
				text(entry, path, false)
			}
		}
	}
	return faults
}

func historyOf(v any) []any { list, _ := v.([]any); return list }

func TestBackstage(t *testing.T) {
	h := start(t, options{})
	repo := h.git.Repo(t, "web", repositories["web"])
	reader := h.login(t, "alice")
	proxied := func(path string) answered { // through Backstage's proxy
		return h.ask(t, asked{path: path, header: http.Header{"Cookie": {"argocd.token=" + reader}}})
	}

	// the session
	if a := h.ask(t, asked{verb: "POST", path: "/api/v1/session", body: `{"username":"admin","password":"wrong"}`, nobody: true}); a.status != 401 {
		t.Errorf("a wrong password: %d %s", a.status, a.body)
	}

	// projects
	team := func(repo string) string {
		return `{"project":{"metadata":{"name":"team","resourceVersion":""},"spec":{"destinations":[{"name":"local","namespace":"` + h.target + `","server":"https://kubernetes.default.svc"}],"sourceRepos":["` + repo + `"]}}}`
	}
	h.send(t, "POST", "/api/v1/projects", team(repo.URL), 200)
	h.send(t, "POST", "/api/v1/projects", team(repo.URL), 200)
	refused := into[struct{ Error, Message string }](t, h.send(t, "POST", "/api/v1/projects", team("https://git.example.org/other"), 400))
	if !strings.Contains(refused.Message, "existing project spec is different") || refused.Error != refused.Message {
		t.Errorf("another spec: %+v", refused)
	}
	version := into[unstructured.Unstructured](t, withKind(h.get(t, "/api/v1/projects/team", 200), "AppProject"))
	h.send(t, "PUT", "/api/v1/projects/team", strings.Replace(team("*"), `"resourceVersion":""`, `"resourceVersion":"`+version.GetResourceVersion()+`"`, 1), 200)
	h.send(t, "DELETE", "/api/v1/projects/team", "", 200)
	h.get(t, "/api/v1/projects/team", 404)

	// applications, and at once their lists: an application that nobody has looked at yet is in them
	h.send(t, "POST", "/api/v1/applications", h.roadie("web", repo.URL, "app"), 200)
	h.send(t, "POST", "/api/v1/applications", h.community("more", repo.URL, "more"), 200)
	lists := map[string][]string{
		"selector=backstage-name%3Dweb": {"web"}, "selector=backstage%3Dyes&appNamespace=": {"more"}, "name=more": {"more"}, "name=none": {},
		"project=default": {"more", "web"}, "project=none": {}, "selector=&project=&appNamespace=": {"more", "web"}, "appNamespace=" + h.control: {"more", "web"},
		"selector=backstage-name%3Dweb&appNamespace=" + h.control: {"web"}, "appNamespace=elsewhere": {},
	}
	check := func() {
		t.Helper()
		for query, want := range lists {
			path := "/api/v1/applications?" + query
			for door, a := range map[string]answered{"Bearer": h.ask(t, asked{path: path}), "Cookie": proxied(path)} {
				list := into[map[string]any](t, a.body)
				if faults := strict(list); a.status != 200 || len(faults) > 0 {
					t.Errorf("%s %s: %d %v in %s", door, query, a.status, faults, a.body)
				}
				var names []string
				for _, app := range historyOf(list["items"]) {
					names = append(names, app.(map[string]any)["metadata"].(map[string]any)["name"].(string))
				}
				if strings.Join(names, " ") != strings.Join(want, " ") {
					t.Errorf("%s %s: %v, want %v", door, query, names, want)
				}
			}
		}
	}
	check()
	for _, name := range []string{"web", "more"} {
		h.eventually(t, "/api/v1/applications/"+name, has(200, `"health":{"status":"Healthy"`, `"phase":"Succeeded"`))
	}
	check()

	// one application
	one := proxied("/api/v1/applications/web?appNamespace=" + h.control)
	if faults := strict(map[string]any{"items": []any{into[any](t, one.body)}}); one.status != 200 || len(faults) > 0 {
		t.Errorf("one: %d %v in %s", one.status, faults, one.body)
	}
	for _, part := range []string{`"uid":"`, `"images":["example.org/web:1"]`, `"reconciledAt":"`, `"sourceType":"Directory"`, `"controllerNamespace":"` + h.control, `"revision":"` + repo.Head(t)} {
		if !strings.Contains(one.body, part) {
			t.Errorf("the application lacks %s: %s", part, one.body)
		}
	}
	if a := proxied("/api/v1/applications/web?appNamespace=&project=default"); a.status != 200 {
		t.Errorf("with a project: %d %s", a.status, a.body)
	}
	for _, query := range []string{"?appNamespace=", "?appNamespace=&sourceIndex=0"} {
		a := proxied("/api/v1/applications/web/revisions/" + repo.Head(t) + "/metadata" + query)
		meta := into[map[string]any](t, a.body)
		for _, field := range []string{"author", "date", "message"} {
			if _, isText := meta[field].(string); !isText {
				t.Errorf("revision metadata%s: %s is %v in %d %s", query, field, meta[field], a.status, a.body)
			}
		}
	}

	// what is not there is forbidden, so that nobody learns names by asking; who names the project is told
	for query, status := range map[string]int{"": 403, "?appNamespace=": 403, "?appNamespace=&project=": 403, "?project=default": 404} {
		if a := h.ask(t, asked{path: "/api/v1/applications/none" + query}); a.status != status {
			t.Errorf("none%s: %d %s", query, a.status, a.body)
		}
	}

	// changing, syncing, stopping
	h.send(t, "PUT", "/api/v1/applications/web", strings.Replace(h.roadie("web", repo.URL, "app"), `"limit":10`, `"limit":5`, 1), 200)
	h.eventually(t, "/api/v1/applications/web", func(a answered) error {
		if strings.Contains(a.body, `"operation":{"sync"`) && !strings.Contains(a.body, `"phase":"Succeeded"`) {
			return fmt.Errorf("an operation runs")
		}
		return nil
	})
	h.send(t, "POST", "/api/v1/applications/web/sync", `{"prune":false,"dryRun":false,"strategy":{"hook":{"force":true}},"resources":null}`, 200)
	h.eventually(t, "/api/v1/applications/web", func(a answered) error {
		app := into[struct {
			Operation *struct{}
			Status    struct {
				OperationState struct {
					Phase     string
					Operation struct{ InitiatedBy struct{ Username string } }
				}
			}
		}](t, a.body)
		if s := app.Status.OperationState; app.Operation != nil || s.Phase != "Succeeded" || s.Operation.InitiatedBy.Username != "admin" {
			return fmt.Errorf("%s", a.body)
		}
		return nil
	})
	if a := h.ask(t, asked{verb: "DELETE", path: "/api/v1/applications/web/operation"}); a.status != 400 || !strings.Contains(a.body, "No operation is in progress") {
		t.Errorf("nothing to stop: %d %s", a.status, a.body)
	}

	// deleting: the plugin asks until there is nothing
	h.send(t, "DELETE", "/api/v1/applications/web?cascade=true", "", 200)
	h.eventually(t, "/api/v1/applications/web", has(403, `"code":7`))
	h.WaitGone(t, "apps/v1", "Deployment", h.target, "web")

	// the finalizer with a letter too many strands nobody, and takes nothing along
	h.Delete(t, h.control, "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: more}}")
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, "more")
	if h.Get(t, "v1", "ConfigMap", h.target, "more") == nil {
		t.Error("what was deployed went with an application that did not ask for it")
	}
	h.send(t, "POST", "/api/v1/applications", h.community("more", repo.URL, "more"), 200)
	h.eventually(t, "/api/v1/applications/more", has(200, `"status":"Synced"`))
	h.send(t, "DELETE", "/api/v1/applications/more?cascade=true", "", 200)
	h.WaitGone(t, "argoproj.io/v1alpha1", "Application", h.control, "more")
	h.WaitGone(t, "v1", "ConfigMap", h.target, "more")
}

// withKind adds what unstructured.Unstructured wants to be told.
func withKind(body, kind string) string {
	return `{"apiVersion":"argoproj.io/v1alpha1","kind":"` + kind + `",` + strings.TrimPrefix(body, "{")
}

// A base URL that ends with a slash gives two of them, and there are callers who end a path with one.
func TestSlashes(t *testing.T) {
	h := start(t, options{rootPath: "/argo"})
	repo := h.git.Repo(t, "web", repositories["web"])
	h.send(t, "POST", "/api/v1/repositories", `{"repo":"`+repo.URL+`"}`, 200)
	for _, path := range []string{"//api/v1/applications", "/api/v1/applications/", "//api/v1/applications/?project=default", "//api/version", "/api/v1/projects/default/", "/argo//api/v1/applications", "/argo/api/v1/applications/"} {
		h.get(t, path, 200)
	}
	if a := h.ask(t, asked{verb: "POST", path: "//api/v1/session", body: `{"username":"admin","password":"` + password + `"}`, nobody: true}); a.status != 200 {
		t.Errorf("//api/v1/session: %d %s", a.status, a.body)
	}
	// a repository's URL in a path is escaped, and keeps its slashes
	clustertest.Wait(t, "the repository", func(context.Context) error {
		return has(200, `"repo":"`+repo.URL+`"`)(h.ask(t, asked{path: "/api/v1/repositories/" + url.PathEscape(repo.URL)}))
	})
	h.get(t, "/api/v1/repositories/"+url.PathEscape(repo.URL)+"/refs", 200)
}
