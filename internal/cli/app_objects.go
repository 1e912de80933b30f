package cli

import (
	"context"
	"io"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

func appManifests(r *remote) *cobra.Command {
	var from, namespace string
	var at revisions
	var local localSource
	cmd := &cobra.Command{
		Use: "manifests APPNAME", Short: "Print an application's manifests", Args: exactly(1),
		Example: "  hawser app manifests my-app\n\n  # what is in the cluster\n  hawser app manifests my-app --source live\n\n  # of another revision\n  hawser app manifests my-app --revision v1.2.0",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if err := at.check(); err != nil {
				return failed(err)
			}
			if from != "git" && from != "live" {
				return misused("Unknown source type '%s'", from)
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
			if at, err = at.of(&app.Spec); err != nil {
				return err
			}
			var objects []*object.Object
			switch {
			case from == "git" && local.path != "":
				objects, err = a.renderedHere(ctx, app, local)
			case from == "git" && (at.revision != "" || len(at.revisions) > 0 && len(at.positions) > 0):
				objects, err = a.rendered(ctx, app, at, false)
			default:
				objects, err = a.managedObjects(ctx, app, from == "live")
			}
			if err != nil {
				return err
			}
			for _, o := range objects {
				text, err := yaml.Marshal(o.Object)
				if err != nil {
					return err
				}
				r.printf("---\n%s\n", text)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "source", "git", "`where` they are from: git or live")
	f.StringVar(&at.revision, "revision", "", "those of this `revision`")
	f.StringVar(&local.path, "local", "", "render this local `directory` instead")
	f.StringVar(&local.root, "local-repo-root", "", "`directory` that the repository begins at, for --local")
	at.register(f)
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

// managedObjects are the application's objects as Git has them, or as they are.
func (a applications) managedObjects(ctx context.Context, app *v1alpha1.Application, live bool) ([]*object.Object, error) {
	items, err := a.managed(ctx, app.Name, app.Namespace)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item.TargetState
		if live {
			texts[i] = item.LiveState
		}
	}
	return apps.ParseObjects(texts)
}

func appResources(r *remote) *cobra.Command {
	var orphaned bool
	var format, project, namespace string
	cmd := &cobra.Command{
		Use: "resources APPNAME", Short: "Show an application's objects", Args: exactly(1),
		Example: "  hawser app resources my-app\n\n  # with all that they own\n  hawser app resources my-app -o tree\n\n  # what is in its namespace and belongs to nobody\n  hawser app resources my-app --orphaned",
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := r.applications(cmd.Context())
			if err != nil {
				return err
			}
			name, ns := apps.Split(args[0], namespace)
			tree, err := a.tree(cmd.Context(), name, ns, project)
			if err != nil {
				return err
			}
			which := apps.All
			switch {
			case orphaned:
				which = apps.Orphaned
			case cmd.Flags().Changed("orphaned"):
				which = apps.Owned
			}
			if format == "json" || format == "yaml" {
				return printObject(r.std.Out, tree, format)
			}
			r.show(func(w io.Writer) { apps.ResourceTree(w, tree, which, format, time.Now()) })
			return nil
		},
	}
	output(cmd, &format, "", "tree", "tree=detailed", "json", "yaml")
	cmd.Flags().BoolVar(&orphaned, "orphaned", false, "only objects that belong to no application; --orphaned=false: only those that do")
	forProject(cmd, &project)
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}
