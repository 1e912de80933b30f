package cli

import (
	"io"
	"strconv"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func appHistory(r *remote) *cobra.Command {
	var format, namespace string
	cmd := &cobra.Command{
		Use: "history APPNAME", Short: "Show what was deployed when", Args: exactly(1),
		Example: "  hawser app history my-app\n\n  # for a script\n  hawser app history my-app -o json",
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
			switch format {
			case "id":
				for _, h := range app.Status.History {
					r.printf("%d\n", h.ID)
				}
			case "json", "yaml":
				return printList(r.std.Out, app.Status.History, format, false)
			default: // argocd takes any other word for wide
				r.show(func(w io.Writer) { apps.History(w, app.Status.History) })
			}
			return nil
		},
	}
	output(cmd, &format, "wide", "wide", "id", "json", "yaml")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

func appRollback(r *remote) *cobra.Command {
	var prune bool
	var timeout uint
	var format, namespace string
	cmd := &cobra.Command{
		Use: "rollback APPNAME [ID]", Short: "Go back to what was deployed before, by its id in the history; the last but one without", Args: between(1, 2),
		Example: "  # to the one before\n  hawser app rollback my-app\n\n  # to a certain one\n  hawser app history my-app\n  hawser app rollback my-app 12",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			id := int64(-1)
			if len(args) > 1 {
				var err error
				if id, err = strconv.ParseInt(args[1], 10, 64); err != nil {
					return failed(misused("%q is no id of the history", args[1]).hint("hawser app history %s", args[0]))
				}
			}
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			name, ns := apps.Split(args[0], namespace)
			app, err := a.get(ctx, name, ns, "")
			if err != nil {
				return err
			}
			to, err := apps.Deployed(app, id)
			if err != nil {
				return err
			}
			asked, err := api.Call[argocd.ApplicationRollbackRequest, v1alpha1.Application](ctx, a.Client, applicationService+"Rollback",
				&argocd.ApplicationRollbackRequest{Name: name, AppNamespace: ns, ID: to.ID, Prune: prune})
			if err != nil {
				return err
			}
			w := waiter{applications: a, name: name, namespace: ns, want: apps.Condition{Operation: true}, timeout: timeout, format: format, since: asked.ResourceVersion}
			_, _, err = w.wait(ctx)
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&prune, "prune", false, "delete objects that were not there then")
	f.UintVar(&timeout, "timeout", 0, "stop waiting after this many `seconds`; 0 for never")
	output(cmd, &format, "wide", "json", "yaml", "wide", "tree", "tree=detailed")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

func appTerminate(r *remote) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use: "terminate-op APPNAME", Short: "Stop the running operation", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, ns := apps.Split(args[0], namespace)
			_, err := call[argocd.OperationTerminateResponse](cmd.Context(), r, applicationService+"TerminateOperation", &argocd.OperationTerminateRequest{Name: name, AppNamespace: ns})
			if err != nil {
				return err
			}
			r.printf("Application '%s' operation terminating\n", name)
			return nil
		},
	}
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}
