package reconcile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Labels of objects are told by Argo CD's names, as they are now, and only those that somebody wants told.
func TestLabelsAreTold(t *testing.T) {
	of := func(name string, labels map[string]string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "argocd", Name: name, Labels: labels}
	}
	apps := []*v1alpha1.Application{{ObjectMeta: of("web", map[string]string{"team": "shop", "example.org/tier": "gold", "secret": "x"})}, {ObjectMeta: of("api", nil)}}
	sets := []*v1alpha1.ApplicationSet{{ObjectMeta: of("many", map[string]string{"team": "platform"})}}
	m := NewMetrics(func() []*v1alpha1.Application { return apps }, func() []*v1alpha1.ApplicationSet { return sets })
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	told := func() string {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, f := range families {
			for _, one := range f.GetMetric() {
				if strings.HasSuffix(f.GetName(), "_labels") {
					fmt.Fprintf(&b, "%s %v", f.GetName(), one.GetGauge().GetValue())
					for _, l := range one.GetLabel() {
						fmt.Fprintf(&b, " %s=%s", l.GetName(), l.GetValue())
					}
					b.WriteString("\n")
				}
			}
		}
		return b.String()
	}
	if got := told(); got != "" {
		t.Errorf("nobody asked for %s", got)
	}
	m.Labels = func() ([]string, []string) {
		return []string{"team", "example.org/tier", "example.org_tier"}, []string{"team"}
	}
	const want = `argocd_app_labels 1 label_example_org_tier= label_team= name=api namespace=argocd project=default
argocd_app_labels 1 label_example_org_tier=gold label_team=shop name=web namespace=argocd project=default
argocd_appset_labels 1 label_team=platform name=many namespace=argocd
`
	if got := told(); got != want {
		t.Errorf("%s", got)
	}
	m.Labels = func() ([]string, []string) { return nil, []string{"team"} }
	if got := told(); got != "argocd_appset_labels 1 label_team=platform name=many namespace=argocd\n" {
		t.Errorf("%s", got)
	}
}
