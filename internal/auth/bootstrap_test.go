package auth

import (
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func bare(cm map[string]string) *memory { return newMemory(cm, nil) }

// consistent checks that the password of InitialPassword is in force, and logs in with it.
func consistent(t *testing.T, m *memory) string {
	t.Helper()
	initial := string(m.secret(InitialPassword)["password"])
	if len(initial) < 26 { // 130 bits in base32
		t.Fatalf("the password has %d characters", len(initial))
	}
	if err := bcrypt.CompareHashAndPassword(m.secret(SettingsSecret)["admin.password"], []byte(initial)); err != nil {
		t.Fatalf("the password is not the one in force: %v", err)
	}
	if len(m.secret(SettingsSecret)[pendingKey]) != 0 {
		t.Error("it is still pending")
	}
	a := New(Options{Records: m})
	token, err := a.Login(t.Context(), Admin, initial, here)
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, a, token)
	return initial
}

func TestBootstrap(t *testing.T) {
	m := bare(nil)
	a := New(Options{Records: m})
	if made, err := a.Bootstrap(t.Context()); err != nil || !made {
		t.Fatal(made, err)
	}
	first := consistent(t, m)
	key := string(m.secret(SettingsSecret)["server.secretkey"])
	if len(key) < 40 {
		t.Errorf("key of %d bytes", len(key))
	}
	// again, and without the Secret that people are told to delete: nothing changes
	m.put(InitialPassword, "password", "")
	if made, err := a.Bootstrap(t.Context()); err != nil || made || string(m.secret(SettingsSecret)["server.secretkey"]) != key || len(m.secret(InitialPassword)["password"]) > 0 {
		t.Errorf("made %v, %v", made, err)
	}
	// the password is forgotten: somebody removes the hash; the new one is another, even if the old one still lies there (B-150)
	m.put(InitialPassword, "password", first)
	m.put(SettingsSecret, "admin.password", "")
	if made, err := a.Bootstrap(t.Context()); err != nil || !made {
		t.Fatal(made, err)
	}
	if consistent(t, m) == first {
		t.Error("the old password is back")
	}
	if another := bare(nil); true {
		if _, err := New(Options{Records: another}).Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		if consistent(t, another) == first || string(another.secret(SettingsSecret)["server.secretkey"]) == key {
			t.Error("two installations have the same password or key")
		}
	}
}

// Whatever stands there already is left alone.
func TestBootstrapOfAnExistingInstallation(t *testing.T) {
	m := newMemory(nil, map[string]string{"server.secretkey": testKey, "admin.password": hash(t, password)})
	a := New(Options{Records: m})
	if made, err := a.Bootstrap(t.Context()); err != nil || made {
		t.Fatal(made, err)
	}
	got := m.secret(SettingsSecret)
	if string(got["server.secretkey"]) != testKey || len(got["admin.passwordMtime"]) == 0 || m.secret(InitialPassword) != nil {
		t.Errorf("got %q", got)
	}
	off := bare(map[string]string{"admin.enabled": "false"})
	if made, err := New(Options{Records: off}).Bootstrap(t.Context()); err != nil || made || off.secret(InitialPassword) != nil || len(off.secret(SettingsSecret)["server.secretkey"]) == 0 {
		t.Errorf("admin is off: made %v, %v", made, err)
	}
}

// Replicas that start together make one password; one that dies between the two Secrets is gone on from.
func TestBootstrapOfManyReplicas(t *testing.T) {
	for range 5 {
		m := bare(nil)
		var wg sync.WaitGroup
		var mu sync.Mutex
		many := 0
		for range 3 {
			wg.Go(func() {
				made, err := New(Options{Records: m}).Bootstrap(t.Context())
				if err != nil {
					t.Error(err)
				}
				if made {
					mu.Lock()
					many++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if many != 1 {
			t.Errorf("%d replicas made the password", many)
		}
		consistent(t, m)
	}
	for _, stop := range []string{InitialPassword, SettingsSecret} {
		m := bare(nil)
		m.put(SettingsSecret, pendingKey, "P")
		if stop == SettingsSecret { // died before the hash was in force
			m.put(InitialPassword, pendingKey, "P")
			m.put(InitialPassword, "password", "a password of twenty-six characters")
		}
		if made, err := New(Options{Records: m}).Bootstrap(t.Context()); err != nil || !made {
			t.Fatal(made, err)
		}
		consistent(t, m)
	}
}

func TestBootstrapErrorHoldsNoSecret(t *testing.T) {
	m := bare(nil)
	m.failing = errTest
	_, err := New(Options{Records: m}).Bootstrap(t.Context())
	if err == nil || !strings.Contains(err.Error(), "make the first password") {
		t.Errorf("got %v", err)
	}
}
