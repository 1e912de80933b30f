package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) identityMethods() []method {
	const session, account = "session.SessionService/", "account.AccountService/"
	return []method{
		unary("version.VersionService/Version", anybody[argocd.Empty](), s.getVersion),
		unary(session+"Create", anybody[argocd.SessionCreateRequest](), s.createSession),
		unary(session+"Delete", anybody[argocd.SessionDeleteRequest](), s.deleteSession),
		unary(session+"GetUserInfo", anybody[argocd.GetUserInfoRequest](), s.getUserInfo),

		unary(account+"CanI", loggedIn[argocd.CanIRequest](), s.canI),
		unary(account+"ListAccounts", visible[argocd.ListAccountRequest](rbac.Accounts, rbac.Get), s.listAccounts),
		unary(account+"GetAccount", onAccount(rbac.Get, func(q *argocd.GetAccountRequest) string { return q.Name }), s.getAccount),
		unary(account+"UpdatePassword", onAccount(rbac.Update, func(q *argocd.UpdatePasswordRequest) string { return q.Name }), s.updatePassword),
		unary(account+"CreateToken", onAccount(rbac.Update, func(q *argocd.CreateTokenRequest) string { return q.Name }), s.createToken),
		unary(account+"DeleteToken", onAccount(rbac.Update, func(q *argocd.DeleteTokenRequest) string { return q.Name }), s.deleteToken),
	}
}

// onAccount permits everybody to look after their own account, and others by policy. A job that exchanged its token for
// one of an account's may look at that account, and no more: it could make itself a token for ever.
func onAccount[Req any](action string, name func(*Req) string) rule[Req] {
	return rule[Req]{declared{rbac.Accounts, action, single}, func(c *call, r *Req) error {
		if err := c.mustBeSomebody(); err != nil {
			return err
		}
		target := name(r)
		own := c.who.Kind() == auth.Local && (target == "" || target == c.who.Subject())
		if own && (action == rbac.Get || !c.who.Exchanged()) {
			c.decided(rbac.Accounts, action, c.who.Subject(), true, "it is the caller's own account")
			return nil
		}
		return c.must(rbac.Accounts, action, target)
	}}
}

// contractVersion is the version of Argo CD whose API this is: clients compare it to know what they may ask for.
const contractVersion = "v3.6.0"

// getVersion tells strangers the version and no more: clients need it before they log in, and the rest helps those who
// look for a known hole.
func (s *server) getVersion(c *call, _ *argocd.Empty) (*argocd.VersionMessage, error) {
	v := s.Version
	v.Version = contractVersion + "+hawser." + strings.TrimPrefix(strings.ReplaceAll(v.Version, "+", "."), "v")
	if c.refused != nil || !c.who.LoggedIn() {
		return &argocd.VersionMessage{Version: v.Version}, nil
	}
	return &argocd.VersionMessage{
		Version: v.Version, BuildDate: v.BuildDate, GitCommit: v.GitCommit, GitTreeState: v.GitTreeState, GoVersion: v.GoVersion, Compiler: v.Compiler, Platform: v.Platform,
		KustomizeVersion: v.Kustomize, HelmVersion: v.Helm, KubectlVersion: v.Kubectl, JsonnetVersion: v.Jsonnet,
	}, nil
}

// createSession logs in with a password. (Argo CD also took a token here once, and refuses it since.)
func (s *server) createSession(c *call, q *argocd.SessionCreateRequest) (*argocd.SessionResponse, error) {
	if q.Token != "" {
		return nil, problem.New(problem.Unauthenticated, "token-based session creation no longer supported. please upgrade argocd cli to v0.7+")
	}
	if q.Username == "" || q.Password == "" {
		return nil, problem.New(problem.Unauthenticated, "no credentials supplied")
	}
	token, err := s.Auth.Login(c, q.Username, q.Password, c.source)
	s.Audit.Decided(Decision{Time: time.Now(), Request: c.id, Who: q.Username, Issuer: auth.Issuer, From: c.source, Door: c.door, Method: c.method, Action: "login", Allowed: err == nil, Why: auth.Why(err)})
	if err != nil {
		return nil, err
	}
	return &argocd.SessionResponse{Token: token}, nil
}

// deleteSession logs out: the token is no good any more, on every replica.
func (s *server) deleteSession(c *call, _ *argocd.SessionDeleteRequest) (*argocd.SessionResponse, error) {
	if c.token != "" && c.refused == nil {
		if _, err := s.Auth.Logout(c, c.token); err != nil {
			return nil, err
		}
	}
	return &argocd.SessionResponse{}, nil
}

func (s *server) getUserInfo(c *call, _ *argocd.GetUserInfoRequest) (*argocd.GetUserInfoResponse, error) {
	if c.refused != nil || !c.who.LoggedIn() {
		return &argocd.GetUserInfoResponse{}, nil
	}
	return &argocd.GetUserInfoResponse{LoggedIn: true, Username: c.who.Username(), Iss: c.who.Issuer(), Groups: c.who.Groups(s.Policy().Scopes())}, nil
}

func (s *server) canI(c *call, q *argocd.CanIRequest) (*argocd.CanIResponse, error) {
	if err := rbac.CheckWords(q.Resource, q.Action); err != nil {
		return nil, err
	}
	object := q.Subresource
	if object == "*" && rbac.ScopedToProject(q.Resource) { // "any": the patterns of policies have the project before a slash
		object = "*/*"
	}
	allowed := c.sees(q.Resource, q.Action, object)
	if verb, part, ok := rbac.Part(q.Action); ok && q.Resource == rbac.Applications { // which may be inherited, as for the method itself
		allowed = c.table.MayWithin(verb, object, part).Allowed
	}
	if allowed {
		return &argocd.CanIResponse{Value: "yes"}, nil
	}
	return &argocd.CanIResponse{Value: "no"}, nil
}

func account(a auth.Account) argocd.Account {
	out := argocd.Account{Name: a.Name, Enabled: a.Enabled, Capabilities: a.Capabilities}
	for _, t := range a.Tokens {
		out.Tokens = append(out.Tokens, argocd.AccountToken{ID: t.ID, IssuedAt: t.IssuedAt, ExpiresAt: t.ExpiresAt})
	}
	return out
}

func (s *server) listAccounts(c *call, _ *argocd.ListAccountRequest) (*argocd.AccountsList, error) {
	all, err := s.Auth.Accounts()
	if err != nil {
		return nil, err
	}
	list := &argocd.AccountsList{}
	for _, a := range all {
		if c.who.Kind() == auth.Local && a.Name == c.who.Subject() || c.sees(rbac.Accounts, rbac.Get, a.Name) {
			list.Items = append(list.Items, account(a))
		}
	}
	return list, nil
}

func (s *server) getAccount(c *call, q *argocd.GetAccountRequest) (*argocd.Account, error) {
	a, err := s.Auth.Account(q.Name)
	if err != nil {
		return nil, err
	}
	out := account(a)
	return &out, nil
}

func (s *server) updatePassword(c *call, q *argocd.UpdatePasswordRequest) (*argocd.UpdatePasswordResponse, error) {
	if err := s.Auth.UpdatePassword(c, c.who, q.Name, q.CurrentPassword, q.NewPassword, c.source); err != nil {
		return nil, err
	}
	return &argocd.UpdatePasswordResponse{}, nil
}

func (s *server) createToken(c *call, q *argocd.CreateTokenRequest) (*argocd.CreateTokenResponse, error) {
	token, err := s.Auth.CreateToken(c, q.Name, q.ID, time.Duration(q.ExpiresIn)*time.Second)
	if err != nil {
		return nil, err
	}
	return &argocd.CreateTokenResponse{Token: token}, nil
}

func (s *server) deleteToken(c *call, q *argocd.DeleteTokenRequest) (*argocd.AccountEmptyResponse, error) {
	if err := s.Auth.DeleteToken(c, q.Name, q.ID); err != nil {
		return nil, err
	}
	return &argocd.AccountEmptyResponse{}, nil
}

// setCookies gives the browser a token.
func (s *server) setCookies(w http.ResponseWriter, r *http.Request, token string) {
	cookies, err := auth.Cookies(token, s.cookieLike(r))
	if err != nil {
		s.Log.Warn("a session does not fit into cookies", "error", err)
		return
	}
	for _, c := range cookies {
		http.SetCookie(w, c)
	}
}

// cookieLike is what our cookies have in common.
func (s *server) cookieLike(r *http.Request) http.Cookie {
	return http.Cookie{Path: s.base() + "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r)}
}

// secure reports whether the browser came over TLS, to us or to a proxy before us. The proxy's word is enough: who lies
// makes only their own cookie unusable.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}
