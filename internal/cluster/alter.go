package cluster

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

// AlterRequest changes parts of a live object, and creates others, as somebody finds right who has looked at it.
type AlterRequest struct {
	Key     object.Key
	Version string    // API version that Decide sees; empty: the preferred one
	UID     types.UID // of the object meant; required
	Manager string
	// Decide is given the live object as the server has it at that moment, secrets in plain text. It must keep nothing.
	// It is asked again when the object changes before the patch arrives.
	Decide func(live *object.Object) (Alteration, error)
}

// Alteration is what is to be written.
type Alteration struct {
	// Patch and Status are JSON merge patches of the object and of its status. Where a kind has no status subresource
	// the second is one of the object, too.
	Patch, Status map[string]any
	Create        []*object.Object
}

// Alter does what Decide says. The first patch counts only if the object is still as Decide saw it; before anything is
// written the server is asked whether it would take all that is to be created. It returns what was created.
func (w *Writer) Alter(ctx context.Context, r AlterRequest) (created []object.Key, err error) {
	t, err := named(w.target(ctx, r.Key, r.Version))
	if err != nil {
		return nil, err
	}
	if r.UID == "" {
		return nil, problem.New(problem.Invalid, "alter %s: without the UID of the object meant, nothing is written", describe(t.key))
	}
	var decided Alteration
	for range conflictTries {
		var version string
		if decided, version, err = w.decide(ctx, t, r); err == nil {
			err = w.alter(ctx, t, r, version, decided)
		}
		if !problem.Is(err, problem.Conflict) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	for _, o := range decided.Create {
		a, err := w.Create(ctx, CreateRequest{Object: o, Manager: r.Manager})
		if err != nil {
			return created, err
		}
		created = append(created, object.KeyOf(a.Object))
	}
	return created, nil
}

// decide asks what is to be done with the object as it is at the version returned, and whether it can be created.
func (w *Writer) decide(ctx context.Context, t target, r AlterRequest) (a Alteration, version string, err error) {
	live, err := w.c.plain(ctx, t)
	switch {
	case err != nil:
		return a, "", err
	case live == nil || live.GetUID() != r.UID:
		return a, "", problem.New(problem.NotFound, "%s in cluster %s is gone, or another object by now", describe(t.key), w.c.name)
	}
	if a, err = r.Decide(live); err != nil {
		return a, "", err
	}
	for _, o := range a.Create {
		if _, err := w.Create(ctx, CreateRequest{Object: o, Manager: r.Manager, DryRun: true}); err != nil {
			if problem.Is(err, problem.Conflict) { // it is there already: to look at the object again does not help
				return a, "", problem.Because(problem.Invalid, err, "nothing is written")
			}
			return a, "", err
		}
	}
	return a, live.GetResourceVersion(), nil
}

func (w *Writer) alter(ctx context.Context, t target, r AlterRequest, version string, a Alteration) error {
	as := map[string]any{"resourceVersion": version}
	if len(a.Patch) > 0 {
		if err := w.merge(ctx, t, r, a.Patch, as, false); err != nil {
			return err
		}
		as = map[string]any{"uid": string(r.UID)} // the version is another now, and may be yet another already: its controller is awake
	}
	if len(a.Status) == 0 {
		return nil
	}
	err := w.merge(ctx, t, r, a.Status, as, true)
	if problem.Is(err, problem.NotFound) {
		err = w.merge(ctx, t, r, a.Status, as, false)
	}
	return err
}

// merge sends a merge patch that holds only for the object that as describes.
func (w *Writer) merge(ctx context.Context, t target, r AlterRequest, patch, as map[string]any, status bool) error {
	metadata := maps.Clone(as)
	if wanted, ok := patch["metadata"].(map[string]any); ok {
		metadata = maps.Clone(wanted)
		maps.Copy(metadata, as)
	}
	patch = maps.Clone(patch)
	patch["metadata"] = metadata
	data, err := json.Marshal(patch)
	if err != nil {
		return problem.Because(problem.Invalid, err, "patch %s", describe(t.key))
	}
	_, err = w.Patch(ctx, PatchRequest{Key: r.Key, Version: r.Version, Type: types.MergePatchType, Data: data, Manager: r.Manager, Status: status})
	return err
}
