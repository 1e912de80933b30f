package reconcile

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/plan"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// conclude ends an operation, or lets it wait for its next try when it failed and its retry strategy has tries left.
// On the wire such an operation is Running with finishedAt set.
func (a *Apps) conclude(ctx context.Context, app *v1alpha1.Application, st *state, end plan.Next) error {
	op := app.Status.OperationState
	failed := end.Phase == v1alpha1.OperationFailed || end.Phase == v1alpha1.OperationError
	limit := op.Operation.Retry.Limit
	if !failed || limit == 0 {
		return a.finish(ctx, app, st, end)
	}
	if limit > 0 && op.RetryCount >= limit {
		end.Message += fmt.Sprintf(" (retried %d times).", op.RetryCount)
		return a.finish(ctx, app, st, end)
	}
	now := metav1.Now().Rfc3339Copy()
	pause := retryPause(op.Operation.Retry.Backoff, op.RetryCount)
	v := a.viewOf(app, st.journal)
	updated, err := a.Catalog.PatchApplication(ctx, app, func(n *v1alpha1.Application) {
		if n.Status.OperationState == nil || final(n.Status.OperationState.Phase) {
			return
		}
		op := n.Status.OperationState
		op.RetryCount++
		op.FinishedAt, op.WaitingSince = &now, nil
		op.Message = clip(fmt.Sprintf("%s. Retrying attempt #%d at %s.", end.Message, op.RetryCount, now.Add(pause).Format(time.Kitchen)), maxOperationMessage)
		if op.SyncResult != nil {
			op.SyncResult.Resources = bounded(st.journal.results(v), room(n.Status.Resources))
		}
	})
	if err != nil {
		return err
	}
	st.journal = nil
	a.queue.addAfter(nameOf(updated), pause, cause{})
	return nil
}

// tryAgain begins the next try of an operation that waits for it, when its pause is over.
func (a *Apps) tryAgain(ctx context.Context, app *v1alpha1.Application, st *state) (due bool, _ *v1alpha1.Application, _ error) {
	op := app.Status.OperationState
	at := op.FinishedAt.Add(retryPause(op.Operation.Retry.Backoff, op.RetryCount-1))
	if wait := time.Until(at); wait > 0 {
		a.queue.addAfter(nameOf(app), wait, cause{})
		return false, app, nil
	}
	v := st.view
	updated, err := a.Catalog.PatchApplication(ctx, app, func(n *v1alpha1.Application) {
		op := n.Status.OperationState
		op.FinishedAt, op.Message = nil, "one or more tasks are running"
		if op.SyncResult == nil {
			return
		}
		op.SyncResult.Resources = nil
		if sync := op.Operation.Sync; sync != nil && op.Operation.Retry.Refresh && v.complete != nil && v.unknown == nil && sync.Source == nil && len(sync.Sources) == 0 {
			sync.Revision, sync.Revisions = v.revision(), v.revisions()
			op.SyncResult.Revision, op.SyncResult.Revisions = v.revision(), v.revisions()
		}
	})
	st.journal = nil
	return true, updated, err
}

// retryPause is the time before the try after n earlier ones: duration × factor^n, at most maxDuration. What cannot
// be understood is the default (v1alpha1.DefaultBackoff…); a bare number counts as seconds.
func retryPause(b *v1alpha1.Backoff, n int64) time.Duration {
	first, factor, longest := "", int64(v1alpha1.DefaultBackoffFactor), ""
	if b != nil {
		first, longest = b.Duration, b.MaxDuration
		if b.Factor != nil && *b.Factor > 0 {
			factor = *b.Factor
		}
	}
	d := pauseOf(first, v1alpha1.DefaultBackoffDuration).Seconds() * math.Pow(float64(factor), float64(max(0, n)))
	d = min(d, pauseOf(longest, v1alpha1.DefaultBackoffMaxDuration).Seconds())
	return max(time.Second, time.Duration(d*float64(time.Second))) // a pause of nothing would try at full speed
}

func pauseOf(text, fallback string) time.Duration {
	for _, s := range []string{text, fallback} {
		if n, err := strconv.Atoi(s); err == nil && n >= 0 {
			return time.Duration(n) * time.Second
		}
		if d, err := time.ParseDuration(s); err == nil && d >= 0 {
			return d
		}
	}
	return 0
}
