// Package api_test tries the API on a real Kubernetes: requests as clients send them, and what comes back.
//
// The idea: a house is one daemon in a control namespace of its own, with accounts that may do different things; a
// caller is one of them logged in, over REST and gRPC; a scenario is one line: who asks what, and what must be
// answered. Read start and scenario first. The package refuses to look into Hawser: what callers and kubectl can see is
// all it sees.
package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/cli/api"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/gittest"
)

// password is that of every account.
const password = "correct-horse-1"

// house is a running daemon and its accounts: admin, who may do everything, and those that start was given.
type house struct {
	*clustertest.Cluster
	control string // namespace of our records
	git     *gittest.Server
	addr    string

	mu      sync.Mutex
	callers map[string]*caller
	said    []string // every answer, for looking for what must never be said
}

// account is somebody and the lines of policy that are about them, without "p, NAME, ".
type account struct {
	name     string
	policies []string
}

// start runs a daemon with accounts; settings are more keys of argocd-cm.
func start(t *testing.T, settings map[string]string, accounts ...account) *house {
	t.Helper()
	return startWith(t, daemon.Options{}, settings, accounts...)
}

// startWith is start with options for the daemon; its log is shown on request when they name none.
func startWith(t *testing.T, o daemon.Options, settings map[string]string, accounts ...account) *house {
	o.StrangerRate = 1e6 // tests are many callers from one address; what bounds them has tests of its own
	t.Helper()
	c := clustertest.Start(t)
	c.Apply(t, "", string(deploy.CRDManifest()))
	h := &house{Cluster: c, control: c.Namespace(t), git: gittest.New(t), callers: map[string]*caller{}}
	h.prepare(t, settings, accounts)

	cfg := config.Default()
	cfg.Kubeconfig, cfg.Namespace, cfg.DataDir, cfg.Listen = h.Kubeconfig, h.control, t.TempDir(), "127.0.0.1:0"
	cfg.InstallCRDs, cfg.Identity, cfg.LeaseDuration = true, t.Name(), 5*time.Second
	ctx, cancel := context.WithCancel(context.Background())
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(logWriter{t.Name()}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	d, err := daemon.New(ctx, cfg, o)
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

// logWriter shows the daemon's log on request: t.Log after the end of a test panics.
type logWriter struct{ test string }

func (w logWriter) Write(p []byte) (int, error) {
	if os.Getenv("HAWSER_TEST_LOG") != "" {
		fmt.Fprintf(os.Stderr, "%s: %s", w.test, p)
	}
	return len(p), nil
}

// prepare writes settings, accounts and policy.
func (h *house) prepare(t *testing.T, settings map[string]string, accounts []account) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	cm := map[string]string{}
	for k, v := range settings {
		cm[k] = v
	}
	secret := map[string]string{"admin.password": string(hash), "admin.passwordMtime": "2020-01-01T00:00:00Z"}
	var policy strings.Builder
	for _, a := range accounts {
		cm["accounts."+a.name] = "login, apiKey"
		secret["accounts."+a.name+".password"], secret["accounts."+a.name+".passwordMtime"] = string(hash), "2020-01-01T00:00:00Z"
		for _, p := range a.policies {
			fmt.Fprintf(&policy, "p, %s, %s\n", a.name, p)
		}
	}
	h.put(t, "ConfigMap", "argocd-cm", cm)
	h.put(t, "ConfigMap", "argocd-rbac-cm", map[string]string{"policy.csv": policy.String()})
	h.put(t, "Secret", "argocd-secret", secret)
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

// caller is somebody who asks.
type caller struct {
	h     *house
	name  string
	token string // empty for nobody
	grpc  *api.Client
}

// as logs somebody in; "" is a stranger.
func (h *house) as(t *testing.T, name string) *caller {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.callers[name]; c != nil {
		return c
	}
	c := &caller{h: h, name: name}
	if name != "" {
		body, _ := json.Marshal(map[string]string{"username": name, "password": password})
		status, text := c.send(t, "POST", "/api/v1/session", string(body))
		var answer struct{ Token string }
		if err := json.Unmarshal([]byte(text), &answer); status != 200 || err != nil || answer.Token == "" {
			t.Fatalf("%s cannot log in: %d %s", name, status, text)
		}
		c.token = answer.Token
	}
	h.callers[name] = h.with(t, c)
	return c
}

// with makes a caller of a token.
func (h *house) with(t *testing.T, c *caller) *caller {
	t.Helper()
	client, err := api.New(api.Server{Address: h.addr, PlainText: true, Token: c.token})
	if err != nil {
		t.Fatal(err)
	}
	c.h, c.grpc = h, client
	return c
}

// do asks over REST. body is JSON, or anything that becomes it.
func (c *caller) do(t *testing.T, verb, path string, body any) (status int, answer string) {
	t.Helper()
	text := ""
	switch b := body.(type) {
	case nil:
	case string:
		text = b
	default:
		data, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		text = string(data)
	}
	status, answer = c.send(t, verb, path, text)
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.said = append(c.h.said, verb+" "+path+": "+answer)
	return status, answer
}

func (c *caller) send(t *testing.T, verb, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(verb, "http://"+c.h.addr+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
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

// scenario is one request over REST and what must come back.
type scenario struct {
	who    string // name of an account
	verb   string // GET, when empty
	path   string
	body   any
	status int      // 200, when 0
	says   []string // parts of the answer
	lacks  []string // what must not be in it
	soon   bool     // it may say so a moment later, and asking twice changes nothing: events are written behind the answer
}

// run asks one request after the other: later ones see what earlier ones did.
func (h *house) run(t *testing.T, list []scenario) {
	t.Helper()
	for i, s := range list {
		if s.verb == "" {
			s.verb = "GET"
		}
		if s.status == 0 {
			s.status = 200
		}
		name := fmt.Sprintf("%d %s %s by %q", i, s.verb, s.path, s.who)
		if s.soon {
			clustertest.Wait(t, name, func(context.Context) error {
				_, answer := h.as(t, s.who).do(t, s.verb, s.path, s.body)
				for _, part := range s.says {
					if !strings.Contains(answer, part) {
						return fmt.Errorf("%s lacks %s", answer, part)
					}
				}
				return nil
			})
		}
		status, answer := h.as(t, s.who).do(t, s.verb, s.path, s.body)
		if status != s.status {
			t.Errorf("%s: status %d, want %d: %s", name, status, s.status, answer)
			continue
		}
		for _, part := range s.says {
			if !strings.Contains(answer, part) {
				t.Errorf("%s: the answer lacks %s: %s", name, part, answer)
			}
		}
		for _, part := range s.lacks {
			if strings.Contains(answer, part) {
				t.Errorf("%s: the answer has %s: %s", name, part, answer)
			}
		}
	}
}

// same demands that two requests are answered alike, letter by letter once the names in them are taken out: whoever may
// see neither must not learn which of the two there is.
func (h *house) same(t *testing.T, who, verb, path, there, missing string, body func(name string) any) {
	t.Helper()
	ask := func(name string) (int, string) {
		var b any
		if body != nil {
			b = body(name)
		}
		status, answer := h.as(t, who).do(t, verb, strings.ReplaceAll(path, "NAME", name), b)
		return status, strings.ReplaceAll(answer, name, "NAME")
	}
	status1, answer1 := ask(there)
	status2, answer2 := ask(missing)
	if status1 != status2 || answer1 != answer2 {
		t.Errorf("%s %s by %q: %d %s for what is there, %d %s for what is not", verb, path, who, status1, answer1, status2, answer2)
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

// eventually waits until an answer has a part: what kubectl did, the daemon hears a moment later.
func (h *house) eventually(t *testing.T, who, path, part string) {
	t.Helper()
	clustertest.Wait(t, path, func(context.Context) error {
		if status, answer := h.as(t, who).send(t, "GET", path, ""); status != 200 || !strings.Contains(answer, part) {
			return fmt.Errorf("%d %s lacks %s", status, answer, part)
		}
		return nil
	})
}
