package api_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// credentials is the config that reaches the test's cluster as its administrator.
func (h *house) credentials() argocd.ClusterConfig {
	tls := h.Config.TLSClientConfig
	return argocd.ClusterConfig{TLSClientConfig: argocd.TLSClientConfig{CAData: tls.CAData, CertData: tls.CertData, KeyData: tls.KeyData}}
}

func TestClusters(t *testing.T) {
	h := start(t, nil,
		account{"viewer", []string{"clusters, get, https://kubernetes.default.svc, allow"}},
		account{"tenant", []string{"clusters, *, shop/*, allow"}},
		account{"creator", []string{"clusters, create, *, allow"}},
		account{"nobody", nil})
	const home = "https://kubernetes.default.svc"
	other := h.Config.Host
	id := func(server string) string { return "/api/v1/clusters/" + url.PathEscape(server) }
	body := func(change func(*argocd.Cluster)) argocd.Cluster {
		k := argocd.Cluster{Server: other, Name: "other", Config: h.credentials(), Labels: map[string]string{"env": "test"}}
		if change != nil {
			change(&k)
		}
		return k
	}
	h.eventually(t, "admin", id(home), `"resourcesCount":`)
	secret := base64.StdEncoding.EncodeToString(h.credentials().KeyData)
	h.run(t, []scenario{
		{who: "", path: "/api/v1/clusters", status: 401},
		{who: "nobody", path: "/api/v1/clusters", says: []string{`"items":[]`}},
		{who: "viewer", path: "/api/v1/clusters", says: []string{`"server":"` + home + `"`, `"name":"in-cluster"`, `"status":"Successful"`, `"apiVersions":[`, `"resourcesCount":`, `"serverVersion":"v`}},
		{who: "viewer", path: id(home), says: []string{`"server":"` + home + `"`}},
		{who: "viewer", path: "/api/v1/clusters/in-cluster?id.type=name", says: []string{`"server":"` + home + `"`}},
		{who: "viewer", path: "/api/v1/clusters/in%252Dcluster?id.type=name_escaped", says: []string{`"server":"` + home + `"`}},
		{who: "admin", path: "/api/v1/clusters?name=none", says: []string{`"items":[]`}},
		{who: "admin", path: "/api/v1/clusters?id.type=name&id.value=in-cluster", says: []string{`"name":"in-cluster"`}},
		{who: "admin", path: id("https://none.example"), status: 403, says: []string{`"message":"permission denied"`}},

		// creating
		{who: "nobody", verb: "POST", path: "/api/v1/clusters", body: body(nil), status: 403, says: []string{"permission denied: clusters, create, " + other}},
		{who: "admin", verb: "POST", path: "/api/v1/clusters", body: body(func(k *argocd.Cluster) { k.Config.CertData, k.Config.KeyData = nil, nil }), status: 400, says: []string{"connect to the cluster"}},
		{who: "admin", verb: "POST", path: "/api/v1/clusters", body: body(func(k *argocd.Cluster) { k.Server = "not an address" }), status: 400},
		{who: "tenant", verb: "POST", path: "/api/v1/clusters", body: argocd.Cluster{Server: home, Name: "mine", Project: "shop"}, status: 403, says: []string{"permission denied: clusters, create, " + home}},
		{who: "tenant", verb: "POST", path: "/api/v1/clusters", body: body(func(k *argocd.Cluster) {
			k.Project, k.Config = "shop", argocd.ClusterConfig{ExecProviderConfig: &argocd.ExecProviderConfig{Command: "sh", APIVersion: "client.authentication.k8s.io/v1"}}
		}), status: 403, says: []string{"permission denied: clusters, create, " + other}},
		{who: "creator", verb: "POST", path: "/api/v1/clusters", body: body(nil), says: []string{`"name":"other"`, `"labels":{"env":"test"}`}, lacks: []string{secret, "keyData", "secret-type"}},
		{who: "admin", verb: "POST", path: "/api/v1/clusters", body: body(nil)}, // the same once more
		{who: "admin", verb: "POST", path: "/api/v1/clusters", body: body(func(k *argocd.Cluster) { k.Name = "renamed" }), status: 400, says: []string{`existing cluster spec is different; use upsert flag to force update; difference in keys \"name\"`}},
		{who: "creator", verb: "POST", path: "/api/v1/clusters?upsert=true", body: body(func(k *argocd.Cluster) { k.Name = "renamed" }), status: 403, says: []string{`"message":"permission denied"`}}, // cannot even see it
		{who: "admin", verb: "POST", path: "/api/v1/clusters?upsert=true", body: body(func(k *argocd.Cluster) { k.Name = "renamed" }), says: []string{`"name":"renamed"`}},
		{who: "admin", path: id(other), says: []string{`"name":"renamed"`}, lacks: []string{secret, "keyData", "certData"}},

		// changing
		{who: "admin", verb: "PUT", path: id(other) + "?updatedFields=name&updatedFields=labels", body: argocd.Cluster{Name: "again", Namespaces: []string{"ignored"}, Labels: map[string]string{"env": "two"}}, says: []string{`"name":"again"`, `"env":"two"`}, lacks: []string{"ignored"}},
		{who: "admin", verb: "PUT", path: id(other) + "?updatedFields=server", body: argocd.Cluster{Name: "again"}, status: 400, says: []string{"no field of a cluster that can be updated"}},
		{who: "admin", verb: "PUT", path: id(other), body: argocd.Cluster{Server: home, Name: "again"}, status: 400, says: []string{"the request is for another one than its body says"}},
		{who: "viewer", verb: "PUT", path: id(home), body: argocd.Cluster{Server: home, Name: "x"}, status: 403},
		{who: "admin", verb: "PUT", path: id(other), body: body(func(k *argocd.Cluster) { k.Config.CertData, k.Config.KeyData = nil, nil }), status: 400}, // would not answer any more
		{who: "tenant", verb: "PUT", path: id(other), body: body(func(k *argocd.Cluster) { k.Project = "shop" }), status: 403},
		// what was read, sent back: the credentials stay
		{who: "admin", verb: "PUT", path: id(other), body: argocd.Cluster{Server: other, Name: "back", Project: "shop"}, says: []string{`"name":"back"`, `"project":"shop"`}},
		{who: "tenant", path: id(other), says: []string{`"name":"back"`}},
		{who: "admin", verb: "POST", path: id(other) + "/invalidate-cache", says: []string{`"refreshRequestedAt":"`}},
		{who: "tenant", verb: "POST", path: id(other) + "/rotate-auth", status: 400, says: []string{"does not use bearer token authentication"}},
		{who: "admin", verb: "POST", path: id(home) + "/rotate-auth", status: 400, says: []string{"does not use bearer token authentication"}},
	})
	h.eventually(t, "admin", id(other), `"status":"Successful"`)
	h.same(t, "nobody", "GET", "/api/v1/clusters/NAME", url.PathEscape(home), url.PathEscape("https://none.example"), nil)
	h.same(t, "nobody", "DELETE", "/api/v1/clusters/NAME", url.PathEscape(home), url.PathEscape("https://none.example"), nil)
	h.same(t, "viewer", "POST", "/api/v1/clusters/NAME/invalidate-cache", url.PathEscape(home), url.PathEscape("https://none.example"), nil)
	h.same(t, "nobody", "PUT", "/api/v1/clusters/NAME", url.PathEscape(home), url.PathEscape("https://none.example"), func(string) any { return argocd.Cluster{Name: "x"} })

	got, err := api.Call[argocd.ClusterQuery, argocd.Cluster](t.Context(), h.as(t, "admin").grpc, "cluster.ClusterService/Get", &argocd.ClusterQuery{Name: "back"})
	if err != nil || got.Server != other {
		t.Errorf("Get by name over gRPC: %v %v", got, err)
	}
	h.run(t, []scenario{
		{who: "tenant", verb: "DELETE", path: id(other)},
		{who: "admin", path: id(other), status: 403},
		{who: "admin", path: id(home)},
		// our own cluster gets a record when somebody first has something to say about it, and loses it again
		{who: "admin", verb: "PUT", path: id(home) + "?updatedFields=labels", body: argocd.Cluster{Labels: map[string]string{"a": "b"}}, says: []string{`"labels":{"a":"b"}`}},
		{who: "admin", verb: "PUT", path: id(home) + "?updatedFields=name", body: argocd.Cluster{Name: "ours"}, says: []string{`"name":"ours"`, `"labels":{"a":"b"}`}},
		{who: "admin", verb: "PUT", path: id(home) + "?updatedFields=namespaces", body: argocd.Cluster{Namespaces: []string{"one", "two"}}, says: []string{`"namespaces":["one","two"]`}},
		{who: "admin", verb: "PUT", path: id(home) + "?updatedFields=namespaces", body: argocd.Cluster{Namespaces: []string{""}}, lacks: []string{`"namespaces"`}},
		{who: "admin", path: "/api/v1/clusters/ours?id.type=name", says: []string{`"server":"` + home + `"`}},
		{who: "admin", verb: "DELETE", path: id(home)},
		{who: "admin", verb: "DELETE", path: id(home), status: 404, says: []string{"not found"}},
		{who: "admin", path: id(home), says: []string{`"name":"in-cluster"`}},
	})
}

func TestClusterRotatesItsToken(t *testing.T) {
	h := start(t, nil)
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: v1, kind: ServiceAccount, metadata: {name: manager}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: manager-%[1]s}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin},
 subjects: [{kind: ServiceAccount, name: manager, namespace: %[1]s}]}
---
{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token, metadata: {name: first-token, annotations: {kubernetes.io/service-account.name: manager}}}`, h.control))
	defer h.Delete(t, "", fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: manager-%s}}`, h.control))
	token := ""
	h.WaitFor(t, "v1", "Secret", h.control, "first-token", func(o *unstructured.Unstructured) error {
		text, _, _ := unstructured.NestedString(o.Object, "data", "token")
		data, err := base64.StdEncoding.DecodeString(text)
		if token = string(data); err == nil && token == "" {
			err = fmt.Errorf("no token yet")
		}
		return err
	})
	path := "/api/v1/clusters/" + url.PathEscape(h.Config.Host)
	h.run(t, []scenario{
		{who: "admin", verb: "POST", path: "/api/v1/clusters", body: argocd.Cluster{Server: h.Config.Host, Name: "rotating", Config: argocd.ClusterConfig{
			BearerToken: token, TLSClientConfig: argocd.TLSClientConfig{CAData: h.Config.CAData}}}, lacks: []string{token}},
		{who: "admin", verb: "POST", path: path + "/rotate-auth"},
	})
	h.WaitGone(t, "v1", "Secret", h.control, "first-token")
	h.eventually(t, "admin", path, `"status":"Successful"`)
	var stored string
	for _, o := range h.secrets(t, "cluster") {
		stored += o["config"]
	}
	if strings.Contains(stored, token) || !strings.Contains(stored, `"bearerToken":"ey`) {
		t.Error("the record does not hold a new token")
	}
	h.run(t, []scenario{{who: "admin", verb: "DELETE", path: path}})
}
