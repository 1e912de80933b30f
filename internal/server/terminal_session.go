package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
)

// terminalMessage is what goes over the WebSocket, in both directions; the words are Argo CD's: stdin, stdout, resize.
type terminalMessage struct {
	Operation string `json:"operation"`
	Data      string `json:"data"`
	Rows      uint16 `json:"rows"`
	Cols      uint16 `json:"cols"`
}

// terminalCommand asks the browser to do something: 1 is to connect anew.
type terminalCommand struct{ Code int }

const reconnectCode = 1

// errLeft is why a session ends whose browser has gone.
var errLeft = problem.New(problem.Unavailable, "the browser has left")

// session is one WebSocket. What is typed is a chain of hashes, so that a record of it can be proved later without our
// keeping any of it: people type passwords.
type session struct {
	conn  *websocket.Conn
	ctx   context.Context
	end   context.CancelCauseFunc
	input chan []byte

	sizing sync.Mutex
	size   reconcile.TerminalSize      // the newest
	sizes  chan reconcile.TerminalSize // of the shell that runs; nil for none

	writing sync.Mutex // of conn, held, out
	held    []byte     // the beginning of a character whose end is still to come
	out     int64

	counting sync.Mutex
	in       int64
	chain    [sha256.Size]byte
}

func newSession(ctx context.Context, conn *websocket.Conn, end context.CancelCauseFunc) *session {
	return &session{ctx: ctx, conn: conn, end: end, input: make(chan []byte)}
}

// receive takes messages until the browser goes or says what is no message.
func (t *session) receive() {
	t.conn.SetReadLimit(maxTerminalInput)
	alive := func(string) error { return t.conn.SetReadDeadline(time.Now().Add(terminalPatience)) }
	t.conn.SetPongHandler(alive)
	for {
		_ = alive("")
		_, data, err := t.conn.ReadMessage()
		if err != nil {
			t.end(errLeft)
			return
		}
		var m terminalMessage
		if err := json.Unmarshal(data, &m); err != nil {
			t.end(problem.New(problem.Invalid, "a message of the browser is no JSON"))
			return
		}
		switch m.Operation {
		case "stdin":
			if m.Data == "" {
				continue
			}
			t.record(m.Data)
			select {
			case t.input <- []byte(m.Data):
			case <-t.ctx.Done():
				return
			}
		case "resize":
			t.resize(reconcile.TerminalSize{Width: m.Cols, Height: m.Rows})
		default:
			t.end(problem.New(problem.Invalid, "unknown message type %s", clip(m.Operation)))
			return
		}
	}
}

// resize tells the shell that runs the newest size; one that it has not taken yet is of no interest any more.
func (t *session) resize(size reconcile.TerminalSize) {
	t.sizing.Lock()
	defer t.sizing.Unlock()
	t.size = size
	t.tellSize()
}

// tellSize puts the newest size where the shell takes it; t.sizing is held.
func (t *session) tellSize() {
	if t.sizes == nil || t.size == (reconcile.TerminalSize{}) {
		return
	}
	select {
	case <-t.sizes:
	default:
	}
	t.sizes <- t.size // there is room: nobody else writes
}

// sizesFor gives a shell its sizes, the newest first: what one that was not there has taken, the next must hear, too.
func (t *session) sizesFor() (sizes chan reconcile.TerminalSize, stop func()) {
	t.sizing.Lock()
	defer t.sizing.Unlock()
	t.sizes = make(chan reconcile.TerminalSize, 1)
	t.tellSize()
	return t.sizes, func() {
		t.sizing.Lock()
		defer t.sizing.Unlock()
		close(t.sizes)
		t.sizes = nil
	}
}

func (t *session) record(typed string) {
	t.counting.Lock()
	defer t.counting.Unlock()
	t.in += int64(len(typed))
	t.chain = sha256.Sum256(append(t.chain[:], typed...))
}

// account is how much went in and out, and the hash of all that went in.
func (t *session) account() (in, out int64, hash string) {
	t.counting.Lock()
	defer t.counting.Unlock()
	t.writing.Lock()
	defer t.writing.Unlock()
	return t.in, t.out, hex.EncodeToString(t.chain[:])
}

// keep pings, so that proxies leave the connection open, and asks from time to time whether it may go on.
func (t *session) keep(may func() error) {
	ping := time.NewTicker(terminalPing)
	defer ping.Stop()
	check := time.NewTicker(recheckEvery)
	defer check.Stop()
	for {
		select {
		case <-t.ctx.Done():
			// A command that does not listen must not hold the connection, nor a browser that is stuck the command.
			_ = t.conn.SetReadDeadline(time.Now())
			return
		case <-ping.C:
			if err := t.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(terminalPatience)); err != nil {
				t.end(errLeft)
			}
		case <-check.C:
			if err := may(); err != nil {
				t.end(err)
			}
		}
	}
}

// Write sends what the shell says. A character that is cut in two is held back until it is whole: messages are text.
func (t *session) Write(p []byte) (int, error) {
	t.writing.Lock()
	defer t.writing.Unlock()
	text := append(t.held, p...)
	whole := len(text) - cutCharacter(text)
	t.held = bytes.Clone(text[whole:])
	t.out += int64(len(p))
	if whole == 0 {
		return len(p), nil
	}
	if err := t.send(terminalMessage{Operation: "stdout", Data: string(text[:whole])}); err != nil {
		t.end(errLeft)
		return 0, err
	}
	return len(p), nil
}

// cutCharacter is how many bytes at the end of a text are the beginning of a character.
func cutCharacter(text []byte) int {
	for n := 1; n <= utf8.UTFMax-1 && n <= len(text); n++ {
		tail := text[len(text)-n:]
		if utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// say tells the person something; it is best effort.
func (t *session) say(text string) {
	t.writing.Lock()
	defer t.writing.Unlock()
	_ = t.send(terminalMessage{Operation: "stdout", Data: text})
}

// reconnect asks the browser to connect anew.
func (t *session) reconnect() {
	t.say("\r\nThe session was renewed, connecting again...\r\n")
	t.writing.Lock()
	defer t.writing.Unlock()
	_ = t.send(terminalCommand{reconnectCode})
}

// send writes one message; t.writing is held.
func (t *session) send(v any) error {
	_ = t.conn.SetWriteDeadline(time.Now().Add(terminalPatience))
	return t.conn.WriteJSON(v)
}

// maxReason bounds the reason of an end: a control message has 125 bytes, two of which are a code.
const maxReason = 123

// close ends the session and says why: the browser shows it below the screen, which may hold anything.
func (t *session) close(why string) {
	if len(why) > maxReason {
		why = strings.ToValidUTF8(why[:maxReason-len("…")], "") + "…"
	}
	_ = t.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, why), time.Now().Add(time.Second))
	_ = t.conn.Close()
}

// tryShells runs the first shell that the container has; the last one's end is the answer.
func (t *session) tryShells(shells []string, run func(shell string, in *keyboard) (int, error)) (code int, shell string, err error) {
	if len(shells) == 0 {
		return 0, "", problem.New(problem.NotFound, "no shell may be started").WithHint("exec.shells in argocd-cm names them")
	}
	for i, shell := range shells {
		sizes, stop := t.sizesFor()
		in := &keyboard{t: t, sizes: sizes, gone: make(chan struct{})}
		code, err = run(shell, in)
		close(in.gone)
		stop()
		// Who has typed something had a shell: it ends with the code of what they ran last.
		missing := (code == 126 || code == 127 || err != nil) && !in.used.Load()
		if !missing || t.ctx.Err() != nil || i == len(shells)-1 || problem.Is(err, problem.Forbidden) || problem.Is(err, problem.NotFound) {
			return code, shell, err
		}
	}
	return code, "", err
}

// keyboard is what one shell is told: what is typed, and the sizes of the screen. When the shell has ended, it takes nothing
// from the next.
type keyboard struct {
	t     *session
	sizes <-chan reconcile.TerminalSize
	gone  chan struct{}
	used  atomic.Bool
	rest  []byte
}

// Read waits for something typed.
func (k *keyboard) Read(p []byte) (int, error) {
	if len(k.rest) == 0 {
		select {
		case <-k.gone:
			return 0, io.EOF
		default:
		}
		select {
		case k.rest = <-k.t.input:
			k.used.Store(true)
		case <-k.gone:
			return 0, io.EOF
		case <-k.t.ctx.Done():
			return 0, io.EOF
		}
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}
