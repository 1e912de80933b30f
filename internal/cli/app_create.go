package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// resourcesFinalizer makes a deletion take the application's objects along.
const resourcesFinalizer = "resources-finalizer.argocd.argoproj.io"

func appCreate(r *remote) *cobra.Command {
	d := draft{r: r}
	var upsert bool
	cmd := &cobra.Command{
		Use: "create APPNAME", Short: "Create an application", Args: between(0, 1),
		Example: "  # a directory of manifests\n  hawser app create my-app --repo https://git.example.com/config.git --path my-app --dest-server https://kubernetes.default.svc --dest-namespace my-app\n\n" +
			"  # a chart\n  hawser app create cache --repo https://charts.example.com --helm-chart redis --revision '19.*' --helm-set replicas=2 --dest-name in-cluster --dest-namespace cache\n\n" +
			"  # from a file, changed by hand if it is there already\n  hawser app create -f my-app.yaml --upsert",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			list, err := d.applications(ctx, args)
			if err != nil {
				return err
			}
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			for _, app := range list {
				if err := a.create(ctx, app, upsert, d.options.Validate()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	d.register(cmd)
	cmd.Flags().BoolVar(&upsert, "upsert", false, "change an application that is there already and differs")
	return cmd
}

// create creates one application and says whether that changed anything.
func (a applications) create(ctx context.Context, app *v1alpha1.Application, upsert, validate bool) error {
	before, err := a.get(ctx, app.Name, app.Namespace, "")
	if err != nil && !gone(err) {
		return err
	}
	after, err := api.Call[argocd.ApplicationCreateRequest, v1alpha1.Application](ctx, a.Client, applicationService+"Create",
		&argocd.ApplicationCreateRequest{Application: app, Upsert: upsert, Validate: &validate})
	if err != nil {
		return err
	}
	word := "updated"
	switch {
	case before == nil:
		word = "created"
	case !upsert || sameApplication(before, after):
		word = "unchanged"
	}
	a.r.printf("application '%s' %s\n", after.Name, word)
	return nil
}

func sameApplication(before, after *v1alpha1.Application) bool {
	a, b := before.DeepCopy(), after.DeepCopy()
	for _, app := range []*v1alpha1.Application{a, b} {
		app.Spec.Project = app.Spec.ProjectName()
	}
	empty := func(x, y any) bool {
		return reflect.ValueOf(x).Len() == 0 && reflect.ValueOf(y).Len() == 0 || reflect.DeepEqual(x, y)
	}
	return object.Hash(a.Spec) == object.Hash(b.Spec) && empty(a.Labels, b.Labels) && empty(a.Annotations, b.Annotations) && empty(a.Finalizers, b.Finalizers)
}

// draft is an application as the flags, a file or both describe it.
type draft struct {
	r                   *remote
	options             apps.Options
	name, file          string
	namespace           string
	labels, annotations []string
	finalizer           bool
}

func (d *draft) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&d.name, "name", "", "the application's `name`; better as an argument")
	f.StringVarP(&d.file, "file", "f", "", "`file` or URL with applications, - for the standard input")
	f.StringArrayVarP(&d.labels, "label", "l", nil, "label of the application, as `KEY=VALUE`; may be repeated")
	f.StringArrayVar(&d.annotations, "annotations", nil, "annotation of the application, as `KEY=VALUE`; may be repeated")
	f.BoolVar(&d.finalizer, "set-finalizer", false, "have the application's objects deleted with it")
	_ = cmd.MarkFlagFilename("file", "json", "yaml", "yml")
	d.options.Read = d.r.readAnywhere(cmd)
	d.options.Register(f)
	inNamespace(cmd, &d.namespace)
}

// applications are those that the command is about.
func (d *draft) applications(ctx context.Context, args []string) ([]*v1alpha1.Application, error) {
	if len(args) == 1 && d.name != "" && d.name != args[0] && d.file == "" {
		return nil, problem.New(problem.Invalid, "--name argument '%s' does not match app name %s", d.name, args[0])
	}
	list := []*v1alpha1.Application{{}}
	if d.file != "" {
		data, err := d.options.Read(d.file)
		if err != nil {
			return nil, err
		}
		if list, err = parseApplications(data, d.file); err != nil {
			return nil, err
		}
	}
	for _, app := range list {
		if err := d.complete(app, args); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// complete gives an application what the flags say. Those of a spec do not count for one with several sources, as with
// argocd, nor for what came by the standard input.
func (d *draft) complete(app *v1alpha1.Application, args []string) error {
	app.APIVersion, app.Kind = v1alpha1.APIVersion, v1alpha1.KindApplication
	switch {
	case d.file == "":
		name := d.name
		if len(args) == 1 {
			name = args[0]
		}
		app.Name, app.Namespace = apps.Split(name, "")
	case len(args) == 1 && app.Name != args[0]:
		return problem.New(problem.Invalid, "app name '%s' does not match app spec metadata.name '%s'", args[0], app.Name)
	case d.name != "":
		app.Name = d.name
	}
	if app.Name == "" {
		return misused("the application has no name").hint("give it as an argument, or as metadata.name in the file")
	}
	if d.namespace != "" {
		app.Namespace = d.namespace
	}
	labels, err := apps.Pairs(d.labels)
	if err != nil {
		return err
	}
	for k, v := range labels {
		if app.Labels == nil {
			app.Labels = map[string]string{}
		}
		app.Labels[k] = v
	}
	for _, text := range d.annotations {
		k, v, _ := strings.Cut(text, "=")
		if app.Annotations == nil {
			app.Annotations = map[string]string{}
		}
		app.Annotations[k] = v
	}
	if d.finalizer {
		app.Finalizers = append(app.Finalizers, resourcesFinalizer)
	}
	if d.file == "-" || app.Spec.HasMultipleSources() || d.file != "" && !d.options.Given() {
		return nil
	}
	return d.options.Spec(&app.Spec, 0, v1alpha1.ApplicationStatus{})
}

// parseApplications reads the applications of a YAML stream; a list counts as its items.
func parseApplications(data []byte, name string) ([]*v1alpha1.Application, error) {
	items, err := object.Parse(data, name)
	if err != nil {
		return nil, err
	}
	var list []*v1alpha1.Application
	for _, item := range items {
		if gk := object.KeyOf(item.Object).GroupKind(); gk.Kind != v1alpha1.KindApplication || gk.Group != v1alpha1.Group {
			return nil, problem.New(problem.Invalid, "%s holds a %s, not an Application of %s", item.Origin, gk, v1alpha1.Group)
		}
		text, err := yaml.Marshal(item.Object.Object)
		if err != nil {
			return nil, err
		}
		app := &v1alpha1.Application{}
		if err := yaml.UnmarshalStrict(text, app); err != nil {
			return nil, problem.Because(problem.Invalid, err, "read the Application in %s", item.Origin)
		}
		list = append(list, app)
	}
	if len(list) == 0 {
		return nil, problem.New(problem.Invalid, "%s holds no application", name)
	}
	return list, nil
}

// readAnywhere reads a file, the standard input for "-", or what an HTTP server has.
func (r *remote) readAnywhere(cmd *cobra.Command) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		u, err := url.Parse(name)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return r.read(name)
		}
		req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, name, nil)
		if err != nil {
			return nil, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, problem.Because(problem.Unavailable, err, "read %s", u.Redacted())
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return nil, problem.New(problem.Unavailable, "read %s: the server answers %s", u.Redacted(), res.Status)
		}
		return bounded(res.Body, u.Redacted())
	}
}

// unimplemented reports whether a server does not know a method.
func unimplemented(err error) bool { return err != nil && api.Code(err) == connect.CodeUnimplemented }

// count is a number of things in words.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
