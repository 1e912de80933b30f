package wire

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hawser-cd/hawser/internal/problem"
)

// kind is the way in which one value is written; the Go type and the tag together choose it.
type kind uint8

const (
	boolean kind = iota
	signed       // int, int32, int64 as varint; negative ones take ten bytes
	unsigned
	zigzag
	fixed32 // of an int32
	fixed64
	ufixed32
	ufixed64
	float32bits
	float64bits
	text
	blob // a slice of bytes
	embedded
	native // a message with methods of its own
)

// Wire types of protobuf.
const (
	varintType  = 0
	fixed64Type = 1
	bytesType   = 2
	fixed32Type = 5
)

// form says how a single value is written: a field's, a list's element, a map's key or value.
type form struct {
	kind kind
	wire uint8        // wire type
	ptr  bool         // the Go value is a pointer to typ
	typ  reflect.Type // never a pointer
	size int          // bytes of memory that a new one takes, behind its pointer too
	msg  *message     // of kind embedded
}

// shape says how many values a field has.
type shape uint8

const (
	single shape = iota
	list
	mapping
	texts  // exactly []string, frequent and therefore without reflection
	labels // exactly map[string]string, likewise
)

// field is one field of a message.
type field struct {
	name     string
	index    int    // in the Go struct
	number   uint64 // on the wire
	shape    shape
	form            // the value, or the element, or the map's value
	key      *field // of a map: its entries are messages with fields 1 and 2
	value    *field
	entry    int // memory that an element of a list or map takes
	packed   bool
	implicit bool // proto3: a zero value is not written
	required bool
	oneof    bool
}

// message is the plan of a struct.
type message struct {
	typ      reflect.Type
	fields   []field // in the order of their numbers
	low      []int16 // number → position in fields, or -1, for the small numbers that nearly all are
	oneof    []int   // Go indexes of the fields of which at most one is set
	required bool    // something here or below is required
}

const lowNumbers = 128

// find returns the field with a number, or nil.
func (m *message) find(number uint64) *field {
	if number < uint64(len(m.low)) {
		if i := m.low[number]; i >= 0 {
			return &m.fields[i]
		}
		return nil
	}
	if i, ok := slices.BinarySearchFunc(m.fields, number, func(f field, n uint64) int {
		return int(int64(f.number) - int64(n)) // both below 2²⁹
	}); ok {
		return &m.fields[i]
	}
	return nil
}

var plans sync.Map // reflect.Type → *form

// planOf returns the plan of a type that can stand alone, compiled the first time.
func planOf(t reflect.Type) (*form, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*form), nil
	}
	c := compiler{messages: map[reflect.Type]*message{}}
	root := c.form(t, "bytes", t.String())
	if root.ptr || root.kind != native && root.kind != embedded {
		c.fail("%s is no message", t)
	}
	if err := errors.Join(c.broken...); err != nil {
		return nil, problem.Because(problem.Internal, err, "protobuf: %s cannot travel", t)
	}
	c.requirements()
	plans.Store(t, &root)
	return &root, nil
}

// compiler builds plans of a type and of all that it reaches. It goes on after an error, so that Check can tell them all.
type compiler struct {
	messages map[reflect.Type]*message // begun ones too, for types that contain themselves
	broken   []error
}

func (c *compiler) fail(format string, args ...any) {
	c.broken = append(c.broken, fmt.Errorf(format, args...))
}

type marshaler interface{ Marshal() ([]byte, error) }
type unmarshaler interface{ Unmarshal([]byte) error }

// hasOwn reports whether a type is one of Kubernetes' with methods of its own. The methods alone prove nothing: a struct of
// ours that embeds one such type inherits them, and would write that part of itself only.
func hasOwn(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return strings.HasPrefix(t.PkgPath(), "k8s.io/") && p.Implements(reflect.TypeFor[marshaler]()) && p.Implements(reflect.TypeFor[unmarshaler]())
}

// form chooses the way in which values of type t are written, for a tag that names a wire type; where is for errors.
func (c *compiler) form(t reflect.Type, tagged, where string) form {
	f := form{typ: t}
	if t.Kind() == reflect.Pointer {
		f.ptr, f.typ = true, t.Elem()
	}
	t = f.typ
	f.size = int(t.Size())
	if f.ptr {
		f.size += int(reflect.TypeFor[uintptr]().Size())
	}
	if hasOwn(t) {
		f.kind, f.wire = native, bytesType
		return f
	}
	if accepted, ok := scalars[t.Kind()]; ok {
		if f.kind, ok = accepted[tagged]; !ok {
			c.fail("%s: a %s cannot be tagged %q", where, t, tagged)
		}
		f.wire = wireTypes[f.kind]
		return f
	}
	switch {
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !f.ptr:
		f.kind = blob
	case t.Kind() == reflect.Struct:
		f.kind, f.msg = embedded, c.message(t)
	default:
		c.fail("%s: the wire has no %s here", where, t)
		return f
	}
	if tagged != "bytes" {
		c.fail("%s: a %s cannot be tagged %q", where, t, tagged)
	}
	f.wire = wireTypes[f.kind]
	return f
}

// scalars says, for a Go kind and the wire type of a tag, how a number or text is written. "bytes" on a number is one of
// Kubernetes' untrue tags.
var scalars = map[reflect.Kind]map[string]kind{
	reflect.Bool:    {"varint": boolean, "bytes": boolean},
	reflect.Int:     {"varint": signed, "bytes": signed, "zigzag64": zigzag, "fixed64": fixed64},
	reflect.Int32:   {"varint": signed, "bytes": signed, "zigzag32": zigzag, "fixed32": fixed32},
	reflect.Int64:   {"varint": signed, "bytes": signed, "zigzag64": zigzag, "fixed64": fixed64},
	reflect.Uint:    {"varint": unsigned, "bytes": unsigned, "fixed64": ufixed64},
	reflect.Uint32:  {"varint": unsigned, "bytes": unsigned, "fixed32": ufixed32},
	reflect.Uint64:  {"varint": unsigned, "bytes": unsigned, "fixed64": ufixed64},
	reflect.Float32: {"fixed32": float32bits, "bytes": float32bits},
	reflect.Float64: {"fixed64": float64bits, "bytes": float64bits},
	reflect.String:  {"bytes": text},
}

var wireTypes = [...]uint8{
	boolean: varintType, signed: varintType, unsigned: varintType, zigzag: varintType,
	fixed32: fixed32Type, ufixed32: fixed32Type, float32bits: fixed32Type,
	fixed64: fixed64Type, ufixed64: fixed64Type, float64bits: fixed64Type,
	text: bytesType, blob: bytesType, embedded: bytesType, native: bytesType,
}

// message compiles a struct.
func (c *compiler) message(t reflect.Type) *message {
	if m, ok := c.messages[t]; ok {
		return m
	}
	m := &message{typ: t}
	c.messages[t] = m
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, ok := sf.Tag.Lookup("protobuf")
		if !ok || tag == "-" {
			continue
		}
		if !sf.IsExported() {
			c.fail("%s.%s: tagged, but not exported", t, sf.Name)
			continue
		}
		m.fields = append(m.fields, c.field(t, sf, tag))
	}
	if len(m.fields) == 0 && t.NumField() > 0 {
		c.fail("%s: no field has a protobuf tag, so nothing of it would travel", t)
	}
	slices.SortStableFunc(m.fields, func(a, b field) int { return int(int64(a.number) - int64(b.number)) })
	for i := range lowNumbers {
		m.low = append(m.low, -1)
		for j := range m.fields {
			if m.fields[j].number == uint64(i) {
				m.low[i] = int16(j)
			}
		}
	}
	for i := range m.fields {
		f := &m.fields[i]
		if i > 0 && f.number == m.fields[i-1].number {
			c.fail("%s: %s and %s both have number %d", t, m.fields[i-1].name, f.name, f.number)
		}
		if f.oneof {
			m.oneof = append(m.oneof, f.index)
		}
	}
	return m
}

// field compiles a field of the struct t from its tag.
func (c *compiler) field(t reflect.Type, sf reflect.StructField, tag string) field {
	where := t.String() + "." + sf.Name
	f := field{name: sf.Name, index: sf.Index[0]}
	wire, rest, _ := strings.Cut(tag, ",")
	number, rest, _ := strings.Cut(rest, ",")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n < 1 || n > maxNumber || n >= 19000 && n <= 19999 { // 19000 to 19999 are protobuf's own
		c.fail("%s: %q is no field number", where, number)
	}
	f.number = n
	repeated := false
	for option := range strings.SplitSeq(rest, ",") {
		switch name, _, _ := strings.Cut(option, "="); name {
		case "", "opt", "name", "json", "enum", "casttype", "customtype", "embedded":
		case "rep":
			repeated = true
		case "req":
			f.required = true
		case "packed":
			f.packed = true
		case "proto3":
			f.implicit = true
		case "oneof":
			f.oneof = true
		default:
			c.fail("%s: the tag's %q is not known here", where, option)
		}
	}
	switch k := sf.Type.Kind(); {
	case hasOwn(sf.Type) || k != reflect.Slice && k != reflect.Map || k == reflect.Slice && sf.Type.Elem().Kind() == reflect.Uint8:
		f.form = c.form(sf.Type, wire, where)
		if repeated && !hasOwn(sf.Type) {
			c.fail("%s: a %s is tagged rep", where, sf.Type)
		}
	case k == reflect.Slice:
		f.shape = list
		f.form = c.form(sf.Type.Elem(), wire, where)
		f.entry = int(sf.Type.Elem().Size())
		if sf.Type == reflect.TypeFor[[]string]() {
			f.shape = texts
		}
	default:
		f.shape = mapping
		key := c.form(sf.Type.Key(), wireOf(sf.Tag.Get("protobuf_key"), sf.Type.Key()), where+" (key)")
		f.form = c.form(sf.Type.Elem(), wireOf(sf.Tag.Get("protobuf_val"), sf.Type.Elem()), where+" (value)")
		f.key = &field{name: f.name, number: 1, shape: mapping, form: key}
		f.value = &field{name: f.name, number: 2, shape: mapping, form: f.form}
		f.entry = 2 * (key.size + f.size) // a map keeps some of its places free
		if key.ptr || key.kind > text || key.kind == float32bits || key.kind == float64bits {
			c.fail("%s: the wire has no maps by %s", where, sf.Type.Key())
		}
		if sf.Type == reflect.TypeFor[map[string]string]() {
			f.shape = labels
		}
	}
	if f.shape != single && (f.required || f.oneof) {
		c.fail("%s: a list or map cannot be required, nor one of several", where)
	}
	if f.shape != single && f.ptr && f.kind < embedded {
		c.fail("%s: a list or map of pointers to %s", where, f.typ)
	}
	if f.packed && (f.shape != list || f.wire == bytesType) {
		c.fail("%s: only lists of numbers are packed", where)
	}
	if f.oneof && !f.ptr && f.kind != blob {
		c.fail("%s: one of several must be a pointer, to tell whether it is there", where)
	}
	// An element is written even when it is zero: leaving it out would shorten the list.
	f.implicit = f.implicit && f.shape == single && !f.ptr && !f.oneof
	return f
}

// wireOf returns the wire type that the tag of a map's key or value names, or else the plain one for the Go type.
func wireOf(tag string, t reflect.Type) string {
	if wire, _, _ := strings.Cut(tag, ","); wire != "" {
		return wire
	}
	switch t.Kind() {
	case reflect.Float32:
		return "fixed32"
	case reflect.Float64:
		return "fixed64"
	}
	return "bytes" // which stands for varints too
}

// requirements marks the messages in which, at any depth, something is required, so that only they are looked through.
func (c *compiler) requirements() {
	for changed := true; changed; {
		changed = false
		for _, m := range c.messages {
			for i := range m.fields {
				f := &m.fields[i]
				if !m.required && (f.required || f.msg != nil && f.msg.required) {
					m.required, changed = true, true
				}
			}
		}
	}
}
