package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/faultproxy"
	"k8s.io/client-go/rest"
)

// storm is a weather that the proxy makes, the same for the same seed.
type storm struct {
	mu     sync.Mutex
	random *rand.Rand
	refuse float64 // of all requests but watches: half 429, half 500
	lose   float64 // of writes: done, and the answer lost
}

func (s *storm) fault(q faultproxy.Request) faultproxy.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(q.Path, "/leases/") { // without a lease nothing is tried at all
		return faultproxy.Fault{}
	}
	dice := s.random.Float64()
	switch {
	case q.Verb != "watch" && dice < s.refuse/2:
		return faultproxy.Fault{Status: 429, RetryAfter: 1}
	case q.Verb != "watch" && dice < s.refuse:
		return faultproxy.Fault{Status: 500}
	case q.Write() && s.random.Float64() < s.lose:
		return faultproxy.Fault{Lose: true}
	}
	return faultproxy.Fault{}
}

func TestStormsEndAsIfUndisturbed(t *testing.T) {
	own := clustertest.StartOwn(t)
	for _, c := range []struct {
		name         string
		refuse, lose float64
		cut          time.Duration // watch streams, so often
		commits      int
	}{
		{name: "30 of 100 answers are 429 or 500", refuse: 0.3, commits: 2},
		{name: "watch streams are cut every second", cut: time.Second, commits: 2},
		{name: "20 of 100 writes are done and their answers lost", lose: 0.2, commits: 2},
		{name: "all of it", refuse: 0.2, lose: 0.1, cut: 2 * time.Second, commits: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := prepareOn(t, own.Cluster)
			seen := len(own.Audit(t))
			hawsers := rest.CopyConfig(h.Config)
			hawsers.Impersonate = rest.ImpersonationConfig{UserName: "hawser", Groups: []string{"system:masters"}}
			proxy := faultproxy.Start(t, hawsers)
			cfg := h.config(t)
			cfg.Kubeconfig = proxy.Kubeconfig
			files, token := ship(0)
			repo := h.git.Repo(t, "storm", files)
			name := h.name("storm")
			h.Apply(t, h.target, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bystander}\ndata: {a: b}\n")
			h.spawn(t, cfg)
			h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
			h.wait(t, name, shipped(repo.Head(t)))
			want := map[int]string{0: h.settled(t, token)}
			files, token = ship(1)
			h.wait(t, name, shipped(h.push(t, repo.Replace, name, files)))
			want[1] = h.settled(t, token)

			s := &storm{random: rand.New(rand.NewPCG(1, 2)), refuse: c.refuse, lose: c.lose}
			proxy.Fault(s.fault)
			stop := make(chan struct{})
			var cutting sync.WaitGroup
			if c.cut > 0 {
				cutting.Go(func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(c.cut):
							proxy.CutWatches()
						}
					}
				})
			}
			for n := 2; n < 2+c.commits; n++ {
				files, token := ship(n)
				proxy.Reset()
				began := time.Now()
				h.wait(t, name, shipped(h.push(t, repo.Replace, name, files)))
				if d := cmp.Diff(want[n%2], h.settled(t, token)); d != "" {
					t.Errorf("commit %d: another end: %s", n, d)
				}
				if made := hooksMade(proxy.Writes()); made["migrate"] != 1 || made["smoke"] != 1 {
					t.Errorf("commit %d: hooks were created %v times", n, made)
				}
				t.Logf("commit %d: converged in %.1f s, %d writes", n, time.Since(began).Seconds(), len(proxy.Writes()))
			}
			close(stop)
			cutting.Wait()
			proxy.Fault(nil)
			h.judgeShip(t, own.Audit(t)[seen:])
			for _, w := range proxy.Writes() {
				if w.Verb == "delete" && strings.Contains(w.Path, "bystander") {
					t.Errorf("%s", w)
				}
			}
			if h.Get(t, "v1", "ConfigMap", h.target, "bystander") == nil {
				t.Error("an object that is not ours was deleted")
			}
		})
	}
}

// judgeShip has the oracle judge what hawser did with the scenario ship.
func (h *hawser) judgeShip(t *testing.T, log []clustertest.Audited) {
	t.Helper()
	waves := map[string]int{}
	for i := range 10 {
		waves[fmt.Sprintf("cm-%d", i)] = i%3 - 1
	}
	o := oracle{
		hawser:    func(who string) bool { return who == "hawser" },
		mayGo:     func(a clustertest.Audited) bool { return a.Object.Resource == "jobs" || a.Object.Name == "extra" },
		namespace: h.target, control: h.control, waves: waves, token: "v",
	}
	broken := o.judge(log)
	for _, line := range broken {
		t.Error(line)
	}
	writes := 0
	for _, a := range log {
		if o.hawser(a.Who()) && a.Accepted() {
			writes++
		}
	}
	if writes < 30 {
		t.Errorf("the oracle saw %d writes of hawser", writes)
	}
	t.Logf("the oracle judged %d writes", writes)
}

// push replaces what the repository holds and asks for a look. It returns the commit.
func (h *hawser) push(t *testing.T, replace func(testing.TB, map[string]string, string) string, name string, files map[string]string) string {
	t.Helper()
	commit := replace(t, files, "Next")
	h.refresh(t, name)
	return commit
}

// outageOf is how long something is to be away: HAWSER_TEST_OUTAGE, or otherwise.
func outageOf(t *testing.T, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv("HAWSER_TEST_OUTAGE")
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The API server is gone in the middle of a wave, for HAWSER_TEST_OUTAGE (8s without it; 60s is what was promised).
func TestApiServerGoneInTheMiddleOfAWave(t *testing.T) {
	outage := outageOf(t, 8*time.Second)
	own := clustertest.StartOwn(t)
	h := prepareOn(t, own.Cluster)
	files, token := ship(0)
	repo := h.git.Repo(t, "outage", files)
	name := h.name("outage")
	cfg := h.config(t)
	cfg.Kubeconfig = h.asUser(t, "hawser", "system:masters")
	h.spawn(t, cfg)
	h.apply(t, app{name: name, repo: repo.URL, path: ".", auto: "{prune: true, selfHeal: true}"})
	h.wait(t, name, shipped(repo.Head(t)))
	want := map[int]string{0: h.settled(t, token)}
	files, token = ship(1)
	h.wait(t, name, shipped(h.push(t, repo.Replace, name, files)))
	want[1] = h.settled(t, token)

	for n, pause := range []time.Duration{200 * time.Millisecond, 900 * time.Millisecond} {
		n += 2
		files, token := ship(n)
		commit := h.push(t, repo.Replace, name, files)
		time.Sleep(pause)
		own.Kill()
		time.Sleep(outage)
		own.Restart(t)
		back := time.Now()
		h.wait(t, name, shipped(commit))
		t.Logf("commit %d: gone for %s after %s, converged %.1f s after it was back", n, outage, pause, time.Since(back).Seconds())
		if d := cmp.Diff(want[n%2], h.settled(t, token)); d != "" {
			t.Errorf("commit %d: another end: %s", n, d)
		}
	}
	h.judgeShip(t, own.Audit(t))
}
