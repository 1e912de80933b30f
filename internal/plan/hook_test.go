package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
)

func TestHooks(t *testing.T) {
	for name, c := range map[string]struct {
		annotations map[string]string
		hook, skip  bool
		want        []v1alpha1.HookType
	}{
		"none":                      {nil, false, false, nil},
		"one":                       {hookOf("PreSync"), true, false, []v1alpha1.HookType{"PreSync"}},
		"several, one twice":        {hookOf("PostSync, PreSync,PostSync"), true, false, []v1alpha1.HookType{"PreSync", "PostSync"}},
		"deletion":                  {hookOf("PostDelete,PreDelete"), true, false, []v1alpha1.HookType{"PreDelete", "PostDelete"}},
		"garbage runs never":        {hookOf("Sometime"), true, false, nil},
		"Skip alone is no hook":     {hookOf("Skip"), false, true, nil},
		"Skip beside another":       {hookOf("Skip,Sync"), true, false, []v1alpha1.HookType{"Sync"}},
		"Helm's":                    {map[string]string{"helm.sh/hook": "pre-install,pre-upgrade, post-upgrade"}, true, false, []v1alpha1.HookType{"PreSync", "PostSync"}},
		"Helm's rollback and tests": {map[string]string{"helm.sh/hook": "pre-rollback,test"}, true, false, nil},
		"Helm 2's CRDs":             {map[string]string{"helm.sh/hook": "crd-install"}, false, false, nil},
		"Argo CD's beats Helm's":    {map[string]string{"helm.sh/hook": "pre-install", v1alpha1.AnnotationHook: "PostSync"}, true, false, []v1alpha1.HookType{"PostSync"}},
	} {
		o := &object.Object{Object: map[string]any{}}
		o.SetAnnotations(c.annotations)
		if IsHook(o) != c.hook || IsSkipped(o) != c.skip {
			t.Errorf("%s: hook %v, skipped %v", name, IsHook(o), IsSkipped(o))
		}
		if diff := cmp.Diff(c.want, Hooks(o, HelmAny)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func hookOf(text string) map[string]string { return map[string]string{v1alpha1.AnnotationHook: text} }

func TestDeletePolicies(t *testing.T) {
	for text, want := range map[string][]v1alpha1.HookDeletePolicy{
		"":                                    {"BeforeHookCreation"},
		"garbage":                             {"BeforeHookCreation"},
		"HookSucceeded":                       {"HookSucceeded"},
		"HookFailed,HookSucceeded,HookFailed": {"HookFailed", "HookSucceeded"},
	} {
		o := &object.Object{Object: map[string]any{}}
		o.SetAnnotations(map[string]string{v1alpha1.AnnotationHookDeletePolicy: text})
		if diff := cmp.Diff(want, DeletePolicies(o)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	o := &object.Object{Object: map[string]any{}}
	o.SetAnnotations(map[string]string{v1alpha1.AnnotationHelmHookDeletePolicy: "hook-succeeded,before-hook-creation"})
	if diff := cmp.Diff([]v1alpha1.HookDeletePolicy{"HookSucceeded", "BeforeHookCreation"}, DeletePolicies(o)); diff != "" {
		t.Error(diff)
	}
}

func TestHookObjectIsFoundAgainByTheSameRun(t *testing.T) {
	o := &object.Object{Object: map[string]any{"kind": "Job"}}
	o.SetGenerateName("migrate-")
	o.SetAnnotations(hookOf("PreSync"))
	run := HookRun{Revision: "4c1f2d9aabbcc", Started: 1700000000, ID: "op"}
	a, b := HookObject(o, v1alpha1.HookPreSync, run), HookObject(o, v1alpha1.HookPreSync, run)
	if a.GetName() != "migrate-4c1f2d9-presync-1700000000" || a.GetName() != b.GetName() || a.GetAnnotations()[AnnotationRun] != "op-presync" || a.GetGenerateName() != "" {
		t.Errorf("name %q, annotations %v", a.GetName(), a.GetAnnotations())
	}
	if o.GetName() != "" {
		t.Error("HookObject changed its input")
	}
}

// Versions of charts and digests are revisions, too, and hold what a name may not.
func TestHookNamesOfAnyRevision(t *testing.T) {
	for revision, want := range map[string]string{"4c1f2d9aabbcc": "4c1f2d9", "1.2.0": "1.2.0", "1.2.0+Build.5": "1.2.0-b", "10.20.-x": "10.20", "sha256:0123456789ab": "0123456", "v1": "v1"} {
		if got := (HookRun{Revision: revision}).shortRevision(); got != want {
			t.Errorf("%s: %q, want %q", revision, got, want)
		}
	}
}
