package reconcile

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// outcome is what came of a batch of steps, besides the journal.
type outcome struct {
	refused []string // why the API server refused, when the steps were the dry run before the sync
	weather string   // why some could not be performed at all just now; they are not in the journal and are due again
	gotOn   bool     // something was noted in the journal
}

// trouble is the weather as an error.
func (o outcome) trouble() error {
	if o.weather == "" {
		return nil
	}
	return problem.New(problem.Unavailable, "%s", o.weather)
}

// perform does the steps side by side and writes what came of them into the journal.
func (a *Apps) perform(ctx context.Context, app *v1alpha1.Application, st *state, v *view, steps []plan.Step) (o outcome) {
	j := st.journal
	w := a.writer(v)
	if leave := st.heals.leave(); len(leave) > 0 && app.Status.OperationState.Operation.InitiatedBy.Automated {
		sparing := *v
		sparing.leave = leave
		v = &sparing
	}
	rehearsal := steps[0].DryRun && !j.dryRan
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallelSteps)
	for _, s := range steps {
		group.Go(func() error {
			entry, said, err := a.step(ctx, app, w, v, s)
			if ctx.Err() != nil {
				return nil // we were stopped: what is not in the journal is decided again
			}
			mu.Lock()
			defer mu.Unlock()
			if problem.Is(err, problem.Unavailable) {
				o.weather = err.Error()
				return nil
			}
			if err != nil {
				entry = plan.Entry{Status: v1alpha1.ResultSyncFailed, Message: err.Error(), Phase: v1alpha1.OperationFailed}
			}
			if entry.Phase == "" {
				return nil
			}
			if rehearsal {
				if entry.Phase == v1alpha1.OperationFailed {
					o.refused = append(o.refused, entry.Message)
					j.put(s.ID(), entry, s.Phase)
				}
				return nil
			}
			j.put(s.ID(), entry, s.Phase)
			o.gotOn = true
			if said.object != nil {
				st.answers[s.Key] = said
			}
			return nil
		})
	}
	_ = group.Wait()
	if !steps[0].DryRun {
		j.wrote = time.Now()
	}
	if rehearsal {
		j.dryRan = o.weather == "" || len(o.refused) > 0
	}
	slices.Sort(o.refused)
	return o
}

// step performs one step and says how it went, in kubectl's words, and what the API server answered. An entry without a
// phase says that there is nothing to note.
func (a *Apps) step(ctx context.Context, app *v1alpha1.Application, w *cluster.Writer, v *view, s plan.Step) (plan.Entry, answer, error) {
	name := kubectlName(s.Key)
	dry := ""
	if s.DryRun {
		dry = " (dry run)"
	}
	switch s.Action {
	case plan.Run:
		entry, err := a.runHook(ctx, w, v, s)
		return entry, answer{}, err
	case plan.Release:
		err := a.releaseHook(ctx, w, v, s)
		if err != nil { // whatever it is, the operation cannot go on without it, and has nothing to note
			err = problem.Because(problem.Unavailable, err, "let go of the hook %s", s.Key.Short())
		}
		return plan.Entry{}, answer{}, err
	case plan.Prune:
		entry, err := a.prune(ctx, app, w, v, s)
		entry.Message += dry
		return entry, answer{}, err
	}
	if made, err := a.makeHome(ctx, app, w, v, s); err != nil || made.Phase != "" {
		return made, answer{}, err
	}
	applied, err := a.write(ctx, app, w, v, s)
	if err != nil {
		return plan.Entry{}, answer{}, err
	}
	word := applied.Result
	if s.Options.ServerSideApply {
		word = "serverside-applied"
	}
	said := answer{wantHash: object.Hash(s.Object.Object), object: applied.Object}
	if s.DryRun || v.leaves(s.Key) { // an answer with another's value in it must not become what Git is taken for
		said = answer{}
	}
	return plan.Entry{Status: v1alpha1.ResultSynced, Message: name + " " + word + dry, Phase: v1alpha1.OperationRunning}, said, nil
}

// prune deletes the step's object as it was when it was seen to be ours. When it has changed since, it is looked at
// again: another application may just have taken it over.
func (a *Apps) prune(ctx context.Context, app *v1alpha1.Application, w *cluster.Writer, v *view, s plan.Step) (plan.Entry, error) {
	live, known := v.cluster.Get(s.Key)
	if !known || live.GetUID() != s.Object.GetUID() {
		live = s.Object
	}
	pruned := plan.Entry{Status: v1alpha1.ResultPruned, Message: "pruned", Phase: v1alpha1.OperationSucceeded}
	for attempt := 1; ; attempt++ {
		if a.Catalog.Settings().Tracking.Owner(live) != a.instance(app) {
			return plan.Entry{Status: v1alpha1.ResultPruneSkipped, Message: "ignored (it does not carry this application's mark any more)", Phase: v1alpha1.OperationSucceeded}, nil
		}
		err := w.Delete(ctx, cluster.DeleteRequest{Key: s.Key, UID: s.Object.GetUID(), ResourceVersion: live.GetResourceVersion(), Propagation: s.Options.Propagation, DryRun: s.DryRun})
		a.Metrics.request("delete")
		if err == nil || problem.Is(err, problem.NotFound) {
			return pruned, nil
		}
		fresh, readErr := v.cluster.Fetch(ctx, s.Key, "")
		switch {
		case problem.Is(readErr, problem.NotFound):
			return pruned, nil
		case problem.Is(readErr, problem.Unavailable): // whose it is by now is not known
			return plan.Entry{}, readErr
		case !problem.Is(err, problem.Conflict) || readErr != nil || fresh.GetUID() != s.Object.GetUID() || attempt == takeoverAttempts:
			return plan.Entry{}, err
		}
		live = fresh
	}
}

// runHook creates a hook's object. It is marked with its run, so that one that is there already tells whose it is.
func (a *Apps) runHook(ctx context.Context, w *cluster.Writer, v *view, s plan.Step) (plan.Entry, error) {
	created := plan.Entry{Status: v1alpha1.ResultSynced, Message: kubectlName(s.Key) + " created", Phase: v1alpha1.OperationRunning}
	var err error
	if s.Over {
		_, err = w.Apply(ctx, cluster.ApplyRequest{Object: s.Object, DryRun: s.DryRun, Manager: v1alpha1.DefaultFieldManager, Validate: !s.Options.SkipValidation})
		created.Message = kubectlName(s.Key) + " configured"
	} else {
		_, err = w.Create(ctx, cluster.CreateRequest{Object: s.Object, DryRun: s.DryRun, Manager: v1alpha1.DefaultFieldManager, Validate: !s.Options.SkipValidation})
	}
	a.Metrics.request("create")
	if problem.Is(err, problem.Conflict) || problem.Is(err, problem.Unavailable) { // it may be there: look before anything is repeated
		there, readErr := v.cluster.Whole(ctx, s.Key)
		switch {
		case readErr == nil && there.GetAnnotations()[plan.AnnotationRun] == s.Object.GetAnnotations()[plan.AnnotationRun]:
			err = nil
		case readErr == nil && s.DryRun: // it would be deleted first; the server finds everything else in order before it says so
			err = nil
		case readErr == nil && !s.Over:
			return plan.Entry{}, nil // of an earlier run, and not in our index when this was decided
		case problem.Is(readErr, problem.Unavailable):
			err = readErr // it may be this run's: no reason to call it failed
		}
	}
	if err != nil {
		return plan.Entry{}, err
	}
	return created, nil
}

// releaseHook deletes a hook's object if it is to go, and takes our finalizer off it.
func (a *Apps) releaseHook(ctx context.Context, w *cluster.Writer, v *view, s plan.Step) error {
	live, fresh := s.Object, false
	if s.Delete && live.GetDeletionTimestamp() == nil {
		err := w.Delete(ctx, cluster.DeleteRequest{Key: s.Key, UID: live.GetUID(), Propagation: metav1.DeletePropagationBackground})
		a.Metrics.request("delete")
		if problem.Is(err, problem.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		fresh = true // it has another version now
	}
	ours := func(f string) bool { return f == v1alpha1.FinalizerHook }
	for attempt := 1; slices.ContainsFunc(live.GetFinalizers(), ours); attempt++ {
		if fresh {
			now, err := v.cluster.Fetch(ctx, s.Key, "")
			if problem.Is(err, problem.NotFound) || err == nil && now.GetUID() != s.Object.GetUID() {
				return nil
			}
			if err != nil {
				return err
			}
			live = now
		}
		// at that version: the list is sent whole, and another's finalizer set meanwhile must not be lost
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": live.GetUID(), "resourceVersion": live.GetResourceVersion(),
			"finalizers": slices.DeleteFunc(slices.Clone(live.GetFinalizers()), ours)}})
		if err != nil {
			return err
		}
		_, err = w.Patch(ctx, cluster.PatchRequest{Key: s.Key, Type: types.MergePatchType, Data: patch, Manager: v1alpha1.DefaultFieldManager + "-hooks"})
		a.Metrics.request("patch")
		switch {
		case problem.Is(err, problem.NotFound):
			return nil
		case !problem.Is(err, problem.Conflict) || attempt == takeoverAttempts:
			return err
		}
		fresh = true
	}
	return nil
}

// writer is the only way to the cluster for this application: what its project does not permit does not leave us, and
// nothing does once another replica may lead.
func (a *Apps) writer(v *view) *cluster.Writer {
	permit := a.permit(v)
	account, nobody := a.account(v)
	return v.cluster.Writer(func(key object.Key) error {
		if err := a.leading(); err != nil {
			return err
		}
		if err := permit(key); err != nil {
			return err
		}
		return nobody
	}).As(account)
}

// kubectlName is kind.group/name, as kubectl prints it.
func kubectlName(k object.Key) string {
	kind := strings.ToLower(k.Kind)
	if k.Group != "" {
		kind += "." + k.Group
	}
	return kind + "/" + k.Name
}
