package wire_test

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"google.golang.org/protobuf/proto"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// plain has nothing of Kubernetes in it, whose own readers are more lenient than protobuf in places.
type plain struct {
	Name     string            `protobuf:"bytes,1,opt,name=name"`
	Flag     *bool             `protobuf:"varint,2,opt,name=flag"`
	Small    int32             `protobuf:"varint,3,opt,name=small,proto3"`
	Odd      int32             `protobuf:"zigzag32,4,opt,name=odd,proto3"`
	Whole    float64           `protobuf:"fixed64,5,opt,name=whole,proto3"`
	Raw      []byte            `protobuf:"bytes,6,opt,name=raw"`
	Child    *plain            `protobuf:"bytes,7,opt,name=child"`
	Children []*plain          `protobuf:"bytes,8,rep,name=children"`
	Leaf     leaf              `protobuf:"bytes,9,opt,name=leaf"`
	Numbers  []int64           `protobuf:"varint,10,rep,packed,name=numbers"`
	Loose    []int64           `protobuf:"varint,11,rep,name=loose,proto3"`
	Doubles  []float64         `protobuf:"fixed64,12,rep,packed,name=doubles"`
	Labels   map[string]string `protobuf:"bytes,13,rep,name=labels"`
	Leaves   map[string]leaf   `protobuf:"bytes,14,rep,name=leaves"`
	ByID     map[int64]*leaf   `protobuf:"bytes,15,rep,name=byID" protobuf_key:"varint,1,opt,name=key"`
	Texts    []string          `protobuf:"bytes,16,rep,name=texts"`
	Blobs    [][]byte          `protobuf:"bytes,17,rep,name=blobs,proto3"`
	// Google's library writes those of which one is set behind the others, whatever their numbers.
	Query *leaf  `protobuf:"bytes,400,opt,name=query,oneof"`
	Chunk *leaf  `protobuf:"bytes,401,opt,name=chunk,oneof"`
	Wide  uint32 `protobuf:"fixed32,300,opt,name=wide,proto3"`
}

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBadBytes(t *testing.T) {
	for _, c := range []struct {
		name, bytes string
		kind        problem.Kind
		want        string // in the error
	}{
		{"key cut off", "80", problem.Invalid, "plain: the key"},
		{"key of eleven bytes", "8080808080808080808001", problem.Invalid, "plain: the key"},
		{"number 0", "0000", problem.Invalid, "out of range"},
		{"number 2^29", "808080801000", problem.Invalid, "out of range"},
		{"varint cut off", "10ff", problem.Invalid, "plain: a number"},
		{"varint too long", "10ffffffffffffffffff7f", problem.Invalid, "plain: a number"},
		{"fixed64 cut off", "2900", problem.Invalid, "plain: a number"},
		{"fixed32 cut off", "e51200", problem.Invalid, "plain: a number"},
		{"text cut off", "0a0561", problem.Invalid, "ends within"},
		{"length near 2^64", "0affffffffffffffffff01", problem.Invalid, "ends within"},
		{"group", "0b0c", problem.Invalid, "groups"},
		{"unknown group", "a306a406", problem.Invalid, "groups"},
		{"wire type 7", "0f", problem.Invalid, "groups"},
		{"text as number", "0801", problem.Invalid, "plain.Name: wire type 0"},
		{"number as text", "1a00", problem.Invalid, "plain.Small: wire type 2"},
		{"list of texts as number", "800101", problem.Invalid, "plain.Texts: wire type 0"},
		{"map as number", "6801", problem.Invalid, "plain.Labels: wire type 0"},
		{"map's value as number", "6a021001", problem.Invalid, "plain.Labels: wire type 0"},
		{"map's entry cut off", "6a020a05", problem.Invalid, "plain.Labels: the message ends"},
		{"map's key as text", "7a020a00", problem.Invalid, "plain.ByID: wire type 2"},
		{"packed number cut off", "5201ff", problem.Invalid, "plain.Numbers: a number"},
		{"packed double cut off", "620100", problem.Invalid, "plain.Doubles: a number"},
		{"inside a child", "3a020801", problem.Invalid, "plain.Name: wire type 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := wire.Unmarshal(bytesOf(t, c.bytes), new(plain))
			if problem.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v (%v), want %v with %q", err, problem.KindOf(err), c.kind, c.want)
			}
		})
	}
}

// Messages that come in pieces are merged, the last of other values counts, and what Unmarshal is given is replaced.
func TestMerging(t *testing.T) {
	v := plain{Name: "old", Texts: []string{"old"}}
	err := wire.Unmarshal(bytesOf(t, "3a030a0161 3a021801 3a030a0162"+"4a030a0178 4a021005"+"0a0131 0a0132"+"52020102 5003 5805 5a020607"+"6a060a0161120131 6a060a0161120132 6a00"+"7a00"+"821900 8a1900"), &v)
	if err != nil {
		t.Fatal(err)
	}
	want := plain{
		Name: "2", Child: &plain{Name: "b", Small: 1}, Leaf: leaf{Name: "x", Count: 5},
		Numbers: []int64{1, 2, 3}, Loose: []int64{5, 6, 7}, Labels: map[string]string{"a": "2", "": ""}, ByID: map[int64]*leaf{0: {}},
		Chunk: &leaf{},
	}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got  %+v\nwant %+v", v, want)
	}
}

func TestNumbersAreCutOff(t *testing.T) {
	var v plain
	if err := wire.Unmarshal(bytesOf(t, "18 ffffffffffffffff7f 20 ffffffffffffffffff01 10 80808080808001"), &v); err != nil {
		t.Fatal(err)
	}
	if v.Small != -1 || v.Odd != -2147483648 || v.Flag == nil || !*v.Flag {
		t.Errorf("got %d, %d and %v", v.Small, v.Odd, v.Flag)
	}
}

func TestDepth(t *testing.T) {
	nest := func(n int) []byte {
		var b []byte
		for range n {
			b = append([]byte{0x3a}, append(varint(len(b)), b...)...)
		}
		return b
	}
	if err := wire.Unmarshal(nest(100), new(plain)); err != nil {
		t.Errorf("100 deep: %v", err)
	}
	for _, n := range []int{101, 20_000} {
		if err := wire.Unmarshal(nest(n), new(plain)); !problem.Is(err, problem.Limit) {
			t.Errorf("%d deep: %v", n, err)
		}
	}
	v := &plain{}
	v.Child = v
	if _, err := wire.Marshal(v); err == nil {
		t.Error("a value that contains itself was written")
	}
}

func varint(n int) (b []byte) {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// Small input that asks for much memory: the allocation is measured, not only the error.
func TestMemoryIsBoundedByTheInput(t *testing.T) {
	for name, c := range map[string]struct {
		unit string
		into any
	}{
		"list of applications": {"1200", new(v1alpha1.ApplicationList)},
		"list of pointers":     {"4200", new(plain)},
		"pieces of a child":    {"3a024200", new(plain)},
	} {
		t.Run(name, func(t *testing.T) {
			input := []byte(strings.Repeat(string(bytesOf(t, c.unit)), 1<<20))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := wire.Unmarshal(input, c.into)
			runtime.ReadMemStats(&after)
			bound := uint64(1<<20+64*len(input)) * 2 // growing a list copies it
			if took := after.TotalAlloc - before.TotalAlloc; took > bound {
				t.Errorf("%d bytes of input took %d bytes of memory, more than %d", len(input), took, bound)
			}
			if !problem.Is(err, problem.Limit) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A long list of applications with next to nothing in them is honest.
func TestHonestListsFit(t *testing.T) {
	list := v1alpha1.ApplicationList{Items: make([]v1alpha1.Application, 5000)}
	b, err := wire.Marshal(&list)
	if err != nil {
		t.Fatal(err)
	}
	var back v1alpha1.ApplicationList
	if err := wire.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Items) != 5000 {
		t.Errorf("%d of 5000 came back", len(back.Items))
	}
}

func TestBrokenText(t *testing.T) {
	v := plain{Name: "a\xff\xfeb", Texts: []string{"\xc0"}, Labels: map[string]string{"k\x80": "v\x80"}, Raw: []byte{0xff}}
	b, err := wire.Marshal(&v)
	if err != nil {
		t.Fatal(err)
	}
	want := plain{Name: "a\uFFFDb", Texts: []string{"\uFFFD"}, Labels: map[string]string{"k\uFFFD": "v\uFFFD"}, Raw: []byte{0xff}}
	var back plain
	if err := wire.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("written: got %+v, %v", back, err)
	}
	if err := wire.Unmarshal(bytesOf(t, "0a0461fffe62 820101c0 6a080a026b8012027680 3201ff"), &back); err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("read: got %+v, %v", back, err)
	}
}

type demanding struct {
	Name  *string `protobuf:"bytes,1,req,name=name"`
	Bytes []byte  `protobuf:"bytes,2,req,name=bytes"`
	Text  string  `protobuf:"bytes,3,req,name=text"`
}
type holder struct {
	One  *demanding           `protobuf:"bytes,1,opt,name=one"`
	List []demanding          `protobuf:"bytes,2,rep,name=list"`
	Map  map[string]demanding `protobuf:"bytes,3,rep,name=map"`
}

func TestRequired(t *testing.T) {
	good := demanding{Name: ptr(""), Bytes: []byte{}}
	for name, v := range map[string]any{
		"pointer": &holder{One: &demanding{Bytes: []byte{}}},
		"bytes":   &holder{List: []demanding{good, {Name: ptr("a")}}},
		"map":     &holder{Map: map[string]demanding{"a": {}}},
	} {
		if _, err := wire.Marshal(v); err == nil || !strings.Contains(err.Error(), "demanding.") {
			t.Errorf("%s: written, or no field named: %v", name, err)
		}
	}
	for _, c := range []struct{ bytes, want string }{
		{"", ""},
		{"0a04 0a001200", ""},
		{"0a02 0a00 0a02 1200", ""}, // in two pieces
		{"0a02 1200", "demanding.Name"},
		{"1204 0a001200 1202 0a00", "demanding.Bytes"},
		{"1a00", "demanding.Name"},
	} {
		err := wire.Unmarshal(bytesOf(t, c.bytes), new(holder))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.bytes, err, c.want)
		}
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"nil":                {nil, "nil"},
		"nil pointer":        {(*plain)(nil), "nil *wire_test.plain"},
		"nil in a list":      {&plain{Children: []*plain{{}, nil}}, "plain.Children: element 1"},
		"nil in a map":       {&plain{ByID: map[int64]*leaf{1: nil}}, "plain.ByID"},
		"both of one":        {&plain{Query: &leaf{}, Chunk: &leaf{}}, "both Query and Chunk"},
		"no message":         {"text", "no message"},
		"deep in the values": {&choice{More: []every{{Pointers: []*leaf{nil}}}}, "every.Pointers: element 0"},
	} {
		if _, err := wire.Marshal(c.value); err == nil || !strings.Contains(err.Error(), c.want) || problem.KindOf(err) != problem.Internal {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if err := wire.Unmarshal(nil, plain{}); err == nil {
		t.Error("read into a value that is no pointer")
	}
	if err := wire.Unmarshal(nil, (*plain)(nil)); err == nil {
		t.Error("read into a nil pointer")
	}
}

// Secrets must not come out in errors: no error has a value in it.
func TestErrorsHaveNoValues(t *testing.T) {
	const canary = "s3cret-canary"
	for _, err := range []error{
		wire.Unmarshal([]byte("\x0a\x0d"+canary+"\x08\x01"), new(plain)),
		wire.Unmarshal([]byte("\x6a\x0f\x0a\x0d"+canary+"\x6a\x02\x10\x01"), new(plain)),
		second(wire.Marshal(&plain{Name: canary, Children: []*plain{nil}})),
		second(wire.Marshal(&plain{Name: canary, ByID: map[int64]*leaf{1: nil}})),
	} {
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v", err)
		}
	}
}

func second(_ []byte, err error) error { return err }

// FuzzUnmarshal reads any bytes as every root. What is read can be written, and read again to the same bytes.
func FuzzUnmarshal(f *testing.F) {
	for seed := range uint64(20) {
		for _, typ := range roots() {
			v := reflect.New(typ)
			random(rand.New(rand.NewPCG(seed, 1)), v.Elem(), 2)
			b, err := wire.Marshal(v.Interface())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	types := append(roots(), reflect.TypeFor[holder](), reflect.TypeFor[corev1.Event]())
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, typ := range types {
			v := reflect.New(typ).Interface()
			if wire.Unmarshal(b, v) != nil {
				continue
			}
			once, err := wire.Marshal(v)
			if err != nil {
				t.Fatalf("%s was read, but cannot be written: %v", typ, err)
			}
			again := reflect.New(typ).Interface()
			if err := wire.Unmarshal(once, again); err != nil {
				if problem.Is(err, problem.Limit) {
					continue
				}
				t.Fatalf("%s was written, but cannot be read: %v", typ, err)
			}
			twice, err := wire.Marshal(again)
			if err != nil || string(once) != string(twice) {
				t.Fatalf("%s changes from writing to writing: %v\n%x\n%x", typ, err, once, twice)
			}
		}
	})
}

// FuzzAgainstTheOracle: what we accept, Google's library accepts as well, and reads the same in it.
func FuzzAgainstTheOracle(f *testing.F) {
	for seed := range uint64(100) {
		var v plain
		random(rand.New(rand.NewPCG(seed, 2)), reflect.ValueOf(&v).Elem(), 1)
		b, err := wire.Marshal(&v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	s := newSchema(f, reflect.TypeFor[plain]())
	f.Fuzz(func(t *testing.T, b []byte) {
		var ours plain
		if err := wire.Unmarshal(b, &ours); err != nil {
			var p *problem.Error
			if !errors.As(err, &p) {
				t.Fatalf("no problem: %v", err)
			}
			return
		}
		theirs := s.empty(reflect.TypeFor[plain]())
		if err := proto.Unmarshal(b, theirs); err != nil {
			t.Fatalf("we read it, the oracle says: %v", err)
		}
		forget(theirs)
		if whole, _ := proto.Marshal(theirs); !utf8.Valid(whole) {
			return // perhaps broken text, which we mend and the oracle keeps
		}
		if diff := differ(theirs, s.of(&ours)); diff != "" {
			t.Fatalf("(-oracle +ours)\n%s", diff)
		}
	})
}
