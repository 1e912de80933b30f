package server

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/source"
)

// Kinds of records, and the resources by which policies name them.
var (
	readRepositories  = catalog.RepositoryKind{}
	writeRepositories = catalog.RepositoryKind{Write: true}
)

func resourceOf(k catalog.RepositoryKind) string {
	if k.Write {
		return rbac.WriteRepositories
	}
	return rbac.Repositories
}

func (s *server) repositoryMethods() []method {
	const repositories = "repository.RepositoryService/"
	var list []method
	add := func(m ...method) { list = append(list, m...) }
	for _, of := range []struct {
		kind                               catalog.RepositoryKind
		list, get, create, update, destroy []string // the older names do the same
		validate                           string
	}{
		{readRepositories, []string{"List", "ListRepositories"}, []string{"Get"}, []string{"Create", "CreateRepository"}, []string{"Update", "UpdateRepository"}, []string{"Delete", "DeleteRepository"}, "ValidateAccess"},
		{writeRepositories, []string{"ListWriteRepositories"}, []string{"GetWrite"}, []string{"CreateWriteRepository"}, []string{"UpdateWriteRepository"}, []string{"DeleteWriteRepository"}, "ValidateWriteAccess"},
	} {
		kind, resource := of.kind, resourceOf(of.kind)
		for _, name := range of.list {
			add(unary(repositories+name, visible[argocd.RepoQuery](resource, rbac.Get), s.listRepositories(kind)))
		}
		for _, name := range of.get {
			add(unary(repositories+name, onRepository(kind, rbac.Get), s.getRepository(kind)))
		}
		for _, name := range of.create {
			add(unary(repositories+name, on(resource, rbac.Create, func(_ *call, q *argocd.RepoCreateRequest) string { return repositoryObject(q.Repo) }), s.createRepository(kind)))
		}
		for _, name := range of.update {
			add(unary(repositories+name, on(resource, rbac.Update, func(_ *call, q *argocd.RepoUpdateRequest) string { return repositoryObject(q.Repo) }), s.updateRepository(kind)))
		}
		for _, name := range of.destroy {
			add(unary(repositories+name, onRepository(kind, rbac.Delete), s.deleteRepository))
		}
		add(unary(repositories+of.validate, on(resource, rbac.Create, func(_ *call, q *argocd.RepoAccessQuery) string {
			return scopedAddress(q.Project, q.Repo)
		}), s.validateAccess(kind)))
	}
	add(unary(repositories+"ListRefs", onSource(func(q *argocd.RepoQuery) (string, string) { return q.Repo, q.AppProject }), s.listRefs),
		unary(repositories+"ListOCITags", onSource(func(q *argocd.RepoQuery) (string, string) { return q.Repo, q.AppProject }), s.listOCITags),
		unary(repositories+"GetHelmCharts", onSource(func(q *argocd.RepoQuery) (string, string) { return q.Repo, q.AppProject }), s.helmCharts),
		unary(repositories+"ListApps", onSource(func(q *argocd.RepoAppsQuery) (string, string) { return q.Repo, q.AppProject }), s.listApps),
		unary(repositories+"GetAppDetails", onSource(func(q *argocd.RepoAppDetailsQuery) (string, string) {
			if q.Source == nil {
				return "", q.AppProject
			}
			return q.Source.RepoURL, q.AppProject
		}), s.appDetails))
	return list
}

// repositoryObject is how a repository that a client sends is named in policies.
func repositoryObject(r *argocd.Repository) string {
	if r == nil {
		return ""
	}
	return scopedAddress(r.Project, r.Repo)
}

// scopedAddress is how a repository is named in policies that will be stored with that project and address: white space
// around them is not.
func scopedAddress(project, address string) string {
	return rbac.Scoped(strings.TrimSpace(project), withoutUser(address))
}

// withoutUser takes user and password out of an http(s) address.
func withoutUser(address string) string {
	clean, _, _ := splitUser(address)
	return clean
}

// onRepository permits those who may see a record and do action with it; the method finds it in c.repository. Of an
// address that is registered for several projects, the one of the project that the request names is meant.
func onRepository(kind catalog.RepositoryKind, action string) rule[argocd.RepoQuery] {
	resource := resourceOf(kind)
	return rule[argocd.RepoQuery]{declared{resource, action, single}, func(c *call, q *argocd.RepoQuery) error {
		if err := c.mustBeSomebody(); err != nil {
			return err
		}
		normal := source.NormalizeURL(withoutUser(q.Repo))
		var found []catalog.Repository
		for _, r := range c.s.Catalog.RepositoryRecords(kind) {
			if source.NormalizeURL(r.URL) == normal && c.sees(resource, rbac.Get, rbac.Scoped(r.Project, r.URL)) {
				found = append(found, r)
			}
		}
		if len(found) == 0 { // missing or forbidden
			c.decided(resource, action, clip(rbac.Scoped(q.AppProject, withoutUser(q.Repo))), false, "there is no such repository that the caller may see")
			return problem.New(problem.Forbidden, "permission denied")
		}
		i := 0
		if len(found) > 1 || q.AppProject != "" {
			i = slices.IndexFunc(found, func(r catalog.Repository) bool { return r.Project == q.AppProject })
		}
		if i < 0 {
			return problem.New(problem.NotFound, "repository not found for url %q and project %q", clip(withoutUser(q.Repo)), clip(q.AppProject))
		}
		c.repository = found[i]
		return c.must(resource, action, rbac.Scoped(found[i].Project, found[i].URL))
	}}
}

// onSource permits those who may see a repository to ask what is in it, whether it is registered or not; the method
// finds in c.repository how it is reached.
func onSource[Req any](ref func(*Req) (url, project string)) rule[Req] {
	return rule[Req]{declared{rbac.Repositories, rbac.Get, single}, func(c *call, q *Req) error {
		if err := c.mustBeSomebody(); err != nil {
			return err
		}
		address, project := ref(q)
		if address == "" {
			return problem.New(problem.Invalid, "the request names no repository")
		}
		c.repository = c.s.Catalog.RepositoryFor(address, project)
		// that a project has a record of its own must not show in the answer
		if !c.may(rbac.Repositories, rbac.Get, rbac.Scoped(c.repository.Project, withoutUser(address))) {
			return problem.New(problem.Forbidden, "permission denied")
		}
		return nil
	}}
}

func (s *server) listRepositories(kind catalog.RepositoryKind) func(*call, *argocd.RepoQuery) (*argocd.RepositoryList, error) {
	return func(c *call, q *argocd.RepoQuery) (*argocd.RepositoryList, error) {
		var records []catalog.Repository
		for _, r := range s.Catalog.RepositoryRecords(kind) {
			if c.sees(resourceOf(kind), rbac.Get, rbac.Scoped(r.Project, r.URL)) {
				records = append(records, r)
			}
		}
		slices.SortStableFunc(records, func(a, b catalog.Repository) int {
			return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.URL, b.URL))
		})
		list := &argocd.RepositoryList{Items: make([]argocd.Repository, len(records))}
		reach := make([]catalog.Repository, len(records))
		for i, r := range records {
			list.Items[i], reach[i] = s.shownRepository(kind, r)
		}
		for i, state := range s.connections.ask(c, s.Sources, reach, s.Catalog.Settings().Server.ConnectionFresh, q.ForceRefresh) {
			list.Items[i].ConnectionState = state
		}
		return list, nil
	}
}

func (s *server) getRepository(kind catalog.RepositoryKind) func(*call, *argocd.RepoQuery) (*argocd.Repository, error) {
	return func(c *call, q *argocd.RepoQuery) (*argocd.Repository, error) {
		out, reach := s.shownRepository(kind, c.repository)
		states := s.connections.ask(c, s.Sources, []catalog.Repository{reach}, s.Catalog.Settings().Server.ConnectionFresh, q.ForceRefresh)
		out.ConnectionState = states[0]
		return &out, nil
	}
}

// shownRepository shows a record, and says how it is reached: with what it inherits, if it is for reading.
func (s *server) shownRepository(kind catalog.RepositoryKind, r catalog.Repository) (argocd.Repository, catalog.Repository) {
	out := repository(r)
	if kind.Write {
		return out, r
	}
	reach := s.Catalog.RepositoryFor(r.URL, r.Project)
	if reach.Creds != "" {
		out.InheritedCreds, out.Username = true, shownUser(reach)
	}
	return out, reach
}

func (s *server) listRefs(c *call, q *argocd.RepoQuery) (*argocd.Refs, error) {
	branches, tags, err := s.Sources.Refs(c, q.Repo, q.AppProject)
	if err != nil {
		return nil, outside(err)
	}
	return &argocd.Refs{Branches: branches, Tags: tags}, nil
}

func (s *server) listOCITags(c *call, q *argocd.RepoQuery) (*argocd.Refs, error) {
	tags, err := s.Sources.Tags(c, q.Repo, q.AppProject)
	if err != nil {
		return nil, outside(err)
	}
	return &argocd.Refs{Tags: tags}, nil
}

func (s *server) helmCharts(c *call, q *argocd.RepoQuery) (*argocd.HelmChartsResponse, error) {
	list, err := s.Sources.HelmCharts(c, q.Repo, q.AppProject)
	if err != nil {
		return nil, outside(err)
	}
	out := &argocd.HelmChartsResponse{Items: make([]argocd.HelmChart, len(list))}
	for i, chart := range list {
		out.Items[i] = argocd.HelmChart{Name: chart.Name, Versions: chart.Versions}
	}
	return out, nil
}

// listApps searches a repository for applications. It costs a fetch, so that only those may ask who could make or change
// the application that they name, in a project that permits the repository.
func (s *server) listApps(c *call, q *argocd.RepoAppsQuery) (*argocd.RepoAppsResponse, error) {
	app := q.AppProject + "/" + q.AppName
	if !c.may(rbac.Applications, rbac.Create, app) && !c.may(rbac.Applications, rbac.Update, app) {
		return nil, problem.New(problem.Forbidden, "permission denied")
	}
	if err := s.permittedSource(q.Repo, q.AppProject); err != nil {
		return nil, err
	}
	found, err := s.Sources.Applications(c, q.Repo, q.AppProject, q.Revision)
	if err != nil {
		return nil, outside(err)
	}
	out := &argocd.RepoAppsResponse{Items: []argocd.AppInfo{}}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		out.Items = append(out.Items, argocd.AppInfo{Path: path, Type: string(found[path])})
	}
	return out, nil
}

// permittedSource refuses a repository that a project does not permit.
func (s *server) permittedSource(url, project string) error {
	rules, err := s.Catalog.Rules(project)
	if err == nil {
		err = rules.Source(url)
	}
	if err != nil {
		return problem.New(problem.Forbidden, "repository '%s' not permitted in project '%s'", withoutUser(url), clip(project))
	}
	return nil
}

// appDetails tells what could be set in a source: of an application that there is, only one that it has or had, and of
// one that there is not yet, to those who may make it.
func (s *server) appDetails(c *call, q *argocd.RepoAppDetailsQuery) (*argocd.RepoAppDetailsResponse, error) {
	if q.Source == nil {
		return nil, problem.New(problem.Invalid, "missing payload in request")
	}
	namespace, name, qualified := strings.Cut(q.AppName, "/")
	if !qualified {
		namespace, name = s.Namespace, q.AppName
	}
	forbidden := problem.New(problem.Forbidden, "permission denied")
	ref := rbac.Object(q.AppProject, namespace, name, s.Namespace)
	if !c.may(rbac.Applications, rbac.Get, ref) {
		return nil, forbidden
	}
	key := nameOf(&v1alpha1.Application{})
	key.Namespace, key.Name = namespace, name
	app, err := s.Catalog.Application(key)
	switch {
	case app == nil && err != nil && !problem.Is(err, problem.NotFound):
		return nil, err
	case app == nil:
		if !c.may(rbac.Applications, rbac.Create, ref) {
			return nil, forbidden
		}
	case app.Spec.ProjectName() != q.AppProject || !hasSource(app, *q.Source, int(q.SourceIndex), int64(q.VersionID)):
		return nil, forbidden
	}
	if err := s.permittedSource(q.Source.RepoURL, q.AppProject); err != nil {
		return nil, err
	}
	d, err := s.Sources.DetailsOf(c, *q.Source, name, q.AppProject)
	if err != nil {
		return nil, outside(err)
	}
	return detailsResponse(d, *q.Source), nil
}

func detailsResponse(d reconcile.Details, of v1alpha1.ApplicationSource) *argocd.RepoAppDetailsResponse {
	out := &argocd.RepoAppDetailsResponse{Type: string(d.Type)}
	switch d.Type {
	case v1alpha1.SourceTypeHelm:
		out.Helm = &argocd.HelmAppSpec{ValueFiles: d.ValueFiles, Values: d.Values}
		for _, name := range slices.Sorted(maps.Keys(d.Parameters)) {
			out.Helm.Parameters = append(out.Helm.Parameters, v1alpha1.HelmParameter{Name: name, Value: d.Parameters[name]})
		}
		if of.Helm != nil {
			out.Helm.FileParameters = of.Helm.FileParameters
		}
	case v1alpha1.SourceTypeKustomize:
		out.Kustomize = &argocd.KustomizeAppSpec{Images: d.Images}
	case v1alpha1.SourceTypePlugin:
		out.Plugin = &argocd.PluginAppSpec{}
		for _, p := range d.Announced {
			out.Plugin.ParametersAnnouncement = append(out.Plugin.ParametersAnnouncement, argocd.ParameterAnnouncement(p))
		}
	case v1alpha1.SourceTypeDirectory:
		out.Directory = &argocd.DirectoryAppSpec{}
	}
	return out
}

// hasSource reports whether an application has a source, or had it when it was deployed: then at the commit of then.
func hasSource(app *v1alpha1.Application, s v1alpha1.ApplicationSource, index int, version int64) bool {
	same := func(o v1alpha1.ApplicationSource) bool { return object.Hash(o) == object.Hash(s) }
	if slices.ContainsFunc(app.Spec.SourceList(), same) {
		return true
	}
	for _, h := range app.Status.History {
		switch {
		case len(h.Sources) == 0:
			old := h.Source
			old.TargetRevision = h.Revision
			if same(old) {
				return true
			}
		case h.ID == version && index >= 0 && index < len(h.Sources) && index < len(h.Revisions):
			old := h.Sources[index]
			old.TargetRevision = h.Revisions[index]
			if same(old) {
				return true
			}
		}
	}
	return false
}

// mayTakeAlong refuses a record that sends credentials of another record another way than that one does: through a proxy,
// or to whoever answers in the place of the server. Whoever can do so can read them, so that only those may who may
// change them.
func (s *server) mayTakeAlong(c *call, fields catalog.Fields) error {
	elsewhere := slices.ContainsFunc([]string{"proxy", "insecure", "insecureIgnoreHostKey", "insecureOCIForceHttp"}, func(key string) bool { return fields[key] != "" })
	if !elsewhere || hasCredentials(fields) {
		return nil
	}
	r, err := s.Catalog.RepositoryOf(fields)
	if err != nil || r.Creds == "" {
		return err
	}
	for _, owner := range s.Catalog.RepositoryRecords(catalog.RepositoryKind{Creds: true}) {
		if owner.Record == r.Creds {
			return c.must(rbac.Repositories, rbac.Update, owner.URL)
		}
	}
	return nil // gone by now
}

// tryRepository connects with what a record is about to say.
func (s *server) tryRepository(ctx context.Context, fields catalog.Fields) error {
	r, err := s.Catalog.RepositoryOf(fields)
	if err != nil {
		return err
	}
	err = outside(s.Sources.CheckRepository(ctx, r))
	if problem.Is(err, problem.NotFound) { // what the caller asks for is the record
		err = problem.Because(problem.Precondition, err, "connect to the repository")
	}
	return err
}

// outside keeps what a repository thinks of us from being taken for what we think of the caller: at our 401, clients
// throw their session away.
func outside(err error) error {
	if problem.Is(err, problem.Unauthenticated) || problem.Is(err, problem.Forbidden) {
		return problem.Because(problem.Precondition, err, "ask the repository")
	}
	return err
}
