package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// text writes a definition. A small schema is one line in flow style: that
// keeps the file small, and readable.
func text(d definition, root *node) []byte {
	w := &writer{}
	w.line(0, "# Written by deploy/crdgen from api/v1alpha1; change the Go types and run: go generate ./deploy")
	w.line(0, "apiVersion: apiextensions.k8s.io/v1")
	w.line(0, "kind: CustomResourceDefinition")
	w.line(0, "metadata:")
	w.line(1, "name: %s.argoproj.io", d.plural)
	w.line(1, "labels:")
	w.line(2, "app.kubernetes.io/name: %s.argoproj.io", d.plural)
	w.line(2, "app.kubernetes.io/part-of: argocd")
	w.line(0, "spec:")
	w.line(1, "group: argoproj.io")
	w.line(1, "scope: Namespaced")
	w.line(1, "names:")
	w.line(2, "kind: %s", d.kind)
	w.line(2, "listKind: %sList", d.kind)
	w.line(2, "plural: %s", d.plural)
	w.line(2, "singular: %s", strings.ToLower(d.kind))
	w.line(2, "shortNames: %s", d.shortNames)
	w.line(2, "categories: [hawser]")
	w.line(1, "versions:")
	w.line(1, "- name: v1alpha1")
	w.line(2, "served: true")
	w.line(2, "storage: true")
	if d.subresources != "" {
		w.line(2, "subresources: %s", d.subresources)
	}
	if d.columns != nil {
		w.line(2, "additionalPrinterColumns:")
		for _, c := range d.columns {
			priority := ""
			if c.priority != 0 {
				priority = fmt.Sprintf(", priority: %d", c.priority)
			}
			w.line(2, "- {name: %s, type: string, jsonPath: %s%s}", c.name, c.path, priority)
		}
	}
	w.line(2, "schema:")
	w.schema(3, "openAPIV3Schema", root)
	return w.Bytes()
}

type writer struct{ bytes.Buffer }

func (w *writer) line(depth int, format string, args ...any) {
	w.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

func (w *writer) schema(depth int, key string, n *node) {
	if flow := n.flow(); n.fitsLine(flow) {
		w.line(depth, "%s: %s", key, flow)
		return
	}
	w.line(depth, "%s:", key)
	for _, a := range n.attributes() {
		w.line(depth+1, "%s", a)
	}
	switch {
	case n.items != nil:
		w.schema(depth+1, "items", n.items)
	case n.values != nil:
		w.schema(depth+1, "additionalProperties", n.values)
	default:
		w.line(depth+1, "properties:")
		for _, f := range n.fields {
			w.schema(depth+2, f.key, f.node)
		}
	}
}

// fitsLine is true for what has no fields, and for a short object whose fields
// are plain and not explained.
func (n *node) fitsLine(flow string) bool {
	if !n.hasFields() {
		return true
	}
	explained := slices.ContainsFunc(n.fields, func(f field) bool { return f.description != "" || f.hasFields() })
	return !explained && n.items == nil && n.values == nil && len(flow) <= 240
}

// hasFields tells whether there is an object with fields at any depth.
func (n *node) hasFields() bool {
	return n != nil && (len(n.fields) > 0 || n.items.hasFields() || n.values.hasFields())
}

// flow is a schema on one line.
func (n *node) flow() string {
	parts := n.attributes()
	if n.items != nil {
		parts = append(parts, "items: "+n.items.flow())
	}
	if n.values != nil {
		parts = append(parts, "additionalProperties: "+n.values.flow())
	}
	if n.fields != nil {
		var fields []string
		for _, f := range n.fields {
			fields = append(fields, f.key+": "+f.flow())
		}
		parts = append(parts, "properties: {"+strings.Join(fields, ", ")+"}")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// attributes are the keys that are not schemas themselves.
func (n *node) attributes() []string {
	var a []string
	add := func(when bool, format string, args ...any) {
		if when {
			a = append(a, fmt.Sprintf(format, args...))
		}
	}
	add(n.typ != "", "type: %s", n.typ)
	add(n.format != "", "format: %s", n.format)
	add(n.nullable, "nullable: true")
	add(n.intOrString, "x-kubernetes-int-or-string: true")
	add(n.keepUnknown, "x-kubernetes-preserve-unknown-fields: true")
	add(n.fallback != "", "default: %s", n.fallback)
	add(n.enum != nil, "enum: [%s]", strings.Join(n.enum, ", "))
	add(n.extra != "", "%s", n.extra)
	add(len(n.required) > 0, "required: [%s]", strings.Join(n.required, ", "))
	add(n.description != "", "description: %s", quote(n.description))
	return a
}

// quote relies on every JSON string being a YAML string.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSpace(b.String())
}
