package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// What is live of an application, and its sources, is known where it is reconciled: by another replica, or by an agent, whose
// hub is one of the replicas. A method that asks for it is answered by that one's server, which has the same methods, after
// its rule has been passed here. This is the one place: what runs a method asks answered.
//
// An agent is told who asks (forward_agent.go). A replica is given the caller's token, and decides again by itself
// (forward_replica.go).

// passage is how a method is passed on.
type passage struct {
	when     func(c *call, request any) bool // nil: always
	again    bool                            // it may be asked twice: it changes nothing, and its request is not used up
	anywhere bool                            // any replica can answer it, unless an agent must
	poorly   bool                            // this replica can answer it, if less well, when nobody else does
}

// passedOn are the methods that are passed on. The application itself is ours: its events, and what can be done with it.
var passedOn = func() map[string]passage {
	const app = "application.ApplicationService/"
	m := map[string]passage{}
	for _, name := range []string{"ManagedResources", "ResourceTree", "WatchResourceTree", "ServerSideDiff", "GetManifests", "PreviewSync", "Commits", "GetResource", "PodLogs"} {
		m[app+name] = passage{again: true}
	}
	for _, name := range []string{"RevisionMetadata", "RevisionChartDetails", "GetOCIMetadata"} {
		m[app+name] = passage{again: true, anywhere: true}
	}
	for _, name := range []string{"GetManifestsWithFiles", "PatchResource", "DeleteResource"} {
		m[app+name] = passage{}
	}
	m[app+"Why"] = passage{again: true, poorly: true}
	m[app+"ListResourceEvents"] = passage{again: true, when: func(_ *call, q any) bool { return q.(*argocd.ApplicationResourceEventsQuery).ResourceName != "" }}
	m[app+"ListResourceActions"] = passage{again: true, when: func(c *call, q any) bool {
		r := q.(*argocd.ApplicationResourceRequest)
		return !c.isItself(r.Group, r.Kind, r.ResourceName)
	}}
	m[app+"RunResourceAction"] = passage{when: func(c *call, q any) bool {
		r := q.(*argocd.ResourceActionRunRequest)
		return !c.isItself(r.Group, r.Kind, r.ResourceName)
	}}
	m[app+"RunResourceActionV2"] = passage{when: func(c *call, q any) bool {
		r := q.(*argocd.ResourceActionRunRequestV2)
		return !c.isItself(r.Group, r.Kind, r.ResourceName)
	}}
	return m
}()

// peer is who answers a call in our place.
type peer struct {
	agent   string       // the agent's name; empty for a replica
	replica catalog.Peer // empty for an agent
	through http.RoundTripper
}

// String is what people call it.
func (p *peer) String() string {
	if p.agent != "" {
		return "agent " + p.agent
	}
	return "replica " + p.replica.Replica
}

// kind is which sort of peer it is.
func (p *peer) kind() string {
	if p.agent != "" {
		return "agent"
	}
	return "replica"
}

// outcome is what became of a call that was passed on, in one word.
func outcome(err error) string {
	var gone *lost
	switch {
	case err == nil:
		return "answered"
	case errors.As(err, &gone):
		return "lost"
	}
	return "refused"
}

// base is the address of its methods.
func (p *peer) base() string {
	if p.agent != "" {
		return "http://" + p.agent
	}
	return "https://" + p.replica.Address
}

// introduce says who asks.
func (p *peer) introduce(c *call, h http.Header) {
	if p.agent != "" {
		c.vouch(h)
		return
	}
	c.showToken(h)
}

// request is what it is asked, in its own terms.
func toPeer[Req any](c *call, p *peer, q *Req) *Req {
	if p.agent != "" {
		return atAgent(c, q)
	}
	return q
}

// lost is why a peer has not begun to answer: another may.
type lost struct{ error }

func (l *lost) Unwrap() error { return l.error }

// elsewhere is who answers a call; nil when it is answered here.
func (c *call) elsewhere(how passage) (*peer, error) {
	agent := ""
	if c.s.Agents != nil {
		agent = c.s.Apps.AgentOf(c.app)
	}
	if agent != "" || !how.anywhere {
		p, err := c.replica(how.again)
		if p != nil || err != nil {
			return p, err
		}
	}
	if agent != "" {
		return &peer{agent: agent, through: c.s.Agents}, nil
	}
	return nil, nil //nolint:nilnil // nobody else
}

// answered has a call answered where what it asks for is known: by here, or by there. When that changes hands meanwhile, who
// has it then is asked once more, if that can do no harm.
func answered[T any](c *call, method string, request any, here func() (T, error), there func(*peer) (T, error)) (T, error) {
	how, ok := passedOn[method]
	if !ok || c.app == nil || how.when != nil && !how.when(c, request) {
		return here()
	}
	p, err := c.elsewhere(how)
	if p == nil && err == nil {
		return here()
	}
	ask := func(p *peer) (T, error) {
		answer, err := there(p)
		c.s.counters.passed.WithLabelValues(p.kind(), outcome(err)).Inc()
		return answer, err
	}
	var answer T
	if p != nil {
		answer, err = ask(p)
	}
	var gone *lost
	if !errors.As(err, &gone) || c.forwarded {
		return answer, err
	}
	if how.again && p != nil && c.awaitOther(p.replica) {
		next, notKnown := c.elsewhere(how)
		switch {
		case notKnown != nil:
		case next == nil:
			return here()
		default:
			if answer, err = ask(next); !errors.As(err, &gone) {
				return answer, err
			}
		}
	}
	if how.poorly {
		return here()
	}
	return answer, err
}

// passPatience is how long a peer may take to answer a call: its own fetches and renders included.
const passPatience = 2 * time.Minute

// passUnary has a peer answer a call.
func passUnary[Req, Res any](c *call, to *peer, method string, q *Req) (*Res, error) {
	ctx, cancel := context.WithTimeout(c, passPatience)
	defer cancel()
	r := connect.NewRequest(toPeer(c, to, q))
	to.introduce(c, r.Header())
	answer, err := clientOf[Req, Res](to, method).CallUnary(ctx, r)
	if err != nil {
		return nil, fromPeer(ctx, c, to, err)
	}
	if to.agent != "" {
		if err := c.fromAgent(answer.Msg, q); err != nil {
			return nil, err
		}
	}
	return answer.Msg, nil
}

// passStream hands on what a peer sends, for as long as the caller may have it.
func passStream[Req, Res any](c *call, to *peer, method string, d declared, q *Req, send func(*Res) error) error {
	ctx, end := c.s.whileAllowed(c, rbac.Applications, rbac.Get)
	defer end()
	if d.resource != rbac.Applications || d.action != rbac.Get {
		within := *c
		within.Context = ctx
		var endToo func()
		ctx, endToo = c.s.whileAllowed(&within, d.resource, d.action)
		defer endToo()
	}
	r := connect.NewRequest(toPeer(c, to, q))
	to.introduce(c, r.Header())
	in, err := clientOf[Req, Res](to, method).CallServerStream(ctx, r)
	if err != nil {
		return fromPeer(ctx, c, to, err)
	}
	defer func() { _ = in.Close() }()
	begun := false
	for in.Receive() {
		begun = true
		m := in.Msg()
		if to.agent != "" {
			scrub(m)
		}
		if err := send(m); err != nil {
			return err
		}
	}
	err = fromPeer(ctx, c, to, in.Err())
	var gone *lost
	if begun && errors.As(err, &gone) { // what was sent cannot be taken back
		return problem.Because(problem.Unavailable, gone.error, "the answer broke off").WithHint("ask again")
	}
	return err
}

// passUpload sends a peer what the caller sends.
func passUpload[Req, Res any](c *call, to *peer, method string, first *Req, next func() (*Req, error)) (*Res, error) {
	ctx, cancel := context.WithTimeout(c, passPatience)
	defer cancel()
	out := clientOf[Req, Res](to, method).CallClientStream(ctx)
	to.introduce(c, out.RequestHeader())
	for q, err := toPeer(c, to, first), error(nil); ; q, err = next() {
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
		return nil, fromPeer(ctx, c, to, err)
	}
	return answer.Msg, nil
}

// clientOf calls a method of a peer. A redirect is an answer like any other that makes no sense: nothing is sent after it.
func clientOf[Req, Res any](to *peer, method string) *connect.Client[Req, Res] {
	client := &http.Client{Transport: to.through, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return connect.NewClient[Req, Res](client, to.base()+method, connect.WithGRPC(), connect.WithCodec(wire.Codec{}), connect.WithReadMaxBytes(agent.MaxAnswer))
}

// fromPeer is a peer's error as ours. What ended because the caller may not have it any more, says that.
func fromPeer(ctx context.Context, c *call, to *peer, err error) error {
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
	var said *connect.Error
	switch {
	case errors.As(err, &away): // it never left
		err = away
	case errors.As(err, &said) && said.Code() == connect.CodeResourceExhausted && !connect.IsWireError(err):
		return problem.New(problem.Limit, "the answer of %s is larger than %d MiB", to, agent.MaxAnswer>>20)
	case errors.As(err, &said) && connect.IsWireError(err):
		told := toldBy(to, said)
		if to.agent == "" && said.Meta().Get(notHereHeader) != "" {
			return &lost{told}
		}
		return told
	default:
		err = problem.Because(problem.Unavailable, err, "%s does not answer", to)
	}
	if to.agent != "" {
		return err
	}
	return &lost{err}
}

// toldBy is an error that a peer has answered with. Who may ask an agent was decided here; a replica decides by itself, and
// its words are those that we would have used.
func toldBy(to *peer, said *connect.Error) error {
	for kind, code := range codes {
		if code == said.Code() && (to.agent == "" || kind != problem.Unauthenticated && kind != problem.Forbidden) {
			return problem.New(kind, "%s", clipLong(said.Message()))
		}
	}
	return problem.New(problem.Unavailable, "%s: %s", to, clipLong(said.Message()))
}

func clipLong(s string) string {
	if len(s) > 4<<10 {
		s = strings.ToValidUTF8(s[:4<<10], "")
	}
	return s
}

// liveManifest is an object of an application, wherever it is reconciled.
func (s *server) liveManifest(c *call, q *argocd.ApplicationResourceRequest) ([]byte, error) {
	const method = "application.ApplicationService/GetResource"
	return answered(c, method, q, func() ([]byte, error) {
		return s.Apps.GetResource(c, c.resource(q.Group, q.Kind, q.Namespace, q.ResourceName, q.Version))
	}, func(to *peer) ([]byte, error) {
		answer, err := passUnary[argocd.ApplicationResourceRequest, argocd.ApplicationResourceResponse](c, to, "/"+method, q)
		if err != nil {
			return nil, err
		}
		return []byte(answer.Manifest), nil
	})
}
