package appset

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

var update = flag.Bool("update", false, "rewrite what the cases of testdata want")

// A case is an archive: set.yaml, the facts (clusters.yaml; git/ is the tree of every repository, git@REVISION/ that of one revision;
// foreign.yaml the answers of others, by kind; forge.yaml what a forge lists), and want.yaml, the applications as they come out, or error, a part of
// what is said instead.
func TestGenerate(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no case: %v", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f, set := read(t, archive)
			apps, err := Generate(t.Context(), set, f)
			if err != nil {
				compare(t, file, archive, "error", err.Error()+"\n")
				return
			}
			got := []any{}
			for _, a := range apps {
				got = append(got, map[string]any{"metadata": plainly(t, a.ObjectMeta), "spec": plainly(t, a.Spec)})
			}
			text, err := yaml.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, file, archive, "want.yaml", string(text))
		})
	}
}

func plainly(t *testing.T, v any) any {
	t.Helper()
	m, err := plain(v)
	if err != nil {
		t.Fatal(err)
	}
	delete(m, "creationTimestamp")
	return m
}

func compare(t *testing.T, file string, archive *txtar.Archive, name, got string) {
	t.Helper()
	at := -1
	for i, f := range archive.Files {
		switch f.Name {
		case name:
			at = i
		case "want.yaml", "error":
			if !*update {
				t.Fatalf("wanted %s, but got %s:\n%s", f.Name, name, got)
			}
		}
	}
	if *update {
		var kept []txtar.File
		for _, f := range archive.Files {
			if f.Name != "want.yaml" && f.Name != "error" {
				kept = append(kept, f)
			}
		}
		archive.Files = append(kept, txtar.File{Name: name, Data: []byte(got)})
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if at < 0 {
		t.Fatalf("the case wants neither applications nor an error; it yields %s:\n%s", name, got)
	}
	if want := string(archive.Files[at].Data); want != got {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// facts are those of a case.
type facts struct {
	clusters []Cluster
	trees    map[string]source.Files // by revision; "" is any
	foreign  map[string][]Params
	forges   *forges
	strict   bool
}

func (f *facts) Clusters(context.Context) ([]Cluster, error) { return f.clusters, nil }

func (f *facts) StrictGlobs() bool { return f.strict }

func (f *facts) Tree(_ context.Context, _, revision string) (source.Tree, error) {
	if files, ok := f.trees[revision]; ok {
		return source.Memory(files), nil
	}
	if files, ok := f.trees[""]; ok {
		return source.Memory(files), nil
	}
	return nil, problem.New(problem.Unavailable, "the repository cannot be reached")
}

func (f *facts) Foreign(_ context.Context, g v1alpha1.ApplicationSetTerminalGenerator) ([]Params, error) {
	kind := "plugin"
	switch {
	case g.PullRequest != nil:
		kind = "pullRequest"
	case g.SCMProvider != nil:
		kind = "scmProvider"
	case g.ClusterDecisionResource != nil:
		kind = "clusterDecisionResource"
	}
	if list, ok := f.foreign[kind]; ok {
		return list, nil
	}
	return nil, problem.New(problem.Unavailable, "the forge answers 500")
}

func read(t *testing.T, archive *txtar.Archive) (*facts, *v1alpha1.ApplicationSet) {
	t.Helper()
	f := &facts{trees: map[string]source.Files{}}
	set := &v1alpha1.ApplicationSet{}
	for _, file := range archive.Files {
		var err error
		switch name, rest, _ := strings.Cut(file.Name, "/"); {
		case file.Name == "set.yaml":
			err = yaml.UnmarshalStrict(file.Data, set)
		case file.Name == "clusters.yaml":
			err = yaml.UnmarshalStrict(file.Data, &f.clusters)
		case file.Name == "foreign.yaml":
			err = yaml.UnmarshalStrict(file.Data, &f.foreign)
		case file.Name == "forge.yaml":
			err = yaml.Unmarshal(file.Data, &f.forges)
		case name == "git" || strings.HasPrefix(name, "git@"):
			revision := strings.TrimPrefix(strings.TrimPrefix(name, "git"), "@")
			if f.trees[revision] == nil {
				f.trees[revision] = source.Files{}
			}
			f.trees[revision][rest] = string(file.Data)
		case file.Name != "want.yaml" && file.Name != "error":
			err = errors.New("a case has no such file")
		}
		if err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
	}
	if set.Namespace == "" {
		set.Namespace = "argocd"
	}
	return f, set
}

// What is in Params is what JSON has: anything else would print differently in a template.
func TestFlatten(t *testing.T) {
	var v map[string]any
	if err := json.Unmarshal([]byte(`{"a":{"b":[1,true,null,"x"],"c":1.5},"n":12345678901}`), &v); err != nil {
		t.Fatal(err)
	}
	got := Params{}
	flatten("", v, got)
	for k, want := range map[string]string{"a.b.0": "1", "a.b.1": "true", "a.b.2": "", "a.b.3": "x", "a.c": "1.5", "n": "12345678901"} {
		if got[k] != want {
			t.Errorf("%s is %q, not %q", k, got[k], want)
		}
	}
	if len(got) != 6 {
		t.Error(got)
	}
}
