package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

const (
	minKey          = 16 // bytes of server.secretkey; Argo CD and we make 44
	defaultSession  = 24 * time.Hour
	defaultPassword = `^.{8,32}$` // Argo CD's passwordPattern
)

// state is a snapshot, understood. It never changes.
type state struct {
	version   string
	key       []byte              // server.secretkey
	sealer    cipher.AEAD         // for what a browser keeps for us; nil without a key
	counting  []byte              // keys the hashes of failed logins, so that nobody can aim at a counter
	accounts  map[string]*Account // by name; admin is always there
	anonymous bool                // users.anonymous.enabled
	session   time.Duration       // users.session.duration
	pattern   *regexp.Regexp      // passwordPattern
	issuers   map[string]*issuer  // by issuer URL, of oidc.config and hawser.oidc.issuers
	order     []string            // their URLs, as configured
	rules     []*rule             // hawser.tokenExchange
	revoked   map[string][]byte   // RevokedTokens
	failures  func() *failures    // FailedLogins, read when somebody logs in
	origins   []string            // url and additionalUrls
	problems  []error
}

// parse understands a snapshot. What cannot be understood is reported in problems, and off.
func parse(s Snapshot) *state {
	secret := s.Secrets[SettingsSecret]
	st := &state{
		version: s.Version, key: secret["server.secretkey"],
		anonymous: s.CM["users.anonymous.enabled"] == "true",
		session:   defaultSession, pattern: regexp.MustCompile(defaultPassword),
		revoked: s.Secrets[RevokedTokens],
		failures: sync.OnceValue(func() *failures {
			f := readFailures(s.Secrets[FailedLogins])
			return &f
		}),
	}
	if len(st.key) >= minKey {
		st.sealer = sealer(st.key)
		st.counting = derive(st.key, "failed logins")
	}
	st.accounts = st.parseAccounts(s.CM, secret)
	st.parseSession(s.CM)
	st.parseIssuers(s)
	st.parseRules(s.CM)
	return st
}

func (st *state) problem(err error) { st.problems = append(st.problems, err) }

func (st *state) parseSession(cm map[string]string) {
	if text := strings.TrimSpace(cm["users.session.duration"]); text != "" {
		if d, ok := duration(text); ok && d >= time.Minute && d <= 366*24*time.Hour {
			st.session = d
		} else {
			st.problem(problem.New(problem.Invalid, "%s: users.session.duration %q is no duration from 1m to 366d: %s counts", SettingsMap, short(text), defaultSession))
		}
	}
	if text := cm["passwordPattern"]; text != "" {
		if re, err := regexp.Compile(text); err == nil && len(text) <= 1024 {
			st.pattern = re
		} else {
			st.problem(problem.New(problem.Invalid, "%s: passwordPattern is no regular expression: %s counts", SettingsMap, defaultPassword))
		}
	}
	for _, u := range append([]string{cm["url"]}, stringList(cm["additionalUrls"])...) {
		if u = strings.TrimSpace(u); u != "" {
			st.origins = append(st.origins, u)
		}
	}
}

// duration reads what time.ParseDuration reads, and days: 7d.
func duration(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// derive makes a key of 32 bytes for one purpose: what is sealed for a browser is never a signature, and the other way
// round.
func derive(key []byte, purpose string) []byte {
	out, err := hkdf.Key(sha256.New, key, nil, "hawser "+purpose, 32)
	if err != nil {
		panic(err) // only for lengths that SHA-256 cannot give
	}
	return out
}

func sealer(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(derive(key, "sealed"))
	if err != nil {
		panic(err) // only for keys of another length than 16, 24 and 32
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// short bounds a setting's text in a message.
func short(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
