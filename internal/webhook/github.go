package webhook

import "strings"

// GitHub's own limits on a push delivery: https://docs.github.com/webhooks, event "push".
const (
	githubMaxCommits = 2048
	githubMaxFiles   = 3000 // per commit
)

// fileLists is how GitHub, GitLab and Gitea list the files of a commit.
type fileLists struct {
	Added    []string `json:"added"`
	Modified []string `json:"modified"`
	Removed  []string `json:"removed"`
}

func (f fileLists) all() [][]string { return [][]string{f.Added, f.Modified, f.Removed} }

func (f fileLists) count() int { return len(f.Added) + len(f.Modified) + len(f.Removed) }

type githubPush struct {
	Ref        string      `json:"ref"`
	Before     string      `json:"before"`
	After      string      `json:"after"`
	Created    bool        `json:"created"`
	Deleted    bool        `json:"deleted"`
	Forced     bool        `json:"forced"`
	Commits    []fileLists `json:"commits"`
	Repository struct {
		HTML  string `json:"html_url"`
		Clone string `json:"clone_url"`
		SSH   string `json:"ssh_url"`
		Git   string `json:"git_url"`
	} `json:"repository"`
}

func readGitHub(body []byte) (Push, error) {
	in, err := decode[githubPush](body)
	if err != nil {
		return Push{}, err
	}
	r := in.Repository
	push, err := newPush([]string{r.HTML, r.Clone, r.SSH, r.Git}, []move{{in.Ref, in.Before, in.After}})
	if err != nil {
		return Push{}, err
	}
	push.touch(in.changes())
	return push, nil
}

// changes lists what the commits touch, and whether that is all that changed. GitHub is the only provider that says
// when a push rewrote history; the commits dropped by a forced push are listed nowhere, and a new branch's commits are
// counted from the default branch.
func (in githubPush) changes() (lists [][]string, whole bool) {
	whole = !in.Forced && !in.Created && !in.Deleted && strings.HasPrefix(in.Ref, "refs/heads/") && len(in.Commits) < githubMaxCommits
	for _, c := range in.Commits {
		lists = append(lists, c.all()...)
		whole = whole && c.count() < githubMaxFiles
	}
	return lists, whole
}
