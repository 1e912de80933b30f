package wire_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// heir inherits Marshal from the type that it embeds, and must be written whole all the same.
type heir struct {
	metav1.ObjectMeta `protobuf:"bytes,1,opt,name=metadata"`
	Extra             string `protobuf:"bytes,2,opt,name=extra"`
}

func TestInheritedMethodsAreNotUsed(t *testing.T) {
	if _, inherits := any(&heir{}).(interface{ Marshal() ([]byte, error) }); !inherits {
		t.Fatal("the type inherits no Marshal, so this shows nothing")
	}
	want := heir{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Extra: "b"}
	b, err := wire.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got heir
	if err := wire.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCheck(t *testing.T) {
	type inner struct {
		Bad chan int `protobuf:"bytes,1,opt,name=bad"`
	}
	type other struct {
		A string `protobuf:"bytes,5,opt,name=a"`
		B string `protobuf:"bytes,5,opt,name=b"`
		C string `protobuf:"bytes,0,opt,name=c"`
	}
	for name, c := range map[string]struct {
		of   any
		want []string // parts of the error; none: it is a message
	}{
		"empty":              {struct{}{}, nil},
		"pointer":            {&plain{}, nil},
		"of Kubernetes":      {corev1.EventList{}, nil},
		"contains itself":    {plain{}, nil},
		"a text":             {"", []string{"no message"}},
		"a list":             {[]plain{}, []string{"no []wire_test.plain here"}},
		"pointer to pointer": {ptr(&plain{}), []string{"*wire_test.plain is no message"}},
		"no tags":            {struct{ Name string }{}, []string{"nothing of it would travel"}},
		"of the standard library": {struct {
			At time.Time `protobuf:"bytes,1,opt,name=at"`
		}{}, []string{"time.Time: no field"}},
		"several faults": {other{}, []string{"A and B both have number 5", `other.C: "0" is no field number`}},
		"reserved number": {struct {
			A string `protobuf:"bytes,19500,opt"`
		}{}, []string{"no field number"}},
		"number too high": {struct {
			A string `protobuf:"bytes,536870912,opt"`
		}{}, []string{"no field number"}},
		"number missing": {struct {
			A string `protobuf:"bytes"`
		}{}, []string{"no field number"}},
		"unknown wire type": {struct {
			A string `protobuf:"string,1,opt"`
		}{}, []string{`cannot be tagged "string"`}},
		"group": {struct {
			A *leaf `protobuf:"group,1,opt"`
		}{}, []string{`cannot be tagged "group"`}},
		"number as fixed of another size": {struct {
			A int64 `protobuf:"fixed32,1,opt"`
		}{}, []string{`cannot be tagged "fixed32"`}},
		"unknown option": {struct {
			A string `protobuf:"bytes,1,opt,def=x"`
		}{}, []string{`"def=x" is not known`}},
		"not exported": {struct {
			a string `protobuf:"bytes,1,opt"`
		}{a: ""}, []string{".a: tagged, but not exported"}},
		"kind": {inner{}, []string{"inner.Bad: the wire has no chan int"}},
		"deep": {struct {
			A map[string][]inner `protobuf:"bytes,1,rep"`
			B []*inner           `protobuf:"bytes,2,rep"`
		}{}, []string{"A (value): the wire has no []", "inner.Bad"}},
		"small number": {struct {
			A int8 `protobuf:"varint,1,opt"`
		}{}, []string{"the wire has no int8"}},
		"interface": {struct {
			A any `protobuf:"bytes,1,opt"`
		}{}, []string{"the wire has no interface"}},
		"pointer to list": {struct {
			A *[]string `protobuf:"bytes,1,opt"`
		}{}, []string{"the wire has no []string"}},
		"map by float": {struct {
			A map[float64]string `protobuf:"bytes,1,rep"`
		}{}, []string{"no maps by float64"}},
		"map by message": {struct {
			A map[leaf]string `protobuf:"bytes,1,rep"`
		}{}, []string{"no maps by wire_test.leaf"}},
		"list of pointers": {struct {
			A []*string `protobuf:"bytes,1,rep"`
		}{}, []string{"pointers to string"}},
		"rep on one": {struct {
			A string `protobuf:"bytes,1,rep"`
		}{}, []string{"tagged rep"}},
		"packed texts": {struct {
			A []string `protobuf:"bytes,1,rep,packed"`
		}{}, []string{"only lists of numbers"}},
		"required list": {struct {
			A []string `protobuf:"bytes,1,req"`
		}{}, []string{"cannot be required"}},
		"oneof without pointer": {struct {
			A string `protobuf:"bytes,1,opt,oneof"`
		}{}, []string{"must be a pointer"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := wire.Check(reflect.TypeOf(c.of))
			if (err == nil) != (c.want == nil) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want %q", err, part)
				}
			}
			if err != nil { // nor can it be written
				if _, err := wire.Marshal(c.of); problem.KindOf(err) != problem.Internal || err == nil {
					t.Errorf("Marshal: %v", err)
				}
			}
		})
	}
}

// connect gives real protobuf messages to the codec as well.
func TestCodec(t *testing.T) {
	if name := (wire.Codec{}).Name(); name != "proto" {
		t.Errorf("the name is %q", name)
	}
	value, err := anypb.New(wrapperspb.String("reason"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := wire.Codec{}.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	back := &anypb.Any{}
	if err := (wire.Codec{}).Unmarshal(b, back); err != nil || !proto.Equal(value, back) {
		t.Errorf("got %v, %v", back, err)
	}
	b, err = wire.Codec{}.MarshalAppend([]byte("x"), &leaf{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	var got leaf
	if err := (wire.Codec{}).Unmarshal(b[1:], &got); err != nil || got.Name != "a" || b[0] != 'x' {
		t.Errorf("got %+v, %v", got, err)
	}
}
