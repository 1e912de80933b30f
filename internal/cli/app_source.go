package cli

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
)

func appAddSource(r *remote) *cobra.Command {
	var options apps.Options
	var namespace string
	cmd := &cobra.Command{
		Use: "add-source APPNAME", Short: "Add a source to an application with several", Args: exactly(1),
		Example: "  hawser app add-source my-app --repo https://git.example.com/values.git --ref values",
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
			if len(app.Spec.Sources) == 0 {
				return problem.New(problem.Invalid, "Cannot add source: application %s does not have spec.sources defined", name)
			}
			var s v1alpha1.ApplicationSource
			if err := options.Source(&s, v1alpha1.ApplicationStatus{}); err != nil {
				return err
			}
			app.Spec.Sources = append(app.Spec.Sources, s)
			validate := options.Validate()
			if err := a.updateSpec(ctx, app, ns, &validate); err != nil {
				return err
			}
			r.printf("Application '%s' updated successfully\n", app.Name)
			return nil
		},
	}
	options.Read = r.readAnywhere(cmd)
	options.Register(cmd.Flags())
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

func appRemoveSource(r *remote) *cobra.Command {
	var namespace, source string
	var position int
	cmd := &cobra.Command{
		Use: "remove-source APPNAME", Short: "Remove a source from an application with several", Args: exactly(1),
		Example: "  hawser app remove-source my-app --source-position 2\n\n  hawser app remove-source my-app --source-name values",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if source == "" && position <= 0 {
				return failed(misused("Value of source-position must be greater than 0"))
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
			at, err := apps.Position(&app.Spec, position, source)
			switch {
			case err != nil:
				return err
			case !app.Spec.HasMultipleSources():
				return problem.New(problem.Invalid, "Application does not have multiple sources configured")
			case len(app.Spec.Sources) == 1:
				return problem.New(problem.Invalid, "Cannot remove the only source remaining in the app")
			case at > len(app.Spec.Sources):
				return problem.New(problem.Invalid, "Application does not have source at %d", at)
			}
			yes, err := r.confirmed("Are you sure you want to delete the source? [y/n]", false)
			if err != nil {
				return err
			}
			if !yes {
				r.printf("The command to delete the source was cancelled\n")
				return nil
			}
			app.Spec.Sources = append(app.Spec.Sources[:at-1], app.Spec.Sources[at:]...)
			if err := a.updateSpec(ctx, app, ns, nil); err != nil {
				return err
			}
			r.printf("Application '%s' updated successfully\n", app.Name)
			return nil
		},
	}
	cmd.Flags().IntVar(&position, "source-position", -1, "`position` of the source, counted from 1")
	cmd.Flags().StringVar(&source, "source-name", "", "`name` of the source")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}
