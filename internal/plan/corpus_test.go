package plan

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/rogpeppe/go-internal/txtar"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The corpus is the specification of a sync: each file of testdata is one operation, played against a pretend cluster
// that does at once what it is told. Its comment names the behaviour in one line. The sections, each of lines:
//
//	git        what Git has: Kind name key=value… (see objects)
//	live       what is in the cluster before
//	prune      what may be pruned: Kind name; "Kind name | reason" must stay for the reason
//	operation  prune, dry run, force, apply strategy, only Kind name, option Name=value, approved,
//	           helm install, helm upgrade, create namespace NAME, deletion PreDelete, terminate after N
//	patience   hook 10m, wave 5m, delay 2s, and tick 1m: what a look takes
//	world      about Kind/name: slow N (healthy at the N-th look; default 1), never, broken, plain (no health),
//	           refuses MESSAGE, forbids RULE (the project), belongs APPLICATION, vanishes, stays (when it is
//	           deleted), synced (does not differ), unknown (its kind is not served), deleted (by a person),
//	           settled (an apply would not change it), agreed (the API server has been asked)
//	want       what happens: a line each for the steps of a batch, a new wait, the end
var update = flag.Bool("update", false, "rewrite the section want of the corpus")

func TestCorpus(t *testing.T) {
	for _, file := range corpus(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f := newFilm(t, archive)
			got := strings.Join(f.play(), "\n") + "\n"
			i := slices.IndexFunc(archive.Files, func(s txtar.File) bool { return s.Name == "want" })
			if *update {
				if i < 0 {
					archive.Files, i = append(archive.Files, txtar.File{Name: "want"}), len(archive.Files)
				}
				archive.Files[i].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if i < 0 {
				t.Fatal("it has no section want")
			}
			if d := cmp.Diff(string(archive.Files[i].Data), got); d != "" {
				t.Errorf("%s%s", archive.Comment, d)
			}
		})
	}
}

func TestCorpusNamesEachBehaviourOnce(t *testing.T) {
	seen := map[string]string{}
	for _, file := range corpus(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		title := strings.TrimSpace(string(archive.Comment))
		if title == "" || len(title) > 120 || strings.Contains(title, "\n") {
			t.Errorf("%s: its comment must name the behaviour in one line of at most 120 characters", file)
		}
		if other := seen[title]; other != "" {
			t.Errorf("%s and %s: both are %q", file, other, title)
		}
		seen[title] = file
	}
}

func corpus(t *testing.T) []string {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no corpus", err)
	}
	return files
}

// film plays an operation and keeps what happens.
type film struct {
	t         *testing.T
	in        Input
	refuse    map[string]string // Kind/name → the API server's message
	slow      map[string]int    // Kind/name → not healthy for so many looks after it is there; negative: never
	broken    map[string]bool
	plain     map[string]bool // no health
	stays     map[string]bool
	vanishes  map[string]bool
	deleted   map[string]bool
	deletion  v1alpha1.HookType
	terminate int // after so many rounds; 0: never
	tick      time.Duration
	lines     []string
}

func newFilm(t *testing.T, archive *txtar.Archive) *film {
	f := &film{t: t, refuse: map[string]string{}, slow: map[string]int{}, broken: map[string]bool{}, plain: map[string]bool{}, stays: map[string]bool{}, vanishes: map[string]bool{}, deleted: map[string]bool{}}
	f.in = Input{Live: map[object.Key]*object.Object{}, Journal: Journal{}, Run: HookRun{Revision: "4c1f2d9", ID: "this", Started: 1795788300}, Gone: map[object.Key]bool{},
		Prune: map[object.Key]string{}, Changed: map[object.Key]bool{}, Skipped: map[object.Key]string{}, Refused: map[object.Key]string{}, Options: ParseOptions(nil),
		Settled: map[object.Key]string{}, Agreed: map[object.Key]bool{}}
	unknown := map[string]bool{}
	f.in.Known = func(k object.Key) bool { return !unknown[k.Kind] }
	f.in.Health = f.health
	var options []string
	for _, section := range archive.Files {
		for _, line := range strings.Split(strings.TrimSpace(string(section.Data)), "\n") {
			first, rest, _ := strings.Cut(line, " ")
			switch section.Name {
			case "git":
				f.in.Desired = append(f.in.Desired, objects(line)...)
			case "live":
				o := objects(line)[0]
				f.in.Live[object.KeyOf(o)] = o
			case "prune":
				line, why, _ := strings.Cut(line, " | ")
				f.in.Prune[object.KeyOf(objects(line)[0])] = why
			case "operation":
				switch {
				case line == "prune":
					f.in.Sync.Prune = true
				case line == "dry run":
					f.in.Sync.DryRun = true
				case line == "approved":
					f.in.Options.DeletionApproved = true
				case line == "apply strategy":
					f.in.Sync.SyncStrategy = &v1alpha1.SyncStrategy{Apply: &v1alpha1.SyncStrategyApply{}}
				case first == "only":
					k := object.KeyOf(objects(rest)[0])
					f.in.Sync.Resources = append(f.in.Sync.Resources, v1alpha1.SyncOperationResource{Group: k.Group, Kind: k.Kind, Name: k.Name, Namespace: k.Namespace})
				case first == "option":
					options = append(options, rest)
				case first == "helm":
					f.in.Helm = HelmStage(rest)
				case first == "create":
					f.in.Ensure = objects("Namespace " + strings.TrimPrefix(rest, "namespace "))[0]
				case first == "deletion":
					f.deletion = v1alpha1.HookType(rest)
				case first == "terminate":
					f.terminate = number(t, strings.TrimPrefix(rest, "after "))
				default:
					t.Fatalf("operation: %q", line)
				}
			case "patience":
				d, err := time.ParseDuration(rest)
				if err != nil {
					t.Fatal(err)
				}
				f.in.Waits.Now = time.Unix(f.in.Run.Started, 0).UTC()
				switch first {
				case "hook":
					f.in.Waits.Hook = d
				case "wave":
					f.in.Waits.Wave = d
				case "delay":
					f.in.Waits.Delay = d
				case "tick":
					f.tick = d
				}
			case "world":
				verb, more, _ := strings.Cut(rest, " ")
				kind, name, _ := strings.Cut(first, "/")
				key := object.KeyOf(objects(kind + " " + name)[0])
				for _, o := range f.in.Desired { // with its namespace
					if o.GetKind() == kind && o.GetName() == name {
						key = object.KeyOf(o)
					}
				}
				switch verb {
				case "slow":
					f.slow[first] = 1
					if more != "" {
						f.slow[first] = number(t, more)
					}
				case "never":
					f.slow[first] = -1
				case "broken":
					f.broken[first] = true
				case "plain":
					f.plain[first] = true
				case "refuses":
					f.refuse[first] = more
				case "forbids":
					f.in.Refused[key] = more
				case "belongs":
					f.in.Skipped[key] = "managed by application " + more
				case "vanishes":
					f.vanishes[first] = true
				case "stays":
					f.stays[first] = true
				case "deleted":
					f.deleted[first] = true
				case "synced":
					f.in.Changed[key] = false
				case "unknown":
					unknown[kind] = true
				case "settled":
					f.in.Settled[key] = "unchanged"
				case "agreed":
					f.in.Agreed[key] = true
				default:
					t.Fatalf("world: %q", line)
				}
			case "want":
			default:
				t.Fatalf("section %q", section.Name)
			}
		}
	}
	for _, o := range f.in.Desired {
		if _, said := f.in.Changed[object.KeyOf(o)]; !said {
			f.in.Changed[object.KeyOf(o)] = true
		}
	}
	approved := f.in.Options.DeletionApproved
	f.in.Options = ParseOptions(options)
	f.in.Options.DeletionApproved = approved
	return f
}

func number(t *testing.T, text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (f *film) health(o *object.Object) Health {
	name := object.KeyOf(o).Short()
	switch {
	case f.plain[name]:
		return Health{Healthy: true}
	case f.broken[name]:
		return Health{Known: true, Degraded: true, Message: name + " is broken"}
	case f.slow[name] != 0:
		return Health{Known: true, Message: "1 of 3 pods is ready"}
	}
	return Health{Known: true, Healthy: true}
}

// play asks again and again what to do, and does it, until the operation is over or waits for what will never come.
func (f *film) play() []string {
	last := ""
	for round := 1; round < 60; round++ {
		if f.terminate > 0 && round > f.terminate {
			f.end(Terminate(f.in))
			return f.lines
		}
		next := f.decide()
		if next.Done {
			for _, id := range next.Results.IDs() {
				f.in.Journal[id] = next.Results[id]
			}
			f.end(next)
			return f.lines
		}
		if next.Waiting != "" {
			if next.Message != last {
				f.note("%s", next.Message)
			}
			last = next.Message
			f.in.Waits.Subject, f.in.Waits.Since = next.Wait.Subject, next.Wait.Since
			if !f.pass(next) && f.terminate == 0 {
				return f.lines
			}
			continue
		}
		last = ""
		if f.perform(next) {
			return f.lines
		}
	}
	f.note("no end")
	return f.lines
}

func (f *film) decide() Next {
	if f.deletion != "" {
		return DecideDeletion(f.in, f.deletion)
	}
	return Decide(f.in)
}

// pass lets some time go by, in which slow things come up. It reports whether anything can still change.
func (f *film) pass(next Next) bool {
	changed := false
	if !f.in.Waits.Now.IsZero() && f.tick > 0 {
		f.in.Waits.Now = f.in.Waits.Now.Add(f.tick)
		changed = !next.Wait.Until.IsZero()
	}
	for _, o := range f.in.Live {
		name := object.KeyOf(o).Short()
		if f.slow[name] > 0 {
			f.slow[name]--
			changed = true
		}
		if f.deleted[name] && o.GetDeletionTimestamp() == nil {
			o.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1795788300, 0)})
			changed = true
		}
	}
	return changed
}

// perform does what next says and reports whether the operation ended with it.
func (f *film) perform(next Next) (ended bool) {
	var done []string
	for _, id := range next.Results.IDs() {
		e := next.Results[id]
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
		done = append(done, f.step(s))
	}
	if len(next.Steps) > 0 {
		f.in.Waits.Written = f.in.Waits.Now
	}
	if !f.in.DryRan {
		f.in.DryRan = true
		if len(refused) > 0 {
			f.end(DryRunFailed(refused))
			return true
		}
	}
	sort.Strings(done)
	if len(done) > 0 {
		f.note("%s", strings.Join(done, ", "))
	}
	return false
}

func (f *film) step(s Step) string {
	name := s.Key.Short()
	what := fmt.Sprintf("%s %s", s.Action, name)
	switch {
	case s.Action == Release && s.Delete:
		what = "delete " + name
	case s.Over:
		what = "run over " + name
	}
	if s.DryRun {
		what += " (dry run)"
	}
	switch {
	case f.refuse[name] != "":
		f.in.Journal[s.ID()] = Entry{v1alpha1.ResultSyncFailed, f.refuse[name], v1alpha1.OperationFailed}
		return what + ": refused"
	case s.Action == Prune:
		f.remove(s.Key)
		f.in.Journal[s.ID()] = Entry{v1alpha1.ResultPruned, "pruned", v1alpha1.OperationSucceeded}
	case s.Action == Release && s.Delete:
		f.remove(s.Key)
	case s.Action == Release:
		o := s.Object.DeepCopy()
		o.SetFinalizers(nil)
		f.in.Live[s.Key] = o
	default:
		o := s.Object.DeepCopy()
		if f.in.Live[s.Key] == nil {
			o.SetCreationTimestamp(metav1.Time{Time: f.in.Waits.Now})
		}
		if !s.DryRun {
			f.in.Live[s.Key] = o
		}
		f.in.Journal[s.ID()] = Entry{v1alpha1.ResultSynced, "created", v1alpha1.OperationRunning}
		if f.vanishes[name] {
			delete(f.in.Live, s.Key)
			f.in.Gone[s.Key] = true
		}
	}
	return what
}

func (f *film) remove(k object.Key) {
	if !f.stays[k.Short()] {
		delete(f.in.Live, k)
		return
	}
	o := f.in.Live[k].DeepCopy()
	o.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1795788300, 0)})
	o.SetFinalizers([]string{"example.com/keep"})
	f.in.Live[k] = o
}

// end notes how it ended, with what an end that is no success does and leaves behind.
func (f *film) end(next Next) {
	for _, id := range slices.Sorted(maps.Keys(namesOf(next.Results))) {
		f.note("%s: %s", id, namesOf(next.Results)[id].Message)
	}
	for _, s := range next.Steps {
		f.note("%s", f.step(s))
	}
	f.note("%s", strings.TrimSuffix(fmt.Sprintf("%s: %s", next.Phase, next.Message), ": "))
	if f.deletion != "" {
		for _, s := range ReleaseDeletion(f.in, f.deletion) {
			f.note("%s", f.step(s))
		}
	}
}

func namesOf(j Journal) map[string]Entry {
	m := map[string]Entry{}
	for id, e := range j {
		m[id.Key.Short()] = e
	}
	return m
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

// objects reads "Kind name key=value…" lines. Keys: ns, wave, hook, policy, opt, timeout; weight, helm and helmpolicy
// for Helm's annotations; defines=Kind for a CRD; name= for a generateName; run=earlier for a hook of an earlier run.
func objects(lines ...string) []*object.Object {
	var list []*object.Object
	for _, l := range lines {
		f := strings.Fields(l)
		o := &object.Object{Object: map[string]any{"kind": f[0], "apiVersion": map[string]string{
			"Deployment": "apps/v1", "Job": "batch/v1", "CustomResourceDefinition": "apiextensions.k8s.io/v1", "Widget": "example.com/v1", "Role": "rbac.authorization.k8s.io/v1",
		}[f[0]]}}
		if o.GetAPIVersion() == "" {
			o.SetAPIVersion("v1")
		}
		o.SetName(f[1])
		if name, prefix := strings.CutSuffix(f[1], "*"); prefix {
			o.SetName("")
			o.SetGenerateName(name)
		}
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
			case "timeout":
				a[AnnotationHookTimeout] = v
			case "helm":
				a[v1alpha1.AnnotationHelmHook] = v
			case "weight":
				a[v1alpha1.AnnotationHelmHookWeight] = v
			case "helmpolicy":
				a[v1alpha1.AnnotationHelmHookDeletePolicy] = v
			case "run":
				if a[AnnotationRun] = v; v == "this" {
					a[AnnotationRun] = HookRun{ID: v}.mark(v1alpha1.HookType(a[v1alpha1.AnnotationHook]))
				}
				o.SetFinalizers([]string{v1alpha1.FinalizerHook})
			case "observed":
				o.SetGeneration(1)
				o.Object["status"] = map[string]any{"observedGeneration": int64(1)}
			case "defines":
				o.Object["spec"] = map[string]any{"group": "example.com", "names": map[string]any{"kind": v}}
			default:
				panic("objects: " + kv)
			}
		}
		o.SetAnnotations(a)
		list = append(list, o)
	}
	return list
}
