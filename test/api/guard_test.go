package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// TestNoMethodDoesWhatAnotherGuards has people of one project try to get at what is not theirs by the methods that are.
func TestNoMethodDoesWhatAnotherGuards(t *testing.T) {
	h := start(t, map[string]string{"globalProjects": "- projectName: base\n  labelSelector: {matchLabels: {like: base}}\n"},
		account{"tenant", []string{"applications, *, shop/*, allow", "applicationsets, *, shop/*, allow", "projects, *, shop, allow", "repositories, *, shop/*, allow", "clusters, *, shop/*, allow"}},
		account{"careful", []string{"repositories, *, *, allow", "repositories, *, secret/*, deny", "clusters, *, *, allow", "clusters, *, secret/*, deny"}},
		account{"nobody", nil})
	guarded := gittest.New(t)
	guarded.Repo(t, "safe", map[string]string{"x": "y"})
	guarded.RequireAuth("robot", "hunter-22")
	safe := guarded.URL + "/safe.git"
	anywhere := `{"sourceRepos":["*"],"destinations":[{"server":"*","namespace":"*"}]}`
	app := func(name, project string) string {
		return `{"metadata":{"name":"` + name + `"},"spec":{"project":"` + project + `","source":{"repoURL":"https://git.example/a","path":"x"},"destination":{"server":"https://kubernetes.default.svc","namespace":"there"}}}`
	}
	set := func(name, project string) string {
		return `{"metadata":{"name":"` + name + `"},"spec":{"generators":[{"list":{"elements":[]}}],"template":{"metadata":{"name":"x"},"spec":{"project":"` + project + `","destination":{}}}}}`
	}
	h.run(t, []scenario{
		{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("base", `{"clusterResourceBlacklist":[{"group":"","kind":"Node"}]}`)},
		{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("hidden", anywhere)},
		{who: "admin", verb: "POST", path: "/api/v1/projects", body: `{"project":{"metadata":{"name":"shop","labels":{"like":"base"}},"spec":` + anywhere + `}}`},
		{who: "admin", verb: "POST", path: "/api/v1/applications?validate=false", body: app("taken", "hidden")},
		{who: "admin", verb: "POST", path: "/api/v1/applicationsets", body: set("taken", "hidden")},
		{who: "tenant", verb: "POST", path: "/api/v1/applications?validate=false", body: app("mine", "shop")},
		{who: "admin", verb: "POST", path: "/api/v1/repocreds", body: argocd.RepoCreds{URL: guarded.URL, Username: "robot", Password: "hunter-22"}},

		// a name that is taken does not tell by whom
		{who: "tenant", verb: "POST", path: "/api/v1/applications?validate=false&upsert=true", body: app("taken", "shop"), status: 403, lacks: []string{"hidden"}},
		{who: "tenant", verb: "POST", path: "/api/v1/applicationsets?upsert=true", body: set("taken", "shop"), status: 403, lacks: []string{"hidden"}},

		// labels are what a project inherits by
		{who: "tenant", verb: "PUT", path: "/api/v1/projects/shop", body: project("shop", anywhere), status: 403, says: []string{"permission denied: clusters, update, *"}},
		{who: "tenant", verb: "PUT", path: "/api/v1/projects/shop", body: `{"project":{"metadata":{"name":"shop","labels":{"like":"base","team":"shop"}},"spec":` + anywhere + `}}`},
		{who: "tenant", verb: "PUT", path: "/api/v1/projects/shop", body: `{"project":{"metadata":{"name":"shop","labels":{"like":"base"}},"spec":{"sourceRepos":["*"],"destinations":[{"server":"*","namespace":"*"}],"destinationServiceAccounts":[{"server":"https://kubernetes.default.svc","namespace":"*","defaultServiceAccount":"kube-system:root"}]}}}`,
			status: 403, says: []string{"permission denied: clusters, update, https://kubernetes.default.svc"}},

		// credentials that a repository inherits go no other way than they were given for
		{who: "tenant", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: safe, Project: "shop", Insecure: true}, status: 403, says: []string{"permission denied: repositories, update, " + guarded.URL}},
		{who: "tenant", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: safe, Project: "shop", Proxy: "http://127.0.0.1:1"}, status: 403},
		{who: "tenant", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: safe, Project: "shop", Proxy: "http://127.0.0.1:1", Username: "own", Password: "own"}},
		{who: "tenant", verb: "PUT", path: "/api/v1/repositories/" + url.PathEscape(safe), body: argocd.Repository{Project: "shop", Proxy: "http://127.0.0.1:1"}, status: 403},
		{who: "tenant", verb: "PUT", path: "/api/v1/repositories/" + url.PathEscape(safe), body: argocd.Repository{Project: "shop"}},
		{who: "admin", verb: "PUT", path: "/api/v1/repositories/" + url.PathEscape(safe), body: argocd.Repository{Project: "shop", Insecure: true}},

		// what is stored without white space is asked about without
		{who: "careful", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: "https://git.example/a", Project: "secret "}, status: 403},
		{who: "careful", verb: "POST", path: "/api/v1/clusters", body: argocd.Cluster{Server: h.Config.Host, Project: "secret\t", Config: h.credentials()}, status: 403},

		// the name of somebody else's cluster
		{who: "tenant", verb: "POST", path: "/api/v1/clusters", body: argocd.Cluster{Server: h.Config.Host, Name: "in-cluster", Project: "shop", Config: h.credentials()}, status: 400, says: []string{"another cluster is named"}},
		{who: "tenant", verb: "POST", path: "/api/v1/clusters", body: argocd.Cluster{Server: h.Config.Host, Name: "mine", Project: "shop", Config: h.credentials()}},
		{who: "tenant", verb: "PUT", path: "/api/v1/clusters/" + url.PathEscape(h.Config.Host) + "?updatedFields=name", body: argocd.Cluster{Name: "in-cluster"}, status: 400, says: []string{"another cluster is named"}},

		// a project shows what is registered for it to those who may see that
		{who: "tenant", path: "/api/v1/projects/shop/detailed", says: []string{safe, h.Config.Host}},

		// a password in an address that is no URL
		{who: "nobody", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: "https://u:%zzcanary@git.example/a"}, status: 403, says: []string{"https://git.example/a"}, lacks: []string{"canary"}},

		// more than anybody needs to log in with
		{who: "", verb: "POST", path: "/api/v1/session", body: `{"username":"` + strings.Repeat("x", 1<<17) + `"}`, status: 413},
	})
	_, err := api.Call[argocd.RepoAccessQuery, argocd.RepoResponse](t.Context(), h.as(t, "tenant").grpc, "repository.RepositoryService/ValidateAccess", &argocd.RepoAccessQuery{Repo: safe, Project: "shop", Proxy: "http://127.0.0.1:1"})
	if err == nil || !strings.Contains(err.Error(), "permission denied: repositories, update") {
		t.Errorf("ValidateAccess with inherited credentials through a proxy: %v", err)
	}

	// thirty steps that would make a gigabyte of a few bytes
	steps := []map[string]string{}
	for i := range 30 {
		steps = append(steps, map[string]string{"op": "copy", "from": "/metadata", "path": fmt.Sprintf("/metadata/x%d", i)})
	}
	patch, _ := json.Marshal(steps)
	if status, answer := h.as(t, "tenant").do(t, "PATCH", "/api/v1/applications/mine", map[string]string{"patch": string(patch), "patchType": "json"}); status != 400 {
		t.Errorf("a patch that doubles: %d %.200s", status, answer)
	}
}

func TestSyncWithReplaceCanBeSwitchedOff(t *testing.T) {
	h := start(t, nil)
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: shop}, spec: {project: default,
 source: {repoURL: "https://git.example/a", path: x}, destination: {server: "https://kubernetes.default.svc", namespace: there}}}`)
	h.put(t, "ConfigMap", "argocd-cmd-params-cm", map[string]string{"server.sync.replace.allowed": "false"})
	h.eventually(t, "admin", "/api/v1/applications/shop", `"name":"shop"`)
	clustertest.Wait(t, "the setting", func(context.Context) error {
		if _, answer := h.as(t, "admin").send(t, "GET", "/api/v1/settings", ""); strings.Contains(answer, `"syncWithReplaceAllowed":true`) {
			return fmt.Errorf("it is allowed still")
		}
		return nil
	})
	h.run(t, []scenario{
		{who: "admin", verb: "POST", path: "/api/v1/applications/shop/sync", body: `{"syncOptions":{"items":["Replace=true"]}}`, status: 400, says: []string{"sync with replace was disabled on the API Server level via the server configuration"}},
		{who: "admin", verb: "POST", path: "/api/v1/applications/shop/sync", body: `{"dryRun":true,"syncOptions":{"items":["Replace=false"]}}`},
	})
}

// TestOddRequestsArePersonsMistakes asks every method for nothing and for null, as somebody who may do everything: what
// is missing is answered, and is no bug of ours.
func TestOddRequestsArePersonsMistakes(t *testing.T) {
	h := start(t, nil)
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: odd}, spec: {project: default,
 source: {repoURL: "https://git.example/a", path: x}, destination: {server: "https://kubernetes.default.svc", namespace: there}}}`)
	h.eventually(t, "admin", "/api/v1/applications/odd", `"name":"odd"`)
	admin, asked := h.as(t, "admin"), 0
	ask := func(verb, path, body string) {
		t.Helper()
		asked++
		if status, answer := admin.do(t, verb, path, body); status == http.StatusInternalServerError {
			t.Errorf("%s %s %s: %d %s", verb, path, body, status, answer)
		}
	}
	for _, m := range argocd.Methods {
		if m.ServerStream || m.ClientStream || m.Service == "session.SessionService" {
			continue
		}
		for _, b := range m.REST {
			for _, value := range []string{"none", "odd", "%20", "..%2F.."} {
				path := b.Path
				for strings.Contains(path, "{") {
					head, rest, _ := strings.Cut(path, "{")
					_, tail, _ := strings.Cut(rest, "}")
					path = head + value + tail
				}
				for _, body := range []string{"null", "{}", `{"metadata":null,"spec":null}`, `{"spec":{"sources":[null],"source":null,"syncPolicy":{"automated":null,"retry":null}}}`,
					`{"resources":[null],"infos":[null],"strategy":{},"syncOptions":{},"retryStrategy":{},"manifests":[null]}`, `{"project":{"spec":{"roles":[null],"syncWindows":[null],"destinations":[null]}}}`, `{"items":[null]}`} {
					if b.Verb == "DELETE" && value == "odd" || b.Body == "" && body != "null" {
						continue
					}
					ask(b.Verb, path, body)
				}
			}
		}
	}
	if asked < 300 {
		t.Errorf("only %d requests were asked: the routes have moved", asked)
	}
	if _, answer := admin.do(t, "GET", "/metrics", nil); strings.Contains(answer, "hawser_http_panics_total{") {
		t.Error("a request panicked")
	}
}

// TestAJobsTokenMakesNoOther exchanges a service account's token, and has the job look after its account.
func TestAJobsTokenMakesNoOther(t *testing.T) {
	h := start(t, map[string]string{"hawser.tokenExchange": `[{kubernetes: true, audience: hawser, match: {serviceaccount: runner}, as: ci, duration: 5m}]`}, account{"ci", nil})
	h.Apply(t, h.control, `{apiVersion: v1, kind: ServiceAccount, metadata: {name: runner}}`)
	made, err := h.Client.CoreV1().ServiceAccounts(h.control).CreateToken(context.Background(), "runner", &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"hawser"}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.PostForm("http://"+h.addr+"/auth/token", url.Values{"subject_token": {made.Status.Token}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	token := into[struct {
		Token string `json:"access_token"`
	}](t, string(answer)).Token
	if token == "" {
		t.Fatalf("no token: %d %s", res.StatusCode, answer)
	}
	job := h.with(t, &caller{name: "job", token: token})
	for _, s := range []scenario{
		{verb: "GET", path: "/api/v1/account/ci", status: 200},
		{verb: "POST", path: "/api/v1/account/ci/token", body: `{"id":"for-ever"}`, status: 403},
		{verb: "DELETE", path: "/api/v1/account/ci/token/x", status: 403},
	} {
		if status, answer := job.do(t, s.verb, s.path, s.body); status != s.status {
			t.Errorf("%s %s: %d %s", s.verb, s.path, status, answer)
		}
	}
	h.run(t, []scenario{
		{who: "ci", verb: "POST", path: "/api/v1/account/ci/token", body: `{"id":"own"}`}, // a person, with a password
		{who: "admin", path: "/api/v1/account/ci", says: []string{`"own"`}, lacks: []string{"for-ever"}},
	})
}
