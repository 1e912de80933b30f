package forge

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// azure speaks the REST API of Azure DevOps: https://learn.microsoft.com/rest/api/azure/devops/git.
type azure struct{ *session }

func version(pairs ...string) url.Values { return with(url.Values{"api-version": {"6.0"}}, pairs...) }

// tallyOf reads a list that says how many are in it.
func tallyOf[T any](s *session, u *url.URL, a answer) ([]T, error) {
	in, err := decode[struct {
		Count *int `json:"count"`
		Value *[]T `json:"value"`
	}](s, u, a)
	if err != nil {
		return nil, err
	}
	if in.Value == nil || in.Count == nil || *in.Count != len(*in.Value) {
		return nil, s.fault(problem.Unavailable, u, "its answer holds no list, or not as many as it counts").WithHint("it is asked again")
	}
	return *in.Value, nil
}

// skipped is a page of a list that is asked for by how many to leave out.
func skipped[T any](s *session) func(*url.URL, answer) (page[T], error) {
	return func(u *url.URL, a answer) (page[T], error) {
		items, err := tallyOf[T](s, u, a)
		p := page[T]{items: items, total: -1}
		if len(items) > 0 { // a server may give fewer than it is asked for: only an empty page is the end
			p.next = u.Query()
			p.next.Set("$skip", strconv.Itoa(max(0, number(p.next.Get("$skip")))+len(items)))
		}
		return p, err
	}
}

// single is a list without pages.
func single[T any](s *session) func(*url.URL, answer) (page[T], error) {
	return func(u *url.URL, a answer) (page[T], error) {
		items, err := tallyOf[T](s, u, a)
		return page[T]{items: items, total: -1}, err
	}
}

func (z azure) pullRequests(ctx context.Context, p Place, q Query) ([]PullRequest, error) {
	type pull struct {
		ID     int64  `json:"pullRequestId"`
		Title  string `json:"title"`
		Source string `json:"sourceRefName"`
		Target string `json:"targetRefName"`
		Commit struct {
			ID string `json:"commitId"`
		} `json:"lastMergeSourceCommit"`
		Labels []named `json:"labels"`
		By     struct {
			Name string `json:"uniqueName"`
		} `json:"createdBy"`
	}
	list, err := whole(ctx, z.session, z.at(version("searchCriteria.status", "active", "$top", "100"), p.Owner, p.Project, "_apis", "git", "repositories", p.Repo, "pullrequests"), skipped[pull](z.session))
	var out []PullRequest
	for _, r := range list {
		author, _, _ := strings.Cut(r.By.Name, "@")
		pr := PullRequest{Number: r.ID, Title: r.Title, Author: author, Branch: strings.TrimPrefix(r.Source, "refs/heads/"),
			TargetBranch: strings.TrimPrefix(r.Target, "refs/heads/"), Head: r.Commit.ID, Labels: namesOf(r.Labels)}
		if hasAll(pr.Labels, q.Labels) {
			out = append(out, pr)
		}
	}
	return out, err
}

func (z azure) repositories(ctx context.Context, o Owner) ([]Repository, error) {
	type repo struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Default string `json:"defaultBranch"` // none when the repository is empty
		Remote  string `json:"remoteUrl"`
	}
	list, err := whole(ctx, z.session, z.at(version(), o.Name, o.Project, "_apis", "git", "repositories"), single[repo](z.session))
	var out []Repository
	for _, r := range list {
		if r.Default == "" {
			continue
		}
		out = append(out, Repository{Organization: o.Name, Name: r.Name, ID: r.ID, URL: r.Remote, DefaultBranch: strings.TrimPrefix(r.Default, "refs/heads/"), slug: o.Project})
	}
	return out, err
}

type azureBranch struct {
	Name   string `json:"name"`
	Commit struct {
		ID string `json:"commitId"`
	} `json:"commit"`
}

func (z azure) below(r Repository, q url.Values, parts ...string) *url.URL {
	id, _ := r.ID.(string)
	return z.at(q, append([]string{r.Organization, r.slug, "_apis", "git", "repositories", id}, parts...)...)
}

// defaultBranch has none when the repository is switched off: the list of repositories names it all the same.
func (z azure) defaultBranch(ctx context.Context, r Repository) ([]Branch, error) {
	u := z.below(r, version("name", r.DefaultBranch), "stats", "branches")
	a, err := z.send(ctx, http.MethodGet, u, nil)
	if err != nil {
		if typeKey(a) == "GitRepositoryNotFoundException" {
			return nil, nil
		}
		return nil, err
	}
	in, err := decode[azureBranch](z.session, u, a)
	return []Branch{{in.Name, in.Commit.ID}}, err
}

func (z azure) branches(ctx context.Context, r Repository) ([]Branch, error) {
	u := z.below(r, version(), "stats", "branches")
	a, err := z.send(ctx, http.MethodGet, u, nil)
	if err != nil {
		if typeKey(a) == "GitRepositoryNotFoundException" {
			return nil, nil
		}
		return nil, err
	}
	list, err := tallyOf[azureBranch](z.session, u, a)
	var out []Branch
	for _, in := range list {
		out = append(out, Branch{in.Name, in.Commit.ID})
	}
	return out, err
}

// hasPath takes no for an answer only when the service says that it is the item that is not there.
func (z azure) hasPath(ctx context.Context, r Repository, b Branch, path string) (bool, error) {
	a, err := z.send(ctx, http.MethodGet, z.below(r, version("path", path, "versionDescriptor.version", b.Name, "versionDescriptor.versionType", "branch", "$format", "json"), "items"), nil)
	if problem.Is(err, problem.NotFound) && typeKey(a) == "GitItemNotFoundException" {
		return false, nil
	}
	return err == nil, err
}

// typeKey is Azure DevOps' name of what went wrong.
func typeKey(a answer) string {
	var in struct {
		TypeKey string `json:"typeKey"`
	}
	if a.status != http.StatusNotFound || json.Unmarshal(a.body, &in) != nil {
		return ""
	}
	return in.TypeKey
}
