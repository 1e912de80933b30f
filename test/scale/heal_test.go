package scale_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// drift is something that a person does with kubectl.
type drift struct {
	name, manager, subresource string
	patch                      string // strategic merge patch; "" deletes the object
	healed                     func(live *unstructured.Unstructured) string
}

// BenchmarkHeal changes one object by hand and measures from that request until the object is again what Git says.
func BenchmarkHeal(b *testing.B) {
	set := func(inside string) string {
		return `{"spec":{"template":{"spec":{"containers":[{"name":"web",` + inside + `}]}}}}`
	}
	env := func(live *unstructured.Unstructured) string {
		if got := text(container(live, "spec", "template", "spec"), "env"); got != "[map[name:LOG_LEVEL value:info]]" {
			return got
		}
		return ""
	}
	for _, d := range []drift{
		{name: "scale", manager: "kubectl", subresource: "scale", patch: `{"spec":{"replicas":2}}`, healed: same("1", "spec", "replicas")},
		{name: "env-in-git", manager: "kubectl-set", patch: set(`"env":[{"name":"LOG_LEVEL","value":"debug"}]`), healed: env},
		{name: "env-not-in-git", manager: "kubectl-set", patch: set(`"env":[{"name":"EXTRA","value":"x"}]`), healed: env},
		{name: "image", manager: "kubectl-edit", patch: set(`"image":"registry.example/shop/web:2.0"`), healed: func(live *unstructured.Unstructured) string {
			return same("registry.example/shop/web:1.0", "image")(container(live, "spec", "template", "spec"))
		}},
		{name: "label", manager: "kubectl-edit", patch: `{"metadata":{"labels":{"app":"other","team":"mine"}}}`, healed: func(live *unstructured.Unstructured) string {
			if labels := live.GetLabels(); labels["app"] != live.GetName() || labels["team"] != "" {
				return fmt.Sprint(labels)
			}
			return ""
		}},
		{name: "deleted", healed: func(*unstructured.Unstructured) string { return "" }},
	} {
		b.Run(d.name, func(b *testing.B) {
			s := ready(b)
			defer s.profiled(b)()
			var healed times
			var used figures
			for b.Loop() {
				healed = nil
				before := s.usage(b)
				for trial := range *trials {
					name := service((trial*37 + 5) % *size)
					was := s.deployment(b, name)
					at := time.Now()
					s.drift(b, d, name)
					healed = append(healed, s.eyes.until(b, d.name+" of "+name+" to be healed", func(o objects) string {
						live := o["Deployment"][name]
						switch {
						case live == nil:
							return "it does not exist"
						case live.GetResourceVersion() == was.GetResourceVersion():
							return "the change has not been seen yet"
						case d.patch == "" && live.GetUID() == was.GetUID():
							return "it is still the old one"
						case d.patch != "" && !twice(live, was, d):
							return "only the change has been seen"
						}
						return d.healed(live)
					}).Sub(at))
					s.atRest(b)
					time.Sleep(50 * time.Millisecond) // pods of the last trial go
				}
				used = s.usage(b).since(before)
			}
			b.ReportMetric(0, "ns/op")
			healed.report(b, "healed")
			used.report(b, *trials)
		})
	}
}

// twice reports whether a change of spec and its undoing have both been seen: metadata has no generation.
func twice(live, was *unstructured.Unstructured, d drift) bool {
	return strings.Contains(d.patch, `"metadata"`) || live.GetGeneration() >= was.GetGeneration()+2
}

func same(want string, path ...string) func(*unstructured.Unstructured) string {
	return func(o *unstructured.Unstructured) string {
		if got := text(o, path...); got != want {
			return got
		}
		return ""
	}
}

func (s *stage) deployment(b *testing.B, name string) *unstructured.Unstructured {
	b.Helper()
	o, err := s.Dynamic.Resource(deployments).Namespace(s.target).Get(b.Context(), name, metav1.GetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return o
}

func (s *stage) drift(b *testing.B, d drift, name string) {
	b.Helper()
	client := s.Dynamic.Resource(deployments).Namespace(s.target)
	var err error
	switch {
	case d.patch == "":
		err = client.Delete(b.Context(), name, metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)})
	case d.subresource != "":
		_, err = client.Patch(b.Context(), name, types.MergePatchType, []byte(d.patch), metav1.PatchOptions{FieldManager: d.manager}, d.subresource)
	default:
		_, err = client.Patch(b.Context(), name, types.StrategicMergePatchType, []byte(d.patch), metav1.PatchOptions{FieldManager: d.manager})
	}
	if err != nil {
		b.Fatal(err)
	}
}
