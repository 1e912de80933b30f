package podlife

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// printed is all lines of a log by now.
func printed(l Log, now time.Time) string {
	var lines []string
	n, over := l.Len(now), l.Over(now)
	last := time.Time{}
	for i := range n {
		at, text := l.Line(i, over, n)
		if at.Before(last) {
			text += " (out of order)"
		}
		last = at
		lines = append(lines, text)
	}
	return strings.Join(lines, "|")
}

func logging(image string, annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web-1", Namespace: "shop", UID: "u1", Annotations: annotations},
		Spec:       corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways, Containers: []corev1.Container{{Name: "web", Image: image}}},
	}
}

func TestLogs(t *testing.T) {
	begun := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		image       string
		annotations map[string]string
		after       time.Duration
		previous    bool
		want        string
	}{
		"nothing said":      {"web:1", nil, time.Second, false, "web started from web:1, run 1"},
		"said at once":      {"web:1", map[string]string{LogAnnotation: "a\nb\n"}, time.Second, false, "web started from web:1, run 1|a|b"},
		"said again":        {"web:1", map[string]string{LogAnnotation: "a\nb", LogEveryAnnotation: "1s"}, 3500 * time.Millisecond, false, "web started from web:1, run 1|a|b|a"},
		"not started":       {"web:1", nil, time.Millisecond, false, `container "web" in pod "web-1" is waiting to start: ContainerCreating`},
		"never pulled":      {"web:broken", nil, time.Minute, false, `container "web" in pod "web-1" is waiting to start: ImagePullBackOff`},
		"between two runs":  {"web:crash", nil, 5 * time.Second, false, "web started from web:crash, run 2|web ends with exit code 1"},
		"no run before":     {"web:1", nil, time.Second, true, `previous terminated container "web" in pod "web-1" not found`},
		"in the third run":  {"web:crash", nil, 10*time.Second + 350*time.Millisecond, true, "web started from web:crash, run 2|web ends with exit code 1"},
		"a pace below zero": {"web:1", map[string]string{LogAnnotation: "a", LogEveryAnnotation: "0s"}, 200 * time.Millisecond, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := Observation{Pod: logging(c.image, c.annotations), Begun: begun, Now: begun.Add(c.after)}
			l, err := LogOf(o, "web", c.previous)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = printed(l, o.Now)
			}
			if c.want == "" {
				if n := l.Len(o.Now); n > 300 {
					t.Errorf("%d lines in 200 ms", n)
				}
				return
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
