package reconcile

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/source"
	"k8s.io/apimachinery/pkg/types"
)

// ManifestRequest asks what an application's sources render to.
type ManifestRequest struct {
	Application types.NamespacedName
	// Revision is what to render instead of the targetRevision of a single source. Revisions and Positions do so for
	// several: Positions[i], counted from 1, is rendered at Revisions[i].
	Revision  string
	Revisions []string
	Positions []int64
	NoCache   bool // ask the repositories anew, however recently they were asked
}

// Rendered is what the sources came to.
type Rendered struct {
	Manifests []Manifest
	Sources   []RenderedSource
	Namespace string // of the destination
	Server    string
	// NoNamespace: some of it goes into the destination's namespace, which is neither there nor among it. Preview alone
	// looks.
	NoNamespace bool
}

// RenderedSource is one source, and the commit it was rendered at; empty for files that came with the request.
type RenderedSource struct {
	Source   v1alpha1.ApplicationSource
	Type     v1alpha1.ApplicationSourceType
	Revision string
}

// Manifest is one object as it would be applied: placed, marked, secret values masked.
type Manifest struct {
	Key     object.Key
	Source  int // index of the source it came from
	JSON    []byte
	Refused string // why the application's project does not permit it; a sync leaves it out
	Hook    bool   // it runs in a sync, and is no part of what the application has
	// SharedWith is the other application that the object belongs to today; Preview alone asks for it.
	SharedWith string
}

// recent is how old a contact with a repository may be when a revision of it is asked for by name.
const recent = 2 * time.Second

// Manifests renders the application's sources, at the given revisions or those that it follows, and touches nothing. The
// destination cluster must be known, because charts ask what it serves.
func (a *Apps) Manifests(ctx context.Context, r ManifestRequest) (Rendered, error) {
	app, v, err := a.aside(r.Application)
	if err != nil {
		return Rendered{}, err
	}
	v.fresh = r.NoCache
	revisions, err := r.revisions(app, len(v.spec.sources))
	if err != nil {
		return Rendered{}, err
	}
	why := cause{}
	switch {
	case r.NoCache:
		why.git = time.Now()
	case slices.ContainsFunc(revisions, func(s string) bool { return s != "" }):
		why.git = time.Now().Add(-recent)
	}
	trees, err := a.trees(ctx, v, revisions, why)
	if problem.Is(err, problem.NotFound) && !r.NoCache { // pushed since, perhaps
		trees, err = a.trees(ctx, v, revisions, cause{git: time.Now()})
	}
	if err != nil {
		return Rendered{}, err
	}
	return a.renderAside(ctx, app, v, trees)
}

// RenderUnstored renders the sources of an application that need not be stored, at the revisions that they follow, and touches
// nothing. The repositories are asked.
func (a *Apps) RenderUnstored(ctx context.Context, app *v1alpha1.Application) (Rendered, error) {
	if err := a.leading(); err != nil {
		return Rendered{}, err
	}
	v, err := a.asideOf(app)
	if err != nil {
		return Rendered{}, err
	}
	trees, err := a.trees(ctx, v, nil, cause{git: time.Now().Add(-recent)})
	if err != nil {
		return Rendered{}, err
	}
	r, err := a.renderAside(ctx, app, v, trees)
	if err != nil {
		return Rendered{}, err
	}
	home := object.Key{Kind: "Namespace", Name: r.Namespace}
	inside, brought := false, false
	compare := a.comparer(app, v, nil)
	for i, m := range r.Manifests {
		inside, brought = inside || m.Key.Namespace == home.Name, brought || m.Key == home
		if live, exists := v.cluster.Get(m.Key); exists && m.Refused == "" {
			r.Manifests[i].SharedWith = compare.foreignOwner(m.Key, live)
		}
	}
	if _, exists := v.cluster.Get(home); !exists && inside && !brought && home.Name != "" {
		r.NoNamespace = v.cluster.KindErr(home.GroupKind()) == nil // what we cannot see may be there
	}
	return r, nil
}

// revisions are those asked for, one for each source; empty ones mean the source's own.
func (r ManifestRequest) revisions(app *v1alpha1.Application, sources int) ([]string, error) {
	list := make([]string, sources)
	if r.Revision != "" {
		if app.Spec.HasMultipleSources() && sources != 1 {
			return nil, problem.New(problem.Invalid, "one revision for %d sources", sources).WithHint("give sourcePositions and revisions")
		}
		list[0] = r.Revision
	}
	if len(r.Positions) != len(r.Revisions) {
		if len(r.Positions) == 0 && len(r.Revisions) == sources {
			return slices.Clone(r.Revisions), nil
		}
		return nil, problem.New(problem.Invalid, "%d source positions for %d revisions", len(r.Positions), len(r.Revisions)).WithHint("give one for each")
	}
	for i, p := range r.Positions {
		if p < 1 || p > int64(sources) {
			return nil, problem.New(problem.Invalid, "source position %d is out of range", p).WithHint("they are counted from 1 to %d", sources)
		}
		list[p-1] = r.Revisions[i]
	}
	return list, nil
}

// LocalRequest asks what an application would render to with files of the caller's.
type LocalRequest struct {
	Application types.NamespacedName
	Archive     io.Reader // a tar.gz of the whole repository, or as much of it as the source needs
	Limits      source.ArchiveLimits
	// Position is the source, counted from 1, whose files these are; 0 when there is only one. The others are rendered at
	// the revisions that they follow.
	Position int64
	Path     string // of the source within the archive; empty: the source's own
	// PermitPlugin is asked before a plugin renders the files; nil permits it.
	PermitPlugin func() error
}

// ManifestsOf is Manifests with the files of one source given by the caller.
func (a *Apps) ManifestsOf(ctx context.Context, r LocalRequest) (Rendered, error) {
	app, v, err := a.aside(r.Application)
	if err != nil {
		return Rendered{}, err
	}
	n := len(v.spec.sources)
	if r.Position == 0 && n == 1 {
		r.Position = 1
	}
	if r.Position < 1 || r.Position > int64(n) {
		return Rendered{}, problem.New(problem.Invalid, "source position %d is out of range", r.Position).WithHint("say which of the %d sources the files are of, counted from 1", n)
	}
	files, err := source.Archive(r.Archive, r.Limits)
	if err != nil {
		return Rendered{}, err
	}
	local := int(r.Position - 1)
	given := *v
	given.spec.sources = slices.Delete(slices.Clone(v.spec.sources), local, local+1)
	others, err := a.trees(ctx, &given, nil, cause{})
	if err != nil {
		return Rendered{}, err
	}
	s := v.spec.sources[local]
	if render.IsPackaged(s) {
		return Rendered{}, problem.New(problem.Invalid, "source %d is a package from a repository, which no local files can stand for", r.Position)
	}
	if r.Path != "" {
		s.Path = r.Path
	}
	trees := slices.Insert(others, local, tree{source: s, tree: files, permitPlugin: r.PermitPlugin})
	return a.renderAside(ctx, app, v, trees)
}

// aside returns a view to render into, beside the one that the loop goes by, once the application's place, sources and
// destination are permitted.
func (a *Apps) aside(name types.NamespacedName) (*v1alpha1.Application, *view, error) {
	if err := a.ours(name); err != nil {
		return nil, nil, err
	}
	app, err := a.Catalog.Application(name)
	if err != nil {
		return nil, nil, err
	}
	v, err := a.asideOf(app)
	return app, v, err
}

// asideOf is aside for an application that need not be stored.
func (a *Apps) asideOf(app *v1alpha1.Application) (*view, error) {
	v, err := a.reach(app)
	if err != nil {
		return nil, err
	}
	v.aside = true
	if len(v.spec.sources) == 0 {
		return nil, problem.New(problem.Invalid, "spec.source is missing").WithHint("give a source with repoURL, path and targetRevision")
	}
	return v, a.permitted(v)
}

func (a *Apps) renderAside(ctx context.Context, app *v1alpha1.Application, v *view, trees []tree) (Rendered, error) {
	v.shown = true
	c, err := a.rendered(ctx, app, v, trees, nil)
	if err != nil {
		return Rendered{}, err
	}
	r := Rendered{Namespace: v.spec.destination.Namespace, Server: v.server}
	for i, t := range trees {
		s := RenderedSource{Source: t.source, Revision: t.revision.ID}
		if i < len(v.types) {
			s.Type = v.types[i]
		}
		r.Sources = append(r.Sources, s)
	}
	permit := a.permit(v)
	for _, o := range c.objects {
		key := object.KeyOf(o)
		m := Manifest{Key: key, Source: c.origin[key].Source, Hook: plan.IsHook(o)}
		if err := permit(key); err != nil {
			m.Refused = err.Error()
		}
		if m.JSON, err = plainJSON(v.cluster.Mask(o)); err != nil {
			return Rendered{}, err
		}
		r.Manifests = append(r.Manifests, m)
	}
	return r, nil
}

// RevisionRequest asks about a commit of one of an application's sources.
type RevisionRequest struct {
	Application types.NamespacedName
	Revision    string
	Source      int    // index of the source
	Version     *int64 // of the history: the source as it was then
}

// Revision returns what the repository says of a commit: who made it, when, why, and its tags. It needs no cluster, so
// any replica answers.
func (a *Apps) Revision(ctx context.Context, r RevisionRequest) (source.Revision, error) {
	app, err := a.Catalog.Application(r.Application)
	if err != nil {
		return source.Revision{}, err
	}
	list, err := sourcesAt(app, r.Version)
	if err != nil {
		return source.Revision{}, err
	}
	s, err := a.gitSource(app, list, r.Source)
	if err != nil {
		return source.Revision{}, err
	}
	repo := repository(a.Catalog.RepositoryFor(s.RepoURL, app.Spec.ProjectName()))
	if _, err := a.Git.Refresh(ctx, repo, time.Unix(1, 0)); err != nil {
		return source.Revision{}, err
	}
	commit, err := a.Git.CommitTagged(ctx, repo, r.Revision, s.TagPrefix)
	if err != nil {
		return source.Revision{}, err
	}
	rev, err := a.Git.Revision(ctx, repo, commit)
	if err != nil {
		return rev, err
	}
	rules, err := a.rules(&view{spec: spec{project: app.Spec.ProjectName(), name: nameOf(app)}})
	if err != nil {
		return rev, err
	}
	s.TargetRevision = r.Revision
	rev.Signed, rev.Doubt, err = a.signed(ctx, rules, s, repo, commit)
	return rev, err
}

// Commit returns what our copy of the repository says of the commit that an application was last compared with, of the
// first source that has one. Nobody is asked, so that whoever lists thousands of applications may ask for each: what is
// not at hand is simply not told.
func (a *Apps) Commit(app *v1alpha1.Application) (rev source.Revision, ok bool) {
	s, id := Compared(app)
	if id == "" {
		return rev, false
	}
	rules, err := a.rules(&view{spec: spec{project: app.Spec.ProjectName(), name: nameOf(app)}})
	if err != nil || rules.Source(s.RepoURL) != nil {
		return rev, false
	}
	return a.Git.Remembered(repository(a.Catalog.RepositoryFor(s.RepoURL, app.Spec.ProjectName())), id)
}

// Compared returns the first source of an application that is in Git, and the commit that the application was last
// compared with; "" when it never was.
func Compared(app *v1alpha1.Application) (s v1alpha1.ApplicationSource, commit string) {
	revisions := app.Status.Sync.Revisions
	if len(revisions) == 0 {
		revisions = []string{app.Status.Sync.Revision}
	}
	for i, s := range app.Spec.SourceList() {
		if !render.IsPackaged(s) && i < len(revisions) && revisions[i] != "" {
			return s, revisions[i]
		}
	}
	return s, ""
}
