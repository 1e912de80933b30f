package health

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/script"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// judgeWith judges an object of the kind Thing with one script.
func judgeWith(t testing.TB, script, content string) (Health, bool) {
	t.Helper()
	c, problems := NewChecks([]Custom{{Group: "example.com", Kind: "Thing", Lua: script}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return c.Of(t.Context(), thing(t, content), Options{Now: time.Unix(1_700_000_000, 0)})
}

func thing(t testing.TB, content string) *object.Object {
	return parse(t, "{apiVersion: example.com/v1, kind: Thing, metadata: {name: a, managedFields: [{manager: m}]}"+content+"}")
}

func TestScriptReadsTheObject(t *testing.T) {
	const content = `, spec: {count: 3, f: 2.5, flag: true, none: null, list: [a, b], empty: []}, status: {conditions: [{type: Ready, status: "False", message: not yet}]}`
	for script, want := range map[string]string{
		`hs = {} if obj.status ~= nil then for i, c in ipairs(obj.status.conditions) do if c.type == "Ready" and c.status == "False" then hs.status = "Degraded" hs.message = c.message return hs end end end hs.status = "Healthy" return hs`: "Degraded: not yet",
		`return {status = "Healthy", message = obj.kind .. "/" .. obj.metadata.name .. " " .. obj.spec.count .. " " .. obj.spec.f .. " " .. tostring(obj.spec.flag)}`:                                                                          "Healthy: Thing/a 3 2.5 true",
		`return {status = "Healthy", message = #obj.spec.list .. #obj.spec.empty .. tostring(obj.spec.none) .. tostring(obj.metadata.managedFields)}`:                                                                                          "Healthy: 20nilnil",
		`return {status = "Suspended"}`: "Suspended",
		`return {status = "Missing"}`:   "Missing",
		`return {status = "Unknown"}`:   "Unknown",
		`return {}`:                     "none",
		`return nil`:                    "none",
		``:                              "none",
		`return {status = "Healthy", message = 3}`:                                                "Healthy: 3",
		`print("x") return {status = "Healthy"}`:                                                  "Healthy",
		`_G.x = 1 return {status = "Healthy", message = x .. _G["x"]}`:                            "Healthy: 11",
		`obj.status = nil obj = nil return {status = "Healthy"}`:                                  "Healthy",
		`return {status = "Healthy", message = os.date("%Y-%m-%d")}`:                              "Healthy: 2023-11-14",
		`return {status = "Healthy", message = os.time() - 5}`:                                    "Healthy: 1699999995",
		`return {status = "Healthy", message = os.time({year=2026, month="11", day=23, hour=0})}`: "Healthy: 1795392000",
		`return {status = "Healthy", message = os.date("!*t", 0).year}`:                           "Healthy: 1970",
		`local t = {"b", "a"} table.sort(t) table.insert(t, "c") table.insert(t, 1, "_") return {status = "Healthy", message = table.concat(t, ",") .. table.remove(t)}`:                     "Healthy: _,a,b,cc",
		`return {status = "Healthy", message = tostring(pcall(error, "x")) .. math.floor(2.7) .. math.max(1, 5)}`:                                                                            "Healthy: false25",
		`local m = setmetatable({}, {__concat = function(a, b) return "joined" end}) return {status = "Healthy", message = "a" .. m}`:                                                        "Healthy: joined",
		`local function f() return "a", "b" end local function g(...) return ... .. "!" end return {status = "Healthy", message = "x" .. f() .. "y" .. g("1", "2") .. f()}`:                  "Healthy: xay1!a",
		`local t = {} t[#t + 1] = "a" t[#t + 1] = "b" t["k"] = "c" return {status = "Healthy", message = #t .. t[2] .. t.k}`:                                                                 "Healthy: 2bc",
		`return {status = "Healthy", message = getmetatable("") .. tostring(getmetatable(_G))}`:                                                                                              "Healthy: lockedlocked",
		`local c = hawser.condition("Ready") return {status = "Healthy", message = c.status .. hawser.get("spec.count") .. tostring(hawser.get("spec.x.y")) .. tostring(hawser.observed())}`: "Healthy: False3niltrue",
	} {
		if got := spell(judgeWith(t, script, content)); got != want {
			t.Errorf("%s\n got %s\nwant %s", script, got, want)
		}
	}
}

func TestScriptMistakesMakeUnknown(t *testing.T) {
	const key = "Unknown: resource.customizations.health.example.com_Thing: "
	for script, want := range map[string]string{
		`return {status = "Ok"}`:                                   key + `Lua returned an invalid health status: "Ok" (allowed`,
		`return {message = "x"}`:                                   key + `Lua returned an invalid health status: a nil`,
		`return {status = 1}`:                                      key + `Lua returned an invalid health status: a number`,
		`return {status = "Healthy", message = {}}`:                key + "the message is a table",
		`return "Healthy"`:                                         key + "it returned a string, not a table",
		`return {status = obj.status.phase}`:                       key + `health.lua:1: attempt to index a non-table object(nil) with key 'phase'`,
		`error("boom")`:                                            key + "health.lua:1: boom",
		`error({})`:                                                key + "it raised a table",
		`local a = nil .. "x"`:                                     key + "health.lua:1: attempt to concatenate a nil value",
		`return hawser.conditions{redy = "Ready"}`:                 key + "health.lua:1: unknown option redy",
		`return {status = "Healthy", message = os.getenv("HOME")}`: key + "health.lua:1: os.getenv is not open to health checks",
		`os.execute("true")`:                                       key + "health.lua:1: os.execute is not open",
		`io.open("/etc/passwd")`:                                   key + "health.lua:1: io.open is not open",
		`require("os")`:                                            key + "health.lua:1: require is not open",
		`dofile("/etc/passwd")`:                                    key + "health.lua:1: dofile is not open",
		`loadstring("return 1")()`:                                 key + "health.lua:1: loadstring is not open",
		`debug.getregistry()`:                                      key + "health.lua:1: debug.getregistry is not open",
		`math.random()`:                                            key + "health.lua:1: math.random is not open",
		`package.loadlib("x", "y")`:                                key + "health.lua:1: package.loadlib is not open",
		`setmetatable(_G, {})`:                                     key,
		`getmetatable("").__index.upper = nil`:                     key,
	} {
		if got := spell(judgeWith(t, script, "")); !strings.HasPrefix(got, want) {
			t.Errorf("%s\n got %s\nwant %s…", script, got, want)
		}
	}
}

func TestScriptThatCannotBeCompiledIsNamed(t *testing.T) {
	c, problems := NewChecks([]Custom{
		{Group: "example.com", Kind: "Thing", Lua: "local x =\nif"},
		{Kind: "Huge", Lua: strings.Repeat(" ", script.MaxSource+1)},
		{Group: "fine.example.com", Kind: "*", Lua: "return {status = 'Healthy'}"},
	})
	if len(problems) != 2 || !strings.Contains(problems[0].Error(), "resource.customizations.health.example.com_Thing") || !strings.Contains(problems[0].Error(), "line 2") ||
		!strings.Contains(problems[1].Error(), "resource.customizations.health.Huge") {
		t.Error(problems)
	}
	if got := spell(c.Of(t.Context(), thing(t, ""), Options{})); !strings.HasPrefix(got, "Unknown: resource.customizations.health.example.com_Thing: line 2") {
		t.Error(got)
	}
}

// No script may take the process along, whatever it does. Those that a bound in memory stops are told so.
func TestHostileScriptsAreStopped(t *testing.T) {
	const tooMuch, tooLong = "it made strings of more than", "it took more than"
	for script, want := range map[string]string{
		`while true do end`: tooLong,
		`while true do pcall(function() while true do end end) end`:                                                            tooLong,
		`local function f() return f() end return f()`:                                                                         tooLong,
		`local s = "x" while true do s = s .. s end`:                                                                           tooMuch,
		`local t = {} while true do t[#t + 1] = ("x"):rep(100000) end`:                                                         tooMuch,
		`return ("x"):rep(1e9)`:                                                                                                tooMuch,
		`return ("abc"):rep(1e15)`:                                                                                             tooMuch,
		`pcall(string.rep, "x", 1e9) return {status = "Healthy"}`:                                                              tooMuch,
		`local s = ("x"):rep(1000000) return string.format(("%s"):rep(200), unpack({s, s, s, s, s, s, s, s}))`:                 tooMuch,
		`local s = ("x"):rep(1000) return s:gsub("x", ("y"):rep(100000))`:                                                      tooMuch,
		`local s = ("x"):rep(1000) return s:gsub("x", function() return ("y"):rep(100000) end)`:                                tooMuch,
		`local s = ("x"):rep(900000) return s:gsub("(x+)", ("%1"):rep(20))`:                                                    tooMuch,
		`local t = {} for i = 1, 3000 do t[i] = ("x"):rep(3000) end return table.concat(t)`:                                    tooMuch,
		`return ("a"):rep(30):find(("a?"):rep(30) .. ("a"):rep(30))`:                                                           tooLong,
		`return ("a"):rep(5000):find(("a*"):rep(20) .. "b")`:                                                                   tooLong,
		`return ("("):rep(100000):find("%b()" )`:                                                                               "",
		`return ("x"):find(("("):rep(40))`:                                                                                     "too many captures",
		`return ("x"):rep(9999):match(("x?"):rep(5000))`:                                                                       "pattern too complex",
		`local t = {} t[67108863] = 1 return {status = "Healthy"}`:                                                             "index 67108863 is too large",
		`local t = {[67108863] = 1}`:                                                                                           "is too large",
		`rawset({}, 67108863, 1)`:                                                                                              "is too large",
		`table.insert({}, 67108863, 1)`:                                                                                        "is too large",
		`local t = {} for i = 1, 1e9 do t[i] = i end`:                                                                          "is too large",
		`local t = {} for i = 1, 1e9 do table.insert(t, 1, i) end`:                                                             "",
		`local t = {} for i = 1, 1e9 do t[i .. ""] = i end`:                                                                    "",
		`return unpack({}, 1, 1e9)`:                                                                                            "overflow",
		`return ("x"):rep(100000):byte(1, -1)`:                                                                                 "overflow",
		`local function f() f() return 1 end f()`:                                                                              "overflow",
		`local t = setmetatable({}, {__index = function(t, k) return t[k .. "x"] end}) return t.a`:                             "overflow",
		`local t = {} for i = 1, 100 do t = setmetatable({}, {__index = t}) end return t.x`:                                    "",
		`return string.format("%999999999d", 1)`:                                                                               "invalid format",
		`return string.format("%.999999999f", 1)`:                                                                              "invalid format",
		`return {status = "Healthy", message = tostring(setmetatable({}, {__tostring = function(x) return tostring(x) end}))}`: "overflow",
	} {
		h, ok := judgeWith(t, script, "")
		got := spell(h, ok)
		if want == "" {
			continue // it ends: that is all
		}
		if h.Status != unknown || !strings.Contains(got, want) {
			t.Errorf("%s\n got %.300s\nwant …%s…", script, got, want)
		}
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	h, _ := judgeWith(t, `return {status = "Degraded", message = ("é"):rep(10000) .. "\255"}`, "")
	if len(h.Message) > 4<<10+len("…") || !strings.HasPrefix(h.Message, "éé") || !strings.HasSuffix(h.Message, "é…") {
		t.Errorf("%d bytes, …%q", len(h.Message), h.Message[len(h.Message)-10:])
	}
	if h, _ := judgeWith(t, `return {status = "Degraded", message = "a\255b"}`, ""); h.Message != "a\uFFFDb" {
		t.Errorf("%q", h.Message)
	}
}

func TestDeadlineStopsAScript(t *testing.T) {
	c, _ := NewChecks([]Custom{{Group: "example.com", Kind: "Thing", Lua: "while true do end"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, want := spell(c.Of(ctx, thing(t, ""), Options{})), "Unknown: resource.customizations.health.example.com_Thing was stopped: "; !strings.HasPrefix(got, want) || !strings.Contains(got, "canceled") {
		t.Error(got)
	}
}

// What one call leaves behind, the next one does not find; nor does one that runs at the same time.
func TestCallsDoNotSeeEachOther(t *testing.T) {
	c, problems := NewChecks([]Custom{{Group: "example.com", Kind: "Thing", Lua: `
		local found = tostring(left) .. tostring(string.left) .. tostring(("").left) .. tostring(table.left)
		left, string.left, table.left, string.format, hawser.get, pairs = 1, 1, 1, nil, nil, nil
		pcall(function() getmetatable("").__index.left = 1 end)
		obj.metadata.name = "changed"
		return {status = "Healthy", message = found .. obj.spec.count}`}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for range 50 {
				o := thing(t, fmt.Sprintf(", spec: {count: %d}", i))
				if got, want := spell(c.Of(context.Background(), o, Options{})), fmt.Sprintf("Healthy: nilnilnilnil%d", i); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if o.GetName() != "a" {
					t.Error("the object was changed")
				}
			}
		})
	}
	group.Wait()
}

func TestPrecedence(t *testing.T) {
	says := func(group, kind, word string) Custom {
		return Custom{Group: group, Kind: kind, Lua: fmt.Sprintf("return {status = 'Healthy', message = %q}", word)}
	}
	c, problems := NewChecks([]Custom{
		says("*", "*", "any"), says("*.example.com", "*", "group"), says("*.example.com", "Thing*", "kind"), says("a.example.com", "Thing", "exact"),
		says("", "Service", "core"), says("apps", "Deployment", "builtin"),
		{Group: "none.example.com", Kind: "Thing", Lua: "return {}"},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, k := range []struct{ apiVersion, kind, want string }{
		{"a.example.com/v1", "Thing", "Healthy: exact"},
		{"b.example.com/v1", "Thing", "Healthy: kind"},
		{"b.example.com/v1", "Other", "Healthy: group"},
		{"example.org/v1", "Other", "Healthy: any"},
		{"apps/v1", "Deployment", "Healthy: builtin"},
		{"apps/v1", "StatefulSet", "Healthy: any"}, // as in Argo CD, wildcards come before the built-in rules
		{"v1", "Service", "Healthy: core"},
		{"v1", "PersistentVolumeClaim", "Unknown"}, // */* has a slash, core kinds have none
		{"none.example.com/v1", "Thing", "none"},
	} {
		o := parse(t, fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {name: a}}", k.apiVersion, k.kind))
		if got := spell(c.Of(t.Context(), o, Options{})); got != k.want {
			t.Errorf("%s %s: got %s, want %s", k.apiVersion, k.kind, got, k.want)
		}
		if !c.Checked(object.KeyOf(o).GroupKind()) {
			t.Errorf("%s %s is not checked", k.apiVersion, k.kind)
		}
	}
	leaving := parse(t, `{apiVersion: a.example.com/v1, kind: Thing, metadata: {name: a, deletionTimestamp: "2026-11-23T14:00:00Z"}}`)
	if got := spell(c.Of(t.Context(), leaving, Options{})); got != "Progressing: Pending deletion" {
		t.Error(got)
	}
	if c.Checked(schema.GroupKind{Kind: "ConfigMap"}) {
		t.Error("ConfigMap is checked")
	}
}

func TestStringLibrary(t *testing.T) {
	for expression, want := range map[string]string{
		`("hello"):find("l")`:                                                 "3 3",
		`("hello"):find("l+")`:                                                "3 4",
		`("hello"):find("(l)(l)")`:                                            "3 4 l l",
		`("hello"):find("xyz")`:                                               "",
		`("hello"):find("")`:                                                  "1 0",
		`("hello"):find("", 10)`:                                              "",
		`("a.b"):find(".", 1, true)`:                                          "2 2",
		`("hello"):find("l", -2)`:                                             "4 4",
		`("hello"):match("^h(.-)o$")`:                                         "ell",
		`("hello"):match("^e")`:                                               "",
		`("key = value"):match("^(%w+)%s*=%s*(%w+)$")`:                        "key value",
		`("v1.28.3"):match("(%d+)%.(%d+)")`:                                   "1 28",
		`("abc"):match("()b()")`:                                              "2 3",
		`("f(a(b)c)d"):match("%b()")`:                                         "(a(b)c)",
		`("THE (quick) fox"):find("%f[%a]%a+%f[%A]")`:                         "1 3",
		`("aXbX"):gsub("X", "-")`:                                             "a-b- 2",
		`("aXbX"):gsub("X", "-", 1)`:                                          "a-bX 1",
		`("abc"):gsub("", "-")`:                                               "-a-b-c- 4",
		`("hello world"):gsub("(%w+)", "<%1>")`:                               "<hello> <world> 2",
		`("hello"):gsub("l", "%0%0%%")`:                                       "hell%ll%o 2",
		`("$name is $age"):gsub("%$(%w+)", {name = "x", age = 3})`:            "x is 3 2",
		`("abc"):gsub("%w", function(c) if c == "b" then return "B" end end)`: "aBc 3",
		`("abc abc"):gsub("^abc", "x")`:                                       "x abc 1",
		`("x"):rep(3)`:                                                        "xxx",
		`("x"):rep(-1)`:                                                       "",
		`("abc"):upper(), ("ABC"):lower(), ("abc"):reverse(), ("abc"):len()`:  "ABC abc cba 3",
		`("hello"):sub(2, 3), ("hello"):sub(-3), ("hello"):sub(2), ("hello"):sub(4, 2), ("hello"):sub(-100, 100)`: "el llo ello  hello",
		`("abc"):byte(), ("abc"):byte(-1), ("abc"):byte(10)`:                                                      "97 99",
		`string.char(104, 105)`: "hi",
		`string.format("%d of %s (%5.1f%%) %q", 3, "x", 2.25, "a\"b")`:                  `3 of x (  2.2%) "a\"b"`,
		`string.format("%05d|%-5s|%5s|%x|%X|%c|%i", 42, "ab", "cd", 255, 255, 65, 7.9)`: "00042|ab   |   cd|ff|FF|A|7",
		`string.format("%s %s %s", nil, true, 1.5)`:                                     "nil true 1.5",
		`string.format("%g %e", 0.1, 12345.678)`:                                        "0.1 1.234568e+04",
		`("a,b,,c"):gsub(",", ";")`:                                                     "a;b;;c 3",
		`("[x]"):match("%[(.-)%]")`:                                                     "x",
		`("a-b"):match("[%-]")`:                                                         "-",
		`("a]b"):match("[]]")`:                                                          "]",
		`("abc123"):match("[^%d]+")`:                                                    "abc",
		`("abc123"):match("[a-c1-2]+")`:                                                 "abc12",
		`("aa bb"):match("(%a)%1 (%a)%2")`:                                              "a b",
		`("ab"):match("a?b?c?")`:                                                        "ab",
		`("ÄB"):upper()`:                                                                "ÄB",
	} {
		script := "local r = {" + expression + "} local t = {} for i = 1, table.maxn(r) do t[i] = tostring(r[i]) end return {status = 'Healthy', message = table.concat(t, ' ')}"
		if strings.Contains(expression, "), (") { // only the last call in a list gives all its values
			script = "local function all(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end return table.concat(t, ' ') end return {status = 'Healthy', message = all(" + expression + ")}"
		}
		h, _ := judgeWith(t, script, "")
		if h.Status != healthy || h.Message != want {
			t.Errorf("%s\n got %s: %s\nwant %s", expression, h.Status, h.Message, want)
		}
	}
	if h, _ := judgeWith(t, `local n = 0 for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do n = n .. k .. v end return {status = "Healthy", message = n}`, ""); h.Message != "0a1b2" {
		t.Error(h)
	}
	if h, _ := judgeWith(t, `local n = "" for w in ("ab"):gmatch("") do n = n .. "x" end return {status = "Healthy", message = n}`, ""); h.Message != "xxx" {
		t.Error(h)
	}
	for _, wrong := range []string{`("x"):find("[a")`, `("x"):find("%")`, `("x"):find("(x")`, `("x"):match("x)")`, `("x"):match("%1")`, `("x"):gsub("x", "%2")`, `("x"):gsub("x", "%")`, `("x"):gsub("x")`, `("x"):find("%b")`, `("x"):find("%f")`, `string.format("%d")`, `string.format("%y", 1)`, `string.format("%", 1)`, `string.char(256)`} {
		if h, _ := judgeWith(t, "return "+wrong, ""); h.Status != unknown || !strings.Contains(h.Message, "health.lua:1: ") {
			t.Errorf("%s: %+v", wrong, h)
		}
	}
}

func BenchmarkLua(b *testing.B) {
	o := parse(b, `{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: web, generation: 2, labels: {a: b}, managedFields: [{manager: m, fieldsV1: {"f:spec": {}}}]},
		spec: {dnsNames: [a.example.com, b.example.com], secretName: web, issuerRef: {name: ca, kind: Issuer}},
		status: {observedGeneration: 2, conditions: [{type: Ready, status: "True", reason: Ready, message: Certificate is up to date and has not expired, observedGeneration: 2}], notAfter: "2027-01-01T00:00:00Z"}}`)
	const plain = `local hs = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, c in ipairs(obj.status.conditions) do
    if c.type == "Issuing" and c.status == "True" then return {status = "Progressing", message = c.message} end
  end
  for _, c in ipairs(obj.status.conditions) do
    if c.type == "Ready" and c.status == "True" then return {status = "Healthy", message = c.message} end
    if c.type == "Ready" and c.status == "False" then return {status = "Degraded", message = c.message} end
  end
end
return {status = "Progressing"}`
	for name, script := range map[string]string{"plain": plain, "hawser.conditions": `return hawser.conditions{ready = "Ready", busy = "Issuing"}`} {
		custom := []Custom{{Group: "cert-manager.io", Kind: "Certificate", Lua: script}}
		c, problems := NewChecks(custom)
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		b.Run(name+"/pooled", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if h, ok := c.Of(b.Context(), o, Options{}); !ok || h.Status != healthy {
					b.Fatal(h)
				}
			}
		})
		b.Run(name+"/from source", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c, _ := NewChecks(custom)
				if h, ok := c.Of(b.Context(), o, Options{}); !ok || h.Status != healthy {
					b.Fatal(h)
				}
			}
		})
	}
}
