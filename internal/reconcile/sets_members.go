package reconcile

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// followMembers wakes sets when their applications change, statuses included: Subscribe leaves those out that we wrote
// ourselves. It ends with ctx.
func (a *Apps) followMembers(ctx context.Context) {
	for ctx.Err() == nil {
		w := a.Catalog.WatchApplications("")
		for {
			events, err := w.Next(ctx)
			if err != nil {
				w.Close()
				if !problem.Is(err, problem.Limit) { // we end, or the catalog does
					return
				}
				break // so slow that deletions are forgotten: all anew
			}
			for _, e := range events {
				a.memberChanged(e)
			}
		}
		a.sets.mu.Lock()
		clear(a.sets.shown)
		a.sets.mu.Unlock()
	}
}

// shown is what a set was last told of an application.
type shown struct {
	set  types.NamespacedName
	text string
}

// memberChanged wakes the set that owns an application, when something about it changed that sets show or go by; when
// one is gone, also the sets that would have one of its name, and could not.
func (a *Apps) memberChanged(e catalog.WatchEvent[*v1alpha1.Application]) {
	app, name := e.Object, nameOf(e.Object)
	a.sets.mu.Lock()
	defer a.sets.mu.Unlock()
	before, known := a.sets.shown[name]
	var now shown
	if owner := metav1.GetControllerOf(app); owner != nil && owner.Kind == v1alpha1.KindApplicationSet {
		now.set = types.NamespacedName{Namespace: app.Namespace, Name: owner.Name}
	}
	switch {
	case e.Type == catalog.Deleted:
		delete(a.sets.shown, name)
		a.sets.forges.tell(name, "")
		for key, state := range a.sets.states {
			if key != now.set && key.Namespace == name.Namespace && state.wants(name.Name) {
				a.wakeSet(key)
			}
		}
	case now.set.Name == "": // nobody's, now
		delete(a.sets.shown, name)
	default:
		if now.text = shownOf(app); known && before == now {
			return
		}
		a.sets.shown[name] = now
	}
	if known && before.set != now.set {
		a.wakeSet(before.set)
	}
	if now.set.Name != "" {
		a.wakeSet(now.set)
	}
}

// wakeSet asks for a look soon. A set whose looks take long, for it has many applications that all change, is looked at
// for a part of the time only. sets.mu is held.
func (a *Apps) wakeSet(key types.NamespacedName) {
	pause := 20 * time.Millisecond
	if state := a.sets.states[key]; state != nil {
		pause = min(max(pause, 4*state.took), 2*time.Second)
	}
	a.sets.queue.addAfter(key, pause, cause{})
}

func (s *setState) wants(name string) bool {
	if s.made == nil {
		return false
	}
	for _, app := range s.made.wanted {
		if app.Name == name {
			return true
		}
	}
	return false
}

// shownOf is what of an application a set shows or goes by.
func shownOf(app *v1alpha1.Application) string {
	s, phase := app.Status, v1alpha1.OperationPhase("")
	if s.OperationState != nil {
		phase = s.OperationState.Phase
	}
	return fmt.Sprintln(app.UID, app.DeletionTimestamp != nil, s.Sync.Status, s.Sync.Revision, s.Sync.Revisions, s.Health.Status, s.Health.Message,
		app.Operation != nil, phase, object.Hash(app.Spec), object.Hash(s.Sync.ComparedTo), app.Labels, app.Annotations, app.Finalizers)
}
