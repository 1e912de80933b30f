package reconcile

import (
	"regexp"
	"slices"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/git"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Metrics are the loop's figures. Names and labels that begin with argocd_ are Argo CD's: public dashboards and
// alerts read them.
type Metrics struct {
	syncs, syncSeconds *prometheus.CounterVec
	reconciles         *prometheus.HistogramVec
	requests           *prometheus.CounterVec
	drifts             *prometheus.CounterVec
	panics             prometheus.Counter
	orphans            *prometheus.GaugeVec
	evaluated, setApps *prometheus.CounterVec
	setLooks           *prometheus.HistogramVec
	info, condition    *prometheus.Desc
	setInfo, setOwned  *prometheus.Desc
	applications       func() []*v1alpha1.Application
	sets               func() []*v1alpha1.ApplicationSet
	// Labels are the labels of applications, and of ApplicationSets, that are told; nil means none.
	Labels func() (applications, sets []string)
}

// NewMetrics returns the figures; applications lists what argocd_app_info is about, sets what argocd_appset_info is.
func NewMetrics(applications func() []*v1alpha1.Application, sets func() []*v1alpha1.ApplicationSet) *Metrics {
	return &Metrics{
		syncs:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "argocd_app_sync_total", Help: "Number of application syncs."}, []string{"namespace", "name", "project", "dest_server", "phase", "dry_run"}),
		syncSeconds: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "argocd_app_sync_duration_seconds_total", Help: "Seconds spent in application syncs."}, []string{"namespace", "name", "project", "dest_server"}),
		reconciles:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "argocd_app_reconcile", Help: "Seconds per look at an application.", Buckets: []float64{0.005, 0.01, 0.05, 0.25, 0.5, 1, 2, 4, 8, 16}}, []string{"namespace", "dest_server"}),
		requests:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "argocd_app_k8s_request_total", Help: "Number of Kubernetes requests made for applications."}, []string{"verb"}),
		drifts:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawser_app_drift_total", Help: "Number of objects seen to differ from the commit that was last applied."}, []string{"namespace", "name", "project"}),
		panics:      prometheus.NewCounter(prometheus.CounterOpts{Name: "hawser_panics_total", Help: "Faults in the code that were contained to one application."}),
		orphans:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "argocd_app_orphaned_resources_count", Help: "Number of orphaned resources per application."}, []string{"namespace", "name", "project"}),
		evaluated:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawser_applicationset_evaluations_total", Help: "Number of times that the generators of an ApplicationSet were evaluated."}, []string{"namespace", "name"}),
		setApps:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawser_applicationset_applications_total", Help: "Number of applications that an ApplicationSet created, updated or deleted."}, []string{"namespace", "name", "action"}),
		setLooks:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "argocd_appset_reconcile", Help: "Seconds per look at an ApplicationSet."}, []string{"namespace", "name"}),
		info: prometheus.NewDesc("argocd_app_info", "Information about application.",
			[]string{"namespace", "name", "project", "autosync_enabled", "repo", "dest_server", "dest_namespace", "sync_status", "health_status", "operation"}, nil),
		condition:    prometheus.NewDesc("argocd_app_condition", "Report application conditions.", []string{"namespace", "name", "project", "condition"}, nil),
		setInfo:      prometheus.NewDesc("argocd_appset_info", "Information about ApplicationSet.", []string{"namespace", "name", "resource_update_status"}, nil),
		setOwned:     prometheus.NewDesc("argocd_appset_owned_applications", "Number of applications that an ApplicationSet has made.", []string{"namespace", "name"}, nil),
		applications: applications,
		sets:         sets,
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(ch)
	}
	for _, d := range []*prometheus.Desc{m.info, m.condition, m.setInfo, m.setOwned} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(ch)
	}
	var ofApps, ofSets []string
	if m.Labels != nil {
		ofApps, ofSets = m.Labels()
	}
	appLabels := newLabels("argocd_app_labels", "Labels of applications that somebody wants told.", []string{"namespace", "name", "project"}, ofApps)
	setLabels := newLabels("argocd_appset_labels", "Labels of ApplicationSets that somebody wants told.", []string{"namespace", "name"}, ofSets)
	for _, app := range m.applications() {
		appLabels.tell(ch, app.Labels, app.Namespace, app.Name, app.Spec.ProjectName())
		repo := ""
		if s := app.Spec.SourceList(); len(s) > 0 {
			repo = git.Redact(s[0].RepoURL) // strangers read this
		}
		sync, healthy, operation := app.Status.Sync.Status, app.Status.Health.Status, ""
		if sync == "" {
			sync = v1alpha1.SyncStatusUnknown
		}
		if healthy == "" {
			healthy = v1alpha1.HealthStatusUnknown
		}
		switch {
		case app.DeletionTimestamp != nil:
			operation = "delete"
		case app.Operation != nil && app.Operation.Sync != nil:
			operation = "sync"
		}
		auto := "false"
		if app.Spec.Automation().Enabled {
			auto = "true"
		}
		ch <- prometheus.MustNewConstMetric(m.info, prometheus.GaugeValue, 1, app.Namespace, app.Name, app.Spec.ProjectName(), auto, repo,
			app.Spec.Destination.Server, app.Spec.Destination.Namespace, string(sync), string(healthy), operation)
		seen := map[v1alpha1.ApplicationConditionType]int{}
		for _, c := range app.Status.Conditions {
			if !isState(c) {
				seen[c.Type]++
			}
		}
		for t, n := range seen {
			ch <- prometheus.MustNewConstMetric(m.condition, prometheus.GaugeValue, float64(n), app.Namespace, app.Name, app.Spec.ProjectName(), string(t))
		}
	}
	for _, set := range m.sets() {
		setLabels.tell(ch, set.Labels, set.Namespace, set.Name)
		ch <- prometheus.MustNewConstMetric(m.setInfo, prometheus.GaugeValue, 1, set.Namespace, set.Name, updateStatus(set))
		ch <- prometheus.MustNewConstMetric(m.setOwned, prometheus.GaugeValue, float64(max(int64(len(set.Status.Resources)), set.Status.ResourcesCount)), set.Namespace, set.Name)
	}
}

// labels are those of objects that are told as labels of a metric whose value is 1.
type labels struct {
	desc *prometheus.Desc // nil when none are
	keys []string
}

var noLabel = regexp.MustCompile(`[^a-zA-Z0-9_]`)

// newLabels names the metric's labels as Argo CD does, label_team; of two that come out alike the first counts.
func newLabels(name, help string, fixed, keys []string) labels {
	l, names := labels{}, slices.Clone(fixed)
	for _, key := range keys {
		if n := "label_" + noLabel.ReplaceAllString(key, "_"); !slices.Contains(names, n) {
			names, l.keys = append(names, n), append(l.keys, key)
		}
	}
	if len(l.keys) > 0 {
		l.desc = prometheus.NewDesc(name, help, names, nil)
	}
	return l
}

func (l labels) tell(ch chan<- prometheus.Metric, of map[string]string, fixed ...string) {
	if l.desc == nil {
		return
	}
	for _, key := range l.keys {
		fixed = append(fixed, of[key])
	}
	ch <- prometheus.MustNewConstMetric(l.desc, prometheus.GaugeValue, 1, fixed...)
}

// updateStatus is why an ApplicationSet says that its applications are up to date, or that they are not.
func updateStatus(set *v1alpha1.ApplicationSet) string {
	for _, c := range set.Status.Conditions {
		if c.Type == v1alpha1.AppSetConditionResourcesUpToDate {
			return c.Reason
		}
	}
	return "Unknown"
}

func (m *Metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.syncs, m.syncSeconds, m.reconciles, m.requests, m.drifts, m.panics, m.orphans, m.evaluated, m.setApps, m.setLooks}
}

func (m *Metrics) reconciled(namespace, server string, d time.Duration) {
	m.reconciles.WithLabelValues(namespace, server).Observe(d.Seconds())
}

func (m *Metrics) request(verb string) { m.requests.WithLabelValues(verb).Inc() }

func (m *Metrics) drifted(app *v1alpha1.Application) {
	m.drifts.WithLabelValues(app.Namespace, app.Name, app.Spec.ProjectName()).Inc()
}

func (m *Metrics) synced(app *v1alpha1.Application, server string) {
	op := app.Status.OperationState
	dry := "false"
	if op.Operation.Sync != nil && op.Operation.Sync.DryRun {
		dry = "true"
	}
	m.syncs.WithLabelValues(app.Namespace, app.Name, app.Spec.ProjectName(), server, string(op.Phase), dry).Inc()
	if op.FinishedAt != nil {
		m.syncSeconds.WithLabelValues(app.Namespace, app.Name, app.Spec.ProjectName(), server).Add(op.FinishedAt.Sub(op.StartedAt.Time).Seconds())
	}
}

func (m *Metrics) setLooked(name types.NamespacedName, d time.Duration) {
	m.setLooks.WithLabelValues(name.Namespace, name.Name).Observe(d.Seconds())
}

func (m *Metrics) setWrote(set *v1alpha1.ApplicationSet, action string) {
	m.setApps.WithLabelValues(set.Namespace, set.Name, action).Inc()
}

// forgetSet drops the figures of a set that is gone.
func (m *Metrics) forgetSet(name types.NamespacedName) {
	gone := prometheus.Labels{"namespace": name.Namespace, "name": name.Name}
	m.evaluated.DeletePartialMatch(gone)
	m.setApps.DeletePartialMatch(gone)
	m.setLooks.DeletePartialMatch(gone)
}
