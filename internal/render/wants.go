package render

import (
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

// Wants is what an application asks for in its annotations, in the words of Flux: valuesFrom of a HelmRelease and postBuild
// of a Kustomization.
type Wants struct {
	Values    []Reference
	Variables []Reference
	inline    map[string]string
	replaces  bool // variables are replaced, be there none
}

// Reference names a ConfigMap or Secret.
type Reference struct {
	Kind       string `json:"kind"` // ConfigMap or Secret
	Name       string `json:"name"`
	Namespace  string `json:"namespace,omitempty"`  // in the destination cluster; empty: the destination's
	Control    bool   `json:"control,omitempty"`    // where the Applications' own records are, instead of the destination
	ValuesKey  string `json:"valuesKey,omitempty"`  // values.yaml if empty
	TargetPath string `json:"targetPath,omitempty"` // the value of the key is one value, to be put there
	Optional   bool   `json:"optional,omitempty"`   // it may be missing
}

// maxReferences bounds what one application asks for.
const maxReferences = 50

// ParseWants reads the two annotations; either may be empty.
func ParseWants(valuesFrom, postBuild string) (w Wants, err error) {
	if strings.TrimSpace(valuesFrom) != "" {
		if err := yaml.UnmarshalStrict([]byte(valuesFrom), &w.Values); err != nil {
			return Wants{}, problem.Because(problem.Invalid, err, "annotation %s", v1alpha1.AnnotationValuesFrom).
				WithHint("it is a list of {kind, name, valuesKey, targetPath, optional}, as valuesFrom of Flux's HelmRelease")
		}
	}
	if strings.TrimSpace(postBuild) != "" {
		var block struct {
			Substitute     map[string]string `json:"substitute"`
			SubstituteFrom []Reference       `json:"substituteFrom"`
		}
		if err := yaml.UnmarshalStrict([]byte(postBuild), &block); err != nil {
			return Wants{}, problem.Because(problem.Invalid, err, "annotation %s", v1alpha1.AnnotationPostBuild).
				WithHint("it holds substitute and substituteFrom, as postBuild of Flux's Kustomization")
		}
		w.inline, w.Variables, w.replaces = block.Substitute, block.SubstituteFrom, true
		for name := range w.inline {
			if !VariableName(name) {
				return Wants{}, problem.New(problem.Invalid, "annotation %s: %q cannot be the name of a variable", v1alpha1.AnnotationPostBuild, name)
			}
		}
		for _, r := range w.Variables {
			if r.ValuesKey != "" || r.TargetPath != "" {
				return Wants{}, problem.New(problem.Invalid, "annotation %s: valuesKey and targetPath are for %s", v1alpha1.AnnotationPostBuild, v1alpha1.AnnotationValuesFrom)
			}
		}
	}
	if n := len(w.Values) + len(w.Variables); n > maxReferences {
		return Wants{}, problem.New(problem.Limit, "values from %d objects, more than %d", n, maxReferences)
	}
	for _, r := range w.References() {
		switch {
		case r.Kind != "ConfigMap" && r.Kind != "Secret":
			err = problem.New(problem.Invalid, "values can be had from a ConfigMap or a Secret, not from %q", r.Kind)
		case len(validation.IsDNS1123Subdomain(r.Name)) > 0:
			err = problem.New(problem.Invalid, "values from %s %q, which is no name", r.Kind, r.Name)
		case r.Namespace != "" && (r.Control || len(validation.IsDNS1123Label(r.Namespace)) > 0):
			err = problem.New(problem.Invalid, "values from %s %s: namespace %q cannot be given, or is no name", r.Kind, r.Name, r.Namespace)
		}
		if err != nil {
			return Wants{}, err
		}
	}
	return w, nil
}

// Empty reports whether nothing is asked for.
func (w Wants) Empty() bool { return len(w.Values) == 0 && !w.replaces }

// References are all objects that are asked for.
func (w Wants) References() []Reference {
	return append(append([]Reference{}, w.Values...), w.Variables...)
}

// Fill reads everything. read returns the data of an object; nil and no error when it is missing and may be.
func (w Wants) Fill(read func(Reference) (map[string]string, error)) (g Given, err error) {
	for _, r := range w.Values {
		data, err := read(r)
		if err != nil {
			return Given{}, err
		}
		if data == nil {
			continue
		}
		key := r.ValuesKey
		if key == "" {
			key = "values.yaml"
		}
		text, ok := data[key]
		if !ok {
			return Given{}, problem.New(problem.Invalid, "values from %s %s: it has no key %q", r.Kind, r.Name, key).WithHint("name the key in valuesKey")
		}
		g.Values = append(g.Values, Values{From: r.Kind + " " + r.Name + ", " + key, Path: r.TargetPath, Text: text, Secret: r.Kind == "Secret"})
	}
	if !w.replaces {
		return g, nil
	}
	g.Variables = Variables{}
	for _, r := range w.Variables {
		data, err := read(r)
		if err != nil {
			return Given{}, err
		}
		for name, value := range data {
			if !VariableName(name) { // others may need keys that are none
				continue
			}
			g.Variables[name] = Variable{Value: strings.TrimSuffix(value, "\n"), Secret: r.Kind == "Secret"}
		}
	}
	for name, value := range w.inline { // they go first in Flux, too
		g.Variables[name] = Variable{Value: value, Inline: true}
	}
	return g, nil
}
