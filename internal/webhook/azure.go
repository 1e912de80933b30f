package webhook

import (
	"fmt"
	"net/url"
	"strings"
)

type azureRepository struct {
	RemoteURL string `json:"remoteUrl"`
	SSHURL    string `json:"sshUrl"`
	WebURL    string `json:"webUrl"`
}

func (r azureRepository) urls() []string {
	return append([]string{r.RemoteURL, r.SSHURL, r.WebURL}, azureSpellings(r.RemoteURL)...)
}

// readAzure reads Azure DevOps' git.push, and its events about pull requests. The body names the event; others ask for nothing.
func readAzure(body []byte) (Push, error) {
	in, err := decode[struct {
		EventType string `json:"eventType"`
		Resource  struct {
			RefUpdates []struct {
				Name string `json:"name"`
				Old  string `json:"oldObjectId"`
				New  string `json:"newObjectId"`
			} `json:"refUpdates"`
			Repository azureRepository `json:"repository"`
		} `json:"resource"`
	}](body)
	if err != nil {
		return Push{}, err
	}
	switch {
	case in.EventType == "":
		return Push{}, fmt.Errorf("it names no eventType")
	case oneOf(in.EventType, azureEvents):
		return newRequest(in.Resource.Repository.urls())
	case in.EventType != "git.push":
		return Push{}, nil
	case len(in.Resource.RefUpdates) == 0:
		return Push{}, fmt.Errorf("it updates no ref; the hook must send all resource details")
	}
	var moves []move
	for _, r := range in.Resource.RefUpdates {
		moves = append(moves, move{r.Name, r.Old, r.New})
	}
	return newPush(in.Resource.Repository.urls(), moves)
}

// azureSpellings returns the addresses under which the cloud service answers for one repository: the host of today and
// that of before 2018, https and ssh. A repository named as its project may leave the project out.
func azureSpellings(remote string) []string {
	u, err := url.Parse(remote)
	if err != nil {
		return nil
	}
	before, repo, ok := strings.Cut(u.EscapedPath(), "/_git/")
	if !ok || repo == "" || strings.Contains(repo, "/") {
		return nil
	}
	parts := strings.FieldsFunc(before, func(r rune) bool { return r == '/' })
	org, old := strings.CutSuffix(strings.ToLower(u.Hostname()), ".visualstudio.com")
	switch {
	case old && len(parts) > 0 && strings.EqualFold(parts[0], "DefaultCollection"):
		parts = parts[1:]
	case strings.EqualFold(u.Hostname(), "dev.azure.com") && len(parts) > 0:
		org, parts = parts[0], parts[1:]
	case !old:
		return nil // a server of one's own: its remoteUrl is all there is
	}
	project := repo
	if len(parts) > 0 {
		project = parts[0]
	}
	return []string{
		"https://dev.azure.com/" + org + "/" + project + "/_git/" + repo,
		"https://" + org + ".visualstudio.com/" + project + "/_git/" + repo,
		"git@ssh.dev.azure.com:v3/" + org + "/" + project + "/" + repo,
		org + "@vs-ssh.visualstudio.com:v3/" + org + "/" + project + "/" + repo,
	}
}
