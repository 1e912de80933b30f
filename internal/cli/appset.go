package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"time"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const setService = "applicationset.ApplicationSetService/"

func appset(r *remote) *cobra.Command {
	return noun("appset", "Manage ApplicationSets: applications made from a template", appsetCreate(r), appsetGenerate(r), appsetGet(r), appsetList(r), appsetDelete(r), appsetRefresh(r))
}

// inSetNamespace adds argocd's flag for the namespace of an ApplicationSet.
func inSetNamespace(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "appset-namespace", "N", "", "`namespace` of the ApplicationSet; NAMESPACE/NAME says it too")
}

func (r *remote) applicationSet(ctx context.Context, name, namespace string) (*v1alpha1.ApplicationSet, error) {
	return call[v1alpha1.ApplicationSet](ctx, r, setService+"Get", &argocd.ApplicationSetGetQuery{Name: name, AppsetNamespace: namespace})
}

// stamped fills in what Kubernetes leaves out of objects in lists: group, version and kind.
func stamped(s *v1alpha1.ApplicationSet) *v1alpha1.ApplicationSet {
	s.APIVersion, s.Kind = "argoproj.io/v1alpha1", "ApplicationSet"
	return s
}

// readSets reads the ApplicationSets of a manifest; documents of other kinds are passed over.
func (r *remote) readSets(ctx context.Context, from, namespace string) (list []*v1alpha1.ApplicationSet, err error) {
	text, err := r.manifest(ctx, from)
	if err != nil {
		return nil, err
	}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		doc, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, problem.Because(problem.Invalid, err, "read %s", from)
		}
		s := &v1alpha1.ApplicationSet{}
		if err := yaml.Unmarshal(doc, s); err != nil {
			return nil, problem.Because(problem.Invalid, err, "read the ApplicationSets of %s", from)
		}
		if s.Kind != "ApplicationSet" {
			continue
		}
		if s.Name == "" {
			return nil, problem.New(problem.Invalid, "an ApplicationSet of %s does not have Name field set", from)
		}
		if s.Namespace == "" && namespace != "" {
			r.printf("ApplicationSet YAML file does not have namespace; using --appset-namespace=%q.\n", namespace)
			s.Namespace = namespace
		}
		list = append(list, s)
	}
}

func appsetCreate(r *remote) *cobra.Command {
	var format, namespace string
	var upsert, dryRun, wait bool
	cmd := &cobra.Command{
		Use: "create FILE", Short: "Create the ApplicationSets of a manifest (a file, a URL or -)", Args: atLeast(1),
		Example: "  hawser appset create teams.yaml\n\n  # which applications would there be?\n  hawser appset create --dry-run teams.yaml -o json | jq -r '.status.resources[].name'",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			list, err := r.readSets(ctx, args[0], namespace)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				r.printf("No ApplicationSets found while parsing the input file")
				return quit(1)
			}
			for _, s := range list {
				was, err := r.applicationSet(ctx, s.Name, s.Namespace)
				if err != nil && api.Code(err) != connect.CodeNotFound {
					return err
				}
				made, err := call[v1alpha1.ApplicationSet](ctx, r, setService+"Create", &argocd.ApplicationSetCreateRequest{Applicationset: s, Upsert: upsert, DryRun: dryRun})
				if err != nil {
					return err
				}
				done, dry := "updated", ""
				switch {
				case was == nil:
					done = "created"
				case !upsert || sameSet(was, made):
					done = "unchanged"
				}
				if dryRun {
					dry = " (dry-run)"
				}
				printErr(r, "ApplicationSet '%s' %s%s\n", made.Name, done, dry)
				if err := r.printSet(made, format); err != nil {
					return err
				}
				if wait && !dryRun {
					if err := r.setUpToDate(ctx, made); err != nil {
						return err
					}
					printErr(r, "ApplicationSet '%s' resources are up to date\n", made.Name)
				}
			}
			return nil
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide")
	inSetNamespace(cmd, &namespace)
	cmd.Flags().BoolVar(&upsert, "upsert", false, "replace ApplicationSets of these names")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "create nothing; the server says which applications there would be")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the applications are up to date; for ever if there are errors")
	return cmd
}

// sameSet reports whether a write changed what people write.
func sameSet(a, b *v1alpha1.ApplicationSet) bool {
	strings := func(m map[string]string) map[string]string {
		if len(m) == 0 {
			return nil
		}
		return m
	}
	return reflect.DeepEqual(a.Spec, b.Spec) && reflect.DeepEqual(strings(a.Labels), strings(b.Labels)) && reflect.DeepEqual(strings(a.Annotations), strings(b.Annotations)) &&
		(len(a.Finalizers)+len(b.Finalizers) == 0 || reflect.DeepEqual(a.Finalizers, b.Finalizers))
}

func (r *remote) printSet(s *v1alpha1.ApplicationSet, format string) error {
	switch format {
	case "json", "yaml":
		return printObject(r.std.Out, stamped(s), format)
	case "", "wide":
		r.show(func(w io.Writer) { apps.SetSummary(w, s) })
		return nil
	}
	return unknownFormat(format)
}

// watchSet tells see of each change of an ApplicationSet until it returns true; a stream that breaks is opened again.
func (r *remote) watchSet(ctx context.Context, name, namespace string, see func(*argocd.ApplicationSetWatchEvent) bool) error {
	c, err := r.client(ctx)
	if err != nil {
		return err
	}
	for {
		s, err := api.Watch[argocd.ApplicationSetWatchQuery, argocd.ApplicationSetWatchEvent](ctx, c, setService+"Watch", &argocd.ApplicationSetWatchQuery{Name: name, AppSetNamespace: namespace})
		for err == nil {
			var e *argocd.ApplicationSetWatchEvent
			if e, err = s.Next(); err == nil && see(e) {
				return s.Close()
			}
		}
		switch api.Code(err) {
		case connect.CodePermissionDenied, connect.CodeUnauthenticated, connect.CodeUnimplemented, connect.CodeInvalidArgument:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// setUpToDate waits until an ApplicationSet says that its applications are up to date.
func (r *remote) setUpToDate(ctx context.Context, s *v1alpha1.ApplicationSet) error {
	deleted := false
	err := r.watchSet(ctx, s.Name, s.Namespace, func(e *argocd.ApplicationSetWatchEvent) bool {
		if deleted = e.Type == watchDeleted; deleted {
			return true
		}
		for _, c := range e.ApplicationSet.Status.Conditions {
			if c.Type == v1alpha1.AppSetConditionResourcesUpToDate && c.Status == v1alpha1.AppSetConditionTrue {
				return true
			}
		}
		return false
	})
	if err == nil && deleted {
		err = problem.New(problem.NotFound, "ApplicationSet %q was deleted before reaching ResourcesUpToDate", apps.QualifiedSet(s))
	}
	return err
}

func appsetGenerate(r *remote) *cobra.Command {
	var format, namespace string
	cmd := &cobra.Command{
		Use: "generate FILE", Short: "Print the applications that the ApplicationSet of a manifest would make", Args: atLeast(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := r.readSets(cmd.Context(), args[0], namespace)
			if err != nil {
				return err
			}
			if len(list) != 1 {
				r.printf("Input file must contain one ApplicationSet")
				return quit(1)
			}
			made, err := call[argocd.ApplicationSetGenerateResponse](cmd.Context(), r, setService+"Generate", &argocd.ApplicationSetGenerateRequest{ApplicationSet: list[0]})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				list := make([]map[string]any, len(made.Applications))
				for i := range made.Applications {
					if list[i], err = manifestOf(printed(&made.Applications[i])); err != nil {
						return err
					}
				}
				return printList(r.std.Out, list, format, true)
			case "", "wide":
				return r.printApplications(made.Applications, "wide")
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide")
	inSetNamespace(cmd, &namespace)
	return cmd
}

// manifestOf is an application as it would be written: without a status, and without the namespace that it only gets there.
func manifestOf(app *v1alpha1.Application) (fields map[string]any, err error) {
	text, err := json.Marshal(app)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "print application %s", app.Name)
	}
	delete(fields, "status")
	if meta, ok := fields["metadata"].(map[string]any); ok {
		delete(meta, "namespace")
		delete(meta, "creationTimestamp")
	}
	return fields, nil
}

func appsetGet(r *remote) *cobra.Command {
	var format, namespace string
	var params bool
	cmd := &cobra.Command{
		Use: "get APPSETNAME", Short: "Print an ApplicationSet", Args: exactly(1), ValidArgsFunction: r.complete(false, r.applicationSetNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, ns := apps.Split(args[0], namespace)
			s, err := r.applicationSet(cmd.Context(), name, ns)
			if err != nil {
				return err
			}
			if err := r.printSet(s, format); err != nil || !params || format == "json" || format == "yaml" {
				return err
			}
			from := apps.First(&s.Spec.Template.Spec)
			if from.Helm == nil { // as argocd does
				r.printf("\n")
			}
			apps.Params(r.std.Out, &from)
			return nil
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide")
	inSetNamespace(cmd, &namespace)
	cmd.Flags().BoolVar(&params, "show-params", false, "print the Helm parameters of the template too")
	return cmd
}

func appsetList(r *remote) *cobra.Command {
	var format, namespace, selector string
	var projects []string
	cmd := &cobra.Command{
		Use: "list", Short: "List ApplicationSets", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := call[v1alpha1.ApplicationSetList](cmd.Context(), r, setService+"List", &argocd.ApplicationSetListQuery{Selector: selector, Projects: projects, AppsetNamespace: namespace})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				for i := range list.Items {
					stamped(&list.Items[i])
				}
				return printList(r.std.Out, list.Items, format, false)
			case "name":
				for i := range list.Items {
					r.printf("%s\n", apps.QualifiedSet(&list.Items[i]))
				}
				return nil
			case "", "wide":
				r.show(func(w io.Writer) { apps.Sets(w, list.Items, format == "wide") })
				return nil
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "name")
	inSetNamespace(cmd, &namespace)
	cmd.Flags().StringVarP(&selector, "selector", "l", "", "only those whose `labels` match")
	cmd.Flags().StringArrayVarP(&projects, "project", "p", nil, "only those of this `project`; may be repeated")
	return cmd
}

func appsetDelete(r *remote) *cobra.Command {
	var namespace string
	var yes, wait bool
	cmd := &cobra.Command{
		Use: "delete APPSETNAME ...", Short: "Delete ApplicationSets, and with them their applications", Args: atLeast(1), ValidArgsFunction: r.complete(true, r.applicationSetNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			f, terminal := r.std.Out.(*os.File)
			all := yes || !terminal || !isTerminal(f) // as argocd: a script is not asked
			for _, a := range args {
				answer, err := "y", error(nil)
				question := "Are you sure you want to delete '" + a + "' and all its Applications? "
				switch {
				case all:
				case len(args) == 1:
					answer, err = r.choose(question+"[y/n] ", "yes", "no")
				default:
					answer, err = r.choose(question+"[y/n/a] where 'a' is to delete all specified ApplicationSets and their Applications without prompting", "yes", "no", "all")
				}
				if err != nil {
					return err
				}
				if answer == "n" {
					r.printf("The command to delete '%s' was cancelled.\n", a)
					continue
				}
				all = all || answer == "a"
				name, ns := apps.Split(a, namespace)
				if err := r.deleteSet(ctx, name, ns, wait); err != nil {
					return err
				}
				r.printf("applicationset '%s' deleted\n", a)
			}
			return nil
		},
	}
	inSetNamespace(cmd, &namespace)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it is gone")
	return cmd
}

func (r *remote) deleteSet(ctx context.Context, name, namespace string, wait bool) error {
	if _, err := call[argocd.ApplicationSetResponse](ctx, r, setService+"Delete", &argocd.ApplicationSetDeleteRequest{Name: name, AppsetNamespace: namespace}); err != nil || !wait {
		return err
	}
	for ctx.Err() == nil { // asked, not watched: a deletion between question and watch would be waited for for ever
		_, err := r.applicationSet(ctx, name, namespace)
		if code := api.Code(err); code == connect.CodeNotFound || code == connect.CodePermissionDenied {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
	return ctx.Err()
}

func appsetRefresh(r *remote) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use: "refresh APPSETNAME", Short: "Make the applications of an ApplicationSet anew, now", Args: exactly(1), ValidArgsFunction: r.complete(false, r.applicationSetNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			name, ns := apps.Split(args[0], namespace)
			s, err := r.applicationSet(ctx, name, ns)
			if err != nil {
				return err
			}
			if s.Annotations == nil {
				s.Annotations = map[string]string{}
			}
			s.Annotations[v1alpha1.AnnotationAppSetRefresh] = "true"
			if _, err := call[v1alpha1.ApplicationSet](ctx, r, setService+"Create", &argocd.ApplicationSetCreateRequest{Applicationset: stamped(s), Upsert: true}); err != nil {
				return err
			}
			r.printf("applicationset '%s' refreshed\n", args[0])
			return nil
		},
	}
	inSetNamespace(cmd, &namespace)
	return cmd
}
