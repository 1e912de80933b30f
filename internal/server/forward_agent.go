package server

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

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

// fromAgent is an agent's answer as callers may have it.
func (c *call) fromAgent(answer, asked any) error {
	scrub(answer)
	if p, ok := answer.(*argocd.SyncPreview); ok {
		return c.asAsked(p, asked.(*argocd.SyncPreviewRequest))
	}
	return nil
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
