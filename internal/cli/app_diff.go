package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/yaml"
)

func appDiff(r *remote) *cobra.Command {
	var refresh, hard, exitCode bool
	var code int
	var namespace, view string
	var c comparing
	cmd := &cobra.Command{
		Use: "diff APPNAME", Short: "Show what a sync would change",
		Long: "Shows what a sync would change: each field that differs with its path, and the text around it.\n\n" +
			"The environment variable KUBECTL_EXTERNAL_DIFF names another tool to show it with.\n" +
			"Exits with 1 when there is a difference (see --exit-code), with 2 when called wrongly and with 20 when something failed.\n" +
			"The content of Secrets is not shown.",
		Example: "  hawser app diff my-app\n\n  # side by side\n  hawser app diff my-app --view side\n\n  # what another revision would change\n  hawser app diff my-app --revision v1.2.0\n\n" +
			"  # what the files here would change\n  hawser app diff my-app --local deploy/my-app",
		Args: func(cmd *cobra.Command, args []string) error {
			if err := exactly(1)(cmd, args); err != nil {
				return &exit{2, errors.Unwrap(err)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if !slices.Contains(views, view) {
				return &exit{exitContract, problem.New(problem.Invalid, "unknown view: %s", view).WithHint("one of %s", strings.Join(views, ", "))}
			}
			if err := c.check(); err != nil {
				return failed(err)
			}
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			name, ns := apps.Split(args[0], namespace)
			app, err := a.get(ctx, name, ns, refreshType(refresh, hard))
			if err != nil {
				return err
			}
			if err := c.settle(cmd, r, app); err != nil {
				return failed(err)
			}
			c.fresh = hard
			list, err := a.compare(ctx, app, c)
			if err != nil {
				return err
			}
			if err := r.showComparisons(ctx, list, view); err != nil {
				return err
			}
			if len(list) > 0 && exitCode {
				return quit(code)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&refresh, "refresh", false, "compare with Git and cluster first")
	f.BoolVar(&hard, "hard-refresh", false, "the same, and render again")
	f.BoolVar(&exitCode, "exit-code", true, "exit with a code of its own when there is a difference")
	f.IntVar(&code, "diff-exit-code", 1, "that `code`")
	f.StringVar(&c.local.path, "local", "", "compare with manifests of this local `directory`")
	f.StringVar(&c.local.root, "local-repo-root", "/", "`directory` that the repository begins at, for --local")
	f.StringVar(&c.at.revision, "revision", "", "compare with this `revision`")
	f.BoolVar(&c.upload, "server-side-generate", false, "have the server render the files of --local; plugins work only so")
	f.StringArrayVar(&c.local.include, "local-include", []string{"*.yaml", "*.yml", "*.json"}, "`pattern` of names of files that are sent then; may be repeated")
	f.BoolVar(&c.serverSide, "server-side-diff", false, "have the cluster's API say what a sync would change; on for applications that ask for it by annotation")
	f.StringVar(&view, "view", "unified", "`how`: "+strings.Join(views, ", "))
	_ = cmd.RegisterFlagCompletionFunc("view", cobra.FixedCompletions(views, cobra.ShellCompDirectiveNoFileComp))
	c.at.register(f)
	c.judge.register(f)
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

// failed makes the misuse of a command whose exit code 1 means something else a failure like others.
func failed(err error) error {
	var e *exit
	if errors.As(err, &e) && e.cause != nil {
		return e.cause
	}
	return err
}

// views are the ways in which a difference is shown.
var views = []string{"unified", "side", "fields"}

// judge holds the flags of how a server is asked to compare.
type judge struct{ concurrency, batchKB int }

func (j *judge) register(f *pflag.FlagSet) {
	f.IntVar(&j.concurrency, "server-side-diff-concurrency", -1, "how `many` questions are asked at a time of a server-side diff; -1 for no bound")
	f.IntVar(&j.batchKB, "server-side-diff-max-batch-kb", 250, "how `large` one question may be, in KiB")
	f.Duration("ignore-normalizer-jq-execution-timeout", time.Second, "accepted for argocd's sake: the server runs the jq expressions")
}

// comparing is what an application is compared with: what it follows, another revision, or files.
type comparing struct {
	at         revisions
	local      localSource
	upload     bool     // have the server render them
	manifests  []string // already rendered; instead of local
	fresh      bool
	serverSide bool
	judge      judge
}

func (c *comparing) check() error {
	if err := c.at.check(); err != nil {
		return err
	}
	if c.judge.concurrency == 0 {
		return misused("invalid value for --server-side-diff-concurrency: 0 is not allowed (use -1 for unlimited, or a positive number to limit concurrency)")
	}
	return nil
}

// settle checks the flags against the application.
func (c *comparing) settle(cmd *cobra.Command, r *remote, app *v1alpha1.Application) (err error) {
	asks := comparesOnServer(app)
	if !cmd.Flags().Changed("server-side-diff") {
		c.serverSide = asks
	} else if c.serverSide && !asks {
		fmt.Fprintln(r.std.Err, "Warning: Application does not have ServerSideDiff=true annotation.")
	}
	if c.serverSide && c.local.path != "" && !c.upload {
		return misused("--server-side-diff with --local requires --server-side-generate.")
	}
	if c.at, err = c.at.of(&app.Spec); err != nil {
		return err
	}
	for _, p := range c.at.positions {
		if app.Spec.HasMultipleSources() && int(p) > len(app.Spec.Sources) {
			return misused("source-position cannot be less than 1 or more than number of sources in the app. Counting starts at 1.")
		}
	}
	return nil
}

// comparesOnServer reports whether the application asks for server-side comparisons.
func comparesOnServer(app *v1alpha1.Application) bool {
	for _, option := range strings.Split(app.Annotations[v1alpha1.AnnotationCompareOptions], ",") {
		if strings.TrimSpace(option) == "ServerSideDiff=true" {
			return true
		}
	}
	return false
}

// compare finds the objects that a sync would change. What the application follows is compared already: the server's own
// answer counts, and it is the one that the status shows. For anything else the server is asked what an apply would do.
func (a applications) compare(ctx context.Context, app *v1alpha1.Application, c comparing) ([]apps.Comparison, error) {
	items, err := a.managed(ctx, app.Name, app.Namespace)
	if err != nil {
		return nil, err
	}
	if !c.at.given() && c.local.path == "" && c.manifests == nil && !c.serverSide {
		return apps.Judged(items)
	}
	objects, err := a.wanted(ctx, app, items, c)
	if err != nil {
		return nil, err
	}
	settings, err := a.settings(ctx)
	if err != nil {
		return nil, err
	}
	own := c.local.path != "" && !c.upload || c.manifests != nil // rendered here: Secrets are not masked as the server does
	pairs, err := apps.Pair(objects, items, app, apps.MarkingOf(settings, app), !own)
	if err != nil {
		return nil, err
	}
	return a.judged(ctx, app, pairs, c.judge)
}

// wanted are the manifests to compare with.
func (a applications) wanted(ctx context.Context, app *v1alpha1.Application, items []argocd.ResourceDiff, c comparing) ([]*object.Object, error) {
	switch {
	case c.manifests != nil:
		return apps.ParseObjects(c.manifests)
	case c.at.given():
		return a.rendered(ctx, app, c.at, c.fresh)
	case c.local.path != "" && c.upload:
		return a.uploaded(ctx, app, c.local)
	case c.local.path != "":
		objects, err := a.renderedHere(ctx, app, c.local)
		for _, o := range objects {
			if object.IsSecret(o) {
				fmt.Fprintf(a.r.std.Err, "Warning: Secret %s/%s is not supported in local diff and will be ignored\n", cmp.Or(o.GetNamespace(), app.Spec.Destination.Namespace), o.GetName())
			}
		}
		return objects, err
	}
	texts := make([]string, len(items))
	for i := range items {
		texts[i] = items[i].TargetState
	}
	return apps.ParseObjects(texts)
}

// judged asks the server what an apply would make of each pair, in questions of a bounded size. What is on one side only
// needs no question. Secrets are not sent: their content is masked, and an answer about masks says nothing. A server that
// cannot be asked so leaves it to us.
func (a applications) judged(ctx context.Context, app *v1alpha1.Application, pairs []apps.Comparison, j judge) ([]apps.Comparison, error) {
	var here, there []apps.Comparison
	for _, p := range pairs {
		if p.Live != nil && p.Target != nil && !object.IsSecret(p.Target) {
			there = append(there, p)
			continue
		}
		if p.Target = apps.Predict(p.Live, p.Target); p.Differs() {
			here = append(here, p)
		}
	}
	answers, err := a.serverSideDiff(ctx, app, there, j)
	if api.Code(err) == connect.CodeUnimplemented {
		answers = nil
		for _, p := range there {
			if p.Target = apps.Predict(p.Live, p.Target); p.Differs() {
				answers = append(answers, p)
			}
		}
		err = nil
	}
	if err != nil {
		return nil, err
	}
	all := append(answers, here...)
	slices.SortFunc(all, func(x, y apps.Comparison) int { return x.Key.Compare(y.Key) })
	return all, nil
}

func (a applications) serverSideDiff(ctx context.Context, app *v1alpha1.Application, pairs []apps.Comparison, j judge) ([]apps.Comparison, error) {
	var batches []*argocd.ApplicationServerSideDiffQuery
	size := 0
	for _, p := range pairs {
		live, target, err := p.Texts()
		if err != nil {
			return nil, err
		}
		if last := len(batches) - 1; last < 0 || size > 0 && size+len(live)+len(target) > j.batchKB<<10 {
			batches, size = append(batches, &argocd.ApplicationServerSideDiffQuery{AppName: app.Name, AppNamespace: app.Namespace, Project: app.Spec.ProjectName()}), 0
		}
		q := batches[len(batches)-1]
		q.LiveResources = append(q.LiveResources, argocd.ResourceDiff{Group: p.Group, Kind: p.Kind, Namespace: p.Namespace, Name: p.Name, LiveState: live})
		q.TargetManifests = append(q.TargetManifests, target)
		size += len(live) + len(target)
	}
	results := make([][]argocd.ResourceDiff, len(batches))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(j.concurrency)
	for i, q := range batches {
		g.Go(func() error {
			res, err := api.Call[argocd.ApplicationServerSideDiffQuery, argocd.ApplicationServerSideDiffResponse](ctx, a.Client, applicationService+"ServerSideDiff", q)
			if err == nil {
				results[i] = res.Items
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return apps.Answered(slices.Concat(results...))
}

// showComparisons prints differences: with the tool that KUBECTL_EXTERNAL_DIFF names, else in a view of ours.
func (r *remote) showComparisons(ctx context.Context, list []apps.Comparison, view string) error {
	tool, err := shellWords(os.Getenv("KUBECTL_EXTERNAL_DIFF"))
	if err != nil {
		return problem.Because(problem.Invalid, err, "KUBECTL_EXTERNAL_DIFF")
	}
	width := terminalWidth(r.std.Out)
	if width == 0 {
		width = 160
	}
	for _, c := range list {
		var b bytes.Buffer
		apps.Header(&b, c.Key)
		if len(tool) > 0 {
			_, _ = r.std.Out.Write(b.Bytes())
			if err := r.external(ctx, tool, c); err != nil {
				return err
			}
			continue
		}
		switch view {
		case "side":
			apps.Side(&b, c, width)
		case "fields":
			apps.Paths(&b, c)
		default:
			apps.Unified(&b, c)
		}
		r.colourDiff(b.String())
	}
	return nil
}

// colourDiff prints a difference, on a terminal in the colours that people know.
func (r *remote) colourDiff(text string) {
	if !isTerminal(r.std.Out) {
		r.printf("%s", text)
		return
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		colour := 0
		switch {
		case strings.HasPrefix(line, "+"):
			colour = green
		case strings.HasPrefix(line, "-"):
			colour = red
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "@@"):
			colour = yellow
		}
		r.printf("%s\n", paint(colour, line))
	}
}

// external shows one object with another tool: it is given two files, the first is live. Its exit code 1 is a difference.
func (r *remote) external(ctx context.Context, tool []string, c apps.Comparison) error {
	dir, err := os.MkdirTemp("", "hawser-diff")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := func(name string, o *object.Object) (string, error) {
		var data []byte
		if o != nil {
			var err error
			if data, err = yaml.Marshal(o.Object); err != nil {
				return "", err
			}
		}
		at := filepath.Join(dir, name)
		return at, os.WriteFile(at, data, 0o600)
	}
	safe := strings.ReplaceAll(c.Name, string(filepath.Separator), "_")
	live, err := file(safe+"-live.yaml", c.Live)
	if err != nil {
		return err
	}
	target, err := file(safe, c.Target)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, tool[0], append(tool[1:], live, target)...) // the user's own tool, from the user's environment
	cmd.Stdout, cmd.Stderr, cmd.Stdin = r.std.Out, r.std.Err, io.Reader(os.Stdin)
	err = cmd.Run()
	var ended *exec.ExitError
	if err != nil && !(errors.As(err, &ended) && ended.ExitCode() == 1) {
		return problem.Because(problem.Invalid, err, "run %s of KUBECTL_EXTERNAL_DIFF", tool[0])
	}
	return nil
}
