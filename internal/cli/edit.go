package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// editYAML lets a person change text in $EDITOR, and saves it. What is not accepted comes back into the editor, with the
// reason on top; saving nothing new gives up.
func (r *remote) editYAML(ctx context.Context, pattern string, text []byte, save func([]byte) error) error {
	editor := strings.Fields(os.Getenv("EDITOR"))
	if len(editor) == 0 {
		editor = []string{"vi"}
	}
	f, err := os.CreateTemp("", pattern)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_ = f.Close()
	reason := ""
	for {
		given := append([]byte(commented("Lines that begin with # are left out; an empty file changes nothing.\n"+reason)), text...)
		if err := os.WriteFile(f.Name(), given, 0o600); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, editor[0], append(editor[1:], f.Name())...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = r.std.In, r.std.Out, r.std.Err
		if err := cmd.Run(); err != nil {
			return problem.Because(problem.Invalid, err, "run the editor %s", editor[0]).WithHint("set EDITOR")
		}
		edited, err := r.read(f.Name())
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(edited)) == 0 || bytes.Equal(edited, given) {
			return problem.New(problem.Invalid, "edit cancelled, no valid changes were saved")
		}
		text = uncommented(edited)
		err = save(text)
		if err == nil {
			return nil
		}
		reason, _ = words(err)
	}
}

// commented puts # in front of each line.
func commented(text string) string {
	return "# " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n# ") + "\n"
}

// uncommented leaves lines out that begin with #.
func uncommented(text []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// manifest reads a file, - or what is at an http address.
func (r *remote) manifest(ctx context.Context, from string) ([]byte, error) {
	if !strings.HasPrefix(from, "http://") && !strings.HasPrefix(from, "https://") {
		return r.read(from)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "read the manifest")
	}
	answer, err := (&http.Client{Timeout: time.Minute}).Do(q)
	if err != nil {
		return nil, problem.Because(problem.Unavailable, err, "read the manifest")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, problem.Because(problem.Unavailable, errors.New(answer.Status), "read %s", from)
	}
	return bounded(io.Reader(answer.Body), from)
}
