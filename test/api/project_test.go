package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// project is the body of a request about one; spec is YAML's JSON.
func project(name, spec string) string {
	return `{"project":{"metadata":{"name":"` + name + `"},"spec":` + spec + `}}`
}

func TestProjects(t *testing.T) {
	h := start(t, map[string]string{"globalProjects": "- projectName: base\n  labelSelector: {matchLabels: {like: base}}\n"},
		account{"reader", []string{"projects, get, shop, allow"}},
		account{"owner", []string{"projects, *, shop, allow"}},
		account{"maker", []string{"projects, create, *, allow", "projects, get, *, allow"}},
		account{"nobody", nil})
	anywhere := `{"sourceRepos":["*"],"destinations":[{"server":"*","namespace":"*"}]}`
	h.run(t, []scenario{
		{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("base", `{"clusterResourceBlacklist":[{"group":"","kind":"Node"}],"roles":[{"name":"x","groups":["secret-group"]}]}`)},
		{who: "admin", verb: "POST", path: "/api/v1/projects", body: `{"project":{"metadata":{"name":"shop","labels":{"like":"base"}},"spec":` + anywhere + `}}`, says: []string{`"name":"shop"`, `"sourceRepos":["*"]`}},
		{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("shop", anywhere)},
		{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("shop", `{"sourceRepos":[]}`), status: 400, says: []string{"existing project spec is different; use upsert flag to force update; difference in keys", "sourceRepos"}},
		{who: "maker", verb: "POST", path: "/api/v1/projects", body: `{"upsert":true,` + project("shop", `{"description":"mine"}`)[1:], status: 403, says: []string{"permission denied: projects, update, shop, sub: maker"}},
		{who: "nobody", verb: "POST", path: "/api/v1/projects", body: project("other", anywhere), status: 403, says: []string{"permission denied: projects, create, other"}},
		{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("Not A Name", anywhere), status: 400, says: []string{"is not valid"}},
		{who: "admin", verb: "POST", path: "/api/v1/projects", body: `{}`, status: 400, says: []string{"missing payload 'project' in request"}},
		{who: "", path: "/api/v1/projects", status: 401},

		// reading
		{who: "reader", path: "/api/v1/projects", says: []string{`"name":"shop"`}, lacks: []string{`"name":"default"`, `"name":"base"`}},
		{who: "nobody", path: "/api/v1/projects", says: []string{`"items":[]`}},
		{who: "admin", path: "/api/v1/projects/none", status: 404, says: []string{`appprojects.argoproj.io \"none\" not found`}},
		{who: "reader", path: "/api/v1/projects/shop/globalprojects", says: []string{`"kind":"Node"`}, lacks: []string{"secret-group"}},
		{who: "admin", path: "/api/v1/projects/shop/globalprojects", says: []string{"secret-group"}},
		{who: "reader", path: "/api/v1/projects/shop/detailed", says: []string{`"clusterResourceBlacklist":[{"group":"","kind":"Node"}]`, `"globalProjects":[`}, lacks: []string{"secret-group"}},
		{who: "reader", path: "/api/v1/projects/shop/links"},

		// changing; by its labels it inherits, so that those are for others than its owner
		{who: "owner", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", anywhere), status: 403, says: []string{"permission denied: clusters, update, *"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", anywhere)},
		{who: "owner", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"description":"changed","sourceRepos":["*"],"destinations":[{"server":"*","namespace":"*"}]}`), says: []string{`"description":"changed"`}},
		{who: "owner", verb: "PUT", path: "/api/v1/projects/shop", body: project("default", `{"description":"the path counts","sourceRepos":["*"],"destinations":[{"server":"*","namespace":"*"}]}`), says: []string{`"name":"shop"`}},
		{who: "admin", path: "/api/v1/projects/default", lacks: []string{"the path counts"}},
		{who: "owner", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"sourceRepos":["*","https://x.example/a"],"destinations":[{"server":"*","namespace":"*"}]}`), status: 403, says: []string{"permission denied: repositories, update, https://x.example/a, sub: owner"}},
		{who: "owner", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"sourceRepos":["*"],"destinations":[]}`), status: 403, says: []string{"permission denied: clusters, update, *"}},
		{who: "owner", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"sourceRepos":["*"],"destinations":[{"server":"*","namespace":"*"}],"clusterResourceWhitelist":[{"group":"*","kind":"*"}]}`), status: 403, says: []string{"permission denied: clusters, update, *"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: `{"project":{"metadata":{"name":"shop","resourceVersion":"1"},"spec":` + anywhere + `}}`, status: 409, says: []string{"the object has been modified"}},
		{who: "admin", path: "/api/v1/projects/shop/events", says: []string{"admin created project", "owner updated project"}, soon: true},

		// what is wrong with a project
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"sourceRepos":["a","a"]}`), status: 400, says: []string{"source repository 'a' already added"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"destinations":[{"server":"a","namespace":"b"},{"server":"a","namespace":"b"}]}`), status: 400, says: []string{"destination 'a/b' already added"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"destinations":[{"server":"!*","namespace":"b"}]}`), status: 400, says: []string{"server has an invalid format, '!*'"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"roles":[{"name":"a"},{"name":"a"}]}`), status: 400, says: []string{"role 'a' already exists"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"roles":[{"name":"a","policies":["p, proj:shop:a, applications, *, other/*, allow"]}]}`), status: 400, says: []string{"other"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"roles":[{"name":"a","policies":["p, *, *, *, *, allow"]}]}`), status: 400},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"syncWindows":[{"kind":"allow","schedule":"* * * * *","duration":"1h"}]}`), status: 400, says: []string{"requires one of application, cluster or namespace"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"syncWindows":[{"kind":"allow","schedule":"never","duration":"1h","applications":["*"]}]}`), status: 400, says: []string{"never"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"destinationServiceAccounts":[{"server":"*","namespace":"x","defaultServiceAccount":"!"}]}`), status: 400, says: []string{"defaultServiceAccount has an invalid format, '!'"}},
		{who: "admin", verb: "PUT", path: "/api/v1/projects/none", body: project("none", `{}`), status: 404},

		// windows that are open now
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"sourceRepos":["*"],"destinations":[{"server":"*","namespace":"*"}],"syncWindows":[{"kind":"deny","schedule":"* * * * *","duration":"1h","applications":["*"]},{"kind":"allow","schedule":"0 0 1 1 *","duration":"1m","applications":["never-open"]}]}`)},
		{who: "reader", path: "/api/v1/projects/shop/syncwindows", says: []string{`"kind":"deny"`}, lacks: []string{"never-open"}},
	})
	h.same(t, "nobody", "GET", "/api/v1/projects/NAME", "shop", "none", nil)
	h.same(t, "nobody", "GET", "/api/v1/projects/NAME/detailed", "shop", "none", nil)
	h.same(t, "nobody", "DELETE", "/api/v1/projects/NAME", "shop", "none", nil)
	h.same(t, "nobody", "POST", "/api/v1/projects/NAME/roles/x/token", "base", "none", func(string) any { return "{}" })

	// what applications use may not be taken away
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: user}, spec: {project: shop,
 source: {repoURL: "https://git.example/a", path: x}, destination: {server: "https://kubernetes.default.svc", namespace: there}}}`)
	h.eventually(t, "admin", "/api/v1/applications/user", `"name":"user"`)
	h.run(t, []scenario{
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", `{"sourceRepos":["https://git.example/b"],"destinations":[]}`), status: 400,
			says: []string{"as a result of project update 1 applications source became invalid and 1 applications destination became invalid"}},
		{who: "admin", verb: "DELETE", path: "/api/v1/projects/shop", status: 400, says: []string{"project is referenced by 1 applications"}},
		{who: "admin", verb: "DELETE", path: "/api/v1/projects/default", status: 400, says: []string{"name 'default' is reserved and cannot be deleted"}},
		{who: "reader", verb: "DELETE", path: "/api/v1/projects/shop", status: 403},
		{who: "admin", verb: "DELETE", path: "/api/v1/applications/user?cascade=false"},
		{who: "owner", verb: "DELETE", path: "/api/v1/projects/shop"},
		{who: "owner", path: "/api/v1/projects/shop", status: 404},
	})

	// the same over gRPC
	list, err := api.Call[argocd.ProjectQuery, v1alpha1.AppProjectList](t.Context(), h.as(t, "admin").grpc, "project.ProjectService/List", &argocd.ProjectQuery{})
	if err != nil || len(list.Items) != 2 {
		t.Errorf("List over gRPC: %v %v", list, err)
	}
}

func TestProjectTokens(t *testing.T) {
	h := start(t, nil, account{"owner", []string{"projects, update, shop, allow"}}, account{"nobody", nil})
	roles := `{"sourceRepos":["*"],"destinations":[{"server":"*","namespace":"*"}],"roles":[{"name":"ci","policies":["p, proj:shop:ci, applications, *, shop/*, allow"]},{"name":"cd"}]}`
	h.run(t, []scenario{{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("shop", roles)}})

	status, answer := h.as(t, "owner").do(t, "POST", "/api/v1/projects/shop/roles/ci/token", `{"id":"one","expiresIn":3600}`)
	token := into[struct{ Token string }](t, answer).Token
	if status != 200 || token == "" {
		t.Fatalf("no token: %d %s", status, answer)
	}
	robot := h.with(t, &caller{name: "robot", token: token})
	if status, answer := robot.do(t, "GET", "/api/v1/session/userinfo", nil); status != 200 || !strings.Contains(answer, `"username":"proj:shop:ci"`) {
		t.Errorf("the token's holder is %d %s", status, answer)
	}
	if status, answer := robot.do(t, "GET", "/api/v1/projects/shop", nil); status != 200 || !strings.Contains(answer, `"jwtTokensByRole":{"ci":{"items":[{"iat":`) || !strings.Contains(answer, `"jwtTokens":[{"iat":`) {
		t.Errorf("the project of the token: %d %s", status, answer)
	}
	h.run(t, []scenario{
		{who: "owner", verb: "POST", path: "/api/v1/projects/shop/roles/ci/token", body: `{"id":"one"}`, status: 400, says: []string{"Token id 'one' has been used."}},
		{who: "owner", verb: "POST", path: "/api/v1/projects/shop/roles/none/token", body: `{}`, status: 404, says: []string{"project 'shop' does not have role 'none'"}},
		{who: "owner", verb: "POST", path: "/api/v1/projects/shop/roles/ci/token", body: `{"expiresIn":-1}`, status: 400},
		{who: "owner", verb: "POST", path: "/api/v1/projects/shop/roles/ci/token", body: `{"expiresIn":9223372036854775807}`, status: 400},
		{who: "nobody", verb: "POST", path: "/api/v1/projects/shop/roles/ci/token", body: `{}`, status: 403, says: []string{"permission denied: projects, update, shop, sub: nobody"}},
		// a whole project that is written back neither brings tokens nor loses any
		{who: "admin", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", strings.Replace(roles, `{"name":"cd"}`, `{"name":"cd","jwtTokens":[{"iat":1,"id":"forged"}]}`, 1)), says: []string{`"id":"one"`}, lacks: []string{"forged"}},
		{who: "owner", verb: "DELETE", path: "/api/v1/projects/shop/roles/ci/token/0?id=other"},
	})
	if status, _ := robot.do(t, "GET", "/api/v1/projects/shop", nil); status != 200 {
		t.Errorf("the token is good for nothing any more: %d", status)
	}
	h.run(t, []scenario{
		{who: "owner", verb: "DELETE", path: "/api/v1/projects/shop/roles/ci/token/0?id=one"},
		{who: "owner", verb: "DELETE", path: "/api/v1/projects/shop/roles/none/token/0?id=one"},
		{who: "admin", path: "/api/v1/projects/shop", lacks: []string{`"id":"one"`}},
	})
	if status, _ := robot.do(t, "GET", "/api/v1/projects/shop", nil); status != 401 {
		t.Errorf("a deleted token still opens: %d", status)
	}

	// a project of an older Argo CD, whose tokens stand in the roles only, and without ids
	old := map[string]any{}
	if err := json.Unmarshal([]byte(`{"apiVersion":"argoproj.io/v1alpha1","kind":"AppProject","metadata":{"name":"old"},"spec":{"roles":[{"name":"ci","jwtTokens":[{"iat":1535390316}]}]}}`), &old); err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(old)
	h.Apply(t, h.control, string(text))
	h.eventually(t, "admin", "/api/v1/projects/old", `"id":"1535390316"`)
	h.run(t, []scenario{
		{who: "admin", verb: "DELETE", path: "/api/v1/projects/old/roles/ci/token/1535390316"},
		{who: "admin", path: "/api/v1/projects/old", lacks: []string{"1535390316"}},
	})
}
