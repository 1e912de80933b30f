package daemon

import (
	"time"

	"github.com/hawser-cd/hawser/internal/charts"
	"github.com/hawser-cd/hawser/internal/cluster/credential"
	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/git"
	"github.com/hawser-cd/hawser/internal/reconcile"
	"github.com/hawser-cd/hawser/internal/render"
	"github.com/prometheus/client_golang/prometheus"
)

// use reads, when it is asked, what the engines hold, do and let wait, beside the bounds of it (docs/bounds.md tells of
// each). No label has a value that somebody else chooses, but for the addresses of clusters.
type use struct {
	*Daemon
	render *render.Renderer
	forges *forge.Client
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	cacheBytes   = describe("hawser_cache_bytes", "What a cache takes, in memory or, for those whose name ends in disk, on disk.", "cache")
	cacheLimit   = describe("hawser_cache_limit_bytes", "How much a cache may take.", "cache")
	cacheEntries = describe("hawser_cache_entries", "How many values a cache holds.", "cache")

	gitMirrors     = describe("hawser_git_mirrors", "Mirrors of Git repositories on disk.")
	gitMirrorBytes = describe("hawser_git_mirrors_bytes", "What their packs take on disk, as of the last minute; it has no bound.")

	workRunning = describe("hawser_work_running", "How much of a sort of work is being done at the moment.", "work")
	workLimit   = describe("hawser_work_running_limit", "How much of it may be done at once.", "work")
	workWaiting = describe("hawser_work_waiting", "How much of it waits for its turn.", "work")

	queueLength = describe("hawser_queue_length", "What waits in a queue.", "queue")
	queueLimit  = describe("hawser_queue_length_limit", "How much may wait in a queue whose bound is a number; that of the others is what there is.", "queue")
	queueOldest = describe("hawser_queue_oldest_seconds", "Since when the oldest in a queue waits.", "queue")

	eventsDropped = describe("hawser_kubernetes_events_dropped_total", "Kubernetes events, which are for people to read, that were not sent.", "reason")

	heldRecords     = describe("hawser_records", "Applications and ApplicationSets that are held.", "kind")
	recordsDeleted  = describe("hawser_records_deleted", "Deleted ones that a watcher may still have to be told of.", "kind")
	recordsLimit    = describe("hawser_records_deleted_limit", "How many deleted ones are held; a watcher that is further behind must start anew.", "kind")
	recordsWatchers = describe("hawser_records_watchers", "Who watches them.", "kind")
	listeners       = describe("hawser_application_listeners", "Streams that follow the objects of an application.")
	remembered      = describe("hawser_applications_remembered", "Applications of which something is remembered between two looks.")

	changesWaiting = describe("hawser_cluster_changes_waiting", "Objects whose change has not been acted on yet.", "server")
	changesOldest  = describe("hawser_cluster_changes_oldest_seconds", "Since when the oldest of these waits.", "server")
	changesJoined  = describe("hawser_cluster_changes_joined_total", "Changes that were told together with an earlier one of the same object.", "server")
	clusterAsking  = describe("hawser_cluster_requests_running", "Requests to a cluster that have no answer yet.", "server")
	clusterWatches = describe("hawser_cluster_watches", "Watches that are open or being opened.", "server")
	clusterLists   = describe("hawser_cluster_lists_running", "First lists that are being read.", "server")
	listsLimit     = describe("hawser_cluster_lists_running_limit", "How many first lists may be read at once.", "server")
	clusterPinned  = describe("hawser_cluster_pinned_objects", "Objects kept whole for applications that have not marked them yet.", "server")

	// What client-go's queues tell, by the names that Argo CD gives its own: dashboards read the first.
	queueDepth      = describe("workqueue_depth", "Applications or ApplicationSets that wait for a look.", "name")
	queueUnfinished = describe("workqueue_unfinished_work_seconds", "What the looks under way have taken until now, all together.", "name")
	queueLongest    = describe("workqueue_longest_running_processor_seconds", "What the longest of them has taken.", "name")
)

// Describe implements prometheus.Collector.
func (use) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		cacheBytes, cacheLimit, cacheEntries, gitMirrors, gitMirrorBytes, workRunning, workLimit, workWaiting, queueLength, queueLimit, queueOldest, eventsDropped,
		heldRecords, recordsDeleted, recordsLimit, recordsWatchers, listeners, remembered,
		changesWaiting, changesOldest, changesJoined, clusterAsking, clusterWatches, clusterLists, listsLimit, clusterPinned, queueDepth, queueUnfinished, queueLongest,
	} {
		ch <- d
	}
}

// page is the channel that figures are written to.
type page chan<- prometheus.Metric

func (p page) gauge(d *prometheus.Desc, v float64, labels ...string) {
	p <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (p page) count(d *prometheus.Desc, n uint64, labels ...string) {
	p <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (p page) cache(name string, bytes, limit int64, entries int) {
	p.gauge(cacheBytes, float64(bytes), name)
	p.gauge(cacheLimit, float64(limit), name)
	if entries >= 0 {
		p.gauge(cacheEntries, float64(entries), name)
	}
}

// work writes of a sort of work how much runs; below zero means that limit or waiting are not known.
func (p page) work(name string, running, limit, waiting int) {
	p.gauge(workRunning, float64(running), name)
	if limit >= 0 {
		p.gauge(workLimit, float64(limit), name)
	}
	if waiting >= 0 {
		p.gauge(workWaiting, float64(waiting), name)
	}
}

// Collect implements prometheus.Collector.
func (u use) Collect(ch chan<- prometheus.Metric) {
	p := page(ch)
	p.loops(u.Apps.Use())
	p.sources(u.git.Use(), u.charts.Use(), u.render.Use(), u.forges.Use())
	programs, most := credential.Running()
	p.work("credential_programs", programs, most, -1)
	u.catalog(p)
	u.clusters(p)
}

func (p page) loops(r reconcile.Use) {
	a, s := r.Applications, r.Sets
	p.gauge(queueLength, float64(a.Urgent), "applications_urgent")
	p.gauge(queueLength, float64(a.Relaxed), "applications_relaxed")
	p.gauge(queueLength, float64(a.Timers), "applications_later")
	p.gauge(queueOldest, a.Oldest.Seconds(), "applications")
	p.gauge(queueLength, float64(s.Urgent+s.Relaxed), "applicationsets")
	p.gauge(queueLength, float64(s.Timers), "applicationsets_later")
	p.gauge(queueOldest, s.Oldest.Seconds(), "applicationsets")
	p.work("looks", a.Running, a.RunningLimit, -1)
	p.work("looks_relaxed", a.RunningRelaxed, a.RunningRelaxedLimit, -1)
	p.work("applicationset_looks", s.Running, s.RunningLimit, -1)
	p.work("logs", r.Logs, r.LogsLimit, -1)
	p.work("scripts", r.Scripts, -1, -1)
	p.gauge(listeners, float64(r.Listeners))
	p.gauge(remembered, float64(r.Remembered))
	for name, q := range map[string]reconcile.QueueUse{"app_reconciliation_queue": a, "applicationset": s} {
		p.gauge(queueDepth, float64(q.Urgent+q.Relaxed), name)
		p.gauge(queueUnfinished, q.Total.Seconds(), name)
		p.gauge(queueLongest, q.Longest.Seconds(), name)
	}
}

func (p page) sources(g git.Use, c charts.Use, r render.Use, f forge.Use) {
	for _, cache := range g.Caches {
		p.cache("git_"+cache.Name, cache.Bytes, cache.Limit, cache.Entries)
	}
	p.gauge(gitMirrors, float64(g.Mirrors))
	p.gauge(gitMirrorBytes, float64(g.MirrorBytes))
	p.work("git_transfers", g.Talking, g.TalkingLimit, g.TalkingWaiting)
	p.work("git_tidyings", g.Tidying, g.TidyingLimit, -1)
	p.work("git_readers", g.Readers, -1, -1)
	p.work("git_readers_idle", g.Idle, g.IdleLimit, -1)

	p.cache("charts_disk", c.DiskBytes, c.DiskLimit, -1)
	p.cache("charts_unpacked", c.MemoryBytes, c.MemoryLimit, c.Unpacked)
	p.gauge(cacheEntries, float64(c.Answers), "charts_answers")
	p.work("chart_requests", c.Requests, c.RequestsLimit, c.RequestsDue)

	p.cache("renders", r.Bytes, r.BytesLimit, r.Entries)
	p.work("renders", r.Running, r.RunningLimit, r.Waiting)

	p.cache("forge_answers", f.Bytes, f.BytesLimit, f.Answers)
	p.work("forge_requests", f.Requests, f.RequestsLimit, f.RequestsDue)
}

func (u use) catalog(p page) {
	c := u.Catalog.Use()
	p.gauge(queueLength, float64(c.Changes), "record_changes")
	p.gauge(queueLength, float64(c.Events), "kubernetes_events")
	p.gauge(queueLimit, float64(c.EventsLimit), "kubernetes_events")
	for reason, n := range c.EventsDropped {
		p.count(eventsDropped, n, reason)
	}
	for _, r := range c.Records {
		p.gauge(heldRecords, float64(r.Live), r.Kind)
		p.gauge(recordsDeleted, float64(r.Deleted), r.Kind)
		p.gauge(recordsLimit, float64(r.DeletedLimit), r.Kind)
		p.gauge(recordsWatchers, float64(r.Watchers), r.Kind)
	}
}

func (u use) clusters(p page) {
	now := time.Now()
	for _, c := range u.Fleet.Clusters() {
		s, use := c.Server(), c.Use()
		oldest := 0.0
		if !use.Since.IsZero() {
			oldest = now.Sub(use.Since).Seconds()
		}
		p.gauge(changesWaiting, float64(use.Waiting), s)
		p.gauge(changesOldest, oldest, s)
		p.count(changesJoined, use.Joined, s)
		p.gauge(clusterAsking, float64(use.Asking), s)
		p.gauge(clusterWatches, float64(use.Watches), s)
		p.gauge(clusterLists, float64(use.Lists), s)
		p.gauge(listsLimit, float64(use.ListsLimit), s)
		p.gauge(clusterPinned, float64(use.Pinned), s)
	}
}
