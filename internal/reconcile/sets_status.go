package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/problem"
)

// setReport is what a look at a set found and did.
type setReport struct {
	err    error     // why nothing could be evaluated; then nothing was done
	faults []error   // what could not be done, or is not permitted; the rest was done
	until  time.Time // when it may be made
	held   string    // why applications stay that the set no longer asks for
	digest string    // of what it asks for: who confirms it names it
	apps   map[string]*v1alpha1.Application

	unlike   map[string]bool         // those that are not what is wanted, and could not be changed
	answered bool                    // a refresh was asked for before the look began: one that came later is not done with
	unheard  bool                    // only the applications changed; what is said of the rest stays
	rollout  *appset.RolloutDecision // nil when the set has none, or it cannot be decided
}

func membersOf(owned []*v1alpha1.Application) map[string]*v1alpha1.Application {
	apps := make(map[string]*v1alpha1.Application, len(owned))
	for _, app := range owned {
		apps[app.Name] = app
	}
	return apps
}

// reportSet writes the status of a set.
func (a *Apps) reportSet(ctx context.Context, set *v1alpha1.ApplicationSet, r setReport) error {
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	done, err := a.Catalog.PatchApplicationSetStatus(ctx, set, func(s *v1alpha1.ApplicationSet) {
		if !r.unheard {
			for _, c := range r.conditions() {
				s.Status.Conditions = withCondition(s.Status.Conditions, c, now)
			}
			r.rolled(s, now)
		}
		if r.err == nil {
			s.Status.Resources, s.Status.ResourcesCount = r.resources()
			s.Status.Health = v1alpha1.HealthStatus{Status: r.health()}
		}
	})
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.answered && done.Annotations[v1alpha1.AnnotationAppSetRefresh] != "" {
		_, err = a.Catalog.PatchApplicationSet(ctx, done, func(s *v1alpha1.ApplicationSet) {
			s.Annotations = maps.Clone(s.Annotations)
			delete(s.Annotations, v1alpha1.AnnotationAppSetRefresh)
		})
	}
	if r.rollout != nil {
		err = errors.Join(err, a.roll(ctx, done, r))
	}
	return errors.Join(err, r.again())
}

// again is the first fault that time may heal: the look is repeated for it.
func (r setReport) again() error {
	for _, f := range r.faults {
		if _, known := forge.AskAgain(f); known {
			return f
		}
		if problem.Is(f, problem.Unavailable) || problem.Is(f, problem.Internal) || problem.Is(f, problem.Conflict) {
			return f
		}
	}
	return nil
}

// conditions are Argo CD's three, with its reasons.
func (r setReport) conditions() []v1alpha1.ApplicationSetCondition {
	const fine = "Successfully generated parameters for all Applications"
	yes, no := v1alpha1.AppSetConditionTrue, v1alpha1.AppSetConditionFalse
	failed := r.err
	if failed == nil {
		failed = errors.Join(r.faults...)
	}
	if failed == nil && r.held != "" {
		failed = problem.New(problem.Precondition, "%s", r.held).WithHint("they stay until %s, when the generators are asked again, or until annotation %s says %s", r.until.UTC().Format(time.RFC3339), annotationSetApproved, r.digest)
	}
	generated := v1alpha1.ApplicationSetCondition{Type: v1alpha1.AppSetConditionParametersGenerated, Status: yes, Reason: v1alpha1.AppSetReasonParametersGenerated, Message: fine}
	if failed == nil {
		return []v1alpha1.ApplicationSetCondition{
			{Type: v1alpha1.AppSetConditionErrorOccurred, Status: no, Reason: v1alpha1.AppSetReasonApplicationSetUpToDate, Message: fine},
			generated,
			{Type: v1alpha1.AppSetConditionResourcesUpToDate, Status: yes, Reason: v1alpha1.AppSetReasonApplicationSetUpToDate, Message: "All applications have been generated successfully"},
		}
	}
	text := failed.Error()
	if r.err != nil {
		generated.Status, generated.Reason, generated.Message = no, v1alpha1.AppSetReasonErrorOccurred, text
	}
	return []v1alpha1.ApplicationSetCondition{
		{Type: v1alpha1.AppSetConditionErrorOccurred, Status: yes, Reason: v1alpha1.AppSetReasonErrorOccurred, Message: text},
		generated,
		{Type: v1alpha1.AppSetConditionResourcesUpToDate, Status: no, Reason: v1alpha1.AppSetReasonErrorOccurred, Message: text},
	}
}

func withCondition(list []v1alpha1.ApplicationSetCondition, c v1alpha1.ApplicationSetCondition, now metav1.Time) []v1alpha1.ApplicationSetCondition {
	c.LastTransitionTime = &now
	i := slices.IndexFunc(list, func(o v1alpha1.ApplicationSetCondition) bool { return o.Type == c.Type })
	if i < 0 {
		return append(list, c)
	}
	if o := list[i]; o.Status == c.Status && o.Reason == c.Reason && o.Message == c.Message {
		return list
	}
	list = slices.Clone(list)
	list[i] = c
	return list
}

// maxSetResources is how many applications a status lists: etcd takes no more than 1.5 MB.
const maxSetResources = 5000

func (r setReport) resources() (list []v1alpha1.ResourceStatus, count int64) {
	for _, name := range slices.Sorted(maps.Keys(r.apps)) {
		if len(list) == maxSetResources {
			break
		}
		app := r.apps[name]
		h := app.Status.Health
		list = append(list, v1alpha1.ResourceStatus{Group: "argoproj.io", Version: "v1alpha1", Kind: v1alpha1.KindApplication, Namespace: app.Namespace, Name: app.Name,
			Status: app.Status.Sync.Status, Health: &v1alpha1.HealthStatus{Status: h.Status, Message: h.Message}})
	}
	return list, int64(len(r.apps))
}

// health is the worst of the applications'.
func (r setReport) health() v1alpha1.HealthStatusCode {
	order := []v1alpha1.HealthStatusCode{v1alpha1.HealthStatusDegraded, v1alpha1.HealthStatusMissing, v1alpha1.HealthStatusUnknown, v1alpha1.HealthStatusProgressing, v1alpha1.HealthStatusSuspended}
	for _, worst := range order {
		for _, app := range r.apps {
			if app.Status.Health.Status == worst {
				return worst
			}
		}
	}
	return v1alpha1.HealthStatusHealthy
}
