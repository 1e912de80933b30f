package server

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
)

// call is one request while it is answered: who asks, by which door, and what they may do.
type call struct {
	context.Context
	s       *server
	id      string
	door    string // http, grpc, grpc-web
	method  string
	source  netip.Addr
	token   string // as shown
	cookie  bool   // it came in a cookie, which a browser sends by itself
	vouched string // who asks, says the hub
	copyOf  string // UID of the hub's Application that they may have, says the hub
	// forwarded: another replica passes it on. Anybody can say so; then they are answered here.
	forwarded bool

	who     auth.Identity // of whom there is nothing to be said while refused is set
	refused error         // why the token is no good
	renewed string        // a token to give in place of an old one
	table   *rbac.Table

	app        *v1alpha1.Application    // that the rule found
	clusters   []catalog.Cluster        // that the rule found
	repository catalog.Repository       // that the rule found
	set        *v1alpha1.ApplicationSet // that the rule found
	seat       *seat                    // what the request takes of the limits
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		panic("server: a method runs outside the boundary")
	}
	in := *c // its context ends with the handler's
	in.Context = ctx
	return &in
}

// receive makes the call of a request and finds out who asks. A bad token is no error yet: some methods answer anybody.
func (s *server) receive(r *http.Request, id string) *call {
	c := &call{Context: r.Context(), s: s, id: id, door: "http", method: r.URL.Path, source: sourceOf(r.RemoteAddr)}
	if isRPC(r) {
		c.door = "grpc"
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc-web") {
			c.door = "grpc-web"
		}
	}
	c.token, c.cookie = tokenOf(r)
	c.forwarded = r.Header.Get(forwardedHeader) != ""
	if s.Vouched != nil {
		c.vouched, c.copyOf = s.Vouched(r)
	}
	c.identify()
	return c
}

// tokenOf reads the token in Argo CD's order: metadata, Authorization, cookie.
func tokenOf(r *http.Request) (token string, cookie bool) {
	if t := r.Header.Get("Token"); t != "" {
		return t, false
	}
	if scheme, t, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") && t != "" {
		return strings.TrimSpace(t), false
	}
	t, err := auth.JoinCookies(r.Cookies())
	return t, err == nil && t != ""
}

// identify asks who shows the token, and reads what they may do.
func (c *call) identify() {
	if c.s.Vouched != nil {
		c.who, c.table = auth.Vouched(c.vouched), c.s.Policy().For(rbac.Subject{Name: auth.TheOperator().Subject()})
		return
	}
	if c.s.Operator != "" {
		if subtle.ConstantTimeCompare([]byte(c.token), []byte(c.s.Operator)) == 1 {
			c.who, c.table = auth.TheOperator(), c.s.Policy().For(rbac.Subject{Name: auth.TheOperator().Subject()})
			return
		}
		c.refused = problem.New(problem.Unauthenticated, "no session information")
		return
	}
	if c.s.Auth == nil {
		c.refused = problem.New(problem.Unauthenticated, "no session information")
		return
	}
	if c.token == "" {
		c.who, c.refused = c.s.Auth.Anonymous()
	} else {
		c.who, c.renewed, c.refused = c.s.Auth.Verify(c, c.token)
	}
	if c.refused == nil {
		policy := c.s.Policy()
		c.table = policy.For(rbac.Subject{Name: c.who.Subject(), Groups: c.who.Groups(policy.Scopes())})
	}
}

// mustBeSomebody refuses callers with a bad token, and those with none unless anonymous access is on.
func (c *call) mustBeSomebody() error {
	if c.refused != nil {
		c.decided("", "", "", false, c.refused.Error())
	}
	return c.refused
}

// mustBeKnown refuses callers who have not proved who they are.
func (c *call) mustBeKnown() error {
	if err := c.mustBeSomebody(); err != nil {
		return err
	}
	if !c.who.LoggedIn() {
		err := problem.New(problem.Unauthenticated, "no session information").WithHint("log in first")
		c.decided("", "", "", false, err.Error())
		return err
	}
	return nil
}

// may decides whether the caller may do something, and tells the audit.
func (c *call) may(resource, action, object string) bool {
	d := c.decide(resource, action, object)
	c.decided(resource, action, object, d.Allowed, d.String())
	return d.Allowed
}

func (c *call) decide(resource, action, object string) rbac.Decision {
	if c.table == nil {
		return rbac.Decision{}
	}
	return c.table.May(rbac.Request{Resource: resource, Action: action, Object: object})
}

// sees is may for one of many things that a list goes through: the audit hears of the list, not of each.
func (c *call) sees(resource, action, object string) bool {
	return c.decide(resource, action, object).Allowed
}

// must is may with the refusal as an error, in Argo CD's words.
func (c *call) must(resource, action, object string) error {
	if c.may(resource, action, object) {
		return nil
	}
	text := "permission denied: " + resource + ", " + action + ", " + clip(object)
	if sub := c.who.Subject(); sub != "" {
		text += ", sub: " + sub
	}
	if at := c.who.IssuedAt(); !at.IsZero() {
		text += ", iat: " + at.UTC().Format(time.RFC3339)
	}
	return problem.New(problem.Forbidden, "%s", text)
}

func (c *call) decided(resource, action, object string, allowed bool, why string) {
	who := c.who.Username()
	if who == "" {
		who = c.who.Kind().String()
	}
	c.s.Audit.Decided(Decision{
		Time: time.Now(), Request: c.id, Who: who, Issuer: c.who.Issuer(), From: c.source, Door: c.door, Method: c.method,
		Resource: resource, Action: action, Object: object, Allowed: allowed, Why: why,
	})
}

// renew asks again who shows the token and what they may do.
func (c *call) renew() {
	c.who, c.refused, c.table = auth.Identity{}, nil, nil
	c.identify()
}

// still asks again, for streams that live long, whether the caller may have what it was given: tokens are revoked and
// policies change.
func (c *call) still(resource, action, object string) error {
	fresh := *c
	fresh.renew()
	if fresh.refused != nil {
		return fresh.refused
	}
	return fresh.must(resource, action, object)
}

// recheckEvery is how often a stream asks again whether it may go on.
const recheckEvery = 20 * time.Second

// begin says that a stream begins; an error that it may not.
func (c *call) begin() error { return c.seat.startStream() }

// finish says that a call is over.
func (c *call) finish(err error) {
	if err != nil && problem.Is(err, problem.Internal) && c.Err() == nil {
		c.s.Log.Warn("call failed", "request", c.id, "method", c.method, "error", err)
	}
}
