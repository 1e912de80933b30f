package server

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// newCluster names the cluster that a request wants to make, for the rule.
func newCluster(_ *call, q *argocd.ClusterCreateRequest) string {
	if q.Cluster == nil {
		return ""
	}
	want := q.Cluster // as it will be stored: without white space around
	return rbac.Scoped(strings.TrimSpace(want.Project), trimSlash(strings.TrimSpace(want.Server)))
}

// clusterFields are the names that updatedFields may hold, each with what it changes.
var clusterFields = map[string]func(r *catalog.ClusterRecord, want *catalog.ClusterRecord){
	"name":             func(r, want *catalog.ClusterRecord) { r.Name = want.Name },
	"namespaces":       func(r, want *catalog.ClusterRecord) { r.Namespaces = want.Namespaces },
	"config":           func(r, want *catalog.ClusterRecord) { r.Config = want.Config },
	"shard":            func(r, want *catalog.ClusterRecord) { r.Shard = want.Shard },
	"clusterResources": func(r, want *catalog.ClusterRecord) { r.ClusterResources = want.ClusterResources },
	"labels":           func(r, want *catalog.ClusterRecord) { r.Labels = want.Labels },
	"annotations":      func(r, want *catalog.ClusterRecord) { r.Annotations = want.Annotations },
	"project":          func(r, want *catalog.ClusterRecord) { r.Project = want.Project },
}

// recordOf is what a client wants a cluster's record to say.
func recordOf(k *argocd.Cluster) (catalog.ClusterRecord, error) {
	config, err := json.Marshal(k.Config)
	if err != nil {
		return catalog.ClusterRecord{}, problem.New(problem.Invalid, "the config of the cluster is no JSON")
	}
	namespaces := slices.DeleteFunc(slices.Clone(k.Namespaces), func(ns string) bool { return ns == "" }) // `cluster set --namespace '*'` sends one
	return catalog.ClusterRecord{
		Server: trimSlash(strings.TrimSpace(k.Server)), Name: strings.TrimSpace(k.Name), Namespaces: namespaces, ClusterResources: k.ClusterResources, Project: strings.TrimSpace(k.Project),
		Shard: k.Shard, Labels: k.Labels, Annotations: k.Annotations, Config: catalog.NewSecret(string(config)),
	}, nil
}

// mayConnect refuses a project's people what would give them more than the project: our own cluster, which we reach
// with our own rights, and a program that is to make tokens, which runs beside us. Those need the permission for
// clusters of no project.
func (c *call) mayConnect(action string, k catalog.Cluster) error {
	if k.Agent != "" { // it connects to us
		return nil
	}
	if k.Project != "" && (k.Server == v1alpha1.InClusterServer || k.Program) {
		return c.must(rbac.Clusters, action, rbac.Scoped("", k.Server))
	}
	return nil
}

// mayBeCalled refuses a name that another cluster has to those who may not change that one: two of one name are a
// destination that leads nowhere, for the applications of others, too.
func (c *call) mayBeCalled(r catalog.ClusterRecord) error {
	for _, k := range c.s.Catalog.Clusters() {
		if r.Name != "" && k.Name == r.Name && !sameServer(k.Server, r.Server) && !c.may(rbac.Clusters, rbac.Update, clusterObject(k)) {
			return problem.New(problem.Invalid, "another cluster is named %q", clip(r.Name)).WithHint("choose another name")
		}
	}
	return nil
}

// try connects with what a record is about to say.
func (s *server) try(c *call, action string, r catalog.ClusterRecord) error {
	k, err := s.Catalog.ClusterOf(r)
	if err != nil {
		return err
	}
	if err := c.mayConnect(action, k); err != nil {
		return err
	}
	if k.Agent != "" {
		if plainConfig(r.Config).Equal(plainConfig(catalog.NewSecret("{}"))) {
			return nil
		}
		return problem.New(problem.Invalid, "cluster %s is reached by its agent: credentials of it have no place here", clip(k.Name))
	}
	config, err := k.REST()
	if err != nil {
		return err
	}
	_, err = cluster.Probe(c, config)
	return err
}

// createCluster registers a cluster that answers, or is content with one that is registered in the same way. A
// different one is only changed with upsert, and by those who may change it.
func (s *server) createCluster(c *call, q *argocd.ClusterCreateRequest) (*argocd.Cluster, error) {
	if q.Cluster == nil {
		return nil, problem.New(problem.Invalid, "missing payload 'cluster' in request")
	}
	want, err := recordOf(q.Cluster)
	if err != nil {
		return nil, err
	}
	if err := c.mayBeCalled(want); err != nil {
		return nil, err
	}
	if err := s.try(c, rbac.Create, want); err != nil {
		return nil, err
	}
	made, err := s.Catalog.CreateCluster(c, want)
	if err == nil {
		return s.cluster(made, s.applicationsByServer()), nil
	}
	if !problem.Is(err, problem.Conflict) {
		return nil, err
	}
	found, err := c.clustersNamed(clusterRef{server: want.Server}, rbac.Get) // it may be another project's
	if err != nil {
		return nil, err
	}
	old, err := s.Catalog.ClusterRecord(want.Server)
	if err != nil {
		return nil, err
	}
	keys := differentCluster(old, want)
	switch mayUpdate := c.may(rbac.Clusters, rbac.Update, clusterObject(found[0])); {
	case len(keys) == 0 && mayUpdate: // others could try what the credentials are
		return s.cluster(found[0], s.applicationsByServer()), nil
	case !q.Upsert:
		return nil, isDifferent("cluster", keys)
	case !mayUpdate:
		return nil, c.must(rbac.Clusters, rbac.Update, clusterObject(found[0]))
	}
	return s.changeCluster(c, found[0], want, nil)
}

// differentCluster names what two records differ in.
func differentCluster(a, b catalog.ClusterRecord) (keys []string) {
	shard := func(n *int64) int64 {
		if n == nil {
			return -1
		}
		return *n
	}
	name := func(r catalog.ClusterRecord) string {
		if r.Name == "" {
			return r.Server
		}
		return r.Name
	}
	for key, same := range map[string]bool{
		"name": name(a) == name(b), "namespaces": slices.Equal(a.Namespaces, b.Namespaces), "shard": shard(a.Shard) == shard(b.Shard),
		"clusterResources": a.ClusterResources == b.ClusterResources, "project": a.Project == b.Project,
		"labels": maps.Equal(a.Labels, b.Labels), "annotations": maps.Equal(a.Annotations, b.Annotations), "config": plainConfig(a.Config).Equal(plainConfig(b.Config)),
	} {
		if !same {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// plainConfig writes a config in one way, however it was written.
func plainConfig(s catalog.Secret) catalog.Secret {
	var config argocd.ClusterConfig
	if json.Unmarshal([]byte(s.Reveal()), &config) != nil {
		return s
	}
	text, err := json.Marshal(config)
	if err != nil {
		return s
	}
	return catalog.NewSecret(string(text))
}

// updateCluster changes what the request names, or everything. The cluster is the one of the path, whatever the body
// says.
func (s *server) updateCluster(c *call, q *argocd.ClusterUpdateRequest) (*argocd.Cluster, error) {
	k := c.clusters[0]
	switch {
	case q.Cluster == nil:
		return nil, problem.New(problem.Invalid, "missing payload 'cluster' in request")
	case len(c.clusters) > 1:
		return nil, problem.New(problem.Invalid, "there are %d clusters named %q", len(c.clusters), clip(k.Name)).WithHint("name it by its server")
	case q.Cluster.Server != "" && !sameServer(q.Cluster.Server, k.Server):
		return nil, problem.New(problem.Invalid, "the server of a cluster cannot be changed: the request is for another one than its body says")
	}
	want, err := recordOf(q.Cluster)
	if err != nil {
		return nil, err
	}
	for _, field := range q.UpdatedFields {
		if clusterFields[field] == nil {
			return nil, problem.New(problem.Invalid, "%q is no field of a cluster that can be updated", clip(field)).
				WithHint("updatedFields may hold %s", strings.Join(slices.Sorted(maps.Keys(clusterFields)), ", "))
		}
	}
	return s.changeCluster(c, k, want, q.UpdatedFields)
}

// changeCluster writes fields of a record, all when there are none, once the cluster answers to what it is going to say.
// A config that is what we show of it changes nothing: it comes from a client that read it, and credentials are not
// lost, or sent to another place, by that.
func (s *server) changeCluster(c *call, k catalog.Cluster, want catalog.ClusterRecord, fields []string) (*argocd.Cluster, error) {
	if len(fields) == 0 {
		fields = slices.Collect(maps.Keys(clusterFields))
		if shown, err := recordOf(&argocd.Cluster{Config: clusterRecord(k).Config}); err == nil && shown.Config.Equal(want.Config) {
			fields = slices.DeleteFunc(fields, func(f string) bool { return f == "config" })
		}
	}
	updated, err := s.Catalog.EditCluster(c, k.Server, func(r *catalog.ClusterRecord) error {
		if err := c.must(rbac.Clusters, rbac.Update, rbac.Scoped(r.Project, k.Server)); err != nil {
			return err
		}
		called := r.Name
		for _, field := range fields {
			clusterFields[field](r, &want)
		}
		if r.Name != called {
			if err := c.mayBeCalled(*r); err != nil {
				return err
			}
		}
		if err := c.must(rbac.Clusters, rbac.Update, rbac.Scoped(r.Project, k.Server)); err != nil {
			return err
		}
		return s.try(c, rbac.Update, *r)
	})
	if err != nil {
		return nil, err
	}
	return s.cluster(updated, s.applicationsByServer()), nil
}

func (s *server) deleteClusters(c *call, _ *argocd.ClusterQuery) (*argocd.ClusterResponse, error) {
	for _, k := range c.clusters {
		if err := s.Catalog.DeleteCluster(c, k.Server); err != nil {
			return nil, err
		}
	}
	return &argocd.ClusterResponse{}, nil
}

// rotateAuth gives the service accounts that clusters are reached as new tokens, and takes the old ones away once the
// new ones are in force.
func (s *server) rotateAuth(c *call, _ *argocd.ClusterQuery) (*argocd.ClusterResponse, error) {
	for _, k := range c.clusters {
		if err := s.rotate(c, k); err != nil {
			return nil, err
		}
	}
	return &argocd.ClusterResponse{}, nil
}

func (s *server) rotate(c *call, k catalog.Cluster) error {
	config, err := k.REST()
	if err != nil {
		return err
	}
	if config.BearerToken == "" || k.Record == "" { // that of our own pod is not ours to rotate
		return problem.New(problem.Invalid, "Cluster '%s' does not use bearer token authentication", k.Server)
	}
	rotation, err := cluster.Rotate(c, config)
	if err != nil {
		return err
	}
	_, err = s.Catalog.EditCluster(c, k.Server, func(r *catalog.ClusterRecord) error {
		var said argocd.ClusterConfig
		if json.Unmarshal([]byte(r.Config.Reveal()), &said) != nil || !catalog.NewSecret(said.BearerToken).Equal(catalog.NewSecret(config.BearerToken)) {
			return problem.New(problem.Conflict, "somebody else has changed the cluster's credentials meanwhile")
		}
		said.BearerToken, said.CertData, said.KeyData = rotation.Token, nil, nil
		text, err := json.Marshal(said)
		if err != nil {
			return problem.New(problem.Internal, "the config of the cluster is no JSON")
		}
		r.Config = catalog.NewSecret(string(text))
		return s.try(c, rbac.Update, *r)
	})
	if err != nil {
		rotation.Undo(context.WithoutCancel(c))
		return err
	}
	return rotation.Finish(c)
}

// invalidateCache has everything that is known of a cluster read afresh, by whichever replica watches it.
func (s *server) invalidateCache(c *call, _ *argocd.ClusterQuery) (*argocd.Cluster, error) {
	updated, err := s.Catalog.EditCluster(c, c.clusters[0].Server, func(r *catalog.ClusterRecord) error {
		r.Refresh = time.Now().UTC().Format(time.RFC3339)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.cluster(updated, s.applicationsByServer()), nil
}
