package auth

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hawser-cd/hawser/internal/problem"
)

func TestAccounts(t *testing.T) {
	s := &stage{records: newMemory(map[string]string{
		"accounts.ann":         "apiKey, login",
		"accounts.bob":         "login,login,",
		"accounts.bob.enabled": "false",
		"accounts.admin":       "apiKey",
		"accounts.carl":        "sudo",
		"accounts.dora.pets":   "2",
		"accounts.eve.enabled": "true",
		"accounts.":            "login",
		"url":                  "https://cd.example.com",
	}, map[string]string{
		"server.secretkey":    testKey,
		"admin.tokens":        `[{"id":"a","iat":1,"exp":2}]`,
		"accounts.ann.tokens": `[{"id":"b","iat":3}]`,
	})}
	s.Auth = s.another()
	got, err := s.Accounts()
	if err != nil {
		t.Fatal(err)
	}
	want := []Account{
		{Name: "admin", Enabled: true, Capabilities: []string{"login", "apiKey"}, Tokens: []TokenRecord{{"a", 1, 2}}},
		{Name: "ann", Enabled: true, Capabilities: []string{"apiKey", "login"}, Tokens: []TokenRecord{{"b", 3, 0}}},
		{Name: "bob", Capabilities: []string{"login"}},
		{Name: "carl", Enabled: true},
		{Name: "eve", Enabled: true},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Account{})); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	if n := len(s.Problems()); n != 2 { // sudo, pets
		t.Errorf("problems: %v", s.Problems())
	}
	if acc, err := s.Account("ann"); err != nil || !acc.Can(CapabilityLogin) {
		t.Errorf("got %+v, %v", acc, err)
	}
	if _, err := s.Account("nobody"); !problem.Is(err, problem.NotFound) {
		t.Errorf("got %v", err)
	}
}

// One malformed account is off, and the others go on.
func TestMalformedAccounts(t *testing.T) {
	for key, value := range map[string]string{
		"accounts.ann.tokens": "{canary", "accounts.ann.passwordMtime": "canary", "cm accounts.ann.enabled": "canary",
	} {
		s := newStage(t, nil)
		if cm, ok := strings.CutPrefix(key, "cm "); ok {
			s.records.set(cm, value)
		} else {
			s.records.put(SettingsSecret, key, value)
		}
		problems := s.Problems()
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), "account 'ann' is off") || strings.Contains(problems[0].Error(), "canary") {
			t.Errorf("%s: %v", key, problems)
		}
		if acc, err := s.Account("ann"); err != nil || acc.Enabled {
			t.Errorf("%s: %+v, %v", key, acc, err)
		}
		if _, err := s.Login(t.Context(), "ann", password, here); !problem.Is(err, problem.Unauthenticated) {
			t.Errorf("%s: login: %v", key, err)
		}
		accepted(t, s.Auth, s.login(t, "admin"))
	}
}

func TestSettings(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 24 * time.Hour, "8h": 8 * time.Hour, "7d": 7 * 24 * time.Hour, " 30m ": 30 * time.Minute,
		"0": 24 * time.Hour, "-1h": 24 * time.Hour, "soon": 24 * time.Hour, "9000d": 24 * time.Hour, "1s": 24 * time.Hour} {
		s := newStage(t, map[string]string{"users.session.duration": text})
		st, err := s.state()
		if err != nil || st.session != want {
			t.Errorf("%q: got %s", text, st.session)
		}
	}
	s := newStage(t, map[string]string{"passwordPattern": "(", "additionalUrls": "[https://two.example.com, https://three.example.com/x/]"})
	st, err := s.state()
	if err != nil || st.pattern.String() != defaultPassword || len(s.Problems()) != 1 {
		t.Errorf("pattern %s, %v", st.pattern, s.Problems())
	}
	if want := []string{"https://cd.example.com", "https://two.example.com", "https://three.example.com/x/"}; !slices.Equal(st.origins, want) {
		t.Errorf("got %v", st.origins)
	}
	for host, want := range map[string]string{"three.example.com": "https://three.example.com/x/auth/callback", "evil.example": "https://cd.example.com/auth/callback"} {
		if got, err := st.redirect(host); err != nil || got != want {
			t.Errorf("%s: got %s, %v", host, got, err)
		}
	}
}

func TestIdentityInLogs(t *testing.T) {
	for want, id := range map[string]Identity{
		"nobody": {}, "anonymous": {kind: Anonymous}, "account ci": {kind: Local, subject: "ci"}, "sso a@b": {kind: SSO, subject: "u", email: "a@b"},
		"project role proj:web:deploy": {kind: Project, subject: "proj:web:deploy"}, "operator operator": TheOperator(),
	} {
		if got := id.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if project, role := (Identity{kind: Local, subject: "proj:a:b"}).Role(); project+role != "" {
		t.Error("an account has a role")
	}
	if s := fmt.Sprint(Kind(99), Kind(-1)); s != "operator nobody" {
		t.Error(s)
	}
}
