package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/faultproxy"
	"github.com/hawser-cd/hawser/internal/shard"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// roster is who works on which application of which cluster. It complains about everything that two would work on.
type roster struct {
	mu     sync.Mutex
	by     map[string]*sharer // by cluster and application
	broken []string
	moves  int
	log    strings.Builder // of all of them, for a failure
}

// Write implements io.Writer.
func (b *roster) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(line)
}

// sharer is a replica that shares the work, and does nothing but write down what it would do.
type sharer struct {
	*Catalog
	name string
	book *roster
	wire *faultproxy.Wire
	held map[shard.Unit]Share
	turn context.Context
	end  context.CancelFunc
	done chan error
}

func (s *sharer) applications(h Share) (list []string) {
	for i := range 24 {
		if h.Unit == shard.Sets || shard.SliceOf("argocd", fmt.Sprint(i), h.Slices) == h.Unit.Slice {
			list = append(list, fmt.Sprint(h.Unit.Server, " ", i))
		}
	}
	return list
}

// TakeUp implements Holder.
func (s *sharer) TakeUp(ctx context.Context, h Share) {
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	s.held[h.Unit], s.turn = h, ctx
	s.book.moves++
	for _, app := range s.applications(h) {
		// one that could not write any more works on it no more, however late it is to say so
		if other := s.book.by[app]; other != nil && other != s && other.Leading() == nil && s.Leading() == nil {
			s.book.broken = append(s.book.broken, fmt.Sprintf("%s takes %s up while %s works on it", s.name, app, other.name))
		}
		s.book.by[app] = s
	}
}

// PutDown implements Holder.
func (s *sharer) PutDown(u shard.Unit) {
	time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // the last looks
	s.book.mu.Lock()
	defer s.book.mu.Unlock()
	for _, app := range s.applications(s.held[u]) {
		if s.book.by[app] == s {
			delete(s.book.by, app)
		}
	}
	delete(s.held, u)
}

func (b *roster) join(t *testing.T, config *rest.Config, ns, name string) *sharer {
	t.Helper()
	config, w := faultproxy.Wired(t, config)
	s := &sharer{name: name, book: b, wire: w, held: map[shard.Unit]Share{}, done: make(chan error, 1)}
	s.Catalog = open(t, Options{REST: config, Namespace: ns, Identity: name, LeaseDuration: 3 * time.Second, Sharding: true, Log: slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})).With("replica", name)})
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	go func() {
		s.done <- s.Join(ctx, func(ctx context.Context, turn string) { _ = s.Divide(ctx, turn, s) }, func() {})
	}()
	t.Cleanup(end)
	return s
}

// complete waits until every application of every cluster is worked on.
func (b *roster) complete(t *testing.T, servers ...string) {
	t.Helper()
	eventually(t, "every application is worked on", func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, server := range append(servers, "") {
			for i := range 24 {
				if by := b.by[fmt.Sprint(server, " ", i)]; by == nil || by.Leading() != nil {
					return fmt.Errorf("nobody works on %s %d", server, i)
				}
			}
		}
		return nil
	})
}

const clusterSecret = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"cluster-%[1]s","labels":{"argocd.argoproj.io/secret-type":"cluster"},"annotations":{"hawser.dev/slices":"%[2]d"}},"stringData":{"name":"%[1]s","server":"https://%[1]s.example","config":"{}"}}`

// Replicas lose the network and get it back, come and go, and clusters are cut anew: no application is ever worked on by
// two, and each by one in the end.
func TestUnitsHaveOneOwner(t *testing.T) {
	s := newSite(t, "")
	servers := []string{"https://kubernetes.default.svc"}
	cut := func(name string, slices int) { s.Apply(t, s.ns, fmt.Sprintf(clusterSecret, name, slices)) }
	for i := range 5 {
		cut(fmt.Sprint("c", i), 1+i%3)
		servers = append(servers, fmt.Sprintf("https://c%d.example", i))
	}
	b := &roster{by: map[string]*sharer{}}
	var all []*sharer
	for i := range 3 {
		all = append(all, b.join(t, s.Config, s.ns, fmt.Sprint("r", i)))
	}
	b.complete(t, servers...)
	for i := range 8 {
		one := all[rand.IntN(len(all))]
		switch i % 4 {
		case 0: // for longer than the others wait
			one.wire.Cut(true)
			time.Sleep(5 * time.Second)
			one.wire.Cut(false)
		case 1: // for less
			one.wire.Cut(true)
			time.Sleep(time.Duration(500+rand.IntN(2500)) * time.Millisecond)
			one.wire.Cut(false)
		case 2:
			cut(fmt.Sprint("c", rand.IntN(5)), 1+rand.IntN(5))
		case 3:
			one.end()
			if err := <-one.done; err != nil {
				t.Error(err)
			}
			all = append(all[:0:0], all...)
			for i := range all {
				if all[i] == one {
					all[i] = b.join(t, s.Config, s.ns, fmt.Sprint("r", 10+b.moves))
				}
			}
		}
		b.complete(t, servers...)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.broken {
		t.Error(line)
	}
	if t.Failed() {
		t.Log(b.log.String())
	}
	t.Logf("%d units were taken up", b.moves)
}

// Who decided to take a unit, and learns only then that another has taken it meanwhile, leaves it alone: to write at the
// version that is known by now would succeed.
func TestAUnitIsNotTakenFromWhoWasFaster(t *testing.T) {
	s := newSite(t, "")
	slow := open(t, Options{REST: s.Config, Namespace: s.ns, Identity: "slow", Sharding: true, Log: quiet()})
	leases := s.Client.CoordinationV1().Leases(s.ns)
	d := &division{c: slow, me: "slow-1", client: leases, lease: leaseOf(slow.options), held: map[shard.Unit]*holding{}}
	for _, before := range []string{"", "gone-1"} { // nobody's so far, or of somebody whose turn is over
		u := shard.Unit{Server: "https://one" + before}
		if before != "" {
			(&division{c: slow, me: before, client: leases, lease: d.lease, held: map[shard.Unit]*holding{}}).take(t.Context(), u, nil)
		}
		known := slow.roll.snapshot()
		(&division{c: slow, me: "fast-1", client: leases, lease: d.lease, held: map[shard.Unit]*holding{}}).take(t.Context(), u, known)
		if now, _ := slow.roll.get(unitLease(u)); holderOf(now.Lease) != "fast-1" {
			t.Fatalf("of %q: the faster one did not get it", before)
		}
		d.take(t.Context(), u, known)
		l, err := leases.Get(t.Context(), unitLease(u), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if holderOf(l) != "fast-1" || d.held[u] != nil {
			t.Errorf("of %q: it was taken from who was faster", before)
		}
	}
}

// A turn that others have declared over is not taken up again, and neither is one whose Lease somebody has deleted.
func TestATurnThatIsOverDoesNotComeBack(t *testing.T) {
	s := newSite(t, "")
	b := &roster{by: map[string]*sharer{}}
	one := b.join(t, s.Config, s.ns, "one")
	b.complete(t, "https://kubernetes.default.svc")
	leases := s.Client.CoordinationV1().Leases(s.ns)
	seen := map[string]bool{}
	for _, how := range []string{"declared over", "deleted"} {
		turn := one.turnName()
		if seen[turn] || !strings.HasPrefix(turn, "one-") {
			t.Fatalf("a turn that was over is back: %s", turn)
		}
		seen[turn] = true
		if how == "deleted" {
			if err := leases.Delete(t.Context(), replicaPrefix+turn, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		} else {
			eventually(t, how, func() error { // between two renewals
				l, err := leases.Get(t.Context(), replicaPrefix+turn, metav1.GetOptions{})
				if err != nil {
					return err
				}
				l.Spec.HolderIdentity = nil
				_, err = leases.Update(t.Context(), l, metav1.UpdateOptions{})
				return err
			})
		}
		eventually(t, "another turn", func() error {
			if one.turnName() == turn {
				return errors.New("not yet")
			}
			return nil
		})
		b.complete(t, "https://kubernetes.default.svc")
		if l, err := leases.Get(t.Context(), replicaPrefix+turn, metav1.GetOptions{}); err == nil && holderOf(l) != "" {
			t.Errorf("%s: the Lease is held again by %s", how, holderOf(l))
		}
		u, err := leases.Get(t.Context(), unitLease(shard.Sets), metav1.GetOptions{})
		if err != nil || holderOf(u) != one.turnName() {
			t.Errorf("%s: the unit is of %s, the turn is %s: %v", how, holderOf(u), one.turnName(), err)
		}
	}
}

// Writes of a tenure that is over do not leave, though the turn goes on.
func TestWritesEndWithTheirTenure(t *testing.T) {
	s := newSite(t, application("web", ""))
	app := s.app(t, "web")
	mine := &tenure{unit: shard.Unit{Server: "https://one"}}
	ctx := SameTenure(mine.within(context.Background()), t.Context())
	app, err := s.PatchApplication(ctx, app, touch("first"))
	if err != nil {
		t.Fatal(err)
	}
	mine.over.Store(true)
	if _, err := s.PatchApplication(ctx, app, touch("second")); err == nil || !strings.Contains(err.Error(), "https://one is another replica's by now") {
		t.Errorf("it was written after the unit had been given away: %v", err)
	}
	if _, err := s.PatchApplication(t.Context(), app, touch("third")); err != nil {
		t.Errorf("what belongs to no unit: %v", err)
	}
}

func touch(message string) func(*v1alpha1.Application) {
	return func(a *v1alpha1.Application) { a.Status.Health.Message = message }
}
