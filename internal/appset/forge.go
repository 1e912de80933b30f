package appset

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// PullRequest is one that a forge lists for a pullRequest generator.
type PullRequest struct {
	Number               int64
	Title, Author        string
	Branch, TargetBranch string
	Head                 string // commit
	Labels               []string
}

// Repository is one that a forge lists for an scmProvider generator; with a branch and its commit, once they are known.
type Repository struct {
	Organization, Name string
	ID                 any // int64 or string
	URL                string
	Branch, Commit     string
	Labels             []string
}

// ForgeFacts is what generators may know of forges. Every list is whole: what cannot be had is an error.
type ForgeFacts interface {
	// PullRequests returns the pull requests that a generator is about, before its filters.
	PullRequests(ctx context.Context, g *v1alpha1.PullRequestGenerator) ([]PullRequest, error)
	// Repositories returns the repositories that a generator is about, before its filters, each with its default branch.
	Repositories(ctx context.Context, g *v1alpha1.SCMProviderGenerator) (Repositories, error)
}

// Repositories is a list of repositories, and who knows more of them.
type Repositories struct {
	List []Repository
	// Branches returns the repository once for each branch that counts, with its commit.
	Branches func(ctx context.Context, r Repository) ([]Repository, error)
	// HasPath reports whether the branch of a repository holds that file or folder.
	HasPath func(ctx context.Context, r Repository, path string) (bool, error)
}

// pullRequests yields the pull requests that a filter takes, and for each the pull request itself.
func (e *engine) pullRequests(ctx context.Context, g *v1alpha1.PullRequestGenerator) (params []Params, from []*PullRequest, err error) {
	filters, err := pullFilters(g.Filters)
	if err != nil {
		return nil, nil, err
	}
	list, err := e.facts.PullRequests(ctx, g)
	if err != nil {
		return nil, nil, err
	}
	for _, pr := range list {
		if len(filters) > 0 && !slices.ContainsFunc(filters, func(f pullFilter) bool { return f.takes(pr) }) {
			continue
		}
		p := Params{
			"number": strconv.FormatInt(pr.Number, 10), "title": pr.Title, "author": pr.Author,
			"branch": pr.Branch, "branch_slug": branchSlug(pr.Branch), "target_branch": pr.TargetBranch, "target_branch_slug": branchSlug(pr.TargetBranch),
			"head_sha": pr.Head, "head_short_sha": first(pr.Head, 8), "head_short_sha_7": first(pr.Head, 7),
		}
		if e.goTemplate { // a plain template has no lists
			labels := []any{}
			for _, l := range pr.Labels {
				labels = append(labels, l)
			}
			p["labels"] = labels
		}
		params, from = append(params, p), append(from, &pr)
	}
	return params, from, nil
}

func first(text string, n int) string { return text[:min(n, len(text))] }

// pullFilter takes a pull request when all of its expressions do.
type pullFilter struct{ branch, target, title *regexp.Regexp }

func (f pullFilter) takes(pr PullRequest) bool {
	return fits(f.branch, pr.Branch) && fits(f.target, pr.TargetBranch) && fits(f.title, pr.Title)
}

// fits reports whether an expression takes a text; one that is not there takes all.
func fits(re *regexp.Regexp, text string) bool { return re == nil || re.MatchString(text) }

func pullFilters(list []v1alpha1.PullRequestFilter) (out []pullFilter, err error) {
	for _, in := range list {
		var f pullFilter
		if err := cmp.Or(compile("branchMatch", in.BranchMatch, &f.branch), compile("targetBranchMatch", in.TargetBranchMatch, &f.target), compile("titleMatch", in.TitleMatch, &f.title)); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func compile(name string, text *string, into **regexp.Regexp) error {
	if text == nil {
		return nil
	}
	re, err := regexp.Compile(*text)
	if err != nil {
		return problem.New(problem.Invalid, "%s %q is no regular expression: %v", name, clip(*text), err)
	}
	*into = re
	return nil
}

// repositories yields the branches of repositories that the filters take.
func (e *engine) repositories(ctx context.Context, g *v1alpha1.SCMProviderGenerator) ([]Params, error) {
	filters, err := repoFilters(g.Filters)
	if err != nil {
		return nil, err
	}
	facts, err := e.facts.Repositories(ctx, g)
	if err != nil {
		return nil, err
	}
	list, err := filters.choose(ctx, facts)
	if err != nil {
		return nil, err
	}
	var out []Params
	for _, r := range list {
		out = append(out, Params{
			"organization": r.Organization, "repository": r.Name, "repository_id": r.ID, "url": r.URL,
			"branch": r.Branch, "branchNormalized": normalize(r.Branch),
			"sha": r.Commit, "short_sha": first(r.Commit, 8), "short_sha_7": first(r.Commit, 7), "labels": strings.Join(r.Labels, ","),
		})
	}
	return out, nil
}

// repoFilter takes a branch of a repository when all that it says does.
type repoFilter struct {
	name, label, branch *regexp.Regexp
	with, without       []string // paths
}

// ofRepository reports whether a filter takes a repository, as far as that is known without its branches.
func (f repoFilter) ofRepository(r Repository) bool {
	return fits(f.name, r.Name) && (f.label == nil || slices.ContainsFunc(r.Labels, f.label.MatchString))
}

func (f repoFilter) ofBranch(ctx context.Context, r Repository, facts Repositories) (bool, error) {
	if !f.ofRepository(r) || !fits(f.branch, r.Branch) {
		return false, nil
	}
	for i, path := range slices.Concat(f.with, f.without) {
		there, err := facts.HasPath(ctx, r, strings.TrimRight(path, "/"))
		if err != nil || there != (i < len(f.with)) {
			return false, err
		}
	}
	return true, nil
}

// repositoryFilters are of two sorts, as in Argo CD: those that say something of branches or paths choose among branches,
// the others among repositories. Of each sort that there is, one must take it.
type repositoryFilters struct{ repositories, branches []repoFilter }

func repoFilters(list []v1alpha1.SCMProviderFilter) (out repositoryFilters, err error) {
	for _, in := range list {
		f := repoFilter{with: in.PathsExist, without: in.PathsDoNotExist}
		if err := cmp.Or(compile("repositoryMatch", in.RepositoryMatch, &f.name), compile("labelMatch", in.LabelMatch, &f.label), compile("branchMatch", in.BranchMatch, &f.branch)); err != nil {
			return out, err
		}
		switch {
		case f.branch != nil || f.with != nil || f.without != nil:
			out.branches = append(out.branches, f)
		case f.name != nil || f.label != nil:
			out.repositories = append(out.repositories, f)
		}
	}
	return out, nil
}

func (f repositoryFilters) choose(ctx context.Context, facts Repositories) (out []Repository, err error) {
	for _, r := range facts.List {
		taken := func(f repoFilter) bool { return f.ofRepository(r) }
		// a repository that no filter of branches can take need not be asked for its branches
		if len(f.repositories) > 0 && !slices.ContainsFunc(f.repositories, taken) || len(f.branches) > 0 && !slices.ContainsFunc(f.branches, taken) {
			continue
		}
		branches, err := facts.Branches(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, b := range branches {
			ok := len(f.branches) == 0
			for _, one := range f.branches {
				if ok, err = one.ofBranch(ctx, b, facts); err != nil {
					return nil, err
				}
				if ok {
					break
				}
			}
			if ok {
				out = append(out, b)
			}
		}
	}
	return out, nil
}

// letters are those that have no base letter of ASCII, and how they are spelled in it.
var letters = strings.NewReplacer("&", "and", "@", "at", "_", "-", `"`, "", "'", "", "’", "",
	"ß", "ss", "æ", "ae", "Æ", "ae", "œ", "oe", "Œ", "oe", "ø", "o", "Ø", "o", "đ", "d", "Đ", "d", "ð", "d", "Ð", "d", "ł", "l", "Ł", "l", "þ", "th", "Þ", "th", "ı", "i")

// branchSlug makes a name of a branch that is fit for a label or a host: lower case letters, digits and dashes, at most 50
// of them, cut between words where it can.
func branchSlug(branch string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(letters.Replace(strings.TrimSpace(branch))) {
		switch {
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r + 'a' - 'A')
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= 0x300 && r <= 0x36f: // an accent, which NFD takes off its letter
		default:
			b.WriteByte('-')
		}
	}
	slug := strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == '-' }), "-")
	if len(slug) <= 50 {
		return slug
	}
	if at := strings.LastIndexByte(slug[:51], '-'); at > 0 {
		return slug[:at]
	}
	return slug[:50]
}

// FillText fills one text with the parameters of a preview, as the set's template is.
func FillText(set *v1alpha1.ApplicationSet, text string, p Params) (string, error) {
	e := &engine{goTemplate: set.Spec.GoTemplate, options: set.Spec.GoTemplateOptions}
	return e.text(text, p)
}
