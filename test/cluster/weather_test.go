package cluster_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/faultproxy"
)

// slow is a deployment whose PreSync hook takes some seconds.
var slow = scenario{
	name: "slow", folder: "slow", hooks: []string{"migrate"},
	app: func(*stage, string) app {
		return app{auto: "{prune: true, selfHeal: true}", extra: "syncPolicy: {syncOptions: [CreateNamespace=true]}"}
	},
}

// counter counts requests that are alike.
type counter struct {
	mu   sync.Mutex
	seen map[string]int
}

func (c *counter) next(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	c.seen[what]++
	return c.seen[what]
}

// The faults are aimed: every request of a kind meets them, and the operation that was begun goes on all the same to the
// end that it has undisturbed. An operation that failed and was begun again would show in the history and the hooks.
func TestAnOperationOutlastsWhatPasses(t *testing.T) {
	s := newStage(t)
	upgrade := scenarios[0]
	want := s.inPeace(t, upgrade)
	for _, c := range []struct {
		name  string
		fault func() func(faultproxy.Request) faultproxy.Fault
	}{
		{"each write is refused twice", func() func(faultproxy.Request) faultproxy.Fault {
			var asked counter
			return func(q faultproxy.Request) faultproxy.Fault {
				if n := asked.next(fmt.Sprint(q.Verb, q.Path, q.DryRun)); q.Verb != "get" && q.Verb != "watch" && n <= 2 && !strings.Contains(q.Path, "/leases") && !strings.Contains(q.Path, "/applications/") {
					return faultproxy.Fault{Status: []int{429, 500, 503}[n%3]}
				}
				return faultproxy.Fault{}
			}
		}},
		{"each write is done and its answer lost, once", func() func(faultproxy.Request) faultproxy.Fault {
			var asked counter
			return func(q faultproxy.Request) faultproxy.Fault {
				return faultproxy.Fault{Lose: q.Write() && asked.next(q.Verb+q.Path) == 1}
			}
		}},
		{"a hook's creation is not answered, nor is who looks for it", func() func(faultproxy.Request) faultproxy.Fault {
			var asked counter
			return func(q faultproxy.Request) faultproxy.Fault {
				switch {
				case q.Write() && q.Verb == "create" && strings.HasSuffix(q.Path, "/jobs"):
					return faultproxy.Fault{Lose: true}
				case q.Verb == "get" && strings.Contains(q.Path, "/jobs/") && asked.next(q.Path) <= 8:
					return faultproxy.Fault{Status: 500}
				}
				return faultproxy.Fault{}
			}
		}},
		{"watches are cut, and know their version no more", func() func(faultproxy.Request) faultproxy.Fault {
			var asked counter
			s.proxy.CutWatches()
			return func(q faultproxy.Request) faultproxy.Fault {
				if q.Verb == "watch" && asked.next(q.Path) == 1 {
					return faultproxy.Fault{Status: 410}
				}
				return faultproxy.Fault{}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := s.ready(t, upgrade)
			defer s.proxy.Fault(nil)
			s.proxy.Fault(c.fault())
			p.begin(t)
			s.wait(t, p.app, over(s.commit, upgrade.folder))
			s.proxy.Fault(nil)
			t.Logf("over after %.1f s, %d writes", time.Since(p.started).Seconds(), len(s.proxy.Writes()))
			if wrong := p.wrong(t, want.state, want.deleted); wrong != "" {
				t.Errorf("%s\n%s", wrong, log(s.proxy.Writes()))
			}
			p.done(t)
		})
	}
}

// running waits until the hook of the slow scenario runs, and that is written.
func (p *play) running(t *testing.T) {
	t.Helper()
	p.s.wait(t, p.app, func(a *v1alpha1.Application) string {
		if op := a.Status.OperationState; op == nil || !strings.HasPrefix(op.Message, "waiting for completion of hook") {
			return "not waiting for the hook"
		}
		return ""
	})
}

// once checks that the operation that was begun has ended well, with one hook.
func (p *play) once(t *testing.T) {
	t.Helper()
	a := p.s.wait(t, p.app, over(p.s.commit, p.folder))
	made := map[string]int{}
	for _, w := range p.s.proxy.Writes() {
		if w.Verb == "create" && strings.Contains(w.Path, p.ns+"/jobs") && w.Done() {
			made[nameIn(w.Body)]++
		}
	}
	if !maps.Equal(made, map[string]int{"migrate": 1}) || len(a.Status.History) != 1 || a.Status.OperationState.RetryCount != 0 {
		t.Errorf("hooks %v, history %v, operation %s", made, a.Status.History, phase(a))
	}
}

// After a restart the kind of a running hook cannot be watched: that is no proof that the hook is gone.
func TestAHookThatCannotBeSeenHasNotVanished(t *testing.T) {
	s := newStage(t)
	p := s.ready(t, slow)
	p.begin(t)
	p.running(t)
	s.process.kill(t)
	s.proxy.Fault(func(q faultproxy.Request) faultproxy.Fault {
		if q.Path == "/apis/batch/v1/jobs" { // lists and watches of all
			return faultproxy.Fault{Status: 500}
		}
		return faultproxy.Fault{}
	})
	s.process = s.spawn(t, s.cfg)
	time.Sleep(10 * time.Second) // more than the hook takes
	s.proxy.Fault(nil)
	p.once(t)
	p.done(t)
}

// The API server goes away while a hook runs, Hawser is killed in the outage and started again before it is over.
func TestKilledWhileTheAPIServerIsAway(t *testing.T) {
	own := clustertest.StartOwn(t)
	s := newStageOn(t, own.Cluster)
	p := s.ready(t, slow)
	p.begin(t)
	p.running(t)
	own.Kill()
	s.process.kill(t)
	s.process = s.spawn(t, s.cfg)
	time.Sleep(3 * time.Second)
	own.Restart(t)
	s.Cluster = own.Cluster
	select {
	case <-s.process.gone: // it may give up while there is no API server; whatever runs it starts it again
		s.process = s.spawn(t, s.cfg)
	case <-time.After(3 * time.Second):
	}
	p.once(t)
	p.done(t)
}

// The destination does not answer while a hook runs, though our own records can be written: the operation does not end.
func TestAnOperationSitsOutADestinationThatIsAway(t *testing.T) {
	s := newStage(t)
	p := s.ready(t, slow)
	p.begin(t)
	p.running(t)
	defer s.proxy.Fault(nil)
	s.proxy.Fault(func(q faultproxy.Request) faultproxy.Fault {
		if q.Path == "/version" || q.Path == "/readyz" || q.Verb == "watch" && !strings.Contains(q.Path, "argoproj.io") {
			return faultproxy.Fault{Status: 503}
		}
		return faultproxy.Fault{}
	})
	s.wait(t, p.app, func(a *v1alpha1.Application) string {
		s.proxy.CutWatches() // each cut has the destination asked whether it is there
		s.refresh(t, p.app)
		if op := a.Status.OperationState; op.FinishedAt != nil {
			t.Fatalf("the operation ended: %s", phase(a))
		} else if !strings.HasPrefix(op.Message, "waiting for the cluster (") {
			return "not waiting for the cluster"
		}
		return ""
	})
	s.proxy.Fault(nil)
	p.once(t)
	p.done(t)
}

// A termination deletes the hooks that run, however often that is refused.
func TestATerminationStopsItsHooksInTheEnd(t *testing.T) {
	s := newStage(t)
	p := s.ready(t, scenario{name: "endless", folder: "endless", hooks: []string{"migrate"}, app: slow.app})
	p.begin(t)
	p.running(t)
	var asked counter
	s.proxy.Fault(func(q faultproxy.Request) faultproxy.Fault {
		if q.Write() && strings.Contains(q.Path, "/jobs/") && asked.next(q.Verb) <= 4 {
			return faultproxy.Fault{Status: 500}
		}
		return faultproxy.Fault{}
	})
	defer s.proxy.Fault(nil)
	s.Patch(t, "kubectl-patch", "argoproj.io/v1alpha1", "Application", s.control, p.app, `{"spec":{"syncPolicy":{"automated":null}},"status":{"operationState":{"phase":"Terminating"}}}`)
	s.wait(t, p.app, func(a *v1alpha1.Application) string {
		if a.Operation != nil || a.Status.OperationState.Phase != v1alpha1.OperationFailed || a.Status.OperationState.Message != "Operation terminated" {
			return "not terminated"
		}
		return ""
	})
	s.WaitGone(t, "batch/v1", "Job", p.ns, "migrate")
	p.done(t)
}
