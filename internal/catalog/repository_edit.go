package catalog

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Kinds of repository Secrets: values of the label secret-type. Those for writing are what a hydrator pushes with.
const (
	kindRepository      = "repository"
	kindCreds           = "repo-creds"
	kindWriteRepository = "repository-write"
	kindWriteCreds      = "repo-write-creds"
)

// RepositoryKind is one of the four kinds of repository Secrets.
type RepositoryKind struct {
	Creds bool // credentials for all repositories under a URL, instead of one repository
	Write bool // for pushing
}

func (k RepositoryKind) label() string {
	switch k {
	case RepositoryKind{Creds: true}:
		return kindCreds
	case RepositoryKind{Write: true}:
		return kindWriteRepository
	case RepositoryKind{Creds: true, Write: true}:
		return kindWriteCreds
	}
	return kindRepository
}

func (k RepositoryKind) prefix() string {
	name := "repo"
	if k.Creds {
		name = "creds"
	}
	if k.Write {
		name += "-write"
	}
	return name
}

func (k RepositoryKind) noun() string {
	if k.Creds {
		return "repository credentials"
	}
	return "repository"
}

// shownKeys are the fields of a repository Secret that are no secrets, for Repository.Shown.
var shownKeys = []string{
	"url", "type", "name", "project", "insecure", "insecureIgnoreHostKey", "enableLfs", "enableOCI", "insecureOCIForceHttp",
	"forceHttpBasicAuth", "proxy", "noProxy", "depth", "githubAppID", "githubAppInstallationID", "githubAppEnterpriseBaseUrl",
	"useAzureWorkloadIdentity", "azureServicePrincipalClientId", "azureServicePrincipalClientID", "azureServicePrincipalTenantId",
	"azureServicePrincipalTenantID", "azureActiveDirectoryEndpoint", "webhookManifestCacheWarmDisabled",
}

// secretKeys are the others. A key that is in neither is not written.
var secretKeys = []string{
	"username", "password", "bearerToken", "sshPrivateKey", "tlsClientCertData", "tlsClientCertKey", "githubAppPrivateKey",
	"gcpServiceAccountKey", "azureServicePrincipalClientSecret",
}

// shown returns the fields that may be shown. Addresses lose what stands before an @ in them.
func shown(s secretRecord) map[string]string {
	out := map[string]string{}
	for _, key := range shownKeys {
		if value := s.text(key); value != "" {
			out[key] = hideUserinfo(value)
		}
	}
	return out
}

// RepositoryRecords returns the Secrets of a kind, by name, as registered: no rewrites, nothing inherited. The API shows
// of them what is in Shown, and Username where it must.
func (c *Catalog) RepositoryRecords(k RepositoryKind) []Repository {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var list []Repository
	for _, name := range sortedKeys(c.secrets) {
		if s := c.secrets[name]; s.kind == k.label() {
			list = append(list, parseRepository(s))
		}
	}
	return list
}

// RepositoryRecord returns the record of a URL in a project (empty for none). Two spellings of one address are the same.
// It is NotFound when there is none: of credentials for a longer URL than theirs, too.
func (c *Catalog) RepositoryRecord(k RepositoryKind, address, project string) (Repository, error) {
	normal := source.NormalizeURL(strings.TrimSpace(address))
	for _, r := range c.RepositoryRecords(k) {
		if source.NormalizeURL(r.URL) == normal && (r.Project == project || k.Creds) {
			return r, nil
		}
	}
	return Repository{}, problem.New(problem.NotFound, "%s '%s' not found", k.noun(), hideUserinfo(address))
}

// CreateRepository registers a repository, or credentials, with the keys of Argo CD's Secrets; the Secret's name is the
// one that Argo CD would give it, made of url and project. It is Conflict when the repository is registered already,
// under whatever name.
func (c *Catalog) CreateRepository(ctx context.Context, k RepositoryKind, fields Fields) (Repository, error) {
	if err := checkFields(fields); err != nil {
		return Repository{}, err
	}
	address, project := fields["url"], fields["project"]
	if strings.TrimSpace(address) == "" {
		return Repository{}, problem.New(problem.Invalid, "%s: url is missing", k.noun())
	}
	if r, err := c.RepositoryRecord(k, address, project); err == nil {
		return r, problem.New(problem.Conflict, "%s '%s' already exists", k.noun(), hideUserinfo(address))
	}
	name := repositorySecretName(k.prefix(), address, project)
	return c.writeRepository(ctx, name, func(d *draft) error {
		switch {
		case d.missing:
		case d.label(secretTypeLabel) == "":
			return problem.New(problem.Invalid, "secret '%s' doesn't have the proper '%s' label: please fix the secret or delete it", name, secretTypeLabel)
		default:
			return problem.New(problem.Conflict, "%s '%s' already exists", k.noun(), hideUserinfo(address))
		}
		d.setLabel(secretTypeLabel, k.label())
		d.setAnnotation(managedByAnnotation, managedBy)
		d.set(fields)
		return nil
	})
}

// EditRepository changes the record of a repository. Whoever made it, it may be changed; url and project, which name
// it, may not. It is NotFound when there is no such record any more, and Conflict when it is another repository's by now:
// who may change that one has not been asked.
func (c *Catalog) EditRepository(ctx context.Context, old Repository, fields Fields) (Repository, error) {
	if err := checkFields(fields); err != nil {
		return Repository{}, err
	}
	return c.writeRepository(ctx, old.Record, func(d *draft) error {
		if d.missing || !isRepository(d.label(secretTypeLabel)) {
			return problem.New(problem.NotFound, "it does not exist any more")
		}
		if err := d.isOf(old); err != nil {
			return err
		}
		if url, ok := fields["url"]; ok && source.NormalizeURL(url) != source.NormalizeURL(hideUserinfo(strings.TrimSpace(d.values["url"]))) {
			return problem.New(problem.Invalid, "the url of a repository cannot be changed")
		}
		if project, ok := fields["project"]; ok && project != strings.TrimSpace(d.values["project"]) {
			return problem.New(problem.Invalid, "the project of a repository cannot be changed")
		}
		url := d.values["url"]
		d.set(fields)
		d.values["url"] = url // as it was spelled
		return nil
	})
}

// DeleteRepository deletes the record of a repository. One that we do not manage only stops being one: see deleteRecord.
// Errors as EditRepository.
func (c *Catalog) DeleteRepository(ctx context.Context, old Repository) error {
	return c.deleteRecord(ctx, old.Record, func(d *draft) error { return d.isOf(old) }, kindRepository, kindCreds, kindWriteRepository, kindWriteCreds)
}

// isOf returns why the Secret is not, or no longer, the record of a repository.
func (d *draft) isOf(r Repository) error {
	if strings.TrimSpace(d.values["url"]) != r.URL || strings.TrimSpace(d.values["project"]) != r.Project {
		return problem.New(problem.Conflict, "it has become the record of another repository, or project, meanwhile").WithHint("ask again")
	}
	return nil
}

func (c *Catalog) writeRepository(ctx context.Context, name string, change func(*draft) error) (Repository, error) {
	o, err := c.editRecord(ctx, secrets, name, change)
	if err != nil {
		return Repository{}, err
	}
	return parseRepository(secretOf(o)), nil
}

func isRepository(label string) bool {
	return slices.Contains([]string{kindRepository, kindCreds, kindWriteRepository, kindWriteCreds}, label)
}

func checkFields(fields Fields) error {
	for _, key := range sortedKeys(fields) {
		if !slices.Contains(shownKeys, key) && !slices.Contains(secretKeys, key) {
			return problem.New(problem.Invalid, "%q is no field of a repository", key)
		}
	}
	return nil
}

// repositorySecretName is the name that Argo CD gives to the Secret of a repository.
func repositorySecretName(prefix, address, project string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(address + project))
	return fmt.Sprintf("%s-%d", prefix, h.Sum32())
}

// clusterSecretName is the name that Argo CD gives to the Secret of a cluster.
func clusterSecretName(server string) (string, error) {
	u, err := url.ParseRequestURI(server)
	if err != nil || u.Hostname() == "" {
		return "", problem.New(problem.Invalid, "%q is not the address of an API server", hideUserinfo(server)).WithHint("for example https://10.0.0.1:6443")
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(server))
	host := strings.ToLower(strings.ReplaceAll(u.Hostname(), ":", "-")) // of IPv6
	return fmt.Sprintf("cluster-%s-%d", host, h.Sum32()), nil
}
