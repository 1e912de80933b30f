package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

func appEdit(r *remote) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use: "edit APPNAME", Short: "Change an application's spec in an editor ($EDITOR)", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			name, ns := apps.Split(args[0], namespace)
			app, err := a.get(ctx, name, ns, "")
			if err != nil {
				return err
			}
			text, err := yaml.Marshal(app.Spec)
			if err != nil {
				return err
			}
			return r.edited(ctx, name+"-*-edit.yaml", text, func(text []byte) error {
				var spec v1alpha1.ApplicationSpec
				if err := yaml.UnmarshalStrict(text, &spec); err != nil {
					return problem.Because(problem.Invalid, err, "read the spec")
				}
				changed := *app
				changed.Spec = spec
				validate := false // argocd does not check here either: an application that is broken can be mended
				return a.updateSpec(ctx, &changed, ns, &validate)
			})
		},
	}
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

// editHead stands above a text in the editor.
const editHead = "# Change what is below, save and close. Lines that begin with # do not count; an empty or unchanged file changes nothing.\n"

// edited has text edited until save takes it. What save says against it is written above it in the next round.
func (r *remote) edited(ctx context.Context, pattern string, text []byte, save func([]byte) error) error {
	editor, err := shellWords(os.Getenv("EDITOR"))
	if err != nil {
		return problem.Because(problem.Invalid, err, "EDITOR")
	}
	if len(editor) == 0 {
		editor = []string{"vi"}
	}
	said := ""
	for {
		before := []byte(editHead + said + string(text))
		after, err := r.editOnce(ctx, editor, pattern, before)
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(after)) == 0 || bytes.Equal(after, before) {
			return problem.New(problem.Invalid, "edit cancelled, no valid changes were saved")
		}
		text = withoutComments(after)
		if err = save(text); err == nil {
			return nil
		}
		said = ""
		for line := range strings.Lines(err.Error()) {
			said += "# " + strings.TrimSuffix(line, "\n") + "\n"
		}
	}
}

func (r *remote) editOnce(ctx context.Context, editor []string, pattern string, text []byte) (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "hawser-edit")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, strings.ReplaceAll(pattern, "*", "app"))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, editor[0], append(editor[1:], file)...) // the user's own editor, from the user's environment
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.std.In, r.std.Out, r.std.Err
	if err := cmd.Run(); err != nil {
		return nil, problem.Because(problem.Invalid, err, "run the editor %s", editor[0]).WithHint("set EDITOR")
	}
	return os.ReadFile(file)
}

func withoutComments(text []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			kept = append(kept, line...)
		}
	}
	return kept
}
