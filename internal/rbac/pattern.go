package rbac

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/gobwas/glob"

	"github.com/hawser-cd/hawser/internal/problem"
)

const (
	maxPattern = 1024   // bytes of one pattern
	maxObject  = 4096   // bytes of what is asked about; longer is denied
	maxBranch  = 3      // stars and alternatives of a glob that the library may match: its time is a power of them
	maxProgram = 10_000 // nodes of a regular expression once its repetitions are written out
)

// A pattern is one compiled field of a p line.
type pattern struct {
	form form
	text string // exact: all of it; prefix: what it starts with
	lead string // what every match starts with; empty when nothing is known
	rest interface{ MatchString(string) bool }
}

type form byte

const (
	anything form = iota // *
	exact                // no wildcard
	prefix               // text*
	slashed              // */* : whatever contains a slash
	other
)

func (p *pattern) match(s string) bool {
	switch p.form {
	case anything:
		return true
	case exact:
		return s == p.text
	case prefix:
		return strings.HasPrefix(s, p.text)
	case slashed:
		return strings.Contains(s, "/")
	}
	return strings.HasPrefix(s, p.lead) && p.rest.MatchString(s)
}

// covers reports whether everything below the folder (which ends in a slash) is certainly matched.
func (p *pattern) covers(folder string) bool {
	switch p.form {
	case anything, slashed:
		return true
	case prefix:
		return strings.HasPrefix(folder, p.text)
	}
	return false
}

// touches reports whether anything below the folder may be matched.
func (p *pattern) touches(folder string) bool {
	switch p.form {
	case anything, slashed:
		return true
	case exact:
		return strings.HasPrefix(p.text, folder)
	}
	return strings.HasPrefix(p.lead, folder) || strings.HasPrefix(folder, p.lead)
}

// compile makes a pattern of one field. Globs know no separator: * matches slashes too. Regular expressions are not
// anchored: "applications" matches "applicationsets". (Argo CD's two match modes, util/rbac and casbin's regexMatch.)
func compile(text string, regex bool) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, problem.New(problem.Limit, "a pattern of %d characters: more than %d", len(text), maxPattern)
	}
	if regex {
		return compileRegex(text)
	}
	return compileGlob(text)
}

const special = `*?\[]{},`

func compileGlob(text string) (*pattern, error) {
	first := strings.IndexAny(text, special)
	if first < 0 {
		return &pattern{form: exact, text: text, lead: text}, nil
	}
	lead := text[:first]
	switch {
	case strings.Trim(text[first:], "*") == "" && first == 0:
		return &pattern{form: anything}, nil
	case strings.Trim(text[first:], "*") == "":
		return &pattern{form: prefix, text: lead, lead: lead}, nil
	case text == "*/*":
		return &pattern{form: slashed}, nil
	}
	expression, branches, err := translate(text)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "pattern %q", text)
	}
	if branches > maxBranch {
		// The library would try every way to spread the stars, which takes hours for some patterns. Go's regular
		// expressions take linear time. They take a pattern by its meaning,
		// where the library lets the parts of ab*ba overlap.
		return &pattern{form: other, lead: lead, rest: re}, nil
	}
	g, err := glob.Compile(text)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "pattern %q", text)
	}
	return &pattern{form: other, lead: lead, rest: globbed{g, re}}, nil
}

// globbed matches as Argo CD's library does. Should that panic (gobwas/glob v0.2.3 does for some), the
// regular expression answers, so that a denial stays one.
type globbed struct {
	library glob.Glob
	meaning *regexp.Regexp
}

func (g globbed) MatchString(s string) (matched bool) {
	defer func() {
		if recover() != nil {
			matched = g.meaning.MatchString(s)
		}
	}()
	return g.library.Match(s)
}

// translate writes a glob as a regular expression and counts its stars and alternatives. It is also the judge of what
// is a glob: the library accepts some that are not closed, and then matches nothing that people would expect.
func translate(text string) (expression string, branches int, err error) {
	wrong := func(why string) (string, int, error) {
		return "", 0, problem.New(problem.Invalid, "pattern %q: %s", text, why)
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	depth := 0
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == '*':
			for i+1 < len(runes) && runes[i+1] == '*' {
				i++
			}
			branches++
			b.WriteString(".*")
		case c == '?':
			b.WriteString(".")
		case c == '\\':
			if i++; i == len(runes) {
				return wrong("it ends with a backslash")
			}
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		case c == '[':
			class, n, ok := translateClass(runes[i+1:])
			if !ok {
				return wrong("what stands in [ ] is neither a list of characters nor a range")
			}
			b.WriteString(class)
			i += n
		case c == '{':
			depth++
			branches++
			b.WriteString("(?:")
		case c == '}' && depth > 0 && i > 0 && runes[i-1] == '{':
			return wrong("{} has nothing to choose from") // and confuses the library, to the point of a panic
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
	return b.String() + `\z`, branches, nil
}

// translateClass writes what follows a [ : an optional !, then either one range (a-z) or a list of characters, then ].
// n is how many characters it read.
func translateClass(rest []rune) (class string, n int, ok bool) {
	end := -1
	for i, c := range rest {
		if c == ']' {
			end = i
			break
		}
	}
	if end < 1 {
		return "", 0, false
	}
	inner, not := rest[:end], ""
	if inner[0] == '!' {
		inner, not = inner[1:], "^"
	}
	if len(inner) == 3 && inner[1] == '-' {
		if inner[0] > inner[2] {
			return "", 0, false
		}
		return "[" + not + quoteInClass(inner[0]) + "-" + quoteInClass(inner[2]) + "]", end + 1, true
	}
	if len(inner) == 0 || strings.ContainsAny(string(inner), `-\`) {
		return "", 0, false
	}
	var b strings.Builder
	for _, c := range inner {
		b.WriteString(quoteInClass(c))
	}
	return "[" + not + b.String() + "]", end + 1, true
}

func quoteInClass(c rune) string {
	if strings.ContainsRune(`\]^-[`, c) {
		return `\` + string(c)
	}
	return string(c)
}

func compileRegex(text string) (*pattern, error) {
	switch text {
	case ".*":
		return &pattern{form: anything}, nil
	case ".*/.*":
		return &pattern{form: slashed}, nil
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "pattern %q", text)
	}
	if weigh(tree) > maxProgram {
		return nil, problem.New(problem.Limit, "pattern %q repeats too much", text)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "pattern %q", text)
	}
	return &pattern{form: other, rest: re}, nil
}

// weigh estimates how many nodes an expression has once x{1000} is written out a thousand times.
func weigh(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		n = min(n+weigh(sub), maxProgram+1)
	}
	if re.Op == syntax.OpRepeat {
		n = min(n*max(re.Min, re.Max, 1), maxProgram+1)
	}
	return n
}
