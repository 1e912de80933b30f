package reconcile

import (
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
)

// An application that sleeps is one that is rendered otherwise: its workloads are wanted at no replicas (plan.Rested), so
// that what is live is in sync, what somebody scales up is healed, and nothing about it is drift. Falling asleep and
// waking are automated syncs of what differs; the note below in the operation tells them from drift, and outlives us.

// noteAsleep in an operation says "true" when it was begun while the application was to sleep, and "false" when it wakes it.
const noteAsleep = "asleep"

func restNote(op *v1alpha1.OperationState) string {
	if op != nil {
		for _, i := range op.Operation.Info {
			if i.Name == noteAsleep {
				return i.Value
			}
		}
	}
	return ""
}

// noteRest puts the note into an operation that begins after the last one.
func noteRest(op *v1alpha1.Operation, last *v1alpha1.OperationState, v *view) *v1alpha1.Operation {
	noted := op.DeepCopy()
	noted.Info = slices.DeleteFunc(noted.Info, func(i v1alpha1.Info) bool { return i.Name == noteAsleep })
	switch {
	case v.spec.asleep != "":
		noted.Info = append(noted.Info, v1alpha1.Info{Name: noteAsleep, Value: "true"})
	case slept(last):
		noted.Info = append(noted.Info, v1alpha1.Info{Name: noteAsleep, Value: "false"})
	}
	return noted
}

// slept reports whether what was last synced left workloads at nothing: asleep, or not woken in full.
func slept(last *v1alpha1.OperationState) bool {
	note := restNote(last)
	return note == "true" || note == "false" && last.Phase != v1alpha1.OperationSucceeded
}

// turns reports whether the application is to fall asleep, or to wake, and its last operation was begun before.
func turns(last *v1alpha1.OperationState, v *view) bool {
	return last != nil && (restNote(last) == "true") != (v.spec.asleep != "")
}

// restWords say that the application sleeps.
func (v *view) restWords() string {
	if since := v.spec.asleep; strings.Contains(since, "T") && len(since) < 40 {
		return "asleep since " + since + ": its workloads are kept at nothing, whatever Git says"
	}
	return "asleep: its workloads are kept at nothing, whatever Git says"
}

// forRest is what is not counted as a difference while the application sleeps, and until it is awake again: replicas are
// Git's then, whoever they are left to else. An autoscaler does nothing with a workload at no replicas; without Git's word
// it would stay so.
func forRest(rules []v1alpha1.ResourceIgnoreDifferences) []v1alpha1.ResourceIgnoreDifferences {
	out := slices.Clone(rules)
	for i, r := range out {
		out[i].JSONPointers = slices.DeleteFunc(slices.Clone(r.JSONPointers), func(p string) bool { return p == "/spec/replicas" || p == "/spec/suspend" })
		out[i].JQPathExpressions = slices.DeleteFunc(slices.Clone(r.JQPathExpressions), func(p string) bool {
			return strings.TrimSpace(p) == ".spec.replicas" || strings.TrimSpace(p) == ".spec.suspend"
		})
	}
	return slices.DeleteFunc(out, func(r v1alpha1.ResourceIgnoreDifferences) bool {
		return len(r.JSONPointers)+len(r.JQPathExpressions)+len(r.ManagedFieldsManagers) == 0
	})
}

// homeHash stands for what an Application says of its namespace.
func homeHash(app *v1alpha1.Application) string {
	a := app.Annotations
	return a[appset.AnnotationPreviewNamespace] + "\n" + a[appset.AnnotationPreviewQuota] + "\n" + a[appset.AnnotationPreviewLimits]
}
