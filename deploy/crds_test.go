package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/deploy"
)

func TestCRDs(t *testing.T) {
	var names []string
	for _, f := range deploy.CRDs() {
		names = append(names, f.Name)
		// kubectl keeps a copy of what it applies in an annotation of at most 256
		// KiB; a quarter of that leaves room for annotations of others.
		if len(f.Data) >= 60_000 {
			t.Errorf("%s: %d bytes, must stay below 60 000", f.Name, len(f.Data))
		}
	}
	want := []string{"application.yaml", "applicationset.yaml", "appproject.yaml"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := strings.Count(string(deploy.CRDManifest()), "\n---\n"); got != len(want)-1 {
		t.Errorf("%d separators in the manifest", got)
	}
}

func TestNamesAndSubresources(t *testing.T) {
	type facts struct {
		name, short  string
		subresources any
		columns      []string
	}
	got := map[string]facts{}
	for _, f := range deploy.CRDs() {
		spec := at(parse(t, f.Data), "spec").(map[string]any)
		version := at(spec, "versions").([]any)[0].(map[string]any)
		if list := at(spec, "versions").([]any); len(list) != 1 || version["name"] != "v1alpha1" || version["storage"] != true || version["served"] != true {
			t.Errorf("%s: versions %v", f.Name, list)
		}
		var columns []string
		if list, ok := version["additionalPrinterColumns"].([]any); ok {
			for _, c := range list {
				c := c.(map[string]any)
				columns = append(columns, fmt.Sprintf("%v %v %v", c["name"], c["jsonPath"], c["priority"]))
			}
		}
		got[at(spec, "names", "kind").(string)] = facts{
			name:         at(parse(t, f.Data), "metadata", "name").(string),
			short:        fmt.Sprint(at(spec, "names", "shortNames")),
			subresources: version["subresources"],
			columns:      columns,
		}
	}
	want := map[string]facts{
		"Application": {
			"applications.argoproj.io", "[app apps]", map[string]any{},
			[]string{"Sync Status .status.sync.status <nil>", "Health Status .status.health.status <nil>", "Revision .status.sync.revision 10", "Project .spec.project 10"},
		},
		"AppProject":     {"appprojects.argoproj.io", "[appproj appprojs]", nil, nil},
		"ApplicationSet": {"applicationsets.argoproj.io", "[appset appsets]", map[string]any{"status": map[string]any{}}, nil},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(facts{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A definition whose schema is not structural is accepted by the API server,
// which then neither prunes nor defaults.
func TestSchemasAreStructural(t *testing.T) {
	for _, f := range deploy.CRDs() {
		var check func(path string, s map[string]any)
		check = func(path string, s map[string]any) {
			properties, _ := s["properties"].(map[string]any)
			items, hasItems := s["items"].(map[string]any)
			values, hasValues := s["additionalProperties"].(map[string]any)
			keepsUnknown := s["x-kubernetes-preserve-unknown-fields"] == true
			untyped := keepsUnknown || s["x-kubernetes-int-or-string"] == true
			switch {
			case s["type"] == nil && !untyped:
				t.Errorf("%s: no type", path)
			case s["type"] == nil && (properties != nil || hasItems || hasValues):
				t.Errorf("%s: fields or items without a type", path)
			case (s["type"] == "array") != hasItems:
				t.Errorf("%s: type %v, items %v", path, s["type"], items)
			case properties != nil && hasValues:
				t.Errorf("%s: both properties and additionalProperties", path)
			case s["type"] == "object" && properties == nil && !hasValues && !keepsUnknown && path != "metadata":
				t.Errorf("%s: an object without fields drops everything", path)
			}
			if required, ok := s["required"].([]any); ok {
				for _, r := range required {
					if properties[r.(string)] == nil {
						t.Errorf("%s: demands %v, which it does not have", path, r)
					}
				}
			}
			for key, p := range properties {
				check(strings.TrimPrefix(path+"."+key, "."), p.(map[string]any))
			}
			if hasItems {
				check(path+".[]", items)
			}
			if hasValues {
				check(path+".*", values)
			}
		}
		check("", schema(t, f))
	}
}

// Every field of the files with all fields is known by its name and has the
// type that the schema gives it. (What an API server makes of them is tested
// with a real one.)
func TestEveryFieldIsDeclared(t *testing.T) {
	for _, f := range deploy.CRDs() {
		text, err := os.ReadFile(filepath.Join("../api/v1alpha1/testdata", f.Name))
		if err != nil {
			t.Fatal(err)
		}
		for _, complaint := range undeclared("", parse(t, text), schema(t, f)) {
			t.Errorf("%s: %s", f.Name, complaint)
		}
	}
	// Does the test see anything?
	bad := map[string]any{"spec": map[string]any{"project": 1.0, "nonsense": "x"}}
	got := undeclared("", bad, schema(t, deploy.CRDs()[0]))
	if want := []string{"spec.nonsense is not declared", "spec.project: float64 instead of string"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func undeclared(path string, value any, s map[string]any) (complaints []string) {
	properties, _ := s["properties"].(map[string]any)
	values, _ := s["additionalProperties"].(map[string]any)
	items, _ := s["items"].(map[string]any)
	matches := func(types ...string) {
		if s["type"] != nil && !slices.Contains(types, s["type"].(string)) {
			complaints = append(complaints, fmt.Sprintf("%s: %T instead of %v", path, value, s["type"]))
		}
	}
	switch value := value.(type) {
	case map[string]any:
		matches("object")
		if path == "metadata" || properties == nil && values == nil {
			break
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			below := strings.TrimPrefix(path+"."+key, ".")
			switch child, ok := properties[key].(map[string]any); {
			case ok:
				complaints = append(complaints, undeclared(below, value[key], child)...)
			case values != nil:
				complaints = append(complaints, undeclared(below, value[key], values)...)
			default:
				complaints = append(complaints, below+" is not declared")
			}
		}
	case []any:
		matches("array")
		for i, v := range value {
			if items != nil {
				complaints = append(complaints, undeclared(fmt.Sprintf("%s[%d]", path, i), v, items)...)
			}
		}
	case string:
		matches("string")
	case bool:
		matches("boolean")
	case float64:
		matches("integer", "number")
	}
	return complaints
}

func parse(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := yaml.UnmarshalStrict(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func schema(t *testing.T, f deploy.File) map[string]any {
	t.Helper()
	version := at(parse(t, f.Data), "spec", "versions").([]any)[0].(map[string]any)
	return at(version, "schema", "openAPIV3Schema").(map[string]any)
}

func at(v map[string]any, path ...string) any {
	var out any = v
	for _, p := range path {
		out = out.(map[string]any)[p]
	}
	return out
}
