package clustertest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startWithin = 4 * time.Minute // more than devcluster gives itself, so that its own words arrive
	stopWithin  = time.Minute
)

// Own is a cluster that belongs to one test, for tests that stop and restart the API server.
// It takes three seconds and 350 MB: use Start where you can.
type Own struct {
	*Cluster
	own *process
}

// StartOwn starts a cluster for this test alone and stops it at the test's end.
func StartOwn(t testing.TB) *Own {
	t.Helper()
	binary, missing := findBinary()
	switch {
	case missing != "" && os.Getenv(RequireEnv) == "1":
		t.Fatalf("clustertest: %s (a cluster is required because %s=1)", missing, RequireEnv)
	case missing != "":
		t.Skipf("clustertest: %s", missing)
	}
	o := &Own{own: &process{binary: binary, dir: t.TempDir(), audit: true}}
	t.Cleanup(func() { o.own.kill() })
	o.Restart(t)
	return o
}

// Kill ends the cluster as kill -9 does. Its data stay.
func (o *Own) Kill() { o.own.kill() }

// Restart continues a killed cluster, on the same port and with the same data.
func (o *Own) Restart(t testing.TB) {
	t.Helper()
	if err := o.own.start(); err != nil {
		t.Fatalf("clustertest: %v", err)
	}
	c, err := connect(o.own.kubeconfig())
	if err != nil {
		t.Fatalf("clustertest: %v", err)
	}
	o.Cluster = c
}

// process is one running devcluster.
type process struct {
	binary  string
	dir     string
	discard bool
	audit   bool

	cmd *exec.Cmd
	// Our end of its standard input. The kernel closes it with this process, whether that returns,
	// panics or is killed, and the cluster stops with it (--exit-with-stdin).
	stdin io.Closer
}

func (p *process) kubeconfig() string { return filepath.Join(p.dir, "kubeconfig") }

// start returns when the cluster is ready.
func (p *process) start() error {
	args := []string{"up", "--dir", p.dir, "--exit-with-stdin"}
	if p.discard {
		args = append(args, "--discard")
	}
	if p.audit {
		args = append(args, "--audit")
	}
	p.cmd = exec.Command(p.binary, args...)
	var complaints lockedBuffer
	p.cmd.Stderr = &complaints
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.binary, err)
	}
	first := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		first <- strings.TrimSpace(line)
	}()
	select {
	case line := <-first:
		if strings.HasPrefix(line, "devcluster ready") {
			return nil
		}
		_ = p.cmd.Wait() // its output has ended, so it has too
		return fmt.Errorf("%s did not become ready: %s%s", strings.Join(p.cmd.Args, " "), line, complaints.String())
	case <-time.After(startWithin):
		p.kill()
		return fmt.Errorf("%s said nothing within %v; its log is %s: %s", strings.Join(p.cmd.Args, " "), startWithin,
			filepath.Join(p.dir, "devcluster.log"), complaints.String())
	}
}

func (p *process) kill() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
	p.cmd = nil
}

// findBinary finds devcluster, or says what to do about it.
func findBinary() (path, missing string) {
	path = os.Getenv(BinaryEnv)
	if path == "" {
		root, err := repositoryRoot()
		if err != nil {
			return "", err.Error()
		}
		path = filepath.Join(root, "bin", "devcluster")
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Sprintf("no test cluster: %s is missing; build it with `make build`, or name another with %s", path, BinaryEnv)
	}
	return path, ""
}

// repositoryRoot is the next folder upwards with the main module's go.mod; tests run in their
// package's folder.
func repositoryRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module github.com/hawser-cd/hawser\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no test cluster: %s is not inside Hawser's repository; name the binary with %s", start, BinaryEnv)
		}
	}
}

// lockedBuffer collects what the child process says while we may already be reading it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
