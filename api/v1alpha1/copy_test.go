package v1alpha1_test

import (
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"pgregory.net/rapid"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func TestDeepCopyOfAnything(t *testing.T) {
	for name, empty := range kinds() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			object := empty()
			fill(t, reflect.ValueOf(object).Elem())
			checkCopy(t, object, object.DeepCopyObject())
		}))
	}
}

func TestDeepCopyOfFixtures(t *testing.T) {
	for name := range kinds() {
		_, object := fixture(t, name)
		checkCopy(t, object, object.DeepCopyObject())
	}
	_, object := fixture(t, "application")
	app := object.(*v1alpha1.Application)
	checkCopy(t, app, app.DeepCopy())
	checkCopy(t, &app.Spec, app.Spec.DeepCopy())
	checkCopy(t, &app.Status, app.Status.DeepCopy())
	checkCopy(t, app.Operation, app.Operation.DeepCopy())
	list := &v1alpha1.ApplicationList{Items: []v1alpha1.Application{*app}}
	checkCopy(t, list, list.DeepCopyObject())
}

func TestDeepCopyOfNothing(t *testing.T) {
	if got := (*v1alpha1.Application)(nil).DeepCopy(); got != nil {
		t.Errorf("DeepCopy: %v", got)
	}
	if got := (*v1alpha1.Application)(nil).DeepCopyObject(); got != nil {
		t.Errorf("DeepCopyObject: %v is not the nil interface", got)
	}
	var spec *v1alpha1.ApplicationSpec
	if got := spec.DeepCopy(); got != nil {
		t.Errorf("DeepCopy of a part: %v", got)
	}
}

type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkCopy demands that two objects are equal and have no memory in common.
func checkCopy(t reporter, original, copied any) {
	t.Helper()
	if !reflect.DeepEqual(original, copied) {
		t.Errorf("the copy differs:\n%#v\n%#v", original, copied)
	}
	mine := map[uintptr]string{}
	references(reflect.ValueOf(original), "original", func(at uintptr, path string) { mine[at] = path })
	if len(mine) == 0 {
		t.Errorf("no reference found in the original: the walk is broken")
	}
	references(reflect.ValueOf(copied), "copy", func(at uintptr, path string) {
		if other, shared := mine[at]; shared {
			t.Errorf("%s shares memory with %s", path, other)
		}
	})
}

// references calls f with the address behind every pointer, map and non-empty
// slice; empty slices and the empty struct have no memory of their own.
func references(v reflect.Value, path string, f func(at uintptr, path string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || v.Type() == reflect.TypeFor[*time.Location]() {
			return
		}
		if v.Type().Elem().Size() > 0 {
			f(v.Pointer(), path)
		}
		references(v.Elem(), path, f)
	case reflect.Slice:
		if v.Len() == 0 {
			return
		}
		f(v.Pointer(), path)
		for i := range v.Len() {
			references(v.Index(i), fmt.Sprintf("%s[%d]", path, i), f)
		}
	case reflect.Map:
		if v.IsNil() {
			return
		}
		f(v.Pointer(), path)
		for it := v.MapRange(); it.Next(); {
			references(it.Value(), fmt.Sprintf("%s[%v]", path, it.Key()), f)
		}
	case reflect.Interface:
		references(v.Elem(), path, f)
	case reflect.Struct:
		for i := range v.NumField() {
			references(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
	}
}

// fill sets a value at random: nil, empty and full, at every depth.
func fill(t *rapid.T, v reflect.Value) {
	size := func() int { return rapid.IntRange(-1, 2).Draw(t, "size") } // -1 is nil
	switch v.Interface().(type) {
	case metav1.Time:
		v.Set(reflect.ValueOf(metav1.Unix(rapid.Int64Range(0, 4e9).Draw(t, "time"), 0)))
		return
	case runtime.RawExtension:
		v.Set(reflect.ValueOf(runtime.RawExtension{Raw: []byte(`{"a":1}`)}))
		return
	case intstr.IntOrString:
		v.Set(reflect.ValueOf(intstr.FromInt32(rapid.Int32().Draw(t, "number"))))
		return
	case metav1.ObjectMeta:
		v.Set(reflect.ValueOf(metav1.ObjectMeta{
			Name:        "a",
			Labels:      map[string]string{"a": "b"},
			Finalizers:  []string{"a"},
			Annotations: map[string]string{},
		}))
		return
	case metav1.ListMeta, metav1.TypeMeta:
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "text")))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "number"))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Uint8().Draw(t, "byte")))
	case reflect.Pointer:
		// Half of all pointers nil, or an ApplicationSet would be enormous.
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		if n := size(); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(t, v.Index(i))
			}
		}
	case reflect.Map:
		if n := size(); n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for i := range n {
				value := reflect.New(v.Type().Elem()).Elem()
				fill(t, value)
				v.SetMapIndex(reflect.ValueOf(strconv.Itoa(i)), value)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("the test cannot fill a %s", v.Type())
	}
}

// ofSize is an application with n objects in its inventory and in its last sync.
func ofSize(b *testing.B, n int) *v1alpha1.Application {
	_, object := fixture(b, "application")
	app := object.(*v1alpha1.Application)
	for i := range n {
		resource, result := app.Status.Resources[0], app.Status.OperationState.SyncResult.Resources[0]
		resource.Name, result.Name = strconv.Itoa(i), strconv.Itoa(i)
		app.Status.Resources = append(app.Status.Resources, resource)
		app.Status.OperationState.SyncResult.Resources = append(app.Status.OperationState.SyncResult.Resources, result)
	}
	return app
}

func BenchmarkDeepCopy(b *testing.B) {
	for _, n := range []int{0, 100, 1000} {
		app := ofSize(b, n)
		b.Run(fmt.Sprintf("objects=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				app.DeepCopy()
			}
		})
	}
}
