package reconcile

import (
	"context"
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
