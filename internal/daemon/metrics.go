package daemon

import (
	"net/http"
	"time"

	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/hawser-cd/hawser/internal/server"
	"github.com/hawser-cd/hawser/web"
	"github.com/prometheus/client_golang/prometheus"
)

// The figures of engines, which know no metrics of their own: they tell what they did, here it is counted. Names that
// begin with argocd_ are Argo CD's.

func (d *Daemon) handler() http.Handler {
	return server.New(server.Options{
		Log: d.log, Version: server.Build(), Metrics: d.registry, Count: d.registry, Ready: d.ready,
		Namespace: d.cfg.Namespace, AnyNamespace: d.anyNamespace(), RootPath: d.rootPath(), Catalog: d.Catalog, Apps: d.Apps, Fleet: d.Fleet, Auth: d.Auth, Sources: d.Apps, Plugins: d.pluginNames(),
		Policy: d.policies.current.Load, Operator: d.core, StrangerRate: d.rate, Audit: d.audit, Page: web.Files(),
		Agents: d.hub, Replicas: d.replicas, Webhook: d.pushed, WebhookSecrets: d.secrets, MaxWebhookBytes: func() int64 { return d.Catalog.Settings().Webhook.MaxBytes },
	})
}

type gitMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	failed   *prometheus.CounterVec
	lsFailed *prometheus.CounterVec
}

func newGitMetrics(r prometheus.Registerer) *gitMetrics {
	m := &gitMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "argocd_git_request_total", Help: "Number of git requests performed."}, []string{"repo", "request_type"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "argocd_git_request_duration_seconds", Help: "Git requests duration seconds.", Buckets: []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 20}}, []string{"repo", "request_type"}),
		failed:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "argocd_git_fetch_fail_total", Help: "Number of git fetch requests failures."}, []string{"repo"}),
		lsFailed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "argocd_git_lsremote_fail_total", Help: "Number of git ls-remote requests failures."}, []string{"repo"}),
	}
	r.MustRegister(m.requests, m.seconds, m.failed, m.lsFailed)
	return m
}

func (m *gitMetrics) observe(op, repo string, took time.Duration, err error) {
	m.requests.WithLabelValues(repo, op).Inc()
	m.seconds.WithLabelValues(repo, op).Observe(took.Seconds())
	switch {
	case err != nil && op == "fetch":
		m.failed.WithLabelValues(repo).Inc()
	case err != nil:
		m.lsFailed.WithLabelValues(repo).Inc()
	}
}

type chartMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newChartMetrics(r prometheus.Registerer) *chartMetrics {
	m := &chartMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawser_charts_requests_total", Help: "Contacts with Helm repositories and OCI registries."}, []string{"repo", "request_type", "result"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hawser_charts_request_duration_seconds", Help: "Their duration.", Buckets: []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 20}}, []string{"repo", "request_type"}),
	}
	r.MustRegister(m.requests, m.seconds)
	return m
}

func (m *chartMetrics) observe(op, repo string, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = problem.KindOf(err).String()
	}
	m.requests.WithLabelValues(repo, op, result).Inc()
	m.seconds.WithLabelValues(repo, op).Observe(took.Seconds())
}

type renderMetrics struct{ renders *prometheus.CounterVec }

func newRenderMetrics(r prometheus.Registerer) *renderMetrics {
	m := &renderMetrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hawser_render_total", Help: "Requests for rendered manifests; only those with result miss were rendered."}, []string{"type", "result"})}
	r.MustRegister(m.renders)
	return m
}

func (m *renderMetrics) observe(o render.Observation) {
	result := "miss"
	switch {
	case o.Err != nil:
		result = "error"
	case o.Hit:
		result = "hit"
	}
	m.renders.WithLabelValues(string(o.Type), result).Inc()
}

// clusterMetrics reads the fleet's state when asked.
type clusterMetrics struct{ fleet *cluster.Fleet }

var (
	clusterInfo       = prometheus.NewDesc("argocd_cluster_info", "Information about cluster.", []string{"server", "name", "k8s_version"}, nil)
	clusterConnection = prometheus.NewDesc("argocd_cluster_connection_status", "The k8s cluster current connection status.", []string{"server", "k8s_version"}, nil)
	clusterKinds      = prometheus.NewDesc("argocd_cluster_api_resources", "Number of monitored kubernetes API resources.", []string{"server"}, nil)
	clusterObjects    = prometheus.NewDesc("argocd_cluster_api_resource_objects", "Number of k8s resource objects in the cache.", []string{"server"}, nil)
)

// Describe implements prometheus.Collector.
func (clusterMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{clusterInfo, clusterConnection, clusterKinds, clusterObjects} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m clusterMetrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, c := range m.fleet.Clusters() {
		s := c.State()
		connected := 0.0
		if s.Connected {
			connected = 1
		}
		gauge(clusterInfo, 1, c.Server(), c.Name(), s.Version)
		gauge(clusterConnection, connected, c.Server(), s.Version)
		gauge(clusterKinds, float64(s.Kinds), c.Server())
		gauge(clusterObjects, float64(s.Objects), c.Server())
	}
}
