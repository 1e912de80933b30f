package server

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
)

func TestParseLink(t *testing.T) {
	for text, want := range map[string]string{
		"https://example.org/a?b=c#d":        "https://example.org/a?b=c#d",
		"HTTPS://example.org":                "https://example.org",
		" https://example.org/a b?q=c d\n":   "https://example.org/a%20b?q=c%20d",
		"ht\ttps://example.org":              "https://example.org",
		"\u200bhttps://example.org/\u202ex":  "https://example.org/x",
		`https://example.org/?q="><script>`:  "https://example.org/?q=%22%3E%3Cscript%3E",
		"mailto:ops@example.org?subject=a b": "mailto:ops@example.org?subject=a%20b",
		"http://10.0.0.1:8080/":              "http://10.0.0.1:8080/",
		"https://example.org/ä":              "https://example.org/%C3%A4",

		"javascript:alert(1)":             "",
		"JaVaScRiPt:alert(1)":             "",
		"java\tscript:alert(1)":           "",
		"\x01javascript:alert(1)":         "",
		"data:text/html,<script>":         "",
		"vbscript:x":                      "",
		"title|javascript:alert(1)":       "",
		"https://ok|javascript:alert(1)":  "",
		"//evil.example.org":              "",
		"/applications":                   "",
		"https:evil":                      "",
		"https://":                        "",
		"https://a\\b/":                   "",
		"https://user:secret@example.org": "",
		"ssh://git@example.org/x":         "",
		"mailto:":                         "",
		"file:///etc/passwd":              "",
		"":                                "",
		"https://example.org/" + strings.Repeat("a", 9000): "",
		"https://example.org/\xff":                         "",
	} {
		got, ok := parseLink(text)
		if string(got) != want || ok != (want != "") {
			t.Errorf("%q is %q, %v; want %q", text, got, ok, want)
		}
	}
}

func FuzzParseLink(f *testing.F) {
	for _, seed := range []string{"https://example.org/a?b", "java\tscript:x", "mailto:a@b", "https://a|b", "http://[::1]:80/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseLink(text)
		if !ok {
			return
		}
		for _, r := range got {
			if r <= ' ' || r >= 0x7f || unicode.IsControl(r) || strings.ContainsRune("\"'<>`", r) {
				t.Fatalf("%q keeps %q", got, r)
			}
		}
		u, err := url.Parse(string(got))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "mailto" {
			t.Fatalf("%q from %q: %v", got, text, err)
		}
		if again, ok := parseLink(string(got)); !ok && len(got) <= maxLink || ok && again != got {
			t.Fatalf("%q becomes %q", got, again)
		}
	})
}
