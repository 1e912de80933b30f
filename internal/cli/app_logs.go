package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

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
	defer func() { _ = s.Close() }()
	for {
		e, err := s.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return problem.Because(problem.KindOf(err), err, "stream read failed")
		case e.Last:
			return nil
		case prefix && e.PodName != "":
			a.r.printf("[%s] %s\n", e.PodName, e.Content)
		default:
			a.r.printf("%s\n", e.Content)
		}
	}
}
