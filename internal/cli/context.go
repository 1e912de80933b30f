package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/cli/contexts"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
)

func contextCommand(r *remote) *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use: "context [CONTEXT]", Aliases: []string{"ctx"}, Short: "List contexts, and switch between them", Args: between(0, 1), ValidArgsFunction: r.completeContexts,
		Example: "  # list them\n  hawser context\n\n  # switch, and back\n  hawser context stage\n  hawser context -\n\n  # forget one\n  hawser context stage --delete",
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := contexts.Read(r.config)
			if err != nil {
				return err
			}
			switch {
			case file == nil:
				r.printf("No local configuration found\n")
				return quit(1)
			case remove && len(args) == 0:
				return misused("--delete needs CONTEXT")
			case remove:
				return r.forget(file, args[0])
			case len(args) == 0:
				return r.listContexts(file)
			}
			return r.switchTo(file, args[0])
		},
	}
	cmd.Flags().BoolVar(&remove, "delete", false, "forget the context instead of switching to it")
	return cmd
}

func (r *remote) listContexts(file *contexts.File) error {
	t := newTable(r.std.Out, "CURRENT", "NAME", "SERVER")
	for _, c := range file.Contexts {
		mark := " "
		if c.Name == file.Current {
			mark = "*"
		}
		t.row(mark, c.Name, c.Server)
	}
	return t.flush()
}

// forget removes a context; a file without any is removed with it.
func (r *remote) forget(file *contexts.File, name string) error {
	if !file.Remove(name) {
		return problem.New(problem.NotFound, "context %s does not exist", name).WithHint("`hawser context` lists them")
	}
	err := error(nil)
	if len(file.Servers) == 0 {
		err = os.Remove(r.config)
	} else {
		err = contexts.Write(r.config, file)
	}
	if err == nil {
		r.printf("Context '%s' deleted\n", name)
	}
	return err
}

// switchTo makes a context current; "-" is the one before, which argocd's own file beside the contexts remembers.
func (r *remote) switchTo(file *contexts.File, name string) error {
	dir, err := contexts.Dir()
	if err != nil {
		return err
	}
	before := filepath.Join(dir, ".prev-ctx")
	if name == "-" {
		text, err := os.ReadFile(before)
		if errors.Is(err, fs.ErrNotExist) {
			return problem.New(problem.NotFound, "there is no context before this one")
		}
		if err != nil {
			return err
		}
		name = strings.TrimSpace(string(text))
	}
	if file.Current == name {
		r.printf("Already at context '%s'\n", name)
		return nil
	}
	if _, _, _, err := file.Resolve(name); err != nil {
		return &exit{1, err}
	}
	was := file.Current
	file.Current = name
	if err := contexts.Write(r.config, file); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(before, []byte(was), 0o600); err != nil {
		return err
	}
	r.printf("Switched to context '%s'\n", name)
	return nil
}

func configure(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "configure", Short: "Switch questions before what cannot be undone on or off: --prompts-enabled[=false]", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := contexts.Read(r.config)
			if err != nil {
				return err
			}
			if file == nil {
				r.printf("No local configuration found\n")
				return quit(1)
			}
			if r.flags.Lookup("prompts-enabled").Changed {
				file.PromptsEnabled = r.promptsEnabled
			}
			if err := contexts.Write(r.config, file); err != nil {
				return err
			}
			r.printf("Successfully updated the following configuration settings:\nprompts-enabled: %s\n", strconv.FormatBool(file.PromptsEnabled))
			return nil
		},
	}
}
