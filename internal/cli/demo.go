package cli

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
)

// demoOptions are the flags of hawser demo.
type demoOptions struct {
	dir        string
	port       int    // of Hawser; see listenOn
	devcluster string // path of the binary; "" looks for it
	trials     int    // of the script
}

func demo(std IO) *cobra.Command {
	var o demoOptions
	var play bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run Kubernetes, a Git server and Hawser on this machine, with a sample platform",
		Long: "Runs a real Kubernetes (with pretended machines), a Git server with a sample platform, and Hawser, all on\n" +
			"127.0.0.1, and tells what happens. Ctrl-C stops everything; the same command continues it.\n\n" +
			"With --script it plays five acts by itself, measures them, and fails if one does.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			if o.port < 0 || o.port > 65535 {
				return problem.New(problem.Invalid, "--port %d is no port", o.port).WithHint("use 1 to 65535, or leave it out")
			}
			if o.trials < 1 {
				return problem.New(problem.Invalid, "--trials %d: at least 1", o.trials)
			}
			var err error
			if play {
				err = playScript(cmd.Context(), std, o)
			} else {
				err = showDemo(cmd.Context(), std, o)
			}
			if cmd.Context().Err() != nil && !play {
				return nil // Ctrl-C is how the demo is meant to end
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.dir, "dir", "", "`directory` of everything that the demo keeps (default: a folder of the user's cache)")
	f.IntVar(&o.port, "port", 0, "`port` of Hawser on 127.0.0.1 (default: 8080, or a free one when that is taken)")
	f.StringVar(&o.devcluster, "devcluster", "", "the devcluster `binary` (default: beside this one, or on the PATH)")
	f.BoolVar(&play, "script", false, "play five acts by itself and print evidence")
	f.IntVar(&o.trials, "trials", 3, "how often the script repeats what it measures")
	return cmd
}

// showDemo brings everything up, says where it is, and follows what happens until ctx ends.
func showDemo(ctx context.Context, std IO, o demoOptions) (err error) {
	if o.dir, err = demoDir(o.dir, "demo"); err != nil {
		return err
	}
	s, err := newStage(std, o)
	if err != nil {
		return err
	}
	s.observe = s.lines.happening
	defer s.close()
	if err := s.open(ctx); err != nil {
		return err
	}
	start := time.Now()
	if err := s.applyRoot(ctx); err != nil {
		return err
	}
	counts, err := s.settle(ctx, start, settleWithin)
	if err != nil {
		return err
	}
	s.lines.say("\n%s: %s, %s after the root application was applied.\n", s.lines.paint(green, "All applications are Synced and Healthy"), counts, seconds(time.Since(start)))
	s.lines.say("%s", s.guide(ctx))
	select {
	case <-ctx.Done():
		s.lines.say("")
		return nil
	case err := <-s.failure:
		return err
	}
}

// demoDir returns the absolute path of the demo's folder, and makes it.
func demoDir(dir, name string) (string, error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", problem.New(problem.Invalid, "there is no cache folder for this user: %v", err).WithHint("give --dir")
		}
		dir = filepath.Join(cache, "hawser", name)
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", problem.Because(problem.Invalid, err, "make the demo's folder").WithHint("choose another --dir")
	}
	return dir, nil
}

// writeWhole replaces a file in one step, so that nobody meets half of it.
func writeWhole(path, content string) error {
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !os.IsNotExist(err)
}

// isEmpty reports whether a folder holds nothing, or does not exist.
func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return len(entries) == 0 && (err == nil || os.IsNotExist(err))
}
