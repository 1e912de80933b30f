package health

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/rogpeppe/go-internal/txtar"
)

// Every folder of checks has its cases beside it: the first line of each object is what it is judged as.
func TestReadyMadeChecks(t *testing.T) {
	scripts, err := filepath.Glob("checks/*/*/health.lua")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no checks", err)
	}
	c, problems := NewChecks(nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	kinds, total := map[string]bool{}, 0
	for _, script := range scripts {
		folder := filepath.Dir(script)
		data, err := os.ReadFile(filepath.Join(folder, "cases.txtar"))
		if err != nil {
			t.Error(err)
			continue
		}
		cases := txtar.Parse(data).Files
		got := map[string]bool{}
		fresh := false
		for _, each := range cases {
			first, _, _ := strings.Cut(string(each.Data), "\n")
			want := strings.TrimPrefix(first, "# ")
			o := parse(t, string(each.Data))
			before := object.Hash(o.Object)
			h, ok := c.Of(t.Context(), o, Options{Now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)})
			if text := spell(h, ok); text != want {
				t.Errorf("%s: %s:\n got %s\nwant %s", folder, each.Name, text, want)
			}
			if object.Hash(o.Object) != before {
				t.Errorf("%s: %s: the object was changed", folder, each.Name)
			}
			key := object.KeyOf(o)
			if !matches(filepath.Base(filepath.Dir(folder)), key.Group) || !matches(filepath.Base(folder), key.Kind) {
				t.Errorf("%s: %s: %s/%s belongs to another folder", folder, each.Name, key.Group, key.Kind)
			}
			kinds[key.Group+"/"+key.Kind] = true
			got[string(h.Status)] = true
			fresh = fresh || o.Object["status"] == nil
		}
		total += len(cases)
		if len(cases) < 3 || !got["Healthy"] || !fresh {
			t.Errorf("%s: wants at least three cases, one of them Healthy and one without a status: %d cases, %v", folder, len(cases), got)
		}
	}
	t.Logf("%d kinds, %d cases", len(kinds), total)
	if len(kinds) < 60 {
		t.Errorf("only %d kinds", len(kinds))
	}
}

func matches(folder, name string) bool {
	before, after, wild := strings.Cut(folder, "_")
	if !wild {
		return folder == name
	}
	return strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// A controller may write anything. No ready-made check may turn that into more than a wrong verdict.
func TestReadyMadeChecksSurviveAnyContent(t *testing.T) {
	scripts, err := filepath.Glob("checks/*/*/health.lua")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := NewChecks(nil)
	for _, script := range scripts {
		kind, group := filepath.Base(filepath.Dir(script)), filepath.Base(filepath.Dir(filepath.Dir(script)))
		kind, group = strings.ReplaceAll(kind, "_", "Thing"), strings.ReplaceAll(group, "_", "a")
		for _, content := range []string{
			`spec: x`, `status: x`, `status: []`, `status: {conditions: x}`, `status: {conditions: [1, x, {}]}`, `status: {conditions: [{type: Ready}]}`,
			`status: {conditions: [{type: Ready, status: true}]}`, `status: {phase: 3, state: {}, health: []}`, `status: {observedGeneration: x}`,
			`status: {conditions: {a: b}, parents: x, listeners: [x], ingress: 3, bindings: [3], validationMessages: [x]}`,
		} {
			o := parse(t, "{apiVersion: "+group+"/v1, kind: "+kind+", metadata: {name: a, generation: 2}, "+content+"}")
			h, ok := c.Of(t.Context(), o, Options{})
			if ok && (h.Status == "" || strings.Contains(h.Message, "unknown option")) {
				t.Errorf("%s: %s: %+v", script, content, h)
			}
		}
	}
}
