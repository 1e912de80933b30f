package action

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite what is expected in the cases of kinds")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func parse(t testing.TB, text string) *object.Object {
	t.Helper()
	items, err := object.Parse([]byte(text), "test.yaml")
	if err != nil || len(items) != 1 {
		t.Fatalf("parse: %v (%d items)\n%s", err, len(items), text)
	}
	return items[0].Object
}

// want is what a case expects of one action.
type want struct {
	Patch  map[string]any   `json:"patch,omitempty"`
	Status map[string]any   `json:"status,omitempty"` // of the patch, for the kind's status
	Create []map[string]any `json:"create,omitempty"`
	Error  string           `json:"error,omitempty"`
}

// Every folder of kinds has its cases beside it. A file of a case is an object; one named "object: actions" says which
// actions it has (a name in parentheses is disabled), and one named "object: restart" or "object: scale replicas=5" what
// the action does.
func TestBuiltinActions(t *testing.T) {
	scripts, err := filepath.Glob("kinds/*/*/" + discovery)
	if err != nil || len(scripts) == 0 {
		t.Fatal("no kinds", err)
	}
	a, problems := New(nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	total := 0
	for _, file := range scripts {
		folder := filepath.Dir(file)
		name := filepath.Join(folder, "cases.txtar")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		archive := txtar.Parse(data)
		objects, ran := map[string]*object.Object{}, map[string]bool{}
		for i, f := range archive.Files {
			about, what, ok := strings.Cut(f.Name, ": ")
			if !ok {
				o := parse(t, string(f.Data))
				if key := object.KeyOf(o); !matches(filepath.Base(filepath.Dir(folder)), key.Group) || !matches(filepath.Base(folder), key.Kind) {
					t.Errorf("%s: %s: %s/%s belongs to another folder", name, f.Name, key.Group, key.Kind)
				}
				objects[f.Name] = o
				continue
			}
			o := objects[about]
			if o == nil {
				t.Errorf("%s: %s: no object %q before it", name, f.Name, about)
				continue
			}
			before := object.Hash(o.Object)
			var got string
			if what == "actions" {
				got = spell(a.Discover(t.Context(), o, noon)) + "\n"
			} else {
				words := strings.Fields(what)
				ran[words[0]] = true
				got = does(t, a, o, words[0], words[1:])
			}
			if object.Hash(o.Object) != before {
				t.Errorf("%s: %s: the object was changed", name, f.Name)
			}
			if *update {
				archive.Files[i].Data = []byte(got)
			} else if got != string(f.Data) {
				t.Errorf("%s: %s:\n got %s\nwant %s", name, f.Name, got, f.Data)
			}
			total++
		}
		if *update {
			if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		actions, err := filepath.Glob(folder + "/*.lua")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range actions {
			if base := filepath.Base(s); base != discovery && !ran[strings.TrimSuffix(base, ".lua")] {
				t.Errorf("%s: no case runs %s", name, base)
			}
		}
		for _, o := range objects { // what is offered can be run, and what can be run is offered
			found, err := a.Discover(t.Context(), o, noon)
			if err != nil || len(found) != len(actions)-1 {
				t.Errorf("%s: %d actions are offered, and there are scripts for %d (%v)", name, len(found), len(actions)-1, err)
			}
			for _, f := range found {
				if f.IconClass == "" {
					t.Errorf("%s: action %s has no icon", name, f.Name)
				}
			}
		}
	}
	t.Logf("%d kinds, %d cases", len(scripts), total)
}

func does(t *testing.T, a *Actions, o *object.Object, name string, params []string) string {
	r := Request{Action: name, Params: map[string]string{}, Now: noon}
	for _, p := range params {
		k, v, _ := strings.Cut(p, "=")
		r.Params[k] = v
	}
	var w want
	changes, err := a.Run(t.Context(), o, r)
	if err != nil {
		w.Error = err.Error()
	}
	for _, c := range changes {
		if c.Operation == Create {
			w.Create = append(w.Create, c.Object.Object)
		} else {
			var status map[string]any
			w.Patch, status = c.PatchOf(o)
			w.Status, _ = status["status"].(map[string]any)
		}
	}
	text, err := yaml.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func spell(actions []Action, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	words := []string{"none"}[len(actions)/max(len(actions), 1):]
	for _, a := range actions {
		word := a.Name
		for _, p := range a.Params {
			word += fmt.Sprintf("[%s=%s]", p.Name, p.Default)
		}
		if a.Disabled {
			word = "(" + word + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func matches(folder, name string) bool {
	before, after, wild := strings.Cut(folder, "_")
	if !wild {
		return folder == name
	}
	return strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// A controller may write anything. No discovery of ours may fail because of it: people would see no actions at all.
func TestBuiltinDiscoverySurvivesAnyContent(t *testing.T) {
	scripts, err := filepath.Glob("kinds/*/*/" + discovery)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := New(nil)
	for _, file := range scripts {
		kind, group := filepath.Base(filepath.Dir(file)), filepath.Base(filepath.Dir(filepath.Dir(file)))
		kind, group = strings.ReplaceAll(kind, "_", "Thing"), strings.ReplaceAll(group, "_", "a")
		for _, content := range []string{
			``, `spec: x`, `status: x`, `status: {conditions: x}`, `status: {conditions: [1, x, {}, {type: Complete}, {type: Issuing}, {type: Failed, status: true}]}`,
			`spec: {suspend: x, paused: 3, replicas: many, strategy: {canary: {steps: x}}, syncPolicy: {automated: x}, lifecycle: []}`,
			`status: {phase: 3, pauseConditions: x, currentStepIndex: x, instanceNames: x, abort: []}`, `status: {pauseConditions: {a: b}, currentStepIndex: {}, instanceNames: {a: b}}`,
		} {
			o := parse(t, "{apiVersion: "+group+"/v1, kind: "+kind+", metadata: {name: a, ownerReferences: [{uid: x}]}, "+content+"}")
			if _, err := a.Discover(t.Context(), o, noon); err != nil {
				t.Errorf("%s: %s: %v", file, content, err)
			}
		}
	}
}
