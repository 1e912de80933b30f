package reconcile

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/types"
)

func name(s string) types.NamespacedName { return types.NamespacedName{Namespace: "argocd", Name: s} }

func TestQueueUnitesCausesAndOrdersLanes(t *testing.T) {
	q := newQueue()
	k := object.Key{Kind: "Pod", Name: "p"}
	q.add(name("slow"), relaxed, cause{spec: true})
	q.add(name("fast"), urgent, cause{live: map[object.Key]bool{k: true}})
	q.add(name("fast"), urgent, cause{git: time.Unix(5, 0)})
	q.add(name("slow"), urgent, cause{hard: true})

	var got []string
	for range 2 {
		n, c, _ := q.next()
		got = append(got, n.Name)
		if n.Name == "fast" && (!c.live[k] || c.git.IsZero()) || n.Name == "slow" && (!c.spec || !c.hard) {
			t.Errorf("%s lost a cause: %+v", n.Name, c)
		}
		q.done(n)
	}
	if diff := cmp.Diff([]string{"fast", "slow"}, got); diff != "" || q.length() != 0 {
		t.Error(diff, q.length())
	}
}

func TestQueueNeverHandsOneApplicationToTwo(t *testing.T) {
	q := newQueue()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	busy, looks := false, 0
	ended := make(chan struct{})
	go func() {
		q.run(ctx, 4, func(context.Context, types.NamespacedName, cause) {
			mu.Lock()
			if busy {
				t.Error("two workers on one application")
			}
			busy = true
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			busy = false
			looks++
			mu.Unlock()
		})
		close(ended)
	}()
	for range 50 {
		q.add(name("a"), urgent, cause{spec: true})
		time.Sleep(200 * time.Microsecond)
	}
	for { // what arrived during a look must lead to another one
		mu.Lock()
		n := looks
		mu.Unlock()
		if n > 0 && q.length() == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
}

func TestQueueAddAfterKeepsTheEarliest(t *testing.T) {
	q := newQueue()
	q.addAfter(name("a"), time.Hour, cause{spec: true})
	q.addAfter(name("a"), time.Millisecond, cause{hard: true})
	q.addAfter(name("a"), time.Hour, cause{})
	n, c, ok := q.next()
	if !ok || n != name("a") || !c.spec || !c.hard {
		t.Errorf("%v %+v %v", n, c, ok)
	}
}

func TestQueueKeepsWorkersFreeForWhatIsUrgent(t *testing.T) {
	q := newQueue() // one worker at a time in the relaxed lane
	q.add(name("status1"), relaxed, cause{owed: true})
	q.add(name("status2"), relaxed, cause{owed: true})
	first, _, _ := q.next()
	q.add(first, relaxed, cause{owed: true}) // while it is worked on, and no more urgent for that
	q.add(name("deploy"), urgent, cause{spec: true})
	second, _, _ := q.next()
	q.done(first)
	third, _, _ := q.next()
	q.done(third)
	fourth, c, _ := q.next()
	if diff := cmp.Diff([]string{"status1", "deploy", "status2", "status1"}, []string{first.Name, second.Name, third.Name, fourth.Name}); diff != "" || !c.owed {
		t.Error(diff, c)
	}
}

// TestOneClusterLeavesWorkersToTheOthers: looks that go nowhere occupy a part of the workers only, and a crowd at one
// cluster delays the one at another by no more than a look.
func TestOneClusterLeavesWorkersToTheOthers(t *testing.T) {
	q := newQueue()
	q.place = func(n types.NamespacedName) string { return strings.Split(n.Name, "-")[0] }
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	stuck := 0
	looked := make(chan string, 100)
	ended := make(chan struct{})
	go func() {
		q.run(ctx, 8, func(ctx context.Context, n types.NamespacedName, _ cause) {
			if strings.HasPrefix(n.Name, "dead-") {
				mu.Lock()
				stuck++
				mu.Unlock()
				<-ctx.Done() // a cluster that has fallen silent
				return
			}
			looked <- n.Name
		})
		close(ended)
	}()
	for i := range 6 {
		q.add(name(fmt.Sprintf("dead-%d", i)), urgent, cause{})
	}
	q.add(name("good-0"), urgent, cause{})
	<-looked
	time.Sleep(slowAfter + 50*time.Millisecond) // from now on it is known to be slow
	for i := range 1000 {
		q.add(name(fmt.Sprintf("dead-%d", 6+i)), urgent, cause{})
	}
	for i := range 50 {
		want := fmt.Sprintf("good-%d", i)
		q.add(name(want), urgent, cause{})
		select {
		case got := <-looked:
			if got != want {
				t.Fatalf("%s, not %s", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the silent cluster has all workers")
		}
	}
	mu.Lock()
	if stuck != 6 {
		t.Errorf("%d of 8 workers wait for the silent cluster", stuck)
	}
	mu.Unlock()
	cancel()
	<-ended
}

// Where there is one cluster only, slow looks may have all workers.
func TestOneClusterHasAllWorkers(t *testing.T) {
	q := newQueue()
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan struct{}, 4)
	ended := make(chan struct{})
	go func() {
		q.run(ctx, 4, func(ctx context.Context, _ types.NamespacedName, _ cause) {
			began <- struct{}{}
			<-ctx.Done()
		})
		close(ended)
	}()
	for i := range 3 {
		q.add(name(fmt.Sprint(i)), urgent, cause{})
		<-began
	}
	time.Sleep(slowAfter + 50*time.Millisecond)
	q.add(name("last"), urgent, cause{})
	select {
	case <-began:
	case <-time.After(20 * time.Second):
		t.Error("the fourth worker is idle")
	}
	cancel()
	<-ended
}

// Places take turns, each in the order of its own.
func TestPlacesTakeTurns(t *testing.T) {
	var l line
	for _, n := range []string{"a1", "a2", "a3", "b1", "c1", "b2"} {
		l.add(n[:1], name(n))
	}
	var got []string
	for {
		_, n, ok := l.take(func(place string) bool { return place != "c" })
		if !ok {
			break
		}
		got = append(got, n.Name)
	}
	if diff := cmp.Diff([]string{"a1", "b1", "a2", "b2", "a3"}, got); diff != "" {
		t.Error(diff)
	}
	if _, n, ok := l.take(func(string) bool { return true }); !ok || n.Name != "c1" || len(l.turns) != 0 || len(l.at) != 0 {
		t.Errorf("%v %v, %v", n, ok, l)
	}
}
