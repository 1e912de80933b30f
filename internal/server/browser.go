package server

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/problem"
)

// beginLogin sends the browser to an issuer.
func (s *server) beginLogin(w http.ResponseWriter, r *http.Request) {
	q, _ := url.ParseQuery(r.URL.RawQuery)
	location, cookie, err := s.Auth.BeginLogin(r.Context(), auth.Start{Issuer: q.Get("issuer"), Host: r.Host, Return: q.Get("return_url"), Root: s.base() + "/"})
	if err != nil {
		fail(w, err)
		return
	}
	state := s.cookieLike(r)
	state.Name, state.Value, state.MaxAge = auth.StateCookie, cookie, int(auth.StateLifetime/time.Second)
	http.SetCookie(w, &state)
	http.Redirect(w, r, location, http.StatusSeeOther)
}

// completeLogin takes the browser back from an issuer, and gives it its session.
func (s *server) completeLogin(w http.ResponseWriter, r *http.Request) {
	gone := s.cookieLike(r)
	gone.Name, gone.MaxAge = auth.StateCookie, -1
	http.SetCookie(w, &gone)
	state, err := r.Cookie(auth.StateCookie)
	if err != nil {
		fail(w, problem.New(problem.Unauthenticated, "this browser did not begin the login").WithHint("begin again at %s/login", s.base()))
		return
	}
	q, _ := url.ParseQuery(r.URL.RawQuery)
	session, err := s.Auth.CompleteLogin(r.Context(), state.Value, q)
	c := callOf(r.Context())
	s.Audit.Decided(Decision{Time: time.Now(), Request: c.id, Who: session.Identity.Username(), Issuer: session.Identity.Issuer(), From: c.source, Door: c.door, Method: c.method, Action: "login", Allowed: err == nil, Why: auth.Why(err)})
	if err != nil {
		fail(w, err)
		return
	}
	s.setCookies(w, r, session.Token)
	http.Redirect(w, r, session.Return, http.StatusSeeOther)
}

// logout ends the session of a browser, or of a client that shows its token as one.
func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	if err := s.sameOrigin(r); err != nil {
		fail(w, err)
		return
	}
	c := callOf(r.Context())
	if c.token != "" && c.refused == nil {
		if _, err := s.Auth.Logout(r.Context(), c.token); err != nil {
			fail(w, err)
			return
		}
	}
	s.forgetCookies(w, r)
	where := s.base() + "/login"
	if c.refused == nil {
		for _, p := range s.Auth.Providers() {
			if p.Issuer == c.who.Issuer() && p.LogoutURL != "" {
				where = p.LogoutURL
			}
		}
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") { // a command, which has nowhere to go
		reply(w, http.StatusOK, struct{}{})
		return
	}
	http.Redirect(w, r, where, http.StatusSeeOther)
}

// exchange gives a short-lived token of ours for one that a CI job has of its own (RFC 8693).
func (s *server) exchange(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	token := r.PostFormValue("subject_token")
	if token == "" {
		fail(w, problem.New(problem.Invalid, "subject_token is missing").WithHint("post it as a form: grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=…"))
		return
	}
	got, err := s.Auth.Exchange(r.Context(), token)
	c := callOf(r.Context())
	s.Audit.Decided(Decision{Time: time.Now(), Request: c.id, Who: got.Identity.Username(), From: c.source, Door: c.door, Method: c.method, Action: "exchange", Object: got.Of, Allowed: err == nil, Why: auth.Why(err)})
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"access_token": got.Token, "issued_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_type": "Bearer", "expires_in": int(time.Until(got.Expires).Seconds()),
	})
}

// keepSession gives the browser the session that it logged in to, as Argo CD does; an empty token ends the one it has.
func (s *server) keepSession(w http.ResponseWriter, r *http.Request, token string) {
	if token == "" {
		s.forgetCookies(w, r)
		return
	}
	s.setCookies(w, r, token)
}

func (s *server) forgetCookies(w http.ResponseWriter, r *http.Request) {
	for _, cookie := range r.Cookies() {
		if isSessionCookie(cookie.Name) {
			gone := s.cookieLike(r)
			gone.Name, gone.MaxAge = cookie.Name, -1
			http.SetCookie(w, &gone)
		}
	}
}

func isSessionCookie(name string) bool {
	for _, ours := range []string{auth.CookieName, auth.HostCookieName} {
		if name == ours || len(name) > len(ours) && name[:len(ours)+1] == ours+"-" {
			return true
		}
	}
	return false
}
