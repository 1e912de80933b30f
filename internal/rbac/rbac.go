// Package rbac answers: may this person do this?
//
// The idea: New compiles the ConfigMap argocd-rbac-cm and the roles of all projects into a Policy, an immutable value.
// Policy.For compiles it further for one subject, into a Table, and Table.May decides, naming the line that decided.
// Table.Matcher does the same for one resource and action, so that ten thousand applications are decided
// project by project, not line by line. Read Table.attempts first: it is the whole semantics.
//
// The semantics are Argo CD's (its rbac.md, util/rbac, server/rbacpolicy), which are casbin's, without casbin:
//
//   - Each of the default role, the subject's name and each of its groups makes its own attempt; one that is granted
//     is enough. Within an attempt a matching deny wins over all that allows. So a denial for one group does not bind a
//     member of another group that is allowed, and nothing can deny what the default role allows.
//   - An attempt uses the lines about its principal and about all roles that at most ten g lines lead to.
//   - A group counts only when some g line names it as a member. Its p lines alone are without effect.
//   - The roles of a project count only for objects of that project, and for the project itself.
//   - A project's token (proj:PROJECT:ROLE) has no groups, and beyond the default role has nothing in another project.
//   - What no line allows is denied.
//
// In three things we are on the strict side, and in one we are kinder. A line that is not understood permits nothing,
// and denies what it may have meant to deny, where Argo CD stops to answer altogether, or ignores the line. Project
// roles cannot speak for others. Empty subjects match nobody. And the built-in roles work in regex mode, too, where
// Argo CD's are broken (argo-cd#13127: "*/*" is no regular expression).
//
// The package refuses to know where a name or a group comes from (tokens belong to the server), to read settings by
// itself and to log.
package rbac

import (
	_ "embed"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

//go:embed builtin.csv
var builtin string

// Config is what a policy is made of. Nothing in it may be changed afterwards.
type Config struct {
	// RBAC is the data of the ConfigMap argocd-rbac-cm: policy.csv, any policy.<name>.csv (read in the order of their
	// keys), policy.default, policy.matchMode (glob, regex) and scopes.
	RBAC map[string]string
	// Projects with their roles.
	Projects []*v1alpha1.AppProject
	// Inherit lets who may update or delete an application do so with each of its objects, whatever is denied for them:
	// server.rbac.disableApplicationFineGrainedRBACInheritance of argocd-cm is "false" (it is true when absent).
	Inherit bool
	// SeparateRollback makes rolling back an action of its own. Without it the right to sync suffices:
	// server.rbac.rollback.enforce.enable of argocd-cm (false when absent).
	SeparateRollback bool
	// NoBuiltin leaves out role:admin, role:readonly and the rights of the account admin, for
	// `admin settings rbac can --use-builtin-policy=false`.
	NoBuiltin bool
}

// A Policy is immutable and safe for concurrent use.
type Policy struct {
	*global
	projects map[string]*rules
	tables   *tables
}

// global is what is the same in all projects.
type global struct {
	*rules
	defaultRole      string
	scopes           []string
	regex            bool
	inherit          bool
	separateRollback bool
	closed           bool // the ConfigMap is beyond reading: nobody may do anything
}

// New compiles a policy. It is always usable: a line that was not understood permits nothing and is among the
// problems, which name the key of the ConfigMap or the project, and the line. They are of kind Invalid or Limit.
func New(c Config) (*Policy, []error) {
	g, problems := compileGlobal(c)
	p := &Policy{global: g, projects: make(map[string]*rules, len(c.Projects)), tables: newTables()}
	for _, project := range c.Projects {
		rs, wrong := compileProject(project, g.regex)
		p.projects[project.Name] = rs
		problems = append(problems, wrong...)
	}
	return p, problems
}

// WithProject returns the policy in which one project is new or different. It compiles only that project; the problems
// are those of that project.
func (p *Policy) WithProject(project *v1alpha1.AppProject) (*Policy, []error) {
	rs, problems := compileProject(project, p.regex)
	projects := maps.Clone(p.projects)
	projects[project.Name] = rs
	return &Policy{global: p.global, projects: projects, tables: newTables()}, problems
}

// WithoutProject returns the policy without a project.
func (p *Policy) WithoutProject(name string) *Policy {
	projects := maps.Clone(p.projects)
	delete(projects, name)
	return &Policy{global: p.global, projects: projects, tables: newTables()}
}

// Scopes are the claims of a token whose values are groups: scopes of argocd-rbac-cm; ["groups"] when absent, none
// when it cannot be understood.
func (p *Policy) Scopes() []string { return slices.Clone(p.scopes) }

// DefaultRole is what everybody has, those who are not logged in among them where that is enabled; "" is nothing.
func (p *Policy) DefaultRole() string { return p.defaultRole }

func compileGlobal(c Config) (*global, []error) {
	g := &global{rules: newRules(), defaultRole: c.RBAC["policy.default"], scopes: []string{"groups"}, inherit: c.Inherit, separateRollback: c.SeparateRollback}
	var problems []error
	say := func(err error) { problems = append(problems, err) }
	switch mode := c.RBAC["policy.matchMode"]; mode {
	case "regex":
		g.regex = true
	case "", "glob":
	default:
		say(problem.New(problem.Invalid, "policy.matchMode %q: must be glob or regex, taken as glob", clip(mode)))
	}
	if text := c.RBAC["scopes"]; text != "" {
		scopes, err := readScopes(text)
		if err != nil {
			say(err)
		}
		g.scopes = scopes
	}
	if !c.NoBuiltin {
		g.read("built-in", builtin, false)
	}
	size := 0
	for _, key := range documents(c.RBAC) {
		if size += len(c.RBAC[key]); size > maxDocument {
			g.closed = true
			say(problem.New(problem.Limit, "the policies of argocd-rbac-cm are larger than %d bytes: nobody may do anything", maxDocument))
			return g, problems
		}
		problems = append(problems, g.read(key, c.RBAC[key], g.regex)...)
	}
	return g, problems
}

// documents are the keys of the ConfigMap that hold policies: policy.csv first, then policy.<name>.csv.
func documents(data map[string]string) []string {
	var keys []string
	for key := range data {
		if key != "policy.csv" && strings.HasPrefix(key, "policy.") && strings.HasSuffix(key, ".csv") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if _, ok := data["policy.csv"]; ok {
		keys = slices.Insert(keys, 0, "policy.csv")
	}
	return keys
}

// readScopes reads a YAML list of strings, or one string.
func readScopes(text string) ([]string, error) {
	if len(text) > maxLine {
		return nil, problem.New(problem.Limit, "scopes: %d characters are more than %d: no groups count", len(text), maxLine)
	}
	var list []string
	if err := yaml.Unmarshal([]byte(text), &list); err == nil {
		return list, nil
	}
	var one string
	if err := yaml.Unmarshal([]byte(text), &one); err != nil {
		return nil, problem.Because(problem.Invalid, err, "scopes: neither a name nor a list of names: no groups count")
	}
	return []string{one}, nil
}
