package cli

import (
	"github.com/hawser-cd/hawser/deploy"
	"github.com/spf13/cobra"
)

func crds(std IO) *cobra.Command {
	return &cobra.Command{
		Use:   "crds",
		Short: "Print the CustomResourceDefinitions: hawser crds | kubectl apply -f -",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := std.Out.Write(deploy.CRDManifest())
			return err
		},
	}
}
