package reconcile

import (
	"context"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
)

// followed is which containers' logs a stream has opened. Whoever follows a workload follows what it becomes: the logs of
// new pods join while others are read, and so does the next run of a container that has ended.
type followed struct {
	began time.Time
	ended chan struct{} // a log has ended; more than one say nothing new

	mu   sync.Mutex
	pods []*object.Object // all whose logs were opened
	runs map[containerIn]*run
}

// containerIn is a container of one pod.
type containerIn struct {
	pod       types.UID
	container string
}

// run is the newest log that was opened of a container.
type run struct {
	number int32 // how often the container had been started again
	over   bool
	last   time.Time // of its newest line
	retry  time.Time // not to be tried before
}

const (
	joinsApart = 300 * time.Millisecond // between two looks at what is new
	joinRetry  = 10 * time.Second       // after a log could not be opened
)

func newFollowed() *followed {
	return &followed{began: time.Now(), ended: make(chan struct{}, 1), runs: map[containerIn]*run{}}
}

// all returns the pods whose logs were opened.
func (f *followed) all() []*object.Object {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pods)
}

// opens notes that the log of a container is read from now on.
func (f *followed) opens(p *object.Object, container string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.ContainsFunc(f.pods, func(o *object.Object) bool { return o.GetUID() == p.GetUID() }) {
		f.pods = append(f.pods, p)
	}
	at, r := containerIn{p.GetUID(), container}, &run{}
	if status := statusOf(p, container); status != nil {
		r.number = status.RestartCount
	}
	if was := f.runs[at]; was != nil {
		r.last = was.last
	}
	f.runs[at] = r
}

// tidy forgets what has ended of pods that are no longer there. Who follows a CronJob for weeks meets thousands.
func (f *followed) tidy(there []*object.Object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	needed := map[types.UID]bool{}
	for _, p := range there {
		needed[p.GetUID()] = true
	}
	for at, r := range f.runs {
		needed[at.pod] = needed[at.pod] || !r.over
	}
	maps.DeleteFunc(f.runs, func(at containerIn, _ *run) bool { return !needed[at.pod] })
	f.pods = slices.DeleteFunc(slices.Clone(f.pods), func(p *object.Object) bool { return !needed[p.GetUID()] })
}

// read reads a log to its end.
func (f *followed) read(ctx context.Context, s *logSource, p *object.Object, stream io.ReadCloser) {
	at := containerIn{p.GetUID(), s.Container}
	f.mu.Lock()
	r := f.runs[at]
	s.after = r.last
	f.mu.Unlock()
	last := s.read(ctx, stream)
	f.mu.Lock()
	r.over = true
	if last.After(r.last) {
		r.last = last
	}
	f.mu.Unlock()
	select {
	case f.ended <- struct{}{}:
	default:
	}
}

// fresh reports whether a container has a log that is to be opened now.
func (f *followed) fresh(p *object.Object, container string) bool {
	status := statusOf(p, container)
	if status == nil || status.State.Running == nil && status.State.Terminated == nil && status.LastTerminationState.Terminated == nil {
		return false // it has not been started
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[containerIn{p.GetUID(), container}]
	return r == nil || r.over && r.number < status.RestartCount && time.Now().After(r.retry)
}

// failed notes that the log of a container could not be opened: it is tried again later.
func (f *followed) failed(p *object.Object, container string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := containerIn{p.GetUID(), container}
	r := f.runs[at]
	if r == nil {
		r = &run{number: -1}
		f.runs[at] = r
	}
	r.over, r.retry = true, time.Now().Add(joinRetry)
}

// busy is of how many pods logs are read now.
func (f *followed) busy() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	pods := map[types.UID]bool{}
	for at, r := range f.runs {
		if !r.over {
			pods[at.pod] = true
		}
	}
	return len(pods)
}

// joinLater adds the logs that begin while the others are read, until ctx ends. As many pods as may be asked for may be
// read at once: of more, the newest wait until others have ended.
func (a *Apps) joinLater(ctx context.Context, c *cluster.Cluster, r LogRequest, f *followed, m *merger) {
	heard, leave := a.heard.join(r.Application)
	defer leave()
	again := time.NewTicker(joinRetry) // what failed is not told of
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(joinsApart):
		}
		pods, _, err := a.podsFor(ctx, r.Application, r.Resource)
		if err == nil { // or watchOver finds out
			f.tidy(pods)
			for _, p := range pods {
				a.joinPod(ctx, c, r, f, m, p)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-heard:
		case <-f.ended:
		case <-again.C:
		}
	}
}

// joinPod opens what is new of one pod.
func (a *Apps) joinPod(ctx context.Context, c *cluster.Cluster, r LogRequest, f *followed, m *merger, p *object.Object) {
	for _, name := range containersOf(p) {
		if r.Container != "" && r.Container != name || !f.fresh(p, name) || f.busy() >= r.MaxPods && !f.reads(p) {
			continue
		}
		ask := cluster.LogRequest{Pod: object.KeyOf(p), Container: name, Follow: true, Since: r.Since, Tail: -1, As: r.as}
		if r.Tail > 0 && startedAt(statusOf(p, name)).Before(f.began.Truncate(time.Second)) { // Kubernetes tells whole seconds
			ask.Tail = r.Tail // not new: it could not be opened before
		}
		stream, err := a.openLog(ctx, c, ask)
		if err != nil {
			f.failed(p, name)
			continue
		}
		f.opens(p, name)
		add := func() {
			s := m.add(LogLine{Pod: p.GetName(), Namespace: p.GetNamespace(), Container: name})
			m.silent[s.index] = time.Now() // the others do not wait for it
			go f.read(ctx, s, p, stream)
		}
		select {
		case m.joins <- add:
		case <-ctx.Done():
			_ = stream.Close()
			return
		}
	}
}

// startedAt is when the newest run of a container began.
func startedAt(s *corev1.ContainerStatus) time.Time {
	switch {
	case s.State.Running != nil:
		return s.State.Running.StartedAt.Time
	case s.State.Terminated != nil:
		return s.State.Terminated.StartedAt.Time
	case s.LastTerminationState.Terminated != nil:
		return s.LastTerminationState.Terminated.StartedAt.Time
	}
	return time.Time{}
}

// reads reports whether a log of the pod is read now.
func (f *followed) reads(p *object.Object) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for at, r := range f.runs {
		if at.pod == p.GetUID() && !r.over {
			return true
		}
	}
	return false
}

// statusOf is what the kubelet says of a container; nil when it has said nothing yet.
func statusOf(o *object.Object, container string) *corev1.ContainerStatus {
	var p corev1.Pod
	if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &p) != nil {
		return nil
	}
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses, p.Status.EphemeralContainerStatuses} {
		for i := range list {
			if list[i].Name == container {
				return &list[i]
			}
		}
	}
	return nil
}
