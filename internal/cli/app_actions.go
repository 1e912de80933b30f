package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func appActions(r *remote) *cobra.Command {
	return noun("actions", "Show and run what can be done with an application's objects", appActionsList(r), appActionsRun(r))
}

// actionable are the objects that actions are for: those of the application, and itself.
func (a applications) actionable(ctx context.Context, name, namespace string) ([]argocd.ResourceDiff, error) {
	items, err := a.managed(ctx, name, namespace)
	if err != nil {
		return nil, err
	}
	app, err := a.get(ctx, name, namespace, "")
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(printed(app))
	if err != nil {
		return nil, err
	}
	return append(items, argocd.ResourceDiff{Group: v1alpha1.Group, Kind: v1alpha1.KindApplication, Namespace: app.Namespace, Name: name, LiveState: string(text)}), nil
}

func appActionsList(r *remote) *cobra.Command {
	var q which
	var format, namespace string
	cmd := &cobra.Command{
		Use: "list APPNAME", Short: "Show what can be done", Args: exactly(1),
		Example: "  hawser app actions list my-app --kind Deployment",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			a, err := r.chosen(cmd, args[0], namespace, &q, true, applications.actionable)
			if err != nil {
				return err
			}
			var list []apps.Action
			for _, o := range a.objects {
				gvk := o.GroupVersionKind()
				res, err := api.Call[argocd.ApplicationResourceRequest, argocd.ResourceActionsListResponse](ctx, a.Client, applicationService+"ListResourceActions", &argocd.ApplicationResourceRequest{
					Name: a.name, AppNamespace: a.namespace, Namespace: o.GetNamespace(), ResourceName: o.GetName(), Group: gvk.Group, Kind: gvk.Kind, Version: gvk.Version,
				})
				if gvk.Kind == v1alpha1.KindApplication && gvk.Group == v1alpha1.Group && o.GetName() == a.name && api.Code(err) == connect.CodeNotFound {
					continue // a server that has no actions for an application itself
				}
				if err != nil {
					return err
				}
				for _, action := range res.Actions {
					list = append(list, apps.Action{Group: gvk.Group, Kind: gvk.Kind, Name: o.GetName(), Action: action.Name, Disabled: action.Disabled})
				}
			}
			switch format {
			case "json", "yaml":
				if err := printObject(r.std.Out, list, format); err != nil {
					return err
				}
				if format == "yaml" {
					r.printf("\n")
				}
			case "":
				r.show(func(w io.Writer) { apps.Actions(w, list) })
			}
			return nil
		},
	}
	q.register(cmd, false)
	cmd.Flags().StringVarP(&format, "out", "o", "", "`format`: json or yaml")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

func appActionsRun(r *remote) *cobra.Command {
	var q which
	var params []string
	var namespace string
	cmd := &cobra.Command{
		Use: "run APPNAME ACTION", Short: "Do something with an application's objects", Args: exactly(2),
		Long:    "Does something with those of an application's objects that the flags name; all but --kind are optional. Several objects need --all.",
		Example: "  hawser app actions run my-app restart --kind Deployment --resource-name web\n\n  # with a parameter\n  hawser app actions run my-app scale --kind Deployment --resource-name web --param replicas=3",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			a, err := r.chosen(cmd, args[0], namespace, &q, q.all, applications.actionable)
			if err != nil {
				return err
			}
			var given []argocd.ResourceActionParameters
			for _, p := range params {
				k, v, ok := strings.Cut(p, "=")
				if !ok {
					return misused("--param %q should be NAME=VALUE", p)
				}
				given = append(given, argocd.ResourceActionParameters{Name: k, Value: v})
			}
			for _, o := range a.objects {
				if o.GroupVersionKind().Group != a.objects[0].GroupVersionKind().Group {
					return misused("Ambiguous resource group. Use flag --group to specify resource group explicitly.")
				}
			}
			for _, o := range a.objects {
				gvk := o.GroupVersionKind()
				req := argocd.ResourceActionRunRequestV2{Name: a.name, AppNamespace: a.namespace, Namespace: o.GetNamespace(), ResourceName: o.GetName(), Group: gvk.Group, Kind: gvk.Kind, Version: gvk.Version, Action: args[1], ResourceActionParameters: given}
				if err := a.runAction(ctx, req); err != nil {
					return err
				}
			}
			return nil
		},
	}
	q.register(cmd, true)
	cmd.Flags().BoolVar(&q.all, "all", false, "with all that match")
	cmd.Flags().StringArrayVar(&params, "param", nil, "parameter of the action, as `NAME=VALUE`; may be repeated")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

// runAction asks in the way that knows parameters, and older servers in the other.
func (a applications) runAction(ctx context.Context, req argocd.ResourceActionRunRequestV2) error {
	_, err := api.Call[argocd.ResourceActionRunRequestV2, argocd.ApplicationResponse](ctx, a.Client, applicationService+"RunResourceActionV2", &req)
	if !unimplemented(err) {
		return err
	}
	if len(req.ResourceActionParameters) > 0 {
		return fmt.Errorf("this server takes no parameters of actions: %w", err)
	}
	a.r.printf("RunResourceActionV2 is not supported by the server, falling back to RunResourceAction.\n")
	_, err = api.Call[argocd.ResourceActionRunRequest, argocd.ApplicationResponse](ctx, a.Client, applicationService+"RunResourceAction", &argocd.ResourceActionRunRequest{
		Name: req.Name, AppNamespace: req.AppNamespace, Namespace: req.Namespace, ResourceName: req.ResourceName, Group: req.Group, Kind: req.Kind, Version: req.Version, Action: req.Action,
	})
	return err
}
