package forge

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hawser-cd/hawser/internal/problem"
)

// gitea speaks the API of Gitea and Forgejo: https://docs.gitea.com/api. A server may send fewer on a page than it is
// asked for.
type gitea struct{ *session }

func fifty(pairs ...string) url.Values {
	return with(url.Values{"limit": {"50"}, "page": {"1"}}, pairs...)
}

// counted is a page whose server says how long the whole list is.
func counted[T any](s *session) func(*url.URL, answer) (page[T], error) {
	read := linked[T](s, 50)
	return func(u *url.URL, a answer) (page[T], error) {
		p, err := read(u, a)
		p.total = number(a.header.Get("X-Total-Count"))
		return p, err
	}
}

func (g gitea) pullRequests(ctx context.Context, p Place, q Query) ([]PullRequest, error) {
	list, err := whole(ctx, g.session, g.at(fifty("state", "open", "sort", "oldest"), "repos", p.Owner, p.Repo, "pulls"), counted[hubPull](g.session))
	return hubPulls(list, q.Labels), err
}

// repositories does not compare with the count of the server, which counts those that it does not show, too.
func (g gitea) repositories(ctx context.Context, o Owner) ([]Repository, error) {
	type repo struct {
		ID       int64  `json:"id"`
		Name     string `json:"name"`
		Archived bool   `json:"archived"`
		Empty    bool   `json:"empty"`
		Default  string `json:"default_branch"`
		SSH      string `json:"ssh_url"`
		HTML     string `json:"html_url"`
	}
	list, err := whole(ctx, g.session, g.at(fifty(), "orgs", o.Name, "repos"), linked[repo](g.session, 50))
	if err != nil {
		return nil, err
	}
	var out []Repository
	for _, r := range list {
		if o.WithoutArchived && r.Archived || r.Empty {
			continue
		}
		labels, err := whole(ctx, g.session, g.at(fifty(), "repos", o.Name, r.Name, "labels"), linked[named](g.session, 50))
		if err != nil {
			return nil, err
		}
		// the page's address and not clone_url: so Argo CD has it
		out = append(out, Repository{Organization: o.Name, Name: r.Name, ID: r.ID, URL: choose(o, r.SSH, r.HTML), DefaultBranch: r.Default, Labels: namesOf(labels)})
	}
	return out, nil
}

func (g gitea) defaultBranch(ctx context.Context, r Repository) ([]Branch, error) {
	b, _, err := get[hubBranch](ctx, g.session, g.at(nil, append([]string{"repos", r.Organization, r.Name, "branches"}, segments(r.DefaultBranch)...)...))
	if err != nil {
		return nil, problem.Because(problem.KindOf(err), err, "default branch %q of repository %s", clip(r.DefaultBranch), r.Name)
	}
	return hubBranches([]hubBranch{b}), nil
}

func (g gitea) branches(ctx context.Context, r Repository) ([]Branch, error) {
	list, err := whole(ctx, g.session, g.at(fifty(), "repos", r.Organization, r.Name, "branches"), counted[hubBranch](g.session))
	return hubBranches(list), err
}

func (g gitea) hasPath(ctx context.Context, r Repository, b Branch, path string) (bool, error) {
	return g.there(ctx, g.at(url.Values{"ref": {b.Name}}, append([]string{"repos", r.Organization, r.Name, "contents"}, segments(path)...)...))
}

// comments are on one page: Gitea gives them all at once.
func (g gitea) comments(ctx context.Context, p Place, n int64) ([]comment, error) {
	list, _, err := get[[]comment](ctx, g.session, g.at(nil, "repos", p.Owner, p.Repo, "issues", id(n), "comments"))
	return list, err
}

func (g gitea) post(ctx context.Context, p Place, n int64, body string) error {
	return github(g).post(ctx, p, n, body)
}

func (g gitea) change(ctx context.Context, p Place, n, which int64, body string) error {
	_, err := g.send(ctx, http.MethodPatch, g.at(nil, "repos", p.Owner, p.Repo, "issues", "comments", id(which)), map[string]any{"body": body})
	return err
}

func (g gitea) setStatus(ctx context.Context, p Place, commit string, st Status) error {
	return github(g).setStatus(ctx, p, commit, st)
}
