package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func appWait(r *remote) *cobra.Command {
	var want apps.Condition
	var timeout uint
	var selector, format, namespace string
	var resources []string
	cmd := &cobra.Command{
		Use: "wait [APPNAME... | -l SELECTOR]", Short: "Wait until applications are synced and healthy, or as the flags say",
		Example: "  hawser app wait my-app\n\n  # only for its health, at most two minutes\n  hawser app wait my-app --health --timeout 120\n\n" +
			"  # for two of its objects\n  hawser app wait my-app --resource apps:Deployment:web --resource :Service:web",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if len(args) == 0 && selector == "" {
				return misused("%s needs names of applications or a selector", cmd.CommandPath()).hint("%s --help", cmd.CommandPath())
			}
			chosen, err := apps.ParseSelection(resources)
			if err != nil {
				return err
			}
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			if selector != "" {
				names, err := a.selected(ctx, selector, "", nil)
				if err != nil {
					return err
				}
				args = append(args, names...)
			}
			for _, arg := range args {
				w := waiter{applications: a, want: want.OrDefault(), chosen: chosen, timeout: timeout, format: format}
				w.name, w.namespace = apps.Split(arg, namespace)
				if _, _, err := w.wait(ctx); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&want.Sync, "sync", false, "wait until it is synced")
	f.BoolVar(&want.Health, "health", false, "wait until it is healthy")
	f.BoolVar(&want.Suspended, "suspended", false, "wait until it is suspended; beside --health: either")
	f.BoolVar(&want.Degraded, "degraded", false, "wait until it is degraded; beside --health: either")
	f.BoolVar(&want.Delete, "delete", false, "wait until it is gone")
	f.BoolVar(&want.Hydrated, "hydrated", false, "wait until its manifests are hydrated")
	f.BoolVar(&want.Operation, "operation", false, "wait until no operation is under way")
	f.StringVarP(&selector, "selector", "l", "", "wait for those whose labels match")
	f.StringArrayVar(&resources, "resource", nil, resourceUsage)
	f.UintVar(&timeout, "timeout", 0, "give up after this many `seconds`; 0 for never")
	output(cmd, &format, "wide", "json", "yaml", "wide", "tree", "tree=detailed")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1<<30)
}

const resourceUsage = "only this object, as `GROUP:KIND:NAME` or GROUP:KIND:NAMESPACE/NAME, with ! in front all but it; parts may be *; may be repeated"

// waiter waits for one application and prints what happens, as argocd does; on a terminal as a tree that is kept up to date.
type waiter struct {
	applications
	name, namespace string
	want            apps.Condition
	chosen          apps.Selection
	timeout         uint // in seconds; 0 for none
	format          string
	since           string // the resource version from which on the application counts; "" for any
	page            string
	project         string
	started         bool // an operation was seen that changes something: the status lags behind its end
}

// wait returns the application and its operation, as it was when the wait was over. (The last look at the application may
// show another one.)
func (w *waiter) wait(ctx context.Context) (*v1alpha1.Application, *v1alpha1.OperationState, error) {
	switch w.format {
	case "json", "yaml", "wide", "", "tree", "tree=detailed":
	default:
		return nil, nil, unknownFormat(w.format)
	}
	var err error
	if w.page, err = w.pageOf(ctx, w.name); err != nil {
		return nil, nil, err
	}
	limited, cancel := ctx, context.CancelFunc(func() {})
	if w.timeout > 0 {
		limited, cancel = context.WithTimeout(ctx, time.Duration(w.timeout)*time.Second)
	}
	defer cancel()
	app, err := w.get(limited, w.name, w.namespace, "")
	if w.want.Delete && gone(err) {
		w.r.printf("Application '%s' deleted\n", w.name)
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	w.project = app.Spec.ProjectName()
	if w.want.Met(app, w.chosen) && !older(app.ResourceVersion, w.since) {
		return w.final(ctx, app)
	}
	var over ending
	err = w.watch(limited, app, &over)
	switch {
	case over.done && over.gone:
		w.r.printf("Application '%s' deleted\n", apps.Qualified(over.app))
		return nil, nil, nil
	case over.done:
		return w.final(ctx, over.app)
	case over.turned != nil:
		_, state, err := w.final(ctx, over.app)
		if err != nil {
			return nil, nil, err
		}
		return nil, state, problem.New(problem.Unavailable, "application '%s' health state has transitioned from %s to %s", w.name, over.turned.From, over.turned.To).
			WithHint("hawser why %s", w.name)
	case errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil:
		return nil, nil, w.tooLong(ctx)
	}
	return nil, nil, cmp.Or(err, ctx.Err())
}

// ending is how a wait ended.
type ending struct {
	app        *v1alpha1.Application
	done, gone bool
	turned     *apps.Turned
}

// watch looks at the application whenever it changes until over says how the wait ended, or ctx ends.
func (w *waiter) watch(ctx context.Context, app *v1alpha1.Application, over *ending) error {
	show := w.shower()
	defer show.end()
	q := argocd.ApplicationQuery{Name: w.name, AppNamespace: w.namespace, Project: []string{w.project}}
	look := func(e *argocd.ApplicationWatchEvent) error {
		app := &e.Application
		over.app = app
		if e.Type == watchDeleted {
			if !w.want.Delete {
				return problem.New(problem.NotFound, "application '%s' was deleted while it was waited for", w.name)
			}
			over.done, over.gone = true, true
			return io.EOF
		}
		if older(app.ResourceVersion, w.since) {
			return nil
		}
		if op := app.Operation; op != nil && (op.Sync == nil || !op.Sync.DryRun) {
			w.started = true
		}
		if w.want.Met(app, w.chosen) {
			over.done = true
			return io.EOF
		}
		if turned := show.note(app); turned != nil && w.want.Health {
			over.turned = turned
			return io.EOF
		}
		return nil
	}
	for {
		err := w.followOnce(ctx, q, look)
		if over.done || over.turned != nil || ctx.Err() != nil {
			return nil
		}
		if gone(err) && w.want.Delete { // it went while nobody watched
			over.app, over.done, over.gone = app, true, true
			return nil
		}
		if err != nil && !passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// gone reports whether an answer says that there is no such application. (Without its project that is the same answer as
// for one that is not permitted.)
func gone(err error) bool {
	return err != nil && (api.Code(err) == connect.CodeNotFound || api.Code(err) == connect.CodePermissionDenied)
}

// passing reports whether a stream that ended so is opened again: the server or something on the way went away.
func passing(err error) bool {
	if errors.Is(err, errStreamEnded) {
		return true
	}
	switch api.Code(err) {
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeInternal, connect.CodeUnknown, connect.CodeAborted:
		return true
	}
	return problem.Is(err, problem.Unavailable)
}

// older reports whether a resource version comes before another. Those of Kubernetes are numbers, which clients need not
// know but Argo CD's do; others are never older.
func older(version, than string) bool {
	a, err1 := strconv.ParseUint(version, 10, 64)
	b, err2 := strconv.ParseUint(than, 10, 64)
	return err1 == nil && err2 == nil && a < b
}

// final prints the end of a wait and returns the application as it is now and the operation as it was in app.
func (w *waiter) final(ctx context.Context, app *v1alpha1.Application) (*v1alpha1.Application, *v1alpha1.OperationState, error) {
	state := app.Status.OperationState
	if w.started {
		var err error
		if app, err = w.get(ctx, w.name, w.namespace, string(v1alpha1.RefreshNormal)); err != nil {
			return nil, nil, err
		}
	}
	return app, state, w.print(ctx, app)
}

func (w *waiter) print(ctx context.Context, app *v1alpha1.Application) (err error) {
	if w.format == "json" || w.format == "yaml" {
		return printObject(w.r.std.Out, printed(app), w.format)
	}
	var tree *argocd.ApplicationTree
	if strings.HasPrefix(w.format, "tree") {
		if tree, err = w.tree(ctx, w.name, w.namespace, w.project); err != nil {
			return err
		}
	}
	w.r.show(func(out io.Writer) {
		fmt.Fprintln(out)
		apps.Summary(out, app, w.page, nil)
		fmt.Fprintln(out)
		if w.want.Operation {
			apps.Operation(out, app.Status.OperationState, time.Now())
		}
		writeObjects(out, app, tree, w.format)
	})
	return nil
}

// tooLong prints the state of an application that did not become as it should in time.
func (w *waiter) tooLong(ctx context.Context) error {
	text := w.format != "json" && w.format != "yaml"
	if text {
		w.r.printf("\nThis is the state of the app after wait timed out:\n")
	}
	app, err := w.get(ctx, w.name, w.namespace, "")
	if err != nil {
		return err
	}
	if text {
		w.r.printf("\nThe command timed out waiting for the conditions to be met.\n")
	}
	if err := w.print(ctx, app); err != nil {
		return err
	}
	return problem.New(problem.Unavailable, "timed out (%ds) waiting for app %q match desired state", w.timeout, w.name).WithHint("hawser why %s", w.name)
}
