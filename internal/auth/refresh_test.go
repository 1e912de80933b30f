package auth

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

func refreshStage(t *testing.T) (*stage, *idp, Session) {
	t.Helper()
	s, p := withIDP(t, "requestedScopes: [openid, offline_access]\n")
	p.refresh = map[string]bool{}
	got, err := s.sso(t, p, Start{}, nil)
	if err != nil || got.Refresh == "" {
		t.Fatal(got.Refresh, err)
	}
	for token := range p.refresh {
		if strings.Contains(got.Refresh, token) {
			t.Error("the refresh token is not sealed")
		}
	}
	return s, p, got
}

func TestLoginIsRenewed(t *testing.T) {
	s, _, got := refreshStage(t)
	s.clock.pass(time.Hour)
	refused(t, s.Auth, got.Token, "expired")
	other := s.another() // has the cookie as well
	again, err := other.RenewLogin(t.Context(), got.Refresh)
	if err != nil || again.Refresh == "" || again.Refresh == got.Refresh || again.Identity.Subject() != "u1" {
		t.Fatalf("got %+v, %v", again, err)
	}
	accepted(t, s.Auth, again.Token)
	// the issuer takes each once: whoever comes again with the old one is told to log in
	s.clock.pass(time.Minute)
	if _, err := s.RenewLogin(t.Context(), got.Refresh); !problem.Is(err, problem.Unauthenticated) || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("got %v", err)
	}
	// no longer than a session lasts
	for range 22 {
		s.clock.pass(time.Hour)
		if again, err = s.RenewLogin(t.Context(), again.Refresh); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.pass(time.Hour)
	if _, err := s.RenewLogin(t.Context(), again.Refresh); !problem.Is(err, problem.Unauthenticated) || !strings.Contains(err.Error(), "too old") {
		t.Errorf("got %v", err)
	}
}

// The requests of a page that come at once share a renewal.
func TestRenewalIsShared(t *testing.T) {
	s, p, got := refreshStage(t)
	var wg sync.WaitGroup
	before := p.count("/token")
	for range 20 {
		wg.Go(func() {
			if _, err := s.RenewLogin(t.Context(), got.Refresh); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := p.count("/token") - before; n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

func TestLoginIsNotRenewed(t *testing.T) {
	for name, c := range map[string]struct {
		words string
		kind  problem.Kind
		spoil func(s *stage, p *idp, got *Session)
	}{
		"no cookie":          {"cannot be renewed", problem.Unauthenticated, func(_ *stage, _ *idp, got *Session) { got.Refresh = "" }},
		"made-up cookie":     {"cannot be renewed", problem.Unauthenticated, func(_ *stage, _ *idp, got *Session) { got.Refresh = got.Refresh[:len(got.Refresh)-2] + "AA" }},
		"the state's cookie": {"cannot be renewed", problem.Unauthenticated, func(s *stage, _ *idp, got *Session) { _, got.Refresh, _ = s.BeginLogin(t.Context(), Start{}) }},
		"another key": {"cannot be renewed", problem.Unauthenticated, func(s *stage, _ *idp, _ *Session) {
			if err := s.RevokeEverything(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		"forgotten": {"revoked", problem.Unauthenticated, func(s *stage, _ *idp, got *Session) {
			if err := s.another().ForgetLogin(t.Context(), got.Refresh); err != nil {
				t.Fatal(err)
			}
		}},
		"subject revoked": {"revoked", problem.Unauthenticated, func(s *stage, p *idp, _ *Session) {
			if err := s.RevokeSubject(t.Context(), p.URL, "u1"); err != nil {
				t.Fatal(err)
			}
		}},
		"issuer gone":    {"not configured", problem.Unauthenticated, func(s *stage, _ *idp, _ *Session) { s.records.set("oidc.config", "") }},
		"somebody else":  {"somebody else", problem.Unauthenticated, func(_ *stage, p *idp, _ *Session) { p.claims = map[string]any{"sub": "u2"} }},
		"admin by now":   {"local account", problem.Unauthenticated, func(s *stage, _ *idp, _ *Session) { s.records.set("accounts.u1", "login") }},
		"issuer refuses": {"invalid_grant", problem.Unauthenticated, func(_ *stage, p *idp, _ *Session) { p.refresh = nil }},
		"issuer away": {"could not be had", problem.Unavailable, func(_ *stage, p *idp, _ *Session) {
			p.spoil = func(w http.ResponseWriter, _ *http.Request) bool {
				http.Error(w, "canary client+secret", http.StatusServiceUnavailable)
				return true
			}
		}},
	} {
		s, p, got := refreshStage(t)
		c.spoil(s, p, &got)
		again, err := s.RenewLogin(t.Context(), got.Refresh)
		if problem.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.words) || again.Token != "" || again.Identity.LoggedIn() {
			t.Errorf("%s: got %v of kind %v", name, err, problem.KindOf(err))
		}
		if err != nil && (strings.Contains(err.Error(), "client+secret") || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "issuer away" {
			p.spoil = nil
			if _, err := s.RenewLogin(t.Context(), got.Refresh); err != nil {
				t.Errorf("the issuer is back: %v", err)
			}
		}
	}
}

// B-164: a stream asks whether its caller still stands.
func TestRecheck(t *testing.T) {
	s, p := withIDP(t, "")
	api, err := s.CreateToken(t.Context(), "ci", "build", 0)
	if err != nil {
		t.Fatal(err)
	}
	role, record, err := s.ProjectToken("web", "deploy", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	s.roles["web deploy"] = append(s.roles["web deploy"], record)
	ids := map[string]Identity{
		"session": accepted(t, s.Auth, s.login(t, "ann")), "api": accepted(t, s.Auth, api), "role": accepted(t, s.Auth, role), "sso": accepted(t, s.Auth, p.sign(nil)),
	}
	still := func(gone ...string) {
		t.Helper()
		for name, id := range ids {
			err := s.Recheck(id)
			if want := strings.Contains(strings.Join(gone, " "), name); (err != nil) != want {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	still()
	if err := s.DeleteToken(t.Context(), "ci", "build"); err != nil {
		t.Fatal(err)
	}
	still("api")
	delete(s.roles, "web deploy")
	still("api", "role")
	if err := s.RevokeSubject(t.Context(), p.URL, "u1"); err != nil {
		t.Fatal(err)
	}
	still("api", "role", "sso")
	s.clock.pass(24 * time.Hour)
	still("api", "role", "sso", "session")
	if err := s.Recheck(Identity{}); err == nil {
		t.Error("nobody stands")
	}
	if err := s.Recheck(Identity{kind: Anonymous}); err == nil {
		t.Error("anonymous access is off")
	}
	s.records.set("users.anonymous.enabled", "true")
	if id, err := s.Anonymous(); err != nil || s.Recheck(id) != nil {
		t.Error("anonymous access is on")
	}
}
