package catalog

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/config"
)

func repositorySecret(kind, name string, kv ...string) secretRecord {
	s := secretRecord{name: name, kind: kind, data: map[string]string{}}
	for i := 0; i < len(kv); i += 2 {
		s.data[kv[i]] = kv[i+1]
	}
	return s
}

func TestRepositoryCredentials(t *testing.T) {
	r := parseRepositories([]secretRecord{
		repositorySecret("repository", "exact", "url", "https://git.corp/org/private.git", "username", "u", "password", "exact\n"),
		repositorySecret("repository", "bare", "url", "https://git.corp/org/bare", "insecure", "true", "proxy", "http://proxy:3128"),
		repositorySecret("repository", "team-a", "url", "https://git.corp/shared", "password", "a", "project", "team-a"),
		repositorySecret("repository", "team-b", "url", "https://git.corp/shared", "password", "b", "project", "team-b"),
		repositorySecret("repository", "anyone", "url", "https://git.corp/both", "password", "all"),
		repositorySecret("repository", "both-a", "url", "https://git.corp/both", "password", "a", "project", "team-a"),
		repositorySecret("repository", "ssh", "url", "git@git.corp:org/repo.git", "sshPrivateKey", "key"),
		repositorySecret("repo-creds", "host", "url", "https://git.corp", "username", "u", "password", "host"),
		repositorySecret("repo-creds", "org", "url", "https://git.corp/org", "password", "org"),
		repositorySecret("repo-creds", "port", "url", "https://git.corp:8443/", "password", "port"),
		repositorySecret("repo-creds", "sshhost", "url", "git@git.corp", "sshPrivateKey", "hostkey"),
		repositorySecret("repo-creds", "registry", "url", "registry.corp/charts", "password", "reg", "type", "helm", "enableOCI", "true"),
		repositorySecret("repo-creds", "nothing", "url", "https://", "password", "leak"),
		repositorySecret("repo-creds", "empty", "password", "leak"),
	}, nil, nil)
	for _, c := range []struct{ url, project, want string }{
		{"https://git.corp/org/private", "", "exact\n"}, // credentials are kept to the byte
		{"https://GIT.corp/Org/Private.git", "", "exact\n"},
		{"https://git.corp/org/bare", "", "org"}, // a record without credentials takes those of the longest prefix
		{"https://git.corp/org/other", "", "org"},
		{"https://git.corp/organisation/x", "", "org"}, // a text prefix on the same host, as Argo CD
		{"https://git.corp/else/x", "", "host"},
		{"https://git.corp/shared", "", "host"}, // records of projects are for them alone
		{"https://git.corp/shared", "team-a", "a"},
		{"https://git.corp/shared", "team-b", "b"},
		{"https://git.corp/shared", "team-c", "host"},
		{"https://git.corp/both", "team-a", "a"},
		{"https://git.corp/both", "team-b", "all"},
		{"https://git.corp:8443/x", "", "port"},
		{"https://git.corp:443/else/x", "", "host"},
		{"https://git.corp:9443/x", "", ""},
		{"http://git.corp/org/other", "", ""},
		{"https://git.corp.evil.com/org/x", "", ""},
		{"https://git.corp@evil/org/x", "", ""},
		{"https://evil/https://git.corp/org/x", "", ""},
		{"ssh://git@git.corp/org/repo", "", "key"},
		{"git@git.corp:org/other.git", "", "hostkey"},
		{"git@git.corp.evil:org/other.git", "", ""},
		{"registry.corp/charts/web", "", "reg"},
		{"registry.corp.evil/charts/web", "", ""},
		{"https://public.corp/x", "", ""},
		{"https://me:own@public.corp/x", "", "own"},
		{"https://me:own@git.corp/else/x", "", "host"},
	} {
		got := r.find(c.url, c.project)
		if have := got.Password.Reveal() + got.SSHPrivateKey.Reveal(); have != c.want {
			t.Errorf("%s for %q: credentials %q (record %q, creds %q), want %q", c.url, c.project, have, got.Record, got.Creds, c.want)
		}
		if strings.Contains(got.URL, "own") {
			t.Errorf("%s: the URL shows a password", got.URL)
		}
	}
	bare := r.find("https://git.corp/org/bare", "")
	if bare.Record != "bare" || bare.Creds != "org" || !bare.Insecure || bare.Proxy != "http://proxy:3128" {
		t.Errorf("bare: %#v insecure=%v proxy=%s record=%s creds=%s", bare, bare.Insecure, bare.Proxy, bare.Record, bare.Creds)
	}
	if found := r.find("https://git.corp/org/private.git", ""); found.URL != "https://git.corp/org/private.git" {
		t.Errorf("the address must stay as asked for: %s", found.URL)
	}
}

func TestRepositoryRewrites(t *testing.T) {
	r := parseRepositories([]secretRecord{
		repositorySecret("repo-creds", "mirror", "url", "https://mirror.corp/", "password", "m"),
		repositorySecret("repo-creds", "hub", "url", "https://github.com/", "password", "hub"),
	}, map[string]map[string]string{
		knownHostsMap: {"ssh_known_hosts": "mirror.corp ssh-ed25519 AAAA"},
		tlsCertsMap:   {"mirror.corp": "PEM", "github.com": "OTHER"},
	}, []config.Rewrite{{Prefix: "https://github.com/", URL: "https://mirror.corp:8443/gh/"}, {Prefix: "https://github.com/org/", URL: "https://mirror.corp/org/"}})

	got := r.find("https://github.com/org/repo", "")
	if got.URL != "https://mirror.corp/org/repo" || got.Password.Reveal() != "m" || string(got.CA) != "PEM" {
		t.Errorf("%s %q %s", got.URL, got.Password.Reveal(), got.CA)
	}
	if string(got.KnownHosts) != "mirror.corp ssh-ed25519 AAAA" {
		t.Errorf("known hosts %q", got.KnownHosts)
	}
	if got = r.find("https://github.com/else/repo", ""); got.URL != "https://mirror.corp:8443/gh/else/repo" || !got.Password.Empty() || string(got.CA) != "PEM" {
		t.Errorf("the credentials of github.com must not reach its mirror: %s %q %s", got.URL, got.Password.Reveal(), got.CA)
	}
}

func TestRepositoryFields(t *testing.T) {
	full := parseRepository(repositorySecret("repository", "r", "url", "https://u:p%40ss@git.corp/x", "type", "helm", "name", "charts", "project", "p",
		"bearerToken", "b", "tlsClientCertData", "c", "tlsClientCertKey", "k", "insecureIgnoreHostKey", "true", "enableLfs", "true", "enableOCI", "true",
		"insecureOCIForceHttp", "true", "forceHttpBasicAuth", "true", "noProxy", "x", "depth", "1"))
	if full.Problem != nil || full.Type != "oci" || full.Username.Reveal() != "u" || full.Password.Reveal() != "p@ss" || full.URL != "https://git.corp/x" ||
		full.Depth != 1 || !full.EnableLFS || !full.InsecureIgnoreHostKey || !full.ForceBasicAuth || !full.InsecureOCIForceHTTP || full.NoProxy != "x" ||
		full.TLSClientCert.Reveal() != "c" || full.TLSClientKey.Reveal() != "k" || full.BearerToken.Reveal() != "b" || full.Name != "charts" || full.Project != "p" {
		t.Errorf("%+v", full)
	}
	for want, kv := range map[string][]string{
		"insecure is \"maybe\"":          {"url", "https://x/y", "insecure", "maybe"},
		"depth is \"-1\"":                {"url", "https://x/y", "depth", "-1"},
		"url is missing":                 {"password", "x"},
		"useAzureWorkloadIdentity is f":  {"url", "https://x/charts", "type", "helm", "useAzureWorkloadIdentity", "true"},
		"useAzureWorkloadIdentity is \"": {"url", "https://x/y", "useAzureWorkloadIdentity", "yes"},
		"githubAppPrivateKey is missing": {"url", "https://x/y", "githubAppID", "1"},
		"githubAppID is \"x\"":           {"url", "https://x/y", "githubAppID", "x", "githubAppPrivateKey", "k"},
		"azureServicePrincipalTenantId":  {"url", "https://x/y", "azureServicePrincipalClientId", "me"},
		"Secret broken (repository): u":  {},
	} {
		if r := parseRepository(repositorySecret("repository", "broken", kv...)); r.Problem == nil || !strings.Contains(r.Problem.Error(), want) {
			t.Errorf("%s: got %v", want, r.Problem)
		}
	}
}

// Short-lived identities are credentials like others; a registry is one host, however its address is written.
func TestRepositoryIdentities(t *testing.T) {
	r := parseRepositories([]secretRecord{
		repositorySecret("repo-creds", "app", "url", "https://github.com/org", "githubAppID", "42", "githubAppInstallationID", "7", "githubAppPrivateKey", "pem", "githubAppEnterpriseBaseUrl", "https://ghe/api/v3"),
		repositorySecret("repo-creds", "registry", "url", "ghcr.io/org", "type", "helm", "enableOCI", "true", "username", "u", "password", "charts"),
		repositorySecret("repository", "artifact", "url", "oci://ghcr.io/org/own", "type", "oci", "password", "own", "username", "u"),
		repositorySecret("repository", "azure", "url", "https://dev.azure.com/x", "azureServicePrincipalClientId", "me", "azureServicePrincipalClientSecret", "s", "azureServicePrincipalTenantId", "t"),
		repositorySecret("repo-creds", "workload", "url", "https://dev.azure.com/acme", "useAzureWorkloadIdentity", "true"),
		repositorySecret("repo-creds", "acr", "url", "acme.azurecr.io/charts", "type", "helm", "enableOCI", "true", "useAzureWorkloadIdentity", "true"),
		repositorySecret("repository", "gcp", "url", "https://source.developers.google.com/p/x", "gcpServiceAccountKey", "{}"),
	}, nil, nil)
	if app := r.find("https://github.com/org/a", "").GitHubApp; app == nil || app.ID != 42 || app.InstallationID != 7 || app.PrivateKey.Reveal() != "pem" || app.BaseURL != "https://ghe/api/v3" {
		t.Errorf("%+v", app)
	}
	for url, want := range map[string]string{"oci://ghcr.io/org/x": "charts", "ghcr.io/org/x": "charts", "oci://ghcr.io/org/own": "own", "ghcr.io/org/own": "own", "oci://ghcr.io.evil.com/org/x": "", "https://ghcr.io/org/x": ""} {
		if got := r.find(url, ""); got.Password.Reveal() != want || got.URL != url {
			t.Errorf("%s: %q at %s, want %q", url, got.Password.Reveal(), got.URL, want)
		}
	}
	if p := r.find("https://dev.azure.com/x", "").Azure; p == nil || p.ClientID != "me" || p.ClientSecret.Reveal() != "s" || p.TenantID != "t" {
		t.Errorf("%+v", p)
	}
	if got := r.find("https://acme@dev.azure.com/acme/team/_git/shop", ""); !got.Workload || got.Problem != nil || got.Azure != nil {
		t.Errorf("%+v", got)
	}
	if got := r.find("acme.azurecr.io/charts/x", ""); !got.Workload || got.Problem != nil {
		t.Errorf("%+v", got)
	}
	if r.find("https://source.developers.google.com/p/x", "").GCPKey.Reveal() != "{}" {
		t.Error("no key")
	}
}
