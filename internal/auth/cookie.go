package auth

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Cookies that carry a token. Argo CD's clients send the first; a browser can be given the second, which a sibling
// domain cannot set, and which wins (B-183).
const (
	CookieName     = "argocd.token"
	HostCookieName = "__Host-argocd.token"
	StateCookie    = "argocd.oauthstate" // between the two halves of a login through an issuer
)

const (
	maxCookie  = 4093 // bytes of name, value and attributes that every browser keeps
	maxCookies = 20   // Argo CD's
)

// Cookies returns the cookies that carry the token, as Argo CD's clients read them: name, name-1, name-2, where the
// first value begins with the count and a colon if there are several. like gives the name (empty: CookieName) and the
// attributes. problem.Limit when the token needs more than 20.
func Cookies(token string, like http.Cookie) ([]*http.Cookie, error) {
	if like.Name == "" {
		like.Name = CookieName
	}
	longest := like
	longest.Name, longest.Value = like.Name+"-"+strconv.Itoa(maxCookies), ""
	room := maxCookie - len(longest.String()) - len("20:")
	if room < 1 {
		return nil, problem.New(problem.Internal, "the attributes of cookie %s leave no room for a value", like.Name)
	}
	n := max(1, (len(token)+room-1)/room)
	if n > maxCookies {
		return nil, problem.New(problem.Limit, "the authentication token is %d characters long and requires %d cookies but the max number of cookies is %d", len(token), n, maxCookies).
			WithHint("let the issuer put fewer groups into the token")
	}
	var out []*http.Cookie
	for i := range n {
		c := like
		c.Value = token[i*room : min(len(token), (i+1)*room)]
		switch {
		case i > 0:
			c.Name += "-" + strconv.Itoa(i)
		case n > 1:
			c.Value = strconv.Itoa(n) + ":" + c.Value
		}
		out = append(out, &c)
	}
	return out, nil
}

// JoinCookies returns the token that a request's cookies carry, and "" when they carry none. problem.Unauthenticated
// when a part is missing, or there twice with different values: somebody else set one of them.
func JoinCookies(cookies []*http.Cookie) (string, error) {
	for _, name := range []string{HostCookieName, CookieName} {
		if token, err := JoinCookie(name, cookies); token != "" || err != nil {
			return token, err
		}
	}
	return "", nil
}

// JoinCookie is JoinCookies for one name: RefreshCookie, for example.
func JoinCookie(name string, cookies []*http.Cookie) (string, error) {
	parts := map[int]string{}
	for _, c := range cookies {
		rest, ok := strings.CutPrefix(c.Name, name)
		if !ok {
			continue
		}
		i := 0
		if rest != "" {
			n, err := strconv.Atoi(strings.TrimPrefix(rest, "-"))
			if err != nil || n < 1 || n >= maxCookies || rest != "-"+strconv.Itoa(n) {
				continue
			}
			i = n
		}
		if v, twice := parts[i]; twice && v != c.Value {
			return "", refuse("cookie %s is there twice", name)
		}
		parts[i] = c.Value
	}
	first, ok := parts[0]
	if !ok || first == "" {
		return "", nil
	}
	count, value, several := strings.Cut(first, ":")
	if !several {
		return bounded(name, first)
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > maxCookies {
		return "", refuse("cookie %s is malformed", name)
	}
	for i := 1; i < n; i++ {
		part, ok := parts[i]
		if !ok {
			return "", refuse("cookie %s-%d is missing", name, i)
		}
		value += part
	}
	return bounded(name, value)
}

func bounded(name, token string) (string, error) {
	if len(token) > MaxToken {
		return "", refuse("cookie %s is too long", name)
	}
	return token, nil
}
