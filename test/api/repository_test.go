package api_test

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/internal/charts/chartstest"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// secrets returns what our Secrets of a type hold.
func (h *house) secrets(t *testing.T, kind string) (list []map[string]string) {
	t.Helper()
	found, err := h.Client.CoreV1().Secrets(h.control).List(context.Background(), metav1.ListOptions{LabelSelector: "argocd.argoproj.io/secret-type=" + kind})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found.Items {
		values := map[string]string{}
		for k, v := range s.Data {
			values[k] = string(v)
		}
		list = append(list, values)
	}
	return list
}

const shopFiles = `-- plain/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
-- chart/Chart.yaml --
apiVersion: v2
name: shop
version: 1.0.0
-- chart/values.yaml --
image: {tag: "1.0"}
list: [{name: x}]
-- chart/values-prod.yaml --
image: {tag: "2.0"}
-- chart/templates/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
-- kustom/kustomization.yaml --
resources: [deploy.yaml]
-- kustom/deploy.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: web, image: "registry.example/web:3"}]}}}
`

func TestRepositories(t *testing.T) {
	h := start(t, nil,
		account{"reader", []string{"repositories, get, http*, allow"}},
		account{"maker", []string{"repositories, get, *, allow", "repositories, create, *, allow"}},
		account{"builder", []string{"repositories, get, *, allow", "applications, create, default/*, allow", "applications, get, default/*, allow"}},
		account{"nobody", nil})
	repo := h.git.Archive(t, "shop", shopFiles)
	repo.Tag(t, "v1", repo.Head(t))
	address := h.git.URL + "/shop.git"
	guarded := gittest.New(t)
	guarded.Repo(t, "safe", map[string]string{"x": "y"})
	guarded.RequireAuth("robot", "hunter-22")
	safe := guarded.URL + "/safe.git"
	helm := chartstest.NewRepository(t, nil)
	helm.RequireAuth("robot", "hunter-22")
	for _, v := range []string{"1.0.0", "1.1.0"} {
		helm.Add("shop", v, chartstest.Chart(t, "shop", v, nil))
	}
	registry := chartstest.NewRegistry(t, nil)
	for _, tag := range []string{"latest", "2.0.0"} {
		registry.Push(t, "org/manifests", tag, chartstest.Empty, nil, chartstest.Layer{MediaType: chartstest.TarGzip, Content: chartstest.Archive(t, map[string]string{"a.yaml": ""})})
	}
	artifact := "oci://" + registry.Host() + "/org/manifests"
	id := func(address string) string { return "/api/v1/repositories/" + url.PathEscape(address) }

	h.run(t, []scenario{
		{who: "", path: "/api/v1/repositories", status: 401},
		{who: "nobody", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: address}, status: 403, says: []string{"permission denied: repositories, create, " + address}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: h.git.URL + "/none.git"}, status: 400},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: safe, Username: "robot", Password: "wrong"}, status: 400, lacks: []string{"wrong"}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: safe, Username: "robot", Password: "hunter-22"}, says: []string{`"repo":"` + safe + `"`, `"type":"git"`}, lacks: []string{"hunter"}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: address, Name: "shop"}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: address, Name: "shop"}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: address, Name: "other"}, status: 400, says: []string{"existing repository spec is different; use upsert flag to force update"}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories?upsert=true", body: argocd.Repository{Repo: address, Name: "other"}, status: 403, says: []string{"permission denied: repositories, update"}},
		// whether a password is the right one is told only to those who could change it
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: safe, Username: "robot", Password: "hunter-22"}, status: 400, says: []string{"is different"}},
		{who: "admin", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: safe, Username: "robot", Password: "hunter-22"}},
		{who: "admin", verb: "POST", path: "/api/v1/repositories?upsert=true", body: argocd.Repository{Repo: address, Name: "other"}, says: []string{`"name":"other"`}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: helm.URL, Type: "helm", Name: "c", Username: "robot", Password: "wrong"}, status: 400, says: []string{"answers 401"}, lacks: []string{"wrong"}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: helm.URL, Type: "helm", Name: "c", Username: "robot", Password: "hunter-22"}, says: []string{`"type":"helm"`}, lacks: []string{"hunter"}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: artifact, Type: "oci", Name: "o", InsecureOCIForceHTTP: true}, says: []string{`"type":"oci"`}},

		// reading
		{who: "reader", path: "/api/v1/repositories", says: []string{`"repo":"` + address + `"`, `"status":"Successful"`, `"username":"robot"`}, lacks: []string{"hunter", "password"}},
		{who: "nobody", path: "/api/v1/repositories", says: []string{`"items":[]`}},
		{who: "reader", path: id(safe), says: []string{`"status":"Successful"`}, lacks: []string{"hunter"}},
		{who: "reader", path: id(strings.TrimSuffix(address, ".git")), says: []string{`"repo":"` + address + `"`}},
		{who: "reader", path: id(address) + "?appProject=none", status: 404, says: []string{"repository not found for url"}},
		{who: "reader", path: id("https://none.example/x"), status: 403, says: []string{`"message":"permission denied"`}},
		{who: "reader", path: id(address) + "/refs", says: []string{`"branches":["main"]`, `"tags":["v1"]`}},
		{who: "nobody", path: id(address) + "/refs", status: 403},
		{who: "reader", path: id(address) + "/helmcharts", status: 404},
		{who: "reader", path: id(address) + "/oci-tags", status: 400},
		{who: "reader", path: id(helm.URL) + "/helmcharts", says: []string{`{"items":[{"name":"shop","versions":["1.1.0","1.0.0"]}]}`}, lacks: []string{"hunter"}},
		{who: "nobody", path: id(helm.URL) + "/helmcharts", status: 403},
		{who: "maker", path: id(artifact) + "/oci-tags", says: []string{`"tags":["2.0.0","latest"]`}},
		{who: "maker", path: id(artifact) + "/helmcharts", status: 501},
		{who: "reader", path: id(address) + "/apps?appProject=default&appName=x", status: 403},
		{who: "builder", path: id(address) + "/apps?appProject=default&appName=x&revision=main", says: []string{`{"type":"Helm","path":"chart"}`, `{"type":"Kustomize","path":"kustom"}`}, lacks: []string{"plain"}},
		{who: "builder", path: id(address) + "/apps?appProject=none&appName=x", status: 403},
		{who: "builder", verb: "POST", path: id(address) + "/appdetails", body: `{"appName":"x","appProject":"default","source":{"path":"chart","targetRevision":"v1","helm":{"valueFiles":["values-prod.yaml"]}}}`,
			says: []string{`"type":"Helm"`, `"valueFiles":["values-prod.yaml","values.yaml"]`, `{"name":"image.tag","value":"2.0"}`, `{"name":"list[0].name","value":"x"}`}},
		{who: "builder", verb: "POST", path: id(address) + "/appdetails", body: `{"appName":"x","appProject":"default","source":{"path":"kustom"}}`, says: []string{`"type":"Kustomize"`, "registry.example/web:3"}},
		{who: "builder", verb: "POST", path: id(address) + "/appdetails", body: `{"appName":"x","appProject":"default","source":{"path":"plain"}}`, says: []string{`"type":"Directory"`}},
		{who: "builder", verb: "POST", path: id(address) + "/appdetails", body: `{"appName":"x","appProject":"default","source":{"path":"../x"}}`, status: 400},
		{who: "reader", verb: "POST", path: id(address) + "/appdetails", body: `{"appName":"x","appProject":"default","source":{"path":"plain"}}`, status: 403},

		// trying credentials without storing them
		{who: "nobody", verb: "POST", path: id(safe) + "/validate", body: `"x"`, status: 403},
		{who: "maker", verb: "POST", path: id(h.git.URL+"/none.git") + "/validate", body: `"x"`, status: 400},
		{who: "maker", verb: "POST", path: id(address) + "/validate", body: `"x"`},
		// our own route for the same has all of it in the body; of which repository is a matter of the path
		{who: "nobody", verb: "POST", path: id(safe) + "/access", body: `{}`, status: 403},
		{who: "maker", verb: "POST", path: id(h.git.URL+"/none.git") + "/access", body: `{"repo":"` + address + `"}`, status: 400},
		{who: "maker", verb: "POST", path: id(address) + "/access", body: `{"repo":"https://elsewhere.example/x"}`},

		// changing
		{who: "admin", verb: "PUT", path: id(safe), body: argocd.Repository{Repo: safe, Username: "robot"}}, // as it was shown: nothing is lost
		{who: "admin", path: id(safe) + "?forceRefresh=true", says: []string{`"status":"Successful"`}},
		{who: "maker", verb: "PUT", path: id(safe), body: argocd.Repository{Repo: safe}, status: 403},
		{who: "admin", verb: "PUT", path: id("https://none.example/x"), body: argocd.Repository{}, status: 404, says: []string{"repo 'https://none.example/x' not found"}},
		{who: "admin", verb: "PUT", path: id(safe), body: argocd.Repository{Repo: safe, Username: "robot", Password: "changed"}},
		{who: "admin", path: id(safe), says: []string{`"status":"Failed"`, "Unable to connect to repository"}, lacks: []string{"changed"}},
		{who: "maker", verb: "DELETE", path: id(safe), status: 403},
		{who: "admin", verb: "DELETE", path: id(safe)},
		{who: "admin", path: id(safe), status: 403},
	})
	h.same(t, "nobody", "GET", "/api/v1/repositories/NAME", url.PathEscape(address), url.PathEscape("http://none.example/x"), nil)
	h.same(t, "nobody", "DELETE", "/api/v1/repositories/NAME", url.PathEscape(address), url.PathEscape("http://none.example/x"), nil)
	h.same(t, "nobody", "GET", "/api/v1/repositories/NAME/refs", url.PathEscape(address), url.PathEscape("http://none.example/x"), nil)

	// credentials for all repositories of a host, and a repository that inherits them
	creds := "/api/v1/repocreds"
	h.run(t, []scenario{
		{who: "admin", verb: "POST", path: creds, body: argocd.RepoCreds{URL: guarded.URL, Username: "robot", Password: "hunter-22"}, says: []string{guarded.URL}, lacks: []string{"hunter"}},
		{who: "admin", verb: "POST", path: creds, body: argocd.RepoCreds{}, status: 400, says: []string{"must specify URL"}},
		{who: "admin", verb: "POST", path: creds, body: argocd.RepoCreds{URL: guarded.URL, Username: "robot", Password: "hunter-22"}},
		{who: "admin", verb: "POST", path: creds, body: argocd.RepoCreds{URL: guarded.URL, Username: "robot", Password: "other"}, status: 400, says: []string{"existing repository credentials spec is different"}, lacks: []string{"other"}},
		{who: "nobody", verb: "POST", path: creds, body: argocd.RepoCreds{URL: guarded.URL}, status: 403},
		{who: "reader", path: creds, says: []string{`"username":"robot"`}, lacks: []string{"hunter"}},
		{who: "nobody", path: creds, says: []string{`"items":[]`}},
		{who: "maker", verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: safe}},
		{who: "reader", path: id(safe), says: []string{`"inheritedCreds":true`, `"status":"Successful"`}, lacks: []string{"hunter"}},
		{who: "admin", verb: "PUT", path: creds + "/" + url.PathEscape("https://none.example"), body: argocd.RepoCreds{}, status: 404, says: []string{"repository credentials 'https://none.example' not found"}},
		{who: "maker", verb: "DELETE", path: creds + "/" + url.PathEscape(guarded.URL), status: 403},
		{who: "admin", verb: "DELETE", path: creds + "/" + url.PathEscape(guarded.URL)},
		{who: "admin", path: creds, says: []string{`"items":[]`}},

		// those for writing are records of their own
		{who: "admin", verb: "POST", path: "/api/v1/write-repositories", body: argocd.Repository{Repo: safe}, status: 400, says: []string{"missing credentials in request"}},
		{who: "maker", verb: "POST", path: "/api/v1/write-repositories", body: argocd.Repository{Repo: safe, Username: "robot", Password: "hunter-22"}, status: 403, says: []string{"write-repositories, create"}},
		{who: "admin", verb: "POST", path: "/api/v1/write-repositories", body: argocd.Repository{Repo: safe, Username: "robot", Password: "hunter-22"}},
		{who: "admin", path: "/api/v1/write-repositories", says: []string{safe, `"status":"Successful"`}, lacks: []string{"hunter"}},
		{who: "reader", path: "/api/v1/write-repositories", says: []string{`"items":[]`}},
		{who: "admin", verb: "POST", path: "/api/v1/write-repocreds", body: argocd.RepoCreds{URL: guarded.URL, Username: "robot", Password: "hunter-22"}},
		{who: "admin", path: "/api/v1/write-repocreds", says: []string{guarded.URL}},
		{who: "admin", path: creds, says: []string{`"items":[]`}},
	})
	if n := len(h.secrets(t, "repository-write")); n != 1 {
		t.Errorf("%d Secrets of type repository-write", n)
	}
	_, err := api.Call[argocd.RepoAccessQuery, argocd.RepoResponse](t.Context(), h.as(t, "maker").grpc, "repository.RepositoryService/ValidateAccess", &argocd.RepoAccessQuery{Repo: safe, Username: "robot", Password: "hunter-22"})
	if err != nil {
		t.Errorf("the right credentials: %v", err)
	}
	_, err = api.Call[argocd.RepoAccessQuery, argocd.RepoResponse](t.Context(), h.as(t, "maker").grpc, "repository.RepositoryService/ValidateAccess", &argocd.RepoAccessQuery{Repo: safe, Username: "robot", Password: "canary"})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("wrong credentials: %v", err)
	}
}

// TestCredentialsNeverComeBack writes every credential that a record can hold and looks for it in all answers.
func TestCredentialsNeverComeBack(t *testing.T) {
	h := start(t, nil)
	h.git.Repo(t, "open", map[string]string{"x": "y"})
	address := h.git.URL + "/open.git"
	const canary = "CANARY-d41d8cd9"
	full := argocd.Repository{
		Repo: strings.Replace(address, "://", "://user:"+canary+"-0@", 1), Project: "default", Username: canary + "-1", BearerToken: canary + "-2", SSHPrivateKey: canary + "-3",
		TLSClientCertData: canary + "-4", TLSClientCertKey: canary + "-5", GithubAppPrivateKey: canary + "-6", GCPServiceAccountKey: canary + "-7", Proxy: "http://u:" + canary + "-8@proxy.example",
	}
	admin := h.as(t, "admin")
	for _, w := range []scenario{
		{verb: "POST", path: "/api/v1/repositories", body: full},
		{verb: "POST", path: "/api/v1/repositories?upsert=true", body: full},
		{verb: "PUT", path: "/api/v1/repositories/" + url.PathEscape(address), body: full},
		{verb: "POST", path: "/api/v1/repositories", body: argocd.Repository{Repo: address, Username: "robot", Password: canary + "-9", Project: "other"}},
		{verb: "POST", path: "/api/v1/repocreds", body: argocd.RepoCreds{URL: h.git.URL, Username: "robot", Password: canary + "-10", SSHPrivateKey: canary + "-11", AzureServicePrincipalClientSecret: canary + "-12"}},
		{verb: "POST", path: "/api/v1/write-repocreds", body: argocd.RepoCreds{URL: h.git.URL, Username: "robot", Password: canary + "-13"}},
		{verb: "POST", path: "/api/v1/clusters", body: argocd.Cluster{Server: h.Config.Host, Name: "c", Config: argocd.ClusterConfig{BearerToken: canary + "-14", Password: canary + "-15", Username: canary + "-16"}}},
		{verb: "POST", path: "/api/v1/clusters", body: argocd.Cluster{Server: h.Config.Host, Name: "c", Config: h.credentials()}},
		{verb: "POST", path: "/api/v1/gpgkeys", body: argocd.GnuPGPublicKey{KeyData: canary + "-17"}},
		{verb: "POST", path: "/api/v1/repositories", body: `{"repo": {"password": "` + canary + `-18"`},
	} {
		admin.do(t, w.verb, w.path, w.body)
	}
	if len(h.secrets(t, "repository")) != 2 || len(h.secrets(t, "repo-creds")) != 1 || len(h.secrets(t, "cluster")) != 1 {
		t.Fatalf("the records are not there: %v", h.said)
	}
	for _, path := range []string{
		"/api/v1/repositories", "/api/v1/repositories?forceRefresh=true", "/api/v1/repositories/" + url.PathEscape(address) + "?appProject=default", "/api/v1/repositories/" + url.PathEscape(address) + "?appProject=other",
		"/api/v1/repositories/" + url.PathEscape(address) + "/refs?appProject=other",
		"/api/v1/write-repositories", "/api/v1/repocreds", "/api/v1/write-repocreds", "/api/v1/clusters", "/api/v1/clusters/" + url.PathEscape(h.Config.Host),
		"/api/v1/projects/default/detailed", "/api/v1/certificates", "/api/v1/gpgkeys", "/api/v1/settings",
	} {
		admin.do(t, "GET", path, nil)
	}
	keys := []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))[:16], base64.StdEncoding.EncodeToString(h.credentials().KeyData)[:64]}
	for _, answer := range h.said {
		for _, key := range keys {
			if strings.Contains(answer, key) {
				t.Errorf("a credential comes back: %s", answer)
			}
		}
	}
}
