package auth

import (
	"slices"
	"strings"
	"time"
)

// Issuer is the iss of the tokens that we sign for accounts and project roles: Argo CD's.
const Issuer = "argocd"

// Kind says what sort of caller an Identity is.
type Kind int

// The kinds of callers.
const (
	Nobody    Kind = iota // the zero Identity: nothing is known, and nothing may be done
	Anonymous             // no token was shown, and users.anonymous.enabled is true
	Local                 // an account of argocd-cm
	Project               // a role of a project
	SSO                   // somebody whom an issuer vouches for
	Operator              // who runs this very process, with their own rights in the cluster
)

// String returns the word for logs.
func (k Kind) String() string {
	return [...]string{"nobody", "anonymous", "account", "project role", "sso", "operator"}[max(0, min(int(k), int(Operator)))]
}

// Bounds on what is believed of an issuer's claims.
const (
	maxGroups = 10000
	maxGroup  = 1024 // bytes of one value
)

// Identity is who is calling. Only this package makes one that is of use: the zero value, which comes with every error,
// is Nobody and answers every question with nothing.
type Identity struct {
	kind            Kind
	subject         string // account, proj:<project>:<role>, or the issuer's id of the user
	issuer          string
	email           string
	id              string // jti
	family          string // key of RevokedTokens
	capability      string // of a Local token
	issued, expires time.Time
	claims          map[string][]string // of SSO: every claim that is a string or a list of strings
	own             *claims             // of the token, if it is one of ours
}

// Kind returns what sort of caller it is.
func (i Identity) Kind() Kind { return i.kind }

// LoggedIn reports whether somebody proved who they are.
func (i Identity) LoggedIn() bool { return i.kind > Anonymous }

// Subject is the name that permissions are given to: the account, proj:<project>:<role>, or the issuer's id of the user
// (federated_claims.user_id where Dex sets it, else sub); empty for Anonymous and Nobody. An SSO subject is never the
// name of an account, and never begins with proj: or role:.
func (i Identity) Subject() string { return i.subject }

// Username is the name that people recognise: an SSO user's email address where there is one, else the subject.
func (i Identity) Username() string {
	if i.email != "" {
		return i.email
	}
	return i.subject
}

// Issuer is who vouches: Issuer for accounts and projects, the issuer's URL for SSO.
func (i Identity) Issuer() string { return i.issuer }

// Role returns the project and the role of a Project identity, and empty strings for others.
func (i Identity) Role() (project, role string) {
	if i.kind != Project {
		return "", ""
	}
	project, role, _ = strings.Cut(strings.TrimPrefix(i.subject, "proj:"), ":")
	return project, role
}

// Groups returns the values of the claims that scopes names (scopes of argocd-rbac-cm; none: groups). A claim that is
// missing, or is neither a string nor a list of strings, gives none, and neither does a value that begins with role: or
// proj:, because those are names of ours.
func (i Identity) Groups(scopes []string) (groups []string) {
	if len(scopes) == 0 {
		scopes = []string{"groups"}
	}
	for _, scope := range scopes {
		for _, v := range i.claims[scope] {
			if v != "" && !reserved(v) {
				groups = append(groups, v)
			}
		}
	}
	return groups
}

// reserved reports whether a foreign name would be taken for one of ours.
func reserved(name string) bool {
	return strings.HasPrefix(name, "role:") || strings.HasPrefix(name, "proj:")
}

// Exchanged reports whether the token came out of Exchange: it is to be good for a job, and not to leave anything behind
// that lasts longer.
func (i Identity) Exchanged() bool { return i.own != nil && i.own.Rule != "" }

// TokenID is the jti, for the audit log; empty where the issuer sets none.
func (i Identity) TokenID() string { return i.id }

// IssuedAt is when the token was issued.
func (i Identity) IssuedAt() time.Time { return i.issued }

// ExpiresAt is when the token expires; zero for never.
func (i Identity) ExpiresAt() time.Time { return i.expires }

// String names the caller for logs.
func (i Identity) String() string {
	if i.subject == "" {
		return i.kind.String()
	}
	return i.kind.String() + " " + i.Username()
}

// plainClaims keeps the claims that are a string or a list of strings, within bounds. A list with anything else in it
// is malformed, and left out as a whole.
func plainClaims(raw map[string]any) map[string][]string {
	out := map[string][]string{}
	for name, v := range raw {
		switch v := v.(type) {
		case string:
			if len(v) <= maxGroup {
				out[name] = []string{v}
			}
		case []any:
			if len(v) > maxGroups {
				continue
			}
			list := make([]string, 0, len(v))
			for _, e := range v {
				s, ok := e.(string)
				if !ok || len(s) > maxGroup {
					list = nil
					break
				}
				list = append(list, s)
			}
			if len(list) > 0 {
				out[name] = slices.Compact(list)
			}
		}
	}
	return out
}

// TheOperator is the one person whom a process without a loop serves (hawser --core): what they may do is decided by the
// API server of the cluster, whose credentials are theirs.
func TheOperator() Identity {
	return Identity{kind: Operator, subject: "operator", issuer: "kubeconfig"}
}

// Vouched is a person on whose behalf a hub calls its agent. What they may do was decided there.
func Vouched(name string) Identity {
	return Identity{kind: Operator, subject: name, issuer: "hub"}
}
