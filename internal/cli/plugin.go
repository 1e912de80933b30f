package cli

import (
	"context"
	"errors"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
)

// runPlugin runs hawser-NAME or argocd-NAME of the PATH when the first word is no command of ours, and returns its exit
// code. A program of the working directory is not run: that is where other people's files are.
func runPlugin(ctx context.Context, root *cobra.Command, args []string, std IO) (code int, ran bool) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") || strings.ContainsAny(args[0], `/\`) || strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) || args[0] == "help" {
		return 0, false
	}
	for _, c := range root.Commands() {
		if c.Name() == args[0] || c.HasAlias(args[0]) {
			return 0, false
		}
	}
	for _, prefix := range []string{"hawser-", "argocd-"} {
		path, err := exec.LookPath(prefix + args[0]) // fails for a relative path
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, args[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = std.In, std.Out, std.Err
		err = cmd.Run()
		var ended *exec.ExitError
		switch {
		case err == nil:
			return 0, true
		case errors.As(err, &ended) && ended.ExitCode() >= 0:
			return ended.ExitCode(), true
		}
		return exitFailed, true
	}
	return 0, false
}
