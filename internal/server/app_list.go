package server

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// appFilter is what a caller asks of a list or a watch of applications, and may see of it. A nil anyOf is all.
type appFilter struct {
	name, namespace                            string
	projects, sync, health, phase, destination anyOf
	cluster, repos, owner                      anyOf
	labels                                     labels.Selector
	search                                     []string
	may                                        *rbac.Matcher
}

// anyOf is values of which any will do.
type anyOf map[string]bool

func newAnyOf(values ...string) (s anyOf) {
	for _, v := range values {
		if v != "" {
			s = s.with(v)
		}
	}
	return s
}

func (s anyOf) with(value string) anyOf {
	if s == nil {
		s = anyOf{}
	}
	s[value] = true
	return s
}

func (c *call) appFilter(q *argocd.ApplicationQuery) (*appFilter, error) {
	f := &appFilter{
		name: q.Name, namespace: q.AppNamespace, projects: newAnyOf(slices.Concat(q.Projects, q.Project)...), repos: newAnyOf(append(q.Repos, q.Repo)...),
		sync: newAnyOf(q.Sync...), health: newAnyOf(q.Health...), phase: newAnyOf(q.Operation...), owner: newAnyOf(q.Owner...),
		cluster: c.s.clusterSet(q.Cluster), destination: newAnyOf(q.Namespace...),
	}
	if q.Selector != "" {
		s, err := labels.Parse(q.Selector)
		if err != nil {
			return nil, problem.New(problem.Invalid, "error parsing the selector: %v", err)
		}
		f.labels = s
	}
	f.search = strings.Fields(strings.ToLower(q.Search))
	f.may = c.table.Matcher(rbac.Applications, rbac.Get)
	return f, nil
}

// clusterSet is clusters by all that a destination may call them: some name the server, some the cluster.
func (s *server) clusterSet(named []string) anyOf {
	var asked anyOf
	for _, n := range named {
		if n = strings.TrimRight(n, "/"); n != "" {
			asked = asked.with(n)
		}
	}
	if asked == nil {
		return nil
	}
	all := maps.Clone(asked)
	for _, k := range s.Catalog.Clusters() {
		if asked[k.Server] || asked[k.Name] {
			all[k.Server], all[k.Name] = true, true
		}
	}
	return all
}

// wants reports whether the caller asked for the application and may see it: the cheapest questions first.
func (f *appFilter) wants(s *server, app *v1alpha1.Application) bool {
	return f.asks(app) && f.may.Allows(s.object(app))
}

func (f *appFilter) asks(app *v1alpha1.Application) bool {
	return (f.name == "" || app.Name == f.name) &&
		(f.namespace == "" || app.Namespace == f.namespace) &&
		(f.projects == nil || f.projects[app.Spec.ProjectName()]) &&
		(f.sync == nil || f.sync[syncOf(app)]) &&
		(f.health == nil || f.health[healthOf(app)]) &&
		(f.phase == nil || f.phase[phaseOf(app)]) &&
		(f.cluster == nil || f.cluster[clusterOf(app)]) &&
		(f.destination == nil || f.destination[app.Spec.Destination.Namespace]) &&
		(f.labels == nil || f.labels.Matches(labels.Set(app.Labels))) &&
		(f.repos == nil || usesRepo(app, f.repos)) &&
		(f.owner == nil || f.owner[ownerOf(app)]) &&
		(f.search == nil || f.found(app))
}

// What people call the state of an application that nobody has looked at yet is Unknown; see judged.
func syncOf(app *v1alpha1.Application) string {
	return cmp.Or(string(app.Status.Sync.Status), string(v1alpha1.SyncStatusUnknown))
}

func healthOf(app *v1alpha1.Application) string {
	return cmp.Or(string(app.Status.Health.Status), string(v1alpha1.HealthStatusUnknown))
}

// phaseOf is that of the last operation; "" when there was none.
func phaseOf(app *v1alpha1.Application) string {
	if app.Status.OperationState == nil {
		return ""
	}
	return string(app.Status.OperationState.Phase)
}

// clusterOf is the destination's cluster as the application names it.
func clusterOf(app *v1alpha1.Application) string {
	return cmp.Or(strings.TrimRight(app.Spec.Destination.Server, "/"), app.Spec.Destination.Name)
}

// ownerOf is what an application comes from: its ApplicationSet, or the application that has it in Git; "" when somebody
// has made it. A mark that speaks of another object is a copy, and says nothing.
func ownerOf(app *v1alpha1.Application) string {
	for _, o := range app.OwnerReferences {
		if o.Kind == "ApplicationSet" || o.Kind == "Application" {
			return o.Name
		}
	}
	instance, key, ok := object.ParseTrackingID(app.Annotations[object.TrackingAnnotation])
	if !ok || key.Kind != "Application" || key.Name != app.Name || key.Namespace != app.Namespace {
		return ""
	}
	return instance
}

func usesRepo(app *v1alpha1.Application, repos anyOf) bool {
	if app.Spec.Source != nil && repos[app.Spec.Source.RepoURL] {
		return true
	}
	return slices.ContainsFunc(app.Spec.Sources, func(s v1alpha1.ApplicationSource) bool { return repos[s.RepoURL] })
}

// found reports whether every word that is searched for stands somewhere in what people know an application by.
func (f *appFilter) found(app *v1alpha1.Application) bool {
	for _, word := range f.search {
		has := func(s string) bool { return strings.Contains(strings.ToLower(s), word) }
		if !has(app.Name) && !has(app.Namespace) && !has(app.Spec.ProjectName()) && !has(app.Spec.Destination.Namespace) && !has(app.Spec.Destination.Name) &&
			!has(app.Spec.Destination.Server) && !slices.ContainsFunc(app.Spec.SourceList(), func(s v1alpha1.ApplicationSource) bool { return has(s.RepoURL) || has(s.Path) || has(s.Chart) }) {
			return false
		}
	}
	return true
}

// listApplications answers with all applications that the caller asked for and may see, by name; or one page of them.
func (s *server) listApplications(c *call, q *argocd.ApplicationQuery) (*argocd.ApplicationPage, error) {
	f, err := c.appFilter(q)
	if err != nil {
		return nil, err
	}
	order, err := appOrder(q.Sort)
	if err != nil {
		return nil, err
	}
	if q.Limit < 0 || q.Offset < 0 {
		return nil, problem.New(problem.Invalid, "limit and offset must not be negative")
	}
	all, version := s.Catalog.ListApplications()
	page := &argocd.ApplicationPage{}
	page.ResourceVersion = version
	page.Items = make([]*v1alpha1.Application, 0, min(len(all), 1024))
	fleet := newFleet()
	for _, app := range all {
		app = s.Apps.Told(app)
		asked := f.asks(app)
		if !asked && !q.Fleet || !f.may.Allows(s.object(app)) {
			continue
		}
		if asked {
			page.Items = append(page.Items, app)
		}
		if q.Fleet {
			fleet.add(app)
		}
	}
	if q.Fleet {
		page.Fleet = fleet.told()
	}
	slices.SortStableFunc(page.Items, order)
	if q.Limit > 0 || q.Offset > 0 || q.Counts {
		page.Counts = countsOf(page.Items)
	}
	page.Items = page.Items[min(int64(len(page.Items)), q.Offset):]
	if rest := int64(len(page.Items)) - q.Limit; q.Limit > 0 && rest > 0 {
		page.Items, page.RemainingItemCount = page.Items[:q.Limit], &rest
	}
	if q.Commits {
		page.Commits = s.commitsOf(page.Items)
	}
	for i, app := range page.Items {
		page.Items[i] = judged(app)
	}
	return page, nil
}

// judged is an application as callers are told of it: one that nobody has looked at yet is Unknown. There are clients
// that give up on a whole list in which one status is missing, and to most every condition is something to worry about.
func judged(app *v1alpha1.Application) *v1alpha1.Application {
	app = withoutStates(app)
	if app.Status.Sync.Status != "" && app.Status.Health.Status != "" {
		return app
	}
	told := *app
	told.Status.Sync.Status = cmp.Or(app.Status.Sync.Status, v1alpha1.SyncStatusUnknown)
	told.Status.Health.Status = cmp.Or(app.Status.Health.Status, v1alpha1.HealthStatusUnknown)
	return &told
}

// appOrder reads the parameter sort: name, project, destination, created, reconciled, operation (when the last one ended or
// began), sync or health, with a minus for the reverse.
func appOrder(by string) (func(a, b *v1alpha1.Application) int, error) {
	field, reverse := strings.CutPrefix(by, "-")
	var order func(a, b *v1alpha1.Application) int
	since := func(at func(*v1alpha1.Application) time.Time) func(a, b *v1alpha1.Application) int {
		return func(a, b *v1alpha1.Application) int { return at(a).Compare(at(b)) }
	}
	switch field {
	case "", "name":
		order = func(a, b *v1alpha1.Application) int { return 0 }
	case "project":
		order = func(a, b *v1alpha1.Application) int { return cmp.Compare(a.Spec.ProjectName(), b.Spec.ProjectName()) }
	case "destination":
		order = func(a, b *v1alpha1.Application) int {
			return cmp.Or(cmp.Compare(clusterOf(a), clusterOf(b)), cmp.Compare(a.Spec.Destination.Namespace, b.Spec.Destination.Namespace))
		}
	case "created":
		order = since(func(a *v1alpha1.Application) time.Time { return a.CreationTimestamp.Time })
	case "reconciled":
		order = since(func(a *v1alpha1.Application) time.Time { return timeOf(a.Status.ReconciledAt) })
	case "operation":
		order = since(operatedAt)
	case "sync":
		order = func(a, b *v1alpha1.Application) int {
			return cmp.Compare(severityOfSync[a.Status.Sync.Status], severityOfSync[b.Status.Sync.Status])
		}
	case "health":
		order = func(a, b *v1alpha1.Application) int {
			return cmp.Compare(severityOfHealth[a.Status.Health.Status], severityOfHealth[b.Status.Health.Status])
		}
	default:
		return nil, problem.New(problem.Invalid, "cannot sort by %q", clip(by)).WithHint("sort by name, project, destination, created, reconciled, operation, sync or health; -name is the reverse")
	}
	return func(a, b *v1alpha1.Application) int {
		n := cmp.Or(order(a, b), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
		if reverse {
			return -n
		}
		return n
	}, nil
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// operatedAt is when the last operation ended, or began while it goes on.
func operatedAt(app *v1alpha1.Application) time.Time {
	op := app.Status.OperationState
	switch {
	case op == nil:
		return time.Time{}
	case op.FinishedAt != nil:
		return op.FinishedAt.Time
	}
	return op.StartedAt.Time
}

// The worst first, as people want to see it.
var (
	severityOfSync   = map[v1alpha1.SyncStatusCode]int{v1alpha1.SyncStatusOutOfSync: -3, v1alpha1.SyncStatusUnknown: -2, v1alpha1.SyncStatusSynced: -1}
	severityOfHealth = map[v1alpha1.HealthStatusCode]int{
		v1alpha1.HealthStatusDegraded: -6, v1alpha1.HealthStatusMissing: -5, v1alpha1.HealthStatusUnknown: -4,
		v1alpha1.HealthStatusProgressing: -3, v1alpha1.HealthStatusSuspended: -2, v1alpha1.HealthStatusHealthy: -1,
	}
)

// goneLately is how long after a deletion those who begin to watch the application are told of it. Clients delete first,
// and then wait to hear of it: we may be faster than they are.
const goneLately = time.Minute

func (s *server) tellGone(f *appFilter, q *argocd.ApplicationQuery, send func(*argocd.ApplicationWatchEvent) error) error {
	app, at, ok := s.Catalog.DeletedApplication(types.NamespacedName{Namespace: cmp.Or(q.AppNamespace, s.Namespace), Name: q.Name})
	if !ok || time.Since(at) > goneLately || !f.wants(s, app) {
		return nil
	}
	return send(&argocd.ApplicationWatchEvent{Type: string(catalog.Deleted), Application: *judged(s.Apps.Told(app))})
}

// watchApplications tells of applications as they change. Without a version, or of a single one, it first tells of all
// that there are. Who watches is asked about again from time to time: tokens are revoked and policies change.
func (s *server) watchApplications(c *call, q *argocd.ApplicationQuery, send func(*argocd.ApplicationWatchEvent) error) error {
	version := q.ResourceVersion
	if q.Name != "" {
		version = ""
	}
	w := s.Catalog.WatchApplications(version)
	defer w.Close()
	told := q.Name == ""
	filter := func() (func(*v1alpha1.Application) bool, error) {
		f, err := c.appFilter(q)
		if err != nil {
			return nil, err
		}
		if !told {
			told = true
			if err := s.tellGone(f, q, send); err != nil {
				return nil, err
			}
		}
		return func(app *v1alpha1.Application) bool { return f.wants(s, s.Apps.Told(app)) }, nil
	}
	return following(c, recheckEvery, w.Next, filter, func(e catalog.WatchEvent[*v1alpha1.Application]) error {
		app := judged(s.Apps.Told(e.Object))
		if q.Name != "" { // who waits for one looks at its objects, too
			app = s.shown(e.Object)
		}
		return send(&argocd.ApplicationWatchEvent{Type: string(e.Type), Application: *app})
	})
}
