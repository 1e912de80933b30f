package script

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func content() map[string]any {
	return map[string]any{
		"kind": "Thing", "apiVersion": "example.com/v1",
		"metadata": map[string]any{"name": "a", "managedFields": []any{map[string]any{"manager": "m"}}, "finalizers": []any{}},
		"spec": map[string]any{
			"big": int64(1<<60 + 1), "count": int64(3), "half": 2.5, "whole": 4.0, "none": nil, "list": []any{}, "map": map[string]any{},
			"items": []any{map[string]any{"name": "x", "args": []any{}, "id": int64(1<<60 + 3)}, map[string]any{"name": "y", "args": []any{}, "id": int64(1<<60 + 5)}},
		},
	}
}

func returned(t *testing.T, source string) (any, error) {
	t.Helper()
	p, err := Compile("test.lua", source)
	if err != nil {
		t.Fatal(err)
	}
	i := New(Settings{Users: "tests", Require: true, Returns: true})
	o := &object.Object{Object: content()}
	a, err := i.Run(t.Context(), p, Input{Object: o, Params: map[string]string{"n": "7"}, Now: time.Unix(1_700_000_000, 0)})
	if err != nil {
		return nil, err
	}
	if diff := cmp.Diff(content(), o.Object); diff != "" {
		t.Errorf("the object was changed: %s", diff)
	}
	return a.Plain(a.Value, content())
}

// What a script hands through comes back as it was, although Lua knows neither lists nor whole numbers.
func TestWhatAScriptDidNotTouchIsAsItWas(t *testing.T) {
	whole := content()
	delete(whole["metadata"].(map[string]any), "managedFields")
	spec := func() map[string]any { return content()["spec"].(map[string]any) }
	for source, want := range map[string]any{
		`return obj`:                                            whole,
		`return {a = obj.spec}`:                                 map[string]any{"a": spec()},
		`return {a = hawser.get("spec")}`:                       map[string]any{"a": spec()},
		`return obj.spec.list`:                                  []any{},
		`return {{obj.spec.map}}`:                               []any{[]any{map[string]any{}}},
		`return {spec = {list = {}, x = {}}}`:                   map[string]any{"spec": map[string]any{"list": []any{}, "x": map[string]any{}}},
		`table.remove(obj.spec.items, 1) return obj.spec.items`: []any{spec()["items"].([]any)[1]}, // its numbers and empty lists moved with it
		`obj.spec.count = obj.spec.count + 1 return {obj.spec.count, obj.spec.count / 8}`: []any{int64(4), 0.5},
		`return {tonumber(actionParams.n), actionParams["n"], true, "x"}`:                 int64List(),
		`local os = require("os") return {os.date("!%Y-%m-%dT%XZ")}`:                      []any{"2023-11-14T22:13:20Z"},
		`return nil`: nil,
	} {
		got, err := returned(t, source)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", source, err, diff)
		}
	}
}

func int64List() []any { return []any{int64(7), "7", true, "x"} }

func TestWhatCannotBeAnObjectIsRefused(t *testing.T) {
	for source, want := range map[string]string{
		`local t = {} t.t = t return t`:                                                     "100 levels",
		`local t = {} for i = 1, 60 do t = {a = t, b = t} end return t`:                     "it returned too much",
		`local s = ("x"):rep(200000) local t = {} for i = 1, 1000 do t[i] = s end return t`: "8 MiB",
		`return {function() end}`:                                                           "a function within an object",
		`return {[true] = 1}`:                                                               "a boolean for a key",
		`return {1, a = 2}`:                                                                 `a list and has the field "a"`,
		`return {1, nil, 3}`:                                                                "without an item 2",
		`return {0/0}`:                                                                      "where a number is wanted",
		`return {"\255"}`:                                                                   "not UTF-8",
		`return {["\255"] = 1}`:                                                             "not UTF-8",
		`require("io")`:                                                                     `require("io") is not open to tests`,
		`require("debug")`:                                                                  "is not open to tests",
		`os.execute("true")`:                                                                "os.execute is not open to tests",
		`local t = {} for i = 1, 1e6 do t[i] = hawser.get("spec") end`: "more than 1000000 steps",
		`while true do end`:                          "more than 1000000 steps",
		`local s = "x" while true do s = s .. s end`: "strings of more than",
	} {
		v, err := returned(t, source)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %s", source, v, err, want)
		}
	}
}

func TestKinds(t *testing.T) {
	var k Kinds[string]
	for _, kind := range []string{"*/*", "*.example.com/*", "*.example.com/Thing*", "a.example.com/Thing", "/Service"} {
		group, name, _ := strings.Cut(kind, "/")
		k.Add(group, name, kind)
	}
	k.Add("*.example.com", "*", "again")
	for kind, want := range map[schema.GroupKind]string{
		{Group: "a.example.com", Kind: "Thing"}: "a.example.com/Thing", {Group: "b.example.com", Kind: "Things"}: "*.example.com/Thing*",
		{Group: "b.example.com", Kind: "Other"}: "again", {Group: "c.org", Kind: "Other"}: "*/*", {Kind: "Service"}: "/Service", {Kind: "Pod"}: "",
	} {
		if got, ok := k.Of(kind); got != want || ok != (want != "") {
			t.Errorf("%v: %q, want %q", kind, got, want)
		}
	}
	var none Kinds[int]
	if _, ok := none.Of(schema.GroupKind{Kind: "Pod"}); ok {
		t.Error("an empty value knows a kind")
	}
}

func TestAScriptIsStoppedWithItsCaller(t *testing.T) {
	p, err := Compile("test.lua", "while true do end")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(Settings{}).Run(ctx, p, Input{Object: &object.Object{}}); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Error(err)
	}
}
