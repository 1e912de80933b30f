package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/crypto/bcrypt"
	"k8s.io/apimachinery/pkg/util/validation"
)

func TestLogin(t *testing.T) { bubble(t, testLogin) }

func testLogin(t *testing.T) {
	s := newStage(t, map[string]string{"accounts.off": "login", "accounts.off.enabled": "false"})
	s.records.put(SettingsSecret, "accounts.off.password", hash(t, password))
	s.records.put(SettingsSecret, "accounts.ci.password", hash(t, password))
	id := accepted(t, s.Auth, s.login(t, "ann"))
	if id.Subject() != "ann" || id.ExpiresAt().Sub(s.clock.Now()) != 24*time.Hour {
		t.Errorf("got %+v", id)
	}
	long := strings.Repeat("p", 72)
	s.records.put(SettingsSecret, "accounts.ann.password", hash(t, long))
	for _, c := range []struct {
		name, user, password, words string
		kind                        problem.Kind
	}{
		{"wrong password", "admin", "wrong", "Invalid username or password", problem.Unauthenticated},
		{"no such user", "eve", "wrong", "Invalid username or password", problem.Unauthenticated},
		{"no user", "", "wrong", "Invalid username or password", problem.Unauthenticated},
		{"blank password", "admin", "", "Blank passwords are not allowed", problem.Unauthenticated},
		{"long name", strings.Repeat("x", 33), "p", "Username is too long (32 bytes max)", problem.Invalid},
		{"disabled", "off", password, "Account off is disabled", problem.Unauthenticated},
		{"disabled, wrong password", "off", "wrong", "Invalid username or password", problem.Unauthenticated},
		{"no login", "ci", password, "does not have login capability", problem.Unauthenticated},
		{"more than bcrypt looks at", "ann", long + "x", "Invalid username or password", problem.Unauthenticated},
	} {
		token, err := s.Login(t.Context(), c.user, c.password, netip.MustParseAddr("198.51.100.1"))
		if token != "" || err == nil || !strings.Contains(err.Error(), c.words) || problem.KindOf(err) != c.kind {
			t.Errorf("%s: got %q, %v of kind %v", c.name, token, err, problem.KindOf(err))
		}
		if err != nil && len(c.password) > 5 && strings.Contains(err.Error(), c.password) {
			t.Errorf("%s: the error holds the password", c.name)
		}
	}
	if _, err := s.Login(t.Context(), "ann", long, here); err != nil {
		t.Errorf("72 bytes: %v", err)
	}
}

// A refused login looks the same from outside whatever the reason; the log is told.
func TestRefusedLoginsLookTheSame(t *testing.T) {
	s := newStage(t, nil)
	_, wrong := s.Login(t.Context(), "admin", "wrong", here)
	_, unknown := s.Login(t.Context(), "eve", "wrong", here)
	if wrong.Error() != unknown.Error() || problem.KindOf(wrong) != problem.KindOf(unknown) {
		t.Errorf("%v and %v", wrong, unknown)
	}
	if Why(wrong) != "wrong password" || Why(unknown) != "no such account" || Why(errors.New("x")) != "" {
		t.Errorf("why: %q, %q", Why(wrong), Why(unknown))
	}
}

// Unknown users cost a bcrypt as dear as admin's, and that hash fits no password.
func TestUnknownUsersCostTheSame(t *testing.T) {
	s := newStage(t, nil)
	for _, cost := range []int{bcrypt.MinCost, 6} {
		h, err := bcrypt.GenerateFromPassword([]byte(password), cost)
		if err != nil {
			t.Fatal(err)
		}
		s.records.put(SettingsSecret, "admin.password", string(h))
		st, err := s.state()
		if err != nil {
			t.Fatal(err)
		}
		got, err := bcrypt.Cost(st.nobodys())
		if err != nil || got != cost || len(st.nobodys()) != len(h) {
			t.Errorf("cost %d, want %d: %v", got, cost, err)
		}
		if err := bcrypt.CompareHashAndPassword(st.nobodys(), []byte("x")); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			t.Errorf("the comparison did not take place: %v", err)
		}
	}
}

// bubble runs a test on a clock of its own, in which a second of waiting takes no time.
func bubble(t *testing.T, f func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		f(t)
		time.Sleep(time.Minute) // what is under way ends
	})
}

func address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// fail tries a wrong password and says why it was refused.
func fail(t *testing.T, a *Auth, user string, from netip.Addr) string {
	t.Helper()
	_, err := a.Login(t.Context(), user, "wrong", from)
	if !problem.Is(err, problem.Unauthenticated) {
		t.Fatalf("got %v", err)
	}
	return Why(err)
}

// B-152, and five per 300 s: a source that fails is refused, with the right password as well, and others are not.
func TestFloodFromOneSource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStage(t, nil)
		evil := address(1)
		for range 200 {
			fail(t, s.Auth, "admin", evil)
		}
		if _, err := s.Login(t.Context(), "admin", password, evil); Why(err) != "too many wrong passwords for this account from this address" {
			t.Fatalf("got %v, %s", err, Why(err))
		}
		if _, err := s.Login(t.Context(), "admin", password, address(2)); err != nil {
			t.Fatalf("admin is locked out elsewhere: %v", err)
		}
		// the other replica knows, and so does the one that starts anew (B-153)
		if _, err := s.another().Login(t.Context(), "admin", password, evil); Why(err) == "" {
			t.Fatalf("another replica: %v", err)
		}
		s.clock.pass(2 * failureWindow)
		if _, err := s.Login(t.Context(), "admin", password, evil); err != nil {
			t.Errorf("ten minutes later: %v", err)
		}
	})
}

// B-153: each failure is written before it is answered, so killing the process gives nobody another five tries.
func TestFailuresSurviveAKill(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStage(t, nil)
		looked := 0
		for range 20 {
			if fail(t, s.another(), "admin", here) == "wrong password" {
				looked++
			}
		}
		if looked != perPair {
			t.Errorf("%d passwords were looked at", looked)
		}
	})
}

// A hundred at once are not a hundred tries.
func TestFailuresAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStage(t, nil)
		var mu sync.Mutex
		looked := 0
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := s.Login(t.Context(), "admin", "wrong", here); Why(err) == "wrong password" {
					mu.Lock()
					looked++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if looked != perPair {
			t.Errorf("%d passwords were looked at", looked)
		}
	})
}

// B-151: ten thousand made-up names from a thousand sources push nobody's counter out, add nothing to admin's, and leave
// a Secret of bounded size, written about once a second.
func TestMadeUpNames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStage(t, nil)
		evil := address(1 << 20)
		for range perPair {
			fail(t, s.Auth, "admin", evil)
		}
		began := time.Now()
		before := s.records.writes[FailedLogins]
		var wg sync.WaitGroup
		var looked atomic.Int64
		for n := range 10000 {
			wg.Go(func() {
				if _, err := s.Login(t.Context(), fmt.Sprintf("user%d", n), "wrong", address(n%1000)); Why(err) == "no such account" {
					looked.Add(1)
				}
			})
		}
		wg.Wait()
		if looked.Load() > perServer {
			t.Errorf("%d passwords were looked at", looked.Load())
		}
		if why := fail(t, s.Auth, "admin", evil); !strings.Contains(why, "from this address") {
			t.Errorf("the counter is gone: %s", why)
		}
		st, _ := s.state()
		at := attemptOf(st.counting, "admin", address(77))
		stored := view{st.failures()}
		if all, pair := stored.estimate(at.account(), s.clock.Now()), stored.estimate(at.pair(), s.clock.Now()); all >= perAccount || pair >= perPair {
			t.Errorf("admin has %v failures, of which %v from a source that never tried", all, pair)
		}
		if size := len(s.records.secret(FailedLogins)[countersKey]); size > 64<<10 {
			t.Errorf("the Secret has %d bytes", size)
		}
		if n, secs := s.records.writes[FailedLogins]-before, time.Since(began).Seconds(); float64(n) > secs+2 {
			t.Errorf("%d writes in %.0f s", n, secs)
		}
	})
}

// A source that tries one password on many accounts is stopped as well, and only that source.
func TestOneSourceManyAccounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStage(t, nil)
		looked := 0
		for n := range 100 {
			if fail(t, s.Auth, fmt.Sprint("user", n), here) == "no such account" {
				looked++
			}
		}
		if looked != perSource {
			t.Errorf("%d passwords were looked at", looked)
		}
		if _, err := s.Login(t.Context(), "admin", password, here); Why(err) != "too many wrong passwords from this address" {
			t.Errorf("got %v", err)
		}
		if _, err := s.Login(t.Context(), "admin", password, address(1)); err != nil {
			t.Errorf("another source: %v", err)
		}
	})
}

// Many sources guess one password: new sources are refused after a while, and those that admin uses are not.
func TestFloodFromManySources(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.login(t, "admin") // from here
		looked := 0
		for n := range 300 {
			if fail(t, s.Auth, "admin", address(n)) == "wrong password" {
				looked++
			}
		}
		if looked > perAccount {
			t.Errorf("%d passwords were looked at", looked)
		}
		if _, err := s.Login(t.Context(), "admin", password, address(1000)); Why(err) != "too many wrong passwords for this account" {
			t.Errorf("a new source: %v", err)
		}
		s.login(t, "admin")
		if _, err := s.Login(t.Context(), "ann", password, address(1001)); err != nil {
			t.Errorf("another account: %v", err)
		}
	})
}

// A success forgets what the same person mistyped before, also what was written already.
func TestSuccessForgets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStage(t, nil)
		for range 5 {
			for range perPair - 1 {
				if why := fail(t, s.Auth, "admin", here); why != "wrong password" {
					t.Fatal(why)
				}
			}
			s.login(t, "admin")
			synctest.Wait()
			time.Sleep(2 * flushEvery)
		}
		st, _ := s.state()
		if stored := (view{st.failures()}); stored.estimate(attemptOf(st.counting, "admin", here).pair(), s.clock.Now()) != 0 {
			t.Error("not forgotten in the Secret")
		}
	})
}

// IPv6 subscribers have 2^64 addresses; an IPv4 address has one counter in both spellings.
func TestSourcesCountByNetwork(t *testing.T) {
	key := []byte("key")
	same := func(a, b string) bool {
		return slices.Equal(attemptOf(key, "u", netip.MustParseAddr(a)).cells, attemptOf(key, "u", netip.MustParseAddr(b)).cells)
	}
	if !same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9") || !same("192.0.2.1", "::ffff:192.0.2.1") {
		t.Error("one source counts as two")
	}
	if same("2001:db8:1:2::1", "2001:db8:1:3::1") || same("192.0.2.1", "192.0.2.2") {
		t.Error("two sources count as one")
	}
}

// Without the API server failures are still counted, and a login does not wait for ever.
func TestThrottleWithoutAPIServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.records.failing = problem.New(problem.Unavailable, "away")
		began := time.Now()
		for range perPair {
			fail(t, s.Auth, "admin", here)
		}
		if why := fail(t, s.Auth, "admin", here); !strings.Contains(why, "too many") {
			t.Error(why)
		}
		if took := time.Since(began); took > perPair*settleWait+time.Second {
			t.Errorf("it took %s", took)
		}
		time.Sleep(10 * time.Second)
		s.records.failing = nil
		fail(t, s.Auth, "ann", here) // what was kept is written with the next
		if why := fail(t, s.another(), "admin", here); !strings.Contains(why, "too many") {
			t.Errorf("lost: %s", why)
		}
		time.Sleep(10 * time.Second)
	})
}

// A Secret that somebody wrote nonsense into counts nothing, and takes no memory.
func FuzzReadFailures(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	var good failures
	good.roll(now)
	good.count(attemptOf([]byte("k"), "u", here).cells, 3)
	good.learn("hash", now)
	data := map[string][]byte{}
	good.write(data)
	f.Add(data[countersKey], data[knownKey])
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), []byte("x y\n"))
	f.Fuzz(func(t *testing.T, counters, known []byte) {
		got := readFailures(map[string][]byte{countersKey: counters, knownKey: known})
		if len(got.now) > int(cellOfAll)+1 || len(got.before) > int(cellOfAll)+1 || len(got.known) > maxKnown {
			t.Fatal("unbounded")
		}
		out := map[string][]byte{}
		got.write(out)
		again := map[string][]byte{}
		back := readFailures(out)
		back.write(again)
		if !same(out, again) {
			t.Fatalf("%q is read back as %q", out, again)
		}
	})
}

func TestUpdatePassword(t *testing.T) {
	s := newStage(t, map[string]string{"passwordPattern": "^.{6,}$"})
	token := s.login(t, "ann")
	ann := accepted(t, s.Auth, token)
	for _, c := range []struct {
		name            string
		caller          Identity
		account         string
		current, wanted string
		words           string
		kind            problem.Kind
	}{
		{"wrong current", ann, "", "wrong", "new password", "current password does not match", problem.Invalid},
		{"no current", ann, "", "", "new password", "current password does not match", problem.Invalid},
		{"too short", ann, "", password, "short", "does not match the following expression", problem.Invalid},
		{"longer than bcrypt looks at", ann, "", password, strings.Repeat("x", 73), "more than 72 bytes", problem.Invalid},
		{"no such account", ann, "eve", password, "new password", "does not exist", problem.NotFound},
		{"a role", Identity{kind: Project, subject: "proj:web:deploy"}, "", "", "new password", "only be changed for local users", problem.Invalid},
		{"nobody", Identity{}, "admin", "", "new password", "only be changed for local users", problem.Invalid},
		{"anonymous", Identity{kind: Anonymous}, "admin", "", "new password", "only be changed for local users", problem.Invalid},
		{"old SSO login", Identity{kind: SSO, subject: "u", issued: s.clock.Now().Add(-6 * time.Minute)}, "ann", "", "new password", "SSO token is too old", problem.Unauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.UpdatePassword(t.Context(), c.caller, c.account, c.current, c.wanted, here)
			if err == nil || !strings.Contains(err.Error(), c.words) || problem.KindOf(err) != c.kind {
				t.Errorf("got %v of kind %v", err, problem.KindOf(err))
			}
			if err != nil && strings.Contains(err.Error(), c.wanted) {
				t.Error("the error holds the new password")
			}
		})
	}
	accepted(t, s.Auth, token)
	// an administrator with their own password; somebody who has just come through an issuer with none
	for _, caller := range []struct {
		id      Identity
		current string
	}{{accepted(t, s.Auth, s.login(t, "admin")), password}, {Identity{kind: SSO, subject: "u", issued: s.clock.Now()}, ""}} {
		if err := s.UpdatePassword(t.Context(), caller.id, "ann", caller.current, "new password", here); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, s.Auth, token, "password has changed")
	if _, err := s.Login(t.Context(), "ann", password, here); err == nil {
		t.Error("the old password is good")
	}
	// in the same second as the change
	again, err := s.Login(t.Context(), "ann", "new password", here)
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, s.Auth, again)
}

// A password that changes in the second of a login ends that login's session.
func TestPasswordChangeEndsSessionsOfTheSameSecond(t *testing.T) {
	s := newStage(t, nil)
	stolen := s.login(t, "admin")
	if err := s.UpdatePassword(t.Context(), accepted(t, s.Auth, stolen), "", password, "battery staple", here); err != nil {
		t.Fatal(err)
	}
	refused(t, s.Auth, stolen, "password has changed")
}

func TestLogout(t *testing.T) {
	s := newStage(t, nil)
	other := s.another()
	token, another := s.login(t, "admin"), s.login(t, "admin")
	s.clock.pass(24*time.Hour - time.Minute)
	_, renewed, err := s.Verify(t.Context(), token)
	if err != nil || renewed == "" {
		t.Fatal(err)
	}
	if id, err := s.Logout(t.Context(), token); err != nil || id.Subject() != "admin" {
		t.Fatal(err)
	}
	for _, a := range []*Auth{s.Auth, other, s.another()} { // the last one has just started (B-160)
		refused(t, a, token, "revoked")
		refused(t, a, renewed, "revoked") // the session goes, not one token of it
		accepted(t, a, another)
	}
	if _, err := s.Logout(t.Context(), token); err == nil {
		t.Error("logged out twice")
	}
	// the entry outlives every renewal, and is dropped after that
	s.clock.pass(23 * time.Hour)
	fresh := s.login(t, "ann")
	if _, err := s.Logout(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	if n := len(s.records.secret(RevokedTokens)); n != 2 {
		t.Errorf("%d entries", n)
	}
	refused(t, s.Auth, renewed, "revoked")
	s.clock.pass(2 * time.Hour)
	if _, err := s.Logout(t.Context(), s.login(t, "ann")); err != nil {
		t.Fatal(err)
	}
	if n := len(s.records.secret(RevokedTokens)); n != 2 {
		t.Errorf("%d entries after the first has expired", n)
	}
	storable(t, s.records)
}

// The list is bounded: the subject with most entries loses all of its sessions, and nobody's revocation is lost.
func TestRevocationsAreBounded(t *testing.T) {
	s := newStage(t, nil)
	until := s.clock.Now().Add(time.Hour).Unix()
	data := map[string][]byte{}
	for n := range maxRevoked {
		subject := hashOf(Issuer, "admin")
		if n%4 == 0 {
			subject = hashOf(Issuer, fmt.Sprint("user", n))
		}
		data["t."+hashOf(fmt.Sprint(n))] = fmt.Appendf(nil, "%d %s", until, subject)
	}
	if err := s.records.Change(t.Context(), RevokedTokens, func(d map[string][]byte) error {
		for k, v := range data {
			d[k] = v
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	admin, ann, other := s.login(t, "admin"), s.login(t, "ann"), s.login(t, "ann")
	if _, err := s.Logout(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	if n := len(s.records.secret(RevokedTokens)); n > maxRevoked {
		t.Errorf("%d entries", n)
	}
	storable(t, s.records)
	refused(t, s.Auth, ann, "revoked")
	accepted(t, s.Auth, other)
	refused(t, s.Auth, admin, "revoked") // had most
	s.clock.pass(2 * time.Second)
	accepted(t, s.Auth, s.login(t, "admin"))
}

// When nobody has two entries there is nothing to put together: the logout fails, aloud.
func TestRevocationsFull(t *testing.T) {
	s := newStage(t, nil)
	until := s.clock.Now().Add(time.Hour).Unix()
	if err := s.records.Change(t.Context(), RevokedTokens, func(d map[string][]byte) error {
		for n := range maxRevoked {
			d["t."+hashOf(fmt.Sprint(n))] = fmt.Appendf(nil, "%d %s", until, hashOf(Issuer, fmt.Sprint("user", n)))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Logout(t.Context(), s.login(t, "admin")); !problem.Is(err, problem.Limit) {
		t.Errorf("got %v", err)
	}
}

// storable checks that the API server would take every Secret that we wrote: its keys and its size.
func storable(t *testing.T, m *memory) {
	t.Helper()
	for name, data := range m.Read().Secrets {
		size := 0
		for key, value := range data {
			size += len(key) + len(value)
			if errs := validation.IsConfigMapKey(key); len(errs) > 0 {
				t.Fatalf("%s: key %q: %v", name, key, errs)
			}
		}
		if size > 900<<10 { // of 1 MiB
			t.Errorf("%s has %d bytes", name, size)
		}
	}
}
