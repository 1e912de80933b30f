package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/hawser-cd/hawser/internal/problem"
)

// engine notes what a hub wants, and reports what it is told to.
type engine struct {
	hub     string
	blind   atomic.Bool
	mu      sync.Mutex
	taken   []string
	reports chan Report
}

func (e *engine) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.taken = append(e.taken, fmt.Sprintf(format, args...))
}

func (e *engine) story() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.taken, "; ")
}

func (e *engine) Take(_ context.Context, r Record) error {
	e.note("take %s %s", r.Key, r.Body)
	return nil
}
func (e *engine) Drop(_ context.Context, k Key) error { e.note("drop %s", k); return nil }
func (e *engine) Whole(_ context.Context, all map[Key]bool) error {
	e.note("whole %d", len(all))
	return nil
}
func (e *engine) Pushed(p []byte) { e.note("pushed %s", p) }
func (e *engine) Beat() Beat      { return Beat{Version: "v1", Connected: !e.blind.Load()} }
func (e *engine) Refresh(_ context.Context, k Key, hard bool) (Report, error) {
	return Report{Name: k.Name, UID: fmt.Sprint(hard)}, nil
}

func (e *engine) Exec(ctx context.Context, q Exec, t Terminal) (int, error) {
	if q.Command[0] == "talk" {
		_, err := t.Out.Write([]byte("x"))
		<-ctx.Done()
		return 0, err
	}
	line := make([]byte, 64)
	n, err := t.In.Read(line)
	if err != nil {
		return 0, err
	}
	size := <-t.Sizes
	fmt.Fprintf(t.Out, "%s ran %s: %s at %d", q.By, q.Command[0], line[:n], size.Width)
	return 3, nil
}

func (e *engine) Reports(ctx context.Context, send func(Report) error, whole func() error) error {
	if err := whole(); err != nil {
		return err
	}
	for {
		select {
		case r := <-e.reports:
			if err := send(r); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pair joins a hub and an agent whose calls handler answers.
func pair(t *testing.T, handler func(*engine) http.Handler) (*Hub, *engine, chan Report, context.CancelFunc) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	reports := make(chan Report, 100)
	hub := NewHub(HubOptions{Log: log, Report: func(_ string, r Report) { reports <- r }, Changed: func(string) {}})
	t.Cleanup(hub.Open())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer good" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		n := Newcomer{r.Header.Get(NameHeader), r.Header.Get(InstanceHeader), r.RemoteAddr}
		if err := hub.Ready(n); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err == nil {
			hub.Join(n, Stream(ws))
		}
	}))
	t.Cleanup(server.Close)
	e := &engine{hub: server.URL, reports: make(chan Report)}
	return hub, e, reports, e.dial(t, handler(e), "first")
}

// dial connects an agent to the hub; the returned function ends it.
func (e *engine) dial(t *testing.T, handler http.Handler, instance string) context.CancelFunc {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Dial(ctx, DialOptions{Hub: e.hub, Name: "edge", Token: func() (string, error) { return "good", nil }, Version: "v1", Log: slog.New(slog.DiscardHandler), Handler: handler,
			Instance: func(context.Context) (string, error) { return instance, nil }})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return cancel
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain:", what)
		}
	}
}

func answering(e *engine) http.Handler {
	return Serve(e, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "api ", r.URL.Path) }))
}

func TestHubAndAgent(t *testing.T) {
	hub, e, reports, _ := pair(t, answering)
	until(t, "connected", func() bool { return hub.Known("edge") })
	if s := hub.State("edge"); !s.Connected || s.From == "" {
		t.Errorf("%+v", s)
	}
	if e.story() != "" {
		t.Errorf("the agent is told something before it is known what it shall have: %s", e.story())
	}
	web, cart := Key{Kind: "Application", Name: "web"}, Key{Kind: "Application", Name: "cart"}
	hub.Want("edge", []Record{{Key: web, Body: []byte(`1`)}, {Key: Key{Kind: "Secret", Name: "s"}, Body: []byte(`1`)}})
	until(t, "everything, what others need first, and that it is all", func() bool {
		return e.story() == "take Secret s 1; take Application web 1; whole 2"
	})
	hub.Want("edge", []Record{{Key: web, Body: []byte(`2`)}, {Key: cart, Body: []byte(`1`)}})
	until(t, "what has changed", func() bool {
		return strings.HasSuffix(e.story(), "whole 2; take Application cart 1; take Application web 2; drop Secret s")
	})
	e.reports <- Report{Name: "web", UID: "u"}
	if r := <-reports; r.Name != "web" || r.UID != "u" {
		t.Errorf("%+v", r)
	}
	if r, err := hub.Refresh(t.Context(), "edge", web, true); err != nil || r.Name != "web" || r.UID != "true" {
		t.Errorf("%+v %v", r, err)
	}
	hub.Pushed([]byte(`{}`))
	until(t, "the push", func() bool { return strings.HasSuffix(e.story(), "pushed {}") })
	answer, err := (&http.Client{Transport: hub}).Get("http://edge/some/path")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if string(text) != "api /some/path" {
		t.Errorf("the API answers %s", text)
	}
	var out strings.Builder
	in, keys := io.Pipe()
	sizes := make(chan Size, 1)
	sizes <- Size{Width: 80, Height: 24}
	go func() { _, _ = keys.Write([]byte("ls")) }()
	code, err := hub.Exec(t.Context(), "edge", Exec{Command: []string{"sh"}, By: "ada"}, Terminal{In: in, Out: &out, Sizes: sizes})
	_ = keys.Close()
	if err != nil || code != 3 || out.String() != "ada ran sh: ls at 80" {
		t.Errorf("%d %v %q", code, err, out.String())
	}
}

// A command ends when whoever started it may not go on, also while nothing is typed.
func TestCommandEndsWithItsContext(t *testing.T) {
	hub, _, _, _ := pair(t, answering)
	until(t, "connected", func() bool { return hub.Known("edge") })
	revoked := problem.New(problem.Forbidden, "the role was taken away")
	ctx, cancel := context.WithCancelCause(t.Context())
	in, keys := io.Pipe()
	defer keys.Close()
	ended := make(chan error, 1)
	out, shown := io.Pipe()
	go func() {
		_, err := hub.Exec(ctx, "edge", Exec{Command: []string{"talk"}}, Terminal{In: in, Out: shown})
		ended <- err
	}()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cancel(revoked)
	select {
	case err := <-ended:
		if !errors.Is(err, revoked) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
}

func TestAgentThatGoesIsAway(t *testing.T) {
	hub, _, _, stop := pair(t, answering)
	until(t, "connected", func() bool { return hub.Known("edge") })
	stop()
	until(t, "away", func() bool { return !hub.State("edge").Connected })
	_, err := hub.Refresh(t.Context(), "edge", Key{}, false)
	if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "agent edge is unreachable since") {
		t.Error(err)
	}
	if _, err := hub.Exec(t.Context(), "edge", Exec{}, Terminal{}); !problem.Is(err, problem.Unavailable) {
		t.Error(err)
	}
}

// The newest connection of an agent counts: the one before is ended, and what still comes over it is not heard.
func TestNewestConnectionCounts(t *testing.T) {
	hub, _, _, _ := pair(t, answering)
	until(t, "connected", func() bool { return hub.Known("edge") })
	first := hub.State("edge").From
	hub.HangUp("edge", "tried")
	until(t, "connected anew", func() bool { s := hub.State("edge"); return s.Connected && s.From != first })
	hub.Forget(map[string]bool{})
	until(t, "not registered any more", func() bool { return !hub.Known("edge") })
}

// An agent that is not registered any more drops what it was told, before it is hung up on: it would go on deploying
// beside whoever comes after it.
func TestForgottenAgentDropsEverything(t *testing.T) {
	hub, e, _, stop := pair(t, answering)
	web := Key{Kind: "Application", Name: "web"}
	hub.Want("edge", []Record{{Key: web, Body: []byte(`1`)}})
	until(t, "it has what it shall have", func() bool { return strings.HasSuffix(e.story(), "whole 1") })
	first := hub.State("edge").Since
	hub.Forget(map[string]bool{})
	until(t, "it is told to drop it", func() bool { return strings.Contains(e.story(), "whole 1; drop Application web") })
	stop()
	until(t, "it is hung up on", func() bool { return hub.State("edge").Since != first })
	if _, err := hub.Refresh(t.Context(), "edge", web, false); !problem.Is(err, problem.Unavailable) {
		t.Errorf("it is still asked: %v", err)
	}
}

// Of two agents that were given one name the first is kept for as long as it is there: they would take the name from each
// other for ever.
func TestTwoAgentsOfOneName(t *testing.T) {
	hub, e, _, stop := pair(t, answering)
	until(t, "connected", func() bool { return hub.Known("edge") })
	first := hub.State("edge")
	if err := hub.Ready(Newcomer{Name: "edge", Instance: "second"}); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), first.From) {
		t.Errorf("another one: %v", err)
	}
	if err := hub.Ready(Newcomer{Name: "edge", Instance: "first"}); err != nil {
		t.Errorf("another replica of the same: %v", err)
	}
	e.dial(t, answering(e), "second")
	if now := hub.State("edge"); now.Since != first.Since {
		t.Errorf("it was put in the place of the first: %+v", now)
	}
	stop()
	until(t, "the second is taken when the first is gone", func() bool { s := hub.State("edge"); return s.Connected && s.From != first.From })
}

// A record that cannot be understood at the hub, or is larger than an agent takes, says so: the agent keeps what it has, and
// the connection goes on.
func TestRecordsThatCannotBeSent(t *testing.T) {
	hub, e, _, _ := pair(t, answering)
	app := func(name string) Key { return Key{Kind: "Application", Name: name} }
	fits := `"` + strings.Repeat("<", 1<<20) + `"` // escaped as for HTML it would be six times as large
	hub.Want("edge", []Record{{Key: app("broken")}, {Key: app("huge"), Body: []byte(`"` + strings.Repeat("x", maxLine) + `"`)}, {Key: app("last"), Body: []byte(fits)}})
	until(t, "all of them", func() bool { return strings.HasSuffix(e.story(), "whole 3") })
	if want := "take Application broken ; take Application huge ; take Application last " + fits + "; whole 3"; e.story() != want {
		t.Errorf("taken: %.300s", e.story())
	}
	since := hub.State("edge").Since
	hub.Want("edge", []Record{{Key: app("last"), Body: []byte(`2`)}})
	until(t, "the next ones", func() bool { return strings.HasSuffix(e.story(), "drop Application broken") })
	if now := hub.State("edge"); !now.Connected || now.Since != since {
		t.Errorf("the connection broke: %+v", now)
	}
}

// An agent whose own cluster does not answer it is seen to be blind, and to see again.
func TestBlindAgent(t *testing.T) {
	hub, e, _, _ := pair(t, answering)
	until(t, "it sees", func() bool { s := hub.State("edge"); return s.Connected && s.Blind.IsZero() })
	e.blind.Store(true)
	until(t, "it is blind", func() bool { return !hub.State("edge").Blind.IsZero() })
	e.blind.Store(false)
	until(t, "it sees again", func() bool { return hub.State("edge").Blind.IsZero() })
}

// A hub is heard of, also while nothing happens and the agent's own beats are all that is said: an agent hangs up on one that
// is silent.
func TestHubIsHeardOf(t *testing.T) {
	t.Parallel()
	hub, _, _, _ := pair(t, answering)
	until(t, "connected", func() bool { return hub.Known("edge") })
	since := hub.State("edge").Since
	for deadline := time.Now().Add(silentAfter + 2*beatEvery); time.Now().Before(deadline); time.Sleep(beatEvery / 10) {
		if now := hub.State("edge"); !now.Connected || now.Since != since {
			t.Fatalf("hung up on after %s: %+v", time.Since(since), now)
		}
	}
}

// What an agent says costs a hub a write for each line: a flood is read more slowly, and nothing of it is lost.
func TestFloodOfReports(t *testing.T) {
	const more = 100
	hub, e, reports, _ := pair(t, answering)
	until(t, "connected", func() bool { return hub.Known("edge") })
	began := time.Now()
	go func() {
		for range linesBurst + more {
			e.reports <- Report{Name: "web"}
		}
	}()
	for range linesBurst + more {
		<-reports
	}
	if took := time.Since(began); took < more*linesEach*9/10 {
		t.Errorf("%d reports were taken in %s", linesBurst+more, took)
	}
}

func TestBounds(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	b := Beat{Version: long, Kubernetes: long, APIs: []string{long}, Objects: -1, Trouble: long}.bounded()
	if len(b.Version)+len(b.Kubernetes)+len(b.APIs[0])+len(b.Trouble) > 10<<10 || b.Objects != 0 {
		t.Errorf("a beat of %d bytes", len(b.Version)+len(b.Kubernetes)+len(b.APIs[0])+len(b.Trouble))
	}
	r := Report{Refused: long, Finalizers: make([]string, 1000), Annotations: map[string]string{"a": long, "b": "x", long: "x"}}.bounded()
	if len(r.Refused) > 10<<10 || len(r.Finalizers) > 20 || len(r.Annotations) != 1 {
		t.Errorf("a report of %d, %d and %d", len(r.Refused), len(r.Finalizers), len(r.Annotations))
	}
	for _, bad := range []Key{{}, {Kind: "Pod", Name: "a"}, {Kind: "Secret", Name: "a", Namespace: "kube-system"}, {Kind: "Application", Name: "../a"}, {Kind: "Application", Name: long}} {
		if bad.check() == nil {
			t.Errorf("%.100s is a record", bad)
		}
	}
	if err := Away("edge", State{Why: "elsewhere"}); strings.Contains(err.Error(), "0001") {
		t.Error(err)
	}
}

// A hub that answers the handshake without end cannot fill an agent's memory.
func TestHostileHub(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	sent := make(chan int, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		n, _ := c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nX: "))
		for err == nil && n < 256<<20 {
			var m int
			m, err = c.Write(make([]byte, 64<<10))
			n += m
		}
		sent <- n
	}()
	err = dialOnce(t.Context(), DialOptions{Hub: "http://" + l.Addr().String(), Name: "edge", Token: func() (string, error) { return "", nil }, Log: slog.New(slog.DiscardHandler)}, func() {})
	if err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Error(err)
	}
	if n := <-sent; n > 64<<20 {
		t.Errorf("%d bytes were read", n)
	}
}

// An agent cannot make a hub take more than it bargained for.
func TestHostileAgent(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a line without end": func(w http.ResponseWriter, _ *http.Request) {
			chunk := []byte(strings.Repeat("a", 1<<20))
			for range 64 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"no JSON":       func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") },
		"another type":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, `{"report":7}`) },
		"an error page": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, strings.Repeat("x", 1<<20), 500) },
		"nothing more":  func(http.ResponseWriter, *http.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			hub, _, reports, stop := pair(t, func(*engine) http.Handler { return answer })
			until(t, "it is hung up on", func() bool {
				s := hub.State("edge")
				return !s.Connected && s.From != "" && len(s.Why) > 0 && len(s.Why) <= 300
			})
			stop()
			if len(reports) > 0 {
				t.Errorf("reported %+v", <-reports)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for hub, want := range map[string]string{
		"https://hub.example.com": "wss://hub.example.com/agent", "https://hub.example.com:8443/hawser/": "wss://hub.example.com:8443/hawser/agent", "http://127.0.0.1:8080": "ws://127.0.0.1:8080/agent",
		"http://localhost:8080": "ws://localhost:8080/agent", "http://hub.example.com": "", "http://10.0.0.1": "", "": "", "hub.example.com": "", "ftp://hub": "", "https://user:secret@hub": "", "https://hub/?a=b": "",
	} {
		got, err := Address(hub)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s %v", hub, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	}
}
