package catalog

import (
	"testing"
	"time"

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
