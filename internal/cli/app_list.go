package cli

import (
	"context"
	"io"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func appList(r *remote) *cobra.Command {
	var format, selector, namespace string
	var filter apps.Filter
	var watch bool
	cmd := &cobra.Command{
		Use: "list", Short: "Show applications",
		Example: "  hawser app list\n\n  # by label\n  hawser app list -l 'team in (web, shop)'\n\n  # those of a project, their names only\n  hawser app list -p web -o name",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			a, err := r.applications(ctx)
			if err != nil {
				return err
			}
			show := func() error {
				list, err := a.list(ctx, argocd.ApplicationQuery{Selector: selector, AppNamespace: namespace, Projects: filter.Projects, Repo: filter.Repo})
				if err != nil {
					return err
				}
				return r.printApplications(filter.Apply(list.Items), format)
			}
			if err := show(); err != nil || !watch {
				return err
			}
			return a.again(ctx, argocd.ApplicationQuery{Selector: selector, AppNamespace: namespace, Projects: filter.Projects, Repo: filter.Repo}, func() error {
				if isTerminal(r.std.Out) {
					r.printf("\x1b[H\x1b[2J")
				} else {
					r.printf("---\n")
				}
				return show()
			})
		},
	}
	output(cmd, &format, "wide", "wide", "name", "json", "yaml")
	f := cmd.Flags()
	f.StringVarP(&selector, "selector", "l", "", "only those whose labels match, for example 'team=web,tier notin (db)'")
	f.StringArrayVarP(&filter.Projects, "project", "p", nil, "only those of this `project`; may be repeated")
	f.StringVarP(&filter.Repo, "repo", "r", "", "only those from this `repository`")
	f.StringVarP(&filter.Cluster, "cluster", "c", "", "only those on this cluster, by `address` or name")
	f.StringVarP(&filter.Path, "path", "P", "", "only those from this `directory`")
	f.BoolVarP(&watch, "watch", "w", false, "print again whenever one of them changes")
	inNamespace(cmd, &namespace)
	return cmd
}

func (r *remote) printApplications(list []v1alpha1.Application, format string) error {
	switch format {
	case "json", "yaml":
		for i := range list {
			printed(&list[i])
		}
		return printList(r.std.Out, list, format, false)
	case "name":
		for i := range list {
			r.printf("%s\n", apps.Qualified(&list[i]))
		}
		return nil
	case "wide", "":
		r.show(func(w io.Writer) { apps.List(w, list, format == "wide") })
		return nil
	}
	return unknownFormat(format)
}

// settleFor is how long a change waits for others before all are printed at once.
const settleFor = 300 * time.Millisecond

// again calls do after changes of applications: once for those that come together, and not for the state at the start.
func (a applications) again(ctx context.Context, q argocd.ApplicationQuery, do func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changed, ended := make(chan struct{}, 1), make(chan error, 1)
	start := time.Now()
	go func() {
		ended <- a.follow(ctx, q, func(e *argocd.ApplicationWatchEvent) error {
			if e.Type == "ADDED" && time.Since(start) < time.Second {
				return nil // the list, once more
			}
			select {
			case changed <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	for {
		select {
		case err := <-ended:
			return err
		case <-changed:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(settleFor):
			}
			select {
			case <-changed:
			default:
			}
			if err := do(); err != nil {
				return err
			}
		}
	}
}
