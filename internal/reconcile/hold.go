package reconcile

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A hold keeps an application with automated sync at what a person rolled it back to. Argo CD refuses such a rollback;
// here the application follows what was chosen instead of the commit that was bad, healed and all, until its branch
// has another commit, its sources are edited, somebody syncs it to its branch, or lifts the hold by removing the
// annotation. The hold stands in the Application: it outlives a restart.
type hold struct {
	Instead []string                     `json:"instead"`           // the commits that the sources resolved to when the rollback was asked for
	Sources string                       `json:"sources"`           // hash of the application's sources then
	Commits []string                     `json:"commits,omitempty"` // what is deployed; none while the rollback is not done
	Other   []v1alpha1.ApplicationSource `json:"other,omitempty"`   // the sources deployed, where they are not the application's
	By      string                       `json:"by,omitempty"`
	Since   metav1.Time                  `json:"since"`
}

// holdOf reads the hold; nil when there is none that can be understood: then the application follows Git.
func holdOf(app *v1alpha1.Application) *hold {
	text, ok := app.Annotations[v1alpha1.AnnotationHold]
	h := &hold{}
	if !ok || len(text) > maxConditionMessage*8 || json.Unmarshal([]byte(text), h) != nil {
		return nil
	}
	return h
}

func (h *hold) text() string {
	data, _ := json.Marshal(h) // plain strings cannot fail
	return string(data)
}

// over reports whether the sources have moved on since the rollback.
func (h *hold) over(sources []v1alpha1.ApplicationSource, commits []string) bool {
	return h.Sources != object.Hash(sources) || !slices.Equal(h.Instead, commits)
}

// wantsOther reports whether a person's sync may be to something else than the application follows.
func wantsOther(op *v1alpha1.Operation) bool {
	s := op.Sync
	return !op.InitiatedBy.Automated && s != nil && !s.DryRun && len(s.Resources) == 0 && len(s.Manifests) == 0 && (s.Revision != "" || len(s.Revisions) > 0 || s.Source != nil || len(s.Sources) > 0)
}

// wantsFollowed reports whether a person asks for a full sync to what the application follows.
func wantsFollowed(op *v1alpha1.Operation) bool {
	s := op.Sync
	return !op.InitiatedBy.Automated && s != nil && !s.DryRun && len(s.Resources) == 0 && len(s.Manifests) == 0 && !wantsOther(op)
}

// prepareHold notes, when a person's sync to something else begins, which commits it is instead of.
func prepareHold(n *v1alpha1.Application, op *v1alpha1.Operation, v *view, now metav1.Time) {
	if !n.Spec.Automation().Enabled || !wantsOther(op) || v.held != nil || v.complete == nil || v.unknown != nil {
		return
	}
	h := hold{Instead: v.commits, Sources: object.Hash(v.spec.sources), By: op.InitiatedBy.Username, Since: now}
	metav1.SetMetaDataAnnotation(&n.ObjectMeta, v1alpha1.AnnotationHold, h.text())
}

// settleHold makes the hold what the finished sync of a person leaves: none when it synced to what the application
// follows, or failed before there was one.
func settleHold(n *v1alpha1.Application, op *v1alpha1.OperationState, synced *view) {
	h := holdOf(n)
	if h == nil || !wantsOther(&op.Operation) {
		return
	}
	switch {
	case op.Phase != v1alpha1.OperationSucceeded || synced == nil:
		if len(h.Commits) > 0 { // an earlier one stays
			return
		}
		delete(n.Annotations, v1alpha1.AnnotationHold)
	case slices.Equal(synced.commits, h.Instead) && object.Hash(synced.spec.sources) == h.Sources:
		delete(n.Annotations, v1alpha1.AnnotationHold)
	default:
		h.Commits, h.Other = synced.commits, nil
		h.By, h.Since = op.Operation.InitiatedBy.Username, *op.FinishedAt
		if object.Hash(synced.spec.sources) != h.Sources {
			h.Other = synced.spec.sources
		}
		metav1.SetMetaDataAnnotation(&n.ObjectMeta, v1alpha1.AnnotationHold, h.text())
	}
}

// holdBack turns the view to what the application is held at, if it is. The sources have been resolved: their commits
// tell whether the hold is over.
func (a *Apps) holdBack(ctx context.Context, app *v1alpha1.Application, v *view, trees []tree) ([]tree, error) {
	h := holdOf(app)
	if h == nil {
		v.lifted = app.Annotations[v1alpha1.AnnotationHold] != ""
		return trees, nil
	}
	if h.over(v.spec.sources, v.commits) {
		v.lifted = true
		return trees, nil
	}
	if len(h.Commits) == 0 {
		v.lifted = app.Status.OperationState == nil || final(app.Status.OperationState.Phase) // its sync is over, and left it so
		return trees, nil
	}
	v.held, v.followed = h, v.commits
	if len(h.Other) > 0 {
		v.spec.sources = h.Other
		if err := a.permitted(v); err != nil { // the project may have become stricter since
			return nil, err
		}
	}
	return a.trees(ctx, v, h.Commits, cause{})
}

// words say what the hold means to people.
func (h *hold) words(app *v1alpha1.Application) string {
	by := ""
	if h.By != "" {
		by = " by " + h.By
	}
	return "Held at " + short(h.Commits) + by + " since " + h.Since.UTC().Format(time.RFC3339) + ": " + short(h.Instead) + " is not deployed. It goes on by itself with the next commit; to go on now, sync it, or: kubectl annotate application " +
		app.Name + " -n " + app.Namespace + " " + v1alpha1.AnnotationHold + "-"
}
