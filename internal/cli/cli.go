// Package cli is the hawser command: flags, environment, exit codes and what people read in a terminal.
//
// The idea: one file per command, named as it is typed. Read Main first, then serve.go. The package refuses to hold
// logic that another surface would need too: it translates, and calls daemon.
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

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
	r := newRemote(std)
	cmd := root(std, r)
	if code, ran := runPlugin(ctx, cmd, args, std); ran {
		return code
	}
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	r.close()
	code := exitCode(ctx, err)
	if code != 0 && code != interrupted {
		report(std.Err, err, r.logFormat, time.Now())
	}
	return code
}

func root(std IO, r *remote) *cobra.Command {
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
		p := problem.New(problem.Invalid, "%v", err).WithHint("%s --help", c.CommandPath())
		if isOurs(c) {
			return p
		}
		return &exit{1, p}
	})
	cmd.PersistentFlags().AddFlagSet(r.flags)
	cmd.PersistentPreRunE = func(*cobra.Command, []string) error { return r.settle() }
	for _, c := range []*cobra.Command{serve(std), agentCommand(std, r), crds(std), demo(std)} {
		c.Annotations = map[string]string{ours: "yes"}
		c.SetUsageTemplate(strings.Replace(c.UsageTemplate(), "{{if .HasAvailableInheritedFlags}}", "{{if false}}", 1)) // argocd's flags are not for them
		c.PersistentPreRunE = func(*cobra.Command, []string) error { return nil }
		cmd.AddCommand(c)
	}
	cmd.AddCommand(contract(
		account(r), admin(r), appset(r), cert(r), clusterCommand(r), completion(r), configure(r), contextCommand(r), gpg(r), login(r), logout(r), proj(r), relogin(r), repo(r), repocreds(r), version(r),
	)...)
	cmd.AddCommand(contract(application(r), why(r))...)
	group(cmd)
	return cmd
}

// group puts the commands into the order in which people look for them.
func group(root *cobra.Command) {
	of := map[string]string{}
	for _, g := range []struct{ id, title, names string }{
		{"apps", "Applications:", "app appset proj why"},
		{"reach", "What the server knows:", "account cert cluster gpg repo repocreds"},
		{"session", "This machine's sessions:", "configure context login logout relogin"},
		{"run", "Running Hawser:", "admin agent crds demo serve"},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for name := range strings.FieldsSeq(g.names) {
			of[name] = g.id
		}
	}
	for _, c := range root.Commands() {
		c.GroupID = of[c.Name()]
	}
}

// ours marks commands that argocd has not.
const ours = "hawser"

func isOurs(c *cobra.Command) bool {
	for ; c != nil; c = c.Parent() {
		if c.Annotations[ours] != "" {
			return true
		}
	}
	return false
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
