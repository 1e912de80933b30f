package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/config"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// copyThere is the agent's copy of an Application; nil when there is none.
func (e *edge) copyThere(t testing.TB, name string) *unstructured.Unstructured {
	t.Helper()
	return e.there.Get(t, "argoproj.io/v1alpha1", "Application", e.own, name)
}

// person gives somebody a policy and returns their token.
func (e *edge) person(t *testing.T, name string, permissions ...string) string {
	t.Helper()
	e.permit(t, name, permissions...)
	var made struct{ Token string }
	e.until(t, name+" has an account", func() bool {
		status, text := e.call(t, "POST", "/api/v1/account/"+name+"/token", `{}`)
		return status == 200 && json.Unmarshal([]byte(text), &made) == nil && made.Token != ""
	})
	return made.Token
}

func (e *edge) permit(t *testing.T, name string, permissions ...string) {
	t.Helper()
	var policy strings.Builder
	for _, p := range permissions {
		fmt.Fprintf(&policy, "    p, role:of-%s, %s\n", name, p)
	}
	fmt.Fprintf(&policy, "    g, %s, role:of-%s\n", name, name)
	e.Apply(t, e.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-rbac-cm, labels: {app.kubernetes.io/part-of: argocd}}\ndata:\n  policy.csv: |\n"+policy.String())
}

// shell is a terminal of a container, over the hub's server.
type shell struct {
	*websocket.Conn
	shown string
}

func (e *edge) terminal(t *testing.T, token, application, project, pod string) (*shell, int) {
	t.Helper()
	q := url.Values{"pod": {pod}, "container": {"web"}, "namespace": {e.target}, "appName": {application}, "appNamespace": {e.control}, "projectName": {project}}
	conn, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+e.port+"/terminal?"+q.Encode(), http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		if res == nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		return nil, res.StatusCode
	}
	t.Cleanup(func() { conn.Close() })
	return &shell{Conn: conn}, res.StatusCode
}

func (s *shell) send(t *testing.T, message map[string]any) {
	t.Helper()
	if err := s.WriteJSON(message); err != nil {
		t.Fatal(err)
	}
}

// until reads until the screen shows a text; the session ends with an error.
func (s *shell) until(text string) error {
	_ = s.SetReadDeadline(time.Now().Add(time.Minute))
	for !strings.Contains(s.shown, text) {
		var m struct{ Operation, Data string }
		if err := s.ReadJSON(&m); err != nil {
			return err
		}
		s.shown += m.Data
	}
	return nil
}

// A person with rights in one project has, through an agent, what their rules give, and nothing of what the agent could do:
// that is decided at the hub, before the call is passed on.
func TestRightsThroughAnAgent(t *testing.T) {
	e := withAgent(t)
	e.Apply(t, e.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, labels: {app.kubernetes.io/part-of: argocd}}\ndata: {exec.enabled: 'true', exec.shells: sh, accounts.ada: apiKey}")
	repo := e.git.Repo(t, "rights", map[string]string{"web.yaml": talking})
	e.Apply(t, e.control, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: shop}\nspec: {sourceRepos: ['*'], destinations: [{server: 'agent://%s', namespace: '%s'}], namespaceResourceWhitelist: [{group: '*', kind: '*'}]}", e.agent, e.target))
	name, other := e.name("web"), e.name("other")
	body := func(name, project string) string {
		return fmt.Sprintf(`{"metadata":{"name":%q},"spec":{"project":%q,"source":{"repoURL":%q,"path":".","targetRevision":"main"},"destination":{"server":"agent://%s","namespace":%q},"syncPolicy":{"automated":{}}}}`,
			name, project, repo.URL, e.agent, e.target)
	}
	var found struct {
		Findings []struct {
			Field, Message string
			Warning        bool
		}
	}
	e.until(t, "the project is known", func() bool {
		text := e.ask(t, "POST", "/api/v1/applications/validate", `{"application":`+body(name, "shop")+`}`)
		found.Findings = nil
		parse(t, text, &found)
		return !strings.Contains(text, "spec.project")
	})
	for _, f := range found.Findings {
		if !f.Warning || !strings.Contains(f.Message, "reached by its agent") {
			t.Errorf("an application of an agent's cluster is found wrong: %+v", f)
		}
	}
	t.Logf("an application of an agent's cluster: %+v", found.Findings)
	e.ask(t, "POST", "/api/v1/applications", body(name, "shop"))
	e.ask(t, "POST", "/api/v1/applications", strings.Replace(body(other, "default"), `"automated":{}`, `"syncOptions":[]`, 1))
	e.wait(t, name, synced(repo.Head(t)))
	pods, err := e.there.Dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(e.target).List(t.Context(), listAll)
	if err != nil || len(pods.Items) == 0 {
		t.Fatal("no pods", err)
	}
	pod := pods.Items[0].GetName()
	ada := e.person(t, "ada", "applications, get, shop/*, allow")
	at := "/api/v1/applications/" + name
	object := at + "/resource?kind=Deployment&group=apps&version=v1&resourceName=web&namespace=" + e.target
	e.until(t, "ada sees her application", func() bool { status, _ := e.send(t, "GET", at+"/resource-tree", "", ada); return status == 200 })
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", object, "", 200},
		{"GET", at + "/managed-resources", "", 200},
		{"GET", at + "/logs?container=web&podName=" + pod + "&namespace=" + e.target, "", 403},
		{"DELETE", object, "", 403},
		{"POST", strings.Replace(object, "/resource?", "/resource?patchType=application/merge-patch%2Bjson&", 1), `"{\"spec\":{\"replicas\":0}}"`, 403},
		{"POST", at + "/resource/actions/v2", fmt.Sprintf(`{"name":%q,"kind":"Deployment","group":"apps","version":"v1","namespace":%q,"resourceName":"web","action":"restart"}`, name, e.target), 403},
		{"DELETE", at + "/operation", "", 403},
		{"GET", "/api/v1/applications/" + other + "/resource-tree", "", 403},
		{"GET", "/api/v1/applications/" + other + "/manifests", "", 403},
	} {
		if status, text := e.send(t, c.method, c.path, c.body, ada); status != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, text)
		}
	}
	if status, text := e.send(t, "POST", at+"/sync-preview", `{}`, ada); status != 200 || !strings.Contains(text, "You may not sync this application") {
		t.Errorf("a preview does not say what its reader may not: %d %s", status, text)
	}
	if text := e.ask(t, "POST", at+"/sync-preview", `{}`); strings.Contains(text, "You may not sync") {
		t.Errorf("a preview refuses who may: %s", text)
	}
	if _, status := e.terminal(t, ada, name, "shop", pod); status != 403 {
		t.Errorf("a terminal without the right: %d", status)
	}

	e.permit(t, "ada", "applications, get, shop/*, allow", "exec, create, shop/*, allow")
	var s *shell
	e.until(t, "ada may have a terminal", func() bool {
		var status int
		s, status = e.terminal(t, ada, name, "shop", pod)
		return status == 101
	})
	s.send(t, map[string]any{"operation": "resize", "rows": 43, "cols": 132})
	s.send(t, map[string]any{"operation": "stdin", "data": "hostname\nstty size\n"})
	if err := s.until("43 132"); err != nil || !strings.Contains(s.shown, pod) {
		t.Fatalf("the terminal shows %q, %v", s.shown, err)
	}
	e.until(t, "an event tells of the session, and whose it is", func() bool {
		list, err := e.there.Dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).Namespace(e.own).List(t.Context(), listAll)
		return err == nil && slices.ContainsFunc(list.Items, func(o unstructured.Unstructured) bool {
			text, _, _ := unstructured.NestedString(o.Object, "message")
			return strings.Contains(text, "ada opened a session in container web of pod "+e.target+"/"+pod)
		})
	})
	s.send(t, map[string]any{"operation": "stdin", "data": "exit 0\n"})
	var closed *websocket.CloseError
	if err := s.until("\x00never"); !errors.As(err, &closed) || !strings.Contains(closed.Text, "ended") {
		t.Errorf("the shell ended with %v", err)
	}
	if _, status := e.terminal(t, ada, other, "default", pod); status != 403 {
		t.Errorf("a terminal of another project's application: %d", status)
	}
	// a terminal that is open ends when the right does
	if s, _ = e.terminal(t, ada, name, "shop", pod); s == nil {
		t.Fatal("no second terminal")
	}
	s.send(t, map[string]any{"operation": "stdin", "data": "hostname\n"})
	if err := s.until(pod); err != nil {
		t.Fatal(err)
	}
	e.permit(t, "ada", "applications, get, shop/*, allow")
	if err := s.until("\x00never"); !errors.As(err, &closed) || !strings.Contains(s.shown+closed.Text, "permission denied") {
		t.Errorf("who may not any more still has a terminal: %v, shown %q", err, s.shown)
	}
}

// What is asked of the hub's application is answered about the copy of that one, and of nothing else that is called so; and a
// project of the agent's own does not stand in for the hub's.
func TestAgentAnswersAboutCopiesOnly(t *testing.T) {
	e := prepareEdge(t)
	e.startHub(t)
	e.register(t)
	repo := e.git.Repo(t, "own", map[string]string{"settings.yaml": configMap})
	name, second := e.name("same"), e.name("second")
	e.there.Apply(t, e.own, "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: theirs}\nspec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}], namespaceResourceWhitelist: [{group: '*', kind: '*'}]}")
	e.there.Apply(t, e.own, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s}\nspec: {project: theirs, source: {repoURL: %s, path: ., targetRevision: main}, destination: {server: 'agent://%s', namespace: %s}, syncPolicy: {automated: {}}}", name, repo.URL, e.agent, e.target))
	e.startAgent(t)
	e.until(t, "the agent's own application is deployed", func() bool { return e.deployed(t, "ConfigMap", "settings") != nil })
	e.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true}", extra: e.to(), finalizer: true})
	e.wait(t, name, condition(v1alpha1.ConditionComparisonError, "does not take the application", "left alone"))
	at := "/api/v1/applications/" + name
	object := at + "/resource?kind=ConfigMap&group=&version=v1&resourceName=settings&namespace=" + e.target
	for _, c := range [][2]string{{"GET", at + "/resource-tree"}, {"GET", at + "/managed-resources"}, {"GET", at + "/manifests"}, {"GET", object}, {"DELETE", object}, {"GET", at + "/why"}} {
		if status, text := e.call(t, c[0], c[1], ""); status != 404 {
			t.Errorf("%s %s: %d %s", c[0], c[1], status, text)
		}
	}
	// nor is it deleted with it; nobody but a person gives up what may be left
	e.ask(t, "DELETE", at+"?cascade=true", "")
	if o := e.deployed(t, "ConfigMap", "settings"); o == nil || o.GetDeletionTimestamp() != nil {
		t.Error("an object of the agent's own application went")
	}
	if o := e.copyThere(t, name); o == nil || o.GetDeletionTimestamp() != nil || o.GetLabels()["hawser.dev/copy-of-hub"] != "" {
		t.Error("the agent's own application was touched")
	}
	e.Apply(t, e.control, "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: theirs}\nspec: {sourceRepos: ['https://nothing.example/*'], destinations: [{server: '*', namespace: '*'}]}")
	e.apply(t, app{name: second, repo: repo.URL, path: ".", auto: "{prune: true}", extra: e.to() + "\nproject: theirs"})
	e.wait(t, second, condition(v1alpha1.ConditionComparisonError, "AppProject theirs here that is not the hub's"))
	e.until(t, "the cluster says so, too", func() bool {
		return strings.Contains(e.ask(t, "GET", "/api/v1/clusters", ""), "does not take AppProject theirs")
	})
	e.there.Patch(t, "kubectl-label", "argoproj.io/v1alpha1", "AppProject", e.own, "theirs", `{"metadata":{"labels":{"hawser.dev/copy-of-hub":"true"}}}`)
	e.wait(t, second, condition(v1alpha1.ConditionInvalidSpecError, "project"))
}

// An agent that is not registered any more takes its copies along, and leaves what they deployed to whoever comes next.
func TestUnregisteredAgentStops(t *testing.T) {
	e := withAgent(t)
	name := e.name("web")
	repo := e.git.Repo(t, "left", map[string]string{"settings.yaml": configMap})
	e.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: e.to(), finalizer: true})
	e.wait(t, name, synced(repo.Head(t)))
	uid := e.deployed(t, "ConfigMap", "settings").GetUID()
	e.ask(t, "DELETE", "/api/v1/clusters/"+url.PathEscape("agent://"+e.agent), "")
	e.until(t, "the copies go", func() bool {
		return e.copyThere(t, name) == nil && e.there.Get(t, "argoproj.io/v1alpha1", "AppProject", e.own, "default") == nil && e.there.Get(t, "v1", "Secret", e.own, "hawser-agent-cluster") == nil
	})
	if o := e.deployed(t, "ConfigMap", "settings"); o == nil || o.GetDeletionTimestamp() != nil {
		t.Error("what it deployed went along")
	}
	e.stopped()
	e.register(t)
	e.startAgent(t)
	commit := repo.Commit(t, map[string]string{"settings.yaml": strings.Replace(configMap, "blue", "green", 1)}, "green")
	e.until(t, "it is deployed again", func() bool { e.hook(t, repo.URL); return synced(commit)(e.get(t, name)) == "" })
	if o := e.deployed(t, "ConfigMap", "settings"); o.GetUID() != uid {
		t.Error("it was deleted meanwhile")
	}
}

// Records that an agent loses, or that people take away or change there, are made again; and that there is no copy is no
// proof that what it deployed is gone.
func TestCopiesThatAreLost(t *testing.T) {
	e := withAgent(t)
	name := e.name("web")
	repo := e.git.Repo(t, "lost", map[string]string{"settings.yaml": configMap})
	e.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: e.to(), finalizer: true})
	e.wait(t, name, synced(repo.Head(t)))

	first := e.copyThere(t, name).GetUID()
	e.there.Patch(t, "kubectl-edit", "argoproj.io/v1alpha1", "AppProject", e.own, "default", `{"spec":{"sourceRepos":["https://evil.example/*"]}}`)
	e.until(t, "the project is as the hub wants it", func() bool {
		list, _, _ := unstructured.NestedStringSlice(e.there.Get(t, "argoproj.io/v1alpha1", "AppProject", e.own, "default").Object, "spec", "sourceRepos")
		return slices.Equal(list, []string{"*"})
	})
	e.there.Delete(t, e.own, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s}", name))
	e.until(t, "the copy is made again", func() bool {
		o := e.copyThere(t, name)
		return o != nil && o.GetUID() != first && o.GetDeletionTimestamp() == nil
	})
	e.wait(t, name, synced(repo.Head(t)))
	e.until(t, "and deployed", func() bool {
		o := e.deployed(t, "ConfigMap", "settings")
		return o != nil && o.GetDeletionTimestamp() == nil
	})
	if a := e.get(t, name); a == nil || a.DeletionTimestamp != nil {
		t.Fatal("the hub's application went with a copy that somebody deleted")
	}

	// somebody takes the copy for their own: the agent leaves it alone, and the hub keeps what it knows
	e.there.Patch(t, "kubectl-label", "argoproj.io/v1alpha1", "Application", e.own, name, `{"metadata":{"labels":{"hawser.dev/copy-of-hub":null}}}`)
	a := e.wait(t, name, condition(v1alpha1.ConditionComparisonError, "does not take the application", "left alone"))
	if len(a.Status.History) == 0 || len(a.Status.Resources) != 1 || a.Status.Sync.Status != v1alpha1.SyncStatusUnknown || a.Status.Health.Status != v1alpha1.HealthStatusUnknown {
		t.Errorf("of an application that the agent refuses the hub says %+v", a.Status)
	}
	e.there.Patch(t, "kubectl-label", "argoproj.io/v1alpha1", "Application", e.own, name, `{"metadata":{"labels":{"hawser.dev/copy-of-hub":"true"}}}`)
	e.wait(t, name, synced(repo.Head(t)))

	e.stopped()
	e.there.Patch(t, "kubectl-edit", "argoproj.io/v1alpha1", "Application", e.own, name, `{"metadata":{"finalizers":null}}`)
	e.there.Delete(t, e.own, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s}", name))
	e.ask(t, "DELETE", "/api/v1/applications/"+name+"?cascade=true", "")
	e.startAgent(t)
	e.gone(t, name)
	if o := e.deployed(t, "ConfigMap", "settings"); o != nil && o.GetDeletionTimestamp() == nil {
		t.Error("the application is deleted, and what it deployed is left")
	}
}

// What people write with kubectl into the hub's applications counts as it does without an agent, also while the hub is
// away.
func TestKubectlSteersThroughAnAgent(t *testing.T) {
	e := withAgent(t)
	name := e.name("steered")
	repo := e.git.Repo(t, "steered", map[string]string{"settings.yaml": configMap})
	first := repo.Head(t)
	e.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: e.to()})
	a := e.wait(t, name, synced(first))
	second := repo.Replace(t, map[string]string{"settings.yaml": strings.Replace(configMap, "blue", "green", 1)}, "green")
	e.hook(t, repo.URL)
	e.wait(t, name, synced(second))
	e.ask(t, "POST", "/api/v1/applications/"+name+"/rollback", fmt.Sprintf(`{"name":%q,"id":%d}`, name, a.Status.History[0].ID))
	e.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Operation != nil || a.Annotations[v1alpha1.AnnotationHold] == "" {
			return "not held"
		}
		return condition(v1alpha1.ConditionHeldWarning, "Held at "+first[:7])(a)
	})
	e.stop()
	e.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", e.control, name, `{"metadata":{"annotations":{"hawser.dev/hold":null}}}`)
	e.startHub(t)
	e.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Annotations[v1alpha1.AnnotationHold] != "" {
			return "the hold that was lifted came back"
		}
		return synced(second)(a)
	})
	if o := e.copyThere(t, name); o.GetAnnotations()[v1alpha1.AnnotationHold] != "" {
		t.Error("the agent still holds it")
	}

	for what, patch := range map[string]string{"terminated": `{"status":{"operationState":{"phase":"Terminating"}}}`, "taken out": `{"operation":null}`} {
		manual := e.name(strings.ReplaceAll(what, " ", "-"))
		slow := e.git.Repo(t, manual, map[string]string{"settings.yaml": strings.Replace(configMap, "settings", manual, 1), "hook.yaml": job(manual, "PreSync", "", "sleep 600")})
		e.apply(t, app{name: manual, repo: slow.URL, path: ".", extra: e.to()})
		e.wait(t, manual, func(a *v1alpha1.Application) string {
			if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
				return "not OutOfSync"
			}
			return ""
		})
		e.ask(t, "POST", "/api/v1/applications/"+manual+"/sync", `{}`)
		e.wait(t, manual, func(a *v1alpha1.Application) string {
			if op := a.Status.OperationState; op == nil || op.Phase != v1alpha1.OperationRunning || op.SyncResult == nil || len(op.SyncResult.Resources) == 0 {
				return "the hook does not run"
			}
			return ""
		})
		e.Patch(t, "kubectl-edit", "argoproj.io/v1alpha1", "Application", e.control, manual, patch)
		e.wait(t, manual, func(a *v1alpha1.Application) string {
			if op := a.Status.OperationState; a.Operation != nil || op.Phase != v1alpha1.OperationFailed || !strings.Contains(op.Message, "terminated") {
				return "the operation was " + what + ", and goes on"
			}
			return ""
		})
	}
}

// forger is an agent that reports what it is given, once it has been told what it shall have.
type forger struct {
	*hostile
	reports []agent.Report
}

func (f *forger) Reports(ctx context.Context, send func(agent.Report) error, whole func() error) error {
	if err := whole(); err != nil {
		return err
	}
	for _, r := range f.reports {
		if err := send(r); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// hire connects an agent that is none of ours.
func (e *edge) hire(t *testing.T, name, token string, engine agent.Engine) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		agent.Dial(ctx, agent.DialOptions{Hub: "http://" + e.port, Name: name, Token: func() (string, error) { return token, nil }, Log: slog.New(slog.DiscardHandler), Handler: agent.Serve(engine, http.NotFoundHandler())})
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// What an agent says is not gone on with where its application goes next; what cannot be understood, or is not said at all,
// is not taken for what was known before.
func TestHubDoesNotActOnAnAgentsWord(t *testing.T) {
	e := prepareEdge(t)
	e.startHub(t)
	e.register(t)
	repo := e.git.Repo(t, "word", map[string]string{"settings.yaml": configMap})
	moved, silent, broken := e.name("moved"), e.name("silent"), e.name("broken")
	for _, name := range []string{moved, silent, broken} {
		e.apply(t, app{name: name, repo: repo.URL, path: ".", extra: e.to()})
	}
	e.Patch(t, "somebody", "argoproj.io/v1alpha1", "Application", e.control, silent, `{"status":{"sync":{"status":"Synced"},"health":{"status":"Healthy"}}}`)
	forged := `{"initiatedBy":{"username":"mallory"},"sync":{"manifests":["{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"forged\"}}"]}}`
	status := `{"health":{"status":"Healthy"},"sync":{"status":"Synced"},"operationState":{"phase":"Running","startedAt":"2026-01-01T00:00:00Z","operation":` + forged + `}}`
	e.hire(t, e.agent, e.token, &forger{&hostile{taken: make(chan struct{})}, []agent.Report{
		{Name: moved, UID: string(e.get(t, moved).UID), Status: json.RawMessage(status), Operation: json.RawMessage(forged)},
		{Name: broken, UID: string(e.get(t, broken).UID), Status: json.RawMessage(`{"health":7}`)},
	}})
	e.wait(t, broken, agentAway("cannot be understood"))
	e.wait(t, moved, func(a *v1alpha1.Application) string {
		if a.Operation == nil || a.Status.OperationState == nil {
			return "what the agent does is not shown"
		}
		return ""
	})
	near := e.Namespace(t)
	e.Patch(t, "kubectl-edit", "argoproj.io/v1alpha1", "Application", e.control, moved, fmt.Sprintf(`{"spec":{"destination":{"server":"https://kubernetes.default.svc","namespace":%q}}}`, near))
	a := e.wait(t, moved, func(a *v1alpha1.Application) string {
		if a.Operation != nil || a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
			return "it is not compared here"
		}
		return ""
	})
	if op := a.Status.OperationState; op == nil || op.Phase != v1alpha1.OperationFailed || a.Annotations["hawser.dev/agent-operation"] != "" {
		t.Errorf("the agent's operation is %+v, marked %v", op, a.Annotations)
	}
	if e.Get(t, "v1", "ConfigMap", near, "forged") != nil {
		t.Error("what the agent made up was deployed in another cluster")
	}
	e.wait(t, silent, agentAway("connected, and has said nothing of the application since"))
}

// Who runs an agent can read the credentials that it gets: it gets those of repositories that its applications' projects
// permit, and, where the cluster is a project's, only those that are the project's own.
func TestCredentialsForAgents(t *testing.T) {
	e := prepareEdge(t)
	e.startHub(t)
	e.register(t)
	var theirs struct{ Token string }
	own := e.name("theirs")
	parse(t, e.ask(t, "POST", "/api/v1/agents", fmt.Sprintf(`{"name":%q,"project":"shop"}`, own)), &theirs)
	e.ask(t, "PUT", "/api/v1/clusters/"+url.PathEscape("agent://"+own)+"?updatedFields=annotations", fmt.Sprintf(`{"server":"agent://%s","name":%q,"annotations":{"hawser.dev/agent-repositories":"all"}}`, own, own))
	secret := func(name, url, more string) string {
		return fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s, labels: {argocd.argoproj.io/secret-type: repository}}\nstringData: {url: '%s', username: u, password: canary%s}\n", name, url, more)
	}
	e.Apply(t, e.control, secret("open", "https://git.example/open", "")+secret("closed", "https://git.example/closed", "")+secret("elsewhere", "https://git.example/elsewhere", "")+
		secret("scoped", "https://git.example/scoped", ", project: shop")+
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: everywhere, labels: {argocd.argoproj.io/secret-type: repo-creds}}\nstringData: {url: 'https://git.example/c', username: u, password: canary}\n")
	e.Apply(t, e.control, fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: shop}\nspec: {sourceRepos: ['https://git.example/open', 'https://git.example/scoped'], destinations: [{server: 'agent://%s', namespace: '*'}, {server: 'agent://%s', namespace: '*'}]}\n---\n"+
		"apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: far}\nspec: {sourceRepos: ['*'], destinations: [{server: 'https://far.example', namespace: '*'}]}", e.agent, own))
	at := func(agent, project string) string {
		return fmt.Sprintf("destination: {server: 'agent://%s', namespace: x}\nproject: %s", agent, project)
	}
	for name, a := range map[string]app{
		"open": {repo: "https://git.example/open", extra: at(e.agent, "shop")}, "closed": {repo: "https://git.example/closed", extra: at(e.agent, "shop")},
		"elsewhere": {repo: "https://git.example/elsewhere", extra: at(e.agent, "far")},
		"mine":      {repo: "https://git.example/open", extra: at(own, "shop")}, "scoped": {repo: "https://git.example/scoped", extra: at(own, "shop")},
	} {
		a.name, a.path = e.name(name), "."
		e.apply(t, a)
	}
	for _, c := range []struct {
		agent, token string
		apps         int
		want         []string
	}{{e.agent, e.token, 3, []string{"Secret open"}}, {own, theirs.Token, 2, []string{"Secret scoped"}}} {
		h := &hostile{taken: make(chan struct{})}
		e.hire(t, c.agent, c.token, &forger{h, nil})
		got := func() (secrets []string, apps int) {
			for _, key := range h.heard() {
				if strings.HasPrefix(key, "Application ") {
					apps++
				} else if strings.HasPrefix(key, "Secret ") && key != "Secret hawser-agent-cluster" {
					secrets = append(secrets, key)
				}
			}
			slices.Sort(secrets)
			return slices.Compact(secrets), apps
		}
		e.until(t, "it is told of its applications and of its credentials", func() bool { s, apps := got(); return apps >= c.apps && slices.Contains(s, c.want[0]) })
		if s, _ := got(); !slices.Equal(s, c.want) {
			t.Errorf("agent %s was given %v, want %v", c.agent, s, c.want)
		}
	}
}

// Applications of a namespace that is called as the agent's own cannot have a copy: those of the hub's own namespace stand
// there, and two would pull at one.
func TestNamespaceCalledAsTheAgents(t *testing.T) {
	e := prepareEdge(t)
	e.Apply(t, "", "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+e.own+"}")
	t.Cleanup(func() {
		e.in(e.own).dropFinalizers()
		_ = e.Dynamic.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Delete(context.Background(), e.own, metav1.DeleteOptions{})
	})
	e.run(t, func(c *config.Config) { c.Listen, c.ApplicationNamespaces = e.port, []string{e.own} })
	e.register(t)
	e.WaitFor(t, "argoproj.io/v1alpha1", "AppProject", e.control, "default", func(*unstructured.Unstructured) error { return nil })
	e.Patch(t, "kubectl-edit", "argoproj.io/v1alpha1", "AppProject", e.control, "default", `{"spec":{"sourceNamespaces":["*"]}}`)
	e.startAgent(t)
	name := e.name("web")
	repo := e.git.Repo(t, "stray", map[string]string{"a/settings.yaml": configMap, "b/settings.yaml": strings.Replace(configMap, "blue", "red", 1)})
	tenant := e.in(e.own)
	tenant.apply(t, app{name: name, repo: repo.URL, path: "b", auto: "{selfHeal: true}", extra: e.to()})
	tenant.wait(t, name, condition(v1alpha1.ConditionComparisonError, "the agent's own namespace is called "+e.own))
	e.apply(t, app{name: name, repo: repo.URL, path: "a", auto: "{selfHeal: true}", extra: e.to()})
	e.wait(t, name, synced(repo.Head(t)))
	uid := e.copyThere(t, name).GetUID()
	tenant.apply(t, app{name: name, repo: repo.URL, path: "b", auto: "{prune: true}", extra: e.to()})
	e.Delete(t, "", fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s, namespace: %s}", name, e.own))
	e.WaitGone(t, "argoproj.io/v1alpha1", "Application", e.own, name)
	commit := repo.Commit(t, map[string]string{"a/settings.yaml": strings.Replace(configMap, "blue", "green", 1)}, "green")
	e.until(t, "the hub's own goes on", func() bool { e.hook(t, repo.URL); return synced(commit)(e.get(t, name)) == "" })
	if o := e.copyThere(t, name); o == nil || o.GetUID() != uid {
		t.Error("another namespace's application took the copy")
	}
	if colour, _, _ := unstructured.NestedString(e.deployed(t, "ConfigMap", "settings").Object, "data", "colour"); colour != "green" {
		t.Errorf("the colour is %s", colour)
	}
}
