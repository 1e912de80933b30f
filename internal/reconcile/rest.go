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

// noteAsleep in an operation says that it was begun while the application was to sleep.
const noteAsleep = "asleep"

// noteRest puts the note into an operation that begins.
func noteRest(op *v1alpha1.Operation, v *view) *v1alpha1.Operation {
	noted := op.DeepCopy()
	noted.Info = slices.DeleteFunc(noted.Info, func(i v1alpha1.Info) bool { return i.Name == noteAsleep })
	if v.spec.asleep != "" {
		noted.Info = append(noted.Info, v1alpha1.Info{Name: noteAsleep, Value: "true"})
	}
	return noted
}

// turns reports whether the application is to fall asleep, or to wake, and its last operation was begun before.
func turns(last *v1alpha1.OperationState, v *view) bool {
	slept := last != nil && slices.ContainsFunc(last.Operation.Info, func(i v1alpha1.Info) bool { return i.Name == noteAsleep && i.Value == "true" })
	return last != nil && slept != (v.spec.asleep != "")
}

// restWords say that the application sleeps.
func (v *view) restWords() string {
	if since := v.spec.asleep; strings.Contains(since, "T") && len(since) < 40 {
		return "asleep since " + since + ": its workloads are kept at nothing, whatever Git says"
	}
	return "asleep: its workloads are kept at nothing, whatever Git says"
}

// forRest is what is not counted as a difference while the application sleeps: replicas are Git's then, who else they
// may be left to when it is awake.
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
