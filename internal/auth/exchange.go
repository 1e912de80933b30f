package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

const (
	maxRules        = 200
	maxExchange     = time.Hour
	defaultExchange = 15 * time.Minute
	maxJobToken     = 16 << 10 // bytes of a token that is exchanged
)

// ruleSetting is one element of hawser.tokenExchange in argocd-cm: whose tokens become whose, for a while.
type ruleSetting struct {
	Issuer     string            `json:"issuer"`     // an OpenID issuer, of a CI system for example
	Kubernetes bool              `json:"kubernetes"` // instead: service account tokens of our own cluster
	Audience   string            `json:"audience"`   // that the token must name
	Match      map[string]string `json:"match"`      // claim → glob; all must match. * stops at a slash, ** does not
	As         string            `json:"as"`         // proj:<project>:<role>, or an account with apiKey
	Duration   string            `json:"duration"`   // of the token that is given out; 15m, at most 1h
	RootCA     string            `json:"rootCA"`     // of the issuer
}

// rule is a setting, understood.
type rule struct {
	ruleSetting
	issuer   *issuer // nil for Kubernetes
	lifetime time.Duration
	subject  string // of the tokens that are given out
	id       string // hash of the setting: tokens die with the rule that they came from
}

// Reviewer asks the API server whose service account token it is; daemon has one.
type Reviewer interface {
	// Review returns the user name (system:serviceaccount:<namespace>:<name>) of a token that is good for the audience,
	// and "" for every other token. An error means that it is not known.
	Review(ctx context.Context, token, audience string) (username string, err error)
}

// parseRules reads hawser.tokenExchange. A rule with a mistake is off.
func (st *state) parseRules(cm map[string]string) {
	text := cm["hawser.tokenExchange"]
	if strings.TrimSpace(text) == "" {
		return
	}
	var settings []ruleSetting
	if err := readYAML("hawser.tokenExchange", text, &settings); err != nil {
		st.problem(err)
		return
	}
	for n, s := range settings {
		r, why := newRule(s, fmt.Sprintf("hawser.tokenExchange[%d]", n))
		if len(st.rules) >= maxRules {
			why = "there are too many rules"
		}
		if why != "" {
			st.problem(problem.New(problem.Invalid, "%s: hawser.tokenExchange[%d]: %s: the rule is off", SettingsMap, n, why))
			continue
		}
		st.rules = append(st.rules, r)
	}
}

// newRule checks a rule; why says what is wrong with it.
func newRule(s ruleSetting, key string) (r *rule, why string) {
	r = &rule{ruleSetting: s, lifetime: defaultExchange, id: hashOf(fmt.Sprintf("%+v", s))}
	narrow := false
	for claim, pattern := range s.Match {
		if claim == "" || pattern == "" || len(pattern) > maxGroup {
			return nil, "match has an empty claim or pattern, or a very long one"
		}
		narrow = narrow || strings.Trim(pattern, "*?") != ""
	}
	switch {
	case s.Kubernetes == (s.Issuer != ""):
		return nil, "it needs either issuer or kubernetes: true"
	case s.Audience == "":
		return nil, "audience is missing"
	case !narrow:
		return nil, "match is missing, or matches everybody"
	}
	if s.Duration != "" {
		d, ok := duration(s.Duration)
		if !ok || d < time.Minute || d > maxExchange {
			return nil, "duration is not from 1m to 1h"
		}
		r.lifetime = d
	}
	if rest, ok := strings.CutPrefix(s.As, "proj:"); ok {
		project, role, _ := strings.Cut(rest, ":")
		if project == "" || role == "" || strings.Contains(role, ":") {
			return nil, "as is neither proj:<project>:<role> nor an account"
		}
		r.subject = s.As
	} else {
		if s.As == "" || strings.Contains(s.As, ":") {
			return nil, "as is neither proj:<project>:<role> nor an account"
		}
		r.subject = s.As + ":" + CapabilityAPIKey
	}
	if !s.Kubernetes {
		i, err := newIssuer(issuerSetting{Issuer: s.Issuer, RootCA: s.RootCA}, key, Snapshot{})
		if err != nil {
			return nil, "issuer is not an https:// URL, or rootCA holds no certificate"
		}
		r.issuer = i
	}
	return r, ""
}

// trusts reports whether the rule that a token came from still stands.
func (st *state) trusts(rule, subject string) bool {
	for _, r := range st.rules {
		if r.id == rule && r.subject == subject {
			return true
		}
	}
	return false
}

// Exchanged is a token of ours for a job's.
type Exchanged struct {
	Token    string
	Expires  time.Time
	Identity Identity
	Of       string // whose token it was exchanged for: the foreign subject, for the audit log
}

// Exchange gives a short-lived token for the token of a job: a service account's, or one of an issuer that
// hawser.tokenExchange names. The first rule that accepts it counts. The token dies with its rule, its account or its
// role, and within the hour.
//
// Errors: problem.Unauthenticated when no rule accepts it (Why says more, for the log); problem.Unavailable.
func (a *Auth) Exchange(ctx context.Context, token string) (Exchanged, error) {
	st, err := a.signing()
	if err != nil {
		return Exchanged{}, err
	}
	if len(token) > maxJobToken || strings.Count(token, ".") != 2 {
		return Exchanged{}, refuseExchange("it is not a token")
	}
	r, of, err := a.accepting(ctx, st, token)
	if err != nil {
		return Exchanged{}, err
	}
	_, c, err := st.issue(r.subject, rand.Text(), a.now(), st.passwordTime(r.As), r.lifetime)
	if err != nil {
		return Exchanged{}, err
	}
	c.Rule = r.id
	id, err := a.identify(st, c) // the account or role is there, and may
	if err != nil {
		return Exchanged{}, err
	}
	own, err := st.sign(c)
	return Exchanged{Token: own, Expires: c.ExpiresAt.Time, Identity: id, Of: of}, err
}

func (st *state) passwordTime(account string) time.Time {
	if acc := st.accounts[account]; acc != nil {
		return acc.mtime
	}
	return time.Time{}
}

func refuseExchange(why string) error {
	return &refusal{problem.New(problem.Unauthenticated, "no rule of hawser.tokenExchange accepts this token"), why}
}

// accepting finds the rule for a token, and says whose token it is.
func (a *Auth) accepting(ctx context.Context, st *state, token string) (*rule, string, error) {
	from := unverifiedIssuer(token)
	if from == "" {
		return nil, "", refuseExchange("it names no issuer")
	}
	var failure error // of an issuer or the API server: another rule may still accept the token
	foreign := false
	for _, r := range st.rules {
		if r.issuer == nil || r.issuer.Issuer != from {
			continue
		}
		foreign = true
		idToken, raw, err := a.issuers.of(st, r.issuer, a.now).verify(ctx, token, []string{r.Audience}, a.now())
		switch {
		case err != nil && failure == nil:
			failure = err
		case err == nil && r.accepts(plainClaims(raw)):
			return r, idToken.Subject, nil
		}
	}
	if !foreign { // the issuer of service account tokens is whatever the cluster calls itself
		r, of, err := a.reviewed(ctx, st, token)
		if r != nil || err != nil {
			return r, of, err
		}
	}
	switch {
	case problem.Is(failure, problem.Unavailable):
		return nil, "", failure
	case failure != nil:
		return nil, "", refuseExchange(failure.Error())
	}
	return nil, "", refuseExchange("its claims match no rule")
}

// reviewed asks the API server about the token, once for each audience that rules name.
func (a *Auth) reviewed(ctx context.Context, st *state, token string) (*rule, string, error) {
	asked := map[string]string{}
	for _, r := range st.rules {
		if !r.Kubernetes || a.options.Reviewer == nil {
			continue
		}
		username, ok := asked[r.Audience]
		if !ok {
			if !a.reviews.take(a.now()) {
				return nil, "", problem.New(problem.Unavailable, "too many service account tokens are being exchanged")
			}
			var err error
			if username, err = a.options.Reviewer.Review(ctx, token, r.Audience); err != nil {
				return nil, "", problem.New(problem.Unavailable, "the API server did not say whose service account token it is")
			}
			asked[r.Audience] = username
		}
		rest, ok := strings.CutPrefix(username, "system:serviceaccount:")
		namespace, name, two := strings.Cut(rest, ":")
		if ok && two && r.accepts(map[string][]string{"sub": {username}, "namespace": {namespace}, "serviceaccount": {name}}) {
			return r, username, nil
		}
	}
	return nil, "", nil
}

// accepts reports whether every claim of the rule has a value that matches.
func (r *rule) accepts(claims map[string][]string) bool {
	for claim, pattern := range r.Match {
		matched := false
		for _, v := range claims[claim] {
			matched = matched || globMatch(pattern, v)
		}
		if !matched {
			return false
		}
	}
	return len(r.Match) > 0
}

// globMatch matches * (no slash), ** (anything), ? (one character, no slash) and every other character itself. It
// remembers every place that it may have come to, so its time is bounded by the product of the lengths.
func globMatch(pattern, s string) bool {
	// reach[j]: the pattern read so far matches s[:j]
	reach := make([]bool, len(s)+1)
	reach[0] = true
	for i := 0; i < len(pattern); i++ {
		next := make([]bool, len(s)+1)
		switch c := pattern[i]; c {
		case '*':
			deep := i+1 < len(pattern) && pattern[i+1] == '*'
			if deep {
				i++
			}
			on := false
			for j := 0; j <= len(s); j++ {
				if j > 0 && s[j-1] == '/' && !deep {
					on = false
				}
				on = on || reach[j]
				next[j] = on
			}
		default:
			for j := 0; j < len(s); j++ {
				next[j+1] = reach[j] && (c == s[j] || c == '?' && s[j] != '/')
			}
		}
		reach = next
	}
	return reach[len(s)]
}
