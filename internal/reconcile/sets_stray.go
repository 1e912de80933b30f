package reconcile

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
)

// An Application takes its home with it (leaveHome). What is left over nonetheless is swept up here: its finalizer was
// removed by hand while we were down, several applications shared it, hooks had to run in it last. Applications whose set
// or pull request went meanwhile need no sweep: Kubernetes deletes those of a set, and a set that is evaluated asks for
// the others no more.

// sweepEvery bounds how often homes are looked through.
const sweepEvery = 30 * time.Second

// sweepHomes deletes the namespaces of previews that are left over, until ctx ends.
func (a *Apps) sweepHomes(ctx context.Context) {
	since := map[strayKey]time.Time{}
	for {
		pause := min(max(a.Catalog.Settings().SetDoubt/2, 500*time.Millisecond), sweepEvery)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			a.sweepSafely(ctx, since)
		}
	}
}

type strayKey struct {
	server string
	uid    types.UID
}

func (a *Apps) sweepSafely(ctx context.Context, since map[strayKey]time.Time) {
	defer func() {
		if r := recover(); r != nil {
			a.Metrics.panics.Inc()
			a.Log.Error("look for left-over namespaces failed", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	seen := map[strayKey]bool{}
	by := a.installation()
	for _, c := range a.Fleet.Clusters() {
		if !readWhole(ctx, c) { // what is not seen there is not gone: its clocks stand still
			for key := range since {
				seen[key] = seen[key] || key.server == c.Server()
			}
			continue
		}
		for _, ns := range c.OfKind(namespaces) {
			home, ok := appset.HomeOf(ns.GetLabels(), ns.GetAnnotations())
			if !ok || ns.GetDeletionTimestamp() != nil {
				continue
			}
			key := strayKey{c.Server(), ns.GetUID()}
			stray := a.strayOf(c, ns.GetName(), home, by, since[key])
			if stray.Lives != "" {
				continue
			}
			if seen[key] = true; since[key].IsZero() {
				since[key] = time.Now()
			}
			if why := stray.Keeps(); why != "" {
				a.Log.Debug("the namespace of a preview stays", "namespace", ns.GetName(), "cluster", c.Name(), "reason", why)
				continue
			}
			if err := a.sweepHome(ctx, c, ns.GetName(), home, stray.Set); err != nil && ctx.Err() == nil {
				a.Log.Warn("the namespace of a preview is left over, and cannot be deleted", "namespace", ns.GetName(), "cluster", c.Name(), "error", err)
			}
			since[key] = time.Now()
		}
	}
	for key := range since {
		if !seen[key] {
			delete(since, key)
		}
	}
}

var namespaces = schema.GroupKind{Kind: "Namespace"}

// readWhole reports whether all that is to be seen of a cluster is.
func readWhole(ctx context.Context, c *cluster.Cluster) bool {
	moment, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return c.Unreachable() == nil && c.KindErr(namespaces) == nil && c.Synced(moment) == nil
}

// strayOf gathers what is known of a home that nobody has had since then.
func (a *Apps) strayOf(c *cluster.Cluster, namespace string, home appset.Home, by string, since time.Time) appset.Stray {
	s := appset.Stray{Home: home, By: by, Patience: a.Catalog.Settings().SetDoubt}
	if !since.IsZero() {
		s.For = time.Since(since)
	}
	set, app := parseName(home.Set), parseName(home.Application)
	s.Seen = a.Catalog.Sees(set.Namespace) && a.Catalog.Sees(app.Namespace)
	for _, other := range a.Catalog.Applications() {
		if other.UID == home.UID || nameOf(other) == app || other.Spec.Destination.Namespace == namespace && a.serverOf(other) == c.Server() {
			s.Lives = nameOf(other).String()
			return s
		}
	}
	tracking, own := a.Catalog.Settings().Tracking, object.Instance(a.Namespace, app.Namespace, app.Name)
	s.Holds = slices.ContainsFunc(c.InNamespace(namespace), func(o *object.Object) bool { return tracking.Owner(o) == own })
	found, err := a.Catalog.ApplicationSet(set)
	switch {
	case problem.Is(err, problem.NotFound):
		return s
	case err != nil || found == nil || found.DeletionTimestamp != nil: // it cannot be understood, or is on its way
		s.Set = &v1alpha1.ApplicationSet{}
		return s
	}
	s.Set = found
	a.sets.mu.Lock()
	state := a.sets.states[set]
	var m *made
	if state != nil && state.made == state.judged {
		m = state.judged
	}
	a.sets.mu.Unlock()
	if m == nil || m.of != versionOfSet(found) {
		return s
	}
	s.Wants = slices.ContainsFunc(m.wanted, func(w *v1alpha1.Application) bool {
		return nameOf(w) == app || w.Spec.Destination.Namespace == namespace // on whichever cluster
	})
	// a list without it may be a bad moment of the forge: it is asked for again, after the time that doubts have
	if s.Sure = m.at.After(since.Add(s.Patience)); !s.Sure && s.For >= s.Patience && !s.Wants {
		a.sets.forges.askAgain(set)
		a.sets.queue.add(set, relaxed, cause{git: time.Now()})
	}
	return s
}

// sweepHome deletes a home as the API server shows it now, with the rights of the project that it was made in.
func (a *Apps) sweepHome(ctx context.Context, c *cluster.Cluster, namespace string, home appset.Home, set *v1alpha1.ApplicationSet) error {
	live, err := c.Whole(ctx, object.Key{Kind: "Namespace", Name: namespace})
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	now, ok := appset.HomeOf(live.GetLabels(), live.GetAnnotations())
	if !ok || now != home || live.GetDeletionTimestamp() != nil {
		return nil
	}
	if !markedHome(live) {
		return problem.New(problem.Forbidden, "its mark was not written by us").WithHint("take the label %s away if it is not a preview's", appset.LabelPreview)
	}
	app := parseName(home.Application)
	if why := a.othersIn(c, c.Server(), namespace, app, plan.ParseOptions(nil)); why != "" {
		return problem.New(problem.Conflict, "%s", why)
	}
	v := &view{server: c.Server(), cluster: c, at: time.Now(), spec: spec{project: home.Project, name: app,
		destination: v1alpha1.ApplicationDestination{Server: c.Server(), Namespace: namespace}}}
	if err := a.deleteHome(ctx, a.writer(v), live); err != nil {
		return err
	}
	a.Log.Info("the namespace of a preview was left over, and is deleted", "namespace", namespace, "cluster", c.Name(), "set", home.Set, "pullRequest", home.Pull)
	if set != nil {
		a.Catalog.RequestEvent(set, "Normal", v1alpha1.EventResourceDeleted, fmt.Sprintf("deleted namespace %q, which was left of the preview of pull request %s", namespace, home.Pull))
	}
	return nil
}

func parseName(text string) types.NamespacedName {
	namespace, name, _ := strings.Cut(text, "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}
