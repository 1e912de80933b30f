package catalog

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/hawser-cd/hawser/internal/problem"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// LeaderLease is the Lease that the writing replica holds, in our namespace.
const LeaderLease = "hawser-leader"

// Lead waits until this replica leads, calls onStart with a context that ends when the lead ends, and waits until
// onStart has returned; then it calls onStop and waits to lead again. It returns when ctx ends.
//
// The lease is given up only after onStart has returned, so that the next replica does not write at the same time.
// When the lease is lost (this process or the API server stood still) another replica may lead already: onStart's
// context has ended, and every write must go through it.
func (c *Catalog) Lead(ctx context.Context, onStart func(ctx context.Context), onStop func()) error {
	client, err := coordination.NewForConfig(quick(c.options.REST)) // not fenced: it is how a turn is regained
	if err != nil {
		return problem.Because(problem.Invalid, err, "connection for the leader's Lease")
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: c.options.Namespace, Name: LeaderLease},
		Client:     c.addressed(client, func(l *coordinationv1.Lease) { c.leader.Store(l) }),
		LockConfig: resourcelock.ResourceLockConfig{Identity: c.options.Identity},
	}
	for ctx.Err() == nil {
		if err := c.leadOnce(ctx, &timed{Interface: lock, lead: &c.lead}, onStart, onStop); err != nil {
			return err
		}
	}
	return nil
}

// leaseOf is how long a silent leader keeps the lead. The Lease holds whole seconds, and others go by those.
func leaseOf(o Options) time.Duration {
	if o.LeaseDuration < time.Second {
		return 15 * time.Second
	}
	return o.LeaseDuration.Truncate(time.Second)
}

// LeaseDuration is how long a replica may be silent before others take over.
func (c *Catalog) LeaseDuration() time.Duration { return leaseOf(c.options) }

// goodFor is how long after a renewal its lease is trusted: the rest is for what is on its way.
func goodFor(lease time.Duration) time.Duration { return lease * 2 / 3 }

func (c *Catalog) leadOnce(ctx context.Context, lock *timed, onStart func(context.Context), onStop func()) error {
	lease := leaseOf(c.options)
	renewDeadline := goodFor(lease)
	c.lead.end() // nothing held from before
	// the elector lives longer than ctx: it releases the lease when it ends, and by then onStart must have returned
	electing, release := context.WithCancel(klog.NewContext(context.WithoutCancel(ctx), logr.FromSlogHandler(c.log.Handler())))
	defer release()

	var mu sync.Mutex
	var started, over bool // a turn that is over must not start: the elector starts it in a goroutine of its own
	finished := make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, Name: LeaderLease, ReleaseOnCancel: true,
		LeaseDuration: lease, RenewDeadline: renewDeadline, RetryPeriod: lease / 8,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) {
				mu.Lock()
				if started = !over; !started {
					mu.Unlock()
					return
				}
				mu.Unlock()
				defer close(finished)
				work, stop := context.WithCancel(leading)
				defer stop()
				defer context.AfterFunc(ctx, stop)()
				c.lead.begin(renewDeadline)
				go c.lead.stopWhenStale(work, stop)
				c.log.Info("leading", "identity", lock.Identity())
				onStart(work)
				c.lead.end()
				release() // also when onStart gives up by itself
			},
			OnStoppedLeading: func() {},
			OnNewLeader: func(identity string) {
				if identity != lock.Identity() {
					c.log.Info("another replica leads; waiting", "leader", identity)
				}
			},
		},
	})
	if err != nil {
		return problem.Because(problem.Invalid, err, "leader election")
	}
	defer context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		if !started { // else the return of onStart releases
			over = true
			release()
		}
	})()
	elector.Run(electing)
	mu.Lock()
	over = true
	ran := started
	mu.Unlock()
	if ran {
		<-finished
		c.log.Info("no longer leading", "identity", lock.Identity())
		onStop()
	}
	return nil
}

// Leading returns nil while this replica surely leads. A process that stood still can find itself still in onStart
// long after another replica took over: ask before every write. (PatchApplication and RemoveFinalizer do.)
func (c *Catalog) Leading() error { return c.lead.check() }

// lead is when the lease was last renewed.
type lead struct {
	mu      sync.Mutex
	held    bool
	valid   time.Duration
	renewed time.Time
	turns   uint64 // how often the lead was held and lost
}

// lasts says how long a renewal is good for.
func (l *lead) lasts(valid time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.valid = valid
}

func (l *lead) begin(valid time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held, l.valid = true, valid
}

// stopWhenStale calls stop when the lease has not been renewed in time. The elector ends its context too, but only
// after it has tried to release the lease, which can take longer than the lease lasts when the network is gone.
func (l *lead) stopWhenStale(work context.Context, stop context.CancelFunc) {
	for {
		l.mu.Lock()
		left := l.valid - time.Since(l.renewed)
		l.mu.Unlock()
		if left <= 0 {
			stop()
			return
		}
		select {
		case <-work.Done():
			return
		case <-time.After(left):
		}
	}
}

func (l *lead) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held {
		l.turns++
	}
	l.held = false
}

func (l *lead) renew(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.renewed = at
}

func (l *lead) check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held {
		return problem.New(problem.Conflict, "this replica does not lead")
	}
	return l.fresh()
}

// allows is check for writes that a replica may also do without leading (a person's request).
func (l *lead) allows() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held {
		return nil
	}
	return l.fresh()
}

func (l *lead) fresh() error {
	if age := time.Since(l.renewed); age > l.valid {
		return problem.New(problem.Conflict, "this replica may no longer lead: its lease was last renewed %s ago", age.Round(time.Second))
	}
	return nil
}

// timed notes when a renewal was sent: the answer may have taken long, and the lease counts from then. And it keeps
// client-go from giving up a lease that is another replica's by now: a process that stood still believes that it holds
// it, reads it anew for the sake of its version, and would empty it (client-go 0.36, LeaderElector.release).
type timed struct {
	resourcelock.Interface
	lead *lead
	once bool // held once and never again: what has been declared over, or was deleted, is not taken up anew

	mu     sync.Mutex
	holder string    // as last read
	held   bool      // it was ours
	sent   time.Time // when the last write was sent that was carried out
}

// mine notes who holds the lease, and reports whether it can be ours.
func (t *timed) mine(holder string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holder = holder
	t.held = t.held || holder == t.Identity()
	return !t.once || !t.held || holder == t.Identity()
}

func (t *timed) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := t.Interface.Get(ctx)
	if err == nil {
		t.mine(record.HolderIdentity)
	}
	return record, raw, err
}

func (t *timed) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	t.mu.Lock()
	gone := t.once && t.held
	t.mu.Unlock()
	if gone {
		return problem.New(problem.Conflict, "the lease was deleted")
	}
	return t.note(func() error { return t.Interface.Create(ctx, r) })
}

func (t *timed) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	t.mu.Lock()
	holder, over, sent := t.holder, t.once && t.held && t.holder != t.Identity(), t.sent
	t.mu.Unlock()
	if over {
		return problem.New(problem.Conflict, "this turn has been declared over")
	}
	if r.HolderIdentity == "" && holder != "" && holder != t.Identity() {
		return problem.New(problem.Conflict, "the lease is held by %s", holder)
	}
	if r.HolderIdentity == "" { // given up, perhaps before all work has ended: from now on another may lead
		t.lead.renew(time.Time{})
		return t.Interface.Update(ctx, r)
	}
	// client-go tries to take a lease as often as it renews its own. To take one it must try often; to renew it every other
	// time will do: two attempts are left before it counts no more (goodFor).
	if renews := r.HolderIdentity == t.Identity() && holder == t.Identity(); renews && time.Since(sent) < time.Duration(r.LeaseDurationSeconds)*time.Second/5 {
		return nil
	}
	return t.note(func() error { return t.Interface.Update(ctx, r) })
}

func (t *timed) note(write func() error) error {
	at := time.Now()
	err := write()
	if err == nil {
		t.mine(t.Identity())
		t.mu.Lock()
		t.sent = at
		t.mu.Unlock()
		t.lead.renew(at)
	}
	return err
}
