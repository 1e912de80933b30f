package script

import (
	"fmt"
	"math"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// environment is the key in a state's registry of the metatable that every environment gets.
const environment = "hawser.environment"

// newState makes a Lua state with our selection of libraries. What a script may call: the base functions without those
// that load code or print; string (our own, bounded); table; math without random, so that the same object always gives
// the same answer; os.time, os.date, os.difftime and os.clock, told by the time of the call; and hawser.
func (i *Interpreter) newState() *lua.LState {
	l := lua.NewState(lua.Options{
		SkipOpenLibs:  true,
		CallStackSize: callDepth, RegistrySize: stackSize, RegistryMaxSize: stackMax, RegistryGrowStep: stackSize,
	})
	lua.OpenBase(l)
	lua.OpenMath(l)
	lua.OpenTable(l)
	l.SetTop(0)
	from := func(source lua.LValue, names string) map[string]lua.LValue {
		functions := map[string]lua.LValue{}
		for _, name := range strings.Fields(names) {
			functions[name] = source.(*lua.LTable).RawGetString(name)
		}
		return functions
	}
	ours := func(into map[string]lua.LValue, functions map[string]lua.LGFunction) map[string]lua.LValue {
		for name, fn := range functions {
			into[name] = l.NewFunction(fn)
		}
		return into
	}
	base := ours(from(l.G.Global, "assert error getmetatable ipairs next pairs pcall rawequal rawget select setmetatable tonumber tostring type unpack xpcall"),
		map[string]lua.LGFunction{"rawset": rawSet, "print": nothing, "collectgarbage": nothing, joinName: join, indexName: index})
	base["_VERSION"] = lua.LString(lua.LuaVersion)
	for _, name := range strings.Fields("dofile getfenv load loadfile loadstring module newproxy require setfenv") {
		base[name] = l.NewFunction(i.refuse(name))
	}
	if i.settings.Require {
		base["require"] = l.NewFunction(i.require)
	}
	text := ours(map[string]lua.LValue{}, stringFunctions())
	libraries := map[string]map[string]lua.LValue{
		"string": text,
		"table": ours(from(l.GetGlobal("table"), "getn maxn remove sort"),
			map[string]lua.LGFunction{"concat": tableConcat, "insert": tableInsert}),
		"math":   from(l.GetGlobal("math"), "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp ldexp log log10 max min mod modf pow rad sin sinh sqrt tan tanh"),
		"os":     ours(map[string]lua.LValue{}, map[string]lua.LGFunction{"time": osTime, "date": osDate, "difftime": osDifftime, "clock": osClock}),
		"hawser": ours(ours(map[string]lua.LValue{}, map[string]lua.LGFunction{"get": get, "condition": condition}), i.settings.Hawser),
	}
	libraries["math"]["huge"], libraries["math"]["pi"] = lua.LNumber(math.Inf(1)), lua.LNumber(math.Pi)

	locked := func(index lua.LValue) *lua.LTable { // getmetatable tells "locked", and setmetatable refuses
		t := l.NewTable()
		t.RawSetString("__index", index)
		t.RawSetString("__metatable", lua.LString("locked"))
		return t
	}
	methods := l.NewTable() // for ("x"):upper(); no script reaches the table itself
	for name, fn := range text {
		methods.RawSetString(name, fn)
	}
	l.SetMetatable(lua.LString(""), locked(methods))

	// Globals come into an environment when they are first used: copies of the library tables, which a script may
	// write to, and the object, which many checks need not have in Lua at all.
	l.G.Registry.RawSetString(environment, locked(l.NewFunction(func(l *lua.LState) int {
		env, name := l.CheckTable(1), l.CheckString(2)
		var v lua.LValue = lua.LNil //nolint:staticcheck // of the interface: other kinds of values follow
		switch r := runOf(l); {
		case env != r.env: // somebody calls the metamethod by other ways
		case name == "_G":
			v = env
		case name == "obj":
			v = Value(l, WithoutManagedFields(r.Object))
		case name == "actionParams" && r.Params != nil:
			v = paramsOf(l, r.Params)
		case base[name] != nil:
			v = base[name]
		case libraries[name] != nil:
			v = i.library(l, name, libraries[name])
		case isShut(name):
			v = i.library(l, name, nil)
		}
		if v != lua.LNil {
			env.RawSetString(name, v)
		}
		l.Push(v)
		return 1
	})))
	return l
}

// library is a fresh copy of a library. To use a function that it does not hold is an error that says why.
func (i *Interpreter) library(l *lua.LState, name string, functions map[string]lua.LValue) lua.LValue {
	t := l.CreateTable(0, len(functions))
	for key, fn := range functions {
		t.RawSetString(key, fn)
	}
	if name == "os" || name == "math" || functions == nil {
		meta := l.NewTable()
		meta.RawSetString("__index", l.NewFunction(func(l *lua.LState) int {
			return i.refuse(name + "." + lua.LVAsString(l.Get(2)))(l)
		}))
		t.Metatable = meta
	}
	return t
}

// paramsOf is the global actionParams: names and values, all of them strings.
func paramsOf(l *lua.LState, params map[string]string) lua.LValue {
	t := l.CreateTable(0, len(params))
	for name, v := range params {
		t.RawSetString(name, lua.LString(v))
	}
	return t
}

// require gives the library that is open anyway under the same name.
func (i *Interpreter) require(l *lua.LState) int {
	switch name := l.CheckString(1); name {
	case "os", "string", "math", "table":
		l.Push(l.GetTable(runOf(l).env, lua.LString(name)))
		return 1
	default:
		return i.refuse("require(\"" + Shorten(name) + "\")")(l)
	}
}

// isShut reports whether a name is a library of Lua that no script may use, useOpenLibs or not. channel and
// coroutine would be harmless, but escape the count of steps.
func isShut(name string) bool {
	switch name {
	case "io", "debug", "package", "channel", "coroutine":
		return true
	}
	return false
}

func (i *Interpreter) refuse(name string) lua.LGFunction {
	return func(l *lua.LState) int {
		l.RaiseError("%s is not open to %s: they reach no files, processes or other code, and the same object always gives the same answer", name, i.settings.Users)
		return 0
	}
}

func nothing(*lua.LState) int { return 0 }

// join is the operator "..", with the sizes counted.
func join(l *lua.LState) int {
	top := l.GetTop()
	size, plain := 0, true
	for i := 1; i <= top; i++ {
		switch v := l.Get(i).(type) {
		case lua.LString:
			size += len(v)
		case lua.LNumber:
			size += 24
		default:
			plain = false
		}
	}
	if plain {
		made(l, size)
		parts := make([]string, top)
		for i := range parts {
			parts[i] = lua.LVAsString(l.Get(i + 1))
		}
		l.Push(lua.LString(strings.Join(parts, "")))
		return 1
	}
	result := l.Get(top)
	for i := top - 1; i >= 1; i-- {
		left := l.Get(i)
		if lua.LVCanConvToString(left) && lua.LVCanConvToString(result) {
			a, b := lua.LVAsString(left), lua.LVAsString(result)
			made(l, len(a)+len(b))
			result = lua.LString(a + b)
			continue
		}
		op := l.GetMetaField(left, "__concat")
		if op == lua.LNil {
			op = l.GetMetaField(result, "__concat")
		}
		if op == lua.LNil {
			wrong := left
			if lua.LVCanConvToString(left) {
				wrong = result
			}
			l.RaiseError("attempt to concatenate a %s value", wrong.Type())
		}
		l.Push(op)
		l.Push(left)
		l.Push(result)
		l.Call(2, 1)
		result = l.Get(-1)
		l.Pop(1)
	}
	l.Push(result)
	return 1
}

// index lets an index through that a list may grow to.
func index(l *lua.LState) int {
	checkIndex(l, l.Get(1))
	l.SetTop(1)
	return 1
}

func checkIndex(l *lua.LState, key lua.LValue) {
	if n, ok := key.(lua.LNumber); ok && n > maxIndex {
		l.RaiseError("index %v is too large: a table may have %d numbered fields", n, maxIndex)
	}
}

func rawSet(l *lua.LState) int {
	t := l.CheckTable(1)
	checkIndex(l, l.CheckAny(2))
	l.RawSet(t, l.Get(2), l.CheckAny(3))
	l.SetTop(1)
	return 1
}

func tableInsert(l *lua.LState) int {
	t := l.CheckTable(1)
	switch l.GetTop() {
	case 2:
		checkIndex(l, lua.LNumber(t.MaxN()+1))
		t.Append(l.Get(2))
	case 3:
		at := l.CheckInt(2)
		checkIndex(l, lua.LNumber(max(at, t.MaxN()+1)))
		work(l, t.MaxN()/64) // what is behind it moves
		t.Insert(at, l.Get(3))
	default:
		l.RaiseError("table.insert takes a table, perhaps a position, and a value")
	}
	return 0
}

func tableConcat(l *lua.LState) int {
	t, separator := l.CheckTable(1), l.OptString(2, "")
	first, last := l.OptInt(3, 1), l.OptInt(4, t.Len())
	if last-first > maxIndex {
		l.RaiseError("table.concat of %d values is too much", last-first)
	}
	var parts []string
	size := 0
	for i := first; i <= last; i++ {
		v := t.RawGetInt(i)
		if !lua.LVCanConvToString(v) {
			l.RaiseError("invalid value (%s) at index %d in table for concat", v.Type(), i)
		}
		parts = append(parts, lua.LVAsString(v))
		size += len(parts[len(parts)-1]) + len(separator)
	}
	made(l, size)
	l.Push(lua.LString(strings.Join(parts, separator)))
	return 1
}

// osTime is os.time([table]). Tables are read as UTC.
func osTime(l *lua.LState) int {
	if l.GetTop() == 0 || l.Get(1) == lua.LNil {
		l.Push(lua.LNumber(Now(l).Unix()))
		return 1
	}
	t := l.CheckTable(1)
	field := func(name string, otherwise int) int {
		switch v := t.RawGetString(name).(type) {
		case lua.LNumber:
			return int(v)
		case lua.LString: // string.match gives strings, and scripts pass them on
			if n, err := parseNumber(string(v)); err == nil {
				return int(n)
			}
		}
		if otherwise < 0 {
			l.RaiseError("field '%s' missing in date table", name)
		}
		return otherwise
	}
	l.Push(lua.LNumber(time.Date(field("year", -1), time.Month(field("month", -1)), field("day", -1),
		field("hour", 12), field("min", 0), field("sec", 0), 0, time.UTC).Unix()))
	return 1
}

// osDate is os.date([format [, time]]), always in UTC.
func osDate(l *lua.LState) int {
	format := strings.TrimPrefix(l.OptString(1, "%c"), "!")
	var at time.Time
	if l.GetTop() >= 2 {
		at = time.Unix(l.CheckInt64(2), 0).UTC()
	} else {
		at = Now(l)
	}
	if strings.HasPrefix(format, "*t") {
		t := l.NewTable()
		for name, n := range map[string]int{"year": at.Year(), "month": int(at.Month()), "day": at.Day(), "hour": at.Hour(),
			"min": at.Minute(), "sec": at.Second(), "wday": int(at.Weekday()) + 1, "yday": at.YearDay()} {
			t.RawSetString(name, lua.LNumber(n))
		}
		t.RawSetString("isdst", lua.LFalse)
		l.Push(t)
		return 1
	}
	layouts := map[byte]string{'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'c': "Mon Jan  2 15:04:05 2006", 'd': "02",
		'D': "01/02/06", 'F': "2006-01-02", 'H': "15", 'I': "03", 'm': "01", 'M': "04", 'p': "PM", 'S': "05", 'T': "15:04:05",
		'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'Z': "UTC"}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		switch layout, ok := layouts[format[i]]; {
		case ok:
			out.WriteString(at.Format(layout))
		case format[i] == 'j':
			fmt.Fprintf(&out, "%03d", at.YearDay())
		case format[i] == 's':
			fmt.Fprintf(&out, "%d", at.Unix())
		default:
			out.WriteByte(format[i])
		}
	}
	made(l, out.Len())
	l.Push(lua.LString(out.String()))
	return 1
}

func osDifftime(l *lua.LState) int {
	l.Push(l.CheckNumber(1) - l.OptNumber(2, 0))
	return 1
}

// osClock tells no time a script could measure itself by.
func osClock(l *lua.LState) int {
	l.Push(lua.LNumber(0))
	return 1
}
