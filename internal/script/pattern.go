package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// matcher finds a Lua pattern (Lua 5.1 manual, 5.4.1) in a string. It backtracks, so that a hostile pattern takes
// exponential time; every step is counted in the run, which ends it.
type matcher struct {
	l        *lua.LState
	subject  string
	pattern  string
	anchored bool // the pattern began with ^
	captures []capture
	depth    int
}

// capture is a part in parentheses. A size of open is one that is not closed yet, of position an empty (): it stands
// for the place itself.
type capture struct{ from, size int }

const (
	open     = -1
	position = -2

	maxCaptures = 32
	maxDepth    = 200 // nested calls of match
)

func newMatcher(l *lua.LState, subject, pattern string) *matcher {
	m := &matcher{l: l, subject: subject}
	m.pattern, m.anchored = strings.CutPrefix(pattern, "^")
	return m
}

// search returns the first match at or behind a position.
func (m *matcher) search(at int) (from, to int, ok bool) {
	for ; at <= len(m.subject); at++ {
		m.captures = m.captures[:0]
		if to, ok := m.match(at, 0); ok {
			return at, to, true
		}
		if m.anchored {
			break
		}
	}
	return 0, 0, false
}

// match matches the pattern from p on with the subject from s on, and returns where the match ends.
func (m *matcher) match(s, p int) (end int, ok bool) {
	if m.depth++; m.depth > maxDepth {
		m.l.RaiseError("pattern too complex")
	}
	defer func() { m.depth-- }()
	for {
		work(m.l, 1)
		if p == len(m.pattern) {
			return s, true
		}
		switch c := m.pattern[p]; {
		case c == '(':
			size, next := open, p+1
			if next < len(m.pattern) && m.pattern[next] == ')' {
				size, next = position, next+1
			}
			if len(m.captures) >= maxCaptures {
				m.l.RaiseError("too many captures")
			}
			known := len(m.captures)
			m.captures = append(m.captures, capture{s, size})
			if end, ok := m.match(s, next); ok {
				return end, true
			}
			m.captures = m.captures[:known]
			return 0, false
		case c == ')':
			i := len(m.captures) - 1
			for i >= 0 && m.captures[i].size != open {
				i--
			}
			if i < 0 {
				m.l.RaiseError("invalid pattern capture")
			}
			m.captures[i].size = s - m.captures[i].from
			if end, ok := m.match(s, p+1); ok {
				return end, true
			}
			m.captures[i].size = open
			return 0, false
		case c == '$' && p+1 == len(m.pattern):
			return s, s == len(m.subject)
		case c == '%' && p+1 < len(m.pattern) && m.pattern[p+1] == 'b':
			if s, ok = m.balanced(s, p+2); !ok {
				return 0, false
			}
			p += 4
			continue
		case c == '%' && p+1 < len(m.pattern) && m.pattern[p+1] == 'f':
			set := p + 2
			if set >= len(m.pattern) || m.pattern[set] != '[' {
				m.l.RaiseError("missing '[' after '%%f' in pattern")
			}
			before, here := byte(0), byte(0)
			if s > 0 {
				before = m.subject[s-1]
			}
			if s < len(m.subject) {
				here = m.subject[s]
			}
			next := m.itemEnd(set)
			if m.inSet(before, set, next) || !m.inSet(here, set, next) {
				return 0, false
			}
			p = next
			continue
		case c == '%' && p+1 < len(m.pattern) && m.pattern[p+1] >= '0' && m.pattern[p+1] <= '9':
			i := int(m.pattern[p+1] - '1')
			if i < 0 || i >= len(m.captures) || m.captures[i].size == open {
				m.l.RaiseError("invalid capture index")
			}
			again := ""
			if k := m.captures[i]; k.size >= 0 {
				again = m.subject[k.from : k.from+k.size]
			}
			work(m.l, len(again)/64)
			if !strings.HasPrefix(m.subject[s:], again) {
				return 0, false
			}
			s, p = s+len(again), p+2
			continue
		}
		next := m.itemEnd(p)
		suffix := byte(0)
		if next < len(m.pattern) {
			suffix = m.pattern[next]
		}
		switch suffix {
		case '?':
			if m.fits(s, p, next) {
				if end, ok := m.match(s+1, next+1); ok {
					return end, true
				}
			}
			p = next + 1
		case '*', '+':
			n := 0
			for m.fits(s+n, p, next) {
				work(m.l, 1)
				n++
			}
			least := 0
			if suffix == '+' {
				least = 1
			}
			for ; n >= least; n-- {
				if end, ok := m.match(s+n, next+1); ok {
					return end, true
				}
			}
			return 0, false
		case '-':
			for {
				if end, ok := m.match(s, next+1); ok {
					return end, true
				}
				if !m.fits(s, p, next) {
					return 0, false
				}
				s++
			}
		default:
			if !m.fits(s, p, next) {
				return 0, false
			}
			s, p = s+1, next
		}
	}
}

// itemEnd returns where the single item (a character, %x, or a set) that begins at p ends.
func (m *matcher) itemEnd(p int) int {
	switch m.pattern[p] {
	case '%':
		if p+1 >= len(m.pattern) {
			m.l.RaiseError("malformed pattern (ends with '%%')")
		}
		return p + 2
	case '[':
		end := p + 1
		if end < len(m.pattern) && m.pattern[end] == '^' {
			end++
		}
		for first := true; first || end >= len(m.pattern) || m.pattern[end] != ']'; first = false {
			if end >= len(m.pattern) {
				m.l.RaiseError("malformed pattern (missing ']')")
			}
			if m.pattern[end] == '%' {
				end++
			}
			end++
		}
		return end + 1
	}
	return p + 1
}

// fits reports whether the character at s is one that the item pattern[p:next] stands for.
func (m *matcher) fits(s, p, next int) bool {
	if s >= len(m.subject) {
		return false
	}
	c := m.subject[s]
	switch m.pattern[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pattern[p+1])
	case '[':
		return m.inSet(c, p, next)
	}
	return m.pattern[p] == c
}

// inSet reports whether c is in the set pattern[p:next], which begins with [ and ends with ].
func (m *matcher) inSet(c byte, p, next int) bool {
	inside, found := m.pattern[p+1:next-1], true
	work(m.l, len(inside)/16)
	if strings.HasPrefix(inside, "^") {
		inside, found = inside[1:], false
	}
	for i := 0; i < len(inside); i++ {
		switch {
		case inside[i] == '%' && i+1 < len(inside):
			i++
			if inClass(c, inside[i]) {
				return found
			}
		case i+2 < len(inside) && inside[i+1] == '-':
			if inside[i] <= c && c <= inside[i+2] {
				return found
			}
			i += 2
		case inside[i] == c:
			return found
		}
	}
	return !found
}

// inClass reports whether c belongs to %class; a capital letter is the opposite, anything else stands for itself.
func inClass(c, class byte) bool {
	isIn := false
	lower := class | 0x20
	isAlpha := c|0x20 >= 'a' && c|0x20 <= 'z'
	isDigit := c >= '0' && c <= '9'
	switch lower {
	case 'a':
		isIn = isAlpha
	case 'c':
		isIn = c < 32 || c == 127
	case 'd':
		isIn = isDigit
	case 'l':
		isIn = c >= 'a' && c <= 'z'
	case 'p':
		isIn = c > 32 && c < 127 && !isAlpha && !isDigit
	case 's':
		isIn = c == ' ' || c >= 9 && c <= 13
	case 'u':
		isIn = c >= 'A' && c <= 'Z'
	case 'w':
		isIn = isAlpha || isDigit
	case 'x':
		isIn = isDigit || c|0x20 >= 'a' && c|0x20 <= 'f'
	case 'z':
		isIn = c == 0
	default:
		return class == c
	}
	if class >= 'a' {
		return isIn
	}
	return !isIn
}

// balanced matches %bxy: from an x to the y that closes it.
func (m *matcher) balanced(s, p int) (end int, ok bool) {
	if p+1 >= len(m.pattern) {
		m.l.RaiseError("unbalanced pattern")
	}
	left, right := m.pattern[p], m.pattern[p+1]
	if s >= len(m.subject) || m.subject[s] != left {
		return 0, false
	}
	nested := 1
	for i := s + 1; i < len(m.subject); i++ {
		work(m.l, 1)
		switch m.subject[i] {
		case right:
			if nested--; nested == 0 {
				return i + 1, true
			}
		case left:
			nested++
		}
	}
	return 0, false
}

// capture returns the i-th capture (from 0); a match without any counts as one of the whole.
func (m *matcher) capture(i, from, to int) lua.LValue {
	if i >= len(m.captures) {
		if i != 0 {
			m.l.RaiseError("invalid capture index")
		}
		return lua.LString(m.subject[from:to])
	}
	switch c := m.captures[i]; c.size {
	case open:
		m.l.RaiseError("unfinished capture")
		return lua.LNil
	case position:
		return lua.LNumber(c.from + 1)
	default:
		return lua.LString(m.subject[c.from : c.from+c.size])
	}
}

// pushCaptures pushes all captures, or the whole match when there are none and whole is set, and returns how many.
func (m *matcher) pushCaptures(from, to int, whole bool) int {
	n := len(m.captures)
	if n == 0 && whole {
		n = 1
	}
	for i := range n {
		m.l.Push(m.capture(i, from, to))
	}
	return n
}
