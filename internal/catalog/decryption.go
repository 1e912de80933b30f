package catalog

import (
	"maps"
	"strings"
	"sync"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/project"
	"github.com/hawser-cd/hawser/internal/render/sops"
)

// kindKeys is the type of a Secret with keys that decrypt what sops encrypted in Git: *.agekey and *.asc, as Flux names
// them, and under project those of whom they are: names or globs, separated by commas. A key that names no project is
// nobody's: who may use it may have everything decrypted that was ever encrypted for it.
const kindKeys = "sops-keys"

// DecryptionKeys returns the keys of a project; nil when it has none. What is wrong with some of them is told by the keys
// themselves, where they are missed.
func (c *Catalog) DecryptionKeys(name string) *sops.Keys {
	c.decryption.Lock()
	defer c.decryption.Unlock()
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.decryption.known == nil || c.decryption.version != c.keysVersion {
		c.decryption.known, c.decryption.version = map[string]*sops.Keys{}, c.keysVersion
	}
	if k, known := c.decryption.known[name]; known {
		return k
	}
	files := map[string]string{}
	for _, secret := range sortedKeys(c.secrets) {
		s := c.secrets[secret]
		if s.kind != kindKeys || !ofProject(s.text("project"), name) {
			continue
		}
		for file, text := range s.data {
			if file != "project" {
				files[secret+"/"+file] = text
			}
		}
	}
	var k *sops.Keys
	if len(files) > 0 {
		k = sops.ParseKeys(files)
	}
	c.decryption.known[name] = k
	return k
}

// decryption is the keys of projects, for as long as no Secret with keys changes.
type decryption struct {
	sync.Mutex
	version int
	known   map[string]*sops.Keys
}

// ofProject reports whether a list of names and globs has the project in it.
func ofProject(list, name string) bool {
	var patterns []string
	for _, p := range strings.Split(list, ",") {
		if p = strings.TrimSpace(p); p != "" {
			patterns = append(patterns, p)
		}
	}
	if len(patterns) == 0 {
		return false
	}
	has, err := project.Namespaces(patterns)
	return err == nil && has(name)
}

// checkKeys says what is wrong with a Secret of keys.
func checkKeys(s secretRecord) error {
	if s.text("project") == "" {
		return problem.New(problem.Invalid, "Secret %s (%s) names no project: its keys are used by nobody", s.name, kindKeys).
			WithHint("give it the key project, with the names of projects, or globs, separated by commas")
	}
	files := maps.Clone(s.data)
	delete(files, "project")
	if err := sops.ParseKeys(files).Check(); err != nil {
		return problem.Because(problem.Invalid, err, "Secret %s (%s)", s.name, kindKeys)
	}
	return nil
}
