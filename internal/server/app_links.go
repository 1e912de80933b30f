package server

import (
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) applicationLinks(*call, *argocd.ListAppLinksRequest) (*argocd.LinksResponse, error) {
	return &argocd.LinksResponse{}, nil
}

func (s *server) resourceLinks(*call, *argocd.ApplicationResourceRequest) (*argocd.LinksResponse, error) {
	return &argocd.LinksResponse{}, nil
}

func (s *server) revisionChartDetails(c *call, q *argocd.RevisionMetadataQuery) (*argocd.ChartDetails, error) {
	return nil, problem.New(problem.NotFound, "no chart found for application: %s", q.Name)
}

func (s *server) ociMetadata(c *call, q *argocd.RevisionMetadataQuery) (*argocd.OCIMetadata, error) {
	return nil, problem.New(problem.NotFound, "no OCI artifact found for application: %s", q.Name)
}
