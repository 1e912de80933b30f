package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/crypto/bcrypt"
)

// pendingKey of argocd-secret, and of InitialPassword, names the initial password that is being put in force.
const pendingKey = "hawser.initial-password"

// Bootstrap makes what argocd-secret lacks: server.secretkey, and, unless admin is switched off, admin.password, whose
// text goes to InitialPassword. It can be called at every start, by any number of replicas at once, and goes on where a
// crash interrupted it.
//
// Two Secrets cannot be written at once, so the replicas first agree on a name for the password (pendingKey), then on
// the password of that name in InitialPassword, and only then put its hash in force. A password of another name, left
// from before, is never taken up again. made tells whether this call put a new password in force.
func (a *Auth) Bootstrap(ctx context.Context) (made bool, err error) {
	defer problem.Wrap(&err, "make the first password and signing key")
	st, err := a.state()
	if err != nil {
		return false, err
	}
	admin := st.accounts[Admin].Enabled || st.accounts[Admin].wrong != nil
	key, err := newKey()
	if err != nil {
		return false, err
	}
	var pending string
	err = a.options.Records.Change(ctx, SettingsSecret, func(data map[string][]byte) error {
		if len(bytes.TrimSpace(data["server.secretkey"])) == 0 {
			data["server.secretkey"] = key
		}
		pending = ""
		switch {
		case !admin:
		case len(data["admin.password"]) == 0:
			if len(data[pendingKey]) == 0 {
				data[pendingKey] = []byte(rand.Text())
			}
			pending = string(data[pendingKey])
		case !isTime(data["admin.passwordMtime"]): // as Argo CD does; tokens from before are refused
			data["admin.passwordMtime"] = a.mtime()
		}
		return nil
	})
	if err != nil || pending == "" {
		return false, err
	}
	fresh := rand.Text() // 130 bits
	var password string
	err = a.options.Records.Change(ctx, InitialPassword, func(data map[string][]byte) error {
		if string(data[pendingKey]) != pending || len(data["password"]) == 0 {
			data[pendingKey], data["password"] = []byte(pending), []byte(fresh)
		}
		password = string(data["password"])
		return nil
	})
	if err != nil {
		return false, err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return false, problem.New(problem.Internal, "%s: the password cannot be hashed", InitialPassword)
	}
	err = a.options.Records.Change(ctx, SettingsSecret, func(data map[string][]byte) error {
		made = false
		if string(data[pendingKey]) != pending || len(data["admin.password"]) > 0 {
			return nil // another replica was here
		}
		delete(data, pendingKey)
		data["admin.password"], data["admin.passwordMtime"], made = hash, a.mtime(), true
		return nil
	})
	return made && err == nil, err
}

// mtime is the text of passwordMtime for a password that changes now. It has whole seconds, as the iat of tokens has; it
// is rounded up, so that a token of the same second is older.
func (a *Auth) mtime() []byte {
	return []byte(a.now().UTC().Truncate(time.Second).Add(time.Second).Format(time.RFC3339))
}

func isTime(text []byte) bool {
	_, err := time.Parse(time.RFC3339, string(text))
	return err == nil
}

// newKey returns a signing key of 256 bits, as text: people paste Secrets.
func newKey() ([]byte, error) {
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return nil, problem.New(problem.Internal, "the machine gives no random numbers")
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}
