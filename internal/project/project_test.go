package project

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func rules(spec v1alpha1.AppProjectSpec) *Rules {
	return New(&v1alpha1.AppProject{ObjectMeta: metav1.ObjectMeta{Name: "team"}, Spec: spec})
}

func TestSource(t *testing.T) {
	for name, c := range map[string]struct {
		repos             []string
		permitted, denied []string
	}{
		"none":       {nil, nil, []string{"https://git.corp/a/b"}},
		"everything": {[]string{"*"}, []string{"https://git.corp/a/b", "git@git.corp:a/b.git", "oci://ghcr.io/x/y"}, nil},
		"exact, in any spelling": {
			[]string{"https://git.corp/a/b"},
			[]string{"https://git.corp/a/b", "https://git.corp/A/b.git", "https://me:pw@git.corp/a/b/"},
			[]string{"https://git.corp/a/bc", "http://git.corp/a/b", "https://git.corp.evil.com/a/b", "https://git.corp@evil/a/b", "git@git.corp:a/b"},
		},
		"one star stays in its folder": {
			[]string{"https://git.corp/a/*"}, []string{"https://git.corp/a/b"}, []string{"https://git.corp/a/b/c", "https://git.corp/b/a"},
		},
		"two stars do not": {[]string{"https://git.corp/a/**"}, []string{"https://git.corp/a/b", "https://git.corp/a/b/c"}, []string{"https://git.corp/b/c"}},
		"short ssh form":   {[]string{"git@git.corp:a/*"}, []string{"git@git.corp:a/b.git", "ssh://git@git.corp/a/b"}, []string{"git@git.corp:b/b"}},
		"deny beats allow, before and after it": {
			[]string{"!https://git.corp/evil/**", "*", "!https://gitlab.com/group/**"},
			[]string{"https://git.corp/good/x"},
			[]string{"https://git.corp/evil/x", "https://git.corp/Evil/x.git", "https://git.corp//evil/x", "https://u@git.corp:443/evil/x", "https://gitlab.com/group/a/b"},
		},
		"deny on its own allows the rest (as Argo CD)": {[]string{"!https://git.corp/evil/*"}, []string{"https://git.corp/good/x"}, []string{"https://git.corp/evil/x"}},
		"deny everything": {[]string{"*", "!*"}, nil, []string{"https://git.corp/a/b"}},
		"climbing": {
			[]string{"https://git.corp/a/**", "https://git/*"}, nil,
			[]string{"https://git.corp/a/../b/c", "https://git.corp/a/%2e%2E/b", "https://git.corp/a/..%2fb", `https://git.corp/a\..\b`, "https://git/../evil", "https://git.evil"},
		},
		"malformed allow permits nothing":  {[]string{"https://git.corp/{a"}, nil, []string{"https://git.corp/a", "https://git.corp/{a"}},
		"malformed deny denies everything": {[]string{"*", "!https://git.corp/{a"}, nil, []string{"https://elsewhere.corp/x"}},
	} {
		r := rules(v1alpha1.AppProjectSpec{SourceRepos: c.repos})
		for _, url := range c.permitted {
			if err := r.Source(url); err != nil {
				t.Errorf("%s: %s: %v", name, url, err)
			}
		}
		for _, url := range c.denied {
			if err := r.Source(url); !problem.Is(err, problem.Forbidden) {
				t.Errorf("%s: %s: got %v, want it refused", name, url, err)
			}
		}
		if malformed := strings.HasPrefix(name, "malformed"); malformed != (len(r.Problems()) > 0) {
			t.Errorf("%s: problems %v", name, r.Problems())
		}
	}
}

func TestDestination(t *testing.T) {
	const home = "https://kubernetes.default.svc"
	dst := func(server, name, namespace string) v1alpha1.ApplicationDestination {
		return v1alpha1.ApplicationDestination{Server: server, Name: name, Namespace: namespace}
	}
	at := func(server, name, namespace string) Target {
		return Target{Server: server, Name: name, Namespace: namespace}
	}
	for name, c := range map[string]struct {
		allowed           []v1alpha1.ApplicationDestination
		permitted, denied []Target
	}{
		"none": {nil, nil, []Target{at(home, "in-cluster", "web")}},
		"by server": {
			[]v1alpha1.ApplicationDestination{dst(home, "", "web")},
			[]Target{at(home, "in-cluster", "web"), at(home+"/", "", "web")},
			[]Target{at(home, "in-cluster", "webs"), at("https://other", "in-cluster", "web"), at(home, "in-cluster", ""), at("", "", "web")},
		},
		"by name": {
			[]v1alpha1.ApplicationDestination{dst("", "prod-*", "web-*")},
			[]Target{at("https://1.2.3.4", "prod-eu", "web-a")},
			[]Target{at("https://1.2.3.4", "dev", "web-a"), at("https://1.2.3.4", "", "web-a"), at("prod-eu", "", "web-a")},
		},
		"server or name": {
			[]v1alpha1.ApplicationDestination{dst("https://a", "b", "*")},
			[]Target{at("https://a", "x", "n"), at("https://x", "b", "n")}, []Target{at("https://x", "x", "n")},
		},
		"star crosses slashes in servers": {[]v1alpha1.ApplicationDestination{dst("*", "", "*")}, []Target{at("https://a/k8s/c-1", "", "n"), at(home, "", "")}, nil},
		"denied namespace": {
			[]v1alpha1.ApplicationDestination{dst("*", "", "!kube-system"), dst("*", "", "*")},
			[]Target{at(home, "", "web")}, []Target{at(home, "", "kube-system")},
		},
		"denied namespace alone allows the others (as Argo CD)": {
			[]v1alpha1.ApplicationDestination{dst("*", "", "!kube-*")},
			[]Target{at(home, "", "web")}, []Target{at(home, "", "kube-system")},
		},
		"denied server": {
			[]v1alpha1.ApplicationDestination{dst("!https://team1-*", "", "*"), dst("*", "", "*")},
			[]Target{at(home, "", "web")}, []Target{at("https://team1-x", "", "web"), at("", "some", "web")},
		},
		"denied name is not passed by the server": {
			[]v1alpha1.ApplicationDestination{dst("*", "!prod", "*")},
			[]Target{at(home, "dev", "web")}, []Target{at(home, "prod", "web"), at(home, "", "web")},
		},
		"namespaces that cannot exist": {
			[]v1alpha1.ApplicationDestination{dst("*", "", "!kube-system"), dst("*", "", "*")},
			nil, []Target{at(home, "", "kube-system "), at(home, "", "Kube-system"), at(home, "", "kube\u2010system"), at(home, "", "a/b"), at(home, "", "-a"), at(home, "", strings.Repeat("a", 64))},
		},
	} {
		r := rules(v1alpha1.AppProjectSpec{Destinations: c.allowed})
		for _, target := range c.permitted {
			if err := r.Destination(target); err != nil {
				t.Errorf("%s: %+v: %v", name, target, err)
			}
		}
		for _, target := range c.denied {
			if err := r.Destination(target); err == nil {
				t.Errorf("%s: %+v: want it refused", name, target)
			}
		}
	}
}

func TestClustersOfOtherProjects(t *testing.T) {
	r := rules(v1alpha1.AppProjectSpec{
		Destinations:                    []v1alpha1.ApplicationDestination{{Server: "*", Namespace: "*"}},
		PermitOnlyProjectScopedClusters: true,
	})
	for project, permitted := range map[string]bool{"team": true, "": false, "other": false} {
		if err := r.Destination(Target{Server: "https://a", Namespace: "n", ClusterProject: project}); (err == nil) != permitted {
			t.Errorf("cluster of project %q: %v", project, err)
		}
	}
}

func TestKind(t *testing.T) {
	deployment := schema.GroupKind{Group: "apps", Kind: "Deployment"}
	namespace := schema.GroupKind{Kind: "Namespace"}
	role := schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}
	kinds := func(gk ...string) []metav1.GroupKind {
		var list []metav1.GroupKind
		for i := 0; i < len(gk); i += 2 {
			list = append(list, metav1.GroupKind{Group: gk[i], Kind: gk[i+1]})
		}
		return list
	}
	items := func(gkn ...string) []v1alpha1.ClusterResourceRestrictionItem {
		var list []v1alpha1.ClusterResourceRestrictionItem
		for i := 0; i < len(gkn); i += 3 {
			list = append(list, v1alpha1.ClusterResourceRestrictionItem{Group: gkn[i], Kind: gkn[i+1], Name: gkn[i+2]})
		}
		return list
	}
	type question struct {
		gk   schema.GroupKind
		name string
		ns   bool
		want bool
	}
	for name, c := range map[string]struct {
		spec v1alpha1.AppProjectSpec
		asks []question
	}{
		"empty project":        {v1alpha1.AppProjectSpec{}, []question{{deployment, "a", true, true}, {namespace, "a", false, false}}},
		"default project":      {v1alpha1.AppProjectSpec{ClusterResourceWhitelist: items("*", "*", "")}, []question{{namespace, "a", false, true}, {role, "r", false, true}}},
		"cluster whitelist":    {v1alpha1.AppProjectSpec{ClusterResourceWhitelist: items("", "Namespace", "")}, []question{{namespace, "a", false, true}, {role, "r", false, false}}},
		"group glob":           {v1alpha1.AppProjectSpec{ClusterResourceWhitelist: items("rbac.*", "Cluster*", "")}, []question{{role, "r", false, true}, {namespace, "a", false, false}}},
		"cluster blacklist":    {v1alpha1.AppProjectSpec{ClusterResourceWhitelist: items("*", "*", ""), ClusterResourceBlacklist: items("", "Namespace", "")}, []question{{namespace, "a", false, false}, {role, "r", false, true}}},
		"names":                {v1alpha1.AppProjectSpec{ClusterResourceWhitelist: items("", "Namespace", "team-*")}, []question{{namespace, "team-a", false, true}, {namespace, "other", false, false}, {namespace, "", false, false}}},
		"denied names":         {v1alpha1.AppProjectSpec{ClusterResourceWhitelist: items("*", "*", ""), ClusterResourceBlacklist: items("", "Namespace", "kube-*")}, []question{{namespace, "kube-system", false, false}, {namespace, "web", false, true}, {namespace, "", false, false}}},
		"namespaced blacklist": {v1alpha1.AppProjectSpec{NamespaceResourceBlacklist: kinds("apps", "*")}, []question{{deployment, "a", true, false}, {schema.GroupKind{Kind: "Secret"}, "s", true, true}}},
		"namespaced whitelist": {v1alpha1.AppProjectSpec{NamespaceResourceWhitelist: kinds("apps", "Deployment")}, []question{{deployment, "a", true, true}, {schema.GroupKind{Kind: "Secret"}, "s", true, false}}},
		"empty whitelist":      {v1alpha1.AppProjectSpec{NamespaceResourceWhitelist: kinds()}, []question{{deployment, "a", true, true}}},
		"written empty whitelist": {
			v1alpha1.AppProjectSpec{NamespaceResourceWhitelist: []metav1.GroupKind{}}, []question{{deployment, "a", true, false}},
		},
		"both lists":     {v1alpha1.AppProjectSpec{NamespaceResourceWhitelist: kinds("*", "*"), NamespaceResourceBlacklist: kinds("", "Secret")}, []question{{deployment, "a", true, true}, {schema.GroupKind{Kind: "Secret"}, "s", true, false}}},
		"malformed deny": {v1alpha1.AppProjectSpec{NamespaceResourceBlacklist: kinds("[", "Secret")}, []question{{deployment, "a", true, false}}},
		"malformed list": {v1alpha1.AppProjectSpec{NamespaceResourceWhitelist: kinds("[", "*")}, []question{{deployment, "a", true, false}}},
	} {
		for _, q := range c.asks {
			if err := rules(c.spec).Kind(q.gk, q.name, q.ns); (err == nil) != q.want {
				t.Errorf("%s: %+v: %v", name, q, err)
			}
		}
	}
}

func TestObject(t *testing.T) {
	r := rules(v1alpha1.AppProjectSpec{
		Destinations:             []v1alpha1.ApplicationDestination{{Server: "https://a", Namespace: "web"}},
		ClusterResourceWhitelist: []v1alpha1.ClusterResourceRestrictionItem{{Kind: "Namespace"}},
	})
	to := Target{Server: "https://a", Namespace: "elsewhere, and it must not matter"}
	for _, c := range []struct {
		key        object.Key
		namespaced bool
		want       string
	}{
		{object.Key{Group: "apps", Kind: "Deployment", Namespace: "web", Name: "x"}, true, ""},
		{object.Key{Kind: "Namespace", Name: "anything"}, false, ""},
		{object.Key{Group: "apps", Kind: "Deployment", Namespace: "argocd", Name: "x"}, true, "namespace argocd is not permitted in project 'team'"},
		{object.Key{Group: "apps", Kind: "Deployment", Name: "x"}, true, "namespace  is not permitted in project 'team'"},
		{object.Key{Kind: "Node", Name: "x"}, false, "resource :Node is not permitted in project team"},
		// whoever renders decides nothing: a namespaced kind without namespace is still namespaced
		{object.Key{Kind: "Secret", Name: "x"}, true, "namespace  is not permitted in project 'team'"},
		{object.Key{Kind: "Secret", Namespace: "Web", Name: "x"}, true, `namespace "Web" is not a valid name (at most 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit)`},
	} {
		got := ""
		if err := r.Object(c.key, c.namespaced, to); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v:\n got %s\nwant %s", c.key, got, c.want)
		}
	}
}

func TestSentencesAreArgoCDs(t *testing.T) {
	r := rules(v1alpha1.AppProjectSpec{})
	for want, err := range map[string]error{
		"application repo https://x/y is not permitted in project 'team'":                                                             r.Source("https://x/y"),
		"application destination server 'https://a' and namespace 'n' do not match any of the allowed destinations in project 'team'": r.Destination(Target{Server: "https://a", Namespace: "n"}),
		"resource :Namespace is not permitted in project team":                                                                        r.Kind(schema.GroupKind{Kind: "Namespace"}, "n", false),
		"application 'web' in namespace 'dev' is not allowed to use project team":                                                     r.Application("web", "dev", "argocd"),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestApplicationNamespaces(t *testing.T) {
	r := rules(v1alpha1.AppProjectSpec{SourceNamespaces: []string{"team-*", "/^ops-[0-9]+$/", "/(/", "{"}})
	for ns, permitted := range map[string]bool{"": true, "argocd": true, "team-a": true, "ops-1": true, "ops-x": false, "other": false, "xteam-a": false} {
		if err := r.Application("web", ns, "argocd"); (err == nil) != permitted {
			t.Errorf("%q: %v", ns, err)
		}
	}
	if len(r.Problems()) != 2 {
		t.Errorf("problems: %v", r.Problems())
	}
}

func TestInherit(t *testing.T) {
	kinds := func(kind ...string) []metav1.GroupKind {
		list := []metav1.GroupKind{}
		for _, k := range kind {
			list = append(list, metav1.GroupKind{Kind: k})
		}
		return list
	}
	own := &v1alpha1.AppProject{ObjectMeta: metav1.ObjectMeta{Name: "team"}, Spec: v1alpha1.AppProjectSpec{
		SourceRepos: []string{"https://git.corp/a"}, Destinations: []v1alpha1.ApplicationDestination{{Server: "https://a", Namespace: "team-*"}},
	}}
	before := own.DeepCopy()
	global := &v1alpha1.AppProject{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Spec: v1alpha1.AppProjectSpec{
		SourceRepos: []string{"https://git.corp/shared", "!https://git.corp/secret"}, Destinations: []v1alpha1.ApplicationDestination{{Server: "*", Namespace: "!team-x"}},
		NamespaceResourceBlacklist: kinds("Secret"), ClusterResourceWhitelist: []v1alpha1.ClusterResourceRestrictionItem{{Kind: "Namespace"}},
		SyncWindows: []v1alpha1.SyncWindow{{Kind: "deny", Schedule: "* * * * *", Duration: "1h", Applications: []string{"*"}}},
	}}
	r := Compile(Input{Project: own, Global: []*v1alpha1.AppProject{global}})
	for _, c := range []struct {
		what      string
		err       error
		permitted bool
	}{
		{"own repository", r.Source("https://git.corp/a"), true},
		{"global repository", r.Source("https://git.corp/shared"), true},
		{"global repository that is denied", r.Source("https://git.corp/secret"), false},
		{"own destination", r.Destination(Target{Server: "https://a", Namespace: "team-a"}), true},
		{"destination that the global project denies", r.Destination(Target{Server: "https://a", Namespace: "team-x"}), false},
		{"kind that the global project forbids", r.Kind(schema.GroupKind{Kind: "Secret"}, "s", true), false},
		{"kind that nobody forbids", r.Kind(schema.GroupKind{Kind: "ConfigMap"}, "c", true), true},
		{"cluster-scoped kind that the global project permits", r.Kind(schema.GroupKind{Kind: "Namespace"}, "n", false), true},
	} {
		if (c.err == nil) != c.permitted {
			t.Errorf("%s: %v", c.what, c.err)
		}
	}
	if n := len(r.windows); n != 1 {
		t.Errorf("%d windows", n)
	}
	if diff := cmp.Diff(before, own); diff != "" {
		t.Errorf("the project itself was changed: %s", diff)
	}
	for name, c := range map[string]struct {
		own, global []metav1.GroupKind
		permitted   bool // ConfigMap
	}{
		"no list":                          {nil, nil, true},
		"the global project's list counts": {nil, kinds("Service"), false},
		"its empty list, too":              {nil, kinds(), false},
		"its list adds to the own one":     {kinds("ConfigMap"), kinds("Service"), true},
		"the own empty list stays":         {kinds(), nil, false},
	} {
		r := Compile(Input{Project: &v1alpha1.AppProject{Spec: v1alpha1.AppProjectSpec{NamespaceResourceWhitelist: c.own}},
			Global: []*v1alpha1.AppProject{{Spec: v1alpha1.AppProjectSpec{NamespaceResourceWhitelist: c.global}}}})
		if err := r.Kind(schema.GroupKind{Kind: "ConfigMap"}, "c", true); (err == nil) != c.permitted {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRegisteredForAProject(t *testing.T) {
	p := &v1alpha1.AppProject{ObjectMeta: metav1.ObjectMeta{Name: "team"}, Spec: v1alpha1.AppProjectSpec{
		SourceRepos: []string{"!https://git.corp/bad"}, Destinations: []v1alpha1.ApplicationDestination{{Server: "https://own", Namespace: "!kube-system"}},
		PermitOnlyProjectScopedClusters: true,
	}}
	r := Compile(Input{Project: p, Repositories: []string{"https://git.corp/a[b]*.git", "https://git.corp/bad"},
		Clusters: []Target{{Server: "https://own/"}, {Server: "https://narrow", Namespace: "web"}}})
	if err := r.Source("https://git.corp/A[b]*"); err != nil {
		t.Error(err)
	}
	if r.Source("https://git.corp/bad") == nil {
		t.Error("a repository that the project denies is permitted because it is registered")
	}
	at := func(server, namespace string) Target {
		return Target{Server: server, Namespace: namespace, ClusterProject: "team"}
	}
	for _, target := range []Target{at("https://own", "web"), at("https://narrow", "web")} {
		if err := r.Destination(target); err != nil {
			t.Error(err)
		}
	}
	for _, target := range []Target{at("https://own", "kube-system"), at("https://narrow", "other"), at("https://narrow", ""), at("https://ownx", "web"), {Server: "https://own", Namespace: "web"}} {
		if r.Destination(target) == nil {
			t.Errorf("%+v is permitted", target)
		}
	}
}

func TestNamespaces(t *testing.T) {
	for text, c := range map[string]struct{ in, out string }{
		"*":                          {"a kube-system", ""},
		"team-*":                     {"team-a team-", "xteam-a team"},
		"app-?,app-ten":              {"app-1 app-ten", "app-11"},
		"/^ops-[0-9]+$/":             {"ops-1", "ops-x xops-1"},
		"/ops/":                      {"ops xopsx", "op"},
		"/^((?!not-allowed).)*$/":    {"a allowed", "not-allowed x-not-allowed-y"},
		"/^(?!kube-|openshift-).*$/": {"web my-kube-x", "kube-system openshift-a"},
		"//":                         {"//", "a"},
	} {
		matches, err := Namespaces(strings.Split(text, ","))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for _, ns := range strings.Fields(c.in) {
			if !matches(ns) {
				t.Errorf("%s does not match %s", text, ns)
			}
		}
		for _, ns := range strings.Fields(c.out) {
			if matches(ns) {
				t.Errorf("%s matches %s", text, ns)
			}
		}
	}
	for _, text := range []string{"/(/", "/a(?=b)/", "/^((?!a)(?!b).)*$/", "{", "/" + strings.Repeat("a", maxPattern) + "/"} {
		if _, err := Namespaces([]string{"fine", text}); err == nil {
			t.Errorf("%.20s compiles", text)
		}
	}
}

func BenchmarkObject(b *testing.B) {
	spec := v1alpha1.AppProjectSpec{}
	for _, ns := range []string{"a", "b", "c", "d-*", "web-*"} {
		spec.Destinations = append(spec.Destinations, v1alpha1.ApplicationDestination{Server: "https://kubernetes.default.svc", Namespace: ns})
	}
	r := rules(spec)
	key := object.Key{Group: "apps", Kind: "Deployment", Namespace: "web-prod", Name: "x"}
	for b.Loop() {
		if err := r.Object(key, true, Target{Server: "https://kubernetes.default.svc"}); err != nil {
			b.Fatal(err)
		}
	}
}
