package daemon

import (
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/prometheus/client_golang/prometheus"
)

// shareMetrics reads who owns what when asked.
type shareMetrics struct{ catalog *catalog.Catalog }

var (
	shareUnits   = prometheus.NewDesc("hawser_shard_units", "Units of work that this replica owns: clusters, or slices of them, and what one replica does for all.", []string{"kind"}, nil)
	shareUnowned = prometheus.NewDesc("hawser_shard_unowned", "Units of work without a living owner, as this replica sees it.", nil, nil)
)

// Describe implements prometheus.Collector.
func (shareMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- shareUnits
	ch <- shareUnowned
}

// Collect implements prometheus.Collector.
func (m shareMetrics) Collect(ch chan<- prometheus.Metric) {
	owned := map[string]int{"cluster": 0, "sets": 0}
	unowned := 0
	count := func(kind string, list []catalog.Ownership) {
		for _, o := range list {
			if o.Mine {
				owned[kind]++
			}
			if !o.Alive && !o.Mine {
				unowned++
			}
		}
	}
	count("sets", m.catalog.Ownerships(""))
	for _, k := range m.catalog.Clusters() {
		if k.Agent == "" {
			count("cluster", m.catalog.Ownerships(k.Server))
		}
	}
	for kind, n := range owned {
		ch <- prometheus.MustNewConstMetric(shareUnits, prometheus.GaugeValue, float64(n), kind)
	}
	ch <- prometheus.MustNewConstMetric(shareUnowned, prometheus.GaugeValue, float64(unowned))
}
