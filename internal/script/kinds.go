package script

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gobwas/glob"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kinds holds something for each kind of object, by its exact name or by a pattern with * and ?, as in *.crossplane.io
// and *. The core group is empty. As in Argo CD, */* means every kind that has a group. The zero value is empty; it must
// not be changed once others read it.
type Kinds[T any] struct {
	exact map[schema.GroupKind]T
	globs []pattern[T]
}

// pattern is a glob over group/kind.
type pattern[T any] struct {
	text  string
	match glob.Glob
	value T
}

// Add sets what belongs to the kinds; of two for the same name or pattern the later one counts.
func (k *Kinds[T]) Add(group, kind string, v T) {
	if !strings.ContainsAny(group+kind, "*?") {
		if k.exact == nil {
			k.exact = map[schema.GroupKind]T{}
		}
		k.exact[schema.GroupKind{Group: group, Kind: kind}] = v
		return
	}
	text := spelled(schema.GroupKind{Group: group, Kind: kind})
	k.globs = slices.DeleteFunc(k.globs, func(p pattern[T]) bool { return p.text == text })
	if g, err := glob.Compile(text); err == nil { // only braces and brackets can be malformed; no kind has them
		k.globs = append(k.globs, pattern[T]{text, g, v})
		slices.SortFunc(k.globs, morePrecise[T])
	}
}

// Of returns what belongs to a kind; an exact name wins over a pattern.
func (k *Kinds[T]) Of(kind schema.GroupKind) (v T, ok bool) {
	if v, ok = k.exact[kind]; ok || len(k.globs) == 0 {
		return v, ok
	}
	text := spelled(kind)
	for _, p := range k.globs {
		if p.match.Match(text) {
			return p.value, true
		}
	}
	return v, false
}

// spelled is what globs are matched with: group/kind, and a kind of the core group without the slash (Argo CD's way).
func spelled(kind schema.GroupKind) string {
	if kind.Group == "" {
		return kind.Kind
	}
	return kind.Group + "/" + kind.Kind
}

// morePrecise orders patterns so that the one with the most letters of its own comes first. (Argo CD takes any.)
func morePrecise[T any](a, b pattern[T]) int {
	letters := func(p pattern[T]) int { return len(p.text) - strings.Count(p.text, "*") }
	return cmp.Or(cmp.Compare(letters(b), letters(a)), cmp.Compare(a.text, b.text))
}

// Wildcard undoes the spelling of embedded folders, which Go cannot embed with a * in their name.
func Wildcard(folder string) string { return strings.ReplaceAll(folder, "_", "*") }
