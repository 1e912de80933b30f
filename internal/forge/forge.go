// Package forge asks the services where people keep their Git repositories: which pull requests are open, which
// repositories there are; and tells them how a preview is doing.
//
// The idea: one Client over six services. A list is whole or it is an error: every page is read, and what looks cut off,
// comes as a web page, from another host or too late is no list, because whoever deletes what is missing from a list must
// have the whole of it. Read Client and PullRequests first, then session.send in http.go, where all that can go wrong goes
// wrong. The package refuses to follow a server anywhere: a credential goes to the address that it was given for, whatever
// links and redirects say; and to spend requests on what it knows: it asks with the tag of the last answer.
package forge

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Kind is one of the services.
type Kind string

// The services.
const (
	GitHub          Kind = "github" // Enterprise too
	GitLab          Kind = "gitlab"
	Gitea           Kind = "gitea" // Forgejo too
	Bitbucket       Kind = "bitbucket"
	BitbucketServer Kind = "bitbucketServer" // Data Center too
	AzureDevOps     Kind = "azureDevOps"
)

// Title is how people call the service.
func (k Kind) Title() string {
	switch k {
	case GitHub:
		return "GitHub"
	case GitLab:
		return "GitLab"
	case Gitea:
		return "Gitea"
	case Bitbucket:
		return "Bitbucket Cloud"
	case BitbucketServer:
		return "Bitbucket Server"
	case AzureDevOps:
		return "Azure DevOps"
	}
	return string(k)
}

// Account is one way to one service. It prints as service and address: its credentials are in no text.
type Account struct {
	Kind Kind
	API  string // address of the API as Argo CD's specs have it; empty for the public service

	Token          string // access token; sent as the service wants it
	User, Password string // or both of these
	App            *App   // or a GitHub App

	CA       []byte // PEM: further authorities; nil for the system's alone
	Insecure bool   // do not verify the server's certificate
}

// Format prints service and address, whatever the verb.
func (a Account) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, string(a.Kind)+" "+a.API)
}

// MarshalJSON writes service and address.
func (a Account) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%q", string(a.Kind)+" "+a.API), nil
}

// Place is a repository at a service. GitHub and Gitea name it by owner and repository, GitLab by the project's path or
// number, Bitbucket Cloud by workspace and slug, Bitbucket Server by the project's key and slug, Azure DevOps by all three.
type Place struct{ Owner, Project, Repo string }

// Query says which pull requests are wanted.
type Query struct {
	Labels []string // with all of these
	State  string   // GitLab alone: opened, closed, merged; empty for all of them. The others list open ones
}

// PullRequest is one request to merge a branch.
type PullRequest struct {
	Number               int64
	Title, Author        string
	Branch, TargetBranch string // without refs/heads/
	Head                 string // commit at the end of Branch; Bitbucket Cloud names it by twelve digits
	Labels               []string
}

// Owner says whose repositories are wanted.
type Owner struct {
	Name            string // organisation, group or owner; of Bitbucket Server the project's key; of Azure DevOps the organisation
	Project         string // Azure DevOps alone: the team project
	Protocol        string // of the address to clone from: ssh (the default) or https
	WithoutArchived bool   // GitHub, Gitea
	WithArchived    bool   // GitLab: archived ones too
	Subgroups       bool   // GitLab: groups within the group too
	Shared          bool   // GitLab: what is shared with the group too
	Topic           string // GitLab: only with this topic
}

// Repository is one repository of an owner.
type Repository struct {
	Organization, Name string
	ID                 any    // int64 or string, as the service has it
	URL                string // to clone from
	DefaultBranch      string
	Labels             []string

	slug string // in addresses, where that is not the name
}

// Branch is the end of a branch.
type Branch struct{ Name, Commit string }

// Status is how a commit is doing, for all to see at the pull request.
type Status struct {
	Context     string // whose word it is: one of a context replaces the other
	State       State
	Description string // a short sentence
	URL         string // where to see more; may be empty
}

// State is one of three words that all services know in their own.
type State string

// The states.
const (
	Pending State = "pending"
	Success State = "success"
	Failure State = "failure"
)

// service is one of the six.
type service interface {
	pullRequests(ctx context.Context, p Place, q Query) ([]PullRequest, error)
	repositories(ctx context.Context, o Owner) ([]Repository, error)
	defaultBranch(ctx context.Context, r Repository) ([]Branch, error) // none when the repository is empty
	branches(ctx context.Context, r Repository) ([]Branch, error)
	hasPath(ctx context.Context, r Repository, b Branch, path string) (bool, error)
}

// feedback is what the services do on which previews are reported.
type feedback interface {
	comments(ctx context.Context, p Place, number int64) ([]comment, error)
	post(ctx context.Context, p Place, number int64, body string) error
	change(ctx context.Context, p Place, number, id int64, body string) error
	setStatus(ctx context.Context, p Place, commit string, s Status) error
}

// Client speaks with all services. It is safe for use by many at once.
type Client struct {
	// Now is the clock, time.Now unless set.
	Now func() time.Time

	busy    chan struct{} // bounds the requests that are under way
	waiting atomic.Int64

	mu         sync.Mutex
	transports map[string]*http.Transport
	answers    map[string]*list.Element // of *remembered, by credential and address
	recent     *list.List
	size       int
	closed     map[string]time.Time // until when an account gets no further answers
	pauses     map[string]*pause    // after failures, by what failed
	tokens     map[string]token     // of installations of GitHub Apps
}

// New returns a client that knows nothing yet.
func New() *Client {
	return &Client{Now: time.Now, busy: make(chan struct{}, maxRequests), transports: map[string]*http.Transport{}, answers: map[string]*list.Element{}, recent: list.New(),
		closed: map[string]time.Time{}, pauses: map[string]*pause{}, tokens: map[string]token{}}
}

// PullRequests returns the pull requests of a repository that are open (of GitLab: in the state that is asked for).
//
// Errors: NotFound when the service knows no such repository, or does not show it to this account; Unauthenticated and
// Forbidden when it takes no notice of the account; Unavailable when there was no whole answer, or no further one is given
// for a while; Limit when there are more than can be.
func (c *Client) PullRequests(ctx context.Context, a Account, p Place, q Query) ([]PullRequest, error) {
	s, err := c.open(a)
	if err != nil {
		return nil, err
	}
	pulls, err := s.pullRequests(ctx, p, q)
	if err != nil {
		return nil, err
	}
	for _, pr := range pulls {
		if pr.Number <= 0 || !isCommit(pr.Head) || pr.Branch == "" {
			return nil, problem.New(problem.Unavailable, "%s lists pull request %d of %s without branch and commit: the answer is not whole", a.Kind.Title(), pr.Number, p).
				WithHint("it is asked again")
		}
	}
	return pulls, nil
}

// String is the place as people write it.
func (p Place) String() string {
	out := ""
	for _, part := range []string{p.Owner, p.Project, p.Repo} {
		if out != "" && part != "" {
			out += "/"
		}
		out += part
	}
	return out
}

// Repositories returns the repositories of an owner. Errors are those of PullRequests.
func (c *Client) Repositories(ctx context.Context, a Account, o Owner) ([]Repository, error) {
	s, err := c.open(a)
	if err != nil {
		return nil, err
	}
	if o.Protocol != "" && o.Protocol != "ssh" && o.Protocol != "https" {
		return nil, problem.New(problem.Invalid, "unknown clone protocol for %s %s", a.Kind.Title(), o.Protocol).WithHint("one of ssh, https")
	}
	return s.repositories(ctx, o)
}

// Branches returns the default branch of a repository, or all of them. An empty repository has none.
func (c *Client) Branches(ctx context.Context, a Account, r Repository, all bool) ([]Branch, error) {
	s, err := c.open(a)
	if err != nil {
		return nil, err
	}
	get := s.defaultBranch
	if all {
		get = s.branches
	}
	branches, err := get(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, b := range branches {
		if b.Name == "" || !isCommit(b.Commit) {
			return nil, problem.New(problem.Unavailable, "%s lists branch %q of %s/%s without a commit: the answer is not whole", a.Kind.Title(), b.Name, r.Organization, r.Name).
				WithHint("it is asked again")
		}
	}
	return branches, nil
}

// HasPath reports whether a branch of a repository holds a file or a folder of that path.
func (c *Client) HasPath(ctx context.Context, a Account, r Repository, b Branch, path string) (bool, error) {
	s, err := c.open(a)
	if err != nil {
		return false, err
	}
	return s.hasPath(ctx, r, b, path)
}

// open makes the one session in which an account is used.
func (c *Client) open(a Account) (service, error) {
	s, err := c.session(a)
	if err != nil {
		return nil, err
	}
	switch a.Kind {
	case GitHub:
		return github{s}, nil
	case GitLab:
		return gitlab{s}, nil
	case Gitea:
		return gitea{s}, nil
	case Bitbucket:
		return bitbucket{s}, nil
	case BitbucketServer:
		return bitbucketServer{s}, nil
	case AzureDevOps:
		return azure{s}, nil
	}
	return nil, problem.New(problem.Unsupported, "there is no forge %q", a.Kind)
}

// isCommit reports whether id names a commit.
func isCommit(id string) bool {
	if len(id) < 12 || len(id) > 64 {
		return false
	}
	for _, c := range id {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
