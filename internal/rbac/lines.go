package rbac

import (
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/problem"
)

const (
	maxLine     = 8 << 10 // bytes of one line
	maxDocument = 4 << 20 // bytes of all policies in the ConfigMap; Kubernetes itself stops at one MiB
)

// A Line is one line of a policy, and where it stands: what an audit log and `can-i` point to.
type Line struct {
	Origin string // key of the ConfigMap ("policy.csv"), "built-in", or "project x, role y"
	Number int    // counted from 1 within Origin
	Text   string // without the white space around it
}

// String is ORIGIN:NUMBER: TEXT.
func (l *Line) String() string { return l.Origin + ":" + strconv.Itoa(l.Number) + ": " + l.Text }

// A rule is a p line.
type rule struct {
	resource, action, object *pattern
	deny                     bool
	line                     *Line
}

// An edge is a g line, seen from its member.
type edge struct {
	to         string
	deniesOnly bool // the line was not understood: it brings what its role denies, and nothing that it allows
}

// rules are the compiled lines of one origin or of several. Rules of a subject are in the order of their lines.
type rules struct {
	of    map[string][]*rule // by subject
	edges map[string][]edge  // by member
}

func newRules() *rules { return &rules{of: map[string][]*rule{}, edges: map[string][]edge{}} }

// read compiles a document and returns a problem for each line that it did not understand. Such a line permits
// nothing; where it may have been meant to deny, it denies all that it may have meant.
func (rs *rules) read(origin, text string, regex bool) (problems []error) {
	number := 0
	for raw := range strings.SplitSeq(text, "\n") {
		number++
		raw = strings.TrimSpace(raw)
		if raw == "" || strings.HasPrefix(raw, "#") {
			continue
		}
		line := &Line{Origin: origin, Number: number, Text: clip(raw)}
		if err := rs.add(line, raw, regex); err != nil {
			problems = append(problems, problem.Because(problem.KindOf(err), err, "%s line %d", origin, number))
		}
	}
	return problems
}

func (rs *rules) add(line *Line, raw string, regex bool) error {
	fields, wrong := split(raw)
	switch {
	case len(fields) > 0 && fields[0] == "p":
		return rs.addRule(line, fields, wrong, regex)
	case len(fields) > 0 && fields[0] == "g":
		return rs.addEdge(fields, wrong)
	case wrong != nil:
		return wrong
	}
	return problem.New(problem.Invalid, "%q is neither a p line nor a g line", line.Text)
}

// addRule adds a p line: p, subject, resource, action, object, effect.
func (rs *rules) addRule(line *Line, fields []string, wrong error, regex bool) error {
	switch {
	case wrong != nil:
	case len(fields) != 6:
		wrong = problem.New(problem.Invalid, "%d fields, not the 6 of: p, subject, resource, action, object, effect", len(fields))
	case slices.Contains(fields, ""):
		wrong = problem.New(problem.Invalid, "a field is empty")
	case fields[5] != "allow" && fields[5] != "deny":
		wrong = problem.New(problem.Invalid, "effect %q: must be allow or deny", fields[5])
	}
	r := &rule{deny: fields[len(fields)-1] != "allow", line: line}
	parts := [...]**pattern{&r.resource, &r.action, &r.object}
	for i, part := range parts {
		*part = &pattern{form: anything}
		if len(fields) != 6 || fields[2+i] == "" {
			continue
		}
		if p, err := compile(fields[2+i], regex); err == nil {
			*part = p
		} else if wrong == nil {
			wrong = err
		}
	}
	if subject := subjectOf(fields); subject != "" && (wrong == nil || r.deny) {
		rs.of[subject] = append(rs.of[subject], r)
	}
	return wrong
}

// addEdge adds a g line: g, member, role.
func (rs *rules) addEdge(fields []string, wrong error) error {
	if wrong == nil && len(fields) != 3 {
		wrong = problem.New(problem.Invalid, "%d fields, not the 3 of: g, member, role", len(fields))
	}
	if wrong == nil && slices.Contains(fields, "") {
		wrong = problem.New(problem.Invalid, "a field is empty")
	}
	if member := subjectOf(fields); member != "" && len(fields) > 2 && fields[2] != "" {
		rs.edges[member] = append(rs.edges[member], edge{to: fields[2], deniesOnly: wrong != nil})
	}
	return wrong
}

func subjectOf(fields []string) string {
	if len(fields) < 2 {
		return ""
	}
	return fields[1]
}

// split reads one line of CSV as Argo CD does: quotes as in RFC 4180, white space before a field does not count, that
// behind it does. The fields of a line that is wrong are guesses.
func split(raw string) (fields []string, wrong error) {
	if len(raw) > maxLine {
		wrong, raw = problem.New(problem.Limit, "%d characters: more than %d", len(raw), maxLine), raw[:maxLine]
		fields = guess(raw)
		fields[len(fields)-1] = "" // its end is cut off: nobody knows the effect
		return fields, wrong
	}
	reader := csv.NewReader(strings.NewReader(raw))
	reader.TrimLeadingSpace = true
	fields, err := reader.Read()
	if err != nil {
		return guess(raw), problem.New(problem.Invalid, "not a line of CSV: %s", strings.TrimPrefix(err.Error(), "record on line 1; "))
	}
	control := func(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
	if !utf8.ValidString(raw) || control(strings.ReplaceAll(raw, "\t", "")) || slices.ContainsFunc(fields, control) {
		return fields, problem.New(problem.Invalid, "it contains a control character, or is not UTF-8")
	}
	return fields, nil
}

func guess(raw string) []string {
	fields := strings.SplitN(raw, ",", 64)
	for i, f := range fields {
		fields[i] = strings.Trim(f, "\" \t")
	}
	return fields
}

// clip keeps logs readable and bounded.
func clip(s string) string {
	if len(s) > 512 {
		s = s[:512] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '�'
		}
		return r
	}, s)
}

// maxDepth is how many g lines may lie between a subject and a role: casbin's default, which Argo CD keeps.
const maxDepth = 10

// reach walks g lines from a subject through all sets. allows are the names whose rules count in full, the subject
// among them; denies are those of which only denials count.
func reach(subject string, sets ...*rules) (allows, denies map[string]bool) {
	walk := func(all bool) map[string]bool {
		seen := map[string]bool{subject: true}
		layer := []string{subject}
		for depth := 0; depth < maxDepth && len(layer) > 0; depth++ {
			var next []string
			for _, name := range layer {
				for _, set := range sets {
					for _, e := range set.edges[name] {
						if (all || !e.deniesOnly) && !seen[e.to] {
							seen[e.to] = true
							next = append(next, e.to)
						}
					}
				}
			}
			layer = next
		}
		return seen
	}
	allows, denies = walk(false), walk(true)
	for name := range allows {
		delete(denies, name)
	}
	return allows, denies
}

// collect returns the rules of all names that a subject reaches, in a stable order.
func collect(allows, denies map[string]bool, sets ...*rules) (found []*rule) {
	for _, set := range sets {
		for _, name := range sorted(allows) {
			found = append(found, set.of[name]...)
		}
		for _, name := range sorted(denies) {
			for _, r := range set.of[name] {
				if r.deny {
					found = append(found, r)
				}
			}
		}
	}
	return found
}

func sorted(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
