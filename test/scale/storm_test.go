package scale_test

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestStormOfWebhooks: whoever calls the webhook a thousand times in a second, while people push, gets the last push
// deployed, a repository that is asked twice a second, and no application rendered more often than it changed.
func TestStormOfWebhooks(t *testing.T) {
	defer func(n int) { *size = n }(*size)
	*size = 10
	s := build(t, fiveObjects)
	s.calm(t)
	fetches := func() float64 { return s.metric(t, `argocd_git_request_total{`) }
	asked, renders, began := fetches(), s.renders(t), time.Now()
	const pushes = 5
	var callers sync.WaitGroup
	value := ""
	for push := range pushes {
		value = fmt.Sprintf("storm-%d", push)
		s.repo.Commit(t, map[string]string{"services/" + service(3) + "/settings.yaml": settings(3, value)}, "Push "+value)
		for range 1000 / pushes {
			callers.Go(func() { s.hook(t) })
			time.Sleep(time.Millisecond)
		}
	}
	callers.Wait()
	over := time.Now()
	live := s.eyes.until(t, "the last push", s.colour(3, value))
	s.eyes.until(t, "the application to be settled", s.settledOne(3, s.repo.Head(t)))
	t.Logf("the last push is live %v after the storm", live.Sub(over).Round(time.Millisecond))
	s.calm(t)
	// a listing and, when there is something new, a fetch; two of these at once, and then two a second
	if n, most := fetches()-asked, 2*(2+2*time.Since(began).Seconds()); n > most {
		t.Errorf("the repository was asked %v times, at most %.0f are right", n, most)
	}
	if n := s.renders(t) - renders; n > pushes {
		t.Errorf("%v renders of %d pushes", n, pushes)
	}
}
