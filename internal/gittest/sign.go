package gittest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Signer is somebody with a key of GnuPG's, who signs with the real gpg.
type Signer struct {
	Key    string // its ID: sixteen hexadecimal digits in upper case
	Public string // armored

	program string // gpg with the signer's own keyring
}

// NewSigner makes a key for a name.
func NewSigner(t testing.TB, name string) *Signer {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // t.TempDir's name is too long for gpg's socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	s := &Signer{program: filepath.Join(home, "program")}
	if err := os.WriteFile(s.program, []byte("#!/bin/sh\nexec gpg --batch --homedir "+home+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	gpg := func(args ...string) string {
		out, err := exec.Command(s.program, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	gpg("--passphrase", "", "--quick-gen-key", name+" <"+name+"@example.com>", "ed25519", "sign", "0")
	for line := range strings.Lines(gpg("--list-keys", "--with-colons")) {
		if f := strings.Split(line, ":"); f[0] == "pub" {
			s.Key = f[4]
		}
	}
	s.Public = gpg("--armor", "--export", s.Key)
	return s
}

// SignedCommit is Commit with a signature.
func (r *Repo) SignedCommit(t testing.TB, by *Signer, files map[string]string, message string) string {
	t.Helper()
	ids := strings.Fields(r.Git(t, "rev-list", "--parents", "-n1", r.Commit(t, files, message)))
	args := []string{"-c", "gpg.program=" + by.program, "commit-tree", "-S" + by.Key, "-m", message}
	for _, parent := range ids[1:] {
		args = append(args, "-p", parent)
	}
	commit := r.Git(t, append(args, ids[0]+"^{tree}")...)
	r.Git(t, "update-ref", "refs/heads/"+r.branch, commit)
	return commit
}

// SignedTag makes an annotated tag with a signature, or moves it.
func (r *Repo) SignedTag(t testing.TB, by *Signer, name, commit string) {
	t.Helper()
	r.Git(t, "-c", "gpg.program="+by.program, "tag", "--force", "--local-user", by.Key, "-m", "Signed "+name, name, commit)
}
