package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
)

func TestCutCharacter(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a": 0, "ä": 0, "ä"[:1]: 1, "a€"[:2]: 1, "a€"[:3]: 2, "a€": 0, "😀"[:1]: 1, "😀"[:3]: 3, "😀": 0, "\xff": 0, "a\x80": 0, "\x80\x80\x80\x80": 0,
	} {
		if got := cutCharacter([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// sessions joins a session with a browser's end of it.
func sessions(t *testing.T) (*session, *websocket.Conn, context.Context) {
	t.Helper()
	made := make(chan *session, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		s := newSession(ctx, conn, cancel)
		made <- s
		s.receive()
	}))
	t.Cleanup(srv.Close)
	browser, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { browser.Close() })
	return <-made, browser, ctx
}

func TestSessionShowsWholeCharacters(t *testing.T) {
	s, browser, _ := sessions(t)
	text := "grüße 😀\r\n"
	for i := range len(text) { // byte by byte
		if _, err := s.Write([]byte(text[i : i+1])); err != nil {
			t.Fatal(err)
		}
	}
	var got strings.Builder
	for got.Len() < len(text) {
		var m terminalMessage
		if err := browser.ReadJSON(&m); err != nil {
			t.Fatal(err)
		}
		if m.Operation != "stdout" {
			t.Error(m)
		}
		got.WriteString(m.Data)
	}
	if got.String() != text {
		t.Errorf("%q", got.String())
	}
	if _, out, _ := s.account(); out != int64(len(text)) {
		t.Error(out)
	}
}

func TestSessionTakesTheNewestSize(t *testing.T) {
	s, browser, _ := sessions(t)
	for rows := range 50 {
		if err := browser.WriteJSON(terminalMessage{Operation: "resize", Rows: uint16(rows), Cols: 80}); err != nil {
			t.Fatal(err)
		}
	}
	if err := browser.WriteJSON(terminalMessage{Operation: "stdin", Data: "x"}); err != nil {
		t.Fatal(err)
	}
	<-s.input
	for range 2 { // a shell that was not there has taken it, and the next hears of it all the same
		sizes, stop := s.sizesFor()
		if size := <-sizes; size.Height != 49 || size.Width != 80 {
			t.Error(size)
		}
		s.resize(reconcile.TerminalSize{Width: 90, Height: 1})
		s.resize(reconcile.TerminalSize{Width: 80, Height: 49})
		if size := <-sizes; size.Height != 49 {
			t.Error(size)
		}
		stop()
		if _, more := <-sizes; more {
			t.Error("the sizes go on")
		}
	}
	s.resize(reconcile.TerminalSize{Width: 1, Height: 1}) // for nobody
}

// The first shell that is there gets what is typed; one that ends with 127 after something was typed was there.
func TestShellsAreTried(t *testing.T) {
	typed := func(in *keyboard) string {
		data, _ := io.ReadAll(io.LimitReader(in, 4))
		return string(data)
	}
	for _, c := range []struct {
		name  string
		run   func(shell string, in *keyboard) (int, error)
		used  string
		code  int
		err   string
		tried []string
	}{
		{"the second", func(shell string, in *keyboard) (int, error) {
			if shell == "bash" {
				return 127, nil
			}
			if got := typed(in); got != "ls\n\n" {
				t.Errorf("%q was typed", got)
			}
			return 3, nil
		}, "sh", 3, "", []string{"bash", "sh"}},
		{"the last command was not there", func(_ string, in *keyboard) (int, error) {
			typed(in)
			return 127, nil
		}, "bash", 127, "", []string{"bash"}},
		{"none", func(string, *keyboard) (int, error) { return 126, nil }, "cmd", 126, "", []string{"bash", "sh", "cmd"}},
		{"not allowed", func(string, *keyboard) (int, error) { return 0, problem.New(problem.Forbidden, "no") }, "bash", 0, "no", []string{"bash"}},
		{"out of order", func(string, *keyboard) (int, error) { return 0, errors.New("broken") }, "cmd", 0, "broken", []string{"bash", "sh", "cmd"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, browser, _ := sessions(t)
			var tried []string
			go func() { _ = browser.WriteJSON(terminalMessage{Operation: "stdin", Data: "ls\n\n"}) }()
			code, used, err := s.tryShells([]string{"bash", "sh", "cmd"}, func(shell string, in *keyboard) (int, error) {
				tried = append(tried, shell)
				return c.run(shell, in)
			})
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(c.tried, tried); diff != "" || code != c.code || used != c.used || text != c.err {
				t.Errorf("%d by %s, %q\n%s", code, used, text, diff)
			}
		})
	}
	s, _, _ := sessions(t)
	if _, _, err := s.tryShells(nil, nil); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
}

// What is typed for a shell that has ended waits for the next one.
func TestKeyboardOfAnEndedShellTakesNothing(t *testing.T) {
	s, browser, _ := sessions(t)
	old := &keyboard{t: s, gone: make(chan struct{})}
	blocked := make(chan error, 1)
	go func() {
		_, err := old.Read(make([]byte, 8))
		blocked <- err
	}()
	close(old.gone)
	if err := <-blocked; err != io.EOF {
		t.Error(err)
	}
	if err := browser.WriteJSON(terminalMessage{Operation: "stdin", Data: "abc"}); err != nil {
		t.Fatal(err)
	}
	if n, err := old.Read(make([]byte, 8)); n != 0 || err != io.EOF {
		t.Error(n, err)
	}
	data := make([]byte, 2)
	next := &keyboard{t: s, gone: make(chan struct{})}
	if n, err := next.Read(data); err != nil || string(data[:n]) != "ab" {
		t.Error(n, err)
	}
}

// Who types the same gets the same hash, and the order of two messages counts.
func TestInputIsAChain(t *testing.T) {
	hash := func(typed ...string) string {
		s := newSession(t.Context(), nil, nil)
		for _, text := range typed {
			s.record(text)
		}
		_, _, h := s.account()
		return h
	}
	once, again := hash("a", "b"), hash("a", "b")
	if once != again || once == hash("b", "a") || hash("a") == hash("a", "a") {
		t.Error("the chain is none")
	}
}

func TestSessionEnds(t *testing.T) {
	for text, want := range map[string]string{"]": "no JSON", `{"operation":"rm"}`: "unknown message type rm", `{"operation":"stdin","data":"` + strings.Repeat("x", maxTerminalInput) + `"}`: "has left"} {
		_, browser, ctx := sessions(t)
		if err := browser.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Second):
			t.Fatal("it goes on")
		}
		if cause := context.Cause(ctx); !strings.Contains(cause.Error(), want) {
			t.Errorf("%v", cause)
		}
	}
}

func TestTerminalQueries(t *testing.T) {
	const good = "pod=p&container=c&namespace=n&appName=a&projectName=d"
	for query, ok := range map[string]bool{
		good: true, good + "&appNamespace=x&shell=anything": true, "pod=p": false, good + "&appNamespace=X": false,
		strings.Replace(good, "pod=p", "pod=..%2Fp", 1): false, strings.Replace(good, "container=c", "container=c.d", 1): false, "%zz": false,
	} {
		if _, err := readTerminal(query); (err == nil) != ok {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// Strangers are not told whether there are terminals. (That there is none without the setting, TestTerminal shows.)
func TestTerminalAsksWhoItIsFirst(t *testing.T) {
	h := newHouse(t, defaultBounds, nil)
	if status, _, text := h.do(t, "GET", "/terminal?pod=p&container=c&namespace=n&appName=a&projectName=d", "", ""); status != 401 || !strings.Contains(text, "no session information") {
		t.Errorf("%d %s", status, text)
	}
}

// Why a session ended is told beside what the screen shows; it is cut to what a control message may hold.
func TestSessionsSayWhyTheyEnd(t *testing.T) {
	for why, want := range map[string]string{"": "", "the shell has ended": "the shell has ended", strings.Repeat("ü", 80): strings.Repeat("ü", 60) + "…"} {
		s, browser, _ := sessions(t)
		s.close(why)
		_, _, err := browser.ReadMessage()
		var end *websocket.CloseError
		if !errors.As(err, &end) || end.Code != websocket.CloseNormalClosure || end.Text != want {
			t.Errorf("%q: %v", why, err)
		}
	}
}
