package forge

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// github speaks the REST API of GitHub and its Enterprise servers: https://docs.github.com/rest.
type github struct{ *session }

type named struct {
	Name string `json:"name"`
}

func namesOf(list []named) (out []string) {
	for _, l := range list {
		out = append(out, l.Name)
	}
	return out
}

// hubPull is a pull request as GitHub and Gitea have it.
type hubPull struct {
	Number int64  `json:"number"`
	Title  string `json:"title"`
	State  string `json:"state"`
	User   struct {
		Login string `json:"login"`
	} `json:"user"` // null when the account is gone
	Labels []named `json:"labels"`
	Head   struct {
		Ref string `json:"ref"`
		SHA string `json:"sha"`
	} `json:"head"`
	Base struct {
		Ref string `json:"ref"`
	} `json:"base"`
}

func hubPulls(list []hubPull, labels []string) (out []PullRequest) {
	for _, p := range list {
		pr := PullRequest{Number: p.Number, Title: p.Title, Author: p.User.Login, Branch: p.Head.Ref, TargetBranch: p.Base.Ref, Head: p.Head.SHA, Labels: namesOf(p.Labels)}
		if hasAll(pr.Labels, labels) {
			out = append(out, pr)
		}
	}
	return out
}

func hasAll(got, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(l string) bool { return !slices.Contains(got, l) })
}

func (g github) pullRequests(ctx context.Context, p Place, q Query) ([]PullRequest, error) {
	list, err := whole(ctx, g.session, g.at(hundred("state", "open", "sort", "created", "direction", "asc"), "repos", p.Owner, p.Repo, "pulls"), linked[hubPull](g.session, 100))
	return hubPulls(list, q.Labels), err
}

func (g github) repositories(ctx context.Context, o Owner) ([]Repository, error) {
	type repo struct {
		ID       int64    `json:"id"`
		Name     string   `json:"name"`
		Archived bool     `json:"archived"`
		Default  string   `json:"default_branch"`
		SSH      string   `json:"ssh_url"`
		HTTPS    string   `json:"clone_url"`
		Topics   []string `json:"topics"`
		Owner    struct {
			Login string `json:"login"`
		} `json:"owner"`
	}
	list, err := whole(ctx, g.session, g.at(hundred("sort", "created", "direction", "asc"), "orgs", o.Name, "repos"), linked[repo](g.session, 100))
	var out []Repository
	for _, r := range list {
		if o.WithoutArchived && r.Archived {
			continue
		}
		out = append(out, Repository{Organization: r.Owner.Login, Name: r.Name, ID: r.ID, URL: choose(o, r.SSH, r.HTTPS), DefaultBranch: r.Default, Labels: r.Topics})
	}
	return out, err
}

func choose(o Owner, ssh, https string) string {
	if o.Protocol == "https" {
		return https
	}
	return ssh
}

type hubBranch struct {
	Name   string `json:"name"`
	Commit struct {
		SHA string `json:"sha"` // GitHub
		ID  string `json:"id"`  // Gitea, GitLab
	} `json:"commit"`
}

func hubBranches(list []hubBranch) (out []Branch) {
	for _, b := range list {
		out = append(out, Branch{b.Name, b.Commit.SHA + b.Commit.ID})
	}
	return out
}

// defaultBranch has none when GitHub does not know it, but the repository: so it is with an empty one.
func (g github) defaultBranch(ctx context.Context, r Repository) ([]Branch, error) {
	b, _, err := get[hubBranch](ctx, g.session, g.at(nil, "repos", r.Organization, r.Name, "branches", r.DefaultBranch))
	switch {
	case problem.Is(err, problem.NotFound):
		return nil, g.shown(ctx, g.at(nil, "repos", r.Organization, r.Name))
	case err != nil:
		return nil, err
	}
	return hubBranches([]hubBranch{b}), nil
}

// shown is nil when a repository answers for itself. What is not found in one that is hidden from the account is not known
// not to be there: services do not tell the one from the other.
func (s *session) shown(ctx context.Context, repository *url.URL) error {
	_, err := s.send(ctx, http.MethodGet, repository, nil)
	return err
}

func (g github) branches(ctx context.Context, r Repository) ([]Branch, error) {
	list, err := whole(ctx, g.session, g.at(hundred(), "repos", r.Organization, r.Name, "branches"), linked[hubBranch](g.session, 100))
	return hubBranches(list), err
}

func (g github) hasPath(ctx context.Context, r Repository, b Branch, path string) (bool, error) {
	return g.there(ctx, g.at(url.Values{"ref": {b.Name}}, append([]string{"repos", r.Organization, r.Name, "contents"}, segments(path)...)...))
}

// there reports whether an address holds something. Only a whole answer that says no is a no.
func (s *session) there(ctx context.Context, u *url.URL) (bool, error) {
	_, err := s.send(ctx, http.MethodGet, u, nil)
	if problem.Is(err, problem.NotFound) {
		return false, nil
	}
	return err == nil, err
}

func segments(path string) (out []string) {
	for p := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

// comment is one remark at a pull request.
type comment struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
}

func (g github) comments(ctx context.Context, p Place, n int64) ([]comment, error) {
	return whole(ctx, g.session, g.at(hundred(), "repos", p.Owner, p.Repo, "issues", id(n), "comments"), linked[comment](g.session, 100))
}

func (g github) post(ctx context.Context, p Place, n int64, body string) error {
	_, err := g.send(ctx, http.MethodPost, g.at(nil, "repos", p.Owner, p.Repo, "issues", id(n), "comments"), map[string]any{"body": body})
	return err
}

func (g github) change(ctx context.Context, p Place, _, which int64, body string) error {
	_, err := g.send(ctx, http.MethodPatch, g.at(nil, "repos", p.Owner, p.Repo, "issues", "comments", id(which)), map[string]any{"body": body})
	return err
}

func (g github) setStatus(ctx context.Context, p Place, commit string, st Status) error {
	_, err := g.send(ctx, http.MethodPost, g.at(nil, "repos", p.Owner, p.Repo, "statuses", commit),
		map[string]any{"state": st.State, "context": st.Context, "description": st.Description, "target_url": st.URL})
	return err
}

func id(n int64) string { return strconv.FormatInt(n, 10) }
