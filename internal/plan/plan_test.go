package plan

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

// film plays an operation against a pretend cluster that does at once what it is told, and returns what happened
// line by line: the steps of each batch, the waits, the end.
type film struct {
	in      Input
	refuse  map[string]string // Kind/name → the API server's message
	slow    map[string]bool   // Kind/name: not healthy yet
	degrade map[string]bool
	lines   []string
}

func (f *film) play() []string {
	if f.in.Live == nil {
		f.in.Live = map[object.Key]*object.Object{}
	}
	f.in.Journal = Journal{}
	f.in.Run = HookRun{Revision: "4c1f2d9", ID: "this"}
	f.in.Health = func(o *object.Object) Health {
		name := object.KeyOf(o).Short()
		h := Health{Known: true, Healthy: !f.slow[name] && !f.degrade[name], Degraded: f.degrade[name]}
		if h.Degraded {
			h.Message = name + " is broken"
		}
		return h
	}
	if f.in.Known == nil {
		f.in.Known = func(object.Key) bool { return true }
	}
	for range 50 {
		next := Decide(f.in)
		if next.Done {
			f.note("%s: %s", next.Phase, next.Message)
			return f.lines
		}
		if next.Waiting != "" {
			f.note("%s", next.Waiting)
			if len(f.slow) == 0 {
				return f.lines
			}
			f.slow = nil // by the next look it has come up
			continue
		}
		if f.perform(next) {
			return f.lines
		}
	}
	f.note("no end after 50 rounds")
	return f.lines
}

// perform does what next says and reports whether the operation ended with it.
func (f *film) perform(next Next) (ended bool) {
	var done []string
	for id, e := range next.Results {
		f.in.Journal[id] = e
		done = append(done, fmt.Sprintf("%s %s", id.Key.Short(), strings.TrimSpace(string(id.Hook)+" "+orPhase(e))))
	}
	var refused []string
	for _, s := range next.Steps {
		name := s.Key.Short()
		if s.DryRun && !f.in.Sync.DryRun {
			if f.refuse[name] != "" {
				refused = append(refused, f.refuse[name])
			}
			continue
		}
		what := fmt.Sprintf("%s %s", s.Action, name)
		if s.Action == Release && s.Delete {
			what = "delete " + name
		}
		done = append(done, what)
		switch {
		case f.refuse[name] != "":
			f.in.Journal[s.ID()] = Entry{v1alpha1.ResultSyncFailed, f.refuse[name], v1alpha1.OperationFailed}
		case s.Action == Prune:
			delete(f.in.Live, s.Key)
			f.in.Journal[s.ID()] = Entry{v1alpha1.ResultPruned, "pruned", v1alpha1.OperationSucceeded}
		case s.Action == Release && s.Delete:
			delete(f.in.Live, s.Key)
		case s.Action == Release:
			o := s.Object.DeepCopy()
			o.SetFinalizers(nil)
			f.in.Live[s.Key] = o
		default:
			f.in.Live[s.Key] = s.Object
			f.in.Journal[s.ID()] = Entry{v1alpha1.ResultSynced, "created", v1alpha1.OperationRunning}
		}
	}
	if !f.in.DryRan {
		f.in.DryRan = true
		if len(refused) > 0 {
			end := DryRunFailed(refused)
			f.note("%s: %s", end.Phase, end.Message)
			return true
		}
	}
	sort.Strings(done)
	if len(done) > 0 {
		f.note("%s", strings.Join(done, ", "))
	}
	return false
}

func orPhase(e Entry) string {
	if e.Message == "" || e.Message == "created" {
		return string(e.Phase)
	}
	return e.Message
}

func (f *film) note(format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

func TestDecide(t *testing.T) {
	for name, c := range map[string]struct {
		film film
		want []string
	}{
		"kinds in order, one batch each": {
			film{in: Input{Desired: objects("Deployment web", "ConfigMap a", "Namespace n", "ConfigMap b", "Widget w")}},
			[]string{"apply Namespace/n", "apply ConfigMap/a, apply ConfigMap/b", "apply Deployment/web", "apply Widget/w", "Succeeded: successfully synced (all tasks run)"},
		},
		"nothing to do": {film{}, []string{"Succeeded: successfully synced (no more tasks)"}},
		"one wave does not wait for health": {
			film{in: Input{Desired: objects("ConfigMap a", "Deployment web")}, slow: map[string]bool{"ConfigMap/a": true}},
			[]string{"apply ConfigMap/a", "apply Deployment/web", "Succeeded: successfully synced (all tasks run)"},
		},
		"a wave waits for the one before": {
			film{in: Input{Desired: objects("Deployment second wave=1", "Deployment first wave=-1", "Deployment other wave=-1")}, slow: map[string]bool{"Deployment/first": true, "Deployment/other": true}},
			[]string{"apply Deployment/first, apply Deployment/other", "waiting for healthy state of apps/Deployment/first and 1 more resources", "apply Deployment/second", "Succeeded: successfully synced (all tasks run)"},
		},
		"a degraded wave ends the sync": {
			film{in: Input{Desired: objects("Deployment first", "Deployment second wave=1")}, degrade: map[string]bool{"Deployment/first": true}},
			[]string{"apply Deployment/first", "Failed: one or more synchronization tasks completed unsuccessfully, reason: Deployment/first is broken"},
		},
		"a namespace is pulled before what lives in it": {
			film{in: Input{Desired: objects("Namespace shop wave=5", "ConfigMap a ns=shop wave=1")}},
			[]string{"apply Namespace/shop", "apply ConfigMap/a", "Succeeded: successfully synced (all tasks run)"},
		},
		"failures end the sync after the whole wave was tried": {
			film{in: Input{Desired: objects("ConfigMap a", "Deployment web", "Deployment later wave=1"), DryRan: true}, refuse: map[string]string{"ConfigMap/a": "denied"}},
			[]string{"apply ConfigMap/a", "apply Deployment/web", "Failed: one or more objects failed to apply, reason: denied"},
		},
		"what the project does not permit fails the sync before its first write": {
			film{in: Input{Desired: objects("Job migrate hook=PreSync", "ConfigMap a", "Secret b"), Refused: map[object.Key]string{object.KeyOf(objects("Secret b")[0]): "not permitted"}}},
			[]string{"Failed: one or more synchronization tasks are not valid, reason: not permitted"},
		},
		"refused in the dry run": {
			film{in: Input{Desired: objects("ConfigMap a", "Deployment web")}, refuse: map[string]string{"ConfigMap/a": "denied", "Deployment/web": "denied"}},
			[]string{"Failed: one or more objects failed to apply (dry run), reason: denied"},
		},
		"prune after apply, in reverse order of kinds": {
			film{in: Input{Desired: objects("ConfigMap new"), Live: live("Namespace old", "Deployment gone ns=old"), Prune: prune("Namespace old", "Deployment gone ns=old"), Sync: v1alpha1.SyncOperation{Prune: true}}},
			[]string{"apply ConfigMap/new", "prune Deployment/gone", "prune Namespace/old", "Succeeded: successfully synced (all tasks run)"},
		},
		"prune waves are mirrored": {
			film{in: Input{Live: live("ConfigMap a wave=1", "ConfigMap b wave=2"), Prune: prune("ConfigMap a wave=1", "ConfigMap b wave=2"), Sync: v1alpha1.SyncOperation{Prune: true}}},
			[]string{"prune ConfigMap/b", "prune ConfigMap/a", "Succeeded: successfully synced (all tasks run)"},
		},
		"PruneLast goes behind every wave": {
			film{in: Input{Desired: objects("ConfigMap late wave=9"), Live: live("ConfigMap a"), Prune: prune("ConfigMap a"), Sync: v1alpha1.SyncOperation{Prune: true}, Options: ParseOptions([]string{"PruneLast=true"})}},
			[]string{"apply ConfigMap/late", "prune ConfigMap/a", "Succeeded: successfully synced (all tasks run)"},
		},
		"prune not asked for": {
			film{in: Input{Live: live("ConfigMap a"), Prune: prune("ConfigMap a")}},
			[]string{"ConfigMap/a ignored (requires pruning)", "Succeeded: successfully synced (all tasks run)"},
		},
		"Prune=false on the object": {
			film{in: Input{Live: live("ConfigMap a opt=Prune=false"), Prune: prune("ConfigMap a"), Sync: v1alpha1.SyncOperation{Prune: true}}},
			[]string{"ConfigMap/a ignored (no prune)", "Succeeded: successfully synced (all tasks run)"},
		},
		"Prune=confirm waits": {
			film{in: Input{Live: live("ConfigMap a opt=Prune=confirm"), Prune: prune("ConfigMap a"), Sync: v1alpha1.SyncOperation{Prune: true}}},
			[]string{"waiting for pruning confirmation of /ConfigMap/a"},
		},
		"a held prune is skipped with its reason": {
			film{in: Input{Live: live("ConfigMap a"), Prune: map[object.Key]string{object.KeyOf(objects("ConfigMap a")[0]): "held: why"}, Sync: v1alpha1.SyncOperation{Prune: true}}},
			[]string{"ConfigMap/a held: why", "Succeeded: successfully synced (all tasks run)"},
		},
		"a partial sync leaves the rest alone": {
			film{in: Input{Desired: objects("ConfigMap a", "ConfigMap b"), Sync: v1alpha1.SyncOperation{Resources: []v1alpha1.SyncOperationResource{{Kind: "ConfigMap", Name: "b"}}}}},
			[]string{"apply ConfigMap/b", "Succeeded: successfully synced (all tasks run)"},
		},
		"another application's object is left alone": {
			film{in: Input{Desired: objects("ConfigMap a"), Skipped: map[object.Key]string{object.KeyOf(objects("ConfigMap a")[0]): "managed by application b"}}},
			[]string{"ConfigMap/a managed by application b", "Succeeded: successfully synced (all tasks run)"},
		},
		"FailOnSharedResource": {
			film{in: Input{Desired: objects("ConfigMap a"), Options: ParseOptions([]string{"FailOnSharedResource=true"}), Skipped: map[object.Key]string{object.KeyOf(objects("ConfigMap a")[0]): "managed by application b"}}},
			[]string{"ConfigMap/a managed by application b", "Failed: one or more objects failed to apply, reason: managed by application b"},
		},
		"hooks run in their phases, each to its end": {
			film{in: Input{Desired: objects("Job migrate hook=PreSync", "ConfigMap a", "Job test hook=PostSync", "Job never hook=Skip")}, slow: map[string]bool{"Job/migrate": true}},
			[]string{"run Job/migrate", "waiting for completion of hook batch/Job/migrate", "Job/migrate PreSync Succeeded", "release Job/migrate", "apply ConfigMap/a", "run Job/test", "Job/test PostSync Succeeded", "release Job/test", "Succeeded: successfully synced (all tasks run)"},
		},
		"a failed PreSync hook: nothing is applied": {
			film{in: Input{Desired: objects("Job migrate hook=PreSync", "ConfigMap a")}, degrade: map[string]bool{"Job/migrate": true}},
			[]string{"run Job/migrate", "Job/migrate PreSync Job/migrate is broken", "release Job/migrate", "Failed: one or more synchronization tasks completed unsuccessfully, reason: Job/migrate is broken"},
		},
		"SyncFail hooks run when something failed": {
			film{in: Input{Desired: objects("ConfigMap a", "Job tell hook=SyncFail"), DryRan: true}, refuse: map[string]string{"ConfigMap/a": "denied"}},
			[]string{"apply ConfigMap/a", "run Job/tell", "Job/tell SyncFail Succeeded", "release Job/tell", "Failed: one or more objects failed to apply, reason: denied"},
		},
		"SyncFail hooks do not run when all went well": {
			film{in: Input{Desired: objects("ConfigMap a", "Job tell hook=SyncFail")}},
			[]string{"apply ConfigMap/a", "Succeeded: successfully synced (all tasks run)"},
		},
		"HookSucceeded deletes when the phase is over": {
			film{in: Input{Desired: objects("Job one hook=PreSync policy=HookSucceeded", "Job two hook=PreSync policy=HookFailed", "ConfigMap a")}},
			[]string{"run Job/one, run Job/two", "Job/one PreSync Succeeded, Job/two PreSync Succeeded", "delete Job/one, release Job/two", "apply ConfigMap/a", "Succeeded: successfully synced (all tasks run)"},
		},
		"HookFailed deletes when one failed": {
			film{in: Input{Desired: objects("Job one hook=PreSync policy=HookSucceeded", "Job two hook=PreSync policy=HookFailed")}, degrade: map[string]bool{"Job/one": true}},
			[]string{"run Job/one, run Job/two", "Job/one PreSync Job/one is broken, Job/two PreSync Succeeded", "delete Job/two, release Job/one", "Failed: one or more synchronization tasks completed unsuccessfully, reason: Job/one is broken"},
		},
		"the hook of an earlier run is replaced": {
			film{in: Input{Desired: objects("Job migrate hook=PreSync"), Live: live("Job migrate hook=PreSync")}},
			[]string{"delete Job/migrate", "run Job/migrate", "Job/migrate PreSync Succeeded", "release Job/migrate", "Succeeded: successfully synced (all tasks run)"},
		},
		"with another policy it is applied over": {
			film{in: Input{Desired: objects("ConfigMap migrate hook=PreSync policy=HookSucceeded"), Live: live("ConfigMap migrate hook=PreSync")}},
			[]string{"run ConfigMap/migrate", "ConfigMap/migrate PreSync Succeeded", "delete ConfigMap/migrate", "Succeeded: successfully synced (all tasks run)"},
		},
		"waves order hooks and objects together": {
			film{in: Input{Desired: objects("ConfigMap a wave=1", "Job between hook=Sync wave=2", "ConfigMap b wave=3")}},
			[]string{"apply ConfigMap/a", "run Job/between", "Job/between Sync Succeeded", "apply ConfigMap/b", "release Job/between", "Succeeded: successfully synced (all tasks run)"},
		},
		"a partial sync runs no hooks": {
			film{in: Input{Desired: objects("Job migrate hook=PreSync", "ConfigMap a"), Sync: v1alpha1.SyncOperation{Resources: []v1alpha1.SyncOperationResource{{Kind: "ConfigMap", Name: "a"}}}}},
			[]string{"apply ConfigMap/a", "Succeeded: successfully synced (all tasks run)"},
		},
		"nor does the apply strategy": {
			film{in: Input{Desired: objects("Job migrate hook=PreSync", "ConfigMap a"), Sync: v1alpha1.SyncOperation{SyncStrategy: &v1alpha1.SyncStrategy{Apply: &v1alpha1.SyncStrategyApply{}}}}},
			[]string{"apply ConfigMap/a", "Succeeded: successfully synced (all tasks run)"},
		},
		"the namespace of CreateNamespace comes before everything": {
			film{in: Input{Desired: objects("ConfigMap a ns=shop wave=-5"), Ensure: objects("Namespace shop")[0]}},
			[]string{"apply Namespace/shop", "apply ConfigMap/a", "Succeeded: successfully synced (all tasks run)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.film.play()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCRDIsEstablishedBeforeItsKindIsApplied(t *testing.T) {
	crd := objects("CustomResourceDefinition widgets.example.com")[0]
	crd.Object["spec"] = map[string]any{"group": "", "names": map[string]any{"kind": "Widget"}}
	f := film{in: Input{Desired: append(objects("Widget w"), crd), Known: func(k object.Key) bool { return k.Kind != "Widget" }}, slow: map[string]bool{"CustomResourceDefinition/widgets.example.com": true}}
	want := []string{
		"apply CustomResourceDefinition/widgets.example.com",
		"waiting for healthy state of apiextensions.k8s.io/CustomResourceDefinition/widgets.example.com",
		"apply Widget/w", "Succeeded: successfully synced (all tasks run)",
	}
	if diff := cmp.Diff(want, f.play()); diff != "" {
		t.Error(diff)
	}
}

func TestDecideResumesFromTheJournal(t *testing.T) {
	in := Input{Desired: objects("ConfigMap a", "Deployment web"), Health: func(*object.Object) Health { return Health{Healthy: true} }, Known: func(object.Key) bool { return true }}
	in.Journal = Journal{{Key: object.KeyOf(in.Desired[0])}: {v1alpha1.ResultSynced, "created", v1alpha1.OperationRunning}}
	next := Decide(in)
	if len(next.Steps) != 1 || next.Steps[0].Key.Name != "web" || next.Steps[0].DryRun {
		t.Errorf("steps %+v", next.Steps)
	}
}

// objects reads "Kind name key=value…" lines.
func objects(lines ...string) []*object.Object {
	var list []*object.Object
	for _, l := range lines {
		f := strings.Fields(l)
		o := &object.Object{Object: map[string]any{"apiVersion": map[string]string{"Deployment": "apps/v1", "Job": "batch/v1", "CustomResourceDefinition": "apiextensions.k8s.io/v1"}[f[0]], "kind": f[0]}}
		if o.GetAPIVersion() == "" {
			o.SetAPIVersion("v1")
		}
		o.SetName(f[1])
		a := map[string]string{}
		for _, kv := range f[2:] {
			k, v, _ := strings.Cut(kv, "=")
			switch k {
			case "ns":
				o.SetNamespace(v)
			case "wave":
				a[v1alpha1.AnnotationSyncWave] = v
			case "hook":
				a[v1alpha1.AnnotationHook] = v
			case "policy":
				a[v1alpha1.AnnotationHookDeletePolicy] = v
			case "opt":
				a[v1alpha1.AnnotationSyncOptions] = v
			}
		}
		o.SetAnnotations(a)
		list = append(list, o)
	}
	return list
}

func live(lines ...string) map[object.Key]*object.Object {
	m := map[object.Key]*object.Object{}
	for _, o := range objects(lines...) {
		m[object.KeyOf(o)] = o
	}
	return m
}

func prune(lines ...string) map[object.Key]string {
	m := map[object.Key]string{}
	for key := range live(lines...) {
		m[key] = ""
	}
	return m
}

func TestAHookCreatedBeforeACrashIsNotCreatedAgain(t *testing.T) {
	run := HookRun{ID: "this"}
	hook := objects("Job migrate hook=PreSync")[0]
	there := HookObject(hook, v1alpha1.HookPreSync, run)
	in := Input{Desired: []*object.Object{hook}, Live: map[object.Key]*object.Object{object.KeyOf(there): there}, DryRan: true, Run: run,
		Health: func(*object.Object) Health { return Health{Known: true} }, Known: func(object.Key) bool { return true }}
	next := Decide(in)
	if len(next.Steps) != 0 || len(next.Results) != 1 {
		t.Fatalf("steps %+v, results %+v", next.Steps, next.Results)
	}
	in.Journal = next.Results
	if next = Decide(in); next.Waiting != "waiting for completion of hook batch/Job/migrate" {
		t.Errorf("got %+v", next)
	}
}

func TestAHookThatVanishedEndsInAnError(t *testing.T) {
	in := Input{Desired: objects("Job migrate hook=PreSync", "ConfigMap a"), DryRan: true, Journal: Journal{},
		Health: func(*object.Object) Health { return Health{Known: true} }, Known: func(object.Key) bool { return true }}
	in.Journal[ID{object.KeyOf(in.Desired[0]), v1alpha1.HookPreSync}] = Entry{v1alpha1.ResultSynced, "created", v1alpha1.OperationRunning}
	in.Journal = Decide(in).Results
	if next := Decide(in); !next.Done || next.Phase != v1alpha1.OperationFailed || !strings.Contains(next.Message, "vanished") {
		t.Errorf("got %+v", next)
	}
}

func TestTerminate(t *testing.T) {
	run := HookRun{ID: "this"}
	desired := objects("Job done hook=PreSync", "Job busy hook=PreSync")
	in := Input{Desired: desired, Live: map[object.Key]*object.Object{}, Journal: Journal{}, Run: run,
		Health: func(o *object.Object) Health {
			return Health{Known: true, Healthy: o.GetName() == "done", Message: o.GetName()}
		}}
	for _, o := range desired {
		h := HookObject(o, v1alpha1.HookPreSync, run)
		in.Live[object.KeyOf(h)] = h
		in.Journal[ID{object.KeyOf(h), v1alpha1.HookPreSync}] = Entry{v1alpha1.ResultSynced, "created", v1alpha1.OperationRunning}
	}
	end := Terminate(in)
	got := map[string]string{}
	for id, e := range end.Results {
		got[id.Key.Name] = string(e.Phase) + " " + e.Message
	}
	if diff := cmp.Diff(map[string]string{"done": "Succeeded done", "busy": "Failed Terminated"}, got); diff != "" || end.Message != "Operation terminated" {
		t.Error(diff, end.Message)
	}
	for _, s := range end.Steps {
		if s.Action != Release || s.Delete != (s.Key.Name == "busy") {
			t.Errorf("step %+v", s)
		}
	}
	if len(end.Steps) != 2 {
		t.Errorf("%d steps", len(end.Steps))
	}
}
