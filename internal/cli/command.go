package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
)

// noun is a command that only holds others. Called alone it fails, so that a script with a typing error does not go on.
func noun(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return misused("unknown command %q for %q", args[0], c.CommandPath()).hint("%s --help", c.CommandPath())
			}
			c.HelpFunc()(c, args)
			return quit(1)
		},
	}
	c.AddCommand(verbs...)
	return c
}

// exactly takes n arguments, and says which are missing.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

// atLeast takes n arguments or more.
func atLeast(n int) cobra.PositionalArgs { return between(n, 1<<30) }

// between takes min to max arguments.
func between(min, max int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		_, wants, _ := strings.Cut(c.Use, " ")
		switch {
		case len(args) < min && wants != "":
			return misused("%s needs %s", c.CommandPath(), wants).hint("%s --help", c.CommandPath())
		case len(args) > max:
			return misused("%s: %q is one argument too many", c.CommandPath(), args[max]).hint("%s --help", c.CommandPath())
		}
		return nil
	}
}

// call asks the server of the command.
func call[Res, Req any](ctx context.Context, r *remote, method string, req *Req) (*Res, error) {
	c, err := r.client(ctx)
	if err != nil {
		return nil, err
	}
	return api.Call[Req, Res](ctx, c, method, req)
}

// printf prints a command's own sentence.
func (r *remote) printf(format string, args ...any) {
	fmt.Fprintf(r.std.Out, format, args...)
}

// largestInput bounds what is read from a file or the standard input: more than any message that the API takes.
const largestInput = 64 << 20

// read returns what a file holds, and for "-" what comes in.
func (r *remote) read(path string) ([]byte, error) {
	if path == "-" {
		return bounded(r.in, "the standard input")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the file")
	}
	defer f.Close()
	return bounded(f, path)
}

func bounded(from io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, largestInput+1))
	switch {
	case err != nil:
		return nil, problem.Because(problem.Invalid, err, "read %s", name)
	case len(text) > largestInput:
		return nil, problem.New(problem.Limit, "%s is larger than %d bytes", name, largestInput)
	}
	return text, nil
}

// parseDuration reads what argocd takes for a duration: Go's form, or whole days, weeks and years ("90d").
func parseDuration(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return d, nil
	}
	units := map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour}
	var n int64
	var unit string
	if k, _ := fmt.Sscanf(text, "%d%s", &n, &unit); k == 2 && units[unit] != 0 && n >= 0 && n < 1000 {
		return time.Duration(n) * units[unit], nil
	}
	return 0, problem.New(problem.Invalid, "%q is no duration", text).WithHint("for example 12h or 90d")
}

// printErr prints a command's own sentence beside its output.
func printErr(r *remote, format string, args ...any) { fmt.Fprintf(r.std.Err, format, args...) }
