package appset

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// leastCases is how many cases the corpus must hold.
const leastCases = 160

// corpusCase is one generator's way from its input to parameters and to applications. The files of its archive are the
// facts for all cases in it; names of cases end in .case.
type corpusCase struct {
	GoTemplate bool                               `json:"goTemplate"`
	Options    []string                           `json:"options"` // of Go templates
	Strict     bool                               `json:"strict"`  // globs
	Generators []v1alpha1.ApplicationSetGenerator `json:"generators"`
	Name       string                             `json:"name"` // the template's name …
	Show       string                             `json:"show"` // … and its annotation show
	Template   *v1alpha1.ApplicationSetTemplate   `json:"template"`
	Patch      *string                            `json:"patch"`
	SyncPolicy *v1alpha1.ApplicationSetSyncPolicy `json:"syncPolicy"`
	Params     []map[string]any                   `json:"params"` // exactly, in order
	Apps       map[string]string                  `json:"apps"`   // name to what is shown
	Whole      []map[string]any                   `json:"whole"`  // metadata and spec of the applications, exactly
	Error      string                             `json:"error"`  // a part of what is said; then nothing is yielded
}

// What each generator yields, name for name, and what templates make of it. Results are those that Argo CD documents.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		facts := &txtar.Archive{}
		for _, f := range archive.Files {
			if !strings.HasSuffix(f.Name, ".case") {
				facts.Files = append(facts.Files, f)
			}
		}
		for _, f := range archive.Files {
			name, isCase := strings.CutSuffix(f.Name, ".case")
			if !isCase {
				continue
			}
			count++
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) {
				var c corpusCase
				if err := yaml.UnmarshalStrict(f.Data, &c); err != nil {
					t.Fatal(err)
				}
				world, _ := read(t, facts)
				world.strict = c.Strict
				c.run(t, world)
			})
		}
	}
	if count < leastCases {
		t.Errorf("the corpus has %d cases, and is to have %d", count, leastCases)
	}
	t.Logf("%d cases in %d files", count, len(files))
}

func (c corpusCase) run(t *testing.T, world *facts) {
	set := &v1alpha1.ApplicationSet{}
	set.Name, set.Namespace = "set", "argocd"
	set.Spec = v1alpha1.ApplicationSetSpec{GoTemplate: c.GoTemplate, GoTemplateOptions: c.Options, Generators: c.Generators, TemplatePatch: c.Patch, SyncPolicy: c.SyncPolicy}
	if c.Template != nil {
		set.Spec.Template = *c.Template
	} else {
		set.Spec.Template.Metadata.Name = c.Name
		set.Spec.Template.Metadata.Annotations = map[string]string{"show": c.Show}
		set.Spec.Template.Spec.Project = "default"
	}
	if c.Params == nil && c.Apps == nil && c.Whole == nil && c.Error == "" {
		t.Fatal("the case wants nothing")
	}
	if c.Params != nil {
		e := &engine{facts: world, goTemplate: c.GoTemplate, options: c.Options}
		got := []map[string]any{}
		for _, g := range c.Generators {
			list, err := e.all(t.Context(), outer(g))
			if err != nil {
				t.Fatal(err)
			}
			for _, y := range list {
				got = append(got, y.params)
			}
		}
		if diff := cmp.Diff(normal(t, c.Params), normal(t, got)); diff != "" {
			t.Errorf("parameters (-want +got):\n%s", diff)
		}
	}
	if c.Apps == nil && c.Whole == nil && c.Error == "" {
		return
	}
	apps, err := Generate(t.Context(), set, world)
	if c.Error != "" {
		if err == nil || !strings.Contains(err.Error(), c.Error) || apps != nil {
			t.Errorf("it says %v, and not %s", err, c.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.Whole != nil {
		got := []map[string]any{}
		for _, a := range apps {
			got = append(got, map[string]any{"metadata": plainly(t, a.ObjectMeta), "spec": plainly(t, a.Spec)})
		}
		if diff := cmp.Diff(normal(t, c.Whole), normal(t, got)); diff != "" {
			t.Errorf("applications (-want +got):\n%s", diff)
		}
		return
	}
	got := map[string]string{}
	for _, a := range apps {
		if a.Namespace != "argocd" {
			t.Errorf("%s is in %s", a.Name, a.Namespace)
		}
		got[a.Name] = a.Annotations["show"]
	}
	if diff := cmp.Diff(c.Apps, got); diff != "" {
		t.Errorf("applications (-want +got):\n%s", diff)
	}
}

func normal(t *testing.T, v any) (out []any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
