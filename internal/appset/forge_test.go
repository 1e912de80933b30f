package appset

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// forges are the forges of a case: forge.yaml.
type forges struct {
	Pulls        []PullRequest
	Repositories []struct {
		Repository
		Branches map[string]string   // name → commit
		Paths    map[string][]string // branch → what is in it
	}
	Unasked []string // repositories that must not be asked for their branches
}

func (f *facts) PullRequests(context.Context, *v1alpha1.PullRequestGenerator) ([]PullRequest, error) {
	if f.forges == nil {
		return nil, problem.New(problem.Unavailable, "the forge answers 500")
	}
	return f.forges.Pulls, nil
}

func (f *facts) Repositories(_ context.Context, g *v1alpha1.SCMProviderGenerator) (Repositories, error) {
	if f.forges == nil {
		return Repositories{}, problem.New(problem.Unavailable, "the forge answers 500")
	}
	var out Repositories
	for _, r := range f.forges.Repositories {
		if n, ok := r.ID.(float64); ok {
			r.ID = int64(n)
		}
		out.List = append(out.List, r.Repository)
	}
	out.Branches = func(_ context.Context, r Repository) (list []Repository, err error) {
		for _, name := range f.forges.Unasked {
			if name == r.Name {
				return nil, problem.New(problem.Internal, "%s was asked for its branches", name)
			}
		}
		for _, in := range f.forges.Repositories {
			for _, name := range slices.Sorted(maps.Keys(in.Branches)) {
				if in.Name == r.Name && (name == r.Branch || allBranches(g)) {
					b := r
					b.Branch, b.Commit = name, in.Branches[name]
					list = append(list, b)
				}
			}
		}
		return list, nil
	}
	out.HasPath = func(_ context.Context, r Repository, path string) (bool, error) {
		for _, in := range f.forges.Repositories {
			for _, p := range in.Paths[r.Branch] {
				if in.Name == r.Name && p == path {
					return true, nil
				}
			}
		}
		return false, nil
	}
	return out, nil
}

func allBranches(g *v1alpha1.SCMProviderGenerator) bool {
	return g.GitHub != nil && g.GitHub.AllBranches
}

// A slug is what Argo CD makes of a branch: names of previews hang on it.
func TestBranchSlug(t *testing.T) {
	for in, want := range map[string]string{
		"main":                             "main",
		"feature/Add_Login--Form":          "feature-add-login-form",
		"dependabot/npm_and_yarn/lodash-4": "dependabot-npm-and-yarn-lodash-4",
		"über/straße & café@home":          "uber-strasse-and-cafeathome",
		"it's":                             "its",
		"--x--":                            "x",
		"v1.2.3":                           "v1-2-3",
		"":                                 "",
		"a-very-long-branch-name-that-goes-on-and-on-and-never-stops":  "a-very-long-branch-name-that-goes-on-and-on-and",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-tail":      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	} {
		if got := branchSlug(in); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
}
