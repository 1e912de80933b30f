package catalog

import (
	"os"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/render/sops"
)

// Keys are those of the projects that their Secret names, and nobody's when it names none.
func TestDecryptionKeysAreOfProjects(t *testing.T) {
	key := func(name string) string {
		data, err := os.ReadFile("../render/sops/testdata/keys/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	c := &Catalog{secrets: map[string]secretRecord{}}
	put := func(s secretRecord) {
		c.secrets[s.name] = s
		c.keysVersion++
	}
	names := func(project string) string { return strings.Join(c.DecryptionKeys(project).Names(), "\n") }
	if c.DecryptionKeys("a") != nil {
		t.Error("keys without a Secret")
	}
	one, other := sops.ParseKeys(map[string]string{"k.agekey": key("one.agekey")}).Names()[0], sops.ParseKeys(map[string]string{"k.agekey": key("other.agekey")}).Names()[0]
	put(repositorySecret(kindKeys, "team", "project", "a, b-*\n", "one.agekey", key("one.agekey")))
	put(repositorySecret(kindKeys, "nobody", "other.agekey", key("other.agekey")))
	put(repositorySecret("repository", "url", "project", "a", "other.agekey", key("other.agekey")))
	for project, want := range map[string]string{"a": one, "b-c": one, "b": "", "": "", "aa": "", "default": ""} {
		if got := names(project); got != want {
			t.Errorf("project %q has %q, want %q", project, got, want)
		}
	}
	put(repositorySecret(kindKeys, "all", "project", "*", "other.agekey", key("other.agekey")))
	if got := names("a"); got != other+"\n"+one {
		t.Errorf("after another Secret: %q", got)
	}
	if a, again := c.DecryptionKeys("a"), c.DecryptionKeys("a"); a != again {
		t.Error("keys are read anew each time")
	}
	for want, s := range map[string]secretRecord{
		"names no project":         repositorySecret(kindKeys, "s", "one.agekey", key("one.agekey")),
		"holds no age identity":    repositorySecret(kindKeys, "s", "project", "a", "one.agekey", "AGE-SECRET-KEY-1CANARY"),
		"no *.agekey and no *.asc": repositorySecret(kindKeys, "s", "project", "a", "key", key("one.agekey")),
	} {
		if err := checkKeys(s); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := checkKeys(c.secrets["team"]); err != nil {
		t.Error(err)
	}
}
