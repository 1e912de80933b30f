package scale_test

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
				s.rest() // times on the wire have whole seconds: a look must show
				before := map[string]string{}
				s.eyes.until(b, "the present state", func(o objects) string {
					for name, a := range o["Application"] {
						before[name] = text(a, "status", "reconciledAt")
					}
					return ""
				})
				s.stop(b)
				at := time.Now()
				s.start(b)
				up = append(up, s.up)
				looked = append(looked, s.eyes.until(b, "a look at every application", func(o objects) string { return unseen(o["Application"], before) }).Sub(at))
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

// unseen counts the applications that have not been looked at since.
func unseen(now map[string]*unstructured.Unstructured, before map[string]string) string {
	n := 0
	for name, a := range now {
		if text(a, "status", "reconciledAt") == before[name] {
			n++
		}
	}
	if n > 0 {
		return fmt.Sprintf("%d to go", n)
	}
	return ""
}
