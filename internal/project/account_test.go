package project

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// As whom an application writes: the first rule that matches its destination, whatever the others say.
func TestAccount(t *testing.T) {
	type rules = []v1alpha1.ApplicationDestinationServiceAccount
	const here = "https://kubernetes.default.svc"
	for _, c := range []struct {
		name, server, namespace string
		rules                   rules
		want, wrong             string
	}{
		{"a name is of the destination's namespace", here, "shop", rules{{Server: here, Namespace: "shop", DefaultServiceAccount: "deployer"}}, "system:serviceaccount:shop:deployer", ""},
		{"with its namespace", here, "shop", rules{{Server: here, Namespace: "shop", DefaultServiceAccount: "ops:deployer"}}, "system:serviceaccount:ops:deployer", ""},
		{"no destination namespace", here, "", rules{{Server: "*", Namespace: "*", DefaultServiceAccount: "deployer"}}, "system:serviceaccount:team:deployer", ""},
		{"an empty pattern is an empty namespace", here, "shop", rules{{Server: "*", Namespace: "", DefaultServiceAccount: "none"}}, "", ""},
		{"globs", "https://k8s.prod.corp:6443", "shop-eu", rules{{Server: "https://k8s.*.corp:6443", Namespace: "shop-{eu,us}", DefaultServiceAccount: "d"}}, "system:serviceaccount:shop-eu:d", ""},
		{"the first counts", here, "shop", rules{{Server: "*", Namespace: "other", DefaultServiceAccount: "a"}, {Server: "*", Namespace: "sh*", DefaultServiceAccount: "b"}, {Server: "*", Namespace: "*", DefaultServiceAccount: "c"}}, "system:serviceaccount:shop:b", ""},
		{"a slash at the end", here + "/", "shop", rules{{Server: here, Namespace: "shop", DefaultServiceAccount: "d"}}, "system:serviceaccount:shop:d", ""},
		{"none", here, "shop", nil, "", ""},
		{"another server", here, "shop", rules{{Server: "https://b", Namespace: "*", DefaultServiceAccount: "d"}}, "", ""},
		{"a wildcard for an account", here, "shop", rules{{Server: "*", Namespace: "*", DefaultServiceAccount: "de*"}}, "", "'de*'"},
		{"no account", here, "shop", rules{{Server: "*", Namespace: "*", DefaultServiceAccount: " "}}, "", "invalid chars"},
		{"a user in disguise", here, "shop", rules{{Server: "*", Namespace: "*", DefaultServiceAccount: "a:b:c"}}, "", "'a:b:c'"},
		{"an account of nowhere", here, "shop", rules{{Server: "*", Namespace: "*", DefaultServiceAccount: ":admin"}}, "", "':admin'"},
		{"a broken pattern does not fall through", here, "shop", rules{{Server: "[", Namespace: "*", DefaultServiceAccount: "weak"}, {Server: "*", Namespace: "*", DefaultServiceAccount: "strong"}}, "", "cannot be understood"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &v1alpha1.AppProject{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: v1alpha1.AppProjectSpec{DestinationServiceAccounts: c.rules}}
			got, err := New(p).Account(Target{Server: c.server, Namespace: c.namespace}, "team")
			if got != c.want || (err != nil) != (c.wrong != "") || err != nil && (!strings.Contains(err.Error(), c.wrong) || !problem.Is(err, problem.Forbidden)) {
				t.Errorf("%q, %v; want %q, %q", got, err, c.want, c.wrong)
			}
		})
	}
}

// What global projects say comes after what the project itself says.
func TestInheritedAccounts(t *testing.T) {
	rule := func(ns, name string) v1alpha1.ApplicationDestinationServiceAccount {
		return v1alpha1.ApplicationDestinationServiceAccount{Server: "*", Namespace: ns, DefaultServiceAccount: name}
	}
	own := &v1alpha1.AppProject{Spec: v1alpha1.AppProjectSpec{DestinationServiceAccounts: []v1alpha1.ApplicationDestinationServiceAccount{rule("shop", "own")}}}
	all := &v1alpha1.AppProject{Spec: v1alpha1.AppProjectSpec{DestinationServiceAccounts: []v1alpha1.ApplicationDestinationServiceAccount{rule("*", "all")}}}
	r := Compile(Input{Project: own, Global: []*v1alpha1.AppProject{all}})
	for namespace, want := range map[string]string{"shop": "system:serviceaccount:shop:own", "bank": "system:serviceaccount:bank:all"} {
		if got, err := r.Account(Target{Server: "https://a", Namespace: namespace}, "team"); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", namespace, got, err, want)
		}
	}
}
