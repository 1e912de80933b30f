package reconcile

import (
	"context"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/health"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
)

// scriptTime bounds one judgement: a script of the users can loop.
const scriptTime = time.Second

// judge is the health checks of one value of the settings, compiled.
type judge struct {
	settings *catalog.Settings
	checks   *health.Checks
}

// checks returns the health checks in force: built in, ready-made, and those of the settings.
func (a *Apps) checks() *health.Checks {
	s := a.Catalog.Settings()
	if j := a.judge.Load(); j != nil && j.settings == s {
		return j.checks
	}
	custom := make([]health.Custom, len(s.HealthChecks))
	for i, h := range s.HealthChecks {
		custom[i] = health.Custom(h)
	}
	checks, problems := health.NewChecks(custom)
	for _, p := range problems {
		a.Log.Warn("health check not understood", "error", p)
	}
	a.judge.Store(&judge{s, checks})
	return checks
}

// of judges one live object; ok is false when its kind has no health.
func (a *Apps) of(ctx context.Context, o *object.Object) (h health.Health, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, scriptTime)
	defer cancel()
	return a.checks().Of(ctx, o, health.Options{Fallback: a.Catalog.Settings().HealthFallback, Now: time.Now()})
}

// healthOf judges the live side of an object, and says of a workload in trouble what its pods say.
func (a *Apps) healthOf(ctx context.Context, live *object.Object, v *view) *v1alpha1.HealthStatus {
	if live == nil {
		return &v1alpha1.HealthStatus{Status: v1alpha1.HealthStatusMissing}
	}
	if v.isItself(live) { // its own health, once bad, would keep itself so
		return nil
	}
	h, ok := a.of(ctx, live)
	if !ok {
		return nil
	}
	message := h.Message
	if h.Status == v1alpha1.HealthStatusProgressing || h.Status == v1alpha1.HealthStatusDegraded {
		if why := health.Explain(live, podsOf(live, v), time.Time{}); why != "" {
			message = why
		}
	}
	return &v1alpha1.HealthStatus{Status: h.Status, Message: message}
}

func isApplication(o *object.Object) bool {
	return o.GetKind() == v1alpha1.KindApplication && o.GroupVersionKind().Group == v1alpha1.Group
}

// planHealth is an object's health as the plan needs it. What keeps a hook or a wave is explained by its pods.
func (a *Apps) planHealth(ctx context.Context, o *object.Object, v *view) plan.Health {
	h, ok := a.of(ctx, o)
	if !ok || v.isItself(o) { // an application in its own source would wait for its own sync to end
		return plan.Health{Healthy: true}
	}
	message := h.Message
	if h.Status == v1alpha1.HealthStatusHealthy && isApplication(o) {
		if why := health.SyncDue(o, time.Now()); why != "" {
			return plan.Health{Known: true, Message: why}
		}
	}
	if h.Status == v1alpha1.HealthStatusProgressing {
		if why := health.Explain(o, podsOf(o, v), time.Time{}); why != "" {
			message = why
		}
	}
	healthy := h.Status == v1alpha1.HealthStatusHealthy || v.spec.asleep != "" && h.Status == v1alpha1.HealthStatusSuspended // as it should be
	return plan.Health{Known: true, Healthy: healthy, Degraded: h.Status == v1alpha1.HealthStatusDegraded, Message: message}
}
