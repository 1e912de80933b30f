package clustertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1"}]}
`

const boats = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.clustertest.hawser.dev}
spec:
  group: clustertest.hawser.dev
  names: {kind: Boat, plural: boats}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: clustertest.hawser.dev/v1
kind: Boat
metadata: {name: tug}
`

func TestApplyWaitDelete(t *testing.T) {
	c := Start(t)
	ns := c.Namespace(t)
	if !strings.HasPrefix(ns, "testapplywaitdelete-") {
		t.Errorf("namespace %s does not tell the test it belongs to", ns)
	}
	c.Apply(t, ns, web)
	live := c.WaitFor(t, "apps/v1", "Deployment", ns, "web", Condition("Available", "True"))
	if ready, _, _ := unstructured.NestedInt64(live.Object, "status", "readyReplicas"); ready < 1 {
		t.Errorf("available with %d ready replicas", ready)
	}
	patched := c.Patch(t, "kubectl-edit", "apps/v1", "Deployment", ns, "web", `{"spec":{"replicas":1}}`)
	if m := managers(patched); !strings.Contains(m, "kubectl-edit") {
		t.Errorf("managers of the patched object: %s", m)
	}
	c.Delete(t, ns, web)
	c.WaitGone(t, "apps/v1", "Deployment", ns, "web")
	if c.Get(t, "apps/v1", "Deployment", ns, "web") != nil {
		t.Error("Get returns an object that is gone")
	}
}

func TestCustomResourceInOneApply(t *testing.T) {
	c := Start(t)
	ns := c.Namespace(t)
	applied := c.Apply(t, ns, boats)
	if len(applied) != 2 || applied[1].GetNamespace() != ns {
		t.Fatalf("applied %d objects, the last in namespace %q", len(applied), applied[len(applied)-1].GetNamespace())
	}
	c.Delete(t, ns, boats)
}

// Hawser tells what people changed from what controllers wrote by the field manager, so the
// controllers of the test cluster must have the names that they have everywhere.
func TestControllersHaveTheirOwnNames(t *testing.T) {
	c := Start(t)
	ns := c.Namespace(t)
	c.Apply(t, ns, web)
	live := c.WaitFor(t, "apps/v1", "Deployment", ns, "web", Condition("Available", "True"))
	if got := managers(live); got != "clustertest kube-controller-manager" {
		t.Errorf("managers of the Deployment: %s", got)
	}
	pods, err := c.Client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("list pods: %d, %v", len(pods.Items), err)
	}
	for _, p := range pods.Items {
		for _, m := range p.ManagedFields {
			if m.Manager != "kube-controller-manager" && m.Manager != "kubelet" && m.Manager != "kube-scheduler" {
				t.Errorf("pod %s is managed by %q", p.Name, m.Manager)
			}
		}
	}
}

func managers(o *unstructured.Unstructured) string {
	var names []string
	for _, m := range o.GetManagedFields() {
		names = append(names, m.Manager)
	}
	return strings.Join(names, " ")
}

func TestOwnClusterSurvivesKill(t *testing.T) {
	c := StartOwn(t)
	ns := c.Namespace(t)
	before := c.Apply(t, ns, web)[0]
	server := c.Config.Host
	c.Kill()
	c.Restart(t)
	if c.Config.Host != server {
		t.Errorf("server was %s, now %s", server, c.Config.Host)
	}
	after := c.WaitFor(t, "apps/v1", "Deployment", ns, "web", Condition("Available", "True"))
	if after.GetUID() != before.GetUID() {
		t.Errorf("another object: uid was %s, now %s", before.GetUID(), after.GetUID())
	}
}

// A test process that is killed must not leave its cluster behind. The process is this test again,
// told by the environment to start a cluster and wait for its end.
func TestClusterGoesWithTheTestProcess(t *testing.T) {
	const pidFile = "CLUSTERTEST_WRITE_PID"
	if path := os.Getenv(pidFile); path != "" {
		dir := filepath.Dir(Start(t).Kubeconfig)
		lock, err := os.ReadFile(filepath.Join(dir, "lock"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.TrimSpace(string(lock))+" "+dir), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
	}
	if _, missing := findBinary(); missing != "" {
		Start(t) // skips or fails, as all do
	}
	path := filepath.Join(t.TempDir(), "pid")
	child := exec.Command(os.Args[0], "-test.run=^TestClusterGoesWithTheTestProcess$")
	child.Env = append(os.Environ(), pidFile+"="+path, KubeconfigEnv+"=")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	var dir string
	Wait(t, "the child's cluster", func(context.Context) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		number, rest, _ := strings.Cut(string(data), " ")
		pid, err = strconv.Atoi(number)
		dir = rest
		return err
	})
	_ = child.Process.Kill()
	_ = child.Wait()
	Wait(t, fmt.Sprintf("the end of devcluster, process %d", pid), func(context.Context) error {
		if syscall.Kill(pid, 0) == nil {
			return errors.New("it still runs")
		}
		return nil
	})
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left behind (%v)", dir, err)
	}
}
