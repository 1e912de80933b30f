package reconcile

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

// A queue tells how many wait in which lane, since when, and what the looks under way have taken; causes that are added
// to one that waits make it no younger.
func TestQueueTellsItsUse(t *testing.T) {
	q := newQueue()
	q.calm, q.most = 1, 3
	name := func(i int) types.NamespacedName {
		return types.NamespacedName{Namespace: "argocd", Name: strconv.Itoa(i)}
	}
	q.add(name(0), urgent, cause{})
	q.next()
	began := time.Now()
	for range 2 {
		q.add(name(1), urgent, cause{})
		q.add(name(2), relaxed, cause{})
		q.add(name(3), relaxed, cause{})
		q.add(name(0), urgent, cause{}) // is being looked at: waits for that to end
	}
	q.addAfter(name(4), time.Hour, cause{})
	u := q.use(began.Add(time.Minute))
	if u.Oldest <= time.Minute-time.Second || u.Oldest > time.Minute || u.Longest < time.Minute || u.Total != u.Longest {
		t.Errorf("the oldest waits for %v, the longest look takes %v, all %v", u.Oldest, u.Longest, u.Total)
	}
	u.Oldest, u.Longest, u.Total = 0, 0, 0
	if diff := cmp.Diff(QueueUse{Urgent: 1, Relaxed: 2, Timers: 1, Running: 1, RunningLimit: 4, RunningRelaxedLimit: 1}, u); diff != "" {
		t.Error(diff)
	}
	q.forget(name(4))
	q.done(name(0))
	if u := q.use(began); u.Urgent != 2 || u.Timers != 0 || u.Running != 0 {
		t.Errorf("after the look: %+v", u)
	}
}

// Where too many logs are read, one more is refused in words; it can be read as soon as another has ended, which counts
// once however often it is closed.
func TestLogsAreBounded(t *testing.T) {
	a := &Apps{}
	a.logs.Store(maxLogs)
	first := &countedLog{io.NopCloser(strings.NewReader("")), sync.OnceFunc(func() { a.logs.Add(-1) })}
	if _, err := a.openLog(t.Context(), nil, cluster.LogRequest{}); !problem.Is(err, problem.Limit) {
		t.Fatalf("one more log: %v", err)
	}
	m, f := newMerger(1, LogRequest{Follow: true}), newFollowed()
	pod := &object.Object{Object: map[string]any{"kind": "Pod", "metadata": map[string]any{"name": "p", "uid": "u"},
		"spec":   map[string]any{"containers": []any{map[string]any{"name": "c"}}},
		"status": map[string]any{"containerStatuses": []any{map[string]any{"name": "c", "state": map[string]any{"running": map[string]any{}}}}}}}
	if !f.fresh(pod, "c") {
		t.Fatal("the container is running, and its log is not to be opened")
	}
	a.joinPod(t.Context(), nil, LogRequest{Follow: true, MaxPods: 10}, f, m, pod)
	if f.fresh(pod, "c") || f.busy() != 0 {
		t.Error("what could not join is tried again at once, or counts as read")
	}
	f.runs[containerIn{"u", "c"}].retry = time.Now().Add(-time.Second)
	f.runs[containerIn{"u", "c"}].number = -1
	if !f.fresh(pod, "c") {
		t.Error("what could not join is never tried again")
	}
	_ = first.Close()
	_ = first.Close()
	if a.logs.Load() != maxLogs-1 {
		t.Error("a log that is closed still counts")
	}
}

// Who follows for long keeps nothing of what has ended: of a thousand pods that came and went, one after the other, the
// last is left.
func TestFollowingForgetsWhatHasEnded(t *testing.T) {
	f, m := newFollowed(), newMerger(1, LogRequest{Follow: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var lines int
	done := make(chan struct{})
	for i := range 1000 {
		p := &object.Object{Object: map[string]any{"kind": "Pod", "metadata": map[string]any{"name": "p" + strconv.Itoa(i), "uid": "u" + strconv.Itoa(i)}}}
		f.tidy([]*object.Object{p})
		f.opens(p, "c")
		s := m.add(LogLine{Pod: p.GetName(), Container: "c"})
		go func() {
			f.read(ctx, s, p, io.NopCloser(strings.NewReader("2026-01-01T00:00:00Z hello\n")))
			done <- struct{}{}
		}()
		for over := false; !over; {
			next := <-m.inbox
			if m.take(next); next.line != nil {
				lines++
				m.heads[next.from] = nil
				m.sources[next.from].next <- struct{}{}
			}
			over = next.line == nil
		}
		<-done
	}
	if lines != 1000 || len(m.sources) != 1 || len(f.pods) != 1 || len(f.runs) != 1 {
		t.Errorf("%d lines; kept are %d sources, %d pods, %d runs", lines, len(m.sources), len(f.pods), len(f.runs))
	}
}
