package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// devclusterFor returns the binary, or skips the test, or fails it where a cluster is required. The demo starts a
// cluster of its own, so package clustertest's shared one is of no use.
func devclusterFor(t *testing.T) string {
	t.Helper()
	path := os.Getenv("HAWSER_DEVCLUSTER")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "devcluster")
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("HAWSER_REQUIRE_CLUSTER") == "1" {
			t.Fatalf("%s is missing, and HAWSER_REQUIRE_CLUSTER=1: build it with `make build`", path)
		}
		t.Skipf("%s is missing: build it with `make build`", path)
	}
	return path
}

// The five acts pass: this is the whole product, from a push to pods, on a real Kubernetes and a real Git.
func TestScript(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute; run without -short")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "demo")
	var out bytes.Buffer
	err := playScript(ctx, IO{Out: &out, Err: &out}, demoOptions{dir: dir, port: anyPort, devcluster: devclusterFor(t), trials: 1})
	t.Logf("\n%s", out.String())
	if err != nil {
		t.Errorf("%v\n%s", err, end(read(t, filepath.Join(dir, "hawser.log"))))
	}
	if n := strings.Count(out.String(), "  PASS: "); n != len(acts()) {
		t.Errorf("%d acts passed, want %d", n, len(acts()))
	}
	for _, said := range []string{"1 of 25 applications rendered", "set by kubectl s", "Service/checkout was deleted", "git revert to old pods Ready"} {
		if !strings.Contains(out.String(), said) {
			t.Errorf("the script did not say %q", said)
		}
	}
}

// The demo tells where things are, stops when asked, and continues with what it had.
func TestDemoContinues(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute; run without -short")
	}
	o := demoOptions{dir: filepath.Join(t.TempDir(), "demo"), port: anyPort, devcluster: devclusterFor(t), trials: 1}
	for _, round := range []string{"first", "second"} {
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
		out := &stopAfter{words: "Ctrl-C stops everything", stop: stop}
		err := showDemo(ctx, IO{Out: out, Err: out}, o)
		text := out.String()
		if err != nil {
			t.Fatalf("%s run: %v\n%s\n%s", round, err, text, end(read(t, filepath.Join(o.dir, "hawser.log"))))
		}
		for _, said := range []string{"All applications are Synced and Healthy: 25 applications, 100 objects", "git clone http://127.0.0.1:", "stopped in"} {
			if !strings.Contains(text, said) {
				t.Errorf("%s run did not say %q:\n%s", round, said, text)
			}
		}
		if created := strings.Contains(text, "new → OutOfSync"); created != (round == "first") {
			t.Errorf("%s run: applications were new: %v", round, created)
		}
	}
}

// stopAfter collects what is printed, and stops the demo when it has said something.
type stopAfter struct {
	all   strings.Builder
	words string
	stop  func()
}

func (s *stopAfter) Write(p []byte) (int, error) {
	s.all.Write(p) // lines writes under its own lock
	if strings.Contains(string(p), s.words) {
		s.stop()
	}
	return len(p), nil
}

func (s *stopAfter) String() string { return s.all.String() }

func end(text string) string { return text[max(0, len(text)-4000):] }
