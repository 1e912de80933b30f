package server

import (
	"os"
	"strings"
	"testing"
)

// A module that goes by another name since its next major version would be told no more, and nobody would notice.
func TestLibrariesAreInUse(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for path := range new(Version).libraries() {
		if !strings.Contains(string(text), "\t"+path+" v") {
			t.Errorf("go.mod has no %s", path)
		}
	}
}
