package reconcile

import (
	"context"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
)

// planInput gathers what the plan decides on.
func (a *Apps) planInput(ctx context.Context, app *v1alpha1.Application, v *view, j *journal) plan.Input {
	op := app.Status.OperationState.Operation
	options := plan.ParseOptions(optionsOf(app, op.Sync))
	options.Force = options.Force || forced(op.Sync.SyncStrategy)
	options.DeletionApproved = deletionApproved(app, app.Status.OperationState.StartedAt)
	settings := a.Catalog.Settings()
	in := plan.Input{
		Desired: v.complete.objects, Live: map[object.Key]*object.Object{}, Journal: j.entries, DryRan: j.dryRan,
		Sync: *op.Sync, Options: options, Changed: map[object.Key]bool{}, Skipped: map[object.Key]string{}, Refused: map[object.Key]string{},
		Settled: map[object.Key]string{}, Agreed: map[object.Key]bool{},
		Health: func(o *object.Object) plan.Health { return a.planHealth(ctx, o, v) },
		Known:  func(k object.Key) bool { _, ok := v.cluster.Kind(k.GroupKind()); return ok },
		Prune:  a.provePrune(app, v, op.InitiatedBy.Automated).Keep,
		Helm:   a.helmStage(app),
		Waits: plan.Patience{Now: time.Now(), Hook: settings.HookTimeout, Wave: settings.WaveTimeout, Delay: settings.WaveDelay,
			Written: j.wrote, Subject: j.wait.Subject, Since: j.wait.Since},
	}
	for key, c := range v.objects {
		if live, ok := v.cluster.Get(key); ok {
			in.Live[key] = live
		}
		in.Changed[key] = c.status != v1alpha1.SyncStatusSynced
		in.Agreed[key] = c.predicted != nil && c.live != nil && c.err == nil
		// whoever asks for a sync means every object; what we do by ourselves need not repeat what the object itself proves
		if _, done := j.entries[plan.ID{Key: key}]; !done && op.InitiatedBy.Automated && c.status == v1alpha1.SyncStatusSynced && in.Live[key] != nil && settled(v.cluster.Mask(c.want), in.Live[key]) {
			in.Settled[key] = kubectlName(key) + " unchanged"
			if options.With(c.want).ServerSideApply {
				in.Settled[key] = kubectlName(key) + " serverside-applied"
			}
		}
		if c.foreign != "" {
			in.Skipped[key] = key.Short() + sharedWith + c.foreign
		}
		if c.refused != "" {
			in.Refused[key] = c.refused
		}
	}
	for key, c := range v.extras {
		if live, ok := v.cluster.Get(key); ok {
			in.Live[key] = live
		} else if _, done := j.entries[plan.ID{Key: key}]; !done {
			in.Live[key] = c.live
		}
	}
	state := app.Status.OperationState
	in.Run = plan.HookRun{Started: state.StartedAt.Unix(), ID: object.Hash([]any{app.UID, state.StartedAt, state.Operation, state.RetryCount})[:16]}
	if len(v.commits) > 0 {
		in.Run.Revision = v.commits[0]
	}
	permit := a.permit(v)
	for _, key := range in.HookKeys() {
		if live, ok := v.cluster.Get(key); ok {
			in.Live[key] = live
		}
		if err := permit(key); err != nil {
			in.Refused[key] = err.Error()
		}
	}
	if _, own := a.homeFor(app); own || options.CreateNamespace {
		in.Ensure = a.namespaceToEnsure(app, v)
	}
	in.First = homeKeys(app, v)
	if in.Ensure != nil { // that the destination is permitted does not say that a Namespace is (Argo CD's rule)
		key := object.KeyOf(in.Ensure)
		if err := permit(key); err != nil {
			in.Refused[key] = err.Error()
		}
	}
	a.lookFor(ctx, v, &in)
	return in
}

// helmStage says whether a sync installs or upgrades, to Helm's hooks: the first success ends the installation.
func (a *Apps) helmStage(app *v1alpha1.Application) plan.HelmStage {
	switch {
	case !a.Catalog.Settings().HelmStages:
		return plan.HelmAny
	case len(app.Status.History) > 0 || app.Annotations[annotationInstalled] != "":
		return plan.HelmUpgrade
	}
	return plan.HelmInstall
}

// lookFor asks the API server about what was applied and the index does not have: it may be out of the watches' reach,
// or gone again, and then nothing will ever tell of its health.
func (a *Apps) lookFor(ctx context.Context, v *view, in *plan.Input) {
	in.Gone = map[object.Key]bool{}
	for id, e := range in.Journal {
		if id.Hook != "" || e.Status != v1alpha1.ResultSynced || e.Phase != v1alpha1.OperationRunning || in.Live[id.Key] != nil || in.Sync.DryRun || v.objects[id.Key] == nil {
			continue
		}
		live, err := v.cluster.Fetch(ctx, id.Key, "")
		if err == nil {
			in.Live[id.Key] = live
		}
		in.Gone[id.Key] = problem.Is(err, problem.NotFound) && v.cluster.KindErr(id.Key.GroupKind()) == nil
	}
}

// lookForHooks asks the API server about running hooks that the index does not have: a watch that is not up is no proof
// that somebody deleted them.
func (a *Apps) lookForHooks(ctx context.Context, v *view, in *plan.Input) error {
	for id, e := range in.Journal {
		if id.Hook == "" || e.Phase != v1alpha1.OperationRunning || in.Live[id.Key] != nil || in.Sync.DryRun {
			continue
		}
		live, err := v.cluster.Whole(ctx, id.Key)
		switch {
		case err == nil:
			in.Live[id.Key] = live
		case !problem.Is(err, problem.NotFound):
			return err
		}
	}
	return nil
}

// forced reports whether the operation's strategy asks for deleting and creating anew (`argocd app sync --force`).
func forced(s *v1alpha1.SyncStrategy) bool {
	return s != nil && (s.Apply != nil && s.Apply.Force || s.Hook != nil && s.Hook.Force)
}

func optionsOf(app *v1alpha1.Application, sync *v1alpha1.SyncOperation) []string {
	var list []string
	if app.Spec.SyncPolicy != nil {
		list = append(list, app.Spec.SyncPolicy.SyncOptions...)
	}
	return append(list, sync.SyncOptions...)
}

// namespaceToEnsure is the destination namespace when nothing in the source defines it and it lacks something.
func (a *Apps) namespaceToEnsure(app *v1alpha1.Application, v *view) *object.Object {
	name := v.spec.destination.Namespace
	key := object.Key{Kind: "Namespace", Name: name}
	if name == "" || v.objects[key] != nil {
		return nil
	}
	ns := &object.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	ns.SetName(name)
	var managed *v1alpha1.ManagedNamespaceMetadata
	if app.Spec.SyncPolicy != nil { // the option may come from the operation alone
		managed = app.Spec.SyncPolicy.ManagedNamespaceMetadata
	}
	if managed != nil {
		ns.SetLabels(managed.Labels)
		ns.SetAnnotations(managed.Annotations)
	} else if _, exists := v.cluster.Get(key); exists && !a.unmarked(app, v, key) {
		return nil
	}
	return ns
}
