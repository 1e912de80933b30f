package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

// agentAdd registers an agent and prints what is to be applied in its cluster.
func agentAdd(r *remote) *cobra.Command {
	var q argocd.AgentRegistration
	var labels []string
	var certificate, ca string
	var tokenOnly, noCRDs bool
	m := deploy.Agent{Namespace: agentNamespace}
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Register an agent's cluster, and print what is to be applied there", Args: cobra.ExactArgs(1),
		Long: "Registers the cluster of an agent: Applications name it by agent://NAME, or by NAME. Prints the manifest to apply in\n" +
			"that cluster. It holds the agent's token, which is said this once: the hub keeps its hash.",
		Example: "  hawser agent add edge | kubectl --context edge apply -f -\n\n  # a new token; the old one is no good any more\n  hawser agent add edge --renew --token-only",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Name = args[0]
			var err error
			if q.Labels, err = pairs(labels); err != nil {
				return err
			}
			if certificate != "" {
				text, err := os.ReadFile(certificate)
				if err != nil {
					return problem.Because(problem.Invalid, err, "read --client-cert")
				}
				q.Certificate = string(text)
			}
			if ca != "" {
				text, err := os.ReadFile(ca)
				if err != nil {
					return problem.Because(problem.Invalid, err, "read --ca")
				}
				m.CA = string(text)
			}
			c, err := r.client(cmd.Context())
			if err != nil {
				return err
			}
			if m.Hub == "" {
				m.Hub = c.Base()
			}
			made, err := call[argocd.AgentRegistered](cmd.Context(), r, "cluster.ClusterService/RegisterAgent", &q)
			if err != nil {
				return err
			}
			r.say("info", fmt.Sprintf("Agent '%s' registered as cluster '%s'", q.Name, made.Server))
			switch {
			case q.Certificate != "":
				return nil
			case tokenOnly:
				r.printf("%s\n", made.Token)
				return nil
			}
			if !noCRDs {
				r.printf("%s", deploy.CRDManifest())
			}
			m.Name, m.Token = q.Name, made.Token
			text, err := m.Manifest()
			if err != nil {
				return err
			}
			r.printf("---\n%s", text)
			return nil
		},
	}
	cmd.PersistentPreRunE = func(*cobra.Command, []string) error { return r.settle() }
	f := cmd.Flags()
	f.StringVar(&q.Project, "project", "", "`name` of the only project that may deploy to it")
	f.StringArrayVar(&labels, "label", nil, "label the cluster with `key=value`; may be repeated")
	f.BoolVar(&q.Renew, "renew", false, "it is registered: make a new token, and refuse the old one")
	f.StringVar(&certificate, "client-cert", "", "`file` of the certificate that the agent shows instead of a token, PEM; nothing is printed then")
	f.StringVar(&m.Hub, "hub", "", "`URL` at which the agent reaches the hub (default: the address that this command uses)")
	f.StringVar(&ca, "ca", "", "`file` of the authorities that the hub's certificate is trusted by, PEM")
	f.StringVar(&m.Namespace, "agent-namespace", agentNamespace, "`namespace` of the agent in its cluster")
	f.StringVar(&m.Image, "image", "ghcr.io/hawser-cd/hawser:"+strings.TrimPrefix(server.Build().Version, "v"), "`image` that the agent is run from")
	f.StringArrayVar(&m.Targets, "deploy-namespace", nil, "the agent may deploy to this `namespace` only; may be repeated")
	f.BoolVar(&tokenOnly, "token-only", false, "print the token and nothing else")
	f.BoolVar(&noCRDs, "no-crds", false, "leave the CustomResourceDefinitions out")
	return cmd
}
