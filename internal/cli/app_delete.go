package cli

import (
	"context"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func appDelete(r *remote) *cobra.Command {
	var cascade, sure, wait bool
	var propagation, selector, namespace string
	cmd := &cobra.Command{
		Use: "delete APPNAME... | -l SELECTOR", Short: "Delete applications, and their objects if not told otherwise",
		Example: "  hawser app delete my-app\n\n  # leave what it deployed\n  hawser app delete my-app --cascade=false\n\n  # all of a team, without questions\n  hawser app delete -l team=web -y",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if len(args) == 0 && selector == "" {
				return misused("%s needs names of applications or a selector", cmd.CommandPath()).hint("%s --help", cmd.CommandPath())
			}
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			if selector != "" {
				if args, err = a.selected(ctx, selector, "", nil); err != nil {
					return err
				}
				if len(args) == 0 {
					return problem.New(problem.NotFound, "no apps match selector %v", selector)
				}
			}
			ask := cascade && isTerminal(r.std.Out) && !sure
			for _, arg := range args {
				if ask {
					answer, err := r.sureToDelete(arg, len(args))
					if err != nil {
						return err
					}
					ask = answer != "a"
					if answer == "n" {
						r.printf("The command to delete '%s' was cancelled.\n", arg)
						continue
					}
				}
				req := argocd.ApplicationDeleteRequest{}
				req.Name, req.AppNamespace = apps.Split(arg, namespace)
				if cmd.Flags().Changed("cascade") {
					req.Cascade = &cascade
				}
				if cmd.Flags().Changed("propagation-policy") {
					req.PropagationPolicy = propagation
				}
				if err := a.delete(ctx, req, wait); err != nil {
					return err
				}
				r.printf("application '%s' deleted\n", arg)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&cascade, "cascade", true, "delete the application's objects too")
	f.StringVarP(&propagation, "propagation-policy", "p", "foreground", "`how` objects go: foreground or background")
	f.BoolVarP(&sure, "yes", "y", false, "do not ask")
	f.StringVarP(&selector, "selector", "l", "", "delete those whose labels match")
	f.BoolVar(&wait, "wait", false, "wait until they are gone")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1<<30)
}

// sureToDelete asks about one of several applications: y, n, or a for all that follow.
func (r *remote) sureToDelete(name string, of int) (string, error) {
	question := "Are you sure you want to delete '" + name + "' and all its resources? [y/n"
	if of == 1 {
		return r.choose(question+"] ", "yes", "no")
	}
	return r.choose(question+"/a] where 'a' is to delete all specified apps and their resources without prompting ", "yes", "no", "all")
}

func (a applications) delete(ctx context.Context, req argocd.ApplicationDeleteRequest, wait bool) error {
	var project string
	if wait { // without its project nobody can tell later that it is gone
		app, err := a.get(ctx, req.Name, req.AppNamespace, "")
		if err != nil {
			return err
		}
		project = app.Spec.ProjectName()
	}
	if _, err := api.Call[argocd.ApplicationDeleteRequest, argocd.ApplicationResponse](ctx, a.Client, applicationService+"Delete", &req); err != nil || !wait {
		return err
	}
	w := waiter{applications: a, name: req.Name, namespace: req.AppNamespace, project: project, want: apps.Condition{Delete: true}, format: "json"}
	var over ending
	return w.watch(ctx, &v1alpha1.Application{}, &over)
}
