package auth

import (
	"net/url"
	"path"
	"strings"
)

// ReturnURL says where a browser goes after a login: raw, if that is a place of ours, else root. A path on our own
// origin that begins with root is, and so is a URL at or below one of origins (url and additionalUrls of argocd-cm).
//
// What only looks like one is not (B-180): //host, backslashes, user names, other schemes, and slashes, backslashes,
// dots or control characters in percent signs, which one program decodes before it looks and the next one after.
func ReturnURL(raw, root string, origins []string) string {
	if root == "" {
		root = "/"
	}
	if raw == "" || len(raw) > 2048 || strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c == '\\' || c >= 0x7f && c < 0xa0 || c == 0xfffd }) {
		return root
	}
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Opaque != "" || hidden(u.EscapedPath()) || strings.Contains(u.Path, "//") {
		return root
	}
	if u.Scheme == "" && u.Host == "" {
		if !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || !below(u.Path, root) {
			return root
		}
		return u.String()
	}
	for _, origin := range origins {
		o, err := url.Parse(origin)
		if err != nil || o.Host == "" || o.Scheme != "https" && o.Scheme != "http" {
			continue
		}
		if u.Scheme == o.Scheme && strings.EqualFold(u.Host, o.Host) && below(u.Path, o.Path) {
			return u.String()
		}
	}
	return root
}

// hidden reports whether a path has a character in percent signs that changes where it leads.
func hidden(escaped string) bool {
	for rest := strings.ToLower(escaped); ; {
		_, after, ok := strings.Cut(rest, "%")
		if !ok {
			return false
		}
		if len(after) < 2 || strings.HasPrefix(after, "2f") || strings.HasPrefix(after, "5c") || strings.HasPrefix(after, "2e") ||
			strings.HasPrefix(after, "25") || strings.HasPrefix(after, "7f") || after[0] == '0' || after[0] == '1' {
			return true
		}
		rest = after
	}
}

// below reports whether p, with its dots resolved, is root or lies below it.
func below(p, root string) bool {
	p, root = path.Clean("/"+p), path.Clean("/"+root)
	return root == "/" || p == root || strings.HasPrefix(p, root+"/")
}
