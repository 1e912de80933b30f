package cli

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// claims are what the command reads of a token. It verifies none: that is the server's work.
type claims struct {
	Issuer  string  `json:"iss"`
	Subject string  `json:"sub"`
	Email   string  `json:"email"`
	Name    string  `json:"name"`
	Expires float64 `json:"exp"` // seconds since 1970; 0 for never
	Issued  float64 `json:"iat"`
	ID      string  `json:"jti"`
	Dex     struct {
		User string `json:"user_id"`
	} `json:"federated_claims"`
}

// readClaims reads a token's claims; the error says nothing of the token.
func readClaims(token string) (c claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, problem.New(problem.Invalid, "the token is malformed: token contains an invalid number of segments")
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, problem.New(problem.Invalid, "the token is malformed: its claims are not readable")
	}
	return c, nil
}

// who is the name that people are shown.
func (c claims) who() string {
	for _, name := range []string{c.Email, c.Name, c.Dex.User} {
		if name != "" {
			return name
		}
	}
	return c.Subject
}

// user is the account in the subject of a token of the server's own: "alice" of "alice:login".
func (c claims) user() string {
	name, _, _ := strings.Cut(c.Subject, ":")
	return name
}

// expired reports whether a token is past its end, or is none.
func expired(token string) bool {
	c, err := readClaims(token)
	return err != nil || c.Expires != 0 && time.Now().After(time.UnixMilli(int64(c.Expires*1000)))
}
