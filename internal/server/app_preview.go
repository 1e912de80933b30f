package server

import (
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// previewSync says what a sync would do, to whoever may see the application. What the sync itself would be refused for
// is a warning here.
func (s *server) previewSync(c *call, q *argocd.SyncPreviewRequest) (*argocd.SyncPreview, error) {
	asked := syncAsked(q)
	op, err := operationOf(c.app, asked)
	if err != nil {
		return nil, err
	}
	p, err := s.Apps.Preview(c, reconcile.PreviewRequest{Application: nameOf(c.app), Sync: *op, Check: q.Check})
	if err != nil {
		return nil, err
	}
	res := &argocd.SyncPreview{Phases: previewPhases(p.Steps)}
	if p.Many {
		res.Revisions = p.Commits
	} else if len(p.Commits) > 0 {
		res.Revision = p.Commits[0]
	}
	res.Warnings = append(res.Warnings, s.refusals(c, asked, op)...)
	for _, w := range p.Warnings {
		res.Warnings = append(res.Warnings, previewWarning(w.Kind, w.Text, w.Blocks, w.Until))
	}
	return res, nil
}

// syncAsked is the sync that a preview is asked of.
func syncAsked(q *argocd.SyncPreviewRequest) *argocd.ApplicationSyncRequest {
	return &argocd.ApplicationSyncRequest{
		Name: q.Name, Revision: q.Revision, Revisions: q.Revisions, SourcePositions: q.SourcePositions, DryRun: q.DryRun, Prune: q.Prune,
		Strategy: q.Strategy, Resources: q.Resources, SyncOptions: q.SyncOptions,
	}
}

// refusalTypes are the types of the warnings that refusals gives.
var refusalTypes = []string{"Permission", "Revision", "Replace"}

// refusals is why the caller's sync would not be taken, besides what the loop knows.
func (s *server) refusals(c *call, q *argocd.ApplicationSyncRequest, op *v1alpha1.SyncOperation) (list []argocd.SyncPreviewWarning) {
	block := func(kind, text string) { list = append(list, previewWarning(kind, text, true, time.Time{})) }
	if !c.sees(rbac.Applications, rbac.Sync, s.object(c.app)) {
		block("Permission", "You may not sync this application: the policy gives you no applications, sync, "+s.object(c.app)+".")
	}
	if err := s.mayAim(c, c.app, q); err != nil {
		block("Revision", err.Error()+".")
	}
	if slices.Contains(op.SyncOptions, "Replace=true") && !s.Catalog.Settings().Server.ReplaceAllowed {
		block("Replace", "Sync with Replace is switched off on this server.")
	}
	return list
}

func previewWarning(kind, text string, blocks bool, until time.Time) argocd.SyncPreviewWarning {
	w := argocd.SyncPreviewWarning{Type: kind, Message: text, Blocks: blocks}
	if !until.IsZero() {
		w.Until = &metav1.Time{Time: until}
	}
	return w
}

// previewPhases puts the steps, which come in the order of the sync, into their phases and waves.
func previewPhases(steps []reconcile.Foreseen) (phases []argocd.SyncPreviewPhase) {
	for _, f := range steps {
		if n := len(phases); n == 0 || phases[n-1].Phase != string(f.Phase) {
			phases = append(phases, argocd.SyncPreviewPhase{Phase: string(f.Phase)})
		}
		phase := &phases[len(phases)-1]
		wave := strconv.Itoa(f.Wave)
		if f.First {
			wave = ""
		}
		if n := len(phase.Waves); n == 0 || phase.Waves[n-1].Wave != wave {
			phase.Waves = append(phase.Waves, argocd.SyncPreviewWave{Wave: wave})
		}
		into := &phase.Waves[len(phase.Waves)-1]
		into.Steps = append(into.Steps, argocd.SyncPreviewStep{
			Group: f.Key.Group, Kind: f.Key.Kind, Namespace: f.Key.Namespace, Name: f.Key.Name, Hook: string(f.Hook),
			Action: string(f.Does), Reason: f.Why, Problem: f.Fails, Fields: f.Fields, FieldCount: int32(f.Count),
		})
	}
	return phases
}
