package charts

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkIndex finds a chart in an index as large repositories have it: 300 charts with 100 versions each, about 15 MB of YAML.
func BenchmarkIndex(b *testing.B) {
	var text strings.Builder
	text.WriteString("apiVersion: v1\nentries:\n")
	for i := range 300 {
		fmt.Fprintf(&text, "  chart-%d:\n", i)
		for v := range 100 {
			fmt.Fprintf(&text, "  - apiVersion: v2\n    appVersion: 1.%d.0\n    created: \"2026-01-02T03:04:05.678Z\"\n    description: %s\n    digest: %064d\n    home: https://example.com/chart-%d\n    maintainers:\n    - email: ada@example.com\n      name: Ada\n    name: chart-%d\n    sources:\n    - https://example.com/source\n    urls:\n    - https://example.com/charts/chart-%d-1.%d.0.tgz\n    version: 1.%d.0\n",
				v, strings.Repeat("words ", 12), v, i, i, i, v, v)
		}
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		ix, err := parseIndex([]byte(text.String()), Repository{URL: "https://example.com"}, "")
		if err != nil {
			b.Fatal(err)
		}
		if list, ok, err := ix.versions("chart-17"); err != nil || !ok || len(list) != 100 {
			b.Fatal(len(list), err)
		}
	}
}
