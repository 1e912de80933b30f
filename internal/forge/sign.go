package forge

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hawser-cd/hawser/internal/problem"
)

// App is a GitHub App. It prints as its number.
type App struct {
	ID           int64
	Installation int64  // 0: the one of the owner that is asked about
	Owner        string // whose installation it is
	PrivateKey   string // PEM
}

// Format prints the number, whatever the verb.
func (a App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, fmt.Sprint("app ", a.ID)) }

// MarshalJSON writes the number.
func (a App) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%d", a.ID), nil }

// id tells apps apart, for keys of maps.
func (a *App) id() string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf("%d %d %s %s", a.ID, a.Installation, strings.ToLower(a.Owner), a.PrivateKey)
}

// token is a token of an installation, which lives for an hour.
type token struct {
	text string
	ends time.Time
}

// sign puts the account's credential on a request, in the form that its service documents.
func (s *session) sign(ctx context.Context, req *http.Request) error {
	h := req.Header
	switch s.a.Kind {
	case GitHub:
		h.Set("Accept", "application/vnd.github+json")
		h.Set("X-GitHub-Api-Version", "2022-11-28")
		t := s.a.Token
		if s.a.App != nil {
			var err error
			if t, err = s.installationToken(ctx); err != nil {
				return err
			}
		}
		bearer(h, t)
	case GitLab:
		if s.a.Token != "" {
			h.Set("PRIVATE-TOKEN", s.a.Token)
		}
	case Gitea:
		if s.a.Token != "" {
			h.Set("Authorization", "token "+s.a.Token)
		}
	case AzureDevOps:
		if s.a.Token != "" {
			req.SetBasicAuth("", s.a.Token)
		}
	case BitbucketServer, Bitbucket:
		if s.a.Kind == BitbucketServer {
			h.Set("X-Atlassian-Token", "no-check")
		}
		if s.a.User != "" || s.a.Password != "" {
			req.SetBasicAuth(s.a.User, s.a.Password)
		} else {
			bearer(h, s.a.Token)
		}
	}
	return nil
}

func bearer(h http.Header, token string) {
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
}

// installationToken returns a token of the app's installation, a new one five minutes before the old one ends.
func (s *session) installationToken(ctx context.Context) (string, error) {
	c, app := s.client, s.a.App
	c.mu.Lock()
	known := c.tokens[s.key]
	c.mu.Unlock()
	if c.Now().Add(5 * time.Minute).Before(known.ends) {
		return known.text, nil
	}
	self, err := s.asApp()
	if err != nil {
		return "", err
	}
	installation := app.Installation
	if installation == 0 {
		if installation, err = self.installationOf(ctx, app.Owner); err != nil {
			return "", err
		}
	}
	u := self.at(nil, "app", "installations", id(installation), "access_tokens")
	a, err := self.send(ctx, http.MethodPost, u, nil)
	if err != nil {
		return "", err
	}
	in, err := decode[struct {
		Token string    `json:"token"`
		Ends  time.Time `json:"expires_at"`
	}](self, u, a)
	if err != nil {
		return "", err
	}
	if in.Token == "" {
		return "", self.fault(problem.Unavailable, u, "it gives no token")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, t := range c.tokens {
		if t.ends.Before(c.Now()) {
			delete(c.tokens, key)
		}
	}
	c.tokens[s.key] = token{in.Token, in.Ends}
	return in.Token, nil
}

// asApp is the session in which the app speaks for itself: with a proof that its key signed, good for nine minutes.
func (s *session) asApp() (*session, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(s.a.App.PrivateKey))
	if err != nil {
		return nil, problem.New(problem.Invalid, "the private key of GitHub App %d cannot be read", s.a.App.ID).WithHint("githubAppPrivateKey must be the PEM file that GitHub gave")
	}
	now := s.client.Now()
	proof, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": id(s.a.App.ID), "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(8 * time.Minute).Unix(), // GitHub's clock may be behind
	}).SignedString(key)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "sign as GitHub App %d", s.a.App.ID)
	}
	self := *s
	self.a.Token, self.a.App, self.key = proof, nil, s.key+" app"
	self.http = &http.Client{Transport: s.http.Transport, Timeout: s.http.Timeout, CheckRedirect: self.redirected}
	return &self, nil
}

// installationOf finds an app's installation at an owner.
func (s *session) installationOf(ctx context.Context, owner string) (int64, error) {
	type installation struct {
		ID      int64 `json:"id"`
		Account struct {
			Login string `json:"login"`
		} `json:"account"`
	}
	u := s.at(url.Values{"per_page": {"100"}}, "app", "installations")
	list, err := whole(ctx, s, u, linked[installation](s, 100))
	if err != nil {
		return 0, err
	}
	for _, in := range list {
		if strings.EqualFold(in.Account.Login, owner) {
			return in.ID, nil
		}
	}
	return 0, s.fault(problem.NotFound, u, "the GitHub App is not installed at %s", clip(owner)).WithHint("install it there, or set githubAppInstallationID")
}
