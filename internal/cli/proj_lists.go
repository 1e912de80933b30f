package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// listChange is a command that adds to a list of a project, or takes from it. change gets the arguments after the
// project, and reports whether there is something to write.
type listChange struct {
	use, short string
	min, max   int // arguments after the project
	change     func(p *v1alpha1.AppProject, args []string) (bool, error)
	flags      func(*cobra.Command)
	deprecated string
}

func (r *remote) listCommand(l listChange) *cobra.Command {
	cmd := &cobra.Command{
		Use: l.use, Short: l.short, Args: between(1+l.min, 1+l.max), Hidden: l.deprecated != "", ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			if l.deprecated != "" { // cobra would say so in the output
				printErr(r, "Command %q is deprecated, %s\n", cmd.Name(), l.deprecated)
			}
			return r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) { return l.change(p, args[1:]) })
		},
	}
	if l.flags != nil {
		l.flags(cmd)
	}
	return cmd
}

const signatureKeysAreOld = "sourceIntegrity of the project has taken their place: hawser proj source-integrity git policies"

// projLists are the commands that change one list of a project each.
func projLists(r *remote) []*cobra.Command {
	var byName bool
	var accountNamespace, orphan string
	orphanName := func(c *cobra.Command) { c.Flags().StringVar(&orphan, "name", "", "`name` of the object, a glob") }
	list := []listChange{
		{use: "add-source PROJECT URL", short: "Permit a repository", min: 1, max: 1, change: func(p *v1alpha1.AppProject, a []string) (bool, error) {
			for _, have := range p.Spec.SourceRepos {
				if have == "*" || sameRepository(have, a[0]) {
					r.printf("Source repository '%s' already allowed in project\n", have)
					return false, nil
				}
			}
			p.Spec.SourceRepos = append(p.Spec.SourceRepos, a[0])
			return true, nil
		}},
		{use: "remove-source PROJECT URL", short: "Permit a repository no longer", min: 1, max: 1, change: func(p *v1alpha1.AppProject, a []string) (had bool, err error) {
			if p.Spec.SourceRepos, had = without(p.Spec.SourceRepos, a[0]); !had {
				r.printf("Source repository '%s' does not exist in project\n", a[0])
			}
			return had, nil
		}},
		{use: "add-source-namespace PROJECT NAMESPACE", short: "Permit Applications in a namespace", min: 1, max: 1, change: func(p *v1alpha1.AppProject, a []string) (bool, error) {
			if slices.Contains(p.Spec.SourceNamespaces, "*") || slices.Contains(p.Spec.SourceNamespaces, a[0]) {
				r.printf("Source namespace '*' already allowed in project\n")
				return false, nil
			}
			p.Spec.SourceNamespaces = append(p.Spec.SourceNamespaces, a[0])
			return true, nil
		}},
		{use: "remove-source-namespace PROJECT NAMESPACE", short: "Permit Applications in a namespace no longer", min: 1, max: 1, change: func(p *v1alpha1.AppProject, a []string) (had bool, err error) {
			if a[0] != "*" {
				p.Spec.SourceNamespaces, had = without(p.Spec.SourceNamespaces, a[0])
			}
			if !had {
				r.printf("Source namespace '%s' does not exist in project or cannot be removed\n", a[0])
			}
			return had, nil
		}},
		{use: "add-destination PROJECT SERVER/NAME NAMESPACE", short: "Permit to deploy to a namespace of a cluster", min: 2, max: 2,
			flags: func(c *cobra.Command) {
				c.Flags().BoolVar(&byName, "name", false, "it is the cluster's name and not its address")
			},
			change: func(p *v1alpha1.AppProject, a []string) (bool, error) {
				d := v1alpha1.ApplicationDestination{Server: a[0], Namespace: a[1]}
				if byName {
					d = v1alpha1.ApplicationDestination{Name: a[0], Namespace: a[1]}
				}
				for _, have := range p.Spec.Destinations {
					if have.Namespace == d.Namespace && (d.Server != "" && have.Server == d.Server || d.Name != "" && have.Name == d.Name) {
						return false, fatal("Specified destination is already defined in project")
					}
				}
				p.Spec.Destinations = append(p.Spec.Destinations, d)
				return true, nil
			}},
		{use: "remove-destination PROJECT SERVER NAMESPACE", short: "Permit to deploy to a namespace of a cluster no longer", min: 2, max: 2, change: func(p *v1alpha1.AppProject, a []string) (bool, error) {
			i := slices.IndexFunc(p.Spec.Destinations, func(d v1alpha1.ApplicationDestination) bool { return d.Server == a[0] && d.Namespace == a[1] })
			if i < 0 {
				i = slices.IndexFunc(p.Spec.Destinations, func(d v1alpha1.ApplicationDestination) bool { return d.Name == a[0] && d.Namespace == a[1] })
			}
			if i < 0 {
				return false, fatal("Specified destination does not exist in project")
			}
			p.Spec.Destinations = slices.Delete(p.Spec.Destinations, i, i+1)
			return true, nil
		}},
		{use: "add-destination-service-account PROJECT SERVER NAMESPACE SERVICE_ACCOUNT", short: "Deploy to a namespace of a cluster as a service account", min: 3, max: 3,
			flags: func(c *cobra.Command) {
				c.Flags().StringVar(&accountNamespace, "service-account-namespace", "", "`namespace` of the account, if another")
			},
			change: func(p *v1alpha1.AppProject, a []string) (bool, error) {
				switch {
				case strings.Contains(accountNamespace, "*"):
					return false, fatal("service-account-namespace for DestinationServiceAccount must not contain wildcards")
				case strings.Contains(a[2], "*"):
					return false, fatal("ServiceAccount for DestinationServiceAccount must not contain wildcards")
				}
				d := v1alpha1.ApplicationDestinationServiceAccount{Server: a[0], Namespace: a[1], DefaultServiceAccount: a[2]}
				if accountNamespace != "" {
					d.DefaultServiceAccount = accountNamespace + ":" + a[2]
				}
				if slices.Contains(p.Spec.DestinationServiceAccounts, d) {
					return false, fatal("Specified destination service account is already defined in project")
				}
				p.Spec.DestinationServiceAccounts = append(p.Spec.DestinationServiceAccounts, d)
				return true, nil
			}},
		{use: "remove-destination-service-account PROJECT SERVER NAMESPACE SERVICE_ACCOUNT", short: "Deploy as a service account no longer", min: 3, max: 3, change: func(p *v1alpha1.AppProject, a []string) (had bool, err error) {
			d := v1alpha1.ApplicationDestinationServiceAccount{Server: a[0], Namespace: a[1], DefaultServiceAccount: a[2]}
			if p.Spec.DestinationServiceAccounts, had = without(p.Spec.DestinationServiceAccounts, d); !had {
				return false, fatal("Specified destination service account does not exist in project")
			}
			return true, nil
		}},
		{use: "add-orphaned-ignore PROJECT GROUP KIND", short: "Count objects of a kind not as left over", min: 2, max: 2, flags: orphanName, change: func(p *v1alpha1.AppProject, a []string) (bool, error) {
			k := v1alpha1.OrphanedResourceKey{Group: a[0], Kind: a[1], Name: orphan}
			if p.Spec.OrphanedResources == nil {
				p.Spec.OrphanedResources = &v1alpha1.OrphanedResourcesMonitorSettings{}
			}
			if slices.Contains(p.Spec.OrphanedResources.Ignore, k) {
				return false, fatal("Specified resource is already defined in the orphaned ignore list of project")
			}
			p.Spec.OrphanedResources.Ignore = append(p.Spec.OrphanedResources.Ignore, k)
			return true, nil
		}},
		{use: "remove-orphaned-ignore PROJECT GROUP KIND", short: "Count objects of a kind as left over again", min: 2, max: 2, flags: orphanName, change: func(p *v1alpha1.AppProject, a []string) (had bool, err error) {
			k := v1alpha1.OrphanedResourceKey{Group: a[0], Kind: a[1], Name: orphan}
			if o := p.Spec.OrphanedResources; o != nil {
				o.Ignore, had = without(o.Ignore, k)
			}
			if !had {
				return false, fatal("Specified resource does not exist in the orphaned ignore of project")
			}
			return true, nil
		}},
		{use: "add-signature-key PROJECT KEY-ID", short: "Demand that commits are signed by a key", min: 1, max: 1, deprecated: signatureKeysAreOld, change: func(p *v1alpha1.AppProject, a []string) (bool, error) {
			if _, err := gpgKeyID(a[0]); err != nil {
				return false, err
			}
			k := v1alpha1.SignatureKey{KeyID: a[0]}
			if slices.Contains(p.Spec.SignatureKeys, k) {
				return false, fatal("Specified signature key is already defined in project")
			}
			p.Spec.SignatureKeys = append(p.Spec.SignatureKeys, k)
			return true, nil
		}},
		{use: "remove-signature-key PROJECT KEY-ID", short: "Demand a key's signature no longer", min: 1, max: 1, deprecated: signatureKeysAreOld, change: func(p *v1alpha1.AppProject, a []string) (had bool, err error) {
			if p.Spec.SignatureKeys, had = without(p.Spec.SignatureKeys, v1alpha1.SignatureKey{KeyID: a[0]}); !had {
				return false, fatal("Specified signature key is not configured for project")
			}
			return true, nil
		}},
		r.kindCommand("allow-cluster-resource PROJECT GROUP KIND [NAME]", "Permit a kind of the whole cluster", true, true),
		r.kindCommand("deny-cluster-resource PROJECT GROUP KIND [NAME]", "Permit a kind of the whole cluster no longer", false, true),
		r.kindCommand("allow-namespace-resource PROJECT GROUP KIND", "Forbid a kind of namespaces no longer", true, false),
		r.kindCommand("deny-namespace-resource PROJECT GROUP KIND", "Forbid a kind of namespaces", false, false),
	}
	var cmds []*cobra.Command
	for _, l := range list {
		cmds = append(cmds, r.listCommand(l))
	}
	return cmds
}

// kindCommand permits or forbids a kind. --list says in which list: kinds of the whole cluster are forbidden unless in
// the list of those allowed, kinds of namespaces are allowed unless in that of those denied, so these are the defaults.
func (r *remote) kindCommand(use, short string, allow, clusterWide bool) listChange {
	which, most := "deny", 2
	if clusterWide {
		which, most = "allow", 3
	}
	return listChange{
		use: use, short: short, min: 2, max: most,
		flags: func(c *cobra.Command) {
			c.Flags().StringVarP(&which, "list", "l", which, "which `list` is changed: allow or deny")
		},
		change: func(p *v1alpha1.AppProject, a []string) (bool, error) {
			allowed := which == "allow" || which == "white"
			add, name := allow == allowed, "denied"
			if allowed {
				name = "allowed"
			}
			var write bool
			var what string
			s := &p.Spec
			if clusterWide {
				k := v1alpha1.ClusterResourceRestrictionItem{Group: a[0], Kind: a[1]}
				if len(a) > 2 {
					k.Name = a[2]
				}
				list := &s.ClusterResourceBlacklist
				if allowed {
					list = &s.ClusterResourceWhitelist
				}
				what = fmt.Sprintf("Group '%s', kind '%s', and name '%s'", k.Group, k.Kind, k.Name)
				write = change(list, k, add)
				name += " cluster resources"
			} else {
				list := &s.NamespaceResourceBlacklist
				if allowed {
					list = &s.NamespaceResourceWhitelist
				}
				what = fmt.Sprintf("Group '%s' and kind '%s'", a[0], a[1])
				write = change(list, metav1.GroupKind{Group: a[0], Kind: a[1]}, add)
				name += " namespaced resources"
			}
			switch {
			case write && add:
				fmt.Fprintf(r.std.Err, "%s is added to %s\n", what, name)
			case write:
				fmt.Fprintf(r.std.Err, "%s is removed from %s\n", what, name)
			}
			return write, nil
		},
	}
}

// change adds x to a list or takes it out, and reports whether that changed anything.
func change[T comparable](list *[]T, x T, add bool) bool {
	if !add {
		var had bool
		*list, had = without(*list, x)
		return had
	}
	if slices.Contains(*list, x) {
		return false
	}
	*list = append(*list, x)
	return true
}

// sameRepository reports whether two URLs mean the same repository to people: case and a slash or
// .git at the end do not count.
func sameRepository(a, b string) bool {
	plain := func(u string) string {
		return strings.TrimSuffix(strings.TrimRight(strings.ToLower(strings.TrimSpace(u)), "/"), ".git")
	}
	return plain(a) == plain(b)
}
