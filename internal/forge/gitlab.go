package forge

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// gitlab speaks the REST API, version 4: https://docs.gitlab.com/api/rest. A project is named by its path, escaped as one
// segment, or by its number.
type gitlab struct{ *session }

// tallied is a page of GitLab: the next one's number stands in a header, and the length of the list, unless that is more
// than 10,000.
func tallied[T any](s *session) func(*url.URL, answer) (page[T], error) {
	read := linked[T](s, 100)
	return func(u *url.URL, a answer) (page[T], error) {
		p, err := read(u, a)
		if err != nil {
			return p, err
		}
		p.total = number(a.header.Get("X-Total"))
		if n := a.header.Get("X-Next-Page"); n != "" && p.next == nil {
			p.next = u.Query()
			p.next.Set("page", n)
		}
		return p, nil
	}
}

func (g gitlab) pullRequests(ctx context.Context, p Place, q Query) ([]PullRequest, error) {
	type request struct {
		IID    int64    `json:"iid"`
		Title  string   `json:"title"`
		Source string   `json:"source_branch"`
		Target string   `json:"target_branch"`
		SHA    string   `json:"sha"`
		Labels []string `json:"labels"`
		Author struct {
			Username string `json:"username"`
		} `json:"author"`
	}
	query := hundred("order_by", "created_at", "sort", "asc")
	if len(q.Labels) > 0 {
		query.Set("labels", strings.Join(q.Labels, ","))
	}
	if q.State != "" {
		query.Set("state", q.State)
	}
	list, err := whole(ctx, g.session, g.at(query, "projects", p.Project, "merge_requests"), tallied[request](g.session))
	var out []PullRequest
	for _, r := range list {
		out = append(out, PullRequest{Number: r.IID, Title: r.Title, Author: r.Author.Username, Branch: r.Source, TargetBranch: r.Target, Head: r.SHA, Labels: r.Labels})
	}
	return out, err
}

type gitlabProject struct {
	ID        int64    `json:"id"`
	Path      string   `json:"path"`
	Default   string   `json:"default_branch"`
	SSH       string   `json:"ssh_url_to_repo"`
	HTTPS     string   `json:"http_url_to_repo"`
	Topics    []string `json:"topics"`
	Tags      []string `json:"tag_list"` // topics, before 14.5
	Namespace struct {
		Path string `json:"full_path"`
	} `json:"namespace"`
}

// repositories lists a group. Whether archived projects are among them without asking has changed between versions: who
// wants them has both lists.
func (g gitlab) repositories(ctx context.Context, o Owner) ([]Repository, error) {
	query := func() url.Values {
		q := hundred("include_subgroups", strconv.FormatBool(o.Subgroups), "with_shared", strconv.FormatBool(o.Shared), "order_by", "id", "sort", "asc")
		if o.Topic != "" {
			q.Set("topic", o.Topic)
		}
		return q
	}
	list, err := whole(ctx, g.session, g.at(query(), "groups", o.Name, "projects"), tallied[gitlabProject](g.session))
	if err != nil {
		return nil, err
	}
	if o.WithArchived {
		more, err := whole(ctx, g.session, g.at(with(query(), "archived", "true"), "groups", o.Name, "projects"), tallied[gitlabProject](g.session))
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	var out []Repository
	seen := map[int64]bool{}
	for _, p := range list {
		if seen[p.ID] {
			continue
		}
		seen[p.ID] = true
		topics := p.Topics
		if len(topics) == 0 {
			topics = p.Tags
		}
		out = append(out, Repository{Organization: p.Namespace.Path, Name: p.Path, ID: p.ID, URL: choose(o, p.SSH, p.HTTPS), DefaultBranch: p.Default, Labels: topics, slug: id(p.ID)})
	}
	return out, nil
}

func (g gitlab) project(r Repository) string { return cmp.Or(r.slug, r.Organization+"/"+r.Name) }

// defaultBranch has none when GitLab does not know it, but the project: so it is with an empty one.
func (g gitlab) defaultBranch(ctx context.Context, r Repository) ([]Branch, error) {
	if r.DefaultBranch == "" {
		return nil, nil
	}
	b, _, err := get[hubBranch](ctx, g.session, g.at(nil, "projects", g.project(r), "repository", "branches", r.DefaultBranch))
	switch {
	case problem.Is(err, problem.NotFound):
		return nil, g.shown(ctx, g.at(nil, "projects", g.project(r)))
	case err != nil:
		return nil, err
	}
	return hubBranches([]hubBranch{b}), nil
}

func (g gitlab) branches(ctx context.Context, r Repository) ([]Branch, error) {
	list, err := whole(ctx, g.session, g.at(hundred(), "projects", g.project(r), "repository", "branches"), tallied[hubBranch](g.session))
	if problem.Is(err, problem.NotFound) { // a project without a repository
		return nil, g.shown(ctx, g.at(nil, "projects", g.project(r)))
	}
	return hubBranches(list), err
}

// hasPath asks for what is below the folder, or lies beside the file: a file's own answer would hold the file.
func (g gitlab) hasPath(ctx context.Context, r Repository, b Branch, path string) (bool, error) {
	type entry struct {
		Path string `json:"path"`
	}
	folder, _, err := get[[]entry](ctx, g.session, g.at(url.Values{"ref": {b.Name}, "path": {path}, "per_page": {"1"}}, "projects", g.project(r), "repository", "tree"))
	switch {
	case err != nil && !problem.Is(err, problem.NotFound):
		return false, err
	case err == nil && len(folder) > 0: // older servers answer with an empty list for what is not there
		return true, nil
	}
	return g.there(ctx, g.at(url.Values{"ref": {b.Name}}, "projects", g.project(r), "repository", "files", path))
}

func (g gitlab) comments(ctx context.Context, p Place, n int64) ([]comment, error) {
	return whole(ctx, g.session, g.at(hundred("sort", "asc"), "projects", p.Project, "merge_requests", id(n), "notes"), tallied[comment](g.session))
}

func (g gitlab) post(ctx context.Context, p Place, n int64, body string) error {
	_, err := g.send(ctx, http.MethodPost, g.at(nil, "projects", p.Project, "merge_requests", id(n), "notes"), map[string]any{"body": body})
	return err
}

func (g gitlab) change(ctx context.Context, p Place, n, which int64, body string) error {
	_, err := g.send(ctx, http.MethodPut, g.at(nil, "projects", p.Project, "merge_requests", id(n), "notes", id(which)), map[string]any{"body": body})
	return err
}

func (g gitlab) setStatus(ctx context.Context, p Place, commit string, st Status) error {
	state := string(st.State)
	if st.State == Failure {
		state = "failed"
	}
	_, err := g.send(ctx, http.MethodPost, g.at(nil, "projects", p.Project, "statuses", commit),
		map[string]any{"state": state, "name": st.Context, "description": st.Description, "target_url": st.URL})
	if problem.Is(err, problem.Invalid) && strings.Contains(err.Error(), "Cannot transition status") {
		return nil // it has that status already
	}
	return err
}
