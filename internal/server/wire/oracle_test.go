package wire_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// The oracle is Google's library: it is handed descriptors, made here from the same tags but by other code, and messages
// filled field by field. What it writes must be what we write, to the byte, and each must read what the other wrote.

// schema makes descriptors of Go types. Editions let every field choose for itself between the rules of proto2 and proto3.
type schema struct {
	file  *descriptorpb.FileDescriptorProto
	names map[reflect.Type]string
	built protoreflect.FileDescriptor
}

func newSchema(t testing.TB, types ...reflect.Type) *schema {
	t.Helper()
	s := &schema{names: map[reflect.Type]string{}, file: &descriptorpb.FileDescriptorProto{
		Name: proto.String("oracle.proto"), Package: proto.String("oracle"), Syntax: proto.String("editions"),
		Edition: descriptorpb.Edition_EDITION_2023.Enum(),
		Options: &descriptorpb.FileOptions{Features: &descriptorpb.FeatureSet{Utf8Validation: descriptorpb.FeatureSet_NONE.Enum()}},
	}}
	for _, typ := range types {
		s.message(typ)
	}
	var err error
	if s.built, err = protodesc.NewFile(s.file, new(protoregistry.Files)); err != nil {
		t.Fatal(err)
	}
	return s
}

// timestamp and quantity stand for Kubernetes' types that travel as something other than their Go fields.
type timestamp struct {
	Seconds int64 `protobuf:"varint,1,opt,name=seconds"`
	Nanos   int32 `protobuf:"varint,2,opt,name=nanos"`
}
type quantity struct {
	Text *string `protobuf:"bytes,1,opt,name=string"`
}

// travelling returns what travels in place of v.
func travelling(v reflect.Value) reflect.Value {
	switch x := v.Interface().(type) {
	case metav1.Time:
		if x.IsZero() {
			return reflect.Zero(reflect.TypeFor[struct{}]())
		}
		return reflect.ValueOf(timestamp{Seconds: x.Unix()})
	case metav1.MicroTime:
		if x.IsZero() {
			return reflect.Zero(reflect.TypeFor[struct{}]())
		}
		return reflect.ValueOf(timestamp{Seconds: x.Unix(), Nanos: int32(x.Nanosecond() / 1000 * 1000)})
	case resource.Quantity:
		s := x.String()
		return reflect.ValueOf(quantity{Text: &s})
	}
	return v
}

func travellingType(t reflect.Type) reflect.Type {
	switch t {
	case reflect.TypeFor[metav1.Time](), reflect.TypeFor[metav1.MicroTime]():
		return reflect.TypeFor[timestamp]()
	case reflect.TypeFor[resource.Quantity]():
		return reflect.TypeFor[quantity]()
	}
	return t
}

func (s *schema) message(t reflect.Type) string {
	t = travellingType(t)
	if name, ok := s.names[t]; ok {
		return name
	}
	short := fmt.Sprintf("M%d", len(s.names))
	s.names[t] = ".oracle." + short
	m := &descriptorpb.DescriptorProto{Name: &short}
	s.file.MessageType = append(s.file.MessageType, m)
	for _, f := range tagged(t) {
		name := fmt.Sprintf("f%d", f.number)
		d := &descriptorpb.FieldDescriptorProto{Name: &name, Number: proto.Int32(f.number), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
		features := &descriptorpb.FeatureSet{}
		typ := f.typ
		switch {
		case typ.Kind() == reflect.Map:
			entry := strings.ToUpper(name[:1]) + name[1:] + "Entry"
			e := &descriptorpb.DescriptorProto{Name: &entry, Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)}}
			for i, part := range []reflect.Type{typ.Key(), typ.Elem()} {
				p := &descriptorpb.FieldDescriptorProto{
					Name: proto.String([]string{"key", "value"}[i]), Number: proto.Int32(int32(i + 1)),
					Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
				}
				s.kind(p, part, "varint")
				e.Field = append(e.Field, p)
			}
			m.NestedType = append(m.NestedType, e)
			d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			d.Type, d.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String(s.names[t]+"."+entry)
		case typ.Kind() == reflect.Slice && typ.Elem().Kind() != reflect.Uint8:
			d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			s.kind(d, typ.Elem(), f.wire)
			features.RepeatedFieldEncoding = descriptorpb.FeatureSet_EXPANDED.Enum()
			if f.packed {
				features.RepeatedFieldEncoding = descriptorpb.FeatureSet_PACKED.Enum()
			}
		default:
			s.kind(d, typ, f.wire)
			if f.proto3 && typ.Kind() != reflect.Pointer && d.GetType() != descriptorpb.FieldDescriptorProto_TYPE_MESSAGE {
				features.FieldPresence = descriptorpb.FeatureSet_IMPLICIT.Enum()
			}
			if f.oneof {
				if len(m.OneofDecl) == 0 {
					m.OneofDecl = append(m.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: proto.String("part")})
				}
				d.OneofIndex = proto.Int32(0)
			}
		}
		d.Options = &descriptorpb.FieldOptions{Features: features}
		m.Field = append(m.Field, d)
	}
	return s.names[t]
}

func (s *schema) kind(d *descriptorpb.FieldDescriptorProto, t reflect.Type, wire string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	types := map[string]descriptorpb.FieldDescriptorProto_Type{
		"bool": descriptorpb.FieldDescriptorProto_TYPE_BOOL, "string": descriptorpb.FieldDescriptorProto_TYPE_STRING, "slice": descriptorpb.FieldDescriptorProto_TYPE_BYTES,
		"int32": descriptorpb.FieldDescriptorProto_TYPE_INT32, "int64": descriptorpb.FieldDescriptorProto_TYPE_INT64, "uint32": descriptorpb.FieldDescriptorProto_TYPE_UINT32, "uint64": descriptorpb.FieldDescriptorProto_TYPE_UINT64,
		"int32 zigzag32": descriptorpb.FieldDescriptorProto_TYPE_SINT32, "int64 zigzag64": descriptorpb.FieldDescriptorProto_TYPE_SINT64,
		"int32 fixed32": descriptorpb.FieldDescriptorProto_TYPE_SFIXED32, "uint32 fixed32": descriptorpb.FieldDescriptorProto_TYPE_FIXED32,
		"int64 fixed64": descriptorpb.FieldDescriptorProto_TYPE_SFIXED64, "uint64 fixed64": descriptorpb.FieldDescriptorProto_TYPE_FIXED64,
		"float32": descriptorpb.FieldDescriptorProto_TYPE_FLOAT, "float64": descriptorpb.FieldDescriptorProto_TYPE_DOUBLE,
	}
	if typ, ok := types[t.Kind().String()+" "+wire]; ok {
		d.Type = typ.Enum()
		return
	}
	if typ, ok := types[t.Kind().String()]; ok {
		d.Type = typ.Enum()
		return
	}
	d.Type, d.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String(s.message(t))
}

type taggedField struct {
	index                 int
	number                int32
	typ                   reflect.Type
	wire                  string
	proto3, packed, oneof bool
}

func tagged(t reflect.Type) (out []taggedField) {
	for i := range t.NumField() {
		parts := strings.Split(t.Field(i).Tag.Get("protobuf"), ",")
		if len(parts) < 2 {
			continue
		}
		n, err := strconv.Atoi(parts[1])
		if err != nil {
			panic(err)
		}
		out = append(out, taggedField{i, int32(n), t.Field(i).Type, parts[0], slices.Contains(parts, "proto3"), slices.Contains(parts, "packed"), slices.Contains(parts, "oneof")})
	}
	return out
}

func (s *schema) empty(t reflect.Type) *dynamicpb.Message {
	name := strings.TrimPrefix(s.names[travellingType(t)], ".oracle.")
	return dynamicpb.NewMessage(s.built.Messages().ByName(protoreflect.Name(name)))
}

// of makes the oracle's message of a Go value.
func (s *schema) of(v any) *dynamicpb.Message {
	rv := reflect.Indirect(reflect.ValueOf(v))
	m := s.empty(rv.Type())
	fillMessage(m, rv)
	return m
}

func fillMessage(m protoreflect.Message, v reflect.Value) {
	v = travelling(v)
	for _, f := range tagged(v.Type()) {
		fd, fv := m.Descriptor().Fields().ByNumber(protowire.Number(f.number)), v.Field(f.index)
		switch {
		case fv.Kind() == reflect.Map:
			entries := m.Mutable(fd).Map()
			for it := fv.MapRange(); it.Next(); {
				k := scalar(fd.MapKey(), it.Key()).MapKey()
				if fd.MapValue().Message() != nil {
					fillMessage(entries.Mutable(k).Message(), reflect.Indirect(it.Value()))
				} else {
					entries.Set(k, scalar(fd.MapValue(), it.Value()))
				}
			}
		case fd.IsList():
			l := m.Mutable(fd).List()
			for i := range fv.Len() {
				if fd.Message() != nil {
					fillMessage(l.AppendMutable().Message(), reflect.Indirect(fv.Index(i)))
				} else {
					l.Append(scalar(fd, fv.Index(i)))
				}
			}
		case (fv.Kind() == reflect.Pointer || fv.Kind() == reflect.Slice) && fv.IsNil():
		case fd.Message() != nil:
			fillMessage(m.Mutable(fd).Message(), reflect.Indirect(fv))
		default:
			m.Set(fd, scalar(fd, reflect.Indirect(fv)))
		}
	}
}

func scalar(fd protoreflect.FieldDescriptor, v reflect.Value) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(v.Bool())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(v.String())
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(v.Bytes())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(v.Int()))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(v.Int())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(v.Uint()))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(v.Uint())
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(v.Float()))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(v.Float())
	}
	panic(fd.Kind())
}

// random sets a value at random: nil, empty and full, at every depth. The chance that a pointer is set falls with the depth.
func random(r *rand.Rand, v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case metav1.Time:
		if r.IntN(4) > 0 {
			v.Set(reflect.ValueOf(metav1.Unix(r.Int64N(4e9), 0)))
		}
		return
	case metav1.MicroTime:
		if r.IntN(4) > 0 {
			v.Set(reflect.ValueOf(metav1.MicroTime{Time: metav1.Unix(r.Int64N(4e9), r.Int64N(1e6)*1000).Time}))
		}
		return
	case runtime.RawExtension:
		v.Set(reflect.ValueOf(runtime.RawExtension{Raw: []byte(`{"a":1}`)}))
		return
	case v1alpha1.RawJSON:
		v.Set(reflect.ValueOf(v1alpha1.RawJSON{Raw: []byte(`{"a":[1]}`)}))
		return
	case resource.Quantity:
		v.Set(reflect.ValueOf(*resource.NewQuantity(r.Int64N(1e9), resource.BinarySI)))
		return
	case intstr.IntOrString:
		v.Set(reflect.ValueOf([]intstr.IntOrString{intstr.FromInt32(r.Int32()), intstr.FromString("5%")}[r.IntN(2)]))
		return
	case metav1.FieldsV1:
		v.Addr().Interface().(*metav1.FieldsV1).SetRawString(`{"f:spec":{}}`)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"", "a", "grün", strings.Repeat("long ", r.IntN(60))}[r.IntN(4)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int32, reflect.Int64:
		x := []int64{0, 1, -1, 127, 128, math.MaxInt32, math.MinInt32, r.Int64()}[r.IntN(8)]
		if v.Kind() == reflect.Int32 {
			x = int64(int32(x))
		}
		v.SetInt(x)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		x := []uint64{0, 1, 200, math.MaxUint32, r.Uint64()}[r.IntN(5)]
		v.SetUint(x & (1<<v.Type().Bits() - 1))
	case reflect.Float32, reflect.Float64:
		v.SetFloat([]float64{0, 0.5, -2, math.MaxFloat32}[r.IntN(4)])
	case reflect.Pointer:
		if r.IntN(depth+2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			random(r, v.Elem(), depth+1)
		}
	case reflect.Slice:
		if n := r.IntN(4) - 1 - depth/4; n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				e := v.Index(i)
				if e.Kind() == reflect.Pointer { // never nil in a list
					e.Set(reflect.New(e.Type().Elem()))
					e = e.Elem()
				}
				random(r, e, depth+1)
			}
		}
	case reflect.Map:
		if n := r.IntN(4) - 1; n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				random(r, key, depth+1)
				if e.Kind() == reflect.Pointer {
					e.Set(reflect.New(e.Type().Elem()))
					random(r, e.Elem(), depth+1)
				} else {
					random(r, e, depth+1)
				}
				v.SetMapIndex(key, e)
			}
		}
	case reflect.Struct:
		set := -1 // of those of which only one may be
		var oneof []int
		for _, f := range tagged(v.Type()) {
			if f.oneof {
				oneof = append(oneof, f.index)
			}
		}
		if len(oneof) > 0 {
			set = oneof[r.IntN(len(oneof))]
		}
		for _, f := range tagged(v.Type()) {
			if !f.oneof || f.index == set {
				random(r, v.Field(f.index), depth)
			}
		}
	}
}

// choice has one of two parts, as the messages of Argo CD's upload stream do, and contains itself.
type choice struct {
	Query *leaf   `protobuf:"bytes,5,opt,name=query,oneof"`
	Chunk *leaf   `protobuf:"bytes,6,opt,name=chunk,proto3,oneof"`
	Next  *choice `protobuf:"bytes,3,opt,name=next"`
	More  []every `protobuf:"bytes,4,rep,name=more"`
}

func roots() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[every](), reflect.TypeFor[choice](), reflect.TypeFor[plain](),
		reflect.TypeFor[v1alpha1.Application](), reflect.TypeFor[v1alpha1.ApplicationList](),
		reflect.TypeFor[v1alpha1.AppProject](), reflect.TypeFor[v1alpha1.AppProjectList](),
		reflect.TypeFor[v1alpha1.ApplicationSet](), reflect.TypeFor[v1alpha1.ApplicationSetList](),
		reflect.TypeFor[v1alpha1.Operation](), reflect.TypeFor[corev1.EventList](), reflect.TypeFor[corev1.ResourceQuotaSpec](),
	}
}

func TestAgainstTheOracle(t *testing.T) {
	s := newSchema(t, roots()...)
	for _, typ := range roots() {
		t.Run(typ.String(), func(t *testing.T) {
			for seed := range uint64(150) {
				r := rand.New(rand.NewPCG(seed, 4))
				v := reflect.New(typ)
				random(r, v.Elem(), 0)
				agree(t, s, v.Interface())
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func agree(t *testing.T, s *schema, v any) {
	t.Helper()
	theirs := s.of(v)
	want, err := proto.MarshalOptions{Deterministic: true}.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%T: bytes differ (-oracle +ours):\n%s", v, cmp.Diff(want, got))
	}
	read := s.empty(reflect.TypeOf(v).Elem())
	if err := proto.Unmarshal(got, read); err != nil {
		t.Fatalf("the oracle cannot read ours: %v", err)
	}
	if !proto.Equal(theirs, read) {
		t.Errorf("%T: the oracle reads something else in our bytes", v)
	}
	back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
	if err := wire.Unmarshal(want, back); err != nil {
		t.Fatalf("we cannot read the oracle's: %v", err)
	}
	if !proto.Equal(theirs, s.of(back)) {
		t.Errorf("%T: we read something else in the oracle's bytes", v)
	}
}

// What other writers may do, and ours does not: fields in any order, messages in pieces, lists packed or not, scalars
// twice, maps' entries without their value, unknown fields.
func TestForeignSpellings(t *testing.T) {
	s := newSchema(t, roots()...)
	for _, typ := range []reflect.Type{reflect.TypeFor[plain](), reflect.TypeFor[v1alpha1.ApplicationSpec](), reflect.TypeFor[v1alpha1.ApplicationSetSpec]()} {
		t.Run(typ.String(), func(t *testing.T) {
			if s.names[typ] == "" {
				t.Fatal("not in the schema")
			}
			for seed := range uint64(300) {
				r := rand.New(rand.NewPCG(seed, 9))
				v := reflect.New(typ)
				random(r, v.Elem(), 0)
				b, err := wire.Marshal(v.Interface())
				if err != nil {
					t.Fatal(err)
				}
				scrambled := respell(r, b, s.empty(typ).Descriptor())
				theirs, ours := s.empty(typ), reflect.New(typ).Interface()
				if err := proto.Unmarshal(scrambled, theirs); err != nil {
					t.Fatalf("seed %d: the oracle: %v", seed, err)
				}
				if err := wire.Unmarshal(scrambled, ours); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				forget(theirs) // the unknown fields, which we do not keep
				if diff := differ(theirs, s.of(ours)); diff != "" {
					t.Fatalf("seed %d: (-oracle +ours)\n%s", seed, diff)
				}
			}
		})
	}
}

// differ compares two messages, apart from whether what we always write, a plain Go value, was there at all.
func differ(theirs, ours *dynamicpb.Message) string {
	settle(theirs)
	settle(ours)
	a, _ := proto.MarshalOptions{Deterministic: true}.Marshal(theirs)
	b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(ours)
	return cmp.Diff(a, b)
}

// settle drops what is zero or empty, all the way down.
func settle(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			if fd.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool { settle(e.Message()); return true })
			}
		case fd.IsList():
			if fd.Message() != nil {
				for i := range v.List().Len() {
					settle(v.List().Get(i).Message())
				}
			}
		case fd.Message() != nil:
			settle(v.Message())
			if proto.Size(v.Message().Interface()) == 0 {
				m.Clear(fd)
			}
		case v.Equal(fd.Default()):
			m.Clear(fd)
		}
		return true
	})
}

func forget(m protoreflect.Message) {
	m.SetUnknown(nil)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			if fd.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, e protoreflect.Value) bool { forget(e.Message()); return true })
			}
		case fd.IsList() && fd.Message() != nil:
			for i := range v.List().Len() {
				forget(v.List().Get(i).Message())
			}
		case fd.Message() != nil:
			forget(v.Message())
		}
		return true
	})
}

// respell writes a message in another valid way.
func respell(r *rand.Rand, b []byte, d protoreflect.MessageDescriptor) []byte {
	var parts [][]byte
	add := func(part []byte) { parts = append(parts, part) }
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		size := protowire.ConsumeFieldValue(num, typ, b[n:])
		whole, value := b[:n+size], b[n:n+size]
		b = b[n+size:]
		fd := d.Fields().ByNumber(num)
		switch {
		case fd.Message() != nil && !fd.IsMap():
			inner, _ := protowire.ConsumeBytes(value)
			inner = respell(r, inner, fd.Message())
			if !fd.IsList() && r.IntN(2) == 0 { // in two pieces
				k := 0
				if len(inner) > 0 {
					num, typ, n := protowire.ConsumeTag(inner)
					k = n + protowire.ConsumeFieldValue(num, typ, inner[n:])
				}
				add(protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), inner[:k]))
				inner = inner[k:]
			}
			add(protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), inner))
		case fd.IsMap():
			add(whole)
			if r.IntN(3) == 0 && fd.MapKey().Kind() == protoreflect.StringKind { // an entry without a value
				add(protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), []byte{0x0a, 1, 'z'}))
			}
			if r.IntN(3) == 0 { // and without anything
				add(protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), nil))
			}
		case fd.IsList() && fd.Kind() == protoreflect.Int64Kind && typ == protowire.BytesType: // packed: one by one, or in two runs
			run, _ := protowire.ConsumeBytes(value)
			for len(run) > 0 {
				x, n := protowire.ConsumeVarint(run)
				run = run[n:]
				add(protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), x))
			}
		case fd.IsList() && fd.Kind() == protoreflect.Int64Kind:
			add(protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), value))
		case !fd.IsList() && typ == protowire.VarintType && r.IntN(2) == 0: // twice, the last counts; and longer than needed
			add(protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), r.Uint64()))
			add(append(protowire.AppendTag(nil, num, protowire.VarintType), value...))
		default:
			add(whole)
		}
	}
	// Unknown fields between, and the order changed, but not among those of one number.
	for range r.IntN(3) {
		parts = slices.Insert(parts, r.IntN(len(parts)+1), protowire.AppendBytes(protowire.AppendTag(nil, 777, protowire.BytesType), []byte("unknown")),
			protowire.AppendFixed32(protowire.AppendTag(nil, 778, protowire.Fixed32Type), 1), protowire.AppendFixed64(protowire.AppendTag(nil, 779, protowire.Fixed64Type), 1))
	}
	rank := map[protowire.Number]uint32{}
	number := func(p []byte) protowire.Number { n, _, _ := protowire.ConsumeTag(p); return n }
	for _, p := range parts {
		if _, ok := rank[number(p)]; !ok {
			rank[number(p)] = r.Uint32()
		}
	}
	slices.SortStableFunc(parts, func(a, b []byte) int { return int(int64(rank[number(a)]) - int64(rank[number(b)])) })
	return bytes.Join(parts, nil)
}
