package cluster_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/shard"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// crew is replicas of one installation, any of which is asked.
type crew struct {
	*hawser
	replicas map[string]*process
	flags    []string
	sharing  bool
	project  string
	app      string
	tokens   map[string]string
}

// crewLease is long enough to ask while a replica stands still, and short enough to wait for its end.
const crewLease = "6s"

func man(t *testing.T, flags ...string) *crew {
	t.Helper()
	c := &crew{hawser: prepare(t), replicas: map[string]*process{}, flags: append(flags, "--lease-duration", crewLease), tokens: map[string]string{}}
	for _, f := range flags {
		c.sharing = c.sharing || f == "--sharding"
	}
	c.project, c.app = c.name("crew"), c.name("web")
	c.Apply(t, c.control, `{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm, labels: {app.kubernetes.io/part-of: argocd}}, data: {exec.enabled: "true"}}`)
	for _, name := range []string{"one", "two"} {
		c.start(t, name)
	}
	c.admin(t)
	c.Apply(t, c.control, fmt.Sprintf(`{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: %[1]s}, spec: {sourceRepos: ["*"], destinations: [{server: "*", namespace: "*"}],
 roles: [{name: reader, policies: ["p, proj:%[1]s:reader, applications, get, %[1]s/*, allow"]}, {name: outsider, policies: []}]}}`, c.project))
	for _, role := range []string{"reader", "outsider"} {
		clustertest.Wait(t, "a token for "+role, func(context.Context) error {
			status, body := c.call(t, "one", "admin", "POST", "/api/v1/projects/"+c.project+"/roles/"+role+"/token", "{}")
			var made struct{ Token string }
			if err := json.Unmarshal([]byte(body), &made); status != 200 || err != nil || made.Token == "" {
				return fmt.Errorf("%d %s", status, body)
			}
			c.tokens[role] = made.Token
			return nil
		})
	}
	repo := c.git.Repo(t, "crew", map[string]string{"web.yaml": talking, "cm.yaml": configMap})
	c.apply(t, app{name: c.app, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: "project: " + c.project})
	c.wait(t, c.app, synced(repo.Head(t)))
	return c
}

func (c *crew) start(t *testing.T, name string) {
	t.Helper()
	c.replicas[name] = c.launch(t, c.config(t), name, c.flags...)
	clustertest.Wait(t, name+" answers", func(context.Context) error {
		text, _ := os.ReadFile(c.replicas[name].log)
		if !listens.Match(text) {
			return fmt.Errorf("it does not listen yet")
		}
		return nil
	})
}

func (c *crew) at(t *testing.T, replica string) string {
	t.Helper()
	text, err := os.ReadFile(c.replicas[replica].log)
	if err != nil {
		t.Fatal(err)
	}
	return string(listens.FindSubmatch(text)[1])
}

// admin logs in at one replica; the session is good at every one.
func (c *crew) admin(t *testing.T) {
	t.Helper()
	clustertest.Wait(t, "a session", func(ctx context.Context) error {
		secret, err := c.Client.CoreV1().Secrets(c.control).Get(ctx, "argocd-initial-admin-secret", metav1.GetOptions{})
		if err != nil {
			return err
		}
		status, body := c.call(t, "one", "", "POST", "/api/v1/session", fmt.Sprintf(`{"username":"admin","password":%q}`, secret.Data["password"]))
		var session struct{ Token string }
		if err := json.Unmarshal([]byte(body), &session); err != nil || session.Token == "" {
			return fmt.Errorf("%d %s", status, body)
		}
		c.tokens["admin"] = session.Token
		return nil
	})
}

func (c *crew) request(ctx context.Context, t *testing.T, replica, who, verb, path, body string, header ...string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, verb, "http://"+c.at(t, replica)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+c.tokens[who])
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return http.DefaultClient.Do(r)
}

func (c *crew) call(t *testing.T, replica, who, verb, path, body string, header ...string) (int, string) {
	t.Helper()
	res, err := c.request(t.Context(), t, replica, who, verb, path, body, header...)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// ask is call of the application as admin.
func (c *crew) ask(t *testing.T, replica, path string) (int, string) {
	t.Helper()
	return c.call(t, replica, "admin", "GET", "/api/v1/applications/"+c.app+path, "")
}

// lease is the Lease of the replica that looks at the application.
func (c *crew) lease(t *testing.T) *coordinationv1.Lease {
	t.Helper()
	leases := c.Client.CoordinationV1().Leases(c.control)
	get := func(name string) *coordinationv1.Lease {
		l, err := leases.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return nil
		}
		return l
	}
	if !c.sharing {
		return get("hawser-leader")
	}
	all, err := leases.List(t.Context(), metav1.ListOptions{LabelSelector: "hawser.dev/lease"})
	if err != nil {
		t.Fatal(err)
	}
	var units []shard.Unit
	var live []string
	owner := ""
	for i := range all.Items {
		l := &all.Items[i]
		holder := ""
		if l.Spec.HolderIdentity != nil {
			holder = *l.Spec.HolderIdentity
		}
		switch l.Labels["hawser.dev/lease"] {
		case "replica":
			if holder != "" && c.replicas[replicaOfTurn(holder)] != nil {
				live = append(live, holder)
			}
		case "unit":
			u := unitOfLease(l)
			if units = append(units, u); u != shard.Sets {
				owner = holder
			}
		}
	}
	if owner == "" || len(live) != len(c.replicas) || shard.Assign(units, live)[shard.Unit{Server: "https://kubernetes.default.svc"}] != owner {
		return nil // it is about to be handed over
	}
	return get("hawser-replica-" + owner)
}

// roles waits until a replica looks at the application, and returns it and another one.
func (c *crew) roles(t *testing.T) (owner, other string) {
	t.Helper()
	clustertest.Wait(t, "an owner", func(context.Context) error {
		l := c.lease(t)
		if l == nil || l.Spec.HolderIdentity == nil {
			return fmt.Errorf("there is none")
		}
		owner = *l.Spec.HolderIdentity
		if c.sharing && owner != "" {
			owner = replicaOfTurn(owner)
		}
		if c.replicas[owner] == nil {
			return fmt.Errorf("%q does not run", owner)
		}
		if status, body := c.call(t, owner, "admin", "GET", "/api/v1/applications/"+c.app+"/resource-tree", "", "Hawser-Forwarded-By", "a test"); status != 200 {
			return fmt.Errorf("%s: %d %s", owner, status, body)
		}
		return nil
	})
	for name := range c.replicas {
		if name != owner {
			other = name
		}
	}
	return owner, other
}

// lines reads a stream of server-sent events or lines until enough says so, and returns what ended it.
func lines(body io.Reader, enough func(line string) bool) error {
	s := bufio.NewScanner(body)
	for s.Scan() {
		if s.Text() != "" && enough(s.Text()) {
			return nil
		}
	}
	if s.Err() != nil {
		return s.Err()
	}
	return io.EOF
}

func TestAnyReplicaAnswersWhereOneLeads(t *testing.T) { anyReplicaAnswers(t) }
func TestAnyReplicaAnswersWhereTheyShareTheWork(t *testing.T) {
	anyReplicaAnswers(t, "--sharding", "--insecure")
}

func anyReplicaAnswers(t *testing.T, flags ...string) {
	c := man(t, flags...)
	owner, other := c.roles(t)
	base := "/api/v1/applications/" + c.app

	// what is live, in the same words
	c.WaitFor(t, "apps/v1", "Deployment", c.target, "web", clustertest.Condition("Available", "True"))
	_, tree := c.ask(t, owner, "/resource-tree")
	pod := ""
	for _, n := range parsed[struct{ Nodes []struct{ Kind, Name string } }](t, tree).Nodes {
		if n.Kind == "Pod" {
			pod = n.Name
		}
	}
	if pod == "" {
		t.Fatalf("no pod in the tree: %s", tree)
	}
	object := "namespace=" + c.target + "&resourceName=web&version=v1&group=apps&kind=Deployment"
	for _, q := range []struct{ path, has string }{
		{"/resource-tree", pod},
		{"/managed-resources", `"kind":"Deployment"`},
		{"/manifests", "Deployment"},
		{"/resource?" + object, "deployment.kubernetes.io"},
		{"/resource/actions?" + object, `"restart"`},
		{"/resource/links?" + object, "{"},
		{"/why", "{"},
		{"/commits", "{"},
		{"/events?resourceName=web&resourceNamespace=" + c.target + "&resourceUID=" + string(c.Get(t, "apps/v1", "Deployment", c.target, "web").GetUID()), "ScalingReplicaSet"},
		{"/pods/" + pod + "/logs?container=web&namespace=" + c.target + "&tailLines=5", "apple"},
		{"/syncwindows", "{"},
		{"", "resourceHealthSource"},
	} {
		status, body := c.ask(t, other, q.path)
		if status != 200 || !strings.Contains(body, q.has) {
			here, text := c.ask(t, owner, q.path)
			t.Errorf("%s: %d %.500s; where it is looked at: %d %.500s", q.path, status, body, here, text)
		}
	}
	if status, body := c.call(t, other, "admin", "POST", base+"/sync-preview", "{}"); status != 200 || !strings.Contains(body, "phases") && body != "{}" {
		t.Errorf("preview: %d %s", status, body)
	}

	// how the cluster is, and the health of each object
	if _, body := c.call(t, other, "admin", "GET", "/api/v1/clusters", ""); !strings.Contains(body, `"status":"Successful"`) || !strings.Contains(body, `"applicationsCount":1`) {
		t.Errorf("clusters: %s", body)
	}
	_, one := c.call(t, other, "admin", "GET", "/api/v1/clusters/https%3A%2F%2Fkubernetes.default.svc", "")
	if k := parsed[struct{ ServerVersion string }](t, one); k.ServerVersion == "" {
		t.Errorf("the cluster: %s", one)
	}
	_, record := c.ask(t, other, "")
	healthy := false
	for _, r := range parsed[struct {
		Status struct {
			Resources []struct {
				Kind   string
				Health struct{ Status string }
			}
		}
	}](t, record).Status.Resources {
		healthy = healthy || r.Kind == "Deployment" && r.Health.Status == "Healthy"
	}
	if !healthy {
		t.Errorf("the health of objects: %s", record)
	}

	// what an application would come to
	draft := fmt.Sprintf(`{"application":{"metadata":{"name":"draft"},"spec":{"project":%q,"source":{"repoURL":%q,"path":".","targetRevision":"main"},"destination":{"server":"https://kubernetes.default.svc","namespace":%q}}}}`,
		c.project, c.get(t, c.app).Spec.Source.RepoURL, c.target)
	if status, body := c.call(t, other, "admin", "POST", "/api/v1/applications/validate", draft); status != 200 || !strings.Contains(body, `"kind":"Deployment"`) || !strings.Contains(body, `"sharedWith"`) {
		t.Errorf("a draft: %d %s", status, body)
	}

	// a call that was passed on goes no further, and tells who could answer
	if status, body := c.call(t, other, "admin", "GET", base+"/resource-tree", "", "Hawser-Forwarded-By", owner); status != 503 || c.sharing && !strings.Contains(body, owner) {
		t.Errorf("passed on to one that does not look at it: %d %s", status, body)
	}

	// who may not, may not anywhere, and hears the same
	for _, q := range []struct{ who, verb, path, body string }{
		{"reader", "GET", "/pods/" + pod + "/logs?container=web&namespace=" + c.target, ""},
		{"reader", "POST", "/resource/actions/v2", c.restart()},
		{"reader", "DELETE", "/resource?" + object, ""},
		{"outsider", "GET", "/resource-tree", ""},
		{"", "GET", "/resource-tree", ""},
	} {
		atOther, said := c.call(t, other, q.who, q.verb, base+q.path, q.body)
		atOwner, words := c.call(t, owner, q.who, q.verb, base+q.path, q.body)
		if atOther != atOwner || said != words || atOther != 403 && atOther != 401 {
			t.Errorf("%s %s by %q: %d %s, and where it is looked at %d %s", q.verb, q.path, q.who, atOther, said, atOwner, words)
		}
	}
	if status, body := c.call(t, other, "reader", "GET", base+"/resource-tree", ""); status != 200 || !strings.Contains(body, pod) {
		t.Errorf("a reader: %d %s", status, body)
	}

	c.opensATerminal(t, other)
	if !c.sharing {
		c.isAskedByOneThatShares(t)
	}

	// something is done, once
	before := c.Get(t, "apps/v1", "Deployment", c.target, "web").GetGeneration()
	if status, body := c.call(t, other, "admin", "POST", base+"/resource/actions/v2", c.restart()); status != 200 {
		t.Errorf("restart: %d %s", status, body)
	}
	if after := c.Get(t, "apps/v1", "Deployment", c.target, "web").GetGeneration(); after != before+1 {
		t.Errorf("a restart has changed the Deployment %d times", after-before)
	}

	// files go up, by gRPC
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cm.yaml"), []byte(strings.Replace(configMap, "blue", "violet", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if text := c.cli(t, other, "app", "diff", c.app, "--local", dir, "--exit-code=false"); !strings.Contains(text, "violet") {
		t.Errorf("the diff with local files: %s", text)
	}

	c.losesTheRight(t, other)
	c.survivesAHandOver(t)
	c.losesItsOwner(t)
	c.meetsAnImpostor(t)
}

// parsed is JSON as a value.
func parsed[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func (c *crew) restart() string {
	return fmt.Sprintf(`{"namespace":%q,"resourceName":"web","version":"v1","group":"apps","kind":"Deployment","action":"restart"}`, c.target)
}

// cli runs the command line against a replica.
func (c *crew) cli(t *testing.T, replica string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, append(args, "--server", c.at(t, replica), "--plaintext", "--auth-token", c.tokens["admin"])...)
	cmd.Env = append(os.Environ(), asHawser+"=1", "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v: %s", args, err, out)
	}
	return string(out)
}

// opensATerminal types in a container through a replica that does not look at it.
func (c *crew) opensATerminal(t *testing.T, other string) {
	t.Helper()
	names := c.pods(t)
	q := url.Values{"pod": {names[len(names)-1]}, "container": {"web"}, "namespace": {c.target}, "appName": {c.app}, "projectName": {c.project}}
	dial := func(who string) (*websocket.Conn, *http.Response, error) {
		return websocket.DefaultDialer.DialContext(t.Context(), "ws://"+c.at(t, other)+"/terminal?"+q.Encode(), http.Header{"Authorization": {"Bearer " + c.tokens[who]}, "Origin": {"http://" + c.at(t, other)}})
	}
	if _, res, err := dial("reader"); err == nil || res == nil || res.StatusCode != 403 {
		t.Errorf("a terminal for a reader: %v %v", res, err)
	}
	conn, res, err := dial("admin")
	if err != nil {
		t.Fatalf("no terminal: %v %v", err, res)
	}
	defer conn.Close()
	if err := conn.WriteJSON(map[string]any{"operation": "stdin", "data": "echo good day\n"}); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	for screen := ""; !strings.Contains(screen, "\r\ngood day\r\n"); {
		var m struct{ Data string }
		if err := conn.ReadJSON(&m); err != nil {
			t.Fatalf("%v; the screen shows %q", err, screen)
		}
		screen += m.Data
	}
}

// isAskedByOneThatShares asks a replica that waits for the others to share the work, as during an update.
func (c *crew) isAskedByOneThatShares(t *testing.T) {
	t.Helper()
	c.replicas["young"] = c.launch(t, c.config(t), "young", append(c.flags, "--sharding")...)
	defer func() {
		c.replicas["young"].kill(t)
		delete(c.replicas, "young")
	}()
	clustertest.Wait(t, "it waits for the one that leads", func(context.Context) error {
		if text, _ := os.ReadFile(c.replicas["young"].log); !strings.Contains(string(text), "a replica leads that does not share the work") {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	if status, body := c.ask(t, "young", "/resource-tree"); status != 200 || !strings.Contains(body, `"kind":"Pod"`) {
		t.Errorf("one that waits to share: %d %s", status, body)
	}
}

// losesTheRight has the reader follow a tree while their role is taken away: the stream ends, and says why.
func (c *crew) losesTheRight(t *testing.T, other string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	res, err := c.request(ctx, t, other, "reader", "GET", "/api/v1/stream/applications/"+c.app+"/resource-tree", "")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, last := 0, ""
	err = lines(res.Body, func(line string) bool {
		if n++; n == 1 {
			c.Patch(t, "test", "argoproj.io/v1alpha1", "AppProject", c.control, c.project, `{"spec":{"roles":[{"name":"reader","policies":[]}]}}`)
		}
		last = line
		return strings.Contains(line, `"error"`)
	})
	if err != nil || !strings.Contains(last, "permission denied") && !strings.Contains(last, "does not exist in project") {
		t.Errorf("after %d lines: %v, the last %.500s", n, err, last)
	}
}

// survivesAHandOver asks again and again while the owner ends in good order: who asks a replica that stays gets an answer
// each time.
func (c *crew) survivesAHandOver(t *testing.T) {
	t.Helper()
	owner, other := c.roles(t)
	p := c.replicas[owner]
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	gone := false
	for i := 0; i < 3 || !gone; i++ {
		select {
		case <-p.gone:
			gone = true
		default:
		}
		if status, body := c.ask(t, other, "/resource-tree"); status != 200 {
			t.Errorf("question %d while %s ends: %d %s", i, owner, status, body)
		}
		if i > 2000 {
			t.Fatal("it does not end")
		}
	}
	delete(c.replicas, owner)
	c.start(t, "three")
	if now, _ := c.roles(t); c.sharing && now == owner {
		t.Errorf("%s looks at it, and is gone", now)
	}
}

// losesItsOwner kills the owner while its answer is read: the reader hears of it, and the next question is answered by who
// takes over.
func (c *crew) losesItsOwner(t *testing.T) {
	t.Helper()
	owner, other := c.roles(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	res, err := c.request(ctx, t, other, "admin", "GET", "/api/v1/applications/"+c.app+"/logs?follow=true&container=web&tailLines=1&group=apps&kind=Deployment&namespace="+c.target+"&resourceName=web", "")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, last := 0, ""
	err = lines(res.Body, func(line string) bool {
		if n++; n == 5 {
			c.replicas[owner].kill(t)
		}
		last = line
		return strings.Contains(line, `"error"`)
	})
	if err != nil || n < 5 || !strings.Contains(last, "broke off") || !strings.Contains(last, owner) {
		t.Errorf("after %d lines: %v, the last %s", n, err, last)
	}
	delete(c.replicas, owner)
	if status, body := c.ask(t, other, "/resource-tree"); status != 200 && (status != 503 || !strings.Contains(body, owner)) {
		t.Errorf("while nobody has taken over: %d %s", status, body)
	}
	clustertest.Wait(t, "the next owner answers", func(context.Context) error {
		if status, body := c.ask(t, other, "/resource-tree"); status != 200 {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	c.start(t, "four")
}

// meetsAnImpostor has the owner stand still, and somebody else answer at its address: nothing is said to them.
func (c *crew) meetsAnImpostor(t *testing.T) {
	t.Helper()
	owner, other := c.roles(t)
	var knocks, heard atomic.Int32
	impostor := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
	impostor.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			knocks.Add(1)
		}
	}
	impostor.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // handshakes fail: that is the point
	impostor.EnableHTTP2 = true
	impostor.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	impostor.StartTLS()
	defer impostor.Close()

	p := c.replicas[owner].cmd.Process
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Signal(syscall.SIGCONT) }()
	l := c.lease(t)
	c.Patch(t, "test", "coordination.k8s.io/v1", "Lease", c.control, l.Name, fmt.Sprintf(`{"metadata":{"annotations":{"hawser.dev/address":"%s %s"}}}`, impostor.Listener.Addr(), *l.Spec.HolderIdentity))
	clustertest.Wait(t, "the impostor is asked", func(context.Context) error {
		status, body := c.call(t, other, "admin", "POST", "/api/v1/applications/"+c.app+"/resource/actions/v2", c.restart())
		if status != 503 || !strings.Contains(body, "does not have our certificate") {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	if knocks.Load() == 0 || heard.Load() != 0 {
		t.Errorf("%d connections and %d requests came to the impostor", knocks.Load(), heard.Load())
	}
}

// An application of an agent's is reached through any replica of its hub: the one that is asked, the one that the agent has
// dialled, and the agent.
func TestAnyReplicaAnswersForAnAgent(t *testing.T) {
	e := withAgent(t)
	name := e.name("web")
	repo := e.git.Repo(t, "shop", map[string]string{"web/deployment.yaml": deployment})
	e.apply(t, app{name: name, repo: repo.URL, path: "web", auto: "{prune: true}", extra: e.to()})
	e.wait(t, name, synced(repo.Head(t)))
	e.connected(t)
	e.run(t, func(c *config.Config) { c.Identity = "another" })
	first := e.port
	e.port = e.addr
	at := "/api/v1/applications/" + name
	clustertest.Wait(t, "the other replica knows who leads", func(context.Context) error {
		if status, text := e.call(t, "GET", at+"/resource-tree", ""); status != 200 || !strings.Contains(text, `"kind":"Pod"`) {
			return fmt.Errorf("%d %s", status, text)
		}
		return nil
	})
	if text := e.ask(t, "GET", at+"/revisions/"+repo.Head(t)+"/metadata", ""); !strings.Contains(text, "author") {
		t.Errorf("the revision: %s", text)
	}
	if text := e.ask(t, "GET", at+"/logs?container=web&namespace="+e.target+"&tailLines=3", ""); !strings.Contains(text, `"podName"`) {
		t.Errorf("logs: %s", text)
	}
	if text := e.ask(t, "GET", "/api/v1/clusters", ""); !strings.Contains(text, "connected from") {
		t.Errorf("the agent's cluster: %s", text)
	}
	if text := e.ask(t, "GET", at, ""); !strings.Contains(text, `"kind":"Deployment","namespace":"`+e.target+`","name":"web","status":"Synced","health":{"status":"Healthy"`) {
		t.Errorf("the health of its objects: %s", text)
	}
	restart := fmt.Sprintf(`{"namespace":%q,"resourceName":"web","version":"v1","group":"apps","kind":"Deployment","action":"restart"}`, e.target)
	e.ask(t, "POST", at+"/resource/actions/v2", restart)
	e.port = first
	if text := e.ask(t, "GET", at+"/resource?kind=Deployment&group=apps&version=v1&namespace="+e.target+"&resourceName=web", ""); !strings.Contains(text, "restartedAt") {
		t.Errorf("it was not restarted: %s", text)
	}
}
