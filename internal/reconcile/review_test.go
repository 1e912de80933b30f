package reconcile

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// A short wait must not bring the next question to Git forward.
func TestQueueKeepsPollsAndWaitsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		began := time.Now()
		q.addAfter(name("a"), 2*time.Minute, cause{git: began.Add(time.Minute)})
		q.addAfter(name("a"), time.Second, cause{spec: true})
		n, c, _ := q.next()
		if at := time.Since(began); at != time.Second || !c.git.IsZero() || !c.spec {
			t.Errorf("woken after %v by %+v", at, c)
		}
		q.done(n)
		if _, c, _ = q.next(); time.Since(began) != 2*time.Minute || c.git.IsZero() {
			t.Errorf("polled after %v by %+v", time.Since(began), c)
		}
	})
}

// A replica can lead again after it has lost the lead.
func TestQueueWorksAgain(t *testing.T) {
	q := newQueue()
	for turn := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		q.open()
		q.add(name("a"), urgent, cause{})
		looks := 0
		q.run(ctx, 1, func(context.Context, types.NamespacedName, cause) { looks++; cancel() })
		if looks != 1 {
			t.Errorf("turn %d: %d looks", turn, looks)
		}
	}
}
