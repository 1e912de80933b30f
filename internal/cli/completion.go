package cli

import (
	"context"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/contexts"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func completion(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print a script that completes commands, flags and names: bash, zsh, fish or powershell",
		Args: exactly(1), ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Long: "Prints a script for a shell. It completes commands and flags, and asks the server for names of applications,\n" +
			"projects, clusters and repositories.",
		Example: "  # bash, in ~/.bashrc\n  source <(hawser completion bash)\n\n  # zsh, once\n  hawser completion zsh > \"${fpath[1]}/_hawser\"\n\n  # fish, once\n  hawser completion fish > ~/.config/fish/completions/hawser.fish",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(r.std.Out, true)
			case "zsh":
				return root.GenZshCompletion(r.std.Out)
			case "fish":
				return root.GenFishCompletion(r.std.Out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(r.std.Out)
			}
			return misused("Unsupported shell '%s'", args[0]).hint("one of bash, zsh, fish, powershell")
		},
	}
}

// completeWithin is how long a person who presses Tab waits at most.
const completeWithin = 2 * time.Second

// completer completes arguments.
type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// complete returns a completer that gets names from list: for the first argument only, or for all when many. Names that
// stand in the line already are left out, and a server that does not answer in time costs the names, not the line.
func (r *remote) complete(many bool, list func(context.Context) ([]string, error)) completer {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 && !many {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completeWithin)
		defer cancel()
		if err := r.settle(); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		names, err := list(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var fitting []string
		for _, n := range names {
			taken := false
			for _, a := range args {
				taken = taken || a == n
			}
			if strings.HasPrefix(n, begun) && !taken {
				fitting = append(fitting, n)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp
	}
}

func (r *remote) completeContexts(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	return r.complete(false, func(context.Context) ([]string, error) {
		file, err := contexts.Read(r.config)
		if err != nil || file == nil {
			return nil, err
		}
		var names []string
		for _, c := range file.Contexts {
			names = append(names, c.Name)
		}
		return names, nil
	})(cmd, args, begun)
}

// names asks the server for a list, and each element of it for what it goes by.
func names[List, T, Query any](ctx context.Context, r *remote, method string, query *Query, items func(*List) []T, of func(T) []string) ([]string, error) {
	list, err := call[List](ctx, r, method, query)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, item := range items(list) {
		all = append(all, of(item)...)
	}
	return all, nil
}

func (r *remote) applicationNames(ctx context.Context) ([]string, error) {
	return names(ctx, r, "application.ApplicationService/List", &argocd.ApplicationQuery{},
		func(l *v1alpha1.ApplicationList) []v1alpha1.Application { return l.Items },
		func(a v1alpha1.Application) []string { return []string{a.Name} })
}

func (r *remote) projectNames(ctx context.Context) ([]string, error) {
	return names(ctx, r, "project.ProjectService/List", &argocd.ProjectQuery{},
		func(l *v1alpha1.AppProjectList) []v1alpha1.AppProject { return l.Items },
		func(p v1alpha1.AppProject) []string { return []string{p.Name} })
}

func (r *remote) clusterNames(ctx context.Context) ([]string, error) {
	return names(ctx, r, "cluster.ClusterService/List", &argocd.ClusterQuery{},
		func(l *argocd.ClusterList) []argocd.Cluster { return l.Items },
		func(c argocd.Cluster) []string {
			if c.Name == "" {
				return []string{c.Server}
			}
			return []string{c.Server, c.Name}
		})
}

func (r *remote) repositoryURLs(ctx context.Context) ([]string, error) {
	return names(ctx, r, "repository.RepositoryService/ListRepositories", &argocd.RepoQuery{},
		func(l *argocd.RepositoryList) []argocd.Repository { return l.Items },
		func(x argocd.Repository) []string { return []string{x.Repo} })
}

func (r *remote) applicationSetNames(ctx context.Context) ([]string, error) {
	return names(ctx, r, "applicationset.ApplicationSetService/List", &argocd.ApplicationSetListQuery{},
		func(l *v1alpha1.ApplicationSetList) []v1alpha1.ApplicationSet { return l.Items },
		func(a v1alpha1.ApplicationSet) []string { return []string{a.Name} })
}
