// Package webhook reads what a Git provider posts: which repository was pushed to, and what moved in it; or that one of its
// pull requests changed.
//
// The idea: a delivery is a hint. It may make us look at a repository sooner, and it decides nothing: what is deployed
// comes from the repository itself, so a forged or lost delivery costs a fetch or a wait, never a wrong state. Read
// Parse first, then the table of providers. The package refuses to open anything (it gets headers and bytes), to parse
// before a configured secret has been checked, and to panic, whatever the bytes are.
package webhook

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Bounds on what one delivery may make us keep. What exceeds them is left out, and the push says so.
const (
	maxURLs  = 32
	maxURL   = 2048  // bytes
	maxRef   = 1024  // bytes; git itself stops at 4096-byte paths
	maxPaths = 10000 // changed paths
)

// Push is what a delivery says. A push without Repositories asks for nothing: a ping, or an event that we have no use for.
type Push struct {
	Provider     string   // "github", "gitlab", "gitea", "bitbucket", "bitbucket-server" or "azuredevops"
	Repositories []string // one repository in all its spellings: web page, https, ssh
	Ref          string   // refs/heads/main, refs/tags/v1; empty when several moved or none is named: look at all
	Before       string   // commit id; empty when the ref is new, or unknown
	After        string   // commit id; empty when the ref is gone, or unknown
	Request      bool     // no push: a pull request of the repository was opened, changed or closed

	// Changed are the paths that the listed commits touch, sorted, each once. Unless ChangedComplete, more may have
	// changed: most providers cut the list, or do not say when history was rewritten.
	Changed         []string
	ChangedComplete bool
}

// Header returns the value of a request header, or "": http.Header.Get fits.
type Header func(name string) string

// Parse reads one delivery. body is the request's body, byte for byte, already bounded by the caller.
//
// Errors: problem.Unauthenticated when the provider's secret is set and the delivery does not carry its proof, checked
// before a byte of the body is parsed; problem.Forbidden when no secret is set and unsigned deliveries are refused;
// problem.Invalid when no provider, or more than one, sends such headers, or the body is not that provider's push.
func Parse(header Header, body []byte, secrets Secrets) (Push, error) {
	p, err := providerOf(header)
	if err != nil {
		return Push{}, err
	}
	if err := secrets.admit(p, header, body); err != nil {
		return Push{}, err
	}
	read, what := p.read, "a push"
	switch {
	case p.isPush(header):
	case p.isRequest != nil && p.isRequest(header):
		read, what = p.readRequest, "about a pull request"
	default:
		return Push{Provider: p.name}, nil
	}
	text, err := payload(header, body)
	if err != nil {
		return Push{}, err
	}
	push, err := read(text)
	if err != nil {
		return Push{}, problem.New(problem.Invalid, "the %s delivery is not %s as %s sends it: %s", p.name, what, p.title, short(err))
	}
	push.Provider = p.name
	return push, nil
}

// A provider is one row of the table below.
type provider struct {
	name, title string
	key         string // in argocd-secret, for the hint
	sends       func(Header) bool
	isPush      func(Header) bool
	configured  func(Secrets) bool
	proves      func(s Secrets, h Header, body []byte) bool
	read        func(body []byte) (Push, error)
	isRequest   func(Header) bool
	readRequest func(body []byte) (Push, error)
}

func providers() []provider {
	return []provider{
		{
			name: "gitea", title: "Gitea, Forgejo or Gogs", key: "webhook.gogs.secret",
			sends:      func(h Header) bool { return giteaEvent(h) != "" },
			isPush:     func(h Header) bool { return giteaEvent(h) == "push" },
			configured: func(s Secrets) bool { return s.Gogs != "" },
			proves:     giteaProves, read: readGitea,
			isRequest: func(h Header) bool { return strings.HasPrefix(giteaEvent(h), "pull_request") }, readRequest: readHubRequest,
		},
		{
			name: "github", title: "GitHub", key: "webhook.github.secret",
			// Gitea and its relatives send GitHub's headers beside their own.
			sends:      func(h Header) bool { return h("X-GitHub-Event") != "" && giteaEvent(h) == "" },
			isPush:     func(h Header) bool { return h("X-GitHub-Event") == "push" },
			configured: func(s Secrets) bool { return s.GitHub != "" },
			proves:     githubProves, read: readGitHub,
			isRequest: func(h Header) bool { return h("X-GitHub-Event") == "pull_request" }, readRequest: readHubRequest,
		},
		{
			name: "gitlab", title: "GitLab", key: "webhook.gitlab.secret",
			sends:      func(h Header) bool { return h("X-Gitlab-Event") != "" },
			isPush:     gitlabPush,
			configured: func(s Secrets) bool { return s.GitLab != "" },
			proves:     gitlabProves, read: readGitLab,
			isRequest: func(h Header) bool { return h("X-Gitlab-Event") == "Merge Request Hook" }, readRequest: readGitLabRequest,
		},
		{
			name: "bitbucket", title: "Bitbucket Cloud", key: "webhook.bitbucket.uuid",
			sends:      func(h Header) bool { return h("X-Event-Key") != "" && h("X-Hook-UUID") != "" },
			isPush:     func(h Header) bool { return h("X-Event-Key") == "repo:push" },
			configured: func(s Secrets) bool { return s.BitbucketUUID != "" },
			proves:     bitbucketProves, read: readBitbucket,
			isRequest: func(h Header) bool { return oneOf(h("X-Event-Key"), bitbucketEvents) }, readRequest: readBitbucketRequest,
		},
		{
			name: "bitbucket-server", title: "Bitbucket Server", key: "webhook.bitbucketserver.secret",
			sends:      func(h Header) bool { return h("X-Event-Key") != "" && h("X-Hook-UUID") == "" },
			isPush:     func(h Header) bool { return h("X-Event-Key") == "repo:refs_changed" },
			configured: func(s Secrets) bool { return s.BitbucketServer != "" },
			proves:     bitbucketServerProves, read: readBitbucketServer,
			isRequest: func(h Header) bool { return oneOf(h("X-Event-Key"), bitbucketServerEvents) }, readRequest: readBitbucketServerRequest,
		},
		{
			name: "azuredevops", title: "Azure DevOps", key: "webhook.azuredevops.username and .password",
			sends:      func(h Header) bool { return h("X-Vss-Activityid") != "" || h("X-Vss-Subscriptionid") != "" },
			isPush:     func(Header) bool { return true }, // the body alone names the event
			configured: func(s Secrets) bool { return s.AzureUsername != "" || s.AzurePassword != "" },
			proves:     azureProves, read: readAzure,
		},
	}
}

// providerOf finds the one provider that sends such headers. Two at once is nobody's delivery: taking the first would
// let a caller choose whose secret is asked for.
func providerOf(h Header) (provider, error) {
	var found []provider
	for _, p := range providers() {
		if p.sends(h) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return provider{}, problem.New(problem.Invalid, "the request carries no event header of a known Git provider").
			WithHint("known are GitHub, GitLab, Gitea, Forgejo, Gogs, Bitbucket and Azure DevOps")
	}
	return provider{}, problem.New(problem.Invalid, "the request carries event headers of %s and of %s at once", found[0].title, found[1].title)
}

// payload unwraps a form, which GitHub and Gitea send when the hook's content type is left at "form".
func payload(h Header, body []byte) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(h("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return body, nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("payload") == "" {
		return nil, problem.New(problem.Invalid, "the delivery is a form without a readable field named payload").
			WithHint("set the hook's content type to application/json")
	}
	return []byte(form.Get("payload")), nil
}

// decode reads body as JSON; unknown fields are what providers add every month.
func decode[T any](body []byte) (v T, err error) {
	err = json.Unmarshal(body, &v)
	return v, err
}

// A move is one ref of a push that changed from one commit to another.
type move struct{ ref, before, after string }

// newPush puts the parts of a delivery together, cleaned and bounded.
func newPush(urls []string, moves []move) (Push, error) {
	p := Push{}
	for _, u := range urls {
		if plausible(u) && !slices.Contains(p.Repositories, u) && len(p.Repositories) < maxURLs {
			p.Repositories = append(p.Repositories, u)
		}
	}
	if len(p.Repositories) == 0 {
		return Push{}, fmt.Errorf("it names no repository URL")
	}
	// Several refs in one push are rare (git push --all); then the repository is looked at as a whole.
	if len(moves) == 1 {
		m := moves[0]
		if len(m.ref) > maxRef || strings.ContainsFunc(m.ref, control) {
			return Push{}, fmt.Errorf("it names an impossible ref")
		}
		p.Ref, p.Before, p.After = m.ref, commit(m.before), commit(m.after)
	}
	return p, nil
}

// touch records the changed paths; whole says whether the provider vouches for the list.
func (p *Push) touch(lists [][]string, whole bool) {
	seen := map[string]bool{}
	for _, list := range lists {
		for _, path := range list {
			if len(seen) == maxPaths && !seen[path] {
				whole = false
				break
			}
			seen[path] = true
		}
	}
	for path := range seen {
		p.Changed = append(p.Changed, path)
	}
	slices.Sort(p.Changed)
	p.ChangedComplete = whole && len(p.Changed) > 0
}

// plausible reports whether u could name a repository: a URL, or git's scp form. Callers compare it with the
// repositories they know; it is never fetched from.
func plausible(u string) bool {
	if len(u) > maxURL || strings.ContainsFunc(u, func(r rune) bool { return control(r) || r == ' ' }) {
		return false
	}
	if scheme, rest, ok := strings.Cut(u, "://"); ok {
		return slices.Contains([]string{"http", "https", "ssh", "git"}, strings.ToLower(scheme)) && rest != ""
	}
	user, rest, ok := strings.Cut(u, "@")
	host, path, colon := strings.Cut(rest, ":")
	return ok && colon && user != "" && host != "" && path != "" && !strings.HasPrefix(u, "-")
}

func control(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }

// commit returns id when it is a commit's full name, else "": also for git's all-zero "no commit".
func commit(id string) string {
	if len(id) != 40 && len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "" || strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}

// short keeps a parser's words and not the bytes that it quotes.
func short(err error) string {
	s := strings.ToValidUTF8(err.Error(), "?")
	if r := []rune(s); len(r) > 160 {
		s = string(r[:160]) + "…"
	}
	return s
}
