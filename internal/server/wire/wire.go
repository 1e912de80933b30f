// Package wire is the protobuf wire format for plain Go structs, driven by their `protobuf:"..."` tags, so that the
// messages of Argo CD's gRPC services need neither generated code nor a compiler of .proto files.
//
// The idea: a type is compiled once into a plan (plan.go), a list of fields by number with the way to write and to read
// each; Marshal (encode.go) and Unmarshal (decode.go) walk the plan. Read Marshal and Unmarshal first, then the type
// field. What the tags mean:
//
//	protobuf:"bytes,3,opt,name=x"          proto2 and Kubernetes style: a value is always written, a nil pointer never
//	protobuf:"bytes,3,opt,name=x,proto3"   a zero value is not written, unless a pointer says that it is there
//	protobuf:"bytes,3,req,name=x"          a nil pointer is an error, in both directions
//	protobuf:"varint,3,rep,packed,name=x"  numbers in one run; both forms are read
//	protobuf:"bytes,3,opt,name=x,oneof"    at most one of the pointers so marked is set; the last one read wins
//	no tag                                 the field does not travel
//
// Kubernetes' tags are not always true, and so the Go type decides where they differ: numbers and bools tagged "bytes"
// are varints, slices and maps without "rep" are lists and maps.
//
// The rules that are ours to choose:
//   - Types of k8s.io with Marshal and Unmarshal of their own (ObjectMeta, Time, RawExtension, Event, …) use them.
//   - Text that is not UTF-8 becomes U+FFFD, one for each run of bad bytes, in both directions, because encoding/json does
//     nearly the same on the REST side and a broken byte in a log must not end its stream.
//   - A nil element of a list, or nil message in a map, is an error: leaving it out would answer with another list.
//   - Unmarshal is total: any bytes give a value or an error. Groups, field numbers out of range and known fields of another
//     wire type are errors, unknown fields are skipped, messages nest at most 100 deep, and the memory for elements
//     is at most 1 MiB and 64 bytes for each byte of input. (What Kubernetes' own types allocate inside is not counted.)
//
// It goes through reflection with indexes found beforehand, and not through unsafe pointers: test/oracle/wire measures it
// at less than twice the time of generated code, and nothing that it does can break memory.
//
// The package refuses to guess: a type that it cannot carry is an error for Check, before the first byte. It does not keep
// unknown fields, knows no extensions and no default values, and leaves JSON to encoding/json.
package wire

import (
	"reflect"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Marshal returns the wire form of v, a struct or a pointer to one. Fields are in the order of their numbers and maps in the
// order of their keys, so equal values give equal bytes. Errors are of kind Internal and name type and field.
func Marshal(v any) ([]byte, error) {
	room := rooms.Get().(*[]byte)
	b, err := Append((*room)[:0], v)
	if err != nil {
		rooms.Put(room)
		return nil, err
	}
	if cap(b) > maxRoom {
		return b, nil
	}
	out := make([]byte, len(b))
	copy(out, b)
	*room = b
	rooms.Put(room)
	return out, nil
}

// rooms are buffers in which messages grow, so that only the finished one is allocated. Larger ones than maxRoom are rare,
// and not worth the memory.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

const maxRoom = 4 << 20

// Append is Marshal behind the bytes that are already in dst. On an error it returns nil.
func Append(dst []byte, v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() || rv.Kind() == reflect.Pointer && rv.IsNil() {
		return nil, problem.New(problem.Internal, "protobuf: cannot write a nil %T", v)
	}
	if rv.Kind() == reflect.Pointer {
		rv = rv.Elem()
	} else { // methods of Kubernetes' types hang on the pointer
		rv = reflect.New(rv.Type()).Elem()
		rv.Set(reflect.ValueOf(v))
	}
	root, err := planOf(rv.Type())
	if err != nil {
		return nil, err
	}
	if root.kind == native {
		return appendNative(dst, root, rv)
	}
	return root.msg.append(dst, rv, 0)
}

// Unmarshal replaces what v points to, a struct, by the message in b; nothing of b is kept. Errors are of kind Invalid, name
// type and field, and leave v in no particular state.
func Unmarshal(b []byte, v any) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return problem.New(problem.Internal, "protobuf: cannot read into a %T: it is no pointer, or nil", v)
	}
	rv = rv.Elem()
	root, err := planOf(rv.Type())
	if err != nil {
		return err
	}
	rv.SetZero()
	if root.kind == native {
		return readNative(root, rv, b)
	}
	d := decoder{budget: slack + perByte*len(b)}
	if err := d.message(root.msg, b, rv, 0); err != nil {
		return err
	}
	return root.msg.complete(rv)
}

// Check reports everything that hinders a type, a struct or a pointer to one, from being a message, together with all that it
// holds: tags that are malformed, numbers that are out of range or used twice, kinds that the wire does not have.
func Check(t reflect.Type) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	_, err := planOf(t)
	return err
}

// Codec is the codec of connectrpc.com/connect for its name "proto". Real protobuf messages, such as the status that
// connect puts beside an error, are left to Google's library.
type Codec struct{}

// Name returns "proto", which every content type of gRPC means when it names nothing else.
func (Codec) Name() string { return "proto" }

// Marshal is the function Marshal.
func (c Codec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend is Append; connect calls it with buffers that it keeps.
func (Codec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	if m, ok := v.(proto.Message); ok {
		return proto.MarshalOptions{}.MarshalAppend(dst, m)
	}
	return Append(dst, v)
}

// Unmarshal is the function Unmarshal.
func (Codec) Unmarshal(b []byte, v any) error {
	if m, ok := v.(proto.Message); ok {
		return proto.Unmarshal(b, m)
	}
	return Unmarshal(b, v)
}
