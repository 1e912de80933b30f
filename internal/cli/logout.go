package cli

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hawser-cd/hawser/internal/cli/contexts"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/spf13/cobra"
)

func logout(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "logout CONTEXT", Short: "End a session on its server, and forget its token", Args: exactly(1), ValidArgsFunction: r.completeContexts,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			file, err := contexts.Read(r.config)
			if err != nil {
				return err
			}
			if file == nil {
				return &exit{1, problem.New(problem.NotFound, "Nothing to logout from")}
			}
			_, at, u, err := file.Resolve(name)
			if err != nil {
				return &exit{1, problem.New(problem.NotFound, "Context %s does not exist", name).WithHint("`hawser context` lists them")}
			}
			yes, err := r.confirmed(fmt.Sprintf("Are you sure you want to log out from '%s'?", name), false)
			if err != nil {
				return err
			}
			if !yes {
				r.say("info", fmt.Sprintf("Logout from '%s' cancelled", name))
				return nil
			}
			at.Insecure = at.Insecure || r.insecure
			at.PlainText = at.PlainText || r.plainText
			if !at.Core {
				if err := r.revoke(cmd.Context(), at, u.AuthToken); err != nil {
					r.say("warn", "failed to invalidate token on server: "+err.Error())
				}
			}
			err = contexts.Update(r.config, func(f *contexts.File) error {
				f.PutUser(contexts.User{Name: u.Name})
				return nil
			})
			if err == nil {
				r.printf("Logged out from '%s'\n", name)
			}
			return err
		},
	}
}

// revoke asks the server to accept a token no longer.
func (r *remote) revoke(ctx context.Context, s contexts.Server, token string) error {
	if token == "" {
		return problem.New(problem.NotFound, "the context holds no token")
	}
	c, err := r.stranger(ctx, s)
	if err != nil {
		return err
	}
	h, err := c.HTTP()
	if err != nil {
		return err
	}
	h.Timeout = 30 * time.Second
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // to the page, which is not for us
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL("/auth/logout"), http.NoBody)
	if err != nil {
		return err
	}
	q.Header.Set("User-Agent", userAgent())
	for _, cookie := range tokenCookies(token) {
		q.AddCookie(cookie)
	}
	answer, err := h.Do(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusSeeOther {
		return problem.New(problem.Unavailable, "the server answered %s", answer.Status)
	}
	return nil
}

// largestCookie is how much of a token Argo CD puts into one cookie.
const largestCookie = 4093

// tokenCookies spreads a token over cookies as Argo CD's server joins them: argocd.token, argocd.token-1, and so on, the
// first of which begins with their number.
func tokenCookies(token string) []*http.Cookie {
	const name = "argocd.token"
	if len(token) <= largestCookie {
		return []*http.Cookie{{Name: name, Value: token}}
	}
	var list []*http.Cookie
	for n := 0; token != ""; n++ {
		part := token[:min(largestCookie, len(token))]
		token = token[len(part):]
		c := &http.Cookie{Name: name, Value: part}
		if n > 0 {
			c.Name += "-" + strconv.Itoa(n)
		}
		list = append(list, c)
	}
	list[0].Value = strconv.Itoa(len(list)) + ":" + list[0].Value
	return list
}
