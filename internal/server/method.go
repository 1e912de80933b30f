package server

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// A method is one remote procedure, answered in the same way over gRPC, gRPC-Web and REST: whoever comes in by whatever
// door passes its rule before it runs. It is a value of unary, stream or upload, so that none can be without a rule.
type method struct {
	argocd.Method
	declared declared
	request  reflect.Type
	answer   reflect.Type

	rpc  func(path string) http.Handler                                               // gRPC and gRPC-Web
	call func(c *call, request any) (any, error)                                      // one answer; nil for streams
	open func(c *call, request any) (run func(send func(any) error) error, err error) // many answers; nil for others
	take func(c *call, receive func(request any) error) (any, error)                  // many requests; nil for others
	none func() any                                                                   // an empty request
}

// declared is what a method's rule says of itself, for the log, the tests and people.
type declared struct {
	resource, action string // of the policy; empty when the method needs none
	scope            scope
}

// scope says on what a rule decides.
type scope int

const (
	open     scope = iota + 1 // everybody, known or not
	known                     // everybody who has proved who they are
	filtered                  // everybody; what is answered is what they may see
	single                    // one object, named by the request
)

// rule decides whether a call may run; it is the choke point. check may leave on the call what it found.
type rule[Req any] struct {
	declared
	check func(c *call, r *Req) error
}

// anybody permits everybody.
func anybody[Req any]() rule[Req] {
	return rule[Req]{declared{scope: open}, func(*call, *Req) error { return nil }}
}

// loggedIn permits everybody who has proved who they are.
func loggedIn[Req any]() rule[Req] {
	return rule[Req]{declared{scope: known}, func(c *call, _ *Req) error { return c.mustBeKnown() }}
}

// visible permits everybody, and the method answers what they may see: it asks c.sees for each object.
func visible[Req any](resource, action string) rule[Req] {
	return rule[Req]{declared{resource, action, filtered}, func(c *call, _ *Req) error {
		if err := c.mustBeSomebody(); err != nil {
			return err
		}
		c.decided(resource, action, "", true, "the answer holds what the caller may see")
		return nil
	}}
}

// on permits those whose policy has the action on an object that the request names. What is said of an object that is
// missing and of one that is forbidden is the same.
func on[Req any](resource, action string, object func(c *call, r *Req) string) rule[Req] {
	return rule[Req]{declared{resource, action, single}, func(c *call, r *Req) error {
		if err := c.mustBeSomebody(); err != nil {
			return err
		}
		return c.must(resource, action, object(c, r))
	}}
}

// unary declares a method with one answer.
func unary[Req, Res any](name string, r rule[Req], f func(c *call, r *Req) (*Res, error)) method {
	m := newMethod[Req, Res](name, r)
	run := func(c *call, q *Req) (*Res, error) {
		if err := r.check(c, q); err != nil {
			return nil, err
		}
		if r.scope == filtered {
			if err := c.seat.turn(c); err != nil {
				return nil, err
			}
		}
		return answered(c, name, q, func() (*Res, error) { return f(c, q) }, func(to *peer) (*Res, error) {
			return passUnary[Req, Res](c, to, m.path(), q)
		})
	}
	m.call = func(c *call, q any) (any, error) { return whole(run(c, q.(*Req))) }
	m.rpc = func(path string) http.Handler {
		return connect.NewUnaryHandler(path, func(ctx context.Context, q *connect.Request[Req]) (*connect.Response[Res], error) {
			c := callOf(ctx)
			res, err := run(c, q.Msg)
			c.finish(err)
			if err != nil {
				return nil, rpcError(err)
			}
			answer := connect.NewResponse(res)
			if c.renewed != "" {
				answer.Header().Set("Renew-Token", c.renewed)
			}
			return answer, nil
		}, handlerOptions(r.scope)...)
	}
	return m
}

// whole turns a typed nil into a plain one.
func whole[Res any](res *Res, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return res, nil
}

// stream declares a method with many answers. f runs until its context ends or it has no more to say.
func stream[Req, Res any](name string, r rule[Req], f func(c *call, r *Req, send func(*Res) error) error) method {
	m := newMethod[Req, Res](name, r)
	here := f
	f = func(c *call, q *Req, send func(*Res) error) error {
		_, err := answered(c, name, q, func() (none struct{}, err error) { return none, here(c, q, send) }, func(to *peer) (none struct{}, err error) {
			return none, passStream(c, to, m.path(), r.declared, q, send)
		})
		return err
	}
	m.open = func(c *call, q any) (func(send func(any) error) error, error) {
		if err := r.check(c, q.(*Req)); err != nil {
			return nil, err
		}
		return func(send func(any) error) error {
			return f(c, q.(*Req), func(res *Res) error { return send(res) })
		}, nil
	}
	m.rpc = func(path string) http.Handler {
		return connect.NewServerStreamHandler(path, func(ctx context.Context, q *connect.Request[Req], out *connect.ServerStream[Res]) error {
			c := callOf(ctx)
			err := r.check(c, q.Msg)
			if err == nil {
				err = c.begin()
			}
			if err == nil {
				err = out.Send(nil) // the headers: there are clients that wait for them, and nothing may happen for hours
			}
			if err == nil {
				err = f(c, q.Msg, out.Send)
			}
			c.finish(err)
			return rpcError(err)
		}, handlerOptions(r.scope)...)
	}
	return m
}

// upload declares a method with many requests and one answer. The first request is what the rule decides by.
func upload[Req, Res any](name string, r rule[Req], f func(c *call, first *Req, next func() (*Req, error)) (*Res, error)) method {
	m := newMethod[Req, Res](name, r)
	run := func(c *call, next func() (*Req, error)) (*Res, error) {
		first, err := next()
		if err != nil {
			return nil, err
		}
		if err := r.check(c, first); err != nil {
			return nil, err
		}
		c.seat.pour()
		return answered(c, name, first, func() (*Res, error) { return f(c, first, next) }, func(to *peer) (*Res, error) {
			return passUpload[Req, Res](c, to, m.path(), first, next)
		})
	}
	m.take = func(c *call, receive func(any) error) (any, error) {
		return whole(run(c, func() (*Req, error) {
			q := new(Req)
			return q, receive(q)
		}))
	}
	m.rpc = func(path string) http.Handler {
		return connect.NewClientStreamHandler(path, func(ctx context.Context, in *connect.ClientStream[Req]) (*connect.Response[Res], error) {
			c := callOf(ctx)
			res, err := run(c, func() (*Req, error) {
				if in.Receive() {
					return in.Msg(), nil
				}
				if err := in.Err(); err != nil {
					return nil, problem.Because(problem.Invalid, err, "the stream of requests broke off")
				}
				return nil, errNoMore
			})
			c.finish(err)
			if err != nil {
				return nil, rpcError(err)
			}
			return connect.NewResponse(res), nil
		}, handlerOptions(r.scope)...)
	}
	return m
}

// errNoMore ends a stream of requests.
var errNoMore = problem.New(problem.Invalid, "the stream of requests ended early")

// newMethod joins a name of the contract to our types. Whatever is wrong here is a mistake in the table: it panics when
// the process starts, and in every test.
func newMethod[Req, Res any](name string, r rule[Req]) method {
	contract := slices.Concat(argocd.Methods, plumbing)
	i := slices.IndexFunc(contract, func(m argocd.Method) bool { return m.Service+"/"+m.Name == name })
	if i < 0 {
		panic("server: the contract has no method " + name)
	}
	if r.check == nil || r.scope == 0 || (r.resource == "") != (r.scope == open || r.scope == known) {
		panic("server: method " + name + " has no rule")
	}
	m := method{Method: contract[i], declared: r.declared, request: reflect.TypeFor[Req](), answer: reflect.TypeFor[Res](), none: func() any { return new(Req) }}
	for _, t := range []reflect.Type{m.request, m.answer} {
		if err := wire.Check(t); err != nil {
			panic(fmt.Sprintf("server: method %s: %v", name, err))
		}
	}
	return m
}

func (m *method) path() string { return "/" + m.Service + "/" + m.Name }

// handlerOptions are those of every gRPC handler. Nothing is compressed: Argo CD's own gRPC-Web client ignores the flag
// that says so, Argo CD's server takes no such requests either, and connect unpacks all of a message that is too large,
// so that strangers could keep us busy with a few megabytes.
func handlerOptions(of scope) []connect.HandlerOption {
	return []connect.HandlerOption{connect.WithCodec(wire.Codec{}), connect.WithCompression("gzip", nil, nil), connect.WithReadMaxBytes(largest(of))}
}

// largest is the largest request of a method, in bytes. Argo CD allows 200 MB for everything, but the largest thing that
// anybody sends is an Application, which the API server bounds at 1.5 MB, and local manifests. What strangers may send is
// a password.
func largest(of scope) int {
	if of == open {
		return 64 << 10
	}
	return 32 << 20
}

// isRPC reports whether a request is gRPC or gRPC-Web.
func isRPC(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}
