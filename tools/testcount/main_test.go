package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A real run of the go command over a small module in which everything happens once.
func TestCountARealRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":            "module example.org/m\n\ngo 1.26\n",
		"good/good_test.go": "package good\nimport \"testing\"\nfunc TestA(t *testing.T) { t.Run(\"sub\", func(*testing.T) {}) }\nfunc TestShort(t *testing.T) { t.Skip(\"on purpose\") }\n",
		"bad/bad_test.go":   "package bad\nimport \"testing\"\nfunc TestWrong(t *testing.T) { t.Error(\"two is not three\") }\nfunc TestFine(t *testing.T) { t.Log(\"NOISE\") }\n",
		"lame/lame_test.go": "package lame\nimport \"testing\"\nfunc TestTool(t *testing.T) { t.Skip(\"sshd is not installed\") }\n",
		"boom/boom_test.go": "package boom\nimport \"testing\"\nfunc TestBoom(t *testing.T) { panic(\"kaboom\") }\n",
		"main/main_test.go": "package main\nimport (\"os\"; \"testing\")\nfunc TestMain(m *testing.M) { println(\"no cluster\"); os.Exit(3) }\n",
		"broken/b_test.go":  "package broken\nvar x int = \"text\"\n",
		"empty/empty.go":    "package empty\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-json", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	events, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("the run should have failed")
	}
	var out bytes.Buffer
	got := count(bytes.NewReader(events), &out)
	// Passed: TestA, its sub, TestFine. Failed: TestWrong, TestBoom, and the packages main and broken.
	want := totals{passed: 3, failed: 4, skipped: 2, lacking: 1}
	if got != want || got.good() {
		t.Errorf("counted %+v, want %+v\n%s", got, want, out.String())
	}
	for _, text := range []string{"two is not three", "kaboom", "no cluster", "cannot use \"text\"", "SKIP example.org/m/good TestShort", "on purpose", "for want of a tool", "ok   example.org/m/good (3, "} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the output lacks %q:\n%s", text, out.String())
		}
	}
	for _, text := range []string{"NOISE", "=== RUN"} {
		if strings.Contains(out.String(), text) {
			t.Errorf("the output has %q:\n%s", text, out.String())
		}
	}
}

func TestNothingIsNotGood(t *testing.T) {
	var out bytes.Buffer
	if count(strings.NewReader("go: no such module\n"), &out).good() {
		t.Error("a run without tests is good")
	}
	if out.String() != "go: no such module\n" {
		t.Errorf("the go command's words are lost: %q", out.String())
	}
	half := `{"Action":"run","Package":"p","Test":"TestX"}` + "\n" + `{"Action":"pass","Package":"p","Test":"TestX"}`
	if got := count(strings.NewReader(half), &out); got.failed != 1 {
		t.Errorf("a package whose end is missing: %+v", got)
	}
}
