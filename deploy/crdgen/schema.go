package main

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// node is a structural schema: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
type node struct {
	typ         string // empty for any
	format      string
	description string
	fields      []field // of an object, in the order of the Go type
	required    []string
	items       *node // of an array
	values      *node // of an object that is a map
	keepUnknown bool
	intOrString bool
	nullable    bool
	fallback    string
	enum        []string
	extra       string // further keys, as YAML
}

type field struct {
	key string
	*node
}

// rule changes how a Go type becomes a schema. optional, nullable, keepUnknown,
// fallback and extra are for one place; the others also for all below it.
type rule struct {
	optional       bool
	nullable       bool
	keepUnknown    bool     // keep fields that we do not know, in this object
	keepAllUnknown bool     // … and in all below
	silent         bool     // explain nothing
	loose          bool     // keep unknown fields, demand none, take null for lists and times, explain nothing
	opaque         []string // Go types that become an object of any content
	fallback       string   // default value
	extra          string
}

type builder struct {
	types     map[string]*goType
	places    []place
	explained map[*goType]bool
}

// root is the schema of a kind. Kubernetes itself describes apiVersion, kind
// and metadata, and allows nothing but their types here.
func (b *builder) root(kind string) (*node, error) {
	t := b.types[kind]
	if t == nil {
		return nil, fmt.Errorf("no such Go type")
	}
	root := &node{typ: "object", description: t.doc, required: []string{"metadata", "spec"}, fields: []field{
		{"apiVersion", &node{typ: "string"}},
		{"kind", &node{typ: "string"}},
		{"metadata", &node{typ: "object"}},
	}}
	for _, f := range t.fields {
		if f.key == "" || f.key == "metadata" {
			continue
		}
		n, err := b.schema(f.typ, f.key, rule{})
		if err != nil {
			return nil, err
		}
		if f.key != "status" {
			n.description = f.doc
		}
		root.fields = append(root.fields, field{f.key, n})
	}
	return root, nil
}

// schema of a Go type at a path, under the rule that holds above it.
func (b *builder) schema(typ ast.Expr, path string, above rule) (*node, error) {
	r := b.ruleAt(path, above)
	n, err := b.shape(typ, path, r)
	if err != nil {
		return nil, err
	}
	n.fallback, n.extra = r.fallback, r.extra
	n.nullable = n.nullable || r.nullable || r.loose && (n.typ == "array" || n.format == "date-time")
	if n.typ == "object" && (r.keepUnknown || r.keepAllUnknown || r.loose) && n.values == nil {
		n.keepUnknown = true
	}
	return n, nil
}

// ruleAt joins the rule of a place with what it inherits.
func (b *builder) ruleAt(path string, above rule) rule {
	r := rule{keepAllUnknown: above.keepAllUnknown, silent: above.silent, loose: above.loose, opaque: above.opaque}
	for _, p := range b.places {
		if end, anywhere := strings.CutPrefix(p.path, "*"); p.path != path && !(anywhere && strings.HasSuffix(path, end)) {
			continue
		}
		here := p.rule
		here.keepAllUnknown = here.keepAllUnknown || r.keepAllUnknown
		here.silent = here.silent || r.silent
		here.loose = here.loose || r.loose
		here.opaque = append(slices.Clone(r.opaque), here.opaque...)
		r = here
	}
	return r
}

func (b *builder) shape(typ ast.Expr, path string, r rule) (*node, error) {
	switch typ := typ.(type) {
	case *ast.StarExpr:
		return b.shape(typ.X, path, r)
	case *ast.ArrayType:
		items, err := b.schema(typ.Elt, path+".[]", r)
		return &node{typ: "array", items: items}, err
	case *ast.MapType:
		values, err := b.schema(typ.Value, path+".*", r)
		return &node{typ: "object", values: values}, err
	case *ast.SelectorExpr:
		return foreign(fmt.Sprintf("%v.%s", typ.X, typ.Sel.Name))
	case *ast.Ident:
		return b.named(typ.Name, path, r)
	}
	return nil, fmt.Errorf("%s: a %T has no schema", path, typ)
}

func (b *builder) named(name, path string, r rule) (*node, error) {
	switch name {
	case "string":
		return &node{typ: "string"}, nil
	case "bool":
		return &node{typ: "boolean"}, nil
	case "int64":
		return &node{typ: "integer", format: "int64"}, nil
	case "RawJSON":
		return &node{keepUnknown: true, nullable: true}, nil
	case "OptionalMap":
		return &node{typ: "object", values: &node{typ: "string"}}, nil
	case "OptionalArray":
		return &node{typ: "array", items: &node{typ: "string"}}, nil
	}
	t := b.types[name]
	switch {
	case t == nil:
		return nil, fmt.Errorf("%s: no Go type %s", path, name)
	case slices.Contains(r.opaque, name):
		return &node{typ: "object", keepUnknown: true}, nil
	case t.fields == nil:
		n := &node{typ: "string"}
		// Only where Argo CD has one too: a value of tomorrow must not be refused.
		if name == "ApplicationsSyncPolicy" {
			n.enum = t.values
		}
		return n, nil
	}
	n := &node{typ: "object"}
	return n, b.addFields(n, t, path, r)
}

// addFields explains the fields of a type only where the type is met first:
// a source occurs seven times in an Application, and its text would be most of
// the file.
func (b *builder) addFields(n *node, t *goType, path string, r rule) error {
	explain := !r.silent && !r.loose && !b.explained[t]
	if explain {
		b.explained[t] = true
	}
	for _, f := range t.fields {
		if f.key == "" {
			inner, ok := f.typ.(*ast.Ident)
			if !ok || b.types[inner.Name] == nil {
				return fmt.Errorf("%s: cannot inline %v", path, f.typ)
			}
			if err := b.addFields(n, b.types[inner.Name], path, r); err != nil {
				return err
			}
			continue
		}
		at := strings.TrimPrefix(path+"."+f.key, ".")
		child, err := b.schema(f.typ, at, r)
		if err != nil {
			return err
		}
		if explain {
			child.description = f.doc
		}
		if !r.loose {
			// A default satisfies a demand; kubectl explain reads better without both.
			if here := b.ruleAt(at, r); !f.omitEmpty && !here.optional && here.fallback == "" {
				n.required = append(n.required, f.key)
			}
		}
		n.fields = append(n.fields, field{f.key, child})
	}
	return nil
}

// foreign is the schema of a type of apimachinery.
func foreign(name string) (*node, error) {
	text := func() *node { return &node{typ: "string"} }
	switch name {
	case "metav1.Time":
		return &node{typ: "string", format: "date-time"}, nil
	case "types.UID":
		return text(), nil
	case "runtime.RawExtension":
		return &node{typ: "object", keepUnknown: true}, nil
	case "intstr.IntOrString":
		return &node{intOrString: true}, nil
	case "metav1.GroupKind":
		return &node{typ: "object", required: []string{"group", "kind"}, fields: []field{{"group", text()}, {"kind", text()}}}, nil
	case "metav1.LabelSelector":
		return &node{typ: "object", fields: []field{
			{"matchLabels", &node{typ: "object", values: text()}},
			{"matchExpressions", &node{typ: "array", items: &node{typ: "object", required: []string{"key", "operator"}, fields: []field{
				{"key", text()},
				{"operator", text()},
				{"values", &node{typ: "array", items: text()}},
			}}}},
		}}, nil
	}
	return nil, fmt.Errorf("no schema for %s: add it to foreign in deploy/crdgen", name)
}
