package health

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// application judges a child application by what it says of itself, once that is about its present manifest and no
// sync is about to change it: otherwise the next wave of its parent would begin on the strength of what was. (Argo CD
// dropped the health of children in 1.8; most people who use them add it back, without these two conditions.)
func application(r reader) Health {
	said := Health{v1alpha1.HealthStatusCode(r.text("status", "health", "status")), r.text("status", "health", "message")}
	if !slices.Contains(order(), said.Status) || !speaksOfItsSpec(r) {
		return Health{progressing, "Waiting for the application to be reconciled"}
	}
	if said.Status == healthy {
		if why := syncing(r); why != "" {
			return Health{progressing, why}
		}
	}
	return said
}

// speaksOfItsSpec reports whether the application has been compared with the sources and the destination that it has.
func speaksOfItsSpec(r reader) bool {
	if r.text("metadata", "annotations", v1alpha1.AnnotationHold) != "" || r.text("metadata", "annotations", v1alpha1.AnnotationSkipReconcile) == "true" {
		return true
	}
	var spec v1alpha1.ApplicationSpec
	var to v1alpha1.ComparedTo
	if !typed(r.at("spec"), &spec) || !typed(r.at("status", "sync", "comparedTo"), &to) || len(spec.SourceList()) == 0 {
		return true // written by somebody who leaves it out, or malformed: there is only its word
	}
	compared := to.Sources
	if !spec.HasMultipleSources() {
		compared = []v1alpha1.ApplicationSource{to.Source}
	}
	return object.Hash(compared) == object.Hash(spec.SourceList()) && to.Destination == spec.Destination
}

// typed reads a part of an object as a type of the wire, so that fields that say nothing make no difference.
func typed(part, into any) bool {
	if part == nil {
		return false
	}
	data, err := json.Marshal(part)
	return err == nil && json.Unmarshal(data, into) == nil
}

// syncing says which sync is under way. Undoing drift does not count: it is over in a moment, and puts back what was.
func syncing(r reader) string {
	op := reader{}
	op.content, _ = r.at("status", "operationState").(map[string]any)
	running := op.text("phase") == string(v1alpha1.OperationRunning) || op.text("phase") == string(v1alpha1.OperationTerminating)
	healing := op.truth("operation", "initiatedBy", "automated") && len(op.list("operation", "sync", "resources")) > 0
	ended := op.time("finishedAt")
	switch {
	case running && !healing:
		return "Its sync is running: " + firstLine(op.message())
	case !running && r.at("operation") != nil:
		return "Its sync is about to begin"
	case !healing && !ended.IsZero() && !r.time("status", "reconciledAt").After(ended): // its health is from before
		return "Waiting for a look at what its sync did"
	}
	return ""
}

// dueFor is how long after a look an automated sync is expected to begin. What has not begun by then is kept by
// something that may last: a sync window, another application's objects.
const dueFor = 30 * time.Second

// SyncDue says that a child application is about to sync by itself to a commit that it has not tried yet. Between
// noticing a commit and beginning its sync an application still has the health of the commit before; a wave must not
// take that for its own.
func SyncDue(o *object.Object, now time.Time) (why string) {
	r := reader{o.Object}
	var spec v1alpha1.ApplicationSpec
	if !typed(r.at("spec"), &spec) || !spec.Automation().Enabled || r.text("status", "sync", "status") != string(v1alpha1.SyncStatusOutOfSync) {
		return ""
	}
	at := r.time("status", "reconciledAt")
	if at.IsZero() || now.Sub(at) > dueFor {
		return ""
	}
	tried := r.text("status", "operationState", "syncResult", "revision") == r.text("status", "sync", "revision") &&
		object.Hash(r.at("status", "operationState", "syncResult", "revisions")) == object.Hash(r.at("status", "sync", "revisions"))
	if tried {
		return ""
	}
	return "Waiting for its sync to begin"
}
