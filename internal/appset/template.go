package appset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"github.com/Masterminds/sprig/v3"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Templates are filled text by text, inside the structure that holds them: a value with a line break or a quote stays
// the value of its field, and never becomes another field.

// maxText bounds one filled text.
const maxText = 1 << 20

// fill returns the structure with every text in it filled, names of maps included.
func (e *engine) fill(v map[string]any, p Params) (map[string]any, error) {
	out, err := e.fillAny(v, p)
	if err != nil {
		return nil, err
	}
	return out.(map[string]any), nil
}

func (e *engine) fillAny(v any, p Params) (any, error) {
	switch x := v.(type) {
	case string:
		return e.text(x, p)
	case []any:
		out := make([]any, len(x))
		for i, in := range x {
			var err error
			if out[i], err = e.fillAny(in, p); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(x))
		for _, k := range slices.Sorted(maps.Keys(x)) {
			name, err := e.text(k, p)
			if err != nil {
				return nil, err
			}
			if out[name], err = e.fillAny(x[k], p); err != nil {
				return nil, problem.Because(problem.KindOf(err), err, "%s", clip(k))
			}
		}
		return out, nil
	}
	return v, nil
}

// text fills one text.
func (e *engine) text(text string, p Params) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	if !e.goTemplate {
		return replace(text, p), nil
	}
	t, err := template.New("").Funcs(functions).Option(e.options...).Parse(text)
	if err != nil {
		return "", problem.New(problem.Invalid, "the template %q cannot be read: %v", clip(text), strip(err))
	}
	var b bounded
	if err := t.Execute(&b, p); err != nil {
		return "", problem.New(problem.Invalid, "the template %q cannot be filled: %v", clip(text), strip(err))
	}
	return b.String(), nil
}

// strip takes the name of the nameless template out of an error of text/template.
func strip(err error) string { return strings.TrimPrefix(err.Error(), "template: :") }

// bounded is a buffer with an end: a template may repeat.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxText {
		return 0, fmt.Errorf("it is longer than %d KiB", maxText>>10)
	}
	return b.Buffer.Write(p)
}

// placeholder is a name in a plain template; blanks around it do not count.
var placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// replace fills a plain template. A name without a value stays as it is written, as in Argo CD: charts have such texts.
func replace(text string, p Params) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		name := strings.TrimSpace(found[2 : len(found)-2])
		switch v := p[name].(type) {
		case nil:
			return found
		case string:
			return v
		case float64:
			return number(v)
		default:
			return fmt.Sprint(v)
		}
	})
}

// patch lays the filled templatePatch over an application, as a strategic merge. The project is what permissions hang on:
// a patch may not change it.
func (e *engine) patch(filled map[string]any, text string, p Params) (map[string]any, error) {
	text, err := e.text(text, p)
	if err != nil {
		return nil, problem.Because(problem.KindOf(err), err, "templatePatch")
	}
	change, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, problem.New(problem.Invalid, "the filled templatePatch is no YAML: %v", err)
	}
	if string(bytes.TrimSpace(change)) == "null" {
		return filled, nil
	}
	before, err := json.Marshal(filled)
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "write the filled template")
	}
	after, err := strategicpatch.StrategicMergePatch(before, change, v1alpha1.Application{})
	if err != nil {
		return nil, problem.New(problem.Invalid, "the templatePatch cannot be applied: %v", err)
	}
	var out map[string]any
	if err := json.Unmarshal(after, &out); err != nil {
		return nil, problem.Because(problem.Internal, err, "read the patched template")
	}
	if was, is := projectIn(filled), projectIn(out); was != is {
		return nil, problem.New(problem.Forbidden, "the templatePatch changes the project from %q to %q", was, clip(is)).WithHint("set spec.project in the template")
	}
	return out, nil
}

func projectIn(m map[string]any) string {
	spec, _ := m["spec"].(map[string]any)
	name, _ := spec["project"].(string)
	return name
}

// fillGenerator fills the texts of a generator with the parameters of the one before it in a matrix. Its template is left
// for later, when its own parameters are known.
func (e *engine) fillGenerator(g generator, p Params) (generator, error) {
	raw, err := plain(g.ApplicationSetTerminalGenerator)
	if err != nil {
		return g, err
	}
	var templates []any
	for _, kind := range slices.Sorted(maps.Keys(raw)) {
		if in, ok := raw[kind].(map[string]any); ok {
			templates = append(templates, in["template"])
			delete(in, "template")
		}
	}
	// values mention the generator's own parameters, which are not known yet: a plain template leaves those as they are
	held := map[string]any{}
	if e.goTemplate {
		for kind, v := range raw {
			if in, ok := v.(map[string]any); ok {
				held[kind] = in["values"]
				delete(in, "values")
			}
		}
	}
	filled, err := e.fill(raw, p)
	if err != nil {
		return g, err
	}
	for kind, v := range held {
		if in, ok := filled[kind].(map[string]any); ok && v != nil {
			in["values"] = v
		}
	}
	for i, kind := range slices.Sorted(maps.Keys(raw)) {
		if in, ok := filled[kind].(map[string]any); ok && i < len(templates) && templates[i] != nil {
			in["template"] = templates[i]
		}
	}
	data, err := json.Marshal(filled)
	if err != nil {
		return g, problem.Because(problem.Internal, err, "write the filled generator")
	}
	out := g
	out.ApplicationSetTerminalGenerator = v1alpha1.ApplicationSetTerminalGenerator{}
	if err := json.Unmarshal(data, &out.ApplicationSetTerminalGenerator); err != nil {
		return g, problem.New(problem.Invalid, "the filled generator cannot be read: %v", err)
	}
	return out, nil
}

// functions are those of Go templates: sprig's, without what reads the environment or the network, and Argo CD's own.
var functions = func() template.FuncMap {
	f := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(f, name)
	}
	f["normalize"] = normalize
	f["slugify"] = slugify
	f["toYaml"] = func(v any) (string, error) {
		data, err := yaml.Marshal(v)
		return strings.TrimSuffix(string(data), "\n"), err
	}
	f["fromYaml"] = func(text string) (out map[string]any, err error) {
		err = yaml.Unmarshal([]byte(text), &out)
		return out, err
	}
	f["fromYamlArray"] = func(text string) (out []any, err error) {
		err = yaml.Unmarshal([]byte(text), &out)
		return out, err
	}
	return f
}()

// normalize makes a text fit for a name of Kubernetes: lower case, with dashes for what may not be, at most 253 long.
func normalize(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			b.WriteRune(r)
		} else {
			b.WriteByte('-')
		}
	}
	text := b.String()
	if len(text) > 253 {
		text = text[:253]
	}
	return strings.Trim(text, "-.")
}

// slugify makes a short name of a text: words joined by dashes, by default at most 50 long. slugify 23 true .branch cuts
// between words where it can; the text comes last.
func slugify(args ...any) (string, error) {
	limit, smart := 50, false
	if len(args) == 0 {
		return "", problem.New(problem.Invalid, "slugify needs a text")
	}
	text, ok := args[len(args)-1].(string)
	if !ok {
		return "", problem.New(problem.Invalid, "slugify needs a text, not %T", args[len(args)-1])
	}
	for _, a := range args[:len(args)-1] {
		switch v := a.(type) {
		case int:
			limit = v
		case bool:
			smart = v
		default:
			return "", problem.New(problem.Invalid, "slugify takes a length, whether to cut between words, and a text")
		}
	}
	if limit < 1 {
		return "", problem.New(problem.Invalid, "slugify needs a length above 0")
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r > unicode.MaxASCII || !(unicode.IsLetter(r) || unicode.IsDigit(r)) })
	slug := strings.Join(words, "-")
	if len(slug) <= limit {
		return slug, nil
	}
	cut := slug[:limit]
	if smart && slug[limit] != '-' {
		if at := strings.LastIndexByte(cut, '-'); at > 0 {
			cut = cut[:at]
		}
	}
	return strings.Trim(cut, "-"), nil
}
