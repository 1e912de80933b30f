package wire_test

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

type leaf struct {
	Name  string `protobuf:"bytes,1,opt,name=name"`
	Count int32  `protobuf:"varint,2,opt,name=count"`
}

// every has each way of writing once, with proto2's and proto3's rules beside each other.
type every struct {
	Text     string            `protobuf:"bytes,1,opt,name=text,proto3"`
	Always   string            `protobuf:"bytes,2,opt,name=always"`
	Lying    bool              `protobuf:"bytes,3,opt,name=lying,proto3"`
	Maybe    *int64            `protobuf:"varint,4,opt,name=maybe"`
	Big      uint64            `protobuf:"varint,5,opt,name=big,proto3"`
	Odd      int32             `protobuf:"zigzag32,6,opt,name=odd,proto3"`
	Odd64    int64             `protobuf:"zigzag64,7,opt,name=odd64,proto3"`
	Fixed    int32             `protobuf:"fixed32,8,opt,name=fixed,proto3"`
	Fixed64  uint64            `protobuf:"fixed64,9,opt,name=fixed64,proto3"`
	Half     float32           `protobuf:"fixed32,10,opt,name=half,proto3"`
	Whole    float64           `protobuf:"fixed64,11,opt,name=whole,proto3"`
	Raw      []byte            `protobuf:"bytes,12,opt,name=raw"`
	Leaf     leaf              `protobuf:"bytes,13,opt,name=leaf"`
	Pointed  *leaf             `protobuf:"bytes,14,opt,name=pointed"`
	Leaves   []leaf            `protobuf:"bytes,15,opt,name=leaves"` // "rep" is missing, as in Kubernetes
	Pointers []*leaf           `protobuf:"bytes,16,rep,name=pointers"`
	Texts    []string          `protobuf:"bytes,17,rep,name=texts"`
	Loose    []int64           `protobuf:"varint,18,rep,name=loose"`
	Packed   []int64           `protobuf:"varint,19,rep,packed,name=packed"`
	Halves   []float32         `protobuf:"fixed32,20,rep,packed,name=halves"`
	Labels   map[string]string `protobuf:"bytes,21,rep,name=labels"`
	ByNumber map[int32]*leaf   `protobuf:"bytes,22,rep,name=byNumber" protobuf_key:"varint,1,opt,name=key" protobuf_val:"bytes,2,opt,name=value"`
	Flags    map[string]bool   `protobuf:"bytes,23,rep,name=flags"`
	Blobs    map[string][]byte `protobuf:"bytes,24,rep,name=blobs"`
	Time     *metav1.Time      `protobuf:"bytes,200,opt,name=time"`
	At       metav1.Time       `protobuf:"bytes,201,opt,name=at"`
	Unseen   string
}

func ptr[T any](v T) *T { return &v }

// Bytes worked out by hand from the specification of the format.
func TestBytes(t *testing.T) {
	const always = "1200" + "6a04" + "0a001000" + "ca0c00" // what is written when nothing is set
	for _, c := range []struct {
		name  string
		value every
		want  string
	}{
		{"nothing", every{}, always},
		{"proto3 text", every{Text: "ab"}, "0a026162" + always},
		{"proto2 text", every{Always: "a"}, "120161" + "6a040a001000" + "ca0c00"},
		{"bool tagged bytes", every{Lying: true}, "1200" + "1801" + "6a040a001000" + "ca0c00"},
		{"pointer to zero", every{Maybe: ptr[int64](0)}, "1200" + "2000" + "6a040a001000" + "ca0c00"},
		{"negative", every{Maybe: ptr[int64](-1)}, "1200" + "20ffffffffffffffffff01" + "6a040a001000" + "ca0c00"},
		{"zigzag", every{Odd: -2, Odd64: 2}, "1200" + "3003" + "3804" + "6a040a001000" + "ca0c00"},
		{"fixed", every{Fixed: -1, Fixed64: 1}, "1200" + "45ffffffff" + "490100000000000000" + "6a040a001000" + "ca0c00"},
		{"floats", every{Half: 0.5, Whole: 1}, "1200" + "550000003f" + "59000000000000f03f" + "6a040a001000" + "ca0c00"},
		{"empty bytes", every{Raw: []byte{}}, "1200" + "6200" + "6a040a001000" + "ca0c00"},
		{"list of zeros", every{Leaves: []leaf{{}}, Texts: []string{""}}, "1200" + "6a040a001000" + "7a040a001000" + "8a0100" + "ca0c00"},
		{"numbers", every{Loose: []int64{1, 2}, Packed: []int64{1, 300}}, "1200" + "6a040a001000" + "9001019001" + "02" + "9a010301ac02" + "ca0c00"},
		{"map", every{Labels: map[string]string{"b": "2", "a": "1"}}, "1200" + "6a040a001000" + "aa01060a0161120131" + "aa01060a0162120132" + "ca0c00"},
		{"map of messages", every{ByNumber: map[int32]*leaf{2: {Count: 1}, -1: {}}}, "1200" + "6a040a001000" +
			"b20111" + "08ffffffffffffffffff01" + "12040a001000" + "b20108" + "0802" + "12040a001001" + "ca0c00"},
		{"time", every{Time: &metav1.Time{Time: metav1.Unix(1, 0).Time}}, "1200" + "6a040a001000" + "c20c04" + "08011000" + "ca0c00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := wire.Marshal(&c.value)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(b); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			var back every
			if err := wire.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.value, back); diff != "" {
				t.Errorf("(-written +read):\n%s", diff)
			}
		})
	}
}

func TestLongNestedLengths(t *testing.T) {
	for _, n := range []int{0, 100, 125, 126, 127, 128, 129, 16381, 16384, 1 << 21} {
		want := every{Leaf: leaf{Name: strings.Repeat("x", n), Count: 7}}
		b, err := wire.Append([]byte("before"), want)
		if err != nil {
			t.Fatal(err)
		}
		var got every
		if err := wire.Unmarshal(b[len("before"):], &got); err != nil {
			t.Fatal(n, err)
		}
		if !reflect.DeepEqual(got, want) || string(b[:6]) != "before" {
			t.Errorf("a text of %d bytes came back changed", n)
		}
	}
}

func TestKubernetesTypesTravelWhole(t *testing.T) {
	list := corev1.EventList{Items: []corev1.Event{{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Reason: "Killing", EventTime: metav1.MicroTime{Time: metav1.Unix(5, 0).Time}}}}
	b, err := wire.Marshal(&list)
	if err != nil {
		t.Fatal(err)
	}
	own, err := list.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(own, b); diff != "" {
		t.Errorf("(-its own +ours):\n%s", diff)
	}
	var back corev1.EventList
	if err := wire.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(list, back); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

func TestOurResourcesPassTheCheck(t *testing.T) {
	for _, object := range []any{
		v1alpha1.Application{}, v1alpha1.ApplicationList{}, v1alpha1.AppProject{}, v1alpha1.AppProjectList{},
		&v1alpha1.ApplicationSet{}, v1alpha1.ApplicationSetList{}, every{},
	} {
		if err := wire.Check(reflect.TypeOf(object)); err != nil {
			t.Errorf("%T: %v", object, err)
		}
	}
}

// The caller may use the input's memory again, as connect does with its buffers.
func TestNothingOfTheInputIsKept(t *testing.T) {
	for _, typ := range roots() {
		v := reflect.New(typ)
		random(rand.New(rand.NewPCG(8, 8)), v.Elem(), 0)
		b, err := wire.Marshal(v.Interface())
		if err != nil {
			t.Fatal(err)
		}
		before, again := reflect.New(typ).Interface(), reflect.New(typ).Interface()
		input := bytes.Clone(b)
		if err := wire.Unmarshal(input, before); err != nil {
			t.Fatal(err)
		}
		clear(input)
		if err := wire.Unmarshal(b, again); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before, again) {
			t.Errorf("%v has memory in common with what it was read from", typ)
		}
	}
}

// What Marshal returns is the caller's, though the buffer in which it grew is used again.
func TestNothingOfTheOutputIsUsedAgain(t *testing.T) {
	first, err := wire.Marshal(leaf{Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	want := string(first)
	for range 100 {
		if _, err := wire.Marshal(leaf{Name: "other"}); err != nil {
			t.Fatal(err)
		}
	}
	if string(first) != want {
		t.Errorf("%q became %q", want, first)
	}
}

// Types that contain each other, compiled for the first time by many at once.
type left struct {
	Right *right  `protobuf:"bytes,1,opt,name=right"`
	All   []*left `protobuf:"bytes,2,rep,name=all"`
}
type right struct {
	Left left           `protobuf:"bytes,1,opt,name=left"`
	Map  map[int64]left `protobuf:"bytes,2,rep,name=map"`
}

func TestManyAtOnce(t *testing.T) {
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			v := any(&left{Right: &right{Map: map[int64]left{3: {}, -3: {}}}})
			if i%2 == 0 {
				v = &right{Left: left{All: []*left{{}, {}}}}
			}
			for range 50 {
				b, err := wire.Marshal(v)
				if err != nil {
					t.Error(err)
					return
				}
				back := reflect.New(reflect.TypeOf(v).Elem()).Interface()
				if err := wire.Unmarshal(b, back); err != nil || !reflect.DeepEqual(v, back) {
					t.Errorf("got %+v, %v", back, err)
					return
				}
			}
		})
	}
	group.Wait()
}
