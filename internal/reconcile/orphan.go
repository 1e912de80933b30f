package reconcile

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// findOrphans counts what lies in the application's destination namespace and belongs to nobody: no application has its
// mark on it, and nothing owns it. Only projects that ask for it are looked at (spec.orphanedResources).
func (a *Apps) findOrphans(v *view) {
	v.orphans = nil
	project, err := a.Catalog.Project(v.spec.project)
	if err != nil || project.Spec.OrphanedResources == nil || v.spec.destination.Namespace == "" {
		return
	}
	rules, err := a.Catalog.Rules(v.spec.project)
	if err != nil {
		return
	}
	tracking := a.Catalog.Settings().Tracking
	for _, o := range v.cluster.InNamespace(v.spec.destination.Namespace) {
		key := object.KeyOf(o)
		kind, known := v.cluster.Kind(key.GroupKind())
		switch {
		case !known || kind.Excluded || len(o.GetOwnerReferences()) > 0 || tracking.Owner(o) != "" || v.objects[key] != nil:
		case madeByNamespace(key) || key == object.Key{Kind: "Service", Namespace: "default", Name: "kubernetes"}:
		case rules.Kind(key.GroupKind(), key.Name, true) != nil: // not the project's concern
		case rules.IgnoresOrphan(key):
		default:
			v.orphans = append(v.orphans, key)
		}
	}
}

// warnsOfOrphans reports whether the project wants a condition for them; it does unless it says warn: false.
func (a *Apps) warnsOfOrphans(v *view) bool {
	project, err := a.Catalog.Project(v.spec.project)
	return err == nil && project.Spec.OrphanedResources != nil && (project.Spec.OrphanedResources.Warn == nil || *project.Spec.OrphanedResources.Warn)
}

// orphansWarning is the condition of an application with orphans, in Argo CD's words.
const orphansWarning = "Application has %d orphaned resources"

// orphaned tells the metric how many there are.
func (m *Metrics) orphaned(app *v1alpha1.Application, n int) {
	m.orphans.WithLabelValues(app.Namespace, app.Name, app.Spec.ProjectName()).Set(float64(n))
}
