package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/server"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

// spoken is the version of Argo CD whose contract the command keeps: scripts compare the number that argocd prints.
const spoken = "v3.6.0"

// clientVersion is what argocd prints of itself; ours after the plus, where argocd has its commit.
func clientVersion() argocd.VersionMessage {
	b := server.Build()
	return argocd.VersionMessage{
		Version: spoken + "+hawser-" + strings.TrimPrefix(b.Version, "v"), BuildDate: b.BuildDate, GitCommit: b.GitCommit, GitTreeState: b.GitTreeState,
		GoVersion: b.GoVersion, Compiler: b.Compiler, Platform: b.Platform, ExtraBuildInfo: "Hawser " + b.Version,
	}
}

func version(r *remote) *cobra.Command {
	var short, clientOnly bool
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print what this binary is, and what the server is",
		Long: "Prints what this binary is, and what the server is.\n\n" +
			"The number before the plus is the version of Argo CD whose commands and API this Hawser speaks; Hawser's own comes after it.",
		Example: "  # this binary, without asking a server\n  hawser version --client\n\n  # numbers only, for a script\n  hawser version --short -o json",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			mine := clientVersion()
			ask := func() (*argocd.VersionMessage, error) {
				if clientOnly {
					return nil, nil
				}
				return r.serverVersion(cmd.Context())
			}
			switch format {
			case "json", "yaml":
				theirs, err := ask()
				if err != nil {
					return err
				}
				all := map[string]any{"client": mine}
				if short {
					all["client"] = map[string]string{"argocd": mine.Version}
				}
				if theirs != nil {
					all["server"] = theirs
					if short {
						all["server"] = map[string]string{"argocd-server": theirs.Version}
					}
				}
				return printObject(r.std.Out, all, format)
			case "", "wide", "short":
				short = short || format == "short"
				fmt.Fprint(r.std.Out, versionText("argocd", mine, short, true))
				theirs, err := ask() // ours is printed even if nobody answers
				if err != nil || theirs == nil {
					return err
				}
				fmt.Fprint(r.std.Out, versionText("argocd-server", *theirs, short, false))
				return nil
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "short")
	cmd.Flags().BoolVar(&short, "short", false, "the number only")
	cmd.Flags().BoolVar(&clientOnly, "client", false, "this binary only: no server is asked")
	return cmd
}

func (r *remote) serverVersion(ctx context.Context) (*argocd.VersionMessage, error) {
	c, err := r.client(ctx)
	if err != nil {
		return nil, err
	}
	return api.Call[argocd.Empty, argocd.VersionMessage](ctx, c, "version.VersionService/Version", &argocd.Empty{})
}

// versionText lists a version as argocd does. Of the client, whole, the lines of the build are there even if empty.
func versionText(name string, v argocd.VersionMessage, short, whole bool) string {
	text := name + ": " + v.Version + "\n"
	if short {
		return text
	}
	for _, line := range []struct {
		name, value string
		always      bool
	}{
		{"BuildDate", v.BuildDate, whole}, {"GitCommit", v.GitCommit, whole}, {"GitTreeState", v.GitTreeState, whole}, {"GitTag", v.GitTag, false},
		{"GoVersion", v.GoVersion, whole}, {"Compiler", v.Compiler, whole}, {"Platform", v.Platform, whole}, {"ExtraBuildInfo", v.ExtraBuildInfo, false},
		{"Kustomize Version", v.KustomizeVersion, false}, {"Helm Version", v.HelmVersion, false}, {"Kubectl Version", v.KubectlVersion, false}, {"Jsonnet Version", v.JsonnetVersion, false},
	} {
		if line.always || line.value != "" {
			text += "  " + line.name + ": " + line.value + "\n"
		}
	}
	return text
}
