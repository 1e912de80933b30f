package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// frames scrolls an element for three seconds, a little at each frame, and tells how long frames took: the median, and
// the share of those that missed two screen refreshes at 60 a second.
const frames = `new Promise(done => {
	const box = [...document.querySelectorAll("*")].filter(e => e.scrollHeight > e.clientHeight + 1000 && getComputedStyle(e).overflowY !== "hidden" && e.clientHeight > 200).pop() ?? document.scrollingElement;
	const took = []; let last = performance.now(); const begin = last;
	const step = now => {
		took.push(now - last); last = now; box.scrollTop += 120;
		if (now - begin < 3000) return requestAnimationFrame(step);
		took.sort((a, b) => a - b);
		done({median: took[took.length >> 1], slow: took.filter(t => t > 34).length / took.length, moved: box.scrollTop});
	};
	requestAnimationFrame(step);
})`

type scrolled struct{ Median, Slow, Moved float64 }

// whole waits until text is shown and returns how long after the navigation began.
func (b *tab) whole(path, text string) time.Duration {
	b.Helper()
	b.goTo(path)
	ms := evaluate[float64](b, fmt.Sprintf(`new Promise(done => { const look = () => document.body.innerText.includes(%q) ? done(performance.now()) : requestAnimationFrame(look); look(); })`, text))
	return time.Duration(ms * float64(time.Millisecond))
}

// BenchmarkTenThousandApplications: from the navigation until rows can be read and pressed, and how it scrolls.
func BenchmarkTenThousandApplications(b *testing.B) {
	w := open(b, "127.0.0.1:0", nil)
	w.crowd(b, 10_000)
	w.waitFor(b, "ads-cron-09999", "", "")
	t := w.tab(b, desk)
	t.logIn("admin", "/applications")
	t.see("10,000")
	for b.Loop() {
		b.ReportMetric(float64(t.whole("/applications", "ads-api-00").Milliseconds()), "ms-to-rows")
	}
	s := evaluate[scrolled](t, frames)
	b.ReportMetric(s.Median, "ms/frame")
	b.ReportMetric(s.Slow*100, "%slow-frames")
	if s.Moved < 1000 {
		b.Errorf("nothing was scrolled: %+v", s)
	}
	b.ReportMetric(evaluate[float64](t, `performance.getEntriesByType("resource").filter(e => e.name.endsWith(".js")).reduce((n, e) => n + e.encodedBodySize, 0) / 1000`), "kB-of-JavaScript")
}

// BenchmarkTwoThousandObjects: from the navigation until the topology of an application of 2,000 objects is drawn.
func BenchmarkTwoThousandObjects(b *testing.B) {
	w := open(b, "127.0.0.1:0", nil)
	files := map[string]string{}
	for i := range 20 {
		var text strings.Builder
		for j := range 100 {
			fmt.Fprintf(&text, "---\napiVersion: v1\nkind: %s\nmetadata: {name: thing-%02d-%02d}\n", []string{"ConfigMap", "ServiceAccount", "Secret", "Service"}[j%4], i, j)
			if j%4 == 3 {
				text.WriteString("spec: {clusterIP: None, ports: [{port: 80}]}\n")
			}
		}
		files[fmt.Sprintf("services/huge/part-%02d.yaml", i)] = text.String()
	}
	w.commit(b, "Two thousand objects", files)
	w.Apply(b, w.control, application("huge", "default", automated))
	w.waitFor(b, "huge", "Synced", "Healthy")
	t := w.tab(b, desk)
	t.logIn("admin", "/applications/argocd/huge")
	t.see("2,000 of 2,000 objects match")
	for b.Loop() {
		b.ReportMetric(float64(t.whole("/applications/argocd/huge", "ConfigMap").Milliseconds()), "ms-to-drawn")
	}
}
