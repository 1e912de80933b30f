package server

import (
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) clusterMethods() []method {
	const clusters = "cluster.ClusterService/"
	return []method{
		unary(clusters+"List", visible[argocd.ClusterQuery](rbac.Clusters, rbac.Get), s.listClusters),
		unary(clusters+"Get", onClusters(rbac.Get), s.getCluster),
		unary(clusters+"Create", on(rbac.Clusters, rbac.Create, newCluster), s.createCluster),
		unary(clusters+"Update", onCluster(rbac.Update, func(q *argocd.ClusterUpdateRequest) (clusterRef, error) {
			if q.Cluster == nil {
				return refOf("", "", q.ID)
			}
			return refOf(q.Cluster.Server, q.Cluster.Name, q.ID)
		}), s.updateCluster),
		unary(clusters+"Delete", onClusters(rbac.Delete), s.deleteClusters),
		unary(clusters+"RotateAuth", onClusters(rbac.Update), s.rotateAuth),
		unary(clusters+"InvalidateCache", onClusters(rbac.Update), s.invalidateCache),
		unary(clusters+"RegisterAgent", onAgent(), s.registerAgent),
	}
}

// clusterRef is how a request names a cluster.
type clusterRef struct{ server, name string }

// refOf reads the three ways to name a cluster; an id goes before the others.
func refOf(server, name string, id *argocd.ClusterID) (clusterRef, error) {
	if id == nil || id.Value == "" && id.Type == "" {
		return clusterRef{server, name}, nil
	}
	switch id.Type {
	case "name":
		return clusterRef{name: id.Value}, nil
	case "name_escaped":
		name, err := url.QueryUnescape(id.Value)
		if err != nil {
			return clusterRef{}, problem.New(problem.Invalid, "failed to unescape cluster name: it is not escaped as in a query")
		}
		return clusterRef{name: name}, nil
	}
	return clusterRef{server: id.Value}, nil
}

// clusterObject is how a cluster is named in policies.
func clusterObject(k catalog.Cluster) string { return rbac.Scoped(k.Project, k.Server) }

// onClusters permits those who may do action with all the clusters that a request names: one by address, or all of a
// name. The method finds them in c.clusters; there is at least one.
func onClusters(action string) rule[argocd.ClusterQuery] {
	return onCluster(action, func(q *argocd.ClusterQuery) (clusterRef, error) { return refOf(q.Server, q.Name, q.ID) })
}

func onCluster[Req any](action string, ref func(*Req) (clusterRef, error)) rule[Req] {
	return rule[Req]{declared{rbac.Clusters, action, single}, func(c *call, q *Req) error {
		if err := c.mustBeSomebody(); err != nil {
			return err
		}
		named, err := ref(q)
		if err != nil {
			return err
		}
		c.clusters, err = c.clustersNamed(named, action)
		return err
	}}
}

// clustersNamed finds clusters that the caller may do action with. As in Argo CD, one that is missing and one that is
// forbidden are the same to everybody.
func (c *call) clustersNamed(ref clusterRef, action string) (found []catalog.Cluster, err error) {
	forbidden := problem.New(problem.Forbidden, "permission denied")
	for _, k := range c.s.Catalog.Clusters() {
		if ref.server != "" && sameServer(k.Server, ref.server) || ref.server == "" && ref.name != "" && k.Name == ref.name {
			found = append(found, k)
		}
	}
	if len(found) == 0 {
		c.decided(rbac.Clusters, action, clip(ref.server+ref.name), false, "there is no such cluster")
		return nil, forbidden
	}
	for _, k := range found {
		if !c.may(rbac.Clusters, action, clusterObject(k)) {
			return nil, forbidden
		}
	}
	return found, nil
}

func (s *server) listClusters(c *call, q *argocd.ClusterQuery) (*argocd.ClusterList, error) {
	byID, err := refOf("", "", q.ID)
	if err != nil {
		return nil, err
	}
	has := func(have, want string) bool { return want == "" || have == want }
	list := &argocd.ClusterList{Items: []argocd.Cluster{}}
	counts := s.applicationsByServer()
	var records []catalog.Cluster
	for _, k := range s.Catalog.Clusters() {
		if has(k.Name, q.Name) && has(k.Name, byID.name) && (q.Server == "" || sameServer(k.Server, q.Server)) && (byID.server == "" || sameServer(k.Server, byID.server)) &&
			c.sees(rbac.Clusters, rbac.Get, clusterObject(k)) {
			records, list.Items = append(records, k), append(list.Items, *s.cluster(k, counts))
		}
	}
	c.withStates(records, list.Items)
	return list, nil
}

func (s *server) getCluster(c *call, _ *argocd.ClusterQuery) (*argocd.Cluster, error) {
	shown := []argocd.Cluster{*s.cluster(c.clusters[0], s.applicationsByServer())}
	c.withStates(c.clusters[:1], shown)
	return &shown[0], nil
}

// sameServer compares addresses; a slash at the end counts for nothing.
func sameServer(a, b string) bool { return trimSlash(a) == trimSlash(b) }

func trimSlash(s string) string {
	for len(s) > 0 && s[len(s)-1] == '/' {
		s = s[:len(s)-1]
	}
	return s
}

// applicationsByServer counts the applications that go to each cluster.
func (s *server) applicationsByServer() map[string]int64 {
	n := map[string]int64{}
	byDestination := map[v1alpha1.ApplicationDestination]string{}
	for _, app := range s.Catalog.Applications() {
		d := v1alpha1.ApplicationDestination{Server: app.Spec.Destination.Server, Name: app.Spec.Destination.Name}
		server, known := byDestination[d]
		if !known {
			server, _ = s.Catalog.ServerOf(d) // "" is nobody's address
			byDestination[d] = server
		}
		n[server]++
	}
	return n
}

// watchedBy says who watches a cluster that this replica does not.
func (s *server) watchedBy(server string) string {
	if !s.Catalog.Sharing() {
		return "the cluster is not being watched by this replica"
	}
	var owners []string
	for _, o := range s.Catalog.Ownerships(server) {
		if o.Replica != "" && o.Alive && !slices.Contains(owners, o.Replica) {
			owners = append(owners, o.Replica)
		}
	}
	if len(owners) == 0 {
		return "the cluster is not being watched by any replica at the moment"
	}
	return "the cluster is being watched by replica " + strings.Join(owners, ", ") + ", and not by this one"
}

// cluster shows a cluster with what is known from watching it.
func (s *server) cluster(k catalog.Cluster, applications map[string]int64) *argocd.Cluster {
	out := clusterRecord(k)
	info := argocd.ClusterInfo{ApplicationsCount: applications[k.Server], ConnectionState: argocd.ConnectionState{Status: connectionUnknown}}
	if k.Problem != nil {
		info.ConnectionState = argocd.ConnectionState{Status: connectionFailed, Message: k.Problem.Error()}
	} else if k.Agent != "" {
		s.connectedByAgent(k.Agent, &info)
	} else if s.Fleet == nil {
		info.ConnectionState.Message = "this replica does not watch clusters"
	} else if open, err := s.Fleet.Cluster(k.Server); err != nil {
		info.ConnectionState.Message = s.watchedBy(k.Server)
		if !problem.Is(err, problem.NotFound) {
			info.ConnectionState = argocd.ConnectionState{Status: connectionFailed, Message: err.Error()}
		}
	} else {
		state := open.State()
		at := &metav1.Time{Time: state.Since}
		info.ConnectionState = argocd.ConnectionState{Status: connectionSuccessful}
		if !state.Asked.IsZero() { // attemptedAt on the wire
			info.ConnectionState.ModifiedAt = &metav1.Time{Time: state.Asked}
		}
		if err := open.Unreachable(); err != nil {
			info.ConnectionState.Status, info.ConnectionState.Message = connectionFailed, err.Error()
		}
		info.ServerVersion, info.APIVersions = open.Facts()
		info.APIVersions = slices.Clone(info.APIVersions)
		info.CacheInfo = argocd.ClusterCacheInfo{ResourcesCount: int64(state.Objects), APIsCount: int64(state.Kinds)}
		if state.Synced {
			info.CacheInfo.LastCacheSyncTime = at
		}
	}
	out.Info = info
	out.ServerVersion, out.ConnectionState = info.ServerVersion, info.ConnectionState // where older clients look
	return &out
}
