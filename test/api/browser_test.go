package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/server"
)

// TestHeaders looks at what every kind of answer tells a browser (safety 42): nothing is guessed, framed, run or shared.
func TestHeaders(t *testing.T) {
	h := start(t, map[string]string{"statusbadge.enabled": "true"})
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
	from := http.Header{"Origin": {"https://evil.example.org"}}
	statuses := map[int]bool{}
	check := func(name string, r reply, except ...string) {
		t.Helper()
		statuses[r.http] = true
		for key, value := range want {
			if got := r.header.Get(key); got != value && !strings.Contains(strings.Join(except, " "), key) {
				t.Errorf("%s (%d): %s is %q", name, r.http, key, got)
			}
		}
		shared(t, name, r, except...)
	}
	for _, who := range []string{"", "admin"} {
		c := h.as(t, who)
		for _, route := range server.Routes() {
			verb, path, _ := strings.Cut(route, " ")
			var except []string
			if path == "/api/badge" { // for the pages of others
				except = []string{"Cross-Origin-Resource-Policy", "Cache-Control", "Access-Control-Allow-Origin"}
			}
			check(route, c.exchange(t, plainHTTP, verb, path, nil, false, from), except...)
			check("OPTIONS "+path, c.exchange(t, plainHTTP, "OPTIONS", path, nil, false, from, http.Header{"Access-Control-Request-Method": {"POST"}}))
		}
		for _, path := range []string{"/none", "/api/v1/none", "/%2e%2e/etc/passwd", "/api/v1/stream/applications"} {
			check(path, c.exchange(t, plainHTTP, "GET", path, nil, strings.Contains(path, "stream"), from))
		}
		check("no JSON", c.exchange(t, plainHTTP, "POST", "/api/v1/projects", []byte("{"), false, from, http.Header{"Content-Type": {"application/json"}}))
		check("text", c.exchange(t, plainHTTP, "POST", "/api/v1/projects", []byte("{}"), false, from, http.Header{"Content-Type": {"text/plain"}}))
		check("large", c.exchange(t, plainHTTP, "POST", "/api/webhook", make([]byte, 51<<20), false, from))
		for _, m := range server.Methods() {
			message := (&request{m: m, x: thing{label: "none", target: "none"}, control: h.control}).message()
			if len(m.REST) > 0 && m.Service != "session.SessionService" {
				r := m.REST[0]
				check(r.Verb+" "+r.Path, c.askREST(t, m, 0, message, from))
				_, path, _ := restRequest(t, m, 0, message)
				check("OPTIONS "+r.Path, c.exchange(t, plainHTTP, "OPTIONS", path, nil, false, from, http.Header{"Access-Control-Request-Method": {r.Verb}}))
			}
			if m.Service != "session.SessionService" {
				r, _ := c.ask(t, doorWeb, m, message, from)
				shared(t, "gRPC-Web "+m.Path(), r)
			}
		}
	}
	for _, status := range []int{200, 303, 400, 401, 404, 405, 413, 415} {
		if !statuses[status] && status != 303 {
			t.Errorf("no answer had status %d: the test does not see that kind", status)
		}
	}
}

// shared fails when an answer permits pages of others to read it.
func shared(t *testing.T, name string, r reply, except ...string) {
	t.Helper()
	for key := range r.header {
		if strings.HasPrefix(key, "Access-Control-") && !strings.Contains(strings.Join(except, " "), key) {
			t.Errorf("%s (%d): %s: %s", name, r.http, key, r.header.Get(key))
		}
	}
}

// TestForgery plays the page of another site that has the browser of somebody who is logged in send requests: whatever
// changes something is refused, by every door (safety 46; B-181, B-183).
func TestForgery(t *testing.T) {
	h := start(t, nil)
	things := h.furnish(t)
	session := h.as(t, "admin").token
	browser := &caller{h: h, name: "browser"}
	cookie := http.Header{"Cookie": {auth.CookieName + "=" + session}}
	with := func(pairs ...string) http.Header {
		all := cookie.Clone()
		for i := 0; i < len(pairs); i += 2 {
			all.Set(pairs[i], pairs[i+1])
		}
		return all
	}
	foreign := map[string]http.Header{
		"cross-site": with("Sec-Fetch-Site", "cross-site"), "same-site": with("Sec-Fetch-Site", "same-site"), // a sibling domain
		"origin": with("Origin", "https://evil.example.org"), "null": with("Origin", "null"), "scheme": with("Origin", "https://"+h.addr+".evil.example.org"),
		"both": with("Origin", "http://"+h.addr, "Sec-Fetch-Site", "cross-site"),
	}
	before := h.settled(t, things[0].target, things[1].target)
	n := 0
	for _, m := range server.Methods() {
		message := (&request{m: m, x: things[0], control: h.control}).message()
		for i, r := range m.REST {
			if r.Verb == "GET" {
				continue
			}
			for name, header := range foreign {
				n++
				if got := browser.askREST(t, m, i, message, header); got.http != 403 {
					t.Errorf("%s %s, %s: %d %s", r.Verb, r.Path, name, got.http, clipped(got.body))
				}
			}
			for _, kind := range []string{"text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
				n++
				header := with("Content-Type", kind)
				if kind == "" {
					header["Content-Type"] = nil
				}
				if got := browser.askREST(t, m, i, message, header); got.http != 415 {
					t.Errorf("%s %s as %q: %d %s", r.Verb, r.Path, kind, got.http, clipped(got.body))
				}
			}
		}
		for _, door := range []string{doorWeb, doorGRPC} {
			for name, header := range foreign {
				n++
				if got, _ := browser.ask(t, door, m, message, header); got.code != codePermissionDenied {
					t.Errorf("%s %s, %s: code %d %s", door, m.Path(), name, got.code, got.message)
				}
			}
		}
	}
	for name, header := range foreign {
		if got := browser.exchange(t, plainHTTP, "POST", "/auth/logout", nil, false, header); got.http != 403 {
			t.Errorf("/auth/logout, %s: %d", name, got.http)
		}
	}
	after := h.objects(t, things[0].target, things[1].target)
	for key := range before {
		if before[key] != after[key] {
			t.Errorf("another site has changed %s:\n%s\n%s", key, before[key], after[key])
		}
	}
	// our own page may, and so may a command, whatever it says of itself
	for name, header := range map[string]http.Header{"own page": with("Sec-Fetch-Site", "same-origin"), "own origin": with("Origin", "http://"+h.addr), "no browser": cookie} {
		header.Set("Content-Type", "application/json")
		if got := browser.exchange(t, plainHTTP, "PUT", "/api/v1/account/password", []byte(`{}`), false, header); got.http != 400 {
			t.Errorf("%s: %d %s", name, got.http, got.body)
		}
	}
	t.Logf("%d forged requests", n)

	// a cookie that a sibling domain has tossed in does not win, and two that differ are none
	for name, c := range map[string]struct {
		cookies string
		user    string
	}{
		"host wins":   {auth.CookieName + "=tossed; " + auth.HostCookieName + "=" + session, "admin"},
		"behind":      {auth.HostCookieName + "=" + session + "; " + auth.CookieName + "=tossed", "admin"},
		"bad host":    {auth.HostCookieName + "=bad; " + auth.CookieName + "=" + session, ""},
		"there twice": {auth.CookieName + "=" + session + "; " + auth.CookieName + "=tossed", ""},
	} {
		got := browser.exchange(t, plainHTTP, "GET", "/api/v1/session/userinfo", nil, false, http.Header{"Cookie": {c.cookies}})
		if user := into[struct{ Username string }](t, got.body).Username; user != c.user {
			t.Errorf("%s: the session is %q's, not %q's", name, user, c.user)
		}
	}
}
