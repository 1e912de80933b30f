package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const talkative = `apiVersion: v1
kind: Pod
metadata:
  name: talk
  annotations: {devcluster.hawser.dev/log: "one\ntwo", devcluster.hawser.dev/log-every: 100ms}
spec:
  initContainers: [{name: prepare, image: prepare:1}]
  containers: [{name: web, image: web:1}, {name: side, image: side:1}]
`

// kubectlFed runs kubectl with standard input.
func kubectlFed(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"kubectl"}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(shared.dir, "kubeconfig"), "KUBECTL_KUBERC=false")
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestLogsAndExecThroughTheAPI(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	run := func(args ...string) string {
		return mustKubectl(t, []string{binary, "kubectl"}, append([]string{"-n", ns}, args...)...)
	}
	file := filepath.Join(t.TempDir(), "pod.yaml")
	if err := os.WriteFile(file, []byte(talkative), 0o600); err != nil {
		t.Fatal(err)
	}
	run("apply", "-f", file)
	run("wait", "--for=condition=Ready", "pod/talk", "--timeout=60s")

	if got := run("logs", "talk", "-c", "prepare"); got != "prepare started from prepare:1, run 1\nprepare ends with exit code 0\n" {
		t.Errorf("init container: %s", got)
	}
	if got := run("logs", "talk", "-c", "web"); !strings.HasPrefix(got, "web started from web:1, run 1\n") {
		t.Errorf("web: %s", got)
	}
	time.Sleep(300 * time.Millisecond)
	if got := run("logs", "talk", "-c", "web", "--tail=2"); got != "one\ntwo\n" && got != "two\none\n" {
		t.Errorf("tail: %q", got)
	}
	stamped := strings.Fields(run("logs", "talk", "-c", "web", "--tail=1", "--timestamps"))
	if at, err := time.Parse(time.RFC3339Nano, stamped[0]); err != nil || time.Since(at) > time.Minute || len(stamped) != 2 {
		t.Errorf("timestamps: %v %v", stamped, err)
	}
	time.Sleep(time.Second)
	if got := run("logs", "talk", "-c", "web", "--since=1s"); strings.Contains(got, "started") || !strings.Contains(got, "one\n") {
		t.Errorf("since: %s", got)
	}
	if out, err := kubectl(t, []string{binary, "kubectl"}, "-n", ns, "logs", "talk", "-c", "web", "--previous"); err == nil || !strings.Contains(out, "previous terminated container") {
		t.Errorf("previous: %v %s", err, out)
	}

	if got := run("exec", "talk", "-c", "side", "--", "echo", "hello", "there"); got != "hello there\n" {
		t.Errorf("exec echo: %q", got)
	}
	if got, err := kubectlFed(t, "echo a\nhostname\nexit 3\necho never\n", "-n", ns, "exec", "-i", "talk", "-c", "web", "--", "sh"); err == nil || !strings.HasPrefix(got, "a\ntalk\n") || !strings.Contains(got, "exit code 3") {
		t.Errorf("exec sh: %v %q", err, got)
	}
	if got, err := kubectlFed(t, "passed through", "-n", ns, "exec", "-i", "talk", "-c", "web", "--", "cat"); err != nil || got != "passed through" {
		t.Errorf("exec cat: %v %q", err, got)
	}
	if got, err := kubectl(t, []string{binary, "kubectl"}, "-n", ns, "exec", "talk", "-c", "web", "--", "rm", "-rf", "/"); err == nil || !strings.Contains(got, "exit code 127") {
		t.Errorf("exec rm: %v %q", err, got)
	}

	// a stream that follows ends with its pod
	ended := make(chan string, 1)
	go func() {
		out, _ := kubectl(t, []string{binary, "kubectl"}, "-n", ns, "logs", "talk", "-c", "web", "-f", "--tail=0")
		ended <- out
	}()
	time.Sleep(time.Second)
	run("delete", "pod", "talk", "--now")
	select {
	case out := <-ended:
		if strings.Count(out, "one") < 2 || strings.Contains(out, "started") {
			t.Errorf("followed: %q", out)
		}
	case <-time.After(30 * time.Second):
		t.Error("the stream goes on after the pod")
	}
}
