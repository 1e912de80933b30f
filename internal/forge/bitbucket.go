package forge

import (
	"context"
	"net/url"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// bitbucket speaks the REST API 2.0 of Bitbucket Cloud: https://developer.atlassian.com/cloud/bitbucket/rest.
type bitbucket struct{ *session }

// valued is a page that holds the query of the next one in its body.
func valued[T any](s *session) func(*url.URL, answer) (page[T], error) {
	return func(u *url.URL, a answer) (page[T], error) {
		in, err := decode[struct {
			Values *[]T   `json:"values"`
			Next   string `json:"next"`
		}](s, u, a)
		if err != nil {
			return page[T]{}, err
		}
		if in.Values == nil {
			return page[T]{}, s.fault(problem.Unavailable, u, "its answer holds no list").WithHint("it is asked again")
		}
		p := page[T]{items: *in.Values, total: -1}
		if in.Next != "" {
			to, err := url.Parse(in.Next)
			if err != nil {
				return page[T]{}, s.fault(problem.Unavailable, u, "its next page has no address").WithHint("it is asked again")
			}
			p.next = to.Query()
		}
		return p, nil
	}
}

func (b bitbucket) pullRequests(ctx context.Context, p Place, _ Query) ([]PullRequest, error) {
	type end struct {
		Branch named `json:"branch"`
		Commit struct {
			Hash string `json:"hash"`
		} `json:"commit"`
	}
	type pull struct {
		ID          int64  `json:"id"`
		Title       string `json:"title"`
		Source      end    `json:"source"`
		Destination end    `json:"destination"`
		Author      struct {
			Nickname string `json:"nickname"`
		} `json:"author"`
	}
	list, err := whole(ctx, b.session, b.at(url.Values{"state": {"OPEN"}, "pagelen": {"50"}, "sort": {"id"}}, "repositories", p.Owner, p.Repo, "pullrequests"), valued[pull](b.session))
	var out []PullRequest
	for _, r := range list {
		out = append(out, PullRequest{Number: r.ID, Title: r.Title, Author: r.Author.Nickname, Branch: r.Source.Branch.Name, TargetBranch: r.Destination.Branch.Name, Head: r.Source.Commit.Hash})
	}
	return out, err
}

func (b bitbucket) repositories(ctx context.Context, o Owner) ([]Repository, error) {
	type repo struct {
		UUID  string `json:"uuid"`
		Slug  string `json:"slug"`
		Main  *named `json:"mainbranch"` // null when the repository is empty
		Links struct {
			Clone []struct {
				Name string `json:"name"`
				Href string `json:"href"`
			} `json:"clone"`
		} `json:"links"`
	}
	list, err := whole(ctx, b.session, b.at(url.Values{"role": {"member"}, "pagelen": {"100"}, "sort": {"created_on"}}, "repositories", o.Name), valued[repo](b.session))
	if err != nil {
		return nil, err
	}
	var out []Repository
	for _, r := range list {
		if r.Main == nil {
			continue
		}
		found := Repository{Organization: o.Name, Name: r.Slug, ID: r.UUID, DefaultBranch: r.Main.Name}
		for _, l := range r.Links.Clone {
			if l.Name == choose(o, "ssh", "https") {
				found.URL = l.Href
			}
		}
		if found.URL == "" {
			return nil, problem.New(problem.Unavailable, "Bitbucket Cloud gives no address to clone %s/%s from by %s", o.Name, r.Slug, choose(o, "ssh", "https"))
		}
		out = append(out, found)
	}
	return out, nil
}

type cloudBranch struct {
	Name   string `json:"name"`
	Target struct {
		Hash string `json:"hash"`
	} `json:"target"`
}

func (b bitbucket) defaultBranch(ctx context.Context, r Repository) ([]Branch, error) {
	in, _, err := get[cloudBranch](ctx, b.session, b.at(nil, "repositories", r.Organization, r.Name, "refs", "branches", r.DefaultBranch))
	return []Branch{{in.Name, in.Target.Hash}}, err
}

func (b bitbucket) branches(ctx context.Context, r Repository) ([]Branch, error) {
	list, err := whole(ctx, b.session, b.at(url.Values{"pagelen": {"100"}, "sort": {"name"}}, "repositories", r.Organization, r.Name, "refs", "branches"), valued[cloudBranch](b.session))
	var out []Branch
	for _, in := range list {
		out = append(out, Branch{in.Name, in.Target.Hash})
	}
	return out, err
}

func (b bitbucket) hasPath(ctx context.Context, r Repository, br Branch, path string) (bool, error) {
	return b.there(ctx, b.at(url.Values{"format": {"meta"}}, append([]string{"repositories", r.Organization, r.Name, "src", br.Commit}, segments(path)...)...))
}

// bitbucketServer speaks the REST API 1.0 of Bitbucket Server and Data Center:
// https://developer.atlassian.com/server/bitbucket/rest.
type bitbucketServer struct{ *session }

// started is a page that says where the next one starts.
func started[T any](s *session) func(*url.URL, answer) (page[T], error) {
	return func(u *url.URL, a answer) (page[T], error) {
		in, err := decode[struct {
			Values *[]T   `json:"values"`
			Last   *bool  `json:"isLastPage"`
			Next   *int64 `json:"nextPageStart"`
		}](s, u, a)
		if err != nil {
			return page[T]{}, err
		}
		if in.Values == nil || in.Last == nil || !*in.Last && in.Next == nil {
			return page[T]{}, s.fault(problem.Unavailable, u, "its answer holds no list, or not whether there is more").WithHint("it is asked again")
		}
		p := page[T]{items: *in.Values, total: -1}
		if !*in.Last {
			p.next = u.Query()
			p.next.Set("start", id(*in.Next))
		}
		return p, nil
	}
}

func (b bitbucketServer) in(q url.Values, parts ...string) *url.URL {
	return b.at(q, append([]string{"api", "1.0", "projects"}, parts...)...)
}

func limit100(pairs ...string) url.Values { return with(url.Values{"limit": {"100"}}, pairs...) }

func (b bitbucketServer) pullRequests(ctx context.Context, p Place, _ Query) ([]PullRequest, error) {
	type ref struct {
		Branch string `json:"displayId"`
		Commit string `json:"latestCommit"`
	}
	type pull struct {
		ID     int64  `json:"id"`
		Title  string `json:"title"`
		From   ref    `json:"fromRef"`
		To     ref    `json:"toRef"`
		Author struct {
			User named `json:"user"`
		} `json:"author"`
	}
	list, err := whole(ctx, b.session, b.in(limit100("state", "OPEN", "order", "OLDEST"), p.Project, "repos", p.Repo, "pull-requests"), started[pull](b.session))
	var out []PullRequest
	for _, r := range list {
		out = append(out, PullRequest{Number: r.ID, Title: r.Title, Author: r.Author.User.Name, Branch: r.From.Branch, TargetBranch: r.To.Branch, Head: r.From.Commit})
	}
	return out, err
}

func (b bitbucketServer) repositories(ctx context.Context, o Owner) ([]Repository, error) {
	type repo struct {
		ID      int64  `json:"id"`
		Slug    string `json:"slug"`
		Name    string `json:"name"`
		Project struct {
			Key string `json:"key"`
		} `json:"project"`
		Links struct {
			Clone []struct {
				Name string `json:"name"`
				Href string `json:"href"`
			} `json:"clone"`
		} `json:"links"`
	}
	list, err := whole(ctx, b.session, b.in(limit100(), o.Name, "repos"), started[repo](b.session))
	var out []Repository
	for _, r := range list {
		found := Repository{Organization: r.Project.Key, Name: r.Name, ID: r.ID, slug: r.Slug}
		for _, l := range r.Links.Clone {
			if l.Name == choose(o, "ssh", "http") {
				found.URL = l.Href
			}
		}
		out = append(out, found)
	}
	return out, err
}

type serverBranch struct {
	Name   string `json:"displayId"`
	Commit string `json:"latestCommit"`
}

// defaultBranch has none when the server says that there is none, with 404 or with nothing: so it is when it is empty.
func (b bitbucketServer) defaultBranch(ctx context.Context, r Repository) ([]Branch, error) {
	u := b.in(nil, r.Organization, "repos", r.slug, "branches", "default")
	a, err := b.send(ctx, "GET", u, nil)
	switch {
	case problem.Is(err, problem.NotFound):
		return nil, b.shown(ctx, b.in(nil, r.Organization, "repos", r.slug))
	case err == nil && a.status == 204:
		return nil, nil
	case err != nil:
		return nil, err
	}
	in, err := decode[serverBranch](b.session, u, a)
	return []Branch{{in.Name, in.Commit}}, err
}

func (b bitbucketServer) branches(ctx context.Context, r Repository) ([]Branch, error) {
	list, err := whole(ctx, b.session, b.in(limit100("orderBy", "ALPHABETICAL"), r.Organization, "repos", r.slug, "branches"), started[serverBranch](b.session))
	var out []Branch
	for _, in := range list {
		out = append(out, Branch(in))
	}
	return out, err
}

func (b bitbucketServer) hasPath(ctx context.Context, r Repository, br Branch, path string) (bool, error) {
	return b.there(ctx, b.in(limit100("at", "refs/heads/"+strings.TrimPrefix(br.Name, "refs/heads/"), "type", "true"), append([]string{r.Organization, "repos", r.slug, "browse"}, segments(path)...)...))
}
