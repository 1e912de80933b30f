package auth

import (
	"bytes"
	"context"
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/crypto/bcrypt"
)

// memory is Records of its own: what the interface promises, conflicts included, without a cluster.
type memory struct {
	mu      sync.Mutex
	at      Snapshot
	writes  map[string]int
	failing error // of Change
	now     atomic.Pointer[Snapshot]
	between func() // called between reading and writing, once
}

func newMemory(cm map[string]string, secret map[string]string) *memory {
	m := &memory{writes: map[string]int{}}
	data := map[string][]byte{}
	for k, v := range secret {
		data[k] = []byte(v)
	}
	m.at = Snapshot{Version: "1", CM: maps.Clone(cm), Secrets: map[string]map[string][]byte{SettingsSecret: data}}
	m.publish()
	return m
}

func (m *memory) publish() {
	s := m.at
	s.CM, s.Secrets = maps.Clone(s.CM), maps.Clone(s.Secrets)
	m.now.Store(&s)
}

func (m *memory) Read() Snapshot { return *m.now.Load() }

func (m *memory) bump() {
	n, _ := strconv.Atoi(m.at.Version)
	m.at.Version = strconv.Itoa(n + 1)
	m.publish()
}

func (m *memory) Change(ctx context.Context, name string, change func(map[string][]byte) error) error {
	for {
		m.mu.Lock()
		before, failing, between := m.at.Secrets[name], m.failing, m.between
		m.between = nil
		m.mu.Unlock()
		if failing != nil {
			return failing
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		data := map[string][]byte{}
		for k, v := range before {
			data[k] = bytes.Clone(v)
		}
		if err := change(data); err != nil {
			return err
		}
		if between != nil {
			between()
		}
		m.mu.Lock()
		if same(m.at.Secrets[name], before) { // no conflict
			if !same(before, data) {
				m.at.Secrets = maps.Clone(m.at.Secrets)
				m.at.Secrets[name] = data
				m.writes[name]++
				m.bump()
			}
			m.mu.Unlock()
			return nil
		}
		m.mu.Unlock()
	}
}

func same(a, b map[string][]byte) bool { return maps.EqualFunc(a, b, bytes.Equal) }

// set changes a setting of argocd-cm; "" removes it.
func (m *memory) set(key, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at.CM = maps.Clone(m.at.CM)
	m.at.CM[key] = value
	if value == "" {
		delete(m.at.CM, key)
	}
	m.bump()
}

// put changes a key of a Secret; "" removes it.
func (m *memory) put(secret, key, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data := maps.Clone(m.at.Secrets[secret])
	if data == nil {
		data = map[string][]byte{}
	}
	data[key] = []byte(value)
	if value == "" {
		delete(data, key)
	}
	m.at.Secrets = maps.Clone(m.at.Secrets)
	m.at.Secrets[secret] = data
	m.bump()
}

func (m *memory) secret(name string) map[string][]byte { return m.Read().Secrets[name] }

// clock is a clock that tests move.
type clock struct{ at atomic.Int64 }

func (c *clock) Now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

const (
	testKey  = "dGhpcyBpcyBhIHNpZ25pbmcga2V5IG9mIHRoZSB0ZXN0"
	password = "correct horse"
)

func hash(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// stage is an Auth with an admin, an account ci that has tokens, and a role of a project.
type stage struct {
	*Auth
	records *memory
	clock   *clock
	mu      sync.Mutex
	roles   map[string][]v1alpha1.JWTToken // "project role"
}

func newStage(t testing.TB, cm map[string]string) *stage {
	t.Helper()
	settings := map[string]string{"accounts.ci": "apiKey", "accounts.ann": "login, apiKey", "url": "https://cd.example.com"}
	maps.Copy(settings, cm)
	s := &stage{roles: map[string][]v1alpha1.JWTToken{"web deploy": nil}, clock: &clock{}}
	s.clock.at.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	s.records = newMemory(settings, map[string]string{
		"server.secretkey": testKey,
		"admin.password":   hash(t, password), "admin.passwordMtime": "2026-04-01T00:00:00Z",
		"accounts.ann.password": hash(t, password), "accounts.ann.passwordMtime": "2026-04-01T00:00:00Z",
	})
	s.Auth = s.another()
	return s
}

// another is a second replica.
func (s *stage) another() *Auth {
	return New(Options{Records: s.records, Now: s.clock.Now, RoleTokens: func(project, role string) ([]v1alpha1.JWTToken, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		tokens, ok := s.roles[project+" "+role]
		return tokens, ok
	}})
}

var here = netip.MustParseAddr("192.0.2.1")

func (s *stage) login(t testing.TB, user string) string {
	t.Helper()
	token, err := s.Login(t.Context(), user, password, here)
	if err != nil {
		t.Fatalf("login as %s: %v", user, err)
	}
	return token
}

// accepted verifies a token that must be good.
func accepted(t testing.TB, a *Auth, token string) Identity {
	t.Helper()
	id, _, err := a.Verify(t.Context(), token)
	if err != nil {
		t.Fatalf("token refused: %v", err)
	}
	return id
}

// refused verifies a token that must be bad, and must say so with these words.
func refused(t testing.TB, a *Auth, token, words string) {
	t.Helper()
	id, renewed, err := a.Verify(t.Context(), token)
	switch {
	case err == nil:
		t.Fatalf("token accepted as %s; want %q", id, words)
	case !strings.Contains(err.Error(), words):
		t.Errorf("got %q, want %q", err, words)
	case problem.KindOf(err) != problem.Unauthenticated:
		t.Errorf("%q is of kind %s", err, problem.KindOf(err))
	}
	nobody(t, id)
	if renewed != "" {
		t.Error("a refused token was renewed")
	}
	if token != "" && len(token) > 20 && strings.Contains(err.Error(), token[len(token)-20:]) {
		t.Error("the error quotes the token")
	}
}

// nobody checks that an identity is of no use.
func nobody(t testing.TB, id Identity) {
	t.Helper()
	if id.Kind() != Nobody || id.LoggedIn() || id.Subject() != "" || id.Username() != "" || id.Issuer() != "" || id.Groups(nil) != nil || id.TokenID() != "" {
		t.Errorf("the identity beside an error says something: %+v", id)
	}
}
