package cluster

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	corev1 "k8s.io/api/core/v1"
	legacy "k8s.io/apimachinery/pkg/util/httpstream" //nolint:staticcheck // spdy.Upgrader speaks of it
	constants "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	clientexec "k8s.io/client-go/util/exec"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
)

// ExecRequest runs a command in a container. The three streams are used from goroutines of their own; nothing is written
// after Exec has returned. Stdin is read until it ends: whoever gives one that can block closes it then.
type ExecRequest struct {
	Pod       object.Key
	Container string
	Command   []string
	Stdin     io.Reader // nil: none
	Stdout    io.Writer
	Stderr    io.Writer // nil with TTY, whose streams are one
	TTY       bool
	Sizes     <-chan TerminalSize // of the terminal, as they change; nil: none is told
}

// TerminalSize is in characters.
type TerminalSize struct{ Width, Height uint16 }

// Exec runs the command until it ends or ctx does, and returns its exit code. The streams go over a WebSocket, and over
// SPDY where an older API server (before 1.31) or a proxy on the way wants that. The writer's permit is asked for the
// pod: to run a command in it is to write.
func (w *Writer) Exec(ctx context.Context, r ExecRequest) (code int, err error) {
	if err := segments(r.Pod); err != nil {
		return 0, err
	}
	if err := w.permit(r.Pod); err != nil {
		return 0, err
	}
	q := w.c.rest.Post().AbsPath(podPath(r.Pod, "exec")...).Param("container", r.Container)
	for _, word := range r.Command {
		q.Param("command", word)
	}
	for name, wanted := range map[string]bool{"stdin": r.Stdin != nil, "stdout": r.Stdout != nil, "stderr": r.Stderr != nil && !r.TTY, "tty": r.TTY} {
		if wanted {
			q.Param(name, "true")
		}
	}
	executor, end, err := w.c.executor(ctx, q, w.as)
	if err != nil {
		return 0, problem.Because(problem.Internal, err, "prepare a command in %s", describe(r.Pod))
	}
	options := remotecommand.StreamOptions{Stdin: r.Stdin, Tty: r.TTY}
	if r.Stdout != nil {
		out := &gate{to: r.Stdout}
		defer out.close()
		options.Stdout = out
	}
	if r.Stderr != nil && !r.TTY {
		out := &gate{to: r.Stderr}
		defer out.close()
		options.Stderr = out
	}
	if r.Sizes != nil {
		options.TerminalSizeQueue = sizes{ctx, r.Sizes}
	}
	// what client-go would say of a session that is cut off, it returns too
	err = executor.StreamWithContext(klog.NewContext(w.mark(ctx), logr.Discard()), options)
	var ended clientexec.CodeExitError
	if errors.As(err, &ended) {
		return ended.Code, nil
	}
	if err == nil && end.missing() { // client-go takes it for success
		err = problem.New(problem.Unavailable, "the connection ended before the command's exit code had come")
	}
	return 0, w.c.explain(err, "run a command in", r.Pod, true)
}

// executor speaks to q's address in the two ways there are.
func (c *Cluster) executor(ctx context.Context, q *rest.Request, as string) (remotecommand.Executor, *ending, error) {
	config, err := c.login.forSession(ctx, c.config)
	if err != nil {
		return nil, nil, err
	}
	if as != "" {
		config = rest.CopyConfig(config)
		config.Impersonate = rest.ImpersonationConfig{UserName: as}
	}
	socket, err := remotecommand.NewWebSocketExecutor(config, "GET", q.URL().String())
	if err != nil {
		return nil, nil, err
	}
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, nil, err
	}
	end := &ending{Upgrader: upgrader}
	// version 4 (Kubernetes 1.4) tells of every end; the ones before told of failures only
	old, err := remotecommand.NewSPDYExecutorForProtocols(transport, end, "POST", q.URL(), constants.StreamProtocolV4Name)
	if err != nil {
		return nil, nil, err
	}
	executor, err := remotecommand.NewFallbackExecutor(socket, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	return executor, end, err
}

// ending is what a SPDY session tells of the command's end. A connection that breaks looks to client-go (0.37,
// watchErrorStream) like a command that has succeeded; a kubelet that hangs up while something from us is on its way to
// it is enough for that. Over a WebSocket it is an error.
type ending struct {
	spdy.Upgrader
	used, told atomic.Bool
}

func (e *ending) missing() bool { return e.used.Load() && !e.told.Load() }

// NewConnection implements spdy.Upgrader.
func (e *ending) NewConnection(r *http.Response) (legacy.Connection, error) {
	c, err := e.Upgrader.NewConnection(r)
	if err != nil {
		return nil, err
	}
	e.used.Store(true)
	return endingConnection{c, e}, nil
}

type endingConnection struct {
	legacy.Connection
	end *ending
}

// CreateStream implements legacy.Connection.
func (c endingConnection) CreateStream(headers http.Header) (legacy.Stream, error) {
	s, err := c.Connection.CreateStream(headers)
	if err == nil && headers.Get(corev1.StreamType) == corev1.StreamTypeError {
		return endingStream{s, c.end}, nil
	}
	return s, err
}

type endingStream struct {
	legacy.Stream
	end *ending
}

// Read implements io.Reader.
func (s endingStream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	if n > 0 {
		s.end.told.Store(true)
	}
	return n, err
}

// gate is a writer that nothing goes through once it is closed: when ctx ends, client-go returns while it is still
// copying.
type gate struct {
	mu     sync.Mutex
	to     io.Writer
	closed bool
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return 0, io.ErrClosedPipe
	}
	return g.to.Write(p)
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

type sizes struct {
	ctx  context.Context
	from <-chan TerminalSize
}

// Next blocks until the size changes; nil ends the asking.
func (s sizes) Next() *remotecommand.TerminalSize {
	select {
	case size, ok := <-s.from:
		if ok {
			return &remotecommand.TerminalSize{Width: size.Width, Height: size.Height}
		}
	case <-s.ctx.Done():
	}
	return nil
}
