package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// screen is a terminal as the page holds it.
type screen struct {
	*websocket.Conn
	text string
}

type terminalMessage struct {
	Operation, Data string
	Rows, Cols      uint16
	Code            int
}

// terminal opens one; when it is refused, the answer's status and body are there.
func (c *caller) terminal(t *testing.T, query string, header http.Header) (*screen, int, string) {
	t.Helper()
	if header == nil {
		header = http.Header{}
	}
	if c.token != "" {
		header.Set("Authorization", "Bearer "+c.token)
	}
	conn, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+c.h.addr+"/terminal?"+query, header)
	if err != nil {
		if res == nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		return nil, res.StatusCode, string(body)
	}
	t.Cleanup(func() { conn.Close() })
	return &screen{Conn: conn}, res.StatusCode, ""
}

func (s *screen) typed(t *testing.T, text string) {
	t.Helper()
	if err := s.WriteJSON(map[string]any{"operation": "stdin", "data": text}); err != nil {
		t.Fatalf("%v; the screen shows %q", err, s.ended(t))
	}
}

// until reads until the screen shows a text, or the session ends.
func (s *screen) until(t *testing.T, text string) bool {
	t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(time.Minute))
	for !strings.Contains(s.text, text) {
		var m terminalMessage
		if err := s.ReadJSON(&m); err != nil {
			return false
		}
		s.text += m.Data
	}
	return true
}

// ended reads until the session ends, and returns what was shown.
func (s *screen) ended(t *testing.T) string {
	t.Helper()
	s.until(t, "\x00never")
	return s.text
}

func TestTerminal(t *testing.T) {
	h := start(t, map[string]string{"exec.enabled": "true", "exec.shells": "powershell,sh"},
		account{"operator", []string{"applications, get, default/*, allow", "exec, create, default/*, allow"}},
		account{"reader", []string{"applications, get, default/*, allow"}},
		account{"blind", []string{"exec, create, default/*, allow"}},
		account{"nobody", nil})
	target := h.Namespace(t)
	repo := h.git.Repo(t, "terminal", map[string]string{"web.yaml": `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}},
 template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: "web:1"}, {name: side, image: "side:1"}]}}}}`})
	h.Apply(t, h.control, `{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: web}, spec: {project: default, syncPolicy: {automated: {}},
 source: {repoURL: "`+repo.URL+`", path: "."}, destination: {server: "https://kubernetes.default.svc", namespace: `+target+`}}}`)
	h.eventually(t, "admin", "/api/v1/applications/web", `"health":{"status":"Healthy"`)
	_, answer := h.as(t, "admin").do(t, "GET", "/api/v1/applications/web/resource-tree", nil)
	pod := ""
	for _, n := range into[struct{ Nodes []struct{ Kind, Name string } }](t, answer).Nodes {
		if n.Kind == "Pod" {
			pod = n.Name
		}
	}
	query := func(change ...string) string {
		v := url.Values{"pod": {pod}, "container": {"web"}, "namespace": {target}, "appName": {"web"}, "projectName": {"default"}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v.Encode()
	}

	// who may, and what is asked
	for _, c := range []struct {
		name, who, query string
		header           http.Header
		status           int
	}{
		{"a stranger", "", query(), nil, 401},
		{"who may not", "reader", query(), nil, 403},
		{"who may not see it", "blind", query(), nil, 403},
		{"nobody", "nobody", query(), nil, 403},
		{"another shell", "operator", query("shell", "/bin/zsh"), nil, 404},
		{"another project", "operator", query("projectName", "other"), nil, 403},
		{"no such application", "operator", query("appName", "none"), nil, 404},
		{"no pod", "operator", query("pod", ""), nil, 400},
		{"no name", "operator", query("pod", "a/b"), nil, 400},
		{"another site", "operator", query(), http.Header{"Origin": {"https://evil.example.org"}}, 403},
		{"another scheme", "operator", query(), http.Header{"Origin": {"https://" + h.addr}}, 403},
		{"nowhere", "operator", query(), http.Header{"Origin": {"null"}}, 403},
	} {
		if _, status, body := h.as(t, c.who).terminal(t, c.query, c.header); status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, status, body, c.status)
		}
	}
	if status, body := h.as(t, "operator").do(t, "GET", "/terminal?"+query(), nil); status != 400 || !strings.Contains(body, "handshake") {
		t.Errorf("without a WebSocket: %d %s", status, body)
	}

	// a session: powershell is not there, sh is
	s, status, body := h.as(t, "operator").terminal(t, query(), http.Header{"Origin": {"http://" + h.addr}})
	if s == nil {
		t.Fatal(status, body)
	}
	if err := s.WriteJSON(map[string]any{"operation": "resize", "rows": 43, "cols": 132}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // the first has failed by now
	s.typed(t, "echo grüße-$((40+2))\n")
	s.typed(t, "stty size\n")
	if !s.until(t, "43 132") {
		t.Errorf("the screen shows %q", s.text)
	}
	s.typed(t, "exit\n")
	if text := s.ended(t); strings.Contains(text, "\ufffd") {
		t.Errorf("%q", text)
	}

	// what is no message ends it
	if s, _, _ := h.as(t, "operator").terminal(t, query("shell", "sh", "container", "side"), nil); s == nil {
		t.Error("no session")
	} else if err := s.WriteJSON(map[string]any{"operation": "format"}); err != nil || !strings.Contains(s.ended(t), "unknown message type format") {
		t.Errorf("%v %q", err, s.text)
	}
	// a pod that is not the application's
	if s, _, _ := h.as(t, "operator").terminal(t, query("pod", "nothing"), nil); s == nil {
		t.Error("no session")
	} else if text := s.ended(t); !strings.Contains(text, "nothing") {
		t.Errorf("%q", text)
	}
	h.eventually(t, "admin", "/api/v1/applications/web/events", "operator opened a session in container web of pod "+target+"/"+pod)

	// a role that is taken away takes the open session with it
	s, status, body = h.as(t, "operator").terminal(t, query("shell", "sh"), nil)
	if s == nil {
		t.Fatal(status, body)
	}
	s.typed(t, "echo ready\n")
	if !s.until(t, "ready") {
		t.Fatal(s.text)
	}
	h.put(t, "ConfigMap", "argocd-rbac-cm", map[string]string{"policy.csv": "p, operator, applications, get, default/*, allow\n"})
	began := time.Now()
	if text := s.ended(t); !strings.Contains(text, "permission denied: exec, create, default/web") || time.Since(began) > 35*time.Second {
		t.Errorf("after %s: %q", time.Since(began), text)
	}

	// and when terminals are off, there is none
	h.put(t, "ConfigMap", "argocd-cm", map[string]string{})
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, status, _ := h.as(t, "admin").terminal(t, query(), nil)
		if status == 404 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("terminals stay open")
		}
		time.Sleep(200 * time.Millisecond)
	}
}
