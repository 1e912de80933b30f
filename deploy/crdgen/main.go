// Crdgen writes the CustomResourceDefinitions in deploy/crds from the Go types
// in api/v1alpha1: `go generate ./deploy`. Read [definitions] first (what we
// publish), then [builder.schema] (how a Go type becomes a schema).
//
// Argo CD's own definitions are up to 1.4 MB, too big for the annotation that a
// plain `kubectl apply` writes. Ours stay below 60 KB each because they say
// every type once, where a person writes it, and are brief elsewhere:
//
//   - What people write (spec, operation) is typed in full. spec and operation
//     themselves keep fields that we do not know, so that nothing of a newer
//     Argo CD gets lost; the objects below them are closed, so that kubectl and
//     server-side apply still point at a misspelt field.
//   - Generators keep unknown fields at every level, and a generator's template
//     or a nested generator may be anything.
//   - What controllers write (status) is typed loosely, demands nothing and keeps
//     everything: a status must never stand in the way of a backup or of an older
//     or newer controller, least of all in an Application, where the status is
//     part of every write.
//
// It uses the syntax tree and not reflection, because the comments on the fields
// become the texts of `kubectl explain`. It does not try to be a general tool.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	types := flag.String("types", "../api/v1alpha1", "directory of the Go types")
	out := flag.String("out", "crds", "directory to write to")
	flag.Parse()
	if err := run(*types, *out); err != nil {
		fmt.Fprintln(os.Stderr, "crdgen:", err)
		os.Exit(1)
	}
}

func run(types, out string) error {
	files, err := generate(types)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(out, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// definition is what a CustomResourceDefinition says beside its schema.
type definition struct {
	file, kind, plural string
	shortNames         string
	columns            []column
	subresources       string
	places             []place
}

// column is one of those that `kubectl get` prints; only -o wide shows a priority above 0.
type column struct {
	name, path string
	priority   int
}

// place is an exception to the rules of [builder.schema], for the schema at a
// path: fields joined by dots, [] for items, a leading * for any beginning.
type place struct {
	path string
	rule rule
}

// definitions are names, columns and subresources as in Argo CD, and our own
// category: `kubectl get hawser`. (Not the category all, whose objects are
// deleted by `kubectl delete all --all`.)
func definitions() []definition {
	source := []string{"ApplicationSource", "SourceHydrator", "Operation"}
	// A hydrator owns its directory and would overwrite the root of a branch.
	notRoot := place{"*.syncSource.path", rule{extra: `minLength: 1, pattern: '^.{2,}$|[^./]$'`}}
	// Always printed, yet Argo CD does not demand it.
	parameterName := place{"*.plugin.parameters.[].name", rule{optional: true}}
	return []definition{
		{
			file: "application.yaml", kind: "Application", plural: "applications", shortNames: "[app, apps]",
			columns: []column{
				{"Sync Status", ".status.sync.status", 0},
				{"Health Status", ".status.health.status", 0},
				{"Revision", ".status.sync.revision", 10},
				{"Project", ".spec.project", 10},
			},
			subresources: "{}", // no status subresource: many tools patch status and operation in place
			places: []place{
				{"spec", rule{keepUnknown: true}},
				{"spec.project", rule{fallback: "default"}},
				notRoot, parameterName,
				{"operation", rule{keepUnknown: true}},
				{"status", rule{loose: true, opaque: source}},
			},
		},
		{
			file: "appproject.yaml", kind: "AppProject", plural: "appprojects", shortNames: "[appproj, appprojs]",
			places: []place{
				{"spec", rule{keepUnknown: true}},
				{"spec.description", rule{extra: "maxLength: 255"}},
				{"status", rule{loose: true}},
			},
		},
		{
			file: "applicationset.yaml", kind: "ApplicationSet", plural: "applicationsets", shortNames: "[appset, appsets]",
			subresources: "{status: {}}",
			places: []place{
				{"spec", rule{keepUnknown: true}},
				{"spec.template.spec", rule{keepUnknown: true, silent: true}}, // `kubectl explain application.spec` says it
				notRoot, parameterName,
				{"spec.generators", rule{keepAllUnknown: true, opaque: []string{"ApplicationSetTemplate", "ApplicationSetNestedGenerator"}}},
				{"spec.generators.[].list.elements", rule{optional: true, nullable: true}},
				{"status", rule{loose: true, opaque: source}},
			},
		},
	}
}

// generate returns the text of each file by its name.
func generate(dir string) (map[string][]byte, error) {
	types, err := readTypes(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, d := range definitions() {
		b := builder{types: types, places: d.places, explained: map[*goType]bool{}}
		root, err := b.root(d.kind)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.kind, err)
		}
		files[d.file] = text(d, root)
	}
	return files, nil
}
