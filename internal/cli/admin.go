package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/hawser-cd/hawser/internal/catalog/backup"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
)

func admin(r *remote) *cobra.Command {
	rbac := noun("rbac", "Try permissions before they are in force", adminRBACCan(r), adminRBACValidate(r))
	return noun("admin", "Work on the records in Kubernetes, without a server",
		adminInitialPassword(r), adminExport(r), adminImport(r), noun("settings", "Try settings before they are in force", rbac))
}

// kubeFlags adds kubectl's flags that say which cluster, as whom and where.
func kubeFlags(cmd *cobra.Command, w *backup.Where) {
	f := cmd.Flags()
	f.StringVar(&w.Kubeconfig, "kubeconfig", "", "kubeconfig `file`; kubectl's own choice when empty")
	f.StringVar(&w.Context, "context", "", "`context` of the kubeconfig")
	f.StringVar(&w.Cluster, "cluster", "", "`cluster` of the kubeconfig")
	f.StringVar(&w.User, "user", "", "`user` of the kubeconfig")
	f.StringVarP(&w.Namespace, "namespace", "n", "", "the control `namespace`; the context's own, or argocd")
	f.StringVar(&w.Token, "token", "", "`token` to use instead of the user's")
	f.StringVar(&w.As, "as", "", "`name` to impersonate")
	f.StringArrayVar(&w.AsGroups, "as-group", nil, "`group` to impersonate; may be repeated")
}

func adminInitialPassword(r *remote) *cobra.Command {
	var w backup.Where
	cmd := &cobra.Command{
		Use: "initial-password", Short: "Print the password that was made for admin at the first start", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			records, err := backup.Open(w)
			if err != nil {
				return err
			}
			password, err := records.InitialPassword(cmd.Context())
			if err != nil {
				return err
			}
			r.printf("%s\n", password)
			fmt.Fprintln(r.std.Err, "It is for the first login only: `hawser account update-password` replaces it, and then delete the Secret argocd-initial-admin-secret.")
			return nil
		},
	}
	kubeFlags(cmd, &w)
	return cmd
}

func adminExport(r *remote) *cobra.Command {
	var w backup.Where
	var out string
	var further backup.Further
	cmd := &cobra.Command{
		Use: "export", Short: "Print all settings, projects, applications and Secrets as YAML", Args: exactly(0),
		Long:    "Prints all settings, projects, applications and Secrets as YAML, for hawser admin import.\nIt holds secrets in plain sight: keep it as you keep them.",
		Example: "  hawser admin export -n argocd > backup.yaml",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			records, err := backup.Open(w)
			if err != nil {
				return err
			}
			list, err := records.List(cmd.Context(), further)
			if err != nil {
				return err
			}
			if out == "" || out == "-" {
				return backup.Write(r.std.Out, list, records.Namespace())
			}
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
			if err != nil {
				return problem.Because(problem.Invalid, err, "write the backup")
			}
			err = backup.Write(f, list, records.Namespace())
			if closing := f.Close(); err == nil && closing != nil {
				err = problem.Because(problem.Invalid, closing, "write the backup")
			}
			return err
		},
	}
	kubeFlags(cmd, &w)
	cmd.Flags().StringVarP(&out, "out", "o", "-", "`file` to write instead of the standard output")
	furtherFlags(cmd, &further)
	return cmd
}

func furtherFlags(cmd *cobra.Command, f *backup.Further) {
	cmd.Flags().StringSliceVar(&f.Applications, "application-namespaces", nil, "`globs` of further namespaces with Applications; those of argocd-cmd-params-cm when empty")
	cmd.Flags().StringSliceVar(&f.Sets, "applicationset-namespaces", nil, "`globs` of further namespaces with ApplicationSets; those of argocd-cmd-params-cm when empty")
}

func adminImport(r *remote) *cobra.Command {
	var w backup.Where
	var o backup.Options
	cmd := &cobra.Command{
		Use: "import SOURCE", Short: "Make the cluster hold what a backup says (a file, or -)", Args: exactly(1),
		Example: "  # what would be done?\n  hawser admin import backup.yaml -n argocd --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			records, err := backup.Open(w)
			if err != nil {
				return err
			}
			start := time.Now()
			r.printf("import process started %s\n", records.Namespace())
			text, err := r.read(args[0])
			if err != nil {
				return err
			}
			o.Say = func(line string) { r.printf("%s\n", line) }
			o.Warn = func(line string) { r.say("warn", line) }
			o.Confirm = func(question string) (bool, error) { return r.confirmed(question, false) }
			if err := records.Restore(cmd.Context(), text, o); err != nil {
				return err
			}
			r.printf("Import process completed successfully in namespace %s at %s, duration: %s\n", records.Namespace(), time.Now().Format(time.RFC3339), time.Since(start))
			return nil
		},
	}
	kubeFlags(cmd, &w)
	furtherFlags(cmd, &o.Further)
	f := cmd.Flags()
	f.BoolVar(&o.DryRun, "dry-run", false, "write nothing, and say what would be written")
	f.BoolVar(&o.Prune, "prune", false, "delete projects, applications and Secrets that the backup has not")
	f.BoolVar(&o.IgnoreTracking, "ignore-tracking", false, "keep the marks by which applications track the records that are there")
	f.BoolVar(&o.OverrideOnConflict, "override-on-conflict", false, "write although somebody else has written meanwhile")
	f.BoolVar(&o.Verbose, "verbose", false, "say what is unchanged, too")
	f.BoolVar(&o.StopOperation, "stop-operation", false, "end syncs that run")
	f.StringVar(&o.SkipLabel, "skip-resources-with-label", "", "leave records with this `key=value` alone")
	return cmd
}
