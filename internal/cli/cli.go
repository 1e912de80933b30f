// Package cli is the hawser command: flags, environment, exit codes and what people read in a terminal.
//
// The idea: one file per command, named as it is typed. Read Main first, then serve.go. The package refuses to hold
// logic that another surface would need too: it translates, and calls daemon.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// IO is where a command reads and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
}

// StdIO is the process's own.
func StdIO() IO { return IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr} }

// Exit codes, beside 0.
const (
	exitFailed  = 1
	exitMisuse  = 2
	envPrefix   = "HAWSER_"
	interrupted = 130
)

// Main runs the command line and returns its exit code.
func Main(args []string, std IO) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends us at once
	root := root(std)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return interrupted
	}
	fmt.Fprintln(std.Err, "hawser: "+err.Error())
	if problem.Is(err, problem.Invalid) {
		return exitMisuse
	}
	return exitFailed
}

func root(std IO) *cobra.Command {
	cmd := &cobra.Command{
		Use:           "hawser",
		Short:         "Pulls Kubernetes clusters to what Git says, and holds them there",
		Long:          "Hawser pulls Kubernetes clusters to what Git says, and holds them there.\n\nNew here? `hawser demo` shows it working on this machine.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.SetIn(std.In)
	cmd.SetOut(std.Out)
	cmd.SetErr(std.Err)
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return problem.New(problem.Invalid, "%v", err).WithHint("see %s --help", c.CommandPath())
	})
	cmd.AddCommand(serve(std), crds(std), demo(std), version(std))
	return cmd
}

// fromEnvironment gives every flag that was not set the value of its variable: --data-dir is HAWSER_DATA_DIR.
func fromEnvironment(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if !ok || f.Changed || err != nil {
			return
		}
		if e := flags.Set(f.Name, value); e != nil {
			err = problem.New(problem.Invalid, "%s=%q: %v", name, value, e)
		}
	})
	return err
}
