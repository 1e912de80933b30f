package apps

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/diff"
	"github.com/hawser-cd/hawser/internal/object"
)

// Header is the line above an object's difference, which scripts look for.
func Header(w io.Writer, key object.Key) {
	fmt.Fprintf(w, "\n===== %s/%s %s/%s ======\n", key.Group, key.Kind, key.Namespace, key.Name)
}

// Field is one field that differs; a side that is missing is nil.
type Field struct {
	Path     string // spec.template.spec.containers[name=web].image
	From, To any
}

// Fields are the fields in which two objects differ, in the order of their paths. Items of lists are known by their name
// where all have one, else by position. Objects that are there on one side only differ in no field.
func Fields(live, target *object.Object) []Field {
	if live == nil || target == nil {
		return nil
	}
	var list []Field
	fields("", bare(live), bare(target), &list)
	return list
}

// bookkeeping are the fields of metadata that the API server writes, which no manifest says and no sync changes.
var bookkeeping = []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}

// bare is an object's content without status and bookkeeping. It shares memory with the object.
func bare(o *object.Object) map[string]any {
	content := maps.Clone(o.Object)
	delete(content, "status")
	if meta, ok := content["metadata"].(map[string]any); ok {
		meta = maps.Clone(meta)
		for _, name := range bookkeeping {
			delete(meta, name)
		}
		content["metadata"] = meta
	}
	return content
}

func fields(at string, from, to any, list *[]Field) {
	switch a := from.(type) {
	case map[string]any:
		if b, ok := to.(map[string]any); ok {
			for _, k := range keysOf(a, b) {
				below := at + "." + k
				switch {
				case strings.ContainsAny(k, "./"):
					below = at + "[" + k + "]"
				case at == "":
					below = k
				}
				fieldOf(below, a, b, k, list)
			}
			return
		}
	case []any:
		if b, ok := to.([]any); ok {
			x, y := byName(a), byName(b)
			if x == nil || y == nil {
				x, y = byPosition(a), byPosition(b)
			}
			for _, k := range keysOf(x, y) {
				fieldOf(at+"["+k+"]", x, y, k, list)
			}
			return
		}
	}
	if !equal(from, to) {
		*list = append(*list, Field{at, from, to})
	}
}

func fieldOf(at string, a, b map[string]any, k string, list *[]Field) {
	from, inA := a[k]
	to, inB := b[k]
	switch {
	case inA && inB:
		fields(at, from, to, list)
	case inA:
		*list = append(*list, Field{at, from, nil})
	default:
		*list = append(*list, Field{at, nil, to})
	}
}

func keysOf(a, b map[string]any) []string {
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// byName keys a list by the names of its items; nil if one has none or two have the same.
func byName(list []any) map[string]any {
	m := map[string]any{}
	for _, item := range list {
		o, _ := item.(map[string]any)
		name, ok := o["name"].(string)
		if _, twice := m["name="+name]; !ok || twice {
			return nil
		}
		m["name="+name] = item
	}
	return m
}

func byPosition(list []any) map[string]any {
	m := map[string]any{}
	for i, item := range list {
		m[strconv.Itoa(i)] = item
	}
	return m
}

func equal(a, b any) bool { return object.Hash(a) == object.Hash(b) }

// String is the field in one line.
func (f Field) String() string {
	switch {
	case f.From == nil:
		return fmt.Sprintf("%s: + %s", f.Path, brief(f.To))
	case f.To == nil:
		return fmt.Sprintf("%s: - %s", f.Path, brief(f.From))
	}
	return fmt.Sprintf("%s: %s → %s", f.Path, brief(f.From), brief(f.To))
}

func brief(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "?"
	}
	return shorten(strings.TrimSuffix(b.String(), "\n"), longest)
}

// Unified prints the fields that differ, and then the difference of the two texts: - is live, + is after a sync.
func Unified(w io.Writer, c Comparison) {
	listFields(w, c)
	fmt.Fprint(w, diff.Unified(c.Live, c.Target))
}

// Paths prints only the fields that differ.
func Paths(w io.Writer, c Comparison) {
	switch {
	case c.Live == nil:
		fmt.Fprintln(w, "+ the object is created")
	case c.Target == nil:
		fmt.Fprintln(w, "- the object is pruned")
	}
	for _, f := range Fields(c.Live, c.Target) {
		fmt.Fprintln(w, f)
	}
}

func listFields(w io.Writer, c Comparison) {
	for _, f := range Fields(c.Live, c.Target) {
		fmt.Fprintln(w, "# "+f.String())
	}
}

// Side prints the difference side by side, live on the left, in width columns.
func Side(w io.Writer, c Comparison, width int) {
	listFields(w, c)
	half := max(20, (width-3)/2)
	var minus, plus []string
	flush := func() {
		for i := range max(len(minus), len(plus)) {
			left, right, mark := "", "", '|'
			switch {
			case i >= len(plus):
				left, mark = minus[i], '<'
			case i >= len(minus):
				right, mark = plus[i], '>'
			default:
				left, right = minus[i], plus[i]
			}
			beside(w, left, right, mark, half)
		}
		minus, plus = nil, nil
	}
	for line := range strings.Lines(diff.Unified(c.Live, c.Target)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "@@"):
			flush()
			fmt.Fprintln(w, line)
		case strings.HasPrefix(line, "-"):
			if len(plus) > 0 {
				flush()
			}
			minus = append(minus, line[1:])
		case strings.HasPrefix(line, "+"):
			plus = append(plus, line[1:])
		case line != "":
			flush()
			beside(w, line[1:], line[1:], ' ', half)
		}
	}
	flush()
}

func beside(w io.Writer, left, right string, mark rune, half int) {
	left, right = cut(left, half), cut(right, half)
	fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%s%s %c %s", left, strings.Repeat(" ", half-utf8.RuneCountInString(left)), mark, right), " "))
}

// cut shortens a line to a width, with a sign that it goes on.
func cut(s string, width int) string {
	if text := []rune(s); len(text) > width {
		return string(text[:max(0, width-1)]) + "…"
	}
	return s
}
