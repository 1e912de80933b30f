package podlife

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Annotations with which a pod (or its template) says what its main containers print; README.md has the table.
const (
	LogAnnotation      = "devcluster.hawser.dev/log"
	LogEveryAnnotation = "devcluster.hawser.dev/log-every"
)

// fastestLog keeps a typing mistake from printing a million lines a second.
const fastestLog = time.Millisecond

// Log is what one run of a container prints: a line at its start, what the pod's annotations say, a line at its end.
// Like everything here it follows from the pod and the time, so nothing is stored.
type Log struct {
	Run int32 // how often the container had been restarted before

	begun, ended time.Time // ended is zero while the run goes on
	head, tail   string
	say          []string
	every        time.Duration // 0: all of say at once, at the start
}

// LogOf returns the log of a container's present run, or of the run before it. The errors are the kubelet's.
func LogOf(o Observation, container string, previous bool) (Log, error) {
	c, m, found := find(o, container)
	if !found {
		return Log{}, fmt.Errorf("container %q in pod %q is not available", container, o.Pod.Name)
	}
	l := Log{Run: m.restarts, begun: m.startedAt, ended: m.endedAt}
	if m.state.Waiting != nil && m.last.Terminated == nil {
		return Log{}, fmt.Errorf("container %q in pod %q is waiting to start: %s", container, o.Pod.Name, m.state.Waiting.Reason)
	}
	if last := m.last.Terminated; last != nil && (previous || m.state.Waiting != nil) { // between two runs there is only the last one
		if m.state.Running != nil || m.ended {
			l.Run--
		}
		l.begun, l.ended = last.StartedAt.Time, last.FinishedAt.Time
		m.exit, m.ended = last.ExitCode, true
	} else if previous {
		return Log{}, fmt.Errorf("previous terminated container %q in pod %q not found", container, o.Pod.Name)
	}
	l.head = fmt.Sprintf("%s started from %s, run %d", container, c.Image, l.Run+1)
	if !l.ended.IsZero() {
		l.tail = fmt.Sprintf("%s ends with exit code %d", container, m.exit)
	}
	if isInit(o.Pod, container) {
		return l, nil
	}
	if text := o.Pod.Annotations[LogAnnotation]; text != "" {
		l.say = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	if every, err := time.ParseDuration(o.Pod.Annotations[LogEveryAnnotation]); err == nil && len(l.say) > 0 {
		l.every = max(every, fastestLog)
	}
	return l, nil
}

// find returns the container and what it is at the moment.
func find(o Observation, name string) (corev1.Container, moment, bool) {
	w := playPod(o)
	is := func(c corev1.Container) bool { return c.Name == name }
	if i := slices.IndexFunc(o.Pod.Spec.InitContainers, is); i >= 0 && i < len(w.init) {
		return o.Pod.Spec.InitContainers[i], w.init[i], true
	}
	if i := slices.IndexFunc(o.Pod.Spec.Containers, is); i >= 0 && i < len(w.main) {
		return o.Pod.Spec.Containers[i], w.main[i], true
	}
	return corev1.Container{}, moment{}, false
}

// Len is how many lines have been printed by now.
func (l Log) Len(now time.Time) int {
	if now.Before(l.begun) {
		return 0
	}
	n := 1
	switch {
	case l.every == 0:
		n += len(l.say)
	default:
		until := now
		if !l.ended.IsZero() && l.ended.Before(now) {
			until = l.ended
		}
		n += int(until.Sub(l.begun) / l.every)
	}
	if l.Over(now) {
		n++
	}
	return n
}

// Over reports whether the last line has been printed.
func (l Log) Over(now time.Time) bool { return !l.ended.IsZero() && !now.Before(l.ended) }

// Line returns line i, and when it was printed; over says that the run has ended by then. Lines of one moment are a
// nanosecond apart, so that they keep their order.
func (l Log) Line(i int, over bool, n int) (time.Time, string) {
	switch {
	case over && i == n-1:
		return l.ended, l.tail
	case i == 0:
		return l.begun, l.head
	case l.every == 0:
		return l.begun.Add(time.Duration(i)), l.say[i-1]
	}
	return l.begun.Add(time.Duration(i) * l.every), l.say[(i-1)%len(l.say)]
}
