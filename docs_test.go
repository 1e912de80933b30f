package hawser_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are what people read first; what they point at must be there.
var documents = []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/*.md", "docs/adr/*.md"}

var (
	link   = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	quoted = regexp.MustCompile("`((?:internal|api|cmd|deploy|devcluster|docs|test|testdata|tools|web)/[A-Za-z0-9_./-]*|[a-z0-9]+/[a-z0-9_/]+\\.go)`")
)

// Links and paths in the documents lead somewhere. A path like git/tree.go is short for internal/git/tree.go.
func TestDocumentsPointAtWhatExists(t *testing.T) {
	for _, pattern := range documents {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no document %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range link.FindAllStringSubmatch(string(text), -1) {
				if !exists(path.Join(path.Dir(filepath.ToSlash(file)), m[1])) {
					t.Errorf("%s links to %s, which is not there", file, m[1])
				}
			}
			for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
				if !exists(m[1]) && !exists("internal/"+m[1]) {
					t.Errorf("%s names %s, which is not there", file, m[1])
				}
			}
		}
	}
}

func exists(p string) bool {
	_, err := os.Stat(filepath.FromSlash(p))
	return err == nil
}

// Every setting that the code reads is in docs/settings.md, and nothing else is.
func TestSettingsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ files, inCode, inPage string }{
		// flags of serve and agent: f.StringVar(&cfg.Listen, "listen", …)
		{"internal/cli/serve.go internal/cli/agent.go", `\bf\.[A-Za-z]+Var\(&[A-Za-z.]+, "([a-z-]+)"`, "\\| `--([a-z-]+)` "},
		// keys of argocd-cm and argocd-cmd-params-cm: read(&k, "url", …), and of argocd-cm and argocd-secret: cm["url"], s.CM["url"]
		{"internal/catalog/settings*.go internal/auth/*.go", `(?:\bread\(&?[kp], |\b(?:cm|CM)\[)"([A-Za-z.]+)"`, "`((?:[a-z]+\\.)+[A-Za-z.]+|url|additionalUrls|passwordPattern|installationID|globalProjects)`"},
		// keys of argocd-secret
		{"internal/catalog/settings.go", `"(webhook\.[a-z]+\.[a-z]+)":`, "`(webhook\\.[a-z]+\\.[a-z]+)`"},
	} {
		var code []byte
		for pattern := range strings.FieldsSeq(c.files) {
			files, err := filepath.Glob(pattern)
			if err != nil || len(files) == 0 {
				t.Fatalf("no file %s: %v", pattern, err)
			}
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasSuffix(file, "_test.go") {
					code = append(code, text...)
				}
			}
		}
		read, told := words(c.inCode, string(code)), words(c.inPage, string(page))
		if len(read) == 0 {
			t.Fatalf("%s: the pattern for settings finds none any more", c.files)
		}
		for _, key := range read {
			if !slices.Contains(told, key) {
				t.Errorf("%s reads %s, and docs/settings.md does not tell", c.files, key)
			}
		}
		for _, key := range told {
			if !strings.Contains(string(code), `"`+key+`"`) {
				t.Errorf("docs/settings.md tells of %s, and %s does not know it", key, c.files)
			}
		}
	}
}

func words(pattern, text string) (out []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}
