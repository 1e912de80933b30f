package cluster

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestExcluded(t *testing.T) {
	kind := func(group, kind string) schema.GroupKind { return schema.GroupKind{Group: group, Kind: kind} }
	for name, c := range map[string]struct {
		settings Settings
		gk       schema.GroupKind
		want     bool
	}{
		"by default":                     {Settings{}, kind("", "Endpoints"), true},
		"endpoints of another group":     {Settings{}, kind("my.group", "Endpoints"), false},
		"lease":                          {Settings{}, kind("coordination.k8s.io", "Lease"), true},
		"deployment":                     {Settings{}, kind("apps", "Deployment"), false},
		"defaults switched off":          {Settings{Exclusions: []Filter{}}, kind("", "Endpoints"), false},
		"events, even then":              {Settings{Exclusions: []Filter{}}, kind("", "Event"), true},
		"events of the new group":        {Settings{Exclusions: []Filter{}}, kind("events.k8s.io", "Event"), true},
		"custom event":                   {Settings{}, kind("my.group", "Event"), false},
		"group by glob":                  {Settings{Exclusions: []Filter{{APIGroups: []string{"*.cattle.io"}}}}, kind("fleet.cattle.io", "Bundle"), true},
		"another cluster":                {Settings{Exclusions: []Filter{{Kinds: []string{"Secret"}, Clusters: []string{"https://other*"}}}}, kind("", "Secret"), false},
		"this cluster":                   {Settings{Exclusions: []Filter{{Kinds: []string{"Secret"}, Clusters: []string{"https://this*"}}}}, kind("", "Secret"), true},
		"not included":                   {Settings{Inclusions: []Filter{{Kinds: []string{"Deployment"}}}}, kind("", "Secret"), true},
		"included":                       {Settings{Inclusions: []Filter{{Kinds: []string{"Deployment"}}}}, kind("apps", "Deployment"), false},
		"included and excluded":          {Settings{Inclusions: []Filter{{Kinds: []string{"*"}}}, Exclusions: []Filter{{Kinds: []string{"Secret"}}}}, kind("", "Secret"), true},
		"a pattern that is no glob":      {Settings{Exclusions: []Filter{{Kinds: []string{"[Sec"}}}}, kind("", "Secret"), false},
		"an empty filter means anything": {Settings{Exclusions: []Filter{{}}}, kind("apps", "Deployment"), true},
	} {
		if got := c.settings.excluded("https://this.cluster", c.gk); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
