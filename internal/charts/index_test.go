package charts

import (
	"slices"
	"testing"

	"github.com/hawser-cd/hawser/internal/problem"
)

// However an index is written, it says the same.
func TestIndexesInEveryForm(t *testing.T) {
	const common = "apiVersion: v1\nentries:\n  shop:\n  - version: 1.0.0\n    created: 2026-01-02T03:04:05Z\n    description: |\n      entries:\n      other: text\n    urls: [a.tgz]\n  - version: \"1.1\"\n    urls:\n    - b.tgz\n  empty: []\ngenerated: x\n"
	for name, text := range map[string]string{
		"common":       "apiVersion: v1\nentries:\n  shop:\n  - version: 1.0.0\n    created: 2026-01-02T03:04:05Z\n    description: |\n      entries:\n        other: text\n    urls: [a.tgz]\n  - version: \"1.1\"\n    urls:\n    - b.tgz\n  tools:\n    - version: 2.0.0\n      urls: [c.tgz]\ngenerated: x\n",
		"windows":      "apiVersion: v1\r\nentries:\r\n  shop:\r\n  - version: 1.0.0\r\n  - version: 1.1\r\n  tools:\r\n  - version: 2.0.0\r\n",
		"flow":         "{apiVersion: v1, entries: {shop: [{version: 1.0.0}, {version: \"1.1\"}], tools: [{version: 2.0.0}]}}",
		"json":         `{"apiVersion":"v1","entries":{"shop":[{"version":"1.0.0"},{"version":"1.1"},null],"tools":[{"version":"2.0.0"}]}}`,
		"deeper":       "apiVersion: v1\nentries:\n    shop:\n    - version: 1.0.0\n    - version: 1.1\n    tools:\n    - version: 2.0.0\n",
		"quoted names": "apiVersion: v1\nentries:\n  \"shop\":\n  - version: 1.0.0\n  - version: 1.1\n  'tools':\n  - version: 2.0.0\n",
		"anchors":      "apiVersion: v1\nentries:\n  shop:\n  - &first\n    version: 1.0.0\n  - version: 1.1\n  tools:\n  - version: 2.0.0\n  - *first\n",
		"other order":  "generated: x\nentries:\n  # tools\n  tools:\n  - version: 2.0.0\n\n  shop:\n  - version: 1.0.0\n  - version: 1.1\napiVersion: v1\n",
	} {
		ix, err := parseIndex([]byte(text), Repository{URL: "https://x"}, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, ok, err := ix.versions("tools")
		if err != nil || !ok || got[0].Version != "2.0.0" {
			t.Errorf("%s: %v %v", name, got, err)
		}
		list, err := ix.list()
		if err != nil || len(list) != 2 || list[0].Name != "shop" || !slices.Equal(list[0].Versions, []string{"1.1", "1.0.0"}) {
			t.Errorf("%s: %v %v", name, list, err)
		}
	}
	ix, err := parseIndex([]byte(common), Repository{URL: "https://x"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok, err := ix.versions("shop"); err != nil || !ok || len(got) != 2 || got[0].Created.Year() != 2026 || got[1].URLs[0] != "b.tgz" {
		t.Errorf("%v %v", got, err)
	}
	if got, ok, err := ix.versions("empty"); err != nil || !ok || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
	if _, err := parseIndex([]byte("apiVersion: v1\nkind: List\n"), Repository{URL: "https://x"}, ""); !problem.Is(err, problem.Unavailable) {
		t.Error(err)
	}
}
