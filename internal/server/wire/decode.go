package wire

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Two bytes of input can ask for an element of kilobytes, so that 200 MB could ask for the memory of a rack. An honest list
// of applications takes some ten bytes for each of its input; 64 leaves room for peers that leave out empty fields, and the
// slack for small requests.
const (
	slack   = 1 << 20
	perByte = 64
)

// maxNumber is protobuf's greatest field number.
const maxNumber = 1<<29 - 1

type decoder struct {
	budget int // bytes of memory that elements may still take
}

// charge takes the memory of a new element from the budget.
func (d *decoder) charge(m *message, f *field, n int) error {
	if d.budget -= n; d.budget < 0 {
		return m.failed(problem.Limit, f, "the message is small, but would take very much memory")
	}
	return nil
}

// token is a field as it stands on the wire: a number, or bytes of the input.
type token struct {
	number uint64
	wire   uint8
	x      uint64
	raw    []byte
}

// next reads one field from the front of b and returns what is behind it.
func next(b []byte) (t token, rest []byte, err string) {
	key, n := uvarint(b)
	if n <= 0 {
		return t, nil, "the key of a field is cut off or too long"
	}
	b = b[n:]
	if t.number, t.wire = key>>3, uint8(key&7); t.number < 1 || t.number > maxNumber {
		return t, nil, "a field number is out of range"
	}
	switch t.wire {
	case varintType:
		if t.x, n = uvarint(b); n <= 0 {
			return t, nil, "a number is cut off or too long"
		}
		return t, b[n:], ""
	case fixed64Type:
		if len(b) < 8 {
			return t, nil, "a number is cut off"
		}
		t.x = binary.LittleEndian.Uint64(b)
		return t, b[8:], ""
	case fixed32Type:
		if len(b) < 4 {
			return t, nil, "a number is cut off"
		}
		t.x = uint64(binary.LittleEndian.Uint32(b))
		return t, b[4:], ""
	case bytesType:
		size, n := uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return t, nil, "the message ends within a field"
		}
		t.raw = b[n : n+int(size) : n+int(size)]
		return t, b[n+int(size):], ""
	}
	return t, nil, "groups are not supported"
}

// uvarint is binary.Uvarint with a short way for one byte, which most are.
func uvarint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

// message reads all fields in b into a struct, on top of what it has: that is how protobuf merges a message that comes twice.
func (d *decoder) message(m *message, b []byte, v reflect.Value, depth int) error {
	if depth > maxDepth {
		return problem.New(problem.Limit, "protobuf: %s: messages nest deeper than %d", m.typ.Name(), maxDepth)
	}
	for len(b) > 0 {
		t, rest, bad := next(b)
		if bad != "" {
			return problem.New(problem.Invalid, "protobuf: %s: %s", m.typ.Name(), bad)
		}
		b = rest
		f := m.find(t.number)
		if f == nil {
			continue
		}
		if f.oneof {
			for _, i := range m.oneof {
				if i != f.index {
					v.Field(i).SetZero()
				}
			}
		}
		if err := d.field(m, f, v.Field(f.index), t, depth); err != nil {
			return err
		}
	}
	return nil
}

// field reads one occurrence of a field.
func (d *decoder) field(m *message, f *field, v reflect.Value, t token, depth int) error {
	switch f.shape {
	case single:
		return d.one(m, f, &f.form, v, t, depth)
	case list:
		if t.wire == bytesType && f.wire != bytesType {
			return d.packed(m, f, v, t.raw)
		}
		return d.element(m, f, v, t, depth)
	}
	if t.wire != bytesType {
		return m.failed(problem.Invalid, f, "wire type %d where %d belongs", t.wire, bytesType)
	}
	if err := d.charge(m, f, f.entry); err != nil {
		return err
	}
	switch f.shape {
	case texts: // 16 bytes for at least two of input: append may grow it as it likes
		p := v.Addr().Interface().(*[]string)
		*p = append(*p, toText(t.raw))
		return nil
	case labels:
		return d.label(m, f, v.Addr().Interface().(*map[string]string), t.raw)
	}
	return d.entry(m, f, v, t.raw, depth)
}

// one reads a value into v, behind its pointer if it has one.
func (d *decoder) one(m *message, f *field, form *form, v reflect.Value, t token, depth int) error {
	if t.wire != form.wire {
		return m.failed(problem.Invalid, f, "wire type %d where %d belongs", t.wire, form.wire)
	}
	if form.ptr {
		if v.IsNil() {
			if err := d.charge(m, f, form.size); err != nil {
				return err
			}
			v.Set(reflect.New(form.typ))
		}
		v = v.Elem()
	}
	switch form.kind {
	case text:
		v.SetString(toText(t.raw))
	case blob:
		v.SetBytes(append([]byte{}, t.raw...))
	case embedded:
		return d.message(form.msg, t.raw, v, depth+1)
	case native:
		if err := readNative(form, v, t.raw); err != nil {
			return problem.Because(problem.Invalid, err, "protobuf: %s.%s", m.typ.Name(), f.name)
		}
	default:
		setNumber(form, v, t.x)
	}
	return nil
}

// setNumber sets a number from its bits; those that do not fit are cut off, as protobuf demands.
func setNumber(f *form, v reflect.Value, x uint64) {
	switch f.kind {
	case boolean:
		v.SetBool(x != 0)
	case signed, fixed32, fixed64:
		if f.typ.Kind() == reflect.Int32 {
			x = uint64(int32(x))
		}
		v.SetInt(int64(x))
	case zigzag:
		if f.typ.Kind() == reflect.Int32 {
			x = uint64(uint32(x))
		}
		v.SetInt(int64(x>>1) ^ -int64(x&1))
	case unsigned, ufixed32, ufixed64:
		if f.typ.Kind() == reflect.Uint32 {
			x = uint64(uint32(x))
		}
		v.SetUint(x)
	case float32bits:
		v.SetFloat(float64(math.Float32frombits(uint32(x))))
	case float64bits:
		v.SetFloat(math.Float64frombits(x))
	}
}

func toText(raw []byte) string {
	if !utf8.Valid(raw) {
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	return string(raw)
}

// grow lengthens a list by one and returns the new element, which is zero. The places are doubled, where append would add a
// quarter to a long list and so allocate five times its size on the way.
func (d *decoder) grow(m *message, f *field, v reflect.Value) (reflect.Value, error) {
	n := v.Len()
	if n == v.Cap() {
		more := max(n, 1)
		if err := d.charge(m, f, more*f.entry); err != nil {
			return reflect.Value{}, err
		}
		v.Grow(more)
	}
	v.SetLen(n + 1)
	return v.Index(n), nil
}

func (d *decoder) element(m *message, f *field, v reflect.Value, t token, depth int) error {
	e, err := d.grow(m, f, v)
	if err != nil {
		return err
	}
	return d.one(m, f, &f.form, e, t, depth)
}

// packed reads a run of numbers.
func (d *decoder) packed(m *message, f *field, v reflect.Value, raw []byte) error {
	for len(raw) > 0 {
		var x uint64
		n := 0
		switch {
		case f.wire == varintType:
			x, n = uvarint(raw)
		case f.wire == fixed32Type && len(raw) >= 4:
			x, n = uint64(binary.LittleEndian.Uint32(raw)), 4
		case f.wire == fixed64Type && len(raw) >= 8:
			x, n = binary.LittleEndian.Uint64(raw), 8
		}
		if n <= 0 {
			return m.failed(problem.Invalid, f, "a number is cut off or too long")
		}
		raw = raw[n:]
		e, err := d.grow(m, f, v)
		if err != nil {
			return err
		}
		setNumber(&f.form, e, x)
	}
	return nil
}

// label reads an entry of a map of strings; what is missing in it is empty.
func (d *decoder) label(m *message, f *field, p *map[string]string, raw []byte) error {
	var key, value []byte
	for len(raw) > 0 {
		t, rest, bad := next(raw)
		if bad != "" {
			return m.failed(problem.Invalid, f, "%s", bad)
		}
		raw = rest
		if t.number > 2 {
			continue
		}
		if t.wire != bytesType {
			return m.failed(problem.Invalid, f, "wire type %d where %d belongs", t.wire, bytesType)
		}
		if t.number == 1 {
			key = t.raw
		} else {
			value = t.raw
		}
	}
	if *p == nil {
		*p = map[string]string{}
	}
	(*p)[toText(key)] = toText(value)
	return nil
}

// entry reads an entry of a map; what is missing in it is zero, or an empty message.
func (d *decoder) entry(m *message, f *field, v reflect.Value, raw []byte, depth int) error {
	key, value := reflect.New(f.key.typ).Elem(), reflect.New(v.Type().Elem()).Elem()
	for len(raw) > 0 {
		t, rest, bad := next(raw)
		if bad != "" {
			return m.failed(problem.Invalid, f, "%s", bad)
		}
		raw = rest
		var err error
		switch t.number {
		case 1:
			err = d.one(m, f, &f.key.form, key, t, depth)
		case 2:
			err = d.one(m, f, &f.form, value, t, depth)
		}
		if err != nil {
			return err
		}
	}
	if f.ptr && value.IsNil() {
		value.Set(reflect.New(f.typ))
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	v.SetMapIndex(key, value)
	return nil
}

// readNative reads a value by its own method.
func readNative(f *form, v reflect.Value, b []byte) error {
	if err := v.Addr().Interface().(unmarshaler).Unmarshal(b); err != nil {
		return problem.Because(problem.Invalid, err, "protobuf: %s", f.typ)
	}
	return nil
}

// complete refuses a message in which something required is missing. It looks when all is read, because a message may come in
// pieces, and can tell only of what is a pointer or bytes.
func (m *message) complete(v reflect.Value) error {
	if !m.required {
		return nil
	}
	for i := range m.fields {
		f := &m.fields[i]
		fv := v.Field(f.index)
		if f.required && (f.ptr || f.kind == blob) && fv.IsNil() {
			return m.failed(problem.Invalid, f, "required, and not in the message")
		}
		if f.msg == nil || !f.msg.required {
			continue
		}
		if err := f.each(fv, f.msg.complete); err != nil {
			return err
		}
	}
	return nil
}

// each calls visit for the message, or the messages, that a field holds.
func (f *field) each(v reflect.Value, visit func(reflect.Value) error) error {
	at := func(e reflect.Value) error {
		if f.ptr {
			if e.IsNil() {
				return nil
			}
			e = e.Elem()
		}
		return visit(e)
	}
	switch f.shape {
	case single:
		return at(v)
	case list:
		for i := range v.Len() {
			if err := at(v.Index(i)); err != nil {
				return err
			}
		}
	case mapping:
		for it := v.MapRange(); it.Next(); {
			if err := at(it.Value()); err != nil {
				return err
			}
		}
	}
	return nil
}
