package reconcile

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/problem"
)

// decideRollout asks for the next move of a set's rollout, on what its applications are after the set has done its part.
func (a *Apps) decideRollout(set *v1alpha1.ApplicationSet, m *made, r setReport) (*appset.RolloutDecision, error) {
	in := appset.RolloutInput{Set: set, Wanted: m.wanted, Live: r.apps, Unlike: r.unlike, Commits: map[string][]string{}, Prune: m.prune, Now: time.Now()}
	for name, app := range r.apps {
		in.Commits[name] = a.leadsTo(app)
	}
	d, err := appset.Roll(in)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// leadsTo are the commits that the sources of an application lead to, as far as is known without asking anybody: the
// application may have been compared before the last push. What is no Git, or not known, is left out.
func (a *Apps) leadsTo(app *v1alpha1.Application) []string {
	var commits []string
	for _, s := range app.Spec.SourceList() {
		commit := ""
		if s.Chart == "" {
			record := a.Catalog.RepositoryFor(s.RepoURL, app.Spec.ProjectName())
			if refs, ok := a.Git.Known(repository(record).URL); ok && onlyGit(record) == nil {
				commit, _ = refs.Resolve(cmp.Or(s.TargetRevision, "HEAD"))
			}
		}
		if !fullID(commit) { // a shortened id, for one
			commit = ""
		}
		commits = append(commits, commit)
	}
	return commits
}

func fullID(s string) bool { return len(s) == 40 || len(s) == 64 }

// rolled writes what was decided into a set's status: before anything is asked for, so that a restart knows.
func (r setReport) rolled(s *v1alpha1.ApplicationSet, now metav1.Time) {
	if !appset.IsRolling(s) {
		s.Status.ApplicationStatus = nil
		s.Status.Conditions = slices.DeleteFunc(slices.Clone(s.Status.Conditions), func(c v1alpha1.ApplicationSetCondition) bool {
			return c.Type == v1alpha1.AppSetConditionRolloutProgressing || c.Type == v1alpha1.AppSetConditionInvalidRolloutConfig
		})
		return
	}
	if r.rollout == nil {
		return
	}
	s.Status.ApplicationStatus = r.rollout.Status
	for _, c := range r.rollout.Conditions {
		s.Status.Conditions = withCondition(s.Status.Conditions, c, now)
	}
}

// roll asks for the syncs that were decided on, and ends those that were aborted.
func (a *Apps) roll(ctx context.Context, set *v1alpha1.ApplicationSet, r setReport) (err error) {
	for _, name := range r.rollout.Look {
		if app := r.apps[name]; app != nil {
			// any fetch will do, the commit is known; and that nothing but the commit is new must be written, too
			a.queue.add(nameOf(app), relaxed, cause{git: time.Unix(1, 0), owed: true})
		}
	}
	if r.rollout.Again > 0 {
		a.sets.queue.addAfter(keyOfSet(set), r.rollout.Again, cause{})
	}
	for _, s := range r.rollout.Sync {
		_, e := a.Catalog.PatchApplicationExact(ctx, r.apps[s.Application], func(app *v1alpha1.Application) { app.Operation = s.Operation.DeepCopy() })
		if problem.Is(e, problem.Conflict) || problem.Is(e, problem.NotFound) { // it changed meanwhile: the next look decides anew
			a.sets.queue.add(keyOfSet(set), relaxed, cause{})
			continue
		}
		err = errors.Join(err, e)
	}
	for _, name := range r.rollout.Stop {
		_, e := a.Catalog.PatchApplicationExact(ctx, r.apps[name], func(app *v1alpha1.Application) {
			if op := app.Status.OperationState; op != nil && !final(op.Phase) {
				op.Phase = v1alpha1.OperationTerminating
			} else {
				app.Operation = nil
			}
		})
		if !problem.Is(e, problem.Conflict) && !problem.Is(e, problem.NotFound) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// ordersDeletion reports whether a set that is deleted must see its applications off one step after the other.
func ordersDeletion(set *v1alpha1.ApplicationSet) bool {
	p, err := appset.ParseRollout(set)
	return err == nil && p.Reverse
}

// hasFinalizer reports whether a set stays until we let it go.
func hasFinalizer(set *v1alpha1.ApplicationSet) bool {
	return slices.ContainsFunc(set.Finalizers, func(f string) bool { return strings.HasPrefix(f, v1alpha1.FinalizerResources) })
}

// holdOn makes a set wait for us when it is deleted, where the order of the deletion is said.
func (a *Apps) holdOn(ctx context.Context, set *v1alpha1.ApplicationSet) (*v1alpha1.ApplicationSet, error) {
	if !ordersDeletion(set) || hasFinalizer(set) {
		return set, nil
	}
	return a.Catalog.PatchApplicationSet(ctx, set, func(s *v1alpha1.ApplicationSet) {
		s.Finalizers = append(slices.Clone(s.Finalizers), v1alpha1.FinalizerResources)
	})
}

// releaseSet lets a deleted set go. Its applications are Kubernetes' to delete, unless the set says in which order they
// go, or that it deletes none.
func (a *Apps) releaseSet(ctx context.Context, set *v1alpha1.ApplicationSet) error {
	if !hasFinalizer(set) {
		a.forgetSet(keyOfSet(set))
		return nil
	}
	owned, _ := a.ownedBy(set)
	switch {
	case !appset.MayDelete(a.withSettings(set)): // with the owner gone, Kubernetes would
		for _, app := range owned {
			_, err := a.Catalog.PatchApplication(ctx, app, func(n *v1alpha1.Application) {
				n.OwnerReferences = slices.DeleteFunc(slices.Clone(n.OwnerReferences), func(o metav1.OwnerReference) bool { return o.UID == set.UID })
			})
			if problem.Is(err, problem.Conflict) { // the owners are a list, which is sent whole
				a.sets.queue.addAfter(keyOfSet(set), decideAnew, cause{spec: true})
				return nil
			}
			if err != nil && !problem.Is(err, problem.NotFound) {
				return err
			}
		}
	case ordersDeletion(set):
		plan, _ := appset.ParseRollout(set)
		ordered := slices.DeleteFunc(slices.Clone(owned), func(app *v1alpha1.Application) bool { return plan.StepOf(app.Labels) < 0 })
		if len(ordered) > 0 {
			gone := slices.DeleteFunc(slices.Clone(ordered), func(app *v1alpha1.Application) bool { return app.DeletionTimestamp != nil })
			now, _ := appset.DeleteFirst(set, gone, ordered)
			for _, app := range now {
				err := a.Catalog.DropApplication(ctx, app, keepsResources(set))
				if problem.Is(err, problem.Conflict) {
					a.sets.queue.addAfter(keyOfSet(set), decideAnew, cause{spec: true})
					continue
				}
				if err != nil {
					return err
				}
				a.Metrics.setWrote(set, "delete")
			}
			return nil // their end wakes us
		}
	}
	a.forgetSet(keyOfSet(set))
	_, err := a.Catalog.PatchApplicationSet(ctx, set, func(s *v1alpha1.ApplicationSet) {
		s.Finalizers = slices.DeleteFunc(slices.Clone(s.Finalizers), func(f string) bool { return strings.HasPrefix(f, v1alpha1.FinalizerResources) })
	})
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	return err
}
