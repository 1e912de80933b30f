package rbac

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

func must(t testing.TB, c Config) *Policy {
	t.Helper()
	p, problems := New(c)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

func withRole(name string, policies ...string) *v1alpha1.AppProject {
	p := &v1alpha1.AppProject{}
	p.Name = name
	p.Spec.Roles = []v1alpha1.ProjectRole{{Name: "dev", Groups: []string{"team:" + name}, Policies: policies}}
	return p
}

func TestAChangedProjectIsANewPolicy(t *testing.T) {
	read := Request{Applications, Get, "web/shop"}
	zoe := Subject{Name: "zoe", Groups: []string{"team:web"}}
	none := must(t, Config{})
	some, problems := none.WithProject(withRole("web", "p, proj:web:dev, applications, get, web/*, allow"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	gone := some.WithoutProject("web")
	for name, c := range map[string]struct {
		p    *Policy
		want bool
	}{"before": {none, false}, "with": {some, true}, "without": {gone, false}} {
		if got := c.p.For(zoe).May(read).Allowed; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if some.For(zoe) != some.For(Subject{Name: "zoe", Groups: []string{"team:web", "team:web"}}) {
		t.Error("the same subject was compiled twice")
	}
}

func TestFineGrained(t *testing.T) {
	csv := "p, a, applications, delete, web/shop, allow\np, a, applications, delete/*/Secret/*, web/shop, deny\np, b, applications, delete/*/Pod/*/*, web/shop, allow\np, c, applications, sync, web/*, allow\np, d, applications, rollback, web/*, allow"
	pod, secret := Kind{Kind: "Pod", Namespace: "ns", Name: "p"}, Kind{Kind: "Secret", Namespace: "ns", Name: "s"}
	plain := must(t, Config{RBAC: map[string]string{"policy.csv": csv}})
	inherit := must(t, Config{RBAC: map[string]string{"policy.csv": csv}, Inherit: true, SeparateRollback: true})
	for _, c := range []struct {
		name            string
		k               Kind
		alone, inherits bool
	}{{"a", pod, false, true}, {"a", secret, false, true}, {"b", pod, true, true}, {"b", secret, false, false}} {
		s := Subject{Name: c.name}
		if d := plain.For(s).MayWithin(Delete, "web/shop", c.k); d.Allowed != c.alone {
			t.Errorf("%s %v: %s", c.name, c.k, d)
		}
		if d := inherit.For(s).MayWithin(Delete, "web/shop", c.k); d.Allowed != c.inherits {
			t.Errorf("%s %v, inherited: %s", c.name, c.k, d)
		}
	}
	for name, want := range map[string][2]bool{"c": {true, false}, "d": {false, true}} {
		s := Subject{Name: name}
		may := func(p *Policy) bool {
			return p.For(s).May(Request{Applications, p.RollbackAction(), "web/shop"}).Allowed
		}
		if got := [2]bool{may(plain), may(inherit)}; got != want {
			t.Errorf("rollback by %s: %v", name, got)
		}
	}
}

func TestScopes(t *testing.T) {
	for text, want := range map[string][]string{"": {"groups"}, "[groups, email]": {"groups", "email"}, "email": {"email"}, "[groups": nil, "{a: b}": nil, "[]": {}} {
		p, problems := New(Config{RBAC: map[string]string{"scopes": text}})
		if got := p.Scopes(); !slices.Equal(got, want) || (want == nil) != (len(problems) > 0) {
			t.Errorf("%q: %v, %v", text, got, problems)
		}
	}
}

// TestHostilePatterns: B-039. The library alone would need hours for the first.
func TestHostilePatterns(t *testing.T) {
	long := "web/" + strings.Repeat("a", 3000)
	for pattern, limited := range map[string]bool{
		"*a*c" + strings.Repeat("*a", 200) + "*":                  false,
		strings.Repeat("{*a,*aa}", 40) + "c*":                     false,
		strings.Repeat("?*", 200) + "b":                           false,
		"web/*a*a*b":                                              false,
		strings.Repeat("a", maxPattern+1):                         true,
		strings.Repeat("{", 500):                                  true,
		strings.Repeat("{", 300) + "a" + strings.Repeat("}", 300): false,
	} {
		start := time.Now()
		p, problems := New(Config{RBAC: map[string]string{"policy.csv": fmt.Sprintf("p, zoe, applications, get, %q, allow", pattern)}})
		d := p.For(Subject{Name: "zoe"}).May(Request{Applications, Get, long})
		if took := time.Since(start); took > 2*time.Second || d.Allowed || limited != (len(problems) > 0) {
			t.Errorf("%.40s: %v, %s, %v", pattern, took, d, problems)
		}
	}
	for _, pattern := range []string{"(a{0,30}){30}{2}", "((((a{10}){10}){10}){10}){10}", "(" + strings.Repeat("[a-zä-ü]", 20) + "){1000}"} {
		p, problems := New(Config{RBAC: map[string]string{"policy.matchMode": "regex", "policy.csv": fmt.Sprintf("p, zoe, applications, get, %q, allow", pattern)}})
		if d := p.For(Subject{Name: "zoe"}).May(Request{Applications, Get, long}); len(problems) != 1 || d.Allowed {
			t.Errorf("%s: %v, %s", pattern, problems, d)
		}
	}
	admin := must(t, Config{}).For(Subject{Name: "admin"})
	if d := admin.May(Request{Applications, Get, "web/" + strings.Repeat("a", maxObject)}); d.Allowed {
		t.Error("an object of any length is looked at")
	}
}

func TestAnEndlessConfigMapClosesEverything(t *testing.T) {
	p, problems := New(Config{RBAC: map[string]string{"policy.csv": strings.Repeat("# nothing\n", maxDocument/10+1)}})
	if len(problems) != 1 || !problem.Is(problems[0], problem.Limit) {
		t.Fatal(problems)
	}
	if d := p.For(Subject{Name: "admin"}).May(Request{Applications, Get, "web/x"}); d.Allowed {
		t.Error(d)
	}
}

func TestDecisionExplains(t *testing.T) {
	table := must(t, Config{RBAC: map[string]string{"policy.csv": "g, ops, role:a\np, role:a, logs, *, */*, deny"}}).For(Subject{Name: "admin", Groups: []string{"ops"}})
	for r, want := range map[Request]string{
		{Logs, Get, "web/x"}:          "allowed to admin by built-in:7: p, role:readonly, logs, get, */*, allow",
		{Logs, Delete, "web/x"}:       "denied to ops by policy.csv:2: p, role:a, logs, *, */*, deny",
		{Extensions, Invoke, "shell"}: "no line allows it",
	} {
		if got := table.May(r).String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestHints(t *testing.T) {
	p := must(t, Config{RBAC: map[string]string{"policy.default": "role:nothing", "policy.csv": "g, team, role:empty\ng, x, proj:web:ci\np, acme:dev, logs, get, */*, allow\np, bob , logs, get, */*, allow"}})
	want := []string{
		"role role:empty has members, and no line permits it anything",
		`acme:dev looks like a group that is granted something, and no line "g, acme:dev, role" makes it one that counts`,
		"policy.csv:4: p, bob , logs, get, */*, allow: white space behind a field counts, so it will hardly match",
		`policy.default: no line permits "role:nothing" anything`,
	}
	if diff := cmp.Diff(want, p.Hints()); diff != "" {
		t.Error(diff)
	}
	if hints := must(t, Config{}).Hints(); len(hints) > 0 {
		t.Error(hints)
	}
}

func TestCheckWords(t *testing.T) {
	for words, ok := range map[string]bool{
		"app get": true, "applications update/apps/Deployment/ns/n": true, "applications sync/x": false, "projects delete": true, "log get": true,
		"logs create": false, "exec create": true, "extension invoke": true, "gpgkeys update": false, "cert update": true, "nothing get": false,
		"clusters update/x": false, "write-repositories create": true, "applications action//Pod/x": true, "account get": true,
	} {
		resource, action, _ := strings.Cut(words, " ")
		if err := CheckWords(ResourceNamed(resource), action); (err == nil) != ok {
			t.Errorf("%s: %v", words, err)
		}
	}
	resources, all := Words()
	for _, r := range resources {
		if !slices.ContainsFunc(all, func(a string) bool { return CheckWords(r, a) == nil }) {
			t.Errorf("%s has no action", r)
		}
	}
}

func TestObject(t *testing.T) {
	for _, c := range [][5]string{{"p", "", "n", "argocd", "p/n"}, {"p", "argocd", "n", "argocd", "p/n"}, {"p", "other", "n", "argocd", "p/other/n"}, {"p", "other", "n", "", "p/n"}} {
		if got := Object(c[0], c[1], c[2], c[3]); got != c[4] {
			t.Errorf("%v: %s", c, got)
		}
	}
	if Scoped("", "https://a") != "https://a" || Scoped("p", "https://a") != "p/https://a" {
		t.Error("the name of a cluster")
	}
}

// TestCheckRoles: what is refused when somebody writes a project.
func TestCheckRoles(t *testing.T) {
	role := func(name, policy string, groups ...string) []v1alpha1.ProjectRole {
		return []v1alpha1.ProjectRole{{Name: name, Policies: []string{policy}, Groups: groups}}
	}
	good := "p, proj:web:r, applications, get, web/*, allow"
	for _, c := range []struct {
		roles []v1alpha1.ProjectRole
		want  string // empty: fine
	}{
		{role("r", good, "team", `"a, b"`), ""},
		{role("r", "p, proj:web:r, applications, action/apps/*, web/ns/a-b, deny"), ""},
		{role("r", "p,proj:web:r,logs,get,web/x,allow"), ""},
		{role("r!", good), "invalid role name"},
		{role("-r", good), "invalid role name"},
		{role("r", "p, proj:web:other, applications, get, web/*, allow"), "subject must be proj:web:r"},
		{role("r", "p, proj:web:r, accounts, get, web/*, allow"), "resource must be one of"},
		{role("r", "p, proj:web:r, applications, fly, web/*, allow"), "invalid action 'fly'"},
		{role("r", "p, proj:web:r, applications, get/x, web/*, allow"), "invalid action"},
		{role("r", "p, proj:web:r, applications, get, webs/*, allow"), "must start with web/"},
		{role("r", "p, proj:web:r, applications, get, web/a/b/c, allow"), "object must be of form"},
		{role("r", "p, proj:web:r, applications, get, web/*, maybe"), "effect"},
		{role("r", good+", x"), "must be of the form"},
		{role("r", ""), "must be of the form"},
		{role("r", good+"\ng, zoe, role:admin"), "control character"},
		{role("r", good, "a, b"), "must be quoted"},
		{role("r", good, ""), "is empty"},
		{role("r", good, "a\nb"), "cannot"},
		{role("r", good, " a"), "white space"},
		{role("r", good, "a", "a"), "already exists"},
		{append(role("r", good), role("r", good)...), "already exists"},
		{[]v1alpha1.ProjectRole{{Name: "r", Policies: []string{good, good}}}, "already exists"},
	} {
		problems := CheckRoles("web", c.roles)
		if c.want == "" && len(problems) > 0 || c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want)) {
			t.Errorf("%+v: %v", c.roles, problems)
		}
	}
}

var lineNumber = regexp.MustCompile(`^policy\.csv line \d+: `)

func TestProblemsNameTheLine(t *testing.T) {
	_, problems := New(Config{RBAC: map[string]string{"policy.csv": "\n\nx\n" + strings.Repeat("p, ", 100_000)}})
	for _, err := range problems {
		if !lineNumber.MatchString(err.Error()) || len(err.Error()) > 1024 {
			t.Errorf("%.200s", err)
		}
	}
	if len(problems) != 2 {
		t.Error(len(problems))
	}
}

// A restricted user among 10,000 applications of 100 projects, in a policy of 2,000 lines.
func bigPolicy(b testing.TB) (*Policy, []string) {
	var csv strings.Builder
	var projects []*v1alpha1.AppProject
	var apps []string
	for i := range 100 {
		name := fmt.Sprintf("team-%02d", i)
		for k := range 19 {
			fmt.Fprintf(&csv, "p, role:%s, applications, %s, %s/part-%d-*, allow\n", name, []string{"get", "sync", "*"}[k%3], name, k)
		}
		fmt.Fprintf(&csv, "g, org:%s, role:%s\n", name, name)
		projects = append(projects, withRole(name, "p, proj:"+name+":dev, applications, get, "+name+"/*, allow"))
		for k := range 100 {
			apps = append(apps, fmt.Sprintf("%s/part-%d-app-%d", name, k%25, k))
		}
	}
	return must(b, Config{RBAC: map[string]string{"policy.csv": csv.String()}, Projects: projects}), apps
}

func TestRestrictedUserAmongTenThousand(t *testing.T) {
	p, apps := bigPolicy(t)
	table := p.For(Subject{Name: "zoe", Groups: []string{"org:team-07", "team:team-42"}})
	m := table.Matcher(Applications, Get)
	seen := 0
	for _, app := range apps {
		if m.Allows(app) {
			seen++
		}
	}
	// All of team-42, and of team-07 the parts 0 to 18 with get or *: 13 of 25, four applications each.
	if seen != 100+13*4 {
		t.Errorf("sees %d", seen)
	}
	if a := [3]Access{m.Project("team-42"), m.Project("team-07"), m.Project("team-08")}; a != [3]Access{All, Some, None} {
		t.Error(a)
	}
}

func BenchmarkRestrictedUserLists10000(b *testing.B) {
	p, apps := bigPolicy(b)
	subject := Subject{Name: "zoe", Groups: []string{"org:team-07", "team:team-42"}}
	b.Run("prepared", func(b *testing.B) {
		m := p.For(subject).Matcher(Applications, Get)
		for b.Loop() {
			for _, app := range apps {
				m.Allows(app)
			}
		}
	})
	b.Run("cold", func(b *testing.B) { // with the compilation for the subject
		for b.Loop() {
			m := newTable(p, subject).Matcher(Applications, Get)
			for _, app := range apps {
				m.Allows(app)
			}
		}
	})
	b.Run("explained", func(b *testing.B) { // May, which names the line
		t := p.For(subject)
		for b.Loop() {
			for _, app := range apps {
				t.May(Request{Applications, Get, app})
			}
		}
	})
}

func BenchmarkChangeOneProject(b *testing.B) {
	p, _ := bigPolicy(b)
	project := withRole("team-07", "p, proj:team-07:dev, applications, get, team-07/*, allow")
	for b.Loop() {
		p.WithProject(project)
	}
}
