package cli

import (
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/spf13/cobra"
)

func appSet(r *remote) *cobra.Command {
	var options apps.Options
	var namespace string
	var position int
	cmd := &cobra.Command{
		Use: "set APPNAME", Short: "Change an application's spec", Args: exactly(1),
		Example: "  hawser app set my-app --revision v1.2.0\n\n  # a Helm value\n  hawser app set my-app -p image.tag=1.2.0\n\n  # automatic syncs\n  hawser app set my-app --sync-policy automated --self-heal",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if !options.Given() {
				return misused("Please set at least one option to update").hint("%s --help", cmd.CommandPath())
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
			source, _ := cmd.Flags().GetString("source-name")
			at, err := apps.Position(&app.Spec, position, source)
			if err != nil {
				return err
			}
			if err := options.Spec(&app.Spec, at, app.Status); err != nil {
				return err
			}
			validate := options.Validate()
			return a.updateSpec(ctx, app, ns, &validate)
		},
	}
	options.Read = r.readAnywhere(cmd)
	options.Register(cmd.Flags())
	cmd.Flags().IntVar(&position, "source-position", -1, "`position` of the source to change, counted from 1")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

func appUnset(r *remote) *cobra.Command {
	var what apps.Unset
	var namespace, source string
	var position int
	cmd := &cobra.Command{
		Use: "unset APPNAME", Short: "Take parts of an application's spec away", Args: exactly(1),
		Example: "  # a Helm value\n  hawser app unset my-app -p image.tag\n\n  # an image that kustomize replaces\n  hawser app unset my-app --kustomize-image alpine",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if !what.Given() {
				return misused("%s needs something to take away", cmd.CommandPath()).hint("%s --help", cmd.CommandPath())
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
			if err != nil {
				return err
			}
			if app.Spec.HasMultipleSources() {
				if err := apps.CheckPosition(&app.Spec, at); err != nil {
					return err
				}
			}
			s := apps.At(&app.Spec, at)
			if s == nil || !what.From(s) {
				return nil
			}
			yes, err := r.confirmed("Are you sure you want to unset the parameters? [y/n]", false)
			if err != nil {
				return err
			}
			if !yes {
				r.printf("The command to unset the parameters has been cancelled.\n")
				return nil
			}
			validate := false // what is taken away may be what is wrong
			return a.updateSpec(ctx, app, ns, &validate)
		},
	}
	what.Register(cmd.Flags())
	cmd.Flags().IntVar(&position, "source-position", -1, "`position` of the source to change, counted from 1")
	cmd.Flags().StringVar(&source, "source-name", "", "`name` of the source to change")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}
