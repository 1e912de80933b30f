package webhook

// giteaEvent returns the event of Gitea and its relatives, which send one another's headers, and GitHub's.
func giteaEvent(h Header) string {
	for _, name := range []string{"X-Forgejo-Event", "X-Gitea-Event", "X-Gogs-Event"} {
		if event := h(name); event != "" {
			return event
		}
	}
	return ""
}

// readGitea reads the push of Gitea, Forgejo and Gogs: GitHub's shape without its flags. The list of commits is cut
// short and nothing tells a rewritten history, so its paths are never complete.
func readGitea(body []byte) (Push, error) {
	in, err := decode[githubPush](body)
	if err != nil {
		return Push{}, err
	}
	r := in.Repository
	push, err := newPush([]string{r.HTML, r.Clone, r.SSH}, []move{{in.Ref, in.Before, in.After}})
	if err != nil {
		return Push{}, err
	}
	lists, _ := in.changes()
	push.touch(lists, false)
	return push, nil
}
