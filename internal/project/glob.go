package project

import (
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// maxPattern bounds one pattern; a regular expression compiled from it takes memory in proportion.
const maxPattern = 1024

// glob compiles a glob in the syntax that Argo CD's project rules use: * (not across separator), ** (across), ?,
// [abc], [a-z], [!abc], {one,two} and \ before a character that is meant literally. A separator of 0 means there is
// none. Globs become Go regular expressions because those run in linear time whatever people write.
func glob(pattern string, separator rune) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, problem.New(problem.Limit, "pattern of %d characters: more than %d", len(pattern), maxPattern)
	}
	any := "."
	if separator != 0 {
		any = "[^" + regexp.QuoteMeta(string(separator)) + "]"
	}
	wrong := func(why string) (*regexp.Regexp, error) {
		return nil, problem.New(problem.Invalid, "pattern %q: %s", pattern, why)
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	depth := 0
	for rest := []rune(pattern); len(rest) > 0; {
		c := rest[0]
		rest = rest[1:]
		switch {
		case c == '*' && len(rest) > 0 && rest[0] == '*':
			rest = rest[1:]
			b.WriteString(".*")
		case c == '*':
			b.WriteString(any + "*")
		case c == '?':
			b.WriteString(any)
		case c == '\\' && len(rest) > 0:
			b.WriteString(regexp.QuoteMeta(string(rest[0])))
			rest = rest[1:]
		case c == '\\':
			return wrong("it ends with a backslash")
		case c == '[':
			end := strings.IndexRune(string(rest), ']')
			if end <= 0 {
				return wrong("a [ has no ]")
			}
			class := string(rest)[:end]
			rest = rest[len([]rune(class))+1:]
			b.WriteString(characterClass(class))
		case c == '{':
			depth++
			b.WriteString("(?:")
		case c == '}' && depth > 0:
			depth--
			b.WriteString(")")
		case c == ',' && depth > 0:
			b.WriteString("|")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	if depth > 0 {
		return wrong("a { has no }")
	}
	re, err := regexp.Compile(b.String() + `\z`)
	if err != nil {
		return wrong(err.Error())
	}
	return re, nil
}

// characterClass writes the inside of [ ] for a regular expression: everything but a leading ! and the dashes of
// ranges is literal.
func characterClass(class string) string {
	var b strings.Builder
	b.WriteByte('[')
	if rest, not := strings.CutPrefix(class, "!"); not && rest != "" {
		class = rest
		b.WriteByte('^')
	}
	for i, c := range class {
		literal := c != '-' || i == 0 || i == len(class)-1
		if literal && strings.ContainsRune(`-\[]^`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	b.WriteByte(']')
	return b.String()
}
