package webhook

import (
	"net/url"
	"slices"
	"strconv"
)

// Events about pull requests after which a list of the open ones, or of their labels and heads, may read differently.
// Reviews and remarks change neither.
var (
	hubActions            = []string{"opened", "closed", "reopened", "synchronize", "synchronized", "edited", "labeled", "unlabeled", "label_updated", "label_cleared"} // GitHub; Gitea has words of its own
	gitlabActions         = []string{"open", "close", "reopen", "update", "merge"}
	bitbucketEvents       = []string{"pullrequest:created", "pullrequest:updated", "pullrequest:fulfilled", "pullrequest:rejected"}
	bitbucketServerEvents = []string{"pr:opened", "pr:from_ref_updated", "pr:modified", "pr:merged", "pr:declined", "pr:deleted"}
	azureEvents           = []string{"git.pullrequest.created", "git.pullrequest.updated", "git.pullrequest.merged"}
)

func oneOf(word string, list []string) bool { return slices.Contains(list, word) }

// newRequest is a hint that a pull request of a repository changed.
func newRequest(urls []string) (Push, error) {
	p, err := newPush(urls, nil)
	p.Request = err == nil
	return p, err
}

// readHubRequest reads pull_request of GitHub, and pull_request, pull_request_sync and pull_request_label of Gitea and its
// relatives.
func readHubRequest(body []byte) (Push, error) {
	in, err := decode[struct {
		Action     string `json:"action"`
		Repository struct {
			HTML  string `json:"html_url"`
			Clone string `json:"clone_url"`
			SSH   string `json:"ssh_url"`
		} `json:"repository"`
	}](body)
	if err != nil || !oneOf(in.Action, hubActions) {
		return Push{}, err
	}
	r := in.Repository
	return newRequest([]string{r.HTML, r.Clone, r.SSH})
}

// readGitLabRequest reads a merge request hook. Its project is the one that is merged into; generators may name it by its
// number, under which GitLab has a page, too.
func readGitLabRequest(body []byte) (Push, error) {
	in, err := decode[struct {
		Attributes struct {
			Action string `json:"action"`
		} `json:"object_attributes"`
		Project struct {
			gitlabRepository
			ID int64 `json:"id"`
		} `json:"project"`
	}](body)
	if err != nil || !oneOf(in.Attributes.Action, gitlabActions) {
		return Push{}, err
	}
	urls := []string{in.Project.Web, in.Project.HTTP, in.Project.SSH, in.Project.Homepage}
	if u, err := url.Parse(in.Project.Web); err == nil && u.Host != "" && in.Project.ID > 0 {
		urls = append(urls, u.Scheme+"://"+u.Host+"/projects/"+strconv.FormatInt(in.Project.ID, 10))
	}
	return newRequest(urls)
}

// readBitbucketRequest reads Bitbucket Cloud's pullrequest events.
func readBitbucketRequest(body []byte) (Push, error) {
	in, err := decode[struct {
		Repository bitbucketRepository `json:"repository"`
	}](body)
	if err != nil {
		return Push{}, err
	}
	return newRequest(in.Repository.urls())
}

// readBitbucketServerRequest reads Bitbucket Server's pr events, which name the repository at the end that is merged into.
func readBitbucketServerRequest(body []byte) (Push, error) {
	in, err := decode[struct {
		Pull struct {
			To struct {
				Repository bitbucketServerRepository `json:"repository"`
			} `json:"toRef"`
		} `json:"pullRequest"`
	}](body)
	if err != nil {
		return Push{}, err
	}
	r := in.Pull.To.Repository
	urls := r.urls()
	if len(urls) > 0 && r.Slug != "" { // its pages' address, wherever the server lives
		if u, err := url.Parse(urls[0]); err == nil {
			urls = append(urls, u.Scheme+"://"+u.Host+"/projects/"+r.Project.Key+"/repos/"+r.Slug)
		}
	}
	return newRequest(urls)
}
