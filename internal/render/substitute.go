package render

import (
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Marks of an object in which nothing is replaced, as a label or an annotation; the second is Flux's.
var substituteMarks = []string{"hawser.dev/substitute", "kustomize.toolkit.fluxcd.io/substitute"}

// substitute replaces ${name} in the objects by the variables that the application is given. It is Flux's
// postBuild.substitute in its strict form, with two differences: a value is put where it belongs and never read as YAML
// with structure of its own, and of the operators only defaults are known (${name:=default}, ${name:-default}). $${name}
// stands for ${name}.
func (j *job) substitute(items []object.Item) ([]object.Item, error) {
	j.facts.get(factVariables)
	if j.req.Given.Variables == nil {
		return items, nil
	}
	for i, item := range items {
		if optsOut(item.Object) {
			continue
		}
		replaced, err := j.req.Given.Variables.in(item.Object.Object, nil)
		if err != nil {
			return nil, problem.Because(problem.KindOf(err), err, "%s: %s", item.Origin, object.KeyOf(item.Object).Short())
		}
		fields, ok := replaced.(map[string]any)
		if !ok {
			continue
		}
		items[i].Object = &object.Object{Object: fields}
		if items[i].Object.GetName() == "" && items[i].Object.GetGenerateName() == "" || items[i].Object.GetKind() == "" || items[i].Object.GetAPIVersion() == "" {
			return nil, problem.New(problem.Invalid, "%s: %s has lost its name or kind to a variable", item.Origin, object.KeyOf(item.Object).Short())
		}
	}
	return items, nil
}

func optsOut(o *object.Object) bool {
	for _, mark := range substituteMarks {
		if o.GetAnnotations()[mark] == "disabled" || o.GetLabels()[mark] == "disabled" {
			return true
		}
	}
	return false
}

// texts are fields whose values Kubernetes wants as text: a variable in them is one, be it a number.
var texts = map[string]bool{"data": true, "stringData": true, "labels": true, "annotations": true, "matchLabels": true, "nodeSelector": true, "selector": true,
	"args": true, "command": true, "env": true, "metadata": true}

// in returns v with its variables replaced; v itself is left alone. at are the fields that lead to it.
func (vars Variables) in(v any, at []string) (any, error) {
	switch v := v.(type) {
	case string:
		text, alone, err := vars.expand(v)
		if err != nil {
			return nil, err
		}
		if alone && !isText(at) {
			return scalar(text), nil
		}
		return text, nil
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			var err error
			if list[i], err = vars.in(e, at); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			name, _, err := vars.expand(k)
			if err != nil {
				return nil, err
			}
			if m[name], err = vars.in(e, append(at[:len(at):len(at)], name)); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	return v, nil
}

// isText reports whether a value is in a field of texts, or in a list or map that is one.
func isText(at []string) bool {
	for i := len(at) - 1; i >= 0 && i >= len(at)-2; i-- {
		if texts[at[i]] {
			return true
		}
	}
	return len(at) > 0 && (at[len(at)-1] == "apiVersion" || at[len(at)-1] == "kind" || at[len(at)-1] == "image")
}

var braces = regexp.MustCompile(`\$?\$\{[^{}]*\}`)

var variableForm = regexp.MustCompile(`\A([A-Za-z_][A-Za-z0-9_]*)(?::?[-=](.*))?\z`)

// VariableName reports whether a variable can be called so.
func VariableName(name string) bool {
	m := variableForm.FindStringSubmatch(name)
	return m != nil && m[1] == name
}

// expand replaces the variables in a text; alone: the text is one variable and nothing else.
func (vars Variables) expand(text string) (_ string, alone bool, err error) {
	if !strings.Contains(text, "${") {
		return text, false, nil
	}
	replaced := braces.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasPrefix(found, "$$") {
			return found[1:]
		}
		inner := found[2 : len(found)-1]
		m := variableForm.FindStringSubmatch(inner)
		switch {
		case m == nil:
			err = problem.New(problem.Invalid, "%s is no variable that can be replaced", found).
				WithHint("write ${name} or ${name:=default}; $${...} stands for itself, and the annotation %s: disabled leaves the object alone", substituteMarks[0])
			return found
		case len(m[1]) < len(inner): // with a default
			if v, ok := vars[m[1]]; ok && (v.Value != "" || inner[len(m[1])] != ':') {
				return v.Value
			}
			return m[2]
		}
		v, ok := vars[m[1]]
		if !ok && err == nil {
			err = problem.New(problem.Invalid, "the variable %s is not set", m[1]).
				WithHint("give it a value, write ${%s:=default}, or $${%s} if it is no variable", m[1], m[1])
		}
		return v.Value
	})
	if err != nil {
		return "", false, err
	}
	whole := braces.FindString(text)
	return replaced, whole == text && !strings.HasPrefix(text, "$$"), nil
}
