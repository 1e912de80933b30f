package reconcile

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// setFacts is what generators may know, and the record of what they asked.
type setFacts struct {
	a       *Apps
	set     *v1alpha1.ApplicationSet
	project string
	since   time.Time       // what is known of repositories must be newer
	read    map[string]bool // normalized addresses of the repositories that were asked
	reads   []*setRead
	foreign bool // somebody was asked of whose answer it is not known when it changes
}

// setRead is what was looked at in one revision of a repository.
type setRead struct {
	repoURL, revision, commit string
	tree                      *source.Recorder
}

func newSetFacts(a *Apps, set *v1alpha1.ApplicationSet, since time.Time) *setFacts {
	return &setFacts{a: a, set: set, project: set.Spec.Template.Spec.Project, since: since, read: map[string]bool{}}
}

// Clusters returns those that are registered, and our own.
func (f *setFacts) Clusters(context.Context) (list []appset.Cluster, err error) {
	for _, c := range f.a.Catalog.Clusters() {
		list = append(list, appset.Cluster{Name: c.Name, Server: c.Server, Project: c.Project, Labels: c.Labels, Annotations: c.Annotations, Registered: c.Record != ""})
	}
	slices.SortFunc(list, func(a, b appset.Cluster) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Server, b.Server))
	})
	return list, nil
}

// Tree asks a repository, when what is known of it is older than the reason for the look.
func (f *setFacts) Tree(ctx context.Context, repoURL, revision string) (source.Tree, error) {
	tree, commit, err := f.treeOf(ctx, repoURL, revision)
	if err != nil {
		return nil, err
	}
	r := &setRead{repoURL, revision, commit, source.Record(tree)}
	f.reads = append(f.reads, r)
	return r.tree, nil
}

func (f *setFacts) treeOf(ctx context.Context, repoURL, revision string) (tree source.Tree, commit string, err error) {
	record := f.a.Catalog.RepositoryFor(repoURL, f.project)
	f.read[source.NormalizeURL(repoURL)], f.read[source.NormalizeURL(record.URL)] = true, true
	if record.Problem != nil {
		return nil, "", record.Problem
	}
	if err := onlyGit(record); err != nil {
		return nil, "", err
	}
	if rules, err := f.a.Catalog.Rules(cmp.Or(f.project, v1alpha1.DefaultProject)); err == nil && !strings.Contains(f.project, "{{") {
		if err := rules.Source(repoURL); err != nil {
			return nil, "", err
		}
	}
	repo := repository(record)
	if _, err := f.a.Git.Refresh(ctx, repo, f.since); err != nil {
		return nil, "", err
	}
	if commit, err = f.a.Git.Commit(ctx, repo, cmp.Or(revision, "HEAD")); err != nil {
		return nil, "", err
	}
	tree, err = f.a.Git.Tree(ctx, repo, commit)
	return tree, commit, err
}

// same reports whether all that was read would show the same now.
func (f *setFacts) same(ctx context.Context, reads []*setRead) (bool, error) {
	for _, r := range reads {
		tree, commit, err := f.treeOf(ctx, r.repoURL, r.revision)
		if err != nil {
			return false, err
		}
		if commit == r.commit {
			continue
		}
		if holds, err := r.tree.Trace().Holds(tree); err != nil || !holds {
			return false, err
		}
		r.commit = commit
	}
	return true, nil
}

// Foreign refuses: nobody is asked yet.
func (f *setFacts) Foreign(_ context.Context, g v1alpha1.ApplicationSetTerminalGenerator) ([]appset.Params, error) {
	kind := "plugin"
	switch {
	case g.PullRequest != nil:
		kind = "pullRequest"
	case g.SCMProvider != nil:
		kind = "scmProvider"
	case g.ClusterDecisionResource != nil:
		kind = "clusterDecisionResource"
	}
	f.foreign = true
	return nil, problem.New(problem.Unsupported, "the %s generator is not there yet", kind).WithHint("list, clusters, git, matrix and merge are")
}
