package render

import (
	"fmt"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// maxMade bounds what one call of a template function may make out of a number: elements or bytes.
const maxMade = 1 << 22

// boundedFuncs wraps the template functions that make much out of one number, so that a slip of the keyboard
// (`until 1000000000`) is an error and not the end of the process.
func boundedFuncs() template.FuncMap {
	all := sprig.TxtFuncMap()
	until, okUntil := all["until"].(func(int) []int)
	step, okStep := all["untilStep"].(func(int, int, int) []int)
	if !okUntil || !okStep {
		panic("render: sprig has changed until or untilStep")
	}
	repeat, okRepeat := all["repeat"].(func(int, string) string)
	indent, okIndent := all["indent"].(func(int, string) string)
	nindent, okNindent := all["nindent"].(func(int, string) string)
	if !okRepeat || !okIndent || !okNindent {
		panic("render: sprig has changed repeat, indent or nindent")
	}
	return template.FuncMap{
		"until": func(n int) ([]int, error) {
			if err := affordable("until", max(n, -n), 1); err != nil {
				return nil, err
			}
			return until(n), nil
		},
		"untilStep": func(from, to, by int) ([]int, error) {
			if by != 0 {
				if n := (to - from) / by; n > maxMade {
					return nil, affordable("untilStep", n, 1)
				}
			}
			return step(from, to, by), nil
		},
		"repeat": func(n int, s string) (string, error) {
			if err := affordable("repeat", n, len(s)); err != nil {
				return "", err
			}
			return repeat(n, s), nil
		},
		"indent": func(n int, s string) (string, error) {
			if err := affordable("indent", n, 1); err != nil {
				return "", err
			}
			return indent(n, s), nil
		},
		"nindent": func(n int, s string) (string, error) {
			if err := affordable("nindent", n, 1); err != nil {
				return "", err
			}
			return nindent(n, s), nil
		},
	}
}

func affordable(name string, n, each int) error {
	if n > maxMade || each > 0 && n > maxMade/each {
		return fmt.Errorf("%s: %d is too much", name, n)
	}
	return nil
}
