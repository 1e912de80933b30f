package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/cluster"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/plan"
	"github.com/hawser-cd/hawser/internal/problem"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// PreviewRequest asks what a person's sync would do. Nothing is written.
type PreviewRequest struct {
	Application types.NamespacedName
	Sync        v1alpha1.SyncOperation // as it would be asked for
	Check       bool                   // ask the API server for a dry run of every step
}

// Preview is what a sync would do, by the planner that the sync itself goes by.
type Preview struct {
	Commits  []string // of the sources
	Many     bool     // the application has sources in the plural
	Steps    []Foreseen
	Warnings []Warning
}

// Foreseen is one step of a sync that has not begun, in the order of the sync.
type Foreseen struct {
	Key    object.Key
	Phase  v1alpha1.SyncPhase
	Wave   int
	First  bool // it comes before every wave that can be named: the destination's namespace
	Hook   v1alpha1.HookType
	Does   Does
	Why    string   // what people should know of it: why it is left alone, what happens to its predecessor
	Fails  string   // why it would fail, as far as it is known; empty when nothing is known against it
	Fields []string // paths of the first fields that change
	Count  int      // how many fields change
}

// Does is what a step does to its object.
type Does string

// What a step can do.
const (
	DoesCreate   Does = "create"
	DoesUpdate   Does = "update"
	DoesReplace  Does = "replace"  // put whole
	DoesRecreate Does = "recreate" // deleted and created anew
	DoesPrune    Does = "prune"
	DoesKeep     Does = "keep" // left alone, Why says why
	DoesHook     Does = "hook"
	DoesNothing  Does = "nothing" // it is applied, and is that already
)

// Warning is what a person should know before the sync.
type Warning struct {
	Kind   string // a word for programs: SyncWindow, Held, PruneHeld …
	Text   string
	Until  time.Time // when that ends by itself; zero when it does not
	Blocks bool      // the sync is refused, or does nothing at all
}

// maxForeseenFields is how many fields of an object a preview names.
const maxForeseenFields = 5

// Preview says what a sync would do now.
func (a *Apps) Preview(ctx context.Context, r PreviewRequest) (Preview, error) {
	app, seen, err := a.seen(ctx, r.Application)
	if err != nil {
		return Preview{}, err
	}
	if seen.unknown != nil {
		return Preview{}, seen.unknown
	}
	if seen.objects == nil {
		return Preview{}, problem.New(problem.Unavailable, "application %s has not been compared yet", r.Application.Name)
	}
	now := metav1.Now().Rfc3339Copy()
	op := v1alpha1.Operation{Sync: &r.Sync}
	if seen.held != nil && wantsFollowed(&op) { // such a sync ends the hold, and goes on with the branch
		to := r.Sync
		if to.Revisions = seen.followed; !seen.spec.many {
			to.Revision, to.Revisions = seen.followed[0], nil
		}
		op.Sync = &to
	}
	app = app.DeepCopy()
	app.Status.OperationState = &v1alpha1.OperationState{Operation: op, Phase: v1alpha1.OperationRunning, StartedAt: now}
	v, j, err := a.foreseenView(ctx, app, seen)
	if err != nil {
		return Preview{}, err
	}
	in := a.planInput(ctx, app, v, j)
	p := Preview{Commits: v.commits, Many: v.spec.many}
	said := map[plan.ID]string{}
	if r.Check {
		if said, err = a.rehearse(ctx, app, v, plan.Rehearsal(in)); err != nil {
			return Preview{}, err
		}
	}
	permit := a.permitNow(app, v)
	for _, f := range plan.Foresee(in) {
		if f.Action == plan.Prune && permit(f.Key) != nil { // of what the project does not permit nothing is told
			continue
		}
		p.Steps = append(p.Steps, foreseen(f, v, in, said))
	}
	p.Warnings = a.warnings(app, seen, v, in, p.Steps)
	return p, nil
}

// foreseenView is what the sync would be compared with, in a copy that planning may write to. Another commit than the
// one that is followed is compared for this question alone; a commit that was pushed a moment ago is fetched first.
func (a *Apps) foreseenView(ctx context.Context, app *v1alpha1.Application, seen *view) (*view, *journal, error) {
	mine := *seen
	look := func() (*view, *journal, error) {
		st := &state{view: &mine, journal: journalOf(app.Status.OperationState), answers: map[object.Key]answer{}}
		v, err := a.operationView(ctx, app, app.Status.OperationState, st)
		return v, st.journal, err
	}
	v, j, err := look()
	if problem.Is(err, problem.NotFound) {
		aside := &view{spec: specOf(app), itself: app.UID, at: time.Now(), aside: true}
		if a.destination(aside); a.permitted(aside) == nil {
			if _, fetchErr := a.trees(ctx, aside, nil, cause{git: time.Now()}); fetchErr == nil {
				v, j, err = look()
			}
		}
	}
	switch {
	case err != nil:
		return nil, nil, err
	case v.cluster == nil:
		return nil, nil, problem.New(problem.Unavailable, "the destination cluster is not to be had")
	case v.unknown != nil:
		return nil, nil, v.unknown
	}
	return v, j, nil
}

// foreseen puts a step of the plan beside what the comparison knows of its object.
func foreseen(f plan.Forecast, v *view, in plan.Input, said map[plan.ID]string) Foreseen {
	s := Foreseen{Key: f.Key, Phase: f.Phase, Wave: f.Wave, First: f.First(), Hook: f.Hook, Why: f.Left, Fails: f.Fails}
	c := v.objects[f.Key]
	switch {
	case f.Fails != "" || f.Left != "":
		s.Does = DoesKeep
		return s
	case f.Action == plan.Prune:
		s.Does = DoesPrune
		if f.Confirm {
			s.Why = "waits until a person confirms the deletion"
		}
		return s
	case f.Action == plan.Run:
		s.Does, s.Fails = DoesHook, said[f.ID()]
		switch {
		case f.Replaces:
			s.Why = "the object of its last run is deleted first"
		case f.Over:
			s.Why = "applied over the object of its last run"
		}
		return s
	case c == nil || c.live == nil && c.err == nil:
		s.Does, s.Fails = DoesCreate, said[f.ID()]
		if c == nil && in.Live[f.Key] != nil { // the destination's namespace
			s.Does = DoesUpdate
		}
		return s
	}
	for _, ch := range c.changes {
		if s.Count++; len(s.Fields) < maxForeseenFields {
			s.Fields = append(s.Fields, ch.Path)
		}
	}
	anew := f.Options.Force && !holdsOthers(f.Key)
	if _, asked := said[f.ID()]; !asked && c.err != nil {
		s.Fails = c.err.Error()
	} else if asked {
		s.Fails = said[f.ID()]
	}
	switch {
	case f.Options.Replace && anew, anew && problem.Is(c.err, problem.Invalid):
		s.Does = DoesRecreate
		if said[f.ID()] == "" {
			s.Fails = ""
		}
	case f.Options.Replace:
		s.Does = DoesReplace
	case c.status == v1alpha1.SyncStatusSynced:
		s.Does = DoesNothing
	default:
		s.Does = DoesUpdate
	}
	if why := unchangeable(c.err); s.Does == DoesUpdate && len(s.Fields) == 0 && why != nil {
		s.Fields, s.Count = why.Fields[:min(len(why.Fields), maxForeseenFields)], len(why.Fields)
	}
	return s
}

// unchangeable is the API server's refusal to change the object in place, nil when it is no such refusal.
func unchangeable(err error) *cluster.Refusal {
	var r *cluster.Refusal
	if errors.As(err, &r) && r.Immutable {
		return r
	}
	return nil
}

// rehearse has the API server answer a dry run of the steps, and returns what it has against each; "" is nothing.
func (a *Apps) rehearse(ctx context.Context, app *v1alpha1.Application, v *view, steps []plan.Step) (map[plan.ID]string, error) {
	if len(steps) > maxTargets {
		return nil, problem.New(problem.Limit, "%d steps are more than %d", len(steps), maxTargets)
	}
	var mu sync.Mutex
	said, w := map[plan.ID]string{}, a.writer(v)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(dryRuns)
	for _, s := range steps {
		group.Go(func() error {
			_, _, err := a.step(gctx, app, w, v, s)
			if problem.Is(err, problem.Unavailable) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if said[s.ID()] = ""; err != nil {
				said[s.ID()] = err.Error()
			}
			return nil
		})
	}
	return said, group.Wait()
}

// warnings is what a person should know of the sync beyond its steps, the worst first.
func (a *Apps) warnings(app *v1alpha1.Application, seen, v *view, in plan.Input, steps []Foreseen) (list []Warning) {
	warn := func(kind string, blocks bool, text string, args ...any) *Warning {
		list = append(list, Warning{Kind: kind, Text: fmt.Sprintf(text, args...), Blocks: blocks})
		return &list[len(list)-1]
	}
	auto, gate := app.Spec.Automation(), a.windows(app, v).At(time.Now())
	switch {
	case !gate.Manual:
		warn("SyncWindow", true, "A sync window denies syncs now: %s.", gate.Why).Until = gate.Changes
	case !gate.Automated && auto.Enabled:
		warn("SyncWindow", false, "A sync window denies automated syncs now (%s), and permits this one.", gate.Why).Until = gate.Changes
	}
	if app.DeletionTimestamp != nil {
		warn("Deleting", true, "The application is being deleted.")
	}
	if app.Operation != nil {
		warn("OperationInProgress", true, "Another operation is in progress. Wait for it, or terminate it.")
	}
	if _, err := a.account(v); err != nil {
		warn("NotPermitted", true, "%s. The sync would fail before anything is written.", err)
	}
	if text := refusedByProject(steps, in); text != "" {
		warn("NotPermitted", true, "%s. The sync would fail before anything is written.", text)
	}
	var stuck, failing, unpruned []string
	for _, s := range steps {
		c := v.objects[s.Key]
		switch {
		case in.Refused[s.Key] != "":
		case s.Fails != "" && c != nil && unchangeable(c.err) != nil:
			stuck = append(stuck, s.Key.Short())
		case s.Fails != "":
			failing = append(failing, s.Key.Short())
		case s.Does == DoesKeep && !in.Sync.Prune && in.Prune[s.Key] == "" && v.extras[s.Key] != nil:
			unpruned = append(unpruned, s.Key.Short())
		}
	}
	if len(stuck) > 0 {
		warn("Immutable", false, "%s cannot be changed in place. With Force it is deleted and created anew; without, the sync fails.", named(stuck))
	}
	if len(failing) > 0 {
		warn("Refused", false, "%s would fail.", named(failing))
	}
	if held := a.provePrune(app, v, true).Held; held != "" && auto.Enabled && auto.Prune {
		if in.Sync.Prune {
			warn("PruneHeld", false, "Automated prunes are held, because %s. This sync releases them: it deletes.", held)
		} else {
			warn("PruneHeld", false, "Automated prunes are held, because %s. They stay held after this sync; with Prune it deletes.", held)
		}
	} else if len(unpruned) > 0 {
		warn("NotPruned", false, "%s, no longer in Git: it stays, because this sync does not prune.", named(unpruned))
	}
	if seen.held != nil {
		if wantsFollowed(&v1alpha1.Operation{Sync: &in.Sync}) || slices.Equal(v.commits, seen.followed) {
			warn("Held", false, "The application is held at %s since a rollback. This sync ends that and goes on with %s.", short(seen.held.Commits), short(seen.followed))
		} else {
			warn("Held", false, "The application is held at %s since a rollback, and stays held.", short(seen.held.Commits))
		}
	}
	if auto.Enabled && auto.SelfHeal && len(in.Sync.Resources) > 0 {
		warn("SelfHeal", false, "Self-heal is on: what you leave out, an automated sync applies by itself.")
	}
	if reason := withoutHooks(in); reason != "" {
		if n := hooksLeftOut(v, in); n > 0 {
			warn("NoHooks", false, "%d %s not run: %s.", n, map[bool]string{true: "hook does", false: "hooks do"}[n == 1], reason)
		}
	}
	for _, text := range in.Options.Unknown {
		warn("UnknownOption", false, "Sync option %q is not known, and has no effect.", text)
	}
	slices.SortStableFunc(list, func(x, y Warning) int {
		return map[bool]int{true: 0, false: 1}[x.Blocks] - map[bool]int{true: 0, false: 1}[y.Blocks]
	})
	return list
}

func refusedByProject(steps []Foreseen, in plan.Input) string {
	var keys []string
	why := ""
	for _, s := range steps {
		if text := in.Refused[s.Key]; text != "" {
			keys = append(keys, s.Key.Short())
			why = text
		}
	}
	switch len(keys) {
	case 0:
		return ""
	case 1:
		return keys[0] + ": " + why
	}
	return "The project does not permit " + named(keys)
}

// withoutHooks is why the sync runs no hooks.
func withoutHooks(in plan.Input) string {
	switch {
	case len(in.Sync.Resources) > 0:
		return "a sync of chosen objects runs none"
	case in.Sync.SyncStrategy != nil && in.Sync.SyncStrategy.Apply != nil:
		return "the apply strategy runs none"
	}
	return ""
}

// hooksLeftOut counts the hooks that a sync of everything would run.
func hooksLeftOut(v *view, in plan.Input) (n int) {
	for _, o := range v.complete.objects {
		if plan.IsHook(o) && slices.ContainsFunc(plan.Hooks(o, in.Helm), func(h v1alpha1.HookType) bool {
			return h != v1alpha1.HookPreDelete && h != v1alpha1.HookPostDelete
		}) {
			n++
		}
	}
	return n
}

// named names the first few of a list and counts the others.
func named(list []string) string {
	if len(list) <= 3 {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:3], ", "), len(list)-3)
}
