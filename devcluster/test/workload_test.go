package test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/hawser-cd/hawser/devcluster/podlife"
)

var (
	create = metav1.CreateOptions{}
	get    = metav1.GetOptions{}
	list   = metav1.ListOptions{}
)

func template(image string, annotations map[string]string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a"}, Annotations: annotations},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: image}}},
	}
}

func selector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}
}

func deployment(replicas int32, tpl corev1.PodTemplateSpec) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: selector(), Template: tpl}}
}

func job(tpl corev1.PodTemplateSpec) *batchv1.Job {
	tpl.Spec.RestartPolicy = corev1.RestartPolicyNever
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "j"}, Spec: batchv1.JobSpec{BackoffLimit: ptr.To(int32(0)), Template: tpl}}
}

func TestDeploymentRollsOutAndGoes(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	deployments := shared.client.AppsV1().Deployments(ns)
	if _, err := deployments.Create(t.Context(), deployment(3, template("app:1", nil)), create); err != nil {
		t.Fatal(err)
	}
	available := func(image string) func(context.Context) error {
		return func(ctx context.Context) error {
			d, err := deployments.Get(ctx, "a", get)
			if err != nil {
				return err
			}
			s := d.Status
			return want(s.ObservedGeneration == d.Generation && s.UpdatedReplicas == 3 && s.AvailableReplicas == 3 && s.Replicas == 3 &&
				d.Spec.Template.Spec.Containers[0].Image == image, "status %+v", s)
		}
	}
	eventually(t, "three replicas", available("app:1"))
	pods, err := shared.client.CoreV1().Pods(ns).List(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	addresses := map[string]bool{}
	for _, p := range pods.Items {
		addresses[p.Status.PodIP] = true
		if !strings.HasPrefix(p.Status.PodIP, "10.1.") || p.Status.HostIP == "" || p.Status.ContainerStatuses[0].ContainerID == "" {
			t.Errorf("pod %s: %+v", p.Name, p.Status)
		}
	}
	if len(addresses) != 3 {
		t.Errorf("%d different addresses for 3 pods", len(addresses))
	}

	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"app:2"}]}}}}`)
	if _, err := deployments.Patch(t.Context(), "a", "application/strategic-merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new image everywhere", available("app:2"))

	if err := deployments.Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no pods: the garbage collector works", func(ctx context.Context) error {
		pods, err := shared.client.CoreV1().Pods(ns).List(ctx, list)
		if err != nil {
			return err
		}
		return want(len(pods.Items) == 0, "%d pods", len(pods.Items))
	})
	if err := shared.client.CoreV1().Namespaces().Delete(t.Context(), ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace's end", func(ctx context.Context) error {
		_, err := shared.client.CoreV1().Namespaces().Get(ctx, ns, get)
		return gone(err)
	})
}

func TestStatefulSetStartsInOrder(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	_, err := shared.client.AppsV1().StatefulSets(ns).Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "s"},
		Spec: appsv1.StatefulSetSpec{Replicas: ptr.To(int32(3)), Selector: selector(), ServiceName: "s", Template: template("db:1", nil),
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: claimSpec()}}},
	}, create)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "three ready replicas", func(ctx context.Context) error {
		s, err := shared.client.AppsV1().StatefulSets(ns).Get(ctx, "s", get)
		if err != nil {
			return err
		}
		return want(s.Status.ReadyReplicas == 3 && s.Status.CurrentReplicas == 3, "status %+v", s.Status)
	})
	var readySince [3]metav1.Time
	for i := range 3 {
		p, err := shared.client.CoreV1().Pods(ns).Get(t.Context(), fmt.Sprintf("s-%d", i), get)
		if err != nil {
			t.Fatal(err)
		}
		readySince[i] = p.CreationTimestamp
	}
	if readySince[1].Before(&readySince[0]) || readySince[2].Before(&readySince[1]) {
		t.Errorf("created out of order: %v", readySince)
	}
}

func TestDaemonSetRunsOnEveryNode(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	_, err := shared.client.AppsV1().DaemonSets(ns).Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "d"}, Spec: appsv1.DaemonSetSpec{Selector: selector(), Template: template("agent:1", nil)},
	}, create)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a pod on each of three nodes", func(ctx context.Context) error {
		d, err := shared.client.AppsV1().DaemonSets(ns).Get(ctx, "d", get)
		if err != nil {
			return err
		}
		return want(d.Status.NumberAvailable == 3, "status %+v", d.Status)
	})
}

func TestJobs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		annotations map[string]string
		command     []string
		want        batchv1.JobConditionType
	}{
		"completes":           {want: batchv1.JobComplete},
		"fails by annotation": {annotations: map[string]string{podlife.ExitCodeAnnotation: "1"}, want: batchv1.JobFailed},
		"fails by command":    {command: []string{"sh", "-c", "exit 1"}, want: batchv1.JobFailed},
		"image is broken":     {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			j := job(template("migrate:1", tc.annotations))
			j.Spec.Template.Spec.Containers[0].Command = tc.command
			if tc.want == "" {
				j.Spec.Template.Spec.Containers[0].Image = "migrate:broken"
				j.Spec.ActiveDeadlineSeconds = ptr.To(int64(2))
				tc.want = batchv1.JobFailed
			}
			if _, err := shared.client.BatchV1().Jobs(ns).Create(t.Context(), j, create); err != nil {
				t.Fatal(err)
			}
			eventually(t, string(tc.want), func(ctx context.Context) error {
				j, err := shared.client.BatchV1().Jobs(ns).Get(ctx, "j", get)
				if err != nil {
					return err
				}
				for _, c := range j.Status.Conditions {
					if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Type != tc.want {
						t.Fatalf("job ended with %s: %s", c.Type, c.Message)
					}
					if c.Type == tc.want && c.Status == corev1.ConditionTrue {
						return nil
					}
				}
				return fmt.Errorf("conditions %+v", j.Status.Conditions)
			})
		})
	}
}

// A Job that is deleted while it runs must let go of its pod, which carries the Job's finalizer.
func TestRunningJobCanBeDeleted(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	if _, err := shared.client.BatchV1().Jobs(ns).Create(t.Context(), job(template("migrate:1", map[string]string{podlife.NeverReadyAnnotation: "true"})), create); err != nil {
		t.Fatal(err)
	}
	pods := func(ctx context.Context) (int, string) {
		l, err := shared.client.CoreV1().Pods(ns).List(ctx, list)
		if err != nil || len(l.Items) == 0 {
			return 0, fmt.Sprint(err)
		}
		return len(l.Items), fmt.Sprint(l.Items[0].Status.Phase, l.Items[0].Finalizers)
	}
	eventually(t, "a running pod", func(ctx context.Context) error {
		n, state := pods(ctx)
		return want(n == 1 && strings.HasPrefix(state, "Running"), "%d pods, %s", n, state)
	})
	if err := shared.client.BatchV1().Jobs(ns).Delete(t.Context(), "j", metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationForeground)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of pod and job", func(ctx context.Context) error {
		if n, state := pods(ctx); n > 0 {
			return fmt.Errorf("pod %s", state)
		}
		_, err := shared.client.BatchV1().Jobs(ns).Get(ctx, "j", get)
		return gone(err)
	})
}

func TestBrokenImage(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	if _, err := shared.client.AppsV1().Deployments(ns).Create(t.Context(), deployment(1, template("app:broken", nil)), create); err != nil {
		t.Fatal(err)
	}
	onlyPod(t, ns, "ImagePullBackOff", func(p corev1.Pod) error {
		w := p.Status.ContainerStatuses[0].State.Waiting
		return want(w != nil && w.Reason == "ImagePullBackOff" && p.Status.Phase == corev1.PodPending, "status %+v", p.Status)
	})
	eventually(t, "an event that says why", func(ctx context.Context) error {
		events, err := shared.client.CoreV1().Events(ns).List(ctx, metav1.ListOptions{FieldSelector: "reason=Failed"})
		if err != nil {
			return err
		}
		return want(len(events.Items) > 0 && strings.Contains(events.Items[0].Message, "app:broken"), "%d events", len(events.Items))
	})
}

func TestCrashLoop(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	if _, err := shared.client.AppsV1().Deployments(ns).Create(t.Context(), deployment(1, template("app:crash", nil)), create); err != nil {
		t.Fatal(err)
	}
	onlyPod(t, ns, "CrashLoopBackOff", func(p corev1.Pod) error {
		c := p.Status.ContainerStatuses[0]
		return want(c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff" && c.RestartCount >= 1 &&
			c.LastTerminationState.Terminated != nil && c.LastTerminationState.Terminated.ExitCode == 1, "container %+v", c)
	})
}

func TestPodGetsReadyWhenItsAnnotationGoes(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	pods := shared.client.CoreV1().Pods(ns)
	tpl := template("app:1", map[string]string{podlife.NeverReadyAnnotation: "true"})
	if _, err := pods.Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Annotations: tpl.Annotations}, Spec: tpl.Spec}, create); err != nil {
		t.Fatal(err)
	}
	onlyPod(t, ns, "running and not ready", func(p corev1.Pod) error {
		return want(p.Status.Phase == corev1.PodRunning && !ready(p), "status %+v", p.Status)
	})
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, podlife.NeverReadyAnnotation)
	if _, err := pods.Patch(t.Context(), "p", "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	onlyPod(t, ns, "ready", func(p corev1.Pod) error { return want(ready(p), "status %+v", p.Status) })
	if err := pods.Delete(t.Context(), "p", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end, long before the grace period", func(ctx context.Context) error {
		_, err := pods.Get(ctx, "p", get)
		return gone(err)
	})
}

func onlyPod(t *testing.T, ns, what string, check func(corev1.Pod) error) {
	t.Helper()
	eventually(t, what, func(ctx context.Context) error {
		pods, err := shared.client.CoreV1().Pods(ns).List(ctx, list)
		if err != nil {
			return err
		}
		if len(pods.Items) != 1 || len(pods.Items[0].Status.ContainerStatuses) != 1 {
			return fmt.Errorf("%d pods, or no container status", len(pods.Items))
		}
		return check(pods.Items[0])
	})
}

func ready(p corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
