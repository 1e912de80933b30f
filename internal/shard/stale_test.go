package shard

import (
	"strings"
	"testing"
	"time"
)

func TestStale(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	fine := Standing{Unit: Unit{Server: "https://one"}, Replica: "hawser-0", Alive: true, Seen: now, Grace: 30 * time.Second, Looked: now.Add(-time.Minute), Interval: 3 * time.Minute}
	for _, c := range []struct {
		name   string
		change func(*Standing)
		want   string
	}{
		{"looked at a minute ago", func(*Standing) {}, ""},
		{"changes hands", func(s *Standing) { s.Alive, s.Seen = false, now.Add(-20*time.Second) }, ""},
		{"owner gone", func(s *Standing) { s.Alive, s.Seen = false, now.Add(-time.Minute) }, "nobody has reconciled it since 2026-11-28T11:59:00Z: hawser-0, which owned https://one, is gone"},
		{"no owner", func(s *Standing) { s.Alive, s.Seen, s.Replica = false, now.Add(-time.Minute), "" }, "https://one has no owner"},
		{"late in the queue", func(s *Standing) { s.Looked = now.Add(-13 * time.Minute) }, ""},
		{"never comes to it", func(s *Standing) { s.Looked = now.Add(-15 * time.Minute) }, "since 2026-11-28T11:45:00Z, though it is looked at every 3m0s: hawser-0, which owns https://one, does not come to it"},
		{"not polled", func(s *Standing) { s.Looked, s.Interval = now.Add(-time.Hour), 0 }, ""},
		{"not known here", func(s *Standing) { s.Looked = time.Time{} }, ""},
	} {
		s := fine
		c.change(&s)
		if got := s.Stale(now); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
