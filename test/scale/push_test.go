package scale_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// BenchmarkFirstSync tells what it took to deploy every application for the first time, from applying the first
// Application until all are Synced and Healthy.
func BenchmarkFirstSync(b *testing.B) {
	b.Run(fmt.Sprintf("apps=%d", *size), func(b *testing.B) {
		s := ready(b)
		for b.Loop() {
			time.Sleep(time.Second) // it is over already: one round is enough
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(s.first.took.Seconds(), "all-s")
		s.first.report(b, *size)
	})
}

// BenchmarkPushToCluster changes one service of many and measures from the webhook until the changed object is in the
// cluster, and until its application shows the commit. One application is rendered; more is an error.
func BenchmarkPushToCluster(b *testing.B) {
	b.Run(fmt.Sprintf("apps=%d", *size), func(b *testing.B) {
		s := ready(b)
		defer s.profiled(b)()
		var changed, settled times
		var used figures
		for b.Loop() {
			changed, settled = nil, nil
			before := s.usage(b)
			for trial := range *trials {
				i := (trial*37 + 11) % *size // early and late ones: the order of applications must not matter
				value := fmt.Sprintf("%s-%d", time.Now().Format("150405.000"), trial)
				renders := s.metric(b, `hawser_render_total{result="miss"`)
				commit, at := s.push(b, map[string]string{"services/" + service(i) + "/settings.yaml": settings(i, value)}, "Change the colour")
				changed = append(changed, s.eyes.until(b, "the new colour", func(o objects) string {
					if got := text(o["ConfigMap"][service(i)], "data", "colour"); got != value {
						return "it is " + got
					}
					return ""
				}).Sub(at))
				settled = append(settled, s.eyes.until(b, "the commit", s.settledOne(i, commit)).Sub(at))
				if n := s.metric(b, `hawser_render_total{result="miss"`) - renders; n != 1 {
					b.Errorf("%v applications were rendered for a commit that touches one", n)
				}
			}
			used = s.usage(b).since(before)
		}
		b.ReportMetric(0, "ns/op")
		changed.report(b, "changed")
		settled.report(b, "settled")
		used.report(b, *trials)
	})
}

// BenchmarkHook calls without a new commit, as providers do for branches that nobody deploys.
func BenchmarkHook(b *testing.B) {
	b.Run(fmt.Sprintf("apps=%d", *size), func(b *testing.B) {
		s := ready(b)
		defer s.profiled(b)()
		var used figures
		for b.Loop() {
			s.rest()
			before := s.usage(b)
			for range *trials {
				s.hook(b)
				s.rest()
			}
			used = s.usage(b).since(before)
		}
		b.ReportMetric(0, "ns/op")
		used.report(b, *trials)
	})
}

// rest waits until what was begun is over, for measurements that nothing visible ends.
func (s *stage) rest() { time.Sleep(3 * time.Second) }

// BenchmarkRevert pushes an image that cannot be pulled, reverts, and measures from the revert's webhook until all pods
// run the old image and are Ready.
func BenchmarkRevert(b *testing.B) {
	for _, strategy := range []string{"RollingUpdate", "Recreate"} {
		b.Run(strategy, func(b *testing.B) {
			s := ready(b)
			const name, replicas = "svc-000", 3
			file := "services/" + name + "/deployment.yaml"
			original := threeObjects(0)["deployment.yaml"]
			good := strings.NewReplacer("replicas: 1", fmt.Sprintf("replicas: %d\n  strategy: {type: %s}", replicas, strategy)).Replace(original)
			// by way of nothing: no server-side apply leads from the default strategy to Recreate
			for _, text := range []string{"", good} {
				commit, _ := s.push(b, map[string]string{file: text}, "Three replicas, "+strategy)
				s.eyes.until(b, "three replicas", s.settledOne(0, commit))
			}
			defer func() {
				for _, text := range []string{"", original} {
					commit, _ := s.push(b, map[string]string{file: text}, "One replica")
					s.eyes.until(b, "one replica", s.settledOne(0, commit))
				}
			}()
			defer s.profiled(b)()
			var restored times
			for b.Loop() {
				restored = nil
				for range *trials {
					s.push(b, map[string]string{file: strings.Replace(good, "web:1.0", "web:broken", 1)}, "A bad image")
					s.eyes.until(b, "a pod that cannot pull its image", func(o objects) string {
						for _, p := range podsOf(o, name) {
							if image(p) == "registry.example/shop/web:broken" && strings.Contains(text(p, "status"), "ImagePullBackOff") {
								return ""
							}
						}
						return "none"
					})
					s.repo.Revert(b)
					at := time.Now()
					s.hook(b)
					restored = append(restored, s.eyes.until(b, "the old pods", func(o objects) string { return running(o, name, "registry.example/shop/web:1.0", replicas) }).Sub(at))
					s.eyes.until(b, "the revert to be settled", s.settledOne(0, s.repo.Head(b)))
				}
			}
			b.ReportMetric(0, "ns/op")
			restored.report(b, "restored")
		})
	}
}

// running checks that exactly so many pods of a service exist, all with the image and Ready.
func running(o objects, service, want string, replicas int) string {
	list := podsOf(o, service)
	if len(list) != replicas {
		return fmt.Sprintf("%d pods", len(list))
	}
	for _, p := range list {
		if image(p) != want || !isReady(p) || p.GetDeletionTimestamp() != nil {
			return fmt.Sprintf("%s runs %s, ready: %v", p.GetName(), image(p), isReady(p))
		}
	}
	return ""
}

func podsOf(o objects, service string) (list []*unstructured.Unstructured) {
	for _, p := range o["Pod"] {
		if p.GetLabels()["app"] == service {
			list = append(list, p)
		}
	}
	return list
}

func image(o *unstructured.Unstructured) string {
	return text(container(o, "spec"), "image")
}

// container is the first container of a pod ("spec") or a Deployment ("spec", "template", "spec").
func container(o *unstructured.Unstructured, path ...string) *unstructured.Unstructured {
	if o == nil {
		return nil
	}
	list, _, _ := unstructured.NestedSlice(o.Object, append(path, "containers")...)
	if len(list) == 0 {
		return nil
	}
	c, _ := list[0].(map[string]any)
	return &unstructured.Unstructured{Object: c}
}

func isReady(pod *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Ready" {
			return c["status"] == "True"
		}
	}
	return false
}
