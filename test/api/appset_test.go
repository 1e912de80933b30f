package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// set is an ApplicationSet of a project, with more fields of its metadata.
func set(name, project, more string) string {
	return `{"metadata":{"name":"` + name + `"` + more + `},"spec":{"goTemplate":true,"generators":[{"list":{"elements":[{"a":"b"}]}}],` +
		`"template":{"metadata":{"name":"x"},"spec":{"project":"` + project + `","source":{"repoURL":"https://git.example/a","path":"x"},"destination":{"server":"https://kubernetes.default.svc","namespace":"there"}}}}}`
}

func TestApplicationSets(t *testing.T) {
	h := start(t, nil,
		account{"reader", []string{"applicationsets, get, shop/*, allow"}},
		account{"maker", []string{"applicationsets, get, shop/*, allow", "applicationsets, create, shop/*, allow"}},
		account{"owner", []string{"applicationsets, *, shop/*, allow"}},
		account{"elsewhere", []string{"applicationsets, *, default/*, allow"}},
		account{"auditor", []string{"applicationsets, get, */*, allow"}},
		account{"almost", []string{"applicationsets, get, */*, allow", "applicationsets, get, shop/*, deny"}},
		account{"nobody", nil})
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: shop}, spec: {sourceRepos: ["*"]}}`)
	h.eventually(t, "admin", "/api/v1/projects/shop", `"name":"shop"`)
	const sets = "/api/v1/applicationsets"
	h.run(t, []scenario{
		{who: "", path: sets, status: 401},
		{who: "admin", path: sets, says: []string{`"items":[]`}},
		{who: "maker", verb: "POST", path: sets, body: set("fruit", "shop", `,"labels":{"kind":"fruit"}`), says: []string{`"name":"fruit"`, `"uid":`}},
		{who: "maker", verb: "POST", path: sets, body: set("fruit", "shop", `,"labels":{"kind":"fruit"}`), says: []string{`"uid":`}},
		{who: "maker", verb: "POST", path: sets, body: set("fruit", "shop", `,"labels":{"kind":"other"}`), status: 400, says: []string{"existing ApplicationSet spec is different, use upsert flag to force update"}},
		{who: "maker", verb: "POST", path: sets + "?upsert=true", body: set("fruit", "shop", `,"labels":{"kind":"other"}`), status: 403, says: []string{"permission denied: applicationsets, update, shop/fruit, sub: maker"}},
		{who: "owner", verb: "POST", path: sets + "?upsert=true", body: set("fruit", "shop", `,"annotations":{"a":"b"}`), says: []string{`"kind":"fruit"`, `"a":"b"`}},
		{who: "elsewhere", verb: "POST", path: sets + "?upsert=true", body: set("fruit", "default", ""), status: 403, says: []string{"permission denied"}, lacks: []string{"shop"}},
		{who: "elsewhere", verb: "POST", path: sets, body: set("other", "shop", ""), status: 403, says: []string{"permission denied: applicationsets, create, shop/other"}},
		{who: "admin", verb: "POST", path: sets, body: set("plain", "default", ""), says: []string{`"name":"plain"`}},

		// what is no ApplicationSet
		{who: "admin", verb: "POST", path: sets, body: set("x", "{{.project}}", ""), status: 400, says: []string{"the Argo CD API does not currently support creating ApplicationSets with templated `project` fields"}},
		{who: "owner", verb: "POST", path: sets, body: set("x", "{{.project}}", ""), status: 403},
		{who: "admin", verb: "POST", path: sets, body: set("x", "none", ""), status: 400, says: []string{"ApplicationSet references project none which does not exist"}},
		{who: "admin", verb: "POST", path: sets, body: set("Not A Name", "shop", ""), status: 400, says: []string{"is not valid"}},
		{who: "admin", verb: "POST", path: sets, body: `{"metadata":{"name":"x"},"spec":{"generators":[{"lost":{}}],"template":{"spec":{"project":"shop"}}}}`, status: 400, says: []string{"ApplicationSet x contains unrecognized generators: generators[0]"}},
		{who: "admin", verb: "POST", path: sets, body: "", status: 400, says: []string{"ApplicationSets is nil in request"}},
		{who: "admin", verb: "POST", path: sets, body: `{"metadata":{"name":"x","namespace":"kube-system"},"spec":{"generators":[],"template":{"spec":{"project":"shop"}}}}`, status: 403},
		{who: "admin", verb: "POST", path: sets + "?dryRun=true", body: set("dry", "shop", ""), says: []string{`"resources":[{"group":"argoproj.io","version":"v1alpha1","kind":"Application"`, `"name":"x"`, `"resourcesCount":1`}},
		{who: "admin", path: sets + "/dry", status: 404},
		{who: "admin", verb: "POST", path: sets + "/generate", body: `{"applicationSet":` + set("gen", "shop", "") + `}`, says: []string{`"applications":[{`, `"name":"x"`, `"project":"shop"`}},
		{who: "nobody", verb: "POST", path: sets + "/generate", body: `{"applicationSet":` + set("gen", "shop", "") + `}`, status: 403},

		// reading
		{who: "reader", path: sets, says: []string{`"name":"fruit"`}, lacks: []string{`"name":"plain"`}},
		{who: "nobody", path: sets, says: []string{`"items":[]`}},
		{who: "admin", path: sets + "?projects=default", says: []string{`"name":"plain"`}, lacks: []string{`"name":"fruit"`}},
		{who: "admin", path: sets + "?selector=kind%3Dfruit", says: []string{`"name":"fruit"`}, lacks: []string{`"name":"plain"`}},
		{who: "admin", path: sets + "?selector=%3D%3D", status: 400, says: []string{"error parsing the selector"}},
		{who: "admin", path: sets + "?appsetNamespace=elsewhere", says: []string{`"items":[]`}},
		{who: "reader", path: sets + "/fruit", says: []string{`"name":"fruit"`}},
		{who: "auditor", path: sets + "/none", status: 404, says: []string{`applicationsets.argoproj.io \"none\" not found`}},
		{who: "auditor", path: sets + "/fruit?appsetNamespace=kube-system", status: 404},
		{who: "reader", path: sets + "/none", status: 403, says: []string{"permission denied"}},
		{who: "reader", path: sets + "/plain", status: 403},
		{who: "reader", path: sets + "/fruit/events", says: []string{"maker created ApplicationSet", "owner updated ApplicationSets spec"}, soon: true},
		{who: "reader", path: sets + "/fruit/resource-tree", says: []string{"{}"}},
		{who: "reader", verb: "DELETE", path: sets + "/fruit", status: 403, says: []string{"permission denied: applicationsets, delete, shop/fruit, sub: reader"}},
	})
	for _, who := range []string{"nobody", "elsewhere", "almost"} {
		for _, path := range []string{"/NAME", "/NAME/events", "/NAME/resource-tree"} {
			h.same(t, who, "GET", sets+path, "fruit", "none", nil)
		}
		h.same(t, who, "DELETE", sets+"/NAME", "fruit", "none", nil)
	}

	// the tree is what the status says
	h.Patch(t, "test", "argoproj.io/v1alpha1", "ApplicationSet", h.control, "plain", `{"status":{}}`)
	h.run(t, []scenario{
		{who: "owner", verb: "DELETE", path: sets + "/fruit", says: []string{"{}"}},
		{who: "admin", path: sets + "/fruit", status: 404},
		{who: "owner", verb: "DELETE", path: sets + "/fruit", status: 403},
	})
}

func TestApplicationSetsAreWatched(t *testing.T) {
	h := start(t, nil, account{"reader", []string{"applicationsets, get, shop/*, allow"}})
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: shop}, spec: {sourceRepos: ["*"]}}`)
	h.eventually(t, "admin", "/api/v1/projects/shop", `"name":"shop"`)
	const sets = "/api/v1/applicationsets"
	h.run(t, []scenario{{who: "admin", verb: "POST", path: sets, body: set("first", "shop", "")}})
	_, answer := h.as(t, "reader").do(t, "GET", sets, nil)
	version := into[v1alpha1.ApplicationSetList](t, answer).ResourceVersion

	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	client := connect.NewClient[argocd.ApplicationSetWatchQuery, argocd.ApplicationSetWatchEvent](&http.Client{Transport: &http.Transport{Protocols: &p}},
		"http://"+h.addr+"/applicationset.ApplicationSetService/Watch", connect.WithGRPC(), connect.WithCodec(wire.Codec{}))
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	watch := func(q *argocd.ApplicationSetWatchQuery) *connect.ServerStreamForClient[argocd.ApplicationSetWatchEvent] {
		r := connect.NewRequest(q)
		r.Header().Set("Token", h.as(t, "reader").token)
		w, err := client.CallServerStream(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	next := func(w *connect.ServerStreamForClient[argocd.ApplicationSetWatchEvent]) string {
		t.Helper()
		if !w.Receive() {
			t.Fatal(w.Err())
		}
		return w.Msg().Type + " " + w.Msg().ApplicationSet.Name
	}
	all, one := watch(&argocd.ApplicationSetWatchQuery{ResourceVersion: version}), watch(&argocd.ApplicationSetWatchQuery{Name: "first", ResourceVersion: version})
	if got := next(one); got != "ADDED first" {
		t.Error(got)
	}
	h.run(t, []scenario{
		{who: "admin", verb: "POST", path: sets, body: set("hidden", "default", "")},
		{who: "admin", verb: "POST", path: sets, body: set("second", "shop", "")},
		{who: "admin", verb: "POST", path: sets + "?upsert=true", body: set("first", "shop", `,"labels":{"a":"b"}`)},
	})
	if got := []string{next(all), next(all), next(one)}; strings.Join(got, ", ") != "ADDED second, MODIFIED first, MODIFIED first" {
		t.Error(got)
	}
	h.run(t, []scenario{{who: "admin", verb: "DELETE", path: sets + "/first"}})
	if got := []string{next(all), next(one)}; strings.Join(got, ", ") != "DELETED first, DELETED first" {
		t.Error(got)
	}
}

func TestDeepLinks(t *testing.T) {
	h := start(t, map[string]string{
		"url": "https://cd.example.org", "help.chatUrl": "mailto:help@example.org", "ui.bannerurl": "javascript:alert(1)", "ui.bannercontent": "Hello",
		"application.links": `
- {title: Logs, url: "https://logs.example.org/?ns={{.app.spec.destination.namespace}}&cluster={{.cluster.name}}", description: all logs, icon.class: fa-book}
- {title: Managed, url: "{{.managedByURL}}/x"}
- {title: Script, url: "{{.app.metadata.annotations.home}}"}
- {title: Other, url: "https://x", if: application.spec.project == "other"}
- {title: Credentials, url: "https://x/{{ .cluster.config }}{{ .cluster.annotations | toJson | urlquery }}"}
`,
		"project.links":  `[{title: Audit, url: "https://audit.example.org?project={{.project.metadata.name}}&tokens={{ .project.spec.roles | toJson | urlquery }}"}]`,
		"resource.links": "- title: Of pods\n  url: https://x/{{.resource.metadata.name}}?p={{.project.metadata.name}}\n  if: resource.kind == \"ConfigMap\"\n- title: Secret\n  url: https://x/{{.resource.data.password}}\n  if: resource.kind == \"Secret\"\n",
	}, account{"nobody", nil}, account{"reader", []string{"applications, get, default/*, allow"}})
	target := h.Namespace(t)
	repo := h.git.Repo(t, "links", map[string]string{"cm.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: linked}}`, "secret.yaml": `{apiVersion: v1, kind: Secret, metadata: {name: hidden}, stringData: {password: CANARY}}`})
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: linked, annotations: {home: "javascript:alert(1)"}}, spec: {project: default, syncPolicy: {automated: {}},
 source: {repoURL: "`+repo.URL+`", path: "."}, destination: {server: "https://kubernetes.default.svc", namespace: `+target+`}}}`)
	h.eventually(t, "admin", "/api/v1/applications/linked", `"status":"Synced"`)
	const links = "/api/v1/applications/linked/links"
	h.run(t, []scenario{
		{who: "reader", path: links, says: []string{`"title":"Logs"`, `"url":"https://logs.example.org/?ns=` + target, `cluster=in-cluster`, `"description":"all logs"`, `"iconClass":"fa-book"`, `"url":"https://cd.example.org/x"`},
			lacks: []string{"javascript", `"title":"Script"`, `"title":"Other"`}},
		{who: "reader", path: "/api/v1/applications/linked/resource/links?namespace=" + target + "&resourceName=linked&version=v1&kind=ConfigMap", says: []string{`"url":"https://x/linked?p=default"`}},
		{who: "reader", path: "/api/v1/applications/linked/resource/links?namespace=" + target + "&resourceName=hidden&version=v1&kind=Secret", lacks: []string{"CANARY", "Q0FOQVJZ"}, says: []string{`"title":"Secret"`}},
		{who: "reader", path: "/api/v1/applications/linked/resource/links?namespace=kube-system&resourceName=kube-root-ca.crt&version=v1&kind=ConfigMap", status: 404},
		{who: "nobody", path: links, status: 403},
		{who: "", path: "/api/v1/settings", says: []string{`"chatUrl":"mailto:help@example.org"`, `"uiBannerContent":"Hello"`}, lacks: []string{"javascript"}},
		{who: "admin", path: "/api/v1/projects/default/links", says: []string{`"url":"https://audit.example.org?project=default`}},
	})
	h.same(t, "nobody", "GET", "/api/v1/applications/NAME/links", "linked", "none", nil)
	for _, said := range h.said {
		if strings.Contains(said, "caData") || strings.Contains(said, "bearerToken") {
			t.Error(said)
		}
	}
	h.put(t, "ConfigMap", "argocd-cm", map[string]string{"application.links": "nonsense", "accounts.reader": "login, apiKey"})
	clustertest.Wait(t, "a broken setting", func(context.Context) error {
		status, answer := h.as(t, "reader").send(t, "GET", links, "")
		if status == 400 && strings.Contains(answer, "application.links is no list of links") {
			return nil
		}
		return errorf("%d %s", status, answer)
	})
}

func TestBadges(t *testing.T) {
	h := start(t, map[string]string{"statusbadge.enabled": "true"})
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: shop}, spec: {project: default,
 source: {repoURL: "https://git.invalid/a", path: x}, destination: {server: "https://kubernetes.default.svc", namespace: there}}}`)
	h.eventually(t, "admin", "/api/v1/applications/shop", `"name":"shop"`)
	h.run(t, []scenario{
		{path: "/api/badge?name=shop&showAppName=true", says: []string{"<svg", "shop: ", "Unknown"}},
		{path: "/api/badge?name=none", says: []string{"Not Found"}},
		{path: "/api/badge?name=shop&namespace=elsewhere", says: []string{"Not Found"}},
		{path: "/api/badge?project=default", says: []string{"OutOfSync"}},
		{path: "/api/badge?name=%22%3E%3Cscript%3E", status: 400, lacks: []string{"<script"}},
		{path: "/api/badge?name=shop&revision=true&width=99999999", says: []string{`width="2000"`}},
	})
}
