package reconcile

import (
	"strconv"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// frozen says why an application is left alone, as the end of a sentence; "" when it is not. The annotation stands on
// it, or on the Secret of the cluster that it deploys to: then everything that goes there is left alone, deletions too.
// An application whose destination cannot be told goes on, and says so.
func (a *Apps) frozen(app *v1alpha1.Application) string {
	if skips(app.Annotations) {
		return "it has the annotation " + v1alpha1.AnnotationSkipReconcile
	}
	if target, err := a.Catalog.Destination(app.Spec.Destination); err == nil && skips(target.Annotations) {
		return "the Secret of cluster " + target.Name + " has the annotation " + v1alpha1.AnnotationSkipReconcile
	}
	return ""
}

// skips reads the annotation as Argo CD does: what Go takes for true is true, what it does not understand is not.
func skips(annotations map[string]string) bool {
	yes, err := strconv.ParseBool(annotations[v1alpha1.AnnotationSkipReconcile])
	return err == nil && yes
}
