package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
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

func appEdit(r *remote) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use: "edit APPNAME", Short: "Change an application's spec in an editor ($EDITOR)", Args: exactly(1),
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
			text, err := yaml.Marshal(app.Spec)
			if err != nil {
				return err
			}
			return r.edited(ctx, name+"-*-edit.yaml", text, func(text []byte) error {
				var spec v1alpha1.ApplicationSpec
				if err := yaml.UnmarshalStrict(text, &spec); err != nil {
					return problem.Because(problem.Invalid, err, "read the spec")
				}
				changed := *app
				changed.Spec = spec
				validate := false // argocd does not check here either: an application that is broken can be mended
				return a.updateSpec(ctx, &changed, ns, &validate)
			})
		},
	}
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

// editHead stands above a text in the editor.
const editHead = "# Change what is below, save and close. Lines that begin with # do not count; an empty or unchanged file changes nothing.\n"

// edited has text edited until save takes it. What save says against it is written above it in the next round.
func (r *remote) edited(ctx context.Context, pattern string, text []byte, save func([]byte) error) error {
	editor, err := shellWords(os.Getenv("EDITOR"))
	if err != nil {
		return problem.Because(problem.Invalid, err, "EDITOR")
	}
	if len(editor) == 0 {
		editor = []string{"vi"}
	}
	said := ""
	for {
		before := []byte(editHead + said + string(text))
		after, err := r.editOnce(ctx, editor, pattern, before)
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(after)) == 0 || bytes.Equal(after, before) {
			return problem.New(problem.Invalid, "edit cancelled, no valid changes were saved")
		}
		text = withoutComments(after)
		if err = save(text); err == nil {
			return nil
		}
		said = ""
		for line := range strings.Lines(err.Error()) {
			said += "# " + strings.TrimSuffix(line, "\n") + "\n"
		}
	}
}

func (r *remote) editOnce(ctx context.Context, editor []string, pattern string, text []byte) (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "hawser-edit")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, strings.ReplaceAll(pattern, "*", "app"))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, editor[0], append(editor[1:], file)...) // the user's own editor, from the user's environment
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.std.In, r.std.Out, r.std.Err
	if err := cmd.Run(); err != nil {
		return nil, problem.Because(problem.Invalid, err, "run the editor %s", editor[0]).WithHint("set EDITOR")
	}
	return os.ReadFile(file)
}

func withoutComments(text []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

func appLogs(r *remote) *cobra.Command {
	var q argocd.ApplicationPodLogsQuery
	var namespace string
	var prefix bool
	cmd := &cobra.Command{
		Use: "logs APPNAME", Short: "Show the logs of an application's pods", Args: atLeast(1),
		Example: "  hawser app logs my-app\n\n  # of one workload, as they come\n  hawser app logs my-app --kind Deployment --name web -f\n\n  # the last hour's lines with an error\n  hawser app logs my-app --since-seconds 3600 --filter error",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			q.Name, q.AppNamespace = apps.Split(args[0], namespace)
			for {
				err := a.logs(ctx, &q, prefix)
				if err == nil || ctx.Err() != nil {
					return ctx.Err()
				}
				if !q.Follow || !passing(err) {
					return &exit{1, err}
				}
				q.SinceSeconds = 1
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Second):
				}
			}
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Group, "group", "", "`group` of the object whose pods are meant")
	f.StringVar(&q.Kind, "kind", "", "its `kind`")
	f.StringVar(&q.Namespace, "namespace", "", "its `namespace`")
	f.StringVar(&q.ResourceName, "name", "", "its `name`")
	f.BoolVarP(&q.Follow, "follow", "f", false, "go on with new lines as they come")
	f.Int64Var(&q.TailLines, "tail", 0, "only the last `lines` of each container")
	f.Int64Var(&q.SinceSeconds, "since-seconds", 0, "only lines of the last `seconds`")
	f.StringVar(&q.UntilTime, "until-time", "", "only lines before this `time`, as 2023-10-10T15:30:00Z")
	f.StringVar(&q.Filter, "filter", "", "only lines with this `text`")
	f.StringVarP(&q.Container, "container", "c", "", "only this `container`")
	f.BoolVarP(&q.Previous, "previous", "p", false, "of containers that ended before")
	f.BoolVarP(&q.MatchCase, "match-case", "m", false, "tell capital letters from small ones in the filter")
	f.BoolVar(&prefix, "prefix", false, "put the pod's name before each line")
	inNamespace(cmd, &namespace)
	return r.completed(cmd, 1)
}

// logs prints one stream of lines to its end; nil means that all has been said.
func (a applications) logs(ctx context.Context, q *argocd.ApplicationPodLogsQuery, prefix bool) error {
	s, err := api.Watch[argocd.ApplicationPodLogsQuery, argocd.LogEntry](ctx, a.Client, applicationService+"PodLogs", q)
	if err != nil {
		return err
	}
	defer s.Close()
	for {
		e, err := s.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case e.Last:
			return nil
		case prefix && e.PodName != "":
			a.r.printf("[%s] %s\n", e.PodName, e.Content)
		default:
			a.r.printf("%s\n", e.Content)
		}
	}
}
