package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Fact is a line about an object that people read in the tree; the names are Argo CD's.
type Fact struct{ Name, Value string }

// Network is how an object takes part in the traffic: what it sends it to, and where it can be reached.
type Network struct {
	TargetLabels map[string]string // of the pods that it sends traffic to
	Targets      []object.Key      // objects that it sends traffic to
	Labels       map[string]string // of a pod, to be found by
	Ingress      []Address
	URLs         []string // links; with a title as title|url
}

// Address is one of a load balancer, a host name or an IP.
type Address struct{ Host, IP string }

// Annotations that bear on links.
const (
	annotationLink           = "link.argocd.argoproj.io/"
	annotationIgnoreLinks    = "argocd.argoproj.io/ignore-default-links"
	annotationManagedByURL   = "argocd.argoproj.io/managed-by-url"
	annotationRevision       = "deployment.kubernetes.io/revision"
	annotationRolloutVersion = "rollout.argoproj.io/revision"
)

// facts are what an object says about itself in a tree; nothing is made up for one of which only the metadata is known.
type facts struct {
	lines   []Fact
	images  []string
	network *Network
	node    string // that a pod runs on
	asks    corev1.ResourceList
}

// factsOf reads an object. labels are those that the settings want shown (resource.customLabels).
func factsOf(o *object.Object, labels []string) facts {
	var f facts
	if n := revisionOf(o); n > 0 {
		f.lines = append(f.lines, Fact{"Revision", "Rev:" + strconv.FormatInt(n, 10)})
	}
	for _, l := range labels {
		if value, ok := o.GetLabels()[l]; ok {
			f.lines = append(f.lines, Fact{l, value})
		}
	}
	annotations := o.GetAnnotations()
	var links []string
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		if strings.HasPrefix(name, annotationLink) && isLink(annotations[name]) {
			links = append(links, annotations[name])
		}
	}
	switch gk := o.GroupVersionKind().GroupKind(); {
	case !isWhole(o):
	case gk.Group == "" && gk.Kind == "Pod":
		f.pod(o)
	case gk.Group == "" && gk.Kind == "Service":
		f.network = serviceNetwork(o)
	case gk.Kind == "Ingress" && (gk.Group == "networking.k8s.io" || gk.Group == "extensions"):
		f.network = ingressNetwork(o)
	case gk.Group == "networking.istio.io" && gk.Kind == "VirtualService":
		f.network = virtualServiceNetwork(o)
	case gk.Group == "networking.istio.io" && gk.Kind == "ServiceEntry":
		if labels, ok, _ := unstructured.NestedStringMap(o.Object, "spec", "workloadSelector", "labels"); ok {
			f.network = &Network{TargetLabels: labels, Targets: []object.Key{{Kind: "Pod"}}}
		}
	case gk.Group == gatewayGroup && gk.Kind == "Gateway":
		f.network = gatewayNetwork(o)
	case gk.Group == gatewayGroup && strings.HasSuffix(gk.Kind, "Route"):
		f.network = routeNetwork(o)
	case gk.Group == v1alpha1.Group && gk.Kind == v1alpha1.KindApplication && isLink(annotations[annotationManagedByURL]):
		f.lines = append(f.lines, Fact{"managed-by-url", annotations[annotationManagedByURL]})
	}
	if len(links) > 0 {
		if f.network == nil {
			f.network = &Network{}
		}
		f.network.URLs = append(links, f.network.URLs...)
	}
	return f
}

// isWhole reports whether more than the metadata of an object is known. (cluster keeps no more of what nobody tracks.)
func isWhole(o *object.Object) bool {
	for field := range o.Object {
		if field != "apiVersion" && field != "kind" && field != "metadata" {
			return true
		}
	}
	return false
}

func revisionOf(o *object.Object) int64 {
	annotations := o.GetAnnotations()
	if text := cmp.Or(annotations[annotationRevision], annotations[annotationRolloutVersion]); text != "" {
		n, _ := strconv.ParseInt(text, 10, 64)
		return n
	}
	n, _, _ := unstructured.NestedInt64(o.Object, "revision")
	return n
}

// isLink reports whether a text, or what follows the bar of title|url, can be opened in a browser without running
// anything.
func isLink(text string) bool {
	if _, after, titled := strings.Cut(text, "|"); titled {
		text = after
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// pod says of a pod what `kubectl get pods` does.
func (f *facts) pod(o *object.Object) {
	p := corev1.Pod{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &p) != nil {
		return
	}
	images := map[string]bool{}
	for _, c := range append(slices.Clone(p.Spec.InitContainers), p.Spec.Containers...) {
		images[c.Image] = true
	}
	f.images = sortedSet(images)
	s := summarize(&p)
	f.node, f.network = p.Spec.NodeName, &Network{Labels: o.GetLabels()}
	if s.reason != "" {
		f.lines = append(f.lines, Fact{"Status Reason", s.reason})
	}
	f.lines = append(f.lines, Fact{"Node", p.Spec.NodeName}, Fact{"Containers", fmt.Sprintf("%d/%d", s.ready, s.total)})
	if s.restarts > 0 {
		f.lines = append(f.lines, Fact{"Restart Count", strconv.Itoa(s.restarts)})
	}
	if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed { // what it asked for is given back
		return
	}
	f.asks = requests(&p.Spec)
	f.lines = append(f.lines, Fact{"cpu", milli(f.asks, corev1.ResourceCPU)}, Fact{"memory", milli(f.asks, corev1.ResourceMemory)})
}

func milli(list corev1.ResourceList, name corev1.ResourceName) string {
	q := list[name]
	return strconv.FormatInt(q.MilliValue(), 10)
}

// requests is what the scheduler sets aside for a pod: the containers together, or the init container that asks for
// more, sidecars on top of both.
func requests(spec *corev1.PodSpec) corev1.ResourceList {
	sum, start, sidecars := corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}
	for _, c := range spec.Containers {
		addTo(sum, c.Resources.Requests)
	}
	for _, c := range spec.InitContainers {
		if isSidecar(c) {
			addTo(sum, c.Resources.Requests)
			addTo(sidecars, c.Resources.Requests)
			continue
		}
		beside := corev1.ResourceList{}
		addTo(beside, sidecars)
		addTo(beside, c.Resources.Requests)
		atLeast(start, beside)
	}
	atLeast(sum, start)
	addTo(sum, spec.Overhead)
	return sum
}

func addTo(to, more corev1.ResourceList) {
	for name, q := range more {
		have := to[name]
		have.Add(q)
		to[name] = have
	}
}

func atLeast(to, least corev1.ResourceList) {
	for name, q := range least {
		if have := to[name]; have.Cmp(q) < 0 {
			to[name] = q
		}
	}
}

func isSidecar(c corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// podSummary is a pod's line of `kubectl get pods`.
type podSummary struct {
	reason                 string
	ready, total, restarts int
}

func summarize(p *corev1.Pod) podSummary {
	s := podSummary{reason: cmp.Or(p.Status.Reason, string(p.Status.Phase)), total: len(p.Spec.Containers)}
	initialized := false
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonSchedulingGated {
			s.reason = c.Reason
		}
		initialized = initialized || c.Type == corev1.PodInitialized && c.Status == corev1.ConditionTrue
	}
	sidecars := map[string]bool{}
	for _, c := range p.Spec.InitContainers {
		if isSidecar(c) {
			sidecars[c.Name] = true
			s.total++
		}
	}
	starting := ""
	for i, c := range p.Status.InitContainerStatuses {
		s.restarts += int(c.RestartCount)
		t, w := c.State.Terminated, c.State.Waiting
		switch {
		case t != nil && t.ExitCode == 0:
			continue
		case sidecars[c.Name] && c.Started != nil && *c.Started:
			if c.Ready {
				s.ready++
			}
			continue
		case t != nil:
			starting = "Init:" + ending(t)
		case w != nil && w.Reason != "" && w.Reason != "PodInitializing":
			starting = "Init:" + w.Reason
		default:
			starting = fmt.Sprintf("Init:%d/%d", i, len(p.Spec.InitContainers))
		}
		break
	}
	if starting != "" {
		s.reason = starting
	}
	if starting == "" || initialized {
		running := false
		for _, c := range slices.Backward(p.Status.ContainerStatuses) { // of several, the first container speaks
			s.restarts += int(c.RestartCount)
			t, w := c.State.Terminated, c.State.Waiting
			switch {
			case w != nil && w.Reason != "":
				s.reason = w.Reason
			case t != nil:
				s.reason = ending(t)
			case c.Ready && c.State.Running != nil:
				running = true
				s.ready++
			}
		}
		if s.reason == "Completed" && running {
			s.reason = "Running"
		}
	}
	switch over := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed; {
	case p.DeletionTimestamp == nil:
	case p.Status.Reason == "NodeLost":
		s.reason = "Unknown"
	case !over:
		s.reason = "Terminating"
	}
	return s
}

// ending is how a container ended, in a word.
func ending(t *corev1.ContainerStateTerminated) string {
	switch {
	case t.Reason != "":
		return t.Reason
	case t.Signal != 0:
		return fmt.Sprintf("Signal:%d", t.Signal)
	}
	return fmt.Sprintf("ExitCode:%d", t.ExitCode)
}
