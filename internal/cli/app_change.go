package cli

import (
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func appPatch(r *remote) *cobra.Command {
	var patch, patchType, namespace string
	cmd := &cobra.Command{
		Use: "patch APPNAME", Short: "Change an application by a patch", Args: exactly(1),
		Example: "  hawser app patch my-app --type merge --patch '{\"spec\": {\"source\": {\"targetRevision\": \"v2\"}}}'\n\n" +
			"  hawser app patch my-app --patch '[{\"op\": \"replace\", \"path\": \"/spec/source/path\", \"value\": \"web\"}]'",
		RunE: func(cmd *cobra.Command, args []string) error {
			name, ns := apps.Split(args[0], namespace)
			app, err := call[v1alpha1.Application](cmd.Context(), r, applicationService+"Patch",
				&argocd.ApplicationPatchRequest{Name: name, Patch: patch, PatchType: patchType, AppNamespace: ns})
			if err != nil {
				return err
			}
			if err := printObject(r.std.Out, printed(app), "yaml"); err != nil {
				return err
			}
			r.printf("\n")
			return nil
		},
	}
	cmd.Flags().StringVar(&patch, "patch", "", "the `patch`")
	cmd.Flags().StringVar(&patchType, "type", "json", "`kind` of the patch: json or merge")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

func appConfirmDeletion(r *remote) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use: "confirm-deletion APPNAME", Short: "Allow objects to be deleted or pruned that ask for a confirmation", Args: exactly(1),
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
			if app.Annotations == nil {
				app.Annotations = map[string]string{}
			}
			app.Annotations[v1alpha1.AnnotationDeletionApproved] = time.Now().Format(time.RFC3339)
			validate := false
			if _, err = api.Call[argocd.ApplicationUpdateRequest, v1alpha1.Application](ctx, a.Client, applicationService+"Update",
				&argocd.ApplicationUpdateRequest{Application: app, Validate: &validate, Project: app.Spec.Project}); err != nil {
				return err
			}
			r.printf("Application '%s' updated successfully\n", app.Name)
			return nil
		},
	}
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}
