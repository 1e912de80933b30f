package render

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"helm.sh/helm/v4/pkg/strvals"
	"sigs.k8s.io/yaml"
)

// Given is what an application takes from ConfigMaps and Secrets of a cluster. Whoever fills it has asked the project.
type Given struct {
	Values    []Values  // for charts; later ones win
	Variables Variables // for everything else
}

// Values are values for a chart: a document of YAML, or, with a path, a single value.
type Values struct {
	From   string // as messages name it
	Path   string // where to put a single value, as `helm --set` spells places
	Text   string
	Secret bool // it comes from a Secret
}

// Variables are put in the place of ${name}; nil means that nothing is replaced, and $ has no meaning.
type Variables map[string]Variable

// Variable is the value of a name.
type Variable struct {
	Value  string
	Secret bool // it comes from a Secret
	Inline bool // it stands in the Application itself
}

// digestOf names a value by a digest that says nothing to those who lack the key; "" for nothing.
func digestOf(key []byte, v any) string {
	text, err := json.Marshal(v)
	if err != nil || string(text) == "null" {
		return ""
	}
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil))
}

// note remembers where given values come from: they do not stand in Git, and some of them are secret.
func (j *job) note() {
	if j.req.Conceal {
		j.req.Given = j.concealGiven(j.req.Given)
	}
	for _, v := range j.req.Given.Values {
		leaves := []string{v.Text}
		if v.Path == "" {
			var document any
			if yaml.Unmarshal([]byte(v.Text), &document) == nil {
				leaves = textsOf(document, nil)
			}
		}
		if v.Secret {
			j.hidden.secret("", leaves...)
		} else {
			j.hidden.other(leaves...)
		}
	}
	for _, v := range j.req.Given.Variables {
		switch {
		case v.Secret:
			j.hidden.secret("", v.Value)
		case !v.Inline: // what stands in the Application may stand in Git
			j.hidden.other(v.Value)
		}
	}
}

// concealGiven is what is given with its secrets concealed, and remembered as such.
func (j *job) concealGiven(g Given) Given {
	out := Given{Values: slices.Clone(g.Values), Variables: maps.Clone(g.Variables)}
	for i, v := range out.Values {
		var document any
		switch {
		case !v.Secret:
		case v.Path != "":
			j.hidden.secret("", v.Text)
			out.Values[i].Text = j.conceal(strings.TrimSuffix(v.Text, "\n"))
		case yaml.Unmarshal([]byte(v.Text), &document) == nil:
			j.hidden.secret("", textsOf(document, nil)...)
			text, err := yaml.Marshal(concealTexts(document, j.conceal))
			if err != nil {
				text = nil
			}
			out.Values[i].Text = string(text)
		}
	}
	for name, v := range out.Variables {
		if v.Secret {
			j.hidden.secret("", v.Value)
			v.Value = j.conceal(v.Value)
			out.Variables[name] = v
		}
	}
	return out
}

// concealTexts replaces the texts below a value, and its numbers by 0.
func concealTexts(v any, conceal func(string) string) any {
	switch v := v.(type) {
	case string:
		return conceal(v)
	case int64, float64:
		return 0
	case []any:
		for i := range v {
			v[i] = concealTexts(v[i], conceal)
		}
	case map[string]any:
		for k := range v {
			v[k] = concealTexts(v[k], conceal)
		}
	}
	return v
}

// textsOf appends the texts below a value.
func textsOf(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		return append(to, v)
	case []any:
		for _, e := range v {
			to = textsOf(e, to)
		}
	case map[string]any:
		for _, e := range v {
			to = textsOf(e, to)
		}
	}
	return to
}

// givenValues merges what is given from a cluster over the values of files.
func (j *job) givenValues(values map[string]any) (_ map[string]any, err error) {
	j.facts.get(factValues)
	for _, v := range j.req.Given.Values {
		if v.Path == "" {
			if values, err = mergeValues(values, []byte(v.Text), v.From); err != nil {
				return nil, err
			}
			continue
		}
		content := func([]rune) (any, error) { return scalar(strings.TrimSuffix(v.Text, "\n")), nil }
		if strings.ContainsAny(v.Path, "=,") {
			return nil, problem.New(problem.Invalid, "%s: %q is no path of a value", v.From, v.Path)
		}
		if err := strvals.ParseIntoFile(v.Path+"=given", values, content); err != nil {
			return nil, problem.Because(problem.Invalid, err, "%s: the path %q", v.From, v.Path)
		}
	}
	return values, nil
}

// scalar is a text as YAML would read it if it is a number or a boolean, else the text itself, whatever is in it.
func scalar(text string) any {
	if v, err := object.ParseValue([]byte(text), ""); err == nil {
		switch v := v.(type) {
		case bool, int64, float64:
			return v
		}
	}
	return text
}
