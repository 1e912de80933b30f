package git

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// Secret is a credential that nothing shows.
type Secret = source.Secret

const masked = "***"

// Repository is where to fetch and with what credentials. Its fields are those of Argo CD's repository and repo-creds
// Secrets.
type Repository struct {
	URL                         string // as fetched: rewrites are applied before
	Username, Password          Secret
	BearerToken                 Secret   // sent instead of username and password
	SSHPrivateKey               Secret   // PEM or OpenSSH
	TLSClientCert, TLSClientKey Secret   // PEM
	CA                          []byte   // PEM; when set, only these are trusted
	Insecure                    bool     // do not verify the server's certificate or, as in Argo CD, its ssh host key
	InsecureIgnoreHostKey       bool     // the older spelling of Insecure for ssh
	ForceBasicAuth              bool     // accepted; credentials are always sent with the first request anyway
	KnownHosts                  []byte   // in the format of ssh_known_hosts
	Proxy, NoProxy              string   // http, https or socks5 URL; only for http(s) repositories
	EnableLFS                   bool     // pointers are read as the large files that they stand for; else they stay pointers
	Identity                    Identity // at its host, instead of credentials; only for http(s)
	Depth                       int64    // commits of history per ref; 0 is all
}

// String returns the URL without credentials.
func (r Repository) String() string { return Redact(r.URL) }

// GoString is String.
func (r Repository) GoString() string { return r.String() }

// LogValue is String.
func (r Repository) LogValue() slog.Value { return slog.StringValue(r.String()) }

// clean checks r and moves credentials from its URL into its fields, so that the URL can be shown and passed on.
func (r Repository) clean(allowFile bool) (Repository, error) {
	r.URL = strings.TrimSpace(r.URL)
	if err := CheckURL(r.URL, allowFile); err != nil {
		return r, err
	}
	if err := checkSSHKey(r); err != nil {
		return r, err
	}
	for _, s := range []Secret{r.Username, r.Password, r.BearerToken} {
		if strings.ContainsAny(s.Reveal(), "\r\n\x00") {
			return r, problem.New(problem.Invalid, "repository %s: a credential holds a line break", r).
				WithHint("encode the Secret's values without a trailing newline (printf, not echo)")
		}
	}
	if !r.http() && !r.Identity.isZero() {
		return r, problem.New(problem.Invalid, "repository %s: its kind of credentials needs an https address", r).WithHint("a GitHub App, a service principal and a service account get tokens, which ssh does not take")
	}
	if !r.http() {
		if r.Proxy != "" && !r.file() {
			return r, problem.New(problem.Invalid, "repository %s: a proxy for ssh repositories is not supported", r).
				WithHint("use an https URL, or remove the proxy")
		}
		return r, nil
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return r, problem.New(problem.Invalid, "repository %s: the URL does not parse", r)
	}
	if u.User != nil {
		if r.Username == "" && r.Password == "" && r.BearerToken == "" {
			pass, _ := u.User.Password()
			r.Username, r.Password = Secret(u.User.Username()), Secret(pass)
		}
		u.User = nil
		r.URL = u.String()
	}
	if r.Username == "" && r.Password != "" {
		r.Username = "git" // hosts that take tokens want some user name
	}
	return r, nil
}

func (r Repository) http() bool {
	s, _, _ := strings.Cut(strings.ToLower(r.URL), "://")
	return s == "http" || s == "https"
}

func (r Repository) file() bool { return strings.HasPrefix(strings.ToLower(r.URL), "file://") }

// access is the fingerprint of the credentials. Mirrors are shared by URL, but nobody reads from one before the
// server has accepted his own credentials: otherwise a tenant could read what another tenant's key had fetched.
func (r Repository) access(key []byte) string {
	h := hmac.New(sha256.New, key)
	for _, s := range []Secret{r.Username, r.Password, r.BearerToken, r.SSHPrivateKey, r.TLSClientCert, r.TLSClientKey} {
		fmt.Fprintf(h, "%d:%s", len(s), s.Reveal())
	}
	if !r.Identity.isZero() {
		for _, s := range r.Identity.parts() {
			fmt.Fprintf(h, "%d:%s", len(s), s)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// secrets returns what must not appear in any text.
func (r Repository) secrets() []string {
	all := []string{r.Password.Reveal(), r.BearerToken.Reveal(), r.basic()}
	if p := r.Identity.Azure; p != nil {
		all = append(all, p.ClientSecret.Reveal())
	}
	if len(r.Username) > 20 { // a token in the user's place
		all = append(all, r.Username.Reveal())
	}
	if u, err := url.Parse(r.Proxy); err == nil && u.User != nil {
		pass, _ := u.User.Password()
		all = append(all, pass)
	}
	return all
}
