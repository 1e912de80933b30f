package server

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) repocredsMethods() []method {
	const creds = "repocreds.RepoCredsService/"
	var list []method
	for _, of := range []struct{ write, name string }{{"", ""}, {"Write", "write "}} {
		kind := catalog.RepositoryKind{Creds: true, Write: of.write != ""}
		resource := resourceOf(kind)
		object := func(c *argocd.RepoCreds) string {
			if c == nil {
				return ""
			}
			return withoutUser(c.URL)
		}
		list = append(list,
			unary(creds+"List"+of.write+"RepositoryCredentials", visible[argocd.RepoCredsQuery](resource, rbac.Get), s.listCreds(kind)),
			unary(creds+"Create"+of.write+"RepositoryCredentials", on(resource, rbac.Create, func(_ *call, q *argocd.RepoCredsCreateRequest) string { return object(q.Creds) }), s.createCreds(kind)),
			unary(creds+"Update"+of.write+"RepositoryCredentials", on(resource, rbac.Update, func(_ *call, q *argocd.RepoCredsUpdateRequest) string { return object(q.Creds) }), s.updateCreds(kind)),
			unary(creds+"Delete"+of.write+"RepositoryCredentials", on(resource, rbac.Delete, func(_ *call, q *argocd.RepoCredsDeleteRequest) string { return withoutUser(q.URL) }), s.deleteCreds(kind)),
		)
	}
	return list
}

const credsNoun = "repository credentials"

// shownCreds shows for what there are credentials, and whose.
func shownCreds(r catalog.Repository) argocd.RepoCreds {
	oci, _ := strconv.ParseBool(r.Shown["enableOCI"])
	return argocd.RepoCreds{URL: r.URL, Username: shownUser(r), Type: cmp.Or(r.Shown["type"], "git"), EnableOCI: oci}
}

// credsFields is what a record says that is to say c; an empty field takes its key away.
func credsFields(c *argocd.RepoCreds) catalog.Fields {
	return ownUser(catalog.Fields{
		"url": c.URL, "type": cmp.Or(c.Type, "git"), "username": c.Username, "password": c.Password, "bearerToken": c.BearerToken, "sshPrivateKey": c.SSHPrivateKey,
		"tlsClientCertData": c.TLSClientCertData, "tlsClientCertKey": c.TLSClientCertKey, "enableOCI": flag(c.EnableOCI), "insecureOCIForceHttp": flag(c.InsecureOCIForceHTTP),
		"forceHttpBasicAuth": flag(c.ForceHTTPBasicAuth), "proxy": c.Proxy, "noProxy": c.NoProxy,
		"githubAppID": number(c.GithubAppID), "githubAppInstallationID": number(c.GithubAppInstallationID), "githubAppPrivateKey": c.GithubAppPrivateKey,
		"githubAppEnterpriseBaseUrl": c.GitHubAppEnterpriseBaseURL, "gcpServiceAccountKey": c.GCPServiceAccountKey,
		"useAzureWorkloadIdentity": flag(c.UseAzureWorkloadIdentity), "azureServicePrincipalClientId": c.AzureServicePrincipalClientID,
		"azureServicePrincipalClientSecret": c.AzureServicePrincipalClientSecret, "azureServicePrincipalTenantId": c.AzureServicePrincipalTenantID,
		"azureActiveDirectoryEndpoint": c.AzureActiveDirectoryEndpoint,
	})
}

func (s *server) listCreds(kind catalog.RepositoryKind) func(*call, *argocd.RepoCredsQuery) (*argocd.RepoCredsList, error) {
	return func(c *call, _ *argocd.RepoCredsQuery) (*argocd.RepoCredsList, error) {
		list := &argocd.RepoCredsList{Items: []argocd.RepoCreds{}}
		for _, r := range s.Catalog.RepositoryRecords(kind) {
			if c.sees(resourceOf(kind), rbac.Get, r.URL) {
				list.Items = append(list.Items, shownCreds(r))
			}
		}
		slices.SortStableFunc(list.Items, func(a, b argocd.RepoCreds) int { return cmp.Compare(a.URL, b.URL) })
		return list, nil
	}
}

func (s *server) createCreds(kind catalog.RepositoryKind) func(*call, *argocd.RepoCredsCreateRequest) (*argocd.RepoCreds, error) {
	return func(c *call, q *argocd.RepoCredsCreateRequest) (*argocd.RepoCreds, error) {
		switch {
		case q.Creds == nil:
			return nil, problem.New(problem.Invalid, "missing payload in request")
		case q.Creds.URL == "":
			return nil, problem.New(problem.Invalid, "must specify URL")
		}
		fields := credsFields(q.Creds)
		r, err := s.Catalog.CreateRepository(c, kind, fields)
		if err == nil {
			return &argocd.RepoCreds{URL: r.URL}, nil
		}
		old, lookErr := s.Catalog.RepositoryRecord(kind, fields["url"], "")
		if !problem.Is(err, problem.Conflict) || lookErr != nil {
			return nil, err
		}
		if r, err = s.overwrite(c, resourceOf(kind), credsNoun, old, fields, q.Upsert); err != nil {
			return nil, err
		}
		return &argocd.RepoCreds{URL: r.URL}, nil
	}
}

// updateCreds writes all fields of a record; what we show of it, sent back, changes nothing.
func (s *server) updateCreds(kind catalog.RepositoryKind) func(*call, *argocd.RepoCredsUpdateRequest) (*argocd.RepoCreds, error) {
	return func(c *call, q *argocd.RepoCredsUpdateRequest) (*argocd.RepoCreds, error) {
		if q.Creds == nil {
			return nil, problem.New(problem.Invalid, "missing payload in request")
		}
		fields := credsFields(q.Creds)
		old, err := s.storedRepository(c, kind, rbac.Update, fields["url"], "", credsNoun)
		if err != nil {
			return nil, err
		}
		shown := shownCreds(old)
		back, sent := credsFields(&shown), credsFields(q.Creds)
		sent["url"] = back["url"]
		if !sent.Same(back) {
			if old, err = s.Catalog.EditRepository(c, old, fields); err != nil {
				return nil, err
			}
		}
		return &argocd.RepoCreds{URL: old.URL}, nil
	}
}

func (s *server) deleteCreds(kind catalog.RepositoryKind) func(*call, *argocd.RepoCredsDeleteRequest) (*argocd.RepoCredsResponse, error) {
	return func(c *call, q *argocd.RepoCredsDeleteRequest) (*argocd.RepoCredsResponse, error) {
		r, err := s.storedRepository(c, kind, rbac.Delete, withoutUser(q.URL), "", credsNoun)
		if err != nil {
			return nil, err
		}
		if err := s.Catalog.DeleteRepository(c, r); err != nil {
			return nil, err
		}
		return &argocd.RepoCredsResponse{}, nil
	}
}
