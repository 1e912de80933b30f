package apps

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-cd/hawser/internal/object"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Pick returns o with only the fields at the paths, written a.b.c, and its name. A path goes through lists: of each item
// the field is taken.
func Pick(o *object.Object, paths []string) *object.Object {
	picked := map[string]any{}
	for _, p := range paths {
		if v, ok := pick(o.Object, strings.Split(p, ".")); ok {
			merge(picked, v.(map[string]any))
		}
	}
	out := &object.Object{Object: picked}
	out.SetName(o.GetName())
	return out
}

// pick returns v reduced to one path, and whether there is anything at it.
func pick(v any, path []string) (any, bool) {
	if len(path) == 0 {
		return runtime.DeepCopyJSONValue(v), true
	}
	switch x := v.(type) {
	case map[string]any:
		inner, ok := x[path[0]]
		if !ok {
			return nil, false
		}
		below, ok := pick(inner, path[1:])
		return map[string]any{path[0]: below}, ok
	case []any:
		var list []any
		for _, item := range x {
			if below, ok := pick(item, path); ok {
				list = append(list, below)
			}
		}
		return list, len(list) > 0
	}
	return nil, false
}

func merge(into, from map[string]any) {
	for k, v := range from {
		switch x := v.(type) {
		case map[string]any:
			if have, ok := into[k].(map[string]any); ok {
				merge(have, x)
				continue
			}
		case []any:
			if have, ok := into[k].([]any); ok && len(have) == len(x) {
				for i := range x {
					a, ok1 := have[i].(map[string]any)
					b, ok2 := x[i].(map[string]any)
					if ok1 && ok2 {
						merge(a, b)
					}
				}
				continue
			}
		}
		into[k] = v
	}
}

// FieldTable prints objects as fields and values, a row each. picked says that the name was not asked for; named adds the
// object's name to each row.
func FieldTable(w io.Writer, list []*object.Object, picked, named bool) {
	table(w, func(w io.Writer) {
		if named {
			row(w, "FIELD", "RESOURCE NAME", "VALUE")
		} else {
			row(w, "FIELD", "VALUE")
		}
		for _, o := range list {
			name, content := o.GetName(), o.DeepCopy().Object
			if picked {
				unstructured.RemoveNestedField(content, "metadata", "name")
			}
			flatten("", content, func(field string, v any) {
				if named {
					fmt.Fprintf(w, "%v\t%v\t%v\n", field, name, v)
				} else {
					fmt.Fprintf(w, "%v\t%v\n", field, v)
				}
			})
		}
	})
}

// flatten visits the values of a tree with their paths, in the order of the names.
func flatten(at string, v any, visit func(string, any)) {
	switch x := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			below := k
			if at != "" {
				below = at + "." + k
			}
			flatten(below, x[k], visit)
		}
	case []any:
		for i, item := range x {
			flatten(fmt.Sprintf("%s[%d]", at, i), item, visit)
		}
	default:
		visit(at, v)
	}
}

// Action is something that can be done with an object. Its JSON has the fields' own names, as argocd's has.
type Action struct {
	Group, Kind, Name, Action string
	Disabled                  bool
}

// Actions prints actions as a table.
func Actions(w io.Writer, list []Action) {
	table(w, func(w io.Writer) {
		row(w, "GROUP", "KIND", "NAME", "ACTION", "DISABLED")
		for _, a := range list {
			row(w, a.Group, a.Kind, a.Name, a.Action, strconv.FormatBool(a.Disabled))
		}
	})
}
