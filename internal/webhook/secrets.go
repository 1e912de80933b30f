package webhook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // GitHub's legacy signature is SHA-1
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Secrets are what deliveries must prove, per provider; "" means that none is set. The field comments name the key in
// argocd-secret. They print as ***, so that a value in a log line gives nothing away.
type Secrets struct {
	GitHub          string // webhook.github.secret
	GitLab          string // webhook.gitlab.secret
	Gogs            string // webhook.gogs.secret, also for Gitea and Forgejo
	BitbucketUUID   string // webhook.bitbucket.uuid
	BitbucketServer string // webhook.bitbucketserver.secret
	AzureUsername   string // webhook.azuredevops.username
	AzurePassword   string // webhook.azuredevops.password

	// RefuseUnsigned refuses the deliveries of providers without a secret (hawser.webhook.unsigned: refuse). Without
	// it they are taken as hints, as the field is used to; so a forger can always pose as a provider without one.
	RefuseUnsigned bool
}

// Format prints no secret, whatever the verb.
func (Secrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "webhook.Secrets(***)") }

// MarshalJSON prints no secret.
func (Secrets) MarshalJSON() ([]byte, error) { return []byte(`"***"`), nil }

// admit decides whether a delivery may be read at all.
func (s Secrets) admit(p provider, h Header, body []byte) error {
	switch {
	case p.configured(s):
		if !p.proves(s, h, body) {
			return problem.New(problem.Unauthenticated, "the %s delivery does not carry the proof of the configured secret", p.name).
				WithHint("compare the hook's secret with %s in argocd-secret", p.key)
		}
	case s.RefuseUnsigned:
		return problem.New(problem.Forbidden, "no secret is set for %s, and unsigned deliveries are refused", p.title).
			WithHint("set %s in argocd-secret", p.key)
	}
	return nil
}

// signed reports whether signature is the hex HMAC of body, in constant time over the raw bytes.
func signed(h func() hash.Hash, secret string, body []byte, signature string) bool {
	got, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	mac := hmac.New(h, []byte(secret))
	mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}

// same compares two secrets in constant time; the hashes hide their lengths as well.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return hmac.Equal(x[:], y[:])
}

func githubProves(s Secrets, h Header, body []byte) bool {
	// The stronger signature decides when both are there: a good SHA-1 cannot make up for a bad SHA-256.
	if sig := h("X-Hub-Signature-256"); sig != "" {
		return hubSigned(sha256.New, "sha256=", s.GitHub, body, sig)
	}
	return hubSigned(sha1.New, "sha1=", s.GitHub, body, h("X-Hub-Signature"))
}

func hubSigned(h func() hash.Hash, prefix, secret string, body []byte, signature string) bool {
	digits, ok := strings.CutPrefix(signature, prefix)
	return ok && signed(h, secret, body, digits)
}

func gitlabProves(s Secrets, h Header, _ []byte) bool {
	return same(h("X-Gitlab-Token"), s.GitLab) // GitLab repeats the secret; it signs nothing
}

func giteaProves(s Secrets, h Header, body []byte) bool {
	for _, name := range []string{"X-Forgejo-Signature", "X-Gitea-Signature", "X-Gogs-Signature"} {
		if sig := h(name); sig != "" {
			return signed(sha256.New, s.Gogs, body, sig)
		}
	}
	return hubSigned(sha256.New, "sha256=", s.Gogs, body, h("X-Hub-Signature-256"))
}

// Bitbucket Cloud writes the identifier with braces in some places and without in others.
func bitbucketProves(s Secrets, h Header, _ []byte) bool {
	return same(strings.Trim(h("X-Hook-UUID"), "{}"), strings.Trim(s.BitbucketUUID, "{}"))
}

func bitbucketServerProves(s Secrets, h Header, body []byte) bool {
	return hubSigned(sha256.New, "sha256=", s.BitbucketServer, body, h("X-Hub-Signature"))
}

func azureProves(s Secrets, h Header, _ []byte) bool {
	scheme, encoded, _ := strings.Cut(h("Authorization"), " ")
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	user, password, ok := strings.Cut(string(text), ":")
	// Both are compared even when the first is wrong, so that the time tells nothing about which one was.
	userOK, passwordOK := same(user, s.AzureUsername), same(password, s.AzurePassword)
	return err == nil && ok && strings.EqualFold(scheme, "Basic") && userOK && passwordOK
}
