package project

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func TestProof(t *testing.T) {
	const url = "https://git.corp/team/shop.git"
	policy := func(mode v1alpha1.SourceIntegrityGPGMode, keys string, repos ...string) v1alpha1.SourceIntegrityGitPolicy {
		p := v1alpha1.SourceIntegrityGitPolicy{GPG: &v1alpha1.SourceIntegrityGitPolicyGPG{Mode: mode, Keys: strings.Fields(keys)}}
		for _, r := range repos {
			p.Repos = append(p.Repos, v1alpha1.SourceIntegrityGitPolicyRepo{URL: r})
		}
		return p
	}
	of := func(list ...v1alpha1.SourceIntegrityGitPolicy) v1alpha1.AppProjectSpec {
		return v1alpha1.AppProjectSpec{SourceIntegrity: &v1alpha1.SourceIntegrity{Git: &v1alpha1.SourceIntegrityGit{Policies: list}}}
	}
	const key, other = "4AEE18F83AFDEB23", "0000000000000001"
	for _, c := range []struct {
		name string
		spec v1alpha1.AppProjectSpec
		want *Proof
		err  string
	}{
		{name: "nothing is demanded"},
		{"older keys go for every repository", v1alpha1.AppProjectSpec{SignatureKeys: []v1alpha1.SignatureKey{{KeyID: "4aee18f83afdeb23"}}}, &Proof{Keys: []string{key}}, ""},
		{"policies replace them", func() v1alpha1.AppProjectSpec {
			s := of(policy("head", other, "*"))
			s.SignatureKeys = []v1alpha1.SignatureKey{{KeyID: key}}
			return s
		}(), &Proof{Keys: []string{other}}, ""},
		{"a glob covers it, in another spelling", of(policy("head", key, "HTTPS://git.corp:443/team/*")), &Proof{Keys: []string{key}}, ""},
		{"all ancestors", of(policy("strict", "0x"+key+" 5DE3E0509C47EA3CF04A42D34AEE18F83AFDEB23 nonsense", "*")), &Proof{Deep: true, Keys: []string{key, key}}, ""},
		{"of others", of(policy("head", key, "https://git.corp/other/*")), nil, ""},
		{"left out", of(policy("head", key, "*", "!https://git.corp/team/*")), nil, ""},
		{"left out of one of two", of(policy("head", key, "*", "!https://git.corp/team/*"), policy("strict", other, "https://git.corp/team/*")), &Proof{Deep: true, Keys: []string{other}}, ""},
		{"none", of(policy("none", "", "*")), nil, ""},
		{"no key is good enough", of(policy("head", "", "*")), &Proof{}, ""},
		{"two cover it", of(policy("head", key, "*"), policy("none", "", "https://git.corp/*")), nil, "multiple (2) git source integrity policies"},
		{"an unknown mode", of(policy("Strict", key, "*")), nil, `unknown GPG mode "Strict"`},
		{"a pattern that is none", of(policy("head", key, "https://git.corp/[")), nil, "sourceIntegrity: url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := New(&v1alpha1.AppProject{Spec: c.spec}).Proof(url)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("%v", err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
