package cluster_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/forgetest"
	"github.com/hawser-cd/hawser/internal/gittest"
)

// forged is a forge with one repository, whose files a Git server holds, and a running hawser.
type forged struct {
	*hawser
	forge *forgetest.Server
	shop  *forgetest.Repo
	repo  *gittest.Repo
	pre   string // name of the set, and with a number of its applications: tests share a cluster
}

// providers is the block of a generator that names the forge, by the forge's kind.
var providers = map[string]string{
	"github": `github: {owner: acme, repo: shop, api: '%s', tokenRef: {secretName: forge-token, key: token}%s}`,
	"gitlab": `gitlab: {project: acme/shop, api: '%s', pullRequestState: opened, tokenRef: {secretName: forge-token, key: token}%s}`,
	"gitea":  `gitea: {owner: acme, repo: shop, api: '%s', tokenRef: {secretName: forge-token, key: token}%s}`,
}

func startForged(t *testing.T, kind string) *forged {
	t.Helper()
	f := &forged{hawser: start(t), forge: forgetest.New(t, kind)}
	f.shop, f.pre = f.forge.Repo("acme", "shop"), f.name("preview")
	f.repo = f.git.Repo(t, "shop", map[string]string{"app/settings.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {of: main}}\n"})
	f.Apply(t, f.control, fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: forge-token}, stringData: {token: %s}}`, f.forge.Token))
	return f
}

// previews is an ApplicationSet with an application for each pull request.
func (f *forged) previews(more string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %[1]s}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
  - pullRequest:
      %[2]s
  template:
    metadata: {name: '%[1]s-{{ .number }}', labels: {branch: '{{ .branch_slug }}'}}
    spec:
      project: default
      source: {repoURL: %[3]s, targetRevision: '{{ .head_sha }}', path: app, kustomize: {nameSuffix: '-{{ .number }}'}}
      destination: {server: https://kubernetes.default.svc, namespace: %[4]s}
      syncPolicy: {automated: {prune: true, selfHeal: true}}
`, f.pre+more, fmt.Sprintf(providers[f.forge.Kind], f.forge.API(), ""), f.repo.URL, f.target)
}

// branch pushes a commit to a branch of the repository, and returns it.
func (f *forged) branch(t *testing.T, name, text string) string {
	t.Helper()
	f.repo.Branch(t, name)
	return f.repo.Commit(t, map[string]string{
		"app/settings.yaml":      "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {of: " + text + "}}\n",
		"app/kustomization.yaml": "resources: [settings.yaml]\n",
	}, "Change "+text)
}

// tell delivers what the forge posts when a pull request changes.
func (f *forged) tell(t *testing.T, action string) {
	t.Helper()
	header, value := "X-GitHub-Event", "pull_request"
	body := fmt.Sprintf(`{"action":%q,"number":1,"repository":{"html_url":%q,"clone_url":%q}}`, action, f.shop.Page(), f.shop.Page()+".git")
	switch f.forge.Kind {
	case "gitea":
		header = "X-Gitea-Event"
	case "gitlab":
		header, value = "X-Gitlab-Event", "Merge Request Hook"
		action = map[string]string{"opened": "open", "synchronize": "update", "closed": "close"}[action]
		body = fmt.Sprintf(`{"object_kind":"merge_request","object_attributes":{"action":%q},"project":{"id":%d,"web_url":%q,"git_http_url":%q}}`, action, f.shop.ID, f.shop.Page(), f.shop.Page()+".git")
	}
	f.post(t, header, value, body)
}

func (h *hawser) post(t *testing.T, header, value, body string) {
	t.Helper()
	req, err := http.NewRequest("POST", "http://"+h.addr+"/api/webhook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(header, value)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != 200 {
		t.Fatalf("webhook: %s %s", res.Status, text)
	}
}

// doubtFor sets how long a doubtful deletion is held.
func (h *hawser) doubtFor(t *testing.T, duration string) {
	t.Helper()
	h.Apply(t, h.control, fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm, labels: {app.kubernetes.io/part-of: argocd}}, data: {hawser.applicationset.doubt: %s}}`, duration))
}

// A pull request that is opened becomes an application, a push to it moves the application, and closing it takes it away:
// the last one after a while, because a list that is suddenly empty is doubted.
func TestPullRequestsBecomeApplications(t *testing.T) {
	for _, kind := range []string{"github", "gitlab", "gitea"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := startForged(t, kind)
			f.doubtFor(t, "5s")
			f.Apply(t, f.control, f.previews(""))
			f.waitSaid(t, f.pre, "ErrorOccurred=False", "ParametersGenerated=True")
			f.madeBy(t, f.pre)

			one := f.branch(t, "feature/one", "one")
			n := f.shop.Open(forgetest.Pull{Title: "One", Branch: "feature/one", Head: one})
			f.tell(t, "opened")
			f.madeBy(t, f.pre, "1")
			f.wait(t, f.pre+"-1", synced(one))
			if got := f.get(t, f.pre+"-1").Labels["branch"]; got != "feature-one" {
				t.Errorf("the branch is %q", got)
			}
			if f.Get(t, "v1", "ConfigMap", f.target, "settings-1") == nil {
				t.Error("nothing is deployed")
			}

			one = f.branch(t, "feature/one", "one-more")
			f.shop.Push(n, one)
			f.tell(t, "synchronize")
			f.wait(t, f.pre+"-1", synced(one))

			two := f.branch(t, "feature/two", "two")
			f.shop.Open(forgetest.Pull{Title: "Two", Branch: "feature/two", Head: two})
			f.tell(t, "opened")
			f.madeBy(t, f.pre, "1", "2")
			f.wait(t, f.pre+"-2", synced(two))

			f.shop.Close(n)
			f.tell(t, "closed")
			f.madeBy(t, f.pre, "2")
			f.WaitGone(t, "v1", "ConfigMap", f.target, "settings-1")

			f.shop.Close(2)
			f.tell(t, "closed")
			f.waitSaid(t, f.pre, "ErrorOccurred=True", "the generators yield nothing, and 1 applications would be deleted", "they stay until 20", "when the generators are asked again")
			f.madeBy(t, f.pre)
			f.WaitGone(t, "v1", "ConfigMap", f.target, "settings-2")
			f.waitSaid(t, f.pre, "ErrorOccurred=False")
		})
	}
}

// Whatever a forge does instead of answering, nothing is deleted, the condition names it, and it heals by itself.
func TestForgeFaultsDeleteNothing(t *testing.T) {
	for _, kind := range []string{"github", "gitlab", "gitea"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := startForged(t, kind)
			head := f.branch(t, "one", "one")
			for i := range 3 {
				f.shop.Open(forgetest.Pull{Title: fmt.Sprint("Change ", i), Branch: "one", Head: head})
			}
			f.Apply(t, f.control, f.previews(""))
			f.madeBy(t, f.pre, "1", "2", "3")
			for _, c := range []struct {
				name  string
				fault forgetest.Fault
				says  string
			}{
				{"500", forgetest.Answers(500), "it answers 500 Internal Server Error"},
				{"a web page", forgetest.WebPage, "where JSON belongs"},
				{"half a page", forgetest.CutOff, "its answer is cut off"},
				{"401", forgetest.Answers(401), "it answers 401 Unauthorized"},
				{"404", forgetest.Answers(404), "it answers 404 Not Found"},
				{"an empty list", f.forge.EmptyList, "the generators yield nothing, and 3 applications would be deleted"},
			} {
				f.forge.Break(c.fault)
				f.tell(t, "synchronize")
				f.waitSaid(t, f.pre, "ErrorOccurred=True", c.says)
				f.madeBy(t, f.pre, "1", "2", "3")
				f.forge.Heal()
				f.tell(t, "synchronize")
				f.waitSaid(t, f.pre, "ErrorOccurred=False")
			}
			f.madeBy(t, f.pre, "1", "2", "3")
			for i := 1; i <= 3; i++ {
				if f.get(t, fmt.Sprint(f.pre, "-", i)).DeletionTimestamp != nil {
					t.Errorf("preview-%d is being deleted", i)
				}
			}
		})
	}
}

// Only the sets that list a repository's pull requests are woken by them; nobody else asks a forge.
func TestPullRequestsWakeTheirSets(t *testing.T) {
	f := startForged(t, "gitea")
	other := f.forge.Repo("acme", "other")
	f.Apply(t, f.control, f.previews(""))
	f.Apply(t, f.control, strings.Replace(f.previews("-other"), "repo: shop", "repo: other", 1))
	f.waitSaid(t, f.pre, "ErrorOccurred=False")
	f.waitSaid(t, f.pre+"-other", "ErrorOccurred=False")
	asked := func(repo *forgetest.Repo) (n int) {
		for _, a := range f.forge.Asked() {
			if strings.Contains(a, "/repos/acme/"+repo.Name+"/pulls") {
				n++
			}
		}
		return n
	}
	before := asked(other)
	head := f.branch(t, "one", "one")
	for i := range 3 {
		f.shop.Open(forgetest.Pull{Title: "One", Branch: "one", Head: head})
		f.tell(t, "opened")
		clustertest.Wait(t, "the new preview", func(context.Context) error {
			if f.get(t, fmt.Sprint(f.pre, "-", i+1)) == nil {
				return fmt.Errorf("it is not there")
			}
			return nil
		})
	}
	f.wait(t, f.pre+"-1", synced(head))
	f.wait(t, f.pre+"-3", synced(head))
	if now := asked(other); now != before {
		t.Errorf("the other repository was asked for %d times more", now-before)
	}
	if n := asked(f.shop); n > 6 { // the statuses of three applications changed many times
		t.Errorf("the repository was asked for %d times", n)
	}
}

// Tokens come from where the settings permit, and go where they permit.
func TestForgeSettings(t *testing.T) {
	f := startForged(t, "gitea")
	params := func(data string) {
		f.Apply(t, f.control, `{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cmd-params-cm, labels: {app.kubernetes.io/part-of: argocd}}, data: {`+data+`}}`)
	}
	params("applicationsetcontroller.enable.tokenref.strict.mode: 'true'")
	f.Apply(t, f.control, f.previews(""))
	f.waitSaid(t, f.pre, "ErrorOccurred=True", "forge-token is not meant for forges", "argocd.argoproj.io/secret-type: scm-creds")
	if n := f.forge.Requests(0); n != 0 {
		t.Errorf("the forge was asked %d times", n)
	}
	f.Patch(t, "person", "v1", "Secret", f.control, "forge-token", `{"metadata":{"labels":{"argocd.argoproj.io/secret-type":"scm-creds"}}}`)
	params("applicationsetcontroller.allowed.scm.providers: 'https://git.corp/'")
	f.waitSaid(t, f.pre, "ErrorOccurred=True", "not allowed, must use one of the following: https://git.corp/")
	params("applicationsetcontroller.enable.scm.providers: 'false'")
	f.waitSaid(t, f.pre, "ErrorOccurred=True", "scm providers are disabled")
	params("applicationsetcontroller.allowed.scm.providers: 'https://git.corp/," + f.forge.API() + "', applicationsetcontroller.enable.tokenref.strict.mode: 'true'")
	f.waitSaid(t, f.pre, "ErrorOccurred=False")
}

// Every repository of an owner that fits becomes an application; one that no longer fits goes.
func TestRepositoriesBecomeApplications(t *testing.T) {
	f := startForged(t, "github")
	all := f.name("all")
	f.shop.Topics, f.shop.Files["app/settings.yaml"] = []string{"deploy"}, true
	f.forge.Repo("acme", "docs")
	f.forge.Repo("acme", "bare").Topics = []string{"deploy"}
	f.Apply(t, f.control, fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %[1]s}
spec:
  generators:
  - scmProvider:
      github: {organization: acme, api: '%[2]s', tokenRef: {secretName: forge-token, key: token}}
      cloneProtocol: https
      requeueAfterSeconds: 5
      filters: [{labelMatch: '^deploy$', pathsExist: [app/]}]
  template:
    metadata: {name: '%[1]s-{{ repository }}', annotations: {of: '{{ url }} {{ branch }} {{ short_sha }}'}}
    spec:
      project: default
      source: {repoURL: %[3]s, targetRevision: main, path: app}
      destination: {server: https://kubernetes.default.svc, namespace: %[4]s}
`, all, f.forge.API(), f.repo.URL, f.target))
	f.madeBy(t, all, "shop")
	if got, want := f.get(t, all+"-shop").Annotations["of"], f.shop.Page()+".git main "+forgetest.Commit("acmeshop")[:8]; got != want {
		t.Errorf("it is %q, not %q", got, want)
	}
	f.forge.Break(forgetest.Answers(503))
	f.waitSaid(t, all, "ErrorOccurred=True", "503")
	f.madeBy(t, all, "shop")
	f.forge.Heal()
	more := f.forge.Repo("acme", "more")
	more.Topics, more.Files["app/x.yaml"] = []string{"deploy"}, true
	f.madeBy(t, all, "more", "shop")
}

// A GitHub App of a repo-creds Secret asks as well as a token, at its own host alone.
func TestGitHubAppAsks(t *testing.T) {
	f := startForged(t, "github")
	key := f.forge.App(t, 7, "acme")
	head := f.branch(t, "one", "one")
	f.shop.Open(forgetest.Pull{Title: "One", Branch: "one", Head: head})
	secret := func(url string) {
		f.Apply(t, f.control, fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: app, labels: {argocd.argoproj.io/secret-type: repo-creds}}, stringData: {url: %q, githubAppID: '7', githubAppInstallationID: '41', githubAppPrivateKey: %q}}`, url, key))
	}
	secret("https://github.com/acme")
	f.Apply(t, f.control, strings.Replace(f.previews(""), "tokenRef: {secretName: forge-token, key: token}", "appSecretName: app", 1))
	f.waitSaid(t, f.pre, "ErrorOccurred=True", "the GitHub App of Secret app is for github.com, and not for 127.0.0.1")
	if n := f.forge.Requests(0); n != 0 {
		t.Errorf("the forge was asked %d times", n)
	}
	secret(f.forge.URL + "/acme")
	f.madeBy(t, f.pre, "1")
}

// AWS CodeCommit is refused in words that help.
func TestCodeCommitIsRefused(t *testing.T) {
	h := start(t)
	name := h.name("aws")
	h.Apply(t, h.control, fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: %s}
spec:
  generators: [{scmProvider: {awsCodeCommit: {region: eu-west-1}}}]
  template:
    metadata: {name: '{{ repository }}'}
    spec: {project: default, source: {repoURL: '{{ url }}', path: .}, destination: {server: https://kubernetes.default.svc, namespace: default}}
`, name))
	h.waitSaid(t, name, "ErrorOccurred=True", "does not ask AWS CodeCommit", "list or plugin generator")
}
