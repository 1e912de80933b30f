package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// reads begin the names of methods that change nothing: those may be asked twice.
var reads = []string{"Get", "List", "Version", "CanI", "ManagedResources", "ResourceTree", "Revision", "Validate", "Generate", "ServerSideDiff", "Preview", "Why", "Commits"}

func isRead(method string) bool {
	_, name, _ := strings.Cut(method, "/")
	for _, r := range reads {
		if strings.HasPrefix(name, r) {
			return true
		}
	}
	return false
}

// retryAfter is the pause before a call is tried again; it grows with each.
const retryAfter = time.Second

// answers is how often a read is tried that a server is too busy for.
const answers = 3

// reach asks. What reads is asked first and thought about later; what writes is sent only when the way to the server is
// known, so that it is never sent twice because of a proxy.
func (c *Client) reach(ctx context.Context, method string, ask func() error) error {
	read := isRead(method)
	if !read {
		if err := c.findWay(ctx); err != nil {
			return err
		}
	}
	err := c.patiently(ctx, read, ask)
	if err == nil || connect.IsWireError(err) {
		c.mu.Lock()
		c.known = true
		c.mu.Unlock()
		return err
	}
	if read && c.tryWeb(ctx) {
		return c.patiently(ctx, read, ask)
	}
	return err
}

// findWay finds out, unless it is known, whether the server answers gRPC or only gRPC-Web.
func (c *Client) findWay(ctx context.Context) error {
	c.mu.Lock()
	settled := c.known || c.web
	c.mu.Unlock()
	if settled {
		return nil
	}
	return c.reach(ctx, versionMethod, func() error { return c.askVersion(ctx) })
}

const versionMethod = "version.VersionService/Version"

func (c *Client) askVersion(ctx context.Context) error {
	call := connect.NewRequest(&argocd.Empty{})
	c.sign(call.Header())
	_, err := client[argocd.Empty, argocd.VersionMessage](c, versionMethod).CallUnary(ctx, call)
	return err
}

// tryWeb changes over to gRPC-Web if nothing has answered gRPC and the server answers that, and reports whether it does.
func (c *Client) tryWeb(ctx context.Context) bool {
	c.mu.Lock()
	if c.known || c.web || ctx.Err() != nil {
		c.mu.Unlock()
		return false
	}
	was := c.http
	web, err := transport(c.server, true)
	if err == nil {
		c.http, c.web = web, true
	}
	c.mu.Unlock()
	if err == nil {
		err = c.askVersion(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && !connect.IsWireError(err) {
		c.http, c.web = was, false
		return false
	}
	c.known = true
	if c.server.FellBack != nil {
		c.server.FellBack()
	}
	return true
}

// patiently asks again what reached nobody, as often as the server's options say, and reads that a busy server put off.
func (c *Client) patiently(ctx context.Context, read bool, ask func() error) error {
	for n := 1; ; n++ {
		err := ask()
		var e *connect.Error
		if err == nil || !errors.As(err, &e) {
			return err
		}
		busy := connect.IsWireError(err) && (e.Code() == connect.CodeUnavailable || e.Code() == connect.CodeResourceExhausted)
		away := !connect.IsWireError(err) && e.Code() == connect.CodeUnavailable
		if !(busy && read && n < answers) && !(away && n <= c.server.Retries) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(n) * retryAfter):
		}
	}
}

func (c *Client) speaksWeb() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.web
}

// client returns connect's client of a method.
func client[Req, Res any](c *Client, method string) *connect.Client[Req, Res] {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := []connect.ClientOption{connect.WithCodec(wire.Codec{}), connect.WithReadMaxBytes(largest), connect.WithGRPC()}
	if c.web {
		o = append(o, connect.WithGRPCWeb())
	}
	return connect.NewClient[Req, Res](c.http, c.URL("/"+method), o...)
}
