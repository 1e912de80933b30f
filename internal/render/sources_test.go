package render

import (
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

func TestCheckSources(t *testing.T) {
	type list = []v1alpha1.ApplicationSource
	app := v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/a", Path: "app"}
	ref := func(name string) v1alpha1.ApplicationSource {
		return v1alpha1.ApplicationSource{RepoURL: "https://git.example.com/values", Ref: name}
	}
	both := ref("values")
	both.Path = "app"
	chart := ref("values")
	chart.Chart = "web"
	for want, sources := range map[string]list{
		"":                          {app, ref("values"), ref("$other"), ref("a_b-1")},
		"source 2 of 2: repoURL is": {app, {Path: "x"}},
		"repoURL is missing":        {{Path: "x"}},
		`source 1 of 2: ref "a/b"`:  {ref("a/b"), app},
		`source 1 of 2: ref "$"`:    {ref("$"), app},
		"source 2 of 2: a chart":    {app, chart},
		"source 3 of 3: ref values is the name of source 1": {ref("values"), app, ref("$values")},
		"no source has manifests":                           {ref("values"), ref("other")},
		"no source has manifests: a":                        {ref("values")},
	} {
		err := CheckSources(sources)
		if want == "" && err != nil || want != "" && (!problem.Is(err, problem.Invalid) || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := CheckSources(list{both}); err != nil {
		t.Errorf("a ref with a path of its own: %v", err)
	}
}
