package git_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/gittest"
	"github.com/hawser-cd/hawser/internal/source/signature"
)

// What git and gpg have signed is found to be signed by whom, and nothing else is.
func TestSignedCommitsAndTags(t *testing.T) {
	ada, eve := gittest.NewSigner(t, "ada"), gittest.NewSigner(t, "eve")
	s := gittest.New(t)
	repo := s.Repo(t, "signed", map[string]string{"a": "1"})
	first := repo.Head(t)
	signed := repo.SignedCommit(t, ada, map[string]string{"a": "2"}, "Second\n\nWith a body: and\n\nanother one.")
	seal := repo.SignedCommit(t, ada, map[string]string{"a": "3"}, "Third\n\nSigned-off-by: x\nargocd-GPG-seal: looked at it")
	repo.Commit(t, map[string]string{"a": "4"}, "Fourth\n\nArgocd-gpg-seal: a body that is not the last paragraph\n\nThe end")
	last := repo.Head(t)
	repo.SignedTag(t, ada, "v1.0.0", first)
	repo.SignedTag(t, eve, "v1.1.0", signed)
	repo.AnnotatedTag(t, "v2.0.0", signed, "Not signed")
	repo.Tag(t, "light", signed)
	repo.SignedTag(t, ada, "outer", "v2.0.0")
	keys := signature.Read(map[string]string{ada.Key: ada.Public})
	m, r := mirrors(t), git.Repository{URL: repo.URL}
	refresh(t, m, r)
	judged := func(s git.Signed) string {
		v, by := keys.Detached(s.Payload, s.Signature, time.Now)
		if len(by) > 0 {
			return string(v) + " " + strings.NewReplacer(ada.Key, "ada", eve.Key, "eve").Replace(by[0])
		}
		return string(v)
	}
	for _, c := range []struct {
		commit, want string
		parents      int
		seals        bool
	}{{first, "unsigned", 0, false}, {signed, "signed ada", 1, false}, {seal, "signed ada", 1, true}, {last, "unsigned", 1, false}} {
		got, err := m.SignedCommit(context.Background(), r, c.commit)
		if err != nil {
			t.Fatal(err)
		}
		if judged(got) != c.want || len(got.Parents) != c.parents || got.Seals != c.seals || got.Revision != c.commit || got.By != "Test Person <test@example.com>" {
			t.Errorf("%s: %s, %d parents, seals: %v, by %s", c.commit, judged(got), len(got.Parents), got.Seals, got.By)
		}
		if c.want == "signed ada" {
			got.Payload = append(got.Payload, '\n')
			if judged(got) != "bad signature ada" {
				t.Errorf("changed: %s", judged(got))
			}
		}
	}
	for revision, want := range map[string]string{
		"v1.0.0": "v1.0.0 signed ada", "refs/tags/v1.0.0": "v1.0.0 signed ada", "v1.1.0": "v1.1.0 signed with key not in keyring eve", "1.x": "v1.1.0 signed with key not in keyring eve",
		"v2.0.0": "v2.0.0 unsigned", "light": "", "outer": "outer signed ada", "main": "", signed: "", "HEAD": "",
	} {
		commit, err := m.Commit(context.Background(), r, revision)
		if err != nil {
			t.Fatal(err)
		}
		tag, err := m.SignedTag(context.Background(), r, revision, "", commit)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if tag != nil {
			got = tag.Revision + " " + judged(*tag)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", revision, got, want)
		}
		if tag, err := m.SignedTag(context.Background(), r, revision, "", strings.Repeat("0", 40)); tag != nil || err != nil { // it was moved meanwhile
			t.Errorf("%s: %v %v", revision, tag, err)
		}
	}
}
