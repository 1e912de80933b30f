package script

import (
	"fmt"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// stringFunctions is Lua 5.1's string library in a form that can be bounded: every string made is counted, every step
// of a search too. (gopher-lua's own find backtracks inside Go, out of reach of a deadline, and its format knows Go's
// verbs instead of C's.) gfind is 5.0's name for gmatch; dump is left out.
func stringFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"byte": stringByte, "char": stringChar, "find": stringFind, "format": stringFormat, "gfind": stringGmatch,
		"gmatch": stringGmatch, "gsub": stringGsub, "match": stringMatch,
		"len": func(l *lua.LState) int {
			l.Push(lua.LNumber(len(l.CheckString(1))))
			return 1
		},
		"lower": mapped(strings.ToLower),
		"upper": mapped(strings.ToUpper),
		"reverse": mapped(func(s string) string {
			b := []byte(s)
			for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
				b[i], b[j] = b[j], b[i]
			}
			return string(b)
		}),
		"rep": func(l *lua.LState) int {
			s, n := l.CheckString(1), max(l.CheckInt(2), 0)
			if len(s) == 0 {
				n = 0
			}
			if n > 0 && len(s) > maxString/n {
				made(l, maxString+1)
			}
			made(l, len(s)*n)
			l.Push(lua.LString(strings.Repeat(s, n)))
			return 1
		},
		"sub": func(l *lua.LState) int {
			s := l.CheckString(1)
			from, to := span(len(s), l.CheckInt(2), l.OptInt(3, -1))
			l.Push(lua.LString(s[from:to]))
			return 1
		},
	}
}

func mapped(change func(string) string) lua.LGFunction {
	return func(l *lua.LState) int {
		s := l.CheckString(1)
		made(l, len(s))
		l.Push(lua.LString(change(s)))
		return 1
	}
}

// span turns positions as Lua counts them (from 1, negative ones from the end, both included) into a range of Go.
func span(size, first, last int) (from, to int) {
	if first < 0 {
		first = max(size+first+1, 1)
	}
	if last < 0 {
		last = size + last + 1
	}
	from, to = max(first, 1)-1, min(last, size)
	if from >= to {
		return 0, 0
	}
	return from, to
}

func stringByte(l *lua.LState) int {
	s := l.CheckString(1)
	first := l.OptInt(2, 1)
	from, to := span(len(s), first, l.OptInt(3, first))
	for _, b := range []byte(s[from:to]) {
		l.Push(lua.LNumber(b))
	}
	return to - from
}

func stringChar(l *lua.LState) int {
	b := make([]byte, l.GetTop())
	for i := range b {
		n := l.CheckInt(i + 1)
		if n < 0 || n > 255 {
			l.ArgError(i+1, "not a byte")
		}
		b[i] = byte(n)
	}
	made(l, len(b))
	l.Push(lua.LString(b))
	return 1
}

func parseNumber(s string) (float64, error) { return strconv.ParseFloat(strings.TrimSpace(s), 64) }

// stringFormat knows the verbs of Lua 5.1: c d i o u x X e E f g G q s %.
func stringFormat(l *lua.LState) int {
	format := l.CheckString(1)
	var out strings.Builder
	arg := 1
	for rest := format; rest != ""; {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			out.WriteString(rest)
			break
		}
		out.WriteString(rest[:i])
		verb := i + 1
		for verb < len(rest) && strings.IndexByte("-+ #0123456789.", rest[verb]) >= 0 {
			verb++
		}
		if verb == len(rest) {
			l.RaiseError("invalid conversion '%s' to 'format'", rest[i:])
		}
		flags, letter := rest[i+1:verb], rest[verb]
		rest = rest[verb+1:]
		if letter == '%' {
			out.WriteByte('%')
			continue
		}
		width, precision, _ := strings.Cut(strings.TrimLeft(flags, "-+ #0"), ".")
		if len(width) > 2 || len(precision) > 2 || strings.ContainsAny(width+precision, "-+ #.") {
			l.RaiseError("invalid format (width or precision too long)")
		}
		arg++
		if l.GetTop() < arg {
			l.ArgError(arg, "no value")
		}
		switch letter {
		case 'c':
			out.WriteByte(byte(l.CheckInt(arg)))
		case 'd', 'i':
			fmt.Fprintf(&out, "%"+flags+"d", int64(l.CheckNumber(arg)))
		case 'u':
			fmt.Fprintf(&out, "%"+flags+"d", uint64(int64(l.CheckNumber(arg))))
		case 'o', 'x', 'X':
			fmt.Fprintf(&out, "%"+flags+string(letter), uint64(int64(l.CheckNumber(arg))))
		case 'e', 'E', 'f', 'g', 'G':
			if letter != 'f' && letter != 'e' && letter != 'E' && !strings.Contains(flags, ".") {
				flags += ".6" // Go's default is as many digits as needed
			}
			fmt.Fprintf(&out, "%"+flags+string(letter), float64(l.CheckNumber(arg)))
		case 'q', 's':
			s := lua.LVAsString(l.ToStringMeta(l.CheckAny(arg)))
			made(l, len(s))
			if letter == 'q' {
				out.WriteString(luaQuote(s))
			} else {
				fmt.Fprintf(&out, "%"+flags+"s", s)
			}
		default:
			l.RaiseError("invalid conversion '%%%s%c' to 'format'", flags, letter)
		}
		if out.Len() > maxString {
			made(l, out.Len())
		}
	}
	made(l, out.Len())
	l.Push(lua.LString(out.String()))
	return 1
}

func luaQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", "\\\n", "\r", `\r`, "\x00", `\000`).Replace(s) + `"`
}

// start reads the position to search from, in Go's count; ok is false behind the end.
func start(l *lua.LState, s string, arg int) (at int, ok bool) {
	at = l.OptInt(arg, 1)
	if at < 0 {
		at = max(len(s)+at+1, 1)
	}
	at = max(at, 1) - 1
	return at, at <= len(s)
}

func stringFind(l *lua.LState) int {
	s, pattern := l.CheckString(1), l.CheckString(2)
	at, ok := start(l, s, 3)
	if !ok {
		l.Push(lua.LNil)
		return 1
	}
	if l.OptBool(4, false) || !strings.ContainsAny(pattern, "^$*+?.([%-") {
		work(l, (len(s)-at)/64)
		i := strings.Index(s[at:], pattern)
		if i < 0 {
			l.Push(lua.LNil)
			return 1
		}
		l.Push(lua.LNumber(at + i + 1))
		l.Push(lua.LNumber(at + i + len(pattern)))
		return 2
	}
	m := newMatcher(l, s, pattern)
	from, to, ok := m.search(at)
	if !ok {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(lua.LNumber(from + 1))
	l.Push(lua.LNumber(to))
	return 2 + m.pushCaptures(0, 0, false)
}

func stringMatch(l *lua.LState) int {
	s := l.CheckString(1)
	m := newMatcher(l, s, l.CheckString(2))
	at, ok := start(l, s, 3)
	if ok {
		var from, to int
		if from, to, ok = m.search(at); ok {
			return m.pushCaptures(from, to, true)
		}
	}
	l.Push(lua.LNil)
	return 1
}

func stringGmatch(l *lua.LState) int {
	s, pattern := l.CheckString(1), l.CheckString(2)
	at := 0
	l.Push(l.NewFunction(func(l *lua.LState) int {
		m := newMatcher(l, s, pattern)
		m.anchored = false // gmatch has no use for ^
		m.pattern = pattern
		if at <= len(s) {
			if from, to, ok := m.search(at); ok {
				if at = to; to == from {
					at++
				}
				return m.pushCaptures(from, to, true)
			}
		}
		at = len(s) + 1
		l.Push(lua.LNil)
		return 1
	}))
	return 1
}

func stringGsub(l *lua.LState) int {
	s := l.CheckString(1)
	m := newMatcher(l, s, l.CheckString(2))
	replacement := l.CheckAny(3)
	switch replacement.(type) {
	case lua.LString, lua.LNumber, *lua.LTable, *lua.LFunction:
	default:
		l.ArgError(3, "string/function/table expected, got "+replacement.Type().String())
	}
	most := l.OptInt(4, len(s)+1)
	var out strings.Builder
	count, at := 0, 0
	for count < most && at <= len(s) {
		m.captures = m.captures[:0]
		to, ok := m.match(at, 0)
		if ok {
			count++
			text := m.replace(replacement, at, to)
			made(l, len(text))
			out.WriteString(text)
		}
		switch {
		case ok && to > at:
			at = to
		case at < len(s):
			out.WriteByte(s[at])
			at++
		default:
			at++
		}
		if m.anchored {
			break
		}
	}
	if at < len(s) {
		out.WriteString(s[at:])
	}
	made(l, out.Len())
	l.Push(lua.LString(out.String()))
	l.Push(lua.LNumber(count))
	return 2
}

// replace returns what gsub puts in the place of one match: a string with %1, a table's field, or a function's answer;
// nil and false keep the match.
func (m *matcher) replace(by lua.LValue, from, to int) string {
	l := m.l
	var v lua.LValue
	switch by := by.(type) {
	case *lua.LTable:
		v = l.GetTable(by, m.capture(0, from, to))
	case *lua.LFunction:
		top := l.GetTop()
		l.Push(by)
		n := m.pushCaptures(from, to, true)
		l.Call(n, 1)
		v = l.Get(-1)
		l.SetTop(top)
	default:
		template := lua.LVAsString(by)
		var out strings.Builder
		for i := 0; i < len(template); i++ {
			switch c := template[i]; {
			case c != '%':
				out.WriteByte(c)
			case i+1 == len(template):
				l.RaiseError("malformed replacement string: it ends with %%")
			default:
				i++
				switch d := template[i]; {
				case d == '0':
					out.WriteString(m.subject[from:to])
				case d >= '1' && d <= '9':
					out.WriteString(lua.LVAsString(m.capture(int(d-'1'), from, to)))
				default:
					out.WriteByte(d)
				}
				if out.Len() > maxString {
					made(l, out.Len())
				}
			}
		}
		return out.String()
	}
	if lua.LVIsFalse(v) {
		return m.subject[from:to]
	}
	if !lua.LVCanConvToString(v) {
		l.RaiseError("invalid replacement value (a %s)", v.Type())
	}
	return lua.LVAsString(v)
}
