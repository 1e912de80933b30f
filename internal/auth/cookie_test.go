package auth

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/problem"
)

var errTest = errors.New("away")

func cookie(name, value string) *http.Cookie { return &http.Cookie{Name: name, Value: value} }

func TestCookiesAndBack(t *testing.T) {
	like := http.Cookie{Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
	for _, size := range []int{1, 500, 4000, 4093, 5000, 9000, 40000} {
		for _, name := range []string{CookieName, HostCookieName} {
			like.Name = name
			token := strings.Repeat("abcdefghij", size/10+1)[:size]
			cookies, err := Cookies(token, like)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cookies {
				if n := len(c.String()); n > 4093 || !c.HttpOnly || !c.Secure {
					t.Errorf("cookie %s has %d bytes", c.Name, n)
				}
			}
			back, err := JoinCookies(append([]*http.Cookie{cookie("other", "x")}, cookies...))
			if err != nil || back != token {
				t.Errorf("%d bytes in %s: got %d back, %v", size, name, len(back), err)
			}
		}
	}
	if _, err := Cookies(strings.Repeat("x", 90000), like); !problem.Is(err, problem.Limit) {
		t.Errorf("too long: %v", err)
	}
}

// The shape that Argo CD's clients read.
func TestCookieShape(t *testing.T) {
	one, err := Cookies("token", http.Cookie{})
	if err != nil || len(one) != 1 || one[0].Name != "argocd.token" || one[0].Value != "token" {
		t.Errorf("got %v, %v", one, err)
	}
	two, err := Cookies(strings.Repeat("x", 5000), http.Cookie{})
	if err != nil || len(two) != 2 || !strings.HasPrefix(two[0].Value, "2:x") || two[1].Name != "argocd.token-1" {
		t.Errorf("got %v, %v", two, err)
	}
}

func TestJoinCookies(t *testing.T) {
	for _, c := range []struct {
		name    string
		cookies []*http.Cookie
		want    string
		bad     bool
	}{
		{"none", nil, "", false},
		{"others", []*http.Cookie{cookie("argocd.tokens", "x"), cookie("argocd.token-1", "x"), cookie("argocd.token-x", "y")}, "", false},
		{"empty", []*http.Cookie{cookie("argocd.token", "")}, "", false},
		{"left over parts", []*http.Cookie{cookie("argocd.token", "a"), cookie("argocd.token-1", "old")}, "a", false},
		{"any order", []*http.Cookie{cookie("argocd.token-2", "c"), cookie("argocd.token", "3:a"), cookie("argocd.token-1", "b")}, "abc", false},
		{"missing part", []*http.Cookie{cookie("argocd.token", "3:a"), cookie("argocd.token-1", "b")}, "", true},
		{"too many", []*http.Cookie{cookie("argocd.token", "21:a")}, "", true},
		{"none of many", []*http.Cookie{cookie("argocd.token", "0:a")}, "", true},
		{"negative", []*http.Cookie{cookie("argocd.token", "-1:a")}, "", true},
		{"no number", []*http.Cookie{cookie("argocd.token", "x:a")}, "", true},
		{"twice, the same", []*http.Cookie{cookie("argocd.token", "a"), cookie("argocd.token", "a")}, "a", false},
		{"twice, tossed", []*http.Cookie{cookie("argocd.token", "a"), cookie("argocd.token", "b")}, "", true},
		{"tossed, but ours is bound to the host", []*http.Cookie{cookie("argocd.token", "a"), cookie("argocd.token", "b"), cookie("__Host-argocd.token", "ours")}, "ours", false},
		{"number in another spelling", []*http.Cookie{cookie("argocd.token", "2:a"), cookie("argocd.token-01", "b")}, "", true},
	} {
		got, err := JoinCookies(c.cookies)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
}

func FuzzJoinCookies(f *testing.F) {
	f.Add("argocd.token=2:a; argocd.token-1=b")
	f.Add("__Host-argocd.token=1:a; argocd.token=99999999999999999999:b")
	f.Fuzz(func(t *testing.T, header string) {
		r := http.Request{Header: http.Header{"Cookie": {header}}}
		token, err := JoinCookies(r.Cookies())
		if len(token) > MaxToken || err != nil && token != "" {
			t.Fatalf("%d bytes, %v", len(token), err)
		}
		if token == "" || strings.ContainsAny(token, ":") {
			return
		}
		cookies, err := Cookies(token, http.Cookie{})
		if err != nil {
			return
		}
		if back, err := JoinCookies(cookies); err != nil || back != token {
			t.Fatalf("%q came back as %q, %v", token, back, err)
		}
	})
}

var origins = []string{"https://cd.example.com", "https://other.example.com/argo/"}

// B-180.
func TestReturnURL(t *testing.T) {
	for raw, want := range map[string]string{
		"/applications?proj=web#x":       "/applications?proj=web#x",
		"/":                              "/",
		"/applications/argocd/web%20app": "/applications/argocd/web%20app",
		"https://cd.example.com/applications?a=b":     "https://cd.example.com/applications?a=b",
		"https://CD.example.com":                      "https://CD.example.com",
		"https://other.example.com/argo/applications": "https://other.example.com/argo/applications",
		"https://other.example.com/argo":              "https://other.example.com/argo",
		// not ours
		"": "/", "//evil": "/", "///evil": "/", `/\evil`: "/", `\\evil`: "/", "https:evil": "/", "https:/evil": "/", "/%09/evil": "/",
		"/\t/evil": "/", "/%2f/evil": "/", "/%2F%2Fevil": "/", "/%5cevil": "/", "/%0d%0aLocation:x": "/", "/%00": "/", "/a//evil": "/", "/%252fevil": "/",
		"evil": "/", "evil.example/path": "/", "javascript:alert(1)": "/", "JaVaScRiPt:alert(1)": "/", "data:text/html,x": "/",
		"https://evil.example/": "/", "https://cd.example.com.evil.example/": "/", "https://cd.example.com@evil.example/": "/", "https://user@cd.example.com/": "/",
		"https://cd.example.com:8443/": "/", "http://cd.example.com/": "/", "https://other.example.com/": "/", "https://other.example.com/argonaut": "/",
		"https://other.example.com/argo/../x": "/", "https://other.example.com/argo/%2e%2e/x": "/", "https://cd.example.com//evil": "/",
		" /applications": "/", "/appli cations": "/", "\u0001/x": "/", "/\u0085x": "/", "?x": "/", "#x": "/", "/" + strings.Repeat("x", 3000): "/",
	} {
		if got := ReturnURL(raw, "/", origins); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
	if got := ReturnURL("/argo/x", "/argo", nil); got != "/argo/x" {
		t.Errorf("below the root: got %q", got)
	}
	for _, raw := range []string{"/x", "/argo/../x", "/argonaut"} {
		if got := ReturnURL(raw, "/argo", nil); got != "/argo" {
			t.Errorf("%s: got %q", raw, got)
		}
	}
}

func FuzzReturnURL(f *testing.F) {
	for _, s := range []string{"/applications", "//evil", `/\evil`, "https://cd.example.com/x", "https:evil", "/%09/evil"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := ReturnURL(raw, "/", origins)
		own := strings.HasPrefix(got, "/") && !strings.HasPrefix(got, "//")
		abs := strings.HasPrefix(strings.ToLower(got)+"/", "https://cd.example.com/") || strings.HasPrefix(strings.ToLower(got), "https://cd.example.com?") || strings.HasPrefix(strings.ToLower(got), "https://cd.example.com#") ||
			strings.HasPrefix(strings.ToLower(got), "https://other.example.com/argo")
		if !own && !abs || strings.ContainsAny(got, "\\\r\n\t\x00 ") {
			t.Fatalf("%q leads to %q", raw, got)
		}
	})
}
