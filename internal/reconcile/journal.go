package reconcile

import (
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// journal is the memory of a running operation that need not survive a restart: losing it repeats dry runs and
// applies, which change nothing the second time.
type journal struct {
	started metav1.Time
	entries plan.Journal
	order   []plan.ID
	phases  map[plan.ID]v1alpha1.SyncPhase
	dryRan  bool
	saved   time.Time
	wrote   time.Time // when a step last changed something; for the pause between waves
	weather pacing    // of requests that could not be served
	wait    plan.Wait // the one in progress; its subject is not known after a restart
	view    *view     // of the operation's own revision, when it is not the application's
	asked   string    // hash of `.operation` when it was taken up; empty when not known
	over    time.Time // when it ended, while its end is not written yet
	end     plan.Next // what it ended as then
	left    *view     // what it left then
}

func journalOf(op *v1alpha1.OperationState) *journal {
	j := &journal{started: op.StartedAt, entries: plan.Journal{}, phases: map[plan.ID]v1alpha1.SyncPhase{}, saved: time.Now(), wrote: time.Now()}
	if op.WaitingSince != nil {
		j.wait.Since = op.WaitingSince.Time
	}
	if op.SyncResult != nil {
		for _, r := range op.SyncResult.Resources {
			id := plan.ID{Key: object.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}, Hook: r.HookType}
			j.put(id, plan.Entry{Status: r.Status, Message: r.Message, Phase: r.HookPhase}, r.SyncPhase)
		}
		j.dryRan = len(op.SyncResult.Resources) > 0
	}
	return j
}

func (j *journal) put(id plan.ID, e plan.Entry, phase v1alpha1.SyncPhase) {
	if _, known := j.entries[id]; !known {
		j.order = append(j.order, id)
	}
	if phase == "" {
		phase = v1alpha1.SyncPhaseSync
	}
	j.entries[id], j.phases[id] = e, phase
}

// results is the journal as the wire has it.
func (j *journal) results(v *view) []v1alpha1.ResourceResult {
	list := make([]v1alpha1.ResourceResult, 0, len(j.order))
	for _, id := range j.order {
		k, e := id.Key, j.entries[id]
		r := v1alpha1.ResourceResult{Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name, Status: e.Status, Message: clip(e.Message, 1024),
			HookType: id.Hook, HookPhase: e.Phase, SyncPhase: j.phases[id]}
		if v != nil {
			if c := v.objects[k]; c != nil && c.want != nil {
				r.Version, r.Images = c.want.GroupVersionKind().Version, imagesOf(c.want)
			} else if c := v.extras[k]; c != nil {
				r.Version = c.live.GroupVersionKind().Version
			} else if v.cluster != nil { // it is nil while the destination does not answer
				if kind, ok := v.cluster.Kind(k.GroupKind()); ok {
					r.Version = kind.GVK.Version
				}
			}
		}
		list = append(list, r)
	}
	return list
}
