package reconcile

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/source"
)

func TestChartDetails(t *testing.T) {
	tree := source.Memory(source.Files{
		"shop/Chart.yaml":       "name: shop",
		"shop/values.yaml":      "image: {tag: v1, pull: Always}\nlist: [{a: 1}, two]\n\"dotted.key\": yes\nnothing:\n",
		"shop/values-prod.yml":  "image: {tag: v2}\nlist: []\n",
		"shop/readme.yaml":      "a: b",
		"shop/sub/values.yaml":  "x: y",
		"shared/values.yaml":    "image: {tag: shared}",
		"shop/values-bad.yaml":  "- a list",
		"shop/values-link.yaml": "x: y",
	})
	names := func(d Details) string {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(d.Parameters)) {
			list = append(list, name+"="+d.Parameters[name])
		}
		return strings.Join(list, " ")
	}
	var d Details
	if err := d.readChart(source.NewFS(tree, 0), v1alpha1.ApplicationSource{Path: "shop"}); err != nil {
		t.Fatal(err)
	}
	if got, want := names(d), `dotted\.key=true image.pull=Always image.tag=v1 list[0].a=1 list[1]=two nothing=`; got != want {
		t.Errorf("parameters %s, want %s", got, want)
	}
	if got := strings.Join(d.ValueFiles, " "); got != "values-bad.yaml values-link.yaml values-prod.yml values.yaml" || !strings.Contains(d.Values, "pull: Always") {
		t.Errorf("value files %s, values %q", got, d.Values)
	}
	for _, c := range []struct {
		files  []string
		ignore bool
		kind   problem.Kind
		fails  bool
		tag    string
	}{
		{files: []string{"values-prod.yml"}, tag: "v2"},
		{files: []string{"values-prod.yml", "/shared/values.yaml"}, tag: "shared"},
		{files: []string{"../shared/values.yaml"}, tag: "shared"},
		{files: []string{"$other/values.yaml", "https://example.org/values.yaml"}, tag: "v1"},
		{files: []string{"none.yaml"}, ignore: true, tag: "v1"},
		{files: []string{"none.yaml"}, fails: true, kind: problem.NotFound},
		{files: []string{"../../etc/passwd"}, fails: true, kind: problem.Invalid},
		{files: []string{"values-bad.yaml"}, fails: true, kind: problem.Invalid},
	} {
		d := Details{}
		err := d.readChart(source.NewFS(tree, 0), v1alpha1.ApplicationSource{Path: "shop", Helm: &v1alpha1.ApplicationSourceHelm{ValueFiles: c.files, IgnoreMissingValueFiles: c.ignore}})
		if c.fails && problem.KindOf(err) != c.kind || !c.fails && (err != nil || d.Parameters["image.tag"] != c.tag) {
			t.Errorf("%v: %v, tag %s, want %s", c.files, err, d.Parameters["image.tag"], c.tag)
		}
	}
}
