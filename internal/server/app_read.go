package server

import (
	"cmp"
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func nameOf(app *v1alpha1.Application) types.NamespacedName {
	return types.NamespacedName{Namespace: app.Namespace, Name: app.Name}
}

// refreshPatience is how long a request waits for a look that it asked for.
const refreshPatience = 2 * time.Minute

// theApplication names the application that a query for one asks for.
func theApplication(q *argocd.ApplicationQuery) appRef {
	ref := appRef{q.Name, q.AppNamespace, ""}
	if list := append(q.Projects, q.Project...); len(list) > 0 {
		ref.project = list[0]
	}
	return ref
}

func (s *server) getApplication(c *call, q *argocd.ApplicationQuery) (*v1alpha1.Application, error) {
	if len(q.Projects)+len(q.Project) > 1 {
		return nil, problem.New(problem.Invalid, "multiple projects specified - the get endpoint accepts either zero or one project")
	}
	app := c.app
	if q.Refresh != "" {
		ctx, cancel := context.WithTimeout(c, refreshPatience)
		defer cancel()
		var err error
		if app, err = s.Apps.Refresh(ctx, nameOf(app), v1alpha1.RefreshType(q.Refresh)); err != nil {
			return nil, err
		}
	}
	return c.withHealths(s.shown(app), q), nil
}

func (s *server) managedResources(c *call, q *argocd.ResourcesQuery) (*argocd.ManagedResourcesResponse, error) {
	list, err := s.Apps.Managed(c, nameOf(c.app), reconcile.Filter(object.Key{Group: q.Group, Kind: q.Kind, Namespace: q.Namespace, Name: q.Name}))
	if err != nil {
		return nil, err
	}
	return &argocd.ManagedResourcesResponse{Items: resourceDiffs(list)}, nil
}

// resourceDiffs are compared objects in Argo CD's shape. "null" is what its clients expect where there is nothing.
func resourceDiffs(list []reconcile.Managed) []argocd.ResourceDiff {
	items := make([]argocd.ResourceDiff, 0, len(list))
	for _, m := range list {
		text := func(data []byte) string {
			if data == nil {
				return "null"
			}
			return string(data)
		}
		d := argocd.ResourceDiff{
			Group: m.Key.Group, Kind: m.Key.Kind, Namespace: m.Key.Namespace, Name: m.Key.Name, Hook: m.Hook,
			TargetState: text(m.Target), LiveState: text(m.Live), NormalizedLiveState: text(m.Normalized), PredictedLiveState: text(m.Predicted),
			ResourceVersion: m.ResourceVersion, Modified: m.Modified, Problem: m.Err, Refused: m.Refused, SharedWith: m.SharedWith,
		}
		for _, ch := range m.Changes {
			d.Changes = append(d.Changes, fieldChange(ch))
		}
		items = append(items, d)
	}
	return items
}

func (s *server) serverSideDiff(c *call, q *argocd.ApplicationServerSideDiffQuery) (*argocd.ApplicationServerSideDiffResponse, error) {
	// What the caller says is live (q.LiveResources) does not count: we know better.
	list, err := s.Apps.ServerSideDiff(c, nameOf(c.app), q.TargetManifests)
	if err != nil {
		return nil, err
	}
	res := &argocd.ApplicationServerSideDiffResponse{Items: resourceDiffs(list)}
	for i, m := range list { // Argo CD has what differs in the plain fields here
		d := &res.Items[i]
		d.LiveState, d.TargetState = d.NormalizedLiveState, d.PredictedLiveState
		res.Modified = res.Modified || m.Modified
	}
	return res, nil
}

// resourceTree answers with the whole tree, as Argo CD does: its clients name the application where a query could name
// an object.
func (s *server) resourceTree(c *call, _ *argocd.ResourcesQuery) (*argocd.ApplicationTree, error) {
	tree, err := s.Apps.Tree(c, nameOf(c.app))
	if err != nil {
		return nil, err
	}
	return applicationTree(tree), nil
}

func (s *server) watchResourceTree(c *call, _ *argocd.ResourcesQuery, send func(*argocd.ApplicationTree) error) error {
	ctx, end := s.whileAllowed(c, rbac.Applications, rbac.Get)
	defer end()
	err := s.Apps.WatchTree(ctx, nameOf(c.app), func(t reconcile.Tree) error { return send(applicationTree(t)) })
	if cause := context.Cause(ctx); cause != nil && c.Err() == nil {
		return cause
	}
	return err
}

// whileAllowed is a context that ends, with the reason, when the caller may not do that any more with the application
// that the call found.
func (s *server) whileAllowed(c *call, resource, action string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(c.Context)
	stop := make(chan struct{})
	go func() {
		t := time.NewTicker(recheckEvery)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ctx.Done():
				return
			case <-t.C:
				if err := s.stillApp(c, resource, action)(); err != nil {
					cancel(err)
					return
				}
			}
		}
	}()
	return ctx, func() { close(stop); cancel(nil) }
}

// stillApp asks again whether the caller may do that with the application: it may have moved to another project, too.
func (s *server) stillApp(c *call, resource, action string) func() error {
	name, uid := nameOf(c.app), c.app.UID
	return func() error {
		app, err := s.Catalog.Application(name)
		if app == nil || app.UID != uid {
			if err == nil || problem.Is(err, problem.NotFound) {
				return problem.New(problem.NotFound, "applications.argoproj.io %q not found", name.Name)
			}
			return err
		}
		return c.still(resource, action, s.object(app))
	}
}

// applicationTree is a tree in Argo CD's shape.
func applicationTree(t reconcile.Tree) *argocd.ApplicationTree {
	nodes := func(from []reconcile.Node) (list []argocd.ResourceNode) {
		for _, n := range from {
			list = append(list, resourceNode(n))
		}
		return list
	}
	tree := &argocd.ApplicationTree{Nodes: nodes(t.Nodes), OrphanedNodes: nodes(t.Orphans)}
	for _, h := range t.Hosts {
		host := argocd.HostInfo{Name: h.Name, Labels: h.Labels}
		for name, quantity := range h.Asked {
			host.ResourcesInfo = append(host.ResourcesInfo, argocd.HostResourceInfo{ResourceName: name, RequestedByApp: quantity.MilliValue()})
		}
		sortHostResources(host.ResourcesInfo)
		tree.Hosts = append(tree.Hosts, host)
	}
	return tree
}

func resourceNode(n reconcile.Node) argocd.ResourceNode {
	ref := func(k object.Key, version, uid string) argocd.ResourceRef {
		return argocd.ResourceRef{Group: k.Group, Version: version, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name, UID: uid}
	}
	node := argocd.ResourceNode{
		ResourceRef: ref(n.Key, n.Version, string(n.UID)), ResourceVersion: n.ResourceVersion, Images: n.Images, Health: n.Health,
	}
	if !n.Created.IsZero() {
		node.CreatedAt = &metav1.Time{Time: n.Created}
	}
	for _, p := range n.Parents {
		node.ParentRefs = append(node.ParentRefs, ref(p.Key, "", string(p.UID)))
	}
	for _, f := range n.Facts {
		node.Info = append(node.Info, argocd.InfoItem{Name: f.Name, Value: f.Value})
	}
	if w := n.Network; w != nil {
		node.NetworkingInfo = &argocd.ResourceNetworkingInfo{TargetLabels: w.TargetLabels, Labels: w.Labels, ExternalURLs: w.URLs}
		for _, k := range w.Targets {
			node.NetworkingInfo.TargetRefs = append(node.NetworkingInfo.TargetRefs, ref(k, "", ""))
		}
		for _, in := range w.Ingress {
			node.NetworkingInfo.Ingress = append(node.NetworkingInfo.Ingress, corev1.LoadBalancerIngress{Hostname: in.Host, IP: in.IP})
		}
	}
	return node
}

func (s *server) manifests(c *call, q *argocd.ApplicationManifestQuery) (*argocd.ManifestResponse, error) {
	r, err := s.Apps.Manifests(c, reconcile.ManifestRequest{
		Application: nameOf(c.app), Revision: q.Revision, Revisions: q.Revisions, Positions: q.SourcePositions, NoCache: q.NoCache,
	})
	if err != nil {
		return nil, err
	}
	return manifestResponse(r), nil
}

func manifestResponse(r reconcile.Rendered) *argocd.ManifestResponse {
	res := &argocd.ManifestResponse{Namespace: r.Namespace, Server: r.Server}
	for _, m := range r.Manifests {
		res.Manifests = append(res.Manifests, string(m.JSON))
	}
	for _, src := range r.Sources { // of several sources Argo CD tells the last; ours is the first, which people mean
		if res.Revision == "" {
			res.Revision, res.SourceType = src.Revision, string(src.Type)
		}
	}
	return res
}

func (s *server) syncWindows(c *call, _ *argocd.ApplicationSyncWindowsQuery) (*argocd.ApplicationSyncWindowsResponse, error) {
	w, err := s.Apps.SyncWindows(nameOf(c.app))
	if err != nil {
		return nil, err
	}
	list := func(from []*v1alpha1.SyncWindow) (to []argocd.ApplicationSyncWindow) {
		for _, x := range from {
			to = append(to, argocd.ApplicationSyncWindow{Kind: x.Kind, Schedule: x.Schedule, Duration: x.Duration, ManualSync: x.ManualSync})
		}
		return to
	}
	return &argocd.ApplicationSyncWindowsResponse{
		ActiveWindows: list(w.Active), AssignedWindows: list(w.Assigned), CanSync: w.CanSync, Denied: w.Gate.Why, Changes: whyTime(w.Gate.Changes),
	}, nil
}

func (s *server) revisionMetadata(c *call, q *argocd.RevisionMetadataQuery) (*argocd.RevisionMetadata, error) {
	rev, err := s.Apps.Revision(c, revisionRequest(c, q))
	if err != nil {
		return nil, err
	}
	return revisionMetadata(rev), nil
}

// revisionRequest is a question about a revision of one of c.app's sources.
func revisionRequest(c *call, q *argocd.RevisionMetadataQuery) reconcile.RevisionRequest {
	r := reconcile.RevisionRequest{Application: nameOf(c.app), Revision: q.Revision, Source: int(q.SourceIndex)}
	if q.VersionID > 0 {
		version := int64(q.VersionID)
		r.Version = &version
	}
	return r
}

func (s *server) applicationEvents(c *call, q *argocd.ApplicationResourceEventsQuery) (*corev1.EventList, error) {
	list, err := s.Apps.Events(c, reconcile.EventRequest{Application: nameOf(c.app), UID: types.UID(q.ResourceUID), Namespace: q.ResourceNamespace, Name: q.ResourceName})
	if err != nil {
		return nil, err
	}
	return &corev1.EventList{Items: list}, nil
}

// fieldChange is a difference in our own addition to Argo CD's shape.
func fieldChange(ch diff.Change) argocd.FieldChange {
	f := argocd.FieldChange{Path: ch.Path, Kind: string(ch.Kind), Git: jsonText(ch.Want), Live: jsonText(ch.Have), Manager: ch.Manager, Ours: ch.Ours}
	if !ch.Time.IsZero() {
		f.Time = &metav1.Time{Time: ch.Time}
	}
	return f
}

func sortHostResources(list []argocd.HostResourceInfo) {
	slices.SortFunc(list, func(a, b argocd.HostResourceInfo) int { return cmp.Compare(a.ResourceName, b.ResourceName) })
}
