package catalog

import (
	"context"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// sharedLead is who holds LeaderLease while replicas share the work: all of them. It keeps out a replica that was started
// without sharding, before or after, as in the middle of an update: that one would do everything alone.
const sharedLead = "shared"

// guard keeps out who does not share the work until ctx ends, and ends the turn when that fails: units must not be worked on
// while another leads or may lead.
func (d *division) guard(ctx context.Context, stir func(), lose func(error)) {
	tick := time.NewTicker(d.lease / 8)
	defer tick.Stop()
	for {
		ours, lost := d.keepOut(ctx, time.Now())
		switch {
		case ctx.Err() != nil:
			return
		case ours && !d.alone.Swap(true):
			stir()
		case lost && d.alone.Load():
			lose(problem.New(problem.Conflict, "the work can be shared no more: a replica without --sharding leads, or may lead soon"))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// keepOut keeps LeaderLease held in the name of all, and reports whether it is; lost, when it was and another has it now or
// may have it soon. Every replica renews it as often as it
// looks here, unless another has just done so: that is more often than those who wait for it to run out need, by as much
// as our own turn may last longer than its last renewal.
func (d *division) keepOut(ctx context.Context, now time.Time) (ours, lost bool) {
	l, known := d.c.roll.get(LeaderLease)
	if !known || l.Labels[labelLease] == "" { // not among those that are watched
		if !d.read(ctx, LeaderLease) {
			return d.lockOut(ctx, nil), false
		}
		l, _ = d.c.roll.get(LeaderLease)
	}
	switch holder := holderOf(l.Lease); {
	case holder == sharedLead && now.Sub(l.at) < d.lease/8:
		return true, false
	case holder == sharedLead:
		if d.lockOut(ctx, l.Lease) {
			return true, false
		}
		return false, now.Sub(l.at) > goodFor(d.lease)
	case holder == "" || now.Sub(l.at) > max(d.lease, durationOf(l.Lease)):
		return d.lockOut(ctx, l.Lease), false
	default:
		if d.waiting != holder {
			d.waiting = holder
			d.c.log.Info("a replica leads that does not share the work; waiting for its end", "leader", holder)
		}
		return false, true
	}
}

// lockOut writes LeaderLease as held by all.
func (d *division) lockOut(ctx context.Context, l *coordinationv1.Lease) bool {
	now, holder, seconds := metav1.NowMicro(), sharedLead, int32(d.lease/time.Second)
	spec := coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now}
	labels := map[string]string{labelLease: "leader"}
	if l == nil {
		ctx, cancel := context.WithTimeout(ctx, d.lease/4)
		defer cancel()
		made, err := d.client.Create(ctx, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: LeaderLease, Namespace: d.c.options.Namespace, Labels: labels}, Spec: spec}, metav1.CreateOptions{})
		if err == nil {
			d.c.roll.see(made)
		}
		return err == nil
	}
	next := l.DeepCopy()
	if next.Labels == nil {
		next.Labels = map[string]string{}
	}
	next.Labels[labelLease] = labels[labelLease]
	if holderOf(l) == sharedLead {
		spec.AcquireTime, spec.LeaseTransitions = l.Spec.AcquireTime, l.Spec.LeaseTransitions
	}
	next.Spec = spec
	err := d.write(ctx, next)
	if apierrors.IsConflict(err) { // another has just done it
		d.read(ctx, LeaderLease)
		now, _ := d.c.roll.get(LeaderLease)
		return holderOf(now.Lease) == sharedLead
	}
	return err == nil
}
