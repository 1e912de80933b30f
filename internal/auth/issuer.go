package auth

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
	"sigs.k8s.io/yaml"
)

// Bounds on settings.
const (
	maxIssuers = 20
	maxSetting = 256 << 10 // bytes of one
)

// issuerSetting is oidc.config, and one element of hawser.oidc.issuers. The keys are Argo CD's.
type issuerSetting struct {
	Name                     string                     `json:"name"`
	Issuer                   string                     `json:"issuer"`
	ClientID                 string                     `json:"clientID"`
	CLIClientID              string                     `json:"cliClientID"`
	ClientSecret             string                     `json:"clientSecret"`
	RequestedScopes          []string                   `json:"requestedScopes"`
	RequestedIDTokenClaims   map[string]json.RawMessage `json:"requestedIDTokenClaims"`
	LogoutURL                string                     `json:"logoutURL"`
	EnablePKCEAuthentication bool                       `json:"enablePKCEAuthentication"`
	EnableUserInfoGroups     bool                       `json:"enableUserInfoGroups"`
	UserInfoBaseURL          string                     `json:"userInfoBaseURL"`
	UserInfoPath             string                     `json:"userInfoPath"`
	UserInfoCacheExpiration  string                     `json:"userInfoCacheExpiration"`
	AllowedAudiences         []string                   `json:"allowedAudiences"`
	RootCA                   string                     `json:"rootCA"`
	DomainHint               string                     `json:"domainHint"`
}

// issuer is a configured OpenID provider.
type issuer struct {
	issuerSetting
	roots  *x509.CertPool // nil: the system's
	plain  bool           // http, which only the loopback may speak
	digest string         // of the whole setting: a change makes a new client
	people bool           // vouches for people; false: named in hawser.tokenExchange alone
}

// parseIssuers reads oidc.config and hawser.oidc.issuers. An issuer with a mistake is off.
func (st *state) parseIssuers(s Snapshot) {
	st.issuers = map[string]*issuer{}
	if text := s.CM["oidc.config"]; strings.TrimSpace(text) != "" {
		var one issuerSetting
		if err := readYAML("oidc.config", text, &one); err != nil {
			st.problem(err)
		} else {
			st.addIssuer(one, "oidc.config", s)
		}
	}
	if text := s.CM["hawser.oidc.issuers"]; strings.TrimSpace(text) != "" {
		var many []issuerSetting
		if err := readYAML("hawser.oidc.issuers", text, &many); err != nil {
			st.problem(err)
		}
		for i, one := range many {
			st.addIssuer(one, fmt.Sprintf("hawser.oidc.issuers[%d]", i), s)
		}
	}
	if s.CM["oidc.tls.insecure.skip.verify"] == "true" {
		st.problem(problem.New(problem.Invalid, "%s: oidc.tls.insecure.skip.verify has no effect: certificates of issuers are always checked", SettingsMap).
			WithHint("put the issuer's certificate authority into rootCA"))
	}
}

func (st *state) addIssuer(setting issuerSetting, key string, s Snapshot) {
	i, err := newIssuer(setting, key, s)
	switch {
	case err != nil:
	case setting.ClientID == "":
		err = problem.New(problem.Invalid, "%s: %s: clientID is missing", SettingsMap, key)
	case st.issuers[i.Issuer] != nil:
		err = problem.New(problem.Invalid, "%s: %s: issuer %s is configured twice", SettingsMap, key, short(i.Issuer))
	case len(st.issuers) >= maxIssuers:
		err = problem.New(problem.Limit, "%s: %s: more than %d issuers", SettingsMap, key, maxIssuers)
	}
	if err != nil {
		st.problem(err)
		return
	}
	if len(i.AllowedAudiences) == 0 {
		i.AllowedAudiences = []string{i.ClientID}
		if i.CLIClientID != "" {
			i.AllowedAudiences = append(i.AllowedAudiences, i.CLIClientID)
		}
	}
	i.people = true
	st.issuers[i.Issuer] = i
	st.order = append(st.order, i.Issuer)
}

// newIssuer checks a setting and resolves its references to Secrets.
func newIssuer(setting issuerSetting, key string, s Snapshot) (*issuer, error) {
	wrong := func(format string, args ...any) (*issuer, error) {
		return nil, problem.New(problem.Invalid, "%s: %s: %s", SettingsMap, key, fmt.Sprintf(format, args...))
	}
	i := &issuer{issuerSetting: setting}
	for name, field := range map[string]*string{"clientID": &i.ClientID, "cliClientID": &i.CLIClientID, "clientSecret": &i.ClientSecret, "issuer": &i.Issuer, "rootCA": &i.RootCA} {
		value, ok := s.resolve(*field)
		if !ok {
			return wrong("%s refers to a key of a Secret that is not there", name)
		}
		*field = value
	}
	u, err := url.Parse(i.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(i.Issuer) > 1024:
		return wrong("issuer is not a URL")
	case u.Scheme == "http" && loopback(u.Hostname()):
		i.plain = true
	case u.Scheme != "https":
		return wrong("issuer %s must begin with https://", short(i.Issuer))
	}
	if i.RootCA != "" {
		i.roots = x509.NewCertPool()
		if !i.roots.AppendCertsFromPEM([]byte(i.RootCA)) {
			return wrong("rootCA holds no certificate in PEM")
		}
	}
	if i.UserInfoCacheExpiration != "" {
		if _, ok := duration(i.UserInfoCacheExpiration); !ok {
			return wrong("userInfoCacheExpiration is not a duration")
		}
	}
	if i.EnableUserInfoGroups {
		if u, err := url.Parse(i.userInfoURL()); err != nil || u.Host == "" || u.Scheme != "https" && !i.plain {
			return wrong("userInfoPath makes no https:// URL")
		}
	}
	text, err := json.Marshal(i.issuerSetting)
	if err != nil {
		return wrong("requestedIDTokenClaims cannot be written as JSON")
	}
	i.digest = hashOf(string(text))
	return i, nil
}

// userInfoURL is where groups are asked for: Argo CD puts the path behind the issuer, or behind userInfoBaseURL.
func (i *issuer) userInfoURL() string {
	base := i.UserInfoBaseURL
	if base == "" {
		base = i.Issuer
	}
	return strings.TrimSuffix(base, "/") + "/" + strings.TrimPrefix(i.UserInfoPath, "/")
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// resolve replaces $key by that key of argocd-secret, and $name:key by the key of another Secret. Where there is none,
// Argo CD goes on with the text as it stands; a secret that says "$oidc.clientSecret" is a mistake, and here it is one.
func (s Snapshot) resolve(text string) (string, bool) {
	ref, ok := strings.CutPrefix(strings.TrimSpace(text), "$")
	if !ok {
		return text, true
	}
	value, found := s.Secrets[SettingsSecret][ref]
	if name, key, other := strings.Cut(ref, ":"); !found && other {
		value, found = s.Secrets[name][key]
	}
	return strings.TrimSpace(string(value)), found
}

var yamlLine = regexp.MustCompile(`line \d+`)

// readYAML reads a setting. The reader's errors can quote what they could not read, which may be a secret: only the line
// is passed on.
func readYAML(key, text string, into any) error {
	if len(text) > maxSetting {
		return problem.New(problem.Limit, "%s: %s is longer than %d bytes", SettingsMap, key, maxSetting)
	}
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		where := yamlLine.FindString(err.Error())
		if where == "" {
			where = "a field of another type"
		}
		return problem.New(problem.Invalid, "%s: %s is not the YAML that is expected there: %s", SettingsMap, key, where)
	}
	return nil
}

func stringList(text string) (list []string) {
	if readYAML("additionalUrls", text, &list) != nil {
		return nil
	}
	return list
}

// Provider describes a configured issuer, for the page and for clients that log in by themselves.
type Provider struct {
	Name, Issuer, ClientID, CLIClientID string
	Scopes                              []string
	IDTokenClaims                       map[string]json.RawMessage // as requestedIDTokenClaims has them
	LogoutURL                           string
	PKCE                                bool // enablePKCEAuthentication; our own logins always use it
}

// Providers returns the issuers that vouch for people, in the order of the settings; Argo CD's clients know the first.
func (a *Auth) Providers() []Provider {
	st, err := a.state()
	if err != nil {
		return nil
	}
	var out []Provider
	for _, u := range st.order {
		i := st.issuers[u]
		out = append(out, Provider{i.Name, i.Issuer, i.ClientID, i.CLIClientID, i.scopes(), i.RequestedIDTokenClaims, i.LogoutURL, i.EnablePKCEAuthentication})
	}
	return out
}

// scopes are those that a login asks for; the default is Argo CD's.
func (i *issuer) scopes() []string {
	if len(i.RequestedScopes) == 0 {
		return []string{"openid", "profile", "email", "groups"}
	}
	return i.RequestedScopes
}

// EndURL returns where a browser goes to end its session with the issuer as well, with Argo CD's placeholders filled in;
// empty when there is no such place.
func (p Provider) EndURL(idToken, redirect string) string {
	return strings.NewReplacer("{{token}}", url.QueryEscape(idToken), "{{logoutRedirectURL}}", url.QueryEscape(redirect)).Replace(p.LogoutURL)
}
