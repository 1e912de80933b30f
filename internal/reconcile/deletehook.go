package reconcile

import (
	"context"
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
)

// hookStage is one stage of a deletion with hooks: they run, and when that is noted they are let go.
type hookStage struct {
	hook      v1alpha1.HookType
	finalizer string // its presence on the Application says that the stage is not over
	cleanup   bool   // the hooks have run
}

// hookFinalizers are the two that stand for the hooks of one kind: one until they have run, one until they are let go.
func hookFinalizers(name string) []string {
	return []string{name, name + "/" + v1alpha1.FinalizerStageCleanup}
}

// hookStageOf returns the stage that the deletion is at, read from the finalizers that are left.
func hookStageOf(app *v1alpha1.Application) (hookStage, bool) {
	for _, s := range []struct {
		hook v1alpha1.HookType
		name string
	}{{v1alpha1.HookPreDelete, v1alpha1.FinalizerPreDelete}, {v1alpha1.HookPostDelete, v1alpha1.FinalizerPostDelete}} {
		for i, f := range hookFinalizers(s.name) {
			if slices.Contains(app.Finalizers, f) {
				return hookStage{s.hook, f, i == 1}, true
			}
		}
	}
	return hookStage{}, false
}

// wantedFinalizers is the Application's finalizers with those of the deletion hooks that its render has, and without
// those of hooks that it does not have any more. (Argo CD 3.6 sets them in the same way.)
func wantedFinalizers(app *v1alpha1.Application, v *view) []string {
	list := app.Finalizers
	if v.complete == nil || v.unknown != nil || app.DeletionTimestamp != nil {
		return list
	}
	for hook, name := range map[v1alpha1.HookType]string{v1alpha1.HookPreDelete: v1alpha1.FinalizerPreDelete, v1alpha1.HookPostDelete: v1alpha1.FinalizerPostDelete} {
		has := plan.HasHook(v.complete.objects, hook)
		for _, f := range hookFinalizers(name) {
			if there := slices.Contains(list, f); has && !there {
				list = append(slices.Clone(list), f)
			} else if !has && there {
				list = slices.DeleteFunc(slices.Clone(list), func(o string) bool { return o == f })
			}
		}
	}
	slices.Sort(list[min(len(app.Finalizers), len(list)):])
	return list
}

func isPostDelete(o *object.Object) bool {
	return slices.Contains(plan.Hooks(o, plan.HelmAny), v1alpha1.HookPostDelete)
}

// runDeletionHooks takes one stage of the deletion a step further.
func (a *Apps) runDeletionHooks(ctx context.Context, app *v1alpha1.Application, st *state, v *view, stage hookStage) error {
	wayOut := "to go on without its hooks: kubectl patch application " + app.Name + " -n " + app.Namespace + " --type json, removing the finalizer " + stage.finalizer
	if err := a.desiredForDeletion(ctx, app, st, v); err != nil {
		return a.deletionBlocked(ctx, app, problem.Because(problem.KindOf(err), err, "the %s hooks cannot be read", stage.hook).WithHint("%s", wayOut))
	}
	in, err := a.deletionInput(ctx, app, v, st, stage.hook)
	if err != nil {
		return a.deletionBlocked(ctx, app, err)
	}
	if stage.cleanup {
		if err := a.performDeletion(ctx, app, st, v, plan.ReleaseDeletion(in, stage.hook)); err != nil {
			return a.deletionBlocked(ctx, app, err)
		}
		return a.Catalog.RemoveFinalizer(ctx, app, stage.finalizer)
	}
	next := plan.DecideDeletion(in, stage.hook)
	switch {
	case next.Done && next.Phase == v1alpha1.OperationSucceeded:
		return a.Catalog.RemoveFinalizer(ctx, app, stage.finalizer)
	case next.Done:
		return a.deletionBlocked(ctx, app, problem.New(problem.Conflict, "%s", next.Message).WithHint("to run the hooks anew, delete what they left; %s", wayOut))
	case next.Waiting != "":
		st.parting.wait = next.Wait
		return a.deletionBlocked(ctx, app, problem.New(problem.Conflict, "%s", next.Message))
	}
	a.queue.addAfter(nameOf(app), releaseLookAfter, cause{}) // an event wakes us sooner
	if err := a.performDeletion(ctx, app, st, v, next.Steps); err != nil {
		return a.deletionBlocked(ctx, app, err)
	}
	return nil
}

// parting is what a deletion with hooks remembers between two looks; losing it costs a render.
type parting struct {
	complete *complete
	commits  []string
	wait     plan.Wait
}

// desiredForDeletion finds out which hooks the application has: those that it showed last, else those of a new render.
func (a *Apps) desiredForDeletion(ctx context.Context, app *v1alpha1.Application, st *state, v *view) error {
	if st.parting == nil {
		p := &parting{}
		if last := st.view; last != nil && last.complete != nil && last.spec.hash == v.spec.hash {
			p.complete, p.commits = last.complete, last.commits
		} else {
			if err := a.desired(ctx, app, v, nil, cause{}); err != nil {
				return err
			}
			p.complete, p.commits = v.complete, v.commits
		}
		st.parting = p
	}
	v.complete, v.commits = st.parting.complete, st.parting.commits
	return nil
}

// deletionInput is what the plan of a deletion's hooks decides on. Its run is the deletion: the same for every process.
func (a *Apps) deletionInput(ctx context.Context, app *v1alpha1.Application, v *view, st *state, h v1alpha1.HookType) (plan.Input, error) {
	settings := a.Catalog.Settings()
	in := plan.Input{
		Desired: v.complete.objects, Live: map[object.Key]*object.Object{}, Refused: map[object.Key]string{}, DryRan: true,
		Options: plan.ParseOptions(optionsOf(app, &v1alpha1.SyncOperation{})),
		Health:  func(o *object.Object) plan.Health { return a.planHealth(ctx, o, v) },
		Known:   func(object.Key) bool { return true },
		Run:     plan.HookRun{Revision: string(app.UID), Started: app.DeletionTimestamp.Unix(), ID: object.Hash([]any{app.UID, app.DeletionTimestamp})[:16]},
		Waits:   plan.Patience{Now: time.Now(), Hook: settings.HookTimeout, Wave: settings.WaveTimeout, Subject: st.parting.wait.Subject, Since: st.parting.wait.Since},
	}
	permit := a.permit(v)
	for _, key := range in.DeletionHookKeys(h) {
		live, err := v.cluster.Whole(ctx, key) // it may be of a kind that nobody tracked since the start
		switch {
		case err == nil:
			in.Live[key] = live
		case !problem.Is(err, problem.NotFound):
			return in, err // not to have seen it is not to know that it never ran
		}
		if err := permit(key); err != nil {
			in.Refused[key] = err.Error()
		}
	}
	return in, nil
}

// performDeletion does the steps one after the other; what fails is looked at again.
func (a *Apps) performDeletion(ctx context.Context, app *v1alpha1.Application, st *state, v *view, steps []plan.Step) error {
	w := a.writer(v)
	for _, s := range steps {
		var err error
		switch s.Action {
		case plan.Release:
			err = a.releaseHook(ctx, w, v, s)
		case plan.Run:
			_, err = a.runHook(ctx, w, v, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
