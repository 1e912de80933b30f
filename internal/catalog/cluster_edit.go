package catalog

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// ShownConfig is what may be shown of how a cluster is connected. Of a program that makes tokens not even the arguments:
// they can hold a password.
type ShownConfig struct {
	Insecure           bool
	ServerName         string
	ProxyURL           string
	DisableCompression bool
	AWSAuth            *AWSAuth
}

// AWSAuth is awsAuthConfig of a cluster Secret: Argo CD's own program is asked for a token with it.
type AWSAuth struct {
	ClusterName string `json:"clusterName,omitempty"`
	RoleARN     string `json:"roleARN,omitempty"`
	Profile     string `json:"profile,omitempty"`
}

func (c clusterConfig) shown() ShownConfig {
	return ShownConfig{
		Insecure: c.TLS.Insecure, ServerName: c.TLS.ServerName, ProxyURL: hideUserinfo(c.ProxyURL),
		DisableCompression: c.DisableCompression, AWSAuth: c.AWSAuth,
	}
}

// ClusterRecord is what a cluster Secret says.
type ClusterRecord struct {
	Server, Name        string
	Namespaces          []string
	ClusterResources    bool // counts when Namespaces is set
	Project             string
	Shard               *int64
	Labels, Annotations map[string]string // without those that make it a record of ours
	Refresh             string            // RFC 3339: when a refresh is asked for; empty when it is not
	Config              Secret            // JSON as Argo CD's clusters have it: username, bearerToken, tlsClientConfig …
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// CreateCluster registers a cluster; the Secret's name is the one that Argo CD would give it, made of server. It is
// Conflict when the server is registered already, and Invalid when the record cannot be understood.
func (c *Catalog) CreateCluster(ctx context.Context, r ClusterRecord) (Cluster, error) {
	r.Server = trimServer(r.Server)
	name, err := clusterSecretName(r.Server)
	if err != nil {
		return Cluster{}, err
	}
	if r.Server == v1alpha1.InClusterServer && !c.Settings().InCluster {
		return Cluster{}, problem.New(problem.Invalid, "cannot register cluster: in-cluster has been disabled")
	}
	exists := problem.New(problem.Conflict, "cluster '%s' already exists", r.Server)
	if k, err := c.Destination(v1alpha1.ApplicationDestination{Server: r.Server}); err == nil && k.Record != "" {
		return k, exists
	}
	return c.writeCluster(ctx, name, func(d *draft) error {
		if !d.missing {
			return exists
		}
		return d.putCluster(r)
	})
}

// EditCluster changes the record of a cluster; change is given what the record says now, and called again when somebody
// else has written meanwhile. For our own cluster without a Secret one is made. The server names the record and cannot
// be changed. It is NotFound when the server is not registered.
func (c *Catalog) EditCluster(ctx context.Context, server string, change func(*ClusterRecord) error) (Cluster, error) {
	k, err := c.Destination(v1alpha1.ApplicationDestination{Server: server})
	if err != nil {
		return Cluster{}, err
	}
	name := k.Record
	if name == "" {
		if name, err = clusterSecretName(k.Server); err != nil {
			return Cluster{}, err
		}
	}
	return c.writeCluster(ctx, name, func(d *draft) error {
		r := ClusterRecord{Server: k.Server, Name: k.Name, Config: NewSecret("{}")}
		switch {
		case !d.missing && d.label(secretTypeLabel) == "cluster":
			if r = d.cluster(); r.Server != k.Server {
				return problem.New(problem.Conflict, "it has become the record of another cluster meanwhile").WithHint("ask again")
			}
		case k.Record != "":
			return problem.New(problem.NotFound, "it does not exist any more")
		case !d.missing:
			return problem.New(problem.Conflict, "it is there, and no record of a cluster")
		}
		if err := change(&r); err != nil {
			return err
		}
		if trimServer(r.Server) != k.Server {
			return problem.New(problem.Invalid, "the server of a cluster cannot be changed")
		}
		return d.putCluster(r)
	})
}

// DeleteCluster takes the record of a cluster away. One that we do not manage only stops being a record; our own cluster
// stays without it, unless it is switched off. It is NotFound when the server has no record.
func (c *Catalog) DeleteCluster(ctx context.Context, server string) error {
	k, err := c.Destination(v1alpha1.ApplicationDestination{Server: server})
	if err != nil {
		return err
	}
	if k.Record == "" {
		return problem.New(problem.NotFound, "cluster '%s' not found", k.Server)
	}
	return c.deleteRecord(ctx, k.Record, func(d *draft) error {
		if now := d.cluster(); now.Server != k.Server || now.Project != k.Project {
			return problem.New(problem.Conflict, "it has become the record of another cluster, or project, meanwhile").WithHint("ask again")
		}
		return nil
	}, "cluster")
}

func (c *Catalog) writeCluster(ctx context.Context, name string, change func(*draft) error) (Cluster, error) {
	o, err := c.editRecord(ctx, secrets, name, change)
	if err != nil {
		return Cluster{}, err
	}
	return parseCluster(secretOf(o), c.clusterRules(c.Settings())), nil
}

// ClusterRecord returns what the record of a cluster says, its credentials too. It is NotFound when there is none: for
// our own cluster without a Secret, too.
func (c *Catalog) ClusterRecord(server string) (ClusterRecord, error) {
	k, err := c.Destination(v1alpha1.ApplicationDestination{Server: server})
	if err != nil {
		return ClusterRecord{}, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	s, ok := c.secrets[k.Record]
	if !ok || s.kind != "cluster" {
		return ClusterRecord{}, problem.New(problem.NotFound, "cluster '%s' not found", k.Server)
	}
	return clusterRecord(s), nil
}

// ClusterOf returns the cluster that r describes, registered or not: for a look whether it can be reached.
func (c *Catalog) ClusterOf(r ClusterRecord) (Cluster, error) {
	if _, err := clusterSecretName(trimServer(r.Server)); err != nil {
		return Cluster{}, err
	}
	d := &draft{object: &object.Object{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}, values: map[string]string{}, missing: true}
	if err := d.putCluster(r); err != nil {
		return Cluster{}, err
	}
	if err := d.store(); err != nil {
		return Cluster{}, err
	}
	return parseCluster(secretOf(d.object), c.clusterRules(c.Settings())), nil
}

// cluster is what the Secret says.
func (d *draft) cluster() ClusterRecord { return clusterRecord(secretOf(d.object)) }

func clusterRecord(s secretRecord) ClusterRecord {
	k := parseCluster(s, clusterRules{}) // what it connects to does not matter here
	r := ClusterRecord{
		Server: k.Server, Name: k.Name, Namespaces: k.Namespaces, ClusterResources: s.text("clusterResources") == "true", Project: k.Project,
		Shard: k.Shard, Refresh: k.Refresh, Labels: maps.Clone(s.labels), Annotations: maps.Clone(s.annotations), Config: NewSecret(s.data["config"]),
	}
	delete(r.Labels, secretTypeLabel)
	for _, ours := range []string{managedByAnnotation, lastApplied, v1alpha1.AnnotationRefresh} {
		delete(r.Annotations, ours)
	}
	return r
}

// putCluster makes the Secret say r.
func (d *draft) putCluster(r ClusterRecord) error {
	if _, ok := r.Annotations[lastApplied]; ok {
		return problem.New(problem.Invalid, "annotation %s cannot be set", lastApplied)
	}
	for _, ns := range r.Namespaces {
		if strings.ContainsAny(ns, ", ") || ns == "" {
			return problem.New(problem.Invalid, "%q is not the name of a namespace", ns)
		}
	}
	config := r.Config.Reveal()
	if config == "" {
		config = "{}"
	}
	var conf clusterConfig
	if err := json.Unmarshal([]byte(config), &conf); err != nil { // not the parser's error: it could quote a token
		return problem.New(problem.Invalid, "the config of cluster %s is not the JSON that is expected", r.Server)
	}
	fields := Fields{
		"server": trimServer(r.Server), "name": r.Name, "config": config, "project": r.Project,
		"namespaces": strings.Join(r.Namespaces, ","), "clusterResources": "", "shard": "",
	}
	if r.Name == "" {
		fields["name"] = fields["server"]
	}
	if r.ClusterResources {
		fields["clusterResources"] = "true"
	}
	if r.Shard != nil {
		fields["shard"] = strconv.FormatInt(*r.Shard, 10)
	}
	d.set(fields)

	managed := d.missing || d.annotation(managedByAnnotation) == managedBy // whose it is does not change with what it says
	applied := d.annotation(lastApplied)
	d.object.SetLabels(maps.Clone(r.Labels))
	d.setLabel(secretTypeLabel, "cluster")
	d.object.SetAnnotations(maps.Clone(r.Annotations))
	for key, value := range map[string]string{v1alpha1.AnnotationRefresh: r.Refresh, lastApplied: applied} {
		if value != "" {
			d.setAnnotation(key, value)
		}
	}
	if managed {
		d.setAnnotation(managedByAnnotation, managedBy)
	}
	return nil
}

// ClusterLabels returns the labels and annotations of a cluster without those that make it a record of ours.
func (c Cluster) ClusterLabels() (labels, annotations map[string]string) {
	labels, annotations = maps.Clone(c.Labels), maps.Clone(c.Annotations)
	maps.DeleteFunc(labels, func(key, _ string) bool { return key == secretTypeLabel })
	maps.DeleteFunc(annotations, func(key, _ string) bool {
		return slices.Contains([]string{managedByAnnotation, lastApplied, v1alpha1.AnnotationRefresh}, key)
	})
	return labels, annotations
}
