package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/contexts"
	"github.com/hawser-cd/hawser/internal/cluster/forward"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

// What a context without a server address is called, as argocd calls it.
const (
	coreServer    = "kubernetes"
	forwardServer = "port-forward"
)

func login(r *remote) *cobra.Command {
	var name, user, password string
	var single, skipTest bool
	var sso ssoOptions
	cmd := &cobra.Command{
		Use: "login SERVER", Short: "Log in to a server, and make it the current context", Args: between(0, 1),
		Example: "  # asks for name and password\n  hawser login cd.example.org\n\n  # in the browser\n  hawser login cd.example.org --sso\n\n" +
			"  # no server: the cluster of the kubeconfig\n  hawser login --core",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			server := ""
			switch {
			case r.core:
				server = coreServer
			case r.portForward || r.portNamespace != "":
				server = forwardServer
			case len(args) == 1:
				server = args[0]
			default:
				return misused("hawser login needs SERVER").hint("hawser login --help")
			}
			if len(args) == 1 && server == args[0] && !skipTest && !r.plainText {
				if err := r.agree(ctx, server); err != nil {
					return err
				}
			}
			if name == "" {
				name = server
				if root := strings.Trim(r.rootPath, "/"); root != "" {
					name += "/" + root
				}
			}
			u := contexts.User{Name: name}
			at := contexts.Server{Server: server, PlainText: r.plainText, Insecure: r.insecure, GRPCWeb: r.grpcWeb, GRPCWebRootPath: r.rootPath, Core: r.core}
			if !r.core {
				c, err := r.stranger(ctx, at)
				if err != nil {
					return err
				}
				if single {
					u.AuthToken, u.RefreshToken, err = r.singleSignOn(ctx, c, sso)
				} else {
					u.AuthToken, err = r.passwordLogin(ctx, c, user, password)
				}
				if err != nil {
					return err
				}
				who, err := readClaims(u.AuthToken)
				if err != nil {
					return err
				}
				r.printf("'%s' logged in successfully\n", who.who())
			}
			err := contexts.Update(r.config, func(f *contexts.File) error {
				f.Put(contexts.Context{Name: name}, at, u)
				return nil
			})
			if err == nil {
				r.printf("Context '%s' updated\n", name)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "`name` of the context; the server's address when empty")
	f.StringVar(&user, "username", "", "`name` of the account; asked for when empty")
	f.StringVar(&password, "password", "", "its `password`; asked for when empty, so that it stands in no history")
	f.BoolVar(&single, "sso", false, "log in with the browser, at the identity provider that the server trusts")
	f.BoolVar(&skipTest, "skip-test-tls", false, "do not find out first whether the server speaks TLS")
	sso.addFlags(cmd)
	return cmd
}

// stranger returns a client of a server without a token.
func (r *remote) stranger(ctx context.Context, s contexts.Server) (*api.Client, error) {
	h, err := parseHeaders(r.headers)
	if err != nil {
		return nil, err
	}
	at := api.Server{
		Address: s.Server, PlainText: s.PlainText, Insecure: s.Insecure, GRPCWeb: s.GRPCWeb, RootPath: s.GRPCWebRootPath, CAData: s.CA, ClientCertData: s.ClientCert, ClientKeyData: s.ClientKey,
		CA: r.serverCrt, ClientCert: r.clientCrt, ClientKey: r.clientKey, Headers: h, Retries: r.retries, UserAgent: userAgent(),
	}
	if s.Server == forwardServer {
		if at.Address, err = forward.Open(ctx, r.kubeContext, r.portNamespace, r.serverName); err != nil {
			return nil, err
		}
		at.Insecure = true
	}
	at.FellBack = func() { r.say("warn", "the server does not answer gRPC, but gRPC-Web: --grpc-web saves the detour") }
	return api.New(at)
}

// passwordLogin gets a session's token, asking for what is missing.
func (r *remote) passwordLogin(ctx context.Context, c *api.Client, user, password string) (token string, err error) {
	if user, err = r.word("Username", user); err != nil {
		return "", err
	}
	for password == "" {
		if password, err = r.secret("Password: "); err != nil {
			return "", err
		}
	}
	s, err := api.Call[argocd.SessionCreateRequest, argocd.SessionResponse](ctx, c, "session.SessionService/Create", &argocd.SessionCreateRequest{Username: user, Password: password})
	if err != nil {
		return "", err
	}
	return s.Token, nil
}

// tlsWithin bounds finding out whether a server speaks TLS.
const tlsWithin = 30 * time.Second

// agree finds out whether a server speaks TLS and whether its certificate is good, and asks if either is not so. What is
// agreed to becomes --plaintext or --insecure.
func (r *remote) agree(ctx context.Context, address string) error {
	speaksTLS, doubt, err := tryTLS(ctx, address, r.serverCrt)
	question, flag := "", &r.insecure
	switch {
	case err != nil:
		return err
	case !speaksTLS:
		question, flag = "WARNING: server is not configured with TLS. Proceed (y/n)? ", &r.plainText
	case doubt != nil && !r.insecure:
		question = fmt.Sprintf("WARNING: server certificate had error: %s. Proceed insecurely (y/n)? ", doubt)
	default:
		return nil
	}
	yes, err := r.yes(question)
	if err != nil {
		return err
	}
	if !yes {
		return quit(1)
	}
	*flag = true
	return nil
}

// tryTLS shakes hands with a server: does it speak TLS, and if so, why should its certificate not be trusted? ca is a
// file of certificates to trust instead of the system's.
func tryTLS(ctx context.Context, address, ca string) (speaksTLS bool, doubt, err error) {
	ctx, cancel := context.WithTimeout(ctx, tlsWithin)
	defer cancel()
	address = strings.TrimRight(address, "/")
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host, address = address, net.JoinHostPort(strings.Trim(address, "[]"), "443")
	}
	var roots *x509.CertPool
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return false, nil, problem.Because(problem.Invalid, err, "read the server's certificate")
		}
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
	}
	// the certificate is not trusted here but looked at: nothing is sent over this connection
	d := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, ServerName: strings.Trim(host, "[]"), NextProtos: []string{"h2", "http/1.1"}}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err == nil {
		defer conn.Close()
		chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
		between := x509.NewCertPool()
		for _, c := range chain[1:] {
			between.AddCert(c)
		}
		_, doubt = chain[0].Verify(x509.VerifyOptions{DNSName: strings.Trim(host, "[]"), Intermediates: between, Roots: roots})
		return true, doubt, nil
	}
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var dial *net.OpError
	switch {
	case errors.As(err, &record):
		return false, nil, nil
	case errors.As(err, &alert): // it speaks TLS, but not with us: a client certificate is asked for, perhaps
		return true, nil, nil
	case errors.As(err, &dial) && dial.Op == "dial" || ctx.Err() != nil:
		return false, nil, problem.Because(problem.Unavailable, err, "cannot reach %s", address).WithHint("is it running? --skip-test-tls skips this look")
	}
	return false, nil, nil // it closed the connection on hearing TLS
}

func relogin(r *remote) *cobra.Command {
	var password string
	var sso ssoOptions
	cmd := &cobra.Command{
		Use: "relogin", Short: "Log in again to the server of the current context", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			file, err := contexts.Read(r.config)
			if err != nil {
				return err
			}
			if file == nil {
				return &exit{1, problem.New(problem.NotFound, "No context found").WithHint("hawser login SERVER")}
			}
			name, at, u, err := file.Resolve(r.context)
			if err != nil {
				return err
			}
			at.GRPCWeb = at.GRPCWeb || r.grpcWeb
			if r.rootPath != "" {
				at.GRPCWebRootPath = r.rootPath
			}
			at.Insecure = at.Insecure || r.insecure
			at.PlainText = at.PlainText || r.plainText
			c, err := r.stranger(ctx, at)
			if err != nil {
				return err
			}
			was, err := readClaims(u.AuthToken)
			if err != nil {
				return err
			}
			u = contexts.User{Name: u.Name}
			if was.Issuer == ownIssuer {
				r.printf("Relogging in as '%s'\n", was.who())
				u.AuthToken, err = r.passwordLogin(ctx, c, was.user(), password)
			} else {
				r.printf("Reinitiating SSO login\n")
				u.AuthToken, u.RefreshToken, err = r.singleSignOn(ctx, c, sso)
			}
			if err != nil {
				return err
			}
			err = contexts.Update(r.config, func(f *contexts.File) error {
				f.PutUser(u)
				return nil
			})
			if err == nil {
				r.printf("Context '%s' updated\n", name.Name)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&password, "password", "", "the account's `password`; asked for when empty")
	sso.addFlags(cmd)
	return cmd
}
