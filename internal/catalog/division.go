package catalog

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/shard"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// Share is a unit that this replica owns.
type Share struct {
	Unit   shard.Unit
	Slices int // into how many its cluster is cut; it does not change while the unit is owned
}

// Holder does the work of the units that a replica owns.
type Holder interface {
	// TakeUp begins with the work of a unit, and returns at once. Everything that is written for it must be written with
	// ctx or one made of it.
	TakeUp(ctx context.Context, s Share)
	// PutDown ends the work of a unit, and returns when nothing of it goes on.
	PutDown(u shard.Unit)
}

// division is one turn's part in sharing the work. One goroutine (Divide) takes and gives; the rules that keep a unit
// from having two owners, or none for long, are:
//
//   - A unit is its holder's, and only the holder gives it away, after all work on it has ended.
//   - It may be taken from a holder whose turn is over for ever. Who finds that the Lease of a turn has not been renewed
//     for its whole duration declares the turn over, in that Lease and at the version that was not renewed: a renewal that
//     comes after that fails, and one that came before has made another version. Renewals are trusted for two thirds of
//     the duration by those who sent them.
//   - The number of slices in force is read after a slice was taken, and is changed only by who owns them all.
type division struct {
	c      *Catalog
	me     string
	holder Holder
	client coordination.LeaseInterface
	lease  time.Duration

	held     map[shard.Unit]*holding
	ended    chan shard.Unit
	over     map[string]bool          // turns whose Leases are gone for good
	orphaned map[shard.Unit]time.Time // since when nobody owns them

	alone   atomic.Bool // nobody works who does not share: see guard
	waiting string      // what guard waits for, as last logged
}

// holding is a unit that is ours according to its Lease.
type holding struct {
	state  holdingState
	tenure *tenure
	// doubt: it was tried to give it away, or to cut its cluster anew, and the answer was lost. That may still be carried out.
	doubt bool
}

type holdingState int

const (
	resting holdingState = iota // ours, and nothing is done
	working
	ending
)

// Divide shares the work with the other replicas until ctx, which is that of the turn, ends; then all work of ours has
// ended. It is a Conflict when a replica that does not share the work comes in between: then the turn must end.
func (c *Catalog) Divide(ctx context.Context, turn string, h Holder) error {
	client, err := coordination.NewForConfig(quick(c.options.REST))
	if err != nil {
		return problem.Because(problem.Invalid, err, "connection for the Leases of units")
	}
	d := &division{
		c: c, me: turn, holder: h, client: client.Leases(c.options.Namespace), lease: leaseOf(c.options),
		held: map[shard.Unit]*holding{}, ended: make(chan shard.Unit, 1), over: map[string]bool{}, orphaned: map[shard.Unit]time.Time{},
	}
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	wake := make(chan struct{}, 1)
	stir := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	var guarding sync.WaitGroup
	defer guarding.Wait()
	guarding.Go(func() { d.guard(ctx, stir, lose) })
	defer c.Subscribe(func(change Change) {
		if change.What == ClusterChanged || change.What == SettingsChanged {
			stir()
		}
	})()
	defer d.endAll()
	tick := time.NewTicker(d.lease / 8)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if lost := context.Cause(ctx); problem.Is(lost, problem.Conflict) {
				return lost
			}
			return nil
		case u := <-d.ended:
			d.rest(u)
		case <-tick.C:
		case <-wake:
		case <-c.roll.changed:
		}
		moment := time.NewTimer(20 * time.Millisecond) // changes come together
		for more := true; more; {
			select {
			case u := <-d.ended:
				d.rest(u)
			case <-moment.C:
				more = false
			}
		}
		if ctx.Err() == nil && c.Leading() == nil && d.alone.Load() {
			d.step(ctx)
		}
	}
}

// step looks at what is known of all Leases, and does what is to be done.
func (d *division) step(ctx context.Context) {
	now := time.Now()
	d.declare(ctx, now)
	known := d.c.roll.snapshot()
	d.notice(known)
	clusters := map[string]int{} // slices asked for
	for _, k := range d.c.Clusters() {
		if k.Agent == "" { // else its applications are the agent's; what is to be said to it belongs to Sets
			clusters[k.Server] = k.Slices
		}
	}
	owners := map[shard.Unit]string{shard.Sets: holderOf(known[unitLease(shard.Sets)].Lease)}
	whole := map[string]bool{}
	for server, asked := range clusters {
		first := known[unitLease(shard.Unit{Server: server})]
		inForce := 1
		if first.Lease != nil {
			inForce = slicesOf(first.Lease)
		}
		whole[server] = asked != inForce
		for i := range inForce {
			u := shard.Unit{Server: server, Slice: i}
			owners[u] = holderOf(known[unitLease(u)].Lease)
		}
	}
	late := d.lateOnes(ctx, known, owners, now)
	moves := shard.Decide(shard.Facts{Me: d.me, Live: d.live(known, now), Owners: owners, Over: func(turn string) bool { return d.isOver(known, turn) }, Whole: whole, Late: late})
	for _, u := range moves.Take {
		d.take(ctx, u, known)
	}
	for u, h := range d.held {
		to, give := moves.Give[u]
		_, exists := owners[u]
		if u.Slice > 0 && d.doubts(u.Server) {
			continue
		}
		switch {
		case give || !exists && !(whole[u.Server] && d.held[shard.Unit{Server: u.Server}] != nil):
			d.give(ctx, u, h, to)
		case h.doubt:
			d.reclaim(ctx, u, h)
		}
	}
	for server := range whole {
		if whole[server] {
			d.recut(ctx, known, server, clusters[server])
		}
	}
	for u, h := range d.held {
		_, give := moves.Give[u]
		if _, exists := owners[u]; exists && !give && h.state == resting && !h.doubt && !d.doubts(u.Server) && !(whole[u.Server] && d.held[shard.Unit{Server: u.Server}] != nil) {
			d.resume(ctx, u, h)
		}
	}
	if d.held[shard.Sets] != nil {
		d.sweep(ctx, known, clusters, now)
	}
}

// doubts reports whether it was tried to cut a cluster anew, and the answer was lost: until its first slice has been
// reclaimed nobody can tell how many slices there are, and none of them is worked on or given away.
func (d *division) doubts(server string) bool {
	first := d.held[shard.Unit{Server: server}]
	return first != nil && first.doubt
}

// live are the turns that go on.
func (d *division) live(known map[string]seenLease, now time.Time) []string {
	list := []string{d.me}
	for _, l := range known {
		if holder := holderOf(l.Lease); l.Labels[labelLease] == leaseOfReplica && holder != "" && holder != d.me && now.Sub(l.at) < max(d.lease, durationOf(l.Lease)) {
			list = append(list, holder)
		}
	}
	slices.Sort(list)
	return list
}

// declare ends the turns whose Leases have not been renewed for all of their time.
func (d *division) declare(ctx context.Context, now time.Time) {
	for name, l := range d.c.roll.snapshot() {
		turn := holderOf(l.Lease)
		if l.Labels[labelLease] != leaseOfReplica || turn == "" || turn == d.me || now.Sub(l.at) < max(d.lease, durationOf(l.Lease)) {
			continue
		}
		dead := l.DeepCopy()
		dead.Spec.HolderIdentity = nil
		if d.write(ctx, dead) == nil {
			d.c.log.Info("the turn of a replica is over: it has not renewed its Lease", "replica", turn)
		} else {
			d.read(ctx, name)
		}
	}
}

// isOver reports whether a turn is over for ever.
func (d *division) isOver(known map[string]seenLease, turn string) bool {
	if turn == d.me {
		return false
	}
	if l := known[replicaPrefix+turn]; l.Lease != nil {
		return holderOf(l.Lease) == ""
	}
	return d.over[turn]
}

// lateOnes finds out what nobody has owned for long, and which owners have no Lease any more.
func (d *division) lateOnes(ctx context.Context, known map[string]seenLease, owners map[shard.Unit]string, now time.Time) map[shard.Unit]bool {
	late, missing := map[shard.Unit]bool{}, map[string]bool{}
	for u, owner := range owners {
		if owner != "" && owner != d.me && known[replicaPrefix+owner].Lease == nil {
			missing[owner] = true
		}
		if owner != "" && !d.isOver(known, owner) {
			delete(d.orphaned, u)
		} else if since, noted := d.orphaned[u]; !noted {
			d.orphaned[u] = now
		} else if now.Sub(since) > d.lease {
			late[u] = true
		}
	}
	maps.DeleteFunc(d.orphaned, func(u shard.Unit, _ time.Time) bool { _, there := owners[u]; return !there })
	for _, turn := range d.c.roll.missingFor(missing, now, d.lease) { // somebody has deleted it; the turn may have gone on for a while
		if l, err := d.client.Get(ctx, replicaPrefix+turn, metav1.GetOptions{}); err == nil {
			d.c.roll.see(l)
		} else if apierrors.IsNotFound(err) {
			d.over[turn] = true
		}
	}
	return late
}

// missingFor returns those of the turns that have been missing for so long, and remembers the others.
func (r *roll) missingFor(now map[string]bool, at time.Time, long time.Duration) (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.missing, func(turn string, _ time.Time) bool { return !now[turn] })
	for turn := range now {
		if since, noted := r.missing[turn]; !noted {
			r.missing[turn] = at
		} else if at.Sub(since) >= long {
			list = append(list, turn)
		}
	}
	return list
}

// notice compares what is held with what the Leases say: units that others gave us, and those that are lost, though
// nobody but a person can have done that.
func (d *division) notice(known map[string]seenLease) {
	mine := map[shard.Unit]bool{}
	for _, l := range known {
		if u, ok := unitOf(l.Lease); ok && holderOf(l.Lease) == d.me {
			mine[u] = true
			if d.held[u] == nil {
				d.held[u] = &holding{}
				d.c.log.Info("unit taken over", "unit", u.String(), "turn", d.me)
			}
		}
	}
	for u, h := range d.held {
		switch {
		case mine[u]:
		case h.state == resting:
			delete(d.held, u)
		case h.state == working:
			d.c.log.Warn("the Lease of a unit was changed by somebody else: its work ends", "unit", u.String())
			d.end(u, h)
		}
	}
}

// take makes a unit ours that nobody owns, according to known. What is known by now may be newer: another has taken it
// meanwhile, and to write at that version would be to take it from somebody who works.
func (d *division) take(ctx context.Context, u shard.Unit, known map[string]seenLease) {
	now := metav1.NowMicro()
	var err error
	if l, ok := known[unitLease(u)]; ok {
		mine := l.DeepCopy()
		mine.Spec.HolderIdentity, mine.Spec.AcquireTime = &d.me, &now
		if err = d.write(ctx, mine); err != nil {
			d.read(ctx, l.Name)
		}
	} else {
		err = d.create(ctx, u, now)
	}
	if err == nil && d.held[u] == nil {
		d.held[u] = &holding{}
		d.c.log.Info("unit taken", "unit", u.String(), "turn", d.me)
	}
}

func (d *division) create(ctx context.Context, u shard.Unit, now metav1.MicroTime) error {
	l := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: unitLease(u), Namespace: d.c.options.Namespace, Labels: map[string]string{labelLease: leaseOfUnit}}}
	l.Annotations = map[string]string{annotationSlice: strconv.Itoa(u.Slice)}
	if u != shard.Sets {
		l.Annotations[annotationCluster] = u.Server
		if u.Slice == 0 {
			l.Annotations[annotationSlices] = "1"
		}
	}
	l.Spec.HolderIdentity, l.Spec.AcquireTime = &d.me, &now
	ctx, cancel := context.WithTimeout(ctx, d.lease/4)
	defer cancel()
	made, err := d.client.Create(ctx, l, metav1.CreateOptions{})
	if err != nil { // another was faster; or the answer was lost, and it is ours
		d.read(ctx, l.Name)
		return err
	}
	d.c.roll.see(made)
	return nil
}

// give hands a unit over once its work has ended; to nobody, when there is no such unit any more.
func (d *division) give(ctx context.Context, u shard.Unit, h *holding, to string) {
	switch h.state {
	case working:
		d.c.log.Info("unit is handed over", "unit", u.String(), "to", to)
		d.end(u, h)
	case resting:
		l, ok := d.c.roll.get(unitLease(u))
		if !ok || holderOf(l.Lease) != d.me {
			delete(d.held, u)
			return
		}
		next := l.DeepCopy()
		now := metav1.NowMicro()
		next.Spec.HolderIdentity, next.Spec.AcquireTime = &to, &now
		if to == "" {
			next.Spec.HolderIdentity = nil
		}
		h.doubt = true
		if d.write(ctx, next) == nil {
			delete(d.held, u)
		} else {
			d.read(ctx, l.Name)
		}
	}
}

// reclaim writes a unit that may have been given away as ours: what is still on its way with the version of before fails
// after that.
func (d *division) reclaim(ctx context.Context, u shard.Unit, h *holding) {
	l, ok := d.c.roll.get(unitLease(u))
	if !ok || holderOf(l.Lease) != d.me {
		delete(d.held, u)
		return
	}
	mine, now := l.DeepCopy(), metav1.NowMicro()
	mine.Spec.AcquireTime = &now
	if d.write(ctx, mine) == nil {
		h.doubt = false
	} else {
		d.read(ctx, l.Name)
	}
}

// resume begins with the work of a unit.
func (d *division) resume(ctx context.Context, u shard.Unit, h *holding) {
	if own, ok := d.c.roll.get(unitLease(u)); !ok || holderOf(own.Lease) != d.me {
		return // known since this step began
	}
	n := 1
	if u != shard.Sets {
		first, ok := d.c.roll.get(unitLease(shard.Unit{Server: u.Server}))
		if u.Slice > 0 { // what we know may be older than our taking it
			ok = d.read(ctx, unitLease(shard.Unit{Server: u.Server}))
			first, _ = d.c.roll.get(unitLease(shard.Unit{Server: u.Server}))
		}
		if !ok {
			return
		}
		if owner := holderOf(first.Lease); owner == "" || d.isOver(d.c.roll.snapshot(), owner) {
			return // what it has tried last may still be carried out, until somebody takes the first slice
		}
		n = slicesOf(first.Lease)
	}
	if u.Slice >= n { // there is no such slice any more
		d.give(ctx, u, h, "")
		return
	}
	h.state, h.tenure = working, &tenure{unit: u}
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { // a turn that is given up ends its work in good order (PutDown); one that is lost, at once
		if d.c.Leading() != nil || problem.Is(context.Cause(ctx), problem.Conflict) {
			cut()
		}
	})
	d.holder.TakeUp(h.tenure.within(work), Share{u, n})
}

// recut brings the number of slices that is asked for into force. All of them must be ours, and nothing done in them.
func (d *division) recut(ctx context.Context, known map[string]seenLease, server string, asked int) {
	first, ok := d.c.roll.get(unitLease(shard.Unit{Server: server}))
	if !ok || holderOf(first.Lease) != d.me || d.held[shard.Unit{Server: server}] == nil {
		return
	}
	inForce := slicesOf(first.Lease)
	for i := range inForce {
		if d.held[shard.Unit{Server: server, Slice: i}] == nil {
			return
		}
	}
	atRest := true
	for i := range max(inForce, asked) {
		u := shard.Unit{Server: server, Slice: i}
		h := d.held[u]
		switch {
		case h == nil:
			owner := holderOf(known[unitLease(u)].Lease)
			if owner == "" || d.isOver(known, owner) {
				d.take(ctx, u, known)
			}
			atRest = atRest && d.held[u] != nil
		case h.state == working:
			d.end(u, h)
			atRest = false
		case h.state == ending || h.doubt:
			atRest = false
		}
	}
	if !atRest {
		return
	}
	cut, now := first.DeepCopy(), metav1.NowMicro()
	cut.Annotations[annotationSlices] = strconv.Itoa(asked)
	cut.Spec.AcquireTime = &now
	if d.write(ctx, cut) != nil {
		d.held[shard.Unit{Server: server}].doubt = true
		d.read(ctx, first.Name)
		return
	}
	d.c.log.Info("the applications of a cluster are cut anew", "cluster", server, "slices", asked, "before", inForce)
	for i := asked; i < inForce; i++ {
		u := shard.Unit{Server: server, Slice: i}
		d.give(ctx, u, d.held[u], "")
	}
	d.c.roll.stir()
}

// end has the work of a unit end; rest follows.
func (d *division) end(u shard.Unit, h *holding) {
	h.state = ending
	go func() {
		d.holder.PutDown(u)
		d.ended <- u
	}()
}

// rest notes that the work of a unit has ended.
func (d *division) rest(u shard.Unit) {
	if h := d.held[u]; h != nil && h.state == ending {
		h.tenure.over.Store(true)
		h.state = resting
	}
}

// endAll ends the work of all units.
func (d *division) endAll() {
	var all sync.WaitGroup
	open := 0
	for u, h := range d.held {
		switch h.state {
		case working:
			all.Go(func() { d.holder.PutDown(u) })
		case ending:
			open++
		}
	}
	for ; open > 0; open-- {
		<-d.ended
	}
	all.Wait()
	for _, h := range d.held {
		if h.tenure != nil {
			h.tenure.over.Store(true)
		}
	}
}

// write changes a Lease that is still as it was read.
func (d *division) write(ctx context.Context, l *coordinationv1.Lease) error {
	ctx, cancel := context.WithTimeout(ctx, d.lease/4)
	defer cancel()
	written, err := d.client.Update(ctx, l, metav1.UpdateOptions{})
	if err != nil {
		d.c.log.Debug("Lease not written", "lease", l.Name, "error", err)
		return err
	}
	d.c.roll.see(written)
	return nil
}

// read takes in a Lease as the API server has it now, and reports whether there is one.
func (d *division) read(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, d.lease/4)
	defer cancel()
	l, err := d.client.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return false
	}
	d.c.roll.see(l)
	return true
}

// Bounds of sweep: how long what is of no use any more stays, for people who want to know what happened.
const sweepAfter = 10 * time.Minute

// sweep deletes Leases of turns that have been over for long and own nothing, and of units that are no more. The Lease of a
// cluster's first slice stays while it says that there are several: who has taken one of them goes by it.
func (d *division) sweep(ctx context.Context, known map[string]seenLease, clusters map[string]int, now time.Time) {
	owning := map[string]bool{}
	for _, l := range known {
		if l.Labels[labelLease] == leaseOfUnit {
			owning[holderOf(l.Lease)] = true
		}
	}
	for name, l := range known {
		if now.Sub(l.at) < sweepAfter {
			continue
		}
		holder := holderOf(l.Lease)
		useless := false
		switch l.Labels[labelLease] {
		case leaseOfReplica:
			useless = holder == "" && !owning[name[len(replicaPrefix):]]
		case leaseOfUnit:
			u, ok := unitOf(l.Lease)
			first := known[unitLease(shard.Unit{Server: u.Server})]
			_, registered := clusters[u.Server]
			free := holder == "" || d.isOver(known, holder)
			useless = ok && u != shard.Sets && free && (u.Slice == 0 && !registered && slicesOf(l.Lease) == 1 || u.Slice > 0 && first.Lease != nil && u.Slice >= slicesOf(first.Lease))
		}
		if useless {
			short, cancel := context.WithTimeout(ctx, d.lease/4)
			_ = d.client.Delete(short, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &l.UID, ResourceVersion: &l.ResourceVersion}})
			cancel()
		}
	}
}
