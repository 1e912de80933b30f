package webhook

import (
	"slices"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/problem"
)

// A pull request that changes is told of, with the repository that it is merged into; a remark at it is not.
func TestRequests(t *testing.T) {
	hub := func(action string) string {
		return `{"action":"` + action + `","number":3,"pull_request":{"head":{"sha":"x"}},"repository":{"html_url":"https://git.corp/acme/shop","clone_url":"https://git.corp/acme/shop.git","ssh_url":"git@git.corp:acme/shop.git"}}`
	}
	lab := func(action string) string {
		return `{"object_kind":"merge_request","object_attributes":{"iid":3,"action":"` + action + `"},"project":{"id":42,"web_url":"https://lab.corp/acme/shop","git_http_url":"https://lab.corp/acme/shop.git"}}`
	}
	const cloud = `{"pullrequest":{"id":3},"repository":{"full_name":"acme/shop","links":{"html":{"href":"https://bitbucket.org/acme/shop"}}}}`
	const server = `{"eventKey":"pr:opened","pullRequest":{"id":3,"toRef":{"repository":{"slug":"shop","project":{"key":"ACME"},"links":{"self":[{"href":"https://bb.corp/projects/ACME/repos/shop/browse"}]}}}}}`
	azure := func(event string) string {
		return `{"eventType":"` + event + `","resource":{"pullRequestId":3,"repository":{"remoteUrl":"https://dev.azure.com/acme/team/_git/shop"}}}`
	}
	for name, c := range map[string]struct {
		header map[string]string
		body   string
		url    string // one of the addresses; empty when it asks for nothing
	}{
		"GitHub opens":            {map[string]string{"X-GitHub-Event": "pull_request"}, hub("opened"), "https://git.corp/acme/shop"},
		"GitHub pushes":           {map[string]string{"X-GitHub-Event": "pull_request"}, hub("synchronize"), "https://git.corp/acme/shop.git"},
		"GitHub labels":           {map[string]string{"X-GitHub-Event": "pull_request"}, hub("labeled"), "https://git.corp/acme/shop"},
		"GitHub closes":           {map[string]string{"X-GitHub-Event": "pull_request"}, hub("closed"), "https://git.corp/acme/shop"},
		"GitHub assigns":          {map[string]string{"X-GitHub-Event": "pull_request"}, hub("assigned"), ""},
		"GitHub reviews":          {map[string]string{"X-GitHub-Event": "pull_request_review"}, hub("submitted"), ""},
		"Gitea opens":             {map[string]string{"X-Gitea-Event": "pull_request", "X-GitHub-Event": "pull_request"}, hub("opened"), "git@git.corp:acme/shop.git"},
		"Gitea pushes":            {map[string]string{"X-Gitea-Event": "pull_request_sync"}, hub("synchronized"), "https://git.corp/acme/shop"},
		"Forgejo labels":          {map[string]string{"X-Forgejo-Event": "pull_request_label"}, hub("label_updated"), "https://git.corp/acme/shop"},
		"GitLab opens":            {map[string]string{"X-Gitlab-Event": "Merge Request Hook"}, lab("open"), "https://lab.corp/acme/shop"},
		"GitLab, by number":       {map[string]string{"X-Gitlab-Event": "Merge Request Hook"}, lab("merge"), "https://lab.corp/projects/42"},
		"GitLab approves":         {map[string]string{"X-Gitlab-Event": "Merge Request Hook"}, lab("approved"), ""},
		"Bitbucket creates":       {map[string]string{"X-Event-Key": "pullrequest:created", "X-Hook-UUID": "u"}, cloud, "https://bitbucket.org/acme/shop"},
		"Bitbucket remarks":       {map[string]string{"X-Event-Key": "pullrequest:comment_created", "X-Hook-UUID": "u"}, cloud, ""},
		"Bitbucket Server opens":  {map[string]string{"X-Event-Key": "pr:opened"}, server, "https://bb.corp/projects/ACME/repos/shop"},
		"Bitbucket Server pushes": {map[string]string{"X-Event-Key": "pr:from_ref_updated"}, server, "https://bb.corp/scm/acme/shop.git"},
		"Azure creates":           {map[string]string{"X-Vss-Activityid": "a"}, azure("git.pullrequest.created"), "https://dev.azure.com/acme/team/_git/shop"},
		"Azure comments":          {map[string]string{"X-Vss-Activityid": "a"}, azure("ms.vss-code.git-pullrequest-comment-event"), ""},
	} {
		header := func(key string) string {
			for k, v := range c.header {
				if strings.EqualFold(k, key) {
					return v
				}
			}
			return ""
		}
		got, err := Parse(header, []byte(c.body), Secrets{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.url == "" {
			if len(got.Repositories) > 0 || got.Request {
				t.Errorf("%s asks for %+v", name, got)
			}
			continue
		}
		if !got.Request || !slices.Contains(got.Repositories, c.url) || got.Ref != "" || got.ChangedComplete {
			t.Errorf("%s is %+v", name, got)
		}
		for _, broken := range []string{"", "null", "[]", "{", `{"action":"opened"}`, `{"object_attributes":{"action":"open"}}`} {
			if got, err := Parse(header, []byte(broken), Secrets{}); err == nil && len(got.Repositories) > 0 || err != nil && !problem.Is(err, problem.Invalid) {
				t.Errorf("%s: %q is %+v, %v", name, broken, got, err)
			}
		}
		if _, err := Parse(header, []byte(c.body), Secrets{GitHub: "s", GitLab: "s", Gogs: "s", BitbucketUUID: "s", BitbucketServer: "s", AzureUsername: "s", AzurePassword: "s"}); !problem.Is(err, problem.Unauthenticated) {
			t.Errorf("%s is taken without its proof: %v", name, err)
		}
	}
}
