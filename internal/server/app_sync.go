package server

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// automated reports whether the application syncs by itself.
func automated(app *v1alpha1.Application) bool {
	p := app.Spec.SyncPolicy
	return p != nil && p.Automated != nil && (p.Automated.Enabled == nil || *p.Automated.Enabled)
}

// syncApplication asks for a sync: it writes the operation, and the loop carries it out.
func (s *server) syncApplication(c *call, q *argocd.ApplicationSyncRequest) (*v1alpha1.Application, error) {
	if w, err := s.Apps.SyncWindows(nameOf(c.app)); err == nil && !w.CanSync {
		return nil, problem.New(problem.Forbidden, "cannot sync: blocked by sync window")
	}
	partial := ""
	if len(q.Resources) > 0 {
		partial = "partial "
	}
	return s.operate(c, func(app *v1alpha1.Application) (*v1alpha1.Operation, string, error) {
		op, err := s.syncOf(c, app, q)
		if err != nil {
			return nil, "", err
		}
		to := cmp.Or(strings.Join(op.Sync.Revisions, ","), op.Sync.Revision)
		if to == "" {
			to = cmp.Or(strings.Join(targetRevisions(app), ","), "HEAD")
		}
		if q.Manifests != nil {
			return op, "initiated " + partial + "sync locally", nil
		}
		return op, "initiated " + partial + "sync to " + to, nil
	})
}

// syncOf is the sync that a request asks for of an application as it is, once the caller may have it.
func (s *server) syncOf(c *call, app *v1alpha1.Application, q *argocd.ApplicationSyncRequest) (*v1alpha1.Operation, error) {
	if q.Manifests != nil {
		if err := c.must(rbac.Applications, rbac.Override, s.object(app)); err != nil {
			return nil, err
		}
		if automated(app) && !q.DryRun {
			return nil, problem.New(problem.Precondition, "cannot use local sync when Automatic Sync Policy is enabled unless for dry run")
		}
	}
	if app.DeletionTimestamp != nil {
		return nil, problem.New(problem.Precondition, "application is deleting")
	}
	sync, err := operationOf(app, q)
	if err != nil {
		return nil, err
	}
	if err := s.mayAim(c, app, q); err != nil {
		return nil, err
	}
	op := &v1alpha1.Operation{Sync: sync, InitiatedBy: v1alpha1.OperationInitiator{Username: c.who.Username()}, Info: q.Infos}
	if p := app.Spec.SyncPolicy; p != nil && p.Retry != nil {
		op.Retry = *p.Retry
	}
	if slices.Contains(op.Sync.SyncOptions, "Replace=true") && !s.Catalog.Settings().Server.ReplaceAllowed {
		return nil, problem.New(problem.Precondition, "sync with replace was disabled on the API Server level via the server configuration")
	}
	if q.RetryStrategy != nil {
		op.Retry = *q.RetryStrategy
	}
	return op, nil
}

// operationOf is the sync that a request asks for, with the application's own options where it names none.
func operationOf(app *v1alpha1.Application, q *argocd.ApplicationSyncRequest) (*v1alpha1.SyncOperation, error) {
	op := &v1alpha1.SyncOperation{Prune: q.Prune, DryRun: q.DryRun, SyncStrategy: q.Strategy, Resources: q.Resources, Manifests: q.Manifests}
	if p := app.Spec.SyncPolicy; p != nil {
		op.SyncOptions = p.SyncOptions
	}
	if q.SyncOptions != nil {
		op.SyncOptions = q.SyncOptions.Items
	}
	sources := app.Spec.SourceList()
	if !app.Spec.HasMultipleSources() {
		if len(sources) == 0 {
			return nil, problem.New(problem.Precondition, "application %s has no source", app.Name)
		}
		op.Revision = q.Revision
		return op, nil
	}
	if len(q.Revisions) != len(q.SourcePositions) {
		return nil, problem.New(problem.Invalid, "there are %d revisions for %d source positions", len(q.Revisions), len(q.SourcePositions))
	}
	if len(q.Revisions) > 0 {
		op.Revisions = make([]string, len(sources))
	}
	for i, position := range q.SourcePositions {
		if position < 1 || position > int64(len(sources)) {
			return nil, problem.New(problem.Invalid, "source position is out of range")
		}
		op.Revisions[position-1] = q.Revisions[i]
	}
	for i := range op.Revisions {
		op.Revisions[i] = cmp.Or(op.Revisions[i], sources[i].TargetRevision, "HEAD")
	}
	return op, nil
}

// mayAim reports whether the caller may sync to the revisions of a request whose positions are right. One that Git does
// not prescribe needs an application that does not follow Git by itself: it would go back at once.
func (s *server) mayAim(c *call, app *v1alpha1.Application, q *argocd.ApplicationSyncRequest) error {
	sources := app.Spec.SourceList()
	elsewhere := func(i int, revision string) error {
		if revision == "" || revision == cmp.Or(sources[i].TargetRevision, "HEAD") {
			return nil
		}
		if s.needsOverride() {
			if err := c.must(rbac.Applications, rbac.Override, s.object(app)); err != nil {
				return err
			}
		}
		if automated(app) && !q.DryRun {
			what := "Cannot sync to "
			if app.Spec.HasMultipleSources() {
				what = "Cannot sync source " + sources[i].RepoURL + " to "
			}
			return problem.New(problem.Precondition, "%s%s: auto-sync currently set to %s", what, clip(revision), sources[i].TargetRevision)
		}
		return nil
	}
	if !app.Spec.HasMultipleSources() {
		return elsewhere(0, q.Revision)
	}
	for i, position := range q.SourcePositions {
		if err := elsewhere(int(position-1), q.Revisions[i]); err != nil {
			return err
		}
	}
	return nil
}

func targetRevisions(app *v1alpha1.Application) (list []string) {
	for _, src := range app.Spec.SourceList() {
		list = append(list, cmp.Or(src.TargetRevision, "HEAD"))
	}
	return list
}

// operate writes an operation, unless one is under way. It is worked out, and permitted, for the application as it is when
// it is written: positions name its sources, and what is permitted depends on what it follows. what says it in a line.
func (s *server) operate(c *call, of func(*v1alpha1.Application) (op *v1alpha1.Operation, what string, err error)) (*v1alpha1.Application, error) {
	what := ""
	app, err := s.edit(c, c.app, func(n *v1alpha1.Application) (err error) {
		var op *v1alpha1.Operation
		if op, what, err = of(n); err != nil {
			return err
		}
		if n.Operation != nil {
			return problem.New(problem.Precondition, "another operation is already in progress")
		}
		n.Operation = op
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.tell(c, app, v1alpha1.EventOperationStarted, what)
	return s.shown(app), nil
}

// rollback asks for a sync to what was deployed before. Automated sync then holds, until a newer commit comes (ADR 8);
// Argo CD refuses instead.
func (s *server) rollback(c *call, q *argocd.ApplicationRollbackRequest) (*v1alpha1.Application, error) {
	return s.operate(c, func(app *v1alpha1.Application) (*v1alpha1.Operation, string, error) {
		op, err := rollbackOf(c, app, q)
		return op, "initiated rollback to " + strconv.FormatInt(q.ID, 10), err
	})
}

// rollbackOf is the sync that brings an application back to what the request names of its history.
func rollbackOf(c *call, app *v1alpha1.Application, q *argocd.ApplicationRollbackRequest) (*v1alpha1.Operation, error) {
	if app.DeletionTimestamp != nil {
		return nil, problem.New(problem.Precondition, "application is deleting")
	}
	var to *v1alpha1.RevisionHistory
	for i := range app.Status.History {
		if app.Status.History[i].ID == q.ID {
			to = &app.Status.History[i]
		}
	}
	if to == nil {
		return nil, problem.New(problem.Invalid, "application %s does not have deployment with id %d", app.Name, q.ID)
	}
	op := &v1alpha1.Operation{
		Sync: &v1alpha1.SyncOperation{
			Revision: to.Revision, Revisions: to.Revisions, DryRun: q.DryRun, Prune: q.Prune,
			SyncStrategy: &v1alpha1.SyncStrategy{Apply: &v1alpha1.SyncStrategyApply{}}, Sources: to.Sources,
		},
		InitiatedBy: v1alpha1.OperationInitiator{Username: c.who.Username()},
	}
	if len(to.Sources) == 0 {
		op.Sync.Source = to.Source.DeepCopy()
	}
	if p := app.Spec.SyncPolicy; p != nil {
		op.Sync.SyncOptions = p.SyncOptions
	}
	return op, nil
}

// terminate asks for the end of the operation that is under way.
func (s *server) terminate(c *call, _ *argocd.OperationTerminateRequest) (*argocd.OperationTerminateResponse, error) {
	app, err := s.edit(c, c.app, func(n *v1alpha1.Application) error {
		if n.Operation == nil || n.Status.OperationState == nil {
			return problem.New(problem.Invalid, "Unable to terminate operation. No operation is in progress")
		}
		n.Status.OperationState.Phase = v1alpha1.OperationTerminating
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.tell(c, app, v1alpha1.EventResourceUpdated, "terminated running operation")
	return &argocd.OperationTerminateResponse{}, nil
}
