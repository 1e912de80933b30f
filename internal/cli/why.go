package cli

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	rules "github.com/hawser-cd/hawser/internal/why"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
)

// why is `hawser why APP`: one sentence with the cause of what is wrong.
func why(r *remote) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use: "why APPNAME", Short: "Say in one sentence why an application is not well", Args: exactly(1),
		Long: "Says in one sentence why an application is not well: what stops it, the object that is not healthy and the commit that\n" +
			"introduced it, or what differs from Git and who changed it. Below it stand the last event and the last change.",
		Example: "  hawser why my-app",
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
			now := time.Now()
			res, err := api.Call[argocd.WhyQuery, argocd.WhyResponse](ctx, a.Client, applicationService+"Why", &argocd.WhyQuery{Name: name, AppNamespace: ns, Project: app.Spec.ProjectName()})
			switch {
			case err == nil:
				apps.Why(r.std.Out, apps.Qualified(app), apps.AnswerOf(res), now)
				return nil
			case api.Code(err) != connect.CodeUnimplemented:
				return err
			}
			c := rules.Case{App: app, Now: now} // a stock server: find out here
			if err := a.findCause(ctx, &c); err != nil {
				return err
			}
			apps.Why(r.std.Out, apps.Qualified(app), rules.Explain(c), now)
			return nil
		},
	}
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

// findCause asks the server for the objects of the application, and for the events of the one that explains its health.
func (a applications) findCause(ctx context.Context, c *rules.Case) error {
	app := c.App
	tree, err := a.tree(ctx, app.Name, app.Namespace, app.Spec.ProjectName())
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return err
		}
		a.r.say("warn", "the objects could not be had: "+err.Error())
	}
	c.Nodes = apps.Nodes(tree)
	node, _, ok := rules.Suspect(c.Nodes)
	if !ok || node.UID == "" {
		return nil
	}
	list, err := api.Call[argocd.ApplicationResourceEventsQuery, corev1.EventList](ctx, a.Client, applicationService+"ListResourceEvents", &argocd.ApplicationResourceEventsQuery{
		Name: app.Name, AppNamespace: app.Namespace, Project: app.Spec.ProjectName(), ResourceNamespace: node.Key.Namespace, ResourceName: node.Key.Name, ResourceUID: node.UID,
	})
	switch {
	case err == nil:
		c.Events = list.Items
	case api.Code(err) != connect.CodeNotFound: // it is gone, or a hook, of which no events are told
		a.r.say("warn", "the events could not be had: "+err.Error())
	}
	return nil
}
