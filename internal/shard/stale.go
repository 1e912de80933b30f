package shard

import (
	"fmt"
	"time"
)

// Standing is what is known of who looks at an application, and when it was looked at.
type Standing struct {
	Unit    Unit
	Replica string        // the owner; empty when there is none
	Alive   bool          // it does its work, as far as anybody can tell
	Seen    time.Time     // when the owner was last heard of
	Grace   time.Duration // how long a unit may be without an owner while it changes hands

	Looked   time.Time     // when it was last looked at, or could have been first; zero when that is not known here
	Interval time.Duration // between two looks, when nothing happens; 0: there is no such rule
}

// muchLonger is how much longer than its interval an application may go without a look: one that waits in a queue, or for a
// repository that is slow, is late and no more.
func muchLonger(interval time.Duration) time.Duration { return 3*interval + 5*time.Minute }

// Stale says why what is recorded of an application need not be true any more; empty when it can be relied on.
func (s Standing) Stale(now time.Time) string {
	if silent := now.Sub(s.Seen); !s.Alive && silent > s.Grace {
		since := s.Seen.UTC().Format(time.RFC3339)
		if s.Replica == "" {
			return fmt.Sprintf("nobody has reconciled it since %s: %s has no owner", since, s.Unit)
		}
		return fmt.Sprintf("nobody has reconciled it since %s: %s, which owned %s, is gone", since, s.Replica, s.Unit)
	}
	if late := now.Sub(s.Looked); !s.Looked.IsZero() && s.Interval > 0 && late > muchLonger(s.Interval) {
		return fmt.Sprintf("nobody has reconciled it since %s, though it is looked at every %s: %s, which owns %s, does not come to it", s.Looked.UTC().Format(time.RFC3339), s.Interval, s.Replica, s.Unit)
	}
	return ""
}
