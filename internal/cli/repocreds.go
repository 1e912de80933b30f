package cli

import (
	"fmt"

	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func repocreds(r *remote) *cobra.Command {
	return noun("repocreds", "Register credentials for all repositories whose URL begins alike", repocredsAdd(r), repocredsList(r), repocredsRemove(r))
}

func repocredsAdd(r *remote) *cobra.Command {
	var c credentials
	cmd := &cobra.Command{
		Use: "add REPOURL", Short: "Register credentials for the repositories below a URL", Args: exactly(1),
		Example: "  # the password is asked for\n  hawser repocreds add https://git.example.org/team/ --username build\n\n  # ssh\n  hawser repocreds add git@git.example.org:team/ --ssh-private-key-path ~/.ssh/id_ed25519",
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := c.load(r, args[0])
			if err != nil {
				return err
			}
			x := &argocd.RepoCreds{
				URL: args[0], Username: c.username, Password: c.password, BearerToken: c.bearer, SSHPrivateKey: k.ssh, TLSClientCertData: k.cert, TLSClientCertKey: k.key,
				GithubAppPrivateKey: k.github, GithubAppID: c.githubApp, GithubAppInstallationID: c.githubInstallation, GitHubAppEnterpriseBaseURL: c.githubURL,
				EnableOCI: c.oci, Type: c.kind, GCPServiceAccountKey: k.gcp, Proxy: c.proxy, ForceHTTPBasicAuth: c.basicAuth, UseAzureWorkloadIdentity: c.azureWorkload,
				InsecureOCIForceHTTP: c.ociHTTP, AzureServicePrincipalClientID: c.azureClient, AzureServicePrincipalClientSecret: c.azureSecret,
				AzureServicePrincipalTenantID: c.azureTenant, AzureActiveDirectoryEndpoint: c.azureEndpoint,
			}
			made, err := call[argocd.RepoCreds](cmd.Context(), r, "repocreds.RepoCredsService/CreateRepositoryCredentials", &argocd.RepoCredsCreateRequest{Creds: x, Upsert: c.upsert})
			if err == nil {
				r.printf("Repository credentials for '%s' added\n", made.URL)
			}
			return err
		},
	}
	c.addFlags(cmd, "proxy-url")
	return cmd
}

func repocredsList(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List the URLs that there are credentials for", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := call[argocd.RepoCredsList](cmd.Context(), r, "repocreds.RepoCredsService/ListRepositoryCredentials", &argocd.RepoCredsQuery{})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printList(r.std.Out, list.Items, format, false)
			case "url":
				for _, x := range list.Items {
					r.printf("%s\n", x.URL)
				}
				return nil
			case "", "wide":
				t := newTable(r.std.Out, "URL PATTERN", "USERNAME", "SSH_CREDS", "TLS_CREDS")
				for _, x := range list.Items {
					user := x.Username
					if user == "" {
						user = "-"
					}
					t.row(x.URL, user, x.SSHPrivateKey != "", x.TLSClientCertData != "")
				}
				return t.flush()
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "url")
	return cmd
}

func repocredsRemove(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "rm CREDSURL", Short: "Forget credentials", Args: atLeast(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, url := range args {
				yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to remove '%s'? [y/n] ", url), false)
				if err != nil {
					return err
				}
				if !yes {
					r.printf("The command to remove '%s' was cancelled.\n", url)
					continue
				}
				if _, err := call[argocd.RepoCredsResponse](cmd.Context(), r, "repocreds.RepoCredsService/DeleteRepositoryCredentials", &argocd.RepoCredsDeleteRequest{URL: url}); err != nil {
					return err
				}
				r.printf("Repository credentials for '%s' removed\n", url)
			}
			return nil
		},
	}
}
