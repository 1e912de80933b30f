package cli

import (
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
)

// agentCommand runs the agent; what is below it is asked of the hub.
func agentCommand(std IO, r *remote) *cobra.Command {
	cfg := config.Default()
	cfg.Namespace = agentNamespace
	var insteadOf []string
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Reconcile the cluster that this runs in, for a hub that it dials",
		Long: "Runs in a remote cluster, deploys there what its hub's Applications say, and shows it at the hub. It dials the hub,\n" +
			"goes on when the hub is away, and no credential of its cluster leaves the cluster.\n\n" +
			"Every flag can be given by an environment variable: --token-file is HAWSER_TOKEN_FILE.",
		Example: "  # at the hub: register it, and get what is to be applied in its cluster\n  hawser agent add edge | kubectl --context edge apply -f -",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settleConfig(cmd, &cfg, insteadOf); err != nil {
				return err
			}
			if cfg.Agent == (config.Agent{}) {
				return problem.New(problem.Invalid, "--hub, --name and --token-file are needed").WithHint("hawser agent add NAME, at the hub, prints a manifest that gives them")
			}
			log := logger(std, cfg)
			klog.SetSlogLogger(log)
			return daemon.Run(cmd.Context(), cfg, daemon.Options{Log: log})
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Agent.Hub, "hub", "", "`URL` of the hub, as https://hawser.example.com")
	f.StringVar(&cfg.Agent.Name, "name", "", "`name` by which the hub registered this agent")
	f.StringVar(&cfg.Agent.TokenFile, "token-file", "", "`file` with the token that `hawser agent add` printed; read anew at each attempt")
	f.StringVar(&cfg.Agent.CAFile, "ca", "", "`file` of the authorities that the hub's certificate is trusted by, PEM (default: the machine's)")
	f.StringVar(&cfg.Agent.CertFile, "client-cert", "", "`file` of a certificate to show instead of a token, PEM")
	f.StringVar(&cfg.Agent.KeyFile, "client-key", "", "`file` of its key, PEM")
	daemonFlags(f, &cfg, &insteadOf)
	cmd.AddCommand(agentAdd(r))
	return cmd
}

const agentNamespace = "hawser-agent"
