package reconcile

import (
	"context"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/project"
	"k8s.io/apimachinery/pkg/types"
)

// waitWindow is the subject of a wait for a sync window.
const waitWindow = "sync window"

// windows are the sync windows of the view's project that apply to the application. Without its project nothing is
// permitted anyway.
func (a *Apps) windows(app *v1alpha1.Application, v *view) project.Windows {
	rules, err := a.Catalog.Rules(v.spec.project)
	if err != nil {
		return nil
	}
	target := a.target(v)
	target.Namespace = v.spec.destination.Namespace
	return rules.Windows(project.Subject{Name: app.Name, Target: target})
}

// closed reports whether a sync window forbids the running operation to go on, and until when at least.
func closed(op *v1alpha1.OperationState, windows project.Windows, now time.Time) (project.Gate, bool) {
	gate := windows.At(now)
	manual := !op.Operation.InitiatedBy.Automated
	if allowed := gate.Automated || manual && gate.Manual; allowed || op.Operation.Sync != nil && op.Operation.Sync.DryRun {
		return gate, false
	}
	return gate, !windows.GoesOn(op.StartedAt.Time, now, manual)
}

// waitForWindow leaves the operation as it is until the windows say something else.
func (a *Apps) waitForWindow(ctx context.Context, app *v1alpha1.Application, j *journal, gate project.Gate) error {
	now := time.Now()
	if j.wait.Subject != waitWindow {
		j.wait = plan.Wait{Subject: waitWindow, Since: now}
	}
	if !gate.Changes.IsZero() {
		a.queue.addAfter(nameOf(app), time.Until(gate.Changes)+windowLookAfter, cause{})
	}
	return a.save(ctx, &app, j, "Sync operation blocked by sync window ("+gate.Why+"; since "+j.wait.Since.UTC().Format(time.RFC3339)+")")
}

// windowLookAfter is how long after a window's edge it is looked at.
const windowLookAfter = 50 * time.Millisecond

// SyncWindows is what a project's windows say of one application now.
type SyncWindows struct {
	Assigned, Active []*v1alpha1.SyncWindow
	CanSync          bool // a person may start a sync
	Gate             project.Gate
}

// SyncWindows returns the windows that apply to the application. Any replica can answer.
func (a *Apps) SyncWindows(name types.NamespacedName) (SyncWindows, error) {
	app, err := a.Catalog.Application(name)
	if err != nil {
		return SyncWindows{}, err
	}
	v := &view{spec: specOf(app)}
	if v.server, err = a.Catalog.ServerOf(v.spec.destination); err != nil {
		return SyncWindows{}, err
	}
	if _, err := a.Catalog.Rules(v.spec.project); err != nil {
		return SyncWindows{}, err
	}
	now, windows := time.Now(), a.windows(app, v)
	gate := windows.At(now)
	return SyncWindows{Assigned: windows.All(), Active: windows.Active(now), CanSync: gate.Manual, Gate: gate}, nil
}

// ProjectWindows returns the windows of a project, inherited ones too, that are open now.
func (a *Apps) ProjectWindows(name string) ([]*v1alpha1.SyncWindow, error) {
	rules, err := a.Catalog.Rules(name)
	if err != nil {
		return nil, err
	}
	return rules.AllWindows().Active(time.Now()), nil
}
