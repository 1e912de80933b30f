package v1alpha1_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// kinds are the three roots; testdata/<name>.yaml has every field of each.
func kinds() map[string]func() runtime.Object {
	return map[string]func() runtime.Object{
		"application":    func() runtime.Object { return &v1alpha1.Application{} },
		"appproject":     func() runtime.Object { return &v1alpha1.AppProject{} },
		"applicationset": func() runtime.Object { return &v1alpha1.ApplicationSet{} },
	}
}

func fixture(t testing.TB, name string) (text []byte, object runtime.Object) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	object = kinds()[name]()
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		t.Fatal(err)
	}
	return text, object
}

// A key that is missing from the Go types, or printed without having been
// there, shows as a difference between the file and what we print.
func TestRoundTrip(t *testing.T) {
	for name := range kinds() {
		t.Run(name, func(t *testing.T) {
			text, object := fixture(t, name)
			var want any
			if err := yaml.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, asJSON(t, object)); diff != "" {
				t.Errorf("what was read is not what is printed (-file +printed):\n%s", diff)
			}

			// client-go's dynamic client goes through this converter instead.
			converted, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(asJSON(t, object), asJSON(t, converted)); diff != "" {
				t.Errorf("converter and encoding/json disagree (-json +converter):\n%s", diff)
			}
			back := kinds()[name]()
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(converted, back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(asJSON(t, object), asJSON(t, back)); diff != "" {
				t.Errorf("lost on the way through the converter (-want +got):\n%s", diff)
			}
		})
	}
}

// Every field of every type must be set somewhere in the files, or the other
// tests would not notice its loss.
func TestFixturesAreComplete(t *testing.T) {
	fields := map[string]bool{}
	for name := range kinds() {
		_, object := fixture(t, name)
		visit(reflect.ValueOf(object), func(path string, v reflect.Value) {
			fields[path] = fields[path] || !v.IsZero()
		})
	}
	for path, set := range fields {
		if !set {
			t.Errorf("%s is set in no file of testdata", path)
		}
	}
	if len(fields) < 300 {
		t.Errorf("only %d fields found: the walk is broken", len(fields))
	}
}

// visit calls f for each field of our own structs that can be reached.
func visit(v reflect.Value, f func(path string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), f)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			visit(v.MapIndex(k), f)
		}
	case reflect.Struct:
		t := v.Type()
		if !strings.HasSuffix(t.PkgPath(), "/v1alpha1") || !strings.Contains(t.PkgPath(), "hawser") {
			return
		}
		for i := range t.NumField() {
			if t.Field(i).Type.PkgPath() != "k8s.io/apimachinery/pkg/apis/meta/v1" || t.Field(i).Name == "LastTransitionTime" {
				f(t.Name()+"."+t.Field(i).Name, v.Field(i))
			}
			visit(v.Field(i), f)
		}
	}
}

// What an object prints that has only what the user must write. Clients read
// these keys without asking whether they are there.
func TestPrintedWhenEmpty(t *testing.T) {
	for _, c := range []struct {
		name   string
		object any
		want   string
	}{
		{
			"application", v1alpha1.Application{},
			`{"metadata":{},"spec":{"destination":{},"project":""},"status":{"health":{},"sourceHydrator":{},"summary":{},"sync":{"comparedTo":{"destination":{},"source":{"repoURL":""}},"status":""}}}`,
		},
		{"project", v1alpha1.AppProject{}, `{"metadata":{},"spec":{},"status":{}}`},
		{
			"application set", v1alpha1.ApplicationSet{},
			`{"metadata":{},"spec":{"generators":null,"template":{"metadata":{},"spec":{"destination":{},"project":""}}},"status":{"health":{}}}`,
		},
		{"list of applications", v1alpha1.ApplicationList{}, `{"items":null,"metadata":{}}`},
		{"operation", v1alpha1.Operation{}, `{"initiatedBy":{},"retry":{}}`},
		{"operation state", v1alpha1.OperationState{}, `{"operation":{"initiatedBy":{},"retry":{}},"phase":"","startedAt":null}`},
		{"result of a sync", v1alpha1.SyncOperationResult{}, `{"revision":"","source":{"repoURL":""}}`},
		{"result of an object", v1alpha1.ResourceResult{}, `{"group":"","kind":"","name":"","namespace":"","version":""}`},
		{"history", v1alpha1.RevisionHistory{}, `{"deployedAt":null,"id":0,"initiatedBy":{},"source":{"repoURL":""}}`},
		{"resource", v1alpha1.ResourceStatus{}, `{}`},
		{"directory", v1alpha1.ApplicationSourceDirectory{}, `{}`},
		{"automated", v1alpha1.SyncPolicyAutomated{}, `{}`},
		{"plugin parameter", v1alpha1.ApplicationSourcePluginParameter{Map: &v1alpha1.OptionalMap{}, Array: &v1alpha1.OptionalArray{}}, `{"array":[],"map":{},"name":""}`},
		{"list generator", v1alpha1.ListGenerator{Elements: []v1alpha1.RawJSON{{}}}, `{"elements":[null],"template":{"metadata":{},"spec":{"destination":{},"project":""}}}`},
		{"appset progress", v1alpha1.ApplicationSetApplicationStatus{}, `{"application":"","message":"","status":"","step":"","targetRevisions":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, asJSON(t, c.object)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A codec that reads the tags must find a number on every field that the wire
// has, once, and the right wire type.
func TestProtobufTags(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var check func(reflect.Type)
	check = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			check(typ.Elem())
			return
		case reflect.Struct:
		default:
			return
		}
		if seen[typ] || !strings.Contains(typ.PkgPath(), "hawser") {
			return
		}
		seen[typ] = true
		numbers := map[int]string{}
		for i := range typ.NumField() {
			f := typ.Field(i)
			where := typ.Name() + "." + f.Name
			check(f.Type)
			if f.Type == reflect.TypeFor[metav1.TypeMeta]() || where == "ResourceStatus.UID" || where == "OperationState.WaitingSince" || where == "ApplicationCondition.Status" {
				continue
			}
			parts := strings.Split(f.Tag.Get("protobuf"), ",")
			if len(parts) != 4 {
				t.Errorf("%s: protobuf tag %q", where, f.Tag.Get("protobuf"))
				continue
			}
			number, err := strconv.Atoi(parts[1])
			if err != nil || number < 1 {
				t.Errorf("%s: number %q", where, parts[1])
			}
			if other, taken := numbers[number]; taken {
				t.Errorf("%s and %s both have number %d", where, other, number)
			}
			numbers[number] = where
			if got, want := parts[0], wireType(f.Type); got != want {
				t.Errorf("%s: wire type %s, want %s", where, got, want)
			}
			repeated := f.Type.Kind() == reflect.Map || f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() != reflect.Uint8
			if got := parts[2] == "rep"; got != repeated {
				t.Errorf("%s: %s", where, parts[2])
			}
		}
	}
	for _, object := range kinds() {
		check(reflect.TypeOf(object()))
	}
	check(reflect.TypeFor[v1alpha1.NestedMatrixGenerator]())
	check(reflect.TypeFor[v1alpha1.NestedMergeGenerator]())
	if len(seen) < 100 {
		t.Errorf("only %d types found: the walk is broken", len(seen))
	}
}

func wireType(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Bool || t.Kind() == reflect.Int64 {
		return "varint"
	}
	return "bytes"
}

func TestIntOrStringKeepsItsForm(t *testing.T) {
	_, object := fixture(t, "application")
	got := object.(*v1alpha1.Application).Spec.Source.Kustomize.Replicas
	want := []v1alpha1.KustomizeReplica{{Name: "web", Count: intstr.FromInt32(3)}, {Name: "worker", Count: intstr.FromString("4")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAddToScheme(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{v1alpha1.KindApplication, v1alpha1.KindAppProject, v1alpha1.KindApplicationSet} {
		for _, name := range []string{kind, kind + "List"} {
			gvk := schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: name}
			object, err := scheme.New(gvk)
			if err != nil {
				t.Error(err)
				continue
			}
			object.GetObjectKind().SetGroupVersionKind(gvk)
			if got := asJSON(t, object).(map[string]any)["kind"]; got != name {
				t.Errorf("%s prints kind %v", name, got)
			}
		}
	}
}

// asJSON prints with encoding/json and reads into maps, so that order does not count.
func asJSON(t testing.TB, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
