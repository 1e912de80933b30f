package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// maxRevoked bounds the entries of RevokedTokens: about 80 bytes each on the wire, in a Secret of at most 1 MiB.
const maxRevoked = 10000

// The Secret RevokedTokens has two sorts of entries. Ids and names are hashed: they are foreign text, and a key of a
// Secret has a small alphabet.
//
//	t.<hash of the token>        <exp> <hash of the subject>     this token, and all renewals of it
//	s.<hash of the subject>      <exp> <issued before>           all tokens of the subject that were issued before
//
// Times are Unix seconds; an exp of 0 is never. An entry is dropped at the first write after exp.
type entry struct {
	expires int64
	subject string // of t.
	before  int64  // of s.
}

func hashOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// familyOf names a token of ours, with its renewals.
func familyOf(issuer, id string) string { return "t." + hashOf("id", issuer, id) }

// familyOfForeign names an ID token by what was signed: not every issuer sets a jti, and a signature can have more than
// one spelling.
func familyOfForeign(token string) string {
	return "t." + hashOf("token", token[:strings.LastIndexByte(token, '.')])
}

// isRevoked reports whether the token, or all of the subject's tokens of that age, were revoked. Entries that cannot
// be read revoke.
func (st *state) isRevoked(id Identity) bool {
	if _, ok := st.revoked[id.family]; ok {
		return true
	}
	if text, ok := st.revoked["s."+hashOf(id.issuer, id.subject)]; ok {
		e, ok := readEntry("s.", text)
		return !ok || id.issued.Unix() <= e.before
	}
	return false
}

func readEntry(key string, text []byte) (e entry, ok bool) {
	var err error
	if strings.HasPrefix(key, "s.") {
		_, err = fmt.Sscanf(string(text), "%d %d", &e.expires, &e.before)
	} else {
		_, err = fmt.Sscanf(string(text), "%d %s", &e.expires, &e.subject)
	}
	return e, err == nil
}

// Logout revokes the token: when it returns, no replica that has seen the change takes it, or a renewal of it, again.
// It returns whose token it was. A token that is not good any more needs no revocation and is an error as in Verify.
func (a *Auth) Logout(ctx context.Context, token string) (Identity, error) {
	id, _, err := a.Verify(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	now := a.now()
	var until int64
	if !id.expires.IsZero() {
		// A renewal that is under way on another replica lives as long again, from now.
		until = now.Add(max(id.expires.Sub(id.issued), id.expires.Sub(now)) + renewBefore).Unix()
	}
	subject := hashOf(id.issuer, id.subject)
	return id, a.revoke(ctx, now, func(data map[string][]byte) {
		data[id.family] = fmt.Appendf(nil, "%d %s", until, subject)
	})
}

// RevokeSubject revokes all tokens of a subject (Identity.Issuer and Identity.Subject) that were issued up to now.
// API tokens of an account and tokens of a role go as well.
func (a *Auth) RevokeSubject(ctx context.Context, issuer, subject string) error {
	now := a.now()
	return a.revoke(ctx, now, func(data map[string][]byte) {
		data["s."+hashOf(issuer, subject)] = fmt.Appendf(nil, "%d %d", 0, now.Unix()+1) // the iat of a token can lie a second ahead, see mtime
	})
}

// revoke writes RevokedTokens: the new entry goes in, expired ones go out, and where there are too many the subject with
// most of them loses all of its tokens at once. That is more than was asked for, never less.
func (a *Auth) revoke(ctx context.Context, now time.Time, add func(data map[string][]byte)) error {
	return a.options.Records.Change(ctx, RevokedTokens, func(data map[string][]byte) error {
		add(data)
		count := map[string]int{}
		for key, text := range data {
			e, ok := readEntry(key, text)
			switch {
			case ok && e.expires != 0 && e.expires < now.Unix():
				delete(data, key)
			case ok && e.subject != "":
				count[e.subject]++
			}
		}
		for len(data) > maxRevoked {
			most, n := "", 1
			for subject, c := range count {
				if c > n || c == n && n > 1 && subject < most {
					most, n = subject, c
				}
			}
			if most == "" {
				return problem.New(problem.Limit, "more than %d tokens are revoked and have not expired", maxRevoked).
					WithHint("shorten users.session.duration, or end all sessions: remove server.secretkey from %s and restart", SettingsSecret)
			}
			collapse(data, most, now)
			delete(count, most)
		}
		return nil
	})
}

// collapse replaces the entries of one subject by one for all of its tokens.
func collapse(data map[string][]byte, subject string, now time.Time) {
	all := entry{before: now.Unix() + 1} // as in RevokeSubject
	never := false
	for key, text := range data {
		if e, ok := readEntry(key, text); ok && e.subject == subject {
			all.expires, never = max(all.expires, e.expires), never || e.expires == 0
			delete(data, key)
		}
	}
	if e, ok := readEntry("s.", data["s."+subject]); ok {
		all.expires, never = max(all.expires, e.expires), never || e.expires == 0
	}
	if never {
		all.expires = 0
	}
	data["s."+subject] = fmt.Appendf(nil, "%d %d", all.expires, all.before)
}

// RevokeEverything makes a new signing key: every session, account token and project token ends, and so do logins that
// are under way. It is the answer to a restored backup, which brings revoked tokens back to life, and to a stolen key.
func (a *Auth) RevokeEverything(ctx context.Context) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	return a.options.Records.Change(ctx, SettingsSecret, func(data map[string][]byte) error {
		data["server.secretkey"] = key
		return nil
	})
}
