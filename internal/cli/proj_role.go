package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func projRole(r *remote) *cobra.Command {
	return noun("role", "Define roles of a project, who has them, and tokens for robots",
		projRoleList(r), projRoleGet(r), projRoleCreate(r), projRoleDelete(r), projRoleCreateToken(r), projRoleListTokens(r), projRoleDeleteToken(r),
		projRolePolicy(r, true), projRolePolicy(r, false), projRoleAddGroup(r), projRoleRemoveGroup(r))
}

// roleOf returns a role of a project.
func roleOf(p *v1alpha1.AppProject, name string) (*v1alpha1.ProjectRole, error) {
	i := slices.IndexFunc(p.Spec.Roles, func(x v1alpha1.ProjectRole) bool { return x.Name == name })
	if i < 0 {
		return nil, problem.New(problem.NotFound, "role '%s' does not exist in project '%s'", name, p.Name).WithHint("hawser proj role list %s", p.Name)
	}
	return &p.Spec.Roles[i], nil
}

// policyResources are the resources that belong to projects, and so may stand in the policies of their roles.
var policyResources = []string{"applications", "applicationsets", "clusters", "exec", "logs", "repositories"}

// projRolePolicy is add-policy or remove-policy.
func projRolePolicy(r *remote, add bool) *cobra.Command {
	var action, permission, object, resource string
	cmd := &cobra.Command{
		Use: "add-policy PROJECT ROLE-NAME", Short: "Permit something to a role", Args: exactly(2), ValidArgsFunction: r.complete(false, r.projectNames),
		Example: "  # who has the role deploy of the project shop may sync all its applications\n  hawser proj role add-policy shop deploy --action sync --object '*'",
	}
	if !add {
		cmd.Use, cmd.Short, cmd.Example = "remove-policy PROJECT ROLE-NAME", "Permit something to a role no longer", ""
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(policyResources, resource) {
			return misused("--resource %s does not belong to a project", resource).hint("one of %s", strings.Join(policyResources, ", "))
		}
		return r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
			role, err := roleOf(p, args[1])
			if err != nil {
				return false, err
			}
			policy := fmt.Sprintf("p, proj:%s:%s, %s, %s, %s/%s, %s", p.Name, role.Name, resource, action, p.Name, object, permission)
			if add {
				role.Policies = append(role.Policies, policy)
				return true, nil
			}
			var had bool
			if role.Policies, had = without(role.Policies, policy); !had {
				return false, nil
			}
			yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to delete '%s' policy? [y/n]", policy), false)
			if err == nil && !yes {
				r.printf("The command to delete policy '%s' was cancelled.\n", policy)
			}
			return yes, err
		})
	}
	f := cmd.Flags()
	f.StringVarP(&action, "action", "a", "", "`what` is done: get, create, update, delete, sync, …")
	f.StringVarP(&permission, "permission", "p", "allow", "`allow` or deny")
	f.StringVarP(&object, "object", "o", "", "`name` within the project, a glob: '*' for all")
	f.StringVarP(&resource, "resource", "r", "applications", "`kind` of the object: "+strings.Join(policyResources, ", "))
	return cmd
}

func projRoleCreate(r *remote) *cobra.Command {
	var description string
	cmd := &cobra.Command{
		Use: "create PROJECT ROLE-NAME", Short: "Define a role", Args: exactly(2), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			said := fmt.Sprintf("Role '%s' already exists\n", args[1])
			err := r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				if _, err := roleOf(p, args[1]); err == nil {
					return false, nil
				}
				p.Spec.Roles = append(p.Spec.Roles, v1alpha1.ProjectRole{Name: args[1], Description: description})
				said = fmt.Sprintf("Role '%s' created\n", args[1])
				return true, nil
			})
			if err == nil {
				r.printf("%s", said)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "`text` that says what the role is for")
	return cmd
}

func projRoleDelete(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "delete PROJECT ROLE-NAME", Short: "Delete a role; its tokens are good no longer", Args: exactly(2), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, said := args[1], ""
			err := r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				if _, err := roleOf(p, name); err != nil {
					said = fmt.Sprintf("Role '%s' does not exist in project\n", name)
					return false, nil
				}
				yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to delete '%s' role? [y/n]", name), false)
				if !yes {
					said = fmt.Sprintf("The command to delete role '%s' was cancelled.\n", name)
					return false, err
				}
				p.Spec.Roles = slices.DeleteFunc(p.Spec.Roles, func(x v1alpha1.ProjectRole) bool { return x.Name == name })
				said = fmt.Sprintf("Role '%s' deleted\n", name)
				return true, nil
			})
			if err == nil {
				r.printf("%s", said)
			}
			return err
		},
	}
}

// stamp is how argocd prints when a token was issued or ends; 0 is never.
func stamp(at int64) string {
	if at <= 0 {
		return "Never"
	}
	return time.Unix(at, 0).Format(time.RFC3339)
}

func projRoleCreateToken(r *remote) *cobra.Command {
	var expires, id string
	var only bool
	cmd := &cobra.Command{
		Use: "create-token PROJECT ROLE-NAME", Aliases: []string{"token-create"}, Short: "Make a token of a role, and print it: it is shown only now", Args: exactly(2),
		ValidArgsFunction: r.complete(false, r.projectNames),
		Example:           "  hawser proj role create-token shop deploy --expires-in 90d\n\n  # for a script\n  TOKEN=$(hawser proj role create-token shop deploy --token-only)",
		RunE: func(cmd *cobra.Command, args []string) error {
			if expires == "" {
				expires = "0s"
			}
			lasts, err := parseDuration(expires)
			if err != nil {
				return err
			}
			made, err := call[argocd.ProjectTokenResponse](cmd.Context(), r, "project.ProjectService/CreateToken",
				&argocd.ProjectTokenCreateRequest{Project: args[0], Role: args[1], ExpiresIn: int64(lasts.Seconds()), ID: id})
			if err != nil {
				return err
			}
			c, err := readClaims(made.Token)
			if err != nil {
				return err
			}
			if only {
				r.printf("%s\n", made.Token)
				return nil
			}
			r.printf("Create token succeeded for %s.\n  ID: %s\n  Issued At: %s\n  Expires At: %s\n  Token: %s\n", c.Subject, c.ID, stamp(int64(c.Issued)), stamp(int64(c.Expires)), made.Token)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&expires, "expires-in", "e", "", "how long it is good, `12h` or 90d; for ever when empty")
	f.StringVarP(&id, "id", "i", "", "`name` of the token; a random one when empty")
	f.BoolVarP(&only, "token-only", "t", false, "print the token and nothing else")
	return cmd
}

func projRoleListTokens(r *remote) *cobra.Command {
	var unix bool
	cmd := &cobra.Command{
		Use: "list-tokens PROJECT ROLE-NAME", Aliases: []string{"list-token", "token-list"}, Short: "List the tokens of a role", Args: exactly(2), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := r.project(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			role, err := roleOf(p, args[1])
			if err != nil {
				return err
			}
			if len(role.JWTTokens) == 0 {
				r.printf("No tokens for %s.%s\n", args[0], args[1])
				return nil
			}
			t := newTable(r.std.Out, "ID", "ISSUED AT", "EXPIRES AT")
			t.gap = 4 // argocd's other gap
			for _, x := range role.JWTTokens {
				if unix {
					t.row(x.ID, x.IssuedAt, x.ExpiresAt)
				} else {
					t.row(x.ID, stamp(x.IssuedAt), stamp(x.ExpiresAt))
				}
			}
			return t.flush()
		},
	}
	cmd.Flags().BoolVarP(&unix, "unixtime", "u", false, "print times in seconds since 1970, as delete-token takes them")
	return cmd
}

func projRoleDeleteToken(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "delete-token PROJECT ROLE-NAME ISSUED-AT", Aliases: []string{"token-delete", "remove-token"}, Short: "Take a token of a role back", Args: exactly(3),
		ValidArgsFunction: r.complete(false, r.projectNames), Example: "  hawser proj role list-tokens shop deploy --unixtime\n  hawser proj role delete-token shop deploy 1764288000",
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := strconv.ParseInt(args[2], 10, 64)
			if err != nil {
				return problem.New(problem.Invalid, "ISSUED-AT %q is no number of seconds since 1970", args[2]).WithHint("hawser proj role list-tokens %s %s --unixtime", args[0], args[1])
			}
			yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to delete '%s' project token? [y/n]", args[2]), false)
			if err != nil {
				return err
			}
			if !yes {
				r.printf("The command to delete project token '%s' was cancelled.\n", args[2])
				return nil
			}
			_, err = call[argocd.ProjectEmptyResponse](cmd.Context(), r, "project.ProjectService/DeleteToken", &argocd.ProjectTokenDeleteRequest{Project: args[0], Role: args[1], Iat: at})
			return err
		},
	}
}

func projRoleList(r *remote) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list PROJECT", Short: "List the roles of a project", Args: exactly(1), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := r.project(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch format {
			case "json", "yaml":
				return printList(r.std.Out, p.Spec.Roles, format, false)
			case "name":
				for _, x := range p.Spec.Roles {
					r.printf("%s\n", x.Name)
				}
				return nil
			case "", "wide":
				t := newTable(r.std.Out, "ROLE-NAME", "DESCRIPTION")
				for _, x := range p.Spec.Roles {
					t.row(x.Name, oneLine(x.Description))
				}
				return t.flush()
			}
			return unknownFormat(format)
		},
	}
	output(cmd, &format, "wide", "json", "yaml", "wide", "name")
	return cmd
}

func projRoleGet(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "get PROJECT ROLE-NAME", Short: "Print a role, the project's policies, and the role's tokens", Args: exactly(2), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := r.project(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			role, err := roleOf(p, args[1])
			if err != nil {
				return err
			}
			r.printf("%-15s%s\n%-15s%s\nPolicies:\n%s\nGroups:\n", "Role Name:", role.Name, "Description:", role.Description, policiesOf(p))
			for _, g := range role.Groups {
				r.printf("  - %s\n", g)
			}
			if len(role.Groups) == 0 {
				r.printf("<none>\n")
			}
			r.printf("JWT Tokens:\n")
			t := newTable(r.std.Out, "ID", "ISSUED-AT", "EXPIRES-AT")
			now := time.Now()
			for _, x := range p.Status.JWTTokensByRole[role.Name].Items {
				ends := "<none>"
				if x.ExpiresAt > 0 {
					ends = since(x.ExpiresAt, now)
				}
				t.row(x.IssuedAt, since(x.IssuedAt, now), ends)
			}
			return t.flush()
		},
	}
}

// policiesOf are all policies of a project's roles, with those that every role has and with its groups.
func policiesOf(p *v1alpha1.AppProject) string {
	var list []string
	for _, x := range p.Spec.Roles {
		list = append(list, fmt.Sprintf("p, proj:%s:%s, projects, get, %s, allow", p.Name, x.Name, p.Name))
		list = append(list, x.Policies...)
		for _, g := range x.Groups {
			list = append(list, fmt.Sprintf("g, %s, proj:%s:%s", g, p.Name, x.Name))
		}
	}
	return strings.Join(list, "\n")
}

// since prints a time and how far away it is.
func since(at int64, now time.Time) string {
	t := time.Unix(at, 0)
	return t.Format(time.RFC3339) + " (" + away(t, now) + ")"
}

// away says how far t is from now in the largest unit that fits, as people do.
func away(t, now time.Time) string {
	d, word := now.Sub(t), "ago"
	if d < 0 {
		d, word = -d, "from now"
	}
	const day = 24 * time.Hour
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{360 * day, "year"}, {30 * day, "month"}, {7 * day, "week"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int(d / u.unit); n == 1 {
			return "1 " + u.name + " " + word
		} else if n > 1 {
			return fmt.Sprintf("%d %ss %s", n, u.name, word)
		}
	}
	return "now"
}

func projRoleAddGroup(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "add-group PROJECT ROLE-NAME GROUP-CLAIM", Short: "Give a role to a group of the identity provider", Args: exactly(3), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			said := fmt.Sprintf("Group '%s' already present in role '%s'\n", args[2], args[1])
			err := r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				role, err := roleOf(p, args[1])
				if err != nil || slices.Contains(role.Groups, args[2]) {
					return false, err
				}
				role.Groups = append(role.Groups, args[2])
				said = fmt.Sprintf("Group '%s' added to role '%s'\n", args[2], args[1])
				return true, nil
			})
			if err == nil {
				r.printf("%s", said)
			}
			return err
		},
	}
}

func projRoleRemoveGroup(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "remove-group PROJECT ROLE-NAME GROUP-CLAIM", Short: "Take a role from a group", Args: exactly(3), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			said := fmt.Sprintf("Group '%s' not present in role '%s'\n", args[2], args[1])
			err := r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				role, err := roleOf(p, args[1])
				if err != nil {
					return false, err
				}
				var had bool
				if role.Groups, had = without(role.Groups, args[2]); !had {
					return false, nil
				}
				yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to remove '%s' group from role '%s'? [y/n]", args[2], args[1]), false)
				said = fmt.Sprintf("Group '%s' removed from role '%s'\n", args[2], args[1])
				if !yes {
					said = fmt.Sprintf("The command to remove group '%s' from role '%s' was cancelled.\n", args[2], args[1])
				}
				return yes, err
			})
			if err == nil {
				r.printf("%s", said)
			}
			return err
		},
	}
}
