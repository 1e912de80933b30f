package api_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// absent are the methods of the contract that we do not serve, each with the reason.
var absent = map[string]string{}

// Every method of the contract is registered, or its absence is a decision that stands above.
func TestMethodsOfTheContract(t *testing.T) {
	registered := map[string]bool{}
	for _, m := range server.Methods() {
		registered[m.Path()] = true
		switch {
		case m.Scope == "":
			t.Errorf("%s has no scope", m.Path())
		case m.Scope == server.Single || m.Scope == server.Filtered:
			if err := rbac.CheckWords(m.Resource, m.Action); err != nil {
				t.Errorf("%s: %v", m.Path(), err)
			}
		case m.Resource != "" || m.Action != "":
			t.Errorf("%s is for %s, and declares %s, %s", m.Path(), m.Scope, m.Resource, m.Action)
		}
	}
	for _, m := range argocd.Methods {
		path := "/" + m.Service + "/" + m.Name
		if why, left := absent[path]; left == registered[path] {
			t.Errorf("%s: registered is %v, left out is %v (%s)", path, registered[path], left, why)
		}
	}
}

// TestRules holds what every method declares against a list that a person has read: the matrix takes a declaration at its
// word, so that one which asks for less than it should must be seen here. -update rewrites the list.
func TestRules(t *testing.T) {
	var lines []string
	for _, m := range append(server.Methods(), terminalRoute) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s.%s: %s %s %s", m.Service, m.Name, m.Scope, m.Resource, m.Action)))
	}
	slices.Sort(lines)
	golden(t, "rules.golden", lines, func(string) bool { return false })
}

// recorder is an audit that remembers.
type recorder struct {
	mu   sync.Mutex
	list []server.Decision
}

func (r *recorder) Decided(d server.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, d)
}

// take returns what was decided on a path since the last time, and forgets all.
func (r *recorder) take(path string) []server.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.DeleteFunc(r.list, func(d server.Decision) bool { return d.Method != path })
	r.list = nil
	return slices.Clone(list)
}

// role is somebody who asks, and what the policy makes of them.
type role struct {
	*caller
	subject string // as the policy names them
	refused bool   // they show no token, or one that is no good
	known   bool   // they have proved who they are
	account string // their own
	table   *rbac.Table
}

func (r role) may(resource, action, object string) bool {
	return r.table.May(rbac.Request{Resource: resource, Action: action, Object: object}).Allowed
}

// outcome is what a call must come to.
type outcome int

const (
	permitted  outcome = iota + 1 // anything but being told to go away
	denied                        // 403, and nothing is done
	hidden                        // 404, and nothing is done: it is not where the caller says
	strangers                     // 401, and nothing is done
	eitherWays                    // the rule permits it, and the method asks more than the rule
)

// askMore are the methods that, once their rule has permitted the repository, decide on an application as well.
var askMore = map[string]bool{"ListApps": true, "GetAppDetails": true}

// expect says what must come of a call, from what the method declares and what the policy says.
func expect(m server.Declared, r role, x thing, project string) outcome {
	switch {
	case m.Scope == server.Anybody:
		return permitted
	case r.refused, m.Scope == server.LoggedIn && !r.known:
		return strangers
	case m.Scope != server.Single:
		return permitted
	}
	by := func(ok bool) outcome {
		if ok {
			return permitted
		}
		return denied
	}
	switch m.Resource {
	case rbac.Applications, rbac.Logs, rbac.Exec:
		return expectApp(m, r, x, project)
	case rbac.ApplicationSets:
		return expectSet(m, r, x, project)
	case rbac.Projects:
		return by(r.may(m.Resource, m.Action, x.ofProject()))
	case rbac.Accounts:
		return by(r.account == x.account() || r.may(m.Resource, m.Action, x.account()))
	case rbac.Certificates, rbac.GPGKeys:
		return by(r.may(m.Resource, m.Action, ""))
	case rbac.Clusters:
		if m.Action == rbac.Create {
			return by(r.may(m.Resource, m.Action, rbac.Scoped(project, x.server())))
		}
		return by(x.exists() && r.may(m.Resource, m.Action, rbac.Scoped(x.project, x.server())))
	case rbac.Repositories, rbac.WriteRepositories:
		return expectRepository(m, r, x, project)
	}
	panic("the matrix does not know what " + m.Path() + " is about")
}

// actionOf is the action that a policy must permit: some name the object of the application as well.
func actionOf(m server.Declared, x thing) (action string, part *rbac.Kind) {
	switch m.Name {
	case "PatchResource", "DeleteResource":
		return m.Action, &rbac.Kind{Kind: "ConfigMap", Namespace: x.target, Name: "settings"}
	case "RunResourceAction", "RunResourceActionV2":
		return rbac.ActionOn("", "ConfigMap", "restart"), nil
	case "Rollback":
		return rbac.Sync, nil // the setting that tells the two apart is off
	}
	return m.Action, nil
}

func expectApp(m server.Declared, r role, x thing, project string) outcome {
	if m.Resource == rbac.Applications && m.Action == rbac.Create {
		if r.may(m.Resource, m.Action, rbac.Object(cmp.Or(project, v1alpha1.DefaultProject), "", x.app(), "")) {
			return permitted
		}
		return denied
	}
	object := x.project + "/" + x.app()
	switch {
	case project != "" && !r.may(rbac.Applications, rbac.Get, project+"/"+x.app()):
		return denied
	case project != "" && project != x.project:
		return hidden
	case project == "" && (!x.exists() || !r.may(rbac.Applications, rbac.Get, object)):
		return denied
	}
	action, part := actionOf(m, x)
	switch {
	case part != nil && r.table.MayWithin(action, object, *part).Allowed, part == nil && r.may(m.Resource, action, object):
		return permitted
	}
	return denied
}

func expectSet(m server.Declared, r role, x thing, project string) outcome {
	may := func(action, project string) bool { return r.may(m.Resource, action, project+"/"+x.set()) }
	switch {
	case m.Action == rbac.Create:
		if may(m.Action, cmp.Or(project, v1alpha1.DefaultProject)) {
			return permitted
		}
		return denied
	case !x.exists() && may(rbac.Get, v1alpha1.DefaultProject) && may(rbac.Get, mine) && may(rbac.Get, theirs):
		return hidden
	case x.exists() && may(rbac.Get, x.project) && may(m.Action, x.project):
		return permitted
	}
	return denied
}

func expectRepository(m server.Declared, r role, x thing, project string) outcome {
	sees := x.exists() && r.may(m.Resource, rbac.Get, rbac.Scoped(x.project, x.repo()))
	ok := false
	switch {
	case strings.HasPrefix(m.Service, "repocreds."):
		ok = r.may(m.Resource, m.Action, x.creds())
	case strings.HasPrefix(m.Name, "Get") && m.Request.Name() == "RepoQuery" && m.Name != "GetHelmCharts", strings.HasPrefix(m.Name, "Delete"):
		if sees && project != "" && project != x.project {
			return hidden
		}
		ok = sees && r.may(m.Resource, m.Action, rbac.Scoped(x.project, x.repo()))
	case m.Action == rbac.Get: // what is in a repository, whether it is registered or not
		record := ""
		if x.exists() && project == x.project {
			record = x.project
		}
		ok = r.may(m.Resource, m.Action, rbac.Scoped(record, x.repo()))
	default: // what is sent says in which project it is to be
		ok = r.may(m.Resource, m.Action, rbac.Scoped(project, x.repo()))
	}
	switch {
	case ok && askMore[m.Name]:
		return eitherWays
	case ok:
		return permitted
	}
	return denied
}

// seen reports whether a role may see what a method is about.
func (r role) seen(m server.Declared, x thing) bool {
	if r.refused || !x.exists() {
		return false
	}
	switch m.Resource {
	case rbac.Applications, rbac.Logs, rbac.Exec:
		return r.may(rbac.Applications, rbac.Get, x.project+"/"+x.app())
	case rbac.ApplicationSets:
		return r.may(m.Resource, rbac.Get, x.project+"/"+x.set())
	case rbac.Projects:
		return r.may(m.Resource, rbac.Get, x.project)
	case rbac.Accounts:
		return r.account == x.account() || r.may(m.Resource, rbac.Get, x.account())
	case rbac.Clusters:
		return r.may(m.Resource, rbac.Get, rbac.Scoped(x.project, x.server()))
	case rbac.Repositories, rbac.WriteRepositories:
		if strings.HasPrefix(m.Service, "repocreds.") {
			return r.may(m.Resource, rbac.Get, x.creds())
		}
		return r.may(m.Resource, rbac.Get, rbac.Scoped(x.project, x.repo()))
	}
	return true // nothing that has a name
}

// cell is one row of the matrix: a call and what must come of it.
type cell struct {
	m       server.Declared
	door    string
	r       role
	x       thing
	project string
	message any
	want    outcome
}

func (c cell) String() string {
	return fmt.Sprintf("%s by %s, as %s, on %s, project %q", c.m.Path(), c.door, c.r.name, c.x.label, c.project)
}

// terminalRoute is /terminal as if it were a method: it is none of gRPC, and passes the same choke point. Without a
// handshake, those whom it lets in are told that one is missing.
var terminalRoute = server.Declared{
	Method: argocd.Method{Name: "terminal", REST: []argocd.Binding{{Verb: "GET", Path: "/terminal"}}}, Resource: rbac.Exec, Action: rbac.Create, Scope: server.Single,
	Request: reflect.TypeFor[struct {
		Pod       string `json:"pod"`
		Container string `json:"container"`
		Namespace string `json:"namespace"`
		AppName   string `json:"appName"`
		Project   string `json:"projectName"`
	}](),
}

// matrix lists all calls of some roles.
func matrix(roles []role, things []thing, control string) (list []cell) {
	for _, m := range append(server.Methods(), terminalRoute) {
		for _, r := range roles {
			for i, x := range things {
				for j, project := range []string{"", mine, theirs} {
					q := request{m: m, x: x, project: project, control: control}
					message := q.message()
					if m.Service == "" && project == "" || j > 0 && !q.forms || m.Scope != server.Single && (i > 0 || j > 0) {
						continue
					}
					for _, door := range []string{doorREST, doorGRPC, doorWeb} {
						if door == doorREST && len(m.REST) == 0 || door != doorREST && m.Service == "" {
							continue
						}
						list = append(list, cell{m, door, r, x, project, message, expect(m, r, x, project)})
					}
				}
			}
		}
	}
	return list
}

// path is the name by which the audit knows the method: of two that have one route of REST, the first answers.
func (c cell) path() string {
	if c.m.Service == "" {
		return "/" + c.m.Name
	}
	if c.door == doorREST {
		for _, m := range server.Methods() {
			if slices.Contains(m.REST, c.m.REST[0]) {
				return m.Path()
			}
		}
	}
	return c.m.Path()
}

// when orders the calls that are permitted: what ends something comes last.
func (c cell) when() int {
	switch {
	case c.m.Service == "session.SessionService" && c.m.Name == "Delete":
		return 4
	case strings.HasPrefix(c.m.Name, "Create"): // what it makes would be in the way of all others
		return 3
	case strings.HasPrefix(c.m.Name, "Delete"):
		return 2
	}
	return 1
}

// run makes a call and holds what comes of it against what must.
func (c cell) run(t *testing.T, audit *recorder) reply {
	t.Helper()
	audit.take("")
	got, _ := c.r.ask(t, c.door, c.m, c.message, nil)
	decisions := audit.take(c.path())
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: %s; it was %d, code %d, %q %s; decided: %+v", c, fmt.Sprintf(format, args...), got.http, got.code, got.message, clipped(got.body), decisions)
	}
	is := func(status, code int) bool {
		if c.door != doorREST {
			return got.code == code && got.http == 200
		}
		return got.code == code && got.http == status
	}
	said := func(allowed bool) bool {
		return slices.ContainsFunc(decisions, func(d server.Decision) bool { return d.Allowed == allowed && d.Door == c.door })
	}
	if c.m.ClientStream && c.door == doorREST && c.want != strangers { // REST has no streams of requests
		if got.http != 501 {
			fail("it must not be there")
		}
		return got
	}
	switch c.want {
	case strangers:
		if !is(401, codeUnauthenticated) {
			fail("it must ask who it is")
		} else if !said(false) {
			fail("the audit must know")
		}
	case denied:
		if !is(403, codePermissionDenied) {
			fail("it must be denied")
		} else if len(decisions) == 0 || decisions[len(decisions)-1].Allowed {
			fail("the audit must know")
		}
	case hidden:
		if !is(404, codeNotFound) {
			fail("it must not be found")
		}
	case permitted:
		switch {
		case got.code == codePermissionDenied || got.code == codeUnauthenticated || got.http == 403 || got.http == 401:
			fail("it must be permitted")
		case (c.m.Scope == server.Single || c.m.Scope == server.Filtered) && !said(true):
			fail("the audit must know")
		}
	}
	if (c.want == denied || c.want == strangers) && got.body != "" && c.door != doorREST {
		fail("it must answer nothing")
	}
	return got
}

func clipped(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

// disguised is what a reply tells, with the names that the caller has written taken out.
func (c cell) disguised(r reply) string {
	text := fmt.Sprintf("%d %d %s\n%s", r.http, r.code, r.message, r.body)
	for _, name := range c.x.names(c.m.Resource) {
		text = strings.ReplaceAll(text, name, "NAME")
	}
	return text
}

// TestPermissionMatrix calls every method that there is, by every door, as everybody, on what is theirs, what is not,
// and what is not there (safety 20, 24 and 26; B-110, B-111, B-119).
func TestPermissionMatrix(t *testing.T) {
	audit := &recorder{}
	owner := []string{
		"applications, *, " + mine + "/*, allow", "logs, get, " + mine + "/*, allow", "exec, create, " + mine + "/*, allow", "applicationsets, *, " + mine + "/*, allow",
		"repositories, *, " + mine + "/*, allow", "write-repositories, *, " + mine + "/*, allow", "clusters, *, " + mine + "/*, allow",
		"projects, get, " + mine + ", allow", "projects, update, " + mine + ", allow",
	}
	accounts := []account{
		{"powerless", nil}, {"reader", nil}, {"own-account", owner}, {"foreign-account", nil},
		{"auditor", []string{"applications, get, */*, allow", "applications, get, " + theirs + "/*, deny"}},
	}
	h := startWith(t, daemon.Options{Audit: audit}, nil, accounts...)
	data := h.Get(t, "v1", "ConfigMap", h.control, "argocd-rbac-cm").Object["data"].(map[string]any)
	policy := data["policy.csv"].(string) + "g, reader, role:readonly\n"
	h.put(t, "ConfigMap", "argocd-rbac-cm", map[string]string{"policy.csv": policy})
	settings := map[string]string{"exec.enabled": "true"}
	for _, a := range accounts {
		settings["accounts."+a.name] = "login, apiKey"
	}
	things := h.furnish(t)
	var projects []*v1alpha1.AppProject
	for _, x := range things[:2] {
		projects = append(projects, x.projectRecord())
	}
	compiled, problems := rbac.New(rbac.Config{RBAC: map[string]string{"policy.csv": policy}, Projects: projects})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	as := func(name, account, token string) role {
		r := role{caller: h.with(t, &caller{name: name, token: token}), subject: account, account: account, known: account != "", refused: account == ""}
		r.table = compiled.For(rbac.Subject{Name: r.subject})
		return r
	}
	roles := []role{as("nobody", "", ""), as("garbage", "", "a.b.c"), as("expired token", "", h.expiredToken(t)), as("revoked session", "", h.revokedSession(t))}
	for _, name := range []string{"powerless", "reader", "auditor", "own-account", "admin"} {
		roles = append(roles, as(name, name, h.login(t, name)))
	}
	robot := as("token of the other project", "proj:"+theirs+":ci", h.projectToken(t, theirs))
	robot.account = ""
	roles = append(roles, robot)
	h.put(t, "ConfigMap", "argocd-cm", settings)
	h.eventually(t, "reader", "/api/v1/applications", `own-app`) // the policy is in force
	n := 0
	// anonymous access, with nothing and with a role by default
	for _, byDefault := range []string{"", "role:readonly"} {
		cm := maps.Clone(settings)
		cm["users.anonymous.enabled"] = "true"
		rules := map[string]string{"policy.csv": policy, "policy.default": byDefault}
		h.put(t, "ConfigMap", "argocd-cm", cm)
		h.put(t, "ConfigMap", "argocd-rbac-cm", rules)
		compiled, _ = rbac.New(rbac.Config{RBAC: rules, Projects: projects})
		r := as("anonymous with "+cmp.Or(byDefault, "nothing"), "", "")
		r.refused = false
		want := 403
		if byDefault != "" {
			want = 200
		}
		clustertest.Wait(t, "anonymous access", func(context.Context) error {
			if status, answer := r.send(t, "GET", "/api/v1/applications/own-app", ""); status != want {
				return fmt.Errorf("%d %s", status, answer)
			}
			return nil
		})
		bad := as("garbage where anonymous may enter", "", "a.b.c")
		n += h.hold(t, matrix([]role{r, bad}, things, h.control), things, audit)
	}
	h.put(t, "ConfigMap", "argocd-cm", settings)
	h.put(t, "ConfigMap", "argocd-rbac-cm", map[string]string{"policy.csv": policy, "policy.default": ""})
	h.refusedSoon(t, "")
	n += h.hold(t, matrix(roles, things, h.control), things, audit)
	t.Run(fmt.Sprintf("%d calls of %d methods by 3 doors", n, len(server.Methods())), func(t *testing.T) {
		if n < 20000 {
			t.Error("that is too few to be all: the generator of calls has lost some")
		}
	})
	t.Logf("%d calls of %d methods by 3 doors", n, len(server.Methods()))
}

// hold makes all calls: first those that must come to nothing, after which nothing may have changed, then the others.
func (h *house) hold(t *testing.T, cells []cell, things []thing, audit *recorder) int {
	t.Helper()
	began := time.Now()
	var nothing, something []cell
	for _, c := range cells {
		if c.want == permitted || c.want == eitherWays {
			something = append(something, c)
		} else {
			nothing = append(nothing, c)
		}
	}
	slices.SortStableFunc(something, func(a, b cell) int { return cmp.Compare(a.when(), b.when()) })
	type question struct{ method, door, role, project string }
	missing, others := map[question]string{}, map[question][]struct{ cell, said string }{}
	note := func(c cell, got reply) {
		q := question{c.m.Path(), c.door, c.r.name, c.project}
		switch {
		case c.m.Scope != server.Single || c.want == permitted && (strings.HasPrefix(c.m.Name, "Create") || c.m.Name == "Validate"):
			// a name that is taken cannot be hidden from those who may take names
		case !c.x.exists():
			missing[q] = c.disguised(got)
		case !c.r.seen(c.m, c.x):
			others[q] = append(others[q], struct{ cell, said string }{c.String(), c.disguised(got)})
		}
	}
	before := h.settled(t, things[0].target, things[1].target)
	for _, c := range nothing {
		note(c, c.run(t, audit))
	}
	after := h.objects(t, things[0].target, things[1].target)
	for key := range maps.Keys(after) {
		if before[key] != after[key] {
			t.Errorf("calls that were denied have changed %s:\n%s\n%s", key, before[key], after[key])
		}
	}
	for key := range before {
		if after[key] == "" {
			t.Errorf("calls that were denied have deleted %s", key)
		}
	}
	t.Logf("%d calls that come to nothing took %s", len(nothing), time.Since(began))
	began = time.Now()
	slow := map[string]time.Duration{}
	for _, c := range something {
		if c.when() == 2 && c.x.exists() && (c.m.Resource == rbac.Clusters || strings.Contains(c.m.Resource, rbac.Repositories)) {
			h.register(t, c.x) // an earlier call has deleted it
		}
		at := time.Now()
		got := c.run(t, audit)
		slow[c.m.Path()] += time.Since(at)
		note(c, got)
		for _, x := range things[:2] {
			if c.m.Scope == server.Filtered && !c.r.seen(c.m, x) {
				for _, name := range x.names(c.m.Resource) {
					if strings.Contains(got.body, name) {
						t.Errorf("%s: the answer shows %s: %s", c, name, clipped(got.body))
					}
				}
			}
		}
	}
	t.Logf("%d calls that are permitted took %s", len(something), time.Since(began))
	for path, took := range slow {
		if took > 2*time.Second {
			t.Logf("%s took %s", path, took)
		}
	}
	compared := 0
	for q, list := range others {
		for _, o := range list {
			compared++
			if missing[q] != o.said {
				t.Errorf("%s tells that it is there:\n%s\nwhat is missing is told so:\n%s", o.cell, o.said, missing[q])
			}
		}
	}
	t.Logf("%d answers compared with those for what is missing", compared)
	return len(cells)
}

// login gives somebody a session of its own.
func (h *house) login(t *testing.T, name string) string {
	t.Helper()
	status, answer := (&caller{h: h}).send(t, "POST", "/api/v1/session", `{"username":"`+name+`","password":"`+password+`"}`)
	if status != 200 {
		t.Fatalf("%s cannot log in: %d %s", name, status, answer)
	}
	return into[struct{ Token string }](t, answer).Token
}

func (h *house) expiredToken(t *testing.T) string {
	t.Helper()
	status, answer := h.as(t, "admin").send(t, "POST", "/api/v1/account/own-account/token", `{"expiresIn":1,"id":"short-lived"}`)
	if status != 200 {
		t.Fatalf("no token: %d %s", status, answer)
	}
	token := into[struct{ Token string }](t, answer).Token
	h.refusedSoon(t, token)
	return token
}

func (h *house) revokedSession(t *testing.T) string {
	t.Helper()
	token := h.login(t, "own-account")
	if status, answer := (&caller{h: h, token: token}).send(t, "DELETE", "/api/v1/session", ""); status != 200 {
		t.Fatalf("cannot log out: %d %s", status, answer)
	}
	h.refusedSoon(t, token)
	return token
}

func (h *house) refusedSoon(t *testing.T, token string) {
	t.Helper()
	clustertest.Wait(t, "the end of a token", func(context.Context) error {
		if status, answer := (&caller{h: h, token: token}).send(t, "GET", "/api/v1/account", ""); status != 401 {
			return fmt.Errorf("%d %s", status, answer)
		}
		return nil
	})
}

func (h *house) projectToken(t *testing.T, project string) string {
	t.Helper()
	status, answer := h.as(t, "admin").send(t, "POST", "/api/v1/projects/"+project+"/roles/ci/token", `{"id":"robot"}`)
	if status != 200 {
		t.Fatalf("no token: %d %s", status, answer)
	}
	return into[struct{ Token string }](t, answer).Token
}
