package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files in Git are what the Go types say.
func TestFilesAreUpToDate(t *testing.T) {
	files, err := generate("../../api/v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		have, err := os.ReadFile(filepath.Join("../crds", name))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(want), string(have)); diff != "" {
			t.Errorf("%s is out of date: run `go generate ./deploy` (-types +file):\n%s", name, diff)
		}
	}
	have, err := filepath.Glob("../crds/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(have) != len(files) {
		t.Errorf("%d files in deploy/crds, %d generated", len(have), len(files))
	}
}

func TestUnknownTypesAreRefused(t *testing.T) {
	for _, c := range []struct{ name, field, want string }{
		{"foreign", "Field corev1.Pod `json:\"field\"`", "no schema for corev1.Pod"},
		{"a number of another size", "Field float64 `json:\"field\"`", "spec.field: no Go type float64"},
		{"anything", "Field interface{} `json:\"field\"`", "spec.field: a *ast.InterfaceType has no schema"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			code := "package x\ntype Application struct { Spec Spec `json:\"spec\"` }\ntype Spec struct {\n" + c.field + "\n}\n"
			if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := generate(dir)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
