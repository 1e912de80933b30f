package rbac

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// compileProject compiles the roles of one project: their policies, their groups, and the right of each role to see
// its own project, which nobody needs to write. A policy that speaks about anything else than its own role and its
// own project is refused: Argo CD refuses it when it is written through its API, but honours one from kubectl.
func compileProject(p *v1alpha1.AppProject, regex bool) (*rules, []error) {
	rs := newRules()
	var problems []error
	for i := range p.Spec.Roles {
		role := &p.Spec.Roles[i]
		origin := fmt.Sprintf("project %s, role %s", p.Name, clip(role.Name))
		if role.Name == "" || strings.ContainsFunc(role.Name, unfit) {
			problems = append(problems, problem.New(problem.Invalid, "%s: a role's name has letters, digits, - and _: all of it is ignored", origin))
			continue
		}
		subject := "proj:" + p.Name + ":" + role.Name
		rs.of[subject] = append(rs.of[subject], &rule{
			resource: literal(Projects), action: literal(Get), object: literal(p.Name),
			line: &Line{Origin: origin, Text: "(members of a role see its project)"},
		})
		for n, policy := range role.Policies {
			line := &Line{Origin: origin, Number: n + 1, Text: clip(policy)}
			if err := rs.addPolicy(p.Name, subject, line, policy, regex); err != nil {
				problems = append(problems, problem.Because(problem.KindOf(err), err, "%s, policy %d", origin, n+1))
			}
		}
		for _, text := range role.Groups {
			group, err := readGroup(text)
			if err != nil {
				problems = append(problems, problem.Because(problem.Invalid, err, "%s", origin))
				continue
			}
			rs.edges[group] = append(rs.edges[group], edge{to: subject})
		}
	}
	return rs, problems
}

// unfit characters in a role's name would end a field, a line or a subject.
func unfit(r rune) bool {
	return r == ':' || r == ',' || r == '"' || unicode.IsControl(r) || unicode.IsSpace(r)
}

func literal(s string) *pattern { return &pattern{form: exact, text: s, lead: s} }

// addPolicy adds one policy of a project's role. When it is refused and did not plainly allow, it denies the role
// everything in its project.
func (rs *rules) addPolicy(project, subject string, line *Line, policy string, regex bool) error {
	policy = strings.TrimSpace(policy)
	if policy == "" || strings.HasPrefix(policy, "#") && !strings.ContainsFunc(policy, unicode.IsControl) {
		return nil
	}
	fields, wrong := split(policy)
	switch {
	case wrong != nil:
	case len(fields) != 6 || fields[0] != "p":
		wrong = problem.New(problem.Invalid, "%q: must be of the form: p, %s, resource, action, object, effect", line.Text, subject)
	case fields[1] != subject:
		wrong = problem.New(problem.Invalid, "%q: the subject must be %s", line.Text, subject)
	case !ScopedToProject(fields[2]):
		wrong = problem.New(problem.Invalid, "%q: the resource must be one of %s", line.Text, strings.Join(projectRoleResources, ", "))
	case !strings.HasPrefix(fields[4], project+"/"):
		wrong = problem.New(problem.Invalid, "%q: the object must start with %s/", line.Text, project)
	}
	if wrong == nil {
		return rs.addRule(line, fields, nil, regex)
	}
	if fields[len(fields)-1] != "allow" {
		all := &pattern{form: anything}
		rs.of[subject] = append(rs.of[subject], &rule{resource: all, action: all, object: all, deny: true, line: line})
	}
	return wrong
}

// readGroup reads a group's name as it would stand in a g line: quoted when it contains a comma.
func readGroup(text string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", problem.New(problem.Invalid, "group %q %s: it is ignored", clip(text), why)
	}
	fields, wrong := split(text)
	switch {
	case text == "" || wrong == nil && len(fields) == 1 && fields[0] == "":
		return refuse("is empty")
	case strings.ContainsFunc(text, unicode.IsControl) || wrong != nil:
		return refuse("contains characters that it cannot")
	case len(fields) != 1:
		return refuse("must be quoted")
	}
	return fields[0], nil
}

var (
	roleName   = regexp.MustCompile(`^[a-zA-Z0-9]([-_a-zA-Z0-9]*[a-zA-Z0-9])?$`)
	roleObject = regexp.MustCompile(`^(/[-*\w.]+)?/[-*\w.]+$`)
)

// CheckRoles says what is wrong with the roles of a project that somebody wants to write, by the rules of Argo CD's
// API, which are stricter than what is honoured: names twice, policies twice, unknown actions, objects with other
// characters than letters, digits, "-", "_", "." and "*". All problems are of kind Invalid.
func CheckRoles(project string, roles []v1alpha1.ProjectRole) (problems []error) {
	say := func(format string, args ...any) {
		problems = append(problems, problem.New(problem.Invalid, format, args...))
	}
	names := map[string]bool{}
	for i := range roles {
		role := &roles[i]
		if names[role.Name] {
			say("role '%s' already exists", role.Name)
		}
		names[role.Name] = true
		if !roleName.MatchString(role.Name) {
			say("invalid role name %q: letters, digits, '-' or '_', the first and the last neither '-' nor '_'", role.Name)
			continue
		}
		for n, policy := range role.Policies {
			if slices.Contains(role.Policies[:n], policy) {
				say("policy '%s' already exists for role '%s'", policy, role.Name)
			}
			if err := checkPolicy(project, "proj:"+project+":"+role.Name, policy); err != nil {
				problems = append(problems, err)
			}
		}
		for n, group := range role.Groups {
			if slices.Contains(role.Groups[:n], group) {
				say("group '%s' already exists for role '%s'", group, role.Name)
			}
			if _, err := readGroup(group); err != nil {
				problems = append(problems, err)
			} else if strings.TrimSpace(group) != group {
				say("group %q has white space around it", group)
			}
		}
	}
	return problems
}

func checkPolicy(project, subject, policy string) error {
	scratch := newRules()
	if err := scratch.addPolicy(project, subject, &Line{Text: clip(policy)}, policy, false); err != nil {
		return problem.Because(problem.Invalid, err, "invalid policy rule")
	}
	fields, _ := split(strings.TrimSpace(policy))
	if len(fields) != 6 {
		return problem.New(problem.Invalid, "invalid policy rule %q: must be of the form: p, %s, resource, action, object, effect", clip(policy), subject)
	}
	verb, _, path := strings.Cut(fields[3], "/")
	switch plain := []string{"*", Get, Create, Update, Delete, Sync, Rollback, Override}; {
	case path && !slices.Contains([]string{Act, Update, Delete}, verb), !path && !slices.Contains(plain, verb):
		return problem.New(problem.Invalid, "invalid policy rule %q: invalid action '%s'", clip(policy), fields[3])
	case !roleObject.MatchString(strings.TrimPrefix(fields[4], project)):
		return problem.New(problem.Invalid, "invalid policy rule %q: object must be of form '%s/*', '%s[/<NAMESPACE>]/<APPNAME>' or '%s/<APPNAME>', not '%s'", clip(policy), project, project, project, fields[4])
	}
	return nil
}
