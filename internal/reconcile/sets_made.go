package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/forge"
)

// made is what an evaluation yielded, and what it depended on.
type made struct {
	of      string    // which version of the set
	at      time.Time // when the generators were asked
	wanted  []*v1alpha1.Application
	digest  string          // of their names
	prune   map[string]bool // those whose own automated sync, which a rollout switches off, would prune
	reads   []*setRead
	foreign bool
}

func versionOfSet(set *v1alpha1.ApplicationSet) string {
	return fmt.Sprint(set.UID, "/", set.Generation)
}

// ofMember reports whether the only reason is that applications of a set changed.
func (c *cause) ofMember() bool { return !c.spec && !c.hard && c.git.IsZero() }

// evaluateSet returns what a set asks for. The generators are evaluated when the set or our records changed, when
// somebody was asked whom we cannot ask for news, or when what they read of Git reads differently now; anew says that
// they were.
func (a *Apps) evaluateSet(ctx context.Context, set *v1alpha1.ApplicationSet, why cause, state *setState) (m *made, anew bool, err error) {
	asked := set.Annotations[v1alpha1.AnnotationAppSetRefresh] != ""
	since := why.git
	if since.IsZero() {
		since = time.Unix(1, 0) // any fetch of this process will do: a changed application is no reason to ask Git
	}
	if asked {
		since = time.Now()
	}
	facts := newSetFacts(a, set, asksOf(set), since)
	if last := state.made; last != nil && last.of == versionOfSet(set) && !why.spec && !asked {
		if why.git.IsZero() {
			return last, false, nil
		}
		if state.doubt == "" && !last.foreign { // a doubtful answer is asked for again
			if same, err := facts.same(ctx, last.reads); err == nil && same {
				return last, false, nil
			}
		}
		facts = newSetFacts(a, set, asksOf(set), since)
	}
	a.Metrics.evaluated.WithLabelValues(set.Namespace, set.Name).Inc()
	began := time.Now()
	wanted, err := a.wantedBy(ctx, set, facts)
	a.sets.mu.Lock()
	if len(facts.read) > 0 { // else it failed before it read: what it read before still concerns it
		state.read = facts.read
	}
	state.made, state.failed = nil, err != nil
	a.sets.mu.Unlock()
	if err != nil {
		return nil, true, err
	}
	a.sets.forges.done(facts.asks)
	m = &made{of: versionOfSet(set), at: began, wanted: wanted, digest: digestOf(wanted), prune: map[string]bool{}, reads: facts.reads, foreign: facts.foreign}
	if appset.IsRolling(set) {
		for _, app := range wanted {
			m.prune[app.Name] = appset.Disarm(app)
		}
	}
	a.sets.mu.Lock()
	state.made = m
	a.sets.mu.Unlock()
	return m, true, nil
}

// wantedBy evaluates a set.
func (a *Apps) wantedBy(ctx context.Context, set *v1alpha1.ApplicationSet, facts *setFacts) ([]*v1alpha1.Application, error) {
	if appset.IsRolling(set) {
		if _, err := appset.ParseRollout(set); err != nil {
			return nil, err
		}
	}
	apps, previews, err := appset.GenerateWithPreviews(ctx, set, facts)
	if err != nil {
		return nil, err
	}
	if facts.asks != nil {
		facts.asks.previews = previews
	}
	for _, app := range apps {
		app.OwnerReferences = []metav1.OwnerReference{catalog.OwnedBy(set)}
		if keepsResources(set) {
			app.Finalizers = slices.DeleteFunc(app.Finalizers, func(f string) bool { return strings.HasPrefix(f, v1alpha1.FinalizerResources) })
		} else if len(app.Finalizers) == 0 {
			app.Finalizers = []string{v1alpha1.FinalizerResources}
		}
	}
	return apps, nil
}

// pluginEvery is how often somebody is asked who cannot tell of news; Argo CD asks forges and plugins as often.
const pluginEvery = 30 * time.Minute

// nextLook is when a set is to be looked at again, without a reason: repositories move, and not all tell of it.
func (a *Apps) nextLook(set *v1alpha1.ApplicationSet, err error) time.Duration {
	usual := cmp.Or(a.Catalog.Settings().Reconciliation, 3*time.Minute)
	next := time.Duration(0)
	for _, g := range terminalsOf(set) {
		var asked *int64
		every := usual
		switch {
		case g.Git != nil:
			asked = g.Git.RequeueAfterSeconds
		case g.ClusterDecisionResource != nil:
			asked = g.ClusterDecisionResource.RequeueAfterSeconds
		case g.Plugin != nil:
			asked, every = g.Plugin.RequeueAfterSeconds, pluginEvery
		case g.PullRequest != nil:
			asked, every = g.PullRequest.RequeueAfterSeconds, pluginEvery
		case g.SCMProvider != nil:
			asked, every = g.SCMProvider.RequeueAfterSeconds, pluginEvery
		default:
			continue
		}
		if asked != nil && *asked > 0 {
			every = time.Duration(*asked) * time.Second
		}
		if next == 0 || every < next {
			next = every
		}
	}
	next = max(cmp.Or(next, usual), 5*time.Second)
	if at, known := forge.AskAgain(err); known { // before that, nobody would be asked
		return max(time.Until(at)+100*time.Millisecond, time.Second)
	}
	if err != nil {
		return min(next, 20*time.Second)
	}
	return next
}

// terminalsOf are all generators of a set that ask for something themselves, at any depth. Nested ones that cannot be read
// are left out: the evaluation says so.
func terminalsOf(set *v1alpha1.ApplicationSet) (list []v1alpha1.ApplicationSetTerminalGenerator) {
	for _, g := range set.Spec.Generators {
		list = append(list, appset.Terminals(g)...)
	}
	return list
}
