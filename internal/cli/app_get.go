package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func appGet(r *remote) *cobra.Command {
	var g appGetter
	cmd := &cobra.Command{
		Use: "get APPNAME", Short: "Show one application", Args: atLeast(1),
		Example: "  hawser app get my-app\n\n  # for a script\n  hawser app get my-app -o json\n\n  # its objects with all that they own\n  hawser app get my-app -o tree\n\n" +
			"  # compare with Git first\n  hawser app get my-app --refresh\n\n  # again and again, when something changes\n  hawser app get my-app --watch",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if g.applications, err = r.applications(cmd.Context()); err != nil {
				return err
			}
			g.name, g.namespace = apps.Split(args[0], g.namespace)
			return g.run(cmd.Context())
		},
	}
	output(cmd, &g.format, "wide", "json", "yaml", "wide", "tree", "tree=detailed")
	f := cmd.Flags()
	f.UintVar(&g.timeout, "timeout", 0, "after this many `seconds` show the application without the refresh")
	f.BoolVar(&g.operation, "show-operation", false, "show the running or last operation")
	f.BoolVar(&g.params, "show-params", false, "show the Helm parameters")
	f.BoolVar(&g.refresh, "refresh", false, "compare with Git and cluster first")
	f.BoolVar(&g.hard, "hard-refresh", false, "the same, and render again")
	f.IntVar(&g.position, "source-position", -1, "`position` of the source for --show-params, counted from 1")
	f.StringVar(&g.sourceName, "source-name", "", "`name` of that source")
	f.BoolVarP(&g.watch, "watch", "w", false, "print again whenever the application changes")
	inNamespace(cmd, &g.namespace)
	return r.completed(cmd, 1)
}

// appGetter is one `app get`.
type appGetter struct {
	applications
	name, namespace, format, sourceName string
	timeout                             uint
	position                            int
	operation, params, refresh, hard    bool
	watch                               bool
}

func (g *appGetter) run(ctx context.Context) error {
	switch g.format {
	case "json", "yaml", "wide", "", "tree", "tree=detailed":
	default:
		return unknownFormat(g.format)
	}
	app, err := g.patiently(ctx)
	if err != nil {
		return err
	}
	if g.position, err = apps.Position(&app.Spec, g.position, g.sourceName); err != nil {
		return err
	}
	if app.Spec.HasMultipleSources() && g.params {
		if err := apps.CheckPosition(&app.Spec, g.position); err != nil {
			return err
		}
	}
	if err := g.print(ctx, app); err != nil || !g.watch {
		return err
	}
	seen := app.ResourceVersion
	return g.follow(ctx, argocd.ApplicationQuery{Name: g.name, AppNamespace: g.namespace, Project: []string{app.Spec.ProjectName()}}, func(e *argocd.ApplicationWatchEvent) error {
		switch {
		case e.Type == watchDeleted:
			g.r.printf("application '%s' deleted\n", apps.Qualified(&e.Application))
			return io.EOF
		case e.Application.ResourceVersion == seen:
			return nil
		}
		seen = e.Application.ResourceVersion
		if isTerminal(g.r.std.Out) {
			g.r.printf("\x1b[H\x1b[2J")
		} else {
			g.r.printf("---\n")
		}
		return g.print(ctx, &e.Application)
	})
}

// patiently gets the application; when a refresh takes longer than the timeout, as it is without one.
func (g *appGetter) patiently(ctx context.Context) (*v1alpha1.Application, error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if g.timeout > 0 {
		limited, cancel = context.WithTimeout(ctx, time.Duration(g.timeout)*time.Second)
	}
	defer cancel()
	app, err := g.get(limited, g.name, g.namespace, refreshType(g.refresh, g.hard))
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		return g.get(ctx, g.name, g.namespace, "")
	}
	return app, err
}

func (g *appGetter) print(ctx context.Context, app *v1alpha1.Application) error {
	if g.format == "json" || g.format == "yaml" {
		return printObject(g.r.std.Out, printed(app), g.format)
	}
	windows, err := api.Call[argocd.ApplicationSyncWindowsQuery, argocd.ApplicationSyncWindowsResponse](ctx, g.Client, applicationService+"GetApplicationSyncWindows",
		&argocd.ApplicationSyncWindowsQuery{Name: g.name, AppNamespace: g.namespace})
	if err != nil {
		return err
	}
	page, err := g.pageOf(ctx, app.Name)
	if err != nil {
		return err
	}
	var tree *argocd.ApplicationTree
	if g.format == "tree" || g.format == "tree=detailed" {
		if tree, err = g.tree(ctx, g.name, g.namespace, ""); err != nil {
			return err
		}
	}
	g.r.show(func(w io.Writer) {
		apps.Summary(w, app, page, windows)
		if len(app.Status.Conditions) > 0 {
			fmt.Fprintln(w)
			apps.Conditions(w, app)
			fmt.Fprintln(w)
		}
		if g.operation && app.Status.OperationState != nil {
			fmt.Fprintln(w)
			apps.Operation(w, app.Status.OperationState, time.Now())
		}
		if g.params {
			apps.Params(w, apps.At(&app.Spec, g.position))
		}
		writeObjects(w, app, tree, g.format)
	})
	return nil
}

// writeObjects writes the table or the tree of an application's objects, if it has any.
func writeObjects(w io.Writer, app *v1alpha1.Application, tree *argocd.ApplicationTree, format string) {
	switch {
	case tree != nil && len(tree.Nodes) > 0:
		fmt.Fprintln(w)
		apps.Tree(w, apps.NewForest(tree.Nodes), apps.States(app, nil), format == "tree=detailed", time.Now())
	case tree == nil && len(app.Status.Resources) > 0:
		fmt.Fprintln(w)
		apps.Resources(w, app)
	}
}

// watchDeleted is the type of a watch event that tells of a deletion.
const watchDeleted = "DELETED"

// follow tells see of every change of applications until it returns an error; io.EOF ends it well. A stream that breaks is
// opened again: with a name the server tells the present state first, so that nothing is missed but what came between.
func (a applications) follow(ctx context.Context, q argocd.ApplicationQuery, see func(*argocd.ApplicationWatchEvent) error) error {
	for {
		err := a.followOnce(ctx, q, see)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !passing(err):
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// errStreamEnded is the end of a stream that the server or something on the way closed.
var errStreamEnded = errors.New("the stream ended")

func (a applications) followOnce(ctx context.Context, q argocd.ApplicationQuery, see func(*argocd.ApplicationWatchEvent) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := api.Watch[argocd.ApplicationQuery, argocd.ApplicationWatchEvent](ctx, a.Client, applicationService+"Watch", &q)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	for {
		e, err := s.Next()
		if errors.Is(err, io.EOF) {
			return errStreamEnded
		}
		if err != nil {
			return err
		}
		if err := see(e); err != nil {
			return err
		}
	}
}
