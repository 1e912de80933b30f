package wire_test

import (
	"math/rand/v2"
	"reflect"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// filler makes random values; entries is how many a map may have.
type filler struct {
	*rand.Rand
	entries int
}

// random fills the fields that travel. Elements of lists are never nil: Argo CD's code panics on them. Empty lists and maps
// are left out, as the wire does not tell them from nil and JSON does.
func (f filler) random(v reflect.Value, depth int) {
	r := f.Rand
	switch x := v.Addr().Interface().(type) {
	case *metav1.Time:
		if r.IntN(4) > 0 {
			*x = metav1.Unix(r.Int64N(4e9), 0)
		}
		return
	case *runtime.RawExtension:
		x.Raw = []byte(`{"a":1}`)
		return
	case *apiextensions.JSON:
		x.Raw = []byte(`{"a":[1]}`)
		return
	case *v1alpha1.RawJSON:
		x.Raw = []byte(`{"a":[1]}`)
		return
	case *intstr.IntOrString:
		*x = []intstr.IntOrString{intstr.FromInt32(r.Int32()), intstr.FromString("5%")}[r.IntN(2)]
		return
	case *metav1.FieldsV1:
		x.Raw = []byte(`{"f:spec":{}}`)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString([]string{"", "a", "grün", strings.Repeat("long ", r.IntN(60))}[r.IntN(4)])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(r.IntN(5)) / 2)
	case reflect.Int32, reflect.Int64:
		v.SetInt([]int64{0, 1, -1, 300, int64(r.Int32())}[r.IntN(5)])
	case reflect.Pointer:
		if r.IntN(depth/2+2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.random(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if n := r.IntN(3) - depth/6; n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				e := v.Index(i)
				if e.Kind() == reflect.Pointer {
					e.Set(reflect.New(e.Type().Elem()))
					e = e.Elem()
				}
				f.random(e, depth+1)
			}
		}
	case reflect.Map:
		if n := r.IntN(f.entries + 1); n > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				f.random(key, depth+1)
				if e.Kind() == reflect.Pointer {
					e.Set(reflect.New(e.Type().Elem()))
					f.random(e.Elem(), depth+1)
				} else {
					f.random(e, depth+1)
				}
				if e.Kind() == reflect.Slice && e.Len() == 0 { // of a map's empty bytes they write nothing, and Google's library a length
					e.SetBytes([]byte("not empty"))
				}
				v.SetMapIndex(key, e)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			sf, fv := v.Type().Field(i), v.Field(i)
			tag := sf.Tag.Get("protobuf")
			if tag == "" || newer[v.Type().Name()+"."+sf.Name] {
				continue
			}
			f.random(fv, depth+1)
			switch {
			case !strings.Contains(tag, ",req,"):
			case fv.Kind() == reflect.Pointer && fv.IsNil():
				fv.Set(reflect.New(fv.Type().Elem()))
				f.random(fv.Elem(), depth+1)
			case fv.Kind() == reflect.Slice && fv.IsNil():
				fv.SetBytes([]byte("required"))
			}
		}
	case reflect.Uint8:
		v.SetUint(uint64(r.IntN(256)))
	default:
		panic("the test cannot fill a " + v.Type().String())
	}
}
