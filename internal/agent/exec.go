package agent

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/hawser-cd/hawser/internal/problem"
)

const execPath = "/agent/v1/exec"

// Exec is a command in a container of an application's pod, with a terminal.
type Exec struct {
	Application Key      `json:"application"`
	UID         string   `json:"uid"` // of the hub's Application
	Namespace   string   `json:"namespace"`
	Pod         string   `json:"pod"`
	Container   string   `json:"container"`
	Command     []string `json:"command"`
	By          string   `json:"by"`
}

// Size is that of a terminal, in characters.
type Size struct{ Width, Height uint16 }

// Terminal is what a command is joined with. Sizes may be nil.
type Terminal struct {
	In    io.Reader
	Out   io.Writer
	Sizes <-chan Size
}

// typed is a line to the command, said a line from it. The first line to it names it.
type typed struct {
	Exec *Exec  `json:"exec,omitempty"`
	Data []byte `json:"data,omitempty"`
	Size *Size  `json:"size,omitempty"`
}

type said struct {
	Data []byte       `json:"data,omitempty"`
	Over bool         `json:"over,omitempty"`
	Code int          `json:"code,omitempty"`
	Kind problem.Kind `json:"kind,omitempty"` // of what went wrong
	Text string       `json:"text,omitempty"` // empty: nothing did
}

// exec runs a command for a person at the hub, who may: that was decided there.
func (s *served) exec(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	flush := http.NewResponseController(w)
	_ = flush.EnableFullDuplex()
	var mu sync.Mutex
	out := encoder(w)
	say := func(line said) error {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(line); err != nil {
			return err
		}
		return flush.Flush()
	}
	in, keys := io.Pipe()
	sizes := make(chan Size, 1)
	begun := make(chan Exec, 1)
	go func() {
		first := true
		err := lines(r.Body, func(t typed) error {
			switch {
			case first && t.Exec == nil:
				return problem.New(problem.Invalid, "the hub names no command")
			case first:
				first = false
				begun <- *t.Exec
			case t.Size != nil:
				select {
				case sizes <- *t.Size:
				case <-ctx.Done():
				}
			case len(t.Data) > 0:
				_, err := keys.Write(t.Data)
				return err
			}
			return nil
		})
		if err == nil {
			err = io.EOF
		}
		_ = keys.CloseWithError(err)
		cancel() // the hub has gone
	}()
	select {
	case q := <-begun:
		_ = flush.Flush() // the hub waits for the headers
		code, err := s.Exec(ctx, q, Terminal{In: in, Out: writerFunc(func(p []byte) (int, error) { return len(p), say(said{Data: p}) }), Sizes: sizes})
		_ = in.Close()
		last := said{Over: true, Code: code}
		if err != nil {
			last.Kind, last.Text = problem.KindOf(err), err.Error()
		}
		_ = say(last)
	case <-ctx.Done():
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Exec runs a command at an agent until it ends or ctx does, and returns its exit code.
func (h *Hub) Exec(ctx context.Context, name string, q Exec, t Terminal) (int, error) {
	l, err := h.linkTo(name)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	defer func() { _ = r.Close() }()
	// HTTP/2 waits for the next thing typed before it sees that ctx has ended: somebody may not go on, and types nothing
	defer context.AfterFunc(ctx, func() { _ = r.CloseWithError(ctx.Err()) })()
	var mu sync.Mutex
	out := encoder(w)
	send := func(line typed) error {
		mu.Lock()
		defer mu.Unlock()
		return out.Encode(line)
	}
	go func() {
		if send(typed{Exec: &q}) != nil {
			return
		}
		buffer := make([]byte, 16<<10)
		for {
			n, err := t.In.Read(buffer)
			if n > 0 && send(typed{Data: buffer[:n]}) != nil || err != nil {
				return
			}
		}
	}()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case size, ok := <-t.Sizes:
				if !ok || send(typed{Size: &size}) != nil {
					return
				}
			}
		}
	}()
	answer, err := l.request(ctx, http.MethodPost, execPath, r)
	if err != nil {
		return 0, problem.Because(problem.Unavailable, err, "run a command through agent %s", name)
	}
	defer func() { _ = answer.Body.Close() }()
	var last said
	over := errors.New("it is over")
	err = lines(answer.Body, func(line said) error {
		if line.Over {
			last = line
			return over
		}
		_, err := t.Out.Write(line.Data)
		return err
	})
	switch {
	case errors.Is(err, over) && last.Text == "":
		return last.Code, nil
	case errors.Is(err, over):
		return last.Code, problem.New(last.Kind, "%s", shorten(last.Text, 2048))
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err == nil:
		err = errors.New("the connection ended")
	}
	return 0, problem.Because(problem.Unavailable, err, "run a command through agent %s", name)
}
