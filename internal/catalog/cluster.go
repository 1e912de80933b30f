package catalog

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/shard"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
)

// AnnotationSlices on a cluster's Secret cuts its applications into so many slices, which replicas can share.
const AnnotationSlices = "hawser.dev/slices"

// Cluster is one target cluster as registered: Argo CD's cluster Secret, or the cluster we run in.
type Cluster struct {
	Server           string   // address of its API server, without trailing slash; InClusterServer for our own
	Name             string   // what destinations may call it
	Namespaces       []string // the only namespaces to look at; empty for all
	ClusterResources bool     // whether cluster-scoped objects are managed when Namespaces is set
	Project          string   // the project that it was registered for; empty for none
	Labels           map[string]string
	Annotations      map[string]string
	Record           string // name of the Secret; empty for our own cluster without one
	UID              string // of the Secret
	Managed          bool   // the Secret is ours to delete
	Shard            *int64 // Argo CD's; nothing here goes by it
	Slices           int    // into how many slices its applications are cut where replicas share the work; at least 1
	Refresh          string // when a refresh was asked for (an annotation), RFC 3339
	Shown            ShownConfig
	Program          bool   // a program that runs beside us gives its credentials
	Version          string // changes whenever the record does
	Agent            string // name of the agent that it is reached by; empty for none

	// Problem is why the cluster cannot be reached with what the Secret says; nil when it can be tried. A cluster
	// with a Problem still exists: nothing that is deployed to it may be taken for abandoned.
	Problem error

	rest *rest.Config
}

// REST returns a copy of how to connect, or Problem.
func (c Cluster) REST() (*rest.Config, error) {
	if c.Problem != nil {
		return nil, c.Problem
	}
	if c.Agent != "" {
		return nil, problem.New(problem.Unsupported, "cluster %s is reached by its agent, which connects to us", c.Name)
	}
	return rest.CopyConfig(c.rest), nil
}

// String returns name and server.
func (c Cluster) String() string { return c.Name + " (" + c.Server + ")" }

// GoString is String: the connection holds credentials.
func (c Cluster) GoString() string { return c.String() }

// LogValue is String.
func (c Cluster) LogValue() slog.Value { return slog.StringValue(c.String()) }

// clusters is all registered clusters, our own included, by server; immutable.
type clusters struct{ list []Cluster }

// resolve returns the cluster that a destination names. The sentences are Argo CD's.
func (c *clusters) resolve(d v1alpha1.ApplicationDestination) (Cluster, error) {
	switch {
	case d.Server != "" && d.Name != "":
		return Cluster{}, problem.New(problem.Invalid, "application destination can't have both name and server defined: %s %s", d.Name, d.Server)
	case d.Server == "" && d.Name == "":
		return Cluster{}, problem.New(problem.Invalid, "destination server missing from app spec")
	case d.Server != "":
		server := trimServer(d.Server)
		for _, k := range c.list {
			if k.Server == server {
				return k, nil
			}
		}
		return Cluster{}, problem.New(problem.NotFound, "there is no cluster with this server: %s", d.Server)
	}
	var found []Cluster
	for _, k := range c.list {
		if k.Name == d.Name {
			found = append(found, k)
		}
	}
	switch len(found) {
	case 0:
		return Cluster{}, problem.New(problem.NotFound, "unable to find destination server: there are no clusters with this name: %s", d.Name)
	case 1:
		return found[0], nil
	}
	servers := make([]string, len(found))
	for i, k := range found {
		servers[i] = k.Server
	}
	return Cluster{}, problem.New(problem.Invalid, "unable to find destination server: there are %d clusters with the same name: [%s]", len(found), strings.Join(servers, " "))
}

// parseClusters reads all cluster Secrets. home is the connection to the cluster we run in, which is there unless
// switched off; a Secret with its address can rename it, limit it and give it other credentials.
func parseClusters(secrets []secretRecord, r clusterRules) *clusters {
	home, inCluster := r.home, r.inCluster
	byServer := map[string]Cluster{}
	if inCluster {
		byServer[v1alpha1.InClusterServer] = Cluster{Server: v1alpha1.InClusterServer, Name: v1alpha1.InClusterName, ClusterResources: true, Slices: 1, rest: home}
	}
	for _, s := range secrets {
		if s.kind != "cluster" {
			continue
		}
		c := parseCluster(s, r)
		if c.Server == v1alpha1.InClusterServer && !inCluster {
			continue
		}
		// two Secrets of one server: the first by name counts, so that the choice does not flap
		if known, taken := byServer[c.Server]; !taken || known.Record == "" {
			byServer[c.Server] = c
		}
	}
	list := &clusters{}
	for _, server := range sortedKeys(byServer) {
		list.list = append(list.list, byServer[server])
	}
	return list
}

// clusterRules is what records of clusters are read by.
type clusterRules struct {
	home      *rest.Config // the connection to our own cluster; nil when only what a record says is of interest
	inCluster bool         // our own cluster is one to deploy to
	programs  []string     // that may be run for credentials
}

func (c *Catalog) clusterRules(s *Settings) clusterRules {
	return clusterRules{c.options.REST, s.InCluster, s.ClusterPrograms}
}

func parseCluster(s secretRecord, r clusterRules) Cluster {
	c := Cluster{
		Server: trimServer(s.text("server")), Name: s.text("name"), Project: s.text("project"),
		Labels: s.labels, Annotations: s.annotations, Record: s.name, Version: s.version,
		UID: s.uid, Managed: s.annotations[managedByAnnotation] == managedBy, Refresh: s.annotations[v1alpha1.AnnotationRefresh], Slices: 1,
	}
	if n, err := strconv.Atoi(s.annotations[AnnotationSlices]); err == nil { // what cannot be understood must not make a cluster unreachable
		c.Slices = min(max(n, 1), shard.MaxSlices)
	}
	if shard, err := strconv.ParseInt(s.text("shard"), 10, 64); err == nil {
		c.Shard = &shard
	}
	for _, ns := range strings.Split(s.text("namespaces"), ",") {
		if ns = strings.TrimSpace(ns); ns != "" {
			c.Namespaces = append(c.Namespaces, ns)
		}
	}
	wrong := func(err error, why string) {
		if c.Problem == nil {
			c.Problem = problem.Because(problem.Invalid, err, "cluster Secret %s: %s", s.name, why)
		}
	}
	if v := s.text("clusterResources"); v != "" || len(c.Namespaces) > 0 {
		all, err := strconv.ParseBool(cmp.Or(v, "false"))
		if err != nil {
			wrong(nil, "clusterResources is neither true nor false")
		}
		c.ClusterResources = all
	} else {
		c.ClusterResources = true
	}
	if c.Server == "" {
		c.Server = "secret:" + s.name // shown, never dialled
		wrong(nil, "server is missing")
	}
	c.Name = cmp.Or(c.Name, c.Server)
	var conf clusterConfig
	if raw := s.data["config"]; raw != "" {
		if err := json.Unmarshal([]byte(raw), &conf); err != nil {
			wrong(nil, "config"+whereInJSON(err)+" is not the JSON that is expected") // the error itself could quote a token
		}
	}
	c.Shown, c.Program = conf.shown(), conf.program() != nil
	if name, ok := agentOf(c.Server); ok {
		c.Agent = name
		return c
	}
	c.rest = conf.rest(c.Server, r.home)
	if field, err := conf.check(r.programs); err != nil {
		wrong(err, "config."+field)
	}
	return c
}

// clusterConfig is the JSON in a cluster Secret's config.
type clusterConfig struct {
	Username    string `json:"username"`
	Password    string `json:"password"`
	BearerToken string `json:"bearerToken"`
	TLS         struct {
		Insecure   bool   `json:"insecure"`
		ServerName string `json:"serverName"`
		CAData     []byte `json:"caData"`
		CertData   []byte `json:"certData"`
		KeyData    []byte `json:"keyData"`
	} `json:"tlsClientConfig"`
	AWSAuth            *AWSAuth    `json:"awsAuthConfig"`
	Exec               *execConfig `json:"execProviderConfig"`
	DisableCompression bool        `json:"disableCompression"`
	ProxyURL           string      `json:"proxyUrl"`
}

// rest returns the connection. A Secret for our own cluster that names no credentials means the connection we have.
func (c clusterConfig) rest(server string, home *rest.Config) *rest.Config {
	if server == v1alpha1.InClusterServer && c.BearerToken == "" && c.Username == "" && len(c.TLS.CertData) == 0 && c.program() == nil {
		return home
	}
	r := &rest.Config{
		Host: server, Username: c.Username, Password: c.Password, BearerToken: c.BearerToken,
		TLSClientConfig: rest.TLSClientConfig{
			Insecure: c.TLS.Insecure, ServerName: c.TLS.ServerName, CAData: c.TLS.CAData, CertData: c.TLS.CertData, KeyData: c.TLS.KeyData,
		},
		DisableCompression: c.DisableCompression,
	}
	if r.Insecure {
		r.CAData = nil // client-go refuses both; Argo CD lets insecure win
	}
	if e := c.program(); e != nil { // it goes before other credentials, as in Argo CD
		r.Username, r.Password, r.BearerToken, r.CertData, r.KeyData = "", "", "", nil, nil
		r.ExecProvider = &api.ExecConfig{
			Command: e.Command, Args: e.Args, APIVersion: e.APIVersion,
			InstallHint: e.InstallHint, ProvideClusterInfo: e.ProvideClusterInfo,
			InteractiveMode: api.NeverExecInteractiveMode,
		}
		for _, name := range sortedKeys(e.Env) {
			r.ExecProvider.Env = append(r.ExecProvider.Env, api.ExecEnvVar{Name: name, Value: e.Env[name]})
		}
		if len(e.Config) > 0 {
			r.ExecProvider.Config = &runtime.Unknown{Raw: e.Config, ContentType: runtime.ContentTypeJSON}
		}
	}
	r.Proxy = proxyTo(c.ProxyURL)
	return r
}

func trimServer(s string) string { return strings.TrimRight(strings.TrimSpace(s), "/") }

func (c *clusters) clone() []Cluster { return slices.Clone(c.list) }
