package reconcile

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/source"
)

// build lays over a source's tree what it needs from elsewhere: the submodules of its repository, if the settings have
// them, and the dependencies of its chart. A dependency whose version is locked is asked for once; the range of another is
// followed as that of a chart is. One that cannot be had is noted: the values may have it switched off.
func (a *Apps) build(ctx context.Context, v *view, t *tree, notBefore time.Time) error {
	if render.IsRefOnly(t.source) {
		return nil
	}
	files := source.NewFS(t.tree, 0)
	if err := a.submodules(ctx, v, t, files); err != nil {
		return err
	}
	t.looked = files.Trace()
	files = source.NewFS(t.tree, 0) // with submodules, it is another tree now
	list, err := render.Dependencies(files, t.source, renderSettings(a.Catalog.Settings()))
	t.looked = append(t.looked, files.Trace()...)
	if err != nil || len(list) == 0 {
		return err
	}
	v.alone = false
	at := map[string]source.Tree{}
	for _, d := range list {
		since := notBefore
		if d.Locked {
			since = time.Time{}
		}
		chart, err := a.dependency(ctx, v, t, d, since)
		if err != nil {
			if t.missing == nil {
				t.missing = map[string]error{}
			}
			t.missing[d.Name] = err
			continue
		}
		at[d.Folder] = chart
	}
	t.tree = source.Mount(t.tree, at)
	return ctx.Err()
}

// dependency fetches one chart that another one needs.
func (a *Apps) dependency(ctx context.Context, v *view, t *tree, d render.Dependency, since time.Time) (source.Tree, error) {
	repo, err := a.dependencyRepository(v, d)
	if err != nil {
		return nil, err
	}
	repo.PassCredentials = t.source.Helm != nil && t.source.Helm.PassCredentials
	release, err := a.Charts.Resolve(ctx, repo, charts.Wanted{Chart: d.Name, Revision: d.Version, MediaTypes: a.Catalog.Settings().OCIMediaTypes}, since)
	if err != nil {
		return nil, err
	}
	return a.Charts.Tree(ctx, repo, release)
}

// dependencyRepository is where Chart.yaml says that a chart is. A repository that the project does not permit is asked
// without credentials: who may write into one repository must not read another one with our password.
func (a *Apps) dependencyRepository(v *view, d render.Dependency) (charts.Repository, error) {
	address := d.Repository
	for _, prefix := range []string{"@", "alias:"} {
		name, ok := strings.CutPrefix(address, prefix)
		if !ok {
			continue
		}
		known := a.Catalog.Repositories()
		i := slices.IndexFunc(known, func(r catalog.Repository) bool {
			return r.Name == name && r.Type != "git" && (r.Project == "" || r.Project == v.spec.project)
		})
		if i < 0 {
			return charts.Repository{}, problem.New(problem.NotFound, "no repository definition for %s", d.Repository).WithHint("a repository Secret of type helm must have the name %s", name)
		}
		address = known[i].URL
		break
	}
	scheme, _, _ := strings.Cut(address, "://")
	if !slices.Contains([]string{"https", "http", "oci"}, scheme) && d.Repository == address {
		return charts.Repository{}, problem.New(problem.Forbidden, "repository %q is neither https:// nor oci://", d.Repository)
	}
	rules, err := a.rules(v)
	if err != nil {
		return charts.Repository{}, err
	}
	record := a.Catalog.RepositoryFor(address, v.spec.project)
	if scheme == "oci" && record.Record == "" && record.Creds == "" { // the Secret may be of the chart's own repository
		if own := a.Catalog.RepositoryFor(strings.TrimRight(address, "/")+"/"+d.Name, v.spec.project); own.Record != "" || own.Creds != "" {
			own.URL = record.URL
			record = own
		}
	}
	if record.Problem != nil {
		return charts.Repository{}, record.Problem
	}
	repo := a.chartRepository(record, noSource)
	if rules.Source(address) != nil {
		repo.Username, repo.Password, repo.BearerToken, repo.TLSClientCert, repo.TLSClientKey = "", "", "", "", ""
	}
	return repo, nil
}
