package object

import "sync"

// Words lets objects share the texts that repeat in all of them: names of fields, kinds, labels, managers. Read from JSON
// or YAML, each object has its own copy of every one of them, which is a third of its memory. The zero value is ready.
type Words struct {
	mu    sync.Mutex
	table map[string]any // the text as a value: an interface that holds a string is memory, too
}

// Bounds of what is shared: a longer text hardly ever repeats, and a table that is full is begun anew.
const (
	maxWord  = 64
	maxWords = 8192
)

// Share replaces the texts in o by equal ones that other objects have. Nobody else may know o yet. A Secret is left alone:
// what is secret in it must not outlive it.
func (w *Words) Share(o *Object) {
	if IsSecret(o) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.walk(o.Object)
}

// Text returns a text equal to s that other objects have.
func (w *Words) Text(s string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	word, _ := w.shared(s).(string)
	return word
}

func (w *Words) walk(v any) any {
	switch v := v.(type) {
	case string:
		return w.shared(v)
	case map[string]any:
		for key, value := range v {
			if word, ok := w.shared(key).(string); ok {
				v[word] = w.walk(value) // the key is there already; Go keeps the text of the last one that was assigned
			}
		}
		return v
	case []any:
		for i := range v {
			v[i] = w.walk(v[i])
		}
	}
	return v
}

func (w *Words) shared(s string) any {
	if len(s) > maxWord {
		return s
	}
	if known, ok := w.table[s]; ok {
		return known
	}
	if w.table == nil || len(w.table) >= maxWords {
		w.table = map[string]any{}
	}
	w.table[s] = s
	return s
}
