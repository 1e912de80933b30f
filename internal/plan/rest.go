package plan

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Rested returns a wanted object as it is while its application sleeps: a workload at no replicas, a schedule suspended, a
// child application asleep, too. All else, and every hook, is returned as it is: pods that nothing scales, daemons and
// jobs go on.
func Rested(o *object.Object) *object.Object {
	if IsHook(o) {
		return o
	}
	set := func(value any, path ...string) *object.Object {
		rested := o.DeepCopy()
		if unstructured.SetNestedField(rested.Object, value, path...) != nil { // a manifest that no API server takes
			return o
		}
		return rested
	}
	switch o.GroupVersionKind().GroupKind() {
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}, schema.GroupKind{Group: "apps", Kind: "StatefulSet"}, schema.GroupKind{Group: "apps", Kind: "ReplicaSet"},
		schema.GroupKind{Kind: "ReplicationController"}, schema.GroupKind{Group: v1alpha1.Group, Kind: "Rollout"}:
		return set(int64(0), "spec", "replicas")
	case schema.GroupKind{Group: "batch", Kind: "CronJob"}:
		return set(true, "spec", "suspend")
	case schema.GroupKind{Group: "keda.sh", Kind: "ScaledObject"}: // it would scale its workload up again
		return set("0", "metadata", "annotations", "autoscaling.keda.sh/paused-replicas")
	case schema.GroupKind{Group: v1alpha1.Group, Kind: v1alpha1.KindApplication}:
		return set("true", "metadata", "annotations", v1alpha1.AnnotationAsleep)
	}
	return o
}
