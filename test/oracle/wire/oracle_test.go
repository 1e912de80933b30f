// Package wire_test compares internal/server/wire on the types of api/v1alpha1 with Argo CD's own generated code.
//
// The idea: a random value of one side is written by that side, read by the other, written again, and must be the same
// bytes; the JSON of both must be equal as well. Read TestAgainstArgoCD first. It refuses to run with the other tests:
// compiling Argo CD's types takes minutes (README.md).
package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	argo "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"google.golang.org/protobuf/encoding/protowire"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// generated is what Argo CD's types have.
type generated interface {
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

// pair is one message in our type and in Argo CD's.
type pair struct {
	ours, theirs reflect.Type
}

func of[O, T any]() pair { return pair{reflect.TypeFor[O](), reflect.TypeFor[T]()} }

func pairs() []pair {
	return []pair{
		of[v1alpha1.Application, argo.Application](),
		of[v1alpha1.ApplicationList, argo.ApplicationList](),
		of[v1alpha1.ApplicationSpec, argo.ApplicationSpec](),
		of[v1alpha1.ApplicationStatus, argo.ApplicationStatus](),
		of[v1alpha1.Operation, argo.Operation](),
		of[v1alpha1.OperationState, argo.OperationState](),
		of[v1alpha1.AppProject, argo.AppProject](),
		of[v1alpha1.AppProjectList, argo.AppProjectList](),
		of[v1alpha1.ApplicationSet, argo.ApplicationSet](),
		of[v1alpha1.ApplicationSetList, argo.ApplicationSetList](),
	}
}

const rounds = 300

// newer are the fields that we took over from Argo CD 3.6, and that 3.5.7, the last one that our Go compiles, does not have.
// They are cut from our bytes; any other difference of two types is an error.
var newer = map[string]bool{
	"ApplicationSourceDirectory.DisableExtensionFilter": true,
}

// Both types of a pair have the same field numbers, all the way down.
func TestSameFields(t *testing.T) {
	seen := map[reflect.Type]bool{}
	found := map[string]bool{}
	var walk func(ours, theirs reflect.Type)
	walk = func(ours, theirs reflect.Type) {
		ours, theirs = innermost(ours), innermost(theirs)
		if ours.Kind() != theirs.Kind() {
			t.Errorf("%v is a %v, %v is a %v", ours, ours.Kind(), theirs, theirs.Kind())
		}
		if ours.Kind() != reflect.Struct || seen[ours] || strings.HasPrefix(ours.PkgPath(), "k8s.io/") {
			return
		}
		seen[ours] = true
		mine, other := numbers(ours), numbers(theirs)
		for n, f := range mine {
			name := ours.Name() + "." + f.Name
			g, ok := other[n]
			switch {
			case ok:
				walk(f.Type, g.Type)
			case newer[name]:
				found[name] = true
			default:
				t.Errorf("%s (%d): Argo CD has no such field", name, n)
			}
		}
		for n, g := range other {
			if _, ok := mine[n]; !ok {
				t.Errorf("%s.%s (%d): we have no such field", theirs.Name(), g.Name, n)
			}
		}
	}
	for _, p := range pairs() {
		walk(p.ours, p.theirs)
	}
	for name := range newer {
		if !found[name] {
			t.Errorf("%s is said to be newer, and is not", name)
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d types seen: the walk is broken", len(seen))
	}
}

// innermost is what a field is a list, a map or a pointer of.
func innermost(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

// numbers returns the tagged fields of a struct by their number.
func numbers(t reflect.Type) map[protowire.Number]reflect.StructField {
	out := map[protowire.Number]reflect.StructField{}
	for i := range t.NumField() {
		if parts := strings.Split(t.Field(i).Tag.Get("protobuf"), ","); len(parts) > 1 {
			n, err := strconv.Atoi(parts[1])
			if err != nil {
				panic(err)
			}
			out[protowire.Number(n)] = t.Field(i)
		}
	}
	return out
}

// cut leaves the newer fields out of what our type t has written.
func cut(b []byte, t reflect.Type) (out []byte) {
	fields := numbers(t)
	for len(b) > 0 {
		n, typ, size := protowire.ConsumeTag(b)
		size += protowire.ConsumeFieldValue(n, typ, b[size:])
		whole := b[:size]
		b = b[size:]
		f := fields[n]
		inner := innermost(f.Type)
		switch {
		case newer[t.Name()+"."+f.Name]:
		case f.Type.Kind() == reflect.Map: // of scalars or RawJSON, which stay as they are
			out = append(out, whole...)
		case inner.Kind() == reflect.Struct && !strings.HasPrefix(inner.PkgPath(), "k8s.io/"):
			value, _ := protowire.ConsumeBytes(whole[protowire.SizeTag(n):])
			out = protowire.AppendBytes(protowire.AppendTag(out, n, typ), cut(value, inner))
		default:
			out = append(out, whole...)
		}
	}
	return out
}

func TestAgainstArgoCD(t *testing.T) {
	for _, p := range pairs() {
		t.Run(p.ours.Name(), func(t *testing.T) {
			for seed := range uint64(rounds) {
				for _, first := range []reflect.Type{p.ours, p.theirs} {
					if err := p.compare(first, seed); err != nil {
						t.Errorf("a %v of %v, seed %d: %v", first, first.PkgPath(), seed, err)
					}
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// compare fills a value of the type first, which is one of the two, and lets both sides write and read it.
func (p pair) compare(first reflect.Type, seed uint64) error {
	from := reflect.New(first)
	filler{rand.New(rand.NewPCG(seed, 3)), 2}.random(from.Elem(), 0)
	whole, err := p.write(from.Interface())
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	ours, theirs := reflect.New(p.ours).Interface(), reflect.New(p.theirs).Interface().(generated)
	if err := wire.Unmarshal(whole, ours); err != nil {
		return fmt.Errorf("our reading: %w", err)
	}
	if err := theirs.Unmarshal(whole); err != nil {
		return fmt.Errorf("their reading: %w", err)
	}
	for _, v := range []any{ours, theirs} {
		again, err := p.write(v)
		if err != nil {
			return fmt.Errorf("writing a %T again: %w", v, err)
		}
		if !bytes.Equal(whole, again) {
			i := 0
			for i < len(whole) && i < len(again) && whole[i] == again[i] {
				i++
			}
			return fmt.Errorf("what was written, %d bytes, a %v writes with %d bytes, and from byte %d on %.40x, not %.40x", len(whole), reflect.TypeOf(v).Elem().PkgPath(), len(again), i, again[i:], whole[i:])
		}
	}
	a, err := json.Marshal(ours)
	if err != nil {
		return err
	}
	b, err := json.Marshal(theirs)
	if err != nil {
		return err
	}
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		return err
	}
	if err := json.Unmarshal(b, &y); err != nil {
		return err
	}
	if !reflect.DeepEqual(x, y) {
		return fmt.Errorf("JSON: ours\n%s, theirs\n%s", a, b)
	}
	return nil
}

// write lets a value be written by its own side.
func (p pair) write(v any) ([]byte, error) {
	if reflect.TypeOf(v).Elem() == p.theirs {
		return v.(generated).Marshal()
	}
	whole, err := wire.Marshal(v)
	return cut(whole, p.ours), err
}

// sample is a list of n applications in both types: the one that has every field of its spec set, with some objects.
func sample(b *testing.B, n int) (ours *v1alpha1.ApplicationList, theirs *argo.ApplicationList) {
	b.Helper()
	text, err := os.ReadFile("../../../api/v1alpha1/testdata/application.yaml")
	if err != nil {
		b.Fatal(err)
	}
	ours, theirs = &v1alpha1.ApplicationList{}, &argo.ApplicationList{}
	for i := range n {
		app := &v1alpha1.Application{}
		if i == 0 {
			if err := yaml.Unmarshal(text, app); err != nil {
				b.Fatal(err)
			}
		} else {
			app = ours.Items[0].DeepCopy()
		}
		app.Name = "app-" + strconv.Itoa(i)
		app.Status.Resources = slices.Repeat(app.Status.Resources[:1], 10)
		ours.Items = append(ours.Items, *app)
	}
	whole, err := wire.Marshal(ours)
	if err != nil {
		b.Fatal(err)
	}
	if err := theirs.Unmarshal(whole); err != nil {
		b.Fatal(err)
	}
	return ours, theirs
}

func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		ours, theirs := sample(b, n)
		for name, marshal := range map[string]func() ([]byte, error){"ours": func() ([]byte, error) { return wire.Marshal(ours) }, "theirs": theirs.Marshal} {
			b.Run(fmt.Sprintf("applications=%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					whole, err := marshal()
					if err != nil {
						b.Fatal(err)
					}
					b.SetBytes(int64(len(whole)))
				}
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		ours, _ := sample(b, n)
		whole, err := wire.Marshal(ours)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("applications=%d/ours", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(whole)))
			for b.Loop() {
				if err := wire.Unmarshal(whole, &v1alpha1.ApplicationList{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("applications=%d/theirs", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(whole)))
			for b.Loop() {
				if err := (&argo.ApplicationList{}).Unmarshal(whole); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
