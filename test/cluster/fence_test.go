package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/clustertest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// asUser is a kubeconfig of the cluster's with which requests count as the user's, who is in the groups.
func (h *hawser) asUser(t *testing.T, user string, groups ...string) string {
	t.Helper()
	file, err := clientcmd.LoadFromFile(h.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range file.AuthInfos {
		a.Impersonate, a.ImpersonateGroups = user, groups
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// fleetOf is a commit of many objects in four waves: the leader is busy writing them for a while.
func fleetOf(n int) (files map[string]string, token string) {
	token = fmt.Sprintf("v%03d", n)
	files = map[string]string{}
	for i := range 120 {
		files[fmt.Sprintf("cm%03d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-%03d, annotations: {%s: '%d'}}\ndata: {v: %q}\n", i, waveOf, i/30, token)
	}
	return files, token
}

// A leader that is stopped in the middle of a wave, and continued when another leads, writes nothing more.
// HAWSER_TEST_STOPS says how often (2), HAWSER_TEST_STOP for how long (6s).
func TestAStoppedLeaderWritesNothingMore(t *testing.T) {
	stops, length := 2, 6*time.Second
	if text := os.Getenv("HAWSER_TEST_STOPS"); text != "" {
		fmt.Sscan(text, &stops)
	}
	if text := os.Getenv("HAWSER_TEST_STOP"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		length = d
	}
	own := clustertest.StartOwn(t)
	h := prepareOn(t, own.Cluster)
	files, _ := fleetOf(0)
	repo := h.git.Repo(t, "fence", files)
	name := h.name("fence")
	replica := func(who string) *process {
		cfg := h.config(t)
		cfg.Kubeconfig = h.asUser(t, who, "system:masters")
		return h.launch(t, cfg, who)
	}
	leader, standby := "hawser-one", "hawser-two"
	processes := map[string]*process{leader: replica(leader)}
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, shipped(repo.Head(t)))
	processes[standby] = replica(standby)
	time.Sleep(2 * time.Second)

	waves := map[string]int{}
	for i := range 120 {
		waves[fmt.Sprintf("cm-%03d", i)] = i / 30
	}
	judge := oracle{
		hawser: func(who string) bool { return strings.HasPrefix(who, "hawser-") }, mayGo: func(a clustertest.Audited) bool { return a.Object.Resource == "jobs" },
		namespace: h.target, control: h.control, waves: waves, token: "v",
	}
	seen, missed := 0, 0
	for i := 0; i < stops+missed; i++ {
		files, token := fleetOf(2*i + 1)
		reached := h.heard(t, token, 5+rand.IntN(85)) // in the middle of some wave
		repo.Replace(t, files, "Commit "+token)
		h.refresh(t, name)
		reached()
		if err := processes[leader].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		stopped := time.Now()
		written := h.count(t, token)
		if written == 120 { // it was faster: this stop shows nothing
			if missed++; missed > 5 {
				t.Fatal("the leader was never stopped in the middle of a wave")
			}
			if err := processes[leader].cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			files, token := fleetOf(2*i + 2)
			h.wait(t, name, shipped(h.push(t, repo.Replace, name, files)))
			h.settled(t, token)
			seen = len(own.Audit(t))
			continue
		}
		// a newer commit meanwhile: a late write would bring back what is old
		files, newer := fleetOf(2*i + 2)
		commit := repo.Replace(t, files, "Commit "+newer)
		h.wait(t, name, shipped(commit))
		took := time.Since(stopped)
		time.Sleep(length - took)
		if err := processes[leader].cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		log := own.Audit(t)[seen:]
		seen += len(log)
		for _, line := range late(log, leader, standby) {
			t.Errorf("stop %d: %s wrote late: %s", i, leader, line)
		}
		for _, line := range judge.judge(log) {
			t.Errorf("stop %d: %s", i, line)
		}
		if n := h.count(t, newer); n != 120 {
			t.Errorf("stop %d: %d of 120 objects are those of the newest commit", i, n)
		}
		t.Logf("stop %d: %d of 120 objects written when stopped; %s had finished after %.1f s; no late write", i, written, standby, took.Seconds())
		leader, standby = standby, leader
	}
}

// heard returns a function that waits until n of the target's ConfigMaps hold the token. It hears of each when it is
// written: the leader needs a few milliseconds for one.
func (h *hawser) heard(t *testing.T, token string, n int) (reached func()) {
	t.Helper()
	w, err := h.Client.CoreV1().ConfigMaps(h.target).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		defer w.Stop()
		have := map[string]bool{}
		for end := time.After(clustertest.Patience); len(have) < n; {
			select {
			case e, open := <-w.ResultChan():
				if !open {
					t.Fatal("the watch ended")
				}
				if cm, ok := e.Object.(*corev1.ConfigMap); ok && cm.Data["v"] == token {
					have[cm.Name] = true
				}
			case <-end:
				t.Fatalf("only %d objects have %s", len(have), token)
			}
		}
	}
}

// count is how many of the target's ConfigMaps hold the token.
func (h *hawser) count(t *testing.T, token string) int {
	t.Helper()
	return strings.Count(h.cargo(t, token), "TOKEN")
}
