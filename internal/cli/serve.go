package cli

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
)

func serve(std IO) *cobra.Command {
	cfg := config.Default()
	var insteadOf []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Reconcile the Applications of a cluster, and answer on one address",
		Long: "Reconciles the Applications of a cluster, and answers health, metrics and webhooks on one address.\n\n" +
			"Every flag can be given by an environment variable: --data-dir is HAWSER_DATA_DIR.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settleConfig(cmd, &cfg, insteadOf); err != nil {
				return err
			}
			log := logger(std, cfg)
			klog.SetSlogLogger(log) // client-go's own voice
			return daemon.Run(cmd.Context(), cfg, daemon.Options{Log: log})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&cfg.Insecure, "insecure", false, "answer without TLS, for a proxy that does it")
	f.StringVar(&cfg.PeerAddress, "peer-address", "", "`host:port` where other replicas reach this one, or the host alone (default: where it listens)")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "`file` of the certificate, PEM (default: that of argocd-secret, made when missing)")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "`file` of the certificate's key, PEM")
	f.StringVar(&cfg.RootPath, "root-path", "", "`path` below which everything is served, as /hawser")
	f.BoolVar(&cfg.Sharding, "sharding", false, "share the work with the other replicas instead of waiting for the one that leads")
	daemonFlags(f, &cfg, &insteadOf)
	return cmd
}

// daemonFlags are those of every process that reconciles: serve and agent.
func daemonFlags(f *pflag.FlagSet, cfg *config.Config, insteadOf *[]string) {
	f.StringVar(&cfg.Kubeconfig, "kubeconfig", "", "kubeconfig `file`; in-cluster when empty")
	f.StringVar(&cfg.Context, "context", "", "`context` of the kubeconfig; its current one when empty")
	f.StringVar(&cfg.Namespace, "namespace", cfg.Namespace, "`namespace` of Applications, settings and the lease")
	f.StringSliceVar(&cfg.ApplicationNamespaces, "application-namespaces", nil, "further `namespaces` that may hold Applications: globs, or regular expressions between slashes, by comma")
	f.StringVar(&cfg.DataDir, "data-dir", "", "`directory` of mirrors and caches; all of it can be lost (default: a folder of the user's cache)")
	f.StringVar(&cfg.Listen, "listen", cfg.Listen, "`host:port` to answer on")
	f.BoolVar(&cfg.InstallCRDs, "install-crds", false, "install missing CustomResourceDefinitions and the namespace at start")
	f.StringVar(&cfg.Plugins, "plugins", "", "`directory` of the sockets of config management plugins; without it there are none")
	f.BoolVar(&cfg.AllowFileRepositories, "allow-file-repositories", false, "permit file:// repositories")
	f.StringArrayVar(insteadOf, "instead-of", nil, "fetch repositories that begin with PREFIX from URL, as `PREFIX=URL`; may be repeated")
	f.StringVar(&cfg.LogLevel, "log-level", cfg.LogLevel, "debug, info, warn or error")
	f.StringVar(&cfg.LogFormat, "log-format", cfg.LogFormat, "text or json")
	f.StringVar(&cfg.Identity, "identity", "", "`name` of this replica in the lease (default: host and process)")
	f.DurationVar(&cfg.LeaseDuration, "lease-duration", cfg.LeaseDuration, "how long a silent leader keeps the lead")
	f.DurationVar(&cfg.GitTimeout, "git-timeout", cfg.GitTimeout, "longest time of one fetch")
	f.IntVar(&cfg.Workers.Status, "workers", cfg.Workers.Status, "applications looked at side by side")
}

// settleConfig takes in the environment and what depends on the machine, and judges the whole.
func settleConfig(cmd *cobra.Command, cfg *config.Config, insteadOf []string) error {
	if err := fromEnvironment(cmd.Flags()); err != nil {
		return err
	}
	for _, text := range insteadOf {
		r, err := config.ParseRewrite(text)
		if err != nil {
			return problem.Because(problem.Invalid, err, "--instead-of")
		}
		cfg.InsteadOf = append(cfg.InsteadOf, r)
	}
	if err := fillIn(cfg); err != nil {
		return err
	}
	return cfg.Validate()
}

// fillIn sets what depends on the machine.
func fillIn(cfg *config.Config) error {
	if cfg.DataDir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return problem.New(problem.Invalid, "there is no cache folder for this user: %v", err).WithHint("give --data-dir")
		}
		cfg.DataDir = filepath.Join(cache, "hawser")
	}
	cfg.Azure = config.AzureWorkload{
		TenantID: os.Getenv("AZURE_TENANT_ID"), ClientID: os.Getenv("AZURE_CLIENT_ID"), TokenFile: os.Getenv("AZURE_FEDERATED_TOKEN_FILE"), Authority: os.Getenv("AZURE_AUTHORITY_HOST"),
	}
	if cfg.Identity == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "hawser"
		}
		cfg.Identity = host + "_" + strconv.Itoa(os.Getpid())
	}
	return nil
}

func logger(std IO, cfg config.Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // Validate has seen it
	o := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(std.Err, o))
	}
	return slog.New(slog.NewTextHandler(std.Err, o))
}
