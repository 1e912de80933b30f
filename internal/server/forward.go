package server

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// What is live of an application, and its sources, is known where it is reconciled. Where that is an agent, a method that
// asks for it is answered by the agent's server, which has the same methods, after its rule has been passed here. This is
// the one place: what runs a method asks elsewhere.

// elsewhere is where a call is answered: by the agent that reconciles its application; empty when it is answered here.
func (c *call) elsewhere(method string, request any) string {
	if c.s.Agents == nil || c.app == nil {
		return ""
	}
	passed, ok := passedOn[method]
	if !ok || !passed(c, request) {
		return ""
	}
	return c.s.Apps.AgentOf(c.app)
}

// passedOn are the methods that are passed on, with the requests for which they are. The application itself is ours: its
// events, and what can be done with it.
var passedOn = func() map[string]func(*call, any) bool {
	const app = "application.ApplicationService/"
	always := func(*call, any) bool { return true }
	m := map[string]func(*call, any) bool{}
	for _, name := range []string{
		"ManagedResources", "ResourceTree", "WatchResourceTree", "ServerSideDiff", "GetManifests", "GetManifestsWithFiles", "PreviewSync",
		"RevisionMetadata", "RevisionChartDetails", "GetOCIMetadata", "Why", "Commits", "GetResource", "PatchResource", "DeleteResource", "PodLogs",
	} {
		m[app+name] = always
	}
	m[app+"ListResourceEvents"] = func(_ *call, q any) bool { return q.(*argocd.ApplicationResourceEventsQuery).ResourceName != "" }
	m[app+"ListResourceActions"] = func(c *call, q any) bool {
		r := q.(*argocd.ApplicationResourceRequest)
		return !c.isItself(r.Group, r.Kind, r.ResourceName)
	}
	m[app+"RunResourceAction"] = func(c *call, q any) bool {
		r := q.(*argocd.ResourceActionRunRequest)
		return !c.isItself(r.Group, r.Kind, r.ResourceName)
	}
	m[app+"RunResourceActionV2"] = func(c *call, q any) bool {
		r := q.(*argocd.ResourceActionRunRequestV2)
		return !c.isItself(r.Group, r.Kind, r.ResourceName)
	}
	return m
}()

// PassedOn lets through to an agent's server what a hub passes on, and nothing else: a hub has no business with the records
// that an agent has beside its copies.
func PassedOn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := passedOn[strings.TrimPrefix(r.URL.Path, "/")]; !ok || r.Method != http.MethodPost {
			fail(w, problem.New(problem.NotFound, "nothing is served at %s", clip(r.URL.Path)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// passPatience is how long an agent may take to answer a call: its own fetches and renders included.
const passPatience = 2 * time.Minute

// passUnary has an agent answer a call.
func passUnary[Req, Res any](c *call, to, method string, q *Req) (*Res, error) {
	ctx, cancel := context.WithTimeout(c, passPatience)
	defer cancel()
	r := connect.NewRequest(atAgent(c, q))
	c.vouch(r.Header())
	answer, err := agentClient[Req, Res](c, to, method).CallUnary(ctx, r)
	if err != nil {
		return nil, fromAgent(c, ctx, to, err)
	}
	scrub(answer.Msg)
	if p, ok := any(answer.Msg).(*argocd.SyncPreview); ok {
		if err := c.asAsked(p, any(q).(*argocd.SyncPreviewRequest)); err != nil {
			return nil, err
		}
	}
	return answer.Msg, nil
}

// asAsked puts into a preview what the caller's sync would be refused for here: the agent does not know who asks.
func (c *call) asAsked(p *argocd.SyncPreview, q *argocd.SyncPreviewRequest) error {
	asked := syncAsked(q)
	op, err := operationOf(c.app, asked)
	if err != nil {
		return err
	}
	theirs := slices.DeleteFunc(p.Warnings, func(w argocd.SyncPreviewWarning) bool { return slices.Contains(refusalTypes, w.Type) })
	p.Warnings = append(c.s.refusals(c, asked, op), theirs...)
	return nil
}

// passStream hands on what an agent sends, for as long as the caller may have it.
func passStream[Req, Res any](c *call, to, method string, d declared, q *Req, send func(*Res) error) error {
	ctx, end := c.s.whileAllowed(c, rbac.Applications, rbac.Get)
	defer end()
	if d.resource != rbac.Applications || d.action != rbac.Get {
		within := *c
		within.Context = ctx
		var endToo func()
		ctx, endToo = c.s.whileAllowed(&within, d.resource, d.action)
		defer endToo()
	}
	r := connect.NewRequest(atAgent(c, q))
	c.vouch(r.Header())
	in, err := agentClient[Req, Res](c, to, method).CallServerStream(ctx, r)
	if err != nil {
		return fromAgent(c, ctx, to, err)
	}
	defer func() { _ = in.Close() }()
	for in.Receive() {
		m := in.Msg()
		scrub(m)
		if err := send(m); err != nil {
			return err
		}
	}
	return fromAgent(c, ctx, to, in.Err())
}

// passUpload sends an agent what the caller sends.
func passUpload[Req, Res any](c *call, to, method string, first *Req, next func() (*Req, error)) (*Res, error) {
	ctx, cancel := context.WithTimeout(c, passPatience)
	defer cancel()
	out := agentClient[Req, Res](c, to, method).CallClientStream(ctx)
	c.vouch(out.RequestHeader())
	for q, err := atAgent(c, first), error(nil); ; q, err = next() {
		if errors.Is(err, errNoMore) {
			break
		}
		if err != nil {
			return nil, err
		}
		if out.Send(q) != nil { // the answer says why
			break
		}
	}
	answer, err := out.CloseAndReceive()
	if err != nil {
		return nil, fromAgent(c, ctx, to, err)
	}
	return answer.Msg, nil
}

func agentClient[Req, Res any](c *call, to, method string) *connect.Client[Req, Res] {
	client := &http.Client{Transport: c.s.Agents, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return connect.NewClient[Req, Res](client, "http://"+to+method, connect.WithGRPC(), connect.WithCodec(wire.Codec{}), connect.WithReadMaxBytes(agent.MaxAnswer))
}

// vouch says to an agent who asks.
func (c *call) vouch(h http.Header) {
	h.Set(agent.PersonHeader, strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, clip(c.by())))
	h.Set(agent.ApplicationHeader, string(c.app.UID))
}

// atAgent is a request as an agent understands it: our own namespace is its own there, whatever either is called.
func atAgent[Req any](c *call, q *Req) *Req {
	there := *q
	homeless(reflect.ValueOf(&there).Elem(), c.s.Namespace)
	return &there
}

// homeless empties the field appNamespace of a request, or of the message in it, when it is home.
func homeless(v reflect.Value, home string) {
	if f := v.FieldByName("AppNamespace"); f.IsValid() && f.Kind() == reflect.String && f.String() == home {
		f.SetString("")
	}
	if f := v.FieldByName("Query"); f.IsValid() && f.Kind() == reflect.Pointer && !f.IsNil() && f.Type().Elem().Kind() == reflect.Struct {
		inner := reflect.New(f.Type().Elem())
		inner.Elem().Set(f.Elem())
		homeless(inner.Elem(), home)
		f.Set(inner)
	}
}

// fromAgent is an agent's error as ours. What ended because the caller may not have it any more, says that.
func fromAgent(c *call, ctx context.Context, to string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && c.Err() == nil && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	if c.Err() != nil {
		return c.Err()
	}
	var away *problem.Error
	if errors.As(err, &away) { // it never left
		return away
	}
	var said *connect.Error
	if errors.As(err, &said) && connect.IsWireError(err) {
		for kind, code := range codes {
			if code == said.Code() && kind != problem.Unauthenticated && kind != problem.Forbidden { // who may ask was decided here
				return problem.New(kind, "%s", clipLong(said.Message()))
			}
		}
		return problem.New(problem.Unavailable, "agent %s: %s", to, clipLong(said.Message()))
	}
	return problem.Because(problem.Unavailable, err, "agent %s does not answer", to)
}

func clipLong(s string) string {
	if len(s) > 4<<10 {
		s = s[:4<<10]
	}
	return s
}

// scrub takes out of an agent's answer what a page would put behind a click, unless it is a link: the agent is not
// believed.
func scrub(answer any) {
	tree, ok := answer.(*argocd.ApplicationTree)
	if !ok {
		return
	}
	for _, nodes := range [][]argocd.ResourceNode{tree.Nodes, tree.OrphanedNodes} {
		for _, n := range nodes {
			if n.NetworkingInfo == nil {
				continue
			}
			var urls []string
			for _, u := range n.NetworkingInfo.ExternalURLs {
				if _, ok := parseLink(u); ok {
					urls = append(urls, u)
				}
			}
			n.NetworkingInfo.ExternalURLs = urls
		}
	}
}

// liveManifest is an object of an application, wherever it is reconciled.
func (s *server) liveManifest(c *call, q *argocd.ApplicationResourceRequest) ([]byte, error) {
	const method = "application.ApplicationService/GetResource"
	if to := c.elsewhere(method, q); to != "" {
		answer, err := passUnary[argocd.ApplicationResourceRequest, argocd.ApplicationResourceResponse](c, to, "/"+method, q)
		if err != nil {
			return nil, err
		}
		return []byte(answer.Manifest), nil
	}
	return s.Apps.GetResource(c, c.resource(q.Group, q.Kind, q.Namespace, q.ResourceName, q.Version))
}

// exec runs a command in a container, wherever its application is reconciled. Who may have it is asked again meanwhile by
// whoever holds the terminal.
func (s *server) exec(ctx context.Context, c *call, r reconcile.ExecRequest) (int, error) {
	to := ""
	if s.Agents != nil {
		to = s.Apps.AgentOf(c.app)
	}
	if to == "" {
		return s.Apps.Exec(ctx, r)
	}
	q := agent.Exec{Application: agent.Key{Name: r.Application.Name}, UID: string(c.app.UID), Namespace: r.Namespace, Pod: r.Pod, Container: r.Container, Command: r.Command, By: r.By}
	if r.Application.Namespace != s.Namespace {
		q.Application.Namespace = r.Application.Namespace
	}
	sizes := make(chan agent.Size)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		defer close(sizes)
		for size := range r.Sizes {
			select {
			case sizes <- agent.Size{Width: size.Width, Height: size.Height}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return s.Agents.Exec(ctx, to, q, agent.Terminal{In: r.Stdin, Out: r.Stdout, Sizes: sizes})
}
