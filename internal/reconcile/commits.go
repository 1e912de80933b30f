package reconcile

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/source"
	"k8s.io/apimachinery/pkg/types"
)

// CommitsRequest asks for the commits between two revisions of one of an application's sources.
type CommitsRequest struct {
	Application types.NamespacedName
	Source      int        // index of the source
	From, To    string     // revisions; those that lead to From are left out. To may be empty: what the source follows
	Object      object.Key // only the commits that changed its file, where that is known; zero: those that changed the source's folder
	Limit       int
}

// Commits returns the commits between two revisions that changed what the application is made of, the newest first; more says
// that there are others. It needs no cluster, so any replica answers; which file an object comes from only the leader
// knows.
func (a *Apps) Commits(ctx context.Context, r CommitsRequest) (list []source.Revision, more bool, err error) {
	app, err := a.Catalog.Application(r.Application)
	if err != nil {
		return nil, false, err
	}
	s, err := a.gitSource(app, app.Spec.SourceList(), r.Source)
	if err != nil {
		return nil, false, err
	}
	repo := repository(a.Catalog.RepositoryFor(s.RepoURL, app.Spec.ProjectName()))
	if _, err := a.Git.Refresh(ctx, repo, time.Unix(1, 0)); err != nil {
		return nil, false, err
	}
	commit := func(revision string) (string, error) {
		if revision == "" {
			return "", nil
		}
		return a.Git.CommitTagged(ctx, repo, revision, s.TagPrefix)
	}
	from, err := commit(r.From)
	if err != nil {
		return nil, false, err
	}
	if r.To == "" {
		r.To = s.TargetRevision
	}
	if r.To == "" {
		r.To = "HEAD"
	}
	to, err := commit(r.To)
	if err != nil {
		return nil, false, err
	}
	if file := a.fileOf(app, r); file != "" {
		if list, more, err = a.Git.Log(ctx, repo, from, to, []string{file}, r.Limit); err != nil || len(list) > 0 {
			return list, more, err
		}
	}
	var paths []string
	if p, ok := source.Clean(s.Path); ok && p != "." {
		paths = []string{p}
	}
	return a.Git.Log(ctx, repo, from, to, paths, r.Limit)
}

// fileOf is the file that an object is written in. A template is written in several: its values are elsewhere.
func (a *Apps) fileOf(app *v1alpha1.Application, r CommitsRequest) string {
	v := a.peek(r.Application)
	if r.Object == (object.Key{}) || v == nil || v.complete == nil || r.Source >= len(v.types) || v.types[r.Source] != v1alpha1.SourceTypeDirectory {
		return ""
	}
	origin := v.complete.origin[r.Object]
	if origin.Source != r.Source || strings.HasSuffix(origin.Path, "sonnet") {
		return ""
	}
	return origin.Path
}

// gitSource is one of the sources that an application has, or had, if the project permits it and it is in Git.
func (a *Apps) gitSource(app *v1alpha1.Application, list []v1alpha1.ApplicationSource, i int) (s v1alpha1.ApplicationSource, err error) {
	if i < 0 || i >= len(list) {
		return s, problem.New(problem.Invalid, "source index %d not found", i).WithHint("application %s has %d sources, counted from 0", app.Name, len(list))
	}
	if s = list[i]; render.IsPackaged(s) {
		return s, problem.New(problem.Invalid, "source %s is no Git repository, and has no commits", cmp.Or(s.Chart, s.RepoURL))
	}
	rules, err := a.rules(&view{spec: specOf(app)})
	if err != nil {
		return s, err
	}
	return s, rules.Source(s.RepoURL)
}

// sourcesAt are the sources of an application as one of its deployments had them; version is nil for those of now.
func sourcesAt(app *v1alpha1.Application, version *int64) ([]v1alpha1.ApplicationSource, error) {
	if version == nil {
		return app.Spec.SourceList(), nil
	}
	i := slices.IndexFunc(app.Status.History, func(h v1alpha1.RevisionHistory) bool { return h.ID == *version })
	if i < 0 {
		return nil, problem.New(problem.NotFound, "version %d is not in the history of application %s", *version, app.Name)
	}
	if h := app.Status.History[i]; len(h.Sources) == 0 {
		return []v1alpha1.ApplicationSource{h.Source}, nil
	}
	return app.Status.History[i].Sources, nil
}
