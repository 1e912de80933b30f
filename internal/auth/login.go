package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/crypto/bcrypt"
)

const (
	maxUsername = 32              // bytes, Argo CD's
	maxPassword = 72              // bytes: bcrypt ignores what comes after
	maxCost     = 16              // of bcrypt: four seconds
	freshLogin  = 5 * time.Minute // how old the login of an SSO user may be who changes a password (Argo CD)
)

// Why says for the audit log why a login was refused; the caller is told the same in every case.
func Why(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.why
	}
	return ""
}

// refusal is a refused login: one text outside, the reason inside.
type refusal struct {
	told *problem.Error
	why  string
}

func (r *refusal) Error() string { return r.told.Error() }
func (r *refusal) Unwrap() error { return r.told }

func refuseLogin(why string) error {
	return &refusal{problem.New(problem.Unauthenticated, "Invalid username or password"), why}
}

// Login checks a password and returns a session's token. source is the address that the request came from: after a few
// wrong passwords for one account from one source, further ones from there are not looked at for a while, see throttle.
// An unknown user costs the same time as a wrong password, and is counted in the same way.
//
// Errors: problem.Unauthenticated (Why says more, for the log), problem.Invalid for a name that no account can have,
// problem.Unavailable. A refusal comes once it has been counted where a restart does not lose it.
func (a *Auth) Login(ctx context.Context, username, password string, source netip.Addr) (token string, err error) {
	st, err := a.signing()
	if err != nil {
		return "", err
	}
	if err := a.check(ctx, st, username, password, source); err != nil {
		return "", err
	}
	acc := st.accounts[username]
	switch {
	case acc.wrong != nil || !acc.Enabled:
		return "", problem.New(problem.Unauthenticated, "Account %s is disabled", acc.Name)
	case !acc.Can(CapabilityLogin):
		return "", problem.New(problem.Unauthenticated, "Account %s does not have login capability", acc.Name)
	}
	token, _, err = st.issue(username+":"+CapabilityLogin, rand.Text(), a.now(), acc.mtime, st.session)
	return token, err
}

// check compares the password, within the budgets.
func (a *Auth) check(ctx context.Context, st *state, username, password string, source netip.Addr) error {
	switch {
	case password == "":
		return problem.New(problem.Unauthenticated, "Blank passwords are not allowed")
	case len(username) > maxUsername:
		return problem.New(problem.Invalid, "Username is too long (%d bytes max)", maxUsername)
	}
	attempt := attemptOf(st.counting, username, source)
	if why := a.guard.admit(a, attempt); why != "" {
		return refuseLogin(why)
	}
	// It has been counted as a failure already, or many at once would all pass before the first has failed.
	select {
	case a.checks <- struct{}{}:
		defer func() { <-a.checks }()
	case <-ctx.Done():
		a.guard.refund(attempt)
		return problem.New(problem.Unavailable, "the server is busy with other logins")
	}
	if !st.matches(username, password) {
		a.guard.settle(ctx, a)
		if st.accounts[username] == nil {
			return refuseLogin("no such account")
		}
		return refuseLogin("wrong password")
	}
	a.guard.succeeded(a, attempt)
	return nil
}

// nobodys is what the passwords of unknown users are compared with: a hash as dear as the accounts' own.
func (st *state) nobodys() []byte {
	cost := bcrypt.DefaultCost
	if c, err := bcrypt.Cost(st.accounts[Admin].hash); err == nil && c <= maxCost {
		cost = c
	}
	return fmt.Appendf(nil, "$2a$%02d$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", cost)
}

// matches compares a password with an account's; it takes as long when there is no such account, or it has none.
func (st *state) matches(username, password string) bool {
	hash, own := st.nobodys(), false
	if acc := st.accounts[username]; acc != nil && len(acc.hash) > 0 {
		if cost, err := bcrypt.Cost(acc.hash); err == nil && cost <= maxCost {
			hash, own = acc.hash, true
		}
	}
	compared := password
	if len(compared) > maxPassword {
		compared = compared[:maxPassword]
	}
	err := bcrypt.CompareHashAndPassword(hash, []byte(compared))
	return err == nil && own && len(password) <= maxPassword
}

// UpdatePassword gives an account a new password; every session and token from before ends. name may be empty: the
// caller's own. Whether the caller may change somebody else's is for the server to ask; here, a local account proves
// its own current password, and an SSO user has logged in within the last five minutes (Argo CD's rule).
//
// Errors: problem.NotFound, problem.Invalid (wrong current password; a new one that does not fit passwordPattern),
// problem.Unauthenticated (login too old), and those of Records.
func (a *Auth) UpdatePassword(ctx context.Context, caller Identity, name, current, wanted string, source netip.Addr) error {
	if name == "" {
		name = caller.subject
	}
	st, acc, err := a.tokenHolder(name)
	switch {
	case caller.kind == Project || !caller.LoggedIn():
		return problem.New(problem.Invalid, "password can only be changed for local users, not user %q", caller.subject)
	case err != nil:
		return err
	case caller.kind == SSO && a.now().Sub(caller.issued) > freshLogin:
		return problem.New(problem.Unauthenticated, "SSO token is too old. Please use 'argocd relogin' to get a new token")
	case caller.kind == Local:
		if err := a.check(ctx, st, caller.subject, current, source); err != nil {
			if problem.Is(err, problem.Unavailable) {
				return err
			}
			return &refusal{problem.New(problem.Invalid, "current password does not match"), Why(err)}
		}
	}
	switch {
	case len(wanted) > maxPassword:
		return problem.New(problem.Invalid, "new password has more than %d bytes", maxPassword)
	case !st.pattern.MatchString(wanted):
		return problem.New(problem.Invalid, "new password does not match the following expression: %s", st.pattern)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(wanted), bcrypt.DefaultCost)
	if err != nil {
		return problem.New(problem.Internal, "the new password of account '%s' cannot be hashed", acc.Name)
	}
	return a.options.Records.Change(ctx, SettingsSecret, func(data map[string][]byte) error {
		data[secretKey(name, "password")] = hash
		data[secretKey(name, "passwordMtime")] = a.mtime()
		return nil
	})
}
