// Package test runs the devcluster binary as its users do: as a process, with a kubeconfig.
//
// Most tests share one cluster and work in a namespace each; the ones about stopping and continuing
// start their own. The binary is built here unless HAWSER_DEVCLUSTER names one. The package holds no code
// that is not a test; start with TestMain.
package test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	binary string
	shared *running
)

func TestMain(m *testing.M) { os.Exit(withSharedCluster(m)) }

func withSharedCluster(m *testing.M) int {
	dir, err := os.MkdirTemp("", "devcluster-test-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	if binary = os.Getenv("HAWSER_DEVCLUSTER"); binary == "" {
		binary = filepath.Join(dir, "devcluster")
		build := exec.Command("go", "build", "-o", binary, "-tags", "kustomize_disable_go_plugin_support",
			"-ldflags", "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3", "..")
		if out, err := build.CombinedOutput(); err != nil {
			return fail(fmt.Errorf("build devcluster: %w\n%s", err, out))
		}
	}
	shared, err = start(filepath.Join(dir, "shared"))
	if err != nil {
		return fail(err)
	}
	defer shared.cmd.Wait()
	defer shared.stdin.Close()
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// running is one devcluster process that has said that it is ready.
type running struct {
	dir    string
	line   string // what it printed
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *safeBuffer
	config *rest.Config
	client kubernetes.Interface
}

func start(dir string, flags ...string) (*running, error) {
	r := &running{dir: dir, stderr: &safeBuffer{}}
	r.cmd = exec.Command(binary, append([]string{"up", "--dir", dir, "--exit-with-stdin"}, flags...)...)
	r.cmd.Stderr = r.stderr
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	r.line, err = lines.ReadString('\n')
	if err != nil {
		r.cmd.Wait()
		return nil, fmt.Errorf("devcluster ended without being ready: %s", r.stderr)
	}
	go io.Copy(r.stderr, lines) // anything more on standard output is a fault; see TestSaysOneLine
	if r.config, err = clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "kubeconfig")); err != nil {
		return nil, err
	}
	r.config.QPS = -1
	r.client, err = kubernetes.NewForConfig(r.config)
	return r, err
}

// mustStart is start for a test of its own; the cluster goes at the test's end.
func mustStart(t *testing.T, dir string, flags ...string) *running {
	t.Helper()
	r, err := start(dir, flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			r.cmd.Process.Kill()
			r.cmd.Wait()
		}
	})
	return r
}

func (r *running) namespace(t *testing.T) string {
	t.Helper()
	ns, err := r.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the default service account", func(ctx context.Context) error {
		_, err := r.client.CoreV1().ServiceAccounts(ns.Name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	return ns.Name
}

// eventually polls until check returns nil. The limit is for a machine that is busy with much else.
func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within a minute: %v", what, err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// gone turns the answer to a Get into a check that the object does not exist.
func gone(err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err == nil:
		return fmt.Errorf("it still exists")
	}
	return err
}

func want(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(s.b.String())
}
