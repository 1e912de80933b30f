package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
)

// terminalQuery is what the address of a terminal names. The words are Argo CD's.
type terminalQuery struct {
	pod, container, namespace         string
	app, appNamespace, project, shell string
}

// terminalRule is the rule of /terminal, which is no method of gRPC and passes the same choke point.
var terminalRule = onAppWith(rbac.Exec, rbac.Create, func(q *terminalQuery) appRef { return appRef{q.app, q.appNamespace, q.project} })

// Bounds of terminals.
const (
	maxTerminals     = 200
	maxTerminalInput = 64 << 10 // bytes of one message: people paste files
	terminalPing     = 5 * time.Second
	terminalPatience = 30 * time.Second // for an answer to a ping, and for output to be taken
)

// terminal opens a shell in a container and joins it with a browser over a WebSocket. It is off unless exec.enabled says
// otherwise, and then answers as if it were not there.
func (s *server) terminal(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	if err := c.mustBeSomebody(); err != nil { // whether terminals are on is not for strangers
		s.refuse(w, c, err)
		return
	}
	absent := problem.New(problem.NotFound, "nothing is served at %s", clip(r.URL.Path))
	if s.Catalog == nil || !s.Catalog.Settings().Server.Exec {
		fail(w, absent)
		return
	}
	if err := s.ownPage(r); err != nil {
		fail(w, err)
		return
	}
	q, err := readTerminal(r.URL.RawQuery)
	if err == nil {
		err = terminalRule.check(c, q)
	}
	if err != nil {
		s.refuse(w, c, err)
		return
	}
	shells := s.Catalog.Settings().Server.ExecShells
	if q.shell != "" {
		if !slices.Contains(shells, q.shell) {
			fail(w, absent)
			return
		}
		shells = []string{q.shell}
	}
	if s.terminals.Add(1) > maxTerminals {
		s.terminals.Add(-1)
		s.crowd.refused.add(byTerminals)
		fail(w, problem.New(problem.Limit, "too many terminals are open"))
		return
	}
	defer s.terminals.Add(-1)
	if err := c.begin(); err != nil {
		s.refuse(w, c, err)
		return
	}

	to, err := c.replica(false)
	if err != nil {
		s.refuse(w, c, err)
		return
	}
	if c.renewed != "" {
		s.setCookies(w, r, c.renewed)
	}
	if to != nil {
		s.passTerminal(w, r, c, to)
		return
	}
	upgrade := websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second,
		CheckOrigin:      func(*http.Request) bool { return true }, // ownPage has looked
		Error: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			answer(w, status, codes[problem.Invalid], "the request is no handshake of a WebSocket")
		},
	}
	conn, err := upgrade.Upgrade(w, r, http.Header{"Set-Cookie": w.Header().Values("Set-Cookie")})
	if err != nil {
		return // it has answered
	}
	s.runTerminal(c, q, shells, conn)
}

// ownPage refuses a handshake that another site's page began: browsers send our cookie with it, ask nobody before, and
// always say where they come from. What says nothing is no browser.
func (s *server) ownPage(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		if strings.EqualFold(u.Host, r.Host) && (u.Scheme == "https") == secure(r) {
			return nil
		}
		set := s.Catalog.Settings()
		for _, ours := range append([]string{set.URL}, set.Server.AdditionalURLs...) {
			if o, err := url.Parse(ours); err == nil && o.Host != "" && strings.EqualFold(o.Host, u.Host) && strings.EqualFold(o.Scheme, u.Scheme) {
				return nil
			}
		}
	}
	return problem.New(problem.Forbidden, "the request comes from another site")
}

func readTerminal(query string) (*terminalQuery, error) {
	v, err := url.ParseQuery(query)
	if err != nil {
		return nil, problem.New(problem.Invalid, "the query cannot be read")
	}
	q := &terminalQuery{pod: v.Get("pod"), container: v.Get("container"), namespace: v.Get("namespace"),
		app: v.Get("appName"), appNamespace: v.Get("appNamespace"), project: v.Get("projectName"), shell: v.Get("shell")}
	if q.pod == "" || q.container == "" || q.app == "" || q.project == "" || q.namespace == "" {
		return nil, problem.New(problem.Invalid, "Missing required parameters").WithHint("pod, container, namespace, appName and projectName are needed")
	}
	for _, p := range []struct {
		what, value string
		check       func(string) []string
	}{
		{"pod", q.pod, validation.IsDNS1123Subdomain}, {"container", q.container, validation.IsDNS1123Label},
		{"namespace", q.namespace, validation.IsDNS1123Label}, {"appName", q.app, validation.IsDNS1123Subdomain},
		{"appNamespace", q.appNamespace, validation.IsDNS1123Label}, {"projectName", q.project, validation.IsDNS1123Subdomain},
	} {
		if p.value != "" && len(p.check(p.value)) > 0 {
			return nil, problem.New(problem.Invalid, "%s is not valid", p.what)
		}
	}
	return q, nil
}

// runTerminal holds a session until the shell ends, the browser goes, or the caller may not go on. It owns conn.
func (s *server) runTerminal(c *call, q *terminalQuery, shells []string, conn *websocket.Conn) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(c.Context)) // the request's ends with the handshake
	defer cancel(nil)
	t := newSession(ctx, conn, cancel)
	why := "the shell has ended"
	defer func() { t.close(why) }()
	go t.receive()
	go t.keep(s.mayGoOn(c, t))

	began := time.Now()
	object, where := s.object(c.app), fmt.Sprintf("container %s of pod %s/%s", q.container, q.namespace, q.pod)
	c.decided(rbac.Exec, rbac.Create, object, true, "a terminal was opened in "+where)
	code, used, err := t.tryShells(shells, func(shell string, in *keyboard) (int, error) {
		return s.exec(ctx, c, reconcile.ExecRequest{
			Application: nameOf(c.app), Namespace: q.namespace, Pod: q.pod, Container: q.container, Command: []string{shell},
			Stdin: in, Stdout: t, TTY: true, Sizes: in.sizes, By: c.by(),
			Watch: reconcile.Watch{Every: recheckEvery, Allowed: s.stillApp(c, rbac.Exec, rbac.Create)},
		})
	})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil && !errors.Is(err, errLeft) {
		t.say("\r\n" + err.Error() + "\r\n")
	}
	in, out, hash := t.account()
	if err != nil {
		why = err.Error()
	} else if code != 0 {
		why = fmt.Sprintf("the shell has ended with code %d", code)
	}
	c.decided(rbac.Exec, rbac.Create, object, true, fmt.Sprintf("the terminal in %s was closed after %s: %s (%s, code %d); %d bytes went in, %d came out, the chain of what was typed is %s",
		where, time.Since(began).Round(time.Millisecond), why, used, code, in, out, hash))
}

// mayGoOn asks again who the caller is and what they may do, and whether there are terminals at all. A token that is to
// be renewed is told to the browser, which connects anew and is given it with the handshake.
func (s *server) mayGoOn(c *call, t *session) func() error {
	told := false
	exec, get := s.stillApp(c, rbac.Exec, rbac.Create), s.stillApp(c, rbac.Applications, rbac.Get)
	return func() error {
		if !s.Catalog.Settings().Server.Exec {
			return problem.New(problem.Forbidden, "terminals have been switched off")
		}
		if err := get(); err != nil {
			return err
		}
		if err := exec(); err != nil {
			return err
		}
		fresh := *c
		fresh.renew()
		if fresh.renewed != "" && !told {
			told = true
			t.reconnect()
		}
		return nil
	}
}
