package podlife

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

var begun = time.Date(2026, 3, 1, 12, 0, 0, 700e6, time.UTC)

// film follows a pod from one change to the next, as the kubelet does, and writes a line for each:
// the time since its first container's start, phase, R if ready, and the state of every container.
func film(t *testing.T, pod *corev1.Pod, frames int) string {
	t.Helper()
	start := begun.Add(bindingTakes(pod))
	var lines []string
	for now := begun; len(lines) < frames; {
		status, next := Observe(Observation{Pod: pod, Begun: begun, Now: now, PodIP: "10.1.0.7", HostIP: "10.2.0.1"})
		at := "bound"
		if !now.Before(start) {
			at = now.Sub(start).String()
		}
		lines = append(lines, strings.TrimSpace(at+" "+describe(status)))
		if next.IsZero() {
			return strings.Join(append(lines, "."), "\n")
		}
		if !next.After(now) {
			t.Fatalf("at %s the next change is at %s: time stands still", now, next)
		}
		pod = pod.DeepCopy()
		pod.Status = status
		now = next
	}
	return strings.Join(append(lines, "…"), "\n")
}

func describe(s corev1.PodStatus) string {
	words := []string{string(s.Phase)}
	if s.Reason != "" {
		words = append(words, s.Reason)
	}
	for _, c := range s.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			words = append(words, "R")
		}
	}
	for _, c := range append(s.InitContainerStatuses, s.ContainerStatuses...) {
		word := c.Name + ":"
		switch {
		case c.State.Waiting != nil:
			word += c.State.Waiting.Reason
		case c.State.Running != nil:
			word += "runs"
		case c.State.Terminated != nil:
			word += fmt.Sprintf("exit%d", c.State.Terminated.ExitCode)
		}
		if c.RestartCount > 0 {
			word += fmt.Sprintf("×%d", c.RestartCount)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func pod(policy corev1.RestartPolicy, containers ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "ns", UID: "one", Annotations: map[string]string{}},
		Spec:       corev1.PodSpec{RestartPolicy: policy, Containers: containers},
		Status:     corev1.PodStatus{QOSClass: corev1.PodQOSBestEffort},
	}
}

func container(name, image string, command ...string) corev1.Container {
	return corev1.Container{Name: name, Image: image, Command: command}
}

func with(p *corev1.Pod, annotation, value string) *corev1.Pod {
	p.Annotations[annotation] = value
	return p
}

func after(p *corev1.Pod, init ...corev1.Container) *corev1.Pod {
	p.Spec.InitContainers = init
	return p
}

const (
	always    = corev1.RestartPolicyAlways
	onFailure = corev1.RestartPolicyOnFailure
	neverPol  = corev1.RestartPolicyNever
)

func TestFilm(t *testing.T) {
	proxy := container("proxy", "proxy:1")
	proxy.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	gated := pod(always, container("c", "app:1"))
	gated.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/gate"}}
	limited := pod(neverPol, container("c", "app:1", "sleep", "infinity"))
	limited.Spec.ActiveDeadlineSeconds = ptr.To(int64(5))

	for _, tc := range []struct {
		name   string
		pod    *corev1.Pod
		frames int
		want   string
	}{
		{"an ordinary pod runs", pod(always, container("c", "app:1")), 9, `
bound Pending c:ContainerCreating
0s Running R c:runs
.`},
		{"a job completes", pod(neverPol, container("c", "app:1")), 9, `
bound Pending c:ContainerCreating
0s Running c:runs
200ms Succeeded c:exit0
.`},
		{"a job fails by annotation", with(pod(neverPol, container("c", "app:1")), ExitCodeAnnotation, "3"), 9, `
bound Pending c:ContainerCreating
0s Running c:runs
200ms Failed c:exit3
.`},
		{"a job takes as long as its annotation says", with(pod(neverPol, container("c", "app:1")), DelayAnnotation, "3s"), 9, `
bound Pending c:ContainerCreating
0s Running R c:runs
3s Succeeded c:exit0
.`},
		{"a job takes as long as its command says", pod(neverPol, container("c", "app:1", "sh", "-c", "sleep 2 && exit 4")), 9, `
bound Pending c:ContainerCreating
0s Running R c:runs
2s Failed c:exit4
.`},
		{"a failing job that may restart backs off", pod(onFailure, container("c", "app:1", "false")), 7, `
bound Pending c:ContainerCreating
0s Running c:CrashLoopBackOff×1
10s Running c:CrashLoopBackOff×2
30s Running c:CrashLoopBackOff×3
1m10s Running c:CrashLoopBackOff×4
2m30s Running c:CrashLoopBackOff×5
5m10s Running c:CrashLoopBackOff×6
…`},
		{"a crash loop", pod(always, container("c", "app:crash")), 8, `
bound Pending c:ContainerCreating
0s Running c:runs
100ms Running c:runs×1
200ms Running c:CrashLoopBackOff×1
10.2s Running c:runs×2
10.3s Running c:CrashLoopBackOff×2
30.3s Running c:runs×3
30.4s Running c:CrashLoopBackOff×3
…`},
		{"an image that does not exist", pod(always, container("c", "app:broken"), container("d", "app:1")), 9, `
bound Pending c:ContainerCreating d:ContainerCreating
0s Pending c:ErrImagePull d:runs
500ms Pending c:ImagePullBackOff d:runs
.`},
		{"ready after a delay", with(pod(always, container("c", "app:1")), DelayAnnotation, "3s"), 9, `
bound Pending c:ContainerCreating
0s Running c:runs
3s Running R c:runs
.`},
		{"never ready", with(pod(always, container("c", "app:1")), NeverReadyAnnotation, "true"), 9, `
bound Pending c:ContainerCreating
0s Running c:runs
.`},
		{"a job that hangs", with(pod(neverPol, container("c", "app:1")), NeverReadyAnnotation, "true"), 9, `
bound Pending c:ContainerCreating
0s Running c:runs
.`},
		{"an ordinary pod crashes by annotation", with(pod(always, container("c", "app:1")), ExitCodeAnnotation, "1"), 4, `
bound Pending c:ContainerCreating
0s Running c:runs
100ms Running c:runs×1
200ms Running c:CrashLoopBackOff×1
…`},
		{"nonsense in an annotation is said", with(pod(always, container("c", "app:1")), DelayAnnotation, "soon"), 9, `
bound Pending c:ContainerCreating
0s Pending c:CreateContainerConfigError
.`},
		{"init containers go first, one after the other",
			after(pod(always, container("c", "app:1")), container("i", "init:1"), container("j", "init:1", "sleep", "1")), 9, `
bound Pending i:PodInitializing j:PodInitializing c:PodInitializing
0s Pending i:runs j:PodInitializing c:PodInitializing
50ms Pending i:exit0 j:runs c:PodInitializing
1.05s Running R i:exit0 j:exit0 c:runs
.`},
		{"a failed init container ends a pod that may not restart",
			after(pod(neverPol, container("c", "app:1")), container("i", "init:1", "sh", "-c", "exit 2")), 9, `
bound Pending i:PodInitializing c:PodInitializing
0s Failed i:exit2 c:PodInitializing
.`},
		{"a failed init container is tried again otherwise",
			after(pod(always, container("c", "app:1")), container("i", "init:crash")), 4, `
bound Pending i:PodInitializing c:PodInitializing
0s Pending i:runs c:PodInitializing
100ms Pending i:runs×1 c:PodInitializing
200ms Pending i:CrashLoopBackOff×1 c:PodInitializing
…`},
		{"an init image that does not exist",
			after(pod(always, container("c", "app:1")), container("i", "init:broken")), 9, `
bound Pending i:PodInitializing c:PodInitializing
0s Pending i:ErrImagePull c:PodInitializing
500ms Pending i:ImagePullBackOff c:PodInitializing
.`},
		{"a sidecar runs beside the job and goes with it", after(pod(neverPol, container("c", "app:1")), proxy), 9, `
bound Pending proxy:PodInitializing c:PodInitializing
0s Running proxy:runs c:runs
200ms Succeeded proxy:exit0 c:exit0
.`},
		{"annotations leave sidecars alone", with(after(pod(neverPol, container("c", "app:1")), proxy), ExitCodeAnnotation, "1"), 9, `
bound Pending proxy:PodInitializing c:PodInitializing
0s Running proxy:runs c:runs
200ms Failed proxy:exit0 c:exit1
.`},
		{"a closed readiness gate", gated, 9, `
bound Pending c:ContainerCreating
0s Running c:runs
.`},
		{"the active deadline", limited, 9, fmt.Sprintf(`
bound Pending c:ContainerCreating
0s Running R c:runs
%s Failed DeadlineExceeded c:exit143
.`, 5*time.Second-bindingTakes(limited))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(strings.TrimSpace(tc.want), film(t, tc.pod, tc.frames)); diff != "" {
				t.Errorf("film (-want +got):\n%s", diff)
			}
		})
	}
}

// After a kill -9 only status.startTime is known, in whole seconds. The status must come out the
// same, or a restart of the cluster would change every pod in it.
func TestSameStatusAfterARestart(t *testing.T) {
	for name, p := range map[string]*corev1.Pod{
		"running": after(pod(always, container("c", "app:1")), container("i", "init:1")),
		"broken":  pod(always, container("c", "app:broken")),
	} {
		t.Run(name, func(t *testing.T) {
			o := Observation{Pod: p, Begun: begun, Now: begun.Add(time.Minute), PodIP: "10.1.0.7", HostIP: "10.2.0.1"}
			before, _ := Observe(o)
			o.Pod = p.DeepCopy()
			o.Pod.Status = before
			o.Begun = before.StartTime.Time
			o.Now = o.Now.Add(time.Hour)
			after, _ := Observe(o)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("status (-before +after):\n%s", diff)
			}
		})
	}
}

// A pod that is repaired in place recovers: annotations may be changed while it lives.
func TestAnnotationTakenAway(t *testing.T) {
	p := with(pod(always, container("c", "app:1")), NeverReadyAnnotation, "true")
	o := Observation{Pod: p, Begun: begun, Now: begun.Add(time.Minute), PodIP: "10.1.0.7", HostIP: "10.2.0.1"}
	before, _ := Observe(o)
	if got := describe(before); got != "Running c:runs" {
		t.Fatalf("with the annotation: %s", got)
	}
	o.Pod = p.DeepCopy()
	o.Pod.Status, o.Pod.Annotations = before, nil
	after, _ := Observe(o)
	if got := describe(after); got != "Running R c:runs" {
		t.Errorf("without it: %s", got)
	}
}

func TestStopped(t *testing.T) {
	p := pod(neverPol, container("c", "app:1", "sleep", "100"))
	s := Stopped(Observation{Pod: p, Begun: begun, Now: begun.Add(time.Second), PodIP: "10.1.0.7", HostIP: "10.2.0.1"})
	if got := describe(s); got != "Failed c:exit143" {
		t.Errorf("a job's pod deleted while it runs: %s", got)
	}
}

// People and tools compare these words with what real clusters say.
func TestWords(t *testing.T) {
	at := func(p *corev1.Pod, d time.Duration) corev1.ContainerStatus {
		s, _ := Observe(Observation{Pod: p, Begun: begun, Now: begun.Add(d), PodIP: "10.1.0.7", HostIP: "10.2.0.1"})
		return s.ContainerStatuses[0]
	}
	crash := at(pod(always, container("c", "app:crash")), 15*time.Second)
	if got, want := crash.State.Waiting.Message, "back-off 20s restarting failed container=c pod=p_ns(one)"; got != want {
		t.Errorf("crash loop: %q, want %q", got, want)
	}
	if last := crash.LastTerminationState.Terminated; last == nil || last.ExitCode != 1 || last.Reason != "Error" || !strings.HasPrefix(last.ContainerID, "devcluster://") {
		t.Errorf("last state of a crash loop: %+v", last)
	}
	broken := at(pod(always, container("c", "registry.example.com:5000/app:broken")), time.Minute)
	if got := broken.State.Waiting.Message; !strings.HasPrefix(got, `Back-off pulling image "registry.example.com:5000/app:broken": ErrImagePull: `) {
		t.Errorf("image pull: %q", got)
	}
	if broken.ImageID != "" || broken.ContainerID != "" {
		t.Errorf("a container that never ran has ids: %q %q", broken.ImageID, broken.ContainerID)
	}
	failed := at(with(with(pod(neverPol, container("c", "app:1")), ExitCodeAnnotation, "2"), ExitMessageAnnotation, "no such table"), time.Minute)
	if got := failed.State.Terminated; got.Message != "no such table" || got.Reason != "Error" {
		t.Errorf("exit message: %+v", got)
	}
	running := at(pod(always, container("c", "registry.example.com:5000/app:1@sha256:abc")), time.Minute)
	if !strings.HasPrefix(running.ImageID, "registry.example.com:5000/app@sha256:") {
		t.Errorf("image id %q", running.ImageID)
	}
}

func TestReadCommand(t *testing.T) {
	for _, tc := range []struct {
		argv string // words separated by |
		want string
	}{
		{"true", "0s 0"},
		{"/bin/false", "0s 1"},
		{"sleep|3", "3s 0"},
		{"sleep|0.5", "500ms 0"},
		{"sleep|infinity", "forever 0"},
		{"sh|-c|exit 7", "0s 7"},
		{"/bin/sh|-c|sleep 3", "3s 0"},
		{"bash|-c| sleep 1 &&  exit 2 ", "1s 2"},
		{"sh|-c|sleep 1; exit 0", "1s 0"},
		{"sh|-c|false", "0s 1"},
		// Not understood, so taken as any other program:
		{"", ""},
		{"nginx", ""},
		{"sh|-c|echo hello; exit 1", ""},
		{"sh|-c|exit 300", ""},
		{"sh|-c|exit 1 || true", ""},
		{"sh|-c|sleep 1 && exit 2 && exit 3", ""},
		{"sh|-c|exit 1; sleep 1", ""},
		{"sh|-ec|exit 1", ""},
		{"sleep|-1", ""},
		{"sleep|1d", ""},
		{"exit|1", ""},
		{"true|false", ""},
	} {
		var argv []string
		if tc.argv != "" {
			argv = strings.Split(tc.argv, "|")
		}
		runs, exit, ok := readCommand(argv)
		got := ""
		if ok {
			got = fmt.Sprintf("%v %d", runs, exit)
			if runs == forever {
				got = fmt.Sprintf("forever %d", exit)
			}
		}
		if got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.argv, got, tc.want)
		}
	}
}

func TestImageTag(t *testing.T) {
	for image, want := range map[string]string{
		"app":                         "",
		"app:1":                       "1",
		"r.example.com:5000/app":      "",
		"r.example.com:5000/a/app:2":  "2",
		"app:broken@sha256:0123456":   "broken",
		"r.example.com:5000/app@s:12": "",
	} {
		if got := imageTag(image); got != want {
			t.Errorf("%s: tag %q, want %q", image, got, want)
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	p := pod(always, container("c", "app:1"), container("d", "app:1"))
	o := Observation{Pod: p, Begun: begun, Now: begun.Add(time.Minute), PodIP: "10.1.0.7", HostIP: "10.2.0.1"}
	for b.Loop() {
		Observe(o)
	}
}
