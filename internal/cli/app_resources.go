package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// which are the flags that name objects of an application.
type which struct {
	name, kind, group, namespace string
	all                          bool
}

func (q *which) register(cmd *cobra.Command, kindNeeded bool) {
	f := cmd.Flags()
	f.StringVar(&q.name, "resource-name", "", "`name` of the object")
	f.StringVar(&q.kind, "kind", "", "its `kind`")
	f.StringVar(&q.group, "group", "", "its `group`")
	f.StringVar(&q.namespace, "namespace", "", "its `namespace`")
	if kindNeeded {
		_ = cmd.MarkFlagRequired("kind")
	}
}

// of finds the live objects that are named. Several need --all.
func (q *which) of(cmd *cobra.Command, items []argocd.ResourceDiff, all bool) ([]*object.Object, error) {
	var found []*object.Object
	for _, item := range items {
		o, err := apps.ParseObject(item.LiveState)
		if err != nil {
			return nil, err
		}
		if o == nil {
			continue
		}
		key := object.KeyOf(o)
		if cmd.Flags().Changed("group") && key.Group != q.group || q.kind != "" && key.Kind != q.kind ||
			q.namespace != "" && key.Namespace != q.namespace || q.name != "" && key.Name != q.name {
			continue
		}
		found = append(found, o)
	}
	switch {
	case len(found) == 0:
		return nil, problem.New(problem.NotFound, "no matching resource found")
	case len(found) > 1 && !all:
		return nil, problem.New(problem.Invalid, "multiple resources match inputs, use the --all flag to patch multiple resources")
	}
	return found, nil
}

func appGetResource(r *remote) *cobra.Command {
	var q which
	var fields []string
	var managers bool
	var format, project, namespace string
	cmd := &cobra.Command{
		Use: "get-resource APPNAME", Short: "Show live objects of an application, whole or some fields", Args: exactly(1),
		Example: "  hawser app get-resource my-app --kind Deployment --resource-name web -o yaml\n\n  # a field of each pod\n  hawser app get-resource my-app --kind Pod --filter-fields status.podIP",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			name, ns := apps.Split(args[0], namespace)
			tree, err := a.tree(ctx, name, ns, project)
			if err != nil {
				return err
			}
			var objects []*object.Object
			var names []string
			for _, n := range tree.Nodes {
				if q.name != "" && n.Name != q.name || q.group != "" && n.Group != q.group || n.Kind != q.kind {
					continue
				}
				res, err := api.Call[argocd.ApplicationResourceRequest, argocd.ApplicationResourceResponse](ctx, a.Client, applicationService+"GetResource", &argocd.ApplicationResourceRequest{
					Name: name, AppNamespace: ns, Project: project, Namespace: n.Namespace, ResourceName: n.Name, Version: n.Version, Group: n.Group, Kind: n.Kind,
				})
				if err != nil {
					return err
				}
				o, err := apps.ParseObject(res.Manifest)
				if err != nil || o == nil {
					return problem.New(problem.Internal, "the server's answer for %s/%s is no object", n.Kind, n.Name)
				}
				if !managers {
					o.SetManagedFields(nil)
				}
				if len(fields) > 0 {
					o = apps.Pick(o, fields)
				}
				objects, names = append(objects, o), append(names, o.GetName())
			}
			if err := r.printResources(objects, format, len(fields) > 0, q.name == ""); err != nil {
				return err
			}
			r.say("info", fmt.Sprintf("Resources '%s' fetched", strings.Join(names, ", ")))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.name, "resource-name", "", "`name` of the object; all of the kind without")
	f.StringVar(&q.kind, "kind", "", "its `kind`")
	f.StringVar(&q.group, "group", "", "its `group`")
	_ = cmd.MarkFlagRequired("kind")
	f.StringSliceVar(&fields, "filter-fields", nil, "`fields` to show, as status.podIP,spec.nodeName; all without")
	f.BoolVar(&managers, "show-managed-fields", false, "show who owns which field")
	output(cmd, &format, "wide", "wide", "yaml", "json")
	forProject(cmd, &project)
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

func (r *remote) printResources(list []*object.Object, format string, picked, named bool) error {
	if format != "json" && format != "yaml" {
		r.show(func(w io.Writer) { apps.FieldTable(w, list, picked, named) })
		return nil
	}
	for i, o := range list {
		text, err := json.MarshalIndent(o.Object, "", " ")
		if format == "yaml" {
			text, err = yaml.Marshal(o.Object)
		}
		if err != nil {
			return err
		}
		r.printf("%s\n", text)
		if i < len(list)-1 {
			r.printf("---\n")
		}
	}
	return nil
}

// chosen is the objects of an application that a command's flags name, and the way to its server.
type chosen struct {
	applications
	name, namespace string // of the application
	objects         []*object.Object
}

// chosen finds what the flags name among those objects of an application that list knows.
func (r *remote) chosen(cmd *cobra.Command, application, namespace string, q *which, several bool, list func(applications, context.Context, string, string) ([]argocd.ResourceDiff, error)) (c chosen, err error) {
	if c.applications, err = r.applications(cmd.Context()); err != nil {
		return c, err
	}
	c.name, c.namespace = apps.Split(application, namespace)
	items, err := list(c.applications, cmd.Context(), c.name, c.namespace)
	if err != nil {
		return c, err
	}
	c.objects, err = q.of(cmd, items, several)
	return c, err
}

func appPatchResource(r *remote) *cobra.Command {
	var q which
	var patch, patchType, project, namespace string
	cmd := &cobra.Command{
		Use: "patch-resource APPNAME", Short: "Patch live objects of an application", Args: exactly(1),
		Example: "  hawser app patch-resource my-app --kind Deployment --resource-name web --patch '{\"spec\": {\"replicas\": 3}}'",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			a, err := r.chosen(cmd, args[0], namespace, &q, q.all, applications.managed)
			if err != nil {
				return err
			}
			for _, o := range a.objects {
				gvk := o.GroupVersionKind()
				if _, err := api.Call[argocd.ApplicationResourcePatchRequest, argocd.ApplicationResourceResponse](ctx, a.Client, applicationService+"PatchResource", &argocd.ApplicationResourcePatchRequest{
					Name: a.name, AppNamespace: a.namespace, Project: project, Namespace: o.GetNamespace(), ResourceName: o.GetName(), Version: gvk.Version, Group: gvk.Group, Kind: gvk.Kind, Patch: patch, PatchType: patchType,
				}); err != nil {
					return err
				}
				r.say("info", fmt.Sprintf("Resource '%s' patched", o.GetName()))
			}
			return nil
		},
	}
	q.register(cmd, true)
	cmd.Flags().BoolVar(&q.all, "all", false, "patch all that match")
	cmd.Flags().StringVar(&patch, "patch", "", "the `patch`")
	_ = cmd.MarkFlagRequired("patch")
	cmd.Flags().StringVar(&patchType, "patch-type", "application/merge-patch+json", "its `kind`: application/json-patch+json, application/merge-patch+json or application/strategic-merge-patch+json")
	forProject(cmd, &project)
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

func appDeleteResource(r *remote) *cobra.Command {
	var q which
	var force, orphan bool
	var project, namespace string
	cmd := &cobra.Command{
		Use: "delete-resource APPNAME", Short: "Delete live objects of an application", Args: exactly(1),
		Example: "  hawser app delete-resource my-app --kind Pod --resource-name web-0",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			a, err := r.chosen(cmd, args[0], namespace, &q, q.all, applications.managed)
			if err != nil {
				return err
			}
			for _, o := range a.objects {
				gvk := o.GroupVersionKind()
				what := fmt.Sprintf("%s/%s %s/%s", gvk.Group, gvk.Kind, o.GetNamespace(), o.GetName())
				yes, err := r.confirmed("Are you sure you want to delete "+what+" ? [y/n]", false)
				if err != nil {
					return err
				}
				if !yes {
					r.printf("The command to delete %s was cancelled.\n", what)
					continue
				}
				if _, err := api.Call[argocd.ApplicationResourceDeleteRequest, argocd.ApplicationResponse](ctx, a.Client, applicationService+"DeleteResource", &argocd.ApplicationResourceDeleteRequest{
					Name: a.name, AppNamespace: a.namespace, Project: project, Namespace: o.GetNamespace(), ResourceName: o.GetName(), Version: gvk.Version, Group: gvk.Group, Kind: gvk.Kind, Force: force, Orphan: orphan,
				}); err != nil {
					return err
				}
				r.say("info", fmt.Sprintf("Resource '%s' deleted", o.GetName()))
			}
			return nil
		},
	}
	q.register(cmd, true)
	f := cmd.Flags()
	f.BoolVar(&q.all, "all", false, "delete all that match")
	f.BoolVar(&force, "force", false, "delete at once, without a grace period")
	f.BoolVar(&orphan, "orphan", false, "leave what it owns")
	forProject(cmd, &project)
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}
