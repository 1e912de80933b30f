package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Replaced is the result of Put on an object that was there, in kubectl's word; it says nothing about a difference.
const Replaced = "replaced"

const (
	goneWithin    = 30 * time.Second // a deletion that somebody's finalizer does not hold takes a second or two
	conflictTries = 5                // as often as kubectl
)

// PutRequest makes an object what the request says and nothing else (the sync option Replace=true).
type PutRequest struct {
	Object           *object.Object
	Manager          string
	DryRun, Validate bool
	Adjust           Adjust
}

// Put replaces the live object, or creates it when there is none; Result is Created or Replaced. What the object does
// not say is gone afterwards, whoever wrote it, except finalizers where it has none: they guard something.
func (w *Writer) Put(ctx context.Context, r PutRequest) (Applied, error) {
	t, err := named(w.target(ctx, object.KeyOf(r.Object), r.Object.GroupVersionKind().Version))
	if err != nil {
		return Applied{}, err
	}
	return again(func() (Applied, error) { return w.put(ctx, t, r) })
}

// again does a read and the write that follows from it anew while somebody else writes in between: what is refused with
// a conflict was not written.
func again(once func() (Applied, error)) (a Applied, err error) {
	for range conflictTries {
		if a, err = once(); !problem.Is(err, problem.Conflict) {
			break
		}
	}
	return a, err
}

func (w *Writer) put(ctx context.Context, t target, r PutRequest) (Applied, error) {
	live, err := w.c.plain(ctx, t)
	if err != nil {
		return Applied{}, err
	}
	o := object.FoldStringData(r.Object)
	if r.Adjust != nil {
		if o, err = r.Adjust(o, live); err != nil {
			problem.Wrap(&err, "prepare %s", describe(t.key))
			return Applied{}, err
		}
	}
	if live == nil {
		return w.Create(ctx, CreateRequest{Object: o, Manager: r.Manager, DryRun: r.DryRun, Validate: r.Validate})
	}
	if len(o.GetFinalizers()) == 0 && len(live.GetFinalizers()) > 0 {
		o = o.DeepCopy()
		o.SetFinalizers(live.GetFinalizers())
	}
	a, err := w.Replace(ctx, ReplaceRequest{Object: o, LiveVersion: live.GetResourceVersion(), Manager: r.Manager, DryRun: r.DryRun, Validate: r.Validate})
	if err == nil {
		a.Result = Replaced
	}
	return a, err
}

// RecreateRequest deletes an object and creates it anew (the sync option Force=true, for a change that the server
// refuses on an existing object).
type RecreateRequest struct {
	Object           *object.Object
	UID              types.UID // of the live object meant; required
	Manager          string
	DryRun, Validate bool
	ClientSide       bool          // create it as ApplyClientSide does
	Wait             time.Duration // how long the deletion may take; 0: 30 s
}

// Recreate deletes the live object, its dependents before it, waits until it is gone, and applies the object. Before
// anything is deleted the server is asked whether it would take the object as a new one, so that a plain mistake in
// the manifest costs nothing. Result is Created.
//
// It can be repeated: on an object that is being deleted already it goes on waiting. A finalizer that outlasts the
// wait is problem.Unavailable and names it; by then the deletion is under way. Conflict means that another object bears
// the name by now. After a crash between deletion and creation the object is missing, and any apply creates it.
func (w *Writer) Recreate(ctx context.Context, r RecreateRequest) (Applied, error) {
	t, err := named(w.target(ctx, object.KeyOf(r.Object), r.Object.GroupVersionKind().Version))
	if err != nil {
		return Applied{}, err
	}
	if r.UID == "" {
		return Applied{}, problem.New(problem.Invalid, "recreate %s: without the UID of the object meant, nothing is deleted", describe(t.key))
	}
	// A create of an object that exists is refused as the very last check, after validation and admission. A quota that
	// is used up refuses it too: better that than to find out when the old one is gone.
	_, err = w.Create(ctx, CreateRequest{Object: object.FoldStringData(r.Object), Manager: r.Manager, DryRun: true, Validate: r.Validate})
	if err != nil && !exists(err) {
		return Applied{}, err
	}
	err = w.Delete(ctx, DeleteRequest{Key: t.key, UID: r.UID, Propagation: metav1.DeletePropagationForeground, DryRun: r.DryRun})
	if err != nil && !problem.Is(err, problem.NotFound) {
		return Applied{}, err
	}
	if r.DryRun {
		return Applied{Object: w.c.masker.Mask(payload(r.Object, t)), Result: Created}, nil
	}
	if err := w.gone(ctx, t, r); err != nil {
		return Applied{}, err
	}
	if r.ClientSide {
		return w.ApplyClientSide(ctx, ClientSideRequest{Object: r.Object, Manager: r.Manager, Validate: r.Validate})
	}
	return w.Apply(ctx, ApplyRequest{Object: r.Object, Manager: r.Manager, Validate: r.Validate})
}

// gone waits until the object with that UID is not there any more.
func (w *Writer) gone(ctx context.Context, t target, r RecreateRequest) error {
	within := r.Wait
	if within <= 0 {
		within = goneWithin
	}
	began := time.Now()
	pause := wait.Backoff{Duration: 50 * time.Millisecond, Factor: 1.5, Steps: 100, Cap: time.Second}
	for {
		live, err := w.c.fetch(ctx, t)
		switch {
		case problem.Is(err, problem.NotFound):
			return nil
		case err != nil:
			return err
		case live.GetUID() != r.UID: // its controller, or somebody else, was faster
			return nil
		case time.Since(began) >= within:
			return problem.New(problem.Unavailable, "recreate %s: it is still being deleted after %s%s", describe(t.key), within, heldBy(live)).
				WithHint("the deletion goes on; the next sync goes on from there")
		}
		timer := time.NewTimer(pause.Step())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return problem.Because(problem.Unavailable, ctx.Err(), "recreate %s: wait until the old one is gone", describe(t.key))
		}
	}
}

func heldBy(live *object.Object) string {
	switch f := live.GetFinalizers(); {
	case len(f) == 1 && f[0] == metav1.FinalizerDeleteDependents:
		return ", until what it owns is gone"
	case len(f) > 0:
		return fmt.Sprintf(", held by the finalizers %s", strings.Join(f, ", "))
	}
	return ""
}
