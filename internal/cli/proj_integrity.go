package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/spf13/cobra"
)

func projSourceIntegrity(r *remote) *cobra.Command {
	policies := noun("policies", "Say which signatures commits must carry", projPoliciesList(r), projPoliciesAdd(r), projPoliciesUpdate(r), projPoliciesDelete(r))
	return noun("source-integrity", "Say how sources prove where they come from", noun("git", "Rules for Git repositories", policies))
}

// gitPolicies returns the rules of a project, and fails when it has none, as argocd does.
func gitPolicies(p *v1alpha1.AppProject) ([]v1alpha1.SourceIntegrityGitPolicy, error) {
	if s := p.Spec.SourceIntegrity; s != nil && s.Git != nil && len(s.Git.Policies) > 0 {
		return s.Git.Policies, nil
	}
	return nil, misused("no source integrity git policies defined for project %q", p.Name).hint("hawser proj source-integrity git policies add %s", p.Name)
}

func (r *remote) printPolicies(list []v1alpha1.SourceIntegrityGitPolicy) error {
	orNone := func(text string) string {
		if text == "" {
			return "<none>"
		}
		return text
	}
	t := newTable(r.std.Out, "ID", "GPG-MODE", "GPG-KEYS", "REPO-URLS")
	for i, p := range list {
		mode, keys := "", ""
		if p.GPG != nil {
			mode, keys = string(p.GPG.Mode), strings.Join(p.GPG.Keys, ", ")
		}
		t.row(i, orNone(mode), orNone(keys), orNone(strings.Join(texts(p.Repos, func(x v1alpha1.SourceIntegrityGitPolicyRepo) string { return x.URL }), ", ")))
	}
	return t.flush()
}

func projPoliciesList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list PROJECT", Short: "List the rules; their IDs are for update and delete", Args: exactly(1), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := r.project(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			list, err := gitPolicies(p)
			if err != nil {
				return err
			}
			return r.printPolicies(list)
		},
	}
}

// policyEdit is what flags say of a rule: lists to set, to add to and to take from.
type policyEdit struct {
	mode                        string
	urls, addURLs, dropURLs     []string
	keyIDs, addKeyIDs, dropKeys []string
}

// apply changes a rule.
func (e policyEdit) apply(p *v1alpha1.SourceIntegrityGitPolicy) error {
	switch {
	case len(e.keyIDs) > 0 && len(e.addKeyIDs)+len(e.dropKeys) > 0:
		return problem.New(problem.Invalid, "option --gpg-key, cannot be combined with --add-gpg-key or --delete-gpg-key")
	case len(e.urls) > 0 && len(e.addURLs)+len(e.dropURLs) > 0:
		return problem.New(problem.Invalid, "option --repo-url, cannot be combined with --add-repo-url or --delete-repo-url")
	}
	if len(e.urls) > 0 {
		p.Repos = nil
	}
	p.Repos = slices.DeleteFunc(p.Repos, func(x v1alpha1.SourceIntegrityGitPolicyRepo) bool { return slices.Contains(e.dropURLs, x.URL) })
	for _, u := range append(slices.Clone(e.urls), e.addURLs...) {
		if x := (v1alpha1.SourceIntegrityGitPolicyRepo{URL: u}); !slices.Contains(p.Repos, x) {
			p.Repos = append(p.Repos, x)
		}
	}
	if p.GPG == nil {
		p.GPG = &v1alpha1.SourceIntegrityGitPolicyGPG{}
	}
	if e.mode != "" {
		p.GPG.Mode = v1alpha1.SourceIntegrityGPGMode(e.mode)
	}
	if p.GPG.Mode == "" {
		return problem.New(problem.Invalid, "gpg-mode must be set").WithHint("--gpg-mode strict, head or none")
	}
	if !slices.Contains([]string{"strict", "head", "none"}, string(p.GPG.Mode)) {
		return problem.New(problem.Invalid, "gpg-mode must be one of: strict, head, none")
	}
	if len(e.keyIDs) > 0 {
		p.GPG.Keys = nil
	}
	for _, k := range e.dropKeys {
		id, err := gpgKeyID(k)
		if err != nil {
			return err
		}
		p.GPG.Keys = slices.DeleteFunc(p.GPG.Keys, func(have string) bool { return strings.HasSuffix(have, id) })
	}
	for _, k := range append(slices.Clone(e.keyIDs), e.addKeyIDs...) {
		id, err := gpgKeyID(k)
		if err != nil {
			return err
		}
		if !slices.Contains(p.GPG.Keys, id) {
			p.GPG.Keys = append(p.GPG.Keys, id)
		}
	}
	return nil
}

// warnOf says what makes a rule useless: no repositories, no keys, or keys that the server has not.
func (r *remote) warnOf(cmd *cobra.Command, p v1alpha1.SourceIntegrityGitPolicy) error {
	if len(p.Repos) == 0 {
		fmt.Fprintln(r.std.Err, "Warning: Policy has no repository URLs and will never be used")
	}
	if len(p.GPG.Keys) == 0 {
		fmt.Fprintln(r.std.Err, "Warning: Policy has no GPG keys and will never validate any revision")
		return nil
	}
	have, err := call[argocd.GnuPGPublicKeyList](cmd.Context(), r, "gpgkey.GPGKeyService/List", &argocd.GnuPGPublicKeyQuery{})
	if err != nil {
		return err
	}
	missing := slices.Clone(p.GPG.Keys)
	for _, k := range have.Items {
		missing, _ = without(missing, k.KeyID)
	}
	if slices.Sort(missing); len(missing) > 0 {
		fmt.Fprintf(r.std.Err, "Warning: Following GPG keys are not in repo-server keyring: %s\n", strings.Join(missing, ", "))
	}
	return nil
}

func projPoliciesAdd(r *remote) *cobra.Command {
	var e policyEdit
	cmd := &cobra.Command{
		Use: "add PROJECT", Short: "Add a rule", Args: exactly(1), ValidArgsFunction: r.complete(false, r.projectNames),
		Example: "  hawser proj source-integrity git policies add shop --repo-url 'https://git.example.org/shop/*' --gpg-mode strict --gpg-key D56C4FCA57A46444",
		RunE: func(cmd *cobra.Command, args []string) error {
			var after []v1alpha1.SourceIntegrityGitPolicy
			err := r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				var rule v1alpha1.SourceIntegrityGitPolicy
				if err := e.apply(&rule); err != nil {
					return false, err
				}
				if err := r.warnOf(cmd, rule); err != nil {
					return false, err
				}
				if p.Spec.SourceIntegrity == nil {
					p.Spec.SourceIntegrity = &v1alpha1.SourceIntegrity{}
				}
				if p.Spec.SourceIntegrity.Git == nil {
					p.Spec.SourceIntegrity.Git = &v1alpha1.SourceIntegrityGit{}
				}
				after = append(p.Spec.SourceIntegrity.Git.Policies, rule)
				p.Spec.SourceIntegrity.Git.Policies = after
				return true, nil
			})
			if err != nil {
				return err
			}
			return r.printPolicies(after)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&e.urls, "repo-url", nil, "`globs` of repositories, by comma or repeated")
	f.StringVar(&e.mode, "gpg-mode", "", "`strict` (all commits), head (the one deployed) or none")
	f.StringSliceVar(&e.keyIDs, "gpg-key", nil, "`ids` of keys that count, by comma or repeated")
	return cmd
}

// policyIDs reads the numbers of rules.
func policyIDs(args []string, have int) ([]int, error) {
	var ids []int
	for _, a := range args {
		n, err := strconv.Atoi(a)
		if err != nil {
			return nil, problem.New(problem.Invalid, "invalid POLICY_ID '%s'", a)
		}
		if n < 0 || n >= have {
			return nil, problem.New(problem.Invalid, "the POLICY_ID %d is out of range (0-%d)", n, have-1)
		}
		ids = append(ids, n)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func projPoliciesUpdate(r *remote) *cobra.Command {
	var e policyEdit
	var yes bool
	cmd := &cobra.Command{
		Use: "update PROJECT POLICY_ID", Short: "Change a rule", Args: exactly(2), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				list, err := gitPolicies(p)
				if err != nil {
					return false, err
				}
				ids, err := policyIDs(args[1:], len(list))
				if err != nil {
					return false, err
				}
				if err := e.apply(&list[ids[0]]); err != nil {
					return false, err
				}
				if err := r.warnOf(cmd, list[ids[0]]); err != nil {
					return false, err
				}
				if err := r.printPolicies(list); err != nil {
					return false, err
				}
				return r.certain(yes, fmt.Sprintf("Are you sure you want to update policy %d from project %q? [y/N] ", ids[0], p.Name))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&e.mode, "gpg-mode", "", "`strict` (all commits), head (the one deployed) or none")
	f.StringSliceVar(&e.urls, "repo-url", nil, "these `globs` of repositories, and no others")
	f.StringSliceVar(&e.addURLs, "add-repo-url", nil, "these `globs` of repositories too")
	f.StringSliceVar(&e.dropURLs, "delete-repo-url", nil, "these `globs` of repositories no longer")
	f.StringSliceVar(&e.keyIDs, "gpg-key", nil, "these `ids` of keys, and no others")
	f.StringSliceVar(&e.addKeyIDs, "add-gpg-key", nil, "these `ids` of keys too")
	f.StringSliceVar(&e.dropKeys, "delete-gpg-key", nil, "these `ids` of keys no longer")
	f.BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// certain asks a question that argocd asks whether prompts are on or not.
func (r *remote) certain(sure bool, question string) (bool, error) {
	if sure {
		return true, nil
	}
	yes, err := r.yes(question)
	if err == nil && !yes {
		r.printf("Aborted by user.\n")
	}
	return yes, err
}

func projPoliciesDelete(r *remote) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete PROJECT POLICY_ID...", Short: "Delete rules", Args: atLeast(2), ValidArgsFunction: r.complete(false, r.projectNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.changeProject(cmd.Context(), args[0], func(p *v1alpha1.AppProject) (bool, error) {
				list, err := gitPolicies(p)
				if err != nil {
					return false, err
				}
				ids, err := policyIDs(args[1:], len(list))
				if err != nil {
					return false, err
				}
				question := fmt.Sprintf("Are you sure you want to delete policies %s from project %q? [y/N] ", strings.Join(texts(ids, strconv.Itoa), ", "), p.Name)
				if ok, err := r.certain(yes, question); err != nil || !ok {
					return false, err
				}
				slices.Reverse(ids)
				for _, n := range ids {
					list = slices.Delete(list, n, n+1)
				}
				if p.Spec.SourceIntegrity.Git.Policies = list; len(list) == 0 {
					p.Spec.SourceIntegrity = nil
				}
				return true, nil
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}
