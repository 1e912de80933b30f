package diff

import (
	"encoding/json"
	"math"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// fields is a set of field paths as managedFields spell it (FieldsV1 of Kubernetes' meta/v1), kept as the plain JSON
// it arrives in: nested maps, whose keys are f:name for a field, k:{…} for the list item with these keys, v:value for
// an element of a set, i:n for an index, and "." for "this path itself belongs to the set". A node without content
// belongs to the set.
//
// structured-merge-diff has a type for this. Walking the JSON costs no parsing at all, and nearly every comparison
// walks each set once.
type fields map[string]any

// member is the key by which a node with children says that it belongs to the set itself.
const member = "."

func (f fields) child(key string) fields {
	m, _ := f[key].(map[string]any)
	return m
}

// hasChildren reports whether paths below this node belong to the set.
func (f fields) hasChildren() bool {
	if _, self := f[member]; self {
		return len(f) > 1
	}
	return len(f) > 0
}

// isMember reports whether the path of this node itself belongs to the set.
func (f fields) isMember() bool {
	_, self := f[member]
	return self || len(f) == 0
}

// at returns the node at path.
func (f fields) at(path []string) (fields, bool) {
	for _, key := range path {
		if _, ok := f[key]; !ok {
			return nil, false
		}
		f = f.child(key)
	}
	return f, true
}

func (f fields) has(path []string) bool {
	_, ok := f.at(path)
	return ok
}

// side is a value that one side of the comparison may lack.
type side struct {
	v  any
	ok bool
}

// childOf2 resolves key in both sides; the key of a list item is parsed once for the two.
func childOf2(p, l side, key string) (side, side) {
	if strings.HasPrefix(key, "f:") {
		return field(p, key[2:]), field(l, key[2:])
	}
	match := matcher(key)
	return item(p, match), item(l, match)
}

func childOf(s side, key string) side {
	c, _ := childOf2(s, side{}, key)
	return c
}

// lookup resolves a whole path.
func lookup(s side, path []string) side {
	for _, key := range path {
		if s = childOf(s, key); !s.ok {
			break
		}
	}
	return s
}

func field(s side, name string) side {
	m, _ := s.v.(map[string]any)
	v, ok := m[name]
	return side{v, ok && v != nil} // the server treats null as absent
}

func item(s side, match func([]any) int) side {
	list, _ := s.v.([]any)
	if i := match(list); i >= 0 {
		return side{list[i], true}
	}
	return side{}
}

// matcher returns the function that finds the item named by key (k:, v: or i:) in a list; it returns -1 when there
// is none.
func matcher(key string) func([]any) int {
	none := func([]any) int { return -1 }
	if len(key) < 2 {
		return none
	}
	var want any
	if json.Unmarshal([]byte(key[2:]), &want) != nil {
		return none
	}
	switch key[:2] {
	case "i:":
		n, ok := want.(float64)
		return func(list []any) int {
			if ok && n >= 0 && int(n) < len(list) {
				return int(n)
			}
			return -1
		}
	case "v:":
		return func(list []any) int { return find(list, func(v any) bool { return equal(v, want) }) }
	case "k:":
		keys, _ := want.(map[string]any)
		return func(list []any) int { return findKeyed(list, keys) }
	}
	return none
}

func find(list []any, is func(any) bool) int {
	for i, v := range list {
		if is(v) {
			return i
		}
	}
	return -1
}

// findKeyed prefers the item that has every key. An item that lacks one may still be meant, because keys can have
// defaults (protocol of a port) that last-applied-configuration does not hold.
func findKeyed(list []any, keys map[string]any) int {
	loose := -1
	for i, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			continue
		}
		missing, differs := 0, false
		for name, want := range keys {
			have, ok := m[name]
			switch {
			case !ok:
				missing++
			case !equal(have, want):
				differs = true
			}
		}
		if differs || missing == len(keys) {
			continue
		}
		if missing == 0 {
			return i
		}
		if loose < 0 {
			loose = i
		}
	}
	return loose
}

func isItem(key string) bool      { return !strings.HasPrefix(key, "f:") }
func fieldKey(name string) string { return "f:" + name }
func indexKey(i int) string       { return "i:" + strconv.Itoa(i) }
func isContainer(v any) bool      { return isMap(v) || isList(v) }
func isMap(v any) bool            { _, ok := v.(map[string]any); return ok }
func isList(v any) bool           { _, ok := v.([]any); return ok }

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// display spells a path for people: spec.ports[containerPort=80,protocol=TCP].name, metadata.labels["a.b/c"].
func display(path []string) string {
	var b strings.Builder
	for _, key := range path {
		kind, rest := key[:min(2, len(key))], key[min(2, len(key)):]
		switch {
		case kind == "f:" && plainName.MatchString(rest):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(rest)
		case kind == "f:":
			b.WriteString("[" + strconv.Quote(rest) + "]")
		case kind == "k:":
			b.WriteString("[" + displayKeys(rest) + "]")
		default:
			b.WriteString("[" + rest + "]")
		}
	}
	return b.String()
}

func displayKeys(text string) string {
	var keys map[string]any
	if json.Unmarshal([]byte(text), &keys) != nil {
		return text
	}
	parts := make([]string, 0, len(keys))
	for name, v := range keys {
		s, isText := v.(string)
		if !isText {
			data, _ := json.Marshal(v)
			s = string(data)
		}
		parts = append(parts, name+"="+s)
	}
	sort.Strings(parts)
	return strings.Join(parts, ",")
}

// pointer spells a path as JSON pointer into root. A list item that root lacks becomes "-", which in RFC 6901 names
// the element after the last.
func pointer(root any, path []string) string {
	var b strings.Builder
	at := side{root, true}
	for _, key := range path {
		b.WriteByte('/')
		if isItem(key) {
			list, _ := at.v.([]any)
			if i := matcher(key)(list); i >= 0 {
				b.WriteString(strconv.Itoa(i))
			} else {
				b.WriteByte('-')
			}
		} else {
			b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(key[2:]))
		}
		at = childOf(at, key)
	}
	return b.String()
}

// positionOf returns the index of the list item at path, or -1.
func positionOf(root side, path []string) int {
	list, _ := lookup(root, path[:len(path)-1]).v.([]any)
	return matcher(path[len(path)-1])(list)
}

// equal compares JSON values. Numbers compare by value whatever their Go type, and null equals absent in maps.
func equal(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return false
		}
		for k, v := range x {
			if w, has := y[k]; !equal(v, w) || !has && v != nil {
				return false
			}
		}
		for k, w := range y {
			if _, has := x[k]; !has && w != nil {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case string:
		y, ok := b.(string)
		return ok && x == y
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case nil:
		return b == nil
	}
	return equalNumbers(a, b)
}

func equalNumbers(a, b any) bool {
	x, xf, ok1 := number(a)
	y, yf, ok2 := number(b)
	if !ok1 || !ok2 {
		return false
	}
	return x == y && xf == yf
}

// number splits a JSON number into a whole part, exact for every integer, and the rest of a float.
func number(v any) (whole int64, rest float64, ok bool) {
	switch n := v.(type) {
	case int64:
		return n, 0, true
	case int:
		return int64(n), 0, true
	case int32:
		return int64(n), 0, true
	case float64:
		t := math.Trunc(n)
		if math.Abs(t) >= 1<<62 {
			return 0, n, true
		}
		return int64(t), n - t, true
	}
	return 0, 0, false
}
