package wire

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/problem"
)

// maxDepth bounds the nesting of messages in both directions; protobuf's own libraries say 100 as well. When writing, it ends
// values that contain themselves.
const maxDepth = 100

// failed is an error about a field. It has no value in it: values may be secret.
func (m *message) failed(k problem.Kind, f *field, format string, args ...any) error {
	return problem.New(k, "protobuf: %s.%s: "+format, append([]any{m.typ.Name(), f.name}, args...)...)
}

// append writes all fields of a struct, which must be addressable.
func (m *message) append(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, problem.New(problem.Internal, "protobuf: %s: messages nest deeper than %d", m.typ, maxDepth)
	}
	if len(m.oneof) > 1 {
		if err := m.oneOnly(v); err != nil {
			return nil, err
		}
	}
	var err error
	for i := range m.fields {
		f := &m.fields[i]
		fv := v.Field(f.index)
		switch f.shape {
		case single:
			if f.ptr {
				if fv.IsNil() {
					if f.required {
						return nil, m.failed(problem.Internal, f, "required, and not set")
					}
					continue
				}
				fv = fv.Elem()
			}
			b, err = m.appendOne(b, f, fv, depth)
		case texts:
			for _, s := range *fv.Addr().Interface().(*[]string) {
				b = appendText(binary.AppendUvarint(b, f.number<<3|bytesType), s)
			}
		case labels:
			b = appendLabels(b, f, *fv.Addr().Interface().(*map[string]string))
		case list:
			if f.packed {
				b = appendPacked(b, f, fv)
				continue
			}
			b, err = m.appendList(b, f, fv, depth)
		case mapping:
			b, err = m.appendMap(b, f, fv, depth)
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (m *message) oneOnly(v reflect.Value) error {
	set := -1
	for _, i := range m.oneof {
		if v.Field(i).IsNil() {
			continue
		}
		if set >= 0 {
			return problem.New(problem.Internal, "protobuf: %s: both %s and %s are set, and only one can travel", m.typ, m.typ.Field(set).Name, m.typ.Field(i).Name)
		}
		set = i
	}
	return nil
}

// appendOne writes a field with its key; v is no pointer.
func (m *message) appendOne(b []byte, f *field, v reflect.Value, depth int) ([]byte, error) {
	key := f.number<<3 | uint64(f.wire)
	switch f.kind {
	case text:
		s := v.String()
		if s == "" && f.implicit {
			return b, nil
		}
		return appendText(binary.AppendUvarint(b, key), s), nil
	case blob:
		if v.IsNil() || f.implicit && v.Len() == 0 {
			if f.required {
				return nil, m.failed(problem.Internal, f, "required, and not set")
			}
			if f.shape == single {
				return b, nil
			}
		}
		b = binary.AppendUvarint(b, key)
		b = binary.AppendUvarint(b, uint64(v.Len()))
		return append(b, v.Bytes()...), nil
	case embedded:
		b = append(binary.AppendUvarint(b, key), 0)
		start := len(b)
		b, err := f.msg.append(b, v, depth+1)
		if err != nil {
			return nil, err
		}
		return patchLength(b, start), nil
	case native:
		if f.shape == single && (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.IsNil() {
			return b, nil
		}
		b = append(binary.AppendUvarint(b, key), 0)
		start := len(b)
		b, err := appendNative(b, &f.form, v)
		if err != nil {
			return nil, problem.Because(problem.Internal, err, "protobuf: %s.%s", m.typ.Name(), f.name)
		}
		return patchLength(b, start), nil
	}
	x := number(&f.form, v)
	if x == 0 && f.implicit {
		return b, nil
	}
	return appendNumber(binary.AppendUvarint(b, key), f.wire, x), nil
}

// number returns the bits of a number as the wire has them.
func number(f *form, v reflect.Value) uint64 {
	switch f.kind {
	case boolean:
		if v.Bool() {
			return 1
		}
		return 0
	case signed, fixed64:
		return uint64(v.Int())
	case fixed32:
		return uint64(uint32(v.Int()))
	case zigzag:
		return uint64(v.Int()<<1 ^ v.Int()>>63)
	case float32bits:
		return uint64(math.Float32bits(float32(v.Float())))
	case float64bits:
		return math.Float64bits(v.Float())
	}
	return v.Uint()
}

func appendNumber(b []byte, wire uint8, x uint64) []byte {
	switch wire {
	case fixed32Type:
		return binary.LittleEndian.AppendUint32(b, uint32(x))
	case fixed64Type:
		return binary.LittleEndian.AppendUint64(b, x)
	}
	return binary.AppendUvarint(b, x)
}

// appendText writes a string behind its length.
func appendText(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// patchLength puts the length of b[start:] into the byte before it, and makes room when it needs more than one. Moving the
// bytes is cheaper than walking the value twice to know its size.
func patchLength(b []byte, start int) []byte {
	n := len(b) - start
	if n < 0x80 {
		b[start-1] = byte(n)
		return b
	}
	var room [binary.MaxVarintLen64]byte
	more := (bits.Len64(uint64(n))+6)/7 - 1
	b = append(b, room[:more]...)
	copy(b[start+more:], b[start:start+n])
	binary.PutUvarint(b[start-1:], uint64(n))
	return b
}

// sample is how many elements of a list are written before room is made for the rest.
const sample = 8

func (m *message) appendList(b []byte, f *field, v reflect.Value, depth int) ([]byte, error) {
	var err error
	start := len(b)
	for i := range v.Len() {
		// A sample tells the size of a long list, which would else be copied again and again while it grows.
		if i == sample {
			b = slices.Grow(b, (len(b)-start)/sample*(v.Len()-i)*9/8)
		}
		e := v.Index(i)
		if f.ptr {
			if e.IsNil() {
				return nil, m.failed(problem.Internal, f, "element %d is nil", i)
			}
			e = e.Elem()
		}
		if b, err = m.appendOne(b, f, e, depth); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendPacked(b []byte, f *field, v reflect.Value) []byte {
	if v.Len() == 0 {
		return b
	}
	b = append(binary.AppendUvarint(b, f.number<<3|bytesType), 0)
	start := len(b)
	for i := range v.Len() {
		b = appendNumber(b, f.wire, number(&f.form, v.Index(i)))
	}
	return patchLength(b, start)
}

func appendLabels(b []byte, f *field, m map[string]string) []byte {
	if len(m) == 0 {
		return b
	}
	var few [16]string
	keys := few[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		b = append(binary.AppendUvarint(b, f.number<<3|bytesType), 0)
		start := len(b)
		b = appendText(append(b, 1<<3|bytesType), k)
		b = appendText(append(b, 2<<3|bytesType), m[k])
		b = patchLength(b, start)
	}
	return b
}

func (m *message) appendMap(b []byte, f *field, v reflect.Value, depth int) ([]byte, error) {
	if v.Len() == 0 {
		return b, nil
	}
	// What lies in a map has no address, and is copied to a place that has.
	key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	if v.Len() == 1 {
		it := v.MapRange()
		it.Next()
		key.SetIterKey(it)
		value.SetIterValue(it)
		return m.appendEntry(b, f, key, value, depth)
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int {
		switch f.key.kind {
		case text:
			return strings.Compare(x.String(), y.String())
		case signed, zigzag, fixed32, fixed64:
			return cmp.Compare(x.Int(), y.Int())
		}
		return cmp.Compare(number(&f.key.form, x), number(&f.key.form, y))
	})
	var err error
	for _, k := range keys {
		value.Set(v.MapIndex(k))
		if b, err = m.appendEntry(b, f, k, value, depth); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// appendEntry writes an entry of a map: a message of a key and a value, both always there.
func (m *message) appendEntry(b []byte, f *field, key, value reflect.Value, depth int) ([]byte, error) {
	if f.ptr {
		if value.IsNil() {
			return nil, m.failed(problem.Internal, f, "a value of the map is nil")
		}
		value = value.Elem()
	}
	b = append(binary.AppendUvarint(b, f.number<<3|bytesType), 0)
	start := len(b)
	b, err := m.appendOne(b, f.key, key, depth)
	if err != nil {
		return nil, err
	}
	if b, err = m.appendOne(b, f.value, value, depth); err != nil {
		return nil, err
	}
	return patchLength(b, start), nil
}

// sized is what Kubernetes' generated types offer beside Marshal: writing without a buffer of their own.
type sized interface {
	Size() int
	MarshalToSizedBuffer([]byte) (int, error)
}

// appendNative writes a value by its own method.
func appendNative(b []byte, f *form, v reflect.Value) ([]byte, error) {
	own := v.Addr().Interface()
	if s, ok := own.(sized); ok {
		n, start := s.Size(), len(b)
		b = slices.Grow(b, n)[:start+n]
		written, err := s.MarshalToSizedBuffer(b[start:])
		if err != nil {
			return nil, problem.Because(problem.Internal, err, "protobuf: %s", f.typ)
		}
		if written != n {
			return nil, problem.New(problem.Internal, "protobuf: %s said that it has %d bytes and wrote %d", f.typ, n, written)
		}
		return b, nil
	}
	x, err := own.(marshaler).Marshal()
	if err != nil {
		return nil, problem.Because(problem.Internal, err, "protobuf: %s", f.typ)
	}
	return append(b, x...), nil
}
