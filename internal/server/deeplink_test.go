package server

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func linkTestData() map[string]any {
	app := map[string]any{
		"metadata": map[string]any{"name": "guestbook", "labels": map[string]any{"team/name": "a&b"}, "annotations": map[string]any{"host": "logs.example.org", "bad": "javascript:alert(1)//", "big": strings.Repeat("x", 20_000)}},
		"spec":     map[string]any{"project": "default", "destination": map[string]any{"namespace": "prod"}},
		"status":   map[string]any{"resources": []any{map[string]any{"kind": "Pod"}, map[string]any{"kind": "Service"}}, "count": int64(3)},
	}
	return map[string]any{"app": app, "application": app, "cluster": map[string]any{"name": "in-cluster"}}
}

func TestLinks(t *testing.T) {
	list, err := readLinks("application.links", `
- title: Splunk
  url: https://splunk.example.org?search={{.app.spec.destination.namespace}}
  description: logs
  icon.class: fa-book
- title: Here
  url: https://here/{{ .application.metadata.name | upper }}
  if: application.spec.project == "default"
- title: Not here
  url: https://x
  if: app.spec.project == "other"
- title: Label
  url: https://x/?t={{ index .app.metadata.labels "team/name" | urlquery }}
  if: app.metadata.labels["team/name"] != nil && len(app.status.resources) > 1
- title: Kinds
  url: https://x/{{range $i, $r := .app.status.resources}}{{if $i}},{{end}}{{$r.kind}}{{end}}
  if: any(app.status.resources, .kind == "Pod") and app.status.count == 3
- title: Host
  url: https://{{.app.metadata.annotations.host}}/
- title: Of a sum
  url: https://x
  if: 'len(map(app.status.resources, #.kind + "!")) == 2'
- title: <b>bold</b>
  url: https://x/{{ default "none" .app.metadata.annotations.missing }}
- title: Everything of a big one is gone
  url: https://x/{{.app.metadata.annotations.big}}
- title: What is not there is told as templates do
  url: https://x/?env={{.project.metadata.labels.env}}
`)
	if err != nil {
		t.Fatal(err)
	}
	got, faults := linksFor(list, linkTestData())
	want := []argocd.LinkInfo{
		{Title: "Splunk", URL: "https://splunk.example.org?search=prod", Description: "logs", IconClass: "fa-book"},
		{Title: "Here", URL: "https://here/GUESTBOOK"},
		{Title: "Label", URL: "https://x/?t=a%26b"},
		{Title: "Kinds", URL: "https://x/Pod,Service"},
		{Title: "Host", URL: "https://logs.example.org/"},
		{Title: "Of a sum", URL: "https://x"},
		{Title: "<b>bold</b>", URL: "https://x/none"},
		{Title: "Everything of a big one is gone", URL: "https://x/"},
		{Title: "What is not there is told as templates do", URL: "https://x/?env=%3Cno%20value%3E"},
	}
	if diff := cmp.Diff(want, got.Items); diff != "" || len(faults) > 0 {
		t.Errorf("%v (-want +got):\n%s", faults, diff)
	}
}

// What a link must not do ends as a fault in good time, and the other links are shown.
func TestLinksAreBounded(t *testing.T) {
	double := `{{$x := "https://example.org/abcdefghijklmnop"}}` + strings.Repeat(`{{$x = print $x $x}}`, 60) + `{{$x}}`
	nested := `{{$x := list 1 1}}` + strings.Repeat(`{{$x = list $x $x}}`, 60) + `https://x/{{$x}}`
	lets := ""
	for i := range 30 {
		lets += "let v" + string(rune('a'+i%26)) + strings.Repeat("z", i/26) + " = "
		if i == 0 {
			lets += `"aaaaaaaaaaaaaaaaaaaaaaaaaaaa"; `
			continue
		}
		before := "v" + string(rune('a'+(i-1)%26)) + strings.Repeat("z", (i-1)/26)
		lets += before + " + " + before + "; "
	}
	for name, l := range map[string]deepLink{
		"script":               {URL: "{{.app.metadata.annotations.bad}}"},
		"a number's loop":      {URL: "https://x/{{range 1000000000000}}{{end}}"},
		"loops in loops":       {URL: "https://x/{{range 9999}}{{range 9999}}{{range 9999}}{{end}}{{end}}{{end}}"},
		"a long address":       {URL: "https://x/{{range 100000}}aaaaaaaaaaaaaaaa{{end}}"},
		"doubling":             {URL: double},
		"lists of lists":       {URL: nested},
		"many out of one":      {URL: `https://x/{{ repeat 1000000000 "x" }}`},
		"the environment":      {URL: `https://x/{{ env "HOME" }}`},
		"expanded environment": {URL: `https://x/{{ expandenv "$HOME" }}`},
		"the network":          {URL: `https://x/{{ getHostByName "example.org" }}`},
		"keys":                 {URL: `https://x/{{ genPrivateKey "rsa" }}`},
		"itself":               {URL: `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`},
		"in place":             {URL: `https://x/{{ set .app "app" .app }}`},
		"no template":          {URL: "https://x/{{"},
		"its own function":     {URL: "https://x/{{ʘnothing}}"},
		"long text":            {URL: "https://x/" + strings.Repeat(" ", maxTemplate)},

		"condition of loops":   {URL: "https://x", If: "let a = 1..9000; count(a, count(a, count(a, true) > 0) > 0) > 0"},
		"condition of much":    {URL: "https://x", If: "len(1..1000000000) > 0"},
		"condition doubles":    {URL: "https://x", If: lets + `true`},
		"condition of nothing": {URL: "https://x", If: "app.metadata.nothing.there"},
		"condition of a text":  {URL: "https://x", If: `"yes"`},
		"no condition":         {URL: "https://x", If: "1 +"},
		"condition calls":      {URL: "https://x", If: `env("HOME") != ""`},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			got, faults := linksFor([]deepLink{l, {Title: "good", URL: "https://good"}}, linkTestData())
			if len(faults) != 1 || len(got.Items) != 1 || got.Items[0].Title != "good" {
				t.Errorf("%d links, %v", len(got.Items), faults)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %s", took)
			}
			for _, f := range faults {
				if len(f.Error()) > 500 {
					t.Errorf("the fault is long: %d bytes", len(f.Error()))
				}
			}
		})
	}
}

func TestReadLinks(t *testing.T) {
	if list, err := readLinks("x", " \n"); list != nil || err != nil {
		t.Error(list, err)
	}
	for _, raw := range []string{"{a: b}", "]", "- - a"} {
		if _, err := readLinks("resource.links", raw); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "resource.links") {
			t.Errorf("%q: %v", raw, err)
		}
	}
	if _, err := readLinks("x", strings.Repeat("- {title: a, url: b}\n", maxLinks+1)); !problem.Is(err, problem.Limit) {
		t.Error(err)
	}
}

// The data that a link reads is the same afterwards: others read it, too.
func TestLinksChangeNothing(t *testing.T) {
	data, same := linkTestData(), linkTestData()
	linksFor([]deepLink{{URL: `https://x/{{ append .app.status.resources 1 | len }}{{ omit .app "spec" | len }}`}}, data)
	if diff := cmp.Diff(same, data); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkLinks(b *testing.B) {
	list, err := readLinks("x", `- {title: a, url: "https://x/{{.app.metadata.name}}", if: app.spec.project == "default"}`)
	if err != nil {
		b.Fatal(err)
	}
	data := linkTestData()
	b.ReportAllocs()
	for b.Loop() {
		linksFor(list, data)
	}
}
