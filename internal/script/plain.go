package script

import (
	"fmt"
	"math"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// What a returned value may hold: a few objects of the size that the API server stores.
const (
	maxNodes = 200_000
	maxPlain = 8 << 20 // bytes of its strings; Lua shares them, JSON does not
	maxDeep  = 100
)

// Plain turns a value that a script returned into what objects are made of: maps, lists, strings, whole numbers (int64)
// and others (float64), truth values. Lua knows one kind of table and one of numbers; what came from the object and was
// not touched is what it was (an empty list, a number beyond 2^53), wherever it is put. An empty table of the script's own
// is a list where like, the value it takes the place of, is one, and else a map.
func (a Answer) Plain(v lua.LValue, like any) (any, error) {
	p := plainer{origin: a.origin}
	return p.of(v, like, 0)
}

type plainer struct {
	origin       map[*lua.LTable]any
	nodes, bytes int
}

func (p *plainer) of(v lua.LValue, like any, depth int) (any, error) {
	if p.nodes++; p.nodes > maxNodes || p.bytes > maxPlain || depth > maxDeep {
		return nil, fmt.Errorf("it returned too much: more than %d values, %d MiB or %d levels", maxNodes, maxPlain>>20, maxDeep)
	}
	switch v := v.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		return bool(v), nil
	case lua.LString:
		if p.bytes += len(v); !utf8.ValidString(string(v)) {
			return nil, fmt.Errorf("it returned a string that is not UTF-8: %q", Shorten(string(v)))
		}
		return string(v), nil
	case lua.LNumber:
		return number(float64(v), like)
	case *lua.LTable:
		return p.table(v, like, depth)
	}
	return nil, fmt.Errorf("it returned a %s within an object", v.Type())
}

func number(f float64, like any) (any, error) {
	switch like := like.(type) {
	case int64:
		if float64(like) == f {
			return like, nil
		}
	case float64:
		if like == f {
			return like, nil
		}
	}
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return nil, fmt.Errorf("it returned %v where a number is wanted", f)
	case f == math.Trunc(f) && math.Abs(f) <= 1<<53:
		return int64(f), nil
	}
	return f, nil
}

func (p *plainer) table(t *lua.LTable, like any, depth int) (any, error) {
	from, known := p.origin[t]
	if known {
		like = from
	}
	var names []string
	numbers := 0
	var wrong error
	t.ForEach(func(k, _ lua.LValue) {
		switch k := k.(type) {
		case lua.LString:
			names = append(names, string(k))
		case lua.LNumber:
			numbers++
		default:
			wrong = fmt.Errorf("it returned a table with a %s for a key", k.Type())
		}
	})
	switch {
	case wrong != nil:
		return nil, wrong
	case numbers > 0 && len(names) > 0:
		return nil, fmt.Errorf("it returned a table that is a list and has the field %q", Shorten(names[0]))
	case numbers == 0 && len(names) == 0:
		if _, ok := like.([]any); ok {
			return []any{}, nil
		}
	case numbers > 0:
		return p.list(t, numbers, like, depth)
	}
	was, _ := like.(map[string]any)
	m := make(map[string]any, len(names))
	for name, v := range was {
		if v == nil && known { // Lua cannot hold it
			m[name] = nil
		}
	}
	for _, name := range names {
		if p.bytes += len(name); !utf8.ValidString(name) {
			return nil, fmt.Errorf("it returned a field whose name is not UTF-8: %q", Shorten(name))
		}
		v, err := p.of(t.RawGetString(name), was[name], depth+1)
		if err != nil {
			return nil, err
		}
		m[name] = v
	}
	return m, nil
}

func (p *plainer) list(t *lua.LTable, size int, like any, depth int) (any, error) {
	was, _ := like.([]any)
	list := make([]any, size)
	for i := range list {
		item := t.RawGetInt(i + 1)
		if item == lua.LNil {
			return nil, fmt.Errorf("it returned a list without an item %d (table.remove closes the gap)", i+1)
		}
		var before any
		if i < len(was) {
			before = was[i]
		}
		v, err := p.of(item, before, depth+1)
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}
