package cli

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func projWindows(r *remote) *cobra.Command {
	toggle := func(name, short string, set func(*v1alpha1.SyncWindow)) *cobra.Command {
		return &cobra.Command{
			Use: name + " PROJECT ID", Short: short, Args: exactly(2), ValidArgsFunction: r.complete(false, r.projectNames),
			RunE: func(cmd *cobra.Command, args []string) error {
				return r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
					w, _, err := windowOf(p, args[1])
					if err == nil {
						set(w)
					}
					return true, err
				})
			},
		}
	}
	return noun("windows", "Say when applications of a project may be synced",
		projWindowsList(r), projWindowsAdd(r), projWindowsUpdate(r), projWindowsDelete(r),
		toggle("enable-manual-sync", "Let people sync while a window keeps automatic syncs out", func(w *v1alpha1.SyncWindow) { w.ManualSync = true }),
		toggle("disable-manual-sync", "Let a window keep people out too", func(w *v1alpha1.SyncWindow) { w.ManualSync = false }),
		toggle("enable-sync-overrun", "Let a sync that has begun go on when a window closes", func(w *v1alpha1.SyncWindow) { w.SyncOverrun = true }),
		toggle("disable-sync-overrun", "Stop syncs when a window closes", func(w *v1alpha1.SyncWindow) { w.SyncOverrun = false }))
}

// windowOf returns the window of a number, as windows list prints it.
func windowOf(p *v1alpha1.AppProject, id string) (*v1alpha1.SyncWindow, int, error) {
	n, err := strconv.Atoi(id)
	if err != nil || n < 0 || n >= len(p.Spec.SyncWindows) {
		return nil, 0, problem.New(problem.NotFound, "window with id '%s' not found", id).WithHint("hawser proj windows list %s", p.Name)
	}
	return &p.Spec.SyncWindows[n], n, nil
}

// windowFlags are those that windows add and update share.
func windowFlags(f *pflag.FlagSet, w *v1alpha1.SyncWindow) {
	f.StringVar(&w.Schedule, "schedule", "", "when it opens, in `cron` form: \"0 22 * * *\"")
	f.StringVar(&w.Duration, "duration", "", "how long it stays open: `1h`")
	f.StringSliceVar(&w.Applications, "applications", nil, "`globs` of applications, by comma")
	f.StringSliceVar(&w.Namespaces, "namespaces", nil, "`globs` of destination namespaces, by comma")
	f.StringSliceVar(&w.Clusters, "clusters", nil, "`globs` of clusters, by comma")
	f.StringVar(&w.TimeZone, "time-zone", "UTC", "`name` of the schedule's time zone: Europe/Berlin")
	f.StringVar(&w.Description, "description", "", "`text` that says what it is for")
}

func projWindowsAdd(r *remote) *cobra.Command {
	var w v1alpha1.SyncWindow
	cmd := &cobra.Command{
		Use: "add PROJECT", Short: "Add a window", Args: exactly(1), ValidArgsFunction: r.complete(false, r.projectNames),
		Example: "  # no syncs of production on weekends, except by hand\n  hawser proj windows add shop --kind deny --schedule '0 0 * * 6' --duration 48h --applications '*-prod' --manual-sync",
		RunE: func(cmd *cobra.Command, args []string) error {
			if w.Kind == "" || w.Schedule == "" || w.Duration == "" {
				return problem.New(problem.Invalid, "cannot create window: require kind, schedule, duration and one or more of applications, namespaces and clusters")
			}
			if err := project.CheckWindow(&w); err != nil {
				return err
			}
			return r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				p.Spec.SyncWindows = append(p.Spec.SyncWindows, w)
				return true, nil
			})
		},
	}
	f := cmd.Flags()
	windowFlags(f, &w)
	f.StringVarP(&w.Kind, "kind", "k", "", "`allow` or deny")
	f.BoolVar(&w.ManualSync, "manual-sync", false, "let people sync all the same")
	f.BoolVar(&w.SyncOverrun, "sync-overrun", false, "let a sync that has begun go on")
	f.BoolVar(&w.UseAndOperator, "use-and-operator", false, "applications, namespaces and clusters must all match, not any of them")
	return cmd
}

func projWindowsUpdate(r *remote) *cobra.Command {
	var w v1alpha1.SyncWindow
	cmd := &cobra.Command{
		Use: "update PROJECT ID", Short: "Change a window; only what flags say", Args: exactly(2), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				have, _, err := windowOf(p, args[1])
				if err != nil {
					return false, err
				}
				if !mergeWindow(have, w, cmd.Flags().Changed("time-zone")) {
					return false, problem.New(problem.Invalid, "cannot update: require one or more of schedule, duration, application, namespace, cluster or description")
				}
				return true, nil
			})
		},
	}
	windowFlags(cmd.Flags(), &w)
	return cmd
}

// mergeWindow sets what w has, and reports whether it has anything. zone says that w's time zone counts: argocd sets it to
// UTC whenever it is not named, which loses that of the window.
func mergeWindow(have *v1alpha1.SyncWindow, w v1alpha1.SyncWindow, zone bool) bool {
	text := func(into *string, value string) bool {
		if value != "" {
			*into = value
		}
		return value != ""
	}
	list := func(into *[]string, value []string) bool {
		if len(value) > 0 {
			*into = value
		}
		return len(value) > 0
	}
	said := []bool{
		text(&have.Schedule, w.Schedule), text(&have.Duration, w.Duration), text(&have.Description, w.Description),
		list(&have.Applications, w.Applications), list(&have.Namespaces, w.Namespaces), list(&have.Clusters, w.Clusters),
		zone && text(&have.TimeZone, w.TimeZone),
	}
	return slices.Contains(said, true)
}

func projWindowsDelete(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "delete PROJECT ID", Short: "Delete a window; those after it move up by one", Args: exactly(2), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				_, n, err := windowOf(p, args[1])
				if err != nil {
					return false, err
				}
				yes, err := r.confirmed("Are you sure you want to delete sync window? [y/n]", false)
				if err == nil && !yes {
					r.printf("The command to delete the sync window was cancelled\n")
				}
				p.Spec.SyncWindows = slices.Delete(p.Spec.SyncWindows, n, n+1)
				return yes, err
			})
		},
	}
}

func projWindowsList(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list PROJECT", Short: "List the windows of a project, and which are open now", Args: exactly(1), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := r.project(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printList(r.std.Out, p.Spec.SyncWindows, format, false)
			case "", "wide":
				return r.printWindows(p.Spec.SyncWindows, time.Now())
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide")
	return cmd
}

func (r *remote) printWindows(list []v1alpha1.SyncWindow, now time.Time) error {
	choose := func(yes bool, a, b string) string {
		if yes {
			return a
		}
		return b
	}
	join := func(list []string) string {
		if len(list) == 0 {
			return "-"
		}
		return strings.Join(list, ",")
	}
	t := newTable(r.std.Out, "ID", "STATUS", "KIND", "SCHEDULE", "DURATION", "APPLICATIONS", "NAMESPACES", "CLUSTERS", "MANUALSYNC", "SYNCOVERRUN", "TIMEZONE", "USEANDOPERATOR", "")
	for i, w := range list {
		t.row(i, choose(project.WindowOpen(&w, now), "Active", "Inactive"), w.Kind, w.Schedule, w.Duration, join(w.Applications), join(w.Namespaces), join(w.Clusters),
			choose(w.ManualSync, "Enabled", "Disabled"), choose(w.SyncOverrun, "Enabled", "Disabled"), w.TimeZone, choose(w.UseAndOperator, "Enabled", "Disabled"), "")
	}
	return t.flush()
}
