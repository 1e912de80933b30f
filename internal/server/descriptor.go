package server

import (
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// protoFiles describes methods as .proto files would: a file for each service, and one for all messages, whose package
// is ours: only the numbers of fields are on the wire, and no client compiles the names. The tags that the codec goes by
// are what is described.
func protoFiles(methods []method) (*descriptorpb.FileDescriptorSet, error) {
	b := &protoBuilder{
		names: map[reflect.Type]string{}, taken: map[string]bool{},
		messages: &descriptorpb.FileDescriptorProto{Name: new(messagesFile), Package: new(messagesPackage), Syntax: new("proto2")},
	}
	set := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{b.messages}}
	var file *descriptorpb.FileDescriptorProto
	for _, m := range byService(methods) {
		dot := strings.LastIndexByte(m.Service, '.')
		if name := m.Service + ".proto"; file == nil || file.GetName() != name {
			file = &descriptorpb.FileDescriptorProto{
				Name: &name, Package: new(m.Service[:dot]), Syntax: new("proto2"), Dependency: []string{messagesFile},
				Service: []*descriptorpb.ServiceDescriptorProto{{Name: new(m.Service[dot+1:])}},
			}
			set.File = append(set.File, file)
		}
		file.Service[0].Method = append(file.Service[0].Method, &descriptorpb.MethodDescriptorProto{
			Name: new(m.Name), InputType: new(b.message(m.request)), OutputType: new(b.message(m.answer)),
			ClientStreaming: new(m.ClientStream), ServerStreaming: new(m.ServerStream),
		})
	}
	return set, b.broken
}

const (
	messagesFile    = "hawser/messages.proto"
	messagesPackage = "hawser"
)

type protoBuilder struct {
	messages *descriptorpb.FileDescriptorProto
	names    map[reflect.Type]string
	taken    map[string]bool
	broken   error
}

// asNumbers are types of Kubernetes that travel as something that their fields do not say.
var asNumbers = map[reflect.Type][]*descriptorpb.FieldDescriptorProto{
	reflect.TypeFor[metav1.Time]():       {scalarField("seconds", 1, descriptorpb.FieldDescriptorProto_TYPE_INT64), scalarField("nanos", 2, descriptorpb.FieldDescriptorProto_TYPE_INT32)},
	reflect.TypeFor[metav1.MicroTime]():  {scalarField("seconds", 1, descriptorpb.FieldDescriptorProto_TYPE_INT64), scalarField("nanos", 2, descriptorpb.FieldDescriptorProto_TYPE_INT32)},
	reflect.TypeFor[resource.Quantity](): {scalarField("string", 1, descriptorpb.FieldDescriptorProto_TYPE_STRING)},
	reflect.TypeFor[metav1.FieldsV1]():   {scalarField("Raw", 1, descriptorpb.FieldDescriptorProto_TYPE_BYTES)},
	reflect.TypeFor[metav1.Duration]():   {scalarField("duration", 1, descriptorpb.FieldDescriptorProto_TYPE_INT64)},
}

func scalarField(name string, number int32, t descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
	return &descriptorpb.FieldDescriptorProto{Name: &name, Number: &number, Type: &t, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
}

// message describes a struct once, and returns its full name.
func (b *protoBuilder) message(t reflect.Type) string {
	if name, known := b.names[t]; known {
		return name
	}
	base := path.Base(t.PkgPath()) + upperFirst(t.Name())
	name := base
	for n := 2; b.taken[name]; n++ {
		name = fmt.Sprint(base, n)
	}
	b.taken[name] = true
	full := "." + messagesPackage + "." + name
	b.names[t] = full // first: types contain themselves
	m := &descriptorpb.DescriptorProto{Name: &name}
	b.messages.MessageType = append(b.messages.MessageType, m)
	if fields, ok := asNumbers[t]; ok {
		m.Field = fields
		return full
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, ok := f.Tag.Lookup("protobuf"); ok && tag != "-" && f.IsExported() {
			b.field(m, full, f, strings.Split(tag, ","))
		}
	}
	slices.SortFunc(m.Field, func(x, y *descriptorpb.FieldDescriptorProto) int { return int(x.GetNumber() - y.GetNumber()) })
	return full
}

// field describes one field by its tag; the codec has checked it when the table of methods was made.
func (b *protoBuilder) field(m *descriptorpb.DescriptorProto, full string, f reflect.StructField, tag []string) {
	number, err := strconv.ParseInt(tag[1], 10, 32)
	if err != nil {
		b.broken = fmt.Errorf("%s.%s: %w", full, f.Name, err)
		return
	}
	name := f.Name
	for _, option := range tag[2:] {
		if n, ok := strings.CutPrefix(option, "name="); ok {
			name = n
		}
	}
	d := &descriptorpb.FieldDescriptorProto{Name: &name, Number: new(int32(number)), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
	m.Field = append(m.Field, d)
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Map:
		entry := &descriptorpb.DescriptorProto{Name: new(entryName(name)), Options: &descriptorpb.MessageOptions{MapEntry: new(true)}}
		key, value := scalarField("key", 1, 0), scalarField("value", 2, 0)
		b.typed(key, t.Key(), tag[0])
		b.typed(value, t.Elem(), tag[0])
		entry.Field = []*descriptorpb.FieldDescriptorProto{key, value}
		m.NestedType = append(m.NestedType, entry)
		d.Type, d.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), new(full+"."+entry.GetName())
		d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		b.typed(d, t.Elem(), tag[0])
	default:
		b.typed(d, t, tag[0])
	}
}

// entryName is how protoc names the message of a map's entries: someField becomes SomeFieldEntry.
func entryName(field string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(field, "_") {
		if part != "" {
			b.WriteString(upperFirst(part))
		}
	}
	return b.String() + "Entry"
}

// typed sets the type of a value. "bytes" on a number is one of Kubernetes' untrue tags.
func (b *protoBuilder) typed(d *descriptorpb.FieldDescriptorProto, t reflect.Type, wire string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := func(k descriptorpb.FieldDescriptorProto_Type) { d.Type = &k }
	switch t.Kind() {
	case reflect.String:
		kind(descriptorpb.FieldDescriptorProto_TYPE_STRING)
	case reflect.Bool:
		kind(descriptorpb.FieldDescriptorProto_TYPE_BOOL)
	case reflect.Int32:
		kind(descriptorpb.FieldDescriptorProto_TYPE_INT32)
	case reflect.Int, reflect.Int64:
		kind(descriptorpb.FieldDescriptorProto_TYPE_INT64)
	case reflect.Uint32:
		kind(descriptorpb.FieldDescriptorProto_TYPE_UINT32)
	case reflect.Uint, reflect.Uint64:
		kind(descriptorpb.FieldDescriptorProto_TYPE_UINT64)
	case reflect.Float32:
		kind(descriptorpb.FieldDescriptorProto_TYPE_FLOAT)
	case reflect.Float64:
		kind(descriptorpb.FieldDescriptorProto_TYPE_DOUBLE)
	case reflect.Slice:
		kind(descriptorpb.FieldDescriptorProto_TYPE_BYTES)
	case reflect.Struct:
		kind(descriptorpb.FieldDescriptorProto_TYPE_MESSAGE)
		d.TypeName = new(b.message(t))
	default:
		b.broken = fmt.Errorf("%s: no type of protobuf is a %s", d.GetName(), t)
	}
	if strings.HasPrefix(wire, "fixed") || strings.HasPrefix(wire, "zigzag") {
		if k := t.Kind(); k != reflect.Float32 && k != reflect.Float64 {
			b.broken = fmt.Errorf("%s: %s is not described", d.GetName(), wire)
		}
	}
}

// encoded is a file as reflection sends it.
func encoded(f *descriptorpb.FileDescriptorProto) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(f)
}
