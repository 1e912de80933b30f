package catalog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Accounts is everything that says who may log in, and how, as one immutable value: argocd-cm, argocd-secret, and the
// Secrets that settings may refer to and that we keep ourselves (all that have the label app.kubernetes.io/part-of:
// argocd). No formatter, encoder or logger shows what is in it.
type Accounts struct {
	Version  uint64            // another one whenever anything of it is; counted by this process
	Settings map[string]string // argocd-cm; must not be changed

	vault   map[string]string
	secrets map[string]map[string]string
}

// Accounts returns the records of accounts as they are now.
func (c *Catalog) Accounts() *Accounts { return c.accounts.Load() }

// Vault returns a value of argocd-secret.
func (a *Accounts) Vault(key string) (Secret, bool) {
	value, ok := a.vault[key]
	return NewSecret(value), ok
}

// VaultKeys returns the keys of argocd-secret, sorted.
func (a *Accounts) VaultKeys() []string { return sortedKeys(a.vault) }

// Secret returns what one of our Secrets holds, argocd-secret too; false when there is none with the label. The map is
// the caller's.
func (a *Accounts) Secret(name string) (map[string][]byte, bool) {
	values, ok := a.secrets[name]
	if name == settingsVault {
		values, ok = a.vault, a.vault != nil
	}
	out := make(map[string][]byte, len(values))
	for key, value := range values {
		out[key] = []byte(value)
	}
	return out, ok
}

// SecretNames returns the names of the Secrets of Accounts, sorted; argocd-secret may be among them.
func (a *Accounts) SecretNames() []string { return sortedKeys(a.secrets) }

// Resolve returns what a value of a setting means: of $key a value of argocd-secret, of $name:key one of another Secret
// with the label, of everything else itself. A reference that leads nowhere is NotFound; Argo CD takes it for a value
// that begins with a dollar, and so would a password's name be its value.
func (a *Accounts) Resolve(value string) (Secret, error) {
	ref, is := strings.CutPrefix(strings.TrimSpace(value), "$")
	if !is {
		return NewSecret(value), nil
	}
	from, key, where := a.vault, ref, settingsVault
	if name, k, ok := strings.Cut(ref, ":"); ok {
		from, key, where = a.secrets[name], k, name
	}
	found, ok := from[key]
	if !ok {
		return Secret{}, problem.New(problem.NotFound, "the reference $%s leads to no key of Secret %s", ref, where).
			WithHint("other Secrets than %s need the label %s: %s", settingsVault, partOfLabel, partOf)
	}
	return NewSecret(strings.TrimRight(found, "\r\n")), nil
}

// String says which version it is.
func (a *Accounts) String() string { return fmt.Sprintf("accounts, version %d", a.Version) }

// GoString is String.
func (a *Accounts) GoString() string { return a.String() }

// Format writes String whatever the verb.
func (a *Accounts) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(a.String())) }

// LogValue is String.
func (a *Accounts) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalJSON is String as a JSON string.
func (a *Accounts) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", a.String()), nil }

// rebuildAccounts makes the value anew. c.mu is held.
func (c *Catalog) rebuildAccounts() {
	if !c.ready {
		return
	}
	a := &Accounts{Version: 1, Settings: c.records.maps[settingsMap], vault: c.records.vault, secrets: make(map[string]map[string]string, len(c.labelled))}
	for name, s := range c.labelled {
		a.secrets[name] = s.data
	}
	if before := c.accounts.Load(); before != nil {
		a.Version = before.Version + 1
	}
	c.accounts.Store(a)
}

// The Secrets that ChangeSecret writes: Argo CD's two, and those whose names begin with ours.
var accountSecrets = []string{settingsVault, "argocd-initial-admin-secret"}

const ownPrefix = "hawser-"

// ChangeSecret has change change what one of our Secrets holds, and writes it under the condition that nobody else has
// meanwhile; change is called again with what there is by then when somebody has, so it must decide by what it is given.
// An error of change ends it, and is returned as it is. A Secret that does not exist is given as empty and created, with
// the label that makes it one of Accounts. Afterwards Accounts has what was written.
//
// Other names than argocd-secret, argocd-initial-admin-secret and hawser-… are Forbidden, and so are Secrets that are
// records of repositories or clusters. It is Limit when the Secret would become too large.
func (c *Catalog) ChangeSecret(ctx context.Context, name string, change func(data map[string][]byte) error) error {
	if !slices.Contains(accountSecrets, name) && !strings.HasPrefix(name, ownPrefix) {
		return problem.New(problem.Forbidden, "the Secret %s is not ours to change", name)
	}
	var refused error
	_, err := c.editRecord(ctx, secrets, name, func(d *draft) error {
		if d.label(secretTypeLabel) != "" {
			return problem.New(problem.Forbidden, "it is a record of a %s", d.label(secretTypeLabel))
		}
		data := make(map[string][]byte, len(d.values))
		for key, value := range d.values {
			data[key] = []byte(value)
		}
		if refused = change(data); refused != nil {
			return refused
		}
		if d.missing || d.label(partOfLabel) == "" {
			d.setLabel(partOfLabel, partOf)
		}
		if maps.EqualFunc(data, d.values, func(b []byte, s string) bool { return bytes.Equal(b, []byte(s)) }) {
			return nil
		}
		clear(d.values)
		for key, value := range data {
			d.values[key] = string(value)
		}
		return nil
	})
	if refused != nil {
		return refused
	}
	return err
}
