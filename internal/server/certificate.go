package server

import (
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) certificateMethods() []method {
	const certificates = "certificate.CertificateService/"
	type query = argocd.RepositoryCertificateQuery
	// as in Argo CD, policies decide on all certificates or none: the object is empty, which only a star matches
	return []method{
		unary(certificates+"ListCertificates", on(rbac.Certificates, rbac.Get, func(*call, *query) string { return "" }), s.listCertificates),
		unary(certificates+"CreateCertificate", on(rbac.Certificates, rbac.Create, func(*call, *argocd.RepositoryCertificateCreateRequest) string { return "" }), s.createCertificates),
		unary(certificates+"DeleteCertificate", on(rbac.Certificates, rbac.Delete, func(*call, *query) string { return "" }), s.deleteCertificates),
	}
}

func certificateFilter(q *argocd.RepositoryCertificateQuery) catalog.CertificateFilter {
	return catalog.CertificateFilter{Server: q.HostNamePattern, Type: q.CertType, SubType: q.CertSubType}
}

func certificates(list []catalog.Certificate) *argocd.RepositoryCertificateList {
	out := &argocd.RepositoryCertificateList{Items: make([]argocd.RepositoryCertificate, 0, len(list))}
	for _, k := range list {
		out.Items = append(out.Items, argocd.RepositoryCertificate{ServerName: k.Server, CertType: k.Type, CertSubType: k.SubType, CertData: k.Data, CertInfo: k.Info})
	}
	return out
}

func (s *server) listCertificates(_ *call, q *argocd.RepositoryCertificateQuery) (*argocd.RepositoryCertificateList, error) {
	return certificates(s.Catalog.Certificates(certificateFilter(q))), nil
}

// createCertificates answers with those that are new, or different from before.
func (s *server) createCertificates(c *call, q *argocd.RepositoryCertificateCreateRequest) (*argocd.RepositoryCertificateList, error) {
	if q.Certificates == nil {
		return nil, problem.New(problem.Invalid, "missing payload 'certificates' in request")
	}
	var list []catalog.Certificate
	for _, k := range q.Certificates.Items {
		list = append(list, catalog.Certificate{Server: k.ServerName, Type: k.CertType, SubType: k.CertSubType, Data: k.CertData})
	}
	added, err := s.Catalog.AddCertificates(c, list, q.Upsert)
	if err != nil {
		return nil, err
	}
	return certificates(added), nil
}

func (s *server) deleteCertificates(c *call, q *argocd.RepositoryCertificateQuery) (*argocd.RepositoryCertificateList, error) {
	removed, err := s.Catalog.RemoveCertificates(c, certificateFilter(q))
	if err != nil {
		return nil, err
	}
	return certificates(removed), nil
}
