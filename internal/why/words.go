package why

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hawser-cd/hawser/internal/object"
)

// Word is a part of a sentence. At most one of Time, Object and Commit is set: then Text is how it reads.
type Word struct {
	Text    string
	Time    time.Time
	Lasting bool       // Text tells how long it is since Time ("4 min"), and not that it is past ("4 min ago")
	Object  object.Key // "Deployment/web"
	Commit  string     // whole; Text is short
}

// Sentence is words one after the other; it ends with a full stop.
type Sentence []Word

func (s Sentence) String() string {
	var b strings.Builder
	for _, w := range s {
		b.WriteString(w.Text)
	}
	return b.String()
}

// sentence is one that is being written.
type sentence struct {
	words Sentence
	now   time.Time
}

func (s *sentence) add(w Word) {
	if w.Text == "" {
		return
	}
	plain := w == Word{Text: w.Text}
	if n := len(s.words); plain && n > 0 && s.words[n-1] == (Word{Text: s.words[n-1].Text}) {
		s.words[n-1].Text += w.Text
		return
	}
	s.words = append(s.words, w)
}

func (s *sentence) say(format string, args ...any) {
	if len(args) == 0 {
		s.add(Word{Text: format})
		return
	}
	s.add(Word{Text: fmt.Sprintf(format, args...)})
}

// text adds what somebody else says, in one line and no longer than people read.
func (s *sentence) text(words string) { s.add(Word{Text: clip(oneLine(words), most)}) }

func (s *sentence) ago(t time.Time) { s.add(Word{Text: ago(t, s.now), Time: t}) }
func (s *sentence) lasting(t time.Time) {
	s.add(Word{Text: lasting(s.now.Sub(t)), Time: t, Lasting: true})
}
func (s *sentence) object(k object.Key) { s.add(Word{Text: k.Kind + "/" + k.Name, Object: k}) }

func (s *sentence) commit(id string) {
	if id == "" {
		s.say("an unknown commit")
		return
	}
	s.add(Word{Text: Short(id), Commit: id})
}

// few is how many objects a sentence names.
const few = 3

// list says n things, the first few of them one by one.
func (s *sentence) list(n int, one func(i int)) {
	for i := range min(n, few) {
		switch {
		case i > 0 && i == n-1:
			s.say(" and ")
		case i > 0:
			s.say(", ")
		}
		one(i)
	}
	if n > few {
		s.say(" and %d more", n-few)
	}
}

func (s *sentence) objects(keys []object.Key) { s.list(len(keys), func(i int) { s.object(keys[i]) }) }

func (s *sentence) end() Sentence {
	s.add(Word{Text: "."})
	return s.words
}

// most is how many characters of somebody else's words a sentence takes.
const most = 300

// oneLine is a message without line breaks and without the full stop at its end, so that it can be part of a sentence.
func oneLine(s string) string {
	return strings.TrimRight(strings.Join(strings.Fields(s), " "), ". ")
}

func clip(s string, limit int) string {
	text := []rune(s)
	if len(text) <= limit {
		return s
	}
	return string(text[:limit-1]) + "…"
}

func upperFirst(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

// name is a person without their address: "Ada Lovelace <ada@example.com>" is Ada Lovelace.
func name(author string) string {
	if who, _, ok := strings.Cut(author, " <"); ok && strings.TrimSpace(who) != "" {
		author = who
	}
	return clip(oneLine(author), 60)
}

// value is a JSON value as a sentence has room for it.
func value(json string) string {
	if json == "" {
		return "nothing"
	}
	return clip(oneLine(json), 40)
}

var commit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Short is a revision as people write it: seven digits of a commit, anything else as it is.
func Short(revision string) string {
	if commit.MatchString(revision) {
		return revision[:7]
	}
	return clip(revision, 60)
}

// where is what our own errors begin with and a sentence about the object has said already.
var where = regexp.MustCompile(`^apply \S+ (in namespace \S+ )?(in cluster \S+)?: (\S+ "[^"]*" cannot be changed so: )?`)

func withoutWhere(message string) string { return where.ReplaceAllString(message, "") }

// hints are parentheses at the end of an error that say what to do: problem.Error writes them so.
var hints = regexp.MustCompile(`^(.*\S) \(([^()]{20,})\)\.?$`)

// splitHint takes an error and what to do about it apart.
func splitHint(message string) (text, hint string) {
	if m := hints.FindStringSubmatch(oneLine(message)); m != nil {
		return m[1], m[2]
	}
	return message, ""
}

// lasting is a length of time in its largest unit, as the page writes it: "4 min".
func lasting(d time.Duration) string {
	s := max(0, int64(d/time.Second))
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min", s/60)
	case s < 86_400:
		return fmt.Sprintf("%d h", s/3600)
	case s < 86_400*60:
		return fmt.Sprintf("%d d", s/86_400)
	case s < 86_400*365*2:
		return fmt.Sprintf("%d mo", int64(float64(s)/(86_400*30.44)))
	}
	return fmt.Sprintf("%d y", int64(float64(s)/(86_400*365.25)))
}

// ago is how long ago, or in how long: "4 min ago", "in 5 h".
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "at an unknown time"
	case d > -5*time.Second && d < 5*time.Second:
		return "now"
	case d < 0:
		return "in " + lasting(-d)
	default:
		return lasting(d) + " ago"
	}
}
