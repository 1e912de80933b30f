package cli

import (
	"fmt"

	"github.com/hawser-cd/hawser/internal/server"
	"github.com/spf13/cobra"
)

func version(std IO) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this binary is",
		Args:  cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			v := server.Build()
			fmt.Fprintf(std.Out, "hawser %s (%s, %s)\n", v.Version, v.GoVersion, v.Platform)
		},
	}
}
