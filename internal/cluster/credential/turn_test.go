package credential

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Where as many programs run as may, the next waits for its turn, and then has all its time; who gives up takes none.
func TestProgramsTakeTurns(t *testing.T) {
	_, most := Running()
	for range most {
		turns <- struct{}{}
	}
	p, _ := program(t, says("token", time.Now().Add(time.Hour)))
	var all sync.WaitGroup
	hasty, giveUp := context.WithCancel(t.Context())
	all.Go(func() {
		if _, err := run(hasty, p, standard); !problem.Is(err, problem.Unavailable) {
			t.Errorf("who gives up: %v", err)
		}
	})
	giveUp()
	all.Wait()
	for range 3 {
		all.Go(func() {
			if c, err := run(t.Context(), p, standard); err != nil || c.Token != "token" {
				t.Errorf("after waiting: %v", err)
			}
		})
	}
	if n, _ := Running(); n != most {
		t.Errorf("%d run, and %d may", n, most)
	}
	for range most {
		<-turns
	}
	all.Wait()
	if n, _ := Running(); n != 0 {
		t.Errorf("%d still count", n)
	}
}
