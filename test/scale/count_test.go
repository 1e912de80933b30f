package scale_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"golang.org/x/sync/errgroup"
)

// TestWorkIsInProportionToChange guards what makes Hawser fast, in numbers that no slow machine changes: how many
// requests and renders a cold start, a commit, drift, rest and a restart cost.
func TestWorkIsInProportionToChange(t *testing.T) {
	defer func(n int) { *size = n }(*size)
	*size = 20
	const each = 5 // objects
	s := raise(t, fiveObjects)
	s.eyes = openEyes(t, s.Cluster, s.control, s.target)
	s.calm(t)

	before := s.usage(t)
	var group errgroup.Group
	for i := range *size {
		group.Go(func() error {
			s.Apply(t, s.control, s.application(service(i), "services/"+service(i)))
			return nil
		})
	}
	_ = group.Wait()
	s.settled(t, s.repo.Head(t))
	cold := s.calm(t).since(before).work()
	// the constant: events that only repeat the status, of which fifty pass, and a slow machine's further words
	if most := *size*(each+4) + 100; cold.total() > most {
		t.Errorf("cold start: %d requests are more than %d: %s", cold.total(), most, cold.lines(1))
	}
	if n := cold.count("(dry run)"); n > 0 {
		t.Errorf("cold start: %d dry runs of objects that do not exist", n)
	}

	renders, before := s.renders(t), s.usage(t)
	commit := s.repo.Commit(t, map[string]string{"services/" + service(7) + "/settings.yaml": settings(7, "one")}, "Change one")
	s.hook(t)
	s.eyes.until(t, "the change to be settled", s.settledOne(7, commit))
	one := s.calm(t).since(before).work()
	if n := s.renders(t) - renders; n != 1 {
		t.Errorf("one commit: %v renders", n)
	}
	if n := one.count("PATCH configmaps") + one.count("PATCH deployments") + one.count("PATCH services") + one.count("PATCH ingresses"); n > 2 { // a dry run and an apply
		t.Errorf("one commit: what has not changed was asked about or applied: %s", one.lines(1))
	}
	if one.total() > 15 {
		t.Errorf("one commit: %d requests: %s", one.total(), one.lines(1))
	}

	renders, before = s.renders(t), s.usage(t)
	looks := s.metric(t, "argocd_app_reconcile_count{")
	s.repo.Commit(t, map[string]string{"README.md": "nobody reads it\n"}, "Change what nobody reads")
	s.hook(t)
	clustertest.Wait(t, "all applications to be looked at", func(context.Context) error {
		if n := s.metric(t, "argocd_app_reconcile_count{") - looks; n < float64(*size) {
			return fmt.Errorf("%v are", n)
		}
		return nil
	})
	nothing := s.calm(t).since(before).work()
	if n := s.renders(t) - renders; n != 0 || nothing.total() > 0 {
		t.Errorf("a commit that nobody reads: %v renders, and %s", n, nothing.lines(1))
	}

	before = s.usage(t)
	s.Patch(t, "kubectl-edit", "v1", "ConfigMap", s.target, service(3), `{"data":{"colour":"drifted"}}`)
	s.eyes.until(t, "drift to be seen and healed", healedSince(s, 3, "first"))
	s.eyes.until(t, "the application to be settled", func(o objects) string {
		if text(o["Application"][service(3)], "status", "sync", "status") != "Synced" || o["Application"][service(3)].Object["operation"] != nil {
			return "it is not"
		}
		return ""
	})
	if drift := s.calm(t).since(before).work(); drift.total() > 15 {
		t.Errorf("drift: %d requests: %s", drift.total(), drift.lines(1))
	}

	versions := s.versions()
	s.stop(t)
	s.start(t)
	clustertest.Wait(t, "all applications to be looked at after a restart", func(context.Context) error {
		if n := s.metric(t, "argocd_app_reconcile_count{"); n < float64(*size) {
			return fmt.Errorf("%v are", n)
		}
		return nil
	})
	restart := s.calm(t)
	if n := restart.count("PATCH applications") + restart.count("(dry run)"); n > 0 || s.versions() != versions {
		t.Errorf("a restart that finds all in order: %s", restart.lines(1))
	}
}

// calm waits until hawser asks the API server for nothing but to stay the leader and to see whether it is there, and
// returns what it has used since its start.
func (s *stage) calm(t testing.TB) figures {
	t.Helper()
	last := s.usage(t)
	for began := time.Now(); time.Since(began) < clustertest.Patience; {
		time.Sleep(time.Second)
		now := s.usage(t)
		if maps.Equal(now.work().requests, last.work().requests) {
			return now
		}
		last = now
	}
	t.Fatalf("hawser does not come to rest: %s", last.lines(1))
	return last
}

// work is the figures without what being there costs: the lease, and whether the clusters answer.
func (f figures) work() figures {
	f.requests = maps.Clone(f.requests)
	for _, what := range []string{"PUT leases", "GET leases", "GET version", "GET readyz"} {
		delete(f.requests, what)
	}
	return f
}

// count sums the requests whose description has the text.
func (f figures) count(text string) (n int) {
	for what, times := range f.requests {
		if strings.Contains(what, text) {
			n += times
		}
	}
	return n
}

func (s *stage) renders(t testing.TB) float64 {
	return s.metric(t, `hawser_render_total{result="miss"`)
}
