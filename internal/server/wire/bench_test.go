package wire_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

// application is the resource that has every field, as the tests of the API know it.
func application(t testing.TB) *v1alpha1.Application {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "api", "v1alpha1", "testdata", "application.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	app := &v1alpha1.Application{}
	if err := yaml.Unmarshal(text, app); err != nil {
		t.Fatal(err)
	}
	return app
}

// applications is a list as an instance with n applications answers it: no two alike, each with some objects.
func applications(t testing.TB, n int) *v1alpha1.ApplicationList {
	t.Helper()
	full := application(t)
	list := &v1alpha1.ApplicationList{Items: make([]v1alpha1.Application, n)}
	for i := range n {
		app := full.DeepCopy()
		app.Name = "app-" + strconv.Itoa(i)
		for len(app.Status.Resources) < 8 {
			app.Status.Resources = append(app.Status.Resources, app.Status.Resources[0])
		}
		list.Items[i] = *app
	}
	return list
}

func BenchmarkMarshal(b *testing.B) {
	app := application(b)
	b.Run("application", func(b *testing.B) { marshal(b, app) })
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("list=%d", n), func(b *testing.B) { marshal(b, applications(b, n)) })
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	b.Run("application", func(b *testing.B) { unmarshal(b, application(b), &v1alpha1.Application{}) })
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("list=%d", n), func(b *testing.B) { unmarshal(b, applications(b, n), &v1alpha1.ApplicationList{}) })
	}
}

func marshal(b *testing.B, v any) {
	b.ReportAllocs()
	for b.Loop() {
		out, err := wire.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(out)))
	}
}

func unmarshal(b *testing.B, from, into any) {
	bytes, err := wire.Marshal(from)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(bytes)))
	for b.Loop() {
		if err := wire.Unmarshal(bytes, into); err != nil {
			b.Fatal(err)
		}
	}
}
