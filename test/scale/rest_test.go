package scale_test

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkIdle leaves many applications alone for ten seconds and tells what Hawser uses meanwhile.
func BenchmarkIdle(b *testing.B) {
	b.Run(fmt.Sprintf("apps=%d", *size), func(b *testing.B) {
		s := ready(b)
		s.rest()
		defer s.profiled(b)()
		const span = 10 * time.Second
		var used figures
		for b.Loop() {
			before := s.usage(b)
			time.Sleep(span)
			used = s.usage(b).since(before)
		}
		b.ReportMetric(0, "ns/op")
		used.report(b, 1)
		b.ReportMetric(s.memory(b), "rss-MiB")
	})
}

// BenchmarkStart restarts Hawser with what it had on disk and measures until it answers, and until it has looked at
// every application.
func BenchmarkStart(b *testing.B) {
	b.Run(fmt.Sprintf("apps=%d", *size), func(b *testing.B) {
		s := ready(b)
		var up, looked times
		var used figures
		repeat := max(1, *trials/3)
		for b.Loop() {
			up, looked, used = nil, nil, figures{requests: map[string]int{}}
			for range repeat {
				s.stop(b)
				at := time.Now()
				s.start(b)
				up = append(up, s.up)
				looked = append(looked, s.lookedAt(b).Sub(at))
				u := s.usage(b)
				used.cpu += u.cpu
				for what, n := range u.requests {
					used.requests[what] += n
				}
			}
		}
		b.ReportMetric(0, "ns/op")
		up.report(b, "up")
		looked.report(b, "looked")
		used.report(b, repeat)
		b.ReportMetric(s.memory(b), "rss-MiB")
	})
}
