package oracle

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/casbin/casbin/v2/util"
	"github.com/gobwas/glob"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/rbac"
)

// A world is a policy, in the words of both sides.
type world struct {
	regex       bool
	defaultRole string
	lines       []string
	projects    map[string]*v1alpha1.AppProject
}

// engine is casbin with the model that Argo CD documents: a subject has roles; an allow is needed; a deny wins.
func (w *world) engine(project *v1alpha1.AppProject) (*casbin.Enforcer, error) {
	m := model.NewModel()
	m.AddDef("r", "r", "who, what, verb, thing")
	m.AddDef("p", "p", "who, what, verb, thing, eft")
	m.AddDef("g", "g", "_, _")
	m.AddDef("e", "e", "some(where (p.eft == allow)) && !some(where (p.eft == deny))")
	m.AddDef("m", "m", "g(r.who, p.who) && fits(r.what, p.what) && fits(r.verb, p.verb) && fits(r.thing, p.thing)")
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, err
	}
	if w.regex {
		e.AddFunction("fits", util.RegexMatchFunc)
	} else {
		e.AddFunction("fits", func(args ...any) (any, error) {
			g, err := glob.Compile(args[1].(string))
			return err == nil && g.Match(args[0].(string)), nil
		})
	}
	lines := append(strings.Split(w.builtin(), "\n"), w.lines...)
	if project != nil {
		for _, role := range project.Spec.Roles {
			lines = append(lines, fmt.Sprintf("p, proj:%s:%s, projects, get, %s, allow", project.Name, role.Name, project.Name))
			lines = append(lines, role.Policies...)
			for _, group := range role.Groups {
				lines = append(lines, fmt.Sprintf("g, %s, proj:%s:%s", group, project.Name, role.Name))
			}
		}
	}
	for _, line := range lines {
		r := csv.NewReader(strings.NewReader(line))
		r.TrimLeadingSpace = true
		fields, err := r.Read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		rule := make([]any, len(fields)-1)
		for i, f := range fields[1:] {
			rule[i] = f
		}
		if fields[0] == "g" {
			_, err = e.AddGroupingPolicy(rule...)
		} else {
			_, err = e.AddPolicy(rule...)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
	}
	return e, nil
}

// builtin writes the built-in roles for casbin. In regex mode Argo CD's own are no regular expressions (argo-cd#13127);
// ours work, and the oracle is given what they mean.
func (w *world) builtin() string {
	all, below := "*", "*/*"
	paths := "/*"
	if w.regex {
		all, below, paths = ".*", ".*/.*", "/.*"
	}
	var lines []string
	add := func(role, resource, action, object string) {
		if w.regex {
			resource, action = "^"+resource+"$", "^"+action+"$"
		}
		lines = append(lines, fmt.Sprintf("p, %s, %s, %s, %s, allow", role, resource, action, object))
	}
	for _, r := range []string{"applications", "applicationsets", "logs"} {
		add("role:readonly", r, "get", below)
	}
	for _, r := range []string{"certificates", "clusters", "repositories", "write-repositories", "projects", "accounts", "gpgkeys"} {
		add("role:readonly", r, "get", all)
	}
	for _, a := range []string{"create", "update", "update" + paths, "delete", "delete" + paths, "sync", "rollback", "override", "action" + paths} {
		add("role:admin", "applications", a, below)
	}
	for _, a := range []string{"get", "create", "update", "delete"} {
		add("role:admin", "applicationsets", a, below)
	}
	for _, r := range []string{"certificates", "clusters", "repositories", "write-repositories", "projects"} {
		for _, a := range []string{"create", "update", "delete"} {
			add("role:admin", r, a, all)
		}
	}
	add("role:admin", "accounts", "update", all)
	add("role:admin", "gpgkeys", "create", all)
	add("role:admin", "gpgkeys", "delete", all)
	add("role:admin", "exec", "create", below)
	return strings.Join(append(lines, "g, role:admin, role:readonly", "g, admin, role:admin"), "\n")
}

// may decides as Argo CD's server does around casbin: the default role first, then the name and each group that is a
// member of something, with the roles of the object's project; a project's token stands alone in a project that exists.
func (w *world) may(s rbac.Subject, r rbac.Request) (bool, error) {
	plain, err := w.engine(nil)
	if err != nil {
		return false, err
	}
	ask := func(e *casbin.Enforcer, who string) bool {
		for _, sub := range []string{w.defaultRole, who} {
			if sub == "" {
				continue
			}
			var ok bool
			if ok, err = e.Enforce(sub, r.Resource, r.Action, r.Object); err != nil || ok {
				return ok
			}
		}
		return false
	}
	if ask(plain, "") || err != nil {
		return err == nil, err
	}
	name := r.Object
	if r.Resource != "projects" {
		parts := strings.Split(r.Object, "/")
		name = parts[0]
		if len(parts) < 2 || !strings.Contains(" applications applicationsets repositories clusters logs exec ", " "+r.Resource+" ") {
			name = ""
		}
	}
	e, groups := plain, s.Groups
	if project := w.projects[name]; project != nil {
		if parts := strings.Split(s.Name, ":"); len(parts) == 3 && parts[0] == "proj" {
			if parts[1] != name {
				return false, nil
			}
			groups = nil
		}
		if e, err = w.engine(project); err != nil {
			return false, err
		}
	}
	if ask(e, s.Name) || err != nil {
		return err == nil, err
	}
	bindings, err := e.GetGroupingPolicy()
	for _, group := range groups {
		bound := false
		for _, b := range bindings {
			bound = bound || b[0] == group
		}
		if err == nil && bound && ask(e, group) {
			return true, err
		}
	}
	return false, err
}

func draw(t *rapid.T, label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(t, label)
}

func drawName(t *rapid.T, label string) string {
	return draw(t, label, "alice", "bob", "admin", "team:x", "team:y", "role:a", "role:b", "role:c", "role:admin", "role:readonly", "proj:web:ci", "proj:web:dev", "proj:api:ci", "a, b")
}

// drawPattern picks a pattern as people write them, or glues one together.
func drawPattern(t *rapid.T, regex bool, label string, globs, expressions []string, words ...string) string {
	switch n := rapid.IntRange(0, 9).Draw(t, label+" kind"); {
	case regex && n < 7:
		return draw(t, label, expressions...)
	case !regex && n < 7:
		return draw(t, label, globs...)
	case !regex && n == 7:
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(append([]string{"*", "?", "{a,we}", "[a-z]", "[!s]", "/", "b", "api"}, words...)), 1, 3).Draw(t, label+" parts"), "")
	}
	return draw(t, label, words...)
}

func drawRule(t *rapid.T, regex bool, subject string) string {
	resource := drawPattern(t, regex, "resource", []string{"*", "applications", "app*", "{logs,exec}", "*repositories"}, []string{".*", "applications", "^logs$", "repositories$"}, "clusters", "projects", "applicationsets", "logs")
	action := drawPattern(t, regex, "action", []string{"*", "get", "delete/*", "action/*/Deployment/*", "delete/*/Pod/*/*", "update"}, []string{".*", "get", "^delete/.*", "action//?.*", "sync|get"}, "sync", "delete", "update")
	object := drawPattern(t, regex, "object", []string{"*", "*/*", "web/*", "web/ns/*", "*/shop", "we*", "w*/*p", "https://*", "web/*o*"}, []string{".*", ".*/.*", "^web/", "shop$", "w.b/[a-z]+", "^https?://"}, "web/shop", "api/shop", "web", "web/ns/shop")
	return fmt.Sprintf("p, %q, %q, %q, %q, %s", subject, resource, action, object, draw(t, "effect", "allow", "allow", "allow", "deny"))
}

func drawWorld(t *rapid.T) *world {
	w := &world{regex: rapid.Bool().Draw(t, "regex"), defaultRole: draw(t, "default", "", "", "role:a", "role:readonly", "team:x"), projects: map[string]*v1alpha1.AppProject{}}
	for range rapid.IntRange(0, 12).Draw(t, "lines") {
		if rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
			w.lines = append(w.lines, fmt.Sprintf("g, %q, %q", drawName(t, "member"), drawName(t, "role")))
		} else {
			w.lines = append(w.lines, drawRule(t, w.regex, drawName(t, "subject")))
		}
	}
	for _, name := range []string{"web", "api"} {
		if rapid.IntRange(0, 3).Draw(t, name) == 0 {
			continue
		}
		p := &v1alpha1.AppProject{ObjectMeta: metav1.ObjectMeta{Name: name}}
		for _, role := range []string{"ci", "dev"} {
			r := v1alpha1.ProjectRole{Name: role}
			for range rapid.IntRange(0, 3).Draw(t, "policies") {
				r.Policies = append(r.Policies, fmt.Sprintf("p, proj:%s:%s, %s, %s, %s/%s, %s", name, role,
					draw(t, "role's resource", "applications", "logs", "clusters"), draw(t, "role's action", "get", "sync", "delete"),
					name, draw(t, "role's object", "shop", "ns/shop", "s.*", "*"), draw(t, "role's effect", "allow", "allow", "deny")))
			}
			for range rapid.IntRange(0, 2).Draw(t, "groups") {
				r.Groups = append(r.Groups, draw(t, "role's group", "team:x", "team:y", "role:a", "alice", `"a, b"`))
			}
			p.Spec.Roles = append(p.Spec.Roles, r)
		}
		w.projects[name] = p
	}
	return w
}

// TestSameAsCasbin asks both about random policies, subjects and requests.
func TestSameAsCasbin(t *testing.T) {
	allowed, asked := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		c := rbac.Config{RBAC: map[string]string{"policy.csv": strings.Join(w.lines, "\n"), "policy.default": w.defaultRole}}
		if w.regex {
			c.RBAC["policy.matchMode"] = "regex"
		}
		for _, p := range w.projects {
			c.Projects = append(c.Projects, p)
		}
		policy, problems := rbac.New(c)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for range 12 {
			s := rbac.Subject{Name: drawName(t, "who")}
			for range rapid.IntRange(0, 2).Draw(t, "memberships") {
				s.Groups = append(s.Groups, drawName(t, "group"))
			}
			r := rbac.Request{
				Resource: draw(t, "asked resource", "applications", "applications", "logs", "clusters", "projects", "accounts", "exec", "repositories", "write-repositories", "applicationsets"),
				Action:   draw(t, "asked action", "get", "sync", "delete", "update", "create", "delete//Pod/ns/n", "action/apps/Deployment/restart"),
				Object:   draw(t, "asked object", "web/shop", "api/shop", "web/ns/shop", "gone/shop", "web", "api", "https://one", "web/https://one", "plain"),
			}
			theirs, err := w.may(s, r)
			if err != nil {
				t.Fatal(err)
			}
			table := policy.For(s)
			d := table.May(r)
			if d.Allowed != theirs {
				t.Fatalf("%+v asks %+v: casbin says %v, we say %s", s, r, theirs, d)
			}
			if table.Matcher(r.Resource, r.Action).Allows(r.Object) != theirs {
				t.Fatalf("%+v asks %+v: casbin says %v, our matcher does not", s, r, theirs)
			}
			if asked++; theirs {
				allowed++
			}
		}
	})
	t.Logf("%d questions, %d allowed", asked, allowed)
	if allowed*20 < asked || allowed*20 > asked*19 {
		t.Errorf("%d of %d allowed: the questions are too much alike to tell anything", allowed, asked)
	}
}

// TestChainsOfRoles: how many g lines casbin follows.
func TestChainsOfRoles(t *testing.T) {
	for length := range 14 {
		w := &world{lines: []string{fmt.Sprintf("p, r%d, applications, get, */*, allow", length)}}
		for i := range length {
			w.lines = append(w.lines, fmt.Sprintf("g, r%d, r%d", i, i+1))
		}
		s, r := rbac.Subject{Name: "r0"}, rbac.Request{Resource: "applications", Action: "get", Object: "web/shop"}
		theirs, err := w.may(s, r)
		if err != nil {
			t.Fatal(err)
		}
		policy, _ := rbac.New(rbac.Config{RBAC: map[string]string{"policy.csv": strings.Join(w.lines, "\n")}})
		if ours := policy.For(s).May(r).Allowed; ours != theirs {
			t.Errorf("%d g lines: casbin %v, we %v", length, theirs, ours)
		}
	}
}
