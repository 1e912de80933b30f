package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/daemon"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// canary is how every secret of the house begins. What stands behind it says where the secret is kept.
const canary = "kanari3vogel7Zq9x-"

// cage looks for canaries in whatever leaves the house, as they are, in base64 and in hex.
type cage struct {
	mu     sync.Mutex
	marks  []string
	found  map[string]string // where, and what was around
	owned  string            // an address with a password that stands in a record which people read: there, it may be
	looked int               // bytes
}

func newCage(more ...string) *cage {
	c := &cage{found: map[string]string{}}
	core := strings.TrimSuffix(canary, "-")
	c.marks = []string{core, hex.EncodeToString([]byte(core)), strings.ToUpper(hex.EncodeToString([]byte(core)))}
	for shift := range 3 { // base64 has three forms, by what stands before; the ends of each depend on the neighbours
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + core))
		text = strings.TrimRight(text, "=")
		c.marks = append(c.marks, text[(shift*8+5)/6:len(text)-1])
	}
	c.marks = append(c.marks, more...)
	return c
}

// look searches a text that came from somewhere.
func (c *cage) look(where, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked += len(text)
	if c.owned != "" {
		inLink := `repoURL%22%3A%22` + url.QueryEscape(c.owned)
		text = strings.NewReplacer(`"repoURL":"`+c.owned, "", inLink, "", url.QueryEscape(inLink), "", "\x0a"+string(rune(len(c.owned)))+c.owned, "").Replace(text)
	}
	for _, mark := range c.marks {
		if i := strings.Index(text, mark); i >= 0 {
			if _, known := c.found[where]; !known {
				c.found[where] = text[max(0, i-120):min(len(text), i+len(mark)+80)]
			}
		}
	}
}

// safeBuffer is a log that is written while it is read.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// The cage must see what it is there to see.
func TestCage(t *testing.T) {
	for _, secret := range []string{canary + "1", "ab" + canary, "a" + canary + "zz", `"` + canary} {
		for name, text := range map[string]string{
			"plain": secret, "base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64 for addresses": base64.RawURLEncoding.EncodeToString([]byte(secret)),
			"hex": hex.EncodeToString([]byte(secret)), "JSON in JSON": fmt.Sprintf("%q", fmt.Sprintf("%q", secret)),
		} {
			c := newCage()
			c.look(name, "before"+text+"after")
			if len(c.found) == 0 {
				t.Errorf("%s of %q is not seen", name, secret)
			}
		}
	}
}

// TestCanaries puts a secret wherever a secret can be, and looks for it in every answer of every method, in metrics, in
// the log at its most talkative, in events and in what we write into the cluster (safety 9 to 11; B-070 to B-075).
func TestCanaries(t *testing.T) {
	log := &safeBuffer{}
	h := startWith(t, daemon.Options{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, map[string]string{
		"oidc.config":       "name: Example\nissuer: https://127.0.0.1:1/issuer\nclientID: client\nclientSecret: " + canary + "oidc-inline\n",
		"application.links": `[{title: A, url: "https://x/{{ .cluster | toJson | urlquery }}{{ .app | toJson | urlquery }}"}]`,
		"project.links":     `[{title: P, url: "https://x/{{ .project | toJson | urlquery }}"}]`,
		"resource.links":    `[{title: R, url: "https://x/{{ .resource | toJson | urlquery }}"}]`,
	}, account{"powerless", nil})

	// passwords, keys and hashes of our own
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	h.as(t, "admin") // before the key of sessions changes
	own := map[string]string{"admin.password": string(hash), "admin.passwordMtime": "2020-01-01T00:00:00Z", "accounts.powerless.password": string(hash), "accounts.powerless.passwordMtime": "2020-01-01T00:00:00Z",
		"server.secretkey": canary + "signing-key-that-is-long-enough-0123456789", "some.reference": canary + "reference", "oidc.clientSecret": canary + "oidc"}
	for _, key := range []string{"webhook.github.secret", "webhook.gitlab.secret", "webhook.gogs.secret", "webhook.bitbucket.uuid", "webhook.bitbucketserver.secret", "webhook.azuredevops.username", "webhook.azuredevops.password", "dex.dex.clientSecret"} {
		own[key] = canary + key
	}
	h.put(t, "Secret", "argocd-secret", own)
	h.put(t, "Secret", "argocd-notifications-secret", map[string]string{"slack-token": canary + "notifications"})
	h.put(t, "ConfigMap", "argocd-notifications-cm", map[string]string{"service.slack": "token: " + canary + "notifications-inline", "trigger.x": "[]", "template.x": "message: " + canary + "template"})
	clustertest.Wait(t, "the new key of sessions", func(context.Context) error {
		if status, _ := h.as(t, "admin").send(t, "GET", "/api/v1/account", ""); status != 401 {
			return fmt.Errorf("the old session is still good: %d", status)
		}
		return nil
	})
	h.mu.Lock()
	clear(h.callers)
	h.mu.Unlock()
	bird := newCage(string(hash), base64.StdEncoding.EncodeToString(hash)[:40])

	// records, and an application with secrets in Git and in the cluster
	x := thing{label: "canary", project: "canary-project", canary: canary}
	secret := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"settings","annotations":{"note":"plain"}},"stringData":{"text":"` + canary + `git-string\n\"quoted\""},"data":{"bytes":"` + base64.StdEncoding.EncodeToString([]byte(canary+"git-data")) + `"}}`
	h.furnishOne(t, &x, map[string]string{
		"cm.yaml":     `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}`,
		"secret.json": secret,
	})
	h.Patch(t, "somebody", "v1", "Secret", x.target, "settings", `{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":`+fmt.Sprintf("%q", secret)+`}},"stringData":{"live":"`+canary+`live","text":"`+canary+`drifted"}}`)
	h.eventually(t, "admin", "/api/v1/applications/"+x.app(), `"sync":{"status":"OutOfSync"`)
	// applications that fail over their secrets
	for name, text := range map[string]string{
		"bytes":   `{apiVersion: v1, kind: Secret, metadata: {name: broken-kind-bytes}, data: {x: "` + canary + `is no base64"}}`,
		"shape":   `{apiVersion: v1, kind: Secret, metadata: {name: broken-shape}, stringData: {x: [` + canary + `list]}}`,
		"kind":    `{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, metadata: {name: broken}, stringData: {x: ` + canary + `tls}}`,
		"syntax":  "apiVersion: v1\nkind: Secret\nmetadata: {name: broken}\nstringData:\n  x: \"" + canary + "syntax\n",
		"address": `{apiVersion: v1, kind: ConfigMap, metadata: {name: fine}}`,
	} {
		repo := h.git.Repo(t, "broken-"+name, map[string]string{"secret.yaml": text})
		address := repo.URL
		if name == "address" {
			address = strings.Replace(h.git.URL+"/nothing.git", "://", "://robot:"+canary+"address@", 1)
			bird.owned = address
		}
		h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: broken-`+name+`}, spec: {project: `+x.project+`, syncPolicy: {automated: {}},
 source: {repoURL: "`+address+`", path: "."}, destination: {server: "https://kubernetes.default.svc", namespace: `+x.target+`}}}`)
		clustertest.Wait(t, "the failure of broken-"+name, func(context.Context) error {
			_, answer := h.as(t, "admin").send(t, "GET", "/api/v1/applications/broken-"+name, "")
			if !strings.Contains(answer, `"operationState"`) && !strings.Contains(answer, `"conditions"`) {
				return errorf("%s", answer)
			}
			return nil
		})
	}

	// every method that reads, and every other that is called wrongly or by those who may not
	names := []string{x.app(), "broken-bytes", "broken-shape", "broken-kind", "broken-syntax", "broken-address"}
	calls := 0
	see := func(c *caller, door string, m server.Declared, message any, note string) {
		calls++
		if r, ok := c.ask(t, door, m, message, nil); ok {
			bird.look(fmt.Sprintf("%s by %s, as %s, %s", m.Path(), door, c.name, note), fmt.Sprintf("%s\n%s\n%v", r.message, r.body, r.header))
		}
	}
	admin, powerless := h.as(t, "admin"), h.as(t, "powerless")
	for _, m := range server.Methods() {
		reads := m.Action == rbac.Get || m.Scope != server.Single
		for _, kind := range []string{"ConfigMap", "Secret"} {
			for _, door := range []string{doorREST, doorGRPC, doorWeb} {
				q := request{m: m, x: x, control: h.control, kind: kind}
				see(powerless, door, m, q.message(), kind)
				if !reads && m.Name != "PatchResource" && m.Name != "Sync" && !strings.HasPrefix(m.Name, "Validate") && !strings.HasPrefix(m.Name, "Create") && !strings.HasPrefix(m.Name, "Update") {
					continue
				}
				if m.Service == "session.SessionService" || m.Name == "CreateToken" { // they answer with a secret of the caller's
					continue
				}
				if m.Service == "application.ApplicationService" && reads {
					for _, name := range names {
						message := q.message()
						rename(message, x.app(), name)
						see(admin, door, m, message, kind+" of "+name)
					}
					continue
				}
				see(admin, door, m, q.message(), kind)
			}
		}
		for i, r := range m.REST { // what cannot be read
			if r.Body == "" || r.Body == "action" { // the name of an action is no secret
				continue
			}
			for _, body := range []string{`{"password": "` + canary + `cut`, `{"metadata": "` + canary + `shape", "repo": 5, "url": ["` + canary + `"], "config": "` + canary + `", "username": {"` + canary + `": 1}}`, `"` + canary + `text"`, `[` + canary + `]`} {
				calls++
				verb, path, _ := restRequest(t, m, i, (&request{m: m, x: x, control: h.control}).message())
				got := admin.exchange(t, plainHTTP, verb, path, []byte(body), false, http.Header{"Content-Type": {"application/json"}})
				bird.look(verb+" "+r.Path+" with a bad body", got.body)
			}
		}
	}
	// what the secrets stand in is shown: that they are not seen means something
	for path, parts := range map[string][]string{
		"/api/v1/applications/" + x.app() + "/managed-resources": {`"kind":"Secret"`, `\"live\":`, `\"bytes\":`},
		"/api/v1/repositories": {x.repo(), `"username":"robot"`}, "/api/v1/repocreds": {x.creds()}, "/api/v1/clusters": {x.server()},
		"/api/v1/applications/broken-bytes": {`"message":`}, "/api/v1/settings": {`"clientID":"client"`},
	} {
		_, answer := admin.send(t, "GET", path, "")
		for _, part := range parts {
			if !strings.Contains(answer, part) {
				t.Errorf("%s does not show %s: %s", path, part, clipped(answer))
			}
		}
	}
	// what only some requests bring about
	diff := methodNamed(t, "application.ApplicationService/ServerSideDiff")
	patch := methodNamed(t, "application.ApplicationService/PatchResource")
	for _, door := range []string{doorREST, doorGRPC} {
		see(admin, door, diff, &argocd.ApplicationServerSideDiffQuery{AppName: x.app(), TargetManifests: []string{secret, strings.ReplaceAll(secret, `"settings"`, `"another"`), `{"kind":"Secret","stringData":{"x":"` + canary + `no-version"}}`}}, "manifests of the caller")
		for _, text := range []string{`{"data":{"x":"` + canary + `is no base64"}}`, `{"stringData":{"x":["` + canary + `"]}}`, `{"stringData":{"x":"` + canary + `patched"}}`, `[{"op":"test","path":"/data/bytes","value":"` + canary + `"}]`, canary} {
			for _, kind := range []string{"application/merge-patch+json", "application/json-patch+json", "application/strategic-merge-patch+json"} {
				see(admin, door, patch, &argocd.ApplicationResourcePatchRequest{Name: x.app(), Namespace: x.target, ResourceName: "settings", Version: "v1", Kind: "Secret", Patch: text, PatchType: kind}, "a patch of a Secret")
			}
		}
	}
	for _, path := range []string{"/metrics", "/healthz?full=true", "/swagger.json", "/auth/login", "/auth/callback?error=" + canary + "&state=" + canary, "/api/badge?name=" + x.app()} {
		bird.look("GET "+path, admin.exchange(t, plainHTTP, "GET", path, nil, false).body)
	}
	for header, value := range map[string]string{"X-Hub-Signature-256": "sha256=00", "X-Gitlab-Token": "wrong", "Authorization": "Basic d3Jvbmc6d3Jvbmc="} {
		got := (&caller{h: h}).exchange(t, plainHTTP, "POST", "/api/webhook", []byte(`{"repository":{"html_url":"https://a"}}`), false, http.Header{"Content-Type": {"application/json"}, header: {value}, "X-Github-Event": {"push"}})
		bird.look("POST /api/webhook with "+header, got.body)
	}
	bad := (&caller{h: h}).exchange(t, plainHTTP, "POST", "/api/v1/session", []byte(`{"username":"admin","password":"`+canary+`guess"}`), false, http.Header{"Content-Type": {"application/json"}})
	bird.look("a wrong password", bad.body)
	forged := (&caller{h: h, token: canary + "." + canary + "." + canary}).exchange(t, plainHTTP, "GET", "/api/v1/applications", nil, false)
	bird.look("a wrong token", forged.body)
	bird.look("the log", log.String())
	h.lookAtRecords(t, bird, x.target)
	for where, text := range bird.found {
		t.Errorf("a secret is told by %s: …%s…", where, text)
	}
	t.Logf("%d calls, %d bytes", calls, bird.looked)
	if calls < 1500 || !strings.Contains(log.String(), "level=DEBUG") {
		t.Errorf("%d calls are too few to be all, or the log is not talkative", calls)
	}
}

// lookAtRecords looks into what we write: events, and the state of our records. Where the secrets are kept they may be.
func (h *house) lookAtRecords(t *testing.T, c *cage, target string) {
	t.Helper()
	for _, r := range []struct{ group, version, resource, namespace string }{
		{"", "v1", "events", h.control}, {"", "v1", "events", target}, {"events.k8s.io", "v1", "events", h.control},
		{"argoproj.io", "v1alpha1", "applications", h.control}, {"argoproj.io", "v1alpha1", "appprojects", h.control}, {"argoproj.io", "v1alpha1", "applicationsets", h.control},
		{"", "v1", "configmaps", h.control}, {"coordination.k8s.io", "v1", "leases", h.control},
	} {
		list, err := h.Dynamic.Resource(schema.GroupVersionResource{Group: r.group, Version: r.version, Resource: r.resource}).Namespace(r.namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			switch {
			case r.resource == "configmaps" && strings.HasPrefix(o.GetName(), "argocd-"): // people wrote it there
				continue
			}
			data, err := json.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			c.look(r.resource+" "+o.GetName(), string(data))
		}
	}
}

func methodNamed(t *testing.T, name string) server.Declared {
	t.Helper()
	for _, m := range server.Methods() {
		if m.Path() == "/"+name {
			return m
		}
	}
	t.Fatal("there is no method ", name)
	return server.Declared{}
}

// rename makes a message speak of another application.
func rename(message any, from, to string) {
	data, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(bytes.ReplaceAll(data, []byte(`"`+from+`"`), []byte(`"`+to+`"`)), message); err != nil {
		panic(err)
	}
}
