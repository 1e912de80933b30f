package project

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern   string
		separator rune
		match     string // words that match
		miss      string // words that do not
	}{
		{"", 0, "", "a"},
		{"a*c", 0, "ac abc a/c", "abcd"},
		{"a*c", '/', "ac abc", "a/c"},
		{"a**c", '/', "ac a/b/c", "a/b/d"},
		{"a?c", '/', "abc", "ac a/c"},
		{"[ab]x", 0, "ax bx", "cx abx"},
		{"[a-c]x", 0, "bx", "dx -x"},
		{"[-a]x", 0, "-x ax", "bx"},
		{"[!a-c]x", 0, "dx", "ax"},
		{"[^a]x", 0, "^x ax", "bx"},
		{`[\]x`, 0, `\x`, "]x"},
		{"{one,two}-x", 0, "one-x two-x", "three-x one,two-x"},
		{"{a,{b,c}d}", 0, "a bd cd", "ad d"},
		{"{*.corp,x}", '.', "a.corp x", "a.b.corp"},
		{`\*`, 0, "*", "a"},
		{"a,b}", 0, "a,b}", "a"},
		{"a.b+", 0, "a.b+", "axb+ a.bb"},
	} {
		re, err := glob(c.pattern, c.separator)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		for _, w := range strings.Split(c.match, " ") {
			if !re.MatchString(w) {
				t.Errorf("%q does not match %q", c.pattern, w)
			}
		}
		for _, w := range strings.Split(c.miss, " ") {
			if re.MatchString(w) {
				t.Errorf("%q matches %q", c.pattern, w)
			}
		}
	}
	for _, malformed := range []string{"{a", "[a", "[]", `a\`, "[z-a]", strings.Repeat("a", maxPattern+1)} {
		if _, err := glob(malformed, 0); err == nil {
			t.Errorf("%q compiles", malformed)
		}
	}
}

// The compiled form against the definition, spelled out naively. (The library that Argo CD uses is no oracle: there "?"
// matches the empty text and {a*,/b}b does not match ab.)
func TestGlobAgreesWithItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"a", "b", "/", "-", ".", "*", "**", "?", "{a,b}", "{a*,/b}", "{,?}"})
		parts := rapid.SliceOfN(part, 0, 6).Draw(t, "pattern")
		pattern := strings.Join(parts, "")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab/-.")), 0, 8, -1).Draw(t, "text")
		for _, separator := range []rune{0, '/'} {
			re, err := glob(pattern, separator)
			if err != nil {
				t.Fatalf("%q: %v", pattern, err)
			}
			want := slices.ContainsFunc(expand(pattern), func(p string) bool { return naive(p, text, separator) })
			if got := re.MatchString(text); got != want {
				t.Fatalf("%q on %q (separator %q): %v, by definition %v", pattern, text, separator, got, want)
			}
		}
	})
}

// expand writes out the alternatives of a pattern without nested braces, fenced by NUL: a star at the edge of one must
// not become ** with its neighbour.
func expand(pattern string) []string {
	open := strings.Index(pattern, "{")
	if open < 0 {
		return []string{pattern}
	}
	end := strings.Index(pattern, "}")
	var all []string
	for _, choice := range strings.Split(pattern[open+1:end], ",") {
		all = append(all, expand(pattern[:open]+"\x00"+choice+"\x00"+pattern[end+1:])...)
	}
	return all
}

func naive(pattern, text string, separator rune) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == 0:
		return naive(pattern[1:], text, separator)
	case strings.HasPrefix(pattern, "**"):
		return naive(pattern[2:], text, separator) || text != "" && naive(pattern, text[1:], separator)
	case pattern[0] == '*':
		return naive(pattern[1:], text, separator) || text != "" && rune(text[0]) != separator && naive(pattern, text[1:], separator)
	case text == "":
		return false
	case pattern[0] == '?':
		return rune(text[0]) != separator && naive(pattern[1:], text[1:], separator)
	}
	return pattern[0] == text[0] && naive(pattern[1:], text[1:], separator)
}

func TestGlobIsFastOnHostilePatterns(t *testing.T) {
	re, err := glob(strings.Repeat("a*{a,*a}?*", 40), 0)
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	re.MatchString(strings.Repeat("a", 2000) + "!")
	if d := time.Since(started); d > 20*time.Second {
		t.Errorf("took %s", d)
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("https://*.corp/{a,b}/**", "https://x.corp/a/b")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if re, err := glob(pattern, '/'); err == nil {
			re.MatchString(text)
		}
	})
}
