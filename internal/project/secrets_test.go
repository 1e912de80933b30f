package project

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func annotated(name string, annotations ...string) *v1alpha1.AppProject {
	p := &v1alpha1.AppProject{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{}}}
	for i := 0; i < len(annotations); i += 2 {
		p.Annotations[annotations[i]] = annotations[i+1]
	}
	return p
}

// TestPlainSecrets: what a project, and those it inherits from, say of Secrets in plain text.
func TestPlainSecrets(t *testing.T) {
	const mode, except = v1alpha1.AnnotationPlaintextSecrets, v1alpha1.AnnotationPlaintextSecretsExcept
	for _, c := range []struct {
		name          string
		own           *v1alpha1.AppProject
		global        *v1alpha1.AppProject
		values        string
		refused, warn string
		problems      int
	}{
		{"nothing said", annotated("p"), nil, "a", "", "", 0},
		{"allowed", annotated("p", mode, "allow"), nil, "a", "", "", 0},
		{"denied", annotated("p", mode, " deny "), nil, "a b", "Secret shop/db has values in plain text (a, b), which project 'p' does not permit", "", 0},
		{"nothing in plain text", annotated("p", mode, "deny"), nil, "", "", "", 0},
		{"warned of", annotated("p", mode, "warn"), nil, "a", "", "Secret shop/db has values in plain text (a); project 'p' wants Secrets encrypted", 0},
		{"many", annotated("p", mode, "deny"), nil, "a b c d e f g", "(a, b, c, d, e and 2 more)", "", 0},
		{"a word that is none", annotated("p", mode, "Deny"), nil, "a", "which project 'p' does not permit", "", 1},
		{"excepted", annotated("p", mode, "deny", except, "shop/d*"), nil, "a b", "", "", 0},
		{"excepted by value", annotated("p", mode, "deny", except, "*/db:a, bank/*"), nil, "a b", "(b)", "", 0},
		{"excepted elsewhere", annotated("p", mode, "deny", except, "bank/*, shop/other"), nil, "a", "(a)", "", 0},
		{"an exception that is none", annotated("p", mode, "deny", except, "db, shop/, */db:"), nil, "a", "(a)", "", 3},
		{"an exception that cannot be understood", annotated("p", mode, "deny", except, "[/db"), nil, "a", "(a)", "", 1},
		{"inherited", annotated("p"), annotated("g", mode, "deny"), "a", "which project 'g' does not permit", "", 0},
		{"inherited, and excepted by somebody who may not", annotated("p", mode, "allow", except, "*/*"), annotated("g", mode, "deny"), "a", "which project 'g'", "", 0},
		{"inherited with its exceptions", annotated("p", mode, "warn"), annotated("g", mode, "deny", except, "shop/*"), "a", "", "project 'p' wants", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := Input{Project: c.own}
			if c.global != nil {
				in.Global = []*v1alpha1.AppProject{c.global}
			}
			r := Compile(in)
			warning, refused := r.PlainSecret(object.Key{Kind: "Secret", Namespace: "shop", Name: "db"}, strings.Fields(c.values))
			if (refused != nil) != (c.refused != "") || refused != nil && (!strings.Contains(refused.Error(), c.refused) || !problem.Is(refused, problem.Forbidden) || !strings.Contains(refused.Error(), mode)) {
				t.Errorf("refused: %v, want %q", refused, c.refused)
			}
			if warning != c.warn && (c.warn == "" || !strings.Contains(warning, c.warn)) {
				t.Errorf("warning: %q, want %q", warning, c.warn)
			}
			if len(r.Problems()) != c.problems {
				t.Errorf("problems: %v", r.Problems())
			}
		})
	}
}

// TestValuesFrom: applications take values only from what is listed, and a list that cannot be understood lists nothing.
func TestValuesFrom(t *testing.T) {
	const permit = v1alpha1.AnnotationPermitValuesFrom
	shop := func(kind, name string) ValueSource { return ValueSource{Kind: kind, Namespace: "shop", Name: name} }
	for _, c := range []struct {
		name, list string
		from       ValueSource
		ok         bool
		problems   int
	}{
		{"nothing listed", "", shop("ConfigMap", "a"), false, 0},
		{"listed", "[{kind: ConfigMap, namespace: shop, name: a}]", shop("ConfigMap", "a"), true, 0},
		{"globs", "[{kind: Secret, namespace: sh*, name: 'a-*'}]", shop("Secret", "a-b"), true, 0},
		{"another kind", "[{kind: ConfigMap, namespace: '*', name: '*'}]", shop("Secret", "a"), false, 0},
		{"another name", "[{kind: Secret, namespace: shop, name: a}]", shop("Secret", "ab"), false, 0},
		{"another namespace", "[{kind: Secret, namespace: bank, name: a}]", shop("Secret", "a"), false, 0},
		{"everything is not the control plane's", "[{kind: Secret, namespace: '*', name: '*'}]", ValueSource{Control: true, Kind: "Secret", Namespace: "argocd", Name: "a"}, false, 0},
		{"the control plane's", "[{control: true, kind: Secret, name: 'a*'}]", ValueSource{Control: true, Kind: "Secret", Namespace: "argocd", Name: "a"}, true, 0},
		{"the control plane's is not the destination's", "[{control: true, kind: Secret, name: '*'}]", shop("Secret", "a"), false, 0},
		{"no list", "{kind: Secret}", shop("Secret", "a"), false, 1},
		{"an unknown word", "[{kind: Secret, namespace: shop, name: a, all: true}]", shop("Secret", "a"), false, 1},
		{"no namespace", "[{kind: Secret, name: a}]", shop("Secret", "a"), false, 1},
		{"no name", "[{kind: Secret, namespace: shop}]", shop("Secret", "a"), false, 1},
		{"any kind", "[{kind: '*', namespace: shop, name: a}]", shop("Secret", "a"), false, 1},
		{"a pattern that is none", "[{kind: Secret, namespace: '[', name: a}]", shop("Secret", "a"), false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := New(annotated("p", permit, c.list))
			err := r.ValuesFrom(c.from)
			if (err == nil) != c.ok || err != nil && (!problem.Is(err, problem.Forbidden) || !strings.Contains(err.Error(), permit)) {
				t.Error(err)
			}
			if len(r.Problems()) != c.problems {
				t.Errorf("problems: %v", r.Problems())
			}
		})
	}
	r := Compile(Input{Project: annotated("p"), Global: []*v1alpha1.AppProject{annotated("g", permit, "[{kind: Secret, namespace: shop, name: a}]")}})
	if err := r.ValuesFrom(shop("Secret", "a")); err != nil {
		t.Errorf("what a global project lends is not inherited: %v", err)
	}
}
