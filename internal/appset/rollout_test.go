package appset

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// world is a set, its applications, their repository, and a loop that syncs and compares late, in any order, or too fast
// to be seen. What the rollout decides is held against what the world knows.
type world struct {
	t    *testing.T
	r    *rand.Rand
	set  *v1alpha1.ApplicationSet
	now  time.Time
	head int // the newest commit
	apps map[string]*worldApp
	most map[int]int // of each step
	log  []string
}

type worldApp struct {
	*v1alpha1.Application
	step     int
	deployed int // commit that is applied
	touched  int // the newest commit that changes it
	ready    bool
	sick     bool // it does not get ready before something changes
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func commitOf(n int) string { return fmt.Sprintf("%040x", n) }

func newWorld(t *testing.T, r *rand.Rand, steps, perStep int, limit *intstr.IntOrString) *world {
	w := &world{t: t, r: r, now: epoch, head: 1, apps: map[string]*worldApp{}, most: map[int]int{}}
	w.set = &v1alpha1.ApplicationSet{}
	w.set.Name, w.set.Namespace = "set", "argocd"
	w.set.Annotations = map[string]string{}
	roll := &v1alpha1.ApplicationSetRolloutStrategy{}
	for i := range steps {
		roll.Steps = append(roll.Steps, v1alpha1.ApplicationSetRolloutStep{MaxUpdate: limit, MatchExpressions: []v1alpha1.ApplicationMatchExpression{{Key: "step", Operator: "In", Values: []string{strconv.Itoa(i)}}}})
		w.most[i], _ = maxUpdate(limit, perStep)
		for j := range perStep {
			a := &worldApp{Application: &v1alpha1.Application{}, step: i, touched: 1}
			a.Name, a.Namespace = fmt.Sprintf("a%d-%d", i, j), "argocd"
			a.Labels = map[string]string{"step": strconv.Itoa(i)}
			a.Spec.Source = &v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/x", Path: a.Name}
			w.apps[a.Name] = a
		}
	}
	w.set.Spec.Strategy = &v1alpha1.ApplicationSetStrategy{Type: "RollingSync", RollingSync: roll}
	return w
}

func (w *world) names() []string { return slices.Sorted(maps.Keys(w.apps)) }

// compare is what the application's loop does: it writes what is true now.
func (w *world) compare(a *worldApp) {
	a.Status.Sync.Revision = commitOf(w.head)
	a.Status.Sync.ComparedTo = v1alpha1.ComparedTo{Source: *a.Spec.Source}
	a.Status.Sync.Status = v1alpha1.SyncStatusOutOfSync
	if a.deployed >= a.touched {
		a.Status.Sync.Status = v1alpha1.SyncStatusSynced
	}
	w.feel(a)
}

func (w *world) feel(a *worldApp) {
	a.Status.Health.Status = v1alpha1.HealthStatusProgressing
	switch {
	case a.sick:
		a.Status.Health.Status = v1alpha1.HealthStatusDegraded
	case a.ready && a.deployed > 0:
		a.Status.Health.Status = v1alpha1.HealthStatusHealthy
	}
}

// begin and end are the application's sync.
func (w *world) begin(a *worldApp) {
	if a.Operation == nil || a.Status.OperationState != nil && a.Status.OperationState.Phase == v1alpha1.OperationRunning {
		return
	}
	a.Status.OperationState = &v1alpha1.OperationState{Operation: *a.Operation, Phase: v1alpha1.OperationRunning, StartedAt: metav1.NewTime(w.now.Truncate(time.Second))}
}

func (w *world) end(a *worldApp, ok bool) {
	op := a.Status.OperationState
	if a.Operation == nil || op == nil || op.Phase != v1alpha1.OperationRunning {
		return
	}
	at := metav1.NewTime(w.now.Truncate(time.Second))
	op.FinishedAt, op.Phase = &at, v1alpha1.OperationFailed
	a.Operation = nil
	if ok {
		n, err := strconv.ParseInt(op.Operation.Sync.Revision, 16, 32)
		if err != nil {
			w.t.Fatal(err)
		}
		op.Phase, a.deployed, a.ready = v1alpha1.OperationSucceeded, int(n), false
	}
}

// decide lets the rollout move, and checks the move. When lost, the loop dies after it wrote the status.
func (w *world) decide(lost bool) {
	in := RolloutInput{Set: w.set, Live: map[string]*v1alpha1.Application{}, Commits: map[string][]string{}, Now: w.now}
	for _, name := range w.names() {
		a := w.apps[name]
		in.Wanted = append(in.Wanted, a.Application)
		in.Live[name] = a.DeepCopy()
		in.Commits[name] = []string{commitOf(w.head)}
	}
	d, err := Roll(in)
	if err != nil {
		w.t.Fatal(err)
	}
	under := map[int]int{}
	for _, a := range w.apps {
		if a.Operation != nil {
			under[a.step]++
		}
	}
	for _, s := range d.Sync {
		a := w.apps[s.Application]
		w.note("sync %s at %s", s.Application, s.Operation.Sync.Revision[37:])
		if s.Operation.Sync.Revision != commitOf(w.head) {
			w.fail("%s is synced to %s, and the newest is %d", s.Application, s.Operation.Sync.Revision, w.head)
		}
		if a.Operation != nil {
			w.fail("%s is synced while it is synced", s.Application)
		}
		if under[a.step]++; under[a.step] > w.most[a.step] {
			w.fail("step %d has %d at once", a.step, under[a.step])
		}
		for _, b := range w.apps {
			// the truth, not what is noted: the earlier one has all that concerns it, and stands
			if b.step < a.step && (b.deployed < b.touched || !b.ready || b.sick || b.Operation != nil) {
				w.fail("%s is synced, and %s of an earlier step has %d of %d, ready %v, sick %v", s.Application, b.Name, b.deployed, b.touched, b.ready, b.sick)
			}
		}
		if halt := w.set.Annotations[AnnotationRollout]; halt != "" {
			w.fail("%s is synced, and the rollout is %s", s.Application, halt)
		}
	}
	w.set.Status.ApplicationStatus = d.Status
	if lost {
		return
	}
	for _, s := range d.Sync {
		w.apps[s.Application].Operation = s.Operation.DeepCopy()
	}
	for _, name := range d.Stop {
		a := w.apps[name]
		w.begin(a)
		w.end(a, false)
	}
}

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\nafter\n%s", fmt.Sprintf(format, args...), strings.Join(w.log[max(0, len(w.log)-40):], "\n"))
}

// Whatever happens in whatever order: no application is synced before all of the steps before it have what is wanted, and
// stand; no step has more under way than it may; and when nothing more happens, everything ends up Healthy.
func TestRolloutHistories(t *testing.T) {
	limits := []*intstr.IntOrString{nil, new(intstr.FromInt32(1)), new(intstr.FromString("50%"))}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t, r, 1+r.IntN(4), 1+r.IntN(4), limits[r.IntN(3)])
		w.note("seed %d", seed)
		list := w.names()
		for range 300 {
			a := w.apps[list[r.IntN(len(list))]]
			w.now = w.now.Add(time.Duration(r.IntN(1500)) * time.Millisecond)
			switch k := r.IntN(100); {
			case k < 4: // a commit that changes some
				w.head++
				for _, name := range list {
					if r.IntN(2) == 0 {
						w.apps[name].touched = w.head
					}
				}
				w.note("commit %d", w.head)
			case k < 30:
				w.note("compare %s", a.Name)
				w.compare(a)
			case k < 40:
				w.begin(a)
			case k < 52:
				w.end(a, r.IntN(5) > 0)
				if r.IntN(2) == 0 { // what is compared right after is written at once; else the status is old for a while
					w.compare(a)
				}
			case k < 54: // an echo too fast to be seen
				w.begin(a)
				w.end(a, true)
				a.ready = true
				w.compare(a)
			case k < 66:
				// objects change before the status says so; what was Healthy may have gone bad unseen, but never the other way
				if a.Operation == nil && a.deployed > 0 && !a.sick {
					a.ready = true
					w.feel(a)
				}
			case k < 68:
				a.sick = !a.sick
				w.note("%s is sick: %v", a.Name, a.sick)
				w.feel(a)
			case k < 70:
				w.note("the status is lost")
				w.set.Status.ApplicationStatus = nil
			case k < 72:
				delete(w.set.Annotations, AnnotationRollout)
				if r.IntN(2) == 0 {
					w.set.Annotations[AnnotationRollout] = []string{haltPaused, haltAborted}[r.IntN(2)]
				}
			default:
				w.decide(r.IntN(10) == 0)
			}
		}
		// quiet: everything works, nobody interferes
		delete(w.set.Annotations, AnnotationRollout)
		for range 200 {
			w.now = w.now.Add(10 * time.Second)
			for _, name := range list {
				a := w.apps[name]
				a.sick = false
				w.begin(a)
				w.end(a, true)
				a.ready = a.ready || a.Operation == nil && a.deployed > 0
				w.compare(a)
			}
			w.decide(false)
		}
		for _, s := range w.set.Status.ApplicationStatus {
			if s.Status != v1alpha1.ProgressiveSyncHealthy {
				w.fail("%s never got through: %s, %s", s.Application, s.Status, s.Message)
			}
		}
		if len(w.set.Status.ApplicationStatus) != len(list) {
			w.fail("%d of %d have a status", len(w.set.Status.ApplicationStatus), len(list))
		}
	}
}

// rolled is a two-step set whose applications are all Healthy at commit 1.
func rolled(t *testing.T) *world {
	w := newWorld(t, nil, 2, 2, nil)
	for range 8 {
		for _, name := range w.names() {
			a := w.apps[name]
			w.begin(a)
			w.end(a, true)
			a.ready = a.deployed > 0
			w.compare(a)
		}
		w.decide(false)
		w.now = w.now.Add(10 * time.Second)
	}
	w.is("a0-0 Healthy 1, a0-1 Healthy 1, a1-0 Healthy 2, a1-1 Healthy 2")
	return w
}

func (w *world) is(want string) {
	w.t.Helper()
	var got []string
	for _, s := range w.set.Status.ApplicationStatus {
		got = append(got, fmt.Sprintf("%s %s %s", s.Application, s.Status, s.Step))
	}
	if text := strings.Join(got, ", "); text != want {
		w.t.Fatalf("it is %s\n, not %s\n%s", text, want, strings.Join(w.log, "\n"))
	}
}

func (w *world) commit(names ...string) {
	w.head++
	for _, n := range names {
		w.apps[n].touched = w.head
	}
}

// An old Healthy is not believed: the second step was compared with the new commit before the first one was.
func TestRolloutDoubtsOldHealth(t *testing.T) {
	w := rolled(t)
	w.commit("a0-0", "a1-0")
	w.compare(w.apps["a1-0"])
	w.decide(false)
	w.is("a0-0 Healthy 1, a0-1 Healthy 1, a1-0 Waiting 2, a1-1 Healthy 2")
	if w.apps["a1-0"].Operation != nil {
		t.Fatal("the second step began")
	}
	w.compare(w.apps["a0-0"])
	w.decide(false)
	w.is("a0-0 Pending 1, a0-1 Healthy 1, a1-0 Waiting 2, a1-1 Healthy 2")
	w.begin(w.apps["a0-0"])
	w.end(w.apps["a0-0"], true)
	w.compare(w.apps["a0-0"])
	w.decide(false)
	w.is("a0-0 Progressing 1, a0-1 Healthy 1, a1-0 Waiting 2, a1-1 Healthy 2")
	w.apps["a0-0"].ready = true
	w.compare(w.apps["a0-0"])
	w.decide(false) // a0-1 was not compared with the commit yet
	w.is("a0-0 Healthy 1, a0-1 Healthy 1, a1-0 Waiting 2, a1-1 Healthy 2")
	w.compare(w.apps["a0-1"])
	w.decide(false)
	w.is("a0-0 Healthy 1, a0-1 Healthy 1, a1-0 Pending 2, a1-1 Healthy 2")
}

// A step bakes from the time at which its last application became Healthy; unrelated commits do not start that anew.
func TestRolloutBakes(t *testing.T) {
	w := rolled(t)
	w.set.Annotations[AnnotationBake] = "10m"
	w.commit("a0-0", "a1-0")
	all := func() {
		for _, name := range w.names() {
			w.compare(w.apps[name])
		}
		w.decide(false)
	}
	all()
	w.begin(w.apps["a0-0"])
	w.end(w.apps["a0-0"], true)
	w.apps["a0-0"].ready = true
	all()
	w.is("a0-0 Healthy 1, a0-1 Healthy 1, a1-0 Waiting 2, a1-1 Healthy 2")
	w.now = w.now.Add(9 * time.Minute)
	w.commit()
	all()
	w.is("a0-0 Healthy 1, a0-1 Healthy 1, a1-0 Waiting 2, a1-1 Healthy 2")
	w.now = w.now.Add(time.Minute)
	all()
	w.is("a0-0 Healthy 1, a0-1 Healthy 1, a1-0 Pending 2, a1-1 Healthy 2")
}

// A failed sync is tried again after a while, and a new commit does not wait for that.
func TestRolloutRetries(t *testing.T) {
	w := rolled(t)
	a := w.apps["a0-0"]
	try := func(ok bool) {
		w.compare(a)
		w.decide(false)
		w.begin(a)
		w.end(a, ok)
		w.compare(a)
		w.decide(false)
	}
	w.commit("a0-0")
	try(false)
	w.is("a0-0 Progressing 1, a0-1 Healthy 1, a1-0 Healthy 2, a1-1 Healthy 2")
	w.now = w.now.Add(RolloutRetry - time.Second)
	w.decide(false)
	w.is("a0-0 Progressing 1, a0-1 Healthy 1, a1-0 Healthy 2, a1-1 Healthy 2")
	w.now = w.now.Add(2 * time.Second)
	w.decide(false)
	w.is("a0-0 Pending 1, a0-1 Healthy 1, a1-0 Healthy 2, a1-1 Healthy 2")
	w.begin(a)
	w.end(a, false)
	w.compare(a)
	w.decide(false)
	w.is("a0-0 Progressing 1, a0-1 Healthy 1, a1-0 Healthy 2, a1-1 Healthy 2")
	w.commit("a0-0")
	w.compare(a)
	w.decide(false)
	w.is("a0-0 Pending 1, a0-1 Healthy 1, a1-0 Healthy 2, a1-1 Healthy 2")
}

func TestRolloutSteps(t *testing.T) {
	set := func(operator string, limit *intstr.IntOrString) *v1alpha1.ApplicationSet {
		s := &v1alpha1.ApplicationSet{}
		s.Spec.Strategy = &v1alpha1.ApplicationSetStrategy{Type: "RollingSync", RollingSync: &v1alpha1.ApplicationSetRolloutStrategy{Steps: []v1alpha1.ApplicationSetRolloutStep{
			{MaxUpdate: limit, MatchExpressions: []v1alpha1.ApplicationMatchExpression{{Key: "env", Operator: operator, Values: []string{"dev", "test"}}}},
		}}}
		return s
	}
	for operator, want := range map[string]string{"In": "1 0 0", "NotIn": "0 1 1", "Exists": "1 1 0", "DoesNotExist": "0 0 1", "in": "0 0 0"} {
		p, err := ParseRollout(set(operator, nil))
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(p.StepOf(map[string]string{"env": "dev"})+1, p.StepOf(map[string]string{"env": "prod"})+1, p.StepOf(nil)+1)
		if got != want {
			t.Errorf("%s selects %s, not %s", operator, got, want)
		}
	}
	for text, want := range map[string]int{"10%": 1, "0%": 0, "00%": 0, "50%": 3, "100%": 7, "99%": 6, "x": -1, "-5%": -1} {
		got, err := maxUpdate(new(intstr.FromString(text)), 7)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%s of 7 is %d, not %d", text, got, want)
		}
	}
	// what is wrong with the steps stops the rollout, where it could let one pass that was to hold
	for name, s := range map[string]*v1alpha1.ApplicationSet{"operator": set("Is", nil), "limit": set("In", new(intstr.FromString("many")))} {
		d, err := Roll(RolloutInput{Set: s, Now: epoch})
		if err != nil || d.Conditions[0].Status != v1alpha1.AppSetConditionTrue {
			t.Errorf("%s: %v %v", name, d.Conditions, err)
		}
	}
	if _, err := Roll(RolloutInput{Set: &v1alpha1.ApplicationSet{}}); err == nil || !strings.Contains(err.Error(), "No steps defined for rollout") {
		t.Error(err)
	}
}

// Those of later steps go first; those of no step last.
func TestDeleteFirst(t *testing.T) {
	w := newWorld(t, nil, 3, 1, nil)
	w.set.Spec.Strategy.DeletionOrder = "reverse"
	var all []*v1alpha1.Application
	for _, name := range w.names() {
		all = append(all, w.apps[name].Application)
	}
	none := &v1alpha1.Application{}
	none.Name = "none"
	all = append(all, none)
	for _, want := range []string{"a2-0", "a1-0", "a0-0", "none"} {
		now, later := DeleteFirst(w.set, all, all)
		if len(now) != 1 || now[0].Name != want {
			t.Fatalf("%v go, not %s", now, want)
		}
		all = later
	}
}
