package api_test

import (
	"strings"
	"testing"
)

// TestValidateStoresNothing checks drafts as the page does while somebody types: what is wrong is said with its field,
// what would be made is listed, and nothing is made.
func TestValidateStoresNothing(t *testing.T) {
	h := start(t, nil,
		account{"builder", []string{"applications, create, default/*, allow", "applications, get, default/*, allow"}},
		account{"blind", []string{"applications, create, default/*, allow"}},
		account{"keeper", []string{"applications, update, default/*, allow", "applications, get, default/*, allow"}},
		account{"reader", []string{"applications, get, */*, allow"}})
	h.git.Archive(t, "shop", shopFiles+"-- hooked/job.yaml --\n{apiVersion: batch/v1, kind: Job, metadata: {name: migrate, annotations: {argocd.argoproj.io/hook: PreSync}}, spec: {}}\n")
	address := h.git.URL + "/shop.git"
	h.run(t, []scenario{{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("narrow", `{"sourceRepos":["https://elsewhere.example/*"],"destinations":[{"server":"*","namespace":"narrow"}]}`)}})

	h.run(t, []scenario{{who: "admin", verb: "POST", path: "/api/v1/projects", body: project("fenced", `{"sourceRepos":["*"],"destinations":[{"server":"https://elsewhere.example","namespace":"*"}]}`)}})

	draft := func(name, spec string) string {
		return `{"application":{"metadata":{"name":"` + name + `"},"spec":` + strings.ReplaceAll(spec, "REPO", address) + `}}`
	}
	const to = `"destination":{"server":"https://kubernetes.default.svc","namespace":"not-there-yet"}`
	plain := draft("fresh", `{"project":"default","source":{"repoURL":"REPO","path":"plain","targetRevision":"HEAD"},`+to+`}`)
	const at = "/api/v1/applications/validate"
	h.run(t, []scenario{
		{who: "", verb: "POST", path: at, body: plain, status: 401},
		{who: "reader", verb: "POST", path: at, body: plain, status: 403, says: []string{"applications, create, default/fresh"}},
		{who: "keeper", verb: "POST", path: at, body: plain, status: 403},
		{who: "builder", verb: "POST", path: at, body: `{}`, status: 403},
		{who: "admin", verb: "POST", path: at, body: `{}`, status: 400, says: []string{"holds no application"}},
		{who: "builder", verb: "POST", path: at, body: plain, says: []string{`"kind":"ConfigMap","namespace":"not-there-yet","name":"a"`, `"type":"Directory"`}, lacks: []string{"sharedWith"}},
		// what the cluster lacks is said once it is known what it has
		{who: "builder", verb: "POST", path: at, body: plain, soon: true, says: []string{`"field":"spec.destination.namespace"`, "the cluster has no namespace not-there-yet yet", `"warning":true`}},
		{who: "builder", verb: "POST", path: at, body: strings.Replace(plain, `"destination"`, `"syncPolicy":{"syncOptions":["CreateNamespace=true"]},"destination"`, 1), lacks: []string{"findings"}},
		// what is in a repository is not told to those who could not see the application's manifests
		{who: "blind", verb: "POST", path: at, body: plain, lacks: []string{"ConfigMap", "Directory"}},
		{who: "builder", verb: "POST", path: at, body: draft("Not A Name", `{"source":{"repoURL":"REPO","path":"plain"},`+to+`}`), says: []string{`"field":"metadata.name"`}, lacks: []string{`"objects"`}},
		{who: "builder", verb: "POST", path: at, body: draft("fresh", `{"source":{"repoURL":"REPO","path":"nowhere"},`+to+`}`), says: []string{`"field":"spec.source.path"`, "has no path nowhere"}},
		{who: "builder", verb: "POST", path: at, body: draft("fresh", `{"source":{"repoURL":"REPO","path":"plain","targetRevision":"no-such-branch"},`+to+`}`), says: []string{`"field":"spec.source.targetRevision"`, "no-such-branch"}},
		{who: "builder", verb: "POST", path: at, body: draft("fresh", `{"source":{"repoURL":"`+h.git.URL+`/none.git","path":"plain"},`+to+`}`), says: []string{`"field":"spec.source.repoURL"`}},
		{who: "builder", verb: "POST", path: at, body: draft("fresh", `{"source":{"repoURL":"REPO","path":"plain"},"destination":{"name":"moon","namespace":"not-there-yet"}}`), says: []string{`"field":"spec.destination.name"`, "moon"}},
		// all that is wrong at once, and in the second source
		{who: "builder", verb: "POST", path: at, body: draft("fresh", `{"sources":[{"repoURL":"REPO","path":"plain"},{"repoURL":"REPO","path":"nowhere"}],"destination":{"namespace":"not-there-yet"}}`),
			says: []string{`"field":"spec.sources[1].path"`, `"field":"spec.destination"`}},
		{who: "builder", verb: "POST", path: at, body: draft("fresh", `{"source":{"repoURL":"REPO","path":"chart"},`+to+`}`), says: []string{`"type":"Helm"`, `"valueFiles":["values-prod.yaml","values.yaml"]`, `"name":"image.tag","value":"1.0"`}},
		{who: "builder", verb: "POST", path: at, body: draft("fresh", `{"source":{"repoURL":"REPO","path":"hooked"},`+to+`}`), says: []string{`"name":"migrate","hook":true`}},
		// a project that permits neither
		{who: "admin", verb: "POST", path: at, body: draft("fresh", `{"project":"narrow","source":{"repoURL":"REPO","path":"plain"},`+to+`}`), says: []string{`"field":"spec.source.repoURL"`, `"field":"spec.destination.namespace"`}, lacks: []string{"ConfigMap"}},
		{who: "admin", verb: "POST", path: at, body: draft("fresh", `{"project":"no-such","source":{"repoURL":"REPO","path":"plain"},`+to+`}`), says: []string{`"field":"spec.project"`, "or the project does not exist"}},
		// which clusters there are that a project does not permit is not found out by trying, nor where one of that name is
		{who: "admin", verb: "POST", path: at, body: draft("fresh", `{"project":"fenced","source":{"repoURL":"REPO","path":"plain"},"destination":{"name":"in-cluster","namespace":"a"}}`), says: []string{"destination server 'in-cluster' and namespace 'a' do not match"}, lacks: []string{"kubernetes.default.svc"}},
		{who: "admin", verb: "POST", path: at, body: draft("fresh", `{"project":"fenced","source":{"repoURL":"REPO","path":"plain"},"destination":{"name":"moon","namespace":"a"}}`), says: []string{"destination server 'moon' and namespace 'a' do not match"}, lacks: []string{"spec.destination.name\""}},
		{who: "admin", verb: "POST", path: at, body: draft("fresh", `{"project":"fenced","source":{"repoURL":"REPO","path":"plain"},"destination":{"server":"https://moon","namespace":"a"}}`), says: []string{"destination server 'https://moon' and namespace 'a' do not match"}, lacks: []string{"spec.destination.server\""}},
		{who: "admin", verb: "POST", path: at, body: draft("fresh", `{"project":"no-such","source":{"repoURL":"REPO","path":"plain"},"destination":{"name":"moon","namespace":"a"}}`), lacks: []string{"moon"}},
		{who: "admin", path: "/api/v1/applications/fresh?project=default", status: 404},

		{who: "admin", verb: "POST", path: "/api/v1/applications", body: map[string]any{"metadata": map[string]any{"name": "kept"}, "spec": map[string]any{
			"project": "default", "source": map[string]any{"repoURL": address, "path": "plain"}, "destination": map[string]any{"server": "https://kubernetes.default.svc", "namespace": "not-there-yet"}}}},
	})
	h.eventually(t, "admin", "/api/v1/applications/kept", `"name":"kept"`)
	change := strings.Replace(draft("kept", `{"project":"default","source":{"repoURL":"REPO","path":"kustom"},`+to+`}`), `{"application"`, `{"change":true,"application"`, 1)
	h.run(t, []scenario{
		{who: "builder", verb: "POST", path: at, body: draft("kept", `{"source":{"repoURL":"REPO","path":"plain"},`+to+`}`), says: []string{`"field":"metadata.name"`, "already"}},
		{who: "builder", verb: "POST", path: at, body: change, status: 403, says: []string{"applications, update, default/kept"}},
		{who: "keeper", verb: "POST", path: at, body: change, says: []string{`"kind":"Deployment","namespace":"not-there-yet","name":"web"`, `"type":"Kustomize"`}, lacks: []string{"already"}},
		{who: "keeper", verb: "POST", path: at, body: strings.Replace(change, `"project":"default"`, `"project":"narrow"`, 1), says: []string{`"field":"spec.project"`, "permission denied"}, lacks: []string{"Deployment"}},
		{who: "keeper", verb: "POST", path: at, body: strings.Replace(change, `"kept"`, `"missing"`, 1), status: 403},
		{who: "admin", path: "/api/v1/applications/kept", says: []string{`"path":"plain"`}},
		{who: "admin", verb: "POST", path: "/api/v1/applications/kept/sync", body: `{"syncOptions":{"items":["CreateNamespace=true"]}}`},
		{who: "admin", path: "/api/v1/applications/kept", soon: true, says: []string{`"phase":"Succeeded"`}},
		// what belongs to another application is told before anybody makes a second one
		{who: "builder", verb: "POST", path: at, body: plain, says: []string{`"sharedWith":"kept"`, "belong to another application already"}, lacks: []string{"has no namespace"}},
	})
}

// TestWhatIsInheritedIsTold: where rights are inherited, whoever may change an application may change its objects, and can-i
// says so: the page offers what it says.
func TestWhatIsInheritedIsTold(t *testing.T) {
	h := start(t, map[string]string{"server.rbac.disableApplicationFineGrainedRBACInheritance": "false"}, account{"heir", []string{"applications, update, default/*, allow", "applications, delete/*/Pod/*/*, default/*, allow"}})
	const of = "/api/v1/account/can-i/applications/"
	h.run(t, []scenario{
		{who: "heir", path: of + "update%2Fapps%2FDeployment%2Fshop%2Fweb/default/shop", says: []string{`"yes"`}},
		{who: "heir", path: of + "update%2Fapps%2FDeployment%2Fshop%2Fweb/other/shop", says: []string{`"no"`}},
		{who: "heir", path: of + "delete%2Fapps%2FDeployment%2Fshop%2Fweb/default/shop", says: []string{`"no"`}},
		{who: "heir", path: of + "delete%2F%2FPod%2Fshop%2Fweb-1/default/shop", says: []string{`"yes"`}},
	})
}
