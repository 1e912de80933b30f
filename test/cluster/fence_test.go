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
	seen := 0
	for i := range stops {
		files, token := fleetOf(2*i + 1)
		repo.Replace(t, files, "Commit "+token)
		h.refresh(t, name)
		for h.count(t, token) < 5+rand.IntN(100) { // in the middle of some wave
			time.Sleep(10 * time.Millisecond)
		}
		if err := processes[leader].cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		stopped := time.Now()
		written := h.count(t, token)
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

// count is how many of the target's ConfigMaps hold the token.
func (h *hawser) count(t *testing.T, token string) int {
	t.Helper()
	return strings.Count(h.cargo(t, token), "TOKEN")
}
