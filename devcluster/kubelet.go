package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/hawser-cd/hawser/devcluster/podlife"
)

// kubelet plays the kubelet of every simulated node: it takes on the pods bound to them, reports
// what podlife.Observe says, and lets deleted pods go. One watch serves all nodes.
type kubelet struct {
	client    kubernetes.Interface
	informers informers.SharedInformerFactory
	hostIP    map[string]string // by node name
	pods      corelisters.PodLister
	queue     workqueue.TypedDelayingInterface[cache.ObjectName]
	events    record.EventRecorder

	mu        sync.Mutex
	begun     map[types.UID]time.Time // to the nanosecond, where status.startTime knows seconds
	addresses addressPool
}

const (
	kubeletWorkers = 8
	// A state that ends this soon is not reported, which saves most pods one of two writes.
	tooShortToReport = 110 * time.Millisecond
	retryAfter       = 250 * time.Millisecond
)

func newKubelet(client kubernetes.Interface, nodeCount int) *kubelet {
	k := &kubelet{
		client: client,
		hostIP: map[string]string{},
		queue:  workqueue.NewTypedDelayingQueue[cache.ObjectName](),
		begun:  map[types.UID]time.Time{},
	}
	for i := range nodeCount {
		k.hostIP[nodeName(i)] = nodeIP(i)
	}
	k.informers = informers.NewSharedInformerFactory(client, 0)
	k.pods = k.informers.Core().V1().Pods().Lister()
	return k
}

func (k *kubelet) run(ctx context.Context) error {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: k.client.CoreV1().Events("")})
	defer broadcaster.Shutdown()
	k.events = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet"})

	informer := k.informers.Core().V1().Pods()
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    k.enqueue,
		UpdateFunc: func(_, o any) { k.enqueue(o) },
		DeleteFunc: k.forget,
	})
	if err != nil {
		return err
	}
	k.informers.Start(ctx.Done())
	// Only when all pods are known may an address be given out, or it would be given out twice.
	if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
		return nil
	}
	if err := k.rememberAddresses(); err != nil {
		return err
	}
	var workers sync.WaitGroup
	for range kubeletWorkers {
		workers.Go(func() { k.work(ctx) })
	}
	<-ctx.Done()
	k.queue.ShutDown()
	workers.Wait()
	return nil
}

func (k *kubelet) enqueue(o any) {
	if pod, ok := o.(*corev1.Pod); ok && k.hostIP[pod.Spec.NodeName] != "" {
		k.queue.Add(cache.MetaObjectToName(pod))
	}
}

func (k *kubelet) work(ctx context.Context) {
	for {
		name, shutdown := k.queue.Get()
		if shutdown {
			return
		}
		again, err := k.sync(ctx, name)
		switch {
		case err == nil || ctx.Err() != nil:
		case apierrors.IsConflict(err):
			// Somebody else wrote; the watch brings the new state and with it the next try. The
			// delay is for the case that it came already.
			again = retryAfter
		default:
			klog.ErrorS(err, "Kubelet cannot report a pod", "pod", name)
			again = time.Second
		}
		if again > 0 {
			k.queue.AddAfter(name, again)
		}
		k.queue.Done(name)
	}
}

// sync brings one pod's status up to now, and says when to look again (0: at the next event).
func (k *kubelet) sync(ctx context.Context, name cache.ObjectName) (time.Duration, error) {
	pod, err := k.pods.Pods(name.Namespace).Get(name.Name)
	if apierrors.IsNotFound(err) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	if pod.DeletionTimestamp != nil {
		return 0, k.letGo(ctx, pod)
	}
	if podlife.Over(pod.Status.Phase) {
		return 0, nil
	}
	seen, err := k.look(pod)
	if err != nil {
		return 0, err
	}
	status, next := podlife.Observe(seen)
	var again time.Duration
	if !next.IsZero() {
		again = max(next.Sub(seen.Now), time.Millisecond)
		if again < tooShortToReport {
			return again, nil
		}
	}
	return again, k.report(ctx, pod, status)
}

// look collects what podlife.Observe needs beside the pod itself.
func (k *kubelet) look(pod *corev1.Pod) (podlife.Observation, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	begun, known := k.begun[pod.UID]
	if !known {
		begun = now
		if pod.Status.StartTime != nil { // of a run before this one
			begun = pod.Status.StartTime.Time
		}
		k.begun[pod.UID] = begun
	}
	o := podlife.Observation{Pod: pod, Begun: begun, Now: now, HostIP: k.hostIP[pod.Spec.NodeName]}
	if pod.Spec.HostNetwork {
		o.PodIP = o.HostIP
		return o, nil
	}
	var err error
	o.PodIP, err = k.addresses.of(pod.UID)
	return o, err
}

func (k *kubelet) report(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	if equality.Semantic.DeepEqual(pod.Status, status) {
		return nil
	}
	changed := pod.DeepCopy()
	changed.Status = status
	_, err := k.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		k.tell(pod, status)
	}
	return err
}

// tell records the events by which people find out why a pod does not run. The ones about success
// (Pulled, Created, Started) are left out: three writes for each pod, and nobody learns from them.
func (k *kubelet) tell(pod *corev1.Pod, status corev1.PodStatus) {
	before := map[string]string{}
	for _, c := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		before[c.Name] = waitingReason(c)
	}
	for _, c := range append(status.InitContainerStatuses, status.ContainerStatuses...) {
		reason := waitingReason(c)
		if reason == before[c.Name] {
			continue
		}
		switch reason {
		case "ErrImagePull":
			k.events.Eventf(pod, corev1.EventTypeWarning, "Failed", "Failed to pull image %q: %s", c.Image, c.State.Waiting.Message)
		case "ImagePullBackOff":
			k.events.Eventf(pod, corev1.EventTypeNormal, "BackOff", "Back-off pulling image %q", c.Image)
		case "CrashLoopBackOff":
			k.events.Eventf(pod, corev1.EventTypeWarning, "BackOff", "Back-off restarting failed container %s in pod %s_%s(%s)", c.Name, pod.Name, pod.Namespace, pod.UID)
		case "CreateContainerConfigError":
			k.events.Eventf(pod, corev1.EventTypeWarning, "Failed", "Error: %s", c.State.Waiting.Message)
		}
	}
}

func waitingReason(c corev1.ContainerStatus) string {
	if c.State.Waiting == nil {
		return ""
	}
	return c.State.Waiting.Reason
}

// letGo ends a deleted pod at once; nothing runs in it that a grace period could help.
func (k *kubelet) letGo(ctx context.Context, pod *corev1.Pod) error {
	// With finalizers the pod stays to be looked at, and the Job controller for one waits for its
	// end to be reported before it takes its finalizer away.
	if len(pod.Finalizers) > 0 && !podlife.Over(pod.Status.Phase) {
		seen, err := k.look(pod)
		if err != nil {
			return err
		}
		return k.report(ctx, pod, podlife.Stopped(seen))
	}
	if ptr.Deref(pod.DeletionGracePeriodSeconds, 1) == 0 {
		return nil // the API server only waits for the finalizers
	}
	err := k.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To(int64(0)),
		Preconditions:      metav1.NewUIDPreconditions(string(pod.UID)),
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (k *kubelet) forget(o any) {
	if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.begun, pod.UID)
	k.addresses.release(pod.UID)
}

func (k *kubelet) rememberAddresses() error {
	pods, err := k.pods.List(everything)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, pod := range pods {
		if !pod.Spec.HostNetwork {
			k.addresses.remember(pod.UID, pod.Status.PodIP)
		}
	}
	return nil
}

// addressPool gives each pod an address of its own from 10.1.0.0/16.
type addressPool struct {
	owner map[int]types.UID // by the last 16 bits
	given map[types.UID]int
	last  int
}

const addressCount = 1<<16 - 2 // without .0.0 and .255.255

func (p *addressPool) of(pod types.UID) (string, error) {
	n, ok := p.given[pod]
	// Addresses are reused as late as possible, as something may still remember the old owner.
	for range addressCount {
		if ok {
			return address(n), nil
		}
		n = p.last%addressCount + 1
		p.last = n
		if _, taken := p.owner[n]; !taken {
			p.take(n, pod)
			ok = true
		}
	}
	return "", fmt.Errorf("all %d pod addresses are in use", addressCount)
}

func (p *addressPool) take(n int, pod types.UID) {
	if p.owner == nil {
		p.owner, p.given = map[int]types.UID{}, map[types.UID]int{}
	}
	p.owner[n], p.given[pod] = pod, n
}

func (p *addressPool) remember(pod types.UID, ip string) {
	var hi, lo int
	if _, err := fmt.Sscanf(ip, "10.1.%d.%d", &hi, &lo); err == nil {
		p.take(hi<<8|lo, pod)
		p.last = max(p.last, hi<<8|lo)
	}
}

func (p *addressPool) release(pod types.UID) {
	if n, ok := p.given[pod]; ok {
		delete(p.owner, n)
		delete(p.given, pod)
	}
}

func address(n int) string { return fmt.Sprintf("10.1.%d.%d", n>>8, n&255) }
