package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

func proj(r *remote) *cobra.Command {
	cmd := noun("proj", "Say what applications of a project may do, and who may do what with them",
		projCreate(r), projGet(r), projList(r), projSet(r), projEdit(r), projDelete(r), projRole(r), projWindows(r), projSourceIntegrity(r))
	cmd.AddCommand(projLists(r)...)
	cmd.Aliases = []string{"project"}
	return cmd
}

// project returns a project.
func (r *remote) project(ctx context.Context, name string) (*v1alpha1.AppProject, error) {
	return call[v1alpha1.AppProject](ctx, r, "project.ProjectService/Get", &argocd.ProjectQuery{Name: name})
}

// writes is how often a change is tried that others' changes got in the way of.
const writes = 3

// changeProject reads a project, changes it and writes it. change may say that there is nothing to write, by false; it
// is called again if somebody else wrote meanwhile.
func (r *remote) changeProject(ctx context.Context, name string, change func(*v1alpha1.AppProject) (bool, error)) error {
	for n := 1; ; n++ {
		p, err := r.project(ctx, name)
		if err != nil {
			return err
		}
		if write, err := change(p); err != nil || !write {
			return err
		}
		_, err = call[v1alpha1.AppProject](ctx, r, "project.ProjectService/Update", &argocd.ProjectUpdateRequest{Project: p})
		if code := api.Code(err); n == writes || code != connect.CodeAborted {
			return err
		}
	}
}

// fatal is an error that argocd's command exits with 1 for.
func fatal(format string, args ...any) error {
	return &exit{1, problem.New(problem.Invalid, format, args...)}
}

// projectOptions are the flags of proj create and set.
type projectOptions struct {
	description                           string
	destinations, accounts, sources, keys []string
	allowCluster, denyCluster             []string
	allowNamespaced, denyNamespaced       []string
	namespaces                            []string
	orphaned, orphanedWarn                bool
}

func (o *projectOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.description, "description", "", "`text` that says what the project is for")
	f.StringArrayVarP(&o.destinations, "dest", "d", nil, "permit to deploy to `server,namespace`; may be repeated")
	f.StringArrayVarP(&o.sources, "src", "s", nil, "permit this repository `URL`; may be repeated")
	f.StringSliceVar(&o.keys, "signature-keys", nil, "`ids` of GnuPG keys that must sign commits")
	f.BoolVar(&o.orphaned, "orphaned-resources", false, "look for objects that no application tracks")
	f.BoolVar(&o.orphanedWarn, "orphaned-resources-warn", false, "and warn of them at the applications")
	f.StringArrayVar(&o.allowCluster, "allow-cluster-resource", nil, "permit `[group/]kind[/name]` of the whole cluster; may be repeated")
	f.StringArrayVar(&o.denyCluster, "deny-cluster-resource", nil, "forbid `[group/]kind[/name]` of the whole cluster; may be repeated")
	f.StringArrayVar(&o.allowNamespaced, "allow-namespaced-resource", nil, "permit `[group/]kind` of namespaces; may be repeated")
	f.StringArrayVar(&o.denyNamespaced, "deny-namespaced-resource", nil, "forbid `[group/]kind` of namespaces; may be repeated")
	f.StringSliceVar(&o.namespaces, "source-namespaces", nil, "`namespaces` in which Applications of the project may be declared")
	f.StringArrayVar(&o.accounts, "dest-service-accounts", nil, "deploy to `server,namespace,account` as that account; may be repeated")
}

// apply sets what the flags say, and reports whether they said anything.
func (o *projectOptions) apply(f *pflag.FlagSet, spec *v1alpha1.AppProjectSpec) (said bool, err error) {
	for _, c := range []struct {
		flag string
		set  func() error
	}{
		{"description", func() error { spec.Description = o.description; return nil }},
		{"dest", func() (err error) { spec.Destinations, err = destinations(o.destinations); return }},
		{"src", func() error { spec.SourceRepos = o.sources; return nil }},
		{"signature-keys", func() error {
			spec.SignatureKeys = nil
			for _, k := range o.keys {
				id, err := gpgKeyID(k)
				if err != nil {
					return err
				}
				spec.SignatureKeys = append(spec.SignatureKeys, v1alpha1.SignatureKey{KeyID: id})
			}
			return nil
		}},
		{"allow-cluster-resource", func() (err error) { spec.ClusterResourceWhitelist, err = clusterKinds(o.allowCluster); return }},
		{"deny-cluster-resource", func() (err error) { spec.ClusterResourceBlacklist, err = clusterKinds(o.denyCluster); return }},
		{"allow-namespaced-resource", func() (err error) { spec.NamespaceResourceWhitelist, err = groupKinds(o.allowNamespaced); return }},
		{"deny-namespaced-resource", func() (err error) { spec.NamespaceResourceBlacklist, err = groupKinds(o.denyNamespaced); return }},
		{"source-namespaces", func() error { spec.SourceNamespaces = o.namespaces; return nil }},
		{"dest-service-accounts", func() (err error) { spec.DestinationServiceAccounts, err = serviceAccounts(o.accounts); return }},
	} {
		if f.Changed(c.flag) {
			said = true
			if err := c.set(); err != nil {
				return said, err
			}
		}
	}
	if warn := f.Changed("orphaned-resources-warn"); warn || f.Changed("orphaned-resources") {
		said = true
		spec.OrphanedResources = nil
		if o.orphaned || warn {
			spec.OrphanedResources = &v1alpha1.OrphanedResourcesMonitorSettings{}
		}
		if warn {
			spec.OrphanedResources.Warn = &o.orphanedWarn
		}
	}
	return said, nil
}

func destinations(list []string) (out []v1alpha1.ApplicationDestination, err error) {
	for _, text := range list {
		parts := strings.Split(text, ",")
		if len(parts) != 2 {
			return nil, fatal("Expected destination of the form: server,namespace. Received: %s", text)
		}
		out = append(out, v1alpha1.ApplicationDestination{Server: parts[0], Namespace: parts[1]})
	}
	return out, nil
}

func serviceAccounts(list []string) (out []v1alpha1.ApplicationDestinationServiceAccount, err error) {
	for _, text := range list {
		parts := strings.Split(text, ",")
		if len(parts) != 3 {
			return nil, fatal("Expected destination service account of the form: server,namespace, defaultServiceAccount. Received: %s", text)
		}
		out = append(out, v1alpha1.ApplicationDestinationServiceAccount{Server: parts[0], Namespace: parts[1], DefaultServiceAccount: parts[2]})
	}
	return out, nil
}

// clusterKinds reads kind, group/kind and group/kind/name.
func clusterKinds(list []string) (out []v1alpha1.ClusterResourceRestrictionItem, err error) {
	for _, text := range list {
		switch parts := strings.Split(text, "/"); len(parts) {
		case 1:
			out = append(out, v1alpha1.ClusterResourceRestrictionItem{Kind: parts[0]})
		case 2:
			out = append(out, v1alpha1.ClusterResourceRestrictionItem{Group: parts[0], Kind: parts[1]})
		case 3:
			out = append(out, v1alpha1.ClusterResourceRestrictionItem{Group: parts[0], Kind: parts[1], Name: parts[2]})
		default:
			return nil, fatal("%q is not of the form [group/]kind[/name]", text)
		}
	}
	return out, nil
}

// groupKinds reads kind and group/kind.
func groupKinds(list []string) (out []metav1.GroupKind, err error) {
	for _, text := range list {
		switch parts := strings.Split(text, "/"); len(parts) {
		case 1:
			out = append(out, metav1.GroupKind{Kind: parts[0]})
		case 2:
			out = append(out, metav1.GroupKind{Group: parts[0], Kind: parts[1]})
		default:
			return nil, fatal("%q is not of the form [group/]kind", text)
		}
	}
	return out, nil
}

// gpgKeyID returns the short form of a key's id or fingerprint: its last 16 digits.
func gpgKeyID(text string) (string, error) {
	hex := func(c rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", c) }
	if (len(text) != 16 && len(text) != 40) || strings.ContainsFunc(text, hex) {
		return "", fatal("'%s' is not a valid GnuPG key ID", text)
	}
	return text[len(text)-16:], nil
}

func projCreate(r *remote) *cobra.Command {
	var o projectOptions
	var file string
	var upsert bool
	cmd := &cobra.Command{
		Use: "create PROJECT", Short: "Create a project, from flags or a manifest", Args: between(0, 1),
		Example: "  hawser proj create shop --src 'https://git.example.org/shop/*' --dest https://kubernetes.default.svc,shop\n  hawser proj create -f project.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			p := &v1alpha1.AppProject{}
			switch {
			case file != "":
				text, err := r.manifest(cmd.Context(), file)
				if err != nil {
					return err
				}
				if err := yaml.Unmarshal(text, p); err != nil {
					return problem.Because(problem.Invalid, err, "read the project of %s", file)
				}
				if len(args) == 1 && args[0] != p.Name {
					return problem.New(problem.Invalid, "project name '%s' does not match project spec metadata.name '%s'", args[0], p.Name)
				}
			case len(args) == 0:
				return misused("hawser proj create needs PROJECT or --file").hint("hawser proj create --help")
			default:
				p.Name = args[0]
			}
			p.Kind, p.APIVersion = "AppProject", "argoproj.io/v1alpha1"
			if _, err := o.apply(cmd.Flags(), &p.Spec); err != nil {
				return err
			}
			_, err := call[v1alpha1.AppProject](cmd.Context(), r, "project.ProjectService/Create", &argocd.ProjectCreateRequest{Project: p, Upsert: upsert})
			return err
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&upsert, "upsert", false, "replace a project of this name")
	cmd.Flags().StringVarP(&file, "file", "f", "", "`file` or URL of a manifest; - for the standard input")
	return cmd
}

func projSet(r *remote) *cobra.Command {
	var o projectOptions
	cmd := &cobra.Command{
		Use: "set PROJECT", Short: "Change a project; a flag replaces what was there", Args: atLeast(1), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				said, err := o.apply(cmd.Flags(), &p.Spec)
				if err == nil && !said {
					err = misused("Please set at least one option to update").hint("hawser proj set --help")
				}
				return true, err
			})
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func projEdit(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "edit PROJECT", Short: "Change a project's spec in your editor ($EDITOR)", Args: exactly(1), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			p, err := r.project(ctx, args[0])
			if err != nil {
				return err
			}
			text, err := yaml.Marshal(p.Spec)
			if err != nil {
				return err
			}
			return r.editYAML(ctx, args[0]+"-*-edit.yaml", text, func(text []byte) error {
				var spec v1alpha1.AppProjectSpec
				if err := yaml.UnmarshalStrict(text, &spec); err != nil {
					return err
				}
				return r.changeProject(ctx, args[0], func(p *v1alpha1.AppProject) (bool, error) {
					p.Spec = spec
					return true, nil
				})
			})
		},
	}
}

func projDelete(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "delete PROJECT", Short: "Delete projects; the server keeps those that applications are in", Args: atLeast(1), ValidArgsFunction: r.complete(true, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to delete %s? [y/n]", name), false)
				if err != nil {
					return err
				}
				if !yes {
					r.printf("The command to delete %s was cancelled.\n", name)
					continue
				}
				if _, err := call[argocd.ProjectEmptyResponse](cmd.Context(), r, "project.ProjectService/Delete", &argocd.ProjectQuery{Name: name}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func projList(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List projects", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := call[v1alpha1.AppProjectList](cmd.Context(), r, "project.ProjectService/List", &argocd.ProjectQuery{})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printList(r.std.Out, list.Items, format, false)
			case "name":
				for _, p := range list.Items {
					r.printf("%s\n", p.Name)
				}
				return nil
			case "", "wide":
				t := newTable(r.std.Out, "NAME", "DESCRIPTION", "DESTINATIONS", "SOURCES", "CLUSTER-RESOURCE-WHITELIST", "NAMESPACE-RESOURCE-BLACKLIST", "SIGNATURE-KEYS", "ORPHANED-RESOURCES", "DESTINATION-SERVICE-ACCOUNTS")
				for _, p := range list.Items {
					t.row(projectRow(p)...)
				}
				return t.flush()
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "name")
	return cmd
}

// inShort says what a list holds: nothing, its one entry (if show can show it), or how many.
func inShort[T any](list []T, many string, show func(T) string) string {
	switch {
	case len(list) == 0:
		return "<none>"
	case len(list) == 1 && show != nil:
		return show(list[0])
	}
	return fmt.Sprintf("%d %s", len(list), many)
}

func showDestination(d v1alpha1.ApplicationDestination) string { return d.Server + "," + d.Namespace }
func showAccount(d v1alpha1.ApplicationDestinationServiceAccount) string {
	return d.Server + "," + d.Namespace + "," + d.DefaultServiceAccount
}
func showClusterKind(k v1alpha1.ClusterResourceRestrictionItem) string { return k.Group + "/" + k.Kind }
func showGroupKind(k metav1.GroupKind) string                          { return k.Group + "/" + k.Kind }
func itself(s string) string                                           { return s }

func projectRow(p v1alpha1.AppProject) []any {
	s := p.Spec
	return []any{
		p.Name, oneLine(s.Description), inShort(s.Destinations, "destinations", showDestination), inShort(s.SourceRepos, "repos", itself),
		inShort(s.ClusterResourceWhitelist, "resources", showClusterKind), inShort(s.NamespaceResourceBlacklist, "resources", nil),
		inShort(s.SignatureKeys, "key(s)", nil), orphanedText(s.OrphanedResources), inShort(s.DestinationServiceAccounts, "destinationServiceAccounts", showAccount),
	}
}

// orphanedText says whether objects that nobody tracks are looked for.
func orphanedText(o *v1alpha1.OrphanedResourcesMonitorSettings) string {
	if o == nil {
		return "disabled"
	}
	text := fmt.Sprintf("warn=%v", o.Warn != nil && *o.Warn)
	if len(o.Ignore) > 0 {
		text += fmt.Sprintf(", ignored %d", len(o.Ignore))
	}
	return "enabled (" + text + ")"
}

func projGet(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "get PROJECT", Short: "Print a project, with the repositories and clusters that are its own", Args: exactly(1), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := call[argocd.DetailedProjectsResponse](cmd.Context(), r, "project.ProjectService/GetDetailedProject", &argocd.ProjectQuery{Name: args[0]})
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printObject(r.std.Out, d.Project, format)
			case "", "wide":
				r.printf("%s", projectText(d))
				return nil
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide")
	return cmd
}

// projectText lists a project as argocd does: a name, and its values in lines from column 29 on.
func projectText(d *argocd.DetailedProjectsResponse) string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%-29s%s\n", name, value) }
	p := d.Project
	if p == nil {
		p = &v1alpha1.AppProject{}
	}
	line("Name:", p.Name)
	line("Description:", p.Spec.Description)
	lines := func(name string, values []string) {
		if len(values) == 0 {
			values = []string{"<none>"}
		}
		for _, v := range values {
			line(name, v)
			name = ""
		}
	}
	lines("Destinations:", texts(p.Spec.Destinations, showDestination))
	lines("Repositories:", p.Spec.SourceRepos)
	lines("Source Namespaces:", p.Spec.SourceNamespaces)
	lines("Scoped Repositories:", texts(d.Repositories, func(x argocd.Repository) string { return x.Repo }))
	lines("Allowed Cluster Resources:", texts(p.Spec.ClusterResourceWhitelist, showClusterKind))
	lines("Scoped Clusters:", texts(d.Clusters, func(x argocd.Cluster) string { return x.Server }))
	lines("Denied Namespaced Resources:", texts(p.Spec.NamespaceResourceBlacklist, showGroupKind))
	keys := strings.Join(texts(p.Spec.SignatureKeys, func(k v1alpha1.SignatureKey) string { return k.KeyID }), ", ")
	if keys == "" {
		keys = "<none>"
	}
	line("Signature keys:", keys)
	line("Orphaned Resources:", orphanedText(p.Spec.OrphanedResources))
	return b.String()
}

func texts[T any](list []T, show func(T) string) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = show(x)
	}
	return out
}

// without returns list without what is equal to x, and whether that was there.
func without[T comparable](list []T, x T) ([]T, bool) {
	i := slices.Index(list, x)
	if i < 0 {
		return list, false
	}
	return slices.Delete(list, i, i+1), true
}
