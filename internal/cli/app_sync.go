package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/cli/apps"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func appSync(r *remote) *cobra.Command {
	var s syncer
	var selector string
	var projects []string
	cmd := &cobra.Command{
		Use: "sync [APPNAME... | -l SELECTOR | --project PROJECT]", Short: "Make the cluster what Git says, and wait for it",
		Example: "  hawser app sync my-app\n\n  # look first, then decide\n  hawser app sync my-app --preview-changes\n\n  # see the steps in their order, and sync nothing\n  hawser app sync my-app --prune --preview\n\n  # all of a team\n  hawser app sync -l team=web\n\n" +
			"  # one object only\n  hawser app sync my-app --resource apps:Deployment:web\n\n  # the second source at another revision\n  hawser app sync my-app --revisions 1.2.0 --source-positions 2",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx := cmd.Context()
			if err := s.check(cmd, args, selector, projects); err != nil {
				return err
			}
			if s.applications, err = r.applications(ctx); err != nil {
				return err
			}
			if selector != "" || len(projects) > 0 {
				names, err := s.selected(ctx, selector, s.namespace, projects)
				if err != nil {
					return err
				}
				if len(names) == 0 {
					text := "No matching apps found for filter:"
					if selector != "" {
						text += " selector " + selector
					}
					if len(projects) > 0 {
						text += fmt.Sprintf(" projects %v", projects)
					}
					return misused("%s", text)
				}
				args = append(args, names...)
			}
			for _, arg := range args {
				if err := s.sync(ctx, arg); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&s.dryRun, "dry-run", false, "have everything checked, but change nothing")
	f.BoolVar(&s.prune, "prune", false, "delete objects that are no longer in the source")
	f.StringVar(&s.at.revision, "revision", "", "sync to this `revision`")
	f.StringArrayVar(&s.resources, "resource", nil, resourceUsage)
	f.StringVarP(&selector, "selector", "l", "", "sync those whose labels match")
	f.StringArrayVar(&s.labels, "label", nil, "only objects with this label, as `KEY=VALUE`; may be repeated")
	f.UintVar(&s.timeout, "timeout", 0, "stop waiting after this many `seconds`; 0 for never")
	f.Int64Var(&s.retryLimit, "retry-limit", 0, "how `often` a failed sync is tried again")
	f.BoolVar(&s.retryRefresh, "retry-refresh", false, "use the newest revision in each try")
	f.DurationVar(&s.retryPause, "retry-backoff-duration", apps.RetryPause, "`pause` before the first retry, for example 2m")
	f.DurationVar(&s.retryMaxPause, "retry-backoff-max-duration", apps.RetryMaxPause, "longest `pause` between retries, for example 2m")
	f.Int64Var(&s.retryFactor, "retry-backoff-factor", v1alpha1.DefaultBackoffFactor, "each pause is this many `times` the one before")
	f.StringVar(&s.strategy, "strategy", "", "`how`: apply (no hooks run) or hook")
	f.BoolVar(&s.force, "force", false, "delete and create again what cannot be changed in place")
	f.BoolVar(&s.replace, "replace", false, "replace objects instead of applying them")
	f.BoolVar(&s.serverSide, "server-side", false, "apply server-side")
	f.BoolVar(&s.outOfSyncOnly, "apply-out-of-sync-only", false, "apply only objects that differ")
	f.BoolVar(&s.async, "async", false, "do not wait")
	f.BoolVarP(&s.watch, "watch", "w", false, "wait, which is the default")
	f.StringVar(&s.local.path, "local", "", "sync manifests of this local `directory` instead of those in Git")
	f.StringVar(&s.local.root, "local-repo-root", "/", "`directory` that the repository begins at, for --local")
	f.StringArrayVar(&s.infos, "info", nil, "note that is kept with the operation, as `KEY=VALUE`; may be repeated")
	f.BoolVar(&s.preview, "preview-changes", false, "show what would change and ask first")
	f.BoolVar(&s.foresee, "preview", false, "show the steps in their order, and sync nothing; with --dry-run the API server checks each")
	f.BoolVar(&s.sure, "assumeYes", false, "do not ask")
	f.StringArrayVar(&projects, "project", nil, "sync those of this `project`; may be repeated")
	s.at.register(f)
	s.judge.register(f)
	output(cmd, &s.format, "wide", "json", "yaml", "wide", "tree", "tree=detailed")
	inNamespace(cmd, &s.namespace)
	return r.completed(cmd, 1<<30)
}

// syncer is one `app sync`.
type syncer struct {
	applications
	namespace, format, strategy             string
	at                                      revisions
	resources, labels, infos                []string
	timeout                                 uint
	dryRun, prune, force, replace           bool
	serverSide, outOfSyncOnly, async, watch bool
	retryLimit, retryFactor                 int64
	retryRefresh                            bool
	retryPause, retryMaxPause               time.Duration
	local                                   localSource
	preview, sure, foresee                  bool
	judge                                   judge
}

func (s *syncer) check(cmd *cobra.Command, args []string, selector string, projects []string) error {
	switch {
	case len(args) == 0 && selector == "" && len(projects) == 0:
		return misused("%s needs names of applications, a selector or a project", cmd.CommandPath()).hint("%s --help", cmd.CommandPath())
	case len(args) > 1 && selector != "":
		return misused("Cannot use selector option when application name(s) passed as argument(s)")
	case len(args) != 1 && (len(s.at.revisions) > 0 || len(s.at.positions) > 0):
		return misused("Cannot use --revisions and --source-positions options when 0 or more than 1 application names are passed as argument(s)")
	case len(args) != 1 && len(s.at.names) > 0:
		return misused("Cannot use --revisions and --source-names options when 0 or more than 1 application names are passed as argument(s)")
	case s.foresee && s.local.path != "":
		return misused("Cannot use --preview with --local: use app diff --local").hint("hawser app diff --help")
	case s.strategy != "" && s.strategy != "apply" && s.strategy != "hook":
		return misused("Unknown sync strategy: '%s'", s.strategy)
	}
	if s.watch {
		s.async = false
	}
	return s.at.check()
}

// sync asks for the sync of one application and waits for it.
func (s *syncer) sync(ctx context.Context, arg string) error {
	name, namespace := apps.Split(arg, s.namespace)
	app, err := s.get(ctx, name, namespace, "")
	if err != nil {
		return err
	}
	at, err := s.at.of(&app.Spec)
	if err != nil {
		return err
	}
	if app.Spec.HasMultipleSources() {
		if at.revision != "" {
			return misused("argocd cli does not work on multi-source app with --revision flag. Use --revisions and --source-positions instead.")
		}
		if s.local.path != "" {
			return misused("argocd cli does not work on multi-source app with --local flag")
		}
	}
	req := argocd.ApplicationSyncRequest{
		Name: name, AppNamespace: namespace, DryRun: s.dryRun, Prune: s.prune, Revision: at.revision, Revisions: at.revisions, SourcePositions: at.positions,
		Strategy: s.strategyOf(), SyncOptions: s.options(),
	}
	if req.Infos, err = apps.Infos(s.infos); err != nil {
		return misused("%v", err)
	}
	if s.retryLimit != 0 {
		req.RetryStrategy = apps.Retry(s.retryLimit, s.retryRefresh, s.retryPause, s.retryMaxPause, s.retryFactor)
	}
	chosen, err := s.choose(ctx, app, at)
	if err != nil {
		return err
	}
	if req.Resources = chosen.Of(app); len(chosen) > 0 && len(req.Resources) == 0 {
		return misused("No matching app resources found for resource filter: %v", strings.Join(s.resources, ", "))
	}
	if s.foresee {
		return s.foretell(ctx, &req)
	}
	if s.local.path != "" {
		if app.Spec.Automation().Enabled && !s.dryRun {
			return misused("Cannot use local sync when Automatic Sync Policy is enabled except with --dry-run")
		}
		if req.Manifests, err = s.manifests(ctx, app); err != nil {
			return err
		}
	}
	if s.preview {
		if yes, err := s.reviewed(ctx, app, at, req.Manifests); err != nil || !yes {
			return err
		}
	}
	asked, err := api.Call[argocd.ApplicationSyncRequest, v1alpha1.Application](ctx, s.Client, applicationService+"Sync", &req)
	if err != nil || s.async {
		return err
	}
	return s.await(ctx, asked, name, namespace, chosen)
}

func (s *syncer) strategyOf() *v1alpha1.SyncStrategy {
	force := v1alpha1.SyncStrategyApply{Force: s.force}
	if s.strategy == "apply" {
		return &v1alpha1.SyncStrategy{Apply: &force}
	}
	return &v1alpha1.SyncStrategy{Hook: &v1alpha1.SyncStrategyHook{SyncStrategyApply: force}}
}

func (s *syncer) options() *argocd.SyncOptions {
	var items []string
	for option, on := range map[string]bool{"Replace=true": s.replace, "ServerSideApply=true": s.serverSide, "ApplyOutOfSyncOnly=true": s.outOfSyncOnly} {
		if on {
			items = append(items, option)
		}
	}
	if items == nil {
		return nil
	}
	return &argocd.SyncOptions{Items: items}
}

// choose reads --resource and --label: the latter are the objects of the manifests that carry one of the labels.
func (s *syncer) choose(ctx context.Context, app *v1alpha1.Application, at revisions) (apps.Selection, error) {
	chosen, err := apps.ParseSelection(s.resources)
	if err != nil || len(s.labels) == 0 {
		return chosen, err
	}
	labels, err := apps.Pairs(s.labels)
	if err != nil {
		return nil, misused("%v", err)
	}
	objects, err := s.rendered(ctx, app, at, false)
	if err != nil {
		return nil, err
	}
	s.r.printf("The name of the app is  %s\n", app.Name)
	for _, o := range objects {
		for k, want := range labels {
			if have, ok := o.GetLabels()[k]; ok && have == want {
				key := object.KeyOf(o)
				key.Namespace = "" // where a manifest names none it is the destination's, and so it is matched anywhere
				chosen = append(chosen, apps.Choice{Key: key})
				break
			}
		}
	}
	if len(chosen) == 0 {
		return nil, misused("No matching resources found for labels: %v", s.labels)
	}
	return chosen, nil
}

// reviewed shows what would change and asks. Where nothing would, nothing is synced.
func (s *syncer) reviewed(ctx context.Context, app *v1alpha1.Application, at revisions, manifests []string) (bool, error) {
	name := apps.Qualified(app)
	s.r.printf("====== Previewing differences between live and desired state of application %s ======\n", name)
	list, err := s.compare(ctx, app, comparing{at: at, manifests: manifests, judge: s.judge, serverSide: comparesOnServer(app)})
	if err != nil {
		return false, err
	}
	if len(list) == 0 {
		s.r.printf("====== No Differences found ======\n")
		return false, nil
	}
	if err := s.r.showComparisons(ctx, list, "unified"); err != nil {
		return false, err
	}
	if s.sure {
		return true, nil
	}
	return s.r.yes(fmt.Sprintf("Please review changes to application %s shown above. Do you want to continue the sync process? (y/n): ", name))
}

func (s *syncer) await(ctx context.Context, asked *v1alpha1.Application, name, namespace string, chosen apps.Selection) error {
	w := waiter{applications: s.applications, name: name, namespace: namespace, want: apps.Condition{Operation: true}, chosen: chosen, timeout: s.timeout, format: s.format, since: asked.ResourceVersion}
	app, state, err := w.wait(ctx)
	if err != nil || s.dryRun {
		return err
	}
	if state == nil || state.Phase != v1alpha1.OperationSucceeded {
		phase := v1alpha1.OperationPhase("unknown")
		if state != nil {
			phase = state.Phase
		}
		return misused("Operation has completed with phase: %s", phase).hint("hawser why %s", name)
	}
	if n := apps.Unpruned(state); n > 0 && len(chosen) == 0 && app.Status.Sync.Status != v1alpha1.SyncStatusSynced {
		return misused("%d resources require pruning", n).hint("hawser app sync %s --prune", name)
	}
	return nil
}
