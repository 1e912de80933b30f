package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func repo(r *remote) *cobra.Command {
	return noun("repo", "Register repositories, and see whether they can be reached", repoAdd(r), repoGet(r), repoList(r), repoRemove(r))
}

// credentials are the flags by which repo add and repocreds add are told how to authenticate. Keys come from files.
type credentials struct {
	username, password, bearer    string
	sshKey, tlsCert, tlsKey       string // paths
	githubApp, githubInstallation int64
	githubKey, githubURL          string // a path; the address of an enterprise server
	gcpKey                        string // path
	basicAuth, azureWorkload      bool
	azureTenant, azureClient      string
	azureSecret, azureEndpoint    string
	kind                          string // git, helm or oci
	oci, ociHTTP                  bool
	proxy                         string
	upsert                        bool
}

func (c *credentials) addFlags(cmd *cobra.Command, proxyFlag string) {
	f := cmd.Flags()
	f.StringVar(&c.kind, "type", "git", "`kind` of repository: git, helm or oci")
	f.StringVar(&c.username, "username", "", "`name` to authenticate with")
	f.StringVar(&c.password, "password", "", "its `password`; asked for when empty, so that it stands in no history")
	f.StringVar(&c.bearer, "bearer-token", "", "`token` of a Bitbucket Data Center")
	f.StringVar(&c.sshKey, "ssh-private-key-path", "", "`file` of an SSH key")
	f.StringVar(&c.tlsCert, "tls-client-cert-path", "", "`file` of a TLS client certificate in PEM form")
	f.StringVar(&c.tlsKey, "tls-client-cert-key-path", "", "`file` of its key")
	f.Int64Var(&c.githubApp, "github-app-id", 0, "`number` of a GitHub App")
	f.Int64Var(&c.githubInstallation, "github-app-installation-id", 0, "`number` of its installation; found out when 0")
	f.StringVar(&c.githubKey, "github-app-private-key-path", "", "`file` of its key")
	f.StringVar(&c.githubURL, "github-app-enterprise-base-url", "", "`URL` of the API of a GitHub Enterprise, https://ghe.example.org/api/v3")
	f.StringVar(&c.gcpKey, "gcp-service-account-key-path", "", "`file` of a key of a Google Cloud service account")
	f.BoolVar(&c.basicAuth, "force-http-basic-auth", false, "send name and password without being asked")
	f.BoolVar(&c.azureWorkload, "use-azure-workload-identity", false, "authenticate as the server's own Azure workload identity")
	f.StringVar(&c.azureTenant, "azure-service-principal-tenant-id", "", "`id` of an Azure tenant")
	f.StringVar(&c.azureClient, "azure-service-principal-client-id", "", "`id` of an Azure service principal")
	f.StringVar(&c.azureSecret, "azure-service-principal-client-secret", "", "its `secret`")
	f.StringVar(&c.azureEndpoint, "azure-active-directory-endpoint", "", "`URL` of the directory, outside of the public cloud")
	f.BoolVar(&c.oci, "enable-oci", false, "a Helm repository that is an OCI registry")
	f.BoolVar(&c.ociHTTP, "insecure-oci-force-http", false, "speak HTTP to an OCI registry")
	f.StringVar(&c.proxy, proxyFlag, "", "`URL` of a proxy to reach it through")
	f.BoolVar(&c.upsert, "upsert", false, "replace what is registered under this URL")
}

func isHTTPS(url string) bool { return strings.HasPrefix(strings.ToLower(url), "https://") }

// isSSH reports whether git would reach a URL by ssh: ssh://… or user@host:path.
func isSSH(url string) bool {
	if strings.HasPrefix(strings.ToLower(url), "ssh://") {
		return true
	}
	host, _, ok := strings.Cut(url, ":")
	return ok && !strings.Contains(url, "://") && strings.Contains(host, "@") && !strings.Contains(host, "/")
}

// load reads the files that the flags name, asks for a missing password, and refuses what does not go together.
func (c *credentials) load(r *remote, url string) (k keys, err error) {
	wrong := func(format string, args ...any) (keys, error) {
		return keys{}, problem.New(problem.Invalid, format, args...)
	}
	switch {
	case c.sshKey != "" && !isSSH(url):
		return wrong("--ssh-private-key-path is only supported for SSH repositories.")
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return wrong("--tls-client-cert-path and --tls-client-cert-key-path must be specified together")
	case c.ociHTTP && c.kind != "oci" && !c.oci:
		return wrong("--insecure-oci-force-http is for OCI registries: --type oci or --enable-oci")
	}
	for flag, path := range map[string]string{"tls-client-cert-path": c.tlsCert, "github-app-private-key-path": c.githubKey, "gcp-service-account-key-path": c.gcpKey} {
		if path != "" && !isHTTPS(url) {
			return wrong("--%s is only supported for HTTPS repositories", flag)
		}
	}
	for _, file := range []struct {
		path string
		into *string
	}{{c.sshKey, &k.ssh}, {c.tlsCert, &k.cert}, {c.tlsKey, &k.key}, {c.githubKey, &k.github}, {c.gcpKey, &k.gcp}} {
		if file.path == "" {
			continue
		}
		text, err := r.read(file.path)
		if err != nil {
			return k, err
		}
		*file.into = string(text)
	}
	if c.username != "" && c.password == "" && c.bearer == "" {
		if c.password, err = r.secret("Password: "); err != nil {
			return k, err
		}
	}
	switch {
	case c.bearer != "" && c.password != "":
		return wrong("only --bearer-token or --password is allowed, not both")
	case c.bearer != "" && c.kind != "git":
		return wrong("--bearer-token is only supported for Git repositories")
	case c.bearer != "" && !isHTTPS(url):
		return wrong("--bearer-token is only supported for HTTPS repositories")
	}
	return k, nil
}

// keys is what the files hold.
type keys struct{ ssh, cert, key, github, gcp string }

func repoAdd(r *remote) *cobra.Command {
	var c credentials
	var x argocd.Repository
	var insecure bool
	cmd := &cobra.Command{
		Use: "add REPOURL", Short: "Register a Git, Helm or OCI repository; the server tries first to reach it", Args: exactly(1),
		Example: "  # Git by ssh\n  hawser repo add git@git.example.org:team/repo --ssh-private-key-path ~/.ssh/id_ed25519\n\n" +
			"  # Git by https; the password is asked for\n  hawser repo add https://git.example.org/team/repo --username build\n\n" +
			"  # Helm\n  hawser repo add https://charts.example.org --type helm --name charts",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			x.Repo, x.Type = args[0], c.kind
			k, err := c.load(r, x.Repo)
			if err != nil {
				return err
			}
			if x.Type == "helm" && x.Name == "" {
				return problem.New(problem.Invalid, "Must specify --name for repos of type 'helm'")
			}
			x.Insecure = insecure
			x.Username, x.Password, x.BearerToken = c.username, c.password, c.bearer
			x.SSHPrivateKey, x.TLSClientCertData, x.TLSClientCertKey = k.ssh, k.cert, k.key
			x.GithubAppPrivateKey, x.GithubAppID, x.GithubAppInstallationID, x.GitHubAppEnterpriseBaseURL = k.github, c.githubApp, c.githubInstallation, c.githubURL
			x.GCPServiceAccountKey, x.ForceHTTPBasicAuth, x.UseAzureWorkloadIdentity = k.gcp, c.basicAuth, c.azureWorkload
			x.EnableOCI, x.InsecureOCIForceHTTP, x.Proxy = c.oci, c.ociHTTP, c.proxy
			x.AzureServicePrincipalTenantID, x.AzureServicePrincipalClientID, x.AzureServicePrincipalClientSecret = c.azureTenant, c.azureClient, c.azureSecret
			x.AzureActiveDirectoryEndpoint = c.azureEndpoint
			if _, err := call[argocd.RepoResponse](ctx, r, "repository.RepositoryService/ValidateAccess", access(x)); err != nil {
				return err
			}
			made, err := call[argocd.Repository](ctx, r, "repository.RepositoryService/CreateRepository", &argocd.RepoCreateRequest{Repo: &x, Upsert: c.upsert})
			if err == nil {
				r.printf("Repository '%s' added\n", made.Repo)
			}
			return err
		},
	}
	c.addFlags(cmd, "proxy")
	f := cmd.Flags()
	f.StringVar(&x.Name, "name", "", "`name` of the repository; Helm repositories need one")
	f.StringVar(&x.Project, "project", "", "`name` of the only project that may use it")
	f.BoolVar(&insecure, "insecure-skip-server-verification", false, "trust any certificate and host key of the server")
	f.BoolVar(&x.InsecureIgnoreHostKey, "insecure-ignore-host-key", false, "the older name of --insecure-skip-server-verification, for ssh")
	f.BoolVar(&x.EnableLFS, "enable-lfs", false, "fetch large files by Git LFS")
	f.StringVar(&x.NoProxy, "no-proxy", "", "`hosts` to reach without the proxy, by comma")
	f.Int64Var(&x.Depth, "depth", 0, "`number` of commits to fetch; all when 0")
	f.BoolVar(&x.WebhookManifestCacheWarmDisabled, "webhook-manifest-cache-warm-disabled", false, "do not render ahead on webhooks")
	return cmd
}

// access is the question whether a repository can be reached.
func access(x argocd.Repository) *argocd.RepoAccessQuery {
	return &argocd.RepoAccessQuery{
		Repo: x.Repo, Type: x.Type, Name: x.Name, Username: x.Username, Password: x.Password, BearerToken: x.BearerToken, SSHPrivateKey: x.SSHPrivateKey,
		TLSClientCertData: x.TLSClientCertData, TLSClientCertKey: x.TLSClientCertKey, Insecure: x.Insecure || x.InsecureIgnoreHostKey, EnableOCI: x.EnableOCI,
		GithubAppPrivateKey: x.GithubAppPrivateKey, GithubAppID: x.GithubAppID, GithubAppInstallationID: x.GithubAppInstallationID, GithubAppEnterpriseBaseURL: x.GitHubAppEnterpriseBaseURL,
		Proxy: x.Proxy, Project: x.Project, GCPServiceAccountKey: x.GCPServiceAccountKey, ForceHTTPBasicAuth: x.ForceHTTPBasicAuth,
		UseAzureWorkloadIdentity: x.UseAzureWorkloadIdentity, InsecureOCIForceHTTP: x.InsecureOCIForceHTTP,
		AzureServicePrincipalTenantID: x.AzureServicePrincipalTenantID, AzureServicePrincipalClientID: x.AzureServicePrincipalClientID,
		AzureServicePrincipalClientSecret: x.AzureServicePrincipalClientSecret, AzureActiveDirectoryEndpoint: x.AzureActiveDirectoryEndpoint,
	}
}

// hard is the flag --refresh of repo get and list.
func hard(refresh string) (bool, error) {
	if refresh != "" && refresh != "hard" {
		return false, problem.New(problem.Invalid, "unknown refresh value: %s. Supported values: hard", refresh)
	}
	return refresh == "hard", nil
}

func repoGet(r *remote) *cobra.Command {
	var format, refresh, project string
	cmd := &cobra.Command{
		Use: "get REPO", Short: "Print a repository and whether it can be reached", Args: exactly(1), ValidArgsFunction: r.complete(false, r.repositoryURLs),
		RunE: func(cmd *cobra.Command, args []string) error {
			force, err := hard(refresh)
			if err != nil {
				return err
			}
			x, err := call[argocd.Repository](cmd.Context(), r, "repository.RepositoryService/Get", &argocd.RepoQuery{Repo: args[0], ForceRefresh: force, AppProject: project})
			if err != nil {
				return err
			}
			if format == "json" || format == "yaml" {
				return printObject(r.std.Out, x, format)
			}
			return r.printRepos([]argocd.Repository{*x}, format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "url")
	cmd.Flags().StringVar(&refresh, "refresh", "", "`hard` tries now whether it can be reached")
	cmd.Flags().StringVar(&project, "project", "", "`name` of the project that it belongs to")
	return cmd
}

func repoList(r *remote) *cobra.Command {
	var format, refresh string
	cmd := &cobra.Command{
		Use: "list", Short: "List the repositories and whether they can be reached", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			force, err := hard(refresh)
			if err != nil {
				return err
			}
			list, err := call[argocd.RepositoryList](cmd.Context(), r, "repository.RepositoryService/ListRepositories", &argocd.RepoQuery{ForceRefresh: force})
			if err != nil {
				return err
			}
			if format == "json" || format == "yaml" {
				return printList(r.std.Out, list.Items, format, false)
			}
			return r.printRepos(list.Items, format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "url")
	cmd.Flags().StringVar(&refresh, "refresh", "", "`hard` tries now whether they can be reached")
	return cmd
}

// printRepos prints repositories as a table, or their URLs.
func (r *remote) printRepos(list []argocd.Repository, format string) error {
	switch format {
	case "url":
		for _, x := range list {
			r.printf("%s\n", x.Repo)
		}
		return nil
	case "", "wide":
		t := newTable(r.std.Out, "TYPE", "NAME", "REPO", "INSECURE", "OCI", "LFS", "CREDS", "STATUS", "MESSAGE", "PROJECT")
		t.colour[7] = statusColour
		for _, x := range list {
			has := "inherited"
			if !x.InheritedCreds {
				has = strconv.FormatBool(hasCredentials(x))
			}
			t.row(x.Type, x.Name, x.Repo, x.Insecure || x.InsecureIgnoreHostKey, x.EnableOCI, x.EnableLFS, has, x.ConnectionState.Status, oneLine(x.ConnectionState.Message), x.Project)
		}
		return t.flush()
	}
	return unknownFormat(format)
}

// hasCredentials reports what an answer shows of credentials: names, never secrets.
func hasCredentials(x argocd.Repository) bool {
	return x.Username != "" || x.Password != "" || x.BearerToken != "" || x.SSHPrivateKey != "" || x.TLSClientCertData != "" || x.GithubAppPrivateKey != "" || x.UseAzureWorkloadIdentity || x.AzureServicePrincipalClientSecret != ""
}

func repoRemove(r *remote) *cobra.Command {
	var project string
	cmd := &cobra.Command{
		Use: "rm REPO ...", Short: "Forget repositories", Args: atLeast(1), ValidArgsFunction: r.complete(true, r.repositoryURLs),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, url := range args {
				yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to delete repository '%s'? [y/n]", url), false)
				if err != nil {
					return err
				}
				if !yes {
					r.printf("The command to delete '%s' was cancelled.\n", url)
					continue
				}
				if _, err := call[argocd.RepoResponse](cmd.Context(), r, "repository.RepositoryService/DeleteRepository", &argocd.RepoQuery{Repo: url, AppProject: project}); err != nil {
					return err
				}
				r.printf("Repository '%s' removed\n", url)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&project, "project", "", "`name` of the project that they belong to")
	return cmd
}
