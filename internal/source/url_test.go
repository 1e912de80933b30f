package source

import "testing"

func TestNormalizeURLMakesSpellingsEqual(t *testing.T) {
	for want, spellings := range map[string][]string{
		"https://git.corp/org/repo": {
			"https://git.corp/org/repo", "https://git.corp/org/repo.git", "https://git.corp/org/repo/", "https://git.corp/org/repo.git/",
			"https://GIT.corp/Org/Repo", "https://user:pw@git.corp/org/repo", "https://git.corp:443/org/repo", " https://git.corp/org/repo\n",
			"https://a@b@git.corp/org/repo", "https://git.corp//org///repo",
		},
		"http://git.corp:8080/org/repo": {"http://git.corp:8080/org/repo.git"},
		"ssh://git.corp/org/repo":       {"git@git.corp:org/repo", "ssh://git@git.corp/org/repo.git", "ssh://git@git.corp:22/org/repo", "deploy@git.corp:org/repo/", "git@git.corp:/org/repo"},
		"ssh://git.corp:2222/org/repo":  {"ssh://git@git.corp:2222/org/repo"},
		"https://evil":                  {"https://git.corp@evil/"},
		"https://git.corp/@evil":        {"https://git.corp/@evil"},
		"ghcr.io/org/chart":             {"ghcr.io/org/chart", "GHCR.io/org/chart/"},
		"ghcr.io/org/chart@sha256:abc":  {"ghcr.io/org/chart@sha256:abc"},
		"oci://ghcr.io/org/chart":       {"oci://ghcr.io/org/chart"},
		"file:///srv/git/repo":          {"file:///srv/git/repo.git"},
		"ssh://**":                      {"git@**"},
		"ssh://*.corp/org/*":            {"git@*.corp:org/*"},
		"https://*.corp/{a,b}/**":       {"https://*.corp/{a,b}/**"},
		"*":                             {"*"},
		"":                              {"", "  "},
	} {
		for _, s := range spellings {
			if got := NormalizeURL(s); got != want {
				t.Errorf("NormalizeURL(%q) = %q, want %q", s, got, want)
			}
		}
	}
}

func TestNormalizeURLKeepsDifferentRepositoriesApart(t *testing.T) {
	seen := map[string]string{}
	for _, s := range []string{
		"https://git.corp/org/repo", "http://git.corp/org/repo", "ssh://git.corp/org/repo", "https://git.corp:8443/org/repo",
		"https://git.corp.evil.com/org/repo", "https://git.corp/org/repo2", "https://git.corp/org/repo.github", "https://evil/git.corp/org/repo",
	} {
		n := NormalizeURL(s)
		if other, taken := seen[n]; taken {
			t.Errorf("%q and %q both become %q", s, other, n)
		}
		seen[n] = s
		if again := NormalizeURL(n); again != n {
			t.Errorf("NormalizeURL(%q) = %q: not stable", n, again)
		}
	}
}
