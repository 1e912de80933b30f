package health_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/clustertest"
	"github.com/hawser-cd/hawser/internal/health"
	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Real controllers write the status that the rules read.
func TestRealObjects(t *testing.T) {
	c := clustertest.Start(t)
	ns := c.Namespace(t)
	const pods = "{metadata: {labels: {app: %[1]s}}, spec: {containers: [{name: main, image: \"%[2]s\"}]}}"
	workload := func(kind, name, image, more string) string {
		template := fmt.Sprintf(pods, name, image)
		return fmt.Sprintf("{apiVersion: apps/v1, kind: %s, metadata: {name: %s}, spec: {%s selector: {matchLabels: {app: %s}}, template: %s}}\n---\n", kind, name, more, name, template)
	}
	job := func(name, annotations string) string {
		return fmt.Sprintf("{apiVersion: batch/v1, kind: Job, metadata: {name: %s}, spec: {backoffLimit: 0, template: {metadata: {annotations: {%s}}, spec: {restartPolicy: Never, containers: [{name: main, image: 'job:1'}]}}}}\n---\n", name, annotations)
	}
	c.Apply(t, ns, workload("Deployment", "good", "shop:1", "replicas: 2,")+
		workload("StatefulSet", "db", "db:1", "replicas: 2, serviceName: db,")+
		workload("DaemonSet", "agent", "agent:1", "")+
		workload("Deployment", "bad", "shop:broken", "replicas: 2, progressDeadlineSeconds: 3,")+
		job("migrate", "")+job("fails", `devcluster.hawser.dev/exit-code: "3"`)+
		"{apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly}, spec: {suspend: true, schedule: '0 3 * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: 'job:1'}]}}}}}}\n---\n"+
		"{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}\n---\n"+
		"{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}}\n")

	for _, want := range []struct{ apiVersion, kind, name, health string }{
		{"apps/v1", "Deployment", "good", "Healthy"},
		{"apps/v1", "StatefulSet", "db", "Healthy: partitioned roll out complete: 2 new pods have been updated..."},
		{"apps/v1", "DaemonSet", "agent", "Healthy"},
		{"batch/v1", "Job", "migrate", "Healthy"},
		{"batch/v1", "Job", "fails", "Degraded: Job has reached the specified backoff limit"},
		{"batch/v1", "CronJob", "nightly", "Suspended: CronJob is Suspended"},
		{"v1", "PersistentVolumeClaim", "data", "Healthy"},
		{"networking.k8s.io/v1", "Ingress", "web", "Healthy"},
		{"apps/v1", "Deployment", "bad", `Degraded: Deployment "bad" exceeded its progress deadline`},
	} {
		c.WaitFor(t, want.apiVersion, want.kind, ns, want.name, func(o *object.Object) error {
			h, _ := health.Of(o)
			if got := fmt.Sprintf("%s: %s", h.Status, h.Message); !strings.HasPrefix(got, want.health) {
				return fmt.Errorf("it is %s, want %s", got, want.health)
			}
			return nil
		})
	}

	const sentence = "2 of 2 pods cannot pull image shop:broken (ImagePullBackOff, since "
	clustertest.Wait(t, "the sentence about the bad pods", func(ctx context.Context) error {
		list, err := c.Client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: "app=bad"})
		if err != nil {
			return err
		}
		var all []*object.Object
		for _, p := range list.Items {
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&p)
			if err != nil {
				return err
			}
			o := &object.Object{Object: content}
			if h, _ := health.Of(withKind(o, "Pod")); h.Status != "Degraded" {
				return fmt.Errorf("pod %s is %+v", p.Name, h)
			}
			all = append(all, o)
		}
		if got := health.Explain(c.Get(t, "apps/v1", "Deployment", ns, "bad"), all, time.Now()); !strings.HasPrefix(got, sentence) {
			return fmt.Errorf("got %q, want %s…", got, sentence)
		}
		return nil
	})
}

func withKind(o *object.Object, kind string) *object.Object {
	o.SetAPIVersion("v1")
	o.SetKind(kind)
	return o
}
