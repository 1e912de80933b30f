package reconcile

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/plugin/generator"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/source"
)

// setFacts is what generators may know, and the record of what they asked.
type setFacts struct {
	a       *Apps
	set     *v1alpha1.ApplicationSet
	asks    *forgeAsks // of forges; nil when nothing is to be remembered
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

func newSetFacts(a *Apps, set *v1alpha1.ApplicationSet, asks *forgeAsks, since time.Time) *setFacts {
	return &setFacts{a: a, set: set, asks: asks, project: set.Spec.Template.Spec.Project, since: since, read: map[string]bool{}}
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

// StrictGlobs is Argo CD's setting.
func (f *setFacts) StrictGlobs() bool { return f.a.Catalog.Settings().Sets.StrictGlobs }

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
	var rules *project.Rules // nil where it is not known before which project it will be
	if !strings.Contains(f.project, "{{") {
		if rules, err = f.a.Catalog.Rules(cmp.Or(f.project, v1alpha1.DefaultProject)); err != nil {
			rules = nil
		}
	}
	if rules != nil {
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
	if rules != nil {
		if err := f.a.vouched(ctx, rules, v1alpha1.ApplicationSource{RepoURL: repoURL, TargetRevision: cmp.Or(revision, "HEAD")}, repo, commit); err != nil {
			return nil, "", err
		}
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

// Foreign asks plugins and other controllers' resources.
func (f *setFacts) Foreign(ctx context.Context, g v1alpha1.ApplicationSetTerminalGenerator) ([]appset.Params, error) {
	f.foreign = true
	if g.Plugin != nil {
		return f.plugin(ctx, g.Plugin)
	}
	return f.decided(ctx, g.ClusterDecisionResource)
}

func (f *setFacts) plugin(ctx context.Context, g *v1alpha1.PluginGenerator) ([]appset.Params, error) {
	p, err := f.a.Catalog.Plugin(ctx, g.ConfigMapRef.Name)
	if err != nil {
		return nil, err
	}
	return f.a.plugins.Ask(ctx, generator.Service{URL: p.URL, Token: p.Token.Reveal(), Timeout: p.Timeout}, f.set.Name, g.Input.Parameters)
}

func (f *setFacts) decided(ctx context.Context, g *v1alpha1.DuckTypeGenerator) ([]appset.Params, error) {
	d, err := f.a.Catalog.Decided(ctx, g.ConfigMapRef, g.Name, g.LabelSelector)
	if err != nil {
		return nil, err
	}
	clusters, err := f.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	return appset.DecisionParams(d.Entries, d.Key, clusters)
}
