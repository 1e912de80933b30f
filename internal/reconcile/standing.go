package reconcile

import (
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/shard"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// StandingOf returns who looks at an application and when that was last done; nil where replicas do not share the work,
// and when there is no such application.
func (a *Apps) StandingOf(name types.NamespacedName) *shard.Standing {
	app, _ := a.Catalog.Application(name)
	if app == nil || !a.Catalog.Sharing() {
		return nil
	}
	s := a.standing(app)
	return &s
}

func (a *Apps) standing(app *v1alpha1.Application) shard.Standing {
	o := a.Catalog.OwnershipOf(a.unitServer(app), app.Namespace, app.Name)
	s := shard.Standing{Unit: o.Unit, Replica: o.Replica, Alive: o.Alive || o.Mine, Seen: o.Seen, Grace: 2 * a.Catalog.LeaseDuration()}
	if o.Mine {
		if _, s.Looked = a.Looked(nameOf(app)); s.Looked.IsZero() {
			s.Looked = a.shares.since(o.Unit)
		}
		if set := a.Catalog.Settings(); set.Reconciliation > 0 {
			s.Interval = set.Reconciliation + set.Jitter
		}
	}
	return s
}

// KnownBy returns the replica that knows what is live of an application, unless it is this one (here). Its name, or only its
// address, may be missing: then there is nobody to ask at the moment.
func (a *Apps) KnownBy(app *v1alpha1.Application) (p catalog.Peer, here bool) {
	if a.ours(nameOf(app)) == nil {
		return p, true
	}
	if a.Catalog.Sharing() && !a.Catalog.LedAlone() {
		if o := a.Catalog.OwnershipOf(a.unitServer(app), app.Namespace, app.Name); !o.Mine {
			p = catalog.Peer{Replica: o.Replica, Address: o.Address}
		}
	} else {
		p = a.Catalog.Leader()
	}
	if a.Catalog.IsMe(p) { // about to begin
		return catalog.Peer{}, false
	}
	return p, false
}

// WatchedBy returns a replica that knows how a cluster is, unless it is this one (here), as with KnownBy.
func (a *Apps) WatchedBy(k catalog.Cluster) (p catalog.Peer, here bool) {
	switch {
	case a.Alone:
		return p, true
	case !a.Catalog.Sharing() || a.Catalog.LedAlone():
		if a.Catalog.Leading() == nil {
			return p, true
		}
		p = a.Catalog.Leader()
	default:
		owners := a.Catalog.Ownerships(k.Server)
		if k.Agent != "" { // agents connect to whoever does what is done for all
			owners = []catalog.Ownership{a.Catalog.OwnershipOf("", "", "")}
		}
		for _, o := range owners {
			if o.Mine {
				return catalog.Peer{}, true
			}
			if o.Alive && o.Address != "" && p.Address == "" {
				p = catalog.Peer{Replica: o.Replica, Address: o.Address}
			}
		}
	}
	if a.Catalog.IsMe(p) {
		return catalog.Peer{}, false
	}
	return p, false
}

// Elsewhere is what is said of an application by a replica that does not know what is live of it; nil when it does.
func (a *Apps) Elsewhere(app *v1alpha1.Application) error { return a.ours(nameOf(app)) }

// Told is an application as it is told to people: with who looks at it, and with a sync status of Unknown when that need not
// be true any more. What is recorded stays as it is. Where replicas do not share the work it is the application itself.
func (a *Apps) Told(app *v1alpha1.Application) *v1alpha1.Application {
	if !a.Catalog.Sharing() || a.Alone {
		return app
	}
	s, now := a.standing(app), time.Now()
	told := *app
	told.Status.Reconciler = &v1alpha1.Reconciler{Replica: s.Replica, Unit: s.Unit.String(), At: app.Status.ReconciledAt}
	if s.Looked.After(timeOf(app.Status.ReconciledAt)) {
		told.Status.Reconciler.At = &metav1.Time{Time: s.Looked}
	}
	stale := s.Stale(now)
	if stale == "" || a.Catalog.LedAlone() || app.DeletionTimestamp != nil || app.Annotations[v1alpha1.AnnotationSkipReconcile] == "true" {
		return &told
	}
	told.Status.Sync.Status = v1alpha1.SyncStatusUnknown
	told.Status.Conditions = append(append([]v1alpha1.ApplicationCondition(nil), app.Status.Conditions...),
		v1alpha1.ApplicationCondition{Type: v1alpha1.ConditionComparisonError, Message: stale, LastTransitionTime: &metav1.Time{Time: s.Seen}})
	return &told
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// since is when a unit was taken up; zero when it is not ours.
func (s *shares) since(u shard.Unit) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.held[u]; held != nil {
		return held.began
	}
	return time.Time{}
}
