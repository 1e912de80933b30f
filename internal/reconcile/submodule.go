package reconcile

import (
	"context"
	"errors"
	"io/fs"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/source"
)

// submodules lays the submodules of a repository over its tree, if the settings have them: those that the project permits as
// sources, each at the commit that the tree names, with the credentials of its own address. Submodules of submodules
// are not followed.
func (a *Apps) submodules(ctx context.Context, v *view, t *tree, files *source.FS) error {
	if !a.Catalog.Settings().Submodules || render.IsPackaged(t.source) {
		return nil
	}
	if _, err := files.Stat(".gitmodules"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	v.alone = false
	text, err := t.tree.Read(".gitmodules", source.DefaultFileLimit)
	if err != nil {
		return err
	}
	list, err := git.Submodules(string(text), t.source.RepoURL)
	if err != nil {
		return err
	}
	rules, err := a.rules(v)
	if err != nil {
		return err
	}
	at := map[string]source.Tree{}
	for _, s := range list {
		e, err := t.tree.Entry(s.Path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && e.Mode != source.Submodule {
			continue // it is not there any more
		}
		if err == nil {
			err = rules.Source(s.URL)
		}
		var sub source.Tree
		if err == nil {
			repo := repository(a.Catalog.RepositoryFor(s.URL, v.spec.project))
			sub, err = a.Git.Tree(ctx, repo, string(e.Hash))
		}
		if err != nil {
			return problem.Because(problem.KindOf(err), err, "submodule %s", s.Path)
		}
		at[s.Path] = sub
	}
	t.tree = source.Mount(t.tree, at)
	return nil
}
