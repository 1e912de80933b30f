package cluster_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
	e.hubAddr = "http://" + e.port
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
		plain, err := base64.StdEncoding.DecodeString(password)
		if err != nil {
			t.Fatal(err)
		}
		e.admin = string(plain)
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
	cfg.Agent = config.Agent{Hub: e.hubAddr, Name: e.agent, TokenFile: file}
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

func TestAgentDeploysForItsHub(t *testing.T) {
	e := withAgent(t)
	name := e.name("web")
	repo := e.git.Repo(t, "shop", map[string]string{"web/deployment.yaml": deployment, "web/settings.yaml": configMap})
	e.apply(t, app{name: name, repo: repo.URL, path: "web", auto: "{prune: true, selfHeal: true}", extra: e.to()})
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
}
