package auth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

const maxTokenID = 256 // bytes of an id that a person chose

// CreateToken makes a token for an account with the capability apiKey, and lists it. id may be empty: one is made up.
// A lifetime of 0 is for ever. The token is returned this once, and kept nowhere.
//
// Errors: problem.NotFound, problem.Invalid (no such capability; id taken), problem.Limit, and those of Records.
func (a *Auth) CreateToken(ctx context.Context, account, id string, lifetime time.Duration) (token string, err error) {
	st, acc, err := a.tokenHolder(account)
	if err != nil {
		return "", err
	}
	if id, err = tokenID(id, lifetime); err != nil {
		return "", err
	}
	if !acc.Can(CapabilityAPIKey) {
		return "", problem.New(problem.Invalid, "account '%s' does not have apiKey capability", account).
			WithHint("set accounts.%s: apiKey in %s", account, SettingsMap)
	}
	token, c, err := st.issue(account+":"+CapabilityAPIKey, id, a.now(), acc.mtime, lifetime)
	if err != nil {
		return "", err
	}
	record := TokenRecord{ID: id, IssuedAt: c.IssuedAt.Unix()}
	if lifetime > 0 {
		record.ExpiresAt = c.ExpiresAt.Unix()
	}
	err = a.changeTokens(ctx, account, func(tokens []TokenRecord) ([]TokenRecord, error) {
		switch {
		case slices.ContainsFunc(tokens, func(t TokenRecord) bool { return t.ID == id }):
			return nil, problem.New(problem.Invalid, "account already has token with id '%s'", id)
		case len(tokens) >= maxAccountTokens:
			return nil, problem.New(problem.Limit, "account '%s' has %d tokens already", account, len(tokens)).WithHint("delete tokens that nobody needs")
		}
		return append(tokens, record), nil
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// DeleteToken takes the token from the account's list, which ends it on every replica. problem.NotFound when the account
// or the token is not there.
func (a *Auth) DeleteToken(ctx context.Context, account, id string) error {
	if _, _, err := a.tokenHolder(account); err != nil {
		return err
	}
	return a.changeTokens(ctx, account, func(tokens []TokenRecord) ([]TokenRecord, error) {
		left := slices.DeleteFunc(slices.Clone(tokens), func(t TokenRecord) bool { return t.ID == id })
		if len(left) == len(tokens) {
			return nil, problem.New(problem.NotFound, "token with id '%s' does not exist", short(id))
		}
		return left, nil
	})
}

func (a *Auth) tokenHolder(account string) (*state, *Account, error) {
	st, err := a.signing()
	if err != nil {
		return nil, nil, err
	}
	acc, err := st.account(account)
	return st, acc, err
}

// changeTokens changes the account's list in argocd-secret. A list that cannot be read is not written over.
func (a *Auth) changeTokens(ctx context.Context, account string, change func([]TokenRecord) ([]TokenRecord, error)) error {
	return a.options.Records.Change(ctx, SettingsSecret, func(data map[string][]byte) error {
		tokens, err := readTokens(account, data)
		if err != nil {
			return err
		}
		if tokens, err = change(tokens); err != nil {
			return err
		}
		key := secretKey(account, "tokens")
		if len(tokens) == 0 {
			delete(data, key)
			return nil
		}
		data[key], err = json.Marshal(tokens)
		return err
	})
}

// ProjectToken makes a token for a role of a project. It is good once the project lists the record in
// status.jwtTokensByRole, which is the caller's to write, as is the check that the id is not taken.
func (a *Auth) ProjectToken(project, role, id string, lifetime time.Duration) (token string, record v1alpha1.JWTToken, err error) {
	st, err := a.signing()
	if err != nil {
		return "", record, err
	}
	if project == "" || role == "" || strings.Contains(project+role, ":") {
		return "", record, problem.New(problem.Invalid, "project '%s' and role '%s' make no subject of a token", short(project), short(role))
	}
	if id, err = tokenID(id, lifetime); err != nil {
		return "", record, err
	}
	token, c, err := st.issue("proj:"+project+":"+role, id, a.now(), time.Time{}, lifetime)
	if err != nil {
		return "", record, err
	}
	record = v1alpha1.JWTToken{ID: id, IssuedAt: c.IssuedAt.Unix()}
	if lifetime > 0 {
		record.ExpiresAt = c.ExpiresAt.Unix()
	}
	return token, record, nil
}

// tokenID checks a chosen id, or makes one up, and checks the lifetime that was asked for.
func tokenID(id string, lifetime time.Duration) (string, error) {
	switch {
	case lifetime < 0 || lifetime > 0 && lifetime < time.Second:
		return "", problem.New(problem.Invalid, "a token cannot expire %s from now", lifetime)
	case len(id) > maxTokenID:
		return "", problem.New(problem.Limit, "token id of %d bytes: more than %d", len(id), maxTokenID)
	case id == "":
		return rand.Text(), nil
	}
	return id, nil
}
