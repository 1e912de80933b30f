package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/net/http2"

	"github.com/hawser-cd/hawser/internal/problem"
)

// DialOptions are what an agent needs to reach its hub.
type DialOptions struct {
	Hub     string                 // https://hub.example.com, with the hub's root path if it has one
	Name    string                 // of the agent, as the hub registered it
	Token   func() (string, error) // read before each attempt: a file that is renewed counts at once; "" for none
	TLS     *tls.Config            // which authorities are trusted, and what certificate is shown
	Version string                 // of hawser
	// Instance says which agent of that name this is; empty when it cannot be known just now.
	Instance func(context.Context) (string, error)
	Handler  http.Handler // what the hub's calls are answered with
	Log      *slog.Logger
}

// Pauses between attempts. They are spread, so that all agents of a hub that comes back do not come at once.
const (
	firstPause = 500 * time.Millisecond
	longPause  = 20 * time.Second
	goodLink   = 15 * time.Second // a connection that lasted so long was a good one: the next attempt is made soon
)

// Dial keeps a connection to the hub until ctx ends. It never gives up.
func Dial(ctx context.Context, o DialOptions) {
	pause := firstPause
	var told string
	for ctx.Err() == nil {
		began := time.Now()
		err := dialOnce(ctx, o, func() { told = "" })
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > goodLink {
			pause = firstPause
		}
		if text := err.Error(); text != told { // an attempt that fails as the one before is no news
			o.Log.Warn("not connected to the hub, trying again", "hub", o.Hub, "error", err)
			told = text
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, longPause)
	}
}

// dialOnce connects, and answers the hub until the connection ends.
func dialOnce(ctx context.Context, o DialOptions, connected func()) error {
	address, err := Address(o.Hub)
	if err != nil {
		return err
	}
	head := http.Header{NameHeader: {o.Name}, VersionHeader: {o.Version}}
	token, err := o.Token()
	if err != nil {
		return err
	}
	if token != "" {
		head.Set("Authorization", "Bearer "+token)
	}
	if o.Instance != nil {
		instance, err := o.Instance(ctx)
		if err != nil {
			return err
		}
		head.Set(InstanceHeader, instance)
	}
	var wary *untrusting
	d := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, HandshakeTimeout: 15 * time.Second, TLSClientConfig: o.TLS, ReadBufferSize: 32 << 10, WriteBufferSize: 32 << 10,
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			wary = &untrusting{Conn: raw}
			wary.left.Store(maxHandshake)
			return wary, nil
		},
	}
	ws, answer, err := d.DialContext(ctx, address, head)
	if err != nil {
		return refusal(o.Hub, answer, err)
	}
	wary.left.Store(math.MaxInt64)
	connected()
	o.Log.Info("connected to the hub", "hub", o.Hub, "agent", o.Name)
	stream := Stream(ws)
	var once sync.Once
	hangUp := func() { once.Do(func() { _ = stream.Close() }) }
	defer hangUp()
	defer context.AfterFunc(ctx, hangUp)()
	live, over := &pulse{Conn: stream, heard: make(chan struct{}, 1)}, make(chan struct{})
	defer close(over)
	go live.watch(silentAfter, hangUp, over)
	(&http2.Server{
		MaxConcurrentStreams: 250, MaxReadFrameSize: 256 << 10, MaxUploadBufferPerConnection: 4 << 20, MaxUploadBufferPerStream: 1 << 20,
	}).ServeConn(live, &http2.ServeConnOpts{Context: ctx, Handler: o.Handler, BaseConfig: &http.Server{ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)}})
	return problem.New(problem.Unavailable, "the connection to %s ended", o.Hub)
}

// Address is where a hub takes agents.
func Address(hub string) (string, error) {
	u, err := url.Parse(strings.TrimRight(hub, "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
		return "", problem.New(problem.Invalid, "--hub is no address of a hub").WithHint("write it as https://hawser.example.com")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", problem.New(problem.Invalid, "--hub is http: the agent's token and the credentials of repositories would go over the wire in the clear").
			WithHint("write it as https://; for a certificate of an authority of your own there is --ca")
	}
	u.Scheme = map[string]string{"https": "wss", "http": "ws"}[u.Scheme]
	return u.String() + Path, nil
}

// refusal says why a hub did not take the connection.
func refusal(hub string, answer *http.Response, err error) error {
	if answer == nil || !errors.Is(err, websocket.ErrBadHandshake) {
		return problem.Because(problem.Unavailable, err, "connect to %s", hub)
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
	_ = answer.Body.Close()
	said := strings.ToValidUTF8(strings.TrimSpace(string(text)), "")
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return problem.New(problem.Unauthenticated, "the hub %s does not take this agent: %s", hub, said).WithHint("make a new token: hawser agent add NAME --renew")
	case http.StatusNotFound:
		return problem.New(problem.NotFound, "%s is no hub of agents: it answers %s", hub, answer.Status)
	}
	return problem.New(problem.Unavailable, "the hub %s answers %s: %s", hub, answer.Status, said)
}

// maxHandshake is the most that is read of TLS and of an answer's headers before a connection is one.
const maxHandshake = 1 << 20

// untrusting is a connection of which no more is read than left: a header without end would fill the memory.
type untrusting struct {
	net.Conn
	left atomic.Int64
}

func (u *untrusting) Read(b []byte) (int, error) {
	if u.left.Load() <= 0 {
		return 0, problem.New(problem.Limit, "the answer to the handshake is larger than %d bytes", maxHandshake)
	}
	n, err := u.Conn.Read(b)
	u.left.Add(-int64(n))
	return n, err
}

// pulse notices a hub that has fallen silent: one that lives asks every few seconds whether we do.
type pulse struct {
	net.Conn
	heard chan struct{}
}

func (p *pulse) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	select {
	case p.heard <- struct{}{}:
	default:
	}
	return n, err
}

// watch calls hangUp when nothing has been read for so long, until over is closed.
func (p *pulse) watch(patience time.Duration, hangUp func(), over <-chan struct{}) {
	t := time.NewTimer(patience)
	defer t.Stop()
	for {
		select {
		case <-over:
			return
		case <-p.heard:
			t.Reset(patience)
		case <-t.C:
			hangUp()
			return
		}
	}
}
