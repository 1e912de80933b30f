package health

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/rogpeppe/go-internal/txtar"
)

// The corpus is the specification: each file of testdata is one behaviour, which its first line names. (Kinds of others
// have theirs beside their checks.) The sections:
//
//	check GROUP/KIND   a check of the settings in Lua; ", useOpenLibs" may follow
//	settings           hawser.health.fallback: conditions
//	object             a live object; several for an application
//	missing            Kind/name of objects that Git has and the cluster has not, a line each
//	pod                a pod of the object
//	health             what the object is judged as: the code and the reason, or: none
//	application        what an application with these objects is judged as
//	because            what is said of a workload in trouble, or: nothing
type example struct {
	path, title string
	sections    []txtar.File
}

// corpusTime is what the scripts and sentences of the corpus take for now.
var corpusTime = time.Date(2026, 11, 23, 14, 5, 7, 0, time.UTC)

func corpus(t *testing.T) []example {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no corpus", err)
	}
	var all []example
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, rest, _ := strings.Cut(string(a.Comment), "\n")
		title, isTitle := strings.CutPrefix(first, "# ")
		if !isTitle || rest != "" {
			t.Errorf("%s: begins with one line, its title", file)
		}
		all = append(all, example{file, title, a.Files})
	}
	return all
}

// of returns the contents of all sections of that name.
func (e example) of(name string) (list []string) {
	for _, s := range e.sections {
		if s.Name == name {
			list = append(list, strings.TrimSuffix(string(s.Data), "\n"))
		}
	}
	return list
}

func TestCorpus(t *testing.T) {
	for _, e := range corpus(t) {
		t.Run(strings.TrimSuffix(filepath.Base(e.path), ".txtar"), func(t *testing.T) {
			asked := 0
			for _, answer := range []struct {
				section string
				give    func(*testing.T) string
			}{{"health", e.health}, {"application", e.application}, {"because", e.because}} {
				for _, want := range e.of(answer.section) {
					asked++
					if got := answer.give(t); got != want {
						t.Errorf("%s\n got %s\nwant %s", e.title, got, want)
					}
				}
			}
			if asked != 1 {
				t.Errorf("%s asks for %d answers", e.path, asked)
			}
		})
	}
}

// judge judges one object as the settings have it, and makes sure that it is not changed.
func (e example) judge(t *testing.T, text string) (*object.Object, Health, bool) {
	t.Helper()
	var custom []Custom
	opts := Options{Now: corpusTime}
	for _, s := range e.sections {
		kind, isCheck := strings.CutPrefix(s.Name, "check ")
		kind, open := strings.CutSuffix(kind, ", useOpenLibs")
		group, kind, _ := strings.Cut(kind, "/")
		switch {
		case isCheck:
			custom = append(custom, Custom{Group: group, Kind: kind, Lua: string(s.Data), OpenLibs: open})
		case s.Name == "settings" && string(s.Data) == "hawser.health.fallback: conditions\n":
			opts.Fallback = true
		case s.Name == "settings":
			t.Errorf("not understood: %s", s.Data)
		}
	}
	checks, _ := NewChecks(custom)
	o := parse(t, text)
	before := object.Hash(o.Object)
	h, ok := checks.Of(t.Context(), o, opts)
	if object.Hash(o.Object) != before {
		t.Error("the object was changed")
	}
	if built, has := Of(o); len(custom) == 0 && !opts.Fallback && has && (built != h || !ok) {
		t.Errorf("by the built-in rules alone it is %v", built)
	}
	return o, h, ok
}

func (e example) health(t *testing.T) string {
	objects := e.of("object")
	if len(objects) != 1 {
		t.Fatalf("%d objects", len(objects))
	}
	_, h, ok := e.judge(t, objects[0])
	return spell(h, ok)
}

func (e example) application(t *testing.T) string {
	var list []Resource
	for _, text := range e.of("object") {
		o, h, _ := e.judge(t, text)
		list = append(list, Resource{Key: object.KeyOf(o), Live: true, Health: h, Ignored: o.GetAnnotations()[v1alpha1.AnnotationIgnoreHealthCheck] == "true"})
	}
	for _, lines := range e.of("missing") {
		for _, line := range strings.Split(lines, "\n") {
			kind, name, _ := strings.Cut(line, "/")
			list = append(list, Resource{Key: object.Key{Kind: kind, Name: name}, Health: Health{Status: missing}})
		}
	}
	return spell(Aggregate(list), true)
}

func (e example) because(t *testing.T) string {
	var pods []*object.Object
	for _, text := range e.of("pod") {
		pods = append(pods, parse(t, text))
	}
	return orElse(Explain(parse(t, e.of("object")[0]), pods, corpusTime), "nothing")
}

func spell(h Health, ok bool) string {
	switch {
	case !ok:
		return "none"
	case h.Message == "":
		return string(h.Status)
	}
	return string(h.Status) + ": " + h.Message
}

func parse(t testing.TB, text string) *object.Object {
	t.Helper()
	items, err := object.Parse([]byte(text), "test.yaml")
	if err != nil || len(items) != 1 {
		t.Fatalf("parse: %v (%d items)\n%s", err, len(items), text)
	}
	return items[0].Object
}

func TestCorpusNamesEachBehaviourOnce(t *testing.T) {
	seen := map[string]string{}
	for _, e := range corpus(t) {
		if len(e.title) > 120 || !strings.HasSuffix(e.title, ".") {
			t.Errorf("%s: its first line must name the behaviour in one sentence of at most 120 characters", e.path)
		}
		if other := seen[e.title]; other != "" {
			t.Errorf("%s and %s: both are %q", e.path, other, e.title)
		}
		seen[e.title] = e.path
	}
}

// Every built-in kind has a case in which it is well, where it can be, and one in which it is not.
func TestCorpusHasEveryBuiltInKind(t *testing.T) {
	source, err := os.ReadFile("health.go")
	if err != nil {
		t.Fatal(err)
	}
	well, unwell := map[string]bool{}, map[string]bool{}
	for _, e := range corpus(t) {
		if len(e.of("health")) == 0 || strings.HasPrefix(filepath.Base(e.path), "settings_") {
			continue
		}
		o := parse(t, e.of("object")[0])
		name := o.GroupVersionKind().Group + "/" + o.GetKind()
		if want := e.of("health")[0]; strings.HasPrefix(want, "Healthy") {
			well[name] = true
		} else if !strings.Contains(want, "Pending deletion") {
			unwell[name] = true
		}
	}
	kinds := regexp.MustCompile(`schema\.GroupKind\{(?:Group: "([a-z0-9.]+)", )?Kind: "(\w+)"\}`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) < 15 {
		t.Fatalf("only %d kinds were found in health.go", len(kinds))
	}
	for _, k := range kinds {
		if name := k[1] + "/" + k[2]; !well[name] || !unwell[name] && name != "extensions/Ingress" {
			t.Errorf("%s: no case in which it is Healthy, or none in which it is not", name)
		}
	}
}
