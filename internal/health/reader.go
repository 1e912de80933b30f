package health

import (
	"slices"
	"time"
)

// reader reads an object's content. Health must survive any content, so what is absent or of the wrong type reads as
// the zero value.
type reader struct{ content map[string]any }

func (r reader) at(path ...string) any {
	var v any = r.content
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func (r reader) text(path ...string) string { s, _ := r.at(path...).(string); return s }
func (r reader) truth(path ...string) bool  { b, _ := r.at(path...).(bool); return b }

func (r reader) number(path ...string) int64 {
	n, _ := r.numberIfSet(path...)
	return n
}

func (r reader) numberIfSet(path ...string) (int64, bool) {
	switch n := r.at(path...).(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		return int64(n), true
	}
	return 0, false
}

// time returns the RFC 3339 time at path; zero when there is none.
func (r reader) time(path ...string) time.Time {
	t, _ := time.Parse(time.RFC3339, r.text(path...))
	return t
}

// list returns the objects in the list at path.
func (r reader) list(path ...string) []reader {
	items, _ := r.at(path...).([]any)
	found := make([]reader, 0, len(items))
	for _, v := range items {
		if m, ok := v.(map[string]any); ok {
			found = append(found, reader{m})
		}
	}
	return found
}

// condition returns the element of status.conditions of that type; its content is nil when there is none.
func (r reader) condition(kind string) reader {
	all := r.list("status", "conditions")
	if i := slices.IndexFunc(all, func(c reader) bool { return c.text("type") == kind }); i >= 0 {
		return all[i]
	}
	return reader{}
}

func (r reader) isTrue() bool    { return r.text("status") == "True" }
func (r reader) isFalse() bool   { return r.text("status") == "False" }
func (r reader) message() string { return r.text("message") }

// observed reports whether the controller has seen the current generation.
func (r reader) observed() bool {
	return r.number("metadata", "generation") <= r.number("status", "observedGeneration")
}
