package server

import (
	"context"
	"maps"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// applicationLinks are the links of application.links: they read app (or application), cluster and managedByURL.
func (s *server) applicationLinks(c *call, _ *argocd.ListAppLinksRequest) (*argocd.LinksResponse, error) {
	settings := s.Catalog.Settings()
	data, err := s.linkData(c.app)
	if err != nil {
		return nil, err
	}
	delete(data, "project") // as in Argo CD, whose manual says otherwise
	if _, ok := data["managedByURL"]; !ok && settings.URL != "" {
		data["managedByURL"] = settings.URL
	}
	return s.links(c, "application.links", settings.Server.ApplicationLinks, data)
}

// resourceLinks are the links of resource.links: they read resource, application (or app), cluster and project.
func (s *server) resourceLinks(c *call, q *argocd.ApplicationResourceRequest) (*argocd.LinksResponse, error) {
	live, err := s.liveManifest(c, q) // secrets are masked
	if err != nil {
		return nil, err
	}
	data, err := s.linkData(c.app)
	if err != nil {
		return nil, err
	}
	resource := map[string]any{}
	if err := utiljson.Unmarshal(live, &resource); err != nil {
		return nil, problem.Because(problem.Internal, err, "read %s as JSON", q.ResourceName)
	}
	data["resource"] = resource
	return s.links(c, "resource.links", s.Catalog.Settings().Server.ResourceLinks, data)
}

// projectLinks are the links of project.links: they read project.
func (s *server) projectLinks(c *call, q *argocd.ListProjectLinksRequest) (*argocd.LinksResponse, error) {
	p, err := s.theProject(q.Name)
	if err != nil {
		return nil, err
	}
	data, err := projectData(p)
	if err != nil {
		return nil, err
	}
	return s.links(c, "project.links", s.Catalog.Settings().Server.ProjectLinks, map[string]any{"project": data})
}

// links evaluates a setting. What is wrong with a link is for its writer, who reads the log; the others are shown.
func (s *server) links(c context.Context, setting, raw string, data map[string]any) (*argocd.LinksResponse, error) {
	list, err := readLinks(setting, raw)
	if err != nil {
		return nil, err
	}
	out, faults := linksFor(list, data)
	for _, fault := range faults {
		s.Log.WarnContext(c, "a link is not shown", "setting", setting, "error", fault)
	}
	return out, nil
}

// managedBy is the annotation of an application that another instance of Argo CD looks after.
const managedBy = "argocd.argoproj.io/managed-by-url"

// linkData is what the links of an application can read. A destination that is not to be had, or that the project does
// not permit, is absent: nothing is told of it.
func (s *server) linkData(app *v1alpha1.Application) (map[string]any, error) {
	fields, err := plain(app)
	if err != nil {
		return nil, err
	}
	data := map[string]any{"app": fields, "application": fields}
	if link, ok := parseLink(app.Annotations[managedBy]); ok {
		data["managedByURL"] = string(link)
	}
	if p, err := s.Catalog.Project(app.Spec.ProjectName()); err == nil {
		if data["project"], err = projectData(p); err != nil {
			return nil, err
		}
	}
	rules, err := s.Catalog.Rules(app.Spec.ProjectName())
	if err != nil {
		return data, nil
	}
	k, err := s.Catalog.Destination(app.Spec.Destination)
	if err != nil || rules.Destination(targetOf(k, app)) != nil {
		return data, nil
	}
	annotations := maps.Clone(k.Annotations)
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration") // the whole Secret, in clear
	// Nothing of how to connect: the struct is made anew, field by field.
	data["cluster"], err = plain(struct {
		Server      string            `json:"server"`
		Name        string            `json:"name"`
		Namespaces  []string          `json:"namespaces,omitempty"`
		Shard       *int64            `json:"shard,omitempty"`
		Project     string            `json:"project,omitempty"`
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}{k.Server, k.Name, k.Namespaces, k.Shard, k.Project, k.Labels, annotations})
	return data, err
}

// projectData is a project without what is known of its tokens.
func projectData(p *v1alpha1.AppProject) (map[string]any, error) {
	p = p.DeepCopy()
	p.Status = v1alpha1.AppProjectStatus{}
	for i := range p.Spec.Roles {
		p.Spec.Roles[i].JWTTokens = nil
	}
	return plain(p)
}

func (s *server) revisionChartDetails(c *call, q *argocd.RevisionMetadataQuery) (*argocd.ChartDetails, error) {
	about, err := s.Apps.Chart(c, revisionRequest(c, q))
	if err != nil {
		return nil, outside(err)
	}
	return &argocd.ChartDetails{Description: about.Description, Home: about.Home, Maintainers: about.Maintainers}, nil
}

func (s *server) ociMetadata(c *call, q *argocd.RevisionMetadataQuery) (*argocd.OCIMetadata, error) {
	about, err := s.Apps.Artifact(c, revisionRequest(c, q))
	if err != nil {
		return nil, outside(err)
	}
	said := func(key string) string { return about["org.opencontainers.image."+key] }
	return &argocd.OCIMetadata{
		CreatedAt: said("created"), Authors: said("authors"), DocsURL: said("documentation"), SourceURL: said("source"),
		Version: said("version"), Description: said("description"),
	}, nil
}
