package git

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/problem"
)

func TestCheckURL(t *testing.T) {
	allowed := []string{
		"https://github.com/org/repo", "https://github.com/org/repo.git", "HTTPS://GitHub.com/org/repo", "http://127.0.0.1:8080/a/b.git",
		"https://user:pass@host/x", "https://host/a%20b", "https://dev.azure.com/org/my%20project/_git/repo", "https://[::1]:8443/x",
		"ssh://git@host/x.git", "ssh://git@host:2222/~/x", "git@github.com:org/repo.git", "git@[::1]:x", "org-123@ssh.host.com:v3/a/b",
		"https://host/-/x", "https://münchen.example/x",
	}
	for _, u := range allowed {
		err := CheckURL(u, false)
		if strings.Contains(u, "ü") { // a host in Unicode must be written in its ASCII form
			if err == nil {
				t.Errorf("%q allowed", u)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q refused: %v", u, err)
		}
	}
	refused := []string{
		"", " ", "ext::sh -c id", "ext::sh", "fd::7", "fd::7/foo", "ext::git://x/y", "git://host/x", "ftp://host/x", "rsync://host/x", "file:///etc", "/tmp/repo", "./repo", "../repo", "repo",
		"-oProxyCommand=id", "--upload-pack=id", "ssh://-oProxyCommand=id/x", "git@-oProxyCommand=id:x", "ssh://git@-oProxyCommand=id/x", "-git@host:x",
		"ssh://-oUser@host/x", "git@host:-oProxyCommand=id", "git@host:../../x", "https://host/../x", "https://host/a/%2e%2e/b", "https://host/x\n", "https://ho\x00st/x", "https://host/a b",
		"https://host/x?y=1", "https://host/x#y", "https://host", "https:///x", "https://host:port/x", "https://a b/x", "host:path", "C:\\repo", "https://ho\\st/x", "https://host/a\\b",
		"https://host/%0a", "https://u%0a@host/x", "bundle.bundle", "https://host/" + strings.Repeat("x", 3000), "git@host::x", "a::b@c:d", "http+unix://x/y", "https:host/x",
	}
	for _, u := range refused {
		if err := CheckURL(u, false); !problem.Is(err, problem.Invalid) && !problem.Is(err, problem.Forbidden) {
			t.Errorf("%q: %v, want it refused", u, err)
		}
	}
	if err := CheckURL("file:///srv/repo.git", true); err != nil {
		t.Error(err)
	}
	for _, u := range []string{"file://host/x", "file:///a/../b", "/srv/repo.git", "ext::sh -c id", "file://-x/y"} {
		if err := CheckURL(u, true); err == nil {
			t.Errorf("%q allowed with file:// allowed", u)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, u := range []string{"https://host/x", "git@host:x", "ext::sh -c id", "ssh://-oProxyCommand=id/x", "file:///x", "https://u:p@h:1/x%2e", "a@b:-c"} {
		f.Add(u, true)
		f.Add(u, false)
	}
	f.Fuzz(func(t *testing.T, raw string, file bool) {
		err := CheckURL(raw, file)
		NormalizeURL(raw)
		if Redact(raw); err != nil {
			return
		}
		clean, err := Repository{URL: raw}.clean(file)
		if err != nil {
			return
		}
		for _, u := range []string{raw, clean.URL} {
			if strings.HasPrefix(u, "-") || strings.Contains(u, "@-") || strings.Contains(u, "://-") || strings.ContainsAny(u, " \n\r\x00") {
				t.Errorf("%q is allowed", u)
			}
			scheme, _, ok := strings.Cut(u, "://")
			scheme = strings.ToLower(scheme)
			if ok && scheme != "https" && scheme != "http" && scheme != "ssh" && (scheme != "file" || !file) {
				t.Errorf("scheme of %q is allowed", u)
			}
			if !ok && (!strings.Contains(u, "@") || strings.Contains(strings.SplitN(u, "@", 2)[0], "::")) {
				t.Errorf("%q is allowed", u)
			}
		}
		if NormalizeURL(NormalizeURL(raw)) != NormalizeURL(raw) {
			t.Errorf("%q normalises to %q and then to %q", raw, NormalizeURL(raw), NormalizeURL(NormalizeURL(raw)))
		}
	})
}

func TestNormalizeURL(t *testing.T) {
	for _, same := range [][]string{
		{"https://github.com/Org/Repo", "https://github.com/Org/Repo.git", "https://GitHub.com/Org/Repo/", "HTTPS://user:pw@github.com:443/Org/Repo.git", " https://github.com/Org//Repo "},
		{"ssh://git@github.com/org/repo", "git@github.com:org/repo.git", "ssh://git@GITHUB.com:22/org/repo.git", "git@github.com:/org/repo"},
		{"http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a.git"},
	} {
		for _, u := range same {
			if NormalizeURL(u) != NormalizeURL(same[0]) {
				t.Errorf("%q → %q, want %q", u, NormalizeURL(u), NormalizeURL(same[0]))
			}
		}
	}
	seen := map[string]string{}
	for _, u := range []string{"https://h/a", "http://h/a", "ssh://h/a", "https://h/A", "https://h:8443/a", "https://h.evil/a", "https://h/a/b", "https://h@evil/a"} {
		if other, ok := seen[NormalizeURL(u)]; ok {
			t.Errorf("%q and %q are the same", u, other)
		}
		seen[NormalizeURL(u)] = u
	}
	if !SameURL("https://GitHub.com/ORG/repo.git", "https://github.com/org/Repo") || SameURL("https://h/a", "https://h/b") {
		t.Error("SameURL")
	}
	if mirrorKey("ssh://a@h/x") == mirrorKey("ssh://b@h/x") || mirrorKey("git@h:x") != mirrorKey("ssh://git@h/x.git") {
		t.Error("mirrors over ssh are told apart by user")
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"https://user:secret@host/x": "https://host/x", "https://token@host/x/y": "https://host/x/y", "ssh://git@host/x": "ssh://git@host/x", "https://u:p@host": "https://host",
		"ssh://git:pw@host:22/x": "ssh://git@host:22/x", "git@host:x": "git@host:x", "https://host/x@y": "https://host/x@y", "": "", "https://a@b@host/x": "https://host/x",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}
