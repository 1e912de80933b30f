package appset

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// engine evaluates one set.
type engine struct {
	facts      Facts
	goTemplate bool
	options    []string

	functions template.FuncMap
	templates map[string]*template.Template // by text
	step      parse.Node
	left      gauge
}

// yield is one set of parameters, and what its generator changes of the template, the outermost first.
type yield struct {
	params    Params
	templates []v1alpha1.ApplicationSetTemplate
	preview   *Preview // of which pull request, if of any
}

// generator is any of the three shapes that the API has for the levels of nesting.
type generator struct {
	v1alpha1.ApplicationSetTerminalGenerator
	matrix *combination
	merge  *combination
}

// combination is a matrix or a merge.
type combination struct {
	of       []generator
	keys     []string // of a merge
	template *v1alpha1.ApplicationSetTemplate
	broken   error // a nested one that cannot be read
}

func outer(g v1alpha1.ApplicationSetGenerator) generator {
	out := generator{ApplicationSetTerminalGenerator: v1alpha1.ApplicationSetTerminalGenerator{
		List: g.List, Clusters: g.Clusters, Git: g.Git, SCMProvider: g.SCMProvider, PullRequest: g.PullRequest,
		ClusterDecisionResource: g.ClusterDecisionResource, Plugin: g.Plugin, Selector: g.Selector,
	}}
	if g.Matrix != nil {
		out.matrix = &combination{of: nestedOnes(g.Matrix.Generators), template: &g.Matrix.Template}
	}
	if g.Merge != nil {
		out.merge = &combination{of: nestedOnes(g.Merge.Generators), keys: g.Merge.MergeKeys, template: &g.Merge.Template}
	}
	return out
}

func nestedOnes(list []v1alpha1.ApplicationSetNestedGenerator) (out []generator) {
	for _, g := range list {
		n := generator{ApplicationSetTerminalGenerator: v1alpha1.ApplicationSetTerminalGenerator{
			List: g.List, Clusters: g.Clusters, Git: g.Git, SCMProvider: g.SCMProvider, PullRequest: g.PullRequest,
			ClusterDecisionResource: g.ClusterDecisionResource, Plugin: g.Plugin, Selector: g.Selector,
		}}
		if g.Matrix != nil {
			var in v1alpha1.NestedMatrixGenerator
			n.matrix = &combination{broken: unpack(g.Matrix, "matrix", &in)}
			n.matrix.of = innermost(in.Generators)
		}
		if g.Merge != nil {
			var in v1alpha1.NestedMergeGenerator
			n.merge = &combination{broken: unpack(g.Merge, "merge", &in)}
			n.merge.of, n.merge.keys = innermost(in.Generators), in.MergeKeys
		}
		out = append(out, n)
	}
	return out
}

func innermost(list []v1alpha1.ApplicationSetTerminalGenerator) (out []generator) {
	for _, g := range list {
		out = append(out, generator{ApplicationSetTerminalGenerator: g})
	}
	return out
}

func unpack(raw *v1alpha1.RawJSON, kind string, into any) error {
	if err := json.Unmarshal(raw.Raw, into); err != nil {
		return problem.New(problem.Invalid, "the nested %s generator cannot be read: %v", kind, err)
	}
	return nil
}

// kinds splits a generator of several kinds into those, in the order of Argo CD: at the outermost level it evaluates each.
func (g generator) kinds() (list []generator) {
	t := g.ApplicationSetTerminalGenerator
	one := func(there bool, set func(*generator)) {
		if there {
			in := generator{}
			in.Selector = t.Selector
			set(&in)
			list = append(list, in)
		}
	}
	one(t.List != nil, func(in *generator) { in.List = t.List })
	one(t.Clusters != nil, func(in *generator) { in.Clusters = t.Clusters })
	one(t.Git != nil, func(in *generator) { in.Git = t.Git })
	one(t.SCMProvider != nil, func(in *generator) { in.SCMProvider = t.SCMProvider })
	one(t.ClusterDecisionResource != nil, func(in *generator) { in.ClusterDecisionResource = t.ClusterDecisionResource })
	one(t.PullRequest != nil, func(in *generator) { in.PullRequest = t.PullRequest })
	one(g.matrix != nil, func(in *generator) { in.matrix = g.matrix })
	one(g.merge != nil, func(in *generator) { in.merge = g.merge })
	one(t.Plugin != nil, func(in *generator) { in.Plugin = t.Plugin })
	return list
}

// all evaluates an outermost generator, of as many kinds as it has.
func (e *engine) all(ctx context.Context, g generator) (out []yield, err error) {
	kinds := g.kinds()
	if len(kinds) == 0 {
		return nil, problem.New(problem.Invalid, "the generator is of no kind").WithHint(kindsHint)
	}
	for _, k := range kinds {
		list, err := e.generate(ctx, k, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

const kindsHint = "one of list, clusters, git, scmProvider, pullRequest, clusterDecisionResource, plugin, matrix, merge"

// nested evaluates a generator inside of a matrix or a merge. Its template does not count, as in Argo CD.
func (e *engine) nested(ctx context.Context, g generator, given Params) ([]yield, error) {
	if n := len(g.kinds()); n != 1 {
		return nil, problem.New(problem.Invalid, "a nested generator is of %d kinds, and must be of one", n).WithHint(kindsHint)
	}
	list, err := e.generate(ctx, g, given)
	for i := range list {
		list[i].templates = nil
	}
	return list, err
}

// generate evaluates one generator of one kind. given are the parameters that it may use: of the first generator of a
// matrix, for the second.
func (e *engine) generate(ctx context.Context, g generator, given Params) ([]yield, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if given != nil && g.matrix == nil && g.merge == nil {
		var err error
		if g, err = e.fillGenerator(g, given); err != nil {
			return nil, err
		}
	}
	list, err := e.evaluate(ctx, g, given)
	if err != nil {
		return nil, err
	}
	if len(list) > MaxApplications {
		return nil, problem.New(problem.Limit, "the generator yields more than %d sets of parameters", MaxApplications)
	}
	return selected(list, g.Selector)
}

// evaluate asks the one kind that a generator is.
func (e *engine) evaluate(ctx context.Context, g generator, given Params) ([]yield, error) {
	var params []Params
	var pulls []*PullRequest // of params, one for each, when they are of pull requests
	var template v1alpha1.ApplicationSetTemplate
	var values map[string]string
	var err error
	switch {
	case g.matrix != nil:
		return e.multiply(ctx, g.matrix, given)
	case g.merge != nil:
		return e.complete(ctx, g.merge, given)
	case g.List != nil:
		template = g.List.Template
		params, err = e.list(g.List)
	case g.Clusters != nil:
		template = g.Clusters.Template
		params, err = e.clusters(ctx, g.Clusters)
	case g.Git != nil:
		template = g.Git.Template
		params, err = e.git(ctx, g.Git)
	case g.PullRequest != nil:
		template, values = g.PullRequest.Template, g.PullRequest.Values
		params, pulls, err = e.pullRequests(ctx, g.PullRequest)
	case g.SCMProvider != nil:
		template, values = g.SCMProvider.Template, g.SCMProvider.Values
		params, err = e.repositories(ctx, g.SCMProvider)
	case g.ClusterDecisionResource != nil:
		template, values = g.ClusterDecisionResource.Template, g.ClusterDecisionResource.Values
		params, err = e.facts.Foreign(ctx, g.ApplicationSetTerminalGenerator)
	case g.Plugin != nil:
		template, values = g.Plugin.Template, g.Plugin.Values
		params, err = e.plugin(ctx, g.ApplicationSetTerminalGenerator)
	}
	if err != nil {
		return nil, err
	}
	overrides := !isEmptyTemplate(template)
	var list []yield
	for i, p := range params {
		if values != nil {
			if p, err = e.withValues(p, values); err != nil {
				return nil, err
			}
		}
		y := yield{params: p}
		if pulls != nil {
			y.preview = &Preview{PullRequest: *pulls[i], Generator: g.PullRequest}
		}
		if overrides {
			y.templates = []v1alpha1.ApplicationSetTemplate{template}
		}
		list = append(list, y)
	}
	return list, nil
}

func isEmptyTemplate(t v1alpha1.ApplicationSetTemplate) bool {
	m, err := plain(t)
	return err == nil && isEmpty(mergeOver(map[string]any{}, withoutEmpty(m)))
}

// withoutEmpty drops what says nothing, at every depth.
func withoutEmpty(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for k, in := range m {
		if in = withoutEmpty(in); !isEmpty(in) {
			out[k] = in
		}
	}
	return out
}

// list yields what is written down. For plain templates, an element holds texts, and one map of texts named values.
func (e *engine) list(g *v1alpha1.ListGenerator) (out []Params, err error) {
	for i, raw := range g.Elements {
		var element map[string]any
		if err := json.Unmarshal(raw.Raw, &element); err != nil {
			return nil, problem.New(problem.Invalid, "element %d of the list is no object: %v", i+1, err)
		}
		p := Params{}
		if e.goTemplate {
			p = element
		} else if err := flatElement(element, p); err != nil {
			return nil, problem.Because(problem.Invalid, err, "element %d of the list", i+1)
		}
		out = append(out, p)
	}
	if g.ElementsYAML == "" {
		return out, nil
	}
	var more []map[string]any
	if err := yaml.Unmarshal([]byte(g.ElementsYAML), &more); err != nil {
		return nil, problem.New(problem.Invalid, "elementsYaml is no list of objects: %v", err)
	}
	for _, element := range more {
		if e.goTemplate {
			out = append(out, element)
			continue
		}
		p := Params{}
		flatten("", element, p)
		out = append(out, p)
	}
	return out, nil
}

func flatElement(element map[string]any, into Params) error {
	for key, value := range element {
		if m, isMap := value.(map[string]any); isMap && key == "values" {
			for k, v := range m {
				text, ok := v.(string)
				if !ok {
					return problem.New(problem.Invalid, "error parsing value as string %v: values.%s is %T", v, k, v)
				}
				into["values."+k] = text
			}
			continue
		}
		switch v := value.(type) {
		case string:
			into[key] = v
		case float64:
			into[key] = number(v)
		case bool:
			into[key] = fmt.Sprint(v)
		default:
			return problem.New(problem.Invalid, "error parsing value as string: %s is no text", key).WithHint("goTemplate: true takes values of any shape")
		}
	}
	return nil
}

// clusters yields the registered clusters, and without a selector the local one.
func (e *engine) clusters(ctx context.Context, g *v1alpha1.ClusterGenerator) ([]Params, error) {
	selector, err := metav1.LabelSelectorAsSelector(&g.Selector)
	if err != nil {
		return nil, problem.New(problem.Invalid, "the selector of clusters cannot be read: %v", err)
	}
	all, err := e.facts.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	var list []Params
	for _, c := range all {
		if !c.Registered && !selector.Empty() || !selector.Matches(labels.Set(c.Labels)) {
			continue
		}
		p := Params{"name": c.Name, "nameNormalized": normalize(c.Name), "server": c.Server, "project": c.Project}
		if e.goTemplate {
			if c.Registered {
				metadata := map[string]any{} // without the one that has none, as in Argo CD
				if len(c.Labels) > 0 {
					metadata["labels"] = anyMap(c.Labels)
				}
				if len(c.Annotations) > 0 {
					metadata["annotations"] = anyMap(c.Annotations)
				}
				p["metadata"] = metadata
			}
		} else {
			for k, v := range c.Labels {
				p["metadata.labels."+k] = v
			}
			for k, v := range c.Annotations {
				p["metadata.annotations."+k] = v
			}
		}
		if p, err = e.withValues(p, g.Values); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if !g.FlatList {
		return list, nil
	}
	clusters := make([]any, len(list))
	for i, p := range list {
		clusters[i] = p
	}
	return []Params{{"clusters": clusters}}, nil
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// withValues adds the further parameters of a generator, which may mention the others.
func (e *engine) withValues(p Params, values map[string]string) (Params, error) {
	if len(values) == 0 {
		return p, nil
	}
	out := maps.Clone(p)
	made := map[string]any{}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		text, err := e.text(values[k], p)
		if err != nil {
			return nil, problem.Because(problem.KindOf(err), err, "values.%s", k)
		}
		if e.goTemplate {
			made[k] = text
		} else {
			out["values."+k] = text
		}
	}
	if e.goTemplate {
		out["values"] = made
	}
	return out, nil
}

// multiply yields each set of the first generator with each of the second.
func (e *engine) multiply(ctx context.Context, m *combination, given Params) ([]yield, error) {
	if m.broken != nil {
		return nil, m.broken
	}
	if len(m.of) < 2 {
		return nil, problem.New(problem.Invalid, "found less than two generators, Matrix support only two")
	} else if len(m.of) > 2 {
		return nil, problem.New(problem.Invalid, "found more than two generators, Matrix support only two")
	}
	first, err := e.nested(ctx, m.of[0], given)
	if err != nil {
		return nil, problem.Because(problem.KindOf(err), err, "first generator of the matrix")
	}
	var out []yield
	for _, a := range first {
		known := a.params
		if given != nil { // inside of another matrix: what that one's first yields may be used, too
			known = deepMerge(given, a.params)
		}
		second, err := e.nested(ctx, m.of[1], known)
		if err != nil {
			return nil, problem.Because(problem.KindOf(err), err, "second generator of the matrix, with %s", brief(a.params))
		}
		if len(out)+len(second) > MaxApplications {
			return nil, problem.New(problem.Limit, "the matrix yields more than %d sets of parameters", MaxApplications)
		}
		for _, b := range second {
			both, err := e.join(a.params, b.params)
			if err != nil {
				return nil, err
			}
			out = append(out, yield{both, m.templates(), cmp.Or(b.preview, a.preview)})
		}
	}
	return out, nil
}

func (m *combination) templates() []v1alpha1.ApplicationSetTemplate {
	if m.template == nil || isEmptyTemplate(*m.template) {
		return nil
	}
	return []v1alpha1.ApplicationSetTemplate{*m.template}
}

// join puts two sets of parameters together. Plain templates could not tell two values of one name apart: there it is an
// error. Go templates have the first's, and maps of one name are joined.
func (e *engine) join(a, b Params) (Params, error) {
	if e.goTemplate {
		return deepMerge(b, a), nil
	}
	out := maps.Clone(a)
	for k, v := range b {
		if old, there := out[k]; there && fmt.Sprint(old) != fmt.Sprint(v) {
			return nil, problem.New(problem.Invalid, "found duplicate key %s with different value, a: %s ,b: %s", k, clip(fmt.Sprint(old)), clip(fmt.Sprint(v)))
		}
		out[k] = v
	}
	return out, nil
}

func deepMerge(a, b Params) Params {
	out := maps.Clone(a)
	for k, v := range b {
		am, aok := out[k].(map[string]any)
		bm, bok := v.(map[string]any)
		if aok && bok {
			out[k] = deepMerge(am, bm)
			continue
		}
		out[k] = v
	}
	return out
}

// complete yields the sets of the first generator, each with what the others say of the one that has the same values under
// the merge keys.
func (e *engine) complete(ctx context.Context, m *combination, given Params) ([]yield, error) {
	if m.broken != nil {
		return nil, m.broken
	}
	if len(m.of) < 2 {
		return nil, problem.New(problem.Invalid, "found less than two generators, Merge requires two or more")
	}
	if len(m.keys) == 0 {
		return nil, problem.New(problem.Invalid, "no merge keys were specified, Merge requires at least one")
	}
	var out []yield
	index := map[string]int{}
	for i, g := range m.of {
		list, err := e.nested(ctx, g, given)
		if err != nil {
			return nil, problem.Because(problem.KindOf(err), err, "generator %d of the merge", i+1)
		}
		seen := map[string]bool{}
		for _, y := range list {
			key := identity(y.params, m.keys)
			if seen[key] {
				return nil, problem.New(problem.Invalid, "the parameters from a generator were not unique by the given mergeKeys, Merge requires all param sets to be unique. Duplicate key was %s", clip(key))
			}
			seen[key] = true
			at, known := index[key]
			switch {
			case i == 0:
				index[key] = len(out)
				y.templates = m.templates()
				out = append(out, y)
			case known:
				base := out[at]
				if e.goTemplate {
					base.params = deepMerge(base.params, y.params)
				} else {
					base.params = maps.Clone(base.params)
					maps.Copy(base.params, y.params)
				}
				base.preview = cmp.Or(base.preview, y.preview)
				out[at] = base
			}
		}
	}
	return out, nil
}

// identity is the values under the merge keys; a key with dots goes into maps. One that is missing is null, and like
// any other value.
func identity(p Params, keys []string) string {
	values := map[string]any{}
	for _, k := range slices.Sorted(slices.Values(keys)) {
		v, there := p[k]
		if !there {
			v, _ = dig(p, strings.Split(k, "."))
		}
		values[k] = v
	}
	data, _ := json.Marshal(values) // plain values
	return string(data)
}

func dig(m map[string]any, path []string) (any, bool) {
	v, there := m[path[0]]
	if !there || len(path) == 1 {
		return v, there
	}
	in, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	return dig(in, path[1:])
}

// selected keeps the sets whose parameters match, taken for labels: names have dots where maps are in maps. Values are not
// held to what labels may hold: a path is none.
func selected(list []yield, selector *metav1.LabelSelector) ([]yield, error) {
	if selector == nil {
		return list, nil
	}
	for _, r := range selector.MatchExpressions {
		switch r.Operator {
		case metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist:
		default:
			return nil, problem.New(problem.Invalid, "the generator's selector: %q is no operator", clip(string(r.Operator))).WithHint("one of In, NotIn, Exists, DoesNotExist")
		}
	}
	out := list[:0:0]
	for _, y := range list {
		flat := Params{}
		flatten("", y.params, flat)
		if matches(selector, flat) {
			out = append(out, y)
		}
	}
	return out, nil
}

func matches(s *metav1.LabelSelector, flat Params) bool {
	for k, want := range s.MatchLabels {
		if v, there := flat[k]; !there || v != want {
			return false
		}
	}
	for _, r := range s.MatchExpressions {
		v, there := flat[r.Key]
		text, _ := v.(string)
		var ok bool
		switch r.Operator {
		case metav1.LabelSelectorOpIn:
			ok = there && slices.Contains(r.Values, text)
		case metav1.LabelSelectorOpNotIn:
			ok = !there || !slices.Contains(r.Values, text)
		case metav1.LabelSelectorOpExists:
			ok = there
		case metav1.LabelSelectorOpDoesNotExist:
			ok = !there
		}
		if !ok {
			return false
		}
	}
	return true
}

// flatten writes maps and lists as names with dots: {"a": {"b": [1]}} is a.b.0.
func flatten(prefix string, v any, into Params) {
	name := func(k string) string {
		if prefix == "" {
			return k
		}
		return prefix + "." + k
	}
	switch x := v.(type) {
	case map[string]any:
		for k, in := range x {
			flatten(name(k), in, into)
		}
	case []any:
		for i, in := range x {
			flatten(name(fmt.Sprint(i)), in, into)
		}
	case nil:
		into[prefix] = ""
	case string:
		into[prefix] = x
	case float64:
		into[prefix] = number(x)
	default:
		into[prefix] = fmt.Sprint(x)
	}
}

// number writes a whole number without a point, however large.
func number(f float64) string {
	if f == float64(int64(f)) {
		return fmt.Sprint(int64(f))
	}
	return fmt.Sprint(f)
}

// Terminals are the generators that ask for something themselves: g, or those inside of a matrix or a merge, at any
// depth. Nested ones that cannot be read are left out.
func Terminals(g v1alpha1.ApplicationSetGenerator) []v1alpha1.ApplicationSetTerminalGenerator {
	return outer(g).terminals()
}

func (g generator) terminals() (list []v1alpha1.ApplicationSetTerminalGenerator) {
	for _, c := range []*combination{g.matrix, g.merge} {
		if c != nil {
			for _, in := range c.of {
				list = append(list, in.terminals()...)
			}
		}
	}
	if g.matrix == nil && g.merge == nil {
		list = append(list, g.ApplicationSetTerminalGenerator)
	}
	return list
}
