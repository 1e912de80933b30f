package server

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// safeLink is an address that a page may put behind a click. Only parseLink makes one.
type safeLink string

// maxLink is the longest address that browsers and proxies are sure to take.
const maxLink = 8 << 10

// parseLink takes an address that somebody wrote, or that came out of a template, for a link: http and https with a
// host, and mailto. What a browser would skip before it reads the scheme (white space, control and format characters)
// is taken out first; what could end an attribute is escaped. Anything else, an address with a password included, is
// no link.
func parseLink(text string) (safeLink, bool) {
	if len(text) > maxLink || !utf8.ValidString(text) {
		return "", false
	}
	text = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	if err != nil || u.User != nil {
		return "", false
	}
	switch u.Scheme { // url.Parse makes it lower case
	case "http", "https":
		if u.Hostname() == "" || u.Opaque != "" || strings.ContainsAny(u.Host, "\\ <>\"'`") {
			return "", false
		}
	case "mailto":
		if u.Opaque == "" || u.Host != "" {
			return "", false
		}
	default:
		return "", false
	}
	return safeLink(escapeLink(u.String())), true
}

// shownLink is an address that somebody wrote as it may be shown: nothing, when it is no link.
func shownLink(text string) string {
	link, _ := parseLink(text)
	return string(link)
}

// escapeLink percent-encodes what has no place in an address; url.URL leaves queries as they were written.
func escapeLink(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"'<>\\^`{|}", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
