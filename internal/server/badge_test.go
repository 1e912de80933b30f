package server

import (
	"encoding/xml"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// words are the texts of a badge, its title first; it fails when the badge is no XML or holds what runs.
func words(t *testing.T, svg string) (list []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		switch x := token.(type) {
		case xml.StartElement:
			switch x.Name.Local {
			case "svg", "g", "rect", "text", "title":
			default:
				t.Errorf("element %s", x.Name.Local)
			}
			for _, a := range x.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
					t.Errorf("attribute %s", a.Name.Local)
				}
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(x)); text != "" {
				list = append(list, text)
			}
		}
	}
}

func TestBadgeIsDrawn(t *testing.T) {
	for _, c := range []struct {
		sign sign
		want []string
		has  string
	}{
		{unknownSign, []string{"Unknown Unknown", "Unknown", "Unknown"}, "#5c3d78"},
		{sign{health: "Healthy", sync: "Synced"}, []string{"Healthy Synced", "Healthy", "Synced"}, `role="img" aria-label="Healthy Synced"`},
		{sign{health: "Not Found"}, []string{"Not Found", "Not Found"}, badgeNeutral},
		{sign{name: "shop", health: "Degraded", sync: "OutOfSync", revision: "abc1234"}, []string{"shop: Degraded OutOfSync (abc1234)", "shop", "Degraded", "OutOfSync", "(abc1234)"}, `height="40"`},
		{sign{health: "Healthy", sync: "Synced", width: 500}, []string{"Healthy Synced", "Healthy", "Synced"}, `<svg xmlns="http://www.w3.org/2000/svg" width="500"`},
		{sign{name: `"><script>`, health: "<b>", sync: "&", revision: "</text><script>alert(1)</script>"},
			[]string{`"><script>: <b> & (</text><script>alert(1)</script>)`, `"><script>`, "<b>", "&", "(</text><script>alert(1)</script>)"}, "&lt;script"},
	} {
		svg := c.sign.draw()
		if diff := cmp.Diff(c.want, words(t, svg)); diff != "" || !strings.Contains(svg, c.has) {
			t.Errorf("%+v (-want +got):\n%s\n%s", c.sign, diff, svg)
		}
	}
}

func TestBadgeOfProjects(t *testing.T) {
	app := func(namespace, project string, h v1alpha1.HealthStatusCode, s v1alpha1.SyncStatusCode) *v1alpha1.Application {
		a := &v1alpha1.Application{}
		a.Namespace, a.Spec.Project = namespace, project
		a.Status.Health.Status, a.Status.Sync.Status = h, s
		return a
	}
	all := []*v1alpha1.Application{
		app("argocd", "good", "Healthy", "Synced"), app("argocd", "", "Progressing", "Synced"), app("argocd", "drifts", "Healthy", "OutOfSync"), app("other", "good", "Degraded", "OutOfSync"),
	}
	for _, c := range []struct {
		projects     []string
		health, sync string
	}{
		{[]string{"good"}, "Healthy", "Synced"}, {[]string{"default"}, "Degraded", "Synced"}, {[]string{"good", "drifts"}, "Healthy", "OutOfSync"}, {[]string{"none"}, "Unknown", "Unknown"},
	} {
		if health, sync := together(all, "argocd", c.projects, unknownSign); health != c.health || sync != c.sync {
			t.Errorf("%v: %s, %s", c.projects, health, sync)
		}
	}
}

func TestBadgeQueries(t *testing.T) {
	for query, ok := range map[string]bool{
		"name=shop": true, "name=a.b": true, "namespace=x&project=Team-A&project=b": true, "": true,
		"name=%3Cscript%3E": false, "name=a/b": false, "namespace=a.b": false, "project=a%20b": false, "project=ok&project=%22": false,
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if err := validBadge(q); (err == nil) != ok {
			t.Errorf("%s: %v", query, err)
		}
	}
	app := &v1alpha1.Application{}
	if got := shownRevision(app, true); got != "" {
		t.Error(got)
	}
	app.Status.OperationState = &v1alpha1.OperationState{SyncResult: &v1alpha1.SyncOperationResult{Revision: "0123456789"}}
	if short, full := shownRevision(app, false), shownRevision(app, true); short != "0123456" || full != "0123456789" {
		t.Error(short, full)
	}
	app.Status.OperationState.SyncResult.Revisions = []string{"ffffffffff", "0"}
	if got := shownRevision(app, false); got != "fffffff" {
		t.Error(got)
	}
}

// Without the setting a badge says nothing, whatever is asked for, and pages elsewhere may show it.
func TestBadgeIsOff(t *testing.T) {
	h := newHouse(t, defaultBounds, nil)
	status, header, text := h.do(t, "GET", "/api/badge?name=%3Cscript%3E", "", "")
	if status != 200 || header.Get("Content-Type") != "image/svg+xml" || header.Get("Access-Control-Allow-Origin") != "*" || header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("%d %v", status, header)
	}
	if diff := cmp.Diff([]string{"Unknown Unknown", "Unknown", "Unknown"}, words(t, text)); diff != "" {
		t.Error(diff)
	}
}
