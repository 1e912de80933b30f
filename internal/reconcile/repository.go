package reconcile

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/source"
)

// Reachable returns why a path at a revision of a repository cannot be had; nil when it can. The repository is asked.
func (a *Apps) Reachable(ctx context.Context, repoURL, project, revision, path string) error {
	tree, err := a.treeAt(ctx, repoURL, project, revision)
	if err != nil {
		return err
	}
	clean, ok := source.Clean(path)
	if !ok {
		return problem.New(problem.Invalid, "path %q is not inside the repository", path)
	}
	if _, err := tree.Entry(clean); errors.Is(err, fs.ErrNotExist) {
		return problem.New(problem.NotFound, "%s has no path %s at %s", repoURL, path, cmp.Or(revision, "HEAD"))
	} else if err != nil {
		return err
	}
	return nil
}

// treeOf asks for a source's tree at the revision that it follows.
func (a *Apps) treeOf(ctx context.Context, s v1alpha1.ApplicationSource, project string) (source.Tree, error) {
	if render.IsPackaged(s) {
		_, tree, err := a.packaged(ctx, s, project, time.Now().Add(-recent))
		return tree, err
	}
	return a.treeAt(ctx, s.RepoURL, project, s.TargetRevision)
}

// treeAt asks a repository for its tree at a revision.
func (a *Apps) treeAt(ctx context.Context, repoURL, project, revision string) (source.Tree, error) {
	repo := repository(a.Catalog.RepositoryFor(repoURL, project))
	if _, err := a.Git.Refresh(ctx, repo, time.Now().Add(-recent)); err != nil {
		return nil, err
	}
	commit, err := a.Git.Commit(ctx, repo, cmp.Or(revision, "HEAD"))
	if err != nil {
		return nil, err
	}
	return a.Git.Tree(ctx, repo, commit)
}

// CheckRepository asks a repository whether it lets us in with what r says, which need not be stored.
func (a *Apps) CheckRepository(ctx context.Context, r catalog.Repository) error {
	if r.Problem != nil {
		return r.Problem
	}
	switch r.Type {
	case "git":
		return a.Git.Check(ctx, repository(r))
	case "helm", "oci":
		return a.Charts.Check(ctx, chartRepository(r, noSource))
	}
	return problem.New(problem.Invalid, "repository %s is of type %q", r.URL, r.Type).WithHint("types are git, helm and oci")
}

// onlyGit refuses what is no Git repository.
func onlyGit(r catalog.Repository) error {
	if r.Type != "git" || strings.HasPrefix(r.URL, "oci://") {
		return problem.New(problem.Invalid, "repository %s is of type %s, which has no branches", r.URL, cmp.Or(strings.Replace(r.Type, "git", "", 1), "oci"))
	}
	return nil
}

// Refs returns the names of a repository's branches and tags, sorted. The repository is asked.
func (a *Apps) Refs(ctx context.Context, repoURL, project string) (branches, tags []string, err error) {
	r := a.Catalog.RepositoryFor(repoURL, project)
	if err := onlyGit(r); err != nil {
		return nil, nil, err
	}
	refs, err := a.Git.Refresh(ctx, repository(r), time.Now().Add(-recent))
	if err != nil {
		return nil, nil, err
	}
	return refs.Branches(), refs.Tags(), nil
}

// Bounds of the search for applications in a repository.
const (
	maxFolders      = 100_000
	maxApplications = 10_000
)

// Applications returns the folders of a repository that hold a chart or a kustomization, by path; "." is its root.
func (a *Apps) Applications(ctx context.Context, repoURL, project, revision string) (map[string]v1alpha1.ApplicationSourceType, error) {
	tree, err := a.treeAt(ctx, repoURL, project, revision)
	if err != nil {
		return nil, err
	}
	found, seen := map[string]v1alpha1.ApplicationSourceType{}, 0
	for folders := []string{"."}; len(folders) > 0; folders = folders[1:] {
		if seen++; seen > maxFolders || len(found) > maxApplications {
			return nil, problem.New(problem.Limit, "%s has more than %d folders or %d applications", repoURL, maxFolders, maxApplications)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := folders[0]
		list, err := tree.List(at)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			switch {
			case e.Mode == source.Folder:
				folders = append(folders, path.Join(at, e.Name))
			case e.Name == "Chart.yaml" && found[at] == "":
				found[at] = v1alpha1.SourceTypeHelm
			case slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, e.Name):
				found[at] = v1alpha1.SourceTypeKustomize
			}
		}
	}
	return found, nil
}

// Details is what there is to set in a source.
type Details struct {
	Type       v1alpha1.ApplicationSourceType
	ValueFiles []string // of a chart: files beside it whose names hold "values"
	Values     string   // of a chart: its values.yaml
	Parameters map[string]string
	Images     []string // of a kustomization, sorted
	Announced  []render.PluginParameter
}

// DetailsOf reads a source at its revision: what renders it, and what of it could be set.
func (a *Apps) DetailsOf(ctx context.Context, s v1alpha1.ApplicationSource, application, project string) (Details, error) {
	tree, err := a.treeOf(ctx, s, project)
	if err != nil {
		return Details{}, err
	}
	files := source.NewFS(tree, 0)
	kind, err := render.Detect(files, s)
	if err != nil {
		return Details{}, err
	}
	d := Details{Type: kind}
	switch kind {
	case v1alpha1.SourceTypeHelm:
		err = d.readChart(files, s)
	case v1alpha1.SourceTypeKustomize:
		var result render.Result
		result, err = a.Render.Objects(ctx, render.Request{
			Tree: tree, Source: s, App: render.App{Name: application, Project: project}, Settings: renderSettings(a.Catalog.Settings()),
			Keys: a.Catalog.DecryptionKeys(project), Conceal: true,
		})
		images := map[string]bool{}
		for _, item := range result.Items {
			for _, image := range imagesOf(item.Object) {
				images[image] = true
			}
		}
		d.Images = sortedSet(images)
	case v1alpha1.SourceTypePlugin:
		d.Announced, err = a.Render.PluginParameters(ctx, render.Request{
			Tree: tree, Source: s, App: render.App{Name: application, Project: project}, Settings: renderSettings(a.Catalog.Settings()),
		})
	}
	return d, err
}
