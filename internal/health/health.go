// Package health judges one live object: Healthy, Progressing, Degraded, Suspended, Missing or Unknown, and why.
//
// The idea: health is read from the object alone, from what its controller wrote into status, by rules that depend on
// the kind. Codes, order and messages of the built-in kinds are Argo CD's, because scripts and dashboards compare them.
// Kinds of others are judged by small Lua files in the folder checks, one folder per kind, or by an installation's own.
// Read Of first, then Checks.Of (with everything that is not built in), then Aggregate (one application), then Explain
// (one sentence that says what is wrong with a workload, from its pods). The package refuses to look at a clock, at
// events or at a cluster, and lets no script reach disk, network or process, or take more than its share.
package health

import (
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Health is a judgement and its reason. Message is empty when there is nothing to say.
type Health struct {
	Status  v1alpha1.HealthStatusCode
	Message string
}

// Options are what a judgement of Checks.Of depends on besides the object.
type Options struct {
	// Fallback judges kinds that no rule is for by the conditions that most controllers share: Ready, Available,
	// Reconciling, Stalled.
	Fallback bool
	// Now is the time that scripts read with os.time and os.date; the zero time makes them fail.
	Now time.Time
}

// Of returns the health of a live object of a built-in kind; ok is false when its kind has none. Checks.Of judges other
// kinds too.
func Of(o *object.Object) (h Health, ok bool) {
	if isLeaving(o) {
		return leaving(), true
	}
	check := checkFor(o.GroupVersionKind().GroupKind())
	if check == nil {
		return Health{}, false
	}
	return check(reader{o.Object}), true
}

// leaving is the health of what goes away.
func leaving() Health { return Health{progressing, "Pending deletion"} }

// isLeaving reports whether an object is going away: it is on its way somewhere, whatever its kind. Only our own
// finalizer on a finished hook is no reason to wait.
func isLeaving(o *object.Object) bool {
	return o.GetDeletionTimestamp() != nil && !slices.Contains(o.GetFinalizers(), v1alpha1.FinalizerHook)
}

// Checked reports whether objects of this kind have a health.
func Checked(kind schema.GroupKind) bool { return checkFor(kind) != nil }

func checkFor(kind schema.GroupKind) func(reader) Health {
	switch kind {
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}:
		return deployment
	case schema.GroupKind{Group: "apps", Kind: "StatefulSet"}:
		return statefulSet
	case schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}:
		return replicaSet
	case schema.GroupKind{Group: "apps", Kind: "DaemonSet"}:
		return daemonSet
	case schema.GroupKind{Kind: "Pod"}:
		return pod
	case schema.GroupKind{Kind: "Service"}:
		return service
	case schema.GroupKind{Kind: "PersistentVolumeClaim"}:
		return volumeClaim
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		return job
	case schema.GroupKind{Group: "batch", Kind: "CronJob"}:
		return cronJob
	case schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:
		return autoscaler
	case schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}, schema.GroupKind{Group: "extensions", Kind: "Ingress"}:
		return ingress
	case schema.GroupKind{Group: "policy", Kind: "PodDisruptionBudget"}:
		return disruptionBudget
	case schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}:
		return apiService
	case schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
		return definition
	case schema.GroupKind{Group: "argoproj.io", Kind: "Workflow"}:
		return workflow
	case schema.GroupKind{Group: "argoproj.io", Kind: "Application"}:
		return application
	}
	return nil
}

// order is from best to worst, as Argo CD has it.
func order() []v1alpha1.HealthStatusCode {
	return []v1alpha1.HealthStatusCode{
		v1alpha1.HealthStatusHealthy, v1alpha1.HealthStatusSuspended, v1alpha1.HealthStatusProgressing,
		v1alpha1.HealthStatusMissing, v1alpha1.HealthStatusDegraded, v1alpha1.HealthStatusUnknown,
	}
}

// Worse reports whether a is worse than b.
func Worse(a, b v1alpha1.HealthStatusCode) bool {
	return slices.Index(order(), a) > slices.Index(order(), b)
}

// Worst returns the worse of two healths; a when they are equally bad.
func Worst(a, b Health) Health {
	if Worse(b.Status, a.Status) {
		return b
	}
	return a
}
