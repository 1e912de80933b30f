package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/hawser-cd/hawser/internal/problem"
)

// ssoIssuer is the iss of sessions that we sign for people, where only the issuer's user info endpoint tells their
// groups: Argo CD keeps those in a cache, which another replica or a restart does not have.
const ssoIssuer = "hawser"

// verifyForeign checks an ID token that an issuer signed.
func (a *Auth) verifyForeign(ctx context.Context, token string) (Identity, error) {
	st, err := a.state()
	if err != nil {
		return Identity{}, err
	}
	i := st.issuers[unverifiedIssuer(token)]
	if i == nil {
		return Identity{}, refuse("the token's issuer is not configured")
	}
	idToken, raw, err := a.issuers.of(st, i, a.now).verify(ctx, token, i.AllowedAudiences, a.now())
	if err != nil {
		return Identity{}, err
	}
	return st.vouched(i, idToken, raw, token)
}

// unverifiedIssuer reads iss from a token that nobody has checked: it chooses whose keys are tried, no more.
func unverifiedIssuer(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(text, &c) != nil {
		return ""
	}
	return c.Issuer
}

// vouched makes the identity of a checked ID token.
func (st *state) vouched(i *issuer, t *oidc.IDToken, raw map[string]any, token string) (Identity, error) {
	id := Identity{
		kind: SSO, subject: t.Subject, issuer: i.Issuer, issued: t.IssuedAt, expires: t.Expiry,
		family: familyOfForeign(token), claims: plainClaims(raw),
	}
	id.id, _ = raw["jti"].(string)
	id.email, _ = raw["email"].(string)
	if federated, ok := raw["federated_claims"].(map[string]any); ok { // Dex
		if user, _ := federated["user_id"].(string); user != "" {
			id.subject = user
		}
	}
	if err := st.mayBeCalled(id.subject); err != nil {
		return Identity{}, err
	}
	if st.isRevoked(id) {
		return Identity{}, errRevoked()
	}
	return id, nil
}

// mayBeCalled refuses a subject of an issuer that is a name of ours: permissions go by subject, and whoever may choose
// a user name at the issuer would be admin here.
func (st *state) mayBeCalled(subject string) error {
	if _, taken := st.accounts[subject]; taken || reserved(subject) || len(subject) > maxGroup {
		return problem.New(problem.Unauthenticated, "the issuer's user has the name of a local account or role").
			WithHint("rename one of the two, or let the issuer use ids as subjects")
	}
	return nil
}

// identifySession reads a session that we signed for somebody whom an issuer vouched for.
func (st *state) identifySession(id *Identity, c *claims) error {
	id.kind, id.issuer, id.capability = SSO, c.Issuer, CapabilityLogin
	id.email, id.claims = c.Email, c.Told
	if st.issuers[c.Issuer] == nil {
		return refuse("the token's issuer is not configured")
	}
	return st.mayBeCalled(c.Subject)
}
