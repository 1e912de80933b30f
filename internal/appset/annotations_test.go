package appset

import (
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What an application takes from a cluster is its template's to say, in annotations; what people and we put on it is not.
func TestTemplatedAnnotationsFollowTheTemplate(t *testing.T) {
	app := func(annotations map[string]string) *v1alpha1.Application {
		return &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: annotations}}
	}
	old := app(map[string]string{v1alpha1.AnnotationValuesFrom: "old", v1alpha1.AnnotationPostBuild: "old", v1alpha1.AnnotationHold: "held"})
	want := app(map[string]string{v1alpha1.AnnotationValuesFrom: "new"})
	d, err := Decide(t.Context(), &v1alpha1.ApplicationSet{}, []*v1alpha1.Application{want}, []*v1alpha1.Application{old}, nil, true)
	if err != nil || len(d.Update) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	got := d.Update[0].New.Annotations
	if _, there := got[v1alpha1.AnnotationPostBuild]; there || got[v1alpha1.AnnotationValuesFrom] != "new" || got[v1alpha1.AnnotationHold] != "held" {
		t.Errorf("%v", got)
	}
}
