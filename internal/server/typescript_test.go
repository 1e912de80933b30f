package server

import (
	"bytes"
	goflag "flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = goflag.Bool("update", false, "rewrite web/src/types.gen.ts")

// The page's types are those of the API: a field that is renamed here does not compile there.
func TestTypesOfThePage(t *testing.T) {
	const file = "../../web/src/types.gen.ts"
	want := typescript(newServer(Options{}, defaultBounds).methods())
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the API says: run make golden", file)
	}
}

// typescript writes the messages of methods as interfaces, by name. Every field may be missing: the API leaves out what
// is empty, and `fields` what was not asked for.
func typescript(methods []method) []byte {
	d := &describer{names: map[reflect.Type]string{}, doc: openAPI{Definitions: map[string]*schema{}}}
	for _, m := range byService(methods) {
		d.schema(m.request)
		d.schema(m.answer)
	}
	names := map[string]string{} // of definitions, to those in TypeScript: without the package where that is clear
	for _, name := range sortedNames(d.doc.Definitions) {
		short := name
		for _, prefix := range []string{"argocd", "v1alpha1"} {
			short = strings.TrimPrefix(short, prefix)
		}
		if short != name && !slices.ContainsFunc(sortedNames(d.doc.Definitions), func(o string) bool {
			return o != name && strings.TrimPrefix(strings.TrimPrefix(o, "argocd"), "v1alpha1") == short
		}) {
			names[name] = short
			continue
		}
		names[name] = upperFirst(name)
	}
	var b bytes.Buffer
	b.WriteString("// Written by `make golden` from the messages of the API (internal/server/typescript_test.go). Do not edit.\n")
	for _, name := range sortedNames(d.doc.Definitions) {
		fmt.Fprintf(&b, "\nexport interface %s {\n", names[name])
		properties := d.doc.Definitions[name].Properties
		for _, field := range sortedNames(properties) {
			fmt.Fprintf(&b, "  %s?: %s;\n", field, typeScriptOf(properties[field], names))
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

func typeScriptOf(s *schema, names map[string]string) string {
	switch {
	case s.Ref != "":
		return names[strings.TrimPrefix(s.Ref, definitions)]
	case s.Format == "int-or-string":
		return "number | string"
	case s.Type == "array":
		return typeScriptOf(s.Items, names) + "[]"
	case s.Type == "object" && s.Values != nil:
		return "Record<string, " + typeScriptOf(s.Values, names) + ">"
	case s.Type == "integer", s.Type == "number":
		return "number"
	case s.Type == "string", s.Type == "boolean":
		return s.Type
	}
	return "unknown"
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
