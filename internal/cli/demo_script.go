package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
)

// An act shows one promise of GitOps and measures it.
type act struct {
	title string
	// play returns what was measured, in a few words. An error is a check that failed.
	play func(*script, context.Context) (measured string, err error)
}

// acts is the scenario. Each act leaves everything Synced and Healthy for the next.
func acts() []act {
	return []act{
		{"One root application brings up the platform", (*script).bringUp},
		{"A merge deploys, and renders what it touches", (*script).mergeDeploys},
		{"Drift is healed and reported", (*script).driftIsHealed},
		{"git revert restores a broken release", (*script).revertRestores},
		{"A lost cluster comes back from Git", (*script).rebuild},
	}
}

// script is a stage on which the acts are played.
type script struct {
	*stage
	trials int
	work   string // a clone, in which the script commits
	heard  heard
	bounds bounds
}

// bounds are what the acts must keep to.
type bounds struct {
	deploy, heal, restore time.Duration
}

// playScript plays the acts in order and returns an error unless all passed.
func playScript(ctx context.Context, std IO, o demoOptions) (err error) {
	own := o.dir == "" // the folder is nobody else's: it goes when all went well
	if o.dir, err = scriptDir(o.dir); err != nil {
		return err
	}
	st, err := newStage(std, o)
	if err != nil {
		return err
	}
	s := &script{stage: st, trials: o.trials, work: filepath.Join(o.dir, "clone"), bounds: bounds{deploy: 10 * time.Second, heal: 10 * time.Second, restore: 30 * time.Second}}
	s.observe = s.heard.add
	defer func() {
		s.close()
		if own && err == nil {
			_ = os.RemoveAll(o.dir)
		} else {
			s.lines.say("Everything is kept in %s", o.dir)
		}
	}()
	s.lines.say("Hawser's demo, played by itself in %s; what is measured is measured %d times.", o.dir, s.trials)
	results := s.playAll(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.lines.say("\n%s", summary(results))
	if failed := slices.IndexFunc(results, func(r result) bool { return r.err != nil }); failed >= 0 {
		return problem.New(problem.Unavailable, "act %d failed: %s", failed+1, results[failed].act)
	}
	return nil
}

// scriptDir returns the folder to play in. It must be empty: the acts begin with nothing.
func scriptDir(dir string) (string, error) {
	if dir != "" {
		if !isEmpty(dir) {
			return "", problem.New(problem.Invalid, "--dir %s is not empty, and the script begins with nothing", dir).WithHint("name a new folder, or none")
		}
		return demoDir(dir, "")
	}
	parent, err := demoDir("", "")
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(parent, "script-")
}

// result is how an act ended.
type result struct {
	act, measured string
	took          time.Duration
	err           error
}

// playAll plays every act. Without the first there is nothing to play the others on.
func (s *script) playAll(ctx context.Context) []result {
	var results []result
	for i, a := range acts() {
		r := result{act: a.title, err: problem.New(problem.Unavailable, "not played")}
		if i == 0 || results[0].err == nil {
			s.lines.say("\n%s", s.lines.paint(bold, fmt.Sprintf("Act %d. %s", i+1, a.title)))
			start := time.Now()
			r.measured, r.err = a.play(s, ctx)
			r.took = time.Since(start)
		}
		if ctx.Err() != nil {
			return results
		}
		if r.err != nil {
			s.lines.say("  %s: %v", s.lines.paint(red, "FAIL"), r.err)
		} else {
			s.lines.say("  %s: %s", s.lines.paint(green, "PASS"), r.measured)
		}
		results = append(results, r)
	}
	return results
}

// summary is the table at the end.
func summary(results []result) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ACT\tRESULT\tTOOK\tMEASURED")
	for i, r := range results {
		verdict, measured := "PASS", r.measured
		if r.err != nil {
			verdict, measured = "FAIL", r.err.Error()
		}
		fmt.Fprintf(w, "%d. %s\t%s\t%s\t%s\n", i+1, r.act, verdict, seconds(r.took), measured)
	}
	_ = w.Flush()
	return b.String()
}

// evidence prints a line below the act.
func (s *script) evidence(format string, args ...any) { s.lines.say("  "+format, args...) }

// heard keeps what happened, for the acts to look up.
type heard struct {
	mu   sync.Mutex
	list []reconcile.Happening
}

func (h *heard) add(x reconcile.Happening) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, x)
}

// since returns the texts of that sort about an application, from a moment on.
func (h *heard) since(t time.Time, application, what string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var texts []string
	for _, x := range h.list {
		if x.Application == application && x.What == what && !x.At.Before(t) {
			texts = append(texts, x.Text)
		}
	}
	return texts
}

// edit replaces one text by another in a file of the repository.
type edit struct{ file, old, new string }

// commit makes the edit in the clone and commits it.
func (s *script) commit(ctx context.Context, message string, e edit) error {
	path := filepath.Join(s.work, e.file)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed := strings.Replace(string(data), e.old, e.new, 1)
	if changed == string(data) {
		return problem.New(problem.Invalid, "%s holds no %q to replace", e.file, e.old)
	}
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		return err
	}
	_, err = runGit(ctx, s.work, "commit", "--quiet", "--all", "--message", message)
	return err
}

// push pushes the clone's branch and returns what the server took.
func (s *script) push(ctx context.Context) (push, error) {
	if _, err := runGit(ctx, s.work, "push", "--quiet", "origin", "HEAD"); err != nil {
		return push{}, err
	}
	return s.git.lastPush(), nil
}

// samples are measured times.
type samples []time.Duration

// percentile returns the smallest sample that p percent of them do not exceed.
func (d samples) percentile(p int) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func (d samples) String() string {
	if len(d) == 1 {
		return seconds(d[0])
	}
	return fmt.Sprintf("p50 %s, p95 %s, max %s of %d", seconds(d.percentile(50)), seconds(d.percentile(95)), seconds(d.percentile(100)), len(d))
}
