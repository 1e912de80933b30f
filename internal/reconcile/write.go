package reconcile

import (
	"context"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// write makes live what the step's object says, in the way that its options ask for. With Force, what cannot be
// changed in place is deleted and created anew.
func (a *Apps) write(ctx context.Context, app *v1alpha1.Application, w *cluster.Writer, v *view, s plan.Step) (cluster.Applied, error) {
	live, exists := v.cluster.Get(s.Key)
	validate := !s.Options.SkipValidation
	if holdsOthers(s.Key) {
		s.Options.Force = false
	}
	a.Metrics.request("apply")
	if s.Options.Force && s.Options.Replace && exists && !s.DryRun {
		return a.recreate(ctx, w, live, s)
	}
	var applied cluster.Applied
	var err error
	switch {
	case s.Options.Replace:
		applied, err = w.Put(ctx, cluster.PutRequest{Object: s.Object, Manager: v1alpha1.DefaultFieldManager, DryRun: s.DryRun, Validate: validate, Adjust: a.adjust(ctx, app, v, s)})
	case s.Options.ClientSideApply || exists && turnsToRecreate(s.Object, live):
		applied, err = w.ApplyClientSide(ctx, cluster.ClientSideRequest{Object: s.Object, Manager: v1alpha1.DefaultFieldManager, DryRun: s.DryRun, Validate: validate, Adjust: a.adjust(ctx, app, v, s)})
	default:
		applied, err = a.apply(ctx, app, w, v, s)
		if s.Options.SkipValidation && undeclared(err) {
			applied, err = w.ApplyClientSide(ctx, cluster.ClientSideRequest{Object: s.Object, Manager: v1alpha1.DefaultFieldManager, DryRun: s.DryRun, Adjust: a.adjust(ctx, app, v, s)})
		}
	}
	if !s.Options.Force || !exists || !problem.Is(err, problem.Invalid) {
		return applied, err
	}
	// what the API server refuses to change may be fine as a new object; it is asked before anything is deleted
	if again, anewErr := a.recreate(ctx, w, live, s); !problem.Is(anewErr, problem.Invalid) {
		return again, anewErr
	}
	return applied, err
}

// undeclared reports whether a server-side apply was refused for a field that the kind's schema does not have. Such an
// apply knows no Validate=false; a client-side one does, and drops the field.
func undeclared(err error) bool {
	return problem.Is(err, problem.Invalid) && strings.Contains(err.Error(), "field not declared in schema")
}

// holdsOthers reports whether deleting the object would delete what it stands for: whoever forces a sync does not mean
// all that is in a namespace, all objects of a kind, or all that an application deployed. (Argo CD spares the first two.)
func holdsOthers(key object.Key) bool {
	return key.Kind == "Namespace" && key.Group == "" || key.Kind == "CustomResourceDefinition" || key.Group == v1alpha1.Group
}

func (a *Apps) recreate(ctx context.Context, w *cluster.Writer, live *object.Object, s plan.Step) (cluster.Applied, error) {
	return w.Recreate(ctx, cluster.RecreateRequest{Object: s.Object, UID: live.GetUID(), Manager: v1alpha1.DefaultFieldManager, DryRun: s.DryRun, Validate: !s.Options.SkipValidation, ClientSide: s.Options.ClientSideApply})
}

// adjust leaves fields as they are live: ignored ones, when RespectIgnoreDifferences asks for it, and those that are
// given up to another manager. It is nil when there are none.
func (a *Apps) adjust(ctx context.Context, app *v1alpha1.Application, v *view, s plan.Step) cluster.Adjust {
	list := v.leave
	if s.Options.RespectIgnoreDifferences {
		list = append(slices.Clone(list), a.ignoreRules(app)...)
	}
	rules, err := diff.ParseRules(list)
	if err == nil && rules.Select(s.Key).Empty() {
		return nil
	}
	return func(desired, live *object.Object) (*object.Object, error) {
		switch {
		case err != nil:
			return nil, err
		case live == nil:
			return desired, nil
		case s.Options.Replace || s.Options.ClientSideApply:
			return diff.RespectWhole(ctx, desired, live, rules.Select(s.Key))
		}
		return diff.Respect(ctx, desired, live, v1alpha1.DefaultFieldManager, rules.Select(s.Key))
	}
}

// apply applies the step's object on the server's side, and takes over what others own of it. A controller that writes
// its status between our look and our write makes the take-over stale, not wrong: it is worked out again.
func (a *Apps) apply(ctx context.Context, app *v1alpha1.Application, w *cluster.Writer, v *view, s plan.Step) (cluster.Applied, error) {
	request := cluster.ApplyRequest{Object: s.Object, DryRun: s.DryRun, Manager: v1alpha1.DefaultFieldManager, Validate: !s.Options.SkipValidation, Adjust: a.adjust(ctx, app, v, s)}
	live, known := v.cluster.Get(s.Key)
	for attempt := 1; ; attempt++ {
		if v.objects[s.Key] != nil && known && !s.DryRun {
			rules, _ := diff.ParseRules(a.ignoreRules(app)) // a bad rule has already made the object Unknown
			people := a.Catalog.Settings().DriftAdditions
			request.ManagedFields, request.LiveVersion = nil, ""
			if entries, needed, err := diff.Takeover(ctx, live, v1alpha1.DefaultFieldManager, people, rules.Select(s.Key)); err == nil && needed {
				request.ManagedFields, request.LiveVersion = entries, live.GetResourceVersion()
			}
		}
		applied, err := w.Apply(ctx, request)
		if request.ManagedFields == nil || attempt == takeoverAttempts || !problem.Is(err, problem.Conflict) {
			return applied, err
		}
		fresh, fetchErr := v.cluster.Fetch(ctx, s.Key, s.Object.GroupVersionKind().Version)
		if fetchErr != nil {
			return applied, err
		}
		live = fresh
	}
}

// turnsToRecreate reports whether a Deployment turns from a rolling update to Recreate. The settings of the rolling
// update were filled in by the API server, so that nobody owns them and a server-side apply does not remove them, and
// both together are refused. A client-side apply removes them.
func turnsToRecreate(desired, live *object.Object) bool {
	if desired.GetKind() != "Deployment" || desired.GroupVersionKind().Group != "apps" {
		return false
	}
	strategy, _, _ := unstructured.NestedString(desired.Object, "spec", "strategy", "type")
	_, rolling, _ := unstructured.NestedMap(live.Object, "spec", "strategy", "rollingUpdate")
	return strategy == "Recreate" && rolling
}
