package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// How long devcluster may take. It gives up by itself earlier, with better words.
const (
	kubernetesStartsWithin = 5 * time.Minute
	kubernetesStopsWithin  = 40 * time.Second
)

// kubernetes is a running devcluster, our child.
type kubernetes struct {
	binary, dir string
	stdin       io.Closer // our end of the pipe: when this process ends, however that happens, so does the cluster
	process     *os.Process
	asked       atomic.Bool   // to stop
	ended       chan struct{} // closed when the process has ended
	complaints  *tail
}

func (k *kubernetes) kubeconfig() string { return filepath.Join(k.dir, "kubeconfig") }

// startKubernetes returns when the cluster in dir answers.
func startKubernetes(ctx context.Context, binary, dir string) (*kubernetes, error) {
	cmd := exec.Command(binary, "up", "--dir", dir, "--exit-with-stdin") // not CommandContext: Hawser is to stop before it
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}                // a terminal's Ctrl-C is for us, and we pass it on in order
	k := &kubernetes{binary: binary, dir: dir, ended: make(chan struct{}), complaints: &tail{}}
	cmd.Stderr = k.complaints
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, problem.Because(problem.Invalid, err, "start %s", binary).WithHint("build it with `make build`, or name another with --devcluster")
	}
	k.stdin, k.process = stdin, cmd.Process
	first := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		line, _ := r.ReadString('\n')
		first <- strings.TrimSpace(line)
		_, _ = io.Copy(io.Discard, r)
		_ = cmd.Wait()
		close(k.ended)
	}()
	limit := time.NewTimer(kubernetesStartsWithin)
	defer limit.Stop()
	select {
	case line := <-first:
		if strings.HasPrefix(line, "devcluster ready") {
			return k, nil
		}
		<-k.ended
		return nil, k.failure("Kubernetes did not start")
	case <-ctx.Done():
		k.stop()
		return nil, ctx.Err()
	case <-limit.C:
		k.stop()
		return nil, k.failure("Kubernetes did not start within " + seconds(kubernetesStartsWithin))
	}
}

func (k *kubernetes) failure(what string) error {
	if said := strings.TrimPrefix(strings.TrimSpace(k.complaints.String()), "devcluster: "); said != "" {
		what += ": " + strings.Join(strings.Fields(said), " ")
	}
	return problem.New(problem.Unavailable, "%s", what).WithHint("its log is %s", filepath.Join(k.dir, "devcluster.log"))
}

// stop asks the cluster to stop and waits; one that does not is killed, which costs it nothing.
func (k *kubernetes) stop() {
	k.asked.Store(true)
	_ = k.stdin.Close()
	_ = k.process.Signal(syscall.SIGTERM)
	select {
	case <-k.ended:
	case <-time.After(kubernetesStopsWithin):
		_ = k.process.Kill()
		<-k.ended
	}
}

// tail keeps the last few kilobytes of what a child says.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailBytes = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - tailBytes; over > 0 {
		t.b = t.b[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// findDevcluster returns the path of the binary: the one named, else beside ours, else on the PATH.
func findDevcluster(named string) (string, error) {
	if named != "" {
		if !exists(named) {
			return "", problem.New(problem.NotFound, "--devcluster %s: there is no such file", named)
		}
		return filepath.Abs(named)
	}
	if own, err := os.Executable(); err == nil {
		if beside := filepath.Join(filepath.Dir(own), "devcluster"); exists(beside) {
			return beside, nil
		}
	}
	if path, err := exec.LookPath("devcluster"); err == nil {
		return filepath.Abs(path)
	}
	return "", problem.New(problem.NotFound, "the demo needs devcluster, a Kubernetes in one binary, and it is neither beside hawser nor on the PATH").
		WithHint("`make build` builds it; --devcluster names another place")
}

// kubectl is the command line that speaks to the demo's cluster as kubectl; nil when the machine has none.
type kubectl []string

// findKubectl takes kubectl from the PATH, or the one that devcluster may have on board.
func findKubectl(devcluster, kubeconfig string) kubectl {
	if _, err := exec.LookPath("kubectl"); err == nil {
		return kubectl{"kubectl", "--kubeconfig", kubeconfig}
	}
	help, _ := exec.Command(devcluster, "help").Output()
	if bytes.Contains(help, []byte("devcluster kubectl")) {
		return kubectl{devcluster, "kubectl", "--kubeconfig", kubeconfig}
	}
	return nil
}

// run runs it with more arguments; editor replaces the person at `kubectl edit`.
func (k kubectl) run(ctx context.Context, editor string, args ...string) error {
	cmd := exec.CommandContext(ctx, k[0], append(k[1:len(k):len(k)], args...)...)
	cmd.Env = append(os.Environ(), "KUBE_EDITOR="+editor)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return problem.New(problem.Unavailable, "%s: %v: %s", strings.Join(cmd.Args, " "), err, strings.Join(strings.Fields(string(out)), " "))
	}
	return nil
}

func (k kubectl) String() string { return strings.Join(k, " ") }
