package v1alpha1_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

func TestSourceList(t *testing.T) {
	a, b := v1alpha1.ApplicationSource{RepoURL: "a"}, v1alpha1.ApplicationSource{RepoURL: "b"}
	hydrator := &v1alpha1.SourceHydrator{
		DrySource:  v1alpha1.DrySource{RepoURL: "dry", TargetRevision: "main", Path: "deploy"},
		SyncSource: v1alpha1.SyncSource{TargetBranch: "env/prod", Path: "web"},
	}
	elsewhere := *hydrator
	elsewhere.SyncSource.RepoURL = "rendered"

	for _, c := range []struct {
		name  string
		spec  v1alpha1.ApplicationSpec
		want  []v1alpha1.ApplicationSource
		multi bool
	}{
		{"none", v1alpha1.ApplicationSpec{}, nil, false},
		{"one", v1alpha1.ApplicationSpec{Source: &a}, []v1alpha1.ApplicationSource{a}, false},
		{"one in the list", v1alpha1.ApplicationSpec{Sources: []v1alpha1.ApplicationSource{a}}, []v1alpha1.ApplicationSource{a}, true},
		{"the list wins", v1alpha1.ApplicationSpec{Source: &a, Sources: []v1alpha1.ApplicationSource{b, a}}, []v1alpha1.ApplicationSource{b, a}, true},
		{"an empty list does not", v1alpha1.ApplicationSpec{Source: &a, Sources: []v1alpha1.ApplicationSource{}}, []v1alpha1.ApplicationSource{a}, false},
		{
			"hydrated, in the dry repository",
			v1alpha1.ApplicationSpec{Source: &a, Sources: []v1alpha1.ApplicationSource{b}, SourceHydrator: hydrator},
			[]v1alpha1.ApplicationSource{{RepoURL: "dry", TargetRevision: "env/prod", Path: "web"}}, false,
		},
		{
			"hydrated, elsewhere",
			v1alpha1.ApplicationSpec{SourceHydrator: &elsewhere},
			[]v1alpha1.ApplicationSource{{RepoURL: "rendered", TargetRevision: "env/prod", Path: "web"}}, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.spec.SourceList()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := c.spec.HasMultipleSources(); got != c.multi {
				t.Errorf("HasMultipleSources: %v, want %v", got, c.multi)
			}
		})
	}
}

func TestAutomation(t *testing.T) {
	yes, no := true, false
	on := func(a v1alpha1.SyncPolicyAutomated) v1alpha1.ApplicationSpec {
		return v1alpha1.ApplicationSpec{SyncPolicy: &v1alpha1.SyncPolicy{Automated: &a}}
	}
	for _, c := range []struct {
		name string
		spec v1alpha1.ApplicationSpec
		want v1alpha1.Automation
	}{
		{"no policy", v1alpha1.ApplicationSpec{}, v1alpha1.Automation{}},
		{"a policy without automation", v1alpha1.ApplicationSpec{SyncPolicy: &v1alpha1.SyncPolicy{}}, v1alpha1.Automation{}},
		{"an empty block is on", on(v1alpha1.SyncPolicyAutomated{}), v1alpha1.Automation{Enabled: true}},
		{"all", on(v1alpha1.SyncPolicyAutomated{Enabled: &yes, Prune: &yes, SelfHeal: &yes, AllowEmpty: &yes}), v1alpha1.Automation{Enabled: true, Prune: true, SelfHeal: true, AllowEmpty: true}},
		{"off takes all with it", on(v1alpha1.SyncPolicyAutomated{Enabled: &no, Prune: &yes, SelfHeal: &yes}), v1alpha1.Automation{}},
		{"false is not absent", on(v1alpha1.SyncPolicyAutomated{Prune: &no, SelfHeal: &yes}), v1alpha1.Automation{Enabled: true, SelfHeal: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.spec.Automation(); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestProjectName(t *testing.T) {
	if got := (&v1alpha1.ApplicationSpec{}).ProjectName(); got != "default" {
		t.Errorf("no project is %q", got)
	}
	if got := (&v1alpha1.ApplicationSpec{Project: "shop"}).ProjectName(); got != "shop" {
		t.Errorf("shop is %q", got)
	}
}
