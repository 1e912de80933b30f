package catalog

import (
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"k8s.io/apimachinery/pkg/types"
)

// ListApplications is Applications with the version to watch from: WatchApplications with it tells everything that is
// not in the list yet. The list holds what is written through this replica even when its watch has not told so far.
func (c *Catalog) ListApplications() (list []*v1alpha1.Application, version string) {
	c.mu.RLock()
	version = c.heardApps // before the list: what comes between is told again
	c.mu.RUnlock()
	return c.appLedger.list(), version
}

// WatchApplications tells of every change of an Application after version (a resourceVersion: of a list, or of an
// Application), status included; of all that exist first when version is empty. Close the Watcher.
//
// Subscribe is for those who write status themselves and must not be woken by it; this is for those who only look.
func (c *Catalog) WatchApplications(version string) *Watcher[*v1alpha1.Application] {
	return c.appLedger.watch(version)
}

// DeletedApplication returns an Application that is gone as it was last, and when it went; false when it is not known, or
// there is one of its name.
func (c *Catalog) DeletedApplication(name types.NamespacedName) (*v1alpha1.Application, time.Time, bool) {
	return c.appLedger.grave(name)
}

// deadApplication is an Application that was deleted at version.
func deadApplication(app *v1alpha1.Application, version string) *v1alpha1.Application {
	dead := *app
	if version != "" {
		dead.ResourceVersion = version
	}
	return &dead
}
