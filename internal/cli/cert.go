package cli

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
)

func cert(r *remote) *cobra.Command {
	return noun("cert", "Register TLS certificates and SSH host keys of repository servers", certAddTLS(r), certAddSSH(r), certList(r), certRemove(r))
}

func certAddTLS(r *remote) *cobra.Command {
	var from string
	var upsert bool
	cmd := &cobra.Command{
		Use: "add-tls SERVERNAME", Short: "Trust TLS certificates for a repository server", Args: exactly(1),
		Example: "  hawser cert add-tls git.example.org --from ca.pem\n  cat ca.pem | hawser cert add-tls git.example.org",
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "-"
			if from != "" {
				path = from
				r.printf("Reading TLS certificate data in PEM format from '%s'\n", from)
			} else {
				r.printf("Enter TLS certificate data in PEM format. Press CTRL-D when finished.\n")
			}
			text, err := r.read(path)
			if err != nil {
				return err
			}
			certs, doubles, err := splitCertificates(text)
			if err != nil {
				return err
			}
			for _, d := range doubles {
				r.printf("WARNING: Duplicate certificate detected (SHA256 fingerprint %x, subject '%s'), skipping.\n", sha256.Sum256(d.Raw), d.Subject)
			}
			if len(certs) == 0 {
				r.printf("No valid certificates have been detected in the stream.\n")
				return nil
			}
			one := argocd.RepositoryCertificate{ServerName: args[0], CertType: "https", CertData: []byte(strings.Join(certs, "\n"))}
			ask := &argocd.RepositoryCertificateCreateRequest{Certificates: &argocd.RepositoryCertificateList{Items: []argocd.RepositoryCertificate{one}}, Upsert: upsert}
			if _, err := call[argocd.RepositoryCertificateList](cmd.Context(), r, "certificate.CertificateService/CreateCertificate", ask); err != nil {
				return err
			}
			r.printf("Created/updated TLS certificate entry for repository server %s with %d unique PEM certificates\n", args[0], len(certs))
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "`file` to read instead of the standard input")
	cmd.Flags().BoolVar(&upsert, "upsert", false, "replace the certificates that the server has")
	return cmd
}

// splitCertificates returns the certificates of a PEM text, each once, and those that came again.
func splitCertificates(text []byte) (certs []string, doubles []*x509.Certificate, err error) {
	seen := map[[32]byte]bool{}
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return certs, doubles, nil
		}
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, nil, problem.New(problem.Invalid, "a certificate is malformed: %v", err)
		}
		if sum := sha256.Sum256(c.Raw); seen[sum] {
			doubles = append(doubles, c)
		} else {
			seen[sum] = true
			certs = append(certs, string(pem.EncodeToMemory(b)))
		}
	}
}

func certAddSSH(r *remote) *cobra.Command {
	var from string
	var batch, upsert bool
	cmd := &cobra.Command{
		Use: "add-ssh --batch", Short: "Trust SSH host keys, as known_hosts and ssh-keyscan write them", Args: cobra.ArbitraryArgs,
		Example: "  ssh-keyscan git.example.org | hawser cert add-ssh --batch",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !batch {
				return problem.New(problem.Invalid, "you need to specify --batch or specify --help for usage instructions")
			}
			path := "-"
			if from != "" {
				path = from
				r.printf("Reading SSH known hosts entries from file '%s'\n", from)
			} else {
				r.printf("Enter SSH known hosts entries, one per line. Press CTRL-D when finished.\n")
			}
			text, err := r.read(path)
			if err != nil {
				return err
			}
			keys, err := knownHosts(text)
			if err != nil {
				return err
			}
			if len(keys) == 0 {
				return problem.New(problem.Invalid, "No valid SSH known hosts data found.")
			}
			made, err := call[argocd.RepositoryCertificateList](cmd.Context(), r, "certificate.CertificateService/CreateCertificate",
				&argocd.RepositoryCertificateCreateRequest{Certificates: &argocd.RepositoryCertificateList{Items: keys}, Upsert: upsert})
			if err == nil {
				r.printf("Successfully created %d SSH known host entries\n", len(made.Items))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "`file` to read instead of the standard input")
	cmd.Flags().BoolVar(&batch, "batch", false, "read many entries: for now the only way")
	cmd.Flags().BoolVar(&upsert, "upsert", false, "replace other keys of the same kind and host")
	return cmd
}

// knownHosts reads lines of known_hosts, one entry a host. Lines that hold no key are passed over, as ssh does.
func knownHosts(text []byte) (list []argocd.RepositoryCertificate, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, hosts, key, _, _, err := ssh.ParseKnownHosts(lines.Bytes())
		if err != nil {
			continue
		}
		for _, h := range hosts {
			list = append(list, argocd.RepositoryCertificate{ServerName: h, CertType: "ssh", CertSubType: key.Type(), CertData: []byte(base64.StdEncoding.EncodeToString(key.Marshal()))})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, problem.Because(problem.Limit, err, "read the host keys")
	}
	return list, nil
}

func certList(r *remote) *cobra.Command {
	var format, order, kind, pattern string
	cmd := &cobra.Command{
		Use: "list", Short: "List trusted certificates and host keys", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if kind != "" && kind != "ssh" && kind != "https" {
				r.printf("cert-type must be either ssh or https\n")
				return quit(1)
			}
			list, err := call[argocd.RepositoryCertificateList](cmd.Context(), r, "certificate.CertificateService/ListCertificates",
				&argocd.RepositoryCertificateQuery{HostNamePattern: pattern, CertType: kind})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printList(r.std.Out, list.Items, format, false)
			case "", "wide":
				return r.printCerts(list.Items, order)
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide")
	f := cmd.Flags()
	f.StringVar(&order, "sort", "", "`order` of the table: hostname or type")
	f.StringVar(&kind, "cert-type", "", "only `ssh` or https")
	f.StringVar(&pattern, "hostname-pattern", "", "only hosts that match this `glob`")
	return cmd
}

func (r *remote) printCerts(list []argocd.RepositoryCertificate, order string) error {
	slices.SortStableFunc(list, func(a, b argocd.RepositoryCertificate) int {
		switch order {
		case "", "hostname":
			return strings.Compare(a.ServerName, b.ServerName)
		case "type":
			return strings.Compare(a.CertType, b.CertType)
		}
		return 0
	})
	t := newTable(r.std.Out, "HOSTNAME", "TYPE", "SUBTYPE", "INFO")
	for _, c := range list {
		t.row(c.ServerName, c.CertType, c.CertSubType, c.CertInfo)
	}
	return t.flush()
}

func certRemove(r *remote) *cobra.Command {
	var kind, sub string
	cmd := &cobra.Command{
		Use: "rm REPOSERVER", Short: "Trust certificates and host keys of a server no longer", Args: atLeast(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			host := args[0]
			if host == "*" {
				return problem.New(problem.Invalid, "A single wildcard is not allowed as REPOSERVER name.")
			}
			yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to remove all certificates for '%s'? [y/n]", host), false)
			if err != nil {
				return err
			}
			if !yes {
				r.printf("The command to remove all certificates for '%s' was cancelled.\n", host)
				return nil
			}
			gone, err := call[argocd.RepositoryCertificateList](cmd.Context(), r, "certificate.CertificateService/DeleteCertificate",
				&argocd.RepositoryCertificateQuery{HostNamePattern: host, CertType: kind, CertSubType: sub})
			if err != nil {
				return err
			}
			for _, c := range gone.Items {
				r.printf("Removed cert for '%s' of type '%s' (subtype '%s')\n", c.ServerName, c.CertType, c.CertSubType)
			}
			if len(gone.Items) == 0 {
				r.printf("No certificates were removed (none matched the given pattern)\n")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&kind, "cert-type", "", "only `ssh` or https")
	cmd.Flags().StringVar(&sub, "cert-sub-type", "", "only this `algorithm` of host keys, ssh-ed25519")
	return cmd
}
