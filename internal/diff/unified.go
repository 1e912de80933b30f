package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// Target returns live as it would be with the changes undone: put beside live it shows the drift and nothing else,
// no field that a controller wrote. live is not changed.
func (r Result) Target(live *object.Object) *object.Object {
	if live == nil || len(r.Changes) == 0 {
		return live
	}
	o := live.DeepCopy()
	// Items are put back in the order of their positions, so that each finds its neighbours in place.
	changes := slices.Clone(r.Changes)
	slices.SortStableFunc(changes, func(a, b Change) int { return a.position - b.position })
	for _, c := range changes {
		undo(o.Object, c.elements, c)
	}
	return o
}

// undo sets or removes the value at path and returns the changed container.
func undo(v any, path []string, c Change) any {
	key := path[0]
	if len(path) > 1 {
		child := childOf(side{v, true}, key)
		if !child.ok {
			if c.Want == nil || isItem(path[0]) {
				return v
			}
			if child.v = any(map[string]any{}); isItem(path[1]) {
				child.v = []any{}
			}
		}
		return put(v, key, undo(child.v, path[1:], c), c.position)
	}
	if c.Want == nil {
		return cut(v, key)
	}
	return put(v, key, runtime.DeepCopyJSONValue(c.Want), c.position)
}

func put(v any, key string, value any, position int) any {
	switch at := v.(type) {
	case map[string]any:
		at[strings.TrimPrefix(key, "f:")] = value
	case []any:
		if i := matcher(key)(at); i >= 0 {
			at[i] = value
			return at
		}
		return slices.Insert(at, max(0, min(position, len(at))), value)
	}
	return v
}

func cut(v any, key string) any {
	switch at := v.(type) {
	case map[string]any:
		delete(at, strings.TrimPrefix(key, "f:"))
	case []any:
		if i := matcher(key)(at); i >= 0 {
			return slices.Delete(at, i, i+1)
		}
	}
	return v
}

// Unified returns the difference between two objects as a unified diff of their YAML, with three lines of context;
// empty when they read the same. from is marked -, to is marked +; either may be nil. The server's bookkeeping,
// kubectl's copy of the manifest and the status are left out.
func Unified(from, to *object.Object) string {
	a, b := text(from), text(to)
	script := edits(a, b)
	return hunks(script, 3)
}

func text(o *object.Object) []string {
	if o == nil {
		return nil
	}
	c := o.DeepCopy()
	delete(c.Object, "status")
	if meta, ok := c.Object["metadata"].(map[string]any); ok {
		for name := range meta {
			if neverCounts([]string{"f:metadata"}, fieldKey(name)) && name != "name" && name != "namespace" {
				delete(meta, name)
			}
		}
		if annotations, ok := meta["annotations"].(map[string]any); ok {
			delete(annotations, lastAppliedAnnotation)
			if len(annotations) == 0 {
				delete(meta, "annotations")
			}
		}
	}
	data, err := yaml.Marshal(c.Object)
	if err != nil {
		return []string{"# " + err.Error()}
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// edit is one line of an edit script: kept (' '), removed ('-') or added ('+').
type edit struct {
	op   byte
	line string
}

// maxEdits bounds the search for a shortest script; two texts further apart than that are shown as wholly different.
const maxEdits = 600

// edits returns a shortest edit script (E. W. Myers, "An O(ND) Difference Algorithm", 1986, greedy forward search).
func edits(a, b []string) []edit {
	var head, tail []edit
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head, a, b = append(head, edit{' ', a[0]}), a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail, a, b = append(tail, edit{' ', a[len(a)-1]}), a[:len(a)-1], b[:len(b)-1]
	}
	slices.Reverse(tail)
	return slices.Concat(head, middle(a, b), tail)
}

func middle(a, b []string) []edit {
	n, m := len(a), len(b)
	limit := min(n+m, maxEdits)
	reach := make([]int, 2*limit+3) // by diagonal: how far in a the best path got
	at := func(k int) int { return k + limit + 1 }
	var steps [][]int
	for d := 0; d <= limit; d++ {
		steps = append(steps, slices.Clone(reach))
		for k := -d; k <= d; k += 2 {
			x := reach[at(k-1)] + 1
			if k == -d || k != d && reach[at(k-1)] < reach[at(k+1)] {
				x = reach[at(k+1)]
			}
			for x < n && x-k < m && a[x] == b[x-k] {
				x++
			}
			if reach[at(k)] = x; x >= n && x-k >= m {
				return trace(a, b, steps, at)
			}
		}
	}
	var all []edit
	for _, line := range a {
		all = append(all, edit{'-', line})
	}
	for _, line := range b {
		all = append(all, edit{'+', line})
	}
	return all
}

// trace walks the search back from the end.
func trace(a, b []string, steps [][]int, at func(int) int) []edit {
	var script []edit
	x, y := len(a), len(b)
	for d := len(steps) - 1; d > 0; d-- {
		reach, k := steps[d], x-y
		before := k - 1
		if k == -d || k != d && reach[at(k-1)] < reach[at(k+1)] {
			before = k + 1
		}
		px := reach[at(before)]
		py := px - before
		for x > px && y > py {
			x, y = x-1, y-1
			script = append(script, edit{' ', a[x]})
		}
		if x > px {
			x--
			script = append(script, edit{'-', a[x]})
		} else if y > py {
			y--
			script = append(script, edit{'+', b[y]})
		}
	}
	for x > 0 && y > 0 {
		x, y = x-1, y-1
		script = append(script, edit{' ', a[x]})
	}
	slices.Reverse(script)
	return script
}

// hunks prints the script with context lines around each change.
func hunks(script []edit, context int) string {
	var b strings.Builder
	fromLine, toLine := 1, 1
	for i := 0; i < len(script); {
		if script[i].op == ' ' {
			i, fromLine, toLine = i+1, fromLine+1, toLine+1
			continue
		}
		start := max(0, i-context)
		end, quiet := i, 0
		for j := i; j < len(script) && quiet <= 2*context; j++ {
			if quiet++; script[j].op != ' ' {
				end, quiet = j+1, 0
			}
		}
		stop := min(len(script), end+context)
		var body strings.Builder
		from, to := 0, 0
		for _, e := range script[start:stop] {
			if e.op != '+' {
				from++
			}
			if e.op != '-' {
				to++
			}
			body.WriteString(string(e.op) + e.line + "\n")
		}
		fmt.Fprintf(&b, "@@ -%s +%s @@\n%s", span(fromLine-(i-start), from), span(toLine-(i-start), to), body.String())
		for _, e := range script[i:stop] {
			if e.op != '+' {
				fromLine++
			}
			if e.op != '-' {
				toLine++
			}
		}
		i = stop
	}
	return b.String()
}

func span(line, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", line-1)
	case 1:
		return fmt.Sprintf("%d", line)
	}
	return fmt.Sprintf("%d,%d", line, count)
}
