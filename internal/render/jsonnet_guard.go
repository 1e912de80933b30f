package render

import (
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// maxJsonnetArray bounds what one call of std.makeArray, std.range or std.repeat may make.
const maxJsonnetArray = "1000000"

// boundedStd goes in front of a program that uses one of the functions which make much out of one number. It keeps to
// the program's first line, so that the lines of messages stay right. The names are such that nobody else has them.
const boundedStd = `local hawser_std__ = std; local std = hawser_std__ { ` +
	`local bounded(n) = if std.isNumber(n) && n > ` + maxJsonnetArray + ` then error 'more than ` + maxJsonnetArray + ` elements in one array' else n, ` +
	`makeArray(sz, func):: hawser_std__.makeArray(bounded(sz), func), ` +
	`range(from, to):: if bounded(to - from) > 0 then hawser_std__.range(from, to) else hawser_std__.range(from, to), ` +
	`repeat(what, count):: hawser_std__.repeat(what, bounded(count)) }; `

var makesMuch = regexp.MustCompile(`\b(makeArray|range|repeat)\b`)

// bounded returns the text of an application's own program, with a bounded library if it needs one. Imported files
// keep the library as it is: what is imported may be text to somebody and must not change.
func bounded(text []byte, file string) (string, error) {
	if err := checkDepth(text, file); err != nil {
		return "", err
	}
	if makesMuch.Match(text) {
		return boundedStd + string(text), nil
	}
	return string(text), nil
}

// checkDepth refuses a text that nests too deep to be parsed. The parser and the interpreter recurse as deep as the
// program nests, and a Go stack that overflows cannot be caught: it ends the process.
func checkDepth(text []byte, file string) error {
	if tokenDepth(string(text)) > maxJsonnetTokens {
		return problem.New(problem.Limit, "%s: nested too deep, or an expression of more than %d tokens", file, maxJsonnetTokens)
	}
	return nil
}

// heavy are the words behind which the parser starts again at the lowest precedence: some 50 kB of stack a level,
// far more than an operator costs. An opening bracket is as heavy. With the bound of all tokens that makes 2,500 levels.
var heavy = map[string]bool{"if": true, "then": true, "else": true, "local": true, "function": true, "error": true, "assert": true, "for": true, "import": true}

const heavyWeight = 20

// tokenDepth returns an upper bound of how deep a jsonnet text can nest: the weight of the tokens since the last
// comma, summed over the brackets that are open, where it is greatest. It reads strings and comments as jsonnet does,
// so that what is in them does not count.
func tokenDepth(s string) int {
	deepest, total := 0, 0
	open := []int{0} // tokens since the last comma, per open bracket
	count := func(weight int) {
		open[len(open)-1] += weight
		total += weight
		deepest = max(deepest, total)
	}
	forget := func() { total -= open[len(open)-1]; open[len(open)-1] = 0 }
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '#', strings.HasPrefix(s[i:], "//"):
			i = end(s, i, "\n")
		case strings.HasPrefix(s[i:], "/*"):
			i = end(s, i+2, "*/")
		case strings.HasPrefix(s[i:], "|||"):
			count(1)
			i = end(s, i+3, "|||")
		case c == '\'' || c == '"':
			count(1)
			i = quoted(s, i+1, c, i > 0 && s[i-1] == '@')
		case c == '(' || c == '[' || c == '{':
			count(heavyWeight)
			open = append(open, 0)
			i++
		case c == ')' || c == ']' || c == '}':
			if forget(); len(open) > 1 {
				open = open[:len(open)-1]
			}
			i++
		case c == ',':
			forget()
			i++
		case isAlphanumeric(c) || c == '_':
			start := i
			for i < len(s) && (isAlphanumeric(s[i]) || s[i] == '_') {
				i++
			}
			if heavy[s[start:i]] {
				count(heavyWeight)
			} else {
				count(1)
			}
		default:
			count(1)
			i++
		}
	}
	return deepest
}

// end returns the index behind the next stop at or after from.
func end(s string, from int, stop string) int {
	if from > len(s) {
		return len(s)
	}
	n := strings.Index(s[from:], stop)
	if n < 0 {
		return len(s)
	}
	return from + n + len(stop)
}

// quoted returns the index behind the string that has begun before from. In a verbatim string a doubled quote stands
// for itself, which reads like the end of one string and the start of the next: right for counting.
func quoted(s string, from int, quote byte, verbatim bool) int {
	for i := from; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i + 1
		case s[i] == '\\' && !verbatim:
			i++
		}
	}
	return len(s)
}
