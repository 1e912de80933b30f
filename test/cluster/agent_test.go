package cluster_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// edge is a hub, a cluster of its own with an agent in it, and what is between them.
type edge struct {
	*hawser        // the hub
	port    string // that the hub answers on, whenever it is there
	there   *clustertest.Own
	own     string // namespace of the agent
	target  string // a namespace there
	agent   string // its name
	token   string
	admin   string // password
	session string
	hubAddr string // where the agent dials: the hub, or what stands before it
	stopped func() // stops the agent

	authority string // file of the hub's certificate
}

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// withAgent starts a hub, registers an agent and starts it in another cluster.
func withAgent(t *testing.T) *edge {
	t.Helper()
	e := prepareEdge(t)
	e.startHub(t)
	e.register(t)
	e.startAgent(t)
	return e
}

func prepareEdge(t *testing.T) *edge {
	t.Helper()
	h := prepare(t)
	there := clustertest.StartOwn(t)
	there.Apply(t, "", string(deploy.CRDManifest()))
	e := &edge{hawser: h, there: there, own: there.Namespace(t), target: there.Namespace(t), agent: h.name("edge"), hubAddr: ""}
	h.target = e.target // what applications say is about the other cluster
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.port = l.Addr().String()
	_ = l.Close()
	e.hubAddr = "https://" + e.port
	return e
}

// startHub starts the hub, always on the same port.
func (e *edge) startHub(t *testing.T) {
	t.Helper()
	e.run(t, func(c *config.Config) { c.Listen = e.port })
}

// call asks the hub's API as admin, and returns the answer's status and body.
func (e *edge) call(t testing.TB, method, path, body string) (int, string) {
	t.Helper()
	if e.session == "" {
		secret := e.WaitFor(t, "v1", "Secret", e.control, "argocd-initial-admin-secret", func(*unstructured.Unstructured) error { return nil })
		password, _, _ := unstructured.NestedString(secret.Object, "data", "password")
		e.admin = string(decoded(t, password))
		var in struct {
			Token string `json:"token"`
		}
		_, text := e.send(t, "POST", "/api/v1/session", fmt.Sprintf(`{"username":"admin","password":%q}`, e.admin), "")
		if err := json.Unmarshal([]byte(text), &in); err != nil || in.Token == "" {
			t.Fatalf("no session: %s", text)
		}
		e.session = in.Token
	}
	return e.send(t, method, path, body, e.session)
}

func (e *edge) send(t testing.TB, method, path, body, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+e.port+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// ask is call for what must go well.
func (e *edge) ask(t testing.TB, method, path, body string) string {
	t.Helper()
	status, text := e.call(t, method, path, body)
	if status != 200 {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return text
}

func (e *edge) register(t *testing.T) {
	t.Helper()
	var made struct{ Server, Token string }
	if err := json.Unmarshal([]byte(e.ask(t, "POST", "/api/v1/agents", fmt.Sprintf(`{"name":%q}`, e.agent))), &made); err != nil || made.Server != "agent://"+e.agent || made.Token == "" {
		t.Fatalf("registered as %+v, %v", made, err)
	}
	e.token = made.Token
}

// startAgent starts the agent with its own cluster's credentials.
func (e *edge) startAgent(t *testing.T, change ...func(*config.Config)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(e.token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Kubeconfig, cfg.Namespace, cfg.DataDir, cfg.Listen = e.there.Kubeconfig, e.own, t.TempDir(), "127.0.0.1:0"
	cfg.Identity, cfg.LeaseDuration = t.Name()+"-agent", 5*time.Second
	secret := e.WaitFor(t, "v1", "Secret", e.control, "argocd-secret", func(o *unstructured.Unstructured) error {
		if crt, _, _ := unstructured.NestedString(o.Object, "data", "tls.crt"); crt == "" {
			return errors.New("no certificate yet")
		}
		return nil
	})
	crt, _, _ := unstructured.NestedString(secret.Object, "data", "tls.crt")
	e.authority = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(e.authority, decoded(t, crt), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Agent = config.Agent{Hub: e.hubAddr, Name: e.agent, TokenFile: file, CAFile: e.authority}
	for _, f := range change {
		f(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d, err := daemon.New(ctx, cfg, daemon.Options{Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)), Observe: e.observe})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	var once sync.Once
	e.stopped = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("the agent ended with %v", err)
			}
		})
	}
	t.Cleanup(e.stopped)
}

// to is the destination of applications, as `extra` of app.
func (e *edge) to() string {
	return fmt.Sprintf("destination: {server: 'agent://%s', namespace: %s}", e.agent, e.target)
}

// deployed reads an object of the agent's cluster.
func (e *edge) deployed(t testing.TB, kind, name string) *unstructured.Unstructured {
	t.Helper()
	version := map[string]string{"Deployment": "apps/v1"}[kind]
	if version == "" {
		version = "v1"
	}
	return e.there.Get(t, version, kind, e.target, name)
}

// pollOften has both ends ask Git often: no webhook comes in these tests unless they send it.
func (e *edge) pollOften(t *testing.T) {
	t.Helper()
	e.Apply(t, e.control, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, labels: {app.kubernetes.io/part-of: argocd}}\ndata: {timeout.reconciliation: 2s, timeout.reconciliation.jitter: 0s}")
}

// agentAway checks for an application that nothing is known of, because its agent is away.
func agentAway(words ...string) func(*v1alpha1.Application) string {
	has := condition(v1alpha1.ConditionComparisonError, words...)
	return func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusUnknown || a.Status.Health.Status != v1alpha1.HealthStatusUnknown {
			return "it is not Unknown"
		}
		return has(a)
	}
}

func TestAgentDeploysForItsHub(t *testing.T) {
	e := withAgent(t)
	name := e.name("web")
	repo := e.git.Repo(t, "shop", map[string]string{"web/deployment.yaml": deployment, "web/settings.yaml": configMap})
	e.apply(t, app{name: name, repo: repo.URL, path: "web", auto: "{prune: true}", extra: e.to()})
	a := e.wait(t, name, synced(repo.Head(t)))
	if e.deployed(t, "Deployment", "web") == nil {
		t.Fatal("nothing is deployed")
	}
	if a.Status.Sync.ComparedTo.Destination.Server != "agent://"+e.agent || len(a.Status.History) != 1 || len(a.Status.Resources) != 2 {
		t.Errorf("the hub says %+v", a.Status)
	}
	if a.Annotations["hawser.dev/agent-operation"] != "" {
		t.Errorf("a mark of an operation is left: %v", a.Annotations)
	}
	at := "/api/v1/applications/" + name
	object := func(kind, group, version, name string) string {
		return fmt.Sprintf("%s/resource?kind=%s&group=%s&version=%s&namespace=%s&resourceName=%s", at, kind, group, version, e.target, name)
	}

	t.Run("what is live is seen at the hub", func(t *testing.T) {
		var tree struct {
			Nodes []struct{ Kind, Name string }
		}
		parse(t, e.ask(t, "GET", at+"/resource-tree", ""), &tree)
		kinds := map[string]int{}
		pod := ""
		for _, n := range tree.Nodes {
			if kinds[n.Kind]++; n.Kind == "Pod" {
				pod = n.Name
			}
		}
		if kinds["Deployment"] != 1 || kinds["ReplicaSet"] != 1 || kinds["Pod"] != 3 {
			t.Errorf("the tree has %v", kinds)
		}
		if text := e.ask(t, "GET", object("Deployment", "apps", "v1", "web"), ""); !strings.Contains(text, "registry.example/shop/web:1.0") {
			t.Errorf("the live object: %s", text)
		}
		if text := e.ask(t, "GET", at+"/manifests", ""); !strings.Contains(text, "registry.example/shop/web:1.0") {
			t.Errorf("the manifests: %s", text)
		}
		if text := e.ask(t, "GET", at+"/revisions/"+repo.Head(t)+"/metadata", ""); !strings.Contains(text, "author") {
			t.Errorf("the revision: %s", text)
		}
		if text := e.ask(t, "GET", at+"/why", ""); !strings.Contains(text, "Well") {
			t.Errorf("why: %s", text)
		}
		if text := e.ask(t, "GET", at+"/logs?container=web&podName="+pod+"&namespace="+e.target, ""); text == "" {
			t.Error("no logs")
		}
		var list struct {
			Items []struct {
				Server, Name, ServerVersion string
				ConnectionState             struct{ Status, Message string }
				Info                        struct{ ApplicationsCount any }
			}
		}
		e.connected(t)
		parse(t, e.ask(t, "GET", "/api/v1/clusters", ""), &list)
		found := false
		for _, k := range list.Items {
			if k.Server == "agent://"+e.agent {
				found = true
				if k.Name != e.agent || k.ConnectionState.Status != "Successful" || k.ServerVersion == "" || fmt.Sprint(k.Info.ApplicationsCount) != "1" {
					t.Errorf("the cluster is shown as %+v", k)
				}
			}
		}
		if !found {
			t.Error("the cluster is not listed")
		}
	})
	t.Run("health of each object", func(t *testing.T) {
		var shown v1alpha1.Application
		parse(t, e.ask(t, "GET", at, ""), &shown)
		for _, r := range shown.Status.Resources {
			if r.Kind == "Deployment" && (r.Health == nil || r.Health.Status != v1alpha1.HealthStatusHealthy) {
				t.Errorf("%+v", r)
			}
		}
	})
	t.Run("drift, and what differs", func(t *testing.T) {
		e.there.Patch(t, "kubectl-edit", "v1", "ConfigMap", e.target, "settings", `{"data":{"colour":"red"}}`)
		e.wait(t, name, func(a *v1alpha1.Application) string {
			if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
				return "not OutOfSync"
			}
			return ""
		})
		if text := e.ask(t, "GET", at+"/managed-resources", ""); !strings.Contains(text, "red") || !strings.Contains(text, "blue") {
			t.Errorf("the comparison: %s", text)
		}
		e.ask(t, "POST", at+"/sync", `{}`)
		e.wait(t, name, synced(repo.Head(t)))
		if d, _, _ := unstructured.NestedString(e.deployed(t, "ConfigMap", "settings").Object, "data", "colour"); d != "blue" {
			t.Errorf("the colour is %s", d)
		}
	})
	t.Run("changes by people", func(t *testing.T) {
		e.ask(t, "POST", at+"/resource/actions/v2", fmt.Sprintf(`{"name":%q,"kind":"Deployment","group":"apps","version":"v1","namespace":%q,"resourceName":"web","action":"restart"}`, name, e.target))
		stamp, _, _ := unstructured.NestedString(e.deployed(t, "Deployment", "web").Object, "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")
		if stamp == "" {
			t.Error("not restarted")
		}
		e.ask(t, "DELETE", object("ConfigMap", "", "v1", "settings"), "")
		if o := e.deployed(t, "ConfigMap", "settings"); o != nil && o.GetDeletionTimestamp() == nil {
			t.Error("not deleted")
		}
		if status, text := e.call(t, "GET", object("Secret", "", "v1", "other"), ""); status == 200 {
			t.Errorf("an object that is not the application's is shown: %s", text)
		}
	})
	t.Run("a webhook at the hub reaches the agent", func(t *testing.T) {
		commit := repo.Commit(t, map[string]string{"web/settings.yaml": strings.Replace(configMap, "blue", "green", 1)}, "green")
		e.hook(t, repo.URL)
		e.wait(t, name, synced(commit))
	})
	t.Run("deleted with what it deployed", func(t *testing.T) {
		e.ask(t, "DELETE", at+"?cascade=true", "")
		e.gone(t, name)
		if o := e.deployed(t, "Deployment", "web"); o != nil && o.GetDeletionTimestamp() == nil {
			t.Error("the Deployment is left")
		}
		if e.there.Get(t, "argoproj.io/v1alpha1", "Application", e.own, name) != nil {
			t.Error("the agent's copy is left")
		}
	})
	t.Run("deleted without what it deployed", func(t *testing.T) {
		e.apply(t, app{name: name, repo: repo.URL, path: "web", auto: "{prune: true}", extra: e.to(), finalizer: true})
		e.wait(t, name, synced(repo.Head(t)))
		e.ask(t, "DELETE", at+"?cascade=false", "")
		e.gone(t, name)
		e.until(t, "the agent's copy goes", func() bool {
			return e.there.Get(t, "argoproj.io/v1alpha1", "Application", e.own, name) == nil
		})
		if o := e.deployed(t, "Deployment", "web"); o == nil || o.GetDeletionTimestamp() != nil {
			t.Error("the Deployment went along")
		}
	})
}

func parse(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
}

// until waits for a fact.
func (e *edge) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(clustertest.Patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s\n%s", what, e.story(""))
		}
	}
}

// connected waits until the hub shows the agent's cluster as one that answers.
func (e *edge) connected(t *testing.T) {
	t.Helper()
	e.until(t, "the cluster of the agent answers", func() bool {
		var k struct{ ConnectionState struct{ Status string } }
		parse(t, e.ask(t, "GET", "/api/v1/clusters/"+url.PathEscape("agent://"+e.agent), ""), &k)
		return k.ConnectionState.Status == "Successful"
	})
}

// gone waits until the hub has no such application any more.
func (e *edge) gone(t *testing.T, name string) {
	t.Helper()
	e.until(t, name+" goes", func() bool { return e.get(t, name) == nil })
}

// The hub is away, for HAWSER_TEST_OUTAGE (as short as it can be without it; 2m is what was promised), while two commits land.
func TestHubAwayWhileACommitLands(t *testing.T) {
	e := withAgent(t)
	e.pollOften(t)
	name := e.name("web")
	repo := e.git.Repo(t, "away", map[string]string{"settings.yaml": configMap})
	e.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: e.to()})
	e.wait(t, name, synced(repo.Head(t)))

	e.stop()
	back := time.Now().Add(outageOf(t, 0))
	commit := repo.Commit(t, map[string]string{"settings.yaml": strings.Replace(configMap, "blue", "green", 1)}, "green")
	pushed := time.Now()
	e.until(t, "the agent deploys what was pushed while its hub is away", func() bool {
		colour, _, _ := unstructured.NestedString(e.deployed(t, "ConfigMap", "settings").Object, "data", "colour")
		return colour == "green"
	})
	t.Logf("deployed %s after the push, without a hub", time.Since(pushed).Round(time.Millisecond))
	if a := e.get(t, name); a.Status.Sync.Revision == commit {
		t.Fatal("the hub is not away")
	}
	// the agent starts anew without its hub: what it was told stands in its own cluster
	e.stopped()
	e.startAgent(t)
	second := repo.Commit(t, map[string]string{"settings.yaml": strings.Replace(configMap, "blue", "yellow", 1)}, "yellow")
	e.until(t, "a restarted agent deploys without its hub", func() bool {
		colour, _, _ := unstructured.NestedString(e.deployed(t, "ConfigMap", "settings").Object, "data", "colour")
		return colour == "yellow"
	})
	time.Sleep(time.Until(back))
	began := time.Now()
	e.startHub(t)
	a := e.wait(t, name, synced(second))
	t.Logf("the hub caught up in %s", time.Since(began).Round(time.Millisecond))
	if n := len(a.Status.History); n != 3 || a.Status.History[1].Revision != commit {
		t.Errorf("the history has %d entries: %+v", n, a.Status.History)
	}
}

// relay passes connections on to a hub, until it is cut.
type relay struct {
	net.Listener
	to string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); r.set(true) })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(in)
		}
	}()
	return r
}

func (r *relay) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer out.Close()
	r.mu.Lock()
	if r.cut {
		r.mu.Unlock()
		return
	}
	r.conns[in], r.conns[out] = true, true
	r.mu.Unlock()
	go func() { _, _ = io.Copy(out, in); out.Close() }()
	_, _ = io.Copy(in, out)
}

// set cuts every connection, and those that come, or mends the relay.
func (r *relay) set(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	if cut {
		for c := range r.conns {
			_ = c.Close()
		}
		r.conns = map[net.Conn]bool{}
	}
}

func TestAgentIsCutOff(t *testing.T) {
	e := prepareEdge(t)
	e.startHub(t)
	e.register(t)
	wire := newRelay(t, e.port)
	e.hubAddr = "https://" + wire.Addr().String()
	e.startAgent(t)
	name, local := e.name("web"), e.name("local")
	repo := e.git.Repo(t, "cut", map[string]string{"settings.yaml": configMap})
	e.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: e.to()})
	near := e.Namespace(t)
	e.apply(t, app{name: local, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: fmt.Sprintf("destination: {server: 'https://kubernetes.default.svc', namespace: %s}", near)})
	e.wait(t, name, synced(repo.Head(t)))
	e.wait(t, local, synced(repo.Head(t)))

	wire.set(true)
	e.wait(t, name, agentAway("agent "+e.agent+" is unreachable since"))
	if a := e.get(t, local); synced(repo.Head(t))(a) != "" {
		t.Errorf("another cluster's application: %s", synced(repo.Head(t))(a))
	}
	if a := e.get(t, name); len(a.Status.Resources) != 1 {
		t.Errorf("its inventory is lost: %+v", a.Status.Resources)
	}
	if status, text := e.call(t, "GET", "/api/v1/applications/"+name+"/resource-tree", ""); status != 503 || !strings.Contains(text, "unreachable since") {
		t.Errorf("the tree of an application whose agent is away: %d %s", status, text)
	}
	if status, text := e.call(t, "GET", "/api/v1/applications/"+name+"?refresh=normal", ""); status != 503 || !strings.Contains(text, "unreachable since") {
		t.Errorf("a refresh while the agent is away: %d %s", status, text)
	}
	if text := e.ask(t, "GET", "/api/v1/clusters", ""); !strings.Contains(text, "unreachable since") {
		t.Errorf("the clusters: %s", text)
	}
	// what is asked for meanwhile is done when it is back; and a deletion waits
	e.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", e.control, name, `{"operation":{"initiatedBy":{"username":"ada"},"sync":{"revision":"main"}}}`)
	if e.deployed(t, "ConfigMap", "settings") == nil {
		t.Error("something was deleted because the agent is away")
	}
	wire.set(false)
	e.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Operation != nil || a.Status.OperationState == nil || a.Status.OperationState.Operation.InitiatedBy.Username != "ada" {
			return "the operation has not been carried out"
		}
		return synced(repo.Head(t))(a)
	})

	wire.set(true)
	e.wait(t, name, agentAway("is unreachable since"))
	e.ask(t, "DELETE", "/api/v1/applications/"+name+"?cascade=true", "")
	if a := e.get(t, name); a == nil || a.DeletionTimestamp == nil || len(a.Finalizers) == 0 {
		t.Errorf("a deletion does not wait for the agent: %+v", a)
	}
	wire.set(false)
	e.gone(t, name)
	if o := e.deployed(t, "ConfigMap", "settings"); o != nil && o.GetDeletionTimestamp() == nil {
		t.Error("what it deployed is left")
	}
}

func TestOperationsThroughTheHub(t *testing.T) {
	e := withAgent(t)
	name := e.name("ops")
	at := "/api/v1/applications/" + name
	repo := e.git.Repo(t, "ops", map[string]string{"settings.yaml": configMap})
	first := repo.Head(t)
	e.apply(t, app{name: name, repo: repo.URL, path: ".", extra: e.to()})
	e.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Status.Sync.Status != v1alpha1.SyncStatusOutOfSync {
			return "not OutOfSync"
		}
		return ""
	})
	e.sync(t, name, `"revision":"main"`)
	a := e.sync(t, name, `"revision":"main"`) // the same again is another one
	if len(a.Status.History) != 2 {
		t.Errorf("two syncs are %d entries of history", len(a.Status.History))
	}

	// a hook that does not end is terminated through the hub
	repo.Commit(t, map[string]string{"hook.yaml": job("slow", "PreSync", "", "sleep 600")}, "slow")
	e.ask(t, "GET", at+"?refresh=normal", "")
	e.ask(t, "POST", at+"/sync", `{}`)
	e.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || op.Phase != v1alpha1.OperationRunning || op.SyncResult == nil || len(op.SyncResult.Resources) == 0 {
			return "the hook does not run"
		}
		return ""
	})
	e.ask(t, "DELETE", at+"/operation", "")
	e.wait(t, name, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; a.Operation != nil || op.Phase != v1alpha1.OperationFailed || !strings.Contains(op.Message, "terminated") {
			return "not terminated"
		}
		return ""
	})

	// roll back, with automated sync: it holds, and the hold is lifted at the hub
	second := repo.Replace(t, map[string]string{"settings.yaml": strings.Replace(configMap, "blue", "green", 1)}, "green")
	e.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: e.to()})
	e.ask(t, "GET", at+"?refresh=normal", "")
	e.wait(t, name, synced(second))
	e.ask(t, "POST", at+"/rollback", fmt.Sprintf(`{"name":%q,"id":%d}`, name, a.Status.History[0].ID))
	held := e.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Operation != nil || a.Annotations[v1alpha1.AnnotationHold] == "" {
			return "not held"
		}
		return condition(v1alpha1.ConditionHeldWarning, "Held at "+first[:7])(a)
	})
	if !strings.Contains(held.Annotations[v1alpha1.AnnotationHold], first) {
		t.Errorf("held at %s", held.Annotations[v1alpha1.AnnotationHold])
	}
	e.Patch(t, "kubectl-annotate", "argoproj.io/v1alpha1", "Application", e.control, name, `{"metadata":{"annotations":{"hawser.dev/hold":null}}}`)
	e.wait(t, name, func(a *v1alpha1.Application) string {
		if a.Annotations[v1alpha1.AnnotationHold] != "" {
			return "still held"
		}
		return synced(second)(a)
	})
	if copied := typed(t, e.there.Get(t, "argoproj.io/v1alpha1", "Application", e.own, name)); copied.Annotations[v1alpha1.AnnotationHold] != "" {
		t.Error("the agent still holds it")
	}

	// what others do to the agent's copy is put right
	e.there.Patch(t, "kubectl-edit", "argoproj.io/v1alpha1", "Application", e.own, name, `{"spec":{"source":{"path":"elsewhere"}}}`)
	e.until(t, "the copy is as the hub wants it", func() bool {
		return typed(t, e.there.Get(t, "argoproj.io/v1alpha1", "Application", e.own, name)).Spec.Source.Path == "."
	})
}

func TestAgentsMustProveWhoTheyAre(t *testing.T) {
	e := withAgent(t)
	e.connected(t)
	knock := func(name, token string) int {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+e.port+"/agent", nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Hawser-Agent": name} {
			req.Header.Set(k, v)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	for what, status := range map[string]int{
		"no token":       knock(e.agent, ""),
		"a wrong token":  knock(e.agent, "hwa_"+strings.Repeat("A", 43)),
		"a wrong name":   knock("somebody", e.token),
		"no name":        knock("", e.token),
		"a hostile name": knock("../"+e.agent, e.token),
		"a person's":     knock(e.agent, e.session),
	} {
		if status != 401 {
			t.Errorf("%s: %d", what, status)
		}
	}
	if status := knock(e.agent, e.token); status != 409 { // it says of no records that they are its own
		t.Errorf("a second agent of that name: %d", status)
	}
	if status, text := e.call(t, "POST", "/api/v1/agents", fmt.Sprintf(`{"name":%q}`, e.agent)); status != 409 {
		t.Errorf("registered twice: %d %s", status, text)
	}
	for _, bad := range []string{"", "UPPER", "a/b", strings.Repeat("a", 64), "-a"} {
		if status, text := e.call(t, "POST", "/api/v1/agents", fmt.Sprintf(`{"name":%q}`, bad)); status != 400 {
			t.Errorf("the name %q: %d %s", bad, status, text)
		}
	}
	if status, _ := e.send(t, "POST", "/api/v1/agents", `{"name":"mine"}`, ""); status != 401 {
		t.Errorf("registered by a stranger: %d", status)
	}
	// a renewed token ends the old one's connection, and the old one is no good any more
	old := e.token
	var made struct{ Token string }
	parse(t, e.ask(t, "POST", "/api/v1/agents", fmt.Sprintf(`{"name":%q,"renew":true}`, e.agent)), &made)
	e.until(t, "the old connection ends", func() bool { return strings.Contains(e.ask(t, "GET", "/api/v1/clusters", ""), "unreachable since") })
	if knock(e.agent, old) != 401 {
		t.Error("the old token is still good")
	}
	e.stopped()
	e.token = made.Token
	e.startAgent(t)
	e.until(t, "the new token is good", func() bool { return !strings.Contains(e.ask(t, "GET", "/api/v1/clusters", ""), "unreachable since") })
	// credentials have no place in its record
	status, text := e.call(t, "PUT", "/api/v1/clusters/"+url.PathEscape("agent://"+e.agent), fmt.Sprintf(`{"server":"agent://%s","name":%q,"config":{"bearerToken":"x"}}`, e.agent, e.agent))
	if status != 400 || !strings.Contains(text, "no place") {
		t.Errorf("credentials are taken: %d %s", status, text)
	}
}

// Nothing by which the agent's cluster could be reached is anywhere at the hub.
func TestNoCredentialOfTheAgentsClusterIsAtTheHub(t *testing.T) {
	e := withAgent(t)
	name := e.name("web")
	repo := e.git.Repo(t, "scan", map[string]string{"settings.yaml": configMap, "secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: canary-of-edge}\n"})
	e.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}", extra: e.to()})
	e.wait(t, name, synced(repo.Head(t)))
	shown := e.ask(t, "GET", "/api/v1/applications/"+name+"/managed-resources", "") + e.ask(t, "GET", "/api/v1/clusters", "") + e.ask(t, "GET", "/api/v1/applications/"+name, "")

	kubeconfig, err := os.ReadFile(e.there.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Clusters []struct {
			Cluster map[string]any
		}
		Users []struct {
			User map[string]any
		}
	}
	if err := yaml.Unmarshal(kubeconfig, &config); err != nil {
		t.Fatal(err)
	}
	canaries := map[string]string{"a Secret's value": "canary-of-edge", "the agent's token": e.token}
	for _, c := range config.Clusters {
		for k, v := range c.Cluster {
			canaries[k] = fmt.Sprint(v)
		}
	}
	for _, u := range config.Users {
		for k, v := range u.User {
			canaries[k] = fmt.Sprint(v)
		}
	}
	if len(canaries) < 4 {
		t.Fatalf("the kubeconfig holds too little to look for: %v", canaries)
	}
	var all strings.Builder
	for _, r := range []string{"v1/secrets", "v1/configmaps", "v1/events", "argoproj.io/v1alpha1/applications", "argoproj.io/v1alpha1/appprojects", "argoproj.io/v1alpha1/applicationsets", "coordination.k8s.io/v1/leases"} {
		parts := strings.Split(r, "/")
		gvr := schema.GroupVersionResource{Version: parts[0], Resource: parts[1]}
		if len(parts) == 3 {
			gvr = schema.GroupVersionResource{Group: parts[0], Version: parts[1], Resource: parts[2]}
		}
		list, err := e.Dynamic.Resource(gvr).Namespace(e.control).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			text, err := json.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
			data, _, _ := unstructured.NestedStringMap(o.Object, "data")
			for _, v := range data {
				if plain, err := base64.StdEncoding.DecodeString(v); err == nil {
					all.Write(plain)
				}
			}
		}
	}
	if !strings.Contains(all.String(), "agent://"+e.agent) || !strings.Contains(all.String(), "tokenSHA256") {
		t.Fatal("the scan does not see the cluster's record")
	}
	for what, canary := range canaries {
		if len(canary) < 8 {
			continue
		}
		if strings.Contains(all.String(), canary) {
			t.Errorf("%s is at the hub", what)
		}
		if strings.Contains(shown, canary) {
			t.Errorf("%s is shown by the hub", what)
		}
	}
}

// A hub does not believe an agent: it hears of that agent's own applications only, in words that an Application may have.
func TestHostileAgentSpeaksForItselfOnly(t *testing.T) {
	e := prepareEdge(t)
	e.startHub(t)
	e.register(t)
	repo := e.git.Repo(t, "hostile", map[string]string{"settings.yaml": configMap})
	own, local := e.name("own"), e.name("local")
	e.apply(t, app{name: own, repo: repo.URL, path: ".", extra: e.to()})
	near := e.Namespace(t)
	e.apply(t, app{name: local, repo: repo.URL, path: ".", auto: "{prune: true}", extra: fmt.Sprintf("destination: {server: 'https://kubernetes.default.svc', namespace: %s}", near)})
	victim := e.wait(t, local, synced(repo.Head(t)))
	bad := &hostile{uids: map[string]string{own: string(e.get(t, own).UID), local: string(victim.UID)}, own: own, taken: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go agent.Dial(ctx, agent.DialOptions{Hub: "http://" + e.port, Name: e.agent, Token: func() (string, error) { return e.token, nil }, Log: slog.New(slog.DiscardHandler), Handler: agent.Serve(bad, http.NotFoundHandler())})

	a := e.wait(t, own, func(a *v1alpha1.Application) string {
		if a.Status.Health.Message != "as I please" {
			return "what it says of its own is not heard"
		}
		return ""
	})
	if len(a.Status.Summary.ExternalURLs) != 1 || a.Status.Summary.ExternalURLs[0] != "https://good.example/" {
		t.Errorf("links: %v", a.Status.Summary.ExternalURLs)
	}
	if a.Status.ControllerNamespace != e.control || len(a.Finalizers) != 0 || a.Annotations["owned"] != "" || a.Spec.Source.Path != "." {
		t.Errorf("it has changed what is not its to change: %+v", a)
	}
	now := e.get(t, local) // what it said of this one came before what it said of its own
	if synced(repo.Head(t))(now) != "" || now.Status.Health.Message == "as I please" || now.DeletionTimestamp != nil {
		t.Errorf("it speaks for another cluster's application: %+v", now.Status)
	}
	for _, secret := range bad.heard() {
		if !strings.HasPrefix(secret, "ConfigMap ") && secret != "Secret hawser-agent-cluster" && secret != "AppProject default" && secret != "Application "+own {
			t.Errorf("it was told of %s", secret)
		}
	}
}

// hostile is an agent that says what it likes.
type hostile struct {
	own  string
	uids map[string]string

	taken chan struct{}
	mu    sync.Mutex
	keys  []string
}

func (h *hostile) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.keys)
}

func (h *hostile) Take(_ context.Context, r agent.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys = append(h.keys, r.Key.String())
	return nil
}
func (h *hostile) Drop(context.Context, agent.Key) error { return nil }
func (h *hostile) Whole(context.Context, map[agent.Key]bool) error {
	close(h.taken)
	return nil
}
func (h *hostile) Pushed([]byte)    {}
func (h *hostile) Beat() agent.Beat { return agent.Beat{Connected: true} }
func (h *hostile) Refresh(context.Context, agent.Key, bool) (agent.Report, error) {
	return agent.Report{}, errors.New("no")
}
func (h *hostile) Exec(context.Context, agent.Exec, agent.Terminal) (int, error) { return 0, nil }
func (h *hostile) Reports(ctx context.Context, send func(agent.Report) error, whole func() error) error {
	select {
	case <-h.taken:
	case <-ctx.Done():
		return ctx.Err()
	}
	status := `{"health":{"status":"Degraded","message":"as I please"},"sync":{"status":"OutOfSync"},"controllerNamespace":"kube-system","summary":{"externalURLs":["javascript:alert(1)","https://good.example/"]}}`
	for name, uid := range h.uids {
		if name == h.own {
			continue
		}
		for _, r := range []agent.Report{{Name: name, UID: uid, Status: json.RawMessage(status)}, {Name: name, UID: uid, Gone: true}, {Namespace: "kube-system", Name: name, UID: uid, Gone: true}} {
			if err := send(r); err != nil {
				return err
			}
		}
	}
	if err := whole(); err != nil {
		return err
	}
	if err := send(agent.Report{Name: h.own, UID: h.uids[h.own], Status: json.RawMessage(status), Finalizers: []string{"hold/forever"}, Annotations: map[string]string{"owned": "yes"}}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// An agent can show a certificate instead of a token: the hub knows its key, and no other is good.
func TestAgentShowsACertificate(t *testing.T) {
	e := prepareEdge(t)
	e.startHub(t)
	good, other := clientCertificate(t), clientCertificate(t)
	text, err := os.ReadFile(good.cert)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]string{"name": e.agent, "certificate": string(text)})
	if err != nil {
		t.Fatal(err)
	}
	if answer := e.ask(t, "POST", "/api/v1/agents", string(body)); strings.Contains(answer, "hwa_") {
		t.Errorf("there is a token, too: %s", answer)
	}
	show := func(c certificateFiles) func(*config.Config) {
		return func(cfg *config.Config) {
			cfg.Agent.TokenFile, cfg.Agent.CertFile, cfg.Agent.KeyFile = "", c.cert, c.key
		}
	}
	e.startAgent(t, show(other))
	secured := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{agent.Protocol, "http/1.1"}, Certificates: []tls.Certificate{other.pair(t)}}}} //nolint:gosec // a test of the other end
	req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+e.port+"/agent", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Hawser-Agent", e.agent)
	res, err := secured.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 401 {
		t.Errorf("another certificate: %d", res.StatusCode)
	}
	e.stopped()
	e.startAgent(t, show(good))
	e.connected(t)
}

type certificateFiles struct{ cert, key string }

func (c certificateFiles) pair(t *testing.T) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func clientCertificate(t *testing.T) certificateFiles {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := certificateFiles{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
	for file, block := range map[string]*pem.Block{c.cert: {Type: "CERTIFICATE", Bytes: der}, c.key: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// The manifest that is printed for an agent is one that the API server takes, and names what is needed.
func TestAgentManifest(t *testing.T) {
	there := clustertest.StartOwn(t)
	for _, m := range []deploy.Agent{
		{Name: "edge", Hub: "https://hub.example", Token: "hwa_x", CA: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", Namespace: "hawser-agent", Image: "hawser:1"},
		{Name: "edge", Hub: "https://hub.example", Token: "hwa_x", Namespace: "agent-two", Image: "hawser:1", Targets: []string{"default"}},
	} {
		text, err := m.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		there.Apply(t, "", string(text))
		d := there.Get(t, "apps/v1", "Deployment", m.Namespace, "hawser-agent")
		if d == nil {
			t.Fatal("no Deployment")
		}
		wide := there.Get(t, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", "hawser-agent") != nil
		if wide != (len(m.Targets) == 0) {
			t.Errorf("%s: it may do anything anywhere: %v", m.Namespace, wide)
		}
		there.Delete(t, "", string(text))
	}
}
