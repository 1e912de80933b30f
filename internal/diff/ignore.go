package diff

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/glob"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/itchyny/gojq"
	"k8s.io/apimachinery/pkg/runtime"
)

// jqTime bounds one jq expression on one object; Argo CD's default too (controller.ignore.normalizer.jq.timeout).
const jqTime = time.Second

// jqPaths bounds how many paths one expression may name in one object.
const jqPaths = 10_000

// RuleSet is the compiled ignoreDifferences of an application. It is immutable and safe for concurrent use.
type RuleSet struct{ rules []rule }

type rule struct {
	group, kind, name, namespace glob.Glob
	Rules
}

// Rules are the parts of a RuleSet that concern one object.
type Rules struct {
	pointers [][]string
	queries  []query
	managers []string
}

type query struct {
	text string
	code *gojq.Code
}

// ParseRules compiles rules. A pointer, jq expression or glob that is none is a problem of kind Invalid that names it.
func ParseRules(list []v1alpha1.ResourceIgnoreDifferences) (RuleSet, error) {
	var set RuleSet
	for i, d := range list {
		r, err := parseRule(d)
		if err != nil {
			problem.Wrap(&err, "ignoreDifferences[%d]", i)
			return RuleSet{}, err
		}
		set.rules = append(set.rules, r)
	}
	return set, nil
}

func parseRule(d v1alpha1.ResourceIgnoreDifferences) (rule, error) {
	r := rule{Rules: Rules{managers: d.ManagedFieldsManagers}}
	for _, g := range []struct {
		what, text string
		to         *glob.Glob
	}{{"group", d.Group, &r.group}, {"kind", d.Kind, &r.kind}, {"name", orAny(d.Name), &r.name}, {"namespace", orAny(d.Namespace), &r.namespace}} {
		compiled, err := glob.Compile(g.text)
		if err != nil {
			return r, problem.Because(problem.Invalid, err, "%s %q is not a glob", g.what, g.text)
		}
		*g.to = compiled
	}
	for _, p := range d.JSONPointers {
		if !strings.HasPrefix(p, "/") {
			return r, problem.New(problem.Invalid, "%q is not a JSON pointer", p).WithHint("it begins with a slash, for example /spec/replicas")
		}
		r.pointers = append(r.pointers, parsePointer(p))
	}
	for _, text := range d.JQPathExpressions {
		q, err := parseQuery(text)
		if err != nil {
			return r, problem.Because(problem.Invalid, err, "%q is not a jq path expression", text).
				WithHint("for example .spec.template.spec.containers[] | select(.name == \"sidecar\")")
		}
		r.queries = append(r.queries, q)
	}
	return r, nil
}

func orAny(pattern string) string {
	if pattern == "" {
		return "*"
	}
	return pattern
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~") // RFC 6901

func parsePointer(p string) []string {
	parts := strings.Split(p[1:], "/")
	for i, s := range parts {
		parts[i] = unescape.Replace(s)
	}
	return parts
}

// parseQuery compiles the expression as the argument of path(), so that it yields paths and cannot change anything.
// It is parsed alone first: `a) | (b` must not pass by closing our parenthesis.
func parseQuery(text string) (query, error) {
	parsed, err := gojq.Parse(text)
	if err != nil {
		return query{}, err
	}
	paths, err := gojq.Parse("path(" + parsed.String() + ")")
	if err != nil {
		return query{}, err
	}
	code, err := gojq.Compile(paths)
	return query{text, code}, err
}

// Select returns what the set says about the object named by key.
func (s RuleSet) Select(key object.Key) Rules {
	var found Rules
	for _, r := range s.rules {
		if r.group.Match(key.Group) && r.kind.Match(key.Kind) && r.name.Match(key.Name) && r.namespace.Match(key.Namespace) {
			found = found.with(r.Rules)
		}
	}
	return found
}

// Empty reports whether the rules say nothing.
func (r Rules) Empty() bool { return len(r.pointers)+len(r.queries)+len(r.managers) == 0 }

func (r Rules) with(o Rules) Rules {
	if o.Empty() {
		return r
	}
	return Rules{
		pointers: append(r.pointers[:len(r.pointers):len(r.pointers)], o.pointers...),
		queries:  append(r.queries[:len(r.queries):len(r.queries)], o.queries...),
		managers: append(r.managers[:len(r.managers):len(r.managers)], o.managers...),
	}
}

// builtin returns the rules that hold without being written: fields whose owner the API itself names.
func builtin(o *object.Object) Rules {
	if o.GetKind() == "ClusterRole" && o.Object["aggregationRule"] != nil {
		return Rules{pointers: [][]string{{"rules"}}} // computed from other ClusterRoles, whatever Git says
	}
	return Rules{}
}

// Strip returns o without the fields that pointers and jq expressions name; o itself when there are no such rules.
// An expression that fails on this object (it iterates over a field that is not there) names nothing in it, as in
// Argo CD; one that runs out of time is a problem of kind Limit.
func (r Rules) Strip(ctx context.Context, o *object.Object) (*object.Object, error) {
	if len(r.pointers)+len(r.queries) == 0 {
		return o, nil
	}
	named, err := r.named(ctx, o)
	if err != nil {
		return nil, err
	}
	c := o.DeepCopy()
	gone := new(int) // an address that nothing else has: marks list items for removal without moving their neighbours
	for _, p := range slices.Concat(named...) {
		if len(p) > 0 {
			mark(c.Object, p, gone)
		}
	}
	content, _ := sweep(c.Object, gone).(map[string]any)
	return &object.Object{Object: content}, nil
}

// named returns the paths that each pointer and each jq expression names in o, in this order: field names and indices.
// A pointer's path may lead nowhere.
func (r Rules) named(ctx context.Context, o *object.Object) ([][][]any, error) {
	all := make([][][]any, 0, len(r.pointers)+len(r.queries))
	for _, p := range r.pointers {
		all = append(all, [][]any{anyPath(p)})
	}
	for _, q := range r.queries {
		found, err := q.paths(ctx, o)
		if err != nil {
			problem.Wrap(&err, "ignoreDifferences: %q on %s", q.text, object.KeyOf(o).Short())
			return nil, err
		}
		all = append(all, found)
	}
	return all, nil
}

func (q query) paths(ctx context.Context, o *object.Object) ([][]any, error) {
	ctx, cancel := context.WithTimeout(ctx, jqTime)
	defer cancel()
	var found [][]any
	results := q.code.RunWithContext(ctx, runtime.DeepCopyJSONValue(o.Object)) // gojq rewrites numbers in place
	for {
		v, ok := results.Next()
		if !ok {
			return found, nil
		}
		if _, failed := v.(error); failed {
			if ctx.Err() != nil {
				return nil, problem.Because(problem.Limit, ctx.Err(), "the expression takes longer than %s", jqTime)
			}
			return found, nil // it is not about this object
		}
		if p, ok := v.([]any); ok {
			found = append(found, p)
		}
		if len(found) > jqPaths {
			return nil, problem.New(problem.Limit, "the expression names more than %d fields", jqPaths)
		}
	}
}

func anyPath(p []string) []any {
	path := make([]any, len(p))
	for i, s := range p {
		path[i] = s
	}
	return path
}

// mark replaces the value at path by gone.
func mark(v any, path []any, gone *int) {
	last := len(path) == 1
	switch at := v.(type) {
	case map[string]any:
		name, ok := path[0].(string)
		if child, has := at[name]; ok && has {
			if last {
				at[name] = gone
			} else {
				mark(child, path[1:], gone)
			}
		}
	case []any:
		i := indexOf(path[0], len(at))
		if i < 0 {
			return
		}
		if last {
			at[i] = gone
		} else {
			mark(at[i], path[1:], gone)
		}
	}
}

// indexOf reads a list index from a pointer ("0") or a jq path (a number, negative from the end).
func indexOf(v any, length int) int {
	i := -1
	switch n := v.(type) {
	case string:
		if parsed, err := strconv.Atoi(n); err == nil && parsed >= 0 {
			i = parsed
		}
	case int:
		if i = n; n < 0 {
			i = length + n
		}
	}
	if i >= length {
		return -1
	}
	return i
}

// sweep removes what is marked.
func sweep(v any, gone *int) any {
	switch at := v.(type) {
	case map[string]any:
		for k, child := range at {
			if child == any(gone) {
				delete(at, k)
			} else {
				at[k] = sweep(child, gone)
			}
		}
	case []any:
		kept := at[:0]
		for _, child := range at {
			if child != any(gone) {
				kept = append(kept, sweep(child, gone))
			}
		}
		return kept
	}
	return v
}
