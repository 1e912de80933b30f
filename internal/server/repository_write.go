package server

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// credentialFields are the fields of a record that are credentials, for the question whether a request brings any.
var credentialFields = []string{
	"username", "password", "bearerToken", "sshPrivateKey", "tlsClientCertData", "tlsClientCertKey", "githubAppPrivateKey", "gcpServiceAccountKey",
	"azureServicePrincipalClientSecret",
}

func hasCredentials(f catalog.Fields) bool {
	return slices.ContainsFunc(credentialFields, func(key string) bool { return f[key] != "" })
}

// splitUser takes user and password out of an http(s) address, so that it can be shown. It goes by the text alone: an
// address that is no URL is shown, too, when it is refused.
func splitUser(address string) (clean, user, password string) {
	address = strings.TrimSpace(address)
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
		return address, "", ""
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 {
		return address, "", ""
	}
	plain := func(s string) string {
		if text, err := url.PathUnescape(s); err == nil {
			return text
		}
		return s
	}
	user, password, _ = strings.Cut(rest[:at], ":")
	return scheme + "://" + rest[at+1:], plain(user), plain(password)
}

// fieldsFrom is what a record says that is to say r; an empty field takes its key away.
func fieldsFrom(r *argocd.Repository) catalog.Fields {
	f := catalog.Fields{
		"url": r.Repo, "type": cmp.Or(r.Type, "git"), "name": r.Name, "project": strings.TrimSpace(r.Project),
		"username": r.Username, "password": r.Password, "bearerToken": r.BearerToken, "sshPrivateKey": r.SSHPrivateKey,
		"tlsClientCertData": r.TLSClientCertData, "tlsClientCertKey": r.TLSClientCertKey,
		"insecure": flag(r.Insecure), "insecureIgnoreHostKey": flag(r.InsecureIgnoreHostKey), "enableLfs": flag(r.EnableLFS), "enableOCI": flag(r.EnableOCI),
		"insecureOCIForceHttp": flag(r.InsecureOCIForceHTTP), "forceHttpBasicAuth": flag(r.ForceHTTPBasicAuth),
		"proxy": r.Proxy, "noProxy": r.NoProxy, "depth": number(r.Depth),
		"githubAppID": number(r.GithubAppID), "githubAppInstallationID": number(r.GithubAppInstallationID), "githubAppPrivateKey": r.GithubAppPrivateKey,
		"githubAppEnterpriseBaseUrl": r.GitHubAppEnterpriseBaseURL, "gcpServiceAccountKey": r.GCPServiceAccountKey,
		"useAzureWorkloadIdentity": flag(r.UseAzureWorkloadIdentity), "webhookManifestCacheWarmDisabled": flag(r.WebhookManifestCacheWarmDisabled),
	}
	return ownUser(f)
}

// ownUser moves user and password from the address to their own fields.
func ownUser(f catalog.Fields) catalog.Fields {
	var user, password string
	f["url"], user, password = splitUser(f["url"])
	if f["username"] == "" && f["password"] == "" {
		f["username"], f["password"] = user, password
	}
	return f
}

func flag(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// made is what a client is told of a record that it wrote.
func made(r catalog.Repository) *argocd.Repository {
	shown := repository(r)
	return &argocd.Repository{Repo: shown.Repo, Type: shown.Type, Name: shown.Name, Project: shown.Project}
}

// createRepository registers a repository that lets us in, or is content with one that is registered in the same way.
func (s *server) createRepository(kind catalog.RepositoryKind) func(*call, *argocd.RepoCreateRequest) (*argocd.Repository, error) {
	return func(c *call, q *argocd.RepoCreateRequest) (*argocd.Repository, error) {
		if q.Repo == nil {
			return nil, problem.New(problem.Invalid, "missing payload in request")
		}
		fields := fieldsFrom(q.Repo)
		if kind.Write && !hasCredentials(fields) {
			return nil, problem.New(problem.Invalid, "missing credentials in request")
		}
		if err := s.mayTakeAlong(c, fields); err != nil {
			return nil, err
		}
		if kind.Write || fields["project"] == "" { // Argo CD tries no repository of a project
			if err := s.tryRepository(c, fields); err != nil {
				return nil, err
			}
		}
		r, err := s.Catalog.CreateRepository(c, kind, fields)
		if err == nil {
			return made(r), nil
		}
		old, lookErr := s.Catalog.RepositoryRecord(kind, fields["url"], fields["project"])
		if !problem.Is(err, problem.Conflict) || lookErr != nil {
			return nil, err
		}
		what := "repository"
		if kind.Write {
			what = "write repository"
		}
		if r, err = s.overwrite(c, resourceOf(kind), what, old, fields, q.Upsert); err != nil {
			return nil, err
		}
		return made(r), nil
	}
}

// overwrite deals with a record that is there already. Whether it says the same is told to those who may change it:
// others could try what the credentials are.
func (s *server) overwrite(c *call, resource, what string, old catalog.Repository, fields catalog.Fields, upsert bool) (catalog.Repository, error) {
	keys, err := s.Catalog.DifferentFields(old.Record, fields)
	if err != nil {
		return old, err
	}
	stored := rbac.Scoped(old.Project, old.URL)
	switch mayUpdate := c.may(resource, rbac.Update, stored); {
	case len(keys) == 0 && (mayUpdate || !hasCredentials(fields)):
		return old, nil
	case !upsert && !mayUpdate:
		return old, isDifferent(what, []string{"credentials"})
	case !upsert:
		return old, isDifferent(what, keys)
	case !mayUpdate:
		return old, c.must(resource, rbac.Update, stored)
	}
	return s.Catalog.EditRepository(c, old, fields)
}

// updateRepository writes all fields of a record. What we show of a repository, sent back, changes nothing: its
// credentials are neither lost nor sent to another place by that.
func (s *server) updateRepository(kind catalog.RepositoryKind) func(*call, *argocd.RepoUpdateRequest) (*argocd.Repository, error) {
	return func(c *call, q *argocd.RepoUpdateRequest) (*argocd.Repository, error) {
		if q.Repo == nil {
			return nil, problem.New(problem.Invalid, "missing payload in request")
		}
		fields := fieldsFrom(q.Repo)
		old, err := s.storedRepository(c, kind, rbac.Update, fields["url"], fields["project"], "repo")
		if err != nil {
			return nil, err
		}
		sent := fieldsFrom(q.Repo)
		shown, _ := s.shownRepository(kind, old)
		back := fieldsFrom(&shown)
		sent["url"] = back["url"]
		if sent.Same(back) {
			return made(old), nil
		}
		if err := s.mayTakeAlong(c, fields); err != nil {
			return nil, err
		}
		r, err := s.Catalog.EditRepository(c, old, fields)
		if err != nil {
			return nil, err
		}
		return made(r), nil
	}
}

// storedRepository finds the record that a request is about, for a caller who has passed the rule with the address as
// they spelled it: the record may spell it in another way, and that is what policies are about.
func (s *server) storedRepository(c *call, kind catalog.RepositoryKind, action, url, project, noun string) (catalog.Repository, error) {
	missing := problem.New(problem.NotFound, "%s '%s' not found", noun, clip(withoutUser(url)))
	r, err := s.Catalog.RepositoryRecord(kind, url, project)
	if problem.Is(err, problem.NotFound) {
		return r, missing
	}
	if err != nil {
		return r, err
	}
	object := rbac.Scoped(r.Project, r.URL)
	if kind.Creds {
		object = r.URL
	}
	if !c.may(resourceOf(kind), action, object) {
		return catalog.Repository{}, missing
	}
	return r, nil
}

func (s *server) deleteRepository(c *call, _ *argocd.RepoQuery) (*argocd.RepoResponse, error) {
	if err := s.Catalog.DeleteRepository(c, c.repository); err != nil {
		return nil, err
	}
	return &argocd.RepoResponse{}, nil
}

// validateAccess tries credentials that are not stored; without any, those that the repository would inherit.
func (s *server) validateAccess(kind catalog.RepositoryKind) func(*call, *argocd.RepoAccessQuery) (*argocd.RepoResponse, error) {
	return func(c *call, q *argocd.RepoAccessQuery) (*argocd.RepoResponse, error) {
		fields := ownUser(catalog.Fields{
			"url": q.Repo, "type": cmp.Or(q.Type, "git"), "name": q.Name, "project": strings.TrimSpace(q.Project),
			"username": q.Username, "password": q.Password, "bearerToken": q.BearerToken, "sshPrivateKey": q.SSHPrivateKey,
			"tlsClientCertData": q.TLSClientCertData, "tlsClientCertKey": q.TLSClientCertKey, "insecure": flag(q.Insecure), "enableOCI": flag(q.EnableOCI),
			"insecureOCIForceHttp": flag(q.InsecureOCIForceHTTP), "forceHttpBasicAuth": flag(q.ForceHTTPBasicAuth), "proxy": q.Proxy,
			"githubAppID": number(q.GithubAppID), "githubAppInstallationID": number(q.GithubAppInstallationID), "githubAppPrivateKey": q.GithubAppPrivateKey,
			"githubAppEnterpriseBaseUrl": q.GithubAppEnterpriseBaseURL, "gcpServiceAccountKey": q.GCPServiceAccountKey,
			"useAzureWorkloadIdentity": flag(q.UseAzureWorkloadIdentity), "azureServicePrincipalClientId": q.AzureServicePrincipalClientID,
			"azureServicePrincipalClientSecret": q.AzureServicePrincipalClientSecret, "azureServicePrincipalTenantId": q.AzureServicePrincipalTenantID,
			"azureActiveDirectoryEndpoint": q.AzureActiveDirectoryEndpoint,
		})
		if kind.Write && !hasCredentials(fields) {
			return nil, problem.New(problem.Invalid, "missing credentials in request")
		}
		if err := s.mayTakeAlong(c, fields); err != nil {
			return nil, err
		}
		if err := s.tryRepository(c, fields); err != nil {
			return nil, err
		}
		return &argocd.RepoResponse{}, nil
	}
}
