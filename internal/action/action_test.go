package action

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/problem"
)

const offersAll = `return {go = {}}`

func custom(t *testing.T, list ...Custom) *Actions {
	t.Helper()
	a, problems := New(list)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return a
}

// thing returns actions of which "go" runs the script, and an object to run it on.
func thing(t *testing.T, script string) (*Actions, *object.Object) {
	t.Helper()
	a := custom(t, Custom{Group: "example.com", Kind: "Thing", Discovery: offersAll, Definitions: []Definition{{"go", script}}, Key: "the key"})
	return a, parse(t, `{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, namespace: ns, uid: u, labels: {app.kubernetes.io/instance: shop}, managedFields: [{manager: m}]}, spec: {list: [a, b, c], empty: [], count: 3}, status: {phase: Old}}`)
}

func TestDiscoveryReadsWhatArgoCDReads(t *testing.T) {
	o := parse(t, `{apiVersion: example.com/v1, kind: Thing, metadata: {name: a}, spec: {replicas: 3}}`)
	for script, want := range map[string][]Action{
		`actions = {} actions["b"] = {["disabled"] = true} actions["a"] = {} return actions`: {{Name: "a"}, {Name: "b", Disabled: true}},
		`return {x = {false}, y = true, z = {disabled = false}}`:                             {{Name: "x"}, {Name: "y"}, {Name: "z"}}, // seen in the wild; what is not understood of an action is not there
		`return {}`: nil,
		`local actions = {} actions["scale"] = {["iconClass"] = "fa fa-plus", ["displayName"] = "Scale", ["params"] = {{["name"] = "replicas", ["default"] = obj.spec.replicas, ["type"] = "number"}, {["name"] = "why"}}} return actions`: {
			{Name: "scale", IconClass: "fa fa-plus", DisplayName: "Scale", Params: []Param{{Name: "replicas", Default: "3", Type: "number"}, {Name: "why"}}}},
	} {
		got, err := custom(t, Custom{Group: "example.com", Kind: "Thing", Discovery: script}).Discover(t.Context(), o, noon)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", script, err, diff)
		}
	}
	for script, want := range map[string]string{
		`return nil`:                    "returned a nil",
		`return "x"`:                    "returned a string",
		`return {{}, {}}`:               "not a string of 1 to 63 bytes",
		`return {[("x"):rep(64)] = {}}`: "not a string of 1 to 63 bytes",
		`local t = {} for i = 1, 101 do t["a" .. i] = {} end return t`: "more than 100 actions",
		`error("no", 0)`:    "which actions Thing/a has: the key: no",
		`while true do end`: "the script was stopped",
	} {
		_, err := custom(t, Custom{Group: "example.com", Kind: "Thing", Discovery: script, Key: "the key"}).Discover(t.Context(), o, noon)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", script, err, want)
		}
	}
}

func TestWhatAnActionMayReturn(t *testing.T) {
	type effect struct {
		Operation     Operation
		Name          string
		Patch, Status map[string]any
	}
	source := func(patch, status map[string]any) effect { return effect{Patch, "ns/a", patch, status} }
	spec := func(m map[string]any) map[string]any { return map[string]any{"spec": m} }
	for script, want := range map[string][]effect{
		`return obj`: {source(nil, nil)},
		`return {}`:  nil,
		`obj.spec.count = obj.spec.count + 1 return obj`:                             {source(spec(map[string]any{"count": int64(4)}), nil)},
		`obj.spec.count = tonumber(actionParams["n"]) return obj`:                    {source(spec(map[string]any{"count": int64(7)}), nil)},
		`obj.spec.list[2] = "x" obj.spec.count = nil return obj`:                     {source(spec(map[string]any{"list": []any{"a", "x", "c"}, "count": nil}), nil)},
		`obj.spec.more = {} obj.spec.list = {} return obj`:                           {source(spec(map[string]any{"more": map[string]any{}, "list": []any{}}), nil)},
		`obj.status.phase = "New" return obj`:                                        {source(nil, map[string]any{"status": map[string]any{"phase": "New"}})},
		`obj.status = nil return obj`:                                                {source(nil, map[string]any{"status": nil})},
		`obj.metadata.managedFields = {} return obj`:                                 {source(nil, nil)},
		`local os = require("os") obj.spec.at = os.date("!%Y-%m-%dT%XZ") return obj`: {source(spec(map[string]any{"at": "2026-11-23T12:00:00Z"}), nil)},
		`cm = {} cm.apiVersion = "v1" cm.kind = "ConfigMap" cm.metadata = {} cm.metadata.name = "cm1" cm.metadata.namespace = obj.metadata.namespace
		 cm.metadata.labels = {} cm.metadata.labels["app.kubernetes.io/instance"] = obj.metadata.labels["app.kubernetes.io/instance"]
		 one = {} one.operation = "create" one.resource = cm
		 obj.metadata.labels["aKey"] = "aValue" two = {} two.operation = "patch" two.resource = obj
		 result = {} result[1] = one result[2] = two return result`: {
			{Operation: Create, Name: "ns/cm1"}, source(map[string]any{"metadata": map[string]any{"labels": map[string]any{"aKey": "aValue"}}}, nil)},
		`return {{operation = "create", resource = {apiVersion = "v1", kind = "Pod", metadata = {generateName = "p-"}}}}`: {{Operation: Create, Name: "ns/p-"}},
	} {
		a, o := thing(t, script)
		changes, err := a.Run(t.Context(), o, Request{Action: "go", Params: map[string]string{"n": "7"}, Now: noon})
		var got []effect
		for _, c := range changes {
			e := effect{Operation: c.Operation, Name: c.Object.GetNamespace() + "/" + c.Object.GetName() + c.Object.GetGenerateName()}
			if c.Operation == Patch {
				e.Patch, e.Status = c.PatchOf(o)
			}
			got = append(got, e)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", script, err, diff)
		}
	}
}

func TestBadActionsAreRefused(t *testing.T) {
	const create = `return {{operation = "create", resource = `
	for script, want := range map[string]string{
		``:                              "it returned a nil, neither the changed object nor a list",
		`return 3`:                      "it returned a number",
		`return obj.nothing.here`:       "action.lua:1: attempt to index",
		`return {1}`:                    "as change 1, something without a resource",
		`return {a = 1}`:                "as change 1, an object without metadata",
		`obj.metadata = nil return obj`: "without metadata",
		`return {{resource = obj}}`:     `the operation ""`,
		`return {{operation = "delete", resource = obj}}`:                                         `the operation "delete": it is create or patch`,
		`obj.metadata.name = "b" return obj`:                                                      "a patch of Thing/b: only the object that the action runs on",
		`obj.metadata.namespace = "kube-system" return obj`:                                       "only the object that the action runs on",
		`obj.metadata.uid = "v" return obj`:                                                       "only the object that the action runs on",
		`obj.kind = "Secret" return obj`:                                                          "a patch of Secret/a",
		`return {{operation = "patch", resource = obj}, {operation = "patch", resource = obj}}`:   "as change 2, a second patch",
		create + `{kind = "Pod", metadata = {name = "p"}}}}`:                                      "without apiVersion, kind or name",
		create + `{apiVersion = "v1", kind = "Pod", metadata = {x = 1}}}}`:                        "without apiVersion, kind or name",
		`local t = {} for i = 1, 51 do t[i] = {operation = "patch", resource = obj} end return t`: "51 changes; at most 50",
		`obj.spec.f = function() end return obj`:                                                  "a function within an object",
		`obj.spec.self = obj return obj`:                                                          "100 levels",
		`while true do end`:                                                                       "the key: the script was stopped: it took more than",
		`local s = "x" while true do s = s .. s end`:                                              "the script was stopped: it made strings",
		`os.execute("rm -rf /")`:                                                                  "os.execute is not open to actions",
		`io.open("/etc/passwd")`:                                                                  "io.open is not open to actions",
	} {
		a, o := thing(t, script)
		before := object.Hash(o.Object)
		changes, err := a.Run(t.Context(), o, Request{Action: "go", Now: noon})
		if err == nil || len(changes) > 0 || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "action go of Thing/a: the key") || !strings.Contains(err.Error(), "(mend the script") {
			t.Errorf("%s: %v, %v; want %s", script, changes, err, want)
		}
		if object.Hash(o.Object) != before {
			t.Errorf("%s: the object was changed", script)
		}
	}
	a, o := thing(t, "while true do end")
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := a.Run(ctx, o, Request{Action: "go"}); !problem.Is(err, problem.Limit) {
		t.Error("a script ran on behind its deadline:", err)
	}
	if _, err := a.Run(t.Context(), o, Request{Action: "go", Params: map[string]string{"a": strings.Repeat("x", maxParams)}}); !problem.Is(err, problem.Limit) {
		t.Error("parameters of any size are taken:", err)
	}
}

func TestOwnActionsAndBuiltinOnes(t *testing.T) {
	o := parse(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1, template: {}}}`)
	mine := Custom{Group: "apps", Kind: "Deployment", Discovery: `return {go = {}, pause = {disabled = true}, lost = {}}`, Key: "the key",
		Definitions: []Definition{{"go", `obj.spec.replicas = 9 return obj`}, {"restart", `obj.spec.replicas = 8 return obj`}}}
	if got := spell(custom(t, mine).Discover(t.Context(), o, noon)); got != "go lost (pause)" {
		t.Error("without merging, they replace the built-in ones:", got)
	}
	if _, err := custom(t, mine).Run(t.Context(), o, Request{Action: "restart", Now: noon}); !problem.Is(err, problem.NotFound) {
		t.Error("what discovery does not offer was run:", err)
	}
	if _, err := custom(t, mine).Run(t.Context(), o, Request{Action: "lost", Now: noon}); err == nil || !strings.Contains(err.Error(), "has no definition in the key") {
		t.Error(err)
	}
	mine.MergeBuiltin = true
	a := custom(t, mine)
	if got := spell(a.Discover(t.Context(), o, noon)); got != "go lost (pause) restart (resume) scale[replicas=1]" {
		t.Error("merged, they win:", got)
	}
	for action, want := range map[string]string{"restart": `{"spec":{"replicas":8}}`, "scale": `{"spec":{"replicas":2}}`} {
		changes, err := a.Run(t.Context(), o, Request{Action: action, Params: map[string]string{"replicas": "2"}, Now: noon})
		if err != nil || len(changes) != 1 {
			t.Fatal(err)
		}
		patch, _ := changes[0].PatchOf(o)
		if object.Hash(patch) != object.Hash(parseMap(t, want)) {
			t.Errorf("%s: %v, want %s", action, patch, want)
		}
	}
	if _, err := a.Run(t.Context(), o, Request{Action: "pause", Now: noon}); !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), "is disabled") {
		t.Error(err)
	}
	other := parse(t, `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: 1}}`)
	glob := Custom{Group: "apps", Kind: "*", Discovery: offersAll}
	for o, want := range map[*object.Object]string{o: "go lost (pause) restart (resume) scale[replicas=1]", other: "go"} {
		if got := spell(custom(t, glob, mine).Discover(t.Context(), o, noon)); got != want {
			t.Errorf("an exact name wins over a wildcard, and a wildcard over what is built in: %s, want %s", got, want)
		}
	}
}

func parseMap(t *testing.T, text string) map[string]any {
	return parse(t, `{"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "m": `+text+`}`).Object["m"].(map[string]any)
}

func TestAScriptThatCannotBeCompiledIsNamedAndHarmsNoOther(t *testing.T) {
	a, problems := New([]Custom{
		{Group: "example.com", Kind: "Thing", Discovery: `return {good = {}, bad = {}}`, Key: "key one", Definitions: []Definition{{"bad", "local x =\nif"}, {"good", "return obj"}}},
		{Group: "example.com", Kind: "Other", Discovery: `return {`, Key: "key two"},
	})
	if len(problems) != 2 || !strings.Contains(problems[0].Error(), "key one: action bad: line 2") || !strings.Contains(problems[1].Error(), "key two: discovery.lua: at its end") {
		t.Error(problems)
	}
	o := parse(t, `{apiVersion: example.com/v1, kind: Thing, metadata: {name: a}}`)
	if got := spell(a.Discover(t.Context(), o, noon)); got != "bad good" {
		t.Error(got)
	}
	if _, err := a.Run(t.Context(), o, Request{Action: "good"}); err != nil {
		t.Error(err)
	}
	if _, err := a.Run(t.Context(), o, Request{Action: "bad"}); err == nil || !strings.Contains(err.Error(), "key one: line 2") {
		t.Error(err)
	}
	if _, err := a.Discover(t.Context(), parse(t, `{apiVersion: example.com/v1, kind: Other, metadata: {name: a}}`), noon); err == nil || !strings.Contains(err.Error(), "key two") {
		t.Error(err)
	}
}

func TestAnErrorDoesNotQuoteASecret(t *testing.T) {
	a := custom(t, Custom{Kind: "Secret", Discovery: offersAll, Key: "the key", Definitions: []Definition{{"go", `error(obj.data.password)`}}})
	o := parse(t, `{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {password: canary}}`)
	if _, err := a.Run(t.Context(), o, Request{Action: "go"}); err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "the key") {
		t.Error(err)
	}
}
