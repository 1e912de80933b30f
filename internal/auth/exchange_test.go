package auth

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// cluster answers TokenReviews: token and audience → user name.
type cluster struct {
	users map[string]string
	err   error
	asked int
}

func (c *cluster) Review(_ context.Context, token, audience string) (string, error) {
	c.asked++
	return c.users[token+" "+audience], c.err
}

func exchangeStage(t *testing.T) (*stage, *idp, *cluster) {
	t.Helper()
	s := newStage(t, nil)
	p := newIDP(t, s.clock.Now)
	p.clientID = "hawser"
	c := &cluster{users: map[string]string{}}
	s.Auth = New(Options{Records: s.records, Now: s.clock.Now, Reviewer: c, RoleTokens: func(project, role string) ([]v1alpha1.JWTToken, bool) {
		tokens, ok := s.roles[project+" "+role]
		return tokens, ok
	}})
	s.records.set("hawser.tokenExchange", fmt.Sprintf(`
- {issuer: %q, audience: hawser, match: {repository: acme/*, ref: refs/heads/main}, as: "proj:web:deploy", duration: 10m}
- {issuer: %q, audience: hawser, match: {repository: acme/tools}, as: ci}
- {kubernetes: true, audience: hawser, match: {namespace: build, serviceaccount: "runner-*"}, as: ci, duration: 1h}
- {kubernetes: true, audience: other, match: {sub: "system:serviceaccount:prod:**"}, as: "proj:web:deploy"}
`, p.URL, p.URL))
	if problems := s.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	return s, p, c
}

func job(repository, ref string) map[string]any {
	return map[string]any{"sub": "repo:" + repository + ":ref:" + ref, "repository": repository, "ref": ref}
}

func TestExchangeOfAnIssuersToken(t *testing.T) {
	s, p, _ := exchangeStage(t)
	got, err := s.Exchange(t.Context(), p.sign(job("acme/shop", "refs/heads/main")))
	if err != nil {
		t.Fatal(err)
	}
	if got.Of != "repo:acme/shop:ref:refs/heads/main" || got.Expires.Sub(s.clock.Now()) != 10*time.Minute || got.Identity.Subject() != "proj:web:deploy" {
		t.Errorf("got %+v", got)
	}
	id := accepted(t, s.another(), got.Token)
	if id.Kind() != Project || id.Subject() != "proj:web:deploy" {
		t.Errorf("got %+v", id)
	}
	account, err := s.Exchange(t.Context(), p.sign(job("acme/tools", "refs/heads/topic")))
	if err != nil {
		t.Fatal(err)
	}
	if id := accepted(t, s.Auth, account.Token); id.Kind() != Local || id.Subject() != "ci" || id.ExpiresAt().Sub(s.clock.Now()) != 15*time.Minute {
		t.Errorf("got %+v", id)
	}
	// a token given out is no job's, and is not renewed
	if _, err := s.Exchange(t.Context(), got.Token); err == nil {
		t.Error("exchanged again")
	}
	s.clock.pass(6 * time.Minute)
	if _, renewed, err := s.Verify(t.Context(), got.Token); err != nil || renewed != "" {
		t.Errorf("renewed, or %v", err)
	}
	// it can be revoked, and dies with its rule, its account or role
	if _, err := s.Logout(t.Context(), account.Token); err != nil {
		t.Fatal(err)
	}
	refused(t, s.another(), account.Token, "revoked")
	rules := s.records.Read().CM["hawser.tokenExchange"]
	s.records.set("hawser.tokenExchange", strings.ReplaceAll(rules, "acme/*", "acme/shop"))
	refused(t, s.another(), got.Token, "rule")
	s.records.set("hawser.tokenExchange", rules)
	accepted(t, s.Auth, got.Token)
	delete(s.roles, "web deploy")
	refused(t, s.Auth, got.Token, "does not exist")
	if _, err := s.Exchange(t.Context(), p.sign(job("acme/shop", "refs/heads/main"))); err == nil {
		t.Error("a token for a role that is gone")
	}
	s.records.set("accounts.ci", "login")
	if _, err := s.Exchange(t.Context(), p.sign(job("acme/tools", "x"))); err == nil {
		t.Error("a token for an account without apiKey")
	}
}

func TestExchangeRefuses(t *testing.T) {
	s, p, c := exchangeStage(t)
	now := s.clock.Now().Unix()
	stranger := newIDP(t, s.clock.Now)
	main := job("acme/shop", "refs/heads/main")
	and := func(more map[string]any) map[string]any {
		out := maps.Clone(main)
		maps.Copy(out, more)
		return out
	}
	for _, x := range []struct{ name, token string }{
		{"nothing", ""},
		{"no token", "x"},
		{"long", strings.Repeat("a", 20000) + ".b.c"},
		{"another branch", p.sign(job("acme/shop", "refs/heads/topic"))},
		{"another owner", p.sign(job("evil/shop", "refs/heads/main"))},
		{"deeper than the star", p.sign(job("acme/x/y", "refs/heads/main"))},
		{"owner that begins alike", p.sign(job("acme-evil/shop", "refs/heads/main"))},
		{"another audience", p.sign(and(map[string]any{"aud": "sts"}))},
		{"expired", p.sign(and(map[string]any{"exp": now - 1}))},
		{"no claims", p.sign(map[string]any{"repository": nil, "ref": nil})},
		{"claim of another type", p.sign(and(map[string]any{"repository": map[string]any{"acme/shop": true}}))},
		{"another issuer", stranger.sign(main)},
		{"another issuer that says it is this one", stranger.sign(and(map[string]any{"iss": p.URL}))},
		{"nobody's service account token", stranger.sign(map[string]any{"iss": "https://kubernetes.default.svc"})},
	} {
		got, err := s.Exchange(t.Context(), x.token)
		if !problem.Is(err, problem.Unauthenticated) || got.Token != "" {
			t.Errorf("%s: got %v", x.name, err)
			continue
		}
		if why := Why(err); why == "" || !strings.Contains(err.Error(), "no rule of hawser.tokenExchange accepts this token") {
			t.Errorf("%s: %q, %q", x.name, err, why)
		}
		nobody(t, got.Identity)
	}
	// ID tokens of an issuer that only jobs come from identify nobody
	refused(t, s.Auth, p.sign(main), "issuer is not configured")
	if c.asked == 0 {
		t.Error("the API server was never asked")
	}
	if n := c.asked; n > 10 {
		t.Errorf("the API server was asked %d times", n)
	}
	p.Close()
	s.clock.pass(24 * time.Hour)
	if _, err := s.Exchange(t.Context(), p.sign(main)); !problem.Is(err, problem.Unavailable) {
		t.Errorf("an issuer that is away: %v", err)
	}
}

func TestExchangeOfServiceAccounts(t *testing.T) {
	s, _, c := exchangeStage(t)
	own := newIDP(t, s.clock.Now) // what the cluster signs with does not matter: the API server is asked
	token := own.sign(map[string]any{"iss": "https://kubernetes.default.svc"})
	for _, x := range []struct{ audience, user, as string }{
		{"hawser", "system:serviceaccount:build:runner-1", "ci"},
		{"other", "system:serviceaccount:prod:deployer", "proj:web:deploy"},
		{"hawser", "system:serviceaccount:prod:deployer", ""}, // the audience of another rule
		{"other", "system:serviceaccount:build:runner-1", ""},
		{"hawser", "system:serviceaccount:build-2:runner-1", ""},
		{"hawser", "system:serviceaccount:build:other", ""},
		{"hawser", "admin", ""},
		{"hawser", "", ""},
		{"hawser", "system:node:build:runner-1", ""},
	} {
		c.users = map[string]string{token + " " + x.audience: x.user}
		got, err := s.Exchange(t.Context(), token)
		switch {
		case x.as == "" && !problem.Is(err, problem.Unauthenticated):
			t.Errorf("%+v: got %v", x, err)
		case x.as != "" && (err != nil || got.Identity.Subject() != x.as || got.Of != x.user):
			t.Errorf("%+v: got %+v, %v", x, got, err)
		case x.as != "":
			accepted(t, s.another(), got.Token)
		}
	}
	c.err = errTest
	s.clock.pass(time.Minute)
	if _, err := s.Exchange(t.Context(), token); !problem.Is(err, problem.Unavailable) || strings.Contains(err.Error(), errTest.Error()) {
		t.Errorf("an API server that is away: %v", err)
	}
	c.err, c.users, c.asked = nil, nil, 0
	for range 500 {
		s.Exchange(t.Context(), token)
	}
	if c.asked > 20 {
		t.Errorf("strangers made the API server review %d tokens", c.asked)
	}
	// without a Reviewer none are taken
	if _, err := s.another().Exchange(t.Context(), token); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("got %v", err)
	}
}

func TestExchangeRules(t *testing.T) {
	for name, rule := range map[string]string{
		"matches everybody":       `{kubernetes: true, audience: a, as: ci}`,
		"stars only":              `{kubernetes: true, audience: a, as: ci, match: {namespace: "*", sub: "**"}}`,
		"empty pattern":           `{kubernetes: true, audience: a, as: ci, match: {namespace: ""}}`,
		"no audience":             `{kubernetes: true, as: ci, match: {namespace: a}}`,
		"neither":                 `{audience: a, as: ci, match: {namespace: a}}`,
		"both":                    `{kubernetes: true, issuer: "https://x.example", audience: a, as: ci, match: {namespace: a}}`,
		"http":                    `{issuer: "http://x.example", audience: a, as: ci, match: {sub: a}}`,
		"as nobody":               `{kubernetes: true, audience: a, match: {namespace: a}}`,
		"as a session":            `{kubernetes: true, audience: a, as: "admin:login", match: {namespace: a}}`,
		"as half a role":          `{kubernetes: true, audience: a, as: "proj:web", match: {namespace: a}}`,
		"as too much of a role":   `{kubernetes: true, audience: a, as: "proj:web:a:b", match: {namespace: a}}`,
		"longer than an hour":     `{kubernetes: true, audience: a, as: ci, match: {namespace: a}, duration: 2h}`,
		"duration is no duration": `{kubernetes: true, audience: a, as: ci, match: {namespace: a}, duration: soon}`,
	} {
		s := newStage(t, map[string]string{"hawser.tokenExchange": "- " + rule})
		st, err := s.state()
		if err != nil || len(st.rules) != 0 || len(s.Problems()) != 1 {
			t.Errorf("%s: %d rules, problems %v", name, len(st.rules), s.Problems())
		}
	}
}

func TestGlobMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "ab", false}, {"a", "", false}, {"*", "", true}, {"*", "abc", true}, {"*", "a/b", false}, {"**", "a/b", true},
		{"acme/*", "acme/x", true}, {"acme/*", "acme/x/y", false}, {"acme/**", "acme/x/y", true}, {"acme/*", "acme2/x", false}, {"*/x", "acme/x", true},
		{"a?c", "abc", true}, {"a?c", "a/c", false}, {"a*b*c", "aXbYc", true}, {"a*b*c", "aXc", false}, {"***", "a/b", true}, {"ref:*", "ref:refs/heads", false},
		{"[a]", "a", false}, {"a.c", "abc", false}, {"é*", "éa", true},
	} {
		if got := globMatch(c.pattern, c.s); got != c.want {
			t.Errorf("%q, %q: got %v", c.pattern, c.s, got)
		}
	}
	// no pattern makes it slow
	began := time.Now()
	globMatch(strings.Repeat("*a", 500), strings.Repeat("a", 1000)+"b")
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
}

func FuzzExchange(f *testing.F) {
	s := newStage(f, map[string]string{"hawser.tokenExchange": `[{issuer: "http://127.0.0.1:1", audience: a, match: {sub: x}, as: ci}]`})
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjEifQ.AAAA")
	f.Add("a.e30.c")
	f.Fuzz(func(t *testing.T, token string) {
		got, err := s.Exchange(t.Context(), token)
		if err == nil || got.Token != "" {
			t.Fatalf("exchanged %q", token)
		}
		nobody(t, got.Identity)
	})
}
