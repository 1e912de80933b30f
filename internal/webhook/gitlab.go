package webhook

import "strings"

// gitlabPush knows the event by its header, but for system hooks, where the body alone names it.
func gitlabPush(h Header) bool {
	switch h("X-Gitlab-Event") {
	case "Push Hook", "Tag Push Hook", "System Hook":
		return true
	}
	return false
}

type gitlabRepository struct {
	Web      string `json:"web_url"`
	Homepage string `json:"homepage"`
	HTTP     string `json:"git_http_url"`
	SSH      string `json:"git_ssh_url"`
}

// readGitLab reads push and tag push hooks, and system hooks of those two kinds. GitLab lists 20 commits at most and
// does not say when history was rewritten, so its list of paths is never complete.
func readGitLab(body []byte) (Push, error) {
	in, err := decode[struct {
		Event      string           `json:"event_name"`
		Kind       string           `json:"object_kind"`
		Ref        string           `json:"ref"`
		Before     string           `json:"before"`
		After      string           `json:"after"`
		Project    gitlabRepository `json:"project"`
		Repository gitlabRepository `json:"repository"`
		Commits    []fileLists      `json:"commits"`
	}](body)
	if err != nil {
		return Push{}, err
	}
	if event := in.Kind + in.Event; event != "" && !strings.Contains(event, "push") {
		return Push{}, nil // a system hook about users, groups or keys
	}
	push, err := newPush([]string{
		in.Project.Web, in.Project.HTTP, in.Project.SSH, in.Repository.Homepage, in.Repository.HTTP, in.Repository.SSH,
	}, []move{{in.Ref, in.Before, in.After}})
	if err != nil {
		return Push{}, err
	}
	var lists [][]string
	for _, c := range in.Commits {
		lists = append(lists, c.all()...)
	}
	push.touch(lists, false)
	return push, nil
}
