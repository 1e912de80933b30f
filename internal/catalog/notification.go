package catalog

import (
	"slices"
	"strings"
)

// notificationsMap holds triggers, templates and services of notifications.
const notificationsMap = "argocd-notifications-cm"

// Notifications names what argocd-notifications-cm defines: kind is trigger, template or service. A service is named by
// its type unless it has a name of its own: service.slack, service.webhook.NAME.
func (c *Catalog) Notifications(kind string) (names []string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for key := range c.records.maps[notificationsMap] {
		name, ok := strings.CutPrefix(key, kind+".")
		if _, own, has := strings.Cut(name, "."); kind == "service" && has {
			name = own
		}
		if ok && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
