package cli

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
)

// why is `hawser why APP`: one sentence with the cause of what is wrong.
func why(r *remote) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use: "why APPNAME", Short: "Say in one sentence why an application is not well", Args: exactly(1),
		Long: "Says in one sentence why an application is not well: what stops it, or its deepest object that is not healthy with\n" +
			"the reason of its pod, the last event about it and the last change before.",
		Example: "  hawser why my-app",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			name, ns := apps.Split(args[0], namespace)
			c := apps.Case{Now: time.Now()}
			if c.App, err = a.get(ctx, name, ns, ""); err != nil {
				return err
			}
			if c.Tree, err = a.tree(ctx, name, ns, c.App.Spec.ProjectName()); err != nil {
				if errors.Is(err, context.Canceled) {
					return err
				}
				r.say("warn", "the objects could not be had: "+err.Error())
			}
			if node, _, ok := apps.Suspect(c.Tree); ok && node.UID != "" {
				list, err := api.Call[argocd.ApplicationResourceEventsQuery, corev1.EventList](ctx, a.Client, applicationService+"ListResourceEvents", &argocd.ApplicationResourceEventsQuery{
					Name: name, AppNamespace: ns, Project: c.App.Spec.ProjectName(), ResourceNamespace: node.Namespace, ResourceName: node.Name, ResourceUID: node.UID,
				})
				switch {
				case err == nil:
					c.Events = list.Items
				case api.Code(err) != connect.CodeNotFound: // it is gone, or a hook, of which no events are told
					r.say("warn", "the events could not be had: "+err.Error())
				}
			}
			r.printf("%s\n", apps.Why(c))
			return nil
		},
	}
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}
