package action

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/hawser-cd/hawser/internal/object"
	"github.com/hawser-cd/hawser/internal/script"
	lua "github.com/yuin/gopher-lua"
)

// Operation is what is to be done with an object.
type Operation string

// The operations that a script may name (Argo CD's words).
const (
	Create Operation = "create"
	Patch  Operation = "patch" // of the object that the action runs on, and of no other
)

// Change is one effect of an action.
type Change struct {
	Operation Operation
	Object    *object.Object // as it shall be; without managedFields
}

// Bounds of what one action does, and of what it is called.
const (
	maxChanges = 50
	maxActions = 100
	maxName    = 63
	maxParams  = 64 << 10 // bytes, all together
)

// discovered reads the table that discovery.lua returned: name → {disabled, iconClass, displayName, params}. What is not
// understood of an action counts as not there, as in Argo CD.
func discovered(a script.Answer) ([]Action, error) {
	t, ok := a.Value.(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("%s returned a %s, not a table with a field for each action", discovery, a.Value.Type())
	}
	var list []Action
	var wrong error
	t.ForEach(func(k, v lua.LValue) {
		name, ok := k.(lua.LString)
		if !ok || name == "" || len(name) > maxName || len(list) == maxActions {
			wrong = fmt.Errorf("%s returned a table with more than %d actions, or with a name that is not a string of 1 to %d bytes", discovery, maxActions, maxName)
			return
		}
		action := Action{Name: script.Shorten(string(name))}
		if of, ok := v.(*lua.LTable); ok {
			action.Disabled = lua.LVAsBool(of.RawGetString("disabled")) // absent is false
			action.IconClass, action.DisplayName = text(of, "iconClass"), text(of, "displayName")
			if params, ok := of.RawGetString("params").(*lua.LTable); ok {
				for i := 1; i <= min(params.Len(), maxActions); i++ {
					if p, ok := params.RawGetInt(i).(*lua.LTable); ok {
						action.Params = append(action.Params, Param{text(p, "name"), text(p, "value"), text(p, "type"), text(p, "default")})
					}
				}
			}
		}
		list = append(list, action)
	})
	if wrong != nil {
		return nil, wrong
	}
	return list, nil
}

// text reads a string, or a number as one.
func text(t *lua.LTable, name string) string {
	v := t.RawGetString(name)
	if !lua.LVCanConvToString(v) {
		return ""
	}
	return script.Shorten(lua.LVAsString(v))
}

// changed reads what action.lua returned: the object, changed; or a list of {operation, resource}.
func changed(a script.Answer, o *object.Object) ([]Change, error) {
	if _, ok := a.Value.(*lua.LTable); !ok {
		return nil, fmt.Errorf("it returned a %s, neither the changed object nor a list of {operation, resource}", a.Value.Type())
	}
	v, err := a.Plain(a.Value, script.WithoutManagedFields(o))
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		if m, _ := v.(map[string]any); len(m) == 0 {
			return nil, nil // {}: nothing is to be done
		}
		list = []any{map[string]any{"operation": string(Patch), "resource": v}}
	}
	if len(list) > maxChanges {
		return nil, fmt.Errorf("it returned %d changes; at most %d are made", len(list), maxChanges)
	}
	var changes []Change
	patched := false
	for i, item := range list {
		c, err := change(item, o)
		if err == nil && c.Operation == Patch && patched {
			err = errors.New("a second patch of the same object")
		}
		if err != nil {
			return nil, fmt.Errorf("it returned, as change %d, %w", i+1, err)
		}
		patched = patched || c.Operation == Patch
		changes = append(changes, c)
	}
	return changes, nil
}

func change(item any, o *object.Object) (Change, error) {
	m, _ := item.(map[string]any)
	resource, ok := m["resource"].(map[string]any)
	if !ok {
		return Change{}, errors.New("something without a resource")
	}
	if _, ok := resource["metadata"].(map[string]any); !ok {
		return Change{}, errors.New("an object without metadata")
	}
	c := Change{Object: &object.Object{Object: resource}}
	switch op, _ := m["operation"].(string); Operation(op) {
	case Patch:
		c.Operation = Patch
		if object.KeyOf(c.Object) != object.KeyOf(o) || c.Object.GetAPIVersion() != o.GetAPIVersion() || c.Object.GetUID() != o.GetUID() {
			return Change{}, fmt.Errorf("a patch of %s: only the object that the action runs on can be patched", object.KeyOf(c.Object).Short())
		}
		return c, nil
	case Create:
		c.Operation = Create
		if c.Object.GetKind() == "" || c.Object.GetAPIVersion() == "" || c.Object.GetName() == "" && c.Object.GetGenerateName() == "" {
			return Change{}, errors.New("an object to create without apiVersion, kind or name")
		}
		if c.Object.GetNamespace() == "" && o.GetNamespace() != "" {
			c.Object.SetNamespace(o.GetNamespace()) // a cluster-scoped kind loses it again when it is written
		}
		return c, nil
	default:
		return Change{}, fmt.Errorf("the operation %q: it is create or patch", script.Shorten(op))
	}
}

// PatchOf returns the JSON merge patches that make before what the change's object is; nil when there is nothing to
// change. The status comes apart: for kinds that keep it in a subresource a patch of the object would leave it out in
// silence.
func (c Change) PatchOf(before *object.Object) (patch, status map[string]any) {
	patch = merge(script.WithoutManagedFields(before), script.WithoutManagedFields(c.Object))
	if s, ok := patch["status"]; ok {
		status = map[string]any{"status": s}
		delete(patch, "status")
	}
	if len(patch) == 0 {
		patch = nil
	}
	return patch, status
}

// merge is the JSON merge patch (RFC 7386) between two values that are known to be maps.
func merge(before, after map[string]any) map[string]any {
	patch := map[string]any{}
	for name, old := range before {
		if now, ok := after[name]; old != nil && (!ok || now == nil) {
			patch[name] = nil
		}
	}
	for name, now := range after {
		old := before[name]
		oldMap, ok1 := old.(map[string]any)
		nowMap, ok2 := now.(map[string]any)
		switch {
		case now == nil || reflect.DeepEqual(old, now):
		case ok1 && ok2:
			if below := merge(oldMap, nowMap); len(below) > 0 {
				patch[name] = below
			}
		default:
			patch[name] = now
		}
	}
	return patch
}
