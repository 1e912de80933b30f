package health

import (
	"strings"

	"github.com/hawser-cd/hawser/internal/script"
	lua "github.com/yuin/gopher-lua"
)

// hawserFunctions is the global table hawser: what nearly every check needs, in Go, on the object itself. Scripts that
// use nothing else never pay for the object's copy in Lua. hawser.condition and
// hawser.get are the interpreter's.
//
//	hawser.conditions{ready = "Ready", failed = {…}, busy = {…}, paused = {…}, waits = {…}, fails = {…},
//	                  patient = true, waiting = "…"}        → {status, message}, see rule
//	hawser.phase{healthy = {…}, progressing = {…}, degraded = {…}, suspended = {…},
//	             path = "status.phase", message = "status.message", waiting = "…"}  → {status, message}, see phases
//	hawser.condition("Ready")  → {type, status, reason, message, …}, or nil
//	hawser.observed()          → false while status tells of an older generation
//	hawser.stale()             → {status, message} then, else nil
//	hawser.get("status.phase") → the value there, or nil when any part of the path is missing
func hawserFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"conditions": func(l *lua.LState) int {
			o := optionsOf(l, "ready", "failed", "busy", "paused", "waits", "fails", "patient", "waiting")
			return answer(l, rule{
				ready: o.words("ready"), failed: o.words("failed"), busy: o.words("busy"), paused: o.words("paused"),
				waits: o.words("waits"), fails: o.words("fails"), patient: lua.LVAsBool(o.t.RawGetString("patient")), waiting: o.text("waiting", ""),
			}.of(subject(l)))
		},
		"phase": func(l *lua.LState) int {
			o := optionsOf(l, "healthy", "progressing", "degraded", "suspended", "path", "message", "waiting")
			p := phases{
				path: strings.Split(o.text("path", "status.phase"), "."), message: strings.Split(o.text("message", "status.message"), "."),
				words: map[string]code{}, waiting: o.text("waiting", ""),
			}
			for name, status := range map[string]code{"healthy": healthy, "progressing": progressing, "degraded": degraded, "suspended": suspended} {
				for _, word := range o.words(name) {
					p.words[word] = status
				}
			}
			return answer(l, p.of(subject(l)))
		},
		"observed": func(l *lua.LState) int {
			_, stale := subject(l).stale(reader{})
			l.Push(lua.LBool(!stale))
			return 1
		},
		"stale": func(l *lua.LState) int {
			h, stale := subject(l).stale(reader{})
			if !stale {
				l.Push(lua.LNil)
				return 1
			}
			return answer(l, h)
		},
	}
}

func subject(l *lua.LState) reader { return reader{script.ObjectOf(l).Object} }

func answer(l *lua.LState, h Health) int {
	t := l.CreateTable(0, 2)
	t.RawSetString("status", lua.LString(h.Status))
	t.RawSetString("message", lua.LString(h.Message))
	l.Push(t)
	return 1
}

// options is the table that a function is called with.
type options struct {
	l *lua.LState
	t *lua.LTable
}

// optionsOf refuses names that it does not know: a typing error in a check must not pass for an absent option.
func optionsOf(l *lua.LState, known ...string) options {
	t := l.CheckTable(1)
	t.ForEach(func(k, _ lua.LValue) {
		for _, name := range known {
			if k == lua.LString(name) {
				return
			}
		}
		l.RaiseError("unknown option %s (known: %s)", lua.LVAsString(k), strings.Join(known, ", "))
	})
	return options{l, t}
}

func (o options) text(name, otherwise string) string {
	if s, ok := o.t.RawGetString(name).(lua.LString); ok {
		return string(s)
	}
	return otherwise
}

// words reads a string, or a list of strings.
func (o options) words(name string) []string {
	switch v := o.t.RawGetString(name).(type) {
	case lua.LString:
		return []string{string(v)}
	case *lua.LTable:
		var list []string
		v.ForEach(func(_, item lua.LValue) { list = append(list, lua.LVAsString(item)) })
		return list
	case *lua.LNilType:
		return nil
	}
	o.l.RaiseError("option %s is neither a string nor a list of strings", name)
	return nil
}
