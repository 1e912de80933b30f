package rbac

import (
	"fmt"
	"sync"
	"testing"
)

// TestTogether lets many ask one policy at once, more subjects than are kept; it means most under -race.
func TestTogether(t *testing.T) {
	p, apps := bigPolicy(t)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range maxTables/4 + 10 {
				table := p.For(Subject{Name: fmt.Sprintf("u%d", (g*37+i)%(maxTables+50)), Groups: []string{"org:team-07", "team:team-42"}})
				m := table.Matcher(Applications, Get)
				for _, app := range apps[690:710] {
					if m.Allows(app) != table.May(Request{Applications, Get, app}).Allowed {
						t.Errorf("%s: two answers", app)
					}
				}
			}
		})
	}
	all.Wait()
	if n := len(p.tables.kept); n > maxTables {
		t.Errorf("%d tables kept", n)
	}
}
