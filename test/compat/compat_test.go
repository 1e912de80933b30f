// Package compat_test holds Hawser to what those who speak to Argo CD expect: its own command, Backstage, Terraform, and
// tools that patch its objects.
//
// The idea: a script is a file of commands and of what they print (testdata/*.golden). The same script is driven by
// hawser and, when ARGOCD_CLI names one, by the stock argocd command, each against a fresh daemon on a real Kubernetes;
// the file holds both to the same text. Read TestScript first. The package refuses to look into Hawser.
package compat_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/cli"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/gittest"
)

// asCommand has the test binary be the hawser command.
const asCommand = "HAWSER_COMPAT_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(cli.Main(os.Args[1:], cli.StdIO()))
	}
	os.Exit(m.Run())
}

// password is that of every account.
const password = "correct-horse-1"

// house is a running daemon with its own namespaces and Git server.
type house struct {
	*clustertest.Cluster
	control, target string // namespace of our records; namespace to deploy to
	git             *gittest.Server
	addr, rootPath  string
	token           string // of admin, for those who ask over REST
}

// options are what houses differ in.
type options struct {
	insecure bool
	rootPath string
	settings map[string]string // of argocd-cm, beside the accounts
	policy   string
}

// start runs a daemon with the accounts admin, alice (who may read), robot (who has tokens) and guest (who may nothing).
func start(t *testing.T, o options) *house {
	t.Helper()
	c := clustertest.Start(t)
	c.Apply(t, "", string(deploy.CRDManifest()))
	h := &house{Cluster: c, git: gittest.New(t), rootPath: o.rootPath}
	h.control, h.target = h.namespace(t), h.namespace(t)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	// houses share a cluster, and their applications have the same names: only the installation tells their objects apart
	settings := map[string]string{"installationID": h.control, "accounts.alice": "login", "accounts.robot": "apiKey", "accounts.guest": "login"}
	for k, v := range o.settings {
		settings[k] = v
	}
	secret := map[string]string{}
	for _, prefix := range []string{"admin", "accounts.alice", "accounts.guest"} {
		secret[prefix+".password"], secret[prefix+".passwordMtime"] = string(hash), "2020-01-01T00:00:00Z"
	}
	h.put(t, "ConfigMap", "argocd-cm", settings)
	h.put(t, "ConfigMap", "argocd-rbac-cm", map[string]string{"policy.csv": "g, alice, role:readonly\n" + o.policy})
	h.put(t, "Secret", "argocd-secret", secret)

	cfg := config.Default()
	cfg.Kubeconfig, cfg.Namespace, cfg.DataDir, cfg.Listen = h.Kubeconfig, h.control, t.TempDir(), "127.0.0.1:0"
	cfg.InstallCRDs, cfg.Identity, cfg.LeaseDuration = true, t.Name(), 5*time.Second
	cfg.Insecure, cfg.RootPath = o.insecure, o.rootPath
	ctx, cancel := context.WithCancel(context.Background())
	log := io.Discard
	if os.Getenv("HAWSER_TEST_LOG") != "" {
		log = os.Stderr
	}
	d, err := daemon.New(ctx, cfg, daemon.Options{Log: slog.New(slog.NewTextHandler(log, nil)), StrangerRate: 1e6})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	h.addr = d.Addr
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
	})
	return h
}

// namespace makes one whose name is always as long, so that tables of it are always as wide.
func (h *house) namespace(t *testing.T) string {
	t.Helper()
	name := "compat-" + strings.ToLower(rand.Text()[:8])
	object := "{apiVersion: v1, kind: Namespace, metadata: {name: " + name + "}}"
	h.Apply(t, "", object)
	h.WaitFor(t, "v1", "ServiceAccount", name, "default", func(*unstructured.Unstructured) error { return nil })
	return name
}

// put writes a ConfigMap or a Secret of Argo CD's.
func (h *house) put(t *testing.T, kind, name string, data map[string]string) {
	t.Helper()
	field := "data"
	if kind == "Secret" {
		field = "stringData"
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": kind,
		"metadata": map[string]any{"name": name, "labels": map[string]string{"app.kubernetes.io/part-of": "argocd"}}, field: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Apply(t, h.control, string(text))
}

// certificate writes the certificate that the daemon proves itself with to a file.
func (h *house) certificate(t *testing.T) string {
	t.Helper()
	secret := h.WaitFor(t, "v1", "Secret", h.control, "argocd-secret", func(u *unstructured.Unstructured) error {
		if text, _, _ := unstructured.NestedString(u.Object, "data", "tls.crt"); text == "" {
			return fmt.Errorf("there is no certificate")
		}
		return nil
	})
	text, _, _ := unstructured.NestedString(secret.Object, "data", "tls.crt")
	pem, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "server.crt")
	if err := os.WriteFile(path, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// asked is a request over REST and how it is sent.
type asked struct {
	verb, path, body string
	header           http.Header
	nobody           bool // without admin's token
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   string
}

// plain sends requests as they are: it neither follows redirects nor unpacks.
var plain = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{DisableCompression: true},
}

// ask sends a request; JSON unless the header says otherwise.
func (h *house) ask(t *testing.T, q asked) answered {
	t.Helper()
	res := h.open(t.Context(), t, q)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", q.verb, q.path, err)
	}
	return answered{res.StatusCode, res.Header, string(body)}
}

func (h *house) open(ctx context.Context, t *testing.T, q asked) *http.Response {
	t.Helper()
	if q.verb == "" {
		q.verb = "GET"
	}
	req, err := http.NewRequestWithContext(ctx, q.verb, "http://"+h.addr+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	if q.header != nil {
		req.Header = q.header.Clone()
	}
	if _, told := req.Header["Content-Type"]; !told && q.verb != "GET" && q.verb != "HEAD" {
		req.Header.Set("Content-Type", "application/json")
	}
	if !q.nobody && req.Header.Get("Authorization") == "" && req.Header.Get("Cookie") == "" {
		req.Header.Set("Authorization", "Bearer "+h.admin(t))
	}
	res, err := plain.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", q.verb, q.path, err)
	}
	return res
}

// get is ask for a path as admin that must be answered with this status.
func (h *house) get(t *testing.T, path string, status int) string {
	t.Helper()
	a := h.ask(t, asked{path: path})
	if a.status != status {
		t.Errorf("GET %s: %d, want %d: %s", path, a.status, status, a.body)
	}
	return a.body
}

// send is ask with a body that must be answered with this status.
func (h *house) send(t *testing.T, verb, path, body string, status int) string {
	t.Helper()
	a := h.ask(t, asked{verb: verb, path: path, body: body})
	if a.status != status {
		t.Errorf("%s %s: %d, want %d: %s", verb, path, a.status, status, a.body)
	}
	return a.body
}

// admin is a token of the account admin.
func (h *house) admin(t *testing.T) string {
	t.Helper()
	if h.token == "" {
		h.token = h.login(t, "admin")
	}
	return h.token
}

func (h *house) login(t *testing.T, name string) string {
	t.Helper()
	a := h.ask(t, asked{verb: "POST", path: "/api/v1/session", body: `{"username":"` + name + `","password":"` + password + `"}`, nobody: true})
	var answer struct{ Token string }
	if err := json.Unmarshal([]byte(a.body), &answer); a.status != 200 || err != nil || answer.Token == "" {
		t.Fatalf("%s cannot log in: %d %s", name, a.status, a.body)
	}
	return answer.Token
}

// eventually waits until what admin gets for a path satisfies a check.
func (h *house) eventually(t *testing.T, path string, check func(a answered) error) {
	t.Helper()
	clustertest.Wait(t, path, func(context.Context) error { return check(h.ask(t, asked{path: path})) })
}

// has is a check for eventually.
func has(status int, parts ...string) func(a answered) error {
	return func(a answered) error {
		if a.status != status {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		for _, p := range parts {
			if !strings.Contains(a.body, p) {
				return fmt.Errorf("%s lacks %s", a.body, p)
			}
		}
		return nil
	}
}

// into reads an answer.
func into[T any](t *testing.T, answer string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(answer), &v); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	return v
}
