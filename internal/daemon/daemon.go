// Package daemon builds every part of the process from its configuration, in order, on one page.
//
// The idea: it is the only place that knows both sides of every interface. Read New for what there is, Run for what
// goes on. The package refuses to decide anything.
package daemon

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/deploy"
	"github.com/hawser-cd/hawser/internal/agent"
	"github.com/hawser-cd/hawser/internal/auth"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/config"
	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/server"
	"github.com/hawser-cd/hawser/internal/webhook"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Options are what the caller gives besides the configuration.
type Options struct {
	Log     *slog.Logger
	Observe func(reconcile.Happening) // told what happens, for people who watch; may be nil
	// Audit is told of every decision about a caller; nil writes them to the log.
	Audit server.Audit
	// Listener, if set, is answered on instead of opening the configured address. The daemon owns it.
	Listener net.Listener
	// StrangerRate is server.Options.StrangerRate, for tests that call thousands of times from one address.
	StrangerRate float64
	// Core, if set, is the token of the one person who is served: nothing is reconciled, and nobody leads.
	Core string
}

// Daemon is the whole process, built and connected.
type Daemon struct {
	Catalog *catalog.Catalog
	Fleet   *cluster.Fleet
	Apps    *reconcile.Apps
	Auth    *auth.Auth
	Addr    string // host:port that it answers on

	cfg      config.Config
	log      *slog.Logger
	audit    server.Audit
	git      *git.Mirrors
	charts   *charts.Charts
	policies *policies
	maskKey  []byte // of the digests that stand for secret values
	rate     float64
	core     string // token of the one who is served; empty for everybody
	listener net.Listener
	registry *prometheus.Registry
	leading  atomic.Bool
	fleetCtx context.Context
	gathers  sync.Mutex
	shares   *shares    // what is done of the work that replicas share; nil without sharding
	hub      *agent.Hub // connections of agents; nil in an agent
	home     string     // address of the API server that has our records
	replicas server.Replicas
}

// Run builds the process and runs it until ctx ends.
func Run(ctx context.Context, cfg config.Config, o Options) error {
	thrift(o.Log)
	d, err := New(ctx, cfg, o)
	if err != nil {
		return err
	}
	return d.Run(ctx)
}

// New connects to the cluster, reads our records and opens the listener. What it starts ends with ctx.
func New(ctx context.Context, cfg config.Config, o Options) (*Daemon, error) {
	d := &Daemon{cfg: cfg, log: o.Log, audit: o.Audit, registry: prometheus.NewRegistry(), fleetCtx: ctx}
	d.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, problem.Because(problem.Internal, err, "read random bytes")
	}
	d.maskKey = key

	connection, err := catalog.Connect(cfg.Kubeconfig, cfg.Context)
	if err != nil {
		return nil, err
	}
	d.home = connection.Host
	if cfg.InstallCRDs {
		var manifests [][]byte
		for _, f := range deploy.CRDs() {
			manifests = append(manifests, f.Data)
		}
		if err := catalog.InstallCRDs(ctx, connection, manifests, o.Log); err != nil {
			return nil, err
		}
		if err := catalog.EnsureNamespace(ctx, connection, cfg.Namespace); err != nil {
			return nil, err
		}
	}
	if d.Catalog, err = catalog.Open(ctx, catalog.Options{REST: connection, Namespace: cfg.Namespace, ApplicationNamespaces: cfg.ApplicationNamespaces, Identity: cfg.Identity, LeaseDuration: cfg.LeaseDuration, Sharding: cfg.Sharding && o.Core == "" && cfg.Agent.Name == "", InsteadOf: cfg.InsteadOf, Agent: cfg.Agent.Name, Log: o.Log}); err != nil {
		return nil, err
	}
	d.Auth = auth.New(auth.Options{Records: &records{catalog: d.Catalog}, RoleTokens: d.roleTokens, Reviewer: d.Catalog})
	d.rate = o.StrangerRate
	if d.core = o.Core; d.core != "" || d.isAgent() {
		// no account is needed, and none made
	} else if made, err := d.Auth.Bootstrap(ctx); err != nil {
		o.Log.Warn("accounts cannot be used yet", "error", err)
	} else if made {
		o.Log.Info("a password for admin was made: see Secret argocd-initial-admin-secret", "namespace", cfg.Namespace)
	}
	d.policies = &policies{d: d}
	d.policies.follow() // ends with the catalog
	gitMetrics := newGitMetrics(d.registry)
	if d.git, err = git.New(git.Options{Dir: filepath.Join(cfg.DataDir, "git"), AllowFile: cfg.AllowFileRepositories, Timeout: cfg.GitTimeout, Log: o.Log, Observe: gitMetrics.observe,
		Workload: git.Workload{TenantID: cfg.Azure.TenantID, ClientID: cfg.Azure.ClientID, TokenFile: cfg.Azure.TokenFile, Authority: cfg.Azure.Authority}}); err != nil {
		return nil, err
	}
	chartMetrics := newChartMetrics(d.registry)
	if d.charts, err = charts.New(charts.Options{Dir: filepath.Join(cfg.DataDir, "charts"), Timeout: cfg.GitTimeout, Log: o.Log, Observe: chartMetrics.observe, Workload: d.git.WorkloadToken}); err != nil {
		return nil, err
	}
	renderMetrics := newRenderMetrics(d.registry)
	renderer := render.New(render.Options{Observe: renderMetrics.observe, Clock: time.Now, Plugins: pluginsIn(cfg.Plugins), Parallel: max(8, 4*runtime.GOMAXPROCS(0))})
	forges := forge.New()
	d.Fleet = cluster.NewFleet(ctx)
	if d.Catalog.Sharing() {
		d.shares = newShares()
	}
	d.registry.MustRegister(clusterMetrics{d.Fleet})
	metrics := reconcile.NewMetrics(func() []*v1alpha1.Application { return d.Apps.Own(d.Catalog.Applications()) }, func() []*v1alpha1.ApplicationSet {
		list, _ := d.Catalog.ApplicationSets()
		return list
	})
	metrics.Labels = func() (applications, sets []string) {
		s := d.Catalog.Settings()
		return s.AppLabels, s.SetLabels
	}
	d.registry.MustRegister(metrics)
	if d.core == "" && !d.isAgent() {
		d.hub = agent.NewHub(agent.HubOptions{Log: o.Log, Report: func(name string, r agent.Report) { d.Apps.Reported(name, r) }, Changed: func(name string) { d.Apps.AgentChanged(name) }})
	}
	d.Apps = reconcile.New(reconcile.Options{
		Catalog: d.Catalog, Fleet: d.Fleet, Git: d.git, Charts: d.charts, Forges: forges, Render: renderer, Namespace: cfg.Namespace,
		Metrics: metrics, Log: o.Log, Workers: d.workers(), Observe: o.Observe, Alone: d.core != "", Hub: d.hub,
	})
	d.registry.MustRegister(use{Daemon: d, render: renderer, forges: forges})
	if d.shares != nil {
		d.Catalog.OnPush(d.Apps.Pushed)
		d.registry.MustRegister(shareMetrics{d.Catalog})
	}
	if d.listener = o.Listener; d.listener == nil {
		if d.listener, err = server.Listen(ctx, cfg.Listen); err != nil {
			return nil, err
		}
	}
	d.Addr = d.listener.Addr().String()
	d.listener = server.Bounded(d.listener, d.registry)
	return d, nil
}

func (d *Daemon) workers() int {
	if n := d.Catalog.Settings().StatusWorkers; n > 0 {
		return n
	}
	return d.cfg.Workers.Status
}

// Run answers requests at once, and reconciles while it holds the lead.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.Catalog.Close()
	defer func() { _ = d.git.Close() }()
	defer func() { _ = d.charts.Close() }()
	group, ctx := errgroup.WithContext(ctx)
	if d.core != "" {
		return d.runCore(ctx)
	}
	if d.isAgent() {
		return d.runAgent(ctx)
	}
	serve, err := d.serving(ctx)
	if err != nil {
		return err
	}
	group.Go(serve)
	group.Go(func() error {
		if d.shares != nil {
			return d.Catalog.Join(ctx, d.share, func() { d.leading.Store(false) })
		}
		return d.Catalog.Lead(ctx, d.reconcile, func() { d.leading.Store(false) })
	})
	d.log.Info("hawser is up", "listen", d.Addr, "namespace", d.cfg.Namespace, "version", server.Build().Version)
	err = group.Wait()
	if ctx.Err() != nil && problem.KindOf(err) == problem.Internal {
		return nil
	}
	return err
}

// serving makes ready to answer everybody, and to be asked by other replicas.
func (d *Daemon) serving(ctx context.Context) (serve func() error, err error) {
	secure, err := d.tlsConfig(ctx)
	plain := d.insecure()
	switch {
	case err != nil && !plain:
		return nil, err
	case err != nil:
		d.log.Warn("there is no certificate: other replicas do not pass calls on to this one, nor it to them", "error", err)
		return func() error { return server.Serve(ctx, d.listener, d.handler(), nil, d.log) }, nil
	}
	d.replicas = replicas{replicaClient(secure.GetCertificate), d.Apps}
	d.Catalog.Announce(d.peerAddress(ctx))
	if plain {
		return func() error { return server.ServePlain(ctx, d.listener, d.handler(), onlyReplicas(secure), d.log) }, nil
	}
	return func() error { return server.Serve(ctx, d.listener, d.handler(), secure, d.log) }, nil
}

// runCore answers one person until ctx ends. The clusters are connected when the first question comes.
func (d *Daemon) runCore(ctx context.Context) error {
	d.fleetCtx = ctx
	d.gather()
	defer d.Catalog.Subscribe(func(c catalog.Change) {
		if c.What == catalog.ClusterChanged || c.What == catalog.SettingsChanged {
			d.gather()
		}
	})()
	return server.Serve(ctx, d.listener, d.handler(), nil, d.log)
}

// begin makes ready for a turn: the clusters are those of the records, and the loop hears of what changes until end.
func (d *Daemon) begin(ctx context.Context) (end func()) {
	d.leading.Store(true)
	d.fleetCtx = ctx
	d.gather()
	return d.Catalog.Subscribe(func(c catalog.Change) {
		if c.What == catalog.ClusterChanged || c.What == catalog.SettingsChanged {
			d.gather()
		}
		d.Apps.Changed(c)
	})
}

// reconcile is what only the leader does.
func (d *Daemon) reconcile(ctx context.Context) {
	defer d.begin(ctx)()
	d.waitForClusters(ctx)
	defer d.hub.Open()()
	var both sync.WaitGroup
	both.Go(func() { d.Apps.RunHub(ctx) })
	both.Go(func() { d.Apps.RunSets(ctx) })
	both.Go(func() { d.Apps.Run(ctx) })
	both.Wait()
}

// gather makes the fleet the clusters of our records.
func (d *Daemon) gather() {
	d.gathers.Lock()
	defer d.gathers.Unlock()
	s := d.Catalog.Settings()
	masker := object.Masker{Key: d.maskKey, Annotations: s.MaskAnnotations}
	var list []cluster.Options
	for _, c := range d.Catalog.Clusters() {
		if c.Agent != "" || d.shares != nil && !d.shares.watches(c.Server) { // watched from within, or by another replica
			continue
		}
		connection, err := c.REST()
		if err != nil {
			d.log.Warn("cluster record cannot be used", "cluster", c.Name, "server", c.Server, "error", err)
			continue
		}
		server := c.Server
		o := cluster.Options{
			Name: c.Name, Server: server, REST: connection, Masker: masker, Log: d.log, Refresh: c.Refresh,
			Settings: cluster.Settings{Tracking: s.Tracking, Exclusions: filters(s.Exclusions), Inclusions: filters(s.Inclusions), Namespaces: c.Namespaces, ClusterResources: c.ClusterResources},
			OnEvent:  func(e cluster.Event) { d.Apps.Event(server, e) },
			OnKinds:  func(kinds []schema.GroupKind) { d.Apps.KindsChanged(server, kinds) },
		}
		if d.core == "" { // writes are kept to the replica that leads; where one person is served there is none
			o.Fence, o.Turn = d.Catalog.Fence, d.Catalog.Turn
		}
		list = append(list, o)
	}
	d.Fleet.Set(list...)
}

func filters(list []catalog.Filter) []cluster.Filter {
	if list == nil {
		return nil // the engine's own default
	}
	out := make([]cluster.Filter, len(list))
	for i, f := range list {
		out[i] = cluster.Filter(f)
	}
	return out
}

// waitForClusters gives clusters a moment to fill their index, so that the first looks do not all find nothing; one
// that does not answer holds nobody up for long.
func (d *Daemon) waitForClusters(ctx context.Context) {
	wait, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, c := range d.Fleet.Clusters() {
		if err := c.Synced(wait); err != nil && ctx.Err() == nil {
			d.log.Warn("cluster is not complete yet", "cluster", c.Name(), "error", err)
		}
	}
}

func (d *Daemon) ready() error {
	if !d.leading.Load() {
		return nil // a standby is ready to take over
	}
	for _, c := range d.Fleet.Clusters() {
		if c.Server() == cluster.InCluster && !c.State().Connected {
			return problem.New(problem.Unavailable, "the cluster that holds our records does not answer")
		}
	}
	return nil
}

func (d *Daemon) secrets() webhook.Secrets {
	w := d.Catalog.Settings().Webhook
	return webhook.Secrets{
		GitHub: w.GitHub.Reveal(), GitLab: w.GitLab.Reveal(), Gogs: w.Gogs.Reveal(), BitbucketUUID: w.BitbucketUUID.Reveal(),
		BitbucketServer: w.BitbucketServer.Reveal(), AzureUsername: w.AzureUsername.Reveal(), AzurePassword: w.AzurePassword.Reveal(), RefuseUnsigned: w.RefuseUnsigned,
	}
}

// rootPath is the path below which we are served; a flag goes before Argo CD's setting.
func (d *Daemon) rootPath() string {
	if d.cfg.RootPath != "" {
		return d.cfg.RootPath
	}
	return d.Catalog.Settings().Server.RootPath
}

func (d *Daemon) anyNamespace() bool { return len(d.cfg.ApplicationNamespaces) > 0 }
