// Package podlife decides what a simulated pod looks like at any moment.
//
// The idea: a pod's life follows from its spec, its annotations and the moment it began; so its
// status is a pure function of those and the time, and nothing has to be remembered across a crash.
// Read [Observe] first. The package refuses to know a clock, a client or a container runtime.
package podlife

import (
	"crypto/sha256"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Observation is what a kubelet sees of a pod, when and where.
type Observation struct {
	Pod    *corev1.Pod
	Begun  time.Time // when the kubelet took the pod on
	Now    time.Time
	PodIP  string
	HostIP string
}

// Observe is the whole simulation: the status of a pod at o.Now, and when it will next be another
// (the zero time: not without an event). It keeps no state. A pod's life follows from its spec, its
// annotations and the moment it began, which is stored as status.startTime; so a cluster that was
// killed continues where it would have been.
func Observe(o Observation) (corev1.PodStatus, time.Time) {
	s := *o.Pod.Status.DeepCopy()
	s.ObservedGeneration = o.Pod.Generation
	s.StartTime = ptr.To(o.reported(o.Begun))
	s.HostIP, s.HostIPs = o.HostIP, []corev1.HostIP{{IP: o.HostIP}}

	w := playPod(o)
	s.InitContainerStatuses = o.containerStatuses(o.Pod.Spec.InitContainers, w.init)
	s.ContainerStatuses = o.containerStatuses(o.Pod.Spec.Containers, w.main)
	s.Phase, s.Reason, s.Message = w.phase, w.reason, w.message
	if w.sandbox {
		s.PodIP, s.PodIPs = o.PodIP, []corev1.PodIP{{IP: o.PodIP}}
	}
	o.setConditions(&s, w)
	return s, w.next
}

// Stopped is the status of a pod that was deleted while it ran: a SIGTERM ended its containers.
func Stopped(o Observation) corev1.PodStatus {
	s, _ := Observe(o)
	for _, list := range [][]corev1.ContainerStatus{s.InitContainerStatuses, s.ContainerStatuses} {
		for i := range list {
			c := &list[i]
			if r := c.State.Running; r != nil {
				c.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
					ExitCode: terminated, Reason: "Error", ContainerID: c.ContainerID, StartedAt: r.StartedAt, FinishedAt: o.reported(o.Now),
				}}
			}
			c.Ready, c.Started = false, ptr.To(false)
		}
	}
	if !Over(s.Phase) {
		s.Phase = corev1.PodFailed
	}
	for _, t := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		o.setCondition(&s, t, false, "PodFailed", "")
	}
	return s
}

const terminated = 128 + 15 // the exit code of a process that SIGTERM ended

// waypoint is a pod at one moment.
type waypoint struct {
	init, main      []moment
	sandbox         bool // the pod has an address
	phase           corev1.PodPhase
	reason, message string
	next            time.Time
}

// playPod plays the init containers one after the other, then the main containers side by side.
func playPod(o Observation) waypoint {
	spec := o.Pod.Spec
	w := waypoint{phase: corev1.PodPending}
	t := o.Begun.Add(bindingTakes(o.Pod))
	if o.Now.Before(t) {
		w.init = idle(len(spec.InitContainers), waiting("PodInitializing", ""))
		reason := "ContainerCreating"
		if len(spec.InitContainers) > 0 {
			reason = "PodInitializing"
		}
		w.main = idle(len(spec.Containers), waiting(reason, ""))
		w.next = t
		return w
	}
	w.sandbox = true
	blocked := false
	for _, c := range spec.InitContainers {
		if blocked {
			w.init = append(w.init, waiting("PodInitializing", ""))
			continue
		}
		r, policy := initContainer, corev1.RestartPolicyOnFailure
		if spec.RestartPolicy == corev1.RestartPolicyNever {
			policy = corev1.RestartPolicyNever
		}
		if isSidecar(c) {
			r = sidecar
		}
		m := o.play(c, r, policyOf(c, policy), t)
		w.init = append(w.init, m)
		w.wakeAt(m.next)
		switch {
		case r == sidecar && m.state.Running != nil: // the next one starts beside it
		case r == initContainer && m.ended && m.exit == 0:
			t = m.endedAt
		default:
			blocked = true
			if m.ended {
				w.phase = corev1.PodFailed
			}
		}
	}
	for _, c := range spec.Containers {
		m := waiting("PodInitializing", "")
		if !blocked {
			m = o.play(c, mainContainer, policyOf(c, spec.RestartPolicy), t)
		}
		w.main = append(w.main, m)
		w.wakeAt(m.next)
	}
	if !blocked {
		w.phase = phaseOf(w.main, spec.RestartPolicy)
	}
	if limit := spec.ActiveDeadlineSeconds; limit != nil && !Over(w.phase) {
		deadline := o.Begun.Add(time.Duration(*limit) * time.Second)
		w.wakeAt(deadline)
		if !o.Now.Before(deadline) {
			w.phase, w.reason, w.message = corev1.PodFailed, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
			w.kill(deadline)
		}
	}
	if Over(w.phase) {
		w.next = time.Time{}       // nothing happens to a pod after its end
		for i, m := range w.init { // sidecars go when the last main container went
			if m.state.Running != nil {
				w.init[i] = m.exited(0, "Completed", "", o.Now)
			}
		}
	}
	return w
}

// kill ends what still runs, as a kubelet does, with a SIGTERM.
func (w *waypoint) kill(at time.Time) {
	for i, m := range w.main {
		if !m.ended && m.state.Running != nil {
			w.main[i] = m.exited(terminated, "Error", "", at)
		}
	}
}

func (w *waypoint) wakeAt(t time.Time) {
	if !t.IsZero() && (w.next.IsZero() || t.Before(w.next)) {
		w.next = t
	}
}

// phaseOf follows the kubelet: a container that never started holds the pod in Pending.
func phaseOf(main []moment, policy corev1.RestartPolicy) corev1.PodPhase {
	ended, failed := 0, 0
	for _, m := range main {
		if m.state.Waiting != nil && m.last.Terminated == nil {
			return corev1.PodPending
		}
		if m.ended {
			ended++
			if m.exit != 0 {
				failed++
			}
		}
	}
	switch {
	case ended < len(main) || policy == corev1.RestartPolicyAlways:
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

// Over says that nothing will happen to a pod any more, short of its deletion.
func Over(p corev1.PodPhase) bool { return p == corev1.PodSucceeded || p == corev1.PodFailed }

// moment is a container at one moment.
type moment struct {
	state, last corev1.ContainerState
	restarts    int32
	ready       bool
	ended       bool // for good: no restart follows
	exit        int32
	startedAt   time.Time
	endedAt     time.Time
	next        time.Time // when this changes; zero: never
}

func waiting(reason, message string) moment {
	return moment{state: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func idle(n int, m moment) []moment { return slices.Repeat([]moment{m}, n) }

// exited is m after its end for good.
func (m moment) exited(code int32, reason, message string, at time.Time) moment {
	started := m.startedAt
	if started.IsZero() {
		started = at
	}
	return moment{
		state: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: code, Reason: reason, Message: message,
			StartedAt: metav1.NewTime(started), FinishedAt: metav1.NewTime(at),
		}},
		last: m.last, restarts: m.restarts, ended: true, exit: code, startedAt: started, endedAt: at,
	}
}

const (
	pullFailsAfter = 500 * time.Millisecond // then the kubelet backs off
	firstBackOff   = 10 * time.Second
	longestBackOff = 5 * time.Minute
	backOffForgets = 10 * time.Minute
)

// play plays one container from its first start at begin until o.Now.
//
// Restarts are the kubelet's: the first at once, then after 10 s, 20 s, 40 s … up to 5 minutes; a run
// of ten minutes starts the count afresh.
func (o Observation) play(c corev1.Container, r role, policy corev1.RestartPolicy, begin time.Time) moment {
	s := scriptOf(o.Pod, c, r)
	switch {
	case s.misfit != "":
		return waiting("CreateContainerConfigError", s.misfit)
	case s.cannotPull:
		return o.cannotPull(c.Image, begin)
	}
	m := moment{startedAt: begin}
	for backOff := time.Duration(0); ; backOff = nextBackOff(backOff, s.runs) {
		if s.runs == forever || o.Now.Before(m.startedAt.Add(s.runs)) {
			return o.running(m, s)
		}
		end := m.exited(s.exit, exitReason(s.exit), s.message, m.startedAt.Add(s.runs))
		end.state.Terminated.ContainerID = o.containerID(c.Name, m.restarts)
		if policy == corev1.RestartPolicyNever || policy == corev1.RestartPolicyOnFailure && s.exit == 0 {
			return end
		}
		restart := end.endedAt.Add(backOff)
		if o.Now.Before(restart) {
			back := waiting("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
				backOff, c.Name, o.Pod.Name, o.Pod.Namespace, o.Pod.UID))
			back.last, back.restarts, back.next = end.state, m.restarts, restart
			return back
		}
		m = moment{last: end.state, restarts: m.restarts + 1, startedAt: restart}
	}
}

func nextBackOff(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= backOffForgets {
		return firstBackOff
	}
	return min(2*last, longestBackOff)
}

func exitReason(code int32) string {
	if code == 0 {
		return "Completed"
	}
	return "Error"
}

func (o Observation) running(m moment, s script) moment {
	m.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(m.startedAt)}}
	if s.runs != forever {
		m.next = m.startedAt.Add(s.runs)
	}
	if s.ready == never {
		return m
	}
	if readyAt := m.startedAt.Add(s.ready); o.Now.Before(readyAt) {
		if m.next.IsZero() || readyAt.Before(m.next) {
			m.next = readyAt
		}
	} else {
		m.ready = true
	}
	return m
}

// cannotPull stays at ImagePullBackOff. A real kubelet goes back and forth between the two reasons,
// which would tell a test nothing more and wake everybody each time.
func (o Observation) cannotPull(image string, begin time.Time) moment {
	cause := fmt.Sprintf("failed to pull and unpack image %q: failed to resolve reference %q: %s: not found", image, image, image)
	if backsOff := begin.Add(pullFailsAfter); o.Now.Before(backsOff) {
		m := waiting("ErrImagePull", "rpc error: code = NotFound desc = "+cause)
		m.next = backsOff
		return m
	}
	return waiting("ImagePullBackOff", fmt.Sprintf("Back-off pulling image %q: ErrImagePull: rpc error: code = NotFound desc = %s", image, cause))
}

// containerStatuses puts moments into the words of the API.
func (o Observation) containerStatuses(containers []corev1.Container, moments []moment) []corev1.ContainerStatus {
	var list []corev1.ContainerStatus
	for i, c := range containers {
		m := moments[i]
		s := corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, State: o.report(m.state), LastTerminationState: o.report(m.last), RestartCount: m.restarts,
			Ready:   m.ready || m.ended && m.exit == 0 && isInit(o.Pod, c.Name),
			Started: ptr.To(m.state.Running != nil && (m.ready || c.StartupProbe == nil)),
		}
		if m.state.Running != nil {
			s.Resources = c.Resources.DeepCopy()
			s.AllocatedResources = c.Resources.Requests.DeepCopy()
		}
		if m.state.Running != nil || m.state.Terminated != nil || m.last.Terminated != nil {
			s.ImageID = fmt.Sprintf("%s@sha256:%x", repository(c.Image), sha256.Sum256([]byte(c.Image)))
			s.ContainerID = o.containerID(c.Name, m.restarts)
		}
		if t := s.State.Terminated; t != nil {
			t.ContainerID = s.ContainerID
		}
		list = append(list, s)
	}
	return list
}

// report is a copy of a state with the times that the API may see.
func (o Observation) report(s corev1.ContainerState) corev1.ContainerState {
	s = *s.DeepCopy()
	if s.Running != nil {
		s.Running.StartedAt = o.reported(s.Running.StartedAt.Time)
	}
	if s.Terminated != nil {
		s.Terminated.StartedAt = o.reported(s.Terminated.StartedAt.Time)
		s.Terminated.FinishedAt = o.reported(s.Terminated.FinishedAt.Time)
	}
	return s
}

func isSidecar(c corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// policyOf is the container's own restart policy, else the pod's.
func policyOf(c corev1.Container, pods corev1.RestartPolicy) corev1.RestartPolicy {
	if c.RestartPolicy != nil {
		return corev1.RestartPolicy(*c.RestartPolicy)
	}
	return pods
}

func isInit(pod *corev1.Pod, name string) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == name })
}

func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	return strings.TrimSuffix(image, ":"+imageTag(image))
}

func (o Observation) containerID(name string, restarts int32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", o.Pod.UID, name, restarts))
	return fmt.Sprintf("devcluster://%x", sum)
}

// setConditions sets the conditions that are the kubelet's, and leaves other people's alone.
func (o Observation) setConditions(s *corev1.PodStatus, w waypoint) {
	specs := o.Pod.Spec
	uninitialized := namesWhere(specs.InitContainers, w.init, func(m moment) bool {
		return !(m.ended && m.exit == 0) && m.state.Running == nil
	})
	// An init container that runs is incomplete too, except a sidecar, which is meant to run.
	for i, c := range specs.InitContainers {
		if !isSidecar(c) && w.init[i].state.Running != nil {
			uninitialized = append(uninitialized, c.Name)
		}
	}
	unready := namesWhere(specs.Containers, w.main, func(m moment) bool { return !m.ready })

	o.setCondition(s, corev1.PodReadyToStartContainers, w.sandbox && !Over(s.Phase), "", "")
	if len(uninitialized) > 0 {
		o.setCondition(s, corev1.PodInitialized, false, "ContainersNotInitialized", "containers with incomplete status: ["+strings.Join(uninitialized, " ")+"]")
	} else {
		o.setCondition(s, corev1.PodInitialized, true, completed(s.Phase), "")
	}
	reason, message := "", ""
	switch {
	case s.Phase == corev1.PodSucceeded:
		reason = completed(s.Phase)
	case s.Phase == corev1.PodFailed:
		reason = "PodFailed"
	case len(unready) > 0:
		reason, message = "ContainersNotReady", "containers with unready status: ["+strings.Join(unready, " ")+"]"
	}
	o.setCondition(s, corev1.ContainersReady, reason == "", reason, message)
	if gates := closedGates(specs.ReadinessGates, s.Conditions); reason == "" && len(gates) > 0 {
		reason, message = "ReadinessGatesNotReady", "the status of pod readiness gate is not \"True\": ["+strings.Join(gates, " ")+"]"
	}
	o.setCondition(s, corev1.PodReady, reason == "", reason, message)
	o.setCondition(s, corev1.PodScheduled, true, "", "")
}

func completed(p corev1.PodPhase) string {
	if p == corev1.PodSucceeded {
		return "PodCompleted"
	}
	return ""
}

func namesWhere(containers []corev1.Container, moments []moment, is func(moment) bool) []string {
	var names []string
	for i, c := range containers {
		if is(moments[i]) {
			names = append(names, c.Name)
		}
	}
	return names
}

func closedGates(gates []corev1.PodReadinessGate, conditions []corev1.PodCondition) []string {
	var closed []string
	for _, g := range gates {
		if !slices.ContainsFunc(conditions, func(c corev1.PodCondition) bool {
			return c.Type == g.ConditionType && c.Status == corev1.ConditionTrue
		}) {
			closed = append(closed, string(g.ConditionType))
		}
	}
	return closed
}

func (o Observation) setCondition(s *corev1.PodStatus, t corev1.PodConditionType, is bool, reason, message string) {
	status := corev1.ConditionFalse
	if is {
		status = corev1.ConditionTrue
	}
	c := corev1.PodCondition{Type: t, Status: status, Reason: reason, Message: message, ObservedGeneration: o.Pod.Generation, LastTransitionTime: second(o.Now)}
	for i, old := range s.Conditions {
		if old.Type == t {
			if old.Status == status {
				c.LastTransitionTime, c.LastProbeTime = old.LastTransitionTime, old.LastProbeTime
			}
			s.Conditions[i] = c
			return
		}
	}
	s.Conditions = append(s.Conditions, c)
}

// reported is a moment as the API shows it: in whole seconds, counted from the whole second in which
// the pod began. After a restart of the cluster only that second is known, and the times that are
// reported then must be the same as before, or every pod would change.
func (o Observation) reported(t time.Time) metav1.Time {
	return metav1.NewTime(o.Begun.Truncate(time.Second).Add(t.Sub(o.Begun)).Truncate(time.Second))
}

func second(t time.Time) metav1.Time { return metav1.NewTime(t.Truncate(time.Second)) }

// bindingTakes is the time from a pod's binding to the start of its first container: 40 to 100 ms,
// different for each pod and always the same for one.
func bindingTakes(pod *corev1.Pod) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(pod.UID))
	return time.Duration(40+h.Sum32()%60) * time.Millisecond
}
