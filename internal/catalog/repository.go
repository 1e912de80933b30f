package catalog

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Repository is where to fetch from and with what credentials: the fields of Argo CD's repository and repo-creds
// Secrets, with rewrites, host keys and certificates of the host added.
type Repository struct {
	URL     string // as fetched: rewrites are applied
	Name    string // for Helm and OCI repositories
	Type    string // git, helm or oci
	Project string // the only project that may use it; empty for all
	Record  string // name of the Secret it comes from; empty when there is none
	Creds   string // name of the repo-creds Secret that the credentials come from; empty when there is none

	Username, Password          Secret
	BearerToken                 Secret
	SSHPrivateKey               Secret
	TLSClientCert, TLSClientKey Secret // PEM
	CA                          []byte // PEM, of the host in argocd-tls-certs-cm
	Insecure                    bool   // do not verify the server's certificate
	InsecureIgnoreHostKey       bool   // do not verify the server's ssh host key
	ForceBasicAuth              bool
	KnownHosts                  []byte // argocd-ssh-known-hosts-cm
	Proxy, NoProxy              string
	GitHubApp                   *GitHubApp      // instead of credentials; nil when there is none
	Azure                       *AzurePrincipal // the same
	GCPKey                      Secret          // the same: a service account's key file
	Workload                    bool            // the same: what this process is in Azure
	EnableLFS                   bool
	EnableOCI                   bool
	InsecureOCIForceHTTP        bool
	Depth                       int64

	// Shown is the fields of the Secret that are no secrets, by their keys; nil when there is no Secret. It must not be
	// changed.
	Shown   map[string]string
	Managed bool   // the Secret is ours to delete
	Version string // changes whenever the record does, or that which it inherits from

	// Problem is what of the Secret could not be understood or is not supported; nil when all is well. The rest
	// counts.
	Problem error
}

// GitHubApp is the app whose installation may read a repository.
type GitHubApp struct {
	ID, InstallationID int64 // of the installation: 0 when it is to be found
	PrivateKey         Secret
	BaseURL            string // of the API of a GitHub Enterprise server; empty for github.com
}

// AzurePrincipal is a service principal that may read a repository of Azure DevOps.
type AzurePrincipal struct {
	TenantID, ClientID string
	ClientSecret       Secret
	Endpoint           string // of its tokens; empty for Microsoft's public cloud
}

// String returns the URL; it holds no credentials (they are moved to Username and Password).
func (r Repository) String() string { return r.URL }

// GoString is String.
func (r Repository) GoString() string { return r.URL }

// LogValue is String.
func (r Repository) LogValue() slog.Value { return slog.StringValue(r.URL) }

// hasCredentials reports whether the repository names any; only then nothing is inherited.
func (r *Repository) hasCredentials() bool {
	for _, s := range []Secret{r.Username, r.Password, r.BearerToken, r.SSHPrivateKey, r.TLSClientCert} {
		if !s.Empty() {
			return true
		}
	}
	return r.GitHubApp != nil || r.Azure != nil || !r.GCPKey.Empty() || r.Workload
}

// inherit copies the credentials and the way to the host.
func (r *Repository) inherit(c Repository) {
	r.Creds, r.Version = c.Record, r.Version+" "+c.Version
	r.Username, r.Password, r.BearerToken = c.Username, c.Password, c.BearerToken
	r.SSHPrivateKey = c.SSHPrivateKey
	r.GitHubApp, r.Azure, r.GCPKey, r.Workload = c.GitHubApp, c.Azure, c.GCPKey, c.Workload
	r.TLSClientCert, r.TLSClientKey = c.TLSClientCert, c.TLSClientKey
	r.ForceBasicAuth = r.ForceBasicAuth || c.ForceBasicAuth
	r.EnableOCI = r.EnableOCI || c.EnableOCI
	r.InsecureOCIForceHTTP = r.InsecureOCIForceHTTP || c.InsecureOCIForceHTTP
	r.Proxy, r.NoProxy = cmp.Or(r.Proxy, c.Proxy), cmp.Or(r.NoProxy, c.NoProxy)
	if r.Problem == nil {
		r.Problem = c.Problem
	}
}

// repositories is what all repository and repo-creds Secrets and the host files say; immutable.
type repositories struct {
	list       []Repository            // by name of the Secret
	byURL      map[string][]Repository // by normal form
	creds      []credentials           // the longest prefix first
	knownHosts []byte
	certs      map[string]string // host → PEM
	rewrites   []config.Rewrite
}

type credentials struct {
	host, path string // the normal form, divided: scheme://host and the rest
	repo       Repository
}

// find returns how to fetch url for an application of project.
//
// A repository Secret of that project comes first, then one of no project; one of another project is not seen. A
// repository without credentials takes those of the longest repo-creds prefix on the same scheme, host and port:
// a plain text prefix would send https://git.corp's credentials to https://git.corp.evil.com.
func (r *repositories) find(url, project string) Repository {
	found := Repository{Type: "git"}
	var user, password Secret // in the address: used when no record has any
	found.URL, user, password = takeUserinfo(config.Apply(r.rewrites, strings.TrimSpace(url)), Secret{}, Secret{})
	normal := addressKey(found.URL)
	var own, shared *Repository
	for i, candidate := range r.byURL[normal] {
		switch candidate.Project {
		case "":
			shared = cmp.Or(shared, &r.byURL[normal][i])
		case project:
			own = cmp.Or(own, &r.byURL[normal][i])
		}
	}
	if record := cmp.Or(own, shared); record != nil {
		address := found.URL // what was asked for: case and suffix can matter to the server
		found = *record
		found.URL = address
	}
	return r.equip(found, normal, user, password)
}

// complete is find for a record that is not among those known.
func (r *repositories) complete(found Repository, url string) Repository {
	var user, password Secret
	found.URL, user, password = takeUserinfo(config.Apply(r.rewrites, strings.TrimSpace(url)), Secret{}, Secret{})
	return r.equip(found, addressKey(found.URL), user, password)
}

// equip adds what a repository inherits: credentials, or else those of its address, and what is known of its host.
func (r *repositories) equip(found Repository, normal string, user, password Secret) Repository {
	if !found.hasCredentials() {
		if c, ok := r.credentialsFor(normal); ok {
			found.inherit(c)
		}
	}
	if !found.hasCredentials() {
		found.Username, found.Password = user, password
	}
	found.KnownHosts = r.knownHosts
	if pem, ok := r.certs[hostOf(normal)]; ok {
		found.CA = []byte(pem)
	}
	return found
}

func (r *repositories) credentialsFor(normal string) (Repository, bool) {
	host, path := divide(normal)
	for _, c := range r.creds {
		if c.host == host && strings.HasPrefix(path, c.path) {
			return c.repo, true
		}
	}
	return Repository{}, false
}

// addressKey is the normal form under which records are found. A registry's address is the same with oci:// and without: Argo
// CD has charts in registries without it, artifacts and Chart.yaml's dependencies with it.
func addressKey(url string) string { return strings.TrimPrefix(source.NormalizeURL(url), "oci://") }

// divide cuts a normal form behind its host.
func divide(normal string) (host, path string) {
	scheme, rest, ok := strings.Cut(normal, "://")
	if !ok { // registry.corp/org/chart
		host, path, _ = strings.Cut(normal, "/")
		return host, path
	}
	host, path, _ = strings.Cut(rest, "/")
	return scheme + "://" + host, path
}

// hostOf returns the host of a normal form without its port: keys of a ConfigMap hold no colon.
func hostOf(normal string) string {
	host, _ := divide(normal)
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	if i := strings.LastIndex(host, ":"); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return host
}

// parseRepositories reads all Secrets of the types repository and repo-creds.
func parseRepositories(secrets []secretRecord, maps map[string]map[string]string, rewrites []config.Rewrite) *repositories {
	r := &repositories{byURL: map[string][]Repository{}, certs: maps[tlsCertsMap], rewrites: rewrites}
	if hosts := maps[knownHostsMap]["ssh_known_hosts"]; hosts != "" {
		r.knownHosts = []byte(hosts)
	}
	for _, s := range secrets {
		switch s.kind {
		case kindRepository:
			repo := parseRepository(s)
			r.list = append(r.list, repo)
			normal := addressKey(repo.URL)
			r.byURL[normal] = append(r.byURL[normal], repo)
		case kindCreds:
			repo := parseRepository(s)
			host, path := divide(addressKey(repo.URL))
			if host == "" || strings.HasSuffix(host, "://") {
				continue // without a host it would match, or mean, anything
			}
			r.creds = append(r.creds, credentials{host, path, repo})
		}
	}
	slices.SortStableFunc(r.creds, func(a, b credentials) int { return cmp.Compare(len(b.path), len(a.path)) })
	return r
}

func parseRepository(s secretRecord) Repository {
	var wrong []string
	flag := func(key string) bool {
		value := s.text(key)
		v, err := strconv.ParseBool(cmp.Or(value, "false"))
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s is %q, neither true nor false", key, value))
		}
		return v
	}
	secret := func(key string) Secret { return NewSecret(s.data[key]) }
	r := Repository{
		URL: s.text("url"), Name: s.text("name"), Type: cmp.Or(s.text("type"), "git"), Project: s.text("project"), Record: s.name,
		Username: secret("username"), Password: secret("password"), BearerToken: secret("bearerToken"),
		SSHPrivateKey: secret("sshPrivateKey"),
		TLSClientCert: secret("tlsClientCertData"), TLSClientKey: secret("tlsClientCertKey"),
		Insecure: flag("insecure"), InsecureIgnoreHostKey: flag("insecureIgnoreHostKey"), ForceBasicAuth: flag("forceHttpBasicAuth"),
		Proxy: s.text("proxy"), NoProxy: s.text("noProxy"),
		EnableLFS: flag("enableLfs"), EnableOCI: flag("enableOCI"), InsecureOCIForceHTTP: flag("insecureOCIForceHttp"),
		Shown: shown(s), Managed: s.annotations[managedByAnnotation] == managedBy, Version: s.version,
	}
	if r.EnableOCI && r.Type == "helm" {
		r.Type = "oci"
	}
	r.URL, r.Username, r.Password = takeUserinfo(r.URL, r.Username, r.Password)
	number := func(key string) int64 {
		n, err := strconv.ParseInt(cmp.Or(s.text(key), "0"), 10, 64)
		if err != nil || n < 0 {
			wrong = append(wrong, fmt.Sprintf("%s is %q, no number", key, s.text(key)))
		}
		return n
	}
	if s.text("githubAppID") != "" {
		r.GitHubApp = &GitHubApp{ID: number("githubAppID"), InstallationID: number("githubAppInstallationID"), PrivateKey: secret("githubAppPrivateKey"), BaseURL: s.text("githubAppEnterpriseBaseUrl")}
		if r.GitHubApp.PrivateKey.Empty() {
			wrong = append(wrong, "githubAppPrivateKey is missing")
		}
	}
	if s.text("azureServicePrincipalClientId") != "" {
		r.Azure = &AzurePrincipal{TenantID: s.text("azureServicePrincipalTenantId"), ClientID: s.text("azureServicePrincipalClientId"), ClientSecret: secret("azureServicePrincipalClientSecret"), Endpoint: s.text("azureActiveDirectoryEndpoint")}
		if r.Azure.TenantID == "" || r.Azure.ClientSecret.Empty() {
			wrong = append(wrong, "azureServicePrincipalTenantId or azureServicePrincipalClientSecret is missing")
		}
	}
	r.GCPKey = secret("gcpServiceAccountKey")
	if depth := s.text("depth"); depth != "" {
		n, err := strconv.ParseInt(depth, 10, 64)
		if err != nil || n < 0 {
			wrong = append(wrong, fmt.Sprintf("depth is %q, not a number from 0 on", depth))
			n = 0
		}
		r.Depth = n
	}
	if r.Workload = flag("useAzureWorkloadIdentity"); r.Workload && r.Type != "git" && r.Type != "oci" {
		r.Workload = false
		wrong = append(wrong, "useAzureWorkloadIdentity is for Git and registries only")
	}
	if r.URL == "" {
		wrong = append(wrong, "url is missing")
	}
	if len(wrong) > 0 {
		r.Problem = problem.New(problem.Invalid, "Secret %s (%s): %s", s.name, s.kind, strings.Join(wrong, "; "))
	}
	return r
}

// takeUserinfo moves user and password out of an http(s) URL, so that the URL can be shown.
func takeUserinfo(url string, username, password Secret) (string, Secret, Secret) {
	scheme, rest, ok := strings.Cut(url, "://")
	if s := strings.ToLower(scheme); !ok || s != "http" && s != "https" {
		return url, username, password
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndex(rest[:end], "@")
	if at < 0 {
		return url, username, password
	}
	user, pass, _ := strings.Cut(rest[:at], ":")
	if username.Empty() && password.Empty() {
		username, password = NewSecret(unescape(user)), NewSecret(unescape(pass))
	}
	return scheme + "://" + rest[at+1:], username, password
}
