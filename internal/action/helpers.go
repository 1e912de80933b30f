package action

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/script"
	lua "github.com/yuin/gopher-lua"
)

// hawserFunctions is the global table hawser: what nearly every action does. hawser.get and hawser.condition read the
// object as it was when the script began.
//
//	hawser.set(obj, "spec.suspend", true)    sets a field, nil removes it; returns obj
//	hawser.annotate(obj, "name", "value")    sets an annotation, nil removes it; returns obj
//	hawser.now()                             the time of the call, as objects spell it: 2026-11-23T12:00:00Z
//	hawser.count("replicas")                 a parameter that must be a whole number from 0 on
//	hawser.owner()                           an owner reference to the object, as its controller
func hawserFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"set": func(l *lua.LState) int {
			set(l, l.CheckTable(1), strings.Split(l.CheckString(2), "."), l.Get(3))
			return returnFirst(l)
		},
		"annotate": func(l *lua.LState) int {
			set(l, l.CheckTable(1), []string{"metadata", "annotations", l.CheckString(2)}, l.Get(3))
			return returnFirst(l)
		},
		"now": func(l *lua.LState) int {
			l.Push(lua.LString(script.Now(l).Format(time.RFC3339)))
			return 1
		},
		"count": func(l *lua.LState) int {
			name := l.CheckString(1)
			value := script.ParamsOf(l)[name]
			n, err := strconv.ParseInt(value, 10, 32)
			if err != nil || n < 0 {
				l.Error(lua.LString(fmt.Sprintf("parameter %s: %q is not a whole number from 0 on", name, script.Shorten(value))), 0)
			}
			l.Push(lua.LNumber(n))
			return 1
		},
		"owner": func(l *lua.LState) int {
			o := script.ObjectOf(l)
			l.Push(script.Value(l, map[string]any{
				"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "name": o.GetName(), "uid": string(o.GetUID()), "controller": true,
			}))
			return 1
		},
	}
}

// set makes the tables on the way to a field and sets it. To remove what is not there makes nothing.
func set(l *lua.LState, t *lua.LTable, way []string, v lua.LValue) {
	for _, name := range way[:len(way)-1] {
		next, ok := t.RawGetString(name).(*lua.LTable)
		switch {
		case !ok && v == lua.LNil:
			return
		case !ok:
			next = l.NewTable()
			t.RawSetString(name, next)
		}
		t = next
	}
	t.RawSetString(way[len(way)-1], v)
}

func returnFirst(l *lua.LState) int {
	l.SetTop(1)
	return 1
}
