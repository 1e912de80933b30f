package auth

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Admin is the account that is always there.
const Admin = "admin"

// Capabilities of accounts, as argocd-cm and the subjects of tokens spell them.
const (
	CapabilityLogin  = "login"  // may log in with a password
	CapabilityAPIKey = "apiKey" // may have tokens
)

// maxAccountTokens bounds the list of one account: all of them share one Secret of 1 MiB.
const maxAccountTokens = 1000

// Account is a local account, as argocd-cm and argocd-secret describe it.
type Account struct {
	Name         string
	Enabled      bool
	Capabilities []string
	Tokens       []TokenRecord // as listed

	hash  []byte    // bcrypt; empty: nobody can log in
	mtime time.Time // when the password was changed; tokens from before are refused
	wrong error     // the account cannot be understood, and cannot be used
}

// TokenRecord says that a token was issued. Times are Unix seconds; the JSON is Argo CD's.
type TokenRecord struct {
	ID        string `json:"id"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp,omitempty"` // 0: never
}

// Can reports whether the account has the capability.
func (acc Account) Can(capability string) bool { return slices.Contains(acc.Capabilities, capability) }

// Accounts returns all accounts, by name.
func (a *Auth) Accounts() ([]Account, error) {
	st, err := a.state()
	if err != nil {
		return nil, err
	}
	var out []Account
	for _, name := range sortedKeys(st.accounts) {
		out = append(out, *st.accounts[name])
	}
	return out, nil
}

// Account returns one account; problem.NotFound when there is none of that name.
func (a *Auth) Account(name string) (Account, error) {
	st, err := a.state()
	if err != nil {
		return Account{}, err
	}
	acc, err := st.account(name)
	if err != nil {
		return Account{}, err
	}
	return *acc, nil
}

func (st *state) account(name string) (*Account, error) {
	acc, ok := st.accounts[name]
	if !ok {
		return nil, problem.New(problem.NotFound, "account '%s' does not exist", short(name))
	}
	return acc, nil
}

// secretKey is the key of argocd-secret that holds a field of an account (Argo CD's).
func secretKey(account, field string) string {
	if account == Admin {
		return "admin." + field
	}
	return "accounts." + account + "." + field
}

// parseAccounts reads accounts.<name>, accounts.<name>.enabled and admin.enabled, and what argocd-secret has for them.
// Argo CD reads no account at all when one is malformed; here the malformed one is off.
func (st *state) parseAccounts(cm map[string]string, secret map[string][]byte) map[string]*Account {
	accounts := map[string]*Account{Admin: {Name: Admin, Enabled: true, Capabilities: []string{CapabilityLogin}}}
	named := func(name string) *Account {
		if accounts[name] == nil {
			accounts[name] = &Account{Name: name, Enabled: true}
		}
		return accounts[name]
	}
	switchOf := func(acc *Account, key string) {
		on, err := strconv.ParseBool(cm[key])
		if err != nil {
			acc.wrong = problem.New(problem.Invalid, "%s: %s is neither true nor false: account '%s' is off", SettingsMap, key, acc.Name)
		}
		acc.Enabled = acc.Enabled && on
	}
	for _, key := range sortedKeys(cm) {
		name, ok := strings.CutPrefix(key, "accounts.")
		if !ok {
			continue
		}
		name, field, _ := strings.Cut(name, ".")
		switch {
		case name == "":
		case field == "":
			acc := named(name)
			for _, c := range strings.Split(cm[key], ",") {
				switch c = strings.TrimSpace(c); {
				case c != CapabilityLogin && c != CapabilityAPIKey:
					if c != "" {
						st.problem(problem.New(problem.Invalid, "%s: %s names %q, which is neither login nor apiKey", SettingsMap, key, short(c)))
					}
				case !acc.Can(c):
					acc.Capabilities = append(acc.Capabilities, c)
				}
			}
		case field == "enabled":
			switchOf(named(name), key)
		default:
			st.problem(problem.New(problem.Invalid, "%s: %s is not a setting of an account", SettingsMap, key))
		}
	}
	if _, ok := cm["admin.enabled"]; ok {
		switchOf(accounts[Admin], "admin.enabled")
	}
	for _, name := range sortedKeys(accounts) {
		acc := accounts[name]
		acc.read(secret)
		if acc.wrong != nil {
			acc.Enabled = false
			st.problem(acc.wrong)
		}
	}
	return accounts
}

// read takes the account's fields of argocd-secret. Times or lists that cannot be read switch the account off: to guess
// them would let tokens live on that were meant to die.
func (acc *Account) read(secret map[string][]byte) {
	acc.hash = secret[secretKey(acc.Name, "password")]
	if text := secret[secretKey(acc.Name, "passwordMtime")]; len(text) > 0 {
		t, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			acc.wrong = problem.New(problem.Invalid, "%s: %s is not a time in RFC 3339: account '%s' is off", SettingsSecret, secretKey(acc.Name, "passwordMtime"), acc.Name)
		}
		acc.mtime = t
	}
	tokens, err := readTokens(acc.Name, secret)
	if err != nil {
		acc.wrong = err
	}
	acc.Tokens = tokens
}

// readTokens reads the list of an account's tokens in argocd-secret.
func readTokens(account string, secret map[string][]byte) (tokens []TokenRecord, err error) {
	key := secretKey(account, "tokens")
	if len(secret[key]) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(secret[key], &tokens); err != nil {
		return nil, problem.New(problem.Invalid, "%s: %s is not a list of tokens in JSON: account '%s' is off", SettingsSecret, key, account)
	}
	return tokens, nil
}

// usable says why an account cannot be used with that capability; the texts are Argo CD's.
func (acc *Account) usable(capability string) error {
	switch {
	case acc.wrong != nil:
		return problem.New(problem.Unauthenticated, "account %s cannot be used: its settings are malformed", acc.Name)
	case !acc.Enabled:
		return problem.New(problem.Unauthenticated, "account %s is disabled", acc.Name)
	case !acc.Can(capability):
		return problem.New(problem.Unauthenticated, "account %s does not have '%s' capability", acc.Name, capability)
	}
	return nil
}

// lists reports whether the account lists the token, unexpired. A record without an id is of Argo CD's first releases:
// it is told by its time.
func (acc *Account) lists(id string, issued int64, now time.Time) bool {
	return slices.ContainsFunc(acc.Tokens, func(t TokenRecord) bool {
		return (t.ID == id || t.ID == "" && t.IssuedAt == issued) && (t.ExpiresAt == 0 || now.Unix() < t.ExpiresAt)
	})
}
