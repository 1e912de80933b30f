package reconcile

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
	"k8s.io/apimachinery/pkg/types"
)

func TestPatchesAreBoundToOneObject(t *testing.T) {
	config := Resource{Key: object.Key{Kind: "ConfigMap", Name: "c"}}
	secret := Resource{Key: object.Key{Kind: "Secret", Name: "s"}}
	for name, c := range map[string]struct {
		r    PatchRequest
		want string // what is sent, or a part of the refusal
		kind problem.Kind
	}{
		"merge":              {PatchRequest{Resource: config, Patch: []byte(`{"data":{"a":"b","n":12345678901234567890}}`)}, `{"data":{"a":"b","n":12345678901234567890},"metadata":{"uid":"u"}}`, 0},
		"merge with uid":     {PatchRequest{Resource: config, Patch: []byte(`{"metadata":{"uid":"other","labels":{"a":null}}}`)}, `{"metadata":{"labels":{"a":null},"uid":"u"}}`, 0},
		"json":               {PatchRequest{Resource: config, Type: types.JSONPatchType, Patch: []byte(`[{"op":"remove","path":"/data/a"}]`)}, `[{"op":"test","path":"/metadata/uid","value":"u"},{"op":"remove","path":"/data/a"}]`, 0},
		"json of a secret":   {PatchRequest{Resource: secret, Type: types.JSONPatchType, Patch: []byte(`[{"op":"remove","path":"/data/a"}]`)}, `[{"op":"test","path":"/metadata/uid","value":"u"},{"op":"remove","path":"/data/a"}]`, 0},
		"copies a secret":    {PatchRequest{Resource: secret, Type: types.JSONPatchType, Patch: []byte(`[{"op":"copy","from":"/data/a","path":"/metadata/labels/a"}]`)}, "copy", problem.Forbidden},
		"moves a secret":     {PatchRequest{Resource: secret, Type: types.JSONPatchType, Patch: []byte(`[{"op":"move","from":"/data/a","path":"/metadata/labels/a"}]`)}, "copy", problem.Forbidden},
		"tests a secret":     {PatchRequest{Resource: secret, Type: types.JSONPatchType, Patch: []byte(`[{"op":"test","path":"/data/a","value":"guess"}]`)}, "test", problem.Forbidden},
		"apply":              {PatchRequest{Resource: config, Type: types.ApplyPatchType, Patch: []byte(`{}`)}, "type of patch", problem.Invalid},
		"null":               {PatchRequest{Resource: config, Patch: []byte(`null`)}, "empty", problem.Invalid},
		"a list as merge":    {PatchRequest{Resource: config, Patch: []byte(`[]`)}, "cannot be read", problem.Invalid},
		"metadata as a text": {PatchRequest{Resource: config, Patch: []byte(`{"metadata":"x"}`)}, "no object", problem.Invalid},
		"two values":         {PatchRequest{Resource: config, Patch: []byte(`{} {}`)}, "more follows", problem.Invalid},
		"too large":          {PatchRequest{Resource: config, Patch: make([]byte, maxPatch+1)}, "larger than", problem.Limit},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := c.r.bind("u")
			switch {
			case c.kind != 0 && (!problem.Is(err, c.kind) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%s, %v", got, err)
			case c.kind == 0 && (err != nil || string(got) != c.want):
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}

func TestMaskedSecretsArePutBack(t *testing.T) {
	mask := object.Masker{Key: []byte("k")}.Mask
	git := parsed(t, `{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: YQ==, b: Yg==}}`)
	masked := mask(git)
	if plain, hidden := unmask(masked, git, mask); hidden || object.Hash(plain.Object) != object.Hash(git.Object) {
		t.Errorf("hidden %v, %v", hidden, plain.Object["data"])
	}
	other := mask(parsed(t, `{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: eA==, b: Yg==}}`))
	plain, hidden := unmask(other, git, mask)
	data, _ := plain.Object["data"].(map[string]any)
	if !hidden || data["b"] != "Yg==" || data["a"] == "eA==" {
		t.Errorf("hidden %v, %v", hidden, data)
	}
	if _, hidden := unmask(masked, nil, mask); !hidden {
		t.Error("without Git's own nothing can be put back")
	}
}

func TestRevisionsBySourcePosition(t *testing.T) {
	several := &v1alpha1.Application{Spec: v1alpha1.ApplicationSpec{Sources: make([]v1alpha1.ApplicationSource, 3)}}
	for name, c := range map[string]struct {
		r    ManifestRequest
		app  *v1alpha1.Application
		n    int
		want string
		kind problem.Kind
	}{
		"none":         {ManifestRequest{}, several, 3, "||", 0},
		"one":          {ManifestRequest{Revision: "v1"}, &v1alpha1.Application{}, 1, "v1", 0},
		"second":       {ManifestRequest{Revisions: []string{"v2"}, Positions: []int64{2}}, several, 3, "|v2|", 0},
		"all":          {ManifestRequest{Revisions: []string{"a", "b", "c"}}, several, 3, "a|b|c", 0},
		"one of three": {ManifestRequest{Revision: "v1"}, several, 3, "", problem.Invalid},
		"fourth":       {ManifestRequest{Revisions: []string{"v2"}, Positions: []int64{4}}, several, 3, "", problem.Invalid},
		"zeroth":       {ManifestRequest{Revisions: []string{"v2"}, Positions: []int64{0}}, several, 3, "", problem.Invalid},
		"too few":      {ManifestRequest{Revisions: []string{"v2"}, Positions: []int64{1, 2}}, several, 3, "", problem.Invalid},
	} {
		got, err := c.r.revisions(c.app, c.n)
		if c.kind != 0 && !problem.Is(err, c.kind) || c.kind == 0 && (err != nil || strings.Join(got, "|") != c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
