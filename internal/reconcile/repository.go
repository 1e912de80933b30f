package reconcile

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
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
