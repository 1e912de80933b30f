package reconcile

import (
	"context"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/source"
	"github.com/hawser-cd/hawser/internal/source/signature"
)

// release resolves a source that is a chart or an artifact, as its repository knew it at notBefore or later.
func (a *Apps) release(ctx context.Context, s v1alpha1.ApplicationSource, project string, notBefore time.Time) (charts.Repository, charts.Release, error) {
	record := a.Catalog.RepositoryFor(s.RepoURL, project)
	if record.Problem != nil {
		return charts.Repository{}, charts.Release{}, record.Problem
	}
	repo := a.chartRepository(record, s)
	release, err := a.Charts.Resolve(ctx, repo, charts.Wanted{Chart: s.Chart, Revision: s.TargetRevision, MediaTypes: a.Catalog.Settings().OCIMediaTypes}, notBefore)
	return repo, release, err
}

// packaged is release with its files.
func (a *Apps) packaged(ctx context.Context, s v1alpha1.ApplicationSource, project string, notBefore time.Time) (charts.Release, source.Tree, error) {
	repo, release, err := a.release(ctx, s, project, notBefore)
	if err != nil {
		return release, nil, err
	}
	tree, err := a.Charts.Tree(ctx, repo, release)
	return release, tree, err
}

// chartRepository maps the catalog's record to what charts fetches. An address without a scheme is a registry's, whatever the
// record says: Argo CD writes charts in registries so.
func chartRepository(r catalog.Repository, s v1alpha1.ApplicationSource) charts.Repository {
	return charts.Repository{
		URL: r.URL, OCI: r.Type == "oci" || r.EnableOCI || !strings.Contains(r.URL, "://"),
		Username: source.Secret(r.Username.Reveal()), Password: source.Secret(r.Password.Reveal()), BearerToken: source.Secret(r.BearerToken.Reveal()),
		TLSClientCert: source.Secret(r.TLSClientCert.Reveal()), TLSClientKey: source.Secret(r.TLSClientKey.Reveal()), CA: r.CA,
		Workload: r.Workload, Insecure: r.Insecure, PlainHTTP: r.InsecureOCIForceHTTP, Proxy: r.Proxy, NoProxy: r.NoProxy, PassCredentials: s.Helm != nil && s.Helm.PassCredentials,
	}
}

// chartRepository is the function of that name with the keys of which one must have signed each chart.
func (a *Apps) chartRepository(r catalog.Repository, s v1alpha1.ApplicationSource) charts.Repository {
	repo := chartRepository(r, s)
	list := a.Catalog.Settings().VerifyCharts
	if len(list) == 0 {
		return repo
	}
	if signed, err := project.Addresses(list); err != nil || signed(r.URL) {
		repo.Keys = signature.Read(a.Catalog.GPGKeys())
	}
	return repo
}

// noSource asks for a repository on nobody's behalf.
var noSource v1alpha1.ApplicationSource

// HelmCharts returns the charts of a Helm repository, by name, each with its versions. The repository is asked.
func (a *Apps) HelmCharts(ctx context.Context, repoURL, project string) ([]charts.Chart, error) {
	r := a.Catalog.RepositoryFor(repoURL, project)
	if r.Problem != nil {
		return nil, r.Problem
	}
	return a.Charts.List(ctx, chartRepository(r, noSource), time.Now().Add(-recent))
}

// Tags returns the tags of a repository in a registry, the newest version first. The registry is asked.
func (a *Apps) Tags(ctx context.Context, repoURL, project string) ([]string, error) {
	r := a.Catalog.RepositoryFor(repoURL, project)
	if r.Problem != nil {
		return nil, r.Problem
	}
	return a.Charts.Tags(ctx, chartRepository(r, noSource), "", time.Now().Add(-recent))
}

// ChartAbout is what a chart says of itself.
type ChartAbout struct {
	Description, Home string
	Maintainers       []string // "Name (home) <mail>", as far as given
}

// Chart returns what a version of a chart says of itself. It needs no cluster, so any replica answers.
func (a *Apps) Chart(ctx context.Context, r RevisionRequest) (about ChartAbout, err error) {
	_, tree, s, err := a.packagedRevision(ctx, r, func(s v1alpha1.ApplicationSource) bool { return s.Chart != "" }, "no chart found for application: %s")
	if err != nil {
		return about, err
	}
	text, err := source.NewFS(tree, 0).ReadFile("Chart.yaml")
	if err != nil {
		return about, problem.Because(problem.Invalid, err, "chart %s", s.Chart)
	}
	var c struct {
		Description string `json:"description"`
		Home        string `json:"home"`
		Maintainers []struct {
			Name  string `json:"name"`
			Email string `json:"email"`
			URL   string `json:"url"`
		} `json:"maintainers"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return about, problem.Because(problem.Invalid, err, "chart %s: Chart.yaml", s.Chart)
	}
	about = ChartAbout{Description: c.Description, Home: c.Home}
	for _, m := range c.Maintainers {
		var words []string
		for _, w := range []string{m.Name, between("(", m.URL, ")"), between("<", m.Email, ">")} {
			if w != "" {
				words = append(words, w)
			}
		}
		about.Maintainers = append(about.Maintainers, strings.Join(words, " "))
	}
	return about, nil
}

func between(before, text, after string) string {
	if text == "" {
		return ""
	}
	return before + text + after
}

// Artifact returns the annotations of an artifact's manifest. It needs no cluster, so any replica answers.
func (a *Apps) Artifact(ctx context.Context, r RevisionRequest) (map[string]string, error) {
	release, _, _, err := a.packagedRevision(ctx, r, func(s v1alpha1.ApplicationSource) bool { return strings.HasPrefix(s.RepoURL, "oci://") }, "no OCI artifact found for application: %s")
	return release.Annotations, err
}

// packagedRevision fetches a revision of one of an application's sources, if the project permits it and fits says that it is
// what was asked for.
func (a *Apps) packagedRevision(ctx context.Context, r RevisionRequest, fits func(v1alpha1.ApplicationSource) bool, otherwise string) (release charts.Release, tree source.Tree, s v1alpha1.ApplicationSource, err error) {
	app, err := a.Catalog.Application(r.Application)
	if err != nil {
		return release, nil, s, err
	}
	list, err := sourcesAt(app, r.Version)
	if err != nil {
		return release, nil, s, err
	}
	if r.Source < 0 || r.Source >= len(list) {
		return release, nil, s, problem.New(problem.Invalid, "source index %d not found", r.Source).WithHint("application %s has %d sources, counted from 0", app.Name, len(list))
	}
	if s = list[r.Source]; !fits(s) {
		return release, nil, s, problem.New(problem.NotFound, otherwise, app.Name)
	}
	rules, err := a.rules(&view{spec: specOf(app)})
	if err == nil {
		err = rules.Source(s.RepoURL)
	}
	if err != nil {
		return release, nil, s, err
	}
	if r.Revision != "" {
		s.TargetRevision = r.Revision
	}
	release, tree, err = a.packaged(ctx, s, app.Spec.ProjectName(), time.Unix(1, 0))
	return release, tree, s, err
}
