package cli

import (
	"context"
	"strings"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func appValidate(r *remote) *cobra.Command {
	d := draft{r: r}
	cmd := &cobra.Command{
		Use: "validate [APPNAME]", Short: "Check an application before it is created, and create nothing", Args: between(0, 1),
		Long: "Checks applications, described as for `app create`, and creates nothing: their form, their project's rules, their\n" +
			"repository and path, and their cluster. Each check is a line: ok, wrong, or ? where the server may not be asked.\n" +
			"Exits with 1 when something is wrong.",
		Example: "  hawser app validate -f my-app.yaml",
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
			wrong := 0
			for _, app := range list {
				for _, c := range a.check(ctx, app) {
					r.printf("%s: %s\n", apps.Qualified(app), c)
					if c.err != nil && !c.unknown {
						wrong++
					}
				}
			}
			if wrong > 0 {
				return &exit{1, problem.New(problem.Invalid, "%s wrong", count(wrong, "thing is", "things are"))}
			}
			return nil
		},
	}
	d.register(cmd)
	return cmd
}

// checked is one check and what came of it.
type checked struct {
	what    string
	err     error
	unknown bool // nobody could say
}

func (c checked) String() string {
	switch {
	case c.unknown:
		said, _ := words(c.err)
		return "?      " + c.what + " (" + oneLine(said) + ")"
	case c.err != nil:
		said, _ := words(c.err)
		return "wrong  " + c.what + ": " + oneLine(said)
	}
	return "ok     " + c.what
}

// answered turns the server's answer to a check into its outcome: what may not be asked is unknown.
func answered(what string, err error) checked {
	switch api.Code(err) {
	case connect.CodePermissionDenied, connect.CodeUnauthenticated, connect.CodeUnimplemented:
		return checked{what, err, true}
	}
	return checked{what: what, err: err}
}

// check checks one application in the order in which the server would.
func (a applications) check(ctx context.Context, app *v1alpha1.Application) []checked {
	sources := app.Spec.SourceList()
	list := []checked{{what: "sources are complete", err: render.CheckSources(sources)}}
	to, err := api.Call[argocd.ClusterQuery, argocd.Cluster](ctx, a.Client, "cluster.ClusterService/Get", &argocd.ClusterQuery{Server: app.Spec.Destination.Server, Name: app.Spec.Destination.Name})
	list = append(list, answered("cluster "+apps.Server(app)+" is known", err))
	list = append(list, a.checkProject(ctx, app, sources, to)...)
	for i := range sources {
		if render.IsRefOnly(sources[i]) {
			continue
		}
		what := "repository " + sources[i].RepoURL + " has " + contentOf(sources[i])
		_, err = api.Call[argocd.RepoAppDetailsQuery, argocd.RepoAppDetailsResponse](ctx, a.Client, "repository.RepositoryService/GetAppDetails",
			&argocd.RepoAppDetailsQuery{Source: &sources[i], AppName: app.Name, AppProject: app.Spec.ProjectName(), SourceIndex: int32(i)}) //nolint:gosec // a handful
		list = append(list, answered(what, err))
	}
	return list
}

// contentOf is what an application wants of a repository, in words.
func contentOf(s v1alpha1.ApplicationSource) string {
	var parts []string
	if s.Chart != "" {
		parts = append(parts, "chart "+s.Chart)
	}
	if s.Path != "" {
		parts = append(parts, "path "+s.Path)
	}
	if len(parts) == 0 {
		parts = append(parts, "manifests")
	}
	at := s.TargetRevision
	if at == "" {
		at = "HEAD"
	}
	return strings.Join(append(parts, "at "+at), " ")
}

// checkProject asks for the project and applies its rules here. to is the destination's cluster, nil if nobody knows it.
func (a applications) checkProject(ctx context.Context, app *v1alpha1.Application, sources []v1alpha1.ApplicationSource, to *argocd.Cluster) []checked {
	name := app.Spec.ProjectName()
	res, err := api.Call[argocd.ProjectQuery, argocd.DetailedProjectsResponse](ctx, a.Client, "project.ProjectService/GetDetailedProject", &argocd.ProjectQuery{Name: name})
	if err != nil {
		return []checked{answered("project "+name+" is there", err)}
	}
	if res.Project == nil {
		return []checked{{what: "project " + name + " is there", err: problem.New(problem.Internal, "the server's answer holds no project"), unknown: true}}
	}
	global := make([]*v1alpha1.AppProject, len(res.GlobalProjects))
	for i := range res.GlobalProjects {
		global[i] = &res.GlobalProjects[i]
	}
	in := project.Input{Project: res.Project, Global: global}
	for _, repo := range res.Repositories {
		in.Repositories = append(in.Repositories, repo.Repo)
	}
	for _, c := range res.Clusters {
		in.Clusters = append(in.Clusters, project.Target{Server: c.Server, Name: c.Name, ClusterProject: c.Project})
	}
	rules := project.Compile(in)
	list := []checked{{what: "project " + name + " is there"}}
	for _, s := range sources {
		list = append(list, checked{what: "project " + name + " permits repository " + s.RepoURL, err: rules.Source(s.RepoURL)})
	}
	if to == nil {
		return list
	}
	namespace := app.Spec.Destination.Namespace
	return append(list, checked{what: "project " + name + " permits namespace " + namespace + " of " + apps.Server(app),
		err: rules.Destination(project.Target{Server: to.Server, Name: to.Name, Namespace: namespace, ClusterProject: to.Project})})
}
