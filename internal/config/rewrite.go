package config

import (
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Rewrite fetches addresses that begin with Prefix from URL instead, the rest of the address kept: Git's
// url.<URL>.insteadOf=<Prefix>, for mirrors and air-gapped sites. Manifests keep the public address.
type Rewrite struct {
	Prefix string `json:"prefix"`
	URL    string `json:"url"`
}

// ParseRewrite reads PREFIX=URL. The first "=" after the prefix's scheme divides: neither part of a repository's
// address holds one in practice, and a URL on the right may.
func ParseRewrite(s string) (Rewrite, error) {
	prefix, url, ok := strings.Cut(s, "=")
	if !ok {
		return Rewrite{}, problem.New(problem.Invalid, "rewrite %q has no =", s).
			WithHint("write PREFIX=URL, for example https://github.com/=https://mirror.corp/github/")
	}
	r := Rewrite{Prefix: strings.TrimSpace(prefix), URL: strings.TrimSpace(url)}
	return r, r.Validate()
}

// Validate refuses a rewrite that could only be a mistake. Whether the target may be fetched at all is decided where
// it is fetched.
func (r Rewrite) Validate() error {
	switch {
	case r.Prefix == "" || r.URL == "":
		return problem.New(problem.Invalid, "rewrite %q to %q: prefix and URL must not be empty", r.Prefix, r.URL)
	case divided(r.Prefix) != divided(r.URL):
		// https://github.com/ to https://mirror/gh would fetch https://mirror/ghorg/repo
		return problem.New(problem.Invalid, "rewrite %q to %q: one ends with / or :, the other does not", r.Prefix, r.URL).
			WithHint("the rest of the address is appended to the URL as it is: end both with a separator, or neither")
	}
	return nil
}

func divided(s string) bool { return strings.HasSuffix(s, "/") || strings.HasSuffix(s, ":") }

// Apply returns the address to fetch url from. The longest matching prefix wins and of two equal ones the first, so
// that a list can be put in front of another to override it. The result is not rewritten again, as in Git. Prefixes
// are compared as they are written: a rewrite must never surprise.
func Apply(rewrites []Rewrite, url string) string {
	best := Rewrite{}
	for _, r := range rewrites {
		if len(r.Prefix) > len(best.Prefix) && strings.HasPrefix(url, r.Prefix) {
			best = r
		}
	}
	return best.URL + url[len(best.Prefix):]
}
