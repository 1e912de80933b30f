package render

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

// TestGivenValuesComeBetweenFilesAndTheSpec, in their order.
func TestGivenValuesComeBetweenFilesAndTheSpec(t *testing.T) {
	files := source.Files{
		"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "values.yaml": "a: chart\nb: chart\nc: chart\nd: chart\ne: chart\nlist: [x]\n", "v.yaml": "b: file\nc: file\nd: file\ne: file\n",
		"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {{ .Values | toYaml | nindent 2 }}\n",
	}
	req := at(".", files)
	req.Source.Helm = &v1alpha1.ApplicationSourceHelm{ValueFiles: []string{"v.yaml"}, Values: "d: spec\ne: spec", Parameters: []v1alpha1.HelmParameter{{Name: "e", Value: "parameter"}}}
	req.Given.Values = []Values{
		{From: "ConfigMap one", Text: "c: given\nd: given\ndeep: {x: 1}\n"}, {From: "ConfigMap two", Text: "deep: {w: 2}"},
		{From: "Secret s", Path: "deep.z", Text: "a,b: {c}\n", Secret: true}, {From: "Secret n", Path: "deep.n", Text: "17\n", Secret: true},
	}
	r := New(Options{})
	res, err := r.Objects(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": "chart", "b": "file", "c": "given", "d": "spec", "e": "parameter", "list": []any{"x"}, "deep": map[string]any{"x": int64(1), "w": int64(2), "z": "a,b: {c}", "n": int64(17)}}
	if diff := cmp.Diff(want, res.Items[0].Object.Object["data"]); diff != "" {
		t.Error(diff)
	}
	// other values are another render, and the same ones are not
	again := func(change func()) bool {
		change()
		res, err := r.Objects(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return res.Hit
	}
	if !again(func() {}) || again(func() { req.Given.Values[0].Text = "c: other" }) || again(func() { req.Given.Values = req.Given.Values[:1] }) || again(func() { req.Given.Values = nil }) || !again(func() {}) {
		t.Error("the cache does not heed what is given")
	}
	for path, text := range map[string]string{"a=b,c": "x", "": "- no map"} {
		req.Given.Values = []Values{{From: "Secret s, key", Path: path, Text: text, Secret: true}}
		if _, err := r.Objects(t.Context(), req); err == nil || !strings.Contains(err.Error(), "Secret s, key") {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// TestSubstitute: Flux's postBuild.substitute, as far as it is known here.
func TestSubstitute(t *testing.T) {
	vars := Variables{"A": {Value: "blue"}, "N": {Value: "3"}, "B": {Value: "true"}, "EMPTY": {Value: ""}, "EVIL": {Value: "x\nkind: Evil\n"}, "under_score": {Value: "u"}}
	for _, c := range []struct{ in, want, wrong string }{
		{"spec: {a: '${A}'}", "spec: {a: blue}", ""},
		{"spec: {a: 'x-${A}-${under_score}'}", "spec: {a: x-blue-u}", ""},
		{"spec: {replicas: '${N}', enabled: '${B}', size: '${N}Gi'}", "spec: {replicas: 3, enabled: true, size: 3Gi}", ""},
		{"data: {a: '${N}'}", "data: {a: '3'}", ""},
		{"spec: {template: {metadata: {labels: {a: '${N}'}}, spec: {containers: [{args: ['${N}'], env: [{name: A, value: '${B}'}], image: '${N}'}]}}}", "spec: {template: {metadata: {labels: {a: '3'}}, spec: {containers: [{args: ['3'], env: [{name: A, value: 'true'}], image: '3'}]}}}", ""},
		{"spec: {a: '${C:=red}', b: '${C:-red}', c: '${C-red}', d: '${EMPTY:-red}', e: '${EMPTY-red}', f: '${A:-red}', g: '${C:=}'}", "spec: {a: red, b: red, c: red, d: red, e: '', f: blue, g: ''}", ""},
		{"spec: {a: '$${A} $A $(A) $ ${'}", "spec: {a: '${A} $A $(A) $ ${'}", ""},
		{"spec: {'${A}': {x: ['${A}', 1, null, {y: '${A}'}]}}", "spec: {blue: {x: [blue, 1, null, {y: blue}]}}", ""},
		{"spec: {a: '${EVIL}'}", `spec: {a: "x\nkind: Evil\n"}`, ""},
		{"spec: {a: '${C}'}", "", "a.yaml:1: Thing/t: the variable C is not set"},
		{"spec: {a: '${A//b/c}'}", "", "${A//b/c} is no variable"},
		{"spec: {a: '${}'}", "", "${} is no variable"},
		{"spec: {a: '${A B}'}", "", "${A B} is no variable"},
	} {
		files := source.Files{"a.yaml": "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: t}\n" + c.in + "\n"}
		want := source.Files{"a.yaml": "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: t}\n" + c.want + "\n"}
		req := at(".", files)
		req.Given.Variables = vars
		got, err := New(Options{}).Objects(t.Context(), req)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) || !problem.Is(err, problem.Invalid) {
				t.Errorf("%s: %v", c.in, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		expected, err := New(Options{}).Objects(t.Context(), at(".", want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(expected.Items[0].Object.Object, got.Items[0].Object.Object); diff != "" {
			t.Errorf("%s: %s", c.in, diff)
		}
	}
}

// TestNothingIsReplacedUnasked: without variables, in what opts out, and in a chart, whose templates are its own.
func TestNothingIsReplacedUnasked(t *testing.T) {
	text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a%s}\ndata: {a: '${A}'}\n"
	for name, c := range map[string]struct {
		files source.Files
		vars  Variables
		want  string
	}{
		"no variables":   {source.Files{"a.yaml": strings.Replace(text, "%s", "", 1)}, nil, "${A}"},
		"an annotation":  {source.Files{"a.yaml": strings.Replace(text, "%s", ", annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}", 1)}, Variables{}, "${A}"},
		"a label":        {source.Files{"a.yaml": strings.Replace(text, "%s", ", labels: {hawser.dev/substitute: disabled}", 1)}, Variables{}, "${A}"},
		"a chart":        {source.Files{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "templates/a.yaml": strings.Replace(text, "%s", "", 1)}, Variables{"A": {Value: "x"}}, "${A}"},
		"kustomize does": {source.Files{"kustomization.yaml": "configMapGenerator: [{name: a, literals: ['a=${A}'], options: {disableNameSuffixHash: true}}]\n"}, Variables{"A": {Value: "x"}}, "x"},
	} {
		req := at(".", c.files)
		req.Given.Variables = c.vars
		res, err := New(Options{}).Objects(t.Context(), req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := secretsOf(res.Items)["ConfigMap a a"]; got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	req := at(".", source.Files{"a.yaml": "apiVersion: v1\nkind: '${K}'\nmetadata: {name: a}\n"})
	req.Given.Variables = Variables{"K": {Value: ""}}
	if _, err := New(Options{}).Objects(t.Context(), req); err == nil || !strings.Contains(err.Error(), "has lost its name or kind") {
		t.Error(err)
	}
}

// TestWants: what the two annotations may say.
func TestWants(t *testing.T) {
	for _, c := range []struct{ values, build, wrong string }{
		{"", "", ""},
		{"[{kind: ConfigMap, name: a}, {kind: Secret, name: b, namespace: c, valuesKey: k, targetPath: x.y, optional: true}]", "", ""},
		{"", "{substitute: {A: b}, substituteFrom: [{kind: Secret, name: a, control: true}]}", ""},
		{"a", "", "annotation hawser.dev/values-from"},
		{"[{kind: ConfigMap, nam: a}]", "", "annotation hawser.dev/values-from"},
		{"[{kind: Deployment, name: a}]", "", `not from "Deployment"`},
		{"[{kind: Secret, name: ../a}]", "", "which is no name"},
		{"[{kind: Secret}]", "", "which is no name"},
		{"[{kind: Secret, name: a, namespace: B}]", "", "cannot be given, or is no name"},
		{"[{kind: Secret, name: a, namespace: b, control: true}]", "", "cannot be given"},
		{"", "[a]", "annotation hawser.dev/post-build"},
		{"", "{substitute: {a-b: c}}", `"a-b" cannot be the name of a variable`},
		{"", "{substituteFrom: [{kind: Secret, name: a, valuesKey: b}]}", "are for hawser.dev/values-from"},
		{strings.Repeat("- {kind: Secret, name: a}\n", 51), "", "values from 51 objects"},
	} {
		_, err := ParseWants(c.values, c.build)
		if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%q %q: %v, want %q", c.values, c.build, err, c.wrong)
		}
	}
	w, err := ParseWants("[{kind: ConfigMap, name: a}, {kind: Secret, name: b, valuesKey: k, targetPath: x}, {kind: Secret, name: gone, optional: true}]",
		"{substitute: {A: inline}, substituteFrom: [{kind: ConfigMap, name: c}, {kind: Secret, name: d}]}")
	if err != nil || len(w.References()) != 5 {
		t.Fatal(w, err)
	}
	g, err := w.Fill(func(r Reference) (map[string]string, error) {
		return map[string]map[string]string{"a": {"values.yaml": "v: 1"}, "b": {"k": "s"}, "c": {"A": "c", "B": "c", "no-name": "x"}, "d": {"B": "d\n"}}[r.Name], nil
	})
	want := Given{Values: []Values{{From: "ConfigMap a, values.yaml", Text: "v: 1"}, {From: "Secret b, k", Path: "x", Text: "s", Secret: true}},
		Variables: Variables{"A": {Value: "inline", Inline: true}, "B": {Value: "d", Secret: true}}}
	if diff := cmp.Diff(want, g); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := w.Fill(func(Reference) (map[string]string, error) { return map[string]string{}, nil }); err == nil || !strings.Contains(err.Error(), `ConfigMap a: it has no key "values.yaml"`) {
		t.Error(err)
	}
	if w, _ := ParseWants("", "{}"); w.Empty() {
		t.Error("a block without variables still says that they are replaced")
	}
}
