package server

import (
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// refusedBy is the bound by which a caller was refused, as the metric calls it; docs/bounds.md tells of each.
type refusedBy string

const (
	byStrangerRate    refusedBy = "stranger_rate"
	byStrangers       refusedBy = "stranger_requests"
	byCallersRequests refusedBy = "caller_requests"
	byCallersBodies   refusedBy = "caller_bodies"
	byBodies          refusedBy = "bodies"
	byCallersStreams  refusedBy = "caller_streams"
	byStreams         refusedBy = "streams"
	byCallersLists    refusedBy = "caller_lists"
	byLists           refusedBy = "lists"
	byTerminals       refusedBy = "terminals"
	byHealthWatches   refusedBy = "health_watches"
	byWebhookRate     refusedBy = "webhook_rate"
	byWebhooks        refusedBy = "webhooks"
)

// refusals counts what was refused, by bound. The table never changes, so that every series is there from the start.
type refusals struct{ by map[refusedBy]*atomic.Uint64 }

func newRefusals() *refusals {
	r := &refusals{by: map[refusedBy]*atomic.Uint64{}}
	for _, b := range []refusedBy{
		byStrangerRate, byStrangers, byCallersRequests, byCallersBodies, byBodies, byCallersStreams, byStreams, byCallersLists, byLists,
		byTerminals, byHealthWatches, byWebhookRate, byWebhooks,
	} {
		r.by[b] = &atomic.Uint64{}
	}
	return r
}

func (r *refusals) add(by refusedBy) { r.by[by].Add(1) }

// figures reads, when it is asked, what callers use of what they may.
type figures struct{ *server }

// Their descriptions. Callers are strangers or users; more is not told apart, or a caller could make series at will.
var (
	httpRunning            = prometheus.NewDesc("hawser_http_requests_running", "Requests that are being answered; those of users without their streams.", []string{"caller"}, nil)
	httpRunningLimit       = prometheus.NewDesc("hawser_http_requests_running_limit", "How many requests may be answered at once; there is none for all users together.", []string{"caller"}, nil)
	httpStreams            = prometheus.NewDesc("hawser_http_streams", "Open streams: watches, logs, terminals.", nil, nil)
	httpStreamsLimit       = prometheus.NewDesc("hawser_http_streams_limit", "How many streams may be open.", nil, nil)
	httpBodies             = prometheus.NewDesc("hawser_http_body_bytes", "Memory for the bodies of requests.", []string{"caller"}, nil)
	httpBodiesLimit        = prometheus.NewDesc("hawser_http_body_limit_bytes", "How much memory the bodies of requests may take.", []string{"caller"}, nil)
	httpLists              = prometheus.NewDesc("hawser_http_lists_running", "Answers with many objects that are being made and sent.", nil, nil)
	httpListsWaiting       = prometheus.NewDesc("hawser_http_lists_waiting", "Requests that wait for their turn to be answered with many objects.", nil, nil)
	httpListsLimit         = prometheus.NewDesc("hawser_http_lists_running_limit", "How many answers with many objects may be made and sent at once.", nil, nil)
	httpTerminals          = prometheus.NewDesc("hawser_http_terminals", "Open terminals.", nil, nil)
	httpTerminalsLimit     = prometheus.NewDesc("hawser_http_terminals_limit", "How many terminals may be open.", nil, nil)
	httpHealthWatches      = prometheus.NewDesc("hawser_http_health_watches", "Open watches of gRPC's health service, which anybody may open.", nil, nil)
	httpHealthWatchesLimit = prometheus.NewDesc("hawser_http_health_watches_limit", "How many watches of health may be open.", nil, nil)
	httpWebhooks           = prometheus.NewDesc("hawser_http_webhooks_running", "Webhook deliveries that are being read.", nil, nil)
	httpWebhooksLimit      = prometheus.NewDesc("hawser_http_webhooks_running_limit", "How many webhook deliveries may be read at once.", nil, nil)
	httpRefused            = prometheus.NewDesc("hawser_http_refused_total", "Requests that were refused because a bound was reached.", []string{"bound"}, nil)

	httpConnections        = prometheus.NewDesc("hawser_http_connections", "Open connections.", nil, nil)
	httpConnectionsLimit   = prometheus.NewDesc("hawser_http_connections_limit", "How many connections may be open.", nil, nil)
	httpConnectionsRefused = prometheus.NewDesc("hawser_http_connections_refused_total", "Connections that were closed at once because too many were open, in all or from one address.", nil, nil)
)

// Describe implements prometheus.Collector.
func (figures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		httpRunning, httpRunningLimit, httpStreams, httpStreamsLimit, httpBodies, httpBodiesLimit, httpLists, httpListsWaiting, httpListsLimit,
		httpTerminals, httpTerminalsLimit, httpHealthWatches, httpHealthWatchesLimit, httpWebhooks, httpWebhooksLimit, httpRefused,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (f figures) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	h := f.crowd
	strangers, strangersBytes := h.strangers.use()
	webhooks, webhooksBytes := f.webhooks.use()
	h.mu.Lock()
	streams, held, users := h.streams, h.held, 0
	for caller, u := range h.shares {
		if strings.HasPrefix(caller, "user ") {
			users += u.running
		}
	}
	h.mu.Unlock()
	const stranger, user, provider = "stranger", "user", "webhook"
	gauge(httpRunning, float64(strangers), stranger)
	gauge(httpRunning, float64(users), user)
	gauge(httpRunningLimit, float64(h.strangers.atOnce), stranger)
	gauge(httpStreams, float64(streams))
	gauge(httpStreamsLimit, float64(h.limits.streams))
	gauge(httpBodies, float64(strangersBytes), stranger)
	gauge(httpBodies, float64(held), user)
	gauge(httpBodies, float64(webhooksBytes), provider)
	gauge(httpBodiesLimit, float64(h.strangers.bytes), stranger)
	gauge(httpBodiesLimit, float64(h.limits.bytes), user)
	gauge(httpBodiesLimit, float64(f.webhooks.bytes), provider)
	gauge(httpLists, float64(len(h.lists)))
	gauge(httpListsWaiting, float64(h.awaiting.Load()))
	gauge(httpListsLimit, float64(cap(h.lists)))
	gauge(httpTerminals, float64(f.terminals.Load()))
	gauge(httpTerminalsLimit, maxTerminals)
	gauge(httpHealthWatches, float64(f.healthWatches.Load()))
	gauge(httpHealthWatchesLimit, maxHealthWatches)
	gauge(httpWebhooks, float64(webhooks))
	gauge(httpWebhooksLimit, float64(f.webhooks.atOnce))
	for b, n := range h.refused.by {
		ch <- prometheus.MustNewConstMetric(httpRefused, prometheus.CounterValue, float64(n.Load()), string(b))
	}
}

// use returns how many are inside, and the memory that they hold.
func (g *gate) use() (inside int, held int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside, g.held
}

// connectionFigures reads, when it is asked, how many connections are open.
type connectionFigures struct{ *turnstile }

// Describe implements prometheus.Collector.
func (connectionFigures) Describe(ch chan<- *prometheus.Desc) {
	ch <- httpConnections
	ch <- httpConnectionsLimit
	ch <- httpConnectionsRefused
}

// Collect implements prometheus.Collector.
func (f connectionFigures) Collect(ch chan<- prometheus.Metric) {
	f.mu.Lock()
	open, refused := f.open, f.refused
	f.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(httpConnections, prometheus.GaugeValue, float64(open))
	ch <- prometheus.MustNewConstMetric(httpConnectionsLimit, prometheus.GaugeValue, float64(f.all))
	ch <- prometheus.MustNewConstMetric(httpConnectionsRefused, prometheus.CounterValue, float64(refused))
}
