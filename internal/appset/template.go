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
		return replace(text, p)
	}
	t, err := e.parsed(text, e.options)
	if err != nil {
		return "", err
	}
	return e.execute(t, text, p)
}

// parsed returns the template of a text. A set has few texts, and fills each for every application.
func (e *engine) parsed(text string, options []string) (*template.Template, error) {
	if t := e.templates[text]; t != nil && len(options) == len(e.options) {
		return t, nil
	}
	for _, o := range options {
		if name, value, _ := strings.Cut(o, "="); name != "missingkey" || !slices.Contains([]string{"default", "invalid", "zero", "error"}, value) {
			return nil, problem.New(problem.Invalid, "%q is no option of Go templates", clip(o)).WithHint("missingkey=error")
		}
	}
	if e.functions == nil {
		e.left.turns = maxTurns
		e.functions = functions(&e.left)
		e.templates = map[string]*template.Template{}
		step, err := template.New("").Funcs(e.functions).Parse("{{" + tick + "}}")
		if err != nil {
			return nil, problem.Because(problem.Internal, err, "parse a step")
		}
		e.step = step.Root.Nodes[0]
	}
	t, err := template.New("").Funcs(e.functions).Option(options...).Parse(text)
	if err != nil {
		return nil, problem.New(problem.Invalid, "the template %q cannot be read: %v", clip(text), strip(err))
	}
	watched(t, e.step)
	if len(options) == len(e.options) {
		e.templates[text] = t
	}
	return t, nil
}

// changes are the functions that change what they are given: they get a copy.
var changes = regexp.MustCompile(`\b(set|unset|merge|mergeOverwrite|mustMerge|mustMergeOverwrite)\b`)

func (e *engine) execute(t *template.Template, text string, p Params) (string, error) {
	if changes.MatchString(text) {
		p = copied(p).(map[string]any)
	}
	e.left.steps, e.left.bytes = maxSteps, maxBytes
	var b bounded
	if err := t.Execute(&b, p); err != nil {
		kind := problem.Invalid
		if problem.Is(err, problem.Limit) {
			kind = problem.Limit
		}
		return "", problem.New(kind, "the template %q cannot be filled: %v", clip(text), strip(err))
	}
	return b.String(), nil
}

func copied(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, in := range x {
			out[k] = copied(in)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, in := range x {
			out[i] = copied(in)
		}
		return out
	}
	return v
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

// replace fills a plain template: what stands between {{ and the next }} is a name, blanks around it do not count. A name
// without a value stays as it is written, as in Argo CD: charts have such texts.
func replace(text string, p Params) (string, error) {
	var b strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{{")
		name, after, closed := strings.Cut(rest, "}}")
		if !open || !closed {
			b.WriteString(text)
			break
		}
		b.WriteString(before)
		switch v := p[strings.TrimSpace(name)].(type) {
		case nil, map[string]any, []any:
			b.WriteString("{{" + name + "}}")
		case string:
			b.WriteString(v)
		case float64:
			b.WriteString(number(v))
		default:
			fmt.Fprint(&b, v)
		}
		if b.Len() > maxText {
			break
		}
		text = after
	}
	if b.Len() > maxText {
		return "", problem.New(problem.Limit, "a filled text is longer than %d KiB", maxText>>10)
	}
	return b.String(), nil
}

// patch lays the filled templatePatch over an application, as a strategic merge. The project is what permissions hang on:
// it stays as the template has it, as in Argo CD.
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
	if spec, ok := out["spec"].(map[string]any); ok {
		was, _ := filled["spec"].(map[string]any)
		spec["project"] = was["project"]
	}
	return out, nil
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
	// values may mention the generator's own parameters, which are not known yet: those stay for later
	held := map[string]any{}
	if e.goTemplate {
		for kind, v := range raw {
			if in, ok := v.(map[string]any); ok {
				values, _ := in["values"].(map[string]any)
				delete(in, "values")
				for name, v := range values {
					if text, ok := v.(string); ok {
						values[name] = e.ifKnown(text, p)
					}
				}
				held[kind] = values
			}
		}
	}
	filled, err := e.fill(raw, p)
	if err != nil {
		return g, err
	}
	for kind, v := range held {
		if values, _ := v.(map[string]any); len(values) > 0 {
			if in, ok := filled[kind].(map[string]any); ok {
				in["values"] = values
			}
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

// ifKnown is a text filled, when all that it mentions is known; else the text as it is.
func (e *engine) ifKnown(text string, p Params) string {
	options := append(slices.Clone(e.options), "missingkey=error") // the last one counts
	t, err := e.parsed(text, options)
	if err != nil {
		return text
	}
	if out, err := e.execute(t, text, p); err == nil {
		return out
	}
	return text
}

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

// slugify makes a short name of a text: words joined by dashes, at most 50 long. slugify 23 false .branch says how long, and
// whether it is cut within a word; the text comes last.
func slugify(args ...any) (string, error) {
	limit, smart := 50, true
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
			return "", problem.New(problem.Invalid, "slugify takes a length and whether to cut between words, not %T", a)
		}
	}
	if limit < 1 {
		return "", problem.New(problem.Invalid, "slugify needs a length above 0")
	}
	slug := normalize(text)
	if !smart && len(slug) > limit {
		slug = slug[:limit]
	}
	slug = strings.Join(strings.FieldsFunc(slug, func(r rune) bool { return r == '-' || r == '.' }), "-")
	if len(slug) <= limit {
		return slug, nil
	}
	if at := strings.LastIndexByte(slug[:limit+1], '-'); at > 0 {
		return slug[:at], nil
	}
	return slug[:limit], nil
}
