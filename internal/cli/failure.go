package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
)

// exitContract is what every failed command of argocd's exits with, whatever failed (3.6 has one code); one that was
// called wrongly exits with 1.
const exitContract = 20

// exit is an error that brings its exit code along. Without a cause nothing is printed: the command has said it all.
type exit struct {
	code  int
	cause error
}

func (e *exit) Error() string {
	if e.cause == nil {
		return "exit status " + strconv.Itoa(e.code)
	}
	return e.cause.Error()
}

func (e *exit) Unwrap() error { return e.cause }

// hint attaches the way out.
func (e *exit) hint(format string, args ...any) *exit {
	var p *problem.Error
	if errors.As(e.cause, &p) {
		return &exit{e.code, p.WithHint(format, args...)}
	}
	return e
}

// quit ends a command with a code and no words.
func quit(code int) *exit { return &exit{code: code} }

// misused is how a command of argocd's says that its arguments are wrong.
func misused(format string, args ...any) *exit {
	return &exit{1, problem.New(problem.Invalid, format, args...)}
}

// contract makes commands, and those below them, commands of argocd's: their failures exit with its code.
func contract(cmds ...*cobra.Command) []*cobra.Command {
	for _, c := range cmds {
		contract(c.Commands()...)
		run := c.RunE
		if run == nil {
			continue
		}
		c.RunE = func(c *cobra.Command, args []string) error {
			err := run(c, args)
			var e *exit
			if err == nil || errors.As(err, &e) {
				return err
			}
			return &exit{exitContract, err}
		}
	}
	return cmds
}

// exitCode is what a command that ended with err exits with.
func exitCode(ctx context.Context, err error) int {
	var e *exit
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return interrupted
	case errors.As(err, &e):
		return e.code
	case problem.Is(err, problem.Invalid):
		return exitMisuse
	}
	return exitFailed
}

// report prints err: what went wrong, and on a line of its own what to try. format "json" and "text" print the line that
// argocd logs instead, for scripts that ask for it by --logformat.
func report(w io.Writer, err error, format string, now time.Time) {
	var e *exit
	if errors.As(err, &e) && e.cause == nil {
		return
	}
	said, hints := words(err)
	logLine(w, format, "fatal", said, "hawser: "+said, now)
	if format != "json" && format != "text" {
		for _, h := range hints {
			fmt.Fprintf(w, "Try: %s\n", h)
		}
	}
}

// logLine prints what is said beside a command's output: as argocd logs it, for scripts that ask for that, or plainly.
func logLine(w io.Writer, format, level, said, plain string, now time.Time) {
	stamp := now.UTC().Format(time.RFC3339)
	switch format {
	case "json":
		line, _ := json.Marshal(struct {
			Level   string `json:"level"`
			Message string `json:"msg"`
			Time    string `json:"time"`
		}{level, said, stamp})
		fmt.Fprintf(w, "%s\n", line)
	case "text":
		fmt.Fprintf(w, "time=%q level=%s msg=%s\n", stamp, level, strconv.Quote(said))
	default:
		fmt.Fprintf(w, "%s\n", plain)
	}
}

// words returns what err says, without the hints in it, and those. An answer of a server is put as scripts know it:
// rpc error: code = NotFound desc = …
func words(err error) (said string, hints []string) {
	switch e := err.(type) { //nolint:errorlint // layer by layer: what wraps something has a say of its own
	case *exit:
		return words(e.cause)
	case *problem.Error:
		said = e.Text
		if e.Cause != nil {
			below, more := words(e.Cause)
			said, hints = said+": "+below, more
		}
		if e.Hint != "" {
			hints = append(hints, e.Hint)
		}
		return said, hints
	case interface{ Wire() *connect.Error }:
		wire := e.Wire()
		var p *problem.Error
		if !connect.IsWireError(wire) {
			if errors.As(err, &p) {
				said, hints = words(p)
			}
			return "rpc error: code = " + codeName(wire.Code()) + " desc = " + said, hints
		}
		if errors.As(err, &p) && p.Hint != "" {
			hints = []string{p.Hint}
		}
		return "rpc error: code = " + codeName(wire.Code()) + " desc = " + wire.Message(), append(hints, advice(wire)...)
	}
	return err.Error(), nil
}

// advice is what helps most often after an answer of this code.
func advice(wire *connect.Error) []string {
	switch wire.Code() {
	case connect.CodeUnauthenticated:
		return []string{"hawser login SERVER (or hawser relogin)"}
	case connect.CodePermissionDenied:
		return []string{"hawser account can-i ACTION RESOURCE NAME"}
	}
	return nil
}

// codeNames are gRPC's codes as gRPC's libraries print them.
var codeNames = [...]string{
	"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted",
	"FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
}

func codeName(c connect.Code) string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "Code(" + strconv.Itoa(int(c)) + ")"
}

// oneLine makes foreign text safe for a line of a terminal.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
