package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// doc is the description as anybody reads it.
func doc(t *testing.T, h *house) map[string]any {
	t.Helper()
	status, header, text := h.do(t, "GET", "/swagger.json", "", "")
	if status != 200 || header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", status, header)
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSwaggerTellsEveryRoute(t *testing.T) {
	h := newHouse(t, defaultBounds, nil)
	d := doc(t, h)
	if d["swagger"] != "2.0" {
		t.Error(d["swagger"])
	}
	paths := d["paths"].(map[string]any)
	s := newServer(Options{Log: nil}, defaultBounds)
	routes := 0
	for _, m := range s.methods() {
		for _, r := range m.REST {
			routes++
			path := strings.ReplaceAll(r.Path, "=**}", "}")
			op, _ := paths[path].(map[string]any)[strings.ToLower(r.Verb)].(map[string]any)
			if op == nil {
				t.Errorf("%s %s is missing", r.Verb, r.Path)
				continue
			}
			var inPath, bodies []string
			named := map[string]bool{}
			list, _ := op["parameters"].([]any)
			for _, p := range list {
				p := p.(map[string]any)
				name, in := p["name"].(string), p["in"].(string)
				if named[in+name] {
					t.Errorf("%s %s has %s twice", r.Verb, r.Path, name)
				}
				named[in+name] = true
				switch in {
				case "path":
					inPath = append(inPath, name)
					if p["required"] != true || !strings.Contains(path, "{"+name+"}") {
						t.Errorf("%s: parameter %v", path, p)
					}
				case "body":
					bodies = append(bodies, name)
					if p["schema"] == nil {
						t.Errorf("%s: a body without a schema", path)
					}
				case "query":
					if p["type"] == nil {
						t.Errorf("%s: parameter %s has no type", path, name)
					}
				}
			}
			if len(inPath) != strings.Count(path, "{") || (len(bodies) == 1) != (r.Body != "") {
				t.Errorf("%s %s: in the path %v, bodies %v", r.Verb, path, inPath, bodies)
			}
		}
	}
	bindings := 0
	for _, m := range argocd.Methods { // of the contract, whatever is declared
		bindings += len(m.REST)
	}
	if routes != bindings {
		t.Errorf("%d routes are declared, and the contract has %d", routes, bindings)
	}
	ids := map[string]bool{}
	for path, verbs := range paths {
		for verb, op := range verbs.(map[string]any) {
			id := op.(map[string]any)["operationId"].(string)
			if ids[id] {
				t.Errorf("%s %s: the id %s is taken", verb, path, id)
			}
			ids[id] = true
		}
	}
	app := paths["/api/v1/applications"].(map[string]any)["get"].(map[string]any)
	if !slices.ContainsFunc(app["parameters"].([]any), func(p any) bool {
		return p.(map[string]any)["name"] == "projects" && p.(map[string]any)["type"] == "array"
	}) {
		t.Errorf("projects is no list: %v", app["parameters"])
	}
}

func TestSwaggerIsWhole(t *testing.T) {
	d := doc(t, newHouse(t, defaultBounds, nil))
	definitions := d["definitions"].(map[string]any)
	used := map[string]bool{"runtimeError": true}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				name := strings.TrimPrefix(ref, "#/definitions/")
				used[name] = true
				if definitions[name] == nil {
					t.Errorf("%s: %s does not resolve", at, ref)
				}
				if len(v) != 1 {
					t.Errorf("%s: beside a $ref nothing counts: %v", at, v)
				}
			}
			for k, e := range v {
				walk(at+"/"+k, e)
			}
		case []any:
			for i, e := range v {
				walk(fmt.Sprint(at, "/", i), e)
			}
		}
	}
	walk("", d)
	for name := range definitions {
		if !used[name] {
			t.Errorf("nothing uses %s", name)
		}
	}
	app := definitions["v1alpha1Application"].(map[string]any)["properties"].(map[string]any)
	for _, name := range []string{"metadata", "spec", "status", "operation", "kind", "apiVersion"} {
		if app[name] == nil {
			t.Errorf("an application has no %s", name)
		}
	}
	meta := definitions["v1ObjectMeta"].(map[string]any)["properties"].(map[string]any)
	if created := meta["creationTimestamp"].(map[string]any); created["type"] != "string" || created["format"] != "date-time" {
		t.Error(created)
	}
}

// The page names every route, and runs nothing.
func TestSwaggerPage(t *testing.T) {
	h := newHouse(t, defaultBounds, nil)
	status, header, text := h.do(t, "GET", "/swagger-ui", "", "")
	if status != 200 || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v", status, header)
	}
	for _, not := range []string{"<script", "<style", "http://", "https://", "onclick"} {
		if strings.Contains(text, not) {
			t.Errorf("the page holds %s", not)
		}
	}
	for _, want := range []string{"POST /api/v1/applications/{name}/sync", "applications, sync", "application.ApplicationService"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}
