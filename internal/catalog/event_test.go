package catalog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"k8s.io/apimachinery/pkg/types"
)

// Of a thousand applications that change at once, the ends of operations are told; what the status says as well is
// dropped beyond the burst, and told again when it is calm.
func TestPassingEventsGiveWay(t *testing.T) {
	r := &recorder{queue: make(chan event, 5000), budgets: map[types.UID]budget{}}
	now := time.Unix(1_795_000_000, 0)
	for i := range 1000 {
		uid := types.UID(rune('a' + i%20))
		r.add(event{about: about{uid: uid}, reason: "ResourceUpdated", at: now, passing: true})
		r.add(event{about: about{uid: types.UID(time.Duration(i).String())}, reason: "OperationCompleted", at: now})
	}
	sent := map[string]int{}
	for len(r.queue) > 0 {
		sent[(<-r.queue).reason]++
	}
	if sent["ResourceUpdated"] != passingBurst || sent["OperationCompleted"] != 1000 {
		t.Errorf("%v", sent)
	}
	r.add(event{about: about{uid: "z"}, reason: "ResourceUpdated", at: now.Add(time.Second), passing: true})
	if len(r.queue) != 1 {
		t.Error("none is sent a second later")
	}
}

// What is not sent is counted, by why.
func TestDroppedEventsAreCounted(t *testing.T) {
	r := &recorder{queue: make(chan event, eventBurst+5), budgets: map[types.UID]budget{}}
	now := time.Unix(1_795_000_000, 0)
	for range eventBurst + 3 {
		r.add(event{about: about{uid: "a"}, at: now})
	}
	for range 7 { // five have room
		r.add(event{about: about{uid: "b"}, at: now})
	}
	r.closed = true
	r.add(event{about: about{uid: "c"}, at: now})
	c := &Catalog{events: r, appLedger: newLedger[*v1alpha1.Application](), sets: newLedger[*v1alpha1.ApplicationSet]()}
	c.subscribers.Store(&[]*subscription{{queue: make([]Change, 3)}, {queue: make([]Change, 1)}})
	u := c.Use()
	if diff := cmp.Diff(map[string]uint64{"budget": 3, "full": 2, "refused": 0, "stopping": 1}, u.EventsDropped); diff != "" {
		t.Error(diff)
	}
	if u.Events != eventBurst+5 || u.Changes != 4 {
		t.Errorf("%d events wait, and %d changes", u.Events, u.Changes)
	}
}
