package cli

import (
	"context"

	"github.com/hawser-cd/hawser/internal/catalog/backup"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// policySource is where admin settings rbac takes the policy from: a file, or argocd-rbac-cm of a namespace.
type policySource struct {
	file  string
	where backup.Where
}

func (p *policySource) addFlags(cmd *cobra.Command) {
	kubeFlags(cmd, &p.where)
	cmd.Flags().StringVar(&p.file, "policy-file", "", "`file` of a policy in CSV, or of the ConfigMap argocd-rbac-cm")
}

// read returns what argocd-rbac-cm holds, or would hold.
func (p *policySource) read(ctx context.Context, r *remote) (map[string]string, error) {
	if (p.file == "") == (p.where.Namespace == "") {
		return nil, misused("please provide exactly one of --policy-file or --namespace")
	}
	if p.file == "" {
		records, err := backup.Open(p.where)
		if err != nil {
			return nil, err
		}
		return records.Policy(ctx)
	}
	text, err := r.read(p.file)
	if err != nil {
		return nil, err
	}
	var m struct {
		Kind string            `json:"kind"`
		Data map[string]string `json:"data"`
	}
	if yaml.Unmarshal(text, &m) == nil && m.Data != nil {
		return m.Data, nil
	}
	return map[string]string{"policy.csv": string(text)}, nil
}

func adminRBACCan(r *remote) *cobra.Command {
	var p policySource
	var role string
	var builtin, strict, quiet bool
	cmd := &cobra.Command{
		Use: "can ROLE/SUBJECT ACTION RESOURCE [SUB-RESOURCE]", Short: "Say whether a role or a person may do something, by a policy: Yes or No", Args: between(3, 4),
		Example: "  hawser admin settings rbac can role:deployer sync applications 'shop/*' --policy-file policy.csv\n\n  # by the policy that is in force\n  hawser admin settings rbac can alice delete applications shop/web --namespace argocd",
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := p.read(cmd.Context(), r)
			if err != nil {
				return err
			}
			if role != "" {
				data["policy.default"] = role
			}
			policy, faults := rbac.New(rbac.Config{RBAC: data, NoBuiltin: !builtin})
			if len(faults) > 0 {
				return &exit{1, problem.Because(problem.Invalid, faults[0], "invalid user policy")}
			}
			subject, action, resource, object := args[0], args[1], rbac.ResourceNamed(args[2]), ""
			if len(args) > 3 {
				object = args[3]
			}
			if err := rbac.CheckWords(resource, action); err != nil && strict {
				return &exit{1, problem.Because(problem.Invalid, err, "error in RBAC request")}
			}
			if rbac.ScopedToProject(resource) && (object == "" || object == "*") {
				object = "*/*"
			}
			decision := policy.For(rbac.Subject{Name: subject}).May(rbac.Request{Resource: resource, Action: action, Object: object})
			if decision.Allowed && policy.GrantedInVain(subject) && !quiet {
				r.say("warn", "subject \""+subject+"\" has lines of its own and no g line: if it is a group, the server ignores them. Bind the group to a role instead.")
			}
			switch {
			case quiet && decision.Allowed:
				return nil
			case quiet:
				return quit(1)
			case decision.Allowed:
				r.printf("Yes\n")
				return nil
			}
			r.printf("No\n")
			r.say("debug", decision.String())
			return quit(1)
		},
	}
	p.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&role, "default-role", "", "`role` that everybody has, instead of the policy's")
	f.BoolVar(&builtin, "use-builtin-policy", true, "with the roles that are built in: role:readonly and role:admin")
	f.BoolVar(&strict, "strict", true, "fail when the resource or the action is none")
	f.BoolVarP(&quiet, "quiet", "q", false, "print nothing: the exit code says it")
	return cmd
}

func adminRBACValidate(r *remote) *cobra.Command {
	var p policySource
	cmd := &cobra.Command{
		Use: "validate", Short: "Say whether a policy can be read", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := p.read(cmd.Context(), r)
			if err != nil {
				return err
			}
			if len(data) == 0 {
				return &exit{1, problem.New(problem.Invalid, "Policy is empty or could not be loaded.")}
			}
			policy, faults := rbac.New(rbac.Config{RBAC: data})
			if len(faults) > 0 {
				for _, f := range faults {
					r.printf("Policy is invalid: %v\n", f)
				}
				return quit(1)
			}
			for _, hint := range policy.Hints() {
				r.say("warn", hint)
			}
			r.printf("Policy is valid.\n")
			return nil
		},
	}
	p.addFlags(cmd)
	return cmd
}
