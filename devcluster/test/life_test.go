package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// One cluster goes through everything that can happen to the process, because each start costs
// seconds. It runs beside the shared one, so it also shows that two at once do not meet.
func TestKilledStoppedContinued(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cluster")
	first := mustStart(t, dir)
	if first.config.Host == shared.config.Host {
		t.Fatalf("two clusters on %s", first.config.Host)
	}
	ns := first.namespace(t)
	if _, err := first.client.AppsV1().Deployments(ns).Create(t.Context(), deployment(2, template("app:1", nil)), create); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two replicas", available(first, ns, 2))
	before := versions(t, first, ns)

	t.Run("a second one on the same directory is refused", func(t *testing.T) {
		_, err := start(dir)
		if err == nil || !strings.Contains(err.Error(), "in use by another devcluster (process "+fmt.Sprint(first.cmd.Process.Pid)+")") {
			t.Errorf("got %v", err)
		}
	})

	first.cmd.Process.Kill()
	first.cmd.Wait()
	second := mustStart(t, dir, "--nodes", "2")
	t.Run("after kill -9 everything is there", func(t *testing.T) {
		if second.config.Host != first.config.Host {
			t.Errorf("the server was %s, now %s", first.config.Host, second.config.Host)
		}
		// The old client: its certificate and the authority that it trusts must still be good.
		if _, err := first.client.CoreV1().Namespaces().Get(t.Context(), ns, get); err != nil {
			t.Errorf("a kubeconfig from before: %v", err)
		}
		eventually(t, "two replicas", available(second, ns, 2))
	})
	t.Run("the pods did not notice", func(t *testing.T) {
		// A pod of the node that is gone is replaced, by and by; the others must be untouched.
		after := versions(t, second, ns)
		for name, v := range before {
			if strings.HasSuffix(name, "@node-2") || after[name] == v {
				continue
			}
			t.Errorf("pod %s was at version %s, now %s", name, v, after[name])
		}
	})
	t.Run("a node fewer", func(t *testing.T) {
		nodes, err := second.client.CoreV1().Nodes().List(t.Context(), list)
		if err != nil || len(nodes.Items) != 2 {
			t.Errorf("%d nodes, %v", len(nodes.Items), err)
		}
	})

	// A watch that hangs on is the usual company of a stop.
	watch, err := second.client.CoreV1().Pods(ns).Watch(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	begin := time.Now()
	if err := second.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := second.cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v, want exit 0; it said %q", err, second.stderr)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("stopping took %v", took)
	}

	third := mustStart(t, dir, "--discard")
	if _, err := third.client.CoreV1().Namespaces().Get(t.Context(), ns, get); err != nil {
		t.Errorf("after a clean stop: %v", err)
	}
	third.stdin.Close()
	if err := third.cmd.Wait(); err != nil {
		t.Errorf("end of standard input: %v, want exit 0; it said %q", err, third.stderr)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("--discard left %s behind (%v)", dir, err)
	}
}

func available(r *running, ns string, replicas int32) func(context.Context) error {
	return func(ctx context.Context) error {
		d, err := r.client.AppsV1().Deployments(ns).Get(ctx, "a", get)
		if err != nil {
			return err
		}
		return want(d.Status.AvailableReplicas == replicas, "status %+v", d.Status)
	}
}

// versions maps name@node of each pod to the version of its last change.
func versions(t *testing.T, r *running, ns string) map[string]string {
	t.Helper()
	pods, err := r.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v := map[string]string{}
	for _, p := range pods.Items {
		if p.Status.Phase == corev1.PodRunning {
			v[p.Name+"@"+p.Spec.NodeName] = p.ResourceVersion
		}
	}
	return v
}

// A test process may die while its cluster still starts: that must leave nothing behind either.
func TestStoppedWhileItStarts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cluster")
	// Without standard input it has ended from the beginning.
	cmd := exec.Command(binary, "up", "--dir", dir, "--exit-with-stdin", "--discard")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v, said %q; want exit 0 and silence", err, out)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left behind (%v)", dir, err)
	}
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	_, err = start(t.TempDir(), "--port", port)
	if err == nil || !strings.Contains(err.Error(), "port "+port+" is taken by another program") {
		t.Errorf("got %v", err)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args string
		exit int
		want string
	}{
		{"version", 0, "devcluster: kubernetes v1.36."},
		{"--help", 0, "Usage:"},
		{"up --help", 0, "Usage:"},
		{"", 2, "no command given"},
		{"down", 2, `unknown command "down"`},
		{"up", 2, "--dir is required"},
		{"up --dir x --port 70000", 2, "--port 70000 is no port"},
		{"up --dir x --nodes 0", 2, "--nodes 0"},
		{"up --dir x y", 2, `unexpected argument "y"`},
		{"up --dri x", 2, "flag provided but not defined: -dri"},
		{"up --dir /proc/nowhere/x", 1, "choose another --dir"},
	} {
		cmd := exec.Command(binary, strings.Fields(tc.args)...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != tc.exit || !strings.Contains(out.String(), tc.want) {
			t.Errorf("devcluster %s: exit %d, said %q; want exit %d and %q", tc.args, got, out.String(), tc.exit, tc.want)
		}
	}
}
