package git

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// scp is the short form of ssh, user@host:path. The user is required: host:path alone reads as a scheme, and
// name::rest asks git for a remote helper that may run any command.
var scp = regexp.MustCompile(`^([A-Za-z0-9_.][A-Za-z0-9_.+-]*)@([A-Za-z0-9_.][A-Za-z0-9_.-]*|\[[0-9a-fA-F:.]+\]):([^:].*)$`)

// host is a name, an IPv4 address or a bracketed IPv6 address, with an optional port.
var host = regexp.MustCompile(`^([A-Za-z0-9_.][A-Za-z0-9_.-]*|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$`)

// CheckURL refuses every address that git could take for something else than https, http, ssh or user@host:path:
// remote helpers (ext::), git://, local paths, options, control characters, climbing paths; file:// unless allowed.
// (Argo CD leaves this to git, which runs ext:: helpers; the rule is our invariant 47.)
func CheckURL(raw string, allowFile bool) error {
	refuse := func(why string) error {
		return problem.New(problem.Invalid, "repository URL %q: %s", Redact(raw), why).
			WithHint("use https://host/path, ssh://user@host/path or user@host:path")
	}
	switch {
	case raw == "":
		return refuse("it is empty")
	case len(raw) > 2048:
		return problem.New(problem.Invalid, "repository URL of %d characters: more than 2048", len(raw))
	case strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' || c == 0xfffd || c > 0x7f && c < 0xa0 }):
		return refuse("it holds a space, a backslash or a control character")
	case strings.HasPrefix(raw, "-"):
		return refuse("it begins with a dash")
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		m := scp.FindStringSubmatch(raw)
		switch {
		case m == nil:
			return refuse("it is neither a URL nor user@host:path")
		case strings.HasPrefix(m[3], "-"):
			return refuse("its path begins with a dash")
		case climbs(m[3]):
			return refuse("its path climbs with ..")
		}
		return nil
	}
	scheme = strings.ToLower(scheme)
	switch scheme {
	case "https", "http", "ssh":
	case "file":
		switch {
		case !allowFile:
			return problem.New(problem.Forbidden, "repository URL %q: file:// repositories are not allowed", raw).
				WithHint("start with --allow-file-repositories to allow them")
		case !strings.HasPrefix(rest, "/") || climbs(rest):
			return refuse("a file URL is file:///absolute/path")
		}
		return nil
	default:
		return refuse("the scheme " + scheme + " is not allowed")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return refuse("it does not parse")
	case !host.MatchString(u.Host):
		return refuse("the host is malformed")
	case strings.HasPrefix(u.User.Username(), "-"):
		return refuse("the user begins with a dash")
	case strings.ContainsFunc(u.User.String(), func(c rune) bool { return c <= ' ' }) || strings.Contains(u.User.String(), "%0"):
		return refuse("the user holds a control character")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return refuse("it holds a query or a fragment")
	case strings.Trim(u.Path, "/") == "":
		return refuse("it names no repository on the host")
	case climbs(u.Path) || strings.ContainsFunc(u.Path, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }):
		return refuse("its path climbs with .. or holds a control character")
	}
	return nil
}

// climbs reports whether a path holds an element that leads upwards.
func climbs(p string) bool {
	for _, e := range strings.Split(p, "/") {
		if e == ".." {
			return true
		}
	}
	return false
}

// NormalizeURL returns the spelling under which URLs of the same repository are equal: scp form as ssh URL, scheme and
// host in lower case, no user, password, default port, .git suffix or trailing slash. Argo CD also lowers the path; a
// server may tell repositories apart by case, so that is left to SameURL. What does not parse is returned trimmed.
func NormalizeURL(raw string) string {
	raw = strings.TrimSpace(raw)
	if m := scp.FindStringSubmatch(raw); m != nil && !strings.Contains(raw, "://") {
		raw = "ssh://" + m[2] + "/" + strings.TrimLeft(m[3], "/")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" {
		return trimRepo(raw)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	h := strings.ToLower(u.Host)
	for scheme, port := range map[string]string{"https": ":443", "http": ":80", "ssh": ":22"} {
		if u.Scheme == scheme {
			h = strings.TrimSuffix(h, port)
		}
	}
	p := u.Path
	if p != "" {
		p = path.Clean(p)
	}
	return u.Scheme + "://" + h + trimRepo(p)
}

// SameURL reports whether two URLs name the same repository in the eyes of a person, path case ignored, as Argo CD
// compares a webhook's URL with an application's. Use it for hints, never for credentials.
func SameURL(a, b string) bool { return strings.EqualFold(NormalizeURL(a), NormalizeURL(b)) }

func trimRepo(p string) string {
	return strings.TrimSuffix(strings.TrimRight(p, "/"), ".git")
}

// Redact returns the URL without its password (and without the user of an http URL, which may be a token).
func Redact(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	authority, tail := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	at := strings.LastIndex(authority, "@")
	if at < 0 && !host.MatchString(authority) { // a password with a slash in it: no valid URL, but shown in an error
		if at = strings.LastIndex(rest, "@"); at >= 0 {
			authority, tail = rest, ""
		}
	}
	if at < 0 {
		return raw
	}
	user := ""
	if strings.EqualFold(scheme, "ssh") {
		name, _, _ := strings.Cut(authority[:at], ":")
		user = name + "@"
	}
	return scheme + "://" + user + authority[at+1:] + tail
}

// mirrorKey names the folder of a mirror. Over ssh the user takes part: two users of one host may see other paths.
func mirrorKey(raw string) string {
	user := ""
	if m := scp.FindStringSubmatch(raw); m != nil && !strings.Contains(raw, "://") {
		user = m[1]
	} else if u, err := url.Parse(raw); err == nil && strings.EqualFold(u.Scheme, "ssh") {
		user = u.User.Username()
	}
	sum := sha256.Sum256([]byte(user + "\x00" + NormalizeURL(raw)))
	return hex.EncodeToString(sum[:])[:16]
}
