package config

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func valid() Config {
	c := Default()
	c.DataDir, c.Identity = "/var/lib/hawser", "replica-1"
	return c
}

func TestDefaultsAreValidOnceTheMachineIsKnown(t *testing.T) {
	if err := valid().Validate(); err != nil {
		t.Error(err)
	}
	if err := Default().Validate(); err == nil || !strings.Contains(err.Error(), "--data-dir") || !strings.Contains(err.Error(), "--identity") {
		t.Errorf("an empty data directory and identity must both be named: %v", err)
	}
}

func TestValidateNamesTheFlag(t *testing.T) {
	for flag, change := range map[string]func(*Config){
		"--namespace \"Argo\"":        func(c *Config) { c.Namespace = "Argo" },
		"--namespace \"\"":            func(c *Config) { c.Namespace = "" },
		"--data-dir":                  func(c *Config) { c.DataDir = "" },
		"--listen \"8080\"":           func(c *Config) { c.Listen = "8080" },
		"--listen \"h:99999\"":        func(c *Config) { c.Listen = "h:99999" },
		"--listen \"::1:8080\"":       func(c *Config) { c.Listen = "::1:8080" },
		"--peer-address \":8080\"":    func(c *Config) { c.PeerAddress = ":8080" },
		"--peer-address \"h:99999\"":  func(c *Config) { c.PeerAddress = "h:99999" },
		"--peer-address \"http://h\"": func(c *Config) { c.PeerAddress = "http://h" },
		"--log-level":                 func(c *Config) { c.LogLevel = "loud" },
		"--log-format":                func(c *Config) { c.LogFormat = "xml" },
		"--identity":                  func(c *Config) { c.Identity = "" },
		"--lease-duration":            func(c *Config) { c.LeaseDuration = time.Millisecond },
		"--git-timeout":               func(c *Config) { c.GitTimeout = 0 },
		"--sync-timeout":              func(c *Config) { c.SyncTimeout = -1 },
		"--status-workers 0":          func(c *Config) { c.Workers.Status = 0 },
		"--instead-of: rewrite \"a\"": func(c *Config) { c.InsteadOf = []Rewrite{{Prefix: "a"}} },
	} {
		c := valid()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: got %v", flag, err)
		}
	}
	for _, address := range []string{"", "10.0.0.7", "10.0.0.7:8080", "fd00::7", "[fd00::7]:8080", "hawser-1.hawser"} {
		c := valid()
		if c.PeerAddress = address; c.Validate() != nil {
			t.Errorf("--peer-address %s: %v", address, c.Validate())
		}
	}
	for _, listen := range []string{":8080", "[::1]:8080", "localhost:0"} {
		c := valid()
		if c.Listen = listen; c.Validate() != nil {
			t.Errorf("--listen %s: %v", listen, c.Validate())
		}
	}
}

func TestRewrite(t *testing.T) {
	var rewrites []Rewrite
	for _, s := range []string{
		"https://github.com/=https://mirror.corp/github/",
		"https://github.com/special/=ssh://git@special.corp/?a=b/",
		"https://github.com/=https://never.corp/",
		"git@github.com:=https://mirror.corp/ssh/",
		"https://github.com/one/repo.git=http://127.0.0.1:9000/repo.git",
	} {
		r, err := ParseRewrite(s)
		if err != nil {
			t.Fatal(err)
		}
		rewrites = append(rewrites, r)
	}
	for url, want := range map[string]string{
		"https://github.com/org/repo":     "https://mirror.corp/github/org/repo",
		"https://github.com/special/repo": "ssh://git@special.corp/?a=b/repo",
		"https://github.com/one/repo.git": "http://127.0.0.1:9000/repo.git",
		"https://github.community/x":      "https://github.community/x",
		"git@github.com:org/repo":         "https://mirror.corp/ssh/org/repo",
		"HTTPS://github.com/org/repo":     "HTTPS://github.com/org/repo",
		"":                                "",
	} {
		if got := Apply(rewrites, url); got != want {
			t.Errorf("Apply(%q) = %q, want %q", url, got, want)
		}
	}
	for _, s := range []string{"", "=", "https://github.com/", "https://github.com/=https://mirror.corp", "git@github.com:=https://mirror.corp/ssh", "a="} {
		if r, err := ParseRewrite(s); err == nil {
			t.Errorf("ParseRewrite(%q) = %v, want an error", s, r)
		}
	}
}

func TestRewriteKeepsTheRestOfTheAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab/:")), 1, 5, -1)
		r := Rewrite{Prefix: text.Draw(t, "prefix"), URL: text.Draw(t, "url")}
		rest := rapid.StringOfN(rapid.RuneFrom([]rune("ab/:")), 0, 8, -1).Draw(t, "rest")
		if got := Apply([]Rewrite{r}, r.Prefix+rest); got != r.URL+rest {
			t.Fatalf("Apply = %q, want %q", got, r.URL+rest)
		}
	})
}
