package project

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"sigs.k8s.io/yaml"
)

// What a project says of secrets stands in annotations and not in its spec: Argo CD's CustomResourceDefinition prunes
// fields that it does not know, and a rule that vanishes without a word is worse than none.

// plainRule is what one project says of Secrets whose values stand in Git for everybody to read.
type plainRule struct {
	project    string
	deny, warn bool
	except     []exception
}

// exception is a Secret, or a value of it, that may stand in Git.
type exception struct{ namespace, name, value pattern }

// readPlain reads the rule of one project. What cannot be understood denies, without exceptions.
func (r *Rules) readPlain(p *v1alpha1.AppProject) {
	rule := plainRule{project: p.Name}
	switch mode := strings.TrimSpace(p.Annotations[v1alpha1.AnnotationPlaintextSecrets]); mode {
	case "", "allow":
		return
	case "warn":
		rule.warn = true
	case "deny":
		rule.deny = true
	default:
		rule.deny = true
		r.problems = append(r.problems, problem.New(problem.Invalid, "project '%s': annotation %s is %q, and taken for deny", p.Name, v1alpha1.AnnotationPlaintextSecrets, mode).
			WithHint("it is allow, warn or deny"))
	}
	for _, text := range strings.Split(p.Annotations[v1alpha1.AnnotationPlaintextSecretsExcept], ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		place, value, one := strings.Cut(text, ":")
		namespace, name, whole := strings.Cut(place, "/")
		if !one {
			value = "*"
		}
		if !whole || name == "" || value == "" {
			r.problems = append(r.problems, problem.New(problem.Invalid, "project '%s': annotation %s: %q excepts nothing", p.Name, v1alpha1.AnnotationPlaintextSecretsExcept, text).
				WithHint("it lists namespace/name or namespace/name:key, each a glob"))
			continue
		}
		rule.except = append(rule.except, exception{r.annotated(namespace), r.annotated(name), r.annotated(value)})
	}
	r.plain = append(r.plain, rule)
}

func (r *Rules) annotated(text string) pattern {
	re, err := glob(text, 0)
	if err != nil {
		r.problems = append(r.problems, problem.Because(problem.Invalid, err, "project '%s': annotation", r.name))
	}
	return pattern{glob: re}
}

// PlainSecret judges a Secret by the names of its values that stand in Git for everybody to read. refused is nil, or of
// kind Forbidden, in which case nothing of the Secret may be applied; warning is what people should be told if it may.
func (r *Rules) PlainSecret(key object.Key, values []string) (warning string, refused error) {
	for _, rule := range r.plain {
		left := slices.DeleteFunc(slices.Clone(values), func(v string) bool {
			return slices.ContainsFunc(rule.except, func(e exception) bool {
				return e.namespace.allows(key.Namespace) && e.name.allows(key.Name) && e.value.allows(v)
			})
		})
		if len(left) == 0 {
			continue
		}
		what := fmt.Sprintf("Secret %s/%s has values in plain text (%s)", key.Namespace, key.Name, some(left))
		if rule.deny {
			return "", problem.New(problem.Forbidden, "%s, which project '%s' does not permit", what, rule.project).
				WithHint("encrypt them with SOPS, or deploy an ExternalSecret or SealedSecret; the rule is the project's annotation %s", v1alpha1.AnnotationPlaintextSecrets)
		}
		warning = what + "; project '" + rule.project + "' wants Secrets encrypted"
	}
	return warning, nil
}

// some is a list for a message.
func some(list []string) string {
	const most = 5
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

// ValueSource is a ConfigMap or Secret that an application takes values from.
type ValueSource struct {
	Control         bool   // it is where the Applications' own records are
	Kind            string // ConfigMap or Secret
	Namespace, Name string // in the destination cluster; Namespace does not count where Control is set
}

// valueRule is one entry of what a project permits.
type valueRule struct {
	control               bool
	kind, namespace, name pattern
}

// readValues reads which values a project lends its applications. What cannot be understood lends nothing.
func (r *Rules) readValues(p *v1alpha1.AppProject) {
	text := p.Annotations[v1alpha1.AnnotationPermitValuesFrom]
	if strings.TrimSpace(text) == "" {
		return
	}
	var list []struct {
		Control   bool   `json:"control"`
		Kind      string `json:"kind"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	}
	if err := yaml.UnmarshalStrict([]byte(text), &list); err != nil {
		r.problems = append(r.problems, problem.Because(problem.Invalid, err, "project '%s': annotation %s", p.Name, v1alpha1.AnnotationPermitValuesFrom).
			WithHint("it is a list of {kind, namespace, name}, or of {control: true, kind, name}; namespace and name are globs"))
		return
	}
	for _, e := range list {
		if e.Kind != "ConfigMap" && e.Kind != "Secret" || e.Name == "" || !e.Control && e.Namespace == "" {
			r.problems = append(r.problems, problem.New(problem.Invalid, "project '%s': annotation %s: an entry needs kind (ConfigMap or Secret), name and, without control, namespace",
				p.Name, v1alpha1.AnnotationPermitValuesFrom))
			continue
		}
		rule := valueRule{control: e.Control, kind: exactly(e.Kind), name: r.annotated(e.Name), namespace: everything}
		if !e.Control {
			rule.namespace = r.annotated(e.Namespace)
		}
		r.values = append(r.values, rule)
	}
}

// ValuesFrom reports whether applications of the project may take values from s. It is nil or a problem of kind Forbidden.
func (r *Rules) ValuesFrom(s ValueSource) error {
	for _, v := range r.values {
		if v.control == s.Control && v.kind.allows(s.Kind) && v.name.allows(s.Name) && (s.Control || v.namespace.allows(s.Namespace)) {
			return nil
		}
	}
	entry := fmt.Sprintf("{kind: %s, namespace: %s, name: %s}", s.Kind, s.Namespace, s.Name)
	if s.Control {
		entry = fmt.Sprintf("{control: true, kind: %s, name: %s}", s.Kind, s.Name)
	}
	return problem.New(problem.Forbidden, "values from %s are not permitted in project '%s'", s, r.name).
		WithHint("add %s to the project's annotation %s", entry, v1alpha1.AnnotationPermitValuesFrom)
}

// String is how messages name it.
func (s ValueSource) String() string {
	if s.Control {
		return s.Kind + " " + s.Name + " of the control plane"
	}
	return s.Kind + " " + s.Namespace + "/" + s.Name
}
