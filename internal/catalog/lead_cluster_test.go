package catalog

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/faultproxy"
	"github.com/hawser-cd/hawser/internal/problem"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// turn is one replica that wants to lead.
type turn struct {
	*Catalog
	leading  atomic.Bool
	starts   atomic.Int32
	stops    atomic.Int32
	linger   time.Duration // how long onStart takes to end
	end      context.CancelFunc
	finished chan error
}

func replica(t *testing.T, config *rest.Config, ns, identity string, linger time.Duration) *turn {
	t.Helper()
	r := &turn{Catalog: open(t, Options{REST: config, Namespace: ns, Identity: identity, LeaseDuration: 4 * time.Second, Log: quiet()}), linger: linger, finished: make(chan error, 1)}
	ctx, end := context.WithCancel(context.Background())
	r.end = end
	go func() {
		r.finished <- r.Lead(ctx, func(ctx context.Context) {
			r.starts.Add(1)
			r.leading.Store(true)
			<-ctx.Done()
			time.Sleep(r.linger)
			r.leading.Store(false)
		}, func() { r.stops.Add(1) })
	}()
	t.Cleanup(end)
	return r
}

func (r *turn) waitLeading(t *testing.T, want bool) {
	t.Helper()
	eventually(t, "leading", func() error {
		if r.leading.Load() != want {
			return errors.New("not yet")
		}
		return nil
	})
}

func TestOneReplicaLeadsAndTheNextTakesOver(t *testing.T) {
	s := newSite(t, application("web", ""))
	first := replica(t, s.Config, s.ns, "first", 300*time.Millisecond)
	first.waitLeading(t, true)
	if err := first.Leading(); err != nil {
		t.Errorf("the leader does not know: %v", err)
	}
	second := replica(t, s.Config, s.ns, "second", 0)
	time.Sleep(time.Second) // long enough for several attempts
	if second.leading.Load() || !problem.Is(second.Leading(), problem.Conflict) {
		t.Errorf("two replicas lead; the second says %v", second.Leading())
	}
	if _, err := second.PatchApplication(t.Context(), s.app(t, "web"), func(a *v1alpha1.Application) { a.Status.Health.Message = "x" }); err != nil {
		t.Errorf("a replica that waits may still write what a person asked for: %v", err)
	}

	handedOver := time.Now()
	first.end()
	for !second.leading.Load() && time.Since(handedOver) < time.Minute {
		if first.leading.Load() && second.leading.Load() {
			t.Fatal("the second leads before the first has ended")
		}
		time.Sleep(time.Millisecond)
	}
	second.waitLeading(t, true)
	if err := <-first.finished; err != nil || first.starts.Load() != 1 || first.stops.Load() != 1 {
		t.Errorf("the first: %v, started %d times, stopped %d times", err, first.starts.Load(), first.stops.Load())
	}
	second.end()
	if err := <-second.finished; err != nil {
		t.Error(err)
	}
}

func TestLeaderThatIsCutOffStopsAndReturns(t *testing.T) {
	s := newSite(t, application("web", ""))
	config, w := faultproxy.Wired(t, s.Config)
	first := replica(t, config, s.ns, "first", 0)
	first.waitLeading(t, true)
	second := replica(t, s.Config, s.ns, "second", 0)
	w.Cut(true)
	second.waitLeading(t, true) // nobody released the lease: it ran out
	if first.leading.Load() || first.Leading() == nil {
		t.Errorf("the first still leads: %v", first.Leading())
	}
	w.Cut(false)
	second.end()
	if err := <-second.finished; err != nil {
		t.Error(err)
	}
	first.waitLeading(t, true)
	if first.starts.Load() != 2 {
		t.Errorf("started %d times", first.starts.Load())
	}
	first.end()
	if err := <-first.finished; err != nil {
		t.Error(err)
	}
}

func TestLeaderWhoseLeaseRanOutWritesNothing(t *testing.T) {
	var l lead
	if l.allows() != nil {
		t.Error("a replica that does not lead may write what a person asked for")
	}
	l.begin(time.Second)
	l.renew(time.Now())
	if err := l.check(); err != nil {
		t.Error(err)
	}
	l.renew(time.Now().Add(-time.Minute)) // as after a SIGSTOP
	if !problem.Is(l.check(), problem.Conflict) || !problem.Is(l.allows(), problem.Conflict) {
		t.Errorf("got %v, %v", l.check(), l.allows())
	}
}

// Where the leader answers is written with its name, counts for nobody else, and goes with the lead.
func TestTheLeaderSaysWhereItAnswers(t *testing.T) {
	s := newSite(t, application("web", ""))
	lease := func() *coordinationv1.Lease {
		t.Helper()
		l, err := s.Client.CoordinationV1().Leases(s.ns).Get(t.Context(), LeaderLease, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := replica(t, s.Config, s.ns, "first", 0) // of a version that says nothing
	first.waitLeading(t, true)
	if at := lease().Annotations[annotationAddress]; at != "" {
		t.Errorf("nothing was announced, and it says %q", at)
	}
	knows := func(r *turn, want Peer) {
		t.Helper()
		eventually(t, "who leads", func() error {
			if p := r.Leader(); p != want {
				return fmt.Errorf("%+v and not %+v", p, want)
			}
			return nil
		})
	}
	second := replica(t, s.Config, s.ns, "second", 0)
	second.Announce("127.0.0.1:2222")
	knows(second, Peer{Replica: "first"})
	first.end()
	second.waitLeading(t, true)
	if at := lease().Annotations[annotationAddress]; at != "127.0.0.1:2222 second" {
		t.Errorf("it says %q", at)
	}
	third := replica(t, s.Config, s.ns, "third", 0)
	knows(third, Peer{"second", "127.0.0.1:2222"})
	if third.IsMe(third.Leader()) || !second.IsMe(third.Leader()) {
		t.Error("who is who")
	}
	second.end()
	third.waitLeading(t, true)
	knows(third, Peer{Replica: "third"})
	if at := lease().Annotations[annotationAddress]; at != "" {
		t.Errorf("what the one before has said is still there: %q", at)
	}
	third.end()
	for _, r := range []*turn{first, second, third} {
		if err := <-r.finished; err != nil {
			t.Error(err)
		}
	}

	l := lease()
	stranger := "somebody"
	l.Spec.HolderIdentity, l.Annotations = &stranger, map[string]string{annotationAddress: "127.0.0.1:2222 second"}
	if at := addressIn(l); at != "" {
		t.Errorf("another's address counts: %q", at)
	}
}
