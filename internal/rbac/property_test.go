package rbac

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gobwas/glob"
	"pgregory.net/rapid"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

var (
	names     = rapid.SampledFrom([]string{"alice", "bob", "role:a", "role:b", "team:x", "role:readonly"})
	resources = rapid.SampledFrom([]string{"applications", "logs", "*", "clusters", "{applications,logs}", "app*"})
	actions   = rapid.SampledFrom([]string{"get", "sync", "*", "delete", "delete/*", "action/apps/*"})
	objects   = rapid.SampledFrom([]string{"*", "*/*", "web/*", "api/*", "web/shop", "web/*-prod", "*/shop", "web/ns/*", "{web,api}/shop"})
	effects   = rapid.SampledFrom([]string{"allow", "allow", "deny"})
	asked     = rapid.Custom(func(t *rapid.T) Request {
		return Request{
			rapid.SampledFrom([]string{"applications", "logs", "clusters", "projects"}).Draw(t, "resource"),
			rapid.SampledFrom([]string{"get", "sync", "delete", "delete//Pod/ns/n", "action/apps/Deployment/restart"}).Draw(t, "action"),
			rapid.SampledFrom([]string{"web/shop", "web/shop-prod", "api/shop", "web/ns/shop", "web", "other"}).Draw(t, "object"),
		}
	})
)

func drawLine(t *rapid.T) string {
	if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
		return fmt.Sprintf("g, %s, %s", names.Draw(t, "member"), names.Draw(t, "role"))
	}
	object, resource := objects.Draw(t, "object"), resources.Draw(t, "resource")
	return fmt.Sprintf("p, %s, %q, %s, %q, %s", names.Draw(t, "subject"), resource, actions.Draw(t, "action"), object, effects.Draw(t, "effect"))
}

// TestDamageNeverBroadens damages lines of policies as people do, and asks whether anybody gained anything.
func TestDamageNeverBroadens(t *testing.T) {
	damage := map[string]func(string) string{
		"a misspelt effect":   func(s string) string { return s[:len(s)-1] + "x" },
		"a field too many":    func(s string) string { return s + ", more" },
		"an effect cut off":   func(s string) string { return s[:strings.LastIndex(s, ",")] },
		"a bad pattern":       func(s string) string { return strings.Replace(s, "/", "/[", 1) },
		"a quote not closed":  func(s string) string { i := strings.LastIndex(s, ","); return s[:i+1] + ` "` + s[i+2:] },
		"a control character": func(s string) string { return s[:len(s)-3] + "\x01" + s[len(s)-3:] },
	}
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(drawLine), 1, 8).Draw(t, "lines")
		whole, problems := New(Config{RBAC: map[string]string{"policy.csv": strings.Join(lines, "\n")}})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		i := rapid.IntRange(0, len(lines)-1).Draw(t, "line")
		how := rapid.SampledFrom(sorted(keySet(damage))).Draw(t, "damage")
		if strings.HasPrefix(lines[i], "g") && (how == "a misspelt effect" || how == "an effect cut off") {
			return // another role's name, or none: nobody can know which was meant
		}
		lines[i] = damage[how](lines[i])
		hurt, _ := New(Config{RBAC: map[string]string{"policy.csv": strings.Join(lines, "\n")}})
		s := Subject{Name: names.Draw(t, "who"), Groups: []string{names.Draw(t, "group")}}
		r := asked.Draw(t, "request")
		before, after := whole.For(s).May(r), hurt.For(s).May(r)
		if after.Allowed && !before.Allowed {
			t.Fatalf("%s in line %d let %v do %v: before %s, after %s", how, i+1, s, r, before, after)
		}
	})
}

func keySet[V any](m map[string]V) map[string]bool {
	set := map[string]bool{}
	for k := range m {
		set[k] = true
	}
	return set
}

// TestMatcherAgrees compares the fast path with the one that explains, in policies with projects.
func TestMatcherAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(drawLine), 0, 8).Draw(t, "lines")
		web := &v1alpha1.AppProject{}
		web.Name = "web"
		web.Spec.Roles = []v1alpha1.ProjectRole{{Name: "r", Groups: []string{names.Draw(t, "roleGroup")}, Policies: []string{
			fmt.Sprintf("p, proj:web:r, applications, %s, web/%s, %s", actions.Draw(t, "roleAction"), rapid.SampledFrom([]string{"*", "shop", "s*"}).Draw(t, "roleObject"), effects.Draw(t, "roleEffect")),
		}}}
		base, _ := New(Config{RBAC: map[string]string{"policy.csv": strings.Join(lines, "\n"), "policy.default": rapid.SampledFrom([]string{"", "role:a", "role:readonly"}).Draw(t, "default")}})
		p, problems := base.WithProject(web)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		s := Subject{Name: rapid.SampledFrom([]string{"alice", "bob", "proj:web:r", "proj:api:r", ""}).Draw(t, "who"), Groups: []string{names.Draw(t, "group"), names.Draw(t, "group2")}}
		r := asked.Draw(t, "request")
		table := p.For(s)
		d, m := table.May(r), table.Matcher(r.Resource, r.Action)
		for _, told := range []string{"worked out", "remembered"} {
			if m.Allows(r.Object) != d.Allowed {
				t.Fatalf("%v %v: May says %s, the matcher the opposite (%s)", s, r, d, told)
			}
		}
		if project, _, below := strings.Cut(r.Object, "/"); below && ScopedToProject(r.Resource) {
			if a := m.Project(project); a == All && !d.Allowed || a == None && d.Allowed {
				t.Fatalf("%v %v: access %d, but %s", s, r, a, d)
			}
		}
	})
}

// FuzzGlob compares globs with the library that Argo CD uses. Those that the library cannot match in bounded time must
// not match more than it does, unless they have choices, with which the library errs.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"*", "a"}, {"a*", "ab"}, {"**", ""}, {"*/*", "a/b"}, {"ab*ba", "aba"}, {"{a,b*}?[!c]", "abd"}, {"a**b", "ab"}, {"delete/*/*/*/*", "delete////"}, {`a\*`, "a*"}, {"[a-c]x", "bx"}, {"a!b-", "a!b-"}, {"*a", "ba"}, {"{,x}y", "y"}, {"", ""}, {"0{}*", "0"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, s string) {
		if len(text) > 24 || len(s) > 24 || !utf8.ValidString(text) || !utf8.ValidString(s) || strings.ContainsFunc(text, unicode.IsControl) { // none is in a line that we take
			return
		}
		p, err := compile(text, false)
		if err != nil {
			return
		}
		g, err := glob.Compile(text)
		if err != nil {
			t.Fatalf("we take %q, the library says %v", text, err)
		}
		_, branches, _ := translate(text)
		ours := p.match(s)
		theirs, answered := func() (matched, ok bool) {
			defer func() { _ = recover() }() // for some it panics: nothing to compare with, and we have not
			return g.Match(s), true
		}()
		if answered && (branches <= maxBranch && ours != theirs || ours && !theirs && !strings.Contains(text, "{")) {
			t.Errorf("glob %q on %q: ours %v, the library's %v", text, s, ours, theirs)
		}
		if folder := s + "/"; p.covers(folder) && !p.match(folder+"x") || !p.touches(folder) && p.match(folder+"x") {
			t.Errorf("glob %q below %q: covers %v, touches %v, matches %v", text, folder, p.covers(folder), p.touches(folder), p.match(folder+"x"))
		}
	})
}

// FuzzPolicy reads anything as a policy and as a project's role: it must end, must not panic, must grant nobody what no
// correct line says, and a project's role must not reach beyond its project.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{"p, zoe, applications, get, */*, allow", "g, zoe, role:admin", "p, proj:web:r, applications, *, web/*, allow", "# x\n\n p,\"a\"\"b\",*", "p, a, b, c, d, allow\r\np,,,,,", "\xff,\x00", "p, a, [, {, \\, deny"} {
		f.Add(seed, seed, false)
		f.Add(seed, seed, true)
	}
	f.Fuzz(func(t *testing.T, document, policy string, regex bool) {
		data := map[string]string{"policy.csv": document}
		if regex {
			data["policy.matchMode"] = "regex"
		}
		web := &v1alpha1.AppProject{}
		web.Name = "web"
		web.Spec.Roles = []v1alpha1.ProjectRole{{Name: "r", Policies: []string{policy}, Groups: []string{policy}}}
		p, _ := New(Config{RBAC: data, NoBuiltin: true})
		if d := p.For(Subject{}).May(Request{Applications, Get, "web/x"}); d.Allowed {
			t.Fatalf("nobody is %s", d)
		}
		if d := p.For(Subject{Name: "zoe", Groups: []string{"g"}}).May(Request{Applications, Get, "web/x"}); d.Allowed && !strings.HasSuffix(strings.TrimRight(d.Line.Text, `" `), "allow") && len(d.Line.Text) < 500 {
			t.Fatalf("%s", d)
		}
		p.Hints()
		only, _ := New(Config{RBAC: map[string]string{"policy.matchMode": data["policy.matchMode"]}, Projects: []*v1alpha1.AppProject{web}, NoBuiltin: true})
		for _, who := range []Subject{{Name: "proj:web:r"}, {Name: "zoe", Groups: []string{policy, "zoe"}}, {Name: "proj:api:r"}} {
			for _, r := range []Request{{Applications, Get, "api/x"}, {Accounts, Update, "zoe"}, {Projects, Delete, "web"}, {Projects, Get, "api"}, {Clusters, Get, "https://one"}} {
				if d := only.For(who).May(r); d.Allowed {
					t.Fatalf("%v %v: %s", who, r, d)
				}
			}
		}
	})
}
