package cli

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

// application is `hawser app`: argocd's commands for applications, and a few of ours.
func application(r *remote) *cobra.Command {
	cmd := noun("app", "Show, change, compare and sync applications",
		appList(r), appGet(r), appDiff(r), appSync(r), appWait(r), appHistory(r), appRollback(r), appTerminate(r),
		appCreate(r), appValidate(r), appSet(r), appUnset(r), appEdit(r), appPatch(r), appDelete(r), appAddSource(r), appRemoveSource(r), appConfirmDeletion(r),
		appManifests(r), appResources(r), appLogs(r), appGetResource(r), appPatchResource(r), appDeleteResource(r), appActions(r))
	cmd.Example = "  # what there is\n  hawser app list\n\n  # one of them\n  hawser app get my-app\n\n  # what a sync would change\n  hawser app diff my-app"
	return cmd
}

// applications is the service that most of these commands ask, through one connection.
type applications struct {
	*api.Client
	r *remote
}

func (r *remote) applications(ctx context.Context) (applications, error) {
	c, err := r.client(ctx)
	return applications{c, r}, err
}

const applicationService = "application.ApplicationService/"

// get returns an application as it is; refresh is "", normal or hard, and makes the server look first.
func (a applications) get(ctx context.Context, name, namespace, refresh string) (*v1alpha1.Application, error) {
	return api.Call[argocd.ApplicationQuery, v1alpha1.Application](ctx, a.Client, applicationService+"Get",
		&argocd.ApplicationQuery{Name: name, AppNamespace: namespace, Refresh: refresh})
}

func (a applications) list(ctx context.Context, q argocd.ApplicationQuery) (*v1alpha1.ApplicationList, error) {
	return api.Call[argocd.ApplicationQuery, v1alpha1.ApplicationList](ctx, a.Client, applicationService+"List", &q)
}

// selected are the qualified names of the applications that a label selector or projects select.
func (a applications) selected(ctx context.Context, selector, namespace string, projects []string) ([]string, error) {
	list, err := a.list(ctx, argocd.ApplicationQuery{Selector: selector, AppNamespace: namespace, Projects: projects})
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range list.Items {
		names = append(names, apps.Qualified(&list.Items[i]))
	}
	return names, nil
}

func (a applications) updateSpec(ctx context.Context, app *v1alpha1.Application, namespace string, validate *bool) error {
	_, err := api.Call[argocd.ApplicationUpdateSpecRequest, v1alpha1.ApplicationSpec](ctx, a.Client, applicationService+"UpdateSpec",
		&argocd.ApplicationUpdateSpecRequest{Name: app.Name, Spec: &app.Spec, Validate: validate, AppNamespace: namespace})
	return err
}

func (a applications) managed(ctx context.Context, name, namespace string) ([]argocd.ResourceDiff, error) {
	res, err := api.Call[argocd.ResourcesQuery, argocd.ManagedResourcesResponse](ctx, a.Client, applicationService+"ManagedResources",
		&argocd.ResourcesQuery{ApplicationName: name, AppNamespace: namespace})
	if err != nil {
		return nil, err
	}
	return res.Items, nil
}

func (a applications) tree(ctx context.Context, name, namespace, project string) (*argocd.ApplicationTree, error) {
	return api.Call[argocd.ResourcesQuery, argocd.ApplicationTree](ctx, a.Client, applicationService+"ResourceTree",
		&argocd.ResourcesQuery{ApplicationName: name, AppNamespace: namespace, Project: project})
}

func (a applications) settings(ctx context.Context) (*argocd.Settings, error) {
	return api.Call[argocd.SettingsQuery, argocd.Settings](ctx, a.Client, "cluster.SettingsService/Get", &argocd.SettingsQuery{})
}

// pageOf is where people see an application: below the address that the server knows of itself, else where we reach it.
func (a applications) pageOf(ctx context.Context, name string) (string, error) {
	s, err := a.settings(ctx)
	if err != nil {
		return "", err
	}
	if s.URL != "" {
		return s.URL + "/applications/" + name, nil
	}
	base := a.URL("")
	if host, ok := strings.CutPrefix(base, "https://"); ok {
		at, path, _ := strings.Cut(host, "/")
		base = "https://" + strings.TrimSuffix(at, ":443")
		if path != "" {
			base += "/" + path
		}
	}
	return base + "/applications/" + name, nil
}

// printed adds what the wire leaves out and kubectl wants, so that what is printed can be applied.
func printed(app *v1alpha1.Application) *v1alpha1.Application {
	app.APIVersion, app.Kind = v1alpha1.APIVersion, v1alpha1.KindApplication
	return app
}

// refreshType is the word for --refresh and --hard-refresh.
func refreshType(refresh, hard bool) string {
	switch {
	case hard:
		return string(v1alpha1.RefreshHard)
	case refresh:
		return string(v1alpha1.RefreshNormal)
	}
	return ""
}

// inNamespace adds -N, which all these commands have.
func inNamespace(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVarP(into, "app-namespace", "N", "", "`namespace` of the application")
}

// forProject adds --project to commands that only need it to be told "not found" instead of "permission denied".
func forProject(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "project", "", "the application's `project`; with it a missing application is told from a forbidden one")
}

// completed makes a shell complete names of applications: of one, or of as many as the command takes.
func (r *remote) completed(cmd *cobra.Command, most int) *cobra.Command {
	cmd.ValidArgsFunction = r.complete(most > 1, r.applicationNames)
	return cmd
}

// show prints what write writes: as it is, and on a terminal with colours for states and in lines that fit.
func (r *remote) show(write func(io.Writer)) {
	var b bytes.Buffer
	write(&b)
	if !isTerminal(r.std.Out) {
		_, _ = r.std.Out.Write(b.Bytes())
		return
	}
	for _, line := range dressed(b.String(), terminalWidth(r.std.Out)) {
		r.printf("%s\n", line)
	}
}

// dressed are the lines of text, cut to width (0: as they are) and with coloured states.
func dressed(text string, width int) []string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if runes := []rune(line); width > 0 && len(runes) > width {
			line = string(runes[:width-1]) + "…"
		}
		lines[i] = coloured(line)
	}
	return lines
}

// coloured paints the words of a line that are states.
func coloured(line string) string {
	var b strings.Builder
	for len(line) > 0 {
		end := strings.IndexAny(line, " \t:,()")
		if end < 0 {
			end = len(line)
		}
		b.WriteString(paint(statusColour(line[:end]), line[:end]))
		line = line[end:]
		if len(line) > 0 {
			b.WriteByte(line[0])
			line = line[1:]
		}
	}
	return b.String()
}
